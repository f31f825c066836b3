/*
 * props.c -- values of properties by their descriptors: kinds, requirements, defaults, expressions.
 *
 * What is written in the flow's text decides, not what YAML takes it for: `format: 007` is the text
 * "007" for a text property, and `workers: "4"` is the number 4 for a number property, as with the
 * original's reader.
 */
#include "model/compile.h"

#include <assert.h>
#include <math.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"

cdz_str cdz_compile_str(struct cdz_compiler *c, cdz_str s)
{
    return cdz_arena_str(c->arena, s);
}

cdz_val cdz_compile_plain(struct cdz_compiler *c, const struct cdz_yaml_node *node)
{
    cdz_val ret = node->val;
    switch (node->kind) {
    case CDZ_YAML_SCALAR:
        if (ret.kind == CDZ_TEXT)
            ret = cdz_val_text(cdz_compile_str(c, cdz_val_str(ret)));
        else if (ret.kind == CDZ_DECIMAL)
            ret = cdz_val_decimal(cdz_compile_str(c, cdz_val_str(ret)), ret.sub);
        break;
    case CDZ_YAML_LIST:
        ret = cdz_val_list(c->arena, node->n);
        for (size_t i = 0; i < node->n; i++)
            cdz_list_push(c->arena, ret, cdz_compile_plain(c, node->items[i]));
        break;
    case CDZ_YAML_MAP:
        ret = cdz_val_map(c->arena, node->n);
        for (size_t i = 0; i < node->n; i++)
            cdz_map_put(c->arena, ret, cdz_compile_str(c, node->pairs[i].key),
                        cdz_compile_plain(c, node->pairs[i].val));
        break;
    }
    return ret;
}

struct at {
    struct cdz_compiler *c;
    const struct cdz_yaml_node *node;
    const struct cdz_path *path;
};

/* Only a warning: the original accepts the flow, and the task (or output ...) fails when it is
 * rendered. */
static void report_expression(void *ctx, const cdz_val *where, const struct cdz_err *err)
{
    struct at *at = ctx;
    (void)where;
    cdz_compile_warning(at->c, at->node->mark, at->path, NULL, "%s", err->text);
}

static bool has_expression(cdz_str s)
{
    return s.n && memchr(s.p, '{', s.n);
}

static cdz_val compile_str(struct cdz_compiler *c, cdz_str s, const struct cdz_yaml_node *node,
                           const struct cdz_path *path)
{
    if (!has_expression(s))
        return cdz_val_text(cdz_compile_str(c, s));
    struct at at = {c, node, path};
    /* Copied first: if it does not compile, the value still refers to its text. */
    return cdz_val_compile(cdz_val_text(cdz_compile_str(c, s)), c->arena, report_expression, &at);
}

cdz_val cdz_compile_text(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                         const struct cdz_path *path)
{
    return compile_str(c, node->text, node, path);
}

cdz_val cdz_compile_any(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                        const struct cdz_path *path)
{
    cdz_val ret;
    switch (node->kind) {
    case CDZ_YAML_LIST:
        ret = cdz_val_list(c->arena, node->n);
        for (size_t i = 0; i < node->n; i++) {
            struct cdz_path here = {.up = path, .index = i, .item = true};
            cdz_list_push(c->arena, ret, cdz_compile_any(c, node->items[i], &here));
        }
        return ret;
    case CDZ_YAML_MAP:
        ret = cdz_val_map(c->arena, node->n);
        for (size_t i = 0; i < node->n; i++) {
            struct cdz_path here = cdz_path_key(path, node->pairs[i].key);
            cdz_map_put(c->arena, ret, cdz_compile_str(c, node->pairs[i].key),
                        cdz_compile_any(c, node->pairs[i].val, &here));
        }
        return ret;
    case CDZ_YAML_SCALAR:
        break;
    }
    return node->val.kind == CDZ_TEXT ? compile_str(c, cdz_val_str(node->val), node, path)
                                      : cdz_compile_plain(c, node);
}

