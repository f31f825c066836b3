/*
 * writer.c -- the thread that owns the writing connection, and the one that copies the write-ahead
 * log back.
 *
 *   submit() ... submit()          writer:  BEGIN  job job job  hooks.flush  COMMIT (one sync)
 * hooks.end  done done done
 *
 * While the writer syncs, the next jobs gather: the busier it is, the more of them share one sync.
 * A lazy job does not begin a transaction by itself, unless none comes within LAZY.
 *
 * Checkpoints. The log can start over only when all of it has been copied back, and while commits
 * go on a copying thread never gets to the end. So it is done in two parts: the checkpointer copies
 * the bulk beside the commits, then the writer copies what has come since, which is little, and the
 * next commit starts the log over.
 */
#include <assert.h>
#include <signal.h>

#include "base/time.h"
#include "sqlite/internal.h"

/* Bounds of one transaction, so that a flood of sends neither delays the first of them nor fills
 * the page cache. */
enum { JOBS_MAX = 4096, JOB_BYTES_MAX = 16 << 20 };

#define LAZY (2 * CDZ_MS)

static struct cdz_err *err_copy(const struct cdz_err *err)
{
    struct cdz_err *copy = malloc(sizeof(*copy));
    if (!copy)
        abort();
    *copy = *err;
    return copy;
}

static void job_fail(struct cdz_db_job *job, const struct cdz_err *err)
{
    job->rc = err->rc;
    job->failed = true;
    job->err = err_copy(err);
}

/* A failure of the store, not of one job: nothing of the transaction can be saved. */
static bool is_store_failure(cdz_rc rc)
{
    return rc == CDZ_E_UNAVAILABLE || rc == CDZ_E_CORRUPT;
}

static void roll_back(struct cdz_db *db)
{
    struct cdz_err ignored;
    /* SQLite has rolled back by itself after some errors; then there is nothing to do. */
    if (!sqlite3_get_autocommit(cdz_conn_handle(db->writer))) {
        cdz_rc rc = cdz_conn_exec(db->writer, "ROLLBACK", &ignored);
        assert(rc == CDZ_OK || sqlite3_get_autocommit(cdz_conn_handle(db->writer)));
        (void)rc;
    }
}

/* Sets *again when a job failed that had changed something: all others must run once more without
 * it. */
static cdz_rc run_jobs(struct cdz_db *db, struct cdz_db_job *jobs, bool *again, struct cdz_err *err)
{
    sqlite3 *handle = cdz_conn_handle(db->writer);
    *again = false;
    for (struct cdz_db_job *job = jobs; job; job = job->next) {
        if (job->failed)
            continue;
        int64_t before = sqlite3_total_changes64(handle);
        cdz_rc rc = job->write(job->ctx, db->writer, err);
        if (rc == CDZ_OK)
            continue;
        if (is_store_failure(rc) || sqlite3_get_autocommit(handle))
            return rc;
        job_fail(job, err);
        if (sqlite3_total_changes64(handle) != before) {
            *again = true;
            return CDZ_OK;
        }
    }
    return CDZ_OK;
}

static cdz_rc exec_kept(struct cdz_conn *conn, const char *literal, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    CDZ_TRY(cdz_stmt(conn, literal, &s, err));
    return cdz_stmt_run(&s, err);
}

static cdz_rc transaction(struct cdz_db *db, const struct cdz_db_hooks *hooks,
                          struct cdz_db_job *jobs, struct cdz_err *err)
{
    bool again;
    do {
        if (hooks)
            hooks->begin(hooks->ctx);
        CDZ_TRY(exec_kept(db->writer, "BEGIN IMMEDIATE", err));
        cdz_rc rc = run_jobs(db, jobs, &again, err);
        if (rc == CDZ_OK && !again && hooks)
            rc = hooks->flush(hooks->ctx, db->writer, err);
        if (rc == CDZ_OK && !again)
            rc = exec_kept(db->writer, "COMMIT", err);
        if (rc != CDZ_OK || again)
            roll_back(db);
        CDZ_TRY(rc);
    } while (again);
    return CDZ_OK;
}

/* Takes the waiting jobs, up to the bounds of a transaction. Lock: db->mutex held. */
static struct cdz_db_job *take_jobs(struct cdz_db *db, size_t *ret_n)
{
    struct cdz_db_job *jobs = db->first, **end = &db->first;
    size_t bytes = 0, n = 0;
    while (*end && n < JOBS_MAX && (n == 0 || bytes + (*end)->bytes <= JOB_BYTES_MAX)) {
        bytes += (*end)->bytes;
        db->eager -= !(*end)->lazy;
        n++;
        end = &(*end)->next;
    }
    db->first = *end;
    *end = NULL;
    if (!db->first)
        db->last = &db->first;
    *ret_n = n;
    return jobs;
}

