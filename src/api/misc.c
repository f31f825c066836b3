/* misc.c -- what is no resource: configuration for clients, health, metrics for Prometheus, the
 * root. reference/api.md §10.5, §14. */
#include <sys/resource.h>
#include <unistd.h>

#include "api/internal.h"
#include "base/time.h"

static void configs(struct api_call *c)
{
    const struct cdz_config *config = c->api->s->config;
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_z(&w, "version", API_VERSION);
    cdz_jw_z(&w, "product", "cadenza");
    cdz_jw_bool(&w, "isCustomDashboardsEnabled", false);
    cdz_jw_bool(&w, "isTaskRunEnabled", false);
    cdz_jw_bool(&w, "isAnonymousUsageEnabled", false);
    cdz_jw_bool(&w, "isTemplateEnabled", config->templates_enabled);
    cdz_jw_bool(&w, "isBasicAuthEnabled", config->basic_user.n > 0);
    cdz_jw_open(&w, "preview", '{');
    cdz_jw_int(&w, "initial", 100);
    cdz_jw_int(&w, "max", 5000);
    cdz_jw_close(&w, '}');
    cdz_jw_z(&w, "systemNamespace", "system");
    cdz_jw_open(&w, "hiddenLabelsPrefixes", '[');
    cdz_jw_z(&w, NULL, "system.");
    cdz_jw_z(&w, NULL, "internal.");
    cdz_jw_close(&w, ']');
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

static void ping(struct api_call *c)
{
    api_text(c, 200, "text/plain", CDZ_STR("pong"));
}

static void root(struct api_call *c)
{
    struct cdz_buf none = CDZ_BUF_INIT;
    struct cdz_http_pair header = {CDZ_STR("Location"), CDZ_STR("/ui/")};
    cdz_http_answer_buf(c->x, 307, NULL, &none, &header, 1);
}

static void ui(struct api_call *c)
{
    api_text(c, 200, "text/html; charset=utf-8",
             CDZ_STR("<!doctype html><title>Cadenza</title><h1>Cadenza</h1><p>The server is "
                     "running; the web UI is not part of this version. "
                     "<a href=\"/api/v1/flows/search\">flows</a>, <a "
                     "href=\"/api/v1/executions/search\">executions</a>, "
                     "<a href=\"/health\">health</a>, <a href=\"/metrics\">metrics</a>"));
}

/* UP when the repository answers; the queue shares its disk. */
static void health(struct api_call *c)
{
    struct cdz_err err;
    struct cdz_flow_filter f = {0};
    struct cdz_page page = {.page = 1, .size = 1};
    struct cdz_flow_row *rows;
    uint64_t total;
    size_t n;
    bool up = cdz_repository_flow_find(c->api->s->repository, &f, &page, c->arena, &rows, &n,
                                       &total, &err) == CDZ_OK;
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_z(&w, "name", "cadenza");
    cdz_jw_z(&w, "status", up ? "UP" : "DOWN");
    cdz_jw_open(&w, "details", '{');
    cdz_jw_open(&w, "repository", '{');
    cdz_jw_z(&w, "status", up ? "UP" : "DOWN");
    if (!up)
        cdz_jw_z(&w, "error", err.text);
    cdz_jw_close(&w, '}');
    cdz_jw_close(&w, '}');
    cdz_jw_close(&w, '}');
    api_json(c, up ? 200 : 503, &b);
}

static void put_metric(struct cdz_buf *b, const char *name, const char *type, const char *help,
                       double value)
{
    cdz_buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type, name,
                   value);
}

