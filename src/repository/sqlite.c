/*
 * sqlite.c -- the embedded repository: its tables in the embedded database, and the small parts all
 * of it uses.
 *
 *   flow_key         (namespace, flow id) -> number: everything else names a flow by its number
 *   execution        one row per execution: the columns that lists filter and sort by, and the head
 * record execution_count  per flow and state how many executions there are: totals without counting
 *   label, execution_label   the distinct labels, and which executions have them
 *   taskrun          one row per task run, appended in the order of executions
 *   log_chunk        the log entries of one execution that came in one batch, one row (a row per
 * line would cost three times as much); log_fts finds chunks by words metric, flow     as they are
 *
 * Task runs, log chunks and metrics name their execution by its number: numbers ascend, so that
 * these tables and their indexes grow at the end, where a text id would touch a page anywhere for
 * each. 0: no execution (a trigger's logs). A number stays as long as something names it: the row
 * of an execution whose head has not come, or whose logs outlive it, is hidden (state -1).
 *
 * The two list indexes of execution hold every column that lists filter and sort by, so that a page
 * is found without touching the rows; only the rows of the page are read then.
 */
#include "repository/sqlite.h"

#include <assert.h>

static const char *const steps[] = {
    "CREATE TABLE flow_key(no INTEGER PRIMARY KEY, namespace TEXT NOT NULL, flow TEXT NOT NULL,"
    " UNIQUE(namespace, flow));"

    "CREATE TABLE execution(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, version INTEGER NOT "
    "NULL,"
    " flow INTEGER NOT NULL, state INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,"
    " trigger_execution TEXT, labels INTEGER NOT NULL, own_correlation INTEGER NOT NULL, head "
    "BLOB);"
    "CREATE INDEX execution_start ON execution(start, id, flow, state, stop);"
    "CREATE INDEX execution_flow ON execution(flow, start, id, state, stop);"
    /* 5 is SUCCESS: the few that are not, for lists of failed or running ones */
    "CREATE INDEX execution_state ON execution(state, start, id, flow, stop) WHERE state<>5;"
    "CREATE INDEX execution_trigger ON execution(trigger_execution, start) WHERE trigger_execution "
    "IS NOT NULL;"
    "CREATE TABLE execution_count(flow INTEGER, state INTEGER, n INTEGER NOT NULL, PRIMARY "
    "KEY(flow, state))"
    " WITHOUT ROWID;"
    "CREATE TABLE label(no INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL, "
    "UNIQUE(key, value));"
    "CREATE TABLE execution_label(label INTEGER, execution INTEGER, PRIMARY KEY(label, execution)) "
    "WITHOUT ROWID;"
    "CREATE TABLE taskrun(execution INTEGER, idx INTEGER, seq INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY(execution, idx)) WITHOUT ROWID;"

    /* c0..c4: entries of at least level TRACE .. ERROR */
    "CREATE TABLE log_chunk(no INTEGER PRIMARY KEY, execution INTEGER NOT NULL, flow INTEGER NOT "
    "NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, min_at INTEGER NOT NULL, max_at INTEGER NOT "
    "NULL,"
    " c0 INTEGER NOT NULL, c1 INTEGER NOT NULL, c2 INTEGER NOT NULL, c3 INTEGER NOT NULL, c4 "
    "INTEGER NOT NULL,"
    " data BLOB NOT NULL);"
    "CREATE INDEX log_execution ON log_chunk(execution, first, last);"
    "CREATE INDEX log_time ON log_chunk(max_at, flow, min_at, c0, c1, c2, c3, c4);"
    "CREATE INDEX log_warning ON log_chunk(max_at, flow, min_at, c3, c4) WHERE c3>0;"
    "CREATE TABLE log_count(flow INTEGER PRIMARY KEY, c0 INTEGER NOT NULL, c1 INTEGER NOT NULL, c2 "
    "INTEGER NOT NULL,"
    " c3 INTEGER NOT NULL, c4 INTEGER NOT NULL);"
    "CREATE VIRTUAL TABLE log_fts USING fts5(text, content='', columnsize=0, detail=none,"
    " tokenize='unicode61 remove_diacritics 0');"

    "CREATE TABLE metric(execution INTEGER, seq INTEGER, flow INTEGER NOT NULL, task TEXT NOT NULL,"
    " taskrun TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY(execution, seq)) WITHOUT ROWID;"
    "CREATE INDEX metric_flow ON metric(flow, name, at);"

    "CREATE TABLE flow(no INTEGER PRIMARY KEY, namespace TEXT NOT NULL, id TEXT NOT NULL, revision "
    "INTEGER NOT NULL,"
    " is_last INTEGER NOT NULL, deleted INTEGER NOT NULL, disabled INTEGER NOT NULL, updated "
    "INTEGER NOT NULL,"
    " labels BLOB NOT NULL, exception TEXT NOT NULL, source TEXT NOT NULL, UNIQUE(namespace, id, "
    "revision));"
    "CREATE INDEX flow_last ON flow(namespace, id) WHERE is_last",
};
_Static_assert(CDZ_SUCCESS == 5,
               "the partial index execution_state and sqlite_execution.c name it by number");

/* Queries */

void query_init(struct query *q, struct cdz_arena *arena)
{
    *q = (struct query){.sql = CDZ_BUF_INIT, .arena = arena};
}

void query_done(struct query *q)
{
    cdz_buf_done(&q->sql);
}

void query_add(struct query *q, const char *sql)
{
    cdz_buf_z(&q->sql, sql);
}

void query_int(struct query *q, const char *sql, int64_t v)
{
    query_add(q, sql);
    CDZ_PUSH(q->arena, q, (struct query_param){.number = v});
}

