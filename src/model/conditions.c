/*
 * conditions.c -- the conditions of listeners, triggers and conditions, from their maps to struct
 * cdz_condition; and what they share with triggers: finding a type, states, time windows.
 * reference/tasks.md §9. What a condition may say is in its descriptor (src/condition).
 */
#include "model/compile.h"

#include "base/time.h"
#include "model/state.h"

const struct cdz_type *cdz_compile_type(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                                        enum cdz_type_kind kind, const struct cdz_path *path,
                                        const struct cdz_known_type **known)
{
    const struct cdz_yaml_node *type = cdz_yaml_get(node, "type");
    struct cdz_path here = cdz_path_key(path, CDZ_STR("type"));
    cdz_str name = type && type->kind == CDZ_YAML_SCALAR ? type->text : CDZ_STR("");
    *known = NULL;
    if (!name.n) {
        cdz_compile_error(c, type ? type->mark : node->mark, &here, NULL, "Invalid type: <null>");
        return NULL;
    }
    const struct cdz_type *have = cdz_type_find(c->options->registry, name);
    if (have && have->kind == kind)
        return have;
    *known = cdz_known_type_find(name);
    if (*known && (*known)->kind == kind)
        return NULL;
    *known = NULL;
    const char *nearest = cdz_type_nearest(c->options->registry, name, kind);
    if (!nearest)
        nearest = cdz_known_type_nearest(name, kind);
    cdz_compile_error(c, type->mark, &here, cdz_compile_hint(c, nearest), "Invalid type: %.*s",
                      CDZ_S(name));
    return NULL;
}

uint32_t cdz_states_of(cdz_val names)
{
    uint32_t bits = 0;
    enum cdz_state state;
    if (names.kind != CDZ_LIST)
        return 0;
    CDZ_LIST_EACH (name, names)
        if (name->kind == CDZ_TEXT && cdz_state_parse(cdz_val_str(*name), &state))
            bits |= 1u << state;
    return bits;
}

/* ---- time windows ---- */

const struct cdz_prop cdz_time_window_props[] = {
    {"type", CDZ_PROP_ENUM, 0, "DURATION_WINDOW", .doc = "How the window is laid.",
     .values = (const char *const[]){"DURATION_WINDOW", "SLIDING_WINDOW", "DAILY_TIME_DEADLINE",
                                     "DAILY_TIME_WINDOW", NULL}},
    {"window", CDZ_PROP_DURATION, 0, .doc = "Its length."},
    {"windowAdvance", CDZ_PROP_DURATION, 0, .doc = "How much later it begins."},
    {"startTime", CDZ_PROP_STRING, 0, .doc = "Its begin, each day."},
    {"endTime", CDZ_PROP_STRING, 0, .doc = "Its end, each day."},
    {"deadline", CDZ_PROP_STRING, 0, .doc = "Its end, each day; it begins at midnight."},
    {0},
};

void cdz_check_time_window(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                           const struct cdz_path *path)
{
    static const struct {
        const char *name, *words;
        bool time;
        const char *in; /* kinds that have it, by their first letters */
    } rows[] = {
        {"window", "a window", false, "[DURATION_WINDOW][SLIDING_WINDOW]"},
        {"windowAdvance", "a window advance", false, "[DURATION_WINDOW]"},
        {"startTime", "a start time", true, "[DAILY_TIME_WINDOW]!"},
        {"endTime", "an end time", true, "[DAILY_TIME_WINDOW]!"},
        {"deadline", "a deadline", true, "[DAILY_TIME_DEADLINE]!"},
    };
    const struct cdz_yaml_node *type = cdz_yaml_get(node, "type");
    cdz_str kind = !cdz_node_is_null(type) && type->kind == CDZ_YAML_SCALAR
                       ? type->text
                       : CDZ_STR("DURATION_WINDOW");
    cdz_str bracketed = cdz_arena_printf(c->work, "[%.*s]", CDZ_S(kind));
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        const struct cdz_yaml_node *value = cdz_yaml_get(node, rows[i].name);
        struct cdz_path here = cdz_path_key(path, cdz_str_z(rows[i].name));
        cdz_str in = cdz_str_z(rows[i].in);
        bool has = cdz_str_find(in, bracketed, 0) != SIZE_MAX;
        struct cdz_date date;
        if (cdz_node_is_null(value)) {
            if (has && cdz_str_ends(in, CDZ_STR("!")))
                cdz_compile_error(c, node->mark, path, NULL,
                                  "Time window of type `%.*s` must have %s.", CDZ_S(kind),
                                  rows[i].words);
        } else if (!has) {
            cdz_compile_error(c, value->mark, path, NULL,
                              "Time window of type `%.*s` cannot have %s.", CDZ_S(kind),
                              rows[i].words);
        } else if (rows[i].time &&
                   (value->kind != CDZ_YAML_SCALAR || !cdz_iso_parse(value->text, &date) ||
                    date.type != CDZ_LOCAL_TIME)) {
            cdz_compile_error(c, value->mark, &here, NULL,
                              "must be a time of the day such as 09:00:00");
        }
    }
}

