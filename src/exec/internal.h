/*
 * internal.h -- what the files of src/exec share: the derived bookkeeping of a live execution and
 * the running step.
 *
 * A *scope* is one place where task runs are children: the flow itself (root) or a running flowable
 * task run. Its work is a grid of values x tasks (one value for all but the each tasks), walked in
 * one of four orders:
 *
 *   SEQUENCE  value by value, task by task, one at a time    root, Sequential, If, Switch,
 *                                                            EachSequential, ForEach(1)
 *   ALL       everything at once, at most `limit` live       Parallel, EachParallel
 *   CHAINS    values side by side, tasks of a value in turn  ForEach(n)
 *   DAG       a task once all it depends on has ended        Dag
 *
 * When a child of the normal tasks ends FAILED the scope turns to its `errors` list and starts no
 * normal task any more; then come the tasks of `finally`, whatever happened; it ends when nothing of
 * it is live. Every count is updated when a child begins or ends: a step costs O(children touched),
 * never O(children). Everything here can be rebuilt from the records (load.c).
 *
 * A *loop* is a scope whose children can be taken away together and made anew: WaitFor, LoopUntil,
 * and WorkingDirectory when it is tried again. What is taken away stays as a `gone` record whose place
 * the next turn uses again, so that a loop of any length needs the room of one turn.
 */
#ifndef CDZ_EXEC_INTERNAL_H
#define CDZ_EXEC_INTERNAL_H

#include "exec/step.h"

enum scope_order { ORDER_SEQUENCE, ORDER_ALL, ORDER_CHAINS, ORDER_DAG };

struct cdz_scope {
    const struct cdz_task *task; /* NULL: the root */
    uint32_t taskrun;            /* CDZ_NO_TASKRUN: the root */
    enum scope_order order;
    const struct cdz_task_list *tasks, *errors,
        *finals;          /* tasks: the branch that If or Switch chose */
    cdz_val values;       /* list of texts, or null: no each task */
    uint32_t value_count; /* 1 when values is null */
    uint32_t limit;       /* live children (CHAINS: live chains) at most; 0: no limit */

    uint32_t live;         /* children not ended, errors included */
    uint32_t begun, ended; /* normal children */
    uint32_t errors_begun, errors_ended, finals_begun, finals_ended;
    bool failed, killed, warned, skipped; /* a normal child ended so */
    bool error_failed, final_failed;      /* a child of those lists ended FAILED */
    uint32_t chains_begun, chains_live;
    uint32_t *chain_next, *chain_ended; /* CHAINS: by value, tasks begun and ended */
    bool stalled;                       /* CHAINS: some may have been held up between two tasks */
    uint8_t *dag_state;                 /* DAG: by task, 0 waiting, 1 begun, 2 ended */
    bool queued;                        /* stands in the step's list of scopes to advance */
    bool unfilled;                      /* stands in the index's list of that name */
    bool closed;                        /* its task run (or the execution) has ended */
    bool passive;                       /* a worker decides what begins: WorkingDirectory */
    bool after; /* listeners and afterExecution: the execution is terminated already */

    struct cdz_scope
        *loop; /* the nearest loop around what begins here: itself, or one above; or NULL */
    CDZ_VEC(uint32_t)
    members; /* loops: task runs of this turn, nested ones too, but for inner loops' */
    CDZ_VEC(uint32_t) free; /* loops: places of earlier turns, ascending */
    size_t free_at;         /* those before are taken */
};

/* Derived lookups of an execution. */
struct cdz_index {
    struct cdz_scope root, after;
    struct cdz_task_list after_tasks;       /* of `after` */
    uint32_t *first_of_task, *last_of_task; /* by task number: task run index + 1 */
    uint32_t *next_of_task, *prev_of_task;  /* by task run: its neighbours of the same task, + 1 */
    uint64_t *path_hash; /* by task run: hash of the values from the root down to it */
    size_t taskrun_cap;  /* of the three arrays above */
    uint32_t *slots; /* (task, path of values) -> task run index + 1; may hold what is outdated */
    size_t slot_count, slots_used;
    CDZ_VEC(uint32_t) timed;              /* task runs with due_at */
    CDZ_VEC(struct cdz_scope *) unfilled; /* scopes that a step has left half begun */
    uint32_t killing_left;                /* task runs in KILLING */
    uint32_t working; /* task runs with a worker, or waiting for another execution */
    uint32_t paused;  /* task runs in PAUSED */
    cdz_us killing_since;
};

