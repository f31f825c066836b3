/*
 * text.c -- filters on texts: case, trimming, cutting, replacing, escaping, URLs.
 *
 * Null in, null out, unless said otherwise at the row. Indexes count UTF-16 units, as Java's do.
 * What Java casts to String fails here too, with the class's name in the message.
 */
#include "expr/lib.h"

#include <unicode/ucasemap.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "base/regex.h"

/* Most filters begin so. */
#define NULL_PASSES(call, ret)                                                                     \
    do {                                                                                           \
        if (cdz_val_is_null((call)->input)) {                                                      \
            *(ret) = CDZ_VAL_NULL;                                                                 \
            return CDZ_OK;                                                                         \
        }                                                                                          \
    } while (0)

static cdz_rc text_result(struct cdz_call *call, struct cdz_buf *b, cdz_val *ret)
{
    if (b->overflow)
        return cdz_fail(call->err, CDZ_E_LIMIT, "'%s' gives more than %u bytes", call->name,
                        CDZ_EXPR_OUTPUT_MAX);
    *ret = cdz_val_text(cdz_buf_copy(b, call->arena));
    return CDZ_OK;
}

/* ---- case ---- */

typedef int32_t case_fn(const UCaseMap *map, char *dest, int32_t room, const char *src, int32_t n,
                        UErrorCode *status);

static cdz_rc case_apply(struct cdz_call *call, case_fn *fn, cdz_val *ret)
{
    UErrorCode status = U_ZERO_ERROR;
    cdz_str s;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_input_text(call, &s));
    if (s.n > CDZ_EXPR_OUTPUT_MAX)
        return cdz_fail(call->err, CDZ_E_LIMIT, "the text is larger than %u bytes",
                        CDZ_EXPR_OUTPUT_MAX);
    UCaseMap *map = ucasemap_open("", 0, &status);
    /* the longest growth of one character is from 2 to 6 bytes */
    int32_t room = (int32_t)s.n * 3 + 1;
    char *to = cdz_arena_alloc(call->arena, (size_t)room);
    int32_t n = map ? fn(map, to, room, s.p, (int32_t)s.n, &status) : 0;
    ucasemap_close(map);
    if (U_FAILURE(status))
        return cdz_call_fail(call, "'%s' cannot convert the text (%s)", call->name,
                             u_errorName(status));
    *ret = cdz_val_text((cdz_str){to, (size_t)n});
    return CDZ_OK;
}

static cdz_rc upper_filter(struct cdz_call *call, cdz_val *ret)
{
    return case_apply(call, ucasemap_utf8ToUpper, ret);
}

static cdz_rc lower_filter(struct cdz_call *call, cdz_val *ret)
{
    return case_apply(call, ucasemap_utf8ToLower, ret);
}

/* Title-cases the first letter after a blank: of each word, or of the first word only. */
static cdz_rc words_apply(struct cdz_call *call, bool all, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    bool next = true;
    char bytes[4];
    cdz_str s;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_input_text(call, &s));
    to.max = CDZ_EXPR_OUTPUT_MAX;
    for (size_t at = 0; at < s.n;) {
        size_t from = at;
        uint32_t c = cdz_utf8_next(s, &at);
        if (u_isWhitespace((UChar32)c)) {
            next = next || all;
            cdz_buf_add(&to, s.p + from, at - from);
        } else if (next) {
            cdz_buf_add(&to, bytes, cdz_utf8_put((uint32_t)u_totitle((UChar32)c), bytes));
            next = false;
        } else {
            cdz_buf_add(&to, s.p + from, at - from);
        }
    }
    return text_result(call, &to, ret);
}

static cdz_rc capitalize_filter(struct cdz_call *call, cdz_val *ret)
{
    return words_apply(call, false, ret);
}

static cdz_rc title_filter(struct cdz_call *call, cdz_val *ret)
{
    return words_apply(call, true, ret);
}

/* ---- cutting ---- */

static cdz_rc trim_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_str s;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_input_text(call, &s));
    *ret = cdz_val_text(cdz_str_trim(s));
    return CDZ_OK;
}

