/*
 * checks.c -- checks over several parts of a flow. reference/flow.md §3.
 */
#include "model/compile.h"

void cdz_check_unique(struct cdz_compiler *c, const struct cdz_declared_id *ids, size_t n,
                      const char *what)
{
    struct cdz_buf CDZ_AUTO_BUF names = CDZ_BUF_INIT;
    struct cdz_mark mark = {0};
    cdz_val seen = cdz_val_map(c->work, n); /* id -> how often it was reported */
    for (size_t i = 0; i < n; i++) {
        cdz_val *before = ids[i].id.n ? cdz_map_find(seen, ids[i].id) : NULL;
        if (!before) {
            if (ids[i].id.n)
                cdz_map_put(c->work, seen, ids[i].id, cdz_val_int(0));
            continue;
        }
        if (before->i++)
            continue;
        if (!names.n)
            mark = ids[i].mark;
        cdz_buf_printf(&names, "%s%.*s", names.n ? ", " : "", CDZ_S(ids[i].id));
    }
    if (names.n)
        cdz_compile_error(c, mark, NULL, NULL, "%s [%s]", what, names.p);
}
