/*
 * state.h -- the states of executions and task runs, and their histories. reference/execution.md
 * §1.
 */
#ifndef CDZ_MODEL_STATE_H
#define CDZ_MODEL_STATE_H

#include "base/arena.h"

#define CDZ_STATE_LIST(X) /* symbol, terminated */                                                 \
    X(CREATED, false)                                                                              \
    X(RUNNING, false)                                                                              \
    X(PAUSED, false)                                                                               \
    X(RESTARTED, false)                                                                            \
    X(KILLING, false)                                                                              \
    X(SUCCESS, true)                                                                               \
    X(WARNING, true)                                                                               \
    X(FAILED, true)                                                                                \
    X(KILLED, true)                                                                                \
    X(CANCELLED, true)                                                                             \
    X(QUEUED, false)                                                                               \
    X(RETRYING, false)                                                                             \
    X(RETRIED, true)                                                                               \
    X(SKIPPED, true)

enum cdz_state {
#define CDZ_STATE_ENUM(name, terminated) CDZ_##name,
    CDZ_STATE_LIST(CDZ_STATE_ENUM)
#undef CDZ_STATE_ENUM
};
/* Not a member of the enum, so that a switch over all states is complete without it. */
enum { CDZ_STATE_COUNT = CDZ_SKIPPED + 1 };

/* All names, in the order of the enum; ends with NULL. */
extern const char *const cdz_state_names[];
const char *cdz_state_name(enum cdz_state s);
bool cdz_state_parse(cdz_str s, enum cdz_state *ret);
bool cdz_state_is_terminated(enum cdz_state s);

struct cdz_state_at {
    enum cdz_state state;
    cdz_us at;
};

/* Never empty once its owner exists; the last entry is the current state. */
struct cdz_history {
    struct cdz_state_at *v;
    size_t n, cap;
};

static inline enum cdz_state cdz_state_now(const struct cdz_history *h)
{
    return h->v[h->n - 1].state;
}
/* Appends a state. Dates never go back: an earlier `at` is raised to the last entry's. Same state:
 * nothing happens. */
void cdz_history_add(struct cdz_history *h, struct cdz_arena *arena, enum cdz_state s, cdz_us at);

#endif
