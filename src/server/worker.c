/*
 * worker.c -- the threads that run attempts.
 *
 *   job threads    take one job each from the group "worker", run it to its end, send logs and result
 *                  together; they are started when all others are busy, up to the configured number
 *   ticker         one thread for deadlines (timeouts), for telling that an attempt runs, and for sending
 *                  the log lines of long attempts while they run
 *   kill listener  takes the topic KILL: stops the attempts of an execution and refuses its jobs
 *                  that still wait
 *
 * Locks: worker->mu guards the list of attempts, the deadlines and the killed ids; attempt->mu its
 * buffered records. worker->mu is taken before attempt->mu, never the other way round.
 */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/time.h"
#include "exec/step.h"
#include "server/outbox.h"
#include "server/server.h"
#include "task/cache.h"
#include "task/mask.h"
#include "task/world.h"

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

/* --- records of an attempt
 * --------------------------------------------------------------------------------------- */

/* Lock: a->mu held. */
static void flush(struct attempt *a, const struct cdz_record *last)
{
    size_t n = a->refs.n;
    struct cdz_record *out = calloc(n + 1, sizeof(*out));
    if (!out)
        abort();
    for (size_t i = 0; i < a->refs.n; i++)
        out[i] = (struct cdz_record){.topic = a->refs.v[i].topic,
                                     .key = a->run.job->execution_id,
                                     .value = {a->buf.p + a->refs.v[i].at, a->refs.v[i].n}};
    /* Not waited for: one writer keeps the order, so the executor's commit of the result lies
     * behind these lines. The result by itself needs no disk: that commit carries the lines, too.
     */
    if (n > 0)
        cdz_outbox_send(a->worker->outbox, out, n);
    if (last)
        cdz_outbox_send(a->worker->outbox, last, 1);
    free(out);
    a->refs.n = 0;
    cdz_buf_reset(&a->buf);
    a->flushed = cdz_mono_us();
}

static void add_record(struct attempt *a, enum cdz_topic topic, size_t from)
{
    if (a->refs.n == a->refs.cap) {
        a->refs.cap = a->refs.cap ? a->refs.cap * 2 : 8;
        a->refs.v = realloc(a->refs.v, a->refs.cap * sizeof(*a->refs.v));
        if (!a->refs.v)
            abort();
    }
    a->refs.v[a->refs.n++] = (struct record_ref){topic, from, a->buf.n - from};
    if (a->buf.n > FLUSH_BYTES)
        flush(a, NULL);
}

/* Lock: w->mu held. */
static void errors_forget(struct cdz_worker *w, char **slot)
{
    struct error_lines *lines = *slot ? cdz_table_del(&w->errors, cdz_str_z(*slot)) : NULL;
    if (lines) {
        cdz_buf_done(&lines->buf);
        free(lines);
    }
    free(*slot);
    *slot = NULL;
}

static void remember_error(struct cdz_worker *w, cdz_str execution, cdz_str entry)
{
    pthread_mutex_lock(&w->mu);
    struct error_lines *lines = cdz_table_get(&w->errors, execution);
    if (!lines) {
        char **slot = &w->errors_ring[w->errors_at++ % ERRORS_REMEMBERED];
        errors_forget(w, slot);
        lines = calloc(1, sizeof(*lines));
        *slot = strndup(execution.p, execution.n);
        if (!lines || !*slot)
            abort();
        (void)cdz_table_put(&w->errors, execution, lines); /* it was not there */
    }
    if (lines->n < ERROR_LINES) {
        uint32_t n = (uint32_t)entry.n;
        cdz_buf_add(&lines->buf, &n, sizeof(n));
        cdz_buf_str(&lines->buf, entry);
        lines->n++;
    }
    pthread_mutex_unlock(&w->mu);
}

