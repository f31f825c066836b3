/*
 * api.c -- the REST API over a real socket: resources, waiting, streams, uploads, and the end of the
 * server while clients hang on it. What breaks the rules: api_hostile.c.
 */
#include <pthread.h>

#include "raw.h"

/* --- flows ------------------------------------------------------------------------------------ */

TEST(a_flow_is_created_changed_listed_and_deleted)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    {
        AUTO_REPLY r = post_yaml(&s, "/api/v1/flows", hello);
        CHECK_STATUS(r, 200);
        CHECK(cdz_map_getz(json_of(&r, arena), "revision").i == 1, "revision");
    }
    {
        AUTO_REPLY r = post_yaml(&s, "/api/v1/flows", hello);
        CHECK_STATUS(r, 422);
        CHECK(has(cdz_buf_get(&r.body), "Flow id already exists"), "%s", r.body.p);
    }
    {
        AUTO_REPLY r = call(&s, "PUT", "/api/v1/flows/t/hello", "application/x-yaml",
                            cdz_str_z(hello)); /* the same text makes no revision */
        CHECK_STATUS(r, 200);
        CHECK(cdz_map_getz(json_of(&r, arena), "revision").i == 1, "revision");
    }
    {
        const char *changed =
            cdz_arena_z(arena, cdz_arena_printf(arena, "%sdescription: new\n", hello));
        AUTO_REPLY r =
            call(&s, "PUT", "/api/v1/flows/t/hello", "application/x-yaml", cdz_str_z(changed));
        CHECK_STATUS(r, 200);
        CHECK(cdz_map_getz(json_of(&r, arena), "revision").i == 2, "revision");
    }
    {
        AUTO_REPLY r = get(&s, "/api/v1/flows/t/hello?revision=1&source=true");
        CHECK_STATUS(r, 200);
        CHECK(cdz_str_is(text_at(json_of(&r, arena), "source"), hello), "source");
    }
    {
        AUTO_REPLY r = get(&s, "/api/v1/flows/search?namespace=t&labels=team:a");
        CHECK_STATUS(r, 200);
        CHECK(cdz_map_getz(json_of(&r, arena), "total").i == 1, "%s", r.body.p);
    }
    {
        AUTO_REPLY r = call(&s, "DELETE", "/api/v1/flows/t/hello", NULL, (cdz_str){NULL, 0});
        CHECK_STATUS(r, 204);
        AUTO_REPLY again = call(&s, "DELETE", "/api/v1/flows/t/hello", NULL, (cdz_str){NULL, 0});
        CHECK_STATUS(again, 404);
        AUTO_REPLY gone = get(&s, "/api/v1/flows/t/hello");
        CHECK_STATUS(gone, 404);
        AUTO_REPLY run = post(&s, "/api/v1/executions/t/hello");
        CHECK_STATUS(run, 404);
        AUTO_REPLY kept = get(&s, "/api/v1/flows/t/hello/revisions");
        CHECK_STATUS(kept, 200);
    }
    site_close(&s);
}

TEST(every_mistake_of_a_flow_is_answered_at_once)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    static const char bad[] = "id: bad\nnamespace: t\ntasks:\n"
                              "  - {id: a, type: no.such.Type}\n"
                              "  - {id: b, type: io.kestra.plugin.core.log.Log, mesage: x}\n";
    {
        AUTO_REPLY r = post_yaml(&s, "/api/v1/flows", bad);
        CHECK_STATUS(r, 422);
        cdz_val errors = cdz_val_path(json_of(&r, arena), "_embedded.errors");
        CHECK(errors.kind == CDZ_LIST && errors.list->n >= 2, "%s", r.body.p);
        CHECK(has(text_at(json_of(&r, arena), "message"), "line 4"), "%s", r.body.p);
    }
    {
        AUTO_REPLY r = post_yaml(&s, "/api/v1/flows/validate", bad);
        CHECK_STATUS(r, 200);
        CHECK(has(cdz_buf_get(&r.body), "constraints"), "%s", r.body.p);
    }
    {
        AUTO_REPLY r = post_yaml(&s, "/api/v1/flows", "\x01\x02: [");
        CHECK_STATUS(r, 422);
    }
    {
        AUTO_REPLY r = post_yaml(&s, "/api/v1/flows", "");
        CHECK_STATUS(r, 422);
    }
    site_close(&s);
}

