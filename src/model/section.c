/*
 * section.c -- the smaller parts of a flow: outputs, listeners, concurrency, sla, checks.
 * reference/flow.md §7, §9; docs/compatibility.md for what the original's 0.20 does not have.
 */
#include "model/compile.h"
#include "model/describe.h"

#include "base/time.h"
#include "model/inputs.h"

bool cdz_check_map(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                   const struct cdz_path *path, const char *what)
{
    if (node->kind == CDZ_YAML_MAP)
        return true;
    cdz_compile_error(c, node->mark, path, NULL, "must be %s", what);
    return false;
}

bool cdz_check_list(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                    const struct cdz_path *path)
{
    if (cdz_node_is_null(node))
        return false;
    if (node->kind != CDZ_YAML_LIST)
        cdz_compile_error(c, node->mark, path, NULL, "must be a list");
    return node->kind == CDZ_YAML_LIST;
}

/* ---- outputs ---- */

const struct cdz_prop cdz_output_props[] = {
    {"id", CDZ_PROP_STRING, 0, .doc = "Name of the output."},
    {"type", CDZ_PROP_STRING, 0, .doc = "Type of the value."},
    {"value", CDZ_PROP_ANY, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, .doc = "The value."},
    {"description", CDZ_PROP_STRING, 0, .doc = "Text for people."},
    {"displayName", CDZ_PROP_STRING, 0, .doc = "Name for people."},
    {0},
};

void cdz_compile_outputs(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                         const struct cdz_path *path)
{
    struct cdz_flow *flow = c->flow;
    if (!cdz_check_list(c, list, path))
        return;
    flow->outputs = CDZ_NEW_N(c->arena, struct cdz_flow_output, list->n);
    struct cdz_declared_id *ids = CDZ_NEW_N(c->work, struct cdz_declared_id, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const struct cdz_yaml_node *item = list->items[i];
        struct cdz_path here = cdz_path_item(path, i, item);
        if (!cdz_check_map(c, item, &here, "an output: a map with `id`, `type` and `value`"))
            continue;
        struct cdz_flow_output *out = &flow->outputs[flow->output_count];
        cdz_str id = cdz_compile_id(c, item, "id", "._-", &here);
        const struct cdz_input_type *type = cdz_compile_input_type(c, item, &here);
        cdz_val props = cdz_compile_props(c, item, cdz_output_props, NULL, &here);
        cdz_val description = cdz_map_getz(props, "description");
        out->id = id;
        out->type = cdz_str_z(type ? type->name : "");
        out->value = cdz_map_getz(props, "value");
        out->description = description.kind == CDZ_TEXT ? cdz_val_str(description) : (cdz_str){0};
        ids[flow->output_count++] = (struct cdz_declared_id){id, item->mark};
    }
    cdz_check_unique(c, ids, flow->output_count, "Duplicate output with name");
}

/* ---- listeners ---- */

const struct cdz_prop cdz_listener_props[] = {
    {"description", CDZ_PROP_STRING, 0, .doc = "Text for people."},
    {"conditions", CDZ_PROP_CONDITIONS, 0, .doc = "All must hold for the tasks to run."},
    {"tasks", CDZ_PROP_TASKS, CDZ_PROP_REQUIRED | CDZ_PROP_NOT_EMPTY,
     .doc = "Tasks to run at the end."},
    {0},
};

void cdz_compile_listeners(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                           const struct cdz_path *path)
{
    struct cdz_flow *flow = c->flow;
    cdz_val sources = cdz_map_getz(flow->document, "listeners");
    if (!cdz_check_list(c, list, path))
        return;
    flow->listeners = CDZ_NEW_N(c->arena, struct cdz_listener, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const struct cdz_yaml_node *item = list->items[i];
        struct cdz_path here = cdz_path_item(path, i, item);
        struct cdz_listener *listener = &flow->listeners[flow->listener_count];
        cdz_val source = sources.kind == CDZ_LIST && i < cdz_list_n(sources)
                             ? cdz_list_at(sources, i)
                             : CDZ_VAL_NULL;
        if (!cdz_check_map(c, item, &here, "a listener: a map with `tasks`"))
            continue;
        struct cdz_path conditions = cdz_path_key(&here, CDZ_STR("conditions"));
        struct cdz_path tasks = cdz_path_key(&here, CDZ_STR("tasks"));
        (void)cdz_compile_props(c, item, cdz_listener_props, NULL, &here);
        listener->conditions =
            cdz_compile_conditions(c, cdz_yaml_get(item, "conditions"), NULL, &conditions);
        listener->tasks =
            cdz_compile_tasks(c, cdz_yaml_get(item, "tasks"), cdz_map_getz(source, "tasks"), NULL,
                              CDZ_BRANCH_LISTENER, (uint32_t)flow->listener_count, &tasks);
        flow->listener_count++;
    }
}

