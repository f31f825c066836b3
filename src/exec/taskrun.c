/*
 * taskrun.c -- the life of one task run.
 *
 *   CREATED ──► RUNNING ──► SUCCESS | WARNING | FAILED | KILLED
 *      │           │  ▲                      │
 *      │ runIf     │  │ due                  │ retry left
 *      ▼           ▼  └───── RETRYING ◄──────┘        RETRIED: replaced by a new execution
 *   SKIPPED     KILLING ──► KILLED (or what the attempt still became)
 *
 * By kind: a RUNNABLE one goes to a worker and waits for its result; an EXECUTABLE one starts other
 * executions and waits for them; an UPDATING one is done on the spot; a FLOWABLE one is a scope.
 */
#include <assert.h>

#include "base/limits.h"
#include "exec/context.h"
#include "exec/internal.h"
#include "model/job.h"

void cdz_taskrun_state(struct step *s, struct cdz_taskrun *t, enum cdz_state state, cdz_us at)
{
    enum cdz_state was = t->history.n ? cdz_state_now(&t->history) : CDZ_CREATED;
    s->e->index->paused -= was == CDZ_PAUSED && state != CDZ_PAUSED;
    s->e->index->paused += was != CDZ_PAUSED && state == CDZ_PAUSED;
    cdz_history_add(&t->history, s->e->arena, state, at);
    cdz_step_touch(s, t);
}

bool cdz_taskrun_is_nested(const struct cdz_taskrun *t)
{
    return t->task->branch == CDZ_BRANCH_TASKS && t->task->parent &&
           t->task->parent->type->flow_kind == CDZ_FLOW_WORKING_DIRECTORY;
}

void cdz_attempt_open(struct step *s, struct cdz_taskrun *t, cdz_us at)
{
    if (t->attempt_count == t->attempt_cap) {
        size_t cap = t->attempt_cap ? t->attempt_cap * 2 : 1;
        t->attempts =
            cdz_arena_grow(s->e->arena, t->attempts, t->attempt_cap * sizeof(*t->attempts),
                           cap * sizeof(*t->attempts));
        memset(t->attempts + t->attempt_cap, 0, (cap - t->attempt_cap) * sizeof(*t->attempts));
        t->attempt_cap = cap;
    }
    struct cdz_attempt *a = &t->attempts[t->attempt_count++];
    a->history.n = 0; /* the room of an earlier turn of a loop is used again */
    a->log_file = CDZ_STR("");
    cdz_history_add(&a->history, s->e->arena, CDZ_CREATED, at);
    cdz_history_add(&a->history, s->e->arena, CDZ_RUNNING, at);
    cdz_step_touch(s, t);
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

void cdz_attempt_close(struct step *s, struct cdz_taskrun *t, enum cdz_state state, cdz_us at)
{
    if (attempt_is_open(t))
        cdz_history_add(&attempt_last(t)->history, s->e->arena, state, at);
}

static void goes_out(struct step *s, struct cdz_taskrun *t)
{
    s->e->index->working += !t->out;
    t->out = true;
}

void cdz_taskrun_is_back(struct step *s, struct cdz_taskrun *t)
{
    s->e->index->working -= t->out;
    t->out = false;
    s->e->index->killing_left -=
        cdz_state_now(&t->history) == CDZ_KILLING && !cdz_taskrun_is_nested(t);
}

void cdz_taskrun_end_as_is(struct step *s, struct cdz_taskrun *t, enum cdz_state state)
{
    struct cdz_scope *scope = cdz_scope_of(s->e, t);
    cdz_taskrun_is_back(s, t);
    if (t->task->type->kind != CDZ_RUNNABLE)
        cdz_attempt_close(s, t, state, cdz_step_now(s));
    if (t->scope)
        t->scope->closed = true;
    t->due_at = 0;
    cdz_taskrun_state(s, t, state, cdz_step_now(s));
    cdz_index_end(s->e, t);
    if (t->task->branch == CDZ_BRANCH_TASKS) /* errors and finally stand in no chain */
        cdz_scope_chain_on(s, scope, t->value_index);
    cdz_scope_push(s, scope);
}

void cdz_taskrun_end(struct step *s, struct cdz_taskrun *t, enum cdz_state state)
{
    if (state == CDZ_FAILED && t->task->allow_failure)
        state = CDZ_WARNING;
    if (state == CDZ_WARNING && t->task->allow_warning)
        state = CDZ_SUCCESS;
    cdz_taskrun_end_as_is(s, t, state);
}

void cdz_taskrun_put_down(struct step *s, struct cdz_taskrun *t, enum cdz_state state)
{
    cdz_taskrun_is_back(s, t);
    cdz_attempt_close(s, t, state, cdz_step_now(s));
    t->epoch++; /* whatever a worker or another execution still sends about it is stale */
    t->due_at = 0;
    if (t->scope)
        t->scope->closed = true;
    cdz_taskrun_state(s, t, state, cdz_step_now(s));
}

void cdz_taskrun_break(struct step *s, struct cdz_taskrun *t, const struct cdz_err *err)
{
    cdz_step_log(s, t, CDZ_ERROR, "%s", err->text);
    if (!attempt_is_open(t))
        cdz_attempt_open(s, t, cdz_step_now(s)); /* every failure shows as an attempt */
    cdz_attempt_close(s, t, CDZ_FAILED, cdz_step_now(s));
    cdz_taskrun_end(s, t, CDZ_FAILED);
}

void cdz_taskrun_became(struct step *s, struct cdz_taskrun *t, enum cdz_state state)
{
    if (state == CDZ_FAILED && cdz_retry_taskrun(s, t))
        return;
    if (state == CDZ_SUCCESS && cdz_retry_warns(s, t))
        state = CDZ_WARNING;
    if (t->task->type->flow_kind == CDZ_FLOW_WORKING_DIRECTORY && cdz_nested_goes_on(s, t, state))
        return;
    cdz_taskrun_end(s, t, state);
}

void cdz_taskrun_output(struct step *s, struct cdz_taskrun *t, const char *name, cdz_val v)
{
    if (t->outputs.kind != CDZ_MAP)
        t->outputs = cdz_val_map(s->e->arena, 2);
    cdz_map_putz(s->e->arena, t->outputs, name, v);
    cdz_step_touch(s, t);
}

void cdz_taskrun_due(struct step *s, struct cdz_taskrun *t, cdz_us at)
{
    t->due_at = at;
    CDZ_PUSH(s->e->arena, &s->e->index->timed, t->index);
    cdz_step_effect(s, CDZ_EFFECT_TIMER, at, s->e->id, CDZ_STR(""));
    cdz_step_touch(s, t);
}

static void send_job(struct step *s, struct cdz_taskrun *t)
{
    struct cdz_execution *e = s->e;
    if (s->scratch)
        cdz_arena_reset(s->scratch);
    else
        s->scratch = cdz_arena_open(4096);
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
        .context = cdz_context_build(e, e->flow, t, t->task->needs, true, s->scratch),
    };
    if (t->task->type->flow_kind == CDZ_FLOW_WORKING_DIRECTORY)
        job.path = cdz_context_path(e, t, s->scratch);
    cdz_buf_reset(&s->buf);
    cdz_job_encode(&job, &s->buf);
    cdz_step_effect(s, CDZ_EFFECT_JOB, 0, e->id, cdz_buf_copy(&s->buf, s->arena));
    struct cdz_effect *f = &s->out->effects.v[s->out->effects.n - 1];
    f->taskrun = t->index;
    f->epoch = t->epoch;
}

