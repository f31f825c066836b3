/*
 * world.c -- the course of a scenario: one step after another, and a clock that stands still but when
 * nothing else happens.
 *
 * Durable is what the executor's commit makes so: the execution's records, the limits and boxes, and
 * what is on the way by the topic EVENT. Workers, their results and timers are gone with a crash.
 */
#include "world.h"

#include "base/json.h"
#include "base/time.h"

static const cdz_us start_of_time = 1700000000 * CDZ_SECOND;

static void store(struct world *w, const char *key, const struct cdz_buf *b)
{
    struct cdz_buf *copy = calloc(1, sizeof(*copy));
    cdz_buf_str(copy, cdz_buf_get(b));
    struct cdz_buf *before = cdz_table_put(&w->stored, cdz_str_z(key), copy);
    if (before) {
        cdz_buf_done(before);
        free(before);
    }
}

static void take(struct world *w, const struct cdz_step *step)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    char key[32];
    for (size_t i = 0; i < step->taskruns.n; i++) {
        cdz_buf_reset(&b);
        cdz_taskrun_encode(w->e->taskruns.v[step->taskruns.v[i]], &b);
        snprintf(key, sizeof(key), "t%u", step->taskruns.v[i]);
        store(w, key, &b);
    }
    if (step->head) {
        cdz_buf_reset(&b);
        cdz_execution_encode(w->e, &b);
        store(w, "h", &b);
    }
    for (size_t i = 0; i < step->effects.n; i++)
        world_effect(w, &step->effects.v[i]);
}

static const struct cdz_exec_env env = {.zone = {"UTC", 3}};

static void do_step(struct world *w, struct cdz_event ev)
{
    struct cdz_step step;
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    ev.now = w->now;
    ev.seed = w->steps + 1;
    cdz_exec_step(w->e, &env, &ev, arena, &step);
    w->steps++;
    take(w, &step);
}

/* --- disturbances --- */

/* The execution as its records say. False: they say nonsense. */
static bool load(struct world *w)
{
    struct cdz_err err;
    struct cdz_execution *e;
    char key[32];
    cdz_execution_free(w->e);
    if (cdz_execution_decode(cdz_buf_get(cdz_table_get(&w->stored, CDZ_STR("h"))), &e, &err) !=
        CDZ_OK)
        abort();
    w->e = e;
    e->flow = w->sc->flow;
    for (unsigned i = 0;; i++) {
        snprintf(key, sizeof(key), "t%u", i);
        struct cdz_buf *b = cdz_table_get(&w->stored, cdz_str_z(key));
        if (!b)
            break;
        if (cdz_taskrun_decode_into(cdz_buf_get(b), e, &err) != CDZ_OK)
            abort();
    }
    if (cdz_exec_load(e, &err) == CDZ_OK)
        return true;
    cdz_buf_printf(&w->trace, "load failed: %s\n", err.text);
    w->ended = true;
    return false;
}

/* As server/recover.c does for what waits for a limit. */
static void arm(struct world *w)
{
    const struct cdz_flow *flow = w->sc->flow;
    for (size_t i = 0; i < flow->sla_count; i++) {
        if (flow->slas[i].kind == CDZ_SLA_MAX_DURATION)
            world_set_timer(w, w->e->history.v[0].at + flow->slas[i].duration);
    }
}

static void crash(struct world *w)
{
    struct pending *p = w->first;
    w->first = NULL;
    w->last = &w->first;
    for (struct pending *next; p; p = next) {
        next = p->next;
        p->next = NULL;
        if (p->durable)
            world_post(w, p->ev, true);
    }
    w->timer_count = 0;
    if (!load(w))
        return;
    enum cdz_state state = cdz_state_now(&w->e->history);
    if (state == CDZ_QUEUED || (state == CDZ_CREATED && w->e->gate_count > 0))
        arm(w);
    else
        do_step(w, (struct cdz_event){.kind = CDZ_EVENT_RECOVER});
}

/* --- the course --- */

static void act(struct world *w)
{
    const struct action *a = &w->sc->actions[w->acted++];
    struct cdz_event ev = {.kind = CDZ_EVENT_PAUSE};
    switch (a->kind) {
    case DO_PAUSE:
        world_post(w, ev, true);
        break;
    case DO_RESUME:
        ev.kind = CDZ_EVENT_RESUME;
        if (a->arg[0])
            ev.outputs = world_outputs(w, cdz_str_z(a->arg));
        world_post(w, ev, true);
        break;
    case DO_KILL:
        ev = (struct cdz_event){.kind = CDZ_EVENT_KILL, .cascade = true, .end_as = CDZ_KILLED};
        world_post(w, ev, true);
        break;
    case DO_FORCE:
        ev.kind = CDZ_EVENT_FORCE_RUN;
        world_post(w, ev, true);
        break;
    case DO_FREE:
        world_free_gates(w);
        break;
    case DO_SIGNAL:
        world_signal(w, cdz_str_z(a->arg));
        break;
    case DO_WAIT:
        if (w->timer_count > 0) {
            cdz_us at = w->timers[--w->timer_count];
            w->now = at > w->now ? at : w->now;
            world_post(w, (struct cdz_event){.kind = CDZ_EVENT_TIMER}, false);
        }
        break;
    }
}

