/*
 * json.c -- an arena parser and a writer. The parser is one pass over the bytes; strings without
 * escapes are borrowed from the text. Recursion is bounded by CDZ_JSON_DEPTH_MAX on both ways.
 */
#include "base/json.h"

#include <assert.h>
#include <math.h>

#include "base/limits.h"
#include "base/time.h"

struct parser {
    const char *start, *p, *end;
    struct cdz_arena *arena;
    struct cdz_err *err;
};

static cdz_rc fail(struct parser *ps, const char *what)
{
    unsigned line = 1;
    const char *begin = ps->start;
    for (const char *q = ps->start; q < ps->p && q < ps->end; q++) {
        if (*q == '\n') {
            line++;
            begin = q + 1;
        }
    }
    return cdz_fail(ps->err, CDZ_E_INVALID, "line %u, column %u: %s", line,
                    (unsigned)(ps->p - begin) + 1, what);
}

static void skip_blanks(struct parser *ps)
{
    while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\n' || *ps->p == '\t' || *ps->p == '\r'))
        ps->p++;
}

static bool hex4(const char *p, uint32_t *ret)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return false;
        v = v << 4 | (uint32_t)d;
    }
    *ret = v;
    return true;
}

static cdz_rc unescape(struct parser *ps, char **to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    char c = ps->p < ps->end ? *ps->p : 0;
    const char *hit = c ? strchr(from, c) : NULL;
    if (hit) {
        *(*to)++ = into[hit - from];
        ps->p++;
        return CDZ_OK;
    }
    uint32_t cp, low;
    if (c != 'u' || ps->end - ps->p < 5 || !hex4(ps->p + 1, &cp))
        return fail(ps, "invalid escape");
    ps->p += 5;
    if (cp >= 0xD800 && cp < 0xDC00 && ps->end - ps->p >= 6 && ps->p[0] == '\\' &&
        ps->p[1] == 'u' && hex4(ps->p + 2, &low) && low >= 0xDC00 && low < 0xE000) {
        cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
        ps->p += 6;
    } else if (cp >= 0xD800 && cp < 0xE000) {
        cp = 0xFFFD;
    }
    *to += cdz_utf8_put(cp, *to);
    return CDZ_OK;
}

/* ps->p stands behind the opening quote. */
static cdz_rc string(struct parser *ps, cdz_str *ret)
{
    const char *from = ps->p, *q = ps->p;
    bool ascii = true;
    while (q < ps->end && *q != '"' && *q != '\\' && (unsigned char)*q >= 0x20) {
        ascii &= (unsigned char)*q < 0x80;
        q++;
    }
    if (q < ps->end && *q == '"') {
        cdz_str s = {from, (size_t)(q - from)};
        if (!ascii && !cdz_utf8_valid(s))
            return fail(ps, "string is not valid UTF-8");
        ps->p = q + 1;
        *ret = s;
        return CDZ_OK;
    }
    const char *close = q; /* an upper bound of the unescaped length: up to the closing quote */
    while (close < ps->end && *close != '"')
        close += *close == '\\' && close + 1 < ps->end ? 2 : 1;
    char *buf = cdz_arena_alloc(ps->arena, (size_t)(close - from) + 4), *to = buf;
    while (ps->p < ps->end && *ps->p != '"') {
        if ((unsigned char)*ps->p < 0x20)
            return fail(ps, "control character in string");
        if (*ps->p == '\\') {
            ps->p++;
            CDZ_TRY(unescape(ps, &to));
        } else {
            *to++ = *ps->p++;
        }
    }
    if (ps->p >= ps->end)
        return fail(ps, "string without closing quote");
    ps->p++;
    *ret = (cdz_str){buf, (size_t)(to - buf)};
    if (!cdz_utf8_valid(*ret))
        return fail(ps, "string is not valid UTF-8");
    return CDZ_OK;
}

