/*
 * api_executions.c -- what users do with executions over the API: run again, set states, labels,
 * pause, resume, leave the queue, delete, evaluate, explain; one at a time and in bulk.
 */
#include "site.h"

#define LEAF(id) "  - {id: " id ", type: io.kestra.plugin.core.debug.Return, format: " id "}\n"

static const char failing[] = "id: failing\nnamespace: t\ntasks:\n" LEAF(
    "a") "  - id: b\n    type: io.kestra.plugin.core.debug.Return\n"
         "    format: \"{{ taskrun.attemptsCount == 1 ? 'ok' : missing }}\"\n" LEAF(
             "c") "errors:\n" LEAF("e");

static const char good[] = "id: good\nnamespace: t\ntasks:\n" LEAF("a") LEAF("b");

static const char forever[] = "id: forever\nnamespace: t\ntasks:\n"
                              "  - id: sleep\n    type: io.kestra.plugin.core.flow.Sleep\n"
                              "    duration: PT1H\n";

static const char pausing[] = "id: pausing\nnamespace: t\ntasks:\n"
                              "  - id: wait\n    type: io.kestra.plugin.core.flow.Pause\n"
                              "    onResume:\n      - {id: n, type: INT}\n"
                              "  - id: after\n    type: io.kestra.plugin.core.debug.Return\n"
                              "    format: \"{{ outputs.wait.onResume.n + 1 }}\"\n";

static const char limited[] = "id: limited\nnamespace: t\nconcurrency: {limit: 1}\ntasks:\n"
                              "  - id: sleep\n    type: io.kestra.plugin.core.flow.Sleep\n"
                              "    duration: PT1H\n";

static struct reply post_json(struct site *s, const char *path, const char *body)
{
    return call(s, "POST", path, "application/json", cdz_str_z(body));
}

static struct reply del(struct site *s, const char *path)
{
    return call(s, "DELETE", path, NULL, (cdz_str){NULL, 0});
}

/* "/api/v1/executions/<id>/<rest>" */
static const char *at(const char *id, const char *rest)
{
    static char path[512];
    snprintf(path, sizeof(path), "/api/v1/executions/%s%s", id, rest);
    return path;
}

static void run_to_end(struct site *s, const char *flow, char id[32])
{
    start(s, flow, id);
    cdz_execution_free(rig_end(&s->rig, id));
}

static size_t shown(const cdz_val execution)
{
    cdz_val list = cdz_map_getz(execution, "taskRunList");
    return list.kind == CDZ_LIST ? cdz_list_n(list) : 0;
}

static cdz_str taskrun_of(cdz_val execution, const char *task)
{
    cdz_val list = cdz_map_getz(execution, "taskRunList");
    for (size_t i = 0; list.kind == CDZ_LIST && i < cdz_list_n(list); i++) {
        if (cdz_str_is(text_at(cdz_list_at(list, i), "taskId"), task))
            return text_at(cdz_list_at(list, i), "id");
    }
    return CDZ_STR("none");
}

static bool ends_as(struct site *s, const char *id, enum cdz_state want)
{
    for (int left = 1000; left > 0; left--) {
        if (rig_state(&s->rig, id) == want)
            return true;
        rig_pause(10);
    }
    printf("# %s is %s\n", id, cdz_state_name(rig_state(&s->rig, id)));
    return false;
}

TEST(a_restart_runs_the_failed_again_in_place)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char id[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, failing);
    run_to_end(&s, "failing", id);
    CHECK(rig_state(&s.rig, id) == CDZ_FAILED, "it must fail first");
    {
        AUTO_REPLY r = post(&s, at(id, "/restart"));
        CHECK_STATUS(r, 200);
        cdz_val e = json_of(&r, arena);
        CHECK(cdz_str_is(text_at(e, "state.current"), "RESTARTED"), "%s", r.body.p);
        CHECK(cdz_str_is(text_at(e, "id"), id) && shown(e) == 2, "the error task is gone: %s",
              r.body.p);
    }
    CHECK(ends_as(&s, id, CDZ_SUCCESS), "restarted");
    {
        AUTO_REPLY r = get(&s, at(id, ""));
        CHECK(shown(json_of(&r, arena)) == 3, "%s", r.body.p);
        AUTO_REPLY again = post(&s, at(id, "/restart"));
        CHECK_STATUS(again, 422);
        CHECK(has(cdz_buf_get(&again.body), "No task found to restart"), "%s", again.body.p);
        AUTO_REPLY none = post(&s, at("nobody", "/restart"));
        CHECK_STATUS(none, 404);
        AUTO_REPLY revision = post(&s, at(id, "/restart?revision=7"));
        CHECK_STATUS(revision, 404);
    }
    site_close(&s);
}

