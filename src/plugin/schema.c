/*
 * schema.c -- JSON Schema of the flow language, from the tables that the compiler reads.
 *
 * What the compiler accepts the schema accepts: a text may be written as a number or a boolean, a
 * rendered property as a text, a null stands for "not given". What only the compiler can know (ids that
 * are unique, the syntax of expressions, what a default of a plugin fits) is not in it.
 */
#include "plugin/schema.h"

#include <stdlib.h>

#include "base/json.h"
#include "model/describe.h"
#include "model/flow.h"
#include "model/inputs.h"

#define MODEL "io.kestra.core.models."

/* Names of the definitions that are no plugin's. */
#define DEF_FLOW      MODEL "flows.Flow"
#define DEF_TEMPLATE  MODEL "templates.Template"
#define DEF_TASK      MODEL "tasks.Task"
#define DEF_TRIGGER   MODEL "triggers.AbstractTrigger"
#define DEF_CONDITION MODEL "conditions.Condition"
#define DEF_RUNNER    MODEL "tasks.runners.TaskRunner"
#define DEF_INPUT     MODEL "flows.Input"
#define DEF_OUTPUT    MODEL "flows.Output"
#define DEF_RETRY     MODEL "tasks.retrys.AbstractRetry"
#define DEF_LABELS    MODEL "Labels"
#define DEF_LISTENER  MODEL "listeners.Listener"
#define DEF_LIMIT     MODEL "flows.Concurrency"
#define DEF_SLA       MODEL "flows.sla.SLA"
#define DEF_CHECK     MODEL "flows.check.Check"
#define DEF_DEFAULT   MODEL "flows.PluginDefault"

static void object(struct cdz_jw *w, const struct cdz_prop *const *tables,
                   const struct cdz_type *type, const char *type_name);

static void ref(struct cdz_jw *w, const char *key, const char *definition)
{
    char text[256];
    snprintf(text, sizeof(text), "#/definitions/%s", definition);
    cdz_jw_open(w, key, '{');
    cdz_jw_z(w, "$ref", text);
    cdz_jw_close(w, '}');
}

/* "type": one name, or a list of those that blanks separate. */
static void types(struct cdz_jw *w, const char *names, bool nullable)
{
    if (!strchr(names, ' ') && !nullable) {
        cdz_jw_z(w, "type", names);
        return;
    }
    cdz_jw_open(w, "type", '[');
    for (const char *p = names; *p;) {
        size_t n = strcspn(p, " ");
        cdz_jw_str(w, NULL, (cdz_str){p, n});
        p += n + (p[n] == ' ');
    }
    if (nullable)
        cdz_jw_z(w, NULL, "null");
    cdz_jw_close(w, ']');
}

static void ref_or_null(struct cdz_jw *w, const char *definition, bool nullable)
{
    cdz_jw_open(w, "anyOf", '[');
    ref(w, NULL, definition);
    if (nullable)
        cdz_jw_raw(w, NULL, CDZ_STR("{\"type\":\"null\"}"));
    cdz_jw_close(w, ']');
}

static void list_of(struct cdz_jw *w, const char *definition, bool not_empty, bool nullable)
{
    types(w, "array", nullable);
    if (not_empty)
        cdz_jw_int(w, "minItems", 1);
    ref(w, "items", definition);
}

static void names(struct cdz_jw *w, const char *key, const char *const *values, bool nullable)
{
    cdz_jw_open(w, key, '[');
    for (; values && *values; values++)
        cdz_jw_z(w, NULL, *values);
    if (nullable)
        cdz_jw_raw(w, NULL, CDZ_STR("null"));
    cdz_jw_close(w, ']');
}

/* One of the values, or a text with an expression that gives one. */
static void dynamic_enum(struct cdz_jw *w, const struct cdz_prop *p, bool nullable)
{
    cdz_jw_open(w, "anyOf", '[');
    cdz_jw_open(w, NULL, '{');
    names(w, "enum", p->values, nullable);
    cdz_jw_close(w, '}');
    cdz_jw_raw(w, NULL, CDZ_STR("{\"type\":\"string\",\"pattern\":\"\\\\{[{%#]\"}"));
    cdz_jw_close(w, ']');
}

static void nested(struct cdz_jw *w, const struct cdz_prop *table)
{
    const struct cdz_prop *tables[] = {table, NULL};
    object(w, tables, NULL, NULL);
}

