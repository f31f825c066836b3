/*
 * services.c -- what a few tasks may ask (task/services.h), answered from the repository, the queue and
 * the flows of this process.
 *
 * logs_settle: the lines that an execution has logged stand in the queue before its next task starts,
 * but the repository follows a little later. A mark is sent to the topic LOG under the execution's
 * key, behind those lines; the indexer tells the hub of it once it has written what was before.
 */
#include <pthread.h>

#include "base/id.h"
#include "base/map.h"
#include "base/time.h"
#include "server/server.h"
#include "task/services.h"

#define SETTLE_MAX (5 * CDZ_SECOND)
#define PAUSED_MAX (2 * CDZ_SECOND) /* how long a pause may take to reach the repository */

/* --- logs --- */

struct waiter {
    pthread_mutex_t mu;
    pthread_cond_t told;
    bool is_told;
};

static void on_told(void *ctx, enum cdz_hub_what what, cdz_str record)
{
    struct waiter *w = ctx;
    (void)what, (void)record;
    pthread_mutex_lock(&w->mu);
    w->is_told = true;
    pthread_cond_signal(&w->told);
    pthread_mutex_unlock(&w->mu);
}

static void logs_settle(void *ctx, cdz_str execution_id)
{
    struct cdz_services *s = ctx;
    CDZ_AUTO_ARENA arena = cdz_arena_open(512);
    struct waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    cdz_str mark =
        cdz_arena_printf(arena, "%c%016llx", CDZ_LOG_MARK, (unsigned long long)cdz_random_u64());
    struct cdz_hub_ticket *ticket = cdz_hub_follow(s->hub, mark, on_told, &w);
    struct cdz_record r = {.topic = CDZ_TOPIC_LOG, .key = execution_id, .value = mark};
    cdz_queue_send(s->queue, &r, 1, NULL, NULL);
    cdz_us until = cdz_now_us() + SETTLE_MAX;
    struct timespec ts = {.tv_sec = until / CDZ_SECOND, .tv_nsec = until % CDZ_SECOND * 1000};
    pthread_mutex_lock(&w.mu);
    while (!w.is_told && pthread_cond_timedwait(&w.told, &w.mu, &ts) == 0)
        continue;
    pthread_mutex_unlock(&w.mu);
    cdz_hub_unfollow(s->hub, ticket);
}

static cdz_rc log_find(void *ctx, const struct cdz_log_filter *f, const struct cdz_page *page,
                       struct cdz_arena *arena, struct cdz_log_entry **ret, size_t *ret_n,
                       struct cdz_err *err)
{
    struct cdz_services *s = ctx;
    uint64_t total;
    return cdz_repository_log_find(s->repository, f, page, arena, ret, ret_n, &total, err);
}

static cdz_rc count_logs(struct cdz_services *s, const struct cdz_log_filter *f, uint64_t *ret,
                         struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_page page = {.page = 1, .size = 1};
    struct cdz_log_entry *v;
    size_t n;
    return cdz_repository_log_find(s->repository, f, &page, arena, &v, &n, ret, err);
}

static cdz_rc log_purge(void *ctx, const struct cdz_log_filter *f, uint64_t *ret,
                        struct cdz_err *err)
{
    struct cdz_services *s = ctx;
    struct cdz_repo_op op = {.kind = CDZ_REPO_LOGS_DELETE, .log_filter = f};
    CDZ_TRY(count_logs(s, f, ret, err));
    return *ret ? cdz_repository_apply(s->repository, &op, 1, err) : CDZ_OK;
}

/* --- executions --- */

static cdz_rc execution_find(void *ctx, const struct cdz_execution_filter *f, size_t page,
                             size_t max, struct cdz_arena *arena, struct cdz_executions *ret,
                             struct cdz_err *err)
{
    struct cdz_services *s = ctx;
    struct cdz_page p = {
        .page = page, .size = max, .sort = {{.field = CDZ_STR("id")}}, .sort_count = 1};
    return cdz_repository_execution_find(s->repository, f, &p, arena, ret, err);
}

static cdz_rc execution_count(void *ctx, const struct cdz_execution_filter *f, uint64_t *ret,
                              struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_executions found = {0};
    CDZ_TRY(execution_find(ctx, f, 1, 1, arena, &found, err));
    for (size_t i = 0; i < found.n; i++)
        cdz_execution_free(found.v[i]);
    *ret = found.total;
    return CDZ_OK;
}

static cdz_rc purge_files(struct cdz_services *s, const struct cdz_execution *e, uint64_t *ret,
                          struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str folder = cdz_path_execution(e->namespace_, e->flow_id, e->id, arena);
    struct cdz_file_info *files;
    size_t n;
    CDZ_TRY(cdz_storage_list(s->storage, folder, true, arena, &files, &n, err));
    if (n == 0)
        return CDZ_OK;
    CDZ_TRY(cdz_storage_del(s->storage, folder, err));
    for (size_t i = 0; i < n; i++)
        *ret += !files[i].is_dir;
    return CDZ_OK;
}

static cdz_rc count_metrics(struct cdz_services *s, cdz_str id, uint64_t *ret, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_metric_filter f = {.execution_id = id};
    struct cdz_page page = {.page = 1, .size = 1};
    struct cdz_metric_entry *v;
    size_t n;
    return cdz_repository_metric_find(s->repository, &f, &page, arena, &v, &n, ret, err);
}

