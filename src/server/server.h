/*
 * server.h -- the servers of one process: what they share, how they start and stop.
 *
 *   executor ── owns live executions, steps them, commits changes and effects together
 *   worker   ── threads that take jobs, run attempts, send results and logs
 *   indexer  ── copies changes, logs and metrics from the queue to the repository, then tells followers
 *   hub      ── who follows an execution
 *   flows    ── the compiled flows by revision, shared by all
 *
 * Each binds the pure core to the ports and has its own file; standalone.c starts them in one
 * process.
 */
#ifndef CDZ_SERVER_SERVER_H
#define CDZ_SERVER_SERVER_H

#include "exec/step.h"
#include "model/flow.h"
#include "model/type.h"
#include "port/queue.h"
#include "port/repository.h"
#include "port/storage.h"
#include "server/config.h"
#include "task/answers.h"
#include "task/run.h"
#include "task/services.h"

struct cdz_flows;
struct cdz_templates;
struct cdz_hub;
struct cdz_executor;
struct cdz_worker;
struct cdz_indexer;

/* Counters for /metrics; all atomic, any thread. */
struct cdz_counters {
    _Atomic uint64_t executions_started, executions_ended[CDZ_STATE_COUNT];
    _Atomic uint64_t jobs_dispatched, jobs_taken, jobs_started, jobs_ended[CDZ_STATE_COUNT];
    _Atomic uint64_t results_applied, results_dropped, steps, commits, commit_retries,
        records_damaged;
    _Atomic uint64_t indexed_records, index_batches, index_retries, log_lines;
    _Atomic int64_t live_executions, executions_parked, jobs_running;
};

/* What every server of the process may use. Filled by standalone.c or the CLI; constant afterwards.
 */
struct cdz_services {
    const struct cdz_config *config;
    const struct cdz_registry *registry;
    struct cdz_queue *queue;
    struct cdz_repository *repository;
    struct cdz_storage *storage;
    struct cdz_flows *flows;
    struct cdz_hub *hub;
    struct cdz_counters *counters;
    struct cdz_worker_env worker_env;
    struct cdz_exec_env exec_env;
    struct cdz_secrets *secrets;            /* of the configured file, or NULL */
    struct cdz_task_services task_services; /* services.c */
    struct cdz_answers answers;             /* for expressions that the executor renders */
};

/* flows.c. Threads: any. */
CDZ_MUST_USE cdz_rc cdz_flows_open(struct cdz_queue *queue, const struct cdz_flow_options *options,
                                   struct cdz_flows **ret, struct cdz_err *err);
void cdz_flows_close(struct cdz_flows *flows);
/* A reference; revision 0: the latest. Deleted ones only by revision. CDZ_E_NOT_FOUND. A stored
   text that does not parse any more comes as a flow with `exception`. */
CDZ_MUST_USE cdz_rc cdz_flows_get(struct cdz_flows *flows, cdz_str namespace_, cdz_str id,
                                  int revision, struct cdz_flow **ret, struct cdz_err *err);
/* Makes a revision known to executors and workers, durably. Takes no reference of its own from
 * flow's owner. */
CDZ_MUST_USE cdz_rc cdz_flows_publish(struct cdz_flows *flows, struct cdz_flow *flow,
                                      struct cdz_err *err);
/* A deleted revision: the flow is not found any more but by revision. */
CDZ_MUST_USE cdz_rc cdz_flows_forget(struct cdz_flows *flows, cdz_str namespace_, cdz_str id,
                                     int revision, cdz_str source, struct cdz_err *err);
/* The namespaces of live flows that are `below` or below it (empty: all), sorted, each once. */
cdz_str *cdz_flows_namespaces(struct cdz_flows *flows, cdz_str below, struct cdz_arena *arena,
                              size_t *ret_n);
/* What the flows of this process are compiled with, the templates included. */
struct cdz_flow_options cdz_flows_options(const struct cdz_flows *flows, bool lenient);
/* templates.h; whoever changes one then calls cdz_flows_recompile: flows that use templates are
 * compiled anew when they are asked for next. */
struct cdz_templates *cdz_flows_templates(struct cdz_flows *flows);
void cdz_flows_recompile(struct cdz_flows *flows);
/* Changes whenever a flow is published or forgotten. */
uint64_t cdz_flows_generation(const struct cdz_flows *flows);
/* The latest revisions that have Flow triggers, sorted by name, a reference each; the caller frees the
 * array. */
struct cdz_flow **cdz_flows_listening(struct cdz_flows *flows, size_t *ret_n);
/* After a restart: publishes what the repository has and the queue has not (a crash between the two
 * writes). */
CDZ_MUST_USE cdz_rc cdz_flows_reconcile(struct cdz_flows *flows, struct cdz_repository *repository,
                                        struct cdz_err *err);

/* hub.c: who wants to know of an execution's changes. fn runs in the indexer's thread, after the
   repository has it; it must be short and must not call the hub. Threads: any. */
enum cdz_hub_what { CDZ_HUB_CHANGED, CDZ_HUB_TERMINATED, CDZ_HUB_LOG };
typedef void cdz_hub_fn(void *ctx, enum cdz_hub_what what, cdz_str record);
struct cdz_hub *cdz_hub_open(void);
void cdz_hub_close(struct cdz_hub *hub);
struct cdz_hub_ticket;
struct cdz_hub_ticket *cdz_hub_follow(struct cdz_hub *hub, cdz_str execution_id, cdz_hub_fn *fn,
                                      void *ctx);
