/*
 * outbox.c -- see outbox.h. A parcel is one block of memory: the records, their keys and values. It
 * lives until the queue says that it is durable. Refused parcels wait in a list, first come first
 * sent, for the outbox's thread, which has nothing to do as long as the queue works.
 *
 * Lock: mu guards everything below it; it is never held across a call of the queue.
 */
#include "server/outbox.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"

enum { LINES_BYTES_MAX = 64 << 20 };

struct parcel {
    struct cdz_outbox *outbox;
    struct parcel *next;
    size_t n, bytes;
    bool must_arrive; /* it has a result */
    struct cdz_record records[];
};

struct cdz_outbox {
    struct cdz_queue *queue;
    pthread_t thread;
    pthread_mutex_t mu;
    pthread_cond_t changed; /* news for the outbox's thread, or for who closes it */
    struct parcel *first, **last;
    size_t under_way;
    size_t line_bytes; /* of refused parcels without a result */
    uint64_t dropped;  /* records, since the queue worked last */
    bool down;         /* something was refused and is not through yet */
    bool closing;
};

static struct parcel *parcel_new(struct cdz_outbox *o, const struct cdz_record *records, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += records[i].key.n + records[i].value.n;
    struct parcel *p = malloc(sizeof(*p) + n * sizeof(p->records[0]) + bytes);
    if (!p)
        abort();
    *p = (struct parcel){.outbox = o, .n = n, .bytes = bytes};
    char *at = (char *)&p->records[n];
    for (size_t i = 0; i < n; i++) {
        const struct cdz_record *r = &records[i];
        p->must_arrive |= r->topic == CDZ_TOPIC_RESULT;
        p->records[i] = (struct cdz_record){
            .topic = r->topic, .key = {at, r->key.n}, .value = {at + r->key.n, r->value.n}};
        memcpy(at, r->key.p, r->key.n);
        if (r->value.n > 0)
            memcpy(at + r->key.n, r->value.p, r->value.n);
        at += r->key.n + r->value.n;
    }
    return p;
}

/* Thread: the queue's, or the sender's. */
static void on_sent(void *ctx, cdz_rc rc, const struct cdz_err *err)
{
    struct parcel *p = ctx;
    struct cdz_outbox *o = p->outbox;
    pthread_mutex_lock(&o->mu);
    bool keep = rc != CDZ_OK && cdz_rc_retry(rc) && !o->closing &&
                (p->must_arrive || o->line_bytes + p->bytes <= LINES_BYTES_MAX);
    if (keep) {
        p->next = NULL;
        *o->last = p;
        o->last = &p->next;
        o->line_bytes += p->must_arrive ? 0 : p->bytes;
    } else if (rc != CDZ_OK) {
        o->dropped += p->n;
    }
    if (rc != CDZ_OK && !o->down)
        cdz_log_err(CDZ_ERROR, "worker", err, "msg=\"results or log lines not taken\" kept=%s",
                    keep ? "yes" : "no");
    o->under_way--;
    if (o->down || keep || o->closing) /* as long as all goes well nobody needs to wake up */
        pthread_cond_broadcast(&o->changed);
    o->down |= keep;
    pthread_mutex_unlock(&o->mu);
    if (!keep)
        free(p);
}

static void send(struct cdz_outbox *o, struct parcel *p)
{
    pthread_mutex_lock(&o->mu);
    o->under_way++;
    pthread_mutex_unlock(&o->mu);
    cdz_queue_send(o->queue, p->records, p->n, on_sent, p);
}

void cdz_outbox_send(struct cdz_outbox *o, const struct cdz_record *records, size_t n)
{
    send(o, parcel_new(o, records, n));
}

/* Lock: mu held. Sends what was refused again, after a pause. */
static void try_again(struct cdz_outbox *o, cdz_us pause)
{
    cdz_us at = cdz_mono_us() + pause;
    struct timespec ts = {.tv_sec = at / CDZ_SECOND, .tv_nsec = at % CDZ_SECOND * 1000};
    while (!o->closing && cdz_mono_us() < at)
        (void)pthread_cond_timedwait(&o->changed, &o->mu, &ts); /* the clock decides */
    struct parcel *all = o->first;
    o->first = NULL;
    o->last = &o->first;
    o->line_bytes = 0;
    pthread_mutex_unlock(&o->mu);
    for (struct parcel *p = all, *next; p; p = next) {
        next = p->next;
        send(o, p);
    }
    pthread_mutex_lock(&o->mu);
    while (o->under_way > 0 && !o->first && !o->closing)
        pthread_cond_wait(&o->changed, &o->mu);
}

static void *outbox_main(void *arg)
{
    struct cdz_outbox *o = arg;
    pthread_setname_np(pthread_self(), "worker-outbox");
    pthread_mutex_lock(&o->mu);
    while (!o->closing) {
        for (cdz_us pause = 50 * CDZ_MS; o->first && !o->closing;
             pause = pause * 2 > CDZ_SECOND ? CDZ_SECOND : pause * 2)
            try_again(o, pause);
        if (o->down && !o->first)
            cdz_log(CDZ_INFO, "worker", "msg=\"results and log lines went through\" dropped=%llu",
                    (unsigned long long)o->dropped);
        o->down = o->first != NULL;
        o->dropped = 0;
        if (!o->closing && !o->first)
            pthread_cond_wait(&o->changed, &o->mu);
    }
    pthread_mutex_unlock(&o->mu);
    return NULL;
}

struct cdz_outbox *cdz_outbox_open(struct cdz_queue *queue)
{
    struct cdz_outbox *o = calloc(1, sizeof(*o));
    pthread_condattr_t mono;
    if (!o)
        abort();
    o->queue = queue;
    o->last = &o->first;
    pthread_mutex_init(&o->mu, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&o->changed, &mono);
    pthread_condattr_destroy(&mono);
    if (pthread_create(&o->thread, NULL, outbox_main, o) == 0)
        return o;
    free(o);
    return NULL;
}

void cdz_outbox_close(struct cdz_outbox *o)
{
    size_t lost = 0;
    if (!o)
        return;
    pthread_mutex_lock(&o->mu);
    o->closing = true;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->mu);
    pthread_join(o->thread, NULL);
    pthread_mutex_lock(&o->mu);
    while (o->under_way > 0)
        pthread_cond_wait(&o->changed, &o->mu);
    for (struct parcel *p = o->first, *next; p; p = next) {
        next = p->next;
        lost += p->n;
        free(p);
    }
    pthread_mutex_unlock(&o->mu);
    if (lost > 0)
        cdz_log(CDZ_WARN, "worker", "msg=\"records given up at the stop\" records=%zu", lost);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->mu);
    free(o);
}
