/*
 * inputs.c -- tests of the inputs of executions: conversion, checks, dependencies, nesting.
 */
#include "test.h"

#include "base/json.h"
#include "expr/expr.h"
#include "flow_types.h"

TEST_MAIN

/* What the declared inputs make of the posted ones (both as text): JSON, or the message. */
static cdz_str resolve(const char *inputs, const char *posted, struct cdz_arena *arena)
{
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow_options options = {.registry = test_registry()};
    struct cdz_flow *flow;
    struct cdz_err err;
    cdz_val values, ret;
    cdz_str text = cdz_arena_printf(arena,
                                    "id: f\nnamespace: a\ninputs:\n%s\ntasks: [{id: t, type: "
                                    "io.kestra.plugin.core.debug.Return}]\n",
                                    inputs);
    if (cdz_flow_parse(text, &options, &problems, &flow, &err) != CDZ_OK)
        return cdz_arena_printf(arena, "flow: %s", err.text);
    cdz_rc rc = cdz_json_parse(cdz_str_z(posted), arena, &values, &err);
    if (rc == CDZ_OK)
        rc = cdz_inputs_resolve(flow, values, arena, &ret, &err);
    cdz_str out = rc == CDZ_OK ? cdz_json_text(arena, ret, CDZ_JSON_COMPACT)
                               : cdz_arena_printf(arena, "%s", err.text);
    cdz_flow_unref(flow);
    return out;
}

struct row {
    const char *inputs, *posted, *want;
};

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str got = resolve(rows[i].inputs, rows[i].posted, arena);
        CHECK(cdz_str_is(got, rows[i].want), "%s %s: want %s, got %.*s", rows[i].inputs,
              rows[i].posted, rows[i].want, CDZ_S(got));
    }
}