/* The step under way. */
struct step {
    struct cdz_execution *e;
    const struct cdz_exec_env *env;
    const struct cdz_event *ev;
    struct cdz_arena *arena; /* of the step: effects, scratch */
    struct cdz_step *out;
    struct cdz_rng rng;
    CDZ_VEC(struct cdz_scope *) todo; /* scopes to advance */
    uint8_t *touched;                 /* bitmap by task run */
    size_t touched_n;
    struct cdz_buf buf; /* scratch for encoding */
    struct cdz_arena
        *scratch;   /* for what is needed until the next job is encoded; NULL: none yet */
    uint32_t begun; /* task runs */
};

/* Task runs that one step begins side by side: what is left begins with the next one, so that a step,
 * its commit and the jobs that wait stay small however many values there are. */
#ifndef CDZ_STEP_BEGINS_MAX /* the simulator is built with a smaller one */
#define CDZ_STEP_BEGINS_MAX 1000
#endif
enum { STEP_BEGINS_MAX = CDZ_STEP_BEGINS_MAX };

/* index.c, load.c */
void cdz_index_init(struct cdz_execution *e);
void cdz_scope_init_root(struct cdz_execution *e);
/* The tasks to run after the end, by e->after_lists; in e->index->after. */
void cdz_scope_init_after(struct cdz_execution *e);
/* Prepares t->scope of a flowable whose outputs and values are set already. */
void cdz_scope_init(struct cdz_execution *e, struct cdz_taskrun *t);
/* A child has been added to the execution / has ended / is taken away: keeps the counts of its scope
 * and the lookups. */
void cdz_index_begin(struct cdz_execution *e, struct cdz_taskrun *t);
void cdz_index_end(struct cdz_execution *e, struct cdz_taskrun *t);
void cdz_index_remove(struct cdz_execution *e, struct cdz_taskrun *t);
struct cdz_scope *cdz_scope_of(struct cdz_execution *e,
                               const struct cdz_taskrun *t); /* its parent's */
/* The task run of that task whose path of values hashes to path, or NULL (the last one, when
 * re-created). */
struct cdz_taskrun *cdz_index_find(const struct cdz_execution *e, const struct cdz_task *task,
                                   uint64_t path);
uint64_t cdz_path_add(uint64_t path, cdz_str value);

/* scope.c */
void cdz_scope_push(struct step *s, struct cdz_scope *scope);
void cdz_scope_run(struct step *s);       /* until nothing is left to advance */
void cdz_scope_fill_more(struct step *s); /* pushes what earlier steps have left half begun */
/* A child of an ORDER_CHAINS scope has ended: its own chain goes on before others begin. */
void cdz_scope_chain_on(struct step *s, struct cdz_scope *scope, uint32_t value);

/* taskrun.c */
void cdz_taskrun_begin(struct step *s, struct cdz_scope *scope, const struct cdz_task *task,
                       uint32_t value_index);
/* A task run of the scope in a fresh place or that of one gone; in no state yet. id: empty: drawn. */
struct cdz_taskrun *cdz_taskrun_new(struct step *s, struct cdz_scope *scope,
                                    const struct cdz_task *task, cdz_str id);
