/*
 * split.c -- see split.h.
 *
 * The source is streamed: no line is ever held as a whole. A line ends with \n, \r\n or \r, and its
 * end becomes the separator. Pieces that are made one after another share one temporary file;
 * partitions are all open at the same time, hence their limit.
 */
#include "task/split.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"

enum { FLUSH_BYTES = 1 << 16 };

struct piece {
    int fd; /* -1: not open */
    struct cdz_buf pending;
    uint64_t bytes, lines;
};

struct splitter {
    struct cdz_run *run;
    const struct cdz_split *split;
    cdz_str extension;
    struct piece *pieces; /* one, or the partitions */
    size_t piece_count;
    struct piece *current; /* NULL: the next byte begins a line */
    uint64_t lines;
    bool skip_lf; /* the byte before was \r */
    CDZ_VEC(cdz_str) uris;
};

/* ---- options ---- */

static bool size_of(cdz_val v, uint64_t *ret)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = {{"", 0},    {"b", 0},  {"k", 10},  {"kb", 10}, {"m", 20},
                 {"mb", 20}, {"g", 30}, {"gb", 30}, {"t", 40},  {"tb", 40}};
    cdz_str s = v.kind == CDZ_TEXT ? cdz_str_trim(cdz_val_str(v)) : (cdz_str){0};
    int64_t n = v.kind == CDZ_INT ? v.i : -1;
    size_t digits = 0;
    if (v.kind == CDZ_INT) {
        *ret = n > 0 ? (uint64_t)n : 0;
        return n > 0;
    }
    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    cdz_str unit = cdz_str_trim(cdz_str_sub(s, digits, s.n));
    if (!cdz_str_to_i64(cdz_str_sub(s, 0, digits), &n) || n < 1)
        return false;
    for (size_t i = 0; i < CDZ_COUNT(units); i++) {
        if (!cdz_str_ieq(unit, cdz_str_z(units[i].unit)))
            continue;
        *ret = (uint64_t)n << units[i].shift;
        return *ret >> units[i].shift == (uint64_t)n;
    }
    return false;
}

static cdz_rc option(const char *name, cdz_val v, uint64_t *ret, struct cdz_err *err)
{
    *ret = 0;
    if (v.kind == CDZ_NULL || (v.kind == CDZ_TEXT && !v.n) || size_of(v, ret))
        return CDZ_OK;
    return cdz_fail(err, CDZ_E_TASK, "`%s` must be a positive number%s", name,
                    cdz_str_is(cdz_str_z(name), "bytes") ? " or a size such as 10MB" : "");
}

cdz_rc cdz_split_init(struct cdz_split *ret, cdz_val bytes, cdz_val partitions, cdz_val rows,
                      cdz_val separator, struct cdz_err *err)
{
    struct cdz_split split = {.separator = CDZ_STR("\n")};
    CDZ_TRY(option("bytes", bytes, &split.bytes, err));
    CDZ_TRY(option("partitions", partitions, &split.partitions, err));
    CDZ_TRY(option("rows", rows, &split.rows, err));
    if (separator.kind == CDZ_TEXT)
        split.separator = cdz_val_str(separator);
    if (!split.bytes && !split.partitions && !split.rows)
        return cdz_fail(err, CDZ_E_TASK, "Invalid configuration with no size, count, nor rows");
    *ret = split;
    return CDZ_OK;
}

/* ---- files ---- */

cdz_rc cdz_run_temp_file(struct cdz_run *run, int *ret, struct cdz_err *err)
{
    const char *dir = cdz_arena_z(run->arena, run->worker->tmp_dir);
    *ret = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*ret >= 0)
        return CDZ_OK;
    /* A file system without O_TMPFILE. */
    cdz_str name = cdz_arena_printf(run->arena, "%s/file-XXXXXX", dir);
    char *path = cdz_arena_alloc(run->arena, name.n + 1);
    memcpy(path, name.p, name.n + 1);
    *ret = mkostemp(path, O_CLOEXEC);
    if (*ret < 0)
        return cdz_fail_errno(err, errno, "mkostemp", "a temporary file cannot be made");
    (void)unlink(path); /* the descriptor keeps it */
    return CDZ_OK;
}

cdz_rc cdz_write_all(int fd, cdz_str s, struct cdz_err *err)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno != EINTR)
            return cdz_fail_errno(err, errno, "write", "cannot write a temporary file");
        if (n > 0)
            s = cdz_str_sub(s, (size_t)n, s.n);
    }
    return CDZ_OK;
}

static cdz_rc flush(struct piece *p, struct cdz_err *err)
{
    CDZ_TRY(cdz_write_all(p->fd, cdz_buf_get(&p->pending), err));
    cdz_buf_reset(&p->pending);
    return CDZ_OK;
}

static cdz_rc put(struct piece *p, cdz_str s, struct cdz_err *err)
{
    cdz_buf_str(&p->pending, s);
    p->bytes += s.n;
    return p->pending.n < FLUSH_BYTES ? CDZ_OK : flush(p, err);
}

