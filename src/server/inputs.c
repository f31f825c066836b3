/*
 * inputs.c -- see inputs.h.
 */
#include "server/inputs.h"

#include "base/id.h"
#include "exec/context.h"
#include "expr/crypt.h"

static cdz_rc encrypt(void *ctx, cdz_str plain, struct cdz_arena *arena, cdz_str *ret,
                      struct cdz_err *err)
{
    const struct cdz_inputs_world *w = ctx;
    uint8_t iv[CDZ_CRYPT_IV];
    cdz_random_bytes(iv, sizeof(iv));
    return cdz_encrypt(w->services->config->encryption_key, iv, plain, arena, ret, err);
}

static cdz_val flow_val(const struct cdz_flow *flow, struct cdz_arena *arena)
{
    cdz_val map = cdz_val_map(arena, 3);
    cdz_map_putz(arena, map, "id", cdz_val_text(flow->id));
    cdz_map_putz(arena, map, "namespace", cdz_val_text(flow->namespace_));
    cdz_map_putz(arena, map, "revision", cdz_val_int(flow->revision));
    return map;
}

static void add_server_vars(const struct cdz_exec_env *x, cdz_val vars, struct cdz_arena *arena)
{
    if (x->globals.kind == CDZ_MAP)
        cdz_map_putz(arena, vars, "globals", x->globals);
    cdz_map_putz(arena, vars, "envs", x->envs.kind == CDZ_MAP ? x->envs : cdz_val_map(arena, 0));
}

static void env_init(struct cdz_map_env *ret, const struct cdz_exec_env *x, cdz_val vars)
{
    cdz_map_env_init(ret, vars);
    ret->env.world = x->world;
    ret->env.world_ctx = x->world_ctx;
    ret->env.zone = x->zone;
    ret->env.recursive = x->recursive;
}

void cdz_created_env_init(struct cdz_map_env *ret, const struct cdz_services *s,
                          const struct cdz_flow *flow, const struct cdz_execution *e,
                          struct cdz_arena *arena)
{
    const struct cdz_exec_env *x = &s->exec_env;
    cdz_val vars = cdz_context_build(e, flow, NULL, NULL, false, arena);
    if (x->reveal)
        vars = x->reveal(x->world_ctx, flow, vars, arena);
    add_server_vars(x, vars, arena);
    env_init(ret, x, vars);
}

void cdz_inputs_world_init(struct cdz_inputs_world *ret, const struct cdz_services *s,
                           const struct cdz_flow *flow, struct cdz_arena *arena)
{
    const struct cdz_exec_env *x = &s->exec_env;
    cdz_val vars = cdz_val_map(arena, 4);
    cdz_map_putz(arena, vars, "flow", flow_val(flow, arena));
    if (flow->variables.kind == CDZ_MAP)
        cdz_map_putz(arena, vars, "vars", flow->variables);
    add_server_vars(x, vars, arena);
    *ret = (struct cdz_inputs_world){.services = s};
    env_init(&ret->env, x, vars);
    ret->options.env = &ret->env.env;
    if (s->config && s->config->encryption_key.n) {
        ret->options.encrypt = encrypt;
        ret->options.encrypt_ctx = ret;
    }
}
