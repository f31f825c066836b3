/* event.c -- the records of events, as they lie on the topics EVENT and RESULT. docs/formats.md */
#include "base/codec.h"
#include "exec/step.h"

/* 2: kills say what they mean, and there are the kinds from ADOPT on. */
enum { EVENT_FORMAT = 2 };

static bool has_create(enum cdz_event_kind kind)
{
    return kind == CDZ_EVENT_CREATE || kind == CDZ_EVENT_ADOPT;
}

static bool has_taskrun(enum cdz_event_kind kind)
{
    return kind == CDZ_EVENT_RUNNING || kind == CDZ_EVENT_RESULT || kind == CDZ_EVENT_CHILD ||
           kind == CDZ_EVENT_NESTED || kind == CDZ_EVENT_SIGNAL;
}

static bool has_state(enum cdz_event_kind kind)
{
    return kind == CDZ_EVENT_RESULT || kind == CDZ_EVENT_CHILD || kind == CDZ_EVENT_NESTED;
}

static bool has_outputs(enum cdz_event_kind kind)
{
    return has_state(kind) || kind == CDZ_EVENT_RESUME || kind == CDZ_EVENT_SIGNAL;
}

void cdz_event_encode(const struct cdz_event *ev, cdz_str create, struct cdz_buf *to)
{
    cdz_put_u64(to, EVENT_FORMAT);
    cdz_put_u64(to, ev->kind);
    if (has_create(ev->kind))
        cdz_put_str(to, create);
    if (has_taskrun(ev->kind)) {
        cdz_put_u64(to, ev->taskrun);
        cdz_put_u64(to, ev->epoch);
        cdz_put_i64(to, ev->started);
    }
    if (has_state(ev->kind)) {
        cdz_put_u64(to, ev->state);
        cdz_put_i64(to, ev->ended);
    }
    if (has_outputs(ev->kind))
        cdz_put_val(to, ev->outputs);
    if (ev->kind == CDZ_EVENT_RESULT || ev->kind == CDZ_EVENT_NESTED)
        cdz_put_str(to, ev->log_file);
    switch (ev->kind) {
    case CDZ_EVENT_KILL:
        cdz_put_u64(to, ev->cascade);
        cdz_put_u64(to, ev->end_as);
        break;
    case CDZ_EVENT_GATE:
        cdz_put_u64(to, ev->answer);
        cdz_put_str(to, ev->gate);
        break;
    case CDZ_EVENT_CHILD:
        cdz_put_u64(to, ev->news);
        cdz_put_i64(to, ev->iteration);
        cdz_put_str(to, ev->text);
        break;
    case CDZ_EVENT_NESTED:
        cdz_put_str(to, ev->task_id);
        cdz_put_str(to, ev->nested_id);
        break;
    case CDZ_EVENT_CREATE:
    case CDZ_EVENT_RUNNING:
    case CDZ_EVENT_RESULT:
    case CDZ_EVENT_TIMER:
    case CDZ_EVENT_RECOVER:
    case CDZ_EVENT_ADOPT:
    case CDZ_EVENT_PAUSE:
    case CDZ_EVENT_RESUME:
    case CDZ_EVENT_FORCE_RUN:
    case CDZ_EVENT_SIGNAL:
        break;
    }
}

static uint64_t get_below(struct cdz_reader *r, uint64_t bound)
{
    uint64_t v = cdz_get_u64(r);
    if (v >= bound) {
        r->bad = true;
        return 0;
    }
    return v;
}

cdz_rc cdz_event_decode(cdz_str bytes, struct cdz_arena *arena, struct cdz_event *ret,
                        cdz_str *ret_create, struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(bytes);
    struct cdz_event ev = {.cascade = true, .end_as = CDZ_KILLED};
    cdz_str create = CDZ_STR("");
    uint64_t format = cdz_get_u64(&r);
    ev.kind = (enum cdz_event_kind)get_below(&r, CDZ_EVENT_SIGNAL + 1);
    if (has_create(ev.kind))
        create = cdz_get_str(&r);
    if (has_taskrun(ev.kind)) {
        ev.taskrun = (uint32_t)cdz_get_u64(&r);
        ev.epoch = (uint32_t)cdz_get_u64(&r);
        ev.started = cdz_get_i64(&r);
    }
    if (has_state(ev.kind)) {
        ev.state = (enum cdz_state)get_below(&r, CDZ_STATE_COUNT);
        ev.ended = cdz_get_i64(&r);
    }
    if (has_outputs(ev.kind))
        ev.outputs = cdz_get_val(&r, arena);
    if (ev.kind == CDZ_EVENT_RESULT || ev.kind == CDZ_EVENT_NESTED)
        ev.log_file = cdz_get_str(&r);
    if (ev.kind == CDZ_EVENT_KILL && format > 1) {
        ev.cascade = cdz_get_u64(&r) != 0;
        ev.end_as = (enum cdz_state)get_below(&r, CDZ_STATE_COUNT);
    } else if (ev.kind == CDZ_EVENT_GATE) {
        ev.answer = (enum cdz_gate_answer)get_below(&r, CDZ_GATE_EVICT + 1);
        ev.gate = cdz_get_str(&r);
    } else if (ev.kind == CDZ_EVENT_CHILD) {
        ev.news = (enum cdz_child_news)get_below(&r, CDZ_CHILD_ENDED + 1);
        ev.iteration = (int)cdz_get_i64(&r);
        ev.text = cdz_get_str(&r);
    } else if (ev.kind == CDZ_EVENT_NESTED) {
        ev.task_id = cdz_get_str(&r);
        ev.nested_id = cdz_get_str(&r);
    }
    if (format == 0 || format > EVENT_FORMAT || r.bad)
        return cdz_fail(err, CDZ_E_CORRUPT, "event record is damaged");
    *ret = ev;
    *ret_create = create;
    return CDZ_OK;
}
