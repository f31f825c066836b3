/*
 * around.c -- what answers to an execution in a scenario: workers, at once; limits and boxes of events,
 * the real ones; called flows, which end as the script says; and a heap of timers.
 */
#include "base/json.h"
#include "model/job.h"
#include "world.h"

struct pending *world_post(struct world *w, struct cdz_event ev, bool durable)
{
    struct pending *p = CDZ_NEW(w->arena, struct pending);
    p->ev = ev;
    p->durable = durable;
    *w->last = p;
    w->last = &p->next;
    return p;
}

/* Before all that is on the way. */
static void post_next(struct world *w, struct cdz_event ev)
{
    struct pending *p = CDZ_NEW(w->arena, struct pending);
    *p = (struct pending){.ev = ev, .durable = true, .next = w->first};
    if (!w->first)
        w->last = &p->next;
    w->first = p;
}

cdz_val world_outputs(struct world *w, cdz_str name)
{
    cdz_val outputs = cdz_val_map(w->arena, 1);
    cdz_map_put(w->arena, outputs, CDZ_STR("value"), cdz_val_text(cdz_arena_str(w->arena, name)));
    return outputs;
}

/* --- workers --- */

static void answer_job(struct world *w, cdz_str bytes)
{
    struct cdz_job job;
    struct cdz_err err;
    if (cdz_job_decode(bytes, w->arena, &job, &err) != CDZ_OK)
        abort();
    const struct rule *rule = scenario_rule(w->sc, job.task_id);
    struct cdz_event ev = {
        .taskrun = job.taskrun_index, .epoch = job.epoch, .started = w->now, .ended = w->now};
    ev.kind = CDZ_EVENT_RUNNING;
    world_post(w, ev, false);
    if (rule && rule->hold)
        return;
    ev.kind = CDZ_EVENT_RESULT;
    ev.state = CDZ_SUCCESS;
    if (rule && (rule->fails < 0 || job.attempt < rule->fails))
        ev.state = CDZ_FAILED;
    else if (rule && rule->warns)
        ev.state = CDZ_WARNING;
    ev.outputs = world_outputs(w, job.task_id);
    world_post(w, ev, false)->after = rule ? rule->after : 0;
}

/* The first result of a task has come. */
void world_after_result(struct world *w, unsigned after)
{
    after &= ~w->done_after;
    w->done_after |= after;
    if (after & AFTER_KILL)
        post_next(
            w, (struct cdz_event){.kind = CDZ_EVENT_KILL, .cascade = true, .end_as = CDZ_KILLED});
    if (after & AFTER_PAUSE)
        post_next(w, (struct cdz_event){.kind = CDZ_EVENT_PAUSE});
}

/* Workers answer a kill for what they run. */
static void answer_kill(struct world *w)
{
    for (size_t i = 0; i < w->e->taskruns.n; i++) {
        const struct cdz_taskrun *t = w->e->taskruns.v[i];
        if (cdz_state_now(&t->history) == CDZ_KILLING && t->task->type->kind == CDZ_RUNNABLE)
            world_post(w,
                       (struct cdz_event){.kind = CDZ_EVENT_RESULT,
                                          .taskrun = t->index,
                                          .epoch = t->epoch,
                                          .state = CDZ_KILLED,
                                          .started = w->now,
                                          .ended = w->now},
                       false);
    }
}

/* --- called flows --- */

/* What a called execution is told of its caller, in its id: none of them is ever made. */
static void child_ended(struct world *w, uint32_t taskrun, uint32_t epoch, int iteration,
                        cdz_str flow, enum cdz_state state)
{
    world_post(w,
               (struct cdz_event){.kind = CDZ_EVENT_CHILD,
                                  .taskrun = taskrun,
                                  .epoch = epoch,
                                  .iteration = iteration,
                                  .news = CDZ_CHILD_ENDED,
                                  .state = state,
                                  .outputs = world_outputs(w, flow)},
               true);
}