/* Stores the piece and makes it empty again. */
static cdz_rc store(struct splitter *s, struct piece *p, struct cdz_err *err)
{
    cdz_str uri;
    if (!p->lines)
        return CDZ_OK;
    if (s->uris.n >= CDZ_EACH_VALUES_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "the file would be split into more than %u pieces",
                        CDZ_EACH_VALUES_MAX);
    CDZ_TRY(flush(p, err));
    if (lseek(p->fd, 0, SEEK_SET) < 0)
        return cdz_fail_errno(err, errno, "lseek", "cannot read a temporary file");
    cdz_str name =
        cdz_arena_printf(s->run->arena, "split-%06zu%.*s", s->uris.n + 1, CDZ_S(s->extension));
    CDZ_TRY(cdz_run_put_file(s->run, name, p->fd, &uri, err));
    CDZ_PUSH(s->run->arena, &s->uris, uri);
    if (ftruncate(p->fd, 0) < 0 || lseek(p->fd, 0, SEEK_SET) < 0)
        return cdz_fail_errno(err, errno, "ftruncate", "cannot empty a temporary file");
    p->bytes = p->lines = 0;
    return CDZ_OK;
}

/* ---- lines ---- */

static cdz_rc begin_line(struct splitter *s, struct cdz_err *err)
{
    struct piece *p = &s->pieces[s->lines % s->piece_count];
    const struct cdz_split *o = s->split;
    if (o->bytes ? p->bytes >= o->bytes : !o->partitions && p->lines >= o->rows)
        CDZ_TRY(store(s, p, err));
    if (p->fd < 0)
        CDZ_TRY(cdz_run_temp_file(s->run, &p->fd, err));
    s->current = p;
    return CDZ_OK;
}

static cdz_rc end_line(struct splitter *s, struct cdz_err *err)
{
    CDZ_TRY(put(s->current, s->split->separator, err));
    s->current->lines++;
    s->lines++;
    s->current = NULL;
    return CDZ_OK;
}

static cdz_rc feed(struct splitter *s, cdz_str bytes, struct cdz_err *err)
{
    while (bytes.n) {
        size_t end = 0;
        if (s->skip_lf && bytes.p[0] == '\n')
            bytes = cdz_str_sub(bytes, 1, bytes.n);
        s->skip_lf = false;
        while (end < bytes.n && bytes.p[end] != '\n' && bytes.p[end] != '\r')
            end++;
        if (!bytes.n)
            break;
        if (!s->current)
            CDZ_TRY(begin_line(s, err));
        CDZ_TRY(put(s->current, cdz_str_sub(bytes, 0, end), err));
        if (end == bytes.n)
            break;
        CDZ_TRY(end_line(s, err));
        s->skip_lf = bytes.p[end] == '\r';
        bytes = cdz_str_sub(bytes, end + 1, bytes.n);
    }
    return CDZ_OK;
}

static cdz_rc read_all(struct splitter *s, int fd, struct cdz_err *err)
{
    char *block = cdz_arena_alloc(s->run->arena, FLUSH_BYTES);
    for (;;) {
        ssize_t n = read(fd, block, FLUSH_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cdz_fail_errno(err, errno, "read", "cannot read the file to split");
        if (n == 0)
            break;
        CDZ_TRY(cdz_run_check(s->run, err));
        CDZ_TRY(feed(s, (cdz_str){block, (size_t)n}, err));
    }
    if (s->current)
        CDZ_TRY(end_line(s, err));
    for (size_t i = 0; i < s->piece_count; i++)
        CDZ_TRY(store(s, &s->pieces[i], err));
    return CDZ_OK;
}

/* ".ion" of ".../items.ion"; ".tmp" when the name has none. */
static cdz_str extension_of(cdz_str path)
{
    size_t at = path.n;
    while (at && path.p[at - 1] != '.' && path.p[at - 1] != '/')
        at--;
    return at && path.p[at - 1] == '.' && at < path.n ? cdz_str_sub(path, at - 1, path.n)
                                                      : CDZ_STR(".tmp");
}

cdz_rc cdz_split_file(struct cdz_run *run, const struct cdz_split *split, cdz_str uri,
                      cdz_str **ret_uris, size_t *ret_n, struct cdz_err *err)
{
    struct splitter s = {.run = run, .split = split, .piece_count = 1};
    cdz_str path;
    int fd;
    uint64_t size;
    CDZ_TRY(cdz_storage_path(uri, &path, err));
    if (!cdz_run_may_read(run, path))
        return cdz_fail(err, CDZ_E_TASK, "file %.*s is not this execution's to read", CDZ_S(uri));
    if (!split->bytes && split->partitions > CDZ_SPLIT_PARTS_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "a file can be split into at most %u partitions",
                        CDZ_SPLIT_PARTS_MAX);
    if (!split->bytes && split->partitions)
        s.piece_count = (size_t)split->partitions;
    s.extension = extension_of(path);
    s.pieces = CDZ_NEW_N(run->arena, struct piece, s.piece_count);
    for (size_t i = 0; i < s.piece_count; i++)
        s.pieces[i].fd = -1;
    CDZ_TRY(cdz_storage_open(run->worker->storage, path, &fd, &size, err));
    cdz_rc rc = read_all(&s, fd, err);
    (void)close(fd);
    for (size_t i = 0; i < s.piece_count; i++) {
        cdz_buf_done(&s.pieces[i].pending);
        if (s.pieces[i].fd >= 0)
            (void)close(s.pieces[i].fd);
    }
    *ret_uris = s.uris.v;
    *ret_n = s.uris.n;
    return rc;
}
