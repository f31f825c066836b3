/*
 * list.c -- filters on lists, maps and their elements, and the functions max, min and range.
 *
 * Null in, null out, unless said otherwise. The original sorts and reverses lists in place; we make
 * new ones, since a list may be a flow's variable that other threads read.
 */
#include "expr/lib.h"

#include <math.h>

#define NULL_PASSES(call, ret)                                                                     \
    do {                                                                                           \
        if (cdz_val_is_null((call)->input)) {                                                      \
            *(ret) = CDZ_VAL_NULL;                                                                 \
            return CDZ_OK;                                                                         \
        }                                                                                          \
    } while (0)

enum { RANGE_MAX = 1000000 }; /* elements of range(): more is a mistake, and all are made at once */

/* A text of one Java char. */
static cdz_val char_val(cdz_str s)
{
    cdz_val v = cdz_val_text(s);
    v.sub = CDZ_CHAR;
    return v;
}

/* ---- elements ---- */

static cdz_rc first_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_val v = cdz_plain(call->arena, call->input);
    NULL_PASSES(call, ret);
    if (v.kind == CDZ_LIST) {
        *ret = cdz_list_n(v) > 0 ? cdz_list_at(v, 0) : CDZ_VAL_NULL;
    } else if (v.kind == CDZ_TEXT) {
        cdz_str s = cdz_val_str(v);
        size_t end = 0;
        if (s.n == 0)
            return cdz_call_fail(call, "Index 0 out of bounds for length 0");
        cdz_utf8_next(s, &end);
        *ret = char_val(cdz_str_sub(s, 0, end));
    } else {
        return cdz_call_fail(
            call, "'first' filter can only be applied to a list or a text. Actual type was: %s",
            cdz_java_class(v));
    }
    return CDZ_OK;
}

static cdz_rc last_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_val v = cdz_plain(call->arena, call->input);
    NULL_PASSES(call, ret);
    if (v.kind == CDZ_LIST) {
        size_t n = cdz_list_n(v);
        *ret = n > 0 ? cdz_list_at(v, n - 1) : CDZ_VAL_NULL;
    } else if (v.kind == CDZ_TEXT) {
        cdz_str s = cdz_val_str(v);
        if (s.n == 0)
            return cdz_call_fail(call, "Index -1 out of bounds for length 0");
        size_t at = s.n - 1;
        while (at > 0 && ((unsigned char)s.p[at] & 0xC0) == 0x80)
            at--;
        *ret = char_val(cdz_str_sub(s, at, s.n));
    } else {
        return cdz_call_fail(
            call, "'last' filter can only be applied to a list or a text. Actual type was: %s",
            cdz_java_class(v));
    }
    return CDZ_OK;
}

static cdz_rc length_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_val v = cdz_plain(call->arena, call->input);
    size_t n = 0;
    if (v.kind == CDZ_TEXT)
        n = cdz_utf16_n(cdz_val_str(v));
    else if (v.kind == CDZ_LIST)
        n = cdz_list_n(v);
    else if (v.kind == CDZ_MAP)
        n = cdz_map_n(v);
    *ret = cdz_val_i32((int32_t)n);
    return CDZ_OK;
}

static cdz_val index_list(struct cdz_arena *arena, size_t n)
{
    cdz_val to = cdz_val_list(arena, n);
    for (size_t i = 0; i < n; i++)
        cdz_list_push(arena, to, cdz_val_i32((int32_t)i));
    return to;
}

static cdz_rc keys_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_val v = cdz_plain(call->arena, call->input);
    NULL_PASSES(call, ret);
    if (v.kind == CDZ_LIST && v.sub != CDZ_SET) {
        *ret = index_list(call->arena, cdz_list_n(v));
        return CDZ_OK;
    }
    if (v.kind != CDZ_MAP)
        return cdz_call_fail(
            call, "'keys' filter can only be applied to List, Map, Array. Actual type was: %s",
            cdz_java_class(v));
    cdz_val to = cdz_val_list(call->arena, cdz_map_n(v));
    to.sub = CDZ_SET; /* not a List: sort refuses it */
    CDZ_MAP_EACH (e, v)
        cdz_list_push(call->arena, to, cdz_val_text(e->key));
    *ret = to;
    return CDZ_OK;
}

