/*
 * needs.c -- which parts of an execution the expressions of a task can read, from their static
 * references.
 *
 * What a worker gets and what a step looks up is cut down to this; being wrong towards "too much"
 * only costs time, towards "too little" would break a flow. So everything unknown counts as
 * everything.
 */
#include "model/compile.h"

struct gather {
    struct cdz_arena *arena;
    struct cdz_needs *needs;
    CDZ_VEC(struct cdz_need_output) outputs;
};

static void add_output(struct gather *g, cdz_str task_id, bool by_value)
{
    for (size_t i = 0; i < g->outputs.n; i++) {
        if (cdz_str_eq(g->outputs.v[i].task_id, task_id)) {
            g->outputs.v[i].by_value = g->outputs.v[i].by_value && by_value;
            return;
        }
    }
    struct cdz_need_output output = {cdz_arena_str(g->arena, task_id), by_value};
    CDZ_PUSH(g->arena, &g->outputs, output);
}

static void on_ref(void *ctx, const cdz_str *path, size_t n, enum cdz_ref_rest rest)
{
    struct gather *g = ctx;
    if (cdz_str_is(path[0], "outputs")) {
        if (n == 1)
            g->needs->outputs_all = true;
        else
            add_output(g, path[1], n == 2 && rest == CDZ_REF_BY_VALUE);
        return;
    }
    const struct {
        const char *name;
        bool *flag;
    } roots[] = {
        {"inputs", &g->needs->inputs},    {"vars", &g->needs->vars},
        {"labels", &g->needs->labels},    {"trigger", &g->needs->trigger},
        {"schedule", &g->needs->trigger}, {"parent", &g->needs->parents},
        {"parents", &g->needs->parents},  {"tasks", &g->needs->tasks},
    };
    for (size_t i = 0; i < CDZ_COUNT(roots); i++) {
        if (cdz_str_is(path[0], roots[i].name)) {
            *roots[i].flag = true;
            return;
        }
    }
    if (cdz_str_is(path[0], "*"))
        g->needs->everything = true;
    /* Any other name is the template's own, always shipped (flow, task, taskrun, envs ...), or
     * undefined. */
}

static void add_task(struct gather *g, const struct cdz_task *task)
{
    cdz_val_refs(task->props, on_ref, g);
    cdz_val_refs(task->timeout, on_ref, g);
    cdz_val_refs(task->run_if, on_ref, g);
    g->needs->everything |= task->type->reads_all;
    if (task->type->kind != CDZ_RUNNABLE)
        return;
    /* A WorkingDirectory: its worker renders the children too. They are no deeper than one level:
     * only runnable ones are allowed. */
    for (size_t i = 0; i < task->tasks.n; i++)
        if (task->tasks.v[i]->type)
            add_task(g, task->tasks.v[i]);
}

static const struct cdz_needs *finish(struct gather *g)
{
    g->needs->outputs = g->outputs.v;
    g->needs->output_count = g->outputs.n;
    return g->needs;
}

const struct cdz_needs *cdz_compile_needs(struct cdz_arena *arena, const struct cdz_task *task)
{
    struct gather g = {arena, CDZ_NEW(arena, struct cdz_needs), {0}};
    add_task(&g, task);
    return finish(&g);
}

const struct cdz_needs *cdz_compile_part_needs(struct cdz_arena *arena, const struct cdz_task *task,
                                               cdz_str before)
{
    struct gather g = {arena, CDZ_NEW(arena, struct cdz_needs), {0}};
    cdz_val_refs(task->props, on_ref, &g);
    g.needs->parents = true; /* to find its outputs inside an each */
    if (before.n)
        add_output(&g, before, false);
    return finish(&g);
}
