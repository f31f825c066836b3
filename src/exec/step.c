/* step.c -- takes an event apart and hands it on; gathers what was touched. */
#include "exec/step.h"

#include <assert.h>
#include <stdarg.h>

#include "base/codec.h"
#include "exec/context.h"
#include "exec/internal.h"

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
    CDZ_PUSH(s->arena, &s->out->effects, (struct cdz_effect){kind, at, id, bytes});
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

cdz_rc cdz_step_render(struct step *s, const struct cdz_taskrun *t, cdz_val v, cdz_val *ret,
                       struct cdz_err *err)
{
    bool plain = v.kind == CDZ_TEXT && cdz_str_chr(cdz_val_str(v), '{', 0) == SIZE_MAX;
    if (plain ||
        (v.kind != CDZ_TEXT && v.kind != CDZ_TEMPLATE && v.kind != CDZ_LIST && v.kind != CDZ_MAP)) {
        *ret = v; /* nothing to evaluate: no context is built */
        return CDZ_OK;
    }
    const struct cdz_needs *needs = t ? t->task->needs : NULL;
    cdz_val vars = cdz_context_build(s->e, s->e->flow, t, needs, false, s->arena);
    if (s->env->globals.kind == CDZ_MAP)
        cdz_map_putz(s->arena, vars, "globals", s->env->globals);
    cdz_map_putz(s->arena, vars, "envs",
                 s->env->envs.kind == CDZ_MAP ? s->env->envs : cdz_val_map(s->arena, 0));
    struct cdz_map_env m;
    cdz_map_env_init(&m, vars);
    m.env.world = s->env->world;
    m.env.zone = s->env->zone;
    m.env.recursive = s->env->recursive;
    return cdz_val_render(v, &m.env, s->arena, ret, err);
}

static void fail_without_flow(struct step *s)
{
    cdz_step_log(s, NULL, CDZ_ERROR, "Cannot execute an invalid flow: %.*s",
                 CDZ_S(s->e->flow->exception));
    cdz_step_state(s, CDZ_FAILED);
    cdz_step_effect(s, CDZ_EFFECT_ENDED, 0, s->e->id, CDZ_STR(""));
}

static void start(struct step *s)
{
    struct cdz_execution *e = s->e;
    if (e->schedule_date > cdz_step_now(s)) {
        cdz_step_effect(s, CDZ_EFFECT_TIMER, e->schedule_date, e->id, CDZ_STR(""));
        return;
    }
    if (e->flow->exception.n) {
        fail_without_flow(s);
        return;
    }
    if (e->flow->tasks.n > 0) { /* all tasks disabled: CREATED to SUCCESS, as the original */
        cdz_step_state(s, CDZ_RUNNING);
        cdz_step_log(s, NULL, CDZ_INFO, "Flow started");
    }
    cdz_scope_begin_root(s);
}

/*
 * After a restart. Attempts that were with a worker are lost with it: those that had begun show as
 * KILLED, and every one is dispatched again under a new epoch, so that a result of the old one is
 * dropped should it still arrive.
 */