static const char *node_kind_name(const struct cdz_yaml_node *node)
{
    switch (node->kind) {
    case CDZ_YAML_LIST:
        return "a list";
    case CDZ_YAML_MAP:
        return "a map";
    case CDZ_YAML_SCALAR:
        break;
    }
    return node->val.kind == CDZ_TEXT ? "text" : cdz_val_kind_name(node->val);
}

static cdz_val wrong_kind(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                          const struct cdz_path *path, const char *want)
{
    if (node->kind == CDZ_YAML_SCALAR && node->text.n && node->text.n < 100)
        cdz_compile_error(c, node->mark, path, NULL, "must be %s, not `%.*s`", want,
                          CDZ_S(node->text));
    else
        cdz_compile_error(c, node->mark, path, NULL, "must be %s, not %s", want,
                          node_kind_name(node));
    return CDZ_VAL_NULL;
}

static cdz_val compile_int(struct cdz_compiler *c, const struct cdz_prop *prop,
                           const struct cdz_yaml_node *node, const struct cdz_path *path)
{
    cdz_val v = node->val;
    int64_t i;
    if (v.kind == CDZ_TEXT && cdz_str_to_i64(cdz_str_trim(node->text), &i))
        v = i >= INT32_MIN && i <= INT32_MAX ? cdz_val_i32((int32_t)i) : cdz_val_int(i);
    else if (v.kind == CDZ_FLOAT && v.f == floor(v.f) && fabs(v.f) < 1e15)
        v = cdz_val_int((int64_t)v.f);
    if (v.kind != CDZ_INT)
        return wrong_kind(c, node, path, "an integer");
    if (prop->has_min && v.i < prop->min) {
        cdz_compile_error(c, node->mark, path, NULL, "must be greater than or equal to %lld",
                          (long long)prop->min);
        return CDZ_VAL_NULL;
    }
    return v;
}

static cdz_val compile_float(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                             const struct cdz_path *path)
{
    double f;
    if (node->val.kind == CDZ_FLOAT)
        return node->val;
    if (node->val.kind == CDZ_INT)
        return cdz_val_float((double)node->val.i);
    if (node->val.kind == CDZ_TEXT && cdz_str_to_double(cdz_str_trim(node->text), &f))
        return cdz_val_float(f);
    return wrong_kind(c, node, path, "a number");
}

static cdz_val compile_bool(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                            const struct cdz_path *path)
{
    if (node->val.kind == CDZ_BOOL)
        return node->val;
    if (cdz_str_ieq(node->text, CDZ_STR("true")) || cdz_str_ieq(node->text, CDZ_STR("false")))
        return cdz_val_bool(cdz_str_ieq(node->text, CDZ_STR("true")));
    return wrong_kind(c, node, path, "true or false");
}

static cdz_val compile_duration(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                                const struct cdz_path *path)
{
    cdz_us us;
    if (node->val.kind == CDZ_BOOL || !cdz_duration_us(node->text, &us))
        return wrong_kind(c, node, path,
                          "an ISO-8601 duration such as PT10S, or a number of seconds");
    return cdz_val_text(cdz_compile_str(c, node->text));
}

static cdz_val compile_enum(struct cdz_compiler *c, const struct cdz_prop *prop,
                            const struct cdz_yaml_node *node, const struct cdz_path *path)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    for (const char *const *v = prop->values; v && *v; v++) {
        if (cdz_str_is(node->text, *v))
            return cdz_val_z(*v);
        if (cdz_is_nearer(node->text, cdz_str_z(*v), &best))
            nearest = *v;
    }
    struct cdz_buf CDZ_AUTO_BUF names = CDZ_BUF_INIT;
    for (const char *const *v = prop->values; v && *v; v++)
        cdz_buf_printf(&names, "%s%s", names.n ? ", " : "", *v);
    cdz_compile_error(c, node->mark, path, cdz_compile_hint(c, nearest),
                      "`%.*s` is not one of [%.*s]", (int)(node->text.n < 100 ? node->text.n : 100),
                      node->text.p, CDZ_S(cdz_buf_get(&names)));
    return CDZ_VAL_NULL;
}

