#include "exec/context.h"

#include "base/time.h"
#include "exec/internal.h"

static cdz_val instant(struct cdz_arena *arena, cdz_us at)
{
    struct cdz_date d = {.type = CDZ_INSTANT,
                         .seconds = at / CDZ_SECOND,
                         .nanos = (int32_t)(at % CDZ_SECOND * 1000)};
    return cdz_val_date(arena, d);
}

/* The values from the root down to t, its own last; n of them. */
static cdz_str *path_of(const struct cdz_execution *e, const struct cdz_taskrun *t,
                        struct cdz_arena *arena, size_t *ret_n)
{
    size_t n = 0;
    for (const struct cdz_taskrun *p = t;; p = e->taskruns.v[p->parent]) {
        n += p->value.p != NULL;
        if (p->parent == CDZ_NO_TASKRUN)
            break;
    }
    cdz_str *path = CDZ_NEW_N(arena, cdz_str, n + 1);
    *ret_n = n;
    for (const struct cdz_taskrun *p = t;; p = e->taskruns.v[p->parent]) {
        if (p->value.p)
            path[--n] = p->value;
        if (p->parent == CDZ_NO_TASKRUN)
            break;
    }
    return path;
}

cdz_val cdz_context_path(const struct cdz_execution *e, const struct cdz_taskrun *t,
                         struct cdz_arena *arena)
{
    size_t n;
    cdz_str *path = path_of(e, t, arena, &n);
    cdz_val list = cdz_val_list(arena, n);
    for (size_t i = 0; i < n; i++)
        cdz_list_push(arena, list, cdz_val_text(path[i]));
    return list;
}

/* into[path[0]][path[1]]... as a map, made on the way. */
static cdz_val descend(cdz_val into, const cdz_str *path, size_t n, struct cdz_arena *arena)
{
    for (size_t i = 0; i < n; i++) {
        cdz_val next = cdz_map_get(into, path[i]);
        if (next.kind != CDZ_MAP) {
            next = cdz_val_map(arena, 0);
            cdz_map_put(arena, into, path[i], next);
        }
        into = next;
    }
    return into;
}

static void add_output(const struct cdz_execution *e, const struct cdz_taskrun *t, cdz_val outputs,
                       struct cdz_arena *arena)
{
    size_t n;
    if (t->outputs.kind != CDZ_MAP || t->gone)
        return;
    cdz_str *path = path_of(e, t, arena, &n);
    cdz_val of_task = cdz_map_get(outputs, t->task_id);
    if (of_task.kind != CDZ_MAP) {
        of_task = cdz_val_map(arena, 0);
        cdz_map_put(arena, outputs, t->task_id, of_task);
    }
    cdz_val into = descend(of_task, path, n, arena);
    CDZ_MAP_EACH (x, t->outputs) {
        cdz_val *have = cdz_map_find(into, x->key);
        cdz_map_put(arena, into, x->key, have ? cdz_val_merge(arena, *have, x->val) : x->val);
    }
}

static void add_task_outputs(const struct cdz_execution *e, const struct cdz_task *task,
                             cdz_val outputs, struct cdz_arena *arena)
{
    for (uint32_t i = e->index->first_of_task[task->number]; i; i = e->index->next_of_task[i - 1])
        add_output(e, e->taskruns.v[i - 1], outputs, arena);
}

/* Only the outputs that stand under a prefix of t's own values: what `outputs.x[taskrun.value]` can
 * reach. */
static void add_outputs_by_value(const struct cdz_execution *e, const struct cdz_task *task,
                                 const struct cdz_taskrun *t, cdz_val outputs,
                                 struct cdz_arena *arena)
{
    size_t n;
    cdz_str *path = path_of(e, t, arena, &n);
    uint64_t hash = 0;
    for (size_t i = 0; i <= n; i++) {
        const struct cdz_taskrun *hit = cdz_index_find(e, task, hash);
        if (hit)
            add_output(e, hit, outputs, arena);
        if (i < n)
            hash = cdz_path_add(hash, path[i]);
    }
}

static cdz_val outputs_of(const struct cdz_execution *e, const struct cdz_flow *flow,
                          const struct cdz_taskrun *t, const struct cdz_needs *needs,
                          struct cdz_arena *arena)
{
    cdz_val outputs = cdz_val_map(arena, 0);
    if (!needs || needs->everything || needs->outputs_all) {
        for (size_t i = 0; i < e->taskruns.n; i++)
            add_output(e, e->taskruns.v[i], outputs, arena);
        return outputs;
    }
    for (size_t i = 0; i < needs->output_count; i++) {
        const struct cdz_task *task = cdz_flow_task(flow, needs->outputs[i].task_id);
        if (!task)
            continue;
        if (needs->outputs[i].by_value && t)
            add_outputs_by_value(e, task, t, outputs, arena);
        else
            add_task_outputs(e, task, outputs, arena);
    }
    return outputs;
}

