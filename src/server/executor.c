/*
 * executor.c -- the thread that owns live executions.
 *
 * It takes a batch of events, steps each execution, and commits in one unit: the state rows of what
 * changed, the same changes for the indexer, logs, jobs, and the batch's position. Effects become
 * visible with the commit, never before. When the commit fails (disk full) the same commit is tried
 * again until it goes through: memory is then ahead of the disk, but nothing has been shown to
 * anyone.
 *
 * State rows: "<execution>/h" the head, "<execution>/t<index>" a task run. They are deleted in the
 * commit that ends the execution. After a restart all rows are read, the derived parts rebuilt, and
 * each execution that is under way gets a RECOVER event.
 */
#include "server/executor.h"

#include "base/time.h"

/* INBOX_MAX: what one commit may hold of executions that start each other. */
enum { BATCH = 512, INBOX_MAX = 4096 };

void executor_timer(struct cdz_executor *x, cdz_us at, cdz_str id)
{
    if (x->timers.n == x->timers.cap) {
        x->timers.cap = x->timers.cap ? x->timers.cap * 2 : 64;
        x->timers.v = realloc(x->timers.v, x->timers.cap * sizeof(*x->timers.v));
        if (!x->timers.v)
            abort();
    }
    struct timer *h = x->timers.v, t = {.at = at};
    memcpy(t.id, id.p, id.n < sizeof(t.id) - 1 ? id.n : sizeof(t.id) - 1);
    size_t i = x->timers.n++;
    for (; i > 0 && h[(i - 1) / 2].at > at; i = (i - 1) / 2)
        h[i] = h[(i - 1) / 2];
    h[i] = t;
}

static struct timer timer_pop(struct cdz_executor *x)
{
    struct timer *h = x->timers.v, first = h[0], last = h[--x->timers.n];
    size_t i = 0, n = x->timers.n;
    for (;;) {
        size_t child = i * 2 + 1;
        if (child >= n)
            break;
        if (child + 1 < n && h[child + 1].at < h[child].at)
            child++;
        if (h[child].at >= last.at)
            break;
        h[i] = h[child];
        i = child;
    }
    if (n > 0)
        h[i] = last;
    return first;
}

void executor_put(struct cdz_executor *x, enum cdz_topic topic, cdz_str key, cdz_str value)
{
    struct cdz_record r = {.topic = topic, .key = key, .value = value};
    if (topic == CDZ_TOPIC_EVENT && x->inbox.taken < INBOX_MAX) {
        x->inbox.taken++;
        EXECUTOR_PUSH(&x->inbox, r);
        return;
    }
    EXECUTOR_PUSH(&x->out, r);
}

cdz_rc executor_state_get(struct cdz_executor *x, cdz_str key, struct cdz_arena *arena,
                          cdz_str *ret, struct cdz_err *err)
{
    for (size_t i = x->out.n; i-- > 0;) {
        const struct cdz_record *r = &x->out.v[i];
        if (r->topic != CDZ_TOPIC_STATE || !cdz_str_eq(r->key, key))
            continue;
        *ret = r->value;
        return r->value.p ? CDZ_OK : cdz_fail(err, CDZ_E_NOT_FOUND, "it has ended");
    }
    return cdz_queue_get(x->s->queue, CDZ_TOPIC_STATE, key, arena, ret, err);
}

static void on_record(struct cdz_executor *x, const struct cdz_record *r, cdz_us now)
{
    struct cdz_event ev;
    struct cdz_err err;
    cdz_str create;
    if (key_is_keyed(r->key)) {
        keyed_record(x, r);
        return;
    }
    if (cdz_event_decode(r->value, x->arena, &ev, &create, &err) != CDZ_OK) {
        x->s->counters->records_damaged++;
        cdz_log_err(CDZ_ERROR, "executor", &err, "msg=\"record dropped\" topic=%s execution=%.*s",
                    cdz_topic_name(r->topic), CDZ_S(r->key));
        return;
    }
    if (ev.kind == CDZ_EVENT_CREATE) {
        live_create(x, create, &ev, now);
        return;
    }
    if (ev.kind == CDZ_EVENT_ADOPT) {
        live_adopt(x, create, &ev, now);
        return;
    }
    struct live *l = live_get(x, r->key);
    if (!l) {
        x->s->counters
            ->results_dropped++; /* ended meanwhile: late results and kills mean nothing */
        return;
    }
    x->s->counters->results_applied++;
    live_step(x, l, &ev, now);
}

void executor_deliver(struct cdz_executor *x, cdz_us now)
{
    while (x->inbox.head < x->inbox.n) { /* grows meanwhile */
        struct cdz_record r = x->inbox.v[x->inbox.head++];
        on_record(x, &r, now);
    }
    x->inbox.head = x->inbox.n = 0;
}

static void run_timers(struct cdz_executor *x, cdz_us now)
{
    while (x->timers.n > 0 && x->timers.v[0].at <= now) {
        struct timer t = timer_pop(x);
        struct live *l =
            cdz_table_get(&x->parked, cdz_str_z(t.id)) ? NULL : live_get(x, cdz_str_z(t.id));
        struct cdz_event ev = {.kind = CDZ_EVENT_TIMER};
        if (l)
            live_step(x, l, &ev, now);
        executor_deliver(x, now);
    }
}

