/*
 * flow_types.h -- a registry for the tests of the flow compiler: the flowables and a few leaf types
 * without code.
 */
#ifndef TESTS_UNIT_FLOW_TYPES_H
#define TESTS_UNIT_FLOW_TYPES_H

#include "model/flow.h"
#include "model/flowables.h"
#include "model/triggers.h"

static const char *const test_levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", NULL};

static const struct cdz_prop return_props[] = {
    {"format", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC},
    {0},
};
static const struct cdz_prop log_props[] = {
    {"message", CDZ_PROP_ANY, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC},
    {"level", CDZ_PROP_ENUM, 0, "INFO", .values = test_levels},
    {0},
};
static const struct cdz_prop fail_props[] = {
    {"condition", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC},
    {"errorMessage", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, "Task failure"},
    {0},
};
static const struct cdz_prop nested_props[] = {
    {"host", CDZ_PROP_STRING, CDZ_PROP_REQUIRED},
    {"port", CDZ_PROP_INT, 0, "80", .min = 1, .has_min = true},
    {0},
};
/* One property of every kind. */
static const struct cdz_prop all_props[] = {
    {"text", CDZ_PROP_STRING, 0},
    {"dynamicText", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, "{{ flow.id }}"},
    {"integer", CDZ_PROP_INT, 0, "7", .min = 1, .has_min = true},
    {"dynamicInteger", CDZ_PROP_INT, CDZ_PROP_DYNAMIC},
    {"number", CDZ_PROP_FLOAT, 0},
    {"flag", CDZ_PROP_BOOL, 0, "true"},
    {"wait", CDZ_PROP_DURATION, 0, "PT1S"},
    {"level", CDZ_PROP_ENUM, 0, .values = test_levels},
    {"list", CDZ_PROP_LIST, CDZ_PROP_DYNAMIC, "[1, a]"},
    {"plainList", CDZ_PROP_LIST, 0},
    {"strings", CDZ_PROP_STRINGS, CDZ_PROP_ONE | CDZ_PROP_DYNAMIC},
    {"manyStrings", CDZ_PROP_STRINGS, CDZ_PROP_NOT_EMPTY},
    {"map", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC},
    {"any", CDZ_PROP_ANY, CDZ_PROP_DYNAMIC},
    {"plain", CDZ_PROP_ANY, 0},
    {"object", CDZ_PROP_OBJECT, 0, .nested = nested_props},
    {"objects", CDZ_PROP_OBJECTS, 0, .nested = nested_props},
    {"runner", CDZ_PROP_PLUGIN, 0},
    {"separator", CDZ_PROP_STRING, 0, "\"\\n\""},
    {0},
};
static const struct cdz_prop runner_props[] = {
    {"user", CDZ_PROP_STRING, 0, "nobody"},
    {0},
};

static const struct cdz_type type_return = {
    .type = "io.kestra.plugin.core.debug.Return",
    .aliases = (const char *const[]){"io.kestra.core.tasks.debugs.Return", NULL},
    .kind = CDZ_RUNNABLE,
    .props = return_props,
};
static const struct cdz_type type_log = {
    .type = "io.kestra.plugin.core.log.Log",
    .aliases = (const char *const[]){"io.kestra.core.tasks.log.Log", NULL},
    .kind = CDZ_RUNNABLE,
    .props = log_props,
};
static const struct cdz_type type_fail = {
    .type = "io.kestra.plugin.core.execution.Fail",
    .aliases = (const char *const[]){"io.kestra.core.tasks.executions.Fail", NULL},
    .kind = CDZ_RUNNABLE,
    .props = fail_props,
};
static const struct cdz_type type_all = {
    .type = "test.All", .kind = CDZ_RUNNABLE, .props = all_props};
static const struct cdz_type type_runner = {
    .type = "test.Runner", .kind = CDZ_TASK_RUNNER, .props = runner_props};

/* What a worker runs of a ForEachItem. */
static const struct cdz_type type_split = {
    .type = "io.kestra.plugin.core.flow.ForEachItem$ForEachItemSplit", .kind = CDZ_RUNNABLE};
static const struct cdz_type type_merge = {
    .type = "io.kestra.plugin.core.flow.ForEachItem$ForEachItemMergeOutputs", .kind = CDZ_RUNNABLE};

static const struct cdz_prop status_props[] = {
    {"in", CDZ_PROP_STRINGS, 0},
    {"notIn", CDZ_PROP_STRINGS, 0},
    {0},
};
static const struct cdz_type type_status = {
    .type = "io.kestra.plugin.core.condition.ExecutionStatus",
    .aliases =
        (const char *const[]){"io.kestra.core.models.conditions.types.ExecutionStatusCondition",
                              NULL},
    .kind = CDZ_CONDITION,
    .props = status_props};
static const struct cdz_prop not_props[] = {
    {"conditions", CDZ_PROP_CONDITIONS, CDZ_PROP_REQUIRED | CDZ_PROP_NOT_EMPTY}, {0}};
static const struct cdz_type type_not = {
    .type = "io.kestra.plugin.core.condition.Not", .kind = CDZ_CONDITION, .props = not_props};
static const struct cdz_prop multiple_props[] = {
    {"id", CDZ_PROP_STRING, CDZ_PROP_REQUIRED},
    {"timeWindow", CDZ_PROP_OBJECT, 0, .nested = cdz_time_window_props},
    {"conditions", CDZ_PROP_CONDITIONS, CDZ_PROP_REQUIRED | CDZ_PROP_NAMED},
    {0}};
static const struct cdz_type type_multiple = {
    .type = "io.kestra.plugin.core.condition.MultipleCondition",
    .kind = CDZ_CONDITION,
    .props = multiple_props};

static inline const struct cdz_registry *test_registry(void)
{
    static const struct cdz_type *types[64] = {
        &type_return, &type_log,   &type_fail,   &type_all, &type_runner,
        &type_split,  &type_merge, &type_status, &type_not, &type_multiple};
    static struct cdz_registry registry;
    if (!registry.n) {
        registry.types = types;
        registry.n = 10;
        for (size_t i = 0; cdz_flowable_types[i]; i++)
            types[registry.n++] = cdz_flowable_types[i];
        for (size_t i = 0; cdz_trigger_types[i]; i++)
            types[registry.n++] = cdz_trigger_types[i];
    }
    return &registry;
}

#endif
