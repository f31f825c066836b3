/* route.c -- matching a path against patterns such as "/flows/{ns}/{id}": literal parts win over
 * parameters. A last part such as {key...} takes the whole rest, slashes too. */
#include "api/internal.h"

/* The first part of *path (behind its '/'), taken off. */
static bool next_part(cdz_str *path, cdz_str *ret)
{
    if (path->n == 0 || path->p[0] != '/')
        return false;
    size_t slash = cdz_str_chr(*path, '/', 1);
    *ret = cdz_str_sub(*path, 1, slash);
    *path = slash == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(*path, slash, path->n);
    return true;
}

/* Number of literal parts that matched, or -1. */
static int match(const char *pattern, cdz_str path, cdz_str param[4])
{
    cdz_str rest = cdz_str_z(pattern), want, got;
    int literal = 0;
    size_t n = 0;
    while (next_part(&rest, &want)) {
        if (cdz_str_ends(want, CDZ_STR("...}"))) {
            if (path.n < 2 || n == 4)
                return -1;
            param[n] = cdz_str_sub(path, 1, path.n);
            return literal;
        }
        if (!next_part(&path, &got))
            return -1;
        if (want.n && want.p[0] == '{') {
            if (got.n == 0 || n == 4)
                return -1;
            param[n++] = got;
        } else if (cdz_str_eq(want, got)) {
            literal++;
        } else {
            return -1;
        }
    }
    return path.n == 0 || cdz_str_is(path, "/") ? literal : -1;
}

const struct api_route *api_route_find(const struct api_route *table, cdz_str method, cdz_str path,
                                       cdz_str param[4], int *most)
{
    const struct api_route *best = NULL;
    for (const struct api_route *r = table; r->method; r++) {
        cdz_str found[4] = {{0}};
        if (!cdz_str_is(method, r->method))
            continue;
        int literal = match(r->pattern, path, found);
        if (literal > *most) {
            *most = literal;
            best = r;
            memcpy(param, found, sizeof(found));
        }
    }
    return best;
}
