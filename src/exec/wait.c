/*
 * wait.c -- WaitForEvent: a task run that waits for an event by its key. Who keeps the waiting ones and
 * the events that nobody has taken yet is the signal box of that key (signals.h); it answers with a
 * SIGNAL event.
 */
#include "base/limits.h"
#include "base/time.h"
#include "exec/internal.h"
#include "exec/signals.h"

static cdz_rc key_of(struct step *s, struct cdz_taskrun *t, cdz_str *ret, struct cdz_err *err)
{
    CDZ_TRY(cdz_step_text(s, t, "key", ret, err));
    if (!ret->n)
        return cdz_fail(err, CDZ_E_TASK, "the key of the event to wait for is empty");
    if (ret->n > CDZ_EVENT_KEY_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "the key of the event to wait for has more than %u bytes",
                        CDZ_EVENT_KEY_MAX);
    return CDZ_OK;
}

static void tell(struct step *s, const struct cdz_taskrun *t, cdz_str box,
                 enum cdz_signal_kind kind)
{
    struct cdz_signal msg = {
        .kind = kind,
        .execution_id = s->e->id,
        .taskrun = t->index,
        .epoch = t->epoch,
        .at = cdz_step_now(s),
    };
    cdz_buf_reset(&s->buf);
    cdz_signal_encode(&msg, &s->buf);
    cdz_step_effect(s, CDZ_EFFECT_EVENT, 0, box, cdz_buf_copy(&s->buf, s->arena));
}

cdz_rc cdz_wait_begin(struct step *s, struct cdz_taskrun *t, struct cdz_err *err)
{
    cdz_str key, box;
    cdz_us span = 0;
    t->outputs = CDZ_VAL_NULL;
    CDZ_TRY(key_of(s, t, &key, err));
    CDZ_TRY(cdz_step_duration(s, t, t->task->timeout, &span, err));
    box = cdz_signal_key(s->e->namespace_, key, s->arena);
    t->hidden = cdz_val_map(s->e->arena, 2);
    cdz_map_putz(s->e->arena, t->hidden, "key", cdz_val_text(key));
    cdz_map_putz(s->e->arena, t->hidden, "box", cdz_val_text(cdz_arena_str(s->e->arena, box)));
    if (span > 0)
        cdz_taskrun_due(s, t, cdz_step_now(s) + span);
    tell(s, t, box, CDZ_SIGNAL_WAIT);
    return CDZ_OK;
}

void cdz_wait_leave(struct step *s, struct cdz_taskrun *t)
{
    cdz_val box = cdz_map_getz(t->hidden, "box");
    if (box.kind == CDZ_TEXT)
        tell(s, t, cdz_val_str(box), CDZ_SIGNAL_LEAVE);
}

void cdz_wait_due(struct step *s, struct cdz_taskrun *t)
{
    if (cdz_state_now(&t->history) != CDZ_RUNNING)
        return;
    cdz_wait_leave(s, t);
    cdz_step_log(s, t, CDZ_ERROR, "The event did not come in time");
    cdz_attempt_close(s, t, CDZ_FAILED, cdz_step_now(s));
    cdz_taskrun_became(s, t, CDZ_FAILED);
}

void cdz_wait_signal(struct step *s, struct cdz_taskrun *t)
{
    if (t->task->type->flow_kind != CDZ_FLOW_WAIT_EVENT ||
        cdz_state_now(&t->history) != CDZ_RUNNING)
        return;
    if (s->ev->outputs.kind == CDZ_MAP)
        t->outputs = cdz_val_copy(s->e->arena, s->ev->outputs);
    cdz_attempt_close(s, t, CDZ_SUCCESS, cdz_step_now(s));
    cdz_taskrun_became(s, t, CDZ_SUCCESS);
}
