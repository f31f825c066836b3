/* Flow triggers: which changes they listen to, what windows remember, what they start. */
#include "condition_rig.h"
#include "condition/flow_trigger.h"

TEST_MAIN

/* ---- windows ---- */

TEST(a_window_is_laid_around_now)
{
    static const struct {
        const char *why, *window, *now, *start, *end;
    } rows[] = {
        {"a day by default", "{}", "2024-02-29T10:20:30Z", "2024-02-29T00:00:00+01:00",
         "2024-02-29T23:59:59.999+01:00"},
        {"two days begin today", "{\"window\": \"P2D\"}", "2024-02-29T23:30:00Z",
         "2024-03-01T00:00:00+01:00", "2024-03-02T23:59:59.999+01:00"},
        {"hours begin with this hour", "{\"window\": \"PT6H\"}", "2024-02-29T10:20:30Z",
         "2024-02-29T10:00:00Z", "2024-02-29T15:59:59.999Z"},
        {"minutes are multiples within the hour", "{\"window\": \"PT15M\"}", "2024-02-29T10:44:30Z",
         "2024-02-29T10:30:00Z", "2024-02-29T10:44:59.999Z"},
        {"seconds begin now", "{\"window\": \"PT30S\"}", "2024-02-29T10:44:10.5Z",
         "2024-02-29T10:44:10Z", "2024-02-29T10:44:39.999Z"},
        {"later", "{\"window\": \"P1D\", \"windowAdvance\": \"PT4H\"}", "2024-02-29T10:20:30Z",
         "2024-02-29T04:00:00+01:00", "2024-03-01T03:59:59.999+01:00"},
        {"sliding", "{\"type\": \"SLIDING_WINDOW\", \"window\": \"PT1H\"}",
         "2024-02-29T10:20:30.1239Z", "2024-02-29T10:20:30.123Z", "2024-02-29T11:20:30.123Z"},
        {"deadline", "{\"type\": \"DAILY_TIME_DEADLINE\", \"deadline\": \"09:00:00\"}",
         "2024-02-29T07:20:30Z", "2024-02-29T00:00:00+01:00", "2024-02-29T09:00:00+01:00"},
        {"between times",
         "{\"type\": \"DAILY_TIME_WINDOW\", \"startTime\": \"06:00\", \"endTime\": \"09:00\"}",
         "2024-02-29T07:20:30Z", "2024-02-29T06:00:00+01:00", "2024-02-29T09:00:00+01:00"},
        {"summer time begins that day", "{}", "2024-03-31T12:00:00Z", "2024-03-31T00:00:00+01:00",
         "2024-03-31T23:59:59.999+01:00"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_window_kind kind =
            cdz_window_kind_of(rig_json(arena, rows[i].window), CDZ_VAL_NULL);
        cdz_us start = 0, end = 0;
        cdz_window_at(&kind, rig_at(rows[i].now), CDZ_STR("Europe/Paris"), &start, &end);
        char got_start[CDZ_INSTANT_TEXT], got_end[CDZ_INSTANT_TEXT];
        CHECK(start == rig_at(rows[i].start) && end == rig_at(rows[i].end), "%s: %.*s %.*s",
              rows[i].why, CDZ_S(cdz_instant_print(start, got_start)),
              CDZ_S(cdz_instant_print(end, got_end)));
    }
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_window_kind old =
        cdz_window_kind_of(CDZ_VAL_NULL, rig_json(arena, "{\"window\": \"PT2H\"}"));
    CHECK(old.type == CDZ_WINDOW_DURATION && old.window == 7200 * CDZ_SECOND, "2021");
}

TEST(a_window_is_stored_and_read)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_buf CDZ_AUTO_BUF bytes = CDZ_BUF_INIT;
    struct cdz_window w = {.start = 5, .end = -7}, back;
    struct cdz_err err;
    CHECK(cdz_window_add(&w, arena, CDZ_STR("a")) && !cdz_window_add(&w, arena, CDZ_STR("a")));
    CHECK(cdz_window_add(&w, arena, CDZ_STR("b")));
    cdz_window_encode(&w, &bytes);
    CHECK(cdz_window_decode(cdz_buf_get(&bytes), arena, &back, &err) == CDZ_OK);
    CHECK(back.start == 5 && back.end == -7 && cdz_list_n(back.held) == 2 &&
          cdz_window_has(&back, CDZ_STR("b")) && !cdz_window_has(&back, CDZ_STR("c")));
    for (size_t n = 0; n < bytes.n; n++)
        CHECK(cdz_window_decode((cdz_str){bytes.p, n}, arena, &back, &err) == CDZ_E_CORRUPT, "%zu",
              n);
    w = (struct cdz_window){.start = 10, .end = 20};
    CHECK(cdz_window_covers(&w, 10) && cdz_window_covers(&w, 19) && !cdz_window_covers(&w, 20) &&
          !cdz_window_covers(&w, 9));
}

