/*
 * inputs.c -- posted values against the declared inputs of a flow. reference/flow.md §6.3.
 *
 * Each input is resolved once, its dependencies first. A wrong value ends everything with one
 * message; nothing is returned then. The result is nested: `a.b` becomes {a: {b: ...}}.
 */
#include "model/inputs.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/regex.h"
#include "base/time.h"
#include "expr/expr.h"

enum state { NEW, OPEN, DONE };

struct resolved {
    enum state state;
    bool enabled;
    cdz_val value;
};

struct resolver {
    const struct cdz_flow *flow;
    cdz_val posted;
    struct cdz_arena *arena;
    struct resolved *all;
    struct cdz_err *err;
};

static cdz_val raw_value(const struct resolver *r, const struct cdz_input *input)
{
    cdz_val v = r->posted.kind == CDZ_MAP ? cdz_map_get(r->posted, input->id) : CDZ_VAL_NULL;
    /* Another flow may hand over nested maps. */
    if (v.kind == CDZ_NULL && r->posted.kind == CDZ_MAP &&
        cdz_str_chr(input->id, '.', 0) != SIZE_MAX)
        v = cdz_val_path(r->posted, cdz_arena_z(r->arena, input->id));
    return v.kind == CDZ_NULL && input->has_default ? input->defaults : v;
}

/* "Invalid input for `id`, <piece>, but received `<raw>`" */
static cdz_rc wrong(struct resolver *r, const struct cdz_input *input, cdz_val raw, const char *fmt,
                    ...) CDZ_PRINTF(4, 5);

static cdz_rc wrong(struct resolver *r, const struct cdz_input *input, cdz_val raw, const char *fmt,
                    ...)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    cdz_str piece = cdz_arena_vprintf(r->arena, fmt, ap);
    va_end(ap);
    if (raw.kind == CDZ_NULL)
        cdz_buf_z(&text, "null");
    else if (cdz_str_is(input->type, "SECRET"))
        cdz_buf_z(&text, "******");
    else
        cdz_expr_print(&text, raw);
    return cdz_fail(r->err, CDZ_E_INVALID, "Invalid input for `%.*s`, %.*s, but received `%.*s`",
                    CDZ_S(input->id), CDZ_S(piece), (int)(text.n < 200 ? text.n : 200),
                    text.p ? text.p : "");
}

static cdz_val property(const struct cdz_input *input, const char *name)
{
    return cdz_map_getz(input->source, name);
}

static bool flag(const struct cdz_input *input, const char *name)
{
    cdz_val v = property(input, name);
    return v.kind == CDZ_BOOL ? v.b
                              : v.kind == CDZ_TEXT && cdz_str_ieq(cdz_val_str(v), CDZ_STR("true"));
}

/* A bound as the text that was written, for messages. */
static cdz_str bound_text(const struct resolver *r, cdz_val bound)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    cdz_expr_print(&text, bound);
    return cdz_buf_copy(&text, r->arena);
}

/* ---- validation ---- */

static cdz_rc check_pattern(struct resolver *r, const struct cdz_input *input, cdz_val value)
{
    cdz_val validator = property(input, "validator");
    CDZ_AUTO_REGEX re = NULL;
    bool good = false;
    if (validator.kind != CDZ_TEXT || value.kind != CDZ_TEXT)
        return CDZ_OK;
    CDZ_TRY(cdz_regex_compile(cdz_val_str(validator), &re, r->err));
    CDZ_TRY(cdz_regex_match(re, cdz_val_str(value), true, &good, r->err));
    return good ? CDZ_OK
                : wrong(r, input, value, "it must match the pattern `%.*s`",
                        CDZ_S(cdz_val_str(validator)));
}

static double number_of(cdz_val v)
{
    double d = 0;
    if (v.kind == CDZ_TEXT)
        (void)cdz_str_to_double(cdz_val_str(v), &d); /* checked with the flow */
    return v.kind == CDZ_INT ? (double)v.i : v.kind == CDZ_FLOAT ? v.f : d;
}

static double seconds_of(cdz_val v)
{
    int64_t seconds;
    int32_t nanos;
    if (v.kind == CDZ_TEXT && cdz_duration_parse(cdz_val_str(v), &seconds, &nanos))
        return (double)seconds + nanos / 1e9;
    return number_of(v);
}

