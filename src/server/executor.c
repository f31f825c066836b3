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
 * each execution gets a RECOVER event.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/id.h"
#include "base/map.h"
#include "base/time.h"
#include "exec/step.h"
#include "model/job.h"
#include "server/server.h"

enum { BATCH = 512 };

/*
 * Back-pressure. While more jobs than this wait for a worker, new executions are not begun: their
 * heads go to STATE and only their ids stay in memory; they begin in order once fewer than LOW jobs
 * wait. 100,000 queued executions then cost some megabytes, and the same after a restart.
 */
enum { JOBS_WAITING_HIGH = 2000, JOBS_WAITING_LOW = 1000 };

struct timer {
    cdz_us at;
    char id[CDZ_ID_TEXT];
};

/* What the executor keeps of an execution beside the execution itself. */
struct live {
    struct cdz_execution *e;
    bool head_stored;
    uint32_t taskruns_stored; /* rows in the state topic: indexes below this */
};

struct cdz_executor {
    struct cdz_services *s;
    struct cdz_consumer *in;
    pthread_t thread;
    atomic_bool stopping;
    struct cdz_table live;
    struct cdz_table parked; /* ids of executions that have not begun -> their place in line */
    struct {
        char (*v)[CDZ_ID_TEXT];
        size_t head, n, cap; /* v[head .. n): first come, first served */
    } line;
    struct {
        struct timer *v; /* binary heap by at */
        size_t n, cap;
    } timers;
    struct cdz_rng seeds;
    /* The batch under way */
    struct cdz_arena *arena;
    struct {
        struct cdz_record *v;
        size_t n, cap;
    } out;
    struct cdz_buf buf;
};

static void timer_push(struct cdz_executor *x, cdz_us at, cdz_str id)
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

static void put(struct cdz_executor *x, enum cdz_topic topic, cdz_str key, cdz_str value)
{
    if (x->out.n == x->out.cap) {
        x->out.cap = x->out.cap ? x->out.cap * 2 : 256;
        x->out.v = realloc(x->out.v, x->out.cap * sizeof(*x->out.v));
        if (!x->out.v)
            abort();
    }
    x->out.v[x->out.n++] = (struct cdz_record){.topic = topic, .key = key, .value = value};
}

static cdz_str head_key(struct cdz_executor *x, cdz_str id)
{
    return cdz_arena_printf(x->arena, "%.*s/h", CDZ_S(id));
}

static cdz_str taskrun_key(struct cdz_executor *x, cdz_str id, uint32_t index)
{
    return cdz_arena_printf(x->arena, "%.*s/t%08x", CDZ_S(id), index);
}

/* The record in buf as a STATE row (unless the execution has ended) and as a CHANGE. */
static void put_change(struct cdz_executor *x, cdz_str id, cdz_str state_key,
                       enum cdz_change_kind kind, bool ended)
{
    cdz_str with_kind = {cdz_arena_alloc(x->arena, x->buf.n + 1), x->buf.n + 1};
    char *p = cdz_arena_alloc(x->arena, x->buf.n + 1);
    p[0] = (char)kind;
    memcpy(p + 1, x->buf.p, x->buf.n);
    with_kind.p = p;
    if (!ended)
        put(x, CDZ_TOPIC_STATE, state_key, cdz_str_sub(with_kind, 1, with_kind.n));
    put(x, CDZ_TOPIC_CHANGE, id, with_kind);
}

static void put_changes(struct cdz_executor *x, struct live *l, const struct cdz_step *step,
                        bool ended)
{
    struct cdz_execution *e = l->e;
    cdz_str id = cdz_arena_str(x->arena, e->id); /* e may be gone before the commit */
    for (size_t i = 0; i < step->taskruns.n; i++) {
        uint32_t index = step->taskruns.v[i];
        cdz_buf_reset(&x->buf);
        cdz_taskrun_encode(e->taskruns.v[index], &x->buf);
        put_change(x, id, ended ? id : taskrun_key(x, id, index), CDZ_CHANGE_TASKRUN, ended);
        if (!ended && index >= l->taskruns_stored)
            l->taskruns_stored = index + 1;
    }
    if (step->head) {
        cdz_buf_reset(&x->buf);
        cdz_execution_encode(e, &x->buf);
        put_change(x, id, ended ? id : head_key(x, id), CDZ_CHANGE_HEAD, ended);
        l->head_stored |= !ended;
    }
    if (!ended)
        return;
    if (l->head_stored)
        put(x, CDZ_TOPIC_STATE, head_key(x, id), (cdz_str){NULL, 0});
    for (uint32_t i = 0; i < l->taskruns_stored; i++)
        put(x, CDZ_TOPIC_STATE, taskrun_key(x, id, i), (cdz_str){NULL, 0});
}

