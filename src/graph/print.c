/* print.c -- a graph as the API's JSON, and as a text for Graphviz. */
#include "graph/graph.h"
#include "model/inputs.h"

struct printer {
    struct cdz_jw w;
    const struct cdz_execution *execution; /* or NULL */
    cdz_us now;
};

static const char *relation_name(enum cdz_relation relation)
{
    static const char *const names[] = {
        [CDZ_RELATION_NONE] = NULL,           [CDZ_RELATION_SEQUENTIAL] = "SEQUENTIAL",
        [CDZ_RELATION_CHOICE] = "CHOICE",     [CDZ_RELATION_ERROR] = "ERROR",
        [CDZ_RELATION_PARALLEL] = "PARALLEL", [CDZ_RELATION_DYNAMIC] = "DYNAMIC",
        [CDZ_RELATION_FINALLY] = "FINALLY",   [CDZ_RELATION_AFTER_EXECUTION] = "AFTER_EXECUTION",
    };
    return names[relation];
}

static const char *class_of(enum cdz_graph_kind kind)
{
    static const char *const names[] = {
        [CDZ_GRAPH_ROOT] = "GraphClusterRoot",
        [CDZ_GRAPH_END] = "GraphClusterEnd",
        [CDZ_GRAPH_FINALLY] = "GraphClusterFinally",
        [CDZ_GRAPH_AFTER] = "GraphClusterAfterExecution",
        [CDZ_GRAPH_TASK] = "GraphTask",
        [CDZ_GRAPH_SUBFLOW_TASK] = "SubflowGraphTask",
        [CDZ_GRAPH_TRIGGER] = "GraphTrigger",
        [CDZ_GRAPH_CLUSTER] = "GraphCluster",
        [CDZ_GRAPH_SUBFLOW_CLUSTER] = "SubflowGraphCluster",
    };
    return names[kind];
}

/* The clusters above it show what a cluster lends as theirs too; it is printed once. */
static bool is_lent(const struct cdz_graph *g, const struct cdz_graph_node *node)
{
    return node->home != g;
}

static void put_uid(struct cdz_buf *to, const struct cdz_graph_node *node)
{
    if (node->cluster)
        cdz_buf_z(to, "cluster_");
    cdz_buf_str(to, node->uid);
}

static void put_uid_json(struct cdz_jw *w, const char *key, const struct cdz_graph_node *node)
{
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    put_uid(&text, node);
    cdz_jw_str(w, key, cdz_buf_get(&text));
}

/* --- JSON -------------------------------------------------------------------------------------- */

static void put_call(struct cdz_jw *w, const struct cdz_graph_node *node)
{
    const struct cdz_flow *called = node->called;
    cdz_val props = node->task->source;
    if (node->task->type->flow_kind == CDZ_FLOW_ITEMS && node->task->parent)
        props = node->task->parent->source;
    cdz_jw_open(w, "subflowId", '{');
    if (called) {
        cdz_jw_str(w, "namespace", called->namespace_);
        cdz_jw_str(w, "flowId", called->id);
    } else {
        cdz_jw_val(w, "namespace", cdz_map_getz(props, "namespace"), 0);
        cdz_jw_val(w, "flowId", cdz_map_getz(props, "flowId"), 0);
    }
    cdz_val revision = cdz_map_getz(props, "revision");
    if (revision.kind != CDZ_NULL)
        cdz_jw_val(w, "revision", revision, 0);
    cdz_jw_close(w, '}');
}

static void put_brief(struct cdz_jw *w, const char *key, const struct cdz_task *task);

static void put_brief_list(struct cdz_jw *w, const struct cdz_task_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        put_brief(w, NULL, list->v[i]);
}

/* What everybody may know of a task who may look at its execution. */
static void put_brief_parts(struct cdz_jw *w, const struct cdz_task *task)
{
    cdz_jw_str(w, "id", task->id);
    cdz_jw_str(w, "type", task->type_name);
    if (task->type->kind == CDZ_FLOWABLE || task->tasks.n) {
        cdz_jw_open(w, "tasks", '[');
        put_brief_list(w, &task->tasks);
        put_brief_list(w, &task->else_);
        for (size_t i = 0; i < task->case_count; i++)
            put_brief_list(w, &task->cases[i].tasks);
        put_brief_list(w, &task->defaults);
        put_brief_list(w, &task->errors);
        put_brief_list(w, &task->finals);
        cdz_jw_close(w, ']');
    }
    if (task->input_count) {
        cdz_jw_open(w, "inputs", '[');
        for (size_t i = 0; i < task->input_count; i++)
            cdz_input_json(&task->inputs[i], w, NULL);
        cdz_jw_close(w, ']');
    }
}