TEST(of_two_restarts_of_one_version_one_is_refused)
{
    struct site s;
    char id[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, failing);
    run_to_end(&s, "failing", id);
    AUTO_REPLY first = post(&s, at(id, "/restart"));
    AUTO_REPLY second = post(&s, at(id, "/restart"));
    CHECK_STATUS(first, 200);
    CHECK(second.status == 409 || second.status == 422, "%ld: %s", second.status, second.body.p);
    CHECK(ends_as(&s, id, CDZ_SUCCESS), "restarted");
    struct cdz_execution *e = rig_get(&s.rig, id);
    CHECK(e->attempt_number == 2, "%d restarts", e->attempt_number - 1);
    cdz_execution_free(e);
    site_close(&s);
}

TEST(a_restart_outlives_a_crash)
{
    struct site s;
    char id[32];
    site_open(&s, RIG_FILE);
    deploy(&s, failing);
    run_to_end(&s, "failing", id);
    AUTO_REPLY r = post(&s, at(id, "/restart"));
    CHECK_STATUS(r, 200);
    site_drain(&s);
    rig_halt(&s.rig);
    rig_go(&s.rig, RIG_FILE);
    CHECK(ends_as(&s, id, CDZ_SUCCESS), "restarted");
    site_close(&s);
}

TEST(a_replay_is_another_execution_that_keeps_what_was_before)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char id[32], path[256], other[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, good);
    run_to_end(&s, "good", id);
    AUTO_REPLY r = get(&s, at(id, ""));
    cdz_str b = taskrun_of(json_of(&r, arena), "b");
    snprintf(path, sizeof(path), "/replay?taskRunId=%.*s", CDZ_S(b));
    AUTO_REPLY replay = post(&s, at(id, path));
    CHECK_STATUS(replay, 200);
    cdz_val e = json_of(&replay, arena);
    CHECK(cdz_str_is(text_at(e, "parentId"), id) && shown(e) == 2, "%s", replay.body.p);
    snprintf(other, sizeof(other), "%.*s", CDZ_S(text_at(e, "id")));
    CHECK(ends_as(&s, other, CDZ_SUCCESS), "replayed");
    AUTO_REPLY whole = post(&s, at(id, "/replay"));
    CHECK_STATUS(whole, 200);
    CHECK(cdz_str_is(text_at(json_of(&whole, arena), "state.current"), "CREATED"), "%s",
          whole.body.p);
    AUTO_REPLY unknown = post(&s, at(id, "/replay?taskRunId=nobody"));
    CHECK_STATUS(unknown, 422);
    site_close(&s);
}

TEST(states_are_set_by_hand)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char id[32], body[256];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, failing);
    run_to_end(&s, "failing", id);
    AUTO_REPLY r = get(&s, at(id, ""));
    snprintf(body, sizeof(body), "{\"taskRunId\": \"%.*s\", \"state\": \"WARNING\"}",
             CDZ_S(taskrun_of(json_of(&r, arena), "b")));
    AUTO_REPLY set = post_json(&s, at(id, "/state"), body);
    CHECK_STATUS(set, 200);
    CHECK(ends_as(&s, id, CDZ_WARNING), "c has run");
    AUTO_REPLY status = post(&s, at(id, "/change-status?status=CANCELLED"));
    CHECK_STATUS(status, 200);
    AUTO_REPLY after = get(&s, at(id, ""));
    CHECK(cdz_str_is(text_at(json_of(&after, arena), "state.current"), "CANCELLED"),
          "a GET behind the answer shows it: %s", after.body.p);
    AUTO_REPLY live = post(&s, at(id, "/change-status?status=RUNNING"));
    CHECK_STATUS(live, 422);
    AUTO_REPLY none = post(&s, at(id, "/change-status"));
    CHECK_STATUS(none, 400);
    AUTO_REPLY bad = post_json(&s, at(id, "/state"), "{\"taskRunId\": \"x\", \"state\": \"DONE\"}");
    CHECK_STATUS(bad, 422);
    site_close(&s);
}

