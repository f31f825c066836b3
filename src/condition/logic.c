/*
 * logic.c -- conditions that combine others or expressions, and those on the flow itself.
 * reference/tasks.md §9.
 */
#include "condition/internal.h"

static cdz_rc expression_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                               bool *ret, struct cdz_err *err)
{
    cdz_str text;
    CDZ_TRY(cdz_condition_text(condition, ctx, "expression", &text, err));
    *ret = cdz_condition_is_true(text);
    return CDZ_OK;
}

static const struct cdz_prop expression_props[] = {
    {"expression", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
     .doc = "True unless it renders to nothing, blanks or `false`."},
    {0},
};

const struct cdz_type cdz_condition_expression = {
    .type = "io.kestra.plugin.core.condition.Expression",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.VariableCondition",
                                     "io.kestra.core.models.conditions.types.ExpressionCondition",
                                     "io.kestra.plugin.core.condition.ExpressionCondition", NULL},
    .kind = CDZ_CONDITION,
    .title = "An expression renders to a true value.",
    .props = expression_props,
    .holds = expression_holds,
};

static const struct cdz_prop inner_props[] = {
    {"conditions", CDZ_PROP_CONDITIONS, CDZ_PROP_REQUIRED | CDZ_PROP_NOT_EMPTY,
     .doc = "The conditions."},
    {0},
};

static cdz_rc not_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                        bool *ret, struct cdz_err *err)
{
    CDZ_TRY(cdz_conditions_test(&condition->inner, ctx, true, ret, err));
    *ret = !*ret;
    return CDZ_OK;
}

const struct cdz_type cdz_condition_not = {
    .type = "io.kestra.plugin.core.condition.Not",
    .aliases = CDZ_CONDITION_ALIASES("Not"),
    .kind = CDZ_CONDITION,
    .title = "None of some conditions holds.",
    .props = inner_props,
    .holds = not_holds,
};

static cdz_rc or_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                       bool *ret, struct cdz_err *err)
{
    return cdz_conditions_test(&condition->inner, ctx, true, ret, err);
}

const struct cdz_type cdz_condition_or = {
    .type = "io.kestra.plugin.core.condition.Or",
    .aliases = CDZ_CONDITION_ALIASES("Or"),
    .kind = CDZ_CONDITION,
    .title = "One of some conditions holds.",
    .props = inner_props,
    .holds = or_holds,
};

/* Over several executions it is flow_trigger.c's; tested by itself it is about one. */
static cdz_rc multiple_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                             bool *ret, struct cdz_err *err)
{
    return cdz_conditions_test(&condition->inner, ctx, false, ret, err);
}

static const struct cdz_prop multiple_props[] = {
    {"id", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Name, unique in the flow."},
    {"timeWindow", CDZ_PROP_OBJECT, 0, .doc = "Within which all must have become true.",
     .nested = cdz_time_window_props},
    {"resetOnSuccess", CDZ_PROP_BOOL, CDZ_PROP_REQUIRED, "true",
     .doc = "True: after an execution all must become true again."},
    {"window", CDZ_PROP_DURATION, CDZ_PROP_DEPRECATED, .doc = "Old place of timeWindow.window."},
    {"windowAdvance", CDZ_PROP_DURATION, CDZ_PROP_DEPRECATED,
     .doc = "Old place of timeWindow.windowAdvance."},
    {"conditions", CDZ_PROP_CONDITIONS, CDZ_PROP_REQUIRED | CDZ_PROP_NOT_EMPTY | CDZ_PROP_NAMED,
     .doc = "The conditions by name; each is remembered once it was true."},
    {0},
};

const struct cdz_type cdz_condition_multiple = {
    .type = "io.kestra.plugin.core.condition.MultipleCondition",
    .aliases =
        (const char *const[]){"io.kestra.core.models.conditions.types.MultipleCondition", NULL},
    .kind = CDZ_CONDITION,
    .title = "Several conditions have held within some time, of one execution or several.",
    .props = multiple_props,
    .holds = multiple_holds,
};

/* ---- the listening flow itself ---- */

static cdz_rc flow_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                         bool *ret, struct cdz_err *err)
{
    (void)err;
    *ret = ctx->flow &&
           cdz_str_eq(ctx->flow->namespace_, cdz_condition_plain(condition, "namespace")) &&
           cdz_str_eq(ctx->flow->id, cdz_condition_plain(condition, "flowId"));
    return CDZ_OK;
}

static const struct cdz_prop flow_props[] = {
    {"namespace", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Its namespace."},
    {"flowId", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Its id."},
    {0},
};

const struct cdz_type cdz_condition_flow = {
    .type = "io.kestra.plugin.core.condition.FlowCondition",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.FlowCondition", NULL},
    .kind = CDZ_CONDITION,
    .title = "The flow with this condition is a certain one.",
    .props = flow_props,
    .holds = flow_holds,
};

static cdz_rc flow_namespace_holds(const struct cdz_condition *condition,
                                   struct cdz_condition_ctx *ctx, bool *ret, struct cdz_err *err)
{
    cdz_str want = cdz_condition_plain(condition, "namespace");
    (void)err;
    *ret = ctx->flow &&
           (cdz_condition_flag(condition, "prefix") ? cdz_str_starts(ctx->flow->namespace_, want)
                                                    : cdz_str_eq(ctx->flow->namespace_, want));
    return CDZ_OK;
}

static const struct cdz_prop flow_namespace_props[] = {
    {"namespace", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Its namespace."},
    {"prefix", CDZ_PROP_BOOL, CDZ_PROP_REQUIRED, "false",
     .doc = "True: the beginning of its namespace."},
    {0},
};

const struct cdz_type cdz_condition_flow_namespace = {
    .type = "io.kestra.plugin.core.condition.FlowNamespaceCondition",
    .aliases =
        (const char *const[]){"io.kestra.core.models.conditions.types.FlowNamespaceCondition",
                              NULL},
    .kind = CDZ_CONDITION,
    .title = "The flow with this condition is in a certain namespace.",
    .props = flow_namespace_props,
    .holds = flow_namespace_holds,
};
