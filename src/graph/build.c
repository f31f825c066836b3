/*
 * build.c -- from a flow to its graph. Where an edge goes and what its relation is looks arbitrary at
 * places (the first child of a cluster has the cluster's relation, the others that of their list; the
 * tasks of a ForEach with a limit other than 1 are drawn side by side): it is what the original does
 * (GraphUtils), and its clients decide by it.
 *
 * Unlike the lists of the compiler, a graph has the disabled tasks too. So children are looked up in
 * tasks_all, sorted by where they stand.
 */
#include "base/limits.h"
#include "base/map.h"
#include "graph/graph.h"

struct build {
    const struct cdz_graph_options *options;
    struct cdz_arena *arena;
    size_t node_count;
    bool too_many;
};

/* One flow on the way: the one that is asked for, or one that is expanded. */
struct source {
    struct build *b;
    const struct cdz_flow *flow;
    const struct cdz_execution *execution; /* or NULL */
    const struct cdz_task **tasks;         /* by parent, branch, case, position */
    size_t task_count;
    const struct cdz_taskrun **runs; /* by task id, parent, position */
    size_t run_count;
};

/* A list of tasks, a part of source.tasks. */
struct children {
    const struct cdz_task *const *v;
    size_t n;
};

/* --- looking up -------------------------------------------------------------------------------- */

static int64_t number_of(const struct cdz_task *task)
{
    return task ? (int64_t)task->number : -1;
}

static int compare_place(int64_t parent, int branch, int64_t case_number, const struct cdz_task *t)
{
    int64_t other = number_of(t->parent);
    if (parent != other)
        return parent < other ? -1 : 1;
    if (branch != (int)t->branch)
        return branch < (int)t->branch ? -1 : 1;
    return (case_number > (int64_t)t->case_number) - (case_number < (int64_t)t->case_number);
}

static int by_place(const void *pa, const void *pb)
{
    const struct cdz_task *const *a = pa, *const *b = pb;
    int c = compare_place(number_of((*a)->parent), (int)(*a)->branch, (*a)->case_number, *b);
    return c ? c : ((*a)->number > (*b)->number) - ((*a)->number < (*b)->number);
}

static struct children children_of(const struct source *s, const struct cdz_task *parent,
                                   enum cdz_branch branch, size_t case_number)
{
    size_t low = 0, high = s->task_count, end;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare_place(number_of(parent), (int)branch, (int64_t)case_number, s->tasks[mid]) > 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (end = low; end < s->task_count && compare_place(number_of(parent), (int)branch,
                                                         (int64_t)case_number, s->tasks[end]) == 0;)
        end++;
    return (struct children){s->tasks + low, end - low};
}

static int by_task_and_parent(const void *pa, const void *pb)
{
    const struct cdz_taskrun *const *a = pa, *const *b = pb;
    int c = cdz_str_cmp((*a)->task_id, (*b)->task_id);
    if (c)
        return c;
    if ((*a)->parent != (*b)->parent)
        return (*a)->parent < (*b)->parent ? -1 : 1;
    return ((*a)->index > (*b)->index) - ((*a)->index < (*b)->index);
}

/* Runs of a task; parent NULL: all of them. NULL v: the task has not run at all. */
struct runs {
    const struct cdz_taskrun *const *v;
    size_t n;
};

static struct runs runs_of(const struct source *s, const struct cdz_task *task,
                           const struct cdz_taskrun *parent)
{
    static const struct cdz_taskrun *const none[] = {NULL};
    size_t low = 0, high = s->run_count, end;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (cdz_str_cmp(task->id, s->runs[mid]->task_id) > 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == s->run_count || !cdz_str_eq(s->runs[low]->task_id, task->id))
        return (struct runs){none, 1}; /* a node without run */
    for (end = low; end < s->run_count && cdz_str_eq(s->runs[end]->task_id, task->id);)
        end++;
    if (!parent)
        return (struct runs){s->runs + low, end - low};
    /* Those of one parent stand together. */
    for (high = end; low < high;) {
        size_t mid = low + (high - low) / 2;
        if (s->runs[mid]->parent < parent->index)
            low = mid + 1;
        else
            high = mid;
    }
    for (high = low; high < end && s->runs[high]->parent == parent->index;)
        high++;
    return (struct runs){s->runs + low, high - low};
}

static const struct cdz_taskrun *parent_of(const struct source *s, const struct cdz_taskrun *run)
{
    return run->parent < run->index ? s->execution->taskruns.v[run->parent] : NULL;
}

