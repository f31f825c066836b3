/*
 * standalone.c -- all servers in one process: opens the stores named by the configuration, starts
 * executor, worker and indexer, and takes them down in the order that loses nothing: no new jobs,
 * running attempts to their end, executor, indexer, stores.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/time.h"
#include "plugin/registry.h"
#include "queue/backends.h"
#include "repository/backends.h"
#include "server/server.h"
#include "sqlite/db.h"
#include "storage/backends.h"
#include "task/runner/orphans.h"
#include "task/sparedirs.h"

struct cdz_standalone {
    struct cdz_services services;
    struct cdz_counters counters;
    struct cdz_db *db; /* NULL when everything is volatile */
    struct cdz_executor *executor;
    struct cdz_worker *worker;
    struct cdz_indexer *indexer;
};

static cdz_rc make_dir(cdz_str path, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(512);
    char *p = cdz_arena_alloc(arena, path.n + 1);
    memcpy(p, path.p, path.n);
    p[path.n] = 0;
    for (size_t i = 1; i <= path.n; i++) {
        if (p[i] != '/' && p[i] != 0)
            continue;
        char was = p[i];
        p[i] = 0;
        if (mkdir(p, 0700) != 0 && errno != EEXIST)
            return cdz_fail_errno(err, errno, "mkdir", "directory %s cannot be made", p);
        p[i] = was;
    }
    return CDZ_OK;
}

static bool is_one_of(cdz_str s, const char *a, const char *b, const char *c)
{
    return cdz_str_is(s, a) || cdz_str_is(s, b) || cdz_str_is(s, c);
}

static cdz_rc open_stores(struct cdz_standalone *s, bool volatile_store, struct cdz_err *err)
{
    const struct cdz_config *c = s->services.config;
    CDZ_AUTO_ARENA arena = cdz_arena_open(512);
    bool mem_queue = volatile_store || is_one_of(c->queue_type, "memory", "mem", "mem");
    bool mem_repository = volatile_store || is_one_of(c->repository_type, "memory", "mem", "mem");
    /* h2 is the original's zero-configuration store: ours takes its place. */
    if (!mem_queue && !is_one_of(c->queue_type, "sqlite", "h2", "embedded"))
        return cdz_fail(err, CDZ_E_INVALID,
                        "queue.type `%.*s` is not known to this server: sqlite, memory",
                        CDZ_S(c->queue_type));
    if (!mem_repository && !is_one_of(c->repository_type, "sqlite", "h2", "embedded"))
        return cdz_fail(err, CDZ_E_INVALID,
                        "repository.type `%.*s` is not known to this server: sqlite, memory",
                        CDZ_S(c->repository_type));
    if (!cdz_str_is(c->storage_type, "local"))
        return cdz_fail(err, CDZ_E_INVALID,
                        "storage.type `%.*s` is not known to this server: local",
                        CDZ_S(c->storage_type));
    CDZ_TRY(make_dir(c->data_dir, err));
    CDZ_TRY(make_dir(c->tmp_dir, err));
    if (!mem_queue || !mem_repository)
        CDZ_TRY(cdz_db_open(cdz_arena_z(arena, c->data_dir), NULL, &s->db, err));
    if (s->db) { /* the lock of the database is ours: what lies in tmp is nobody's */
        unsigned orphans = cdz_orphans_clear(c->tmp_dir);
        if (orphans)
            cdz_log(CDZ_WARN, "worker",
                    "msg=\"processes of a killed server were stopped\" count=%u", orphans);
    }
    if (mem_queue)
        s->services.queue = cdz_queue_mem_open();
    else
        CDZ_TRY(cdz_queue_sqlite_open(s->db, NULL, &s->services.queue, err));
    if (mem_repository)
        s->services.repository = cdz_repository_mem_open();
    else
        CDZ_TRY(cdz_repository_sqlite_open(s->db, &s->services.repository, err));
    return cdz_storage_local_open(cdz_arena_z(arena, c->storage_path), &s->services.storage, err);
}

