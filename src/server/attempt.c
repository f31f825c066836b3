/*
 * attempt.c -- one attempt of a task, from its job to its result. A WorkingDirectory runs its tasks one
 * after another within its own attempt (task/nested.h): the attempt then speaks for each of them in
 * turn.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/time.h"
#include "expr/lib.h"
#include "server/worker.h"
#include "task/cache.h"
#include "task/nested.h"
#include "task/world.h"

static enum cdz_cancel on_cancelled(struct cdz_run *run)
{
    return (enum cdz_cancel)atomic_load(&((struct attempt *)run)->cancel);
}

/* The first reason counts. */
void attempt_cancel(struct attempt *a, enum cdz_cancel why)
{
    int no = CDZ_CANCEL_NO;
    uint64_t one = 1;
    if (!atomic_compare_exchange_strong(&a->cancel, &no, (int)why))
        return;
    if (write(a->fd, &one, sizeof(one)) < 0)
        abort(); /* an eventfd takes it always */
}

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
    a->deadline = a->last_moment = cdz_mono_us() + span;
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
    attempt_flush(a, &r);
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

/* --- the tasks of a WorkingDirectory (task/nested.h) --- */

/* Lock: none. The attempt speaks for another task until it is given its own back. */
static void speak_for(struct attempt *a, const struct cdz_job *job, const struct cdz_task *task,
                      cdz_us deadline)
{
    pthread_mutex_lock(&a->worker->mu);
    a->run.job = job;
    a->run.task = task;
    a->deadline = deadline;
    if (deadline)
        pthread_cond_signal(&a->worker->tick);
    pthread_mutex_unlock(&a->worker->mu);
    a->least_level = CDZ_TRACE;
    if (task->log_level.n)
        (void)cdz_level_parse(task->log_level, &a->least_level); /* checked with the flow */
}

/* Its own time was up, not that of the whole: what comes behind it may run. */
static void forget_timeout(struct attempt *a, cdz_us outer)
{
    struct cdz_worker *w = a->worker;
    int timeout = CDZ_CANCEL_TIMEOUT;
    uint64_t drained;
    pthread_mutex_lock(&w->mu);
    bool own = !outer || outer > cdz_mono_us();
    if (own && atomic_compare_exchange_strong(&a->cancel, &timeout, CDZ_CANCEL_NO)) {
        if (read(a->fd, &drained, sizeof(drained)) < 0)
            abort();
        if (cdz_table_get(&w->killed, a->run.job->execution_id))
            attempt_cancel(a, CDZ_CANCEL_KILL); /* it had come second, and was not heard */
        else if (w->stopping && w->threads == 0)
            attempt_cancel(a, CDZ_CANCEL_SHUTDOWN);
    }
    pthread_mutex_unlock(&w->mu);
}

static cdz_rc nested_deadline(struct attempt *a, const struct cdz_task *task, cdz_us outer,
                              cdz_us *ret, struct cdz_err *err)
{
    cdz_val timeout;
    cdz_us span;
    *ret = outer;
    if (cdz_val_is_null(task->timeout))
        return CDZ_OK;
    CDZ_TRY(cdz_val_render(task->timeout, a->run.env, a->run.arena, &timeout, err));
    CDZ_TRY(cdz_duration_of(timeout, &span, err));
    if (!outer || cdz_mono_us() + span < outer)
        *ret = cdz_mono_us() + span;
    return CDZ_OK;
}

static cdz_rc nested_runs(struct attempt *a, bool *ret, struct cdz_err *err)
{
    cdz_val v;
    *ret = true;
    if (cdz_val_is_null(a->run.task->run_if))
        return CDZ_OK;
    CDZ_TRY(cdz_val_render(a->run.task->run_if, a->run.env, a->run.arena, &v, err));
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    cdz_expr_print(&text, v);
    *ret = cdz_truthy(cdz_buf_get(&text));
    return CDZ_OK;
}

