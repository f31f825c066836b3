/*
 * webhook.c -- Webhook triggers over a real socket: which request starts what, what the flow learns of
 * it, and what who calls learns of the execution.
 */
#include "site.h"

#define AT "/api/v1/executions/webhook/t/"

/* A flow with a webhook of the key `k`, and these lines more in its trigger. */
static void deploy_hook(struct site *s, const char *id, const char *trigger, const char *more)
{
    char text[2048];
    snprintf(text, sizeof(text),
             "id: %s\nnamespace: t\nlabels: {team: a}\ntasks:\n"
             "  - {id: show, type: io.kestra.plugin.core.debug.Return, format: \"%s\"}\n"
             "outputs:\n"
             "  - {id: seen, type: STRING, value: \"{{ outputs.show.value }}\"}\n"
             "triggers:\n"
             "  - id: hook\n"
             "    type: io.kestra.plugin.core.trigger.Webhook\n"
             "    key: k\n"
             "%s%s",
             id, "{{ (trigger.body ?? 'nothing') | json }} {{ trigger.parameters.q[0] ?? 'none' }}",
             trigger, more);
    deploy(s, text);
}

static cdz_str id_of(struct reply *r, struct cdz_arena *arena)
{
    return text_at(json_of(r, arena), "id");
}

/* The execution's output `seen` once it has ended. */
static cdz_str seen(struct site *s, struct reply *r, struct cdz_arena *arena)
{
    cdz_str id = id_of(r, arena), ret = CDZ_STR("");
    struct cdz_execution *e = id.n ? rig_end(&s->rig, cdz_arena_z(arena, id)) : NULL;
    if (e && e->outputs.kind == CDZ_MAP)
        ret = cdz_arena_str(arena, cdz_val_str(cdz_map_getz(e->outputs, "seen")));
    cdz_execution_free(e);
    return ret;
}

static size_t count(struct site *s)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    AUTO_REPLY r = get(s, "/api/v1/executions/search?namespace=t");
    return (size_t)cdz_map_getz(json_of(&r, arena), "total").i;
}

TEST(a_body_is_json_or_text_or_base64_or_nothing)
{
    static const struct {
        const char *why, *type;
        cdz_str body;
        const char *want;
    } rows[] = {
        {"object", "application/json", CDZ_STR("{\"a\": 1}"), "{\"a\":1} none"},
        {"array", "text/plain", CDZ_STR("[1, \"b\"]"), "[1,\"b\"] none"},
        {"a scalar stays text", "application/json", CDZ_STR("12"), "\"12\" none"},
        {"no JSON", "application/json", CDZ_STR("{a"), "\"{a\" none"},
        {"a form is text", "application/x-www-form-urlencoded", CDZ_STR("a=b&c=d"),
         "\"a=b&c=d\" none"},
        {"binary", "application/octet-stream", CDZ_STR("\xff\xfe"), "\"//4=\" none"},
    };
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy_hook(&s, "hook", "", "");
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        AUTO_REPLY r = call(&s, i % 2 ? "PUT" : "POST", AT "hook/k", rows[i].type, rows[i].body);
        CHECK_STATUS(r, 200);
        cdz_str got = seen(&s, &r, arena);
        CHECK(cdz_str_is(got, rows[i].want), "%s: %.*s", rows[i].why, CDZ_S(got));
    }
    site_close(&s);
}

TEST(fields_of_a_multipart_form_are_known_by_name)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy_hook(&s, "hook", "", "");
    AUTO_REPLY r =
        call(&s, "POST", AT "hook/k", "multipart/form-data; boundary=XyZ",
             CDZ_STR("--XyZ\r\nContent-Disposition: form-data; name=\"who\"\r\n\r\nme\r\n"
                     "--XyZ--\r\n"));
    CHECK_STATUS(r, 200);
    CHECK(cdz_str_is(text_at(json_of(&r, arena), "trigger.variables.formFields.who"), "me"), "%s",
          r.body.p);
    site_close(&s);
}

TEST(a_get_tells_parameters_headers_and_labels)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy_hook(&s, "hook", "", "");
    AUTO_REPLY r = get(&s, AT "hook/k?q=1&q=2&odd=%ff");
    CHECK_STATUS(r, 200);
    cdz_val e = json_of(&r, arena), q = cdz_val_path(e, "trigger.variables.parameters.q");
    CHECK(q.kind == CDZ_LIST && cdz_list_n(q) == 2, "%s", r.body.p);
    CHECK(has(cdz_buf_get(&r.body), "\"odd\":[\"\xc3\xbf\"]"), "not made UTF-8: %s", r.body.p);
    CHECK(cdz_val_path(e, "trigger.variables.headers").kind == CDZ_MAP, "no headers");
    CHECK(cdz_str_is(text_at(e, "trigger.id"), "hook"), "%s", r.body.p);
    CHECK(has(cdz_buf_get(&r.body), "{\"key\":\"team\",\"value\":\"a\"}"), "no label of the flow");
    cdz_str got = seen(&s, &r, arena);
    CHECK(cdz_str_is(got, "\"nothing\" 1"), "%.*s", CDZ_S(got));
    site_close(&s);
}

