/* assert.c -- io.kestra.plugin.core.execution.Assert (of later versions than 0.20) */
#include "task/run.h"
#include "task/types.h"

/* How the condition stands in the flow. */
static cdz_str source_of(cdz_val v)
{
    return v.kind == CDZ_TEMPLATE ? cdz_template_source(v.tpl)
           : v.kind == CDZ_TEXT   ? cdz_val_str(v)
                                  : CDZ_STR("");
}

/* Logs what does not hold. */
static bool holds(struct cdz_run *run, cdz_val condition)
{
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    struct cdz_err err;
    cdz_val v;
    run->env->steps_left = 0;
    if (cdz_val_render(condition, run->env, run->arena, &v, &err) != CDZ_OK) {
        cdz_run_logf(run, CDZ_ERROR, "Assertion `%.*s` failed: it cannot be rendered: %s",
                     CDZ_S(source_of(condition)), err.text);
        return false;
    }
    cdz_expr_print(&text, v);
    if (cdz_truthy(cdz_buf_get(&text)))
        return true;
    cdz_run_logf(run, CDZ_ERROR, "Assertion `%.*s` failed!", CDZ_S(source_of(condition)));
    return false;
}

static cdz_rc assert_run(struct cdz_run *run, struct cdz_err *err)
{
    cdz_val conditions = cdz_map_getz(run->task->props, "conditions");
    unsigned good = 0, bad = 0;
    cdz_str message;
    if (conditions.kind != CDZ_LIST)
        CDZ_TRY(
            cdz_run_texts(run, "conditions", &conditions, err)); /* text that renders to a list */
    if (conditions.kind == CDZ_LIST) {
        CDZ_LIST_EACH (condition, conditions) {
            bool ok = holds(run, *condition);
            good += ok;
            bad += !ok;
        }
    }
    cdz_run_metric(run, "counter", "success", good, NULL, 0);
    cdz_run_metric(run, "counter", "failed", bad, NULL, 0);
    if (!bad)
        return CDZ_OK;
    CDZ_TRY(cdz_run_text(run, "errorMessage", &message, NULL, err));
    return cdz_fail(err, CDZ_E_TASK, "%u assertion%s failed!%s%.*s", bad, bad > 1 ? "s" : "",
                    message.n ? "\n" : "", CDZ_S(message));
}

static const struct cdz_prop props[] = {
    {"conditions", CDZ_PROP_STRINGS, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL,
     "Expressions; each must render to something true."},
    {"errorMessage", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Added to the error."},
    {0},
};

const struct cdz_type cdz_task_assert = {
    .type = "io.kestra.plugin.core.execution.Assert",
    .kind = CDZ_RUNNABLE,
    .title = "Fail unless all conditions hold.",
    .props = props,
    .run = assert_run,
};
