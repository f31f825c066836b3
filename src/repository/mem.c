/*
 * mem.c -- the repository in memory: arrays of records, searched from end to end. The plain meaning
 * of the contract, against which the others are tested. This file: executions; mem_log.c: logs and
 * metrics; mem_flow.c: flows.
 */
#include "repository/mem.h"

#include <assert.h>

#include "repository/record.h"

struct text text_of(cdz_str s)
{
    struct text t = {malloc(s.n + 1), s.n};
    if (!t.p)
        abort();
    if (s.n)
        memcpy(t.p, s.p, s.n);
    return t;
}

void *mem_grow(void *v, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return v;
    *cap = *cap ? *cap * 2 : 16;
    v = realloc(v, *cap * size);
    if (!v)
        abort();
    return v;
}

static struct mem_execution *find(const struct mem_repository *m, cdz_str id)
{
    return cdz_table_get(&m->by_id, id);
}

static struct mem_execution *find_or_add(struct mem_repository *m, cdz_str id)
{
    struct mem_execution *x = find(m, id);
    if (x)
        return x;
    x = calloc(1, sizeof(*x));
    if (!x)
        abort();
    x->id = text_of(id);
    x->at = m->execution_n;
    m->executions =
        mem_grow(m->executions, m->execution_n, &m->execution_cap, sizeof(struct mem_execution *));
    m->executions[m->execution_n++] = x;
    (void)cdz_table_put(&m->by_id, id, x); /* it was not there */
    return x;
}

static void execution_free(struct mem_execution *x)
{
    for (size_t i = 0; i < x->taskrun_n; i++)
        free(x->taskruns[i].p);
    free(x->taskruns);
    free(x->head.p);
    free(x->id.p);
    free(x);
}

static void put_head(struct mem_repository *m, const struct cdz_execution *e, cdz_str bytes)
{
    struct mem_execution *x = find_or_add(m, e->id);
    if (x->head.n && e->version < x->version)
        return;
    free(x->head.p);
    x->head = text_of(bytes);
    x->version = e->version;
}

static void put_taskrun(struct mem_repository *m, cdz_str id, cdz_str bytes, uint32_t index)
{
    struct mem_execution *x = find_or_add(m, id);
    while (x->taskrun_n <= index) {
        x->taskruns = mem_grow(x->taskruns, x->taskrun_n, &x->taskrun_cap, sizeof(*x->taskruns));
        x->taskruns[x->taskrun_n++] = (struct text){0};
    }
    free(x->taskruns[index].p);
    x->taskruns[index] = text_of(bytes);
}

static void delete_execution(struct mem_repository *m, cdz_str id, unsigned flags)
{
    struct mem_execution *x = find(m, id);
    if (flags & CDZ_REPO_LOGS)
        mem_entries_delete(&m->logs, id);
    if (flags & CDZ_REPO_METRICS)
        mem_entries_delete(&m->metrics, id);
    if (!x)
        return;
    struct mem_execution *last = m->executions[--m->execution_n];
    m->executions[x->at] = last;
    last->at = x->at;
    (void)cdz_table_del(&m->by_id, id); /* x itself */
    execution_free(x);
}

/* Everything that can be wrong with an operation is found before the first changes anything: apply
 * is atomic. */
static cdz_rc check(const struct cdz_repo_op *op, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_execution *e;
    struct cdz_log_entry log;
    struct cdz_metric_entry metric;
    uint32_t index;
    switch (op->kind) {
    case CDZ_REPO_EXECUTION:
        CDZ_TRY(cdz_execution_decode(op->bytes, &e, err));
        cdz_execution_free(e);
        break;
    case CDZ_REPO_TASKRUN:
        return taskrun_index(op->bytes, &index, err);
    case CDZ_REPO_LOG:
        return cdz_log_entry_decode(op->bytes, &log, err);
    case CDZ_REPO_METRIC:
        return cdz_metric_entry_decode(op->bytes, arena, &metric, err);
    case CDZ_REPO_EXECUTION_DELETE:
    case CDZ_REPO_LOGS_DELETE:
    case CDZ_REPO_METRICS_DELETE:
        break;
    }
    return CDZ_OK;
}