static cdz_rc values_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_val v = cdz_plain(call->arena, call->input);
    NULL_PASSES(call, ret);
    if (v.kind != CDZ_MAP)
        return cdz_call_fail(call,
                             "'values' filter can only be applied to Map. Actual type was: %s",
                             cdz_java_class(v));
    cdz_val to = cdz_val_list(call->arena, cdz_map_n(v));
    to.sub = CDZ_SET;
    CDZ_MAP_EACH (e, v)
        cdz_list_push(call->arena, to, e->val);
    *ret = to;
    return CDZ_OK;
}

/* ---- whole lists ---- */

static bool is_list(cdz_val v)
{
    return v.kind == CDZ_LIST && v.sub != CDZ_SET && v.sub != CDZ_ARRAY;
}

static cdz_rc chunk_filter(struct cdz_call *call, cdz_val *ret)
{
    int64_t size;
    NULL_PASSES(call, ret);
    if (!is_list(call->input))
        return cdz_call_fail(call,
                             "'chunk' filter can only be applied to List. Actual type was: %s",
                             cdz_java_class(call->input));
    CDZ_TRY(cdz_arg_int(call, 0, "size", &size));
    if (size <= 0)
        return cdz_call_fail(call, "'chunk' filter expects a size greater than 0");
    size_t n = cdz_list_n(call->input), step = (uint64_t)size < n ? (size_t)size : n;
    cdz_val to = cdz_val_list(call->arena, 0);
    for (size_t i = 0; i < n; i += step) {
        cdz_val part = cdz_val_list(call->arena, step);
        for (size_t j = i; j < n && j < i + step; j++)
            cdz_list_push(call->arena, part, cdz_list_at(call->input, j));
        cdz_list_push(call->arena, to, part);
    }
    *ret = to;
    return CDZ_OK;
}

static cdz_rc flatten_filter(struct cdz_call *call, cdz_val *ret)
{
    NULL_PASSES(call, ret);
    if (!is_list(call->input))
        return cdz_call_fail(
            call, "The 'flatten' filter can only be applied to lists. Actual type was: %s",
            cdz_java_class(call->input));
    cdz_val to = cdz_val_list(call->arena, cdz_list_n(call->input));
    CDZ_LIST_EACH (item, call->input) {
        if (is_list(*item)) {
            CDZ_LIST_EACH (inner, *item)
                cdz_list_push(call->arena, to, *inner);
        } else {
            cdz_list_push(call->arena, to, *item);
        }
    }
    *ret = to;
    return CDZ_OK;
}

static cdz_rc join_filter(struct cdz_call *call, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    cdz_str glue;
    NULL_PASSES(call, ret);
    if (call->input.kind != CDZ_LIST)
        return cdz_call_fail(
            call,
            "The 'join' filter expects that the input is either a collection or an array. "
            "Actual type was: %s",
            cdz_java_class(call->input));
    CDZ_TRY(cdz_arg_text_or(call, 0, "separator", CDZ_STR(""), &glue));
    to.max = CDZ_EXPR_OUTPUT_MAX;
    for (size_t i = 0; i < cdz_list_n(call->input) && !to.overflow; i++) {
        if (i > 0)
            cdz_buf_str(&to, glue);
        cdz_java_print(&to, cdz_list_at(call->input, i));
    }
    if (to.overflow)
        return cdz_fail(call->err, CDZ_E_LIMIT, "'join' gives more than %u bytes",
                        CDZ_EXPR_OUTPUT_MAX);
    *ret = cdz_val_text(cdz_buf_copy(&to, call->arena));
    return CDZ_OK;
}

static cdz_rc merge_into_map(struct cdz_call *call, cdz_val a, cdz_val b, cdz_val *ret)
{
    if (b.kind != CDZ_MAP && !is_list(b))
        return cdz_call_fail(call,
                             "Currently, only Maps and Lists can be merged with a Map. Arg2: %s",
                             cdz_java_class(b));
    cdz_val to = cdz_val_map(call->arena, cdz_map_n(a));
    CDZ_MAP_EACH (e, a)
        cdz_map_put(call->arena, to, e->key, e->val);
    if (b.kind == CDZ_MAP) {
        CDZ_MAP_EACH (f, b)
            cdz_map_put(call->arena, to, f->key, f->val);
    } else {
        CDZ_LIST_EACH (item, b)
            cdz_map_put(call->arena, to, cdz_java_text(call->arena, *item), *item);
    }
    *ret = to;
    return CDZ_OK;
}

