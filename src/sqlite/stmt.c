#include "sqlite/stmt.h"

#include <assert.h>

enum {
    STMTS_MAX = 64
}; /* kept statements of one connection: all literals of queue and repository */

struct cdz_conn {
    sqlite3 *handle;
    struct {
        const char *literal;
        sqlite3_stmt *stmt;
    } kept[STMTS_MAX]; /* open addressing by the literal's address */
};

static cdz_rc rc_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_PERM:
        return CDZ_E_UNAVAILABLE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return CDZ_E_CORRUPT;
    case SQLITE_CONSTRAINT:
        return CDZ_E_CONFLICT;
    case SQLITE_TOOBIG:
        return CDZ_E_TOO_LARGE;
    case SQLITE_NOMEM:
        abort(); /* as everywhere: out of memory is no expected failure */
    default:
        return CDZ_E_INTERNAL;
    }
}

cdz_rc cdz_conn_fail(struct cdz_conn *conn, const char *what, struct cdz_err *err)
{
    int code = sqlite3_extended_errcode(conn->handle);
    cdz_fail(err, rc_of(code), "the database cannot %s: %s", what, sqlite3_errstr(code & 0xff));
    snprintf(err->detail, sizeof(err->detail), "sqlite %d: %s", code, sqlite3_errmsg(conn->handle));
    return err->rc;
}

cdz_rc cdz_conn_open(const char *file, int flags, size_t cache_bytes, struct cdz_conn **ret,
                     struct cdz_err *err)
{
    struct cdz_conn *conn = calloc(1, sizeof(*conn));
    if (!conn)
        abort();
    char pragma[96];
    cdz_rc rc = CDZ_OK;
    if (sqlite3_open_v2(file, &conn->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        if (!conn->handle)
            abort();
        rc = cdz_conn_fail(conn, "be opened", err);
    }
    if (rc == CDZ_OK) {
        sqlite3_extended_result_codes(conn->handle, 1);
        /* Two of our connections collide only for instants: while the log starts over or a reader
         * recovers it. */
        sqlite3_busy_timeout(conn->handle, 5000);
        snprintf(pragma, sizeof(pragma), "PRAGMA cache_size=-%zu", cache_bytes >> 10);
        rc = cdz_conn_exec(conn, pragma, err);
    }
    if (rc != CDZ_OK) {
        cdz_conn_close(conn);
        return rc;
    }
    *ret = conn;
    return CDZ_OK;
}

void cdz_conn_close(struct cdz_conn *conn)
{
    if (!conn)
        return;
    for (size_t i = 0; i < STMTS_MAX; i++)
        sqlite3_finalize(conn->kept[i].stmt);
    int code = sqlite3_close(conn->handle);
    assert(code == SQLITE_OK); /* a statement was not ended */
    (void)code;
    free(conn);
}

sqlite3 *cdz_conn_handle(struct cdz_conn *conn)
{
    return conn->handle;
}

cdz_rc cdz_conn_exec(struct cdz_conn *conn, const char *sql, struct cdz_err *err)
{
    if (sqlite3_exec(conn->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return cdz_conn_fail(conn, "do this", err);
    return CDZ_OK;
}

cdz_rc cdz_stmt(struct cdz_conn *conn, const char *literal, struct cdz_stmt *ret,
                struct cdz_err *err)
{
    size_t slot = ((uintptr_t)literal >> 3) % STMTS_MAX;
    for (size_t tries = 0; conn->kept[slot].literal != literal;
         tries++, slot = (slot + 1) % STMTS_MAX) {
        assert(tries < STMTS_MAX);
        if (conn->kept[slot].literal)
            continue;
        sqlite3_stmt *stmt;
        if (sqlite3_prepare_v3(conn->handle, literal, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) !=
            SQLITE_OK)
            return cdz_conn_fail(conn, "prepare a statement", err);
        conn->kept[slot].literal = literal;
        conn->kept[slot].stmt = stmt;
        break;
    }
    *ret = (struct cdz_stmt){conn->kept[slot].stmt, conn, false};
    return CDZ_OK;
}

cdz_rc cdz_stmt_once(struct cdz_conn *conn, cdz_str sql, struct cdz_stmt *ret, struct cdz_err *err)
{
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(conn->handle, sql.p, (int)sql.n, &stmt, NULL) != SQLITE_OK)
        return cdz_conn_fail(conn, "prepare a statement", err);
    *ret = (struct cdz_stmt){stmt, conn, true};
    return CDZ_OK;
}

void cdz_stmt_reset(struct cdz_stmt *stmt)
{
    (void)sqlite3_reset(stmt->s); /* repeats the error of the last step, which was reported then */
}

void cdz_stmt_end(struct cdz_stmt *stmt)
{
    if (!stmt->s)
        return;
    if (stmt->once) {
        (void)sqlite3_finalize(stmt->s);
    } else {
        cdz_stmt_reset(stmt);
        (void)sqlite3_clear_bindings(stmt->s); /* the bytes were borrowed */
    }
    stmt->s = NULL;
}

/* Binding fails only for a wrong index or a statement in use: bugs. */
static void bound(int code)
{
    assert(code == SQLITE_OK);
    (void)code;
}

void cdz_bind_int(struct cdz_stmt *stmt, int at, int64_t v)
{
    bound(sqlite3_bind_int64(stmt->s, at, v));
}

void cdz_bind_text(struct cdz_stmt *stmt, int at, cdz_str v)
{
    bound(v.p ? sqlite3_bind_text64(stmt->s, at, v.p, v.n, SQLITE_STATIC, SQLITE_UTF8)
              : sqlite3_bind_null(stmt->s, at));
}

void cdz_bind_blob(struct cdz_stmt *stmt, int at, cdz_str v)
{
    bound(v.p ? sqlite3_bind_blob64(stmt->s, at, v.p, v.n, SQLITE_STATIC)
              : sqlite3_bind_null(stmt->s, at));
}

cdz_rc cdz_stmt_row(struct cdz_stmt *stmt, bool *ret_row, struct cdz_err *err)
{
    int code = sqlite3_step(stmt->s);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return cdz_conn_fail(stmt->conn, "do this", err);
    *ret_row = code == SQLITE_ROW;
    return CDZ_OK;
}

cdz_rc cdz_stmt_run(struct cdz_stmt *stmt, struct cdz_err *err)
{
    bool row;
    do
        CDZ_TRY(cdz_stmt_row(stmt, &row, err));
    while (row);
    cdz_stmt_reset(stmt);
    return CDZ_OK;
}

int64_t cdz_col_int(struct cdz_stmt *stmt, int at)
{
    return sqlite3_column_int64(stmt->s, at);
}

cdz_str cdz_col_str(struct cdz_stmt *stmt, int at)
{
    if (sqlite3_column_type(stmt->s, at) == SQLITE_NULL)
        return (cdz_str){NULL, 0};
    const void *p = sqlite3_column_blob(stmt->s, at);
    size_t n = (size_t)sqlite3_column_bytes(stmt->s, at);
    return (cdz_str){p ? p : "", n}; /* SQLite answers NULL for an empty blob */
}
