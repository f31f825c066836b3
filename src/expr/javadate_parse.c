/*
 * javadate_parse.c -- text to dates by a compiled format; see javadate.h.
 *
 * First the items read their fields, as java.time's "strict" style does (digits exactly as many as
 * the pattern says), then the fields are resolved to a date, a time and a zone ("smart": the 31st
 * of a shorter month is its last day, 24:00 is the next day). A field that is told twice must say
 * the same.
 */
#include "expr/javadate.h"

#include "base/time.h"
#include "expr/javadate_item.h"
#include "expr/zone.h"

struct fields {
    int64_t value[JD_FIELD_COUNT];
    bool told[JD_FIELD_COUNT];
    bool has_offset, has_zone, has_instant;
    int32_t offset_s;
    struct cdz_zone zone;
    int64_t instant_s;
};

struct parser {
    const struct jd_format *format;
    cdz_str text;
    struct fields got;
    size_t error_at; /* the furthest place that was refused */
    struct jd_names *names;
};

static bool refuse(struct parser *p, size_t at)
{
    if (at > p->error_at)
        p->error_at = at;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool tell(struct fields *got, enum jd_field field, int64_t value)
{
    if (got->told[field])
        return got->value[field] == value;
    got->told[field] = true;
    got->value[field] = value;
    return true;
}

static size_t digits_at(cdz_str s, size_t at, size_t most)
{
    size_t n = 0;
    while (at + n < s.n && n < most && is_digit(s.p[at + n]))
        n++;
    return n;
}

/* Signs as java.time's SignStyle allows them in strict parsing. */
static bool sign_ok(const struct jd_item *item, char sign)
{
    if (item->sign == JD_EXCEEDS_PAD)
        return true;
    return item->sign == JD_NORMAL && sign == '-';
}

static bool number_parse(struct parser *p, const struct jd_item *item, size_t *at)
{
    cdz_str s = p->text;
    size_t from = *at, n,
           most = (size_t)item->max + (size_t)(item->following > 0 ? item->following : 0);
    bool minus = false, plus = false;
    int64_t value = 0;
    if (from < s.n && (s.p[from] == '-' || s.p[from] == '+')) {
        if (!sign_ok(item, s.p[from]))
            return refuse(p, from);
        minus = s.p[from] == '-';
        plus = !minus;
        from++;
    }
    n = digits_at(s, from, most);
    if (item->following > 0) { /* leave the neighbours theirs */
        size_t own = n > (size_t)item->following ? n - (size_t)item->following : 0;
        n = own > (size_t)item->min ? own : n < (size_t)item->min ? n : (size_t)item->min;
    }
    if (n < (size_t)item->min)
        return refuse(p, *at);
    for (size_t i = 0; i < n; i++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, s.p[from + i] - '0', &value))
            return refuse(p, *at);
    }
    if (minus && value == 0)
        return refuse(p, *at);
    if (!minus && item->sign == JD_EXCEEDS_PAD &&
        plus != (n > (size_t)item->min)) /* a sign iff it is longer */
        return refuse(p, *at);
    if (item->op == JD_REDUCED)
        value += 2000;
    if (!tell(&p->got, item->field, minus ? -value : value))
        return refuse(p, *at);
    *at = from + n;
    return true;
}

static bool fraction_parse(struct parser *p, const struct jd_item *item, size_t *at)
{
    size_t from = *at, n;
    int64_t nanos = 0;
    if (item->point) {
        if (from >= p->text.n || p->text.p[from] != '.')
            return item->min > 0 ? refuse(p, from) : true;
        from++;
    }
    n = digits_at(p->text, from, (size_t)item->max);
    if (n < (size_t)item->min)
        return refuse(p, from);
    for (size_t i = 0; i < 9; i++)
        nanos = nanos * 10 + (i < n ? p->text.p[from + i] - '0' : 0);
    if (!tell(&p->got, JD_NANO, nanos))
        return refuse(p, *at);
    *at = from + n;
    return true;
}

static bool starts_with(const struct parser *p, size_t at, cdz_str s)
{
    cdz_str part = cdz_str_sub(p->text, at, at + s.n);
    return p->format->any_case ? cdz_str_ieq(part, s) : cdz_str_eq(part, s);
}

