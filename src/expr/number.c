/* number.c -- filters on numbers: abs, number, numberFormat; and className, which tells Java's
 * types apart. */
#include "expr/javanum.h"
#include "expr/lib.h"

#include <math.h>

static cdz_rc abs_filter(struct cdz_call *call, cdz_val *ret)
{
    cdz_val v = call->input;
    switch ((enum cdz_kind)v.kind) {
    case CDZ_NULL:
        break;
    case CDZ_INT: /* Math.abs: the smallest has no counterpart and stays */
        if (v.i < 0)
            v.i = v.sub == CDZ_I32 ? (int32_t)(0 - (uint32_t)v.i) : (int64_t)(0 - (uint64_t)v.i);
        break;
    case CDZ_FLOAT:
        v.f = fabs(v.f);
        break;
    case CDZ_DECIMAL: {
        cdz_str s = cdz_val_str(v);
        if (s.n > 0 && s.p[0] == '-')
            v = cdz_val_decimal(cdz_str_sub(s, 1, s.n), v.sub);
        break;
    }
    default:
        return cdz_call_fail(call,
                             "'abs' filter can only be applied to Number. Actual type was: %s",
                             cdz_java_class(v));
    }
    *ret = v;
    return CDZ_OK;
}

static cdz_rc number_filter(struct cdz_call *call, cdz_val *ret)
{
    static const char *const types[] = {
        [CDZ_NUM_INT] = "INT",
        [CDZ_NUM_LONG] = "LONG",
        [CDZ_NUM_FLOAT] = "FLOAT",
        [CDZ_NUM_DOUBLE] = "DOUBLE",
        [CDZ_NUM_BIGDECIMAL] = "BIGDECIMAL",
        [CDZ_NUM_BIGINTEGER] = "BIGINTEGER",
    };
    enum cdz_javanum_type type = CDZ_NUM_ANY; /* an unknown name means the same as none */
    cdz_str s, name;
    if (cdz_val_is_null(call->input)) {
        *ret = CDZ_VAL_NULL;
        return CDZ_OK;
    }
    CDZ_TRY(cdz_input_text(call, &s));
    CDZ_TRY(cdz_arg_text_or(call, 0, "type", CDZ_STR(""), &name));
    for (size_t i = CDZ_NUM_INT; i < CDZ_COUNT(types); i++) {
        if (cdz_str_is(name, types[i]))
            type = (enum cdz_javanum_type)i;
    }
    if (!cdz_javanum_parse(s, type, call->arena, ret))
        return cdz_call_fail(call, "%.*s is not a valid number.", CDZ_S(s));
    return CDZ_OK;
}

static cdz_rc number_format_filter(struct cdz_call *call, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    cdz_str pattern;
    if (cdz_val_is_null(call->input)) {
        *ret = CDZ_VAL_NULL;
        return CDZ_OK;
    }
    CDZ_TRY(cdz_arg_text_or(call, 0, "format", CDZ_STR("#,##0.###"), &pattern));
    to.max = CDZ_EXPR_OUTPUT_MAX;
    CDZ_TRY(cdz_call_wrap(call, cdz_javanum_format(&to, call->input, pattern, call->err)));
    *ret = cdz_val_text(cdz_buf_copy(&to, call->arena));
    return CDZ_OK;
}

static cdz_rc class_name_filter(struct cdz_call *call, cdz_val *ret)
{
    *ret = cdz_val_is_null(call->input) ? CDZ_VAL_NULL : cdz_val_z(cdz_java_class(call->input));
    return CDZ_OK;
}

const struct cdz_callable cdz_number_filters[] = {
    {"abs", {NULL}, abs_filter, false},
    {"className", {NULL}, class_name_filter, false},
    {"number", {"type"}, number_filter, false},
    {"numberFormat", {"format"}, number_format_filter, false},
    {NULL},
};
