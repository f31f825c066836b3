/*
 * server.c -- executor, worker, indexer, flows and hub together: an execution from its creation to
 * its end, kills, timeouts, restarts, and a disk that is full meanwhile.
 */
#include "rig.h"

#include "base/codec.h"
#include "exec/step.h"

static const char hello[] = "id: hello\n"
                            "namespace: t\n"
                            "tasks:\n"
                            "  - id: value\n"
                            "    type: io.kestra.plugin.core.debug.Return\n"
                            "    format: \"of {{ flow.id }}\"\n"
                            "  - id: say\n"
                            "    type: io.kestra.plugin.core.log.Log\n"
                            "    message: \"it is {{ outputs.value.value }}\"\n"
                            "outputs:\n"
                            "  - id: result\n"
                            "    type: STRING\n"
                            "    value: \"{{ outputs.value.value }}\"\n";

static const char sleeper[] = "id: sleeper\n"
                              "namespace: t\n"
                              "tasks:\n"
                              "  - id: sleep\n"
                              "    type: io.kestra.plugin.core.flow.Sleep\n"
                              "    duration: PT0.4S\n"
                              "  - id: say\n"
                              "    type: io.kestra.plugin.core.log.Log\n"
                              "    message: awake\n";

static const char forever[] = "id: forever\n"
                              "namespace: t\n"
                              "tasks:\n"
                              "  - id: sleep\n"
                              "    type: io.kestra.plugin.core.flow.Sleep\n"
                              "    duration: PT1H\n";

#define CHECK_STATE(e, want)                                                                       \
    CHECK((e) && cdz_state_now(&(e)->history) == (want), "%s",                                     \
          (e) ? cdz_state_name(cdz_state_now(&(e)->history)) : "no execution")

/* A task run of the execution is with a worker, and the repository knows it. */
static bool runs(struct rig *r, const char *id)
{
    struct cdz_execution *e = rig_get(r, id);
    bool ret = e && e->taskruns.n > 0 && cdz_state_now(&e->taskruns.v[0]->history) == CDZ_RUNNING &&
               r->s->counters->jobs_running > 0;
    cdz_execution_free(e);
    return ret;
}

static void send_kill(struct rig *r, const char *id)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_record kill = cdz_kill_record(cdz_str_z(id), true, arena);
    RIG_NEED(cdz_queue_send_wait(r->s->queue, &kill, 1, &rig_err));
}

/* --- executions ------------------------------------------------------------------------------- */

TEST(an_execution_runs_from_creation_to_success)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct rig r;
    char id[32];
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1, hello);
    rig_run(&r, "hello", id);
    struct cdz_execution *e = rig_end(&r, id);
    CHECK_STATE(e, CDZ_SUCCESS);
    if (e) {
        CHECK(e->taskruns.n == 2, "%zu task runs", e->taskruns.n);
        CHECK(e->history.n == 3 && e->history.v[0].state == CDZ_CREATED &&
                  e->history.v[1].state == CDZ_RUNNING,
              "%zu states", e->history.n);
        CHECK(cdz_str_is(cdz_val_str(cdz_map_getz(e->outputs, "result")), "of hello"), "outputs");
        CHECK(has(rig_logs(&r, id, CDZ_INFO, arena), "it is of hello"), "the log line is missing");
    }
    CHECK(r.s->counters->executions_ended[CDZ_SUCCESS] == 1, "not counted");
    CHECK(r.s->counters->live_executions == 0, "still held");
    cdz_execution_free(e);
    rig_stop(&r);
}

TEST(a_new_execution_carries_labels_of_flow_and_request_and_a_correlation)
{
    struct rig r;
    struct cdz_execution *e;
    struct cdz_err err;
    struct cdz_label labels[] = {{CDZ_STR("team"), CDZ_STR("b")},
                                 {CDZ_STR("system.from"), CDZ_STR("me")}};
    struct cdz_create c = {.labels = labels, .label_count = 1};
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1,
               "id: f\nnamespace: t\nlabels:\n  who: a\ntasks:\n"
               "  - {id: x, type: io.kestra.plugin.core.log.Log, message: x}\n");
    RIG_NEED(cdz_flows_get(r.s->flows, CDZ_STR("t"), CDZ_STR("f"), 0, &c.flow, &rig_err));
    CHECK(cdz_execution_make(&c, 1, &e, &err) == CDZ_OK, "%s", err.text);
    CHECK(e->label_count == 3, "%zu labels", e->label_count);
    bool who = false, team = false, correlation = false;
    for (size_t i = 0; i < e->label_count; i++) {
        who |= cdz_str_is(e->labels[i].key, "who") && cdz_str_is(e->labels[i].value, "a");
        team |= cdz_str_is(e->labels[i].key, "team") && cdz_str_is(e->labels[i].value, "b");
        correlation |= cdz_str_is(e->labels[i].key, "system.correlationId") &&
                       cdz_str_eq(e->labels[i].value, e->id);
    }
    CHECK(who && team && correlation, "%d %d %d", who, team, correlation);
    cdz_execution_free(e);
    c.label_count = 2;
    CHECK(cdz_execution_make(&c, 1, &e, &err) == CDZ_E_INVALID, "a system label was taken");
    cdz_flow_unref(c.flow);
    rig_stop(&r);
}

