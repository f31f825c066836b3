/*
 * inputs.c -- posted values against the declared inputs of a flow. reference/flow.md §6.3.
 *
 * Each input is resolved once, its dependencies first. The first wrong value is what an execution is
 * refused with; each keeps its own message, for forms. The result is nested: `a.b` becomes {a: {b:
 * ...}}.
 */
#include "model/inputs.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/regex.h"
#include "base/time.h"
#include "expr/crypt.h"
#include "expr/expr.h"

enum state { NEW, OPEN, DONE };

struct resolved {
    enum state state;
    struct cdz_input_result result;
};

struct resolver {
    const struct cdz_input *inputs;
    size_t n;
    cdz_val posted;
    const struct cdz_inputs_options *options;
    struct cdz_arena *arena;
    struct resolved *all;
    struct cdz_err *err;  /* of the input at hand */
    struct cdz_err first; /* rc CDZ_OK: nothing is wrong so far */
};

/* ---- expressions: `inputs` are those that the input depends on, the rest is the caller's ---- */

struct inputs_env {
    struct cdz_env env; /* first */
    struct cdz_env *inner;
    cdz_val inputs;
};

static bool inputs_lookup(struct cdz_env *env, cdz_str name, struct cdz_arena *arena, cdz_val *ret)
{
    struct inputs_env *e = (struct inputs_env *)env;
    if (cdz_str_is(name, "inputs")) {
        *ret = e->inputs;
        return true;
    }
    return e->inner && e->inner->lookup(e->inner, name, arena, ret);
}

static cdz_val inputs_all(struct cdz_env *env, struct cdz_arena *arena)
{
    struct inputs_env *e = (struct inputs_env *)env;
    cdz_val all = e->inner && e->inner->all ? cdz_val_copy(arena, e->inner->all(e->inner, arena))
                                            : cdz_val_map(arena, 1);
    cdz_map_putz(arena, all, "inputs", e->inputs);
    return all;
}

static cdz_rc variables_of(struct resolver *r, const struct cdz_input *input,
                           struct inputs_env *ret);

/* ---- raw values ---- */

static bool has_expression(cdz_val v)
{
    if (v.kind == CDZ_TEXT)
        return cdz_str_find(cdz_val_str(v), CDZ_STR("{{"), 0) != SIZE_MAX ||
               cdz_str_find(cdz_val_str(v), CDZ_STR("{%"), 0) != SIZE_MAX;
    if (v.kind == CDZ_LIST)
        CDZ_LIST_EACH (item, v)
            if (has_expression(*item))
                return true;
    if (v.kind == CDZ_MAP)
        CDZ_MAP_EACH (e, v)
            if (has_expression(e->val))
                return true;
    return false;
}

static cdz_val posted_value(const struct resolver *r, const struct cdz_input *input)
{
    cdz_val v = r->posted.kind == CDZ_MAP ? cdz_map_get(r->posted, input->id) : CDZ_VAL_NULL;
    /* Another flow may hand over nested maps. */
    if (v.kind == CDZ_NULL && r->posted.kind == CDZ_MAP &&
        cdz_str_chr(input->id, '.', 0) != SIZE_MAX)
        v = cdz_val_path(r->posted, cdz_arena_z(r->arena, input->id));
    return v;
}

static cdz_rc wrong(struct resolver *r, const struct cdz_input *input, cdz_val raw, const char *fmt,
                    ...) CDZ_PRINTF(4, 5);

/*
 * The default, rendered if it holds expressions: as text for a type that is a text, else typed. One
 * that reads what is not there stays as it is: the original's 0.20 renders no defaults, and its flows
 * render such an input later, within the execution.
 */