/* ---- triggers ---- */

enum { ROWS_MAX = 8 };

/* The rows that an executor would keep. */
struct rows {
    struct cdz_arena *arena;
    struct {
        cdz_str key, bytes;
    } v[ROWS_MAX];
    size_t n;
};

static cdz_rc read_row(void *ctx, cdz_str key, struct cdz_arena *arena, cdz_str *ret,
                       struct cdz_err *err)
{
    struct rows *rows = ctx;
    (void)arena;
    (void)err;
    for (size_t i = 0; i < rows->n; i++)
        if (cdz_str_eq(rows->v[i].key, key))
            *ret = rows->v[i].bytes;
    return CDZ_OK;
}

static size_t stored(const struct rows *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++)
        n += rows->v[i].bytes.n > 0;
    return n;
}

static void apply(struct rows *rows, const struct cdz_flow_trigger_result *result)
{
    for (size_t i = 0; i < result->change_count; i++) {
        size_t at = 0;
        while (at < rows->n && !cdz_str_eq(rows->v[at].key, result->changes[i].key))
            at++;
        if (at == ROWS_MAX)
            abort();
        rows->v[at].key = cdz_arena_str(rows->arena, result->changes[i].key);
        rows->v[at].bytes = cdz_arena_str(rows->arena, result->changes[i].bytes);
        rows->n = at < rows->n ? rows->n : at + 1;
    }
}

struct heard {
    const char *flow;
    enum cdz_state state;
    const char *now; /* time of 2024-02-29 */
    bool fires;
    size_t rows; /* that are stored afterwards */
};

/* One trigger hears of executions, one after another. */
static void hear(const char *trigger, const struct heard *list, size_t n)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    static const char *const labels[] = {"some", "label", NULL};
    struct rows rows = {.arena = arena};
    cdz_str lines = cdz_arena_printf(
        arena, "triggers:\n- {id: t, type: io.kestra.plugin.core.trigger.Flow, %s}\n", trigger);
    struct cdz_flow *flow = rig_flow(arena, lines.p);
    if (!flow)
        return;
    for (size_t i = 0; i < n; i++) {
        struct cdz_execution *e = rig_execution(list[i].flow, list[i].state, NULL, labels);
        cdz_str now = cdz_arena_printf(arena, "2024-02-29T%sZ", list[i].now);
        struct cdz_map_env env;
        cdz_map_env_init(&env, rig_json(arena, "{\"labels\": {\"some\": \"label\"}}"));
        struct cdz_condition_ctx ctx = {
            .env = &env.env, .arena = arena, .e = e, .flow = flow, .now = rig_at(now.p)};
        struct cdz_flow_trigger_result result = {0};
        struct cdz_err err;
        if (cdz_flow_trigger_listens(&flow->triggers[0], flow, e))
            CHECK(cdz_flow_trigger_evaluate(&flow->triggers[0], &ctx, read_row, &rows, &result,
                                            &err) == CDZ_OK);
        CHECK(result.fires == list[i].fires, "%s: %zu: want %d (%.*s)", trigger, i, list[i].fires,
              CDZ_S(result.warning));
        apply(&rows, &result);
        CHECK(stored(&rows) == list[i].rows, "%s: %zu: %zu rows", trigger, i, stored(&rows));
        cdz_execution_free(e);
    }
    cdz_flow_unref(flow);
}

#define HEAR(trigger, ...)                                                                         \
    do {                                                                                           \
        static const struct heard list[] = {__VA_ARGS__};                                          \
        hear(trigger, list, CDZ_COUNT(list));                                                      \
    } while (0)

