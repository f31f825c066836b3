/*
 * load.c -- the derived bookkeeping of an execution: made when it starts, kept at each begin and
 * end of a task run, and rebuilt from the records after a restart by replaying the same two calls
 * over the task runs in their order.
 */
#include <assert.h>

#include "base/limits.h"
#include "exec/internal.h"

uint64_t cdz_path_add(uint64_t path, cdz_str value)
{
    return (path * 0x9E3779B97F4A7C15u) ^ (cdz_str_hash(value) + 0x7F4A7C15u) ^ (path >> 31);
}

void cdz_index_init(struct cdz_execution *e)
{
    struct cdz_index *x = CDZ_NEW(e->arena, struct cdz_index);
    size_t tasks = e->flow ? e->flow->task_count : 0;
    x->first_of_task = CDZ_NEW_N(e->arena, uint32_t, tasks + 1);
    x->last_of_task = CDZ_NEW_N(e->arena, uint32_t, tasks + 1);
    e->index = x;
}

void cdz_scope_init_root(struct cdz_execution *e)
{
    e->index->root = (struct cdz_scope){
        .taskrun = CDZ_NO_TASKRUN,
        .order = ORDER_SEQUENCE,
        .tasks = &e->flow->tasks,
        .errors = &e->flow->errors,
        .value_count = 1,
    };
}

static const struct cdz_task_list no_tasks;

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

void cdz_scope_init(struct cdz_execution *e, struct cdz_taskrun *t)
{
    struct cdz_scope *s = CDZ_NEW(e->arena, struct cdz_scope);
    s->task = t->task;
    s->taskrun = t->index;
    s->order = order_of(t->task, &s->limit);
    s->tasks = branch_of(t->task, t->outputs);
    s->errors = &t->task->errors;
    s->values = t->values;
    s->value_count = t->values.kind == CDZ_LIST ? (uint32_t)cdz_list_n(t->values) : 1;
    if (s->order == ORDER_CHAINS)
        s->chain_next = CDZ_NEW_N(e->arena, uint32_t, s->value_count);
    if (s->order == ORDER_DAG)
        s->dag_state = CDZ_NEW_N(e->arena, uint8_t, s->tasks->n);
    t->scope = s;
}

struct cdz_scope *cdz_scope_of(struct cdz_execution *e, const struct cdz_taskrun *t)
{
    return t->parent == CDZ_NO_TASKRUN ? &e->index->root : e->taskruns.v[t->parent]->scope;
}

static uint64_t slot_key(const struct cdz_execution *e, uint32_t i)
{
    return e->index->path_hash[i] * 31 + e->taskruns.v[i]->task->number;
}

static void slot_put(struct cdz_execution *e, uint32_t i)
{
    struct cdz_index *x = e->index;
    size_t mask = x->slot_count - 1,
           at = (size_t)(slot_key(e, i) * 0x9E3779B97F4A7C15u >> 20) & mask;
    while (x->slots[at]) {
        uint32_t other = x->slots[at] - 1;
        if (x->path_hash[other] == x->path_hash[i] &&
            e->taskruns.v[other]->task == e->taskruns.v[i]->task)
            break; /* created again (loops, restarts): the later one counts */
        at = (at + 1) & mask;
    }
    x->slots[at] = i + 1;
}

static void room(struct cdz_execution *e)
{
    struct cdz_index *x = e->index;
    size_t n = e->taskruns.n;
    if (n > x->taskrun_cap) {
        size_t cap = x->taskrun_cap ? x->taskrun_cap * 2 : 16;
        while (cap < n)
            cap *= 2;
        x->next_of_task = cdz_arena_grow(e->arena, x->next_of_task,
                                         x->taskrun_cap * sizeof(uint32_t), cap * sizeof(uint32_t));
        x->path_hash = cdz_arena_grow(e->arena, x->path_hash, x->taskrun_cap * sizeof(uint64_t),
                                      cap * sizeof(uint64_t));
        x->taskrun_cap = cap;
    }
    if (n * 2 > x->slot_count) {
        x->slot_count = x->slot_count ? x->slot_count * 2 : 32;
        while (n * 2 > x->slot_count)
            x->slot_count *= 2;
        x->slots = CDZ_NEW_N(e->arena, uint32_t, x->slot_count);
        for (uint32_t i = 0; i + 1 < n; i++) {
            if (e->taskruns.v[i]->task)
                slot_put(e, i);
        }
    }
}

