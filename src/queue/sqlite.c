/*
 * sqlite.c -- the embedded queue: the hub in front of two tables of the embedded database.
 *
 *   queue_log    one row per transaction: all its records of log topics (chunk.h), whatever their
 * topic. id is the offset of the last record, n their number, mask the topics in it. queue_group
 * per group its topics and the last offset it has committed (one number: chunks have one order).
 *                The group "" keeps the last offset ever given, so that offsets ascend for ever.
 *   queue_state  the live keys of state topics.
 *
 * A send or commit is a job of the database's writer: it changes queue_state and the group's
 * position at once and appends its records to the transaction's chunk, which becomes one row just
 * before the commit (flush) and is published to the consumers just after it (end). So what a
 * consumer sees is durable, and a consumer that keeps up never reads from disk. Derived records
 * travel in the same job, but are only published.
 *
 * Rows that all groups are behind are deleted by later transactions, a few at a time.
 */
#include <assert.h>
#include <inttypes.h>

#include "queue/backends.h"
#include "queue/hub.h"

enum {
    MEMORY_BYTES = 32 << 20,
    PENDING_BYTES_MAX = 64 << 20, /* of sends that are not durable yet: beyond it send waits */
    TRIM_EVERY = 32,              /* transactions between two deletions ... */
    TRIM_ROWS = 128,              /* ... of at most this many rows: 4 times what has come since */
};

struct sqlite_queue {
    struct cdz_queue base; /* must be first */
    struct hub hub;
    struct cdz_db *db;
    struct cdz_db_hooks hooks;

    /* Thread: writer. What the transaction under way has gathered. */
    struct packet kept, derived;
    size_t derived_jobs; /* with derived records */
    uint64_t trimming;   /* rows before this offset are deleted by it; 0: none */
    uint64_t trimmed;    /* rows before this offset are deleted */
    unsigned since_trim;

    pthread_mutex_t mutex; /* guards pending_*; never held together with another */
    pthread_cond_t room;
    size_t pending_bytes;
    size_t pending_jobs;    /* jobs under way */
    size_t pending_derived; /* of these with derived records: later ones must not overtake them */
};

/* One send or commit on its way through the writer. */
struct send_job {
    struct cdz_db_job job;
    struct sqlite_queue *queue;
    struct packet packets[PACKET_KINDS];
    struct hub_commit commit; /* moved: the position belongs to it */
    cdz_queue_done *done;
    void *ctx;
};

static const char *const steps[] = {
    "CREATE TABLE queue_log(id INTEGER PRIMARY KEY, n INTEGER NOT NULL, mask INTEGER NOT NULL, "
    "data BLOB NOT NULL);"
    "CREATE TABLE queue_group(name TEXT PRIMARY KEY, mask INTEGER NOT NULL, position INTEGER NOT "
    "NULL) WITHOUT ROWID;"
    "CREATE TABLE queue_state(topic INTEGER, key BLOB, value BLOB NOT NULL, PRIMARY KEY(topic, "
    "key)) WITHOUT ROWID",
};

/* Jobs. Thread: writer. */

static cdz_rc write_state(struct cdz_conn *conn, const struct packet *packet, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT put = {0}, del = {0};
    cdz_str bytes = cdz_buf_get(&packet->bytes);
    struct cdz_record r;
    CDZ_TRY(cdz_stmt(conn, "INSERT OR REPLACE INTO queue_state VALUES(?,?,?)", &put, err));
    CDZ_TRY(cdz_stmt(conn, "DELETE FROM queue_state WHERE topic=? AND key=?", &del, err));
    for (size_t pos = 0; packet_next(bytes, &pos, &r);) {
        struct cdz_stmt *s = r.value.p ? &put : &del;
        cdz_bind_int(s, 1, r.topic);
        cdz_bind_blob(s, 2, r.key);
        if (r.value.p)
            cdz_bind_blob(s, 3, r.value);
        CDZ_TRY(cdz_stmt_run(s, err));
    }
    return CDZ_OK;
}

static cdz_rc write_position(struct cdz_conn *conn, const struct hub_commit *commit,
                             struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    CDZ_TRY(cdz_stmt(conn, "UPDATE queue_group SET position=? WHERE name=?", &s, err));
    cdz_bind_int(&s, 1, (int64_t)commit->position);
    cdz_bind_text(&s, 2, cdz_str_z(commit->group));
    return cdz_stmt_run(&s, err);
}