static cdz_rc abbreviate_filter(struct cdz_call *call, cdz_val *ret)
{
    int64_t width;
    size_t n;
    cdz_str s;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_input_text(call, &s));
    CDZ_TRY(cdz_arg_int(call, 0, "length", &width));
    if (width < 0)
        return cdz_call_fail(call,
                             "Invalid argument to abbreviate filter; must be greater than zero");
    n = cdz_utf16_n(s);
    if ((uint64_t)width > n || n <= 3)
        *ret = call->input;
    else if (width <= 3)
        *ret = cdz_val_text(cdz_str_sub(s, 0, cdz_utf16_at(s, (size_t)width)));
    else
        *ret = cdz_val_text(
            cdz_arena_printf(call->arena, "%.*s...", (int)cdz_utf16_at(s, (size_t)width - 3), s.p));
    return CDZ_OK;
}

static size_t find_last(cdz_str s, cdz_str needle)
{
    for (size_t i = s.n + 1; i-- > 0;) {
        if (i + needle.n <= s.n && memcmp(s.p + i, needle.p, needle.n) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* The part before or after the first or last separator; SIZE_MAX as at: the separator is not there.
 */
static cdz_rc substring_apply(struct cdz_call *call, bool last, bool before, cdz_val *ret)
{
    cdz_str s, separator;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_input_text(call, &s));
    CDZ_TRY(cdz_arg_text(call, 0, "separator", &separator));
    if (!s.p || !separator.p) { /* empty ones have no address to compare at */
        s = s.p ? s : CDZ_STR("");
        separator = separator.p ? separator : CDZ_STR("");
    }
    /* Commons-lang's rules for an empty separator: Before gives nothing, the others the text or
     * nothing. */
    if (separator.n == 0) {
        bool keeps = before ? last : !last;
        *ret = cdz_val_text(keeps ? s : CDZ_STR(""));
        return CDZ_OK;
    }
    size_t at = last ? find_last(s, separator) : cdz_str_find(s, separator, 0);
    if (at == SIZE_MAX)
        *ret = cdz_val_text(before ? s : CDZ_STR(""));
    else
        *ret = cdz_val_text(before ? cdz_str_sub(s, 0, at) : cdz_str_sub(s, at + separator.n, s.n));
    return CDZ_OK;
}

static cdz_rc substring_before_filter(struct cdz_call *call, cdz_val *ret)
{
    return substring_apply(call, false, true, ret);
}

static cdz_rc substring_after_filter(struct cdz_call *call, cdz_val *ret)
{
    return substring_apply(call, false, false, ret);
}

static cdz_rc substring_before_last_filter(struct cdz_call *call, cdz_val *ret)
{
    return substring_apply(call, true, true, ret);
}

static cdz_rc substring_after_last_filter(struct cdz_call *call, cdz_val *ret)
{
    return substring_apply(call, true, false, ret);
}

/* Null is an error here: there is nothing to compare. */
static cdz_rc starts_with_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_str s, value;
    CDZ_TRY(cdz_input_text(call, &s));
    CDZ_TRY(cdz_arg_text(call, 0, "value", &value));
    *ret = cdz_val_bool(cdz_str_starts(s, value));
    return CDZ_OK;
}

static cdz_rc ends_with_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_str s, value;
    CDZ_TRY(cdz_input_text(call, &s));
    CDZ_TRY(cdz_arg_text(call, 0, "value", &value));
    *ret = cdz_val_bool(cdz_str_ends(s, value));
    return CDZ_OK;
}

static cdz_rc split_filter(struct cdz_call *call, cdz_val *ret)
{
    CDZ_AUTO_REGEX re = NULL;
    cdz_str s, delimiter, *pieces;
    int64_t limit;
    size_t n;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_input_text(call, &s));
    CDZ_TRY(cdz_arg_text(call, 0, "delimiter", &delimiter));
    CDZ_TRY(cdz_arg_int_or(call, 1, "limit", 0, &limit));
    CDZ_TRY(cdz_call_wrap(call, cdz_regex_compile(delimiter, &re, call->err)));
    CDZ_TRY(
        cdz_call_wrap(call, cdz_regex_split(re, s, limit, call->arena, &pieces, &n, call->err)));
    cdz_val list = cdz_val_list(call->arena, n);
    list.sub = CDZ_ARRAY;
    for (size_t i = 0; i < n; i++)
        cdz_list_push(call->arena, list, cdz_val_text(pieces[i]));
    *ret = list;
    return CDZ_OK;
}

/* ---- replacing, also inside lists and maps ---- */

