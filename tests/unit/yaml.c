/*
 * yaml.c -- tests of src/yaml: scalar types, marks, mistakes, limits, and the printed layout.
 */
#include "test.h"

#include "base/json.h"
#include "base/limits.h"
#include "yaml/yaml.h"

TEST_MAIN

static cdz_str json_of(cdz_str text, struct cdz_arena *arena)
{
    struct cdz_err err;
    cdz_val v;
    if (cdz_yaml_parse_val(text, arena, &v, &err) != CDZ_OK)
        return cdz_arena_printf(arena, "error %s", err.text);
    return cdz_json_text(arena, v, CDZ_JSON_COMPACT);
}

static void check_json(const char *why, cdz_str text, const char *want)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str got = json_of(text, arena);
    CHECK(cdz_str_is(got, want), "%s: want %s, got %.*s", why, want, CDZ_S(got));
}

TEST(scalars_get_the_types_of_yaml_1_1)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "null"},
        {"~", "null"},
        {"null", "null"},
        {"Null", "null"},
        {"NULL", "null"},
        {"nULL", "\"nULL\""},
        {"'null'", "\"null\""},
        {"true", "true"},
        {"True", "true"},
        {"TRUE", "true"},
        {"tRUE", "\"tRUE\""},
        {"false", "false"},
        {"yes", "true"},
        {"No", "false"},
        {"ON", "true"},
        {"off", "false"},
        {"oN", "\"oN\""},
        {"y", "\"y\""},
        {"n", "\"n\""},
        {"0", "0"},
        {"-0", "0"},
        {"12", "12"},
        {"-12", "-12"},
        {"+12", "12"},
        {"1_000", "1000"},
        {"007", "7"},
        {"017", "15"},
        {"08", "\"08\""},
        {"0x1F", "31"},
        {"-0x1f", "-31"},
        {"0b101", "5"},
        {"0o17", "\"0o17\""},
        {"0x", "\"0x\""},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "9223372036854775808"},
        {"1.5", "1.5"},
        {"1.", "1.0"},
        {".5", "0.5"},
        {"-.5", "\"-.5\""},
        {"1e3", "1000.0"},
        {"1.5e-3", "0.0015"},
        {"1e999", "\"1e999\""},
        {".inf", "\".inf\""},
        {".", "\".\""},
        {"1:30", "\"1:30\""},
        {"2024-02-29", "\"2024-02-29\""},
        {"1.2.3", "\"1.2.3\""},
        {"-", "[null]"},
        {"+", "\"+\""},
        {"'12'", "\"12\""},
        {"\"12\"", "\"12\""},
        {"!!str 12", "\"12\""},
        {"!!int '12'", "12"},
        {"! 12", "\"12\""},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++)
        check_json(rows[i].text, cdz_str_z(rows[i].text), rows[i].want);
}

TEST(a_scalar_keeps_the_characters_it_was_written_with)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_err err;
    struct cdz_yaml_node *root;
    CHECK(cdz_yaml_parse(CDZ_STR("a: 007\nb: off\nc: 'x'\nd: |\n  y\n"), arena, &root, NULL, NULL,
                         &err) == CDZ_OK);
    CHECK(cdz_str_is(cdz_yaml_get(root, "a")->text, "007"));
    CHECK(cdz_str_is(cdz_yaml_get(root, "b")->text, "off"));
    CHECK(!cdz_yaml_get(root, "b")->quoted && cdz_yaml_get(root, "c")->quoted &&
          cdz_yaml_get(root, "d")->quoted);
    CHECK(cdz_yaml_get(root, "none") == NULL && cdz_yaml_get(NULL, "a") == NULL);
}

TEST(integers_that_fit_32_bits_are_told_apart)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CHECK(cdz_yaml_scalar(CDZ_STR("2147483647"), arena).sub == CDZ_I32);
    CHECK(cdz_yaml_scalar(CDZ_STR("-2147483648"), arena).sub == CDZ_I32);
    CHECK(cdz_yaml_scalar(CDZ_STR("2147483648"), arena).sub == CDZ_I64);
    CHECK(cdz_yaml_scalar(CDZ_STR("+9_223_372_036_854_775_808"), arena).kind == CDZ_DECIMAL);
}