static void values_of(const struct source *s, const struct cdz_taskrun *run,
                      struct cdz_graph_node *ret)
{
    size_t n = 0;
    for (const struct cdz_taskrun *t = run; t; t = parent_of(s, t))
        n += t->value.p != NULL;
    cdz_str *v = CDZ_NEW_N(s->b->arena, cdz_str, n);
    ret->values = v;
    ret->value_count = n;
    for (const struct cdz_taskrun *t = run; t; t = parent_of(s, t)) {
        if (t->value.p)
            v[--n] = t->value;
    }
}

static struct source source_of(struct build *b, const struct cdz_flow *flow,
                               const struct cdz_execution *execution)
{
    struct source s = {.b = b, .flow = flow, .execution = execution};
    s.tasks = CDZ_NEW_N(b->arena, const struct cdz_task *, flow->task_count);
    for (size_t i = 0; i < flow->task_count; i++)
        s.tasks[s.task_count++] = flow->tasks_all[i];
    if (s.task_count)
        qsort(s.tasks, s.task_count, sizeof(*s.tasks), by_place);
    if (!execution)
        return s;
    s.runs = CDZ_NEW_N(b->arena, const struct cdz_taskrun *, execution->taskruns.n);
    for (size_t i = 0; i < execution->taskruns.n; i++) {
        if (!execution->taskruns.v[i]->gone)
            s.runs[s.run_count++] = execution->taskruns.v[i];
    }
    if (s.run_count)
        qsort(s.runs, s.run_count, sizeof(*s.runs), by_task_and_parent);
    return s;
}

/* --- nodes and edges --------------------------------------------------------------------------- */

static struct cdz_graph_node *add_node(struct build *b, struct cdz_graph *g,
                                       enum cdz_graph_kind kind, cdz_str uid)
{
    struct cdz_graph_node *node = CDZ_NEW(b->arena, struct cdz_graph_node);
    b->too_many |= ++b->node_count > CDZ_GRAPH_NODES_MAX;
    node->kind = kind;
    node->uid = uid;
    node->home = g;
    CDZ_PUSH(b->arena, &g->nodes, node);
    return node;
}

/* A root or end: unlike a task's, its name has a '~' and a number. */
static struct cdz_graph_node *add_mark(struct build *b, struct cdz_graph *g,
                                       enum cdz_graph_kind kind, const char *name)
{
    return add_node(
        b, g, kind,
        cdz_arena_printf(b->arena, "%.*s.~%s-%zu", CDZ_S(g->path), name, b->node_count));
}

static void add_edge(struct build *b, struct cdz_graph *g, struct cdz_graph_node *from,
                     struct cdz_graph_node *to, enum cdz_relation relation, cdz_str value)
{
    struct cdz_graph_node *both[] = {from, to};
    for (size_t i = 0; i < CDZ_COUNT(both); i++) {
        if (both[i]->home != g && !both[i]->lent) {
            both[i]->lent = true;
            CDZ_PUSH(b->arena, &g->nodes, both[i]);
        }
    }
    CDZ_PUSH(b->arena, &g->edges, (struct cdz_graph_edge){from, to, relation, value});
}

static void add_plain_edge(struct build *b, struct cdz_graph *g, struct cdz_graph_node *from,
                           struct cdz_graph_node *to)
{
    add_edge(b, g, from, to, CDZ_RELATION_NONE, (cdz_str){NULL, 0});
}

static struct cdz_graph_node *way_in(struct cdz_graph_node *node)
{
    return node->cluster ? node->cluster->root : node;
}

static struct cdz_graph_node *way_out(struct cdz_graph_node *node)
{
    return node->cluster ? node->cluster->end : node;
}

/* Empty but for root and end; in the graph above, or NULL: the flow itself. */
static struct cdz_graph *new_cluster(struct build *b, struct cdz_graph *above, cdz_str path,
                                     enum cdz_graph_kind kind, struct cdz_graph_node **ret)
{
    struct cdz_graph *g = CDZ_NEW(b->arena, struct cdz_graph);
    g->path = path;
    if (above) {
        *ret = add_node(b, above, kind, path);
        (*ret)->cluster = g;
    }
    g->root = add_mark(b, g, CDZ_GRAPH_ROOT, "root");
    g->end = g->exit = add_mark(b, g, CDZ_GRAPH_END, "end");
    return g;
}

