/*
 * defaults.c -- plugin defaults: filling values into every map of the document that has a matching
 * `type`, before anything is validated. reference/flow.md §8.
 *
 * Works on nodes, so that what comes from a default keeps the place where the default is written.
 * Nodes are shared (aliases) and never changed: what differs is made anew.
 *
 * Order: the flow's own defaults, then the server's. Of two that are not forced the earlier wins,
 * and the object's own value wins over both; of two forced ones the earlier wins, over the object
 * too. Maps are merged key by key, lists are concatenated, the default's items first.
 */
#include "model/compile.h"
#include "model/describe.h"

#include "base/limits.h"

struct plugin_default {
    cdz_str type;
    const char *canonical; /* if type is a type of the registry by any of its names; else NULL */
    struct cdz_yaml_node *values;
    bool forced;
};

struct cdz_defaults {
    struct cdz_compiler *c;
    CDZ_VEC(struct plugin_default) list;
    size_t nodes; /* made so far: merged documents are bounded as parsed ones are */
};

/* ---- reading ---- */

const struct cdz_prop cdz_default_props[] = {
    {"type", CDZ_PROP_STRING, CDZ_PROP_REQUIRED,
     .doc = "The type, or the beginning of several types' names."},
    {"forced", CDZ_PROP_BOOL, 0, "false", .doc = "True: wins over what the task says."},
    {"values", CDZ_PROP_MAP, CDZ_PROP_REQUIRED, .doc = "The values."},
    {0},
};

static const struct cdz_type *type_of(struct cdz_compiler *c, cdz_str name)
{
    return cdz_type_find(c->options->registry, name);
}

static bool has_prop(const struct cdz_prop *props, cdz_str name)
{
    for (; props && props->name; props++)
        if (cdz_str_is(name, props->name))
            return true;
    return false;
}

/* What objects of the type may have beside the properties of the type itself. */
static const struct cdz_prop *common_props(const struct cdz_type *type)
{
    return type->kind <= CDZ_UPDATING  ? cdz_task_props
           : type->kind == CDZ_TRIGGER ? cdz_trigger_props
                                       : NULL;
}

/* For a type that is known exactly, each value must be one of its properties. */
static void check_values(struct cdz_compiler *c, const struct plugin_default *d,
                         const struct cdz_path *path)
{
    const struct cdz_type *type = type_of(c, d->type);
    for (size_t i = 0; i < d->values->n; i++) {
        const struct cdz_yaml_pair *pair = &d->values->pairs[i];
        bool known =
            !type || has_prop(type->props, pair->key) || has_prop(common_props(type), pair->key);
        if (!known)
            cdz_compile_error(c, pair->key_mark, path, NULL,
                              "Invalid Plugin Default: No property '%.*s' exists in plugin '%.*s'",
                              CDZ_S(pair->key), CDZ_S(d->type));
        else if (cdz_node_is_null(pair->val))
            cdz_compile_error(c, pair->key_mark, path, NULL,
                              "Invalid Plugin Default: '%.*s' must not be null", CDZ_S(pair->key));
    }
}

static void read_list(struct cdz_defaults *d, const struct cdz_yaml_node *list,
                      const struct cdz_path *path)
{
    struct cdz_compiler *c = d->c;
    if (cdz_node_is_null(list))
        return;
    if (list->kind != CDZ_YAML_LIST) {
        cdz_compile_error(c, list->mark, path, NULL,
                          "must be a list of maps with `type` and `values`");
        return;
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct cdz_yaml_node *item = list->items[i];
        struct cdz_path here = {.up = path, .index = i, .item = true};
        if (item->kind != CDZ_YAML_MAP) {
            cdz_compile_error(c, item->mark, &here, NULL, "must be a map with `type` and `values`");
            continue;
        }
        size_t before = c->problems->errors;
        cdz_val props = cdz_compile_props(c, item, cdz_default_props, NULL, &here);
        if (c->problems->errors != before)
            continue;
        struct plugin_default def = {
            .type = cdz_val_str(cdz_map_getz(props, "type")),
            .values = cdz_yaml_get(item, "values"),
            .forced = cdz_map_getz(props, "forced").b,
        };
        const struct cdz_type *type = type_of(c, def.type);
        const struct cdz_known_type *known = cdz_known_type_find(def.type);
        def.canonical = type ? type->type : known ? known->type : NULL;
        check_values(c, &def, &here);
        CDZ_PUSH(c->work, &d->list, def);
    }
}

