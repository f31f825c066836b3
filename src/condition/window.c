/*
 * window.c -- see window.h.
 */
#include "condition/window.h"

#include "base/codec.h"
#include "base/time.h"
#include "expr/zone.h"

#define MINUTE (60 * CDZ_SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum { VERSION = 1 };

static cdz_us duration(cdz_val map, cdz_val old, const char *name, cdz_us fallback)
{
    cdz_val v = cdz_map_getz(map, name);
    cdz_us us;
    if (v.kind != CDZ_TEXT)
        v = cdz_map_getz(old, name);
    return v.kind == CDZ_TEXT && cdz_duration_us(cdz_val_str(v), &us) ? us : fallback;
}

static int32_t time_of_day(cdz_val map, const char *name)
{
    cdz_val v = cdz_map_getz(map, name);
    struct cdz_date date;
    return v.kind == CDZ_TEXT && cdz_iso_parse(cdz_val_str(v), &date) && date.type == CDZ_LOCAL_TIME
               ? (int32_t)date.seconds
               : 0;
}

struct cdz_window_kind cdz_window_kind_of(cdz_val time_window, cdz_val old)
{
    cdz_val type = cdz_map_getz(time_window, "type");
    cdz_str name = type.kind == CDZ_TEXT ? cdz_val_str(type) : CDZ_STR("DURATION_WINDOW");
    struct cdz_window_kind ret = {.type = CDZ_WINDOW_DURATION};
    if (cdz_str_is(name, "DAILY_TIME_DEADLINE")) {
        ret.type = CDZ_WINDOW_DEADLINE;
        ret.to_s = time_of_day(time_window, "deadline");
    } else if (cdz_str_is(name, "DAILY_TIME_WINDOW")) {
        ret.type = CDZ_WINDOW_TIMES;
        ret.from_s = time_of_day(time_window, "startTime");
        ret.to_s = time_of_day(time_window, "endTime");
    } else {
        if (cdz_str_is(name, "SLIDING_WINDOW"))
            ret.type = CDZ_WINDOW_SLIDING;
        ret.window = duration(time_window, old, "window", DAY);
        ret.advance = duration(time_window, old, "windowAdvance", 0);
    }
    return ret;
}

/* The wall clock's seconds as an instant. */
static cdz_us instant(const struct cdz_zone *zone, int64_t local_s)
{
    return (local_s - cdz_zone_offset_local(zone, local_s)) * CDZ_SECOND;
}

/* The beginning of what now stands in: the day of windows of days, the hour of windows of hours, a
 * multiple of the window within the hour of shorter ones. So does the original: a window of six hours
 * begins with the current hour. */
static int64_t aligned(int64_t local_s, cdz_us window)
{
    int64_t of_day = ((local_s % 86400) + 86400) % 86400, midnight = local_s - of_day;
    int64_t minutes = window / MINUTE;
    if (window >= DAY)
        return midnight;
    if (window >= HOUR)
        return midnight + of_day / 3600 * 3600;
    if (minutes > 0)
        return midnight + of_day / 3600 * 3600 + of_day % 3600 / 60 / minutes * minutes * 60;
    return local_s;
}

void cdz_window_at(const struct cdz_window_kind *kind, cdz_us now, cdz_str zone_name,
                   cdz_us *ret_start, cdz_us *ret_end)
{
    struct cdz_zone zone;
    struct cdz_err ignored;
    if (cdz_zone_parse(zone_name, &zone, &ignored) != CDZ_OK)
        zone = (struct cdz_zone){.fixed = true};
    int64_t utc_s = now / CDZ_SECOND - (now % CDZ_SECOND < 0);
    int64_t local_s = utc_s + cdz_zone_offset(&zone, utc_s, NULL);
    int64_t midnight = aligned(local_s, DAY);
    switch (kind->type) {
    case CDZ_WINDOW_DURATION:
        *ret_start = instant(&zone, aligned(local_s, kind->window)) + kind->advance;
        *ret_end = *ret_start + kind->window - CDZ_MS;
        break;
    case CDZ_WINDOW_SLIDING:
        *ret_start = now / CDZ_MS * CDZ_MS;
        *ret_end = *ret_start + kind->window;
        break;
    case CDZ_WINDOW_DEADLINE:
    case CDZ_WINDOW_TIMES:
        *ret_start = instant(&zone, midnight + kind->from_s);
        *ret_end = instant(&zone, midnight + kind->to_s);
        break;
    }
}

bool cdz_window_has(const struct cdz_window *w, cdz_str name)
{
    if (w->held.kind != CDZ_LIST)
        return false;
    CDZ_LIST_EACH (item, w->held)
        if (cdz_str_eq(cdz_val_str(*item), name))
            return true;
    return false;
}

bool cdz_window_add(struct cdz_window *w, struct cdz_arena *arena, cdz_str name)
{
    if (cdz_window_has(w, name))
        return false;
    if (w->held.kind != CDZ_LIST)
        w->held = cdz_val_list(arena, 4);
    cdz_list_push(arena, w->held, cdz_val_text(name));
    return true;
}

void cdz_window_encode(const struct cdz_window *w, struct cdz_buf *to)
{
    cdz_put_u64(to, VERSION);
    cdz_put_i64(to, w->start);
    cdz_put_i64(to, w->end);
    cdz_put_u64(to, w->held.kind == CDZ_LIST ? cdz_list_n(w->held) : 0);
    if (w->held.kind == CDZ_LIST)
        CDZ_LIST_EACH (item, w->held)
            cdz_put_str(to, cdz_val_str(*item));
}

cdz_rc cdz_window_decode(cdz_str bytes, struct cdz_arena *arena, struct cdz_window *ret,
                         struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(bytes);
    struct cdz_window w = {0};
    uint64_t version = cdz_get_u64(&r);
    w.start = cdz_get_i64(&r);
    w.end = cdz_get_i64(&r);
    uint64_t n = cdz_get_u64(&r);
    if (n)
        w.held = cdz_val_list(arena, 4);
    for (uint64_t i = 0; i < n && !r.bad; i++) {
        cdz_str name = cdz_get_str(&r);
        if (!r.bad)
            cdz_list_push(arena, w.held, cdz_val_text(name));
    }
    if (r.bad || version != VERSION || r.p != r.end)
        return cdz_fail(err, CDZ_E_CORRUPT, "the record of a time window cannot be read");
    *ret = w;
    return CDZ_OK;
}
