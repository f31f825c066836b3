/* api_plugins.c -- what the API tells about the types that flows may use. */
#include "site.h"

static bool holds(cdz_val list, const char *text)
{
    CDZ_LIST_EACH (v, list) {
        if (v->kind == CDZ_TEXT && cdz_str_is(cdz_val_str(*v), text))
            return true;
    }
    return false;
}

TEST(plugins_are_listed_by_kind_and_by_package)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    AUTO_REPLY r = get(&s, "/api/v1/plugins");
    CHECK_STATUS(r, 200);
    cdz_val core = cdz_val_path(json_of(&r, arena), "0");
    CHECK(cdz_str_is(text_at(core, "group"), "io.kestra.plugin.core") &&
              holds(cdz_map_getz(core, "tasks"), "io.kestra.plugin.core.debug.Return") &&
              holds(cdz_map_getz(core, "triggers"), "io.kestra.plugin.core.trigger.Flow") &&
              holds(cdz_map_getz(core, "conditions"), "io.kestra.plugin.core.condition.DayWeek") &&
              holds(cdz_map_getz(core, "aliases"), "io.kestra.core.tasks.debugs.Return"),
          "%.600s", r.body.p);
    CHECK(strstr(r.body.p, "$") == NULL, "types that only the compiler makes are not shown");
    CHECK(strcasestr(r.head.p, "Cache-Control: public, max-age=3600") != NULL, "%s", r.head.p);
    AUTO_REPLY sub = get(&s, "/api/v1/plugins/groups/subgroups");
    bool found = false;
    CDZ_LIST_EACH (p, json_of(&sub, arena)) {
        if (!cdz_str_is(text_at(*p, "subGroup"), "io.kestra.plugin.core.debug"))
            continue;
        CHECK(!found, "once");
        found = true;
        CHECK(cdz_str_is(text_at(*p, "title"), "debug") &&
                  holds(cdz_map_getz(*p, "tasks"), "io.kestra.plugin.core.debug.Return") &&
                  !holds(cdz_map_getz(*p, "tasks"), "io.kestra.plugin.core.log.Log"),
              "%.600s", sub.body.p);
    }
    CHECK(found, "%.600s", sub.body.p);
    site_close(&s);
}

TEST(a_type_is_documented_under_all_its_names)
{
    static const char *const names[] = {"io.kestra.plugin.core.debug.Return",
                                        "io.kestra.core.tasks.debugs.Return"};
    struct site s;
    site_open(&s, RIG_VOLATILE);
    for (size_t i = 0; i < CDZ_COUNT(names); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        char path[200];
        snprintf(path, sizeof(path), "/api/v1/plugins/%s", names[i]);
        AUTO_REPLY r = get(&s, path);
        CHECK_STATUS(r, 200);
        cdz_val v = json_of(&r, arena), props = cdz_val_path(v, "schema.properties.properties");
        CHECK(cdz_map_getz(props, "format").kind == CDZ_MAP &&
                  cdz_map_getz(props, "retry").kind == CDZ_NULL,
              "its own properties: %.300s", r.body.p);
        CHECK(has(text_at(v, "markdown"), "debug.Return"), "%.300s", r.body.p);
        snprintf(path, sizeof(path), "/api/v1/plugins/%s?all=true", names[i]);
        AUTO_REPLY all = get(&s, path);
        CHECK(cdz_val_path(json_of(&all, arena), "schema.properties.properties.retry").kind ==
                  CDZ_MAP,
              "%.300s", all.body.p);
    }
    AUTO_REPLY none = get(&s, "/api/v1/plugins/io.kestra.plugin.core.debug.Nothing");
    CHECK_STATUS(none, 404);
    CHECK(strstr(none.body.p, "Class 'io.kestra.plugin.core.debug.Nothing' doesn't exists") != NULL,
          "%s", none.body.p);
    site_close(&s);
}

TEST(schemas_have_the_wanted_root)
{
    static const char *const roots[] = {"flow", "template", "task", "trigger", "plugindefault"};
    struct site s;
    site_open(&s, RIG_VOLATILE);
    for (size_t i = 0; i < CDZ_COUNT(roots); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        char path[100];
        snprintf(path, sizeof(path), "/api/v1/plugins/schemas/%s", roots[i]);
        AUTO_REPLY r = get(&s, path);
        CHECK_STATUS(r, 200);
        CHECK(cdz_map_getz(json_of(&r, arena), "$ref").kind == CDZ_TEXT, "%.100s", r.body.p);
    }
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    AUTO_REPLY list = get(&s, "/api/v1/plugins/schemas/task?arrayOf=true");
    CHECK(cdz_str_is(text_at(json_of(&list, arena), "type"), "array"), "%.100s", list.body.p);
    AUTO_REPLY bad = get(&s, "/api/v1/plugins/schemas/none");
    CHECK_STATUS(bad, 422);
    site_close(&s);
}

TEST(inputs_are_listed_and_documented)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    size_t found = 0;
    site_open(&s, RIG_VOLATILE);
    AUTO_REPLY r = get(&s, "/api/v1/plugins/inputs");
    CHECK_STATUS(r, 200);
    CDZ_LIST_EACH (v, json_of(&r, arena)) {
        char path[100];
        snprintf(path, sizeof(path), "/api/v1/plugins/inputs/%.*s", CDZ_S(text_at(*v, "type")));
        AUTO_REPLY one = get(&s, path);
        CHECK_STATUS(one, 200);
        CHECK(cdz_val_path(json_of(&one, arena), "schema.properties.properties.id").kind == CDZ_MAP,
              "%.300s", one.body.p);
        found += cdz_str_is(text_at(*v, "cls"), "io.kestra.core.models.flows.input.StringInput") ||
                 cdz_str_is(text_at(*v, "cls"), "io.kestra.core.models.flows.input.DateTimeInput");
    }
    CHECK(found == 2, "%s", r.body.p);
    AUTO_REPLY none = get(&s, "/api/v1/plugins/inputs/NONE");
    CHECK_STATUS(none, 404);
    site_close(&s);
}

TEST(each_type_and_package_has_an_icon)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    AUTO_REPLY r = get(&s, "/api/v1/plugins/icons");
    cdz_val v = cdz_map_getz(json_of(&r, arena), "io.kestra.core.tasks.flows.Parallel");
    CHECK(cdz_map_getz(v, "flowable").b && cdz_str_is(text_at(v, "name"), "Parallel") &&
              cdz_str_starts(text_at(v, "icon"), CDZ_STR("PHN2Zy")), /* "<svg" */
          "%.300s", r.body.p);
    AUTO_REPLY groups = get(&s, "/api/v1/plugins/icons/groups");
    CHECK(cdz_map_getz(json_of(&groups, arena), "io.kestra.plugin.core.debug").kind == CDZ_MAP,
          "%.300s", groups.body.p);
    site_close(&s);
}

TEST_MAIN
