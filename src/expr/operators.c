/*
 * operators.c -- arithmetic, comparison, equality, contains and concatenation, as the original's
 * Java does them: widening BigDecimal > double > float > long > int, integers that wrap around,
 * integer division that truncates, no conversion between texts and numbers. Lists grow and shrink
 * in place where the list was made by the expression itself; lists that came from outside are
 * shared and are copied first.
 */
#include "expr/eval.h"

#include <math.h>

#include "base/json.h"

static const char *const op_names[OP_COUNT] = {
    [OP_ADD] = "ADD",         [OP_SUB] = "SUBTRACT",        [OP_MUL] = "MULTIPLICATION",
    [OP_DIV] = "DIVISION",    [OP_MOD] = "MODULUS",         [OP_LT] = "LESS_THAN",
    [OP_GT] = "GREATER_THAN", [OP_LE] = "LESS_THAN_EQUALS", [OP_GE] = "GREATER_THAN_EQUALS",
};

static double to_double(cdz_val v)
{
    double f = NAN;
    if (v.kind == CDZ_INT)
        return (double)v.i;
    if (v.kind == CDZ_FLOAT)
        return v.f;
    (void)cdz_str_to_double(cdz_val_str(v),
                            &f); /* a DECIMAL is a number; NaN if its maker was wrong */
    return f;
}

/* --- numbers --- */

static double double_operation(enum op op, double a, double b)
{
    switch (op) {
    case OP_ADD:
        return a + b;
    case OP_SUB:
        return a - b;
    case OP_MUL:
        return a * b;
    case OP_DIV:
        return a / b;
    default:
        return fmod(a, b);
    }
}

static cdz_rc int_operation(struct eval *e, uint32_t line, enum op op, int64_t a, int64_t b,
                            cdz_val *ret)
{
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b; /* wraps around, as Java's long */
    if ((op == OP_DIV || op == OP_MOD) && b == 0)
        return eval_fail(e, line, "/ by zero");
    switch (op) {
    case OP_ADD:
        *ret = cdz_val_int((int64_t)(ua + ub));
        break;
    case OP_SUB:
        *ret = cdz_val_int((int64_t)(ua - ub));
        break;
    case OP_MUL:
        *ret = cdz_val_int((int64_t)(ua * ub));
        break;
    case OP_DIV:
        *ret = cdz_val_int(b == -1 ? (int64_t)(0 - ua) : a / b);
        break;
    default:
        *ret = cdz_val_int(b == -1 ? 0 : a % b);
        break;
    }
    return CDZ_OK;
}

/* A decimal number as digits * 10^-scale; false if it does not fit. */
struct decimal {
    __int128 digits;
    int scale;
};

static bool decimal_scale_to(struct decimal *d, int scale)
{
    for (; d->scale < scale; d->scale++) {
        if (__builtin_mul_overflow(d->digits, (__int128)10, &d->digits))
            return false;
    }
    return true;
}