/* Every occurrence of `from`; an empty one stands between all characters, as in Java. */
static void replace_plain(struct cdz_buf *to, cdz_str s, cdz_str from, cdz_str with)
{
    size_t done = 0, at;
    if (from.n == 0) {
        cdz_buf_str(to, with);
        while (done < s.n && !to->overflow) {
            at = done;
            cdz_utf8_next(s, &at);
            cdz_buf_add(to, s.p + done, at - done);
            cdz_buf_str(to, with);
            done = at;
        }
        return;
    }
    while ((at = cdz_str_find(s, from, done)) != SIZE_MAX && !to->overflow) {
        cdz_buf_add(to, s.p + done, at - done);
        cdz_buf_str(to, with);
        done = at + from.n;
    }
    if (done < s.n)
        cdz_buf_add(to, s.p + done, s.n - done);
}

static cdz_rc replace_one(struct cdz_call *call, cdz_str s, cdz_str from, cdz_str with,
                          cdz_str *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    to.max = CDZ_EXPR_OUTPUT_MAX;
    replace_plain(&to, s, from, with);
    if (to.overflow)
        return cdz_fail(call->err, CDZ_E_LIMIT, "'%s' gives more than %u bytes", call->name,
                        CDZ_EXPR_OUTPUT_MAX);
    *ret = cdz_buf_copy(&to, call->arena);
    return CDZ_OK;
}

/* A change of one text, and what it needs. */
struct change {
    cdz_rc (*fn)(struct cdz_call *call, const struct change *change, cdz_str s, cdz_str *ret);
    cdz_str from, with;       /* escapeChar */
    cdz_val pairs;            /* replace */
    struct cdz_regex **regex; /* replace: one compiled expression a pair, or NULL */
};

/* Applies the change to a text, or to every value of a list or map; other values count as their
 * text. */
static cdz_rc change_apply(struct cdz_call *call, const struct change *change, cdz_val v,
                           unsigned depth, cdz_val *ret)
{
    cdz_str s;
    cdz_val to;
    if (depth > CDZ_JSON_DEPTH_MAX)
        return cdz_fail(call->err, CDZ_E_LIMIT, "'%s': nested more than %u deep", call->name,
                        CDZ_JSON_DEPTH_MAX);
    v = cdz_plain(call->arena, v);
    if (v.kind == CDZ_MAP) {
        to = cdz_val_map(call->arena, cdz_map_n(v));
        CDZ_MAP_EACH (e, v) {
            cdz_val item;
            CDZ_TRY(change_apply(call, change, e->val, depth + 1, &item));
            cdz_map_put(call->arena, to, e->key, item);
        }
    } else if (v.kind == CDZ_LIST) {
        to = cdz_val_list(call->arena, cdz_list_n(v));
        CDZ_LIST_EACH (e, v) {
            cdz_val item;
            CDZ_TRY(change_apply(call, change, *e, depth + 1, &item));
            cdz_list_push(call->arena, to, item);
        }
    } else if (v.kind == CDZ_NULL) {
        return cdz_call_fail(call, "'%s' filter cannot be applied to null values", call->name);
    } else {
        CDZ_TRY(change->fn(call, change, cdz_java_text(call->arena, v), &s));
        to = cdz_val_text(s);
    }
    *ret = to;
    return CDZ_OK;
}

static cdz_rc replace_change(struct cdz_call *call, const struct change *change, cdz_str s,
                             cdz_str *ret)
{
    size_t i = 0;
    CDZ_MAP_EACH (e, change->pairs) {
        cdz_str with = cdz_java_text(call->arena, e->val);
        if (change->regex)
            CDZ_TRY(cdz_call_wrap(
                call, cdz_regex_replace(change->regex[i], s, with, call->arena, &s, call->err)));
        else
            CDZ_TRY(replace_one(call, s, e->key, with, &s));
        i++;
    }
    *ret = s;
    return CDZ_OK;
}

static cdz_rc replace_by_regex(struct cdz_call *call, struct change *change, cdz_val *ret)
{
    size_t n = cdz_map_n(change->pairs), compiled = 0;
    cdz_rc rc = CDZ_OK;
    change->regex = CDZ_NEW_N(call->arena, struct cdz_regex *, n);
    for (; compiled < n && rc == CDZ_OK; compiled++)
        rc = cdz_call_wrap(call, cdz_regex_compile(change->pairs.map->v[compiled].key,
                                                   &change->regex[compiled], call->err));
    if (rc == CDZ_OK)
        rc = change_apply(call, change, call->input, 0, ret);
    for (size_t i = 0; i < compiled; i++)
        cdz_regex_free(change->regex[i]);
    return rc;
}