/* errorLogs(): what went wrong in the attempts of this execution that this worker has run. */
static cdz_rc on_error_logs(struct cdz_run *run, struct cdz_arena *arena, cdz_val *ret,
                            struct cdz_err *err)
{
    struct cdz_worker *w = run->worker->server;
    cdz_val list = cdz_val_list(arena, 0);
    cdz_rc rc = CDZ_OK;
    pthread_mutex_lock(&w->mu);
    struct error_lines *lines = cdz_table_get(&w->errors, run->job->execution_id);
    cdz_str bytes = lines ? cdz_arena_str(arena, cdz_buf_get(&lines->buf)) : CDZ_STR("");
    pthread_mutex_unlock(&w->mu);
    for (size_t at = 0; rc == CDZ_OK && at < bytes.n;) {
        CDZ_AUTO_BUF struct cdz_buf json = CDZ_BUF_INIT;
        struct cdz_log_entry l;
        cdz_val item;
        uint32_t n;
        memcpy(&n, bytes.p + at, sizeof(n));
        rc = cdz_log_entry_decode(cdz_str_sub(bytes, at + sizeof(n), at + sizeof(n) + n), &l, err);
        at += sizeof(n) + n;
        if (rc != CDZ_OK)
            break;
        cdz_log_entry_json(&l, &json);
        rc = cdz_json_parse(cdz_buf_copy(&json, arena), arena, &item, err);
        if (rc == CDZ_OK)
            cdz_list_push(arena, list, item);
    }
    *ret = list;
    return rc;
}

/* Lock: a->mu held. A line of the file that logToFile makes. */
static void log_to_file(struct attempt *a, enum cdz_level level, cdz_us at, cdz_str piece)
{
    char text[CDZ_INSTANT_TEXT];
    cdz_str when = cdz_instant_print(at, text);
    if (dprintf(a->log_fd, "%.*s %s %.*s\n", CDZ_S(when), cdz_level_names[level], CDZ_S(piece)) <
        0) {
        close(a->log_fd); /* disk full: the rest of the lines goes the usual way */
        a->log_fd = -1;
    }
}

static void log_piece(struct attempt *a, enum cdz_level level, cdz_us at, cdz_str piece)
{
    const struct cdz_job *job = a->run.job;
    char thread[16] = "worker";
    pthread_getname_np(pthread_self(), thread, sizeof(thread));
    struct cdz_log_entry l = {
        .namespace_ = job->namespace_,
        .flow_id = job->flow_id,
        .task_id = job->task_id,
        .execution_id = job->execution_id,
        .taskrun_id = job->taskrun_id,
        .attempt = job->attempt,
        .at = at,
        .level = level,
        .thread = cdz_str_z(thread),
        .message = piece,
    };
    if (level == CDZ_ERROR) {
        CDZ_AUTO_BUF struct cdz_buf entry = CDZ_BUF_INIT;
        cdz_log_entry_encode(&l, &entry);
        remember_error(a->worker, job->execution_id, cdz_buf_get(&entry));
    }
    pthread_mutex_lock(&a->mu);
    if (a->log_fd >= 0) {
        log_to_file(a, level, at, piece);
    } else {
        size_t from = a->buf.n;
        cdz_log_entry_encode(&l, &a->buf);
        add_record(a, CDZ_TOPIC_LOG, from);
    }
    pthread_mutex_unlock(&a->mu);
    a->worker->s->counters->log_lines++;
}

static void on_log(struct cdz_run *run, enum cdz_level level, cdz_us at, cdz_str message)
{
    struct attempt *a = (struct attempt *)run;
    CDZ_AUTO_BUF struct cdz_buf masked = CDZ_BUF_INIT;
    if (level < a->least_level)
        return;
    if (cdz_mask_apply(&a->mask, message, &masked))
        message = cdz_buf_get(&masked);
    do { /* an empty message is a line, too */
        size_t n = message.n;
        if (n > CDZ_LOG_MESSAGE_MAX) {
            n = CDZ_LOG_MESSAGE_MAX;
            while (n > 0 && ((unsigned char)message.p[n] & 0xC0) == 0x80)
                n--; /* never inside a character */
        }
        log_piece(a, level, at, cdz_str_sub(message, 0, n));
        message = cdz_str_sub(message, n, message.n);
    } while (message.n > 0);
}

