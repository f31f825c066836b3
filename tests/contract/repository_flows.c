/* The contract of port/repository.h about flows: revisions, deletion, filters, namespaces. */
#include "contract/repository_bench.h"

static void save(struct bench *b, const char *namespace_, const char *id, int revision,
                 const char *source, bool deleted)
{
    struct cdz_flow_row row = {.namespace_ = cdz_str_z(namespace_),
                               .id = cdz_str_z(id),
                               .source = cdz_str_z(source),
                               .labels = cdz_val_map(b->arena, 1),
                               .revision = revision,
                               .deleted = deleted,
                               .updated = 77};
    cdz_map_putz(b->arena, row.labels, "rev",
                 cdz_val_text(cdz_arena_printf(b->arena, "%d", revision)));
    cdz_rc rc = cdz_repository_flow_save(b->r, &row, revision - 1, &b->err);
    CHECK(rc == CDZ_OK, "%s: save: %s", b->name, b->err.text);
}

static void expect_flows(struct bench *b, const char *why, struct cdz_flow_filter f,
                         struct cdz_page page, const char *want)
{
    struct cdz_flow_row *v = NULL;
    size_t n = 0;
    uint64_t total = 0;
    char text[512] = "";
    cdz_rc rc = cdz_repository_flow_find(b->r, &f, &page, b->arena, &v, &n, &total, &b->err);
    CHECK(rc == CDZ_OK, "%s: %s: %s", b->name, why, b->err.text);
    for (size_t i = 0; i < n; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof(text) - at, "%.*s/%.*s=%.*s ", CDZ_S(v[i].namespace_),
                 CDZ_S(v[i].id), CDZ_S(v[i].source));
    }
    size_t at = strlen(text);
    snprintf(text + at, sizeof(text) - at, "of %llu", (unsigned long long)total);
    CHECK(strcmp(text, want) == 0, "%s: %s: %s, want %s", b->name, why, text, want);
}

TEST(flows_are_kept_by_revision)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_flow_row row, *v;
        cdz_str ns = CDZ_STR("a.b"), id = CDZ_STR("f");
        size_t n;
        save(&b, "a.b", "f", 1, "one", false);
        save(&b, "a.b", "f", 2, "two", false);
        cdz_rc rc = cdz_repository_flow_get(b.r, ns, id, 0, false, b.arena, &row, &b.err);
        CHECK(rc == CDZ_OK && row.revision == 2 && cdz_str_is(row.source, "two") &&
                  row.updated == 77,
              "%s", b.name);
        CHECK(cdz_str_is(cdz_val_str(cdz_map_getz(row.labels, "rev")), "2"), "%s", b.name);
        rc = cdz_repository_flow_get(b.r, ns, id, 1, false, b.arena, &row, &b.err);
        CHECK(rc == CDZ_OK && row.revision == 1 && cdz_str_is(row.source, "one"), "%s", b.name);
        rc = cdz_repository_flow_get(b.r, ns, id, 3, false, b.arena, &row, &b.err);
        CHECK(rc == CDZ_E_NOT_FOUND, "%s", b.name);
        row = (struct cdz_flow_row){
            .namespace_ = ns, .id = id, .revision = 2, .labels = cdz_val_map(b.arena, 0)};
        rc = cdz_repository_flow_save(b.r, &row, 1, &b.err);
        CHECK(rc == CDZ_E_CONFLICT, "%s: a lost race: %s", b.name, cdz_rc_name(rc));
        save(&b, "a.b", "f", 3, "gone", true);
        rc = cdz_repository_flow_get(b.r, ns, id, 0, false, b.arena, &row, &b.err);
        CHECK(rc == CDZ_E_NOT_FOUND, "%s", b.name);
        rc = cdz_repository_flow_get(b.r, ns, id, 0, true, b.arena, &row, &b.err);
        CHECK(rc == CDZ_OK && row.deleted, "%s", b.name);
        rc = cdz_repository_flow_get(b.r, ns, id, 2, false, b.arena, &row, &b.err);
        CHECK(rc == CDZ_OK && !row.deleted, "%s", b.name);
        rc = cdz_repository_flow_revisions(b.r, ns, id, b.arena, &v, &n, &b.err);
        CHECK(rc == CDZ_OK && n == 3 && v[0].revision == 1 && v[2].deleted, "%s: %zu", b.name, n);
        save(&b, "a.b", "f", 4, "back", false);
        expect_flows(&b, "last revisions", (struct cdz_flow_filter){0}, (struct cdz_page){0},
                     "a.b/f=back of 1");
    }
}

