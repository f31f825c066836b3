/*
 * task_rig.h -- one attempt of a task without a server: its flow parsed from YAML, a storage in
 * memory, a temporary directory, and a log and metrics that are kept as text.
 */
#ifndef CDZ_TEST_TASK_RIG_H
#define CDZ_TEST_TASK_RIG_H

#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../contract/tmpdir.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "plugin/registry.h"
#include "storage/backends.h"
#include "task/world.h"
#include "test.h"

struct task_rig {
    struct cdz_run run; /* first */
    struct cdz_worker_env worker;
    struct cdz_job job;
    struct cdz_flow *flow;
    struct cdz_task_world world;
    struct cdz_buf logs;    /* "LEVEL message\n" */
    struct cdz_buf metrics; /* "type name=value {tags}\n" */
    const char *cancel_on;  /* cancels when this message is logged */
    _Atomic enum cdz_cancel cancel;
    char dir[64];
    cdz_rc rc;
    struct cdz_err err;
};

static inline void task_rig_cancel(struct task_rig *r, enum cdz_cancel why)
{
    uint64_t one = 1;
    r->cancel = why;
    if (write(r->run.cancel_fd, &one, sizeof(one)) < 0)
        abort();
}

static inline void task_rig_log(struct cdz_run *run, enum cdz_level level, cdz_us at,
                                cdz_str message)
{
    struct task_rig *r = (struct task_rig *)run;
    (void)at;
    cdz_buf_printf(&r->logs, "%s ", cdz_level_names[level]);
    cdz_buf_str(&r->logs, message); /* printf would take this much of it only */
    cdz_buf_c(&r->logs, '\n');
    if (r->cancel_on && cdz_str_is(message, r->cancel_on))
        task_rig_cancel(r, CDZ_CANCEL_KILL);
}

static inline void task_rig_metric(struct cdz_run *run, const char *type, cdz_str name,
                                   double value, cdz_val tags)
{
    struct task_rig *r = (struct task_rig *)run;
    cdz_buf_printf(&r->metrics, "%s %.*s=%g ", type, CDZ_S(name), value);
    cdz_json_print(&r->metrics, tags, 0);
    cdz_buf_c(&r->metrics, '\n');
}

static inline enum cdz_cancel task_rig_cancelled(struct cdz_run *run)
{
    return ((struct task_rig *)run)->cancel;
}

static inline void task_rig_open(struct task_rig *r)
{
    memset(r, 0, sizeof(*r));
    tmpdir_make(r->dir);
    struct cdz_arena *arena = cdz_arena_open(0);
    r->worker = (struct cdz_worker_env){.storage = cdz_storage_mem_open(),
                                        .tmp_dir = cdz_str_z(r->dir),
                                        .zone = CDZ_STR("UTC"),
                                        .kill_grace_us = 2 * CDZ_SECOND,
                                        .output_bytes_max = CDZ_OUTPUT_BYTES_MAX};
    r->job = (struct cdz_job){.execution_id = CDZ_STR("exec1"),
                              .namespace_ = CDZ_STR("a.b"),
                              .flow_id = CDZ_STR("f"),
                              .taskrun_id = CDZ_STR("run1"),
                              .epoch = 1,
                              .context = cdz_val_map(arena, 0)};
    r->run = (struct cdz_run){.worker = &r->worker,
                              .job = &r->job,
                              .arena = arena,
                              .state = CDZ_SUCCESS,
                              .cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                              .cancelled = task_rig_cancelled,
                              .log = task_rig_log,
                              .metric = task_rig_metric};
}

static inline void task_rig_close(struct task_rig *r)
{
    cdz_flow_unref(r->flow);
    cdz_storage_close(r->worker.storage);
    cdz_buf_done(&r->logs);
    cdz_buf_done(&r->metrics);
    cdz_arena_close(r->run.arena);
    close(r->run.cancel_fd);
    tmpdir_remove(r->dir);
}

/* Parses a flow whose only task is `yaml`: its lines below `- id: t`, without indent. */
static inline bool task_rig_parse(struct task_rig *r, const char *yaml)
{
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    struct cdz_problems problems = {.arena = r->run.arena};
    struct cdz_flow_options options = {.registry = cdz_registry_builtin()};
    cdz_buf_z(&text, "id: f\nnamespace: a.b\ntasks:\n  - id: t\n");
    for (const char *p = yaml; *p;) {
        size_t n = strcspn(p, "\n");
        cdz_buf_printf(&text, "    %.*s\n", (int)n, p);
        p += n + (p[n] == '\n');
    }
    cdz_flow_unref(r->flow);
    r->flow = NULL;
    r->rc = cdz_flow_parse(cdz_arena_str(r->run.arena, cdz_buf_get(&text)), &options, &problems,
                           &r->flow, &r->err);
    return r->rc == CDZ_OK;
}

/* Runs one attempt of that task: r->rc, r->err, r->run.outputs, r->run.state, logs, metrics. */
static inline cdz_rc task_rig_run(struct task_rig *r, const char *yaml)
{
    if (!task_rig_parse(r, yaml)) {
        printf("# the task cannot be parsed: %s\n", r->err.text);
        test_failures++;
        return r->rc;
    }
    cdz_buf_reset(&r->logs);
    cdz_buf_reset(&r->metrics);
    r->job.epoch++;
    r->job.task_id = CDZ_STR("t");
    r->run.flow = r->flow;
    r->run.task = r->flow->tasks.v[0];
    r->run.outputs = cdz_val_map(r->run.arena, 0);
    r->run.state = CDZ_SUCCESS;
    cdz_task_world_init(&r->world, &r->run);
    r->run.env = &r->world.env;
    r->rc = r->run.task->type->run(&r->run, &r->err);
    return r->rc;
}

static inline bool task_rig_logged(const struct task_rig *r, const char *line)
{
    return r->logs.p && strstr(r->logs.p, line);
}

static inline bool task_rig_measured(const struct task_rig *r, const char *line)
{
    return r->metrics.p && strstr(r->metrics.p, line);
}

/* The outputs as JSON. */
static inline const char *task_rig_outputs(const struct task_rig *r)
{
    return cdz_json_text(r->run.arena, r->run.outputs, 0).p;
}

static inline cdz_str task_rig_output(const struct task_rig *r, const char *path)
{
    cdz_val v = cdz_val_path(r->run.outputs, path);
    return v.kind == CDZ_TEXT ? cdz_val_str(v) : CDZ_STR("");
}

/* The content behind a URI, "" when there is none. */
static inline cdz_str task_rig_file(struct task_rig *r, cdz_str uri)
{
    struct cdz_err err;
    cdz_str path, text;
    if (cdz_storage_path(uri, &path, &err) != CDZ_OK ||
        cdz_storage_get(r->worker.storage, path, 100 << 20, r->run.arena, &text, &err) != CDZ_OK)
        return CDZ_STR("");
    return text;
}

/* A file of this execution; its URI. */
static inline cdz_str task_rig_put(struct task_rig *r, const char *folder, const char *name,
                                   const char *content)
{
    struct cdz_err err;
    cdz_str path = cdz_arena_printf(r->run.arena, "/a/b/f/executions/exec1/%s/%s", folder, name);
    if (cdz_storage_put(r->worker.storage, path, cdz_str_z(content), &err) != CDZ_OK)
        abort();
    return cdz_storage_uri(path, r->run.arena);
}

/* Sets a variable of expressions. */
static inline void task_rig_var(struct task_rig *r, const char *name, cdz_val v)
{
    cdz_map_putz(r->run.arena, r->job.context, name, v);
}

#endif
