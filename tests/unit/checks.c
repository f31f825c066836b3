/*
 * checks.c -- the `checks` of a flow, whoever makes an execution of it: the API, another flow, a
 * trigger. A failed one forbids it, makes it fail, or is only told.
 */
#include "site.h"

static void deploy_checked(struct site *s, const char *id, const char *behavior)
{
    char text[1024];
    snprintf(text, sizeof(text),
             "id: %s\nnamespace: t\n"
             "inputs:\n  - {id: n, type: INT, defaults: 0}\n"
             "checks:\n"
             "  - condition: \"{{ inputs.n > 10 }}\"\n"
             "    message: \"{{ inputs.n }} is too little for {{ flow.id }}\"\n"
             "    behavior: %s\n"
             "tasks:\n"
             "  - {id: x, type: io.kestra.plugin.core.debug.Return, format: ran}\n",
             id, behavior);
    deploy(s, text);
}

static struct reply run_with(struct site *s, const char *id, const char *n)
{
    char path[128], body[256];
    snprintf(path, sizeof(path), "/api/v1/executions/t/%s", id);
    snprintf(body, sizeof(body),
             "--XyZ\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n%s\r\n--XyZ--\r\n", n);
    return call(s, "POST", path, "multipart/form-data; boundary=XyZ", cdz_str_z(body));
}

static uint64_t count(struct site *s, const char *flow)
{
    char path[128];
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    snprintf(path, sizeof(path), "/api/v1/executions?namespace=t&flowId=%s", flow);
    AUTO_REPLY r = get(s, path);
    return (uint64_t)cdz_map_getz(json_of(&r, arena), "total").i;
}

static const char *id_of(struct reply *r, struct cdz_arena *arena)
{
    return cdz_arena_z(arena, text_at(json_of(r, arena), "id"));
}

TEST(a_check_that_holds_changes_nothing)
{
    static const char *const behaviors[] = {"BLOCK_EXECUTION", "FAIL_EXECUTION",
                                            "CREATE_EXECUTION"};
    struct site s;
    site_open(&s, RIG_VOLATILE);
    for (size_t i = 0; i < CDZ_COUNT(behaviors); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        char id[8];
        snprintf(id, sizeof(id), "f%zu", i);
        deploy_checked(&s, id, behaviors[i]);
        AUTO_REPLY r = run_with(&s, id, "11");
        CHECK_STATUS(r, 200);
        struct cdz_execution *e = rig_end(&s.rig, id_of(&r, arena));
        CHECK(e && cdz_state_now(&e->history) == CDZ_SUCCESS, "%s", behaviors[i]);
        CHECK(e && rig_logs(&s.rig, cdz_arena_z(arena, e->id), CDZ_WARN, arena).n == 0, "%s warns",
              behaviors[i]);
        cdz_execution_free(e);
    }
    site_close(&s);
}

TEST(block_makes_no_execution_and_says_why)
{
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy_checked(&s, "f", "BLOCK_EXECUTION");
    AUTO_REPLY r = run_with(&s, "f", "3");
    CHECK_STATUS(r, 422);
    CHECK(has(cdz_buf_get(&r.body), "3 is too little for f"), "%s", r.body.p);
    CHECK(count(&s, "f") == 0, "it was made");
    site_close(&s);
}

TEST(fail_makes_one_that_has_failed_without_running)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy_checked(&s, "f", "FAIL_EXECUTION");
    AUTO_REPLY r = run_with(&s, "f", "3");
    CHECK_STATUS(r, 200);
    const char *id = id_of(&r, arena);
    struct cdz_execution *e = rig_end(&s.rig, id);
    CHECK(e && cdz_state_now(&e->history) == CDZ_FAILED, "not failed");
    CHECK(e && e->taskruns.n == 0 && e->history.n == 2, "it ran");
    CHECK(has(rig_logs(&s.rig, id, CDZ_ERROR, arena), "3 is too little for f"), "no log line");
    cdz_execution_free(e);
    site_close(&s);
}

TEST(create_runs_and_warns)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy_checked(&s, "f", "CREATE_EXECUTION");
    AUTO_REPLY r = run_with(&s, "f", "3");
    CHECK_STATUS(r, 200);
    const char *id = id_of(&r, arena);
    struct cdz_execution *e = rig_end(&s.rig, id);
    CHECK(e && cdz_state_now(&e->history) == CDZ_SUCCESS, "not run");
    cdz_execution_free(e);
    CHECK(has(rig_logs(&s.rig, id, CDZ_WARN, arena), "3 is too little for f"), "no log line");
    CHECK(!has(rig_logs(&s.rig, id, CDZ_ERROR, arena), "too little"), "it is an error");
    site_close(&s);
}

