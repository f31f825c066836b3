/* zip.c -- see zip.h. */
#include "base/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include "base/limits.h"

#define YEAR_1980 315619200 /* January the second: in every time zone of that year */

static la_ssize_t on_write(struct archive *a, void *to, const void *bytes, size_t n)
{
    (void)a;
    cdz_buf_add(to, bytes, n);
    return (la_ssize_t)n;
}

void cdz_zip_begin(struct cdz_zip_writer *z, struct cdz_buf *to)
{
    *z = (struct cdz_zip_writer){.archive = archive_write_new()};
    if (!z->archive)
        abort();
    /* Constant arguments: these can fail only where the library has been built without zip. */
    if (archive_write_set_format_zip(z->archive) != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(z->archive, 0) != ARCHIVE_OK ||
        archive_write_open2(z->archive, to, NULL, on_write, NULL, NULL) != ARCHIVE_OK)
        abort();
}

static cdz_rc fail(struct archive *a, cdz_rc code, struct cdz_err *err)
{
    const char *why = archive_error_string(a);
    return cdz_fail(err, code, "the archive is damaged: %s", why ? why : "unknown format");
}

cdz_rc cdz_zip_add(struct cdz_zip_writer *z, cdz_str name, cdz_str bytes, struct cdz_err *err)
{
    CDZ_AUTO_BUF struct cdz_buf path = CDZ_BUF_INIT;
    bool is_folder = name.n > 0 && name.p[name.n - 1] == '/';
    if (z->total + bytes.n > CDZ_ZIP_BYTES_MAX || z->count == CDZ_ZIP_ENTRIES_MAX)
        return cdz_fail(err, CDZ_E_TOO_LARGE, "an archive takes at most %u MB and %u files",
                        CDZ_ZIP_BYTES_MAX >> 20, CDZ_ZIP_ENTRIES_MAX);
    cdz_buf_str(&path, name);
    struct archive_entry *e = archive_entry_new2(z->archive);
    if (!e)
        abort();
    archive_entry_set_pathname_utf8(e, path.p ? path.p : "");
    archive_entry_set_pathname(e, path.p ? path.p : "");
    archive_entry_set_filetype(e, is_folder ? S_IFDIR : S_IFREG);
    archive_entry_set_perm(e, is_folder ? 0755 : 0644);
    archive_entry_set_size(e, (la_int64_t)bytes.n);
    archive_entry_set_mtime(e, YEAR_1980, 0);
    bool ok =
        archive_write_header(z->archive, e) >= ARCHIVE_WARN &&
        (bytes.n == 0 || archive_write_data(z->archive, bytes.p, bytes.n) == (la_ssize_t)bytes.n);
    archive_entry_free(e);
    if (!ok)
        return fail(z->archive, CDZ_E_INVALID, err);
    z->total += bytes.n;
    z->count++;
    return CDZ_OK;
}

void cdz_zip_end(struct cdz_zip_writer *z)
{
    if (z->archive)
        (void)archive_write_free(z->archive); /* closes it; the buffer takes everything */
    z->archive = NULL;
}

cdz_rc cdz_zip_open(struct cdz_zip_reader *z, cdz_str bytes, struct cdz_err *err)
{
    *z = (struct cdz_zip_reader){.archive = archive_read_new()};
    if (!z->archive)
        abort();
    if (archive_read_support_format_zip_seekable(z->archive) != ARCHIVE_OK)
        abort(); /* built without zip */
    if (archive_read_open_memory(z->archive, bytes.p, bytes.n) != ARCHIVE_OK)
        return fail(z->archive, CDZ_E_INVALID, err);
    return CDZ_OK;
}

static cdz_rc content(struct cdz_zip_reader *z, struct cdz_buf *to, struct cdz_err *err)
{
    char chunk[16384];
    la_ssize_t n;
    while ((n = archive_read_data(z->archive, chunk, sizeof(chunk))) > 0) {
        z->total += (size_t)n;
        if (z->total > CDZ_ZIP_BYTES_MAX)
            return cdz_fail(err, CDZ_E_TOO_LARGE, "the archive unpacks to more than %u MB",
                            CDZ_ZIP_BYTES_MAX >> 20);
        cdz_buf_add(to, chunk, (size_t)n);
    }
    return n == 0 ? CDZ_OK : fail(z->archive, CDZ_E_INVALID, err);
}

cdz_rc cdz_zip_next(struct cdz_zip_reader *z, struct cdz_arena *arena, cdz_str *ret_name,
                    cdz_str *ret_bytes, struct cdz_err *err)
{
    CDZ_AUTO_BUF struct cdz_buf bytes = CDZ_BUF_INIT;
    struct archive_entry *e;
    int rc = archive_read_next_header(z->archive, &e);
    *ret_name = *ret_bytes = CDZ_STR("");
    if (rc == ARCHIVE_EOF)
        return CDZ_OK;
    if (rc < ARCHIVE_WARN)
        return fail(z->archive, CDZ_E_INVALID, err);
    if (archive_entry_is_encrypted(e))
        return cdz_fail(err, CDZ_E_INVALID, "the archive is encrypted");
    if (++z->count > CDZ_ZIP_ENTRIES_MAX)
        return cdz_fail(err, CDZ_E_TOO_LARGE, "the archive has more than %u files",
                        CDZ_ZIP_ENTRIES_MAX);
    const char *name = archive_entry_pathname_utf8(e);
    if (!name)
        name = archive_entry_pathname(e);
    if (!name || !*name)
        return cdz_fail(err, CDZ_E_INVALID, "the archive has a file without a name");
    CDZ_TRY(content(z, &bytes, err));
    *ret_name = cdz_arena_str(arena, cdz_str_z(name));
    *ret_bytes = cdz_buf_copy(&bytes, arena);
    return CDZ_OK;
}

void cdz_zip_close(struct cdz_zip_reader *z)
{
    if (z->archive)
        (void)archive_read_free(z->archive);
    z->archive = NULL;
}
