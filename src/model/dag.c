/*
 * dag.c -- the `tasks` of a Dag: [{task, dependsOn}], and the checks of its dependencies.
 *
 * Cycles are found by strongly connected components (Tarjan's algorithm with an explicit stack: the
 * length of a chain of dependencies comes from outside). Every task of a component of more than one
 * task, or that depends on itself, is on a cycle.
 */
#include "model/compile.h"

static const struct cdz_prop depends_props[] = {
    {"dependsOn", CDZ_PROP_STRINGS, 0, .doc = "Ids of the tasks that must have ended before."},
    {0},
};
/* Taken apart by cdz_compile_task. */
static const struct cdz_prop task_props[] = {
    {"task", CDZ_PROP_ANY, CDZ_PROP_REQUIRED, .doc = "The task."},
    {0},
};

struct dag_node {
    struct cdz_task *task;
    struct cdz_mark mark;
    cdz_val depends; /* list of texts, or null */
    uint32_t *next;  /* the nodes it depends on */
    size_t next_count;
    /* Tarjan */
    uint32_t order, low; /* order 0: not visited */
    uint32_t at;         /* next edge to look at */
    bool on_stack, on_cycle;
};

struct dag {
    struct dag_node *v;
    size_t n;
};

static void pop_component(struct dag *dag, uint32_t *stack, size_t *stack_n, uint32_t root)
{
    size_t size = 0;
    uint32_t top;
    do {
        top = stack[--*stack_n];
        dag->v[top].on_stack = false;
        size++;
        dag->v[top].on_cycle = dag->v[top].on_cycle || size > 1 || top != root;
    } while (top != root);
}

static void visit(struct dag *dag, uint32_t start, uint32_t *order, uint32_t *calls,
                  uint32_t *stack, size_t *stack_n)
{
    size_t call_n = 0;
    calls[call_n++] = start;
    while (call_n) {
        uint32_t at = calls[call_n - 1];
        struct dag_node *node = &dag->v[at];
        if (!node->order) {
            node->order = node->low = ++*order;
            stack[(*stack_n)++] = at;
            node->on_stack = true;
        }
        if (node->at < node->next_count) {
            struct dag_node *to = &dag->v[node->next[node->at]];
            if (to == node)
                node->on_cycle = true;
            if (!to->order) {
                calls[call_n++] =
                    node->next[node->at]; /* comes back to this edge with `to` visited */
                continue;
            }
            if (to->on_stack && to->low < node->low)
                node->low = to->low;
            node->at++;
            continue;
        }
        if (node->low == node->order)
            pop_component(dag, stack, stack_n, at);
        call_n--;
    }
}

static void find_cycles(struct cdz_compiler *c, struct dag *dag)
{
    uint32_t *calls = CDZ_NEW_N(c->work, uint32_t, dag->n),
             *stack = CDZ_NEW_N(c->work, uint32_t, dag->n);
    size_t stack_n = 0;
    uint32_t order = 0;
    for (uint32_t i = 0; i < dag->n; i++)
        if (!dag->v[i].order)
            visit(dag, i, &order, calls, stack, &stack_n);
}

static void add_name(struct cdz_buf *names, cdz_str name)
{
    cdz_buf_printf(names, "%s%.*s", names->n ? ", " : "", CDZ_S(name));
}

/* Names to nodes. Unknown ones are reported together, as the original does. */
static void resolve(struct cdz_compiler *c, struct dag *dag, const struct cdz_path *path)
{
    struct cdz_buf CDZ_AUTO_BUF unknown = CDZ_BUF_INIT;
    struct cdz_mark mark = {0};
    cdz_val by_id = cdz_val_map(c->work, dag->n);
    for (size_t i = 0; i < dag->n; i++)
        if (dag->v[i].task && dag->v[i].task->id.n)
            cdz_map_put(c->work, by_id, dag->v[i].task->id, cdz_val_int((int64_t)i));
    for (size_t i = 0; i < dag->n; i++) {
        struct dag_node *node = &dag->v[i];
        if (node->depends.kind != CDZ_LIST)
            continue;
        node->next = CDZ_NEW_N(c->work, uint32_t, cdz_list_n(node->depends));
        CDZ_LIST_EACH (name, node->depends) {
            cdz_val *to = cdz_map_find(by_id, cdz_val_str(*name));
            if (to) {
                node->next[node->next_count++] = (uint32_t)to->i;
                continue;
            }
            if (!unknown.n)
                mark = node->mark;
            add_name(&unknown, cdz_val_str(*name));
        }
    }
    if (unknown.n)
        cdz_compile_error(c, mark, path, NULL, "Not existing task id in dependency: %s", unknown.p);
}