TEST(documents_become_values)
{
    static const struct {
        const char *why, *text, *want;
    } rows[] = {
        {"map", "a: 1\nb: [x, {c: d}]\n", "{\"a\":1,\"b\":[\"x\",{\"c\":\"d\"}]}"},
        {"list below its key without indent", "a:\n- 1\n- 2\n", "{\"a\":[1,2]}"},
        {"literal", "a: |\n  l1\n  l2\n", "{\"a\":\"l1\\nl2\\n\"}"},
        {"literal, stripped", "a: |-\n  l1\n   l2\n", "{\"a\":\"l1\\n l2\"}"},
        {"folded", "a: >\n  l1\n  l2\n", "{\"a\":\"l1 l2\\n\"}"},
        {"plain over lines", "a: x\n  y\n", "{\"a\":\"x y\"}"},
        {"escapes", "a: \"\\t\\u00e9\\n\"\n", "{\"a\":\"\\té\\n\"}"},
        {"windows line ends", "a: |\r\n  x\r\n  y\r\nb: 1\r\n", "{\"a\":\"x\\ny\\n\",\"b\":1}"},
        {"byte order mark",
         "\xef\xbb\xbf"
         "a: 1\n",
         "{\"a\":1}"},
        {"start marker", "---\na: 1\n", "{\"a\":1}"},
        {"only comments", "# nothing\n", "null"},
        {"empty values", "a:\nb: ''\n", "{\"a\":null,\"b\":\"\"}"},
        {"keys are text", "1: a\ntrue: b\non: c\n", "{\"1\":\"a\",\"true\":\"b\",\"on\":\"c\"}"},
        {"json", "{\"a\": [1, true, null, \"x\"]}", "{\"a\":[1,true,null,\"x\"]}"},
        {"expression", "a: \"{{ x }}\"\n", "{\"a\":\"{{ x }}\"}"},
        {"alias", "a: &x {b: 1}\nc: *x\n", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}"},
        {"the last anchor of a name counts", "a: &x 1\nb: &x 2\nc: *x\n",
         "{\"a\":1,\"b\":2,\"c\":2}"},
        {"merge", "a: &x {b: 1, c: 2}\nd:\n  c: 3\n  <<: *x\n",
         "{\"a\":{\"b\":1,\"c\":2},\"d\":{\"c\":3,\"b\":1}}"},
        {"merge of several, the first wins", "- &x {a: 1}\n- &y {a: 2, b: 2}\n- <<: [*x, *y]\n",
         "[{\"a\":1},{\"a\":2,\"b\":2},{\"a\":1,\"b\":2}]"},
        {"a quoted << is a key", "'<<': 1\n", "{\"<<\":1}"},
        {"blank lines of blanks in a literal", "a: |-\n }\n  \n  }}", "{\"a\":\"}\\n \\n }}\"}"},
        {"colons in a flow map", "{a: b, u: http://x/y?z, \"k\":1}",
         "{\"a\":\"b\",\"u\":\"http://x/y?z\",\"k\":1}"},
        {"emoji", "a: Hello 🚀", "{\"a\":\"Hello 🚀\"}"},
        {"tab inside", "a: x\ty\n", "{\"a\":\"x\\ty\"}"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++)
        check_json(rows[i].why, cdz_str_z(rows[i].text), rows[i].want);
}

TEST(mistakes_are_reported_with_their_place)
{
    static const struct {
        const char *why;
        cdz_str text;
        const char *want;
    } rows[] = {
        {"duplicate key", CDZ_STR("a:\n  b: 1\n  b: 2\n"),
         "error 3:3: Duplicate field 'b', first at 2:3"},
        {"unknown alias", CDZ_STR("a: *x\n"), "error 1:4: unknown alias \"x\""},
        {"alias inside its own anchor", CDZ_STR("a: &x [*x]\n"), "error 1:8: unknown alias \"x\""},
        {"two documents", CDZ_STR("a: 1\n---\nb: 2\n"), "error 2:1: expected a single document"},
        {"own tag", CDZ_STR("a: !ruby/object x\n"),
         "error 1:4: tag \"!ruby/object\" is not supported"},
        {"NUL", CDZ_STR("a: 1\nb: \0\n"), "error 2:4: a NUL byte is not allowed"},
        {"bad UTF-8", CDZ_STR("a: \xff\n"), "error 1:4: not UTF-8 text"},
        {"surrogate", CDZ_STR("a: \xed\xa0\x80\n"), "error 1:4: not UTF-8 text"},
        {"escape character", CDZ_STR("a: \x1b[0m\n"),
         "error 1:4: special characters are not allowed"},
        {"a list as key", CDZ_STR("? [a]\n: 1\n"), "error 1:3: a key must be a scalar"},
        {"byte order mark inside", CDZ_STR("a: \xef\xbb\xbf\n"),
         "error 1:4: special characters are not allowed"},
        {"merge of text", CDZ_STR("<<: x\n"),
         "error 1:1: a merge key needs a map or a list of maps"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++)
        check_json(rows[i].why, rows[i].text, rows[i].want);
}

TEST(syntax_errors_have_a_place)
{
    static const char *const rows[] = {"a: [1\n",        "a: 'x\n",       "a: b: c\n",
                                       "\ta: 1\n",       "a: 1\n b: 2\n", "a:\n  - b\n c\n",
                                       "{a: 1\n",        "- a\nb: 1\n",   "a:\n  b: |\n  c\n",
                                       "%YAML 9\n---\n", "a: \"\\q\"\n"};
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_err err;
        struct cdz_yaml_node *root;
        struct cdz_yaml_problem *problems;
        size_t n = 0;
        cdz_rc rc = cdz_yaml_parse(cdz_str_z(rows[i]), arena, &root, &problems, &n, &err);
        CHECK(rc == CDZ_E_INVALID && n == 1, "%s", rows[i]);
        if (n)
            CHECK(problems[0].mark.line >= 1 && problems[0].mark.column >= 1 &&
                      problems[0].message.n,
                  "%s", rows[i]);
    }
}

TEST(every_duplicate_key_is_reported)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_err err;
    struct cdz_yaml_node *root;
    struct cdz_yaml_problem *problems;
    size_t n = 0;
    CHECK(cdz_yaml_parse(CDZ_STR("a: 1\na: 2\nb: {c: 1, c: 2, c: 3}\n"), arena, &root, &problems,
                         &n, &err) == CDZ_E_INVALID);
    CHECK(n == 3, "got %zu", n);
}

