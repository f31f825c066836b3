/* javadate_print.c -- dates to text by a compiled format; see javadate.h. */
#include "expr/javadate.h"

#include "base/time.h"
#include "expr/javadate_item.h"
#include "expr/zone.h"

/* A date with everything that an item may ask for. */
struct moment {
    const struct cdz_date *date;
    struct cdz_zone zone;
    int64_t utc_s, year, days; /* days: since 1970, of the wall clock */
    int month, day, day_of_year, dow;
    int second_of_day;
    struct jd_names *names; /* opened when the first name is needed */
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void moment_init(struct moment *m, const struct cdz_date *date)
{
    *m = (struct moment){.date = date, .zone = cdz_zone_of(date), .utc_s = date->seconds};
    int64_t local = date->seconds + date->offset_s;
    m->days = floor_div(local, 86400);
    m->second_of_day = (int)(local - m->days * 86400);
    cdz_civil_of(m->days, &m->year, &m->month, &m->day);
    m->day_of_year = (int)(m->days - cdz_days_of(m->year, 1, 1)) + 1;
    m->dow = (int)((m->days + 3) % 7);
    m->dow = (m->dow < 0 ? m->dow + 7 : m->dow) + 1;
}

static int64_t week_value(const struct moment *m, const struct jd_locale *locale, bool year)
{
    int64_t week_year;
    int week;
    cdz_jd_week(locale, m->year, m->day_of_year, m->dow, &week_year, &week);
    return year ? week_year : week;
}

static int64_t value_of(const struct moment *m, enum jd_field field, const struct jd_locale *locale)
{
    int hour = m->second_of_day / 3600;
    switch (field) {
    case JD_ERA:
        return m->year > 0;
    case JD_YEAR:
        return m->year;
    case JD_YEAR_OF_ERA:
        return m->year > 0 ? m->year : 1 - m->year;
    case JD_QUARTER:
        return (m->month + 2) / 3;
    case JD_MONTH:
        return m->month;
    case JD_DAY:
        return m->day;
    case JD_DAY_OF_YEAR:
        return m->day_of_year;
    case JD_DAY_OF_WEEK:
        return m->dow;
    case JD_LOCAL_DAY_OF_WEEK:
        return cdz_jd_local_dow(locale, m->dow);
    case JD_ALIGNED_WEEK:
        return (m->day - 1) / 7 + 1;
    case JD_WEEK_YEAR:
        return week_value(m, locale, true);
    case JD_WEEK:
        return week_value(m, locale, false);
    case JD_WEEK_OF_MONTH:
        return cdz_jd_week_of_month(locale, m->day, m->dow);
    case JD_ISO_WEEK_YEAR:
        return week_value(m, &cdz_jd_iso, true);
    case JD_ISO_WEEK:
        return week_value(m, &cdz_jd_iso, false);
    case JD_JULIAN:
        return m->days + 40587;
    case JD_AMPM:
        return hour >= 12;
    case JD_HOUR:
        return hour;
    case JD_HOUR_1_24:
        return hour == 0 ? 24 : hour;
    case JD_HOUR_0_11:
        return hour % 12;
    case JD_HOUR_1_12:
        return hour % 12 == 0 ? 12 : hour % 12;
    case JD_MINUTE:
        return m->second_of_day / 60 % 60;
    case JD_SECOND:
        return m->second_of_day % 60;
    case JD_NANO:
        return m->date->nanos;
    case JD_MILLI_OF_DAY:
        return (int64_t)m->second_of_day * 1000 + m->date->nanos / 1000000;
    case JD_NANO_OF_DAY:
        return (int64_t)m->second_of_day * 1000000000 + m->date->nanos;
    case JD_FIELD_COUNT:
        break;
    }
    return 0;
}

static cdz_rc number_print(struct cdz_buf *to, const struct jd_item *item, int64_t value,
                           struct cdz_err *err)
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%lld", (long long)(value < 0 ? -value : value));
    if (item->op == JD_REDUCED) {
        cdz_buf_printf(to, "%02d", (int)((value < 0 ? -value : value) % 100));
        return CDZ_OK;
    }
    if (n > item->max || (value < 0 && item->sign == JD_NOT_NEGATIVE))
        return cdz_fail(err, CDZ_E_INVALID,
                        "A field of the date cannot be printed as its value %lld has not %d digits",
                        (long long)value, item->max);
    if (value < 0)
        cdz_buf_c(to, '-');
    else if (item->sign == JD_EXCEEDS_PAD && n > item->min)
        cdz_buf_c(to, '+');
    for (int i = n; i < item->min; i++)
        cdz_buf_c(to, '0');
    cdz_buf_add(to, digits, (size_t)n);
    return CDZ_OK;
}

