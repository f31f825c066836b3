/*
 * ion_parse.c -- Ion text to values; see ion.h.
 *
 * A recursive reader over (text, at); depth is bounded. Nothing is looked at twice but the
 * characters of a number, which are first delimited and then told apart (timestamp, integer,
 * decimal, float).
 */
#include "expr/ion.h"

#include <math.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "expr/javanum.h"
#include "expr/zone.h"

struct parser {
    struct cdz_ion_reader *r;
    struct cdz_arena *arena;
    struct cdz_err *err;
};

enum { NUMBER_MAX = 4096, TYPE_MAX = 64 };

static cdz_rc invalid(struct parser *p, const char *what)
{
    return cdz_fail(p->err, CDZ_E_INVALID, "Invalid ion at %zu: %s", p->r->at, what);
}

static int peek(const struct parser *p, size_t ahead)
{
    size_t at = p->r->at + ahead;
    return at < p->r->text.n ? (unsigned char)p->r->text.p[at] : -1;
}

static bool starts(const struct parser *p, const char *z)
{
    return cdz_str_starts(cdz_str_sub(p->r->text, p->r->at, p->r->text.n), cdz_str_z(z));
}

static bool is_blank(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0;
}

static cdz_rc skip_blanks(struct parser *p)
{
    for (;;) {
        if (is_blank(peek(p, 0))) {
            p->r->at++;
        } else if (starts(p, "//")) {
            while (peek(p, 0) >= 0 && peek(p, 0) != '\n' && peek(p, 0) != '\r')
                p->r->at++;
        } else if (starts(p, "/*")) {
            size_t end = cdz_str_find(p->r->text, CDZ_STR("*/"), p->r->at + 2);
            if (end == SIZE_MAX)
                return invalid(p, "comment without end");
            p->r->at = end + 2;
        } else {
            return CDZ_OK;
        }
    }
}

/* ---- texts ---- */

