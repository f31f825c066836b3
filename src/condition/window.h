/*
 * window.h -- time windows of Flow triggers, and the memory of what has been true within one.
 * reference/triggers.md §4.2.
 */
#ifndef CDZ_CONDITION_WINDOW_H
#define CDZ_CONDITION_WINDOW_H

#include "base/buf.h"
#include "base/err.h"
#include "base/val.h"

enum cdz_window_type {
    CDZ_WINDOW_DURATION, /* aligned to the day, hour or minutes of now */
    CDZ_WINDOW_SLIDING,  /* begins now */
    CDZ_WINDOW_DEADLINE, /* each day, from midnight to a time */
    CDZ_WINDOW_TIMES,    /* each day, between two times */
};

struct cdz_window_kind {
    enum cdz_window_type type;
    cdz_us window, advance; /* DURATION, SLIDING */
    int32_t from_s, to_s;   /* DEADLINE, TIMES: seconds of the day */
};

/* From a compiled `timeWindow` (or null: a window of one day). old: the map where a 2021
 * MultipleCondition has `window` and `windowAdvance`, or null. */
struct cdz_window_kind cdz_window_kind_of(cdz_val time_window, cdz_val old);

/* The window that a first event at `now` opens, in the server's zone (an unknown one: UTC). Both ends
 * are outside in theory; see cdz_window_covers. It need not cover now: advanced, or out of hours. */
void cdz_window_at(const struct cdz_window_kind *kind, cdz_us now, cdz_str zone, cdz_us *ret_start,
                   cdz_us *ret_end);

/* One window and the names of the conditions that were true within it. */
struct cdz_window {
    cdz_us start, end; /* both 0: there is none yet */
    cdz_val held;      /* list of texts; null: none */
};

static inline bool cdz_window_covers(const struct cdz_window *w, cdz_us now)
{
    return w->start <= now && now < w->end;
}
bool cdz_window_has(const struct cdz_window *w, cdz_str name);
/* Remembers a name (borrowed); false: it was there. */
bool cdz_window_add(struct cdz_window *w, struct cdz_arena *arena, cdz_str name);

/* The record, docs/formats.md "windows". */
void cdz_window_encode(const struct cdz_window *w, struct cdz_buf *to);
/* Texts are borrowed from bytes. */
CDZ_MUST_USE cdz_rc cdz_window_decode(cdz_str bytes, struct cdz_arena *arena,
                                      struct cdz_window *ret, struct cdz_err *err);

#endif