static void put_brief(struct cdz_jw *w, const char *key, const struct cdz_task *task)
{
    cdz_jw_open(w, key, '{');
    put_brief_parts(w, task);
    cdz_jw_close(w, '}');
}

static void put_task(struct printer *p, const struct cdz_graph_node *node)
{
    struct cdz_jw *w = &p->w;
    if (p->execution || node->called) {
        cdz_jw_open(w, "task", '{');
        put_brief_parts(w, node->task);
        if (node->kind == CDZ_GRAPH_SUBFLOW_TASK)
            put_call(w, node);
        if (!p->execution)
            cdz_jw_val(w, "subflowTask", node->task->source, CDZ_JSON_DROP_NULLS);
        cdz_jw_close(w, '}');
    } else {
        cdz_jw_val(w, "task", node->task->source, CDZ_JSON_DROP_NULLS);
    }
    if (node->run)
        cdz_taskrun_json(p->execution, node->run, p->now, w, "taskRun");
    if (node->value_count) {
        cdz_jw_open(w, "values", '[');
        for (size_t i = 0; i < node->value_count; i++)
            cdz_jw_str(w, NULL, node->values[i]);
        cdz_jw_close(w, ']');
    }
}

static void put_trigger(struct printer *p, const struct cdz_trigger *trigger)
{
    if (!p->execution) {
        cdz_jw_val(&p->w, "triggerDeclaration", trigger->source, CDZ_JSON_DROP_NULLS);
        return;
    }
    cdz_jw_open(&p->w, "triggerDeclaration", '{');
    cdz_jw_str(&p->w, "id", trigger->id);
    cdz_jw_str(&p->w, "type", trigger->type_name);
    cdz_jw_close(&p->w, '}');
}

static void put_node(struct printer *p, const char *key, const struct cdz_graph_node *node)
{
    struct cdz_jw *w = &p->w;
    char type[80];
    snprintf(type, sizeof(type), "io.kestra.core.models.hierarchies.%s", class_of(node->kind));
    cdz_jw_open(w, key, '{');
    put_uid_json(w, "uid", node);
    cdz_jw_z(w, "type", type);
    cdz_jw_bool(w, "error", node->branch == CDZ_RELATION_ERROR);
    if (node->branch)
        cdz_jw_z(w, "branchType", relation_name(node->branch)); /* since 0.21 */
    if (node->task)
        put_task(p, node);
    if (node->trigger)
        put_trigger(p, node->trigger);
    if (node->relation)
        cdz_jw_z(w, "relationType", relation_name(node->relation));
    if (node->cluster && node->cluster->task_node)
        put_node(p, "taskNode", node->cluster->task_node);
    cdz_jw_close(w, '}');
}

static void put_nodes(struct printer *p, const struct cdz_graph *g)
{
    for (size_t i = 0; i < g->nodes.n; i++) {
        const struct cdz_graph_node *node = g->nodes.v[i];
        if (is_lent(g, node))
            continue;
        if (node->cluster)
            put_nodes(p, node->cluster);
        else
            put_node(p, NULL, node);
    }
}

static void put_edges(struct printer *p, const struct cdz_graph *g)
{
    struct cdz_jw *w = &p->w;
    for (size_t i = 0; i < g->edges.n; i++) {
        const struct cdz_graph_edge *e = &g->edges.v[i];
        cdz_jw_open(w, NULL, '{');
        put_uid_json(w, "source", e->from);
        put_uid_json(w, "target", e->to);
        cdz_jw_open(w, "relation", '{');
        if (e->relation)
            cdz_jw_z(w, "relationType", relation_name(e->relation));
        if (e->value.p)
            cdz_jw_str(w, "value", e->value);
        cdz_jw_close(w, '}');
        cdz_jw_close(w, '}');
    }
    for (size_t i = 0; i < g->nodes.n; i++) {
        if (g->nodes.v[i]->cluster)
            put_edges(p, g->nodes.v[i]->cluster);
    }
}

/* The clusters that one stands in, innermost first. */
struct above {
    const struct cdz_graph_node *node;
    const struct above *up;
};