/* The records were decoded by check(): they cannot fail again. */
static void apply_one(struct mem_repository *m, const struct cdz_repo_op *op)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_execution *e = NULL;
    struct cdz_log_entry log = {0};
    struct cdz_metric_entry metric = {0};
    struct cdz_err ignored;
    uint32_t index = 0;
    switch (op->kind) {
    case CDZ_REPO_EXECUTION:
        if (cdz_execution_decode(op->bytes, &e, &ignored) == CDZ_OK)
            put_head(m, e, op->bytes);
        cdz_execution_free(e);
        break;
    case CDZ_REPO_TASKRUN:
        if (taskrun_index(op->bytes, &index, &ignored) == CDZ_OK)
            put_taskrun(m, op->id, op->bytes, index);
        break;
    case CDZ_REPO_LOG:
        if (cdz_log_entry_decode(op->bytes, &log, &ignored) == CDZ_OK)
            mem_entry_add(&m->logs, log.execution_id, op->bytes, op->unique);
        break;
    case CDZ_REPO_METRIC:
        if (cdz_metric_entry_decode(op->bytes, arena, &metric, &ignored) == CDZ_OK)
            mem_entry_add(&m->metrics, metric.execution_id, op->bytes, op->unique);
        break;
    case CDZ_REPO_EXECUTION_DELETE:
        delete_execution(m, op->id, op->flags);
        break;
    case CDZ_REPO_LOGS_DELETE:
        mem_logs_delete(m, op->log_filter);
        break;
    case CDZ_REPO_METRICS_DELETE:
        mem_entries_delete(&m->metrics, op->id);
        break;
    }
}

static cdz_rc mem_apply(struct cdz_repository *r, const struct cdz_repo_op *ops, size_t n,
                        struct cdz_err *err)
{
    for (size_t i = 0; i < n; i++)
        CDZ_TRY(check(&ops[i], err));
    struct mem_repository *m = mem_lock(r);
    for (size_t i = 0; i < n; i++)
        apply_one(m, &ops[i]);
    return mem_unlock(m, CDZ_OK);
}

static cdz_rc load(const struct mem_execution *x, struct cdz_execution **ret, struct cdz_err *err)
{
    struct cdz_execution *e;
    CDZ_TRY(cdz_execution_decode(text_get(&x->head), &e, err));
    for (size_t i = 0; i < x->taskrun_n && x->taskruns[i].p; i++) {
        cdz_rc rc = cdz_taskrun_decode_into(text_get(&x->taskruns[i]), e, err);
        if (rc != CDZ_OK) {
            cdz_execution_free(e);
            return rc;
        }
    }
    *ret = e;
    return CDZ_OK;
}

static cdz_rc mem_execution_get(struct cdz_repository *r, cdz_str id, struct cdz_execution **ret,
                                struct cdz_err *err)
{
    struct mem_repository *m = mem_lock(r);
    const struct mem_execution *x = find(m, id);
    struct cdz_execution *e = NULL;
    cdz_rc rc = CDZ_OK;
    if (x && x->head.n)
        rc = load(x, &e, err);
    if (rc == CDZ_OK && (!e || e->deleted)) {
        cdz_execution_free(e);
        rc = cdz_fail(err, CDZ_E_NOT_FOUND, "execution %.*s not found", CDZ_S(id));
    }
    if (rc == CDZ_OK)
        *ret = e;
    return mem_unlock(m, rc);
}

/* An execution that matches, while the page is not known yet. */
struct found {
    struct cdz_execution *e;
    struct columns columns;
    const struct cdz_page *page;
};

static int found_compare(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return columns_compare(&x->columns, &y->columns, x->page);
}

