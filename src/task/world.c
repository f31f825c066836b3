#include "task/world.h"

#include <ctype.h>
#include <openssl/evp.h>

#include "base/id.h"
#include "base/limits.h"
#include "base/time.h"

static bool on_lookup(struct cdz_env *env, cdz_str name, struct cdz_arena *arena, cdz_val *ret)
{
    struct cdz_task_world *w = (struct cdz_task_world *)env;
    const struct cdz_run *run = w->run;
    cdz_val *hit = cdz_map_find(w->extra, name);
    if (!hit)
        hit = cdz_map_find(run->job->context, name);
    if (hit) {
        *ret = *hit;
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
        cdz_map_put(arena, all, e->key, e->val);
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

/* SECRET_<KEY> in the environment, base64, blanks inside ignored; missing or undecodable: null. */
static cdz_rc secret(cdz_str key, struct cdz_arena *arena, cdz_val *ret)
{
    CDZ_AUTO_BUF struct cdz_buf name = CDZ_BUF_INIT;
    CDZ_AUTO_BUF struct cdz_buf packed = CDZ_BUF_INIT;
    *ret = CDZ_VAL_NULL;
    cdz_buf_z(&name, "SECRET_");
    for (size_t i = 0; i < key.n; i++)
        cdz_buf_c(&name, (char)toupper((unsigned char)key.p[i]));
    const char *value = key.n && !memchr(key.p, 0, key.n) ? getenv(name.p) : NULL;
    if (!value)
        return CDZ_OK;
    for (; *value; value++) {
        if (!isspace((unsigned char)*value))
            cdz_buf_c(&packed, *value);
    }
    unsigned char *plain = cdz_arena_alloc(arena, packed.n / 4 * 3 + 4);
    int n =
        EVP_DecodeBlock(plain, (const unsigned char *)(packed.p ? packed.p : ""), (int)packed.n);
    if (n < 0)
        return CDZ_OK;
    for (size_t i = packed.n; i > 0 && packed.p[i - 1] == '=' && n > 0; i--)
        n--;
    *ret = cdz_val_text((cdz_str){(char *)plain, (size_t)n});
    return CDZ_OK;
}

/* The storage path that read() and fileSize() mean: an execution's own URI, or a file of the
 * namespace. */
static cdz_rc resolve(struct cdz_run *run, cdz_str path, bool uri_only, struct cdz_arena *arena,
                      cdz_str *ret, struct cdz_err *err)
{
    if (!cdz_str_starts(path, CDZ_STR("kestra://"))) {
        if (uri_only)
            return cdz_fail(err, CDZ_E_EXPRESSION, "Unable to create the URI from the path %.*s",
                            CDZ_S(path));
        *ret = cdz_path_namespace_file(run->job->namespace_, path, arena);
        return CDZ_OK;
    }
    CDZ_TRY(cdz_storage_path(path, ret, err));
    if (!cdz_run_may_read(run, *ret))
        return cdz_fail(
            err, CDZ_E_EXPRESSION,
            "Unable to read the file '%.*s' as it didn't belong to the current execution",
            CDZ_S(path));
    return CDZ_OK;
}

static cdz_rc on_world(struct cdz_env *env, enum cdz_world_call call, const cdz_val *args, size_t n,
                       struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    struct cdz_run *run = ((struct cdz_task_world *)env)->run;
    cdz_str path, text;
    switch (call) {
    case CDZ_WORLD_NOW: {
        cdz_us now = cdz_now_us();
        struct cdz_date d = {.type = CDZ_INSTANT,
                             .seconds = now / CDZ_SECOND,
                             .nanos = (int32_t)(now % CDZ_SECOND * 1000)};
        *ret = cdz_val_date(arena, d);
        return CDZ_OK;
    }
    case CDZ_WORLD_READ:
        CDZ_TRY(resolve(run, n ? cdz_val_str(args[0]) : CDZ_STR(""), false, arena, &path, err));
        CDZ_TRY(
            cdz_storage_get(run->worker->storage, path, CDZ_EXPR_OUTPUT_MAX, arena, &text, err));
        *ret = cdz_val_text(text);
        return CDZ_OK;
    case CDZ_WORLD_FILE_SIZE: {
        struct cdz_file_info info;
        CDZ_TRY(resolve(run, n ? cdz_val_str(args[0]) : CDZ_STR(""), true, arena, &path, err));
        CDZ_TRY(cdz_storage_info(run->worker->storage, path, arena, &info, err));
        *ret = cdz_val_int((int64_t)info.size);
        return CDZ_OK;
    }
    case CDZ_WORLD_SECRET:
        return secret(n ? cdz_val_str(args[0]) : CDZ_STR(""), arena, ret);
    case CDZ_WORLD_RANDOM:
        *ret = cdz_val_int((int64_t)cdz_random_u64());
        return CDZ_OK;
    case CDZ_WORLD_ERROR_LOGS:
        if (!run->worker->error_logs) {
            *ret = cdz_val_list(arena, 0);
            return CDZ_OK;
        }
        return run->worker->error_logs(run, arena, ret, err);
    case CDZ_WORLD_KV:
        return cdz_fail(err, CDZ_E_EXPRESSION, "kv() is not available in this version");
    }
    return cdz_fail(err, CDZ_E_INTERNAL, "unknown request of an expression");
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