static void on_metric(struct cdz_run *run, const char *type, cdz_str name, double value,
                      cdz_val tags)
{
    struct attempt *a = (struct attempt *)run;
    const struct cdz_job *job = run->job;
    struct cdz_metric_entry m = {
        .namespace_ = job->namespace_,
        .flow_id = job->flow_id,
        .task_id = job->task_id,
        .execution_id = job->execution_id,
        .taskrun_id = job->taskrun_id,
        .type = cdz_str_z(type),
        .name = name,
        .value = value,
        .at = cdz_now_us(),
        .tags = tags,
    };
    pthread_mutex_lock(&a->mu);
    size_t from = a->buf.n;
    cdz_metric_entry_encode(&m, &a->buf);
    add_record(a, CDZ_TOPIC_METRIC, from);
    pthread_mutex_unlock(&a->mu);
}

/* --- stopping attempts
 * ------------------------------------------------------------------------------------------- */

static enum cdz_cancel on_cancelled(struct cdz_run *run)
{
    return (enum cdz_cancel)atomic_load(&((struct attempt *)run)->cancel);
}

/* The first reason counts. */
static void cancel(struct attempt *a, enum cdz_cancel why)
{
    int no = CDZ_CANCEL_NO;
    uint64_t one = 1;
    if (!atomic_compare_exchange_strong(&a->cancel, &no, (int)why))
        return;
    if (write(a->fd, &one, sizeof(one)) < 0)
        abort(); /* an eventfd takes it always */
}

static void remember_killed(struct cdz_worker *w, cdz_str id)
{
    char **slot = &w->killed_ring[w->killed_at++ % KILLED_REMEMBERED];
    if (*slot) {
        (void)cdz_table_del(&w->killed, cdz_str_z(*slot)); /* the oldest is forgotten */
        free(*slot);
    }
    *slot = strndup(id.p, id.n);
    if (!*slot)
        abort();
    (void)cdz_table_put(&w->killed, id, *slot); /* killed twice: the same */
}

static void poll_failed(const struct cdz_err *err, const char *what)
{
    struct timespec pause = {.tv_nsec = 100000000};
    cdz_log_err(CDZ_ERROR, "worker", err, "msg=\"%s\" retry_in_ms=100", what);
    nanosleep(&pause, NULL);
}

static void *kill_main(void *arg)
{
    struct cdz_worker *w = arg;
    struct cdz_batch batch;
    struct cdz_err err;
    pthread_setname_np(pthread_self(), "worker-kill");
    while (!w->stopped) {
        if (cdz_queue_poll(w->kills, 64, 3600 * CDZ_SECOND, &batch, &err) != CDZ_OK) {
            poll_failed(&err, "cannot take kills");
            continue;
        }
        for (size_t i = 0; i < batch.n; i++) {
            cdz_str id = batch.records[i].key;
            pthread_mutex_lock(&w->mu);
            remember_killed(w, id);
            for (struct attempt *a = w->running; a; a = a->next) {
                if (cdz_str_eq(a->run.job->execution_id, id))
                    cancel(a, CDZ_CANCEL_KILL);
            }
            pthread_mutex_unlock(&w->mu);
        }
        if (batch.n > 0 && cdz_queue_commit(w->kills, NULL, 0, &err) != CDZ_OK)
            cdz_log_err(CDZ_WARN, "worker", &err, "msg=\"position of kills not kept\"");
    }
    return NULL;
}

/* Lock: worker->mu held, so that the attempt has not sent its result yet. */
static void send_running(struct attempt *a)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_event ev = {.kind = CDZ_EVENT_RUNNING,
                           .taskrun = a->run.job->taskrun_index,
                           .epoch = a->run.job->epoch,
                           .started = a->started};
    cdz_event_encode(&ev, CDZ_STR(""), &b);
    struct cdz_record r = {
        .topic = CDZ_TOPIC_RESULT, .key = a->run.job->execution_id, .value = cdz_buf_get(&b)};
    cdz_queue_send(a->worker->s->queue, &r, 1, NULL, NULL);
}

