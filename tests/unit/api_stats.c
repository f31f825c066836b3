/* api_stats.c -- statistics over the API. */
#include "site.h"

#include "base/time.h"

static const char good_flow[] =
    "id: good\nnamespace: t.a\ntriggers:\n"
    "  - {id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: k}\n"
    "  - {id: cron, type: io.kestra.plugin.core.trigger.Schedule, cron: \"0 0 1 1 *\"}\n"
    "tasks:\n"
    "  - {id: say, type: io.kestra.plugin.core.log.Log, message: hello}\n";
static const char bad_flow[] = "id: bad\nnamespace: t\ntasks:\n"
                               "  - {id: stop, type: io.kestra.plugin.core.execution.Fail}\n";

static struct reply ask(struct site *s, const char *path, const char *body)
{
    return call(s, "POST", path, "application/json", cdz_str_z(body));
}

static void open_with_runs(struct site *s)
{
    static const char *const paths[] = {"/api/v1/executions/t.a/good?wait=true",
                                        "/api/v1/executions/t.a/good?wait=true",
                                        "/api/v1/executions/t/bad?wait=true"};
    site_open(s, RIG_VOLATILE);
    deploy(s, good_flow);
    deploy(s, bad_flow);
    for (size_t i = 0; i < CDZ_COUNT(paths); i++) {
        AUTO_REPLY r = post(s, paths[i]);
        CHECK_STATUS(r, 200);
    }
}

/* The sum over all entries of a list of a number in them. */
static int64_t sum_of(cdz_val list, const char *path)
{
    int64_t sum = 0;
    if (list.kind != CDZ_LIST)
        return -1;
    CDZ_LIST_EACH (v, list)
        sum += cdz_val_path(*v, path).i;
    return sum;
}

TEST(executions_are_counted_by_day)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    open_with_runs(&s);
    AUTO_REPLY all = ask(&s, "/api/v1/stats/executions/daily", "{\"namespace\":\"t\"}");
    CHECK_STATUS(all, 200);
    cdz_val v = json_of(&all, arena);
    CHECK(cdz_list_n(v) == 31, "30 days ago to now, both days too: %zu", cdz_list_n(v));
    CHECK(sum_of(v, "executionCounts.SUCCESS") == 2 && sum_of(v, "executionCounts.FAILED") == 1 &&
              sum_of(v, "duration.count") == 3 && sum_of(v, "executionCounts.CANCELLED") == 0,
          "%.600s", all.body.p);
    cdz_val last = cdz_list_at(v, cdz_list_n(v) - 1), took = cdz_val_path(last, "duration.max");
    CHECK(cdz_str_is(text_at(last, "groupBy"), "day") && took.kind == CDZ_FLOAT && took.f > 0 &&
              cdz_str_ends(text_at(last, "startDate"), CDZ_STR("Z")),
          "%.600s", all.body.p);
    AUTO_REPLY one = ask(&s, "/api/v1/stats/executions/daily",
                         "{\"namespace\":\"t\",\"flowId\":\"bad\",\"state\":[\"FAILED\"],"
                         "\"scope\":[\"USER\"]}");
    CHECK(sum_of(json_of(&one, arena), "duration.count") == 1, "%.600s", one.body.p);
    AUTO_REPLY none = ask(&s, "/api/v1/stats/executions/daily", "{\"state\":[\"RUNNING\"]}");
    CHECK(sum_of(json_of(&none, arena), "duration.count") == 0, "%.600s", none.body.p);
    site_close(&s);
}

TEST(the_length_of_the_spans_follows_from_the_range)
{
    static const struct {
        const char *from, *to, *unit;
        size_t n;
    } rows[] = {
        {"2024-01-01T00:00:00Z", "2024-01-01T00:59:59Z", "minute", 60},
        {"2024-01-01T00:00:30Z", "2024-01-01T00:02:00Z", "minute", 3},
        {"2024-01-01T00:00:00Z", "2024-01-01T23:59:00Z", "hour", 24},
        {"2024-02-01T12:00:00Z", "2024-03-01T00:00:00Z", "day", 30},
        {"2024-01-01T00:00:00Z", "2024-07-07T00:00:00Z", "week", 27}, /* a Monday to a Sunday */
        {"2023-12-31T00:00:00Z", "2025-01-01T00:00:00Z", "month", 14},
    };
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        char body[200];
        snprintf(body, sizeof(body), "{\"startDate\":\"%s\",\"endDate\":\"%s\"}", rows[i].from,
                 rows[i].to);
        AUTO_REPLY r = ask(&s, "/api/v1/stats/executions/daily", body);
        CHECK_STATUS(r, 200);
        cdz_val v = json_of(&r, arena);
        CHECK(cdz_list_n(v) == rows[i].n && cdz_str_is(text_at(v, "0.groupBy"), rows[i].unit),
              "%s to %s: %zu of %.*s", rows[i].from, rows[i].to, cdz_list_n(v),
              CDZ_S(text_at(v, "0.groupBy")));
    }
    site_close(&s);
}

