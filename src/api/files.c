/* files.c -- files of executions: download, size, preview. reference/api.md §2 (E48 to E50), §11.5.
 */
#include <errno.h>
#include <iconv.h>
#include <unistd.h>

#include "api/internal.h"
#include "base/limits.h"

enum { PREVIEW_BYTES = 2 << 20, PREVIEW_ROWS = 100, PREVIEW_ROWS_MAX = 5000 };

/* The storage path of the query's `path`, if it belongs to the execution of the route; otherwise
 * answers. */
static bool path_of(struct api_call *c, cdz_str *ret)
{
    struct cdz_execution *e;
    struct cdz_err err;
    cdz_str uri = api_query(c, "path"), path;
    if (!uri.p) {
        api_failf(c, CDZ_E_BAD_REQUEST, "Required QueryValue [path] not specified");
        return false;
    }
    if (cdz_repository_execution_get(c->api->s->repository, c->param[0], &e, &err) != CDZ_OK) {
        api_failf(c, CDZ_E_NOT_FOUND, "Execution not found");
        return false;
    }
    cdz_str folder = cdz_path_execution(e->namespace_, e->flow_id, e->id, c->arena);
    cdz_execution_free(e);
    if (cdz_storage_path(uri, &path, &err) != CDZ_OK) {
        api_fail(c, &err);
        return false;
    }
    if (!cdz_str_starts(path, folder) || path.n <= folder.n || path.p[folder.n] != '/' ||
        cdz_str_find(path, CDZ_STR(".."), 0) != SIZE_MAX) {
        api_failf(c, CDZ_E_INVALID, "Invalid prefix path");
        return false;
    }
    *ret = path;
    return true;
}

static cdz_str base_name(cdz_str path)
{
    size_t at = path.n;
    while (at > 0 && path.p[at - 1] != '/')
        at--;
    return cdz_str_sub(path, at, path.n);
}

/* The name between quotes: what could end them or the line is replaced. */
static cdz_str quotable(cdz_str name, struct cdz_arena *arena)
{
    char *p = cdz_arena_alloc(arena, name.n + 1);
    for (size_t i = 0; i < name.n; i++)
        p[i] = (unsigned char)name.p[i] < ' ' || name.p[i] == '"' || name.p[i] == '\\' ? '_'
                                                                                       : name.p[i];
    return (cdz_str){p, name.n};
}

static void download(struct api_call *c)
{
    struct cdz_err err;
    cdz_str path;
    uint64_t size;
    int fd;
    if (!path_of(c, &path))
        return;
    if (cdz_storage_open(c->api->s->storage, path, &fd, &size, &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_http_pair headers[] = {
        {CDZ_STR("Content-Disposition"),
         cdz_arena_printf(c->arena, "attachment; filename=\"%.*s\"",
                          CDZ_S(quotable(base_name(path), c->arena)))},
        {CDZ_STR("X-Content-Type-Options"), CDZ_STR("nosniff")},
    };
    cdz_http_answer_file(c->x, fd, size, "application/octet-stream", headers, CDZ_COUNT(headers));
}

static void metas(struct api_call *c)
{
    struct cdz_file_info info;
    struct cdz_err err;
    cdz_str path;
    if (!path_of(c, &path))
        return;
    if (cdz_storage_info(c->api->s->storage, path, c->arena, &info, &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_printf(&b, "{\"size\":%llu}", (unsigned long long)info.size);
    api_json(c, 200, &b);
}

/* The charset of the query, for iconv: (iconv_t)-1 when it is UTF-8. False: answered already. */
static bool charset_of(struct api_call *c, iconv_t *ret)
{
    cdz_str name = api_query(c, "encoding");
    *ret = (iconv_t)-1;
    if (!name.n || cdz_str_ieq(name, CDZ_STR("UTF-8")) || cdz_str_ieq(name, CDZ_STR("UTF8")))
        return true;
    *ret = memchr(name.p, 0, name.n) || memchr(name.p, '/', name.n)
               ? (iconv_t)-1
               : iconv_open("UTF-8", cdz_arena_z(c->arena, name));
    if (*ret != (iconv_t)-1)
        return true;
    api_failf(c, CDZ_E_INVALID, "Unable to preview using encoding '%.*s'", CDZ_S(name));
    return false;
}

/* Bytes that the charset does not have become a question mark; a character that is cut off at the
 * end is left out. */
static cdz_str converted(iconv_t charset, cdz_str text, struct cdz_arena *arena)
{
    size_t room = text.n * 4 + 4, left = text.n, free_left = room;
    char *to = cdz_arena_alloc(arena, room), *out = to, *in = (char *)(uintptr_t)text.p;
    while (left > 0 && iconv(charset, &in, &left, &out, &free_left) == (size_t)-1) {
        if (errno != EILSEQ || free_left == 0)
            break;
        in++;
        left--;
        *out++ = '?';
        free_left--;
    }
    return (cdz_str){to, room - free_left};
}

/* Text up to so many lines; what is no UTF-8 is shown with replacement characters. */
static void preview(struct api_call *c)
{
    struct cdz_err err;
    cdz_str path, rows = api_query(c, "maxRows"), name;
    uint64_t size;
    int64_t max = PREVIEW_ROWS;
    int fd;
    iconv_t charset;
    if (!path_of(c, &path))
        return;
    if (rows.p && (!cdz_str_to_i64(rows, &max) || max < 1)) {
        api_failf(c, CDZ_E_INVALID, "maxRows: must be a number from 1");
        return;
    }
    if (max > PREVIEW_ROWS_MAX)
        max = PREVIEW_ROWS_MAX;
    if (!charset_of(c, &charset))
        return;
    if (cdz_storage_open(c->api->s->storage, path, &fd, &size, &err) != CDZ_OK) {
        if (charset != (iconv_t)-1)
            iconv_close(charset);
        api_fail(c, &err);
        return;
    }
    CDZ_AUTO_BUF struct cdz_buf text = {.max = PREVIEW_BYTES};
    char part[16384];
    ssize_t n;
    int64_t lines = 0;
    bool cut = false;
    while (!cut && (n = read(fd, part, sizeof(part))) > 0) {
        size_t take = (size_t)n < PREVIEW_BYTES - text.n ? (size_t)n : PREVIEW_BYTES - text.n;
        cut = take < (size_t)n;
        for (size_t i = 0; i < take; i++) {
            if (part[i] == '\n' && ++lines == max) {
                cut |= i + 1 < take || text.n + i + 1 < size;
                take = i;
                break;
            }
        }
        cdz_buf_add(&text, part, take);
        if (lines == max)
            break;
    }
    close(fd);
    cdz_str content = cdz_buf_get(&text);
    if (charset != (iconv_t)-1) {
        content = converted(charset, content, c->arena);
        iconv_close(charset);
    }
    name = base_name(path);
    size_t dot = name.n;
    while (dot > 0 && name.p[dot - 1] != '.')
        dot--;
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_str(&w, "extension", dot ? cdz_str_sub(name, dot, name.n) : CDZ_STR(""));
    cdz_jw_z(&w, "type", cdz_str_ends(name, CDZ_STR(".md")) ? "MARKDOWN" : "TEXT");
    cdz_jw_str(&w, "content", content);
    cdz_jw_int(&w, "maxLine", max);
    cdz_jw_bool(&w, "truncated", cut);
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

const struct api_route api_file_routes[] = {
    {"GET", "/executions/{id}/file", download, "EXECUTION_READ"},
    {"GET", "/executions/{id}/file/metas", metas, "EXECUTION_READ"},
    {"GET", "/executions/{id}/file/preview", preview, "EXECUTION_READ"},
    {0},
};