static cdz_rc job_write(void *ctx, struct cdz_conn *conn, struct cdz_err *err)
{
    struct send_job *j = ctx;
    if (j->packets[PACKET_STATE].n)
        CDZ_TRY(write_state(conn, &j->packets[PACKET_STATE], err));
    if (j->commit.moved)
        CDZ_TRY(write_position(conn, &j->commit, err));
    packet_append(&j->queue->kept, &j->packets[PACKET_KEPT]);
    packet_append(&j->queue->derived, &j->packets[PACKET_DERIVED]);
    j->queue->derived_jobs += j->packets[PACKET_DERIVED].n > 0;
    return CDZ_OK;
}

static void job_done(void *ctx, cdz_rc rc, const struct cdz_err *err)
{
    struct send_job *j = ctx;
    struct sqlite_queue *q = j->queue;
    if (j->done)
        j->done(j->ctx, rc, err);
    pthread_mutex_lock(&q->mutex);
    q->pending_bytes -= j->job.bytes;
    q->pending_jobs--;
    if (rc != CDZ_OK) /* else hook_end has */
        q->pending_derived -= j->packets[PACKET_DERIVED].n > 0;
    pthread_cond_broadcast(&q->room);
    pthread_mutex_unlock(&q->mutex);
    packets_done(j->packets);
    free(j);
}

/* Hooks of the transaction. Thread: writer. */

static void hook_begin(void *ctx)
{
    struct sqlite_queue *q = ctx;
    q->kept.n = q->kept.mask = q->derived.n = q->derived.mask = 0;
    q->derived_jobs = 0;
    cdz_buf_reset(&q->kept.bytes);
    cdz_buf_reset(&q->derived.bytes);
    q->trimming = 0;
}

static cdz_rc write_chunk(struct sqlite_queue *q, struct cdz_conn *conn, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    CDZ_TRY(cdz_stmt(conn, "INSERT INTO queue_log VALUES(?,?,?,?)", &s, err));
    cdz_bind_int(&s, 1, (int64_t)(q->hub.logs[HUB_KEPT].end + q->kept.n - 1));
    cdz_bind_int(&s, 2, (int64_t)q->kept.n);
    cdz_bind_int(&s, 3, q->kept.mask);
    cdz_bind_blob(&s, 4, cdz_buf_get(&q->kept.bytes));
    return cdz_stmt_run(&s, err);
}

static cdz_rc delete_rows(struct sqlite_queue *q, struct cdz_conn *conn, uint64_t needed,
                          struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT last = {0}, del = {0}, mark = {0};
    bool row;
    CDZ_TRY(cdz_stmt(
        conn,
        "SELECT max(id) FROM (SELECT id FROM queue_log WHERE id>=? AND id<? ORDER BY id LIMIT ?)",
        &last, err));
    cdz_bind_int(&last, 1, (int64_t)q->trimmed);
    cdz_bind_int(&last, 2, (int64_t)needed);
    cdz_bind_int(&last, 3, TRIM_ROWS);
    CDZ_TRY(cdz_stmt_row(&last, &row, err));
    int64_t id = cdz_col_int(&last, 0); /* 0: no row is that old */
    if (id == 0)
        return CDZ_OK;
    CDZ_TRY(cdz_stmt(conn, "DELETE FROM queue_log WHERE id<=?", &del, err));
    cdz_bind_int(&del, 1, id);
    CDZ_TRY(cdz_stmt_run(&del, err));
    CDZ_TRY(cdz_stmt(conn, "INSERT OR REPLACE INTO queue_group VALUES('',0,?)", &mark, err));
    cdz_bind_int(&mark, 1, (int64_t)(q->hub.logs[HUB_KEPT].end + q->kept.n - 1));
    CDZ_TRY(cdz_stmt_run(&mark, err));
    q->trimming = (uint64_t)id + 1;
    return CDZ_OK;
}