static void dag(struct cdz_jw *w, bool nullable)
{
    types(w, "array", nullable);
    cdz_jw_open(w, "items", '{');
    cdz_jw_z(w, "type", "object");
    cdz_jw_open(w, "properties", '{');
    ref(w, "task", DEF_TASK);
    cdz_jw_open(w, "dependsOn", '{');
    types(w, "array", true);
    cdz_jw_raw(w, "items", CDZ_STR("{\"type\":[\"string\",\"number\"]}"));
    cdz_jw_close(w, '}');
    cdz_jw_close(w, '}');
    cdz_jw_raw(w, "required", CDZ_STR("[\"task\"]"));
    cdz_jw_bool(w, "additionalProperties", false);
    cdz_jw_close(w, '}');
}

static void strings(struct cdz_jw *w, const struct cdz_prop *p, bool nullable)
{
    bool dynamic = p->flags & CDZ_PROP_DYNAMIC, one = p->flags & CDZ_PROP_ONE;
    types(w, one ? "array string number boolean" : dynamic ? "array string" : "array", nullable);
    cdz_jw_raw(w, "items", CDZ_STR("{\"type\":[\"string\",\"number\",\"boolean\"]}"));
    if (p->flags & CDZ_PROP_NOT_EMPTY)
        cdz_jw_int(w, "minItems", 1);
}

/* What a property may be, as keywords of the object that is open. */
static void value_of(struct cdz_jw *w, const struct cdz_prop *p, bool nullable)
{
    bool dynamic = p->flags & CDZ_PROP_DYNAMIC, not_empty = p->flags & CDZ_PROP_NOT_EMPTY;
    switch (p->kind) {
    case CDZ_PROP_STRING: /* a rendered one may be a list or map: its JSON text is kept */
        types(w, dynamic ? "string number boolean array object" : "string number boolean",
              nullable);
        break;
    case CDZ_PROP_INT:
        types(w, dynamic ? "integer string" : "integer", nullable);
        if (p->has_min)
            cdz_jw_int(w, "minimum", p->min);
        break;
    case CDZ_PROP_FLOAT:
        types(w, dynamic ? "number string" : "number", nullable);
        break;
    case CDZ_PROP_BOOL:
        types(w, dynamic ? "boolean string" : "boolean", nullable);
        break;
    case CDZ_PROP_DURATION:
        types(w, "string number", nullable);
        cdz_jw_z(w, "format", "duration");
        break;
    case CDZ_PROP_ENUM:
        if (dynamic)
            dynamic_enum(w, p, nullable);
        else
            names(w, "enum", p->values, nullable);
        break;
    case CDZ_PROP_LIST:
        types(w, dynamic ? "array string" : "array", nullable);
        break;
    case CDZ_PROP_STRINGS:
        strings(w, p, nullable);
        break;
    case CDZ_PROP_MAP:
        types(w, dynamic ? "object string" : "object", nullable);
        break;
    case CDZ_PROP_ANY:
        break;
    case CDZ_PROP_OBJECT:
        types(w, "object", nullable);
        nested(w, p->nested);
        break;
    case CDZ_PROP_OBJECTS:
        types(w, "array", nullable);
        if (not_empty)
            cdz_jw_int(w, "minItems", 1);
        cdz_jw_open(w, "items", '{');
        cdz_jw_z(w, "type", "object");
        nested(w, p->nested);
        cdz_jw_close(w, '}');
        break;
    case CDZ_PROP_TASKS:
        if (p->flags & CDZ_PROP_ONE)
            ref_or_null(w, DEF_TASK, nullable);
        else
            list_of(w, DEF_TASK, not_empty, nullable);
        break;
    case CDZ_PROP_CASES:
        types(w, "object", nullable);
        cdz_jw_open(w, "additionalProperties", '{');
        list_of(w, DEF_TASK, false, true);
        cdz_jw_close(w, '}');
        break;
    case CDZ_PROP_DAG:
        dag(w, nullable);
        break;
    case CDZ_PROP_PLUGIN:
        ref_or_null(w, DEF_RUNNER, nullable);
        break;
    case CDZ_PROP_CONDITIONS:
        if (p->flags & CDZ_PROP_NAMED) {
            types(w, "object", nullable);
            ref(w, "additionalProperties", DEF_CONDITION);
        } else {
            list_of(w, DEF_CONDITION, not_empty, nullable);
        }
        break;
    case CDZ_PROP_INPUTS:
        list_of(w, DEF_INPUT, not_empty, nullable);
        break;
    case CDZ_PROP_LABELS:
        ref_or_null(w, DEF_LABELS, nullable);
        break;
    }
}

