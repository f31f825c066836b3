/*
 * graph.h -- the tasks of a flow as nodes and edges, for the topology view of the API's clients and
 * for `cadenza flow dot`. reference/api.md §11.7.
 *
 * The shape is the one of the original, for its clients draw it. Each flowable task is a cluster: a
 * root, an end, a node of its own behind the root, and its children between that and the end. An edge
 * to a cluster leads to its root, an edge from it starts at its end. The flow is a cluster too, named
 * `root`; its triggers are the cluster `root.Triggers`, whose end leads to the root of the flow.
 *
 *   root of the flow ─► root of seq ─► seq ─► first ─► second ─► end of seq ─► ... ─► end of the flow
 *                                └─────────────► first error ─────────┘
 *
 * Names: a node is "root.seq.first", its path; with an execution there is one for each task run,
 * followed by the values of the each tasks above it ("root.each.say_v1"). Roots and ends have names
 * that no task can have. Clusters are "cluster_" and the path.
 *
 * Pure. Everything is in the caller's arena; flows, execution and task runs are borrowed.
 */
#ifndef CDZ_GRAPH_GRAPH_H
#define CDZ_GRAPH_GRAPH_H

#include "model/execution.h"
#include "model/flow.h"

enum cdz_relation {
    CDZ_RELATION_NONE,
    CDZ_RELATION_SEQUENTIAL,
    CDZ_RELATION_CHOICE,
    CDZ_RELATION_ERROR,
    CDZ_RELATION_PARALLEL,
    CDZ_RELATION_DYNAMIC,
    CDZ_RELATION_FINALLY, /* since 0.21, as the next one */
    CDZ_RELATION_AFTER_EXECUTION,
};

enum cdz_graph_kind {
    CDZ_GRAPH_ROOT,
    CDZ_GRAPH_END,
    CDZ_GRAPH_FINALLY, /* where the tasks of a cluster meet before those of `finally` */
    CDZ_GRAPH_AFTER,   /* the same before those of `afterExecution` */
    CDZ_GRAPH_TASK,
    CDZ_GRAPH_SUBFLOW_TASK, /* may be expanded to the flow it calls */
    CDZ_GRAPH_TRIGGER,
    CDZ_GRAPH_CLUSTER,
    CDZ_GRAPH_SUBFLOW_CLUSTER,
};

struct cdz_graph_node {
    enum cdz_graph_kind kind;
    cdz_str uid;                /* of a cluster: its path, without "cluster_" */
    enum cdz_relation relation; /* of tasks and clusters; NONE: not shown */
    enum cdz_relation branch; /* ERROR, FINALLY, AFTER_EXECUTION: stands in such a list; or NONE */
    const struct cdz_task *task;
    const struct cdz_taskrun *run; /* NULL: without execution, or it has not begun */
    const cdz_str *values;         /* of the each tasks above the run, outermost first */
    size_t value_count;
    const struct cdz_flow *called; /* expanded: the flow it calls; else NULL */
    const struct cdz_trigger *trigger;
    struct cdz_graph *cluster; /* of clusters */
    struct cdz_graph *home;    /* the cluster it is part of */
    bool lent; /* shown in the list of the cluster above too: an edge of that ends here */
};

struct cdz_graph_edge {
    const struct cdz_graph_node *from, *to;
    enum cdz_relation relation;
    cdz_str value; /* of a choice or a task run; p NULL: none */
};

/* One cluster. */
struct cdz_graph {
    cdz_str path; /* "root", "root.seq" */
    enum cdz_relation relation;
    struct cdz_graph_node *root, *end;
    struct cdz_graph_node *exit;  /* where its tasks lead to: the end, or what stands before it */
    struct cdz_graph_node *after; /* the node of kind AFTER, or NULL */
    struct cdz_graph_node *task_node;       /* NULL: the flow, its triggers */
    CDZ_VEC(struct cdz_graph_node *) nodes; /* clusters too, and what is lent by these */
    CDZ_VEC(struct cdz_graph_edge) edges;
};

struct cdz_graph_options {
    const struct cdz_execution *execution; /* of this flow; NULL: without task runs */
    const cdz_str *expand;                 /* names of subflow tasks that are shown as clusters */
    size_t expand_count;
    /*
     * The flow that a task calls; it lives as long as the graph. run and execution are NULL when
     * there is no execution, also for tasks of expanded flows. Its errors are the graph's.
     */
    cdz_rc (*called)(void *ctx, const struct cdz_execution *execution, const struct cdz_task *task,
                     const struct cdz_taskrun *run, const struct cdz_flow **ret,
                     struct cdz_err *err);
    void *ctx;
};

/* CDZ_E_LIMIT: more than CDZ_GRAPH_NODES_MAX nodes. */
CDZ_MUST_USE cdz_rc cdz_graph_build(const struct cdz_flow *flow,
                                    const struct cdz_graph_options *options,
                                    struct cdz_arena *arena, struct cdz_graph **ret,
                                    struct cdz_err *err);

/*
 * {"nodes", "edges", "clusters"}, appended. execution: of the options, or NULL; with one, tasks and
 * triggers are shown by id and type only, since who may look at executions need not know flows. now:
 * for the duration of what still runs.
 */
void cdz_graph_json(const struct cdz_graph *graph, const struct cdz_execution *execution,
                    cdz_us now, struct cdz_buf *to);
/* The same as a text for Graphviz. */
void cdz_graph_dot(const struct cdz_graph *graph, struct cdz_buf *to);

#endif