TEST(a_bulk_change_with_one_mistake_stores_nothing)
{
    struct site s;
    site_open(&s, RIG_VOLATILE);
    {
        AUTO_REPLY r = post_yaml(&s, "/api/v1/flows/t",
                                 "id: one\nnamespace: t\ntasks:\n"
                                 "  - {id: a, type: io.kestra.plugin.core.log.Log, message: x}\n"
                                 "---\nid: two\nnamespace: t\ntasks: []\n");
        CHECK_STATUS(r, 422);
        AUTO_REPLY one = get(&s, "/api/v1/flows/t/one");
        CHECK_STATUS(one, 404);
    }
    site_close(&s);
}

/* --- executions ------------------------------------------------------------------------------- */

TEST(an_execution_can_be_waited_for_read_searched_and_deleted)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char path[128];
    const char *id;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, hello);
    {
        AUTO_REPLY r = post(&s, "/api/v1/executions/t/hello?wait=true&labels=by:me");
        CHECK_STATUS(r, 200);
        cdz_val e = json_of(&r, arena);
        id = cdz_arena_z(arena, text_at(e, "id"));
        CHECK(cdz_str_is(text_at(e, "state.current"), "SUCCESS"), "%s", r.body.p);
        CHECK(has(text_at(e, "url"), "/ui/executions/t/hello/"), "%s", r.body.p);
    }
    {
        AUTO_REPLY r = get(&s, "/api/v1/executions/search?labels=by:me&state=SUCCESS&namespace=t");
        CHECK_STATUS(r, 200);
        CHECK(cdz_map_getz(json_of(&r, arena), "total").i == 1, "%s", r.body.p);
        AUTO_REPLY none = get(&s, "/api/v1/executions/search?labels=by:you");
        CHECK(cdz_map_getz(json_of(&none, arena), "total").i == 0, "%s", none.body.p);
    }
    {
        snprintf(path, sizeof(path), "/api/v1/logs/%s?minLevel=INFO&taskId=say", id);
        AUTO_REPLY r = get(&s, path);
        CHECK(has(cdz_buf_get(&r.body), "good morning"), "%s", r.body.p);
        snprintf(path, sizeof(path), "/api/v1/logs/%s/download", id);
        AUTO_REPLY file = get(&s, path);
        CHECK_STATUS(file, 200);
        CHECK(has(cdz_buf_get(&file.body), "INFO good morning"), "%s", file.body.p);
        CHECK(has(cdz_buf_get(&file.head), "attachment"), "%s", file.head.p);
    }
    {
        snprintf(path, sizeof(path), "/api/v1/executions/%s", id);
        AUTO_REPLY r = call(&s, "DELETE", path, NULL, (cdz_str){NULL, 0});
        CHECK_STATUS(r, 204);
        AUTO_REPLY gone = get(&s, path);
        CHECK_STATUS(gone, 404);
    }
    site_close(&s);
}

TEST(what_was_acknowledged_can_be_read_at_once)
{
    struct site s;
    char id[32], path[64];
    site_open(&s, RIG_FILE);
    deploy(&s, hello);
    for (int i = 0; i < 30; i++) {
        start(&s, "hello", id);
        snprintf(path, sizeof(path), "/api/v1/executions/%s", id);
        AUTO_REPLY r = get(&s, path);
        CHECK_STATUS(r, 200);
    }
    site_close(&s);
}

TEST(a_kill_is_accepted_and_ends_the_execution)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char id[32], path[128];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, forever);
    start(&s, "forever", id);
    snprintf(path, sizeof(path), "/api/v1/executions/%s/kill", id);
    {
        AUTO_REPLY r = call(&s, "DELETE", path, NULL, (cdz_str){NULL, 0});
        CHECK_STATUS(r, 202);
    }
    cdz_execution_free(rig_end(&s.rig, id));
    CHECK(rig_state(&s.rig, id) == CDZ_KILLED, "%s", cdz_state_name(rig_state(&s.rig, id)));
    {
        AUTO_REPLY again = call(&s, "DELETE", path, NULL, (cdz_str){NULL, 0});
        CHECK_STATUS(again, 202);
        snprintf(path, sizeof(path), "/api/v1/executions/%s/kill?isOnKillCascade=false", id);
        AUTO_REPLY strict = call(&s, "DELETE", path, NULL, (cdz_str){NULL, 0});
        CHECK_STATUS(strict, 409);
        AUTO_REPLY none =
            call(&s, "DELETE", "/api/v1/executions/nobody/kill", NULL, (cdz_str){NULL, 0});
        CHECK_STATUS(none, 404);
    }
    (void)arena;
    site_close(&s);
}