static void fraction_print(struct cdz_buf *to, const struct jd_item *item, int32_t nanos)
{
    char digits[16];
    int n = 9;
    snprintf(digits, sizeof(digits), "%09d", (int)nanos);
    while (n > item->min && (n > item->max || digits[n - 1] == '0'))
        n--;
    if (item->min == item->max)
        n = item->max;
    if (item->point && n > 0)
        cdz_buf_c(to, '.');
    cdz_buf_add(to, digits, (size_t)n);
}

static void offset_print(struct cdz_buf *to, const struct jd_item *item, int32_t offset_s)
{
    int all = offset_s < 0 ? -offset_s : offset_s, hours = all / 3600, minutes = all / 60 % 60,
        seconds = all % 60;
    const char *colon = item->style == JD_HH_MM || item->style == JD_HH_MM_ss ? ":" : "";
    bool with_seconds = (item->style == JD_HHMMss || item->style == JD_HH_MM_ss) && seconds > 0;
    if (hours + minutes + (with_seconds ? seconds : 0) == 0) {
        cdz_buf_str(to, item->text);
        return;
    }
    cdz_buf_printf(to, "%c%02d", offset_s < 0 ? '-' : '+', hours);
    if (item->style != JD_HHmm || minutes > 0)
        cdz_buf_printf(to, "%s%02d", colon, minutes);
    if (with_seconds)
        cdz_buf_printf(to, "%s%02d", colon, seconds);
}

static void gmt_print(struct cdz_buf *to, bool full, int32_t offset_s)
{
    int all = offset_s < 0 ? -offset_s : offset_s, minutes = all / 60 % 60, seconds = all % 60;
    cdz_buf_z(to, "GMT");
    if (all == 0)
        return;
    cdz_buf_printf(to, full ? "%c%02d" : "%c%d", offset_s < 0 ? '-' : '+', all / 3600);
    if (full || minutes || seconds)
        cdz_buf_printf(to, ":%02d", minutes);
    if (seconds)
        cdz_buf_printf(to, ":%02d", seconds);
}

static bool is_gmt(const char *name, size_t n)
{
    return n >= 3 && (memcmp(name, "GMT", 3) == 0 || memcmp(name, "UTC", 3) == 0);
}

/*
 * An instant at which ICU knows the zone's name: CLDR has none for the far past and future, where
 * Java goes on with today's. Then a winter or summer of 2024, whichever has the same daylight
 * saving time.
 */
static int64_t name_instant(const struct moment *m)
{
    static const int64_t winter = 1705276800, summer = 1721001600;
    bool dst, other;
    if (m->utc_s > 315532800 && m->utc_s < 4102444800) /* 1980 to 2100 */
        return m->utc_s;
    (void)cdz_zone_offset(&m->zone, m->utc_s, &dst);
    (void)cdz_zone_offset(&m->zone, summer, &other);
    return dst == other ? summer : winter;
}

