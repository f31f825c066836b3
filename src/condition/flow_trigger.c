/*
 * flow_trigger.c -- see flow_trigger.h.
 *
 * A MultipleCondition and preconditions are the same here: an id, a kind of window, and conditions by
 * name. Those of preconditions are called condition_<n> (flows) and condition_<n>_<id> (where).
 */
#include "condition/flow_trigger.h"

#include "base/regex.h"
#include "condition/internal.h"
#include "model/triggers.h"

/* One window with its named conditions: a MultipleCondition, or the preconditions. */
struct multiple {
    const struct cdz_condition *condition; /* NULL: preconditions */
    cdz_val preconditions;
    cdz_str key;
    struct cdz_window_kind window;
    bool reset_on_success;
};

struct evaluation {
    struct cdz_condition_ctx *ctx;
    cdz_window_row_fn *row;
    void *row_ctx;
    struct cdz_flow_trigger_result *ret;
};

static cdz_str text_of(cdz_val map, const char *key)
{
    cdz_val v = cdz_map_getz(map, key);
    return v.kind == CDZ_TEXT       ? cdz_val_str(v)
           : v.kind == CDZ_TEMPLATE ? cdz_template_source(v.tpl)
                                    : (cdz_str){0};
}

bool cdz_flow_trigger_listens(const struct cdz_trigger *trigger, const struct cdz_flow *flow,
                              const struct cdz_execution *e)
{
    enum cdz_state state = cdz_state_now(&e->history);
    if (trigger->type != &cdz_trigger_flow || trigger->disabled || flow->disabled ||
        flow->deleted || flow->exception.n || state == CDZ_CREATED)
        return false;
    if (cdz_str_eq(e->namespace_, flow->namespace_) && cdz_str_eq(e->flow_id, flow->id))
        return false;
    return trigger->states ? trigger->states >> state & 1 : cdz_state_is_terminated(state);
}

static bool is_multiple(const struct cdz_condition *condition)
{
    return condition->type == &cdz_condition_multiple;
}

static struct multiple multiple_of(const struct cdz_flow *flow,
                                   const struct cdz_condition *condition, cdz_val preconditions,
                                   struct cdz_arena *arena)
{
    cdz_val map = condition ? condition->props : preconditions;
    cdz_val reset = cdz_map_getz(map, "resetOnSuccess");
    return (struct multiple){
        .condition = condition,
        .preconditions = preconditions,
        .key = cdz_arena_printf(arena, "%.*s/%.*s/%.*s", CDZ_S(flow->namespace_), CDZ_S(flow->id),
                                CDZ_S(text_of(map, "id"))),
        .window = cdz_window_kind_of(cdz_map_getz(map, "timeWindow"), map),
        .reset_on_success = reset.kind != CDZ_BOOL || reset.b,
    };
}

/* ---- conditions; one that cannot be told is false, with a warning ---- */

static bool told(struct evaluation *ev, cdz_rc rc, bool holds, const struct cdz_err *err)
{
    if (rc != CDZ_OK && !ev->ret->warning.n)
        ev->ret->warning = cdz_arena_str(ev->ctx->arena, cdz_str_z(err->text));
    return rc == CDZ_OK && holds;
}

static bool condition_holds(struct evaluation *ev, const struct cdz_condition *condition)
{
    bool holds = false;
    struct cdz_err err;
    cdz_rc rc = condition->type->holds(condition, ev->ctx, &holds, &err);
    return told(ev, rc, holds, &err);
}

static bool plain_conditions_hold(struct evaluation *ev, const struct cdz_trigger *trigger)
{
    for (size_t i = 0; i < trigger->conditions.n; i++)
        if (!is_multiple(&trigger->conditions.v[i]) &&
            !condition_holds(ev, &trigger->conditions.v[i]))
            return false;
    return true;
}

static bool has_text(cdz_val list, cdz_str s)
{
    if (list.kind != CDZ_LIST)
        return false;
    CDZ_LIST_EACH (item, list)
        if (item->kind == CDZ_TEXT && cdz_str_eq(cdz_val_str(*item), s))
            return true;
    return false;
}