static void answer_call(struct world *w, const struct cdz_call_flow *call)
{
    const struct rule *rule = scenario_rule(w->sc, call->flow_id);
    cdz_str flow = cdz_arena_str(w->arena, call->flow_id);
    bool refused = rule && rule->refused;
    struct cdz_event ev = {
        .kind = CDZ_EVENT_CHILD,
        .taskrun = call->answer_to.taskrun,
        .epoch = call->answer_to.epoch,
        .iteration = call->answer_to.iteration,
        .news = refused ? CDZ_CHILD_REFUSED : CDZ_CHILD_MADE,
        .text = refused ? CDZ_STR("there is no such flow") : cdz_arena_str(w->arena, call->id),
    };
    cdz_buf_printf(&w->trace, "call %.*s ", CDZ_S(flow));
    cdz_json_print(&w->trace, call->inputs, CDZ_JSON_COMPACT);
    cdz_buf_c(&w->trace, '\n');
    world_post(w, ev, true);
    if (call->wait && !refused && !(rule && rule->hold))
        child_ended(w, ev.taskrun, ev.epoch, ev.iteration, flow,
                    rule && rule->child ? rule->child : CDZ_SUCCESS);
}

/* An event for another execution: a kill of one that was called and has not ended by itself. */
static void tell_other(struct world *w, const struct cdz_effect *f)
{
    struct cdz_event ev;
    struct cdz_err err;
    cdz_str create;
    if (cdz_event_decode(cdz_arena_str(w->arena, f->bytes), w->arena, &ev, &create, &err) != CDZ_OK)
        abort();
    if (ev.kind != CDZ_EVENT_KILL)
        return;
    cdz_buf_z(&w->trace, "kill of what was called\n");
    for (size_t i = 0; i < w->e->taskruns.n; i++) {
        const struct cdz_taskrun *t = w->e->taskruns.v[i];
        if (cdz_state_now(&t->history) == CDZ_KILLING && t->task->type->kind == CDZ_EXECUTABLE)
            child_ended(w, t->index, t->epoch, 0, CDZ_STR("killed"), CDZ_KILLED);
    }
}

/* --- limits and events by key: the real ones --- */

static void tell_gate(struct world *w, struct cdz_gate *gate, cdz_str key,
                      const struct cdz_gate_msg *msg)
{
    struct cdz_gate_out out;
    cdz_gate_apply(gate, msg, w->arena, &out);
    for (size_t i = 0; i < out.answers.n; i++) {
        if (cdz_str_eq(out.answers.v[i].execution_id, OWN_ID))
            world_post(w,
                       (struct cdz_event){
                           .kind = CDZ_EVENT_GATE, .answer = out.answers.v[i].answer, .gate = key},
                       true);
        else if (out.answers.v[i].answer == CDZ_GATE_EVICT)
            cdz_buf_z(&w->trace, "the other one is displaced\n");
    }
}

static void to_gate(struct world *w, const struct cdz_effect *f)
{
    struct cdz_gate_msg msg;
    struct cdz_err err;
    size_t i = 0;
    while (i < w->gate_count && !cdz_str_eq(w->gates[i].key, f->id))
        i++;
    if (i == GATES_MAX || cdz_gate_msg_decode(f->bytes, &msg, &err) != CDZ_OK)
        abort();
    if (i == w->gate_count) {
        w->gates[i].key = cdz_arena_str(w->arena, f->id);
        w->gates[i].gate = cdz_gate_open();
        w->gate_count++;
        if (w->sc->busy) {
            struct cdz_gate_msg before = msg;
            before.execution_id = CDZ_STR("other");
            tell_gate(w, w->gates[i].gate, w->gates[i].key, &before);
        }
    }
    tell_gate(w, w->gates[i].gate, w->gates[i].key, &msg);
}

