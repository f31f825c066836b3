/*
 * explain.h -- why an execution does not go on: one reason for itself and one for each task run that
 * lives. Made from its records only, so that whoever has them (API, tests) can ask.
 *
 * Pure. Reasons point into the execution and the arena.
 */
#ifndef CDZ_EXEC_EXPLAIN_H
#define CDZ_EXEC_EXPLAIN_H

#include "model/execution.h"
#include "model/flow.h"

struct cdz_reason {
    /*
     * ended, scheduled, starting, queued, killing, held (paused by a user), running;
     * of task runs: paused, retrying, waiting-worker, running, loop, child, event, killing
     */
    const char *kind;
    const struct cdz_taskrun *taskrun; /* NULL: of the execution itself */
    cdz_str message;                   /* a sentence for people */
    cdz_us since;
    cdz_us until;     /* when it ends by itself; 0: it does not, or nobody knows */
    cdz_str *held_by; /* executions that must move first */
    size_t held_count;
};

/* What a limit says about an execution that waits at it. */
struct cdz_gate_view {
    cdz_str name;      /* for people: "flow company.team/etl" */
    unsigned limit;    /* 0: not known */
    size_t ahead;      /* of those that wait, how many begin before */
    cdz_str *held_by;  /* executions that run under it, some of them */
    size_t held_count; /* in held_by */
    size_t holding;    /* all that run under it */
};

/* e->flow must be set. gate: what it waits at when it is QUEUED, or NULL. */
struct cdz_reason *cdz_explain(const struct cdz_execution *e, const struct cdz_gate_view *gate,
                               cdz_us now, struct cdz_arena *arena, size_t *ret_n);
/* The key of the limit that it waits at, or empty. */
cdz_str cdz_explain_gate(const struct cdz_execution *e);

#endif
