/*
 * explain.c -- GET /api/v1/executions/{id}/explain: why it does not go on. Beyond the original.
 *
 *   {"executionId", "state", "reasons": [{"kind", "taskRunId"?, "taskId"?, "value"?, "message",
 *    "since", "until"?, "heldBy"?: [execution id]}]}
 *
 * The first reason is the execution's own, the others are those of its task runs that live.
 */
#include "exec/explain.h"

#include "api/internal.h"
#include "base/time.h"
#include "exec/gate.h"

enum { HOLDERS_SHOWN = 20 };

/* The rows of a limit, read as they come. */
struct looking {
    struct api_call *c;
    cdz_str id; /* the execution that is explained */
    struct cdz_gate_view *view;
    CDZ_VEC(struct cdz_gate_place) waiting;
    CDZ_VEC(cdz_str) holders;
    struct cdz_gate_place own;
    bool found;
};

static bool on_row(void *ctx, cdz_str key, cdz_str value)
{
    struct looking *l = ctx;
    struct cdz_gate_place p;
    struct cdz_err err;
    size_t at = key.n;
    while (at > 0 && key.p[at - 1] != '/')
        at--;
    cdz_str id = cdz_str_sub(key, at, key.n);
    if (cdz_gate_place_decode(value, &p, &err) != CDZ_OK)
        return true;
    if (p.is_limit) {
        l->view->limit = p.limit;
    } else if (p.holds) {
        l->view->holding++;
        if (l->holders.n < HOLDERS_SHOWN)
            CDZ_PUSH(l->c->arena, &l->holders, cdz_arena_str(l->c->arena, id));
    } else if (cdz_str_eq(id, l->id)) {
        l->own = p;
        l->found = true;
    } else {
        CDZ_PUSH(l->c->arena, &l->waiting, p);
    }
    return true;
}

/* "~g/company.team/etl:key" for people. */
static cdz_str name_of(cdz_str key, struct cdz_arena *arena)
{
    cdz_str rest = cdz_str_sub(key, sizeof(CDZ_GATE_PREFIX) - 1, key.n);
    cdz_str pool = CDZ_STR("pool:");
    if (cdz_gate_is_pool(key))
        return cdz_arena_printf(arena, "pool %.*s", CDZ_S(cdz_str_sub(rest, pool.n, rest.n)));
    size_t colon = cdz_str_chr(rest, ':', 0);
    if (colon == SIZE_MAX)
        return cdz_arena_printf(arena, "flow %.*s", CDZ_S(rest));
    return cdz_arena_printf(arena, "flow %.*s for the key %.*s", CDZ_S(cdz_str_sub(rest, 0, colon)),
                            CDZ_S(cdz_str_sub(rest, colon + 1, rest.n)));
}

/* NULL: it waits at none, or its rows cannot be read. */
static const struct cdz_gate_view *look(struct api_call *c, const struct cdz_execution *e)
{
    cdz_str key = cdz_explain_gate(e);
    struct cdz_gate_view *view = CDZ_NEW(c->arena, struct cdz_gate_view);
    struct looking l = {.c = c, .id = e->id, .view = view};
    struct cdz_err err;
    if (!key.n)
        return NULL;
    view->name = name_of(key, c->arena);
    if (cdz_queue_scan(c->api->s->queue, CDZ_TOPIC_STATE,
                       cdz_arena_printf(c->arena, "%.*s/", CDZ_S(key)), on_row, &l, &err) != CDZ_OK)
        return NULL;
    for (size_t i = 0; i < l.waiting.n && l.found; i++) {
        const struct cdz_gate_place *p = &l.waiting.v[i];
        view->ahead += p->priority > l.own.priority ||
                       (p->priority == l.own.priority && p->number < l.own.number);
    }
    view->held_by = l.holders.v;
    view->held_count = l.holders.n;
    return view;
}

static void put_reason(struct cdz_jw *w, const struct cdz_reason *r)
{
    cdz_jw_open(w, NULL, '{');
    cdz_jw_z(w, "kind", r->kind);
    if (r->taskrun) {
        cdz_jw_str(w, "taskRunId", r->taskrun->id);
        cdz_jw_str(w, "taskId", r->taskrun->task_id);
        if (r->taskrun->value.p)
            cdz_jw_str(w, "value", r->taskrun->value);
    }
    cdz_jw_str(w, "message", r->message);
    cdz_jw_time(w, "since", r->since);
    if (r->until)
        cdz_jw_time(w, "until", r->until);
    if (r->held_count) {
        cdz_jw_open(w, "heldBy", '[');
        for (size_t i = 0; i < r->held_count; i++)
            cdz_jw_str(w, NULL, r->held_by[i]);
        cdz_jw_close(w, ']');
    }
    cdz_jw_close(w, '}');
}

static void explain(struct api_call *c)
{
    struct cdz_execution *e = api_execution_get(c, c->param[0]);
    struct cdz_err err;
    size_t n;
    if (!e)
        return;
    if (cdz_flows_get(c->api->s->flows, e->namespace_, e->flow_id, e->flow_revision, &e->flow,
                      &err) != CDZ_OK) {
        api_fail(c, &err);
        cdz_execution_free(e);
        return;
    }
    struct cdz_reason *v = cdz_explain(e, look(c, e), cdz_now_us(), c->arena, &n);
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_str(&w, "executionId", e->id);
    cdz_jw_z(&w, "state", cdz_state_name(cdz_state_now(&e->history)));
    cdz_jw_open(&w, "reasons", '[');
    for (size_t i = 0; i < n; i++)
        put_reason(&w, &v[i]);
    cdz_jw_close(&w, ']');
    cdz_jw_close(&w, '}');
    cdz_flow_unref(e->flow);
    cdz_execution_free(e);
    api_json(c, 200, &b);
}

const struct api_route api_explain_routes[] = {
    {"GET", "/executions/{id}/explain", explain, "EXECUTION_READ"},
    {0},
};
