/*
 * child.c -- executions that a task run starts: Subflow, and each batch of ForEachItem.
 *
 * The step draws the id and renders what the call needs; who carries the effects out looks for the
 * flow, checks the inputs and makes the execution in the same commit, and tells of it with a CHILD
 * event: REFUSED or MADE. When the child is over it sends CHILD ENDED itself, to the execution that its
 * answer_to names. reference/execution.md §13.
 */
#include "base/limits.h"
#include "base/time.h"
#include "exec/context.h"
#include "exec/internal.h"

static bool flag(const struct cdz_taskrun *t, const char *name)
{
    cdz_val v = cdz_map_getz(t->task->props, name);
    return v.kind == CDZ_BOOL && v.b;
}

/* --- the call --- */

/* "taskrun.items" and "taskrun.iteration" beside the rest, for the inputs of a batch. */
static cdz_val batch_variables(struct step *s, const struct cdz_taskrun *t, cdz_val items,
                               int iteration)
{
    cdz_val context = cdz_context_build(s->e, s->e->flow, t, t->task->needs, false, s->arena);
    cdz_val taskrun = cdz_map_getz(context, "taskrun");
    cdz_map_putz(s->arena, taskrun, "items", items);
    cdz_map_putz(s->arena, taskrun, "iteration", cdz_val_i32(iteration));
    cdz_val extra = cdz_val_map(s->arena, 1);
    cdz_map_putz(s->arena, extra, "taskrun", taskrun);
    return extra;
}

static cdz_rc render(struct step *s, struct cdz_map_env *env, cdz_val v, cdz_val *ret,
                     struct cdz_err *err)
{
    return cdz_val_render(v, &env->env, s->arena, ret, err);
}

static cdz_rc render_text(struct step *s, struct cdz_map_env *env, cdz_val v, cdz_str *ret,
                          struct cdz_err *err)
{
    cdz_val rendered;
    CDZ_TRY(render(s, env, v, &rendered, err));
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    cdz_expr_print(&text, rendered);
    *ret = cdz_buf_copy(&text, s->arena);
    return CDZ_OK;
}

/* Of this execution: all, or the system's only; then those of the task. */
static cdz_rc labels_of(struct step *s, struct cdz_taskrun *t, struct cdz_map_env *env,
                        struct cdz_call_flow *call, struct cdz_err *err)
{
    cdz_val labels = cdz_map_getz(t->task->props, "labels");
    bool all = cdz_step_flag(s, t, "inheritLabels");
    size_t room = s->e->label_count;
    if (!cdz_val_is_null(labels)) {
        CDZ_TRY(render(s, env, labels, &labels, err));
        if (labels.kind == CDZ_TEXT)
            CDZ_TRY(cdz_json_parse(cdz_val_str(labels), s->arena, &labels, err));
        room += labels.kind == CDZ_MAP ? cdz_map_n(labels) : 0;
        room += labels.kind == CDZ_LIST ? cdz_list_n(labels) : 0;
    }
    struct cdz_label *v = CDZ_NEW_N(s->arena, struct cdz_label, room);
    for (size_t i = 0; i < s->e->label_count; i++) {
        if (all || cdz_str_starts(s->e->labels[i].key, CDZ_STR("system.")))
            v[call->label_count++] = s->e->labels[i];
    }
    if (labels.kind == CDZ_MAP) {
        CDZ_MAP_EACH (x, labels) {
            struct cdz_label *l = &v[call->label_count++];
            l->key = x->key;
            CDZ_TRY(render_text(s, env, x->val, &l->value, err));
        }
    } else if (labels.kind == CDZ_LIST) {
        CDZ_LIST_EACH (x, labels) {
            struct cdz_label *l = &v[call->label_count++];
            CDZ_TRY(render_text(s, env, cdz_map_getz(*x, "key"), &l->key, err));
            CDZ_TRY(render_text(s, env, cdz_map_getz(*x, "value"), &l->value, err));
        }
    }
    call->labels = v;
    return CDZ_OK;
}

static cdz_rc schedule_of(struct step *s, struct cdz_taskrun *t, struct cdz_map_env *env,
                          cdz_us *ret, struct cdz_err *err)
{
    cdz_val v = cdz_map_getz(t->task->props, "scheduleDate");
    cdz_str text;
    if (cdz_val_is_null(v))
        return CDZ_OK;
    CDZ_TRY(render_text(s, env, v, &text, err));
    if (text.n && !cdz_instant_parse(text, ret))
        return cdz_fail(err, CDZ_E_TASK, "scheduleDate must be a date with zone, not `%.*s`",
                        CDZ_S(text));
    return CDZ_OK;
}

