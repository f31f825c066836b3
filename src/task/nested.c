/* nested.c -- see nested.h. */
#include "task/nested.h"

#include <unistd.h>

#include "base/id.h"
#include "base/limits.h"
#include "base/time.h"
#include "base/zip.h"
#include "expr/crypt.h"
#include "task/workdir.h"

/* --- what is kept from one execution to the next --- */

static cdz_rc cache_path(struct cdz_run *run, cdz_str *ret, struct cdz_err *err)
{
    const struct cdz_job *j = run->job;
    cdz_str folder = cdz_arena_printf(run->arena, "%.*s/%.*s/cache",
                                      CDZ_S(cdz_path_flow(j->namespace_, j->flow_id, run->arena)),
                                      CDZ_S(cdz_slug(run->task->id, run->arena)));
    if (j->value.p) {
        cdz_str hash;
        CDZ_TRY(cdz_hash_hex("SHA256", j->value, run->arena, &hash, err));
        folder = cdz_arena_printf(run->arena, "%.*s/%.*s", CDZ_S(folder),
                                  CDZ_S(cdz_str_sub(hash, 0, 16)));
    }
    *ret = cdz_arena_printf(run->arena, "%.*s/cache.zip", CDZ_S(folder));
    return CDZ_OK;
}

/* Too old, or not there: nothing. */
static cdz_rc restore(struct cdz_run *run, struct cdz_workdir *dir, cdz_val cache,
                      struct cdz_err *err)
{
    struct cdz_file_info info;
    CDZ_AUTO_ZIP struct cdz_zip_reader zip = {0};
    cdz_us ttl = 0;
    cdz_str path, bytes, name, content;
    cdz_val rendered;
    CDZ_TRY(cdz_val_render(cdz_map_getz(cache, "ttl"), run->env, run->arena, &rendered, err));
    if (!cdz_val_is_null(rendered))
        CDZ_TRY(cdz_duration_of(rendered, &ttl, err));
    CDZ_TRY(cache_path(run, &path, err));
    cdz_rc rc = cdz_storage_info(run->worker->storage, path, run->arena, &info, err);
    if (rc == CDZ_E_NOT_FOUND)
        return CDZ_OK;
    CDZ_TRY(rc);
    if (ttl > 0 && info.modified + ttl < cdz_now_us()) {
        cdz_run_logf(run, CDZ_DEBUG, "The kept files are too old and not used");
        return CDZ_OK;
    }
    CDZ_TRY(
        cdz_storage_get(run->worker->storage, path, CDZ_ZIP_BYTES_MAX, run->arena, &bytes, err));
    CDZ_TRY(cdz_zip_open(&zip, bytes, err));
    for (;;) {
        CDZ_TRY(cdz_zip_next(&zip, run->arena, &name, &content, err));
        if (!name.n)
            return CDZ_OK;
        if (name.p[name.n - 1] != '/')
            CDZ_TRY(cdz_workdir_write(dir, name, content, err));
    }
}

static cdz_rc read_all(struct cdz_workdir *dir, cdz_str name, struct cdz_buf *to,
                       struct cdz_err *err)
{
    char chunk[16384];
    ssize_t n;
    int fd;
    CDZ_TRY(cdz_workdir_read(dir, name, &fd, err));
    while ((n = read(fd, chunk, sizeof(chunk))) > 0 && to->n < CDZ_ZIP_BYTES_MAX)
        cdz_buf_add(to, chunk, (size_t)n);
    close(fd);
    return n == 0 ? CDZ_OK
                  : cdz_fail(err, CDZ_E_TOO_LARGE, "file %.*s cannot be kept", CDZ_S(name));
}

static cdz_rc pack(struct cdz_workdir *dir, cdz_val names, struct cdz_buf *to, struct cdz_err *err)
{
    struct cdz_zip_writer zip;
    cdz_rc rc = CDZ_OK;
    cdz_zip_begin(&zip, to);
    for (size_t i = 0; rc == CDZ_OK && i < cdz_list_n(names); i++) {
        CDZ_AUTO_BUF struct cdz_buf content = CDZ_BUF_INIT;
        cdz_str name = cdz_val_str(cdz_list_at(names, i));
        rc = read_all(dir, name, &content, err);
        if (rc == CDZ_OK)
            rc = cdz_zip_add(&zip, name, cdz_buf_get(&content), err);
    }
    cdz_zip_end(&zip);
    return rc;
}