static void run_transaction(struct cdz_db *db, const struct cdz_db_hooks *hooks,
                            struct cdz_db_job *jobs)
{
    struct cdz_err err;
    cdz_rc rc = transaction(db, hooks, jobs, &err);
    if (hooks)
        hooks->end(hooks->ctx, rc);
    for (struct cdz_db_job *job = jobs, *next; job; job = next) {
        next = job->next; /* done may free the job */
        struct cdz_err *own = job->err;
        if (job->failed)
            job->done(job->ctx, job->rc, own);
        else
            job->done(job->ctx, rc, rc == CDZ_OK ? NULL : &err);
        free(own);
    }
}

static int on_commit(void *ctx, sqlite3 *handle, const char *name, int pages)
{
    struct cdz_db *db = ctx;
    (void)handle, (void)name;
    pthread_mutex_lock(&db->mutex);
    db->wal_pages = (uint64_t)pages;
    if (db->wal_pages >= db->wal_pages_max && !db->want_checkpoint && !db->finish_checkpoint) {
        db->want_checkpoint = true;
        pthread_cond_signal(&db->checkpoint);
    }
    pthread_mutex_unlock(&db->mutex);
    return SQLITE_OK;
}

/* Threads die with the process's signals elsewhere: ours take none. */
static void block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
}

/* Whether a transaction is to begin. Lock: db->mutex held. */
static bool is_ready(const struct cdz_db *db)
{
    return db->first && (db->eager || db->stop_writer || cdz_mono_us() >= db->lazy_until);
}

/* Lock: db->mutex held. */
static void wait_for_work(struct cdz_db *db)
{
    struct timespec ts = {.tv_sec = db->lazy_until / CDZ_SECOND,
                          .tv_nsec = db->lazy_until % CDZ_SECOND * 1000};
    if (db->first)
        (void)pthread_cond_clockwait(&db->work, &db->mutex, CLOCK_MONOTONIC,
                                     &ts); /* both will do */
    else
        pthread_cond_wait(&db->work, &db->mutex);
}