TEST(inputs_and_files_come_as_multipart_and_files_can_be_fetched_again)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    const char *id, *uri;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, with_inputs);
    {
        AUTO_REPLY r = call(&s, "POST", "/api/v1/executions/t/inputs?wait=true",
                            "multipart/form-data; boundary=XyZ",
                            CDZ_STR("--XyZ\r\n"
                                    "Content-Disposition: form-data; name=\"word\"\r\n\r\n"
                                    "first\r\n"
                                    "--XyZ\r\n"
                                    "Content-Disposition: form-data; name=\"files\"; "
                                    "filename=\"data\"\r\n"
                                    "Content-Type: application/octet-stream\r\n\r\n"
                                    "second\r\n"
                                    "--XyZ--\r\n"));
        CHECK_STATUS(r, 200);
        cdz_val e = json_of(&r, arena);
        cdz_val runs = cdz_map_getz(e, "taskRunList");
        CHECK(runs.kind == CDZ_LIST && runs.list->n == 1 &&
                  cdz_str_is(text_at(runs.list->v[0], "outputs.value"), "first: second"),
              "%s", r.body.p);
        id = cdz_arena_z(arena, text_at(e, "id"));
        uri = cdz_arena_z(arena, text_at(e, "inputs.data"));
    }
    {
        char path[512];
        snprintf(path, sizeof(path), "/api/v1/executions/%s/file?path=%s", id, uri);
        AUTO_REPLY r = get(&s, path);
        CHECK_STATUS(r, 200);
        CHECK(cdz_str_is(cdz_buf_get(&r.body), "second"), "%s", r.body.p);
        snprintf(path, sizeof(path), "/api/v1/executions/%s/file/metas?path=%s", id, uri);
        AUTO_REPLY size = get(&s, path);
        CHECK(cdz_str_is(cdz_buf_get(&size.body), "{\"size\":6}"), "%s", size.body.p);
        snprintf(path, sizeof(path), "/api/v1/executions/%s/file?path=%s/../../x", id, uri);
        AUTO_REPLY out = get(&s, path);
        CHECK_STATUS(out, 422);
        snprintf(path, sizeof(path), "/api/v1/executions/%s/file?path=kestra:///t/other/x", id);
        AUTO_REPLY other = get(&s, path);
        CHECK_STATUS(other, 422);
    }
    {
        AUTO_REPLY r = post(&s, "/api/v1/executions/t/inputs"); /* both are missing */
        CHECK_STATUS(r, 422);
        CHECK(has(cdz_buf_get(&r.body), "word"), "%s", r.body.p);
    }
    site_close(&s);
}

static const char asking[] =
    "id: asking\n"
    "namespace: t\n"
    "inputs: [{id: n, type: INT, defaults: '{{ 1 + 1 }}'}]\n"
    "checks: [{condition: '{{ inputs.n < 5 }}', message: 'not {{ inputs.n }}'}]\n"
    "tasks:\n"
    "  - id: ask\n"
    "    type: io.kestra.plugin.core.flow.Pause\n"
    "    onResume: [{id: ok, type: BOOLEAN}, {id: why, type: INT}]\n";

#define FORM(name, value)                                                                          \
    "multipart/form-data; boundary=XyZ",                                                           \
        CDZ_STR("--XyZ\r\nContent-Disposition: form-data; "                                        \
                "name=\"" name "\"\r\n\r\n" value "\r\n--XyZ--\r\n")

