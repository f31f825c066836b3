#include "exec/explain.h"

#include "base/buf.h"
#include "base/time.h"

struct reasons {
    struct cdz_arena *arena;
    struct cdz_reason *v;
    size_t n, cap;
};

static cdz_us since_of(const struct cdz_history *h)
{
    return h->v[h->n - 1].at;
}

static struct cdz_reason *add(struct reasons *r, const char *kind, const struct cdz_taskrun *t,
                              const struct cdz_history *h)
{
    CDZ_PUSH(r->arena, r,
             (struct cdz_reason){
                 .kind = kind, .taskrun = t, .message = CDZ_STR(""), .since = since_of(h)});
    return &r->v[r->n - 1];
}

cdz_str cdz_explain_gate(const struct cdz_execution *e)
{
    enum cdz_state state = cdz_state_now(&e->history);
    bool waits = state == CDZ_QUEUED || (state == CDZ_CREATED && e->gate_count > 0);
    return waits && e->gates_passed < e->gate_count ? e->gates[e->gates_passed] : CDZ_STR("");
}

/* --- of the execution ----------------------------------------------------------------------- */

static void explain_queued(struct reasons *r, const struct cdz_execution *e,
                           const struct cdz_gate_view *gate)
{
    struct cdz_reason *x = add(r, "queued", NULL, &e->history);
    if (!gate) {
        x->message = CDZ_STR("waits for a place under a limit");
        return;
    }
    x->held_by = gate->held_by;
    x->held_count = gate->held_count;
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_printf(&b, "waits for a place under the limit of %.*s", CDZ_S(gate->name));
    if (gate->limit)
        cdz_buf_printf(&b, ": %zu of %u run", gate->holding, gate->limit);
    if (gate->ahead)
        cdz_buf_printf(&b, ", %zu wait%s before it", gate->ahead, gate->ahead == 1 ? "s" : "");
    else
        cdz_buf_z(&b, ", it is the next");
    x->message = cdz_buf_copy(&b, r->arena);
}

static void explain_execution(struct reasons *r, const struct cdz_execution *e,
                              const struct cdz_gate_view *gate, cdz_us now)
{
    enum cdz_state state = cdz_state_now(&e->history);
    struct cdz_reason *x;
    if (cdz_state_is_terminated(state)) {
        x = add(r, "ended", NULL, &e->history);
        x->message = cdz_arena_printf(r->arena, "has ended %s", cdz_state_name(state));
    } else if (state == CDZ_CREATED && e->schedule_date > now) {
        x = add(r, "scheduled", NULL, &e->history);
        x->message = CDZ_STR("is to begin at its schedule date");
        x->until = e->schedule_date;
    } else if (state == CDZ_QUEUED || cdz_explain_gate(e).n) {
        explain_queued(r, e, gate);
    } else if (state == CDZ_CREATED || state == CDZ_RESTARTED) {
        x = add(r, "starting", NULL, &e->history);
        x->message = CDZ_STR("waits for the executor: it begins executions in order, as long as "
                             "workers can take more");
    } else if (state == CDZ_KILLING) {
        x = add(r, "killing", NULL, &e->history);
        x->message = CDZ_STR("is being killed: ends once nothing of it runs any more");
    } else if (e->held) {
        x = add(r, "held", NULL, &e->history);
        x->message = CDZ_STR("was paused by a user: nothing new begins until it is resumed");
    } else {
        x = add(r, "running", NULL, &e->history);
        x->message =
            cdz_arena_printf(r->arena, "is %s, because of its task runs", cdz_state_name(state));
    }
}

/* --- of a task run -------------------------------------------------------------------------- */

static void explain_paused(struct reasons *r, const struct cdz_taskrun *t)
{
    struct cdz_reason *x = add(r, "paused", t, &t->history);
    cdz_val then = cdz_map_getz(t->hidden, "onDue");
    const char *what = "goes on";
    x->until = t->due_at;
    if (then.kind == CDZ_TEXT && cdz_str_is(cdz_val_str(then), "FAIL"))
        what = "FAILS";
    else if (then.kind == CDZ_TEXT && cdz_str_is(cdz_val_str(then), "WARN"))
        what = "goes on with WARNING";
    else if (then.kind == CDZ_TEXT && cdz_str_is(cdz_val_str(then), "CANCEL"))
        what = "is CANCELLED";
    x->message = t->due_at ? cdz_arena_printf(r->arena,
                                              "is paused: it %s when its time is over, "
                                              "unless it is resumed before",
                                              what)
                           : CDZ_STR("is paused until somebody resumes it");
}

