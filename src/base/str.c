#include "base/str.h"

#include <errno.h>

int cdz_str_cmp(cdz_str a, cdz_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    if (c != 0)
        return c;
    return a.n < b.n ? -1 : a.n > b.n;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool cdz_str_ieq(cdz_str a, cdz_str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    }
    return true;
}

size_t cdz_str_find(cdz_str s, cdz_str needle, size_t from)
{
    if (from > s.n || needle.n > s.n - from)
        return SIZE_MAX;
    if (needle.n == 0)
        return from;
    const char *hit = memmem(s.p + from, s.n - from, needle.p, needle.n);
    return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

size_t cdz_str_chr(cdz_str s, char c, size_t from)
{
    if (from >= s.n)
        return SIZE_MAX;
    const char *hit = memchr(s.p + from, c, s.n - from);
    return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

cdz_str cdz_str_trim(cdz_str s)
{
    while (s.n > 0 && (unsigned char)s.p[0] <= ' ') {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (unsigned char)s.p[s.n - 1] <= ' ')
        s.n--;
    return s;
}

uint64_t cdz_str_hash(cdz_str s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    return h ^ (h >> 29);
}

bool cdz_str_to_i64(cdz_str s, int64_t *ret)
{
    size_t i = 0;
    bool negative = s.n > 0 && s.p[0] == '-';
    int64_t v = 0;
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        i = 1;
    if (i == s.n)
        return false;
    for (; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, s.p[i] - '0', &v)) /* gathers the negative: INT64_MIN fits */
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, v, &v))
        return false;
    *ret = v;
    return true;
}

bool cdz_str_to_double(cdz_str s, double *ret)
{
    char small[64], *big = small, *end;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E'))
            return false;
    }
    if (s.n >= sizeof(small)) {
        big = malloc(s.n + 1);
        if (!big)
            abort();
    }
    memcpy(big, s.p, s.n);
    big[s.n] = 0;
    double v = strtod(big, &end);
    bool ok = end == big + s.n;
    if (big != small)
        free(big);
    if (ok)
        *ret = v;
    return ok;
}

size_t cdz_str_distance(cdz_str a, cdz_str b)
{
    enum { MAX = 80 };
    size_t before[MAX + 1], row[MAX + 1], next[MAX + 1];
    if (a.n > MAX || b.n > MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.n; j++) {
        row[j] = j;
        before[j] = j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        next[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t cost = lower(a.p[i - 1]) != lower(b.p[j - 1]);
            size_t best = row[j - 1] + cost;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (next[j - 1] + 1 < best)
                best = next[j - 1] + 1;
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            next[j] = best;
        }
        memcpy(before, row, sizeof(row));
        memcpy(row, next, sizeof(row));
    }
    return row[b.n];
}

uint32_t cdz_utf8_next(cdz_str s, size_t *at)
{
    const unsigned char *p = (const unsigned char *)s.p + *at;
    size_t left = s.n - *at;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80   ? 1
               : p[0] < 0xC2 ? 0
               : p[0] < 0xE0 ? 2
               : p[0] < 0xF0 ? 3
               : p[0] < 0xF5 ? 4
                             : 0;
    if (n == 1) {
        (*at)++;
        return p[0];
    }
    if (n == 0 || n > left) {
        (*at)++;
        return 0xFFFD;
    }
    uint32_t cp = p[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            (*at)++;
            return 0xFFFD;
        }
        cp = (cp << 6) | (p[i] & 0x3Fu);
    }
    if (cp < least[n] || cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000)) {
        (*at)++;
        return 0xFFFD;
    }
    *at += n;
    return cp;
}

bool cdz_utf8_valid(cdz_str s)
{
    size_t at = 0;
    while (at < s.n) {
        size_t from = at;
        if (cdz_utf8_next(s, &at) == 0xFFFD &&
            !(at - from == 3 && memcmp(s.p + from, "\xEF\xBF\xBD", 3) == 0))
            return false;
    }
    return true;
}

size_t cdz_utf8_put(uint32_t cp, char ret[4])
{
    if (cp < 0x80) {
        ret[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        ret[0] = (char)(0xC0 | (cp >> 6));
        ret[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        ret[0] = (char)(0xE0 | (cp >> 12));
        ret[1] = (char)(0x80 | ((cp >> 6) & 0x3F));
        ret[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    ret[0] = (char)(0xF0 | (cp >> 18));
    ret[1] = (char)(0x80 | ((cp >> 12) & 0x3F));
    ret[2] = (char)(0x80 | ((cp >> 6) & 0x3F));
    ret[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}
