/*
 * date.c -- filters and functions on dates: date, dateAdd, timestamp, timestampMilli and friends,
 * now.
 *
 * Every input becomes a zoned date first: dates and epoch seconds by their instant, wall-clock ones
 * in the target zone, texts by `existingFormat` or as ISO. The target zone is the argument timeZone
 * or the server's.
 */
#include "expr/javadate.h"
#include "expr/lib.h"

#include <inttypes.h>

#include "base/time.h"
#include "expr/zone.h"

/* Seconds of the years that dates may have: +-999999, as the parser's. */
static const int64_t seconds_max = INT64_C(31556889864403);

static cdz_rc zone_arg(struct cdz_call *call, int i, struct cdz_zone *ret)
{
    cdz_str name;
    CDZ_TRY(cdz_arg_text_or(call, i, "timeZone", call->env->zone, &name));
    return cdz_call_wrap(call, cdz_zone_parse(name, ret, call->err));
}

static cdz_rc in_reach(struct cdz_call *call, int64_t seconds)
{
    if (seconds > seconds_max || seconds < -seconds_max)
        return cdz_call_fail(call, "'%s': the date is out of range", call->name);
    return CDZ_OK;
}

/* A date value, of whatever type, in the zone. */
static struct cdz_date date_in(const struct cdz_date *date, const struct cdz_zone *zone)
{
    switch (date->type) {
    case CDZ_ZONED:
        return *date;
    case CDZ_OFFSET: {
        struct cdz_date zoned = *date;
        zoned.type = CDZ_ZONED;
        return zoned;
    }
    case CDZ_INSTANT:
        return cdz_zoned_at(zone, date->seconds, date->nanos);
    case CDZ_UTIL_DATE: /* has milliseconds only */
        return cdz_zoned_at(zone, date->seconds, date->nanos / 1000000 * 1000000);
    case CDZ_LOCAL_DATE: /* noon: the original's choice for date values (texts begin at midnight) */
        return cdz_zoned_local(zone, date->seconds + 43200, 0);
    case CDZ_LOCAL_DATETIME:
    case CDZ_LOCAL_TIME:
        break;
    }
    return cdz_zoned_local(zone, date->seconds, date->nanos);
}

static cdz_rc text_in(struct cdz_call *call, cdz_str text, cdz_str format, cdz_str locale,
                      const struct cdz_zone *zone, struct cdz_date *ret)
{
    struct cdz_date date;
    if (format.n > 0) {
        CDZ_TRY(cdz_call_wrap(call, cdz_javadate_parse(text, format, locale, &date, call->err)));
    } else if (!cdz_iso_parse(text, &date) || date.type == CDZ_LOCAL_TIME) {
        return cdz_call_fail(call, "Text '%.*s' could not be parsed as a date", CDZ_S(text));
    }
    date.zone = cdz_arena_str(call->arena, date.zone);
    if (date.type == CDZ_ZONED &&
        date.zone.n > 0) { /* "+02:00[Europe/London]": the offset tells the instant only */
        struct cdz_zone own = cdz_zone_of(&date);
        date = cdz_zoned_at(&own, date.seconds, date.nanos);
    }
    *ret =
        date.type == CDZ_LOCAL_DATE ? cdz_zoned_local(zone, date.seconds, 0) : date_in(&date, zone);
    return CDZ_OK;
}

/* call->input as a zoned date; format: how its text is written, or empty. */
static cdz_rc input_in(struct cdz_call *call, cdz_str format, cdz_str locale,
                       const struct cdz_zone *zone, struct cdz_date *ret)
{
    cdz_val v = call->input;
    struct cdz_date date;
    if (v.kind == CDZ_DATE && v.date->type != CDZ_LOCAL_TIME) {
        date = date_in(v.date, zone);
    } else if (v.kind == CDZ_INT && v.sub == CDZ_I64) {
        CDZ_TRY(in_reach(call, v.i));
        date = cdz_zoned_at(zone, v.i, 0);
    } else if (cdz_is_text(v)) {
        CDZ_TRY(text_in(call, cdz_text_of(v), format, locale, zone, &date));
    } else {
        return cdz_call_fail(call, "class %s cannot be cast to class java.lang.String",
                             cdz_java_class(v));
    }
    CDZ_TRY(in_reach(call, date.seconds));
    *ret = date;
    return CDZ_OK;
}

/* Positions of the arguments that the rows share. */
struct places {
    int format, zone, existing, locale; /* -1: the row has none */
};

