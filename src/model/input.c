/*
 * input.c -- the `inputs` of a flow: their declarations. What is done with posted values: inputs.c.
 */
#include "model/compile.h"

#include "base/limits.h"
#include "base/regex.h"
#include "model/inputs.h"

#define VALUES                                                                                     \
    {                                                                                              \
        "values", CDZ_PROP_STRINGS, 0, .doc = "The values to choose from."                         \
    }
#define DYNAMIC_VALUES                                                                             \
    {                                                                                              \
        "expression", CDZ_PROP_STRING, 0, .doc = "An expression that gives the values."            \
    }
#define CUSTOM                                                                                     \
    {                                                                                              \
        "allowCustomValue", CDZ_PROP_BOOL, 0, "false",                                             \
            .doc = "True: other values are accepted too."                                          \
    }
#define BOUNDS(kind_)                                                                              \
    {"min", (kind_), 0, .doc = "Least value."},                                                    \
    {                                                                                              \
        "max", (kind_), 0, .doc = "Greatest value."                                                \
    }
#define DATES                                                                                      \
    {"after", CDZ_PROP_STRING, 0, .doc = "Earliest value."},                                       \
    {                                                                                              \
        "before", CDZ_PROP_STRING, 0, .doc = "Latest value."                                       \
    }

static const char *const item_types[] = {"STRING", "INT",         "FLOAT",    "BOOLEAN", "DATETIME",
                                         "DATE",   "TIME",        "DURATION", "JSON",    "YAML",
                                         "URI",    "EMAIL",       "FILE",     "ENUM",    "SELECT",
                                         "SECRET", "MULTISELECT", "ARRAY",    NULL};

static const struct cdz_prop string_props[] = {
    {"validator", CDZ_PROP_STRING, 0,
     .doc = "A regular expression that the whole value must match."},
    {0}};
static const struct cdz_prop enum_props[] = {{"values", CDZ_PROP_STRINGS,
                                              CDZ_PROP_REQUIRED | CDZ_PROP_NOT_EMPTY,
                                              .doc = "The values to choose from."},
                                             {0}};
static const struct cdz_prop select_props[] = {VALUES, DYNAMIC_VALUES, CUSTOM, {0}};
static const struct cdz_prop multiselect_props[] = {
    VALUES,
    {"options", CDZ_PROP_STRINGS, CDZ_PROP_DEPRECATED, .doc = "Old name of values."},
    DYNAMIC_VALUES,
    CUSTOM,
    {"itemType", CDZ_PROP_ENUM, 0, "STRING", .doc = "Type of each value.", .values = item_types},
    {0},
};
static const struct cdz_prop int_props[] = {BOUNDS(CDZ_PROP_INT), {0}};
static const struct cdz_prop float_props[] = {BOUNDS(CDZ_PROP_FLOAT), {0}};
static const struct cdz_prop duration_props[] = {BOUNDS(CDZ_PROP_DURATION), {0}};
static const struct cdz_prop date_props[] = {DATES, {0}};
static const struct cdz_prop file_props[] = {
    {"extension", CDZ_PROP_STRING, 0, ".upl", .doc = "Extension of the stored file."}, {0}};
static const struct cdz_prop array_props[] = {{"itemType", CDZ_PROP_ENUM, CDZ_PROP_REQUIRED,
                                               .doc = "Type of each value.", .values = item_types},
                                              {0}};

const struct cdz_input_type cdz_input_types[] = {
    {"STRING", string_props, CDZ_INPUT_TEXT},
    {"ENUM", enum_props, CDZ_INPUT_TEXT},
    {"SELECT", select_props, CDZ_INPUT_TEXT},
    {"MULTISELECT", multiselect_props, 0},
    {"INT", int_props, 0},
    {"FLOAT", float_props, 0},
    {"BOOLEAN", NULL, 0},
    {"DATETIME", date_props, CDZ_INPUT_TEXT},
    {"DATE", date_props, CDZ_INPUT_TEXT},
    {"TIME", date_props, CDZ_INPUT_TEXT},
    {"DURATION", duration_props, CDZ_INPUT_TEXT},
    {"FILE", file_props, CDZ_INPUT_TEXT},
    {"JSON", NULL, 0},
    {"YAML", NULL, 0},
    {"URI", NULL, CDZ_INPUT_TEXT},
    {"EMAIL", NULL, CDZ_INPUT_TEXT},
    {"SECRET", string_props, CDZ_INPUT_TEXT},
    {"ARRAY", array_props, 0},
    {NULL, NULL, 0},
};

