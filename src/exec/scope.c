/*
 * scope.c -- what begins next inside a scope, and when the scope is done. One function per order;
 * the list `todo` of the step takes the place of recursion, so that a sequence of 100,000 skipped
 * tasks needs no stack.
 */
#include <assert.h>

#include "exec/internal.h"

void cdz_scope_push(struct step *s, struct cdz_scope *scope)
{
    if (scope->queued || scope->closed || scope->passive)
        return;
    scope->queued = true;
    CDZ_PUSH(s->arena, &s->todo, scope);
}

/* Whether anything of the scope may begin now. */
static bool may_advance(const struct step *s, const struct cdz_scope *c)
{
    enum cdz_state state = cdz_state_now(&s->e->history);
    if (c->closed || c->passive || (s->e->held && !c->after))
        return false;
    bool ended = cdz_state_is_terminated(state);
    if (state == CDZ_KILLING || (ended && (!s->e->after || s->e->index->killing_since)))
        return false;
    if (c->taskrun == CDZ_NO_TASKRUN)
        return ended || (state != CDZ_CREATED && state != CDZ_QUEUED);
    const struct cdz_taskrun *t = s->e->taskruns.v[c->taskrun];
    return !t->due_at && cdz_state_now(&t->history) != CDZ_PAUSED;
}

static bool full(const struct cdz_scope *c)
{
    return c->limit > 0 && c->live >= c->limit;
}

/* False: the step has begun enough; the scope goes on with the next one. */
static bool may_begin_more(struct step *s, struct cdz_scope *c)
{
    if (s->begun < STEP_BEGINS_MAX && !c->unfilled) /* its turn comes: not with every result */
        return true;
    if (!c->unfilled) {
        c->unfilled = true;
        CDZ_PUSH(s->e->arena, &s->e->index->unfilled, c);
    }
    return false;
}

void cdz_scope_fill_more(struct step *s)
{
    struct cdz_index *x = s->e->index;
    for (size_t i = 0; i < x->unfilled.n; i++) {
        x->unfilled.v[i]->unfilled = false;
        cdz_scope_push(s, x->unfilled.v[i]);
    }
    x->unfilled.n = 0;
}

static void fill_sequence(struct step *s, struct cdz_scope *c)
{
    uint64_t cells = (uint64_t)c->tasks->n * c->value_count;
    while (c->live == 0 && !c->failed && c->begun < cells && may_advance(s, c))
        cdz_taskrun_begin(s, c, c->tasks->v[c->begun % c->tasks->n],
                          (uint32_t)(c->begun / c->tasks->n));
}

static void fill_all(struct step *s, struct cdz_scope *c)
{
    uint64_t cells = (uint64_t)c->tasks->n * c->value_count;
    while (!full(c) && !c->failed && c->begun < cells && may_advance(s, c) && may_begin_more(s, c))
        cdz_taskrun_begin(s, c, c->tasks->v[c->begun % c->tasks->n],
                          (uint32_t)(c->begun / c->tasks->n));
}

/* The next task of one chain, after the one before has ended. */
static void fill_chain(struct step *s, struct cdz_scope *c, uint32_t value)
{
    while (!c->failed && c->chain_next[value] < c->tasks->n && may_advance(s, c)) {
        uint32_t before = c->live;
        cdz_taskrun_begin(s, c, c->tasks->v[c->chain_next[value]], value);
        if (c->live > before)
            return; /* it lives; otherwise it was skipped and the chain goes on */
    }
}

static void fill_chains(struct step *s, struct cdz_scope *c)
{
    if (c->tasks->n == 0)
        return;
    for (uint32_t i = 0; c->stalled && i < c->value_count; i++) {
        if (c->chain_next[i] > 0 && c->chain_ended[i] == c->chain_next[i])
            fill_chain(s, c, i);
    }
    c->stalled = false;
    while (!c->failed && c->chains_begun < c->value_count &&
           (c->limit == 0 || c->chains_live < c->limit) && may_advance(s, c) &&
           may_begin_more(s, c))
        fill_chain(s, c, c->chains_begun);
}

static bool dag_ready(const struct cdz_scope *c, uint32_t i)
{
    const struct cdz_dag_deps *deps = &c->task->deps[i];
    for (size_t k = 0; k < deps->n; k++) {
        if (c->dag_state[deps->v[k]] != 2)
            return false;
    }
    return true;
}

