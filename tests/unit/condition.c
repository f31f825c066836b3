/* Each condition, true and false and wrong. */
#include "condition_rig.h"
#include "condition/checks.h"
#include "condition/dates.h"
#include "condition/holidays.h"

TEST_MAIN

enum want { NO, YES, FAILS };

/* One condition in flow style, without its type's package, on variables and an execution. */
static void check(const char *condition, const char *vars, const struct cdz_execution *e,
                  enum want want, const char *says)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str lines =
        cdz_arena_printf(arena,
                         "triggers:\n- id: f\n  type: io.kestra.plugin.core.trigger.Flow\n"
                         "  conditions:\n  - {type: %s}\n",
                         condition);
    struct cdz_flow *flow = rig_flow(arena, lines.p);
    if (!flow)
        return;
    struct cdz_map_env env;
    cdz_map_env_init(&env, rig_json(arena, vars));
    struct cdz_condition_ctx ctx = {
        .env = &env.env, .arena = arena, .e = e, .flow = flow, .zone = CDZ_STR("Europe/Paris")};
    bool holds = false;
    struct cdz_err err = {0};
    cdz_rc rc = cdz_conditions_hold(&flow->triggers[0].conditions, &ctx, &holds, &err);
    if (want == FAILS)
        CHECK(rc != CDZ_OK && strstr(err.text, says), "%s: want \"%s\", got %s \"%s\"", condition,
              says, cdz_rc_name(rc), err.text);
    else
        CHECK(rc == CDZ_OK && holds == (want == YES), "%s of %s: want %d, got %d (%s)", condition,
              vars, want, holds, rc == CDZ_OK ? "" : err.text);
    cdz_flow_unref(flow);
}

#define NEW(name) "io.kestra.plugin.core.condition." name
#define OLD(name) "io.kestra.core.models.conditions.types." name

struct row {
    const char *condition, *vars;
    enum want want;
    const char *says;
};

static void check_rows(const struct row *rows, size_t n, const struct cdz_execution *e)
{
    for (size_t i = 0; i < n; i++)
        check(rows[i].condition, rows[i].vars, e, rows[i].want, rows[i].says);
}

