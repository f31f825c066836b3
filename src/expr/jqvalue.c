/* jqvalue.c -- see jqvalue.h. The marks in `pad_`: */
#include "expr/jqvalue.h"

#include <math.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/time.h"

enum mark {
    COMPUTED = 0, /* no mark: made by the program */
    DOUBLE,
    FLOAT,
    INTEGER,
    LONG,
    EXACT, /* `size` is its place in the table */
};

static jv marked(double value, enum mark mark, int place)
{
    jv v = jv_number(value);
    v.pad_ = (unsigned char)mark;
    v.size = place;
    return v;
}

static jv exact_number(cdz_val v, double value, struct cdz_jq_exact *exact)
{
    int place = (int)exact->vals.n;
    CDZ_PUSH(exact->arena, &exact->vals, v);
    return marked(value, EXACT, place);
}

static jv integer_of(cdz_val v, struct cdz_jq_exact *exact)
{
    if (v.i > INT64_C(9007199254740992) || v.i < -INT64_C(9007199254740992))
        return exact_number(v, (double)v.i, exact);
    return marked((double)v.i, v.sub == CDZ_I32 ? INTEGER : LONG, 0);
}

static jv text_of(cdz_str s)
{
    return jv_string_sized(s.n ? s.p : "", (int)s.n); /* malformed UTF-8 becomes U+FFFD */
}

static cdz_rc convert(cdz_val v, struct cdz_jq_exact *exact, unsigned depth, jv *ret,
                      struct cdz_err *err);

static cdz_rc list_of(cdz_val v, struct cdz_jq_exact *exact, unsigned depth, jv *ret,
                      struct cdz_err *err)
{
    jv list = jv_array_sized((int)cdz_list_n(v)), item;
    CDZ_LIST_EACH (e, v) {
        cdz_rc rc = convert(*e, exact, depth + 1, &item, err);
        if (rc != CDZ_OK) {
            jv_free(list);
            return rc;
        }
        list = jv_array_append(list, item);
    }
    *ret = list;
    return CDZ_OK;
}

static cdz_rc map_of(cdz_val v, struct cdz_jq_exact *exact, unsigned depth, jv *ret,
                     struct cdz_err *err)
{
    jv map = jv_object(), item;
    CDZ_MAP_EACH (e, v) {
        if (e->val.kind == CDZ_NULL)
            continue;
        cdz_rc rc = convert(e->val, exact, depth + 1, &item, err);
        if (rc != CDZ_OK) {
            jv_free(map);
            return rc;
        }
        map = jv_object_set(map, text_of(e->key), item);
    }
    *ret = map;
    return CDZ_OK;
}

static cdz_rc convert(cdz_val v, struct cdz_jq_exact *exact, unsigned depth, jv *ret,
                      struct cdz_err *err)
{
    double f = 0;
    if (depth > CDZ_JSON_DEPTH_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "value nested more than %u deep", CDZ_JSON_DEPTH_MAX);
    switch ((enum cdz_kind)v.kind) {
    case CDZ_NULL:
        *ret = jv_null();
        return CDZ_OK;
    case CDZ_BOOL:
        *ret = jv_bool(v.b);
        return CDZ_OK;
    case CDZ_INT:
        *ret = integer_of(v, exact);
        return CDZ_OK;
    case CDZ_FLOAT:
        *ret = isnan(v.f) ? jv_null() : marked(v.f, v.sub == CDZ_F32 ? FLOAT : DOUBLE, 0);
        return CDZ_OK;
    case CDZ_DECIMAL:
        (void)cdz_str_to_double(cdz_val_str(v),
                                &f); /* too large or odd: computes as 0, prints as it is */
        *ret = exact_number(v, f, exact);
        return CDZ_OK;
    case CDZ_TEXT:
        *ret = text_of(cdz_val_str(v));
        return CDZ_OK;
    case CDZ_TEMPLATE:
        *ret = text_of(cdz_template_source(v.tpl));
        return CDZ_OK;
    case CDZ_LIST:
        return list_of(v, exact, depth, ret, err);
    case CDZ_MAP:
        return map_of(v, exact, depth, ret, err);
    case CDZ_DATE: {
        struct cdz_buf CDZ_AUTO_BUF b = CDZ_BUF_INIT;
        cdz_iso_print(&b, v.date);
        *ret = text_of(cdz_buf_get(&b));
        return CDZ_OK;
    }
    case CDZ_DURATION: /* decimal seconds, as in JSON */
        *ret = marked((double)v.date->seconds + (double)v.date->nanos / 1e9, DOUBLE, 0);
        return CDZ_OK;
    case CDZ_LAZY:
        return convert(v.lazy->all(v.lazy, exact->arena), exact, depth + 1, ret, err);
    }
    abort();
}