TEST(marks_are_counted_from_one)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_err err;
    struct cdz_yaml_node *root;
    CHECK(cdz_yaml_parse(
              CDZ_STR("id: x\ntasks:\n  - id: é\n    type: y\n    empty:\nq: 'a'\nl: |\n  x\n"),
              arena, &root, NULL, NULL, &err) == CDZ_OK);
    struct cdz_yaml_node *task = cdz_yaml_get(root, "tasks")->items[0];
    struct {
        const char *what;
        struct cdz_mark got;
        uint32_t line, column;
    } rows[] = {
        {"root", root->mark, 1, 1},
        {"value", cdz_yaml_get(root, "id")->mark, 1, 5},
        {"list", cdz_yaml_get(root, "tasks")->mark, 3, 3},
        {"item", task->mark, 3, 5},
        {"key", task->pairs[1].key_mark, 4, 5},
        {"value of an item", cdz_yaml_get(task, "type")->mark, 4, 11},
        {"quoted", cdz_yaml_get(root, "q")->mark, 6, 4},
        {"literal", cdz_yaml_get(root, "l")->mark, 7, 4},
        {"an empty value has the place of its key", cdz_yaml_get(task, "empty")->mark, 5, 5},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++)
        CHECK(rows[i].got.line == rows[i].line && rows[i].got.column == rows[i].column, "%s: %u:%u",
              rows[i].what, rows[i].got.line, rows[i].got.column);
}

