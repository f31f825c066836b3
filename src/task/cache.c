/* cache.c -- see cache.h; the bytes of an entry: docs/formats.md. */
#include "task/cache.h"

#include "base/codec.h"
#include "base/limits.h"
#include "base/time.h"
#include "expr/crypt.h"

enum { CACHE_FORMAT = 1 };

static bool is_enabled(struct cdz_run *run, cdz_us *ret_ttl)
{
    cdz_val options, enabled;
    struct cdz_err ignored;
    *ret_ttl = 0;
    if (run->task->task_cache.kind != CDZ_MAP ||
        cdz_val_render(run->task->task_cache, run->env, run->arena, &options, &ignored) != CDZ_OK)
        return false;
    enabled = cdz_map_getz(options, "enabled");
    cdz_val ttl = cdz_map_getz(options, "ttl");
    if (!cdz_val_is_null(ttl) && cdz_duration_of(ttl, ret_ttl, &ignored) != CDZ_OK)
        return false;
    return enabled.kind == CDZ_BOOL
               ? enabled.b
               : enabled.kind == CDZ_TEXT && cdz_str_ieq(cdz_val_str(enabled), CDZ_STR("true"));
}

/* Where the outputs of this task with these properties are kept. */
static cdz_rc path_of(struct cdz_run *run, cdz_str *ret, struct cdz_err *err)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    const struct cdz_job *j = run->job;
    cdz_val props;
    cdz_str hash;
    CDZ_TRY(cdz_val_render(run->task->props, run->env, run->arena, &props, err));
    cdz_buf_z(&b, run->task->type->type);
    cdz_buf_c(&b, '\n');
    cdz_put_val(&b, props);
    CDZ_TRY(cdz_hash_hex("SHA256", cdz_buf_get(&b), run->arena, &hash, err));
    *ret = cdz_arena_printf(run->arena, "%.*s/%.*s/cache/%.*s.bin",
                            CDZ_S(cdz_path_flow(j->namespace_, j->flow_id, run->arena)),
                            CDZ_S(cdz_slug(run->task->id, run->arena)), CDZ_S(hash));
    return CDZ_OK;
}

static bool load(struct cdz_run *run, cdz_str path, cdz_us ttl)
{
    struct cdz_err ignored;
    cdz_str bytes;
    if (cdz_storage_get(run->worker->storage, path, run->worker->output_bytes_max, run->arena,
                        &bytes, &ignored) != CDZ_OK)
        return false;
    struct cdz_reader r = cdz_reader_of(bytes);
    bool known = cdz_get_u64(&r) == CACHE_FORMAT;
    cdz_us at = cdz_get_i64(&r), now = cdz_now_us();
    cdz_val outputs = cdz_get_val(&r, run->arena);
    if (r.bad || !known || outputs.kind != CDZ_MAP || (ttl && (at > now || now - at >= ttl)))
        return false;
    run->outputs = outputs;
    return true;
}

static void keep(struct cdz_run *run, cdz_str path)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_err err;
    cdz_put_u64(&b, CACHE_FORMAT);
    cdz_put_i64(&b, cdz_now_us());
    cdz_put_val(&b, run->outputs);
    if (b.n > run->worker->output_bytes_max)
        return; /* the attempt will fail for it */
    if (cdz_storage_put(run->worker->storage, path, cdz_buf_get(&b), &err) != CDZ_OK)
        cdz_run_logf(run, CDZ_WARN, "The outputs could not be cached: %s", err.text);
}

cdz_rc cdz_task_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_err why;
    cdz_str path;
    cdz_us ttl;
    if (!is_enabled(run, &ttl))
        return run->task->type->run(run, err);
    if (path_of(run, &path, &why) != CDZ_OK) { /* what only the task itself can render */
        cdz_run_logf(run, CDZ_WARN, "The task cannot be cached: %s", why.text);
        return run->task->type->run(run, err);
    }
    if (load(run, path, ttl)) {
        cdz_run_logf(
            run, CDZ_INFO,
            "The outputs are those of an earlier run, from the cache; the task is not run");
        return CDZ_OK;
    }
    CDZ_TRY(run->task->type->run(run, err));
    if (run->state == CDZ_SUCCESS)
        keep(run, path);
    return CDZ_OK;
}