TEST(values_are_converted_to_their_type)
{
    static const struct row rows[] = {
        {"- {id: x, type: STRING}", "{\"x\":\"a\"}", "{\"x\":\"a\"}"},
        {"- {id: x, type: STRING}", "{\"x\":\"\"}", "{\"x\":\"\"}"},
        {"- {id: x, type: STRING}", "{\"x\":12}", "{\"x\":\"12\"}"},
        {"- {id: x, type: INT}", "{\"x\":\"42\"}", "{\"x\":42}"},
        {"- {id: x, type: INT}", "{\"x\":42}", "{\"x\":42}"},
        {"- {id: x, type: FLOAT}", "{\"x\":\"42.42\"}", "{\"x\":42.42}"},
        {"- {id: x, type: FLOAT}", "{\"x\":\"3\"}", "{\"x\":3.0}"},
        {"- {id: x, type: BOOLEAN}", "{\"x\":\"TRUE\"}", "{\"x\":true}"},
        {"- {id: x, type: BOOLEAN}", "{\"x\":\"anything\"}", "{\"x\":false}"},
        {"- {id: x, type: DATETIME}", "{\"x\":\"2019-10-06T18:27:49Z\"}",
         "{\"x\":\"2019-10-06T18:27:49.000Z\"}"},
        {"- {id: x, type: DATETIME}", "{\"x\":\"2019-10-06T01:27:49.12345+02:00\"}",
         "{\"x\":\"2019-10-05T23:27:49.123Z\"}"},
        {"- {id: x, type: DATE}", "{\"x\":\"2024-02-29\"}", "{\"x\":\"2024-02-29\"}"},
        {"- {id: x, type: TIME}", "{\"x\":\"08:15\"}", "{\"x\":\"08:15:00\"}"},
        {"- {id: x, type: TIME}", "{\"x\":\"08:15:01.5\"}", "{\"x\":\"08:15:01.5\"}"},
        {"- {id: x, type: DURATION}", "{\"x\":\"PT5M6S\"}", "{\"x\":306.0}"},
        {"- {id: x, type: DURATION}", "{\"x\":\"pt0.25s\"}", "{\"x\":0.25}"},
        {"- {id: x, type: FILE}", "{\"x\":\"kestra:///a/b.txt\"}", "{\"x\":\"kestra:///a/b.txt\"}"},
        {"- {id: x, type: JSON}", "{\"x\":\"{\\\"a\\\":[1,null]}\"}", "{\"x\":{\"a\":[1,null]}}"},
        {"- {id: x, type: JSON}", "{\"x\":{\"a\":1}}", "{\"x\":{\"a\":1}}"},
        {"- {id: x, type: JSON}", "{\"x\":\"{}\"}", "{\"x\":{}}"},
        {"- {id: x, type: YAML}", "{\"x\":\"a: b\\nl:\\n- c\"}",
         "{\"x\":{\"a\":\"b\",\"l\":[\"c\"]}}"},
        {"- {id: x, type: URI}", "{\"x\":\"https://www.example.com/a?b=c\"}",
         "{\"x\":\"https://www.example.com/a?b=c\"}"},
        {"- {id: x, type: EMAIL}", "{\"x\":\"a.b+c@example.com\"}",
         "{\"x\":\"a.b+c@example.com\"}"},
        {"- {id: x, type: ENUM, values: [a, b]}", "{\"x\":\"b\"}", "{\"x\":\"b\"}"},
        {"- {id: x, type: SELECT, values: [1, b]}", "{\"x\":\"1\"}", "{\"x\":\"1\"}"},
        {"- {id: x, type: MULTISELECT, values: [a, b, c]}", "{\"x\":\"[\\\"a\\\",\\\"c\\\"]\"}",
         "{\"x\":[\"a\",\"c\"]}"},
        {"- {id: x, type: MULTISELECT, options: [a]}", "{\"x\":[\"a\"]}", "{\"x\":[\"a\"]}"},
        {"- {id: x, type: ARRAY, itemType: INT}", "{\"x\":\"[1, \\\"2\\\", 3]\"}",
         "{\"x\":[1,2,3]}"},
        {"- {id: x, type: ARRAY, itemType: STRING}", "{\"x\":[\"a\"]}", "{\"x\":[\"a\"]}"},
    };
    check(rows, CDZ_COUNT(rows));
}

