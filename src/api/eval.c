/*
 * eval.c -- an expression evaluated as a task run of an execution would see it, for debugging.
 * reference/api.md E47. It may read what the task run may read, but no secrets: whoever may look at
 * an execution need not know them.
 */
#include "api/internal.h"
#include "exec/context.h"
#include "model/job.h"
#include "task/world.h"

struct looking_world {
    struct cdz_task_world task; /* first */
    cdz_rc (*all)(struct cdz_env *env, enum cdz_world_call call, const cdz_val *args, size_t n,
                  struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err);
};

static cdz_rc on_world(struct cdz_env *env, enum cdz_world_call call, const cdz_val *args, size_t n,
                       struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    const struct looking_world *w = (const struct looking_world *)env;
    if (call == CDZ_WORLD_SECRET)
        return cdz_fail(err, CDZ_E_EXPRESSION, "secret() is not available in this context");
    return w->all(env, call, args, n, arena, ret, err);
}

static cdz_rc render(struct api_call *c, const struct cdz_execution *e, const struct cdz_taskrun *t,
                     cdz_str *ret, struct cdz_err *err)
{
    struct cdz_job job = {
        .execution_id = e->id,
        .namespace_ = e->namespace_,
        .flow_id = e->flow_id,
        .taskrun_id = t->id,
        .task_id = t->task_id,
        .context = cdz_context_build(e, e->flow, t, NULL, true, c->arena),
    };
    struct cdz_worker_env env = c->api->s->worker_env;
    env.encryption_key = CDZ_STR(""); /* what is encrypted stays so */
    struct cdz_run run = {.worker = &env, .job = &job, .flow = e->flow, .arena = c->arena};
    struct looking_world w;
    cdz_task_world_init(&w.task, &run);
    w.all = w.task.env.world;
    w.task.env.world = on_world;
    run.env = &w.task.env;
    return cdz_expr_render(c->r->body, &w.task.env, c->arena, ret, err);
}

static void answer(struct api_call *c, const struct cdz_execution *e, const struct cdz_taskrun *t)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    struct cdz_err err;
    cdz_str text;
    cdz_jw_open(&w, NULL, '{');
    if (render(c, e, t, &text, &err) == CDZ_OK) {
        cdz_jw_str(&w, "result", text);
    } else {
        cdz_jw_z(&w, "error", err.text);
        cdz_jw_z(&w, "stackTrace", err.detail);
    }
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

static void eval(struct api_call *c)
{
    struct cdz_execution *e = api_execution_get(c, c->param[0]);
    const struct cdz_taskrun *t = NULL;
    struct cdz_err err;
    if (!e)
        return;
    for (size_t i = 0; i < e->taskruns.n && !t; i++) {
        if (!e->taskruns.v[i]->gone && cdz_str_eq(e->taskruns.v[i]->id, c->param[1]))
            t = e->taskruns.v[i];
    }
    cdz_rc rc = t ? cdz_flows_get(c->api->s->flows, e->namespace_, e->flow_id, e->flow_revision,
                                  &e->flow, &err)
                  : cdz_fail(&err, CDZ_E_NOT_FOUND, "Task run not found: %.*s", CDZ_S(c->param[1]));
    if (rc == CDZ_OK)
        rc = cdz_exec_load(e, &err);
    if (rc == CDZ_OK)
        answer(c, e, t);
    else
        api_fail(c, &err);
    cdz_flow_unref(e->flow);
    cdz_execution_free(e);
}

const struct api_route api_eval_routes[] = {
    {"POST", "/executions/{id}/eval/{taskrun}", eval, "EXECUTION_READ"},
    {0},
};
