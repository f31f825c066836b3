/*
 * eval.c -- statements of a template, its scopes, and the entry points that render one.
 *
 * A sink takes what is printed: text goes to a buffer; in TYPED mode the values themselves are
 * kept, because a template that prints one value stands for that value.
 */
#include "expr/eval.h"

#include "expr/lexer.h"

#include <assert.h>

struct sink {
    enum eval_mode mode;
    struct cdz_buf *buf;
    cdz_val val; /* TYPED: what has been printed so far; null: nothing */
};

static cdz_rc render_body(struct eval *e, const struct body *body, struct sink *to);

/* --- bounds --- */

cdz_rc eval_step(struct eval *e, unsigned n)
{
    struct cdz_env *env = e->env;
    if (env->steps_left <= n)
        return cdz_fail(&e->err, CDZ_E_LIMIT, "expression takes more than %u steps",
                        CDZ_EXPR_STEPS_MAX);
    env->steps_left -= n;
    if (cdz_arena_used(e->arena) - e->arena_start > EVAL_ARENA_BYTES_MAX)
        return cdz_fail(&e->err, CDZ_E_LIMIT, "expression needs more than %zu bytes",
                        EVAL_ARENA_BYTES_MAX);
    return CDZ_OK;
}

static cdz_rc enter_call(struct eval *e)
{
    if (e->call_depth >= CDZ_EXPR_DEPTH_MAX)
        return cdz_fail(&e->err, CDZ_E_LIMIT, "macros and blocks nested more than %u levels deep",
                        CDZ_EXPR_DEPTH_MAX);
    e->call_depth++;
    return CDZ_OK;
}

/* --- scopes --- */

void eval_scope_open(struct eval *e, struct scope *scope, bool is_local)
{
    *scope = (struct scope){e->scope, is_local, CDZ_VAL_NULL};
    e->scope = scope;
}

void eval_scope_close(struct eval *e)
{
    e->scope = e->scope->up;
}

static void put_in(struct eval *e, struct scope *scope, cdz_str name, cdz_val v)
{
    if (cdz_val_is_null(scope->vars))
        scope->vars = cdz_val_map(e->arena, 4);
    cdz_map_put(e->arena, scope->vars, name, v);
}

void eval_scope_put(struct eval *e, cdz_str name, cdz_val v)
{
    put_in(e, e->scope, name, v);
}

/* Looks in the scopes only. *ret_stopped: a macro's border hides everything further out. */
static bool lookup_scopes(const struct eval *e, cdz_str name, bool *ret_stopped, cdz_val *ret)
{
    for (const struct scope *s = e->scope; s; s = s->up) {
        cdz_val *v = cdz_map_find(s->vars, name);
        if (v) {
            *ret = *v;
            return true;
        }
        if (s->is_local) {
            *ret_stopped = true;
            return false;
        }
    }
    return false;
}

bool eval_lookup(struct eval *e, cdz_str name, cdz_val *ret)
{
    bool stopped = false;
    if (lookup_scopes(e, name, &stopped, ret))
        return true;
    if (stopped)
        return false;
    /* A text given to render() sees the variables that are set where render() stands. */
    for (const struct eval *o = e->outer; o; o = o->outer) {
        if (lookup_scopes(o, name, &stopped, ret))
            return true;
    }
    return e->env->lookup(e->env, name, e->arena, ret);
}

/*
 * {% set %}: the nearest scope that has the name, up to a macro's border; else a name of the
 * environment is overlaid for the whole template; else the innermost scope.
 */
static void set_variable(struct eval *e, cdz_str name, cdz_val v)
{
    struct scope *s = e->scope, *last = s;
    for (; s; last = s, s = s->up) {
        if (s->is_local || cdz_map_find(s->vars, name)) {
            put_in(e, s, name, v);
            return;
        }
    }
    cdz_val old;
    put_in(e, e->env->lookup(e->env, name, e->arena, &old) ? last : e->scope, name, v);
}

/* --- printing --- */

