/*
 * holiday.c -- the condition PublicHoliday: rules of holidays.c on a calendar. reference/tasks.md §9.
 *
 * A day is a holiday when a rule gives it, or gives a weekend day that is observed on it. Rules of the
 * year and of the next are tried: a first of January may be observed on the last of December.
 */
#include "base/time.h"
#include "condition/dates.h"
#include "condition/holidays.h"
#include "condition/internal.h"

enum { NO_DAY = INT32_MIN };

/* Easter Sunday, Gregorian (Meeus, Jones and Butcher). */
static int64_t western_easter(int64_t year)
{
    int64_t a = year % 19, b = year / 100, c = year % 100, d = b / 4, e = b % 4, f = (b + 8) / 25;
    int64_t g = (b - f + 1) / 3, h = (19 * a + b - d - g + 15) % 30, i = c / 4, k = c % 4;
    int64_t l = (32 + 2 * e + 2 * i - h - k) % 7, m = (a + 11 * h + 22 * l) / 451;
    int64_t n = h + l - 7 * m + 114;
    return cdz_days_of(year, (int)(n / 31), (int)(n % 31) + 1);
}

/* Easter Sunday of the Julian calendar, as a day of ours. */
static int64_t orthodox_easter(int64_t year)
{
    int64_t d = (19 * (year % 19) + 15) % 30, e = (2 * (year % 4) + 4 * (year % 7) - d + 34) % 7;
    int64_t n = d + e + 114;
    return cdz_days_of(year, (int)(n / 31), (int)(n % 31) + 1) + year / 100 - year / 400 - 2;
}

/* Of 20.8431 or 23.2488 in 1980, moving with the tropical year. */
static int64_t equinox(int64_t year, int month, double of_1980)
{
    int64_t since = year - 1980;
    if (since < 0 || year > 2099)
        return NO_DAY;
    double day = of_1980 + 0.242194 * (double)since;
    return cdz_days_of(year, month, (int)((int64_t)day - since / 4));
}

static int64_t first_from(int64_t day, int weekday)
{
    return day + (weekday - cdz_weekday_of(day) + 7) % 7;
}

/* The day of a rule in a year, or NO_DAY. */
static int64_t day_of(const struct cdz_holiday *rule, int64_t year)
{
    if (rule->kind == CDZ_DAY_ONCE)
        return year == rule->since ? cdz_days_of(year, rule->month, rule->day) : NO_DAY;
    if ((rule->since && year < rule->since) || (rule->until && year > rule->until))
        return NO_DAY;
    switch ((enum cdz_holiday_kind)rule->kind) {
    case CDZ_DAY_ONCE:
        break;
    case CDZ_DAY_FIXED:
        return cdz_days_of(year, rule->month, rule->day);
    case CDZ_DAY_EASTER:
        return western_easter(year) + rule->day;
    case CDZ_DAY_ORTHODOX:
        return orthodox_easter(year) + rule->day;
    case CDZ_DAY_NTH:
        if (rule->day < 0)
            return first_from(cdz_days_of(year, rule->month, cdz_month_days(year, rule->month) - 6),
                              rule->weekday);
        return first_from(cdz_days_of(year, rule->month, 1), rule->weekday) + 7 * (rule->day - 1);
    case CDZ_DAY_FROM:
        return first_from(cdz_days_of(year, rule->month, rule->day), rule->weekday);
    case CDZ_DAY_VERNAL:
        return equinox(year, 3, 20.8431);
    case CDZ_DAY_AUTUMNAL:
        return equinox(year, 9, 23.2488);
    case CDZ_DAY_BRIGID: {
        int64_t first = cdz_days_of(year, 2, 1);
        return cdz_weekday_of(first) == 4 ? first : first_from(first, 0);
    }
    }
    return NO_DAY;
}

static bool in_region(const struct cdz_holiday *rule, cdz_str region)
{
    return !rule->region[0] || cdz_str_ieq(region, cdz_str_z(rule->region));
}

/* Given by a rule itself, without what is observed for others. */
static bool is_given(const struct cdz_holiday_country *country, cdz_str region, int64_t day)
{
    int64_t year;
    int month, of_month;
    cdz_civil_of(day, &year, &month, &of_month);
    for (size_t i = 0; i < country->n; i++)
        if (in_region(&country->rules[i], region) && day_of(&country->rules[i], year) == day)
            return true;
    return false;
}