TEST(a_disabled_or_broken_flow_makes_no_execution)
{
    struct rig r;
    struct cdz_execution *e;
    struct cdz_err err;
    struct cdz_create c = {0};
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1,
               "id: f\nnamespace: t\ndisabled: true\ntasks:\n"
               "  - {id: x, type: io.kestra.plugin.core.log.Log, message: x}\n");
    RIG_NEED(cdz_flows_get(r.s->flows, CDZ_STR("t"), CDZ_STR("f"), 0, &c.flow, &rig_err));
    CHECK(cdz_execution_make(&c, 1, &e, &err) == CDZ_E_CONFLICT, "disabled");
    cdz_flow_unref(c.flow);
    c.flow = cdz_flow_broken(CDZ_STR("t"), CDZ_STR("g"), 1, CDZ_STR("?"), CDZ_STR("no flow"));
    CHECK(cdz_execution_make(&c, 1, &e, &err) == CDZ_E_CONFLICT, "broken");
    CHECK(has(cdz_str_z(err.text), "no flow"), "%s", err.text);
    cdz_flow_unref(c.flow);
    rig_stop(&r);
}

TEST(a_creation_delivered_twice_runs_once)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct rig r;
    struct cdz_record records[2];
    struct cdz_create c = {0};
    struct cdz_execution *made, *e;
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1, sleeper);
    RIG_NEED(cdz_flows_get(r.s->flows, CDZ_STR("t"), CDZ_STR("sleeper"), 0, &c.flow, &rig_err));
    RIG_NEED(cdz_execution_make(&c, cdz_now_us(), &made, &rig_err));
    size_t n = cdz_execution_records(made, arena, records);
    RIG_NEED(cdz_queue_send_wait(r.s->queue, records, n, &rig_err));
    RIG_NEED(cdz_queue_send_wait(r.s->queue, records, n, &rig_err));
    const char *id = cdz_arena_z(arena, made->id);
    e = rig_end(&r, id);
    CHECK_STATE(e, CDZ_SUCCESS);
    CHECK(r.s->counters->executions_started == 1, "%llu started",
          (unsigned long long)r.s->counters->executions_started);
    cdz_execution_free(e);
    cdz_execution_free(made);
    cdz_flow_unref(c.flow);
    rig_stop(&r);
}

TEST(outputs_beyond_the_limit_fail_the_task)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct rig r;
    char id[32];
    rig_start(&r, RIG_VOLATILE);
    r.s->worker_env.output_bytes_max = 1000;
    rig_deploy(&r, 1,
               "id: big\nnamespace: t\ntasks:\n"
               "  - id: x\n    type: io.kestra.plugin.core.debug.Return\n"
               "    format: \"{% for i in range(1, 400) %}0123456789{% endfor %}\"\n");
    rig_run(&r, "big", id);
    struct cdz_execution *e = rig_end(&r, id);
    CHECK_STATE(e, CDZ_FAILED);
    CHECK(e && e->taskruns.v[0]->outputs.kind != CDZ_MAP, "the outputs were kept");
    CHECK(has(rig_logs(&r, id, CDZ_ERROR, arena), "more than the 1000"), "no reason is given");
    cdz_execution_free(e);
    rig_stop(&r);
}

