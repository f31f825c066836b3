/* fault.c -- a repository that fails on demand, around any other one: port/fault.h. */
#include "repository/backends.h"

struct fault_repository {
    struct cdz_repository base; /* must be first */
    struct cdz_repository *inner;
    struct cdz_fault *fault;
};

static struct cdz_repository *inner_of(struct cdz_repository *r)
{
    return ((struct fault_repository *)r)->inner;
}

static struct cdz_fault *fault_of(struct cdz_repository *r)
{
    return ((struct fault_repository *)r)->fault;
}

static cdz_rc fault_apply(struct cdz_repository *r, const struct cdz_repo_op *changes, size_t n,
                          struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(r), "apply", inner_of(r)->ops->apply(inner_of(r), changes, n, err));
}

static cdz_rc fault_execution_get(struct cdz_repository *r, cdz_str id, struct cdz_execution **ret,
                                  struct cdz_err *err)
{
    /* Never "after": the executions would be lost. */
    if (cdz_fault_due(fault_of(r)))
        return cdz_fault_fail(err, "execution_get");
    return inner_of(r)->ops->execution_get(inner_of(r), id, ret, err);
}

static cdz_rc fault_execution_find(struct cdz_repository *r, const struct cdz_execution_filter *f,
                                   const struct cdz_page *page, struct cdz_arena *arena,
                                   struct cdz_executions *ret, struct cdz_err *err)
{
    /* Never "after": the executions would be lost. */
    if (cdz_fault_due(fault_of(r)))
        return cdz_fault_fail(err, "execution_find");
    return inner_of(r)->ops->execution_find(inner_of(r), f, page, arena, ret, err);
}

static cdz_rc fault_execution_stats(struct cdz_repository *r, const struct cdz_execution_filter *f,
                                    const struct cdz_spans *spans, bool by_flow,
                                    struct cdz_arena *arena, struct cdz_execution_stat **ret,
                                    size_t *ret_n, struct cdz_err *err)
{
    CDZ_FAULT_CALL(
        fault_of(r), "execution_stats",
        inner_of(r)->ops->execution_stats(inner_of(r), f, spans, by_flow, arena, ret, ret_n, err));
}

static cdz_rc fault_log_find(struct cdz_repository *r, const struct cdz_log_filter *f,
                             const struct cdz_page *page, struct cdz_arena *arena,
                             struct cdz_log_entry **ret, size_t *ret_n, uint64_t *ret_total,
                             struct cdz_err *err)
{
    CDZ_FAULT_CALL(
        fault_of(r), "log_find",
        inner_of(r)->ops->log_find(inner_of(r), f, page, arena, ret, ret_n, ret_total, err));
}

static cdz_rc fault_metric_find(struct cdz_repository *r, const struct cdz_metric_filter *f,
                                const struct cdz_page *page, struct cdz_arena *arena,
                                struct cdz_metric_entry **ret, size_t *ret_n, uint64_t *ret_total,
                                struct cdz_err *err)
{
    CDZ_FAULT_CALL(
        fault_of(r), "metric_find",
        inner_of(r)->ops->metric_find(inner_of(r), f, page, arena, ret, ret_n, ret_total, err));
}

static cdz_rc fault_flow_save(struct cdz_repository *r, const struct cdz_flow_row *row,
                              int expect_revision, struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(r), "flow_save",
                   inner_of(r)->ops->flow_save(inner_of(r), row, expect_revision, err));
}

static cdz_rc fault_flow_get(struct cdz_repository *r, cdz_str namespace_, cdz_str id, int revision,
                             bool allow_deleted, struct cdz_arena *arena, struct cdz_flow_row *ret,
                             struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(r), "flow_get",
                   inner_of(r)->ops->flow_get(inner_of(r), namespace_, id, revision, allow_deleted,
                                              arena, ret, err));
}

static cdz_rc fault_flow_revisions(struct cdz_repository *r, cdz_str namespace_, cdz_str id,
                                   struct cdz_arena *arena, struct cdz_flow_row **ret,
                                   size_t *ret_n, struct cdz_err *err)
{
    CDZ_FAULT_CALL(
        fault_of(r), "flow_revisions",
        inner_of(r)->ops->flow_revisions(inner_of(r), namespace_, id, arena, ret, ret_n, err));
}

static cdz_rc fault_flow_find(struct cdz_repository *r, const struct cdz_flow_filter *f,
                              const struct cdz_page *page, struct cdz_arena *arena,
                              struct cdz_flow_row **ret, size_t *ret_n, uint64_t *ret_total,
                              struct cdz_err *err)
{
    CDZ_FAULT_CALL(
        fault_of(r), "flow_find",
        inner_of(r)->ops->flow_find(inner_of(r), f, page, arena, ret, ret_n, ret_total, err));
}

static cdz_rc fault_namespaces(struct cdz_repository *r, cdz_str q, struct cdz_arena *arena,
                               cdz_str **ret, size_t *ret_n, struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(r), "namespaces",
                   inner_of(r)->ops->namespaces(inner_of(r), q, arena, ret, ret_n, err));
}

static void fault_close(struct cdz_repository *r)
{
    inner_of(r)->ops->close(inner_of(r));
    free(r);
}

static const struct cdz_repository_ops ops = {
    .name = "fault",
    .apply = fault_apply,
    .execution_get = fault_execution_get,
    .execution_find = fault_execution_find,
    .execution_stats = fault_execution_stats,
    .log_find = fault_log_find,
    .metric_find = fault_metric_find,
    .flow_save = fault_flow_save,
    .flow_get = fault_flow_get,
    .flow_revisions = fault_flow_revisions,
    .flow_find = fault_flow_find,
    .namespaces = fault_namespaces,
    .close = fault_close,
};

struct cdz_repository *cdz_repository_fault_open(struct cdz_repository *inner,
                                                 struct cdz_fault *fault)
{
    struct fault_repository *w = calloc(1, sizeof(*w));
    if (!w)
        abort();
    w->base.ops = &ops;
    w->inner = inner;
    w->fault = fault;
    return &w->base;
}