static void report_cycles(struct cdz_compiler *c, struct dag *dag, const struct cdz_path *path)
{
    struct cdz_buf CDZ_AUTO_BUF names = CDZ_BUF_INIT;
    struct cdz_mark mark = {0};
    find_cycles(c, dag);
    for (size_t i = 0; i < dag->n; i++) {
        if (!dag->v[i].on_cycle || !dag->v[i].task)
            continue;
        if (!names.n)
            mark = dag->v[i].mark;
        add_name(&names, dag->v[i].task->id);
    }
    if (names.n)
        cdz_compile_error(c, mark, path, NULL, "Cyclic dependency detected: %s", names.p);
}

/*
 * Keeps what is not disabled. A dependency on a disabled task is dropped: that task never runs, and
 * waiting for it would never end.
 */
static void keep(struct cdz_compiler *c, const struct dag *dag, struct cdz_task *parent)
{
    parent->tasks.v = CDZ_NEW_N(c->arena, struct cdz_task *, dag->n);
    parent->deps = CDZ_NEW_N(c->arena, struct cdz_dag_deps, dag->n);
    for (size_t i = 0; i < dag->n; i++) {
        struct cdz_task *task = dag->v[i].task;
        if (task)
            task->depends_on = dag->v[i].depends;
        if (!task || task->disabled)
            continue;
        task->index = (uint32_t)parent->tasks.n;
        parent->tasks.v[parent->tasks.n++] = task;
    }
    for (size_t i = 0; i < dag->n; i++) {
        const struct dag_node *node = &dag->v[i];
        if (!node->task || node->task->disabled)
            continue;
        struct cdz_dag_deps *deps = &parent->deps[node->task->index];
        deps->v = CDZ_NEW_N(c->arena, uint32_t, node->next_count);
        for (size_t j = 0; j < node->next_count; j++) {
            const struct cdz_task *to = dag->v[node->next[j]].task;
            if (to && !to->disabled)
                deps->v[deps->n++] = to->index;
        }
    }
}

void cdz_compile_dag(struct cdz_compiler *c, const struct cdz_yaml_node *list, cdz_val source,
                     struct cdz_task *task, const struct cdz_path *path)
{
    if (list->kind != CDZ_YAML_LIST)
        return; /* reported with the property */
    if (!list->n) {
        cdz_compile_error(c, list->mark, path, NULL, "No task defined");
        return;
    }
    struct dag dag = {CDZ_NEW_N(c->work, struct dag_node, list->n), list->n};
    for (size_t i = 0; i < list->n; i++) {
        const struct cdz_yaml_node *item = list->items[i];
        const struct cdz_yaml_node *child = cdz_yaml_get(item, "task");
        struct cdz_path here = cdz_path_item(path, i, child),
                        below = cdz_path_key(&here, CDZ_STR("task"));
        cdz_val sub = source.kind == CDZ_LIST && i < cdz_list_n(source) ? cdz_list_at(source, i)
                                                                        : CDZ_VAL_NULL;
        dag.v[i].mark = item->mark;
        if (item->kind != CDZ_YAML_MAP) {
            cdz_compile_error(c, item->mark, &here, NULL,
                              "must be a map with `task` and `dependsOn`");
            continue;
        }
        cdz_val props = cdz_compile_props(c, item, depends_props, task_props, &here);
        dag.v[i].depends = cdz_map_getz(props, "dependsOn");
        if (cdz_node_is_null(child))
            cdz_compile_error(c, child ? child->mark : item->mark, &below, NULL,
                              "must not be null");
        else
            dag.v[i].task = cdz_compile_task(c, child, cdz_map_getz(sub, "task"), task,
                                             CDZ_BRANCH_TASKS, 0, &below);
    }
    resolve(c, &dag, path);
    report_cycles(c, &dag, path);
    keep(c, &dag, task);
}
