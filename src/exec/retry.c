/* retry.c -- whether, when and how a failed attempt is tried again. reference/execution.md §9,
 * flow.md §5. */
#include "base/time.h"
#include "exec/internal.h"

/* The task's own policy, else that of the nearest flowable around it, else the flow's. */
static const struct cdz_retry *policy_of(const struct cdz_execution *e, const struct cdz_taskrun *t)
{
    for (const struct cdz_task *task = t->task; task; task = task->parent) {
        if (task->retry)
            return task->retry;
    }
    return e->flow->retry;
}

static int failed_attempts(const struct cdz_taskrun *t)
{
    int n = 0;
    for (size_t i = 0; i < t->attempt_count; i++)
        n += cdz_state_now(&t->attempts[i].history) == CDZ_FAILED;
    return n;
}

/* The new execution of behavior CREATE_NEW_EXECUTION; it waits by its schedule date. */
static void create_again(struct step *s, cdz_us at)
{
    const struct cdz_execution *e = s->e;
    struct cdz_execution again = *e;
    struct cdz_event ev = {.kind = CDZ_EVENT_CREATE};
    char id[CDZ_ID_TEXT];
    again.id = cdz_id_print(&s->rng, id);
    again.parent_id = e->id;
    again.attempt_number = e->attempt_number + 1;
    again.schedule_date = at;
    again.outputs = CDZ_VAL_NULL;
    again.version = 0;
    again.gates = NULL;
    again.gate_count = again.gates_passed = 0;
    again.held = again.after = again.sla_violated = false;
    again.after_lists = CDZ_VAL_NULL;
    again.history = (struct cdz_history){0};
    cdz_history_add(&again.history, s->arena, CDZ_CREATED, cdz_step_now(s));
    memset(&again.taskruns, 0, sizeof(again.taskruns));
    cdz_buf_reset(&s->buf);
    cdz_execution_encode(&again, &s->buf);
    cdz_str head = cdz_buf_copy(&s->buf, s->arena);
    cdz_buf_reset(&s->buf);
    cdz_event_encode(&ev, head, &s->buf);
    cdz_step_effect(s, CDZ_EFFECT_CREATE, at, cdz_arena_str(s->arena, again.id),
                    cdz_buf_copy(&s->buf, s->arena));
}

static void retire(struct step *s, struct cdz_taskrun *t)
{
    cdz_attempt_close(s, t, CDZ_RETRIED, cdz_step_now(s));
    cdz_taskrun_state(s, t, CDZ_RETRIED, cdz_step_now(s));
}

/* This execution, the task run and what is above it become RETRIED; the rest is stopped. */
static void replace_execution(struct step *s, struct cdz_taskrun *t, cdz_us at)
{
    struct cdz_execution *e = s->e;
    create_again(s, at);
    cdz_step_effect(s, CDZ_EFFECT_KILL, 0, e->id, CDZ_STR(""));
    retire(s, t);
    for (uint32_t i = t->parent; i != CDZ_NO_TASKRUN; i = e->taskruns.v[i]->parent)
        retire(s, e->taskruns.v[i]);
    for (size_t i = 0; i < e->taskruns.n; i++) {
        struct cdz_taskrun *other = e->taskruns.v[i];
        if (!other->gone && !cdz_state_is_terminated(cdz_state_now(&other->history))) {
            (void)cdz_child_kill(s, other);
            cdz_taskrun_put_down(s, other, CDZ_KILLED);
        }
    }
    e->index->root.closed = true;
    cdz_step_state(s, CDZ_RETRIED);
    e->answer_to.execution_id = (cdz_str){NULL, 0}; /* the new one will answer */
    cdz_execution_over(s);
}

bool cdz_retry_taskrun(struct step *s, struct cdz_taskrun *t)
{
    struct cdz_execution *e = s->e;
    const struct cdz_retry *r = policy_of(e, t);
    int attempts = failed_attempts(t);
    if (!r || (r->new_execution && cdz_state_is_terminated(cdz_state_now(&e->history))))
        return false; /* what has ended is not replaced because of a task that runs after it */
    const struct cdz_history *last = &t->attempts[t->attempt_count - 1].history;
    cdz_us at = last->v[last->n - 1].at + cdz_retry_pause(r, attempts, &s->rng);
    int count = r->new_execution ? e->attempt_number : attempts;
    cdz_us since = r->new_execution ? e->original_created : t->attempts[0].history.v[0].at;
    if ((r->max_attempt && count >= r->max_attempt) ||
        (r->max_duration && at > since + r->max_duration))
        return false;
    cdz_taskrun_is_back(s, t);
    cdz_taskrun_state(s, t, CDZ_FAILED, cdz_step_now(s));
    if (r->new_execution) {
        replace_execution(s, t, at);
        return true;
    }
    cdz_taskrun_state(s, t, CDZ_RETRYING, cdz_step_now(s));
    cdz_taskrun_due(s, t, at);
    if (cdz_state_now(&e->history) == CDZ_RUNNING)
        cdz_step_state(s, CDZ_RETRYING);
    return true;
}

bool cdz_retry_warns(const struct step *s, const struct cdz_taskrun *t)
{
    const struct cdz_retry *r = policy_of(s->e, t);
    return r && r->warning_on_retry && t->attempt_count > 1;
}

void cdz_retry_due(struct step *s, struct cdz_taskrun *t)
{
    cdz_taskrun_state(s, t, CDZ_CREATED, cdz_step_now(s));
    if (cdz_state_now(&s->e->history) == CDZ_RETRYING)
        cdz_step_state(s, CDZ_RUNNING);
    cdz_taskrun_dispatch(s, t);
}