/* False: nothing can happen any more. */
static bool go_on(struct world *w, enum disturbance disturbance)
{
    if (w->crash_at && w->steps == w->crash_at) {
        w->crash_at = 0;
        crash(w);
        return true;
    }
    if (disturbance == COLD && cdz_exec_is_idle(w->e) && !load(w))
        return false;
    if (w->first) {
        struct pending *p = w->first;
        w->first = p->next;
        if (!w->first)
            w->last = &w->first;
        do_step(w, p->ev);
        world_after_result(w, p->after);
    } else if (w->acted < w->sc->action_count) {
        act(w);
    } else if (w->timer_count > 0) {
        cdz_us at = w->timers[--w->timer_count];
        w->now = at > w->now ? at : w->now;
        do_step(w, (struct cdz_event){.kind = CDZ_EVENT_TIMER});
    } else {
        return false;
    }
    return true;
}

static void print_map(struct world *w, const char *name, cdz_val map)
{
    if (map.kind != CDZ_MAP || cdz_map_n(map) == 0)
        return;
    cdz_buf_printf(&w->trace, "%s ", name);
    cdz_json_print(&w->trace, map, CDZ_JSON_COMPACT);
    cdz_buf_c(&w->trace, '\n');
}

/* More than CREATED, RUNNING and an end: the way counts, too. */
static void print_history(struct world *w)
{
    const struct cdz_history *h = &w->e->history;
    if (h->n <= 3)
        return;
    cdz_buf_z(&w->trace, "by way of");
    for (size_t i = 1; i + 1 < h->n; i++)
        cdz_buf_printf(&w->trace, " %s", cdz_state_name(h->v[i].state));
    cdz_buf_c(&w->trace, '\n');
}

static void print_end(struct world *w, bool whole)
{
    if (whole)
        print_history(w);
    cdz_buf_printf(&w->trace, "execution %s\n", cdz_state_name(cdz_state_now(&w->e->history)));
    for (size_t i = 0; i < w->e->label_count; i++)
        cdz_buf_printf(&w->trace, "label %.*s: %.*s\n", CDZ_S(w->e->labels[i].key),
                       CDZ_S(w->e->labels[i].value));
    print_map(w, "variables", w->e->variables);
    print_map(w, "outputs", w->e->outputs);
    for (size_t i = 0; i < w->e->taskruns.n; i++) {
        const struct cdz_taskrun *t = w->e->taskruns.v[i];
        int depth = 0;
        if (t->gone)
            continue;
        for (uint32_t p = t->parent; p != CDZ_NO_TASKRUN; p = w->e->taskruns.v[p]->parent)
            depth++;
        cdz_buf_printf(&w->trace, "%*s%.*s", 2 + depth * 2, "", CDZ_S(t->task_id));
        if (t->value.p)
            cdz_buf_printf(&w->trace, "[%.*s]", CDZ_S(t->value));
        cdz_buf_printf(&w->trace, " %s", cdz_state_name(cdz_state_now(&t->history)));
        if (whole && t->attempt_count > 1)
            cdz_buf_printf(&w->trace, " attempts=%zu", t->attempt_count);
        cdz_buf_c(&w->trace, '\n');
    }
}

static void close_world(struct world *w)
{
    size_t at = 0;
    cdz_str key;
    void *b;
    while (cdz_table_next(&w->stored, &at, &key, &b)) {
        cdz_buf_done(b);
        free(b);
    }
    cdz_table_done(&w->stored);
    for (size_t i = 0; i < w->gate_count; i++)
        cdz_gate_close(w->gates[i].gate);
    for (size_t i = 0; i < w->box_count; i++)
        cdz_signal_box_close(w->boxes[i].box);
    cdz_execution_free(w->e);
    cdz_buf_done(&w->trace);
    cdz_arena_close(w->arena);
}

void scenario_run(const struct scenario *sc, enum disturbance disturbance, unsigned crash_at,
                  struct cdz_buf *trace, unsigned *ret_steps)
{
    struct world w = {
        .sc = sc, .arena = cdz_arena_open(0), .now = start_of_time, .crash_at = crash_at};
    struct cdz_execution *e = cdz_execution_new();
    w.last = &w.first;
    w.e = e;
    e->id = OWN_ID;
    e->original_id = e->id;
    e->namespace_ = sc->flow->namespace_;
    e->flow_id = sc->flow->id;
    e->flow_revision = 1;
    e->original_created = w.now;
    e->flow = sc->flow;
    cdz_history_add(&e->history, e->arena, CDZ_CREATED, w.now);
    do_step(&w, (struct cdz_event){.kind = CDZ_EVENT_CREATE});
    for (unsigned guard = 0; !w.ended && guard < 100000; guard++) {
        if (!go_on(&w, disturbance))
            break;
    }
    if (disturbance == CRASHED)
        cdz_buf_reset(&w.trace); /* logs may differ: what counts is how it ends */
    print_end(&w, disturbance != CRASHED);
    cdz_buf_str(trace, cdz_buf_get(&w.trace));
    *ret_steps = w.steps;
    close_world(&w);
}