/* As the original marks them: the cluster, but not what is below its children. */
static void mark_branch(struct cdz_graph_node *node, enum cdz_relation branch)
{
    node->branch = branch;
    if (node->cluster) {
        node->cluster->root->branch = branch;
        node->cluster->end->branch = branch;
        if (node->cluster->task_node)
            node->cluster->task_node->branch = branch;
    }
}

/* --- tasks ------------------------------------------------------------------------------------- */

static cdz_rc add_task(struct source *s, struct cdz_graph *g, const struct cdz_task *task,
                       const struct cdz_taskrun *run, enum cdz_relation relation,
                       struct cdz_graph_node **ret, struct cdz_err *err);
static cdz_rc add_flow(struct source *s, struct cdz_graph *g, struct cdz_err *err);

static enum cdz_relation branch_of(enum cdz_relation relation)
{
    return relation >= CDZ_RELATION_FINALLY || relation == CDZ_RELATION_ERROR ? relation
                                                                              : CDZ_RELATION_NONE;
}

/* What the edge to a task of a list is called. */
static enum cdz_relation edge_relation(const struct cdz_graph *g, enum cdz_relation of_list,
                                       bool is_first)
{
    if (of_list == CDZ_RELATION_ERROR)
        return of_list;
    if (!is_first && of_list != CDZ_RELATION_PARALLEL && g->relation != CDZ_RELATION_DYNAMIC)
        return of_list;
    return g->relation;
}

/* The tasks of a list: behind `from`, one behind the other or (PARALLEL) side by side, then to `to`. */
static cdz_rc add_list(struct source *s, struct cdz_graph *g, struct children tasks,
                       enum cdz_relation relation, const struct cdz_taskrun *parent, cdz_str value,
                       struct cdz_graph_node *from, struct cdz_graph_node *to, struct cdz_err *err)
{
    struct build *b = s->b;
    bool is_first = true, parallel = relation == CDZ_RELATION_PARALLEL;
    for (size_t i = 0; i < tasks.n; i++) {
        struct runs runs = runs_of(s, tasks.v[i], parent);
        for (size_t k = 0; k < runs.n; k++) {
            const struct cdz_taskrun *run = runs.v[k];
            struct cdz_graph_node *node;
            CDZ_TRY(add_task(s, g, tasks.v[i], run, relation, &node, err));
            if (branch_of(relation))
                mark_branch(node, branch_of(relation));
            add_edge(b, g, way_out(from), way_in(node), edge_relation(g, relation, is_first),
                     run ? run->value : value);
            if (!parallel)
                from = node;
            if (parallel || i + 1 == tasks.n)
                add_plain_edge(b, g, way_out(node), to);
            is_first = false;
        }
    }
    return CDZ_OK;
}

struct dag_node {
    CDZ_VEC(uint32_t) before;               /* the tasks it depends on, each once */
    CDZ_VEC(uint32_t) behind;               /* those that depend on it */
    CDZ_VEC(struct cdz_graph_node *) nodes; /* one, or one for each run */
    size_t waits;                           /* how many of `before` are not drawn yet */
    uint32_t seen; /* number + 1 of the last task that named it: `dependsOn` may name it twice */
};

static void resolve_dag(struct source *s, struct children tasks, struct dag_node *nodes)
{
    struct cdz_table by_id = CDZ_TABLE_INIT;
    for (size_t i = 0; i < tasks.n; i++)
        (void)cdz_table_put(&by_id, tasks.v[i]->id, &nodes[i]); /* ids are unique */
    for (size_t i = 0; i < tasks.n; i++) {
        cdz_val ids = tasks.v[i]->depends_on;
        for (size_t k = 0; ids.kind == CDZ_LIST && k < cdz_list_n(ids); k++) {
            cdz_val id = cdz_list_at(ids, k);
            struct dag_node *other =
                id.kind == CDZ_TEXT ? cdz_table_get(&by_id, cdz_val_str(id)) : NULL;
            if (!other || other->seen == i + 1)
                continue;
            other->seen = (uint32_t)i + 1;
            CDZ_PUSH(s->b->arena, &nodes[i].before, (uint32_t)(other - nodes));
            CDZ_PUSH(s->b->arena, &other->behind, (uint32_t)i);
            nodes[i].waits++;
        }
    }
    cdz_table_done(&by_id);
}