#define CONDITION(name) "io.kestra.plugin.core.condition." name

TEST(a_trigger_listens_to_states)
{
    HEAR("disabled: false", {"x/f", CDZ_SUCCESS, "10:00:00", true, 0},
         {"x/f", CDZ_KILLED, "10:00:00", true, 0}, {"x/f", CDZ_RUNNING, "10:00:00", false, 0},
         {"x/f", CDZ_PAUSED, "10:00:00", false, 0},
         {"a.b/listener", CDZ_SUCCESS, "10:00:00", false, 0});
    HEAR("states: [RUNNING, PAUSED, CREATED]", {"x/f", CDZ_SUCCESS, "10:00:00", false, 0},
         {"x/f", CDZ_RUNNING, "10:00:00", true, 0}, {"x/f", CDZ_PAUSED, "10:00:00", true, 0},
         {"x/f", CDZ_CREATED, "10:00:00", false, 0});
    HEAR("disabled: true", {"x/f", CDZ_SUCCESS, "10:00:00", false, 0});
}

TEST(plain_conditions_must_all_hold)
{
    HEAR("conditions: [{type: " CONDITION(
             "ExecutionFlow") ", namespace: x, flowId: f}, "
                              "{type: " CONDITION("ExecutionStatus") ", in: [FAILED]}]",
         {"x/f", CDZ_FAILED, "10:00:00", true, 0}, {"x/f", CDZ_SUCCESS, "10:00:00", false, 0},
         {"x/g", CDZ_FAILED, "10:00:00", false, 0});
    HEAR("conditions: [{type: " CONDITION("Expression") ", expression: '{{ nothing }}'}]",
         {"x/f", CDZ_FAILED, "10:00:00", false, 0});
}

#define A_AND_B                                                                                    \
    "conditions: {a: {type: " CONDITION("ExecutionFlow") ", namespace: x, flowId: a}, b: "         \
                                                         "{type: " CONDITION(                      \
                                                             "ExecutionFlow") ", namespace: x, "   \
                                                                              "flowId: b}}"

TEST(a_multiple_condition_remembers)
{
    HEAR("conditions: [{type: " CONDITION("ExecutionStatus") ", in: [SUCCESS]}, {type: " CONDITION(
             "MultipleCondition") ", id: m, timeWindow: {window: PT1H}, " A_AND_B "}]",
         {"x/a", CDZ_SUCCESS, "10:10:00", false, 1}, /* a is remembered */
         {"x/a", CDZ_SUCCESS, "10:20:00", false, 1}, /* again: no b */
         {"x/b", CDZ_FAILED, "10:21:00", false, 1},  /* the plain condition is false */
         {"x/b", CDZ_SUCCESS, "10:22:00", true, 0},  /* all: the window is deleted */
         {"x/b", CDZ_SUCCESS, "10:23:00", false, 1}, /* b of a new window */
         {"x/a", CDZ_SUCCESS, "11:23:00", false, 1}, /* the window is over: only a in the next */
         {"x/c", CDZ_SUCCESS, "12:23:00", false, 0}, /* over, and nothing new */
         {"x/a", CDZ_SUCCESS, "12:24:00", false, 1}, {"x/b", CDZ_SUCCESS, "12:25:00", true, 0});
    HEAR("conditions: [{type: " CONDITION(
             "MultipleCondition") ", id: m, resetOnSuccess: false, window: PT1H, " A_AND_B "}]",
         {"x/a", CDZ_SUCCESS, "10:10:00", false, 1}, {"x/b", CDZ_SUCCESS, "10:11:00", true, 1},
         {"x/c", CDZ_SUCCESS, "10:12:00", true, 1}, {"x/b", CDZ_SUCCESS, "11:12:00", false, 1});
}

