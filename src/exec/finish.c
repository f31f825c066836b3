/* finish.c -- the end of an execution: its outputs, its last state, its last log line.
 * reference/execution.md §6. */
#include "base/time.h"
#include "exec/internal.h"

static cdz_rc render_outputs(struct step *s, cdz_val *ret, struct cdz_err *err)
{
    const struct cdz_flow *flow = s->e->flow;
    cdz_val outputs = cdz_val_map(s->arena, flow->output_count);
    for (size_t i = 0; i < flow->output_count; i++) {
        const struct cdz_flow_output *o = &flow->outputs[i];
        cdz_val rendered, typed;
        CDZ_TRY(cdz_step_render(s, NULL, o->value, &rendered, err));
        CDZ_TRY(cdz_typed_convert(o->id, o->type, CDZ_STR(""), rendered, s->arena, &typed, err));
        cdz_map_put(s->arena, outputs, o->id, typed);
    }
    *ret = outputs;
    return CDZ_OK;
}

void cdz_execution_finish(struct step *s, enum cdz_state state)
{
    struct cdz_execution *e = s->e;
    if (e->flow && e->flow->output_count > 0 && state != CDZ_KILLED) {
        struct cdz_err err;
        cdz_val outputs;
        if (render_outputs(s, &outputs, &err) == CDZ_OK) {
            e->outputs = cdz_val_copy(e->arena, outputs);
        } else {
            cdz_step_log(s, NULL, CDZ_ERROR, "Failed to render output values: %s", err.text);
            state = CDZ_FAILED;
        }
    }
    cdz_step_state(s, state);
    char text[CDZ_INSTANT_TEXT];
    cdz_str span = cdz_span_print(cdz_step_now(s) - e->history.v[0].at, text);
    cdz_step_log(s, NULL, CDZ_INFO, "Flow completed with state %s in %.*s", cdz_state_name(state),
                 CDZ_S(span));
    cdz_step_effect(s, CDZ_EFFECT_ENDED, 0, e->id, CDZ_STR(""));
}
