/*
 * events.c -- WaitForEvent and the events it waits for, from the request to the outputs of the task:
 * early, late, for several, in vain, and over a restart.
 */
#include "site.h"

#include "exec/signals.h"

#define OUTPUTS "outputs:\n  - {id: got, type: STRING, value: \"{{ outputs.wait | json }}\"}\n"

static const char waiter[] = "id: waiter\nnamespace: t\ntasks:\n"
                             "  - id: wait\n"
                             "    type: io.cadenza.core.flow.WaitForEvent\n"
                             "    key: \"go {{ flow.id }}\"\n" OUTPUTS;
static const char short_of_time[] = "id: brief\nnamespace: t\ntasks:\n"
                                    "  - id: wait\n"
                                    "    type: io.cadenza.core.flow.WaitForEvent\n"
                                    "    key: never\n"
                                    "    timeout: PT0.3S\n" OUTPUTS;

static struct reply send_event(struct site *s, const char *path, const char *body)
{
    char url[1024];
    snprintf(url, sizeof(url), "/api/v1/events/%s", path);
    return call(s, "POST", url, "application/json", cdz_str_z(body));
}

/* Its task run waits, and the box of its key knows of it: both come with one commit. */
static bool waits(struct rig *r, const char *id)
{
    struct cdz_execution *e = rig_get(r, id);
    bool ret = e && e->taskruns.n == 1 && cdz_state_now(&e->taskruns.v[0]->history) == CDZ_RUNNING;
    cdz_execution_free(e);
    return ret;
}

static bool on_row(void *ctx, cdz_str key, cdz_str value)
{
    (void)key, (void)value;
    ++*(size_t *)ctx;
    return true;
}

/* Rows of all boxes. */
static size_t rows(struct site *s)
{
    size_t n = 0;
    RIG_NEED(
        cdz_queue_scan(s->rig.s->queue, CDZ_TOPIC_STATE, CDZ_STR("~e/"), on_row, &n, &rig_err));
    return n;
}

static void check_got(struct site *s, const char *id, const char *want)
{
    struct cdz_execution *e = rig_end(&s->rig, id);
    cdz_str got = e && e->outputs.kind == CDZ_MAP ? cdz_val_str(cdz_map_getz(e->outputs, "got"))
                                                  : CDZ_STR("nothing");
    CHECK(e && cdz_state_now(&e->history) == CDZ_SUCCESS, "%s",
          e ? cdz_state_name(cdz_state_now(&e->history)) : "none");
    CHECK(cdz_str_is(got, want), "%.*s", CDZ_S(got));
    cdz_execution_free(e);
}

TEST(an_event_wakes_the_task_and_becomes_its_outputs)
{
    static const struct {
        const char *why, *body, *want;
    } table[] = {
        {"an object", "{\"a\": 1, \"b\": [true]}", "{\"a\":1,\"b\":[true]}"},
        {"a list", "[1, 2]", "{\"body\":[1,2]}"},
        {"a text", "\"x\"", "{\"body\":\"x\"}"},
        {"nothing", "", "{}"},
        {"blanks", " \n", "{}"},
    };
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, waiter);
    for (size_t i = 0; i < CDZ_COUNT(table); i++) {
        char id[32];
        start(&s, "waiter", id);
        RIG_UNTIL(waits(&s.rig, id));
        AUTO_REPLY r = send_event(&s, "t/go%20waiter", table[i].body);
        CHECK_STATUS(r, 202);
        check_got(&s, id, table[i].want);
    }
    CHECK(rows(&s) == 0, "%zu rows stay", rows(&s));
    site_close(&s);
}

TEST(an_event_that_is_early_waits_for_the_task)
{
    struct site s;
    char id[32], second[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, waiter);
    AUTO_REPLY r = send_event(&s, "t/go%20waiter", "{\"n\": 1}");
    CHECK_STATUS(r, 202);
    start(&s, "waiter", id);
    check_got(&s, id, "{\"n\":1}");
    start(&s, "waiter", second);
    RIG_UNTIL(waits(&s.rig, second));
    AUTO_REPLY again = send_event(&s, "t/go%20waiter", "{\"n\": 2}");
    CHECK_STATUS(again, 202);
    check_got(&s, second, "{\"n\":2}");
    site_close(&s);
}

