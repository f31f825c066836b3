/* regex.c -- see regex.h. The only file that knows PCRE2. */
#include "base/regex.h"

#include <assert.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"
#include "base/limits.h"

enum {
    PATTERN_MAX =
        64 << 10, /* bytes of a pattern: more is a mistake, and compiling is superlinear */
    HEAP_KIB_MAX = 32 << 10, /* backtracking memory of one match */
};

struct cdz_regex {
    pcre2_code *code;
    uint32_t groups;
};

/* Java's names of ASCII classes and POSIX's. */
static const struct {
    const char *java, *posix;
} classes[] = {
    {"Alnum", "alnum"},   {"Alpha", "alpha"}, {"ASCII", "ascii"}, {"Blank", "blank"},
    {"Cntrl", "cntrl"},   {"Digit", "digit"}, {"Graph", "graph"}, {"Lower", "lower"},
    {"Print", "print"},   {"Punct", "punct"}, {"Space", "space"}, {"Upper", "upper"},
    {"XDigit", "xdigit"},
};

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of \uXXXX at s[at] (which is the backslash), or -1. */
static int32_t unit_at(cdz_str s, size_t at)
{
    int32_t unit = 0;
    if (at + 6 > s.n || s.p[at] != '\\' || s.p[at + 1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        int digit = hex_of(s.p[at + i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* Rewrites \p{Alpha} at s[at]; returns the bytes taken, 0 if it is none of ours. */
static size_t class_put(struct cdz_buf *to, cdz_str s, size_t at, bool in_class)
{
    size_t close = cdz_str_chr(s, '}', at);
    if (at + 3 >= s.n || s.p[at + 2] != '{' || close == SIZE_MAX)
        return 0;
    cdz_str name = cdz_str_sub(s, at + 3, close);
    for (size_t i = 0; i < CDZ_COUNT(classes); i++) {
        if (!cdz_str_is(name, classes[i].java))
            continue;
        cdz_buf_printf(to, in_class ? "[:%s%s:]" : "[[:%s%s:]]", s.p[at + 1] == 'P' ? "^" : "",
                       classes[i].posix);
        return close + 1 - at;
    }
    return 0;
}

/* One escape at s[at]; returns the bytes taken. */
static size_t escape_put(struct cdz_buf *to, cdz_str s, size_t at, bool in_class)
{
    int32_t unit = unit_at(s, at), low;
    size_t taken;
    if (unit >= 0xD800 && unit < 0xDC00 && (low = unit_at(s, at + 6)) >= 0xDC00 && low < 0xE000) {
        cdz_buf_printf(to, "\\x{%x}",
                       0x10000u + (((unsigned)unit & 0x3FF) << 10) + ((unsigned)low & 0x3FF));
        return 12;
    }
    if (unit >= 0) {
        cdz_buf_printf(to, "\\x{%x}", (unsigned)unit);
        return 6;
    }
    if (at + 1 < s.n && s.p[at + 1] == 'Q') { /* quoted: as it is up to \E */
        size_t end = cdz_str_find(s, CDZ_STR("\\E"), at + 2);
        taken = end == SIZE_MAX ? s.n - at : end + 2 - at;
        cdz_buf_add(to, s.p + at, taken);
        return taken;
    }
    if (at + 1 < s.n && (s.p[at + 1] == 'p' || s.p[at + 1] == 'P')) {
        taken = class_put(to, s, at, in_class);
        if (taken)
            return taken;
    }
    taken = at + 1 < s.n ? 2 : 1;
    cdz_buf_add(to, s.p + at, taken);
    return taken;
}

static void translate(struct cdz_buf *to, cdz_str s)
{
    bool in_class = false;
    for (size_t i = 0; i < s.n;) {
        if (s.p[i] == '\\') {
            i += escape_put(to, s, i, in_class);
            continue;
        }
        if (s.p[i] == '[')
            in_class = true;
        else if (s.p[i] == ']')
            in_class = false;
        cdz_buf_c(to, s.p[i++]);
    }
}

cdz_rc cdz_regex_compile(cdz_str pattern, struct cdz_regex **ret, struct cdz_err *err)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    int number;
    PCRE2_SIZE at;
    PCRE2_UCHAR message[160];
    if (pattern.n > PATTERN_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "regular expression longer than %d bytes", PATTERN_MAX);
    translate(&text, pattern);
    /* ANYCRLF: the nearest to Java's line terminators, for "." and "$". */
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context)
        abort();
    pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)cdz_buf_get(&text).p, text.n,
                                     PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &number, &at, context);
    pcre2_compile_context_free(context);
    if (!code) {
        pcre2_get_error_message(number, message, sizeof(message));
        return cdz_fail(err, CDZ_E_INVALID, "regular expression at %zu: %s", (size_t)at,
                        (char *)message);
    }
    struct cdz_regex *re = malloc(sizeof(*re));
    if (!re)
        abort();
    re->code = code;
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &re->groups);
    *ret = re;
    return CDZ_OK;
}

