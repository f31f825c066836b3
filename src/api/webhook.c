/*
 * webhook.c -- a request to the address of a Webhook trigger starts an execution. reference/triggers.md
 * §5, api.md E12. Whoever knows the key may: no other permission is asked for, so an answer tells no
 * more of the execution than its flow gives away by outputs.
 */
#include <openssl/crypto.h>

#include "api/internal.h"
#include "base/time.h"
#include "condition/condition.h"
#include "expr/crypt.h"
#include "model/triggers.h"
#include "server/inputs.h"

/* --- what the trigger tells the flow --- */

/* Headers and parameters may hold any bytes: what is no UTF-8 is taken as Latin-1. */
static cdz_str as_text(cdz_str s, struct cdz_arena *arena)
{
    if (cdz_utf8_valid(s))
        return s;
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    char utf8[4];
    for (size_t i = 0; i < s.n; i++)
        cdz_buf_add(&b, utf8, cdz_utf8_put((unsigned char)s.p[i], utf8));
    return cdz_buf_copy(&b, arena);
}

static cdz_val *find_name(cdz_val map, cdz_str name, bool any_case)
{
    CDZ_MAP_EACH (x, map) {
        if (any_case ? cdz_str_ieq(x->key, name) : cdz_str_eq(x->key, name))
            return &x->val;
    }
    return NULL;
}

/* Name to list of values; header names differ in more than case. */
static cdz_val lists_of(const struct cdz_http_pair *pairs, size_t n, bool any_case,
                        struct cdz_arena *arena)
{
    cdz_val map = cdz_val_map(arena, n);
    for (size_t i = 0; i < n; i++) {
        cdz_str name = as_text(pairs[i].name, arena);
        cdz_val *have = find_name(map, name, any_case);
        cdz_val list = have ? *have : cdz_val_list(arena, 1);
        cdz_list_push(arena, list, cdz_val_text(as_text(pairs[i].value, arena)));
        if (!have)
            cdz_map_put(arena, map, name, list);
    }
    return map;
}

static cdz_val body_of(struct api_call *c)
{
    cdz_str body = c->r->body;
    struct cdz_err err;
    cdz_val v;
    if (!body.n)
        return CDZ_VAL_NULL;
    if (cdz_json_parse(body, c->arena, &v, &err) == CDZ_OK &&
        (v.kind == CDZ_MAP || v.kind == CDZ_LIST))
        return v;
    if (!cdz_utf8_valid(body) || memchr(body.p, 0, body.n))
        return cdz_val_text(cdz_base64_encode(body, c->arena));
    return cdz_val_text(body);
}

static cdz_val fields_of(struct api_call *c)
{
    cdz_val fields = cdz_val_map(c->arena, c->r->part_count);
    for (size_t i = 0; i < c->r->part_count; i++) {
        const struct cdz_http_part *p = &c->r->parts[i];
        if (p->fd < 0)
            cdz_map_put(c->arena, fields, as_text(p->name, c->arena),
                        cdz_val_text(as_text(p->value, c->arena)));
    }
    return fields;
}

static cdz_val variables_of(struct api_call *c)
{
    const struct cdz_http_pair *headers;
    size_t n = cdz_http_headers(c->x, &headers);
    cdz_val map = cdz_val_map(c->arena, 4), body = body_of(c);
    if (!cdz_val_is_null(body))
        cdz_map_putz(c->arena, map, "body", body);
    if (c->r->part_count)
        cdz_map_putz(c->arena, map, "formFields", fields_of(c));
    cdz_map_putz(c->arena, map, "headers", lists_of(headers, n, true, c->arena));
    cdz_map_putz(c->arena, map, "parameters",
                 lists_of(c->r->query, c->r->query_count, false, c->arena));
    return map;
}

/* --- which trigger --- */