static void put_states(struct cdz_buf *b, const char *name, const char *help,
                       const _Atomic uint64_t *by_state)
{
    cdz_buf_printf(b, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
    for (int s = 0; s < CDZ_STATE_COUNT; s++) {
        if (cdz_state_is_terminated((enum cdz_state)s))
            cdz_buf_printf(b, "%s{state=\"%s\"} %llu\n", name, cdz_state_name((enum cdz_state)s),
                           (unsigned long long)by_state[s]);
    }
}

static double resident_bytes(void)
{
    unsigned long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%lu %lu", &all, &pages) != 2)
            pages = 0;
        fclose(f);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void metrics(struct api_call *c)
{
    struct cdz_counters *n = c->api->s->counters;
    struct cdz_buf b = CDZ_BUF_INIT;
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    put_metric(&b, "kestra_executor_execution_started_count_total", "counter",
               "Executions started.", (double)n->executions_started);
    put_states(&b, "kestra_executor_execution_end_count_total", "Executions ended.",
               n->executions_ended);
    put_metric(&b, "kestra_executor_workertaskresult_count_total", "counter",
               "Events applied to live executions.", (double)n->results_applied);
    put_metric(&b, "kestra_worker_started_count_total", "counter", "Attempts begun.",
               (double)n->jobs_started);
    put_states(&b, "kestra_worker_ended_count_total", "Attempts ended.", n->jobs_ended);
    put_metric(&b, "kestra_worker_running_count", "gauge", "Attempts running now.",
               (double)n->jobs_running);
    put_metric(&b, "kestra_worker_job_thread", "gauge", "Attempts that may run at once.",
               (double)c->api->s->config->worker_threads);
    put_metric(&b, "kestra_indexer_message_in_count_total", "counter",
               "Records taken over by the indexer.", (double)n->indexed_records);
    put_metric(&b, "kestra_indexer_request_count_total", "counter",
               "Batches written to the repository.", (double)n->index_batches);
    put_metric(&b, "kestra_indexer_request_retry_count_total", "counter", "Batches tried again.",
               (double)n->index_retries);
    put_metric(&b, "cadenza_live_executions", "gauge", "Executions held by the executor.",
               (double)n->live_executions);
    put_metric(&b, "cadenza_parked_executions", "gauge", "Executions that wait for workers.",
               (double)n->executions_parked);
    put_metric(&b, "cadenza_jobs_dispatched_total", "counter", "Attempts sent to workers.",
               (double)n->jobs_dispatched);
    put_metric(&b, "cadenza_events_dropped_total", "counter", "Late or unknown events dropped.",
               (double)n->results_dropped);
    put_metric(&b, "cadenza_steps_total", "counter", "Steps of the executor.", (double)n->steps);
    put_metric(&b, "cadenza_commits_total", "counter", "Commits of the executor.",
               (double)n->commits);
    put_metric(&b, "cadenza_commit_retries_total", "counter", "Commits tried again.",
               (double)n->commit_retries);
    put_metric(&b, "cadenza_records_damaged_total", "counter", "Records that could not be read.",
               (double)n->records_damaged);
    put_metric(&b, "cadenza_log_lines_total", "counter", "Log lines of task runs.",
               (double)n->log_lines);
    put_metric(&b, "process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes());
    put_metric(&b, "process_cpu_seconds_total", "counter", "CPU time.",
               (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                   (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    put_metric(&b, "process_start_time_seconds", "gauge", "Start of the process.",
               (double)c->api->started / (double)CDZ_SECOND);
    cdz_http_answer_buf(c->x, 200, "text/plain; version=0.0.4; charset=utf-8", &b, NULL, 0);
}

const struct api_route api_misc_routes[] = {
    {"GET", "/configs", configs, "OPEN"},
    {0},
};

const struct api_route api_root_routes[] = {
    {"GET", "/", root, "OPEN"},
    {"GET", "/ui", ui, "OPEN"},
    {"GET", "/ui/{page}", ui, "OPEN"},
    {"GET", "/ping", ping, "OPEN"},
    {"GET", "/health", health, "OPEN"},
    {"GET", "/health/liveness", ping, "OPEN"},
    {"GET", "/health/readiness", health, "OPEN"},
    {"GET", "/metrics", metrics, "OPEN"},
    {"GET", "/prometheus", metrics, "OPEN"},
    {0},
};
