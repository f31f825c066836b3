/*
 * replay.c -- every step of every execution is recorded as its event (with its time and seed); at
 * the end of a run the events are given once more to a fresh copy that never crashed. It must come
 * to the same bytes: what is rebuilt from records after a crash is what was in memory before, and a
 * step depends on its event and on nothing else.
 *
 * Steps whose commit was lost did not happen: they are forgotten with the memory of the process.
 */
#include <assert.h>
#include <stdlib.h>

#include "exec/again.h"
#include "exec/internal.h"
#include "sim.h"

struct taped {
    struct cdz_event event;
    cdz_str text;     /* the event's record */
    cdz_str head;     /* first step: the execution before it */
    bool loaded;      /* first step: it was loaded from its records, not created */
    bool reloaded;    /* it was loaded from its records for this step */
    cdz_str snapshot; /* ADOPT: the execution before it, with its task runs */
    uint64_t hash;    /* of the records and the effects that came of it */
    cdz_str shown;    /* the same for people; only with a trace */
};

struct course {
    cdz_str id;
    CDZ_VEC(struct taped) steps;
    bool reloaded;
};

struct mark {
    struct course *course;
    size_t n; /* its steps before the batch */
};

struct sim_tape {
    struct cdz_table courses; /* id -> struct course */
    CDZ_VEC(struct course *) all;
    CDZ_VEC(struct mark) pending; /* steps that are not durable yet */
};

void sim_tape_init(void)
{
    sim->tape = CDZ_NEW(sim->arena, struct sim_tape);
}

void sim_tape_done(void)
{
    cdz_table_done(&sim->tape->courses);
}

void sim_tape_keep(void)
{
    sim->tape->pending.n = 0;
}

void sim_tape_forget(void)
{
    while (sim->tape->pending.n > 0) {
        sim->tape->pending.n--;
        sim->tape->pending.v[sim->tape->pending.n].course->steps.n =
            sim->tape->pending.v[sim->tape->pending.n].n;
    }
}

static cdz_str head_of(const struct cdz_execution *e)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_execution_encode(e, &b);
    cdz_str s = cdz_buf_copy(&b, sim->arena);
    cdz_buf_done(&b);
    return s;
}

static cdz_str snapshot_of(const struct cdz_execution *e)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_snapshot_encode(e, &b);
    cdz_str s = cdz_buf_copy(&b, sim->arena);
    cdz_buf_done(&b);
    return s;
}

static void record(const struct cdz_execution *e, const struct cdz_event *ev)
{
    struct sim_tape *tape = sim->tape;
    struct course *c = cdz_table_get(&tape->courses, e->id);
    if (!c) {
        c = CDZ_NEW(sim->arena, struct course);
        c->id = cdz_arena_str(sim->arena, e->id);
        (void)cdz_table_put(&tape->courses, c->id, c); /* it is new */
        CDZ_PUSH(sim->arena, &tape->all, c);
    }
    CDZ_PUSH(sim->arena, &tape->pending, (struct mark){c, c->steps.n});
    struct taped step = {.event = *ev, .loaded = e->index != NULL, .reloaded = c->reloaded};
    c->reloaded = false;
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_event_encode(ev, CDZ_STR(""), &b);
    step.text = cdz_buf_copy(&b, sim->arena);
    cdz_buf_done(&b);
    if (c->steps.n == 0)
        step.head = head_of(e);
    if (ev->kind == CDZ_EVENT_ADOPT)
        step.snapshot = snapshot_of(e);
    CDZ_PUSH(sim->arena, &c->steps, step);
}

static uint64_t add_hash(uint64_t h, cdz_str s)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001B3u;
    return (h ^ s.n) * 0x100000001B3u;
}

/* All that a step gives, but for the head's version: steps that change only task runs do not write
 * it, so that it goes on from an older one after a crash. */
