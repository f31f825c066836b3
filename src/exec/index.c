/*
 * index.c -- lookups over the task runs of a live execution: by task, by task and path of values, and
 * the counts of each scope. Kept at each begin, end and removal of a task run; load.c rebuilds them by
 * making the same calls over the records.
 */
#include <assert.h>

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

struct cdz_scope *cdz_scope_of(struct cdz_execution *e, const struct cdz_taskrun *t)
{
    if (t->parent != CDZ_NO_TASKRUN)
        return e->taskruns.v[t->parent]->scope;
    return t->task->branch == CDZ_BRANCH_LISTENER || t->task->branch == CDZ_BRANCH_AFTER
               ? &e->index->after
               : &e->index->root;
}

static size_t slot_first(const struct cdz_index *x, uint64_t path, uint32_t task)
{
    return (size_t)((path * 31 + task) * 0x9E3779B97F4A7C15u >> 20) & (x->slot_count - 1);
}

static void slot_put(struct cdz_execution *e, uint32_t i)
{
    struct cdz_index *x = e->index;
    const struct cdz_task *task = e->taskruns.v[i]->task;
    size_t at = slot_first(x, x->path_hash[i], task->number);
    while (x->slots[at]) {
        uint32_t other = x->slots[at] - 1;
        if (x->path_hash[other] == x->path_hash[i] && e->taskruns.v[other]->task == task)
            break; /* created again (loops, restarts): the later one counts */
        at = (at + 1) & (x->slot_count - 1);
    }
    x->slots_used += x->slots[at] == 0;
    x->slots[at] = i + 1;
}

/* Room for one more task run, and for one more slot. */
static void room(struct cdz_execution *e)
{
    struct cdz_index *x = e->index;
    size_t n = e->taskruns.n;
    if (n > x->taskrun_cap) {
        size_t cap = x->taskrun_cap ? x->taskrun_cap * 2 : 16, was = x->taskrun_cap;
        while (cap < n)
            cap *= 2;
        x->next_of_task = cdz_arena_grow(e->arena, x->next_of_task, was * sizeof(uint32_t),
                                         cap * sizeof(uint32_t));
        x->prev_of_task = cdz_arena_grow(e->arena, x->prev_of_task, was * sizeof(uint32_t),
                                         cap * sizeof(uint32_t));
        x->path_hash =
            cdz_arena_grow(e->arena, x->path_hash, was * sizeof(uint64_t), cap * sizeof(uint64_t));
        memset(x->path_hash + was, 0, (cap - was) * sizeof(uint64_t));
        x->taskrun_cap = cap;
    }
    if ((x->slots_used + 1) * 2 <= x->slot_count)
        return;
    x->slot_count = x->slot_count ? x->slot_count : 32;
    while (n * 4 > x->slot_count) /* a quarter: outdated ones need room until the next time */
        x->slot_count *= 2;
    x->slots = CDZ_NEW_N(e->arena, uint32_t, x->slot_count);
    x->slots_used = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct cdz_taskrun *t = e->taskruns.v[i];
        if (t->task && !t->gone)
            slot_put(e, i);
    }
}

struct cdz_taskrun *cdz_index_find(const struct cdz_execution *e, const struct cdz_task *task,
                                   uint64_t path)
{
    const struct cdz_index *x = e->index;
    if (!x->slot_count)
        return NULL;
    for (size_t at = slot_first(x, path, task->number); x->slots[at];
         at = (at + 1) & (x->slot_count - 1)) {
        struct cdz_taskrun *t = e->taskruns.v[x->slots[at] - 1];
        if (t->task == task && x->path_hash[t->index] == path)
            return t->gone ? NULL : t;
    }
    return NULL;
}

/* Position of a task in its scope's list of normal tasks. */
static uint32_t position(const struct cdz_scope *s, const struct cdz_task *task)
{
    assert(task->index < s->tasks->n && s->tasks->v[task->index] == task);
    return task->index;
}

static void chain_in(struct cdz_index *x, uint32_t i, uint32_t task)
{
    x->next_of_task[i] = 0;
    x->prev_of_task[i] = x->last_of_task[task];
    if (x->last_of_task[task])
        x->next_of_task[x->last_of_task[task] - 1] = i + 1;
    else
        x->first_of_task[task] = i + 1;
    x->last_of_task[task] = i + 1;
}

static void chain_out(struct cdz_index *x, uint32_t i, uint32_t task)
{
    if (x->prev_of_task[i])
        x->next_of_task[x->prev_of_task[i] - 1] = x->next_of_task[i];
    else
        x->first_of_task[task] = x->next_of_task[i];
    if (x->next_of_task[i])
        x->prev_of_task[x->next_of_task[i] - 1] = x->prev_of_task[i];
    else
        x->last_of_task[task] = x->prev_of_task[i];
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
    chain_in(x, i, t->task->number);
    slot_put(e, i);
    if (s->loop)
        CDZ_PUSH(e->arena, &s->loop->members, i);

    s->live++;
    if (t->task->branch == CDZ_BRANCH_ERRORS) {
        s->errors_begun++;
        return;
    }
    if (t->task->branch == CDZ_BRANCH_FINALLY) {
        s->finals_begun++;
        return;
    }
    if (t->task->branch == CDZ_BRANCH_ON_PAUSE)
        return;
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
    if (t->task->branch == CDZ_BRANCH_FINALLY) {
        s->finals_ended++;
        s->final_failed |= state == CDZ_FAILED;
        return;
    }
    if (t->task->branch == CDZ_BRANCH_ON_PAUSE)
        return;
    s->ended++;
    if (s->after)
        return; /* one listener's failure is not another's */
    if (s->order == ORDER_CHAINS)
        s->chain_ended[t->value_index]++;
    s->failed |= state == CDZ_FAILED;
    s->killed |= state == CDZ_KILLED;
    s->warned |= state == CDZ_WARNING;
    s->skipped |= state == CDZ_SKIPPED || state == CDZ_CANCELLED;
    if (s->order == ORDER_CHAINS && (s->chain_next[t->value_index] == s->tasks->n || s->failed))
        s->chains_live -= s->chains_live > 0;
    if (s->order == ORDER_DAG)
        s->dag_state[position(s, t->task)] = 2;
}

void cdz_index_remove(struct cdz_execution *e, struct cdz_taskrun *t)
{
    chain_out(e->index, t->index, t->task->number);
}