static const struct cdz_prop depends_on_props[] = {
    {"inputs", CDZ_PROP_STRINGS, CDZ_PROP_REQUIRED, .doc = "Inputs that the condition reads."},
    {"condition", CDZ_PROP_STRING, 0, .doc = "The input is there only if this renders to true."},
    {0},
};

const struct cdz_prop cdz_input_props[] = {
    {"id", CDZ_PROP_STRING, 0, .doc = "Name; a dotted one becomes nested."},
    {"name", CDZ_PROP_STRING, CDZ_PROP_DEPRECATED, .doc = "Old name of id."},
    {"type", CDZ_PROP_STRING, CDZ_PROP_REQUIRED, .doc = "Type of the value."},
    {"description", CDZ_PROP_STRING, 0, .doc = "Text for people, Markdown."},
    {"displayName", CDZ_PROP_STRING, 0, .doc = "Name for people, at most 64 characters."},
    {"required", CDZ_PROP_BOOL, 0, "true", .doc = "False: the value may be missing."},
    {"defaults", CDZ_PROP_ANY, 0, .doc = "The value when none is given."},
    {"dependsOn", CDZ_PROP_OBJECT, 0, .doc = "Inputs that decide whether this one is asked for.",
     .nested = depends_on_props},
    {0},
};

const struct cdz_input_type *cdz_input_type_find(cdz_str name)
{
    for (const struct cdz_input_type *t = cdz_input_types; t->name; t++)
        if (cdz_str_is(name, t->name))
            return t;
    return NULL;
}

/* `type` of an input or output; NULL after a report. */
const struct cdz_input_type *cdz_compile_input_type(struct cdz_compiler *c,
                                                    const struct cdz_yaml_node *node,
                                                    const struct cdz_path *path)
{
    const struct cdz_yaml_node *type = cdz_yaml_get(node, "type");
    struct cdz_path here = cdz_path_key(path, CDZ_STR("type"));
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    if (cdz_node_is_null(type) || type->kind != CDZ_YAML_SCALAR) {
        cdz_compile_error(c, type ? type->mark : node->mark, &here, NULL, "must not be null");
        return NULL;
    }
    const struct cdz_input_type *ret = cdz_input_type_find(type->text);
    for (const struct cdz_input_type *t = cdz_input_types; !ret && t->name; t++)
        if (cdz_is_nearer(type->text, cdz_str_z(t->name), &best))
            nearest = t->name;
    if (!ret)
        cdz_compile_error(c, type->mark, &here, cdz_compile_hint(c, nearest), "Invalid type: %.*s",
                          CDZ_S(type->text));
    return ret;
}

static void check_regex(struct cdz_compiler *c, cdz_str pattern, struct cdz_mark mark,
                        const struct cdz_path *path)
{
    CDZ_AUTO_REGEX re = NULL;
    struct cdz_err err;
    if (cdz_regex_compile(pattern, &re, &err) != CDZ_OK)
        cdz_compile_error(c, mark, path, NULL, "invalid regex `%.*s`: %s", CDZ_S(pattern),
                          err.text);
}

