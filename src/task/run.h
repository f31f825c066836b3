/*
 * run.h -- what one attempt of a task sees of the world: its rendered properties, a log, metrics,
 * files, and the signal that it must stop. A task type's run() gets a cdz_run and nothing else.
 *
 * run() blocks its thread until the attempt ends. It returns CDZ_OK (SUCCESS, or what it put into
 * run->state), or an error: the attempt is FAILED and err->text is logged at ERROR (KILLED if it
 * was cancelled by a kill). Outputs set before an error are kept: a failed script still gives
 * exitCode and files. Whatever blocks must watch run->cancel_fd (readable once the attempt is
 * killed or timed out) and end soon after.
 */
#ifndef CDZ_TASK_RUN_H
#define CDZ_TASK_RUN_H

#include "expr/expr.h"
#include "model/execution.h"
#include "model/flow.h"
#include "model/job.h"
#include "port/storage.h"

enum cdz_cancel { CDZ_CANCEL_NO, CDZ_CANCEL_KILL, CDZ_CANCEL_TIMEOUT, CDZ_CANCEL_SHUTDOWN };

/* Limits and places of the worker; constant while it runs. */
struct cdz_run;
struct cdz_mask;
struct cdz_nested_hooks;
struct cdz_registry;
struct cdz_secrets;
struct cdz_task_services;
struct cdz_worker_env {
    struct cdz_storage *storage;
    cdz_str tmp_dir;                   /* where working directories are made; absolute */
    struct cdz_spare_dirs *spare_dirs; /* empty ones for later attempts; NULL: none are kept */
    cdz_val globals, envs;             /* `globals.*`, `envs.*` of expressions */
    cdz_str zone;                      /* server time zone */
    bool recursive_rendering;
    cdz_us kill_grace_us;    /* between SIGTERM and SIGKILL of a process tree */
    size_t output_bytes_max; /* CDZ_OUTPUT_BYTES_MAX */
    /* The ERROR log entries of the job's execution, as maps; waits some seconds for the first.
     * NULL: there are none. */
    cdz_rc (*error_logs)(struct cdz_run *run, struct cdz_arena *arena, cdz_val *ret,
                         struct cdz_err *err);
    void *server;                             /* of error_logs */
    const struct cdz_registry *registry;      /* all types: for tasks that are made at run time */
    const struct cdz_secrets *secrets;        /* of a file; NULL: the environment's only */
    cdz_str encryption_key;                   /* base64; empty: none is configured */
    const struct cdz_task_services *services; /* task/services.h; NULL: not available */
};

struct cdz_run {
    const struct cdz_worker_env *worker;
    const struct cdz_job *job;
    const struct cdz_flow *flow;
    const struct cdz_task *task;
    struct cdz_arena *arena; /* of the attempt */
    struct cdz_env *env;     /* renders with the job's context and the worker's world */
    cdz_val outputs;         /* map to fill; starts empty */
    enum cdz_state state;    /* final state on CDZ_OK: CDZ_SUCCESS, or CDZ_WARNING */
    int cancel_fd;           /* readable when the attempt must stop */
    /* Why it must stop; any thread may ask. */
    enum cdz_cancel (*cancelled)(struct cdz_run *run);
    /* Sinks; set by the worker or the test. message may hold any bytes; long ones are split. Any
     * thread. */
    void (*log)(struct cdz_run *run, enum cdz_level level, cdz_us at, cdz_str message);
    void (*metric)(struct cdz_run *run, const char *type, cdz_str name, double value, cdz_val tags);
    void *sink;
    struct cdz_mask *mask; /* takes the secrets that the attempt gets to see; NULL: nobody masks */
    /* The directory that the tasks of a WorkingDirectory share: absolute. NULL: an attempt that needs
     * one makes its own. */
    const char *shared_dir;
    const struct cdz_nested_hooks *nested; /* task/nested.h: for WorkingDirectory; else NULL */
};

/* The rendered value of a property; null when it is not given. */
CDZ_MUST_USE cdz_rc cdz_run_prop(struct cdz_run *run, const char *name, cdz_val *ret,
                                 struct cdz_err *err);
/* The same as text ("" when not given; numbers and booleans printed, maps and lists as JSON).
 * *given may be NULL. */
CDZ_MUST_USE cdz_rc cdz_run_text(struct cdz_run *run, const char *name, cdz_str *ret, bool *given,
                                 struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_run_bool(struct cdz_run *run, const char *name, bool *ret,
                                 struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_run_duration(struct cdz_run *run, const char *name, cdz_us *ret,
                                     struct cdz_err *err);
/* A map or list property that may also be text holding JSON; null when not given. */
CDZ_MUST_USE cdz_rc cdz_run_json(struct cdz_run *run, const char *name, cdz_val *ret,
                                 struct cdz_err *err);
/* The same as a list of texts; a single text is a list of one, unless it holds a JSON list; null
 * when not given. Null items are left out, others printed. */
CDZ_MUST_USE cdz_rc cdz_run_texts(struct cdz_run *run, const char *name, cdz_val *ret,
                                  struct cdz_err *err);
/* As UTC; 0 when not given. */
CDZ_MUST_USE cdz_rc cdz_run_instant(struct cdz_run *run, const char *name, cdz_us *ret,
                                    struct cdz_err *err);
void cdz_run_output(struct cdz_run *run, const char *name, cdz_val val);
void cdz_run_logf(struct cdz_run *run, enum cdz_level level, const char *fmt, ...) CDZ_PRINTF(3, 4);
/* A counter or timer (milliseconds) with up to n tag pairs {key, value, ...}. */
void cdz_run_metric(struct cdz_run *run, const char *type, const char *name, double value,
                    const cdz_str *tags, size_t pairs);
/* Waits until the span has passed or the attempt must stop: CDZ_OK, or CDZ_E_KILLED /
 * CDZ_E_TIMEOUT. */
CDZ_MUST_USE cdz_rc cdz_run_sleep(struct cdz_run *run, cdz_us span, struct cdz_err *err);
/* Fails with the right code if the attempt must stop. */
CDZ_MUST_USE cdz_rc cdz_run_check(struct cdz_run *run, struct cdz_err *err);
/* Stores a file under the task run's folder; *ret is its kestra:// URI. name: one path part or
 * several. */
CDZ_MUST_USE cdz_rc cdz_run_put_file(struct cdz_run *run, cdz_str name, int fd, cdz_str *ret_uri,
                                     struct cdz_err *err);
/*
 * True if the path may be read by this execution: its own files, its trigger's execution, its
 * namespace's files, and any file whose URI it was given, in inputs, outputs or trigger variables
 * (what a subflow has stored, say).
 */
bool cdz_run_may_read(const struct cdz_run *run, cdz_str path);
/* The path behind a kestra:// URI that a flow names, once it is known that it may be read. */
CDZ_MUST_USE cdz_rc cdz_run_path(struct cdz_run *run, cdz_str uri, cdz_str *ret,
                                 struct cdz_err *err);

#endif
