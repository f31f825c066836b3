/*
 * inputs.h -- what expressions may use before an execution runs. Of its inputs: the flow, the server's
 * variables, functions such as kv() and now(), and the key for secrets. Of conditions and checks: the
 * execution, too.
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

/*
 * The variables of an execution that is about to begin (inputs, labels, trigger ...), with those of the
 * server: for conditions of its trigger and checks of its flow. Encrypted values are in plain text.
 */
void cdz_created_env_init(struct cdz_map_env *ret, const struct cdz_services *s,
                          const struct cdz_flow *flow, const struct cdz_execution *e,
                          struct cdz_arena *arena);

#endif