static cdz_val compile_scalar(struct cdz_compiler *c, const struct cdz_prop *prop,
                              const struct cdz_yaml_node *node, const struct cdz_path *path)
{
    bool dynamic = prop->flags & CDZ_PROP_DYNAMIC;
    if (node->kind != CDZ_YAML_SCALAR) {
        /* A rendered property may also be given as a list or map: the original keeps its JSON text.
         */
        if (!dynamic || prop->kind != CDZ_PROP_STRING)
            return wrong_kind(c, node, path,
                              prop->kind == CDZ_PROP_STRING ? "text" : "a single value");
        cdz_str json = cdz_json_text(c->work, cdz_yaml_val(node, c->work), CDZ_JSON_COMPACT);
        return compile_str(c, json, node, path);
    }
    if (prop->kind == CDZ_PROP_STRING)
        return dynamic ? cdz_compile_text(c, node, path)
                       : cdz_val_text(cdz_compile_str(c, node->text));
    if (dynamic && node->val.kind == CDZ_TEXT && has_expression(node->text))
        return cdz_compile_text(c, node, path);
    if (prop->kind == CDZ_PROP_INT)
        return compile_int(c, prop, node, path);
    if (prop->kind == CDZ_PROP_FLOAT)
        return compile_float(c, node, path);
    if (prop->kind == CDZ_PROP_BOOL)
        return compile_bool(c, node, path);
    if (prop->kind == CDZ_PROP_DURATION)
        return compile_duration(c, node, path);
    return compile_enum(c, prop, node, path);
}

/* An item of a list of texts. */
static cdz_val compile_string(struct cdz_compiler *c, const struct cdz_prop *prop,
                              const struct cdz_yaml_node *node, const struct cdz_path *path)
{
    bool dynamic = prop->flags & CDZ_PROP_DYNAMIC;
    if (prop->values && !(dynamic && has_expression(node->text)))
        return compile_enum(c, prop, node, path);
    return dynamic ? cdz_compile_text(c, node, path) : cdz_val_text(cdz_compile_str(c, node->text));
}

static cdz_val compile_strings(struct cdz_compiler *c, const struct cdz_prop *prop,
                               const struct cdz_yaml_node *node, const struct cdz_path *path)
{
    bool dynamic = prop->flags & CDZ_PROP_DYNAMIC;
    cdz_val list = cdz_val_list(c->arena, node->n);
    if (node->kind == CDZ_YAML_SCALAR && (prop->flags & CDZ_PROP_ONE)) {
        cdz_list_push(c->arena, list, compile_string(c, prop, node, path));
        return list;
    }
    if (node->kind == CDZ_YAML_SCALAR && dynamic && has_expression(node->text))
        return cdz_compile_text(c, node, path);
    if (node->kind != CDZ_YAML_LIST)
        return wrong_kind(c, node, path, "a list of texts");
    for (size_t i = 0; i < node->n; i++) {
        const struct cdz_yaml_node *item = node->items[i];
        struct cdz_path here = {.up = path, .index = i, .item = true};
        if (item->kind != CDZ_YAML_SCALAR || cdz_node_is_null(item))
            wrong_kind(c, item, &here, "text");
        else
            cdz_list_push(c->arena, list, compile_string(c, prop, item, &here));
    }
    return list;
}