TEST(wrong_values_are_refused_with_the_originals_words)
{
    static const struct row rows[] = {
        {"- {id: x, type: STRING}", "{}",
         "Invalid input for `x`, missing required input, but received `null`"},
        {"- {id: x, type: STRING}", "{\"x\":null}",
         "Invalid input for `x`, missing required input, but received `null`"},
        {"- {id: x, type: STRING, validator: 'A\\d+'}", "{\"x\":\"foo\"}",
         "Invalid input for `x`, it must match the pattern `A\\d+`, but received `foo`"},
        {"- {id: x, type: STRING, validator: 'A\\d+'}", "{\"x\":\"A1b\"}",
         "Invalid input for `x`, it must match the pattern `A\\d+`, but received `A1b`"},
        {"- {id: x, type: INT}", "{\"x\":\"seven\"}",
         "Invalid input for `x`, Expected `INT` but received `seven`, but received `seven`"},
        {"- {id: x, type: INT}", "{\"x\":\"2147483648\"}",
         "Invalid input for `x`, Expected `INT` but received `2147483648`, but received "
         "`2147483648`"},
        {"- {id: x, type: INT}", "{\"x\":\"1.5\"}",
         "Invalid input for `x`, Expected `INT` but received `1.5`, but received `1.5`"},
        {"- {id: x, type: INT, min: 10}", "{\"x\":\"9\"}",
         "Invalid input for `x`, it must be more than `10`, but received `9`"},
        {"- {id: x, type: INT, max: 20}", "{\"x\":\"21\"}",
         "Invalid input for `x`, it must be less than `20`, but received `21`"},
        {"- {id: x, type: FLOAT, min: 0.1}", "{\"x\":\"0.01\"}",
         "Invalid input for `x`, it must be more than `0.1`, but received `0.01`"},
        {"- {id: x, type: DATE}", "{\"x\":\"2024-13-45\"}",
         "Invalid input for `x`, Expected `DATE` but received `2024-13-45`, but received "
         "`2024-13-45`"},
        {"- {id: x, type: DATE}", "{\"x\":\"2024-01-01T00:00:00Z\"}",
         "Invalid input for `x`, Expected `DATE` but received `2024-01-01T00:00:00Z`, but received "
         "`2024-01-01T00:00:00Z`"},
        {"- {id: x, type: DATE, after: 2023-01-01}", "{\"x\":\"2022-12-31\"}",
         "Invalid input for `x`, it must be after `2023-01-01`, but received `2022-12-31`"},
        {"- {id: x, type: DATETIME, before: '2023-12-31T23:59:59Z'}",
         "{\"x\":\"2024-01-01T00:00:00Z\"}",
         "Invalid input for `x`, it must be before `2023-12-31T23:59:59Z`, but received "
         "`2024-01-01T00:00:00Z`"},
        {"- {id: x, type: TIME, before: '11:59:59'}", "{\"x\":\"12:00:00\"}",
         "Invalid input for `x`, it must be before `11:59:59`, but received `12:00:00`"},
        {"- {id: x, type: DURATION}", "{\"x\":\"5 minutes\"}",
         "Invalid input for `x`, Expected `DURATION` but received `5 minutes`, but received `5 "
         "minutes`"},
        {"- {id: x, type: DURATION, min: PT10S}", "{\"x\":\"PT1S\"}",
         "Invalid input for `x`, It must be more than `PT10S`, but received `PT1S`"},
        {"- {id: x, type: DURATION, max: PT20S}", "{\"x\":\"PT21S\"}",
         "Invalid input for `x`, It must be less than `PT20S`, but received `PT21S`"},
        {"- {id: x, type: FILE}", "{\"x\":\"/etc/passwd\"}",
         "Invalid input for `x`, Expected `FILE` but received `/etc/passwd`, but received "
         "`/etc/passwd`"},
        {"- {id: x, type: JSON}", "{\"x\":\"{not json\"}",
         "Invalid input for `x`, Expected `JSON` but received `{not json`, but received `{not "
         "json`"},
        {"- {id: x, type: YAML}", "{\"x\":\"a: [\"}",
         "Invalid input for `x`, Expected `YAML` but received `a: [`, but received `a: [`"},
        {"- {id: x, type: URI}", "{\"x\":\"no uri\"}",
         "Invalid input for `x`, Expected `URI` but received `no uri`, but received `no uri`"},
        {"- {id: x, type: EMAIL}", "{\"x\":\"not-an-email\"}",
         "Invalid input for `x`, The input must be a valid email, but received `not-an-email`"},
        {"- {id: x, type: ENUM, values: [a, b]}", "{\"x\":\"c\"}",
         "Invalid input for `x`, it must match the values `[a, b]`, but received `c`"},
        {"- {id: x, type: MULTISELECT, values: [a, b]}", "{\"x\":\"[\\\"a\\\",\\\"z\\\"]\"}",
         "Invalid input for `x`, it must match the values `[a, b]`, but received `[\"a\",\"z\"]`"},
        {"- {id: x, type: ARRAY, itemType: INT}", "{\"x\":\"[\\\"x\\\"]\"}",
         "Invalid input for `x`, Unable to parse array element as `INT` on `x`, but received "
         "`[\"x\"]`"},
        {"- {id: x, type: ARRAY, itemType: INT}", "{\"x\":\"1\"}",
         "Invalid input for `x`, Expected `ARRAY` but received `1`, but received `1`"},
        {"- {id: x, type: SECRET}", "{\"x\":\"plain\"}",
         "Invalid input for `x`, Unable to use a `SECRET` input/output as encryption is not "
         "configured, but received `******`"},
    };
    check(rows, CDZ_COUNT(rows));
}

