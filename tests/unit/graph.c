/* graph.c -- flows and executions as graphs. */
#include "test.h"

#include "base/limits.h"
#include "graph/graph.h"
#include "plugin/registry.h"

#define TASK(id) "{id: " id ", type: io.kestra.plugin.core.debug.Return, format: x}"
#define CORE     "io.kestra.plugin.core."

struct drawn {
    struct cdz_arena *arena;
    struct cdz_flow *flow, *called;
    struct cdz_graph *graph;
    cdz_rc rc;
    struct cdz_err err;
};

static struct cdz_flow *parse(struct cdz_arena *arena, const char *text)
{
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow_options o = {.registry = cdz_registry_builtin()};
    struct cdz_flow *flow = NULL;
    struct cdz_err err;
    cdz_rc rc = cdz_flow_parse(cdz_str_z(text), &o, &problems, &flow, &err);
    CHECK(rc == CDZ_OK, "%s", err.text);
    return flow;
}

static cdz_rc on_called(void *ctx, const struct cdz_execution *execution,
                        const struct cdz_task *task, const struct cdz_taskrun *run,
                        const struct cdz_flow **ret, struct cdz_err *err)
{
    struct drawn *d = ctx;
    (void)execution;
    (void)run;
    if (!d->called)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "no flow for %.*s", CDZ_S(task->id));
    *ret = d->called;
    return CDZ_OK;
}

static void draw(struct drawn *d, const char *text, const struct cdz_execution *e,
                 const char *expand)
{
    cdz_str name = cdz_str_z(expand);
    struct cdz_graph_options o = {.execution = e,
                                  .expand = &name,
                                  .expand_count = expand ? 1 : 0,
                                  .called = on_called,
                                  .ctx = d};
    d->arena = cdz_arena_open(0);
    d->flow = parse(d->arena, text);
    d->rc = cdz_graph_build(d->flow, &o, d->arena, &d->graph, &d->err);
}

static void done(struct drawn *d)
{
    cdz_flow_unref(d->flow);
    cdz_flow_unref(d->called);
    cdz_arena_close(d->arena);
}

static cdz_val json_of(struct drawn *d, const struct cdz_execution *e)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_val v = CDZ_VAL_NULL;
    struct cdz_err err;
    cdz_graph_json(d->graph, e, 0, &b);
    CHECK(cdz_json_parse(cdz_buf_copy(&b, d->arena), d->arena, &v, &err) == CDZ_OK, "%s", err.text);
    cdz_buf_done(&b);
    return v;
}

static cdz_str text_at(cdz_val v, const char *path)
{
    cdz_val found = cdz_val_path(v, path);
    return found.kind == CDZ_TEXT ? cdz_val_str(found) : CDZ_STR("");
}

/* "root.a.~root-4" as "root.a.~root": the numbers tell nothing. */
static cdz_str short_name(cdz_str uid)
{
    size_t mark = cdz_str_chr(uid, '~', 0);
    if (mark == SIZE_MAX)
        return uid;
    for (size_t at = uid.n; at > mark; at--) {
        if (uid.p[at - 1] == '-')
            return cdz_str_sub(uid, 0, at - 1);
    }
    return uid;
}

/* All edges as lines "from>to RELATION=value". */
static const char *edges_of(struct drawn *d, cdz_val json)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    CDZ_LIST_EACH (e, cdz_map_getz(json, "edges")) {
        cdz_str relation = text_at(*e, "relation.relationType"),
                value = text_at(*e, "relation.value");
        cdz_buf_printf(&b, "%.*s>%.*s", CDZ_S(short_name(text_at(*e, "source"))),
                       CDZ_S(short_name(text_at(*e, "target"))));
        if (relation.n)
            cdz_buf_printf(&b, " %.*s", CDZ_S(relation));
        if (value.n)
            cdz_buf_printf(&b, "=%.*s", CDZ_S(value));
        cdz_buf_c(&b, '\n');
    }
    const char *text = cdz_buf_copy(&b, d->arena).p;
    cdz_buf_done(&b);
    return text;
}

static void expect_edges(struct drawn *d, const struct cdz_execution *e, const char *want)
{
    const char *got = edges_of(d, json_of(d, e));
    CHECK(strcmp(got, want) == 0, "edges:\n%s\ninstead of:\n%s", got, want);
}

