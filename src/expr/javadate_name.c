/*
 * javadate_name.c -- what a locale brings to dates: names of months, days and eras, the localized
 * styles, zone names. English comes from the tables here, everything else from ICU.
 */
#include "expr/javadate_item.h"

#include <unicode/ucal.h>
#include <unicode/udat.h>
#include <unicode/ustring.h>

struct jd_names {
    bool english;
    UDateFormat *icu; /* for the others */
};

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                   "Friday", "Saturday", "Sunday"};
static const char *const eras[][2] = {{"BC", "AD"}, {"Before Christ", "Anno Domini"}, {"B", "A"}};
static const char *const quarters[] = {"1st quarter", "2nd quarter", "3rd quarter", "4th quarter"};

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_alnum(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* "fr", "fr_FR", "fr-FR", "zh_TW_variant": a language, then parts of letters and digits. */
static bool locale_ok(cdz_str s, bool *ret_region)
{
    size_t i = 0, start;
    *ret_region = false;
    while (i < s.n && is_lower(s.p[i]))
        i++;
    if (i < 2 || i > 3)
        return false;
    while (i < s.n) {
        if (s.p[i] != '_' && s.p[i] != '-')
            return false;
        start = ++i;
        while (i < s.n && is_alnum(s.p[i]))
            i++;
        if (i == start || i - start > 8)
            return false;
        if (i - start == 2 || (i - start == 3 && s.p[start] >= '0' && s.p[start] <= '9'))
            *ret_region = true;
    }
    return true;
}

cdz_rc cdz_jd_locale(cdz_str s, struct jd_locale *ret, struct cdz_err *err)
{
    struct jd_locale locale = {.icu = "en", .english = true, .first_day = 7, .min_days = 1};
    UErrorCode status = U_ZERO_ERROR;
    bool region;
    if (s.n == 0) {
        *ret = locale;
        return CDZ_OK;
    }
    if (s.n >= sizeof(locale.icu) || !locale_ok(s, &region))
        return cdz_fail(err, CDZ_E_INVALID, "Invalid locale format: %.*s", CDZ_S(s));
    for (size_t i = 0; i < s.n; i++)
        locale.icu[i] = s.p[i] == '-' ? '_' : s.p[i];
    locale.icu[s.n] = '\0';
    locale.english =
        cdz_str_is(s, "en") || cdz_str_is(cdz_str_sub(cdz_str_z(locale.icu), 0, 5), "en_US");
    /* Java knows no week rules for a language alone: they are the root's, Sunday and 1, even for
     * "fr". */
    if (region) {
        UCalendar *calendar = ucal_open(NULL, 0, locale.icu, UCAL_GREGORIAN, &status);
        if (U_SUCCESS(status)) {
            int first = ucal_getAttribute(calendar, UCAL_FIRST_DAY_OF_WEEK); /* 1: Sunday */
            locale.first_day = first == UCAL_SUNDAY ? 7 : first - 1;
            locale.min_days = ucal_getAttribute(calendar, UCAL_MINIMAL_DAYS_IN_FIRST_WEEK);
        }
        ucal_close(calendar);
    }
    *ret = locale;
    return CDZ_OK;
}

struct jd_names *cdz_jd_names_open(const struct jd_locale *locale)
{
    static const UChar utc[] = {'U', 'T', 'C', 0};
    UErrorCode status = U_ZERO_ERROR;
    struct jd_names *names = calloc(1, sizeof(*names));
    if (!names)
        abort();
    names->english = locale->english;
    if (!names->english)
        names->icu = udat_open(UDAT_LONG, UDAT_LONG, locale->icu, utc, 3, NULL, 0, &status);
    if (!names->icu)
        names->english = true;
    return names;
}

void cdz_jd_names_close(struct jd_names *names)
{
    if (names) {
        if (names->icu)
            udat_close(names->icu);
        free(names);
    }
}

static size_t copy(char ret[JD_NAME_MAX], const char *s, size_t n)
{
    if (n >= JD_NAME_MAX)
        n = JD_NAME_MAX - 1;
    memcpy(ret, s, n);
    ret[n] = '\0';
    return n;
}

static size_t english_name(const struct jd_item *item, int64_t value, char ret[JD_NAME_MAX])
{
    const char *name = NULL;
    size_t n;
    switch (item->field) {
    case JD_MONTH:
        name = months[value - 1];
        break;
    case JD_DAY_OF_WEEK:
        name = days[value - 1];
        break;
    case JD_AMPM:
        return copy(ret, value ? "PM" : "AM", 2);
    case JD_ERA:
        name = eras[item->style][value];
        return copy(ret, name, strlen(name));
    default: /* JD_QUARTER */
        if (item->style == JD_FULL)
            return copy(ret, quarters[value - 1], strlen(quarters[value - 1]));
        return (size_t)snprintf(ret, JD_NAME_MAX, item->style == JD_SHORT ? "Q%d" : "%d",
                                (int)value);
    }
    n = strlen(name);
    return copy(ret, name, item->style == JD_FULL || n < 3 ? n : item->style == JD_SHORT ? 3 : 1);
}

/* ICU's set of names and the index in it. */
static UDateFormatSymbolType symbols_of(const struct jd_item *item, int64_t value,
                                        int32_t *ret_index)
{
    static const UDateFormatSymbolType month[2][3] = {
        {UDAT_SHORT_MONTHS, UDAT_MONTHS, UDAT_NARROW_MONTHS},
        {UDAT_STANDALONE_SHORT_MONTHS, UDAT_STANDALONE_MONTHS, UDAT_STANDALONE_NARROW_MONTHS},
    };
    static const UDateFormatSymbolType day[2][3] = {
        {UDAT_SHORT_WEEKDAYS, UDAT_WEEKDAYS, UDAT_NARROW_WEEKDAYS},
        {UDAT_STANDALONE_SHORT_WEEKDAYS, UDAT_STANDALONE_WEEKDAYS, UDAT_STANDALONE_NARROW_WEEKDAYS},
    };
    static const UDateFormatSymbolType quarter[2][3] = {
        {UDAT_SHORT_QUARTERS, UDAT_QUARTERS, UDAT_NARROW_QUARTERS},
        {UDAT_STANDALONE_SHORT_QUARTERS, UDAT_STANDALONE_QUARTERS, UDAT_STANDALONE_NARROW_QUARTERS},
    };
    switch (item->field) {
    case JD_MONTH:
        *ret_index = (int32_t)value - 1;
        return month[item->standalone][item->style];
    case JD_DAY_OF_WEEK:
        *ret_index = value == 7 ? 1 : (int32_t)value + 1; /* ICU: Sunday is 1 */
        return day[item->standalone][item->style];
    case JD_AMPM:
        *ret_index = (int32_t)value;
        return UDAT_AM_PMS;
    case JD_ERA:
        *ret_index = (int32_t)value;
        return item->style == JD_FULL ? UDAT_ERA_NAMES : UDAT_ERAS;
    default:
        *ret_index = (int32_t)value - 1;
        return quarter[item->standalone][item->style];
    }
}

static size_t narrow_copy(char ret[JD_NAME_MAX], const UChar *wide, int32_t n)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t bytes = 0;
    u_strToUTF8(ret, JD_NAME_MAX, &bytes, wide, n, &status);
    return U_SUCCESS(status) && bytes > 0 && bytes < JD_NAME_MAX ? (size_t)bytes : 0;
}