static cdz_rc hook_flush(void *ctx, struct cdz_conn *conn, struct cdz_err *err)
{
    struct sqlite_queue *q = ctx;
    if (q->kept.n)
        CDZ_TRY(write_chunk(q, conn, err));
    if (++q->since_trim < TRIM_EVERY)
        return CDZ_OK;
    q->since_trim = 0;
    uint64_t needed = hub_needed(&q->hub);
    return needed > q->trimmed ? delete_rows(q, conn, needed, err) : CDZ_OK;
}

static void hook_end(void *ctx, cdz_rc rc)
{
    struct sqlite_queue *q = ctx;
    if (rc != CDZ_OK)
        return;
    if (q->trimming) {
        q->trimmed = q->trimming;
        hub_dropped(&q->hub, q->trimmed);
    }
    struct chunk *kept = q->kept.n ? chunk_new(&q->kept) : NULL;
    struct chunk *derived = q->derived.n ? chunk_new(&q->derived) : NULL;
    if (kept || derived)
        hub_publish(&q->hub, kept, derived);
    /* At once: who was woken by these may answer before job_done runs, and need not go through the
     * writer for it. */
    pthread_mutex_lock(&q->mutex);
    q->pending_derived -= q->derived_jobs;
    pthread_mutex_unlock(&q->mutex);
}

/* Logs and metrics alone: nobody acts on them, so they may wait for the next commit. */
static bool is_lazy(const struct packet packets[PACKET_KINDS])
{
    unsigned lines = 1u << CDZ_TOPIC_LOG | 1u << CDZ_TOPIC_METRIC;
    return !packets[PACKET_STATE].n && !packets[PACKET_DERIVED].n &&
           !(packets[PACKET_KEPT].mask & ~lines);
}

/* The port */

/* Hands the packets to the writer; waits for room first, except on the writer itself, which makes
 * the room. */
static void submit(struct sqlite_queue *q, struct packet packets[PACKET_KINDS],
                   const struct hub_commit *commit, cdz_queue_done *done, void *ctx)
{
    struct send_job *j = calloc(1, sizeof(*j));
    if (!j)
        abort();
    j->job =
        (struct cdz_db_job){.write = job_write, .done = job_done, .ctx = j, .bytes = sizeof(*j)};
    j->queue = q;
    j->done = done;
    j->ctx = ctx;
    if (commit)
        j->commit = *commit;
    else
        j->job.lazy = is_lazy(packets);
    for (int i = 0; i < PACKET_KINDS; i++) {
        j->packets[i] = packets[i];
        j->job.bytes += packets[i].bytes.n;
    }
    pthread_mutex_lock(&q->mutex);
    while (q->pending_bytes > PENDING_BYTES_MAX && !cdz_db_on_writer(q->db))
        pthread_cond_wait(&q->room, &q->mutex);
    q->pending_bytes += j->job.bytes;
    q->pending_jobs++;
    q->pending_derived += j->packets[PACKET_DERIVED].n > 0;
    pthread_mutex_unlock(&q->mutex);
    cdz_db_submit(q->db, &j->job);
}

/* Derived records alone need no disk. False: older ones are still on their way through the writer.
 */
static bool publish_derived(struct sqlite_queue *q, struct packet packets[PACKET_KINDS])
{
    pthread_mutex_lock(&q->mutex);
    bool at_once = q->pending_derived == 0;
    pthread_mutex_unlock(&q->mutex);
    if (at_once && packets[PACKET_DERIVED].n)
        hub_publish(&q->hub, NULL, chunk_new(&packets[PACKET_DERIVED]));
    return at_once;
}

static void sqlite_send(struct cdz_queue *base, const struct cdz_record *records, size_t n,
                        cdz_queue_done *done, void *ctx)
{
    struct sqlite_queue *q = (struct sqlite_queue *)base;
    struct packet packets[PACKET_KINDS] = {0};
    packets_add(packets, records, n);
    if (!packets[PACKET_KEPT].n && !packets[PACKET_STATE].n && publish_derived(q, packets)) {
        if (done)
            done(ctx, CDZ_OK, NULL);
        return;
    }
    submit(q, packets, NULL, done, ctx);
}

struct committing {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool is_done;
    cdz_rc rc;
    struct cdz_err *err;
};

static void committed(void *ctx, cdz_rc rc, const struct cdz_err *err)
{
    struct committing *w = ctx;
    pthread_mutex_lock(&w->mutex);
    w->rc = rc;
    if (rc != CDZ_OK)
        *w->err = *err;
    w->is_done = true;
    pthread_cond_signal(&w->cond); /* inside the mutex: w is gone as soon as the waiter gets it */
    pthread_mutex_unlock(&w->mutex);
}