/* An item of `flows`. */
static bool upstream_holds(const struct cdz_execution *e, cdz_val flow)
{
    cdz_val states = cdz_map_getz(flow, "states");
    cdz_str id = text_of(flow, "flowId");
    if (!cdz_str_eq(e->namespace_, text_of(flow, "namespace")) ||
        (id.n && !cdz_str_eq(e->flow_id, id)))
        return false;
    if (states.kind == CDZ_LIST && cdz_list_n(states) &&
        !has_text(states, cdz_str_z(cdz_state_name(cdz_state_now(&e->history)))))
        return false;
    return cdz_labels_have(e, cdz_map_getz(flow, "labels"));
}

/* The text that a filter tests. EXPRESSION: its own value, rendered. */
static cdz_rc tested_text(struct evaluation *ev, cdz_val filter, cdz_str *ret, struct cdz_err *err)
{
    const struct cdz_execution *e = ev->ctx->e;
    cdz_str field = text_of(filter, "field");
    cdz_val v;
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    if (cdz_str_is(field, "FLOW_ID"))
        *ret = e->flow_id;
    else if (cdz_str_is(field, "NAMESPACE"))
        *ret = e->namespace_;
    else if (cdz_str_is(field, "STATE"))
        *ret = cdz_str_z(cdz_state_name(cdz_state_now(&e->history)));
    else {
        CDZ_TRY(
            cdz_val_render(cdz_map_getz(filter, "value"), ev->ctx->env, ev->ctx->arena, &v, err));
        cdz_expr_print(&text, v);
        *ret = cdz_buf_copy(&text, ev->ctx->arena);
    }
    return CDZ_OK;
}

static cdz_rc matches(cdz_str pattern, cdz_str s, bool *ret, struct cdz_err *err)
{
    CDZ_AUTO_REGEX re = NULL;
    CDZ_TRY(cdz_regex_compile(pattern, &re, err));
    return cdz_regex_match(re, s, true, ret, err);
}

static cdz_rc filter_test(struct evaluation *ev, cdz_val filter, bool *ret, struct cdz_err *err)
{
    cdz_str type = text_of(filter, "type"), value = text_of(filter, "value"), s;
    cdz_val values = cdz_map_getz(filter, "values");
    CDZ_TRY(tested_text(ev, filter, &s, err));
    if (cdz_str_is(type, "REGEX"))
        return matches(value, s, ret, err);
    *ret = cdz_str_is(type, "EQUAL_TO")       ? cdz_str_eq(s, value)
           : cdz_str_is(type, "NOT_EQUAL_TO") ? !cdz_str_eq(s, value)
           : cdz_str_is(type, "IS_NULL")      ? !s.n
           : cdz_str_is(type, "IS_NOT_NULL")  ? s.n > 0
           : cdz_str_is(type, "IS_TRUE")      ? cdz_str_ieq(s, CDZ_STR("true"))
           : cdz_str_is(type, "IS_FALSE")     ? cdz_str_ieq(s, CDZ_STR("false"))
           : cdz_str_is(type, "STARTS_WITH")  ? cdz_str_starts(s, value)
           : cdz_str_is(type, "ENDS_WITH")    ? cdz_str_ends(s, value)
           : cdz_str_is(type, "CONTAINS")     ? cdz_str_find(s, value, 0) != SIZE_MAX
           : cdz_str_is(type, "IN")           ? has_text(values, s)
                                              : !has_text(values, s); /* NOT_IN */
    return CDZ_OK;
}

/* An item of `where`. */
static bool where_holds(struct evaluation *ev, cdz_val where)
{
    bool any = cdz_str_is(text_of(where, "operand"), "OR");
    cdz_val filters = cdz_map_getz(where, "filters");
    if (filters.kind != CDZ_LIST)
        return false;
    CDZ_LIST_EACH (filter, filters) {
        bool holds = false;
        struct cdz_err err;
        cdz_rc rc = filter_test(ev, *filter, &holds, &err);
        if (told(ev, rc, holds, &err) == any)
            return any;
    }
    return !any;
}

/* ---- windows ---- */

