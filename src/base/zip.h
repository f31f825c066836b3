/*
 * zip.h -- archives of files in memory: what exports make and imports take. A thin face of libarchive,
 * and its only user.
 *
 * Written: names in UTF-8, dates of 1980 (the same files give the same bytes). Read: zip files as
 * other programs write them. A reader's bytes are not trusted: names are the caller's to check, and
 * what it unpacks to is bounded by limits.h.
 */
#ifndef CDZ_BASE_ZIP_H
#define CDZ_BASE_ZIP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct archive;

struct cdz_zip_writer {
    struct archive *archive;
    size_t total; /* bytes packed so far */
    unsigned count;
};
/* to: the caller's; the archive is complete in it after cdz_zip_end. */
void cdz_zip_begin(struct cdz_zip_writer *z, struct cdz_buf *to);
/* name: "folder/file"; one that ends with '/' is an empty folder. CDZ_E_TOO_LARGE. */
CDZ_MUST_USE cdz_rc cdz_zip_add(struct cdz_zip_writer *z, cdz_str name, cdz_str bytes,
                                struct cdz_err *err);
/* Completes the archive and frees what the writer holds; also after an error. */
void cdz_zip_end(struct cdz_zip_writer *z);

struct cdz_zip_reader {
    struct archive *archive;
    size_t total; /* bytes unpacked so far */
    unsigned count;
};
/* bytes must outlive the reader. CDZ_E_INVALID: it is no archive. */
CDZ_MUST_USE cdz_rc cdz_zip_open(struct cdz_zip_reader *z, cdz_str bytes, struct cdz_err *err);
/* The next entry: *ret_name is empty when there is none any more. Folders have names that end with
 * '/'. CDZ_E_INVALID, CDZ_E_TOO_LARGE. */
CDZ_MUST_USE cdz_rc cdz_zip_next(struct cdz_zip_reader *z, struct cdz_arena *arena,
                                 cdz_str *ret_name, cdz_str *ret_bytes, struct cdz_err *err);
void cdz_zip_close(struct cdz_zip_reader *z); /* also of one that could not be opened */
/* CDZ_AUTO_ZIP struct cdz_zip_reader z = {0}; closes when the scope ends, on every path. */
#define CDZ_AUTO_ZIP __attribute__((cleanup(cdz_zip_close)))

#endif
