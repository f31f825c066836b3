/*
 * updating.c -- the descriptors of the tasks that change their own execution: labels, variables, its
 * state. The executor carries them out (src/exec). reference/tasks.md §3; SetVariables,
 * UnsetVariables and Exit are of later versions of the original.
 */
#include "model/flowables.h"

static const struct cdz_prop labels_props[] = {
    {"labels", CDZ_PROP_ANY, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
     .doc = "A map, a list of `key` and `value`, or a text that renders to a JSON object."},
    {0},
};

const struct cdz_type cdz_type_labels = {
    .type = "io.kestra.plugin.core.execution.Labels",
    .aliases = (const char *const[]){"io.kestra.core.tasks.executions.Labels", NULL},
    .kind = CDZ_UPDATING,
    .flow_kind = CDZ_FLOW_LABELS,
    .title = "Add labels to the execution.",
    .props = labels_props,
};

static const struct cdz_prop set_props[] = {
    {"variables", CDZ_PROP_MAP, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
     .doc = "Names and values, found as `vars` from now on."},
    {"overwrite", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true",
     .doc = "False: fail if there is one of that name."},
    {0},
};

const struct cdz_type cdz_type_set_variables = {
    .type = "io.kestra.plugin.core.execution.SetVariables",
    .kind = CDZ_UPDATING,
    .flow_kind = CDZ_FLOW_SET_VARIABLES,
    .title = "Set variables of the execution.",
    .props = set_props,
};

static const struct cdz_prop unset_props[] = {
    {"variables", CDZ_PROP_STRINGS, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, .doc = "Their names."},
    {"ignoreMissing", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "false",
     .doc = "True: a name that is not there is fine."},
    {0},
};

const struct cdz_type cdz_type_unset_variables = {
    .type = "io.kestra.plugin.core.execution.UnsetVariables",
    .kind = CDZ_UPDATING,
    .flow_kind = CDZ_FLOW_UNSET_VARIABLES,
    .title = "Remove variables of the execution.",
    .props = unset_props,
};

static const struct cdz_prop exit_props[] = {
    /* The original writes CANCELED here and CANCELLED everywhere else: both are understood. */
    {"state", CDZ_PROP_ENUM, CDZ_PROP_DYNAMIC, "SUCCESS",
     .doc = "The state in which the execution ends; KILLED stops what still runs.",
     .values = (const char *const[]){"SUCCESS", "WARNING", "KILLED", "FAILED", "CANCELED",
                                     "CANCELLED", NULL}},
    {0},
};

const struct cdz_type cdz_type_exit = {
    .type = "io.kestra.plugin.core.execution.Exit",
    .kind = CDZ_UPDATING,
    .flow_kind = CDZ_FLOW_EXIT,
    .title = "End the execution in a state.",
    .props = exit_props,
};
