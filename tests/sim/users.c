/*
 * users.c -- what users ask for over the API: executions, kills, pauses, restarts. Whatever is sent is
 * durable and acknowledged at once; the API needs no executor for that.
 */
#include <stdlib.h>

#include "exec/again.h"
#include "exec/signals.h"
#include "sim.h"

static void send(const struct cdz_record *records, size_t n)
{
    sim_store_apply(records, n);
    sim_check_commit(records, n);
}

void sim_user_create(void)
{
    struct cdz_create c = {.flow = sim->flows[sim_below(sim->flow_count)]};
    struct cdz_record records[2];
    struct cdz_execution *e;
    struct cdz_err err;
    sim->creates_left--;
    if (sim_one_in(10))
        c.schedule_date = sim->now + sim_below(100000000);
    if (cdz_execution_make(&c, sim->now, &e, &err) != CDZ_OK) {
        sim_fail("an execution cannot be made: %s", err.text);
        return;
    }
    send(records, cdz_execution_records(e, sim->arena, records));
    sim_trace("execution %.*s of %.*s is created", CDZ_S(e->id), CDZ_S(c.flow->id));
    sim_check_acknowledged(e->id);
    sim->result->counts.executions++;
    cdz_execution_free(e);
}

void sim_user_kill(void)
{
    cdz_str id = sim_check_pick(false, CDZ_STATE_COUNT);
    sim->kills_left--;
    if (!id.n)
        return;
    struct cdz_record r = cdz_kill_record(id, sim_one_in(2), sim->arena);
    sim_trace("a user kills %.*s", CDZ_S(id));
    send(&r, 1);
    sim->result->counts.kills++;
}

static void ask(cdz_str id, enum cdz_event_kind kind, const char *what)
{
    struct cdz_event ev = {.kind = kind};
    struct cdz_record r = cdz_event_record(id, &ev, CDZ_STR(""), sim->arena);
    sim_trace("a user asks %.*s to %s", CDZ_S(id), what);
    send(&r, 1);
    sim->result->counts.asks++;
}

static void send_event(cdz_str key)
{
    struct cdz_signal event = {.kind = CDZ_SIGNAL_EVENT, .at = sim->now};
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_signal_encode(&event, &b);
    struct cdz_record r = {.topic = CDZ_TOPIC_EVENT, .key = key, .value = cdz_buf_get(&b)};
    sim_trace("somebody sends the event %.*s", CDZ_S(key));
    send(&r, 1);
    sim->result->counts.asks++;
}

bool sim_user_event_last(void)
{
    size_t at = sim_store_lower_bound(CDZ_TOPIC_STATE, CDZ_STR(CDZ_SIGNAL_PREFIX));
    for (; at < sim->state_n && cdz_str_starts(sim->state[at]->key, CDZ_STR(CDZ_SIGNAL_PREFIX));
         at++) {
        cdz_str key = sim->state[at]->key;
        size_t slash = key.n;
        while (slash > 0 && key.p[slash - 1] != '/')
            slash--;
        cdz_str row = cdz_str_sub(key, slash, key.n);
        if (cdz_str_chr(row, '.', 0) != SIZE_MAX && slash > 0) { /* <execution>.<task run> waits */
            send_event(cdz_arena_str(sim->arena, cdz_str_sub(key, 0, slash - 1)));
            return true;
        }
    }
    return false;
}

void sim_user_ask(void)
{
    if (sim_one_in(4)) {
        static const char *const keys[] = {"a", "b", "c", "u"};
        sim->asks_left--;
        send_event(cdz_signal_key(CDZ_STR("sim"), cdz_str_z(keys[sim_below(4)]), sim->arena));
        return;
    }
    sim->asks_left--;
    cdz_str id = sim_check_pick(false, CDZ_STATE_COUNT);
    if (!id.n)
        return;
    switch (sim_below(3)) {
    case 0:
        ask(id, CDZ_EVENT_PAUSE, "pause");
        break;
    case 1:
        ask(id, CDZ_EVENT_RESUME, "go on");
        break;
    default:
        ask(id, CDZ_EVENT_FORCE_RUN, "run whatever the limits say");
        break;
    }
}

bool sim_user_resume_last(void)
{
    cdz_str id = sim_check_pick(false, CDZ_PAUSED);
    if (!id.n)
        return false;
    ask(id, CDZ_EVENT_RESUME, "go on, since nothing else happens");
    return true;
}

/* A complete copy, as the repository gives it. */
static struct cdz_execution *copy_of(const struct cdz_execution *e)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_execution *copy;
    struct cdz_err err;
    cdz_snapshot_encode(e, &b);
    if (cdz_snapshot_decode(cdz_buf_get(&b), &copy, &err) == CDZ_OK)
        return copy;
    sim_fail("a snapshot cannot be read: %s", err.text);
    return NULL;
}

void sim_user_restart(void)
{
    static const unsigned states[] = {CDZ_FAILED, CDZ_WARNING, CDZ_SUCCESS, CDZ_KILLED};
    cdz_str id = sim_check_pick(true, states[sim_below(4)]);
    struct cdz_err err;
    char text[CDZ_ID_TEXT];
    cdz_str new_id = {0};
    cdz_rc rc;
    sim->restarts_left--;
    if (!id.n || sim_store_has(CDZ_TOPIC_STATE, id))
        return; /* its listeners still run */
    struct cdz_execution *e = copy_of(sim_check_execution(id));
    if (!e)
        return;
    e->flow = sim_flow_of(e->flow_id);
    bool replay = sim_one_in(2), in_place = !replay && !sim_one_in(4);
    if (!in_place)
        new_id = cdz_arena_str(sim->arena, cdz_id_print(&sim->rng, text));
    if (replay) {
        cdz_str from = {0};
        if (e->taskruns.n > 0 && sim_one_in(2)) {
            const struct cdz_taskrun *t = e->taskruns.v[sim_below((unsigned)e->taskruns.n)];
            if (!t->gone && !sim_check_runs_after(cdz_flow_task(e->flow, t->task_id)))
                from = t->id;
        }
        rc = cdz_exec_replay(e, new_id, from, &sim->rng, sim->now, &err);
    } else {
        rc = cdz_exec_restart(e, new_id, &sim->rng, sim->now, &err);
    }
    if (rc == CDZ_OK) {
        CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
        struct cdz_event ev = {.kind = CDZ_EVENT_ADOPT};
        cdz_snapshot_encode(e, &b);
        struct cdz_record r = cdz_event_record(e->id, &ev, cdz_buf_get(&b), sim->arena);
        sim_trace("a user runs %.*s again, %s %.*s", CDZ_S(id), replay ? "replay" : "restart",
                  CDZ_S(new_id));
        if (in_place)
            sim_check_restarted(id);
        send(&r, 1);
        sim->result->counts.restarts++;
    }
    cdz_execution_free(e);
}

/* The planted fault of an executor that takes what has ended for something new. */
void sim_revive(void)
{
    cdz_str id = sim_check_pick(true, CDZ_STATE_COUNT);
    if (!id.n)
        return;
    sim->revives_left--;
    struct cdz_execution again = *sim_check_execution(id);
    struct cdz_event ev = {.kind = CDZ_EVENT_CREATE};
    CDZ_AUTO_BUF struct cdz_buf head = CDZ_BUF_INIT;
    again.history.n = 1;
    again.taskruns.n = 0;
    cdz_execution_encode(&again, &head);
    struct cdz_record r = cdz_event_record(id, &ev, cdz_buf_get(&head), sim->arena);
    sim_trace("planted: the record of %.*s comes back as a new one", CDZ_S(id));
    send(&r, 1);
}
