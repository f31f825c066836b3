/*
 * checks.h -- the `checks` of a flow: what its inputs must hold before an execution is made.
 * docs/compatibility.md. Pure.
 *
 * Whoever makes an execution evaluates them once, with the resolved inputs: a failed check of
 * behavior BLOCK makes none, FAIL makes one that is FAILED at once, CREATE one that has a warning in
 * its log.
 */
#ifndef CDZ_CONDITION_CHECKS_H
#define CDZ_CONDITION_CHECKS_H

#include "expr/expr.h"
#include "model/flow.h"

struct cdz_failed_check {
    enum cdz_check_behavior behavior;
    cdz_str style;   /* ERROR, WARNING, INFO, SUCCESS */
    cdz_str message; /* rendered */
};

/* The checks whose condition does not render to a true value, or not at all (the message tells why),
 * in order. env knows `inputs`. Everything lives in the arena. */
size_t cdz_checks_evaluate(const struct cdz_flow *flow, struct cdz_env *env,
                           struct cdz_arena *arena, struct cdz_failed_check **ret);

#endif
