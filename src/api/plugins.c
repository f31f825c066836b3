/*
 * plugins.c -- /api/v1/plugins: the types that flows may use, their schemas and documentation.
 * reference/api.md §10.2. All of it is constant while the server runs: clients may keep it.
 *
 * The original lists one plugin for each archive it has loaded. Here all types are of one, the core.
 */
#include <openssl/evp.h>

#include "api/internal.h"
#include "model/inputs.h"
#include "plugin/schema.h"

#define GROUP "io.kestra.plugin.core"

static const struct cdz_registry *registry_of(struct api_call *c)
{
    return api_flow_options(c, true).registry;
}

static void answer(struct api_call *c, struct cdz_buf *body)
{
    struct cdz_http_pair keep = {CDZ_STR("Cache-Control"), CDZ_STR("public, max-age=3600")};
    cdz_http_answer_buf(c->x, 200, "application/json", body, &keep, 1);
}

/* "io.kestra.plugin.core.debug.Return": "io.kestra.plugin.core.debug" */
static cdz_str package_of(const char *type)
{
    const char *dot = strrchr(type, '.');
    return dot ? (cdz_str){type, (size_t)(dot - type)} : CDZ_STR("");
}

/* All types by name, those that only the compiler makes left out. */
struct types {
    const struct cdz_type **v;
    size_t n;
};

static struct types types_of(struct api_call *c)
{
    struct types t;
    t.v = cdz_plugin_sorted(registry_of(c), &t.n);
    return t;
}

/* Those of a kind; package empty: of every one. */
static void put_kind(struct cdz_jw *w, const char *key, const struct types *types, const char *kind,
                     cdz_str package)
{
    cdz_jw_open(w, key, '[');
    for (size_t i = 0; i < types->n; i++) {
        const struct cdz_type *t = types->v[i];
        if (strcmp(cdz_plugin_kind(t), kind) == 0 &&
            (!package.n || cdz_str_eq(package_of(t->type), package)))
            cdz_jw_z(w, NULL, t->type);
    }
    cdz_jw_close(w, ']');
}

/* package empty: the whole plugin. */
static void put_plugin(struct cdz_jw *w, const struct types *types, cdz_str package)
{
    static const char *const none[] = {"controllers", "storages",  "secrets",   "guides",
                                       "apps",        "appBlocks", "categories"};
    cdz_str title = package.n ? cdz_str_sub(package, sizeof(GROUP), package.n) : CDZ_STR("Core");
    cdz_jw_open(w, NULL, '{');
    cdz_jw_z(w, "name", "core");
    cdz_jw_str(w, "title", title);
    cdz_jw_z(w, "group", GROUP);
    cdz_jw_z(w, "version", API_VERSION);
    cdz_jw_open(w, "manifest", '{');
    cdz_jw_close(w, '}');
    put_kind(w, "tasks", types, "task", package);
    put_kind(w, "triggers", types, "trigger", package);
    put_kind(w, "conditions", types, "condition", package);
    put_kind(w, "taskRunners", types, "task runner", package);
    cdz_jw_open(w, "aliases", '[');
    for (size_t i = 0; i < types->n; i++) {
        for (const char *const *a = types->v[i]->aliases; a && *a; a++)
            cdz_jw_z(w, NULL, *a);
    }
    cdz_jw_close(w, ']');
    for (size_t i = 0; i < CDZ_COUNT(none); i++) {
        cdz_jw_open(w, none[i], '[');
        cdz_jw_close(w, ']');
    }
    if (package.n)
        cdz_jw_str(w, "subGroup", package);
    cdz_jw_close(w, '}');
}

/* Each package below the group once: types are sorted, but "core.Type" may stand between packages. */
static bool is_first_of_package(const struct types *types, size_t i)
{
    cdz_str package = package_of(types->v[i]->type);
    if (!cdz_str_starts(package, CDZ_STR(GROUP ".")))
        return false;
    for (size_t k = 0; k < i; k++) {
        if (cdz_str_eq(package_of(types->v[k]->type), package))
            return false;
    }
    return true;
}

static void put_list(struct api_call *c, bool subgroups)
{
    struct types types = types_of(c);
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    put_plugin(&w, &types, CDZ_STR(""));
    for (size_t i = 0; subgroups && i < types.n; i++) {
        if (is_first_of_package(&types, i))
            put_plugin(&w, &types, package_of(types.v[i]->type));
    }
    cdz_jw_close(&w, ']');
    free(types.v);
    answer(c, &b);
}

static void list(struct api_call *c)
{
    put_list(c, false);
}

static void subgroups(struct api_call *c)
{
    put_list(c, true);
}

static void schema(struct api_call *c)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    if (cdz_schema_root(registry_of(c), c->param[0], api_query_bool(c, "arrayOf", false), &b))
        answer(c, &b);
    else
        api_failf(c, CDZ_E_INVALID,
                  "type: there is no schema `%.*s`, but of: flow, template, task, trigger, "
                  "plugindefault",
                  CDZ_S(c->param[0]));
}

/* {"markdown", "schema"}; schema: what was written so far. */
static void answer_doc(struct api_call *c, const struct cdz_buf *markdown,
                       const struct cdz_buf *of_schema)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_str(&w, "markdown", cdz_buf_get(markdown));
    cdz_jw_raw(&w, "schema", cdz_buf_get(of_schema));
    cdz_jw_close(&w, '}');
    answer(c, &b);
}

