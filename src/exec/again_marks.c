/* again_marks.c -- what happens to each task run when an execution runs again: see again_marks.h. */
#include "exec/again_marks.h"

enum cdz_state again_state_of(const struct cdz_taskrun *t)
{
    return cdz_state_now(&t->history);
}

bool again_is_flowable(const struct cdz_task *task)
{
    return task && task->type->kind == CDZ_FLOWABLE;
}

/* Below a runnable task (WorkingDirectory) stand task runs that its worker has made. */
bool again_is_made_by_worker(const struct again *a, const struct cdz_taskrun *t)
{
    return t->parent != CDZ_NO_TASKRUN && !again_is_flowable(a->task[t->parent]);
}

bool again_is_normal(const struct cdz_task *task)
{
    switch (task->branch) {
    case CDZ_BRANCH_TASKS:
    case CDZ_BRANCH_ELSE:
    case CDZ_BRANCH_DEFAULTS:
    case CDZ_BRANCH_CASE:
    case CDZ_BRANCH_ON_PAUSE:
        return true;
    case CDZ_BRANCH_ERRORS:
    case CDZ_BRANCH_FINALLY:
    case CDZ_BRANCH_AFTER:
    case CDZ_BRANCH_LISTENER:
        break;
    }
    return false;
}

void again_begin(struct again *a, struct cdz_execution *e, struct cdz_arena *arena)
{
    size_t n = e->taskruns.n;
    *a = (struct again){.e = e, .arena = arena};
    a->mark = CDZ_NEW_N(arena, enum mark, n);
    a->task = CDZ_NEW_N(arena, const struct cdz_task *, n);
    for (size_t i = 0; i < n; i++) {
        const struct cdz_taskrun *t = e->taskruns.v[i];
        a->task[i] = cdz_flow_task_below(
            e->flow, t->parent == CDZ_NO_TASKRUN ? NULL : a->task[t->parent], t->task_id);
        if (t->gone || !a->task[i] || (t->parent != CDZ_NO_TASKRUN && a->mark[t->parent] == DROP))
            a->mark[i] = DROP; /* removed before; or the other revision has no such task */
    }
}

cdz_rc again_check_still(const struct again *a, struct cdz_err *err)
{
    const struct cdz_execution *e = a->e;
    enum cdz_state state = cdz_state_now(&e->history);
    if (cdz_state_is_terminated(state) && !e->after)
        return CDZ_OK;
    for (size_t i = 0; i < e->taskruns.n; i++) {
        const struct cdz_taskrun *t = e->taskruns.v[i];
        enum cdz_state now = again_state_of(t);
        if (t->gone || cdz_state_is_terminated(now) || now == CDZ_PAUSED || now == CDZ_RETRYING ||
            (again_is_flowable(a->task[i]) && !cdz_state_is_terminated(state)))
            continue;
        return cdz_fail(err, CDZ_E_CONFLICT,
                        "Execution is %s, but task '%.*s' is still %s: wait for it, or kill it",
                        cdz_state_name(state), CDZ_S(t->task_id), cdz_state_name(now));
    }
    return CDZ_OK;
}

/* Opens the scopes above a task run that is run again or set. */
void again_open_above(struct again *a, const struct cdz_taskrun *t)
{
    a->root_open = true;
    for (uint32_t p = t->parent; p != CDZ_NO_TASKRUN; p = a->e->taskruns.v[p]->parent) {
        if (a->mark[p] == KEEP)
            a->mark[p] = again_is_flowable(a->task[p]) ? OPEN : AGAIN;
    }
}

static bool scope_is_open(const struct again *a, const struct cdz_taskrun *t)
{
    return t->parent == CDZ_NO_TASKRUN ? a->root_open : a->mark[t->parent] == OPEN;
}

/* Drops what is below the dropped, below a worker's task that runs again, and what an open scope
 * ran at its end; but for the runs of `spare`'s own list that stand before it (it is run again). */