static cdz_rc check_output(struct eval *e, const struct cdz_buf *buf)
{
    if (buf->overflow)
        return cdz_fail(&e->err, CDZ_E_LIMIT, "rendered text exceeds %u bytes",
                        CDZ_EXPR_OUTPUT_MAX);
    return CDZ_OK;
}

/* TYPED: a second value is added to the first when both are of one type. */
static cdz_rc add_typed(struct eval *e, uint32_t line, struct sink *to, cdz_val v)
{
    cdz_val *sum = &to->val;
    if (cdz_val_is_null(*sum)) {
        *sum = v;
        return CDZ_OK;
    }
    if (sum->kind != v.kind || sum->sub != v.sub || (v.kind != CDZ_TEXT && !eval_is_number(v)))
        return eval_fail(e, line, "Tried to add %s to %s", cdz_java_class(v), cdz_java_class(*sum));
    if (v.kind == CDZ_TEXT)
        return eval_concat(e, *sum, v, sum);
    return eval_arithmetic(e, line, OP_ADD, *sum, v, sum);
}

static cdz_rc print_text(struct eval *e, uint32_t line, struct sink *to, cdz_str text)
{
    if (to->mode == EVAL_TYPED)
        return add_typed(e, line, to, cdz_val_text(text));
    cdz_buf_str(to->buf, text);
    return check_output(e, to->buf);
}

static cdz_rc print_value(struct eval *e, uint32_t line, struct sink *to, cdz_val v)
{
    CDZ_TRY(eval_plain_deep(e, &v));
    if (cdz_val_is_null(v))
        return CDZ_OK;
    if (to->mode == EVAL_TYPED)
        return add_typed(e, line, to, v);
    cdz_expr_print(to->buf, v);
    return check_output(e, to->buf);
}

/* --- statements --- */

static cdz_rc render_if(struct eval *e, const struct stmt *s, struct sink *to)
{
    static const char wrong[] = "Wrong operand(s) type in conditional expression";
    for (size_t i = 0; i < s->branch_n; i++) {
        cdz_val v;
        bool is_true = true;
        if (s->branches[i].cond) {
            cdz_rc rc = eval_expr(e, s->branches[i].cond, &v);
            if (rc != CDZ_OK)
                return eval_wrap(e, s->line, rc, wrong);
            v = eval_plain(e, v);
            if (cdz_val_is_null(v))
                return eval_fail(
                    e, s->line,
                    "%s: null value given to if statement and strict variables is set to true",
                    wrong);
            if (!eval_truth(v, &is_true))
                return eval_fail(e, s->line,
                                 "%s: Unsupported value type %s. Expected Boolean, String, Number "
                                 "in \"if\" statement",
                                 wrong, cdz_java_class(v));
        }
        if (is_true)
            return render_body(e, s->branches[i].body, to);
    }
    return CDZ_OK;
}

/* The items of what a for walks over: a list, or the entries of a map as maps {key, value}. */
static cdz_rc loop_items(struct eval *e, const struct stmt *s, cdz_val over, cdz_val *ret)
{
    if (over.kind == CDZ_LIST) {
        *ret = over;
        return CDZ_OK;
    }
    if (over.kind != CDZ_MAP) {
        cdz_str text;
        CDZ_TRY(eval_java_text(e, over, &text));
        return eval_fail(e, s->line, "Not an iterable object. Value = [%.*s]",
                         CDZ_S(cdz_str_sub(text, 0, 80)));
    }
    CDZ_TRY(eval_step(e, (unsigned)(cdz_map_n(over) / 16)));
    *ret = cdz_val_list(e->arena, cdz_map_n(over));
    CDZ_MAP_EACH (entry, over) {
        cdz_val item = cdz_val_map(e->arena, 2);
        cdz_map_putz(e->arena, item, "key", cdz_val_text(entry->key));
        cdz_map_putz(e->arena, item, "value", entry->val);
        cdz_list_push(e->arena, *ret, item);
    }
    return CDZ_OK;
}

