/* create.c -- a new execution as the API, the CLI and triggers make it. reference/execution.md §3,
 * api.md §2.1. */
#include "base/codec.h"
#include "base/id.h"
#include "base/limits.h"
#include "condition/checks.h"
#include "server/inputs.h"

#define CORRELATION CDZ_STR("system.correlationId")

cdz_str cdz_execution_id(struct cdz_arena *arena)
{
    struct cdz_rng rng;
    cdz_random_bytes(rng.s, sizeof(rng.s));
    return cdz_id_new(&rng, arena);
}

static void add_label(struct cdz_execution *e, cdz_str key, cdz_str value)
{
    e->labels[e->label_count++] =
        (struct cdz_label){cdz_arena_str(e->arena, key), cdz_arena_str(e->arena, value)};
}

static cdz_rc add_labels(struct cdz_execution *e, const struct cdz_create *c, struct cdz_err *err)
{
    bool take = c->flow->labels.kind == CDZ_MAP && !c->labels_are_all;
    size_t of_flow = take ? cdz_map_n(c->flow->labels) : 0;
    bool correlated = false;
    e->labels = CDZ_NEW_N(e->arena, struct cdz_label, of_flow + c->label_count + 1);
    if (of_flow) {
        CDZ_MAP_EACH (x, c->flow->labels) {
            if (!cdz_str_starts(x->key, CDZ_STR("system.")))
                add_label(e, x->key, cdz_val_str(x->val));
        }
    }
    for (size_t i = 0; i < c->label_count; i++) {
        bool correlation = cdz_str_eq(c->labels[i].key, CORRELATION);
        if (cdz_str_starts(c->labels[i].key, CDZ_STR("system.")) && !correlation &&
            !c->by_execution)
            return cdz_fail(
                err, CDZ_E_INVALID,
                "System labels can only be set by Kestra itself, offending label: %.*s=%.*s",
                CDZ_S(c->labels[i].key), CDZ_S(c->labels[i].value));
        correlated |= correlation;
        add_label(e, c->labels[i].key, c->labels[i].value);
    }
    if (!correlated && !c->trigger_id.p)
        add_label(e, CORRELATION, e->id);
    return CDZ_OK;
}

cdz_rc cdz_execution_check(const struct cdz_services *services, const struct cdz_flow *flow,
                           struct cdz_execution *e, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_failed_check *failed;
    struct cdz_map_env env;
    if (flow->check_count == 0)
        return CDZ_OK;
    cdz_created_env_init(&env, services, flow, e, arena);
    size_t n = cdz_checks_evaluate(flow, &env.env, arena, &failed);
    for (size_t i = 0; i < n; i++) {
        if (failed[i].behavior == CDZ_CHECK_BLOCK)
            return cdz_fail(err, CDZ_E_INVALID, "%.*s", CDZ_S(failed[i].message));
    }
    if (n > 0)
        e->failed_checks = cdz_val_list(e->arena, n);
    for (size_t i = 0; i < n; i++) {
        e->refused |= failed[i].behavior == CDZ_CHECK_FAIL;
        cdz_list_push(e->arena, e->failed_checks,
                      cdz_val_text(cdz_arena_str(e->arena, failed[i].message)));
    }
    return CDZ_OK;
}

/* Without services (a test): no key, no functions. */
static cdz_rc resolve_inputs(const struct cdz_create *c, struct cdz_arena *arena, cdz_val *ret,
                             struct cdz_err *err)
{
    const struct cdz_flow *flow = c->flow;
    struct cdz_inputs_world world;
    if (!c->services)
        return cdz_inputs_resolve(flow, c->inputs, arena, ret, err);
    cdz_inputs_world_init(&world, c->services, flow, arena);
    return cdz_inputs_resolve_list(flow->inputs, flow->input_count, c->inputs, &world.options,
                                   arena, ret, err);
}