/* Sleeps until the next deadline or flush; a new deadline signals `tick`. */
static void *ticker_main(void *arg)
{
    struct cdz_worker *w = arg;
    pthread_setname_np(pthread_self(), "worker-tick");
    pthread_mutex_lock(&w->mu);
    while (!w->stopped) {
        cdz_us now = cdz_mono_us(), next = now + 3600 * CDZ_SECOND;
        for (struct attempt *a = w->running; a; a = a->next) {
            if (a->deadline && a->deadline <= now) {
                cancel(a, CDZ_CANCEL_TIMEOUT);
                a->deadline = 0;
            } else if (a->deadline && a->deadline < next) {
                next = a->deadline;
            }
            if (a->running_due && a->running_due <= now) {
                send_running(a);
                a->running_due = 0;
            }
            pthread_mutex_lock(&a->mu);
            if (a->refs.n > 0 && a->flushed + FLUSH_EVERY <= now)
                flush(a, NULL);
            pthread_mutex_unlock(&a->mu);
            if (next > now + LOOK_EVERY)
                next = now + LOOK_EVERY; /* something runs: look again soon */
        }
        struct timespec ts = {.tv_sec = next / CDZ_SECOND, .tv_nsec = next % CDZ_SECOND * 1000};
        (void)pthread_cond_timedwait(&w->tick, &w->mu,
                                     &ts); /* a time-out and a signal are the same to us */
    }
    pthread_mutex_unlock(&w->mu);
    return NULL;
}

/* --- one attempt
 * -------------------------------------------------------------------------------------------------
 */

/* Lock: none. Why the attempt must not begin: its execution is killed, or the worker stops (who
 * stops it goes once through the attempts that are enlisted). */
static enum cdz_cancel enlist(struct attempt *a)
{
    struct cdz_worker *w = a->worker;
    pthread_mutex_lock(&w->mu);
    enum cdz_cancel ret = cdz_table_get(&w->killed, a->run.job->execution_id) ? CDZ_CANCEL_KILL
                          : w->stopping                                       ? CDZ_CANCEL_SHUTDOWN
                                                                              : CDZ_CANCEL_NO;
    if (ret == CDZ_CANCEL_NO) {
        bool first = !w->running;
        a->next = w->running;
        a->before = NULL;
        if (w->running)
            w->running->before = a;
        w->running = a;
        if (a->deadline || (first && !a->run.task->type->quick))
            pthread_cond_signal(&w->tick);
    }
    pthread_mutex_unlock(&w->mu);
    return ret;
}

static void delist(struct attempt *a)
{
    struct cdz_worker *w = a->worker;
    pthread_mutex_lock(&w->mu);
    if (a->before)
        a->before->next = a->next;
    else
        w->running = a->next;
    if (a->next)
        a->next->before = a->before;
    pthread_mutex_unlock(&w->mu);
}

static cdz_rc set_deadline(struct attempt *a, struct cdz_err *err)
{
    cdz_val timeout;
    cdz_us span;
    if (cdz_val_is_null(a->run.task->timeout))
        return CDZ_OK;
    CDZ_TRY(cdz_val_render(a->run.task->timeout, a->run.env, a->run.arena, &timeout, err));
    CDZ_TRY(cdz_duration_of(timeout, &span, err));
    a->deadline = cdz_mono_us() + span;
    return CDZ_OK;
}

/* The URI of the file that took the lines of this attempt, or an empty text. */
static cdz_str store_log_file(struct attempt *a)
{
    struct cdz_err err;
    cdz_str uri = CDZ_STR("");
    pthread_mutex_lock(&a->mu);
    int fd = a->log_fd;
    a->log_fd = -1; /* what is logged from now on goes the usual way */
    pthread_mutex_unlock(&a->mu);
    if (fd < 0)
        return uri;
    cdz_str name = cdz_arena_printf(a->run.arena, "attempt-%d.log", a->run.job->attempt);
    if (lseek(fd, 0, SEEK_SET) != 0 || cdz_run_put_file(&a->run, name, fd, &uri, &err) != CDZ_OK)
        cdz_run_logf(&a->run, CDZ_WARN, "The log file of this attempt could not be stored");
    close(fd);
    return uri;
}

static void close_log_file(struct attempt *a)
{
    if (a->log_fd >= 0)
        close(a->log_fd);
    a->log_fd = -1;
}

