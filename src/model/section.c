/*
 * section.c -- the smaller parts of a flow: labels, outputs, triggers, listeners, concurrency, sla.
 *
 * Triggers, listeners, concurrency and sla stay plain values in flow->document; here only their
 * shape is checked.
 */
#include "model/compile.h"

#include "model/inputs.h"

static bool is_map(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                   const struct cdz_path *path, const char *what)
{
    if (node->kind == CDZ_YAML_MAP)
        return true;
    cdz_compile_error(c, node->mark, path, NULL, "must be %s", what);
    return false;
}

static bool is_list(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                    const struct cdz_path *path)
{
    if (cdz_node_is_null(node))
        return false;
    if (node->kind != CDZ_YAML_LIST)
        cdz_compile_error(c, node->mark, path, NULL, "must be a list");
    return node->kind == CDZ_YAML_LIST;
}

/* ---- labels ---- */

static void add_label(struct cdz_compiler *c, cdz_str key, const struct cdz_yaml_node *value,
                      struct cdz_mark mark, const struct cdz_path *path)
{
    if (cdz_node_is_null(value) || value->kind != CDZ_YAML_SCALAR) {
        cdz_compile_error(c, mark, path, NULL, "Unsupported type for key: %.*s", CDZ_S(key));
        return;
    }
    if (cdz_str_starts(key, CDZ_STR("system.")) && !cdz_str_is(key, "system.readOnly"))
        cdz_compile_error(
            c, mark, path, NULL,
            "System labels can only be set by Kestra itself, offending label: %.*s=%.*s",
            CDZ_S(key), CDZ_S(value->text));
    if (!cdz_map_find(c->flow->labels, key))
        cdz_map_put(c->arena, c->flow->labels, cdz_compile_str(c, key),
                    cdz_val_text(cdz_compile_str(c, value->text)));
}

