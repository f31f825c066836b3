/*
 * finish.c -- the end of an execution: its outputs, its last state, its last log line; then the tasks
 * that run after it: those of listeners whose conditions hold, and afterExecution. They change nothing
 * of its state any more; it is over when they have ended. reference/execution.md §6, flow.md §9.
 */
#include "base/time.h"
#include "condition/condition.h"
#include "exec/internal.h"
#include "expr/crypt.h"

/* Encrypted, as the original keeps it. */
static cdz_rc secret(struct step *s, cdz_val plain, cdz_val *ret, struct cdz_err *err)
{
    uint8_t iv[CDZ_CRYPT_IV];
    uint64_t random[2] = {cdz_rng_next(&s->rng), cdz_rng_next(&s->rng)};
    cdz_str encrypted;
    if (!s->env->encryption_key.n)
        return cdz_fail(err, CDZ_E_TASK,
                        "Unable to use a `SECRET` input/output as encryption is not configured");
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    cdz_expr_print(&text, plain);
    memcpy(iv, random, sizeof(iv));
    CDZ_TRY(cdz_encrypt(s->env->encryption_key, iv, cdz_buf_get(&text), s->arena, &encrypted, err));
    *ret = cdz_crypt_wrap(encrypted, s->arena);
    return CDZ_OK;
}

static cdz_rc render_outputs(struct step *s, cdz_val *ret, struct cdz_err *err)
{
    const struct cdz_flow *flow = s->e->flow;
    cdz_val outputs = cdz_val_map(s->arena, flow->output_count);
    for (size_t i = 0; i < flow->output_count; i++) {
        const struct cdz_flow_output *o = &flow->outputs[i];
        cdz_val rendered, typed;
        CDZ_TRY(cdz_step_render(s, NULL, o->value, &rendered, err));
        if (cdz_str_is(o->type, "SECRET"))
            CDZ_TRY(secret(s, rendered, &typed, err));
        else
            CDZ_TRY(
                cdz_typed_convert(o->id, o->type, CDZ_STR(""), rendered, s->arena, &typed, err));
        cdz_map_put(s->arena, outputs, o->id, typed);
    }
    *ret = outputs;
    return CDZ_OK;
}

/* The listeners whose conditions hold; one that cannot be evaluated does not. */
static cdz_val listeners(struct step *s)
{
    const struct cdz_flow *flow = s->e->flow;
    cdz_val lists = cdz_val_list(s->e->arena, flow->listener_count);
    struct cdz_map_env env;
    cdz_step_env(s, NULL, NULL, CDZ_VAL_NULL, &env);
    for (size_t i = 0; i < flow->listener_count; i++) {
        struct cdz_condition_ctx ctx = {
            .env = &env.env,
            .arena = s->arena,
            .e = s->e,
            .flow = flow,
            .now = cdz_step_now(s),
            .zone = s->env->zone,
        };
        struct cdz_err err;
        bool holds = false;
        if (cdz_conditions_hold(&flow->listeners[i].conditions, &ctx, &holds, &err) != CDZ_OK)
            cdz_step_log(s, NULL, CDZ_WARN, "Evaluate condition failed: %s", err.text);
        else if (holds)
            cdz_list_push(s->e->arena, lists, cdz_val_i32((int32_t)i));
    }
    return lists;
}

void cdz_execution_over(struct step *s)
{
    s->e->after = false;
    s->out->head = true;
    cdz_execution_leave_gates(s);
    cdz_child_answer(s);
    cdz_step_effect(s, CDZ_EFFECT_ENDED, 0, s->e->id, CDZ_STR(""));
}

void cdz_execution_finish(struct step *s, enum cdz_state state)
{
    struct cdz_execution *e = s->e;
    if (e->flow->output_count > 0 && state != CDZ_KILLED && state != CDZ_CANCELLED) {
        struct cdz_err err;
        cdz_val outputs;
        if (render_outputs(s, &outputs, &err) == CDZ_OK) {
            e->outputs = cdz_val_copy(e->arena, outputs);
        } else {
            cdz_step_log(s, NULL, CDZ_ERROR, "Failed to render output values: %s", err.text);
            state = CDZ_FAILED;
        }
    }
    cdz_step_state(s, state);
    char text[CDZ_INSTANT_TEXT];
    cdz_str span = cdz_span_print(cdz_step_now(s) - e->history.v[0].at, text);
    cdz_step_log(s, NULL, CDZ_INFO, "Flow completed with state %s in %.*s", cdz_state_name(state),
                 CDZ_S(span));
    if (e->flow->listener_count > 0)
        e->after_lists = listeners(s);
    cdz_scope_init_after(e);
    if (e->index->after_tasks.n == 0) {
        cdz_execution_over(s);
        return;
    }
    e->after = true;
    e->index->killing_since = 0;
    cdz_scope_push(s, &e->index->after);
}
