/*
 * checks.c -- see checks.h.
 */
#include "condition/checks.h"

static cdz_rc text_of(cdz_val v, struct cdz_env *env, struct cdz_arena *arena, cdz_str *ret,
                      struct cdz_err *err)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    CDZ_TRY(cdz_val_render(v, env, arena, &v, err));
    cdz_expr_print(&text, v);
    *ret = cdz_buf_copy(&text, arena);
    return CDZ_OK;
}

size_t cdz_checks_evaluate(const struct cdz_flow *flow, struct cdz_env *env,
                           struct cdz_arena *arena, struct cdz_failed_check **ret)
{
    size_t n = 0;
    *ret = CDZ_NEW_N(arena, struct cdz_failed_check, flow->check_count);
    for (size_t i = 0; i < flow->check_count; i++) {
        const struct cdz_flow_check *check = &flow->checks[i];
        struct cdz_err err, ignored;
        cdz_str condition, message;
        cdz_rc rc = text_of(check->condition, env, arena, &condition, &err);
        if (rc == CDZ_OK && cdz_truthy(condition))
            continue;
        if (text_of(check->message, env, arena, &message, &ignored) != CDZ_OK)
            message = CDZ_STR("a check of the flow failed");
        if (rc != CDZ_OK)
            message = cdz_arena_printf(arena, "%.*s (%s)", CDZ_S(message), err.text);
        (*ret)[n++] = (struct cdz_failed_check){check->behavior, check->style, message};
    }
    return n;
}
