/* plugins.c -- what the server knows about its types, for editors and forms. reference/api.md §10.2 */
#include "api/internal.h"
#include "plugin/schema.h"

#define PACKAGE "io.kestra.plugin.core"

static void list(struct cdz_jw *w, const char *key, const struct cdz_type *const *all, size_t n,
                 const char *kind, bool core)
{
    cdz_jw_open(w, key, '[');
    for (size_t i = 0; i < n; i++) {
        bool of_core = cdz_str_starts(cdz_str_z(all[i]->type), CDZ_STR(PACKAGE "."));
        if (of_core == core && strcmp(cdz_plugin_kind(all[i]), kind) == 0)
            cdz_jw_z(w, NULL, all[i]->type);
    }
    cdz_jw_close(w, ']');
}

static void group(struct cdz_jw *w, const struct cdz_type *const *all, size_t n, bool core)
{
    static const char *const others[] = {"controllers", "storages",    "secrets",
                                         "guides",      "apps",        "appBlocks",
                                         "charts",      "dataFilters", "categories"};
    cdz_jw_open(w, NULL, '{');
    cdz_jw_z(w, "name", core ? "core" : "plugin-scripts");
    cdz_jw_z(w, "title", core ? "core" : "Scripts");
    cdz_jw_z(w, "group", core ? PACKAGE : "io.kestra.plugin.scripts");
    list(w, "tasks", all, n, "task", core);
    list(w, "triggers", all, n, "trigger", core);
    list(w, "conditions", all, n, "condition", core);
    list(w, "taskRunners", all, n, "task runner", core);
    cdz_jw_open(w, "aliases", '[');
    for (size_t i = 0; i < n; i++) {
        bool of_core = cdz_str_starts(cdz_str_z(all[i]->type), CDZ_STR(PACKAGE "."));
        for (const char *const *a = all[i]->aliases; of_core == core && a && *a; a++)
            cdz_jw_z(w, NULL, *a);
    }
    cdz_jw_close(w, ']');
    for (size_t i = 0; i < CDZ_COUNT(others); i++) {
        cdz_jw_open(w, others[i], '[');
        cdz_jw_close(w, ']');
    }
    cdz_jw_close(w, '}');
}

static void all_plugins(struct api_call *c)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    size_t n;
    const struct cdz_type **all = cdz_plugin_sorted(c->api->s->registry, &n);
    cdz_jw_open(&w, NULL, '[');
    group(&w, all, n, true);
    group(&w, all, n, false);
    cdz_jw_close(&w, ']');
    free(all);
    api_json(c, 200, &b);
}

static void one_plugin(struct api_call *c)
{
    const struct cdz_registry *registry = c->api->s->registry;
    const struct cdz_type *type = cdz_type_find(registry, c->param[0]);
    struct cdz_buf b = CDZ_BUF_INIT;
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    if (!type) {
        api_failf(c, CDZ_E_NOT_FOUND, "Class '%.*s' doesn't exists", CDZ_S(c->param[0]));
        return;
    }
    cdz_plugin_doc(type, &text);
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_str(&w, "markdown", cdz_buf_get(&text));
    cdz_buf_reset(&text);
    cdz_schema_type(registry, type, api_query_bool(c, "all", false), &text);
    cdz_jw_raw(&w, "schema", cdz_buf_get(&text));
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

static void schema(struct api_call *c)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    bool as_list = api_query_bool(c, "arrayOf", false);
    if (cdz_schema_root(c->api->s->registry, c->param[0], as_list, &b))
        api_json(c, 200, &b);
    else
        api_failf(c, CDZ_E_NOT_FOUND,
                  "no schema of that name: flow, template, task, trigger, plugindefault");
}

static void all_inputs(struct api_call *c)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    for (const struct cdz_input_type *t = cdz_input_types; t->name; t++) {
        cdz_jw_open(&w, NULL, '{');
        cdz_jw_z(&w, "type", t->name);
        cdz_jw_close(&w, '}');
    }
    cdz_jw_close(&w, ']');
    api_json(c, 200, &b);
}

static void one_input(struct api_call *c)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    const struct cdz_input_type *type = cdz_input_type_find(c->param[0]);
    if (!type) {
        api_failf(c, CDZ_E_NOT_FOUND, "no type of inputs of that name");
        return;
    }
    cdz_schema_input(c->api->s->registry, type, &text);
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_z(&w, "markdown", "");
    cdz_jw_raw(&w, "schema", cdz_buf_get(&text));
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

const struct api_route api_plugin_routes[] = {
    {"GET", "/plugins", all_plugins, "OPEN"},
    {"GET", "/plugins/{type}", one_plugin, "OPEN"},
    {"GET", "/plugins/schemas/{root}", schema, "OPEN"},
    {"GET", "/plugins/inputs", all_inputs, "OPEN"},
    {"GET", "/plugins/inputs/{type}", one_input, "OPEN"},
    {0},
};