static cdz_rc check_range(struct resolver *r, const struct cdz_input *input, cdz_val value,
                          cdz_val raw)
{
    bool duration = cdz_str_is(input->type, "DURATION");
    cdz_val min = property(input, "min"), max = property(input, "max");
    double v = number_of(value), low = duration ? seconds_of(min) : number_of(min),
           high = duration ? seconds_of(max) : number_of(max);
    const char *it = duration ? "It" : "it"; /* the original's capital letter is kept */
    if (cdz_str_is(input->type, "FLOAT")) {
        /* Both sides as 32-bit numbers, as the value was. */
        v = (float)v;
        low = (float)low;
        high = (float)high;
    }
    if (min.kind != CDZ_NULL && v < low)
        return wrong(r, input, raw, "%s must be more than `%.*s`", it, CDZ_S(bound_text(r, min)));
    if (max.kind != CDZ_NULL && v > high)
        return wrong(r, input, raw, "%s must be less than `%.*s`", it, CDZ_S(bound_text(r, max)));
    return CDZ_OK;
}

static cdz_rc check_dates(struct resolver *r, const struct cdz_input *input, cdz_val value)
{
    static const char *const names[] = {"after", "before"};
    for (size_t i = 0; i < CDZ_COUNT(names); i++) {
        cdz_val bound = property(input, names[i]), typed;
        struct cdz_err err;
        if (bound.kind == CDZ_NULL || cdz_typed_convert(input->id, input->type, CDZ_STR(""), bound,
                                                        r->arena, &typed, &err) != CDZ_OK)
            continue;
        /* ISO texts of one form sort as their dates do. */
        int order = cdz_str_cmp(cdz_val_str(value), cdz_val_str(typed));
        if (i == 0 ? order < 0 : order > 0)
            return wrong(r, input, value, "it must be %s `%.*s`", names[i],
                         CDZ_S(bound_text(r, bound)));
    }
    return CDZ_OK;
}

static bool has_text(cdz_val list, cdz_str s, struct cdz_arena *arena)
{
    CDZ_LIST_EACH (item, list) {
        struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
        if (item->kind == CDZ_TEXT ? cdz_str_eq(cdz_val_str(*item), s) : false)
            return true;
        cdz_expr_print(&text, *item);
        if (item->kind != CDZ_TEXT && cdz_str_eq(cdz_buf_copy(&text, arena), s))
            return true;
    }
    return false;
}

/* Every one of the values (a list, or one) must be among the choices. */
static cdz_rc check_choices(struct resolver *r, const struct cdz_input *input, cdz_val value,
                            cdz_val choices)
{
    struct cdz_buf CDZ_AUTO_BUF names = CDZ_BUF_INIT;
    bool good = true;
    if (value.kind == CDZ_LIST) {
        CDZ_LIST_EACH (item, value) {
            struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
            cdz_expr_print(&text, *item);
            good = good && has_text(choices, cdz_buf_get(&text), r->arena);
        }
    } else {
        good = has_text(choices, cdz_val_str(value), r->arena);
    }
    if (good)
        return CDZ_OK;
    CDZ_LIST_EACH (item, choices) {
        cdz_buf_z(&names, names.n ? ", " : "");
        cdz_expr_print(&names, *item);
    }
    return wrong(r, input, value, "it must match the values `[%.*s]`", CDZ_S(cdz_buf_get(&names)));
}

/* ---- choices that an expression gives ---- */

/* The variables of an input's expressions: the inputs that it says it depends on, nested. */
static cdz_rc nest(struct cdz_arena *arena, cdz_val map, cdz_str id, cdz_val value,
                   struct cdz_err *err)
{
    for (size_t dot; (dot = cdz_str_chr(id, '.', 0)) != SIZE_MAX;
         id = cdz_str_sub(id, dot + 1, id.n)) {
        cdz_str key = cdz_str_sub(id, 0, dot);
        cdz_val *inner = cdz_map_find(map, key);
        if (!inner) {
            cdz_map_put(arena, map, key, cdz_val_map(arena, 0));
            inner = cdz_map_find(map, key);
        }
        if (inner->kind != CDZ_MAP)
            return cdz_fail(err, CDZ_E_INVALID, "Conflict at key: %.*s", CDZ_S(key));
        map = *inner;
    }
    if (cdz_map_find(map, id))
        return cdz_fail(err, CDZ_E_INVALID, "Conflict at key: %.*s", CDZ_S(id));
    cdz_map_put(arena, map, id, value);
    return CDZ_OK;
}

