/*
 * expr_lib.c -- the library of the expression language where templates do not reach: regular
 * expressions, zones, the Ion reader and writer, jq from several threads. The filters themselves:
 * expr/lib_*.test.
 */
#include <pthread.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/regex.h"
#include "base/time.h"
#include "expr/ion.h"
#include "expr/javadate.h"
#include "expr/jqfilter.h"
#include "expr/lib.h"
#include "expr/zone.h"
#include "test.h"

/* A CHECK whose condition says it all. */
#define IS(cond) CHECK((cond), "no")

/* ---- regular expressions ---- */

static bool matches(const char *pattern, const char *text, bool whole)
{
    CDZ_AUTO_REGEX re = NULL;
    struct cdz_err err = {0};
    bool ret = false;
    cdz_rc rc = cdz_regex_compile(cdz_str_z(pattern), &re, &err);
    if (rc == CDZ_OK)
        rc = cdz_regex_match(re, cdz_str_z(text), whole, &ret, &err);
    CHECK(rc == CDZ_OK, "%s: %s", pattern, err.text);
    return ret;
}

TEST(regex_finds_anywhere_or_matches_the_whole)
{
    IS(matches("b+", "abbc", false));
    IS(!matches("b+", "abbc", true));
    CHECK(matches("a|ab", "ab", true), "the whole wins over the first alternative");
    IS(matches("", "", true));
    CHECK(!matches("^b", "a\nb", false), "^ is the start of the text only");
    IS(matches("(?m)^b", "a\nb", false));
    IS(matches("a$", "a\n", false));
}

TEST(regex_understands_what_java_writes_otherwise)
{
    IS(matches("\\u00e9", "\u00e9", true));
    IS(matches("\\uD83D\\uDE00", "\U0001F600", true));
    IS(matches("\\p{Alpha}+\\p{Digit}", "ab1", true));
    IS(matches("[\\p{Upper}_]+", "A_B", true));
    IS(matches("\\P{Alpha}[^\\p{Punct}]", "1a", true));
    IS(matches("\\Q\\p{Alpha}[\\E", "\\p{Alpha}[", true));
    IS(matches("\\p{L}+", "\u00e9t\u00e9", true));
    IS(!matches(".", "\r", true));
    CHECK(matches("\\\\u", "\\u", true), "an escaped backslash is no \\u");
}

TEST(regex_survives_malformed_text)
{
    IS(matches("b", "\xff\xfe b", false));
    IS(!matches("c", "\xc3", false));
}

TEST(regex_refuses_bad_patterns)
{
    static const char *const bad[] = {"(", "[a", "a{2,1}", "*", "(?<n", "\\p{Nope}"};
    for (size_t i = 0; i < CDZ_COUNT(bad); i++) {
        CDZ_AUTO_REGEX re = NULL;
        struct cdz_err err = {0};
        cdz_rc rc = cdz_regex_compile(cdz_str_z(bad[i]), &re, &err);
        CHECK(rc == CDZ_E_INVALID && err.text[0], "%s: %s", bad[i], cdz_rc_name(rc));
    }
}