static void nested_tell(struct cdz_run *run, const struct cdz_nested_news *news)
{
    struct attempt *a = (struct attempt *)run;
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_event ev = {
        .kind = CDZ_EVENT_NESTED,
        .taskrun = run->job->taskrun_index,
        .epoch = run->job->epoch,
        .state = news->state,
        .started = news->started,
        .ended = news->ended,
        .outputs = news->outputs,
        .log_file = news->log_file,
        .task_id = news->task_id,
        .nested_id = news->taskrun_id,
    };
    cdz_event_encode(&ev, CDZ_STR(""), &b);
    struct cdz_record r = {
        .topic = CDZ_TOPIC_RESULT, .key = run->job->execution_id, .value = cdz_buf_get(&b)};
    pthread_mutex_lock(&a->mu);
    attempt_flush(a, &r);
    pthread_mutex_unlock(&a->mu);
}

static void nested_run_one(struct cdz_run *run, const struct cdz_job *job,
                           const struct cdz_task *task, struct cdz_nested_news *news)
{
    struct attempt *a = (struct attempt *)run;
    struct cdz_run own = *run;
    struct cdz_task_world world;
    struct cdz_err err;
    cdz_us outer = a->last_moment, deadline = outer;
    bool runs = true;
    speak_for(a, job, task, outer);
    run->outputs = cdz_val_map(run->arena, 4);
    run->state = CDZ_SUCCESS;
    cdz_task_world_init(&world, run);
    run->env = &world.env;
    cdz_task_world_put(run, "workingDir", cdz_val_z(run->shared_dir));
    cdz_rc rc = nested_runs(a, &runs, &err);
    if (rc == CDZ_OK)
        rc = nested_deadline(a, task, outer, &deadline, &err);
    if (deadline != outer)
        speak_for(a, job, task, deadline);
    if (rc == CDZ_OK && runs && !task->type->quick) /* a quick one is told of when it has ended */
        nested_tell(run, news);
    if (task->log_to_file)
        a->log_fd = open(a->worker->s->worker_env.tmp_dir.p, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (rc == CDZ_OK && runs)
        rc = cdz_task_run(run, &err);
    news->state = runs || rc != CDZ_OK ? state_of(a, rc, &err) : CDZ_SKIPPED;
    news->log_file = store_log_file(a);
    news->ended = cdz_now_us();
    news->outputs = cdz_map_n(run->outputs) ? run->outputs : CDZ_VAL_NULL;
    forget_timeout(a, outer);
    run->outputs = own.outputs;
    run->state = own.state;
    run->env = own.env;
    speak_for(a, own.job, own.task, outer);
}

static const struct cdz_nested_hooks nested_hooks = {nested_run_one, nested_tell};

static cdz_rc run_task(struct attempt *a, struct cdz_err *err)
{
    return a->run.task->type->flow_kind == CDZ_FLOW_WORKING_DIRECTORY ? cdz_nested_run(&a->run, err)
                                                                      : cdz_task_run(&a->run, err);
}

static bool can_run(const struct cdz_task *task)
{
    return task && (task->type->run || task->type->flow_kind == CDZ_FLOW_WORKING_DIRECTORY);
}

void attempt_run(struct cdz_worker *w, struct attempt *a, const struct cdz_job *job,
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
        .log = attempt_log,
        .metric = attempt_metric,
        .mask = &a->mask,
        .nested = &nested_hooks,
    };
    cdz_mask_reset(&a->mask);
    a->run.outputs = cdz_val_map(a->run.arena, 4);
    if (atomic_exchange(&a->cancel, CDZ_CANCEL_NO) != CDZ_CANCEL_NO &&
        read(a->fd, &drained, sizeof(drained)) < 0)
        abort();
    a->deadline = a->last_moment = 0;
    a->least_level = CDZ_TRACE;
    a->flushed = cdz_mono_us();
    if (!can_run(a->run.task)) {
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
        rc = run_task(a, &err);
    enum cdz_state state = state_of(a, rc, &err);
    delist(a);
    w->s->counters->jobs_running--;
    if (rc != CDZ_OK && on_cancelled(&a->run) == CDZ_CANCEL_SHUTDOWN) {
        close_log_file(a);
        return; /* no result: the executor sends it again after the restart */
    }
    send_result(a, state, started);
}