TEST(log_lines_longer_than_an_entry_are_split_between_characters)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct rig r;
    char id[32];
    struct cdz_page page = {0};
    struct cdz_log_entry *v;
    uint64_t total;
    size_t n, bytes = 0;
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1,
               "id: long\nnamespace: t\ntasks:\n"
               "  - id: x\n    type: io.kestra.plugin.core.log.Log\n"
               "    message: \"{% for i in range(1, 9000) %}\xe2\x82\xac{% endfor %}\"\n");
    rig_run(&r, "long", id);
    cdz_execution_free(rig_end(&r, id));
    struct cdz_log_filter f = {.execution_id = cdz_str_z(id),
                               .task_id = CDZ_STR("x"),
                               .attempt = -1,
                               .min_level = CDZ_INFO};
    RIG_NEED(cdz_repository_log_find(r.s->repository, &f, &page, arena, &v, &n, &total, &rig_err));
    for (size_t i = 0; i < n; i++) {
        CHECK(v[i].message.n <= CDZ_LOG_MESSAGE_MAX, "%zu bytes", v[i].message.n);
        CHECK(v[i].message.n % 3 == 0, "cut inside a character");
        bytes += v[i].message.n;
    }
    CHECK(bytes == 27000, "%zu bytes in %zu entries", bytes, n);
    rig_stop(&r);
}

/* --- kill, timeout ---------------------------------------------------------------------------- */

TEST(a_kill_stops_a_running_attempt_at_once)
{
    struct rig r;
    char id[32];
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1, forever);
    rig_run(&r, "forever", id);
    RIG_UNTIL(runs(&r, id));
    cdz_us begin = cdz_mono_us();
    send_kill(&r, id);
    struct cdz_execution *e = rig_end(&r, id);
    CHECK_STATE(e, CDZ_KILLED);
    CHECK(cdz_mono_us() - begin < 2 * CDZ_SECOND, "%lld ms",
          (long long)((cdz_mono_us() - begin) / CDZ_MS));
    CHECK(e && cdz_state_now(&e->taskruns.v[0]->history) == CDZ_KILLED, "the task run is not");
    CHECK(e && e->history.n >= 2 && e->history.v[e->history.n - 2].state == CDZ_KILLING,
          "it was never KILLING");
    cdz_execution_free(e);
    rig_stop(&r);
}

TEST(a_kill_of_what_waits_for_a_worker_takes_its_job_back)
{
    struct rig r;
    char first[8][32], id[32];
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1, forever);
    for (size_t i = 0; i < 4; i++) /* as many as there are job threads */
        rig_run(&r, "forever", first[i]);
    RIG_UNTIL(r.s->counters->jobs_running == 4);
    rig_run(&r, "forever", id);
    send_kill(&r, id);
    rig_pause(100);
    for (size_t i = 0; i < 4; i++)
        send_kill(&r, first[i]);
    struct cdz_execution *e = rig_end(&r, id);
    CHECK_STATE(e, CDZ_KILLED);
    cdz_execution_free(e);
    for (size_t i = 0; i < 4; i++) {
        e = rig_end(&r, first[i]);
        CHECK_STATE(e, CDZ_KILLED);
        cdz_execution_free(e);
    }
    CHECK(r.s->counters->jobs_started == 4, "the killed job was run");
    rig_stop(&r);
}

TEST(a_timeout_fails_the_attempt_and_says_so)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct rig r;
    char id[32];
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1,
               "id: late\nnamespace: t\ntasks:\n"
               "  - id: sleep\n    type: io.kestra.plugin.core.flow.Sleep\n"
               "    duration: PT1H\n    timeout: PT0.2S\n");
    cdz_us begin = cdz_mono_us();
    rig_run(&r, "late", id);
    struct cdz_execution *e = rig_end(&r, id);
    CHECK_STATE(e, CDZ_FAILED);
    CHECK(cdz_mono_us() - begin < 3 * CDZ_SECOND, "it took too long");
    CHECK(has(rig_logs(&r, id, CDZ_ERROR, arena), "Timeout after 00:00:00.200"), "%.*s",
          CDZ_S(rig_logs(&r, id, CDZ_ERROR, arena)));
    cdz_execution_free(e);
    rig_stop(&r);
}

TEST(a_result_after_the_kill_is_dropped)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct rig r;
    char id[32];
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1, forever);
    rig_run(&r, "forever", id);
    RIG_UNTIL(runs(&r, id));
    send_kill(&r, id);
    struct cdz_execution *e = rig_end(&r, id);
    uint64_t dropped = r.s->counters->results_dropped, steps = r.s->counters->steps;
    struct cdz_event ev = {.kind = CDZ_EVENT_RESULT,
                           .taskrun = 0,
                           .epoch = e ? e->taskruns.v[0]->epoch : 0,
                           .state = CDZ_SUCCESS,
                           .started = cdz_now_us(),
                           .ended = cdz_now_us()};
    cdz_event_encode(&ev, CDZ_STR(""), &b);
    struct cdz_record late = {
        .topic = CDZ_TOPIC_RESULT, .key = cdz_str_z(id), .value = cdz_buf_get(&b)};
    RIG_NEED(cdz_queue_send_wait(r.s->queue, &late, 1, &rig_err));
    RIG_UNTIL(r.s->counters->results_dropped == dropped + 1);
    CHECK(r.s->counters->steps == steps, "it was stepped");
    CHECK(rig_state(&r, id) == CDZ_KILLED, "%s", cdz_state_name(rig_state(&r, id)));
    cdz_execution_free(e);
    rig_stop(&r);
}

