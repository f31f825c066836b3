/* What tasks ask of the server around them, and what a worker does around a task: logs found at once,
 * counts, purges, resumes, masked secrets, cached outputs; and functions in what the executor renders. */
#include <stdlib.h>

#include "kv/kv.h"
#include "rig.h"

#define FLOW(id) "id: " id "\nnamespace: t\ntasks:\n"

static cdz_val output(const struct cdz_execution *e, const char *task, const char *name)
{
    for (size_t i = 0; e && i < e->taskruns.n; i++) {
        if (cdz_str_is(e->taskruns.v[i]->task_id, task))
            return cdz_map_getz(e->taskruns.v[i]->outputs, name);
    }
    return CDZ_VAL_NULL;
}

static bool is_text(cdz_val v, const char *want)
{
    return v.kind == CDZ_TEXT && cdz_str_is(cdz_val_str(v), want);
}

static struct cdz_execution *run_to_end(struct rig *r, const char *flow, char id[32])
{
    rig_run(r, flow, id);
    return rig_end(r, id);
}

static void check_state(const struct cdz_execution *e, enum cdz_state want)
{
    CHECK(e && cdz_state_now(&e->history) == want, "%s",
          e ? cdz_state_name(cdz_state_now(&e->history)) : "none");
}

TEST(fetch_finds_every_line_that_its_execution_has_written_before)
{
    struct rig r;
    rig_start(&r, RIG_FILE);
    rig_deploy(&r, 1,
               FLOW("fetch") "  - id: lines\n    type: io.kestra.plugin.core.log.Log\n    message: "
                             "[one, two, three]\n"
                             "  - id: get\n    type: io.kestra.plugin.core.log.Fetch\n    tasksId: "
                             "[lines]\n");
    for (int i = 0; i < 10; i++) {
        char id[32];
        struct cdz_execution *e = run_to_end(&r, "fetch", id);
        check_state(e, CDZ_SUCCESS);
        CHECK(output(e, "get", "size").i == 3, "run %d: %lld lines", i,
              (long long)output(e, "get", "size").i);
        cdz_execution_free(e);
    }
    rig_stop(&r);
}

TEST(count_and_purge_see_ended_executions_and_purge_removes_all_of_them)
{
    struct rig r;
    char id[32], by[32];
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    rig_start(&r, RIG_FILE);
    rig_deploy(&r, 1,
               FLOW("old") "  - id: a\n    type: io.kestra.plugin.core.storage.Write\n    content: "
                           "x\n"
                           "  - id: b\n    type: io.kestra.plugin.core.debug.Return\n    format: "
                           "x\n");
    rig_deploy(
        &r, 1,
        FLOW("count") "  - id: c\n    type: io.kestra.plugin.core.execution.Count\n    flows: "
                      "[{namespace: t, flowId: old}]\n    startDate: "
                      "'2020-01-01T00:00:00Z'\n    expression: '{{ count == 1 }}'\n");
    rig_deploy(
        &r, 1,
        FLOW("purge") "  - id: p\n    type: io.kestra.plugin.core.execution.PurgeExecutions\n"
                      "    namespace: t\n    flowId: old\n    endDate: \"{{ now() | "
                      "dateAdd(1, 'HOURS') }}\"\n");
    cdz_execution_free(run_to_end(&r, "old", id));
    struct cdz_execution *e = run_to_end(&r, "count", by);
    CHECK(output(e, "c", "total").i == 1);
    cdz_execution_free(e);
    e = run_to_end(&r, "purge", by);
    check_state(e, CDZ_SUCCESS);
    CHECK(output(e, "p", "executionsCount").i == 1 && output(e, "p", "storagesCount").i == 1 &&
              output(e, "p", "metricsCount").i > 0 && output(e, "p", "logsCount").i > 0,
          "%s", cdz_json_text(arena, e->taskruns.v[0]->outputs, 0).p);
    cdz_execution_free(e);
    CHECK(!rig_get(&r, id));
    CHECK(rig_logs(&r, id, CDZ_TRACE, arena).n == 0);
    rig_stop(&r);
}

