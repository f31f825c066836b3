/*
 * change.c -- verbs that change the copy of an execution that the repository has: restart, replay,
 * the state of a task run, the status, labels, deletion. reference/execution.md §12, §16.
 *
 * What is to run again goes to the executor as a snapshot; the same records go to the indexer at
 * once, so that a GET after the answer shows the new state. What runs nothing goes to the indexer
 * only: through the queue, since a batch that the indexer reads again after a crash would undo what
 * was written past it.
 */
#include "api/verb.h"
#include "base/limits.h"
#include "base/time.h"
#include "exec/again.h"

enum { CLAIMS_MAX = 8192 };

/* --- claims --------------------------------------------------------------------------------- */

static bool claim(struct cdz_api *api, cdz_str id, uint64_t version)
{
    void *mine = (void *)(uintptr_t)(version + 1);
    pthread_mutex_lock(&api->mu);
    bool taken =
        cdz_table_get(&api->claims[0], id) == mine || cdz_table_get(&api->claims[1], id) == mine;
    if (!taken && api->claims[0].n >= CLAIMS_MAX) { /* the repository has the old ones long since */
        cdz_table_done(&api->claims[1]);
        api->claims[1] = api->claims[0];
        api->claims[0] = (struct cdz_table)CDZ_TABLE_INIT;
    }
    if (!taken)
        (void)cdz_table_put(&api->claims[0], id, mine); /* of an older version, if any */
    pthread_mutex_unlock(&api->mu);
    return !taken;
}

static void unclaim(struct cdz_api *api, cdz_str id)
{
    pthread_mutex_lock(&api->mu);
    (void)cdz_table_del(&api->claims[0], id); /* nothing was changed: another may try */
    pthread_mutex_unlock(&api->mu);
}

/* --- one verb ------------------------------------------------------------------------------- */

cdz_rc api_verb_prepare(struct api_change *x, const struct api_verb *verb, struct cdz_execution *e,
                        struct cdz_err *err)
{
    struct cdz_api *api = x->c->api;
    size_t records = x->records.n, folders = x->folders.n;
    cdz_str id = cdz_arena_str(x->arena, e->id);
    if (verb->claims && !claim(api, id, e->version))
        return cdz_fail(err, CDZ_E_CONFLICT, "Execution %.*s is being changed by another request",
                        CDZ_S(id));
    cdz_rc rc = verb->prepare(x, e, err);
    if (rc != CDZ_OK) {
        x->records.n = records;
        x->folders.n = folders;
    }
    if (rc == CDZ_OK && verb->claims && cdz_str_eq(id, e->id))
        CDZ_PUSH(x->arena, &x->claimed, id);
    else if (verb->claims) /* it stays as it is: perhaps another execution was made */
        unclaim(api, id);
    return rc;
}

cdz_rc api_verb_send(struct api_change *x, struct cdz_err *err)
{
    cdz_rc rc = CDZ_OK;
    if (x->records.n)
        rc = cdz_queue_send_wait(x->c->api->s->queue, x->records.v, x->records.n, err);
    for (size_t i = 0; rc != CDZ_OK && i < x->claimed.n; i++)
        unclaim(x->c->api, x->claimed.v[i]);
    for (size_t i = 0; rc == CDZ_OK && i < x->folders.n; i++)
        rc = cdz_storage_del(x->c->api->s->storage, x->folders.v[i], err);
    x->records.n = x->folders.n = x->claimed.n = 0;
    return rc;
}

struct cdz_execution *api_verb_run(struct api_change *x, const struct api_verb *verb)
{
    struct cdz_err err;
    struct cdz_execution *e = api_execution_get(x->c, x->c->param[0]);
    if (!e)
        return NULL;
    cdz_rc rc = api_verb_prepare(x, verb, e, &err);
    if (rc == CDZ_OK)
        rc = api_verb_send(x, &err);
    cdz_flow_unref(e->flow);
    e->flow = NULL;
    if (rc == CDZ_OK)
        return e;
    api_fail(x->c, &err);
    cdz_execution_free(e);
    return NULL;
}

cdz_rc api_verb_flow(struct api_change *x, struct cdz_execution *e, int revision,
                     struct cdz_err *err)
{
    CDZ_TRY(cdz_flows_get(x->c->api->s->flows, e->namespace_, e->flow_id,
                          revision ? revision : e->flow_revision, &e->flow, err));
    if (e->flow->exception.n)
        return cdz_fail(err, CDZ_E_CONFLICT, "Cannot execute an invalid flow: %.*s",
                        CDZ_S(e->flow->exception));
    return CDZ_OK;
}

/* --- records -------------------------------------------------------------------------------- */