TEST(labels_are_merged_and_system_labels_are_not_touched)
{
    static const struct {
        const char *why, *body;
        int status;
    } rows[] = {
        {"merged", "[{\"key\":\"a\",\"value\":\"1\"},{\"key\":\"b\",\"value\":\"2\"}]", 200},
        {"replaced", "[{\"key\":\"a\",\"value\":\"3\"}]", 200},
        {"an empty line", "[{\"key\":\"\",\"value\":\"\"}]", 200},
        {"no value", "[{\"key\":\"a\",\"value\":\"\"}]", 422},
        {"null", "[{\"key\":null,\"value\":null}]", 422},
        {"system", "[{\"key\":\"system.x\",\"value\":\"b\"}]", 422},
        {"no list", "{\"a\": 1}", 422},
        {"no JSON", "nothing", 422},
    };
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char id[32], live[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, good);
    deploy(&s, forever);
    run_to_end(&s, "good", id);
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        AUTO_REPLY r = post_json(&s, at(id, "/labels"), rows[i].body);
        CHECK(r.status == rows[i].status, "%s: %ld %s", rows[i].why, r.status, r.body.p);
    }
    AUTO_REPLY found = get(&s, "/api/v1/executions/search?labels=a:3&labels=b:2");
    CHECK(cdz_map_getz(json_of(&found, arena), "total").i == 1, "%s", found.body.p);
    start(&s, "forever", live);
    RIG_UNTIL(rig_state(&s.rig, live) == CDZ_RUNNING);
    AUTO_REPLY r = post_json(&s, at(live, "/labels"), rows[0].body);
    CHECK_STATUS(r, 400);
    site_close(&s);
}

TEST(a_pause_waits_for_its_inputs)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char id[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, pausing);
    start(&s, "pausing", id);
    RIG_UNTIL(rig_state(&s.rig, id) == CDZ_PAUSED);
    {
        AUTO_REPLY why = get(&s, at(id, "/explain"));
        CHECK_STATUS(why, 200);
        CHECK(has(cdz_buf_get(&why.body), "\"kind\":\"paused\"") &&
                  has(cdz_buf_get(&why.body), "until somebody resumes it"),
              "%s", why.body.p);
        AUTO_REPLY missing = post(&s, at(id, "/resume"));
        CHECK_STATUS(missing, 422);
        CHECK(has(cdz_buf_get(&missing.body), "Invalid input for `n`"), "%s", missing.body.p);
        AUTO_REPLY r = call(&s, "POST", at(id, "/resume"), "multipart/form-data; boundary=frontier",
                            CDZ_STR("--frontier\r\nContent-Disposition: form-data; name=\"n\"\r\n"
                                    "\r\n41\r\n--frontier--\r\n"));
        CHECK_STATUS(r, 204);
    }
    CHECK(ends_as(&s, id, CDZ_SUCCESS), "resumed");
    AUTO_REPLY e = get(&s, at(id, ""));
    CHECK(has(cdz_buf_get(&e.body), "\"value\":\"42\""), "%s", e.body.p);
    AUTO_REPLY again = post(&s, at(id, "/resume"));
    CHECK_STATUS(again, 409);
    AUTO_REPLY pause = post(&s, at(id, "/pause"));
    CHECK_STATUS(pause, 422);
    (void)json_of(&e, arena);
    site_close(&s);
}

TEST(a_paused_execution_is_restarted_where_it_waits)
{
    struct site s;
    char id[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, pausing);
    start(&s, "pausing", id);
    RIG_UNTIL(rig_state(&s.rig, id) == CDZ_PAUSED);
    AUTO_REPLY r = post(&s, at(id, "/restart"));
    CHECK_STATUS(r, 200);
    RIG_UNTIL(rig_state(&s.rig, id) == CDZ_PAUSED);
    struct cdz_execution *e = rig_get(&s.rig, id);
    CHECK(e->attempt_number == 2, "the executor has taken it over");
    size_t pauses = 0;
    for (size_t i = 0; i < e->taskruns.v[0]->history.n; i++)
        pauses += e->taskruns.v[0]->history.v[i].state == CDZ_PAUSED;
    CHECK(pauses == 2, "it pauses again: %zu", pauses);
    cdz_execution_free(e);
    AUTO_REPLY resume =
        call(&s, "POST", at(id, "/resume"), "multipart/form-data; boundary=frontier",
             CDZ_STR("--frontier\r\nContent-Disposition: form-data; name=\"n\"\r\n"
                     "\r\n1\r\n--frontier--\r\n"));
    CHECK_STATUS(resume, 204);
    CHECK(ends_as(&s, id, CDZ_SUCCESS), "resumed");
    site_close(&s);
}

