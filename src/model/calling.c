/*
 * calling.c -- the descriptors of the tasks that stand for other tasks or flows: Subflow,
 * ForEachItem, Template, WorkingDirectory. reference/tasks.md §1, execution.md §13.
 *
 * A ForEachItem is three tasks in a sequence: one splits the file (worker), one creates an execution
 * per batch (executor), one merges what they gave (worker). The compiler makes them (task.c); they
 * share the properties of the ForEachItem.
 */
#include "model/flow.h"
#include "model/flowables.h"

#define FOR_EACH_ITEM "io.kestra.plugin.core.flow.ForEachItem"

static const char *const restart_behaviors[] = {"RETRY_FAILED", "NEW_EXECUTION", NULL};

/* What every caller of a flow has. */
#define CALL_PROPS                                                                                 \
    {"namespace", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,                           \
     .doc = "Namespace of the flow to call."},                                                     \
        {"flowId", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,                          \
         .doc = "Id of the flow to call."},                                                        \
        {"revision", CDZ_PROP_INT,   0, .doc = "Revision of the flow; without: the last one.",     \
         .min = 1,   .has_min = true},                                                             \
        {"inputs", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, .doc = "Inputs of the new execution."},         \
        {"labels", CDZ_PROP_LABELS, CDZ_PROP_DYNAMIC, .doc = "Labels of the new execution."},      \
        {"wait", CDZ_PROP_BOOL, 0, "true", .doc = "True: wait until it has ended."},               \
        {"transmitFailed", CDZ_PROP_BOOL, 0, "true",                                               \
         .doc = "True: fail, warn or be killed as the called execution did."},                     \
        {"inheritLabels", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "false",                                \
         .doc = "True: give it the labels of this execution."},                                    \
        {"scheduleDate", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC,                                        \
         .doc = "When the new execution is to start."},                                            \
    {                                                                                              \
        "restartBehavior", CDZ_PROP_ENUM, 0, "RETRY_FAILED",                                       \
            .doc = "What a restart does with the called execution.", .values = restart_behaviors   \
    }

static const struct cdz_prop subflow_props[] = {
    CALL_PROPS,
    {"outputs", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC | CDZ_PROP_DEPRECATED,
     .doc = "Values rendered with what the called execution knows."},
    {0},
};
static const struct cdz_prop subflow_outputs[] = {
    {"executionId", CDZ_PROP_STRING, 0, .doc = "Id of the called execution."},
    {"state", CDZ_PROP_STRING, 0, .doc = "Its state."},
    {"outputs", CDZ_PROP_MAP, 0, .doc = "Its outputs."},
    {0},
};

const struct cdz_type cdz_type_subflow = {
    .type = "io.kestra.plugin.core.flow.Subflow",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Subflow",
                                     "io.kestra.core.tasks.flows.Flow",
                                     "io.kestra.plugin.core.flow.Flow", NULL},
    .kind = CDZ_EXECUTABLE,
    .flow_kind = CDZ_FLOW_SUBFLOW,
    .title = "Run another flow.",
    .props = subflow_props,
    .outputs = subflow_outputs,
};

static const struct cdz_prop batch_props[] = {
    {"rows", CDZ_PROP_INT, CDZ_PROP_DYNAMIC, "1", .doc = "Lines of a batch.", .min = 1,
     .has_min = true},
    {"bytes", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, .doc = "Size of a batch, such as `10MB`."},
    {"partitions", CDZ_PROP_INT, CDZ_PROP_DYNAMIC, .doc = "Number of batches.", .min = 1,
     .has_min = true},
    {"separator", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, "\"\\n\"", .doc = "What ends an item."},
    {0},
};
static const struct cdz_prop for_each_item_props[] = {
    {"items", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
     .doc = "URI of a file in the internal storage, an item per line."},
    {"batch", CDZ_PROP_OBJECT, 0, "{}", .doc = "How the items are divided.", .nested = batch_props},
    CALL_PROPS,
    CDZ_ERRORS_PROPS,
    {0},
};

const struct cdz_type cdz_type_for_each_item = {
    .type = FOR_EACH_ITEM,
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.ForEachItem", NULL},
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_FOR_EACH_ITEM,
    .title = "Run another flow for each batch of items of a file.",
    .props = for_each_item_props,
};

static const struct cdz_prop items_outputs[] = {
    {"iterations", CDZ_PROP_MAP, 0, .doc = "Number of executions in each state."},
    {"numberOfBatches", CDZ_PROP_INT, 0, .doc = "Number of executions in all."},
    {"subflowOutputsBaseUri", CDZ_PROP_STRING, 0, .doc = "Where their outputs are stored."},
    {0},
};

