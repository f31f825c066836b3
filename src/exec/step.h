/*
 * step.h -- the executor's pure heart: one event about one execution in, changes and effects out.
 *
 * A step is a function of its arguments and of nothing else: it reads no clock, file, socket,
 * configuration or global and never logs (log lines are effects). Time and randomness arrive in the
 * event. Same execution, flow and event: same changes, same effects, byte for byte; replay,
 * recovery and the simulator rely on it.
 *
 * The execution given is advanced in place (its arena grows by what changed only), and what was
 * touched is reported, so that a step costs the size of the change and not of the execution. Who
 * needs the state before keeps its records.
 */
#ifndef CDZ_EXEC_STEP_H
#define CDZ_EXEC_STEP_H

#include "base/id.h"
#include "expr/expr.h"
#include "model/execution.h"
#include "model/flow.h"

enum cdz_event_kind {
    CDZ_EVENT_CREATE,  /* the execution has just been decoded from the event; start it */
    CDZ_EVENT_RUNNING, /* a worker has begun an attempt */
    CDZ_EVENT_RESULT,  /* a worker has ended an attempt */
    CDZ_EVENT_KILL,    /* a user's request */
    CDZ_EVENT_TIMER,   /* something is due: a retry, a scheduled start, the end of a kill's patience
                        */
    CDZ_EVENT_RECOVER, /* after a restart: dispatch again what was under way, arm timers again */
    CDZ_EVENT_ADOPT, /* an execution with its history (restart, replay) has just been loaded: go on */
    CDZ_EVENT_PAUSE,  /* a user's request: nothing new begins */
    CDZ_EVENT_RESUME, /* a user's request; outputs: values of the first paused task run's onResume */
    CDZ_EVENT_FORCE_RUN, /* a user's request: begin at once, or leave the queue, or resume */
    CDZ_EVENT_GATE,      /* a limit's answer to an execution that wants to begin */
    CDZ_EVENT_CHILD,     /* of an execution that a task run has started: refused, made, or ended */
    CDZ_EVENT_NESTED,    /* a worker tells of a task inside a WorkingDirectory */
    CDZ_EVENT_SIGNAL,    /* an event has come by its key: WaitForEvent */
};

/* What a GATE event says. */
enum cdz_gate_answer {
    CDZ_GATE_GRANTED,
    CDZ_GATE_QUEUED, /* wait: another GATE event will come */
    CDZ_GATE_CANCEL, /* full, behavior CANCEL: ends CANCELLED */
    CDZ_GATE_FAIL,   /* full, behavior FAIL: ends FAILED */
    CDZ_GATE_EVICT,  /* a newer one takes the place: is stopped and ends CANCELLED */
};

/* What a CHILD event says. */
enum cdz_child_news {
    CDZ_CHILD_REFUSED, /* it could not be made; text: why */
    CDZ_CHILD_MADE,    /* text: its id */
    CDZ_CHILD_ENDED,   /* state, outputs */
};

struct cdz_event {
    enum cdz_event_kind kind;
    cdz_us now;    /* when the event is processed */
    uint64_t seed; /* for ids and random retries */
    /* RUNNING, RESULT */
    uint32_t taskrun, epoch;
    enum cdz_state state; /* of the attempt: SUCCESS, WARNING, FAILED, KILLED */
    cdz_us started, ended;
    cdz_val outputs; /* map or null */
    cdz_str log_file;
    /* NESTED: taskrun and epoch are the WorkingDirectory's; state RUNNING or what it became */
    cdz_str task_id, nested_id;
    /* KILL */
    bool cascade;          /* the executions it has started, too */
    enum cdz_state end_as; /* KILLED, or CANCELLED */
    /* GATE */
    enum cdz_gate_answer answer;
    cdz_str gate; /* its key */
    /* CHILD; taskrun and epoch as above */
    enum cdz_child_news news;
    int iteration; /* ForEachItem: the batch, from 1 */
    cdz_str text;
};
/* Records of the topics EVENT and RESULT. CREATE carries the execution's head in `create`, ADOPT a
 * snapshot (exec/again.h). */
void cdz_event_encode(const struct cdz_event *ev, cdz_str create, struct cdz_buf *to);
/* Borrowed from bytes; values in the arena. now and seed are the caller's to set. */
CDZ_MUST_USE cdz_rc cdz_event_decode(cdz_str bytes, struct cdz_arena *arena, struct cdz_event *ret,
                                     cdz_str *ret_create, struct cdz_err *err);