void world_free_gates(struct world *w)
{
    struct cdz_gate_msg msg = {
        .kind = CDZ_GATE_LEAVE, .execution_id = CDZ_STR("other"), .limit = 1, .at = w->now};
    for (size_t i = 0; i < w->gate_count; i++)
        tell_gate(w, w->gates[i].gate, w->gates[i].key, &msg);
}

static void tell_box(struct world *w, cdz_str key, const struct cdz_signal *msg)
{
    struct cdz_signal_out out;
    size_t i = 0;
    while (i < w->box_count && !cdz_str_eq(w->boxes[i].key, key))
        i++;
    if (i == GATES_MAX)
        abort();
    if (i == w->box_count) {
        w->boxes[i].key = cdz_arena_str(w->arena, key);
        w->boxes[i].box = cdz_signal_box_open();
        w->box_count++;
    }
    cdz_signal_apply(w->boxes[i].box, msg, w->arena, &out);
    for (size_t k = 0; k < out.woken.n; k++)
        world_post(w,
                   (struct cdz_event){.kind = CDZ_EVENT_SIGNAL,
                                      .taskrun = out.woken.v[k].taskrun,
                                      .epoch = out.woken.v[k].epoch,
                                      .started = w->now,
                                      .outputs = cdz_val_copy(w->arena, out.woken.v[k].outputs)},
                   true);
}

void world_signal(struct world *w, cdz_str key)
{
    struct cdz_signal m = {
        .kind = CDZ_SIGNAL_EVENT, .at = w->now, .outputs = world_outputs(w, key)};
    tell_box(w, cdz_signal_key(w->e->namespace_, key, w->arena), &m);
}

static void to_box(struct world *w, const struct cdz_effect *f)
{
    struct cdz_signal msg;
    struct cdz_err err;
    if (cdz_signal_decode(cdz_arena_str(w->arena, f->bytes), w->arena, &msg, &err) != CDZ_OK)
        abort();
    tell_box(w, f->id, &msg);
}

/* --- effects --- */

void world_set_timer(struct world *w, cdz_us at)
{
    size_t i = w->timer_count++;
    if (i == TIMERS_MAX)
        abort();
    for (; i > 0 && w->timers[i - 1] < at; i--) /* the next one last */
        w->timers[i] = w->timers[i - 1];
    w->timers[i] = at;
}

static void put_log(struct world *w, cdz_str bytes)
{
    struct cdz_log_entry l;
    struct cdz_err err;
    if (cdz_log_entry_decode(bytes, &l, &err) == CDZ_OK && l.level >= CDZ_WARN)
        cdz_buf_printf(&w->trace, "log %s %.*s: %.*s\n", cdz_level_names[l.level], CDZ_S(l.task_id),
                       CDZ_S(l.message));
}

static void put_event(struct world *w, const struct cdz_effect *f)
{
    if (cdz_str_starts(f->id, CDZ_STR(CDZ_GATE_PREFIX)))
        to_gate(w, f);
    else if (cdz_str_starts(f->id, CDZ_STR(CDZ_SIGNAL_PREFIX)))
        to_box(w, f);
    else
        tell_other(w, f);
}

void world_effect(struct world *w, const struct cdz_effect *f)
{
    switch (f->kind) {
    case CDZ_EFFECT_JOB:
        answer_job(w, cdz_arena_str(w->arena, f->bytes));
        break;
    case CDZ_EFFECT_KILL:
        answer_kill(w);
        break;
    case CDZ_EFFECT_TIMER:
        world_set_timer(w, f->at);
        break;
    case CDZ_EFFECT_LOG:
        put_log(w, f->bytes);
        break;
    case CDZ_EFFECT_EVENT:
        put_event(w, f);
        break;
    case CDZ_EFFECT_CHILD:
        answer_call(w, f->call);
        break;
    case CDZ_EFFECT_FILE:
        break;
    case CDZ_EFFECT_CREATE:
        cdz_buf_z(&w->trace, "another execution is created\n");
        break;
    case CDZ_EFFECT_ENDED:
        w->ended = true;
        break;
    }
}
