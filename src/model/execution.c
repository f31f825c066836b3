/*
 * execution.c -- the records of executions and task runs, as written to the queue's state and the
 * repository.
 *
 * Each record starts with a format number, so that a newer program reads what an older one wrote.
 */
#include "model/execution.h"

#include "base/codec.h"

enum { HEAD_FORMAT = 2, TASKRUN_FORMAT = 2 };

/* Bits of the head's flags. */
enum { F_FORCED = 1, F_HELD = 2, F_AFTER = 4, F_SLA = 8, F_REFUSED = 16, F_CHECKS = 32 };

/* Instants beyond this are damage: differences of two can always be taken. */
#define AT_MAX (INT64_C(1) << 61)

/* An optional text: absent (p NULL) differs from empty. */
static void put_opt(struct cdz_buf *to, cdz_str s)
{
    cdz_put_u64(to, s.p ? s.n + 1 : 0);
    if (s.p)
        cdz_buf_str(to, s);
}

static cdz_str get_opt(struct cdz_reader *r)
{
    uint64_t n = cdz_get_u64(r);
    if (n == 0 || r->bad)
        return (cdz_str){NULL, 0};
    if (n - 1 > (uint64_t)(r->end - r->p)) {
        r->bad = true;
        return (cdz_str){NULL, 0};
    }
    cdz_str s = {r->p, (size_t)n - 1};
    r->p += s.n;
    return s;
}

static void put_history(struct cdz_buf *to, const struct cdz_history *h)
{
    cdz_us before = 0;
    cdz_put_u64(to, h->n);
    for (size_t i = 0; i < h->n; i++) {
        cdz_buf_c(to, (char)h->v[i].state);
        cdz_put_i64(to, h->v[i].at - before);
        before = h->v[i].at;
    }
}

static void get_history(struct cdz_reader *r, struct cdz_arena *arena, struct cdz_history *h)
{
    uint64_t n = cdz_get_u64(r);
    cdz_us at = 0;
    *h = (struct cdz_history){0};
    if (n == 0 || n > (uint64_t)(r->end - r->p)) {
        r->bad = true;
        return;
    }
    h->v = CDZ_NEW_N(arena, struct cdz_state_at, n + 2);
    h->cap = (size_t)n + 2;
    for (uint64_t i = 0; i < n && !r->bad; i++) {
        unsigned char s = r->p < r->end ? (unsigned char)*r->p++ : 0xFF;
        if (__builtin_add_overflow(at, cdz_get_i64(r), &at) || at < -AT_MAX || at > AT_MAX ||
            s >= CDZ_STATE_COUNT) {
            r->bad = true;
            return;
        }
        h->v[h->n++] = (struct cdz_state_at){(enum cdz_state)s, at};
    }
}

void cdz_execution_encode(const struct cdz_execution *e, struct cdz_buf *to)
{
    cdz_put_u64(to, HEAD_FORMAT);
    cdz_put_str(to, e->id);
    cdz_put_str(to, e->namespace_);
    cdz_put_str(to, e->flow_id);
    cdz_put_i64(to, e->flow_revision);
    cdz_put_u64(to, e->version);
    put_history(to, &e->history);
    cdz_put_val(to, e->inputs);
    cdz_put_val(to, e->outputs);
    cdz_put_val(to, e->variables);
    cdz_put_u64(to, e->label_count);
    for (size_t i = 0; i < e->label_count; i++) {
        cdz_put_str(to, e->labels[i].key);
        cdz_put_str(to, e->labels[i].value);
    }
    put_opt(to, e->parent_id);
    put_opt(to, e->original_id);
    put_opt(to, e->trigger_id);
    put_opt(to, e->trigger_type);
    cdz_put_val(to, e->trigger_variables);
    cdz_put_i64(to, e->attempt_number);
    cdz_put_i64(to, e->original_created);
    cdz_put_i64(to, e->schedule_date);
    cdz_buf_c(to, e->deleted);
    put_opt(to, e->answer_to.execution_id);
    cdz_put_u64(to, e->answer_to.taskrun);
    cdz_put_u64(to, e->answer_to.epoch);
    cdz_put_i64(to, e->answer_to.iteration);
    cdz_put_i64(to, e->depth);
    cdz_put_u64(to, e->gate_count);
    for (size_t i = 0; i < e->gate_count; i++)
        cdz_put_str(to, e->gates[i]);
    cdz_put_u64(to, e->gates_passed);
    cdz_put_u64(to, (e->forced ? F_FORCED : 0u) | (e->held ? F_HELD : 0u) |
                        (e->after ? F_AFTER : 0u) | (e->sla_violated ? F_SLA : 0u) |
                        (e->refused ? F_REFUSED : 0u) |
                        (e->failed_checks.kind == CDZ_LIST ? F_CHECKS : 0u));
    cdz_put_u64(to, e->end_as);
    cdz_put_val(to, e->after_lists);
    if (e->failed_checks.kind == CDZ_LIST)
        cdz_put_val(to, e->failed_checks);
}

