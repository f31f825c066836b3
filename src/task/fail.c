/* fail.c -- io.kestra.plugin.core.execution.Fail */
#include "base/time.h"
#include "task/run.h"
#include "task/types.h"

static cdz_rc fail_run(struct cdz_run *run, struct cdz_err *err)
{
    cdz_str condition, message;
    bool given;
    CDZ_TRY(cdz_run_text(run, "errorMessage", &message, NULL, err));
    CDZ_TRY(cdz_run_text(run, "condition", &condition, &given, err));
    if (!given)
        return cdz_fail(err, CDZ_E_TASK, "%.*s", CDZ_S(message));
    if (!cdz_truthy(condition))
        return CDZ_OK;
    run->log(run, CDZ_ERROR, cdz_now_us(), message);
    return cdz_fail(err, CDZ_E_TASK, "Fail on a condition");
}

static const struct cdz_prop props[] = {
    {"condition", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL,
     "Fail only if this renders to something true."},
    {"errorMessage", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, "Task failure", "What the log says."},
    {0},
};

const struct cdz_type cdz_task_fail = {
    .type = "io.kestra.plugin.core.execution.Fail",
    .aliases = (const char *const[]){"io.kestra.core.tasks.executions.Fail", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Fail the task, always or on a condition.",
    .props = props,
    .run = fail_run,
    .quick = true,
};