/* secret("NAME"): the environment, and the file that the configuration names. */
static cdz_rc load_secrets(struct cdz_services *v, struct cdz_err *err)
{
    cdz_val file = cdz_config_get(v->config, "secret.file");
    CDZ_AUTO_ARENA arena = cdz_arena_open(512);
    if (file.kind != CDZ_TEXT || !file.n)
        return CDZ_OK;
    return cdz_secrets_load(cdz_arena_z(arena, cdz_val_str(file)), &v->secrets, err);
}

static struct cdz_flow *flow_of(void *ctx, cdz_str namespace_, cdz_str id, int revision)
{
    struct cdz_services *v = ctx;
    struct cdz_flow *flow;
    struct cdz_err err;
    return cdz_flows_get(v->flows, namespace_, id, revision, &flow, &err) == CDZ_OK ? flow : NULL;
}

static cdz_rc start(struct cdz_standalone *s, bool volatile_store, struct cdz_err *err)
{
    struct cdz_services *v = &s->services;
    const struct cdz_config *c = v->config;
    struct cdz_flow_options options = {.registry = v->registry,
                                       .plugin_defaults = c->plugin_defaults,
                                       .templates = c->templates_enabled};
    CDZ_TRY(load_secrets(v, err));
    CDZ_TRY(open_stores(s, volatile_store, err));
    cdz_task_services_init(v);
    v->worker_env = (struct cdz_worker_env){
        .storage = v->storage,
        .tmp_dir = c->tmp_dir,
        .spare_dirs = cdz_spare_dirs_open(),
        .globals = c->globals,
        .envs = c->envs,
        .zone = c->zone,
        .recursive_rendering = c->recursive_rendering,
        .kill_grace_us = 5 * CDZ_SECOND,
        .output_bytes_max = CDZ_OUTPUT_BYTES_MAX,
        .registry = v->registry,
        .secrets = v->secrets,
        .encryption_key = c->encryption_key,
        .services = &v->task_services,
    };
    v->answers = (struct cdz_answers){.storage = v->storage,
                                      .encryption_key = c->encryption_key,
                                      .secrets = v->secrets,
                                      .services = &v->task_services};
    v->exec_env = (struct cdz_exec_env){
        .world = cdz_answer_env,
        .world_ctx = &v->answers,
        .encryption_key = c->encryption_key,
        .reveal = cdz_answer_reveal,
        .globals = c->globals,
        .envs = c->envs,
        .zone = c->zone,
        .recursive = c->recursive_rendering,
        .pools = c->pools,
        .flow_of = flow_of,
        .ctx = v,
    };
    CDZ_TRY(cdz_flows_open(v->queue, &options, &v->flows, err));
    CDZ_TRY(cdz_flows_reconcile(v->flows, v->repository, err));
    CDZ_TRY(cdz_indexer_start(v, &s->indexer, err));
    if (c->worker_threads > 0)
        CDZ_TRY(cdz_worker_start(v, c->worker_threads, &s->worker, err));
    return cdz_executor_start(v, &s->executor, err);
}

cdz_rc cdz_standalone_start(const struct cdz_config *config, bool volatile_store,
                            struct cdz_standalone **ret, struct cdz_err *err)
{
    struct cdz_standalone *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->services.config = config;
    s->services.registry = cdz_registry_builtin();
    s->services.counters = &s->counters;
    s->services.hub = cdz_hub_open();
    cdz_rc rc = start(s, volatile_store, err);
    if (rc != CDZ_OK) {
        cdz_standalone_stop(s);
        return rc;
    }
    *ret = s;
    return CDZ_OK;
}

struct cdz_services *cdz_standalone_services(struct cdz_standalone *s)
{
    return &s->services;
}

void cdz_standalone_stop(struct cdz_standalone *s)
{
    if (!s)
        return;
    cdz_worker_stop(s->worker, s->services.config->termination_grace);
    cdz_spare_dirs_close(s->services.worker_env.spare_dirs);
    cdz_executor_stop(s->executor);
    cdz_indexer_stop(s->indexer);
    cdz_flows_close(s->services.flows);
    cdz_hub_close(s->services.hub);
    cdz_queue_close(s->services.queue);
    cdz_repository_close(s->services.repository);
    cdz_storage_close(s->services.storage);
    cdz_db_close(s->db);
    cdz_secrets_free(s->services.secrets);
    free(s);
}
