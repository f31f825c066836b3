/*
 * graph.c -- the topology of flows and executions. reference/api.md E4, F7, F8.
 *
 * `subflows` names nodes that call a flow, as the graph does ("root.launch"): each is shown as a
 * cluster with the tasks of that flow.
 */
#include "graph/graph.h"

#include "api/internal.h"
#include "base/time.h"
#include "exec/context.h"
#include "exec/step.h"
#include "expr/expr.h"

/* The flows that are drawn; they live until the answer is printed. */
struct drawing {
    struct api_call *c;
    CDZ_VEC(struct cdz_flow *) called;
};

/* A property of the task, rendered if there is an execution. */
static cdz_rc text_of(struct drawing *d, const struct cdz_execution *e, const struct cdz_task *task,
                      const struct cdz_taskrun *run, const char *name, cdz_str *ret,
                      struct cdz_err *err)
{
    cdz_val v = cdz_map_getz(task->props, name);
    struct cdz_arena *arena = d->c->arena;
    if (v.kind == CDZ_TEMPLATE && !cdz_template_is_constant(v.tpl)) {
        struct cdz_map_env env;
        if (!run)
            return cdz_fail(err, CDZ_E_INVALID,
                            "Can't expand subflow task '%.*s' because namespace and/or flowId "
                            "contains dynamic values. This can only be viewed on an execution.",
                            CDZ_S(task->id));
        cdz_map_env_init(&env, cdz_context_build(e, e->flow, run, NULL, false, arena));
        return cdz_template_render(v.tpl, &env.env, arena, ret, err);
    }
    *ret = v.kind == CDZ_TEMPLATE ? cdz_template_source(v.tpl)
           : v.kind == CDZ_TEXT   ? cdz_val_str(v)
                                  : CDZ_STR("");
    return CDZ_OK;
}

static cdz_rc on_called(void *ctx, const struct cdz_execution *e, const struct cdz_task *task,
                        const struct cdz_taskrun *run, const struct cdz_flow **ret,
                        struct cdz_err *err)
{
    struct drawing *d = ctx;
    cdz_str namespace_, id;
    cdz_val revision = cdz_map_getz(task->props, "revision");
    struct cdz_flow *flow;
    CDZ_TRY(text_of(d, e, task, run, "namespace", &namespace_, err));
    CDZ_TRY(text_of(d, e, task, run, "flowId", &id, err));
    if (cdz_flows_get(d->c->api->s->flows, namespace_, id,
                      revision.kind == CDZ_INT ? (int)revision.i : 0, &flow, err) != CDZ_OK)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "Unable to find subflow %.*s_%.*s for task %.*s",
                        CDZ_S(namespace_), CDZ_S(id), CDZ_S(task->id));
    CDZ_PUSH(d->c->arena, &d->called, flow);
    *ret = flow;
    return CDZ_OK;
}

/* e: of this flow, or NULL. */
static void draw(struct api_call *c, const struct cdz_flow *flow, struct cdz_execution *e)
{
    struct drawing d = {.c = c};
    struct cdz_graph_options o = {.execution = e, .called = on_called, .ctx = &d};
    struct cdz_graph *graph;
    struct cdz_err err;
    cdz_str *names;
    cdz_rc rc = CDZ_OK;
    o.expand_count = api_query_all(c, "subflows", &names);
    o.expand = names;
    if (e && o.expand_count)
        rc = cdz_exec_load(e, &err); /* what expressions read */
    if (rc == CDZ_OK)
        rc = cdz_graph_build(flow, &o, c->arena, &graph, &err);
    if (rc == CDZ_OK) {
        struct cdz_buf b = CDZ_BUF_INIT;
        cdz_graph_json(graph, e, cdz_now_us(), &b);
        api_json(c, 200, &b);
    } else {
        api_fail(c, &err);
    }
    for (size_t i = 0; i < d.called.n; i++)
        cdz_flow_unref(d.called.v[i]);
}

static void of_flow(struct api_call *c)
{
    struct cdz_flow_row row;
    struct cdz_err err;
    int revision;
    if (!api_revision(c, &revision))
        return;
    cdz_str name = cdz_arena_printf(c->arena, "%.*s_%.*s", CDZ_S(c->param[0]), CDZ_S(c->param[1]));
    if (revision)
        name = cdz_arena_printf(c->arena, "%.*s_%d", CDZ_S(name), revision);
    cdz_rc rc = cdz_repository_flow_get(c->api->s->repository, c->param[0], c->param[1], revision,
                                        false, c->arena, &row, &err);
    if (rc == CDZ_E_NOT_FOUND) {
        api_failf(c, rc, "Unable to find flow %.*s", CDZ_S(name));
        return;
    }
    if (rc != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_flow *flow = api_flow_of_row(c, &row);
    if (flow->exception.n)
        api_failf(c, CDZ_E_CONFLICT,
                  "Unable to generate graph for flow %.*s because of exception %.*s", CDZ_S(name),
                  CDZ_S(flow->exception));
    else
        draw(c, flow, NULL);
    cdz_flow_unref(flow);
}

/* While somebody is still writing it: what is not known is no reason to draw nothing. */
static void of_source(struct api_call *c)
{
    struct cdz_problems problems = {.arena = c->arena};
    struct cdz_flow_options o = api_flow_options(c, true);
    struct cdz_flow *flow;
    struct cdz_err err;
    if (cdz_flow_parse(c->r->body, &o, &problems, &flow, &err) != CDZ_OK) {
        api_flow_problems(c, &problems, &err);
        return;
    }
    draw(c, flow, NULL);
    cdz_flow_unref(flow);
}

static void of_execution(struct api_call *c)
{
    struct cdz_execution *e = api_execution_get(c, c->param[0]);
    struct cdz_err err;
    if (!e)
        return;
    if (cdz_flows_get(c->api->s->flows, e->namespace_, e->flow_id, e->flow_revision, &e->flow,
                      &err) == CDZ_OK)
        draw(c, e->flow, e);
    else
        api_fail(c, &err);
    cdz_flow_unref(e->flow);
    cdz_execution_free(e);
}

const struct api_route api_graph_routes[] = {
    {"GET", "/flows/{ns}/{id}/graph", of_flow, "FLOW_READ"},
    {"POST", "/flows/graph", of_source, "FLOW_READ"},
    {"GET", "/executions/{id}/graph", of_execution, "EXECUTION_READ"},
    {0},
};