/* The longest name that stands there. */
static bool name_parse(struct parser *p, const struct jd_item *item, size_t *at)
{
    static const struct {
        int first, last;
    } range[JD_FIELD_COUNT] = {
        [JD_ERA] = {0, 1},         [JD_QUARTER] = {1, 4}, [JD_MONTH] = {1, 12},
        [JD_DAY_OF_WEEK] = {1, 7}, [JD_AMPM] = {0, 1},
    };
    char name[JD_NAME_MAX];
    size_t best = 0;
    int value = 0;
    if (!p->names)
        p->names = cdz_jd_names_open(&p->format->locale);
    for (int i = range[item->field].first; i <= range[item->field].last; i++) {
        size_t n = cdz_jd_name(p->names, item, i, name);
        if (n > best && starts_with(p, *at, (cdz_str){name, n})) {
            best = n;
            value = i;
        }
    }
    if (best == 0 || !tell(&p->got, item->field, value))
        return refuse(p, *at);
    *at += best;
    return true;
}

/* The two digits at `at`, or -1. */
static int pair_at(cdz_str s, size_t at)
{
    return digits_at(s, at, 2) == 2 ? (s.p[at] - '0') * 10 + s.p[at + 1] - '0' : -1;
}

static bool offset_told(struct parser *p, size_t at, int sign, int hours, int minutes, int seconds)
{
    int32_t offset = sign * (hours * 3600 + minutes * 60 + seconds);
    if (hours > 18 || minutes > 59 || seconds > 59 ||
        (p->got.has_offset && p->got.offset_s != offset))
        return refuse(p, at);
    p->got.has_offset = true;
    p->got.offset_s = offset;
    return true;
}

static bool offset_parse(struct parser *p, const struct jd_item *item, size_t *at)
{
    cdz_str s = p->text;
    bool colon = item->style == JD_HH_MM || item->style == JD_HH_MM_ss;
    bool with_seconds = item->style == JD_HHMMss || item->style == JD_HH_MM_ss;
    size_t from = *at;
    int hours, minutes, seconds = -1;
    if (starts_with(p, from, item->text)) { /* Z, GMT; "+00" too, unless more digits follow */
        if (item->text.p[0] != '+') {
            *at += item->text.n;
            return offset_told(p, from, 1, 0, 0, 0);
        }
    }
    if (from >= s.n || (s.p[from] != '+' && s.p[from] != '-'))
        return refuse(p, from);
    int sign = s.p[from++] == '-' ? -1 : 1;
    hours = pair_at(s, from);
    if (hours < 0)
        return refuse(p, *at);
    from += 2;
    minutes = colon && (from >= s.n || s.p[from] != ':') ? -1 : pair_at(s, from + colon);
    if (minutes < 0 && item->style != JD_HHmm)
        return refuse(p, *at);
    if (minutes >= 0)
        from += 2 + colon;
    if (with_seconds && !(colon && (from >= s.n || s.p[from] != ':')))
        seconds = pair_at(s, from + colon);
    if (seconds >= 0)
        from += 2 + colon;
    if (!offset_told(p, *at, sign, hours, minutes < 0 ? 0 : minutes, seconds < 0 ? 0 : seconds))
        return false;
    *at = from;
    return true;
}

static bool gmt_parse(struct parser *p, const struct jd_item *item, size_t *at)
{
    cdz_str s = p->text;
    size_t from = *at, n;
    int hours = 0, minutes = 0;
    if (!starts_with(p, from, CDZ_STR("GMT")))
        return refuse(p, from);
    from += 3;
    if (from >= s.n || (s.p[from] != '+' && s.p[from] != '-')) {
        *at = from;
        return offset_told(p, from, 1, 0, 0, 0);
    }
    int sign = s.p[from++] == '-' ? -1 : 1;
    n = digits_at(s, from, 2);
    if (n == 0 || (item->style == JD_FULL && n < 2))
        return refuse(p, from);
    for (size_t i = 0; i < n; i++)
        hours = hours * 10 + s.p[from + i] - '0';
    from += n;
    if (from < s.n && s.p[from] == ':') {
        minutes = pair_at(s, from + 1);
        if (minutes < 0)
            return refuse(p, from);
        from += 3;
    }
    *at = from;
    return offset_told(p, from, sign, hours, minutes, 0);
}

static bool is_zone_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("/_+-:.~", c);
}

