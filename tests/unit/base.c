/* Suite base: strings, arenas, values, JSON, codec, ISO times, ids. */
#include "base/codec.h"
#include "base/id.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "test.h"

static cdz_str roundtrip(struct cdz_arena *arena, const char *json, cdz_rc *rc, struct cdz_err *err)
{
    cdz_val v = CDZ_VAL_NULL;
    *rc = cdz_json_parse(cdz_str_z(json), arena, &v, err);
    return *rc == CDZ_OK ? cdz_json_text(arena, v, 0) : CDZ_STR("");
}

TEST(json_parses_what_the_rfc_allows_and_prints_it_compactly)
{
    static const struct {
        const char *why, *in, *out;
    } rows[] = {
        {"scalars", " [1, -2, 1.5, true, false, null, \"x\"] ", "[1,-2,1.5,true,false,null,\"x\"]"},
        {"order and last duplicate", "{\"b\":1,\"a\":2,\"b\":3}", "{\"b\":3,\"a\":2}"},
        {"64 bits", "9223372036854775807", "9223372036854775807"},
        {"beyond 64 bits", "9223372036854775808", "9223372036854775808"},
        {"escapes", "\"a\\u00e9\\ud83d\\ude00\\n\\\"\"", "\"aé😀\\n\\\"\""},
        {"exponent", "1e10", "1.0E10"},
        {"small", "0.001", "0.001"},
        {"empty", "{\"a\":[],\"b\":{}}", "{\"a\":[],\"b\":{}}"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_err err;
        cdz_rc rc;
        cdz_str got = roundtrip(arena, rows[i].in, &rc, &err);
        CHECK(rc == CDZ_OK && cdz_str_is(got, rows[i].out), "%s: got %.*s", rows[i].why,
              CDZ_S(got));
    }
}

TEST(json_refuses_what_is_not_json_with_its_place)
{
    static const struct {
        const char *in, *text;
    } rows[] = {
        {"", "line 1, column 1: unexpected end"},
        {"[1,]", "line 1, column 4: invalid number"},
        {"{\"a\" 1}", "line 1, column 6: expected ':'"},
        {"[1\n2]", "line 2, column 1: expected ',' or ']'"},
        {"\"a", "line 1, column 3: string without closing quote"},
        {"01", "line 1, column 1: invalid number"},
        {"1 2", "line 1, column 3: text behind the end of the document"},
        {"\"\\x\"", "line 1, column 3: invalid escape"},
        {"\"\xff\"", "line 1, column 2: string is not valid UTF-8"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_err err = {0};
        cdz_rc rc;
        roundtrip(arena, rows[i].in, &rc, &err);
        CHECK(rc == CDZ_E_INVALID && strcmp(err.text, rows[i].text) == 0, "%s: got %s", rows[i].in,
              err.text);
    }
}

TEST(json_nested_too_deep_is_a_limit_not_a_crash)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_err err;
    cdz_rc rc;
    char *deep = malloc(200001);
    memset(deep, '[', 200000);
    deep[200000] = 0;
    roundtrip(arena, deep, &rc, &err);
    CHECK(rc == CDZ_E_LIMIT, "got %s", cdz_rc_name(rc));
    free(deep);
}

TEST(doubles_print_as_java_prints_them)
{
    static const struct {
        double f;
        bool f32;
        const char *text;
    } rows[] = {
        {1, false, "1.0"},
        {1.123, false, "1.123"},
        {1.123f, true, "1.123"},
        {1e10, false, "1.0E10"},
        {1234567, false, "1234567.0"},
        {12345678, false, "1.2345678E7"},
        {0.001, false, "0.001"},
        {0.0001, false, "1.0E-4"},
        {-2.5, false, "-2.5"},
        {100, false, "100.0"},
        {0, false, "0.0"},
        {3.14159265358979, false, "3.14159265358979"},
        {0.57, false, "0.57"}, /* 0.57 * 100 is not 57 */
        {-1234.000001, false, "-1234.000001"},
        {0.1 + 0.2, false, "0.30000000000000004"},
        {999999999999999, false, "9.99999999999999E14"},
        {9007199254740993, false, "9.007199254740992E15"},
        {1e-300, false, "1.0E-300"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
        cdz_print_double(&b, rows[i].f, rows[i].f32);
        CHECK(cdz_str_is(cdz_buf_get(&b), rows[i].text), "want %s, got %s", rows[i].text, b.p);
    }
}

TEST(a_double_of_few_decimals_reads_back_the_same)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    for (int i = 1; i < 200000; i += 7) {
        double f = (double)i / 1000;
        char want[40];
        cdz_buf_reset(&b);
        cdz_print_double(&b, f, false);
        snprintf(want, sizeof(want), "%d.%03d", i / 1000, i % 1000);
        for (size_t n = strlen(want); want[n - 1] == '0' && want[n - 2] != '.'; n--)
            want[n - 1] = 0;
        CHECK(strtod(b.p, NULL) == f, "%s is not %.17g", b.p, f);
        CHECK(f < 0.001 || strcmp(b.p, want) == 0, "want %s, got %s", want, b.p);
    }
}

TEST(json_prints_the_extreme_integers)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    cdz_jw_int(&w, NULL, INT64_MIN);
    cdz_jw_int(&w, NULL, 0);
    cdz_jw_int(&w, NULL, INT64_MAX);
    cdz_jw_str(&w, NULL, CDZ_STR(""));
    cdz_jw_close(&w, ']');
    CHECK(cdz_str_is(cdz_buf_get(&b), "[-9223372036854775808,0,9223372036854775807,\"\"]"), "%s",
          b.p);
}