TEST(bounds_are_inclusive)
{
    static const struct row rows[] = {
        {"- {id: x, type: INT, min: 10, max: 10}", "{\"x\":\"10\"}", "{\"x\":10}"},
        {"- {id: x, type: FLOAT, min: 0.1, max: 0.1}", "{\"x\":\"0.1\"}", "{\"x\":0.1}"},
        {"- {id: x, type: DATE, after: 2023-01-01, before: 2023-01-01}", "{\"x\":\"2023-01-01\"}",
         "{\"x\":\"2023-01-01\"}"},
        {"- {id: x, type: TIME, after: '01:00'}", "{\"x\":\"01:00:00\"}", "{\"x\":\"01:00:00\"}"},
        {"- {id: x, type: DURATION, min: PT10S}", "{\"x\":\"PT10S\"}", "{\"x\":10.0}"},
    };
    check(rows, CDZ_COUNT(rows));
}

TEST(defaults_stand_in_for_missing_values)
{
    static const struct row rows[] = {
        {"- {id: x, type: INT, defaults: 3}", "{}", "{\"x\":3}"},
        {"- {id: x, type: INT, defaults: 3}", "{\"x\":\"4\"}", "{\"x\":4}"},
        {"- {id: x, type: STRING, defaults: 007}", "{}", "{\"x\":\"007\"}"},
        {"- {id: x, type: STRING, defaults: ''}", "{}", "{\"x\":\"\"}"},
        {"- {id: x, type: STRING, defaults: '{{ y }}'}", "{}", "{\"x\":\"{{ y }}\"}"},
        {"- {id: x, type: DATETIME, defaults: 2024-02-29T12:30:00Z}", "{}",
         "{\"x\":\"2024-02-29T12:30:00.000Z\"}"},
        {"- {id: x, type: DURATION, defaults: PT1H30M}", "{}", "{\"x\":5400.0}"},
        {"- {id: x, type: JSON, defaults: '{\"k\": 1}'}", "{}", "{\"x\":{\"k\":1}}"},
        {"- {id: x, type: YAML, defaults: {a: [b]}}", "{}", "{\"x\":{\"a\":[\"b\"]}}"},
        {"- {id: x, type: ARRAY, itemType: INT, defaults: [4, 5]}", "{}", "{\"x\":[4,5]}"},
        {"- {id: x, type: STRING, required: false}", "{}", "{\"x\":null}"},
        {"- {id: x, type: ENUM, values: [a], required: false}", "{\"x\":\"other\"}",
         "{\"x\":\"other\"}"},
        {"- {id: x, type: SELECT, values: [a], allowCustomValue: true}", "{\"x\":\"other\"}",
         "{\"x\":\"other\"}"},
        {"- {id: x, type: STRING}", "{\"x\":\"a\",\"y\":\"ignored\"}", "{\"x\":\"a\"}"},
    };
    check(rows, CDZ_COUNT(rows));
}

TEST(dotted_ids_are_nested)
{
    static const struct row rows[] = {
        {"- {id: a.b, type: INT}\n- {id: a.c.d, type: STRING}\n- {id: e, type: INT, required: "
         "false}",
         "{\"a.b\":\"1\",\"a.c.d\":\"x\"}", "{\"a\":{\"b\":1,\"c\":{\"d\":\"x\"}},\"e\":null}"},
        {"- {id: a.b, type: INT}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"},
        {"- {id: a, type: INT}\n- {id: a.b, type: INT}", "{\"a\":1,\"a.b\":2}",
         "Conflict at key: a"},
        {"- {id: a.b, type: INT}\n- {id: a, type: INT}", "{\"a\":1,\"a.b\":2}",
         "Conflict at key: a"},
    };
    check(rows, CDZ_COUNT(rows));
}

