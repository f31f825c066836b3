/*
 * mem.c -- the queue in memory: the hub without a disk, and the state topics as one sorted array.
 * Everything is "durable" as soon as it is in; done is called before send returns.
 */
#include <assert.h>

#include "queue/backends.h"
#include "queue/hub.h"

struct entry {
    enum cdz_topic topic;
    cdz_str key, value; /* both in the block that begins with the entry */
    char bytes[];
};

struct mem_queue {
    struct cdz_queue base; /* must be first */
    struct hub hub;
    pthread_mutex_t mutex; /* guards state; makes a send one unit; taken before hub.mutex */
    struct entry **state;  /* by topic and key */
    size_t n, cap;
};

static int compare(const struct entry *e, enum cdz_topic topic, cdz_str key)
{
    return e->topic != topic ? (e->topic < topic ? -1 : 1) : cdz_str_cmp(e->key, key);
}

/* Position of the first entry that is not before (topic, key). */
static size_t lower_bound(const struct mem_queue *m, enum cdz_topic topic, cdz_str key)
{
    size_t from = 0, to = m->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (compare(m->state[mid], topic, key) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static struct entry *entry_new(const struct cdz_record *r)
{
    struct entry *e = malloc(sizeof(*e) + r->key.n + r->value.n);
    if (!e)
        abort();
    e->topic = r->topic;
    memcpy(e->bytes, r->key.p, r->key.n);
    if (r->value.n)
        memcpy(e->bytes + r->key.n, r->value.p, r->value.n);
    e->key = (cdz_str){e->bytes, r->key.n};
    e->value = (cdz_str){e->bytes + r->key.n, r->value.n};
    return e;
}

static void state_put(struct mem_queue *m, const struct cdz_record *r)
{
    size_t at = lower_bound(m, r->topic, r->key);
    bool found = at < m->n && compare(m->state[at], r->topic, r->key) == 0;
    if (found)
        free(m->state[at]);
    if (found && r->value.p) {
        m->state[at] = entry_new(r);
    } else if (found) {
        memmove(m->state + at, m->state + at + 1, (--m->n - at) * sizeof(struct entry *));
    } else if (r->value.p) {
        if (m->n == m->cap) {
            m->cap = m->cap ? m->cap * 2 : 64;
            m->state = realloc(m->state, m->cap * sizeof(struct entry *));
            if (!m->state)
                abort();
        }
        memmove(m->state + at + 1, m->state + at, (m->n++ - at) * sizeof(struct entry *));
        m->state[at] = entry_new(r);
    }
}

static void apply(struct mem_queue *m, const struct cdz_record *records, size_t n)
{
    struct packet packets[PACKET_KINDS] = {0};
    packets_add(packets, records, n);
    pthread_mutex_lock(&m->mutex);
    for (size_t i = 0; i < n; i++) {
        if (cdz_topic_is_state(records[i].topic))
            state_put(m, &records[i]);
    }
    struct chunk *kept = packets[PACKET_KEPT].n ? chunk_new(&packets[PACKET_KEPT]) : NULL;
    struct chunk *derived = packets[PACKET_DERIVED].n ? chunk_new(&packets[PACKET_DERIVED]) : NULL;
    hub_publish(&m->hub, kept, derived);
    pthread_mutex_unlock(&m->mutex);
    packets_done(packets);
}

static void mem_send(struct cdz_queue *q, const struct cdz_record *records, size_t n,
                     cdz_queue_done *done, void *ctx)
{
    apply((struct mem_queue *)q, records, n);
    if (done)
        done(ctx, CDZ_OK, NULL);
}

static cdz_rc mem_subscribe(struct cdz_queue *q, const char *group, const enum cdz_topic *topics,
                            size_t n, struct cdz_consumer **ret, struct cdz_err *err)
{
    struct mem_queue *m = (struct mem_queue *)q;
    return hub_subscribe(&m->hub, group, hub_mask(topics, n), ret, err);
}

static cdz_rc mem_commit(struct cdz_consumer *c, const struct cdz_record *records, size_t n,
                         struct cdz_err *err)
{
    (void)err;
    struct hub_commit commit = hub_commit_begin(c);
    apply((struct mem_queue *)c->queue, records, n);
    hub_commit_end(c, &commit);
    return CDZ_OK;
}

static cdz_rc mem_scan(struct cdz_queue *q, enum cdz_topic t, cdz_str prefix,
                       bool (*fn)(void *ctx, cdz_str key, cdz_str value), void *ctx,
                       struct cdz_err *err)
{
    struct mem_queue *m = (struct mem_queue *)q;
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_VEC(struct cdz_record) found = {0};
    (void)err;
    /* A copy, because fn may send. */
    pthread_mutex_lock(&m->mutex);
    for (size_t i = lower_bound(m, t, prefix); i < m->n; i++) {
        const struct entry *e = m->state[i];
        if (e->topic != t || !cdz_str_starts(e->key, prefix))
            break;
        struct cdz_record r = {.topic = t,
                               .key = cdz_arena_str(arena, e->key),
                               .value = cdz_arena_str(arena, e->value)};
        CDZ_PUSH(arena, &found, r);
    }
    pthread_mutex_unlock(&m->mutex);
    for (size_t i = 0; i < found.n; i++) {
        if (!fn(ctx, found.v[i].key, found.v[i].value))
            break;
    }
    return CDZ_OK;
}

static cdz_rc mem_get(struct cdz_queue *q, enum cdz_topic t, cdz_str key, struct cdz_arena *arena,
                      cdz_str *ret, struct cdz_err *err)
{
    struct mem_queue *m = (struct mem_queue *)q;
    cdz_rc rc = CDZ_OK;
    pthread_mutex_lock(&m->mutex);
    size_t at = lower_bound(m, t, key);
    if (at < m->n && compare(m->state[at], t, key) == 0)
        *ret = cdz_arena_str(arena, m->state[at]->value);
    else
        rc = cdz_fail(err, CDZ_E_NOT_FOUND, "%s has no \"%.*s\"", cdz_topic_name(t), CDZ_S(key));
    pthread_mutex_unlock(&m->mutex);
    return rc;
}

static void mem_close(struct cdz_queue *q)
{
    struct mem_queue *m = (struct mem_queue *)q;
    hub_done(&m->hub);
    for (size_t i = 0; i < m->n; i++)
        free(m->state[i]);
    free(m->state);
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

static const struct cdz_queue_ops ops = {
    .name = "memory",
    .send = mem_send,
    .subscribe = mem_subscribe,
    .poll = hub_poll,
    .commit = mem_commit,
    .wake = hub_wake,
    .unsubscribe = hub_unsubscribe,
    .scan = mem_scan,
    .get = mem_get,
    .close = mem_close,
};

struct cdz_queue *cdz_queue_mem_open(void)
{
    struct mem_queue *m = calloc(1, sizeof(*m));
    if (!m)
        abort();
    m->base.ops = &ops;
    hub_init(&m->hub, &m->base);
    pthread_mutex_init(&m->mutex, NULL);
    return &m->base;
}