static void fill_dag(struct step *s, struct cdz_scope *c)
{
    bool again = true;
    while (again && may_advance(s, c)) {
        again = false;
        for (uint32_t i = 0; i < c->tasks->n && !full(c) && !c->failed && may_advance(s, c); i++) {
            if (c->dag_state[i] != 0 || !dag_ready(c, i))
                continue;
            cdz_taskrun_begin(s, c, c->tasks->v[i], 0);
            again |= c->dag_state[i] == 2; /* skipped at once: others may be ready now */
        }
    }
}

/* Errors run one after another, but side by side where the normal tasks do: as the original. */
static void fill_errors(struct step *s, struct cdz_scope *c)
{
    bool side_by_side = c->order == ORDER_ALL || c->order == ORDER_DAG;
    while (c->errors_begun < c->errors->n && may_advance(s, c)) {
        uint32_t errors_live = c->errors_begun - c->errors_ended;
        if (side_by_side ? full(c) : errors_live > 0)
            return;
        cdz_taskrun_begin(s, c, c->errors->v[c->errors_begun], 0);
    }
}

/* Nothing of tasks and errors is left to run. */
static bool main_is_done(const struct cdz_scope *c)
{
    if (c->live > 0)
        return false;
    if (c->failed)
        return c->errors_ended == c->errors->n;
    return c->ended == (uint64_t)c->tasks->n * c->value_count;
}

/* One after another, whatever became of the rest; a failed one ends the list. */
static void fill_finals(struct step *s, struct cdz_scope *c)
{
    while (c->live == 0 && !c->final_failed && c->finals_begun < c->finals->n && may_advance(s, c))
        cdz_taskrun_begin(s, c, c->finals->v[c->finals_begun], 0);
}

static bool is_done(const struct cdz_scope *c)
{
    return c->live == 0 && (c->final_failed || c->finals_ended == c->finals->n);
}

static enum cdz_state final_state(const struct cdz_scope *c)
{
    if (c->killed)
        return CDZ_KILLED;
    if (c->final_failed)
        return CDZ_FAILED;
    if (c->task && c->task->type->flow_kind == CDZ_FLOW_ALLOW_FAILURE)
        return c->error_failed ? CDZ_FAILED : c->failed || c->warned ? CDZ_WARNING : CDZ_SUCCESS;
    return c->failed ? CDZ_FAILED : c->warned ? CDZ_WARNING : CDZ_SUCCESS;
}

static void close_scope(struct step *s, struct cdz_scope *c)
{
    enum cdz_state state = final_state(c);
    struct cdz_taskrun *t = c->taskrun == CDZ_NO_TASKRUN ? NULL : s->e->taskruns.v[c->taskrun];
    if (t && t->task->type->flow_kind == CDZ_FLOW_LOOP && cdz_loop_turn(s, t, &state))
        return;
    c->closed = true;
    if (t)
        cdz_taskrun_end(s, t, state);
    else if (c->after)
        cdz_execution_over(s);
    else
        cdz_execution_finish(s, state);
}

static void advance(struct step *s, struct cdz_scope *c)
{
    if (!may_advance(s, c))
        return;
    switch (c->order) {
    case ORDER_SEQUENCE:
        fill_sequence(s, c);
        break;
    case ORDER_ALL:
        fill_all(s, c);
        break;
    case ORDER_CHAINS:
        fill_chains(s, c);
        break;
    case ORDER_DAG:
        fill_dag(s, c);
        break;
    }
    if (!may_advance(s, c))
        return; /* what has begun may have ended or stopped everything: Exit, a broken expression */
    if (c->failed)
        fill_errors(s, c);
    if (main_is_done(c) || c->finals_begun > 0)
        fill_finals(s, c);
    if (is_done(c) && (main_is_done(c) || c->finals_begun > 0) && may_advance(s, c))
        close_scope(s, c);
}

void cdz_scope_run(struct step *s)
{
    for (size_t i = 0; i < s->todo.n;
         i++) { /* grows meanwhile; first come, first served: children begin in order */
        struct cdz_scope *c = s->todo.v[i];
        c->queued = false;
        advance(s, c);
    }
    s->todo.n = 0;
}

void cdz_scope_chain_on(struct step *s, struct cdz_scope *c, uint32_t value)
{
    if (c->order == ORDER_CHAINS && may_advance(s, c))
        fill_chain(s, c, value);
}
