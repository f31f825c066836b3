/* step.c -- takes an event apart and hands it on; gathers what was touched. */
#include "exec/step.h"

#include <assert.h>
#include <stdarg.h>

#include "base/time.h"
#include "exec/context.h"
#include "exec/internal.h"
#include "expr/lib.h"

void cdz_step_touch(struct step *s, const struct cdz_taskrun *t)
{
    if (t->index >= s->touched_n) {
        size_t n = s->touched_n ? s->touched_n * 2 : 64;
        while (n <= t->index)
            n *= 2;
        uint8_t *more = CDZ_NEW_N(s->arena, uint8_t, n / 8);
        if (s->touched_n)
            memcpy(more, s->touched, s->touched_n / 8);
        s->touched = more;
        s->touched_n = n;
    }
    uint8_t bit = (uint8_t)(1u << (t->index % 8));
    if (s->touched[t->index / 8] & bit)
        return;
    s->touched[t->index / 8] |= bit;
    CDZ_PUSH(s->arena, &s->out->taskruns, t->index);
}

void cdz_step_state(struct step *s, enum cdz_state state)
{
    cdz_history_add(&s->e->history, s->e->arena, state, cdz_step_now(s));
    s->out->head = true;
}

void cdz_step_effect(struct step *s, enum cdz_effect_kind kind, cdz_us at, cdz_str id,
                     cdz_str bytes)
{
    bool elsewhere = kind == CDZ_EFFECT_EVENT || kind == CDZ_EFFECT_CREATE ||
                     kind == CDZ_EFFECT_CHILD || kind == CDZ_EFFECT_FILE;
    struct cdz_effect f = {.kind = kind, .at = at, .id = id, .bytes = bytes};
    if (elsewhere) /* effects outlive the execution that ends in this step */
        f.id = cdz_arena_str(s->arena, id);
    CDZ_PUSH(s->arena, &s->out->effects, f);
}

void cdz_step_log(struct step *s, const struct cdz_taskrun *t, enum cdz_level level,
                  const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cdz_str message = cdz_arena_vprintf(s->arena, fmt, ap);
    va_end(ap);
    struct cdz_log_entry l = {
        .namespace_ = s->e->namespace_,
        .flow_id = s->e->flow_id,
        .execution_id = s->e->id,
        .task_id = t ? t->task_id : CDZ_STR(""),
        .taskrun_id = t ? t->id : CDZ_STR(""),
        .attempt = t ? (t->attempt_count ? (int)t->attempt_count - 1 : 0) : -1,
        .at = cdz_step_now(s),
        .level = level,
        .thread = CDZ_STR("executor"),
        .message = message,
    };
    cdz_buf_reset(&s->buf);
    cdz_log_entry_encode(&l, &s->buf);
    cdz_step_effect(s, CDZ_EFFECT_LOG, 0, s->e->id, cdz_buf_copy(&s->buf, s->arena));
}

void cdz_step_event(struct step *s, cdz_str key, const struct cdz_event *ev)
{
    cdz_buf_reset(&s->buf);
    cdz_event_encode(ev, CDZ_STR(""), &s->buf);
    cdz_step_effect(s, CDZ_EFFECT_EVENT, 0, key, cdz_buf_copy(&s->buf, s->arena));
}

void cdz_step_env(struct step *s, const struct cdz_taskrun *t, const struct cdz_needs *needs,
                  cdz_val extra, struct cdz_map_env *ret)
{
    cdz_val vars = cdz_context_build(s->e, s->e->flow, t, needs, false, s->arena);
    if (s->env->reveal)
        vars = s->env->reveal(s->env->world_ctx, s->e->flow, vars, s->arena);
    if (s->env->globals.kind == CDZ_MAP)
        cdz_map_putz(s->arena, vars, "globals", s->env->globals);
    cdz_map_putz(s->arena, vars, "envs",
                 s->env->envs.kind == CDZ_MAP ? s->env->envs : cdz_val_map(s->arena, 0));
    if (extra.kind == CDZ_MAP) {
        CDZ_MAP_EACH (x, extra)
            cdz_map_put(s->arena, vars, x->key, x->val);
    }
    cdz_map_env_init(ret, vars);
    ret->env.world = s->env->world;
    ret->env.world_ctx = s->env->world_ctx;
    ret->env.zone = s->env->zone;
    ret->env.recursive = s->env->recursive;
}