TEST(a_result_of_an_older_dispatch_changes_nothing)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct rig r;
    char id[32];
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1, forever);
    rig_run(&r, "forever", id);
    RIG_UNTIL(runs(&r, id));
    struct cdz_execution *e = rig_get(&r, id);
    uint64_t applied = r.s->counters->results_applied;
    struct cdz_event ev = {.kind = CDZ_EVENT_RESULT,
                           .taskrun = 0,
                           .epoch = e->taskruns.v[0]->epoch - 1,
                           .state = CDZ_SUCCESS,
                           .started = cdz_now_us(),
                           .ended = cdz_now_us()};
    cdz_execution_free(e);
    cdz_event_encode(&ev, CDZ_STR(""), &b);
    struct cdz_record old = {
        .topic = CDZ_TOPIC_RESULT, .key = cdz_str_z(id), .value = cdz_buf_get(&b)};
    RIG_NEED(cdz_queue_send_wait(r.s->queue, &old, 1, &rig_err));
    RIG_UNTIL(r.s->counters->results_applied == applied + 1);
    rig_pause(50);
    CHECK(rig_state(&r, id) == CDZ_RUNNING, "%s", cdz_state_name(rig_state(&r, id)));
    rig_stop(&r);
}

TEST(damaged_records_are_counted_and_nothing_stops)
{
    struct rig r;
    char id[32];
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1, hello);
    static const enum cdz_topic topics[] = {CDZ_TOPIC_EVENT,  CDZ_TOPIC_RESULT, CDZ_TOPIC_JOB,
                                            CDZ_TOPIC_CHANGE, CDZ_TOPIC_LOG,    CDZ_TOPIC_METRIC};
    for (size_t i = 0; i < CDZ_COUNT(topics); i++) {
        struct cdz_record bad[] = {
            {.topic = topics[i], .key = CDZ_STR("nobody"), .value = CDZ_STR("\x01\xff\xff\xff")},
            {.topic = topics[i], .key = CDZ_STR("nobody"), .value = CDZ_STR("")}};
        RIG_NEED(cdz_queue_send_wait(r.s->queue, bad, 2, &rig_err));
    }
    rig_run(&r, "hello", id);
    struct cdz_execution *e = rig_end(&r, id);
    CHECK_STATE(e, CDZ_SUCCESS);
    CHECK(r.s->counters->records_damaged >= 4, "%llu",
          (unsigned long long)r.s->counters->records_damaged);
    cdz_execution_free(e);
    rig_stop(&r);
}

/* --- restarts --------------------------------------------------------------------------------- */

TEST(what_ran_at_the_stop_runs_to_its_end_after_the_restart)
{
    struct rig r;
    char id[32];
    rig_start(&r, RIG_FILE);
    rig_deploy(&r, 1, sleeper);
    rig_run(&r, "sleeper", id);
    RIG_UNTIL(runs(&r, id));
    rig_halt(&r);
    rig_go(&r, RIG_FILE);
    struct cdz_execution *e = rig_end(&r, id);
    CHECK_STATE(e, CDZ_SUCCESS);
    if (e) {
        const struct cdz_taskrun *t = e->taskruns.v[0];
        CHECK(e->taskruns.n == 2, "%zu task runs", e->taskruns.n);
        CHECK(t->attempt_count == 2, "%zu attempts", t->attempt_count);
        CHECK(t->attempt_count == 2 && cdz_state_now(&t->attempts[0].history) == CDZ_KILLED &&
                  cdz_state_now(&t->attempts[1].history) == CDZ_SUCCESS,
              "the attempt given up is not kept as KILLED");
    }
    cdz_execution_free(e);
    rig_stop(&r);
}

TEST(what_waited_for_workers_begins_after_the_restart)
{
    enum { MANY = 300 };
    struct rig r;
    char id[32];
    rig_start(&r, RIG_FILE);
    r.config->worker_threads = 0;
    rig_halt(&r);
    rig_go(&r, RIG_FILE); /* a server without worker */
    rig_deploy(&r, 1, hello);
    for (int i = 0; i < MANY; i++)
        rig_run(&r, "hello", id);
    rig_halt(&r);
    r.config->worker_threads = 4;
    rig_go(&r, RIG_FILE);
    RIG_UNTIL(r.s->counters->executions_ended[CDZ_SUCCESS] == MANY);
    struct cdz_execution *e = rig_end(&r, id);
    CHECK_STATE(e, CDZ_SUCCESS);
    cdz_execution_free(e);
    rig_stop(&r);
}

