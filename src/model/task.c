/*
 * task.c -- from a task's map to a struct cdz_task: type, common properties, own properties,
 * children.
 *
 * Children are found by the kinds of the type's properties, not by names of types: TASKS called
 * `errors`, `finally`, `else`, `defaults`, `onPause` go to the branch of that name, any other
 * (`tasks`, `then`) to the main branch; CASES to the cases; DAG to the main branch with
 * dependencies. A new flowable needs only a descriptor. Two make their children themselves: a
 * ForEachItem (below) and a Template (template.c).
 */
#include "model/compile.h"

#include "base/limits.h"
#include "model/flowables.h"

static const char *const levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", NULL};

static const struct cdz_prop worker_group_props[] = {
    {"key", CDZ_PROP_STRING, 0, .doc = "Name of the group of workers."},
    {"fallback", CDZ_PROP_ENUM, 0, .doc = "What to do when no worker of the group is there.",
     .values = (const char *const[]){"FAIL", "WAIT", "CANCEL", NULL}},
    {0},
};

static const struct cdz_prop cache_props[] = {
    {"enabled", CDZ_PROP_BOOL, CDZ_PROP_REQUIRED, .doc = "True: outputs are kept."},
    {"ttl", CDZ_PROP_DURATION, 0, .doc = "How long they are good for; without: for ever."},
    {0},
};