static cdz_rc replace_filter(struct cdz_call *call, cdz_val *ret)
{
    struct change change = {.fn = replace_change};
    bool regexp;
    NULL_PASSES(call, ret);
    change.pairs = cdz_plain(call->arena, call->args[0]);
    if (change.pairs.kind == CDZ_NULL)
        return cdz_call_fail(call, "The argument 'replace_pairs' is required.");
    if (change.pairs.kind != CDZ_MAP)
        return cdz_call_fail(call,
                             "The argument 'replace_pairs' must be a map. Actual type was: %s",
                             cdz_java_class(change.pairs));
    CDZ_TRY(cdz_arg_bool_or(call, 1, "regexp", false, &regexp));
    return regexp ? replace_by_regex(call, &change, ret)
                  : change_apply(call, &change, call->input, 0, ret);
}

static cdz_rc escape_change(struct cdz_call *call, const struct change *change, cdz_str s,
                            cdz_str *ret)
{
    return replace_one(call, s, change->from, change->with, ret);
}

static cdz_rc escape_char_filter(struct cdz_call *call, cdz_val *ret)
{
    struct change change = {.fn = escape_change};
    cdz_str type;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_arg_text(call, 0, "type", &type));
    if (cdz_str_ieq(type, CDZ_STR("single"))) {
        change.from = CDZ_STR("'");
        change.with = CDZ_STR("\\'");
    } else if (cdz_str_ieq(type, CDZ_STR("double"))) {
        change.from = CDZ_STR("\"");
        change.with = CDZ_STR("\\\"");
    } else if (cdz_str_ieq(type, CDZ_STR("shell"))) {
        change.from = CDZ_STR("'");
        change.with = CDZ_STR("'\\''");
    } else {
        return cdz_call_fail(
            call, "The 'escapeChar' filter expects the value of 'type' to be either 'single', "
                  "'double', or 'shell'.");
    }
    return change_apply(call, &change, call->input, 0, ret);
}

/* ---- lines ---- */

/* The newline that text uses: CRLF, LFCR, LF or CR, whichever of these is found first in this
 * order. */
static cdz_str newline_of(cdz_str s)
{
    static const char *const all[] = {"\r\n", "\n\r", "\n", "\r"};
    for (size_t i = 0; i < CDZ_COUNT(all); i++) {
        if (cdz_str_find(s, cdz_str_z(all[i]), 0) != SIZE_MAX)
            return cdz_str_z(all[i]);
    }
    return CDZ_STR("\n");
}

static cdz_rc indent_apply(struct cdz_call *call, bool first_too, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT, CDZ_AUTO_BUF with = CDZ_BUF_INIT;
    cdz_str s, prefix, newline;
    int64_t amount;
    NULL_PASSES(call, ret);
    to.max = with.max = CDZ_EXPR_OUTPUT_MAX;
    s = cdz_java_text(call->arena, cdz_plain(call->arena, call->input));
    if (s.n == 0) {
        *ret = cdz_val_text(s);
        return CDZ_OK;
    }
    if (call->args[0].kind != CDZ_INT)
        return cdz_call_fail(call, "The '%s' filter expects an integer as argument 'amount'.",
                             call->name);
    CDZ_TRY(cdz_arg_int(call, 0, "amount", &amount));
    CDZ_TRY(cdz_arg_text_or(call, 1, "prefix", CDZ_STR(" "), &prefix));
    if (amount < 0)
        return cdz_call_fail(call,
                             "The '%s' filter expects a positive integer >=0 as argument 'amount'.",
                             call->name);
    newline = newline_of(s);
    cdz_buf_str(&with, newline);
    for (int64_t i = 0; i < amount && prefix.n > 0 && !with.overflow; i++)
        cdz_buf_str(&with, prefix);
    if (with.overflow)
        return text_result(call, &with, ret);
    if (first_too)
        cdz_buf_str(&to, cdz_buf_get(&with));
    replace_plain(&to, s, newline, cdz_buf_get(&with));
    return text_result(call, &to, ret);
}

static cdz_rc indent_filter(struct cdz_call *call, cdz_val *ret)
{
    return indent_apply(call, false, ret);
}

static cdz_rc nindent_filter(struct cdz_call *call, cdz_val *ret)
{
    return indent_apply(call, true, ret);
}

/* ---- slugs and URLs ---- */

