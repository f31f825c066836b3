/*
 * condition_rig.h -- flows with conditions and triggers, and executions to test them on, without a
 * server.
 */
#ifndef TESTS_UNIT_CONDITION_RIG_H
#define TESTS_UNIT_CONDITION_RIG_H

#include "test.h"

#include "base/json.h"
#include "base/time.h"
#include "condition/condition.h"
#include "model/flowables.h"
#include "model/triggers.h"

static inline const struct cdz_registry *rig_registry(void)
{
    static const struct cdz_prop no_props[] = {{0}};
    static const struct cdz_type leaf = {
        .type = "test.Leaf", .kind = CDZ_RUNNABLE, .props = no_props};
    static const struct cdz_type *types[96] = {&leaf};
    static struct cdz_registry registry;
    const struct cdz_type *const *const tables[] = {cdz_flowable_types, cdz_trigger_types,
                                                    cdz_condition_types};
    if (!registry.n) {
        registry = (struct cdz_registry){types, 1};
        for (size_t t = 0; t < CDZ_COUNT(tables); t++)
            for (size_t i = 0; tables[t][i]; i++)
                types[registry.n++] = tables[t][i];
    }
    return &registry;
}

/* The flow a.b/listener with these lines; NULL after a printed report. */
static inline struct cdz_flow *rig_flow(struct cdz_arena *arena, const char *lines)
{
    cdz_str text = cdz_arena_printf(
        arena, "id: listener\nnamespace: a.b\ntasks: [{id: t, type: test.Leaf}]\n%s", lines);
    struct cdz_flow_options options = {.registry = rig_registry()};
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow *flow;
    struct cdz_err err;
    if (cdz_flow_parse(text, &options, &problems, &flow, &err) == CDZ_OK)
        return flow;
    printf("# %s\n# the flow cannot be parsed: %s\n", text.p, err.text);
    test_failures++;
    return NULL;
}

static inline cdz_val rig_json(struct cdz_arena *arena, const char *json)
{
    cdz_val v = CDZ_VAL_NULL;
    struct cdz_err err;
    if (cdz_json_parse(cdz_str_z(json), arena, &v, &err) != CDZ_OK) {
        printf("# no JSON: %s: %s\n", json, err.text);
        test_failures++;
    }
    return v;
}

/* An execution of `flow` ("namespace/id") in a state; outputs: JSON or NULL; labels: {"k", "v", ...}
 * up to NULL, or NULL. Free it. */
static inline struct cdz_execution *rig_execution(const char *flow, enum cdz_state state,
                                                  const char *outputs, const char *const *labels)
{
    struct cdz_execution *e = cdz_execution_new();
    cdz_str s = cdz_str_z(flow);
    size_t slash = cdz_str_chr(s, '/', 0);
    e->id = cdz_arena_str(e->arena, CDZ_STR("exec1"));
    e->namespace_ = cdz_arena_str(e->arena, cdz_str_sub(s, 0, slash));
    e->flow_id = cdz_arena_str(e->arena, cdz_str_sub(s, slash + 1, s.n));
    e->flow_revision = 3;
    if (outputs)
        e->outputs = rig_json(e->arena, outputs);
    e->labels = CDZ_NEW_N(e->arena, struct cdz_label, 8);
    for (size_t i = 0; labels && labels[2 * i]; i++)
        e->labels[e->label_count++] =
            (struct cdz_label){cdz_str_z(labels[2 * i]), cdz_str_z(labels[2 * i + 1])};
    cdz_history_add(&e->history, e->arena, CDZ_CREATED, 1000);
    if (state != CDZ_CREATED)
        cdz_history_add(&e->history, e->arena, state, 2000);
    return e;
}

/* An instant of its ISO text. */
static inline cdz_us rig_at(const char *text)
{
    cdz_us at = 0;
    if (!cdz_instant_parse(cdz_str_z(text), &at)) {
        printf("# no date: %s\n", text);
        test_failures++;
    }
    return at;
}

#endif
