/*
 * zone.c -- see zone.h.
 *
 * Opening a zone in ICU takes some microseconds and much memory, and flows use few zones: each
 * thread keeps the last few open (a cache only: no answer depends on it), and closes them when it
 * ends.
 */
#include "expr/zone.h"

#include <assert.h>
#include <pthread.h>

#include <unicode/ucal.h>
#include <unicode/ustring.h>

enum { ID_MAX = 64, OPEN_MAX = 8, OFFSET_MAX = 18 * 3600 };

struct open_zone {
    char id[ID_MAX];
    size_t n;
    UCalendar *calendar;
};

struct cache {
    struct open_zone zones[OPEN_MAX];
    size_t next; /* the slot to re-use */
};

static pthread_key_t cache_key;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

static void cache_free(void *p)
{
    struct cache *cache = p;
    for (size_t i = 0; i < OPEN_MAX; i++)
        ucal_close(cache->zones[i].calendar);
    free(cache);
}

static void cache_make(void)
{
    if (pthread_key_create(&cache_key, cache_free) != 0)
        abort();
}

static struct cache *cache_get(void)
{
    (void)pthread_once(&cache_once, cache_make); /* cannot fail */
    struct cache *cache = pthread_getspecific(cache_key);
    if (!cache) {
        cache = calloc(1, sizeof(*cache));
        if (!cache || pthread_setspecific(cache_key, cache) != 0)
            abort();
    }
    return cache;
}

/* The open calendar of a region that zone_parse has accepted. */
static UCalendar *calendar_of(cdz_str id)
{
    struct cache *cache = cache_get();
    UErrorCode status = U_ZERO_ERROR;
    UChar wide[ID_MAX];
    assert(id.n < ID_MAX);
    for (size_t i = 0; i < OPEN_MAX; i++) {
        struct open_zone *zone = &cache->zones[i];
        if (zone->calendar && cdz_str_eq(id, (cdz_str){zone->id, zone->n}))
            return zone->calendar;
    }
    struct open_zone *zone = &cache->zones[cache->next++ % OPEN_MAX];
    ucal_close(zone->calendar);
    for (size_t i = 0; i < id.n; i++)
        wide[i] = (unsigned char)id.p[i];
    zone->calendar = ucal_open(wide, (int32_t)id.n, "en_US", UCAL_GREGORIAN, &status);
    if (!zone->calendar)
        abort(); /* no memory, or no time zone data */
    memcpy(zone->id, id.p, id.n);
    zone->n = id.n;
    return zone->calendar;
}

/* Two digits at s[at], or -1. */
static int two_digits(cdz_str s, size_t at)
{
    if (at + 2 > s.n || s.p[at] < '0' || s.p[at] > '9' || s.p[at + 1] < '0' || s.p[at + 1] > '9')
        return -1;
    return (s.p[at] - '0') * 10 + (s.p[at + 1] - '0');
}

bool cdz_offset_parse(cdz_str s, int32_t *ret)
{
    int hours, minutes = 0, seconds = 0;
    if (cdz_str_is(s, "Z") || cdz_str_is(s, "z")) {
        *ret = 0;
        return true;
    }
    if (s.n < 2 || (s.p[0] != '+' && s.p[0] != '-'))
        return false;
    if (s.n == 2) {
        hours = s.p[1] >= '0' && s.p[1] <= '9' ? s.p[1] - '0' : -1;
    } else {
        size_t colon = s.n > 3 && s.p[3] == ':';
        hours = two_digits(s, 1);
        if (s.n > 3)
            minutes = two_digits(s, 3 + colon);
        if (s.n > 5 + colon) {
            if (colon && s.p[6] != ':')
                return false;
            seconds = two_digits(s, 5 + 2 * colon);
        }
        if (s.n != 3 && s.n != 5 + colon && s.n != 7 + 2 * colon)
            return false;
    }
    if (hours < 0 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59)
        return false;
    int32_t total = hours * 3600 + minutes * 60 + seconds;
    if (total > OFFSET_MAX)
        return false;
    *ret = s.p[0] == '-' ? -total : total;
    return true;
}

void cdz_offset_print(struct cdz_buf *to, int32_t offset_s)
{
    int32_t seconds = offset_s < 0 ? -offset_s : offset_s;
    if (offset_s == 0) {
        cdz_buf_c(to, 'Z');
        return;
    }
    cdz_buf_printf(to, "%c%02d:%02d", offset_s < 0 ? '-' : '+', seconds / 3600, seconds / 60 % 60);
    if (seconds % 60)
        cdz_buf_printf(to, ":%02d", seconds % 60);
}

void cdz_zone_print(struct cdz_buf *to, const struct cdz_zone *zone)
{
    size_t letters = 0;
    while (zone->fixed && letters < zone->id.n && zone->id.p[letters] >= 'A')
        letters++;
    cdz_buf_str(to, zone->fixed ? cdz_str_sub(zone->id, 0, letters) : zone->id);
    if (zone->fixed && (zone->offset_s != 0 || zone->id.n == 0))
        cdz_offset_print(to, zone->offset_s);
}

