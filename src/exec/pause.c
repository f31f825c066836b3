/*
 * pause.c -- the Pause task, and executions that a user pauses. reference/execution.md §10.
 *
 * A paused task run holds up its own branch only; the execution is shown as PAUSED while there is one.
 * An execution paused by a user is *held*: what runs ends, and nothing new begins.
 */
#include "base/time.h"
#include "exec/internal.h"

/* What a pause does when its time has come; kept in t->hidden. */
static const char *const on_due_names[] = {"RESUME", "WARN", "FAIL", "CANCEL", NULL};
enum on_due { ON_DUE_RESUME, ON_DUE_WARN, ON_DUE_FAIL, ON_DUE_CANCEL };

static enum on_due on_due_of(const struct cdz_taskrun *t)
{
    cdz_val name = cdz_map_getz(t->hidden, "onDue");
    for (int i = 0; name.kind == CDZ_TEXT && on_due_names[i]; i++) {
        if (cdz_str_is(cdz_val_str(name), on_due_names[i]))
            return (enum on_due)i;
    }
    return ON_DUE_RESUME;
}

/* How long it waits (0: for ever), and what happens then. */
static cdz_rc waiting_time(struct step *s, struct cdz_taskrun *t, cdz_us *ret_span,
                           const char **ret_on_due, struct cdz_err *err)
{
    cdz_val delay = cdz_map_getz(t->task->props, "delay"),
            duration = cdz_map_getz(t->task->props, "pauseDuration"),
            behavior = cdz_map_getz(t->task->props, "behavior");
    *ret_on_due = "RESUME";
    if (!cdz_val_is_null(delay))
        return cdz_step_duration(s, t, delay, ret_span, err);
    if (!cdz_val_is_null(duration)) {
        cdz_val rendered;
        CDZ_TRY(cdz_step_render(s, t, behavior, &rendered, err));
        for (int i = 0; rendered.kind == CDZ_TEXT && on_due_names[i]; i++) {
            if (cdz_str_is(cdz_val_str(rendered), on_due_names[i]))
                *ret_on_due = on_due_names[i];
        }
        return cdz_step_duration(s, t, duration, ret_span, err);
    }
    *ret_on_due = "FAIL";
    return cdz_step_duration(s, t, t->task->timeout, ret_span, err);
}

cdz_rc cdz_pause_begin(struct step *s, struct cdz_taskrun *t, struct cdz_err *err)
{
    cdz_us span = 0;
    const char *on_due;
    enum cdz_state state = cdz_state_now(&s->e->history);
    CDZ_TRY(waiting_time(s, t, &span, &on_due, err));
    cdz_taskrun_state(s, t, CDZ_PAUSED, cdz_step_now(s));
    if (state == CDZ_RUNNING || state == CDZ_RETRYING)
        cdz_step_state(s, CDZ_PAUSED);
    if (span > 0) {
        t->hidden = cdz_val_map(s->e->arena, 1);
        cdz_map_putz(s->e->arena, t->hidden, "onDue", cdz_val_z(on_due));
        cdz_taskrun_due(s, t, cdz_step_now(s) + span);
    }
    return CDZ_OK;
}

void cdz_pause_over(struct step *s, bool restarted)
{
    if (cdz_state_now(&s->e->history) != CDZ_PAUSED || s->e->index->paused > 0 || s->e->held)
        return;
    if (restarted)
        cdz_step_state(s, CDZ_RESTARTED);
    cdz_step_state(s, CDZ_RUNNING);
}

/* Goes on with its own tasks, or ends. */
static void go_on(struct step *s, struct cdz_taskrun *t, enum cdz_state state)
{
    t->due_at = 0;
    cdz_taskrun_state(s, t, CDZ_RUNNING, cdz_step_now(s));
    cdz_pause_over(s, true);
    if (state != CDZ_SUCCESS)
        cdz_taskrun_end_as_is(s, t, state);
    else
        cdz_scope_push(s, t->scope);
}

void cdz_pause_due(struct step *s, struct cdz_taskrun *t)
{
    if (cdz_state_now(&t->history) != CDZ_PAUSED)
        return;
    switch (on_due_of(t)) {
    case ON_DUE_RESUME:
        go_on(s, t, CDZ_SUCCESS);
        break;
    case ON_DUE_WARN:
        go_on(s, t, CDZ_WARNING);
        break;
    case ON_DUE_CANCEL:
        cdz_step_log(s, t, CDZ_WARN,
                     "Nobody resumed the pause in time: the execution is cancelled");
        cdz_kill_begin(s, CDZ_CANCELLED, true);
        break;
    case ON_DUE_FAIL:
        cdz_step_log(s, t, CDZ_ERROR, "Nobody resumed the pause in time");
        cdz_attempt_close(s, t, CDZ_FAILED, cdz_step_now(s));
        cdz_taskrun_end_as_is(s, t, CDZ_FAILED); /* allowFailure does not count here */
        cdz_pause_over(s, true);
        break;
    }
}

void cdz_pause_resume(struct step *s)
{
    struct cdz_execution *e = s->e;
    if (e->held) {
        e->held = false;
        s->out->head = true;
        cdz_pause_over(s, false);
        cdz_due(s);
        cdz_step_push_open(s);
        return;
    }
    for (size_t i = 0; i < e->taskruns.n && e->index->paused > 0; i++) {
        struct cdz_taskrun *t = e->taskruns.v[i];
        if (t->gone || cdz_state_now(&t->history) != CDZ_PAUSED)
            continue;
        if (s->ev->outputs.kind == CDZ_MAP)
            cdz_taskrun_output(s, t, "onResume", cdz_val_copy(e->arena, s->ev->outputs));
        go_on(s, t, CDZ_SUCCESS);
        return;
    }
}

void cdz_pause_hold(struct step *s)
{
    enum cdz_state state = cdz_state_now(&s->e->history);
    if (state != CDZ_RUNNING && state != CDZ_RETRYING)
        return;
    s->e->held = true;
    cdz_step_state(s, CDZ_PAUSED);
}