static void put_parents(struct cdz_jw *w, const struct above *above)
{
    if (!above)
        return;
    put_parents(w, above->up);
    put_uid_json(w, NULL, above->node);
}

static void put_clusters(struct printer *p, const struct cdz_graph *g, const struct above *above)
{
    struct cdz_jw *w = &p->w;
    for (size_t i = 0; i < g->nodes.n; i++) {
        const struct cdz_graph_node *node = g->nodes.v[i];
        if (!node->cluster)
            continue;
        cdz_jw_open(w, NULL, '{');
        put_node(p, "cluster", node);
        cdz_jw_open(w, "nodes", '[');
        for (size_t k = 0; k < node->cluster->nodes.n; k++)
            put_uid_json(w, NULL, node->cluster->nodes.v[k]);
        cdz_jw_close(w, ']');
        cdz_jw_open(w, "parents", '[');
        put_parents(w, above);
        cdz_jw_close(w, ']');
        put_uid_json(w, "start", node->cluster->root);
        put_uid_json(w, "end", node->cluster->end);
        cdz_jw_close(w, '}');
        put_clusters(p, node->cluster, &(struct above){node, above});
    }
}

void cdz_graph_json(const struct cdz_graph *graph, const struct cdz_execution *execution,
                    cdz_us now, struct cdz_buf *to)
{
    struct printer p = {.w = {.to = to}, .execution = execution, .now = now};
    cdz_jw_open(&p.w, NULL, '{');
    cdz_jw_open(&p.w, "nodes", '[');
    put_nodes(&p, graph);
    cdz_jw_close(&p.w, ']');
    cdz_jw_open(&p.w, "edges", '[');
    put_edges(&p, graph);
    cdz_jw_close(&p.w, ']');
    cdz_jw_open(&p.w, "clusters", '[');
    put_clusters(&p, graph, NULL);
    cdz_jw_close(&p.w, ']');
    cdz_jw_close(&p.w, '}');
}

/* --- Graphviz ---------------------------------------------------------------------------------- */

static void put_quoted(struct cdz_buf *to, cdz_str text)
{
    cdz_buf_c(to, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            cdz_buf_c(to, '\\');
        cdz_buf_c(to, text.p[i]);
    }
    cdz_buf_c(to, '"');
}

static void put_indent(struct cdz_buf *to, unsigned level)
{
    for (unsigned i = 0; i < level; i++)
        cdz_buf_z(to, "  ");
}

static void put_name(struct cdz_buf *to, const struct cdz_graph_node *node)
{
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    put_uid(&text, node);
    put_quoted(to, cdz_buf_get(&text));
}

static void put_point(struct cdz_buf *to, const struct cdz_graph_node *node)
{
    put_name(to, node);
    if (node->task || node->trigger) {
        cdz_buf_z(to, " [shape=box,label=");
        put_quoted(to, node->task ? node->task->id : node->trigger->id);
        cdz_buf_z(to, "];\n");
    } else {
        cdz_buf_z(to, " [shape=point];\n");
    }
}

static void put_level(struct cdz_buf *to, const struct cdz_graph *g, unsigned level)
{
    for (size_t i = 0; i < g->nodes.n; i++) {
        const struct cdz_graph_node *node = g->nodes.v[i];
        if (is_lent(g, node))
            continue;
        put_indent(to, level);
        if (!node->cluster) {
            put_point(to, node);
            continue;
        }
        cdz_buf_z(to, "subgraph ");
        put_name(to, node);
        cdz_buf_z(to, " {\n");
        put_indent(to, level + 1);
        cdz_buf_z(to, "label=");
        put_quoted(to, node->uid);
        cdz_buf_z(to, ";\n");
        put_level(to, node->cluster, level + 1);
        put_indent(to, level);
        cdz_buf_z(to, "}\n");
    }
    for (size_t i = 0; i < g->edges.n; i++) {
        const struct cdz_graph_edge *e = &g->edges.v[i];
        put_indent(to, level);
        put_name(to, e->from);
        cdz_buf_z(to, " -> ");
        put_name(to, e->to);
        if (e->value.p) {
            cdz_buf_z(to, " [label=");
            put_quoted(to, e->value);
            cdz_buf_c(to, ']');
        }
        cdz_buf_z(to, ";\n");
    }
}

void cdz_graph_dot(const struct cdz_graph *graph, struct cdz_buf *to)
{
    cdz_buf_z(to, "digraph G {\n");
    put_level(to, graph, 1);
    cdz_buf_z(to, "}\n");
}