static uint64_t hash_of(struct cdz_execution *e, const struct cdz_step *step)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    uint64_t h = 0xCBF29CE484222325u, version = e->version;
    for (size_t i = 0; i < step->taskruns.n; i++) {
        cdz_buf_reset(&b);
        cdz_taskrun_encode(e->taskruns.v[step->taskruns.v[i]], &b);
        h = add_hash(h, cdz_buf_get(&b));
    }
    if (step->head) {
        cdz_buf_reset(&b);
        e->version = 0;
        cdz_execution_encode(e, &b);
        e->version = version;
        h = add_hash(h, cdz_buf_get(&b));
    }
    for (size_t i = 0; i < step->effects.n; i++) {
        const struct cdz_effect *f = &step->effects.v[i];
        h = add_hash((h ^ (uint64_t)f->kind ^ (uint64_t)f->at) * 0x100000001B3u, f->bytes);
    }
    return h;
}

static cdz_str shown(const struct cdz_execution *e, const struct cdz_step *step)
{
    if (!sim->options->trace)
        return CDZ_STR("");
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {.to = &b};
    cdz_jw_open(&w, NULL, '[');
    for (size_t i = 0; i < step->taskruns.n; i++)
        cdz_taskrun_json(e, e->taskruns.v[step->taskruns.v[i]], sim->now, &w, NULL);
    cdz_jw_close(&w, ']');
    for (size_t i = 0; i < step->effects.n; i++)
        cdz_buf_printf(&b, " effect %d", (int)step->effects.v[i].kind);
    return cdz_buf_copy(&b, sim->arena);
}

void __real_cdz_exec_step(struct cdz_execution *e, const struct cdz_exec_env *env,
                          const struct cdz_event *ev, struct cdz_arena *arena,
                          struct cdz_step *ret);
void __wrap_cdz_exec_step(struct cdz_execution *e, const struct cdz_exec_env *env,
                          const struct cdz_event *ev, struct cdz_arena *arena,
                          struct cdz_step *ret);
void __wrap_cdz_exec_step(struct cdz_execution *e, const struct cdz_exec_env *env,
                          const struct cdz_event *ev, struct cdz_arena *arena, struct cdz_step *ret)
{
    if (!sim->dead)
        record(e, ev);
    __real_cdz_exec_step(e, env, ev, arena, ret);
    struct course *c = sim->dead ? NULL : cdz_table_get(&sim->tape->courses, e->id);
    if (c) {
        c->steps.v[c->steps.n - 1].hash = hash_of(e, ret);
        c->steps.v[c->steps.n - 1].shown = shown(e, ret);
    }
}

/* The head without its version: steps that change only task runs do not write it, so that it starts
 * from an older one after a crash. */
static void compare_head(struct cdz_execution *got, struct cdz_execution *want)
{
    uint64_t version = want->version;
    size_t taskruns = want->taskruns.n;
    want->version = got->version;
    if (!cdz_str_eq(head_of(got), head_of(want)))
        sim_fail("a replay of execution %.*s ends with another head: %s with %zu task runs, not %s "
                 "with %zu",
                 CDZ_S(want->id), cdz_state_name(cdz_state_now(&got->history)), got->taskruns.n,
                 cdz_state_name(cdz_state_now(&want->history)), taskruns);
    want->version = version;
}

static void compare(struct cdz_execution *got, struct cdz_execution *want)
{
    CDZ_AUTO_BUF struct cdz_buf a = CDZ_BUF_INIT;
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    compare_head(got, want);
    for (size_t i = 0; i < got->taskruns.n && i < want->taskruns.n; i++) {
        cdz_buf_reset(&a);
        cdz_buf_reset(&b);
        cdz_taskrun_encode(got->taskruns.v[i], &a);
        cdz_taskrun_encode(want->taskruns.v[i], &b);
        if (!cdz_str_eq(cdz_buf_get(&a), cdz_buf_get(&b)))
            sim_fail("a replay of execution %.*s ends with another task run %zu, %.*s: %s, not %s",
                     CDZ_S(want->id), i, CDZ_S(want->taskruns.v[i]->task_id),
                     cdz_state_name(cdz_state_now(&got->taskruns.v[i]->history)),
                     cdz_state_name(cdz_state_now(&want->taskruns.v[i]->history)));
    }
}