static int hex_of(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static cdz_rc hex_read(struct parser *p, int digits, uint32_t *ret)
{
    uint32_t value = 0;
    for (int i = 0; i < digits; i++) {
        int digit = hex_of(peek(p, 0));
        if (digit < 0)
            return invalid(p, "hexadecimal digit expected");
        value = value * 16 + (uint32_t)digit;
        p->r->at++;
    }
    *ret = value;
    return CDZ_OK;
}

/* \uD83D\uDE00 is one character. */
static cdz_rc surrogate_read(struct parser *p, uint32_t *cp)
{
    uint32_t low = 0;
    if (*cp < 0xD800 || *cp > 0xDBFF || !starts(p, "\\u"))
        return CDZ_OK;
    p->r->at += 2;
    CDZ_TRY(hex_read(p, 4, &low));
    if (low < 0xDC00 || low > 0xDFFF)
        return invalid(p, "half of a surrogate pair");
    *cp = 0x10000 + ((*cp & 0x3FF) << 10) + (low & 0x3FF);
    return CDZ_OK;
}

/* One escape, behind its backslash. bytes: of a clob, \x is a byte. */
static cdz_rc escape_read(struct parser *p, struct cdz_buf *to, bool bytes)
{
    static const char letters[] = "0abtnfrv\"'?\\/", meanings[] = "\0\a\b\t\n\f\r\v\"'?\\/";
    char utf8[4];
    uint32_t cp = 0;
    int c = peek(p, 0);
    const char *letter = c > 0 ? strchr(letters, c) : NULL;
    if (c < 0)
        return invalid(p, "text without end");
    p->r->at++;
    if (letter) {
        cdz_buf_c(to, meanings[letter - letters]);
        return CDZ_OK;
    }
    if (c == '\r' || c == '\n') { /* a line that goes on */
        if (c == '\r' && peek(p, 0) == '\n')
            p->r->at++;
        return CDZ_OK;
    }
    if (c != 'x' && c != 'u' && c != 'U')
        return invalid(p, "unknown escape");
    CDZ_TRY(hex_read(p, c == 'x' ? 2 : c == 'u' ? 4 : 8, &cp));
    if (c == 'x' && bytes) {
        cdz_buf_c(to, (char)cp);
        return CDZ_OK;
    }
    CDZ_TRY(surrogate_read(p, &cp));
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        cp = 0xFFFD;
    cdz_buf_add(to, utf8, cdz_utf8_put(cp, utf8));
    return CDZ_OK;
}

/* From behind an opening quote to behind the closing one. Without escapes the text is borrowed. */
static cdz_rc short_text_read(struct parser *p, char quote, bool bytes, cdz_str *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    size_t from = p->r->at;
    bool escaped = false;
    for (;;) {
        int c = peek(p, 0);
        if (c < 0 || c == '\n' || c == '\r')
            return invalid(p, "text without end");
        if (c == quote)
            break;
        if (c != '\\') {
            p->r->at++;
            continue;
        }
        cdz_buf_add(&to, p->r->text.p + from, p->r->at - from);
        p->r->at++;
        CDZ_TRY(escape_read(p, &to, bytes));
        from = p->r->at;
        escaped = true;
    }
    *ret = cdz_str_sub(p->r->text, from, p->r->at);
    if (escaped) {
        cdz_buf_str(&to, *ret);
        *ret = cdz_buf_copy(&to, p->arena);
    }
    p->r->at++;
    return CDZ_OK;
}

/* From a ''' on: the pieces of a long text, which are one. */
static cdz_rc long_text_read(struct parser *p, bool bytes, cdz_str *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    while (starts(p, "'''")) {
        p->r->at += 3;
        while (!starts(p, "'''")) {
            int c = peek(p, 0);
            if (c < 0)
                return invalid(p, "text without end");
            p->r->at++;
            if (c == '\\') {
                CDZ_TRY(escape_read(p, &to, bytes));
            } else if (c == '\r') { /* newlines are normalised */
                if (peek(p, 0) != '\n')
                    cdz_buf_c(&to, '\n');
            } else {
                cdz_buf_c(&to, (char)c);
            }
        }
        p->r->at += 3;
        CDZ_TRY(skip_blanks(p));
    }
    *ret = cdz_buf_copy(&to, p->arena);
    return CDZ_OK;
}

static bool is_word(int c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           (!first && c >= '0' && c <= '9');
}

static cdz_str word_read(struct parser *p)
{
    size_t from = p->r->at;
    while (is_word(peek(p, 0), p->r->at == from))
        p->r->at++;
    return cdz_str_sub(p->r->text, from, p->r->at);
}

/* ---- numbers and timestamps ---- */

static bool ends_number(int c)
{
    return c < 0 || is_blank(c) || strchr(",]})[{(\"':/", c) != NULL;
}

/* `n` digits at s[*at]. */
static bool digits_take(cdz_str s, size_t *at, int n, int *ret)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        if (*at >= s.n || s.p[*at] < '0' || s.p[*at] > '9')
            return false;
        value = value * 10 + (s.p[(*at)++] - '0');
    }
    *ret = value;
    return true;
}

static bool take(cdz_str s, size_t *at, char c)
{
    if (*at >= s.n || s.p[*at] != c)
        return false;
    ++*at;
    return true;
}

/* hh:mm[:ss[.fff]] and the offset behind it. */
static bool clock_take(cdz_str s, size_t *at, struct cdz_date *d)
{
    int hour, minute, second = 0, nanos = 0, scale = 100000000;
    if (!digits_take(s, at, 2, &hour) || !take(s, at, ':') || !digits_take(s, at, 2, &minute))
        return false;
    if (take(s, at, ':')) {
        if (!digits_take(s, at, 2, &second))
            return false;
        if (take(s, at, '.')) {
            size_t from = *at;
            for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; ++*at) {
                nanos += (s.p[*at] - '0') * scale;
                scale /= 10;
            }
            if (*at == from)
                return false;
        }
    }
    cdz_str offset = cdz_str_sub(s, *at, s.n);
    if (hour > 23 || minute > 59 || second > 59 || (!cdz_str_is(offset, "Z") && offset.n != 6) ||
        !cdz_offset_parse(offset, &d->offset_s))
        return false;
    d->seconds += hour * 3600 + minute * 60 + second - d->offset_s;
    d->nanos = nanos / 1000000 * 1000000;
    *at = s.n;
    return true;
}