void again_drop_rest(struct again *a, const struct cdz_taskrun *spare)
{
    for (size_t i = 0; i < a->e->taskruns.n; i++) {
        const struct cdz_taskrun *t = a->e->taskruns.v[i];
        if (a->mark[i] == DROP)
            continue;
        enum mark above = t->parent == CDZ_NO_TASKRUN ? KEEP : a->mark[t->parent];
        bool spared = false;
        for (const struct cdz_taskrun *s = spare; s && !spared;
             s = s->parent == CDZ_NO_TASKRUN ? NULL : a->e->taskruns.v[s->parent])
            spared = s->parent == t->parent && t->index <= s->index &&
                     a->task[s->index]->branch == a->task[i]->branch &&
                     a->task[s->index]->case_number == a->task[i]->case_number;
        if (above == DROP || (above == AGAIN && again_is_made_by_worker(a, t)) ||
            (!again_is_normal(a->task[i]) && scope_is_open(a, t) && !spared))
            a->mark[i] = DROP;
    }
}

/* What a flowable had chosen when it began is forgotten: it begins anew. */
static void begin_anew(struct cdz_taskrun *t)
{
    t->outputs = CDZ_VAL_NULL;
    t->values = CDZ_VAL_NULL;
}

/* Flowables that run again with nothing kept below them begin anew, the others go on. */
static void settle_flowables(struct again *a)
{
    size_t n = a->e->taskruns.n;
    bool *has_children = CDZ_NEW_N(a->arena, bool, n);
    for (size_t i = n; i-- > 0;) {
        struct cdz_taskrun *t = a->e->taskruns.v[i];
        if (a->mark[i] == DROP)
            continue;
        if (t->parent != CDZ_NO_TASKRUN)
            has_children[t->parent] = true;
        if (a->mark[i] == AGAIN && again_is_flowable(a->task[i]) && has_children[i])
            a->mark[i] = OPEN;
        else if (a->mark[i] == OPEN && !has_children[i])
            a->mark[i] = AGAIN;
    }
}

static void run_again(struct again *a, struct cdz_taskrun *t, cdz_us now)
{
    struct cdz_attempt *last = t->attempt_count ? &t->attempts[t->attempt_count - 1] : NULL;
    if (last && !cdz_state_is_terminated(cdz_state_now(&last->history)))
        cdz_history_add(&last->history, a->e->arena, CDZ_KILLED, now); /* it was given up */
    if (again_is_flowable(a->task[t->index]))
        begin_anew(t);
    t->hidden = CDZ_VAL_NULL;
    cdz_history_add(&t->history, a->e->arena, CDZ_RESTARTED, now);
}

/* A slot that keeps its index and shows nothing. */
static void remove_taskrun(struct cdz_taskrun *t)
{
    t->gone = true;
    t->attempt_count = 0;
    t->outputs = CDZ_VAL_NULL;
    t->values = CDZ_VAL_NULL;
    t->hidden = CDZ_VAL_NULL;
}

/* Of the run before. It begins without asking limits again, as the original's restarts do; one that
 * has not ended keeps the places it has, to leave them at its end. */
void again_forget_end(struct cdz_execution *e)
{
    e->outputs = CDZ_VAL_NULL;
    e->after_lists = CDZ_VAL_NULL;
    if (cdz_state_is_terminated(cdz_state_now(&e->history)))
        e->gate_count = e->gates_passed = 0;
    e->forced = true;
    e->held = e->after = e->sla_violated = false;
    e->end_as = CDZ_CREATED;
}

void again_apply(struct again *a, enum cdz_state set, cdz_us now)
{
    settle_flowables(a);
    for (size_t i = 0; i < a->e->taskruns.n; i++) {
        struct cdz_taskrun *t = a->e->taskruns.v[i];
        switch (a->mark[i]) {
        case KEEP:
            continue;
        case OPEN:
            cdz_history_add(&t->history, a->e->arena, CDZ_RUNNING, now);
            break;
        case AGAIN:
            run_again(a, t, now);
            break;
        case SET:
            if (t->attempt_count)
                cdz_history_add(&t->attempts[t->attempt_count - 1].history, a->e->arena, set, now);
            cdz_history_add(&t->history, a->e->arena, set, now);
            break;
        case DROP:
            remove_taskrun(t);
            break;
        }
        t->due_at = 0;
    }
    again_forget_end(a->e);
    cdz_history_add(&a->e->history, a->e->arena, CDZ_RESTARTED, now);
    a->e->version++;
}

