/*
 * zip.h -- archives of files in memory: what exports make and imports take. The only user of zlib.
 *
 * Written: no encryption, no zip64, names in UTF-8, dates 1980-01-01 (the same files give the same
 * bytes). Read: what other programs write, but for encryption, zip64 and methods beyond stored and
 * deflated. A reader never trusts its bytes: offsets and sizes are checked, sizes are bounded by
 * limits.h, and an entry's bytes must have its checksum. Source: PKWARE's APPNOTE 6.3.
 */
#ifndef CDZ_BASE_ZIP_H
#define CDZ_BASE_ZIP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct cdz_zip_writer {
    struct cdz_buf *to; /* the caller's: the archive */
    struct cdz_buf directory;
    unsigned count;
};
void cdz_zip_begin(struct cdz_zip_writer *z, struct cdz_buf *to);
/* name: "folder/file"; one that ends with '/' is an empty folder. CDZ_E_TOO_LARGE. */
CDZ_MUST_USE cdz_rc cdz_zip_add(struct cdz_zip_writer *z, cdz_str name, cdz_str bytes,
                                struct cdz_err *err);
/* Completes the archive and frees what the writer holds; also after an error. */
void cdz_zip_end(struct cdz_zip_writer *z);

struct cdz_zip_reader {
    cdz_str bytes;
    size_t at, left; /* in the directory */
    size_t total;    /* bytes unpacked so far */
};
/* CDZ_E_INVALID: it is no archive. */
CDZ_MUST_USE cdz_rc cdz_zip_open(struct cdz_zip_reader *z, cdz_str bytes, struct cdz_err *err);
/* The next entry: *ret_name is empty when there is none any more. Folders have names that end with
 * '/'. Names are as written: the caller checks them. CDZ_E_INVALID, CDZ_E_TOO_LARGE. */
CDZ_MUST_USE cdz_rc cdz_zip_next(struct cdz_zip_reader *z, struct cdz_arena *arena,
                                 cdz_str *ret_name, cdz_str *ret_bytes, struct cdz_err *err);

#endif
