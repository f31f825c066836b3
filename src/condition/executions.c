/*
 * executions.c -- conditions on the execution that is tested: of a listener its own, of a Flow trigger
 * the one that has changed. reference/tasks.md §9.
 */
#include "condition/internal.h"

static const struct cdz_prop execution_flow_props[] = {
    {"namespace", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Namespace of its flow."},
    {"flowId", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Its flow."},
    {0},
};

static cdz_rc execution_flow_holds(const struct cdz_condition *condition,
                                   struct cdz_condition_ctx *ctx, bool *ret, struct cdz_err *err)
{
    const struct cdz_execution *e;
    CDZ_TRY(cdz_condition_execution(ctx, &e, err));
    *ret = cdz_str_eq(e->namespace_, cdz_condition_plain(condition, "namespace")) &&
           cdz_str_eq(e->flow_id, cdz_condition_plain(condition, "flowId"));
    return CDZ_OK;
}

const struct cdz_type cdz_condition_execution_flow = {
    .type = "io.kestra.plugin.core.condition.ExecutionFlow",
    .aliases = CDZ_CONDITION_ALIASES("ExecutionFlow"),
    .kind = CDZ_CONDITION,
    .title = "It is an execution of a certain flow.",
    .props = execution_flow_props,
    .holds = execution_flow_holds,
};

static const struct cdz_prop namespace_props[] = {
    {"namespace", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "What is compared with."},
    {"comparison", CDZ_PROP_ENUM, 0, .doc = "How; without: as `prefix` says.",
     .values = (const char *const[]){"EQUALS", "PREFIX", "SUFFIX", NULL}},
    {"prefix", CDZ_PROP_BOOL, 0, "false", .doc = "True: the beginning is enough."},
    {0},
};

/* Plain texts: the prefix `a.b` is one of `a.bc` too. */
static cdz_rc namespace_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                              bool *ret, struct cdz_err *err)
{
    const struct cdz_execution *e;
    cdz_str want = cdz_condition_plain(condition, "namespace"),
            how = cdz_condition_plain(condition, "comparison");
    CDZ_TRY(cdz_condition_execution(ctx, &e, err));
    if (!how.n)
        how = cdz_condition_flag(condition, "prefix") ? CDZ_STR("PREFIX") : CDZ_STR("EQUALS");
    *ret = cdz_str_is(how, "PREFIX")   ? cdz_str_starts(e->namespace_, want)
           : cdz_str_is(how, "SUFFIX") ? cdz_str_ends(e->namespace_, want)
                                       : cdz_str_eq(e->namespace_, want);
    return CDZ_OK;
}

const struct cdz_type cdz_condition_execution_namespace = {
    .type = "io.kestra.plugin.core.condition.ExecutionNamespace",
    .aliases = CDZ_CONDITION_ALIASES("ExecutionNamespace"),
    .kind = CDZ_CONDITION,
    .title = "Its flow is in a certain namespace.",
    .props = namespace_props,
    .holds = namespace_holds,
};

/* ---- states ---- */

static const struct cdz_prop states_props[] = {
    {"in", CDZ_PROP_STRINGS, 0, .doc = "It must be one of these.", .values = cdz_state_names},
    {"notIn", CDZ_PROP_STRINGS, 0, .doc = "It must be none of these.", .values = cdz_state_names},
    {0},
};

static bool has(cdz_val list, enum cdz_state state)
{
    CDZ_LIST_EACH (item, list)
        if (item->kind == CDZ_TEXT && cdz_str_is(cdz_val_str(*item), cdz_state_name(state)))
            return true;
    return false;
}

static bool passes(const struct cdz_condition *condition, enum cdz_state state)
{
    cdz_val in = cdz_map_getz(condition->props, "in"),
            not_in = cdz_map_getz(condition->props, "notIn");
    return (in.kind != CDZ_LIST || has(in, state)) &&
           (not_in.kind != CDZ_LIST || !has(not_in, state));
}

static cdz_rc status_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                           bool *ret, struct cdz_err *err)
{
    const struct cdz_execution *e;
    CDZ_TRY(cdz_condition_execution(ctx, &e, err));
    *ret = passes(condition, cdz_state_now(&e->history));
    return CDZ_OK;
}

const struct cdz_type cdz_condition_execution_status = {
    .type = "io.kestra.plugin.core.condition.ExecutionStatus",
    .aliases = CDZ_CONDITION_ALIASES("ExecutionStatus"),
    .kind = CDZ_CONDITION,
    .title = "It is in a certain state.",
    .props = states_props,
    .holds = status_holds,
};

static cdz_rc retry_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                          bool *ret, struct cdz_err *err)
{
    const struct cdz_execution *e;
    bool found = false;
    CDZ_TRY(cdz_condition_execution(ctx, &e, err));
    for (size_t i = 0; !found && i < e->taskruns.n; i++) {
        const struct cdz_taskrun *t = e->taskruns.v[i];
        for (size_t j = 0; t->attempt_count > 1 && j < t->attempt_count; j++)
            found = found || passes(condition, cdz_state_now(&t->attempts[j].history));
    }
    *ret = found;
    return CDZ_OK;
}