static cdz_rc sqlite_commit(struct cdz_consumer *c, const struct cdz_record *records, size_t n,
                            struct cdz_err *err)
{
    struct sqlite_queue *q = (struct sqlite_queue *)c->queue;
    struct committing w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, CDZ_OK, err};
    struct packet packets[PACKET_KINDS] = {0};
    struct hub_commit commit = hub_commit_begin(c);
    packets_add(packets, records, n);
    bool needs_disk = packets[PACKET_KEPT].n || packets[PACKET_STATE].n || commit.moved;
    if (needs_disk || !publish_derived(q, packets)) {
        submit(q, packets, &commit, committed, &w);
        pthread_mutex_lock(&w.mutex);
        while (!w.is_done)
            pthread_cond_wait(&w.cond, &w.mutex);
        pthread_mutex_unlock(&w.mutex);
    }
    pthread_cond_destroy(&w.cond);
    pthread_mutex_destroy(&w.mutex);
    CDZ_TRY(w.rc);
    hub_commit_end(c, &commit);
    return CDZ_OK;
}

/*
 * Where the first row stands that nobody may delete because no group wants one of its topics; the
 * search begins at from. Thread: writer.
 */
static cdz_rc find_uncovered(struct sqlite_queue *q, struct cdz_conn *conn, uint64_t from,
                             struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    unsigned unwanted = hub_kept_mask() & ~hub_covered(&q->hub);
    uint64_t first = UINT64_MAX;
    if (unwanted && from <= INT64_MAX) {
        bool row;
        CDZ_TRY(cdz_stmt(conn,
                         "SELECT id-n+1 FROM queue_log WHERE id>=? AND mask&? ORDER BY id LIMIT 1",
                         &s, err));
        cdz_bind_int(&s, 1, (int64_t)from);
        cdz_bind_int(&s, 2, unwanted);
        CDZ_TRY(cdz_stmt_row(&s, &row, err));
        if (row)
            first = (uint64_t)cdz_col_int(&s, 0);
    }
    pthread_mutex_lock(&q->hub.mutex);
    q->hub.uncovered = first;
    pthread_mutex_unlock(&q->hub.mutex);
    return CDZ_OK;
}

struct subscription {
    struct sqlite_queue *queue;
    const char *group;
    unsigned mask;
};

static cdz_rc write_group(void *ctx, struct cdz_conn *conn, struct cdz_err *err)
{
    struct subscription *sub = ctx;
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    CDZ_TRY(cdz_stmt(
        conn, "INSERT INTO queue_group VALUES(?,?,0) ON CONFLICT DO UPDATE SET mask=excluded.mask",
        &s, err));
    cdz_bind_text(&s, 1, cdz_str_z(sub->group));
    cdz_bind_int(&s, 2, sub->mask);
    CDZ_TRY(cdz_stmt_run(&s, err));
    /* Groups only ever come, so nothing before the row known so far can be uncovered. Only this
     * thread sets it. */
    return find_uncovered(sub->queue, conn, sub->queue->hub.uncovered, err);
}

static cdz_rc sqlite_subscribe(struct cdz_queue *base, const char *group,
                               const enum cdz_topic *topics, size_t n, struct cdz_consumer **ret,
                               struct cdz_err *err)
{
    struct sqlite_queue *q = (struct sqlite_queue *)base;
    struct subscription sub = {q, group, hub_mask(topics, n)};
    struct cdz_consumer *c;
    bool is_kept = false;
    for (size_t i = 0; i < n; i++)
        is_kept = is_kept || !cdz_topic_is_derived(topics[i]);
    CDZ_TRY(hub_subscribe(&q->hub, group, sub.mask, &c, err));
    if (group && is_kept) {
        cdz_rc rc = cdz_db_write(q->db, write_group, &sub, err);
        if (rc != CDZ_OK) {
            hub_unsubscribe(c);
            return rc;
        }
    }
    *ret = c;
    return CDZ_OK;
}

