/*
 * flowables.c -- the descriptors of the tasks that only order other tasks. Their state machines are
 * in src/exec, chosen by flow_kind. reference/tasks.md §1. The others that the executor decides
 * have files of their own: waiting.c, calling.c, updating.c.
 */
#include "model/flowables.h"

#include "model/flow.h"

#define CONCURRENT                                                                                 \
    {                                                                                              \
        "concurrent", CDZ_PROP_INT, CDZ_PROP_REQUIRED, "0",                                        \
            .doc = "Most tasks that run at the same time; 0: no limit.", .min = 0, .has_min = true \
    }

static const struct cdz_prop list_props[] = {CDZ_TASKS_PROP(0), CDZ_ERRORS_PROPS, {0}};

const struct cdz_type cdz_type_sequential = {
    .type = "io.kestra.plugin.core.flow.Sequential",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Sequential", NULL},
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_SEQUENTIAL,
    .title = "Run tasks one after another.",
    .props = list_props,
};

const struct cdz_type cdz_type_allow_failure = {
    .type = "io.kestra.plugin.core.flow.AllowFailure",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.AllowFailure", NULL},
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_ALLOW_FAILURE,
    .title = "Run tasks one after another; a failure is only a warning.",
    .props = list_props,
};

static const struct cdz_prop parallel_props[] = {
    CDZ_TASKS_PROP(CDZ_PROP_REQUIRED | CDZ_PROP_NOT_EMPTY), CDZ_ERRORS_PROPS, CONCURRENT, {0}};

const struct cdz_type cdz_type_parallel = {
    .type = "io.kestra.plugin.core.flow.Parallel",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Parallel", NULL},
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_PARALLEL,
    .title = "Run tasks at the same time.",
    .props = parallel_props,
};

static const struct cdz_prop switch_props[] = {
    {"value", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
     .doc = "What to compare the cases with."},
    {"cases", CDZ_PROP_CASES, 0, .doc = "Tasks by the text that the value must be."},
    {"defaults", CDZ_PROP_TASKS, 0, .doc = "Tasks to run when no case matches."},
    CDZ_ERRORS_PROPS,
    {0},
};
static const struct cdz_prop switch_outputs[] = {
    {"value", CDZ_PROP_STRING, 0, .doc = "The rendered value."},
    {"defaults", CDZ_PROP_BOOL, 0, .doc = "True: no case matched."},
    {0},
};

static void switch_check(const struct cdz_task *task, struct cdz_problems *problems)
{
    if (!task->case_count && !task->has_defaults)
        cdz_problem_add(problems, task->mark, task->id, NULL,
                        "No task defined, neither cases or default have any tasks");
}

const struct cdz_type cdz_type_switch = {
    .type = "io.kestra.plugin.core.flow.Switch",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Switch", NULL},
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_SWITCH,
    .title = "Run the tasks of the case that a value matches.",
    .props = switch_props,
    .outputs = switch_outputs,
    .check = switch_check,
};

static const struct cdz_prop if_props[] = {
    {"condition", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC,
     .doc = "False if it renders to nothing, 0 or false."},
    {"then", CDZ_PROP_TASKS, CDZ_PROP_REQUIRED | CDZ_PROP_NOT_EMPTY,
     .doc = "Tasks to run when it is true."},
    {"else", CDZ_PROP_TASKS, 0, .doc = "Tasks to run when it is false."},
    CDZ_ERRORS_PROPS,
    {0},
};
static const struct cdz_prop if_outputs[] = {
    {"evaluationResult", CDZ_PROP_BOOL, 0, .doc = "What the condition was."},
    {0},
};

const struct cdz_type cdz_type_if = {
    .type = "io.kestra.plugin.core.flow.If",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.If", NULL},
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_IF,
    .title = "Run tasks if a condition is true, others if it is not.",
    .props = if_props,
    .outputs = if_outputs,
};

static const struct cdz_prop dag_props[] = {
    {"tasks", CDZ_PROP_DAG, CDZ_PROP_REQUIRED, .doc = "Tasks and what they depend on."},
    CDZ_ERRORS_PROPS,
    CONCURRENT,
    {0},
};

const struct cdz_type cdz_type_dag = {
    .type = "io.kestra.plugin.core.flow.Dag",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Dag", NULL},
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_DAG,
    .title = "Run tasks in the order of their dependencies.",
    .props = dag_props,
};

#define EACH_VALUE(name_)                                                                          \
    {                                                                                              \
        (name_), CDZ_PROP_ANY, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,                               \
            .doc = "A list, or a text that renders to a JSON list."                                \
    }

static const struct cdz_prop each_sequential_props[] = {
    EACH_VALUE("value"), CDZ_TASKS_PROP(0), CDZ_ERRORS_PROPS, {0}};

const struct cdz_type cdz_type_each_sequential = {
    .type = "io.kestra.plugin.core.flow.EachSequential",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.EachSequential", NULL},
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_EACH_SEQUENTIAL,
    .title = "Run tasks for each value, one value after another.",
    .props = each_sequential_props,
};

static const struct cdz_prop each_parallel_props[] = {
    EACH_VALUE("value"),
    CDZ_TASKS_PROP(CDZ_PROP_REQUIRED | CDZ_PROP_NOT_EMPTY),
    CDZ_ERRORS_PROPS,
    CONCURRENT,
    {0}};

const struct cdz_type cdz_type_each_parallel = {
    .type = "io.kestra.plugin.core.flow.EachParallel",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.EachParallel", NULL},
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_EACH_PARALLEL,
    .title = "Run tasks for each value, all at the same time.",
    .props = each_parallel_props,
};

static const struct cdz_prop for_each_props[] = {
    EACH_VALUE("values"),
    CDZ_TASKS_PROP(0),
    CDZ_ERRORS_PROPS,
    {"concurrencyLimit", CDZ_PROP_INT, CDZ_PROP_REQUIRED, "1",
     .doc = "Most values whose tasks run at the same time; 0: no limit.", .min = 0,
     .has_min = true},
    {0},
};

const struct cdz_type cdz_type_for_each = {
    .type = "io.kestra.plugin.core.flow.ForEach",
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_FOR_EACH,
    .title = "Run tasks for each value, some values at the same time.",
    .props = for_each_props,
};

const struct cdz_type *const cdz_flowable_types[] = {
    /* here */
    &cdz_type_sequential,
    &cdz_type_allow_failure,
    &cdz_type_parallel,
    &cdz_type_switch,
    &cdz_type_if,
    &cdz_type_dag,
    &cdz_type_each_sequential,
    &cdz_type_each_parallel,
    &cdz_type_for_each,
    /* waiting.c */
    &cdz_type_pause,
    &cdz_type_wait_for,
    &cdz_type_loop_until,
    &cdz_type_wait_for_event,
    /* calling.c */
    &cdz_type_subflow,
    &cdz_type_for_each_item,
    &cdz_type_for_each_item_executable,
    &cdz_type_template,
    &cdz_type_working_directory,
    /* updating.c */
    &cdz_type_labels,
    &cdz_type_set_variables,
    &cdz_type_unset_variables,
    &cdz_type_exit,
    NULL,
};
