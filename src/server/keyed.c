/*
 * keyed.c -- what executions share and reach by a key of its own: limits (exec/gate.h) and events that
 * are waited for (exec/signals.h). Messages to them are records of the topic EVENT whose key begins
 * with '~'; their rows lie in STATE under "<key>/<row>"; their answers are events of executions.
 */
#include "base/limits.h"
#include "exec/gate.h"
#include "exec/signals.h"
#include "server/executor.h"

#define SWEEP_EVERY (3600 * CDZ_SECOND)

static void put_row(struct cdz_executor *x, cdz_str key, cdz_str row, cdz_str bytes)
{
    executor_put(x, CDZ_TOPIC_STATE,
                 cdz_arena_printf(x->arena, "%.*s/%.*s", CDZ_S(key), CDZ_S(row)), bytes);
}

static void put_event(struct cdz_executor *x, cdz_str id, const struct cdz_event *ev)
{
    cdz_buf_reset(&x->buf);
    cdz_event_encode(ev, CDZ_STR(""), &x->buf);
    executor_put(x, CDZ_TOPIC_EVENT, id, cdz_buf_copy(&x->buf, x->arena));
}

static struct cdz_gate *gate_of(struct cdz_executor *x, cdz_str key)
{
    struct cdz_gate *g = cdz_table_get(&x->gates, key);
    if (!g) {
        g = cdz_gate_open();
        (void)cdz_table_put(&x->gates, key, g); /* it was not there */
    }
    return g;
}

static cdz_rc to_gate(struct cdz_executor *x, cdz_str key, cdz_str bytes, struct cdz_err *err)
{
    struct cdz_gate_msg msg;
    struct cdz_gate_out out;
    CDZ_TRY(cdz_gate_msg_decode(bytes, &msg, err));
    struct cdz_gate *g = gate_of(x, key);
    cdz_gate_apply(g, &msg, x->arena, &out);
    for (size_t i = 0; i < out.rows.n; i++)
        put_row(x, key, out.rows.v[i].id, out.rows.v[i].bytes);
    for (size_t i = 0; i < out.answers.n; i++) {
        struct cdz_event ev = {
            .kind = CDZ_EVENT_GATE, .answer = out.answers.v[i].answer, .gate = key};
        put_event(x, out.answers.v[i].execution_id, &ev);
    }
    if (cdz_gate_is_empty(g)) {
        (void)cdz_table_del(&x->gates, key); /* it is g */
        cdz_gate_close(g);
    }
    return CDZ_OK;
}

static struct cdz_signal_box *box_of(struct cdz_executor *x, cdz_str key)
{
    struct cdz_signal_box *b = cdz_table_get(&x->boxes, key);
    if (!b) {
        b = cdz_signal_box_open();
        (void)cdz_table_put(&x->boxes, key, b); /* it was not there */
    }
    return b;
}

static void put_out(struct cdz_executor *x, cdz_str key, const struct cdz_signal_out *out)
{
    for (size_t i = 0; i < out->rows.n; i++)
        put_row(x, key, out->rows.v[i].id, out->rows.v[i].bytes);
    for (size_t i = 0; i < out->woken.n; i++) {
        const struct cdz_signal *w = &out->woken.v[i];
        struct cdz_event ev = {.kind = CDZ_EVENT_SIGNAL,
                               .taskrun = w->taskrun,
                               .epoch = w->epoch,
                               .started = w->at,
                               .outputs = w->outputs};
        put_event(x, w->execution_id, &ev);
    }
}

/* What an event that is kept costs in memory: its bytes, its box and key. */
static size_t cost_of(const struct cdz_signal_box *b)
{
    size_t n = cdz_signal_box_keeps(b);
    return n ? n + 512 : 0;
}

static void drop_if_empty(struct cdz_executor *x, cdz_str key, struct cdz_signal_box *b)
{
    if (!cdz_signal_box_is_empty(b))
        return;
    (void)cdz_table_del(&x->boxes, key); /* it is b */
    cdz_signal_box_close(b);
}