/* Adds what a slug keeps of the decomposed character c; `_` and dashes come out as one dash. */
static void slug_put(struct cdz_buf *to, UChar c)
{
    if (c == '-' || c == '_') {
        if (to->n > 0 && to->p[to->n - 1] != '-')
            cdz_buf_c(to, '-');
    } else if (c < 0x80 && u_isalnum(c)) {
        cdz_buf_c(to, (char)u_tolower(c));
    }
}

static cdz_rc slugify_filter(struct cdz_call *call, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    UErrorCode status = U_ZERO_ERROR;
    UChar decomposed[8];
    cdz_str s;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_input_text(call, &s));
    to.max = CDZ_EXPR_OUTPUT_MAX;
    const UNormalizer2 *nfd = unorm2_getNFDInstance(&status);
    if (U_FAILURE(status))
        return cdz_fail(call->err, CDZ_E_INTERNAL, "no normalisation data (%s)",
                        u_errorName(status));
    /* Character by character: what is kept is ASCII, so the canonical order of marks does not
     * matter. */
    for (size_t at = 0; at < s.n;) {
        uint32_t c = cdz_utf8_next(s, &at);
        if (c == ' ' || (c >= 0x09 && c <= 0x0D))
            c = '-';
        int32_t n =
            unorm2_getDecomposition(nfd, (UChar32)c, decomposed, CDZ_COUNT(decomposed), &status);
        if (U_FAILURE(status) || n < 0) {
            status = U_ZERO_ERROR;
            slug_put(&to, c < 0x80 ? (UChar)c : 0);
            continue;
        }
        for (int32_t i = 0; i < n && i < (int32_t)CDZ_COUNT(decomposed); i++)
            slug_put(&to, decomposed[i]);
    }
    if (to.n > 0 && to.p[to.n - 1] == '-')
        to.n--;
    return text_result(call, &to, ret);
}

static bool is_ascii_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static cdz_rc urlencode_filter(struct cdz_call *call, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    cdz_str s;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_input_text(call, &s));
    to.max = CDZ_EXPR_OUTPUT_MAX;
    for (size_t i = 0; i < s.n; i++) {
        if (is_ascii_alnum(s.p[i]) || memchr(".-*_", s.p[i], 4))
            cdz_buf_c(&to, s.p[i]);
        else if (s.p[i] == ' ')
            cdz_buf_c(&to, '+');
        else
            cdz_buf_printf(&to, "%%%02X", (unsigned char)s.p[i]);
    }
    return text_result(call, &to, ret);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static cdz_rc urldecode_filter(struct cdz_call *call, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    cdz_str s;
    NULL_PASSES(call, ret);
    CDZ_TRY(cdz_input_text(call, &s));
    to.max = CDZ_EXPR_OUTPUT_MAX;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            cdz_buf_c(&to, s.p[i] == '+' ? ' ' : s.p[i]);
            continue;
        }
        int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1,
            low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
        if (high < 0 || low < 0)
            return cdz_call_fail(call, "'urldecode': incomplete or illegal escape at character %zu",
                                 i);
        cdz_buf_c(&to, (char)(high * 16 + low));
        i += 2;
    }
    return text_result(call, &to, ret);
}

const struct cdz_callable cdz_text_filters[] = {
    {"abbreviate", {"length"}, abbreviate_filter, false},
    {"capitalize", {NULL}, capitalize_filter, false},
    {"endsWith", {"value"}, ends_with_filter, false},
    {"escapeChar", {"type"}, escape_char_filter, false},
    {"indent", {"amount", "prefix"}, indent_filter, false},
    {"lower", {NULL}, lower_filter, false},
    {"nindent", {"amount", "prefix"}, nindent_filter, false},
    {"replace", {"replace_pairs", "regexp"}, replace_filter, false},
    {"slugify", {NULL}, slugify_filter, false},
    {"split", {"delimiter", "limit"}, split_filter, false},
    {"startsWith", {"value"}, starts_with_filter, false},
    {"substringAfter", {"separator"}, substring_after_filter, false},
    {"substringAfterLast", {"separator"}, substring_after_last_filter, false},
    {"substringBefore", {"separator"}, substring_before_filter, false},
    {"substringBeforeLast", {"separator"}, substring_before_last_filter, false},
    {"title", {NULL}, title_filter, false},
    {"trim", {NULL}, trim_filter, false},
    {"upper", {NULL}, upper_filter, false},
    {"urldecode", {NULL}, urldecode_filter, false},
    {"urlencode", {NULL}, urlencode_filter, false},
    {NULL},
};
