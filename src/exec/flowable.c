/*
 * flowable.c -- how each kind of flowable begins: what it evaluates once, and what it keeps of it
 * in its outputs and values. After that it is a scope (scope.c) until it ends.
 */
#include "base/limits.h"
#include "exec/internal.h"
#include "expr/lib.h"

static cdz_rc begin_if(struct step *s, struct cdz_taskrun *t, struct cdz_err *err)
{
    cdz_str text;
    CDZ_TRY(cdz_step_text(s, t, "condition", &text, err));
    cdz_taskrun_output(s, t, "evaluationResult", cdz_val_bool(cdz_truthy(text)));
    return CDZ_OK;
}

static cdz_rc begin_switch(struct step *s, struct cdz_taskrun *t, struct cdz_err *err)
{
    cdz_str text;
    bool matched = false;
    CDZ_TRY(cdz_step_text(s, t, "value", &text, err));
    for (size_t i = 0; i < t->task->case_count; i++)
        matched |= cdz_str_eq(t->task->cases[i].name, text);
    cdz_taskrun_output(s, t, "value", cdz_val_text(text));
    cdz_taskrun_output(s, t, "defaults", cdz_val_bool(!matched));
    if (!matched && !t->task->has_defaults)
        return cdz_fail(
            err, CDZ_E_TASK,
            "No task found on value '%.*s': no case has this name and there are no defaults",
            CDZ_S(text));
    return CDZ_OK;
}

static bool seen_before(cdz_val seen, cdz_str item)
{
    return cdz_map_find(seen, item) != NULL;
}

/* One element of the list as the text that `taskrun.value` is. */
static cdz_rc value_text(struct step *s, cdz_val item, cdz_str *ret, struct cdz_err *err)
{
    struct cdz_arena *keep = s->e->arena;
    switch ((enum cdz_kind)item.kind) {
    case CDZ_TEXT:
        *ret = cdz_arena_str(keep, cdz_val_str(item));
        return CDZ_OK;
    case CDZ_INT:
    case CDZ_DECIMAL:
    case CDZ_MAP:
    case CDZ_LIST:
    case CDZ_BOOL:
    case CDZ_FLOAT:
    case CDZ_LAZY:
        *ret = cdz_json_text(keep, item, CDZ_JSON_DROP_NULLS);
        return CDZ_OK;
    case CDZ_NULL:
    case CDZ_DATE:
    case CDZ_DURATION:
    case CDZ_TEMPLATE:
        break;
    }
    return cdz_fail(err, CDZ_E_TASK, "Unknown value element type: %s", cdz_val_kind_name(item));
}

cdz_rc cdz_flowable_list(cdz_val v, struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    if (v.kind == CDZ_TEXT) {
        struct cdz_err why;
        cdz_val parsed;
        if (cdz_json_parse(cdz_val_str(v), arena, &parsed, &why) != CDZ_OK ||
            parsed.kind != CDZ_LIST)
            return cdz_fail(
                err, CDZ_E_TASK,
                "the values must be a list, or text that is a JSON list, but are `%.*s`",
                (int)(v.n > 200 ? 200 : v.n), v.s);
        v = parsed;
    }
    if (v.kind != CDZ_LIST)
        return cdz_fail(err, CDZ_E_TASK,
                        "the values must be a list, or text that is a JSON list, but are a %s",
                        cdz_val_kind_name(v));
    *ret = v;
    return CDZ_OK;
}

static cdz_rc begin_each(struct step *s, struct cdz_taskrun *t, struct cdz_err *err)
{
    bool for_each = t->task->type->flow_kind == CDZ_FLOW_FOR_EACH;
    cdz_val rendered, list, values = cdz_val_list(s->e->arena, 0), seen = cdz_val_map(s->arena, 0);
    size_t nulls = 0;
    CDZ_TRY(cdz_step_render(s, t, cdz_map_getz(t->task->props, for_each ? "values" : "value"),
                            &rendered, err));
    CDZ_TRY(cdz_flowable_list(rendered, s->arena, &list, err));
    if (cdz_list_n(list) > CDZ_EACH_VALUES_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "an each task has at most %u values, not %zu",
                        CDZ_EACH_VALUES_MAX, cdz_list_n(list));
    CDZ_LIST_EACH (item, list)
        nulls += item->kind == CDZ_NULL;
    if (nulls) {
        CDZ_AUTO_BUF struct cdz_buf text = {.max = 400};
        cdz_java_print(&text, list);
        return cdz_fail(err, CDZ_E_TASK, "Found '%zu' null values on Each, with values=%s", nulls,
                        text.p);
    }
    CDZ_LIST_EACH (item, list) {
        cdz_str text;
        CDZ_TRY(value_text(s, *item, &text, err));
        if (seen_before(seen, text))
            continue; /* the first of equal values is kept */
        cdz_map_put(s->arena, seen, text, cdz_val_bool(true));
        cdz_list_push(s->e->arena, values, cdz_val_text(text));
    }
    t->values = values;
    return CDZ_OK;
}

static cdz_rc begin_template(struct step *s, struct cdz_taskrun *t, struct cdz_err *err)
{
    cdz_val args;
    CDZ_TRY(cdz_step_render(s, t, cdz_map_getz(t->task->props, "args"), &args, err));
    if (args.kind == CDZ_MAP)
        cdz_taskrun_output(s, t, "args", cdz_val_copy(s->e->arena, args));
    if (t->task->broken.n)
        return cdz_fail(err, CDZ_E_TASK, "%.*s", CDZ_S(t->task->broken));
    return CDZ_OK;
}

void cdz_flowable_begin(struct step *s, struct cdz_taskrun *t)
{
    struct cdz_err err;
    cdz_rc rc = CDZ_OK;
    switch (t->task->type->flow_kind) {
    case CDZ_FLOW_IF:
        rc = begin_if(s, t, &err);
        break;
    case CDZ_FLOW_SWITCH:
        rc = begin_switch(s, t, &err);
        break;
    case CDZ_FLOW_EACH_SEQUENTIAL:
    case CDZ_FLOW_EACH_PARALLEL:
    case CDZ_FLOW_FOR_EACH:
        rc = begin_each(s, t, &err);
        break;
    case CDZ_FLOW_TEMPLATE:
        rc = begin_template(s, t, &err);
        break;
    case CDZ_FLOW_LOOP:
        cdz_loop_begin(s, t);
        break;
    case CDZ_FLOW_PAUSE:
        rc = cdz_pause_begin(s, t, &err);
        break;
    default: /* nothing to evaluate */
        break;
    }
    cdz_scope_init(s->e, t); /* also when it failed: a load after a restart finds the same */
    if (rc != CDZ_OK)
        cdz_taskrun_break(s, t, &err);
    else if (t->task->on_pause.n)
        cdz_taskrun_begin(s, t->scope, t->task->on_pause.v[0], 0);
    else
        cdz_scope_push(s, t->scope);
}