cdz_rc __real_cdz_exec_load(struct cdz_execution *e, struct cdz_err *err);
cdz_rc __wrap_cdz_exec_load(struct cdz_execution *e, struct cdz_err *err);
cdz_rc __wrap_cdz_exec_load(struct cdz_execution *e, struct cdz_err *err)
{
    struct course *c = cdz_table_get(&sim->tape->courses, e->id);
    if (c)
        c->reloaded = true;
    return __real_cdz_exec_load(e, err);
}

static void drop(struct cdz_execution *e)
{
    if (e)
        cdz_flow_unref(e->flow);
    cdz_execution_free(e);
}

/* The execution as it was before a first step, or before it was adopted. */
static struct cdz_execution *begin(const struct taped *s)
{
    struct cdz_execution *e = NULL;
    struct cdz_err err;
    cdz_rc rc = s->snapshot.n ? cdz_snapshot_decode(s->snapshot, &e, &err)
                              : cdz_execution_decode(s->head, &e, &err);
    if (rc == CDZ_OK) {
        e->flow = cdz_flow_ref(sim_flow_of(e->flow_id));
        if (s->loaded)
            rc = __real_cdz_exec_load(e, &err);
    }
    if (rc != CDZ_OK)
        sim_fail("an execution cannot be loaded: %s", err.text);
    return e;
}

/* A turn of a loop uses the places of the turn before, but those from before a load it does not know:
 * task runs then stand at other indexes. Such flows are loaded again where they were. So is what a
 * step had left half begun: a load goes on with it at once. */
static bool has_loop(const struct cdz_flow *flow)
{
    for (size_t i = 0; i < flow->task_count; i++) {
        if (flow->tasks_all[i]->type->flow_kind == CDZ_FLOW_LOOP)
            return true;
    }
    return false;
}

static struct cdz_execution *load_again(struct cdz_execution *e)
{
    struct taped s = {.snapshot = snapshot_of(e), .loaded = true};
    drop(e);
    return begin(&s);
}

static void replay(const struct course *c, struct cdz_execution *want)
{
    struct cdz_execution *e = NULL;
    struct cdz_err err;
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    for (size_t i = 0; i < c->steps.n && !sim->failed; i++) {
        struct cdz_event ev;
        struct cdz_step step;
        cdz_str create;
        if (i == 0 || c->steps.v[i].snapshot.n) {
            drop(e);
            e = begin(&c->steps.v[i]);
        } else if (c->steps.v[i].reloaded && (has_loop(e->flow) || e->index->unfilled.n > 0)) {
            e = load_again(e);
        }
        if (sim->failed)
            break;
        if (cdz_event_decode(c->steps.v[i].text, arena, &ev, &create, &err) != CDZ_OK) {
            sim_fail("an event cannot be read: %s", err.text);
            break;
        }
        ev.now = c->steps.v[i].event.now;
        ev.seed = c->steps.v[i].event.seed;
        sim->now = ev.now;
        __real_cdz_exec_step(e, &sim->services.exec_env, &ev, arena, &step);
        if (hash_of(e, &step) != c->steps.v[i].hash) {
            sim_trace("it was: %.*s", CDZ_S(c->steps.v[i].shown));
            sim_trace("it is:  %.*s", CDZ_S(shown(e, &step)));
            sim_fail("a replay of execution %.*s goes another way at its step %zu of %zu, event %d "
                     "at %.3f s",
                     CDZ_S(c->id), i + 1, c->steps.n, (int)ev.kind, sim_seconds());
        }
    }
    if (!sim->failed)
        compare(e, want);
    drop(e);
}

void sim_tape_check(void)
{
    for (size_t i = 0; i < sim->tape->all.n && !sim->failed; i++) {
        const struct course *c = sim->tape->all.v[i];
        struct cdz_execution *want = (struct cdz_execution *)(uintptr_t)sim_check_execution(c->id);
        if (c->steps.n > 0 && want)
            replay(c, want);
    }
}