/* When it returns fn is not running and will not run any more. */
void cdz_hub_unfollow(struct cdz_hub *hub, struct cdz_hub_ticket *ticket);
void cdz_hub_tell(struct cdz_hub *hub, cdz_str execution_id, enum cdz_hub_what what,
                  cdz_str record);
/* Waits until the execution has a terminated document in the repository (true) or the span has
 * passed (false). */
bool cdz_hub_wait_terminated(struct cdz_hub *hub, struct cdz_repository *repository,
                             cdz_str execution_id, cdz_us span);

/* executor.c, worker.c, indexer.c. stop: ends after the batch at hand; the caller frees nothing
 * else before. */
CDZ_MUST_USE cdz_rc cdz_executor_start(struct cdz_services *s, struct cdz_executor **ret,
                                       struct cdz_err *err);
void cdz_executor_stop(struct cdz_executor *x);
CDZ_MUST_USE cdz_rc cdz_worker_start(struct cdz_services *s, unsigned threads,
                                     struct cdz_worker **ret, struct cdz_err *err);
/* Takes no new jobs, waits up to grace for running attempts, then stops them (they are sent again
 * after a restart). */
void cdz_worker_stop(struct cdz_worker *w, cdz_us grace);
CDZ_MUST_USE cdz_rc cdz_indexer_start(struct cdz_services *s, struct cdz_indexer **ret,
                                      struct cdz_err *err);
void cdz_indexer_stop(struct cdz_indexer *x);

/* create.c: a new execution of a flow, as the API and the CLI make it: id, labels, inputs resolved,
 * state CREATED. */
struct cdz_create {
    struct cdz_flow *flow;
    const struct cdz_services *services; /* for inputs.h; NULL: no key, no functions, no checks */
    cdz_val inputs; /* posted, see cdz_inputs_resolve_list; FILE inputs as kestra:// URIs */
    const struct cdz_label *labels; /* of the request */
    size_t label_count;
    cdz_us schedule_date;
    cdz_str id;                       /* empty: a new one */
    cdz_str trigger_id, trigger_type; /* p NULL: none */
    cdz_val trigger_variables;
    /* Made by another execution: its inputs are checked although there is a trigger, its labels may be
     * the system's, and who waits for it is told of its end. */
    bool by_execution;
    bool labels_are_all;    /* those of the flow are among the labels already */
    bool inputs_are_posted; /* they are checked although there is a trigger */
    bool unchecked;         /* the caller does cdz_execution_check */
    struct cdz_answer_to answer_to;
    int depth;
};
/* The caller frees *ret. CDZ_E_INVALID: an input, a label or a check; CDZ_E_CONFLICT: the flow is
 * disabled or invalid. */
CDZ_MUST_USE cdz_rc cdz_execution_make(const struct cdz_create *c, cdz_us now,
                                       struct cdz_execution **ret, struct cdz_err *err);
/* The `checks` of its flow: CDZ_E_INVALID with the message of one that forbids it; others are noted in
 * the execution, which then warns or fails as it begins. */
CDZ_MUST_USE cdz_rc cdz_execution_check(const struct cdz_services *services,
                                        const struct cdz_flow *flow, struct cdz_execution *e,
                                        struct cdz_err *err);
/* The records that start it: an EVENT, and a CHANGE so that it is listed at once. Bytes are in the
 * arena. */
size_t cdz_execution_records(const struct cdz_execution *e, struct cdz_arena *arena,
                             struct cdz_record ret[2]);
/* The record that asks for a kill; cascade: of the executions it has started, too. */
struct cdz_record cdz_kill_record(cdz_str execution_id, bool cascade, struct cdz_arena *arena);
/* Any other event (pause, resume, force-run, adopt) as a record of the topic EVENT; create: see
 * cdz_event_encode. */
struct cdz_record cdz_event_record(cdz_str execution_id, const struct cdz_event *ev, cdz_str create,
                                   struct cdz_arena *arena);
/* services.c: the record that resumes a paused execution; inputs: of onResume, or null. */
struct cdz_record cdz_resume_record(cdz_str execution_id, cdz_val inputs, struct cdz_arena *arena);
/* Fills s->task_services: what tasks may ask. */
void cdz_task_services_init(struct cdz_services *s);
/* The first byte of a record of the topic LOG that is no entry but a mark: when everything before it is
 * in the repository, the hub is told of the mark's bytes as if they were an execution's id. */
enum { CDZ_LOG_MARK = 0x7e };
/* A new random id, any thread. */
cdz_str cdz_execution_id(struct cdz_arena *arena);

/* A CHANGE record's value: kind byte and the model's record; DELETE: a byte of CDZ_REPO_LOGS and
 * CDZ_REPO_METRICS, what is to go with it. */
enum cdz_change_kind { CDZ_CHANGE_HEAD = 1, CDZ_CHANGE_TASKRUN = 2, CDZ_CHANGE_DELETE = 3 };

/* standalone.c: everything in one process. */
struct cdz_standalone;
CDZ_MUST_USE cdz_rc cdz_standalone_start(const struct cdz_config *config, bool volatile_store,
                                         struct cdz_standalone **ret, struct cdz_err *err);
struct cdz_services *cdz_standalone_services(struct cdz_standalone *s);
void cdz_standalone_stop(struct cdz_standalone *s);

#endif
