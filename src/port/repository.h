/*
 * repository.h -- what the API and UI search and list: the second seam.
 *
 * Filled by the indexer (executions, task runs, logs, metrics) and by the webserver (flows). It may
 * lag behind the queue; nothing but lists and searches depends on it.
 *
 * Guarantees that every implementation keeps (tests/contract/repository.c checks them):
 *   1. apply() is atomic and idempotent: the same operations again change nothing (an indexer may
 * repeat a batch).
 *   2. What apply() wrote is seen by every later read.
 *   3. An execution document with a lower version never replaces one with a higher.
 *   4. Lists are stable: equal sort keys are ordered by id.
 *
 * Implementations: repository/sqlite.c (embedded), mem.c; wrappers trace.c, fault.c. Threads: any.
 */
#ifndef CDZ_PORT_REPOSITORY_H
#define CDZ_PORT_REPOSITORY_H

#include "base/arena.h"
#include "base/err.h"
#include "model/execution.h"

/* One change of the repository. Bytes are those of the model's encoders. */
struct cdz_repo_op {
    enum cdz_repo_op_kind {
        CDZ_REPO_EXECUTION, /* bytes: cdz_execution_encode (the head) */
        CDZ_REPO_TASKRUN,   /* id: execution id; bytes: cdz_taskrun_encode */
        CDZ_REPO_LOG,    /* bytes: cdz_log_entry_encode; unique: source position, for idempotence */
        CDZ_REPO_METRIC, /* bytes: cdz_metric_entry_encode; unique likewise */
        CDZ_REPO_EXECUTION_DELETE, /* id; with all task runs; flags: CDZ_REPO_LOGS, CDZ_REPO_METRICS
                                      too */
        CDZ_REPO_LOGS_DELETE,      /* log filter */
        CDZ_REPO_METRICS_DELETE,   /* id: of this execution */
    } kind;
    cdz_str id;
    cdz_str bytes;
    uint64_t unique;
    unsigned flags;
    const struct cdz_log_filter *log_filter;
};
enum { CDZ_REPO_LOGS = 1, CDZ_REPO_METRICS = 2 };

struct cdz_page {
    size_t page; /* from 1; 0: no paging */
    size_t size;
    struct cdz_sort {
        cdz_str field; /* the API's names: "state.startDate", "id" ... ; unknown ones are
                          CDZ_E_INVALID */
        bool descending;
    } sort[4];
    size_t sort_count;
};

/* NULL/empty/0: no condition. reference/api.md §1.2. */
struct cdz_execution_filter {
    cdz_str q, namespace_, flow_id, trigger_execution_id;
    bool namespace_exact;
    const cdz_str *label_keys, *label_values;
    size_t label_count;
    uint32_t states;             /* bit per enum cdz_state */
    cdz_us start_from, start_to; /* by the first history date */
    int child;                   /* 1: only children of another execution; 2: only others */
    int scope;                   /* bit 1: USER, bit 2: SYSTEM (namespace "system") */
};

struct cdz_log_filter {
    cdz_str q, namespace_, flow_id, trigger_id, execution_id, task_id, taskrun_id;
    int attempt; /* -1: any */
    enum cdz_level min_level;
    uint32_t levels; /* bit per enum cdz_level: only these; 0: any */
    cdz_us from, to;
};

struct cdz_metric_filter {
    cdz_str execution_id, task_id, taskrun_id, namespace_, flow_id, name;
};

struct cdz_flow_filter {
    cdz_str q, namespace_; /* namespace: equal or below */
    bool namespace_exact;
    const cdz_str *label_keys, *label_values;
    size_t label_count;
    int scope;
    bool with_deleted;
};

/* A stored revision of a flow. */
struct cdz_flow_row {
    cdz_str namespace_, id, source, exception;
    cdz_val labels; /* map */
    int revision;
    bool deleted, disabled;
    cdz_us updated;
};

struct cdz_executions { /* in the caller's arena; each execution has an arena of its own: free them
                         */
    struct cdz_execution **v;
    size_t n;
    uint64_t total;
};

/* Executions that began in one span of time, of one state and (asked by flow) of one flow. */
struct cdz_execution_stat {
    size_t span;
    cdz_str namespace_, flow_id; /* n 0: not asked by flow */
    enum cdz_state state;
    uint64_t count;
    cdz_us min, max, sum; /* how long they took; 0 of a state that is no end */
};
/* Spans of time, one behind the other: span i is [edges[i], edges[i + 1]). */
struct cdz_spans {
    const cdz_us *edges; /* n + 1, ascending */
    size_t n;
};

