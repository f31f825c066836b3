/* url.c -- percent-encoding and query strings. RFC 3986 §2.1; application/x-www-form-urlencoded of
 * the URL standard. */
#include "net/http_server.h"

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

cdz_str cdz_url_decode(cdz_str s, bool plus, struct cdz_arena *arena)
{
    char *p = cdz_arena_alloc(arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
            p[n++] = (char)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
            i += 2;
        } else {
            p[n++] = s.p[i] == '+' && plus ? ' ' : s.p[i];
        }
    }
    p[n] = 0;
    return (cdz_str){p, n};
}

size_t cdz_url_query(cdz_str query, struct cdz_arena *arena, struct cdz_http_pair **ret)
{
    enum { PAIRS_MAX = 1000 };
    CDZ_VEC(struct cdz_http_pair) pairs = {0};
    while (query.n > 0 && pairs.n < PAIRS_MAX) {
        size_t amp = cdz_str_chr(query, '&', 0);
        cdz_str pair = cdz_str_sub(query, 0, amp);
        size_t eq = cdz_str_chr(pair, '=', 0);
        query = amp == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(query, amp + 1, query.n);
        if (pair.n == 0)
            continue;
        cdz_str value = eq == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(pair, eq + 1, pair.n);
        CDZ_PUSH(arena, &pairs,
                 (struct cdz_http_pair){cdz_url_decode(cdz_str_sub(pair, 0, eq), true, arena),
                                        cdz_url_decode(value, true, arena)});
    }
    *ret = pairs.v;
    return pairs.n;
}

cdz_str cdz_url_encode(cdz_str s, struct cdz_arena *arena)
{
    static const char digits[] = "0123456789ABCDEF";
    char *p = cdz_arena_alloc(arena, s.n * 3 + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            (c && strchr("-._~", c))) {
            p[n++] = (char)c;
        } else {
            p[n++] = '%';
            p[n++] = digits[c >> 4];
            p[n++] = digits[c & 15];
        }
    }
    p[n] = 0;
    return (cdz_str){p, n};
}
