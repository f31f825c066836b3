/* trace.c -- reports every call of another repository as one line. */
#include "repository/backends.h"

struct trace_repository {
    struct cdz_repository base; /* must be first */
    struct cdz_repository *inner;
    void (*line)(void *ctx, cdz_str line);
    void *ctx;
};

static struct cdz_repository *inner_of(struct cdz_repository *r)
{
    return ((struct trace_repository *)r)->inner;
}

static cdz_rc report(struct cdz_repository *r, const char *call, cdz_rc rc, const char *fmt, ...)
    CDZ_PRINTF(4, 5);
static cdz_rc report(struct cdz_repository *r, const char *call, cdz_rc rc, const char *fmt, ...)
{
    struct trace_repository *t = (struct trace_repository *)r;
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    va_list ap;
    va_start(ap, fmt);
    cdz_str what = cdz_arena_vprintf(arena, fmt, ap);
    va_end(ap);
    t->line(t->ctx, cdz_arena_printf(arena, "%s %.*s rc=%s", call, CDZ_S(what), cdz_rc_name(rc)));
    return rc;
}

static cdz_rc trace_apply(struct cdz_repository *r, const struct cdz_repo_op *changes, size_t n,
                          struct cdz_err *err)
{
    cdz_rc rc = inner_of(r)->ops->apply(inner_of(r), changes, n, err);
    return report(r, "apply", rc, "n=%zu", n);
}

static cdz_rc trace_execution_get(struct cdz_repository *r, cdz_str id, struct cdz_execution **ret,
                                  struct cdz_err *err)
{
    cdz_rc rc = inner_of(r)->ops->execution_get(inner_of(r), id, ret, err);
    return report(r, "execution_get", rc, "id=%.*s", CDZ_S(id));
}

static cdz_rc trace_execution_find(struct cdz_repository *r, const struct cdz_execution_filter *f,
                                   const struct cdz_page *page, struct cdz_arena *arena,
                                   struct cdz_executions *ret, struct cdz_err *err)
{
    cdz_rc rc = inner_of(r)->ops->execution_find(inner_of(r), f, page, arena, ret, err);
    return report(r, "execution_find", rc, "page=%zu", page->page);
}

static cdz_rc trace_execution_stats(struct cdz_repository *r, const struct cdz_execution_filter *f,
                                    const struct cdz_spans *spans, bool by_flow,
                                    struct cdz_arena *arena, struct cdz_execution_stat **ret,
                                    size_t *ret_n, struct cdz_err *err)
{
    cdz_rc rc =
        inner_of(r)->ops->execution_stats(inner_of(r), f, spans, by_flow, arena, ret, ret_n, err);
    return report(r, "execution_stats", rc, "spans=%zu", spans->n);
}

static cdz_rc trace_log_find(struct cdz_repository *r, const struct cdz_log_filter *f,
                             const struct cdz_page *page, struct cdz_arena *arena,
                             struct cdz_log_entry **ret, size_t *ret_n, uint64_t *ret_total,
                             struct cdz_err *err)
{
    cdz_rc rc = inner_of(r)->ops->log_find(inner_of(r), f, page, arena, ret, ret_n, ret_total, err);
    return report(r, "log_find", rc, "page=%zu", page->page);
}

static cdz_rc trace_metric_find(struct cdz_repository *r, const struct cdz_metric_filter *f,
                                const struct cdz_page *page, struct cdz_arena *arena,
                                struct cdz_metric_entry **ret, size_t *ret_n, uint64_t *ret_total,
                                struct cdz_err *err)
{
    cdz_rc rc =
        inner_of(r)->ops->metric_find(inner_of(r), f, page, arena, ret, ret_n, ret_total, err);
    return report(r, "metric_find", rc, "page=%zu", page->page);
}

static cdz_rc trace_flow_save(struct cdz_repository *r, const struct cdz_flow_row *row,
                              int expect_revision, struct cdz_err *err)
{
    cdz_rc rc = inner_of(r)->ops->flow_save(inner_of(r), row, expect_revision, err);
    return report(r, "flow_save", rc, "flow=%.*s.%.*s revision=%d", CDZ_S(row->namespace_),
                  CDZ_S(row->id), row->revision);
}

static cdz_rc trace_flow_get(struct cdz_repository *r, cdz_str namespace_, cdz_str id, int revision,
                             bool allow_deleted, struct cdz_arena *arena, struct cdz_flow_row *ret,
                             struct cdz_err *err)
{
    cdz_rc rc = inner_of(r)->ops->flow_get(inner_of(r), namespace_, id, revision, allow_deleted,
                                           arena, ret, err);
    return report(r, "flow_get", rc, "flow=%.*s.%.*s revision=%d", CDZ_S(namespace_), CDZ_S(id),
                  revision);
}

static cdz_rc trace_flow_revisions(struct cdz_repository *r, cdz_str namespace_, cdz_str id,
                                   struct cdz_arena *arena, struct cdz_flow_row **ret,
                                   size_t *ret_n, struct cdz_err *err)
{
    cdz_rc rc =
        inner_of(r)->ops->flow_revisions(inner_of(r), namespace_, id, arena, ret, ret_n, err);
    return report(r, "flow_revisions", rc, "flow=%.*s.%.*s", CDZ_S(namespace_), CDZ_S(id));
}

static cdz_rc trace_flow_find(struct cdz_repository *r, const struct cdz_flow_filter *f,
                              const struct cdz_page *page, struct cdz_arena *arena,
                              struct cdz_flow_row **ret, size_t *ret_n, uint64_t *ret_total,
                              struct cdz_err *err)
{
    cdz_rc rc =
        inner_of(r)->ops->flow_find(inner_of(r), f, page, arena, ret, ret_n, ret_total, err);
    return report(r, "flow_find", rc, "page=%zu", page->page);
}

static cdz_rc trace_namespaces(struct cdz_repository *r, cdz_str q, struct cdz_arena *arena,
                               cdz_str **ret, size_t *ret_n, struct cdz_err *err)
{
    cdz_rc rc = inner_of(r)->ops->namespaces(inner_of(r), q, arena, ret, ret_n, err);
    return report(r, "namespaces", rc, "q=%.*s", CDZ_S(q));
}

static void trace_close(struct cdz_repository *r)
{
    inner_of(r)->ops->close(inner_of(r));
    free(r);
}

static const struct cdz_repository_ops ops = {
    .name = "trace",
    .apply = trace_apply,
    .execution_get = trace_execution_get,
    .execution_find = trace_execution_find,
    .execution_stats = trace_execution_stats,
    .log_find = trace_log_find,
    .metric_find = trace_metric_find,
    .flow_save = trace_flow_save,
    .flow_get = trace_flow_get,
    .flow_revisions = trace_flow_revisions,
    .flow_find = trace_flow_find,
    .namespaces = trace_namespaces,
    .close = trace_close,
};

struct cdz_repository *cdz_repository_trace_open(struct cdz_repository *inner,
                                                 void (*line)(void *ctx, cdz_str line), void *ctx)
{
    struct trace_repository *w = calloc(1, sizeof(*w));
    if (!w)
        abort();
    w->base.ops = &ops;
    w->inner = inner;
    w->line = line;
    w->ctx = ctx;
    return &w->base;
}