TEST(regex_replace_is_javas)
{
    static const struct {
        const char *pattern, *text, *with, *want;
    } rows[] = {
        {"x*", "abc", "-", "-a-b-c-"},
        {"a*", "baac", "-", "-b--c-"},
        {"", "\u00e9a", "-", "-\u00e9-a-"},
        {"(a)(b)?", "ab a", "[$2$1]", "[ba] [a]"},
        {"(a)", "a", "$11", "a1"},
        {"a", "a", "\\$1\\\\", "$1\\"},
        {"(?<x>\\d+)", "a12", "<${x}>", "a<12>"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        CDZ_AUTO_REGEX re = NULL;
        struct cdz_err err = {0};
        cdz_str got = CDZ_STR("");
        cdz_rc rc = cdz_regex_compile(cdz_str_z(rows[i].pattern), &re, &err);
        if (rc == CDZ_OK)
            rc = cdz_regex_replace(re, cdz_str_z(rows[i].text), cdz_str_z(rows[i].with), arena,
                                   &got, &err);
        CHECK(rc == CDZ_OK && cdz_str_is(got, rows[i].want), "%s: %s %.*s", rows[i].pattern,
              err.text, CDZ_S(got));
    }
}

/* ---- zones ---- */

TEST(zones_are_read_as_java_reads_them)
{
    static const struct {
        const char *text;
        int32_t offset; /* in July 2024 */
        const char *id;
    } rows[] = {
        {"Europe/Paris", 7200, "Europe/Paris"},
        {"UTC", 0, "UTC"},
        {"Z", 0, "Z"},
        {"+2", 7200, "+02:00"},
        {"-0330", -12600, "-03:30"},
        {"+02:30:15", 9015, "+02:30:15"},
        {"GMT+2", 7200, "GMT+02:00"},
        {"UTC-01:30", -5400, "UTC-01:30"},
        {"UT+0", 0, "UT"},
        {"Asia/Kolkata", 19800, "Asia/Kolkata"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        struct cdz_buf CDZ_AUTO_BUF id = CDZ_BUF_INIT;
        struct cdz_err err = {0};
        struct cdz_zone zone;
        cdz_rc rc = cdz_zone_parse(cdz_str_z(rows[i].text), &zone, &err);
        CHECK(rc == CDZ_OK, "%s: %s", rows[i].text, err.text);
        if (rc != CDZ_OK)
            continue;
        int32_t offset = cdz_zone_offset(&zone, 1720000000, NULL);
        CHECK(offset == rows[i].offset, "%s: %d", rows[i].text, offset);
        cdz_zone_print(&id, &zone);
        CHECK(cdz_str_is(cdz_buf_get(&id), rows[i].id), "%s: %.*s", rows[i].text,
              CDZ_S(cdz_buf_get(&id)));
    }
    static const char *const bad[] = {
        "Nope",   "europe/paris",      "+",    "+1a",     "+25", "+02:3", "+02:60", "GMT+",
        "UTC+99", "Europe/Par\u00eds", " UTC", "+02:30:1"};
    for (size_t i = 0; i < CDZ_COUNT(bad); i++) {
        struct cdz_err err = {0};
        struct cdz_zone zone;
        CHECK(cdz_zone_parse(cdz_str_z(bad[i]), &zone, &err) == CDZ_E_INVALID, "%s", bad[i]);
    }
}

TEST(more_zones_than_are_kept_open_stay_right)
{
    static const char *const ids[] = {"Europe/Paris",  "America/New_York", "Asia/Tokyo",
                                      "Asia/Kolkata",  "Australia/Sydney", "Africa/Cairo",
                                      "Asia/Dubai",    "America/Denver",   "Pacific/Auckland",
                                      "Europe/Lisbon", "Asia/Karachi"};
    static const int32_t january[] = {3600,  -18000, 32400, 19800, 39600, 7200,
                                      14400, -25200, 46800, 0,     18000};
    for (size_t i = 0; i < 3 * CDZ_COUNT(ids); i++) {
        struct cdz_err err;
        struct cdz_zone zone;
        size_t k = i * 7 % CDZ_COUNT(ids);
        CHECK(cdz_zone_parse(cdz_str_z(ids[k]), &zone, &err) == CDZ_OK, "%s", ids[k]);
        CHECK(cdz_zone_offset(&zone, 1704067200, NULL) == january[k], "%s", ids[k]);
    }
}

/* ---- Ion ---- */

static void ion_read(const char *text, const char *want)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_ion_reader reader = cdz_ion_reader_of(cdz_str_z(text));
    struct cdz_buf CDZ_AUTO_BUF got = CDZ_BUF_INIT;
    struct cdz_err err = {0};
    for (bool end = false;;) {
        cdz_val v;
        cdz_rc rc = cdz_ion_next(&reader, arena, &v, &end, &err);
        if (rc != CDZ_OK)
            cdz_buf_printf(&got, "%s", err.text);
        if (rc != CDZ_OK || end)
            break;
        cdz_buf_z(&got, got.n ? " " : "");
        if (v.kind == CDZ_DATE || v.kind == CDZ_DECIMAL)
            cdz_buf_printf(&got, "%s:", cdz_java_class(v));
        cdz_ion_print(&got, v);
    }
    CHECK(cdz_str_is(cdz_buf_get(&got), want), "%s gives %.*s", text, CDZ_S(cdz_buf_get(&got)));
}

TEST(ion_reads_every_kind_of_value)
{
    ion_read("null null.int null.struct true false", "null null null true false");
    ion_read("1 -1 1_000 0xFF -0x10 0b101 9223372036854775808",
             "1 -1 1000 255 -16 5 java.math.BigInteger:9223372036854775808");
    ion_read("1.5e0 -2e3 1E-2 nan +inf -inf 0e0 1.0E-4",
             "1.5e0 -2000e0 0.01e0 nan +inf -inf 0e0 1.0E-4");
    ion_read("1.50 12. 1d3 -0.5d-1",
             "java.math.BigDecimal:1.50 java.math.BigDecimal:12. java.math.BigDecimal:1d3 "
             "java.math.BigDecimal:-0.5d-1");
    ion_read("sym 'a b' \"x\" $ion_1_0 '''a''' '''b'''", "\"sym\" \"a b\" \"x\" \"ab\"");
    ion_read("[1,[],[2,],] (a + [b]) {}", "[1,[],[2]] [\"a\",\"+\",[\"b\"]] {}");
    ion_read("{a:1, 'b c':2, \"d\":3, '''e''':4, a:5}", "{a:5,'b c':2,d:3,e:4}");
    ion_read("{{ aGVs bG8= }} {{ \"text\\x41\" }}", "\"aGVsbG8=\" \"textA\"");
    ion_read("// c\n1 /* d */ 2 /**/", "1 2");
}

TEST(ion_reads_escapes)
{
    ion_read("\"a\\n\\t\\\"\\\\\\x41\\u00e9\\U0001F600\\uD83D\\uDE00\\0\"",
             "\"a\\n\\t\\\"\\\\A\u00e9\U0001F600\U0001F600\\0\"");
    ion_read("'''one\\\ntwo\r\nthree'''", "\"onetwo\\nthree\"");
}

TEST(ion_reads_timestamps_and_typed_dates)
{
    ion_read("2024-04-21T23:00:00.000Z", "java.time.Instant:2024-04-21T23:00:00.000Z");
    ion_read("2024-04-21T23:00:01.123456Z", "java.time.Instant:2024-04-21T23:00:01.123Z");
    ion_read("2024-04-21 2024-04-21T 2024-04T 2024T 2024-04-21T00:00Z",
             "java.time.LocalDate:2024-04-21 java.time.LocalDate:2024-04-21 "
             "java.time.LocalDate:2024-04-01 "
             "java.time.LocalDate:2024-01-01 java.time.LocalDate:2024-04-21");
    ion_read("[2024-04-21T23:00+02:00]", "[ZonedDateTime::\"2024-04-21T23:00:00+02:00\"]");
    ion_read("ZonedDateTime::\"2013-09-08T16:19:12.123456+02:00[Europe/Paris]\"",
             "java.time.ZonedDateTime:ZonedDateTime::\"2013-09-08T16:19:12.123456+02:00[Europe/"
             "Paris]\"");
    ion_read("LocalDateTime::\"2013-09-08T16:19:12\" LocalTime::\"16:19:00\" other::7 a::b::\"c\"",
             "java.time.LocalDateTime:LocalDateTime::\"2013-09-08T16:19:12\" "
             "java.time.LocalTime:LocalTime::\"16:19:00\" 7 \"c\"");
}

TEST(ion_names_the_place_of_an_error)
{
    ion_read("{a:1", "Invalid ion at 4: ',' or '}' expected");
    ion_read("{not: ion", "Invalid ion at 9: ',' or '}' expected");
    ion_read("[1 2]", "Invalid ion at 3: ',' or ']' expected");
    ion_read("\"abc", "Invalid ion at 4: text without end");
    ion_read("1x", "Invalid ion at 2: malformed number");
    ion_read("007", "Invalid ion at 3: malformed number");
    ion_read("2024-13-01", "Invalid ion at 10: malformed timestamp");
    ion_read("LocalDate::\"x\"", "Invalid ion at 14: malformed date");
    ion_read("a::", "Invalid ion at 3: value expected");
    ion_read("1 }", "1Invalid ion at 2: unexpected character");
    ion_read("/*", "Invalid ion at 0: comment without end");
    ion_read("{{ ? }}", "Invalid ion at 3: malformed blob");
}

TEST(ion_depth_is_bounded_both_ways)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_buf CDZ_AUTO_BUF b = CDZ_BUF_INIT;
    struct cdz_err err = {0};
    cdz_val v = cdz_val_list(arena, 0);
    bool end;
    for (int i = 0; i < 100000; i++)
        cdz_buf_c(&b, '[');
    struct cdz_ion_reader reader = cdz_ion_reader_of(cdz_buf_get(&b));
    IS(cdz_ion_next(&reader, arena, &v, &end, &err) == CDZ_E_LIMIT);
    for (int i = 0; i < 1000; i++) {
        cdz_val outer = cdz_val_list(arena, 1);
        cdz_list_push(arena, outer, v);
        v = outer;
    }
    cdz_buf_reset(&b);
    cdz_ion_print(&b, v);
    CHECK(b.n > CDZ_JSON_DEPTH_MAX && b.n < 1000, "%zu", b.n);
}

