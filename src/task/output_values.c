/* output_values.c -- io.kestra.plugin.core.output.OutputValues */
#include "task/run.h"
#include "task/types.h"

static cdz_rc values_run(struct cdz_run *run, struct cdz_err *err)
{
    cdz_val values;
    CDZ_TRY(cdz_run_json(run, "values", &values, err));
    if (!cdz_val_is_null(values))
        cdz_run_output(run, "values", values);
    return CDZ_OK;
}

static const struct cdz_prop props[] = {
    {"values", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, NULL,
     "Names and values, of any depth; texts are rendered."},
    {0},
};
static const struct cdz_prop outputs[] = {
    {"values", CDZ_PROP_MAP, 0, NULL, "The rendered values."},
    {0},
};

const struct cdz_type cdz_task_output_values = {
    .type = "io.kestra.plugin.core.output.OutputValues",
    .kind = CDZ_RUNNABLE,
    .title = "Make values available to later tasks.",
    .props = props,
    .outputs = outputs,
    .run = values_run,
    .quick = true,
};
