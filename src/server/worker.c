/*
 * worker.c -- the threads that run attempts.
 *
 *   job threads    take one job each from the group "worker", run it to its end, send logs and result
 *                  together; they are started when all others are busy, up to the configured number
 *   ticker         one thread for deadlines (timeouts), for telling that an attempt runs, and for sending
 *                  the log lines of long attempts while they run
 *   kill listener  takes the topic KILL: stops the attempts of an execution and refuses its jobs
 *                  that still wait
 */
#include <assert.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/time.h"
#include "exec/step.h"
#include "server/worker.h"

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
                    attempt_cancel(a, CDZ_CANCEL_KILL);
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
                attempt_cancel(a, CDZ_CANCEL_TIMEOUT);
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
                attempt_flush(a, NULL);
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
    attempt_run(w, a, &job, flow);
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
    s->worker_env.error_logs = worker_error_logs;
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
        attempt_cancel(a, CDZ_CANCEL_SHUTDOWN);
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
        worker_errors_forget(w, &w->errors_ring[i]);
    cdz_table_done(&w->errors);
    free(w->consumers);
    pthread_mutex_destroy(&w->mu);
    free(w);
}