static void push(struct api_change *x, enum cdz_topic topic, cdz_str id, char kind,
                 const struct cdz_buf *b)
{
    char *p = cdz_arena_alloc(x->arena, b->n + 1);
    p[0] = kind;
    if (b->n)
        memcpy(p + 1, b->p, b->n);
    CDZ_PUSH(x->arena, &x->records,
             (struct cdz_record){
                 .topic = topic, .key = cdz_arena_str(x->arena, id), .value = {p, b->n + 1}});
}

static void push_head(struct api_change *x, const struct cdz_execution *e)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_execution_encode(e, &b);
    push(x, CDZ_TOPIC_CHANGE, e->id, CDZ_CHANGE_HEAD, &b);
}

/* How it was before the change: what is the same need not be written again. */
struct before {
    bool live;
    struct taskrun_before {
        size_t states;
        bool gone;
    } * v; /* by task run */
};

static struct before look(struct api_change *x, const struct cdz_execution *e)
{
    struct before b = {.live = !cdz_state_is_terminated(cdz_state_now(&e->history)),
                       .v = CDZ_NEW_N(x->arena, struct taskrun_before, e->taskruns.n)};
    for (size_t i = 0; i < e->taskruns.n; i++)
        b.v[i] = (struct taskrun_before){e->taskruns.v[i]->history.n, e->taskruns.v[i]->gone};
    return b;
}

/*
 * The executor goes on with the snapshot. before NULL: another execution, all of it is new. The
 * records of one that is live (paused) are the executor's, which may know more of it by now: it tells
 * the indexer itself.
 */
static void push_adopt(struct api_change *x, const struct cdz_execution *e,
                       const struct before *before)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_event ev = {.kind = CDZ_EVENT_ADOPT};
    cdz_snapshot_encode(e, &b);
    CDZ_PUSH(x->arena, &x->records, cdz_event_record(e->id, &ev, cdz_buf_get(&b), x->arena));
    if (before && before->live)
        return;
    for (size_t i = 0; i < e->taskruns.n; i++) {
        const struct cdz_taskrun *t = e->taskruns.v[i];
        if (before && before->v[i].states == t->history.n && before->v[i].gone == t->gone)
            continue;
        cdz_buf_reset(&b);
        cdz_taskrun_encode(t, &b);
        push(x, CDZ_TOPIC_CHANGE, e->id, CDZ_CHANGE_TASKRUN, &b);
    }
    push_head(x, e);
}

/* --- restart, replay, states ---------------------------------------------------------------- */

static struct cdz_rng new_rng(void)
{
    struct cdz_rng rng;
    cdz_random_bytes(rng.s, sizeof(rng.s));
    return rng;
}

static cdz_rc restart(struct api_change *x, struct cdz_execution *e, struct cdz_err *err)
{
    struct cdz_rng rng = new_rng();
    struct before before = look(x, e);
    CDZ_TRY(api_verb_flow(x, e, x->revision, err));
    cdz_str id = x->revision ? cdz_execution_id(x->arena) : CDZ_STR("");
    CDZ_TRY(cdz_exec_restart(e, id, &rng, cdz_now_us(), err));
    push_adopt(x, e, x->revision ? NULL : &before);
    return CDZ_OK;
}

static cdz_rc replay(struct api_change *x, struct cdz_execution *e, struct cdz_err *err)
{
    struct cdz_rng rng = new_rng();
    struct cdz_record records[2];
    CDZ_TRY(api_verb_flow(x, e, x->revision, err));
    CDZ_TRY(cdz_exec_replay(e, cdz_execution_id(x->arena), x->taskrun_id, &rng, cdz_now_us(), err));
    if (cdz_state_now(&e->history) != CDZ_CREATED) {
        push_adopt(x, e, NULL);
        return CDZ_OK;
    }
    size_t n = cdz_execution_records(e, x->arena, records);
    for (size_t i = 0; i < n; i++)
        CDZ_PUSH(x->arena, &x->records, records[i]);
    return CDZ_OK;
}

static cdz_rc set_state(struct api_change *x, struct cdz_execution *e, struct cdz_err *err)
{
    struct before before = look(x, e);
    CDZ_TRY(api_verb_flow(x, e, 0, err));
    CDZ_TRY(cdz_exec_set_state(e, x->taskrun_id, x->state, cdz_now_us(), err));
    push_adopt(x, e, &before);
    return CDZ_OK;
}

static cdz_rc change_status(struct api_change *x, struct cdz_execution *e, struct cdz_err *err)
{
    CDZ_TRY(cdz_exec_change_status(e, x->state, cdz_now_us(), err));
    push_head(x, e);
    return CDZ_OK;
}

/* --- labels --------------------------------------------------------------------------------- */

static const struct cdz_label *label_of(const struct cdz_execution *e, cdz_str key)
{
    for (size_t i = 0; i < e->label_count; i++) {
        if (cdz_str_eq(e->labels[i].key, key))
            return &e->labels[i];
    }
    return NULL;
}

