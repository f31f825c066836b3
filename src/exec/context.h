/*
 * context.h -- the variables an expression sees, built from an execution as far as the expression
 * may read them. reference/expressions.md §6, execution.md §5.1.
 */
#ifndef CDZ_EXEC_CONTEXT_H
#define CDZ_EXEC_CONTEXT_H

#include "model/execution.h"
#include "model/flow.h"

/*
 * A map of root names. t NULL: an expression of the flow itself. needs NULL: everything. for_worker
 * leaves out what the worker adds itself (vars). Maps and lists are made in the arena; texts are
 * borrowed from the execution and flow.
 */
cdz_val cdz_context_build(const struct cdz_execution *e, const struct cdz_flow *flow,
                          const struct cdz_taskrun *t, const struct cdz_needs *needs,
                          bool for_worker, struct cdz_arena *arena);

/* The values of the each tasks from the root down to t, its own last. */
cdz_val cdz_context_path(const struct cdz_execution *e, const struct cdz_taskrun *t,
                         struct cdz_arena *arena);

#endif