static cdz_rc default_value(struct resolver *r, const struct cdz_input *input, cdz_val *ret)
{
    const struct cdz_input_type *type = cdz_input_type_find(input->type);
    cdz_val written = input->has_default ? input->defaults : CDZ_VAL_NULL, v = written;
    struct inputs_env env;
    struct cdz_err err;
    cdz_str text;
    cdz_rc rc;
    *ret = written;
    if (!has_expression(written))
        return CDZ_OK;
    CDZ_TRY(variables_of(r, input, &env));
    if (written.kind != CDZ_TEXT) {
        rc = cdz_val_render(written, &env.env, r->arena, &v, &err);
    } else if (type && !(type->flags & CDZ_INPUT_TEXT)) {
        rc = cdz_expr_eval(cdz_val_str(written), &env.env, r->arena, &v, &err);
    } else {
        rc = cdz_expr_render(cdz_val_str(written), &env.env, r->arena, &text, &err);
        v = rc == CDZ_OK ? cdz_val_text(text) : written;
    }
    if (rc != CDZ_OK && rc != CDZ_E_UNDEFINED)
        return wrong(r, input, written, "Cannot render 'defaults'. Cause: %s", err.text);
    *ret = rc == CDZ_OK ? v : written;
    return CDZ_OK;
}

/* "Invalid input for `id`, <piece>, but received `<raw>`" */
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

static cdz_str printed(const struct resolver *r, cdz_val v)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    cdz_expr_print(&text, v);
    return cdz_buf_copy(&text, r->arena);
}

/* A bound as java.time prints what was written: 01:00:00 is 01:00, PT90S is PT1M30S. */
static cdz_str bound_text(const struct resolver *r, const struct cdz_input *input, cdz_val bound)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    struct cdz_date date;
    int64_t seconds;
    int32_t nanos;
    cdz_str s = printed(r, bound);
    if (cdz_str_is(input->type, "DURATION") && cdz_duration_parse(s, &seconds, &nanos)) {
        cdz_duration_print(&text, seconds, nanos);
    } else if ((cdz_str_is(input->type, "DATETIME") || cdz_str_is(input->type, "TIME")) &&
               cdz_iso_parse(s, &date)) {
        if (cdz_str_is(input->type, "DATETIME"))
            date.type = CDZ_INSTANT;
        cdz_iso_print(&text, &date);
    } else {
        return s;
    }
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
        return wrong(r, input, raw, "%s must be more than `%.*s`", it,
                     CDZ_S(bound_text(r, input, min)));
    if (max.kind != CDZ_NULL && v > high)
        return wrong(r, input, raw, "%s must be less than `%.*s`", it,
                     CDZ_S(bound_text(r, input, max)));
    return CDZ_OK;
}

static cdz_rc check_dates(struct resolver *r, const struct cdz_input *input, cdz_val value,
                          cdz_val raw)
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
            return wrong(r, input, raw, "it must be %s `%.*s`", names[i],
                         CDZ_S(bound_text(r, input, bound)));
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

/* ---- dependencies ---- */

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

/* The input of a dependency, or NULL: ids that are not declared are ignored. */
static struct resolved *find_input(const struct resolver *r, const cdz_val *id)
{
    for (size_t i = 0; id->kind == CDZ_TEXT && i < r->n; i++)
        if (cdz_str_eq(r->inputs[i].id, cdz_val_str(*id)))
            return &r->all[i];
    return NULL;
}

static cdz_val dependencies(const struct cdz_input *input)
{
    cdz_val list = cdz_map_getz(property(input, "dependsOn"), "inputs");
    return list.kind == CDZ_LIST ? list : CDZ_VAL_NULL;
}

static cdz_rc variables_of(struct resolver *r, const struct cdz_input *input,
                           struct inputs_env *ret)
{
    cdz_val inputs = cdz_val_map(r->arena, 0), list = dependencies(input);
    struct cdz_env *inner = r->options->env;
    if (list.kind == CDZ_LIST) {
        CDZ_LIST_EACH (name, list) {
            const struct resolved *to = find_input(r, name);
            if (to && to->result.enabled && !to->result.error.n)
                CDZ_TRY(
                    nest(r->arena, inputs, r->inputs[to - r->all].id, to->result.value, r->err));
        }
    }
    *ret = (struct inputs_env){
        .env = {.lookup = inputs_lookup, .all = inputs_all}, .inner = inner, .inputs = inputs};
    if (inner) {
        ret->env.world = inner->world;
        ret->env.world_ctx = inner->world_ctx;
        ret->env.zone = inner->zone;
        ret->env.recursive = inner->recursive;
    }
    return CDZ_OK;
}