void cdz_taskrun_state(struct step *s, struct cdz_taskrun *t, enum cdz_state state, cdz_us at);
void cdz_taskrun_end(struct step *s, struct cdz_taskrun *t, enum cdz_state state);
/* The same, where allowFailure and allowWarning do not count. */
void cdz_taskrun_end_as_is(struct step *s, struct cdz_taskrun *t, enum cdz_state state);
/* Sends it to a worker, or starts it here, by its kind: a new attempt. */
void cdz_taskrun_dispatch(struct step *s, struct cdz_taskrun *t);
void cdz_taskrun_running(struct step *s, struct cdz_taskrun *t);
void cdz_taskrun_result(struct step *s, struct cdz_taskrun *t);
void cdz_attempt_open(struct step *s, struct cdz_taskrun *t, cdz_us at);
/* Ends the attempt if one is open. */
void cdz_attempt_close(struct step *s, struct cdz_taskrun *t, enum cdz_state state, cdz_us at);
/* FAILED with a message in the log: what the executor itself could not do. */
void cdz_taskrun_break(struct step *s, struct cdz_taskrun *t, const struct cdz_err *err);
/* What an attempt became: retried, or the task run ends so. */
void cdz_taskrun_became(struct step *s, struct cdz_taskrun *t, enum cdz_state state);
void cdz_taskrun_output(struct step *s, struct cdz_taskrun *t, const char *name, cdz_val v);
/* Wakes it at `at`: cdz_due. */
void cdz_taskrun_due(struct step *s, struct cdz_taskrun *t, cdz_us at);
/* Takes all task runs of a loop's turn away. */
void cdz_loop_clear(struct step *s, struct cdz_scope *loop);
/* It waits for nobody any more: neither for a worker nor for another execution. Before its state
 * changes. */
void cdz_taskrun_is_back(struct step *s, struct cdz_taskrun *t);
/* Whether it is a task inside a WorkingDirectory: a worker's, not ours. */
bool cdz_taskrun_is_nested(const struct cdz_taskrun *t);
/* Terminates a task run without telling its scope: the whole execution is ending. */
void cdz_taskrun_put_down(struct step *s, struct cdz_taskrun *t, enum cdz_state state);

/* due.c: everything whose time has come. */
void cdz_due(struct step *s);

/* retry.c: true if the attempt that has just failed is to be retried, and what was done about it.
 */
bool cdz_retry_taskrun(struct step *s, struct cdz_taskrun *t);
bool cdz_retry_warns(const struct step *s, const struct cdz_taskrun *t);
void cdz_retry_due(struct step *s, struct cdz_taskrun *t);

/* flowable.c: evaluates condition, value, values; then opens the scope. */
void cdz_flowable_begin(struct step *s, struct cdz_taskrun *t);
/* A list, or text that is one. */
CDZ_MUST_USE cdz_rc cdz_flowable_list(cdz_val v, struct cdz_arena *arena, cdz_val *ret,
                                      struct cdz_err *err);

/* pause.c */
CDZ_MUST_USE cdz_rc cdz_pause_begin(struct step *s, struct cdz_taskrun *t, struct cdz_err *err);
void cdz_pause_due(struct step *s, struct cdz_taskrun *t);
void cdz_pause_resume(struct step *s); /* the first paused task run, or what a user has paused */
void cdz_pause_hold(struct step *s);
/* The execution is shown as running again if nothing holds it. restarted: by way of RESTARTED. */
void cdz_pause_over(struct step *s, bool restarted);

/* loop.c */
void cdz_loop_begin(struct step *s, struct cdz_taskrun *t);
/* The turn has ended as `state`: true if the loop goes on; else *state is its own end. */
bool cdz_loop_turn(struct step *s, struct cdz_taskrun *t, enum cdz_state *state);
void cdz_loop_due(struct step *s, struct cdz_taskrun *t);