static void explain_child(struct reasons *r, const struct cdz_taskrun *t)
{
    struct cdz_reason *x = add(r, "child", t, &t->history);
    cdz_val id = cdz_map_getz(t->outputs, "executionId");
    if (id.kind != CDZ_TEXT) {
        x->message = CDZ_STR("waits for the executions that it has started");
        return;
    }
    x->message =
        cdz_arena_printf(r->arena, "waits for the end of execution %.*s", CDZ_S(cdz_val_str(id)));
    x->held_by = CDZ_NEW(r->arena, cdz_str);
    x->held_by[0] = cdz_val_str(id);
    x->held_count = 1;
}

static void explain_runnable(struct reasons *r, const struct cdz_task *task,
                             const struct cdz_taskrun *t, enum cdz_state state)
{
    cdz_val group = task ? cdz_map_getz(task->worker_group, "key") : CDZ_VAL_NULL;
    struct cdz_reason *x;
    if (state == CDZ_RUNNING) {
        x = add(r, "running", t, &t->history);
        x->message = cdz_arena_printf(r->arena, "attempt %zu runs on a worker",
                                      t->attempt_count ? t->attempt_count : (size_t)1);
        return;
    }
    x = add(r, "waiting-worker", t, &t->history);
    x->message = group.kind == CDZ_TEXT
                     ? cdz_arena_printf(r->arena, "waits for a free worker of the group %.*s",
                                        CDZ_S(cdz_val_str(group)))
                     : CDZ_STR("waits for a free worker");
}

static void explain_taskrun(struct reasons *r, const struct cdz_task *task,
                            const struct cdz_taskrun *t, bool has_live_child)
{
    enum cdz_state state = cdz_state_now(&t->history);
    enum cdz_flow_kind kind = task ? task->type->flow_kind : CDZ_FLOW_NONE;
    struct cdz_reason *x;
    if (state == CDZ_PAUSED) {
        explain_paused(r, t);
    } else if (state == CDZ_RETRYING) {
        x = add(r, "retrying", t, &t->history);
        x->until = t->due_at;
        x->message = cdz_arena_printf(r->arena, "attempt %zu has failed, the next one is to come",
                                      t->attempt_count);
    } else if (state == CDZ_KILLING) {
        x = add(r, "killing", t, &t->history);
        x->message = CDZ_STR("was told to stop and has not stopped yet");
    } else if (kind == CDZ_FLOW_LOOP && t->due_at) {
        x = add(r, "loop", t, &t->history);
        x->until = t->due_at;
        x->message = cdz_arena_printf(r->arena, "waits for its next turn after %d", t->iteration);
    } else if (kind == CDZ_FLOW_SUBFLOW || kind == CDZ_FLOW_ITEMS) {
        explain_child(r, t);
    } else if (kind == CDZ_FLOW_WAIT_EVENT) {
        cdz_val key = cdz_map_getz(t->hidden, "key");
        x = add(r, "event", t, &t->history);
        x->until = t->due_at;
        x->message = cdz_arena_printf(
            r->arena, "waits for the event `%.*s`",
            CDZ_S(key.kind == CDZ_TEXT ? cdz_val_str(key) : CDZ_STR("of its key")));
    } else if (!has_live_child) { /* what is above one that lives is explained by that */
        explain_runnable(r, task, t, state);
    }
}

struct cdz_reason *cdz_explain(const struct cdz_execution *e, const struct cdz_gate_view *gate,
                               cdz_us now, struct cdz_arena *arena, size_t *ret_n)
{
    struct reasons r = {.arena = arena};
    bool *has_live_child = CDZ_NEW_N(arena, bool, e->taskruns.n);
    for (size_t i = 0; i < e->taskruns.n; i++) {
        const struct cdz_taskrun *t = e->taskruns.v[i];
        if (!t->gone && t->parent != CDZ_NO_TASKRUN &&
            !cdz_state_is_terminated(cdz_state_now(&t->history)))
            has_live_child[t->parent] = true;
    }
    explain_execution(&r, e, gate, now);
    for (size_t i = 0; i < e->taskruns.n; i++) {
        const struct cdz_taskrun *t = e->taskruns.v[i];
        if (!t->gone && !cdz_state_is_terminated(cdz_state_now(&t->history)))
            explain_taskrun(&r, cdz_flow_task(e->flow, t->task_id), t, has_live_child[i]);
    }
    *ret_n = r.n;
    return r.v;
}
