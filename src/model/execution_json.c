/* execution_json.c -- executions, task runs, log and metric entries as the API shows them.
 * reference/api.md §11. */
#include "base/codec.h"
#include "base/time.h"
#include "model/execution.h"

void cdz_history_json(const struct cdz_history *h, cdz_us now, struct cdz_jw *w, const char *key)
{
    const struct cdz_state_at *last = &h->v[h->n - 1];
    bool ended = cdz_state_is_terminated(last->state);
    cdz_us span = (ended || now < h->v[0].at ? last->at : now) - h->v[0].at;
    CDZ_AUTO_BUF struct cdz_buf duration = CDZ_BUF_INIT;
    cdz_duration_print(&duration, span / CDZ_SECOND, (int32_t)(span % CDZ_SECOND * 1000));

    cdz_jw_open(w, key, '{');
    cdz_jw_z(w, "current", cdz_state_name(last->state));
    cdz_jw_open(w, "histories", '[');
    for (size_t i = 0; i < h->n; i++) {
        cdz_jw_open(w, NULL, '{');
        cdz_jw_z(w, "state", cdz_state_name(h->v[i].state));
        cdz_jw_time(w, "date", h->v[i].at);
        cdz_jw_close(w, '}');
    }
    cdz_jw_close(w, ']');
    cdz_jw_str(w, "duration", cdz_buf_get(&duration));
    cdz_jw_time(w, "startDate", h->v[0].at);
    if (ended || last->state == CDZ_PAUSED)
        cdz_jw_time(w, "endDate", last->at);
    cdz_jw_close(w, '}');
}

static void opt_str(struct cdz_jw *w, const char *key, cdz_str s)
{
    if (s.p && s.n)
        cdz_jw_str(w, key, s);
}

/* A map that is null or empty is left out. */
static void opt_map(struct cdz_jw *w, const char *key, cdz_val v, unsigned style)
{
    if (v.kind == CDZ_MAP && cdz_map_n(v) > 0)
        cdz_jw_val(w, key, v, style);
}

void cdz_taskrun_json(const struct cdz_execution *e, const struct cdz_taskrun *t, cdz_us now,
                      struct cdz_jw *w, const char *key)
{
    cdz_jw_open(w, key, '{');
    cdz_jw_str(w, "id", t->id);
    cdz_jw_str(w, "executionId", e->id);
    cdz_jw_str(w, "namespace", e->namespace_);
    cdz_jw_str(w, "flowId", e->flow_id);
    cdz_jw_str(w, "taskId", t->task_id);
    if (t->parent != CDZ_NO_TASKRUN)
        cdz_jw_str(w, "parentTaskRunId", e->taskruns.v[t->parent]->id);
    if (t->value.p)
        cdz_jw_str(w, "value", t->value);
    if (t->attempt_count) {
        cdz_jw_open(w, "attempts", '[');
        for (size_t i = 0; i < t->attempt_count; i++) {
            cdz_jw_open(w, NULL, '{');
            cdz_history_json(&t->attempts[i].history, now, w, "state");
            opt_str(w, "logFile", t->attempts[i].log_file);
            cdz_jw_close(w, '}');
        }
        cdz_jw_close(w, ']');
    }
    if (t->outputs.kind == CDZ_MAP)
        cdz_jw_val(w, "outputs", t->outputs, CDZ_JSON_DROP_NULLS);
    cdz_history_json(&t->history, now, w, "state");
    if (t->iteration)
        cdz_jw_int(w, "iteration", t->iteration);
    cdz_jw_close(w, '}');
}

void cdz_execution_json(const struct cdz_execution *e, cdz_str url, cdz_us now, struct cdz_buf *to)
{
    struct cdz_jw writer = {to, false}, *w = &writer;
    cdz_jw_open(w, NULL, '{');
    cdz_jw_str(w, "id", e->id);
    cdz_jw_str(w, "namespace", e->namespace_);
    cdz_jw_str(w, "flowId", e->flow_id);
    cdz_jw_int(w, "flowRevision", e->flow_revision);
    if (e->taskruns.n) {
        cdz_jw_open(w, "taskRunList", '[');
        for (size_t i = 0; i < e->taskruns.n; i++) {
            if (!e->taskruns.v[i]->gone)
                cdz_taskrun_json(e, e->taskruns.v[i], now, w, NULL);
        }
        cdz_jw_close(w, ']');
    }
    opt_map(w, "inputs", e->inputs, 0);
    opt_map(w, "outputs", e->outputs, CDZ_JSON_DROP_NULLS);
    if (e->label_count) {
        cdz_jw_open(w, "labels", '[');
        for (size_t i = 0; i < e->label_count; i++) {
            cdz_jw_open(w, NULL, '{');
            cdz_jw_str(w, "key", e->labels[i].key);
            cdz_jw_str(w, "value", e->labels[i].value);
            cdz_jw_close(w, '}');
        }
        cdz_jw_close(w, ']');
    }
    opt_map(w, "variables", e->variables, 0);
    cdz_history_json(&e->history, now, w, "state");
    opt_str(w, "parentId", e->parent_id);
    opt_str(w, "originalId", e->original_id);
    if (e->trigger_id.p) {
        cdz_jw_open(w, "trigger", '{');
        cdz_jw_str(w, "id", e->trigger_id);
        cdz_jw_str(w, "type", e->trigger_type);
        opt_map(w, "variables", e->trigger_variables, CDZ_JSON_DROP_NULLS);
        cdz_jw_close(w, '}');
    }
    cdz_jw_bool(w, "deleted", e->deleted);
    cdz_jw_open(w, "metadata", '{');
    cdz_jw_int(w, "attemptNumber", e->attempt_number);
    cdz_jw_time(w, "originalCreatedDate", e->original_created);
    cdz_jw_close(w, '}');
    if (e->schedule_date)
        cdz_jw_time(w, "scheduleDate", e->schedule_date);
    opt_str(w, "url", url);
    cdz_jw_close(w, '}');
}

