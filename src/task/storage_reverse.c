/*
 * storage_reverse.c -- io.kestra.plugin.core.storage.Reverse
 *
 * The file is searched for separators from its end, block by block, and each line is copied from file
 * to file: no line has to fit into memory.
 */
#include <errno.h>
#include <unistd.h>

#include "task/files.h"
#include "task/types.h"

enum { BLOCK = 64 << 10 };

struct reverse {
    int fd;
    cdz_str separator;
    struct cdz_out *out;
    uint64_t line_end; /* of the line whose beginning is looked for */
};

static cdz_rc put_line(struct reverse *r, uint64_t from, struct cdz_err *err)
{
    CDZ_TRY(cdz_out_copy(r->out, r->fd, from, r->line_end, err));
    return cdz_out_add(r->out, r->separator, err);
}

static cdz_rc read_at(int fd, char *to, size_t n, uint64_t at, struct cdz_err *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, to + done, n - done, (off_t)(at + done));
        if (got > 0)
            done += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return cdz_fail_errno(err, got ? errno : EIO, "pread", "the file cannot be read");
    }
    return CDZ_OK;
}

/* The lines that begin behind a separator in [from, to), last first. */
static cdz_rc scan(struct reverse *r, char *block, uint64_t from, uint64_t to, struct cdz_err *err)
{
    size_t n = (size_t)(to - from), sep = r->separator.n;
    CDZ_TRY(read_at(r->fd, block, n, from, err));
    for (size_t at = n + 1 - sep; n >= sep && at-- > 0;) {
        if (from + at + sep > r->line_end || memcmp(block + at, r->separator.p, sep) != 0)
            continue;
        CDZ_TRY(put_line(r, from + at + sep, err));
        r->line_end = from + at;
    }
    return CDZ_OK;
}

static cdz_rc reverse(struct reverse *r, uint64_t size, struct cdz_err *err)
{
    size_t sep = r->separator.n;
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    char *block = cdz_arena_alloc(arena, BLOCK + sep);
    r->line_end = size;
    if (size == 0)
        return CDZ_OK;
    if (size >= sep) { /* a separator at the very end begins no line */
        CDZ_TRY(read_at(r->fd, block, sep, size - sep, err));
        if (memcmp(block, r->separator.p, sep) == 0)
            r->line_end = size - sep;
    }
    for (uint64_t to = r->line_end; to > 0;) {
        uint64_t from = to > BLOCK ? to - BLOCK : 0;
        /* A separator may begin in this block and end in the one behind. */
        uint64_t end = to + sep - 1 < r->line_end ? to + sep - 1 : r->line_end;
        CDZ_TRY(scan(r, block, from, end, err));
        to = from;
    }
    return put_line(r, 0, err);
}

static cdz_rc check_charset(struct cdz_run *run, struct cdz_err *err)
{
    static const char *const same[] = {"UTF-8",      "US-ASCII",    "ASCII",
                                       "ISO-8859-1", "ISO-8859-15", "WINDOWS-1252"};
    cdz_str charset;
    CDZ_TRY(cdz_run_text(run, "charset", &charset, NULL, err));
    for (size_t i = 0; i < CDZ_COUNT(same); i++) {
        if (cdz_str_ieq(charset, cdz_str_z(same[i])))
            return CDZ_OK; /* the separator is the same bytes in all of them */
    }
    return cdz_fail(err, CDZ_E_TASK,
                    "charset `%.*s` is not supported, only those that extend ASCII",
                    CDZ_S(cdz_str_sub(charset, 0, 50)));
}

static cdz_rc reverse_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_out out = {.fd = -1};
    struct reverse r = {.out = &out};
    cdz_str from, path, uri;
    uint64_t size;
    CDZ_TRY(cdz_run_text(run, "from", &from, NULL, err));
    CDZ_TRY(cdz_run_text(run, "separator", &r.separator, NULL, err));
    CDZ_TRY(check_charset(run, err));
    if (!r.separator.n || r.separator.n > BLOCK)
        return cdz_fail(err, CDZ_E_TASK, "property `separator` must have 1 to %d bytes", BLOCK);
    CDZ_TRY(cdz_run_path(run, from, &path, err));
    CDZ_TRY(cdz_storage_open(run->worker->storage, path, &r.fd, &size, err));
    cdz_rc rc = cdz_out_open(&out, run, err);
    if (rc == CDZ_OK)
        rc = reverse(&r, size, err);
    if (rc == CDZ_OK)
        rc = cdz_out_store(&out, cdz_file_extension(from), &uri, err);
    cdz_out_done(&out);
    close(r.fd);
    CDZ_TRY(rc);
    cdz_run_output(run, "uri", cdz_val_text(uri));
    return CDZ_OK;
}

static const struct cdz_prop props[] = {
    {"from", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "The file to reverse."},
    {"separator", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, "\"\\n\"", "What ends a line."},
    {"charset", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, "UTF-8", "Of the file; one that extends ASCII."},
    {0},
};
static const struct cdz_prop outputs[] = {
    {"uri", CDZ_PROP_STRING, 0, NULL, "The new file."},
    {0},
};

const struct cdz_type cdz_task_storage_reverse = {
    .type = "io.kestra.plugin.core.storage.Reverse",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.Reverse", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Write the lines of a file in the opposite order.",
    .props = props,
    .outputs = outputs,
    .run = reverse_run,
};