static cdz_rc choices_of(struct resolver *r, const struct cdz_input *input, cdz_val *ret)
{
    cdz_val expression = property(input, "expression"), v;
    struct inputs_env env;
    struct cdz_err err;
    *ret = property(input, property(input, "values").kind == CDZ_LIST ? "values" : "options");
    if (expression.kind != CDZ_TEXT)
        return CDZ_OK;
    CDZ_TRY(variables_of(r, input, &env));
    if (cdz_expr_eval(cdz_val_str(expression), &env.env, r->arena, &v, &err) != CDZ_OK)
        return wrong(r, input, CDZ_VAL_NULL, "Cannot render 'expression'. Cause: %s", err.text);
    if (v.kind != CDZ_LIST)
        return wrong(r, input, CDZ_VAL_NULL,
                     "Invalid expression result. Expected a list of strings, but received %s",
                     cdz_val_kind_name(v));
    cdz_val list = cdz_val_list(r->arena, cdz_list_n(v));
    CDZ_LIST_EACH (item, v)
        if (item->kind != CDZ_NULL)
            cdz_list_push(r->arena, list, cdz_val_text(printed(r, *item)));
    *ret = list;
    return CDZ_OK;
}

/* ---- validation of the kinds together ---- */

static cdz_rc validate(struct resolver *r, const struct cdz_input *input, cdz_val value,
                       cdz_val raw)
{
    if (cdz_str_is(input->type, "STRING"))
        return check_pattern(r, input, value);
    if (cdz_str_is(input->type, "SECRET"))
        return check_pattern(r, input, value); /* on the encrypted text, as the original */
    if (cdz_str_is(input->type, "INT") || cdz_str_is(input->type, "FLOAT") ||
        cdz_str_is(input->type, "DURATION"))
        return check_range(r, input, value, raw);
    if (cdz_str_is(input->type, "DATE") || cdz_str_is(input->type, "TIME") ||
        cdz_str_is(input->type, "DATETIME"))
        return check_dates(r, input, value, raw);
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

static void resolve(struct resolver *r, size_t at, unsigned depth);

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
        const struct resolved *to = find_input(r, name);
        if (!to)
            continue;
        resolve(r, (size_t)(to - r->all), depth + 1);
        *enabled = *enabled && to->result.enabled;
    }
    if (!*enabled || condition.kind == CDZ_NULL)
        return CDZ_OK;
    cdz_val v = condition;
    struct inputs_env env;
    struct cdz_err err;
    CDZ_TRY(variables_of(r, input, &env));
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

/* Stored as the encrypted text alone: the flow tells which inputs are secrets. */
static cdz_rc to_secret(struct resolver *r, const struct cdz_input *input, cdz_val raw,
                        cdz_val *ret)
{
    cdz_str encrypted;
    struct cdz_err err;
    if (cdz_crypt_wrapped(raw, &encrypted)) {
        *ret = cdz_val_text(encrypted);
        return CDZ_OK;
    }
    if (!r->options->encrypt)
        return wrong(r, input, raw,
                     "Unable to use a `SECRET` input/output as encryption is not configured");
    if (r->options->encrypt(r->options->encrypt_ctx, printed(r, raw), r->arena, &encrypted, &err) !=
        CDZ_OK)
        return wrong(r, input, raw, "%s", err.text);
    *ret = cdz_val_text(encrypted);
    return CDZ_OK;
}

