/*
 * sim.h -- the deterministic simulator: the real executor of src/server over a queue, workers and a
 * clock that are made of a seed, all in one thread.
 *
 *   generate.c  random flows as YAML text
 *   world.c     what happens next: deliveries, workers, crashes, the clock
 *   users.c     what users ask for: executions, kills, pauses, restarts
 *   store.c     what is durable, and what is on the way
 *   queue.c     the port `queue` over store.c, as the executor sees it
 *   fiber.c     the executor's thread as a coroutine; its clock and its random numbers
 *   check.c     the invariants, over the records that were committed
 *   replay.c    the steps of each execution once more, without crashes: the same bytes
 *   run.c       the program
 *
 * How the executor gets in unchanged: the program is linked with --wrap for the few calls that reach
 * the outside (pthread_create, pthread_join, nanosleep, cdz_now_us, cdz_mono_us, cdz_random_*), and
 * for cdz_exec_step, which is recorded. Its thread becomes a coroutine that runs until it polls the
 * queue for more, or until a commit is to be its last.
 *
 * One world exists at a time (`sim`): the wrapped functions have no argument to find it by.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdio.h>

#include "base/arena.h"
#include "base/id.h"
#include "base/map.h"
#include "base/time.h"
#include "exec/step.h"
#include "model/job.h"
#include "port/queue.h"
#include "server/server.h"

/* Planted faults: what a broken executor would do; each must be noticed. */
enum sim_fault {
    SIM_SOUND,
    SIM_STALE,  /* a result of an attempt that was given up is applied */
    SIM_ACK,    /* events count as processed before what they caused is durable */
    SIM_REVIVE, /* an execution that has ended is started again */
};

struct sim_options {
    uint64_t seed;
    enum sim_fault fault;
    FILE *trace; /* one line per thing that happens, or NULL */
};

struct sim_counts {
    unsigned steps, executions, crashes, kills, asks, restarts, jobs, results, duplicates,
        failed_commits, commits;
};

struct sim_result {
    bool ok;
    char what[400]; /* the invariant that does not hold */
    unsigned step;  /* when that was noticed */
    uint64_t hash;  /* of all that was committed, in order */
    struct sim_counts counts;
};

void sim_run(const struct sim_options *options, struct sim_result *ret);
/* Text of the random flow s<number> of count, in arena. It calls only flows of a higher number. */
cdz_str sim_generate(struct cdz_rng *rng, unsigned number, unsigned count, struct cdz_arena *arena);

/* A record that is kept or on its way; both texts in the record itself. */
struct sim_record {
    enum cdz_topic topic;
    cdz_str key, value;
    cdz_us ready; /* not delivered before */
};

/* What a worker was told to do. */
struct sim_job {
    char execution[CDZ_ID_TEXT];
    cdz_str task_id;
    uint32_t taskrun, epoch;
    int attempt;
    cdz_us started; /* 0: it waits for a worker */
    bool killed;    /* the worker was told to stop */
    cdz_us ready;
};

/* Who wrote a result: its number is in the result's log file and, so, in the attempt it ended. */
struct sim_token {
    char execution[CDZ_ID_TEXT];
    uint32_t taskrun, epoch;
    bool applied;
};

struct sim {
    const struct sim_options *options;
    struct cdz_rng rng;
    struct cdz_arena *arena;
    cdz_us now;
    unsigned step;
    bool calm; /* no more faults: everything must come to its end */
    bool failed;
    struct sim_result *result;
    uint64_t hash;

    /* Durable (store.c) */
    struct sim_record **state; /* sorted by topic and key */
    size_t state_n, state_cap;
    CDZ_VEC(struct sim_record *) events;
    size_t consumed; /* events before this are processed */

    /* On the way; may be lost in a crash */
    CDZ_VEC(struct sim_record *) results;
    CDZ_VEC(struct sim_record *) kills;
    CDZ_VEC(struct sim_job *) jobs;

