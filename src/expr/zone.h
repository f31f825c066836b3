/*
 * zone.h -- time zones: java.time.ZoneId's texts, and the rules of the tz database (ICU's copy, so
 * that no file is read). A zone is a value; its id is borrowed from the text it was parsed from.
 */
#ifndef CDZ_EXPR_ZONE_H
#define CDZ_EXPR_ZONE_H

#include "base/buf.h"
#include "base/val.h"

struct cdz_zone {
    cdz_str id;       /* "Europe/Paris", "UTC", "GMT+02:00"; empty for a mere offset */
    bool fixed;       /* offset_s holds at any time */
    int32_t offset_s; /* seconds east of UTC */
};

/*
 * As ZoneId.of: a region, Z, an offset (+2, +02, +0230, +02:30, +02:30:15), or UTC, GMT or UT
 * before an offset. CDZ_E_INVALID "Unknown time-zone ID: Mars/Base". An empty text is UTC.
 */
CDZ_MUST_USE cdz_rc cdz_zone_parse(cdz_str text, struct cdz_zone *ret, struct cdz_err *err);
/* An offset such as "+02:00" or "Z" that fills all of text. */
bool cdz_offset_parse(cdz_str text, int32_t *ret);
/* "+02:00", "Z". */
void cdz_offset_print(struct cdz_buf *to, int32_t offset_s);
/* As ZoneId.getId: the region, "GMT+02:00" of a zone that was written GMT+2, an offset's text. */
void cdz_zone_print(struct cdz_buf *to, const struct cdz_zone *zone);

/* The offset in force at an instant, and whether that is daylight saving time (ret_dst may be
 * NULL). */
int32_t cdz_zone_offset(const struct cdz_zone *zone, int64_t utc_s, bool *ret_dst);
/*
 * The offset of a wall-clock time (seconds as if UTC), as java.time resolves it: the earlier
 * instant of a time that comes twice; a time that is skipped moves on by the length of the gap (the
 * offset before it).
 */
int32_t cdz_zone_offset_local(const struct cdz_zone *zone, int64_t local_s);

/* The zone of a date: its region, or its offset alone. */
struct cdz_zone cdz_zone_of(const struct cdz_date *date);
/* A ZonedDateTime of an instant, or of a wall-clock time. The zone's id is shared. */
struct cdz_date cdz_zoned_at(const struct cdz_zone *zone, int64_t utc_s, int32_t nanos);
struct cdz_date cdz_zoned_local(const struct cdz_zone *zone, int64_t local_s, int32_t nanos);

/* "CEST" for "Central European Summer Time": the short names that Java prints and CLDR lacks. NULL:
 * none known. */
const char *cdz_zone_short_name(cdz_str long_english_name);

#endif