TEST(a_form_learns_what_is_wrong_before_it_is_sent)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char path[192], get_path[128];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, asking);
    {
        AUTO_REPLY r = call(&s, "POST", "/api/v1/executions/t/asking/validate", FORM("n", "x"));
        CHECK_STATUS(r, 200);
        CHECK(has(cdz_buf_get(&r.body), "Expected `INT` but received `x`"), "%s", r.body.p);
    }
    {
        AUTO_REPLY r =
            call(&s, "POST", "/api/v1/executions/t/asking/validate?revision=0", FORM("n", "1"));
        CHECK_STATUS(r, 422);
    }
    {
        AUTO_REPLY r = call(&s, "POST", "/api/v1/executions/t/asking", FORM("n", "7"));
        CHECK_STATUS(r, 422);
        CHECK(has(cdz_buf_get(&r.body), "not 7"), "a check forbids it: %s", r.body.p);
    }
    AUTO_REPLY made = post(&s, "/api/v1/executions/t/asking");
    CHECK_STATUS(made, 200);
    cdz_val e = json_of(&made, arena);
    CHECK(cdz_val_path(e, "inputs.n").i == 2, "a default may be an expression: %s", made.body.p);
    snprintf(get_path, sizeof(get_path), "/api/v1/executions/%s",
             cdz_arena_z(arena, text_at(e, "id")));
    bool paused = false;
    for (int i = 0; !paused && i < 500; i++) {
        AUTO_REPLY r = get(&s, get_path);
        paused = has(text_at(json_of(&r, arena), "state.current"), "PAUSED");
        if (!paused)
            rig_pause(10);
    }
    CHECK(paused);
    snprintf(path, sizeof(path), "%s/resume/validate", get_path);
    {
        AUTO_REPLY r = call(&s, "POST", path, FORM("ok", "true"));
        CHECK_STATUS(r, 200);
        cdz_val inputs = cdz_map_getz(json_of(&r, arena), "inputs");
        CHECK(inputs.kind == CDZ_LIST && cdz_list_n(inputs) == 2 &&
                  cdz_map_getz(cdz_list_at(inputs, 0), "value").b &&
                  has(text_at(cdz_list_at(inputs, 1), "errors.0.message"), "missing required"),
              "%s", r.body.p);
    }
    snprintf(path, sizeof(path), "%s/kill", get_path);
    AUTO_REPLY killed = call(&s, "DELETE", path, NULL, CDZ_STR(""));
    CHECK_STATUS(killed, 202);
    site_close(&s);
}

TEST(parameters_are_checked)
{
    static const char *const bad[] = {
        "/api/v1/executions/search?page=0",
        "/api/v1/executions/search?size=-1",
        "/api/v1/executions/search?size=99999999999999999999",
        "/api/v1/executions/search?page=x",
        "/api/v1/executions/search?sort=id",
        "/api/v1/executions/search?sort=nothing:asc",
        "/api/v1/executions/search?state=BROKEN",
        "/api/v1/executions/search?startDate=yesterday",
        "/api/v1/executions/search?timeRange=soon",
        "/api/v1/executions/search?labels=novalue",
        "/api/v1/executions/search?labels=:v",
        "/api/v1/flows/t/f?revision=0",
        "/api/v1/flows/t/f?revision=99999999999",
        "/api/v1/logs/search?minLevel=LOUD",
        "/api/v1/logs/x?attempt=-1",
    };
    struct site s;
    site_open(&s, RIG_FILE);
    for (size_t i = 0; i < CDZ_COUNT(bad); i++) {
        AUTO_REPLY r = get(&s, bad[i]);
        CHECK(r.status == 422, "%s: %ld %s", bad[i], r.status, r.body.p);
        CHECK(has(cdz_buf_get(&r.body), "\"message\""), "%s: %s", bad[i], r.body.p);
    }
    {
        AUTO_REPLY r = get(&s, "/api/v1/executions?namespace=t");
        CHECK_STATUS(r, 400);
        AUTO_REPLY wild = get(&s, "/api/v1/executions/search?size=1000000&page=1000000");
        CHECK_STATUS(wild, 200);
    }
    site_close(&s);
}

/* --- streams ---------------------------------------------------------------------------------- */