static cdz_rc merge_into_list(struct cdz_call *call, cdz_val a, cdz_val b, cdz_val *ret)
{
    if (b.kind != CDZ_MAP && (b.kind != CDZ_LIST || b.sub != a.sub))
        return cdz_call_fail(call,
                             "Currently, only Maps and Lists can be merged with a List. Arg2: %s",
                             cdz_java_class(b));
    cdz_val to = cdz_val_list(call->arena, cdz_list_n(a));
    to.sub = a.sub;
    CDZ_LIST_EACH (x, a)
        cdz_list_push(call->arena, to, *x);
    if (b.kind == CDZ_LIST) {
        CDZ_LIST_EACH (y, b)
            cdz_list_push(call->arena, to, *y);
    } else {
        CDZ_MAP_EACH (e,
                      b) { /* Java adds the entries themselves; as JSON they are maps of one key */
            cdz_val entry = cdz_val_map(call->arena, 1);
            cdz_map_put(call->arena, entry, e->key, e->val);
            cdz_list_push(call->arena, to, entry);
        }
    }
    *ret = to;
    return CDZ_OK;
}

/* Null takes the other side; two nulls are an error. The left side tells the kind of the result. */
static cdz_rc merge_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_val a = cdz_plain(call->arena, call->input), b = cdz_plain(call->arena, call->args[0]);
    if (a.kind == CDZ_NULL && b.kind == CDZ_NULL)
        return cdz_call_fail(call, "The two arguments to be merged are null");
    if (a.kind == CDZ_NULL || b.kind == CDZ_NULL) {
        *ret = a.kind == CDZ_NULL ? b : a;
        return CDZ_OK;
    }
    if (a.kind == CDZ_MAP)
        return merge_into_map(call, a, b, ret);
    if (a.kind == CDZ_LIST && a.sub != CDZ_SET)
        return merge_into_list(call, a, b, ret);
    return cdz_call_fail(call, "The object being filtered is not a Map/List/Array");
}

static cdz_rc slice_index(struct cdz_call *call, int i, const char *name, int64_t fallback,
                          int64_t *ret)
{
    cdz_val v = call->args[i];
    if (v.kind == CDZ_FLOAT)
        *ret = v.f >= 0 && v.f < 1e15 ? (int64_t)v.f : -1;
    else
        return cdz_arg_int_or(call, i, name, fallback, ret);
    return CDZ_OK;
}

static cdz_rc slice_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_val v = cdz_plain(call->arena, call->input);
    int64_t from, to, n;
    NULL_PASSES(call, ret);
    if (v.kind == CDZ_LIST && v.sub != CDZ_SET)
        n = (int64_t)cdz_list_n(v);
    else if (v.kind == CDZ_TEXT && v.sub != CDZ_CHAR)
        n = (int64_t)cdz_utf16_n(cdz_val_str(v));
    else
        return cdz_call_fail(call,
                             "Slice filter can only be applied to String, List and array inputs. "
                             "Actual type was: %s",
                             cdz_java_class(v));
    CDZ_TRY(slice_index(call, 0, "fromIndex", 0, &from));
    CDZ_TRY(slice_index(call, 1, "toIndex", n, &to));
    if (from < 0)
        return cdz_call_fail(call, "fromIndex must be greater than 0");
    if (to > n)
        return cdz_call_fail(call, "toIndex must be smaller than input size: %lld", (long long)n);
    if (!cdz_val_is_null(call->args[1]) ? from >= to : from > to)
        return cdz_call_fail(call, "toIndex must be greater than fromIndex");
    if (v.kind == CDZ_TEXT) {
        cdz_str s = cdz_val_str(v);
        *ret = cdz_val_text(
            cdz_str_sub(s, cdz_utf16_at(s, (size_t)from), cdz_utf16_at(s, (size_t)to)));
        return CDZ_OK;
    }
    cdz_val part = cdz_val_list(call->arena, (size_t)(to - from));
    part.sub = v.sub;
    for (int64_t i = from; i < to; i++)
        cdz_list_push(call->arena, part, cdz_list_at(v, (size_t)i));
    *ret = part;
    return CDZ_OK;
}

/* ---- order ---- */