TEST(a_restart_waits_for_what_a_worker_still_has)
{
    struct site s;
    char id[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, "id: both\nnamespace: t\ntasks:\n  - id: par\n    type: "
               "io.kestra.plugin.core.flow.Parallel\n    tasks:\n"
               "      - {id: wait, type: io.kestra.plugin.core.flow.Pause}\n"
               "      - {id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT1H}\n");
    start(&s, "both", id);
    RIG_UNTIL(rig_state(&s.rig, id) == CDZ_PAUSED);
    AUTO_REPLY r = post(&s, at(id, "/restart"));
    CHECK_STATUS(r, 409);
    CHECK(has(cdz_buf_get(&r.body), "'nap'"), "%s", r.body.p);
    site_close(&s);
}

TEST(who_waits_in_a_queue_is_told_who_holds_it_and_may_be_let_out)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char first[32], second[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, limited);
    start(&s, "limited", first);
    RIG_UNTIL(rig_state(&s.rig, first) == CDZ_RUNNING);
    start(&s, "limited", second);
    RIG_UNTIL(rig_state(&s.rig, second) == CDZ_QUEUED);
    AUTO_REPLY why = get(&s, at(second, "/explain"));
    CHECK_STATUS(why, 200);
    cdz_val reason = cdz_val_path(json_of(&why, arena), "reasons.0");
    CHECK(cdz_str_is(text_at(reason, "kind"), "queued") &&
              cdz_str_is(text_at(reason, "heldBy.0"), first) &&
              has(text_at(reason, "message"), "1 of 1 run"),
          "%s", why.body.p);
    AUTO_REPLY running = post(&s, at(first, "/unqueue"));
    CHECK_STATUS(running, 422);
    AUTO_REPLY r = post(&s, at(second, "/unqueue"));
    CHECK_STATUS(r, 200);
    CHECK(ends_as(&s, second, CDZ_RUNNING), "let out");
    AUTO_REPLY after = get(&s, at(second, "/explain"));
    CHECK(has(cdz_buf_get(&after.body), "runs on a worker") ||
              has(cdz_buf_get(&after.body), "waits for a free worker"),
          "%s", after.body.p);
    site_close(&s);
}

TEST(an_execution_is_deleted_with_what_the_flags_say)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char id[32], kept[32], live[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, "id: logs\nnamespace: t\ntasks:\n"
               "  - {id: say, type: io.kestra.plugin.core.log.Log, message: hello}\n");
    deploy(&s, forever);
    run_to_end(&s, "logs", id);
    run_to_end(&s, "logs", kept);
    RIG_UNTIL(rig_logs(&s.rig, id, CDZ_TRACE, arena).n &&
              rig_logs(&s.rig, kept, CDZ_TRACE, arena).n);
    AUTO_REPLY r = del(&s, at(id, ""));
    CHECK_STATUS(r, 204);
    AUTO_REPLY gone = get(&s, at(id, ""));
    CHECK_STATUS(gone, 404);
    CHECK(rig_logs(&s.rig, id, CDZ_TRACE, arena).n == 0, "logs");
    AUTO_REPLY r2 = del(&s, at(kept, "?deleteLogs=false"));
    CHECK_STATUS(r2, 204);
    CHECK(rig_logs(&s.rig, kept, CDZ_TRACE, arena).n > 0, "its logs stay");
    start(&s, "forever", live);
    RIG_UNTIL(rig_state(&s.rig, live) == CDZ_RUNNING);
    AUTO_REPLY running = del(&s, at(live, ""));
    CHECK_STATUS(running, 409);
    site_close(&s);
}