TEST(a_stream_follows_an_execution_to_its_end_and_closes)
{
    struct site s;
    char id[32], path[128];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, "id: nap\nnamespace: t\ntasks:\n"
               "  - {id: a, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.3S}\n"
               "  - {id: b, type: io.kestra.plugin.core.log.Log, message: done}\n");
    start(&s, "nap", id);
    snprintf(path, sizeof(path), "/api/v1/executions/%s/follow", id);
    for (int round = 0; round < 2; round++) { /* the second time it has ended before */
        AUTO_REPLY r = get(&s, path);
        cdz_str body = cdz_buf_get(&r.body);
        CHECK_STATUS(r, 200);
        CHECK(has(cdz_buf_get(&r.head), "text/event-stream"), "%s", r.head.p);
        CHECK(has(body, "id: progress") == (round == 0), "round %d: %s", round, r.body.p);
        CHECK(has(body, "id: end\ndata: {"), "round %d: %s", round, r.body.p);
        CHECK(has(body, "\"SUCCESS\""), "round %d: %s", round, r.body.p);
    }
    AUTO_REPLY none = get(&s, "/api/v1/executions/nobody/follow");
    CHECK_STATUS(none, 404);
    site_close(&s);
}

TEST(a_head_request_of_a_stream_ends)
{
    struct site s;
    char id[32], path[128];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, forever);
    start(&s, "forever", id);
    snprintf(path, sizeof(path), "/api/v1/executions/%s/follow", id);
    AUTO_REPLY r = call(&s, "HEAD", path, NULL, (cdz_str){NULL, 0});
    CHECK_STATUS(r, 200);
    CHECK(r.body.n == 0, "it has a body");
    site_close(&s);
}

/* Reads until the text has come, or 10 s. */
static bool reads(int fd, const char *want)
{
    char got[8192];
    size_t n = 0;
    while (n < sizeof(got)) {
        ssize_t more = recv(fd, got + n, sizeof(got) - n, 0);
        if (more <= 0)
            return false;
        n += (size_t)more;
        if (has((cdz_str){got, n}, want))
            return true;
    }
    return false;
}

TEST(log_lines_of_a_running_task_come_down_the_stream)
{
    struct site s;
    char id[32], request[256];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, "id: slow\nnamespace: t\ntasks:\n"
               "  - {id: a, type: io.kestra.plugin.core.log.Log, message: line one}\n"
               "  - {id: b, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.3S}\n"
               "  - {id: c, type: io.kestra.plugin.core.log.Log, message: line two}\n");
    start(&s, "slow", id);
    snprintf(request, sizeof(request),
             "GET /api/v1/logs/%s/follow?minLevel=INFO HTTP/1.1\r\nHost: x\r\n\r\n", id);
    int fd = raw_open(&s, cdz_str_z(request));
    CHECK(reads(fd, "line two"), "it did not come");
    close(fd);
    CHECK(alive(&s), "gone");
    site_close(&s);
}

/* --- who may ---------------------------------------------------------------------------------- */

TEST(with_basic_authentication_only_who_knows_the_password_gets_in)
{
    struct site s;
    rig_start(&s.rig, RIG_VOLATILE);
    s.drained = false;
    s.rig.config->basic_user = CDZ_STR("ann");
    s.rig.config->basic_password = CDZ_STR("secret");
    RIG_NEED(cdz_api_start(s.rig.s, &s.api, &rig_err));
    static const struct {
        const char *userpwd;
        int status;
    } tries[] = {{NULL, 401},   {"ann:secret", 200}, {"ann:secre", 401}, {"ann:secrett", 401},
                 {"ann:", 401}, {":", 401},          {"Ann:secret", 401}};
    for (size_t i = 0; i < CDZ_COUNT(tries); i++) {
        AUTO_REPLY r;
        CURL *c = prepare(&s, "GET", "/api/v1/flows/search", &r);
        if (tries[i].userpwd)
            curl_easy_setopt(c, CURLOPT_USERPWD, tries[i].userpwd);
        perform(c, &r);
        CHECK(r.status == tries[i].status, "%s: %ld", tries[i].userpwd, r.status);
        CHECK(r.status != 401 || has(cdz_buf_get(&r.head), "WWW-Authenticate: Basic"), "%s",
              r.head.p);
    }
    AUTO_REPLY nowhere = get(&s, "/nothing"); /* what exists is not told either */
    CHECK_STATUS(nowhere, 401);
    CHECK(alive(&s), "/ping is for everybody");
    site_close(&s);
}

