/* api_graph.c -- topologies over the API. */
#include "site.h"

static const char inner[] = "id: inner\nnamespace: t\ntasks:\n"
                            "  - {id: deep, type: io.kestra.plugin.core.debug.Return, format: x}\n";
static const char outer[] =
    "id: outer\nnamespace: t\ntasks:\n"
    "  - {id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: t, flowId: inner}\n"
    "  - {id: name, type: io.kestra.plugin.core.debug.Return, format: inner}\n"
    "  - {id: dynamic, type: io.kestra.plugin.core.flow.Subflow, namespace: t, flowId: \"{{ "
    "outputs.name.value }}\", wait: true}\n";

static size_t size_of(cdz_val v, const char *name)
{
    cdz_val list = cdz_map_getz(v, name);
    return list.kind == CDZ_LIST ? cdz_list_n(list) : SIZE_MAX;
}

static void check_sizes(const struct reply *r, size_t nodes, size_t edges, size_t clusters)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CHECK_STATUS(*r, 200);
    cdz_val v = json_of(r, arena);
    CHECK(size_of(v, "nodes") == nodes && size_of(v, "edges") == edges &&
              size_of(v, "clusters") == clusters,
          "%zu nodes, %zu edges, %zu clusters: %s", size_of(v, "nodes"), size_of(v, "edges"),
          size_of(v, "clusters"), r->body.p);
}

TEST(flows_and_sources_are_drawn_with_the_flows_they_call)
{
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, inner);
    deploy(&s, outer);
    AUTO_REPLY plain = get(&s, "/api/v1/flows/t/outer/graph?revision=1");
    check_sizes(&plain, 5, 4, 0);
    AUTO_REPLY more = get(&s, "/api/v1/flows/t/outer/graph?subflows=root.call");
    check_sizes(&more, 8, 7, 1);
    AUTO_REPLY source = post_yaml(&s, "/api/v1/flows/graph?subflows=root.call", outer);
    check_sizes(&source, 8, 7, 1);
    AUTO_REPLY dynamic = get(&s, "/api/v1/flows/t/outer/graph?subflows=root.dynamic");
    CHECK_STATUS(dynamic, 422);
    CHECK(strstr(dynamic.body.p, "Can't expand subflow task 'dynamic'") != NULL, "%s",
          dynamic.body.p);
    AUTO_REPLY none = get(&s, "/api/v1/flows/t/none/graph");
    CHECK_STATUS(none, 404);
    CHECK(strstr(none.body.p, "Unable to find flow t_none") != NULL, "%s", none.body.p);
    AUTO_REPLY bad = post_yaml(&s, "/api/v1/flows/graph", "id: x");
    CHECK_STATUS(bad, 422);
    site_close(&s);
}

TEST(an_execution_is_drawn_with_its_runs)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char path[200];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, inner);
    deploy(&s, outer);
    AUTO_REPLY run = post(&s, "/api/v1/executions/t/outer?wait=true");
    CHECK_STATUS(run, 200);
    cdz_str id = text_at(json_of(&run, arena), "id");
    snprintf(path, sizeof(path), "/api/v1/executions/%.*s/graph", CDZ_S(id));
    AUTO_REPLY r = get(&s, path);
    check_sizes(&r, 5, 4, 0);
    CHECK(cdz_str_is(text_at(json_of(&r, arena), "nodes.2.taskRun.state.current"), "SUCCESS") &&
              cdz_str_is(text_at(json_of(&r, arena), "nodes.2.task.subflowId.flowId"), "inner"),
          "%s", r.body.p);
    snprintf(path, sizeof(path), "/api/v1/executions/%.*s/graph?subflows=root.dynamic", CDZ_S(id));
    AUTO_REPLY dynamic = get(&s, path);
    check_sizes(&dynamic, 8, 7, 1);
    AUTO_REPLY none = get(&s, "/api/v1/executions/none/graph");
    CHECK_STATUS(none, 404);
    site_close(&s);
}

TEST_MAIN
