/*
 * repository_bench.h -- what the suites of the repository share: opening every backend, making
 * records, and asking questions whose answers are short texts.
 */
#ifndef CDZ_TEST_REPOSITORY_BENCH_H
#define CDZ_TEST_REPOSITORY_BENCH_H

#include "base/codec.h"
#include "contract/tmpdir.h"
#include "port/repository.h"
#include "repository/backends.h"
#include "test.h"

struct bench {
    const char *name;
    char dir[64];
    struct cdz_db *db;
    struct cdz_repository *r;
    struct cdz_arena *arena;
    struct cdz_err err;
    size_t lines;
};

static CDZ_UNUSED void count_line(void *ctx, cdz_str line)
{
    struct bench *b = ctx;
    (void)line;
    b->lines++;
}

static CDZ_UNUSED void open_embedded(struct bench *b)
{
    cdz_rc rc = cdz_db_open(b->dir, NULL, &b->db, &b->err);
    CHECK(rc == CDZ_OK, "%s (%s)", b->err.text, b->err.detail);
    rc = cdz_repository_sqlite_open(b->db, &b->r, &b->err);
    CHECK(rc == CDZ_OK, "%s (%s)", b->err.text, b->err.detail);
}

static CDZ_UNUSED bool bench_open(struct bench *b, int which)
{
    static struct cdz_fault never;
    if (which > 3)
        return false;
    *b = (struct bench){.arena = cdz_arena_open(0)};
    if (which % 2 == 0) {
        b->name = which == 0 ? "mem" : "trace+mem";
        b->r = cdz_repository_mem_open();
    } else {
        b->name = which == 1 ? "embedded" : "fault+embedded";
        tmpdir_make(b->dir);
        open_embedded(b);
    }
    if (which == 2)
        b->r = cdz_repository_trace_open(b->r, count_line, b);
    if (which == 3)
        b->r = cdz_repository_fault_open(b->r, &never);
    return true;
}

static CDZ_UNUSED void bench_close(struct bench *b)
{
    cdz_repository_close(b->r);
    cdz_db_close(b->db);
    cdz_arena_close(b->arena);
    if (*b->dir)
        tmpdir_remove(b->dir);
}

#define EACH_BACKEND(b)                                                                            \
    for (int which_ = 0, open_; (open_ = bench_open(&(b), which_)); bench_close(&(b)), which_++)

/* Making records. Everything lives in the arena. */

struct head {
    const char *id, *namespace_, *flow;
    enum cdz_state state;
    cdz_us start, end; /* end: of a terminated one */
    uint64_t version;
    const char *label, *value; /* NULL: none */
    const char *started_by;    /* another execution; NULL: none */
    bool own_correlation, deleted;
};

static CDZ_UNUSED struct cdz_repo_op head_op(struct cdz_arena *arena, struct head h)
{
    struct cdz_buf CDZ_AUTO_BUF bytes = CDZ_BUF_INIT;
    struct cdz_execution *e = cdz_execution_new();
    e->id = cdz_str_z(h.id);
    e->namespace_ = cdz_str_z(h.namespace_ ? h.namespace_ : "company.team");
    e->flow_id = cdz_str_z(h.flow ? h.flow : "etl");
    e->flow_revision = 1;
    e->version = h.version;
    e->deleted = h.deleted;
    e->labels = CDZ_NEW_N(e->arena, struct cdz_label, 2);
    if (h.label)
        e->labels[e->label_count++] = (struct cdz_label){cdz_str_z(h.label), cdz_str_z(h.value)};
    if (h.own_correlation)
        e->labels[e->label_count++] = (struct cdz_label){CDZ_STR("system.correlationId"), e->id};
    if (h.started_by) {
        e->trigger_id = CDZ_STR("subflow");
        e->trigger_type = CDZ_STR("Subflow");
        e->trigger_variables = cdz_val_map(e->arena, 1);
        cdz_map_putz(e->arena, e->trigger_variables, "executionId", cdz_val_z(h.started_by));
    }
    cdz_history_add(&e->history, e->arena, CDZ_CREATED, h.start);
    if (h.state != CDZ_CREATED)
        cdz_history_add(&e->history, e->arena, CDZ_RUNNING, h.start);
    if (h.state != CDZ_CREATED && h.state != CDZ_RUNNING)
        cdz_history_add(&e->history, e->arena, h.state, h.end);
    cdz_execution_encode(e, &bytes);
    cdz_execution_free(e);
    return (struct cdz_repo_op){
        .kind = CDZ_REPO_EXECUTION, .id = cdz_str_z(h.id), .bytes = cdz_buf_copy(&bytes, arena)};
}