/* ---- concurrency ---- */

static const char *const concurrency_behaviors[] = {"QUEUE", "CANCEL", "FAIL", "CANCEL_PREVIOUS",
                                                    NULL};
const struct cdz_prop cdz_concurrency_props[] = {
    {"limit", CDZ_PROP_INT, 0, .doc = "Most executions at the same time.", .min = 1,
     .has_min = true},
    {"behavior", CDZ_PROP_ENUM, 0, "QUEUE", .doc = "What happens to one execution more.",
     .values = concurrency_behaviors},
    {"key", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC,
     .doc = "Counted are the executions for which this renders to the same text."},
    {"priority", CDZ_PROP_INT, CDZ_PROP_DYNAMIC, .doc = "Higher ones leave the queue first."},
    {"pool", CDZ_PROP_STRING, 0, .doc = "A limit of the server's configuration, shared by flows."},
    {0},
};

static unsigned position(const char *const *names, cdz_str name)
{
    unsigned i = 0;
    while (names[i] && !cdz_str_is(name, names[i]))
        i++;
    return names[i] ? i : 0;
}

static cdz_str text_of(cdz_val map, const char *key)
{
    cdz_val v = cdz_map_getz(map, key);
    return v.kind == CDZ_TEXT ? cdz_val_str(v) : (cdz_str){0};
}

void cdz_compile_concurrency(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                             const struct cdz_path *path)
{
    if (cdz_node_is_null(node) || !cdz_check_map(c, node, path, "a map with a `limit`"))
        return;
    cdz_val props = cdz_compile_props(c, node, cdz_concurrency_props, NULL, path);
    cdz_val limit = cdz_map_getz(props, "limit");
    struct cdz_concurrency *ret = CDZ_NEW(c->arena, struct cdz_concurrency);
    struct cdz_path at_limit = cdz_path_key(path, CDZ_STR("limit"));
    ret->pool = text_of(props, "pool");
    if (limit.kind == CDZ_INT && limit.i <= INT32_MAX)
        ret->limit = (unsigned)limit.i;
    else if (cdz_node_is_null(cdz_yaml_get(node, "limit")) && !ret->pool.n)
        cdz_compile_error(c, node->mark, &at_limit, NULL, "must not be null");
    ret->behavior =
        (enum cdz_concurrency_behavior)position(concurrency_behaviors, text_of(props, "behavior"));
    ret->key = cdz_map_getz(props, "key");
    ret->priority = cdz_map_getz(props, "priority");
    c->flow->concurrency = ret;
}

/* ---- sla ---- */

static const char *const sla_behaviors[] = {"FAIL", "CANCEL", "NONE", NULL};

