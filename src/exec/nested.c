/*
 * nested.c -- the tasks inside a WorkingDirectory. They share a directory of one worker, so the worker
 * runs them one after another as a single job and tells of each; their task runs are made here when
 * they are first heard of. A new attempt takes those of the one before away.
 */
#include "exec/internal.h"

static struct cdz_taskrun *find(struct step *s, const struct cdz_scope *scope, cdz_str id)
{
    for (size_t i = scope->members.n; i-- > 0;) {
        struct cdz_taskrun *t = s->e->taskruns.v[scope->members.v[i]];
        if (cdz_str_eq(t->id, id))
            return t;
    }
    return NULL;
}

void cdz_nested_event(struct step *s, struct cdz_taskrun *parent)
{
    const struct cdz_event *ev = s->ev;
    const struct cdz_task *task = cdz_flow_task_below(s->e->flow, parent->task, ev->task_id);
    if (!parent->scope || !task)
        return;
    struct cdz_taskrun *t = find(s, parent->scope, ev->nested_id);
    if (!t) {
        t = cdz_taskrun_new(s, parent->scope, task, ev->nested_id);
        cdz_taskrun_state(s, t, CDZ_CREATED, ev->started);
        cdz_index_begin(s->e, t);
    }
    if (cdz_state_is_terminated(cdz_state_now(&t->history)))
        return; /* told twice */
    if (cdz_state_now(&parent->history) == CDZ_CREATED ||
        cdz_state_now(&parent->history) == CDZ_RESTARTED)
        cdz_taskrun_running(s, parent); /* its first task tells that it runs */
    enum cdz_state now = cdz_state_now(&t->history);
    if (ev->state != CDZ_SKIPPED && (now == CDZ_CREATED || now == CDZ_RETRYING)) {
        cdz_attempt_open(s, t, ev->started);
        cdz_taskrun_state(s, t, CDZ_RUNNING, ev->started);
    }
    if (ev->state == CDZ_RETRYING) { /* the worker waits, and tries again */
        cdz_attempt_close(s, t, CDZ_FAILED, ev->ended);
        cdz_taskrun_state(s, t, CDZ_RETRYING, ev->ended);
    }
    if (!cdz_state_is_terminated(ev->state))
        return;
    cdz_attempt_close(s, t, ev->state, ev->ended);
    if (t->attempt_count)
        t->attempts[t->attempt_count - 1].log_file = cdz_arena_str(s->e->arena, ev->log_file);
    if (ev->outputs.kind == CDZ_MAP)
        t->outputs = cdz_val_copy(s->e->arena, ev->outputs);
    enum cdz_state state = ev->state;
    if (state == CDZ_FAILED && task->allow_failure)
        state = CDZ_WARNING;
    if (state == CDZ_WARNING && task->allow_warning)
        state = CDZ_SUCCESS;
    cdz_taskrun_state(s, t, state, ev->ended);
    cdz_index_end(s->e, t);
}

void cdz_nested_over(struct step *s, struct cdz_taskrun *parent)
{
    struct cdz_scope *scope = parent->scope;
    for (size_t i = 0; i < scope->members.n; i++) {
        struct cdz_taskrun *t = s->e->taskruns.v[scope->members.v[i]];
        if (t->gone || cdz_state_is_terminated(cdz_state_now(&t->history)))
            continue;
        cdz_taskrun_put_down(s, t, CDZ_KILLED);
        cdz_index_end(s->e, t);
    }
}

enum cdz_state cdz_nested_became(const struct cdz_taskrun *t)
{
    cdz_val over = cdz_map_getz(t->hidden, "over");
    enum cdz_state state;
    return over.kind == CDZ_TEXT && cdz_state_parse(cdz_val_str(over), &state) ? state
                                                                               : CDZ_RUNNING;
}

bool cdz_nested_goes_on(struct step *s, struct cdz_taskrun *t, enum cdz_state state)
{
    bool errors = state == CDZ_FAILED && t->task->errors.n > 0;
    if (!errors && t->task->finals.n == 0)
        return false;
    cdz_taskrun_is_back(s, t);
    t->hidden = cdz_val_map(s->e->arena, 1);
    cdz_map_putz(s->e->arena, t->hidden, "over", cdz_val_z(cdz_state_name(state)));
    t->scope->passive = false;
    t->scope->failed = state == CDZ_FAILED;
    t->scope->warned = state == CDZ_WARNING;
    t->scope->killed = state == CDZ_KILLED;
    cdz_step_touch(s, t);
    cdz_scope_push(s, t->scope);
    return true;
}
