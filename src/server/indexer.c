/*
 * indexer.c -- copies what happened from the queue to the repository and then tells the followers.
 *
 * A batch that changes one task run several times writes its last form only. When the repository is
 * down the same batch is tried again with back-off; the queue keeps everything meanwhile, and
 * nothing else waits for the indexer.
 *
 * It gathers, because it shares the disk with the executor: news of an execution that goes on waits
 * up to GATHER for more, the end of one is written at once, and a pause as long as the last writing
 * took leaves the executor its half. The more there is to do, the more of it is written once
 * instead of thrice. The position is kept only now and then: a batch that is delivered again after
 * a crash writes the same rows.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "base/time.h"
#include "server/server.h"

#define GATHER         (5 * CDZ_MS)   /* the longest wait for more */
#define PAUSE_MAX      (20 * CDZ_MS)  /* between two batches */
#define POSITION_EVERY (100 * CDZ_MS) /* at most so much is delivered again */

enum { BATCH = 2000 };

struct told {
    cdz_str id;
    enum cdz_hub_what what;
    cdz_str record;
};

/* What has been gathered and is not written yet; records are copied, polls borrow them. */
struct work {
    struct cdz_arena *arena;
    size_t records;
    cdz_us since; /* monotonic: when the first of them came */
    bool urgent;  /* an execution has ended */
    CDZ_VEC(struct cdz_repo_op) ops;
    CDZ_VEC(struct told) told;
    struct cdz_table last; /* "id/h" or "id/<index>" -> position + 1 in ops: the newest form */
};

struct cdz_indexer {
    struct cdz_services *s;
    struct cdz_consumer *in;
    pthread_t thread;
    atomic_bool stopping;

    /* Thread: indexer */
    struct work work;
    cdz_us not_before; /* monotonic: the next batch is not written sooner */
    cdz_us written;    /* monotonic: the oldest batch whose position is not kept; 0: none */
};

/* The task run's index is the second number of its record: enough to tell records of one run apart.
 */
static void add_change(struct cdz_indexer *x, struct work *w, const struct cdz_record *r)
{
    struct cdz_err err;
    struct cdz_execution *e;
    cdz_str bytes = cdz_str_sub(r->value, 1, r->value.n);
    enum cdz_change_kind kind = (enum cdz_change_kind)r->value.p[0];
    cdz_str key;
    struct cdz_repo_op op = {.kind = CDZ_REPO_EXECUTION, .id = r->key, .bytes = bytes};
    enum cdz_hub_what what = CDZ_HUB_CHANGED;
    if (kind == CDZ_CHANGE_HEAD) {
        if (cdz_execution_decode(bytes, &e, &err) != CDZ_OK) {
            x->s->counters->records_damaged++;
            cdz_log_err(CDZ_ERROR, "indexer", &err, "msg=\"record dropped\" execution=%.*s",
                        CDZ_S(r->key));
            return;
        }
        what = cdz_state_is_terminated(cdz_state_now(&e->history)) ? CDZ_HUB_TERMINATED
                                                                   : CDZ_HUB_CHANGED;
        cdz_execution_free(e);
        w->urgent |= what == CDZ_HUB_TERMINATED;
        key = cdz_arena_printf(w->arena, "%.*s/h", CDZ_S(r->key));
    } else if (kind == CDZ_CHANGE_TASKRUN) {
        size_t n = bytes.n < 6 ? bytes.n : 6; /* format and index */
        key = cdz_arena_printf(w->arena, "%.*s/%.*s", CDZ_S(r->key), (int)n, "");
        char *p = cdz_arena_alloc(w->arena, key.n + n);
        memcpy(p, key.p, key.n);
        size_t used = 1;
        while (used < n && (bytes.p[used] & 0x80))
            used++;
        memcpy(p + key.n, bytes.p, used + 1 < n ? used + 1 : n);
        key = (cdz_str){p, key.n + (used + 1 < n ? used + 1 : n)};
        op.kind = CDZ_REPO_TASKRUN;
        op.unique = r->offset;
    } else {
        op.kind = CDZ_REPO_EXECUTION_DELETE;
        op.flags =
            bytes.n ? (unsigned char)bytes.p[0] : (unsigned)(CDZ_REPO_LOGS | CDZ_REPO_METRICS);
        key = cdz_arena_printf(w->arena, "%.*s/d", CDZ_S(r->key));
    }
    void *before = cdz_table_get(&w->last, key);
    if (before) {
        w->ops.v[(uintptr_t)before - 1] = op;
    } else {
        CDZ_PUSH(w->arena, &w->ops, op);
        (void)cdz_table_put(&w->last, key, (void *)(uintptr_t)w->ops.n); /* it was not there */
    }
    CDZ_PUSH(w->arena, &w->told, (struct told){r->key, what, CDZ_STR("")});
}

