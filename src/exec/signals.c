/* signals.c -- who waits, and one event that nobody has taken yet; see signals.h. */
#include "exec/signals.h"

#include "base/codec.h"
#include "base/id.h"
#include "exec/gate.h"

#define EVENT_ROW "!"

enum { FORMAT = 1 };

struct waiter {
    char id[CDZ_ID_TEXT];
    uint32_t taskrun, epoch;
};

struct cdz_signal_box {
    struct waiter *v;
    size_t n, cap;
    struct cdz_buf event; /* encoded; empty: none is kept */
    cdz_us event_at;
};

struct cdz_signal_box *cdz_signal_box_open(void)
{
    struct cdz_signal_box *b = calloc(1, sizeof(*b));
    if (!b)
        abort();
    return b;
}

void cdz_signal_box_close(struct cdz_signal_box *b)
{
    if (!b)
        return;
    free(b->v);
    cdz_buf_done(&b->event);
    free(b);
}

bool cdz_signal_box_is_empty(const struct cdz_signal_box *b)
{
    return b->n == 0 && b->event.n == 0;
}

cdz_str cdz_signal_key(cdz_str namespace_, cdz_str key, struct cdz_arena *arena)
{
    cdz_str gate = cdz_gate_key(namespace_, CDZ_STR("e"), true, key, arena);
    size_t skip = sizeof(CDZ_GATE_PREFIX) - 1;
    return cdz_arena_printf(arena, CDZ_SIGNAL_PREFIX "%.*s",
                            CDZ_S(cdz_str_sub(gate, skip, gate.n)));
}

void cdz_signal_encode(const struct cdz_signal *m, struct cdz_buf *to)
{
    cdz_put_u64(to, FORMAT);
    cdz_put_u64(to, m->kind);
    cdz_put_str(to, m->execution_id);
    cdz_put_u64(to, m->taskrun);
    cdz_put_u64(to, m->epoch);
    cdz_put_i64(to, m->at);
    cdz_put_val(to, m->outputs);
}

cdz_rc cdz_signal_decode(cdz_str bytes, struct cdz_arena *arena, struct cdz_signal *ret,
                         struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(bytes);
    bool known = cdz_get_u64(&r) == FORMAT;
    uint64_t kind = cdz_get_u64(&r);
    *ret = (struct cdz_signal){.execution_id = cdz_get_str(&r)};
    ret->taskrun = (uint32_t)cdz_get_u64(&r);
    ret->epoch = (uint32_t)cdz_get_u64(&r);
    ret->at = cdz_get_i64(&r);
    ret->outputs = cdz_get_val(&r, arena);
    if (!known || r.bad || kind > CDZ_SIGNAL_EVENT ||
        (kind != CDZ_SIGNAL_EVENT && !cdz_id_valid(ret->execution_id)))
        return cdz_fail(err, CDZ_E_CORRUPT, "message about an event is damaged");
    ret->kind = (enum cdz_signal_kind)kind;
    return CDZ_OK;
}

static cdz_str row_id(cdz_str execution, uint32_t taskrun, struct cdz_arena *arena)
{
    return cdz_arena_printf(arena, "%.*s.%u", CDZ_S(execution), taskrun);
}

static void put_row(struct cdz_signal_out *out, struct cdz_arena *arena, cdz_str id, cdz_str bytes)
{
    struct cdz_signal_row row = {id, bytes};
    CDZ_PUSH(arena, &out->rows, row);
}

static cdz_str encoded(const struct cdz_signal *m, struct cdz_arena *arena)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_signal_encode(m, &b);
    return cdz_buf_copy(&b, arena);
}

static struct waiter *find(struct cdz_signal_box *b, cdz_str id, uint32_t taskrun)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->v[i].taskrun == taskrun && cdz_str_is(id, b->v[i].id))
            return &b->v[i];
    }
    return NULL;
}

static void add(struct cdz_signal_box *b, const struct cdz_signal *m)
{
    struct waiter *w = find(b, m->execution_id, m->taskrun);
    if (!w) {
        if (b->n == b->cap) {
            b->cap = b->cap ? b->cap * 2 : 4;
            b->v = realloc(b->v, b->cap * sizeof(*b->v));
            if (!b->v)
                abort();
        }
        w = &b->v[b->n++];
        snprintf(w->id, sizeof(w->id), "%.*s", CDZ_S(m->execution_id));
        w->taskrun = m->taskrun;
    }
    w->epoch = m->epoch;
}