/* Goes over the named conditions: what holds is remembered. True when all have held. */
static bool remember(struct evaluation *ev, const struct multiple *m, struct cdz_window *w,
                     bool *changed)
{
    struct cdz_arena *arena = ev->ctx->arena;
    bool all = true;
    unsigned n = 0;
    if (m->condition) {
        for (size_t i = 0; i < m->condition->inner.n; i++) {
            cdz_str name = m->condition->names[i];
            if (!cdz_window_has(w, name) && condition_holds(ev, &m->condition->inner.v[i]))
                *changed = cdz_window_add(w, arena, name) || *changed;
            all = all && cdz_window_has(w, name);
        }
        return all;
    }
    cdz_val flows = cdz_map_getz(m->preconditions, "flows"),
            where = cdz_map_getz(m->preconditions, "where");
    for (size_t i = 0; flows.kind == CDZ_LIST && i < cdz_list_n(flows); i++) {
        cdz_str name = cdz_arena_printf(arena, "condition_%u", ++n);
        if (!cdz_window_has(w, name) && upstream_holds(ev->ctx->e, cdz_list_at(flows, i)))
            *changed = cdz_window_add(w, arena, name) || *changed;
        all = all && cdz_window_has(w, name);
    }
    for (size_t i = 0; where.kind == CDZ_LIST && i < cdz_list_n(where); i++) {
        cdz_val item = cdz_list_at(where, i);
        cdz_str name =
            cdz_arena_printf(arena, "condition_%u_%.*s", ++n, CDZ_S(text_of(item, "id")));
        if (!cdz_window_has(w, name) && where_holds(ev, item))
            *changed = cdz_window_add(w, arena, name) || *changed;
        all = all && cdz_window_has(w, name);
    }
    return all;
}

static void change(struct evaluation *ev, const struct multiple *m, const struct cdz_window *w)
{
    struct cdz_buf CDZ_AUTO_BUF bytes = CDZ_BUF_INIT;
    if (w)
        cdz_window_encode(w, &bytes);
    ev->ret->changes[ev->ret->change_count++] =
        (struct cdz_window_change){m->key, w ? cdz_buf_copy(&bytes, ev->ctx->arena) : (cdz_str){0}};
}

struct seen {
    struct cdz_window window;
    bool stored;    /* there is a row */
    bool changed;   /* the row is to be written */
    bool fulfilled; /* everything has held */
};

static cdz_rc see(struct evaluation *ev, const struct multiple *m, struct seen *ret,
                  struct cdz_err *err)
{
    struct cdz_condition_ctx *ctx = ev->ctx;
    cdz_str bytes = {0};
    struct cdz_err ignored;
    *ret = (struct seen){0};
    if (ev->row)
        CDZ_TRY(ev->row(ev->row_ctx, m->key, ctx->arena, &bytes, err));
    ret->stored = bytes.n > 0;
    if (!bytes.n || cdz_window_decode(bytes, ctx->arena, &ret->window, &ignored) != CDZ_OK ||
        !cdz_window_covers(&ret->window, ctx->now)) {
        ret->window = (struct cdz_window){0};
        cdz_window_at(&m->window, ctx->now, ctx->zone, &ret->window.start, &ret->window.end);
        if (!cdz_window_covers(&ret->window, ctx->now))
            return CDZ_OK;
    }
    ret->fulfilled = remember(ev, m, &ret->window, &ret->changed);
    return CDZ_OK;
}

/* What becomes of the row. */
static void settle(struct evaluation *ev, const struct multiple *m, const struct seen *seen)
{
    bool is_empty = seen->window.held.kind != CDZ_LIST; /* a new one, or none that covers now */
    if ((ev->ret->fires && m->reset_on_success) || is_empty) {
        if (seen->stored)
            change(ev, m, NULL);
    } else if (seen->changed) {
        change(ev, m, &seen->window);
    }
}

static size_t multiples_of(const struct cdz_trigger *trigger, const struct cdz_flow *flow,
                           struct cdz_arena *arena, struct multiple **ret)
{
    size_t n = 0;
    *ret = CDZ_NEW_N(arena, struct multiple, trigger->conditions.n + 1);
    for (size_t i = 0; i < trigger->conditions.n; i++)
        if (is_multiple(&trigger->conditions.v[i]))
            (*ret)[n++] = multiple_of(flow, &trigger->conditions.v[i], CDZ_VAL_NULL, arena);
    if (trigger->preconditions.kind == CDZ_MAP)
        (*ret)[n++] = multiple_of(flow, NULL, trigger->preconditions, arena);
    return n;
}