TEST(purge_logs_of_some_levels_leaves_the_others)
{
    for (int kind = RIG_VOLATILE; kind <= RIG_FILE; kind++) {
        struct rig r;
        char id[32], by[32];
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        rig_start(&r, (enum rig_kind)kind);
        rig_deploy(&r, 1,
                   FLOW("talk") "  - id: a\n    type: io.kestra.plugin.core.log.Log\n    message: "
                                "soft\n"
                                "  - id: b\n    type: io.kestra.plugin.core.log.Log\n    message: "
                                "loud\n    level: ERROR\n"
                                "  - id: c\n    type: io.kestra.plugin.core.log.Fetch\n");
        rig_deploy(&r, 1,
                   FLOW("hush") "  - id: p\n    type: io.kestra.plugin.core.log.PurgeLogs\n    "
                                "flowId: talk\n    namespace: t\n    logLevels: [ERROR]\n    "
                                "endDate: \"{{ now() | dateAdd(1, 'HOURS') }}\"\n");
        cdz_execution_free(run_to_end(&r, "talk", id));
        struct cdz_execution *e = run_to_end(&r, "hush", by);
        CHECK(output(e, "p", "count").i == 1, "%lld", (long long)output(e, "p", "count").i);
        cdz_execution_free(e);
        cdz_str logs = rig_logs(&r, id, CDZ_TRACE, arena);
        CHECK(has(logs, "soft") && !has(logs, "loud"), "%.*s", CDZ_S(logs));
        rig_stop(&r);
    }
}

TEST(a_secret_never_shows_in_the_log)
{
    struct rig r;
    char id[32];
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    setenv("SECRET_RIG_TOKEN", "dG9wLXNlY3JldC12YWx1ZQ==", 1); /* top-secret-value */
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1,
               FLOW("s") "  - id: a\n    type: io.kestra.plugin.core.log.Log\n    message: \"it is "
                         "{{ secret('RIG_TOKEN') }}!\"\n"
                         "  - id: b\n    type: io.kestra.plugin.core.execution.Fail\n    "
                         "errorMessage: \"no {{ secret('rig_token') }}\"\n");
    struct cdz_execution *e = run_to_end(&r, "s", id);
    check_state(e, CDZ_FAILED);
    cdz_execution_free(e);
    RIG_UNTIL(has(rig_logs(&r, id, CDZ_ERROR, arena), "no "));
    cdz_str logs = rig_logs(&r, id, CDZ_TRACE, arena);
    CHECK(has(logs, "it is **masked********!") && has(logs, "no **masked********"), "%.*s",
          CDZ_S(logs));
    CHECK(!has(logs, "top-secret"), "%.*s", CDZ_S(logs));
    unsetenv("SECRET_RIG_TOKEN");
    rig_stop(&r);
}

TEST(a_cached_task_gives_the_outputs_of_its_last_run)
{
    struct rig r;
    char id[32];
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1,
               FLOW("c") "  - id: w\n    type: io.kestra.plugin.core.storage.Write\n    content: "
                         "x\n    taskCache: {enabled: true}\n"
                         "  - id: size\n    type: io.kestra.plugin.core.storage.Size\n    uri: '{{ "
                         "outputs.w.uri }}'\n");
    struct cdz_execution *first = run_to_end(&r, "c", id), *second = run_to_end(&r, "c", id);
    check_state(second, CDZ_SUCCESS);
    cdz_val a = output(first, "w", "uri"), b = output(second, "w", "uri");
    CHECK(a.kind == CDZ_TEXT && b.kind == CDZ_TEXT && cdz_str_eq(cdz_val_str(a), cdz_val_str(b)),
          "the file of the first run");
    CHECK(output(second, "size", "size").i == 1, "and it may be read");
    RIG_UNTIL(has(rig_logs(&r, id, CDZ_INFO, arena), "from the cache"));
    cdz_execution_free(first);
    cdz_execution_free(second);
    rig_stop(&r);
}

