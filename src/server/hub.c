/*
 * hub.c -- tells followers of an execution (SSE streams, `wait=true`, the CLI) that the repository
 * has news of it. One table of tickets by execution id under one lock; callbacks run under it,
 * which is why they must be short.
 */
#include <assert.h>
#include <pthread.h>

#include "base/map.h"
#include "base/time.h"
#include "server/server.h"

struct cdz_hub_ticket {
    struct cdz_hub_ticket *next;
    char *id;
    cdz_hub_fn *fn;
    void *ctx;
};

struct cdz_hub {
    pthread_mutex_t mu;
    struct cdz_table by_execution; /* guarded by mu: list of tickets */
};

struct cdz_hub *cdz_hub_open(void)
{
    struct cdz_hub *h = calloc(1, sizeof(*h));
    if (!h)
        abort();
    pthread_mutex_init(&h->mu, NULL);
    return h;
}

void cdz_hub_close(struct cdz_hub *h)
{
    if (!h)
        return;
    assert(h->by_execution.n == 0); /* every follower has left before */
    cdz_table_done(&h->by_execution);
    pthread_mutex_destroy(&h->mu);
    free(h);
}

struct cdz_hub_ticket *cdz_hub_follow(struct cdz_hub *h, cdz_str id, cdz_hub_fn *fn, void *ctx)
{
    struct cdz_hub_ticket *t = calloc(1, sizeof(*t));
    if (!t || !(t->id = strndup(id.p, id.n)))
        abort();
    t->fn = fn;
    t->ctx = ctx;
    pthread_mutex_lock(&h->mu);
    t->next = cdz_table_get(&h->by_execution, id);
    (void)cdz_table_put(&h->by_execution, id, t); /* the list's old head hangs behind the new one */
    pthread_mutex_unlock(&h->mu);
    return t;
}

void cdz_hub_unfollow(struct cdz_hub *h, struct cdz_hub_ticket *t)
{
    if (!t)
        return;
    cdz_str id = cdz_str_z(t->id);
    pthread_mutex_lock(&h->mu);
    struct cdz_hub_ticket *head = cdz_table_get(&h->by_execution, id), **at = &head;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    if (head)
        (void)cdz_table_put(&h->by_execution, id, head);
    else
        (void)cdz_table_del(&h->by_execution, id);
    pthread_mutex_unlock(&h->mu);
    free(t->id);
    free(t);
}

void cdz_hub_tell(struct cdz_hub *h, cdz_str id, enum cdz_hub_what what, cdz_str record)
{
    pthread_mutex_lock(&h->mu);
    for (struct cdz_hub_ticket *t = cdz_table_get(&h->by_execution, id), *next; t; t = next) {
        next = t->next;
        t->fn(t->ctx, what, record);
    }
    pthread_mutex_unlock(&h->mu);
}

struct waiter {
    pthread_mutex_t mu;
    pthread_cond_t changed;
    bool terminated;
};

static void on_change(void *ctx, enum cdz_hub_what what, cdz_str record)
{
    struct waiter *w = ctx;
    (void)record;
    if (what != CDZ_HUB_TERMINATED)
        return;
    pthread_mutex_lock(&w->mu);
    w->terminated = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mu);
}

bool cdz_hub_wait_terminated(struct cdz_hub *h, struct cdz_repository *repository, cdz_str id,
                             cdz_us span)
{
    struct waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct cdz_hub_ticket *ticket = cdz_hub_follow(h, id, on_change, &w);
    struct cdz_execution *e;
    struct cdz_err err;
    if (cdz_repository_execution_get(repository, id, &e, &err) ==
        CDZ_OK) { /* it may have ended before we followed */
        pthread_mutex_lock(&w.mu);
        w.terminated |= cdz_state_is_terminated(cdz_state_now(&e->history));
        pthread_mutex_unlock(&w.mu);
        cdz_execution_free(e);
    }
    cdz_us until = cdz_now_us() + span;
    struct timespec ts = {.tv_sec = until / CDZ_SECOND, .tv_nsec = until % CDZ_SECOND * 1000};
    pthread_mutex_lock(&w.mu);
    while (!w.terminated && pthread_cond_timedwait(&w.changed, &w.mu, &ts) == 0)
        continue;
    bool ret = w.terminated;
    pthread_mutex_unlock(&w.mu);
    cdz_hub_unfollow(h, ticket);
    return ret;
}
