/*
 * executor.h -- the executor's inside, shared by its files:
 *
 *   executor.c  the thread: takes a batch of events, commits what came of it
 *   live.c      executions in memory: steps, records, effects; what is parked, what is cold
 *   calls.c     executions that other executions start
 *   flow_triggers.c  flows that other executions start
 *   keyed.c     gates and signal boxes: what executions share, reached by a key of its own
 *   recover.c   the state after a restart
 *
 * Everything here belongs to the executor's thread.
 */
#ifndef CDZ_SERVER_EXECUTOR_H
#define CDZ_SERVER_EXECUTOR_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/id.h"
#include "base/map.h"
#include "server/server.h"

/*
 * Back-pressure. While more jobs than this wait for a worker, new executions are not begun: their
 * heads go to STATE and only their ids stay in memory; they begin in order once fewer than LOW jobs
 * wait. 100,000 queued executions then cost some megabytes, and the same after a restart.
 */
enum { JOBS_WAITING_HIGH = 2000, JOBS_WAITING_LOW = 1000 };

struct timer {
    cdz_us at;
    char id[CDZ_ID_TEXT];
};

/* What the executor keeps of an execution beside the execution itself. */
struct live {
    struct cdz_execution *e;
    bool head_stored;
    uint32_t taskruns_stored; /* rows in the state topic: indexes below this */
    bool may_be_idle;         /* stands in x->idle */
    bool in_line;             /* it was parked, its place in line is still there */
};

/* News for an execution of this same batch: what became of a call it has made. */
struct news {
    char id[CDZ_ID_TEXT];
    struct cdz_event ev; /* texts in the batch's arena */
};

struct cdz_executor {
    struct cdz_services *s;
    struct cdz_consumer *in;
    pthread_t thread;
    atomic_bool stopping;
    struct cdz_table live;
    struct cdz_table parked; /* ids of executions that have not begun: a set */
    struct {
        char (*v)[CDZ_ID_TEXT];
        size_t head, n, cap; /* v[head .. n): first come, first served */
    } line;
    struct {
        struct timer *v; /* binary heap by at */
        size_t n, cap;
    } timers;
    struct cdz_table gates; /* gate key -> struct cdz_gate */
    struct cdz_table boxes; /* signal key -> struct cdz_signal_box */
    size_t events_kept;     /* bytes of events that nobody has taken yet */
    cdz_us swept;           /* when those that are too old were dropped last */
    struct {
        struct cdz_flow **v; /* flows with Flow triggers, a reference each */
        size_t n;
        uint64_t generation; /* of the flows, when they were taken */
        bool known;
    } listening;
    struct cdz_rng seeds;
    /* The batch under way */
    struct cdz_arena *arena;
    struct {
        struct cdz_record *v;
        size_t n, cap;
    } out;
    struct {
        struct news *v;
        size_t n, cap;
    } news;
    struct {
        struct cdz_record *v;
        size_t head, n, cap; /* v[head .. n) */
        size_t taken;        /* since the last commit */
    } inbox; /* events for executions and gates of this executor: see executor_put */
    struct {
        char (*v)[CDZ_ID_TEXT];
        size_t n, cap;
    } idle; /* to be dropped from memory behind the commit, if they still wait */
    struct {
        char (*v)[CDZ_ID_TEXT];
        size_t n, cap;
    } more; /* executions that have more to begin once workers can take it */
    struct {
        struct cdz_effect
            *v; /* FILE: stored before the commit, so that who sees the change finds them */
        size_t n, cap;
    } files;
    struct cdz_buf buf;
};

/* Room for one more in a growing array of the executor. */
#define EXECUTOR_PUSH(array, item)                                                                 \
    do {                                                                                           \
        if ((array)->n == (array)->cap) {                                                          \
            (array)->cap = (array)->cap ? (array)->cap * 2 : 64;                                   \
            (array)->v = realloc((array)->v, (array)->cap * sizeof(*(array)->v));                  \
            if (!(array)->v)                                                                       \
                abort();                                                                           \
        }                                                                                          \
        (array)->v[(array)->n++] = (item);                                                         \
    } while (0)

/* executor.c */
void executor_timer(struct cdz_executor *x, cdz_us at, cdz_str id);
/*
 * A record of this batch's commit; key and value stay valid until then. An event for what this executor
 * owns itself (all, as long as there is one) does not go through the topic: it is handled in the same
 * batch, so that what caused it and what comes of it are one commit.
 */
void executor_put(struct cdz_executor *x, enum cdz_topic topic, cdz_str key, cdz_str value);

/* Handles the events that wait in the inbox. */
void executor_deliver(struct cdz_executor *x, cdz_us now);
/* The value of a state row as this batch leaves it. */
CDZ_MUST_USE cdz_rc executor_state_get(struct cdz_executor *x, cdz_str key, struct cdz_arena *arena,
                                       cdz_str *ret, struct cdz_err *err);

/* live.c */
struct live *live_add(struct cdz_executor *x, struct cdz_execution *e);
void live_free(struct live *l);
/* The execution of that id: in memory, parked, or waiting in STATE. NULL: it has ended, or never was. */
struct live *live_get(struct cdz_executor *x, cdz_str id);
/* Steps it, and those that its calls bring news to. The event's now and seed are set here. */
void live_step(struct cdz_executor *x, struct live *l, struct cdz_event *ev, cdz_us now);
void live_create(struct cdz_executor *x, cdz_str head, struct cdz_event *ev, cdz_us now);
void live_adopt(struct cdz_executor *x, cdz_str snapshot, struct cdz_event *ev, cdz_us now);
/* The flow of e's revision; what cannot be had becomes a flow with an exception, so that the
 * execution FAILS. */
void live_take_flow(struct cdz_executor *x, struct cdz_execution *e);
/* Rebuilds what is derived; one that is damaged gets a broken flow, and fails at its next step. */
CDZ_MUST_USE cdz_rc live_load(struct cdz_executor *x, struct live *l, struct cdz_err *err);
void live_park(struct cdz_executor *x, cdz_str id);
/* Begins what has waited longest, as long as workers can take more. */
void live_run_parked(struct cdz_executor *x, cdz_us now);
bool live_may_run_parked(const struct cdz_executor *x);
/* Behind a commit: drops executions that wait for nothing this process does. */
void live_drop_idle(struct cdz_executor *x);

/* calls.c: makes the execution, or refuses; the news of it goes into x->news. */
void call_make(struct cdz_executor *x, const struct cdz_call_flow *call, cdz_us now);

/* flow_triggers.c. The execution has come into another state. */
#define TRIGGER_WINDOW_PREFIX "~w/"
void triggers_on_change(struct cdz_executor *x, const struct cdz_execution *e, cdz_us now);
void triggers_close(struct cdz_executor *x);

/* keyed.c */
static inline bool key_is_keyed(cdz_str key)
{
    return key.n > 0 && key.p[0] == '~'; /* no id begins so */
}
void keyed_record(struct cdz_executor *x, const struct cdz_record *r);
CDZ_MUST_USE cdz_rc keyed_load(struct cdz_executor *x, cdz_str key, cdz_str value,
                               struct cdz_err *err);
/* Now and then: drops what nobody has taken. */
void keyed_sweep(struct cdz_executor *x, cdz_us now);
void keyed_close(struct cdz_executor *x);

/* recover.c */
CDZ_MUST_USE cdz_rc executor_recover(struct cdz_executor *x, struct cdz_err *err);

#endif