TEST(what_the_executor_renders_may_ask_for_values_files_and_secrets)
{
    struct rig r;
    char id[32];
    struct cdz_err err;
    setenv("SECRET_RIG_CHOICE", "eWVz", 1); /* yes */
    rig_start(&r, RIG_VOLATILE);
    CHECK(cdz_kv_put(r.s->storage, CDZ_STR("t"), CDZ_STR("go"), cdz_val_bool(true), 0, true,
                     cdz_now_us(), &err) == CDZ_OK);
    CHECK(cdz_storage_put(r.s->storage, CDZ_STR("/t/_files/mode.txt"), CDZ_STR("fast"), &err) ==
          CDZ_OK);
    rig_deploy(
        &r, 1,
        FLOW("if") "  - id: write\n    type: io.kestra.plugin.core.storage.Write\n    "
                   "content: abc\n"
                   "  - id: x\n    type: io.kestra.plugin.core.flow.If\n    condition: \"{{ "
                   "kv('go') and secret('RIG_CHOICE') == 'yes' and read('mode.txt') == "
                   "'fast' and fileSize(outputs.write.uri) == 3 }}\"\n    then:\n      - id: "
                   "then\n        type: io.kestra.plugin.core.debug.Return\n        format: "
                   "ok\n");
    struct cdz_execution *e = run_to_end(&r, "if", id);
    check_state(e, CDZ_SUCCESS);
    CHECK(is_text(output(e, "then", "value"), "ok"));
    cdz_execution_free(e);
    unsetenv("SECRET_RIG_CHOICE");
    rig_stop(&r);
}

TEST(resume_by_a_task_wakes_a_paused_execution)
{
    struct rig r;
    char id[32], by[32];
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1,
               FLOW("wait") "  - id: p\n    type: io.kestra.plugin.core.flow.Pause\n"
                            "  - id: after\n    type: io.kestra.plugin.core.debug.Return\n    "
                            "format: x\n");
    rig_run(&r, "wait", id);
    RIG_UNTIL(rig_state(&r, id) == CDZ_PAUSED);
    char flow[300];
    snprintf(flow, sizeof(flow),
             FLOW("wake") "  - id: r\n    type: io.kestra.plugin.core.execution.Resume\n    "
                          "executionId: %s\n",
             id);
    rig_deploy(&r, 1, flow);
    struct cdz_execution *e = run_to_end(&r, "wake", by);
    check_state(e, CDZ_SUCCESS);
    cdz_execution_free(e);
    e = rig_end(&r, id);
    check_state(e, CDZ_SUCCESS);
    cdz_execution_free(e);
    e = run_to_end(&r, "wake", by);
    check_state(e, CDZ_FAILED); /* it is not paused any more */
    cdz_execution_free(e);
    rig_stop(&r);
}

TEST(a_templated_task_may_read_what_only_its_inner_task_names)
{
    struct rig r;
    char id[32];
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(
        &r, 1,
        FLOW("tpl") "  - id: before\n    type: io.kestra.plugin.core.debug.Return\n    format: "
                    "value\n"
                    "  - id: made\n    type: "
                    "io.kestra.plugin.core.templating.TemplatedTask\n    spec: \"{type: "
                    "io.kestra.plugin.core.debug.Return, format: '{% raw %}{{ "
                    "outputs.before.value }}{% endraw %}'}\"\n");
    struct cdz_execution *e = run_to_end(&r, "tpl", id);
    check_state(e, CDZ_SUCCESS);
    CHECK(is_text(output(e, "made", "value"), "value"));
    cdz_execution_free(e);
    rig_stop(&r);
}

TEST(toggle_of_a_trigger_that_is_not_there_fails)
{
    struct rig r;
    char id[32];
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(
        &r, 1,
        FLOW("tog") "  - id: a\n    type: io.kestra.plugin.core.trigger.Toggle\n    trigger: "
                    "none\n    enabled: false\n");
    struct cdz_execution *e = run_to_end(&r, "tog", id);
    check_state(e, CDZ_FAILED);
    cdz_execution_free(e);
    RIG_UNTIL(has(rig_logs(&r, id, CDZ_ERROR, arena), "Unable to find trigger none"));
    rig_stop(&r);
}

TEST_MAIN