struct cdz_repository;
struct cdz_repository_ops {
    const char *name; /* the value of "repository.type" */
    cdz_rc (*apply)(struct cdz_repository *, const struct cdz_repo_op *, size_t n,
                    struct cdz_err *);
    cdz_rc (*execution_get)(struct cdz_repository *, cdz_str id, struct cdz_execution **ret,
                            struct cdz_err *);
    cdz_rc (*execution_find)(struct cdz_repository *, const struct cdz_execution_filter *,
                             const struct cdz_page *, struct cdz_arena *,
                             struct cdz_executions *ret, struct cdz_err *);
    /* What there is, in the order of span, namespace, flow, state. */
    cdz_rc (*execution_stats)(struct cdz_repository *, const struct cdz_execution_filter *,
                              const struct cdz_spans *, bool by_flow, struct cdz_arena *,
                              struct cdz_execution_stat **ret, size_t *ret_n, struct cdz_err *);
    cdz_rc (*log_find)(struct cdz_repository *, const struct cdz_log_filter *,
                       const struct cdz_page *, struct cdz_arena *, struct cdz_log_entry **ret,
                       size_t *ret_n, uint64_t *ret_total, struct cdz_err *);
    cdz_rc (*metric_find)(struct cdz_repository *, const struct cdz_metric_filter *,
                          const struct cdz_page *, struct cdz_arena *,
                          struct cdz_metric_entry **ret, size_t *ret_n, uint64_t *ret_total,
                          struct cdz_err *);
    /* Stores a revision if the last one (deleted ones count) is expect_revision (0: none); else
     * CDZ_E_CONFLICT. */
    cdz_rc (*flow_save)(struct cdz_repository *, const struct cdz_flow_row *, int expect_revision,
                        struct cdz_err *);
    /* revision 0: the last. A deleted one only if allow_deleted. CDZ_E_NOT_FOUND. */
    cdz_rc (*flow_get)(struct cdz_repository *, cdz_str namespace_, cdz_str id, int revision,
                       bool allow_deleted, struct cdz_arena *, struct cdz_flow_row *ret,
                       struct cdz_err *);
    cdz_rc (*flow_revisions)(struct cdz_repository *, cdz_str namespace_, cdz_str id,
                             struct cdz_arena *, struct cdz_flow_row **ret, size_t *ret_n,
                             struct cdz_err *);
    cdz_rc (*flow_find)(struct cdz_repository *, const struct cdz_flow_filter *,
                        const struct cdz_page *, struct cdz_arena *, struct cdz_flow_row **ret,
                        size_t *ret_n, uint64_t *ret_total, struct cdz_err *);
    /* Distinct namespaces of live flows that contain q, sorted. */
    cdz_rc (*namespaces)(struct cdz_repository *, cdz_str q, struct cdz_arena *, cdz_str **ret,
                         size_t *ret_n, struct cdz_err *);
    void (*close)(struct cdz_repository *);
};
struct cdz_repository { /* first member of each implementation's own struct */
    const struct cdz_repository_ops *ops;
};

/* Callers use these, never ops. Same arguments, errors and threads as above; blocks its thread. */
CDZ_MUST_USE cdz_rc cdz_repository_apply(struct cdz_repository *r, const struct cdz_repo_op *ops,
                                         size_t n, struct cdz_err *err);
/* With its task runs; the caller frees it (cdz_execution_free). CDZ_E_NOT_FOUND. */
CDZ_MUST_USE cdz_rc cdz_repository_execution_get(struct cdz_repository *r, cdz_str id,
                                                 struct cdz_execution **ret, struct cdz_err *err);
/* Executions come with their task runs. */
CDZ_MUST_USE cdz_rc cdz_repository_execution_find(struct cdz_repository *r,
                                                  const struct cdz_execution_filter *f,
                                                  const struct cdz_page *page,
                                                  struct cdz_arena *arena,
                                                  struct cdz_executions *ret, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_repository_execution_stats(struct cdz_repository *r,
                                                   const struct cdz_execution_filter *f,
                                                   const struct cdz_spans *spans, bool by_flow,
                                                   struct cdz_arena *arena,
                                                   struct cdz_execution_stat **ret, size_t *ret_n,
                                                   struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_repository_log_find(struct cdz_repository *r,
                                            const struct cdz_log_filter *f,
                                            const struct cdz_page *page, struct cdz_arena *arena,
                                            struct cdz_log_entry **ret, size_t *ret_n,
                                            uint64_t *ret_total, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_repository_metric_find(struct cdz_repository *r,
                                               const struct cdz_metric_filter *f,
                                               const struct cdz_page *page, struct cdz_arena *arena,
                                               struct cdz_metric_entry **ret, size_t *ret_n,
                                               uint64_t *ret_total, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_repository_flow_save(struct cdz_repository *r,
                                             const struct cdz_flow_row *row, int expect_revision,
                                             struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_repository_flow_get(struct cdz_repository *r, cdz_str namespace_,
                                            cdz_str id, int revision, bool allow_deleted,
                                            struct cdz_arena *arena, struct cdz_flow_row *ret,
                                            struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_repository_flow_revisions(struct cdz_repository *r, cdz_str namespace_,
                                                  cdz_str id, struct cdz_arena *arena,
                                                  struct cdz_flow_row **ret, size_t *ret_n,
                                                  struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_repository_flow_find(struct cdz_repository *r,
                                             const struct cdz_flow_filter *f,
                                             const struct cdz_page *page, struct cdz_arena *arena,
                                             struct cdz_flow_row **ret, size_t *ret_n,
                                             uint64_t *ret_total, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_repository_namespaces(struct cdz_repository *r, cdz_str q,
                                              struct cdz_arena *arena, cdz_str **ret, size_t *ret_n,
                                              struct cdz_err *err);
void cdz_repository_close(struct cdz_repository *r);

#endif
