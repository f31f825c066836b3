/*
 * live.c -- executions in the executor's memory: they are stepped, what changed becomes records, and
 * effects become messages.
 *
 * An execution is in memory while something of it is under way. One that waits for a limit, a date or
 * a user is *cold*: it lies in STATE only, and is loaded again when an event comes for it. One that
 * has not begun because workers have enough to do is *parked*: cold, and standing in line.
 */
#include "base/time.h"
#include "exec/again.h"
#include "model/job.h"
#include "server/executor.h"

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
    char *p = cdz_arena_alloc(x->arena, x->buf.n + 1);
    cdz_str with_kind = {p, x->buf.n + 1};
    p[0] = (char)kind;
    memcpy(p + 1, x->buf.p, x->buf.n);
    if (!ended)
        executor_put(x, CDZ_TOPIC_STATE, state_key, cdz_str_sub(with_kind, 1, with_kind.n));
    executor_put(x, CDZ_TOPIC_CHANGE, id, with_kind);
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
        executor_put(x, CDZ_TOPIC_STATE, head_key(x, id), (cdz_str){NULL, 0});
    for (uint32_t i = 0; i < l->taskruns_stored; i++)
        executor_put(x, CDZ_TOPIC_STATE, taskrun_key(x, id, i), (cdz_str){NULL, 0});
}

static void id_push(char (**v)[CDZ_ID_TEXT], size_t *n, size_t *cap, cdz_str id)
{
    if (*n == *cap) {
        *cap = *cap ? *cap * 2 : 64;
        *v = realloc(*v, *cap * sizeof(**v));
        if (!*v)
            abort();
    }
    snprintf((*v)[(*n)++], CDZ_ID_TEXT, "%.*s", CDZ_S(id));
}