static const struct cdz_input *find_input(const struct cdz_flow *flow, cdz_str id)
{
    for (size_t i = 0; i < flow->input_count; i++)
        if (cdz_str_eq(flow->inputs[i].id, id))
            return &flow->inputs[i];
    return NULL;
}

static cdz_val dependencies(const struct cdz_input *input)
{
    cdz_val list = cdz_map_getz(property(input, "dependsOn"), "inputs");
    return list.kind == CDZ_LIST ? list : CDZ_VAL_NULL;
}

static cdz_rc variables_of(struct resolver *r, const struct cdz_input *input, cdz_val *ret)
{
    cdz_val inputs = cdz_val_map(r->arena, 0), vars = cdz_val_map(r->arena, 1),
            list = dependencies(input);
    if (list.kind == CDZ_LIST) {
        CDZ_LIST_EACH (name, list) {
            const struct cdz_input *to =
                name->kind == CDZ_TEXT ? find_input(r->flow, cdz_val_str(*name)) : NULL;
            if (to && r->all[to - r->flow->inputs].enabled)
                CDZ_TRY(nest(r->arena, inputs, to->id, r->all[to - r->flow->inputs].value, r->err));
        }
    }
    cdz_map_putz(r->arena, vars, "inputs", inputs);
    *ret = vars;
    return CDZ_OK;
}

static cdz_rc choices_of(struct resolver *r, const struct cdz_input *input, cdz_val *ret)
{
    cdz_val expression = property(input, "expression"), vars, v;
    struct cdz_map_env env;
    struct cdz_err err;
    *ret = property(input, property(input, "values").kind == CDZ_LIST ? "values" : "options");
    if (expression.kind != CDZ_TEXT)
        return CDZ_OK;
    CDZ_TRY(variables_of(r, input, &vars));
    cdz_map_env_init(&env, vars);
    if (cdz_expr_eval(cdz_val_str(expression), &env.env, r->arena, &v, &err) != CDZ_OK)
        return wrong(r, input, CDZ_VAL_NULL, "Cannot render 'expression'. Cause: %s", err.text);
    if (v.kind != CDZ_LIST)
        return wrong(r, input, CDZ_VAL_NULL,
                     "Invalid expression result. Expected a list of strings, but received %s",
                     cdz_val_kind_name(v));
    cdz_val list = cdz_val_list(r->arena, cdz_list_n(v));
    CDZ_LIST_EACH (item, v)
        if (item->kind != CDZ_NULL)
            cdz_list_push(r->arena, list, cdz_val_text(bound_text(r, *item)));
    *ret = list;
    return CDZ_OK;
}

static cdz_rc validate(struct resolver *r, const struct cdz_input *input, cdz_val value,
                       cdz_val raw)
{
    if (cdz_str_is(input->type, "STRING"))
        return check_pattern(r, input, value);
    if (cdz_str_is(input->type, "SECRET"))
        return check_pattern(
            r, input, cdz_map_getz(value, "value")); /* on the encrypted text, as the original */
    if (cdz_str_is(input->type, "INT") || cdz_str_is(input->type, "FLOAT") ||
        cdz_str_is(input->type, "DURATION"))
        return check_range(r, input, value, raw);
    if (cdz_str_is(input->type, "DATE") || cdz_str_is(input->type, "TIME") ||
        cdz_str_is(input->type, "DATETIME"))
        return check_dates(r, input, value);
    bool choice = cdz_str_is(input->type, "SELECT") || cdz_str_is(input->type, "MULTISELECT");
    if (!choice && !cdz_str_is(input->type, "ENUM"))
        return CDZ_OK;
    cdz_val choices;
    CDZ_TRY(choices_of(r, input, &choices));
    /* An optional choice is not checked, and a custom one neither. */
    if (!input->required || (choice && flag(input, "allowCustomValue")) || choices.kind != CDZ_LIST)
        return CDZ_OK;
    return check_choices(r, input, value, choices);
}

/* ---- one input ---- */

static cdz_rc resolve(struct resolver *r, size_t at, unsigned depth);