/* Parts whose tables say ANY because a file of their own takes them apart. */
static const struct {
    const char *name, *definition;
    bool list;
} parts[] = {
    {"labels", DEF_LABELS, false},         {"inputs", DEF_INPUT, true},
    {"listeners", DEF_LISTENER, true},     {"triggers", DEF_TRIGGER, true},
    {"pluginDefaults", DEF_DEFAULT, true}, {"taskDefaults", DEF_DEFAULT, true},
    {"concurrency", DEF_LIMIT, false},     {"outputs", DEF_OUTPUT, true},
    {"retry", DEF_RETRY, false},           {"sla", DEF_SLA, true},
    {"checks", DEF_CHECK, true},
};

/* The number of the part, or -1: only the tables of the model have parts, types may use such names. */
static int part_of(const struct cdz_prop *table, const struct cdz_prop *p)
{
    bool of_model = table == cdz_flow_props || table == cdz_task_props ||
                    table == cdz_sla_duration_props || table == cdz_sla_assertion_props;
    for (size_t i = 0; of_model && p->kind == CDZ_PROP_ANY && i < CDZ_COUNT(parts); i++) {
        if (strcmp(parts[i].name, p->name) == 0)
            return (int)i;
    }
    return -1;
}

/* The default is YAML in the tables; what is no JSON is a text. */
static void fallback(struct cdz_jw *w, const struct cdz_prop *p)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_val v;
    struct cdz_err err;
    bool text = p->kind == CDZ_PROP_STRING && p->fallback[0] != '"';
    if (!text && cdz_json_parse(cdz_str_z(p->fallback), arena, &v, &err) == CDZ_OK)
        cdz_jw_val(w, "default", v, CDZ_JSON_COMPACT);
    else
        cdz_jw_z(w, "default", p->fallback);
}

static bool is_required(const struct cdz_prop *p)
{
    return (p->flags & CDZ_PROP_REQUIRED) && !p->fallback;
}

static void property(struct cdz_jw *w, const struct cdz_prop *table, const struct cdz_prop *p)
{
    bool nullable = !is_required(p);
    int part = part_of(table, p);
    cdz_jw_open(w, p->name, '{');
    if (p->doc)
        cdz_jw_z(w, "title", p->doc);
    if (part < 0)
        value_of(w, p, nullable);
    else if (parts[part].list)
        list_of(w, parts[part].definition, false, nullable);
    else
        ref_or_null(w, parts[part].definition, nullable);
    if (p->fallback)
        fallback(w, p);
    if (p->flags & CDZ_PROP_DYNAMIC)
        cdz_jw_bool(w, "$dynamic", true);
    if (p->flags & CDZ_PROP_DEPRECATED)
        cdz_jw_bool(w, "$deprecated", true);
    cdz_jw_close(w, '}');
}

/* `type`: the canonical name; aliases are accepted too. */
static void type_property(struct cdz_jw *w, const struct cdz_type *type)
{
    cdz_jw_open(w, "type", '{');
    if (type->aliases) {
        cdz_jw_open(w, "enum", '[');
        cdz_jw_z(w, NULL, type->type);
        for (const char *const *a = type->aliases; *a; a++)
            cdz_jw_z(w, NULL, *a);
        cdz_jw_close(w, ']');
    } else {
        cdz_jw_z(w, "const", type->type);
    }
    cdz_jw_close(w, '}');
}

static bool has(const struct cdz_prop *table, const char *name)
{
    for (; table && table->name; table++) {
        if (strcmp(table->name, name) == 0)
            return true;
    }
    return false;
}

/* True: an earlier table has a property of that name; it counts. */
static bool is_hidden_by(const struct cdz_prop *const *tables, size_t before, const char *name)
{
    for (size_t i = 0; i < before; i++) {
        if (has(tables[i], name))
            return true;
    }
    return false;
}

/*
 * The properties of all tables (ends with NULL; the first one that has a name counts) as keywords of the
 * object that is open. type, or type_name: what `type` must be; NULL: as the tables say.
 */