TEST(without_authentication_the_server_listens_on_loopback_only)
{
    struct rig r;
    struct cdz_api *api;
    struct cdz_err err;
    rig_start(&r, RIG_VOLATILE);
    r.config->host = CDZ_STR("0.0.0.0");
    CHECK(cdz_api_start(r.s, &api, &err) == CDZ_E_INVALID, "it listens");
    r.config->host = CDZ_STR("no address");
    r.config->basic_user = CDZ_STR("u");
    r.config->basic_password = CDZ_STR("p");
    CHECK(cdz_api_start(r.s, &api, &err) == CDZ_E_INVALID, "it listens");
    rig_stop(&r);
}

TEST(a_port_that_is_taken_is_an_error)
{
    struct site s;
    struct cdz_api *other;
    struct cdz_err err;
    site_open(&s, RIG_VOLATILE);
    s.rig.config->port = cdz_api_port(s.api);
    CHECK(cdz_api_start(s.rig.s, &other, &err) != CDZ_OK, "two servers on one port");
    site_close(&s);
}

/* --- what is no resource ---------------------------------------------------------------------- */

TEST(health_metrics_and_configuration_are_told)
{
    struct site s;
    site_open(&s, RIG_FILE);
    deploy(&s, hello);
    AUTO_REPLY run = post(&s, "/api/v1/executions/t/hello?wait=true");
    CHECK_STATUS(run, 200);
    AUTO_REPLY health = get(&s, "/health");
    CHECK(health.status == 200 && has(cdz_buf_get(&health.body), "\"status\":\"UP\""), "%s",
          health.body.p);
    AUTO_REPLY metrics = get(&s, "/metrics");
    CHECK(has(cdz_buf_get(&metrics.body),
              "kestra_executor_execution_end_count_total{state=\"SUCCESS\"} 1"),
          "%s", metrics.body.p);
    AUTO_REPLY configs = get(&s, "/api/v1/configs");
    CHECK(has(cdz_buf_get(&configs.body), "\"version\""), "%s", configs.body.p);
    AUTO_REPLY root = get(&s, "/");
    CHECK(root.status == 307 && has(cdz_buf_get(&root.head), "Location: /ui/"), "%s", root.head.p);
    AUTO_REPLY tenant = get(&s, "/api/v1/main/flows/t/hello");
    CHECK_STATUS(tenant, 200);
    site_close(&s);
}

/* --- a full disk ------------------------------------------------------------------------------ */

TEST(while_the_disk_is_full_writes_are_answered_503_and_reads_go_on)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_FAULTY);
    deploy(&s, hello);
    rig_disk(&s.rig, true);
    {
        AUTO_REPLY r = post(&s, "/api/v1/executions/t/hello");
        CHECK_STATUS(r, 503);
        AUTO_REPLY wait = post(&s, "/api/v1/executions/t/hello?wait=true");
        CHECK_STATUS(wait, 503);
        AUTO_REPLY flow = get(&s, "/api/v1/flows/t/hello");
        CHECK_STATUS(flow, 200);
        AUTO_REPLY none = get(&s, "/api/v1/executions/search");
        CHECK(cdz_map_getz(json_of(&none, arena), "total").i == 0, "%s", none.body.p);
    }
    rig_disk(&s.rig, false);
    AUTO_REPLY r = post(&s, "/api/v1/executions/t/hello?wait=true");
    CHECK_STATUS(r, 200);
    CHECK(has(cdz_buf_get(&r.body), "\"SUCCESS\""), "%s", r.body.p);
    AUTO_REPLY all = get(&s, "/api/v1/executions/search");
    CHECK(cdz_map_getz(json_of(&all, arena), "total").i == 1, "%s", all.body.p);
    site_close(&s);
}

/* --- the end ---------------------------------------------------------------------------------- */

