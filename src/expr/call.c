/*
 * call.c -- calls of filters, tests, functions and macros, and the functions that need the
 * evaluator itself.
 *
 * Filters, tests and functions get plain values (no lazy ones, no templates, at any depth). What
 * they return is checked like every value made by an expression.
 */
#include "expr/eval.h"

static cdz_rc too_many(struct eval *e, uint32_t line, size_t position, size_t allowed)
{
    return eval_fail(
        e, line, "The argument at position %zu is not allowed. Only %zu argument(s) are allowed.",
        position, allowed);
}

static cdz_rc unknown_name(struct eval *e, uint32_t line, cdz_str name)
{
    return eval_fail(e, line, "The following named argument does not exist: %.*s",
                     CDZ_S(cdz_str_sub(name, 0, 80)));
}

static size_t row_args(const struct cdz_callable *row)
{
    size_t n = 0;
    while (n < CDZ_EXPR_ARGS_MAX && row->args[n])
        n++;
    return n;
}

/* Evaluates an argument for a row. */
static cdz_rc eval_arg(struct eval *e, const struct node *n, cdz_val *ret)
{
    CDZ_TRY(eval_expr(e, n, ret));
    return eval_plain_deep(e, ret);
}

static cdz_rc bind(struct eval *e, const struct args *args, const struct cdz_callable *row,
                   struct cdz_call *call)
{
    size_t allowed = row_args(row);
    if (row->variadic) {
        cdz_val *rest = CDZ_NEW_N(e->arena, cdz_val, args->pos_n);
        for (size_t i = 0; i < args->pos_n; i++)
            CDZ_TRY(eval_arg(e, args->pos[i], &rest[i]));
        call->rest = rest;
        call->rest_count = args->pos_n;
        return args->named_n ? unknown_name(e, args->line, args->named[0].name) : CDZ_OK;
    }
    for (size_t i = 0; i < args->pos_n; i++) {
        if (i >= allowed)
            return too_many(e, args->line, i + 1, allowed);
        CDZ_TRY(eval_arg(e, args->pos[i], &call->args[i]));
        call->given[i] = true;
    }
    for (size_t i = 0; i < args->named_n; i++) {
        size_t slot = 0;
        while (slot < allowed && !cdz_str_is(args->named[i].name, row->args[slot]))
            slot++;
        if (slot == allowed)
            return unknown_name(e, args->line, args->named[i].name);
        CDZ_TRY(eval_arg(e, args->named[i].val, &call->args[slot]));
        call->given[slot] = true;
    }
    return CDZ_OK;
}

static cdz_rc run(struct eval *e, uint32_t line, const struct cdz_callable *row,
                  struct cdz_call *call, cdz_val *ret)
{
    call->env = e->env;
    call->arena = e->arena;
    call->name = row->name;
    call->err = &e->err;
    call->eval = e;
    cdz_val result = CDZ_VAL_NULL;
    cdz_rc rc = row->fn(call, &result);
    if (rc == CDZ_E_EXPRESSION) { /* the row knows no place: see registry.h */
        char message[sizeof(e->err.text)];
        snprintf(message, sizeof(message), "%s", e->err.text);
        return eval_fail(e, line, "%s", message);
    }
    CDZ_TRY(rc);
    CDZ_TRY(eval_check_value(e, result, NULL, NULL));
    *ret = result;
    return CDZ_OK;
}

cdz_rc eval_callable(struct eval *e, const struct node *n, const struct cdz_callable *row,
                     cdz_val input, cdz_val *ret)
{
    struct cdz_call call = {0};
    CDZ_TRY(bind(e, n->call.args, row, &call));
    CDZ_TRY(eval_plain_deep(e, &input));
    call.input = input;
    return run(e, n->line, row, &call, ret);
}

cdz_rc eval_call_row(struct eval *e, uint32_t line, const struct cdz_callable *row, cdz_val input,
                     const cdz_val *args, size_t n, cdz_val *ret)
{
    struct cdz_call call = {.input = input};
    for (size_t i = 0; i < n && i < CDZ_EXPR_ARGS_MAX; i++) {
        call.args[i] = args[i];
        call.given[i] = true;
    }
    call.rest = args;
    call.rest_count = n;
    return run(e, line, row, &call, ret);
}

/* --- macros --- */

static const struct macro *find_macro(const struct eval *e, cdz_str name)
{
    for (size_t i = 0; i < e->tpl->macro_n; i++) {
        if (cdz_str_eq(e->tpl->macros[i].name, name))
            return &e->tpl->macros[i];
    }
    return NULL;
}

