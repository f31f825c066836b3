/*
 * dates.c -- conditions on a date, by default the one for which a trigger is evaluated.
 * reference/tasks.md §9. A date is a text as java.time prints it; days and times of the day are those
 * of its own zone.
 */
#include "base/time.h"
#include "condition/internal.h"
#include "condition/dates.h"
#include "expr/zone.h"

const char *const cdz_weekdays[] = {"MONDAY", "TUESDAY",  "WEDNESDAY", "THURSDAY",
                                    "FRIDAY", "SATURDAY", "SUNDAY",    NULL};

int cdz_weekday_of(int64_t days)
{
    int64_t w = (days + 3) % 7; /* 1970-01-01 was a Thursday */
    return (int)(w < 0 ? w + 7 : w);
}

static cdz_rc no_date(cdz_str text, struct cdz_err *err)
{
    return cdz_fail(err, CDZ_E_INVALID, "`%.*s` is not a date", (int)(text.n < 100 ? text.n : 100),
                    text.p);
}

static cdz_rc parse(cdz_str text, struct cdz_condition_ctx *ctx, struct cdz_date *ret,
                    struct cdz_err *err)
{
    struct cdz_zone zone;
    struct cdz_err ignored;
    if (!cdz_iso_parse(cdz_str_trim(text), ret) || ret->type == CDZ_LOCAL_TIME)
        return no_date(text, err);
    if (ret->type != CDZ_LOCAL_DATETIME && ret->type != CDZ_LOCAL_DATE)
        return CDZ_OK;
    /* Without a zone: the server's. */
    if (cdz_zone_parse(ctx->zone, &zone, &ignored) != CDZ_OK)
        zone = (struct cdz_zone){.fixed = true};
    *ret = cdz_zoned_local(&zone, ret->seconds, ret->nanos);
    return CDZ_OK;
}

static cdz_rc date_of(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                      struct cdz_date *ret, struct cdz_err *err)
{
    cdz_str text;
    CDZ_TRY(cdz_condition_text(condition, ctx, "date", &text, err));
    return parse(text, ctx, ret, err);
}

cdz_rc cdz_condition_day(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                         int64_t *ret, struct cdz_err *err)
{
    struct cdz_date date;
    CDZ_TRY(date_of(condition, ctx, &date, err));
    int64_t local = date.seconds + date.offset_s;
    *ret = local / 86400 - (local % 86400 < 0);
    return CDZ_OK;
}

#define DATE_PROP                                                                                  \
    {                                                                                              \
        "date", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, "{{ trigger.date }}",       \
            .doc = "The date that is tested."                                                      \
    }

/* ---- DateTimeBetween, TimeBetween ---- */

static cdz_rc no_bound(struct cdz_err *err)
{
    return cdz_fail(err, CDZ_E_INVALID, "Invalid condition with no before nor after");
}

/* Of a and b, seconds and then nanos: less than, equal to, greater than 0. */
static int order(int64_t a_s, int32_t a_n, int64_t b_s, int32_t b_n)
{
    return a_s != b_s ? (a_s < b_s ? -1 : 1) : a_n != b_n ? (a_n < b_n ? -1 : 1) : 0;
}

static cdz_rc between_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                            bool *ret, struct cdz_err *err)
{
    cdz_str after = cdz_condition_plain(condition, "after"),
            before = cdz_condition_plain(condition, "before");
    struct cdz_date date, bound;
    if (!after.n && !before.n)
        return no_bound(err);
    CDZ_TRY(date_of(condition, ctx, &date, err));
    bool holds = true;
    if (after.n) {
        CDZ_TRY(parse(after, ctx, &bound, err));
        holds = order(date.seconds, date.nanos, bound.seconds, bound.nanos) > 0;
    }
    if (before.n) {
        CDZ_TRY(parse(before, ctx, &bound, err));
        holds = holds && order(date.seconds, date.nanos, bound.seconds, bound.nanos) < 0;
    }
    *ret = holds;
    return CDZ_OK;
}

static const struct cdz_prop between_props[] = {
    DATE_PROP,
    {"after", CDZ_PROP_STRING, 0, .doc = "It is later than this date."},
    {"before", CDZ_PROP_STRING, 0, .doc = "It is earlier than this date."},
    {0},
};

const struct cdz_type cdz_condition_date_time_between = {
    .type = "io.kestra.plugin.core.condition.DateTimeBetween",
    .aliases = CDZ_CONDITION_ALIASES("DateTimeBetween"),
    .kind = CDZ_CONDITION,
    .title = "A date is between two others.",
    .props = between_props,
    .holds = between_holds,
};

/* "16:19:12+02:00" as seconds since midnight in UTC (perhaps negative, or beyond a day: so does
 * java.time compare). Without an offset: that of the date. */
static cdz_rc time_of(cdz_str text, const struct cdz_date *date, int64_t *ret, int32_t *ret_nanos,
                      struct cdz_err *err)
{
    cdz_str s = cdz_str_trim(text);
    struct cdz_date clock;
    int32_t offset = date->offset_s;
    size_t at = 0;
    while (at < s.n && s.p[at] != '+' && s.p[at] != '-' && s.p[at] != 'Z')
        at++;
    if ((at < s.n && !cdz_offset_parse(cdz_str_sub(s, at, s.n), &offset)) ||
        !cdz_iso_parse(cdz_str_sub(s, 0, at), &clock) || clock.type != CDZ_LOCAL_TIME)
        return cdz_fail(err, CDZ_E_INVALID,
                        "`%.*s` is not a time with an offset, such as 08:00:00+01:00",
                        (int)(text.n < 100 ? text.n : 100), text.p);
    *ret = clock.seconds - offset;
    *ret_nanos = clock.nanos;
    return CDZ_OK;
}

