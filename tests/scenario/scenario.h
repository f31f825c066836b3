/*
 * scenario.h -- one scenario: a flow, what the world around it does, and a run of it. scenario files:
 * see run.c.
 */
#ifndef CDZ_TESTS_SCENARIO_H
#define CDZ_TESTS_SCENARIO_H

#include "exec/step.h"

/* What happens right after the first result of a task. */
enum { AFTER_KILL = 1, AFTER_PAUSE = 2 };

/* How a task or another flow behaves. */
struct rule {
    char name[64];
    int fails; /* -1: always */
    bool hold, warns, refused;
    unsigned after;       /* AFTER_ */
    enum cdz_state child; /* a called flow ends so */
};

/* What somebody does as soon as the execution does nothing by itself. */
struct action {
    enum action_kind { DO_PAUSE, DO_RESUME, DO_KILL, DO_FORCE, DO_FREE, DO_SIGNAL, DO_WAIT } kind;
    char arg[64];
};

struct scenario {
    struct cdz_flow *flow;
    struct rule rules[32];
    size_t rule_count;
    struct action actions[32];
    size_t action_count;
    bool busy; /* another execution holds each limit when this one comes */
};

/* How the run is disturbed. */
enum disturbance {
    UNDISTURBED,
    CRASHED, /* behind one step: everything that is not durable is gone */
    COLD,    /* whenever it is idle it is dropped from memory and loaded again */
};

/* The whole course; crash_at: behind which step (CRASHED). The records of the end are in `trace`. */
void scenario_run(const struct scenario *sc, enum disturbance disturbance, unsigned crash_at,
                  struct cdz_buf *trace, unsigned *ret_steps);

static inline const struct rule *scenario_rule(const struct scenario *sc, cdz_str name)
{
    for (size_t i = 0; i < sc->rule_count; i++) {
        if (cdz_str_is(name, sc->rules[i].name))
            return &sc->rules[i];
    }
    return NULL;
}

#endif