/* The zones that people mean by a short name; the US ones are Java's choice too. */
static const struct {
    const char *name, *region;
} zone_names[] = {
    {"PST", "America/Los_Angeles"}, {"PDT", "America/Los_Angeles"}, {"MST", "America/Denver"},
    {"MDT", "America/Denver"},      {"CST", "America/Chicago"},     {"CDT", "America/Chicago"},
    {"EST", "America/New_York"},    {"EDT", "America/New_York"},    {"CET", "Europe/Paris"},
    {"CEST", "Europe/Paris"},       {"EET", "Europe/Bucharest"},    {"EEST", "Europe/Bucharest"},
    {"WET", "Europe/Lisbon"},       {"WEST", "Europe/Lisbon"},      {"BST", "Europe/London"},
    {"JST", "Asia/Tokyo"},          {"IST", "Asia/Calcutta"},       {"MSK", "Europe/Moscow"},
    {"AEST", "Australia/Sydney"},   {"AEDT", "Australia/Sydney"},   {"KST", "Asia/Seoul"},
};

static bool zone_parse(struct parser *p, const struct jd_item *item, size_t *at)
{
    struct cdz_err ignored;
    size_t end = *at;
    while (end < p->text.n && end - *at < 64 && is_zone_char(p->text.p[end]))
        end++;
    cdz_str id = cdz_str_sub(p->text, *at, end);
    for (; id.n > 0; id.n--) { /* the longest that is a zone: "UTC-" may be followed by a literal */
        cdz_str region = id;
        for (size_t i = 0; item->op == JD_ZONE_NAME && i < CDZ_COUNT(zone_names); i++) {
            if (cdz_str_is(id, zone_names[i].name))
                region = cdz_str_z(zone_names[i].region);
        }
        if (cdz_zone_parse(region, &p->got.zone, &ignored) != CDZ_OK)
            continue;
        p->got.has_zone = true;
        *at += id.n;
        return true;
    }
    return refuse(p, *at);
}

static bool instant_parse(struct parser *p, size_t *at)
{
    struct cdz_date date;
    if (!cdz_iso_parse(cdz_str_sub(p->text, *at, p->text.n), &date) ||
        (date.type != CDZ_ZONED && date.type != CDZ_OFFSET && date.type != CDZ_INSTANT))
        return refuse(p, *at);
    p->got.has_instant = true;
    p->got.instant_s = date.seconds;
    *at = p->text.n;
    return tell(&p->got, JD_NANO, date.nanos);
}

static bool item_parse(struct parser *p, const struct jd_item *item, size_t *at)
{
    switch (item->op) {
    case JD_LITERAL:
        if (!starts_with(p, *at, item->text))
            return refuse(p, *at);
        *at += item->text.n;
        return true;
    case JD_NUMBER:
    case JD_REDUCED:
        return number_parse(p, item, at);
    case JD_FRACTION:
        return fraction_parse(p, item, at);
    case JD_TEXT:
        return name_parse(p, item, at);
    case JD_OFFSET:
        return offset_parse(p, item, at);
    case JD_GMT:
        return gmt_parse(p, item, at);
    case JD_ZONE_ID:
    case JD_ZONE_NAME:
        return zone_parse(p, item, at);
    case JD_INSTANT:
        return instant_parse(p, at);
    case JD_PERIOD: /* has no exact meaning */
    default:
        return refuse(p, *at);
    }
}

/* The items [from, to); recursion: at most JD_OPEN_MAX deep, one level a section. */
static bool items_parse(struct parser *p, size_t from, size_t to, size_t *at)
{
    for (size_t i = from; i < to; i++) {
        const struct jd_item *item = &p->format->items[i];
        if (item->op == JD_OPEN) {
            struct fields before = p->got;
            size_t start = *at;
            if (!items_parse(p, i + 1, item->end, at)) {
                p->got = before;
                *at = start;
            }
            i = item->end;
            continue;
        }
        if (item->op == JD_PAD &&
            i + 1 < to) { /* blanks and the next item, together exactly so wide */
            size_t end = *at + (size_t)item->min;
            while (*at < p->text.n && p->text.p[*at] == ' ' && *at < end)
                ++*at;
            if (!item_parse(p, &p->format->items[++i], at))
                return false;
            if (*at != end)
                return refuse(p, *at);
            continue;
        }
        if (!item_parse(p, item, at))
            return false;
    }
    return true;
}

/* ---- resolving ---- */