static cdz_rc add_dag_task(struct source *s, struct cdz_graph *g, const struct cdz_task *task,
                           struct dag_node *nodes, struct dag_node *self,
                           const struct cdz_taskrun *parent, struct cdz_err *err)
{
    struct build *b = s->b;
    struct runs runs = runs_of(s, task, parent);
    for (size_t k = 0; k < runs.n; k++) {
        const struct cdz_taskrun *run = runs.v[k];
        struct cdz_graph_node *node;
        cdz_str value = run ? run->value : (cdz_str){NULL, 0};
        CDZ_TRY(add_task(s, g, task, run, CDZ_RELATION_SEQUENTIAL, &node, err));
        CDZ_PUSH(b->arena, &self->nodes, node);
        if (!self->before.n)
            add_edge(b, g, g->task_node, way_in(node), CDZ_RELATION_PARALLEL, value);
        for (size_t i = 0; i < self->before.n; i++) {
            const struct dag_node *other = &nodes[self->before.v[i]];
            if (other->nodes.n)
                add_edge(b, g, way_out(other->nodes.v[0]), way_in(node), CDZ_RELATION_PARALLEL,
                         value);
        }
        if (!self->behind.n)
            add_plain_edge(b, g, way_out(node), g->exit);
    }
    return CDZ_OK;
}

/* Each task once all that it depends on is drawn. The compiler refuses cycles. */
static cdz_rc add_dag(struct source *s, struct cdz_graph *g, const struct cdz_task *dag,
                      const struct cdz_taskrun *run, struct cdz_err *err)
{
    struct children tasks = children_of(s, dag, CDZ_BRANCH_TASKS, 0);
    struct dag_node *nodes = CDZ_NEW_N(s->b->arena, struct dag_node, tasks.n);
    uint32_t *ready = CDZ_NEW_N(s->b->arena, uint32_t, tasks.n);
    size_t n = 0;
    resolve_dag(s, tasks, nodes);
    for (size_t i = 0; i < tasks.n; i++) {
        if (!nodes[i].waits)
            ready[n++] = (uint32_t)i;
    }
    for (size_t at = 0; at < n; at++) {
        struct dag_node *self = &nodes[ready[at]];
        CDZ_TRY(add_dag_task(s, g, tasks.v[ready[at]], nodes, self, run, err));
        for (size_t i = 0; i < self->behind.n; i++) {
            if (--nodes[self->behind.v[i]].waits == 0)
                ready[n++] = self->behind.v[i];
        }
    }
    return CDZ_OK;
}

static enum cdz_relation cluster_relation(const struct cdz_task *task)
{
    switch (task->type->flow_kind) {
    case CDZ_FLOW_PARALLEL:
        return CDZ_RELATION_PARALLEL;
    case CDZ_FLOW_SWITCH:
    case CDZ_FLOW_IF:
        return CDZ_RELATION_CHOICE;
    case CDZ_FLOW_DAG:
    case CDZ_FLOW_EACH_SEQUENTIAL:
    case CDZ_FLOW_EACH_PARALLEL:
    case CDZ_FLOW_FOR_EACH:
        return CDZ_RELATION_DYNAMIC;
    default:
        return CDZ_RELATION_SEQUENTIAL;
    }
}

static bool is_side_by_side(const struct cdz_task *task)
{
    cdz_val limit = cdz_map_getz(task->props, "concurrencyLimit");
    return task->type->flow_kind == CDZ_FLOW_PARALLEL ||
           task->type->flow_kind == CDZ_FLOW_EACH_PARALLEL ||
           (task->type->flow_kind == CDZ_FLOW_FOR_EACH && !(limit.kind == CDZ_INT && limit.i == 1));
}

/* Errors, and what comes after: the same in a flow (task NULL) and in a flowable. */
static cdz_rc add_endings(struct source *s, struct cdz_graph *g, const struct cdz_task *task,
                          const struct cdz_taskrun *run, struct cdz_err *err)
{
    cdz_str none = {NULL, 0};
    CDZ_TRY(add_list(s, g, children_of(s, task, CDZ_BRANCH_ERRORS, 0), CDZ_RELATION_ERROR, run,
                     none, g->root, g->exit, err));
    CDZ_TRY(add_list(s, g, children_of(s, task, CDZ_BRANCH_FINALLY, 0), CDZ_RELATION_FINALLY, run,
                     none, g->exit, g->after ? g->after : g->end, err));
    return add_list(s, g, children_of(s, task, CDZ_BRANCH_AFTER, 0), CDZ_RELATION_AFTER_EXECUTION,
                    run, none, g->after, g->end, err);
}