/* Dependencies first. *enabled: all of them are, and the condition holds. */
static cdz_rc resolve_dependencies(struct resolver *r, const struct cdz_input *input,
                                   unsigned depth, bool *enabled)
{
    cdz_val list = dependencies(input),
            condition = cdz_map_getz(property(input, "dependsOn"), "condition");
    *enabled = true;
    if (list.kind != CDZ_LIST)
        return CDZ_OK;
    CDZ_LIST_EACH (name, list) {
        const struct cdz_input *to =
            name->kind == CDZ_TEXT ? find_input(r->flow, cdz_val_str(*name)) : NULL;
        if (!to)
            continue;
        CDZ_TRY(resolve(r, (size_t)(to - r->flow->inputs), depth + 1));
        *enabled = *enabled && r->all[to - r->flow->inputs].enabled;
    }
    if (!*enabled || condition.kind == CDZ_NULL)
        return CDZ_OK;
    cdz_val vars, v = condition;
    struct cdz_map_env env;
    struct cdz_err err;
    CDZ_TRY(variables_of(r, input, &vars));
    cdz_map_env_init(&env, vars);
    if (condition.kind == CDZ_TEXT &&
        cdz_expr_eval(cdz_val_str(condition), &env.env, r->arena, &v, &err) != CDZ_OK)
        return wrong(r, input, CDZ_VAL_NULL, "Invalid condition: %s", err.text);
    *enabled = v.kind == CDZ_BOOL && v.b; /* a text "true" is not enough, as with the original */
    return CDZ_OK;
}

static cdz_str item_type_of(const struct cdz_input *input)
{
    cdz_val v = property(input, "itemType");
    if (v.kind == CDZ_TEXT)
        return cdz_val_str(v);
    return cdz_str_is(input->type, "MULTISELECT") ? CDZ_STR("STRING") : CDZ_STR("");
}

static cdz_rc resolve_value(struct resolver *r, const struct cdz_input *input, cdz_val *ret)
{
    cdz_val raw = raw_value(r, input);
    struct cdz_err err;
    *ret = CDZ_VAL_NULL;
    if (raw.kind == CDZ_NULL)
        return input->required ? wrong(r, input, raw, "missing required input") : CDZ_OK;
    if ((raw.kind == CDZ_TEXT) && raw.n > CDZ_INPUT_BYTES_MAX)
        return cdz_fail(r->err, CDZ_E_TOO_LARGE,
                        "Invalid input for `%.*s`, it is larger than %u bytes", CDZ_S(input->id),
                        CDZ_INPUT_BYTES_MAX);
    if (cdz_typed_convert(input->id, input->type, item_type_of(input), raw, r->arena, ret, &err) !=
        CDZ_OK)
        return wrong(r, input, raw, "%s", err.text);
    return validate(r, input, *ret, raw);
}

static cdz_rc resolve(struct resolver *r, size_t at, unsigned depth)
{
    const struct cdz_input *input = &r->flow->inputs[at];
    struct resolved *it = &r->all[at];
    if (it->state == DONE)
        return CDZ_OK;
    /* Cycles and depth were checked with the flow; flows that were stored by older versions may
     * still have them. */
    if (it->state == OPEN || depth > CDZ_INPUT_DEPTH_MAX)
        return cdz_fail(r->err, CDZ_E_INVALID, "Cycle dependency detected for input with id '%.*s'",
                        CDZ_S(input->id));
    it->state = OPEN;
    CDZ_TRY(resolve_dependencies(r, input, depth, &it->enabled));
    if (it->enabled)
        CDZ_TRY(resolve_value(r, input, &it->value));
    it->state = DONE;
    return CDZ_OK;
}

cdz_rc cdz_inputs_resolve(const struct cdz_flow *flow, cdz_val posted, struct cdz_arena *arena,
                          cdz_val *ret, struct cdz_err *err)
{
    struct resolver r = {flow, posted, arena, CDZ_NEW_N(arena, struct resolved, flow->input_count),
                         err};
    cdz_val inputs = cdz_val_map(arena, flow->input_count);
    for (size_t i = 0; i < flow->input_count; i++)
        CDZ_TRY(resolve(&r, i, 0));
    for (size_t i = 0; i < flow->input_count; i++)
        if (r.all[i].enabled)
            CDZ_TRY(nest(arena, inputs, flow->inputs[i].id, r.all[i].value, err));
    *ret = inputs;
    return CDZ_OK;
}