static bool in_range(const struct fields *f, enum jd_field field, int64_t least, int64_t most)
{
    return !f->told[field] || (f->value[field] >= least && f->value[field] <= most);
}

static bool ranges_ok(const struct fields *f)
{
    static const struct {
        enum jd_field field;
        int64_t least, most;
    } ranges[] = {
        {JD_YEAR, -999999, 999999},
        {JD_YEAR_OF_ERA, 1, 999999},
        {JD_WEEK_YEAR, -999999, 999999},
        {JD_ISO_WEEK_YEAR, -999999, 999999},
        {JD_QUARTER, 1, 4},
        {JD_MONTH, 1, 12},
        {JD_DAY, 1, 31},
        {JD_DAY_OF_YEAR, 1, 366},
        {JD_DAY_OF_WEEK, 1, 7},
        {JD_LOCAL_DAY_OF_WEEK, 1, 7},
        {JD_WEEK, 1, 53},
        {JD_ISO_WEEK, 1, 53},
        {JD_JULIAN, -300000000, 300000000},
        {JD_HOUR, 0, 24},
        {JD_HOUR_1_24, 1, 24},
        {JD_HOUR_0_11, 0, 11},
        {JD_HOUR_1_12, 1, 12},
        {JD_MINUTE, 0, 59},
        {JD_SECOND, 0, 59},
        {JD_NANO, 0, 999999999},
        {JD_MILLI_OF_DAY, 0, 86399999},
        {JD_NANO_OF_DAY, 0, 86399999999999},
    };
    for (size_t i = 0; i < CDZ_COUNT(ranges); i++) {
        if (!in_range(f, ranges[i].field, ranges[i].least, ranges[i].most))
            return false;
    }
    return true;
}

static bool week_resolve(const struct jd_locale *locale, struct fields *f, enum jd_field year,
                         enum jd_field week, int64_t *ret_days)
{
    int dow;
    if (!f->told[year] || !f->told[week])
        return false;
    if (f->told[JD_DAY_OF_WEEK])
        dow = (int)f->value[JD_DAY_OF_WEEK];
    else if (f->told[JD_LOCAL_DAY_OF_WEEK])
        dow = (int)((f->value[JD_LOCAL_DAY_OF_WEEK] - 1 + locale->first_day - 1) % 7) + 1;
    else
        return false;
    *ret_days = cdz_jd_week_date(locale, f->value[year], f->value[week], dow);
    return true;
}

/* Days since 1970, from whatever fields tell a day. */
static bool date_resolve(const struct jd_locale *locale, struct fields *f, int64_t *ret_days)
{
    int64_t year = f->value[JD_YEAR];
    bool has_year = f->told[JD_YEAR];
    if (!has_year && f->told[JD_YEAR_OF_ERA]) {
        has_year = true;
        year = f->value[JD_YEAR_OF_ERA];
        if (f->told[JD_ERA] && f->value[JD_ERA] == 0)
            year = 1 - year;
    }
    if (f->told[JD_JULIAN]) {
        *ret_days = f->value[JD_JULIAN] - 40587;
    } else if (has_year && f->told[JD_MONTH] && f->told[JD_DAY]) {
        int month = (int)f->value[JD_MONTH], last = cdz_month_days(year, month),
            day = (int)f->value[JD_DAY];
        *ret_days = cdz_days_of(year, month, day > last ? last : day);
    } else if (has_year && f->told[JD_DAY_OF_YEAR]) {
        if (f->value[JD_DAY_OF_YEAR] == 366 && cdz_month_days(year, 2) != 29)
            return false;
        *ret_days = cdz_days_of(year, 1, 1) + f->value[JD_DAY_OF_YEAR] - 1;
    } else if (!week_resolve(&cdz_jd_iso, f, JD_ISO_WEEK_YEAR, JD_ISO_WEEK, ret_days) &&
               !week_resolve(locale, f, JD_WEEK_YEAR, JD_WEEK, ret_days)) {
        return false;
    }
    int dow = (int)((*ret_days + 3) % 7);
    dow = (dow < 0 ? dow + 7 : dow) + 1;
    return !f->told[JD_DAY_OF_WEEK] || f->value[JD_DAY_OF_WEEK] == dow; /* "Monday" on a Tuesday */
}

