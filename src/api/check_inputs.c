/*
 * check_inputs.c -- what a form asks while somebody fills it in: which inputs are there, and what is
 * wrong with each. reference/api.md E11, E32, §11.6. Nothing is stored, not even uploads.
 */
#include "api/internal.h"
#include "model/inputs.h"
#include "server/inputs.h"

/* A file that would be uploaded stands for itself. */
static cdz_val posted_values(struct api_call *c)
{
    cdz_val posted = cdz_val_map(c->arena, c->r->part_count);
    for (size_t i = 0; i < c->r->part_count; i++) {
        const struct cdz_http_part *p = &c->r->parts[i];
        if (p->fd < 0) {
            cdz_map_put(c->arena, posted, p->name, cdz_val_text(p->value));
            continue;
        }
        cdz_val uri = cdz_val_text(cdz_arena_printf(c->arena, "kestra:///%.*s", CDZ_S(p->name)));
        cdz_map_put(c->arena, posted, p->name, uri);
        cdz_map_put(c->arena, posted, p->filename, uri);
    }
    return posted;
}

static void answer(struct api_call *c, cdz_str id, const struct cdz_flow *flow,
                   const struct cdz_input *inputs, size_t n)
{
    struct cdz_inputs_world world;
    struct cdz_input_result *results;
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_inputs_world_init(&world, c->api->s, flow, c->arena);
    cdz_inputs_check(inputs, n, posted_values(c), &world.options, c->arena, &results);
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_str(&w, "id", id);
    cdz_jw_str(&w, "namespace", flow->namespace_);
    cdz_jw_open(&w, "inputs", '[');
    for (size_t i = 0; i < n; i++) {
        cdz_jw_open(&w, NULL, '{');
        cdz_input_json(&inputs[i], &w, "input");
        if (results[i].value.kind != CDZ_NULL && !cdz_str_is(inputs[i].type, "SECRET"))
            cdz_jw_val(&w, "value", results[i].value, 0);
        cdz_jw_bool(&w, "enabled", results[i].enabled);
        if (results[i].error.n) {
            cdz_jw_open(&w, "errors", '[');
            cdz_jw_open(&w, NULL, '{');
            cdz_jw_str(&w, "message", results[i].error);
            cdz_jw_close(&w, '}');
            cdz_jw_close(&w, ']');
        }
        cdz_jw_close(&w, '}');
    }
    cdz_jw_close(&w, ']');
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

static void check_flow(struct api_call *c)
{
    struct cdz_flow *flow;
    struct cdz_err err;
    cdz_str revision = api_query(c, "revision");
    int64_t number = 0;
    if (revision.n && (!cdz_str_to_i64(revision, &number) || number < 1 || number > INT32_MAX)) {
        api_failf(c, CDZ_E_INVALID, "revision: must be a number from 1");
        return;
    }
    if (cdz_flows_get(c->api->s->flows, c->param[0], c->param[1], (int)number, &flow, &err) !=
        CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    answer(c, flow->id, flow, flow->inputs, flow->input_count);
    cdz_flow_unref(flow);
}

/* The inputs of the Pause that is waiting; none when somebody has paused the execution. */
static void check_resume(struct api_call *c)
{
    struct cdz_execution *e = api_execution_get(c, c->param[0]);
    struct cdz_flow *flow;
    struct cdz_err err;
    const struct cdz_task *task = NULL;
    if (!e)
        return; /* answered */
    if (cdz_state_now(&e->history) != CDZ_PAUSED) {
        api_failf(c, CDZ_E_CONFLICT, "Execution '%.*s' is not paused, can't resume it",
                  CDZ_S(e->id));
    } else if (cdz_flows_get(c->api->s->flows, e->namespace_, e->flow_id, e->flow_revision, &flow,
                             &err) != CDZ_OK) {
        api_fail(c, &err);
    } else {
        for (size_t i = 0; !task && i < e->taskruns.n; i++)
            if (!e->taskruns.v[i]->gone && cdz_state_now(&e->taskruns.v[i]->history) == CDZ_PAUSED)
                task = cdz_flow_task(flow, e->taskruns.v[i]->task_id);
        answer(c, e->id, flow, task ? task->inputs : NULL, task ? task->input_count : 0);
        cdz_flow_unref(flow);
    }
    cdz_execution_free(e);
}

const struct api_route api_input_routes[] = {
    {"POST", "/executions/{ns}/{id}/validate", check_flow, "EXECUTION_CREATE"},
    {"POST", "/executions/{id}/resume/validate", check_resume, "EXECUTION_UPDATE"},
    {0},
};