/* The zone's name; a mere offset and "GMT+02:00" are their own names. */
static void zone_name_print(struct cdz_buf *to, const struct moment *m, const struct jd_item *item,
                            const struct jd_locale *locale)
{
    char name[JD_NAME_MAX];
    size_t n;
    bool full = item->max == 4;
    if (m->zone.id.n == 0 || (m->zone.fixed && m->zone.id.n > 3)) {
        cdz_zone_print(to, &m->zone);
        return;
    }
    const char *pattern = item->style == 'v' ? (full ? "vvvv" : "v") : full ? "zzzz" : "z";
    int64_t at = name_instant(m);
    n = cdz_jd_icu_piece(locale, m->zone.id, at, pattern, name);
    if (!full && is_gmt(name, n) && n > 3) { /* CLDR has no short name: the English one, as Java */
        char english[JD_NAME_MAX];
        struct jd_locale en = {.icu = "en_US", .english = true};
        size_t en_n = cdz_jd_icu_piece(&en, m->zone.id, at, "zzzz", english);
        const char *abbreviation = cdz_zone_short_name((cdz_str){english, en_n});
        if (abbreviation) {
            cdz_buf_z(to, abbreviation);
            return;
        }
    }
    if (n > 0)
        cdz_buf_add(to, name, n);
    else
        cdz_buf_str(to, m->zone.id);
}

static cdz_rc instant_print(struct cdz_buf *to, const struct moment *m, struct cdz_err *err)
{
    static const struct jd_item year = {
        .op = JD_NUMBER, .min = 4, .max = 10, .sign = JD_EXCEEDS_PAD};
    int64_t days = floor_div(m->utc_s, 86400), y;
    int second = (int)(m->utc_s - days * 86400), month, day, nanos = m->date->nanos;
    cdz_civil_of(days, &y, &month, &day);
    CDZ_TRY(number_print(to, &year, y, err));
    cdz_buf_printf(to, "-%02d-%02dT%02d:%02d:%02d", month, day, second / 3600, second / 60 % 60,
                   second % 60);
    if (nanos % 1000)
        cdz_buf_printf(to, ".%09d", nanos);
    else if (nanos % 1000000)
        cdz_buf_printf(to, ".%06d", nanos / 1000);
    else if (nanos)
        cdz_buf_printf(to, ".%03d", nanos / 1000000);
    cdz_buf_c(to, 'Z');
    return CDZ_OK;
}

static void name_print(struct cdz_buf *to, struct moment *m, const struct jd_item *item,
                       const struct jd_locale *locale)
{
    char name[JD_NAME_MAX];
    int64_t value = value_of(m, item->field, locale);
    if (!m->names)
        m->names = cdz_jd_names_open(locale);
    size_t n = cdz_jd_name(m->names, item, value, name);
    if (n > 0)
        cdz_buf_add(to, name, n);
    else
        cdz_buf_printf(to, "%lld", (long long)value);
}

/* "in the afternoon"; noon by name where the language has one, midnight in English (ICU never says
 * it). */
static void period_print(struct cdz_buf *to, const struct moment *m, int count,
                         const struct jd_locale *locale)
{
    char name[JD_NAME_MAX], half[JD_NAME_MAX];
    int64_t wall = m->utc_s + m->date->offset_s; /* read as UTC: the zone does not matter */
    size_t n = 0;
    if (m->second_of_day == 0 && locale->english) {
        cdz_buf_z(to, count == 5 ? "mi" : "midnight");
        return;
    }
    if (m->second_of_day == 43200) {
        n = cdz_jd_icu_piece(locale, CDZ_STR("UTC"), wall, &"bbbbb"[5 - count], name);
        size_t half_n = cdz_jd_icu_piece(locale, CDZ_STR("UTC"), wall, &"aaaaa"[5 - count], half);
        if (cdz_str_eq((cdz_str){name, n}, (cdz_str){half, half_n}))
            n = 0;
    }
    if (n == 0)
        n = cdz_jd_icu_piece(locale, CDZ_STR("UTC"), wall, &"BBBBB"[5 - count], name);
    cdz_buf_add(to, name, n);
}