/* Reads a row back as a chunk: hub.h. */
static cdz_rc load(void *ctx, uint64_t from, uint64_t before, unsigned mask, struct chunk **ret,
                   struct cdz_err *err)
{
    struct sqlite_queue *q = ctx;
    struct cdz_conn *conn;
    struct cdz_stmt s = {0};
    bool row = false;
    CDZ_TRY(cdz_db_read_begin(q->db, &conn, err));
    cdz_rc rc = cdz_stmt(conn,
                         "SELECT id, n, mask, data FROM queue_log WHERE id>=? AND id<? AND mask&? "
                         "ORDER BY id LIMIT 1",
                         &s, err);
    if (rc == CDZ_OK) {
        cdz_bind_int(&s, 1, (int64_t)from);
        cdz_bind_int(&s, 2, (int64_t)before);
        cdz_bind_int(&s, 3, mask);
        rc = cdz_stmt_row(&s, &row, err);
    }
    if (rc == CDZ_OK && row) {
        struct packet p = {.bytes = CDZ_BUF_INIT,
                           .n = (size_t)cdz_col_int(&s, 1),
                           .mask = (unsigned)cdz_col_int(&s, 2)};
        uint64_t last = (uint64_t)cdz_col_int(&s, 0);
        cdz_buf_str(&p.bytes, cdz_col_str(&s, 3));
        *ret = chunk_new(&p);
        (*ret)->first = last + 1 - (*ret)->packet.n;
    }
    cdz_stmt_end(&s);
    cdz_db_read_end(q->db, conn);
    return rc;
}

/* The first key behind all that start with prefix; empty: there is none. */
static cdz_str prefix_end(cdz_str prefix, struct cdz_arena *arena)
{
    char *end = cdz_arena_alloc(arena, prefix.n + 1);
    if (prefix.n)
        memcpy(end, prefix.p, prefix.n);
    size_t n = prefix.n;
    while (n > 0 && (unsigned char)end[n - 1] == 0xff)
        n--;
    if (n > 0)
        end[n - 1] = (char)((unsigned char)end[n - 1] + 1);
    return (cdz_str){end, n};
}

static cdz_rc sqlite_scan(struct cdz_queue *base, enum cdz_topic t, cdz_str prefix,
                          bool (*fn)(void *ctx, cdz_str key, cdz_str value), void *ctx,
                          struct cdz_err *err)
{
    struct sqlite_queue *q = (struct sqlite_queue *)base;
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str end = prefix_end(prefix, arena);
    struct cdz_conn *conn;
    struct cdz_stmt s = {0};
    bool row = true;
    CDZ_TRY(cdz_db_read_begin(q->db, &conn, err));
    cdz_rc rc = cdz_stmt_once(
        conn,
        end.n ? CDZ_STR("SELECT key, value FROM queue_state WHERE topic=? AND key>=? AND key<?"
                        " ORDER BY key")
              : CDZ_STR("SELECT key, value FROM queue_state WHERE topic=? AND key>=?"
                        " ORDER BY key"),
        &s, err);
    if (rc == CDZ_OK) {
        cdz_bind_int(&s, 1, t);
        cdz_bind_blob(&s, 2, prefix.p ? prefix : CDZ_STR(""));
        if (end.n)
            cdz_bind_blob(&s, 3, end);
    }
    while (rc == CDZ_OK && row) {
        rc = cdz_stmt_row(&s, &row, err);
        if (rc == CDZ_OK && row && !fn(ctx, cdz_col_str(&s, 0), cdz_col_str(&s, 1)))
            break;
    }
    cdz_stmt_end(&s);
    cdz_db_read_end(q->db, conn);
    return rc;
}

static cdz_rc sqlite_get(struct cdz_queue *base, enum cdz_topic t, cdz_str key,
                         struct cdz_arena *arena, cdz_str *ret, struct cdz_err *err)
{
    struct sqlite_queue *q = (struct sqlite_queue *)base;
    struct cdz_conn *conn;
    struct cdz_stmt s = {0};
    bool row;
    CDZ_TRY(cdz_db_read_begin(q->db, &conn, err));
    cdz_rc rc = cdz_stmt(conn, "SELECT value FROM queue_state WHERE topic=? AND key=?", &s, err);
    if (rc == CDZ_OK) {
        cdz_bind_int(&s, 1, t);
        cdz_bind_blob(&s, 2, key);
        rc = cdz_stmt_row(&s, &row, err);
    }
    if (rc == CDZ_OK && row)
        *ret = cdz_arena_str(arena, cdz_col_str(&s, 0));
    else if (rc == CDZ_OK)
        rc = cdz_fail(err, CDZ_E_NOT_FOUND, "%s has no \"%.*s\"", cdz_topic_name(t), CDZ_S(key));
    cdz_stmt_end(&s);
    cdz_db_read_end(q->db, conn);
    return rc;
}

