/*
 * taskrun.c -- the life of one task run.
 *
 *   CREATED ──► RUNNING ──► SUCCESS | WARNING | FAILED | KILLED
 *      │           │  ▲                      │
 *      │ runIf     │  │ due                  │ retry left
 *      ▼           ▼  └───── RETRYING ◄──────┘        RETRIED: replaced by a new execution
 *   SKIPPED     KILLING ──► KILLED (or what the attempt still became)
 */
#include <assert.h>

#include "base/limits.h"
#include "exec/context.h"
#include "exec/internal.h"
#include "model/job.h"

static void add_state(struct step *s, struct cdz_taskrun *t, enum cdz_state state, cdz_us at)
{
    cdz_history_add(&t->history, s->e->arena, state, at);
    cdz_step_touch(s, t);
}

static struct cdz_attempt *attempt_open(struct step *s, struct cdz_taskrun *t, cdz_us at)
{
    if (t->attempt_count == t->attempt_cap) {
        size_t cap = t->attempt_cap ? t->attempt_cap * 2 : 1;
        t->attempts =
            cdz_arena_grow(s->e->arena, t->attempts, t->attempt_cap * sizeof(*t->attempts),
                           cap * sizeof(*t->attempts));
        t->attempt_cap = cap;
    }
    struct cdz_attempt *a = &t->attempts[t->attempt_count++];
    *a = (struct cdz_attempt){0};
    cdz_history_add(&a->history, s->e->arena, CDZ_CREATED, at);
    cdz_history_add(&a->history, s->e->arena, CDZ_RUNNING, at);
    return a;
}

static struct cdz_attempt *attempt_last(struct cdz_taskrun *t)
{
    return t->attempt_count ? &t->attempts[t->attempt_count - 1] : NULL;
}

static bool attempt_is_open(struct cdz_taskrun *t)
{
    struct cdz_attempt *a = attempt_last(t);
    return a && !cdz_state_is_terminated(cdz_state_now(&a->history));
}

void cdz_taskrun_end(struct step *s, struct cdz_taskrun *t, enum cdz_state state)
{
    struct cdz_scope *scope = cdz_scope_of(s->e, t);
    bool flowable = t->task->type->kind == CDZ_FLOWABLE;
    if (state == CDZ_FAILED && t->task->allow_failure)
        state = CDZ_WARNING;
    if (state == CDZ_WARNING && t->task->allow_warning)
        state = CDZ_SUCCESS;
    if (flowable && attempt_is_open(t))
        cdz_history_add(&attempt_last(t)->history, s->e->arena, state, cdz_step_now(s));
    if (t->scope)
        t->scope->closed = true;
    add_state(s, t, state, cdz_step_now(s));
    cdz_index_end(s->e, t);
    cdz_scope_chain_on(s, scope, t->value_index);
    cdz_scope_push(s, scope);
}

void cdz_taskrun_break(struct step *s, struct cdz_taskrun *t, const struct cdz_err *err)
{
    cdz_step_log(s, t, CDZ_ERROR, "%s", err->text);
    if (!attempt_is_open(t))
        (void)attempt_open(s, t, cdz_step_now(s)); /* every failure shows as an attempt */
    cdz_history_add(&attempt_last(t)->history, s->e->arena, CDZ_FAILED, cdz_step_now(s));
    cdz_taskrun_end(s, t, CDZ_FAILED);
}

void cdz_taskrun_dispatch(struct step *s, struct cdz_taskrun *t)
{
    struct cdz_execution *e = s->e;
    t->epoch++;
    cdz_step_touch(s, t);
    struct cdz_job job = {
        .execution_id = e->id,
        .namespace_ = e->namespace_,
        .flow_id = e->flow_id,
        .flow_revision = e->flow_revision,
        .taskrun_id = t->id,
        .task_id = t->task_id,
        .parent_id =
            t->parent == CDZ_NO_TASKRUN ? (cdz_str){NULL, 0} : e->taskruns.v[t->parent]->id,
        .value = t->value,
        .taskrun_index = t->index,
        .epoch = t->epoch,
        .attempt = (int)t->attempt_count,
        .dispatched = cdz_step_now(s),
        .context = cdz_context_build(e, e->flow, t, t->task->needs, true, s->arena),
    };
    cdz_buf_reset(&s->buf);
    cdz_job_encode(&job, &s->buf);
    cdz_step_effect(s, CDZ_EFFECT_JOB, 0, e->id, cdz_buf_copy(&s->buf, s->arena));
}

