/*
 * triggers.c -- the triggers of a flow: descriptors of those that need no worker, and the compiling
 * of all. reference/triggers.md.
 *
 * A trigger that the original has and this server has not is known by its name only (type NULL): it
 * is kept and never evaluated.
 */
#include "model/triggers.h"

#include "base/time.h"
#include "expr/zone.h"
#include "model/compile.h"
#include "model/state.h"

static const char *const levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", NULL};

static const struct cdz_prop worker_group_props[] = {
    {"key", CDZ_PROP_STRING, 0, .doc = "Name of the group of workers."},
    {"fallback", CDZ_PROP_ENUM, 0, .doc = "What to do when no worker of the group is there.",
     .values = (const char *const[]){"FAIL", "WAIT", "CANCEL", NULL}},
    {0},
};

const struct cdz_prop cdz_trigger_props[] = {
    {"id", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Name of the trigger, unique in its flow."},
    {"type", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "What starts the executions."},
    {"description", CDZ_PROP_STRING, 0, .doc = "Text for people, Markdown."},
    {"conditions", CDZ_PROP_CONDITIONS, 0, .doc = "All must hold."},
    {"disabled", CDZ_PROP_BOOL, 0, .doc = "True: it is never evaluated."},
    {"workerGroup", CDZ_PROP_OBJECT, 0, .doc = "Which workers may evaluate it.",
     .nested = worker_group_props},
    {"logLevel", CDZ_PROP_ENUM, 0, .doc = "Least level of the logs that are kept.",
     .values = levels},
    {"minLogLevel", CDZ_PROP_ENUM, CDZ_PROP_DEPRECATED, .doc = "Old name of logLevel.",
     .values = levels},
    {"logToFile", CDZ_PROP_BOOL, 0, .doc = "True: logs go to a file in the internal storage."},
    {"labels", CDZ_PROP_LABELS, CDZ_PROP_DYNAMIC, .doc = "Labels of the executions."},
    {"stopAfter", CDZ_PROP_STRINGS, 0,
     .doc = "It is disabled once an execution of it has ended in one of these states.",
     .values = cdz_state_names},
    {0},
};

/* ---- Schedule, ScheduleOnDates ---- */

static const char *const missed[] = {"ALL", "LAST", "NONE", NULL};

static const struct cdz_prop schedule_props[] = {
    {"cron", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "When: five fields, or a nickname."},
    {"withSeconds", CDZ_PROP_BOOL, CDZ_PROP_REQUIRED, "false",
     .doc = "True: the cron expression has a sixth field, seconds, in front."},
    {"timezone", CDZ_PROP_STRING, 0, .doc = "The time zone; without: that of the server."},
    {"inputs", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, .doc = "Inputs of the executions."},
    {"scheduleConditions", CDZ_PROP_CONDITIONS, CDZ_PROP_DEPRECATED,
     .doc = "Old name of conditions."},
    {"lateMaximumDelay", CDZ_PROP_DURATION, 0,
     .doc = "Dates that are later than this are skipped."},
    {"recoverMissedSchedules", CDZ_PROP_ENUM, 0,
     .doc = "Which dates are made up for that passed while the server was down.", .values = missed},
    {"backfill", CDZ_PROP_MAP, CDZ_PROP_DEPRECATED | CDZ_PROP_HIDDEN, .doc = "Not used any more."},
    {0},
};
static const struct cdz_prop schedule_outputs[] = {
    {"date", CDZ_PROP_STRING, 0, .doc = "The date."},
    {"next", CDZ_PROP_STRING, 0, .doc = "The next date."},
    {"previous", CDZ_PROP_STRING, 0, .doc = "The date before."},
    {0},
};

const struct cdz_type cdz_trigger_schedule = {
    .type = "io.kestra.plugin.core.trigger.Schedule",
    .aliases = (const char *const[]){"io.kestra.core.models.triggers.types.Schedule", NULL},
    .kind = CDZ_TRIGGER,
    .title = "Start an execution at dates that a cron expression gives.",
    .props = schedule_props,
    .outputs = schedule_outputs,
};

static const struct cdz_prop on_dates_props[] = {
    {"dates", CDZ_PROP_STRINGS, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, .doc = "The dates."},
    {"timezone", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC,
     .doc = "The time zone; without: that of the server."},
    {"inputs", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, .doc = "Inputs of the executions."},
    {"recoverMissedSchedules", CDZ_PROP_ENUM, 0,
     .doc = "Which dates are made up for that passed while the server was down.", .values = missed},
    {0},
};

const struct cdz_type cdz_trigger_schedule_on_dates = {
    .type = "io.kestra.plugin.core.trigger.ScheduleOnDates",
    .kind = CDZ_TRIGGER,
    .title = "Start an execution at given dates.",
    .props = on_dates_props,
};

/* ---- Flow ---- */

static const char *const filter_types[] = {
    "EQUAL_TO",  "NOT_EQUAL_TO", "IS_NULL",  "IS_NOT_NULL", "IS_TRUE", "IS_FALSE", "STARTS_WITH",
    "ENDS_WITH", "REGEX",        "CONTAINS", "IN",          "NOT_IN",  NULL};
enum { FILTERS_WITH_VALUES = 10 }; /* from here on `values` is needed instead of `value` */

static const struct cdz_prop filter_props[] = {
    {"field", CDZ_PROP_ENUM, CDZ_PROP_REQUIRED, .doc = "What of the execution is tested.",
     .values = (const char *const[]){"FLOW_ID", "NAMESPACE", "STATE", "EXPRESSION", NULL}},
    {"type", CDZ_PROP_ENUM, CDZ_PROP_REQUIRED, .doc = "How.", .values = filter_types},
    {"value", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC,
     .doc = "What it is compared with; of EXPRESSION: the expression."},
    {"values", CDZ_PROP_STRINGS, 0, .doc = "The same, of IN and NOT_IN."},
    {0},
};
static const struct cdz_prop where_props[] = {
    {"id", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Name."},
    {"operand", CDZ_PROP_ENUM, 0, "AND", .doc = "Whether all filters must hold, or one.",
     .values = (const char *const[]){"AND", "OR", NULL}},
    {"filters", CDZ_PROP_OBJECTS, CDZ_PROP_REQUIRED | CDZ_PROP_NOT_EMPTY, .doc = "The filters.",
     .nested = filter_props},
    {0},
};
static const struct cdz_prop upstream_props[] = {
    {"namespace", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Namespace of the other flow."},
    {"flowId", CDZ_PROP_STRING, 0, .doc = "Its id; without: any."},
    {"states", CDZ_PROP_STRINGS, 0, .doc = "States of its execution; without: any.",
     .values = cdz_state_names},
    {"labels", CDZ_PROP_LABELS, 0, .doc = "Labels that its execution must have."},
    {0},
};
static const struct cdz_prop preconditions_props[] = {
    {"id", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Name, unique in the flow."},
    {"timeWindow", CDZ_PROP_OBJECT, 0, "{}", .doc = "Within which all must have become true.",
     .nested = cdz_time_window_props},
    {"resetOnSuccess", CDZ_PROP_BOOL, 0, "true",
     .doc = "True: after an execution all must become true again."},
    {"flows", CDZ_PROP_OBJECTS, 0, .doc = "Flows that must have ended.", .nested = upstream_props},
    {"where", CDZ_PROP_OBJECTS, 0, .doc = "Executions that must have been.", .nested = where_props},
    {0},
};
static const struct cdz_prop flow_props[] = {
    {"inputs", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, .doc = "Inputs of the new execution."},
    {"states", CDZ_PROP_STRINGS, 0,
     .doc = "States of the other execution that start one; without: all terminated ones.",
     .values = cdz_state_names},
    {"preconditions", CDZ_PROP_OBJECT, 0, .doc = "What must have happened within some time.",
     .nested = preconditions_props},
    {0},
};
static const struct cdz_prop flow_outputs[] = {
    {"executionId", CDZ_PROP_STRING, 0, .doc = "Id of the other execution."},
    {"namespace", CDZ_PROP_STRING, 0, .doc = "Namespace of its flow."},
    {"flowId", CDZ_PROP_STRING, 0, .doc = "Its flow."},
    {"flowRevision", CDZ_PROP_INT, 0, .doc = "Revision of its flow."},
    {"state", CDZ_PROP_STRING, 0, .doc = "Its state."},
    {0},
};

const struct cdz_type cdz_trigger_flow = {
    .type = "io.kestra.plugin.core.trigger.Flow",
    .aliases = (const char *const[]){"io.kestra.core.models.triggers.types.Flow", NULL},
    .kind = CDZ_TRIGGER,
    .title = "Start an execution after executions of other flows.",
    .props = flow_props,
    .outputs = flow_outputs,
};

/* ---- Webhook ---- */

static const struct cdz_prop webhook_props[] = {
    {"key", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
     .doc = "Who calls must know it: it is part of the address."},
    {"inputs", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, .doc = "Inputs of the executions."},
    {"wait", CDZ_PROP_BOOL, 0, "false",
     .doc = "True: the answer comes when the execution has ended."},
    {"returnOutputs", CDZ_PROP_BOOL, 0, "false",
     .doc = "True, with wait: the answer is the outputs of the flow and nothing else."},
    {"responseContentType", CDZ_PROP_ENUM, 0,
     .doc = "Of such an answer: text/plain gives a single output as it is.",
     .values = (const char *const[]){"application/json", "text/plain", NULL}},
    {0},
};
static const struct cdz_prop webhook_outputs[] = {
    {"body", CDZ_PROP_ANY, 0,
     .doc =
         "The body of the request: of a JSON object or array its value, else text (base64 if it is "
         "no UTF-8)."},
    {"formFields", CDZ_PROP_MAP, 0, .doc = "The fields of a multipart form, without its files."},
    {"headers", CDZ_PROP_MAP, 0, .doc = "Its headers: name to list."},
    {"parameters", CDZ_PROP_MAP, 0, .doc = "Its query parameters: name to list."},
    {0},
};

const struct cdz_type cdz_trigger_webhook = {
    .type = "io.kestra.plugin.core.trigger.Webhook",
    .aliases = (const char *const[]){"io.kestra.core.models.triggers.types.Webhook", NULL},
    .kind = CDZ_TRIGGER,
    .title = "Start an execution by an HTTP request.",
    .props = webhook_props,
    .outputs = webhook_outputs,
};

const struct cdz_type *const cdz_trigger_types[] = {&cdz_trigger_schedule,
                                                    &cdz_trigger_schedule_on_dates,
                                                    &cdz_trigger_flow, &cdz_trigger_webhook, NULL};

/* ---- what descriptors cannot say ---- */

static cdz_str text_of(cdz_val map, const char *key)
{
    cdz_val v = cdz_map_getz(map, key);
    return v.kind == CDZ_TEXT ? cdz_val_str(v) : (cdz_str){0};
}

static struct cdz_mark mark_of(const struct cdz_yaml_node *map, const char *key)
{
    const struct cdz_yaml_node *node = cdz_yaml_get(map, key);
    return node ? node->mark : map->mark;
}

static void check_zone(struct cdz_compiler *c, const struct cdz_yaml_node *node, cdz_val props,
                       const struct cdz_path *path)
{
    cdz_str zone = text_of(props, "timezone");
    struct cdz_zone ignored;
    struct cdz_err err;
    struct cdz_path here = cdz_path_key(path, CDZ_STR("timezone"));
    if (zone.n && cdz_zone_parse(zone, &ignored, &err) != CDZ_OK)
        cdz_compile_error(c, mark_of(node, "timezone"), &here, NULL,
                          "timezone '(%.*s)' is not a valid time-zone ID", CDZ_S(zone));
}

static void check_schedule(struct cdz_compiler *c, const struct cdz_yaml_node *node, cdz_val props,
                           const struct cdz_path *path)
{
    cdz_str cron = text_of(props, "cron"), why;
    cdz_val seconds = cdz_map_getz(props, "withSeconds");
    struct cdz_path here = cdz_path_key(path, CDZ_STR("cron"));
    if (cron.n && !cdz_cron_is_valid(cron, seconds.kind == CDZ_BOOL && seconds.b, c->work, &why))
        cdz_compile_error(c, mark_of(node, "cron"), &here, NULL,
                          "invalid cron expression '%.*s': %.*s", CDZ_S(cron), CDZ_S(why));
    check_zone(c, node, props, path);
}

static void check_dates(struct cdz_compiler *c, const struct cdz_yaml_node *node, cdz_val props,
                        const struct cdz_path *path)
{
    cdz_val dates = cdz_map_getz(props, "dates");
    struct cdz_path here = cdz_path_key(path, CDZ_STR("dates"));
    struct cdz_date date;
    check_zone(c, node, props, path);
    if (dates.kind != CDZ_LIST)
        return; /* rendered later */
    CDZ_LIST_EACH (item, dates)
        if (item->kind == CDZ_TEXT &&
            (!cdz_iso_parse(cdz_val_str(*item), &date) ||
             (date.type != CDZ_ZONED && date.type != CDZ_OFFSET && date.type != CDZ_INSTANT)))
            cdz_compile_error(c, mark_of(node, "dates"), &here, NULL,
                              "`%.*s` is not a date with a zone, such as 2024-12-31T00:00:00+01:00",
                              CDZ_S(cdz_val_str(*item)));
}

static bool has_multiple(const struct cdz_conditions *conditions)
{
    for (size_t i = 0; i < conditions->n; i++)
        if (conditions->v[i].names || has_multiple(&conditions->v[i].inner))
            return true;
    return false;
}

static void check_webhook(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                          const struct cdz_trigger *trigger, const struct cdz_path *path)
{
    const struct cdz_yaml_node *key = cdz_yaml_get(node, "key");
    struct cdz_path here = cdz_path_key(path, CDZ_STR("key"));
    if (key && key->kind == CDZ_YAML_SCALAR && key->text.n > 256)
        cdz_compile_error(c, key->mark, &here, NULL, "size must be between 0 and 256");
    if (has_multiple(&trigger->conditions))
        cdz_compile_error(
            c, node->mark, path, NULL,
            "invalid webhook: conditions of type MultipleCondition are not supported");
}

static unsigned position(const char *const *names, cdz_str name)
{
    unsigned i = 0;
    while (names[i] && !cdz_str_is(name, names[i]))
        i++;
    return i;
}

static void check_filter(struct cdz_compiler *c, const struct cdz_yaml_node *filter,
                         const struct cdz_path *path)
{
    const struct cdz_yaml_node *type = cdz_yaml_get(filter, "type");
    if (filter->kind != CDZ_YAML_MAP || !type || type->kind != CDZ_YAML_SCALAR)
        return; /* reported by the descriptor */
    unsigned at = position(filter_types, type->text);
    bool many = at >= FILTERS_WITH_VALUES;
    const struct {
        const char *name;
        bool wanted;
    } rows[] = {{"value", !many}, {"values", many}};
    for (size_t i = 0; filter_types[at] && i < CDZ_COUNT(rows); i++) {
        bool given = !cdz_node_is_null(cdz_yaml_get(filter, rows[i].name));
        if (given != rows[i].wanted)
            cdz_compile_error(c, filter->mark, path, NULL, "`%s` %s be null for type %s",
                              rows[i].name, rows[i].wanted ? "cannot" : "must", filter_types[at]);
    }
}

static void check_preconditions(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                                const struct cdz_path *path)
{
    const struct cdz_yaml_node *window = cdz_yaml_get(node, "timeWindow"),
                               *where = cdz_yaml_get(node, "where");
    struct cdz_path at_window = cdz_path_key(path, CDZ_STR("timeWindow")),
                    at_where = cdz_path_key(path, CDZ_STR("where"));
    if (!cdz_node_is_null(cdz_yaml_get(node, "id")))
        (void)cdz_compile_id(c, node, "id", "_-", path);
    if (window && window->kind == CDZ_YAML_MAP)
        cdz_check_time_window(c, window, &at_window);
    for (size_t i = 0; where && where->kind == CDZ_YAML_LIST && i < where->n; i++) {
        struct cdz_path item = cdz_path_item(&at_where, i, where->items[i]);
        struct cdz_path at_filters = cdz_path_key(&item, CDZ_STR("filters"));
        const struct cdz_yaml_node *filters = cdz_yaml_get(where->items[i], "filters");
        for (size_t j = 0; filters && filters->kind == CDZ_YAML_LIST && j < filters->n; j++) {
            struct cdz_path here = cdz_path_item(&at_filters, j, filters->items[j]);
            check_filter(c, filters->items[j], &here);
        }
    }
}

static void compile_flow_trigger(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                                 struct cdz_trigger *trigger, const struct cdz_path *path)
{
    const struct cdz_yaml_node *preconditions = cdz_yaml_get(node, "preconditions");
    struct cdz_path below = cdz_path_key(path, CDZ_STR("preconditions"));
    trigger->states = cdz_states_of(cdz_map_getz(trigger->props, "states"));
    trigger->preconditions = cdz_map_getz(trigger->props, "preconditions");
    if (preconditions && preconditions->kind == CDZ_YAML_MAP)
        check_preconditions(c, preconditions, &below);
    if (!trigger->conditions.n && cdz_node_is_null(preconditions))
        cdz_compile_warning(c, node->mark, path, NULL,
                            "without conditions every execution of every flow starts this one");
}

/* ---- compiling ---- */

static struct cdz_conditions joined(struct cdz_compiler *c, struct cdz_conditions a,
                                    struct cdz_conditions b)
{
    if (!b.n)
        return a;
    struct cdz_conditions ret = {CDZ_NEW_N(c->arena, struct cdz_condition, a.n + b.n), 0};
    for (; ret.n < a.n + b.n; ret.n++)
        ret.v[ret.n] = ret.n < a.n ? a.v[ret.n] : b.v[ret.n - a.n];
    return ret;
}

/* What the table alone can check; the rest is taken apart by compile_trigger. */
static void compile_common(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                           struct cdz_trigger *trigger, const struct cdz_path *path)
{
    for (const struct cdz_prop *prop = cdz_trigger_props; prop->name; prop++) {
        const struct cdz_yaml_node *value = cdz_yaml_get(node, prop->name);
        struct cdz_path here = cdz_path_key(path, cdz_str_z(prop->name));
        cdz_str name = cdz_str_z(prop->name);
        if (cdz_node_is_null(value) || cdz_str_is(name, "id") || cdz_str_is(name, "type") ||
            cdz_str_is(name, "labels"))
            continue;
        cdz_val v = cdz_compile_prop(c, prop, value, &here);
        if (cdz_str_is(name, "disabled"))
            trigger->disabled = v.kind == CDZ_BOOL && v.b;
        if (cdz_str_is(name, "stopAfter"))
            trigger->stop_after = cdz_states_of(v);
        if (cdz_str_is(name, "workerGroup") && cdz_map_getz(v, "key").kind != CDZ_NULL)
            cdz_compile_error(c, value->mark, &here, NULL,
                              "worker groups are not supported (Enterprise Edition functionality)");
    }
}

static void compile_trigger(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                            struct cdz_trigger *ret, const struct cdz_path *path)
{
    const struct cdz_known_type *known;
    const struct cdz_yaml_node *type_name = cdz_yaml_get(node, "type");
    struct cdz_path conditions = cdz_path_key(path, CDZ_STR("conditions")),
                    old = cdz_path_key(path, CDZ_STR("scheduleConditions")),
                    labels = cdz_path_key(path, CDZ_STR("labels"));
    ret->mark = node->mark;
    ret->id = cdz_compile_id(c, node, "id", "_-", path);
    ret->type = cdz_compile_type(c, node, CDZ_TRIGGER, path, &known);
    if (type_name && type_name->kind == CDZ_YAML_SCALAR)
        ret->type_name = cdz_compile_str(c, type_name->text);
    ret->source = cdz_compile_plain(c, node);
    compile_common(c, node, ret, path);
    ret->conditions =
        cdz_compile_conditions(c, cdz_yaml_get(node, "conditions"), NULL, &conditions);
    if (!cdz_node_is_null(cdz_yaml_get(node, "labels")))
        ret->labels = cdz_compile_labels(c, cdz_yaml_get(node, "labels"),
                                         CDZ_LABELS_NO_SYSTEM | CDZ_LABELS_DYNAMIC, &labels);
    ret->props = cdz_val_map(c->arena, 0);
    if (!ret->type)
        return;
    ret->props = cdz_compile_props(c, node, ret->type->props, cdz_trigger_props, path);
    if (ret->type == &cdz_trigger_schedule) {
        ret->conditions =
            joined(c, ret->conditions,
                   cdz_compile_conditions(c, cdz_yaml_get(node, "scheduleConditions"), NULL, &old));
        check_schedule(c, node, ret->props, path);
    } else if (ret->type == &cdz_trigger_schedule_on_dates) {
        check_dates(c, node, ret->props, path);
    } else if (ret->type == &cdz_trigger_flow) {
        compile_flow_trigger(c, node, ret, path);
    } else if (ret->type == &cdz_trigger_webhook) {
        check_webhook(c, node, ret, path);
    }
}

void cdz_compile_triggers(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                          const struct cdz_path *path)
{
    struct cdz_flow *flow = c->flow;
    if (!cdz_check_list(c, list, path))
        return;
    flow->triggers = CDZ_NEW_N(c->arena, struct cdz_trigger, list->n);
    struct cdz_declared_id *ids = CDZ_NEW_N(c->work, struct cdz_declared_id, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const struct cdz_yaml_node *item = list->items[i];
        struct cdz_path here = cdz_path_item(path, i, item);
        if (!cdz_check_map(c, item, &here, "a trigger: a map with `id` and `type`"))
            continue;
        struct cdz_trigger *trigger = &flow->triggers[flow->trigger_count];
        compile_trigger(c, item, trigger, &here);
        ids[flow->trigger_count++] = (struct cdz_declared_id){trigger->id, item->mark};
    }
    cdz_check_unique(c, ids, flow->trigger_count, "Duplicate trigger id with name");
}
