/* doc.c -- the documentation of a type in Markdown, from its descriptor. */
#include "model/inputs.h"
#include "plugin/schema.h"

const char *cdz_plugin_kind(const struct cdz_type *type)
{
    switch (type->kind) {
    case CDZ_RUNNABLE:
    case CDZ_FLOWABLE:
    case CDZ_EXECUTABLE:
    case CDZ_UPDATING:
        break;
    case CDZ_TRIGGER:
        return "trigger";
    case CDZ_CONDITION:
        return "condition";
    case CDZ_TASK_RUNNER:
        return "task runner";
    }
    return "task";
}

static const char *word_of(const struct cdz_prop *p)
{
    switch (p->kind) {
    case CDZ_PROP_STRING:
        return "text";
    case CDZ_PROP_INT:
        return "integer";
    case CDZ_PROP_FLOAT:
        return "number";
    case CDZ_PROP_BOOL:
        return "boolean";
    case CDZ_PROP_DURATION:
        return "duration";
    case CDZ_PROP_ENUM:
        return "one of";
    case CDZ_PROP_LIST:
        return "list";
    case CDZ_PROP_STRINGS:
        return (p->flags & CDZ_PROP_ONE) ? "text, or list of texts" : "list of texts";
    case CDZ_PROP_MAP:
    case CDZ_PROP_OBJECT:
        return "map";
    case CDZ_PROP_ANY:
        return "any";
    case CDZ_PROP_OBJECTS:
        return "list of maps";
    case CDZ_PROP_TASKS:
        return (p->flags & CDZ_PROP_ONE) ? "task" : "list of tasks";
    case CDZ_PROP_CASES:
        return "map of lists of tasks";
    case CDZ_PROP_DAG:
        return "list of `task` and `dependsOn`";
    case CDZ_PROP_PLUGIN:
        return "map with a `type`";
    case CDZ_PROP_CONDITIONS:
        return (p->flags & CDZ_PROP_NAMED) ? "map of conditions" : "list of conditions";
    case CDZ_PROP_INPUTS:
        return "list of inputs";
    case CDZ_PROP_LABELS:
        return "labels";
    }
    return "any";
}

/* A bar ends a cell of a table. */
static void cell(struct cdz_buf *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            cdz_buf_c(to, '\\');
        cdz_buf_c(to, *text == '\n' ? ' ' : *text);
    }
}

static void row(struct cdz_buf *to, const char *prefix, const struct cdz_prop *p)
{
    cdz_buf_printf(to, "| `%s%s` | %s", prefix, p->name, word_of(p));
    for (const char *const *v = p->values; p->kind == CDZ_PROP_ENUM && v && *v; v++)
        cdz_buf_printf(to, "%s `%s`", v == p->values ? "" : ",", *v);
    cdz_buf_z(to, " | ");
    if (p->fallback) {
        cdz_buf_c(to, '`');
        cell(to, p->fallback);
        cdz_buf_c(to, '`');
    } else if (p->flags & CDZ_PROP_REQUIRED) {
        cdz_buf_z(to, "required");
    }
    cdz_buf_z(to, (p->flags & CDZ_PROP_DYNAMIC) ? " | yes | " : " | | ");
    if (p->flags & CDZ_PROP_DEPRECATED)
        cdz_buf_z(to, "Deprecated. ");
    if (p->doc)
        cell(to, p->doc);
    cdz_buf_z(to, " |\n");
}

static void rows(struct cdz_buf *to, const char *prefix, const struct cdz_prop *table)
{
    for (const struct cdz_prop *p = table; p && p->name; p++) {
        char below[128];
        if (p->flags & CDZ_PROP_HIDDEN)
            continue;
        row(to, prefix, p);
        bool list = p->kind == CDZ_PROP_OBJECTS;
        int n = snprintf(below, sizeof(below), "%s%s%s.", prefix, p->name, list ? "[]" : "");
        if ((list || p->kind == CDZ_PROP_OBJECT) && n > 0 && (size_t)n < sizeof(below))
            rows(to, below, p->nested);
    }
}

void cdz_plugin_doc(const struct cdz_type *type, struct cdz_buf *to)
{
    cdz_buf_printf(to, "# %s\n\n%s\n\n```yaml\ntype: %s\n```\n", type->type,
                   type->title ? type->title : "", type->type);
    if (type->aliases && type->aliases[0]) {
        cdz_buf_printf(to, "\nA %s; also known as", cdz_plugin_kind(type));
        for (const char *const *a = type->aliases; *a; a++)
            cdz_buf_printf(to, "%s `%s`", a == type->aliases ? "" : ",", *a);
        cdz_buf_z(to, ".\n");
    }
    if (type->props && type->props->name) {
        cdz_buf_z(
            to,
            "\n## Properties\n\n| Name | Type | Default | Rendered | |\n|---|---|---|---|---|\n");
        rows(to, "", type->props);
    }
    if (type->outputs && type->outputs->name) {
        cdz_buf_z(to, "\n## Outputs\n\n| Name | Type | | | |\n|---|---|---|---|---|\n");
        rows(to, "", type->outputs);
    }
}

void cdz_input_doc(const struct cdz_input_type *type, struct cdz_buf *to)
{
    cdz_buf_printf(to,
                   "# %s\n\n```yaml\ntype: %s\n```\n\n## Properties\n\n"
                   "| Name | Type | Default | Rendered | |\n|---|---|---|---|---|\n",
                   type->name, type->name);
    rows(to, "", cdz_input_props);
    rows(to, "", type->props);
}