/* The `loop` map: made once per loop and changed for each item, as the original does. */
enum { LOOP_INDEX, LOOP_LENGTH, LOOP_FIRST, LOOP_LAST, LOOP_REVINDEX, LOOP_COUNT };

static cdz_val loop_open(struct eval *e)
{
    static const char *const names[] = {"index", "length", "first", "last", "revindex"};
    cdz_val loop = cdz_val_map(e->arena, LOOP_COUNT);
    for (size_t i = 0; i < LOOP_COUNT; i++)
        cdz_map_putz(e->arena, loop, names[i], CDZ_VAL_NULL);
    return loop;
}

static void loop_move(cdz_val loop, size_t index, size_t length)
{
    struct cdz_entry *v = loop.map->v; /* in the order of loop_open */
    v[LOOP_INDEX].val = cdz_val_i32((int32_t)index);
    v[LOOP_LENGTH].val = cdz_val_i32((int32_t)length);
    v[LOOP_FIRST].val = cdz_val_bool(index == 0);
    v[LOOP_LAST].val = cdz_val_bool(index + 1 == length);
    v[LOOP_REVINDEX].val = cdz_val_i32((int32_t)(length - index - 1));
}

static cdz_rc render_for(struct eval *e, const struct stmt *s, struct sink *to)
{
    cdz_val over, items;
    CDZ_TRY(eval_expr(e, s->expr, &over));
    over = eval_plain(e, over);
    if (cdz_val_is_null(over))
        return CDZ_OK; /* not even the else */
    CDZ_TRY(loop_items(e, s, over, &items));
    /* The body may grow the list in place (`l + x`): the loop keeps to what was there at its start.
     */
    size_t length = cdz_list_n(items);
    if (length == 0)
        return s->other ? render_body(e, s->other, to) : CDZ_OK;
    struct scope scope;
    cdz_val loop = loop_open(e);
    cdz_rc rc = CDZ_OK;
    eval_scope_open(e, &scope, false);
    for (size_t i = 0; i < length && i < cdz_list_n(items) && rc == CDZ_OK; i++) {
        rc = eval_step(e, 1);
        if (rc != CDZ_OK)
            break;
        loop_move(loop, i, length);
        put_in(e, &scope, CDZ_STR("loop"), loop);
        put_in(e, &scope, s->text, cdz_list_at(items, i));
        rc = render_body(e, s->body, to);
    }
    eval_scope_close(e);
    return rc;
}

static cdz_rc render_stmt(struct eval *e, const struct stmt *s, struct sink *to)
{
    cdz_val v;
    switch ((enum stmt_kind)s->kind) {
    case S_TEXT:
        return print_text(e, s->line, to, s->text);
    case S_PRINT:
        CDZ_TRY(eval_expr(e, s->expr, &v));
        return print_value(e, s->line, to, v);
    case S_IF:
        return render_if(e, s, to);
    case S_FOR:
        return render_for(e, s, to);
    case S_SET:
        CDZ_TRY(eval_expr(e, s->expr, &v));
        set_variable(e, s->text, v);
        return CDZ_OK;
    case S_BLOCK: {
        /* A block prints where it stands what the last block of its name holds. */
        const struct block *b = s->block;
        for (size_t i = 0; i < e->tpl->block_n; i++) {
            if (cdz_str_eq(e->tpl->blocks[i]->name, b->name))
                b = e->tpl->blocks[i];
        }
        CDZ_TRY(enter_call(e));
        cdz_rc rc = render_body(e, b->body, to);
        e->call_depth--;
        return rc;
    }
    }
    abort();
}

static cdz_rc render_body(struct eval *e, const struct body *body, struct sink *to)
{
    if (e->depth >= EVAL_FRAMES_MAX)
        return cdz_fail(&e->err, CDZ_E_LIMIT, "template nested too deeply");
    e->depth++;
    cdz_rc rc = CDZ_OK;
    for (size_t i = 0; i < body->n && rc == CDZ_OK; i++) {
        rc = eval_step(e, 1);
        if (rc == CDZ_OK)
            rc = render_stmt(e, &body->v[i], to);
    }
    e->depth--;
    return rc;
}

