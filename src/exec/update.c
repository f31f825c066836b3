/* update.c -- tasks that change their own execution and are done with that: Labels, SetVariables,
 * UnsetVariables, Exit. reference/tasks.md §3 */
#include "exec/internal.h"

void cdz_labels_add(struct step *s, cdz_str key, cdz_str value)
{
    struct cdz_execution *e = s->e;
    struct cdz_label *to = NULL;
    for (size_t i = 0; i < e->label_count && !to; i++) {
        if (cdz_str_eq(e->labels[i].key, key))
            to = &e->labels[i];
    }
    if (!to) {
        e->labels = cdz_arena_grow(e->arena, e->labels, e->label_count * sizeof(*e->labels),
                                   (e->label_count + 1) * sizeof(*e->labels));
        to = &e->labels[e->label_count++];
        to->key = cdz_arena_str(e->arena, key);
    }
    to->value = cdz_arena_str(e->arena, value);
    s->out->head = true;
}

static cdz_rc check_label(cdz_str key, struct cdz_err *err)
{
    if (cdz_str_starts(key, CDZ_STR("system.")))
        return cdz_fail(err, CDZ_E_TASK,
                        "System labels can only be set by Kestra itself, offending label: %.*s",
                        CDZ_S(key));
    return CDZ_OK;
}

static cdz_str text_of(struct step *s, cdz_val v)
{
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    cdz_expr_print(&text, v);
    return cdz_buf_copy(&text, s->arena);
}

static cdz_rc labels(struct step *s, struct cdz_taskrun *t, struct cdz_err *err)
{
    cdz_val v;
    CDZ_TRY(cdz_step_render(s, t, cdz_map_getz(t->task->props, "labels"), &v, err));
    if (v.kind == CDZ_TEXT && cdz_json_parse(cdz_val_str(v), s->arena, &v, err) != CDZ_OK)
        return cdz_fail(err, CDZ_E_TASK,
                        "labels must be a map, a list of `key` and `value`, or text "
                        "that renders to a JSON object");
    if (v.kind == CDZ_MAP) {
        CDZ_MAP_EACH (x, v)
            CDZ_TRY(check_label(x->key, err));
        CDZ_MAP_EACH (x, v)
            cdz_labels_add(s, x->key, text_of(s, x->val));
        return CDZ_OK;
    }
    if (v.kind != CDZ_LIST)
        return cdz_fail(err, CDZ_E_TASK, "labels must be a map or a list, not a %s",
                        cdz_val_kind_name(v));
    CDZ_LIST_EACH (x, v) {
        cdz_val key = cdz_map_getz(*x, "key");
        if (key.kind != CDZ_TEXT)
            return cdz_fail(err, CDZ_E_TASK, "a label needs a `key` and a `value`");
        CDZ_TRY(check_label(cdz_val_str(key), err));
    }
    CDZ_LIST_EACH (x, v)
        cdz_labels_add(s, cdz_val_str(cdz_map_getz(*x, "key")),
                       text_of(s, cdz_map_getz(*x, "value")));
    return CDZ_OK;
}

static cdz_val variables_copy(struct step *s)
{
    cdz_val to = cdz_val_map(s->e->arena, 4);
    if (s->e->variables.kind == CDZ_MAP) {
        CDZ_MAP_EACH (x, s->e->variables)
            cdz_map_put(s->e->arena, to, x->key, x->val);
    }
    return to;
}

static cdz_rc set_variables(struct step *s, struct cdz_taskrun *t, struct cdz_err *err)
{
    cdz_val v, to = variables_copy(s);
    bool overwrite = cdz_step_flag(s, t, "overwrite");
    CDZ_TRY(cdz_step_render(s, t, cdz_map_getz(t->task->props, "variables"), &v, err));
    if (v.kind != CDZ_MAP)
        return cdz_fail(err, CDZ_E_TASK, "variables must be a map, not a %s", cdz_val_kind_name(v));
    CDZ_MAP_EACH (x, v) {
        if (!overwrite && cdz_map_find(to, x->key))
            return cdz_fail(err, CDZ_E_TASK, "the variable '%.*s' is set already", CDZ_S(x->key));
        cdz_map_put(s->e->arena, to, cdz_arena_str(s->e->arena, x->key),
                    cdz_val_copy(s->e->arena, x->val));
    }
    s->e->variables = to;
    s->out->head = true;
    return CDZ_OK;
}

