/*
 * templated.c -- io.kestra.plugin.core.templating.TemplatedTask: a task whose YAML is made at run time.
 *
 * The rendered text becomes the only task of a flow that is compiled for this attempt, so that the
 * same checks apply as to any flow; then that task runs in place of this one: its properties, this
 * task run's id, log and outputs.
 */
#include "task/run.h"
#include "task/types.h"
#include "yaml/yaml.h"

/* A flow of one task as JSON, which is YAML; an id is given to a task that has none. */
static cdz_rc flow_text(struct cdz_run *run, cdz_str spec, cdz_str *ret, struct cdz_err *err)
{
    struct cdz_arena *arena = run->arena;
    struct cdz_err why;
    cdz_val task, tasks = cdz_val_list(arena, 1), flow = cdz_val_map(arena, 3);
    if (cdz_yaml_parse_val(spec, arena, &task, &why) != CDZ_OK)
        return cdz_fail(err, CDZ_E_TASK, "the rendered `spec` is no YAML: %s", why.text);
    if (task.kind != CDZ_MAP)
        return cdz_fail(err, CDZ_E_TASK, "the rendered `spec` must be a task: a map, not a %s",
                        cdz_val_kind_name(task));
    if (cdz_val_is_null(cdz_map_getz(task, "id")))
        cdz_map_putz(arena, task, "id", cdz_val_text(run->task->id));
    cdz_list_push(arena, tasks, task);
    cdz_map_putz(arena, flow, "id", cdz_val_text(run->job->flow_id));
    cdz_map_putz(arena, flow, "namespace", cdz_val_text(run->job->namespace_));
    cdz_map_putz(arena, flow, "tasks", tasks);
    *ret = cdz_json_text(arena, flow, 0);
    return CDZ_OK;
}

/* The attempt goes on with another task; what it was comes back whatever happens. */
static cdz_rc run_inner(struct cdz_run *run, const struct cdz_task *inner, struct cdz_err *err)
{
    const struct cdz_task *outer = run->task;
    run->task = inner;
    cdz_rc rc = inner->type->run(run, err);
    run->task = outer;
    return rc;
}

static cdz_rc templated_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_problems problems = {.arena = run->arena};
    struct cdz_flow_options options = {.registry = run->worker->registry};
    struct cdz_flow *flow = NULL;
    struct cdz_err why;
    cdz_str spec, text;
    if (!options.registry)
        return cdz_fail(err, CDZ_E_TASK, "TemplatedTask is not available here");
    CDZ_TRY(cdz_run_text(run, "spec", &spec, NULL, err));
    CDZ_TRY(flow_text(run, spec, &text, err));
    if (cdz_flow_parse(text, &options, &problems, &flow, &why) != CDZ_OK) {
        cdz_str all = cdz_problems_constraints(&problems, run->arena);
        return cdz_fail(err, CDZ_E_TASK, "the rendered `spec` is no valid task: %.*s",
                        CDZ_S(all.n ? all : cdz_str_z(why.text)));
    }
    const struct cdz_task *inner = flow->tasks.n == 1 ? flow->tasks.v[0] : NULL;
    cdz_rc rc;
    if (!inner)
        rc = CDZ_OK; /* disabled */
    else if (inner->type->kind != CDZ_RUNNABLE || !inner->type->run)
        rc = cdz_fail(err, CDZ_E_TASK, "The templated task must be a runnable task");
    else if (inner->type == &cdz_task_templated)
        rc =
            cdz_fail(err, CDZ_E_TASK, "The templated task cannot be of type %s", inner->type->type);
    else
        rc = run_inner(run, inner, err);
    run->outputs = cdz_val_copy(run->arena, run->outputs); /* nothing may point into the flow */
    cdz_flow_unref(flow);
    return rc;
}

static const struct cdz_prop props[] = {
    {"spec", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "A task as YAML."},
    {0},
};

const struct cdz_type cdz_task_templated = {
    .type = "io.kestra.plugin.core.templating.TemplatedTask",
    .aliases = (const char *const[]){"io.kestra.core.tasks.templating.TemplatedTask", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Run a task whose definition is rendered first.",
    .props = props,
    .run = templated_run,
    .reads_all = true, /* what its inner task asks for */
};