/* Files first: when it breaks off, the execution is still there to be found again. */
static cdz_rc execution_purge(void *ctx, const struct cdz_execution *e, unsigned what,
                              struct cdz_purged *sum, struct cdz_err *err)
{
    struct cdz_services *s = ctx;
    struct cdz_log_filter logs = {.execution_id = e->id, .attempt = -1};
    struct cdz_repo_op ops[3];
    uint64_t log_count = 0, metric_count = 0;
    size_t n = 0;
    if (what & CDZ_PURGE_STORAGE)
        CDZ_TRY(purge_files(s, e, &sum->files, err));
    if (what & CDZ_PURGE_LOGS) {
        CDZ_TRY(count_logs(s, &logs, &log_count, err));
        ops[n++] = (struct cdz_repo_op){.kind = CDZ_REPO_LOGS_DELETE, .log_filter = &logs};
    }
    if (what & CDZ_PURGE_METRICS) {
        CDZ_TRY(count_metrics(s, e->id, &metric_count, err));
        ops[n++] = (struct cdz_repo_op){.kind = CDZ_REPO_METRICS_DELETE, .id = e->id};
    }
    if (what & CDZ_PURGE_EXECUTION)
        ops[n++] = (struct cdz_repo_op){
            .kind = CDZ_REPO_EXECUTION_DELETE,
            .id = e->id,
            .flags = (what & CDZ_PURGE_LOGS ? CDZ_REPO_LOGS : 0u) |
                     (what & CDZ_PURGE_METRICS ? CDZ_REPO_METRICS : 0u),
        };
    CDZ_TRY(cdz_repository_apply(s->repository, ops, n, err));
    sum->logs += log_count;
    sum->metrics += metric_count;
    sum->executions += (what & CDZ_PURGE_EXECUTION) != 0;
    return CDZ_OK;
}

static cdz_rc state_of(struct cdz_services *s, cdz_str id, enum cdz_state *ret, struct cdz_err *err)
{
    struct cdz_execution *e;
    cdz_rc rc = cdz_repository_execution_get(s->repository, id, &e, err);
    if (rc == CDZ_E_NOT_FOUND)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "No execution found for id '%.*s'", CDZ_S(id));
    CDZ_TRY(rc);
    *ret = cdz_state_now(&e->history);
    cdz_execution_free(e);
    return CDZ_OK;
}

struct cdz_record cdz_resume_record(cdz_str execution_id, cdz_val inputs, struct cdz_arena *arena)
{
    struct cdz_event ev = {.kind = CDZ_EVENT_RESUME, .outputs = inputs};
    return cdz_event_record(execution_id, &ev, CDZ_STR(""), arena);
}

/* The repository may not have heard yet that the execution is paused: it is asked again for a while. */
static cdz_rc resume(void *ctx, cdz_str id, cdz_val inputs, struct cdz_err *err)
{
    struct cdz_services *s = ctx;
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    const struct timespec pause = {.tv_nsec = 20000000};
    cdz_us until = cdz_mono_us() + PAUSED_MAX;
    enum cdz_state state;
    CDZ_TRY(state_of(s, id, &state, err));
    while (state != CDZ_PAUSED && !cdz_state_is_terminated(state) && cdz_mono_us() < until) {
        nanosleep(&pause, NULL);
        CDZ_TRY(state_of(s, id, &state, err));
    }
    if (state != CDZ_PAUSED)
        return cdz_fail(err, CDZ_E_CONFLICT, "Execution '%.*s' is not paused, can't resume it",
                        CDZ_S(id));
    struct cdz_record r = cdz_resume_record(id, inputs, arena);
    return cdz_queue_send_wait(s->queue, &r, 1, err);
}

/* --- triggers --- */

/* A trigger's row is made by the scheduler, which evaluates it. This version has none, so there is
 * nothing to switch: the caller is told which of the two is missing, the trigger or its row. */
static cdz_rc toggle(void *ctx, cdz_str ns, cdz_str flow_id, cdz_str trigger, bool enabled,
                     struct cdz_err *err)
{
    struct cdz_services *s = ctx;
    struct cdz_flow *flow;
    (void)enabled;
    CDZ_TRY(cdz_flows_get(s->flows, ns, flow_id, 0, &flow, err));
    bool is_there = false;
    for (size_t i = 0; i < flow->trigger_count; i++)
        is_there = is_there || cdz_str_eq(flow->triggers[i].id, trigger);
    cdz_flow_unref(flow);
    return cdz_fail(err, CDZ_E_NOT_FOUND,
                    is_there ? "Trigger %.*s of flow %.*s.%.*s has no state yet: triggers are not "
                               "evaluated by this version"
                             : "Unable to find trigger %.*s of flow %.*s.%.*s",
                    CDZ_S(trigger), CDZ_S(ns), CDZ_S(flow_id));
}

/* --- namespaces --- */

static bool namespace_exists(void *ctx, cdz_str ns)
{
    struct cdz_services *s = ctx;
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    size_t n;
    cdz_str *v = cdz_flows_namespaces(s->flows, ns, arena, &n);
    (void)v; /* only whether there are any */
    return n > 0;
}

static cdz_rc namespaces(void *ctx, struct cdz_arena *arena, cdz_str **ret, size_t *ret_n,
                         struct cdz_err *err)
{
    struct cdz_services *s = ctx;
    (void)err;
    *ret = cdz_flows_namespaces(s->flows, CDZ_STR(""), arena, ret_n);
    return CDZ_OK;
}

void cdz_task_services_init(struct cdz_services *s)
{
    s->task_services = (struct cdz_task_services){
        .ctx = s,
        .logs_settle = logs_settle,
        .log_find = log_find,
        .log_purge = log_purge,
        .execution_count = execution_count,
        .execution_find = execution_find,
        .execution_purge = execution_purge,
        .resume = resume,
        .toggle = toggle,
        .namespace_exists = namespace_exists,
        .namespaces = namespaces,
    };
}