static bool hour_resolve(const struct fields *f, int64_t *ret)
{
    if (f->told[JD_HOUR])
        *ret = f->value[JD_HOUR];
    else if (f->told[JD_HOUR_1_24])
        *ret = f->value[JD_HOUR_1_24] % 24;
    else if (f->told[JD_AMPM] && f->told[JD_HOUR_1_12])
        *ret = f->value[JD_HOUR_1_12] % 12 + 12 * f->value[JD_AMPM];
    else if (f->told[JD_AMPM] && f->told[JD_HOUR_0_11])
        *ret = f->value[JD_HOUR_0_11] + 12 * f->value[JD_AMPM];
    else
        return false;
    return true;
}

/* Nanoseconds of the day; minutes and smaller may be missing from the right. False: no time, or
 * (*ret_wrong) 24:01. */
static bool time_resolve(const struct fields *f, int64_t *ret, bool *ret_wrong)
{
    int64_t hour, rest;
    *ret_wrong = false;
    if (f->told[JD_NANO_OF_DAY]) {
        *ret = f->value[JD_NANO_OF_DAY];
        return true;
    }
    if (f->told[JD_MILLI_OF_DAY]) {
        *ret = f->value[JD_MILLI_OF_DAY] * 1000000 + f->value[JD_NANO] % 1000000;
        return true;
    }
    if (!hour_resolve(f, &hour) ||
        (!f->told[JD_MINUTE] && (f->told[JD_SECOND] || f->told[JD_NANO])) ||
        (!f->told[JD_SECOND] && f->told[JD_NANO]))
        return false;
    rest = (f->value[JD_MINUTE] * 60 + f->value[JD_SECOND]) * 1000000000 + f->value[JD_NANO];
    *ret_wrong = hour == 24 && rest != 0;
    *ret = hour * 3600 * 1000000000 + rest;
    return !*ret_wrong;
}

static bool resolve(struct parser *p, struct cdz_date *ret)
{
    struct fields *f = &p->got;
    int64_t days, nanos = 0;
    struct cdz_zone zone = f->zone, utc = {.id = CDZ_STR("UTC"), .fixed = true};
    if (!ranges_ok(f))
        return false;
    if (f->has_instant) {
        *ret = cdz_zoned_at(&utc, f->instant_s, (int32_t)f->value[JD_NANO]);
        return true;
    }
    if (!date_resolve(&p->format->locale, f, &days))
        return false;
    bool wrong, has_time = time_resolve(f, &nanos, &wrong);
    if (wrong)
        return false;
    int64_t local = days * 86400 + nanos / 1000000000;
    int32_t fraction = (int32_t)(nanos % 1000000000);
    if (!has_time) {
        *ret = (struct cdz_date){.type = CDZ_LOCAL_DATE, .seconds = days * 86400};
    } else if (!f->has_offset && !f->has_zone) {
        *ret = (struct cdz_date){.type = CDZ_LOCAL_DATETIME, .seconds = local, .nanos = fraction};
    } else if (f->has_offset) { /* the offset tells the instant, the zone how it is shown */
        if (!f->has_zone)
            zone = (struct cdz_zone){.fixed = true, .offset_s = f->offset_s};
        *ret = cdz_zoned_at(&zone, local - f->offset_s, fraction);
    } else {
        *ret = cdz_zoned_local(&zone, local, fraction);
    }
    return true;
}

cdz_rc cdz_javadate_parse(cdz_str text, cdz_str format_text, cdz_str locale, struct cdz_date *ret,
                          struct cdz_err *err)
{
    struct jd_format format;
    struct parser p = {.format = &format, .text = text};
    size_t at = 0;
    CDZ_TRY(cdz_jd_compile(format_text, locale, &format, err));
    bool ok = items_parse(&p, 0, format.n, &at);
    cdz_jd_names_close(p.names);
    if (!ok)
        return cdz_fail(err, CDZ_E_INVALID, "Text '%.*s' could not be parsed at index %zu",
                        CDZ_S(text), p.error_at);
    if (at < text.n)
        return cdz_fail(err, CDZ_E_INVALID,
                        "Text '%.*s' could not be parsed, unparsed text found at index %zu",
                        CDZ_S(text), at);
    if (!resolve(&p, ret))
        return cdz_fail(err, CDZ_E_INVALID,
                        "Text '%.*s' could not be parsed: its fields tell no date", CDZ_S(text));
    return CDZ_OK;
}
