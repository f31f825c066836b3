/*
 * condition.c -- testing conditions, and the table of their types; see condition.h.
 */
#include "condition/internal.h"

const struct cdz_type *const cdz_condition_types[] = {
    &cdz_condition_date_time_between,
    &cdz_condition_time_between,
    &cdz_condition_day_week,
    &cdz_condition_day_week_in_month,
    &cdz_condition_weekend,
    &cdz_condition_public_holiday,
    &cdz_condition_expression,
    &cdz_condition_not,
    &cdz_condition_or,
    &cdz_condition_multiple,
    &cdz_condition_flow,
    &cdz_condition_flow_namespace,
    &cdz_condition_execution_flow,
    &cdz_condition_execution_namespace,
    &cdz_condition_execution_status,
    &cdz_condition_execution_labels,
    &cdz_condition_execution_outputs,
    &cdz_condition_has_retry_attempt,
    NULL,
};

cdz_rc cdz_conditions_test(const struct cdz_conditions *conditions, struct cdz_condition_ctx *ctx,
                           bool any, bool *ret, struct cdz_err *err)
{
    for (size_t i = 0; i < conditions->n; i++) {
        bool holds;
        CDZ_TRY(conditions->v[i].type->holds(&conditions->v[i], ctx, &holds, err));
        if (holds == any) {
            *ret = any;
            return CDZ_OK;
        }
    }
    *ret = !any;
    return CDZ_OK;
}

cdz_rc cdz_conditions_hold(const struct cdz_conditions *conditions, struct cdz_condition_ctx *ctx,
                           bool *ret, struct cdz_err *err)
{
    return cdz_conditions_test(conditions, ctx, false, ret, err);
}

cdz_rc cdz_condition_text(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                          const char *name, cdz_str *ret, struct cdz_err *err)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    cdz_val v;
    CDZ_TRY(cdz_val_render(cdz_map_getz(condition->props, name), ctx->env, ctx->arena, &v, err));
    if (v.kind == CDZ_TEXT) {
        *ret = cdz_val_str(v);
        return CDZ_OK;
    }
    cdz_expr_print(&text, v);
    *ret = cdz_buf_copy(&text, ctx->arena);
    return CDZ_OK;
}

cdz_str cdz_condition_plain(const struct cdz_condition *condition, const char *name)
{
    cdz_val v = cdz_map_getz(condition->props, name);
    return v.kind == CDZ_TEXT ? cdz_val_str(v) : (cdz_str){0};
}

bool cdz_condition_flag(const struct cdz_condition *condition, const char *name)
{
    cdz_val v = cdz_map_getz(condition->props, name);
    return v.kind == CDZ_BOOL && v.b;
}

bool cdz_condition_is_true(cdz_str rendered)
{
    cdz_str s = cdz_str_trim(rendered);
    return s.n && !cdz_str_is(s, "false");
}

cdz_rc cdz_condition_execution(struct cdz_condition_ctx *ctx, const struct cdz_execution **ret,
                               struct cdz_err *err)
{
    if (!ctx->e)
        return cdz_fail(err, CDZ_E_INVALID, "Invalid condition with null execution");
    *ret = ctx->e;
    return CDZ_OK;
}