cdz_rc eval_capture(struct eval *e, const struct body *body, cdz_val *ret)
{
    CDZ_TRY(enter_call(e));
    struct cdz_buf CDZ_AUTO_BUF buf = CDZ_BUF_INIT;
    cdz_buf_init(&buf, CDZ_EXPR_OUTPUT_MAX);
    struct sink sink = {EVAL_TEXT, &buf, CDZ_VAL_NULL};
    cdz_rc rc = render_body(e, body, &sink);
    e->call_depth--;
    if (rc == CDZ_OK)
        *ret = cdz_val_text(cdz_buf_copy(&buf, e->arena));
    return rc;
}

/* --- entry points --- */

cdz_rc eval_template(const struct cdz_template *tpl, struct cdz_env *env, struct eval *outer,
                     enum eval_mode mode, struct cdz_arena *arena, cdz_val *ret,
                     struct cdz_err *err)
{
    if (tpl->constant) {
        *ret = cdz_val_text(cdz_arena_str(arena, tpl->source));
        return CDZ_OK;
    }
    struct eval e = {.tpl = tpl, .env = env, .arena = arena, .outer = outer};
    struct scope root;
    e.depth = outer ? outer->depth : 0;
    e.arena_start = outer ? outer->arena_start : cdz_arena_used(arena);
    env->render_depth++;
    eval_scope_open(&e, &root, false);
    struct cdz_buf CDZ_AUTO_BUF buf = CDZ_BUF_INIT;
    cdz_buf_init(&buf, CDZ_EXPR_OUTPUT_MAX);
    struct sink sink = {mode, &buf, CDZ_VAL_NULL};
    cdz_rc rc = CDZ_OK;
    if (env->render_depth > CDZ_EXPR_RENDER_MAX)
        rc = cdz_fail(&e.err, CDZ_E_LIMIT, "render() inside render() more than %u levels deep",
                      CDZ_EXPR_RENDER_MAX);
    else
        rc = render_body(&e, tpl->root, &sink);
    env->render_depth--;
    if (rc != CDZ_OK)
        *err = e.err;
    else
        *ret = mode == EVAL_TYPED ? sink.val : cdz_val_text(cdz_buf_copy(&buf, arena));
    return rc;
}

/* Removes the tags of raw sections and keeps what stands between them. */
static cdz_str strip_raw(cdz_str s, struct cdz_arena *arena)
{
    if (cdz_str_find(s, CDZ_STR("endraw"), 0) == SIZE_MAX)
        return s;
    char *p = cdz_arena_alloc(arena, s.n);
    size_t n = 0;
    for (size_t at = 0; at < s.n;) {
        cdz_str inner;
        size_t raw = s.p[at] == '{' ? expr_raw_section(s, at, &inner) : 0;
        size_t end = at + 1;
        if (raw == SIZE_MAX) { /* no section begins in the rest of the line */
            while (end < s.n && s.p[end] != '\n' && s.p[end] != '\r')
                end++;
        } else if (raw) {
            memcpy(p + n, inner.p, inner.n);
            n += inner.n;
            at += raw;
            continue;
        }
        memcpy(p + n, s.p + at, end - at);
        n += end - at;
        at = end;
    }
    return (cdz_str){p, n};
}

/*
 * Steps that compiling a text at run time costs. Each tag becomes some nodes that live as long as
 * the rendering, so tags cost more than text: a text that doubles itself in every round ends here,
 * and not when the memory does.
 */
static cdz_rc charge_compile(cdz_str text, struct cdz_env *env, struct cdz_err *err)
{
    size_t cost = text.n / 16;
    for (size_t at = 0; (at = cdz_str_chr(text, '{', at)) != SIZE_MAX; at++)
        cost += 8;
    if (env->steps_left <= cost)
        return cdz_fail(err, CDZ_E_LIMIT, "expression takes more than %u steps",
                        CDZ_EXPR_STEPS_MAX);
    env->steps_left -= (unsigned)cost;
    return CDZ_OK;
}

