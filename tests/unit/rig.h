/*
 * rig.h -- the servers of one process in a temporary directory, for the suites server and api: by
 * standalone.c over a store in memory or in a file, or put together here over a queue that a test
 * can break.
 */
#ifndef CDZ_TEST_RIG_H
#define CDZ_TEST_RIG_H

#include "../contract/tmpdir.h"
#include "base/limits.h"
#include "base/time.h"
#include "plugin/registry.h"
#include "queue/backends.h"
#include "repository/backends.h"
#include "server/server.h"
#include "sqlite/db.h"
#include "storage/backends.h"
#include "test.h"

enum rig_kind { RIG_VOLATILE, RIG_FILE, RIG_FAULTY };

struct rig {
    char dir[64];
    struct cdz_config *config;
    struct cdz_services *s;
    struct cdz_standalone *alone;
    /* RIG_FAULTY */
    struct cdz_fault fault;
    struct cdz_services own;
    struct cdz_counters counters;
    struct cdz_db *db;
    struct cdz_executor *executor;
    struct cdz_worker *worker;
    struct cdz_indexer *indexer;
};

/* A call that must succeed for the test to make sense; it gets &rig_err. */
static struct cdz_err rig_err;
#define RIG_NEED(call)                                                                             \
    do {                                                                                           \
        if ((call) != CDZ_OK) {                                                                    \
            printf("# %s:%d: %s: %s\n", __FILE__, __LINE__, #call, rig_err.text);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The fault wrapper counts calls: far behind `at` all fail, far before it none does. Any thread. */
enum { RIG_BROKEN_AT = 1 << 30 };

static inline void rig_disk(struct rig *r, bool full)
{
    atomic_store(&r->fault.calls, full ? RIG_BROKEN_AT : 0);
}

static inline void rig_assemble(struct rig *r)
{
    struct cdz_services *s = r->s = &r->own;
    struct cdz_flow_options options = {.registry = cdz_registry_builtin()};
    struct cdz_queue *inner;
    char storage[128];
    snprintf(storage, sizeof(storage), "%s/storage", r->dir);
    r->fault = (struct cdz_fault){.at = RIG_BROKEN_AT, .forever = true};
    *s = (struct cdz_services){.config = r->config,
                               .registry = cdz_registry_builtin(),
                               .counters = &r->counters,
                               .hub = cdz_hub_open()};
    RIG_NEED(cdz_db_open(r->dir, NULL, &r->db, &rig_err));
    RIG_NEED(cdz_queue_sqlite_open(r->db, NULL, &inner, &rig_err));
    s->queue = cdz_queue_fault_open(inner, &r->fault);
    RIG_NEED(cdz_repository_sqlite_open(r->db, &s->repository, &rig_err));
    RIG_NEED(cdz_storage_local_open(storage, &s->storage, &rig_err));
    s->worker_env = (struct cdz_worker_env){.storage = s->storage,
                                            .tmp_dir = r->config->data_dir,
                                            .zone = CDZ_STR("UTC"),
                                            .kill_grace_us = CDZ_SECOND,
                                            .output_bytes_max = CDZ_OUTPUT_BYTES_MAX};
    s->exec_env = (struct cdz_exec_env){.zone = CDZ_STR("UTC")};
    RIG_NEED(cdz_flows_open(s->queue, &options, &s->flows, &rig_err));
    RIG_NEED(cdz_indexer_start(s, &r->indexer, &rig_err));
    RIG_NEED(cdz_worker_start(s, r->config->worker_threads, &r->worker, &rig_err));
    RIG_NEED(cdz_executor_start(s, &r->executor, &rig_err));
}

static inline void rig_go(struct rig *r, enum rig_kind kind)
{
    cdz_log_level(CDZ_ERROR + 1); /* what the tests provoke is not to be read */
    if (kind == RIG_FAULTY) {
        rig_assemble(r);
        return;
    }
    RIG_NEED(cdz_standalone_start(r->config, kind == RIG_VOLATILE, &r->alone, &rig_err));
    r->s = cdz_standalone_services(r->alone);
}

/* Changes the configuration before the servers start; NULL: nothing. */
static void (*rig_configure)(struct cdz_config *config) CDZ_UNUSED;

static inline void rig_start(struct rig *r, enum rig_kind kind)
{
    struct cdz_config_options o = {.data_dir = r->dir, .worker_threads = 4};
    memset(r, 0, sizeof(*r));
    tmpdir_make(r->dir);
    RIG_NEED(cdz_config_load(&o, &r->config, &rig_err));
    r->config->port = 0;
    r->config->termination_grace = 0;
    if (rig_configure)
        rig_configure(r->config);
    rig_go(r, kind);
}

/* Stops the servers and keeps the directory: rig_go() starts them again. */
static inline void rig_halt(struct rig *r)
{
    cdz_standalone_stop(r->alone);
    r->alone = NULL;
    if (!r->db)
        return;
    cdz_worker_stop(r->worker, 0);
    cdz_executor_stop(r->executor);
    cdz_indexer_stop(r->indexer);
    cdz_flows_close(r->s->flows);
    cdz_hub_close(r->s->hub);
    cdz_queue_close(r->s->queue);
    cdz_repository_close(r->s->repository);
    cdz_storage_close(r->s->storage);
    cdz_db_close(r->db);
    r->db = NULL;
}

static inline void rig_stop(struct rig *r)
{
    rig_halt(r);
    cdz_config_free(r->config);
    tmpdir_remove(r->dir);
}

/* Makes a revision of a flow known. */
static inline void rig_deploy(struct rig *r, int revision, const char *text)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow_options options = {.registry = cdz_registry_builtin()};
    struct cdz_flow *flow;
    RIG_NEED(cdz_flow_parse(cdz_str_z(text), &options, &problems, &flow, &rig_err));
    flow->revision = revision;
    RIG_NEED(cdz_flows_publish(r->s->flows, flow, &rig_err));
    cdz_flow_unref(flow);
}

/* Starts an execution of flow t.<id>; CDZ_OK once it is durable. */
static inline cdz_rc rig_try_run(struct rig *r, const char *flow_id, char ret[32],
                                 struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_create c = {0};
    struct cdz_record records[2];
    struct cdz_execution *e;
    CDZ_TRY(cdz_flows_get(r->s->flows, CDZ_STR("t"), cdz_str_z(flow_id), 0, &c.flow, err));
    cdz_rc rc = cdz_execution_make(&c, cdz_now_us(), &e, err);
    cdz_flow_unref(c.flow);
    if (rc != CDZ_OK)
        return rc;
    snprintf(ret, 32, "%.*s", CDZ_S(e->id));
    rc = cdz_queue_send_wait(r->s->queue, records, cdz_execution_records(e, arena, records), err);
    cdz_execution_free(e);
    return rc;
}

static inline void rig_run(struct rig *r, const char *flow_id, char ret[32])
{
    RIG_NEED(rig_try_run(r, flow_id, ret, &rig_err));
}

/* What the repository has of it, or NULL; the caller frees it. */
static inline struct cdz_execution *rig_get(struct rig *r, const char *id)
{
    struct cdz_execution *e = NULL;
    struct cdz_err err;
    if (cdz_repository_execution_get(r->s->repository, cdz_str_z(id), &e, &err) != CDZ_OK)
        return NULL;
    return e;
}

static inline enum cdz_state rig_state(struct rig *r, const char *id)
{
    struct cdz_execution *e = rig_get(r, id);
    enum cdz_state s = e ? cdz_state_now(&e->history) : CDZ_CREATED;
    cdz_execution_free(e);
    return s;
}

/* The execution once it has ended, in at most 10 s; NULL: it has not. The caller frees it. */
static inline struct cdz_execution *rig_end(struct rig *r, const char *id)
{
    bool ended =
        cdz_hub_wait_terminated(r->s->hub, r->s->repository, cdz_str_z(id), 10 * CDZ_SECOND);
    CHECK(ended, "execution %s has not ended: %s", id, cdz_state_name(rig_state(r, id)));
    return ended ? rig_get(r, id) : NULL;
}

static inline void rig_pause(int ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&ts, NULL);
}

/* Waits until cond holds, at most 10 s. */
#define RIG_UNTIL(cond)                                                                            \
    do {                                                                                           \
        for (int left = 1000; left > 0 && !(cond); left--)                                         \
            rig_pause(10);                                                                         \
        CHECK(cond, "not within 10 s");                                                            \
    } while (0)

/* The message texts of an execution's log at that level or above, joined by newlines. */
static inline cdz_str rig_logs(struct rig *r, const char *id, enum cdz_level least,
                               struct cdz_arena *arena)
{
    struct cdz_log_filter f = {.execution_id = cdz_str_z(id), .attempt = -1, .min_level = least};
    struct cdz_page page = {0};
    struct cdz_log_entry *v;
    cdz_str all = CDZ_STR("");
    uint64_t total;
    size_t n;
    RIG_NEED(cdz_repository_log_find(r->s->repository, &f, &page, arena, &v, &n, &total, &rig_err));
    for (size_t i = 0; i < n; i++)
        all = cdz_arena_printf(arena, "%.*s%.*s\n", CDZ_S(all), CDZ_S(v[i].message));
    return all;
}

static inline bool has(cdz_str text, const char *part)
{
    return cdz_str_find(text, cdz_str_z(part), 0) != SIZE_MAX;
}

#endif
