/*
 * eval_expr.c -- expressions to values.
 *
 * A chain that grows to the left (a.b | f + c ...) is evaluated from its innermost operand outward
 * in a loop. The result code travels with the value, because some operators take the failure of
 * their left side as an answer:
 * `??`, `???`, `default` and `is defined` swallow CDZ_E_UNDEFINED, arithmetic and comparisons quote
 * it.
 */
#include "expr/eval.h"

enum { SPINE_ON_STACK = 12 };

bool eval_is_number(cdz_val v)
{
    return v.kind == CDZ_INT || v.kind == CDZ_FLOAT || v.kind == CDZ_DECIMAL;
}

bool eval_truth(cdz_val v, bool *ret)
{
    double f;
    switch ((enum cdz_kind)v.kind) {
    case CDZ_BOOL:
        *ret = v.b;
        return true;
    case CDZ_INT:
        *ret = v.i != 0;
        return true;
    case CDZ_FLOAT:
        *ret = v.f == v.f && v.f != 0;
        return true;
    case CDZ_DECIMAL:
        *ret = !cdz_str_to_double(cdz_val_str(v), &f) || f != 0;
        return true;
    case CDZ_TEXT:
        *ret = v.n > 0;
        return true;
    case CDZ_NULL:
    case CDZ_LIST:
    case CDZ_MAP:
    case CDZ_DATE:
    case CDZ_DURATION:
    case CDZ_TEMPLATE:
    case CDZ_LAZY:
        break;
    }
    return false;
}

static cdz_rc not_boolean(struct eval *e, uint32_t line, cdz_val v)
{
    return eval_fail(e, line, "class %s cannot be cast to class java.lang.Boolean",
                     cdz_java_class(v));
}

/* --- binary operators --- */

/* What an operator says when one of its sides, or itself, fails; NULL: nothing, the failure passes
 * as it is. */
static const char *complaint_of(uint8_t op)
{
    static const char *const table[OP_COUNT] = {
        [OP_EQ] = "Could not perform equals comparison",
        [OP_NE] = "Could not perform not equals comparison",
        [OP_LT] = "Could not perform less than comparison",
        [OP_GT] = "Could not perform greater than comparison",
        [OP_LE] = "Could not perform less than or equals comparison",
        [OP_GE] = "Could not perform greater than or equals comparison",
        [OP_ADD] = "Could not perform addition",
        [OP_SUB] = "Could not perform subtraction",
        [OP_MUL] = "Could not perform multiplication",
        [OP_DIV] = "Could not perform division",
        [OP_MOD] = "Could not perform modulus",
    };
    return table[op];
}

static cdz_rc logic_operand(struct eval *e, const struct node *n, cdz_val v, bool *ret)
{
    v = eval_plain(e, v);
    if (cdz_val_is_null(v))
        return eval_fail(e, n->line,
                         "null value used in %s operator and strict variables is set to true",
                         n->op == OP_AND ? "and" : "or");
    return eval_truth(v, ret) ? CDZ_OK : not_boolean(e, n->line, v);
}

static cdz_rc apply_logic(struct eval *e, const struct node *n, cdz_val *val)
{
    bool truth = false;
    CDZ_TRY(logic_operand(e, n, *val, &truth));
    if (truth == (n->op == OP_AND)) { /* the left side has not decided */
        CDZ_TRY(eval_expr(e, n->right, val));
        CDZ_TRY(logic_operand(e, n, *val, &truth));
    }
    *val = cdz_val_bool(truth);
    return CDZ_OK;
}