const struct cdz_type cdz_condition_has_retry_attempt = {
    .type = "io.kestra.plugin.core.condition.HasRetryAttempt",
    .aliases = CDZ_CONDITION_ALIASES("HasRetryAttempt"),
    .kind = CDZ_CONDITION,
    .title = "A task of it was tried more than once, and one attempt ended in a certain state.",
    .props = states_props,
    .holds = retry_holds,
};

/* ---- labels, outputs ---- */

static const struct cdz_prop labels_props[] = {
    {"labels", CDZ_PROP_LABELS, CDZ_PROP_REQUIRED, .doc = "Labels that it must have."},
    {0},
};

static cdz_rc labels_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                           bool *ret, struct cdz_err *err)
{
    const struct cdz_execution *e;
    CDZ_TRY(cdz_condition_execution(ctx, &e, err));
    *ret = cdz_labels_have(e, cdz_map_getz(condition->props, "labels"));
    return CDZ_OK;
}

bool cdz_labels_have(const struct cdz_execution *e, cdz_val labels)
{
    if (labels.kind != CDZ_MAP)
        return true;
    CDZ_MAP_EACH (want, labels) {
        bool found = false;
        for (size_t i = 0; !found && i < e->label_count; i++)
            found = cdz_str_eq(e->labels[i].key, want->key) && want->val.kind == CDZ_TEXT &&
                    cdz_str_eq(e->labels[i].value, cdz_val_str(want->val));
        if (!found)
            return false;
    }
    return true;
}

const struct cdz_type cdz_condition_execution_labels = {
    .type = "io.kestra.plugin.core.condition.ExecutionLabels",
    .aliases = CDZ_CONDITION_ALIASES("ExecutionLabels"),
    .kind = CDZ_CONDITION,
    .title = "It has certain labels.",
    .props = labels_props,
    .holds = labels_holds,
};

static const struct cdz_prop outputs_props[] = {
    {"expression", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
     .doc = "An expression on `trigger.outputs`, its outputs."},
    {0},
};

static cdz_rc outputs_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                            bool *ret, struct cdz_err *err)
{
    const struct cdz_execution *e;
    struct cdz_trigger_env env;
    cdz_str text;
    CDZ_TRY(cdz_condition_execution(ctx, &e, err));
    *ret = false;
    if (e->outputs.kind != CDZ_MAP || !cdz_map_n(e->outputs))
        return CDZ_OK;
    struct cdz_condition_ctx inner = *ctx;
    cdz_trigger_env_init(&env, ctx->env, e, ctx->arena);
    inner.env = &env.env;
    CDZ_TRY(cdz_condition_text(condition, &inner, "expression", &text, err));
    *ret = cdz_condition_is_true(text);
    return CDZ_OK;
}

const struct cdz_type cdz_condition_execution_outputs = {
    .type = "io.kestra.plugin.core.condition.ExecutionOutputs",
    .aliases = CDZ_CONDITION_ALIASES("ExecutionOutputs"),
    .kind = CDZ_CONDITION,
    .title = "An expression on its outputs renders to a true value.",
    .props = outputs_props,
    .holds = outputs_holds,
};

/* ---- `trigger.outputs` ---- */

static bool trigger_lookup(struct cdz_env *env, cdz_str name, struct cdz_arena *arena, cdz_val *ret)
{
    struct cdz_trigger_env *t = (struct cdz_trigger_env *)env;
    if (cdz_str_is(name, "trigger")) {
        *ret = t->trigger;
        return true;
    }
    return t->inner->lookup(t->inner, name, arena, ret);
}

static cdz_val trigger_all(struct cdz_env *env, struct cdz_arena *arena)
{
    struct cdz_trigger_env *t = (struct cdz_trigger_env *)env;
    cdz_val all =
        t->inner->all ? cdz_val_copy(arena, t->inner->all(t->inner, arena)) : cdz_val_map(arena, 1);
    cdz_map_putz(arena, all, "trigger", t->trigger);
    return all;
}

static cdz_rc trigger_world(struct cdz_env *env, enum cdz_world_call call, const cdz_val *args,
                            size_t n, struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    struct cdz_trigger_env *t = (struct cdz_trigger_env *)env;
    return t->inner->world(t->inner, call, args, n, arena, ret, err);
}

void cdz_trigger_env_init(struct cdz_trigger_env *ret, struct cdz_env *inner,
                          const struct cdz_execution *e, struct cdz_arena *arena)
{
    *ret = (struct cdz_trigger_env){
        .env = {.lookup = trigger_lookup,
                .all = trigger_all,
                .world = inner->world ? trigger_world : NULL,
                .zone = inner->zone,
                .recursive = inner->recursive},
        .inner = inner,
        .trigger = cdz_val_map(arena, 1),
    };
    if (e->outputs.kind == CDZ_MAP && cdz_map_n(e->outputs))
        cdz_map_putz(arena, ret->trigger, "outputs", e->outputs);
}