/* Written only when something of it has changed: its age then starts anew. */
static cdz_rc keep(struct cdz_run *run, struct cdz_workdir *dir, cdz_val cache, struct cdz_err *err)
{
    CDZ_AUTO_BUF struct cdz_buf zip = CDZ_BUF_INIT;
    cdz_val patterns, names;
    cdz_str path, before;
    struct cdz_err ignored;
    CDZ_TRY(cdz_val_render(cdz_map_getz(cache, "patterns"), run->env, run->arena, &patterns, err));
    CDZ_TRY(cdz_workdir_find(dir, patterns, &names, err));
    CDZ_TRY(cache_path(run, &path, err));
    CDZ_TRY(pack(dir, names, &zip, err));
    if (cdz_storage_get(run->worker->storage, path, CDZ_ZIP_BYTES_MAX, run->arena, &before,
                        &ignored) == CDZ_OK &&
        cdz_str_eq(before, cdz_buf_get(&zip)))
        return CDZ_OK;
    return cdz_storage_put(run->worker->storage, path, cdz_buf_get(&zip), err);
}

/* --- the tasks --- */

struct state {
    struct cdz_run *run;
    cdz_val context, outputs; /* of the tasks: what they add to `outputs` is seen by the next */
    struct cdz_rng rng;
    bool warned;
};

static cdz_val copy_map(struct cdz_arena *arena, cdz_val from)
{
    cdz_val to = cdz_val_map(arena, 8);
    if (from.kind == CDZ_MAP) {
        CDZ_MAP_EACH (x, from)
            cdz_map_put(arena, to, x->key, x->val);
    }
    return to;
}

static void begin(struct state *s, struct cdz_run *run)
{
    s->run = run;
    s->context = copy_map(run->arena, run->job->context);
    s->outputs = copy_map(run->arena, cdz_map_getz(run->job->context, "outputs"));
    cdz_map_putz(run->arena, s->context, "outputs", s->outputs);
    cdz_map_putz(run->arena, s->context, "workerTaskrun",
                 cdz_map_getz(run->job->context, "taskrun"));
    cdz_random_bytes(s->rng.s, sizeof(s->rng.s));
}

/* Under the values of the each tasks around, as the executor would have it. */
static void add_outputs(struct state *s, const struct cdz_task *task, cdz_val outputs)
{
    struct cdz_arena *arena = s->run->arena;
    cdz_val into = s->outputs, path = s->run->job->path;
    cdz_str key = task->id;
    if (outputs.kind != CDZ_MAP)
        return;
    for (size_t i = 0; path.kind == CDZ_LIST && i < cdz_list_n(path); i++) {
        cdz_val next = copy_map(arena, cdz_map_get(into, key));
        cdz_map_put(arena, into, key, next);
        into = next;
        key = cdz_val_str(cdz_list_at(path, i));
    }
    cdz_map_put(arena, into, key, outputs);
}

/* The job that this task would have had, had it been sent by itself. */
static struct cdz_job job_of(struct state *s, const struct cdz_task *task, cdz_str id, int attempt)
{
    const struct cdz_job *of = s->run->job;
    struct cdz_arena *arena = s->run->arena;
    struct cdz_job job = *of;
    cdz_val t = cdz_val_map(arena, 2), r = cdz_val_map(arena, 6);
    struct cdz_date now = {.type = CDZ_INSTANT, .seconds = cdz_now_us() / CDZ_SECOND};
    now.nanos = (int32_t)(cdz_now_us() % CDZ_SECOND * 1000);
    job.taskrun_id = id;
    job.task_id = task->id;
    job.parent_id = of->taskrun_id;
    job.attempt = attempt;
    cdz_map_putz(arena, t, "id", cdz_val_text(task->id));
    cdz_map_putz(arena, t, "type", cdz_val_text(task->type_name));
    cdz_map_putz(arena, r, "id", cdz_val_text(id));
    cdz_map_putz(arena, r, "startDate", cdz_val_date(arena, now));
    cdz_map_putz(arena, r, "attemptsCount", cdz_val_i32(attempt));
    cdz_map_putz(arena, r, "parentId", cdz_val_text(of->taskrun_id));
    if (of->value.p)
        cdz_map_putz(arena, r, "value", cdz_val_text(of->value));
    job.context = copy_map(arena, s->context);
    cdz_map_putz(arena, job.context, "task", t);
    cdz_map_putz(arena, job.context, "taskrun", r);
    return job;
}

