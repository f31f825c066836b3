/*
 * values.c -- values on their way through an expression: lazy ones materialised, templates read as
 * text, and the check that keeps values made by expressions small enough to be walked by anybody.
 */
#include "expr/eval.h"

cdz_val eval_plain(struct eval *e, cdz_val v)
{
    if (v.kind == CDZ_LAZY)
        return v.lazy->all(v.lazy, e->arena);
    if (v.kind == CDZ_TEMPLATE)
        return cdz_val_text(v.tpl->source);
    return v;
}

struct walk {
    size_t nodes;
    bool has_special; /* a lazy value or a template inside */
    const struct cdz_list *wanted;
    bool found;
};

/* False: too deep or too many nodes. */
static bool walk(struct walk *w, cdz_val v, unsigned depth)
{
    if (++w->nodes > EVAL_VALUE_NODES_MAX || depth > CDZ_JSON_DEPTH_MAX)
        return false;
    if (v.kind == CDZ_LAZY || v.kind == CDZ_TEMPLATE)
        w->has_special = true;
    if (v.kind == CDZ_LIST) {
        w->found |= v.list == w->wanted;
        CDZ_LIST_EACH (item, v) {
            if (!walk(w, *item, depth + 1))
                return false;
        }
    } else if (v.kind == CDZ_MAP) {
        CDZ_MAP_EACH (entry, v) {
            if (!walk(w, entry->val, depth + 1))
                return false;
        }
    }
    return true;
}

static cdz_rc walk_all(struct eval *e, struct walk *w, cdz_val v)
{
    if (!walk(w, v, 0))
        return cdz_fail(&e->err, CDZ_E_LIMIT, "value has more than %d parts or %u levels",
                        EVAL_VALUE_NODES_MAX, CDZ_JSON_DEPTH_MAX);
    return eval_step(e, (unsigned)(w->nodes / 64));
}

cdz_rc eval_plain_deep(struct eval *e, cdz_val *v)
{
    struct walk w = {0};
    *v = eval_plain(e, *v);
    if (v->kind != CDZ_LIST && v->kind != CDZ_MAP)
        return CDZ_OK;
    CDZ_TRY(walk_all(e, &w, *v));
    if (w.has_special)
        *v = cdz_val_copy(e->arena, *v);
    return CDZ_OK;
}

cdz_rc eval_check_value(struct eval *e, cdz_val v, const struct cdz_list *inside, bool *ret_holds)
{
    struct walk w = {.wanted = inside};
    if (v.kind == CDZ_LIST || v.kind == CDZ_MAP)
        CDZ_TRY(walk_all(e, &w, v));
    if (v.kind == CDZ_TEXT && v.n > CDZ_EXPR_OUTPUT_MAX)
        return cdz_fail(&e->err, CDZ_E_LIMIT, "text exceeds %u bytes", CDZ_EXPR_OUTPUT_MAX);
    if (ret_holds)
        *ret_holds = w.found;
    return CDZ_OK;
}

/* Most recently used first. */
void eval_own_list(struct eval *e, cdz_val list)
{
    size_t i = 0;
    while (i < EVAL_OWN_LISTS - 1 && e->own[i] != list.list)
        i++;
    memmove(e->own + 1, e->own, i * sizeof(e->own[0]));
    e->own[0] = list.list;
}

bool eval_owns_list(const struct eval *e, cdz_val list)
{
    for (size_t i = 0; i < EVAL_OWN_LISTS; i++) {
        if (e->own[i] == list.list)
            return true;
    }
    return false;
}