/* What the descriptors cannot say. */
static void check_input(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                        const struct cdz_input *input, cdz_val props, const struct cdz_path *path)
{
    cdz_val validator = cdz_map_getz(props, "validator"), values = cdz_map_getz(props, "values");
    cdz_val options = cdz_map_getz(props, "options"),
            expression = cdz_map_getz(props, "expression");
    cdz_val item_type = cdz_map_getz(props, "itemType");
    struct cdz_path at_validator = cdz_path_key(path, CDZ_STR("validator"));
    struct cdz_path at_values = cdz_path_key(path, CDZ_STR("values"));
    struct cdz_path at_defaults = cdz_path_key(path, CDZ_STR("defaults"));
    if (validator.kind == CDZ_TEXT)
        check_regex(c, cdz_val_str(validator), cdz_yaml_get(node, "validator")->mark,
                    &at_validator);
    if (values.kind == CDZ_LIST)
        CDZ_LIST_EACH (v, values)
            check_regex(c, cdz_val_str(*v), cdz_yaml_get(node, "values")->mark, &at_values);
    if (values.kind == CDZ_LIST && options.kind == CDZ_LIST)
        cdz_compile_error(c, node->mark, path, NULL,
                          "you can't define both `values` and `options`");
    else if ((cdz_str_is(input->type, "SELECT") || cdz_str_is(input->type, "MULTISELECT")) &&
             values.kind == CDZ_NULL && options.kind == CDZ_NULL && expression.kind == CDZ_NULL)
        cdz_compile_error(c, node->mark, path, NULL, "`values` or `expression` must be given");
    if (cdz_str_is(input->type, "ARRAY") && item_type.kind == CDZ_TEXT &&
        cdz_str_is(cdz_val_str(item_type), "ARRAY"))
        cdz_compile_error(c, node->mark, path, NULL, "`itemType` cannot be `ARRAY`");
    if (cdz_str_is(input->type, "FILE") && input->has_default)
        cdz_compile_error(c, cdz_yaml_get(node, "defaults")->mark, &at_defaults, NULL,
                          "no `defaults` can be set for inputs of type 'FILE'");
}

static void compile_input(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                          struct cdz_input *input, const struct cdz_path *path)
{
    input->mark = node->mark;
    if (node->kind != CDZ_YAML_MAP) {
        cdz_compile_error(c, node->mark, path, NULL,
                          "must be an input: a map with `id` and `type`");
        return;
    }
    bool old_name = cdz_node_is_null(cdz_yaml_get(node, "id")) && cdz_yaml_get(node, "name");
    input->id = cdz_compile_id(c, node, old_name ? "name" : "id", "._-", path);
    input->source = cdz_compile_plain(c, node);
    const struct cdz_input_type *type = cdz_compile_input_type(c, node, path);
    if (!type)
        return;
    cdz_val common = cdz_compile_props(c, node, cdz_input_props, type->props, path);
    cdz_val props = cdz_compile_known(c, node, type->props, path);
    cdz_val required = cdz_map_getz(common, "required"),
            display = cdz_map_getz(common, "displayName");
    cdz_val description = cdz_map_getz(common, "description");
    const struct cdz_yaml_node *defaults = cdz_yaml_get(node, "defaults");
    input->type = cdz_str_z(type->name);
    input->required = required.kind != CDZ_BOOL || required.b;
    if (description.kind == CDZ_TEXT)
        input->description = cdz_val_str(description);
    if (display.kind == CDZ_TEXT)
        input->display_name = cdz_val_str(display);
    if (input->display_name.n > 64) {
        struct cdz_path here = cdz_path_key(path, CDZ_STR("displayName"));
        cdz_compile_error(c, cdz_yaml_get(node, "displayName")->mark, &here, NULL,
                          "size must be between 0 and 64");
    }
    if (!cdz_node_is_null(defaults)) {
        input->has_default = true;
        /* A type that is a text takes what was written: `defaults: 007` is "007". */
        input->defaults = (type->flags & CDZ_INPUT_TEXT) && defaults->kind == CDZ_YAML_SCALAR
                              ? cdz_val_text(cdz_compile_str(c, defaults->text))
                              : cdz_compile_plain(c, defaults);
    }
    check_input(c, node, input, props, path);
}

/* Depth-first over dependsOn; reports the first way back to an input that is still open. */
struct walk {
    struct cdz_compiler *c;
    const struct cdz_input *inputs;
    size_t n;
    cdz_val by_id;  /* id -> position */
    uint8_t *state; /* 0 new, 1 open, 2 done */
    const struct cdz_path *path;
};