static void put_effects(struct cdz_executor *x, struct live *l, const struct cdz_step *step)
{
    cdz_str id = cdz_arena_str(x->arena, l->e->id);
    for (size_t i = 0; i < step->effects.n; i++) {
        const struct cdz_effect *f = &step->effects.v[i];
        switch (f->kind) {
        case CDZ_EFFECT_JOB:
            put(x, CDZ_TOPIC_JOB, id, f->bytes);
            x->s->counters->jobs_dispatched++;
            break;
        case CDZ_EFFECT_KILL:
            put(x, CDZ_TOPIC_KILL, id, CDZ_STR("k"));
            break;
        case CDZ_EFFECT_TIMER:
            timer_push(x, f->at, id);
            break;
        case CDZ_EFFECT_LOG:
            put(x, CDZ_TOPIC_LOG, id, f->bytes);
            break;
        case CDZ_EFFECT_CREATE:
        case CDZ_EFFECT_EVENT:
            put(x, CDZ_TOPIC_EVENT, f->id, f->bytes);
            break;
        case CDZ_EFFECT_CHILD:
        case CDZ_EFFECT_FILE:
            break;
        case CDZ_EFFECT_ENDED:
            break; /* seen by the caller */
        }
    }
}

static bool has_ended(const struct cdz_step *step)
{
    for (size_t i = 0; i < step->effects.n; i++) {
        if (step->effects.v[i].kind == CDZ_EFFECT_ENDED)
            return true;
    }
    return false;
}

static void live_free(struct live *l)
{
    cdz_flow_unref(l->e->flow);
    cdz_execution_free(l->e);
    free(l);
}

static void step_one(struct cdz_executor *x, struct live *l, struct cdz_event *ev, cdz_us now)
{
    struct cdz_step step;
    struct cdz_execution *e = l->e;
    ev->now = now;
    ev->seed = cdz_rng_next(&x->seeds);
    cdz_exec_step(e, &x->s->exec_env, ev, x->arena, &step);
    x->s->counters->steps++;
    bool ended = has_ended(&step);
    put_changes(x, l, &step, ended);
    put_effects(x, l, &step);
    if (!ended)
        return;
    x->s->counters->executions_ended[cdz_state_now(&e->history)]++;
    x->s->counters->live_executions--;
    (void)cdz_table_del(&x->live, e->id); /* it is l */
    live_free(l);
}

static struct live *live_add(struct cdz_executor *x, struct cdz_execution *e)
{
    struct live *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    l->e = e;
    (void)cdz_table_put(&x->live, e->id, l); /* the caller has looked: the id is new */
    x->s->counters->live_executions++;
    return l;
}

/* The flow of e's revision; what cannot be had becomes a flow with an exception, so that the
 * execution FAILS. */
static void take_flow(struct cdz_executor *x, struct cdz_execution *e)
{
    struct cdz_err err;
    if (cdz_flows_get(x->s->flows, e->namespace_, e->flow_id, e->flow_revision, &e->flow, &err) ==
        CDZ_OK)
        return;
    e->flow = cdz_flow_broken(e->namespace_, e->flow_id, e->flow_revision, CDZ_STR(""),
                              cdz_str_z(err.text));
}

static uint64_t jobs_waiting(const struct cdz_executor *x)
{
    uint64_t taken = x->s->counters->jobs_taken, sent = x->s->counters->jobs_dispatched;
    return sent > taken ? sent - taken : 0;
}

/* The end of the line; the head is (or will be, with this batch) in STATE. */
static void park(struct cdz_executor *x, cdz_str id)
{
    if (x->line.n == x->line.cap) {
        size_t n = x->line.n - x->line.head;
        if (x->line.head > n) { /* more than half is gone: use that room again */
            memmove(x->line.v, x->line.v + x->line.head, n * sizeof(*x->line.v));
            x->line.head = 0;
            x->line.n = n;
        } else {
            x->line.cap = x->line.cap ? x->line.cap * 2 : 1024;
            x->line.v = realloc(x->line.v, x->line.cap * sizeof(*x->line.v));
            if (!x->line.v)
                abort();
        }
    }
    snprintf(x->line.v[x->line.n++], CDZ_ID_TEXT, "%.*s", CDZ_S(id));
    (void)cdz_table_put(&x->parked, id, x); /* any value: the table is a set */
    x->s->counters->executions_parked++;
}

/* Takes a parked execution from STATE into memory, not begun yet. NULL: it cannot be read; that was
 * logged. */
