/*
 * labels.c -- labels as they are written: a map, or a list of maps with `key` and `value`.
 */
#include "model/compile.h"
#include "model/describe.h"

const struct cdz_prop cdz_label_props[] = {
    {"key", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Key of the label."},
    {"value", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Value of the label."},
    {0},
};

/* The first of two with the same key counts. */
static void add(struct cdz_compiler *c, cdz_val labels, cdz_str key,
                const struct cdz_yaml_node *value, struct cdz_mark mark, unsigned flags,
                const struct cdz_path *path)
{
    if (cdz_node_is_null(value) || value->kind != CDZ_YAML_SCALAR) {
        cdz_compile_error(c, mark, path, NULL, "Unsupported type for key: %.*s", CDZ_S(key));
        return;
    }
    if ((flags & CDZ_LABELS_NO_SYSTEM) && cdz_str_starts(key, CDZ_STR("system.")) &&
        !cdz_str_is(key, "system.readOnly"))
        cdz_compile_error(
            c, mark, path, NULL,
            "System labels can only be set by Kestra itself, offending label: %.*s=%.*s",
            CDZ_S(key), CDZ_S(value->text));
    if (!cdz_map_find(labels, key))
        cdz_map_put(c->arena, labels, cdz_compile_str(c, key),
                    (flags & CDZ_LABELS_DYNAMIC) ? cdz_compile_text(c, value, path)
                                                 : cdz_val_text(cdz_compile_str(c, value->text)));
}

cdz_val cdz_compile_labels(struct cdz_compiler *c, const struct cdz_yaml_node *node, unsigned flags,
                           const struct cdz_path *path)
{
    cdz_val labels = cdz_val_map(c->arena, 0);
    if (cdz_node_is_null(node))
        return labels;
    if (node->kind == CDZ_YAML_SCALAR) {
        cdz_compile_error(c, node->mark, path, NULL,
                          "must be a map or a list of `key` and `value`");
        return labels;
    }
    if (node->kind == CDZ_YAML_MAP) {
        for (size_t i = 0; i < node->n; i++)
            add(c, labels, node->pairs[i].key, node->pairs[i].val, node->pairs[i].key_mark, flags,
                path);
        return labels;
    }
    for (size_t i = 0; i < node->n; i++) {
        const struct cdz_yaml_node *item = node->items[i];
        struct cdz_path here = cdz_path_item(path, i, item);
        if (!cdz_check_map(c, item, &here, "a map with `key` and `value`"))
            continue;
        cdz_val props = cdz_compile_props(c, item, cdz_label_props, NULL, &here);
        cdz_val key = cdz_map_getz(props, "key");
        if (key.kind == CDZ_TEXT && cdz_map_getz(props, "value").kind != CDZ_NULL)
            add(c, labels, cdz_val_str(key), cdz_yaml_get(item, "value"), item->mark, flags, &here);
    }
    return labels;
}