static cdz_val node(cdz_val json, const char *uid)
{
    CDZ_LIST_EACH (n, cdz_map_getz(json, "nodes")) {
        if (cdz_str_is(text_at(*n, "uid"), uid))
            return *n;
    }
    return CDZ_VAL_NULL;
}

static cdz_val cluster(cdz_val json, const char *uid)
{
    CDZ_LIST_EACH (c, cdz_map_getz(json, "clusters")) {
        if (cdz_str_is(text_at(*c, "cluster.uid"), uid))
            return *c;
    }
    return CDZ_VAL_NULL;
}

static const char nested[] = "id: f\nnamespace: t\ntasks:\n"
                             "  - id: seq\n    type: " CORE "flow.Sequential\n    tasks:\n"
                             "      - " TASK("a") "\n      - " TASK(
                                 "b") "\n"
                                      "    errors:\n      - " TASK("e") "\n"
                                                                        "  - " TASK("last") "\n";

TEST(tasks_of_a_flowable_stand_in_a_cluster)
{
    struct drawn d = {0};
    draw(&d, nested, NULL, NULL);
    expect_edges(&d, NULL,
                 "root.~root>root.seq.~root\n"
                 "root.seq.~end>root.last SEQUENTIAL\n"
                 "root.last>root.~end\n"
                 "root.seq.~root>root.seq\n"
                 "root.seq>root.seq.a SEQUENTIAL\n"
                 "root.seq.a>root.seq.b SEQUENTIAL\n"
                 "root.seq.b>root.seq.~end\n"
                 "root.seq.~root>root.seq.e ERROR\n"
                 "root.seq.e>root.seq.~end\n");
    cdz_val json = json_of(&d, NULL), e = node(json, "root.seq.e"),
            c = cluster(json, "cluster_root.seq");
    CHECK(cdz_map_getz(e, "error").b && !cdz_map_getz(node(json, "root.seq.a"), "error").b,
          "error");
    CHECK(cdz_str_is(text_at(e, "type"), "io.kestra.core.models.hierarchies.GraphTask") &&
              cdz_str_is(text_at(e, "task.format"), "x") &&
              cdz_str_is(text_at(e, "relationType"), "ERROR"),
          "the whole task is shown");
    CHECK(
        cdz_str_is(text_at(c, "cluster.type"), "io.kestra.core.models.hierarchies.GraphCluster") &&
            cdz_str_is(text_at(c, "cluster.taskNode.uid"), "root.seq") &&
            cdz_str_is(short_name(text_at(c, "start")), "root.seq.~root") &&
            cdz_str_is(short_name(text_at(c, "end")), "root.seq.~end") &&
            cdz_list_n(cdz_map_getz(c, "nodes")) == 6 &&
            cdz_list_n(cdz_map_getz(c, "parents")) == 0,
        "the cluster");
    done(&d);
}

TEST(choices_name_their_cases)
{
    struct drawn d = {0};
    draw(&d,
         "id: f\nnamespace: t\ntasks:\n"
         "  - id: s\n    type: " CORE "flow.Switch\n    value: x\n    cases:\n"
         "      A:\n        - " TASK("a") "\n        - " TASK(
             "a2") "\n"
                   "    defaults:\n      - " TASK(
                       "o") "\n"
                            "  - id: i\n    type: " CORE "flow.If\n    condition: x\n"
                            "    then:\n      - " TASK("t") "\n    else:\n      - " TASK("e") "\n",
         NULL, NULL);
    expect_edges(&d, NULL,
                 "root.~root>root.s.~root\n"
                 "root.s.~end>root.i.~root SEQUENTIAL\n"
                 "root.i.~end>root.~end\n"
                 "root.s.~root>root.s\n"
                 "root.s>root.s.a CHOICE=A\n"
                 "root.s.a>root.s.a2 SEQUENTIAL=A\n"
                 "root.s.a2>root.s.~end\n"
                 "root.s>root.s.o CHOICE=defaults\n"
                 "root.s.o>root.s.~end\n"
                 "root.i.~root>root.i\n"
                 "root.i>root.i.t CHOICE=then\n"
                 "root.i.t>root.i.~end\n"
                 "root.i>root.i.e CHOICE=else\n"
                 "root.i.e>root.i.~end\n");
    done(&d);
}