/* Before the tasks, since these lead there. */
static void add_meetings(struct source *s, struct cdz_graph *g, const struct cdz_task *task)
{
    if (children_of(s, task, CDZ_BRANCH_AFTER, 0).n)
        g->exit = g->after = add_mark(s->b, g, CDZ_GRAPH_AFTER, "after-execution");
    if (children_of(s, task, CDZ_BRANCH_FINALLY, 0).n)
        g->exit = add_mark(s->b, g, CDZ_GRAPH_FINALLY, "finally");
}

static cdz_rc add_choices(struct source *s, struct cdz_graph *g, const struct cdz_task *task,
                          const struct cdz_taskrun *run, struct cdz_err *err)
{
    enum cdz_relation one = CDZ_RELATION_SEQUENTIAL;
    if (task->type->flow_kind == CDZ_FLOW_IF) {
        CDZ_TRY(add_list(s, g, children_of(s, task, CDZ_BRANCH_TASKS, 0), one, run, CDZ_STR("then"),
                         g->task_node, g->exit, err));
        return add_list(s, g, children_of(s, task, CDZ_BRANCH_ELSE, 0), one, run, CDZ_STR("else"),
                        g->task_node, g->exit, err);
    }
    for (size_t i = 0; i < task->case_count; i++)
        CDZ_TRY(add_list(s, g, children_of(s, task, CDZ_BRANCH_CASE, i), one, run,
                         task->cases[i].name, g->task_node, g->exit, err));
    return add_list(s, g, children_of(s, task, CDZ_BRANCH_DEFAULTS, 0), one, run,
                    CDZ_STR("defaults"), g->task_node, g->exit, err);
}

static cdz_rc add_flowable(struct source *s, struct cdz_graph *g, const struct cdz_task *task,
                           const struct cdz_taskrun *run, struct cdz_err *err)
{
    add_meetings(s, g, task);
    size_t before = g->edges.n;
    if (g->relation == CDZ_RELATION_CHOICE)
        CDZ_TRY(add_choices(s, g, task, run, err));
    else if (task->type->flow_kind == CDZ_FLOW_DAG)
        CDZ_TRY(add_dag(s, g, task, run, err));
    else
        CDZ_TRY(add_list(s, g, children_of(s, task, CDZ_BRANCH_TASKS, 0),
                         is_side_by_side(task) ? CDZ_RELATION_PARALLEL : CDZ_RELATION_SEQUENTIAL,
                         run, (cdz_str){NULL, 0}, g->task_node, g->exit, err));
    if (g->edges.n == before) /* nothing to do: what follows is still behind it */
        add_plain_edge(s->b, g, g->task_node, g->exit);
    return add_endings(s, g, task, run, err);
}

static bool is_cluster(const struct source *s, const struct cdz_task *task)
{
    if (task->type->flow_kind == CDZ_FLOW_PAUSE)
        return children_of(s, task, CDZ_BRANCH_TASKS, 0).n > 0;
    return task->type->kind == CDZ_FLOWABLE || task->type->flow_kind == CDZ_FLOW_WORKING_DIRECTORY;
}

static bool is_call(const struct cdz_task *task)
{
    return task->type->kind == CDZ_EXECUTABLE &&
           (task->type->flow_kind == CDZ_FLOW_SUBFLOW || task->type->flow_kind == CDZ_FLOW_ITEMS);
}

static bool is_expanded(const struct build *b, cdz_str uid)
{
    for (size_t i = 0; i < b->options->expand_count; i++) {
        if (cdz_str_eq(b->options->expand[i], uid))
            return true;
    }
    return false;
}

/* The node of the task itself, in its cluster or as it is. */
static struct cdz_graph_node *add_own(struct source *s, struct cdz_graph *g,
                                      const struct cdz_task *task, const struct cdz_taskrun *run,
                                      cdz_str uid, enum cdz_relation relation)
{
    struct cdz_graph_node *node =
        add_node(s->b, g, is_call(task) ? CDZ_GRAPH_SUBFLOW_TASK : CDZ_GRAPH_TASK, uid);
    node->task = task;
    node->run = run;
    node->relation = relation;
    if (run)
        values_of(s, run, node);
    for (size_t i = 0; i < node->value_count; i++)
        node->uid =
            cdz_arena_printf(s->b->arena, "%.*s_%.*s", CDZ_S(node->uid), CDZ_S(node->values[i]));
    return node;
}

