/*
 * known_types.c -- the names of the original's types, as data: what may stand in a flow although
 * nothing of this server runs it yet. A task type that is here but not in the registry is refused
 * with "not supported yet" instead of "Invalid type"; triggers and conditions are checked against
 * this list only. reference/tasks.md.
 */
#include "model/compile.h"

#define CORE "io.kestra.plugin.core."

#define TASK(name_)                                                                                \
    {                                                                                              \
        CORE name_, NULL, CDZ_RUNNABLE                                                             \
    }
#define FLOWABLE(name_)                                                                            \
    {                                                                                              \
        CORE name_, NULL, CDZ_FLOWABLE                                                             \
    }
#define TRIGGER(name_)                                                                             \
    {                                                                                              \
        CORE name_, NULL, CDZ_TRIGGER                                                              \
    }
#define OLD(kind_, old_, name_)                                                                    \
    {                                                                                              \
        old_, CORE name_, (kind_)                                                                  \
    }
#define OLD_TASK(old_, name_) OLD(CDZ_RUNNABLE, old_, name_)
#define OLD_FLOW(old_, name_) OLD(CDZ_FLOWABLE, "io.kestra.core.tasks.flows." old_, "flow." name_)
#define CONDITION(name_)                                                                           \
    {CORE "condition." name_, NULL, CDZ_CONDITION},                                                \
        OLD(CDZ_CONDITION, CORE "condition." name_ "Condition", "condition." name_),               \
        OLD(CDZ_CONDITION, "io.kestra.core.models.conditions.types." name_ "Condition",            \
            "condition." name_)

