/*
 * answers.h -- what functions of expressions ask the world for (read, fileSize, kv, secret, now ...),
 * answered from the storage, the key-value store and the secrets: the same on a worker and where the
 * executor decides a flowable. Which files an expression may read has been checked by
 * expr/world.c.
 */
#ifndef CDZ_TASK_ANSWERS_H
#define CDZ_TASK_ANSWERS_H

#include "expr/expr.h"
#include "model/flow.h"
#include "port/storage.h"
#include "task/secrets.h"
#include "task/services.h"

struct cdz_answers {
    struct cdz_storage *storage;
    cdz_str encryption_key;                   /* for cdz_answer_reveal; empty: none */
    const struct cdz_secrets *secrets;        /* NULL: the environment's only */
    const struct cdz_task_services *services; /* NULL: no namespace but the flow's own is known */
};

/* Every call but CDZ_WORLD_ERROR_LOGS, which gives an empty list. The flow's namespace is asked of
 * env's lookup. */
CDZ_MUST_USE cdz_rc cdz_answer(const struct cdz_answers *a, struct cdz_env *env,
                               enum cdz_world_call call, const cdz_val *args, size_t n,
                               struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err);
/* The same as cdz_env.world: env->world_ctx is the struct cdz_answers. */
cdz_rc cdz_answer_env(struct cdz_env *env, enum cdz_world_call call, const cdz_val *args, size_t n,
                      struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err);

/* The same for cdz_exec_env.reveal: encrypted values in plain text. */
cdz_val cdz_answer_reveal(const void *answers, const struct cdz_flow *flow, cdz_val vars,
                          struct cdz_arena *arena);

#endif