static bool refused(cdz_str text, const char *piece)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_err err = {0};
    struct cdz_yaml_node *root;
    return cdz_yaml_parse(text, arena, &root, NULL, NULL, &err) == CDZ_E_INVALID &&
           strstr(err.text, piece);
}

TEST(bombs_are_refused)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    cdz_buf_z(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        cdz_buf_printf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            cdz_buf_printf(&text, "%s*a%d", j ? ", " : "", i - 1);
        cdz_buf_z(&text, "]\n");
    }
    CHECK(refused(cdz_buf_get(&text), "too many values"));

    cdz_buf_reset(&text);
    for (unsigned i = 0; i < CDZ_YAML_DEPTH_MAX + 2; i++)
        cdz_buf_c(&text, '[');
    CHECK(refused(cdz_buf_get(&text), "too deeply"));

    cdz_buf_reset(&text);
    cdz_buf_z(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 120; i++)
        cdz_buf_printf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    CHECK(refused(cdz_buf_get(&text), "too deeply"));

    cdz_buf_reset(&text);
    for (size_t i = 0; i <= CDZ_FLOW_BYTES_MAX; i += 8)
        cdz_buf_z(&text, "- aaaaa\n");
    CHECK(refused(cdz_buf_get(&text), "too large"));
}

TEST(the_deepest_allowed_nesting_is_read)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    for (unsigned i = 0; i < CDZ_YAML_DEPTH_MAX; i++)
        cdz_buf_c(&text, '[');
    for (unsigned i = 0; i < CDZ_YAML_DEPTH_MAX; i++)
        cdz_buf_c(&text, ']');
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CHECK(cdz_str_starts(json_of(cdz_buf_get(&text), arena), CDZ_STR("[[[")));
}

TEST(a_text_is_split_into_its_documents)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str *parts;
    size_t n = cdz_yaml_split(CDZ_STR("---\na: 1\n--- # next\nb: |\n  --- no\n---\n\n---x: 1\n"),
                              arena, &parts);
    CHECK(n == 3, "got %zu", n);
    CHECK(cdz_str_is(parts[0], "a: 1\n") && cdz_str_is(parts[1], "b: |\n  --- no\n") &&
          cdz_str_is(parts[2], "\n---x: 1\n"));
    CHECK(cdz_yaml_split(CDZ_STR(" \n---\n"), arena, &parts) == 0);
}