static void doc(struct api_call *c)
{
    const struct cdz_registry *registry = registry_of(c);
    const struct cdz_type *type = cdz_type_find(registry, c->param[0]);
    CDZ_AUTO_BUF struct cdz_buf markdown = CDZ_BUF_INIT, of_type = CDZ_BUF_INIT;
    if (!type || strchr(type->type, '$')) {
        api_failf(c, CDZ_E_NOT_FOUND, "Class '%.*s' doesn't exists ", CDZ_S(c->param[0]));
        return;
    }
    cdz_plugin_doc(type, &markdown);
    cdz_schema_type(registry, type, api_query_bool(c, "all", false), &of_type);
    answer_doc(c, &markdown, &of_type);
}

/* "MULTISELECT": the class that the original has for it, `MultiselectInput`. */
static cdz_str input_class(struct cdz_arena *arena, const char *name)
{
    cdz_str word = strcmp(name, "DATETIME") == 0 ? CDZ_STR("DateTime")
                   : strcmp(name, "URI") == 0    ? CDZ_STR("URI")
                                                 : CDZ_STR("");
    if (!word.n) {
        size_t n = strlen(name);
        char *p = cdz_arena_alloc(arena, n);
        for (size_t i = 0; i < n; i++)
            p[i] =
                i > 0 && name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
        word = (cdz_str){p, n};
    }
    return cdz_arena_printf(arena, "io.kestra.core.models.flows.input.%.*sInput", CDZ_S(word));
}

static void inputs(struct api_call *c)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    for (const struct cdz_input_type *t = cdz_input_types; t->name; t++) {
        cdz_jw_open(&w, NULL, '{');
        cdz_jw_z(&w, "type", t->name);
        cdz_jw_str(&w, "cls", input_class(c->arena, t->name));
        cdz_jw_close(&w, '}');
    }
    cdz_jw_close(&w, ']');
    answer(c, &b);
}

static void input(struct api_call *c)
{
    const struct cdz_input_type *type = cdz_input_type_find(c->param[0]);
    CDZ_AUTO_BUF struct cdz_buf markdown = CDZ_BUF_INIT, of_type = CDZ_BUF_INIT;
    if (!type) {
        api_failf(c, CDZ_E_NOT_FOUND, "there is no input type `%.*s`", CDZ_S(c->param[0]));
        return;
    }
    cdz_input_doc(type, &markdown);
    cdz_schema_input(c->api->s->registry, type, &of_type);
    answer_doc(c, &markdown, &of_type);
}

/* A letter on a disk, in Base64: the icons of the original are pictures of its authors. */
static void put_icon(struct api_call *c, struct cdz_jw *w, const char *key, cdz_str name,
                     bool flowable)
{
    static const char colours[][8] = {"#2f6fb3", "#8a5a9e", "#3a8f6b", "#b3632f", "#6b6b8a"};
    char letter = name.n ? name.p[0] : '?';
    cdz_str svg = cdz_arena_printf(
        c->arena,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\"><circle cx=\"12\" "
        "cy=\"12\" r=\"11\" fill=\"%s\"/><text x=\"12\" y=\"17\" text-anchor=\"middle\" "
        "font-family=\"sans-serif\" font-size=\"14\" fill=\"#fff\">%c</text></svg>",
        colours[(unsigned char)letter % CDZ_COUNT(colours)], letter);
    unsigned char *packed = cdz_arena_alloc(c->arena, svg.n * 2 + 8);
    int n = EVP_EncodeBlock(packed, (const unsigned char *)svg.p, (int)svg.n);
    cdz_jw_open(w, key, '{');
    cdz_jw_str(w, "name", name);
    cdz_jw_str(w, "icon", (cdz_str){(const char *)packed, (size_t)n});
    cdz_jw_bool(w, "flowable", flowable);
    cdz_jw_close(w, '}');
}

static void put_type_icon(struct api_call *c, struct cdz_jw *w, const char *name,
                          const struct cdz_type *type)
{
    const char *dot = strrchr(name, '.');
    put_icon(c, w, name, cdz_str_z(dot ? dot + 1 : name), type->kind == CDZ_FLOWABLE);
}

static void icons(struct api_call *c)
{
    struct types types = types_of(c);
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    for (size_t i = 0; i < types.n; i++) {
        put_type_icon(c, &w, types.v[i]->type, types.v[i]);
        for (const char *const *a = types.v[i]->aliases; a && *a; a++)
            put_type_icon(c, &w, *a, types.v[i]);
    }
    cdz_jw_close(&w, '}');
    free(types.v);
    answer(c, &b);
}

static void group_icons(struct api_call *c)
{
    struct types types = types_of(c);
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    put_icon(c, &w, GROUP, CDZ_STR("plugin-icon"), false);
    for (size_t i = 0; i < types.n; i++) {
        if (is_first_of_package(&types, i))
            put_icon(c, &w, cdz_arena_z(c->arena, package_of(types.v[i]->type)),
                     CDZ_STR("plugin-icon"), false);
    }
    cdz_jw_close(&w, '}');
    free(types.v);
    answer(c, &b);
}

const struct api_route api_plugin_routes[] = {
    {"GET", "/plugins", list, "OPEN"},
    {"GET", "/plugins/icons", icons, "OPEN"},
    {"GET", "/plugins/icons/groups", group_icons, "OPEN"},
    {"GET", "/plugins/groups/subgroups", subgroups, "OPEN"},
    {"GET", "/plugins/inputs", inputs, "OPEN"},
    {"GET", "/plugins/inputs/{type}", input, "OPEN"},
    {"GET", "/plugins/schemas/{type}", schema, "OPEN"},
    {"GET", "/plugins/{cls}", doc, "OPEN"},
    {0},
};