static cdz_rc resolve_value(struct resolver *r, const struct cdz_input *input,
                            struct cdz_input_result *ret)
{
    cdz_val raw = posted_value(r, input);
    struct cdz_err err;
    if (raw.kind == CDZ_NULL) {
        CDZ_TRY(default_value(r, input, &raw));
        ret->is_default = true;
    }
    ret->value = cdz_str_is(input->type, "SECRET") ? CDZ_VAL_NULL : raw;
    if (raw.kind == CDZ_NULL)
        return input->required ? wrong(r, input, raw, "missing required input") : CDZ_OK;
    if ((raw.kind == CDZ_TEXT) && raw.n > CDZ_INPUT_BYTES_MAX)
        return cdz_fail(r->err, CDZ_E_TOO_LARGE,
                        "Invalid input for `%.*s`, it is larger than %u bytes", CDZ_S(input->id),
                        CDZ_INPUT_BYTES_MAX);
    cdz_val value;
    if (cdz_str_is(input->type, "SECRET"))
        CDZ_TRY(to_secret(r, input, raw, &value));
    else if (cdz_typed_convert(input->id, input->type, item_type_of(input), raw, r->arena, &value,
                               &err) != CDZ_OK)
        return wrong(r, input, raw, "%s", err.text);
    CDZ_TRY(validate(r, input, value, raw));
    ret->value = value;
    return CDZ_OK;
}

static cdz_rc resolve_one(struct resolver *r, size_t at, unsigned depth)
{
    const struct cdz_input *input = &r->inputs[at];
    struct resolved *it = &r->all[at];
    /* Cycles and depth were checked with the flow; flows that were stored by older versions may
     * still have them. */
    if (it->state == OPEN || depth > CDZ_INPUT_DEPTH_MAX)
        return cdz_fail(r->err, CDZ_E_INVALID, "Cycle dependency detected for input with id '%.*s'",
                        CDZ_S(input->id));
    it->state = OPEN;
    CDZ_TRY(resolve_dependencies(r, input, depth, &it->result.enabled));
    return it->result.enabled ? resolve_value(r, input, &it->result) : CDZ_OK;
}

static void resolve(struct resolver *r, size_t at, unsigned depth)
{
    struct resolved *it = &r->all[at];
    struct cdz_err *outer = r->err, mine = {0};
    if (it->state == DONE)
        return;
    r->err = &mine;
    cdz_rc rc = resolve_one(r, at, depth);
    r->err = outer;
    it->state = DONE;
    if (rc == CDZ_OK)
        return;
    it->result.error = cdz_arena_str(r->arena, cdz_str_z(mine.text));
    if (r->first.rc == CDZ_OK)
        r->first = mine;
}

static struct resolver resolve_all(const struct cdz_input *inputs, size_t n, cdz_val posted,
                                   const struct cdz_inputs_options *options,
                                   struct cdz_arena *arena)
{
    static const struct cdz_inputs_options nothing;
    struct resolver r = {.inputs = inputs,
                         .n = n,
                         .posted = posted,
                         .options = options ? options : &nothing,
                         .arena = arena,
                         .all = CDZ_NEW_N(arena, struct resolved, n)};
    for (size_t i = 0; i < n; i++)
        resolve(&r, i, 0);
    return r;
}

cdz_rc cdz_inputs_resolve_list(const struct cdz_input *inputs, size_t n, cdz_val posted,
                               const struct cdz_inputs_options *options, struct cdz_arena *arena,
                               cdz_val *ret, struct cdz_err *err)
{
    struct resolver r = resolve_all(inputs, n, posted, options, arena);
    cdz_val map = cdz_val_map(arena, n);
    if (r.first.rc != CDZ_OK) {
        *err = r.first;
        return r.first.rc;
    }
    for (size_t i = 0; i < n; i++)
        if (r.all[i].result.enabled)
            CDZ_TRY(nest(arena, map, inputs[i].id, r.all[i].result.value, err));
    *ret = map;
    return CDZ_OK;
}

cdz_rc cdz_inputs_resolve(const struct cdz_flow *flow, cdz_val posted, struct cdz_arena *arena,
                          cdz_val *ret, struct cdz_err *err)
{
    return cdz_inputs_resolve_list(flow->inputs, flow->input_count, posted, NULL, arena, ret, err);
}

void cdz_inputs_check(const struct cdz_input *inputs, size_t n, cdz_val posted,
                      const struct cdz_inputs_options *options, struct cdz_arena *arena,
                      struct cdz_input_result **ret)
{
    struct resolver r = resolve_all(inputs, n, posted, options, arena);
    *ret = CDZ_NEW_N(arena, struct cdz_input_result, n);
    for (size_t i = 0; i < n; i++)
        (*ret)[i] = r.all[i].result;
}