static CDZ_UNUSED struct cdz_repo_op taskrun_op(struct cdz_arena *arena, const char *execution,
                                                uint32_t index, const char *task, uint64_t unique)
{
    struct cdz_buf CDZ_AUTO_BUF bytes = CDZ_BUF_INIT;
    CDZ_AUTO_ARENA own = cdz_arena_open(0);
    struct cdz_taskrun t = {
        .index = index, .parent = CDZ_NO_TASKRUN, .id = CDZ_STR("T"), .task_id = cdz_str_z(task)};
    cdz_history_add(&t.history, own, CDZ_CREATED, 1);
    cdz_taskrun_encode(&t, &bytes);
    return (struct cdz_repo_op){.kind = CDZ_REPO_TASKRUN,
                                .id = cdz_str_z(execution),
                                .bytes = cdz_buf_copy(&bytes, arena),
                                .unique = unique};
}

static CDZ_UNUSED struct cdz_log_entry log_entry(const char *execution, const char *task,
                                                 enum cdz_level level, cdz_us at,
                                                 const char *message)
{
    return (struct cdz_log_entry){.namespace_ = CDZ_STR("company.team"),
                                  .flow_id = CDZ_STR("etl"),
                                  .task_id = cdz_str_z(task),
                                  .execution_id = cdz_str_z(execution),
                                  .taskrun_id = CDZ_STR("TR"),
                                  .attempt = 0,
                                  .at = at,
                                  .level = level,
                                  .thread = CDZ_STR("worker"),
                                  .message = cdz_str_z(message)};
}

static CDZ_UNUSED struct cdz_repo_op log_op(struct cdz_arena *arena, const struct cdz_log_entry *l,
                                            uint64_t unique)
{
    struct cdz_buf CDZ_AUTO_BUF bytes = CDZ_BUF_INIT;
    cdz_log_entry_encode(l, &bytes);
    return (struct cdz_repo_op){.kind = CDZ_REPO_LOG,
                                .id = l->execution_id,
                                .bytes = cdz_buf_copy(&bytes, arena),
                                .unique = unique};
}

static CDZ_UNUSED struct cdz_repo_op metric_op(struct cdz_arena *arena, const char *execution,
                                               const char *task, const char *name, double value,
                                               uint64_t unique)
{
    struct cdz_buf CDZ_AUTO_BUF bytes = CDZ_BUF_INIT;
    struct cdz_metric_entry m = {.namespace_ = CDZ_STR("company.team"),
                                 .flow_id = CDZ_STR("etl"),
                                 .task_id = cdz_str_z(task),
                                 .execution_id = cdz_str_z(execution),
                                 .taskrun_id = CDZ_STR("TR"),
                                 .type = CDZ_STR("counter"),
                                 .name = cdz_str_z(name),
                                 .value = value,
                                 .at = (cdz_us)unique};
    cdz_metric_entry_encode(&m, &bytes);
    return (struct cdz_repo_op){.kind = CDZ_REPO_METRIC,
                                .id = m.execution_id,
                                .bytes = cdz_buf_copy(&bytes, arena),
                                .unique = unique};
}

static CDZ_UNUSED void apply(struct bench *b, const struct cdz_repo_op *ops, size_t n)
{
    cdz_rc rc = cdz_repository_apply(b->r, ops, n, &b->err);
    CHECK(rc == CDZ_OK, "%s: apply: %s (%s)", b->name, b->err.text, b->err.detail);
}
#define APPLY(b, ...)                                                                              \
    do {                                                                                           \
        struct cdz_repo_op ops_[] = {__VA_ARGS__};                                                 \
        apply((b), ops_, CDZ_COUNT(ops_));                                                         \
    } while (0)

/* Asking. Answers as text, so that a failure shows what came. */

