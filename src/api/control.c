/*
 * control.c -- verbs that ask the executor for something: kill, pause, resume, leave the queue,
 * run at once. The answer says that the request is durable; what becomes of it the executor decides.
 */
#include "api/verb.h"
#include "base/limits.h"
#include "base/time.h"
#include "server/inputs.h"

static cdz_rc ask(struct api_change *x, const struct cdz_execution *e, const struct cdz_event *ev)
{
    CDZ_PUSH(x->arena, &x->records, cdz_event_record(e->id, ev, CDZ_STR(""), x->arena));
    return CDZ_OK;
}

/* --- kill ----------------------------------------------------------------------------------- */

/* Executions that an ended one has started, and those that they have started: those that live are
 * killed. (The executor looks after the children of one that lives.) */
static cdz_rc kill_children(struct api_change *x, cdz_str id, struct cdz_err *err)
{
    CDZ_VEC(cdz_str) ended = {0};
    struct cdz_page all = {0};
    CDZ_PUSH(x->arena, &ended, id);
    for (size_t i = 0; i < ended.n && i < CDZ_CASCADE_MAX; i++) {
        struct cdz_execution_filter f = {.trigger_execution_id = ended.v[i]};
        struct cdz_executions found;
        CDZ_TRY(cdz_repository_execution_find(x->c->api->s->repository, &f, &all, x->arena, &found,
                                              err));
        for (size_t k = 0; k < found.n; k++) {
            const struct cdz_execution *child = found.v[k];
            if (!cdz_state_is_terminated(cdz_state_now(&child->history)))
                CDZ_PUSH(x->arena, &x->records, cdz_kill_record(child->id, true, x->arena));
            else if (!cdz_str_eq(child->id, ended.v[i]))
                CDZ_PUSH(x->arena, &ended, cdz_arena_str(x->arena, child->id));
            cdz_execution_free(found.v[k]);
        }
    }
    return CDZ_OK;
}

static cdz_rc kill_it(struct api_change *x, struct cdz_execution *e, struct cdz_err *err)
{
    if (!cdz_state_is_terminated(cdz_state_now(&e->history))) {
        CDZ_PUSH(x->arena, &x->records, cdz_kill_record(e->id, x->cascade, x->arena));
        return CDZ_OK;
    }
    if (!x->cascade)
        return cdz_fail(err, CDZ_E_CONFLICT, "Execution is already finished, can't kill it");
    return kill_children(x, cdz_arena_str(x->arena, e->id), err);
}

static void kill_one(struct api_call *c)
{
    struct api_change x = {
        .c = c, .arena = c->arena, .cascade = api_query_bool(c, "isOnKillCascade", true)};
    struct cdz_execution *e;
    struct cdz_err err;
    cdz_rc rc = cdz_repository_execution_get(c->api->s->repository, c->param[0], &e, &err);
    if (rc == CDZ_OK) {
        rc = kill_it(&x, e, &err);
        cdz_execution_free(e);
    } else if (rc == CDZ_E_NOT_FOUND && api_is_recent(c->api, c->param[0])) {
        CDZ_PUSH(c->arena, &x.records, cdz_kill_record(c->param[0], x.cascade, c->arena));
        rc = CDZ_OK; /* acknowledged, but not indexed yet */
    } else if (rc == CDZ_E_NOT_FOUND) {
        rc = cdz_fail(&err, rc, "Execution not found");
    }
    if (rc == CDZ_OK)
        rc = api_verb_send(&x, &err);
    if (rc == CDZ_OK)
        api_empty(c, 202);
    else
        api_fail(c, &err);
}

/* --- pause, resume -------------------------------------------------------------------------- */

static cdz_rc pause_it(struct api_change *x, struct cdz_execution *e, struct cdz_err *err)
{
    enum cdz_state state = cdz_state_now(&e->history);
    struct cdz_event ev = {.kind = CDZ_EVENT_PAUSE};
    if (state != CDZ_RUNNING && state != CDZ_KILLING)
        return cdz_fail(err, CDZ_E_INVALID, "The execution is not running");
    return ask(x, e, &ev);
}

const struct cdz_task *api_paused_task(const struct cdz_execution *e)
{
    for (size_t i = 0; i < e->taskruns.n; i++) {
        const struct cdz_taskrun *t = e->taskruns.v[i];
        if (!t->gone && cdz_state_now(&t->history) == CDZ_PAUSED)
            return cdz_flow_task(e->flow, t->task_id);
    }
    return NULL;
}