enum cdz_effect_kind {
    CDZ_EFFECT_JOB,    /* dispatch the task run; bytes: the encoded job */
    CDZ_EFFECT_KILL,   /* workers must stop all attempts of this execution */
    CDZ_EFFECT_TIMER,  /* send TIMER at `at` */
    CDZ_EFFECT_LOG,    /* bytes: an encoded log entry */
    CDZ_EFFECT_CREATE, /* another execution: bytes is a CREATE event's record, id its key */
    CDZ_EFFECT_EVENT, /* bytes: an event's record for another execution, or for a gate; id its key */
    CDZ_EFFECT_CHILD, /* call is to be made; what became of it comes back as a CHILD event */
    CDZ_EFFECT_FILE,  /* bytes are to be stored at the path `id` before the changes are committed */
    CDZ_EFFECT_ENDED, /* the execution is terminated and has nothing left to run: its state may be
                          dropped */
};

/* A call of another flow: Subflow, ForEachItem. In the step's arena. */
struct cdz_call_flow {
    cdz_str namespace_, flow_id;
    int revision; /* 0: the latest */
    cdz_str id;   /* the new execution's */
    cdz_val inputs;
    const struct cdz_label *labels; /* all it gets beside those of its flow */
    size_t label_count;
    cdz_us schedule_date;
    cdz_str trigger_id, trigger_type;
    cdz_val trigger_variables;
    struct cdz_answer_to answer_to; /* also when nobody waits: CHILD events MADE and REFUSED */
    bool wait;
    int depth;
};

struct cdz_effect {
    enum cdz_effect_kind kind;
    cdz_us at;
    cdz_str id;
    cdz_str bytes;                    /* in the step's arena */
    const struct cdz_call_flow *call; /* CHILD */
    bool
        when_idle; /* TIMER: not before workers have little to do; there is more of the same to begin */
    uint32_t taskrun, epoch; /* JOB */
};

/* What a step did. Everything lives in the arena given to cdz_exec_step. */
struct cdz_step {
    bool head;                  /* the head changed */
    CDZ_VEC(uint32_t) taskruns; /* indexes of the task runs that are new or changed; each once */
    CDZ_VEC(struct cdz_effect) effects; /* to carry out, in order, once the changes are durable */
};

/* What the step may ask of the world through expressions; answers are part of the event in replays.
 */
struct cdz_exec_env {
    cdz_rc (*world)(struct cdz_env *env, enum cdz_world_call call, const cdz_val *args, size_t n,
                    struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err);
    const void *world_ctx; /* cdz_env.world_ctx of every rendering */
    /* The variables of a rendering with their encrypted values in plain text; may be NULL. */
    cdz_val (*reveal)(const void *world_ctx, const struct cdz_flow *flow, cdz_val vars,
                      struct cdz_arena *arena);
    cdz_val globals, envs; /* of the server's configuration */
    cdz_str zone;
    bool recursive;
    cdz_val pools;          /* map name -> limit, or null */
    cdz_str encryption_key; /* base64: for SECRET outputs of flows; empty: none is configured */
    /* A flow by revision (never 0, so it is always the same), with a reference; NULL: not known. */
    struct cdz_flow *(*flow_of)(void *ctx, cdz_str namespace_, cdz_str id, int revision);
    void *ctx;
};

/*
 * Advances e by one event. flow is the revision the execution runs (e->flow, set by the caller with
 * a reference of e's own). Never fails: what goes wrong inside becomes a FAILED task run or
 * execution and log effects. Threads: e belongs to the caller's.
 */
void cdz_exec_step(struct cdz_execution *e, const struct cdz_exec_env *env,
                   const struct cdz_event *ev, struct cdz_arena *arena, struct cdz_step *ret);

/* True when nothing of it is under way: it waits for a date, a limit or a user. Who keeps it may
 * drop it from memory and load it again for the next event; no RECOVER is needed then. */
bool cdz_exec_is_idle(const struct cdz_execution *e);

/* Rebuilds what is derived (scopes, indexes) after an execution was loaded from its records. */
CDZ_MUST_USE cdz_rc cdz_exec_load(struct cdz_execution *e, struct cdz_err *err);

#endif