static cdz_rc expand(struct source *s, struct cdz_graph *above, struct cdz_graph_node *node,
                     struct cdz_graph_node **ret, struct cdz_err *err)
{
    struct build *b = s->b;
    const struct cdz_graph_options *o = b->options;
    CDZ_TRY(o->called(o->ctx, s->execution, node->task, node->run, &node->called, err));
    /* The node moves from the cluster above into its own. */
    above->nodes.n--;
    struct cdz_graph *g = new_cluster(b, above, node->uid, CDZ_GRAPH_SUBFLOW_CLUSTER, ret);
    g->relation = CDZ_RELATION_SEQUENTIAL;
    (*ret)->relation = g->relation;
    g->task_node = node;
    node->home = g;
    CDZ_PUSH(b->arena, &g->nodes, node);
    add_plain_edge(b, g, g->root, node);
    struct source inner = source_of(b, node->called, NULL);
    return add_flow(&inner, g, err);
}

static cdz_rc add_task(struct source *s, struct cdz_graph *g, const struct cdz_task *task,
                       const struct cdz_taskrun *run, enum cdz_relation relation,
                       struct cdz_graph_node **ret, struct cdz_err *err)
{
    struct build *b = s->b;
    cdz_str path = cdz_arena_printf(b->arena, "%.*s.%.*s", CDZ_S(g->path), CDZ_S(task->id));
    if (b->too_many)
        return cdz_fail(err, CDZ_E_LIMIT, "the graph has more than %u nodes", CDZ_GRAPH_NODES_MAX);
    if (!is_cluster(s, task)) {
        struct cdz_graph_node *node = add_own(s, g, task, run, path, relation);
        *ret = node;
        return is_call(task) && is_expanded(b, node->uid) ? expand(s, g, node, ret, err) : CDZ_OK;
    }
    struct cdz_graph *own = new_cluster(b, g, path, CDZ_GRAPH_CLUSTER, ret);
    own->relation = cluster_relation(task);
    (*ret)->relation = own->relation;
    own->task_node = add_own(s, own, task, run, path, own->relation);
    add_plain_edge(b, own, own->root, own->task_node);
    return add_flowable(s, own, task, run, err);
}

/* --- flows ------------------------------------------------------------------------------------- */

static void add_triggers(struct source *s, struct cdz_graph *above)
{
    struct build *b = s->b;
    struct cdz_graph_node *cluster, *node;
    cdz_str path = cdz_arena_printf(b->arena, "%.*s.Triggers", CDZ_S(above->path));
    if (!s->flow->trigger_count)
        return;
    struct cdz_graph *g = new_cluster(b, above, path, CDZ_GRAPH_CLUSTER, &cluster);
    for (size_t i = 0; i < s->flow->trigger_count; i++) {
        const struct cdz_trigger *t = &s->flow->triggers[i];
        node = add_node(b, g, CDZ_GRAPH_TRIGGER,
                        cdz_arena_printf(b->arena, "%.*s.%.*s", CDZ_S(path), CDZ_S(t->id)));
        node->trigger = t;
        add_plain_edge(b, g, g->root, node);
        add_plain_edge(b, g, node, g->end);
    }
    add_plain_edge(b, above, g->end, above->root);
}

static cdz_rc add_flow(struct source *s, struct cdz_graph *g, struct cdz_err *err)
{
    add_triggers(s, g);
    add_meetings(s, g, NULL);
    CDZ_TRY(add_list(s, g, children_of(s, NULL, CDZ_BRANCH_TASKS, 0), CDZ_RELATION_SEQUENTIAL, NULL,
                     (cdz_str){NULL, 0}, g->task_node ? g->task_node : g->root, g->exit, err));
    return add_endings(s, g, NULL, NULL, err);
}

cdz_rc cdz_graph_build(const struct cdz_flow *flow, const struct cdz_graph_options *options,
                       struct cdz_arena *arena, struct cdz_graph **ret, struct cdz_err *err)
{
    struct build b = {.options = options, .arena = arena};
    struct source s = source_of(&b, flow, options->execution);
    struct cdz_graph *g = new_cluster(&b, NULL, CDZ_STR("root"), CDZ_GRAPH_CLUSTER, NULL);
    CDZ_TRY(add_flow(&s, g, err));
    *ret = g;
    return CDZ_OK;
}
