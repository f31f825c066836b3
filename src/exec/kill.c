/*
 * kill.c -- a kill: nothing new begins, running attempts are told to stop, and the execution is
 * KILLED once they have. Workers answer within their grace; one that is gone does not hold the
 * execution for ever (KILL_PATIENCE).
 */
#include "base/time.h"
#include "exec/internal.h"

#define KILL_PATIENCE (60 * CDZ_SECOND)

/* Terminates a task run without telling its scope: the whole execution is ending. */
static void put_down(struct step *s, struct cdz_taskrun *t)
{
    struct cdz_attempt *a = t->attempt_count ? &t->attempts[t->attempt_count - 1] : NULL;
    if (a && !cdz_state_is_terminated(cdz_state_now(&a->history)))
        cdz_history_add(&a->history, s->e->arena, CDZ_KILLED, cdz_step_now(s));
    t->epoch++; /* whatever a worker still sends about it is stale */
    t->due_at = 0;
    cdz_history_add(&t->history, s->e->arena, CDZ_KILLED, cdz_step_now(s));
    cdz_step_touch(s, t);
}

void cdz_kill_begin(struct step *s)
{
    struct cdz_execution *e = s->e;
    enum cdz_state state = cdz_state_now(&e->history);
    if (cdz_state_is_terminated(state) || state == CDZ_KILLING)
        return;
    cdz_step_state(s, CDZ_KILLING);
    e->index->killing_since = cdz_step_now(s);
    cdz_step_effect(s, CDZ_EFFECT_KILL, 0, e->id, CDZ_STR(""));
    for (size_t i = 0; i < e->taskruns.n; i++) {
        struct cdz_taskrun *t = e->taskruns.v[i];
        enum cdz_state now = cdz_state_now(&t->history);
        if (cdz_state_is_terminated(now) || t->task->type->kind == CDZ_FLOWABLE)
            continue;
        if (now == CDZ_RUNNING) {
            cdz_history_add(&t->history, e->arena, CDZ_KILLING, cdz_step_now(s));
            cdz_step_touch(s, t);
            e->index->killing_left++;
        } else {
            put_down(s, t);
        }
    }
    e->index->retrying.n = 0;
    if (e->index->killing_left > 0)
        cdz_step_effect(s, CDZ_EFFECT_TIMER, cdz_step_now(s) + KILL_PATIENCE, e->id, CDZ_STR(""));
    cdz_kill_advance(s);
}

void cdz_kill_advance(struct step *s)
{
    struct cdz_execution *e = s->e;
    if (cdz_state_now(&e->history) != CDZ_KILLING || e->index->killing_left > 0)
        return;
    for (size_t i = e->taskruns.n; i-- > 0;) { /* children first */
        if (!cdz_state_is_terminated(cdz_state_now(&e->taskruns.v[i]->history)))
            put_down(s, e->taskruns.v[i]);
    }
    cdz_execution_finish(s, CDZ_KILLED);
}

void cdz_kill_force(struct step *s)
{
    struct cdz_index *x = s->e->index;
    if (cdz_state_now(&s->e->history) != CDZ_KILLING ||
        cdz_step_now(s) < x->killing_since + KILL_PATIENCE)
        return;
    x->killing_left = 0;
    cdz_kill_advance(s);
}
