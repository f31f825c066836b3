/*
 * tree.c -- walking nodes: to plain values, by key; and the split of a text into its documents.
 */
#include "yaml/internal.h"

/* Recursion is bounded: cdz_yaml_parse refuses what is nested deeper than CDZ_YAML_DEPTH_MAX. */
cdz_val cdz_yaml_val(const struct cdz_yaml_node *node, struct cdz_arena *arena)
{
    cdz_val ret = node->val;
    switch (node->kind) {
    case CDZ_YAML_SCALAR:
        break;
    case CDZ_YAML_LIST:
        ret = cdz_val_list(arena, node->n);
        for (size_t i = 0; i < node->n; i++)
            cdz_list_push(arena, ret, cdz_yaml_val(node->items[i], arena));
        break;
    case CDZ_YAML_MAP:
        ret = cdz_val_map(arena, node->n);
        for (size_t i = 0; i < node->n; i++)
            cdz_map_put(arena, ret, node->pairs[i].key, cdz_yaml_val(node->pairs[i].val, arena));
        break;
    }
    return ret;
}

cdz_rc cdz_yaml_parse_val(cdz_str text, struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    struct cdz_yaml_node *root;
    CDZ_TRY(cdz_yaml_parse(text, arena, &root, NULL, NULL, err));
    *ret = cdz_yaml_val(root, arena);
    return CDZ_OK;
}

/* True for a line that is `---`, perhaps with blanks or a comment behind it. */
static bool is_separator(cdz_str line)
{
    if (!cdz_str_starts(line, CDZ_STR("---")))
        return false;
    cdz_str rest = cdz_str_sub(line, 3, line.n), trimmed = cdz_str_trim(rest);
    return !trimmed.n || (rest.p != trimmed.p && trimmed.p[0] == '#');
}

static bool is_blank(cdz_str s)
{
    return cdz_str_trim(s).n == 0;
}

size_t cdz_yaml_split(cdz_str text, struct cdz_arena *arena, cdz_str **ret)
{
    CDZ_VEC(cdz_str) parts = {0};
    size_t from = 0;
    for (size_t at = 0; at < text.n;) {
        size_t end = cdz_str_chr(text, '\n', at);
        size_t next = end == SIZE_MAX ? text.n : end + 1;
        if (is_separator(cdz_str_sub(text, at, end == SIZE_MAX ? text.n : end))) {
            if (!is_blank(cdz_str_sub(text, from, at)))
                CDZ_PUSH(arena, &parts, cdz_str_sub(text, from, at));
            from = next;
        }
        at = next;
    }
    if (!is_blank(cdz_str_sub(text, from, text.n)))
        CDZ_PUSH(arena, &parts, cdz_str_sub(text, from, text.n));
    *ret = parts.v;
    return parts.n;
}

struct cdz_yaml_node *cdz_yaml_get(const struct cdz_yaml_node *node, const char *key)
{
    if (!node || node->kind != CDZ_YAML_MAP)
        return NULL;
    for (size_t i = 0; i < node->n; i++)
        if (cdz_str_is(node->pairs[i].key, key))
            return node->pairs[i].val;
    return NULL;
}
