/*
 * db.h -- the one database file of a data directory, shared by the embedded queue and the embedded
 * repository.
 *
 * `<data>/cadenza.db` in WAL mode with synchronous=FULL. One writer thread owns the only writing
 * connection: others hand it jobs, it runs all that wait in one transaction, commits once (one
 * fdatasync for all: group commit), then calls every job's done. Readers check out connections of
 * their own and never wait for the writer.
 *
 * A job that fails undoes only itself: if it had changed something already, the transaction is
 * rolled back and the other jobs run again. So a job must be repeatable: it may change nothing but
 * the database and what the hooks' begin() forgets. When the store itself fails (disk full, I/O
 * error) all jobs of the transaction fail with CDZ_E_UNAVAILABLE; the writer goes on, and the next
 * transaction works as soon as the disk does.
 *
 * The write-ahead log is copied back by a thread of its own (checkpointer), so that commits do not
 * wait for it; the writer only does the short last part that lets the log start over.
 *
 * A second process (or a second open) on the same data directory is refused by a lock file.
 */
#ifndef CDZ_SQLITE_DB_H
#define CDZ_SQLITE_DB_H

#include "sqlite/stmt.h"

struct cdz_db;

struct cdz_db_options {
    size_t cache_bytes; /* of the writer's page cache; 0: 4 MB; readers get a quarter */
    size_t wal_bytes;   /* size of the write-ahead log at which it is copied back; 0: 8 MB */
};

/* Makes dir and the file when they are missing. CDZ_E_CONFLICT: somebody else has it open. options
 * may be NULL. */
CDZ_MUST_USE cdz_rc cdz_db_open(const char *dir, const struct cdz_db_options *options,
                                struct cdz_db **ret, struct cdz_err *err);
/* Carries out the jobs that wait, then closes. All readers are back. NULL is fine. */
void cdz_db_close(struct cdz_db *db);

/*
 * The steps that lead from nothing to today's tables of one module ("queue"), ascending: each is
 * run once per file, in a transaction. A file with more steps than these was made by a newer
 * version: CDZ_E_INVALID. Never edit a step that was released: append one.
 */
CDZ_MUST_USE cdz_rc cdz_db_migrate(struct cdz_db *db, const char *module, const char *const *steps,
                                   size_t n, struct cdz_err *err);

/* Thread: writer. */
typedef cdz_rc cdz_db_write_fn(void *ctx, struct cdz_conn *conn, struct cdz_err *err);
/* Thread: writer; after the commit. Must be short; the job may be freed by it. err is NULL when rc
 * is CDZ_OK. */
typedef void cdz_db_done_fn(void *ctx, cdz_rc rc, const struct cdz_err *err);

/* A job in the caller's memory, which stays until done was called. Only the first five fields are
 * the caller's. */
struct cdz_db_job {
    cdz_db_write_fn *write;
    cdz_db_done_fn *done;
    void *ctx;
    size_t bytes; /* roughly what it writes: bounds a transaction */
    bool lazy;    /* nobody waits for it: it rides with the next job, or goes alone after 2 ms */
    struct cdz_db_job *next;
    cdz_rc rc;
    bool failed;
    struct cdz_err *err; /* of a failed job, until done */
};
/* Threads: any. Never blocks. */
void cdz_db_submit(struct cdz_db *db, struct cdz_db_job *job);
/* Runs fn in a transaction and waits until it is durable. Not from a done callback. */
CDZ_MUST_USE cdz_rc cdz_db_write(struct cdz_db *db, cdz_db_write_fn *fn, void *ctx,
                                 struct cdz_err *err);

/* True on the writer's thread: in jobs, hooks and done callbacks. */
bool cdz_db_on_writer(const struct cdz_db *db);

/*
 * Lets one module take part in every transaction (the queue writes one row for all its sends).
 * begin: forget what a transaction gathered, it starts (again). flush: after the jobs, before the
 * commit; an error fails all. end: after the commit or the rollback, before the done callbacks. All
 * on the writer's thread.
 */
struct cdz_db_hooks {
    void (*begin)(void *ctx);
    cdz_rc (*flush)(void *ctx, struct cdz_conn *conn, struct cdz_err *err);
    void (*end)(void *ctx, cdz_rc rc);
    void *ctx;
};
/* hooks is borrowed; NULL takes them off. Waits until no transaction is under way. */
void cdz_db_set_hooks(struct cdz_db *db, const struct cdz_db_hooks *hooks);

/* A reading connection of its own; give it back. One statement sees one state of the file. */
CDZ_MUST_USE cdz_rc cdz_db_read_begin(struct cdz_db *db, struct cdz_conn **ret,
                                      struct cdz_err *err);
void cdz_db_read_end(struct cdz_db *db, struct cdz_conn *conn);

/* For tests and metrics. */
struct cdz_db_stats {
    uint64_t transactions, jobs, checkpoints;
    uint64_t wal_pages; /* now */
};
struct cdz_db_stats cdz_db_stats(struct cdz_db *db);

#endif