/* A copy of the input list. */
static cdz_rc order_input(struct cdz_call *call, cdz_val *ret)
{
    if (!is_list(call->input))
        return cdz_call_fail(call, "The '%s' filter expects a List. Actual type was: %s",
                             call->name, cdz_java_class(call->input));
    size_t n = cdz_list_n(call->input);
    *ret = cdz_val_list(call->arena, n);
    if (n > 0)
        memcpy(ret->list->v, call->input.list->v, n * sizeof(cdz_val));
    ret->list->n = n;
    return CDZ_OK;
}

static cdz_rc reverse_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_val list;
    NULL_PASSES(call, ret);
    CDZ_TRY(order_input(call, &list));
    size_t n = cdz_list_n(list);
    for (size_t i = 0; i < n / 2; i++) {
        cdz_val swap = list.list->v[i];
        list.list->v[i] = list.list->v[n - 1 - i];
        list.list->v[n - 1 - i] = swap;
    }
    *ret = list;
    return CDZ_OK;
}

/* Java compares chars by UTF-16 unit: above U+FFFF sorts before U+E000. Rare, but sorting must be
 * the same. */
static int utf16_cmp(cdz_str a, cdz_str b)
{
    size_t i = 0, j = 0;
    while (i < a.n && j < b.n) {
        uint32_t x = cdz_utf8_next(a, &i), y = cdz_utf8_next(b, &j);
        if (x == y)
            continue;
        if ((x >= 0x10000) != (y >= 0x10000)) { /* a surrogate is 0xD800.. */
            x = x >= 0x10000 ? 0xD800 : x;
            y = y >= 0x10000 ? 0xD800 : y;
        }
        return x < y ? -1 : 1;
    }
    return (i < a.n) - (j < b.n);
}

/* Natural order of two values of one class. */
static int compare(const void *left, const void *right)
{
    const cdz_val *a = left, *b = right;
    double x, y;
    switch ((enum cdz_kind)a->kind) {
    case CDZ_INT:
        return (a->i > b->i) - (a->i < b->i);
    case CDZ_FLOAT:
        if (isnan(a->f) || isnan(b->f)) /* NaN is the largest */
            return !!isnan(a->f) - !!isnan(b->f);
        return (a->f > b->f) - (a->f < b->f);
    case CDZ_BOOL:
        return a->b - b->b;
    case CDZ_DECIMAL:
        if (!cdz_str_to_double(cdz_val_str(*a), &x) || !cdz_str_to_double(cdz_val_str(*b), &y))
            return 0;
        return (x > y) - (x < y);
    case CDZ_DATE:
    case CDZ_DURATION:
        if (a->date->seconds != b->date->seconds)
            return a->date->seconds < b->date->seconds ? -1 : 1;
        return (a->date->nanos > b->date->nanos) - (a->date->nanos < b->date->nanos);
    default:
        return utf16_cmp(cdz_text_of(*a), cdz_text_of(*b));
    }
}

static int compare_reverse(const void *left, const void *right)
{
    return compare(right, left);
}

static bool sortable(cdz_val v)
{
    return v.kind != CDZ_NULL && v.kind != CDZ_LIST && v.kind != CDZ_MAP && v.kind != CDZ_LAZY;
}

static cdz_rc sort_apply(struct cdz_call *call, int (*order)(const void *, const void *),
                         cdz_val *ret)
{
    cdz_val list;
    NULL_PASSES(call, ret);
    CDZ_TRY(order_input(call, &list));
    CDZ_LIST_EACH (item, list) {
        const char *first = cdz_java_class(cdz_list_at(list, 0)), *other = cdz_java_class(*item);
        if (!sortable(*item) || strcmp(first, other) != 0)
            return cdz_call_fail(call, "The '%s' filter cannot compare %s with %s", call->name,
                                 first, other);
    }
    if (cdz_list_n(list) > 1)
        qsort(list.list->v, list.list->n, sizeof(*list.list->v), order);
    *ret = list;
    return CDZ_OK;
}

static cdz_rc sort_filter(struct cdz_call *call, cdz_val *ret)
{
    return sort_apply(call, compare, ret);
}

static cdz_rc rsort_filter(struct cdz_call *call, cdz_val *ret)
{
    return sort_apply(call, compare_reverse, ret);
}

/* ---- functions ---- */

