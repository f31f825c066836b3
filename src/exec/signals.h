/*
 * signals.h -- events that executions wait for by a key (the task WaitForEvent): one box for each key
 * of a namespace.
 *
 * An event wakes all that wait for it. When nobody waits it stays, for a day at most, until the first
 * one comes that asks: an event that is a moment early is not lost. A pure state machine as gate.h:
 * rows under "<box key>/<row id>" in STATE, answers are SIGNAL events, one commit with the message.
 */
#ifndef CDZ_EXEC_SIGNALS_H
#define CDZ_EXEC_SIGNALS_H

#include "base/time.h"
#include "exec/step.h"

#define CDZ_SIGNAL_PREFIX "~e/"

enum cdz_signal_kind {
    CDZ_SIGNAL_WAIT,
    CDZ_SIGNAL_LEAVE,
    CDZ_SIGNAL_EVENT, /* outputs: what it carries */
};

struct cdz_signal {
    enum cdz_signal_kind kind;
    cdz_str execution_id;
    uint32_t taskrun, epoch;
    cdz_us at;
    cdz_val outputs; /* map or null */
};
void cdz_signal_encode(const struct cdz_signal *msg, struct cdz_buf *to);
/* Texts borrowed from bytes, values in the arena. */
CDZ_MUST_USE cdz_rc cdz_signal_decode(cdz_str bytes, struct cdz_arena *arena,
                                      struct cdz_signal *ret, struct cdz_err *err);
/* "~e/<namespace>/e:<key>"; the key escaped as a gate's. */
cdz_str cdz_signal_key(cdz_str namespace_, cdz_str key, struct cdz_arena *arena);

struct cdz_signal_box;
struct cdz_signal_box *cdz_signal_box_open(void);
void cdz_signal_box_close(struct cdz_signal_box *box); /* NULL is fine */

struct cdz_signal_out { /* in the caller's arena */
    CDZ_VEC(struct cdz_signal_row {
        cdz_str id;
        cdz_str bytes; /* p NULL: the row goes */
    })
    rows;
    CDZ_VEC(struct cdz_signal) woken; /* whom to send a SIGNAL event with these outputs */
};
void cdz_signal_apply(struct cdz_signal_box *box, const struct cdz_signal *msg,
                      struct cdz_arena *arena, struct cdz_signal_out *ret);
CDZ_MUST_USE cdz_rc cdz_signal_load(struct cdz_signal_box *box, cdz_str id, cdz_str bytes,
                                    struct cdz_err *err);
bool cdz_signal_box_is_empty(const struct cdz_signal_box *box);
/* Bytes of the event that nobody has taken, 0: there is none. cdz_signal_forget drops it, if it came
 * before `before`. */
size_t cdz_signal_box_keeps(const struct cdz_signal_box *box);
void cdz_signal_forget(struct cdz_signal_box *box, cdz_us before, struct cdz_arena *arena,
                       struct cdz_signal_out *ret);
#define CDZ_SIGNAL_KEPT_US (24 * 3600 * CDZ_SECOND) /* how long one is kept */

#endif