static cdz_rc number(struct parser *ps, cdz_val *ret)
{
    const char *from = ps->p, *q = ps->p;
    bool whole = true;
    if (q < ps->end && *q == '-')
        q++;
    const char *first = q;
    while (q < ps->end && *q >= '0' && *q <= '9')
        q++;
    if (q == first || (*first == '0' && q - first > 1))
        return fail(ps, "invalid number");
    if (q < ps->end && *q == '.') {
        const char *f = ++q;
        whole = false;
        while (q < ps->end && *q >= '0' && *q <= '9')
            q++;
        if (q == f)
            return fail(ps, "invalid number");
    }
    if (q < ps->end && (*q == 'e' || *q == 'E')) {
        whole = false;
        q++;
        if (q < ps->end && (*q == '+' || *q == '-'))
            q++;
        const char *x = q;
        while (q < ps->end && *q >= '0' && *q <= '9')
            q++;
        if (q == x)
            return fail(ps, "invalid number");
    }
    cdz_str text = {from, (size_t)(q - from)};
    int64_t i;
    double f;
    ps->p = q;
    if (whole && cdz_str_to_i64(text, &i)) {
        *ret = i >= INT32_MIN && i <= INT32_MAX ? cdz_val_i32((int32_t)i) : cdz_val_int(i);
        return CDZ_OK;
    }
    if (whole) {
        *ret = cdz_val_decimal(text, CDZ_BIGINT);
        return CDZ_OK;
    }
    if (!cdz_str_to_double(text, &f))
        return fail(ps, "invalid number");
    *ret = cdz_val_float(f);
    return CDZ_OK;
}

static cdz_rc word(struct parser *ps, const char *w, cdz_val v, cdz_val *ret)
{
    size_t n = strlen(w);
    if ((size_t)(ps->end - ps->p) < n || memcmp(ps->p, w, n) != 0)
        return fail(ps, "unexpected character");
    ps->p += n;
    *ret = v;
    return CDZ_OK;
}

static cdz_rc value(struct parser *ps, unsigned depth, cdz_val *ret);

static cdz_rc array(struct parser *ps, unsigned depth, cdz_val *ret)
{
    cdz_val list = cdz_val_list(ps->arena, 0), item;
    skip_blanks(ps);
    if (ps->p < ps->end && *ps->p == ']') {
        ps->p++;
        *ret = list;
        return CDZ_OK;
    }
    for (;;) {
        CDZ_TRY(value(ps, depth + 1, &item));
        cdz_list_push(ps->arena, list, item);
        skip_blanks(ps);
        char c = ps->p < ps->end ? *ps->p : 0;
        if (c != ',' && c != ']')
            return fail(ps, "expected ',' or ']'");
        ps->p++;
        if (c == ']')
            break;
    }
    *ret = list;
    return CDZ_OK;
}

static cdz_rc object(struct parser *ps, unsigned depth, cdz_val *ret)
{
    cdz_val map = cdz_val_map(ps->arena, 0), item;
    cdz_str key;
    skip_blanks(ps);
    if (ps->p < ps->end && *ps->p == '}') {
        ps->p++;
        *ret = map;
        return CDZ_OK;
    }
    for (;;) {
        skip_blanks(ps);
        if (ps->p >= ps->end || *ps->p != '"')
            return fail(ps, "expected a quoted key");
        ps->p++;
        CDZ_TRY(string(ps, &key));
        skip_blanks(ps);
        if (ps->p >= ps->end || *ps->p != ':')
            return fail(ps, "expected ':'");
        ps->p++;
        CDZ_TRY(value(ps, depth + 1, &item));
        cdz_map_put(ps->arena, map, key, item);
        skip_blanks(ps);
        char c = ps->p < ps->end ? *ps->p : 0;
        if (c != ',' && c != '}')
            return fail(ps, "expected ',' or '}'");
        ps->p++;
        if (c == '}')
            break;
    }
    *ret = map;
    return CDZ_OK;
}