struct cdz_execution *cdz_execution_new(void)
{
    struct cdz_arena *arena = cdz_arena_open(4096);
    struct cdz_execution *e = CDZ_NEW(arena, struct cdz_execution);
    e->arena = arena;
    e->attempt_number = 1;
    return e;
}

void cdz_execution_free(struct cdz_execution *e)
{
    if (e)
        cdz_arena_close(e->arena);
}

/* What src/exec keeps for itself. */
static void get_hidden(struct cdz_reader *r, struct cdz_arena *arena, struct cdz_execution *h)
{
    h->answer_to.execution_id = get_opt(r);
    h->answer_to.taskrun = (uint32_t)cdz_get_u64(r);
    h->answer_to.epoch = (uint32_t)cdz_get_u64(r);
    h->answer_to.iteration = (int)cdz_get_i64(r);
    h->depth = (int)cdz_get_i64(r);
    uint64_t gates = cdz_get_u64(r);
    if (gates > (uint64_t)(r->end - r->p))
        r->bad = true;
    else
        h->gates = CDZ_NEW_N(arena, cdz_str, gates);
    for (h->gate_count = 0; !r->bad && h->gate_count < gates; h->gate_count++)
        h->gates[h->gate_count] = cdz_get_str(r);
    h->gates_passed = (size_t)cdz_get_u64(r);
    uint64_t flags = cdz_get_u64(r), end_as = cdz_get_u64(r);
    h->forced = flags & F_FORCED;
    h->held = flags & F_HELD;
    h->after = flags & F_AFTER;
    h->sla_violated = flags & F_SLA;
    h->refused = flags & F_REFUSED;
    h->after_lists = cdz_get_val(r, arena);
    h->failed_checks = flags & F_CHECKS ? cdz_get_val(r, arena) : CDZ_VAL_NULL;
    if (h->gates_passed > h->gate_count || end_as >= CDZ_STATE_COUNT)
        r->bad = true;
    else
        h->end_as = (enum cdz_state)end_as;
}

cdz_rc cdz_execution_decode_into(cdz_str bytes, struct cdz_execution *e, struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(cdz_arena_str(e->arena, bytes));
    struct cdz_execution h = *e;
    uint64_t format = cdz_get_u64(&r);
    if (format == 0 || format > HEAD_FORMAT)
        return cdz_fail(err, CDZ_E_CORRUPT, "execution record has an unknown format");
    h.id = cdz_get_str(&r);
    h.namespace_ = cdz_get_str(&r);
    h.flow_id = cdz_get_str(&r);
    h.flow_revision = (int)cdz_get_i64(&r);
    h.version = cdz_get_u64(&r);
    get_history(&r, e->arena, &h.history);
    h.inputs = cdz_get_val(&r, e->arena);
    h.outputs = cdz_get_val(&r, e->arena);
    h.variables = cdz_get_val(&r, e->arena);
    uint64_t labels = cdz_get_u64(&r);
    if (labels > (uint64_t)(r.end - r.p))
        r.bad = true;
    else
        h.labels = CDZ_NEW_N(e->arena, struct cdz_label, labels);
    h.label_count = 0;
    while (!r.bad && h.label_count < labels) {
        h.labels[h.label_count].key = cdz_get_str(&r);
        h.labels[h.label_count++].value = cdz_get_str(&r);
    }
    h.parent_id = get_opt(&r);
    h.original_id = get_opt(&r);
    h.trigger_id = get_opt(&r);
    h.trigger_type = get_opt(&r);
    h.trigger_variables = cdz_get_val(&r, e->arena);
    h.attempt_number = (int)cdz_get_i64(&r);
    h.original_created = cdz_get_i64(&r);
    h.schedule_date = cdz_get_i64(&r);
    h.deleted = r.p < r.end && *r.p++ != 0;
    if (format == 1)
        (void)cdz_get_u64(&r); /* number of task runs: they come as records of their own */
    else
        get_hidden(&r, e->arena, &h);
    if (r.bad)
        return cdz_fail(err, CDZ_E_CORRUPT, "execution record is cut short");
    *e = h;
    return CDZ_OK;
}