static cdz_rc format_result(struct cdz_call *call, const struct cdz_date *date,
                            const struct cdz_zone *zone, const struct places *at, cdz_val *ret)
{
    struct cdz_buf CDZ_AUTO_BUF to = CDZ_BUF_INIT;
    cdz_str format, locale;
    CDZ_TRY(cdz_arg_text_or(call, at->format, "format", CDZ_STR("iso"), &format));
    CDZ_TRY(cdz_arg_text_or(call, at->locale, "locale", CDZ_STR(""), &locale));
    struct cdz_date shown = cdz_zoned_at(zone, date->seconds, date->nanos);
    CDZ_TRY(cdz_call_wrap(call, cdz_javadate_format(&to, &shown, format, locale, call->err)));
    *ret = cdz_val_text(cdz_buf_copy(&to, call->arena));
    return CDZ_OK;
}

static cdz_rc input_read(struct cdz_call *call, const struct places *at, struct cdz_zone *ret_zone,
                         struct cdz_date *ret)
{
    cdz_str existing, locale = CDZ_STR("");
    CDZ_TRY(zone_arg(call, at->zone, ret_zone));
    CDZ_TRY(cdz_arg_text_or(call, at->existing, "existingFormat", CDZ_STR(""), &existing));
    if (at->locale >= 0)
        CDZ_TRY(cdz_arg_text_or(call, at->locale, "locale", CDZ_STR(""), &locale));
    return input_in(call, existing, locale, ret_zone, ret);
}

static cdz_rc date_filter(struct cdz_call *call, cdz_val *ret)
{
    static const struct places at = {.format = 0, .zone = 1, .existing = 2, .locale = 3};
    struct cdz_zone zone;
    struct cdz_date date;
    if (cdz_val_is_null(call->input)) {
        *ret = CDZ_VAL_NULL;
        return CDZ_OK;
    }
    CDZ_TRY(input_read(call, &at, &zone, &date));
    return format_result(call, &date, &zone, &at, ret);
}

/* ---- dateAdd ---- */

/* ChronoUnit's names: units of fixed length in nanoseconds or seconds, of days, and of months. */
static const struct unit {
    const char *name;
    int64_t nanos, seconds, days, months;
} units[] = {
    {.name = "NANOS", .nanos = 1},
    {.name = "MICROS", .nanos = 1000},
    {.name = "MILLIS", .nanos = 1000000},
    {.name = "SECONDS", .seconds = 1},
    {.name = "MINUTES", .seconds = 60},
    {.name = "HOURS", .seconds = 3600},
    {.name = "HALF_DAYS", .seconds = 43200},
    {.name = "DAYS", .days = 1},
    {.name = "WEEKS", .days = 7},
    {.name = "MONTHS", .months = 1},
    {.name = "YEARS", .months = 12},
    {.name = "DECADES", .months = 120},
    {.name = "CENTURIES", .months = 1200},
    {.name = "MILLENNIA", .months = 12000},
};

/* The wall clock moved by months: the day is cut to the month's length. */
static int64_t months_added(int64_t local_s, int64_t months)
{
    int64_t days = local_s / 86400 - (local_s % 86400 < 0), year;
    int month, day;
    cdz_civil_of(days, &year, &month, &day);
    int64_t all = year * 12 + month - 1 + months, new_year = all / 12 - (all % 12 < 0);
    int new_month = (int)(all - new_year * 12) + 1, last = cdz_month_days(new_year, new_month);
    return cdz_days_of(new_year, new_month, day > last ? last : day) * 86400 +
           (local_s - days * 86400);
}

/* Clock units move the instant; days and larger the wall clock in the date's own zone. */
static cdz_rc date_added(struct cdz_call *call, struct cdz_date *date, int64_t amount,
                         const struct unit *unit)
{
    struct cdz_zone zone = cdz_zone_of(date);
    int64_t span, local = date->seconds + date->offset_s;
    bool over;
    if (unit->nanos) {
        over = __builtin_mul_overflow(amount, unit->nanos, &span) ||
               __builtin_add_overflow(span, date->nanos, &span);
        int64_t carry = over ? 0 : span / 1000000000 - (span % 1000000000 < 0);
        CDZ_TRY(over ? in_reach(call, INT64_MAX) : in_reach(call, date->seconds + carry));
        *date = cdz_zoned_at(&zone, date->seconds + carry, (int32_t)(span - carry * 1000000000));
        return CDZ_OK;
    }
    over = __builtin_mul_overflow(
        amount, unit->seconds + unit->days * 86400 + unit->months * 2592000, &span);
    CDZ_TRY(over ? in_reach(call, INT64_MAX) : in_reach(call, span));
    if (unit->seconds)
        *date = cdz_zoned_at(&zone, date->seconds + span, date->nanos);
    else if (unit->days)
        *date = cdz_zoned_local(&zone, local + span, date->nanos);
    else
        *date = cdz_zoned_local(&zone, months_added(local, amount * unit->months), date->nanos);
    return in_reach(call, date->seconds);
}