static void *writer_main(void *ctx)
{
    struct cdz_db *db = ctx;
    block_signals();
    pthread_mutex_lock(&db->mutex);
    for (;;) {
        if (is_ready(db)) {
            size_t n;
            struct cdz_db_job *jobs = take_jobs(db, &n);
            const struct cdz_db_hooks *hooks = db->hooks;
            db->busy = true;
            pthread_mutex_unlock(&db->mutex);
            run_transaction(db, hooks, jobs);
            pthread_mutex_lock(&db->mutex);
            db->busy = false;
            db->stats.transactions++;
            db->stats.jobs += n;
            pthread_cond_broadcast(&db->quiet);
        }
        if (db->finish_checkpoint) {
            db->finish_checkpoint = false;
            pthread_mutex_unlock(&db->mutex);
            /* Failing or held up by a reader: the log grows on and the next one gets further. */
            (void)sqlite3_wal_checkpoint_v2(cdz_conn_handle(db->writer), NULL,
                                            SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
            pthread_mutex_lock(&db->mutex);
            db->stats.checkpoints++;
        } else if (!is_ready(db)) {
            if (db->stop_writer)
                break;
            wait_for_work(db);
        }
    }
    pthread_mutex_unlock(&db->mutex);
    return NULL;
}

static void *checkpointer_main(void *ctx)
{
    struct cdz_db *db = ctx;
    struct cdz_conn *conn = NULL;
    struct cdz_err err;
    block_signals();
    pthread_mutex_lock(&db->mutex);
    while (!db->stop_checkpointer) {
        if (!db->want_checkpoint) {
            pthread_cond_wait(&db->checkpoint, &db->mutex);
            continue;
        }
        pthread_mutex_unlock(&db->mutex);
        /* Opened when first needed: an idle server does not pay for it. */
        if (!conn &&
            cdz_conn_open(db->file, SQLITE_OPEN_READWRITE, 256 << 10, &conn, &err) != CDZ_OK)
            conn = NULL; /* then the writer does it all */
        if (conn)
            (void)sqlite3_wal_checkpoint_v2(cdz_conn_handle(conn), NULL, SQLITE_CHECKPOINT_PASSIVE,
                                            NULL, NULL);
        pthread_mutex_lock(&db->mutex);
        db->want_checkpoint = false;
        db->finish_checkpoint = true;
        pthread_cond_signal(&db->work);
    }
    pthread_mutex_unlock(&db->mutex);
    cdz_conn_close(conn);
    return NULL;
}

cdz_rc cdz_writer_start(struct cdz_db *db, struct cdz_err *err)
{
    sqlite3_wal_hook(cdz_conn_handle(db->writer), on_commit, db);
    int code = pthread_create(&db->checkpoint_thread, NULL, checkpointer_main, db);
    if (code != 0)
        return cdz_fail_errno(err, code, "pthread_create", "a thread cannot be started");
    code = pthread_create(&db->writer_thread, NULL, writer_main, db);
    if (code == 0)
        return CDZ_OK;
    pthread_mutex_lock(&db->mutex);
    db->stop_checkpointer = true;
    pthread_cond_signal(&db->checkpoint);
    pthread_mutex_unlock(&db->mutex);
    pthread_join(db->checkpoint_thread, NULL);
    return cdz_fail_errno(err, code, "pthread_create", "a thread cannot be started");
}

void cdz_writer_stop(struct cdz_db *db)
{
    pthread_mutex_lock(&db->mutex);
    db->stop_checkpointer = true;
    pthread_cond_signal(&db->checkpoint);
    pthread_mutex_unlock(&db->mutex);
    pthread_join(db->checkpoint_thread, NULL);
    pthread_mutex_lock(&db->mutex);
    db->stop_writer = true;
    pthread_cond_signal(&db->work);
    pthread_mutex_unlock(&db->mutex);
    pthread_join(db->writer_thread, NULL);
}

void cdz_db_submit(struct cdz_db *db, struct cdz_db_job *job)
{
    assert(job->write && job->done);
    job->next = NULL;
    job->rc = CDZ_OK;
    job->failed = false;
    job->err = NULL;
    pthread_mutex_lock(&db->mutex);
    assert(!db->stop_writer);
    bool news = !db->first || (!job->lazy && !db->eager);
    if (!db->first)
        db->lazy_until = cdz_mono_us() + LAZY;
    db->eager += !job->lazy;
    *db->last = job;
    db->last = &job->next;
    if (news && !db->busy)
        pthread_cond_signal(&db->work);
    pthread_mutex_unlock(&db->mutex);
}

/* A job whose submitter waits for it; on the submitter's stack. */
struct waiting_job {
    struct cdz_db_job job;
    cdz_db_write_fn *fn;
    void *ctx;
    struct cdz_err *err;
    cdz_rc rc;
    bool is_done;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
};

static cdz_rc waiting_write(void *ctx, struct cdz_conn *conn, struct cdz_err *err)
{
    struct waiting_job *w = ctx;
    return w->fn(w->ctx, conn, err);
}

static void waiting_done(void *ctx, cdz_rc rc, const struct cdz_err *err)
{
    struct waiting_job *w = ctx;
    pthread_mutex_lock(&w->mutex);
    w->rc = rc;
    if (rc != CDZ_OK)
        *w->err = *err;
    w->is_done = true;
    /* Inside the mutex: w is gone as soon as the waiter gets it. */
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->mutex);
}

bool cdz_db_on_writer(const struct cdz_db *db)
{
    return pthread_equal(pthread_self(), db->writer_thread);
}

cdz_rc cdz_db_write(struct cdz_db *db, cdz_db_write_fn *fn, void *ctx, struct cdz_err *err)
{
    struct waiting_job w = {.fn = fn, .ctx = ctx, .err = err};
    assert(!cdz_db_on_writer(db)); /* it would wait for itself */
    w.job =
        (struct cdz_db_job){.write = waiting_write, .done = waiting_done, .ctx = &w, .bytes = 4096};
    pthread_mutex_init(&w.mutex, NULL);
    pthread_cond_init(&w.cond, NULL);
    cdz_db_submit(db, &w.job);
    pthread_mutex_lock(&w.mutex);
    while (!w.is_done)
        pthread_cond_wait(&w.cond, &w.mutex);
    pthread_mutex_unlock(&w.mutex);
    pthread_cond_destroy(&w.cond);
    pthread_mutex_destroy(&w.mutex);
    return w.rc;
}

void cdz_db_set_hooks(struct cdz_db *db, const struct cdz_db_hooks *hooks)
{
    pthread_mutex_lock(&db->mutex);
    while (db->busy)
        pthread_cond_wait(&db->quiet, &db->mutex);
    db->hooks = hooks;
    pthread_mutex_unlock(&db->mutex);
}
