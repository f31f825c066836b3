/*
 * queue.c -- the port `queue` as the executor sees it. A poll gives the thread away until the world
 * has something to deliver. A commit succeeds, fails for a while (the executor then repeats it), or
 * is the executor's last: with or without having become durable.
 */
#include <assert.h>

#include "sim.h"

static void sim_send(struct cdz_queue *q, const struct cdz_record *records, size_t n,
                     cdz_queue_done *done, void *ctx)
{
    struct cdz_err err;
    (void)q;
    if (sim->dead) {
        cdz_rc rc = cdz_fail(&err, CDZ_E_UNAVAILABLE, "the simulated process is gone");
        if (done)
            done(ctx, rc, &err);
        return;
    }
    sim_store_apply(records, n);
    sim_check_commit(records, n);
    if (done)
        done(ctx, CDZ_OK, NULL);
}

static cdz_rc sim_subscribe(struct cdz_queue *q, const char *group, const enum cdz_topic *topics,
                            size_t n, struct cdz_consumer **ret, struct cdz_err *err)
{
    (void)group, (void)topics, (void)n, (void)err;
    struct cdz_consumer *c = CDZ_NEW(sim->arena, struct cdz_consumer);
    c->queue = q;
    *ret = c;
    return CDZ_OK;
}

static cdz_rc sim_poll(struct cdz_consumer *c, size_t max, cdz_us timeout_us, struct cdz_batch *ret,
                       struct cdz_err *err)
{
    (void)c, (void)err;
    sim->batch.n = 0;
    sim->batch_events = 0;
    if (!sim->dead) {
        sim->polling = true;
        sim->poll_max = max;
        sim->poll_until = sim->now + timeout_us;
        sim_fiber_yield(); /* the world fills batch */
        sim->polling = false;
    }
    *ret = (struct cdz_batch){sim->batch.v, sim->dead ? 0 : sim->batch.n};
    return CDZ_OK;
}

static void become_durable(const struct cdz_record *records, size_t n)
{
    for (; sim->batch_events > 0; sim->batch_events--)
        sim_check_consumed(sim->events.v[sim->consumed++]);
    sim_store_apply(records, n);
    sim_check_commit(records, n);
    sim_tape_keep();
    sim->result->counts.commits++;
}

static cdz_rc sim_commit(struct cdz_consumer *c, const struct cdz_record *records, size_t n,
                         struct cdz_err *err)
{
    (void)c;
    bool faults = !sim->calm && !sim->failed;
    if (sim->dead)
        return cdz_fail(err, CDZ_E_UNAVAILABLE, "the simulated process is gone");
    if (faults && sim_one_in(40)) {
        sim->result->counts.failed_commits++;
        sim_trace("commit of %zu records fails", n);
        return cdz_fail(err, CDZ_E_UNAVAILABLE, "simulated: the disk is full");
    }
    bool last = faults && sim->crashes_left && sim_one_in(30);
    bool durable = !last || sim_one_in(2);
    sim_trace("commit of %zu records%s", n,
              !last     ? ""
              : durable ? ", then the process dies"
                        : " is lost: the process dies");
    if (durable)
        become_durable(records, n);
    if (!last)
        return CDZ_OK;
    sim->dead = true;
    sim_fiber_yield(); /* until the executor is taken down */
    return cdz_fail(err, CDZ_E_UNAVAILABLE, "the simulated process is gone");
}

static void sim_wake(struct cdz_consumer *c)
{
    (void)c;
}

static void sim_unsubscribe(struct cdz_consumer *c)
{
    (void)c; /* in the world's arena */
}

static cdz_rc sim_scan(struct cdz_queue *q, enum cdz_topic t, cdz_str prefix,
                       bool (*fn)(void *ctx, cdz_str key, cdz_str value), void *ctx,
                       struct cdz_err *err)
{
    (void)q, (void)err;
    /* Nothing is written during a scan here: no copy is needed. */
    for (size_t i = sim_store_lower_bound(t, prefix); i < sim->state_n; i++) {
        const struct sim_record *s = sim->state[i];
        if (s->topic != t || !cdz_str_starts(s->key, prefix) || !fn(ctx, s->key, s->value))
            break;
    }
    return CDZ_OK;
}

static cdz_rc sim_get(struct cdz_queue *q, enum cdz_topic t, cdz_str key, struct cdz_arena *arena,
                      cdz_str *ret, struct cdz_err *err)
{
    (void)q;
    const struct sim_record *s = sim_store_get(t, key);
    if (!s)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "%s has no \"%.*s\"", cdz_topic_name(t), CDZ_S(key));
    *ret = cdz_arena_str(arena, s->value);
    return CDZ_OK;
}

static void sim_close(struct cdz_queue *q)
{
    (void)q;
}

struct cdz_queue *sim_queue_open(void)
{
    static const struct cdz_queue_ops ops = {
        .name = "simulated",
        .send = sim_send,
        .subscribe = sim_subscribe,
        .poll = sim_poll,
        .commit = sim_commit,
        .wake = sim_wake,
        .unsubscribe = sim_unsubscribe,
        .scan = sim_scan,
        .get = sim_get,
        .close = sim_close,
    };
    static struct cdz_queue queue = {&ops};
    return &queue;
}
