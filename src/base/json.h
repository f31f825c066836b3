/*
 * json.h -- JSON text to and from values, at the edges only (state is kept and sent in binary, see
 * codec.h).
 *
 * Ours rather than a library's: the C libraries that Debian 12 packages reach 27 to 205 MB/s a
 * round trip on an execution document and keep numbers as doubles or trees of their own;
 * bench/limits/json.c measures them beside this one. RFC 8259; no extensions.
 */
#ifndef CDZ_BASE_JSON_H
#define CDZ_BASE_JSON_H

#include "base/buf.h"
#include "base/val.h"

/*
 * Parses one document that fills all of text. Strings without escapes point into text: it must live
 * as long as the value. Integers become 64-bit ints, larger ones decimals, the rest doubles.
 * Duplicate keys: the last wins. Errors: CDZ_E_INVALID "line L, column C: what", CDZ_E_LIMIT beyond
 * CDZ_JSON_DEPTH_MAX.
 */
CDZ_MUST_USE cdz_rc cdz_json_parse(cdz_str text, struct cdz_arena *arena, cdz_val *ret,
                                   struct cdz_err *err);

enum cdz_json_style {
    CDZ_JSON_COMPACT = 0,
    CDZ_JSON_DROP_NULLS =
        1,               /* leave out null entries of maps (never of lists), as the original does */
    CDZ_JSON_PRETTY = 2, /* two blanks of indent, for people */
};

/* Appends v as JSON. Dates print as ISO text, durations as decimal seconds, floats as Java prints
 * them. */
void cdz_json_print(struct cdz_buf *to, cdz_val v, unsigned style);
/* Appends s as a quoted JSON string. Malformed UTF-8 becomes U+FFFD. */
void cdz_json_quote(struct cdz_buf *to, cdz_str s);
/* The same as text in an arena. */
cdz_str cdz_json_text(struct cdz_arena *arena, cdz_val v, unsigned style);

/*
 * A JSON writer for documents that are not a cdz_val: commas and quotes are its business.
 *   cdz_jw_open(&w, NULL, '{'); cdz_jw_str(&w, "id", id); cdz_jw_open(&w, "labels", '['); ...
 * cdz_jw_close(&w, ']'); key is NULL inside an array and for the root.
 */
struct cdz_jw {
    struct cdz_buf *to;
    bool comma;
};
void cdz_jw_open(struct cdz_jw *w, const char *key, char bracket);
void cdz_jw_close(struct cdz_jw *w, char bracket);
void cdz_jw_str(struct cdz_jw *w, const char *key, cdz_str s);
void cdz_jw_z(struct cdz_jw *w, const char *key, const char *z);
void cdz_jw_int(struct cdz_jw *w, const char *key, int64_t i);
void cdz_jw_bool(struct cdz_jw *w, const char *key, bool b);
void cdz_jw_val(struct cdz_jw *w, const char *key, cdz_val v, unsigned style);
/* Text that is JSON already. */
void cdz_jw_raw(struct cdz_jw *w, const char *key, cdz_str json);
/* ISO instant of UTC microseconds. */
void cdz_jw_time(struct cdz_jw *w, const char *key, cdz_us at);

/* Appends f as Java's Double.toString (or Float.toString when f32): "1.0", "1.0E10", "1.123",
 * "NaN". */
void cdz_print_double(struct cdz_buf *to, double f, bool f32);

#endif
