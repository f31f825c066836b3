/*
 * flow_json.c -- a flow as the API's JSON: the document as written, in the order and with the
 * fields of the original.
 */
#include "base/json.h"
#include "model/flow.h"
#include "model/inputs.h"

static void print_labels(const struct cdz_flow *flow, struct cdz_jw *w)
{
    if (!cdz_map_n(flow->labels))
        return;
    cdz_jw_open(w, "labels", '[');
    CDZ_MAP_EACH (label, flow->labels) {
        cdz_jw_open(w, NULL, '{');
        cdz_jw_str(w, "key", label->key);
        cdz_jw_str(w, "value", cdz_val_str(label->val));
        cdz_jw_close(w, '}');
    }
    cdz_jw_close(w, ']');
}

/* With what the server fills in: the type as known, whether it is required, the id under its new
 * name. */
void cdz_input_json(const struct cdz_input *input, struct cdz_jw *w, const char *key)
{
    cdz_jw_open(w, key, '{');
    cdz_jw_str(w, "id", input->id);
    cdz_jw_str(w, "type", input->type);
    cdz_jw_bool(w, "required", input->required);
    CDZ_MAP_EACH (e, input->source) {
        if (!cdz_str_is(e->key, "id") && !cdz_str_is(e->key, "name") &&
            !cdz_str_is(e->key, "type") && !cdz_str_is(e->key, "required") &&
            e->val.kind != CDZ_NULL)
            /* keys of documents end with a NUL: cdz_arena_str */
            cdz_jw_val(w, e->key.p, cdz_str_is(e->key, "defaults") ? input->defaults : e->val,
                       CDZ_JSON_DROP_NULLS);
    }
    cdz_jw_close(w, '}');
}

static void print_inputs(const struct cdz_flow *flow, struct cdz_jw *w)
{
    if (!flow->input_count)
        return;
    cdz_jw_open(w, "inputs", '[');
    for (size_t i = 0; i < flow->input_count; i++)
        cdz_input_json(&flow->inputs[i], w, NULL);
    cdz_jw_close(w, ']');
}

void cdz_flow_json(const struct cdz_flow *flow, bool with_source, struct cdz_buf *to)
{
    static const char *const as_written[] = {
        "variables", "tasks",          "errors",       "finally",     "afterExecution", "listeners",
        "triggers",  "pluginDefaults", "taskDefaults", "concurrency", "outputs",        "retry",
        "sla",       "checks"};
    struct cdz_jw w = {.to = to};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_str(&w, "id", flow->id);
    cdz_jw_str(&w, "namespace", flow->namespace_);
    cdz_jw_int(&w, "revision", flow->revision);
    if (flow->description.n)
        cdz_jw_str(&w, "description", flow->description);
    print_labels(flow, &w);
    print_inputs(flow, &w);
    cdz_jw_bool(&w, "disabled", flow->disabled);
    cdz_jw_bool(&w, "deleted", flow->deleted);
    for (size_t i = 0; i < CDZ_COUNT(as_written); i++) {
        cdz_val v = cdz_map_getz(flow->document, as_written[i]);
        if (v.kind != CDZ_NULL)
            cdz_jw_val(&w, as_written[i], v, CDZ_JSON_DROP_NULLS);
    }
    if (flow->exception.n)
        cdz_jw_str(&w, "exception", flow->exception);
    if (with_source)
        cdz_jw_str(&w, "source", flow->source);
    cdz_jw_close(&w, '}');
}