static cdz_val tasks_of(const struct cdz_execution *e, struct cdz_arena *arena)
{
    cdz_val tasks = cdz_val_map(arena, 0);
    for (size_t i = 0; i < e->taskruns.n; i++) {
        const struct cdz_taskrun *t = e->taskruns.v[i];
        if (t->gone)
            continue;
        cdz_val of_task = cdz_map_get(tasks, t->task_id);
        if (of_task.kind != CDZ_MAP) {
            of_task = cdz_val_map(arena, 0);
            cdz_map_put(arena, tasks, t->task_id, of_task);
        }
        if (t->value.p)
            of_task = descend(of_task, &t->value, 1, arena);
        cdz_map_put(arena, of_task, CDZ_STR("state"),
                    cdz_val_z(cdz_state_name(cdz_state_now(&t->history))));
    }
    return tasks;
}

static void put_parents(const struct cdz_execution *e, const struct cdz_taskrun *t, cdz_val to,
                        struct cdz_arena *arena)
{
    cdz_val parents = cdz_val_list(arena, 0);
    for (uint32_t i = t->parent; i != CDZ_NO_TASKRUN; i = e->taskruns.v[i]->parent) {
        const struct cdz_taskrun *p = e->taskruns.v[i];
        bool has_outputs = p->outputs.kind == CDZ_MAP && cdz_map_n(p->outputs) > 0;
        if (!p->value.p && !has_outputs)
            continue;
        cdz_val item = cdz_val_map(arena, 2);
        if (p->value.p) {
            cdz_val taskrun = cdz_val_map(arena, 1);
            cdz_map_put(arena, taskrun, CDZ_STR("value"), cdz_val_text(p->value));
            cdz_map_put(arena, item, CDZ_STR("taskrun"), taskrun);
        }
        if (has_outputs)
            cdz_map_put(arena, item, CDZ_STR("outputs"), p->outputs);
        cdz_list_push(arena, parents, item);
    }
    if (cdz_list_n(parents) > 0) {
        cdz_map_put(arena, to, CDZ_STR("parent"), cdz_list_at(parents, 0));
        cdz_map_put(arena, to, CDZ_STR("parents"), parents);
    }
}

static cdz_val labels_of(const struct cdz_execution *e, struct cdz_arena *arena)
{
    cdz_val labels = cdz_val_map(arena, e->label_count);
    for (size_t i = 0; i < e->label_count; i++) {
        cdz_str key = e->labels[i].key, system = CDZ_STR("system.");
        cdz_val into = labels;
        if (cdz_str_starts(key, system)) {
            cdz_str name = CDZ_STR("system");
            into = descend(labels, &name, 1, arena);
            key = cdz_str_sub(key, system.n, key.n);
        }
        if (!cdz_map_find(into, key)) /* the first of duplicates wins */
            cdz_map_put(arena, into, key, cdz_val_text(e->labels[i].value));
    }
    return labels;
}

/* Posted inputs, and raw defaults of those that a trigger did not give. */
static cdz_val inputs_of(const struct cdz_execution *e, const struct cdz_flow *flow,
                         struct cdz_arena *arena)
{
    bool missing = false;
    for (size_t i = 0; flow && i < flow->input_count; i++)
        missing |= flow->inputs[i].has_default &&
                   cdz_str_chr(flow->inputs[i].id, '.', 0) == SIZE_MAX &&
                   !cdz_map_find(e->inputs, flow->inputs[i].id);
    if (!missing)
        return e->inputs;
    cdz_val inputs = cdz_val_map(arena, 0);
    if (e->inputs.kind == CDZ_MAP) {
        CDZ_MAP_EACH (x, e->inputs)
            cdz_map_put(arena, inputs, x->key, x->val);
    }
    for (size_t i = 0; i < flow->input_count; i++) {
        const struct cdz_input *in = &flow->inputs[i];
        if (in->has_default && cdz_str_chr(in->id, '.', 0) == SIZE_MAX &&
            !cdz_map_find(inputs, in->id))
            cdz_map_put(arena, inputs, in->id, in->defaults);
    }
    return inputs;
}