/* When to try again; 0: not any more. */
static cdz_us next_try(struct state *s, const struct cdz_task *task, int attempts, cdz_us first,
                       cdz_us now)
{
    const struct cdz_retry *r = task->retry;
    if (!r || (r->max_attempt && attempts >= r->max_attempt))
        return 0;
    cdz_us at = now + cdz_retry_pause(r, attempts, &s->rng);
    return r->max_duration && at > first + r->max_duration ? 0 : at;
}

/* *ret_failed: nothing behind it is run. */
static cdz_rc one(struct state *s, const struct cdz_task *task, bool *ret_failed,
                  struct cdz_err *err)
{
    struct cdz_run *run = s->run;
    cdz_str id = cdz_id_new(&s->rng, run->arena);
    cdz_us first = cdz_now_us(), again;
    *ret_failed = false;
    for (int attempt = 0;; attempt++) {
        struct cdz_job job = job_of(s, task, id, attempt);
        struct cdz_nested_news news = {
            .task_id = task->id, .taskrun_id = id, .state = CDZ_RUNNING, .started = cdz_now_us()};
        CDZ_TRY(cdz_run_check(run, err));
        run->nested->run_one(run, &job, task, &news);
        if (run->cancelled(run) == CDZ_CANCEL_SHUTDOWN)
            return cdz_run_check(run, err);
        add_outputs(s, task, news.outputs);
        again = news.state == CDZ_FAILED ? next_try(s, task, attempt + 1, first, news.ended) : 0;
        if (again && run->cancelled(run) == CDZ_CANCEL_NO) {
            news.state = CDZ_RETRYING;
            run->nested->tell(run, &news);
            CDZ_TRY(cdz_run_sleep(run, again - cdz_now_us(), err));
            continue;
        }
        if (news.state == CDZ_SUCCESS && attempt > 0 && task->retry &&
            task->retry->warning_on_retry)
            news.state = CDZ_WARNING;
        run->nested->tell(run, &news);
        s->warned |= news.state == CDZ_WARNING && !task->allow_warning;
        s->warned |= news.state == CDZ_FAILED && task->allow_failure && !task->allow_warning;
        *ret_failed =
            news.state == CDZ_KILLED || (news.state == CDZ_FAILED && !task->allow_failure);
        return news.state == CDZ_KILLED ? cdz_run_check(run, err) : CDZ_OK;
    }
}

static cdz_rc in_directory(struct cdz_run *run, struct cdz_workdir *dir, struct cdz_err *err)
{
    cdz_val cache = cdz_map_getz(run->task->props, "cache"), files;
    struct state s = {0};
    bool failed = false;
    if (cache.kind == CDZ_MAP)
        CDZ_TRY(restore(run, dir, cache, err));
    CDZ_TRY(cdz_workdir_fill(dir, err));
    begin(&s, run);
    for (size_t i = 0; !failed && i < run->task->tasks.n; i++)
        CDZ_TRY(one(&s, run->task->tasks.v[i], &failed, err));
    if (failed)
        return cdz_fail(err, CDZ_E_TASK, "A task of the working directory has failed");
    CDZ_TRY(cdz_workdir_collect(dir, NULL, &files, err));
    if (files.kind == CDZ_MAP && cdz_map_n(files) > 0)
        cdz_run_output(run, "outputFiles", files);
    if (cache.kind == CDZ_MAP)
        CDZ_TRY(keep(run, dir, cache, err));
    if (s.warned)
        run->state = CDZ_WARNING;
    return CDZ_OK;
}

cdz_rc cdz_nested_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_workdir dir;
    CDZ_TRY(cdz_workdir_open(run, &dir, err));
    run->shared_dir = dir.path;
    cdz_rc rc = in_directory(run, &dir, err);
    run->shared_dir = NULL;
    cdz_workdir_close(&dir);
    return rc;
}
