/* sleep.c -- io.kestra.plugin.core.flow.Sleep */
#include "task/run.h"
#include "task/types.h"

static cdz_rc sleep_run(struct cdz_run *run, struct cdz_err *err)
{
    cdz_us span;
    CDZ_TRY(cdz_run_duration(run, "duration", &span, err));
    return cdz_run_sleep(run, span, err);
}

static const struct cdz_prop props[] = {
    {"duration", CDZ_PROP_DURATION, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL,
     "How long to wait."},
    {0},
};

const struct cdz_type cdz_task_sleep = {
    .type = "io.kestra.plugin.core.flow.Sleep",
    .kind = CDZ_RUNNABLE,
    .title = "Wait for a while.",
    .props = props,
    .run = sleep_run,
};