/* LIST and MAP: the thing itself, or (DYNAMIC) a text that renders to it. */
static cdz_val compile_collection(struct cdz_compiler *c, const struct cdz_prop *prop,
                                  const struct cdz_yaml_node *node, const struct cdz_path *path)
{
    bool dynamic = prop->flags & CDZ_PROP_DYNAMIC, list = prop->kind == CDZ_PROP_LIST;
    if (node->kind == (list ? CDZ_YAML_LIST : CDZ_YAML_MAP))
        return dynamic ? cdz_compile_any(c, node, path) : cdz_compile_plain(c, node);
    if (dynamic && node->kind == CDZ_YAML_SCALAR && node->val.kind == CDZ_TEXT)
        return cdz_compile_text(c, node, path);
    return wrong_kind(c, node, path, list ? "a list" : "a map");
}

static cdz_val compile_objects(struct cdz_compiler *c, const struct cdz_prop *prop,
                               const struct cdz_yaml_node *node, const struct cdz_path *path)
{
    if (node->kind != CDZ_YAML_LIST)
        return wrong_kind(c, node, path, "a list of maps");
    cdz_val list = cdz_val_list(c->arena, node->n);
    for (size_t i = 0; i < node->n; i++) {
        struct cdz_path here = cdz_path_item(path, i, node->items[i]);
        if (node->items[i]->kind != CDZ_YAML_MAP)
            wrong_kind(c, node->items[i], &here, "a map");
        else
            cdz_list_push(c->arena, list,
                          cdz_compile_props(c, node->items[i], prop->nested, NULL, &here));
    }
    return list;
}

static const struct cdz_prop plugin_props[] = {
    {"type", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "The type."},
    {0},
};

/* A map with its own `type`, such as a task runner. */
static cdz_val compile_plugin(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                              const struct cdz_path *path)
{
    if (node->kind != CDZ_YAML_MAP)
        return wrong_kind(c, node, path, "a map with a type");
    const struct cdz_yaml_node *name = cdz_yaml_get(node, "type");
    struct cdz_path here = cdz_path_key(path, CDZ_STR("type"));
    const struct cdz_type *type = NULL;
    if (name && name->kind == CDZ_YAML_SCALAR && name->text.n)
        type = cdz_type_find(c->options->registry, name->text);
    if (!type) {
        const char *nearest =
            name ? cdz_type_nearest(c->options->registry, name->text, CDZ_TASK_RUNNER) : NULL;
        if (name && cdz_known_type_find(name->text))
            cdz_compile_error(c, name->mark, &here, NULL,
                              "type \"%.*s\" is not supported yet by this server",
                              CDZ_S(name->text));
        else
            cdz_compile_error(c, name ? name->mark : node->mark, &here,
                              cdz_compile_hint(c, nearest), "Invalid type: %.*s",
                              CDZ_S(name && name->text.n ? name->text : CDZ_STR("<null>")));
        return CDZ_VAL_NULL;
    }
    cdz_val map = cdz_compile_props(c, node, type->props, plugin_props, path);
    cdz_map_putz(c->arena, map, "type", cdz_val_text(cdz_compile_str(c, name->text)));
    return map;
}