#define SLA_COMMON                                                                                 \
    {"id", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Name."},                                    \
        {"type", CDZ_PROP_STRING, CDZ_PROP_REQUIRED,                                               \
         .doc = "MAX_DURATION or EXECUTION_ASSERTION."},                                           \
        {"behavior", CDZ_PROP_ENUM, CDZ_PROP_REQUIRED, .doc = "What happens to the execution.",    \
         .values = sla_behaviors},                                                                 \
    {                                                                                              \
        "labels", CDZ_PROP_ANY, 0, .doc = "Labels that the execution gets."                        \
    }

static const struct cdz_prop sla_props[] = {SLA_COMMON, {0}};
const struct cdz_prop cdz_sla_duration_props[] = {
    SLA_COMMON,
    {"duration", CDZ_PROP_DURATION, CDZ_PROP_REQUIRED, .doc = "Longest duration."},
    {0}};
const struct cdz_prop cdz_sla_assertion_props[] = {SLA_COMMON,
                                                   {"assert", CDZ_PROP_STRING,
                                                    CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
                                                    .doc = "Must render to a true value."},
                                                   {0}};

static void compile_sla(struct cdz_compiler *c, const struct cdz_yaml_node *item,
                        struct cdz_sla *ret, const struct cdz_path *path)
{
    const struct cdz_yaml_node *type = cdz_yaml_get(item, "type"),
                               *labels = cdz_yaml_get(item, "labels");
    struct cdz_path below = cdz_path_key(path, CDZ_STR("type"));
    struct cdz_path at_labels = cdz_path_key(path, CDZ_STR("labels"));
    cdz_str name = type && type->kind == CDZ_YAML_SCALAR ? type->text : CDZ_STR("");
    const struct cdz_prop *table = sla_props;
    if (cdz_str_is(name, "MAX_DURATION"))
        table = cdz_sla_duration_props;
    else if (cdz_str_is(name, "EXECUTION_ASSERTION"))
        table = cdz_sla_assertion_props;
    else if (name.n)
        cdz_compile_error(c, type->mark, &below, NULL, "Invalid type: %.*s", CDZ_S(name));
    if (name.n && table == sla_props)
        return;
    cdz_val props = cdz_compile_props(c, item, table, NULL, path);
    ret->id = text_of(props, "id");
    ret->kind = table == cdz_sla_assertion_props ? CDZ_SLA_ASSERTION : CDZ_SLA_MAX_DURATION;
    ret->behavior = (enum cdz_sla_behavior)position(sla_behaviors, text_of(props, "behavior"));
    ret->assertion = cdz_map_getz(props, "assert");
    if (!cdz_duration_us(text_of(props, "duration"), &ret->duration))
        ret->duration = 0; /* not given, or reported by its kind */
    if (!cdz_node_is_null(labels))
        ret->labels = cdz_compile_labels(c, labels, CDZ_LABELS_NO_SYSTEM, &at_labels);
}

void cdz_compile_sla(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                     const struct cdz_path *path)
{
    if (!cdz_check_list(c, list, path))
        return;
    c->flow->slas = CDZ_NEW_N(c->arena, struct cdz_sla, list->n);
    for (size_t i = 0; i < list->n; i++) {
        struct cdz_path here = cdz_path_item(path, i, list->items[i]);
        if (cdz_check_map(c, list->items[i], &here, "a map with `id`, `type` and `behavior`"))
            compile_sla(c, list->items[i], &c->flow->slas[c->flow->sla_count++], &here);
    }
}

/* ---- checks ---- */

static const char *const check_behaviors[] = {"BLOCK_EXECUTION", "FAIL_EXECUTION",
                                              "CREATE_EXECUTION", NULL};
const struct cdz_prop cdz_check_props[] = {
    {"condition", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
     .doc = "Must render to a true value."},
    {"message", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
     .doc = "What is told when it does not."},
    {"style", CDZ_PROP_ENUM, 0, "INFO", .doc = "How the message is shown.",
     .values = (const char *const[]){"ERROR", "SUCCESS", "WARNING", "INFO", NULL}},
    {"behavior", CDZ_PROP_ENUM, 0, "BLOCK_EXECUTION", .doc = "What becomes of the execution.",
     .values = check_behaviors},
    {0},
};

void cdz_compile_checks(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                        const struct cdz_path *path)
{
    struct cdz_flow *flow = c->flow;
    if (!cdz_check_list(c, list, path))
        return;
    flow->checks = CDZ_NEW_N(c->arena, struct cdz_flow_check, list->n);
    for (size_t i = 0; i < list->n; i++) {
        struct cdz_path here = {.up = path, .index = i, .item = true};
        if (!cdz_check_map(c, list->items[i], &here, "a map with `condition` and `message`"))
            continue;
        cdz_val props = cdz_compile_props(c, list->items[i], cdz_check_props, NULL, &here);
        flow->checks[flow->check_count++] = (struct cdz_flow_check){
            .condition = cdz_map_getz(props, "condition"),
            .message = cdz_map_getz(props, "message"),
            .style = text_of(props, "style"),
            .behavior =
                (enum cdz_check_behavior)position(check_behaviors, text_of(props, "behavior")),
        };
    }
}
