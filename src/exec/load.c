/*
 * load.c -- the scopes of an execution: made when it or a flowable starts, and rebuilt from the
 * records after a restart by replaying the begin and the end of each task run in their order.
 */
#include <assert.h>

#include "base/limits.h"
#include "exec/internal.h"

static const struct cdz_task_list no_tasks;

void cdz_scope_init_root(struct cdz_execution *e)
{
    e->index->root = (struct cdz_scope){
        .taskrun = CDZ_NO_TASKRUN,
        .order = ORDER_SEQUENCE,
        .tasks = &e->flow->tasks,
        .errors = &e->flow->errors,
        .finals = &e->flow->finals,
        .value_count = 1,
    };
}

void cdz_scope_init_after(struct cdz_execution *e)
{
    struct cdz_task_list *to = &e->index->after_tasks;
    const struct cdz_flow *flow = e->flow;
    size_t n = flow->after.n;
    for (size_t i = 0; i < flow->listener_count; i++)
        n += flow->listeners[i].tasks.n;
    *to = (struct cdz_task_list){CDZ_NEW_N(e->arena, struct cdz_task *, n), 0};
    if (e->after_lists.kind == CDZ_LIST) {
        CDZ_LIST_EACH (v, e->after_lists) {
            if (v->kind != CDZ_INT || v->i < 0 || (size_t)v->i >= flow->listener_count)
                continue; /* the flow has been changed since: it cannot be run any more */
            const struct cdz_task_list *from = &flow->listeners[v->i].tasks;
            for (size_t k = 0; k < from->n; k++)
                to->v[to->n++] = from->v[k];
        }
    }
    for (size_t k = 0; k < flow->after.n; k++)
        to->v[to->n++] = flow->after.v[k];
    e->index->after = (struct cdz_scope){
        .taskrun = CDZ_NO_TASKRUN,
        .order = ORDER_SEQUENCE,
        .tasks = to,
        .errors = &no_tasks,
        .finals = &no_tasks,
        .value_count = 1,
        .after = true,
    };
}

/* The list that If and Switch have chosen, told by the outputs they got when they began. */
static const struct cdz_task_list *branch_of(const struct cdz_task *task, cdz_val outputs)
{
    switch (task->type->flow_kind) {
    case CDZ_FLOW_IF:
        return cdz_map_getz(outputs, "evaluationResult").b ? &task->tasks : &task->else_;
    case CDZ_FLOW_SWITCH: {
        cdz_val value = cdz_map_getz(outputs, "value");
        for (size_t i = 0; value.kind == CDZ_TEXT && i < task->case_count; i++) {
            if (cdz_str_eq(task->cases[i].name, cdz_val_str(value)))
                return &task->cases[i].tasks;
        }
        return &task->defaults;
    }
    case CDZ_FLOW_NONE:
        return &no_tasks;
    case CDZ_FLOW_SEQUENTIAL:
    case CDZ_FLOW_PARALLEL:
    case CDZ_FLOW_ALLOW_FAILURE:
    case CDZ_FLOW_DAG:
    case CDZ_FLOW_EACH_SEQUENTIAL:
    case CDZ_FLOW_EACH_PARALLEL:
    case CDZ_FLOW_FOR_EACH:
    case CDZ_FLOW_FOR_EACH_ITEM:
    case CDZ_FLOW_PAUSE:
    case CDZ_FLOW_LOOP:
    case CDZ_FLOW_TEMPLATE:
    default:
        break;
    }
    return &task->tasks;
}

static enum scope_order order_of(const struct cdz_task *task, uint32_t *limit)
{
    cdz_val n =
        cdz_map_getz(task->props, task->type->flow_kind == CDZ_FLOW_FOR_EACH ? "concurrencyLimit"
                                                                             : "concurrent");
    *limit = n.kind == CDZ_INT && n.i > 0 ? (uint32_t)n.i : 0;
    switch (task->type->flow_kind) {
    case CDZ_FLOW_PARALLEL:
    case CDZ_FLOW_EACH_PARALLEL:
        return ORDER_ALL;
    case CDZ_FLOW_DAG:
        return ORDER_DAG;
    case CDZ_FLOW_FOR_EACH:
        return *limit == 1 ? ORDER_SEQUENCE : ORDER_CHAINS;
    case CDZ_FLOW_NONE:
    case CDZ_FLOW_SEQUENTIAL:
    case CDZ_FLOW_ALLOW_FAILURE:
    case CDZ_FLOW_SWITCH:
    case CDZ_FLOW_IF:
    case CDZ_FLOW_EACH_SEQUENTIAL:
    case CDZ_FLOW_FOR_EACH_ITEM:
    case CDZ_FLOW_PAUSE:
    case CDZ_FLOW_LOOP:
    case CDZ_FLOW_TEMPLATE:
    default:
        break;
    }
    return ORDER_SEQUENCE;
}