/* child.c, items.c: executions that a task run starts. */
CDZ_MUST_USE cdz_rc cdz_subflow_begin(struct step *s, struct cdz_taskrun *t, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_items_begin(struct step *s, struct cdz_taskrun *t, struct cdz_err *err);
void cdz_items_more(struct step *s, struct cdz_taskrun *t);
void cdz_items_child(struct step *s, struct cdz_taskrun *t);
void cdz_child_event(struct step *s, struct cdz_taskrun *t);
/* Sends a kill to what it has started. True: its end is to be waited for. */
bool cdz_child_kill(struct step *s, struct cdz_taskrun *t);
/* Tells who waits for this execution that it has ended. */
void cdz_child_answer(struct step *s);
/* The effect for one call; extra: root names beside the context, or null. */
CDZ_MUST_USE cdz_rc cdz_child_call(struct step *s, struct cdz_taskrun *t, cdz_val items,
                                   int iteration, struct cdz_err *err);
/* The id of the batch's execution: always the same for this attempt. */
cdz_str cdz_child_id(struct step *s, const struct cdz_taskrun *t, int iteration);
/* transmitFailed: what the task run becomes when its child ended so. */
enum cdz_state cdz_child_transmits(const struct cdz_taskrun *t, enum cdz_state state);

/* wait.c: WaitForEvent */
CDZ_MUST_USE cdz_rc cdz_wait_begin(struct step *s, struct cdz_taskrun *t, struct cdz_err *err);
void cdz_wait_due(struct step *s, struct cdz_taskrun *t);
void cdz_wait_signal(struct step *s, struct cdz_taskrun *t);
void cdz_wait_leave(struct step *s, struct cdz_taskrun *t);

/* update.c: Labels, SetVariables, UnsetVariables, Exit. */
void cdz_update_begin(struct step *s, struct cdz_taskrun *t);
void cdz_labels_add(struct step *s, cdz_str key, cdz_str value); /* or replaces */

/* nested.c: the tasks inside a WorkingDirectory, told by its worker. */
void cdz_nested_event(struct step *s, struct cdz_taskrun *t);
void cdz_nested_over(struct step *s, struct cdz_taskrun *t); /* the WorkingDirectory's has ended */
/* The worker is done with it: true if `errors` or `finally` are still to run, here. */
bool cdz_nested_goes_on(struct step *s, struct cdz_taskrun *t, enum cdz_state state);
/* What the worker's part became, when that is over; else RUNNING. */
enum cdz_state cdz_nested_became(const struct cdz_taskrun *t);

/* begin.c */
void cdz_execution_start(struct step *s);
void cdz_execution_gate(struct step *s); /* a GATE event */
void cdz_execution_force(struct step *s);
void cdz_execution_leave_gates(struct step *s);

/* sla.c */
void cdz_sla_arm(struct step *s);
void cdz_sla_check(struct step *s);

/* kill.c */
void cdz_kill_begin(struct step *s, enum cdz_state end_as, bool cascade);
void cdz_kill_advance(struct step *s); /* ends the execution once nothing runs any more */
void cdz_kill_force(struct step *s);

/* finish.c */
void cdz_execution_finish(struct step *s, enum cdz_state state);
void cdz_execution_over(struct step *s); /* the tasks after the end have ended, too */

/* step.c */
void cdz_step_touch(struct step *s, const struct cdz_taskrun *t);
void cdz_step_state(struct step *s, enum cdz_state state); /* of the execution */
void cdz_step_effect(struct step *s, enum cdz_effect_kind kind, cdz_us at, cdz_str id,
                     cdz_str bytes);
void cdz_step_log(struct step *s, const struct cdz_taskrun *t, enum cdz_level level,
                  const char *fmt, ...) CDZ_PRINTF(4, 5);
static inline cdz_us cdz_step_now(const struct step *s)
{
    return s->ev->now;
}
/* An environment with what t (or, NULL, the execution) may read; extra: more root names, or null. */
void cdz_step_env(struct step *s, const struct cdz_taskrun *t, const struct cdz_needs *needs,
                  cdz_val extra, struct cdz_map_env *ret);
/* The rendered text of a property in the execution's arena. */
CDZ_MUST_USE cdz_rc cdz_step_text(struct step *s, const struct cdz_taskrun *t, const char *prop,
                                  cdz_str *ret, struct cdz_err *err);
/* A property that is true, or renders to what is; a broken expression is false. */
bool cdz_step_flag(struct step *s, const struct cdz_taskrun *t, const char *prop);
/* A rendered duration property; 0 when not given. */
CDZ_MUST_USE cdz_rc cdz_step_duration(struct step *s, const struct cdz_taskrun *t, cdz_val v,
                                      cdz_us *ret, struct cdz_err *err);
void cdz_step_event(struct step *s, cdz_str key, const struct cdz_event *ev);
void cdz_step_push_open(struct step *s); /* all scopes that may go on */
/* Renders v with what t (or, NULL, the execution) may read. */
CDZ_MUST_USE cdz_rc cdz_step_render(struct step *s, const struct cdz_taskrun *t, cdz_val v,
                                    cdz_val *ret, struct cdz_err *err);

#endif