static cdz_rc set_labels(struct api_change *x, struct cdz_execution *e, struct cdz_err *err)
{
    if (!cdz_state_is_terminated(cdz_state_now(&e->history)))
        return cdz_fail(err, CDZ_E_BAD_REQUEST, "The execution is not terminated");
    for (size_t i = 0; i < x->label_count; i++) {
        const struct cdz_label *l = &x->labels[i], *have = label_of(e, l->key);
        if (cdz_str_starts(l->key, CDZ_STR("system.")) &&
            (!have || !cdz_str_eq(have->value, l->value)))
            return cdz_fail(
                err, CDZ_E_INVALID,
                "System labels can only be set by Kestra itself, offending label: %.*s=%.*s",
                CDZ_S(l->key), CDZ_S(l->value));
    }
    struct cdz_label *all = CDZ_NEW_N(e->arena, struct cdz_label, e->label_count + x->label_count);
    size_t n = 0;
    for (size_t i = 0; i < e->label_count; i++) {
        bool replaced = false;
        for (size_t k = 0; k < x->label_count; k++)
            replaced |= cdz_str_eq(x->labels[k].key, e->labels[i].key);
        if (!replaced)
            all[n++] = e->labels[i];
    }
    for (size_t k = 0; k < x->label_count; k++) {
        bool again = false; /* the last of equal keys counts */
        for (size_t later = k + 1; later < x->label_count; later++)
            again |= cdz_str_eq(x->labels[k].key, x->labels[later].key);
        if (!again)
            all[n++] = (struct cdz_label){cdz_arena_str(e->arena, x->labels[k].key),
                                          cdz_arena_str(e->arena, x->labels[k].value)};
    }
    e->labels = all;
    e->label_count = n;
    e->version++;
    push_head(x, e);
    return CDZ_OK;
}

bool api_verb_labels_of(struct api_call *c, cdz_val list, struct api_change *x)
{
    if (list.kind != CDZ_LIST) {
        api_failf(c, CDZ_E_INVALID, "labels: must be a list of {\"key\", \"value\"}");
        return false;
    }
    struct cdz_label *v = CDZ_NEW_N(c->arena, struct cdz_label, cdz_list_n(list));
    size_t n = 0;
    for (size_t i = 0; i < cdz_list_n(list); i++) {
        cdz_val key = cdz_map_getz(cdz_list_at(list, i), "key");
        cdz_val value = cdz_map_getz(cdz_list_at(list, i), "value");
        if (key.kind != CDZ_TEXT || value.kind != CDZ_TEXT || (key.n == 0) != (value.n == 0)) {
            api_failf(c, CDZ_E_INVALID, "labels[%zu]: `key` and `value` must be texts, not empty",
                      i);
            return false;
        }
        if (key.n) /* both empty: an empty line of the form */
            v[n++] = (struct cdz_label){cdz_val_str(key), cdz_val_str(value)};
    }
    x->labels = v;
    x->label_count = n;
    return true;
}

/* --- deletion ------------------------------------------------------------------------------- */

static cdz_rc del(struct api_change *x, struct cdz_execution *e, struct cdz_err *err)
{
    char flags =
        (char)((x->delete_logs ? CDZ_REPO_LOGS : 0) | (x->delete_metrics ? CDZ_REPO_METRICS : 0));
    struct cdz_buf b = {.p = &flags, .n = 1};
    if (!cdz_state_is_terminated(cdz_state_now(&e->history)))
        return cdz_fail(err, CDZ_E_CONFLICT, "Execution is still running: kill it first");
    push(x, CDZ_TOPIC_CHANGE, e->id, CDZ_CHANGE_DELETE, &b);
    if (x->delete_storage)
        CDZ_PUSH(x->arena, &x->folders,
                 cdz_path_execution(e->namespace_, e->flow_id, e->id, x->arena));
    return CDZ_OK;
}

bool api_verb_delete_flags(struct api_change *x)
{
    x->delete_logs = api_query_bool(x->c, "deleteLogs", true);
    x->delete_metrics = api_query_bool(x->c, "deleteMetrics", true);
    x->delete_storage = api_query_bool(x->c, "deleteStorage", true);
    return true;
}

bool api_verb_state(struct api_call *c, const char *parameter, enum cdz_state *ret)
{
    cdz_str v = api_query(c, parameter);
    if (!v.p) {
        api_failf(c, CDZ_E_BAD_REQUEST, "Required QueryValue [%s] not specified", parameter);
        return false;
    }
    if (cdz_state_parse(v, ret))
        return true;
    api_failf(c, CDZ_E_INVALID, "%s: `%.*s` is no state", parameter, CDZ_S(v));
    return false;
}

