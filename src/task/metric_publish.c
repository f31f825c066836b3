/* metric_publish.c -- io.kestra.plugin.core.metric.Publish (of later versions than 0.20) */
#include "base/time.h"
#include "task/run.h"
#include "task/types.h"

static const char *const metric_types[] = {"counter", "timer", "gauge", NULL};

static cdz_str text_of(struct cdz_run *run, cdz_val v)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_expr_print(&b, v);
    return v.kind == CDZ_TEXT ? cdz_val_str(v) : cdz_buf_copy(&b, run->arena);
}

static cdz_rc value_of(struct cdz_run *run, cdz_str name, cdz_str type, cdz_val v, double *ret,
                       struct cdz_err *err)
{
    cdz_str text = cdz_str_trim(text_of(run, v));
    cdz_us span;
    if (cdz_str_is(type, "timer")) {
        if (!cdz_duration_us(text, &span))
            return cdz_fail(err, CDZ_E_TASK, "value of timer `%.*s` must be a duration, not `%.*s`",
                            CDZ_S(name), CDZ_S(cdz_str_sub(text, 0, 50)));
        *ret = (double)span / (double)CDZ_MS;
        return CDZ_OK;
    }
    if (!cdz_str_to_double(text, ret))
        return cdz_fail(err, CDZ_E_TASK, "value of %.*s `%.*s` must be a number, not `%.*s`",
                        CDZ_S(type), CDZ_S(name), CDZ_S(cdz_str_sub(text, 0, 50)));
    return CDZ_OK;
}

static cdz_rc publish_one(struct cdz_run *run, cdz_val metric, struct cdz_err *err)
{
    cdz_str name = text_of(run, cdz_map_getz(metric, "name"));
    cdz_str type = text_of(run, cdz_map_getz(metric, "type"));
    cdz_val tags = cdz_map_getz(metric, "tags"), texts = cdz_val_map(run->arena, 0);
    const char *known = NULL;
    double value;
    for (size_t i = 0; metric_types[i]; i++) {
        if (cdz_str_is(type, metric_types[i]))
            known = metric_types[i];
    }
    if (!known || !name.n)
        return cdz_fail(err, CDZ_E_TASK,
                        "each metric needs a name and a type: counter, timer or gauge");
    CDZ_TRY(value_of(run, name, type, cdz_map_getz(metric, "value"), &value, err));
    if (tags.kind == CDZ_MAP) {
        CDZ_MAP_EACH (e, tags)
            cdz_map_put(run->arena, texts, e->key, cdz_val_text(text_of(run, e->val)));
    }
    run->metric(run, known, name, value, texts);
    return CDZ_OK;
}

static cdz_rc publish_run(struct cdz_run *run, struct cdz_err *err)
{
    cdz_val metrics;
    CDZ_TRY(cdz_run_json(run, "metrics", &metrics, err));
    if (metrics.kind != CDZ_LIST)
        return cdz_fail(err, CDZ_E_TASK, "property `metrics` must be a list");
    CDZ_LIST_EACH (metric, metrics) {
        if (metric->kind != CDZ_MAP)
            return cdz_fail(err, CDZ_E_TASK, "each of `metrics` must be a map");
        CDZ_TRY(publish_one(run, *metric, err));
    }
    return CDZ_OK;
}

static const struct cdz_prop props[] = {
    {"metrics", CDZ_PROP_LIST, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL,
     "Maps with type (counter, timer, gauge), name, value, tags; the value of a timer is a "
     "duration."},
    {0},
};

const struct cdz_type cdz_task_metric_publish = {
    .type = "io.kestra.plugin.core.metric.Publish",
    .kind = CDZ_RUNNABLE,
    .title = "Publish metrics.",
    .props = props,
    .run = publish_run,
};