static bool is_loop(const struct cdz_task *task)
{
    return task->type->flow_kind == CDZ_FLOW_LOOP ||
           task->type->flow_kind == CDZ_FLOW_WORKING_DIRECTORY;
}

void cdz_scope_init(struct cdz_execution *e, struct cdz_taskrun *t)
{
    struct cdz_scope *s = CDZ_NEW(e->arena, struct cdz_scope);
    s->task = t->task;
    s->taskrun = t->index;
    s->order = order_of(t->task, &s->limit);
    s->tasks = branch_of(t->task, t->outputs);
    s->errors = &t->task->errors;
    s->finals = &t->task->finals;
    s->values = t->values;
    s->value_count = t->values.kind == CDZ_LIST ? (uint32_t)cdz_list_n(t->values) : 1;
    if (t->task->type->flow_kind == CDZ_FLOW_WORKING_DIRECTORY) {
        enum cdz_state became = cdz_nested_became(t);
        s->passive = became == CDZ_RUNNING;
        s->failed = became == CDZ_FAILED;
        s->warned = became == CDZ_WARNING;
        s->killed = became == CDZ_KILLED;
    }
    if (s->order == ORDER_CHAINS) {
        s->chain_next = CDZ_NEW_N(e->arena, uint32_t, s->value_count);
        s->chain_ended = CDZ_NEW_N(e->arena, uint32_t, s->value_count);
    }
    if (s->order == ORDER_DAG)
        s->dag_state = CDZ_NEW_N(e->arena, uint8_t, s->tasks->n);
    s->loop = is_loop(t->task) ? s : cdz_scope_of(e, t)->loop;
    t->scope = s;
}

static bool has_scope(const struct cdz_taskrun *t)
{
    if (t->task->type->flow_kind == CDZ_FLOW_WORKING_DIRECTORY)
        return true;
    return t->task->type->kind == CDZ_FLOWABLE && cdz_state_now(&t->history) != CDZ_CREATED;
}

/* Puts one record back; the state it is in tells what it counts for. */
static cdz_rc load_one(struct cdz_execution *e, struct cdz_taskrun *t, struct cdz_err *err)
{
    struct cdz_index *x = e->index;
    enum cdz_state state = cdz_state_now(&t->history);
    const struct cdz_task *above =
        t->parent == CDZ_NO_TASKRUN ? NULL : e->taskruns.v[t->parent]->task;
    t->task = cdz_flow_task_below(e->flow, above, t->task_id);
    t->scope = NULL;
    if (t->gone)
        return CDZ_OK; /* its parent's place may be another's by now */
    if (!t->task || (t->parent != CDZ_NO_TASKRUN && !e->taskruns.v[t->parent]->scope))
        return cdz_fail(err, CDZ_E_CORRUPT,
                        "execution %.*s has a run of task %.*s, which its flow has not",
                        CDZ_S(e->id), CDZ_S(t->task_id));
    cdz_index_begin(e, t);
    if (has_scope(t))
        cdz_scope_init(e, t);
    if (cdz_state_is_terminated(state))
        cdz_index_end(e, t);
    else if (t->due_at)
        CDZ_PUSH(e->arena, &x->timed, t->index);
    x->killing_left += state == CDZ_KILLING && !cdz_taskrun_is_nested(t);
    x->paused += state == CDZ_PAUSED;
    /* What was with a worker is dispatched again by RECOVER; another execution still answers. */
    t->out =
        t->task->type->kind == CDZ_EXECUTABLE && (state == CDZ_RUNNING || state == CDZ_KILLING);
    x->working += t->out;
    return CDZ_OK;
}

cdz_rc cdz_exec_load(struct cdz_execution *e, struct cdz_err *err)
{
    assert(e->flow);
    cdz_index_init(e);
    cdz_scope_init_root(e);
    cdz_scope_init_after(e);
    size_t n = e->taskruns.n;
    e->taskruns.n =
        0; /* replayed one by one, so that every lookup grows as it did the first time */
    for (size_t i = 0; i < n; i++) {
        e->taskruns.n = i + 1;
        CDZ_TRY(load_one(e, e->taskruns.v[i], err));
    }
    for (size_t i = 0; i < n; i++) {
        struct cdz_taskrun *t = e->taskruns.v[i];
        if (t->scope)
            t->scope->closed = cdz_state_is_terminated(cdz_state_now(&t->history));
    }
    e->index->root.closed = cdz_state_is_terminated(cdz_state_now(&e->history));
    return CDZ_OK;
}