TEST(an_execution_whose_flow_is_gone_fails_after_the_restart_and_others_go_on)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct rig r;
    char lost[32], id[32];
    rig_start(&r, RIG_FILE);
    rig_deploy(&r, 1, forever);
    rig_deploy(&r, 1, sleeper);
    rig_run(&r, "forever", lost);
    rig_run(&r, "sleeper", id);
    RIG_UNTIL(runs(&r, lost));
    RIG_UNTIL(runs(&r, id));
    struct cdz_record gone = {.topic = CDZ_TOPIC_FLOW, .key = CDZ_STR("t/forever/00000001")};
    RIG_NEED(cdz_queue_send_wait(r.s->queue, &gone, 1, &rig_err));
    rig_halt(&r);
    rig_go(&r, RIG_FILE);
    struct cdz_execution *e = rig_end(&r, id);
    CHECK_STATE(e, CDZ_SUCCESS);
    cdz_execution_free(e);
    e = rig_end(&r, lost);
    CHECK_STATE(e, CDZ_FAILED);
    cdz_execution_free(e);
    rig_stop(&r);
}

TEST(a_stop_just_when_a_job_is_taken_does_not_wait_for_its_end)
{
    for (int i = 0; i < 20; i++) {
        struct rig r;
        char id[32];
        struct timespec moment = {.tv_nsec = i * 40000};
        rig_start(&r, RIG_VOLATILE);
        rig_deploy(&r, 1, forever);
        rig_run(&r, "forever", id);
        nanosleep(&moment, NULL);
        cdz_us begin = cdz_mono_us();
        rig_stop(&r);
        CHECK(cdz_mono_us() - begin < 2 * CDZ_SECOND, "round %d", i);
    }
}

TEST(a_second_server_on_the_same_directory_is_refused)
{
    struct rig r;
    struct cdz_standalone *other;
    struct cdz_err err;
    rig_start(&r, RIG_FILE);
    CHECK(cdz_standalone_start(r.config, false, &other, &err) == CDZ_E_CONFLICT, "it started");
    rig_stop(&r);
}

TEST(a_directory_that_cannot_be_made_is_an_error)
{
    struct cdz_config_options o = {.data_dir = "/proc/no/such", .worker_threads = 1};
    struct cdz_standalone *s;
    struct cdz_config *c;
    struct cdz_err err;
    RIG_NEED(cdz_config_load(&o, &c, &rig_err));
    CHECK(cdz_standalone_start(c, true, &s, &err) != CDZ_OK, "it started");
    CHECK(has(cdz_str_z(err.text), "/proc/no"), "%s", err.text);
    cdz_config_free(c);
}

/* --- a full disk ------------------------------------------------------------------------------ */

TEST(while_the_disk_is_full_creations_are_refused_and_nothing_that_was_begun_is_lost)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct rig r;
    struct cdz_err err;
    char id[3][32], refused[32], later[32];
    rig_start(&r, RIG_FAULTY);
    rig_deploy(&r, 1, sleeper);
    for (size_t i = 0; i < 3; i++)
        rig_run(&r, "sleeper", id[i]);
    RIG_UNTIL(runs(&r, id[0]) && runs(&r, id[1]) && runs(&r, id[2]));
    rig_disk(&r, true);
    CHECK(rig_try_run(&r, "sleeper", refused, &err) == CDZ_E_UNAVAILABLE, "it was accepted");
    rig_pause(700); /* the attempts end meanwhile */
    CHECK(rig_state(&r, id[0]) == CDZ_RUNNING, "%s", cdz_state_name(rig_state(&r, id[0])));
    rig_disk(&r, false);
    for (size_t i = 0; i < 3; i++) {
        struct cdz_execution *e = rig_end(&r, id[i]);
        CHECK_STATE(e, CDZ_SUCCESS);
        CHECK(e && e->taskruns.v[0]->attempt_count == 1, "an attempt was made again");
        CHECK(has(rig_logs(&r, id[i], CDZ_INFO, arena), "awake"), "its lines are lost");
        cdz_execution_free(e);
    }
    CHECK(rig_get(&r, refused) == NULL, "the refused creation is there");
    rig_run(&r, "sleeper", later);
    struct cdz_execution *e = rig_end(&r, later);
    CHECK_STATE(e, CDZ_SUCCESS);
    cdz_execution_free(e);
    rig_stop(&r);
}

