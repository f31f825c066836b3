/*
 * ion.h -- Amazon Ion text to and from values: how the original stores rows in files, and the toIon
 * filter.
 *
 * Printed as its writer does: compact, floats with an exponent (1.5e0), decimals without, date
 * types that Ion does not know as annotated strings (ZonedDateTime::"2013-09-08T16:19:12+02:00").
 * Nulls in maps stay. Read: the whole text form of Ion 1.0. Symbols become texts, s-expressions
 * lists, blobs base64 texts; unknown annotations are skipped. Timestamps become instants (midnight
 * UTC: local dates; with an offset: zoned dates), cut to milliseconds as in the original.
 */
#ifndef CDZ_EXPR_ION_H
#define CDZ_EXPR_ION_H

#include "base/buf.h"
#include "base/val.h"

/* Appends v on one line, without a newline behind. Nested deeper than CDZ_JSON_DEPTH_MAX prints as
 * null. */
void cdz_ion_print(struct cdz_buf *to, cdz_val v);

/* A stream of top-level values. text is borrowed; values without escapes are borrowed from it. */
struct cdz_ion_reader {
    cdz_str text;
    size_t at;
};
static inline struct cdz_ion_reader cdz_ion_reader_of(cdz_str text)
{
    return (struct cdz_ion_reader){text, 0};
}
/*
 * The next value; *ret_end instead, when there is none any more. After an error the reader stands
 * where it failed. CDZ_E_INVALID "Invalid ion at 12: ...", CDZ_E_LIMIT beyond CDZ_JSON_DEPTH_MAX.
 */
CDZ_MUST_USE cdz_rc cdz_ion_next(struct cdz_ion_reader *r, struct cdz_arena *arena, cdz_val *ret,
                                 bool *ret_end, struct cdz_err *err);

#endif
