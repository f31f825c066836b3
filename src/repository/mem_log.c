/* mem_log.c -- logs and metrics of the memory repository. */
#include "repository/mem.h"

void mem_entry_add(struct mem_entries *to, cdz_str id, cdz_str bytes, uint64_t unique)
{
    for (size_t i = unique > to->newest ? 0 : to->n; i > 0; i--) {
        if (to->v[i - 1].unique == unique && cdz_str_eq(text_get(&to->v[i - 1].id), id))
            return;
    }
    if (unique > to->newest)
        to->newest = unique;
    to->v = mem_grow(to->v, to->n, &to->cap, sizeof(*to->v));
    to->v[to->n++] = (struct mem_entry){text_of(id), text_of(bytes), unique};
}

static void entry_remove(struct mem_entries *from, size_t at)
{
    free(from->v[at].id.p);
    free(from->v[at].bytes.p);
    from->v[at] = from->v[--from->n];
}

void mem_entries_delete(struct mem_entries *from, cdz_str id)
{
    for (size_t i = from->n; i > 0; i--) {
        if (cdz_str_eq(text_get(&from->v[i - 1].id), id))
            entry_remove(from, i - 1);
    }
}

void mem_entries_done(struct mem_entries *entries)
{
    while (entries->n)
        entry_remove(entries, entries->n - 1);
    free(entries->v);
}

void mem_logs_delete(struct mem_repository *m, const struct cdz_log_filter *f)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct words words = words_of(f->q, arena);
    for (size_t i = m->logs.n; i > 0; i--) {
        struct cdz_log_entry l;
        struct cdz_err ignored;
        if (cdz_log_entry_decode(text_get(&m->logs.v[i - 1].bytes), &l, &ignored) == CDZ_OK &&
            log_matches(&l, f, &words))
            entry_remove(&m->logs, i - 1);
    }
}

struct found {
    struct cdz_log_entry entry;
    uint64_t unique;
};

static int by_time(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int c = (x->entry.at > y->entry.at) - (x->entry.at < y->entry.at);
    return c ? c : (x->unique > y->unique) - (x->unique < y->unique);
}

cdz_rc mem_log_find(struct cdz_repository *r, const struct cdz_log_filter *f,
                    const struct cdz_page *page, struct cdz_arena *arena,
                    struct cdz_log_entry **ret, size_t *ret_n, uint64_t *ret_total,
                    struct cdz_err *err)
{
    CDZ_VEC(struct found) found = {0};
    struct words words = words_of(f->q, arena);
    bool descending;
    size_t from, to;
    cdz_rc rc = CDZ_OK;
    CDZ_TRY(log_order(page, &descending, err));
    struct mem_repository *m = mem_lock(r);
    for (size_t i = 0; rc == CDZ_OK && i < m->logs.n; i++) {
        struct found x = {.unique = m->logs.v[i].unique};
        rc = cdz_log_entry_decode(text_get(&m->logs.v[i].bytes), &x.entry, err);
        if (rc != CDZ_OK || !log_matches(&x.entry, f, &words))
            continue;
        rc = cdz_log_entry_decode(cdz_arena_str(arena, text_get(&m->logs.v[i].bytes)), &x.entry,
                                  err);
        CDZ_PUSH(arena, &found, x);
    }
    CDZ_TRY(mem_unlock(m, rc));
    if (found.n)
        qsort(found.v, found.n, sizeof(*found.v), by_time);
    page_range(page, found.n, &from, &to);
    *ret = CDZ_NEW_N(arena, struct cdz_log_entry, to - from);
    for (size_t i = from; i < to; i++)
        (*ret)[i - from] = found.v[descending ? found.n - 1 - i : i].entry;
    *ret_n = to - from;
    *ret_total = found.n;
    return CDZ_OK;
}

cdz_rc mem_metric_find(struct cdz_repository *r, const struct cdz_metric_filter *f,
                       const struct cdz_page *page, struct cdz_arena *arena,
                       struct cdz_metric_entry **ret, size_t *ret_n, uint64_t *ret_total,
                       struct cdz_err *err)
{
    CDZ_VEC(struct cdz_metric_entry) found = {0};
    size_t from, to;
    cdz_rc rc = CDZ_OK;
    struct mem_repository *m = mem_lock(r);
    for (size_t i = 0; rc == CDZ_OK && i < m->metrics.n; i++) {
        struct cdz_metric_entry x;
        rc = cdz_metric_entry_decode(cdz_arena_str(arena, text_get(&m->metrics.v[i].bytes)), arena,
                                     &x, err);
        if (rc == CDZ_OK && metric_matches(&x, f))
            CDZ_PUSH(arena, &found, x);
    }
    CDZ_TRY(mem_unlock(m, rc));
    CDZ_TRY(metrics_sort(found.v, found.n, page, arena, err));
    page_range(page, found.n, &from, &to);
    *ret = found.n ? found.v + from : NULL;
    *ret_n = to - from;
    *ret_total = found.n;
    return CDZ_OK;
}