static void add(struct cdz_indexer *x, const struct cdz_record *borrowed)
{
    struct work *w = &x->work;
    struct cdz_record copy = *borrowed;
    const struct cdz_record *r = &copy;
    copy.key = cdz_arena_str(w->arena, copy.key);
    copy.value = cdz_arena_str(w->arena, copy.value);
    bool cut = r->value.n == 0 || r->key.n == 0;
    if (!cut && r->topic == CDZ_TOPIC_CHANGE)
        cut = (unsigned char)r->value.p[0] - 1u > CDZ_CHANGE_DELETE - 1u ||
              (r->value.p[0] != CDZ_CHANGE_DELETE && r->value.n < 2);
    if (cut) { /* nobody writes such */
        x->s->counters->records_damaged++;
        return;
    }
    if (r->topic == CDZ_TOPIC_CHANGE) {
        add_change(x, w, r);
        return;
    }
    if (r->topic == CDZ_TOPIC_LOG && r->value.p[0] == CDZ_LOG_MARK) {
        CDZ_PUSH(w->arena, &w->told, (struct told){r->value, CDZ_HUB_LOG, CDZ_STR("")});
        w->urgent = true; /* somebody waits for it */
        return;
    }
    struct cdz_repo_op op = {.kind = r->topic == CDZ_TOPIC_LOG ? CDZ_REPO_LOG : CDZ_REPO_METRIC,
                             .id = r->key,
                             .bytes = r->value,
                             .unique = r->offset};
    CDZ_PUSH(w->arena, &w->ops, op);
    if (r->topic == CDZ_TOPIC_LOG)
        CDZ_PUSH(w->arena, &w->told, (struct told){r->key, CDZ_HUB_LOG, r->value});
}

/* What can never be written must not hold up the rest: one by one, without the damaged ones. */
static cdz_rc apply_each(struct cdz_indexer *x, struct work *w, struct cdz_err *err)
{
    for (size_t i = 0; i < w->ops.n; i++) {
        cdz_rc rc = cdz_repository_apply(x->s->repository, &w->ops.v[i], 1, err);
        if (rc != CDZ_OK && cdz_rc_retry(rc)) {
            memmove(w->ops.v, w->ops.v + i, (w->ops.n - i) * sizeof(*w->ops.v));
            w->ops.n -= i; /* what is through need not be written again */
            return rc;
        }
        if (rc != CDZ_OK) {
            x->s->counters->records_damaged++;
            cdz_log_err(CDZ_ERROR, "indexer", err, "msg=\"record dropped\" execution=%.*s",
                        CDZ_S(w->ops.v[i].id));
        }
    }
    return CDZ_OK;
}

/* Until it is through, or the server stops (the batch is delivered again then). */
static bool apply(struct cdz_indexer *x, struct work *w)
{
    struct cdz_err err;
    cdz_us pause = 20 * CDZ_MS;
    bool told = false;
    for (;;) {
        cdz_rc rc = cdz_repository_apply(x->s->repository, w->ops.v, w->ops.n, &err);
        if (rc != CDZ_OK && !cdz_rc_retry(rc))
            rc = apply_each(x, w, &err);
        if (rc == CDZ_OK)
            return true;
        x->s->counters->index_retries++;
        if (!told)
            cdz_log_err(CDZ_ERROR, "indexer", &err,
                        "msg=\"repository not written, trying again\" operations=%zu", w->ops.n);
        told = true;
        if (x->stopping)
            return false;
        struct timespec ts = {.tv_sec = pause / CDZ_SECOND, .tv_nsec = pause % CDZ_SECOND * 1000};
        nanosleep(&ts, NULL);
        pause = pause * 2 > 5 * CDZ_SECOND ? 5 * CDZ_SECOND : pause * 2;
    }
}