static cdz_rc date_add_filter(struct cdz_call *call, cdz_val *ret)
{
    static const struct places at = {.format = 2, .zone = 3, .existing = 4, .locale = 5};
    struct cdz_zone zone;
    struct cdz_date date;
    int64_t amount;
    cdz_str name;
    if (cdz_val_is_null(call->input)) {
        *ret = CDZ_VAL_NULL;
        return CDZ_OK;
    }
    CDZ_TRY(cdz_arg_int(call, 0, "amount", &amount));
    CDZ_TRY(cdz_arg_text(call, 1, "unit", &name));
    CDZ_TRY(input_read(call, &at, &zone, &date));
    for (size_t i = 0; i < CDZ_COUNT(units); i++) {
        if (cdz_str_is(name, units[i].name)) {
            CDZ_TRY(date_added(call, &date, amount, &units[i]));
            return format_result(call, &date, &zone, &at, ret);
        }
    }
    return cdz_call_fail(call, "No enum constant java.time.temporal.ChronoUnit.%.*s", CDZ_S(name));
}

/* ---- timestamps ---- */

static cdz_rc timestamp_read(struct cdz_call *call, struct cdz_date *ret)
{
    static const struct places at = {.format = -1, .zone = 0, .existing = 1, .locale = -1};
    struct cdz_zone zone;
    return input_read(call, &at, &zone, ret);
}

static cdz_rc timestamp_filter(struct cdz_call *call, cdz_val *ret)
{
    struct cdz_date date;
    *ret = CDZ_VAL_NULL;
    if (cdz_val_is_null(call->input))
        return CDZ_OK;
    CDZ_TRY(timestamp_read(call, &date));
    *ret = cdz_val_int(date.seconds);
    return CDZ_OK;
}

/* Seconds in nanoseconds plus the fraction divided by `part`; Java's conversion sticks at the ends.
 */
static cdz_rc nanos_result(struct cdz_call *call, int32_t part, cdz_val *ret)
{
    struct cdz_date date;
    int64_t nanos;
    *ret = CDZ_VAL_NULL;
    if (cdz_val_is_null(call->input))
        return CDZ_OK;
    CDZ_TRY(timestamp_read(call, &date));
    if (__builtin_mul_overflow(date.seconds, INT64_C(1000000000), &nanos) ||
        __builtin_add_overflow(nanos, date.nanos / part, &nanos))
        nanos = date.seconds < 0 ? INT64_MIN : INT64_MAX;
    *ret = cdz_val_text(cdz_arena_printf(call->arena, "%" PRId64, nanos));
    return CDZ_OK;
}

static cdz_rc timestamp_nano_filter(struct cdz_call *call, cdz_val *ret)
{
    return nanos_result(call, 1, ret);
}

/* Not microseconds: nanoseconds of the seconds plus microseconds of the fraction. The original does
 * so. */
static cdz_rc timestamp_micro_filter(struct cdz_call *call, cdz_val *ret)
{
    return nanos_result(call, 1000, ret);
}

/* ---- functions ---- */

static cdz_rc now_function(struct cdz_call *call, cdz_val *ret)
{
    static const struct places at = {.format = 0, .zone = 1, .existing = 2, .locale = 3};
    struct cdz_zone zone;
    cdz_val now;
    if (!call->env->world)
        return cdz_call_fail(call, "now() is not available here");
    CDZ_TRY(zone_arg(call, at.zone, &zone));
    CDZ_TRY(call->env->world(call->env, CDZ_WORLD_NOW, NULL, 0, call->arena, &now, call->err));
    if (now.kind != CDZ_DATE)
        return cdz_call_fail(call, "now(): no date");
    struct cdz_date date = date_in(now.date, &zone);
    return format_result(call, &date, &zone, &at, ret);
}

const struct cdz_callable cdz_date_filters[] = {
    {"date", {"format", "timeZone", "existingFormat", "locale"}, date_filter, false},
    {"dateAdd",
     {"amount", "unit", "format", "timeZone", "existingFormat", "locale"},
     date_add_filter,
     false},
    {"timestamp", {"timeZone", "existingFormat"}, timestamp_filter, false},
    {"timestampMicro", {"timeZone", "existingFormat"}, timestamp_micro_filter, false},
    {"timestampNano", {"timeZone", "existingFormat"}, timestamp_nano_filter, false},
    {NULL},
};

const struct cdz_callable cdz_date_functions[] = {
    {"now", {"format", "timeZone", "existingFormat", "locale"}, now_function, false},
    {NULL},
};
