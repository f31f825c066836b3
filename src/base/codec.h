/*
 * codec.h -- the binary form of records: little primitives and whole values. docs/formats.md lists
 * what is built with them. Integers are LEB128 (signed ones zig-zag), texts are length + bytes,
 * values are a kind byte + payload.
 *
 * A reader never trusts its bytes: every get checks bounds, the first failure sticks (`bad`) and
 * all later gets give zero values, so that a decoder checks once at its end.
 */
#ifndef CDZ_BASE_CODEC_H
#define CDZ_BASE_CODEC_H

#include "base/buf.h"
#include "base/val.h"

void cdz_put_u64(struct cdz_buf *to, uint64_t v);
void cdz_put_i64(struct cdz_buf *to, int64_t v);
void cdz_put_str(struct cdz_buf *to, cdz_str s);
/* Templates are written as their source text; lazy values as maps. */
void cdz_put_val(struct cdz_buf *to, cdz_val v);

struct cdz_reader {
    const char *p, *end;
    bool bad;
};
static inline struct cdz_reader cdz_reader_of(cdz_str s)
{
    return (struct cdz_reader){s.p, s.p + s.n, false};
}
uint64_t cdz_get_u64(struct cdz_reader *r);
int64_t cdz_get_i64(struct cdz_reader *r);
/* Borrowed from the reader's bytes. */
cdz_str cdz_get_str(struct cdz_reader *r);
/* Lists and maps are made in the arena; texts are borrowed from the reader's bytes. */
cdz_val cdz_get_val(struct cdz_reader *r, struct cdz_arena *arena);

#endif
