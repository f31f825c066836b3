/*
 * again_marks.h -- what the files behind again.h share: a mark by task run.
 *
 * Restart, replay and the change of a state mark the task runs first and change the execution
 * afterwards:
 *
 *   KEEP   as it is
 *   OPEN   a flowable above something that runs again: RUNNING, its scope is open again
 *   AGAIN  RESTARTED: a leaf is dispatched again, a flowable without kept children begins anew
 *   SET    the state that the user gave
 *   DROP   removed, with all below it
 *
 * What an open scope ran because its tasks had failed or ended (errors, finally, afterExecution,
 * listeners) is dropped: it runs again when the tasks end again. Task runs stand behind their
 * parents, so one pass over them sees parents first.
 */
#ifndef CDZ_EXEC_AGAIN_MARKS_H
#define CDZ_EXEC_AGAIN_MARKS_H

#include "exec/again.h"

enum mark { KEEP, OPEN, AGAIN, SET, DROP };

/* The change under way. */
struct again {
    struct cdz_execution *e;
    struct cdz_arena *arena;      /* scratch */
    enum mark *mark;              /* by task run */
    const struct cdz_task **task; /* by task run; NULL: the flow has no such task */
    bool root_open;
};

/* Everything is KEEP, but for what was removed before and what the flow does not have: DROP. */
void again_begin(struct again *a, struct cdz_execution *e, struct cdz_arena *arena);

enum cdz_state again_state_of(const struct cdz_taskrun *t);
bool again_is_flowable(const struct cdz_task *task);
/* Below a runnable task (WorkingDirectory) stand task runs that its worker has made. */
bool again_is_made_by_worker(const struct again *a, const struct cdz_taskrun *t);
/* Not of errors, finally, afterExecution or a listener. */
bool again_is_normal(const struct cdz_task *task);
/* Walks over values or rounds: where its children stand depends on the length of its list. */
bool again_is_each(const struct cdz_task *task);
bool again_is_other_revision(const struct again *a);
/* In place: nothing of it may be with a worker, another execution or a listener: its answer would
 * find another attempt. CDZ_E_CONFLICT. */
CDZ_MUST_USE cdz_rc again_check_still(const struct again *a, struct cdz_err *err);
/* The index of the task run with that id, or CDZ_NO_TASKRUN. */
uint32_t again_find_taskrun(const struct cdz_execution *e, cdz_str id);

/* Another revision may have put other tasks before those that ran: drops what is not where the new
 * flow has it, and what stands behind it in its scope. */
void again_drop_moved(struct again *a);
/* AGAIN: what waits, what was left without an end, and (failed) what failed. False: nothing. */
bool again_mark_unfinished(struct again *a, bool failed);
/* Opens the scopes above a task run that is run again or set. */
void again_open_above(struct again *a, const struct cdz_taskrun *t);
/*
 * Drops what is below the dropped, below a worker's task that runs again, and what an open scope
 * ran at its end; but not the runs of spare's own list up to it, at any level above it. spare: NULL
 * or the task run that is run again.
 */
void again_drop_rest(struct again *a, const struct cdz_taskrun *spare);
/* Changes the execution: RESTARTED. set: the state of what is marked SET. */
void again_apply(struct again *a, enum cdz_state set, cdz_us now);
/* Makes it another execution: what is dropped leaves no slot, everything has an id of its own. */
void again_rename_all(struct again *a, cdz_str new_id, struct cdz_rng *rng);
/* Clears what the run before left in the head. */
void again_forget_end(struct cdz_execution *e);

#endif