static bool number_of(cdz_val v, double *ret)
{
    if (v.kind == CDZ_INT)
        *ret = (double)v.i;
    else if (v.kind == CDZ_FLOAT)
        *ret = v.f;
    else if (v.kind == CDZ_DECIMAL)
        return cdz_str_to_double(cdz_val_str(v), ret);
    else
        return false;
    return true;
}

/* The argument itself, not its double: its type stays. No argument: null. */
static cdz_rc extreme(struct cdz_call *call, bool largest, cdz_val *ret)
{
    cdz_val best = CDZ_VAL_NULL;
    double value = 0, x;
    for (size_t i = 0; i < call->rest_count; i++) {
        if (!number_of(call->rest[i], &x))
            return cdz_call_fail(call, "%s() compares numbers only. Actual type was: %s",
                                 call->name, cdz_java_class(call->rest[i]));
        if (best.kind == CDZ_NULL || (largest ? x > value : x < value)) {
            best = call->rest[i];
            value = x;
        }
    }
    *ret = best;
    return CDZ_OK;
}

static cdz_rc max_function(struct cdz_call *call, cdz_val *ret)
{
    return extreme(call, true, ret);
}

static cdz_rc min_function(struct cdz_call *call, cdz_val *ret)
{
    return extreme(call, false, ret);
}

/* The bound of a range: a number (cut to an integer), or a text of one character. */
static bool bound_of(cdz_val v, int64_t *ret, bool *ret_char)
{
    size_t at = 0;
    *ret_char = cdz_is_text(v);
    if (v.kind == CDZ_INT) {
        *ret = v.i;
    } else if (v.kind == CDZ_FLOAT && fabs(v.f) < 9e18) {
        *ret = (int64_t)v.f;
    } else if (*ret_char && cdz_text_of(v).n > 0) {
        *ret = cdz_utf8_next(cdz_text_of(v), &at);
        return at == cdz_text_of(v).n && *ret < 0x10000;
    } else {
        return false;
    }
    return true;
}

static cdz_rc range_function(struct cdz_call *call, cdz_val *ret)
{
    int64_t from, to, step = 1;
    bool from_char, to_char, step_char = false;
    if (!bound_of(call->args[0], &from, &from_char) || !bound_of(call->args[1], &to, &to_char) ||
        from_char != to_char)
        return cdz_call_fail(
            call,
            "Arguments of range function must be of type Number or String with a length of 1");
    if (!cdz_val_is_null(call->args[2]) &&
        (!bound_of(call->args[2], &step, &step_char) || step_char))
        return cdz_call_fail(call, "The increment of the range function must be a number");
    if (step == 0)
        return cdz_call_fail(call, "The increment of the range function must be different than 0");
    cdz_val list = cdz_val_list(call->arena, 0);
    for (int64_t i = from; step > 0 ? i <= to : i >= to;) {
        char bytes[4];
        if (cdz_list_n(list) == RANGE_MAX)
            return cdz_fail(call->err, CDZ_E_LIMIT, "range() gives more than %d elements",
                            RANGE_MAX);
        cdz_list_push(call->arena, list,
                      from_char
                          ? char_val(cdz_arena_str(
                                call->arena, (cdz_str){bytes, cdz_utf8_put((uint32_t)i, bytes)}))
                          : cdz_val_int(i));
        if (__builtin_add_overflow(i, step, &i))
            break;
    }
    *ret = list;
    return CDZ_OK;
}

const struct cdz_callable cdz_list_filters[] = {
    {"chunk", {"size"}, chunk_filter, false},
    {"first", {NULL}, first_filter, false},
    {"flatten", {NULL}, flatten_filter, false},
    {"join", {"separator"}, join_filter, false},
    {"keys", {NULL}, keys_filter, false},
    {"last", {NULL}, last_filter, false},
    {"length", {NULL}, length_filter, false},
    {"merge", {"items"}, merge_filter, false},
    {"reverse", {NULL}, reverse_filter, false},
    {"rsort", {NULL}, rsort_filter, false},
    {"slice", {"fromIndex", "toIndex"}, slice_filter, false},
    {"sort", {NULL}, sort_filter, false},
    {"values", {NULL}, values_filter, false},
    {NULL},
};

const struct cdz_callable cdz_list_functions[] = {
    {"max", {NULL}, max_function, true},
    {"min", {NULL}, min_function, true},
    {"range", {"start", "end", "increment"}, range_function, false},
    {NULL},
};
