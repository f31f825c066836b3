/*
 * begin.c -- from CREATED to RUNNING: the date it waits for, the limits it must pass.
 *
 * A limit (concurrency of the flow, of a key, of a pool) is kept by a *gate*: a small state machine of
 * its own (gate.h), reached by messages with the gate's key, so that it can live in another process.
 * An execution asks its gates one after another, always in the same order, holds what it got, and
 * leaves them all at its end.
 */
#include "base/time.h"
#include "exec/gate.h"
#include "exec/internal.h"

static void send_to_gate(struct step *s, cdz_str gate, enum cdz_gate_kind kind)
{
    struct cdz_gate_msg msg = {.kind = kind, .execution_id = s->e->id, .at = cdz_step_now(s)};
    const struct cdz_concurrency *c = s->e->flow ? s->e->flow->concurrency : NULL;
    if (kind == CDZ_GATE_ARRIVE && c) {
        cdz_val v;
        struct cdz_err err;
        msg.limit = c->limit;
        msg.behavior = c->behavior;
        if (cdz_gate_is_pool(gate)) {
            cdz_val limit = cdz_map_get(s->env->pools, c->pool);
            if (limit.kind == CDZ_INT && limit.i > 0)
                msg.limit = (unsigned)limit.i;
        }
        if (cdz_step_render(s, NULL, c->priority, &v, &err) == CDZ_OK) {
            int64_t n = 0;
            if (v.kind == CDZ_INT || (v.kind == CDZ_TEXT && cdz_str_to_i64(cdz_val_str(v), &n)))
                msg.priority = v.kind == CDZ_INT ? v.i : n;
        } else {
            cdz_step_log(s, NULL, CDZ_WARN, "The priority is taken as 0: %s", err.text);
        }
    }
    cdz_buf_reset(&s->buf);
    cdz_gate_msg_encode(&msg, &s->buf);
    /* The execution, whose the key is, may be gone when the effect is carried out. */
    cdz_step_effect(s, CDZ_EFFECT_EVENT, 0, cdz_arena_str(s->arena, gate),
                    cdz_buf_copy(&s->buf, s->arena));
}

/* Which gates there are, decided once. */
static cdz_rc find_gates(struct step *s, struct cdz_err *err)
{
    struct cdz_execution *e = s->e;
    const struct cdz_concurrency *c = e->flow->concurrency;
    if (e->gate_count > 0 || e->forced || !c)
        return CDZ_OK;
    e->gates = CDZ_NEW_N(e->arena, cdz_str, 2);
    if (c->limit > 0 && !c->pool.n) {
        cdz_val key;
        cdz_str text = CDZ_STR("");
        CDZ_TRY(cdz_step_render(s, NULL, c->key, &key, err));
        CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
        if (!cdz_val_is_null(key)) {
            cdz_expr_print(&b, key);
            text = cdz_buf_get(&b);
        }
        e->gates[e->gate_count++] =
            cdz_gate_key(e->namespace_, e->flow_id, !cdz_val_is_null(key), text, e->arena);
    }
    if (c->pool.n)
        e->gates[e->gate_count++] = cdz_gate_pool_key(c->pool, e->arena);
    s->out->head = true;
    return CDZ_OK;
}

static void run(struct step *s)
{
    const struct cdz_flow *flow = s->e->flow;
    if (flow->tasks.n + flow->finals.n ==
        0) { /* all disabled: CREATED to SUCCESS, as the original */
        s->e->index->root.closed = true;
        cdz_execution_finish(s, CDZ_SUCCESS);
        return;
    }
    cdz_step_state(s, CDZ_RUNNING);
    cdz_step_log(s, NULL, CDZ_INFO, "Flow started");
    cdz_scope_push(s, &s->e->index->root);
}

static void end_at_once(struct step *s, enum cdz_state state)
{
    s->e->index->root.closed = true;
    cdz_step_state(s, state);
    cdz_execution_over(s);
}

