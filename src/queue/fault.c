/* fault.c -- a queue that fails on demand, around any other queue: port/fault.h. */
#include "queue/backends.h"

struct fault_queue {
    struct cdz_queue base; /* must be first */
    struct cdz_queue *inner;
    struct cdz_fault *fault;
};

struct fault_consumer {
    struct cdz_consumer base; /* must be first */
    struct cdz_consumer *inner;
};

static struct fault_queue *self(struct cdz_queue *q)
{
    return (struct fault_queue *)q;
}

static struct cdz_consumer *consumer_of(struct cdz_consumer *c)
{
    return ((struct fault_consumer *)c)->inner;
}

/* Stands between the caller's done and the inner queue when only the answer is to be lost. */
struct lost_answer {
    cdz_queue_done *done;
    void *ctx;
};

static void lose_answer(void *ctx, cdz_rc rc, const struct cdz_err *err)
{
    struct lost_answer *l = ctx;
    struct cdz_err fault;
    if (rc == CDZ_OK) {
        rc = cdz_fault_fail(&fault, "send");
        err = &fault;
    }
    if (l->done)
        l->done(l->ctx, rc, err);
    free(l);
}

static void fault_send(struct cdz_queue *q, const struct cdz_record *records, size_t n,
                       cdz_queue_done *done, void *ctx)
{
    struct cdz_queue *inner = self(q)->inner;
    struct cdz_err err;
    if (!cdz_fault_due(self(q)->fault)) {
        inner->ops->send(inner, records, n, done, ctx);
    } else if (self(q)->fault->after) {
        struct lost_answer *l = malloc(sizeof(*l));
        if (!l)
            abort();
        *l = (struct lost_answer){done, ctx};
        inner->ops->send(inner, records, n, lose_answer, l);
    } else if (done) {
        cdz_rc rc = cdz_fault_fail(&err, "send");
        done(ctx, rc, &err);
    }
}

static cdz_rc fault_subscribe(struct cdz_queue *q, const char *group, const enum cdz_topic *topics,
                              size_t n, struct cdz_consumer **ret, struct cdz_err *err)
{
    struct cdz_consumer *inner;
    if (cdz_fault_due(self(q)->fault))
        return cdz_fault_fail(err, "subscribe");
    CDZ_TRY(self(q)->inner->ops->subscribe(self(q)->inner, group, topics, n, &inner, err));
    struct fault_consumer *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->base.queue = q;
    c->inner = inner;
    *ret = &c->base;
    return CDZ_OK;
}

static cdz_rc fault_poll(struct cdz_consumer *c, size_t max, cdz_us timeout_us,
                         struct cdz_batch *ret, struct cdz_err *err)
{
    /* Never "after": a caller could not tell a batch that got lost from none. */
    if (cdz_fault_due(self(c->queue)->fault))
        return cdz_fault_fail(err, "poll");
    return self(c->queue)->inner->ops->poll(consumer_of(c), max, timeout_us, ret, err);
}

static cdz_rc fault_commit(struct cdz_consumer *c, const struct cdz_record *records, size_t n,
                           struct cdz_err *err)
{
    CDZ_FAULT_CALL(self(c->queue)->fault, "commit",
                   self(c->queue)->inner->ops->commit(consumer_of(c), records, n, err));
}

static void fault_wake(struct cdz_consumer *c)
{
    self(c->queue)->inner->ops->wake(consumer_of(c));
}

static void fault_unsubscribe(struct cdz_consumer *c)
{
    self(c->queue)->inner->ops->unsubscribe(consumer_of(c));
    free(c);
}

static cdz_rc fault_scan(struct cdz_queue *q, enum cdz_topic t, cdz_str prefix,
                         bool (*fn)(void *ctx, cdz_str key, cdz_str value), void *ctx,
                         struct cdz_err *err)
{
    CDZ_FAULT_CALL(self(q)->fault, "scan",
                   self(q)->inner->ops->scan(self(q)->inner, t, prefix, fn, ctx, err));
}

static cdz_rc fault_get(struct cdz_queue *q, enum cdz_topic t, cdz_str key, struct cdz_arena *arena,
                        cdz_str *ret, struct cdz_err *err)
{
    CDZ_FAULT_CALL(self(q)->fault, "get",
                   self(q)->inner->ops->get(self(q)->inner, t, key, arena, ret, err));
}

static void fault_close(struct cdz_queue *q)
{
    self(q)->inner->ops->close(self(q)->inner);
    free(q);
}

static const struct cdz_queue_ops ops = {
    .name = "fault",
    .send = fault_send,
    .subscribe = fault_subscribe,
    .poll = fault_poll,
    .commit = fault_commit,
    .wake = fault_wake,
    .unsubscribe = fault_unsubscribe,
    .scan = fault_scan,
    .get = fault_get,
    .close = fault_close,
};

struct cdz_queue *cdz_queue_fault_open(struct cdz_queue *inner, struct cdz_fault *fault)
{
    struct fault_queue *f = calloc(1, sizeof(*f));
    if (!f)
        abort();
    f->base.ops = &ops;
    f->inner = inner;
    f->fault = fault;
    return &f->base;
}