TEST(codec_gives_back_what_was_put)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_err err;
    cdz_val v, back;
    const char *json =
        "{\"i\":-5,\"l\":9223372036854775807,\"f\":1.5,\"t\":\"é\",\"n\":null,\"list\":[true,{}]}";
    CHECK(cdz_json_parse(cdz_str_z(json), arena, &v, &err) == CDZ_OK, "%s", err.text);
    struct cdz_date d;
    CHECK(cdz_iso_parse(CDZ_STR("2013-09-08T16:19:12.123456+02:00[Europe/Paris]"), &d), "iso");
    cdz_map_put(arena, v, CDZ_STR("date"), cdz_val_date(arena, d));
    cdz_put_val(&b, v);
    struct cdz_reader r = cdz_reader_of(cdz_buf_get(&b));
    back = cdz_get_val(&r, arena);
    CHECK(!r.bad && r.p == r.end && cdz_val_eq(v, back), "values differ");
}

TEST(codec_survives_every_truncation)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_err err;
    cdz_val v;
    CHECK(cdz_json_parse(CDZ_STR("{\"a\":[1,\"text\",1.5,{\"b\":null}]}"), arena, &v, &err) ==
              CDZ_OK,
          "json");
    cdz_put_val(&b, v);
    for (size_t n = 0; n < b.n; n++) {
        struct cdz_reader r = cdz_reader_of((cdz_str){b.p, n});
        (void)cdz_get_val(&r, arena);
        CHECK(r.bad, "%zu bytes of %zu were accepted", n, b.n);
    }
}

TEST(maps_keep_order_and_find_every_key_at_any_size)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_val m = cdz_val_map(arena, 0);
    for (int i = 0; i < 1000; i++)
        cdz_map_put(arena, m, cdz_arena_printf(arena, "k%d", i), cdz_val_int(i));
    for (int i = 0; i < 1000; i++) {
        cdz_val got = cdz_map_get(m, cdz_arena_printf(arena, "k%d", i));
        CHECK(got.kind == CDZ_INT && got.i == i, "k%d", i);
        CHECK(m.map->v[i].val.i == i, "place of k%d", i);
    }
    cdz_map_del(m, CDZ_STR("k500"));
    CHECK(!cdz_map_find(m, CDZ_STR("k500")) && cdz_map_get(m, CDZ_STR("k999")).i == 999,
          "after del");
}

TEST(durations_parse_and_print_as_java_does)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"PT10S", "PT10S"},
        {"P1D", "PT24H"},
        {"pt0.25s", "PT0.25S"},
        {"PT1H30M", "PT1H30M"},
        {"10", "PT10S"},
        {"1.5", "PT1.5S"},
        {"-PT5S", "PT-5S"},
        {"PT-0.5S", "PT-0.5S"},
        {"P1DT1S", "PT24H1S"},
        {"PT0S", "PT0S"},
        {"P2W", "PT336H"},
        {"PT90S", "PT1M30S"},
        {"P", NULL},
        {"PT", NULL},
        {"1h", NULL},
        {"PT1D", NULL},
        {"P1Y", NULL},
        {"", NULL},
        {"PT1S1M", NULL},
        {"P99999999999999999D", NULL},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        int64_t s;
        int32_t n;
        bool ok = cdz_duration_parse(cdz_str_z(rows[i].in), &s, &n);
        CHECK(ok == (rows[i].out != NULL), "%s: accepted %d", rows[i].in, ok);
        if (!ok || !rows[i].out)
            continue;
        CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
        cdz_duration_print(&b, s, n);
        CHECK(cdz_str_is(cdz_buf_get(&b), rows[i].out), "%s: got %s", rows[i].in, b.p);
    }
}