static cdz_val depends_of(const struct cdz_input *input)
{
    cdz_val list = cdz_map_getz(cdz_map_getz(input->source, "dependsOn"), "inputs");
    return list.kind == CDZ_LIST ? list : CDZ_VAL_NULL;
}

static void walk_depends(struct walk *w, size_t at, unsigned depth)
{
    const struct cdz_input *input = &w->inputs[at];
    cdz_val depends = depends_of(input);
    w->state[at] = 1;
    if (depends.kind == CDZ_LIST && depth < CDZ_INPUT_DEPTH_MAX) {
        CDZ_LIST_EACH (name, depends) {
            cdz_val *to =
                name->kind == CDZ_TEXT ? cdz_map_find(w->by_id, cdz_val_str(*name)) : NULL;
            if (!to)
                continue;
            if (w->state[to->i] == 1)
                cdz_compile_error(
                    w->c, input->mark, w->path, NULL,
                    "Cycle dependency detected for input with id '%.*s': [%.*s, %.*s]",
                    CDZ_S(input->id), CDZ_S(input->id), CDZ_S(cdz_val_str(*name)));
            else if (!w->state[to->i])
                walk_depends(w, (size_t)to->i, depth + 1);
        }
    } else if (depends.kind == CDZ_LIST) {
        cdz_compile_error(w->c, input->mark, w->path, NULL,
                          "inputs depend on each other over more than %u steps",
                          CDZ_INPUT_DEPTH_MAX);
    }
    w->state[at] = 2;
}

static void check_depends(struct cdz_compiler *c, const struct cdz_input *inputs, size_t n,
                          const struct cdz_path *path)
{
    struct walk w = {c, inputs, n, cdz_val_map(c->work, n), CDZ_NEW_N(c->work, uint8_t, n), path};
    for (size_t i = 0; i < n; i++)
        cdz_map_put(c->work, w.by_id, inputs[i].id, cdz_val_int((int64_t)i));
    for (size_t i = 0; i < n; i++) {
        cdz_val depends = depends_of(&inputs[i]);
        if (depends.kind != CDZ_LIST)
            continue;
        CDZ_LIST_EACH (name, depends)
            if (name->kind == CDZ_TEXT && !cdz_map_find(w.by_id, cdz_val_str(*name)))
                cdz_compile_error(c, inputs[i].mark, path, NULL,
                                  "Input with id '%.*s' depends on a non-existent input '%.*s'.",
                                  CDZ_S(inputs[i].id), CDZ_S(cdz_val_str(*name)));
    }
    for (size_t i = 0; i < n; i++)
        if (!w.state[i])
            walk_depends(&w, i, 0);
}

struct cdz_input *cdz_compile_inputs(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                                     const struct cdz_path *path, size_t *ret_n)
{
    *ret_n = 0;
    if (cdz_node_is_null(list))
        return NULL;
    if (list->kind != CDZ_YAML_LIST) {
        cdz_compile_error(c, list->mark, path, NULL, "must be a list of inputs");
        return NULL;
    }
    if (list->n > CDZ_INPUTS_MAX) {
        cdz_compile_error(c, list->mark, path, NULL, "a flow has at most %u inputs",
                          CDZ_INPUTS_MAX);
        return NULL;
    }
    struct cdz_input *inputs = CDZ_NEW_N(c->arena, struct cdz_input, list->n);
    struct cdz_declared_id *ids = CDZ_NEW_N(c->work, struct cdz_declared_id, list->n);
    for (size_t i = 0; i < list->n; i++) {
        struct cdz_path here = cdz_path_item(path, i, list->items[i]);
        compile_input(c, list->items[i], &inputs[i], &here);
        ids[i] = (struct cdz_declared_id){inputs[i].id, list->items[i]->mark};
    }
    cdz_check_unique(c, ids, list->n, "Duplicate input with name");
    check_depends(c, inputs, list->n, path);
    *ret_n = list->n;
    return inputs;
}
