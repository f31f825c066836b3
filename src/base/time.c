#include "base/time.h"

#include <assert.h>

cdz_us cdz_now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (cdz_us)ts.tv_sec * CDZ_SECOND + ts.tv_nsec / 1000;
}

cdz_us cdz_mono_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (cdz_us)ts.tv_sec * CDZ_SECOND + ts.tv_nsec / 1000;
}

/* Days and civil dates: the era arithmetic of Howard Hinnant's public "chrono-compatible date
 * algorithms". */
int64_t cdz_days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

void cdz_civil_of(int64_t z, int64_t *year, int *month, int *day)
{
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

int cdz_month_days(int64_t y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return m == 2 && leap ? 29 : days[m - 1];
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void put_number(char *to, int v, int digits)
{
    for (int i = digits; i-- > 0; v /= 10)
        to[i] = (char)('0' + v % 10);
}

cdz_str cdz_instant_print(cdz_us at, char ret[CDZ_INSTANT_TEXT])
{
    int64_t seconds = floor_div(at, CDZ_SECOND), year;
    int us = (int)(at % CDZ_SECOND), month, day;
    int64_t days = floor_div(seconds, 86400);
    int of_day = (int)(seconds - days * 86400);
    us += us < 0 ? (int)CDZ_SECOND : 0;
    cdz_civil_of(days, &year, &month, &day);
    int n =
        year >= 0 && year <= 9999 ? 4 : snprintf(ret, CDZ_INSTANT_TEXT, "%04lld", (long long)year);
    if (n == 4 && year >= 0)
        put_number(ret, (int)year, 4);
    const int parts[] = {month, day, of_day / 3600, of_day / 60 % 60, of_day % 60};
    for (int i = 0; i < 5; i++) { /* by hand: every document holds dozens of these */
        ret[n] = "--T::"[i];
        put_number(ret + n + 1, parts[i], 2);
        n += 3;
    }
    if (us) {
        int places = us % 1000 ? 6 : 3;
        ret[n] = '.';
        put_number(ret + n + 1, places == 6 ? us : us / 1000, places);
        n += places + 1;
    }
    ret[n++] = 'Z';
    ret[n] = 0;
    return (cdz_str){ret, (size_t)n};
}

/* A cursor over text; every reader below says whether it matched and moves only then. */
struct scan {
    const char *p, *end;
};

static bool digits(struct scan *s, int least, int most, int64_t *ret)
{
    int64_t v = 0;
    int n = 0;
    while (n < most && s->p + n < s->end && s->p[n] >= '0' && s->p[n] <= '9') {
        v = v * 10 + (s->p[n] - '0');
        n++;
    }
    if (n < least)
        return false;
    s->p += n;
    *ret = v;
    return true;
}

static bool one(struct scan *s, char c)
{
    if (s->p < s->end && *s->p == c) {
        s->p++;
        return true;
    }
    return false;
}

static bool fraction(struct scan *s, int32_t *nanos)
{
    int64_t v = 0;
    int n = 0;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9' && n < 9) {
        v = v * 10 + (*s->p++ - '0');
        n++;
    }
    if (n == 0)
        return false;
    for (; n < 9; n++)
        v *= 10;
    *nanos = (int32_t)v;
    return true;
}

static bool date_part(struct scan *s, int64_t *days)
{
    int64_t y, m, d;
    bool negative = one(s, '-'), plus = !negative && one(s, '+');
    if (!digits(s, 4, negative || plus ? 9 : 4, &y) || !one(s, '-') || !digits(s, 2, 2, &m) ||
        !one(s, '-') || !digits(s, 2, 2, &d))
        return false;
    if (negative)
        y = -y;
    if (m < 1 || m > 12 || d < 1 || d > cdz_month_days(y, (int)m))
        return false;
    *days = cdz_days_of(y, (int)m, (int)d);
    return true;
}

static bool time_part(struct scan *s, int64_t *seconds, int32_t *nanos)
{
    int64_t h, m, sec = 0;
    *nanos = 0;
    if (!digits(s, 2, 2, &h) || !one(s, ':') || !digits(s, 2, 2, &m) || h > 23 || m > 59)
        return false;
    if (one(s, ':')) {
        if (!digits(s, 2, 2, &sec) || sec > 59)
            return false;
        if (s->p < s->end && *s->p == '.') {
            s->p++;
            if (!fraction(s, nanos))
                return false;
        }
    }
    *seconds = h * 3600 + m * 60 + sec;
    return true;
}

static bool offset_part(struct scan *s, int32_t *offset)
{
    int64_t h, m = 0, sec = 0;
    if (one(s, 'Z') || one(s, 'z')) {
        *offset = 0;
        return true;
    }
    bool negative = one(s, '-');
    if (!negative && !one(s, '+'))
        return false;
    if (!digits(s, 2, 2, &h))
        return false;
    if (one(s, ':')) {
        if (!digits(s, 2, 2, &m))
            return false;
        if (one(s, ':') && !digits(s, 2, 2, &sec))
            return false;
    }
    if (h > 18 || m > 59 || sec > 59)
        return false;
    *offset = (int32_t)(h * 3600 + m * 60 + sec) * (negative ? -1 : 1);
    return true;
}

bool cdz_iso_parse(cdz_str text, struct cdz_date *ret)
{
    struct scan s = {text.p, text.p + text.n};
    struct cdz_date d = {.type = CDZ_LOCAL_DATE};
    int64_t days = 0, seconds = 0;
    struct scan t = s;
    if (time_part(&t, &seconds, &d.nanos) && t.p == t.end) {
        d.type = CDZ_LOCAL_TIME;
        d.seconds = seconds;
        *ret = d;
        return true;
    }
    d.nanos = 0;
    seconds = 0;
    if (!date_part(&s, &days))
        return false;
    if (one(&s, 'T') || one(&s, 't')) {
        if (!time_part(&s, &seconds, &d.nanos))
            return false;
        d.type = CDZ_LOCAL_DATETIME;
        if (offset_part(&s, &d.offset_s)) {
            d.type = CDZ_ZONED;
            if (one(&s, '[')) {
                const char *from = s.p;
                while (s.p < s.end && *s.p != ']')
                    s.p++;
                d.zone = (cdz_str){from, (size_t)(s.p - from)};
                if (d.zone.n == 0 || !one(&s, ']'))
                    return false;
            }
        }
    }
    if (s.p != s.end)
        return false;
    d.seconds = days * 86400 + seconds - d.offset_s;
    *ret = d;
    return true;
}

bool cdz_instant_parse(cdz_str text, cdz_us *ret)
{
    struct cdz_date d;
    cdz_us v;
    if (!cdz_iso_parse(text, &d) || d.type != CDZ_ZONED)
        return false;
    if (__builtin_mul_overflow(d.seconds, CDZ_SECOND, &v) ||
        __builtin_add_overflow(v, d.nanos / 1000, &v))
        return false;
    *ret = v;
    return true;
}

static void print_clock(struct cdz_buf *to, int of_day, int nanos, bool always_seconds)
{
    cdz_buf_printf(to, "%02d:%02d", of_day / 3600, of_day / 60 % 60);
    if (of_day % 60 || nanos || always_seconds)
        cdz_buf_printf(to, ":%02d", of_day % 60);
    if (nanos == 0)
        return;
    if (nanos % 1000000 == 0)
        cdz_buf_printf(to, ".%03d", nanos / 1000000);
    else if (nanos % 1000 == 0)
        cdz_buf_printf(to, ".%06d", nanos / 1000);
    else
        cdz_buf_printf(to, ".%09d", nanos);
}

void cdz_iso_print(struct cdz_buf *to, const struct cdz_date *date)
{
    bool instant = date->type == CDZ_INSTANT || date->type == CDZ_UTIL_DATE;
    bool zoned = date->type == CDZ_ZONED || date->type == CDZ_OFFSET;
    int64_t local = date->seconds + (zoned ? date->offset_s : 0);
    int64_t days = floor_div(local, 86400), year;
    int of_day = (int)(local - days * 86400), month, day;
    if (date->type != CDZ_LOCAL_TIME) {
        cdz_civil_of(days, &year, &month, &day);
        if (year > 9999)
            cdz_buf_c(to, '+');
        cdz_buf_printf(to, year < 0 ? "%05lld-%02d-%02d" : "%04lld-%02d-%02d", (long long)year,
                       month, day);
        if (date->type == CDZ_LOCAL_DATE)
            return;
        cdz_buf_c(to, 'T');
    }
    print_clock(to, of_day, date->nanos, instant);
    if (instant || (zoned && date->offset_s == 0)) {
        cdz_buf_c(to, 'Z');
    } else if (zoned) {
        int o = date->offset_s < 0 ? -date->offset_s : date->offset_s;
        cdz_buf_printf(to, "%c%02d:%02d", date->offset_s < 0 ? '-' : '+', o / 3600, o / 60 % 60);
        if (o % 60)
            cdz_buf_printf(to, ":%02d", o % 60);
    }
    if (date->type == CDZ_ZONED && date->zone.n)
        cdz_buf_printf(to, "[%.*s]", CDZ_S(date->zone));
}

/* One piece of a duration: number, unit letter. */
static bool piece(struct scan *s, int64_t *whole, int32_t *nanos, bool *negative, char *unit)
{
    struct scan t = *s;
    *nanos = 0;
    *negative = one(&t, '-');
    if (!*negative)
        (void)one(&t, '+'); /* an explicit plus is allowed and means nothing */
    if (!digits(&t, 1, 18, whole))
        return false;
    if ((one(&t, '.') || one(&t, ',')) && !fraction(&t, nanos) && t.p < t.end)
        *nanos = 0;
    if (t.p == t.end)
        return false;
    *unit = (char)(*t.p >= 'a' ? *t.p - 32 : *t.p);
    t.p++;
    *s = t;
    return true;
}

static bool add_span(int64_t *total, int64_t *total_nanos, int64_t whole, int64_t unit,
                     int32_t nanos, int sign)
{
    int64_t v;
    if (__builtin_mul_overflow(whole, unit * sign, &v) || __builtin_add_overflow(*total, v, total))
        return false;
    *total_nanos += (int64_t)nanos * sign;
    return true;
}

bool cdz_duration_parse(cdz_str text, int64_t *ret_seconds, int32_t *ret_nanos)
{
    struct scan s = {text.p, text.p + text.n};
    int64_t total = 0, nanos_total = 0, whole;
    int32_t nanos;
    double number;
    if (text.n && cdz_str_to_double(text, &number)) {
        if (number > 9e12 || number < -9e12)
            return false;
        total = (int64_t)number - (number < (double)(int64_t)number);
        *ret_seconds = total;
        *ret_nanos = (int32_t)((number - (double)total) * 1e9 + 0.5);
        if (*ret_nanos > 999999999)
            *ret_nanos = 999999999;
        return true;
    }
    int sign = one(&s, '-') ? -1 : 1;
    if (sign > 0)
        (void)one(&s, '+');
    if (!one(&s, 'P') && !one(&s, 'p'))
        return false;
    bool in_time = false, any = false, negative;
    char unit, last = 0;
    while (s.p < s.end) {
        if (!in_time && (one(&s, 'T') || one(&s, 't'))) {
            in_time = true;
            any = false;
            continue;
        }
        if (!piece(&s, &whole, &nanos, &negative, &unit))
            return false;
        static const char order[] = "WDHMS";
        const char *rank = strchr(order, unit), *before = last ? strchr(order, last) : NULL;
        int64_t scale = unit == 'W'   ? 604800
                        : unit == 'D' ? 86400
                        : unit == 'H' ? 3600
                        : unit == 'M' ? 60
                                      : 1;
        if (!rank || (before && rank <= before) ||
            (in_time != (unit == 'H' || unit == 'M' || unit == 'S')) || (nanos && unit != 'S'))
            return false;
        if (!add_span(&total, &nanos_total, whole, scale, nanos, negative ? -sign : sign))
            return false;
        last = unit;
        any = true;
    }
    if (!any)
        return false;
    if (nanos_total < 0) {
        nanos_total += 1000000000;
        total--;
    }
    *ret_seconds = total;
    *ret_nanos = (int32_t)nanos_total;
    return true;
}

bool cdz_duration_us(cdz_str text, cdz_us *ret)
{
    int64_t seconds;
    int32_t nanos;
    cdz_us v;
    if (!cdz_duration_parse(text, &seconds, &nanos) ||
        __builtin_mul_overflow(seconds, CDZ_SECOND, &v) ||
        __builtin_add_overflow(v, nanos / 1000, &v))
        return false;
    *ret = v;
    return true;
}

void cdz_duration_print(struct cdz_buf *to, int64_t seconds, int32_t nanos)
{
    if (seconds == 0 && nanos == 0) {
        cdz_buf_z(to, "PT0S");
        return;
    }
    int64_t effective = seconds < 0 && nanos > 0 ? seconds + 1 : seconds;
    int64_t hours = effective / 3600;
    int minutes = (int)(effective % 3600 / 60), secs = (int)(effective % 60);
    cdz_buf_z(to, "PT");
    if (hours)
        cdz_buf_printf(to, "%lldH", (long long)hours);
    if (minutes)
        cdz_buf_printf(to, "%dM", minutes);
    if (secs == 0 && nanos == 0)
        return;
    if (seconds < 0 && nanos > 0 && secs == 0)
        cdz_buf_z(to, "-0");
    else
        cdz_buf_printf(to, "%d", secs);
    if (nanos) {
        char f[12];
        int n = snprintf(f, sizeof(f), "%09d", seconds < 0 ? 1000000000 - nanos : nanos);
        while (n > 0 && f[n - 1] == '0')
            n--;
        cdz_buf_printf(to, ".%.*s", n, f);
    }
    cdz_buf_c(to, 'S');
}

cdz_str cdz_span_print(cdz_us span, char ret[CDZ_INSTANT_TEXT])
{
    if (span < 0)
        span = 0;
    int64_t ms = span / CDZ_MS;
    int n = snprintf(ret, CDZ_INSTANT_TEXT, "%02lld:%02d:%02d.%03d", (long long)(ms / 3600000),
                     (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    return (cdz_str){ret, (size_t)n};
}
