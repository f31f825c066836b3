/*
 * flow_triggers.c -- Flow triggers: a change of an execution may start other flows. What that means is
 * decided by condition/flow_trigger.h; here are the flows that listen, the rows of their windows
 * (STATE, "~w/<key>"), and the new executions, all in the commit of the change.
 */
#include "condition/flow_trigger.h"
#include "exec/context.h"
#include "server/executor.h"

/* The flows that listen, taken anew when flows have changed. */
static void refresh(struct cdz_executor *x)
{
    uint64_t generation = cdz_flows_generation(x->s->flows);
    if (x->listening.known && x->listening.generation == generation)
        return;
    triggers_close(x);
    x->listening.generation = generation;
    x->listening.known = true;
    x->listening.v = cdz_flows_listening(x->s->flows, &x->listening.n);
}

void triggers_close(struct cdz_executor *x)
{
    for (size_t i = 0; i < x->listening.n; i++)
        cdz_flow_unref(x->listening.v[i]);
    free(x->listening.v);
    x->listening.v = NULL;
    x->listening.n = 0;
}

static cdz_str row_key(struct cdz_executor *x, cdz_str key)
{
    return cdz_arena_printf(x->arena, TRIGGER_WINDOW_PREFIX "%.*s", CDZ_S(key));
}

static cdz_rc window_row(void *ctx, cdz_str key, struct cdz_arena *arena, cdz_str *ret,
                         struct cdz_err *err)
{
    struct cdz_executor *x = ctx;
    cdz_rc rc = executor_state_get(x, row_key(x, key), arena, ret, err);
    if (rc == CDZ_E_NOT_FOUND) {
        *ret = CDZ_STR("");
        return CDZ_OK;
    }
    return rc;
}

static void warn(struct cdz_executor *x, const struct cdz_flow *flow,
                 const struct cdz_trigger *trigger, const struct cdz_execution *e, cdz_us now,
                 cdz_str why)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_log_entry l = {
        .namespace_ = flow->namespace_,
        .flow_id = flow->id,
        .trigger_id = trigger->id,
        .attempt = -1,
        .at = now,
        .level = CDZ_WARN,
        .thread = CDZ_STR("executor"),
        .message = why,
    };
    cdz_log_entry_encode(&l, &b);
    executor_put(x, CDZ_TOPIC_LOG, cdz_arena_str(x->arena, e->id), cdz_buf_copy(&b, x->arena));
}

/* The variables of the changed execution, but `flow` is the one that listens. */
static void context(struct cdz_executor *x, const struct cdz_execution *e,
                    const struct cdz_flow *flow, cdz_val vars, struct cdz_map_env *env,
                    struct cdz_condition_ctx *ret, cdz_us now)
{
    const struct cdz_exec_env *own = &x->s->exec_env;
    cdz_val mine = cdz_val_map(x->arena, 8), f = cdz_val_map(x->arena, 3);
    CDZ_MAP_EACH (v, vars)
        cdz_map_put(x->arena, mine, v->key, v->val);
    cdz_map_putz(x->arena, f, "id", cdz_val_text(flow->id));
    cdz_map_putz(x->arena, f, "namespace", cdz_val_text(flow->namespace_));
    cdz_map_putz(x->arena, f, "revision", cdz_val_i32(flow->revision));
    cdz_map_putz(x->arena, mine, "flow", f);
    if (own->globals.kind == CDZ_MAP)
        cdz_map_putz(x->arena, mine, "globals", own->globals);
    cdz_map_putz(x->arena, mine, "envs",
                 own->envs.kind == CDZ_MAP ? own->envs : cdz_val_map(x->arena, 0));
    cdz_map_env_init(env, mine);
    env->env.world = own->world;
    env->env.zone = own->zone;
    env->env.recursive = own->recursive;
    *ret = (struct cdz_condition_ctx){
        .env = &env->env, .arena = x->arena, .e = e, .flow = flow, .now = now, .zone = own->zone};
}

static cdz_rc start(struct cdz_executor *x, const struct cdz_trigger *trigger,
                    struct cdz_flow *flow, struct cdz_condition_ctx *ctx, cdz_str *ret_warning,
                    struct cdz_err *err)
{
    struct cdz_triggered made;
    struct cdz_execution *new;
    struct cdz_record records[2];
    CDZ_TRY(cdz_flow_trigger_execution(trigger, ctx, &made, err));
    struct cdz_create c = {
        .flow = flow,
        .services = x->s,
        .inputs = made.inputs,
        .labels = made.labels,
        .label_count = made.label_count,
        .labels_are_all = true,
        .trigger_id = trigger->id,
        .trigger_type = trigger->type_name,
        .trigger_variables = made.variables,
    };
    *ret_warning = made.warning;
    CDZ_TRY(cdz_execution_make(&c, ctx->now, &new, err));
    size_t n = cdz_execution_records(new, x->arena, records);
    for (size_t i = 0; i < n; i++)
        executor_put(x, records[i].topic, records[i].key, records[i].value);
    cdz_execution_free(new);
    return CDZ_OK;
}

static void one(struct cdz_executor *x, const struct cdz_trigger *trigger, struct cdz_flow *flow,
                const struct cdz_execution *e, cdz_val vars, cdz_us now)
{
    struct cdz_flow_trigger_result r;
    struct cdz_condition_ctx ctx;
    struct cdz_map_env env;
    struct cdz_err err;
    cdz_str warning = CDZ_STR("");
    context(x, e, flow, vars, &env, &ctx, now);
    if (cdz_flow_trigger_evaluate(trigger, &ctx, window_row, x, &r, &err) != CDZ_OK) {
        warn(x, flow, trigger, e, now, cdz_arena_str(x->arena, cdz_str_z(err.text)));
        return;
    }
    if (r.warning.n)
        warn(x, flow, trigger, e, now, r.warning);
    for (size_t i = 0; i < r.change_count; i++)
        executor_put(x, CDZ_TOPIC_STATE, row_key(x, r.changes[i].key),
                     r.changes[i].bytes.n ? r.changes[i].bytes : (cdz_str){NULL, 0});
    if (!r.fires)
        return;
    if (start(x, trigger, flow, &ctx, &warning, &err) != CDZ_OK)
        warning = cdz_arena_str(x->arena, cdz_str_z(err.text));
    if (warning.n)
        warn(x, flow, trigger, e, now, warning);
}

void triggers_on_change(struct cdz_executor *x, const struct cdz_execution *e, cdz_us now)
{
    cdz_val vars = CDZ_VAL_NULL;
    refresh(x);
    for (size_t i = 0; i < x->listening.n; i++) {
        struct cdz_flow *flow = x->listening.v[i];
        for (size_t k = 0; k < flow->trigger_count; k++) {
            if (!cdz_flow_trigger_listens(&flow->triggers[k], flow, e))
                continue;
            if (vars.kind != CDZ_MAP) /* once for all that listen */
                vars = cdz_context_build(e, e->flow, NULL, NULL, false, x->arena);
            one(x, &flow->triggers[k], flow, e, vars, now);
        }
    }
}