cdz_str cdz_child_id(struct step *s, const struct cdz_taskrun *t, int iteration)
{
    struct cdz_rng rng = {{cdz_str_hash(t->id), (uint64_t)iteration << 32 | t->epoch,
                           cdz_str_hash(s->e->id) ^ 0x9E3779B97F4A7C15u, t->index + 1}};
    for (int i = 0; i < 8; i++)
        (void)cdz_rng_next(&rng); /* mixes: the first words are nearly the seed */
    return cdz_id_new(&rng, s->arena);
}

cdz_rc cdz_child_call(struct step *s, struct cdz_taskrun *t, cdz_val items, int iteration,
                      struct cdz_err *err)
{
    struct cdz_execution *e = s->e;
    struct cdz_call_flow *call = CDZ_NEW(s->arena, struct cdz_call_flow);
    cdz_val props = t->task->props, revision, variables = cdz_val_map(s->arena, 4);
    struct cdz_map_env env;
    cdz_step_env(s, t, t->task->needs,
                 iteration ? batch_variables(s, t, items, iteration) : CDZ_VAL_NULL, &env);
    if (e->depth >= (int)CDZ_SUBFLOW_DEPTH_MAX)
        return cdz_fail(err, CDZ_E_LIMIT,
                        "flows call each other more than %u levels deep: the last is %.*s.%.*s",
                        CDZ_SUBFLOW_DEPTH_MAX, CDZ_S(e->namespace_), CDZ_S(e->flow_id));
    CDZ_TRY(render_text(s, &env, cdz_map_getz(props, "namespace"), &call->namespace_, err));
    CDZ_TRY(render_text(s, &env, cdz_map_getz(props, "flowId"), &call->flow_id, err));
    CDZ_TRY(render(s, &env, cdz_map_getz(props, "revision"), &revision, err));
    if (revision.kind == CDZ_INT)
        call->revision = (int)revision.i;
    CDZ_TRY(render(s, &env, cdz_map_getz(props, "inputs"), &call->inputs, err));
    CDZ_TRY(labels_of(s, t, &env, call, err));
    CDZ_TRY(schedule_of(s, t, &env, &call->schedule_date, err));
    call->id = cdz_child_id(s, t, iteration);
    call->wait = flag(t, "wait");
    call->depth = e->depth + 1;
    call->trigger_id = t->task_id;
    call->trigger_type = cdz_str_z(t->task->type->type);
    cdz_map_putz(s->arena, variables, "executionId", cdz_val_text(e->id));
    cdz_map_putz(s->arena, variables, "namespace", cdz_val_text(e->namespace_));
    cdz_map_putz(s->arena, variables, "flowId", cdz_val_text(e->flow_id));
    cdz_map_putz(s->arena, variables, "flowRevision", cdz_val_i32(e->flow_revision));
    call->trigger_variables = variables;
    call->answer_to = (struct cdz_answer_to){e->id, t->index, t->epoch, iteration};
    cdz_step_effect(s, CDZ_EFFECT_CHILD, 0, call->id, CDZ_STR(""));
    s->out->effects.v[s->out->effects.n - 1].call = call;
    return CDZ_OK;
}

cdz_rc cdz_subflow_begin(struct step *s, struct cdz_taskrun *t, struct cdz_err *err)
{
    t->outputs = CDZ_VAL_NULL;
    return cdz_child_call(s, t, CDZ_VAL_NULL, 0, err);
}

/* --- what became of it --- */

enum cdz_state cdz_child_transmits(const struct cdz_taskrun *t, enum cdz_state state)
{
    bool bad =
        state == CDZ_FAILED || state == CDZ_PAUSED || state == CDZ_KILLED || state == CDZ_WARNING;
    return bad && flag(t, "transmitFailed") ? state : CDZ_SUCCESS;
}

static void end(struct step *s, struct cdz_taskrun *t, enum cdz_state state)
{
    bool was_killing = cdz_state_now(&t->history) == CDZ_KILLING;
    cdz_attempt_close(s, t, was_killing ? CDZ_KILLED : state, cdz_step_now(s));
    if (was_killing) {
        cdz_taskrun_end(s, t, CDZ_KILLED);
        cdz_kill_advance(s);
    } else {
        cdz_taskrun_became(s, t, state);
    }
}

