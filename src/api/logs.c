/* logs.c -- /api/v1/logs and /api/v1/metrics. reference/api.md §4, §5. */
#include "api/internal.h"
#include "base/time.h"

static bool level_of(struct api_call *c, enum cdz_level *ret)
{
    cdz_str v = api_filter(c, "minLevel");
    if (!v.p)
        v = api_filter(c, "level");
    *ret = CDZ_TRACE;
    if (!v.p || v.n == 0 || cdz_level_parse(v, ret))
        return true;
    api_failf(c, CDZ_E_INVALID, "minLevel: `%.*s` is no level", CDZ_S(v));
    return false;
}

static bool filter_of(struct api_call *c, cdz_str execution, struct cdz_log_filter *ret)
{
    struct cdz_log_filter f = {.execution_id = execution, .attempt = -1};
    cdz_str attempt = api_query(c, "attempt");
    int64_t n;
    if (!level_of(c, &f.min_level))
        return false;
    f.task_id = api_filter(c, "taskId");
    f.taskrun_id = api_filter(c, "taskRunId");
    if (attempt.p && attempt.n) {
        if (!cdz_str_to_i64(attempt, &n) || n < 0 || n > INT32_MAX) {
            api_failf(c, CDZ_E_INVALID, "attempt: must be a number from 0");
            return false;
        }
        f.attempt = (int)n;
    }
    *ret = f;
    return true;
}

static bool find(struct api_call *c, const struct cdz_log_filter *f, const struct cdz_page *page,
                 struct cdz_log_entry **v, size_t *n, uint64_t *total)
{
    struct cdz_err err;
    if (cdz_repository_log_find(c->api->s->repository, f, page, c->arena, v, n, total, &err) ==
        CDZ_OK)
        return true;
    api_fail(c, &err);
    return false;
}

static void put_entries(struct cdz_buf *b, const struct cdz_log_entry *v, size_t n)
{
    cdz_buf_c(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            cdz_buf_c(b, ',');
        cdz_log_entry_json(&v[i], b);
    }
    cdz_buf_c(b, ']');
}

static void search(struct api_call *c)
{
    struct cdz_log_filter f = {.attempt = -1,
                               .q = api_filter(c, "q"),
                               .namespace_ = api_filter(c, "namespace"),
                               .flow_id = api_filter(c, "flowId"),
                               .trigger_id = api_filter(c, "triggerId")};
    struct cdz_page page;
    struct cdz_log_entry *v;
    uint64_t total;
    size_t n;
    if (!level_of(c, &f.min_level) || !api_date(c, "startDate", &f.from) ||
        !api_date(c, "endDate", &f.to) || !api_page(c, &page) ||
        !find(c, &f, &page, &v, &n, &total))
        return;
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_z(&b, "{\"results\":");
    put_entries(&b, v, n);
    cdz_buf_printf(&b, ",\"total\":%llu}", (unsigned long long)total);
    api_json(c, 200, &b);
}

static void get(struct api_call *c)
{
    struct cdz_log_filter f;
    struct cdz_page page = {0};
    struct cdz_log_entry *v;
    uint64_t total;
    size_t n;
    if (!filter_of(c, c->param[0], &f) || !find(c, &f, &page, &v, &n, &total))
        return;
    struct cdz_buf b = CDZ_BUF_INIT;
    put_entries(&b, v, n);
    api_json(c, 200, &b);
}

static void download(struct api_call *c)
{
    struct cdz_log_filter f;
    struct cdz_page page = {0};
    struct cdz_log_entry *v;
    uint64_t total;
    size_t n;
    if (!filter_of(c, c->param[0], &f) || !find(c, &f, &page, &v, &n, &total))
        return;
    struct cdz_buf b = CDZ_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        char at[CDZ_INSTANT_TEXT];
        cdz_buf_printf(&b, "%s%.*s %s ", i ? "\n" : "", CDZ_S(cdz_instant_print(v[i].at, at)),
                       cdz_level_names[v[i].level]);
        cdz_buf_str(&b, v[i].message);
    }
    struct cdz_http_pair header = {
        CDZ_STR("Content-Disposition"),
        cdz_arena_printf(c->arena, "attachment; filename=\"%.*s.log\"", CDZ_S(c->param[0]))};
    if (!cdz_utf8_valid(header.value) || memchr(header.value.p, '\n', header.value.n) ||
        memchr(header.value.p, '\r', header.value.n))
        header.value = CDZ_STR("attachment");
    cdz_http_answer_buf(c->x, 200, "text/plain", &b, &header, 1);
}

static void follow(struct api_call *c)
{
    enum cdz_level least;
    if (level_of(c, &least))
        api_follow_logs(c, c->param[0], least);
}

static void delete (struct api_call *c)
{
    struct cdz_log_filter f;
    struct cdz_err err;
    if (!filter_of(c, c->param[0], &f))
        return;
    struct cdz_repo_op op = {.kind = CDZ_REPO_LOGS_DELETE, .id = c->param[0], .log_filter = &f};
    if (cdz_repository_apply(c->api->s->repository, &op, 1, &err) == CDZ_OK)
        api_empty(c, 200);
    else
        api_fail(c, &err);
}

static void metrics(struct api_call *c)
{
    struct cdz_metric_filter f = {.execution_id = c->param[0],
                                  .task_id = api_query(c, "taskId"),
                                  .taskrun_id = api_query(c, "taskRunId")};
    struct cdz_page page;
    struct cdz_metric_entry *v;
    struct cdz_err err;
    uint64_t total;
    size_t n;
    if (!api_page(c, &page))
        return;
    if (cdz_repository_metric_find(c->api->s->repository, &f, &page, c->arena, &v, &n, &total,
                                   &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_z(&b, "{\"results\":[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            cdz_buf_c(&b, ',');
        cdz_metric_entry_json(&v[i], &b);
    }
    cdz_buf_printf(&b, "],\"total\":%llu}", (unsigned long long)total);
    api_json(c, 200, &b);
}

const struct api_route api_log_routes[] = {
    {"GET", "/logs/search", search, "LOG_READ"},
    {"GET", "/logs/{execution}", get, "LOG_READ"},
    {"GET", "/logs/{execution}/download", download, "LOG_READ"},
    {"GET", "/logs/{execution}/follow", follow, "LOG_READ"},
    {"DELETE", "/logs/{execution}", delete, "LOG_DELETE"},
    {"GET", "/metrics/{execution}", metrics, "EXECUTION_READ"},
    {0},
};
