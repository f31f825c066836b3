/* queue.c -- the checks that every call of the queue needs, once for all backends, and the topics'
 * names. */
#include "port/queue.h"

#include <assert.h>
#include <pthread.h>

static const struct {
    const char *name;
    bool state, derived;
} topics[CDZ_TOPIC_COUNT] = {
#define CDZ_TOPIC_ROW(symbol, name, state, derived) [CDZ_TOPIC_##symbol] = {name, state, derived},
    CDZ_TOPIC_LIST(CDZ_TOPIC_ROW)
#undef CDZ_TOPIC_ROW
};

const char *cdz_topic_name(enum cdz_topic t)
{
    assert((unsigned)t < CDZ_TOPIC_COUNT);
    return topics[t].name;
}

bool cdz_topic_is_state(enum cdz_topic t)
{
    assert((unsigned)t < CDZ_TOPIC_COUNT);
    return topics[t].state;
}

bool cdz_topic_is_derived(enum cdz_topic t)
{
    assert((unsigned)t < CDZ_TOPIC_COUNT);
    return topics[t].derived;
}

/* Sizes come from users (a log line, an output), so they are refused, not asserted. */
static cdz_rc check(const struct cdz_record *records, size_t n, struct cdz_err *err)
{
    size_t total = 0;
    assert(records || n == 0);
    for (size_t i = 0; i < n; i++) {
        const struct cdz_record *r = &records[i];
        assert((unsigned)r->topic < CDZ_TOPIC_COUNT);
        assert(r->key.n > 0 || !topics[r->topic].state);
        assert(r->value.p || r->value.n == 0);
        if (r->key.n > CDZ_RECORD_KEY_MAX)
            return cdz_fail(err, CDZ_E_TOO_LARGE, "a key of topic %s has %zu bytes, %u are allowed",
                            topics[r->topic].name, r->key.n, CDZ_RECORD_KEY_MAX);
        if (r->value.n > CDZ_RECORD_BYTES_MAX)
            return cdz_fail(err, CDZ_E_TOO_LARGE,
                            "a record of topic %s has %zu bytes, %u are allowed",
                            topics[r->topic].name, r->value.n, CDZ_RECORD_BYTES_MAX);
        total += r->key.n + r->value.n;
    }
    if (total > CDZ_RECORDS_BYTES_MAX)
        return cdz_fail(err, CDZ_E_TOO_LARGE, "%zu records have %zu bytes together, %u are allowed",
                        n, total, CDZ_RECORDS_BYTES_MAX);
    return CDZ_OK;
}

void cdz_queue_send(struct cdz_queue *q, const struct cdz_record *records, size_t n,
                    cdz_queue_done *done, void *ctx)
{
    struct cdz_err err;
    assert(q && q->ops->send);
    cdz_rc rc = check(records, n, &err);
    if (rc == CDZ_OK && n > 0)
        q->ops->send(q, records, n, done, ctx);
    else if (done)
        done(ctx, rc, rc == CDZ_OK ? NULL : &err);
}

struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool is_done;
    cdz_rc rc;
    struct cdz_err *err;
};

static void waiter_done(void *ctx, cdz_rc rc, const struct cdz_err *err)
{
    struct waiter *w = ctx;
    pthread_mutex_lock(&w->mutex);
    w->rc = rc;
    if (rc != CDZ_OK)
        *w->err = *err;
    w->is_done = true;
    /* Inside the mutex: the waiter's stack frame may be gone as soon as it is released. */
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->mutex);
}

cdz_rc cdz_queue_send_wait(struct cdz_queue *q, const struct cdz_record *records, size_t n,
                           struct cdz_err *err)
{
    struct waiter w = {
        .mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER, .err = err};
    cdz_queue_send(q, records, n, waiter_done, &w);
    pthread_mutex_lock(&w.mutex);
    while (!w.is_done)
        pthread_cond_wait(&w.cond, &w.mutex);
    pthread_mutex_unlock(&w.mutex);
    pthread_cond_destroy(&w.cond);
    pthread_mutex_destroy(&w.mutex);
    return w.rc;
}

cdz_rc cdz_queue_subscribe(struct cdz_queue *q, const char *group, const enum cdz_topic *wanted,
                           size_t n, struct cdz_consumer **ret, struct cdz_err *err)
{
    assert(q && q->ops->subscribe);
    assert(n > 0 && (!group || *group));
    for (size_t i = 0; i < n; i++) {
        assert((unsigned)wanted[i] < CDZ_TOPIC_COUNT);
        assert(!topics[wanted[i]].state); /* state topics are scanned, not consumed */
    }
    return q->ops->subscribe(q, group, wanted, n, ret, err);
}

cdz_rc cdz_queue_poll(struct cdz_consumer *c, size_t max, cdz_us timeout_us, struct cdz_batch *ret,
                      struct cdz_err *err)
{
    assert(c && max > 0 && timeout_us >= 0);
    return c->queue->ops->poll(c, max, timeout_us, ret, err);
}

cdz_rc cdz_queue_commit(struct cdz_consumer *c, const struct cdz_record *records, size_t n,
                        struct cdz_err *err)
{
    assert(c);
    CDZ_TRY(check(records, n, err));
    return c->queue->ops->commit(c, records, n, err);
}

void cdz_queue_wake(struct cdz_consumer *c)
{
    assert(c);
    c->queue->ops->wake(c);
}

void cdz_queue_unsubscribe(struct cdz_consumer *c)
{
    if (c)
        c->queue->ops->unsubscribe(c);
}

cdz_rc cdz_queue_scan(struct cdz_queue *q, enum cdz_topic t, cdz_str prefix,
                      bool (*fn)(void *ctx, cdz_str key, cdz_str value), void *ctx,
                      struct cdz_err *err)
{
    assert(q && fn);
    assert(cdz_topic_is_state(t));
    return q->ops->scan(q, t, prefix, fn, ctx, err);
}

cdz_rc cdz_queue_get(struct cdz_queue *q, enum cdz_topic t, cdz_str key, struct cdz_arena *arena,
                     cdz_str *ret, struct cdz_err *err)
{
    assert(q && arena);
    assert(cdz_topic_is_state(t));
    return q->ops->get(q, t, key, arena, ret, err);
}

void cdz_queue_close(struct cdz_queue *q)
{
    if (q)
        q->ops->close(q);
}