#define KIND "- {id: kind, type: SELECT, values: [file, none]}\n"
#define PATH                                                                                       \
    "- id: path\n  type: STRING\n  dependsOn:\n    inputs: [kind]\n    condition: \"{{ "           \
    "inputs.kind == 'file' }}\"\n"

TEST(an_input_is_only_asked_for_when_its_condition_holds)
{
    static const struct row rows[] = {
        {KIND PATH, "{\"kind\":\"file\",\"path\":\"/a\"}", "{\"kind\":\"file\",\"path\":\"/a\"}"},
        {KIND PATH, "{\"kind\":\"none\",\"path\":\"/a\"}", "{\"kind\":\"none\"}"},
        {KIND PATH, "{\"kind\":\"none\"}", "{\"kind\":\"none\"}"},
        {KIND PATH, "{\"kind\":\"file\"}",
         "Invalid input for `path`, missing required input, but received `null`"},
        {PATH KIND, "{\"kind\":\"none\"}", "{\"kind\":\"none\"}"},
        {PATH KIND "- {id: third, type: STRING, dependsOn: {inputs: [path]}}",
         "{\"kind\":\"none\",\"third\":\"x\"}", "{\"kind\":\"none\"}"},
        {KIND "- {id: x, type: STRING, dependsOn: {inputs: [kind], condition: 'true'}}",
         "{\"kind\":\"none\",\"x\":\"y\"}", "{\"kind\":\"none\"}"},
    };
    check(rows, CDZ_COUNT(rows));
}

TEST(an_expression_can_give_the_choices)
{
#define REGION                                                                                     \
    "- {id: region, type: SELECT, values: [eu, us]}\n"                                             \
    "- id: zone\n  type: SELECT\n  expression: \"{{ inputs.region == 'eu' ? ['eu-1', 'eu-2'] : "   \
    "['us-1'] }}\"\n"                                                                              \
    "  dependsOn: {inputs: [region]}\n"
    static const struct row rows[] = {
        {REGION, "{\"region\":\"eu\",\"zone\":\"eu-2\"}", "{\"region\":\"eu\",\"zone\":\"eu-2\"}"},
        {REGION, "{\"region\":\"eu\",\"zone\":\"us-1\"}",
         "Invalid input for `zone`, it must match the values `[eu-1, eu-2]`, but received `us-1`"},
        {"- {id: x, type: SELECT, expression: '{{ 5 }}'}", "{\"x\":\"a\"}",
         "Invalid input for `x`, Invalid expression result. Expected a list of strings, but "
         "received integer, but "
         "received `null`"},
    };
    check(rows, CDZ_COUNT(rows));
}

TEST(a_secret_must_arrive_encrypted)
{
    static const struct row rows[] = {
        {"- {id: x, type: SECRET}",
         "{\"x\":{\"type\":\"io.kestra.datatype:aes_encrypted\",\"value\":\"abc=\"}}",
         "{\"x\":\"abc=\"}"},
        {"- {id: x, type: SECRET, validator: 'z'}",
         "{\"x\":{\"type\":\"io.kestra.datatype:aes_encrypted\",\"value\":\"abc=\"}}",
         "Invalid input for `x`, it must match the pattern `z`, but received `******`"},
    };
    check(rows, CDZ_COUNT(rows));
}

static cdz_rc seal(void *ctx, cdz_str plain, struct cdz_arena *arena, cdz_str *ret,
                   struct cdz_err *err)
{
    if (cdz_str_is(plain, "bad"))
        return cdz_fail(err, CDZ_E_INVALID, "no");
    *ret = cdz_arena_printf(arena, "%s(%.*s)", (const char *)ctx, CDZ_S(plain));
    return CDZ_OK;
}