static cdz_rc apply_values(struct eval *e, const struct node *n, cdz_val a, cdz_val b, cdz_val *ret)
{
    bool truth = false;
    switch ((enum op)n->op) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
        return eval_arithmetic(e, n->line, n->op, a, b, ret);
    case OP_EQ:
    case OP_NE:
        *ret = cdz_val_bool(eval_equals(e, a, b) == (n->op == OP_EQ));
        return CDZ_OK;
    case OP_LT:
    case OP_GT:
    case OP_LE:
    case OP_GE:
        CDZ_TRY(eval_compare(e, n->line, n->op, a, b, &truth));
        *ret = cdz_val_bool(truth);
        return CDZ_OK;
    case OP_CONTAINS:
        CDZ_TRY(eval_contains(e, n->line, a, b, &truth));
        *ret = cdz_val_bool(truth);
        return CDZ_OK;
    case OP_CONCAT:
        return eval_concat(e, a, b, ret);
    case OP_RANGE: {
        const cdz_val ends[] = {a, b};
        const struct cdz_callable *range = cdz_find_function(CDZ_STR("range"));
        if (!range)
            return eval_fail(e, n->line, "Function or Macro [range] does not exist.");
        return eval_call_row(e, n->line, range, CDZ_VAL_NULL, ends, 2, ret);
    }
    case OP_OR:
    case OP_AND:
    case OP_IS:
    case OP_IS_NOT:
    case OP_FILTER:
    case OP_COALESCE:
    case OP_COALESCE_UNDEFINED:
    case OP_NOT:
    case OP_COUNT:
        break; /* not here */
    }
    abort();
}

static cdz_rc apply_binary(struct eval *e, const struct node *n, cdz_rc rc, cdz_val *val)
{
    const char *complaint = complaint_of(n->op);
    cdz_val right;
    if (n->op == OP_COALESCE || n->op == OP_COALESCE_UNDEFINED) {
        bool is_missing = rc == CDZ_E_UNDEFINED ||
                          (rc == CDZ_OK && n->op == OP_COALESCE && cdz_val_is_null(*val));
        return is_missing ? eval_expr(e, n->right, val) : rc;
    }
    if (rc == CDZ_OK && (n->op == OP_AND || n->op == OP_OR))
        return apply_logic(e, n, val);
    if (rc == CDZ_OK && n->op == OP_CONTAINS && cdz_val_is_null(*val)) {
        *val = cdz_val_bool(false);
        return CDZ_OK;
    }
    if (rc == CDZ_OK)
        rc = eval_expr(e, n->right, &right);
    if (rc == CDZ_OK)
        rc = apply_values(e, n, eval_plain(e, *val), eval_plain(e, right), val);
    return rc != CDZ_OK && complaint ? eval_wrap(e, n->line, rc, complaint) : rc;
}

/* --- the other links of a chain --- */

static bool is_empty(cdz_val v)
{
    switch ((enum cdz_kind)v.kind) {
    case CDZ_NULL:
        return true;
    case CDZ_TEXT:
        return cdz_str_trim(cdz_val_str(v)).n == 0;
    case CDZ_LIST:
        return cdz_list_n(v) == 0;
    case CDZ_MAP:
        return cdz_map_n(v) == 0;
    default:
        return false;
    }
}

static cdz_rc apply_default(struct eval *e, const struct node *n, cdz_rc rc, cdz_val *val)
{
    static const struct cdz_callable row = {"default", {"default"}, NULL, false};
    const struct args *args = n->call.args;
    if (args->pos_n + args->named_n > 1)
        return eval_fail(
            e, args->line,
            "The argument at position 2 is not allowed. Only 1 argument(s) are allowed.");
    if (args->named_n == 1 && !cdz_str_is(args->named[0].name, row.args[0]))
        return eval_fail(e, args->line, "The following named argument does not exist: %.*s",
                         CDZ_S(cdz_str_sub(args->named[0].name, 0, 80)));
    if (rc == CDZ_OK && !is_empty(eval_plain(e, *val)))
        return CDZ_OK;
    if (rc != CDZ_OK && rc != CDZ_E_UNDEFINED)
        return rc;
    if (args->pos_n + args->named_n == 0) {
        *val = CDZ_VAL_NULL;
        return CDZ_OK;
    }
    return eval_expr(e, args->pos_n ? args->pos[0] : args->named[0].val, val);
}

static cdz_rc apply_filter(struct eval *e, const struct node *n, cdz_rc rc, cdz_val *val)
{
    if (n->special == SPECIAL_DEFAULT)
        return apply_default(e, n, rc, val);
    if (!n->call.row)
        return eval_fail(e, n->line, "Filter [%.*s] does not exist.",
                         CDZ_S(cdz_str_sub(n->call.name, 0, 80)));
    if (rc != CDZ_OK)
        return rc;
    return eval_callable(e, n, n->call.row, *val, val);
}

