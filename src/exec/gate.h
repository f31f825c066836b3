/*
 * gate.h -- a limit of executions that run at the same time: of a flow, of one value of its
 * concurrency key, or of a pool. reference/flow.md §7.1, execution.md §11.
 *
 * A pure state machine beside the executions: messages in, answers and rows out. Who carries it (the
 * executor of the gate's partition) keeps the rows under "<gate key>/<execution id>" in STATE and sends
 * the answers as GATE events, in one commit with the message's position. Everything costs
 * O(log waiting). A message that comes twice changes nothing.
 */
#ifndef CDZ_EXEC_GATE_H
#define CDZ_EXEC_GATE_H

#include "exec/step.h"

/* Keys of gates begin so; no execution id does. */
#define CDZ_GATE_PREFIX "~g/"

enum cdz_gate_kind {
    CDZ_GATE_ARRIVE, /* wants to begin */
    CDZ_GATE_LEAVE,  /* has ended, or does not want to any more */
    CDZ_GATE_FORCE,  /* begins whatever the limit says */
};

struct cdz_gate_msg {
    enum cdz_gate_kind kind;
    cdz_str execution_id;
    unsigned
        limit; /* ARRIVE: of the flow as it is now; the last one counts. 0: no limit is known */
    enum cdz_concurrency_behavior behavior;
    int64_t priority; /* higher leaves the queue first */
    cdz_us at;
};
void cdz_gate_msg_encode(const struct cdz_gate_msg *msg, struct cdz_buf *to);
CDZ_MUST_USE cdz_rc cdz_gate_msg_decode(cdz_str bytes, struct cdz_gate_msg *ret,
                                        struct cdz_err *err); /* borrowed from bytes */

/* "~g/<namespace>/<flow>", and ":<key>" with a concurrency key; bytes that are no letters, digits, dots,
 * dashes or underscores as %XX; a long one is cut and ends in its hash. */
cdz_str cdz_gate_key(cdz_str namespace_, cdz_str flow_id, bool has_key, cdz_str key,
                     struct cdz_arena *arena);
cdz_str cdz_gate_pool_key(cdz_str pool, struct cdz_arena *arena); /* "~g/pool:<name>" */
bool cdz_gate_is_pool(cdz_str gate_key);

struct cdz_gate;
struct cdz_gate *cdz_gate_open(void);
void cdz_gate_close(struct cdz_gate *gate); /* NULL is fine */

struct cdz_gate_out { /* in the caller's arena */
    CDZ_VEC(struct cdz_gate_row {
        cdz_str id;    /* behind "<gate key>/" */
        cdz_str bytes; /* p NULL: the row goes */
    })
    rows;
    CDZ_VEC(struct cdz_gate_told {
        cdz_str execution_id;
        enum cdz_gate_answer answer;
    })
    answers;
};
void cdz_gate_apply(struct cdz_gate *gate, const struct cdz_gate_msg *msg, struct cdz_arena *arena,
                    struct cdz_gate_out *ret);
/* After a restart: one row, in any order. */
CDZ_MUST_USE cdz_rc cdz_gate_load(struct cdz_gate *gate, cdz_str id, cdz_str bytes,
                                  struct cdz_err *err);
bool cdz_gate_is_empty(const struct cdz_gate *gate);

/* A row, for who explains why an execution waits. */
struct cdz_gate_place {
    bool holds;    /* else it waits */
    bool evicted;  /* was told to make room, and has not left yet */
    bool is_limit; /* the row of the gate itself: only limit counts */
    unsigned limit;
    int64_t priority;
    uint64_t number; /* order of arrival */
    cdz_us since;
};
CDZ_MUST_USE cdz_rc cdz_gate_place_decode(cdz_str bytes, struct cdz_gate_place *ret,
                                          struct cdz_err *err);

#endif