void cdz_regex_free(struct cdz_regex *re)
{
    if (re) {
        pcre2_code_free(re->code);
        free(re);
    }
}

/* A search through one text: what a java.util.regex.Matcher keeps. */
struct matcher {
    const struct cdz_regex *re;
    cdz_str text;
    pcre2_match_data *data;
    pcre2_match_context *context;
    PCRE2_SIZE *at; /* pairs of offsets, by group; of the last match */
    size_t next;    /* where the next search begins */
};

static void matcher_init(struct matcher *m, const struct cdz_regex *re, cdz_str text)
{
    *m = (struct matcher){.re = re, .text = text};
    if (!text.p)
        m->text.p = "";
    m->data = pcre2_match_data_create_from_pattern(re->code, NULL);
    m->context = pcre2_match_context_create(NULL);
    if (!m->data || !m->context)
        abort();
    pcre2_set_match_limit(m->context, CDZ_REGEX_MATCH_MAX);
    pcre2_set_heap_limit(m->context, HEAP_KIB_MAX);
    m->at = pcre2_get_ovector_pointer(m->data);
}

static void matcher_done(struct matcher *m)
{
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
}
#define AUTO_MATCHER __attribute__((cleanup(matcher_done))) struct matcher

/* Finds the next match; *ret is false when there is none any more. */
static cdz_rc matcher_find(struct matcher *m, uint32_t options, bool *ret, struct cdz_err *err)
{
    *ret = false;
    if (m->next > m->text.n)
        return CDZ_OK;
    int rc = pcre2_match(m->re->code, (PCRE2_SPTR)m->text.p, m->text.n, m->next, options, m->data,
                         m->context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return CDZ_OK;
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT)
        return cdz_fail(err, CDZ_E_LIMIT, "the regular expression needs too many steps");
    if (rc < 0)
        return cdz_fail(err, CDZ_E_INVALID, "the regular expression cannot be matched (%d)", rc);
    if (m->at[0] > m->at[1]) /* \K in a look-ahead: not Java, and no range */
        return cdz_fail(err, CDZ_E_INVALID, "the regular expression sets its start behind its end");
    m->next = m->at[1];
    if (m->at[0] == m->at[1]) { /* an empty match: the next search begins one character on */
        m->next++;
        while (m->next < m->text.n && ((unsigned char)m->text.p[m->next] & 0xC0) == 0x80)
            m->next++;
    }
    *ret = true;
    return CDZ_OK;
}

static cdz_str matcher_group(const struct matcher *m, uint32_t group)
{
    PCRE2_SIZE from = m->at[2 * group], to = m->at[2 * group + 1];
    if (from == PCRE2_UNSET || from > to || group >= pcre2_get_ovector_count(m->data))
        return CDZ_STR("");
    return cdz_str_sub(m->text, from, to);
}

cdz_rc cdz_regex_match(const struct cdz_regex *re, cdz_str text, bool whole, bool *ret,
                       struct cdz_err *err)
{
    AUTO_MATCHER m;
    matcher_init(&m, re, text);
    return matcher_find(&m, whole ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0, ret, err);
}