static void put_effects(struct cdz_executor *x, struct live *l, const struct cdz_step *step,
                        cdz_us now)
{
    cdz_str id = cdz_arena_str(x->arena, l->e->id);
    for (size_t i = 0; i < step->effects.n; i++) {
        const struct cdz_effect *f = &step->effects.v[i];
        switch (f->kind) {
        case CDZ_EFFECT_JOB:
            executor_put(x, CDZ_TOPIC_JOB, id, f->bytes);
            x->s->counters->jobs_dispatched++;
            break;
        case CDZ_EFFECT_KILL:
            executor_put(x, CDZ_TOPIC_KILL, id, CDZ_STR("k"));
            break;
        case CDZ_EFFECT_TIMER:
            if (f->when_idle)
                id_push(&x->more.v, &x->more.n, &x->more.cap, id);
            else
                executor_timer(x, f->at, id);
            break;
        case CDZ_EFFECT_LOG:
            executor_put(x, CDZ_TOPIC_LOG, id, f->bytes);
            break;
        case CDZ_EFFECT_CREATE:
        case CDZ_EFFECT_EVENT:
            executor_put(x, CDZ_TOPIC_EVENT, f->id, f->bytes);
            break;
        case CDZ_EFFECT_CHILD:
            call_make(x, f->call, now);
            break;
        case CDZ_EFFECT_FILE:
            EXECUTOR_PUSH(&x->files, *f);
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

void live_free(struct live *l)
{
    cdz_flow_unref(l->e->flow);
    cdz_execution_free(l->e);
    free(l);
}

static void may_be_idle(struct cdz_executor *x, struct live *l)
{
    if (l->may_be_idle || !cdz_exec_is_idle(l->e))
        return;
    l->may_be_idle = true;
    id_push(&x->idle.v, &x->idle.n, &x->idle.cap, l->e->id);
}

/* What was parked and has neither begun nor ended waits for its turn as before. */
static void keep_place(struct cdz_executor *x, struct live *l)
{
    bool created = cdz_state_now(&l->e->history) == CDZ_CREATED;
    if (created && l->in_line) {
        (void)cdz_table_put(&x->parked, l->e->id, x); /* any value: the table is a set */
        x->s->counters->executions_parked++;
    } else if (!created && x->parked.n > 0 && cdz_table_del(&x->parked, l->e->id)) {
        x->s->counters->executions_parked--;
    }
    l->in_line = false;
}

static void step_one(struct cdz_executor *x, struct live *l, struct cdz_event *ev, cdz_us now)
{
    struct cdz_step step;
    struct cdz_execution *e = l->e;
    bool begins = ev->kind == CDZ_EVENT_CREATE;
    enum cdz_state before = cdz_state_now(&e->history);
    ev->now = now;
    ev->seed = cdz_rng_next(&x->seeds);
    cdz_exec_step(e, &x->s->exec_env, ev, x->arena, &step);
    x->s->counters->steps++;
    bool ended = has_ended(&step);
    put_changes(x, l, &step, ended);
    put_effects(x, l, &step, now);
    if (begins || cdz_state_now(&e->history) != before)
        triggers_on_change(x, e, now);
    keep_place(x, l);
    if (!ended) {
        may_be_idle(x, l);
        return;
    }
    x->s->counters->executions_ended[cdz_state_now(&e->history)]++;
    x->s->counters->live_executions--;
    (void)cdz_table_del(&x->live, e->id); /* it is l */
    live_free(l);
}

void live_step(struct cdz_executor *x, struct live *l, struct cdz_event *ev, cdz_us now)
{
    step_one(x, l, ev, now);
    for (size_t i = 0; i < x->news.n; i++) { /* grows meanwhile */
        struct news n = x->news.v[i];
        struct live *to = cdz_table_get(&x->live, cdz_str_z(n.id));
        if (to)
            step_one(x, to, &n.ev, now);
    }
    x->news.n = 0;
}

struct live *live_add(struct cdz_executor *x, struct cdz_execution *e)
{
    struct live *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    l->e = e;
    (void)cdz_table_put(&x->live, e->id, l); /* the caller has looked: the id is new */
    x->s->counters->live_executions++;
    return l;
}

void live_take_flow(struct cdz_executor *x, struct cdz_execution *e)
{
    struct cdz_err err;
    if (cdz_flows_get(x->s->flows, e->namespace_, e->flow_id, e->flow_revision, &e->flow, &err) ==
        CDZ_OK)
        return;
    e->flow = cdz_flow_broken(e->namespace_, e->flow_id, e->flow_revision, CDZ_STR(""),
                              cdz_str_z(err.text));
}

cdz_rc live_load(struct cdz_executor *x, struct live *l, struct cdz_err *err)
{
    struct cdz_execution *e = l->e;
    live_take_flow(x, e);
    if (e->flow->exception.n) /* what its runs' tasks are is unknown: it can only fail */
        e->taskruns.n = 0;
    if (cdz_exec_load(e, err) == CDZ_OK)
        return CDZ_OK;
    x->s->counters->records_damaged++;
    cdz_log_err(CDZ_ERROR, "executor", err, "msg=\"execution failed\" execution=%.*s",
                CDZ_S(e->id));
    struct cdz_flow *broken = cdz_flow_broken(e->namespace_, e->flow_id, e->flow_revision,
                                              CDZ_STR(""), cdz_str_z(err->text));
    cdz_flow_unref(e->flow);
    e->flow = broken;
    e->taskruns.n = 0;
    return cdz_exec_load(e, err);
}

/* --- cold ones --- */

struct loading {
    struct live *l;
    struct cdz_err err;
    cdz_rc rc;
};

static bool on_row(void *ctx, cdz_str key, cdz_str value)
{
    struct loading *g = ctx;
    size_t slash = cdz_str_chr(key, '/', 0);
    if (slash + 1 < key.n && key.p[slash + 1] == 't') {
        g->rc = cdz_taskrun_decode_into(value, g->l->e, &g->err);
        g->l->taskruns_stored = (uint32_t)g->l->e->taskruns.n;
    }
    return g->rc == CDZ_OK;
}

/* From STATE into memory. NULL: it is not there, or cannot be read; the latter was logged. */
static struct live *thaw(struct cdz_executor *x, cdz_str id)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_execution *e;
    struct loading g = {0};
    cdz_str head;
    cdz_rc rc = executor_state_get(x, head_key(x, id), arena, &head, &g.err);
    if (rc == CDZ_E_NOT_FOUND)
        return NULL;
    if (rc == CDZ_OK)
        rc = cdz_execution_decode(head, &e, &g.err);
    if (rc != CDZ_OK) {
        x->s->counters->records_damaged++;
        cdz_log_err(CDZ_ERROR, "executor", &g.err, "msg=\"execution dropped\" execution=%.*s",
                    CDZ_S(id));
        return NULL;
    }
    g.l = live_add(x, e);
    g.l->head_stored = true;
    rc = cdz_queue_scan(x->s->queue, CDZ_TOPIC_STATE, cdz_arena_printf(arena, "%.*s/t", CDZ_S(id)),
                        on_row, &g, &g.err);
    if (rc == CDZ_OK)
        rc = g.rc;
    if (rc == CDZ_OK)
        rc = live_load(x, g.l, &g.err);
    if (rc == CDZ_OK)
        return g.l;
    x->s->counters->records_damaged++;
    cdz_log_err(CDZ_ERROR, "executor", &g.err, "msg=\"execution dropped\" execution=%.*s",
                CDZ_S(id));
    x->s->counters->live_executions--;
    (void)cdz_table_del(&x->live, e->id); /* it is g.l */
    live_free(g.l);
    return NULL;
}

struct live *live_get(struct cdz_executor *x, cdz_str id)
{
    struct live *l = cdz_table_get(&x->live, id);
    if (l)
        return l;
    /* Its place in line stays; it is passed over if the event makes it begin or end. */
    bool in_line = cdz_table_del(&x->parked, id) != NULL;
    if (in_line)
        x->s->counters->executions_parked--;
    l = thaw(x, id);
    if (l)
        l->in_line = in_line;
    return l;
}

void live_drop_idle(struct cdz_executor *x)
{
    for (size_t i = 0; i < x->idle.n; i++) {
        struct live *l = cdz_table_get(&x->live, cdz_str_z(x->idle.v[i]));
        if (!l)
            continue;
        l->may_be_idle = false;
        if (!l->head_stored || !cdz_exec_is_idle(l->e))
            continue;
        (void)cdz_table_del(&x->live, l->e->id); /* it is l */
        x->s->counters->live_executions--;
        live_free(l);
    }
    x->idle.n = 0;
}

/* --- the line --- */

static uint64_t jobs_waiting(const struct cdz_executor *x)
{
    uint64_t taken = x->s->counters->jobs_taken, sent = x->s->counters->jobs_dispatched;
    return sent > taken ? sent - taken : 0;
}

/* The end of the line; the head is (or will be, with this batch) in STATE. */
void live_park(struct cdz_executor *x, cdz_str id)
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

bool live_may_run_parked(const struct cdz_executor *x)
{
    return (x->line.head < x->line.n || x->more.n > 0) && jobs_waiting(x) < JOBS_WAITING_LOW;
}

/* What has been begun in part comes first. */
static bool run_more(struct cdz_executor *x, cdz_us now)
{
    struct cdz_event ev = {.kind = CDZ_EVENT_TIMER};
    if (x->more.n == 0)
        return false;
    cdz_str id = cdz_arena_str(x->arena, cdz_str_z(x->more.v[--x->more.n]));
    struct live *l = live_get(x, id);
    if (l)
        live_step(x, l, &ev, now);
    executor_deliver(x, now);
    return true;
}

void live_run_parked(struct cdz_executor *x, cdz_us now)
{
    while (live_may_run_parked(x)) {
        if (run_more(x, now))
            continue;
        cdz_str id = cdz_str_z(x->line.v[x->line.head++]);
        struct cdz_event ev = {.kind = CDZ_EVENT_CREATE};
        if (!cdz_table_get(&x->parked, id))
            continue; /* an event has come for it: it has begun, or ended */
        struct live *l = live_get(x, id);
        if (!l)
            continue;
        l->in_line = false; /* it is its turn */
        x->s->counters->executions_started++;
        live_step(x, l, &ev, now);
        executor_deliver(x, now);
    }
}

static bool is_known(struct cdz_executor *x, cdz_str id)
{
    return cdz_table_get(&x->live, id) || cdz_table_get(&x->parked, id);
}

static void damaged(struct cdz_executor *x, const struct cdz_err *err)
{
    x->s->counters->records_damaged++;
    cdz_log_err(CDZ_ERROR, "executor", err, "msg=\"execution record dropped\"");
}

void live_create(struct cdz_executor *x, cdz_str head, struct cdz_event *ev, cdz_us now)
{
    struct cdz_execution *e;
    struct cdz_err err;
    if (cdz_execution_decode(head, &e, &err) != CDZ_OK) {
        damaged(x, &err);
        return;
    }
    if (is_known(x, e->id)) { /* delivered twice */
        cdz_execution_free(e);
        return;
    }
    if (x->line.head < x->line.n || jobs_waiting(x) > JOBS_WAITING_HIGH) {
        executor_put(x, CDZ_TOPIC_STATE, head_key(x, e->id), cdz_arena_str(x->arena, head));
        live_park(x, e->id);
        cdz_execution_free(e);
        return;
    }
    live_take_flow(x, e);
    x->s->counters->executions_started++;
    live_step(x, live_add(x, e), ev, now);
}

/* One that waits for a user may be restarted, if nothing has happened since the user's copy was made.
 * Anything else runs already: two restarts of one execution. */
static bool may_replace(const struct cdz_execution *old, const struct cdz_execution *snapshot)
{
    return cdz_state_now(&old->history) == CDZ_PAUSED && snapshot->version == old->version + 1;
}

void live_adopt(struct cdz_executor *x, cdz_str snapshot, struct cdz_event *ev, cdz_us now)
{
    struct cdz_execution *e;
    struct cdz_err err;
    if (cdz_snapshot_decode(snapshot, &e, &err) != CDZ_OK) {
        damaged(x, &err);
        return;
    }
    struct live *old = live_get(x, e->id);
    if (old && !may_replace(old->e, e)) {
        cdz_execution_free(e);
        return;
    }
    bool head_stored = old && old->head_stored;
    uint32_t taskruns_stored = old ? old->taskruns_stored : 0;
    if (old) {
        (void)cdz_table_del(&x->live, old->e->id); /* it is old */
        x->s->counters->live_executions--;
        live_free(old);
    }
    struct live *l = live_add(x, e);
    l->head_stored = head_stored;
    l->taskruns_stored = taskruns_stored;
    if (live_load(x, l, &err) != CDZ_OK) {
        damaged(x, &err);
        (void)cdz_table_del(&x->live, e->id); /* it is l */
        x->s->counters->live_executions--;
        live_free(l);
        return;
    }
    x->s->counters->executions_started++;
    live_step(x, l, ev, now);
}
