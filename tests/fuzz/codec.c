/*
 * codec.c -- any bytes as each kind of record (docs/formats.md): a damaged or strange record is
 * refused, never trusted. What is accepted is written again, read again and must stay the same; an
 * execution is shown as JSON, too, as the API would.
 */
#include <assert.h>

#include "base/codec.h"
#include "exec/gate.h"
#include "exec/signals.h"
#include "exec/step.h"
#include "model/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void value(cdz_str bytes, struct cdz_arena *arena)
{
    CDZ_AUTO_BUF struct cdz_buf a = CDZ_BUF_INIT, CDZ_AUTO_BUF b = CDZ_BUF_INIT;
    struct cdz_reader r = cdz_reader_of(bytes);
    cdz_val v = cdz_get_val(&r, arena);
    if (r.bad)
        return;
    (void)cdz_json_text(arena, v, 0);
    cdz_put_val(&a, v);
    r = cdz_reader_of(cdz_buf_get(&a));
    v = cdz_get_val(&r, arena);
    assert(!r.bad && r.p == r.end);
    cdz_put_val(&b, v);
    assert(cdz_str_eq(cdz_buf_get(&a), cdz_buf_get(&b)));
}

/* The bytes as a head and as a task run of it, or their second half as the task run. */
static void execution(cdz_str bytes)
{
    CDZ_AUTO_BUF struct cdz_buf a = CDZ_BUF_INIT, CDZ_AUTO_BUF b = CDZ_BUF_INIT,
                                CDZ_AUTO_BUF json = CDZ_BUF_INIT;
    size_t half = bytes.n / 2;
    struct cdz_execution *e, *again;
    struct cdz_err err;
    if (cdz_execution_decode(bytes, &e, &err) != CDZ_OK)
        e = cdz_execution_new();
    if (cdz_taskrun_decode_into(bytes, e, &err) != CDZ_OK)
        (void)!cdz_taskrun_decode_into(cdz_str_sub(bytes, half, bytes.n), e, &err);
    if (e->history.n > 0) {
        cdz_execution_json(e, CDZ_STR(""), 0, &json);
        size_t runs = e->taskruns.n;
        e->taskruns.n = 0; /* the head counts them, and takes none of them back */
        cdz_execution_encode(e, &a);
        e->taskruns.n = runs;
        assert(cdz_execution_decode(cdz_buf_get(&a), &again, &err) == CDZ_OK);
        cdz_execution_encode(again, &b);
        assert(cdz_str_eq(cdz_buf_get(&a), cdz_buf_get(&b)));
        cdz_execution_free(again);
    }
    for (size_t i = 0; i < e->taskruns.n; i++) {
        cdz_buf_reset(&a);
        cdz_buf_reset(&b);
        cdz_taskrun_encode(e->taskruns.v[i], &a);
        assert(cdz_taskrun_decode_into(cdz_buf_get(&a), e, &err) == CDZ_OK);
        cdz_taskrun_encode(e->taskruns.v[i], &b);
        assert(cdz_str_eq(cdz_buf_get(&a), cdz_buf_get(&b)));
    }
    cdz_execution_free(e);
}

static void messages(cdz_str bytes, struct cdz_arena *arena)
{
    CDZ_AUTO_BUF struct cdz_buf out = CDZ_BUF_INIT;
    struct cdz_metric_entry m;
    struct cdz_log_entry l;
    struct cdz_event ev;
    struct cdz_job job;
    struct cdz_err err;
    cdz_str create;
    if (cdz_job_decode(bytes, arena, &job, &err) == CDZ_OK) {
        cdz_job_encode(&job, &out);
        assert(cdz_job_decode(cdz_buf_get(&out), arena, &job, &err) == CDZ_OK);
    }
    cdz_buf_reset(&out);
    if (cdz_event_decode(bytes, arena, &ev, &create, &err) == CDZ_OK) {
        cdz_event_encode(&ev, create, &out);
        assert(cdz_event_decode(cdz_buf_get(&out), arena, &ev, &create, &err) == CDZ_OK);
    }
    cdz_buf_reset(&out);
    if (cdz_log_entry_decode(bytes, &l, &err) == CDZ_OK) {
        cdz_log_entry_json(&l, &out);
        cdz_buf_reset(&out);
        cdz_log_entry_encode(&l, &out);
        assert(cdz_log_entry_decode(cdz_buf_get(&out), &l, &err) == CDZ_OK);
    }
    cdz_buf_reset(&out);
    if (cdz_metric_entry_decode(bytes, arena, &m, &err) == CDZ_OK) {
        cdz_metric_entry_json(&m, &out);
        cdz_buf_reset(&out);
        cdz_metric_entry_encode(&m, &out);
        assert(cdz_metric_entry_decode(cdz_buf_get(&out), arena, &m, &err) == CDZ_OK);
    }
}

/* The bytes as a message to a limit and to a box, and as a row of each; the state machine takes what
 * is accepted. */
static void keyed(cdz_str bytes, struct cdz_arena *arena)
{
    struct cdz_gate *gate = cdz_gate_open();
    struct cdz_signal_box *box = cdz_signal_box_open();
    struct cdz_gate_msg gm = {.execution_id = CDZ_STR("a"), .limit = 1};
    struct cdz_gate_out gate_out;
    struct cdz_signal sm;
    struct cdz_signal_out box_out;
    struct cdz_err err;
    if (cdz_gate_load(gate, CDZ_STR("row"), bytes, &err) == CDZ_OK)
        cdz_gate_apply(gate, &gm, arena, &gate_out);
    if (cdz_gate_msg_decode(bytes, &gm, &err) == CDZ_OK) {
        cdz_gate_apply(gate, &gm, arena, &gate_out);
        for (size_t i = 0; i < gate_out.rows.n; i++) {
            if (gate_out.rows.v[i].bytes.p)
                assert(cdz_gate_load(gate, gate_out.rows.v[i].id, gate_out.rows.v[i].bytes, &err) ==
                       CDZ_OK);
        }
    }
    (void)!cdz_signal_load(box, CDZ_STR("!"), bytes, &err);
    (void)!cdz_signal_load(box, CDZ_STR("row"), bytes, &err);
    if (cdz_signal_decode(bytes, arena, &sm, &err) == CDZ_OK) {
        cdz_signal_apply(box, &sm, arena, &box_out);
        for (size_t i = 0; i < box_out.rows.n; i++) {
            if (box_out.rows.v[i].bytes.p)
                assert(cdz_signal_load(box, box_out.rows.v[i].id, box_out.rows.v[i].bytes, &err) ==
                       CDZ_OK);
        }
    }
    cdz_gate_close(gate);
    cdz_signal_box_close(box);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str bytes = {(const char *)data, n};
    value(bytes, arena);
    execution(bytes);
    messages(bytes, arena);
    keyed(bytes, arena);
    return 0;
}
