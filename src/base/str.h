/*
 * str.h -- text as a borrowed (pointer, length) pair, and the few macros everything uses.
 *
 * A cdz_str is not NUL-terminated, is never owned by itself (an arena or a literal owns the bytes)
 * and is passed by value. Print it with "%.*s", CDZ_S(s).
 */
#ifndef CDZ_BASE_STR_H
#define CDZ_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/banned.h"

typedef struct cdz_str {
    const char *p; /* may be NULL only when n is 0 */
    size_t n;      /* bytes */
} cdz_str;

typedef int64_t cdz_us; /* an instant: UTC microseconds since 1970; or a span: microseconds */

#define CDZ_STR(literal) ((cdz_str){"" literal, sizeof(literal) - 1})
#define CDZ_S(s)         (int)(s).n, (s).p ? (s).p : ""
#define CDZ_COUNT(a)     (sizeof(a) / sizeof((a)[0]))
#define CDZ_MUST_USE     __attribute__((warn_unused_result))
#define CDZ_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define CDZ_UNUSED       __attribute__((unused))

static inline cdz_str cdz_str_z(const char *z)
{
    return (cdz_str){z, z ? strlen(z) : 0};
}

static inline bool cdz_str_eq(cdz_str a, cdz_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool cdz_str_is(cdz_str a, const char *z)
{
    return cdz_str_eq(a, cdz_str_z(z));
}

static inline bool cdz_str_starts(cdz_str a, cdz_str prefix)
{
    return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

static inline bool cdz_str_ends(cdz_str a, cdz_str suffix)
{
    return a.n >= suffix.n &&
           (suffix.n == 0 || memcmp(a.p + a.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* The bytes [from, to) of s; both are clamped to its length. */
static inline cdz_str cdz_str_sub(cdz_str s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return (cdz_str){s.p + from, to - from};
}

/* Byte-wise order, a prefix sorts first: <0, 0, >0 as memcmp. */
int cdz_str_cmp(cdz_str a, cdz_str b);
/* ASCII case-insensitive equality. */
bool cdz_str_ieq(cdz_str a, cdz_str b);
/* Offset of the first `needle` at or after `from`, or SIZE_MAX. An empty needle is found at `from`.
 */
size_t cdz_str_find(cdz_str s, cdz_str needle, size_t from);
/* Offset of the first byte c at or after `from`, or SIZE_MAX. */
size_t cdz_str_chr(cdz_str s, char c, size_t from);
/* s without the ASCII blanks (<= 0x20) at both ends: Java's String.trim. */
cdz_str cdz_str_trim(cdz_str s);
/* A hash for tables (FNV-1a folded); not stable across versions, never stored. */
uint64_t cdz_str_hash(cdz_str s);
/* Decimal integer with optional sign that fills all of s. False on anything else or overflow. */
bool cdz_str_to_i64(cdz_str s, int64_t *ret);
/* Floating-point number in C locale that fills all of s (no hex, no inf/nan words). */
bool cdz_str_to_double(cdz_str s, double *ret);
/* Number of single-character edits (insert, delete, replace, swap) from a to b; for "did you mean".
 */
size_t cdz_str_distance(cdz_str a, cdz_str b);
/* True if s is well-formed UTF-8 (no surrogates, no overlong forms). */
bool cdz_utf8_valid(cdz_str s);
/* Decodes the code point at s[*at] and moves *at behind it; a malformed byte gives U+FFFD and moves
 * one. */
uint32_t cdz_utf8_next(cdz_str s, size_t *at);
/* Writes cp as UTF-8 (1 to 4 bytes) and returns the number of bytes. */
size_t cdz_utf8_put(uint32_t cp, char ret[4]);

#endif
