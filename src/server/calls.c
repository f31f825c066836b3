/* calls.c -- executions that other executions start: Subflow and ForEachItem. reference/execution.md
 * §3, §13. */
#include "server/executor.h"

static void tell(struct cdz_executor *x, const struct cdz_call_flow *call, enum cdz_child_news what,
                 cdz_str text)
{
    struct news n = {.ev = {.kind = CDZ_EVENT_CHILD,
                            .taskrun = call->answer_to.taskrun,
                            .epoch = call->answer_to.epoch,
                            .iteration = call->answer_to.iteration,
                            .news = what,
                            .text = cdz_arena_str(x->arena, text)}};
    snprintf(n.id, sizeof(n.id), "%.*s", CDZ_S(call->answer_to.execution_id));
    EXECUTOR_PUSH(&x->news, n);
}

static cdz_rc make(struct cdz_executor *x, const struct cdz_call_flow *call, struct cdz_flow *flow,
                   cdz_us now, struct cdz_execution **ret, struct cdz_err *err)
{
    if (flow->disabled)
        return cdz_fail(err, CDZ_E_CONFLICT, "Cannot execute a flow which is disabled");
    struct cdz_create c = {
        .flow = flow,
        .services = x->s,
        .inputs = call->inputs,
        .labels = call->labels,
        .label_count = call->label_count,
        .schedule_date = call->schedule_date,
        .id = call->id,
        .trigger_id = call->trigger_id,
        .trigger_type = call->trigger_type,
        .trigger_variables = call->trigger_variables,
        .by_execution = true,
        .depth = call->depth,
    };
    if (call->wait)
        c.answer_to = call->answer_to;
    return cdz_execution_make(&c, now, ret, err);
}

void call_make(struct cdz_executor *x, const struct cdz_call_flow *call, cdz_us now)
{
    struct cdz_err err;
    struct cdz_flow *flow;
    struct cdz_execution *e;
    struct cdz_record records[2];
    if (cdz_flows_get(x->s->flows, call->namespace_, call->flow_id, call->revision, &flow, &err) !=
        CDZ_OK) {
        tell(x, call, CDZ_CHILD_REFUSED,
             cdz_arena_printf(x->arena, "Unable to find flow '%.*s'.'%.*s' with revision '%d'",
                              CDZ_S(call->namespace_), CDZ_S(call->flow_id), call->revision));
        return;
    }
    cdz_rc rc = make(x, call, flow, now, &e, &err);
    if (rc != CDZ_OK) {
        tell(x, call, CDZ_CHILD_REFUSED, cdz_str_z(err.text));
    } else {
        size_t n = cdz_execution_records(e, x->arena, records);
        for (size_t i = 0; i < n; i++)
            executor_put(x, records[i].topic, records[i].key, records[i].value);
        tell(x, call, CDZ_CHILD_MADE, e->id);
        cdz_execution_free(e);
    }
    cdz_flow_unref(flow);
}
