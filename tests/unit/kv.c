/* The key-value store on both local stores: what is put comes back typed, and ends when it should. */
#include "kv/kv.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "contract/tmpdir.h"
#include "storage/backends.h"
#include "test.h"

#define NOW (1700000000 * CDZ_SECOND)

struct bench {
    const char *name;
    char dir[64];
    struct cdz_storage *s;
    struct cdz_arena *arena;
    struct cdz_err err;
};

static bool bench_open(struct bench *b, int which)
{
    if (which > 1)
        return false;
    *b = (struct bench){.name = which ? "local" : "mem", .arena = cdz_arena_open(0)};
    if (which == 0) {
        b->s = cdz_storage_mem_open();
    } else {
        tmpdir_make(b->dir);
        if (cdz_storage_local_open(b->dir, &b->s, &b->err) != CDZ_OK)
            abort();
    }
    return true;
}

static void bench_close(struct bench *b)
{
    cdz_storage_close(b->s);
    cdz_arena_close(b->arena);
    if (*b->dir)
        tmpdir_remove(b->dir);
}

#define EACH_STORE(b)                                                                              \
    for (int which_ = 0, open_; (open_ = bench_open(&(b), which_)); bench_close(&(b)), which_++)

#define NS CDZ_STR("company.team")

static void put(struct bench *b, const char *key, cdz_val value, cdz_us ttl)
{
    cdz_rc rc = cdz_kv_put(b->s, NS, cdz_str_z(key), value, ttl, true, NOW, &b->err);
    CHECK(rc == CDZ_OK, "%s: put %s: %s", b->name, key, b->err.text);
}

static struct cdz_kv_entry get(struct bench *b, const char *key, cdz_us now, cdz_rc want)
{
    struct cdz_kv_entry e = {.type = ""};
    cdz_rc rc = cdz_kv_get(b->s, NS, cdz_str_z(key), now, b->arena, &e, &b->err);
    CHECK(rc == want, "%s: get %s: want %s, got %s (%s)", b->name, key, cdz_rc_name(want),
          cdz_rc_name(rc), rc ? b->err.text : "");
    return e;
}

TEST(values_come_back_with_their_types)
{
    static const struct {
        const char *text, *convert, *type, *json;
    } rows[] = {
        {"hello", "STRING", "STRING", "\"hello\""},
        {"hello", "", "STRING", "\"hello\""},
        {"42", "NUMBER", "NUMBER", "42"},
        {"42.5", "NUMBER", "NUMBER", "42.5"},
        {"-1e3", "NUMBER", "NUMBER", "-1000.0"},
        {"true", "BOOLEAN", "BOOLEAN", "true"},
        {"no", "BOOLEAN", "BOOLEAN", "false"},
        {"2024-01-02T03:04:05Z", "DATETIME", "DATETIME", "\"2024-01-02T03:04:05Z\""},
        {"2024-01-02T00:00:00Z", "DATETIME", "DATETIME", "\"2024-01-02T00:00:00Z\""},
        {"2024-01-02T03:04:05+02:00", "DATETIME", "DATETIME", "\"2024-01-02T01:04:05Z\""},
        {"2024-01-02", "DATE", "DATE", "\"2024-01-02\""},
        {"2024-01-02T03:04:05Z", "DATE", "DATE", "\"2024-01-02\""},
        {"PT5M", "DURATION", "DURATION", "300.000000000"},
        {"PT5M", "STRING", "DURATION", "300.000000000"}, /* as the original */
        {"{\"a\":[1,null,{\"b\":\"c\"}]}", "JSON", "JSON", "{\"a\":[1,null,{\"b\":\"c\"}]}"},
        {"null", "JSON", "JSON", "null"},
    };
    struct bench b;
    EACH_STORE(b)
    {
        for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
            cdz_val v = CDZ_VAL_NULL;
            cdz_rc rc = cdz_kv_convert(cdz_str_z(rows[i].text), cdz_str_z(rows[i].convert), b.arena,
                                       &v, &b.err);
            CHECK(rc == CDZ_OK, "%s as %s: %s", rows[i].text, rows[i].convert, b.err.text);
            put(&b, "k", v, 0);
            struct cdz_kv_entry e = get(&b, "k", NOW, CDZ_OK);
            cdz_str json = cdz_json_text(b.arena, e.value, 0);
            CHECK(strcmp(e.type, rows[i].type) == 0, "%s: want %s, got %s", rows[i].text,
                  rows[i].type, e.type);
            CHECK(cdz_str_is(json, rows[i].json), "%s: want %s, got %.*s", rows[i].text,
                  rows[i].json, CDZ_S(json));
        }
    }
}