static cdz_rc to_box(struct cdz_executor *x, cdz_str key, cdz_str bytes, struct cdz_err *err)
{
    struct cdz_signal msg;
    struct cdz_signal_out out;
    CDZ_TRY(cdz_signal_decode(bytes, x->arena, &msg, err));
    struct cdz_signal_box *b = box_of(x, key);
    x->events_kept -= cost_of(b);
    cdz_signal_apply(b, &msg, x->arena, &out);
    if (cost_of(b) > 0 && x->events_kept + cost_of(b) > CDZ_EVENTS_KEPT_MAX) {
        cdz_signal_forget(b, INT64_MAX, x->arena, &out); /* nobody was woken by what is kept */
        cdz_log(CDZ_WARN, "executor",
                "msg=\"event dropped: nobody waits, and too many are kept\" key=%.*s", CDZ_S(key));
    }
    x->events_kept += cost_of(b);
    put_out(x, key, &out);
    drop_if_empty(x, key, b);
    return CDZ_OK;
}

/* Events that nobody has taken for too long. All boxes are looked at, hence rarely. */
void keyed_sweep(struct cdz_executor *x, cdz_us now)
{
    CDZ_VEC(cdz_str) keys = {0};
    size_t at = 0;
    cdz_str key;
    void *p;
    if (x->events_kept == 0 || now < x->swept + SWEEP_EVERY)
        return;
    x->swept = now;
    while (cdz_table_next(&x->boxes, &at, &key, &p)) {
        if (cdz_signal_box_keeps(p))
            CDZ_PUSH(x->arena, &keys, cdz_arena_str(x->arena, key));
    }
    for (size_t i = 0; i < keys.n; i++) {
        struct cdz_signal_box *b = cdz_table_get(&x->boxes, keys.v[i]);
        struct cdz_signal_out out;
        x->events_kept -= cost_of(b);
        cdz_signal_forget(b, now - CDZ_SIGNAL_KEPT_US, x->arena, &out);
        x->events_kept += cost_of(b);
        put_out(x, keys.v[i], &out);
        drop_if_empty(x, keys.v[i], b);
    }
}

void keyed_record(struct cdz_executor *x, const struct cdz_record *r)
{
    struct cdz_err err;
    cdz_str key = cdz_arena_str(x->arena, r->key);
    cdz_rc rc;
    if (cdz_str_starts(key, CDZ_STR(CDZ_GATE_PREFIX)))
        rc = to_gate(x, key, r->value, &err);
    else if (cdz_str_starts(key, CDZ_STR(CDZ_SIGNAL_PREFIX)))
        rc = to_box(x, key, r->value, &err);
    else
        rc = cdz_fail(&err, CDZ_E_CORRUPT, "unknown kind of key");
    if (rc == CDZ_OK)
        return;
    x->s->counters->records_damaged++;
    cdz_log_err(CDZ_ERROR, "executor", &err, "msg=\"record dropped\" key=%.*s", CDZ_S(key));
}

cdz_rc keyed_load(struct cdz_executor *x, cdz_str key, cdz_str value, struct cdz_err *err)
{
    size_t slash = key.n;
    while (slash > 0 && key.p[slash - 1] != '/')
        slash--;
    cdz_str owner = cdz_str_sub(key, 0, slash ? slash - 1 : 0),
            row = cdz_str_sub(key, slash, key.n);
    if (cdz_str_starts(key, CDZ_STR(CDZ_GATE_PREFIX)))
        return cdz_gate_load(gate_of(x, owner), row, value, err);
    if (cdz_str_starts(key, CDZ_STR(CDZ_SIGNAL_PREFIX))) {
        struct cdz_signal_box *b = box_of(x, owner);
        x->events_kept -= cost_of(b);
        cdz_rc rc = cdz_signal_load(b, row, value, err);
        x->events_kept += cost_of(b);
        return rc;
    }
    if (cdz_str_starts(key, CDZ_STR(TRIGGER_WINDOW_PREFIX)))
        return CDZ_OK; /* read when an execution changes */
    return cdz_fail(err, CDZ_E_CORRUPT, "state of an unknown kind: %.*s", CDZ_S(key));
}

void keyed_close(struct cdz_executor *x)
{
    size_t at = 0;
    cdz_str key;
    void *p;
    while (cdz_table_next(&x->gates, &at, &key, &p))
        cdz_gate_close(p);
    at = 0;
    while (cdz_table_next(&x->boxes, &at, &key, &p))
        cdz_signal_box_close(p);
    cdz_table_done(&x->gates);
    cdz_table_done(&x->boxes);
}
