/* condition.c -- all conditions of a list. */
#include "condition/condition.h"

cdz_rc cdz_conditions_hold(const struct cdz_conditions *conditions, struct cdz_condition_ctx *ctx,
                           bool *ret, struct cdz_err *err)
{
    *ret = true;
    for (size_t i = 0; i < conditions->n && *ret; i++) {
        const struct cdz_condition *c = &conditions->v[i];
        if (!c->type->holds)
            return cdz_fail(err, CDZ_E_TASK, "the condition %s cannot be evaluated yet",
                            c->type->type);
        CDZ_TRY(c->type->holds(c, ctx, ret, err));
    }
    return CDZ_OK;
}
