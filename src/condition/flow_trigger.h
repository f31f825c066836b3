/*
 * flow_trigger.h -- what the change of an execution means for a Flow trigger of another flow, and
 * what the execution that it starts is made of. reference/triggers.md §4.
 *
 * Pure: the caller (the executor) keeps the windows' rows. Its work after an execution `e` has come
 * into a new state, for each other flow with Flow triggers:
 *
 *   1. cdz_flow_trigger_listens: cheap, needs no variables. Most triggers end here.
 *   2. A context: e is the changed execution (with its task runs if HasRetryAttempt is used), flow the
 *      listening one, env the variables of e with `flow` = the listening flow; now, zone the server's.
 *   3. cdz_flow_trigger_evaluate, with the rows that `row` gives. Then the changes of rows are stored
 *      in the same commit as whatever follows.
 *   4. If it fired: cdz_flow_trigger_execution, and the execution is created: state CREATED, trigger
 *      {id, type as written, variables}, inputs and labels as given (not resolved, not converted, no
 *      correlation id). An error there means: a warning in the log, and no execution.
 *
 * At-least-once is fine: seeing the same change again remembers the same, and whether it fires again
 * is for the caller to know (the id of the new execution should be made of e, its state and the
 * trigger).
 */
#ifndef CDZ_CONDITION_FLOW_TRIGGER_H
#define CDZ_CONDITION_FLOW_TRIGGER_H

#include "condition/condition.h"
#include "condition/window.h"

/* False: whatever the conditions are, this state of e starts nothing: e is of the flow itself, the
 * flow or trigger is disabled, another type, or a state that is not listened to (CREATED never is). */
bool cdz_flow_trigger_listens(const struct cdz_trigger *trigger, const struct cdz_flow *flow,
                              const struct cdz_execution *e);

/* A row of a window to store or delete. Lives in the context's arena. */
struct cdz_window_change {
    cdz_str key;   /* "<namespace>/<flow>/<id>" */
    cdz_str bytes; /* empty: delete it */
};

struct cdz_flow_trigger_result {
    bool fires;
    struct cdz_window_change *changes; /* also when it does not fire */
    size_t change_count;
    cdz_str warning; /* the first condition that could not be told (it counts as false), or empty */
};

/*
 * row: the stored bytes under a key, in the arena; *ret empty: there are none. NULL when nothing is
 * stored. An error of it ends the evaluation; bytes that cannot be read count as none.
 */
typedef cdz_rc cdz_window_row_fn(void *row_ctx, cdz_str key, struct cdz_arena *arena, cdz_str *ret,
                                 struct cdz_err *err);

/*
 * Plain conditions are tested first: if one is false nothing is remembered. Then, for each
 * MultipleCondition and the preconditions: the window that covers now (the stored one, or a new one),
 * and each named condition in it: what is true now is remembered in it, what is false erases nothing.
 * It fires when everything in every window has been true. A window is then deleted if it resets on
 * success; one that is over is deleted in any case.
 */
CDZ_MUST_USE cdz_rc cdz_flow_trigger_evaluate(const struct cdz_trigger *trigger,
                                              struct cdz_condition_ctx *ctx, cdz_window_row_fn *row,
                                              void *row_ctx, struct cdz_flow_trigger_result *ret,
                                              struct cdz_err *err);

/* The keys of all windows of a flow's triggers, to delete them with the flow; in the arena. */
size_t cdz_flow_trigger_keys(const struct cdz_flow *flow, struct cdz_arena *arena, cdz_str **ret);

struct cdz_triggered {
    cdz_val inputs;    /* map, or null */
    cdz_val variables; /* of the execution's trigger: executionId, namespace, flowId, flowRevision,
                          state */
    struct cdz_label *labels; /* those of the flow, then those of the trigger */
    size_t label_count;
    cdz_str warning; /* the first label that could not be rendered and is left out, or empty */
};
/* Everything lives in ctx->arena, or is borrowed from the flow and e. Inputs see `trigger.outputs`,
 * the outputs of e. */
CDZ_MUST_USE cdz_rc cdz_flow_trigger_execution(const struct cdz_trigger *trigger,
                                               struct cdz_condition_ctx *ctx,
                                               struct cdz_triggered *ret, struct cdz_err *err);

#endif