static void object(struct cdz_jw *w, const struct cdz_prop *const *tables,
                   const struct cdz_type *type, const char *type_name)
{
    bool typed = type || type_name, any = false; /* any: outputs whose names are not known */
    for (size_t i = 0; tables[i]; i++)
        any |= has(tables[i], "*");
    cdz_jw_open(w, "properties", '{');
    if (type)
        type_property(w, type);
    else if (type_name) {
        cdz_jw_open(w, "type", '{');
        cdz_jw_z(w, "const", type_name);
        cdz_jw_close(w, '}');
    }
    for (size_t i = 0; tables[i]; i++) {
        for (const struct cdz_prop *p = tables[i]; p->name; p++) {
            if (!(typed && strcmp(p->name, "type") == 0) && strcmp(p->name, "*") != 0 &&
                !is_hidden_by(tables, i, p->name))
                property(w, tables[i], p);
        }
    }
    cdz_jw_close(w, '}');
    cdz_jw_open(w, "required", '[');
    if (typed)
        cdz_jw_z(w, NULL, "type");
    for (size_t i = 0; tables[i]; i++) {
        for (const struct cdz_prop *p = tables[i]; p->name; p++) {
            if (is_required(p) && !(typed && strcmp(p->name, "type") == 0) &&
                !is_hidden_by(tables, i, p->name))
                cdz_jw_z(w, NULL, p->name);
        }
    }
    cdz_jw_close(w, ']');
    cdz_jw_bool(w, "additionalProperties", any);
}

static void definition(struct cdz_jw *w, const char *name, const struct cdz_prop *const *tables)
{
    cdz_jw_open(w, name, '{');
    cdz_jw_z(w, "type", "object");
    object(w, tables, NULL, NULL);
    cdz_jw_close(w, '}');
}

/* ---- plugins ---- */

static bool is_internal(const struct cdz_type *type)
{
    return strchr(type->type, '$') != NULL;
}

static const char *definition_of(enum cdz_type_kind kind)
{
    switch (kind) {
    case CDZ_RUNNABLE:
    case CDZ_FLOWABLE:
    case CDZ_EXECUTABLE:
    case CDZ_UPDATING:
        break;
    case CDZ_TRIGGER:
        return DEF_TRIGGER;
    case CDZ_CONDITION:
        return DEF_CONDITION;
    case CDZ_TASK_RUNNER:
        return DEF_RUNNER;
    }
    return DEF_TASK;
}

static int by_name(const void *a, const void *b)
{
    const struct cdz_type *const *x = a, *const *y = b;
    return strcmp((*x)->type, (*y)->type);
}

const struct cdz_type **cdz_plugin_sorted(const struct cdz_registry *registry, size_t *ret_n)
{
    const struct cdz_type **v = calloc(registry->n + 1, sizeof(*v));
    if (!v)
        abort();
    *ret_n = 0;
    for (size_t i = 0; i < registry->n; i++) {
        if (!is_internal(registry->types[i]))
            v[(*ret_n)++] = registry->types[i];
    }
    qsort(v, *ret_n, sizeof(*v), by_name);
    return v;
}

static const struct cdz_prop no_props[] = {{0}};

/* The properties of the type first, then those that all of its kind have. */
static void tables_of(const struct cdz_type *type, bool common, const struct cdz_prop *ret[3])
{
    const char *kind = definition_of(type->kind);
    size_t n = 0;
    ret[n++] = type->props ? type->props : no_props;
    if (common && kind == definition_of(CDZ_RUNNABLE))
        ret[n++] = cdz_task_props;
    else if (common && type->kind == CDZ_TRIGGER)
        ret[n++] = cdz_trigger_props;
    ret[n] = NULL;
}

static void plugins(struct cdz_jw *w, const struct cdz_registry *registry)
{
    static const enum cdz_type_kind kinds[] = {CDZ_RUNNABLE, CDZ_TRIGGER, CDZ_CONDITION,
                                               CDZ_TASK_RUNNER};
    const struct cdz_prop *tables[3];
    size_t n;
    const struct cdz_type **all = cdz_plugin_sorted(registry, &n);
    for (size_t i = 0; i < n; i++) {
        tables_of(all[i], true, tables);
        cdz_jw_open(w, all[i]->type, '{');
        cdz_jw_z(w, "type", "object");
        if (all[i]->title)
            cdz_jw_z(w, "title", all[i]->title);
        object(w, tables, all[i], NULL);
        cdz_jw_close(w, '}');
    }
    for (size_t k = 0; k < CDZ_COUNT(kinds); k++) {
        cdz_jw_open(w, definition_of(kinds[k]), '{');
        cdz_jw_open(w, "anyOf", '[');
        for (size_t i = 0; i < n; i++) {
            if (strcmp(definition_of(all[i]->kind), definition_of(kinds[k])) == 0)
                ref(w, NULL, all[i]->type);
        }
        cdz_jw_close(w, ']');
        cdz_jw_close(w, '}');
    }
    free(all);
}