/* *ret_left: the item has nothing to print, its optional section is left out. */
static cdz_rc item_print(struct cdz_buf *to, struct moment *m, const struct jd_item *item,
                         const struct jd_locale *locale, bool *ret_left, struct cdz_err *err)
{
    switch (item->op) {
    case JD_LITERAL:
        cdz_buf_str(to, item->text);
        break;
    case JD_NUMBER:
    case JD_REDUCED:
        return number_print(to, item, value_of(m, item->field, locale), err);
    case JD_FRACTION:
        fraction_print(to, item, m->date->nanos);
        break;
    case JD_TEXT:
        name_print(to, m, item, locale);
        break;
    case JD_OFFSET:
        offset_print(to, item, m->date->offset_s);
        break;
    case JD_GMT:
        gmt_print(to, item->style == JD_FULL, m->date->offset_s);
        break;
    case JD_ZONE_ID:
        *ret_left = item->region && m->zone.id.n == 0;
        if (!*ret_left)
            cdz_zone_print(to, &m->zone);
        break;
    case JD_ZONE_NAME:
        zone_name_print(to, m, item, locale);
        break;
    case JD_PERIOD:
        period_print(to, m, item->max, locale);
        break;
    case JD_INSTANT:
        return instant_print(to, m, err);
    case JD_PAD:
    case JD_OPEN:
    case JD_CLOSE:
        break; /* the loop's business */
    }
    return CDZ_OK;
}

/* Takes back what was printed behind `length`. */
static void cut(struct cdz_buf *to, size_t length)
{
    if (to->n > length) {
        to->n = length;
        to->p[length] = '\0';
    }
}

static cdz_rc pad(struct cdz_buf *to, size_t from, int width, struct cdz_err *err)
{
    char text[JD_NAME_MAX];
    size_t n = to->n - from, characters = 0;
    for (size_t at = from; at < to->n; characters++)
        cdz_utf8_next(cdz_buf_get(to), &at);
    if (characters > (size_t)width || n >= sizeof(text))
        return cdz_fail(err, CDZ_E_INVALID,
                        "Cannot print as output of %zu characters exceeds pad width of %d",
                        characters, width);
    memcpy(text, to->p + from, n);
    cut(to, from);
    for (size_t i = characters; i < (size_t)width; i++)
        cdz_buf_c(to, ' ');
    cdz_buf_add(to, text, n);
    return CDZ_OK;
}

static cdz_rc format_print(struct cdz_buf *to, struct moment *m, const struct jd_format *format,
                           struct cdz_err *err)
{
    struct {
        size_t end, length;
    } open[JD_OPEN_MAX + 1];
    size_t open_n = 0;
    for (size_t i = 0; i < format->n; i++) {
        const struct jd_item *item = &format->items[i];
        bool left = false;
        size_t from = to->n;
        int width = 0;
        if (item->op == JD_OPEN) {
            open[open_n].end = item->end;
            open[open_n++].length = to->n;
            continue;
        }
        if (item->op == JD_CLOSE) {
            open_n--;
            continue;
        }
        if (item->op == JD_PAD && i + 1 < format->n) {
            width = item->min;
            item = &format->items[++i];
        }
        CDZ_TRY(item_print(to, m, item, &format->locale, &left, err));
        if (left && open_n > 0) {
            open_n--;
            cut(to, open[open_n].length);
            i = open[open_n].end;
            continue;
        }
        if (width > 0)
            CDZ_TRY(pad(to, from, width, err));
    }
    return CDZ_OK;
}

cdz_rc cdz_javadate_format(struct cdz_buf *to, const struct cdz_date *date, cdz_str text,
                           cdz_str locale, struct cdz_err *err)
{
    struct jd_format format;
    struct moment m;
    CDZ_TRY(cdz_jd_compile(text, locale, &format, err));
    moment_init(&m, date);
    cdz_rc rc = format_print(to, &m, &format, err);
    cdz_jd_names_close(m.names);
    return rc;
}
