/* sla.c -- what an execution promises: how long it takes, and expressions that hold. reference/flow.md
 * §7.2, execution.md §14. */
#include "base/time.h"
#include "exec/internal.h"
#include "expr/lib.h"

void cdz_sla_arm(struct step *s)
{
    const struct cdz_flow *flow = s->e->flow;
    for (size_t i = 0; i < flow->sla_count; i++) {
        if (flow->slas[i].kind == CDZ_SLA_MAX_DURATION)
            cdz_step_effect(s, CDZ_EFFECT_TIMER, s->e->history.v[0].at + flow->slas[i].duration,
                            s->e->id, CDZ_STR(""));
    }
}

static bool is_violated(struct step *s, const struct cdz_sla *sla)
{
    struct cdz_err err;
    cdz_val v;
    if (sla->kind == CDZ_SLA_MAX_DURATION)
        return cdz_step_now(s) >= s->e->history.v[0].at + sla->duration;
    if (cdz_step_render(s, NULL, sla->assertion, &v, &err) != CDZ_OK) {
        cdz_step_log(s, NULL, CDZ_ERROR, "The SLA '%.*s' is ignored: %s", CDZ_S(sla->id), err.text);
        return false;
    }
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    cdz_expr_print(&text, v);
    return !cdz_truthy(cdz_buf_get(&text));
}

static bool has_label(const struct cdz_execution *e, cdz_str key, cdz_str value)
{
    for (size_t i = 0; i < e->label_count; i++) {
        if (cdz_str_eq(e->labels[i].key, key) && cdz_str_eq(e->labels[i].value, value))
            return true;
    }
    return false;
}

static void violated(struct step *s, const struct cdz_sla *sla)
{
    if (sla->labels.kind == CDZ_MAP) {
        CDZ_MAP_EACH (x, sla->labels) {
            if (x->val.kind == CDZ_TEXT && !has_label(s->e, x->key, cdz_val_str(x->val)))
                cdz_labels_add(s, x->key, cdz_val_str(x->val));
        }
    }
    if (sla->behavior == CDZ_SLA_NONE)
        return;
    s->e->sla_violated = true;
    s->out->head = true;
    cdz_step_log(s, NULL, CDZ_ERROR, "The SLA '%.*s' is violated: %s", CDZ_S(sla->id),
                 sla->kind == CDZ_SLA_MAX_DURATION ? "the execution takes too long"
                                                   : "its assertion does not hold");
    cdz_kill_begin(s, sla->behavior == CDZ_SLA_FAIL ? CDZ_FAILED : CDZ_CANCELLED, false);
}

void cdz_sla_check(struct step *s)
{
    const struct cdz_flow *flow = s->e->flow;
    for (size_t i = 0; i < flow->sla_count; i++) {
        enum cdz_state state = cdz_state_now(&s->e->history);
        if (s->e->sla_violated || state == CDZ_KILLING || cdz_state_is_terminated(state))
            return;
        /* A label of a NONE is added once: it is there afterwards. */
        if (is_violated(s, &flow->slas[i]))
            violated(s, &flow->slas[i]);
    }
}