/* ---- the parts of a flow ---- */

static void inputs(struct cdz_jw *w)
{
    cdz_jw_open(w, DEF_INPUT, '{');
    cdz_jw_open(w, "anyOf", '[');
    for (const struct cdz_input_type *t = cdz_input_types; t->name; t++) {
        const struct cdz_prop *tables[] = {cdz_input_props, t->props, NULL};
        cdz_jw_open(w, NULL, '{');
        cdz_jw_z(w, "type", "object");
        object(w, tables, NULL, t->name);
        cdz_jw_close(w, '}');
    }
    cdz_jw_close(w, ']');
    cdz_jw_close(w, '}');
}

static void retries(struct cdz_jw *w)
{
    cdz_jw_open(w, DEF_RETRY, '{');
    cdz_jw_open(w, "anyOf", '[');
    for (const struct cdz_retry_type *t = cdz_retry_types; t->name; t++) {
        const struct cdz_prop *tables[] = {t->props, NULL};
        cdz_jw_open(w, NULL, '{');
        cdz_jw_z(w, "type", "object");
        object(w, tables, NULL, t->name);
        cdz_jw_close(w, '}');
    }
    cdz_jw_close(w, ']');
    cdz_jw_close(w, '}');
}

static void slas(struct cdz_jw *w)
{
    const struct cdz_prop *duration[] = {cdz_sla_duration_props, NULL},
                          *assertion[] = {cdz_sla_assertion_props, NULL};
    cdz_jw_open(w, DEF_SLA, '{');
    cdz_jw_open(w, "anyOf", '[');
    cdz_jw_open(w, NULL, '{');
    cdz_jw_z(w, "type", "object");
    object(w, duration, NULL, "MAX_DURATION");
    cdz_jw_close(w, '}');
    cdz_jw_open(w, NULL, '{');
    cdz_jw_z(w, "type", "object");
    object(w, assertion, NULL, "EXECUTION_ASSERTION");
    cdz_jw_close(w, '}');
    cdz_jw_close(w, ']');
    cdz_jw_close(w, '}');
}

static void outputs(struct cdz_jw *w)
{
    cdz_jw_open(w, DEF_OUTPUT, '{');
    cdz_jw_z(w, "type", "object");
    cdz_jw_open(w, "properties", '{');
    cdz_jw_open(w, "type", '{');
    cdz_jw_open(w, "enum", '[');
    for (const struct cdz_input_type *t = cdz_input_types; t->name; t++)
        cdz_jw_z(w, NULL, t->name);
    cdz_jw_close(w, ']');
    cdz_jw_close(w, '}');
    for (const struct cdz_prop *p = cdz_output_props; p->name; p++) {
        if (strcmp(p->name, "type") != 0)
            property(w, cdz_output_props, p);
    }
    cdz_jw_close(w, '}');
    cdz_jw_raw(w, "required", CDZ_STR("[\"id\",\"type\",\"value\"]"));
    cdz_jw_bool(w, "additionalProperties", false);
    cdz_jw_close(w, '}');
}

static void labels(struct cdz_jw *w)
{
    const struct cdz_prop *tables[] = {cdz_label_props, NULL};
    cdz_jw_open(w, DEF_LABELS, '{');
    cdz_jw_open(w, "anyOf", '[');
    cdz_jw_open(w, NULL, '{');
    cdz_jw_z(w, "type", "object");
    cdz_jw_raw(w, "additionalProperties",
               CDZ_STR("{\"type\":[\"string\",\"number\",\"boolean\"]}"));
    cdz_jw_close(w, '}');
    cdz_jw_open(w, NULL, '{');
    cdz_jw_z(w, "type", "array");
    cdz_jw_open(w, "items", '{');
    cdz_jw_z(w, "type", "object");
    object(w, tables, NULL, NULL);
    cdz_jw_close(w, '}');
    cdz_jw_close(w, '}');
    cdz_jw_close(w, ']');
    cdz_jw_close(w, '}');
}