TEST(a_dag_is_drawn_by_its_dependencies_with_disabled_tasks)
{
    struct drawn d = {0};
    draw(&d,
         "id: f\nnamespace: t\ntasks:\n"
         "  - id: d\n    type: " CORE "flow.Dag\n    tasks:\n"
         "      - {task: " TASK("c") ", dependsOn: [a, off, a]}\n"
                                     "      - {task: " TASK(
                                         "a") "}\n"
                                              "      - {task: {id: off, type: " CORE
                                              "log.Log, message: x, disabled: true}}\n",
         NULL, NULL);
    expect_edges(&d, NULL,
                 "root.~root>root.d.~root\n"
                 "root.d.~end>root.~end\n"
                 "root.d.~root>root.d\n"
                 "root.d>root.d.a PARALLEL\n"
                 "root.d>root.d.off PARALLEL\n"
                 "root.d.a>root.d.c PARALLEL\n"
                 "root.d.off>root.d.c PARALLEL\n"
                 "root.d.c>root.d.~end\n");
    done(&d);
}

TEST(what_comes_after_meets_at_nodes_of_its_own)
{
    struct drawn d = {0};
    draw(&d,
         "id: f\nnamespace: t\ntasks:\n  - " TASK("a") "\nerrors:\n  - " TASK(
             "e") "\n"
                  "finally:\n  - " TASK("z1") "\n  - " TASK("z2") "\nafterExecution:\n  - " TASK(
                      "after") "\n",
         NULL, NULL);
    expect_edges(&d, NULL,
                 "root.~root>root.a\n"
                 "root.a>root.~finally\n"
                 "root.~root>root.e ERROR\n"
                 "root.e>root.~finally\n"
                 "root.~finally>root.z1\n"
                 "root.z1>root.z2 FINALLY\n"
                 "root.z2>root.~after-execution\n"
                 "root.~after-execution>root.after\n"
                 "root.after>root.~end\n");
    done(&d);
}

TEST(triggers_stand_before_the_flow_and_empty_flowables_lead_on)
{
    struct drawn d = {0};
    draw(&d,
         "id: f\nnamespace: t\ntasks:\n  - {id: s, type: " CORE "flow.Sequential, tasks: []}\n"
         "  - {id: p, type: " CORE "flow.Pause}\n"
         "triggers:\n  - {id: w, type: " CORE "trigger.Webhook, key: k}\n",
         NULL, NULL);
    expect_edges(&d, NULL,
                 "root.Triggers.~end>root.~root\n"
                 "root.~root>root.s.~root\n"
                 "root.s.~end>root.p SEQUENTIAL\n"
                 "root.p>root.~end\n"
                 "root.Triggers.~root>root.Triggers.w\n"
                 "root.Triggers.w>root.Triggers.~end\n"
                 "root.s.~root>root.s\n"
                 "root.s>root.s.~end\n");
    cdz_val w = node(json_of(&d, NULL), "root.Triggers.w");
    CHECK(cdz_str_is(text_at(w, "triggerDeclaration.key"), "k"), "the trigger as written");
    done(&d);
}

static const char calls[] =
    "id: f\nnamespace: t\ntasks:\n"
    "  - {id: call, type: " CORE "flow.Subflow, namespace: t, flowId: other}\n";

TEST(a_call_can_be_expanded)
{
    struct drawn d = {0};
    draw(&d, calls, NULL, NULL);
    CHECK(cdz_str_is(text_at(node(json_of(&d, NULL), "root.call"), "type"),
                     "io.kestra.core.models.hierarchies.SubflowGraphTask"),
          "a task that can be expanded");
    done(&d);
    struct cdz_arena *other = cdz_arena_open(0);
    d = (struct drawn){
        .called = parse(other, "id: other\nnamespace: t\ntasks:\n  - " TASK("inner") "\n")};
    draw(&d, calls, NULL, "root.call");
    expect_edges(&d, NULL,
                 "root.~root>root.call.~root\n"
                 "root.call.~end>root.~end\n"
                 "root.call.~root>root.call\n"
                 "root.call>root.call.inner SEQUENTIAL\n"
                 "root.call.inner>root.call.~end\n");
    cdz_val json = json_of(&d, NULL);
    CHECK(cdz_str_is(text_at(cluster(json, "cluster_root.call"), "cluster.type"),
                     "io.kestra.core.models.hierarchies.SubflowGraphCluster") &&
              cdz_str_is(text_at(node(json, "root.call"), "task.subflowId.flowId"), "other") &&
              cdz_str_is(text_at(node(json, "root.call"), "task.subflowTask.flowId"), "other"),
          "the cluster of the flow");
    done(&d);
    cdz_arena_close(other);
    d = (struct drawn){0};
    draw(&d, calls, NULL, "root.call");
    CHECK(d.rc == CDZ_E_NOT_FOUND, "%s", cdz_rc_name(d.rc));
    done(&d);
}