static bool timestamp_parse(struct parser *p, cdz_str s, cdz_val *ret)
{
    struct cdz_date d = {.type = CDZ_INSTANT};
    int year, month = 1, day = 1;
    size_t at = 0;
    if (!digits_take(s, &at, 4, &year) || year < 1)
        return false;
    if (take(s, &at, '-')) {
        if (!digits_take(s, &at, 2, &month) || month < 1 || month > 12)
            return false;
        if (take(s, &at, '-') &&
            (!digits_take(s, &at, 2, &day) || day < 1 || day > cdz_month_days(year, month)))
            return false;
    }
    d.seconds = cdz_days_of(year, month, day) * 86400;
    if (at < s.n && (!take(s, &at, 'T') || (at < s.n && !clock_take(s, &at, &d))))
        return false;
    if (d.offset_s != 0) {
        d.type = CDZ_ZONED;
    } else if (d.seconds % 86400 == 0 && d.nanos == 0) {
        d.type = CDZ_LOCAL_DATE;
    }
    *ret = cdz_val_date(p->arena, d);
    return true;
}

/* The digits of s without underscores, NUL-terminated. */
static size_t plain_digits(cdz_str s, char ret[NUMBER_MAX + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < NUMBER_MAX; i++) {
        if (s.p[i] != '_')
            ret[n++] = s.p[i];
    }
    ret[n] = '\0';
    return n;
}

/* 0b1010 as a number; false for more than 64 bits or other digits. */
static bool binary_parse(cdz_str s, bool minus, int64_t *ret)
{
    int64_t value = 0;
    for (size_t i = 0; i < s.n; i++) {
        if ((s.p[i] != '0' && s.p[i] != '1') || value > INT64_MAX / 2)
            return false;
        value = value * 2 + (s.p[i] - '0');
    }
    *ret = minus ? -value : value;
    return s.n > 0;
}

static bool is_decimal_text(cdz_str s, char exponent)
{
    size_t i = s.n > 0 && s.p[0] == '-', digits = 0;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        digits++;
    if (i < s.n && s.p[i] == '.') {
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
            digits++;
    }
    if (digits == 0)
        return false;
    if (i < s.n && (s.p[i] | 0x20) == exponent) {
        i++;
        i += i < s.n && (s.p[i] == '-' || s.p[i] == '+');
        if (i == s.n)
            return false;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
            i++;
    }
    return i == s.n;
}

static cdz_rc integer_parse(struct parser *p, cdz_str s, cdz_val *ret)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    cdz_str digits = cdz_str_sub(s, minus, s.n);
    int64_t i;
    if (digits.n > 2 && digits.p[0] == '0' && (digits.p[1] | 0x20) == 'b') {
        if (!binary_parse(cdz_str_sub(digits, 2, digits.n), minus, &i))
            return invalid(p, "malformed number");
        *ret = i >= INT32_MIN && i <= INT32_MAX ? cdz_val_i32((int32_t)i) : cdz_val_int(i);
        return CDZ_OK;
    }
    bool hex = digits.n > 2 && digits.p[0] == '0' && (digits.p[1] | 0x20) == 'x';
    if (digits.n == 0 || (!hex && digits.n > 1 && digits.p[0] == '0') || digits.p[0] == '#')
        return invalid(p, "malformed number");
    if (!cdz_javanum_parse(s, CDZ_NUM_ANY, p->arena, ret) || ret->kind == CDZ_FLOAT)
        return invalid(p, "malformed number");
    return CDZ_OK;
}