static void sqlite_close(struct cdz_queue *base)
{
    struct sqlite_queue *q = (struct sqlite_queue *)base;
    pthread_mutex_lock(&q->mutex);
    while (q->pending_jobs)
        pthread_cond_wait(&q->room, &q->mutex);
    pthread_mutex_unlock(&q->mutex);
    cdz_db_set_hooks(q->db, NULL);
    hub_done(&q->hub);
    cdz_buf_done(&q->kept.bytes);
    cdz_buf_done(&q->derived.bytes);
    pthread_mutex_destroy(&q->mutex);
    pthread_cond_destroy(&q->room);
    free(q);
}

static const struct cdz_queue_ops ops = {
    .name = "embedded",
    .send = sqlite_send,
    .subscribe = sqlite_subscribe,
    .poll = hub_poll,
    .commit = sqlite_commit,
    .wake = hub_wake,
    .unsubscribe = hub_unsubscribe,
    .scan = sqlite_scan,
    .get = sqlite_get,
    .close = sqlite_close,
};

/* Thread: writer, before anything else of the queue. */
static cdz_rc restore(void *ctx, struct cdz_conn *conn, struct cdz_err *err)
{
    struct sqlite_queue *q = ctx;
    struct cdz_stmt CDZ_AUTO_STMT groups = {0}, rows = {0};
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    uint64_t last = 0;
    bool row;
    CDZ_TRY(cdz_stmt(conn, "SELECT name, mask, position FROM queue_group", &groups, err));
    for (;;) {
        CDZ_TRY(cdz_stmt_row(&groups, &row, err));
        if (!row)
            break;
        cdz_str name = cdz_col_str(&groups, 0);
        uint64_t position = (uint64_t)cdz_col_int(&groups, 2);
        if (position > last)
            last = position;
        if (name.n)
            hub_restore(&q->hub, cdz_arena_z(arena, name), (unsigned)cdz_col_int(&groups, 1),
                        position);
    }
    CDZ_TRY(cdz_stmt(
        conn,
        "SELECT (SELECT id-n FROM queue_log ORDER BY id LIMIT 1), (SELECT max(id) FROM queue_log)",
        &rows, err));
    CDZ_TRY(cdz_stmt_row(&rows, &row, err));
    uint64_t newest = (uint64_t)cdz_col_int(&rows, 1);
    if (newest > last)
        last = newest;
    q->hub.logs[HUB_KEPT].end = last + 1;
    q->trimmed = newest ? (uint64_t)cdz_col_int(&rows, 0) + 1 : last + 1;
    q->hub.dropped = q->trimmed;
    return find_uncovered(q, conn, 0, err);
}

cdz_rc cdz_queue_sqlite_open(struct cdz_db *db, const struct cdz_queue_sqlite_options *options,
                             struct cdz_queue **ret, struct cdz_err *err)
{
    CDZ_TRY(cdz_db_migrate(db, "queue", steps, CDZ_COUNT(steps), err));
    struct sqlite_queue *q = calloc(1, sizeof(*q));
    if (!q)
        abort();
    q->base.ops = &ops;
    q->db = db;
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->room, NULL);
    hub_init(&q->hub, &q->base);
    q->hub.spills = true;
    q->hub.bytes_max = options && options->memory_bytes ? options->memory_bytes : MEMORY_BYTES;
    q->hub.load = load;
    q->hub.ctx = q;
    cdz_rc rc = cdz_db_write(db, restore, q, err);
    if (rc != CDZ_OK) {
        sqlite_close(&q->base);
        return rc;
    }
    q->hooks = (struct cdz_db_hooks){hook_begin, hook_flush, hook_end, q};
    cdz_db_set_hooks(db, &q->hooks);
    *ret = &q->base;
    return CDZ_OK;
}
