/*
 * attempt_log.c -- log lines and metrics of an attempt: gathered, sent in batches while it runs and with
 * its result, so that whoever sees the result finds the lines. ERROR lines are remembered for
 * errorLogs().
 */
#include <unistd.h>

#include "base/limits.h"
#include "base/time.h"
#include "server/worker.h"

/* Lock: a->mu held. */
void attempt_flush(struct attempt *a, const struct cdz_record *last)
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
        attempt_flush(a, NULL);
}

/* Lock: w->mu held. */
void worker_errors_forget(struct cdz_worker *w, char **slot)
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
        worker_errors_forget(w, slot);
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
cdz_rc worker_error_logs(struct cdz_run *run, struct cdz_arena *arena, cdz_val *ret,
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

void attempt_log(struct cdz_run *run, enum cdz_level level, cdz_us at, cdz_str message)
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

void attempt_metric(struct cdz_run *run, const char *type, cdz_str name, double value, cdz_val tags)
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