static cdz_rc resume_it(struct api_change *x, struct cdz_execution *e, struct cdz_err *err)
{
    struct cdz_event ev = {.kind = CDZ_EVENT_RESUME};
    if (cdz_state_now(&e->history) != CDZ_PAUSED)
        return cdz_fail(err, CDZ_E_CONFLICT, "Execution '%.*s' is not paused, can't resume it",
                        CDZ_S(e->id));
    CDZ_TRY(api_verb_flow(x, e, 0, err));
    const struct cdz_task *task = api_paused_task(e);
    if (task && task->input_count) {
        struct cdz_inputs_world world;
        cdz_val posted = cdz_val_map(x->arena, 0);
        if (x->upload)
            CDZ_TRY(api_posted_inputs(x->c, e->flow, task->inputs, task->input_count, e->id,
                                      &posted, err));
        cdz_inputs_world_init(&world, x->c->api->s, e->flow, x->arena);
        CDZ_TRY(cdz_inputs_resolve_list(task->inputs, task->input_count, posted, &world.options,
                                        x->arena, &ev.outputs, err));
    }
    return ask(x, e, &ev);
}

/* --- queue, schedule ------------------------------------------------------------------------ */

static cdz_rc force(struct api_change *x, struct cdz_execution *e)
{
    struct cdz_event ev = {.kind = CDZ_EVENT_FORCE_RUN};
    cdz_history_add(&e->history, e->arena, CDZ_RUNNING, cdz_now_us()); /* for the answer only */
    return ask(x, e, &ev);
}

static cdz_rc unqueue_it(struct api_change *x, struct cdz_execution *e, struct cdz_err *err)
{
    if (cdz_state_now(&e->history) != CDZ_QUEUED)
        return cdz_fail(err, CDZ_E_INVALID, "Only QUEUED execution can be unqueued");
    return force(x, e);
}

static cdz_rc force_run_it(struct api_change *x, struct cdz_execution *e, struct cdz_err *err)
{
    if (cdz_state_is_terminated(cdz_state_now(&e->history)))
        return cdz_fail(err, CDZ_E_INVALID, "Only non terminated executions can be forced run.");
    return force(x, e);
}

#define B(state) (1u << CDZ_##state)
#define LIVE                                                                                       \
    (B(CREATED) | B(RUNNING) | B(PAUSED) | B(RESTARTED) | B(KILLING) | B(QUEUED) | B(RETRYING))

const struct api_verb api_verb_kill = {"kill", LIVE, "execution already finished", false, kill_it};
const struct api_verb api_verb_pause = {"pause", B(RUNNING), "execution not in state RUNNING",
                                        false, pause_it};
const struct api_verb api_verb_resume = {"resume", B(PAUSED), "execution not in state PAUSED",
                                         false, resume_it};
const struct api_verb api_verb_unqueue = {"unqueue", B(QUEUED), "execution not in state QUEUED",
                                          false, unqueue_it};
const struct api_verb api_verb_force_run = {"force run", LIVE, "execution in a terminated state",
                                            false, force_run_it};

/* --- routes for one ------------------------------------------------------------------------- */

static void answer_empty(struct api_call *c, const struct api_verb *verb, int status)
{
    struct api_change x = {.c = c, .arena = c->arena, .upload = true};
    if (api_is_run_of_flow(c))
        return;
    struct cdz_execution *e = api_verb_run(&x, verb);
    cdz_execution_free(e);
    if (e)
        api_empty(c, status);
}

static void answer_execution(struct api_call *c, const struct api_verb *verb)
{
    struct api_change x = {.c = c, .arena = c->arena};
    struct cdz_buf b = CDZ_BUF_INIT;
    if (api_is_run_of_flow(c))
        return;
    struct cdz_execution *e = api_verb_run(&x, verb);
    if (!e)
        return;
    cdz_execution_json(e, CDZ_STR(""), cdz_now_us(), &b);
    cdz_execution_free(e);
    api_json(c, 200, &b);
}

static void pause_one(struct api_call *c)
{
    answer_empty(c, &api_verb_pause, 200);
}

static void resume_one(struct api_call *c)
{
    answer_empty(c, &api_verb_resume, 204);
}

static void unqueue_one(struct api_call *c)
{
    answer_execution(c, &api_verb_unqueue);
}

static void force_run_one(struct api_call *c)
{
    answer_execution(c, &api_verb_force_run);
}

const struct api_route api_control_routes[] = {
    {"DELETE", "/executions/{id}/kill", kill_one, "EXECUTION_UPDATE"},
    {"POST", "/executions/{id}/pause", pause_one, "EXECUTION_UPDATE"},
    {"POST", "/executions/{id}/resume", resume_one, "EXECUTION_UPDATE"},
    {"POST", "/executions/{id}/unqueue", unqueue_one, "EXECUTION_UPDATE"},
    {"POST", "/executions/{id}/force-run", force_run_one, "EXECUTION_UPDATE"},
    {0},
};