TEST(one_event_wakes_two_and_other_keys_wake_none)
{
    struct site s;
    char a[32], b[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, waiter);
    start(&s, "waiter", a);
    start(&s, "waiter", b);
    RIG_UNTIL(waits(&s.rig, a) && waits(&s.rig, b));
    AUTO_REPLY other = send_event(&s, "t/go", "{\"n\": 0}");
    CHECK_STATUS(other, 202);
    AUTO_REPLY elsewhere = send_event(&s, "u/go%20waiter", "{\"n\": 0}");
    CHECK_STATUS(elsewhere, 202);
    RIG_UNTIL(rows(&s) == 4); /* two that wait, two that nobody has taken */
    AUTO_REPLY r = send_event(&s, "t/go%20waiter", "{\"n\": 3}");
    CHECK_STATUS(r, 202);
    check_got(&s, a, "{\"n\":3}");
    check_got(&s, b, "{\"n\":3}");
    site_close(&s);
}

TEST(who_waits_in_vain_fails_and_leaves_the_box)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    char id[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, short_of_time);
    start(&s, "brief", id);
    struct cdz_execution *e = rig_end(&s.rig, id);
    CHECK(e && cdz_state_now(&e->history) == CDZ_FAILED, "not failed");
    cdz_execution_free(e);
    CHECK(has(rig_logs(&s.rig, id, CDZ_ERROR, arena), "did not come in time"), "not told");
    RIG_UNTIL(rows(&s) == 0);
    site_close(&s);
}

TEST(who_is_killed_leaves_the_box)
{
    for (int cascade = 0; cascade < 2; cascade++) {
        struct site s;
        char id[32], path[96];
        site_open(&s, RIG_VOLATILE);
        deploy(&s, waiter);
        start(&s, "waiter", id);
        RIG_UNTIL(waits(&s.rig, id));
        snprintf(path, sizeof(path), "/api/v1/executions/%s/kill?isOnKillCascade=%s", id,
                 cascade ? "true" : "false");
        AUTO_REPLY r = call(&s, "DELETE", path, NULL, (cdz_str){NULL, 0});
        CHECK_STATUS(r, 202);
        struct cdz_execution *e = rig_end(&s.rig, id);
        CHECK(e && cdz_state_now(&e->history) == CDZ_KILLED, "not killed");
        cdz_execution_free(e);
        RIG_UNTIL(rows(&s) == 0);
        site_close(&s);
    }
}

TEST(waiting_and_kept_events_survive_a_restart)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct rig r;
    char id[32], second[32];
    struct cdz_execution *e;
    struct cdz_signal event = {
        .kind = CDZ_SIGNAL_EVENT, .at = cdz_now_us(), .outputs = cdz_val_map(arena, 1)};
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_map_putz(arena, event.outputs, "n", cdz_val_int(1));
    cdz_signal_encode(&event, &b);
    struct cdz_record record = {
        .topic = CDZ_TOPIC_EVENT,
        .key = cdz_signal_key(CDZ_STR("t"), CDZ_STR("go waiter"), arena),
        .value = cdz_buf_get(&b),
    };
    rig_start(&r, RIG_FILE);
    rig_deploy(&r, 1, waiter);
    rig_run(&r, "waiter", id);
    RIG_UNTIL(waits(&r, id));
    rig_halt(&r);
    rig_go(&r, RIG_FILE);
    rig_pause(50);
    CHECK(waits(&r, id), "it does not wait any more");
    RIG_NEED(cdz_queue_send_wait(r.s->queue, &record, 1, &rig_err));
    e = rig_end(&r, id);
    CHECK(e && cdz_state_now(&e->history) == CDZ_SUCCESS, "not woken after a restart");
    cdz_execution_free(e);
    RIG_NEED(cdz_queue_send_wait(r.s->queue, &record, 1, &rig_err)); /* kept */
    rig_halt(&r);
    rig_go(&r, RIG_FILE);
    rig_run(&r, "waiter", second);
    e = rig_end(&r, second);
    CHECK(e && cdz_state_now(&e->history) == CDZ_SUCCESS, "the kept event is lost");
    cdz_execution_free(e);
    rig_stop(&r);
}

