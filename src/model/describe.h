/*
 * describe.h -- the tables of what may stand in the parts of a flow that are no plugins, for those who
 * tell others about it (plugin/schema.c). The compiler itself reads the same tables. Those of inputs
 * are in inputs.h, of triggers in compile.h, of tasks in flow.h.
 */
#ifndef CDZ_MODEL_DESCRIBE_H
#define CDZ_MODEL_DESCRIBE_H

#include "model/type.h"

/* Each ends with name NULL. */
extern const struct cdz_prop cdz_flow_props[], cdz_output_props[], cdz_listener_props[],
    cdz_concurrency_props[], cdz_sla_duration_props[], cdz_sla_assertion_props[], cdz_check_props[],
    cdz_default_props[], cdz_trigger_props[], cdz_label_props[];

/* The kinds of a retry, by the text of its `type`; ends with name NULL. */
extern const struct cdz_retry_type {
    const char *name;
    const struct cdz_prop *props;
} cdz_retry_types[];

#endif
