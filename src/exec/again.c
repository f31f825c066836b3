/*
 * again.c -- restart in place or with another revision, and the change of a state.
 * reference/execution.md §12.
 */
#include "exec/again_marks.h"

static bool anew(const struct again *a, uint32_t i)
{
    const struct cdz_task *task = a->task[i];
    return !again_is_flowable(task) || again_state_of(a->e->taskruns.v[i]) == CDZ_FAILED ||
           (again_is_each(task) && again_is_other_revision(a));
}

/*
 * A flowable that failed by itself begins anew: its children are those of the try before. So does
 * one over values in another revision.
 */
static void drop_below_failed(struct again *a)
{
    for (size_t i = 0; i < a->e->taskruns.n; i++) {
        const struct cdz_taskrun *t = a->e->taskruns.v[i];
        if (a->mark[i] == OPEN && again_is_each(a->task[i]) && again_is_other_revision(a))
            a->mark[i] = AGAIN;
        if (t->parent != CDZ_NO_TASKRUN &&
            (a->mark[t->parent] == DROP || (a->mark[t->parent] == AGAIN && anew(a, t->parent))))
            a->mark[i] = DROP;
    }
}

cdz_rc cdz_exec_restart(struct cdz_execution *e, cdz_str new_id, struct cdz_rng *rng, cdz_us now,
                        struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    enum cdz_state state = cdz_state_now(&e->history);
    struct again a;
    if (!cdz_state_is_terminated(state) && state != CDZ_PAUSED)
        return cdz_fail(err, CDZ_E_CONFLICT,
                        "Execution must be terminated to be restarted, current state is '%s' !",
                        cdz_state_name(state));
    again_begin(&a, e, arena);
    if (new_id.n)
        again_drop_moved(&a);
    else
        CDZ_TRY(again_check_still(&a, err));
    /* With another revision a failed task may be gone: the execution goes on where it stood. */
    if (!again_mark_unfinished(&a, true) && !(new_id.n && state == CDZ_FAILED))
        return cdz_fail(err, CDZ_E_INVALID, "No task found to restart execution from!");
    a.root_open = true;
    drop_below_failed(&a);
    again_drop_rest(&a, NULL);
    again_apply(&a, CDZ_RESTARTED, now);
    e->attempt_number++;
    if (new_id.n) {
        again_rename_all(&a, new_id, rng);
        e->flow_revision = e->flow->revision;
    }
    return CDZ_OK;
}

cdz_rc cdz_exec_set_state(struct cdz_execution *e, cdz_str taskrun_id, enum cdz_state state,
                          cdz_us now, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct again a;
    enum cdz_state old = cdz_state_now(&e->history);
    uint32_t t = again_find_taskrun(e, taskrun_id);
    if (t == CDZ_NO_TASKRUN)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "Task run not found: %.*s", CDZ_S(taskrun_id));
    if (!cdz_state_is_terminated(old) && old != CDZ_PAUSED)
        return cdz_fail(err, CDZ_E_CONFLICT,
                        "Execution must be terminated or paused to change the state of a task run, "
                        "current state is '%s'",
                        cdz_state_name(old));
    if (!cdz_state_is_terminated(state) && state != CDZ_CREATED && state != CDZ_RESTARTED)
        return cdz_fail(
            err, CDZ_E_INVALID,
            "state: `%s` is not a state that a task run can be given: a terminal state, "
            "CREATED or RESTARTED",
            cdz_state_name(state));
    again_begin(&a, e, arena);
    CDZ_TRY(again_check_still(&a, err));
    if (a.mark[t] == DROP)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "the flow has no task '%.*s'",
                        CDZ_S(e->taskruns.v[t]->task_id));
    again_open_above(&a, e->taskruns.v[t]);
    a.mark[t] = cdz_state_is_terminated(state) ? SET : AGAIN;
    for (size_t i = 0; i < e->taskruns.n; i++) { /* below a flowable nothing may be alive */
        const struct cdz_taskrun *r = e->taskruns.v[i];
        if (r->parent == CDZ_NO_TASKRUN || a.mark[i] == DROP)
            continue;
        bool below = r->parent == t || a.mark[r->parent] == SET;
        if (a.mark[r->parent] == DROP ||
            (below && (a.mark[t] == AGAIN || !cdz_state_is_terminated(again_state_of(r)))))
            a.mark[i] = DROP;
    }
    again_drop_rest(&a, e->taskruns.v[t]);
    again_apply(&a, state, now);
    e->attempt_number++;
    return CDZ_OK;
}

cdz_rc cdz_exec_change_status(struct cdz_execution *e, enum cdz_state state, cdz_us now,
                              struct cdz_err *err)
{
    enum cdz_state old = cdz_state_now(&e->history);
    if (!cdz_state_is_terminated(state))
        return cdz_fail(err, CDZ_E_INVALID,
                        "status: `%s` is not a terminal state: a change of status runs nothing",
                        cdz_state_name(state));
    if (!cdz_state_is_terminated(old))
        return cdz_fail(err, CDZ_E_INVALID,
                        "Only the status of a terminated execution can be changed, current state "
                        "is '%s'",
                        cdz_state_name(old));
    cdz_history_add(&e->history, e->arena, state, now);
    e->version++;
    return CDZ_OK;
}