TEST(iso_dates_parse_to_their_types_and_print_back)
{
    static const struct {
        const char *in, *out;
        enum cdz_date_type type;
    } rows[] = {
        {"2013-09-08T16:19:12.123456+02:00", "2013-09-08T16:19:12.123456+02:00", CDZ_ZONED},
        {"2013-09-08T16:19:00Z", "2013-09-08T16:19Z", CDZ_ZONED},
        {"2013-09-08T16:19:12+02:00[Europe/Paris]", "2013-09-08T16:19:12+02:00[Europe/Paris]",
         CDZ_ZONED},
        {"2013-09-08T16:19", "2013-09-08T16:19", CDZ_LOCAL_DATETIME},
        {"2000-02-29", "2000-02-29", CDZ_LOCAL_DATE},
        {"16:19:01.5", "16:19:01.500", CDZ_LOCAL_TIME},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        struct cdz_date d = {0};
        CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
        CHECK(cdz_iso_parse(cdz_str_z(rows[i].in), &d), "%s", rows[i].in);
        cdz_iso_print(&b, &d);
        CHECK(d.type == rows[i].type && cdz_str_is(cdz_buf_get(&b), rows[i].out), "%s: got %s",
              rows[i].in, b.p);
    }
    struct cdz_date d;
    CHECK(!cdz_iso_parse(CDZ_STR("2001-02-29"), &d) && !cdz_iso_parse(CDZ_STR("2001-13-01"), &d),
          "bad dates");
}

TEST(instants_print_with_three_or_six_digits_and_before_1970)
{
    char t[CDZ_INSTANT_TEXT];
    CHECK(cdz_str_is(cdz_instant_print(0, t), "1970-01-01T00:00:00Z"), "%s", t);
    CHECK(cdz_str_is(cdz_instant_print(1000, t), "1970-01-01T00:00:00.001Z"), "%s", t);
    CHECK(cdz_str_is(cdz_instant_print(-1, t), "1969-12-31T23:59:59.999999Z"), "%s", t);
    CHECK(cdz_str_is(cdz_instant_print(1734689472050607, t), "2024-12-20T10:11:12.050607Z"), "%s",
          t);
    CHECK(cdz_str_is(cdz_instant_print(-62135596800000000, t), "0001-01-01T00:00:00Z"), "%s", t);
    CHECK(cdz_str_is(cdz_instant_print(253402300800000000, t), "10000-01-01T00:00:00Z"), "%s", t);
    cdz_us back;
    CHECK(cdz_instant_parse(CDZ_STR("1969-12-31T23:59:59.999999Z"), &back) && back == -1, "back");
}

TEST(ids_are_base_62_and_differ)
{
    struct cdz_rng rng, same;
    char a[CDZ_ID_TEXT], b[CDZ_ID_TEXT], c[CDZ_ID_TEXT];
    cdz_rng_seed(&rng, 1);
    cdz_rng_seed(&same, 1);
    cdz_str x = cdz_id_print(&rng, a), y = cdz_id_print(&rng, b), z = cdz_id_print(&same, c);
    CHECK(cdz_id_valid(x) && cdz_id_valid(y) && !cdz_str_eq(x, y) && cdz_str_eq(x, z), "%s %s %s",
          a, b, c);
    CHECK(!cdz_id_valid(CDZ_STR("a-b")) && !cdz_id_valid(CDZ_STR("")), "bad ids");
}

TEST(distance_counts_edits_and_swaps)
{
    CHECK(cdz_str_distance(CDZ_STR("message"), CDZ_STR("mesage")) == 1, "delete");
    CHECK(cdz_str_distance(CDZ_STR("tasks"), CDZ_STR("taskS")) == 0, "case");
    CHECK(cdz_str_distance(CDZ_STR("form"), CDZ_STR("from")) == 1, "swap");
}

TEST(numbers_outside_64_bits_are_refused)
{
    int64_t v;
    CHECK(cdz_str_to_i64(CDZ_STR("-9223372036854775808"), &v) && v == INT64_MIN, "min");
    CHECK(!cdz_str_to_i64(CDZ_STR("9223372036854775808"), &v) && !cdz_str_to_i64(CDZ_STR("1x"), &v),
          "over");
}

TEST_MAIN