TEST(windows_of_the_day_do_not_count_outside)
{
    HEAR("conditions: [{type: " CONDITION(
             "MultipleCondition") ", id: m, timeWindow: {type: DAILY_TIME_WINDOW, startTime: "
                                  "'09:00', endTime: '10:00'}, " A_AND_B "}]",
         {"x/a", CDZ_SUCCESS, "08:59:59", false, 0}, {"x/a", CDZ_SUCCESS, "09:00:00", false, 1},
         {"x/b", CDZ_SUCCESS, "10:00:00", false, 0});
    HEAR("conditions: [{type: " CONDITION(
             "MultipleCondition") ", id: m, timeWindow: {type: DAILY_TIME_DEADLINE, deadline: "
                                  "'10:00'}, " A_AND_B "}]",
         {"x/a", CDZ_SUCCESS, "00:00:00", false, 1}, {"x/b", CDZ_SUCCESS, "09:59:59", true, 0},
         {"x/a", CDZ_SUCCESS, "10:00:01", false, 0});
    HEAR("conditions: [{type: " CONDITION(
             "MultipleCondition") ", id: m, timeWindow: {type: SLIDING_WINDOW, window: "
                                  "PT10M}, " A_AND_B "}]",
         {"x/a", CDZ_SUCCESS, "10:05:00", false, 1}, {"x/b", CDZ_SUCCESS, "10:14:59", true, 0},
         {"x/a", CDZ_SUCCESS, "10:20:00", false, 1}, {"x/b", CDZ_SUCCESS, "10:30:00", false, 1});
}

TEST(preconditions_name_flows_and_filters)
{
    HEAR("preconditions: {id: p, flows: [{namespace: x, flowId: a, states: [SUCCESS, WARNING]}, "
         "{namespace: x, flowId: b, labels: {some: label}}]}",
         {"x/a", CDZ_FAILED, "10:00:00", false, 0}, {"x/a", CDZ_WARNING, "10:00:00", false, 1},
         {"x/a", CDZ_SUCCESS, "10:00:00", false, 1}, {"x/b", CDZ_KILLED, "10:00:00", true, 0});
    HEAR("preconditions: {id: p, flows: [{namespace: x, labels: {some: other}}]}",
         {"x/a", CDZ_SUCCESS, "10:00:00", false, 0});
    HEAR(
        "preconditions: {id: p, where: [{id: w, filters: [{field: NAMESPACE, type: STARTS_WITH, "
        "value: x}, {field: FLOW_ID, type: EQUAL_TO, value: a}, {field: EXPRESSION, type: IS_TRUE, "
        "value: \"{{ labels.some == 'label' }}\"}]}, {id: v, operand: OR, filters: [{field: "
        "FLOW_ID, type: IN, values: [b, c]}, {field: STATE, type: EQUAL_TO, value: KILLED}]}]}",
        {"x/a", CDZ_SUCCESS, "10:00:00", false, 1}, {"y/z", CDZ_KILLED, "10:00:00", true, 0},
        {"y/c", CDZ_SUCCESS, "10:00:00", false, 1});
    /* both windows must be fulfilled */
    HEAR("preconditions: {id: p, flows: [{namespace: x, flowId: a}]}, conditions: "
         "[{type: " CONDITION("MultipleCondition") ", id: m, " A_AND_B "}]",
         {"x/a", CDZ_SUCCESS, "10:00:00", false, 2}, {"x/b", CDZ_SUCCESS, "10:00:00", true, 0});
}

TEST(filters_compare_as_their_types_say)
{
    static const struct {
        const char *filter;
        bool want;
    } rows[] = {
        {"field: FLOW_ID, type: EQUAL_TO, value: name", true},
        {"field: FLOW_ID, type: EQUAL_TO, value: nam", false},
        {"field: FLOW_ID, type: NOT_EQUAL_TO, value: nam", true},
        {"field: FLOW_ID, type: IS_NULL, value: x", false},
        {"field: FLOW_ID, type: IS_NOT_NULL, value: x", true},
        {"field: EXPRESSION, type: IS_NULL, value: \"{{ labels.none ?? null }}\"", true},
        {"field: EXPRESSION, type: IS_FALSE, value: '{{ 1 > 2 }}'", true},
        {"field: EXPRESSION, type: IS_TRUE, value: '{{ broken'", false},
        {"field: EXPRESSION, type: IS_TRUE, value: '{{ undefined }}'", false},
        {"field: NAMESPACE, type: ENDS_WITH, value: pace", true},
        {"field: NAMESPACE, type: STARTS_WITH, value: pace", false},
        {"field: NAMESPACE, type: CONTAINS, value: esp", true},
        {"field: NAMESPACE, type: REGEX, value: 'n.*e'", true},
        {"field: NAMESPACE, type: REGEX, value: 'n.*c'", false},
        {"field: NAMESPACE, type: REGEX, value: '('", false},
        {"field: STATE, type: IN, values: [FAILED, SUCCESS]", true},
        {"field: STATE, type: NOT_IN, values: [FAILED, SUCCESS]", false},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str trigger = cdz_arena_printf(
            arena, "preconditions: {id: p, where: [{id: w, filters: [{%s}]}]}", rows[i].filter);
        struct heard heard = {"namespace/name", CDZ_SUCCESS, "10:00:00", rows[i].want, 0};
        hear(trigger.p, &heard, 1);
    }
}