TEST(conditions_on_dates)
{
#define DATE(text) "{\"trigger\": {\"date\": \"" text "\"}}"
    static const struct row rows[] = {
        {NEW("DateTimeBetween") ", after: '2024-01-01T00:00:00Z'", DATE("2024-01-01T00:00:01Z"),
         YES},
        {NEW("DateTimeBetween") ", after: '2024-01-01T00:00:00Z'", DATE("2024-01-01T00:00:00Z"),
         NO},
        {NEW("DateTimeBetweenCondition") ", before: '2024-01-01T00:00:00Z'",
         DATE("2024-01-01T00:30:00+01:00"), YES},
        {OLD("DateTimeBetweenCondition") ", after: '2024-01-01T00:00:00Z', before: "
                                         "'2024-02-01T00:00:00Z'",
         DATE("2024-02-01T00:00:00Z"), NO},
        {NEW("DateTimeBetween") ", date: '2024-01-01T00:30:00', before: '2024-01-01T00:00:00Z'",
         DATE(""), YES}, /* Paris */
        {NEW("DateTimeBetween"), DATE("2024-01-01T00:00:00Z"), FAILS,
         "Invalid condition with no before nor after"},
        {NEW("DateTimeBetween") ", after: soon", DATE("2024-01-01T00:00:00Z"), FAILS,
         "`soon` is not a date"},
        {NEW("TimeBetween") ", after: '16:19:12+02:00'", DATE("2024-02-21T16:19:13+02:00"), YES},
        {NEW("TimeBetween") ", after: '16:19:12+02:00'", DATE("2024-02-21T16:19:12+02:00"), NO},
        {NEW("TimeBetween") ", before: '16:19:12+02:00'", DATE("2024-02-21T14:19:11Z"), YES},
        {NEW("TimeBetween") ", after: '08:00', before: '09:00'", DATE("2024-02-21T08:30:00-05:00"),
         YES},
        {OLD("TimeBetweenCondition") ", after: x", DATE("2024-02-21T08:30:00Z"), FAILS,
         "`x` is not a time"},
        {NEW("TimeBetween"), DATE("2024-02-21T08:30:00Z"), FAILS, "no before nor after"},
        {NEW("DayWeek") ", dayOfWeek: THURSDAY", DATE("2024-02-29T23:59:00-10:00"), YES},
        {NEW("DayWeek") ", dayOfWeek: FRIDAY", DATE("2024-02-29T23:59:00-10:00"), NO},
        {OLD("DayWeekCondition") ", date: '2013-09-08', dayOfWeek: SUNDAY", "{}", YES},
        {NEW("DayWeek") ", dayOfWeek: SUNDAY", "{}", FAILS, "trigger"},
        {NEW("DayWeekInMonth") ", dayOfWeek: MONDAY, dayInMonth: FIRST",
         DATE("2024-09-02T00:00:00Z"), YES},
        {NEW("DayWeekInMonth") ", dayOfWeek: MONDAY, dayInMonth: FIRST",
         DATE("2024-09-09T00:00:00Z"), NO},
        {NEW("DayWeekInMonth") ", dayOfWeek: MONDAY, dayInMonth: SECOND",
         DATE("2024-09-09T00:00:00Z"), YES},
        {NEW("DayWeekInMonth") ", dayOfWeek: MONDAY, dayInMonth: FOURTH",
         DATE("2024-09-23T00:00:00Z"), YES},
        {NEW("DayWeekInMonth") ", dayOfWeek: MONDAY, dayInMonth: LAST",
         DATE("2024-09-30T00:00:00Z"), YES},
        {NEW("DayWeekInMonth") ", dayOfWeek: MONDAY, dayInMonth: FOURTH",
         DATE("2024-09-30T00:00:00Z"), NO},
        {OLD("DayWeekInMonthCondition") ", dayOfWeek: SATURDAY, dayInMonth: LAST",
         DATE("2024-09-21T00:00:00Z"), NO},
        {NEW("Weekend"), DATE("2024-09-21T00:00:00Z"), YES},
        {OLD("WeekendCondition"), DATE("2024-09-22T23:59:59Z"), YES},
        {NEW("WeekendCondition"), DATE("2024-09-23T00:00:00Z"), NO},
        {NEW("PublicHoliday") ", country: FR", DATE("2023-07-14T00:00:00Z"), YES},
        {NEW("PublicHoliday") ", country: FR", DATE("2023-07-15T00:00:00Z"), NO},
        {NEW("PublicHoliday") ", country: '{{ c }}', subDivision: DE-BY, date: '2024-01-06'",
         "{\"c\": \"de\"}", YES},
        {NEW("PublicHoliday") ", date: '2024-07-04'", "{}", YES},
        {OLD("PublicHolidayCondition") ", country: XX, date: '2024-07-04'", "{}", FAILS,
         "country `XX` are not known"},
        {NEW("PublicHoliday") ", country: US, subDivision: ZZ, date: '2024-07-04'", "{}", FAILS,
         "`ZZ` in US are not known"},
    };
    check_rows(rows, CDZ_COUNT(rows), NULL);
}

TEST(conditions_that_combine)
{
    static const struct row rows[] = {
        {NEW("Expression") ", expression: '{{ x }}'", "{\"x\": \"yes\"}", YES},
        {NEW("Expression") ", expression: '{{ x }}'", "{\"x\": \" false \"}", NO},
        {NEW("ExpressionCondition") ", expression: '{{ x }}'", "{\"x\": \"  \"}", NO},
        {OLD("VariableCondition") ", expression: '{{ x }}'", "{\"x\": 0}", YES},
        {NEW("Expression") ", expression: '{{ y }}'", "{\"x\": 0}", FAILS, "Unable to find `y`"},
        {NEW("Not") ", conditions: [{type: " NEW("Expression") ", expression: 'false'}]", "{}",
         YES},
        {OLD("NotCondition") ", conditions: [{type: " NEW(
             "Expression") ", expression: 'false'}, "
                           "{type: " NEW("Expression") ", expression: 'true'}]",
         "{}", NO},
        {NEW("Or") ", conditions: [{type: " NEW("Expression") ", expression: 'false'}, {type: " NEW(
             "Expression") ", expression: 'true'}]",
         "{}", YES},
        {OLD("OrCondition") ", conditions: [{type: " NEW("Expression") ", expression: 'false'}]",
         "{}", NO},
        {NEW("Or") ", conditions: [{type: " NEW("Expression") ", expression: '{{ z }}'}]", "{}",
         FAILS, "`z`"},
        {NEW("MultipleCondition") ", id: m, conditions: {a: {type: " NEW(
             "Expression") ", expression: x}, b: {type: " NEW("Expression") ", expression: ''}}",
         "{}", NO},
        {OLD("MultipleCondition") ", id: m, window: P1D, conditions: {a: {type: " NEW(
             "Expression") ", expression: x}}",
         "{}", YES},
        {NEW("FlowCondition") ", namespace: a.b, flowId: listener", "{}", YES},
        {OLD("FlowCondition") ", namespace: a.b, flowId: other", "{}", NO},
        {NEW("FlowNamespaceCondition") ", namespace: a.b", "{}", YES},
        {NEW("FlowNamespaceCondition") ", namespace: a", "{}", NO},
        {OLD("FlowNamespaceCondition") ", namespace: a, prefix: true", "{}", YES},
    };
    check_rows(rows, CDZ_COUNT(rows), NULL);
}

