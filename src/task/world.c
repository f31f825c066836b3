/* world.c -- see world.h. */
#include "task/world.h"

#include "task/answers.h"
#include "task/mask.h"
#include "task/reveal.h"

static void on_secret(void *ctx, cdz_str plain)
{
    struct cdz_run *run = ctx;
    if (run->mask)
        cdz_mask_add(run->mask, plain);
}

/* A root name of the job's context with its secrets in plain text; opened once per attempt. */
static cdz_val opened(struct cdz_task_world *w, cdz_str name, cdz_val v)
{
    struct cdz_run *run = w->run;
    if (v.kind != CDZ_MAP && v.kind != CDZ_LIST)
        return v;
    cdz_val *done = cdz_map_find(w->opened, name);
    if (done)
        return *done;
    v = cdz_reveal(run->worker->encryption_key, run->flow, name, v, run->arena, on_secret, run);
    if (w->opened.kind != CDZ_MAP)
        w->opened = cdz_val_map(run->arena, 4);
    cdz_map_put(run->arena, w->opened, name, v);
    return v;
}

static bool on_lookup(struct cdz_env *env, cdz_str name, struct cdz_arena *arena, cdz_val *ret)
{
    struct cdz_task_world *w = (struct cdz_task_world *)env;
    const struct cdz_run *run = w->run;
    cdz_val *hit = cdz_map_find(w->extra, name);
    if (hit) {
        *ret = *hit;
        return true;
    }
    hit = cdz_map_find(run->job->context, name);
    if (hit) {
        *ret = opened(w, name, *hit);
        return true;
    }
    if (cdz_str_is(name, "vars") && run->flow->variables.kind == CDZ_MAP)
        *ret = run->flow->variables;
    else if (cdz_str_is(name, "globals") && run->worker->globals.kind == CDZ_MAP)
        *ret = run->worker->globals;
    else if (cdz_str_is(name, "envs"))
        *ret = run->worker->envs.kind == CDZ_MAP ? run->worker->envs : cdz_val_map(arena, 0);
    else
        return false;
    return true;
}

static cdz_val on_all(struct cdz_env *env, struct cdz_arena *arena)
{
    struct cdz_task_world *w = (struct cdz_task_world *)env;
    static const char *const names[] = {"vars", "globals", "envs"};
    cdz_val all = cdz_val_map(arena, 16), v;
    CDZ_MAP_EACH (e, w->run->job->context)
        cdz_map_put(arena, all, e->key, opened(w, e->key, e->val));
    for (size_t i = 0; i < CDZ_COUNT(names); i++) {
        if (on_lookup(env, cdz_str_z(names[i]), arena, &v))
            cdz_map_putz(arena, all, names[i], v);
    }
    if (w->extra.kind == CDZ_MAP) {
        CDZ_MAP_EACH (x, w->extra)
            cdz_map_put(arena, all, x->key, x->val);
    }
    return all;
}

static cdz_rc on_world(struct cdz_env *env, enum cdz_world_call call, const cdz_val *args, size_t n,
                       struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    struct cdz_run *run = ((struct cdz_task_world *)env)->run;
    const struct cdz_answers answers = {.storage = run->worker->storage,
                                        .secrets = run->worker->secrets,
                                        .services = run->worker->services};
    if (call == CDZ_WORLD_ERROR_LOGS && run->worker->error_logs)
        return run->worker->error_logs(run, arena, ret, err);
    CDZ_TRY(cdz_answer(&answers, env, call, args, n, arena, ret, err));
    if (call == CDZ_WORLD_SECRET && ret->kind == CDZ_TEXT)
        on_secret(run, cdz_val_str(*ret));
    return CDZ_OK;
}

void cdz_task_world_init(struct cdz_task_world *w, struct cdz_run *run)
{
    *w = (struct cdz_task_world){
        .env = {.lookup = on_lookup,
                .all = on_all,
                .world = on_world,
                .zone = run->worker->zone,
                .recursive = run->worker->recursive_rendering},
        .run = run,
    };
}

void cdz_task_world_put(struct cdz_run *run, const char *name, cdz_val val)
{
    struct cdz_task_world *w = (struct cdz_task_world *)run->env;
    if (w->extra.kind != CDZ_MAP)
        w->extra = cdz_val_map(run->arena, 4);
    cdz_map_putz(run->arena, w->extra, name, val);
}

cdz_val cdz_task_world_swap(struct cdz_run *run, cdz_val extra)
{
    struct cdz_task_world *w = (struct cdz_task_world *)run->env;
    cdz_val before = w->extra;
    w->extra = extra;
    return before;
}
