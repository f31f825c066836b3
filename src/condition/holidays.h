/*
 * holidays.h -- public holidays of countries and some of their parts, by rules. Pure tables and
 * calendar arithmetic; what is not certain is left out.
 */
#ifndef CDZ_CONDITION_HOLIDAYS_H
#define CDZ_CONDITION_HOLIDAYS_H

#include "base/str.h"

enum cdz_holiday_kind {
    CDZ_DAY_FIXED,    /* month, day */
    CDZ_DAY_EASTER,   /* day: days after Easter Sunday of the western churches */
    CDZ_DAY_ORTHODOX, /* the same of the Orthodox churches */
    CDZ_DAY_NTH,      /* month, day: 1..4 or -1 (last), weekday */
    CDZ_DAY_FROM,     /* the first weekday on or after month, day */
    CDZ_DAY_ONCE,     /* month, day of the year `since` */
    CDZ_DAY_VERNAL,   /* Japan's equinox days, 1980 to 2099 */
    CDZ_DAY_AUTUMNAL,
    CDZ_DAY_BRIGID, /* Ireland: the first Monday of February, or February 1 if that is a Friday */
};

/* What happens when it falls on a weekend. The day itself stays a holiday but for SUN_BEFORE. */
enum cdz_holiday_observed {
    CDZ_OBSERVED_NO,
    CDZ_OBSERVED_NEAREST, /* Saturday: the Friday before; Sunday: the Monday after, too */
    CDZ_OBSERVED_MONDAY,  /* Saturday, Sunday: the Monday after, too */
    CDZ_OBSERVED_PLUS2,   /* Saturday, Sunday: two days later, too (two holidays in a row) */
    CDZ_OBSERVED_SUNDAY,  /* Sunday: the Monday after, too */
    CDZ_OBSERVED_BEFORE,  /* Sunday: the Saturday before instead */
    CDZ_OBSERVED_JAPAN,   /* Sunday: the next day that is none, too */
};

struct cdz_holiday {
    const char *region; /* "": the whole country; else the part's code, "BY" of DE-BY */
    uint8_t kind, month;
    int8_t day;
    uint8_t weekday; /* 0: Monday */
    uint8_t observed;
    uint16_t since, until; /* years; 0: always */
};

struct cdz_holiday_country {
    const char *code; /* ISO 3166-1 alpha-2 */
    const struct cdz_holiday *rules;
    size_t n;
};
extern const struct cdz_holiday_country cdz_holiday_countries[];
extern const size_t cdz_holiday_country_count;

/* NULL: not known. Any case. */
const struct cdz_holiday_country *cdz_holiday_country_find(cdz_str code);
/* True if there are rules of that part (any case, with or without "DE-" in front). */
bool cdz_holiday_region_known(const struct cdz_holiday_country *country, cdz_str region);
/* Whether a day (since 1970-01-01) is a holiday of the country, or of that part of it. */
bool cdz_holiday_is(const struct cdz_holiday_country *country, cdz_str region, int64_t day);

#endif