/* Another execution: what is dropped leaves no slot, everything has an id of its own. */
void again_rename_all(struct again *a, cdz_str new_id, struct cdz_rng *rng)
{
    struct cdz_execution *e = a->e;
    uint32_t *moved = CDZ_NEW_N(a->arena, uint32_t, e->taskruns.n), n = 0;
    e->parent_id = e->id;
    if (!e->original_id.p)
        e->original_id = e->id;
    e->id = cdz_arena_str(e->arena, new_id);
    e->version = 1;
    e->gate_count = e->gates_passed = 0;
    e->answer_to = (struct cdz_answer_to){0}; /* who called the old one has its answer */
    for (size_t i = 0; i < e->taskruns.n; i++) {
        struct cdz_taskrun *t = e->taskruns.v[i];
        if (t->gone)
            continue;
        moved[i] = n;
        t->index = n;
        t->id = cdz_id_new(rng, e->arena);
        t->epoch = 0;
        if (t->parent != CDZ_NO_TASKRUN)
            t->parent = moved[t->parent];
        e->taskruns.v[n++] = t;
    }
    e->taskruns.n = n;
}

/* Walks over values or rounds: where its children stand depends on the length of its list. */
bool again_is_each(const struct cdz_task *task)
{
    enum cdz_flow_kind kind = task->type->flow_kind;
    return kind == CDZ_FLOW_EACH_SEQUENTIAL || kind == CDZ_FLOW_EACH_PARALLEL ||
           kind == CDZ_FLOW_FOR_EACH || kind == CDZ_FLOW_FOR_EACH_ITEM || kind == CDZ_FLOW_LOOP;
}

bool again_is_other_revision(const struct again *a)
{
    return a->e->flow->revision != a->e->flow_revision;
}

/* Both stand in the same list of the same task. */
static bool is_same_list(const struct cdz_task *x, const struct cdz_task *y)
{
    return x->parent == y->parent && x->branch == y->branch && x->case_number == y->case_number;
}

/*
 * Another revision may have put other tasks before those that ran. A scope counts its children, so
 * only those are kept that are where the new flow has them, and nothing behind the first that is
 * not.
 */
void again_drop_moved(struct again *a)
{
    size_t n = a->e->taskruns.n;
    uint32_t *last = CDZ_NEW_N(a->arena, uint32_t, n + 1); /* by scope ([n]: the root): the normal
                                                              child kept last, + 1 */
    bool *moved = CDZ_NEW_N(a->arena, bool, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct cdz_taskrun *t = a->e->taskruns.v[i];
        size_t scope = t->parent == CDZ_NO_TASKRUN ? n : t->parent;
        const struct cdz_task *task = a->task[i], *above = scope == n ? NULL : a->task[scope];
        if (t->gone)
            continue;
        if (scope < n && a->mark[scope] == DROP) {
            a->mark[i] = DROP;
            continue;
        }
        bool fits = task && !task->disabled && task->parent == above && !moved[scope];
        if (fits && again_is_normal(task) && task->branch != CDZ_BRANCH_ON_PAUSE) {
            const struct cdz_task *before = last[scope] ? a->task[last[scope] - 1] : NULL;
            bool counted =
                !above || (above->type->flow_kind != CDZ_FLOW_DAG && !again_is_each(above));
            if (before)
                fits = is_same_list(task, before) && (!counted || task->index == before->index + 1);
            else
                fits = !counted || task->index == 0;
            last[scope] = (uint32_t)i + 1;
        }
        if (!fits) {
            moved[scope] = true;
            a->mark[i] = DROP;
        }
    }
}

/* To run again: what waits, what was left without an end, and (failed) what failed. */
bool again_mark_unfinished(struct again *a, bool failed)
{
    bool any = false;
    for (size_t i = a->e->taskruns.n; i-- > 0;) {
        const struct cdz_taskrun *t = a->e->taskruns.v[i];
        if (a->mark[i] == DROP || (cdz_state_is_terminated(again_state_of(t)) &&
                                   !(failed && again_state_of(t) == CDZ_FAILED)))
            continue;
        any = true;
        again_open_above(a, t);
        if (a->mark[i] == KEEP) /* a flowable: no child of it runs again, it failed by itself */
            a->mark[i] = AGAIN;
    }
    return any;
}

uint32_t again_find_taskrun(const struct cdz_execution *e, cdz_str id)
{
    for (uint32_t i = 0; i < e->taskruns.n; i++) {
        if (!e->taskruns.v[i]->gone && cdz_str_eq(e->taskruns.v[i]->id, id))
            return i;
    }
    return CDZ_NO_TASKRUN;
}