cdz_rc cdz_step_render(struct step *s, const struct cdz_taskrun *t, cdz_val v, cdz_val *ret,
                       struct cdz_err *err)
{
    bool plain = v.kind == CDZ_TEXT && cdz_str_chr(cdz_val_str(v), '{', 0) == SIZE_MAX;
    if (plain ||
        (v.kind != CDZ_TEXT && v.kind != CDZ_TEMPLATE && v.kind != CDZ_LIST && v.kind != CDZ_MAP)) {
        *ret = v; /* nothing to evaluate: no context is built */
        return CDZ_OK;
    }
    struct cdz_map_env m;
    cdz_step_env(s, t, t ? t->task->needs : NULL, CDZ_VAL_NULL, &m);
    return cdz_val_render(v, &m.env, s->arena, ret, err);
}

cdz_rc cdz_step_text(struct step *s, const struct cdz_taskrun *t, const char *prop, cdz_str *ret,
                     struct cdz_err *err)
{
    cdz_val v;
    CDZ_TRY(cdz_step_render(s, t, cdz_map_getz(t->task->props, prop), &v, err));
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    cdz_expr_print(&text, v);
    *ret = cdz_buf_copy(&text, s->e->arena);
    return CDZ_OK;
}

bool cdz_step_flag(struct step *s, const struct cdz_taskrun *t, const char *prop)
{
    struct cdz_err err;
    cdz_val v;
    if (cdz_step_render(s, t, cdz_map_getz(t->task->props, prop), &v, &err) != CDZ_OK) {
        cdz_step_log(s, t, CDZ_WARN, "%s is taken as false: %s", prop, err.text);
        return false;
    }
    if (v.kind == CDZ_BOOL)
        return v.b;
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    cdz_expr_print(&text, v);
    return cdz_truthy(cdz_buf_get(&text));
}

cdz_rc cdz_step_duration(struct step *s, const struct cdz_taskrun *t, cdz_val v, cdz_us *ret,
                         struct cdz_err *err)
{
    cdz_val rendered;
    *ret = 0;
    if (cdz_val_is_null(v))
        return CDZ_OK;
    CDZ_TRY(cdz_step_render(s, t, v, &rendered, err));
    return cdz_duration_of(rendered, ret, err);
}

void cdz_step_push_open(struct step *s)
{
    struct cdz_execution *e = s->e;
    for (size_t i = 0; i < e->taskruns.n; i++) {
        struct cdz_scope *scope = e->taskruns.v[i]->gone ? NULL : e->taskruns.v[i]->scope;
        if (!scope)
            continue;
        scope->stalled = true;
        cdz_scope_push(s, scope);
    }
    cdz_scope_push(s, e->after ? &e->index->after : &e->index->root);
}

/* An attempt that was with a worker is lost with it: one that had begun shows as KILLED. */
static void give_up_attempt(struct step *s, struct cdz_taskrun *t)
{
    cdz_attempt_close(s, t, CDZ_KILLED, cdz_step_now(s));
    if (cdz_state_now(&t->history) == CDZ_RUNNING) {
        cdz_taskrun_state(s, t, CDZ_CREATED, cdz_step_now(s));
        cdz_step_log(s, t, CDZ_WARN,
                     "The worker was lost while it ran this task; the task is sent again");
    }
}

/* Jobs are memory of the queue: what was with a worker is sent again under a new epoch, so that a
 * result of the old one is dropped should it still arrive. Other executions still answer by themselves.
 */