static cdz_rc time_between_holds(const struct cdz_condition *condition,
                                 struct cdz_condition_ctx *ctx, bool *ret, struct cdz_err *err)
{
    cdz_str after = cdz_condition_plain(condition, "after"),
            before = cdz_condition_plain(condition, "before");
    struct cdz_date date;
    int64_t bound;
    int32_t nanos;
    if (!after.n && !before.n)
        return no_bound(err);
    CDZ_TRY(date_of(condition, ctx, &date, err));
    int64_t local = date.seconds + date.offset_s, of_day = local % 86400;
    int64_t now = (of_day < 0 ? of_day + 86400 : of_day) - date.offset_s;
    bool holds = true;
    if (after.n) {
        CDZ_TRY(time_of(after, &date, &bound, &nanos, err));
        holds = order(now, date.nanos, bound, nanos) > 0;
    }
    if (before.n) {
        CDZ_TRY(time_of(before, &date, &bound, &nanos, err));
        holds = holds && order(now, date.nanos, bound, nanos) < 0;
    }
    *ret = holds;
    return CDZ_OK;
}

static const struct cdz_prop time_between_props[] = {
    DATE_PROP,
    {"after", CDZ_PROP_STRING, 0, .doc = "It is later than this time of the day, with an offset."},
    {"before", CDZ_PROP_STRING, 0,
     .doc = "It is earlier than this time of the day, with an offset."},
    {0},
};

const struct cdz_type cdz_condition_time_between = {
    .type = "io.kestra.plugin.core.condition.TimeBetween",
    .aliases = CDZ_CONDITION_ALIASES("TimeBetween"),
    .kind = CDZ_CONDITION,
    .title = "The time of a date is between two others.",
    .props = time_between_props,
    .holds = time_between_holds,
};

/* ---- days of the week ---- */

static int weekday_named(cdz_str name)
{
    int i = 0;
    while (cdz_weekdays[i] && !cdz_str_is(name, cdz_weekdays[i]))
        i++;
    return i;
}

static cdz_rc day_week_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                             bool *ret, struct cdz_err *err)
{
    int64_t day;
    CDZ_TRY(cdz_condition_day(condition, ctx, &day, err));
    *ret = cdz_weekday_of(day) == weekday_named(cdz_condition_plain(condition, "dayOfWeek"));
    return CDZ_OK;
}

static const struct cdz_prop day_week_props[] = {
    DATE_PROP,
    {"dayOfWeek", CDZ_PROP_ENUM, CDZ_PROP_REQUIRED, .doc = "The day.", .values = cdz_weekdays},
    {0},
};

const struct cdz_type cdz_condition_day_week = {
    .type = "io.kestra.plugin.core.condition.DayWeek",
    .aliases = CDZ_CONDITION_ALIASES("DayWeek"),
    .kind = CDZ_CONDITION,
    .title = "A date is a certain day of the week.",
    .props = day_week_props,
    .holds = day_week_holds,
};

static const char *const places[] = {"FIRST", "SECOND", "THIRD", "FOURTH", "LAST", NULL};

static cdz_rc day_in_month_holds(const struct cdz_condition *condition,
                                 struct cdz_condition_ctx *ctx, bool *ret, struct cdz_err *err)
{
    cdz_str place = cdz_condition_plain(condition, "dayInMonth");
    int64_t day, year;
    int month, of_month;
    CDZ_TRY(cdz_condition_day(condition, ctx, &day, err));
    cdz_civil_of(day, &year, &month, &of_month);
    bool in_place =
        cdz_str_is(place, "LAST")
            ? of_month + 7 > cdz_month_days(year, month)
            : cdz_str_is(place, places[(of_month - 1) / 7 < 4 ? (of_month - 1) / 7 : 4]);
    *ret = in_place &&
           cdz_weekday_of(day) == weekday_named(cdz_condition_plain(condition, "dayOfWeek"));
    return CDZ_OK;
}

static const struct cdz_prop day_in_month_props[] = {
    DATE_PROP,
    {"dayOfWeek", CDZ_PROP_ENUM, CDZ_PROP_REQUIRED, .doc = "The day.", .values = cdz_weekdays},
    {"dayInMonth", CDZ_PROP_ENUM, CDZ_PROP_REQUIRED, .doc = "Which of those in its month.",
     .values = places},
    {0},
};

const struct cdz_type cdz_condition_day_week_in_month = {
    .type = "io.kestra.plugin.core.condition.DayWeekInMonth",
    .aliases = CDZ_CONDITION_ALIASES("DayWeekInMonth"),
    .kind = CDZ_CONDITION,
    .title = "A date is the first, second ... last of a certain day of the week in its month.",
    .props = day_in_month_props,
    .holds = day_in_month_holds,
};

static cdz_rc weekend_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                            bool *ret, struct cdz_err *err)
{
    int64_t day;
    CDZ_TRY(cdz_condition_day(condition, ctx, &day, err));
    *ret = cdz_weekday_of(day) >= 5;
    return CDZ_OK;
}

static const struct cdz_prop weekend_props[] = {DATE_PROP, {0}};

const struct cdz_type cdz_condition_weekend = {
    .type = "io.kestra.plugin.core.condition.Weekend",
    .aliases = CDZ_CONDITION_ALIASES("Weekend"),
    .kind = CDZ_CONDITION,
    .title = "A date is a Saturday or a Sunday.",
    .props = weekend_props,
    .holds = weekend_holds,
};