static cdz_rc mem_execution_find(struct cdz_repository *r, const struct cdz_execution_filter *f,
                                 const struct cdz_page *page, struct cdz_arena *arena,
                                 struct cdz_executions *ret, struct cdz_err *err)
{
    CDZ_VEC(struct found) found = {0};
    struct words words = words_of(f->q, arena);
    enum execution_sort by;
    size_t from, to;
    cdz_rc rc = CDZ_OK;
    for (size_t i = 0; i < page->sort_count; i++)
        CDZ_TRY(execution_sort_of(&page->sort[i], &by, err));
    struct mem_repository *m = mem_lock(r);
    for (size_t i = 0; rc == CDZ_OK && i < m->execution_n; i++) {
        struct found x = {.page = page};
        if (!m->executions[i]->head.n)
            continue;
        rc = load(m->executions[i], &x.e, err);
        if (rc != CDZ_OK)
            break;
        x.columns = columns_of(x.e);
        if (columns_match(&x.columns, f, &words))
            CDZ_PUSH(arena, &found, x);
        else
            cdz_execution_free(x.e);
    }
    mem_unlock(m, rc);
    if (found.n)
        qsort(found.v, found.n, sizeof(*found.v), found_compare);
    page_range(page, rc == CDZ_OK ? found.n : 0, &from, &to);
    struct cdz_execution **v = CDZ_NEW_N(arena, struct cdz_execution *, to - from);
    for (size_t i = 0; i < found.n; i++) {
        if (rc == CDZ_OK && i >= from && i < to)
            v[i - from] = found.v[i].e;
        else
            cdz_execution_free(found.v[i].e);
    }
    if (rc == CDZ_OK)
        *ret = (struct cdz_executions){v, to - from, found.n};
    return rc;
}

static cdz_rc mem_execution_stats(struct cdz_repository *r, const struct cdz_execution_filter *f,
                                  const struct cdz_spans *spans, bool by_flow,
                                  struct cdz_arena *arena, struct cdz_execution_stat **ret,
                                  size_t *ret_n, struct cdz_err *err)
{
    CDZ_VEC(struct cdz_execution_stat) found = {0};
    struct words words = words_of(f->q, arena);
    cdz_rc rc = CDZ_OK;
    struct mem_repository *m = mem_lock(r);
    for (size_t i = 0; rc == CDZ_OK && i < m->execution_n; i++) {
        struct cdz_execution *e;
        size_t span = 0;
        if (!m->executions[i]->head.n)
            continue;
        rc = load(m->executions[i], &e, err);
        if (rc != CDZ_OK)
            break;
        struct columns c = columns_of(e);
        while (span < spans->n && c.start >= spans->edges[span + 1])
            span++;
        if (span < spans->n && c.start >= spans->edges[span] && columns_match(&c, f, &words)) {
            cdz_us took = c.end == END_NONE ? 0 : c.end - c.start;
            struct cdz_execution_stat one = {.span = span,
                                             .state = (enum cdz_state)c.state,
                                             .count = 1,
                                             .min = took,
                                             .max = took,
                                             .sum = took};
            if (by_flow) {
                one.namespace_ = cdz_arena_str(arena, c.namespace_);
                one.flow_id = cdz_arena_str(arena, c.flow_id);
            }
            CDZ_PUSH(arena, &found, one);
        }
        cdz_execution_free(e);
    }
    *ret = found.v;
    *ret_n = stats_merge(found.v, found.n);
    return mem_unlock(m, rc);
}

static void mem_close(struct cdz_repository *r)
{
    struct mem_repository *m = (struct mem_repository *)r;
    for (size_t i = 0; i < m->execution_n; i++)
        execution_free(m->executions[i]);
    free(m->executions);
    cdz_table_done(&m->by_id);
    mem_entries_done(&m->logs);
    mem_entries_done(&m->metrics);
    mem_flows_done(m);
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

static const struct cdz_repository_ops ops = {
    .name = "memory",
    .apply = mem_apply,
    .execution_get = mem_execution_get,
    .execution_find = mem_execution_find,
    .execution_stats = mem_execution_stats,
    .log_find = mem_log_find,
    .metric_find = mem_metric_find,
    .flow_save = mem_flow_save,
    .flow_get = mem_flow_get,
    .flow_revisions = mem_flow_revisions,
    .flow_find = mem_flow_find,
    .namespaces = mem_namespaces,
    .close = mem_close,
};

struct cdz_repository *cdz_repository_mem_open(void)
{
    struct mem_repository *m = calloc(1, sizeof(*m));
    if (!m)
        abort();
    m->base.ops = &ops;
    pthread_mutex_init(&m->mutex, NULL);
    return &m->base;
}
