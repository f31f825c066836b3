/*
 * internal.h -- what the files of src/api share: one call, its parameters, and the ways to answer
 * it.
 */
#ifndef CDZ_API_INTERNAL_H
#define CDZ_API_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "base/json.h"
#include "base/map.h"
#include "net/http_server.h"

/* The version of the original whose API clients may expect. */
#define API_VERSION "0.20.7"

enum { API_RECENT = 4096 };

struct cdz_api {
    struct cdz_services *s;
    struct cdz_http_server *http;
    pthread_mutex_t flow_mu; /* one saver of flows at a time in this process */
    pthread_mutex_t mu;
    char recent[API_RECENT][24]; /* guarded by mu: ids acknowledged lately, a ring */
    unsigned recent_at;
    struct cdz_table claims[2]; /* guarded by mu: id -> version + 1 that is being changed; the
                                   younger ones first */
    struct api_wait *waits;     /* guarded by mu: requests and streams that wait for an execution */
    struct api_wait *graves; /* guarded by mu: streams whose readers had not left when it drained */
    pthread_t pulse;
    pthread_cond_t pulse_cond;
    unsigned busy;       /* guarded by mu: handlers and callbacks that use the services */
    pthread_cond_t idle; /* busy has become 0 */
    bool draining;       /* guarded by mu */
    cdz_us started;
};

struct api_call {
    struct cdz_api *api;
    struct cdz_http_exchange *x;
    const struct cdz_http_request *r;
    struct cdz_arena *arena; /* the exchange's: gone with the answer */
    cdz_str param[4];        /* {names} of the route's pattern, in order */
};

typedef void api_handler(struct api_call *c);

struct api_route {
    const char *method, *pattern; /* below /api/v1: "/flows/{ns}/{id}" */
    api_handler *fn;
    const char *permission; /* who may: "FLOW_READ" ... ; "OPEN": anybody */
};

/* One table a resource; each ends with method NULL. */
extern const struct api_route api_flow_routes[], api_flow_bulk_routes[], api_execution_routes[],
    api_change_routes[], api_control_routes[], api_bulk_routes[], api_eval_routes[],
    api_explain_routes[], api_kv_routes[], api_namespace_routes[], api_namespace_file_routes[],
    api_template_routes[], api_file_routes[], api_log_routes[], api_input_routes[],
    api_webhook_routes[], api_event_routes[], api_misc_routes[], api_plugin_routes[],
    api_graph_routes[], api_stats_routes[];
/* The same, for paths outside /api/v1. */
extern const struct api_route api_root_routes[];

/* The route of a path with more literal parts than *most, with its parameters and that number;
 * NULL when there is none. Pure. */
const struct api_route *api_route_find(const struct api_route *table, cdz_str method, cdz_str path,
                                       cdz_str param[4], int *most);

/* --- answers: each ends the call
 * -------------------------------------------------------------------------------- */
void api_json(struct api_call *c, int status, struct cdz_buf *body);
void api_text(struct api_call *c, int status, const char *type, cdz_str text);
void api_empty(struct api_call *c, int status);
/* The standard error body, reference/api.md §1.3. */
void api_fail(struct api_call *c, const struct cdz_err *err);
void api_failf(struct api_call *c, cdz_rc rc, const char *fmt, ...) CDZ_PRINTF(3, 4);
struct api_violation {
    cdz_str path, message;
};
void api_invalid(struct api_call *c, int status, cdz_str message, const struct api_violation *v,
                 size_t n);

/* --- parameters
 * --------------------------------------------------------------------------------------------------
 */
cdz_str api_query(struct api_call *c, const char *name); /* p NULL: not given */
bool api_query_bool(struct api_call *c, const char *name, bool fallback);
/* All values of a repeatable parameter, also comma-joined in the form filters[name][OP]=a,b. */
size_t api_query_all(struct api_call *c, const char *name, cdz_str **ret);
/* One value: `name`, or filters[name][any OP]. p NULL: not given. */
cdz_str api_filter(struct api_call *c, const char *name);
/* page, size and sort; false: answered already. */
bool api_page(struct api_call *c, struct cdz_page *ret);
/* labels=key:value (repeatable) and filters[labels][EQUALS][key]=value; false: answered already. */
bool api_labels(struct api_call *c, const char *name, struct cdz_label **ret, size_t *ret_n);
/* `revision`: 0 when not given; false: answered already. flows.c */
bool api_revision(struct api_call *c, int *ret);
/* A date-time parameter; 0 when not given; false: answered already. */
bool api_date(struct api_call *c, const char *name, cdz_us *ret);

/* --- flows: flow_store.c
 * ---------------------------------------------------------------------------------------------- */
/* q, scope, namespace, labels; false: answered already. flows.c */
bool api_flow_filter(struct api_call *c, struct cdz_flow_filter *ret);
struct cdz_flow_options api_flow_options(struct api_call *c, bool lenient);
/* A stored row as a flow; one that does not parse any more has its exception. The caller unrefs. */
struct cdz_flow *api_flow_of_row(struct api_call *c, const struct cdz_flow_row *row);
/* Parses, or answers with all mistakes: NULL. The caller unrefs. */
struct cdz_flow *api_flow_parse(struct api_call *c, cdz_str source);
void api_flow_problems(struct api_call *c, const struct cdz_problems *problems,
                       const struct cdz_err *err);