static cdz_rc value(struct parser *ps, unsigned depth, cdz_val *ret)
{
    cdz_str s;
    if (depth > CDZ_JSON_DEPTH_MAX)
        return cdz_fail(ps->err, CDZ_E_LIMIT, "JSON is nested deeper than %u", CDZ_JSON_DEPTH_MAX);
    skip_blanks(ps);
    if (ps->p >= ps->end)
        return fail(ps, "unexpected end");
    switch (*ps->p) {
    case '{':
        ps->p++;
        return object(ps, depth, ret);
    case '[':
        ps->p++;
        return array(ps, depth, ret);
    case '"':
        ps->p++;
        CDZ_TRY(string(ps, &s));
        *ret = cdz_val_text(s);
        return CDZ_OK;
    case 't':
        return word(ps, "true", cdz_val_bool(true), ret);
    case 'f':
        return word(ps, "false", cdz_val_bool(false), ret);
    case 'n':
        return word(ps, "null", CDZ_VAL_NULL, ret);
    default:
        return number(ps, ret);
    }
}

cdz_rc cdz_json_parse(cdz_str text, struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    struct parser ps = {text.p, text.p, text.p + text.n, arena, err};
    cdz_val v;
    CDZ_TRY(value(&ps, 0, &v));
    skip_blanks(&ps);
    if (ps.p != ps.end)
        return fail(&ps, "text behind the end of the document");
    *ret = v;
    return CDZ_OK;
}

void cdz_json_quote(struct cdz_buf *to, cdz_str s)
{
    static const char hex[] = "0123456789abcdef";
    size_t from = 0, i = 0;
    while (i < s.n && (unsigned char)(s.p[i] - 0x20) < 0x60 && s.p[i] != '"' && s.p[i] != '\\')
        i++;
    char *plain = i == s.n ? cdz_buf_room(to, s.n + 2) : NULL;
    if (plain) { /* nothing to escape, as nearly always */
        plain[0] = plain[s.n + 1] = '"';
        if (s.n)
            memcpy(plain + 1, s.p, s.n);
        to->n += s.n + 2;
        return;
    }
    cdz_buf_c(to, '"');
    while (i < s.n) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        if (c >= 0x80) {
            size_t at = i;
            uint32_t cp = cdz_utf8_next(s, &at);
            if (cp != 0xFFFD || at - i == 3) {
                i = at;
                continue;
            }
            cdz_buf_add(to, s.p + from, i - from);
            cdz_buf_z(to, "\xEF\xBF\xBD");
            from = i = at;
            continue;
        }
        cdz_buf_add(to, s.p + from, i - from);
        from = ++i;
        const char *hit = strchr("\"\"\\\\\bb\ff\nn\rr\tt", c);
        if (c && hit) {
            char pair[2] = {'\\', c == '"' || c == '\\' ? (char)c : hit[1]};
            cdz_buf_add(to, pair, 2);
        } else {
            char u[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            cdz_buf_add(to, u, 6);
        }
    }
    cdz_buf_add(to, s.p + from, s.n - from);
    cdz_buf_c(to, '"');
}

/* Appends the decimal digits of v. */
static size_t put_digits(char *to, uint64_t v)
{
    char back[20];
    size_t n = 0;
    do {
        back[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    for (size_t i = 0; i < n; i++)
        to[i] = back[n - 1 - i];
    return n;
}

static void print_int(struct cdz_buf *to, int64_t i)
{
    char text[21] = "-";
    size_t sign = i < 0;
    cdz_buf_add(to, text, sign + put_digits(text + sign, sign ? -(uint64_t)i : (uint64_t)i));
}

/*
 * The digits of a number with few decimals, the usual case. m and the powers are exact, so m /
 * power is the double nearest to that decimal; and a decimal of at most 15 digits that reads back
 * as f is the shortest. Returns 0 when it takes more.
 */
static size_t few_digits(double f, char *digits, int *exponent)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    for (int k = 0; f < 1e15 && k < (int)(sizeof(powers) / sizeof(*powers)); k++) {
        double m = rint(f * powers[k]);
        if (m >= 1e15)
            return 0;
        if (m / powers[k] != f)
            continue;
        size_t n = put_digits(digits, (uint64_t)m);
        *exponent = (int)n - 1 - k;
        return n;
    }
    return 0;
}

/* The same by trial, for all numbers. */
static size_t all_digits(double f, bool f32, char *digits, int *exponent)
{
    char text[40];
    size_t n = 0;
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, f);
        if (f32 ? strtof(text, NULL) == (float)f : strtod(text, NULL) == f)
            break;
    }
    const char *p = text;
    for (; *p && *p != 'e'; p++) {
        if (*p != '.')
            digits[n++] = *p;
    }
    *exponent = (int)strtol(p + 1, NULL, 10);
    return n;
}