TEST(bulk_changes_are_checked_before_anything_changes)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char a[32], b[32], failed[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, good);
    deploy(&s, failing);
    run_to_end(&s, "good", a);
    run_to_end(&s, "good", b);
    run_to_end(&s, "failing", failed);
    const char *two = cdz_arena_z(arena, cdz_arena_printf(arena, "[\"%s\",\"%s\"]", a, b));
    {
        AUTO_REPLY r = post_json(&s, "/api/v1/executions/restart/by-ids", two);
        CHECK_STATUS(r, 400);
        CHECK(has(cdz_buf_get(&r.body), "invalid bulk restart") &&
                  has(cdz_buf_get(&r.body), "execution not in state FAILED"),
              "%s", r.body.p);
        AUTO_REPLY none = post_json(&s, "/api/v1/executions/replay/by-ids", "[\"nobody\"]");
        CHECK_STATUS(none, 400);
        AUTO_REPLY list = post_json(&s, "/api/v1/executions/replay/by-ids", "{}");
        CHECK_STATUS(list, 422);
    }
    {
        AUTO_REPLY r =
            post_json(&s, "/api/v1/executions/change-status/by-ids?newStatus=WARNING", two);
        CHECK_STATUS(r, 200);
        CHECK(cdz_map_getz(json_of(&r, arena), "count").i == 2, "%s", r.body.p);
        CHECK(rig_state(&s.rig, a) == CDZ_WARNING && rig_state(&s.rig, b) == CDZ_WARNING,
              "both, when the answer is there");
    }
    {
        AUTO_REPLY r = post(&s, "/api/v1/executions/restart/by-query?flowId=failing");
        CHECK_STATUS(r, 200);
        CHECK(ends_as(&s, failed, CDZ_SUCCESS), "restarted");
    }
    {
        const char *body =
            cdz_arena_z(arena, cdz_arena_printf(arena,
                                                "{\"executionsId\":[\"%s\"],\"executionLabels\":"
                                                "[{\"key\":\"k\",\"value\":\"v\"}]}",
                                                a));
        AUTO_REPLY r = post_json(&s, "/api/v1/executions/labels/by-ids", body);
        CHECK_STATUS(r, 200);
        AUTO_REPLY found = get(&s, "/api/v1/executions/search?labels=k:v");
        CHECK(cdz_map_getz(json_of(&found, arena), "total").i == 1, "%s", found.body.p);
    }
    {
        AUTO_REPLY r = del(&s, "/api/v1/executions/by-query?namespace=t");
        CHECK_STATUS(r, 200);
        CHECK(cdz_map_getz(json_of(&r, arena), "count").i == 3, "%s", r.body.p);
        AUTO_REPLY found = get(&s, "/api/v1/executions/search");
        CHECK(cdz_map_getz(json_of(&found, arena), "total").i == 0, "%s", found.body.p);
    }
    site_close(&s);
}

TEST(a_flow_may_be_called_as_a_verb)
{
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, "id: pause\nnamespace: t\ntasks:\n" LEAF("a"));
    AUTO_REPLY r = post(&s, "/api/v1/executions/t/pause?wait=true");
    CHECK_STATUS(r, 200);
    CHECK(has(cdz_buf_get(&r.body), "\"flowId\":\"pause\""), "%s", r.body.p);
    site_close(&s);
}

TEST(an_expression_is_evaluated_as_a_task_run_sees_it)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char id[32], rest[128];
    site_open(&s, RIG_VOLATILE);
    setenv("SECRET_TOKEN", "c2VjcmV0", 1);
    deploy(&s, good);
    run_to_end(&s, "good", id);
    AUTO_REPLY e = get(&s, at(id, ""));
    snprintf(rest, sizeof(rest), "/eval/%.*s", CDZ_S(taskrun_of(json_of(&e, arena), "b")));
    AUTO_REPLY r = call(&s, "POST", at(id, rest), "text/plain",
                        CDZ_STR("{{ outputs.a.value }} of {{ taskrun.id }}"));
    CHECK_STATUS(r, 200);
    CHECK(cdz_str_starts(text_at(json_of(&r, arena), "result"), CDZ_STR("a of ")), "%s", r.body.p);
    AUTO_REPLY bad = call(&s, "POST", at(id, rest), "text/plain", CDZ_STR("{{ nothing }}"));
    CHECK_STATUS(bad, 200);
    CHECK(has(text_at(json_of(&bad, arena), "error"), "Unable to find `nothing`"), "%s",
          bad.body.p);
    AUTO_REPLY secret =
        call(&s, "POST", at(id, rest), "text/plain", CDZ_STR("{{ secret('TOKEN') }}"));
    CHECK(!has(cdz_buf_get(&secret.body), "\"secret\""), "%s", secret.body.p);
    AUTO_REPLY none = call(&s, "POST", at(id, "/eval/nobody"), "text/plain", CDZ_STR("x"));
    CHECK_STATUS(none, 404);
    site_close(&s);
}

TEST_MAIN
