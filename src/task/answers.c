/* answers.c -- see answers.h. */
#include "task/answers.h"

#include "base/id.h"
#include "base/limits.h"
#include "base/time.h"
#include "kv/kv.h"
#include "task/reveal.h"

static cdz_val now_val(struct cdz_arena *arena)
{
    cdz_us now = cdz_now_us();
    struct cdz_date d = {.type = CDZ_INSTANT,
                         .seconds = now / CDZ_SECOND,
                         .nanos = (int32_t)(now % CDZ_SECOND * 1000)};
    return cdz_val_date(arena, d);
}

static cdz_str own_namespace(struct cdz_env *env, struct cdz_arena *arena)
{
    cdz_val flow, ns;
    if (!env->lookup(env, CDZ_STR("flow"), arena, &flow))
        return CDZ_STR("");
    if (flow.kind == CDZ_LAZY) {
        if (!flow.lazy->get(flow.lazy, CDZ_STR("namespace"), arena, &ns))
            return CDZ_STR("");
    } else {
        ns = cdz_map_getz(flow, "namespace");
    }
    return ns.kind == CDZ_TEXT ? cdz_val_str(ns) : CDZ_STR("");
}

/* The storage path that read() and fileSize() mean: a URI, or a file of the flow's namespace. */
static cdz_rc resolve(struct cdz_env *env, cdz_val arg, struct cdz_arena *arena, cdz_str *ret,
                      struct cdz_err *err)
{
    cdz_str path = arg.kind == CDZ_TEXT ? cdz_val_str(arg) : CDZ_STR("");
    if (cdz_str_starts(path, CDZ_STR("kestra://")))
        return cdz_storage_path(path, ret, err);
    *ret = cdz_path_namespace_file(own_namespace(env, arena), path, arena);
    return CDZ_OK;
}

/* A namespace that nobody has made is a mistake rather than empty; the flow's own and those above it
 * need not have flows. */
static cdz_rc check_namespace(const struct cdz_answers *a, cdz_str ns, cdz_str own,
                              struct cdz_arena *arena, struct cdz_err *err)
{
    struct cdz_kv_entry *keys;
    size_t n = 0;
    if (cdz_str_starts(own, ns) ||
        (a->services && a->services->namespace_exists(a->services->ctx, ns)))
        return CDZ_OK;
    CDZ_TRY(cdz_kv_list(a->storage, ns, CDZ_STR(""), arena, &keys, &n, err));
    if (n > 0)
        return CDZ_OK;
    return cdz_fail(err, CDZ_E_EXPRESSION,
                    "Cannot access the KV store. The namespace '%.*s' does not exist.", CDZ_S(ns));
}

static cdz_rc kv(const struct cdz_answers *a, struct cdz_env *env, cdz_val key, cdz_val namespace_,
                 struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    struct cdz_kv_entry e;
    cdz_str own = own_namespace(env, arena);
    cdz_str ns = namespace_.kind == CDZ_TEXT ? cdz_val_str(namespace_) : own;
    CDZ_TRY(check_namespace(a, ns, own, arena, err));
    cdz_rc rc = cdz_kv_get(a->storage, ns, cdz_val_str(key), cdz_now_us(), arena, &e, err);
    if (rc == CDZ_E_NOT_FOUND) {
        *ret = CDZ_VAL_NULL;
        return CDZ_OK;
    }
    CDZ_TRY(rc);
    *ret = e.value;
    return CDZ_OK;
}

cdz_rc cdz_answer(const struct cdz_answers *a, struct cdz_env *env, enum cdz_world_call call,
                  const cdz_val *args, size_t n, struct cdz_arena *arena, cdz_val *ret,
                  struct cdz_err *err)
{
    cdz_val first = n > 0 && args[0].kind == CDZ_TEXT ? args[0] : cdz_val_z("");
    struct cdz_file_info info;
    cdz_str path, text;
    switch (call) {
    case CDZ_WORLD_NOW:
        *ret = now_val(arena);
        return CDZ_OK;
    case CDZ_WORLD_READ:
        CDZ_TRY(resolve(env, first, arena, &path, err));
        CDZ_TRY(cdz_storage_get(a->storage, path, CDZ_EXPR_OUTPUT_MAX, arena, &text, err));
        *ret = cdz_val_text(text);
        return CDZ_OK;
    case CDZ_WORLD_FILE_SIZE:
        CDZ_TRY(resolve(env, first, arena, &path, err));
        CDZ_TRY(cdz_storage_info(a->storage, path, arena, &info, err));
        *ret = cdz_val_int((int64_t)info.size);
        return CDZ_OK;
    case CDZ_WORLD_KV:
        return kv(a, env, first, n > 1 ? args[1] : CDZ_VAL_NULL, arena, ret, err);
    case CDZ_WORLD_SECRET:
        *ret = cdz_secret_get(a->secrets, cdz_val_str(first), arena);
        return CDZ_OK;
    case CDZ_WORLD_RANDOM:
        *ret = cdz_val_int((int64_t)cdz_random_u64());
        return CDZ_OK;
    case CDZ_WORLD_ERROR_LOGS:
        *ret = cdz_val_list(arena, 0);
        return CDZ_OK;
    }
    return cdz_fail(err, CDZ_E_INTERNAL, "unknown request of an expression");
}

cdz_rc cdz_answer_env(struct cdz_env *env, enum cdz_world_call call, const cdz_val *args, size_t n,
                      struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    return cdz_answer(env->world_ctx, env, call, args, n, arena, ret, err);
}

cdz_val cdz_answer_reveal(const void *answers, const struct cdz_flow *flow, cdz_val vars,
                          struct cdz_arena *arena)
{
    const struct cdz_answers *a = answers;
    if (!a->encryption_key.n)
        return vars;
    CDZ_MAP_EACH (e, vars)
        e->val = cdz_reveal(a->encryption_key, flow, e->key, e->val, arena, NULL, NULL);
    return vars;
}
