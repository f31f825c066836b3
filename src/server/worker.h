/*
 * worker.h -- the worker's inside, shared by its files:
 *
 *   worker.c        threads: jobs, the ticker, the kill listener; start and stop
 *   attempt.c       one attempt from job to result, and the tasks of a WorkingDirectory
 *   attempt_log.c   its log lines and metrics on their way to the queue
 *
 * Locks: worker->mu guards the list of attempts, the deadlines and the killed ids; attempt->mu its
 * buffered records. worker->mu is taken before attempt->mu, never the other way round.
 */
#ifndef CDZ_SERVER_WORKER_H
#define CDZ_SERVER_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "server/outbox.h"
#include "server/server.h"
#include "task/mask.h"

#define LOOK_EVERY (25 * CDZ_MS) /* how often the ticker looks at what runs */
#define RUNNING_AFTER                                                                              \
    (20 * CDZ_MS) /* what ends sooner is not told to be RUNNING first: a commit less */
#define FLUSH_EVERY (100 * CDZ_MS) /* a log line of a running attempt is visible this soon */

enum {
    FLUSH_BYTES = 256 << 10,
    KILLED_REMEMBERED = 4096,
    ERRORS_REMEMBERED = 512,
    ERROR_LINES = 50
};

/* The ERROR lines of one execution that this worker has written: encoded log entries, each behind
 * its length. */
struct error_lines {
    struct cdz_buf buf;
    unsigned n;
};

struct record_ref {
    enum cdz_topic topic;
    size_t at, n; /* bytes in buf */
};

struct attempt {
    struct cdz_run run; /* first */
    struct cdz_worker *worker;
    struct attempt *next, *before; /* in worker->running */
    atomic_int cancel;             /* enum cdz_cancel */
    int fd;                        /* eventfd behind run.cancel_fd */
    cdz_us running_due; /* monotonic: when RUNNING is to be sent; 0: not (any more). Guarded by
                           worker->mu */
    cdz_us started;     /* UTC */
    cdz_us deadline;    /* monotonic; 0: none. Guarded by worker->mu */
    cdz_us last_moment; /* the deadline of the whole, when it runs tasks of a WorkingDirectory */
    enum cdz_level least_level;
    struct cdz_mask mask; /* secrets that it has been given */
    int log_fd;           /* logToFile: the file that takes the lines; else -1. Guarded by mu */

    pthread_mutex_t mu;
    struct cdz_buf buf; /* guarded by mu: encoded log and metric records not sent yet */
    struct {
        struct record_ref *v;
        size_t n, cap;
    } refs;         /* guarded by mu */
    cdz_us flushed; /* guarded by mu: when it was last sent, monotonic */
};

struct cdz_worker {
    struct cdz_services *s;
    unsigned threads_max;
    pthread_mutex_t mu;
    pthread_cond_t ended; /* a job thread has ended */
    pthread_cond_t tick;
    unsigned threads, idle; /* guarded by mu */
    struct attempt *running;
    struct cdz_table killed; /* guarded by mu: ids of executions whose jobs are refused */
    char *killed_ring[KILLED_REMEMBERED];
    size_t killed_at;
    struct cdz_table
        errors; /* guarded by mu: execution id -> struct error_lines, for errorLogs() */
    char *errors_ring[ERRORS_REMEMBERED];
    size_t errors_at;
    struct cdz_consumer **consumers; /* guarded by mu: of the job threads, to wake them */
    size_t consumer_count;
    struct cdz_consumer *kills;
    struct cdz_outbox *outbox;
    pthread_t ticker, kill_listener;
    atomic_bool stopping; /* no new jobs */
    atomic_bool stopped;  /* no attempt runs any more: nothing is left to kill or to time out */
};

/* attempt_log.c */
/* Sends what is buffered, then (not NULL) last. Lock: a->mu held. */
void attempt_flush(struct attempt *a, const struct cdz_record *last);
void attempt_log(struct cdz_run *run, enum cdz_level level, cdz_us at, cdz_str message);
void attempt_metric(struct cdz_run *run, const char *type, cdz_str name, double value,
                    cdz_val tags);
/* errorLogs(): what went wrong in the attempts of this execution that this worker has run. */
cdz_rc worker_error_logs(struct cdz_run *run, struct cdz_arena *arena, cdz_val *ret,
                         struct cdz_err *err);
/* Lock: w->mu held. */
void worker_errors_forget(struct cdz_worker *w, char **slot);

/* attempt.c */
/* The first reason counts. Lock: worker->mu held. */
void attempt_cancel(struct attempt *a, enum cdz_cancel why);
void attempt_run(struct cdz_worker *w, struct attempt *a, const struct cdz_job *job,
                 struct cdz_flow *flow);

#endif