TEST(conditions_on_executions)
{
    static const struct row rows[] = {
        {NEW("ExecutionFlow") ", namespace: x.y, flowId: f", "{}", YES},
        {OLD("ExecutionFlowCondition") ", namespace: x.y, flowId: g", "{}", NO},
        {NEW("ExecutionFlowCondition") ", namespace: x, flowId: f", "{}", NO},
        {NEW("ExecutionNamespace") ", namespace: x.y", "{}", YES},
        {NEW("ExecutionNamespace") ", namespace: x", "{}", NO},
        {NEW("ExecutionNamespace") ", namespace: x, prefix: true", "{}", YES},
        {NEW("ExecutionNamespace") ", namespace: x, comparison: PREFIX", "{}", YES},
        {OLD("ExecutionNamespaceCondition") ", namespace: .y, comparison: SUFFIX", "{}", YES},
        {NEW("ExecutionNamespace") ", namespace: x, comparison: EQUALS, prefix: true", "{}", NO},
        {NEW("ExecutionStatus") ", in: [WARNING, FAILED]", "{}", YES},
        {NEW("ExecutionStatus") ", in: [SUCCESS]", "{}", NO},
        {OLD("ExecutionStatusCondition") ", notIn: [FAILED]", "{}", NO},
        {NEW("ExecutionStatus") ", in: [FAILED], notIn: [SUCCESS]", "{}", YES},
        {NEW("ExecutionStatus"), "{}", YES},
        {NEW("ExecutionLabels") ", labels: {k: v}", "{}", YES},
        {NEW("ExecutionLabels") ", labels: {k: v, other: x}", "{}", NO},
        {OLD("ExecutionLabelsCondition") ", labels: [{key: k, value: w}]", "{}", NO},
        {NEW("ExecutionOutputs") ", expression: '{{ trigger.outputs.n == 41 }}'",
         "{\"trigger\": {\"outputs\": {}}}", YES},
        {OLD("ExecutionOutputsCondition") ", expression: '{{ trigger.outputs.n == other }}'",
         "{\"other\": 40}", NO},
        {NEW("HasRetryAttempt") ", in: [FAILED]", "{}", YES},
        {NEW("HasRetryAttempt") ", in: [KILLED]", "{}", NO},
        {OLD("HasRetryAttemptCondition") ", notIn: [FAILED, SUCCESS]", "{}", NO},
    };
    static const char *const labels[] = {"k", "v", "l", "w", NULL};
    struct cdz_execution *e = rig_execution("x.y/f", CDZ_FAILED, "{\"n\": 41}", labels);
    struct cdz_taskrun *t = CDZ_NEW(e->arena, struct cdz_taskrun);
    static const enum cdz_state ends[] = {CDZ_FAILED, CDZ_SUCCESS};
    t->attempts = CDZ_NEW_N(e->arena, struct cdz_attempt, 2);
    for (; t->attempt_count < 2; t->attempt_count++)
        cdz_history_add(&t->attempts[t->attempt_count].history, e->arena, ends[t->attempt_count],
                        1);
    CDZ_PUSH(e->arena, &e->taskruns, t);
    check_rows(rows, CDZ_COUNT(rows), e);
    t->attempt_count = 1;
    check(NEW("HasRetryAttempt") ", in: [FAILED]", "{}", e, NO, NULL);
    e->outputs = CDZ_VAL_NULL;
    check(NEW("ExecutionOutputs") ", expression: 'true'", "{}", e, NO, NULL);
    cdz_execution_free(e);
    static const char *const all[] = {NEW("ExecutionFlow") ", namespace: x.y, flowId: f",
                                      NEW("ExecutionNamespace") ", namespace: x",
                                      NEW("ExecutionStatus"),
                                      NEW("ExecutionLabels") ", labels: {k: v}",
                                      NEW("ExecutionOutputs") ", expression: x",
                                      NEW("HasRetryAttempt")};
    for (size_t i = 0; i < CDZ_COUNT(all); i++)
        check(all[i], "{}", NULL, FAILS, "Invalid condition with null execution");
}