size_t cdz_jd_name(struct jd_names *names, const struct jd_item *item, int64_t value,
                   char ret[JD_NAME_MAX])
{
    UErrorCode status = U_ZERO_ERROR;
    UChar wide[JD_NAME_MAX];
    int32_t index;
    if (names->english)
        return english_name(item, value, ret);
    UDateFormatSymbolType type = symbols_of(item, value, &index);
    int32_t n = udat_getSymbols(names->icu, type, index, wide, JD_NAME_MAX, &status);
    return U_SUCCESS(status) && n > 0 && n < JD_NAME_MAX ? narrow_copy(ret, wide, n) : 0;
}

size_t cdz_jd_icu_piece(const struct jd_locale *locale, cdz_str zone, int64_t utc_s,
                        const char *pattern, char ret[JD_NAME_MAX])
{
    UErrorCode status = U_ZERO_ERROR;
    UChar wide_zone[64], wide_pattern[16], wide[JD_NAME_MAX];
    int32_t n = 0;
    if (zone.n >= CDZ_COUNT(wide_zone))
        return 0;
    for (size_t i = 0; i < zone.n; i++)
        wide_zone[i] = (unsigned char)zone.p[i];
    u_uastrncpy(wide_pattern, pattern, CDZ_COUNT(wide_pattern));
    UDateFormat *format = udat_open(UDAT_PATTERN, UDAT_PATTERN, locale->icu, wide_zone,
                                    (int32_t)zone.n, wide_pattern, -1, &status);
    if (U_SUCCESS(status))
        n = udat_format(format, (double)utc_s * 1000, wide, JD_NAME_MAX, NULL, &status);
    if (format)
        udat_close(format);
    return U_SUCCESS(status) && n > 0 && n < JD_NAME_MAX ? narrow_copy(ret, wide, n) : 0;
}

cdz_rc cdz_jd_style_pattern(const struct jd_locale *locale, int style, char ret[JD_PATTERN_MAX],
                            struct cdz_err *err)
{
    static const UDateFormatStyle styles[] = {UDAT_FULL, UDAT_LONG, UDAT_MEDIUM, UDAT_SHORT};
    UErrorCode status = U_ZERO_ERROR;
    UChar wide[JD_PATTERN_MAX];
    int32_t n = 0, bytes = 0;
    UDateFormat *format =
        udat_open(styles[style], styles[style], locale->icu, NULL, 0, NULL, 0, &status);
    if (U_SUCCESS(status))
        n = udat_toPattern(format, false, wide, JD_PATTERN_MAX, &status);
    if (format)
        udat_close(format);
    u_strToUTF8(ret, JD_PATTERN_MAX, &bytes, wide, n, &status);
    if (U_FAILURE(status) || bytes >= JD_PATTERN_MAX)
        return cdz_fail(err, CDZ_E_INTERNAL, "no localized date style for %s (%s)", locale->icu,
                        u_errorName(status));
    return CDZ_OK;
}