static const char caller[] = "id: caller\nnamespace: t\ninputs:\n  - {id: callee, type: STRING}\n"
                             "tasks:\n"
                             "  - id: sub\n"
                             "    type: io.kestra.plugin.core.flow.Subflow\n"
                             "    namespace: t\n"
                             "    flowId: \"{{ inputs.callee }}\"\n"
                             "    inputs: {n: 5}\n";

static struct cdz_execution *call_of(struct site *s, const char *callee, struct cdz_arena *arena)
{
    char body[256];
    snprintf(body, sizeof(body),
             "--XyZ\r\nContent-Disposition: form-data; name=\"callee\"\r\n\r\n%s\r\n--XyZ--\r\n",
             callee);
    AUTO_REPLY r = call(s, "POST", "/api/v1/executions/t/caller",
                        "multipart/form-data; boundary=XyZ", cdz_str_z(body));
    CHECK_STATUS(r, 200);
    return rig_end(&s->rig, id_of(&r, arena));
}

TEST(a_sub_flow_is_checked_too)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, caller);
    deploy_checked(&s, "blocks", "BLOCK_EXECUTION");
    deploy_checked(&s, "fails", "FAIL_EXECUTION");
    deploy_checked(&s, "warns", "CREATE_EXECUTION");
    struct cdz_execution *e = call_of(&s, "blocks", arena);
    CHECK(e && cdz_state_now(&e->history) == CDZ_FAILED, "a forbidden call did not fail");
    CHECK(e && has(rig_logs(&s.rig, cdz_arena_z(arena, e->id), CDZ_ERROR, arena),
                   "5 is too little for blocks"),
          "the caller does not tell why");
    CHECK(count(&s, "blocks") == 0, "it was made");
    cdz_execution_free(e);
    e = call_of(&s, "fails", arena);
    CHECK(e && cdz_state_now(&e->history) == CDZ_FAILED, "the failed call is not told");
    CHECK(count(&s, "fails") == 1, "it was not made");
    cdz_execution_free(e);
    e = call_of(&s, "warns", arena);
    CHECK(e && cdz_state_now(&e->history) == CDZ_SUCCESS, "a warning stops it");
    cdz_execution_free(e);
    site_close(&s);
}

TEST(triggers_are_checked_with_defaults_of_inputs)
{
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, "id: hooked\nnamespace: t\ninputs:\n  - {id: n, type: INT, defaults: 4}\n"
               "checks:\n  - {condition: \"{{ inputs.n > 4 or trigger.body.force ?? false }}\", "
               "message: \"only {{ inputs.n }}\"}\n"
               "tasks:\n  - {id: x, type: io.kestra.plugin.core.log.Log, message: x}\n"
               "triggers:\n"
               "  - {id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: k}\n");
    AUTO_REPLY r = get(&s, "/api/v1/executions/webhook/t/hooked/k");
    CHECK_STATUS(r, 422);
    CHECK(has(cdz_buf_get(&r.body), "only 4"), "%s", r.body.p);
    AUTO_REPLY forced = call(&s, "POST", "/api/v1/executions/webhook/t/hooked/k",
                             "application/json", CDZ_STR("{\"force\": true}"));
    CHECK_STATUS(forced, 200);
    site_close(&s);
}

TEST(a_flow_trigger_is_checked_and_a_failed_one_starts_others)
{
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy_checked(&s, "first", "FAIL_EXECUTION");
    deploy(&s, "id: after\nnamespace: t\n"
               "checks:\n  - {condition: \"{{ false }}\", message: never, "
               "behavior: CREATE_EXECUTION}\n"
               "tasks:\n  - {id: x, type: io.kestra.plugin.core.log.Log, message: x}\n"
               "triggers:\n  - id: t\n    type: io.kestra.plugin.core.trigger.Flow\n"
               "    states: [FAILED]\n    conditions:\n"
               "      - {type: io.kestra.plugin.core.condition.ExecutionFlow, namespace: t, "
               "flowId: first}\n");
    AUTO_REPLY r = run_with(&s, "first", "1");
    CHECK_STATUS(r, 200);
    RIG_UNTIL(count(&s, "after") == 1);
    site_close(&s);
}

TEST_MAIN