TEST(a_server_stops_while_the_disk_is_full_and_finishes_after_the_restart)
{
    struct rig r;
    char id[32];
    rig_start(&r, RIG_FAULTY);
    rig_deploy(&r, 1, sleeper);
    rig_run(&r, "sleeper", id);
    RIG_UNTIL(runs(&r, id));
    rig_disk(&r, true);
    rig_pause(600);
    cdz_us begin = cdz_mono_us();
    rig_halt(&r);
    CHECK(cdz_mono_us() - begin < 5 * CDZ_SECOND, "the stop took %lld ms",
          (long long)((cdz_mono_us() - begin) / CDZ_MS));
    rig_go(&r, RIG_FAULTY);
    struct cdz_execution *e = rig_end(&r, id);
    CHECK_STATE(e, CDZ_SUCCESS);
    cdz_execution_free(e);
    rig_stop(&r);
}

/* --- flows ------------------------------------------------------------------------------------ */

static const char *message_of(struct rig *r, int revision, struct cdz_arena *arena, cdz_rc *rc)
{
    struct cdz_flow *flow;
    struct cdz_err err;
    *rc = cdz_flows_get(r->s->flows, CDZ_STR("t"), CDZ_STR("f"), revision, &flow, &err);
    if (*rc != CDZ_OK)
        return "";
    const char *ret = cdz_arena_z(arena, flow->description);
    cdz_flow_unref(flow);
    return ret;
}

static void put_flow(struct rig *r, int revision)
{
    char text[256];
    snprintf(text, sizeof(text),
             "id: f\nnamespace: t\ndescription: r%d\ntasks:\n"
             "  - {id: x, type: io.kestra.plugin.core.log.Log, message: x}\n",
             revision);
    rig_deploy(r, revision, text);
}

TEST(flows_are_found_by_revision_also_after_a_restart_and_when_deleted)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct rig r;
    cdz_rc rc;
    rig_start(&r, RIG_FILE);
    put_flow(&r, 1);
    put_flow(&r, 2);
    for (int round = 0; round < 2; round++) {
        CHECK(strcmp(message_of(&r, 0, arena, &rc), "r2") == 0, "round %d", round);
        CHECK(strcmp(message_of(&r, 1, arena, &rc), "r1") == 0, "round %d", round);
        (void)message_of(&r, 3, arena, &rc);
        CHECK(rc == CDZ_E_NOT_FOUND, "%s", cdz_rc_name(rc));
        rig_halt(&r);
        rig_go(&r, RIG_FILE);
    }
    RIG_NEED(
        cdz_flows_forget(r.s->flows, CDZ_STR("t"), CDZ_STR("f"), 3, CDZ_STR("id: f"), &rig_err));
    for (int round = 0; round < 2; round++) {
        (void)message_of(&r, 0, arena, &rc);
        CHECK(rc == CDZ_E_NOT_FOUND, "round %d: a deleted flow is found: %s", round,
              cdz_rc_name(rc));
        CHECK(strcmp(message_of(&r, 2, arena, &rc), "r2") == 0, "an older revision is gone");
        rig_halt(&r);
        rig_go(&r, RIG_FILE);
    }
    put_flow(&r, 4); /* it comes back */
    CHECK(strcmp(message_of(&r, 0, arena, &rc), "r4") == 0, "%s", cdz_rc_name(rc));
    rig_stop(&r);
}

TEST(a_flow_saved_but_not_published_is_published_by_the_next_start)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct rig r;
    cdz_rc rc;
    rig_start(&r, RIG_FILE);
    struct cdz_flow_row row = {
        .namespace_ = CDZ_STR("t"),
        .id = CDZ_STR("f"),
        .source = CDZ_STR("id: f\nnamespace: t\ndescription: r1\ntasks:\n"
                          "  - {id: x, type: io.kestra.plugin.core.log.Log, message: x}\n"),
        .exception = CDZ_STR(""),
        .labels = cdz_val_map(arena, 0),
        .revision = 1,
        .updated = cdz_now_us()};
    RIG_NEED(cdz_repository_flow_save(r.s->repository, &row, 0, &rig_err));
    (void)message_of(&r, 0, arena, &rc);
    CHECK(rc == CDZ_E_NOT_FOUND, "%s", cdz_rc_name(rc));
    rig_halt(&r); /* as after a crash between the two writes */
    rig_go(&r, RIG_FILE);
    CHECK(strcmp(message_of(&r, 0, arena, &rc), "r1") == 0, "%s", cdz_rc_name(rc));
    rig_stop(&r);
}