/* ---- conditions ---- */

static const struct cdz_prop condition_props[] = {
    {"type", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "What is tested."},
    {0},
};

static void compile_condition(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                              struct cdz_condition *ret, const struct cdz_path *path)
{
    const struct cdz_known_type *known;
    ret->mark = node->mark;
    ret->props = cdz_val_map(c->arena, 0);
    if (!cdz_check_map(c, node, path, "a condition: a map with a `type`"))
        return;
    ret->type = cdz_compile_type(c, node, CDZ_CONDITION, path, &known);
    if (known) {
        const struct cdz_yaml_node *type = cdz_yaml_get(node, "type"),
                                   *inner = cdz_yaml_get(node, "conditions");
        struct cdz_path at_type = cdz_path_key(path, CDZ_STR("type"));
        struct cdz_path below = cdz_path_key(path, CDZ_STR("conditions"));
        cdz_compile_error(c, type->mark, &at_type, NULL,
                          "type \"%.*s\" is not supported yet by this server", CDZ_S(type->text));
        if (inner && inner->kind == CDZ_YAML_LIST)
            ret->inner = cdz_compile_conditions(c, inner, NULL, &below);
    }
    if (!ret->type)
        return;
    ret->props = cdz_compile_props(c, node, ret->type->props, condition_props, path);
    for (const struct cdz_prop *prop = ret->type->props; prop && prop->name; prop++) {
        const struct cdz_yaml_node *value = cdz_yaml_get(node, prop->name);
        struct cdz_path here = cdz_path_key(path, cdz_str_z(prop->name));
        if (cdz_node_is_null(value))
            continue;
        if (prop->kind == CDZ_PROP_CONDITIONS)
            ret->inner = cdz_compile_conditions(
                c, value, (prop->flags & CDZ_PROP_NAMED) ? &ret->names : NULL, &here);
        else if (prop->nested == cdz_time_window_props && value->kind == CDZ_YAML_MAP)
            cdz_check_time_window(c, value, &here);
    }
}

/* Recursion is bounded by the depth of the document. */
struct cdz_conditions cdz_compile_conditions(struct cdz_compiler *c,
                                             const struct cdz_yaml_node *node, cdz_str **names,
                                             const struct cdz_path *path)
{
    struct cdz_conditions ret = {0};
    if (cdz_node_is_null(node))
        return ret;
    if (names ? !cdz_check_map(c, node, path, "a map of conditions")
              : !cdz_check_list(c, node, path))
        return ret;
    ret.v = CDZ_NEW_N(c->arena, struct cdz_condition, node->n);
    if (names)
        *names = CDZ_NEW_N(c->arena, cdz_str, node->n);
    for (; ret.n < node->n; ret.n++) {
        const struct cdz_yaml_node *item = names ? node->pairs[ret.n].val : node->items[ret.n];
        struct cdz_path here =
            names ? cdz_path_key(path, node->pairs[ret.n].key) : cdz_path_item(path, ret.n, item);
        if (names)
            (*names)[ret.n] = cdz_compile_str(c, node->pairs[ret.n].key);
        compile_condition(c, item, &ret.v[ret.n], &here);
    }
    return ret;
}