/* --- the verbs ------------------------------------------------------------------------------ */

#define TERMINATED                                                                                 \
    (1u << CDZ_SUCCESS | 1u << CDZ_WARNING | 1u << CDZ_FAILED | 1u << CDZ_KILLED |                 \
     1u << CDZ_CANCELLED | 1u << CDZ_RETRIED | 1u << CDZ_SKIPPED)

const struct api_verb api_verb_restart = {"restart", 1u << CDZ_FAILED,
                                          "execution not in state FAILED", true, restart};
const struct api_verb api_verb_replay = {"replay", ~0u, NULL, false, replay};
const struct api_verb api_verb_set_state = {"state", ~0u, NULL, true, set_state};
const struct api_verb api_verb_change_status = {"change-status", TERMINATED,
                                                "execution not terminated", true, change_status};
const struct api_verb api_verb_labels = {"labels", TERMINATED, "execution not terminated", true,
                                         set_labels};
const struct api_verb api_verb_delete = {"delete", TERMINATED, "execution not terminated", true,
                                         del};

/* --- routes for one ------------------------------------------------------------------------- */

/* Answers with the execution as it will be, once the repository shows it. */
static void answer_changed(struct api_change *x, const struct api_verb *verb)
{
    struct cdz_execution *e = api_verb_run(x, verb);
    struct cdz_buf b = CDZ_BUF_INIT;
    if (!e)
        return;
    cdz_execution_json(e, CDZ_STR(""), cdz_now_us(), &b);
    api_remember(x->c->api, e->id);
    api_wait_applied(x->c, cdz_arena_str(x->c->arena, e->id), e->version, 200, &b);
    cdz_execution_free(e);
}

static void restart_one(struct api_call *c)
{
    struct api_change x = {.c = c, .arena = c->arena};
    if (!api_is_run_of_flow(c) && api_revision(c, &x.revision))
        answer_changed(&x, &api_verb_restart);
}

static void replay_one(struct api_call *c)
{
    struct api_change x = {.c = c, .arena = c->arena, .taskrun_id = api_query(c, "taskRunId")};
    if (!api_is_run_of_flow(c) && api_revision(c, &x.revision))
        answer_changed(&x, &api_verb_replay);
}

static void set_state_one(struct api_call *c)
{
    struct api_change x = {.c = c, .arena = c->arena};
    cdz_val body;
    if (api_is_run_of_flow(c) || !api_body_json(c, &body))
        return;
    cdz_val id = cdz_map_getz(body, "taskRunId"), state = cdz_map_getz(body, "state");
    if (id.kind != CDZ_TEXT || state.kind != CDZ_TEXT) {
        api_failf(c, CDZ_E_INVALID, "the body must be {\"taskRunId\", \"state\"}");
    } else if (!cdz_state_parse(cdz_val_str(state), &x.state)) {
        api_failf(c, CDZ_E_INVALID, "state: `%.*s` is no state", CDZ_S(cdz_val_str(state)));
    } else {
        x.taskrun_id = cdz_val_str(id);
        answer_changed(&x, &api_verb_set_state);
    }
}

static void change_status_one(struct api_call *c)
{
    struct api_change x = {.c = c, .arena = c->arena};
    if (!api_is_run_of_flow(c) && api_verb_state(c, "status", &x.state))
        answer_changed(&x, &api_verb_change_status);
}

static void labels_one(struct api_call *c)
{
    struct api_change x = {.c = c, .arena = c->arena};
    cdz_val body;
    if (!api_is_run_of_flow(c) && api_body_json(c, &body) && api_verb_labels_of(c, body, &x))
        answer_changed(&x, &api_verb_labels);
}

static void delete_one(struct api_call *c)
{
    struct api_change x = {.c = c, .arena = c->arena};
    struct cdz_buf none = CDZ_BUF_INIT;
    (void)api_verb_delete_flags(&x); /* they cannot be wrong */
    struct cdz_execution *e = api_verb_run(&x, &api_verb_delete);
    cdz_execution_free(e);
    if (e)
        api_wait_applied(c, c->param[0], 0, 204, &none);
}

const struct api_route api_change_routes[] = {
    {"POST", "/executions/{id}/restart", restart_one, "EXECUTION_UPDATE"},
    {"POST", "/executions/{id}/replay", replay_one, "EXECUTION_CREATE"},
    {"POST", "/executions/{id}/state", set_state_one, "EXECUTION_UPDATE"},
    {"POST", "/executions/{id}/change-status", change_status_one, "EXECUTION_UPDATE"},
    {"POST", "/executions/{id}/labels", labels_one, "EXECUTION_UPDATE"},
    {"DELETE", "/executions/{id}", delete_one, "EXECUTION_DELETE"},
    {0},
};