TEST(a_retry_waits_again)
{
    struct site s;
    char id[32];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, "id: again\nnamespace: t\ntasks:\n"
               "  - id: wait\n"
               "    type: io.cadenza.core.flow.WaitForEvent\n"
               "    key: k\n"
               "    timeout: PT0.2S\n"
               "    retry: {type: constant, interval: PT0.01S, maxAttempt: 100}\n" OUTPUTS);
    start(&s, "again", id);
    rig_pause(300);
    AUTO_REPLY r = send_event(&s, "t/k", "{\"n\": 4}");
    CHECK_STATUS(r, 202);
    check_got(&s, id, "{\"n\":4}");
    struct cdz_execution *e = rig_get(&s.rig, id);
    CHECK(e && e->taskruns.v[0]->attempt_count > 1, "it was not tried again");
    cdz_execution_free(e);
    site_close(&s);
}

TEST(explain_tells_what_is_waited_for)
{
    struct site s;
    char id[32], path[64];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, waiter);
    start(&s, "waiter", id);
    RIG_UNTIL(waits(&s.rig, id));
    snprintf(path, sizeof(path), "/api/v1/executions/%s/explain", id);
    AUTO_REPLY r = get(&s, path);
    CHECK_STATUS(r, 200);
    CHECK(has(cdz_buf_get(&r.body), "waits for the event `go waiter`"), "%s", r.body.p);
    site_close(&s);
}

TEST(what_is_no_event_is_refused)
{
    char longest[600] = "t/";
    memset(longest + 2, 'k', 501);
    const struct {
        const char *why, *path, *body;
        int status;
    } table[] = {
        {"no JSON", "t/k", "{oh", 422},
        {"no namespace", "t;u/k", "{}", 422},
        {"a key that is too long", longest, "{}", 422},
        {"no key", "t/", "{}", 404},
    };
    struct site s;
    site_open(&s, RIG_VOLATILE);
    for (size_t i = 0; i < CDZ_COUNT(table); i++) {
        AUTO_REPLY r = send_event(&s, table[i].path, table[i].body);
        CHECK(r.status == table[i].status, "%s: %ld %s", table[i].why, r.status, r.body.p);
    }
    CHECK(rows(&s) == 0, "something was kept");
    site_close(&s);
}

/* 64 MB of them in all: what nobody asks for cannot fill the memory. */
TEST(events_that_nobody_takes_are_kept_up_to_a_limit)
{
    enum { EACH = 1000 * 1000, FIT = (64 << 20) / (EACH + 700) };
    struct site s;
    char *body = malloc(EACH + 3);
    if (!body)
        abort();
    memset(body, 'x', EACH + 2);
    body[0] = body[EACH + 1] = '"';
    body[EACH + 2] = 0;
    site_open(&s, RIG_VOLATILE);
    for (int i = 0; i < FIT + 5; i++) {
        char path[32];
        snprintf(path, sizeof(path), "t/k%d", i);
        AUTO_REPLY r = send_event(&s, path, body);
        CHECK_STATUS(r, 202);
    }
    RIG_UNTIL(rows(&s) >= FIT);
    CHECK(rows(&s) <= FIT + 1, "%zu are kept", rows(&s));
    char *large = calloc(1, (1 << 20) + 64);
    if (!large)
        abort();
    memset(large, 'x', (1 << 20) + 10);
    large[0] = large[(1 << 20) + 9] = '"';
    AUTO_REPLY too_large = send_event(&s, "t/large", large);
    CHECK_STATUS(too_large, 413);
    free(large);
    free(body);
    site_close(&s);
}

TEST(a_key_that_is_empty_or_too_long_fails_the_task)
{
    static const char *const keys[] = {"{{ '' }}", "{% for i in range(0, 500) %}k{% endfor %}"};
    struct site s;
    site_open(&s, RIG_VOLATILE);
    for (size_t i = 0; i < CDZ_COUNT(keys); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        char text[512], id[32], flow[8];
        snprintf(flow, sizeof(flow), "f%zu", i);
        snprintf(text, sizeof(text),
                 "id: %s\nnamespace: t\ntasks:\n"
                 "  - id: wait\n    type: io.cadenza.core.flow.WaitForEvent\n    key: \"%s\"\n",
                 flow, keys[i]);
        deploy(&s, text);
        start(&s, flow, id);
        struct cdz_execution *e = rig_end(&s.rig, id);
        CHECK(e && cdz_state_now(&e->history) == CDZ_FAILED, "%s", keys[i]);
        CHECK(has(rig_logs(&s.rig, id, CDZ_ERROR, arena), "the key of the event"), "%s", keys[i]);
        cdz_execution_free(e);
    }
    site_close(&s);
}

TEST_MAIN
