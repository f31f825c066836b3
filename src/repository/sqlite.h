/* sqlite.h -- what the files of the embedded repository share; for sqlite*.c only. Tables:
 * sqlite.c. */
#ifndef CDZ_REPOSITORY_SQLITE_H
#define CDZ_REPOSITORY_SQLITE_H

#include "base/buf.h"
#include "repository/backends.h"
#include "repository/match.h"
#include "repository/record.h"

struct sqlite_repository {
    struct cdz_repository base; /* must be first */
    struct cdz_db *db;
};

static inline struct cdz_db *db_of(struct cdz_repository *r)
{
    return ((struct sqlite_repository *)r)->db;
}

/* A statement built piece by piece, and its parameters in order. */
struct query {
    struct cdz_buf sql;
    struct cdz_arena *arena;
    struct query_param {
        bool is_text;
        cdz_str text;
        int64_t number;
    } * v;
    size_t n, cap;
};
void query_init(struct query *q, struct cdz_arena *arena);
void query_done(struct query *q);
void query_add(struct query *q, const char *sql);
/* sql has one '?'. */
void query_int(struct query *q, const char *sql, int64_t v);
void query_text(struct query *q, const char *sql, cdz_str v);
/* "(1,2,3)" */
void query_ints(struct query *q, const int64_t *v, size_t n);
/* Adds " AND col>=? AND col<?": the texts that begin with prefix. */
void query_prefix(struct query *q, const char *column, cdz_str prefix);
/* Prepares and binds; end it with cdz_stmt_end. */
CDZ_MUST_USE cdz_rc query_start(struct query *q, struct cdz_conn *conn, struct cdz_stmt *ret,
                                struct cdz_err *err);
/* The first column of its first row; 0 for NULL. */
CDZ_MUST_USE cdz_rc query_number(struct query *q, struct cdz_conn *conn, int64_t *ret,
                                 struct cdz_err *err);

/* The numbers of the flows (flow_key) that meet these conditions; *ret_all: every flow there is
 * does. */
struct flow_set {
    int64_t *v;
    size_t n;
    bool all;
};
CDZ_MUST_USE cdz_rc flow_set_find(struct cdz_conn *conn, cdz_str namespace_, bool exact,
                                  cdz_str flow_id, int scope, struct cdz_arena *arena,
                                  struct flow_set *ret, struct cdz_err *err);
/* The number of an execution, hidden or not; -1: there is none. */
CDZ_MUST_USE cdz_rc execution_number(struct cdz_conn *conn, cdz_str id, int64_t *ret,
                                     struct cdz_err *err);
/* The number of a flow, made if it is new. Thread: writer. */
CDZ_MUST_USE cdz_rc flow_number(struct cdz_conn *conn, cdz_str namespace_, cdz_str flow_id,
                                int64_t *ret, struct cdz_err *err);

cdz_rc sqlite_apply(struct cdz_repository *r, const struct cdz_repo_op *ops, size_t n,
                    struct cdz_err *err);
cdz_rc sqlite_execution_get(struct cdz_repository *r, cdz_str id, struct cdz_execution **ret,
                            struct cdz_err *err);
cdz_rc sqlite_execution_find(struct cdz_repository *r, const struct cdz_execution_filter *f,
                             const struct cdz_page *page, struct cdz_arena *arena,
                             struct cdz_executions *ret, struct cdz_err *err);

/* A list of executions, or what is counted of them: the filter, and what is known of what it names.
 * sqlite_execution.c */