static cdz_rc number_read(struct parser *p, cdz_val *ret)
{
    char text[NUMBER_MAX + 1];
    size_t from = p->r->at, digit = 0;
    int year;
    cdz_str s;
    while (!ends_number(peek(p, 0)))
        p->r->at++;
    s = cdz_str_sub(p->r->text, from, p->r->at);
    if (s.n > 4 && (s.p[4] == '-' || s.p[4] == 'T') && digits_take(s, &digit, 4, &year)) {
        while (peek(p, 0) == ':' || !ends_number(peek(p, 0))) /* 10:11:12+01:00 */
            p->r->at++;
        s = cdz_str_sub(p->r->text, from, p->r->at);
        return timestamp_parse(p, s, ret) ? CDZ_OK : invalid(p, "malformed timestamp");
    }
    if (s.n > NUMBER_MAX)
        return invalid(p, "number too long");
    s = (cdz_str){text, plain_digits(s, text)};
    bool hex = cdz_str_find(s, CDZ_STR("0x"), 0) <= 1 || cdz_str_find(s, CDZ_STR("0X"), 0) <= 1;
    if (!hex && (strpbrk(text, "eE"))) {
        if (!is_decimal_text(s, 'e'))
            return invalid(p, "malformed number");
        *ret = cdz_val_float(strtod(text, NULL));
        return CDZ_OK;
    }
    if (!hex && strpbrk(text, ".dD")) {
        if (!is_decimal_text(s, 'd'))
            return invalid(p, "malformed number");
        char *exponent = strpbrk(text, "dD");
        if (exponent)
            *exponent = 'E';
        if (s.p[s.n - 1] == '.') /* "12." is 12 */
            s.n--;
        *ret = cdz_val_decimal(cdz_arena_str(p->arena, s), CDZ_BIGDEC);
        return CDZ_OK;
    }
    return integer_parse(p, s, ret);
}

/* ---- values ---- */

static cdz_rc value_read(struct parser *p, unsigned depth, bool sexp, cdz_val *ret);

/* [a, b] or (a b), behind the opening bracket. */
static cdz_rc list_read(struct parser *p, char close, unsigned depth, cdz_val *ret)
{
    cdz_val list = cdz_val_list(p->arena, 0), item;
    for (;;) {
        CDZ_TRY(skip_blanks(p));
        if (peek(p, 0) == close)
            break;
        CDZ_TRY(value_read(p, depth + 1, close == ')', &item));
        cdz_list_push(p->arena, list, item);
        CDZ_TRY(skip_blanks(p));
        if (close == ']' && peek(p, 0) == ',')
            p->r->at++;
        else if (close == ']' && peek(p, 0) != ']')
            return invalid(p, "',' or ']' expected");
    }
    p->r->at++;
    *ret = list;
    return CDZ_OK;
}

static cdz_rc field_read(struct parser *p, cdz_str *ret)
{
    if (starts(p, "'''"))
        return long_text_read(p, false, ret);
    if (peek(p, 0) == '"' || peek(p, 0) == '\'')
        return short_text_read(p, p->r->text.p[p->r->at++], false, ret);
    *ret = word_read(p);
    return ret->n > 0 ? CDZ_OK : invalid(p, "field name expected");
}

static cdz_rc struct_read(struct parser *p, unsigned depth, cdz_val *ret)
{
    cdz_val map = cdz_val_map(p->arena, 0), item;
    cdz_str key;
    for (;;) {
        CDZ_TRY(skip_blanks(p));
        if (peek(p, 0) == '}')
            break;
        CDZ_TRY(field_read(p, &key));
        CDZ_TRY(skip_blanks(p));
        if (peek(p, 0) != ':' || peek(p, 1) == ':')
            return invalid(p, "':' expected");
        p->r->at++;
        CDZ_TRY(value_read(p, depth + 1, false, &item));
        cdz_map_put(p->arena, map, key, item);
        CDZ_TRY(skip_blanks(p));
        if (peek(p, 0) == ',')
            p->r->at++;
        else if (peek(p, 0) != '}')
            return invalid(p, "',' or '}' expected");
    }
    p->r->at++;
    *ret = map;
    return CDZ_OK;
}