/* The files first. Storing one twice is the same; those that are stored are not tried again. */
static cdz_rc store_and_commit(struct cdz_executor *x, struct cdz_err *err)
{
    while (x->files.n > 0) {
        const struct cdz_effect *f = &x->files.v[x->files.n - 1];
        cdz_rc rc = cdz_storage_put(x->s->storage, f->id, f->bytes, err);
        if (rc == CDZ_E_INVALID) /* will never go through: the path is one that no storage takes */
            cdz_log_err(CDZ_ERROR, "executor", err, "msg=\"file dropped\"");
        else
            CDZ_TRY(rc);
        x->files.n--;
    }
    return cdz_queue_commit(x->in, x->out.v, x->out.n, err);
}

/* Until it is through: see the head of this file. */
static void commit(struct cdz_executor *x)
{
    struct cdz_err err;
    cdz_us pause = 10 * CDZ_MS;
    bool told = false;
    while (store_and_commit(x, &err) != CDZ_OK) {
        x->s->counters->commit_retries++;
        if (!told)
            cdz_log_err(CDZ_ERROR, "executor", &err,
                        "msg=\"commit failed, trying again until it goes through\" records=%zu",
                        x->out.n);
        told = true;
        if (x->stopping)
            return; /* nothing of it was shown: the next start does it again */
        struct timespec ts = {.tv_sec = pause / CDZ_SECOND, .tv_nsec = pause % CDZ_SECOND * 1000};
        nanosleep(&ts, NULL);
        pause = pause * 2 > CDZ_SECOND ? CDZ_SECOND : pause * 2;
    }
    if (told)
        cdz_log(CDZ_INFO, "executor", "msg=\"commit went through\"");
    x->s->counters->commits++;
    x->inbox.taken = 0;
    x->out.n = 0;
    cdz_arena_reset(x->arena);
    live_drop_idle(x);
}

static void take(struct cdz_executor *x, const struct cdz_record *r, cdz_us now)
{
    on_record(x, r, now);
    executor_deliver(x, now);
}

static void *executor_main(void *arg)
{
    struct cdz_executor *x = arg;
    struct cdz_batch batch;
    struct cdz_err err;
    pthread_setname_np(pthread_self(), "executor");
    while (!x->stopping) {
        cdz_us now = cdz_now_us(), wait = 60 * CDZ_SECOND;
        if (x->timers.n > 0)
            wait = x->timers.v[0].at > now ? x->timers.v[0].at - now : 0;
        if (x->out.n > 0 || live_may_run_parked(x))
            wait = 0; /* what the start has put there */
        if (wait > 60 * CDZ_SECOND)
            wait = 60 * CDZ_SECOND;
        if (cdz_queue_poll(x->in, BATCH, wait, &batch, &err) != CDZ_OK) {
            cdz_log_err(CDZ_ERROR, "executor", &err, "msg=\"poll failed\" retry_in_ms=100");
            struct timespec ts = {.tv_nsec = 100000000};
            nanosleep(&ts, NULL);
            continue;
        }
        now = cdz_now_us();
        for (size_t i = 0; i < batch.n; i++)
            take(x, &batch.records[i], now);
        run_timers(x, now);
        keyed_sweep(x, now);
        if (batch.n > 0 || x->out.n > 0)
            commit(x);
        live_run_parked(x, now); /* behind the commit: what this batch has parked can be read now */
        if (x->out.n > 0)
            commit(x);
    }
    return NULL;
}

cdz_rc cdz_executor_start(struct cdz_services *s, struct cdz_executor **ret, struct cdz_err *err)
{
    static const enum cdz_topic topics[] = {CDZ_TOPIC_EVENT, CDZ_TOPIC_RESULT};
    struct cdz_executor *x = calloc(1, sizeof(*x));
    if (!x)
        abort();
    x->s = s;
    x->arena = cdz_arena_open(64 << 10);
    cdz_rng_seed(&x->seeds, cdz_random_u64());
    cdz_rc rc = cdz_queue_subscribe(s->queue, "executor", topics, CDZ_COUNT(topics), &x->in, err);
    if (rc == CDZ_OK)
        rc = executor_recover(x, err);
    if (rc == CDZ_OK && pthread_create(&x->thread, NULL, executor_main, x) != 0)
        rc = cdz_fail(err, CDZ_E_UNAVAILABLE, "the executor's thread could not be started");
    if (rc != CDZ_OK) {
        x->stopping = true;
        cdz_queue_unsubscribe(x->in);
        cdz_arena_close(x->arena);
        free(x);
        return rc;
    }
    *ret = x;
    return CDZ_OK;
}

void cdz_executor_stop(struct cdz_executor *x)
{
    size_t at = 0;
    cdz_str id;
    void *l;
    if (!x)
        return;
    x->stopping = true;
    cdz_queue_wake(x->in);
    pthread_join(x->thread, NULL);
    cdz_queue_unsubscribe(x->in);
    while (cdz_table_next(&x->live, &at, &id, &l))
        live_free(l);
    cdz_table_done(&x->live);
    keyed_close(x);
    triggers_close(x);
    cdz_table_done(&x->parked);
    free(x->line.v);
    free(x->timers.v);
    free(x->out.v);
    free(x->news.v);
    free(x->inbox.v);
    free(x->idle.v);
    free(x->more.v);
    free(x->files.v);
    cdz_buf_done(&x->buf);
    cdz_arena_close(x->arena);
    free(x);
}