cdz_val cdz_compile_prop(struct cdz_compiler *c, const struct cdz_prop *prop,
                         const struct cdz_yaml_node *node, const struct cdz_path *path)
{
    switch (prop->kind) {
    case CDZ_PROP_STRING:
    case CDZ_PROP_INT:
    case CDZ_PROP_FLOAT:
    case CDZ_PROP_BOOL:
    case CDZ_PROP_DURATION:
    case CDZ_PROP_ENUM:
        return compile_scalar(c, prop, node, path);
    case CDZ_PROP_STRINGS:
        return compile_strings(c, prop, node, path);
    case CDZ_PROP_LIST:
    case CDZ_PROP_MAP:
        return compile_collection(c, prop, node, path);
    case CDZ_PROP_ANY:
        return (prop->flags & CDZ_PROP_DYNAMIC) ? cdz_compile_any(c, node, path)
                                                : cdz_compile_plain(c, node);
    case CDZ_PROP_OBJECT:
        if (node->kind != CDZ_YAML_MAP)
            return wrong_kind(c, node, path, "a map");
        return cdz_compile_props(c, node, prop->nested, NULL, path);
    case CDZ_PROP_OBJECTS:
        return compile_objects(c, prop, node, path);
    case CDZ_PROP_PLUGIN:
        return compile_plugin(c, node, path);
    case CDZ_PROP_LABELS:
        return cdz_compile_labels(c, node,
                                  (prop->flags & CDZ_PROP_DYNAMIC) ? CDZ_LABELS_DYNAMIC : 0, path);
    case CDZ_PROP_CONDITIONS: /* conditions.c */
    case CDZ_PROP_INPUTS:     /* input.c */
        break;
    case CDZ_PROP_TASKS:
        if ((prop->flags & CDZ_PROP_ONE) && node->kind != CDZ_YAML_MAP)
            wrong_kind(c, node, path, "a task");
        else if (!(prop->flags & CDZ_PROP_ONE) && node->kind != CDZ_YAML_LIST)
            wrong_kind(c, node, path, "a list of tasks");
        break;
    case CDZ_PROP_DAG:
        if (node->kind != CDZ_YAML_LIST)
            wrong_kind(c, node, path, "a list of tasks");
        break;
    case CDZ_PROP_CASES:
        if (node->kind != CDZ_YAML_MAP)
            wrong_kind(c, node, path, "a map of lists of tasks");
        break;
    }
    return CDZ_VAL_NULL;
}

/* Taken apart by others; only their presence and kind are checked here. */
static bool is_compiled_elsewhere(const struct cdz_prop *prop)
{
    return prop->kind == CDZ_PROP_TASKS || prop->kind == CDZ_PROP_CASES ||
           prop->kind == CDZ_PROP_DAG || prop->kind == CDZ_PROP_CONDITIONS ||
           prop->kind == CDZ_PROP_INPUTS;
}

/*
 * The node of a property's default. Plain scalars are typed here; YAML proper is only parsed where
 * there is some. A default that begins with "{{" is a text, although YAML would take it for a map.
 */
static struct cdz_yaml_node *fallback_node(struct cdz_compiler *c, const struct cdz_prop *prop,
                                           struct cdz_mark mark)
{
    cdz_str text = cdz_str_z(prop->fallback);
    struct cdz_yaml_node *node;
    struct cdz_err err;
    if (!text.n || !strchr("[{\"'|>&*!", text.p[0]) || cdz_str_starts(text, CDZ_STR("{{"))) {
        node = CDZ_NEW(c->work, struct cdz_yaml_node);
        node->kind = CDZ_YAML_SCALAR;
        node->text = text;
        node->val = has_expression(text) ? cdz_val_text(text) : cdz_yaml_scalar(text, c->work);
    } else if (cdz_yaml_parse(text, c->work, &node, NULL, NULL, &err) != CDZ_OK) {
        assert(!"a descriptor's default is no YAML");
        return NULL;
    }
    node->mark = mark;
    return node;
}

static const struct cdz_prop *find_prop(const struct cdz_prop *props, cdz_str name)
{
    for (; props && props->name; props++)
        if (cdz_str_is(name, props->name))
            return props;
    return NULL;
}

static void report_unknown(struct cdz_compiler *c, const struct cdz_yaml_pair *pair,
                           const struct cdz_prop *props, const struct cdz_prop *others,
                           const struct cdz_path *path)
{
    const struct cdz_prop *tables[] = {props, others};
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < CDZ_COUNT(tables); i++)
        for (const struct cdz_prop *p = tables[i]; p && p->name; p++)
            if (!(p->flags & CDZ_PROP_HIDDEN) &&
                cdz_is_nearer(pair->key, cdz_str_z(p->name), &best))
                nearest = p->name;
    struct cdz_path here = cdz_path_key(path, pair->key);
    const char *hint = cdz_compile_hint(c, nearest);
    if (c->options->lenient)
        cdz_compile_warning(c, pair->key_mark, &here, hint, "Unrecognized field \"%.*s\"",
                            CDZ_S(pair->key));
    else
        cdz_compile_error(c, pair->key_mark, &here, hint, "Unrecognized field \"%.*s\"",
                          CDZ_S(pair->key));
}