TEST(conversion_refuses_what_is_no_such_value)
{
    static const char *const rows[][2] = {
        {"x", "NUMBER"},
        {"", "NUMBER"},
        {"tomorrow", "DATETIME"},
        {"2024-01-02", "DATETIME"},
        {"x", "DATE"},
        {"x", "DURATION"},
        {"{", "JSON"},
        {"x", "PICTURE"},
        {"1 2", "NUMBER"},
        {"2024-01-02T03:04:05", "DATE"},
    };
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_err err;
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        cdz_val v;
        cdz_rc rc = cdz_kv_convert(cdz_str_z(rows[i][0]), cdz_str_z(rows[i][1]), arena, &v, &err);
        CHECK(rc == CDZ_E_INVALID, "%s as %s: %s", rows[i][0], rows[i][1], cdz_rc_name(rc));
    }
}

TEST(an_expired_key_says_so_once_and_is_gone)
{
    struct bench b;
    EACH_STORE(b)
    {
        put(&b, "k", cdz_val_int(1), 10 * CDZ_SECOND);
        struct cdz_kv_entry e = get(&b, "k", NOW + 9 * CDZ_SECOND, CDZ_OK);
        CHECK(e.expires == NOW + 10 * CDZ_SECOND);
        get(&b, "k", NOW + 10 * CDZ_SECOND, CDZ_E_EXPIRED);
        get(&b, "k", NOW + 10 * CDZ_SECOND, CDZ_E_NOT_FOUND);
    }
}

TEST(dates_and_description_are_kept_beside_the_value)
{
    struct bench b;
    EACH_STORE(b)
    {
        cdz_rc rc = cdz_kv_put_described(b.s, NS, CDZ_STR("k"), cdz_val_z("a"), 0, true,
                                         CDZ_STR("what \"it\" is"), NOW, &b.err);
        CHECK(rc == CDZ_OK, "%s", b.err.text);
        rc = cdz_kv_put_described(b.s, NS, CDZ_STR("k"), cdz_val_z("b"), 0, true,
                                  CDZ_STR("what \"it\" is"), NOW + CDZ_SECOND, &b.err);
        CHECK(rc == CDZ_OK, "%s", b.err.text);
        struct cdz_kv_entry e = get(&b, "k", NOW, CDZ_OK);
        CHECK(e.created == NOW && e.updated == NOW + CDZ_SECOND && e.expires == 0);
        CHECK(cdz_str_is(e.description, "what \"it\" is"), "%.*s", CDZ_S(e.description));
    }
}

TEST(overwrite_false_keeps_what_is_there_unless_it_has_expired)
{
    struct bench b;
    EACH_STORE(b)
    {
        put(&b, "k", cdz_val_int(1), CDZ_SECOND);
        cdz_rc rc = cdz_kv_put(b.s, NS, CDZ_STR("k"), cdz_val_int(2), 0, false, NOW, &b.err);
        CHECK(rc == CDZ_E_CONFLICT, "%s", cdz_rc_name(rc));
        CHECK(get(&b, "k", NOW, CDZ_OK).value.i == 1);
        rc = cdz_kv_put(b.s, NS, CDZ_STR("k"), cdz_val_int(2), 0, false, NOW + CDZ_SECOND, &b.err);
        CHECK(rc == CDZ_OK, "%s", b.err.text);
        CHECK(get(&b, "k", NOW + 5 * CDZ_SECOND, CDZ_OK).value.i == 2);
    }
}

TEST(delete_tells_whether_the_key_was_there)
{
    struct bench b;
    EACH_STORE(b)
    {
        bool existed = true;
        CHECK(cdz_kv_del(b.s, NS, CDZ_STR("k"), NOW, &existed, &b.err) == CDZ_OK && !existed);
        put(&b, "k", cdz_val_int(1), 0);
        CHECK(cdz_kv_del(b.s, NS, CDZ_STR("k"), NOW, &existed, &b.err) == CDZ_OK && existed);
        get(&b, "k", NOW, CDZ_E_NOT_FOUND);
        put(&b, "k", cdz_val_int(1), CDZ_SECOND);
        CHECK(cdz_kv_del(b.s, NS, CDZ_STR("k"), NOW + CDZ_SECOND, &existed, &b.err) == CDZ_OK &&
              !existed);
        get(&b, "k", NOW, CDZ_E_NOT_FOUND);
    }
}