TEST(a_stored_flow_that_cannot_be_read_any_more_has_an_exception)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct rig r;
    struct cdz_flow *flow;
    struct cdz_err err;
    rig_start(&r, RIG_FILE);
    cdz_put_u64(&b, 1);
    cdz_put_u64(&b, 0);
    cdz_put_str(&b, CDZ_STR("id: old\nnamespace: t\ntasks:\n  - {id: x, type: no.such.Type}\n"));
    struct cdz_record old = {
        .topic = CDZ_TOPIC_FLOW, .key = CDZ_STR("t/old/00000001"), .value = cdz_buf_get(&b)};
    struct cdz_record torn = {
        .topic = CDZ_TOPIC_FLOW, .key = CDZ_STR("t/torn/00000001"), .value = CDZ_STR("\x01")};
    RIG_NEED(cdz_queue_send_wait(r.s->queue, &old, 1, &rig_err));
    RIG_NEED(cdz_queue_send_wait(r.s->queue, &torn, 1, &rig_err));
    rig_halt(&r);
    rig_go(&r, RIG_FILE);
    CHECK(cdz_flows_get(r.s->flows, CDZ_STR("t"), CDZ_STR("old"), 0, &flow, &err) == CDZ_OK, "%s",
          err.text);
    CHECK(flow->exception.n > 0, "no exception");
    cdz_flow_unref(flow);
    CHECK(cdz_flows_get(r.s->flows, CDZ_STR("t"), CDZ_STR("torn"), 1, &flow, &err) == CDZ_E_CORRUPT,
          "a damaged record was read");
    rig_stop(&r);
}

/* --- hub -------------------------------------------------------------------------------------- */

struct heard {
    atomic_int changed, terminated, logs;
};

static void on_news(void *ctx, enum cdz_hub_what what, cdz_str record)
{
    struct heard *h = ctx;
    (void)record;
    atomic_fetch_add(what == CDZ_HUB_LOG          ? &h->logs
                     : what == CDZ_HUB_TERMINATED ? &h->terminated
                                                  : &h->changed,
                     1);
}

TEST(followers_hear_of_their_execution_only_and_no_more_once_they_left)
{
    struct cdz_hub *hub = cdz_hub_open();
    struct heard a = {0}, b = {0};
    struct cdz_hub_ticket *first = cdz_hub_follow(hub, CDZ_STR("one"), on_news, &a),
                          *second = cdz_hub_follow(hub, CDZ_STR("one"), on_news, &b),
                          *third = cdz_hub_follow(hub, CDZ_STR("two"), on_news, &b);
    cdz_hub_tell(hub, CDZ_STR("one"), CDZ_HUB_CHANGED, CDZ_STR(""));
    CHECK(a.changed == 1 && b.changed == 1, "%d %d", a.changed, b.changed);
    cdz_hub_unfollow(hub, first);
    cdz_hub_tell(hub, CDZ_STR("one"), CDZ_HUB_LOG, CDZ_STR(""));
    CHECK(a.logs == 0 && b.logs == 1, "%d %d", a.logs, b.logs);
    cdz_hub_unfollow(hub, second);
    cdz_hub_tell(hub, CDZ_STR("one"), CDZ_HUB_TERMINATED, CDZ_STR(""));
    cdz_hub_tell(hub, CDZ_STR("two"), CDZ_HUB_TERMINATED, CDZ_STR(""));
    cdz_hub_tell(hub, CDZ_STR("three"), CDZ_HUB_TERMINATED, CDZ_STR(""));
    CHECK(a.terminated == 0 && b.terminated == 1, "%d %d", a.terminated, b.terminated);
    cdz_hub_unfollow(hub, third);
    cdz_hub_unfollow(hub, NULL);
    cdz_hub_close(hub);
}