static bool is_holiday(const char *country, const char *region, const char *date)
{
    struct cdz_date d;
    const struct cdz_holiday_country *c = cdz_holiday_country_find(cdz_str_z(country));
    return c && cdz_iso_parse(cdz_str_z(date), &d) &&
           cdz_holiday_is(c, cdz_str_z(region), d.seconds / 86400);
}

TEST(holidays_of_countries)
{
    static const struct {
        const char *country, *region, *date;
        bool want;
        const char *why;
    } rows[] = {
        {"US", "", "2021-12-31", true, "New Year 2022 is a Saturday"},
        {"US", "", "2023-01-02", true, "New Year 2023 is a Sunday"},
        {"US", "", "2024-11-28", true, "Thanksgiving"},
        {"US", "", "2024-11-29", false, "only in California"},
        {"US", "US-CA", "2024-11-29", true, "California"},
        {"US", "", "2020-06-19", false, "Juneteenth since 2021"},
        {"US", "", "2026-07-03", true, "Independence Day is a Saturday"},
        {"US", "", "2024-05-27", true, "Memorial Day"},
        {"GB", "", "2022-05-30", false, "moved for the jubilee"},
        {"GB", "", "2022-06-03", true, "jubilee"},
        {"GB", "", "2021-12-27", true, "Christmas on a Saturday"},
        {"GB", "", "2021-12-28", true, "Boxing Day on a Sunday"},
        {"GB", "", "2022-12-27", true, "Christmas on a Sunday"},
        {"GB", "", "2024-04-01", false, "Easter Monday not in Scotland"},
        {"GB", "GB-ENG", "2024-04-01", true, "Easter Monday"},
        {"GB", "sct", "2024-11-30", true, "St Andrew"},
        {"FR", "", "2024-05-09", true, "Ascension"},
        {"FR", "", "2024-05-20", true, "Whit Monday"},
        {"FR", "", "2024-03-29", false, "Good Friday"},
        {"FR", "67", "2024-03-29", true, "Good Friday in Alsace"},
        {"DE", "", "2024-10-03", true, "Unity"},
        {"DE", "", "2024-05-30", false, "Corpus Christi"},
        {"DE", "BY", "2024-05-30", true, "Corpus Christi in Bavaria"},
        {"DE", "SN", "2024-11-20", true, "Buss- und Bettag"},
        {"DE", "", "2017-10-31", true, "500 years"},
        {"IT", "", "2024-04-25", true, ""},
        {"ES", "", "2024-10-12", true, ""},
        {"PT", "", "2024-06-10", true, ""},
        {"NL", "", "2025-04-26", true, "King's Day is a Sunday"},
        {"NL", "", "2025-04-27", false, "King's Day is kept on Saturday"},
        {"BE", "", "2024-07-21", true, ""},
        {"LU", "", "2024-06-23", true, ""},
        {"CH", "", "2024-08-01", true, ""},
        {"CH", "GE", "2024-09-05", true, "Jeune genevois"},
        {"AT", "", "2024-10-26", true, ""},
        {"SE", "", "2024-06-22", true, "Midsummer"},
        {"SE", "", "2024-11-02", true, "All Saints"},
        {"NO", "", "2024-05-17", true, ""},
        {"DK", "", "2023-05-05", true, "Great Prayer Day"},
        {"DK", "", "2024-04-26", false, "abolished"},
        {"FI", "", "2024-12-06", true, ""},
        {"IE", "", "2024-02-05", true, "St Brigid"},
        {"IE", "", "2030-02-01", true, "St Brigid on a Friday"},
        {"IE", "", "2030-02-04", false, "not on the Monday then"},
        {"PL", "", "2024-05-30", true, "Corpus Christi"},
        {"PL", "", "2024-12-24", false, "since 2025"},
        {"CZ", "", "2024-07-05", true, ""},
        {"HU", "", "2024-08-20", true, ""},
        {"RO", "", "2024-05-06", true, "Orthodox Easter Monday"},
        {"GR", "", "2024-03-18", true, "Clean Monday"},
        {"GR", "", "2025-04-18", true, "Orthodox Good Friday"},
        {"CA", "", "2024-05-20", true, "Victoria Day"},
        {"BR", "", "2024-11-20", true, ""},
        {"BR", "", "2023-11-20", false, "since 2024"},
        {"MX", "", "2024-02-05", true, ""},
        {"AU", "", "2025-01-27", true, "Australia Day on a Sunday"},
        {"AU", "NSW", "2024-06-10", true, "King's Birthday"},
        {"NZ", "", "2024-06-28", true, "Matariki"},
        {"NZ", "", "2023-01-03", true, "New Year on a Sunday, the day after on Monday"},
        {"JP", "", "2024-03-20", true, "vernal equinox"},
        {"JP", "", "2024-09-22", true, "autumnal equinox"},
        {"JP", "", "2024-09-23", true, "instead of the Sunday"},
        {"JP", "", "2020-05-06", true, "Sunday before two other holidays"},
        {"JP", "", "2015-09-22", true, "between two holidays"},
        {"JP", "", "2024-09-24", false, ""},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++)
        CHECK(is_holiday(rows[i].country, rows[i].region, rows[i].date) == rows[i].want,
              "%s-%s %s %s: want %d", rows[i].country, rows[i].region, rows[i].date, rows[i].why,
              rows[i].want);
}