static void recover_taskruns(struct step *s)
{
    struct cdz_execution *e = s->e;
    for (size_t i = 0; i < e->taskruns.n; i++) {
        struct cdz_taskrun *t = e->taskruns.v[i];
        enum cdz_state now = t->gone ? CDZ_SKIPPED : cdz_state_now(&t->history);
        if (cdz_state_is_terminated(now) || cdz_taskrun_is_nested(t))
            continue;
        if (t->due_at)
            cdz_step_effect(s, CDZ_EFFECT_TIMER, t->due_at, e->id, CDZ_STR(""));
        if (t->task->type->kind != CDZ_RUNNABLE || now == CDZ_RETRYING ||
            cdz_nested_became(t) != CDZ_RUNNING)
            continue;
        if (now == CDZ_KILLING) {
            cdz_taskrun_put_down(s, t, CDZ_KILLED);
            continue;
        }
        give_up_attempt(s, t);
        cdz_taskrun_dispatch(s, t);
    }
}

/* After a restart of the executor. */
static void recover(struct step *s)
{
    struct cdz_execution *e = s->e;
    enum cdz_state state = cdz_state_now(&e->history);
    if (cdz_state_is_terminated(state) && !e->after) {
        cdz_step_effect(s, CDZ_EFFECT_ENDED, 0, e->id, CDZ_STR(""));
        return;
    }
    if (state == CDZ_CREATED) {
        if (e->gate_count == 0) /* otherwise the gate has been asked: its answer comes */
            cdz_execution_start(s);
        return;
    }
    if (e->flow->exception.n) { /* it is gone or unreadable: what its tasks are is unknown */
        cdz_step_log(s, NULL, CDZ_ERROR, "Cannot execute an invalid flow: %.*s",
                     CDZ_S(e->flow->exception));
        if (!e->after)
            cdz_step_state(s, CDZ_FAILED);
        cdz_execution_over(s);
        return;
    }
    cdz_sla_arm(s);
    /* Behind the end only the task runs say that they were being stopped. */
    bool killing = state == CDZ_KILLING || (e->after && e->index->killing_left > 0);
    if (killing)
        e->index->killing_since = cdz_step_now(s);
    recover_taskruns(s);
    cdz_step_push_open(s); /* some may have been left half begun */
    if (killing) {
        cdz_step_effect(s, CDZ_EFFECT_TIMER, cdz_step_now(s) + 60 * CDZ_SECOND, e->id, CDZ_STR(""));
        cdz_kill_advance(s);
    }
}

/* An execution that goes on from where its records say: what is RESTARTED is begun again. */
static void adopt(struct step *s)
{
    struct cdz_execution *e = s->e;
    s->out->head = true;
    e->forced = true; /* limits are for those that begin, as in the original */
    for (size_t i = 0; i < e->taskruns.n; i++)
        cdz_step_touch(s, e->taskruns.v[i]); /* they are known nowhere yet */
    if (e->flow->exception.n) {
        recover(s);
        return;
    }
    if (cdz_state_now(&e->history) == CDZ_CREATED) {
        cdz_execution_start(s);
        return;
    }
    cdz_sla_arm(s);
    cdz_step_state(s, CDZ_RUNNING);
    cdz_step_log(s, NULL, CDZ_INFO, "Flow restarted");
    size_t n = e->taskruns.n; /* those that begin on the way need nothing */
    for (size_t i = 0; i < n; i++) {
        struct cdz_taskrun *t = e->taskruns.v[i];
        if (!t->gone && cdz_state_now(&t->history) == CDZ_RESTARTED && !cdz_taskrun_is_nested(t))
            cdz_taskrun_dispatch(s, t);
    }
    cdz_step_push_open(s);
}

/* The task run that a worker or another execution speaks of, if the attempt is the one we are waiting
 * for. */
static struct cdz_taskrun *expected(struct step *s)
{
    const struct cdz_event *ev = s->ev;
    if (ev->taskrun >= s->e->taskruns.n)
        return NULL;
    struct cdz_taskrun *t = s->e->taskruns.v[ev->taskrun];
    if (t->gone || t->epoch != ev->epoch || !t->out)
        return NULL; /* stale: an attempt that was given up, or a message seen before */
    return t;
}

static void on_timer(struct step *s)
{
    if (cdz_state_now(&s->e->history) == CDZ_CREATED && s->e->gate_count == 0)
        cdz_execution_start(s);
    cdz_scope_fill_more(s);
    cdz_due(s);
    cdz_kill_force(s);
}