TEST(when_the_hub_tells_of_the_end_the_repository_has_it)
{
    struct rig r;
    struct heard h = {0};
    rig_start(&r, RIG_FILE);
    rig_deploy(&r, 1, hello);
    for (int i = 0; i < 20; i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_create c = {.id = cdz_execution_id(arena)};
        struct cdz_record records[2];
        struct cdz_execution *e;
        const char *id = cdz_arena_z(arena, c.id);
        int before = h.terminated;
        RIG_NEED(cdz_flows_get(r.s->flows, CDZ_STR("t"), CDZ_STR("hello"), 0, &c.flow, &rig_err));
        RIG_NEED(cdz_execution_make(&c, cdz_now_us(), &e, &rig_err));
        cdz_flow_unref(c.flow);
        struct cdz_hub_ticket *ticket = cdz_hub_follow(r.s->hub, e->id, on_news, &h);
        size_t n = cdz_execution_records(e, arena, records);
        RIG_NEED(cdz_queue_send_wait(r.s->queue, records, n, &rig_err));
        for (int k = 0; k < 10000 && h.terminated == before; k++) {
            struct timespec moment = {.tv_nsec = 1000000};
            nanosleep(&moment, NULL);
        }
        CHECK(rig_state(&r, id) == CDZ_SUCCESS, "told, but %s", cdz_state_name(rig_state(&r, id)));
        cdz_hub_unfollow(r.s->hub, ticket);
        cdz_execution_free(e);
    }
    CHECK(h.logs >= 20, "%d log lines", h.logs);
    rig_stop(&r);
}

TEST(waiting_for_an_end_gives_up_after_its_span)
{
    struct rig r;
    char id[32];
    rig_start(&r, RIG_VOLATILE);
    rig_deploy(&r, 1, forever);
    rig_run(&r, "forever", id);
    cdz_us begin = cdz_mono_us();
    CHECK(!cdz_hub_wait_terminated(r.s->hub, r.s->repository, cdz_str_z(id), 200 * CDZ_MS),
          "it ended");
    cdz_us span = cdz_mono_us() - begin;
    CHECK(span >= 190 * CDZ_MS && span < 2 * CDZ_SECOND, "%lld us", (long long)span);
    rig_stop(&r);
}

/* --- files that the executor stores ----------------------------------------------------------- */

static const struct cdz_storage_ops *real_storage;
static _Atomic int puts_to_fail;

static cdz_rc put_sometimes(struct cdz_storage *s, cdz_str path, cdz_str bytes, struct cdz_err *err)
{
    if (has(path, "subflow-outputs") && puts_to_fail > 0) {
        puts_to_fail--;
        return cdz_fail(err, CDZ_E_UNAVAILABLE, "the storage is away");
    }
    return real_storage->put(s, path, bytes, err);
}

TEST(outputs_of_batches_are_kept_though_the_storage_is_away_for_a_while)
{
    struct rig r;
    struct cdz_storage_ops flaky;
    char id[32];
    rig_start(&r, RIG_VOLATILE);
    real_storage = r.s->storage->ops;
    flaky = *real_storage;
    flaky.put = put_sometimes;
    rig_deploy(&r, 1,
               "id: child\nnamespace: t\ninputs: [{id: rows, type: STRING}]\n"
               "tasks: [{id: x, type: io.kestra.plugin.core.debug.Return}]\n"
               "outputs: [{id: got, type: STRING, value: \"{{ read(inputs.rows) }}\"}]\n");
    rig_deploy(
        &r, 1,
        "id: parent\nnamespace: t\ntasks:\n"
        "  - {id: file, type: io.kestra.plugin.core.storage.Write, content: \"a\\nb\\nc\\n\"}\n"
        "  - id: each\n"
        "    type: io.kestra.plugin.core.flow.ForEachItem\n"
        "    items: \"{{ outputs.file.uri }}\"\n"
        "    namespace: t\n"
        "    flowId: child\n"
        "    inputs: {rows: \"{{ taskrun.items }}\"}\n"
        "outputs: [{id: all, type: STRING, value: \"{{ read(outputs.each_merge.subflowOutputs) "
        "}}\"}]\n");
    r.s->storage->ops = &flaky;
    puts_to_fail = 3;
    rig_run(&r, "parent", id);
    struct cdz_execution *e = rig_end(&r, id);
    CHECK_STATE(e, CDZ_SUCCESS);
    CHECK(puts_to_fail == 0, "%d puts were not tried", (int)puts_to_fail);
    if (e) {
        cdz_val all = cdz_map_getz(e->outputs, "all");
        CHECK(all.kind == CDZ_TEXT, "no merged outputs");
        for (const char *want = "abc"; all.kind == CDZ_TEXT && *want; want++) {
            char text[] = {*want, '\\', 'n', 0};
            CHECK(has(cdz_val_str(all), text), "%c is missing: %.*s", *want,
                  CDZ_S(cdz_val_str(all)));
        }
    }
    CHECK(r.s->counters->commit_retries > 0, "not told");
    cdz_execution_free(e);
    r.s->storage->ops = real_storage;
    rig_stop(&r);
}

TEST_MAIN
