/*
 * world.h -- the inside of a run, shared by world.c (its course) and around.c (what answers).
 */
#ifndef CDZ_TESTS_SCENARIO_WORLD_H
#define CDZ_TESTS_SCENARIO_WORLD_H

#include "base/map.h"
#include "exec/gate.h"
#include "exec/signals.h"
#include "scenario.h"

enum { TIMERS_MAX = 256, GATES_MAX = 4 };

struct pending {
    struct cdz_event ev;
    bool durable;
    unsigned after; /* a result: AFTER_ of its task */
    struct pending *next;
};

/* A run: the execution, its stored records, and what is on the way to it. */
struct world {
    const struct scenario *sc;
    struct cdz_arena *arena;
    struct cdz_execution *e;
    struct cdz_table stored; /* "h", "t<index>" -> struct cdz_buf */
    struct pending *first, **last;
    cdz_us now;
    cdz_us timers[TIMERS_MAX];
    size_t timer_count;
    struct {
        cdz_str key;
        struct cdz_gate *gate;
    } gates[GATES_MAX];
    size_t gate_count;
    struct {
        cdz_str key;
        struct cdz_signal_box *box;
    } boxes[GATES_MAX];
    size_t box_count;
    size_t acted; /* actions done */
    bool ended;
    unsigned done_after; /* AFTER_ */
    unsigned steps, crash_at;
    struct cdz_buf trace;
};

#define OWN_ID CDZ_STR("exec")

/* around.c */
cdz_val world_outputs(struct world *w, cdz_str name); /* {value: name} */
struct pending *world_post(struct world *w, struct cdz_event ev, bool durable);
void world_effect(struct world *w, const struct cdz_effect *f);
void world_after_result(struct world *w, unsigned after); /* the first result of a task has come */
void world_set_timer(struct world *w, cdz_us at);
void world_free_gates(struct world *w);
void world_signal(struct world *w, cdz_str key);

#endif