TEST(flows_are_found_by_every_filter)
{
    static const cdz_str rev = {"rev", 3}, two = {"2", 1};
    struct bench b;
    EACH_BACKEND(b)
    {
        cdz_str *names;
        size_t n;
        save(&b, "a.b", "x", 1, "1", false);
        save(&b, "a", "y", 1, "2", false);
        save(&b, "ab", "x", 1, "3", false);
        save(&b, "ab", "x", 2, "4", false);
        save(&b, "system", "purge", 1, "5", false);
        save(&b, "a", "gone", 1, "6", false);
        save(&b, "a", "gone", 2, "7", true);
        expect_flows(&b, "all by id", (struct cdz_flow_filter){0}, sorted("id", false),
                     "system/purge=5 a.b/x=1 ab/x=4 a/y=2 of 4");
        expect_flows(&b, "by namespace", (struct cdz_flow_filter){0}, sorted("namespace", true),
                     "system/purge=5 ab/x=4 a.b/x=1 a/y=2 of 4");
        expect_flows(&b, "namespace", (struct cdz_flow_filter){.namespace_ = CDZ_STR("a")},
                     sorted("id", false), "a.b/x=1 a/y=2 of 2");
        expect_flows(&b, "exact",
                     (struct cdz_flow_filter){.namespace_ = CDZ_STR("a"), .namespace_exact = true},
                     sorted("id", false), "a/y=2 of 1");
        expect_flows(&b, "deleted too",
                     (struct cdz_flow_filter){
                         .namespace_ = CDZ_STR("a"), .namespace_exact = true, .with_deleted = true},
                     sorted("id", false), "a/gone=7 a/y=2 of 2");
        expect_flows(&b, "scope", (struct cdz_flow_filter){.scope = 2}, sorted("id", false),
                     "system/purge=5 of 1");
        expect_flows(
            &b, "label",
            (struct cdz_flow_filter){.label_keys = &rev, .label_values = &two, .label_count = 1},
            sorted("id", false), "ab/x=4 of 1");
        expect_flows(&b, "q", (struct cdz_flow_filter){.q = CDZ_STR("PUR")}, sorted("id", false),
                     "system/purge=5 of 1");
        struct cdz_page page = sorted("id", false);
        page.page = 2;
        page.size = 3;
        expect_flows(&b, "page", (struct cdz_flow_filter){0}, page, "a/y=2 of 4");
        cdz_rc rc = cdz_repository_namespaces(b.r, CDZ_STR(""), b.arena, &names, &n, &b.err);
        CHECK(rc == CDZ_OK && n == 4 && cdz_str_is(names[0], "a") && cdz_str_is(names[3], "system"),
              "%s: %zu", b.name, n);
        rc = cdz_repository_namespaces(b.r, CDZ_STR("b"), b.arena, &names, &n, &b.err);
        CHECK(rc == CDZ_OK && n == 2 && cdz_str_is(names[1], "ab"), "%s: %zu", b.name, n);
    }
}

TEST(embedded_has_the_same_flows_after_reopening)
{
    struct bench b = {.name = "embedded", .arena = cdz_arena_open(0)};
    tmpdir_make(b.dir);
    open_embedded(&b);
    save(&b, "a", "f", 1, "one", false);
    cdz_repository_close(b.r);
    cdz_db_close(b.db);
    open_embedded(&b);
    expect_flows(&b, "flows", (struct cdz_flow_filter){0}, (struct cdz_page){0}, "a/f=one of 1");
    bench_close(&b);
}

TEST_MAIN
