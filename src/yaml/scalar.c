/*
 * scalar.c -- what a scalar without quotes means: YAML 1.1's implicit types as the original's
 * reader takes them.
 *
 *   null     ~ null Null NULL, and nothing at all
 *   boolean  true false yes no on off, each lower case, Capitalised or UPPER
 *   integer  0  12  -1_000  0x1F  0b101  017 (octal: digits 0 to 7 after a zero)
 *   float    1.5  1.  .5  1e3  1_0.5E-3
 *   text     all the rest; so are dates, "0o17", "08", "1:30" (base 60 is not read) and ".inf"
 */
#include "yaml/internal.h"

#include <math.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(cdz_str s, const char *lower)
{
    size_t n = strlen(lower);
    if (s.n != n || !cdz_str_ieq(s, (cdz_str){lower, n}))
        return false;
    if (s.p[0] == lower[0])
        return memcmp(s.p, lower, n) == 0;
    /* Capitalised or upper case throughout; "tRUE" is text. */
    bool rest_lower = memcmp(s.p + 1, lower + 1, n - 1) == 0;
    bool rest_upper = true;
    for (size_t i = 1; i < n; i++)
        rest_upper = rest_upper && s.p[i] != lower[i];
    return rest_lower || rest_upper;
}

static bool is_null(cdz_str s)
{
    return s.n == 0 || cdz_str_is(s, "~") || is_word(s, "null");
}

static bool is_bool(cdz_str s, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"yes", true},
                 {"no", false},  {"on", true},     {"off", false}};
    for (size_t i = 0; i < CDZ_COUNT(words); i++) {
        if (is_word(s, words[i].word)) {
            *ret = words[i].value;
            return true;
        }
    }
    return false;
}

static int digit_of(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

static cdz_val int_val(bool negative, uint64_t magnitude)
{
    int64_t i = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return i >= INT32_MIN && i <= INT32_MAX ? cdz_val_i32((int32_t)i) : cdz_val_int(i);
}

/* Digits of one base, '_' between them allowed. False if s is not that, or beyond 64 bits (then
 * *big). */
static bool digits_of(cdz_str s, int base, bool negative, cdz_val *ret, bool *big)
{
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX, v = 0;
    bool any = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '_')
            continue;
        int d = digit_of(s.p[i]);
        if (d >= base)
            return false;
        any = true;
        if (!*big && (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
                      __builtin_add_overflow(v, (uint64_t)d, &v) || v > limit))
            *big = true;
    }
    if (!any || *big)
        return false;
    *ret = int_val(negative, v);
    return true;
}

static bool is_int(cdz_str s, struct cdz_arena *arena, cdz_val *ret)
{
    cdz_str rest = s;
    bool negative = rest.n && rest.p[0] == '-', big = false;
    if (rest.n && (rest.p[0] == '-' || rest.p[0] == '+'))
        rest = cdz_str_sub(rest, 1, rest.n);
    if (!rest.n || !is_digit(rest.p[0]))
        return false;
    if (rest.p[0] != '0') {
        if (digits_of(rest, 10, negative, ret, &big))
            return true;
        if (!big)
            return false;
        /* Too large for 64 bits: kept as decimal text, without '_' and '+'. */
        char *p = cdz_arena_alloc(arena, s.n);
        size_t n = 0;
        for (size_t i = s.p[0] == '+'; i < s.n; i++)
            if (s.p[i] != '_')
                p[n++] = s.p[i];
        *ret = cdz_val_decimal((cdz_str){p, n}, CDZ_BIGINT);
        return true;
    }
    if (rest.n == 1) {
        *ret = cdz_val_i32(0);
        return true;
    }
    if (rest.p[1] == 'x' || rest.p[1] == 'b')
        return digits_of(cdz_str_sub(rest, 2, rest.n), rest.p[1] == 'x' ? 16 : 2, negative, ret,
                         &big);
    return digits_of(cdz_str_sub(rest, 1, rest.n), 8, negative, ret, &big);
}

/* The float forms: digits with a point, an exponent, or both. */
static bool is_float(cdz_str s, cdz_val *ret)
{
    char plain[64];
    size_t n = 0, i = 0, digits = 0;
    bool point = false, exponent = false;
    if (s.n >= sizeof(plain))
        return false;
    if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
        plain[n++] = s.p[i++];
    /* ".5" is a number, "-.5" is not: so the grammar of YAML 1.1 as SnakeYAML has it. */
    if (i == s.n || !(is_digit(s.p[i]) || (i == 0 && s.p[i] == '.' && s.n > 1 && is_digit(s.p[1]))))
        return false;
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (is_digit(c)) {
            plain[n++] = c;
            digits++;
        } else if (c == '.' && !point) {
            point = true;
            plain[n++] = c;
        } else if (c != '_') {
            break;
        }
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        exponent = true;
        plain[n++] = s.p[i++];
        if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
            plain[n++] = s.p[i++];
        size_t from = i;
        while (i < s.n && is_digit(s.p[i]))
            plain[n++] = s.p[i++];
        if (i == from)
            return false;
    }
    if (i != s.n || !digits || !(point || exponent))
        return false;
    double f;
    if (plain[n - 1] == '.')
        plain[n++] = '0';
    if (!cdz_str_to_double((cdz_str){plain, n}, &f) || !isfinite(f))
        return false;
    *ret = cdz_val_float(f);
    return true;
}

cdz_val cdz_yaml_scalar(cdz_str s, struct cdz_arena *arena)
{
    cdz_val ret;
    bool b;
    if (is_null(s))
        return CDZ_VAL_NULL;
    if (is_bool(s, &b))
        return cdz_val_bool(b);
    char c = s.p[0];
    if ((is_digit(c) || c == '-' || c == '+' || c == '.') &&
        (is_int(s, arena, &ret) || is_float(s, &ret)))
        return ret;
    return cdz_val_text(s);
}

/* Words that other readers take for null or booleans. */
static bool is_reserved(cdz_str s)
{
    bool b;
    return is_null(s) || is_bool(s, &b) || cdz_str_is(s, "y") || cdz_str_is(s, "Y") ||
           cdz_str_is(s, "n") || cdz_str_is(s, "N") || (s.n && s.p[0] == '~');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool cdz_yaml_value_needs_quotes(cdz_str s)
{
    if (is_reserved(s))
        return true;
    if (s.n > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X'))
        return true;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '[' || c == ']' || c == '{' || c == '}' || c == ',')
            return true;
        if (c == '#' && i && is_blank(s.p[i - 1]))
            return true;
        if (c == ':' && i + 1 < s.n && is_blank(s.p[i + 1]))
            return true;
    }
    return false;
}

bool cdz_yaml_key_needs_quotes(cdz_str s)
{
    if (is_reserved(s) || is_digit(s.p[0]) || s.p[0] == '-' || s.p[0] == '+' || s.p[0] == '.')
        return true;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20)
            return true;
    return false;
}