cdz_rc cdz_execution_make(const struct cdz_create *c, cdz_us now, struct cdz_execution **ret,
                          struct cdz_err *err)
{
    const struct cdz_flow *flow = c->flow;
    cdz_val inputs;
    if (flow->disabled)
        return cdz_fail(err, CDZ_E_CONFLICT, "Requested Flow is disabled.");
    if (flow->exception.n)
        return cdz_fail(err, CDZ_E_CONFLICT, "Cannot execute an invalid flow: %.*s",
                        CDZ_S(flow->exception));
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    if (c->trigger_id.p && !c->by_execution && !c->inputs_are_posted)
        inputs = c->inputs;
    else
        CDZ_TRY(resolve_inputs(c, arena, &inputs, err));
    struct cdz_execution *e = cdz_execution_new();
    e->id = c->id.n ? cdz_arena_str(e->arena, c->id) : cdz_execution_id(e->arena);
    e->namespace_ = cdz_arena_str(e->arena, flow->namespace_);
    e->flow_id = cdz_arena_str(e->arena, flow->id);
    e->flow_revision = flow->revision;
    e->original_id = e->id;
    e->original_created = now;
    e->schedule_date = c->schedule_date;
    e->inputs = cdz_val_copy(e->arena, inputs);
    if (c->trigger_id.p) {
        e->trigger_id = cdz_arena_str(e->arena, c->trigger_id);
        e->trigger_type = cdz_arena_str(e->arena, c->trigger_type);
        e->trigger_variables = cdz_val_copy(e->arena, c->trigger_variables);
    }
    e->depth = c->depth;
    e->answer_to = c->answer_to;
    e->answer_to.execution_id = c->answer_to.execution_id.p
                                    ? cdz_arena_str(e->arena, c->answer_to.execution_id)
                                    : (cdz_str){NULL, 0};
    cdz_history_add(&e->history, e->arena, CDZ_CREATED, now);
    cdz_rc rc = add_labels(e, c, err);
    if (rc == CDZ_OK && c->services && !c->unchecked)
        rc = cdz_execution_check(c->services, flow, e, err);
    if (rc != CDZ_OK) {
        cdz_execution_free(e);
        return rc;
    }
    *ret = e;
    return CDZ_OK;
}

size_t cdz_execution_records(const struct cdz_execution *e, struct cdz_arena *arena,
                             struct cdz_record ret[2])
{
    CDZ_AUTO_BUF struct cdz_buf head = CDZ_BUF_INIT;
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_event ev = {.kind = CDZ_EVENT_CREATE};
    cdz_execution_encode(e, &head);
    cdz_event_encode(&ev, cdz_buf_get(&head), &b);
    ret[0] = (struct cdz_record){.topic = CDZ_TOPIC_EVENT,
                                 .key = cdz_arena_str(arena, e->id),
                                 .value = cdz_buf_copy(&b, arena)};
    cdz_buf_reset(&b);
    cdz_buf_c(&b, CDZ_CHANGE_HEAD);
    cdz_buf_str(&b, cdz_buf_get(&head));
    ret[1] = (struct cdz_record){
        .topic = CDZ_TOPIC_CHANGE, .key = ret[0].key, .value = cdz_buf_copy(&b, arena)};
    return 2;
}

struct cdz_record cdz_kill_record(cdz_str id, bool cascade, struct cdz_arena *arena)
{
    struct cdz_event ev = {.kind = CDZ_EVENT_KILL, .cascade = cascade, .end_as = CDZ_KILLED};
    return cdz_event_record(id, &ev, CDZ_STR(""), arena);
}

struct cdz_record cdz_event_record(cdz_str id, const struct cdz_event *ev, cdz_str create,
                                   struct cdz_arena *arena)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_event_encode(ev, create, &b);
    return (struct cdz_record){.topic = CDZ_TOPIC_EVENT,
                               .key = cdz_arena_str(arena, id),
                               .value = cdz_buf_copy(&b, arena)};
}
