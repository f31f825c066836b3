/* toggle.c -- io.kestra.plugin.core.trigger.Toggle */
#include "task/run.h"
#include "task/services.h"
#include "task/types.h"

static cdz_rc toggle_run(struct cdz_run *run, struct cdz_err *err)
{
    const struct cdz_task_services *s = run->worker->services;
    cdz_str ns, flow, trigger;
    bool enabled;
    CDZ_TRY(cdz_run_text(run, "namespace", &ns, NULL, err));
    CDZ_TRY(cdz_run_text(run, "flowId", &flow, NULL, err));
    CDZ_TRY(cdz_run_text(run, "trigger", &trigger, NULL, err));
    CDZ_TRY(cdz_run_bool(run, "enabled", &enabled, err));
    if (!s)
        return cdz_fail(err, CDZ_E_TASK, "trigger.Toggle is not available here");
    return s->toggle(s->ctx, ns.n ? ns : run->job->namespace_, flow.n ? flow : run->job->flow_id,
                     trigger, enabled, err);
}

static const struct cdz_prop props[] = {
    {"namespace", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Of the flow; the current one."},
    {"flowId", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Of the trigger; the current one."},
    {"trigger", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "Its id."},
    {"enabled", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "false", "Whether it may fire from now on."},
    {0},
};

const struct cdz_type cdz_task_trigger_toggle = {
    .type = "io.kestra.plugin.core.trigger.Toggle",
    .aliases = (const char *const[]){"io.kestra.core.tasks.trigger.Toggle", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Enable or disable a trigger.",
    .props = props,
    .run = toggle_run,
};