/* What the flow's checks have found when it was made. True: it may begin. */
static bool pass_checks(struct step *s)
{
    struct cdz_execution *e = s->e;
    if (e->failed_checks.kind != CDZ_LIST)
        return true;
    CDZ_LIST_EACH (message, e->failed_checks) {
        if (message->kind == CDZ_TEXT)
            cdz_step_log(s, NULL, e->refused ? CDZ_ERROR : CDZ_WARN, "%.*s",
                         CDZ_S(cdz_val_str(*message)));
    }
    e->failed_checks = CDZ_VAL_NULL;
    s->out->head = true;
    if (e->refused)
        end_at_once(s, CDZ_FAILED);
    return !e->refused;
}

void cdz_execution_start(struct step *s)
{
    struct cdz_execution *e = s->e;
    struct cdz_err err;
    if (!pass_checks(s))
        return;
    if (e->schedule_date > cdz_step_now(s) && !e->forced) {
        cdz_step_effect(s, CDZ_EFFECT_TIMER, e->schedule_date, e->id, CDZ_STR(""));
        return;
    }
    if (e->flow->exception.n) {
        cdz_step_log(s, NULL, CDZ_ERROR, "Cannot execute an invalid flow: %.*s",
                     CDZ_S(e->flow->exception));
        end_at_once(s, CDZ_FAILED);
        return;
    }
    cdz_sla_check(s);
    if (cdz_state_now(&e->history) != CDZ_CREATED)
        return;
    if (find_gates(s, &err) != CDZ_OK) {
        cdz_step_log(s, NULL, CDZ_ERROR, "The key of the concurrency limit: %s", err.text);
        end_at_once(s, CDZ_FAILED);
        return;
    }
    if (e->gates_passed < e->gate_count)
        send_to_gate(s, e->gates[e->gates_passed], CDZ_GATE_ARRIVE);
    else
        run(s);
}

void cdz_execution_gate(struct step *s)
{
    struct cdz_execution *e = s->e;
    const struct cdz_event *ev = s->ev;
    enum cdz_state state = cdz_state_now(&e->history);
    if (ev->answer == CDZ_GATE_EVICT) {
        cdz_step_log(s, NULL, CDZ_WARN, "Cancelled: a newer execution takes its place");
        cdz_kill_begin(s, CDZ_CANCELLED, true);
        return;
    }
    if ((state != CDZ_CREATED && state != CDZ_QUEUED) || e->gates_passed >= e->gate_count ||
        !cdz_str_eq(ev->gate, e->gates[e->gates_passed]))
        return; /* an answer to what is not asked any more */
    switch (ev->answer) {
    case CDZ_GATE_QUEUED:
        cdz_step_state(s, CDZ_QUEUED);
        break;
    case CDZ_GATE_CANCEL:
        cdz_step_log(s, NULL, CDZ_WARN, "Flow is CANCELLED due to concurrency limit exceeded");
        end_at_once(s, CDZ_CANCELLED);
        break;
    case CDZ_GATE_FAIL:
        cdz_step_log(s, NULL, CDZ_ERROR, "Flow is FAILED due to concurrency limit exceeded");
        end_at_once(s, CDZ_FAILED);
        break;
    case CDZ_GATE_GRANTED:
        e->gates_passed++;
        s->out->head = true;
        if (e->gates_passed < e->gate_count)
            send_to_gate(s, e->gates[e->gates_passed],
                         e->forced ? CDZ_GATE_FORCE : CDZ_GATE_ARRIVE);
        else
            run(s);
        break;
    case CDZ_GATE_EVICT:
        break;
    }
}

void cdz_execution_force(struct step *s)
{
    struct cdz_execution *e = s->e;
    switch (cdz_state_now(&e->history)) {
    case CDZ_CREATED:
    case CDZ_QUEUED:
        e->forced = true;
        s->out->head = true;
        if (e->gates_passed < e->gate_count)
            send_to_gate(s, e->gates[e->gates_passed], CDZ_GATE_FORCE);
        else
            cdz_execution_start(s);
        break;
    case CDZ_PAUSED:
        cdz_pause_resume(s);
        break;
    default:
        break;
    }
}

void cdz_execution_leave_gates(struct step *s)
{
    for (size_t i = 0; i < s->e->gate_count; i++)
        send_to_gate(s, s->e->gates[i], CDZ_GATE_LEAVE);
}