static cdz_rc eval_rounds(cdz_str text, const struct cdz_template *tpl, struct cdz_env *env,
                          struct eval *outer, enum eval_mode mode, bool recursive,
                          struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    for (unsigned round = 0;; round++) {
        if (round > EVAL_RENDER_ROUNDS_MAX)
            return cdz_fail(err, CDZ_E_EXPRESSION, "Too many rendering attempts");
        if (!tpl) {
            CDZ_TRY(charge_compile(text, env, err));
            CDZ_TRY(cdz_template_compile(text, arena, &tpl, err));
        }
        CDZ_TRY(eval_template(tpl, env, outer, mode, arena, ret, err));
        if (!recursive || ret->kind != CDZ_TEXT || cdz_str_eq(cdz_val_str(*ret), text))
            return CDZ_OK;
        text = cdz_val_str(*ret);
        tpl = NULL;
    }
}

cdz_rc eval_text(cdz_str text, const struct cdz_template *tpl, struct cdz_env *env,
                 struct eval *outer, enum eval_mode mode, bool recursive, struct cdz_arena *arena,
                 cdz_val *ret, struct cdz_err *err)
{
    bool is_outermost = env->render_depth == 0; /* one budget for all rounds, and what they call */
    cdz_val v;
    if (is_outermost)
        env->steps_left = CDZ_EXPR_STEPS_MAX;
    cdz_rc rc = eval_rounds(text, tpl, env, outer, mode, recursive, arena, &v, err);
    if (is_outermost)
        env->steps_left = 0;
    if (rc != CDZ_OK)
        return rc;
    if (v.kind == CDZ_TEXT) {
        uint8_t sub = v.sub;
        v = cdz_val_text(strip_raw(cdz_val_str(v), arena));
        v.sub = sub;
    }
    *ret = v;
    return CDZ_OK;
}

static cdz_rc render_value(cdz_val v, struct cdz_env *env, struct eval *outer, bool recursive,
                           unsigned depth, struct cdz_arena *arena, cdz_val *ret,
                           struct cdz_err *err)
{
    cdz_val item;
    if (depth > CDZ_JSON_DEPTH_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "value nested more than %u levels deep",
                        CDZ_JSON_DEPTH_MAX);
    if (v.kind == CDZ_LAZY)
        v = v.lazy->all(v.lazy, arena);
    if (v.kind == CDZ_TEMPLATE)
        return eval_text(v.tpl->source, v.tpl, env, outer, EVAL_TEXT, recursive, arena, ret, err);
    if (v.kind == CDZ_TEXT && cdz_str_chr(cdz_val_str(v), '{', 0) != SIZE_MAX)
        return eval_text(cdz_val_str(v), NULL, env, outer, EVAL_TEXT, recursive, arena, ret, err);
    if (v.kind == CDZ_LIST) {
        cdz_val list = cdz_val_list(arena, v.list->n);
        list.sub = v.sub;
        CDZ_LIST_EACH (from, v) {
            CDZ_TRY(render_value(*from, env, outer, recursive, depth + 1, arena, &item, err));
            cdz_list_push(arena, list, item);
        }
        v = list;
    } else if (v.kind == CDZ_MAP) {
        cdz_val map = cdz_val_map(arena, v.map->n), key;
        CDZ_MAP_EACH (from, v) {
            CDZ_TRY(render_value(cdz_val_text(from->key), env, outer, recursive, depth + 1, arena,
                                 &key, err));
            CDZ_TRY(render_value(from->val, env, outer, recursive, depth + 1, arena, &item, err));
            if (!cdz_map_find(map, cdz_val_str(key)))
                cdz_map_put(arena, map, cdz_val_str(key), item);
        }
        v = map;
    }
    *ret = v;
    return CDZ_OK;
}

cdz_rc eval_render_value(cdz_val v, struct cdz_env *env, struct eval *outer, bool recursive,
                         struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    return render_value(v, env, outer, recursive, 0, arena, ret, err);
}