/* The day on which a holiday of that day is observed. */
static int64_t observed(const struct cdz_holiday_country *country, const struct cdz_holiday *rule,
                        cdz_str region, int64_t day)
{
    int weekday = cdz_weekday_of(day);
    bool saturday = weekday == 5, sunday = weekday == 6;
    switch ((enum cdz_holiday_observed)rule->observed) {
    case CDZ_OBSERVED_NO:
        return day;
    case CDZ_OBSERVED_NEAREST:
        return saturday ? day - 1 : sunday ? day + 1 : day;
    case CDZ_OBSERVED_MONDAY:
        return saturday ? day + 2 : sunday ? day + 1 : day;
    case CDZ_OBSERVED_PLUS2:
        return saturday || sunday ? day + 2 : day;
    case CDZ_OBSERVED_SUNDAY:
        return sunday ? day + 1 : day;
    case CDZ_OBSERVED_BEFORE:
        return sunday ? day - 1 : day;
    case CDZ_OBSERVED_JAPAN:
        if (sunday)
            do
                day++;
            while (is_given(country, region, day));
        return day;
    }
    return day;
}

/* The part without the country in front. */
static cdz_str part_of(const struct cdz_holiday_country *country, cdz_str region)
{
    size_t n = strlen(country->code);
    return region.n > n && region.p[n] == '-' &&
                   cdz_str_ieq(cdz_str_sub(region, 0, n), cdz_str_z(country->code))
               ? cdz_str_sub(region, n + 1, region.n)
               : region;
}

const struct cdz_holiday_country *cdz_holiday_country_find(cdz_str code)
{
    for (size_t i = 0; i < cdz_holiday_country_count; i++)
        if (cdz_str_ieq(code, cdz_str_z(cdz_holiday_countries[i].code)))
            return &cdz_holiday_countries[i];
    return NULL;
}

bool cdz_holiday_region_known(const struct cdz_holiday_country *country, cdz_str region)
{
    region = part_of(country, region);
    for (size_t i = 0; region.n && i < country->n; i++)
        if (country->rules[i].region[0] && in_region(&country->rules[i], region))
            return true;
    return false;
}

bool cdz_holiday_is(const struct cdz_holiday_country *country, cdz_str region, int64_t day)
{
    int64_t year;
    int month, of_month;
    cdz_civil_of(day, &year, &month, &of_month);
    region = part_of(country, region);
    for (size_t i = 0; i < country->n; i++) {
        const struct cdz_holiday *rule = &country->rules[i];
        if (!in_region(rule, region))
            continue;
        for (int64_t y = year; y <= year + 1; y++) {
            int64_t given = day_of(rule, y);
            if (given == NO_DAY)
                continue;
            if (observed(country, rule, region, given) == day ||
                (given == day && rule->observed != CDZ_OBSERVED_BEFORE))
                return true;
        }
    }
    /* Japan: a day between two holidays is one. */
    return country->n && country->rules[0].observed == CDZ_OBSERVED_JAPAN &&
           is_given(country, region, day - 1) && is_given(country, region, day + 1);
}

/* ---- the condition ---- */

static cdz_rc unknown_country(cdz_str code, struct cdz_err *err)
{
    struct cdz_buf CDZ_AUTO_BUF known = CDZ_BUF_INIT;
    for (size_t i = 0; i < cdz_holiday_country_count; i++)
        cdz_buf_printf(&known, " %s", cdz_holiday_countries[i].code);
    return cdz_fail(err, CDZ_E_INVALID,
                    "the public holidays of country `%.*s` are not known; known are:%s",
                    (int)(code.n < 40 ? code.n : 40), code.p, known.p);
}

static cdz_rc holiday_holds(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx,
                            bool *ret, struct cdz_err *err)
{
    cdz_str code, region;
    int64_t day;
    CDZ_TRY(cdz_condition_text(condition, ctx, "country", &code, err));
    CDZ_TRY(cdz_condition_text(condition, ctx, "subDivision", &region, err));
    code = cdz_str_trim(code);
    region = cdz_str_trim(region);
    /* The original takes the locale of its process, which is en-US in its images. */
    const struct cdz_holiday_country *country =
        cdz_holiday_country_find(code.n ? code : CDZ_STR("US"));
    if (!country)
        return unknown_country(code, err);
    if (region.n && !cdz_holiday_region_known(country, region))
        return cdz_fail(err, CDZ_E_INVALID,
                        "the public holidays of `%.*s` in %s are not known; leave subDivision out "
                        "for those of the whole country",
                        (int)(region.n < 40 ? region.n : 40), region.p, country->code);
    CDZ_TRY(cdz_condition_day(condition, ctx, &day, err));
    *ret = cdz_holiday_is(country, region, day);
    return CDZ_OK;
}

static const struct cdz_prop holiday_props[] = {
    {"date", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, "{{ trigger.date }}",
     .doc = "The date that is tested."},
    {"country", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, .doc = "ISO 3166-1 code; without: US."},
    {"subDivision", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC,
     .doc = "ISO 3166-2 code of a part of it, such as DE-BY."},
    {0},
};

const struct cdz_type cdz_condition_public_holiday = {
    .type = "io.kestra.plugin.core.condition.PublicHoliday",
    .aliases = CDZ_CONDITION_ALIASES("PublicHoliday"),
    .kind = CDZ_CONDITION,
    .title = "A date is a public holiday.",
    .props = holiday_props,
    .holds = holiday_holds,
};
