/* tests.c -- what may follow `is`: defined, null, empty, even, odd, iterable, map, json. */
#include "base/json.h"
#include "expr/registry.h"

static cdz_rc is_null(struct cdz_call *call, cdz_val *ret)
{
    *ret = cdz_val_bool(cdz_val_is_null(call->input));
    return CDZ_OK;
}

/* The evaluator has turned an unknown name into null: null is not defined either. */
static cdz_rc is_defined(struct cdz_call *call, cdz_val *ret)
{
    *ret = cdz_val_bool(!cdz_val_is_null(call->input));
    return CDZ_OK;
}

static cdz_rc is_empty(struct cdz_call *call, cdz_val *ret)
{
    cdz_val v = call->input;
    bool empty =
        cdz_val_is_null(v) || (v.kind == CDZ_TEXT && cdz_str_trim(cdz_val_str(v)).n == 0) ||
        (v.kind == CDZ_LIST && cdz_list_n(v) == 0) || (v.kind == CDZ_MAP && cdz_map_n(v) == 0);
    *ret = cdz_val_bool(empty);
    return CDZ_OK;
}

static cdz_rc parity(struct cdz_call *call, bool odd, cdz_val *ret)
{
    if (cdz_val_is_null(call->input))
        return cdz_fail(call->err, CDZ_E_EXPRESSION, "Can not pass null value to \"%s\" test.",
                        call->name);
    if (call->input.kind != CDZ_INT)
        return cdz_fail(call->err, CDZ_E_EXPRESSION, "The \"%s\" test needs an integer, not a %s",
                        call->name, cdz_val_kind_name(call->input));
    *ret = cdz_val_bool((call->input.i % 2 != 0) == odd);
    return CDZ_OK;
}

static cdz_rc is_even(struct cdz_call *call, cdz_val *ret)
{
    return parity(call, false, ret);
}

static cdz_rc is_odd(struct cdz_call *call, cdz_val *ret)
{
    return parity(call, true, ret);
}

static cdz_rc is_iterable(struct cdz_call *call, cdz_val *ret)
{
    *ret = cdz_val_bool(call->input.kind == CDZ_LIST);
    return CDZ_OK;
}

static cdz_rc is_map(struct cdz_call *call, cdz_val *ret)
{
    *ret = cdz_val_bool(call->input.kind == CDZ_MAP);
    return CDZ_OK;
}

static cdz_rc is_json(struct cdz_call *call, cdz_val *ret)
{
    cdz_val parsed;
    struct cdz_err ignored; /* why it is no JSON is not asked */
    if (cdz_val_is_null(call->input)) {
        *ret = cdz_val_bool(false);
        return CDZ_OK;
    }
    if (call->input.kind != CDZ_TEXT)
        return cdz_fail(call->err, CDZ_E_EXPRESSION, "The \"json\" test needs a string, not a %s",
                        cdz_val_kind_name(call->input));
    cdz_str text = cdz_val_str(call->input);
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    *ret = cdz_val_bool(cdz_str_trim(text).n == 0 ||
                        cdz_json_parse(text, arena, &parsed, &ignored) == CDZ_OK);
    return CDZ_OK;
}

const struct cdz_callable cdz_core_tests[] = {
    {"defined", {NULL}, is_defined, false},
    {"null", {NULL}, is_null, false},
    {"empty", {NULL}, is_empty, false},
    {"even", {NULL}, is_even, false},
    {"odd", {NULL}, is_odd, false},
    {"iterable", {NULL}, is_iterable, false},
    {"map", {NULL}, is_map, false},
    {"json", {NULL}, is_json, false},
    {0},
};
