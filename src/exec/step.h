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
};
/* Records of the topics EVENT and RESULT. CREATE carries the execution's head in `create`. */
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
    CDZ_EFFECT_ENDED,  /* the execution is terminated: its state may be dropped */
};

struct cdz_effect {
    enum cdz_effect_kind kind;
    cdz_us at;
    cdz_str id;
    cdz_str bytes; /* in the step's arena */
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
    cdz_val globals, envs; /* of the server's configuration */
    cdz_str zone;
    bool recursive;
};

/*
 * Advances e by one event. flow is the revision the execution runs (e->flow, set by the caller with
 * a reference of e's own). Never fails: what goes wrong inside becomes a FAILED task run or
 * execution and log effects. Threads: e belongs to the caller's.
 */
void cdz_exec_step(struct cdz_execution *e, const struct cdz_exec_env *env,
                   const struct cdz_event *ev, struct cdz_arena *arena, struct cdz_step *ret);

/* Rebuilds what is derived (scopes, indexes) after an execution was loaded from its records. */
CDZ_MUST_USE cdz_rc cdz_exec_load(struct cdz_execution *e, struct cdz_err *err);

#endif
