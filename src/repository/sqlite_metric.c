/* sqlite_metric.c -- metrics: one row each, known by execution and source position. */
#include "repository/sqlite.h"

cdz_rc metric_write(struct cdz_conn *conn, const struct cdz_metric_entry *m, cdz_str bytes,
                    uint64_t unique, int64_t execution, int64_t flow, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    CDZ_TRY(cdz_stmt(conn, "INSERT OR IGNORE INTO metric VALUES(?,?,?,?,?,?,?,?)", &s, err));
    cdz_bind_int(&s, 1, execution);
    cdz_bind_int(&s, 2, (int64_t)unique);
    cdz_bind_int(&s, 3, flow);
    cdz_bind_text(&s, 4, m->task_id.p ? m->task_id : CDZ_STR(""));
    cdz_bind_text(&s, 5, m->taskrun_id.p ? m->taskrun_id : CDZ_STR(""));
    cdz_bind_text(&s, 6, m->name.p ? m->name : CDZ_STR(""));
    cdz_bind_int(&s, 7, m->at);
    cdz_bind_blob(&s, 8, bytes);
    return cdz_stmt_run(&s, err);
}

cdz_rc metrics_delete(struct cdz_conn *conn, int64_t execution, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    CDZ_TRY(cdz_stmt(conn, "DELETE FROM metric WHERE execution=?", &s, err));
    cdz_bind_int(&s, 1, execution);
    return cdz_stmt_run(&s, err);
}

struct metrics {
    struct cdz_metric_entry *v;
    size_t n, cap;
};

static cdz_rc find(struct cdz_conn *conn, const struct cdz_metric_filter *f,
                   struct cdz_arena *arena, struct metrics *ret, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    struct flow_set flows;
    struct query q;
    int64_t execution = 0;
    bool row = true;
    if (f->execution_id.n)
        CDZ_TRY(execution_number(conn, f->execution_id, &execution, err));
    CDZ_TRY(flow_set_find(conn, f->namespace_, true, f->flow_id, 0, arena, &flows, err));
    query_init(&q, arena);
    query_add(&q, "SELECT data FROM metric WHERE 1");
    if (f->execution_id.n)
        query_int(&q, " AND execution=?", execution);
    if (f->task_id.n)
        query_text(&q, " AND task=?", f->task_id);
    if (f->taskrun_id.n)
        query_text(&q, " AND taskrun=?", f->taskrun_id);
    if (f->name.n)
        query_text(&q, " AND name=?", f->name);
    if (!flows.all) {
        query_add(&q, f->execution_id.n ? " AND +flow IN " : " AND flow IN ");
        query_ints(&q, flows.v, flows.n);
    }
    query_add(&q, " ORDER BY at, execution, seq");
    cdz_rc rc = query_start(&q, conn, &s, err);
    query_done(&q);
    while (rc == CDZ_OK && row) {
        struct cdz_metric_entry m;
        rc = cdz_stmt_row(&s, &row, err);
        if (rc != CDZ_OK || !row)
            break;
        rc = cdz_metric_entry_decode(cdz_arena_str(arena, cdz_col_str(&s, 0)), arena, &m, err);
        if (rc == CDZ_OK)
            CDZ_PUSH(arena, ret, m);
    }
    return rc;
}

cdz_rc sqlite_metric_find(struct cdz_repository *r, const struct cdz_metric_filter *f,
                          const struct cdz_page *page, struct cdz_arena *arena,
                          struct cdz_metric_entry **ret, size_t *ret_n, uint64_t *ret_total,
                          struct cdz_err *err)
{
    struct metrics found = {0};
    struct cdz_conn *conn;
    size_t from, to;
    CDZ_TRY(cdz_db_read_begin(db_of(r), &conn, err));
    cdz_rc rc = find(conn, f, arena, &found, err);
    cdz_db_read_end(db_of(r), conn);
    CDZ_TRY(rc);
    CDZ_TRY(metrics_sort(found.v, found.n, page, arena, err));
    page_range(page, found.n, &from, &to);
    *ret = found.n ? found.v + from : NULL;
    *ret_n = to - from;
    *ret_total = found.n;
    return CDZ_OK;
}
