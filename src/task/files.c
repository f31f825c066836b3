/* files.c -- see files.h. */
#include "task/files.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/id.h"
#include "base/limits.h"
#include "task/split.h"

enum { BLOCK = 64 << 10, EXTENSION_MAX = 17 };

cdz_str cdz_file_extension(cdz_str path)
{
    size_t at = path.n;
    while (at > 0 && path.n - at < EXTENSION_MAX && isalnum((unsigned char)path.p[at - 1]))
        at--;
    bool good = at > 1 && at < path.n && path.p[at - 1] == '.' && path.p[at - 2] != '/';
    return good ? cdz_str_sub(path, at - 1, path.n) : CDZ_STR(".tmp");
}

cdz_str cdz_file_name(struct cdz_run *run, cdz_str extension)
{
    return cdz_arena_printf(run->arena, "%016llx%016llx%.*s", (unsigned long long)cdz_random_u64(),
                            (unsigned long long)cdz_random_u64(), CDZ_S(extension));
}

/* --- reading --- */

cdz_rc cdz_lines_open(struct cdz_lines *l, struct cdz_run *run, cdz_str uri, cdz_str separator,
                      struct cdz_err *err)
{
    cdz_str path;
    uint64_t size;
    int fd;
    if (!separator.n)
        return cdz_fail(err, CDZ_E_TASK, "the separator must not be empty");
    CDZ_TRY(cdz_run_path(run, uri, &path, err));
    CDZ_TRY(cdz_storage_open(run->worker->storage, path, &fd, &size, err));
    *l = (struct cdz_lines){.fd = fd, .separator = separator, .run = run};
    return CDZ_OK;
}

void cdz_lines_done(struct cdz_lines *l)
{
    cdz_buf_done(&l->buf);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

/* Another block behind what is there; what has been handed out is dropped first. */
static cdz_rc more(struct cdz_lines *l, struct cdz_err *err)
{
    CDZ_TRY(cdz_run_check(l->run, err));
    if (l->at > 0) {
        memmove(l->buf.p, l->buf.p + l->at, l->buf.n - l->at);
        l->buf.n -= l->at;
        l->at = 0;
    }
    if (l->buf.n > CDZ_ITEM_BYTES_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "a line of the file has more than %u bytes",
                        CDZ_ITEM_BYTES_MAX);
    for (;;) {
        ssize_t n = read(l->fd, cdz_buf_room(&l->buf, BLOCK), BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cdz_fail_errno(err, errno, "read", "the file cannot be read");
        l->end = n == 0;
        l->buf.n += (size_t)n;
        return CDZ_OK;
    }
}

cdz_rc cdz_lines_next(struct cdz_lines *l, cdz_str *ret, bool *ret_end, struct cdz_err *err)
{
    size_t looked = l->at;
    *ret_end = false;
    for (;;) {
        cdz_str all = cdz_buf_get(&l->buf);
        size_t hit = cdz_str_find(all, l->separator, looked);
        if (hit != SIZE_MAX) {
            *ret = cdz_str_sub(all, l->at, hit);
            l->at = hit + l->separator.n;
            return CDZ_OK;
        }
        if (l->end) {
            *ret = cdz_str_sub(all, l->at, all.n);
            *ret_end = l->at >= all.n;
            l->at = all.n;
            return CDZ_OK;
        }
        /* A separator may be cut by the block's end: look at its first part again. */
        size_t keep = all.n - l->at;
        looked = keep >= l->separator.n ? keep - l->separator.n + 1 : 0;
        CDZ_TRY(more(l, err));
    }
}

/* --- writing --- */

cdz_rc cdz_out_open(struct cdz_out *o, struct cdz_run *run, struct cdz_err *err)
{
    *o = (struct cdz_out){.run = run, .fd = -1};
    return cdz_run_temp_file(run, &o->fd, err);
}

void cdz_out_done(struct cdz_out *o)
{
    cdz_buf_done(&o->buf);
    if (o->fd >= 0)
        close(o->fd);
    o->fd = -1;
}

static cdz_rc flush(struct cdz_out *o, struct cdz_err *err)
{
    CDZ_TRY(cdz_run_check(o->run, err));
    for (size_t done = 0; done < o->buf.n;) {
        ssize_t n = write(o->fd, o->buf.p + done, o->buf.n - done);
        if (n > 0)
            done += (size_t)n;
        else if (errno != EINTR)
            return cdz_fail_errno(err, errno, "write", "a temporary file cannot be written");
    }
    cdz_buf_reset(&o->buf);
    return CDZ_OK;
}

cdz_rc cdz_out_add(struct cdz_out *o, cdz_str bytes, struct cdz_err *err)
{
    cdz_buf_str(&o->buf, bytes);
    o->bytes += bytes.n;
    return o->buf.n >= BLOCK ? flush(o, err) : CDZ_OK;
}

cdz_rc cdz_out_copy(struct cdz_out *o, int fd, uint64_t from, uint64_t to, struct cdz_err *err)
{
    while (from < to) {
        size_t want = to - from < BLOCK ? (size_t)(to - from) : BLOCK;
        ssize_t n = pread(fd, cdz_buf_room(&o->buf, want), want, (off_t)from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return cdz_fail_errno(err, n ? errno : EIO, "pread", "the file cannot be read");
        o->buf.n += (size_t)n;
        o->bytes += (uint64_t)n;
        from += (uint64_t)n;
        if (o->buf.n >= BLOCK)
            CDZ_TRY(flush(o, err));
    }
    return CDZ_OK;
}

cdz_rc cdz_out_store(struct cdz_out *o, cdz_str extension, cdz_str *ret_uri, struct cdz_err *err)
{
    CDZ_TRY(flush(o, err));
    if (lseek(o->fd, 0, SEEK_SET) != 0)
        return cdz_fail_errno(err, errno, "lseek", "a temporary file cannot be read");
    return cdz_run_put_file(o->run, cdz_file_name(o->run, extension), o->fd, ret_uri, err);
}
