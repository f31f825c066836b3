/*
 * execution.h -- an execution and its task runs: what is stored, sent and shown.
 * reference/execution.md §2.
 *
 * A live execution has one owner (the executor's thread, or the CLI's). Everything of it lives in
 * its arena. It is changed only by src/exec; what changed is written as records: one for the head,
 * one per task run touched.
 */
#ifndef CDZ_MODEL_EXECUTION_H
#define CDZ_MODEL_EXECUTION_H

#include "base/json.h"
#include "base/val.h"
#include "base/log.h"
#include "model/state.h"

#define CDZ_NO_TASKRUN UINT32_MAX

struct cdz_label {
    cdz_str key, value;
};

struct cdz_attempt {
    struct cdz_history history;
    cdz_str log_file; /* URI or empty */
};

struct cdz_taskrun {
    uint32_t index;  /* position in execution->taskruns; never changes */
    uint32_t parent; /* index of the parent task run, or CDZ_NO_TASKRUN */
    cdz_str id, task_id;
    cdz_str value; /* of an each task; p NULL: none */
    int iteration; /* 0: none */
    struct cdz_attempt *attempts;
    size_t attempt_count, attempt_cap;
    struct cdz_history history;
    cdz_val outputs; /* map, or null: not set */

    /* Kept with the record, not shown by the API */
    uint32_t epoch; /* counts dispatches: a result of an older one is dropped (fencing token) */
    cdz_us
        due_at; /* when it goes on by itself: a retry, a pause's end, a loop's next turn; 0: never */
    bool gone;  /* a run that a loop or a restart has removed: its record keeps its place in state
                        and repository (indexes have no gaps), but nobody is shown it */
    cdz_val values;       /* each tasks: the list, rendered once */
    uint32_t value_index; /* position of value among the parent's values */
    cdz_val hidden; /* map or null: what src/exec keeps for itself (counts of ForEachItem ...) */

    /* Derived; rebuilt by src/exec after loading. */
    const struct cdz_task *task;
    struct cdz_scope *scope;
    bool out;        /* with a worker, or waiting for another execution */
    cdz_val batches; /* ForEachItem: URIs of the batches, read again after a restart */
};

struct cdz_execution {
    struct cdz_arena *arena;
    cdz_str id, namespace_, flow_id;
    int flow_revision;
    cdz_val inputs;    /* map or null */
    cdz_val outputs;   /* map or null */
    cdz_val variables; /* map or null */
    struct cdz_label *labels;
    size_t label_count;
    struct cdz_history history;
    cdz_str parent_id, original_id;   /* p NULL: none */
    cdz_str trigger_id, trigger_type; /* trigger_id.p NULL: no trigger */
    cdz_val trigger_variables;
    int attempt_number; /* metadata.attemptNumber, from 1 */
    cdz_us original_created;
    cdz_us schedule_date; /* 0: none */
    bool deleted;
    uint64_t version; /* +1 for every step that changed something */

    /* Kept with the record, not shown by the API */
    struct cdz_answer_to {    /* who is told of the end: a task run of another execution */
        cdz_str execution_id; /* p NULL: nobody */
        uint32_t taskrun, epoch;
        int iteration;
    } answer_to;
    int depth; /* how many sub-flow calls lie above it */
    cdz_str
        *gates; /* limits that it must pass before it begins, in order; all are left at its end */
    size_t gate_count, gates_passed;
    bool forced;           /* begins without asking limits any more: forced, or run again */
    bool held;             /* paused by a user: nothing new begins until it is resumed */
    bool after;            /* terminated, its listeners and afterExecution tasks run */
    bool sla_violated;     /* a first violation has been acted on */
    enum cdz_state end_as; /* KILLING: the state it ends in */
    cdz_val after_lists;   /* which listeners hold: list of their numbers */
    cdz_val failed_checks; /* list of messages, logged when it begins; or null */
    bool refused;          /* one of them is of behavior FAIL: it ends FAILED instead */

    CDZ_VEC(struct cdz_taskrun *) taskruns;

    /* Derived (src/exec) */
    struct cdz_flow *flow; /* a reference, or NULL */
    struct cdz_index *index;
};

/* Records: binary, versioned, docs/formats.md. The head has everything but the task runs. */
void cdz_execution_encode(const struct cdz_execution *e, struct cdz_buf *to);
void cdz_taskrun_encode(const struct cdz_taskrun *t, struct cdz_buf *to);
/* Into a new execution in its own arena (taskruns empty), or over the head of an existing one.
 * Bytes are copied. */
CDZ_MUST_USE cdz_rc cdz_execution_decode(cdz_str bytes, struct cdz_execution **ret,
                                         struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_execution_decode_into(cdz_str bytes, struct cdz_execution *e,
                                              struct cdz_err *err);
/* Adds or replaces the task run of that index; e's arena takes the copy. Gaps are corrupt. */
CDZ_MUST_USE cdz_rc cdz_taskrun_decode_into(cdz_str bytes, struct cdz_execution *e,
                                            struct cdz_err *err);
struct cdz_execution *cdz_execution_new(void);
void cdz_execution_free(struct cdz_execution *e); /* NULL is fine */

/* The API's JSON, reference/api.md §11.1; url may be empty. now: for the duration of what still
 * runs. */
void cdz_execution_json(const struct cdz_execution *e, cdz_str url, cdz_us now, struct cdz_buf *to);
void cdz_taskrun_json(const struct cdz_execution *e, const struct cdz_taskrun *t, cdz_us now,
                      struct cdz_jw *w, const char *key);
void cdz_history_json(const struct cdz_history *h, cdz_us now, struct cdz_jw *w, const char *key);

/* LogEntry and MetricEntry: records on the topics LOG and METRIC. Empty strings are absent. */
struct cdz_log_entry {
    cdz_str namespace_, flow_id, task_id, execution_id, taskrun_id, trigger_id;
    int attempt; /* -1: none */
    cdz_us at;
    enum cdz_level level;
    cdz_str thread, message;
};
void cdz_log_entry_encode(const struct cdz_log_entry *l, struct cdz_buf *to);
/* Borrowed from bytes. */
CDZ_MUST_USE cdz_rc cdz_log_entry_decode(cdz_str bytes, struct cdz_log_entry *ret,
                                         struct cdz_err *err);
void cdz_log_entry_json(const struct cdz_log_entry *l, struct cdz_buf *to);

struct cdz_metric_entry {
    cdz_str namespace_, flow_id, task_id, execution_id, taskrun_id;
    cdz_str type; /* counter, timer */
    cdz_str name;
    double value; /* timers: milliseconds */
    cdz_us at;
    cdz_val tags; /* map of texts, or null */
};
void cdz_metric_entry_encode(const struct cdz_metric_entry *m, struct cdz_buf *to);
/* Texts borrowed from bytes, tags in the arena. */
CDZ_MUST_USE cdz_rc cdz_metric_entry_decode(cdz_str bytes, struct cdz_arena *arena,
                                            struct cdz_metric_entry *ret, struct cdz_err *err);
void cdz_metric_entry_json(const struct cdz_metric_entry *m, struct cdz_buf *to);

#endif
