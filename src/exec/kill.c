/*
 * kill.c -- the execution is stopped before its end: a user's kill, a violated SLA, an Exit task.
 * Nothing new begins, running attempts are told to stop, and it ends (KILLED, or what is asked for)
 * once they have. Workers answer within their grace; one that is gone does not hold the execution for
 * ever (KILL_PATIENCE).
 */
#include "base/time.h"
#include "exec/internal.h"

#define KILL_PATIENCE (60 * CDZ_SECOND)

/* Tells it to stop; what need not be waited for is down at once. */
static void stop(struct step *s, struct cdz_taskrun *t, bool cascade)
{
    enum cdz_state now = cdz_state_now(&t->history);
    if (t->gone || cdz_state_is_terminated(now) || now == CDZ_KILLING ||
        t->task->type->kind == CDZ_FLOWABLE || cdz_taskrun_is_nested(t))
        return;
    bool wait = now == CDZ_RUNNING && cdz_nested_became(t) == CDZ_RUNNING;
    bool alone = t->task->type->flow_kind == CDZ_FLOW_WAIT_EVENT; /* it has started nothing */
    if (t->task->type->kind == CDZ_EXECUTABLE)
        wait = (cascade || alone) && cdz_child_kill(s, t) && wait;
    if (!wait) {
        cdz_taskrun_put_down(s, t, CDZ_KILLED);
        return;
    }
    t->due_at = 0;
    cdz_taskrun_state(s, t, CDZ_KILLING, cdz_step_now(s));
    s->e->index->killing_left++;
}

void cdz_kill_begin(struct step *s, enum cdz_state end_as, bool cascade)
{
    struct cdz_execution *e = s->e;
    enum cdz_state state = cdz_state_now(&e->history);
    if ((cdz_state_is_terminated(state) && !e->after) || state == CDZ_KILLING ||
        e->index->killing_since)
        return;
    e->index->killing_since = cdz_step_now(s);
    if (!e->after) {
        e->end_as = cdz_state_is_terminated(end_as) ? end_as : CDZ_KILLED;
        e->held = false;
        cdz_step_state(s, CDZ_KILLING);
    }
    cdz_step_effect(s, CDZ_EFFECT_KILL, 0, e->id, CDZ_STR(""));
    for (size_t i = 0; i < e->taskruns.n; i++)
        stop(s, e->taskruns.v[i], cascade);
    if (e->index->killing_left > 0)
        cdz_step_effect(s, CDZ_EFFECT_TIMER, cdz_step_now(s) + KILL_PATIENCE, e->id, CDZ_STR(""));
    cdz_kill_advance(s);
}

void cdz_kill_advance(struct step *s)
{
    struct cdz_execution *e = s->e;
    bool killing = cdz_state_now(&e->history) == CDZ_KILLING;
    if ((!killing && !(e->after && e->index->killing_since)) || e->index->killing_left > 0)
        return;
    for (size_t i = e->taskruns.n; i-- > 0;) { /* children first */
        struct cdz_taskrun *t = e->taskruns.v[i];
        if (!t->gone && !cdz_state_is_terminated(cdz_state_now(&t->history)))
            cdz_taskrun_put_down(s, t, CDZ_KILLED);
    }
    if (killing) {
        e->index->root.closed = true;
        cdz_execution_finish(s, e->end_as);
    } else {
        e->index->after.closed = true;
        cdz_execution_over(s);
    }
}

void cdz_kill_force(struct step *s)
{
    struct cdz_index *x = s->e->index;
    if (!x->killing_since || cdz_step_now(s) < x->killing_since + KILL_PATIENCE)
        return;
    for (size_t i = 0; i < s->e->taskruns.n && x->killing_left > 0; i++) {
        struct cdz_taskrun *t = s->e->taskruns.v[i];
        if (!t->gone && cdz_state_now(&t->history) == CDZ_KILLING)
            cdz_taskrun_put_down(s, t, CDZ_KILLED);
    }
    cdz_kill_advance(s);
}