static struct live *unpark(struct cdz_executor *x, cdz_str id)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_execution *e;
    struct cdz_err err;
    cdz_str head;
    (void)cdz_table_del(&x->parked, id); /* the caller has seen that it is there */
    x->s->counters->executions_parked--;
    cdz_rc rc = cdz_queue_get(x->s->queue, CDZ_TOPIC_STATE, head_key(x, id), arena, &head, &err);
    if (rc == CDZ_OK)
        rc = cdz_execution_decode(head, &e, &err);
    if (rc != CDZ_OK) {
        x->s->counters->records_damaged++;
        cdz_log_err(CDZ_ERROR, "executor", &err, "msg=\"parked execution dropped\" execution=%.*s",
                    CDZ_S(id));
        return NULL;
    }
    take_flow(x, e);
    struct live *l = live_add(x, e);
    l->head_stored = true;
    return l;
}

/* Begins what has waited longest, as long as workers can take more. */
static void run_parked(struct cdz_executor *x, cdz_us now)
{
    while (x->line.head < x->line.n && jobs_waiting(x) < JOBS_WAITING_LOW) {
        cdz_str id = cdz_str_z(x->line.v[x->line.head++]);
        struct cdz_event ev = {.kind = CDZ_EVENT_CREATE};
        struct live *l =
            cdz_table_get(&x->parked, id) ? unpark(x, id) : NULL; /* or killed meanwhile */
        if (!l)
            continue;
        x->s->counters->executions_started++;
        step_one(x, l, &ev, now);
    }
}

static void on_create(struct cdz_executor *x, cdz_str head, struct cdz_event *ev, cdz_us now)
{
    struct cdz_execution *e;
    struct cdz_err err;
    if (cdz_execution_decode(head, &e, &err) != CDZ_OK) {
        x->s->counters->records_damaged++;
        cdz_log_err(CDZ_ERROR, "executor", &err, "msg=\"execution record dropped\"");
        return;
    }
    if (cdz_table_get(&x->live, e->id) || cdz_table_get(&x->parked, e->id)) { /* delivered twice */
        cdz_execution_free(e);
        return;
    }
    if (x->line.head < x->line.n || jobs_waiting(x) > JOBS_WAITING_HIGH) {
        put(x, CDZ_TOPIC_STATE, head_key(x, e->id), cdz_arena_str(x->arena, head));
        park(x, e->id);
        cdz_execution_free(e);
        return;
    }
    take_flow(x, e);
    x->s->counters->executions_started++;
    step_one(x, live_add(x, e), ev, now);
}

static void on_record(struct cdz_executor *x, const struct cdz_record *r, cdz_us now)
{
    struct cdz_event ev;
    struct cdz_err err;
    cdz_str create;
    if (cdz_event_decode(r->value, x->arena, &ev, &create, &err) != CDZ_OK) {
        x->s->counters->records_damaged++;
        cdz_log_err(CDZ_ERROR, "executor", &err, "msg=\"record dropped\" topic=%s execution=%.*s",
                    cdz_topic_name(r->topic), CDZ_S(r->key));
        return;
    }
    if (ev.kind == CDZ_EVENT_CREATE) {
        on_create(x, create, &ev, now);
        return;
    }
    struct live *l = cdz_table_get(&x->live, r->key);
    if (!l && cdz_table_get(&x->parked, r->key)) { /* a kill of what has not begun */
        l = unpark(x, r->key);
        if (l && cdz_exec_load(l->e, &err) != CDZ_OK)
            l = NULL; /* without task runs there is nothing that could fail */
    }
    if (!l) {
        x->s->counters
            ->results_dropped++; /* ended meanwhile: late results and kills mean nothing */
        return;
    }
    x->s->counters->results_applied++;
    step_one(x, l, &ev, now);
}

static void run_timers(struct cdz_executor *x, cdz_us now)
{
    while (x->timers.n > 0 && x->timers.v[0].at <= now) {
        struct timer t = timer_pop(x);
        struct live *l = cdz_table_get(&x->live, cdz_str_z(t.id));
        struct cdz_event ev = {.kind = CDZ_EVENT_TIMER};
        if (l)
            step_one(x, l, &ev, now);
    }
}

/* Until it is through: see the head of this file. */
static void commit(struct cdz_executor *x)
{
    struct cdz_err err;
    cdz_us pause = 10 * CDZ_MS;
    bool told = false;
    while (cdz_queue_commit(x->in, x->out.v, x->out.n, &err) != CDZ_OK) {
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
    x->out.n = 0;
    cdz_arena_reset(x->arena);
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
        if (x->out.n > 0 || (x->line.head < x->line.n && jobs_waiting(x) < JOBS_WAITING_LOW))
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
            on_record(x, &batch.records[i], now);
        run_timers(x, now);
        if (batch.n > 0 || x->out.n > 0)
            commit(x);
        run_parked(x, now); /* behind the commit: what this batch has parked can be read now */
        if (x->out.n > 0)
            commit(x);
    }
    return NULL;
}