TEST(ion_prints_what_it_reads)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_buf CDZ_AUTO_BUF b = CDZ_BUF_INIT, CDZ_AUTO_BUF c = CDZ_BUF_INIT;
    struct cdz_err err = {0};
    cdz_val v, again;
    bool end;
    CHECK(cdz_json_parse(CDZ_STR("{\"a\": [1, 2.5, null, true, \"x\\u0001\\u007f\"], \"true\": {}, "
                                 "\"\": 3000000000}"),
                         arena, &v, &err) == CDZ_OK,
          "%s", err.text);
    cdz_map_putz(arena, v, "f", cdz_val_f32(1.123f));
    cdz_map_putz(arena, v, "big", cdz_val_decimal(CDZ_STR("12345678901234567890"), CDZ_BIGINT));
    cdz_ion_print(&b, v);
    CHECK(cdz_str_is(cdz_buf_get(&b),
                     "{a:[1,2.5e0,null,true,\"x\\x01\\x7f\"],'true':{},'':3000000000,"
                     "f:1.1230000257492065e0,big:12345678901234567890}"),
          "%.*s", CDZ_S(cdz_buf_get(&b)));
    struct cdz_ion_reader reader = cdz_ion_reader_of(cdz_buf_get(&b));
    CHECK(cdz_ion_next(&reader, arena, &again, &end, &err) == CDZ_OK, "%s", err.text);
    cdz_ion_print(&c, again);
    CHECK(cdz_str_eq(cdz_buf_get(&b), cdz_buf_get(&c)), "%.*s", CDZ_S(cdz_buf_get(&c)));
}

