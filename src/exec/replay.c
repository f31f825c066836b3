/*
 * replay.c -- another execution that takes over what ran before a task run. reference/execution.md
 * §12.
 */
#include "exec/again_marks.h"

/* DAG: task waits for other, directly or not. seen: by index, so that each is visited once. */
static bool dag_waits_for(const struct cdz_task *dag, uint32_t task, uint32_t other, bool *seen)
{
    const struct cdz_dag_deps *deps = &dag->deps[task];
    for (size_t i = 0; i < deps->n; i++) {
        if (deps->v[i] == other)
            return true;
        if (seen[deps->v[i]])
            continue;
        seen[deps->v[i]] = true;
        if (dag_waits_for(dag, deps->v[i], other, seen))
            return true;
    }
    return false;
}

/* Two children of one flowable (dag NULL: of the flow): x could only begin after t had ended. */
static bool is_successor(const struct again *a, const struct cdz_task *above,
                         const struct cdz_taskrun *x, const struct cdz_taskrun *t)
{
    const struct cdz_task *of_x = a->task[x->index], *of_t = a->task[t->index];
    if (!again_is_normal(of_t) ||
        !again_is_normal(of_x)) /* errors and the like: one after another */
        return of_x->branch == of_t->branch && x->index > t->index;
    if (!above)
        return x->index > t->index;
    enum cdz_flow_kind kind = above->type->flow_kind;
    if (kind == CDZ_FLOW_PARALLEL || kind == CDZ_FLOW_EACH_PARALLEL)
        return false;
    if (kind == CDZ_FLOW_DAG) {
        bool *seen = CDZ_NEW_N(a->arena, bool, above->tasks.n + 1);
        return dag_waits_for(above, of_x->index, of_t->index, seen);
    }
    if (kind == CDZ_FLOW_FOR_EACH && x->value_index != t->value_index) {
        cdz_val n = cdz_map_getz(above->props, "concurrencyLimit");
        if (n.kind == CDZ_INT && n.i != 1)
            return false; /* side by side */
    }
    return x->index > t->index;
}

/* Drops what ran because t, or one above it, had ended; and everything below t. */
static void drop_successors(struct again *a, uint32_t t)
{
    struct cdz_taskrun **v = a->e->taskruns.v;
    size_t n = a->e->taskruns.n;
    for (uint32_t cur = t; cur != CDZ_NO_TASKRUN; cur = v[cur]->parent) {
        uint32_t parent = v[cur]->parent;
        const struct cdz_task *above = parent == CDZ_NO_TASKRUN ? NULL : a->task[parent];
        for (size_t i = 0; i < n; i++) {
            if (i != cur && v[i]->parent == parent && a->mark[i] == KEEP &&
                is_successor(a, above, v[i], v[cur]))
                a->mark[i] = DROP;
        }
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t parent = v[i]->parent;
        if (parent != CDZ_NO_TASKRUN && (parent == t || a->mark[parent] == DROP))
            a->mark[i] = DROP;
    }
}

/* Nothing is kept: as if it had just been made. */
static void replay_all(struct again *a, cdz_us now)
{
    struct cdz_execution *e = a->e;
    e->taskruns.n = 0;
    again_forget_end(e);
    e->history = (struct cdz_history){0};
    e->forced = false; /* it is new: limits hold for it */
    e->variables = CDZ_VAL_NULL;
    e->schedule_date = 0;
    cdz_history_add(&e->history, e->arena, CDZ_CREATED, now);
}

cdz_rc cdz_exec_replay(struct cdz_execution *e, cdz_str new_id, cdz_str taskrun_id,
                       struct cdz_rng *rng, cdz_us now, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct again a;
    uint32_t t = CDZ_NO_TASKRUN;
    if (taskrun_id.n && (t = again_find_taskrun(e, taskrun_id)) == CDZ_NO_TASKRUN)
        return cdz_fail(err, CDZ_E_INVALID, "No task found to restart execution from!");
    again_begin(&a, e, arena);
    if (t == CDZ_NO_TASKRUN) {
        replay_all(&a, now);
    } else {
        if (a.mark[t] == DROP)
            return cdz_fail(err, CDZ_E_INVALID,
                            "No task found to restart execution from: the flow has no task '%.*s'",
                            CDZ_S(e->taskruns.v[t]->task_id));
        if (again_is_other_revision(&a))
            again_drop_moved(&a);
        if (a.mark[t] == DROP)
            return cdz_fail(err, CDZ_E_INVALID,
                            "No task found to restart execution from: task '%.*s' stands elsewhere "
                            "in revision %d",
                            CDZ_S(e->taskruns.v[t]->task_id), e->flow->revision);
        for (uint32_t p = t; p != CDZ_NO_TASKRUN; p = e->taskruns.v[p]->parent) {
            uint32_t above = e->taskruns.v[p]->parent;
            bool whole = again_is_made_by_worker(&a, e->taskruns.v[p]) ||
                         (above != CDZ_NO_TASKRUN && again_is_each(a.task[above]) &&
                          again_is_other_revision(&a));
            if (whole) /* it can only run with the task above it */
                t = above;
        }
        drop_successors(&a, t);
        a.mark[t] = AGAIN;
        (void)again_mark_unfinished(&a,
                                    false); /* a copy of what still runs: that runs again, too */
        again_open_above(&a, e->taskruns.v[t]);
        again_drop_rest(&a, e->taskruns.v[t]);
        again_apply(&a, CDZ_RESTARTED, now);
    }
    again_rename_all(&a, new_id, rng);
    e->flow_revision = e->flow->revision;
    return CDZ_OK;
}