static cdz_rc apply_test(struct eval *e, const struct node *n, cdz_rc rc, cdz_val *val)
{
    if (!n->call.row)
        return eval_fail(e, n->line, "Test [%.*s] does not exist.",
                         CDZ_S(cdz_str_sub(n->call.name, 0, 80)));
    if (rc == CDZ_E_UNDEFINED && n->special == SPECIAL_DEFINED) {
        *val = CDZ_VAL_NULL;
        rc = CDZ_OK;
    }
    if (rc != CDZ_OK)
        return rc;
    CDZ_TRY(eval_callable(e, n, n->call.row, *val, val));
    if (n->flag)
        *val = cdz_val_bool(!val->b);
    return CDZ_OK;
}

static cdz_rc apply_method(struct eval *e, const struct node *n, cdz_val obj, cdz_val *ret)
{
    const struct args *args = n->attr.args;
    cdz_val vals[CDZ_EXPR_ARGS_MAX];
    cdz_str name = cdz_val_str(n->attr.key->val);
    bool found = false;
    if (args->pos_n > CDZ_EXPR_ARGS_MAX)
        return eval_undefined(e, n->line, name);
    for (size_t i = 0; i < args->pos_n; i++) {
        CDZ_TRY(eval_expr(e, args->pos[i], &vals[i]));
        CDZ_TRY(eval_plain_deep(e, &vals[i]));
    }
    CDZ_TRY(eval_plain_deep(e, &obj));
    if (!cdz_val_is_null(obj))
        CDZ_TRY(eval_method(e, n->line, obj, name, vals, args->pos_n, &found, ret));
    if (!found)
        return eval_undefined(
            e, n->line, n->left->kind == N_VAR && cdz_val_is_null(obj) ? n->left->name : name);
    return eval_check_value(e, *ret, NULL, NULL);
}

static cdz_rc apply_attribute(struct eval *e, const struct node *n, cdz_val *val)
{
    cdz_val key;
    if (n->attr.args)
        return apply_method(e, n, *val, val);
    if (n->attr.key->kind == N_CONST) {
        key = n->attr.key->val;
    } else {
        CDZ_TRY(eval_expr(e, n->attr.key, &key));
        key = eval_plain(e, key);
    }
    return eval_attribute(e, n, *val, key, val);
}

/* n's left side gave (rc, *val): *val becomes n's own. */
static cdz_rc apply(struct eval *e, const struct node *n, cdz_rc rc, cdz_val *val)
{
    switch ((enum node_kind)n->kind) {
    case N_ATTR:
        return rc == CDZ_OK ? apply_attribute(e, n, val) : rc;
    case N_FILTER:
        return apply_filter(e, n, rc, val);
    case N_TEST:
        return apply_test(e, n, rc, val);
    case N_BINARY:
        return apply_binary(e, n, rc, val);
    case N_CONST:
    case N_VAR:
    case N_CALL:
    case N_UNARY:
    case N_COND:
    case N_LIST:
    case N_MAP:
    case N_CAPTURE:
        break; /* begin a chain */
    }
    abort();
}

/* --- what a chain begins with --- */

static cdz_rc eval_unary(struct eval *e, const struct node *n, cdz_val *ret)
{
    cdz_val v;
    bool truth = false;
    CDZ_TRY(eval_expr(e, n->left, &v));
    v = eval_plain(e, v);
    if (n->op != OP_NOT)
        return eval_arithmetic(e, n->line, OP_MUL, cdz_val_i32(n->op == OP_SUB ? -1 : 1), v, ret);
    if (cdz_val_is_null(v))
        return eval_fail(e, n->line,
                         "null value given to not() and strict variables is set to true");
    if (!eval_truth(v, &truth))
        return eval_fail(
            e, n->line,
            "Unsupported value type %s. Expected Boolean, String, Number in \"if\" statement",
            cdz_java_class(v));
    *ret = cdz_val_bool(!truth);
    return CDZ_OK;
}