static bool decimal_parse(cdz_str s, struct decimal *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-', point = false;
    *ret = (struct decimal){0, 0};
    for (size_t i = negative; i < s.n; i++) {
        if (s.p[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (s.p[i] < '0' || s.p[i] > '9' ||
            __builtin_mul_overflow(ret->digits, (__int128)10, &ret->digits) ||
            __builtin_add_overflow(ret->digits, (__int128)(s.p[i] - '0'), &ret->digits))
            return false;
        ret->scale += point;
    }
    if (negative)
        ret->digits = -ret->digits;
    return s.n > 0;
}

static bool decimal_of(cdz_val v, struct cdz_buf *text, struct decimal *ret)
{
    cdz_buf_reset(text);
    cdz_java_print(text, v);
    return decimal_parse(cdz_buf_get(text), ret);
}

static bool decimal_operation(enum op op, struct decimal a, struct decimal b, struct decimal *ret)
{
    if (op == OP_MUL) {
        ret->scale = a.scale + b.scale;
        return !__builtin_mul_overflow(a.digits, b.digits, &ret->digits);
    }
    int scale = a.scale > b.scale ? a.scale : b.scale;
    if (!decimal_scale_to(&a, scale) || !decimal_scale_to(&b, scale))
        return false;
    ret->scale = scale;
    if (op == OP_ADD)
        return !__builtin_add_overflow(a.digits, b.digits, &ret->digits);
    if (op == OP_SUB)
        return !__builtin_sub_overflow(a.digits, b.digits, &ret->digits);
    if (op == OP_MOD && b.digits != 0 && b.digits != -1) {
        ret->digits = a.digits % b.digits;
        return true;
    }
    if (op == OP_DIV && scale == 0 && b.digits != 0 &&
        b.digits != -1) { /* whole numbers: exact or not at all */
        ret->digits = a.digits / b.digits;
        return ret->digits * b.digits == a.digits;
    }
    return false;
}

static cdz_val decimal_val(struct eval *e, struct decimal d, enum cdz_sub sub)
{
    char text[80];
    size_t at = sizeof(text);
    bool negative = d.digits < 0;
    unsigned __int128 u = negative ? 0 - (unsigned __int128)d.digits : (unsigned __int128)d.digits;
    int printed = 0;
    do {
        if (printed == d.scale && printed > 0)
            text[--at] = '.';
        text[--at] = (char)('0' + (int)(u % 10));
        u /= 10;
        printed++;
    } while (u > 0 || printed <= d.scale);
    if (negative)
        text[--at] = '-';
    return cdz_val_decimal(cdz_arena_str(e->arena, (cdz_str){text + at, sizeof(text) - at}), sub);
}

/*
 * A BigDecimal or BigInteger is involved. Exact while 38 digits suffice, a double beyond that: the
 * original goes through doubles in any case, and through int for BigInteger, which nobody can want.
 */
static cdz_rc big_operation(struct eval *e, uint32_t line, enum op op, cdz_val a, cdz_val b,
                            cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    struct decimal x, y, z;
    bool is_whole = (a.kind == CDZ_INT || (a.kind == CDZ_DECIMAL && a.sub == CDZ_BIGINT)) &&
                    (b.kind == CDZ_INT || (b.kind == CDZ_DECIMAL && b.sub == CDZ_BIGINT));
    bool is_zero = to_double(b) == 0;
    if ((op == OP_DIV || op == OP_MOD) && is_zero)
        return eval_fail(e, line, "/ by zero");
    if (decimal_of(a, &text, &x) && decimal_of(b, &text, &y) && x.scale < 30 && y.scale < 30 &&
        decimal_operation(op, x, y, &z)) {
        *ret = decimal_val(e, z, is_whole ? CDZ_BIGINT : CDZ_BIGDEC);
        return CDZ_OK;
    }
    *ret = cdz_val_float(double_operation(op, to_double(a), to_double(b)));
    return CDZ_OK;
}

static cdz_rc number_operation(struct eval *e, uint32_t line, enum op op, cdz_val a, cdz_val b,
                               cdz_val *ret)
{
    if (!eval_is_number(a) || !eval_is_number(b))
        return eval_fail(e, line, "invalid operands for mathematical operation [%s]", op_names[op]);
    if (a.kind == CDZ_DECIMAL || b.kind == CDZ_DECIMAL)
        return big_operation(e, line, op, a, b, ret);
    if (a.kind == CDZ_FLOAT || b.kind == CDZ_FLOAT) {
        bool is_double =
            (a.kind == CDZ_FLOAT && a.sub == CDZ_F64) || (b.kind == CDZ_FLOAT && b.sub == CDZ_F64);
        double f = is_double ? double_operation(op, to_double(a), to_double(b))
                             : double_operation(op, (float)to_double(a), (float)to_double(b));
        *ret = is_double ? cdz_val_float(f) : cdz_val_f32((float)f);
        return CDZ_OK;
    }
    CDZ_TRY(int_operation(e, line, op, a.i, b.i, ret));
    if (a.sub == CDZ_I32 && b.sub == CDZ_I32) /* computed as int, given as long */
        ret->i = (int32_t)(uint32_t)(uint64_t)ret->i;
    return CDZ_OK;
}

/* --- lists --- */

/* The list itself if the expression made it and may change it, else a copy that it may. */
static cdz_val list_to_change(struct eval *e, cdz_val list, bool copy)
{
    if (!copy && eval_owns_list(e, list)) {
        eval_own_list(e, list);
        return list;
    }
    cdz_val to = cdz_val_list(e->arena, cdz_list_n(list) + 1);
    CDZ_LIST_EACH (item, list)
        cdz_list_push(e->arena, to, *item);
    eval_own_list(e, to);
    return to;
}

static cdz_rc list_add(struct eval *e, cdz_val list, cdz_val more, cdz_val *ret)
{
    bool holds;
    CDZ_TRY(eval_check_value(e, more, list.list, &holds));
    CDZ_TRY(eval_step(e, eval_owns_list(e, list) ? 1 : (unsigned)(cdz_list_n(list) / 64)));
    cdz_val to = list_to_change(e, list, holds);
    if (more.kind == CDZ_LIST && more.sub != CDZ_ARRAY) {
        CDZ_LIST_EACH (item, more)
            cdz_list_push(e->arena, to, *item);
    } else {
        cdz_list_push(e->arena, to, more);
    }
    if (cdz_list_n(to) > EVAL_VALUE_NODES_MAX)
        return cdz_fail(&e->err, CDZ_E_LIMIT, "list has more than %d items", EVAL_VALUE_NODES_MAX);
    *ret = to;
    return CDZ_OK;
}

/* Java's equals() of two values inside collections: no widening between number types, so 2 as int
 * is not 2 as long. */
static bool java_equals(struct eval *e, cdz_val a, cdz_val b);

/* List.remove(x) takes the first x; List.removeAll(xs) takes all of each. */
static cdz_rc list_subtract(struct eval *e, cdz_val list, cdz_val less, cdz_val *ret)
{
    bool many = less.kind == CDZ_LIST && less.sub != CDZ_ARRAY, done = false;
    size_t tests = cdz_list_n(list) * (many ? cdz_list_n(less) + 1 : 1), kept = 0;
    CDZ_TRY(eval_check_value(e, less, NULL, NULL));
    CDZ_TRY(eval_step(e, tests / 64 > CDZ_EXPR_STEPS_MAX ? CDZ_EXPR_STEPS_MAX
                                                         : (unsigned)(tests / 64)));
    cdz_val to = list_to_change(e, list, less.kind == CDZ_LIST && less.list == list.list);
    CDZ_LIST_EACH (item, to) {
        bool drop = false;
        if (many) {
            CDZ_LIST_EACH (x, less)
                drop = drop || java_equals(e, *item, *x);
        } else if (!done) {
            drop = done = java_equals(e, *item, less);
        }
        if (!drop)
            to.list->v[kept++] = *item;
    }
    to.list->n = kept;
    *ret = to;
    return CDZ_OK;
}

/* --- the operators --- */

cdz_rc eval_concat(struct eval *e, cdz_val a, cdz_val b, cdz_val *ret)
{
    cdz_str left = CDZ_STR(""), right = CDZ_STR("");
    if (!cdz_val_is_null(a))
        CDZ_TRY(eval_java_text(e, a, &left));
    if (!cdz_val_is_null(b))
        CDZ_TRY(eval_java_text(e, b, &right));
    if (left.n + right.n > CDZ_EXPR_OUTPUT_MAX)
        return cdz_fail(&e->err, CDZ_E_LIMIT, "text exceeds %u bytes", CDZ_EXPR_OUTPUT_MAX);
    char *p = cdz_arena_alloc(e->arena, left.n + right.n + 1);
    memcpy(p, left.p, left.n);
    memcpy(p + left.n, right.p, right.n);
    p[left.n + right.n] = 0;
    *ret = cdz_val_text((cdz_str){p, left.n + right.n});
    return eval_step(e, 1);
}

static bool is_string(cdz_val v) /* java.lang.String, which a char is not */
{
    return v.kind == CDZ_TEXT && v.sub != CDZ_CHAR;
}

cdz_rc eval_arithmetic(struct eval *e, uint32_t line, enum op op, cdz_val a, cdz_val b,
                       cdz_val *ret)
{
    if (op == OP_ADD && (is_string(a) || is_string(b))) {
        if (cdz_val_is_null(a))
            a = cdz_val_z("null");
        if (cdz_val_is_null(b))
            b = cdz_val_z("null");
        return eval_concat(e, a, b, ret);
    }
    if (op == OP_ADD && a.kind == CDZ_LIST && a.sub != CDZ_ARRAY)
        return list_add(e, a, b, ret);
    if (op == OP_SUB && a.kind == CDZ_LIST && a.sub != CDZ_ARRAY)
        return list_subtract(e, a, b, ret);
    return number_operation(e, line, op, a, b, ret);
}

cdz_rc eval_compare(struct eval *e, uint32_t line, enum op op, cdz_val a, cdz_val b, bool *ret)
{
    *ret = false;
    if (cdz_val_is_null(a) || cdz_val_is_null(b))
        return CDZ_OK;
    if (!eval_is_number(a) || !eval_is_number(b))
        return eval_fail(e, line, "invalid operands for mathematical comparison [%s]",
                         op_names[op]);
    double x = to_double(a), y = to_double(b);
    *ret = op == OP_LT ? x < y : op == OP_GT ? x > y : op == OP_LE ? x <= y : x >= y;
    return CDZ_OK;
}

static bool lists_equal(struct eval *e, cdz_val a, cdz_val b)
{
    if (a.list == b.list)
        return true;
    if (a.sub == CDZ_ARRAY || a.sub != b.sub || cdz_list_n(a) != cdz_list_n(b))
        return false; /* two arrays are equal only when they are one */
    for (size_t i = 0; i < cdz_list_n(a); i++) {
        if (!java_equals(e, cdz_list_at(a, i), cdz_list_at(b, i)))
            return false;
    }
    return true;
}

static bool maps_equal(struct eval *e, cdz_val a, cdz_val b)
{
    if (cdz_map_n(a) != cdz_map_n(b))
        return false;
    CDZ_MAP_EACH (entry, a) {
        cdz_val *other = cdz_map_find(b, entry->key);
        if (!other || !java_equals(e, entry->val, *other))
            return false;
    }
    return true;
}

static bool java_equals(struct eval *e, cdz_val a, cdz_val b)
{
    a = eval_plain(e, a);
    b = eval_plain(e, b);
    if (a.kind != b.kind)
        return false;
    switch ((enum cdz_kind)a.kind) {
    case CDZ_INT:
    case CDZ_FLOAT:
    case CDZ_DECIMAL:
    case CDZ_TEXT:
        return a.sub == b.sub && cdz_val_eq(a, b);
    case CDZ_LIST:
        return lists_equal(e, a, b);
    case CDZ_MAP:
        return maps_equal(e, a, b);
    default:
        return cdz_val_eq(a, b);
    }
}

bool eval_equals(struct eval *e, cdz_val a, cdz_val b)
{
    if (eval_is_number(a) && eval_is_number(b))
        return to_double(a) == to_double(b);
    return java_equals(e, a, b);
}

static bool list_contains(struct eval *e, cdz_val list, cdz_val v)
{
    CDZ_LIST_EACH (item, list) {
        if (java_equals(e, *item, v))
            return true;
    }
    return false;
}

cdz_rc eval_contains(struct eval *e, uint32_t line, cdz_val a, cdz_val b, bool *ret)
{
    cdz_str needle;
    switch ((enum cdz_kind)a.kind) {
    case CDZ_LIST:
        CDZ_TRY(eval_step(e, (unsigned)(cdz_list_n(a) / 64)));
        if (a.sub == CDZ_ARRAY || b.kind != CDZ_LIST || b.sub == CDZ_ARRAY) {
            *ret = list_contains(e, a, b);
            return CDZ_OK;
        }
        *ret = true;
        CDZ_LIST_EACH (item, b) {
            CDZ_TRY(eval_step(e, (unsigned)(cdz_list_n(a) / 64) + 1));
            *ret = *ret && list_contains(e, a, *item);
        }
        return CDZ_OK;
    case CDZ_MAP:
        *ret = (b.kind == CDZ_TEXT || a.sub == MAP_OF_NUMBERS) && !cdz_val_is_null(b);
        CDZ_TRY(eval_java_text(e, b, &needle));
        *ret = *ret && cdz_map_find(a, needle) != NULL;
        return CDZ_OK;
    case CDZ_TEXT:
        CDZ_TRY(eval_java_text(e, b, &needle));
        *ret = cdz_str_find(cdz_val_str(a), needle, 0) != SIZE_MAX;
        return CDZ_OK;
    default:
        return eval_fail(e, line,
                         "Contains operator can only be used on Collections, Maps and arrays. "
                         "Actual type was: %s",
                         cdz_java_class(a));
    }
}