static cdz_rc unset_variables(struct step *s, struct cdz_taskrun *t, struct cdz_err *err)
{
    cdz_val v, have = s->e->variables, to = cdz_val_map(s->e->arena, 4),
               gone = cdz_val_map(s->arena, 4);
    CDZ_TRY(cdz_step_render(s, t, cdz_map_getz(t->task->props, "variables"), &v, err));
    if (v.kind == CDZ_TEXT)
        CDZ_TRY(cdz_flowable_list(v, s->arena, &v, err));
    if (v.kind != CDZ_LIST)
        return cdz_fail(err, CDZ_E_TASK, "variables must be a list of names");
    CDZ_LIST_EACH (x, v) {
        cdz_str name = text_of(s, *x);
        if (!cdz_map_find(have, name) && !cdz_step_flag(s, t, "ignoreMissing"))
            return cdz_fail(err, CDZ_E_TASK, "the variable '%.*s' is not set", CDZ_S(name));
        cdz_map_put(s->arena, gone, name, cdz_val_bool(true));
    }
    if (have.kind == CDZ_MAP) {
        CDZ_MAP_EACH (x, have) {
            if (!cdz_map_find(gone, x->key))
                cdz_map_put(s->e->arena, to, x->key, x->val);
        }
    }
    s->e->variables = to;
    s->out->head = true;
    return CDZ_OK;
}

/* The state that the execution is to end in; everything else is stopped. */
static cdz_rc exit_(struct step *s, struct cdz_taskrun *t, enum cdz_state *ret, struct cdz_err *err)
{
    cdz_val v;
    CDZ_TRY(cdz_step_render(s, t, cdz_map_getz(t->task->props, "state"), &v, err));
    *ret = CDZ_SUCCESS;
    if (v.kind == CDZ_TEXT && cdz_str_is(cdz_val_str(v), "CANCELED"))
        *ret = CDZ_CANCELLED;
    else if (v.kind == CDZ_TEXT &&
             (!cdz_state_parse(cdz_val_str(v), ret) || !cdz_state_is_terminated(*ret)))
        return cdz_fail(err, CDZ_E_TASK, "an execution cannot end in the state `%.*s`",
                        CDZ_S(cdz_val_str(v)));
    return CDZ_OK;
}

void cdz_update_begin(struct step *s, struct cdz_taskrun *t)
{
    struct cdz_err err;
    enum cdz_state end_as = CDZ_SUCCESS;
    bool exits = t->task->type->flow_kind == CDZ_FLOW_EXIT;
    cdz_rc rc = CDZ_OK;
    switch (t->task->type->flow_kind) {
    case CDZ_FLOW_LABELS:
        rc = labels(s, t, &err);
        break;
    case CDZ_FLOW_SET_VARIABLES:
        rc = set_variables(s, t, &err);
        break;
    case CDZ_FLOW_UNSET_VARIABLES:
        rc = unset_variables(s, t, &err);
        break;
    case CDZ_FLOW_EXIT:
        rc = exit_(s, t, &end_as, &err);
        break;
    default:
        rc = cdz_fail(&err, CDZ_E_INTERNAL, "unknown kind of task");
        break;
    }
    if (rc != CDZ_OK) {
        cdz_taskrun_break(s, t, &err);
        return;
    }
    cdz_taskrun_end_as_is(s, t, CDZ_SUCCESS);
    if (exits && !s->e->after) {
        cdz_step_log(s, t, CDZ_INFO, "The execution ends here in state %s", cdz_state_name(end_as));
        cdz_kill_begin(s, end_as, true);
    }
}