/* A template is a flow's description, tasks and errors. */
static void template_(struct cdz_jw *w)
{
    cdz_jw_open(w, DEF_TEMPLATE, '{');
    cdz_jw_z(w, "type", "object");
    cdz_jw_open(w, "properties", '{');
    for (const struct cdz_prop *p = cdz_flow_props; p->name; p++) {
        static const char *const wanted[] = {"id", "namespace", "description", "tasks", "errors"};
        for (size_t i = 0; i < CDZ_COUNT(wanted); i++) {
            if (strcmp(p->name, wanted[i]) == 0)
                property(w, cdz_flow_props, p);
        }
    }
    cdz_jw_close(w, '}');
    cdz_jw_raw(w, "required", CDZ_STR("[\"id\",\"namespace\",\"tasks\"]"));
    cdz_jw_bool(w, "additionalProperties", false);
    cdz_jw_close(w, '}');
}

static void definitions(struct cdz_jw *w, const struct cdz_registry *registry)
{
    const struct cdz_prop *flow[] = {cdz_flow_props, NULL},
                          *listener[] = {cdz_listener_props, NULL},
                          *limit[] = {cdz_concurrency_props, NULL},
                          *check[] = {cdz_check_props, NULL},
                          *plugin_default[] = {cdz_default_props, NULL};
    cdz_jw_open(w, "definitions", '{');
    definition(w, DEF_FLOW, flow);
    template_(w);
    definition(w, DEF_LISTENER, listener);
    definition(w, DEF_LIMIT, limit);
    definition(w, DEF_CHECK, check);
    definition(w, DEF_DEFAULT, plugin_default);
    inputs(w);
    outputs(w);
    retries(w);
    slas(w);
    labels(w);
    plugins(w, registry);
    cdz_jw_close(w, '}');
}

bool cdz_schema_root(const struct cdz_registry *registry, cdz_str root, bool as_list,
                     struct cdz_buf *to)
{
    static const struct {
        const char *name, *definition;
    } roots[] = {
        {"flow", DEF_FLOW},       {"template", DEF_TEMPLATE},     {"task", DEF_TASK},
        {"trigger", DEF_TRIGGER}, {"plugindefault", DEF_DEFAULT},
    };
    struct cdz_jw w = {.to = to};
    for (size_t i = 0; i < CDZ_COUNT(roots); i++) {
        char text[128];
        if (!cdz_str_is(root, roots[i].name))
            continue;
        snprintf(text, sizeof(text), "#/definitions/%s", roots[i].definition);
        cdz_jw_open(&w, NULL, '{');
        cdz_jw_z(&w, "$schema", "http://json-schema.org/draft-07/schema#");
        if (as_list) {
            cdz_jw_z(&w, "type", "array");
            ref(&w, "items", roots[i].definition);
        } else {
            cdz_jw_z(&w, "$ref", text);
        }
        definitions(&w, registry);
        cdz_jw_close(&w, '}');
        return true;
    }
    return false;
}

void cdz_schema_flow(const struct cdz_registry *registry, struct cdz_buf *to)
{
    (void)cdz_schema_root(registry, CDZ_STR("flow"), false, to); /* it is one of them */
}

void cdz_schema_type(const struct cdz_registry *registry, const struct cdz_type *type, bool all,
                     struct cdz_buf *to)
{
    struct cdz_jw w = {.to = to};
    const struct cdz_prop *tables[3], *results[] = {type->outputs ? type->outputs : no_props, NULL};
    tables_of(type, all, tables);
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_open(&w, "properties", '{');
    cdz_jw_z(&w, "type", "object");
    if (type->title)
        cdz_jw_z(&w, "title", type->title);
    object(&w, tables, NULL, NULL);
    cdz_jw_close(&w, '}');
    cdz_jw_open(&w, "outputs", '{');
    cdz_jw_z(&w, "type", "object");
    object(&w, results, NULL, NULL);
    cdz_jw_close(&w, '}');
    definitions(&w, registry);
    cdz_jw_close(&w, '}');
}

void cdz_schema_input(const struct cdz_registry *registry, const struct cdz_input_type *type,
                      struct cdz_buf *to)
{
    struct cdz_jw w = {.to = to};
    const struct cdz_prop *tables[] = {cdz_input_props, type->props, NULL};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_open(&w, "properties", '{');
    cdz_jw_z(&w, "type", "object");
    object(&w, tables, NULL, type->name);
    cdz_jw_close(&w, '}');
    definitions(&w, registry);
    cdz_jw_close(&w, '}');
}
