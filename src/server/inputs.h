/*
 * inputs.h -- what expressions of inputs and checks may use before there is an execution: the flow,
 * the server's variables, and functions such as kv() and now(); and the key for secrets.
 */
#ifndef CDZ_SERVER_INPUTS_H
#define CDZ_SERVER_INPUTS_H

#include "expr/expr.h"
#include "server/server.h"

struct cdz_inputs_world {
    struct cdz_map_env env; /* flow, vars, globals, envs */
    struct cdz_inputs_options options;
    const struct cdz_services *services;
};
/* Everything is borrowed; values are made in the arena. *ret must not move afterwards. */
void cdz_inputs_world_init(struct cdz_inputs_world *ret, const struct cdz_services *s,
                           const struct cdz_flow *flow, struct cdz_arena *arena);

#endif