cdz_rc cdz_execution_decode(cdz_str bytes, struct cdz_execution **ret, struct cdz_err *err)
{
    struct cdz_execution *e = cdz_execution_new();
    cdz_rc rc = cdz_execution_decode_into(bytes, e, err);
    if (rc != CDZ_OK) {
        cdz_execution_free(e);
        return rc;
    }
    *ret = e;
    return CDZ_OK;
}

void cdz_taskrun_encode(const struct cdz_taskrun *t, struct cdz_buf *to)
{
    cdz_put_u64(to, TASKRUN_FORMAT);
    cdz_put_u64(to, t->index);
    cdz_put_u64(to, t->parent == CDZ_NO_TASKRUN ? 0 : (uint64_t)t->parent + 1);
    cdz_put_str(to, t->id);
    cdz_put_str(to, t->task_id);
    put_opt(to, t->value);
    cdz_put_i64(to, t->iteration);
    cdz_put_u64(to, t->attempt_count);
    for (size_t i = 0; i < t->attempt_count; i++) {
        put_history(to, &t->attempts[i].history);
        cdz_put_str(to, t->attempts[i].log_file);
    }
    put_history(to, &t->history);
    cdz_put_val(to, t->outputs);
    cdz_put_u64(to, t->epoch);
    cdz_put_i64(to, t->due_at);
    cdz_put_val(to, t->values);
    cdz_put_u64(to, t->value_index);
    cdz_put_u64(to, t->gone);
    cdz_put_val(to, t->hidden);
}

cdz_rc cdz_taskrun_decode_into(cdz_str bytes, struct cdz_execution *e, struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(cdz_arena_str(e->arena, bytes));
    struct cdz_taskrun t = {0};
    uint64_t format = cdz_get_u64(&r);
    if (format == 0 || format > TASKRUN_FORMAT)
        return cdz_fail(err, CDZ_E_CORRUPT, "task run record has an unknown format");
    t.index = (uint32_t)cdz_get_u64(&r);
    uint64_t parent = cdz_get_u64(&r);
    t.parent = parent ? (uint32_t)(parent - 1) : CDZ_NO_TASKRUN;
    t.id = cdz_get_str(&r);
    t.task_id = cdz_get_str(&r);
    t.value = get_opt(&r);
    t.iteration = (int)cdz_get_i64(&r);
    uint64_t attempts = cdz_get_u64(&r);
    if (attempts > (uint64_t)(r.end - r.p))
        r.bad = true;
    else
        t.attempts = CDZ_NEW_N(e->arena, struct cdz_attempt, attempts + 1);
    t.attempt_cap = (size_t)attempts + 1;
    while (!r.bad && t.attempt_count < attempts) {
        get_history(&r, e->arena, &t.attempts[t.attempt_count].history);
        t.attempts[t.attempt_count++].log_file = cdz_get_str(&r);
    }
    get_history(&r, e->arena, &t.history);
    t.outputs = cdz_get_val(&r, e->arena);
    t.epoch = (uint32_t)cdz_get_u64(&r);
    t.due_at = cdz_get_i64(&r);
    t.values = cdz_get_val(&r, e->arena);
    t.value_index = (uint32_t)cdz_get_u64(&r);
    if (format > 1) {
        t.gone = cdz_get_u64(&r) != 0;
        t.hidden = cdz_get_val(&r, e->arena);
    }
    if (r.bad || t.index > e->taskruns.n || (t.parent != CDZ_NO_TASKRUN && t.parent >= t.index))
        return cdz_fail(err, CDZ_E_CORRUPT, "task run record of execution %.*s is damaged",
                        CDZ_S(e->id));
    struct cdz_taskrun *to = CDZ_NEW(e->arena, struct cdz_taskrun);
    *to = t;
    if (t.index == e->taskruns.n)
        CDZ_PUSH(e->arena, &e->taskruns, to);
    else
        e->taskruns.v[t.index] = to;
    return CDZ_OK;
}
