/* mem.h -- what the files of the memory repository share; for mem*.c only. */
#ifndef CDZ_REPOSITORY_MEM_H
#define CDZ_REPOSITORY_MEM_H

#include <pthread.h>

#include "base/buf.h"
#include "base/map.h"
#include "repository/backends.h"
#include "repository/match.h"

/* A text in a heap block of its own. */
struct text {
    char *p;
    size_t n;
};

struct mem_execution {
    size_t at;            /* in executions */
    struct text id, head; /* head empty: only task runs have come so far */
    uint64_t version;
    struct text *taskruns; /* by index; empty: a gap */
    size_t taskrun_n, taskrun_cap;
};

struct mem_entry { /* a log entry or a metric */
    struct text id, bytes;
    uint64_t unique;
};

struct mem_entries {
    struct mem_entry *v;
    size_t n, cap;
    uint64_t newest; /* the largest unique */
};

struct mem_flow {
    struct cdz_arena *arena;
    struct cdz_flow_row row;
    bool is_last;
};

struct mem_repository {
    struct cdz_repository base; /* must be first */
    pthread_mutex_t mutex;      /* guards all below */
    struct mem_execution **executions;
    struct cdz_table by_id; /* execution id -> struct mem_execution */
    size_t execution_n, execution_cap;
    struct mem_entries logs, metrics;
    struct mem_flow *flows;
    size_t flow_n, flow_cap;
};

static inline struct mem_repository *mem_lock(struct cdz_repository *r)
{
    struct mem_repository *m = (struct mem_repository *)r;
    pthread_mutex_lock(&m->mutex);
    return m;
}

static inline cdz_rc mem_unlock(struct mem_repository *m, cdz_rc rc)
{
    pthread_mutex_unlock(&m->mutex);
    return rc;
}

static inline cdz_str text_get(const struct text *t)
{
    return (cdz_str){t->p, t->n};
}
struct text text_of(cdz_str s);
/* Room for one more item of an array. */
void *mem_grow(void *v, size_t n, size_t *cap, size_t size);

/* mem_log.c */
void mem_entry_add(struct mem_entries *to, cdz_str id, cdz_str bytes, uint64_t unique);
void mem_entries_delete(struct mem_entries *from, cdz_str id);
void mem_entries_done(struct mem_entries *entries);
void mem_logs_delete(struct mem_repository *m, const struct cdz_log_filter *f);
cdz_rc mem_log_find(struct cdz_repository *r, const struct cdz_log_filter *f,
                    const struct cdz_page *page, struct cdz_arena *arena,
                    struct cdz_log_entry **ret, size_t *ret_n, uint64_t *ret_total,
                    struct cdz_err *err);
cdz_rc mem_metric_find(struct cdz_repository *r, const struct cdz_metric_filter *f,
                       const struct cdz_page *page, struct cdz_arena *arena,
                       struct cdz_metric_entry **ret, size_t *ret_n, uint64_t *ret_total,
                       struct cdz_err *err);

/* mem_flow.c */
void mem_flows_done(struct mem_repository *m);
cdz_rc mem_flow_save(struct cdz_repository *r, const struct cdz_flow_row *row, int expect_revision,
                     struct cdz_err *err);
cdz_rc mem_flow_get(struct cdz_repository *r, cdz_str namespace_, cdz_str id, int revision,
                    bool allow_deleted, struct cdz_arena *arena, struct cdz_flow_row *ret,
                    struct cdz_err *err);
cdz_rc mem_flow_revisions(struct cdz_repository *r, cdz_str namespace_, cdz_str id,
                          struct cdz_arena *arena, struct cdz_flow_row **ret, size_t *ret_n,
                          struct cdz_err *err);
cdz_rc mem_flow_find(struct cdz_repository *r, const struct cdz_flow_filter *f,
                     const struct cdz_page *page, struct cdz_arena *arena,
                     struct cdz_flow_row **ret, size_t *ret_n, uint64_t *ret_total,
                     struct cdz_err *err);
cdz_rc mem_namespaces(struct cdz_repository *r, cdz_str q, struct cdz_arena *arena, cdz_str **ret,
                      size_t *ret_n, struct cdz_err *err);

#endif