struct begun_not {
    cdz_us at;
    char id[CDZ_ID_TEXT];
};

struct loading {
    struct cdz_executor *x;
    CDZ_VEC(struct begun_not)
    created; /* executions that have not begun: parked, the oldest first */
    struct cdz_arena *arena;
    struct cdz_err err;
    cdz_rc rc;
};

static bool on_state(void *ctx, cdz_str key, cdz_str value)
{
    struct loading *g = ctx;
    size_t slash = cdz_str_chr(key, '/', 0);
    cdz_str id = cdz_str_sub(key, 0, slash), part = cdz_str_sub(key, slash + 1, key.n);
    struct live *l = cdz_table_get(&g->x->live, id);
    struct cdz_execution *e;
    if (part.n && part.p[0] == 'h') { /* sorts before the task runs */
        g->rc = cdz_execution_decode(value, &e, &g->err);
        if (g->rc != CDZ_OK)
            return false;
        if (cdz_state_now(&e->history) == CDZ_CREATED) {
            struct begun_not b = {.at = e->history.v[0].at};
            snprintf(b.id, sizeof(b.id), "%.*s", CDZ_S(id));
            CDZ_PUSH(g->arena, &g->created, b);
            cdz_execution_free(e);
            return true;
        }
        l = live_add(g->x, e);
        l->head_stored = true;
        return true;
    }
    if (!l) {
        g->rc = cdz_fail(&g->err, CDZ_E_CORRUPT, "state of execution %.*s has no head", CDZ_S(id));
        return false;
    }
    g->rc = cdz_taskrun_decode_into(value, l->e, &g->err);
    l->taskruns_stored = (uint32_t)l->e->taskruns.n;
    return g->rc == CDZ_OK;
}

static int older_first(const void *a, const void *b)
{
    const struct begun_not *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at ? 1 : strcmp(x->id, y->id);
}

/* A step that ends an execution removes it from the table: the ids are gathered first. */
static cdz_rc recover_all(struct cdz_executor *x, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_VEC(cdz_str) ids = {0};
    struct loading g = {.x = x, .arena = arena};
    size_t at = 0;
    cdz_str id;
    void *p;
    CDZ_TRY(cdz_queue_scan(x->s->queue, CDZ_TOPIC_STATE, CDZ_STR(""), on_state, &g, err));
    if (g.rc != CDZ_OK) {
        *err = g.err;
        return g.rc;
    }
    if (g.created.n > 0)
        qsort(g.created.v, g.created.n, sizeof(*g.created.v), older_first);
    for (size_t i = 0; i < g.created.n; i++)
        park(x, cdz_str_z(g.created.v[i].id));
    while (cdz_table_next(&x->live, &at, &id, &p))
        CDZ_PUSH(arena, &ids, cdz_arena_str(arena, id));
    for (size_t i = 0; i < ids.n; i++) {
        struct live *l = cdz_table_get(&x->live, ids.v[i]);
        struct cdz_event ev = {.kind = CDZ_EVENT_RECOVER};
        take_flow(x, l->e);
        if (l->e->flow->exception
                .n) /* its flow is gone or broken: the runs' tasks are unknown, it can only fail */
            l->e->taskruns.n = 0;
        if (cdz_exec_load(l->e, err) != CDZ_OK) { /* one that is damaged must not stop the server */
            x->s->counters->records_damaged++;
            cdz_log_err(CDZ_ERROR, "executor", err, "msg=\"execution failed\" execution=%.*s",
                        CDZ_S(ids.v[i]));
            struct cdz_flow *flow =
                cdz_flow_broken(l->e->namespace_, l->e->flow_id, l->e->flow_revision, CDZ_STR(""),
                                cdz_str_z(err->text));
            cdz_flow_unref(l->e->flow);
            l->e->flow = flow;
            l->e->taskruns.n = 0;
            CDZ_TRY(cdz_exec_load(l->e, err));
        }
        step_one(x, l, &ev, cdz_now_us());
    }
    if (ids.n + g.created.n > 0)
        cdz_log(CDZ_INFO, "executor", "msg=\"executions taken up again\" running=%zu waiting=%zu",
                ids.n, g.created.n);
    return CDZ_OK;
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
        rc = recover_all(x, err);
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
    cdz_table_done(&x->parked);
    free(x->line.v);
    free(x->timers.v);
    free(x->out.v);
    cdz_buf_done(&x->buf);
    cdz_arena_close(x->arena);
    free(x);
}
