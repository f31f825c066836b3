/*
 * template.c -- the public functions of expr.h over parser and evaluator: compile, render, and both
 * for whole values.
 */
#include "expr/eval.h"

#include "expr/lexer.h"

static bool map_lookup(struct cdz_env *env, cdz_str name, CDZ_UNUSED struct cdz_arena *arena,
                       cdz_val *ret)
{
    cdz_val *v = cdz_map_find(((struct cdz_map_env *)env)->vars, name);
    if (v)
        *ret = *v;
    return v != NULL;
}

static cdz_val map_all(struct cdz_env *env, CDZ_UNUSED struct cdz_arena *arena)
{
    return ((struct cdz_map_env *)env)->vars;
}

void cdz_map_env_init(struct cdz_map_env *ret, cdz_val vars)
{
    *ret = (struct cdz_map_env){.env = {.lookup = map_lookup, .all = map_all}, .vars = vars};
}

cdz_rc cdz_template_compile(cdz_str text, struct cdz_arena *arena, const struct cdz_template **ret,
                            struct cdz_err *err)
{
    struct cdz_template *t = CDZ_NEW(arena, struct cdz_template);
    t->source = cdz_arena_str(arena, text);
    t->constant = !expr_has_delimiter(t->source);
    if (!t->constant)
        CDZ_TRY(expr_parse(t->source, arena, t, err));
    *ret = t;
    return CDZ_OK;
}

bool cdz_template_is_constant(const struct cdz_template *tpl)
{
    return tpl->constant;
}

cdz_rc cdz_template_render(const struct cdz_template *tpl, struct cdz_env *env,
                           struct cdz_arena *arena, cdz_str *ret, struct cdz_err *err)
{
    cdz_val v;
    CDZ_TRY(eval_text(tpl->source, tpl, env, NULL, EVAL_TEXT, env->recursive, arena, &v, err));
    *ret = cdz_val_str(v);
    return CDZ_OK;
}

cdz_rc cdz_template_eval(const struct cdz_template *tpl, struct cdz_env *env,
                         struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    return eval_text(tpl->source, tpl, env, NULL, EVAL_TYPED, env->recursive, arena, ret, err);
}

cdz_rc cdz_expr_render(cdz_str text, struct cdz_env *env, struct cdz_arena *arena, cdz_str *ret,
                       struct cdz_err *err)
{
    cdz_val v;
    CDZ_TRY(eval_text(text, NULL, env, NULL, EVAL_TEXT, env->recursive, arena, &v, err));
    *ret = cdz_val_str(v);
    return CDZ_OK;
}

cdz_rc cdz_expr_eval(cdz_str text, struct cdz_env *env, struct cdz_arena *arena, cdz_val *ret,
                     struct cdz_err *err)
{
    return eval_text(text, NULL, env, NULL, EVAL_TYPED, env->recursive, arena, ret, err);
}

struct compile {
    struct cdz_arena *arena;
    void (*on_error)(void *ctx, const cdz_val *at, const struct cdz_err *err);
    void *ctx;
};

static cdz_val compile_value(const struct compile *c, cdz_val v, unsigned depth)
{
    if (depth > CDZ_JSON_DEPTH_MAX)
        return v;
    if (v.kind == CDZ_LIST) {
        cdz_val to = cdz_val_list(c->arena, cdz_list_n(v));
        to.sub = v.sub;
        to.mark = v.mark;
        CDZ_LIST_EACH (item, v)
            cdz_list_push(c->arena, to, compile_value(c, *item, depth + 1));
        return to;
    }
    if (v.kind == CDZ_MAP) {
        cdz_val to = cdz_val_map(c->arena, cdz_map_n(v));
        to.sub = v.sub;
        to.mark = v.mark;
        CDZ_MAP_EACH (entry, v)
            cdz_map_put(c->arena, to, entry->key, compile_value(c, entry->val, depth + 1));
        return to;
    }
    if (v.kind != CDZ_TEXT || !expr_has_delimiter(cdz_val_str(v)))
        return v;
    const struct cdz_template *tpl;
    struct cdz_err err;
    if (cdz_template_compile(cdz_val_str(v), c->arena, &tpl, &err) != CDZ_OK) {
        if (c->on_error)
            c->on_error(c->ctx, &v, &err);
        return v;
    }
    return (cdz_val){.kind = CDZ_TEMPLATE, .mark = v.mark, .tpl = tpl};
}

cdz_val cdz_val_compile(cdz_val v, struct cdz_arena *arena,
                        void (*on_error)(void *ctx, const cdz_val *at, const struct cdz_err *err),
                        void *ctx)
{
    const struct compile c = {arena, on_error, ctx};
    return compile_value(&c, v, 0);
}

cdz_rc cdz_val_render(cdz_val v, struct cdz_env *env, struct cdz_arena *arena, cdz_val *ret,
                      struct cdz_err *err)
{
    return eval_render_value(v, env, NULL, env->recursive, arena, ret, err);
}

bool cdz_truthy(cdz_str rendered)
{
    return rendered.n > 0 && !cdz_str_is(rendered, "0") && !cdz_str_is(rendered, "-0") &&
           !cdz_str_is(rendered, "false");
}