/* The newest row, deleted ones too; revision 0: there is none. */
CDZ_MUST_USE cdz_rc api_flow_last(struct api_call *c, cdz_str ns, cdz_str id,
                                  struct cdz_flow_row *ret, struct cdz_err *err);
/* Stores the next revision behind last and makes it known; unchanged: takes the last one. Lock:
 * flow_mu held. */
CDZ_MUST_USE cdz_rc api_flow_save(struct api_call *c, struct cdz_flow *flow,
                                  const struct cdz_flow_row *last, struct cdz_err *err);
/* The same, whatever the last one is; takes the lock. */
CDZ_MUST_USE cdz_rc api_flow_store(struct api_call *c, struct cdz_flow *flow, struct cdz_err *err);
/* CDZ_E_NOT_FOUND. Takes the lock. */
CDZ_MUST_USE cdz_rc api_flow_delete(struct api_call *c, cdz_str ns, cdz_str id,
                                    struct cdz_err *err);
/* Parses and stores the documents of a file; ns: the namespace they must be of, or empty. */
CDZ_MUST_USE cdz_rc api_flow_import(struct api_call *c, cdz_str ns, cdz_str text,
                                    struct cdz_err *err);

/* --- archives: nsfiles.c
 * ---------------------------------------------------------------------------------------------- */
/* Calls fn with the bytes of an upload. */
CDZ_MUST_USE cdz_rc api_with_upload(const struct cdz_http_part *part,
                                    cdz_rc (*fn)(struct api_call *c, cdz_str bytes,
                                                 struct cdz_err *err),
                                    struct api_call *c, struct cdz_err *err);
/* Answers with an archive (taken) as a download of that name. */
void api_zip(struct api_call *c, cdz_str name, struct cdz_buf *archive);

/* --- the end
 * -----------------------------------------------------------------------------------------------------
 *
 * Whoever uses the services is counted, so that they are not taken away under it: a handler by the
 * dispatcher, a callback of the queue by the handler that asked for it.
 */
/* False: the server is stopping. */
bool api_enter(struct cdz_api *api);
/* One more, on behalf of a callback; only by who has entered. */
void api_hold(struct cdz_api *api);
void api_leave(struct cdz_api *api);

/* --- waiting
 * -----------------------------------------------------------------------------------------------------
 */
void api_remember(struct cdz_api *api, cdz_str id);
bool api_is_recent(struct cdz_api *api, cdz_str id);
/* Answers a request that has waited for an execution. */
typedef void api_answer_end(struct api_call *c, const struct cdz_execution *e);
void api_answer_execution(struct api_call *c, const struct cdz_execution *e); /* the document */
/* Answers with the execution's document as soon as the repository has it; span: how long to wait at
 * most. */
void api_wait_execution(struct api_call *c, cdz_str id, cdz_us span);
/* Answers once the execution has ended, however long it takes. */
void api_wait_end(struct api_call *c, cdz_str id, api_answer_end *at_end);
/* Answers with status and body (taken; none: no body) once the repository has the execution in that
 * version or a later one; version 0: once it has it no more. */
void api_wait_applied(struct api_call *c, cdz_str id, uint64_t version, int status,
                      struct cdz_buf *body);
void api_follow_execution(struct api_call *c, cdz_str id);
void api_follow_logs(struct api_call *c, cdz_str id, enum cdz_level least);
void api_waits_drain(struct cdz_api *api);
/* After the HTTP server has stopped: no reader is left. */
void api_waits_done(struct cdz_api *api);
bool api_waits_start(struct cdz_api *api);
/* The execution of the repository, or answers. One that has just been acknowledged is 404 as well. */
struct cdz_execution *api_execution_get(struct api_call *c, cdz_str id);
/*
 * Starts what cdz_execution_make has made (taken), and answers once it is durable, or (at_end not
 * NULL) once it has ended. executions.c
 */
void api_create(struct api_call *c, struct cdz_execution *e, api_answer_end *at_end);
/*
 * POST /executions/{id}/pause also reads as "run the flow `pause` of the namespace {id}". True: it
 * meant that, and is answered: there is such a flow and no such execution. executions.c
 */
bool api_is_run_of_flow(struct api_call *c);
/* The search set of parameters, reference/api.md §2; false: answered already. executions.c */
bool api_execution_filter(struct api_call *c, struct cdz_execution_filter *ret);
/*
 * The posted parts as a map; a file part belongs to the input that its filename (or else its name)
 * is, and is stored for the execution. executions.c
 */
CDZ_MUST_USE cdz_rc api_posted_inputs(struct api_call *c, const struct cdz_flow *flow,
                                      const struct cdz_input *inputs, size_t input_count,
                                      cdz_str execution, cdz_val *ret, struct cdz_err *err);
/* The first paused task run's task, or NULL: paused by a user. Needs e->flow. control.c */
const struct cdz_task *api_paused_task(const struct cdz_execution *e);
/* The body as JSON, or answers. */
bool api_body_json(struct api_call *c, cdz_val *ret);
/* The body [{"id", "namespace"}] of bulk operations, in the call's arena; false: answered. */
struct api_name {
    cdz_str namespace_, id;
};
bool api_names(struct api_call *c, const struct api_name **ret, size_t *ret_n);
cdz_str api_execution_url(struct cdz_api *api, const struct cdz_execution *e,
                          struct cdz_arena *arena);

#endif
