/*
 * javadate_week.c -- weeks: which one a day belongs to, by a locale's first day and smallest first
 * week. After the definition of java.time.temporal.WeekFields: week 1 of a year is the first with
 * at least min_days in that year.
 */
#include "expr/javadate_item.h"

#include "base/time.h"

const struct jd_locale cdz_jd_iso = {.icu = "en", .english = true, .first_day = 1, .min_days = 4};

static int floor_mod(int a, int b)
{
    int m = a % b;
    return m < 0 ? m + b : m;
}

static int year_days(int64_t year)
{
    return cdz_month_days(year, 2) == 29 ? 366 : 365;
}

int cdz_jd_local_dow(const struct jd_locale *locale, int dow)
{
    return floor_mod(dow - locale->first_day, 7) + 1;
}

/* How many days before day 1 week 1 begins (negative: behind it), for a period whose `day` is a
 * `local_dow`. */
static int week_offset(const struct jd_locale *locale, int day, int local_dow)
{
    int start = floor_mod(day - local_dow, 7);
    return start + 1 > locale->min_days ? 7 - start : -start;
}

static int week_number(int offset, int day)
{
    return (7 + offset + (day - 1)) / 7;
}

int cdz_jd_week_of_month(const struct jd_locale *locale, int day, int dow)
{
    return week_number(week_offset(locale, day, cdz_jd_local_dow(locale, dow)), day);
}

void cdz_jd_week(const struct jd_locale *locale, int64_t year, int day_of_year, int dow,
                 int64_t *ret_year, int *ret_week)
{
    int offset = week_offset(locale, day_of_year, cdz_jd_local_dow(locale, dow));
    int week = week_number(offset, day_of_year);
    *ret_year = year;
    if (week == 0) { /* still the last week of the year before */
        int last = year_days(year - 1), last_dow = floor_mod(dow - 1 - day_of_year, 7) + 1;
        offset = week_offset(locale, last, cdz_jd_local_dow(locale, last_dow));
        week = week_number(offset, last);
        *ret_year = year - 1;
    } else if (week > 50) {
        int next = week_number(offset, year_days(year) + locale->min_days);
        if (week >= next) {
            week -= next - 1;
            *ret_year = year + 1;
        }
    }
    *ret_week = week;
}

int64_t cdz_jd_week_date(const struct jd_locale *locale, int64_t year, int64_t week, int dow)
{
    int64_t first = cdz_days_of(year, 1, 1);
    int first_dow = (int)((first + 3) % 7); /* 1970-01-01 was a Thursday */
    first_dow = (first_dow < 0 ? first_dow + 7 : first_dow) + 1;
    int offset = week_offset(locale, 1, cdz_jd_local_dow(locale, first_dow));
    return first - offset + (week - 1) * 7 + cdz_jd_local_dow(locale, dow) - 1;
}
