/*
 * validate.c -- what is wrong with inputs before an execution is made or resumed, for the dialogs.
 * reference/api.md E11, E32, §11.6. Nothing is stored but what was uploaded.
 */
#include "api/internal.h"

/* Which of the inputs an error speaks of: "Invalid input for `id`, ..."; n: none of them. */
static size_t input_of_error(const struct cdz_input *v, size_t n, const struct cdz_err *err)
{
    cdz_str text = cdz_str_z(err->text);
    size_t from = cdz_str_chr(text, '`', 0);
    size_t to = from == SIZE_MAX ? SIZE_MAX : cdz_str_chr(text, '`', from + 1);
    for (size_t i = 0; to != SIZE_MAX && i < n; i++) {
        if (cdz_str_eq(v[i].id, cdz_str_sub(text, from + 1, to)))
            return i;
    }
    return n;
}

/*
 * Resolving stops at the first input that is wrong. So it is done again without that one, until the
 * others are right: messages[i] of a right one is empty.
 */
static cdz_val resolve(struct api_call *c, const struct cdz_flow *flow,
                       const struct cdz_input *inputs, size_t n, cdz_val posted, cdz_str *messages)
{
    struct cdz_input *left = CDZ_NEW_N(c->arena, struct cdz_input, n + 1);
    struct cdz_flow only = *flow;
    cdz_val resolved = CDZ_VAL_NULL;
    struct cdz_err err;
    only.inputs = left;
    only.input_count = n;
    if (n)
        memcpy(left, inputs, n * sizeof(*left));
    while (cdz_inputs_resolve(&only, posted, c->arena, &resolved, &err) != CDZ_OK) {
        size_t of_all = input_of_error(inputs, n, &err);
        size_t at = input_of_error(left, only.input_count, &err);
        if (of_all == n || at == only.input_count) {
            for (size_t i = 0; i < n; i++) /* it speaks of none: of all */
                messages[i] = cdz_arena_str(c->arena, cdz_str_z(err.text));
            return CDZ_VAL_NULL;
        }
        messages[of_all] = cdz_arena_str(c->arena, cdz_str_z(err.text));
        memmove(left + at, left + at + 1, (only.input_count - at - 1) * sizeof(*left));
        only.input_count--;
    }
    return resolved;
}

static void answer(struct api_call *c, const struct cdz_flow *flow, const struct cdz_input *inputs,
                   size_t n, cdz_val posted)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_str *messages = CDZ_NEW_N(c->arena, cdz_str, n);
    cdz_val resolved = resolve(c, flow, inputs, n, posted, messages);
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_str(&w, "id", flow->id);
    cdz_jw_str(&w, "namespace", flow->namespace_);
    cdz_jw_open(&w, "inputs", '[');
    for (size_t i = 0; i < n; i++) {
        cdz_val value = cdz_val_path(resolved, cdz_arena_z(c->arena, inputs[i].id));
        bool depends = cdz_map_getz(inputs[i].source, "dependsOn").kind == CDZ_MAP;
        cdz_jw_open(&w, NULL, '{');
        cdz_jw_val(&w, "input", inputs[i].source, CDZ_JSON_DROP_NULLS);
        if (messages[i].n)
            value = cdz_map_get(posted, inputs[i].id);
        if (!cdz_val_is_null(value))
            cdz_jw_val(&w, "value", value, CDZ_JSON_COMPACT);
        cdz_jw_bool(&w, "enabled", messages[i].n || !depends || !cdz_val_is_null(value));
        if (messages[i].n) {
            cdz_jw_open(&w, "errors", '[');
            cdz_jw_open(&w, NULL, '{');
            cdz_jw_str(&w, "message", messages[i]);
            cdz_jw_close(&w, '}');
            cdz_jw_close(&w, ']');
        }
        cdz_jw_close(&w, '}');
    }
    cdz_jw_close(&w, ']');
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

static void check(struct api_call *c, const struct cdz_flow *flow, const struct cdz_input *inputs,
                  size_t n, cdz_str execution)
{
    struct cdz_err err;
    cdz_val posted;
    if (api_posted_inputs(c, flow, inputs, n, execution, &posted, &err) == CDZ_OK)
        answer(c, flow, inputs, n, posted);
    else
        api_fail(c, &err);
}

static void of_flow(struct api_call *c)
{
    struct cdz_flow *flow;
    struct cdz_err err;
    cdz_str v = api_query(c, "revision");
    int64_t revision = 0;
    if (v.p && v.n && (!cdz_str_to_i64(v, &revision) || revision < 1 || revision > INT32_MAX)) {
        api_failf(c, CDZ_E_INVALID, "revision: must be a number from 1");
        return;
    }
    if (cdz_flows_get(c->api->s->flows, c->param[0], c->param[1], (int)revision, &flow, &err) !=
        CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    check(c, flow, flow->inputs, flow->input_count, cdz_execution_id(c->arena));
    cdz_flow_unref(flow);
}

static void of_pause(struct api_call *c)
{
    struct cdz_execution *e = api_execution_get(c, c->param[0]);
    const struct cdz_task *task;
    struct cdz_err err;
    if (!e)
        return;
    if (cdz_flows_get(c->api->s->flows, e->namespace_, e->flow_id, e->flow_revision, &e->flow,
                      &err) != CDZ_OK) {
        api_fail(c, &err);
    } else if (cdz_state_now(&e->history) != CDZ_PAUSED) {
        api_failf(c, CDZ_E_CONFLICT, "Execution '%.*s' is not paused, can't resume it",
                  CDZ_S(e->id));
    } else {
        task = api_paused_task(e);
        check(c, e->flow, task ? task->inputs : NULL, task ? task->input_count : 0,
              cdz_arena_str(c->arena, e->id));
    }
    cdz_flow_unref(e->flow);
    cdz_execution_free(e);
}

const struct api_route api_validate_routes[] = {
    {"POST", "/executions/{ns}/{id}/validate", of_flow, "EXECUTION_CREATE"},
    {"POST", "/executions/{id}/resume/validate", of_pause, "EXECUTION_UPDATE"},
    {0},
};