static CDZ_UNUSED const char *ids(struct bench *b, const struct cdz_execution_filter *f,
                                  const struct cdz_page *page)
{
    struct cdz_executions found = {0};
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    cdz_rc rc = cdz_repository_execution_find(b->r, f, page, b->arena, &found, &b->err);
    CHECK(rc == CDZ_OK, "%s: find: %s (%s)", b->name, b->err.text, b->err.detail);
    for (size_t i = 0; i < found.n; i++) {
        cdz_buf_printf(&text, "%.*s ", CDZ_S(found.v[i]->id));
        cdz_execution_free(found.v[i]);
    }
    cdz_buf_printf(&text, "of %llu", (unsigned long long)found.total);
    return cdz_buf_copy(&text, b->arena).p;
}

static CDZ_UNUSED void expect_ids(struct bench *b, const char *why, struct cdz_execution_filter f,
                                  struct cdz_page page, const char *want)
{
    const char *got = ids(b, &f, &page);
    CHECK(strcmp(got, want) == 0, "%s: %s: %s, want %s", b->name, why, got, want);
}

/* "span/namespace.flow/STATE=count(min,max,sum)" */
static CDZ_UNUSED const char *stats(struct bench *b, const struct cdz_execution_filter *f,
                                    const struct cdz_spans *spans, bool by_flow)
{
    struct cdz_execution_stat *v = NULL;
    size_t n = 0;
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    cdz_rc rc = cdz_repository_execution_stats(b->r, f, spans, by_flow, b->arena, &v, &n, &b->err);
    CHECK(rc == CDZ_OK, "%s: stats: %s (%s)", b->name, b->err.text, b->err.detail);
    for (size_t i = 0; i < n; i++)
        cdz_buf_printf(&text, "%zu/%.*s.%.*s/%s=%llu(%lld,%lld,%lld) ", v[i].span,
                       CDZ_S(v[i].namespace_), CDZ_S(v[i].flow_id), cdz_state_name(v[i].state),
                       (unsigned long long)v[i].count, (long long)v[i].min, (long long)v[i].max,
                       (long long)v[i].sum);
    return cdz_buf_copy(&text, b->arena).p;
}

static CDZ_UNUSED const char *messages(struct bench *b, const struct cdz_log_filter *f,
                                       const struct cdz_page *page)
{
    struct cdz_log_entry *v = NULL;
    size_t n = 0;
    uint64_t total = 0;
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    cdz_rc rc = cdz_repository_log_find(b->r, f, page, b->arena, &v, &n, &total, &b->err);
    CHECK(rc == CDZ_OK, "%s: logs: %s (%s)", b->name, b->err.text, b->err.detail);
    for (size_t i = 0; i < n; i++)
        cdz_buf_printf(&text, "%.*s ", CDZ_S(v[i].message));
    cdz_buf_printf(&text, "of %llu", (unsigned long long)total);
    return cdz_buf_copy(&text, b->arena).p;
}

static CDZ_UNUSED void expect_messages(struct bench *b, const char *why, struct cdz_log_filter f,
                                       struct cdz_page page, const char *want)
{
    const char *got = messages(b, &f, &page);
    CHECK(strcmp(got, want) == 0, "%s: %s: %s, want %s", b->name, why, got, want);
}

static CDZ_UNUSED struct cdz_page sorted(const char *field, bool descending)
{
    return (struct cdz_page){.sort = {{cdz_str_z(field), descending}}, .sort_count = 1};
}

static CDZ_UNUSED void expect_state(struct bench *b, const char *id, enum cdz_state want,
                                    size_t taskruns)
{
    struct cdz_execution *e = NULL;
    cdz_rc rc = cdz_repository_execution_get(b->r, cdz_str_z(id), &e, &b->err);
    CHECK(rc == CDZ_OK, "%s: %s: %s", b->name, id, cdz_rc_name(rc));
    if (rc != CDZ_OK)
        return;
    CHECK(cdz_state_now(&e->history) == want, "%s: %s is %s", b->name, id,
          cdz_state_name(cdz_state_now(&e->history)));
    CHECK(e->taskruns.n == taskruns, "%s: %s has %zu task runs", b->name, id, e->taskruns.n);
    cdz_execution_free(e);
}

#endif