/* The group that replacement[*at] refers to ("1" or "{name}"); moves *at behind it. */
static cdz_rc reference_parse(const struct cdz_regex *re, cdz_str replacement, size_t *at,
                              uint32_t *ret, struct cdz_err *err)
{
    size_t i = *at;
    if (i < replacement.n && replacement.p[i] == '{') {
        char name[64];
        size_t close = cdz_str_chr(replacement, '}', i);
        cdz_str s = cdz_str_sub(replacement, i + 1, close);
        if (close == SIZE_MAX || s.n == 0 || s.n >= sizeof(name))
            return cdz_fail(err, CDZ_E_INVALID,
                            "the replacement's named group has no closing \"}\"");
        memcpy(name, s.p, s.n);
        name[s.n] = '\0';
        int number = pcre2_substring_number_from_name(re->code, (PCRE2_SPTR)name);
        if (number < 0)
            return cdz_fail(err, CDZ_E_INVALID, "No group with name {%s}", name);
        *ret = (uint32_t)number;
        *at = close + 1;
        return CDZ_OK;
    }
    if (i >= replacement.n || replacement.p[i] < '0' || replacement.p[i] > '9')
        return cdz_fail(err, CDZ_E_INVALID, "Illegal group reference in the replacement");
    uint32_t group = (uint32_t)(replacement.p[i++] - '0');
    if (group > re->groups)
        return cdz_fail(err, CDZ_E_INVALID, "No group %u", group);
    /* further digits belong to the number only while such a group exists */
    while (i < replacement.n && replacement.p[i] >= '0' && replacement.p[i] <= '9') {
        uint32_t longer = group * 10 + (uint32_t)(replacement.p[i] - '0');
        if (longer > re->groups)
            break;
        group = longer;
        i++;
    }
    *ret = group;
    *at = i;
    return CDZ_OK;
}

static cdz_rc replacement_put(const struct matcher *m, cdz_str replacement, struct cdz_buf *to,
                              struct cdz_err *err)
{
    for (size_t i = 0; i < replacement.n;) {
        char c = replacement.p[i++];
        if (c == '\\') {
            if (i == replacement.n)
                return cdz_fail(err, CDZ_E_INVALID, "character to be escaped is missing");
            cdz_buf_c(to, replacement.p[i++]);
        } else if (c == '$') {
            uint32_t group = 0;
            CDZ_TRY(reference_parse(m->re, replacement, &i, &group, err));
            cdz_buf_str(to, matcher_group(m, group));
        } else {
            cdz_buf_c(to, c);
        }
    }
    return CDZ_OK;
}

cdz_rc cdz_regex_replace(const struct cdz_regex *re, cdz_str text, cdz_str replacement,
                         struct cdz_arena *arena, cdz_str *ret, struct cdz_err *err)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    AUTO_MATCHER m;
    size_t done = 0;
    bool found;
    to.max = CDZ_EXPR_OUTPUT_MAX;
    matcher_init(&m, re, text);
    CDZ_TRY(matcher_find(&m, 0, &found, err));
    while (found && !to.overflow) {
        if (m.at[0] > done)
            cdz_buf_add(&to, m.text.p + done, m.at[0] - done);
        CDZ_TRY(replacement_put(&m, replacement, &to, err));
        done = m.at[1];
        CDZ_TRY(matcher_find(&m, 0, &found, err));
    }
    if (text.n > done)
        cdz_buf_add(&to, m.text.p + done, text.n - done);
    if (to.overflow)
        return cdz_fail(err, CDZ_E_LIMIT, "the replaced text is larger than %u bytes",
                        CDZ_EXPR_OUTPUT_MAX);
    *ret = cdz_buf_copy(&to, arena);
    return CDZ_OK;
}

cdz_rc cdz_regex_split(const struct cdz_regex *re, cdz_str text, int64_t limit,
                       struct cdz_arena *arena, cdz_str **ret, size_t *ret_n, struct cdz_err *err)
{
    CDZ_VEC(cdz_str) pieces = {NULL, 0, 0};
    AUTO_MATCHER m;
    size_t done = 0;
    bool found, any = false;
    matcher_init(&m, re, text);
    for (;;) {
        if (limit > 0 && pieces.n + 1 >= (size_t)limit)
            break;
        CDZ_TRY(matcher_find(&m, 0, &found, err));
        if (!found)
            break;
        if (m.at[1] == 0) /* an empty match at the start gives no empty first piece */
            continue;
        any = true;
        CDZ_PUSH(arena, &pieces, cdz_str_sub(m.text, done, m.at[0]));
        done = m.at[1];
    }
    CDZ_PUSH(arena, &pieces, cdz_str_sub(m.text, done, text.n));
    if (limit == 0 && any) {
        while (pieces.n > 0 && pieces.v[pieces.n - 1].n == 0)
            pieces.n--;
    }
    *ret = pieces.v;
    *ret_n = pieces.n;
    return CDZ_OK;
}
