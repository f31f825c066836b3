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
 * normal task any more; it ends when nothing of it is live. Every count is updated when a child
 * begins or ends: a step costs O(children touched), never O(children). Everything here can be
 * rebuilt from the records (load.c).
 */
#ifndef CDZ_EXEC_INTERNAL_H
#define CDZ_EXEC_INTERNAL_H

#include "exec/step.h"

enum scope_order { ORDER_SEQUENCE, ORDER_ALL, ORDER_CHAINS, ORDER_DAG };

struct cdz_scope {
    const struct cdz_task *task; /* NULL: the root */
    uint32_t taskrun;            /* CDZ_NO_TASKRUN: the root */
    enum scope_order order;
    const struct cdz_task_list *tasks, *errors; /* tasks: the branch that If or Switch chose */
    cdz_val values;                             /* list of texts, or null: no each task */
    uint32_t value_count;                       /* 1 when values is null */
    uint32_t limit; /* live children (CHAINS: live chains) at most; 0: no limit */

    uint32_t live;         /* children not ended, errors included */
    uint32_t begun, ended; /* normal children */
    uint32_t errors_begun, errors_ended;
    bool failed, killed, warned; /* a normal child ended so */
    bool error_failed;           /* a child of the errors list ended FAILED */
    uint32_t chains_begun, chains_live;
    uint32_t *chain_next; /* CHAINS: by value, tasks begun */
    uint8_t *dag_state;   /* DAG: by task, 0 waiting, 1 begun, 2 ended */
    bool queued;          /* stands in the step's list of scopes to advance */
    bool closed;          /* its task run (or the execution) has ended */
};

/* Derived lookups of an execution. */
struct cdz_index {
    struct cdz_scope root;
    uint32_t *first_of_task, *last_of_task; /* by task number: task run index + 1 */
    uint32_t *next_of_task;                 /* by task run: the next one of the same task, + 1 */
    uint64_t *path_hash; /* by task run: hash of the values from the root down to it */
    size_t taskrun_cap;  /* of the two arrays above */
    uint32_t *slots;     /* (task, path of values) -> task run index + 1 */
    size_t slot_count;
    CDZ_VEC(uint32_t) retrying; /* task runs in RETRYING */
    uint32_t killing_left;      /* task runs in KILLING */
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
};

/* load.c */
void cdz_index_init(struct cdz_execution *e);
void cdz_scope_init_root(struct cdz_execution *e);
/* Prepares t->scope of a flowable whose outputs and values are set already. */
void cdz_scope_init(struct cdz_execution *e, struct cdz_taskrun *t);
/* A child has been added to the execution / has ended: keeps the counts of its scope and the
 * lookups. */
void cdz_index_begin(struct cdz_execution *e, struct cdz_taskrun *t);
void cdz_index_end(struct cdz_execution *e, struct cdz_taskrun *t);
struct cdz_scope *cdz_scope_of(struct cdz_execution *e,
                               const struct cdz_taskrun *t); /* its parent's */
/* The task run of that task whose path of values hashes to path, or NULL (the last one, when
 * re-created). */
struct cdz_taskrun *cdz_index_find(const struct cdz_execution *e, const struct cdz_task *task,
                                   uint64_t path);
uint64_t cdz_path_add(uint64_t path, cdz_str value);

/* scope.c */
void cdz_scope_push(struct step *s, struct cdz_scope *scope);
void cdz_scope_run(struct step *s); /* until nothing is left to advance */
void cdz_scope_begin_root(struct step *s);
/* A child of an ORDER_CHAINS scope has ended: its own chain goes on before others begin. */
void cdz_scope_chain_on(struct step *s, struct cdz_scope *scope, uint32_t value);

/* taskrun.c */
void cdz_taskrun_begin(struct step *s, struct cdz_scope *scope, const struct cdz_task *task,
                       uint32_t value_index);
void cdz_taskrun_end(struct step *s, struct cdz_taskrun *t, enum cdz_state state);
void cdz_taskrun_dispatch(struct step *s, struct cdz_taskrun *t);
void cdz_taskrun_running(struct step *s, struct cdz_taskrun *t);
void cdz_taskrun_result(struct step *s, struct cdz_taskrun *t);
/* FAILED with a message in the log: what the executor itself could not do. */
void cdz_taskrun_break(struct step *s, struct cdz_taskrun *t, const struct cdz_err *err);

/* retry.c: true if the attempt that has just failed is to be retried, and what was done about it.
 */
bool cdz_retry_taskrun(struct step *s, struct cdz_taskrun *t);
bool cdz_retry_warns(const struct step *s, const struct cdz_taskrun *t);
void cdz_retry_due(struct step *s);

/* flowable.c: evaluates condition, value, values; then opens the scope. */
void cdz_flowable_begin(struct step *s, struct cdz_taskrun *t);

/* kill.c */
void cdz_kill_begin(struct step *s);
void cdz_kill_advance(struct step *s); /* ends the execution once nothing runs any more */
void cdz_kill_force(struct step *s);

/* finish.c */
void cdz_execution_finish(struct step *s, enum cdz_state state);

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
/* Renders v with what t (or, NULL, the execution) may read. */
CDZ_MUST_USE cdz_rc cdz_step_render(struct step *s, const struct cdz_taskrun *t, cdz_val v,
                                    cdz_val *ret, struct cdz_err *err);

#endif