struct cdz_taskrun *cdz_index_find(const struct cdz_execution *e, const struct cdz_task *task,
                                   uint64_t path)
{
    const struct cdz_index *x = e->index;
    if (!x->slot_count)
        return NULL;
    size_t mask = x->slot_count - 1,
           at = (size_t)((path * 31 + task->number) * 0x9E3779B97F4A7C15u >> 20) & mask;
    for (; x->slots[at]; at = (at + 1) & mask) {
        struct cdz_taskrun *t = e->taskruns.v[x->slots[at] - 1];
        if (t->task == task && x->path_hash[t->index] == path)
            return t;
    }
    return NULL;
}

/* Position of a task in its scope's list of normal tasks. */
static uint32_t position(const struct cdz_scope *s, const struct cdz_task *task)
{
    assert(task->index < s->tasks->n && s->tasks->v[task->index] == task);
    return task->index;
}

void cdz_index_begin(struct cdz_execution *e, struct cdz_taskrun *t)
{
    struct cdz_index *x = e->index;
    struct cdz_scope *s = cdz_scope_of(e, t);
    uint32_t i = t->index;
    room(e);
    x->path_hash[i] = t->parent == CDZ_NO_TASKRUN ? 0 : x->path_hash[t->parent];
    if (t->value.p)
        x->path_hash[i] = cdz_path_add(x->path_hash[i], t->value);
    x->next_of_task[i] = 0;
    if (x->last_of_task[t->task->number])
        x->next_of_task[x->last_of_task[t->task->number] - 1] = i + 1;
    else
        x->first_of_task[t->task->number] = i + 1;
    x->last_of_task[t->task->number] = i + 1;
    slot_put(e, i);

    s->live++;
    if (t->task->branch == CDZ_BRANCH_ERRORS) {
        s->errors_begun++;
        return;
    }
    s->begun++;
    if (s->order == ORDER_CHAINS) {
        if (s->chain_next[t->value_index]++ == 0) {
            s->chains_begun++;
            s->chains_live++;
        }
    } else if (s->order == ORDER_DAG) {
        s->dag_state[position(s, t->task)] = 1;
    }
}

void cdz_index_end(struct cdz_execution *e, struct cdz_taskrun *t)
{
    struct cdz_scope *s = cdz_scope_of(e, t);
    enum cdz_state state = cdz_state_now(&t->history);
    assert(s->live > 0);
    s->live--;
    if (t->task->branch == CDZ_BRANCH_ERRORS) {
        s->errors_ended++;
        s->error_failed |= state == CDZ_FAILED;
        return;
    }
    s->ended++;
    s->failed |= state == CDZ_FAILED;
    s->killed |= state == CDZ_KILLED;
    s->warned |= state == CDZ_WARNING;
    if (s->order == ORDER_CHAINS && (s->chain_next[t->value_index] == s->tasks->n || s->failed))
        s->chains_live -= s->chains_live > 0;
    if (s->order == ORDER_DAG)
        s->dag_state[position(s, t->task)] = 2;
}

cdz_rc cdz_exec_load(struct cdz_execution *e, struct cdz_err *err)
{
    assert(e->flow);
    cdz_index_init(e);
    cdz_scope_init_root(e);
    size_t n = e->taskruns.n;
    e->taskruns.n =
        0; /* replayed one by one, so that every lookup grows as it did the first time */
    for (size_t i = 0; i < n; i++) {
        struct cdz_taskrun *t = e->taskruns.v[i];
        e->taskruns.n = i + 1;
        t->task = cdz_flow_task(e->flow, t->task_id);
        if (!t->task || (t->parent != CDZ_NO_TASKRUN && !e->taskruns.v[t->parent]->scope))
            return cdz_fail(err, CDZ_E_CORRUPT,
                            "execution %.*s has a run of task %.*s, which its flow has not",
                            CDZ_S(e->id), CDZ_S(t->task_id));
        cdz_index_begin(e, t);
        if (t->task->type->kind == CDZ_FLOWABLE && cdz_state_now(&t->history) != CDZ_CREATED)
            cdz_scope_init(e, t);
        if (cdz_state_is_terminated(cdz_state_now(&t->history)))
            cdz_index_end(e, t);
        if (cdz_state_now(&t->history) == CDZ_RETRYING)
            CDZ_PUSH(e->arena, &e->index->retrying, t->index);
        if (cdz_state_now(&t->history) == CDZ_KILLING)
            e->index->killing_left++;
    }
    for (size_t i = 0; i < n; i++) {
        struct cdz_taskrun *t = e->taskruns.v[i];
        if (t->scope)
            t->scope->closed = cdz_state_is_terminated(cdz_state_now(&t->history));
    }
    return CDZ_OK;
}