TEST(list_gives_the_keys_of_a_prefix_in_order_with_dates)
{
    struct bench b;
    EACH_STORE(b)
    {
        struct cdz_kv_entry *keys;
        size_t n = 9;
        CHECK(cdz_kv_list(b.s, NS, CDZ_STR(""), b.arena, &keys, &n, &b.err) == CDZ_OK && n == 0);
        put(&b, "a-b", cdz_val_int(1), 0);
        put(&b, "a", cdz_val_int(1), CDZ_SECOND);
        put(&b, "a.ion.metadata", cdz_val_int(1), 0);
        put(&b, "b", cdz_val_int(1), 0);
        CHECK(cdz_kv_list(b.s, NS, CDZ_STR("a"), b.arena, &keys, &n, &b.err) == CDZ_OK);
        CHECK(n == 3, "%zu", n);
        CHECK(n == 3 && cdz_str_is(keys[0].key, "a") && cdz_str_is(keys[1].key, "a-b") &&
              cdz_str_is(keys[2].key, "a.ion.metadata"));
        CHECK(n == 3 && keys[0].expires == NOW + CDZ_SECOND && keys[1].expires == 0 &&
              keys[1].created == NOW);
    }
}

TEST(names_that_lead_elsewhere_are_refused)
{
    static const struct {
        const char *why, *ns, *key;
    } rows[] = {
        {"empty key", "a", ""},    {"blank", "a", "a b"},    {"slash", "a", "a/b"},
        {"climbs", "a", "../b"},   {"dot first", "a", ".b"}, {"dollar", "a", "bad$key"},
        {"no namespace", "", "k"}, {"slashes", "a/b", "k"},  {"climbing", "a/../b", "k"},
        {"two dots", "a..b", "k"}, {"dot last", "a.", "k"},
    };
    struct bench b;
    EACH_STORE(b)
    {
        for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
            struct cdz_kv_entry e;
            bool existed;
            cdz_str ns = cdz_str_z(rows[i].ns), key = cdz_str_z(rows[i].key);
            CHECK(cdz_kv_put(b.s, ns, key, CDZ_VAL_NULL, 0, true, NOW, &b.err) == CDZ_E_INVALID,
                  "put: %s", rows[i].why);
            CHECK(cdz_kv_get(b.s, ns, key, NOW, b.arena, &e, &b.err) == CDZ_E_INVALID, "get: %s",
                  rows[i].why);
            CHECK(cdz_kv_del(b.s, ns, key, NOW, &existed, &b.err) == CDZ_E_INVALID, "del: %s",
                  rows[i].why);
        }
    }
}

TEST(a_value_beyond_the_limit_is_refused_and_the_old_one_stays)
{
    struct bench b;
    size_t n = CDZ_KV_BYTES_MAX + 1;
    char *big = malloc(n);
    if (!big)
        abort();
    memset(big, 'x', n);
    EACH_STORE(b)
    {
        put(&b, "k", cdz_val_int(1), 0);
        cdz_rc rc = cdz_kv_put(b.s, NS, CDZ_STR("k"), cdz_val_text((cdz_str){big, n}), 0, true, NOW,
                               &b.err);
        CHECK(rc == CDZ_E_LIMIT, "%s", cdz_rc_name(rc));
        CHECK(get(&b, "k", NOW, CDZ_OK).value.i == 1);
    }
    free(big);
}

TEST(damaged_files_are_told_apart)
{
    struct bench b;
    EACH_STORE(b)
    {
        put(&b, "k", cdz_val_int(1), CDZ_SECOND);
        CHECK(cdz_storage_put(b.s, CDZ_STR("/company/team/_kv/k.ion.metadata"), CDZ_STR("{"),
                              &b.err) == CDZ_OK);
        CHECK(get(&b, "k", NOW + 5 * CDZ_SECOND, CDZ_OK).expires == 0, "the value outlives it");
        CHECK(cdz_storage_put(b.s, CDZ_STR("/company/team/_kv/k.ion"), CDZ_STR("{a:"), &b.err) ==
              CDZ_OK);
        get(&b, "k", NOW, CDZ_E_CORRUPT);
        CHECK(cdz_storage_del(b.s, CDZ_STR("/company/team/_kv/k.ion.metadata"), &b.err) == CDZ_OK);
        CHECK(cdz_storage_put(b.s, CDZ_STR("/company/team/_kv/k.ion"), CDZ_STR("7"), &b.err) ==
              CDZ_OK);
        CHECK(get(&b, "k", NOW, CDZ_OK).value.i == 7, "written by hand");
    }
}

TEST_MAIN
