/* return.c -- io.kestra.plugin.core.debug.Return */
#include "base/time.h"
#include "task/run.h"
#include "task/types.h"

static cdz_rc return_run(struct cdz_run *run, struct cdz_err *err)
{
    cdz_us started = cdz_mono_us();
    cdz_str text;
    bool given;
    CDZ_TRY(cdz_run_text(run, "format", &text, &given, err));
    cdz_str tags[2] = {CDZ_STR("format"), text};
    if (given) {
        cdz_run_output(run, "value", cdz_val_text(text));
        run->log(run, CDZ_DEBUG, cdz_now_us(), text);
    }
    cdz_run_metric(run, "counter", "length", (double)text.n, tags, 1);
    cdz_run_metric(run, "timer", "duration", (double)(cdz_mono_us() - started) / (double)CDZ_MS,
                   tags, 1);
    return CDZ_OK;
}

static const struct cdz_prop props[] = {
    {"format", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "The text to return."},
    {0},
};
static const struct cdz_prop outputs[] = {
    {"value", CDZ_PROP_STRING, 0, NULL, "The rendered text."},
    {0},
};

const struct cdz_type cdz_task_return = {
    .type = "io.kestra.plugin.core.debug.Return",
    .aliases = (const char *const[]){"io.kestra.core.tasks.debugs.Return", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Return a rendered text, for tests and debugging.",
    .props = props,
    .outputs = outputs,
    .run = return_run,
    .quick = true,
};
