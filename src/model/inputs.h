/*
 * inputs.h -- the types that inputs and flow outputs can have.
 */
#ifndef CDZ_MODEL_INPUTS_H
#define CDZ_MODEL_INPUTS_H

#include "model/flow.h"

enum { CDZ_INPUT_TEXT = 1 }; /* the raw value is a text: scalars are taken as they were written */

struct cdz_input_type {
    const char *name;
    const struct cdz_prop *props; /* beside cdz_input_props; may be NULL */
    unsigned flags;
};
/* All of them; ends with name NULL. */
extern const struct cdz_input_type cdz_input_types[];
/* What all have in common. */
extern const struct cdz_prop cdz_input_props[];
const struct cdz_input_type *cdz_input_type_find(cdz_str name);

/* As the API shows a declared input; key as of cdz_jw_open. */
struct cdz_jw;
void cdz_input_json(const struct cdz_input *input, struct cdz_jw *w, const char *key);

struct cdz_compiler;
struct cdz_path;
/* `type` of an input or output that is being compiled; NULL after a report. */
const struct cdz_input_type *cdz_compile_input_type(struct cdz_compiler *c,
                                                    const struct cdz_yaml_node *node,
                                                    const struct cdz_path *path);

#endif