static void keep_position(struct cdz_indexer *x)
{
    struct cdz_err err;
    while (cdz_queue_commit(x->in, NULL, 0, &err) != CDZ_OK && !x->stopping) {
        struct timespec ts = {.tv_nsec = 50000000};
        nanosleep(&ts, NULL); /* disk full: repeating the batches later would change nothing, but
                                 it need not be */
    }
    x->written = 0;
}

static void write_work(struct cdz_indexer *x)
{
    struct work *w = &x->work;
    cdz_us begin = cdz_mono_us();
    if (apply(x, w)) {
        for (size_t i = 0; i < w->told.n; i++)
            cdz_hub_tell(x->s->hub, w->told.v[i].id, w->told.v[i].what, w->told.v[i].record);
        x->s->counters->indexed_records += w->records;
        x->s->counters->index_batches++;
        if (!x->written)
            x->written = begin;
    } else {
        x->written = 0; /* stopping: a position kept now would lie behind this batch */
    }
    cdz_us end = cdz_mono_us(), took = end - begin;
    x->not_before = end + (took < PAUSE_MAX ? took : PAUSE_MAX);
    cdz_table_done(&w->last);
    cdz_arena_close(w->arena);
    *w = (struct work){0};
}

static void gather(struct cdz_indexer *x, const struct cdz_batch *batch)
{
    struct work *w = &x->work;
    if (!w->arena) {
        w->arena = cdz_arena_open(32 << 10);
        w->since = cdz_mono_us();
    }
    for (size_t i = 0; i < batch->n; i++)
        add(x, &batch->records[i]);
    w->records += batch->n;
}

/* When something is to be done, whether or not more comes. */
static cdz_us due(const struct cdz_indexer *x)
{
    const struct work *w = &x->work;
    if (w->records >= BATCH)
        return 0;
    if (w->records == 0)
        return x->written ? x->written + POSITION_EVERY : INT64_MAX;
    cdz_us at = w->urgent ? w->since : w->since + GATHER;
    return at > x->not_before ? at : x->not_before;
}

static void *indexer_main(void *arg)
{
    struct cdz_indexer *x = arg;
    struct cdz_batch batch;
    struct cdz_err err;
    pthread_setname_np(pthread_self(), "indexer");
    while (!x->stopping) {
        cdz_us now = cdz_mono_us(), at = due(x), wait = 3600 * CDZ_SECOND;
        if (x->work.records && at <= now) {
            write_work(x);
            continue;
        }
        if (x->written && now >= x->written + POSITION_EVERY && !x->work.records)
            keep_position(x);
        else if (at - now < wait)
            wait = at - now;
        if (cdz_queue_poll(x->in, BATCH, wait, &batch, &err) != CDZ_OK) {
            cdz_log_err(CDZ_ERROR, "indexer", &err, "msg=\"poll failed\" retry_in_ms=100");
            struct timespec ts = {.tv_nsec = 100000000};
            nanosleep(&ts, NULL);
            continue;
        }
        if (batch.n > 0)
            gather(x, &batch);
    }
    if (x->work.records)
        write_work(x);
    if (x->written)
        keep_position(x);
    return NULL;
}

cdz_rc cdz_indexer_start(struct cdz_services *s, struct cdz_indexer **ret, struct cdz_err *err)
{
    static const enum cdz_topic topics[] = {CDZ_TOPIC_CHANGE, CDZ_TOPIC_LOG, CDZ_TOPIC_METRIC};
    struct cdz_indexer *x = calloc(1, sizeof(*x));
    if (!x)
        abort();
    x->s = s;
    cdz_rc rc = cdz_queue_subscribe(s->queue, "indexer", topics, CDZ_COUNT(topics), &x->in, err);
    if (rc == CDZ_OK && pthread_create(&x->thread, NULL, indexer_main, x) != 0)
        rc = cdz_fail(err, CDZ_E_UNAVAILABLE, "the indexer's thread could not be started");
    if (rc != CDZ_OK) {
        cdz_queue_unsubscribe(x->in);
        free(x);
        return rc;
    }
    *ret = x;
    return CDZ_OK;
}

void cdz_indexer_stop(struct cdz_indexer *x)
{
    if (!x)
        return;
    x->stopping = true;
    cdz_queue_wake(x->in);
    pthread_join(x->thread, NULL);
    cdz_queue_unsubscribe(x->in);
    free(x);
}