    /* The executor's process */
    struct cdz_services services;
    struct cdz_counters counters;
    struct cdz_executor *executor; /* NULL: it is down */
    bool starting;                 /* in cdz_executor_start: nothing is delivered */
    bool dead;                     /* it has crashed: nothing it does reaches anyone */
    bool polling;
    cdz_us poll_until;
    size_t poll_max;
    CDZ_VEC(struct cdz_record) batch; /* delivered, not committed */
    size_t batch_events;              /* so many of them are events */
    bool pressed;                     /* as if thousands of jobs waited for a worker */

    /* What there is to run */
    struct cdz_flow *flows[8];
    unsigned flow_count, creates_left, kills_left, crashes_left, asks_left, restarts_left, idle;
    unsigned revives_left;
    CDZ_VEC(struct sim_token) tokens;
    struct sim_model *model; /* check.c */
    struct sim_tape *tape;   /* replay.c */
};
extern struct sim *sim;

/* Random helpers: below(n) in [0, n); chance of one in n. */
static inline unsigned sim_below(unsigned n)
{
    return (unsigned)cdz_rng_below(&sim->rng, n);
}
static inline bool sim_one_in(unsigned n)
{
    return sim_below(n) == 0;
}

/* Notes that an invariant does not hold; the first one counts. */
void sim_fail(const char *fmt, ...) CDZ_PRINTF(1, 2);
/* The simulated clock, as the trace shows it. */
double sim_seconds(void);
void sim_trace(const char *fmt, ...) CDZ_PRINTF(1, 2);

/* store.c */
void sim_store_apply(const struct cdz_record *records, size_t n);
const struct sim_record *sim_store_get(enum cdz_topic topic, cdz_str key);
size_t sim_store_lower_bound(enum cdz_topic topic, cdz_str key);
bool sim_store_has(enum cdz_topic topic, cdz_str prefix);
void sim_store_done(void);
struct sim_record *sim_record_new(const struct cdz_record *r);

/* queue.c */
struct cdz_queue *sim_queue_open(void);

/* fiber.c */
void sim_fiber_resume(void); /* runs the executor until it waits again */
void sim_fiber_yield(void);  /* from within it */
bool sim_fiber_alive(void);
void sim_fiber_done(void);

/* check.c */
void sim_check_init(void);
void sim_check_done(void);
void sim_check_commit(const struct cdz_record *records, size_t n);
void sim_check_acknowledged(cdz_str execution);
void sim_check_consumed(const struct sim_record *event);
void sim_check_end(void); /* when nothing is on its way any more */
/* Acknowledged executions that have not ended. */
unsigned sim_check_open(void);
/* A random execution in that state (CDZ_STATE_COUNT: any) that has ended or has not; or an empty text. */
cdz_str sim_check_pick(bool ended, unsigned state);
/* A user has asked for a restart of it, in place. */
void sim_check_restarted(cdz_str execution);
/* The last committed records of an execution; NULL: none. */
const struct cdz_execution *sim_check_execution(cdz_str id);
bool sim_check_ended(cdz_str id);
/* Of listeners or afterExecution: it runs once the execution has ended. */
bool sim_check_runs_after(const struct cdz_task *task);
struct cdz_flow *sim_flow_of(cdz_str id);

/* users.c: what users ask for, and the planted revival. */
void sim_user_create(void);
void sim_user_kill(void);
void sim_user_ask(void);     /* pause, resume, force-run */
void sim_user_restart(void); /* in place, or as another execution */
/* Resumes one that nobody but a user can resume. False: there is none. */
bool sim_user_resume_last(void);
/* Sends an event that somebody waits for. False: nobody does. */
bool sim_user_event_last(void);
void sim_revive(void);

/* replay.c */
void sim_tape_init(void);
void sim_tape_done(void);
void sim_tape_keep(void);   /* the steps since the last commit have become durable */
void sim_tape_forget(void); /* they have not */
void sim_tape_check(void);  /* replays all of it */

#endif
