/* mem_flow.c -- flows of the memory repository. */
#include "repository/mem.h"

static struct cdz_flow_row row_copy(const struct cdz_flow_row *row, struct cdz_arena *arena)
{
    struct cdz_flow_row copy = *row;
    copy.namespace_ = cdz_arena_str(arena, row->namespace_);
    copy.id = cdz_arena_str(arena, row->id);
    copy.source = cdz_arena_str(arena, row->source);
    copy.exception = cdz_arena_str(arena, row->exception);
    copy.labels = cdz_val_copy(arena, row->labels);
    return copy;
}

static bool is_flow(const struct mem_flow *f, cdz_str namespace_, cdz_str id)
{
    return cdz_str_eq(f->row.id, id) && cdz_str_eq(f->row.namespace_, namespace_);
}

void mem_flows_done(struct mem_repository *m)
{
    for (size_t i = 0; i < m->flow_n; i++)
        cdz_arena_close(m->flows[i].arena);
    free(m->flows);
}

cdz_rc mem_flow_save(struct cdz_repository *r, const struct cdz_flow_row *row, int expect_revision,
                     struct cdz_err *err)
{
    struct mem_repository *m = mem_lock(r);
    struct mem_flow *last = NULL;
    for (size_t i = 0; i < m->flow_n; i++) {
        if (is_flow(&m->flows[i], row->namespace_, row->id) && m->flows[i].is_last)
            last = &m->flows[i];
    }
    int have = last ? last->row.revision : 0;
    if (have != expect_revision)
        return mem_unlock(m,
                          cdz_fail(err, CDZ_E_CONFLICT, "flow %.*s.%.*s has revision %d, not %d",
                                   CDZ_S(row->namespace_), CDZ_S(row->id), have, expect_revision));
    if (last)
        last->is_last = false;
    m->flows = mem_grow(m->flows, m->flow_n, &m->flow_cap, sizeof(*m->flows));
    struct mem_flow *f = &m->flows[m->flow_n++];
    f->arena = cdz_arena_open(0);
    f->row = row_copy(row, f->arena);
    f->is_last = true;
    return mem_unlock(m, CDZ_OK);
}

cdz_rc mem_flow_get(struct cdz_repository *r, cdz_str namespace_, cdz_str id, int revision,
                    bool allow_deleted, struct cdz_arena *arena, struct cdz_flow_row *ret,
                    struct cdz_err *err)
{
    struct mem_repository *m = mem_lock(r);
    for (size_t i = 0; i < m->flow_n; i++) {
        const struct mem_flow *f = &m->flows[i];
        bool wanted = revision ? f->row.revision == revision : f->is_last;
        if (!wanted || !is_flow(f, namespace_, id) || (f->row.deleted && !allow_deleted))
            continue;
        *ret = row_copy(&f->row, arena);
        return mem_unlock(m, CDZ_OK);
    }
    return mem_unlock(m, cdz_fail(err, CDZ_E_NOT_FOUND, "flow %.*s.%.*s not found",
                                  CDZ_S(namespace_), CDZ_S(id)));
}

cdz_rc mem_flow_revisions(struct cdz_repository *r, cdz_str namespace_, cdz_str id,
                          struct cdz_arena *arena, struct cdz_flow_row **ret, size_t *ret_n,
                          struct cdz_err *err)
{
    CDZ_VEC(struct cdz_flow_row) found = {0};
    struct mem_repository *m = mem_lock(r);
    (void)err;
    for (size_t i = 0; i < m->flow_n; i++) { /* in the order in which they were saved */
        if (is_flow(&m->flows[i], namespace_, id))
            CDZ_PUSH(arena, &found, row_copy(&m->flows[i].row, arena));
    }
    *ret = found.v;
    *ret_n = found.n;
    return mem_unlock(m, CDZ_OK);
}

static bool matches(const struct cdz_flow_row *row, const struct cdz_flow_filter *f,
                    const struct words *words)
{
    const cdz_str texts[] = {row->id, row->namespace_};
    return (!row->deleted || f->with_deleted) &&
           namespace_matches(row->namespace_, f->namespace_, f->namespace_exact) &&
           scope_matches(row->namespace_, f->scope) &&
           labels_match(row->labels, f->label_keys, f->label_values, f->label_count) &&
           words_match(words, texts, CDZ_COUNT(texts));
}

cdz_rc mem_flow_find(struct cdz_repository *r, const struct cdz_flow_filter *f,
                     const struct cdz_page *page, struct cdz_arena *arena,
                     struct cdz_flow_row **ret, size_t *ret_n, uint64_t *ret_total,
                     struct cdz_err *err)
{
    CDZ_VEC(struct cdz_flow_row) found = {0};
    struct words words = words_of(f->q, arena);
    size_t from, to;
    struct mem_repository *m = mem_lock(r);
    for (size_t i = 0; i < m->flow_n; i++) {
        if (m->flows[i].is_last && matches(&m->flows[i].row, f, &words))
            CDZ_PUSH(arena, &found, row_copy(&m->flows[i].row, arena));
    }
    mem_unlock(m, CDZ_OK);
    CDZ_TRY(flows_sort(found.v, found.n, page, err));
    page_range(page, found.n, &from, &to);
    *ret = found.n ? found.v + from : NULL;
    *ret_n = to - from;
    *ret_total = found.n;
    return CDZ_OK;
}

static int by_name(const void *a, const void *b)
{
    return cdz_str_cmp(*(const cdz_str *)a, *(const cdz_str *)b);
}

/* Plain "contains", as a filter box is used: no words. */
cdz_rc mem_namespaces(struct cdz_repository *r, cdz_str q, struct cdz_arena *arena, cdz_str **ret,
                      size_t *ret_n, struct cdz_err *err)
{
    CDZ_VEC(cdz_str) found = {0};
    size_t n = 0;
    struct mem_repository *m = mem_lock(r);
    (void)err;
    for (size_t i = 0; i < m->flow_n; i++) {
        const struct mem_flow *f = &m->flows[i];
        if (f->is_last && !f->row.deleted && cdz_str_find(f->row.namespace_, q, 0) != SIZE_MAX)
            CDZ_PUSH(arena, &found, cdz_arena_str(arena, f->row.namespace_));
    }
    mem_unlock(m, CDZ_OK);
    if (found.n)
        qsort(found.v, found.n, sizeof(*found.v), by_name);
    for (size_t i = 0; i < found.n; i++) {
        if (n == 0 || !cdz_str_eq(found.v[n - 1], found.v[i]))
            found.v[n++] = found.v[i];
    }
    *ret = found.v;
    *ret_n = n;
    return CDZ_OK;
}
