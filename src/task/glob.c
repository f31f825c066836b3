/*
 * glob.c -- see glob.h. A backtracking matcher over code points. Its recursion is as deep as the
 * pattern has stars and groups (DEPTH_MAX), its work is bounded by TRIES_MAX.
 */
#include "task/glob.h"

#include "base/regex.h"

enum { TRIES_MAX = 100000, DEPTH_MAX = 64 };

struct match {
    unsigned tries, depth;
};

static bool match(struct match *m, cdz_str p, cdz_str s);

static cdz_str rest(cdz_str s, size_t n)
{
    return cdz_str_sub(s, n, s.n);
}

/* Behind the ']' of a class, or SIZE_MAX. */
static size_t class_end(cdz_str p)
{
    size_t at = cdz_str_chr(p, ']', 2);
    return at == SIZE_MAX ? SIZE_MAX : at + 1;
}

/* c: the class with its brackets. As in java.nio `!` negates, and no class matches a '/'. */
static bool in_class(cdz_str c, uint32_t x)
{
    size_t at = 1, end = c.n - 1;
    bool negate = at < end && c.p[at] == '!', hit = false;
    at += negate;
    while (at < end) {
        uint32_t from = cdz_utf8_next(c, &at), to = from;
        if (at + 1 < end && c.p[at] == '-') {
            at++;
            to = cdz_utf8_next(c, &at);
        }
        hit |= x >= from && x <= to;
    }
    return hit != negate && x != '/';
}

/* {a,b}: each alternative followed by what stands behind the group. Nested groups are plain text,
 * as in java.nio. */
static bool match_group(struct match *m, cdz_str p, cdz_str s)
{
    size_t close = cdz_str_chr(p, '}', 0);
    if (close == SIZE_MAX)
        return false;
    cdz_str inner = cdz_str_sub(p, 1, close), behind = rest(p, close + 1);
    for (;;) {
        size_t comma = cdz_str_chr(inner, ',', 0);
        cdz_str part = cdz_str_sub(inner, 0, comma);
        char both[1024];
        if (part.n + behind.n <= sizeof(both)) {
            memcpy(both, part.p, part.n);
            memcpy(both + part.n, behind.p, behind.n);
            if (match(m, (cdz_str){both, part.n + behind.n}, s))
                return true;
        }
        if (comma == SIZE_MAX)
            return false;
        inner = rest(inner, comma + 1);
    }
}

static bool match_star(struct match *m, cdz_str p, cdz_str s)
{
    bool deep = p.n > 1 && p.p[1] == '*';
    cdz_str behind = rest(p, deep ? 2 : 1);
    for (size_t i = 0;; i++) {
        if (match(m, behind, rest(s, i)))
            return true;
        if (i == s.n || (!deep && s.p[i] == '/') || m->tries > TRIES_MAX)
            return false;
    }
}

/* The part of the pattern in front matches one character: how long that part is, or 0. */
static size_t match_one(cdz_str p, uint32_t x)
{
    size_t at = 0;
    if (p.p[0] == '?')
        return x != '/';
    if (p.p[0] == '[') {
        size_t end = class_end(p);
        return end != SIZE_MAX && in_class(cdz_str_sub(p, 0, end), x) ? end : 0;
    }
    if (p.p[0] == '\\' && p.n > 1)
        at = 1;
    return cdz_utf8_next(p, &at) == x ? at : 0;
}

static bool match_here(struct match *m, cdz_str p, cdz_str s)
{
    while (p.n > 0) {
        size_t next = 0, len;
        if (p.p[0] == '*')
            return match_star(m, p, s);
        if (p.p[0] == '{')
            return match_group(m, p, s);
        if (s.n == 0 || (len = match_one(p, cdz_utf8_next(s, &next))) == 0)
            return false;
        p = rest(p, len);
        s = rest(s, next);
    }
    return s.n == 0;
}

static bool match(struct match *m, cdz_str p, cdz_str s)
{
    if (++m->tries > TRIES_MAX || m->depth == DEPTH_MAX)
        return false;
    m->depth++;
    bool ok = match_here(m, p, s);
    m->depth--;
    return ok;
}

cdz_rc cdz_glob_match(cdz_str pattern, cdz_str path, bool *ret, struct cdz_err *err)
{
    if (cdz_str_starts(pattern, CDZ_STR("regex:"))) {
        struct cdz_regex *re;
        CDZ_TRY(cdz_regex_compile(rest(pattern, 6), &re, err));
        cdz_rc rc = cdz_regex_match(re, path, true, ret, err);
        cdz_regex_free(re);
        return rc;
    }
    if (cdz_str_starts(pattern, CDZ_STR("glob:")))
        pattern = rest(pattern, 5);
    struct match m = {0};
    *ret = match(&m, pattern, path);
    return CDZ_OK;
}

cdz_rc cdz_glob_match_any(cdz_val patterns, cdz_str path, struct cdz_arena *arena, bool *ret,
                          struct cdz_err *err)
{
    *ret = false;
    if (patterns.kind == CDZ_TEXT) {
        cdz_val list = cdz_val_list(arena, 1);
        cdz_list_push(arena, list, patterns);
        patterns = list;
    }
    if (patterns.kind != CDZ_LIST)
        return CDZ_OK;
    CDZ_LIST_EACH (p, patterns) {
        if (p->kind != CDZ_TEXT)
            continue;
        cdz_str pattern = cdz_val_str(*p);
        if (pattern.n && pattern.p[0] == '/')
            pattern = cdz_str_sub(pattern, 1, pattern.n);
        CDZ_TRY(cdz_glob_match(pattern, path, ret, err));
        if (!*ret && pattern.n &&
            (pattern.p[0] == '_' || ((pattern.p[0] | 32) >= 'a' && (pattern.p[0] | 32) <= 'z')))
            CDZ_TRY(cdz_glob_match(cdz_arena_printf(arena, "**/%.*s", CDZ_S(pattern)), path, ret,
                                   err)); /* at any depth */
        if (*ret)
            return CDZ_OK;
    }
    return CDZ_OK;
}