static void put_taskrun(const struct cdz_execution *e, const struct cdz_taskrun *t, cdz_val to,
                        struct cdz_arena *arena)
{
    cdz_val task = cdz_val_map(arena, 2), run = cdz_val_map(arena, 6);
    cdz_map_put(arena, task, CDZ_STR("id"), cdz_val_text(t->task_id));
    if (t->task)
        cdz_map_put(arena, task, CDZ_STR("type"), cdz_val_text(t->task->type_name));
    cdz_map_put(arena, run, CDZ_STR("id"), cdz_val_text(t->id));
    cdz_map_put(arena, run, CDZ_STR("startDate"), instant(arena, t->history.v[0].at));
    cdz_map_put(arena, run, CDZ_STR("attemptsCount"), cdz_val_i32((int32_t)t->attempt_count));
    if (t->parent != CDZ_NO_TASKRUN)
        cdz_map_put(arena, run, CDZ_STR("parentId"), cdz_val_text(e->taskruns.v[t->parent]->id));
    if (t->value.p)
        cdz_map_put(arena, run, CDZ_STR("value"), cdz_val_text(t->value));
    if (t->iteration)
        cdz_map_put(arena, run, CDZ_STR("iteration"), cdz_val_i32(t->iteration));
    cdz_map_put(arena, to, CDZ_STR("task"), task);
    cdz_map_put(arena, to, CDZ_STR("taskrun"), run);
}

/* The flow's variables, and over them those that tasks have set; a worker knows the former itself. */
static void put_variables(const struct cdz_execution *e, const struct cdz_flow *flow,
                          bool for_worker, cdz_val to, struct cdz_arena *arena)
{
    bool of_flow = flow && flow->variables.kind == CDZ_MAP;
    if (e->variables.kind == CDZ_MAP) {
        cdz_val vars = cdz_val_map(arena, 4), schedule = cdz_map_getz(e->variables, "schedule");
        if (of_flow) {
            CDZ_MAP_EACH (x, flow->variables)
                cdz_map_put(arena, vars, x->key, x->val);
        }
        CDZ_MAP_EACH (x, e->variables)
            cdz_map_put(arena, vars, x->key, x->val);
        cdz_map_put(arena, to, CDZ_STR("vars"), vars);
        if (!cdz_val_is_null(schedule)) /* the dates of a Schedule, under their old name */
            cdz_map_put(arena, to, CDZ_STR("schedule"), schedule);
    } else if (of_flow && !for_worker) {
        cdz_map_put(arena, to, CDZ_STR("vars"), flow->variables);
    }
}

cdz_val cdz_context_build(const struct cdz_execution *e, const struct cdz_flow *flow,
                          const struct cdz_taskrun *t, const struct cdz_needs *needs,
                          bool for_worker, struct cdz_arena *arena)
{
    bool all = !needs || needs->everything;
    cdz_val to = cdz_val_map(arena, 12), f = cdz_val_map(arena, 3), x = cdz_val_map(arena, 3);
    cdz_map_put(arena, f, CDZ_STR("id"), cdz_val_text(e->flow_id));
    cdz_map_put(arena, f, CDZ_STR("namespace"), cdz_val_text(e->namespace_));
    cdz_map_put(arena, f, CDZ_STR("revision"), cdz_val_i32(e->flow_revision));
    cdz_map_put(arena, to, CDZ_STR("flow"), f);
    cdz_map_put(arena, x, CDZ_STR("id"), cdz_val_text(e->id));
    cdz_map_put(arena, x, CDZ_STR("startDate"), instant(arena, e->history.v[0].at));
    if (e->original_id.p)
        cdz_map_put(arena, x, CDZ_STR("originalId"), cdz_val_text(e->original_id));
    cdz_map_put(arena, to, CDZ_STR("execution"), x);
    if (t) {
        put_taskrun(e, t, to, arena);
        if (all || needs->parents)
            put_parents(e, t, to, arena);
    }
    cdz_map_put(arena, to, CDZ_STR("outputs"), outputs_of(e, flow, t, needs, arena));
    if (all || needs->tasks)
        cdz_map_put(arena, to, CDZ_STR("tasks"), tasks_of(e, arena));
    if (all || needs->inputs) {
        cdz_val inputs = inputs_of(e, flow, arena);
        if (inputs.kind == CDZ_MAP &&
            cdz_map_n(inputs) > 0) /* without inputs the name is unknown */
            cdz_map_put(arena, to, CDZ_STR("inputs"), inputs);
    }
    if ((all || needs->labels) && e->label_count)
        cdz_map_put(arena, to, CDZ_STR("labels"), labels_of(e, arena));
    if ((all || needs->trigger) && e->trigger_variables.kind == CDZ_MAP)
        cdz_map_put(arena, to, CDZ_STR("trigger"), e->trigger_variables);
    put_variables(e, flow, for_worker, to, arena);
    return to;
}
