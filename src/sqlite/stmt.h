/*
 * stmt.h -- one SQLite connection with its prepared statements, and the short forms of the calls we
 * use.
 *
 * cdz_stmt() answers a statement that is prepared once per connection and kept: its text must be a
 * literal (the cache knows it by address). Statements built at run time are prepared with
 * cdz_stmt_once and finalized by cdz_stmt_end, which for kept ones resets: so every user ends with
 * cdz_stmt_end, on every path.
 */
#ifndef CDZ_SQLITE_STMT_H
#define CDZ_SQLITE_STMT_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/err.h"

struct cdz_conn;

/* flags: of sqlite3_open_v2. */
CDZ_MUST_USE cdz_rc cdz_conn_open(const char *file, int flags, size_t cache_bytes,
                                  struct cdz_conn **ret, struct cdz_err *err);
void cdz_conn_close(struct cdz_conn *conn); /* NULL is fine */
sqlite3 *cdz_conn_handle(struct cdz_conn *conn);
/* The error of the last call on this connection, in our codes: full disk, I/O and locks are
 * UNAVAILABLE. */
cdz_rc cdz_conn_fail(struct cdz_conn *conn, const char *what, struct cdz_err *err);
/* Statements without parameters or results. */
CDZ_MUST_USE cdz_rc cdz_conn_exec(struct cdz_conn *conn, const char *sql, struct cdz_err *err);

struct cdz_stmt {
    sqlite3_stmt *s;
    struct cdz_conn *conn;
    bool once;
};
CDZ_MUST_USE cdz_rc cdz_stmt(struct cdz_conn *conn, const char *literal, struct cdz_stmt *ret,
                             struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_stmt_once(struct cdz_conn *conn, cdz_str sql, struct cdz_stmt *ret,
                                  struct cdz_err *err);
void cdz_stmt_end(struct cdz_stmt *stmt);
/* struct cdz_stmt CDZ_AUTO_STMT s = {0}; ends with its scope. */
#define CDZ_AUTO_STMT __attribute__((cleanup(cdz_stmt_end)))

/* Parameters count from 1. Bytes are borrowed until the statement ends. A str with p NULL is bound
 * as NULL. */
void cdz_bind_int(struct cdz_stmt *stmt, int at, int64_t v);
void cdz_bind_text(struct cdz_stmt *stmt, int at, cdz_str v);
void cdz_bind_blob(struct cdz_stmt *stmt, int at, cdz_str v);

/* One step: *ret_row tells whether there is a row. */
CDZ_MUST_USE cdz_rc cdz_stmt_row(struct cdz_stmt *stmt, bool *ret_row, struct cdz_err *err);
/* Runs it to the end and makes it ready for the next parameters. */
CDZ_MUST_USE cdz_rc cdz_stmt_run(struct cdz_stmt *stmt, struct cdz_err *err);
void cdz_stmt_reset(struct cdz_stmt *stmt);

/* Columns count from 0; bytes are borrowed until the next step. A NULL has p NULL. */
int64_t cdz_col_int(struct cdz_stmt *stmt, int at);
cdz_str cdz_col_str(struct cdz_stmt *stmt, int at);

#endif