cdz_rc cdz_jq_from_val(cdz_val v, struct cdz_jq_exact *exact, jv *ret, struct cdz_err *err)
{
    return convert(v, exact, 0, ret, err);
}

static cdz_val number_val(jv v, const struct cdz_jq_exact *exact)
{
    double f = jv_number_value(v);
    switch (v.pad_) {
    case DOUBLE:
        return cdz_val_float(f);
    case FLOAT:
        return cdz_val_f32((float)f);
    case INTEGER:
        return cdz_val_i32((int32_t)f);
    case LONG:
        return cdz_val_int((int64_t)f);
    case EXACT:
        if (v.size >= 0 && (size_t)v.size < exact->vals.n)
            return exact->vals.v[v.size];
        break;
    default:
        break;
    }
    if (f == floor(f) && fabs(f) < 9.2e18)
        return fabs(f) <= INT32_MAX ? cdz_val_i32((int32_t)f) : cdz_val_int((int64_t)f);
    return cdz_val_float(f);
}

static bool spend(size_t *budget, size_t bytes)
{
    if (bytes > *budget)
        return false;
    *budget -= bytes;
    return true;
}

static cdz_rc too_large(struct cdz_err *err)
{
    return cdz_fail(err, CDZ_E_LIMIT, "the jq program gives more than %u bytes",
                    CDZ_EXPR_OUTPUT_MAX);
}

static cdz_val text_val(jv v, struct cdz_arena *arena)
{
    return cdz_val_text(cdz_arena_str(
        arena, (cdz_str){jv_string_value(v), (size_t)jv_string_length_bytes(jv_copy(v))}));
}

/* Borrows v. */
static cdz_rc revert(jv v, const struct cdz_jq_exact *exact, struct cdz_arena *arena,
                     unsigned depth, size_t *budget, cdz_val *ret, struct cdz_err *err)
{
    cdz_rc rc = CDZ_OK;
    cdz_val to, item;
    if (depth > CDZ_JSON_DEPTH_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "the jq program gives a value nested more than %u deep",
                        CDZ_JSON_DEPTH_MAX);
    if (!spend(budget, sizeof(cdz_val)))
        return too_large(err);
    switch (jv_get_kind(v)) {
    case JV_KIND_TRUE:
    case JV_KIND_FALSE:
        to = cdz_val_bool(jv_get_kind(v) == JV_KIND_TRUE);
        break;
    case JV_KIND_NUMBER:
        to = number_val(v, exact);
        break;
    case JV_KIND_STRING:
        if (!spend(budget, (size_t)jv_string_length_bytes(jv_copy(v))))
            return too_large(err);
        to = text_val(v, arena);
        break;
    case JV_KIND_ARRAY: {
        int n = jv_array_length(jv_copy(v));
        to = cdz_val_list(arena, 0);
        for (int i = 0; i < n && rc == CDZ_OK; i++) {
            jv e = jv_array_get(jv_copy(v), i);
            rc = revert(e, exact, arena, depth + 1, budget, &item, err);
            jv_free(e);
            if (rc == CDZ_OK)
                cdz_list_push(arena, to, item);
        }
        break;
    }
    case JV_KIND_OBJECT:
        to = cdz_val_map(arena, 0);
        for (int i = jv_object_iter(v); jv_object_iter_valid(v, i) && rc == CDZ_OK;
             i = jv_object_iter_next(v, i)) {
            jv key = jv_object_iter_key(v, i), e = jv_object_iter_value(v, i);
            if (!spend(budget, (size_t)jv_string_length_bytes(jv_copy(key))))
                rc = too_large(err);
            else
                rc = revert(e, exact, arena, depth + 1, budget, &item, err);
            if (rc == CDZ_OK)
                cdz_map_put(arena, to, cdz_val_str(text_val(key, arena)), item);
            jv_free(key);
            jv_free(e);
        }
        break;
    default:
        to = CDZ_VAL_NULL;
        break;
    }
    if (rc == CDZ_OK)
        *ret = to;
    return rc;
}

cdz_rc cdz_jq_to_val(jv v, const struct cdz_jq_exact *exact, struct cdz_arena *arena,
                     size_t *budget, cdz_val *ret, struct cdz_err *err)
{
    cdz_rc rc = revert(v, exact, arena, 0, budget, ret, err);
    jv_free(v);
    return rc;
}

jv cdz_jq_mark_double(jv v)
{
    if (jv_get_kind(v) != JV_KIND_NUMBER)
        return v;
    if (isnan(jv_number_value(v)))
        return jv_null();
    return marked(jv_number_value(v), DOUBLE, 0);
}