/* Declared inputs on their own, with a key and the variable `site`: JSON, or the message. */
static cdz_str resolve_list(const char *inputs, const char *posted, struct cdz_arena *arena)
{
    static char name[] = "sealed";
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow_options options = {.registry = test_registry()};
    struct cdz_flow *flow;
    struct cdz_err err = {0};
    cdz_val values = CDZ_VAL_NULL, ret;
    struct cdz_map_env env;
    cdz_val vars = cdz_val_map(arena, 1);
    cdz_map_putz(arena, vars, "site", cdz_val_z("north"));
    cdz_map_env_init(&env, vars);
    struct cdz_inputs_options given = {.env = &env.env, .encrypt = seal, .encrypt_ctx = name};
    cdz_str text = cdz_arena_printf(arena,
                                    "id: f\nnamespace: a\ntasks:\n- id: p\n  type: "
                                    "io.kestra.plugin.core.flow.Pause\n  onResume:\n%s\n",
                                    inputs);
    if (cdz_flow_parse(text, &options, &problems, &flow, &err) != CDZ_OK)
        return cdz_arena_printf(arena, "flow: %s", err.text);
    const struct cdz_task *pause = flow->tasks.v[0];
    cdz_rc rc = cdz_json_parse(cdz_str_z(posted), arena, &values, &err);
    if (rc == CDZ_OK)
        rc = cdz_inputs_resolve_list(pause->inputs, pause->input_count, values, &given, arena, &ret,
                                     &err);
    cdz_str out = rc == CDZ_OK ? cdz_json_text(arena, ret, CDZ_JSON_COMPACT)
                               : cdz_arena_printf(arena, "%s", err.text);
    cdz_flow_unref(flow);
    return out;
}

