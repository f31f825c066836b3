/*
 * sqlite_stats.c -- executions counted by spans of time.
 *
 * One statement, run for each span: a range of an index that has every column it needs. A span
 * without executions costs one look.
 */
#include <assert.h>

#include "repository/sqlite.h"

/* With more flows, passing over those that are not meant is less than looking for each. */
enum { FLOWS_BY_INDEX = 8 };

typedef CDZ_VEC(struct cdz_execution_stat) stats;

/* NULL: SQLite's own choice: a trigger, label or word leaves few. */
static const char *index_of(const struct execution_list *l)
{
    if (l->selective)
        return NULL;
    if (l->f->states && !(l->f->states & (1u << CDZ_SUCCESS)))
        return "execution_state";
    return !l->flows.all && l->flows.n <= FLOWS_BY_INDEX ? "execution_flow" : "execution_start";
}

static void make_query(struct execution_list *l, bool by_flow, struct query *q)
{
    const char *index = index_of(l);
    query_add(q, "SELECT state, count(*), min(stop-start), max(stop-start), ");
    /* Of those that have not ended the sum would overflow. */
    cdz_buf_printf(&q->sql, "sum(CASE WHEN stop<%lld THEN stop-start ELSE 0 END)",
                   (long long)END_NONE);
    if (by_flow)
        query_add(q, ", (SELECT namespace FROM flow_key WHERE flow_key.no=execution.flow)"
                     ", (SELECT flow_key.flow FROM flow_key WHERE flow_key.no=execution.flow)");
    query_add(q, " FROM execution");
    if (index)
        cdz_buf_printf(&q->sql, " INDEXED BY %s", index);
    execution_list_conditions(l, q, false);
    execution_list_flows(l, q, index && strcmp(index, "execution_flow") != 0 ? "+flow" : "flow");
    query_int(q, " AND start>=?", 0); /* the last two parameters are bound for each span */
    query_int(q, " AND start<?", 0);
    query_add(q, by_flow ? " GROUP BY state, execution.flow" : " GROUP BY state");
}

static cdz_rc read_span(struct execution_list *l, struct cdz_stmt *s, size_t span, bool by_flow,
                        stats *found, struct cdz_err *err)
{
    for (;;) {
        struct cdz_execution_stat one = {.span = span};
        bool row;
        CDZ_TRY(cdz_stmt_row(s, &row, err));
        if (!row)
            return CDZ_OK;
        one.state = (enum cdz_state)cdz_col_int(s, 0);
        one.count = (uint64_t)cdz_col_int(s, 1);
        if (cdz_state_is_terminated(one.state)) {
            one.min = cdz_col_int(s, 2);
            one.max = cdz_col_int(s, 3);
            one.sum = cdz_col_int(s, 4);
        }
        if (by_flow) {
            one.namespace_ = cdz_arena_str(l->arena, cdz_col_str(s, 5));
            one.flow_id = cdz_arena_str(l->arena, cdz_col_str(s, 6));
        }
        CDZ_PUSH(l->arena, found, one);
    }
}

static cdz_rc count(struct execution_list *l, const struct cdz_spans *spans, bool by_flow,
                    stats *found, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    struct query q;
    CDZ_TRY(execution_list_resolve(l, err));
    if (!l->flows.all && l->flows.n == 0)
        return CDZ_OK;
    query_init(&q, l->arena);
    make_query(l, by_flow, &q);
    cdz_rc rc = query_start(&q, l->conn, &s, err);
    for (size_t i = 0; rc == CDZ_OK && i < spans->n; i++) {
        cdz_bind_int(&s, (int)q.n - 1, spans->edges[i]);
        cdz_bind_int(&s, (int)q.n, spans->edges[i + 1]);
        rc = read_span(l, &s, i, by_flow, found, err);
        cdz_stmt_reset(&s);
    }
    query_done(&q);
    return rc;
}

cdz_rc sqlite_execution_stats(struct cdz_repository *r, const struct cdz_execution_filter *f,
                              const struct cdz_spans *spans, bool by_flow, struct cdz_arena *arena,
                              struct cdz_execution_stat **ret, size_t *ret_n, struct cdz_err *err)
{
    struct execution_list l = {.f = f, .arena = arena};
    stats found = {0};
    CDZ_TRY(cdz_db_read_begin(db_of(r), &l.conn, err));
    cdz_rc rc = cdz_conn_exec(l.conn, "BEGIN", err); /* all spans of the same moment */
    if (rc == CDZ_OK) {
        struct cdz_err ignored;
        rc = count(&l, spans, by_flow, &found, err);
        if (cdz_conn_exec(l.conn, "COMMIT", &ignored) != CDZ_OK)
            assert(sqlite3_get_autocommit(cdz_conn_handle(l.conn)));
    }
    cdz_db_read_end(db_of(r), l.conn);
    if (rc == CDZ_OK) {
        *ret = found.v;
        *ret_n = stats_merge(found.v, found.n);
    }
    return rc;
}