/* The caller's arguments, evaluated in the caller's scope, in a map. */
static cdz_rc bind_macro(struct eval *e, const struct macro *m, const struct args *args,
                         cdz_val given)
{
    cdz_val v;
    for (size_t i = 0; i < args->pos_n; i++) {
        if (i >= m->params->named_n)
            return too_many(e, args->line, i + 1, m->params->named_n);
        CDZ_TRY(eval_expr(e, args->pos[i], &v));
        cdz_map_put(e->arena, given, m->params->named[i].name, v);
    }
    for (size_t i = 0; i < args->named_n; i++) {
        size_t slot = 0;
        while (slot < m->params->named_n &&
               !cdz_str_eq(m->params->named[slot].name, args->named[i].name))
            slot++;
        if (slot == m->params->named_n)
            return unknown_name(e, args->line, args->named[i].name);
        CDZ_TRY(eval_expr(e, args->named[i].val, &v));
        cdz_map_put(e->arena, given, args->named[i].name, v);
    }
    return CDZ_OK;
}

static cdz_rc run_macro(struct eval *e, const struct macro *m, cdz_val given, cdz_val *ret)
{
    cdz_rc rc = CDZ_OK;
    for (size_t i = 0; i < m->params->named_n && rc == CDZ_OK; i++) {
        const struct named_arg *param = &m->params->named[i];
        cdz_val v = CDZ_VAL_NULL, *have = cdz_map_find(given, param->name);
        if (have)
            v = *have;
        else if (param->val)
            rc = eval_expr(e, param->val, &v);
        eval_scope_put(e, param->name, v);
    }
    return rc == CDZ_OK ? eval_capture(e, m->body, ret) : rc;
}

static cdz_rc call_macro(struct eval *e, const struct node *n, cdz_val *ret)
{
    const struct macro *m = find_macro(e, n->call.name);
    struct scope scope;
    cdz_val given = cdz_val_map(e->arena, n->call.args->pos_n + n->call.args->named_n);
    if (!m)
        return eval_fail(e, n->line, "Function or Macro [%.*s] does not exist.",
                         CDZ_S(cdz_str_sub(n->call.name, 0, 80)));
    CDZ_TRY(bind_macro(e, m, n->call.args, given));
    eval_scope_open(e, &scope, true);
    cdz_rc rc = run_macro(e, m, given, ret);
    eval_scope_close(e);
    return rc;
}

/* --- functions of the evaluator --- */

/* Bound by the same rules as other functions; the row has no code of its own. */
static cdz_rc bind_special(struct eval *e, const struct node *n, const struct cdz_callable *row,
                           struct cdz_call *call)
{
    const struct args *args = n->call.args;
    size_t allowed = row_args(row);
    for (size_t i = 0; i < args->pos_n; i++) {
        if (i >= allowed)
            return too_many(e, args->line, i + 1, allowed);
        CDZ_TRY(eval_expr(e, args->pos[i],
                          &call->args[i])); /* as it is: render() wants the template itself */
        call->given[i] = true;
    }
    for (size_t i = 0; i < args->named_n; i++) {
        size_t slot = 0;
        while (slot < allowed && !cdz_str_is(args->named[i].name, row->args[slot]))
            slot++;
        if (slot == allowed)
            return unknown_name(e, args->line, args->named[i].name);
        CDZ_TRY(eval_expr(e, args->named[i].val, &call->args[slot]));
        call->given[slot] = true;
    }
    if (allowed > 0 && !call->given[0])
        return eval_fail(e, n->line, "The '%s' function expects an argument '%s'.", row->name,
                         row->args[0]);
    return CDZ_OK;
}

static cdz_rc call_render(struct eval *e, const struct node *n, bool once, cdz_val *ret)
{
    static const struct cdz_callable render = {"render", {"toRender", "recursive"}, NULL, false};
    static const struct cdz_callable render_once = {"renderOnce", {"toRender"}, NULL, false};
    struct cdz_call call = {0};
    bool recursive = !once;
    CDZ_TRY(bind_special(e, n, once ? &render_once : &render, &call));
    if (!cdz_val_is_null(call.args[1])) {
        if (call.args[1].kind != CDZ_BOOL)
            return eval_fail(e, n->line, "The 'recursive' argument must be a optional boolean.");
        recursive = call.args[1].b;
    }
    struct cdz_err err;
    cdz_rc rc = eval_render_value(call.args[0], e->env, e, recursive, e->arena, ret, &err);
    if (rc != CDZ_OK) { /* the inner template has given its own place */
        e->err = err;
        e->message_n = strlen(err.text);
        return rc;
    }
    return eval_check_value(e, *ret, NULL, NULL);
}

static cdz_rc call_block(struct eval *e, const struct node *n, cdz_val *ret)
{
    static const struct cdz_callable row = {"block", {"name"}, NULL, false};
    struct cdz_call call = {0};
    cdz_str name;
    CDZ_TRY(bind_special(e, n, &row, &call));
    CDZ_TRY(eval_java_text(e, eval_plain(e, call.args[0]), &name));
    *ret = cdz_val_text(CDZ_STR(""));
    for (size_t i = e->tpl->block_n; i-- > 0;) {
        if (cdz_str_eq(e->tpl->blocks[i]->name, name))
            return eval_capture(e, e->tpl->blocks[i]->body, ret);
    }
    return CDZ_OK;
}