static bool is_region(cdz_str id)
{
    UErrorCode status = U_ZERO_ERROR;
    UChar wide[ID_MAX], canonical[ID_MAX];
    UBool known = false;
    if (id.n == 0 || id.n >= ID_MAX)
        return false;
    for (size_t i = 0; i < id.n; i++) {
        if ((unsigned char)id.p[i] <= ' ' || (unsigned char)id.p[i] > 126)
            return false;
        wide[i] = (unsigned char)id.p[i];
    }
    ucal_getCanonicalTimeZoneID(wide, (int32_t)id.n, canonical, ID_MAX, &known, &status);
    return U_SUCCESS(status) && known && !cdz_str_is(id, "Etc/Unknown");
}

cdz_rc cdz_zone_parse(cdz_str text, struct cdz_zone *ret, struct cdz_err *err)
{
    static const char *const prefixes[] = {"UTC", "GMT", "UT"};
    struct cdz_zone zone = {.id = text};
    if (text.n == 0) {
        *ret = (struct cdz_zone){.id = CDZ_STR("UTC"), .fixed = true};
        return CDZ_OK;
    }
    if (cdz_offset_parse(text, &zone.offset_s)) {
        zone.id = CDZ_STR("");
        zone.fixed = true;
        *ret = zone;
        return CDZ_OK;
    }
    for (size_t i = 0; i < CDZ_COUNT(prefixes); i++) {
        cdz_str prefix = cdz_str_z(prefixes[i]), rest = cdz_str_sub(text, prefix.n, text.n);
        if (!cdz_str_starts(text, prefix))
            continue;
        if (rest.n == 0 || (rest.p[0] != 'Z' && cdz_offset_parse(rest, &zone.offset_s))) {
            zone.fixed = true;
            *ret = zone;
            return CDZ_OK;
        }
    }
    if (!is_region(text))
        return cdz_fail(err, CDZ_E_INVALID, "Unknown time-zone ID: %.*s", CDZ_S(text));
    *ret = zone;
    return CDZ_OK;
}

int32_t cdz_zone_offset(const struct cdz_zone *zone, int64_t utc_s, bool *ret_dst)
{
    UErrorCode status = U_ZERO_ERROR;
    if (ret_dst)
        *ret_dst = false;
    if (zone->fixed)
        return zone->offset_s;
    UCalendar *calendar = calendar_of(zone->id);
    ucal_setMillis(calendar, (double)utc_s * 1000, &status);
    int32_t raw = ucal_get(calendar, UCAL_ZONE_OFFSET, &status),
            dst = ucal_get(calendar, UCAL_DST_OFFSET, &status);
    if (ret_dst)
        *ret_dst = dst != 0;
    return U_SUCCESS(status) ? (raw + dst) / 1000 : 0;
}

int32_t cdz_zone_offset_local(const struct cdz_zone *zone, int64_t local_s)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t raw = 0, dst = 0;
    if (zone->fixed)
        return zone->offset_s;
    UCalendar *calendar = calendar_of(zone->id);
    ucal_setMillis(calendar, (double)local_s * 1000, &status);
    ucal_getTimeZoneOffsetFromLocal(calendar, UCAL_TZ_LOCAL_FORMER, UCAL_TZ_LOCAL_FORMER, &raw,
                                    &dst, &status);
    return U_SUCCESS(status) ? (raw + dst) / 1000 : 0;
}

struct cdz_zone cdz_zone_of(const struct cdz_date *date)
{
    struct cdz_zone zone = {.fixed = true};
    struct cdz_err ignored;
    switch (date->type) {
    case CDZ_ZONED:
        /* a region that we do not know keeps the offset it came with */
        if (date->zone.n > 0 && cdz_zone_parse(date->zone, &zone, &ignored) == CDZ_OK)
            return zone;
        return (struct cdz_zone){.fixed = true, .offset_s = date->offset_s};
    case CDZ_OFFSET:
        zone.offset_s = date->offset_s;
        return zone;
    default:
        zone.id = CDZ_STR("UTC");
        return zone;
    }
}

struct cdz_date cdz_zoned_at(const struct cdz_zone *zone, int64_t utc_s, int32_t nanos)
{
    return (struct cdz_date){.type = CDZ_ZONED,
                             .seconds = utc_s,
                             .nanos = nanos,
                             .offset_s = cdz_zone_offset(zone, utc_s, NULL),
                             .zone = zone->id};
}

struct cdz_date cdz_zoned_local(const struct cdz_zone *zone, int64_t local_s, int32_t nanos)
{
    return cdz_zoned_at(zone, local_s - cdz_zone_offset_local(zone, local_s), nanos);
}