struct numbers { /* of labels or flows */
    int64_t *v;
    size_t n, cap;
    bool frequent; /* labels that many executions have */
};
struct execution_list {
    struct cdz_conn *conn;
    const struct cdz_execution_filter *f;
    const struct cdz_page *page; /* NULL: not for a list */
    struct cdz_arena *arena;
    struct flow_set flows;
    struct words words;
    struct numbers *labels;      /* per label of the filter; NULL v: no execution has it */
    struct numbers *word_labels; /* per word: the labels in which it is found */
    struct numbers *word_flows;  /* per word: the flows in whose names it is found */
    bool selective; /* a trigger, label or word leaves few executions: begin with them */
};
/* Looks up what the filter names, to know how much of the table it leaves. */
CDZ_MUST_USE cdz_rc execution_list_resolve(struct execution_list *l, struct cdz_err *err);
/* " WHERE ...": all conditions but that of the flows. counting: every row that matches is read. */
void execution_list_conditions(struct execution_list *l, struct query *q, bool counting);
/* " AND <column> IN (...)", unless all flows match. */
void execution_list_flows(struct execution_list *l, struct query *q, const char *column);
/* sqlite_stats.c */
cdz_rc sqlite_execution_stats(struct cdz_repository *r, const struct cdz_execution_filter *f,
                              const struct cdz_spans *spans, bool by_flow, struct cdz_arena *arena,
                              struct cdz_execution_stat **ret, size_t *ret_n, struct cdz_err *err);

/* Logs: sqlite_log.c. A group of entries of one execution that will be one row. */
struct log_group {
    cdz_str execution_id, namespace_, flow_id;
    struct log_item {
        uint64_t unique;
        cdz_str bytes;
        struct cdz_log_entry entry;
    } * v;
    size_t n, cap, bytes;
};
CDZ_MUST_USE cdz_rc log_group_write(struct cdz_conn *conn, const struct log_group *group,
                                    int64_t execution, int64_t flow, struct cdz_err *err);
CDZ_MUST_USE cdz_rc logs_delete(struct cdz_conn *conn, const struct cdz_log_filter *f,
                                struct cdz_err *err);
cdz_rc sqlite_log_find(struct cdz_repository *r, const struct cdz_log_filter *f,
                       const struct cdz_page *page, struct cdz_arena *arena,
                       struct cdz_log_entry **ret, size_t *ret_n, uint64_t *ret_total,
                       struct cdz_err *err);

/* Metrics: sqlite_metric.c. */
CDZ_MUST_USE cdz_rc metric_write(struct cdz_conn *conn, const struct cdz_metric_entry *m,
                                 cdz_str bytes, uint64_t unique, int64_t execution, int64_t flow,
                                 struct cdz_err *err);
CDZ_MUST_USE cdz_rc metrics_delete(struct cdz_conn *conn, int64_t execution, struct cdz_err *err);
cdz_rc sqlite_metric_find(struct cdz_repository *r, const struct cdz_metric_filter *f,
                          const struct cdz_page *page, struct cdz_arena *arena,
                          struct cdz_metric_entry **ret, size_t *ret_n, uint64_t *ret_total,
                          struct cdz_err *err);

/* Flows: sqlite_flow.c. */
cdz_rc sqlite_flow_save(struct cdz_repository *r, const struct cdz_flow_row *row,
                        int expect_revision, struct cdz_err *err);
cdz_rc sqlite_flow_get(struct cdz_repository *r, cdz_str namespace_, cdz_str id, int revision,
                       bool allow_deleted, struct cdz_arena *arena, struct cdz_flow_row *ret,
                       struct cdz_err *err);
cdz_rc sqlite_flow_revisions(struct cdz_repository *r, cdz_str namespace_, cdz_str id,
                             struct cdz_arena *arena, struct cdz_flow_row **ret, size_t *ret_n,
                             struct cdz_err *err);
cdz_rc sqlite_flow_find(struct cdz_repository *r, const struct cdz_flow_filter *f,
                        const struct cdz_page *page, struct cdz_arena *arena,
                        struct cdz_flow_row **ret, size_t *ret_n, uint64_t *ret_total,
                        struct cdz_err *err);
cdz_rc sqlite_namespaces(struct cdz_repository *r, cdz_str q, struct cdz_arena *arena,
                         cdz_str **ret, size_t *ret_n, struct cdz_err *err);

#endif
