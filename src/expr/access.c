/*
 * access.c -- obj.name and obj[key]. Maps give entries, lists give items by index; anything else,
 * and a list's name that is no number, is a method without arguments ("abc".length, list.size;
 * methods.c).
 */
#include "expr/eval.h"

static cdz_rc map_item(struct eval *e, const struct node *n, cdz_val map, cdz_val key, cdz_str name,
                       cdz_val *ret)
{
    bool is_lazy = map.kind == CDZ_LAZY;
    if (eval_is_number(key) && (is_lazy || map.sub != MAP_OF_NUMBERS)) {
        if (!is_lazy && cdz_map_n(map) == 0)
            return eval_undefined(e, n->line, name);
        return eval_fail(e, n->line, "type class java.lang.String not supported for key %.*s",
                         CDZ_S(name));
    }
    if (key.kind != CDZ_TEXT && !eval_is_number(key)) /* null or a boolean: no such key */
        return eval_undefined(e, n->line, name);
    if (is_lazy)
        return map.lazy->get(map.lazy, name, e->arena, ret) ? CDZ_OK
                                                            : eval_undefined(e, n->line, name);
    cdz_val *item = cdz_map_find(map, name);
    if (!item)
        return eval_undefined(e, n->line, name);
    *ret = *item;
    return CDZ_OK;
}

cdz_rc eval_attribute(struct eval *e, const struct node *n, cdz_val obj, cdz_val key, cdz_val *ret)
{
    cdz_str name;
    int64_t index;
    bool found = false;
    CDZ_TRY(eval_java_text(e, key, &name));
    if (cdz_val_is_null(obj))
        return eval_undefined(e, n->line, n->left->kind == N_VAR ? n->left->name : name);
    if (obj.kind == CDZ_MAP || obj.kind == CDZ_LAZY)
        return map_item(e, n, obj, key, name, ret);
    if (obj.kind == CDZ_LIST && cdz_str_to_i64(name, &index)) {
        if (index < 0 || (uint64_t)index >= cdz_list_n(obj))
            return eval_undefined(e, n->line, name);
        *ret = cdz_list_at(obj, (size_t)index);
        return CDZ_OK;
    }
    if (obj.kind != CDZ_LIST || obj.sub != CDZ_ARRAY)
        CDZ_TRY(eval_method(e, n->line, eval_plain(e, obj), name, NULL, 0, &found, ret));
    return found ? CDZ_OK : eval_undefined(e, n->line, name);
}