static cdz_rc call_context(struct eval *e, const struct node *n, cdz_val *ret)
{
    static const struct cdz_callable row = {"printContext", {NULL}, NULL, false};
    struct cdz_call call = {0};
    CDZ_TRY(bind_special(e, n, &row, &call));
    cdz_val all = cdz_val_map(e->arena, 0);
    if (e->env->all) {
        cdz_val from = eval_plain(e, e->env->all(e->env, e->arena));
        if (from.kind == CDZ_MAP) {
            CDZ_MAP_EACH (entry, from)
                cdz_map_put(e->arena, all, entry->key, entry->val);
        }
    }
    /* Inner scopes last would be wrong: the innermost value of a name counts, so only absent names
     * are added. */
    cdz_val set = cdz_val_map(e->arena, 0);
    for (const struct scope *s = e->scope; s && !s->is_local; s = s->up) {
        if (cdz_val_is_null(s->vars))
            continue;
        CDZ_MAP_EACH (var, s->vars) {
            if (!cdz_map_find(set, var->key))
                cdz_map_put(e->arena, set, var->key, var->val);
        }
    }
    CDZ_MAP_EACH (var, set)
        cdz_map_put(e->arena, all, var->key, var->val);
    *ret = all;
    return CDZ_OK;
}

/* One step of currentEachOutput: outputs[taskrun.value], when that taskrun has a value. */
static cdz_rc each_step(struct eval *e, const struct node *n, cdz_val taskrun, bool required,
                        cdz_val *outputs)
{
    cdz_val value, found;
    cdz_str key;
    taskrun = eval_plain(e, taskrun);
    value = eval_plain(e, cdz_map_getz(taskrun, "value"));
    if (cdz_val_is_null(value) && !required)
        return CDZ_OK;
    CDZ_TRY(eval_java_text(e, value, &key));
    if (outputs->kind == CDZ_LAZY) {
        if (!outputs->lazy->get(outputs->lazy, key, e->arena, &found))
            return eval_undefined(e, n->line, key);
    } else {
        cdz_val *at = cdz_map_find(*outputs, key);
        if (!at)
            return eval_undefined(e, n->line, key);
        found = *at;
    }
    *outputs = found;
    return CDZ_OK;
}

/* outputs[outermost parent's value]...[closest parent's value][taskrun.value] */
static cdz_rc call_each_output(struct eval *e, const struct node *n, cdz_val *ret)
{
    static const struct cdz_callable row = {"currentEachOutput", {"outputs"}, NULL, false};
    struct cdz_call call = {0};
    cdz_val parents, taskrun;
    CDZ_TRY(bind_special(e, n, &row, &call));
    cdz_val outputs = call.args[0];
    if (outputs.kind != CDZ_MAP && outputs.kind != CDZ_LAZY)
        return eval_fail(
            e, n->line,
            "The 'currentEachOutput' function expects an argument 'outputs' with type map.");
    if (eval_lookup(e, CDZ_STR("parents"), &parents)) {
        parents = eval_plain(e, parents);
        for (size_t i = parents.kind == CDZ_LIST ? cdz_list_n(parents) : 0; i-- > 0;) {
            cdz_val parent = eval_plain(e, cdz_list_at(parents, i));
            CDZ_TRY(each_step(e, n, cdz_map_getz(parent, "taskrun"), false, &outputs));
        }
    }
    if (!eval_lookup(e, CDZ_STR("taskrun"), &taskrun))
        return eval_undefined(e, n->line, CDZ_STR("taskrun"));
    CDZ_TRY(each_step(e, n, taskrun, true, &outputs));
    *ret = outputs;
    return CDZ_OK;
}

cdz_rc eval_call(struct eval *e, const struct node *n, cdz_val *ret)
{
    switch ((enum special)n->special) {
    case SPECIAL_RENDER:
    case SPECIAL_RENDER_ONCE:
        if (e->env->recursive) /* everything is rendered again anyway: the original has no such
                                  functions then */
            break;
        return call_render(e, n, n->special == SPECIAL_RENDER_ONCE, ret);
    case SPECIAL_BLOCK:
        return call_block(e, n, ret);
    case SPECIAL_PARENT:
        return eval_fail(
            e, n->line,
            "Can not use parent function if template does not extend another template.");
    case SPECIAL_PRINT_CONTEXT:
    case SPECIAL_FETCH_CONTEXT:
        return call_context(e, n, ret);
    case SPECIAL_EACH_OUTPUT:
        return call_each_output(e, n, ret);
    case SPECIAL_NONE:
    case SPECIAL_DEFAULT:
    case SPECIAL_DEFINED:
        break;
    }
    if (n->call.row)
        return eval_callable(e, n, n->call.row, CDZ_VAL_NULL, ret);
    return call_macro(e, n, ret);
}