/* What a step has dispatched and then put down again (an Exit task beside it) goes to no worker. */
static void drop_stale_jobs(struct step *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->out->effects.n; i++) {
        const struct cdz_effect *f = &s->out->effects.v[i];
        if (f->kind != CDZ_EFFECT_JOB || s->e->taskruns.v[f->taskrun]->epoch == f->epoch)
            s->out->effects.v[kept++] = *f;
    }
    s->out->effects.n = kept;
}

void cdz_exec_step(struct cdz_execution *e, const struct cdz_exec_env *env,
                   const struct cdz_event *ev, struct cdz_arena *arena, struct cdz_step *ret)
{
    assert(e->flow && (e->index || ev->kind == CDZ_EVENT_CREATE));
    struct step s = {.e = e, .env = env, .ev = ev, .arena = arena, .out = ret};
    struct cdz_taskrun *t;
    *ret = (struct cdz_step){0};
    cdz_rng_seed(&s.rng, ev->seed);
    if (ev->kind != CDZ_EVENT_CREATE && ev->kind != CDZ_EVENT_RECOVER && !e->after &&
        cdz_state_is_terminated(cdz_state_now(&e->history)))
        return; /* terminal is final: whatever comes late is dropped */
    switch (ev->kind) {
    case CDZ_EVENT_CREATE:
        cdz_index_init(e);
        cdz_scope_init_root(e);
        cdz_scope_init_after(e);
        ret->head = true;
        cdz_sla_arm(&s);
        cdz_execution_start(&s);
        break;
    case CDZ_EVENT_RUNNING:
        if ((t = expected(&s)))
            cdz_taskrun_running(&s, t);
        break;
    case CDZ_EVENT_RESULT:
        if ((t = expected(&s)))
            cdz_taskrun_result(&s, t);
        break;
    case CDZ_EVENT_NESTED:
        if ((t = expected(&s)))
            cdz_nested_event(&s, t);
        break;
    case CDZ_EVENT_CHILD:
        if ((t = expected(&s)))
            cdz_child_event(&s, t);
        break;
    case CDZ_EVENT_SIGNAL:
        if ((t = expected(&s)))
            cdz_wait_signal(&s, t);
        break;
    case CDZ_EVENT_KILL:
        cdz_kill_begin(&s, ev->end_as, ev->cascade);
        break;
    case CDZ_EVENT_TIMER:
        on_timer(&s);
        break;
    case CDZ_EVENT_RECOVER:
        recover(&s);
        break;
    case CDZ_EVENT_ADOPT:
        adopt(&s);
        break;
    case CDZ_EVENT_PAUSE:
        cdz_pause_hold(&s);
        break;
    case CDZ_EVENT_RESUME:
        if (cdz_state_now(&e->history) == CDZ_PAUSED)
            cdz_pause_resume(&s);
        break;
    case CDZ_EVENT_FORCE_RUN:
        cdz_execution_force(&s);
        break;
    case CDZ_EVENT_GATE:
        cdz_execution_gate(&s);
        break;
    }
    cdz_scope_run(&s);
    if (e->flow->sla_count > 0) {
        cdz_sla_check(&s);
        cdz_scope_run(&s);
    }
    drop_stale_jobs(&s);
    if (e->index->unfilled.n > 0) {
        cdz_step_effect(&s, CDZ_EFFECT_TIMER, ev->now, e->id, CDZ_STR(""));
        ret->effects.v[ret->effects.n - 1].when_idle = true;
    }
    if (ret->head || ret->taskruns.n)
        e->version++;
    cdz_buf_done(&s.buf);
    cdz_arena_close(s.scratch);
}

bool cdz_exec_is_idle(const struct cdz_execution *e)
{
    enum cdz_state state = cdz_state_now(&e->history);
    if (state == CDZ_QUEUED || state == CDZ_CREATED)
        return true;
    return state == CDZ_PAUSED && e->index->working == 0 && e->index->killing_left == 0 &&
           e->index->unfilled.n == 0; /* what is half begun is known in memory only */
}