/* {{ base64 }} or {{ "text" }}, behind the braces: the base64 without blanks, or the text. */
static cdz_rc lob_read(struct parser *p, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    cdz_str s;
    while (is_blank(peek(p, 0)))
        p->r->at++;
    if (starts(p, "'''") || peek(p, 0) == '"') {
        if (peek(p, 0) == '"') {
            p->r->at++;
            CDZ_TRY(short_text_read(p, '"', true, &s));
        } else {
            CDZ_TRY(long_text_read(p, true, &s));
        }
        while (is_blank(peek(p, 0)))
            p->r->at++;
        if (!starts(p, "}}"))
            return invalid(p, "clob without end");
        p->r->at += 2;
        *ret = cdz_val_text(s);
        return CDZ_OK;
    }
    for (int c; !starts(p, "}}"); p->r->at++) {
        c = peek(p, 0);
        if (is_blank(c))
            continue;
        if (!is_word(c, false) && c != '+' && c != '/' && c != '=')
            return invalid(p, "malformed blob");
        cdz_buf_c(&to, (char)c);
    }
    p->r->at += 2;
    *ret = cdz_val_text(cdz_buf_copy(&to, p->arena));
    return CDZ_OK;
}

/* null, null.int, true, nan, or a symbol. */
static cdz_rc word_value(struct parser *p, cdz_val *ret)
{
    cdz_str word = word_read(p);
    if (cdz_str_is(word, "null")) {
        if (peek(p, 0) == '.') { /* null.int: the type does not matter */
            p->r->at++;
            word_read(p);
        }
        *ret = CDZ_VAL_NULL;
    } else if (cdz_str_is(word, "true") || cdz_str_is(word, "false")) {
        *ret = cdz_val_bool(word.p[0] == 't');
    } else if (cdz_str_is(word, "nan")) {
        *ret = cdz_val_float(NAN);
    } else {
        *ret = cdz_val_text(word);
    }
    return CDZ_OK;
}

/* The date that an annotated string stands for; other annotations leave v alone. */
static cdz_rc annotate(struct parser *p, cdz_str type, cdz_val *v)
{
    static const struct {
        const char *name;
        enum cdz_date_type type;
    } types[] = {
        {"Instant", CDZ_INSTANT},      {"OffsetDateTime", CDZ_OFFSET},
        {"ZonedDateTime", CDZ_ZONED},  {"LocalDateTime", CDZ_LOCAL_DATETIME},
        {"LocalDate", CDZ_LOCAL_DATE}, {"LocalTime", CDZ_LOCAL_TIME},
    };
    for (size_t i = 0; i < CDZ_COUNT(types) && v->kind == CDZ_TEXT; i++) {
        struct cdz_date date;
        if (!cdz_str_is(type, types[i].name))
            continue;
        bool wall = types[i].type >= CDZ_LOCAL_DATETIME, ok = cdz_iso_parse(cdz_val_str(*v), &date);
        if (!ok || wall != (date.type >= CDZ_LOCAL_DATETIME) ||
            (wall && date.type != types[i].type))
            return invalid(p, "malformed date");
        date.type = types[i].type;
        date.zone = cdz_arena_str(p->arena, date.zone);
        *v = cdz_val_date(p->arena, date);
    }
    return CDZ_OK;
}