TEST(a_row_that_cannot_be_read_counts_as_none)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct rows rows = {.arena = arena, .n = 1};
    rows.v[0].key = CDZ_STR("a.b/listener/p");
    rows.v[0].bytes = CDZ_STR("\xff\xff");
    struct cdz_flow *flow =
        rig_flow(arena, "triggers:\n- {id: t, type: io.kestra.plugin.core.trigger.Flow, "
                        "preconditions: {id: p, flows: [{namespace: x}]}}\n");
    struct cdz_execution *e = rig_execution("x/f", CDZ_SUCCESS, NULL, NULL);
    struct cdz_condition_ctx ctx = {.arena = arena, .e = e, .flow = flow};
    struct cdz_flow_trigger_result result = {0};
    struct cdz_err err;
    cdz_str *keys;
    CHECK(cdz_flow_trigger_evaluate(&flow->triggers[0], &ctx, read_row, &rows, &result, &err) ==
              CDZ_OK &&
          result.fires && result.change_count == 1 && !result.changes[0].bytes.n);
    CHECK(cdz_flow_trigger_keys(flow, arena, &keys) == 1 && cdz_str_is(keys[0], "a.b/listener/p"));
    cdz_execution_free(e);
    cdz_flow_unref(flow);
}

TEST(the_execution_gets_inputs_labels_and_variables)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_flow *flow =
        rig_flow(arena, "labels: {team: data, stage: dev}\ntriggers:\n"
                        "- {id: t, type: io.kestra.core.models.triggers.types.Flow, labels: "
                        "{stage: '{{ labels.s }}', bad: '{{ no }}'}, inputs: {a: "
                        "'{{ trigger.outputs.n }}', b: ['{{ labels.s }}'], c: 1}}\n");
    struct cdz_execution *e = rig_execution("x.y/f", CDZ_WARNING, "{\"n\": 41}", NULL);
    struct cdz_map_env env;
    cdz_map_env_init(&env, rig_json(arena, "{\"labels\": {\"s\": \"prod\"}}"));
    struct cdz_condition_ctx ctx = {.env = &env.env, .arena = arena, .e = e, .flow = flow};
    struct cdz_triggered t;
    struct cdz_err err = {0};
    CHECK(cdz_flow_trigger_execution(&flow->triggers[0], &ctx, &t, &err) == CDZ_OK, "%s", err.text);
    CHECK(cdz_str_is(cdz_json_text(arena, t.inputs, CDZ_JSON_COMPACT),
                     "{\"a\":\"41\",\"b\":[\"prod\"],\"c\":1}"));
    CHECK(cdz_str_is(cdz_json_text(arena, t.variables, CDZ_JSON_COMPACT),
                     "{\"executionId\":\"exec1\",\"namespace\":\"x.y\",\"flowId\":\"f\","
                     "\"flowRevision\":3,\"state\":\"WARNING\"}"));
    CHECK(t.label_count == 2 && cdz_str_is(t.labels[0].value, "data") &&
          cdz_str_is(t.labels[1].value, "prod"));
    CHECK(cdz_str_starts(t.warning, CDZ_STR("label `bad`: ")), "%.*s", CDZ_S(t.warning));
    e->outputs = CDZ_VAL_NULL;
    CHECK(cdz_flow_trigger_execution(&flow->triggers[0], &ctx, &t, &err) != CDZ_OK,
          "an input that cannot be rendered starts nothing");
    cdz_execution_free(e);
    cdz_flow_unref(flow);
}
