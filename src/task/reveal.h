/*
 * reveal.h -- the variables of expressions with their encrypted values in plain text: outputs kept as
 * {type: io.kestra.datatype:aes_encrypted, value}, and inputs of type SECRET, which are stored as the
 * encrypted text alone. What the key does not open stays as it is. A function of its arguments.
 */
#ifndef CDZ_TASK_REVEAL_H
#define CDZ_TASK_REVEAL_H

#include "model/flow.h"

/* Told each plain text; may be NULL. */
typedef void cdz_reveal_fn(void *ctx, cdz_str plain);
/* One root name of the variables. Copies only what changes; the rest is shared with v. */
cdz_val cdz_reveal(cdz_str key, const struct cdz_flow *flow, cdz_str name, cdz_val v,
                   struct cdz_arena *arena, cdz_reveal_fn *seen, void *ctx);

#endif
