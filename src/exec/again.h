/*
 * again.h -- what users do with an execution that has ended or waits: run it again, from the start or
 * from a task run, or say that a task run ended otherwise. reference/execution.md §12.
 *
 * Pure: a complete copy of the execution (head and task runs, as the repository gives it) with its
 * flow in e->flow is changed in place into what an ADOPT event then carries to the executor
 * (cdz_event_encode with create = cdz_snapshot_encode). Errors are what the API answers with.
 */
#ifndef CDZ_EXEC_AGAIN_H
#define CDZ_EXEC_AGAIN_H

#include "base/id.h"
#include "model/execution.h"
#include "model/flow.h"

/*
 * In place: the failed and the paused task runs are run again (RESTARTED; the flowables above them
 * RUNNING), everything else is kept; a flowable that failed by itself is RESTARTED and begins anew,
 * its children are gone. With new_id.n: another execution (parentId is the old one's) of e->flow,
 * which may be another revision. CDZ_E_CONFLICT: its state; CDZ_E_INVALID: nothing to restart from.
 */
CDZ_MUST_USE cdz_rc cdz_exec_restart(struct cdz_execution *e, cdz_str new_id, struct cdz_rng *rng,
                                     cdz_us now, struct cdz_err *err);
/* Another execution: from the start (taskrun_id.n == 0; it is CREATED, without task runs), or from
 * that task run on with all before it kept. CDZ_E_INVALID: no such task run. */
CDZ_MUST_USE cdz_rc cdz_exec_replay(struct cdz_execution *e, cdz_str new_id, cdz_str taskrun_id,
                                    struct cdz_rng *rng, cdz_us now, struct cdz_err *err);
/* The task run and its last attempt get the state; the execution goes on from there. CREATED and
 * RESTARTED: it is run again. CDZ_E_NOT_FOUND: no such task run; CDZ_E_CONFLICT: the execution is
 * live; CDZ_E_INVALID: the state. */
CDZ_MUST_USE cdz_rc cdz_exec_set_state(struct cdz_execution *e, cdz_str taskrun_id,
                                       enum cdz_state state, cdz_us now, struct cdz_err *err);
/* Terminated to terminated, nothing runs. CDZ_E_INVALID otherwise. */
CDZ_MUST_USE cdz_rc cdz_exec_change_status(struct cdz_execution *e, enum cdz_state state,
                                           cdz_us now, struct cdz_err *err);

/* The head and all task runs in one record; what ADOPT carries. */
void cdz_snapshot_encode(const struct cdz_execution *e, struct cdz_buf *to);
CDZ_MUST_USE cdz_rc cdz_snapshot_decode(cdz_str bytes, struct cdz_execution **ret,
                                        struct cdz_err *err);

#endif