TEST(who_does_not_know_flow_or_key_starts_nothing)
{
    static const struct {
        const char *why, *method, *path;
        int status;
        const char *text;
    } rows[] = {
        {"no such flow", "POST", AT "nobody/k", 404, "Flow not found"},
        {"another key", "POST", AT "hook/K", 404, "Webhook not found"},
        {"a longer key", "POST", AT "hook/kk", 404, "Webhook not found"},
        {"a flow without one", "GET", AT "plain/k", 404, "Webhook not found"},
        {"a disabled trigger", "GET", AT "off/k", 404, "Webhook not found"},
        {"a key that cannot be rendered", "GET", AT "broken/x", 404, "Webhook not found"},
        {"a disabled flow", "POST", AT "sleeps/k", 409, "disabled"},
        {"a HEAD starts nothing", "HEAD", AT "hook/k", 204, ""},
        {"no such method", "DELETE", AT "hook/k", 404, "Not Found"},
    };
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy_hook(&s, "hook", "", "");
    deploy_hook(&s, "off", "    disabled: true\n", "");
    deploy_hook(&s, "sleeps", "", "disabled: true\n");
    deploy(&s, "id: plain\nnamespace: t\ntasks:\n"
               "  - {id: x, type: io.kestra.plugin.core.log.Log, message: x}\n");
    deploy(&s, "id: broken\nnamespace: t\ntasks:\n"
               "  - {id: x, type: io.kestra.plugin.core.log.Log, message: x}\n"
               "triggers:\n  - {id: hook, type: io.kestra.plugin.core.trigger.Webhook, "
               "key: \"{{ nothing.of.that }}\"}\n");
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        AUTO_REPLY r = call(&s, rows[i].method, rows[i].path, NULL, (cdz_str){NULL, 0});
        CHECK(r.status == rows[i].status, "%s: %ld", rows[i].why, r.status);
        CHECK(has(cdz_buf_get(&r.body), rows[i].text), "%s: %s", rows[i].why, r.body.p);
    }
    CHECK(count(&s) == 0, "%zu executions", count(&s));
    site_close(&s);
}

TEST(a_key_may_be_an_expression)
{
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, "id: dynamic\nnamespace: t\nvariables: {key: secret}\ntasks:\n"
               "  - {id: x, type: io.kestra.plugin.core.log.Log, message: x}\n"
               "triggers:\n  - {id: hook, type: io.kestra.core.models.triggers.types.Webhook, "
               "key: \" {{ flow.id }}-{{ vars.key }} \"}\n");
    AUTO_REPLY r = get(&s, AT "dynamic/dynamic-secret");
    CHECK_STATUS(r, 200);
    site_close(&s);
}

TEST(conditions_see_the_request_and_their_errors_are_told)
{
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy_hook(&s, "hook",
                "    conditions:\n"
                "      - type: io.kestra.plugin.core.condition.Expression\n"
                "        expression: \"{{ trigger.body.go == 'yes' and labels.team == 'a' }}\"\n",
                "");
    AUTO_REPLY yes = call(&s, "POST", AT "hook/k", "application/json", CDZ_STR("{\"go\":\"yes\"}"));
    CHECK_STATUS(yes, 200);
    AUTO_REPLY no = call(&s, "POST", AT "hook/k", "application/json", CDZ_STR("{\"go\":\"no\"}"));
    CHECK_STATUS(no, 204);
    AUTO_REPLY wrong = call(&s, "POST", AT "hook/k", "application/json", CDZ_STR("[]"));
    CHECK(wrong.status == 422 || wrong.status == 204, "%ld", wrong.status);
    RIG_UNTIL(count(&s) == 1);
    site_close(&s);
}

TEST(with_wait_the_answer_is_the_end_and_gives_only_outputs_away)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy_hook(&s, "hook", "    wait: true\n", "");
    deploy_hook(&s, "short", "    wait: true\n    returnOutputs: true\n", "");
    AUTO_REPLY r = get(&s, AT "hook/k?q=7");
    CHECK_STATUS(r, 200);
    cdz_val e = json_of(&r, arena);
    CHECK(cdz_str_is(text_at(e, "state.current"), "SUCCESS"), "%s", r.body.p);
    CHECK(has(text_at(e, "outputs.seen"), "7"), "%s", r.body.p);
    CHECK(cdz_map_getz(e, "taskRunList").kind == CDZ_NULL, "task runs are given away");
    CHECK(cdz_map_getz(e, "inputs").kind == CDZ_NULL, "inputs are given away");
    AUTO_REPLY only = get(&s, AT "short/k?q=8");
    CHECK_STATUS(only, 200);
    cdz_val outputs = json_of(&only, arena);
    CHECK(cdz_map_n(outputs) == 1 && has(text_at(outputs, "seen"), "8"), "%s", only.body.p);
    deploy_hook(&s, "plain",
                "    wait: true\n    returnOutputs: true\n    responseContentType: text/plain\n",
                "");
    AUTO_REPLY text = get(&s, AT "plain/k?q=9");
    CHECK_STATUS(text, 200);
    CHECK(cdz_str_is(cdz_buf_get(&text.body), "\"nothing\" 9"), "%s", text.body.p);
    CHECK(has(cdz_buf_get(&text.head), "text/plain"), "%s", text.head.p);
    site_close(&s);
}

TEST(inputs_of_the_trigger_are_rendered_and_checked)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy_hook(&s, "hook", "    inputs: {n: \"{{ trigger.parameters.n[0] }}\"}\n",
                "inputs:\n  - {id: n, type: INT}\n");
    AUTO_REPLY good = get(&s, AT "hook/k?n=12");
    CHECK_STATUS(good, 200);
    CHECK(cdz_val_path(json_of(&good, arena), "inputs.n").i == 12, "%s", good.body.p);
    AUTO_REPLY bad = get(&s, AT "hook/k?n=twelve");
    CHECK_STATUS(bad, 422);
    AUTO_REPLY none = get(&s, AT "hook/k");
    CHECK_STATUS(none, 422);
    site_close(&s);
}

TEST_MAIN
