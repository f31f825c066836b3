/*
 * javadate_item.h -- a date format, compiled to a list of items; shared by the three javadate_*.c
 * files only.
 *
 * Items are printed and parsed in order. An optional section is JD_OPEN .. JD_CLOSE; JD_OPEN knows
 * its JD_CLOSE.
 */
#ifndef CDZ_EXPR_JAVADATE_ITEM_H
#define CDZ_EXPR_JAVADATE_ITEM_H

#include "base/buf.h"
#include "base/val.h"

enum jd_field {
    JD_ERA,
    JD_YEAR,
    JD_YEAR_OF_ERA,
    JD_QUARTER,
    JD_MONTH,
    JD_DAY,
    JD_DAY_OF_YEAR,
    JD_DAY_OF_WEEK,       /* 1 Monday .. 7 Sunday */
    JD_LOCAL_DAY_OF_WEEK, /* 1: the locale's first day of the week */
    JD_ALIGNED_WEEK,      /* of the month: days 1-7 are week 1 */
    JD_WEEK_YEAR,         /* by the locale's weeks */
    JD_WEEK,
    JD_WEEK_OF_MONTH,
    JD_ISO_WEEK_YEAR,
    JD_ISO_WEEK,
    JD_JULIAN, /* modified julian day */
    JD_AMPM,
    JD_HOUR,
    JD_HOUR_1_24,
    JD_HOUR_0_11,
    JD_HOUR_1_12,
    JD_MINUTE,
    JD_SECOND,
    JD_NANO,
    JD_MILLI_OF_DAY,
    JD_NANO_OF_DAY,
    JD_FIELD_COUNT,
};

enum jd_op {
    JD_LITERAL,   /* text */
    JD_NUMBER,    /* field, min, max, sign, following */
    JD_REDUCED,   /* a year in two digits: 2000 to 2099 */
    JD_FRACTION,  /* of a second: min..max digits; point: with a leading '.' */
    JD_TEXT,      /* the name of field's value in `style` */
    JD_OFFSET,    /* style: the offset pattern; text: what stands for zero */
    JD_GMT,       /* GMT+2; style 'f': GMT+02:00 */
    JD_ZONE_ID,   /* region: only if the zone is a region (else its section is left out) */
    JD_ZONE_NAME, /* style: the letter z or v; max: its count */
    JD_PERIOD,    /* in the afternoon */
    JD_INSTANT,   /* ISO instant in UTC */
    JD_PAD,       /* the next item is padded with blanks to `min` */
    JD_OPEN,      /* an optional section; end: index of its JD_CLOSE */
    JD_CLOSE,
};

enum jd_sign { JD_NORMAL, JD_NOT_NEGATIVE, JD_EXCEEDS_PAD };

/* Offset patterns, in the order of Java's: the later a name, the more is always there. */
enum jd_offset { JD_HHmm, JD_HHMM, JD_HH_MM, JD_HHMMss, JD_HH_MM_ss };

enum jd_style { JD_SHORT, JD_FULL, JD_NARROW };

struct jd_item {
    enum jd_op op;
    enum jd_field field;
    int min, max;
    enum jd_sign sign;
    int following; /* digits of the fixed-width numbers right behind: left to them; -1: fixed width
                      itself */
    int style;
    bool standalone, point, region;
    cdz_str text;
    size_t end;
};

/* What a locale changes. */
struct jd_locale {
    char icu[40];            /* "fr_FR" */
    bool english;            /* names from our own table */
    int first_day, min_days; /* of weeks */
};

enum { JD_ITEMS_MAX = 256, JD_OPEN_MAX = 16, JD_NAME_MAX = 160, JD_PATTERN_MAX = 512 };

struct jd_format {
    struct jd_item items[JD_ITEMS_MAX];
    size_t n;
    bool any_case; /* parsing ignores case (ISO and RFC formats) */
    struct jd_locale locale;
    char localized[JD_PATTERN_MAX]; /* memory of a style's pattern; items point into it */
};

/* javadate_pattern.c */
CDZ_MUST_USE cdz_rc cdz_jd_compile(cdz_str format, cdz_str locale, struct jd_format *ret,
                                   struct cdz_err *err);

/* javadate_name.c */
CDZ_MUST_USE cdz_rc cdz_jd_locale(cdz_str text, struct jd_locale *ret, struct cdz_err *err);
struct jd_names; /* opened once for each print or parse that needs names */
struct jd_names *cdz_jd_names_open(const struct jd_locale *locale);
void cdz_jd_names_close(struct jd_names *names);
/* The name of a field's value (Monday is 1, January 1, BC 0, AM 0, Q1 1); 0 when it has none. */
size_t cdz_jd_name(struct jd_names *names, const struct jd_item *item, int64_t value,
                   char ret[JD_NAME_MAX]);
/* What ICU prints for one of its pattern pieces ("zzzz", "B") at an instant in a zone. */
size_t cdz_jd_icu_piece(const struct jd_locale *locale, cdz_str zone, int64_t utc_s,
                        const char *pattern, char ret[JD_NAME_MAX]);
/* The pattern of a style (0 full .. 3 short). */
CDZ_MUST_USE cdz_rc cdz_jd_style_pattern(const struct jd_locale *locale, int style,
                                         char ret[JD_PATTERN_MAX], struct cdz_err *err);

/* javadate_week.c: weeks of a locale; the date is year and day of year, dow is ISO's. */
int cdz_jd_local_dow(const struct jd_locale *locale, int dow);
void cdz_jd_week(const struct jd_locale *locale, int64_t year, int day_of_year, int dow,
                 int64_t *ret_year, int *ret_week);
int cdz_jd_week_of_month(const struct jd_locale *locale, int day, int dow);
/* The day (since 1970) of a week date; dow is ISO's. */
int64_t cdz_jd_week_date(const struct jd_locale *locale, int64_t year, int64_t week, int dow);
extern const struct jd_locale cdz_jd_iso; /* ISO weeks: Monday, 4 days */

#endif
