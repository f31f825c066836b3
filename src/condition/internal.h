/*
 * internal.h -- what the files of src/condition share.
 */
#ifndef CDZ_CONDITION_INTERNAL_H
#define CDZ_CONDITION_INTERNAL_H

#include "condition/condition.h"

/* dates.c, holiday.c */
extern const struct cdz_type cdz_condition_date_time_between, cdz_condition_time_between,
    cdz_condition_day_week, cdz_condition_day_week_in_month, cdz_condition_weekend,
    cdz_condition_public_holiday;
/* executions.c */
extern const struct cdz_type cdz_condition_execution_flow, cdz_condition_execution_namespace,
    cdz_condition_execution_status, cdz_condition_execution_labels, cdz_condition_execution_outputs,
    cdz_condition_has_retry_attempt;
/* logic.c */
extern const struct cdz_type cdz_condition_expression, cdz_condition_not, cdz_condition_or,
    cdz_condition_multiple, cdz_condition_flow, cdz_condition_flow_namespace;

/* `XCondition` of both packages that the original has had: what most are called, too. */
#define CDZ_CONDITION_ALIASES(name_)                                                               \
    (const char *const[])                                                                          \
    {                                                                                              \
        "io.kestra.core.models.conditions.types." name_ "Condition",                               \
            "io.kestra.plugin.core.condition." name_ "Condition", NULL                             \
    }

/* Rendered text of a property; empty when it is not given. */
CDZ_MUST_USE cdz_rc cdz_condition_text(const struct cdz_condition *condition,
                                       struct cdz_condition_ctx *ctx, const char *name,
                                       cdz_str *ret, struct cdz_err *err);
/* A property that is plain text: not rendered. */
cdz_str cdz_condition_plain(const struct cdz_condition *condition, const char *name);
/* The same of a boolean. */
bool cdz_condition_flag(const struct cdz_condition *condition, const char *name);
/* What Expression and ExecutionOutputs take for true: not blank, and not "false". ("0" is true
 * here.) */
bool cdz_condition_is_true(cdz_str rendered);
/* CDZ_E_INVALID when there is no execution to test. */
CDZ_MUST_USE cdz_rc cdz_condition_execution(struct cdz_condition_ctx *ctx,
                                            const struct cdz_execution **ret, struct cdz_err *err);
/* True when all hold, or (any) one of them. */
CDZ_MUST_USE cdz_rc cdz_conditions_test(const struct cdz_conditions *conditions,
                                        struct cdz_condition_ctx *ctx, bool any, bool *ret,
                                        struct cdz_err *err);

#endif