TEST(what_is_wrong_with_a_request_is_told)
{
    static const char *const bodies[] = {
        "[]",
        "{",
        "{\"namespace\":1}",
        "{\"state\":[\"NONE\"]}",
        "{\"state\":\"FAILED\"}",
        "{\"scope\":[1]}",
        "{\"startDate\":\"yesterday\"}",
        "{\"startDate\":\"2024-01-02T00:00:00Z\",\"endDate\":\"2024-01-01T00:00:00Z\"}",
        "{\"startDate\":\"0001-01-01T00:00:00Z\"}",
    };
    struct site s;
    site_open(&s, RIG_VOLATILE);
    for (size_t i = 0; i < CDZ_COUNT(bodies); i++) {
        AUTO_REPLY r = ask(&s, "/api/v1/stats/executions/daily", bodies[i]);
        CHECK(r.status == 422, "%s: %ld", bodies[i], r.status);
    }
    AUTO_REPLY level = ask(&s, "/api/v1/stats/logs/daily", "{\"logLevel\":\"LOUD\"}");
    CHECK_STATUS(level, 422);
    AUTO_REPLY runs = ask(&s, "/api/v1/stats/taskruns/daily", "{}");
    CHECK_STATUS(runs, 422);
    site_close(&s);
}

TEST(executions_are_counted_by_flow_and_namespace)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    open_with_runs(&s);
    const char *path = "/api/v1/stats/executions/daily/group-by-flow";
    AUTO_REPLY all = ask(&s, path, "{}");
    CHECK_STATUS(all, 200);
    cdz_val v = json_of(&all, arena);
    CHECK(sum_of(cdz_map_getz(cdz_map_getz(v, "t.a"), "good"), "executionCounts.SUCCESS") == 2 &&
              sum_of(cdz_map_getz(cdz_map_getz(v, "t"), "bad"), "executionCounts.FAILED") == 1,
          "%.600s", all.body.p);
    AUTO_REPLY some = ask(&s, path, "{\"flows\":[{\"namespace\":\"t.a\",\"id\":\"good\"}]}");
    v = json_of(&some, arena);
    CHECK(cdz_map_n(v) == 1 && cdz_map_getz(v, "t.a").kind == CDZ_MAP, "%.600s", some.body.p);
    AUTO_REPLY only = ask(&s, path, "{\"namespaceOnly\":true}");
    v = json_of(&only, arena);
    CHECK(sum_of(cdz_map_getz(cdz_map_getz(v, "t.a"), "*"), "duration.count") == 2, "%.600s",
          only.body.p);
    AUTO_REPLY names = ask(&s, "/api/v1/stats/executions/daily/group-by-namespace", "{}");
    v = json_of(&names, arena);
    cdz_val a = cdz_map_getz(v, "t.a");
    CHECK(cdz_map_getz(a, "total").i == 2 && cdz_val_path(a, "counts.SUCCESS").i == 2 &&
              cdz_val_path(a, "counts.FAILED").kind == CDZ_INT,
          "%s", names.body.p);
    site_close(&s);
}

TEST(the_latest_execution_of_each_flow_is_found)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    open_with_runs(&s);
    AUTO_REPLY run = post(&s, "/api/v1/executions/t.a/good?wait=true");
    cdz_str id = text_at(json_of(&run, arena), "id");
    AUTO_REPLY r = ask(&s, "/api/v1/stats/executions/latest/group-by-flow",
                       "{\"flows\":[{\"namespace\":\"t.a\",\"id\":\"good\"},"
                       "{\"namespace\":\"t\",\"id\":\"none\"},"
                       "{\"namespace\":\"t\",\"id\":\"bad\"}]}");
    CHECK_STATUS(r, 200);
    cdz_val v = json_of(&r, arena);
    CHECK(cdz_list_n(v) == 2 && cdz_str_eq(text_at(v, "0.id"), id) &&
              cdz_str_is(text_at(v, "1.flowId"), "bad"),
          "%.600s", r.body.p);
    site_close(&s);
}

TEST(logs_are_counted_by_level)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    int64_t info = 0;
    open_with_runs(&s);
    for (int i = 0; i < 100 && info < 2; i++) { /* logs are indexed a little later */
        AUTO_REPLY r = ask(&s, "/api/v1/stats/logs/daily",
                           "{\"namespace\":\"t.a\",\"flowId\":\"good\",\"q\":\"hello\"}");
        CHECK_STATUS(r, 200);
        info = sum_of(json_of(&r, arena), "counts.INFO");
        if (info < 2)
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    CHECK(info == 2, "%lld", (long long)info);
    AUTO_REPLY r =
        ask(&s, "/api/v1/stats/logs/daily", "{\"namespace\":\"t.a\",\"logLevel\":\"ERROR\"}");
    CHECK(sum_of(json_of(&r, arena), "counts.INFO") == 0, "%.300s", r.body.p);
    AUTO_REPLY sum = ask(&s, "/api/v1/stats/summary", "{}");
    cdz_val v = json_of(&sum, arena);
    CHECK(cdz_map_getz(v, "flows").i == 2 && cdz_map_getz(v, "triggers").i == 1, "%s", sum.body.p);
    site_close(&s);
}

TEST_MAIN