/* Shortest digits that read back the same; then laid out as Java does. */
void cdz_print_double(struct cdz_buf *to, double f, bool f32)
{
    if (isnan(f) || isinf(f)) {
        cdz_buf_z(to, isnan(f) ? "NaN" : f > 0 ? "Infinity" : "-Infinity");
        return;
    }
    if (f == 0) {
        cdz_buf_z(to, signbit(f) ? "-0.0" : "0.0");
        return;
    }
    char digits[24];
    int exponent = 0;
    size_t n = f32 ? 0 : few_digits(fabs(f), digits, &exponent);
    if (n == 0)
        n = all_digits(fabs(f), f32, digits, &exponent);
    if (f < 0)
        cdz_buf_c(to, '-');
    while (n > 1 && digits[n - 1] == '0')
        n--;
    if (exponent < -3 || exponent >= 7) { /* 1.0E10 */
        cdz_buf_c(to, digits[0]);
        cdz_buf_c(to, '.');
        cdz_buf_add(to, n > 1 ? digits + 1 : "0", n > 1 ? n - 1 : 1);
        cdz_buf_printf(to, "E%d", exponent);
    } else if (exponent < 0) {
        cdz_buf_z(to, "0.");
        for (int i = -1; i > exponent; i--)
            cdz_buf_c(to, '0');
        cdz_buf_add(to, digits, n);
    } else {
        for (int i = 0; i <= exponent; i++)
            cdz_buf_c(to, (size_t)i < n ? digits[i] : '0');
        cdz_buf_c(to, '.');
        if (n > (size_t)exponent + 1)
            cdz_buf_add(to, digits + exponent + 1, n - (size_t)exponent - 1);
        else
            cdz_buf_c(to, '0');
    }
}

static void newline(struct cdz_buf *to, unsigned depth)
{
    cdz_buf_c(to, '\n');
    for (unsigned i = 0; i < depth; i++)
        cdz_buf_z(to, "  ");
}

static void print_duration_seconds(struct cdz_buf *to, const struct cdz_date *d)
{
    bool negative = d->seconds < 0;
    int64_t s = negative && d->nanos ? -(d->seconds + 1) : negative ? -d->seconds : d->seconds;
    int32_t n = negative && d->nanos ? 1000000000 - d->nanos : d->nanos;
    cdz_buf_printf(to, "%s%lld.%09d", negative ? "-" : "", (long long)s, n);
}