static void report_missing(struct cdz_compiler *c, const struct cdz_prop *prop,
                           struct cdz_mark mark, const struct cdz_path *path)
{
    cdz_compile_error(c, mark, path, NULL, "%s",
                      prop->flags & CDZ_PROP_NOT_EMPTY ? "must not be empty" : "must not be null");
}

cdz_val cdz_compile_props(struct cdz_compiler *c, const struct cdz_yaml_node *map,
                          const struct cdz_prop *props, const struct cdz_prop *others,
                          const struct cdz_path *path)
{
    for (size_t i = 0; i < map->n; i++)
        if (!find_prop(props, map->pairs[i].key) && !find_prop(others, map->pairs[i].key))
            report_unknown(c, &map->pairs[i], props, others, path);
    return cdz_compile_known(c, map, props, path);
}

cdz_val cdz_compile_known(struct cdz_compiler *c, const struct cdz_yaml_node *map,
                          const struct cdz_prop *props, const struct cdz_path *path)
{
    cdz_val ret = cdz_val_map(c->arena, 0);
    for (const struct cdz_prop *prop = props; prop && prop->name; prop++) {
        const struct cdz_yaml_node *node = cdz_yaml_get(map, prop->name);
        struct cdz_path here = cdz_path_key(path, cdz_str_z(prop->name));
        if (cdz_node_is_null(node) && (prop->flags & CDZ_PROP_REQUIRED) &&
            (node || !prop->fallback)) {
            report_missing(c, prop, node ? node->mark : map->mark, &here);
            continue;
        }
        if (cdz_node_is_null(node) && prop->fallback)
            node = fallback_node(c, prop, map->mark);
        if (cdz_node_is_null(node))
            continue;
        if ((prop->flags & CDZ_PROP_NOT_EMPTY) && node->kind != CDZ_YAML_SCALAR && !node->n)
            report_missing(c, prop, node->mark, &here);
        cdz_val v = cdz_compile_prop(c, prop, node, &here);
        if (!is_compiled_elsewhere(prop) && v.kind != CDZ_NULL)
            cdz_map_putz(c->arena, ret, prop->name, v);
    }
    return ret;
}

static bool is_alnum(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
}

cdz_str cdz_compile_id(struct cdz_compiler *c, const struct cdz_yaml_node *map, const char *key,
                       const char *more, const struct cdz_path *path)
{
    const struct cdz_yaml_node *node = cdz_yaml_get(map, key);
    struct cdz_path here = cdz_path_key(path, cdz_str_z(key));
    if (cdz_node_is_null(node) || (node->kind == CDZ_YAML_SCALAR && !node->text.n)) {
        cdz_compile_error(c, node ? node->mark : map->mark, &here, NULL,
                          cdz_node_is_null(node) ? "must not be null" : "must not be blank");
        return CDZ_STR("");
    }
    if (node->kind != CDZ_YAML_SCALAR) {
        wrong_kind(c, node, &here, "text");
        return CDZ_STR("");
    }
    bool good = is_alnum(node->text.p[0]);
    for (size_t i = 1; i < node->text.n; i++) {
        char ch = node->text.p[i];
        good = good && (is_alnum(ch) || (ch && strchr(more, ch)));
    }
    if (!good) {
        cdz_compile_error(c, node->mark, &here, NULL, "must match \"^[a-zA-Z0-9][a-zA-Z0-9%s]*\"",
                          more);
        return CDZ_STR("");
    }
    return cdz_compile_str(c, node->text);
}
