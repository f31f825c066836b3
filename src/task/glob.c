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

static bool in_class(cdz_str c, char x)
{
    size_t i = 1, end = c.n - 1;
    bool negate = i < end && (c.p[i] == '!' || c.p[i] == '^'), hit = false;
    i += negate;
    while (i < end) {
        if (i + 2 < end && c.p[i + 1] == '-') {
            hit |= x >= c.p[i] && x <= c.p[i + 2];
            i += 3;
        } else {
            hit |= x == c.p[i++];
        }
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
        if (i == s.n || (!deep && s.p[i] == '/'))
            return false;
    }
}

static bool match(struct match *m, cdz_str p, cdz_str s)
{
    if (++m->tries > TRIES_MAX || ++m->depth > DEPTH_MAX)
        return false;
    bool ok = false;
    for (;;) {
        if (p.n == 0) {
            ok = s.n == 0;
            break;
        }
        if (p.p[0] == '*') {
            ok = match_star(m, p, s);
            break;
        }
        if (p.p[0] == '{') {
            ok = match_group(m, p, s);
            break;
        }
        size_t end = p.p[0] == '[' ? class_end(p) : 1;
        if (s.n == 0 || end == SIZE_MAX)
            break;
        if (p.p[0] == '['   ? !in_class(cdz_str_sub(p, 0, end), s.p[0])
            : p.p[0] == '?' ? s.p[0] == '/'
                            : false)
            break;
        if (p.p[0] == '\\' && p.n > 1)
            p = rest(p, 1);
        if (p.p[0] != '[' && p.p[0] != '?' && p.p[0] != s.p[0])
            break;
        p = rest(p, end);
        s = rest(s, 1);
    }
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