/* ---- jq ---- */

static void *jq_often(void *arg)
{
    int *bad = arg;
    for (int i = 0; i < 50; i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_err err;
        cdz_val ret, input = cdz_val_list(arena, 0);
        cdz_list_push(arena, input, cdz_val_int(i));
        cdz_rc rc = cdz_jq_run(i % 2 ? CDZ_STR(".[0] + 1") : CDZ_STR(".[0]"), input,
                               (struct cdz_jq_clock){false, 0}, arena, &ret, &err);
        if (rc != CDZ_OK || cdz_list_n(ret) != 1 || cdz_list_at(ret, 0).i != i + i % 2)
            ++*bad;
    }
    return NULL;
}

TEST(jq_runs_in_several_threads_at_once)
{
    pthread_t threads[4];
    int bad[4] = {0};
    for (size_t i = 0; i < CDZ_COUNT(threads); i++)
        IS(pthread_create(&threads[i], NULL, jq_often, &bad[i]) == 0);
    for (size_t i = 0; i < CDZ_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
        CHECK(bad[i] == 0, "%d wrong results", bad[i]);
    }
    cdz_jq_forget();
}

TEST(jq_keeps_a_bounded_number_of_programs)
{
    for (int i = 0; i < 80; i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_err err = {0};
        cdz_val ret;
        cdz_rc rc = cdz_jq_run(cdz_arena_printf(arena, ". + %d", i), cdz_val_int(1),
                               (struct cdz_jq_clock){false, 0}, arena, &ret, &err);
        CHECK(rc == CDZ_OK && cdz_list_at(ret, 0).i == i + 1, "%s", err.text);
    }
    cdz_jq_forget();
}

TEST(jq_needs_the_clock_for_now_only)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_err err = {0};
    cdz_val ret;
    IS(cdz_jq_needs_clock(CDZ_STR("now | floor")) && !cdz_jq_needs_clock(CDZ_STR(".a")));
    cdz_rc rc = cdz_jq_run(CDZ_STR("now"), CDZ_VAL_NULL, (struct cdz_jq_clock){false, 0}, arena,
                           &ret, &err);
    CHECK(rc == CDZ_E_INVALID && strstr(err.text, "now is not available"), "%s", err.text);
    cdz_jq_forget();
}

TEST_MAIN