/* The kept event for one that asks; it goes with that. */
static bool take_kept(struct cdz_signal_box *b, const struct cdz_signal *m, struct cdz_arena *arena,
                      struct cdz_signal_out *out)
{
    struct cdz_signal event;
    struct cdz_err err;
    if (!b->event.n)
        return false;
    bool fresh = b->event_at + CDZ_SIGNAL_KEPT_US > m->at &&
                 cdz_signal_decode(cdz_buf_copy(&b->event, arena), arena, &event, &err) == CDZ_OK;
    cdz_buf_reset(&b->event);
    put_row(out, arena, CDZ_STR(EVENT_ROW), (cdz_str){NULL, 0});
    if (!fresh)
        return false;
    struct cdz_signal woken = *m;
    woken.execution_id = cdz_arena_str(arena, m->execution_id);
    woken.outputs = event.outputs;
    CDZ_PUSH(arena, &out->woken, woken);
    return true;
}

size_t cdz_signal_box_keeps(const struct cdz_signal_box *b)
{
    return b->event.n;
}

void cdz_signal_forget(struct cdz_signal_box *b, cdz_us before, struct cdz_arena *arena,
                       struct cdz_signal_out *out)
{
    *out = (struct cdz_signal_out){0};
    if (!b->event.n || b->event_at >= before)
        return;
    cdz_buf_reset(&b->event);
    put_row(out, arena, CDZ_STR(EVENT_ROW), (cdz_str){NULL, 0});
}

static void on_event(struct cdz_signal_box *b, const struct cdz_signal *m, struct cdz_arena *arena,
                     struct cdz_signal_out *out)
{
    for (size_t i = 0; i < b->n; i++) {
        struct cdz_signal woken = {
            .kind = CDZ_SIGNAL_EVENT,
            .execution_id = cdz_arena_str(arena, cdz_str_z(b->v[i].id)),
            .taskrun = b->v[i].taskrun,
            .epoch = b->v[i].epoch,
            .at = m->at,
            .outputs = m->outputs,
        };
        CDZ_PUSH(arena, &out->woken, woken);
        put_row(out, arena, row_id(woken.execution_id, woken.taskrun, arena), (cdz_str){NULL, 0});
    }
    if (b->n == 0) {
        cdz_buf_reset(&b->event);
        cdz_signal_encode(m, &b->event);
        b->event_at = m->at;
        put_row(out, arena, CDZ_STR(EVENT_ROW), cdz_buf_copy(&b->event, arena));
    }
    b->n = 0;
}

void cdz_signal_apply(struct cdz_signal_box *b, const struct cdz_signal *m, struct cdz_arena *arena,
                      struct cdz_signal_out *out)
{
    *out = (struct cdz_signal_out){0};
    switch (m->kind) {
    case CDZ_SIGNAL_EVENT:
        on_event(b, m, arena, out);
        break;
    case CDZ_SIGNAL_WAIT:
        if (take_kept(b, m, arena, out))
            break;
        add(b, m);
        put_row(out, arena, row_id(m->execution_id, m->taskrun, arena), encoded(m, arena));
        break;
    case CDZ_SIGNAL_LEAVE: {
        struct waiter *w = find(b, m->execution_id, m->taskrun);
        if (!w || w->epoch != m->epoch)
            break;
        *w = b->v[--b->n];
        put_row(out, arena, row_id(m->execution_id, m->taskrun, arena), (cdz_str){NULL, 0});
        break;
    }
    }
}

cdz_rc cdz_signal_load(struct cdz_signal_box *b, cdz_str id, cdz_str bytes, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_signal m;
    CDZ_TRY(cdz_signal_decode(bytes, arena, &m, err));
    if (cdz_str_is(id, EVENT_ROW)) {
        cdz_buf_reset(&b->event);
        cdz_buf_str(&b->event, bytes);
        b->event_at = m.at;
    } else {
        add(b, &m);
    }
    return CDZ_OK;
}