/* A key that cannot be rendered is nobody's. Compared without telling by the time how much is right. */
static bool key_is(const struct cdz_trigger *trigger, cdz_str key, struct cdz_env *env,
                   struct cdz_arena *arena)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_err err;
    cdz_val v;
    if (cdz_val_render(cdz_map_getz(trigger->props, "key"), env, arena, &v, &err) != CDZ_OK)
        return false;
    cdz_expr_print(&b, v);
    cdz_str want = cdz_str_trim(cdz_buf_get(&b));
    return want.n > 0 && want.n == key.n && CRYPTO_memcmp(want.p, key.p, key.n) == 0;
}

static const struct cdz_trigger *find(struct api_call *c, const struct cdz_flow *flow, cdz_str key)
{
    struct cdz_inputs_world world;
    cdz_inputs_world_init(&world, c->api->s, flow, c->arena);
    for (size_t i = 0; i < flow->trigger_count; i++) {
        const struct cdz_trigger *t = &flow->triggers[i];
        if (t->type == &cdz_trigger_webhook && !t->disabled &&
            key_is(t, key, &world.env.env, c->arena))
            return t;
    }
    return NULL;
}

/* --- answers to who has waited --- */

static void answer_outputs(struct api_call *c, const struct cdz_execution *e)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_val(&w, NULL, e->outputs.kind == CDZ_MAP ? e->outputs : cdz_val_map(c->arena, 0), 0);
    api_json(c, 200, &b);
}

/* A single output as it is; of several their JSON. */
static void answer_text(struct api_call *c, const struct cdz_execution *e)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_val v = e->outputs;
    if (v.kind == CDZ_MAP && cdz_map_n(v) == 1) {
        CDZ_MAP_EACH (x, e->outputs)
            v = x->val;
    }
    cdz_expr_print(&b, v.kind == CDZ_NULL ? cdz_val_z("") : v);
    api_text(c, 200, "text/plain", cdz_buf_copy(&b, c->arena));
}

/* Anybody may read this: neither inputs nor task runs are in it. */
static void answer_end(struct api_call *c, const struct cdz_execution *e)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_str(&w, "id", e->id);
    cdz_jw_str(&w, "namespace", e->namespace_);
    cdz_jw_str(&w, "flowId", e->flow_id);
    cdz_jw_int(&w, "flowRevision", e->flow_revision);
    cdz_jw_open(&w, "trigger", '{');
    cdz_jw_str(&w, "id", e->trigger_id);
    cdz_jw_str(&w, "type", e->trigger_type);
    cdz_jw_val(&w, "variables", e->trigger_variables, 0);
    cdz_jw_close(&w, '}');
    if (e->outputs.kind == CDZ_MAP)
        cdz_jw_val(&w, "outputs", e->outputs, 0);
    cdz_jw_open(&w, "labels", '[');
    for (size_t i = 0; i < e->label_count; i++) {
        cdz_jw_open(&w, NULL, '{');
        cdz_jw_str(&w, "key", e->labels[i].key);
        cdz_jw_str(&w, "value", e->labels[i].value);
        cdz_jw_close(&w, '}');
    }
    cdz_jw_close(&w, ']');
    cdz_history_json(&e->history, cdz_now_us(), &w, "state");
    cdz_jw_str(&w, "url", api_execution_url(c->api, e, c->arena));
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

static bool is_true(const struct cdz_trigger *trigger, const char *prop)
{
    cdz_val v = cdz_map_getz(trigger->props, prop);
    return v.kind == CDZ_BOOL && v.b;
}

static api_answer_end *at_end(const struct cdz_trigger *trigger)
{
    cdz_val type = cdz_map_getz(trigger->props, "responseContentType");
    if (!is_true(trigger, "wait"))
        return NULL;
    if (!is_true(trigger, "returnOutputs"))
        return answer_end;
    return type.kind == CDZ_TEXT && cdz_str_is(cdz_val_str(type), "text/plain") ? answer_text
                                                                                : answer_outputs;
}

/* --- the request --- */