const struct cdz_prop cdz_task_props[] = {
    {"id", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Name of the task, unique in its flow."},
    {"type", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "What the task does."},
    {"description", CDZ_PROP_STRING, 0, .doc = "Text for people, Markdown."},
    {"retry", CDZ_PROP_ANY, 0, .doc = "When and how often to try again after a failure."},
    {"timeout", CDZ_PROP_DURATION, CDZ_PROP_DYNAMIC, .doc = "How long one attempt may take."},
    {"disabled", CDZ_PROP_BOOL, 0, .doc = "True: the task is left out."},
    {"workerGroup", CDZ_PROP_OBJECT, 0, .doc = "Which workers may run the task.",
     .nested = worker_group_props},
    {"logLevel", CDZ_PROP_ENUM, 0, .doc = "Least level of the logs that are kept.",
     .values = levels},
    {"allowFailure", CDZ_PROP_BOOL, 0, .doc = "True: a failure becomes a warning."},
    {"allowWarning", CDZ_PROP_BOOL, 0, .doc = "True: a warning becomes a success."},
    {"logToFile", CDZ_PROP_BOOL, 0, .doc = "True: logs go to a file in the internal storage."},
    {"runIf", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC,
     .doc = "The task is skipped if this renders to a false value."},
    {"taskCache", CDZ_PROP_OBJECT, 0,
     .doc = "Whether the outputs are used again when the task runs with the same values.",
     .nested = cache_props},
    {0},
};

static bool get_bool(cdz_val map, const char *key)
{
    cdz_val v = cdz_map_getz(map, key);
    return v.kind == CDZ_BOOL && v.b;
}

static cdz_str get_text(cdz_val map, const char *key)
{
    cdz_val v = cdz_map_getz(map, key);
    return v.kind == CDZ_TEXT ? cdz_val_str(v) : (cdz_str){0};
}

/* The common properties. `retry` is taken apart by itself and so only checked for its presence by
 * the table. */
static void compile_common(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                           struct cdz_task *task, const struct cdz_path *path)
{
    cdz_val common = cdz_val_map(c->arena, 0);
    for (const struct cdz_prop *prop = cdz_task_props; prop->name; prop++) {
        const struct cdz_yaml_node *value = cdz_yaml_get(node, prop->name);
        struct cdz_path here = cdz_path_key(path, cdz_str_z(prop->name));
        if (cdz_node_is_null(value) || cdz_str_is(cdz_str_z(prop->name), "id") ||
            cdz_str_is(cdz_str_z(prop->name), "type"))
            continue;
        if (cdz_str_is(cdz_str_z(prop->name), "retry"))
            task->retry = cdz_compile_retry(c, value, &here);
        else
            cdz_map_putz(c->arena, common, prop->name, cdz_compile_prop(c, prop, value, &here));
    }
    task->description = get_text(common, "description");
    task->timeout = cdz_map_getz(common, "timeout");
    task->run_if = cdz_map_getz(common, "runIf");
    task->worker_group = cdz_map_getz(common, "workerGroup");
    task->task_cache = cdz_map_getz(common, "taskCache");
    task->log_level = get_text(common, "logLevel");
    task->disabled = get_bool(common, "disabled");
    task->allow_failure = get_bool(common, "allowFailure");
    task->allow_warning = get_bool(common, "allowWarning");
    task->log_to_file = get_bool(common, "logToFile");
    if (cdz_map_getz(task->worker_group, "key").kind != CDZ_NULL) {
        struct cdz_path here = cdz_path_key(path, CDZ_STR("workerGroup"));
        cdz_compile_error(c, cdz_yaml_get(node, "workerGroup")->mark, &here, NULL,
                          "worker groups are not supported (Enterprise Edition functionality)");
    }
}

/* The type, or NULL after a report. *known: a type of the original that this server does not have
 * yet. */
static const struct cdz_type *compile_type(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                                           const struct cdz_path *path,
                                           const struct cdz_known_type **known)
{
    const struct cdz_yaml_node *value = cdz_yaml_get(node, "type");
    struct cdz_path here = cdz_path_key(path, CDZ_STR("type"));
    *known = NULL;
    if (!value || value->kind != CDZ_YAML_SCALAR || !value->text.n) {
        cdz_compile_error(c, value ? value->mark : node->mark, &here, NULL, "Invalid type: <null>");
        return NULL;
    }
    const struct cdz_type *type = cdz_type_find(c->options->registry, value->text);
    /* The parts of a ForEachItem ("...$...") are for the compiler only. */
    if (type && type->kind <= CDZ_UPDATING && cdz_str_chr(value->text, '$', 0) == SIZE_MAX)
        return type;
    *known = cdz_known_type_find(value->text);
    if (*known && (*known)->kind > CDZ_UPDATING)
        *known = NULL; /* a trigger, say, is no task */
    if (*known) {
        cdz_compile_error(c, value->mark, &here, NULL,
                          "type \"%.*s\" is not supported yet by this server", CDZ_S(value->text));
        return NULL;
    }
    const char *nearest = cdz_type_nearest(c->options->registry, value->text, CDZ_RUNNABLE);
    if (!nearest)
        nearest = cdz_known_type_nearest(value->text, CDZ_RUNNABLE);
    cdz_compile_error(c, value->mark, &here, cdz_compile_hint(c, nearest), "Invalid type: %.*s",
                      CDZ_S(value->text));
    return NULL;
}

/* Tasks of a template may be there several times: each use of it brings them. */
static void declare_id(struct cdz_compiler *c, cdz_str id, struct cdz_mark mark)
{
    if (id.n && !c->templates)
        CDZ_PUSH(c->work, &c->task_ids, (struct cdz_declared_id){id, mark});
}

/* A task that would call its own flow. */
static void check_recursion(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                            const struct cdz_task *task, const struct cdz_path *path)
{
    const struct cdz_yaml_node *ns = cdz_yaml_get(node, "namespace"),
                               *id = cdz_yaml_get(node, "flowId");
    if (task->type != &cdz_type_subflow && task->type != &cdz_type_for_each_item)
        return;
    if (ns && id && ns->kind == CDZ_YAML_SCALAR && id->kind == CDZ_YAML_SCALAR && ns->text.n &&
        cdz_str_eq(ns->text, c->flow->namespace_) && cdz_str_eq(id->text, c->flow->id))
        cdz_compile_error(c, node->mark, path, NULL, "Recursive call to flow [%.*s.%.*s]",
                          CDZ_S(c->flow->namespace_), CDZ_S(c->flow->id));
}

static void compile_cases(struct cdz_compiler *c, const struct cdz_yaml_node *map, cdz_val source,
                          struct cdz_task *task, const struct cdz_path *path)
{
    if (cdz_node_is_null(map) || map->kind != CDZ_YAML_MAP)
        return;
    task->has_cases = true;
    task->cases = CDZ_NEW_N(c->arena, struct cdz_case, map->n);
    task->case_count = map->n;
    for (size_t i = 0; i < map->n; i++) {
        const struct cdz_yaml_pair *pair = &map->pairs[i];
        struct cdz_path here = cdz_path_key(path, pair->key);
        task->cases[i].name = cdz_compile_str(c, pair->key);
        task->cases[i].tasks = cdz_compile_tasks(c, pair->val, cdz_map_get(source, pair->key), task,
                                                 CDZ_BRANCH_CASE, (uint32_t)i, &here);
    }
}

/* A property that is one task, as a list. */
static struct cdz_task_list compile_one(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                                        cdz_val source, struct cdz_task *parent,
                                        enum cdz_branch branch, const struct cdz_path *path)
{
    struct cdz_task_list ret = {0};
    if (cdz_node_is_null(node) || node->kind != CDZ_YAML_MAP)
        return ret; /* the descriptor's check has reported it */
    struct cdz_task *task = cdz_compile_task(c, node, source, parent, branch, 0, path);
    if (!task || task->disabled)
        return ret;
    ret.v = CDZ_NEW_N(c->arena, struct cdz_task *, 1);
    ret.v[ret.n++] = task;
    return ret;
}

static void compile_children(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                             cdz_val source, struct cdz_task *task, const struct cdz_path *path)
{
    for (const struct cdz_prop *prop = task->type->props; prop && prop->name; prop++) {
        const struct cdz_yaml_node *value = cdz_yaml_get(node, prop->name);
        struct cdz_path here = cdz_path_key(path, cdz_str_z(prop->name));
        cdz_val sub = cdz_map_getz(source, prop->name);
        cdz_str name = cdz_str_z(prop->name);
        bool given = !cdz_node_is_null(value);
        if (prop->kind == CDZ_PROP_CASES) {
            compile_cases(c, value, sub, task, &here);
        } else if (prop->kind == CDZ_PROP_DAG && given) {
            cdz_compile_dag(c, value, sub, task, &here);
        } else if (prop->kind == CDZ_PROP_INPUTS) {
            task->inputs = cdz_compile_inputs(c, value, &here, &task->input_count);
        } else if (prop->kind != CDZ_PROP_TASKS) {
            continue;
        } else if (cdz_str_is(name, "errors")) {
            task->errors = cdz_compile_tasks(c, value, sub, task, CDZ_BRANCH_ERRORS, 0, &here);
        } else if (cdz_str_is(name, "finally")) {
            task->finals = cdz_compile_tasks(c, value, sub, task, CDZ_BRANCH_FINALLY, 0, &here);
        } else if (cdz_str_is(name, "onPause")) {
            task->on_pause = compile_one(c, value, sub, task, CDZ_BRANCH_ON_PAUSE, &here);
        } else if (cdz_str_is(name, "else")) {
            task->has_else = given;
            task->else_ = cdz_compile_tasks(c, value, sub, task, CDZ_BRANCH_ELSE, 0, &here);
        } else if (cdz_str_is(name, "defaults")) {
            task->has_defaults = given;
            task->defaults = cdz_compile_tasks(c, value, sub, task, CDZ_BRANCH_DEFAULTS, 0, &here);
        } else {
            task->tasks = cdz_compile_tasks(c, value, sub, task, CDZ_BRANCH_TASKS, 0, &here);
        }
    }
}

/* A type that is not here yet: at least the mistakes in its children are told. */
static void check_children_of_unsupported(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                                          struct cdz_task *task, const struct cdz_path *path)
{
    static const char *const lists[] = {"tasks", "errors"};
    for (size_t i = 0; i < CDZ_COUNT(lists); i++) {
        struct cdz_path here = cdz_path_key(path, cdz_str_z(lists[i]));
        (void)cdz_compile_tasks(c, cdz_yaml_get(node, lists[i]), CDZ_VAL_NULL, task,
                                CDZ_BRANCH_TASKS, 0, &here);
    }
}

static struct cdz_task *new_task(struct cdz_compiler *c, const struct cdz_yaml_node *node)
{
    struct cdz_task *task = CDZ_NEW(c->arena, struct cdz_task);
    task->mark = node->mark;
    task->number = (uint32_t)c->all.n;
    task->props = cdz_val_map(c->arena, 0);
    CDZ_PUSH(c->arena, &c->all, task);
    return task;
}

/* The three tasks that a ForEachItem is made of. Their properties are those of the ForEachItem. */
static void make_parts(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                       struct cdz_task *task, const struct cdz_path *path)
{
    task->tasks.v = CDZ_NEW_N(c->arena, struct cdz_task *, CDZ_FOR_EACH_ITEM_PARTS);
    for (size_t i = 0; task->id.n && i < CDZ_FOR_EACH_ITEM_PARTS; i++) {
        const struct cdz_for_each_item_part *part = &cdz_for_each_item_parts[i];
        struct cdz_task *child = new_task(c, node);
        child->id = cdz_arena_printf(c->arena, "%.*s%s", CDZ_S(task->id), part->suffix);
        child->type_name = cdz_str_z(part->type);
        child->type = cdz_type_find(c->options->registry, child->type_name);
        child->parent = task;
        child->branch = CDZ_BRANCH_TASKS;
        child->index = (uint32_t)i;
        child->props = task->props;
        child->source = cdz_val_map(c->arena, 2);
        cdz_map_putz(c->arena, child->source, "id", cdz_val_text(child->id));
        cdz_map_putz(c->arena, child->source, "type", cdz_val_text(child->type_name));
        declare_id(c, child->id, node->mark);
        child->needs =
            cdz_compile_part_needs(c->arena, child, i ? task->tasks.v[i - 1]->id : (cdz_str){0});
        task->tasks.v[task->tasks.n++] = child;
        if (!child->type)
            cdz_compile_error(c, node->mark, path, NULL,
                              "type \"%s\" is not supported yet by this server", part->type);
    }
}

struct cdz_task *cdz_compile_task(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                                  cdz_val source, const struct cdz_task *parent,
                                  enum cdz_branch branch, uint32_t case_number,
                                  const struct cdz_path *path)
{
    const struct cdz_known_type *known;
    if (node->mark.line)
        c->here = node->mark;
    if (node->kind != CDZ_YAML_MAP) {
        cdz_compile_error(c, node->mark, path, NULL,
                          cdz_node_is_null(node) ? "must not be null"
                                                 : "must be a task: a map with `id` and `type`");
        return NULL;
    }
    if (c->all.n >= CDZ_TASKS_MAX || c->depth >= CDZ_TASK_DEPTH_MAX) {
        if (!c->too_many_tasks)
            cdz_compile_error(c, node->mark, path, NULL,
                              c->depth >= CDZ_TASK_DEPTH_MAX
                                  ? "tasks are nested deeper than %u levels"
                                  : "a flow has at most %u tasks",
                              c->depth >= CDZ_TASK_DEPTH_MAX ? CDZ_TASK_DEPTH_MAX : CDZ_TASKS_MAX);
        c->too_many_tasks = true;
        return NULL;
    }
    struct cdz_task *task = new_task(c, node);
    size_t errors_before = c->problems->errors;
    task->parent = parent;
    task->branch = branch;
    task->case_number = case_number;
    task->source = source.kind == CDZ_MAP ? source : cdz_compile_plain(c, node);
    task->id = cdz_compile_id(c, node, "id", "_-", path);
    const struct cdz_yaml_node *id = cdz_yaml_get(node, "id");
    declare_id(c, task->id, id ? id->mark : node->mark);
    const struct cdz_yaml_node *type_name = cdz_yaml_get(node, "type");
    if (type_name && type_name->kind == CDZ_YAML_SCALAR)
        task->type_name = cdz_compile_str(c, type_name->text);
    task->type = compile_type(c, node, path, &known);
    compile_common(c, node, task, path);
    check_recursion(c, node, task, path);
    c->depth++;
    if (task->type) {
        task->props = cdz_compile_props(c, node, task->type->props, cdz_task_props, path);
        if (task->type->flow_kind == CDZ_FLOW_FOR_EACH_ITEM)
            make_parts(c, node, task, path);
        compile_children(c, node, task->source, task, path);
        if (task->type->flow_kind == CDZ_FLOW_TEMPLATE)
            cdz_compile_template(c, task, path);
    } else if (known) {
        check_children_of_unsupported(c, node, task, path);
    }
    c->depth--;
    if (c->problems->errors != errors_before)
        return task;
    if (task->type->check)
        task->type->check(task, c->problems);
    task->needs = cdz_compile_needs(c->arena, task);
    return task;
}

struct cdz_task_list cdz_compile_tasks(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                                       cdz_val source, const struct cdz_task *parent,
                                       enum cdz_branch branch, uint32_t case_number,
                                       const struct cdz_path *path)
{
    struct cdz_task_list ret = {0};
    if (cdz_node_is_null(list))
        return ret;
    if (list->kind != CDZ_YAML_LIST) {
        /* Lists that are properties of their own have been checked by their descriptor. */
        if (branch == CDZ_BRANCH_CASE)
            cdz_compile_error(c, list->mark, path, NULL, "must be a list of tasks");
        return ret;
    }
    ret.v = CDZ_NEW_N(c->arena, struct cdz_task *, list->n);
    for (size_t i = 0; i < list->n; i++) {
        struct cdz_path here = cdz_path_item(path, i, list->items[i]);
        cdz_val sub = source.kind == CDZ_LIST && i < cdz_list_n(source) ? cdz_list_at(source, i)
                                                                        : CDZ_VAL_NULL;
        struct cdz_task *task =
            cdz_compile_task(c, list->items[i], sub, parent, branch, case_number, &here);
        if (!task || task->disabled)
            continue;
        task->index = (uint32_t)ret.n;
        ret.v[ret.n++] = task;
    }
    return ret;
}
