/* db.c -- opening the data directory: lock, file, settings, migrations; and the pool of reading
 * connections. */
#include "sqlite/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite/internal.h"

enum { CACHE_BYTES = 4 << 20, WAL_BYTES = 8 << 20, PAGE_BYTES = 4096 };

static void configure_once(void)
{
    /* Counting every malloc under one lock costs more than it tells. Fails harmlessly if SQLite
     * runs already. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)sqlite3_initialize();
}

/* "a/b" and its parents. */
static cdz_rc make_dir(const char *dir, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str copy = cdz_arena_str(arena, cdz_str_z(dir));
    char *path = cdz_arena_alloc(arena, copy.n + 1);
    memcpy(path, copy.p, copy.n + 1);
    for (size_t i = 1; i <= copy.n; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        path[i] = 0;
        if (mkdir(path, 0750) != 0 && errno != EEXIST)
            return cdz_fail_errno(err, errno, "mkdir", "the data directory %s cannot be made", dir);
        path[i] = copy.p[i];
    }
    return CDZ_OK;
}

/* The lock lives as long as the descriptor: a killed process leaves none behind. */
static cdz_rc lock_dir(struct cdz_db *db, const char *dir, struct cdz_arena *arena,
                       struct cdz_err *err)
{
    char pid[32] = "";
    const char *file = cdz_arena_printf(arena, "%s/cadenza.lock", dir).p;
    db->lock_fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (db->lock_fd < 0)
        return cdz_fail_errno(err, errno, "open", "the lock file %s cannot be opened", file);
    if (flock(db->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return cdz_fail_errno(err, errno, "flock", "the lock file %s cannot be locked", file);
        ssize_t n = pread(db->lock_fd, pid, sizeof(pid) - 1, 0);
        pid[n > 0 ? strcspn(pid, "\n") : 0] = 0;
        return cdz_fail(err, CDZ_E_CONFLICT, "the data directory %s is in use by process %s", dir,
                        *pid ? pid : "(unknown)");
    }
    int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(db->lock_fd, 0) != 0 || pwrite(db->lock_fd, pid, (size_t)n, 0) != n) {
        /* Only the text of a message is lost; a full disk must not keep a server from starting. */
    }
    return CDZ_OK;
}

static cdz_rc open_writer(struct cdz_db *db, struct cdz_err *err)
{
    CDZ_TRY(cdz_conn_open(db->file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, db->cache_bytes,
                          &db->writer, err));
    /*
     * FULL: the log is synced at every commit; NORMAL would lose what was acknowledged at a power
     * cut. wal_autocheckpoint=0: the checkpointer decides. No mmap: a memory map turns I/O errors
     * into SIGBUS.
     */
    return cdz_conn_exec(db->writer,
                         "PRAGMA page_size=4096;"
                         "PRAGMA journal_mode=WAL;"
                         "PRAGMA synchronous=FULL;"
                         "PRAGMA wal_autocheckpoint=0;"
                         "PRAGMA mmap_size=0;"
                         "PRAGMA temp_store=MEMORY;"
                         "CREATE TABLE IF NOT EXISTS schema_version(module TEXT PRIMARY KEY, "
                         "version INTEGER NOT NULL)"
                         " WITHOUT ROWID",
                         err);
}

cdz_rc cdz_db_open(const char *dir, const struct cdz_db_options *options, struct cdz_db **ret,
                   struct cdz_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static const struct cdz_db_options none;
    assert(dir && *dir && ret);
    pthread_once(&once, configure_once);
    if (!options)
        options = &none;
    struct cdz_db *db = calloc(1, sizeof(*db));
    if (!db)
        abort();
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    db->lock_fd = -1;
    db->cache_bytes = options->cache_bytes ? options->cache_bytes : CACHE_BYTES;
    db->wal_pages_max = (options->wal_bytes ? options->wal_bytes : WAL_BYTES) / PAGE_BYTES;
    db->last = &db->first;
    pthread_mutex_init(&db->mutex, NULL);
    pthread_mutex_init(&db->readers_mutex, NULL);
    pthread_cond_init(&db->work, NULL);
    pthread_cond_init(&db->quiet, NULL);
    pthread_cond_init(&db->checkpoint, NULL);
    db->file = strdup(cdz_arena_printf(arena, "%s/cadenza.db", dir).p);
    if (!db->file)
        abort();

    cdz_rc rc = make_dir(dir, err);
    if (rc == CDZ_OK)
        rc = lock_dir(db, dir, arena, err);
    if (rc == CDZ_OK)
        rc = open_writer(db, err);
    if (rc == CDZ_OK)
        rc = cdz_writer_start(db, err);
    if (rc != CDZ_OK) {
        cdz_conn_close(db->writer);
        db->writer = NULL;
        cdz_db_close(db);
        return rc;
    }
    *ret = db;
    return CDZ_OK;
}

void cdz_db_close(struct cdz_db *db)
{
    if (!db)
        return;
    if (db->writer)
        cdz_writer_stop(db);
    for (size_t i = 0; i < db->idle_n; i++)
        cdz_conn_close(db->idle[i]);
    /* The last connection to close copies the rest of the log back and removes it. */
    cdz_conn_close(db->writer);
    if (db->lock_fd >= 0)
        close(db->lock_fd);
    pthread_mutex_destroy(&db->mutex);
    pthread_mutex_destroy(&db->readers_mutex);
    pthread_cond_destroy(&db->work);
    pthread_cond_destroy(&db->quiet);
    pthread_cond_destroy(&db->checkpoint);
    free(db->file);
    free(db);
}

struct migration {
    const char *module;
    const char *const *steps;
    size_t n;
};

static cdz_rc migrate(void *ctx, struct cdz_conn *conn, struct cdz_err *err)
{
    const struct migration *m = ctx;
    struct cdz_stmt CDZ_AUTO_STMT get = {0}, put = {0};
    bool row;
    CDZ_TRY(cdz_stmt(conn, "SELECT version FROM schema_version WHERE module=?", &get, err));
    cdz_bind_text(&get, 1, cdz_str_z(m->module));
    CDZ_TRY(cdz_stmt_row(&get, &row, err));
    int64_t version = row ? cdz_col_int(&get, 0) : 0;
    if (version < 0 || version > (int64_t)m->n)
        return cdz_fail(err, CDZ_E_INVALID,
                        "the data directory was written by a newer version (%s tables: %lld)",
                        m->module, (long long)version);
    if (version == (int64_t)m->n)
        return CDZ_OK;
    /* The writer sees what a failed job changed by its rows; tables have none, so this job cleans
     * up itself. */
    CDZ_TRY(cdz_conn_exec(conn, "SAVEPOINT migration", err));
    for (size_t i = (size_t)version; i < m->n; i++) {
        cdz_rc rc = cdz_conn_exec(conn, m->steps[i], err);
        if (rc != CDZ_OK) {
            struct cdz_err ignored;
            if (cdz_conn_exec(conn, "ROLLBACK TO migration; RELEASE migration", &ignored) != CDZ_OK)
                return cdz_fail(err, CDZ_E_UNAVAILABLE, "the database cannot undo a migration");
            return rc;
        }
    }
    CDZ_TRY(cdz_conn_exec(conn, "RELEASE migration", err));
    CDZ_TRY(cdz_stmt(conn, "INSERT OR REPLACE INTO schema_version VALUES(?,?)", &put, err));
    cdz_bind_text(&put, 1, cdz_str_z(m->module));
    cdz_bind_int(&put, 2, (int64_t)m->n);
    return cdz_stmt_run(&put, err);
}

cdz_rc cdz_db_migrate(struct cdz_db *db, const char *module, const char *const *steps, size_t n,
                      struct cdz_err *err)
{
    struct migration m = {module, steps, n};
    return cdz_db_write(db, migrate, &m, err);
}

cdz_rc cdz_db_read_begin(struct cdz_db *db, struct cdz_conn **ret, struct cdz_err *err)
{
    struct cdz_conn *conn = NULL;
    pthread_mutex_lock(&db->readers_mutex);
    if (db->idle_n)
        conn = db->idle[--db->idle_n];
    pthread_mutex_unlock(&db->readers_mutex);
    /*
     * One more instead of waiting for one: somebody who reads inside a scan would wait for himself.
     * READWRITE: only such a connection may recover the log; query_only keeps it from anything
     * else.
     */
    if (!conn) {
        CDZ_TRY(cdz_conn_open(db->file, SQLITE_OPEN_READWRITE, db->cache_bytes / 4, &conn, err));
        cdz_rc rc = cdz_conn_exec(
            conn, "PRAGMA query_only=1; PRAGMA wal_autocheckpoint=0; PRAGMA temp_store=MEMORY",
            err);
        if (rc != CDZ_OK) {
            cdz_conn_close(conn);
            return rc;
        }
    }
    *ret = conn;
    return CDZ_OK;
}

void cdz_db_read_end(struct cdz_db *db, struct cdz_conn *conn)
{
    pthread_mutex_lock(&db->readers_mutex);
    if (db->idle_n < IDLE_READERS_MAX) {
        db->idle[db->idle_n++] = conn;
        conn = NULL;
    }
    pthread_mutex_unlock(&db->readers_mutex);
    cdz_conn_close(conn);
}

struct cdz_db_stats cdz_db_stats(struct cdz_db *db)
{
    pthread_mutex_lock(&db->mutex);
    struct cdz_db_stats stats = db->stats;
    stats.wal_pages = db->wal_pages;
    pthread_mutex_unlock(&db->mutex);
    return stats;
}