/* The trigger's `inputs` are rendered with what they may know of the request. */
static cdz_rc inputs_of(struct api_call *c, const struct cdz_flow *flow,
                        const struct cdz_trigger *trigger, cdz_val variables, cdz_val *ret,
                        struct cdz_err *err)
{
    struct cdz_inputs_world world;
    cdz_inputs_world_init(&world, c->api->s, flow, c->arena);
    cdz_map_putz(c->arena, world.env.vars, "trigger", variables);
    return cdz_val_render(cdz_map_getz(trigger->props, "inputs"), &world.env.env, c->arena, ret,
                          err);
}

static cdz_rc conditions_hold(struct api_call *c, const struct cdz_flow *flow,
                              const struct cdz_trigger *trigger, const struct cdz_execution *e,
                              cdz_us now, bool *ret, struct cdz_err *err)
{
    struct cdz_map_env env;
    cdz_created_env_init(&env, c->api->s, flow, e, c->arena);
    struct cdz_condition_ctx ctx = {.env = &env.env,
                                    .arena = c->arena,
                                    .e = e,
                                    .flow = flow,
                                    .now = now,
                                    .zone = c->api->s->exec_env.zone};
    return cdz_conditions_hold(&trigger->conditions, &ctx, ret, err);
}

static void fire(struct api_call *c, struct cdz_flow *flow, const struct cdz_trigger *trigger)
{
    struct cdz_execution *e = NULL;
    struct cdz_err err;
    cdz_us now = cdz_now_us();
    struct cdz_create make = {
        .flow = flow,
        .services = c->api->s,
        .trigger_id = trigger->id,
        .trigger_type = trigger->type_name,
        .trigger_variables = variables_of(c),
        .inputs_are_posted = !cdz_val_is_null(cdz_map_getz(trigger->props, "inputs")),
        .unchecked = true,
    };
    bool hold = false;
    cdz_rc rc = CDZ_OK;
    if (make.inputs_are_posted)
        rc = inputs_of(c, flow, trigger, make.trigger_variables, &make.inputs, &err);
    if (rc == CDZ_OK)
        rc = cdz_execution_make(&make, now, &e, &err);
    if (rc == CDZ_OK)
        rc = conditions_hold(c, flow, trigger, e, now, &hold, &err);
    if (rc == CDZ_OK && hold)
        rc = cdz_execution_check(c->api->s, flow, e, &err);
    if (rc == CDZ_OK && hold) {
        api_create(c, e, at_end(trigger));
        return;
    }
    cdz_execution_free(e);
    if (rc == CDZ_OK)
        api_empty(c, 204);
    else
        api_fail(c, &err);
}

static void webhook(struct api_call *c)
{
    struct cdz_flow *flow;
    struct cdz_err err;
    cdz_rc rc = cdz_flows_get(c->api->s->flows, c->param[0], c->param[1], 0, &flow, &err);
    if (rc == CDZ_E_NOT_FOUND) {
        api_failf(c, CDZ_E_NOT_FOUND, "Flow not found");
        return;
    }
    if (rc != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    const struct cdz_trigger *trigger = NULL;
    if (flow->disabled)
        api_failf(c, CDZ_E_CONFLICT, "Requested Flow is disabled.");
    else if (flow->exception.n)
        api_failf(c, CDZ_E_CONFLICT, "Cannot execute an invalid flow: %.*s",
                  CDZ_S(flow->exception));
    else if (!(trigger = find(c, flow, c->param[2])))
        api_failf(c, CDZ_E_NOT_FOUND, "Webhook not found");
    else if (cdz_str_is(c->r->method, "HEAD"))
        api_empty(c, 204); /* who asks what is there starts nothing */
    else
        fire(c, flow, trigger);
    cdz_flow_unref(flow);
}

const struct api_route api_webhook_routes[] = {
    {"GET", "/executions/webhook/{ns}/{id}/{key...}", webhook, "OPEN"},
    {"POST", "/executions/webhook/{ns}/{id}/{key...}", webhook, "OPEN"},
    {"PUT", "/executions/webhook/{ns}/{id}/{key...}", webhook, "OPEN"},
    {0},
};
