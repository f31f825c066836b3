#include "base/zip.h"

#define ZLIB_CONST /* next_in is const */
#include <zlib.h>

#include "base/limits.h"

enum { LOCAL_BYTES = 30, CENTRAL_BYTES = 46, END_BYTES = 22, COMMENT_MAX = 65535 };
enum { STORED = 0, DEFLATED = 8 };
enum { UTF8_NAMES = 1 << 11, ENCRYPTED = 1 };
#define LOCAL_MAGIC   0x04034b50u
#define CENTRAL_MAGIC 0x02014b50u
#define END_MAGIC     0x06054b50u
#define DATE_1980     0x0021u /* January the first */

static void put16(struct cdz_buf *b, unsigned v)
{
    char p[2] = {(char)(v & 0xFF), (char)(v >> 8 & 0xFF)};
    cdz_buf_add(b, p, 2);
}

static void put32(struct cdz_buf *b, uint32_t v)
{
    put16(b, v & 0xFFFF);
    put16(b, v >> 16);
}

static unsigned get16(const char *p)
{
    return (unsigned)(unsigned char)p[0] | (unsigned)(unsigned char)p[1] << 8;
}

static uint32_t get32(const char *p)
{
    return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint32_t checksum(cdz_str bytes)
{
    return (uint32_t)crc32(crc32(0, NULL, 0), (const Bytef *)bytes.p, (uInt)bytes.n);
}

/* --- writing -------------------------------------------------------------------------------- */

void cdz_zip_begin(struct cdz_zip_writer *z, struct cdz_buf *to)
{
    *z = (struct cdz_zip_writer){.to = to, .directory = CDZ_BUF_INIT};
}

/* What both headers of an entry have in common. */
static void put_entry(struct cdz_buf *b, unsigned method, uint32_t crc, size_t packed, size_t plain,
                      size_t name)
{
    put16(b, 20); /* version needed: 2.0 */
    put16(b, UTF8_NAMES);
    put16(b, method);
    put16(b, 0);
    put16(b, DATE_1980);
    put32(b, crc);
    put32(b, (uint32_t)packed);
    put32(b, (uint32_t)plain);
    put16(b, (unsigned)name);
    put16(b, 0); /* no extra field */
}

/* Deflated into room for as many bytes; 0: it would not become smaller. */
static size_t pack(cdz_str bytes, char *to)
{
    z_stream s = {.next_in = (const Bytef *)bytes.p,
                  .avail_in = (uInt)bytes.n,
                  .next_out = (Bytef *)to,
                  .avail_out = (uInt)bytes.n};
    if (bytes.n == 0 || deflateInit2(&s, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
                                     Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    size_t n = deflate(&s, Z_FINISH) == Z_STREAM_END ? s.total_out : 0;
    deflateEnd(&s);
    return n;
}

cdz_rc cdz_zip_add(struct cdz_zip_writer *z, cdz_str name, cdz_str bytes, struct cdz_err *err)
{
    size_t offset = z->to->n;
    if (offset + bytes.n > CDZ_ZIP_BYTES_MAX || z->count == CDZ_ZIP_ENTRIES_MAX)
        return cdz_fail(err, CDZ_E_TOO_LARGE, "archive is larger than %u MB or %u files",
                        CDZ_ZIP_BYTES_MAX >> 20, CDZ_ZIP_ENTRIES_MAX);
    CDZ_AUTO_BUF struct cdz_buf packed = CDZ_BUF_INIT;
    char *room = bytes.n ? cdz_buf_room(&packed, bytes.n) : NULL;
    size_t n = room ? pack(bytes, room) : 0;
    unsigned method = n ? DEFLATED : STORED;
    cdz_str content = n ? (cdz_str){room, n} : bytes;
    uint32_t crc = checksum(bytes);
    put32(z->to, LOCAL_MAGIC);
    put_entry(z->to, method, crc, content.n, bytes.n, name.n);
    cdz_buf_str(z->to, name);
    cdz_buf_str(z->to, content);
    put32(&z->directory, CENTRAL_MAGIC);
    put16(&z->directory, 20); /* made by: 2.0, DOS */
    put_entry(&z->directory, method, crc, content.n, bytes.n, name.n);
    put16(&z->directory, 0); /* no comment */
    put16(&z->directory, 0); /* disk */
    put16(&z->directory, 0);
    put32(&z->directory, 0); /* attributes */
    put32(&z->directory, (uint32_t)offset);
    cdz_buf_str(&z->directory, name);
    z->count++;
    return CDZ_OK;
}

void cdz_zip_end(struct cdz_zip_writer *z)
{
    size_t offset = z->to->n;
    cdz_buf_str(z->to, cdz_buf_get(&z->directory));
    put32(z->to, END_MAGIC);
    put32(z->to, 0); /* disks */
    put16(z->to, z->count);
    put16(z->to, z->count);
    put32(z->to, (uint32_t)z->directory.n);
    put32(z->to, (uint32_t)offset);
    put16(z->to, 0);
    cdz_buf_done(&z->directory);
}

/* --- reading -------------------------------------------------------------------------------- */

cdz_rc cdz_zip_open(struct cdz_zip_reader *z, cdz_str bytes, struct cdz_err *err)
{
    size_t least = bytes.n > END_BYTES + COMMENT_MAX ? bytes.n - END_BYTES - COMMENT_MAX : 0;
    for (size_t at = bytes.n >= END_BYTES ? bytes.n - END_BYTES + 1 : 0; at-- > least;) {
        const char *p = bytes.p + at;
        if (get32(p) != END_MAGIC)
            continue;
        *z = (struct cdz_zip_reader){.bytes = bytes, .left = get16(p + 10), .at = get32(p + 16)};
        if (z->at <= at && z->left <= CDZ_ZIP_ENTRIES_MAX)
            return CDZ_OK;
    }
    return cdz_fail(err, CDZ_E_INVALID, "this is no zip archive");
}

static cdz_rc unpack(cdz_str packed, size_t plain, struct cdz_arena *arena, cdz_str *ret,
                     struct cdz_err *err)
{
    char *to = cdz_arena_alloc(arena, plain + 1);
    z_stream s = {.next_in = (const Bytef *)packed.p,
                  .avail_in = (uInt)packed.n,
                  .next_out = (Bytef *)to,
                  .avail_out = (uInt)plain + 1}; /* one more: to see that there is no more */
    if (inflateInit2(&s, -MAX_WBITS) != Z_OK)
        return cdz_fail(err, CDZ_E_INTERNAL, "inflate could not be started");
    int rc = inflate(&s, Z_FINISH);
    size_t n = s.total_out;
    inflateEnd(&s);
    if (rc != Z_STREAM_END || n != plain)
        return cdz_fail(err, CDZ_E_INVALID, "zip archive: an entry cannot be unpacked");
    *ret = (cdz_str){to, plain};
    return CDZ_OK;
}

/* One entry of the directory, taken apart. */
struct entry {
    unsigned flags, method;
    uint32_t crc;
    size_t packed, plain, offset;
    cdz_str name;
};

static bool read_directory(struct cdz_zip_reader *z, struct entry *ret)
{
    size_t room = z->bytes.n - z->at;
    const char *p = z->bytes.p + z->at;
    if (room < CENTRAL_BYTES || get32(p) != CENTRAL_MAGIC)
        return false;
    size_t name = get16(p + 28), more = (size_t)get16(p + 30) + get16(p + 32);
    if (room - CENTRAL_BYTES < name + more)
        return false;
    *ret = (struct entry){.flags = get16(p + 8),
                          .method = get16(p + 10),
                          .crc = get32(p + 16),
                          .packed = get32(p + 20),
                          .plain = get32(p + 24),
                          .offset = get32(p + 42),
                          .name = {p + CENTRAL_BYTES, name}};
    z->at += CENTRAL_BYTES + name + more;
    z->left--;
    return true;
}

/* The entry's packed bytes, behind its local header. */
static bool find_bytes(const struct cdz_zip_reader *z, const struct entry *e, cdz_str *ret)
{
    if (e->offset > z->bytes.n || z->bytes.n - e->offset < LOCAL_BYTES)
        return false;
    const char *p = z->bytes.p + e->offset;
    size_t from = e->offset + LOCAL_BYTES + get16(p + 26) + get16(p + 28);
    if (get32(p) != LOCAL_MAGIC || from > z->bytes.n || z->bytes.n - from < e->packed)
        return false;
    *ret = (cdz_str){z->bytes.p + from, e->packed};
    return true;
}

cdz_rc cdz_zip_next(struct cdz_zip_reader *z, struct cdz_arena *arena, cdz_str *ret_name,
                    cdz_str *ret_bytes, struct cdz_err *err)
{
    struct entry e;
    cdz_str packed, plain;
    if (z->left == 0) {
        *ret_name = *ret_bytes = CDZ_STR("");
        return CDZ_OK;
    }
    if (!read_directory(z, &e) || !find_bytes(z, &e, &packed) || e.name.n == 0)
        return cdz_fail(err, CDZ_E_INVALID, "zip archive is damaged");
    if ((e.flags & ENCRYPTED) || (e.method != STORED && e.method != DEFLATED))
        return cdz_fail(err, CDZ_E_INVALID,
                        "zip archive: entry %.*s is encrypted or packed in an unknown way",
                        CDZ_S(e.name));
    z->total += e.plain;
    if (z->total > CDZ_ZIP_BYTES_MAX)
        return cdz_fail(err, CDZ_E_TOO_LARGE, "zip archive has more than %u MB",
                        CDZ_ZIP_BYTES_MAX >> 20);
    if (e.method == DEFLATED)
        CDZ_TRY(unpack(packed, e.plain, arena, &plain, err));
    else if (e.packed == e.plain)
        plain = packed;
    else
        return cdz_fail(err, CDZ_E_INVALID, "zip archive is damaged");
    if (checksum(plain) != e.crc)
        return cdz_fail(err, CDZ_E_INVALID, "zip archive: entry %.*s has a wrong checksum",
                        CDZ_S(e.name));
    *ret_name = e.name;
    *ret_bytes = plain;
    return CDZ_OK;
}