/* The server's defaults as nodes without a place. */
static struct cdz_yaml_node *node_of(struct cdz_compiler *c, cdz_val v, unsigned depth)
{
    struct cdz_yaml_node *node = CDZ_NEW(c->work, struct cdz_yaml_node);
    if (depth > CDZ_YAML_DEPTH_MAX)
        return node;
    if (v.kind == CDZ_LIST) {
        node->kind = CDZ_YAML_LIST;
        node->items = CDZ_NEW_N(c->work, struct cdz_yaml_node *, cdz_list_n(v));
        CDZ_LIST_EACH (item, v)
            node->items[node->n++] = node_of(c, *item, depth + 1);
    } else if (v.kind == CDZ_MAP) {
        node->kind = CDZ_YAML_MAP;
        node->pairs = CDZ_NEW_N(c->work, struct cdz_yaml_pair, cdz_map_n(v));
        CDZ_MAP_EACH (e, v)
            node->pairs[node->n++] =
                (struct cdz_yaml_pair){e->key, {0, 0}, node_of(c, e->val, depth + 1)};
    } else if (v.kind == CDZ_TEXT) {
        node->val = v;
        node->text = cdz_val_str(v);
        node->quoted = true;
    } else {
        struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
        cdz_expr_print(&text, v);
        node->val = v;
        node->text = cdz_buf_copy(&text, c->work);
    }
    return node;
}

/* ---- merging ---- */

static struct cdz_yaml_node *new_node(struct cdz_defaults *d, const struct cdz_yaml_node *like)
{
    struct cdz_yaml_node *node = CDZ_NEW(d->c->work, struct cdz_yaml_node);
    node->kind = like->kind;
    node->mark = like->mark;
    d->nodes++;
    return node;
}

/* Both maps: key by key. Both lists: a, then b. Else b, unless it is null. The place is that of
 * `place`. */
static struct cdz_yaml_node *merge(struct cdz_defaults *d, struct cdz_yaml_node *a,
                                   struct cdz_yaml_node *b, struct cdz_yaml_node *place)
{
    if (cdz_node_is_null(a))
        return b;
    if (cdz_node_is_null(b))
        return a;
    if (a->kind != b->kind || a->kind == CDZ_YAML_SCALAR || d->nodes > CDZ_YAML_NODES_MAX)
        return b;
    struct cdz_yaml_node *node = new_node(d, place);
    if (a->kind == CDZ_YAML_LIST) {
        node->items = CDZ_NEW_N(d->c->work, struct cdz_yaml_node *, a->n + b->n);
        for (size_t i = 0; i < a->n + b->n; i++)
            node->items[node->n++] = i < a->n ? a->items[i] : b->items[i - a->n];
        d->nodes += node->n;
        return node;
    }
    cdz_val at = cdz_val_map(d->c->work, a->n + b->n); /* key -> position */
    node->pairs = CDZ_NEW_N(d->c->work, struct cdz_yaml_pair, a->n + b->n);
    for (size_t i = 0; i < a->n; i++) {
        cdz_map_put(d->c->work, at, a->pairs[i].key, cdz_val_int((int64_t)node->n));
        node->pairs[node->n++] = a->pairs[i];
    }
    for (size_t i = 0; i < b->n; i++) {
        cdz_val *same = cdz_map_find(at, b->pairs[i].key);
        if (!same) {
            node->pairs[node->n++] = b->pairs[i];
            continue;
        }
        struct cdz_yaml_pair *pair = &node->pairs[same->i];
        struct cdz_yaml_node *merged = merge(d, pair->val, b->pairs[i].val, b->pairs[i].val);
        pair->key_mark = b->pairs[i].key_mark;
        pair->val = merged;
    }
    d->nodes += node->n;
    return node;
}

static bool matches(struct cdz_defaults *d, const struct plugin_default *def, cdz_str type)
{
    if (cdz_str_starts(type, def->type))
        return true;
    const struct cdz_type *have = type_of(d->c, type);
    const struct cdz_known_type *known = have ? NULL : cdz_known_type_find(type);
    const char *canonical = have ? have->type : known ? known->type : NULL;
    return canonical && ((def->canonical && !strcmp(canonical, def->canonical)) ||
                         cdz_str_starts(cdz_str_z(canonical), def->type));
}

/* A default for several types may have values that this one has no use for: they are left out. (The
 * name of a type may be the beginning of another's, too: Schedule, ScheduleOnDates.) */
