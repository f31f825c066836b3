/* javanum_parse.c -- texts to Java's number types, as commons-lang's NumberUtils reads them; see
 * javanum.h. */
#include "expr/javanum.h"

#include <limits.h>
#include <math.h>

#include "base/json.h"

enum { NUMBER_MAX = 4096 }; /* bytes of a number's text */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Sign, radix and digits of an integer, as Java's decode() sees them. */
struct integer {
    bool negative;
    unsigned radix;
    cdz_str digits; /* at least one, each below the radix */
};

static int digit_of(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

static bool integer_split(cdz_str s, struct integer *ret)
{
    size_t i = 0;
    *ret = (struct integer){.radix = 10};
    if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
        ret->negative = s.p[i++] == '-';
    if (i + 1 < s.n && s.p[i] == '0' && (s.p[i + 1] | 0x20) == 'x') {
        ret->radix = 16;
        i += 2;
    } else if (i < s.n && s.p[i] == '#') {
        ret->radix = 16;
        i++;
    } else if (i + 1 < s.n && s.p[i] == '0') {
        ret->radix = 8;
        i++;
    }
    ret->digits = cdz_str_sub(s, i, s.n);
    for (size_t j = 0; j < ret->digits.n; j++) {
        if (digit_of(ret->digits.p[j]) >= (int)ret->radix)
            return false;
    }
    return ret->digits.n > 0;
}

static bool long_parse(cdz_str s, int64_t *ret)
{
    struct integer in;
    uint64_t u = 0;
    if (!integer_split(s, &in))
        return false;
    for (size_t i = 0; i < in.digits.n; i++) {
        if (__builtin_mul_overflow(u, (uint64_t)in.radix, &u) ||
            __builtin_add_overflow(u, (uint64_t)digit_of(in.digits.p[i]), &u))
            return false;
    }
    if (u > (uint64_t)INT64_MAX + in.negative)
        return false;
    *ret = in.negative ? (int64_t)(0 - u) : (int64_t)u;
    return true;
}

/* Any size: decimal digits in an array of bytes, multiplied and added to by hand. Quadratic, so
 * bounded. */
static bool big_integer_parse(cdz_str s, struct cdz_arena *arena, cdz_val *ret)
{
    struct integer in;
    if (!integer_split(s, &in) || in.digits.n > NUMBER_MAX)
        return false;
    size_t room = in.digits.n * 2 + 2, n = 1; /* a hexadecimal digit is at most 1.21 decimal ones */
    uint8_t *d = cdz_arena_zalloc(arena, room, 1); /* least significant first */
    for (size_t i = 0; i < in.digits.n; i++) {
        unsigned carry = (unsigned)digit_of(in.digits.p[i]);
        for (size_t j = 0; j < n || carry; j++) {
            carry += (j < n ? d[j] : 0) * in.radix;
            d[j] = (uint8_t)(carry % 10);
            carry /= 10;
            n = j + 1 > n ? j + 1 : n;
        }
    }
    while (n > 1 && d[n - 1] == 0)
        n--;
    char *text = cdz_arena_alloc(arena, n + 1);
    size_t at = 0;
    if (in.negative && !(n == 1 && d[0] == 0))
        text[at++] = '-';
    while (n > 0)
        text[at++] = (char)('0' + d[--n]);
    *ret = cdz_val_decimal((cdz_str){text, at}, CDZ_BIGINT);
    return true;
}

/* Decimal notation with digits somewhere: [+-] d* [. d*] [eE [+-] d+]; `suffix`: f, F, d or D may
 * follow. */
static bool is_decimal(cdz_str s, bool suffix)
{
    size_t i = 0, digits = 0;
    if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
        i++;
    for (; i < s.n && is_digit(s.p[i]); i++)
        digits++;
    if (i < s.n && s.p[i] == '.') {
        for (i++; i < s.n && is_digit(s.p[i]); i++)
            digits++;
    }
    if (digits == 0)
        return false;
    if (i < s.n && (s.p[i] | 0x20) == 'e') {
        i++;
        if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
            i++;
        if (i == s.n || !is_digit(s.p[i]))
            return false;
        while (i < s.n && is_digit(s.p[i]))
            i++;
    }
    if (suffix && i < s.n && strchr("fFdD", s.p[i]))
        i++;
    return i == s.n;
}

static bool double_parse(cdz_str s, double *ret)
{
    s = cdz_str_trim(s);
    if (cdz_str_is(s, "NaN")) {
        *ret = NAN;
        return true;
    }
    if (cdz_str_is(s, "Infinity") || cdz_str_is(s, "-Infinity")) {
        *ret = s.p[0] == '-' ? -INFINITY : INFINITY;
        return true;
    }
    if (s.n > NUMBER_MAX || !is_decimal(s, true))
        return false;
    char text[NUMBER_MAX + 1];
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *ret = strtod(text, NULL); /* the suffix ends it */
    return true;
}

static bool big_decimal_parse(cdz_str s, cdz_val *ret)
{
    if (s.n > NUMBER_MAX || !is_decimal(s, false))
        return false;
    *ret = cdz_val_decimal(s.p[0] == '+' ? cdz_str_sub(s, 1, s.n) : s, CDZ_BIGDEC);
    return true;
}

/* The mantissa has a digit other than zero. */
static bool is_nonzero(cdz_str s)
{
    for (size_t i = 0; i < s.n && (s.p[i] | 0x20) != 'e'; i++) {
        if (s.p[i] >= '1' && s.p[i] <= '9')
            return true;
    }
    return false;
}

static bool same_text(double f)
{
    struct cdz_buf CDZ_AUTO_BUF a = CDZ_BUF_INIT, CDZ_AUTO_BUF b = CDZ_BUF_INIT;
    cdz_print_double(&a, (double)(float)f, true);
    cdz_print_double(&b, f, false);
    return cdz_str_eq(cdz_buf_get(&a), cdz_buf_get(&b));
}

/* The first of Float, Double and BigDecimal that keeps every digit. */
static bool fraction_parse(cdz_str s, cdz_val *ret)
{
    double f;
    if (!is_decimal(s, false) || !double_parse(s, &f))
        return false;
    bool lost = is_nonzero(s);
    if (!isinf((float)f) && !((float)f == 0 && lost) && same_text(f)) {
        *ret = cdz_val_f32((float)f);
        return true;
    }
    size_t digits = 0;
    for (size_t i = 0; i < s.n && (s.p[i] | 0x20) != 'e'; i++)
        digits += is_digit(s.p[i]);
    if (!isinf(f) && !(f == 0 && lost) &&
        digits <= 17) { /* up to 15 to 17 digits survive in a double */
        struct cdz_buf CDZ_AUTO_BUF b = CDZ_BUF_INIT;
        cdz_print_double(&b, f, false);
        size_t printed = 0;
        for (size_t i = 0; i < b.n && b.p[i] != 'E'; i++)
            printed += is_digit(b.p[i]);
        if (digits <= 15 || printed >= digits) {
            *ret = cdz_val_float(f);
            return true;
        }
    }
    return big_decimal_parse(s, ret);
}

/* "12L", "1.5f", "1.5d": the letter wishes a type. */
static bool suffix_parse(cdz_str s, struct cdz_arena *arena, cdz_val *ret)
{
    cdz_str number = cdz_str_sub(s, 0, s.n - 1);
    char letter = (char)(s.p[s.n - 1] | 0x20);
    double f;
    if (letter == 'l') {
        int64_t i;
        cdz_str digits =
            number.n > 0 && number.p[0] == '-' ? cdz_str_sub(number, 1, number.n) : number;
        for (size_t j = 0; j < digits.n; j++) {
            if (!is_digit(digits.p[j]))
                return false;
        }
        if (!long_parse(number, &i))
            return big_integer_parse(number, arena, ret);
        *ret = cdz_val_int(i);
        return true;
    }
    if ((letter != 'f' && letter != 'd') || !is_decimal(number, false) || !double_parse(number, &f))
        return false;
    bool lost = is_nonzero(number);
    if (letter == 'f' && !isinf((float)f) && !((float)f == 0 && lost))
        *ret = cdz_val_f32((float)f);
    else if (!isinf(f) && !(f == 0 && lost))
        *ret = cdz_val_float(f);
    else
        return big_decimal_parse(number, ret);
    return true;
}

static bool any_parse(cdz_str s, struct cdz_arena *arena, cdz_val *ret)
{
    struct integer in;
    int64_t i;
    if (s.n == 0)
        return false;
    bool hex = integer_split(s, &in) && in.radix == 16;
    if (!hex && !is_digit(s.p[s.n - 1]) && s.p[s.n - 1] != '.')
        return suffix_parse(s, arena, ret);
    if (long_parse(s, &i)) {
        *ret = i >= INT32_MIN && i <= INT32_MAX ? cdz_val_i32((int32_t)i) : cdz_val_int(i);
        return true;
    }
    return big_integer_parse(s, arena, ret) || fraction_parse(s, ret);
}

bool cdz_javanum_parse(cdz_str s, enum cdz_javanum_type type, struct cdz_arena *arena, cdz_val *ret)
{
    int64_t i;
    double f;
    switch (type) {
    case CDZ_NUM_ANY:
        return any_parse(s, arena, ret);
    case CDZ_NUM_INT:
        if (!long_parse(s, &i) || i < INT32_MIN || i > INT32_MAX)
            return false;
        *ret = cdz_val_i32((int32_t)i);
        return true;
    case CDZ_NUM_LONG:
        if (!long_parse(s, &i))
            return false;
        *ret = cdz_val_int(i);
        return true;
    case CDZ_NUM_FLOAT:
    case CDZ_NUM_DOUBLE:
        if (!double_parse(s, &f))
            return false;
        *ret = type == CDZ_NUM_FLOAT ? cdz_val_f32((float)f) : cdz_val_float(f);
        return true;
    case CDZ_NUM_BIGDECIMAL:
        return big_decimal_parse(s, ret);
    case CDZ_NUM_BIGINTEGER:
        return big_integer_parse(s, arena, ret);
    }
    return false;
}
