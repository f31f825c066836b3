/*
 * flow.c -- any bytes as a flow, and what is done with one that is accepted: shown, searched, its
 * inputs resolved, its conditions and Flow triggers tested. Nothing may crash, leak or take long; a
 * flow that is refused has a reason; every task stands where it says it does.
 *
 * The first byte chooses: odd, and the rest stands below a flow's head, so that less is to be guessed.
 */
#include <stdlib.h>

#include "condition/checks.h"
#include "condition/flow_trigger.h"
#include "model/flowables.h"
#include "model/triggers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define HEAD "id: f\nnamespace: a.b\ntasks: [{id: leaf, type: t.Leaf}]\n"

static const struct cdz_prop nested[] = {
    {"host", CDZ_PROP_STRING, CDZ_PROP_REQUIRED}, {"port", CDZ_PROP_INT, 0, "80"}, {0}};
static const struct cdz_prop leaf_props[] = {{"text", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC},
                                             {"list", CDZ_PROP_LIST, CDZ_PROP_DYNAMIC},
                                             {"map", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC},
                                             {"object", CDZ_PROP_OBJECT, 0, .nested = nested},
                                             {"objects", CDZ_PROP_OBJECTS, 0, .nested = nested},
                                             {"runner", CDZ_PROP_PLUGIN, 0},
                                             {0}};
static const struct cdz_type leaf = {.type = "t.Leaf", .kind = CDZ_RUNNABLE, .props = leaf_props};
static const struct cdz_type runner = {.type = "t.Run", .kind = CDZ_TASK_RUNNER, .props = nested};
static const struct cdz_type split = {
    .type = "io.kestra.plugin.core.flow.ForEachItem$ForEachItemSplit", .kind = CDZ_RUNNABLE};
static const struct cdz_type merge = {
    .type = "io.kestra.plugin.core.flow.ForEachItem$ForEachItemMergeOutputs", .kind = CDZ_RUNNABLE};

static const struct cdz_registry *registry(void)
{
    static const struct cdz_type *types[96] = {&leaf, &runner, &split, &merge};
    static struct cdz_registry ret;
    const struct cdz_type *const *const tables[] = {cdz_flowable_types, cdz_trigger_types,
                                                    cdz_condition_types};
    if (!ret.n) {
        ret = (struct cdz_registry){types, 4};
        for (size_t t = 0; t < CDZ_COUNT(tables); t++)
            for (size_t i = 0; tables[t][i]; i++)
                types[ret.n++] = tables[t][i];
    }
    return &ret;
}

static cdz_rc template_source(void *ctx, cdz_str ns, cdz_str id, struct cdz_arena *arena,
                              cdz_str *ret, struct cdz_err *err)
{
    (void)ns;
    (void)arena;
    if (cdz_str_is(id, "none"))
        return cdz_fail(err, CDZ_E_NOT_FOUND, "none");
    *ret = *(cdz_str *)ctx; /* itself, as far as it is a template */
    return CDZ_OK;
}

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void check_tasks(const struct cdz_flow *flow)
{
    for (size_t i = 0; i < flow->task_count; i++) {
        const struct cdz_task *t = flow->tasks_all[i];
        must(t->number == i, "a task has its number");
        must(t->type && t->props.kind == CDZ_MAP && t->needs, "a task is complete");
        must(cdz_flow_task(flow, t->id) != NULL, "a task is found");
        must(cdz_flow_task_below(flow, t->parent, t->id) != NULL, "a task is found by its parent");
        must(!t->parent || t->parent->number < t->number, "a parent comes first");
        for (size_t k = 0; k < t->tasks.n; k++)
            must(t->tasks.v[k]->parent == t && t->tasks.v[k]->index == k, "children know it");
    }
}

static void use(const struct cdz_flow *flow, struct cdz_arena *arena)
{
    struct cdz_execution *e = cdz_execution_new();
    struct cdz_map_env env;
    struct cdz_input_result *inputs;
    struct cdz_failed_check *failed;
    struct cdz_err err;
    bool holds;
    e->id = CDZ_STR("e");
    e->namespace_ = CDZ_STR("x");
    e->flow_id = CDZ_STR("y");
    cdz_history_add(&e->history, e->arena, CDZ_SUCCESS, 1);
    cdz_val vars = cdz_val_map(arena, 1), trigger = cdz_val_map(arena, 1);
    cdz_map_putz(arena, trigger, "date", cdz_val_z("2024-02-29T10:00:00Z"));
    cdz_map_putz(arena, vars, "trigger", trigger);
    cdz_map_env_init(&env, vars);
    struct cdz_inputs_options options = {.env = &env.env};
    cdz_inputs_check(flow->inputs, flow->input_count, vars, &options, arena, &inputs);
    (void)cdz_checks_evaluate(flow, &env.env, arena, &failed);
    struct cdz_condition_ctx ctx = {
        .env = &env.env, .arena = arena, .e = e, .flow = flow, .now = 1709200000000000};
    for (size_t i = 0; i < flow->listener_count; i++)
        (void)!cdz_conditions_hold(&flow->listeners[i].conditions, &ctx, &holds, &err);
    for (size_t i = 0; i < flow->trigger_count; i++) {
        const struct cdz_trigger *t = &flow->triggers[i];
        struct cdz_flow_trigger_result result;
        struct cdz_triggered triggered;
        if (cdz_flow_trigger_listens(t, flow, e) &&
            cdz_flow_trigger_evaluate(t, &ctx, NULL, NULL, &result, &err) == CDZ_OK && result.fires)
            (void)!cdz_flow_trigger_execution(t, &ctx, &triggered, &err);
        else
            (void)!cdz_conditions_hold(&t->conditions, &ctx, &holds, &err);
    }
    cdz_execution_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT, out = CDZ_BUF_INIT;
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow *flow;
    struct cdz_err err;
    if (!n)
        return 0;
    if (data[0] & 1)
        cdz_buf_z(&text, HEAD);
    cdz_buf_add(&text, data + 1, n - 1);
    cdz_str source = cdz_buf_get(&text);
    struct cdz_flow_options options = {.registry = registry(),
                                       .templates = data[0] & 2,
                                       .lenient = data[0] & 4,
                                       .template_source = template_source,
                                       .template_ctx = &source};
    if (cdz_flow_parse(source, &options, &problems, &flow, &err) == CDZ_OK) {
        check_tasks(flow);
        use(flow, arena);
        cdz_flow_json(flow, true, &out);
        cdz_flow_unref(flow);
    } else {
        must(problems.errors > 0, "a flow is refused with a reason");
    }
    cdz_problems_print(&problems, CDZ_STR("f"), &out);
    return 0;
}
