/* repository.c -- the checks that every call of the repository needs, once for all backends. */
#include "port/repository.h"

#include <assert.h>

cdz_rc cdz_repository_apply(struct cdz_repository *r, const struct cdz_repo_op *ops, size_t n,
                            struct cdz_err *err)
{
    assert(r && r->ops->apply);
    assert(ops || n == 0);
    for (size_t i = 0; i < n; i++) {
        switch (ops[i].kind) {
        case CDZ_REPO_EXECUTION:
        case CDZ_REPO_LOG:
        case CDZ_REPO_METRIC:
            assert(ops[i].bytes.n > 0);
            break;
        case CDZ_REPO_TASKRUN:
            assert(ops[i].bytes.n > 0 && ops[i].id.n > 0);
            break;
        case CDZ_REPO_EXECUTION_DELETE:
        case CDZ_REPO_METRICS_DELETE:
            assert(ops[i].id.n > 0);
            break;
        case CDZ_REPO_LOGS_DELETE:
            assert(ops[i].log_filter);
            break;
        }
    }
    return n ? r->ops->apply(r, ops, n, err) : CDZ_OK;
}

/* Pages come from a URL: refused, not asserted. */
static cdz_rc check_page(const struct cdz_page *page, struct cdz_err *err)
{
    size_t last;
    assert(page && page->sort_count <= CDZ_COUNT(page->sort));
    if (page->page && page->size == 0)
        return cdz_fail(err, CDZ_E_INVALID, "the size of a page must be at least 1");
    if (page->page && (__builtin_mul_overflow(page->page, page->size, &last) || last > INT64_MAX))
        return cdz_fail(err, CDZ_E_INVALID, "page %zu of %zu rows is out of range", page->page,
                        page->size);
    return CDZ_OK;
}

cdz_rc cdz_repository_execution_get(struct cdz_repository *r, cdz_str id,
                                    struct cdz_execution **ret, struct cdz_err *err)
{
    assert(r && ret);
    return r->ops->execution_get(r, id, ret, err);
}

cdz_rc cdz_repository_execution_find(struct cdz_repository *r, const struct cdz_execution_filter *f,
                                     const struct cdz_page *page, struct cdz_arena *arena,
                                     struct cdz_executions *ret, struct cdz_err *err)
{
    assert(r && f && arena && ret);
    CDZ_TRY(check_page(page, err));
    return r->ops->execution_find(r, f, page, arena, ret, err);
}

cdz_rc cdz_repository_execution_stats(struct cdz_repository *r,
                                      const struct cdz_execution_filter *f,
                                      const struct cdz_spans *spans, bool by_flow,
                                      struct cdz_arena *arena, struct cdz_execution_stat **ret,
                                      size_t *ret_n, struct cdz_err *err)
{
    assert(r && f && spans && arena && ret && ret_n);
    assert(spans->edges || spans->n == 0);
    for (size_t i = 0; i < spans->n; i++)
        assert(spans->edges[i] < spans->edges[i + 1]);
    return r->ops->execution_stats(r, f, spans, by_flow, arena, ret, ret_n, err);
}

cdz_rc cdz_repository_log_find(struct cdz_repository *r, const struct cdz_log_filter *f,
                               const struct cdz_page *page, struct cdz_arena *arena,
                               struct cdz_log_entry **ret, size_t *ret_n, uint64_t *ret_total,
                               struct cdz_err *err)
{
    assert(r && f && arena && ret && ret_n && ret_total);
    CDZ_TRY(check_page(page, err));
    return r->ops->log_find(r, f, page, arena, ret, ret_n, ret_total, err);
}

cdz_rc cdz_repository_metric_find(struct cdz_repository *r, const struct cdz_metric_filter *f,
                                  const struct cdz_page *page, struct cdz_arena *arena,
                                  struct cdz_metric_entry **ret, size_t *ret_n, uint64_t *ret_total,
                                  struct cdz_err *err)
{
    assert(r && f && arena && ret && ret_n && ret_total);
    CDZ_TRY(check_page(page, err));
    return r->ops->metric_find(r, f, page, arena, ret, ret_n, ret_total, err);
}

cdz_rc cdz_repository_flow_save(struct cdz_repository *r, const struct cdz_flow_row *row,
                                int expect_revision, struct cdz_err *err)
{
    assert(r && row);
    assert(row->namespace_.n > 0 && row->id.n > 0);
    assert(row->revision == expect_revision + 1);
    return r->ops->flow_save(r, row, expect_revision, err);
}

cdz_rc cdz_repository_flow_get(struct cdz_repository *r, cdz_str namespace_, cdz_str id,
                               int revision, bool allow_deleted, struct cdz_arena *arena,
                               struct cdz_flow_row *ret, struct cdz_err *err)
{
    assert(r && arena && ret);
    return r->ops->flow_get(r, namespace_, id, revision, allow_deleted, arena, ret, err);
}

cdz_rc cdz_repository_flow_revisions(struct cdz_repository *r, cdz_str namespace_, cdz_str id,
                                     struct cdz_arena *arena, struct cdz_flow_row **ret,
                                     size_t *ret_n, struct cdz_err *err)
{
    assert(r && arena && ret && ret_n);
    return r->ops->flow_revisions(r, namespace_, id, arena, ret, ret_n, err);
}

cdz_rc cdz_repository_flow_find(struct cdz_repository *r, const struct cdz_flow_filter *f,
                                const struct cdz_page *page, struct cdz_arena *arena,
                                struct cdz_flow_row **ret, size_t *ret_n, uint64_t *ret_total,
                                struct cdz_err *err)
{
    assert(r && f && arena && ret && ret_n && ret_total);
    CDZ_TRY(check_page(page, err));
    return r->ops->flow_find(r, f, page, arena, ret, ret_n, ret_total, err);
}

cdz_rc cdz_repository_namespaces(struct cdz_repository *r, cdz_str q, struct cdz_arena *arena,
                                 cdz_str **ret, size_t *ret_n, struct cdz_err *err)
{
    assert(r && arena && ret && ret_n);
    return r->ops->namespaces(r, q, arena, ret, ret_n, err);
}

void cdz_repository_close(struct cdz_repository *r)
{
    if (r)
        r->ops->close(r);
}