TEST(values_are_printed_as_the_original_lays_them_out)
{
    static const struct {
        const char *why, *json, *want;
    } rows[] = {
        {"text", "\"string\"", "string\n"},
        {"integer", "1", "1\n"},
        {"float", "1.123", "1.123\n"},
        {"boolean", "true", "true\n"},
        {"null", "null", "null\n"},
        {"list", "[\"string\",1,1.123]", " - string\n - 1\n - 1.123\n"},
        {"nested", "{\"a\":1,\"b\":{\"c\":[1,2]}}", "a: 1\nb:\n  c:\n   - 1\n   - 2\n"},
        {"list below a key", "{\"a\":[1,\"x\"]}", "a:\n - 1\n - x\n"},
        {"list of maps", "{\"a\":[{\"b\":1,\"c\":[2]}]}", "a:\n -\n  b: 1\n  c:\n   - 2\n"},
        {"list of lists", "[[1,2],[3]]", " -\n   - 1\n   - 2\n -\n   - 3\n"},
        {"empty ones", "{\"a\":[],\"b\":{},\"c\":[[],{}]}", "a: []\nb: {}\nc:\n - []\n - {}\n"},
        {"empty root", "[]", "[]\n"},
        {"null entries are left out", "{\"a\":null,\"b\":[null]}", "b:\n - null\n"},
        {"words",
         "{\"a\":\"yes\",\"b\":\"1\",\"c\":\"x: "
         "y\",\"d\":\"\",\"e\":\"null\",\"f\":\"n\",\"g\":\"~x\"}",
         "a: \"yes\"\nb: 1\nc: \"x: y\"\nd: \"\"\ne: \"null\"\nf: \"n\"\ng: \"~x\"\n"},
        {"keys", "{\"yes\":1,\"1a\":2,\"a b\":3,\"-x\":4,\"\":5,\"k: v\":6}",
         "\"yes\": 1\n\"1a\": 2\na b: 3\n\"-x\": 4\n\"\": 5\n'k: v': 6\n"},
        {"lines", "{\"a\":\"l1\\nl2\"}", "a: |-\n  l1\n  l2\n"},
        {"lines, one at the end", "{\"a\":\"l1\\nl2\\n\",\"b\":1}", "a: |\n  l1\n  l2\nb: 1\n"},
        {"lines, two at the end", "{\"a\":\"l1\\n\\n\",\"b\":1}", "a: |+\n  l1\n\nb: 1\n"},
        {"leading blank", "{\"a\":\" l1\\nl2\"}", "a: |2-\n   l1\n  l2\n"},
        {"leading blank below a dash", "[\" l1\\nl2\"]", " - |1-\n   l1\n  l2\n"},
        {"lines in a list", "[\"a\\nb\"]", " - |-\n  a\n  b\n"},
        {"trailing blank in lines", "{\"a\":\"l1 \\nl2\"}", "a: \"l1 \\nl2\"\n"},
        {"indicators", "[\"*a\",\"- b\",\"#c\",\"d #e\",\"@f\",\"it's\",\"'q'\",\" s\"]",
         " - '*a'\n - '- b'\n - '#c'\n - \"d #e\"\n - '@f'\n - it's\n - '''q'''\n - ' s'\n"},
        {"expressions", "[\"{{ a }}\",\"a, b\"]", " - \"{{ a }}\"\n - \"a, b\"\n"},
        {"tab and quote", "[\"a\\tb\\\"\"]", " - \"a\\tb\\\"\"\n"},
        {"unicode", "[\"é 🚀\"]", " - é 🚀\n"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_err err;
        cdz_val v = CDZ_VAL_NULL;
        CHECK(cdz_json_parse(cdz_str_z(rows[i].json), arena, &v, &err) == CDZ_OK, "%s",
              rows[i].why);
        struct cdz_buf CDZ_AUTO_BUF out = CDZ_BUF_INIT;
        cdz_yaml_print(&out, v);
        CHECK(cdz_str_is(cdz_buf_get(&out), rows[i].want), "%s: want\n%s# got\n%s", rows[i].why,
              rows[i].want, out.p);
    }
}

TEST(what_is_printed_reads_back_the_same)
{
    static const char *const rows[] = {
        "{\"a\":[{\"b\":[[1,[2]],{\"c\":\"x\\ny\\n\"}]},\"z\"],\"d\":\" x "
        "\\n\",\"e\":\"\\u0007\\u2028\"}",
        "[\"\\n\",\"\\n\\n\",\" \",\"a\\n b\\n\\nc\\n\",\"- a\",\"? "
        "b\",\"a:\",\":b\",\"%x\",\"`\",\"---\",\"...\"]",
        "{\"? a\":1,\"a: b\":{\"#\":[]},\"é\":\"\\u00a0\",\"x\\ny\":2}",
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_err err;
        cdz_val v = CDZ_VAL_NULL, back = CDZ_VAL_NULL;
        CHECK(cdz_json_parse(cdz_str_z(rows[i]), arena, &v, &err) == CDZ_OK, "%s", rows[i]);
        struct cdz_buf CDZ_AUTO_BUF out = CDZ_BUF_INIT;
        cdz_yaml_print(&out, v);
        cdz_rc rc = cdz_yaml_parse_val(cdz_buf_get(&out), arena, &back, &err);
        CHECK(rc == CDZ_OK && cdz_val_eq(v, back), "%s: %s\n%s", rows[i], rc ? err.text : "differs",
              out.p);
    }
}
