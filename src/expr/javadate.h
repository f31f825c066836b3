/*
 * javadate.h -- dates as java.time.format.DateTimeFormatter writes and reads them: patterns, the
 * named formats of the original (iso, sql, rfc_1123_date_time ...), and the localized styles full,
 * long, medium, short.
 *
 * Own code for patterns: ICU's letters differ from Java's (u, y, S, e, n, N, A, V, p, [ ]). ICU
 * gives names of other languages than English, the styles, and the rules of weeks and zones.
 */
#ifndef CDZ_EXPR_JAVADATE_H
#define CDZ_EXPR_JAVADATE_H

#include "base/buf.h"
#include "base/val.h"

/*
 * Appends the date (a CDZ_ZONED one). format: a named format or a pattern; locale: "fr", "fr_FR",
 * "fr-FR", or empty for English. CDZ_E_INVALID "Unknown pattern letter: j" and the like.
 */
CDZ_MUST_USE cdz_rc cdz_javadate_format(struct cdz_buf *to, const struct cdz_date *date,
                                        cdz_str format, cdz_str locale, struct cdz_err *err);
/*
 * Reads text by the format. *ret is CDZ_ZONED when text told a zone or an offset, else
 * CDZ_LOCAL_DATETIME, or CDZ_LOCAL_DATE when it told no time. Its zone is borrowed from text.
 * CDZ_E_INVALID "Text '...' could not be parsed at index 3".
 */
CDZ_MUST_USE cdz_rc cdz_javadate_parse(cdz_str text, cdz_str format, cdz_str locale,
                                       struct cdz_date *ret, struct cdz_err *err);

#endif