static struct cdz_yaml_node *fitting(struct cdz_defaults *d, const struct plugin_default *def,
                                     cdz_str name)
{
    const struct cdz_type *type = type_of(d->c, name);
    if (!type || (def->canonical && !strcmp(def->canonical, type->type)))
        return def->values;
    struct cdz_yaml_node *node = new_node(d, def->values);
    node->pairs = CDZ_NEW_N(d->c->work, struct cdz_yaml_pair, def->values->n);
    for (size_t i = 0; i < def->values->n; i++)
        if (has_prop(type->props, def->values->pairs[i].key) ||
            has_prop(common_props(type), def->values->pairs[i].key))
            node->pairs[node->n++] = def->values->pairs[i];
    return node;
}

static struct cdz_yaml_node *fill(struct cdz_defaults *d, struct cdz_yaml_node *map, cdz_str type)
{
    struct cdz_yaml_node *ret = map;
    for (size_t i = 0; i < d->list.n; i++)
        if (!d->list.v[i].forced && matches(d, &d->list.v[i], type))
            ret = merge(d, fitting(d, &d->list.v[i], type), ret, map);
    for (size_t i = d->list.n; i-- > 0;) /* backwards: the first is the last to overwrite */
        if (d->list.v[i].forced && matches(d, &d->list.v[i], type))
            ret = merge(d, ret, fitting(d, &d->list.v[i], type), map);
    return ret;
}

/* Recursion is bounded by the depth of the document and of the defaults. */
static struct cdz_yaml_node *walk(struct cdz_defaults *d, struct cdz_yaml_node *node,
                                  unsigned depth)
{
    if (node->kind == CDZ_YAML_SCALAR || depth > 2 * CDZ_YAML_DEPTH_MAX ||
        d->nodes > CDZ_YAML_NODES_MAX)
        return node;
    struct cdz_yaml_node *type = cdz_yaml_get(node, "type");
    if (type && type->kind == CDZ_YAML_SCALAR && type->text.n)
        node = fill(d, node, type->text);
    struct cdz_yaml_node *copy = new_node(d, node);
    copy->n = node->n;
    if (node->kind == CDZ_YAML_LIST) {
        copy->items = CDZ_NEW_N(d->c->work, struct cdz_yaml_node *, node->n);
        for (size_t i = 0; i < node->n; i++)
            copy->items[i] = walk(d, node->items[i], depth + 1);
        return copy;
    }
    copy->pairs = CDZ_NEW_N(d->c->work, struct cdz_yaml_pair, node->n);
    for (size_t i = 0; i < node->n; i++) {
        cdz_str key = node->pairs[i].key;
        bool skip =
            depth == 0 && (cdz_str_is(key, "pluginDefaults") || cdz_str_is(key, "taskDefaults"));
        copy->pairs[i] = node->pairs[i];
        if (!skip)
            copy->pairs[i].val = walk(d, node->pairs[i].val, depth + 1);
    }
    return copy;
}

void cdz_read_defaults(struct cdz_compiler *c, const struct cdz_yaml_node *root)
{
    static const char *const names[] = {"pluginDefaults", "taskDefaults"};
    struct cdz_defaults *d = CDZ_NEW(c->work, struct cdz_defaults);
    d->c = c;
    for (size_t i = 0; i < CDZ_COUNT(names); i++) {
        struct cdz_path path = cdz_path_key(NULL, cdz_str_z(names[i]));
        read_list(d, cdz_yaml_get(root, names[i]), &path);
    }
    if (c->options->plugin_defaults.kind == CDZ_LIST) {
        struct cdz_path path = cdz_path_key(NULL, CDZ_STR("(pluginDefaults of the server)"));
        read_list(d, node_of(c, c->options->plugin_defaults, 0), &path);
    }
    c->defaults = d->list.n ? d : NULL;
}

struct cdz_yaml_node *cdz_fill_defaults(struct cdz_compiler *c, struct cdz_yaml_node *root)
{
    struct cdz_defaults *d = c->defaults;
    if (!d || root->kind != CDZ_YAML_MAP)
        return root;
    bool was_too_large = d->nodes > CDZ_YAML_NODES_MAX;
    struct cdz_yaml_node *ret = walk(d, root, 0);
    if (d->nodes > CDZ_YAML_NODES_MAX && !was_too_large)
        cdz_compile_error(c, root->mark, NULL, NULL,
                          "the flow is too large once plugin defaults are filled in");
    return ret;
}