/* CDZ_OK and *ret_run false: to be skipped. */
static cdz_rc check_run_if(struct step *s, struct cdz_taskrun *t, bool *ret_run,
                           struct cdz_err *err)
{
    cdz_val rendered;
    *ret_run = true;
    if (cdz_val_is_null(t->task->run_if))
        return CDZ_OK;
    CDZ_TRY(cdz_step_render(s, t, t->task->run_if, &rendered, err));
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    cdz_expr_print(&text, rendered);
    *ret_run = cdz_truthy(cdz_buf_get(&text));
    return CDZ_OK;
}

void cdz_taskrun_begin(struct step *s, struct cdz_scope *scope, const struct cdz_task *task,
                       uint32_t value_index)
{
    struct cdz_execution *e = s->e;
    struct cdz_taskrun *t = CDZ_NEW(e->arena, struct cdz_taskrun);
    struct cdz_err err;
    bool run;
    t->index = (uint32_t)e->taskruns.n;
    t->parent = scope->taskrun;
    t->id = cdz_id_new(&s->rng, e->arena);
    t->task = task;
    t->task_id = task->id;
    if (scope->values.kind == CDZ_LIST && task->branch != CDZ_BRANCH_ERRORS) {
        t->value = cdz_val_str(cdz_list_at(scope->values, value_index));
        t->value_index = value_index;
    }
    CDZ_PUSH(e->arena, &e->taskruns, t);
    add_state(s, t, CDZ_CREATED, cdz_step_now(s));
    cdz_index_begin(e, t);
    if (check_run_if(s, t, &run, &err) != CDZ_OK) {
        cdz_taskrun_break(s, t, &err);
        return;
    }
    if (!run) {
        cdz_taskrun_end(s, t, CDZ_SKIPPED);
        return;
    }
    if (task->type->kind == CDZ_FLOWABLE) {
        add_state(s, t, CDZ_RUNNING, cdz_step_now(s));
        (void)attempt_open(s, t, cdz_step_now(s));
        cdz_flowable_begin(s, t);
    } else {
        cdz_taskrun_dispatch(s, t);
    }
}

void cdz_taskrun_running(struct step *s, struct cdz_taskrun *t)
{
    if (cdz_state_now(&t->history) != CDZ_CREATED)
        return;
    (void)attempt_open(s, t, s->ev->started);
    add_state(s, t, CDZ_RUNNING, s->ev->started);
}

void cdz_taskrun_result(struct step *s, struct cdz_taskrun *t)
{
    const struct cdz_event *ev = s->ev;
    enum cdz_state state = ev->state;
    bool was_killing = cdz_state_now(&t->history) == CDZ_KILLING;
    if (!attempt_is_open(t))
        (void)attempt_open(s, t, ev->started);
    cdz_history_add(&attempt_last(t)->history, s->e->arena, state, ev->ended);
    attempt_last(t)->log_file = cdz_arena_str(s->e->arena, ev->log_file);
    if (cdz_state_now(&t->history) == CDZ_CREATED)
        add_state(s, t, CDZ_RUNNING, ev->started);
    if (ev->outputs.kind == CDZ_MAP)
        t->outputs = cdz_val_copy(s->e->arena, ev->outputs);
    if (was_killing) {
        s->e->index->killing_left--;
        cdz_taskrun_end(s, t, state == CDZ_KILLED || state == CDZ_FAILED ? CDZ_KILLED : state);
        cdz_kill_advance(s);
        return;
    }
    if (state == CDZ_FAILED && cdz_retry_taskrun(s, t))
        return;
    if (state == CDZ_SUCCESS && cdz_retry_warns(s, t))
        state = CDZ_WARNING;
    cdz_taskrun_end(s, t, state);
}