static void subflow_event(struct step *s, struct cdz_taskrun *t)
{
    const struct cdz_event *ev = s->ev;
    switch (ev->news) {
    case CDZ_CHILD_REFUSED:
        cdz_step_log(s, t, CDZ_ERROR, "%.*s", CDZ_S(ev->text));
        end(s, t, CDZ_FAILED);
        return;
    case CDZ_CHILD_MADE:
        cdz_taskrun_output(s, t, "executionId", cdz_val_text(cdz_arena_str(s->e->arena, ev->text)));
        if (!flag(t, "wait")) {
            cdz_taskrun_output(s, t, "state", cdz_val_z(cdz_state_name(CDZ_CREATED)));
            end(s, t, CDZ_SUCCESS);
        }
        return;
    case CDZ_CHILD_ENDED:
        break;
    }
    cdz_taskrun_output(s, t, "state", cdz_val_z(cdz_state_name(ev->state)));
    if (ev->outputs.kind == CDZ_MAP)
        cdz_taskrun_output(s, t, "outputs", cdz_val_copy(s->e->arena, ev->outputs));
    if (ev->text.n) { /* its outputs could not be had */
        cdz_step_log(s, t, CDZ_ERROR, "Failed to extract outputs with the error: '%.*s'",
                     CDZ_S(ev->text));
        end(s, t, CDZ_FAILED);
        return;
    }
    end(s, t, cdz_child_transmits(t, ev->state));
}

void cdz_child_event(struct step *s, struct cdz_taskrun *t)
{
    if (t->task->type->flow_kind == CDZ_FLOW_ITEMS)
        cdz_items_child(s, t);
    else if (t->task->type->flow_kind == CDZ_FLOW_SUBFLOW)
        subflow_event(s, t);
}

bool cdz_child_kill(struct step *s, struct cdz_taskrun *t)
{
    struct cdz_event kill = {.kind = CDZ_EVENT_KILL, .cascade = true, .end_as = CDZ_KILLED};
    if (t->task->type->kind != CDZ_EXECUTABLE || !t->out)
        return false;
    if (t->task->type->flow_kind == CDZ_FLOW_SUBFLOW) {
        cdz_step_event(s, cdz_child_id(s, t, 0), &kill);
        return flag(t, "wait");
    }
    if (t->task->type->flow_kind == CDZ_FLOW_WAIT_EVENT) {
        cdz_wait_leave(s, t);
        return false;
    }
    cdz_val begun = cdz_map_getz(t->hidden, "begun");
    for (int i = 1; begun.kind == CDZ_INT && i <= begun.i; i++)
        cdz_step_event(s, cdz_child_id(s, t, i), &kill); /* those that have ended do not mind */
    return flag(t, "wait");
}

/* --- the other end --- */

/* The deprecated `outputs` of the calling task, rendered with this execution's context. */
static cdz_rc callers_outputs(struct step *s, cdz_val *ret, struct cdz_err *err)
{
    struct cdz_execution *e = s->e;
    cdz_val vars = e->trigger_variables, revision = cdz_map_getz(vars, "flowRevision");
    cdz_val ns = cdz_map_getz(vars, "namespace"), id = cdz_map_getz(vars, "flowId");
    *ret = CDZ_VAL_NULL;
    if (!s->env->flow_of || ns.kind != CDZ_TEXT || id.kind != CDZ_TEXT || revision.kind != CDZ_INT)
        return CDZ_OK;
    struct cdz_flow *caller =
        s->env->flow_of(s->env->ctx, cdz_val_str(ns), cdz_val_str(id), (int)revision.i);
    const struct cdz_task *task = caller ? cdz_flow_task(caller, e->trigger_id) : NULL;
    cdz_val outputs = task ? cdz_map_getz(task->props, "outputs") : CDZ_VAL_NULL, rendered;
    cdz_rc rc = CDZ_OK;
    if (!cdz_val_is_null(outputs)) {
        struct cdz_map_env env;
        cdz_step_env(s, NULL, NULL, CDZ_VAL_NULL, &env);
        rc = cdz_val_render(outputs, &env.env, s->arena, &rendered, err);
        if (rc == CDZ_OK)
            *ret = cdz_val_copy(s->arena, rendered);
    }
    cdz_flow_unref(caller);
    return rc;
}

void cdz_child_answer(struct step *s)
{
    struct cdz_execution *e = s->e;
    struct cdz_event ev = {
        .kind = CDZ_EVENT_CHILD,
        .taskrun = e->answer_to.taskrun,
        .epoch = e->answer_to.epoch,
        .iteration = e->answer_to.iteration,
        .news = CDZ_CHILD_ENDED,
        .state = cdz_state_now(&e->history),
        .outputs = e->outputs,
        .started = e->history.v[0].at,
        .ended = cdz_step_now(s),
    };
    struct cdz_err err;
    if (!e->answer_to.execution_id.p)
        return;
    bool has_outputs = e->flow && e->flow->output_count > 0;
    if (has_outputs && e->outputs.kind != CDZ_MAP && ev.state == CDZ_FAILED)
        ev.text = CDZ_STR(""); /* the child's own failure tells it */
    if (!has_outputs && callers_outputs(s, &ev.outputs, &err) != CDZ_OK)
        ev.text = cdz_arena_str(s->arena, cdz_str_z(err.text));
    cdz_step_event(s, e->answer_to.execution_id, &ev);
}