void cdz_compile_labels(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                        const struct cdz_path *path)
{
    static const struct cdz_prop label_props[] = {
        {"key", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Key of the label."},
        {"value", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Value of the label."},
        {0},
    };
    if (cdz_node_is_null(node))
        return;
    if (node->kind == CDZ_YAML_SCALAR) {
        cdz_compile_error(c, node->mark, path, NULL,
                          "must be a map or a list of `key` and `value`");
        return;
    }
    if (node->kind == CDZ_YAML_MAP) {
        for (size_t i = 0; i < node->n; i++)
            add_label(c, node->pairs[i].key, node->pairs[i].val, node->pairs[i].key_mark, path);
        return;
    }
    for (size_t i = 0; i < node->n; i++) {
        const struct cdz_yaml_node *item = node->items[i];
        struct cdz_path here = cdz_path_item(path, i, item);
        if (!is_map(c, item, &here, "a map with `key` and `value`"))
            continue;
        cdz_val props = cdz_compile_props(c, item, label_props, NULL, &here);
        cdz_val key = cdz_map_getz(props, "key");
        if (key.kind == CDZ_TEXT && cdz_map_getz(props, "value").kind != CDZ_NULL)
            add_label(c, cdz_val_str(key), cdz_yaml_get(item, "value"), item->mark, &here);
    }
}

/* ---- outputs ---- */

void cdz_compile_outputs(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                         const struct cdz_path *path)
{
    static const struct cdz_prop output_props[] = {
        {"id", CDZ_PROP_STRING, 0, .doc = "Name of the output."},
        {"type", CDZ_PROP_STRING, 0, .doc = "Type of the value."},
        {"value", CDZ_PROP_ANY, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, .doc = "The value."},
        {"description", CDZ_PROP_STRING, 0, .doc = "Text for people."},
        {"displayName", CDZ_PROP_STRING, 0, .doc = "Name for people."},
        {0},
    };
    struct cdz_flow *flow = c->flow;
    if (!is_list(c, list, path))
        return;
    flow->outputs = CDZ_NEW_N(c->arena, struct cdz_flow_output, list->n);
    struct cdz_declared_id *ids = CDZ_NEW_N(c->work, struct cdz_declared_id, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const struct cdz_yaml_node *item = list->items[i];
        struct cdz_path here = cdz_path_item(path, i, item);
        if (!is_map(c, item, &here, "an output: a map with `id`, `type` and `value`"))
            continue;
        struct cdz_flow_output *out = &flow->outputs[flow->output_count];
        cdz_str id = cdz_compile_id(c, item, "id", "._-", &here);
        const struct cdz_input_type *type = cdz_compile_input_type(c, item, &here);
        cdz_val props = cdz_compile_props(c, item, output_props, NULL, &here);
        cdz_val description = cdz_map_getz(props, "description");
        out->id = id;
        out->type = cdz_str_z(type ? type->name : "");
        out->value = cdz_map_getz(props, "value");
        out->description = description.kind == CDZ_TEXT ? cdz_val_str(description) : (cdz_str){0};
        ids[flow->output_count++] = (struct cdz_declared_id){id, item->mark};
    }
    cdz_check_unique(c, ids, flow->output_count, "Duplicate output with name");
}

/* ---- triggers, conditions ---- */

/* `type` must be a known name of that kind; its row if the original has it. */
static const struct cdz_known_type *check_type(struct cdz_compiler *c,
                                               const struct cdz_yaml_node *node,
                                               enum cdz_type_kind kind, const struct cdz_path *path)
{
    const struct cdz_yaml_node *type = cdz_yaml_get(node, "type");
    struct cdz_path here = cdz_path_key(path, CDZ_STR("type"));
    cdz_str name = type && type->kind == CDZ_YAML_SCALAR ? type->text : CDZ_STR("");
    if (!name.n) {
        cdz_compile_error(c, type ? type->mark : node->mark, &here, NULL, "Invalid type: <null>");
        return NULL;
    }
    const struct cdz_type *have = cdz_type_find(c->options->registry, name);
    const struct cdz_known_type *known = cdz_known_type_find(name);
    if ((have && have->kind == kind) || (known && known->kind == kind))
        return known;
    const char *nearest = cdz_type_nearest(c->options->registry, name, kind);
    if (!nearest)
        nearest = cdz_known_type_nearest(name, kind);
    cdz_compile_error(c, type->mark, &here, cdz_compile_hint(c, nearest), "Invalid type: %.*s",
                      CDZ_S(name));
    return NULL;
}

/* Recursion is bounded by the depth of the document. */
static void check_conditions(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                             const struct cdz_path *path)
{
    if (!is_list(c, list, path))
        return;
    for (size_t i = 0; i < list->n; i++) {
        const struct cdz_yaml_node *item = list->items[i];
        struct cdz_path here = cdz_path_item(path, i, item);
        if (!is_map(c, item, &here, "a condition: a map with a `type`"))
            continue;
        const struct cdz_yaml_node *inner = cdz_yaml_get(item, "conditions");
        struct cdz_path below = cdz_path_key(&here, CDZ_STR("conditions"));
        (void)check_type(c, item, CDZ_CONDITION, &here);
        if (inner && inner->kind == CDZ_YAML_LIST)
            check_conditions(c, inner, &below);
    }
}

void cdz_compile_triggers(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                          const struct cdz_path *path)
{
    if (!is_list(c, list, path))
        return;
    struct cdz_declared_id *ids = CDZ_NEW_N(c->work, struct cdz_declared_id, list->n);
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        const struct cdz_yaml_node *item = list->items[i];
        struct cdz_path here = cdz_path_item(path, i, item);
        if (!is_map(c, item, &here, "a trigger: a map with `id` and `type`"))
            continue;
        struct cdz_path below = cdz_path_key(&here, CDZ_STR("conditions"));
        ids[n++] = (struct cdz_declared_id){cdz_compile_id(c, item, "id", "_-", &here), item->mark};
        const struct cdz_known_type *type = check_type(c, item, CDZ_TRIGGER, &here);
        if (type && (type->flags & CDZ_KNOWN_FLOW_TRIGGER) &&
            cdz_node_is_null(cdz_yaml_get(item, "conditions")) &&
            cdz_node_is_null(cdz_yaml_get(item, "preconditions")))
            cdz_compile_warning(c, item->mark, &here, NULL,
                                "without conditions every execution of every flow starts this one");
        check_conditions(c, cdz_yaml_get(item, "conditions"), &below);
    }
    cdz_check_unique(c, ids, n, "Duplicate trigger id with name");
}

/* ---- listeners ---- */

void cdz_compile_listeners(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                           const struct cdz_path *path)
{
    static const struct cdz_prop listener_props[] = {
        {"description", CDZ_PROP_STRING, 0, .doc = "Text for people."},
        {"conditions", CDZ_PROP_LIST, 0, .doc = "All must hold for the tasks to run."},
        {"tasks", CDZ_PROP_TASKS, CDZ_PROP_REQUIRED | CDZ_PROP_NOT_EMPTY,
         .doc = "Tasks to run at the end."},
        {0},
    };
    if (!is_list(c, list, path))
        return;
    size_t before = c->all.n;
    for (size_t i = 0; i < list->n; i++) {
        const struct cdz_yaml_node *item = list->items[i];
        struct cdz_path here = cdz_path_item(path, i, item);
        if (!is_map(c, item, &here, "a listener: a map with `tasks`"))
            continue;
        struct cdz_path conditions = cdz_path_key(&here, CDZ_STR("conditions"));
        struct cdz_path tasks = cdz_path_key(&here, CDZ_STR("tasks"));
        (void)cdz_compile_props(c, item, listener_props, NULL, &here);
        check_conditions(c, cdz_yaml_get(item, "conditions"), &conditions);
        (void)cdz_compile_tasks(c, cdz_yaml_get(item, "tasks"), CDZ_VAL_NULL, NULL,
                                CDZ_BRANCH_TASKS, 0, &tasks);
    }
    c->all.n = before; /* checked like any task, but they are none of the flow's own */
}

/* ---- concurrency, sla ---- */

static const struct cdz_prop concurrency_props[] = {
    {"limit", CDZ_PROP_INT, CDZ_PROP_REQUIRED, .doc = "Most executions at the same time.", .min = 1,
     .has_min = true},
    {"behavior", CDZ_PROP_ENUM, 0, "QUEUE", .doc = "What happens to one execution more.",
     .values = (const char *const[]){"QUEUE", "CANCEL", "FAIL", NULL}},
    {0},
};

void cdz_compile_concurrency(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                             const struct cdz_path *path)
{
    if (!cdz_node_is_null(node) && is_map(c, node, path, "a map with a `limit`"))
        (void)cdz_compile_props(c, node, concurrency_props, NULL, path);
}

#define SLA_COMMON                                                                                 \
    {"id", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Name."},                                    \
        {"type", CDZ_PROP_STRING, CDZ_PROP_REQUIRED,                                               \
         .doc = "MAX_DURATION or EXECUTION_ASSERTION."},                                           \
        {"behavior", CDZ_PROP_ENUM, CDZ_PROP_REQUIRED, .doc = "What happens to the execution.",    \
         .values = (const char *const[]){"FAIL", "CANCEL", "NONE", NULL}},                         \
    {                                                                                              \
        "labels", CDZ_PROP_ANY, 0, .doc = "Labels that the execution gets."                        \
    }

static const struct cdz_prop sla_props[] = {SLA_COMMON, {0}};
static const struct cdz_prop sla_duration_props[] = {
    SLA_COMMON,
    {"duration", CDZ_PROP_DURATION, CDZ_PROP_REQUIRED, .doc = "Longest duration."},
    {0}};
static const struct cdz_prop sla_assertion_props[] = {SLA_COMMON,
                                                      {"assert", CDZ_PROP_STRING,
                                                       CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
                                                       .doc = "Must render to a true value."},
                                                      {0}};

void cdz_compile_sla(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                     const struct cdz_path *path)
{
    if (!is_list(c, list, path))
        return;
    for (size_t i = 0; i < list->n; i++) {
        const struct cdz_yaml_node *item = list->items[i];
        struct cdz_path here = cdz_path_item(path, i, item);
        if (!is_map(c, item, &here, "a map with `id`, `type` and `behavior`"))
            continue;
        const struct cdz_yaml_node *type = cdz_yaml_get(item, "type");
        struct cdz_path below = cdz_path_key(&here, CDZ_STR("type"));
        cdz_str name = type && type->kind == CDZ_YAML_SCALAR ? type->text : CDZ_STR("");
        if (cdz_str_is(name, "MAX_DURATION"))
            (void)cdz_compile_props(c, item, sla_duration_props, NULL, &here);
        else if (cdz_str_is(name, "EXECUTION_ASSERTION"))
            (void)cdz_compile_props(c, item, sla_assertion_props, NULL, &here);
        else if (name.n)
            cdz_compile_error(c, type->mark, &below, NULL, "Invalid type: %.*s", CDZ_S(name));
        else
            (void)cdz_compile_props(c, item, sla_props, NULL, &here);
    }
}