void query_text(struct query *q, const char *sql, cdz_str v)
{
    query_add(q, sql);
    CDZ_PUSH(q->arena, q, (struct query_param){.is_text = true, .text = v.p ? v : CDZ_STR("")});
}

void query_ints(struct query *q, const int64_t *v, size_t n)
{
    cdz_buf_c(&q->sql, '(');
    for (size_t i = 0; i < n; i++)
        cdz_buf_printf(&q->sql, i ? ",%lld" : "%lld", (long long)v[i]);
    cdz_buf_c(&q->sql, ')');
}

void query_prefix(struct query *q, const char *column, cdz_str prefix)
{
    /* 0xff is in no UTF-8 text, so prefix + 0xff is behind all texts that begin with prefix. */
    cdz_str end = cdz_arena_printf(q->arena, "%.*s\xff", CDZ_S(prefix));
    cdz_buf_printf(&q->sql, "(%s>=? AND %s<?)", column, column);
    query_text(q, "", prefix);
    query_text(q, "", end);
}

cdz_rc query_start(struct query *q, struct cdz_conn *conn, struct cdz_stmt *ret,
                   struct cdz_err *err)
{
    CDZ_TRY(cdz_stmt_once(conn, cdz_buf_get(&q->sql), ret, err));
    for (size_t i = 0; i < q->n; i++) {
        if (q->v[i].is_text)
            cdz_bind_text(ret, (int)i + 1, q->v[i].text);
        else
            cdz_bind_int(ret, (int)i + 1, q->v[i].number);
    }
    return CDZ_OK;
}

cdz_rc query_number(struct query *q, struct cdz_conn *conn, int64_t *ret, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    bool row;
    CDZ_TRY(query_start(q, conn, &s, err));
    CDZ_TRY(cdz_stmt_row(&s, &row, err));
    *ret = row ? cdz_col_int(&s, 0) : 0;
    return CDZ_OK;
}

cdz_rc execution_number(struct cdz_conn *conn, cdz_str id, int64_t *ret, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    bool row;
    CDZ_TRY(cdz_stmt(conn, "SELECT no FROM execution WHERE id=?", &s, err));
    cdz_bind_text(&s, 1, id);
    CDZ_TRY(cdz_stmt_row(&s, &row, err));
    *ret = row ? cdz_col_int(&s, 0) : -1;
    return CDZ_OK;
}

/* Flows by number */

cdz_rc flow_set_find(struct cdz_conn *conn, cdz_str namespace_, bool exact, cdz_str flow_id,
                     int scope, struct cdz_arena *arena, struct flow_set *ret, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    CDZ_VEC(int64_t) found = {0};
    bool row;
    ret->all = namespace_.n == 0 && flow_id.n == 0 && (scope == 0 || scope == 3);
    ret->v = NULL;
    ret->n = 0;
    if (ret->all)
        return CDZ_OK;
    CDZ_TRY(cdz_stmt(conn, "SELECT no, namespace, flow FROM flow_key", &s, err));
    for (;;) {
        CDZ_TRY(cdz_stmt_row(&s, &row, err));
        if (!row)
            break;
        cdz_str ns = cdz_col_str(&s, 1), id = cdz_col_str(&s, 2);
        if (namespace_matches(ns, namespace_, exact) && scope_matches(ns, scope) &&
            (flow_id.n == 0 || cdz_str_eq(id, flow_id)))
            CDZ_PUSH(arena, &found, cdz_col_int(&s, 0));
    }
    ret->v = found.v;
    ret->n = found.n;
    return CDZ_OK;
}

cdz_rc flow_number(struct cdz_conn *conn, cdz_str namespace_, cdz_str flow_id, int64_t *ret,
                   struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT get = {0}, put = {0};
    bool row;
    CDZ_TRY(cdz_stmt(conn, "SELECT no FROM flow_key WHERE namespace=? AND flow=?", &get, err));
    cdz_bind_text(&get, 1, namespace_.p ? namespace_ : CDZ_STR(""));
    cdz_bind_text(&get, 2, flow_id.p ? flow_id : CDZ_STR(""));
    CDZ_TRY(cdz_stmt_row(&get, &row, err));
    if (row) {
        *ret = cdz_col_int(&get, 0);
        return CDZ_OK;
    }
    CDZ_TRY(cdz_stmt(conn, "INSERT INTO flow_key(namespace, flow) VALUES(?,?)", &put, err));
    cdz_bind_text(&put, 1, namespace_.p ? namespace_ : CDZ_STR(""));
    cdz_bind_text(&put, 2, flow_id.p ? flow_id : CDZ_STR(""));
    CDZ_TRY(cdz_stmt_run(&put, err));
    *ret = sqlite3_last_insert_rowid(cdz_conn_handle(conn));
    return CDZ_OK;
}

static void sqlite_close(struct cdz_repository *r)
{
    free(r);
}

static const struct cdz_repository_ops ops = {
    .name = "embedded",
    .apply = sqlite_apply,
    .execution_get = sqlite_execution_get,
    .execution_find = sqlite_execution_find,
    .execution_stats = sqlite_execution_stats,
    .log_find = sqlite_log_find,
    .metric_find = sqlite_metric_find,
    .flow_save = sqlite_flow_save,
    .flow_get = sqlite_flow_get,
    .flow_revisions = sqlite_flow_revisions,
    .flow_find = sqlite_flow_find,
    .namespaces = sqlite_namespaces,
    .close = sqlite_close,
};

cdz_rc cdz_repository_sqlite_open(struct cdz_db *db, struct cdz_repository **ret,
                                  struct cdz_err *err)
{
    CDZ_TRY(cdz_db_migrate(db, "repository", steps, CDZ_COUNT(steps), err));
    struct sqlite_repository *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->base.ops = &ops;
    r->db = db;
    *ret = &r->base;
    return CDZ_OK;
}