static cdz_rc eval_list(struct eval *e, const struct node *n, cdz_val *ret)
{
    cdz_val list = cdz_val_list(e->arena, n->list.n), item;
    for (size_t i = 0; i < n->list.n; i++) {
        CDZ_TRY(eval_expr(e, n->list.v[i], &item));
        cdz_list_push(e->arena, list, item);
    }
    CDZ_TRY(eval_check_value(e, list, NULL, NULL));
    eval_own_list(e, list);
    *ret = list;
    return CDZ_OK;
}

static cdz_rc eval_map(struct eval *e, const struct node *n, cdz_val *ret)
{
    cdz_val map = cdz_val_map(e->arena, n->list.n / 2), key, item;
    cdz_str text;
    for (size_t i = 0; i + 1 < n->list.n; i += 2) {
        CDZ_TRY(eval_expr(e, n->list.v[i], &key));
        CDZ_TRY(eval_expr(e, n->list.v[i + 1], &item));
        key = eval_plain(e, key);
        if (eval_is_number(key))
            map.sub = MAP_OF_NUMBERS;
        CDZ_TRY(eval_java_text(e, key, &text));
        cdz_map_put(e->arena, map, text, item);
    }
    CDZ_TRY(eval_check_value(e, map, NULL, NULL));
    *ret = map;
    return CDZ_OK;
}

static cdz_rc eval_operand(struct eval *e, const struct node *n, cdz_val *ret)
{
    switch ((enum node_kind)n->kind) {
    case N_CONST:
        *ret = n->val;
        return CDZ_OK;
    case N_VAR:
        return eval_lookup(e, n->name, ret) ? CDZ_OK : eval_undefined(e, n->line, n->name);
    case N_CALL:
        return eval_call(e, n, ret);
    case N_UNARY:
        return eval_unary(e, n, ret);
    case N_COND:
        return eval_expr(e, n, ret);
    case N_LIST:
        return eval_list(e, n, ret);
    case N_MAP:
        return eval_map(e, n, ret);
    case N_CAPTURE:
        return eval_capture(e, n->body, ret);
    case N_ATTR:
    case N_FILTER:
    case N_TEST:
    case N_BINARY:
        break; /* links, not beginnings */
    }
    abort();
}

/* Takes the branches of a ? b : c until something else stands there. */
static cdz_rc resolve_cond(struct eval *e, const struct node **n)
{
    while ((*n)->kind == N_COND) {
        cdz_val v;
        bool truth = false;
        CDZ_TRY(eval_step(e, 1));
        CDZ_TRY(eval_expr(e, (*n)->left, &v));
        v = eval_plain(e, v);
        if (!cdz_val_is_null(v) && !eval_truth(v, &truth))
            return not_boolean(e, (*n)->line, v);
        *n = truth ? (*n)->cond.then : (*n)->cond.other;
    }
    return CDZ_OK;
}

static cdz_rc eval_chain(struct eval *e, const struct node *n, cdz_val *ret)
{
    const struct node *on_stack[SPINE_ON_STACK], **spine = on_stack;
    size_t count = 0, i = 0;
    cdz_val val = CDZ_VAL_NULL;
    CDZ_TRY(resolve_cond(e, &n));
    for (const struct node *m = n; node_has_left(m); m = m->left)
        count++;
    if (count > SPINE_ON_STACK)
        spine = CDZ_NEW_N(e->arena, const struct node *, count);
    for (; node_has_left(n); n = n->left)
        spine[i++] = n;
    CDZ_TRY(eval_step(e, (unsigned)count + 1));
    cdz_rc rc = eval_operand(e, n, &val);
    while (i-- > 0)
        rc = apply(e, spine[i], rc, &val);
    if (rc == CDZ_OK)
        *ret = val;
    return rc;
}

cdz_rc eval_expr(struct eval *e, const struct node *n, cdz_val *ret)
{
    if (e->depth >= EVAL_FRAMES_MAX)
        return cdz_fail(&e->err, CDZ_E_LIMIT, "expression nested too deeply");
    e->depth++;
    cdz_rc rc = eval_chain(e, n, ret);
    e->depth--;
    return rc;
}