static cdz_rc number_or_operator(struct parser *p, bool sexp, cdz_val *ret)
{
    int c = peek(p, 0), next = peek(p, 1);
    if ((c == '+' || c == '-') && next == 'i') {
        size_t from = p->r->at++;
        if (cdz_str_is(word_read(p), "inf")) {
            *ret = cdz_val_float(c == '-' ? -INFINITY : INFINITY);
            return CDZ_OK;
        }
        p->r->at = from;
    }
    if ((c >= '0' && c <= '9') || (c == '-' && next >= '0' && next <= '9'))
        return number_read(p, ret);
    if (sexp && c > 0 &&
        strchr("!#%&*+-./;<=>?@^`|~", c)) { /* operators are symbols, in s-expressions only */
        size_t from = p->r->at;
        while (peek(p, 0) > 0 && strchr("!#%&*+-./;<=>?@^`|~", peek(p, 0)))
            p->r->at++;
        *ret = cdz_val_text(cdz_str_sub(p->r->text, from, p->r->at));
        return CDZ_OK;
    }
    return invalid(p, c < 0 ? "value expected" : "unexpected character");
}

/* A value without annotations; *ret_symbol: it was a symbol and may be an annotation itself. */
static cdz_rc bare_read(struct parser *p, unsigned depth, bool sexp, cdz_val *ret, bool *ret_symbol)
{
    int c = peek(p, 0);
    cdz_str s;
    *ret_symbol = false;
    if (depth > CDZ_JSON_DEPTH_MAX)
        return cdz_fail(p->err, CDZ_E_LIMIT, "ion nested more than %u deep", CDZ_JSON_DEPTH_MAX);
    if (starts(p, "{{")) {
        p->r->at += 2;
        return lob_read(p, ret);
    }
    if (c == '{' || c == '[' || c == '(') {
        p->r->at++;
        return c == '{' ? struct_read(p, depth, ret)
                        : list_read(p, c == '[' ? ']' : ')', depth, ret);
    }
    if (starts(p, "'''")) {
        CDZ_TRY(long_text_read(p, false, &s));
        *ret = cdz_val_text(s);
        return CDZ_OK;
    }
    if (c == '"' || c == '\'') {
        p->r->at++;
        CDZ_TRY(short_text_read(p, (char)c, false, &s));
        *ret_symbol = c == '\'';
        *ret = cdz_val_text(s);
        return CDZ_OK;
    }
    if (is_word(c, true)) {
        *ret_symbol = true;
        return word_value(p, ret);
    }
    return number_or_operator(p, sexp, ret);
}

static cdz_rc value_read(struct parser *p, unsigned depth, bool sexp, cdz_val *ret)
{
    cdz_str type = CDZ_STR("");
    bool symbol;
    CDZ_TRY(skip_blanks(p));
    for (;;) {
        CDZ_TRY(bare_read(p, depth, sexp, ret, &symbol));
        size_t end = p->r->at;
        if (!symbol)
            break;
        CDZ_TRY(skip_blanks(p));
        if (!starts(p, "::")) {
            p->r->at = end;
            break;
        }
        if (type.n == 0 && ret->kind == CDZ_TEXT) /* the first annotation counts */
            type = cdz_val_str(*ret);
        p->r->at += 2;
        CDZ_TRY(skip_blanks(p));
    }
    return type.n > 0 ? annotate(p, type, ret) : CDZ_OK;
}

cdz_rc cdz_ion_next(struct cdz_ion_reader *r, struct cdz_arena *arena, cdz_val *ret, bool *ret_end,
                    struct cdz_err *err)
{
    struct parser p = {.r = r, .arena = arena, .err = err};
    for (;;) {
        CDZ_TRY(skip_blanks(&p));
        size_t from = r->at;
        if (r->at >= r->text.n) {
            *ret_end = true;
            return CDZ_OK;
        }
        cdz_val v;
        CDZ_TRY(value_read(&p, 0, false, &v));
        /* the version marker stands for nothing */
        if (v.kind == CDZ_TEXT && cdz_str_is(cdz_str_sub(r->text, from, r->at), "$ion_1_0"))
            continue;
        *ret_end = false;
        *ret = v;
        return CDZ_OK;
    }
}