TEST(secrets_and_defaults_use_what_the_caller_gives)
{
    static const struct row rows[] = {
        {"  - {id: x, type: SECRET}", "{\"x\":\"p\"}", "{\"x\":\"sealed(p)\"}"},
        {"  - {id: x, type: SECRET, defaults: d}", "{}", "{\"x\":\"sealed(d)\"}"},
        {"  - {id: x, type: SECRET}", "{\"x\":\"bad\"}",
         "Invalid input for `x`, no, but received `******`"},
        {"  - {id: x, type: SECRET}", "{}",
         "Invalid input for `x`, missing required input, but received `null`"},
        {"  - {id: x, type: STRING, defaults: 'at {{ site }}'}", "{}", "{\"x\":\"at north\"}"},
        {"  - {id: x, type: STRING, defaults: '{{ nothing.of.it }}'}", "{}",
         "{\"x\":\"{{ nothing.of.it }}\"}"},
        {"  - {id: x, type: INT, defaults: '{{ 40 + 2 }}'}", "{}", "{\"x\":42}"},
        {"  - {id: x, type: JSON, defaults: {a: ['{{ site }}']}}", "{}",
         "{\"x\":{\"a\":[\"north\"]}}"},
        {"  - {id: y, type: STRING}\n  - {id: x, type: STRING, defaults: '{{ inputs.y }}!', "
         "dependsOn: {inputs: [y]}}",
         "{\"y\":\"a\"}", "{\"y\":\"a\",\"x\":\"a!\"}"},
        {"  - {id: x, type: STRING, defaults: '{{ 1 | nofilter }}'}", "{}",
         "Invalid input for `x`, Cannot render 'defaults'. Cause: "},
        {"  - {id: x, type: SELECT, expression: '{{ [site] }}'}", "{\"x\":\"north\"}",
         "{\"x\":\"north\"}"},
        {"  - {id: x, type: STRING, defaults: d, dependsOn: {inputs: [y], condition: '{{ site == "
         "inputs.y }}'}}\n  - {id: y, type: STRING}",
         "{\"y\":\"north\"}", "{\"x\":\"d\",\"y\":\"north\"}"},
        {"  - {id: x, type: STRING, defaults: '{{ site }}'}", "{\"x\":\"{{ site }}\"}",
         "{\"x\":\"{{ site }}\"}"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str got = resolve_list(rows[i].inputs, rows[i].posted, arena);
        CHECK(cdz_str_starts(got, cdz_str_z(rows[i].want)), "%s %s: want %s, got %.*s",
              rows[i].inputs, rows[i].posted, rows[i].want, CDZ_S(got));
    }
}

TEST(bounds_are_told_as_java_prints_them)
{
    static const struct row rows[] = {
        {"- {id: x, type: TIME, after: '01:00:00'}", "{\"x\":\"00:00:01\"}",
         "Invalid input for `x`, it must be after `01:00`, but received `00:00:01`"},
        {"- {id: x, type: DATETIME, after: '2023-01-01T01:00:00+01:00'}",
         "{\"x\":\"2022-01-01T00:00:00Z\"}",
         "Invalid input for `x`, it must be after `2023-01-01T00:00:00Z`, but received "
         "`2022-01-01T00:00:00Z`"},
        {"- {id: x, type: DURATION, min: PT90S}", "{\"x\":\"PT1S\"}",
         "Invalid input for `x`, It must be more than `PT1M30S`, but received `PT1S`"},
    };
    check(rows, CDZ_COUNT(rows));
}

TEST(each_input_is_checked_by_itself)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow_options options = {.registry = test_registry()};
    struct cdz_flow *flow;
    struct cdz_err err;
    struct cdz_input_result *got;
    cdz_val posted;
    CHECK(cdz_flow_parse(
              CDZ_STR("id: f\nnamespace: a\ninputs:\n- {id: a, type: INT}\n- {id: b, type: "
                      "STRING}\n- {id: c, type: INT, defaults: 3}\n- {id: d, type: STRING, "
                      "dependsOn: {inputs: [c], condition: '{{ inputs.c == 4 }}'}}\n"
                      "- {id: e, type: SECRET}\n"
                      "tasks: [{id: t, type: io.kestra.plugin.core.debug.Return}]\n"),
              &options, &problems, &flow, &err) == CDZ_OK);
    CHECK(cdz_json_parse(CDZ_STR("{\"a\":\"x\",\"e\":\"secret\"}"), arena, &posted, &err) ==
          CDZ_OK);
    cdz_inputs_check(flow->inputs, flow->input_count, posted, NULL, arena, &got);
    CHECK(got[0].enabled && got[0].error.n && cdz_str_is(cdz_val_str(got[0].value), "x"));
    CHECK(got[1].error.n && got[1].value.kind == CDZ_NULL);
    CHECK(!got[2].error.n && got[2].is_default && got[2].value.i == 3);
    CHECK(!got[3].enabled && !got[3].error.n);
    CHECK(got[4].error.n && got[4].value.kind == CDZ_NULL, "no secret comes back");
    cdz_flow_unref(flow);
}

TEST(a_duration_is_text_or_seconds)
{
    struct cdz_err err;
    cdz_us us = 0;
    CHECK(cdz_duration_of(cdz_val_z("PT1.5S"), &us, &err) == CDZ_OK && us == 1500000);
    CHECK(cdz_duration_of(cdz_val_z(" 2 "), &us, &err) == CDZ_OK && us == 2000000);
    CHECK(cdz_duration_of(cdz_val_int(3), &us, &err) == CDZ_OK && us == 3000000);
    CHECK(cdz_duration_of(cdz_val_float(0.25), &us, &err) == CDZ_OK && us == 250000);
    CHECK(cdz_duration_of(cdz_val_z("soon"), &us, &err) == CDZ_E_INVALID);
    CHECK(cdz_duration_of(CDZ_VAL_NULL, &us, &err) == CDZ_E_INVALID);
    CHECK(cdz_duration_of(cdz_val_int(INT64_MAX), &us, &err) == CDZ_E_INVALID);
    CHECK(cdz_duration_of(cdz_val_float(1e300), &us, &err) == CDZ_E_INVALID);
}