enum { LOG_FORMAT = 1, METRIC_FORMAT = 1 };

void cdz_log_entry_encode(const struct cdz_log_entry *l, struct cdz_buf *to)
{
    cdz_put_u64(to, LOG_FORMAT);
    cdz_put_str(to, l->namespace_);
    cdz_put_str(to, l->flow_id);
    cdz_put_str(to, l->task_id);
    cdz_put_str(to, l->execution_id);
    cdz_put_str(to, l->taskrun_id);
    cdz_put_str(to, l->trigger_id);
    cdz_put_i64(to, l->attempt);
    cdz_put_i64(to, l->at);
    cdz_put_u64(to, l->level);
    cdz_put_str(to, l->thread);
    cdz_put_str(to, l->message);
}

cdz_rc cdz_log_entry_decode(cdz_str bytes, struct cdz_log_entry *ret, struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(bytes);
    struct cdz_log_entry l = {0};
    bool known = cdz_get_u64(&r) == LOG_FORMAT;
    l.namespace_ = cdz_get_str(&r);
    l.flow_id = cdz_get_str(&r);
    l.task_id = cdz_get_str(&r);
    l.execution_id = cdz_get_str(&r);
    l.taskrun_id = cdz_get_str(&r);
    l.trigger_id = cdz_get_str(&r);
    l.attempt = (int)cdz_get_i64(&r);
    l.at = cdz_get_i64(&r);
    uint64_t level = cdz_get_u64(&r);
    l.level = level <= CDZ_ERROR ? (enum cdz_level)level : CDZ_ERROR;
    l.thread = cdz_get_str(&r);
    l.message = cdz_get_str(&r);
    if (!known || r.bad)
        return cdz_fail(err, CDZ_E_CORRUPT, "log record is damaged");
    *ret = l;
    return CDZ_OK;
}

void cdz_log_entry_json(const struct cdz_log_entry *l, struct cdz_buf *to)
{
    struct cdz_jw writer = {to, false}, *w = &writer;
    cdz_jw_open(w, NULL, '{');
    cdz_jw_str(w, "namespace", l->namespace_);
    cdz_jw_str(w, "flowId", l->flow_id);
    opt_str(w, "taskId", l->task_id);
    opt_str(w, "executionId", l->execution_id);
    opt_str(w, "taskRunId", l->taskrun_id);
    if (l->attempt >= 0)
        cdz_jw_int(w, "attemptNumber", l->attempt);
    else
        cdz_jw_raw(w, "attemptNumber", CDZ_STR("null"));
    opt_str(w, "triggerId", l->trigger_id);
    cdz_jw_time(w, "timestamp", l->at);
    cdz_jw_z(w, "level", cdz_level_names[l->level]);
    opt_str(w, "thread", l->thread);
    cdz_jw_str(w, "message", l->message);
    cdz_jw_bool(w, "deleted", false);
    cdz_jw_close(w, '}');
}

void cdz_metric_entry_encode(const struct cdz_metric_entry *m, struct cdz_buf *to)
{
    cdz_put_u64(to, METRIC_FORMAT);
    cdz_put_str(to, m->namespace_);
    cdz_put_str(to, m->flow_id);
    cdz_put_str(to, m->task_id);
    cdz_put_str(to, m->execution_id);
    cdz_put_str(to, m->taskrun_id);
    cdz_put_str(to, m->type);
    cdz_put_str(to, m->name);
    cdz_put_val(to, cdz_val_float(m->value));
    cdz_put_i64(to, m->at);
    cdz_put_val(to, m->tags);
}

cdz_rc cdz_metric_entry_decode(cdz_str bytes, struct cdz_arena *arena, struct cdz_metric_entry *ret,
                               struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(bytes);
    struct cdz_metric_entry m = {0};
    bool known = cdz_get_u64(&r) == METRIC_FORMAT;
    m.namespace_ = cdz_get_str(&r);
    m.flow_id = cdz_get_str(&r);
    m.task_id = cdz_get_str(&r);
    m.execution_id = cdz_get_str(&r);
    m.taskrun_id = cdz_get_str(&r);
    m.type = cdz_get_str(&r);
    m.name = cdz_get_str(&r);
    cdz_val value = cdz_get_val(&r, arena);
    m.value = value.kind == CDZ_FLOAT ? value.f : 0;
    m.at = cdz_get_i64(&r);
    m.tags = cdz_get_val(&r, arena);
    if (!known || r.bad)
        return cdz_fail(err, CDZ_E_CORRUPT, "metric record is damaged");
    *ret = m;
    return CDZ_OK;
}

void cdz_metric_entry_json(const struct cdz_metric_entry *m, struct cdz_buf *to)
{
    struct cdz_jw writer = {to, false}, *w = &writer;
    cdz_jw_open(w, NULL, '{');
    cdz_jw_str(w, "namespace", m->namespace_);
    cdz_jw_str(w, "flowId", m->flow_id);
    opt_str(w, "taskId", m->task_id);
    opt_str(w, "executionId", m->execution_id);
    opt_str(w, "taskRunId", m->taskrun_id);
    cdz_jw_str(w, "type", m->type);
    cdz_jw_str(w, "name", m->name);
    cdz_jw_val(w, "value", cdz_val_float(m->value), 0);
    cdz_jw_time(w, "timestamp", m->at);
    if (m->tags.kind == CDZ_MAP)
        cdz_jw_val(w, "tags", m->tags, 0);
    cdz_jw_close(w, '}');
}
