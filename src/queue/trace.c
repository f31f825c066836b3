/* trace.c -- reports every call of another queue as one line. */
#include "base/buf.h"
#include "queue/backends.h"

struct trace_queue {
    struct cdz_queue base; /* must be first */
    struct cdz_queue *inner;
    void (*line)(void *ctx, cdz_str line);
    void *ctx;
};

struct trace_consumer {
    struct cdz_consumer base; /* must be first */
    struct cdz_consumer *inner;
    char *group;
};

static void report(struct cdz_queue *q, const char *fmt, ...) CDZ_PRINTF(2, 3);
static void report(struct cdz_queue *q, const char *fmt, ...)
{
    struct trace_queue *t = (struct trace_queue *)q;
    char line[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    t->line(t->ctx, cdz_str_z(line));
}

static struct cdz_queue *inner_of(struct cdz_queue *q)
{
    return ((struct trace_queue *)q)->inner;
}

static struct cdz_consumer *consumer_of(struct cdz_consumer *c)
{
    return ((struct trace_consumer *)c)->inner;
}

static const char *group_of(const struct cdz_consumer *c)
{
    return ((const struct trace_consumer *)c)->group;
}

/* Remembers the caller's done while the inner queue has ours. */
struct traced_send {
    struct cdz_queue *queue;
    cdz_queue_done *done;
    void *ctx;
};

static void traced_done(void *ctx, cdz_rc rc, const struct cdz_err *err)
{
    struct traced_send *s = ctx;
    report(s->queue, "done rc=%s", cdz_rc_name(rc));
    if (s->done)
        s->done(s->ctx, rc, err);
    free(s);
}

static void trace_send(struct cdz_queue *q, const struct cdz_record *records, size_t n,
                       cdz_queue_done *done, void *ctx)
{
    struct traced_send *s = malloc(sizeof(*s));
    if (!s)
        abort();
    *s = (struct traced_send){q, done, ctx};
    report(q, "send n=%zu first=%s", n, cdz_topic_name(records[0].topic));
    inner_of(q)->ops->send(inner_of(q), records, n, traced_done, s);
}

static cdz_rc trace_subscribe(struct cdz_queue *q, const char *group, const enum cdz_topic *topics,
                              size_t n, struct cdz_consumer **ret, struct cdz_err *err)
{
    struct cdz_consumer *inner;
    cdz_rc rc = inner_of(q)->ops->subscribe(inner_of(q), group, topics, n, &inner, err);
    report(q, "subscribe group=%s topics=%zu rc=%s", group ? group : "-", n, cdz_rc_name(rc));
    CDZ_TRY(rc);
    struct trace_consumer *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->base.queue = q;
    c->inner = inner;
    c->group = strdup(group ? group : "-");
    if (!c->group)
        abort();
    *ret = &c->base;
    return CDZ_OK;
}

static cdz_rc trace_poll(struct cdz_consumer *c, size_t max, cdz_us timeout_us,
                         struct cdz_batch *ret, struct cdz_err *err)
{
    struct cdz_batch batch = {0};
    cdz_rc rc = inner_of(c->queue)->ops->poll(consumer_of(c), max, timeout_us, &batch, err);
    report(c->queue, "poll group=%s n=%zu rc=%s", group_of(c), batch.n, cdz_rc_name(rc));
    if (rc == CDZ_OK)
        *ret = batch;
    return rc;
}

static cdz_rc trace_commit(struct cdz_consumer *c, const struct cdz_record *records, size_t n,
                           struct cdz_err *err)
{
    cdz_rc rc = inner_of(c->queue)->ops->commit(consumer_of(c), records, n, err);
    report(c->queue, "commit group=%s n=%zu rc=%s", group_of(c), n, cdz_rc_name(rc));
    return rc;
}

static void trace_wake(struct cdz_consumer *c)
{
    report(c->queue, "wake group=%s", group_of(c));
    inner_of(c->queue)->ops->wake(consumer_of(c));
}

static void trace_unsubscribe(struct cdz_consumer *base)
{
    struct trace_consumer *c = (struct trace_consumer *)base;
    report(base->queue, "unsubscribe group=%s", c->group);
    inner_of(base->queue)->ops->unsubscribe(c->inner);
    free(c->group);
    free(c);
}

static cdz_rc trace_scan(struct cdz_queue *q, enum cdz_topic t, cdz_str prefix,
                         bool (*fn)(void *ctx, cdz_str key, cdz_str value), void *ctx,
                         struct cdz_err *err)
{
    cdz_rc rc = inner_of(q)->ops->scan(inner_of(q), t, prefix, fn, ctx, err);
    report(q, "scan topic=%s prefix=%.*s rc=%s", cdz_topic_name(t), CDZ_S(prefix), cdz_rc_name(rc));
    return rc;
}

static cdz_rc trace_get(struct cdz_queue *q, enum cdz_topic t, cdz_str key, struct cdz_arena *arena,
                        cdz_str *ret, struct cdz_err *err)
{
    cdz_rc rc = inner_of(q)->ops->get(inner_of(q), t, key, arena, ret, err);
    report(q, "get topic=%s key=%.*s rc=%s", cdz_topic_name(t), CDZ_S(key), cdz_rc_name(rc));
    return rc;
}

static void trace_close(struct cdz_queue *q)
{
    report(q, "close");
    inner_of(q)->ops->close(inner_of(q));
    free(q);
}

static const struct cdz_queue_ops ops = {
    .name = "trace",
    .send = trace_send,
    .subscribe = trace_subscribe,
    .poll = trace_poll,
    .commit = trace_commit,
    .wake = trace_wake,
    .unsubscribe = trace_unsubscribe,
    .scan = trace_scan,
    .get = trace_get,
    .close = trace_close,
};

struct cdz_queue *cdz_queue_trace_open(struct cdz_queue *inner,
                                       void (*line)(void *ctx, cdz_str line), void *ctx)
{
    struct trace_queue *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    t->base.ops = &ops;
    t->inner = inner;
    t->line = line;
    t->ctx = ctx;
    return &t->base;
}
