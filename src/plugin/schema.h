/*
 * schema.h -- what the descriptors say, for editors and for people: JSON Schema (draft 7) of the flow
 * language and of single types, and their documentation in Markdown.
 *
 * The schema is in the form of the original's `/plugins/schemas/...`: one definition for each type under
 * its canonical name, `anyOf` over the types where a plugin may stand, `$dynamic` and `$deprecated` beside
 * the standard keywords. Unknown properties are refused, as the compiler does. Built from constants only:
 * the same registry gives the same bytes. Threads: any.
 */
#ifndef CDZ_PLUGIN_SCHEMA_H
#define CDZ_PLUGIN_SCHEMA_H

#include "base/buf.h"
#include "model/inputs.h"

/* The whole flow language, appended. */
void cdz_schema_flow(const struct cdz_registry *registry, struct cdz_buf *to);
/*
 * The same with another root: flow, template, task, trigger, plugindefault; as_list: a list of them.
 * False: there is no such root, nothing is written.
 */
bool cdz_schema_root(const struct cdz_registry *registry, cdz_str root, bool as_list,
                     struct cdz_buf *to);
/* {"properties": {...}, "outputs": {...}, "definitions": {...}} of one type; all: with the properties
 * that all of its kind have. */
void cdz_schema_type(const struct cdz_registry *registry, const struct cdz_type *type, bool all,
                     struct cdz_buf *to);
/* {"properties": {...}} of an input of that type (model/inputs.h), with what all inputs have. */
void cdz_schema_input(const struct cdz_registry *registry, const struct cdz_input_type *type,
                      struct cdz_buf *to);

/* Its documentation: title, names, tables of properties and outputs. */
void cdz_plugin_doc(const struct cdz_type *type, struct cdz_buf *to);
void cdz_input_doc(const struct cdz_input_type *type, struct cdz_buf *to);
/* "task", "trigger", "condition" or "task runner". */
const char *cdz_plugin_kind(const struct cdz_type *type);
/* All types but those that only the compiler makes (a name with '$'), by name. The caller frees it. */
const struct cdz_type **cdz_plugin_sorted(const struct cdz_registry *registry, size_t *ret_n);

#endif
