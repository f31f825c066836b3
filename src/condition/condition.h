/*
 * condition.h -- whether a condition holds: of a listener, a trigger, a Flow trigger's precondition.
 * reference/tasks.md §9, triggers.md §6. Pure: the time, the zone and all variables are the caller's.
 */
#ifndef CDZ_CONDITION_CONDITION_H
#define CDZ_CONDITION_CONDITION_H

#include "expr/expr.h"
#include "model/execution.h"
#include "model/flow.h"

struct cdz_condition_ctx {
    struct cdz_env *env;           /* renders: `execution`, `outputs`, `trigger`, ... */
    struct cdz_arena *arena;       /* scratch */
    const struct cdz_execution *e; /* NULL: there is none (Schedule) */
    const struct cdz_flow *flow;   /* the flow whose listener or trigger it is */
    cdz_us now;
    cdz_str zone; /* the server's */
};

/* True when all hold (also when there are none). An error stops; the caller decides what it means. */
CDZ_MUST_USE cdz_rc cdz_conditions_hold(const struct cdz_conditions *conditions,
                                        struct cdz_condition_ctx *ctx, bool *ret,
                                        struct cdz_err *err);

/* True if the execution has all of these labels (map key -> text). */
bool cdz_labels_have(const struct cdz_execution *e, cdz_val labels);

/* Another env with `trigger` = {outputs} of the execution (outputs only if it has some). */
struct cdz_trigger_env {
    struct cdz_env env; /* first */
    struct cdz_env *inner;
    cdz_val trigger;
};
void cdz_trigger_env_init(struct cdz_trigger_env *ret, struct cdz_env *inner,
                          const struct cdz_execution *e, struct cdz_arena *arena);

/* The descriptors of all conditions, for the registry; ends with NULL. */
extern const struct cdz_type *const cdz_condition_types[];

#endif