static void add_run(struct cdz_execution *e, const char *task, uint32_t parent, const char *value)
{
    struct cdz_taskrun *t = CDZ_NEW(e->arena, struct cdz_taskrun);
    t->index = (uint32_t)e->taskruns.n;
    t->parent = parent;
    t->task_id = cdz_str_z(task);
    t->id = cdz_arena_printf(e->arena, "run%u", t->index);
    t->value = cdz_str_z(value);
    cdz_history_add(&t->history, e->arena, CDZ_SUCCESS, 1);
    CDZ_PUSH(e->arena, &e->taskruns, t);
}

TEST(an_execution_has_a_node_for_each_run)
{
    struct drawn d = {0};
    struct cdz_execution *e = cdz_execution_new();
    add_run(e, "each", CDZ_NO_TASKRUN, NULL);
    add_run(e, "a", 0, "v1");
    add_run(e, "b", 0, "v1");
    add_run(e, "a", 0, "v2");
    add_run(e, "lost", 0, NULL);
    e->taskruns.v[4]->gone = true;
    draw(&d,
         "id: f\nnamespace: t\ntasks:\n  - id: each\n    type: " CORE "flow.ForEach\n"
         "    values: [v1, v2]\n    tasks:\n      - " TASK("a") "\n      - " TASK(
             "b") "\n"
                  "      - " TASK("lost") "\n",
         e, NULL);
    expect_edges(&d, e,
                 "root.~root>root.each.~root\n"
                 "root.each.~end>root.~end\n"
                 "root.each.~root>root.each\n"
                 "root.each>root.each.a_v1 DYNAMIC=v1\n"
                 "root.each.a_v1>root.each.a_v2 DYNAMIC=v2\n"
                 "root.each.a_v2>root.each.b_v1 DYNAMIC=v1\n"
                 "root.each.b_v1>root.each.lost DYNAMIC\n"
                 "root.each.lost>root.each.~end\n");
    cdz_val a = node(json_of(&d, e), "root.each.a_v2");
    CHECK(cdz_str_is(text_at(a, "taskRun.id"), "run3") && cdz_str_is(text_at(a, "values.0"), "v2"),
          "the run");
    CHECK(cdz_str_is(text_at(a, "task.id"), "a") && !text_at(a, "task.format").n,
          "of tasks only id and type");
    done(&d);
    cdz_execution_free(e);
}

TEST(too_many_nodes_are_refused)
{
    struct drawn d = {0};
    struct cdz_execution *e = cdz_execution_new();
    for (unsigned i = 0; i <= CDZ_GRAPH_NODES_MAX; i++)
        add_run(e, "a", CDZ_NO_TASKRUN, NULL);
    draw(&d, "id: f\nnamespace: t\ntasks:\n  - " TASK("a") "\n", e, NULL);
    CHECK(d.rc == CDZ_E_LIMIT, "%s", cdz_rc_name(d.rc));
    done(&d);
    cdz_execution_free(e);
}

TEST(graphviz_text_has_clusters_and_labels)
{
    struct drawn d = {0};
    struct cdz_buf b = CDZ_BUF_INIT;
    draw(&d, nested, NULL, NULL);
    cdz_graph_dot(d.graph, &b);
    static const char *const parts[] = {"digraph G {", "subgraph \"cluster_root.seq\" {",
                                        "\"root.last\" [shape=box,label=\"last\"];",
                                        "\"root.seq.a\" -> \"root.seq.b\";"};
    for (size_t i = 0; i < CDZ_COUNT(parts); i++)
        CHECK(strstr(b.p, parts[i]) != NULL, "%s is not in:\n%s", parts[i], b.p);
    cdz_buf_done(&b);
    done(&d);
}

TEST_MAIN