/* Logs, metrics and the result in one send: a result is never seen without its lines. */
static void send_result(struct attempt *a, enum cdz_state state, cdz_us started)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_str log_file = store_log_file(a);
    struct cdz_event ev = {
        .kind = CDZ_EVENT_RESULT,
        .taskrun = a->run.job->taskrun_index,
        .epoch = a->run.job->epoch,
        .state = state,
        .started = started,
        .ended = cdz_now_us(),
        .outputs = cdz_map_n(a->run.outputs) ? a->run.outputs : CDZ_VAL_NULL,
        .log_file = log_file,
    };
    cdz_event_encode(&ev, CDZ_STR(""), &b);
    if (b.n > a->run.worker->output_bytes_max) {
        cdz_run_logf(&a->run, CDZ_ERROR,
                     "The outputs of this task have %zu bytes, more than the %zu that are allowed; "
                     "they were dropped",
                     b.n, a->run.worker->output_bytes_max);
        ev.outputs = CDZ_VAL_NULL;
        ev.state = CDZ_FAILED;
        cdz_buf_reset(&b);
        cdz_event_encode(&ev, CDZ_STR(""), &b);
    }
    struct cdz_record r = {
        .topic = CDZ_TOPIC_RESULT, .key = a->run.job->execution_id, .value = cdz_buf_get(&b)};
    pthread_mutex_lock(&a->mu);
    flush(a, &r);
    pthread_mutex_unlock(&a->mu);
    a->worker->s->counters->jobs_ended[ev.state]++;
}

static enum cdz_state state_of(struct attempt *a, cdz_rc rc, const struct cdz_err *err)
{
    enum cdz_cancel why = on_cancelled(&a->run);
    if (rc == CDZ_OK)
        return a->run.state;
    if (why == CDZ_CANCEL_KILL)
        return CDZ_KILLED;
    if (why == CDZ_CANCEL_TIMEOUT) {
        cdz_val timeout = CDZ_VAL_NULL;
        struct cdz_err ignored;
        cdz_us span = 0;
        char text[CDZ_INSTANT_TEXT];
        if (cdz_val_render(a->run.task->timeout, a->run.env, a->run.arena, &timeout, &ignored) !=
                CDZ_OK ||
            cdz_duration_of(timeout, &span, &ignored) != CDZ_OK)
            span = 0; /* it was right when the attempt began */
        cdz_run_logf(&a->run, CDZ_ERROR, "Timeout after %.*s", CDZ_S(cdz_span_print(span, text)));
        return CDZ_FAILED;
    }
    cdz_run_logf(&a->run, CDZ_ERROR, "%s", err->text);
    return CDZ_FAILED;
}

static void run_attempt(struct cdz_worker *w, struct attempt *a, const struct cdz_job *job,
                        struct cdz_flow *flow)
{
    struct cdz_task_world world;
    struct cdz_err err;
    cdz_us started = cdz_now_us();
    uint64_t drained;
    a->run = (struct cdz_run){
        .worker = &w->s->worker_env,
        .job = job,
        .flow = flow,
        .task = cdz_flow_task(flow, job->task_id),
        .arena = a->run.arena,
        .state = CDZ_SUCCESS,
        .cancel_fd = a->fd,
        .cancelled = on_cancelled,
        .log = on_log,
        .metric = on_metric,
        .mask = &a->mask,
    };
    cdz_mask_reset(&a->mask);
    a->run.outputs = cdz_val_map(a->run.arena, 4);
    if (atomic_exchange(&a->cancel, CDZ_CANCEL_NO) != CDZ_CANCEL_NO &&
        read(a->fd, &drained, sizeof(drained)) < 0)
        abort();
    a->deadline = 0;
    a->least_level = CDZ_TRACE;
    a->flushed = cdz_mono_us();
    if (!a->run.task || !a->run.task->type->run) {
        cdz_run_logf(&a->run, CDZ_ERROR, "No task found for type in flow %.*s.%.*s: %.*s",
                     CDZ_S(job->namespace_), CDZ_S(job->flow_id), CDZ_S(job->task_id));
        send_result(a, CDZ_FAILED, started);
        return;
    }
    if (a->run.task->log_to_file)
        a->log_fd = open(w->s->worker_env.tmp_dir.p, O_TMPFILE | O_RDWR | O_CLOEXEC,
                         0600); /* -1: the usual way */
    if (a->run.task->log_level.n)
        (void)cdz_level_parse(a->run.task->log_level, &a->least_level); /* checked with the flow */
    cdz_task_world_init(&world, &a->run);
    a->run.env = &world.env;
    cdz_rc rc = set_deadline(a, &err);
    a->started = started;
    a->running_due = a->run.task->type->quick ? 0 : cdz_mono_us() + RUNNING_AFTER;
    switch (enlist(a)) {
    case CDZ_CANCEL_KILL:
    case CDZ_CANCEL_TIMEOUT:
        send_result(a, CDZ_KILLED, started);
        return;
    case CDZ_CANCEL_SHUTDOWN:
        close_log_file(a); /* no result: the executor sends it again after the restart */
        return;
    case CDZ_CANCEL_NO:
        break;
    }
    w->s->counters->jobs_started++;
    w->s->counters->jobs_running++;
    if (rc == CDZ_OK)
        rc = cdz_task_run(&a->run, &err);
    enum cdz_state state = state_of(a, rc, &err);
    delist(a);
    w->s->counters->jobs_running--;
    if (rc != CDZ_OK && on_cancelled(&a->run) == CDZ_CANCEL_SHUTDOWN) {
        close_log_file(a);
        return; /* no result: the executor sends it again after the restart */
    }
    send_result(a, state, started);
}