TEST(who_waits_when_the_server_stops_is_told_and_streams_end_soon)
{
    struct site s;
    char id[32], request[256];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, forever);
    start(&s, "forever", id);
    int wait = raw_open(&s, CDZ_STR("POST /api/v1/executions/t/forever?wait=true HTTP/1.1\r\n"
                                    "Host: x\r\nContent-Length: 0\r\n\r\n"));
    snprintf(request, sizeof(request),
             "GET /api/v1/executions/%s/follow HTTP/1.1\r\nHost: x\r\n\r\n", id);
    int stream = raw_open(&s, cdz_str_z(request));
    CHECK(reads(stream, "id: progress"), "no stream");
    rig_pause(200);
    cdz_us begin = cdz_mono_us();
    site_drain(&s);
    CHECK(cdz_mono_us() - begin < CDZ_SECOND, "%lld ms",
          (long long)((cdz_mono_us() - begin) / CDZ_MS));
    CHECK(raw_status(wait) == 503, "the waiting request was not told");
    char rest[4096];
    ssize_t n;
    while ((n = recv(stream, rest, sizeof(rest), 0)) > 0 &&
           !has((cdz_str){rest, (size_t)n}, "\r\n0\r\n"))
        continue;
    close(wait);
    close(stream);
    site_close(&s);
}

TEST(a_reader_that_does_not_read_does_not_hold_up_the_stop)
{
    struct site s;
    char id[32], request[256];
    int small = 4096, fd[4];
    site_open(&s, RIG_VOLATILE);
    /* a document that does not fit into the sockets' buffers, told again and again */
    deploy(&s, "id: wide\nnamespace: t\ntasks:\n"
               "  - id: x\n    type: io.kestra.plugin.core.debug.Return\n"
               "    format: \"{% for i in range(1, 200000) %}0123456789{% endfor %}\"\n"
               "  - {id: b, type: io.kestra.plugin.core.flow.Sleep, duration: PT1H}\n");
    start(&s, "wide", id);
    snprintf(request, sizeof(request),
             "GET /api/v1/executions/%s/follow HTTP/1.1\r\nHost: x\r\n\r\n", id);
    for (size_t i = 0; i < 4; i++) {
        fd[i] = raw_open(&s, CDZ_STR(""));
        setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        if (send(fd[i], request, strlen(request), MSG_NOSIGNAL) < 0)
            abort();
    }
    rig_pause(800);
    cdz_us begin = cdz_mono_us();
    site_close(&s);
    CHECK(cdz_mono_us() - begin < 2 * CDZ_SECOND, "%lld ms",
          (long long)((cdz_mono_us() - begin) / CDZ_MS));
    for (size_t i = 0; i < 4; i++)
        close(fd[i]);
}

struct pusher {
    pthread_t thread;
    struct site *site;
    int port;
    const char *request;
    atomic_bool stop;
    unsigned good, refused;
};

/* Asks on one connection, again and again, also while the server stops. */
static void *push(void *arg)
{
    struct pusher *p = arg;
    char answer[16384];
    int fd = raw_open(p->site, CDZ_STR(""));
    while (!p->stop) {
        ssize_t n = send(fd, p->request, strlen(p->request), MSG_NOSIGNAL);
        n = n > 0 ? recv(fd, answer, sizeof(answer) - 1, 0) : n;
        if (n <= 0)
            break;
        p->good += has((cdz_str){answer, (size_t)n}, "HTTP/1.1 200");
        p->refused += has((cdz_str){answer, (size_t)n}, "HTTP/1.1 503");
    }
    close(fd);
    return NULL;
}

TEST(requests_on_open_connections_during_the_stop_are_refused)
{
    static const char *const requests[] = {
        "GET /api/v1/executions/search HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /api/v1/executions/t/hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        "POST /api/v1/executions/t/hello?wait=true HTTP/1.1\r\nHost: x\r\nContent-Length: "
        "0\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"};
    for (int round = 0; round < 3; round++) {
        struct site s;
        struct pusher p[8];
        unsigned good = 0;
        site_open(&s, RIG_FILE);
        deploy(&s, hello);
        for (size_t i = 0; i < CDZ_COUNT(p); i++) {
            p[i] = (struct pusher){.site = &s, .request = requests[i % CDZ_COUNT(requests)]};
            pthread_create(&p[i].thread, NULL, push, &p[i]);
        }
        rig_pause(200);
        site_close(&s); /* the connections are open still */
        for (size_t i = 0; i < CDZ_COUNT(p); i++) {
            p[i].stop = true;
            pthread_join(p[i].thread, NULL);
            good += p[i].good;
        }
        CHECK(good > 20, "only %u answers", good);
    }
}

TEST_MAIN