static void print(struct cdz_buf *to, cdz_val v, unsigned style, unsigned depth)
{
    bool pretty = style & CDZ_JSON_PRETTY, first = true;
    switch ((enum cdz_kind)v.kind) {
    case CDZ_NULL:
        cdz_buf_z(to, "null");
        return;
    case CDZ_BOOL:
        cdz_buf_z(to, v.b ? "true" : "false");
        return;
    case CDZ_INT:
        print_int(to, v.i);
        return;
    case CDZ_FLOAT:
        if (isfinite(v.f)) {
            cdz_print_double(to, v.f, v.sub == CDZ_F32);
        } else { /* JSON has no such number: text, as the original's writer does */
            cdz_buf_c(to, '"');
            cdz_print_double(to, v.f, false);
            cdz_buf_c(to, '"');
        }
        return;
    case CDZ_DECIMAL:
        cdz_buf_str(to, cdz_val_str(v));
        return;
    case CDZ_TEXT:
        cdz_json_quote(to, cdz_val_str(v));
        return;
    case CDZ_TEMPLATE:
        cdz_json_quote(to, cdz_template_source(v.tpl));
        return;
    case CDZ_DATE:
        cdz_buf_c(to, '"');
        if (v.date->type == CDZ_ZONED && v.date->zone.n) {
            struct cdz_date d = *v.date; /* the zone's name is not part of the ISO text in JSON */
            d.zone = CDZ_STR("");
            cdz_iso_print(to, &d);
        } else {
            cdz_iso_print(to, v.date);
        }
        cdz_buf_c(to, '"');
        return;
    case CDZ_DURATION:
        print_duration_seconds(to, v.date);
        return;
    case CDZ_LAZY: {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        print(to, v.lazy->all(v.lazy, arena), style, depth);
        return;
    }
    case CDZ_LIST:
        if (depth > CDZ_JSON_DEPTH_MAX) { /* only values built by programs can be this deep */
            cdz_buf_z(to, "null");
            return;
        }
        cdz_buf_c(to, '[');
        CDZ_LIST_EACH (item, v) {
            if (!first)
                cdz_buf_c(to, ',');
            first = false;
            if (pretty)
                newline(to, depth + 1);
            print(to, *item, style, depth + 1);
        }
        if (pretty && !first)
            newline(to, depth);
        cdz_buf_c(to, ']');
        return;
    case CDZ_MAP:
        if (depth > CDZ_JSON_DEPTH_MAX) {
            cdz_buf_z(to, "null");
            return;
        }
        cdz_buf_c(to, '{');
        CDZ_MAP_EACH (e, v) {
            if ((style & CDZ_JSON_DROP_NULLS) && e->val.kind == CDZ_NULL)
                continue;
            if (!first)
                cdz_buf_c(to, ',');
            first = false;
            if (pretty)
                newline(to, depth + 1);
            cdz_json_quote(to, e->key);
            cdz_buf_z(to, pretty ? ": " : ":");
            print(to, e->val, style, depth + 1);
        }
        if (pretty && !first)
            newline(to, depth);
        cdz_buf_c(to, '}');
        return;
    }
}

void cdz_json_print(struct cdz_buf *to, cdz_val v, unsigned style)
{
    print(to, v, style, 0);
}

cdz_str cdz_json_text(struct cdz_arena *arena, cdz_val v, unsigned style)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    print(&b, v, style, 0);
    return cdz_buf_copy(&b, arena);
}

static void before(struct cdz_jw *w, const char *key)
{
    if (w->comma)
        cdz_buf_c(w->to, ',');
    w->comma = true;
    if (key) {
        cdz_json_quote(w->to, cdz_str_z(key));
        cdz_buf_c(w->to, ':');
    }
}

void cdz_jw_open(struct cdz_jw *w, const char *key, char bracket)
{
    before(w, key);
    cdz_buf_c(w->to, bracket);
    w->comma = false;
}

void cdz_jw_close(struct cdz_jw *w, char bracket)
{
    cdz_buf_c(w->to, bracket);
    w->comma = true;
}

void cdz_jw_str(struct cdz_jw *w, const char *key, cdz_str s)
{
    before(w, key);
    cdz_json_quote(w->to, s);
}

void cdz_jw_z(struct cdz_jw *w, const char *key, const char *z)
{
    cdz_jw_str(w, key, cdz_str_z(z));
}

void cdz_jw_int(struct cdz_jw *w, const char *key, int64_t i)
{
    before(w, key);
    print_int(w->to, i);
}

void cdz_jw_bool(struct cdz_jw *w, const char *key, bool b)
{
    before(w, key);
    cdz_buf_z(w->to, b ? "true" : "false");
}

void cdz_jw_val(struct cdz_jw *w, const char *key, cdz_val v, unsigned style)
{
    before(w, key);
    print(w->to, v, style, 0);
}

void cdz_jw_raw(struct cdz_jw *w, const char *key, cdz_str json)
{
    before(w, key);
    cdz_buf_str(w->to, json);
}

void cdz_jw_time(struct cdz_jw *w, const char *key, cdz_us at)
{
    char text[CDZ_INSTANT_TEXT];
    cdz_jw_str(w, key, cdz_instant_print(at, text));
}