cdz_rc cdz_flow_trigger_evaluate(const struct cdz_trigger *trigger, struct cdz_condition_ctx *ctx,
                                 cdz_window_row_fn *row, void *row_ctx,
                                 struct cdz_flow_trigger_result *ret, struct cdz_err *err)
{
    struct cdz_flow_trigger_result result = {0};
    struct evaluation ev = {ctx, row, row_ctx, &result};
    struct multiple *multiples;
    size_t n = multiples_of(trigger, ctx->flow, ctx->arena, &multiples);
    struct seen *seen = CDZ_NEW_N(ctx->arena, struct seen, n);
    result.changes = CDZ_NEW_N(ctx->arena, struct cdz_window_change, n);
    if (plain_conditions_hold(&ev, trigger)) {
        result.fires = true;
        for (size_t i = 0; i < n; i++) {
            CDZ_TRY(see(&ev, &multiples[i], &seen[i], err));
            result.fires = result.fires && seen[i].fulfilled;
        }
        for (size_t i = 0; i < n; i++)
            settle(&ev, &multiples[i], &seen[i]);
    }
    *ret = result;
    return CDZ_OK;
}

size_t cdz_flow_trigger_keys(const struct cdz_flow *flow, struct cdz_arena *arena, cdz_str **ret)
{
    CDZ_VEC(cdz_str) keys = {0};
    for (size_t i = 0; i < flow->trigger_count; i++) {
        struct multiple *multiples;
        size_t n = multiples_of(&flow->triggers[i], flow, arena, &multiples);
        for (size_t j = 0; j < n; j++)
            CDZ_PUSH(arena, &keys, multiples[j].key);
    }
    *ret = keys.v;
    return keys.n;
}

/* ---- the execution ---- */

static void add_label(struct cdz_triggered *t, cdz_str key, cdz_str value)
{
    for (size_t i = 0; i < t->label_count; i++) {
        if (cdz_str_eq(t->labels[i].key, key)) {
            t->labels[i].value = value;
            return;
        }
    }
    t->labels[t->label_count++] = (struct cdz_label){key, value};
}

static void add_labels(const struct cdz_trigger *trigger, struct cdz_condition_ctx *ctx,
                       struct cdz_triggered *t)
{
    size_t room = cdz_map_n(ctx->flow->labels) +
                  (trigger->labels.kind == CDZ_MAP ? cdz_map_n(trigger->labels) : 0);
    t->labels = CDZ_NEW_N(ctx->arena, struct cdz_label, room);
    CDZ_MAP_EACH (label, ctx->flow->labels)
        if (!cdz_str_starts(label->key, CDZ_STR("system.")))
            add_label(t, label->key, cdz_val_str(label->val));
    if (trigger->labels.kind != CDZ_MAP)
        return;
    CDZ_MAP_EACH (label, trigger->labels) {
        struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
        struct cdz_err err;
        cdz_val v;
        if (cdz_val_render(label->val, ctx->env, ctx->arena, &v, &err) == CDZ_OK) {
            cdz_expr_print(&text, v);
            add_label(t, label->key, cdz_buf_copy(&text, ctx->arena));
        } else if (!t->warning.n) {
            t->warning =
                cdz_arena_printf(ctx->arena, "label `%.*s`: %s", CDZ_S(label->key), err.text);
        }
    }
}

cdz_rc cdz_flow_trigger_execution(const struct cdz_trigger *trigger, struct cdz_condition_ctx *ctx,
                                  struct cdz_triggered *ret, struct cdz_err *err)
{
    struct cdz_triggered t = {.inputs = cdz_map_getz(trigger->props, "inputs"),
                              .variables = cdz_val_map(ctx->arena, 5)};
    const struct cdz_execution *e = ctx->e;
    struct cdz_trigger_env env;
    cdz_trigger_env_init(&env, ctx->env, e, ctx->arena);
    CDZ_TRY(cdz_val_render(t.inputs, &env.env, ctx->arena, &t.inputs, err));
    cdz_map_putz(ctx->arena, t.variables, "executionId", cdz_val_text(e->id));
    cdz_map_putz(ctx->arena, t.variables, "namespace", cdz_val_text(e->namespace_));
    cdz_map_putz(ctx->arena, t.variables, "flowId", cdz_val_text(e->flow_id));
    cdz_map_putz(ctx->arena, t.variables, "flowRevision", cdz_val_int(e->flow_revision));
    cdz_map_putz(ctx->arena, t.variables, "state",
                 cdz_val_z(cdz_state_name(cdz_state_now(&e->history))));
    add_labels(trigger, ctx, &t);
    *ret = t;
    return CDZ_OK;
}
