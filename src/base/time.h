/*
 * time.h -- instants and spans as the program keeps them (microseconds), their ISO-8601 texts, and
 * the civil calendar (proleptic Gregorian, as java.time). Time zones are expr/'s business (ICU).
 *
 * None of these reads a clock, but cdz_now_us and cdz_mono_us: those are for the edges only.
 */
#ifndef CDZ_BASE_TIME_H
#define CDZ_BASE_TIME_H

#include "base/buf.h"
#include "base/val.h"

#define CDZ_SECOND ((cdz_us)1000000)
#define CDZ_MS     ((cdz_us)1000)

/* The wall clock (UTC microseconds). Edges only. */
cdz_us cdz_now_us(void);
/* A clock that never jumps, for measuring and for timeouts. Edges only. */
cdz_us cdz_mono_us(void);

/* Days since 1970-01-01 of a civil date, and back. Months 1..12. */
int64_t cdz_days_of(int64_t year, int month, int day);
void cdz_civil_of(int64_t days, int64_t *year, int *month, int *day);
int cdz_month_days(int64_t year, int month);

/* "2024-12-20T10:11:12.123456Z"; the fraction has 0, 3 or 6 digits, as java.time.Instant prints it.
 */
enum { CDZ_INSTANT_TEXT = 40 };
cdz_str cdz_instant_print(cdz_us at, char ret[CDZ_INSTANT_TEXT]);
/*
 * ISO-8601 date-time with 'Z' or an offset; seconds and fraction optional. False if text is not
 * that. cdz_us loses nanoseconds below one microsecond.
 */
bool cdz_instant_parse(cdz_str text, cdz_us *ret);
/*
 * The java.time texts: `2013-09-08T16:19:12.123456+02:00[Europe/Paris]`, `...Z`, a local date-time,
 * a local date `2013-09-08`, a local time `16:19[:12[.1]]`. ret->type says which it was; ret->zone
 * borrows from text.
 */
bool cdz_iso_parse(cdz_str text, struct cdz_date *ret);
/* As java.time's toString: seconds left out when they and the nanos are zero; zone in brackets for
 * ZONED. */
void cdz_iso_print(struct cdz_buf *to, const struct cdz_date *date);

/*
 * ISO-8601 duration (`PT1H30M`, `P1D`, `pt0.25s`, `-PT5S`) or a bare number of seconds. Days are 24
 * hours; years, months are refused, weeks accepted. False if text is not that or overflows. nanos
 * is 0..999,999,999.
 */
bool cdz_duration_parse(cdz_str text, int64_t *ret_seconds, int32_t *ret_nanos);
/* The same in microseconds. */
bool cdz_duration_us(cdz_str text, cdz_us *ret);
/* As java.time.Duration prints it: "PT1H30M", "PT0.25S", "PT0S". */
void cdz_duration_print(struct cdz_buf *to, int64_t seconds, int32_t nanos);
/* "00:01:02.345" for log lines. */
cdz_str cdz_span_print(cdz_us span, char ret[CDZ_INSTANT_TEXT]);

#endif