static void on_job(struct cdz_worker *w, struct attempt *a, cdz_str bytes)
{
    struct cdz_job job;
    struct cdz_flow *flow;
    struct cdz_err err;
    w->s->counters->jobs_taken++;
    if (cdz_job_decode(bytes, a->run.arena, &job, &err) != CDZ_OK) {
        w->s->counters->records_damaged++;
        cdz_log_err(CDZ_ERROR, "worker", &err, "msg=\"job dropped\"");
        return;
    }
    if (cdz_flows_get(w->s->flows, job.namespace_, job.flow_id, job.flow_revision, &flow, &err) !=
        CDZ_OK) {
        cdz_log_err(CDZ_ERROR, "worker", &err, "msg=\"job without flow\" execution=%.*s",
                    CDZ_S(job.execution_id));
        return;
    }
    run_attempt(w, a, &job, flow);
    cdz_flow_unref(flow);
}

static bool job_thread_start(struct cdz_worker *w);

/* Lock: w->mu held. Before a thread goes to work: another one must be waiting for the next job. */
static void keep_one_idle(struct cdz_worker *w)
{
    w->idle--;
    if (w->idle == 0 && w->threads < w->threads_max && !w->stopping)
        (void)job_thread_start(w); /* if not, the jobs wait for a thread that is there */
}

static void *job_main(void *arg)
{
    struct cdz_worker *w = arg;
    static const enum cdz_topic topics[] = {CDZ_TOPIC_JOB};
    static atomic_uint number;
    struct attempt a = {.worker = w,
                        .mu = PTHREAD_MUTEX_INITIALIZER,
                        .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                        .log_fd = -1};
    struct cdz_consumer *in = NULL;
    struct cdz_batch batch;
    struct cdz_err err;
    char name[16];
    snprintf(name, sizeof(name), "worker_%u", atomic_fetch_add(&number, 1) % 100000);
    pthread_setname_np(pthread_self(), name);
    cdz_mask_init(&a.mask);
    a.run.arena = cdz_arena_open(16 << 10);
    if (a.fd < 0 || cdz_queue_subscribe(w->s->queue, "worker", topics, 1, &in, &err) != CDZ_OK)
        w->s->counters->records_damaged++;
    pthread_mutex_lock(&w->mu);
    for (size_t i = 0; in && i < w->threads_max; i++) {
        if (!w->consumers[i]) {
            w->consumers[i] = in;
            break;
        }
    }
    while (in && !w->stopping) {
        pthread_mutex_unlock(&w->mu);
        cdz_rc rc = cdz_queue_poll(in, 1, 3600 * CDZ_SECOND, &batch, &err);
        if (rc == CDZ_OK && batch.n > 0 && !w->stopping) {
            pthread_mutex_lock(&w->mu);
            keep_one_idle(w);
            pthread_mutex_unlock(&w->mu);
            on_job(w, &a, batch.records[0].value);
            cdz_arena_reset(a.run.arena);
            rc = cdz_queue_commit(in, NULL, 0, &err);
            pthread_mutex_lock(&w->mu);
            w->idle++;
            pthread_mutex_unlock(&w->mu);
        }
        if (rc != CDZ_OK)
            poll_failed(&err, "cannot take jobs");
        pthread_mutex_lock(&w->mu);
    }
    for (size_t i = 0; in && i < w->threads_max; i++) {
        if (w->consumers[i] == in)
            w->consumers[i] = NULL;
    }
    pthread_mutex_unlock(&w->mu);
    cdz_queue_unsubscribe(in);
    cdz_arena_close(a.run.arena);
    cdz_mask_done(&a.mask);
    cdz_buf_done(&a.buf);
    free(a.refs.v);
    if (a.fd >= 0)
        close(a.fd);
    pthread_mutex_lock(&w->mu); /* the last thing: who stops the worker goes on from here */
    w->threads--;
    w->idle--;
    pthread_cond_broadcast(&w->ended);
    pthread_mutex_unlock(&w->mu);
    return NULL;
}