static const struct cdz_known_type rows[] = {
    FLOWABLE("flow.Sequential"),
    FLOWABLE("flow.Parallel"),
    FLOWABLE("flow.AllowFailure"),
    FLOWABLE("flow.Switch"),
    FLOWABLE("flow.If"),
    FLOWABLE("flow.Dag"),
    FLOWABLE("flow.EachSequential"),
    FLOWABLE("flow.EachParallel"),
    FLOWABLE("flow.ForEach"),
    FLOWABLE("flow.ForEachItem"),
    FLOWABLE("flow.Pause"),
    FLOWABLE("flow.WaitFor"),
    FLOWABLE("flow.LoopUntil"),
    FLOWABLE("flow.WorkingDirectory"),
    FLOWABLE("flow.Subflow"),
    FLOWABLE("flow.Template"),
    TASK("flow.Sleep"),
    OLD_FLOW("Sequential", "Sequential"),
    OLD_FLOW("Parallel", "Parallel"),
    OLD_FLOW("AllowFailure", "AllowFailure"),
    OLD_FLOW("Switch", "Switch"),
    OLD_FLOW("If", "If"),
    OLD_FLOW("Dag", "Dag"),
    OLD_FLOW("EachSequential", "EachSequential"),
    OLD_FLOW("EachParallel", "EachParallel"),
    OLD_FLOW("ForEachItem", "ForEachItem"),
    OLD_FLOW("Pause", "Pause"),
    OLD_FLOW("WaitFor", "WaitFor"),
    OLD_FLOW("WorkingDirectory", "WorkingDirectory"),
    OLD_FLOW("Worker", "WorkingDirectory"),
    OLD_FLOW("Subflow", "Subflow"),
    OLD_FLOW("Flow", "Subflow"),
    OLD_FLOW("Template", "Template"),

    TASK("log.Log"),
    TASK("log.Fetch"),
    TASK("log.PurgeLogs"),
    TASK("debug.Return"),
    TASK("debug.Echo"),
    TASK("output.OutputValues"),
    TASK("templating.TemplatedTask"),
    OLD_TASK("io.kestra.core.tasks.log.Log", "log.Log"),
    OLD_TASK("io.kestra.core.tasks.log.Fetch", "log.Fetch"),
    OLD_TASK("io.kestra.core.tasks.debugs.Return", "debug.Return"),
    OLD_TASK("io.kestra.core.tasks.debugs.Echo", "debug.Echo"),
    OLD_TASK("io.kestra.core.tasks.templating.TemplatedTask", "templating.TemplatedTask"),

    TASK("execution.Count"),
    TASK("execution.Fail"),
    TASK("execution.Labels"),
    TASK("execution.SetVariables"),
    TASK("execution.UnsetVariables"),
    TASK("execution.Exit"),
    TASK("execution.PurgeExecutions"),
    TASK("execution.Resume"),
    OLD_TASK("io.kestra.core.tasks.executions.Counts", "execution.Count"),
    OLD_TASK("io.kestra.core.tasks.executions.Fail", "execution.Fail"),
    OLD_TASK("io.kestra.core.tasks.executions.Labels", "execution.Labels"),
    OLD_TASK("io.kestra.core.tasks.executions.Resume", "execution.Resume"),
    OLD_TASK("io.kestra.core.tasks.storages.Purge", "execution.PurgeExecutions"),
    OLD_TASK(CORE "storage.Purge", "execution.PurgeExecutions"),

    TASK("http.Request"),
    TASK("http.Download"),
    OLD_TASK("io.kestra.plugin.fs.http.Request", "http.Request"),
    OLD_TASK("io.kestra.plugin.fs.http.Download", "http.Download"),

    TASK("state.Get"),
    TASK("state.Set"),
    TASK("state.Delete"),
    OLD_TASK("io.kestra.core.tasks.states.Get", "state.Get"),
    OLD_TASK("io.kestra.core.tasks.states.Set", "state.Set"),
    OLD_TASK("io.kestra.core.tasks.states.Delete", "state.Delete"),
    TASK("kv.Set"),
    TASK("kv.Get"),
    TASK("kv.GetKeys"),
    TASK("kv.Delete"),

    TASK("storage.Concat"),
    TASK("storage.Split"),
    TASK("storage.Reverse"),
    TASK("storage.Size"),
    TASK("storage.Delete"),
    TASK("storage.FilterItems"),
    TASK("storage.DeduplicateItems"),
    TASK("storage.LocalFiles"),
    TASK("storage.PurgeCurrentExecutionFiles"),
    OLD_TASK("io.kestra.core.tasks.storages.Concat", "storage.Concat"),
    OLD_TASK("io.kestra.core.tasks.storages.Split", "storage.Split"),
    OLD_TASK("io.kestra.core.tasks.storages.Reverse", "storage.Reverse"),
    OLD_TASK("io.kestra.core.tasks.storages.Size", "storage.Size"),
    OLD_TASK("io.kestra.core.tasks.storages.Delete", "storage.Delete"),
    OLD_TASK("io.kestra.core.tasks.storages.FilterItems", "storage.FilterItems"),
    OLD_TASK("io.kestra.core.tasks.storages.DeduplicateItems", "storage.DeduplicateItems"),
    OLD_TASK("io.kestra.core.tasks.storages.LocalFiles", "storage.LocalFiles"),
    OLD_TASK("io.kestra.core.tasks.storages.PurgeExecution", "storage.PurgeCurrentExecutionFiles"),
    OLD_TASK(CORE "storage.PurgeExecution", "storage.PurgeCurrentExecutionFiles"),

    TASK("namespace.UploadFiles"),
    TASK("namespace.DownloadFiles"),
    TASK("namespace.DeleteFiles"),
    TASK("kv.PurgeKV"),
    TASK("storage.Write"),
    TASK("metric.Publish"),
    TASK("execution.Assert"),
    TASK("trigger.Toggle"),
    OLD_TASK("io.kestra.core.tasks.trigger.Toggle", "trigger.Toggle"),

    {CORE "runner.Process", NULL, CDZ_TASK_RUNNER},
    {"io.kestra.plugin.scripts.runner.docker.Docker", NULL, CDZ_TASK_RUNNER},

    TRIGGER("trigger.Schedule"),
    TRIGGER("trigger.ScheduleOnDates"),
    TRIGGER("trigger.Flow"),
    TRIGGER("trigger.Webhook"),
    TRIGGER("http.Trigger"),
    OLD(CDZ_TRIGGER, "io.kestra.core.models.triggers.types.Schedule", "trigger.Schedule"),
    OLD(CDZ_TRIGGER, "io.kestra.core.models.triggers.types.Flow", "trigger.Flow"),
    OLD(CDZ_TRIGGER, "io.kestra.core.models.triggers.types.Webhook", "trigger.Webhook"),
    OLD(CDZ_TRIGGER, "io.kestra.plugin.fs.http.Trigger", "http.Trigger"),

    CONDITION("DateTimeBetween"),
    CONDITION("TimeBetween"),
    CONDITION("DayWeek"),
    CONDITION("DayWeekInMonth"),
    CONDITION("Weekend"),
    CONDITION("PublicHoliday"),
    CONDITION("Expression"),
    OLD(CDZ_CONDITION, "io.kestra.core.models.conditions.types.VariableCondition",
        "condition.Expression"),
    CONDITION("ExecutionOutputs"),
    CONDITION("Not"),
    CONDITION("Or"),
    CONDITION("ExecutionFlow"),
    CONDITION("ExecutionNamespace"),
    CONDITION("ExecutionStatus"),
    CONDITION("ExecutionLabels"),
    CONDITION("HasRetryAttempt"),
    {CORE "condition.MultipleCondition", NULL, CDZ_CONDITION},
    OLD(CDZ_CONDITION, "io.kestra.core.models.conditions.types.MultipleCondition",
        "condition.MultipleCondition"),
    {CORE "condition.FlowCondition", NULL, CDZ_CONDITION},
    OLD(CDZ_CONDITION, "io.kestra.core.models.conditions.types.FlowCondition",
        "condition.FlowCondition"),
    {CORE "condition.FlowNamespaceCondition", NULL, CDZ_CONDITION},
    OLD(CDZ_CONDITION, "io.kestra.core.models.conditions.types.FlowNamespaceCondition",
        "condition.FlowNamespaceCondition"),
};

static const struct cdz_known_type *find(cdz_str name)
{
    for (size_t i = 0; i < CDZ_COUNT(rows); i++)
        if (cdz_str_is(name, rows[i].type))
            return &rows[i];
    return NULL;
}

const struct cdz_known_type *cdz_known_type_find(cdz_str name)
{
    const struct cdz_known_type *row = find(name);
    return row && row->canonical ? find(cdz_str_z(row->canonical)) : row;
}

const char *cdz_known_type_nearest(cdz_str name, enum cdz_type_kind kind)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    bool task = kind <= CDZ_UPDATING;
    for (size_t i = 0; i < CDZ_COUNT(rows); i++)
        if (!rows[i].canonical && (task ? rows[i].kind <= CDZ_UPDATING : rows[i].kind == kind) &&
            cdz_type_is_nearer(name, cdz_str_z(rows[i].type), &best))
            nearest = rows[i].type;
    return nearest;
}