static void recover(struct step *s)
{
    struct cdz_execution *e = s->e;
    enum cdz_state state = cdz_state_now(&e->history);
    if (cdz_state_is_terminated(state)) {
        cdz_step_effect(s, CDZ_EFFECT_ENDED, 0, e->id, CDZ_STR(""));
        return;
    }
    if (state == CDZ_CREATED) {
        start(s);
        return;
    }
    if (e->flow->exception.n) { /* it is gone or unreadable: what its tasks are is unknown */
        fail_without_flow(s);
        return;
    }
    for (size_t i = 0; i < e->taskruns.n; i++) {
        struct cdz_taskrun *t = e->taskruns.v[i];
        enum cdz_state now = cdz_state_now(&t->history);
        struct cdz_attempt *a = t->attempt_count ? &t->attempts[t->attempt_count - 1] : NULL;
        if (t->task->type->kind == CDZ_FLOWABLE || cdz_state_is_terminated(now))
            continue;
        if (now == CDZ_RETRYING) {
            cdz_step_effect(s, CDZ_EFFECT_TIMER, t->due_at, e->id, CDZ_STR(""));
            continue;
        }
        if (a && !cdz_state_is_terminated(cdz_state_now(&a->history)))
            cdz_history_add(&a->history, e->arena, CDZ_KILLED, cdz_step_now(s));
        if (now == CDZ_KILLING) {
            e->index->killing_left--;
            t->epoch++;
            cdz_history_add(&t->history, e->arena, CDZ_KILLED, cdz_step_now(s));
            cdz_step_touch(s, t);
            continue;
        }
        if (now == CDZ_RUNNING) {
            cdz_history_add(&t->history, e->arena, CDZ_CREATED, cdz_step_now(s));
            cdz_step_log(s, t, CDZ_WARN,
                         "The worker was lost while it ran this task; the task is sent again");
        }
        cdz_taskrun_dispatch(s, t);
    }
    if (state == CDZ_KILLING) {
        cdz_kill_advance(s);
        return;
    }
    /* A scope whose last child ended just before the end of the world has been advanced in the same
     * step: nothing to do. */
}

/* The task run that a worker speaks of, if the attempt is the one we are waiting for. */
static struct cdz_taskrun *expected(struct step *s)
{
    const struct cdz_event *ev = s->ev;
    if (ev->taskrun >= s->e->taskruns.n)
        return NULL;
    struct cdz_taskrun *t = s->e->taskruns.v[ev->taskrun];
    enum cdz_state state = cdz_state_now(&t->history);
    if (t->epoch != ev->epoch || t->task->type->kind == CDZ_FLOWABLE ||
        (state != CDZ_CREATED && state != CDZ_RUNNING && state != CDZ_KILLING))
        return NULL; /* stale: an attempt that was given up, or a message seen before */
    return t;
}

void cdz_exec_step(struct cdz_execution *e, const struct cdz_exec_env *env,
                   const struct cdz_event *ev, struct cdz_arena *arena, struct cdz_step *ret)
{
    assert(e->flow && (e->index || ev->kind == CDZ_EVENT_CREATE));
    struct step s = {.e = e, .env = env, .ev = ev, .arena = arena, .out = ret};
    struct cdz_taskrun *t;
    *ret = (struct cdz_step){0};
    cdz_rng_seed(&s.rng, ev->seed);
    if (ev->kind != CDZ_EVENT_CREATE && ev->kind != CDZ_EVENT_RECOVER &&
        cdz_state_is_terminated(cdz_state_now(&e->history)))
        return; /* terminal is final: whatever comes late is dropped */
    switch (ev->kind) {
    case CDZ_EVENT_CREATE:
        cdz_index_init(e);
        cdz_scope_init_root(e);
        ret->head = true;
        start(&s);
        break;
    case CDZ_EVENT_RUNNING:
        if ((t = expected(&s)))
            cdz_taskrun_running(&s, t);
        break;
    case CDZ_EVENT_RESULT:
        if ((t = expected(&s)))
            cdz_taskrun_result(&s, t);
        break;
    case CDZ_EVENT_KILL:
        cdz_kill_begin(&s);
        break;
    case CDZ_EVENT_TIMER:
        if (cdz_state_now(&e->history) == CDZ_CREATED)
            start(&s);
        cdz_retry_due(&s);
        cdz_kill_force(&s);
        break;
    case CDZ_EVENT_RECOVER:
        recover(&s);
        break;
    case CDZ_EVENT_ADOPT:
    case CDZ_EVENT_PAUSE:
    case CDZ_EVENT_RESUME:
    case CDZ_EVENT_FORCE_RUN:
    case CDZ_EVENT_GATE:
    case CDZ_EVENT_CHILD:
    case CDZ_EVENT_NESTED:
    case CDZ_EVENT_SIGNAL:
        break;
    }
    cdz_scope_run(&s);
    if (ret->head || ret->taskruns.n)
        e->version++;
    cdz_buf_done(&s.buf);
}