/* Lock: w->mu held. */
static bool job_thread_start(struct cdz_worker *w)
{
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 1 << 20);
    w->threads++;
    w->idle++;
    bool ok = pthread_create(&thread, &attr, job_main, w) == 0;
    if (!ok) {
        w->threads--;
        w->idle--;
    }
    pthread_attr_destroy(&attr);
    return ok;
}

cdz_rc cdz_worker_start(struct cdz_services *s, unsigned threads, struct cdz_worker **ret,
                        struct cdz_err *err)
{
    static const enum cdz_topic topics[] = {CDZ_TOPIC_KILL};
    struct cdz_worker *w = calloc(1, sizeof(*w));
    pthread_condattr_t mono;
    if (!w || !(w->consumers = calloc(threads, sizeof(struct cdz_consumer *))))
        abort();
    w->s = s;
    w->threads_max = threads;
    s->worker_env.error_logs = on_error_logs;
    s->worker_env.server = w;
    pthread_mutex_init(&w->mu, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&w->tick, &mono);
    pthread_cond_init(&w->ended, &mono);
    pthread_condattr_destroy(&mono);
    cdz_rc rc = cdz_queue_subscribe(s->queue, "worker-kill", topics, 1, &w->kills, err);
    if (rc != CDZ_OK) {
        free(w->consumers);
        free(w);
        return rc;
    }
    w->outbox = cdz_outbox_open(s->queue);
    bool ok = w->outbox && pthread_create(&w->kill_listener, NULL, kill_main, w) == 0 &&
              pthread_create(&w->ticker, NULL, ticker_main, w) == 0;
    pthread_mutex_lock(&w->mu);
    ok = ok && job_thread_start(w);
    pthread_mutex_unlock(&w->mu);
    if (!ok)
        return cdz_fail(err, CDZ_E_UNAVAILABLE, "the worker's threads could not be started");
    *ret = w;
    return CDZ_OK;
}

void cdz_worker_stop(struct cdz_worker *w, cdz_us grace)
{
    if (!w)
        return;
    cdz_us until = cdz_mono_us() + grace;
    struct timespec ts = {.tv_sec = until / CDZ_SECOND, .tv_nsec = until % CDZ_SECOND * 1000};
    pthread_mutex_lock(&w->mu);
    w->stopping = true;
    for (size_t i = 0; i < w->threads_max; i++) {
        if (w->consumers[i])
            cdz_queue_wake(w->consumers[i]);
    }
    while (w->threads > 0 && pthread_cond_timedwait(&w->ended, &w->mu, &ts) == 0)
        continue;
    for (struct attempt *a = w->running; a; a = a->next)
        cancel(a, CDZ_CANCEL_SHUTDOWN);
    while (w->threads > 0)
        pthread_cond_wait(&w->ended, &w->mu);
    w->stopped = true;
    pthread_cond_signal(&w->tick);
    pthread_mutex_unlock(&w->mu);
    cdz_queue_wake(w->kills);
    pthread_join(w->kill_listener, NULL);
    pthread_join(w->ticker, NULL);
    cdz_outbox_close(w->outbox);
    cdz_queue_unsubscribe(w->kills);
    for (size_t i = 0; i < KILLED_REMEMBERED; i++)
        free(w->killed_ring[i]);
    cdz_table_done(&w->killed);
    for (size_t i = 0; i < ERRORS_REMEMBERED; i++)
        errors_forget(w, &w->errors_ring[i]);
    cdz_table_done(&w->errors);
    free(w->consumers);
    pthread_mutex_destroy(&w->mu);
    free(w);
}
