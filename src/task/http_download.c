/*
 * http_download.c -- io.kestra.plugin.core.http.Download
 *
 * The body goes to an unnamed temporary file as it comes, then to the storage: memory does not grow
 * with it, and a download that fails leaves nothing behind.
 */
#include <errno.h>
#include <unistd.h>

#include "base/id.h"
#include "task/http.h"
#include "task/split.h"
#include "task/types.h"

enum { NAME_MAX_BYTES = 200, EXTENSION_MAX_BYTES = 16 };

/* The bytes behind the last one of `any`. */
static cdz_str behind(cdz_str s, const char *any)
{
    size_t at = s.n;
    while (at > 0 && !(s.p[at - 1] && strchr(any, s.p[at - 1])))
        at--;
    return cdz_str_sub(s, at, s.n);
}

static size_t find_ignoring_case(cdz_str s, const char *what)
{
    cdz_str want = cdz_str_z(what);
    for (size_t i = 0; i + want.n <= s.n; i++) {
        if (cdz_str_ieq(cdz_str_sub(s, i, i + want.n), want))
            return i;
    }
    return SIZE_MAX;
}

/* The file name of a Content-Disposition, decoded; empty when there is none. RFC 6266. */
static cdz_str disposition_name(cdz_str header, struct cdz_arena *arena)
{
    size_t at = find_ignoring_case(header, "filename*=");
    if (at != SIZE_MAX) {
        cdz_str v = cdz_str_sub(header, at + 10, header.n);
        v = cdz_str_sub(v, 0, cdz_str_chr(v, ';', 0));
        size_t tick = cdz_str_chr(v, '\'', 0);
        tick = tick == SIZE_MAX ? tick : cdz_str_chr(v, '\'', tick + 1);
        if (tick != SIZE_MAX)
            return cdz_url_decode(cdz_str_trim(cdz_str_sub(v, tick + 1, v.n)), false, arena);
    }
    at = find_ignoring_case(header, "filename=");
    if (at == SIZE_MAX)
        return CDZ_STR("");
    cdz_str v = cdz_str_trim(cdz_str_sub(header, at + 9, header.n));
    if (v.n && v.p[0] == '"')
        return cdz_str_sub(v, 1, cdz_str_chr(v, '"', 1));
    return cdz_str_trim(cdz_str_sub(v, 0, cdz_str_chr(v, ';', 0)));
}

/* ".csv" of "http://host/a/data.csv?x=1", or ".tmp". */
static cdz_str extension_of(cdz_str url)
{
    size_t end = 0;
    while (end < url.n && url.p[end] != '?' && url.p[end] != '#')
        end++;
    url = cdz_str_sub(url, 0, end);
    size_t host = cdz_str_find(url, CDZ_STR("://"), 0);
    url = host == SIZE_MAX ? url : cdz_str_sub(url, host + 3, url.n);
    size_t slash = cdz_str_chr(url, '/', 0);
    cdz_str name = slash == SIZE_MAX ? CDZ_STR("") : behind(url, "/");
    cdz_str ext = behind(name, ".");
    bool good = ext.n > 0 && ext.n < name.n && ext.n <= EXTENSION_MAX_BYTES;
    for (size_t i = 0; i < ext.n; i++)
        good = good && ((ext.p[i] >= '0' && ext.p[i] <= '9') ||
                        ((ext.p[i] | 32) >= 'a' && (ext.p[i] | 32) <= 'z'));
    return good ? cdz_str_sub(name, name.n - ext.n - 1, name.n) : CDZ_STR(".tmp");
}

/* What the server calls it, made harmless, or a random name. */
static cdz_str name_of(const struct cdz_http_reply *r, cdz_str url, struct cdz_arena *arena)
{
    cdz_str said = cdz_http_reply_header(r, "content-disposition");
    cdz_str name = said.p ? behind(disposition_name(said, arena), "/\\") : CDZ_STR("");
    name = cdz_url_encode(name, arena);
    if (name.n > 0 && name.n <= NAME_MAX_BYTES && !cdz_str_is(name, ".") && !cdz_str_is(name, ".."))
        return name;
    return cdz_arena_printf(arena, "%016llx%.*s", (unsigned long long)cdz_random_u64(),
                            CDZ_S(extension_of(url)));
}

static cdz_rc store(struct cdz_run *run, const struct cdz_http_task *t,
                    const struct cdz_http_reply *reply, struct cdz_err *err)
{
    bool fail_on_empty;
    cdz_str uri;
    CDZ_TRY(cdz_run_bool(run, "failOnEmptyResponse", &fail_on_empty, err));
    if (reply->length == 0 && fail_on_empty)
        return cdz_fail(err, CDZ_E_TASK, "File '%.*s' is empty", CDZ_S(t->call.url));
    if (reply->length == 0)
        cdz_run_logf(run, CDZ_WARN, "File '%.*s' is empty", CDZ_S(t->call.url));
    if (lseek(t->call.to_fd, 0, SEEK_SET) != 0)
        return cdz_fail_errno(err, errno, "lseek", "the downloaded file cannot be read");
    CDZ_TRY(
        cdz_run_put_file(run, name_of(reply, t->call.url, run->arena), t->call.to_fd, &uri, err));
    cdz_run_output(run, "uri", cdz_val_text(uri));
    cdz_run_output(run, "length", cdz_val_int((int64_t)reply->length));
    return CDZ_OK;
}

static cdz_rc download_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_http_task t;
    struct cdz_http_reply reply;
    int fd = -1;
    cdz_rc rc = cdz_http_task_init(&t, run, err);
    if (rc == CDZ_OK)
        rc = cdz_run_temp_file(run, &fd, err);
    t.call.to_fd = fd;
    t.call.body_max = 0; /* maxContentLength is for what stays in memory */
    if (rc == CDZ_OK)
        rc = cdz_http_task_call(&t, &reply, err);
    if (rc == CDZ_OK)
        rc = store(run, &t, &reply, err);
    cdz_http_task_done(&t);
    if (fd >= 0)
        close(fd);
    return rc;
}

static const struct cdz_prop props[] = {
    CDZ_HTTP_PROPS,
    {"failOnEmptyResponse", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true", "An empty file is a failure."},
    {0},
};
static const struct cdz_prop outputs[] = {
    {"uri", CDZ_PROP_STRING, 0, NULL, "The file in the storage."},
    {"code", CDZ_PROP_INT, 0, NULL, "The status of the answer."},
    {"length", CDZ_PROP_INT, 0, NULL, "Bytes of the file."},
    {"headers", CDZ_PROP_MAP, 0, NULL, "Headers of the answer: name and list of values."},
    {0},
};

const struct cdz_type cdz_task_http_download = {
    .type = "io.kestra.plugin.core.http.Download",
    .aliases = (const char *const[]){"io.kestra.plugin.fs.http.Download", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Download a file into the storage.",
    .props = props,
    .outputs = outputs,
    .run = download_run,
};
