/*
 * jqguard.c -- what we define before a jq program, so that it cannot do what libjq 1.6 should not
 * let it do.
 *
 * A row's definitions are added when one of its words occurs in the program's text (compiling each
 * costs time). Why:
 *   - no environment, no files, no clock, no stop of the process, nothing on stderr: the core has
 * no such effects;
 *   - libjq computes endlessly, reads out of bounds or aborts the process for some arguments: these
 * fail instead;
 *   - results of mathematics are Doubles in the original's jq, which prints 2.0 where libjq
 * prints 2. `debug` and `input` are our way into C (jqfilter.c): `x | debug | input` gives x marked
 * as a Double, or the time.
 *
 * The first definition is always there: behind it an `import` is a syntax error.
 */
#include "expr/jqguard.h"

static const struct {
    const char *words; /* separated by blanks; "": always */
    const char *text;
} rows[] = {
    {"", "def cdz_double: debug | input;"},
    {"ENV env", "def env: {};"},
    {"halt",
     "def halt: error(\"halt is not available\"); def halt_error: error(\"halt is not available\");"
     "def halt_error(c): error(\"halt is not available\");"},
    {"stderr", "def stderr: .;"},
    {"modulemeta", "def modulemeta: error(\"modules are not available\");"},
    {"now", "def now: {cdz_now: true} | debug | input;"},
    {"nan", "def nan: null;"},
    /* The length of a repeated text is a 32-bit number in libjq. */
    {"*", "def cdz_multiply(a; b): _multiply(a; b);"
          "def _multiply(a; b): b as $b | a as $a |"
          "  if ($a | type) == \"string\" and ($b | type) == \"number\" and $b * ($a | length) > "
          "10000000"
          "  then error(\"the repeated text is too long\") else cdz_multiply($a; $b) end;"},
    /* So is the index of an array that is assigned to. */
    {"= setpath",
     "def cdz_path: if any(.[]?; type == \"number\" and (. > 10000000 or . < -10000000))"
     "  then error(\"Array index too large\") else . end;"
     "def cdz_setpath(p; v): setpath(p; v); def setpath(p; v): cdz_setpath(p | cdz_path; v);"
     "def cdz_assign(paths; v): _assign(paths; v);"
     "def _assign(paths; $v): [path(paths) | cdz_path | empty] as $ok | cdz_assign(paths; $v);"
     "def cdz_modify(paths; u): _modify(paths; u);"
     "def _modify(paths; u): [path(paths) | cdz_path | empty] as $ok | cdz_modify(paths; u);"},
    {"ind", "def cdz_indices($i): indices($i);"
            "def indices($i): if $i == \"\" then [] else cdz_indices($i) end;"
            "def index($i): indices($i) | .[0]; def rindex($i): indices($i) | .[-1:][0];"},
    {"date time strf",
     "def cdz_time: if type == \"number\" and (. > 253402300799 or . < -62167219200)"
     "  then error(\"date out of range\") else . end;"
     "def cdz_gmtime: gmtime; def gmtime: cdz_time | cdz_gmtime; def localtime: gmtime;"
     "def cdz_strftime(f): strftime(f); def strftime(f): cdz_time | cdz_strftime(f);"
     "def strflocaltime(f): strftime(f);"
     "def todate: strftime(\"%Y-%m-%dT%H:%M:%SZ\"); def date: todate;"},
    /* A global match of nothing never ends, or runs behind the end of a text that is not ASCII. */
    {"match test sub scan split capture",
     "def cdz_re(re; flags): . as $s | re as $re | flags as $f |"
     "  if (($f | type) == \"string\") and ($f | contains(\"g\")) then (($f | split(\"g\") | "
     "join(\"\")) as $once |"
     "    if (\"\" | test($re; $once)) or ([$s | match($re; $once)] | length > 0 and .[0].length "
     "== 0)"
     "    then error(\"a global regular expression must not match the empty text\") else $re end)"
     "  else $re end;"
     "def cdz_match(re; f): match(re; f); def match(re; f): cdz_match(cdz_re(re; f); f);"
     "def cdz_match(re): match(re); def match(re): re as $re |"
     "  if ($re | type) == \"array\" and ($re | length) > 1 then match($re[0]; $re[1]) else "
     "cdz_match($re) end;"
     "def cdz_test(re; f): test(re; f); def test(re; f): cdz_test(cdz_re(re; f); f);"
     "def cdz_capture(re; f): capture(re; f); def capture(re; f): cdz_capture(cdz_re(re; f); f);"
     "def cdz_scan(re): scan(re); def scan(re): cdz_scan(cdz_re(re; \"g\"));"
     "def cdz_splits(re; f): splits(re; f); def splits(re; f): cdz_splits(cdz_re(re; \"g\"); f);"
     "def splits(re): splits(re; null);"
     "def cdz_split(re; f): split(re; f); def split(re; f): cdz_split(cdz_re(re; \"g\"); f);"
     "def cdz_sub(re; s; f): sub(re; s; f); def sub(re; s; f): cdz_sub(cdz_re(re; f); s; f);"
     "def cdz_gsub(re; s): gsub(re; s); def gsub(re; s): cdz_gsub(cdz_re(re; \"g\"); s);"
     "def cdz_gsub(re; s; f): gsub(re; s; f); def gsub(re; s; f): cdz_gsub(cdz_re(re; \"g\"); s; "
     "f);"},
};

/* Functions of one number. */
static const char *const doubles[] = {
    "acos",        "acosh", "asin",  "asinh", "atan",      "atanh", "cbrt",
    "ceil",        "cos",   "cosh",  "exp",   "exp10",     "exp2",  "fabs",
    "floor",       "log",   "log10", "log2",  "nearbyint", "rint",  "round",
    "significand", "sin",   "sinh",  "sqrt",  "tan",       "tanh",  "trunc",
};

static bool occurs(cdz_str program, const char *words)
{
    cdz_str all = cdz_str_z(words);
    for (size_t i = 0; i < all.n;) {
        size_t end = cdz_str_chr(all, ' ', i);
        if (end == SIZE_MAX)
            end = all.n;
        if (cdz_str_find(program, cdz_str_sub(all, i, end), 0) != SIZE_MAX)
            return true;
        i = end + 1;
    }
    return all.n == 0;
}

void cdz_jq_guard(struct cdz_buf *to, cdz_str program)
{
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        if (occurs(program, rows[i].words))
            cdz_buf_printf(to, "%s ", rows[i].text);
    }
    for (size_t i = 0; i < CDZ_COUNT(doubles); i++) {
        if (occurs(program, doubles[i]))
            cdz_buf_printf(to, "def cdz_%s: %s; def %s: cdz_%s | cdz_double; ", doubles[i],
                           doubles[i], doubles[i], doubles[i]);
    }
    if (occurs(program, "ENV"))
        cdz_buf_z(to, "{} as $ENV | ");
}
