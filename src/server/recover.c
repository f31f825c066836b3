/*
 * recover.c -- the executor's state after a restart: every row of STATE is read once.
 *
 * Executions that were under way come into memory and get a RECOVER event. Those that wait (CREATED
 * behind a limit or a date, QUEUED) stay in STATE, with their timers armed; those that have not begun
 * stand in line again, the oldest first.
 */
#include "base/time.h"
#include "server/executor.h"

struct begun_not {
    cdz_us at;
    char id[CDZ_ID_TEXT];
};

struct loading {
    struct cdz_executor *x;
    CDZ_VEC(struct begun_not)
    created;                /* executions that have not begun: parked, the oldest first */
    char cold[CDZ_ID_TEXT]; /* the rows that follow are of an execution that stays there */
    size_t waiting;
    struct cdz_arena *arena;
    struct cdz_err err;
    cdz_rc rc;
};

/* An SLA counts the time in a queue, too. */
static void arm(struct cdz_executor *x, struct cdz_execution *e)
{
    if (e->schedule_date > 0 && cdz_state_now(&e->history) == CDZ_CREATED)
        executor_timer(x, e->schedule_date, e->id);
    live_take_flow(x, e);
    for (size_t i = 0; i < e->flow->sla_count; i++) {
        if (e->flow->slas[i].kind == CDZ_SLA_MAX_DURATION)
            executor_timer(x, e->history.v[0].at + e->flow->slas[i].duration, e->id);
    }
    cdz_flow_unref(e->flow);
    e->flow = NULL;
}

static cdz_rc on_head(struct loading *g, cdz_str id, cdz_str value)
{
    struct cdz_execution *e;
    CDZ_TRY(cdz_execution_decode(value, &e, &g->err));
    enum cdz_state state = cdz_state_now(&e->history);
    bool waits = state == CDZ_QUEUED ||
                 (state == CDZ_CREATED && (e->gate_count > 0 || e->schedule_date > cdz_now_us()));
    if (waits || state == CDZ_CREATED)
        snprintf(g->cold, sizeof(g->cold), "%.*s", CDZ_S(id));
    if (waits) {
        arm(g->x, e);
        g->waiting++;
    } else if (state == CDZ_CREATED) {
        struct begun_not b = {.at = e->history.v[0].at};
        snprintf(b.id, sizeof(b.id), "%.*s", CDZ_S(id));
        CDZ_PUSH(g->arena, &g->created, b);
    } else {
        live_add(g->x, e)->head_stored = true;
        return CDZ_OK;
    }
    cdz_execution_free(e);
    return CDZ_OK;
}

static bool on_state(void *ctx, cdz_str key, cdz_str value)
{
    struct loading *g = ctx;
    size_t slash = cdz_str_chr(key, '/', 0);
    cdz_str id = cdz_str_sub(key, 0, slash), part = cdz_str_sub(key, slash + 1, key.n);
    if (key_is_keyed(key)) {
        g->rc = keyed_load(g->x, key, value, &g->err);
        return g->rc == CDZ_OK;
    }
    if (part.n && part.p[0] == 'h') { /* sorts before the task runs */
        g->rc = on_head(g, id, value);
        return g->rc == CDZ_OK;
    }
    if (cdz_str_is(id, g->cold))
        return true;
    struct live *l = cdz_table_get(&g->x->live, id);
    if (!l) {
        g->rc = cdz_fail(&g->err, CDZ_E_CORRUPT, "state of execution %.*s has no head", CDZ_S(id));
        return false;
    }
    g->rc = cdz_taskrun_decode_into(value, l->e, &g->err);
    l->taskruns_stored = (uint32_t)l->e->taskruns.n;
    return g->rc == CDZ_OK;
}

static int older_first(const void *a, const void *b)
{
    const struct begun_not *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at ? 1 : strcmp(x->id, y->id);
}

cdz_rc executor_recover(struct cdz_executor *x, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_VEC(cdz_str) ids = {0};
    struct loading g = {.x = x, .arena = arena};
    size_t at = 0;
    cdz_str id;
    void *p;
    CDZ_TRY(cdz_queue_scan(x->s->queue, CDZ_TOPIC_STATE, CDZ_STR(""), on_state, &g, err));
    if (g.rc != CDZ_OK) {
        *err = g.err;
        return g.rc;
    }
    if (g.created.n > 0)
        qsort(g.created.v, g.created.n, sizeof(*g.created.v), older_first);
    for (size_t i = 0; i < g.created.n; i++)
        live_park(x, cdz_str_z(g.created.v[i].id));
    /* A step that ends an execution removes it from the table: the ids are gathered first. */
    while (cdz_table_next(&x->live, &at, &id, &p))
        CDZ_PUSH(arena, &ids, cdz_arena_str(arena, id));
    for (size_t i = 0; i < ids.n; i++) {
        struct live *l = cdz_table_get(&x->live, ids.v[i]);
        struct cdz_event ev = {.kind = CDZ_EVENT_RECOVER};
        if (!l)
            continue;
        CDZ_TRY(live_load(x, l, err));
        live_step(x, l, &ev, cdz_now_us());
    }
    executor_deliver(x, cdz_now_us()); /* not before: all are loaded now */
    if (ids.n + g.created.n + g.waiting > 0)
        cdz_log(CDZ_INFO, "executor",
                "msg=\"executions taken up again\" running=%zu not_begun=%zu waiting=%zu", ids.n,
                g.created.n, g.waiting);
    return CDZ_OK;
}