TEST(easter_falls_where_it_does)
{
    static const struct {
        const char *west, *east;
    } rows[] = {{"2000-04-23", "2000-04-30"}, {"2010-04-04", "2010-04-04"},
                {"2019-04-21", "2019-04-28"}, {"2023-04-09", "2023-04-16"},
                {"2024-03-31", "2024-05-05"}, {"2025-04-20", "2025-04-20"},
                {"2038-04-25", "2038-04-25"}, {"2076-04-19", "2076-04-26"}};
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CHECK(is_holiday("BE", "", rows[i].west), "%s", rows[i].west);
        CHECK(is_holiday("GR", "", rows[i].east), "%s", rows[i].east);
    }
}

TEST(days_of_the_week_are_right_before_1970_too)
{
    CHECK(cdz_weekday_of(0) == 3 && cdz_weekday_of(-1) == 2 && cdz_weekday_of(-4) == 6);
}

TEST(checks_that_fail_are_told_with_their_messages)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_flow *flow = rig_flow(
        arena,
        "checks:\n- {condition: '{{ inputs.n > 1 }}', message: 'n is {{ inputs.n }}', style: "
        "ERROR}\n"
        "- {condition: '{{ inputs.n > 0 }}', message: fine}\n"
        "- {condition: '0', message: zero, behavior: CREATE_EXECUTION}\n"
        "- {condition: '{{ nothing }}', message: '{{ nothing }}', behavior: FAIL_EXECUTION}\n");
    struct cdz_map_env env;
    struct cdz_failed_check *failed;
    cdz_map_env_init(&env, rig_json(arena, "{\"inputs\": {\"n\": 1}}"));
    CHECK(cdz_checks_evaluate(flow, &env.env, arena, &failed) == 3);
    CHECK(failed[0].behavior == CDZ_CHECK_BLOCK && cdz_str_is(failed[0].message, "n is 1") &&
          cdz_str_is(failed[0].style, "ERROR"));
    CHECK(failed[1].behavior == CDZ_CHECK_CREATE && cdz_str_is(failed[1].message, "zero"));
    CHECK(failed[2].behavior == CDZ_CHECK_FAIL &&
              cdz_str_starts(failed[2].message,
                             CDZ_STR("a check of the flow failed (Unable to find `nothing`")),
          "%.*s", CDZ_S(failed[2].message));
    cdz_flow_unref(flow);
}