static void begin_executable(struct step *s, struct cdz_taskrun *t)
{
    struct cdz_err err;
    cdz_rc rc;
    cdz_attempt_open(s, t, cdz_step_now(s));
    cdz_taskrun_state(s, t, CDZ_RUNNING, cdz_step_now(s));
    if (t->task->type->flow_kind == CDZ_FLOW_ITEMS)
        rc = cdz_items_begin(s, t, &err);
    else if (t->task->type->flow_kind == CDZ_FLOW_WAIT_EVENT)
        rc = cdz_wait_begin(s, t, &err);
    else
        rc = cdz_subflow_begin(s, t, &err);
    if (rc == CDZ_OK)
        return;
    cdz_step_log(s, t, CDZ_ERROR, "%s", err.text);
    cdz_attempt_close(s, t, CDZ_FAILED, cdz_step_now(s));
    cdz_taskrun_became(s, t, CDZ_FAILED);
}

void cdz_taskrun_dispatch(struct step *s, struct cdz_taskrun *t)
{
    t->epoch++;
    t->due_at = 0;
    cdz_step_touch(s, t);
    switch (t->task->type->kind) {
    case CDZ_EXECUTABLE:
        goes_out(s, t);
        begin_executable(s, t);
        break;
    case CDZ_UPDATING:
        cdz_attempt_open(s, t, cdz_step_now(s));
        cdz_taskrun_state(s, t, CDZ_RUNNING, cdz_step_now(s));
        cdz_update_begin(s, t);
        break;
    case CDZ_FLOWABLE: /* begun anew after a restart */
        cdz_attempt_open(s, t, cdz_step_now(s));
        cdz_taskrun_state(s, t, CDZ_RUNNING, cdz_step_now(s));
        cdz_flowable_begin(s, t);
        break;
    case CDZ_RUNNABLE:
    case CDZ_TRIGGER:
    case CDZ_CONDITION:
    case CDZ_TASK_RUNNER:
        goes_out(s, t);
        t->hidden = CDZ_VAL_NULL;
        if (t->scope) /* WorkingDirectory: what an earlier attempt has begun is taken away */
            cdz_loop_clear(s, t->scope);
        else if (t->task->type->flow_kind == CDZ_FLOW_WORKING_DIRECTORY)
            cdz_scope_init(s->e, t);
        send_job(s, t);
        break;
    }
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

/* A place: that of a run that is gone, where the scope has one, or a new one at the end. */
static struct cdz_taskrun *place(struct cdz_execution *e, struct cdz_scope *loop)
{
    if (loop && loop->free_at < loop->free.n) {
        struct cdz_taskrun *t = e->taskruns.v[loop->free.v[loop->free_at++]];
        struct cdz_taskrun was = *t;
        *t = (struct cdz_taskrun){
            .index = was.index,
            .epoch = was.epoch + 1, /* results of the run that stood here stay stale */
            .attempts = was.attempts,
            .attempt_cap = was.attempt_cap,
            .history = {.v = was.history.v, .cap = was.history.cap},
        };
        return t;
    }
    struct cdz_taskrun *t = CDZ_NEW(e->arena, struct cdz_taskrun);
    t->index = (uint32_t)e->taskruns.n;
    CDZ_PUSH(e->arena, &e->taskruns, t);
    return t;
}

struct cdz_taskrun *cdz_taskrun_new(struct step *s, struct cdz_scope *scope,
                                    const struct cdz_task *task, cdz_str id)
{
    struct cdz_taskrun *t = place(s->e, scope->loop);
    t->parent = scope->taskrun;
    t->id = id.n ? cdz_arena_str(s->e->arena, id) : cdz_id_new(&s->rng, s->e->arena);
    t->task = task;
    t->task_id = task->id;
    if (scope->task && scope->task->type->flow_kind == CDZ_FLOW_LOOP)
        t->iteration =
            (int)cdz_map_getz(s->e->taskruns.v[scope->taskrun]->outputs, "iterationCount").i;
    return t;
}

void cdz_taskrun_begin(struct step *s, struct cdz_scope *scope, const struct cdz_task *task,
                       uint32_t value_index)
{
    struct cdz_execution *e = s->e;
    struct cdz_taskrun *t = cdz_taskrun_new(s, scope, task, CDZ_STR(""));
    struct cdz_err err;
    bool run;
    s->begun++;
    if (scope->values.kind == CDZ_LIST && task->branch != CDZ_BRANCH_ERRORS &&
        task->branch != CDZ_BRANCH_FINALLY) {
        t->value = cdz_val_str(cdz_list_at(scope->values, value_index));
        t->value_index = value_index;
    }
    cdz_taskrun_state(s, t, CDZ_CREATED, cdz_step_now(s));
    cdz_index_begin(e, t);
    if (check_run_if(s, t, &run, &err) != CDZ_OK) {
        cdz_taskrun_break(s, t, &err);
    } else if (!run) {
        cdz_taskrun_end(s, t, CDZ_SKIPPED);
    } else {
        cdz_taskrun_dispatch(s, t);
    }
}

void cdz_taskrun_running(struct step *s, struct cdz_taskrun *t)
{
    if (cdz_state_now(&t->history) != CDZ_CREATED && cdz_state_now(&t->history) != CDZ_RESTARTED)
        return;
    cdz_attempt_open(s, t, s->ev->started);
    cdz_taskrun_state(s, t, CDZ_RUNNING, s->ev->started);
}

void cdz_taskrun_result(struct step *s, struct cdz_taskrun *t)
{
    const struct cdz_event *ev = s->ev;
    enum cdz_state state = ev->state, was = cdz_state_now(&t->history);
    if (!attempt_is_open(t))
        cdz_attempt_open(s, t, ev->started);
    attempt_last(t)->log_file = cdz_arena_str(s->e->arena, ev->log_file);
    cdz_attempt_close(s, t, state, ev->ended);
    if (was == CDZ_CREATED || was == CDZ_RESTARTED)
        cdz_taskrun_state(s, t, CDZ_RUNNING, ev->started);
    if (ev->outputs.kind == CDZ_MAP)
        t->outputs = cdz_val_copy(s->e->arena, ev->outputs);
    cdz_step_touch(s, t);
    if (t->scope)
        cdz_nested_over(s, t);
    if (was == CDZ_KILLING) {
        cdz_taskrun_end(s, t, state == CDZ_KILLED || state == CDZ_FAILED ? CDZ_KILLED : state);
        cdz_kill_advance(s);
        return;
    }
    cdz_taskrun_became(s, t, state);
}