const struct cdz_type cdz_type_for_each_item_executable = {
    .type = FOR_EACH_ITEM "$ForEachItemExecutable",
    .kind = CDZ_EXECUTABLE,
    .flow_kind = CDZ_FLOW_ITEMS,
    .title = "Part of a ForEachItem: an execution for each batch.",
    .outputs = items_outputs,
};

const struct cdz_for_each_item_part cdz_for_each_item_parts[CDZ_FOR_EACH_ITEM_PARTS] = {
    {"_split", FOR_EACH_ITEM "$ForEachItemSplit"},
    {"_items", FOR_EACH_ITEM "$ForEachItemExecutable"},
    {"_merge", FOR_EACH_ITEM "$ForEachItemMergeOutputs"},
};

static const struct cdz_prop template_props[] = {
    {"namespace", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Namespace of the template."},
    {"templateId", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Id of the template."},
    {"args", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC,
     .doc = "Values that its tasks find in `parent.outputs.args`."},
    CDZ_ERRORS_PROPS,
    {0},
};
static const struct cdz_prop template_outputs[] = {
    {"args", CDZ_PROP_MAP, 0, .doc = "The rendered args."},
    {0},
};

const struct cdz_type cdz_type_template = {
    .type = "io.kestra.plugin.core.flow.Template",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Template", NULL},
    .kind = CDZ_FLOWABLE,
    .flow_kind = CDZ_FLOW_TEMPLATE,
    .title = "Run the tasks of a template.",
    .props = template_props,
    .outputs = template_outputs,
};

static const struct cdz_prop cache_props[] = {
    {"patterns", CDZ_PROP_STRINGS, CDZ_PROP_REQUIRED, .doc = "Globs of the files to keep."},
    {"ttl", CDZ_PROP_DURATION, 0, .doc = "How long they are good for."},
    {0},
};
static const struct cdz_prop namespace_files_props[] = {
    {"enabled", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true", .doc = "False: none."},
    {"include", CDZ_PROP_STRINGS, CDZ_PROP_ONE | CDZ_PROP_DYNAMIC,
     .doc = "Globs of those to have."},
    {"exclude", CDZ_PROP_STRINGS, CDZ_PROP_ONE | CDZ_PROP_DYNAMIC,
     .doc = "Globs of those to leave out."},
    {0},
};
static const struct cdz_prop working_directory_props[] = {
    CDZ_TASKS_PROP(0),
    {"cache", CDZ_PROP_OBJECT, 0, .doc = "Files to keep for the next execution.",
     .nested = cache_props},
    {"namespaceFiles", CDZ_PROP_OBJECT, 0, .doc = "Files of the namespace to have.",
     .nested = namespace_files_props},
    {"inputFiles", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, .doc = "Files to have: name to content or URI."},
    {"outputFiles", CDZ_PROP_STRINGS, CDZ_PROP_ONE | CDZ_PROP_DYNAMIC,
     .doc = "Globs of the files to store."},
    CDZ_ERRORS_PROPS,
    {0},
};
static const struct cdz_prop working_directory_outputs[] = {
    {"outputFiles", CDZ_PROP_MAP, 0, .doc = "URIs of the stored files by name."},
    {0},
};

static void working_directory_check(const struct cdz_task *task, struct cdz_problems *problems)
{
    cdz_val written = cdz_map_getz(task->source, "tasks");
    if (!task->tasks.n && (written.kind != CDZ_LIST || !cdz_list_n(written)))
        cdz_problem_add(problems, task->mark, task->id, NULL,
                        "The 'tasks' property cannot be empty");
    for (size_t i = 0; i < task->tasks.n; i++) {
        const struct cdz_task *child = task->tasks.v[i];
        if (!child->type || child->type->kind != CDZ_RUNNABLE ||
            child->type == &cdz_type_working_directory)
            cdz_problem_add(problems, child->mark, child->id, NULL,
                            "Only runnable tasks are allowed as children of a WorkingDirectory "
                            "task");
        else if (child->worker_group.kind != CDZ_NULL)
            cdz_problem_add(problems, child->mark, child->id, NULL,
                            "Cannot set a Worker Group in any WorkingDirectory sub-tasks, it is "
                            "only supported at the WorkingDirectory level");
    }
}

/* A runnable task with children: a worker runs them itself, one after another in one directory
 * (server/worker.c), and then there is no run() to call. */
const struct cdz_type cdz_type_working_directory = {
    .type = "io.kestra.plugin.core.flow.WorkingDirectory",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.WorkingDirectory",
                                     "io.kestra.core.tasks.flows.Worker", NULL},
    .kind = CDZ_RUNNABLE,
    .flow_kind = CDZ_FLOW_WORKING_DIRECTORY,
    .title = "Run tasks one after another in one working directory.",
    .props = working_directory_props,
    .outputs = working_directory_outputs,
    .check = working_directory_check,
};
