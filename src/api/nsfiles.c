/*
 * nsfiles.c -- /api/v1/namespaces/{ns}/files: the files that the flows of a namespace share.
 * reference/api.md §10.1 (NF1 to NF9).
 *
 * In archives the flows of the namespace stand in the folder `_flows`: an export has them, an import
 * makes them. The folder exists nowhere else, so paths into it are refused.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "api/internal.h"
#include "base/limits.h"
#include "base/zip.h"

#define FLOWS CDZ_STR("/_flows")

/* A path of the query as one that begins with '/' and has no "." or ".." part; false: answered. */
static bool clean(struct api_call *c, cdz_str given, cdz_str *ret)
{
    cdz_str path = cdz_str_starts(given, CDZ_STR("/"))
                       ? given
                       : cdz_arena_printf(c->arena, "/%.*s", CDZ_S(given));
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    for (size_t from = 1; from < path.n;) {
        size_t to = cdz_str_chr(path, '/', from);
        cdz_str part = cdz_str_sub(path, from, to == SIZE_MAX ? path.n : to);
        if (part.n == 0 || cdz_str_is(part, ".") || cdz_str_is(part, "..")) {
            api_failf(c, CDZ_E_INVALID, "Invalid path: %.*s", CDZ_S(given));
            return false;
        }
        from += part.n + 1;
    }
    if (cdz_str_eq(path, FLOWS) ||
        (cdz_str_starts(path, FLOWS) && path.n > FLOWS.n && path.p[FLOWS.n] == '/')) {
        api_failf(c, CDZ_E_INVALID, "Forbidden path: %.*s", CDZ_S(path));
        return false;
    }
    *ret = path;
    return true;
}

static bool path_of(struct api_call *c, const char *name, bool required, cdz_str *ret)
{
    cdz_str given = api_query(c, name);
    if (!given.p && required) {
        api_failf(c, CDZ_E_BAD_REQUEST, "Required QueryValue [%s] not specified", name);
        return false;
    }
    return clean(c, given.p ? given : CDZ_STR("/"), ret);
}

static bool is_root(cdz_str path)
{
    return path.n <= 1;
}

/* Where it lies in the storage. */
static cdz_str place(struct api_call *c, cdz_str path)
{
    return cdz_path_namespace_file(c->param[0], is_root(path) ? CDZ_STR("") : path, c->arena);
}

static cdz_str last_part(cdz_str path)
{
    size_t at = path.n;
    while (at > 0 && path.p[at - 1] != '/')
        at--;
    return cdz_str_sub(path, at, path.n);
}

/* --- reading -------------------------------------------------------------------------------- */

static void download(struct api_call *c)
{
    struct cdz_err err;
    cdz_str path;
    uint64_t size;
    int fd;
    if (!path_of(c, "path", true, &path))
        return;
    if (cdz_storage_open(c->api->s->storage, place(c, path), &fd, &size, &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_http_pair headers[] = {
        {CDZ_STR("Content-Disposition"), CDZ_STR("attachment")},
        {CDZ_STR("X-Content-Type-Options"), CDZ_STR("nosniff")},
    };
    cdz_http_answer_file(c->x, fd, size, "application/octet-stream", headers, CDZ_COUNT(headers));
}

static void search(struct api_call *c)
{
    cdz_str q = api_query(c, "q"), root = place(c, CDZ_STR("/"));
    struct cdz_file_info *v;
    struct cdz_err err;
    size_t n;
    if (!q.p) {
        api_failf(c, CDZ_E_BAD_REQUEST, "Required QueryValue [q] not specified");
        return;
    }
    if (cdz_storage_list(c->api->s->storage, root, true, c->arena, &v, &n, &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    for (size_t i = 0; i < n; i++) {
        cdz_str path = cdz_str_sub(v[i].path, root.n, v[i].path.n);
        if (!v[i].is_dir && cdz_str_find(path, q, 0) != SIZE_MAX)
            cdz_jw_str(&w, NULL, path);
    }
    cdz_jw_close(&w, ']');
    api_json(c, 200, &b);
}

static void put_attributes(struct cdz_jw *w, const struct cdz_file_info *f)
{
    cdz_jw_open(w, NULL, '{');
    cdz_jw_str(w, "fileName", last_part(f->path));
    cdz_jw_int(w, "lastModifiedTime", f->modified / 1000);
    cdz_jw_int(w, "creationTime", f->modified / 1000); /* stores do not keep it */
    cdz_jw_z(w, "type", f->is_dir ? "Directory" : "File");
    cdz_jw_int(w, "size", (int64_t)f->size);
    cdz_jw_close(w, '}');
}

/* The folder of all files is there even when nothing has been stored yet. */
static cdz_rc info_of(struct api_call *c, cdz_str path, struct cdz_file_info *ret,
                      struct cdz_err *err)
{
    cdz_rc rc = cdz_storage_info(c->api->s->storage, place(c, path), c->arena, ret, err);
    if (rc != CDZ_E_NOT_FOUND || !is_root(path))
        return rc;
    *ret = (struct cdz_file_info){.path = place(c, path), .is_dir = true};
    return CDZ_OK;
}

static void stats(struct api_call *c)
{
    struct cdz_file_info f;
    struct cdz_err err;
    cdz_str path;
    if (!path_of(c, "path", false, &path))
        return;
    if (info_of(c, path, &f, &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    put_attributes(&w, &f);
    api_json(c, 200, &b);
}

static void list(struct api_call *c)
{
    struct cdz_file_info f, *v;
    struct cdz_err err;
    cdz_str path;
    size_t n;
    if (!path_of(c, "path", false, &path))
        return;
    cdz_rc rc = info_of(c, path, &f, &err);
    if (rc == CDZ_OK)
        rc = cdz_storage_list(c->api->s->storage, place(c, path), false, c->arena, &v, &n, &err);
    if (rc != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    for (size_t i = 0; i < n; i++)
        put_attributes(&w, &v[i]);
    cdz_jw_close(&w, ']');
    api_json(c, 200, &b);
}

/* --- writing -------------------------------------------------------------------------------- */

static void answer_empty(struct api_call *c, cdz_rc rc, const struct cdz_err *err)
{
    if (rc == CDZ_OK)
        api_empty(c, 200);
    else
        api_fail(c, err);
}

static void make_folder(struct api_call *c)
{
    struct cdz_err err;
    cdz_str path;
    if (path_of(c, "path", false, &path))
        answer_empty(c, cdz_storage_mkdir(c->api->s->storage, place(c, path), &err), &err);
}

/* A file of an archive: a flow, or a file. Names that lead elsewhere are refused. */
static cdz_rc import_one(struct api_call *c, cdz_str name, cdz_str bytes, struct cdz_err *err)
{
    cdz_str path = cdz_str_starts(name, CDZ_STR("/"))
                       ? name
                       : cdz_arena_printf(c->arena, "/%.*s", CDZ_S(name));
    if (path.n && path.p[path.n - 1] == '/')
        return CDZ_OK; /* a folder: made with its files */
    if (cdz_str_starts(path, FLOWS) && path.n > FLOWS.n && path.p[FLOWS.n] == '/')
        return api_flow_import(c, c->param[0], bytes, err);
    return cdz_storage_put(c->api->s->storage, place(c, path), bytes, err);
}

static cdz_rc import_all(struct api_call *c, cdz_str archive, struct cdz_err *err)
{
    CDZ_AUTO_ZIP struct cdz_zip_reader z = {0};
    cdz_str name, bytes;
    CDZ_TRY(cdz_zip_open(&z, archive, err));
    for (;;) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0); /* of the entry */
        CDZ_TRY(cdz_zip_next(&z, arena, &name, &bytes, err));
        if (name.n == 0)
            return CDZ_OK;
        CDZ_TRY(import_one(c, name, bytes, err));
    }
}

cdz_rc api_with_upload(const struct cdz_http_part *part,
                       cdz_rc (*fn)(struct api_call *c, cdz_str bytes, struct cdz_err *err),
                       struct api_call *c, struct cdz_err *err)
{
    if (part->fd < 0)
        return fn(c, part->value, err);
    if (part->size == 0)
        return fn(c, CDZ_STR(""), err);
    if (part->size > CDZ_ZIP_BYTES_MAX)
        return cdz_fail(err, CDZ_E_TOO_LARGE, "the upload is larger than %u MB",
                        CDZ_ZIP_BYTES_MAX >> 20);
    void *p = mmap(NULL, part->size, PROT_READ, MAP_PRIVATE, part->fd, 0);
    if (p == MAP_FAILED)
        return cdz_fail(err, CDZ_E_UNAVAILABLE, "the upload cannot be read");
    cdz_rc rc = fn(c, (cdz_str){p, part->size}, err);
    munmap(p, part->size);
    return rc;
}

static void upload(struct api_call *c)
{
    const struct cdz_http_part *part = NULL;
    struct cdz_err err;
    cdz_str path;
    cdz_rc rc;
    if (!path_of(c, "path", true, &path))
        return;
    for (size_t i = 0; i < c->r->part_count; i++) {
        if (cdz_str_is(c->r->parts[i].name, "fileContent"))
            part = &c->r->parts[i];
    }
    if (!part) {
        api_failf(c, CDZ_E_BAD_REQUEST, "Required part [fileContent] not specified");
        return;
    }
    cdz_str file = part->filename.p ? part->filename : last_part(path);
    if (cdz_str_ends(file, CDZ_STR(".zip")))
        rc = api_with_upload(part, import_all, c, &err);
    else if (is_root(path))
        rc = cdz_fail(&err, CDZ_E_INVALID, "path: must name a file");
    else if (part->fd < 0)
        rc = cdz_storage_put(c->api->s->storage, place(c, path), part->value, &err);
    else
        rc = cdz_storage_put_file(c->api->s->storage, place(c, path), part->fd, &err);
    answer_empty(c, rc, &err);
}

static void move(struct api_call *c)
{
    struct cdz_err err;
    cdz_str from, to;
    if (!path_of(c, "from", true, &from) || !path_of(c, "to", true, &to))
        return;
    if (is_root(from) || is_root(to))
        api_failf(c, CDZ_E_INVALID, "from, to: must name a file or a folder");
    else
        answer_empty(c, cdz_storage_move(c->api->s->storage, place(c, from), place(c, to), &err),
                     &err);
}

/* Folders above that have become empty go, too. */
static cdz_rc delete_with_parents(struct api_call *c, cdz_str path, struct cdz_err *err)
{
    CDZ_TRY(cdz_storage_del(c->api->s->storage, place(c, path), err));
    for (;;) {
        struct cdz_file_info *v;
        size_t n;
        path.n -= last_part(path).n + 1;
        if (path.n == 0)
            return CDZ_OK;
        CDZ_TRY(cdz_storage_list(c->api->s->storage, place(c, path), false, c->arena, &v, &n, err));
        if (n > 0)
            return CDZ_OK;
        CDZ_TRY(cdz_storage_del(c->api->s->storage, place(c, path), err));
    }
}

static void del(struct api_call *c)
{
    struct cdz_err err;
    cdz_str path;
    if (!path_of(c, "path", true, &path))
        return;
    if (is_root(path))
        answer_empty(c, cdz_storage_del(c->api->s->storage, place(c, path), &err), &err);
    else
        answer_empty(c, delete_with_parents(c, path, &err), &err);
}

/* --- export --------------------------------------------------------------------------------- */

static cdz_rc export_files(struct api_call *c, struct cdz_zip_writer *z, struct cdz_err *err)
{
    cdz_str root = place(c, CDZ_STR("/"));
    struct cdz_file_info *v;
    size_t n;
    CDZ_TRY(cdz_storage_list(c->api->s->storage, root, true, c->arena, &v, &n, err));
    for (size_t i = 0; i < n; i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str name = cdz_str_sub(v[i].path, root.n + 1, v[i].path.n), bytes = CDZ_STR("");
        if (v[i].is_dir)
            name = cdz_arena_printf(arena, "%.*s/", CDZ_S(name));
        else
            CDZ_TRY(cdz_storage_get(c->api->s->storage, v[i].path, CDZ_ZIP_BYTES_MAX, arena, &bytes,
                                    err));
        CDZ_TRY(cdz_zip_add(z, name, bytes, err));
    }
    return CDZ_OK;
}

static cdz_rc export_flows(struct api_call *c, struct cdz_zip_writer *z, struct cdz_err *err)
{
    struct cdz_flow_filter f = {.namespace_ = c->param[0], .namespace_exact = true};
    struct cdz_page all = {0};
    struct cdz_flow_row *rows;
    uint64_t total;
    size_t n;
    CDZ_TRY(cdz_repository_flow_find(c->api->s->repository, &f, &all, c->arena, &rows, &n, &total,
                                     err));
    for (size_t i = 0; i < n; i++)
        CDZ_TRY(cdz_zip_add(z,
                            cdz_arena_printf(c->arena, "_flows/%.*s.%.*s.yml",
                                             CDZ_S(rows[i].namespace_), CDZ_S(rows[i].id)),
                            rows[i].source, err));
    return CDZ_OK;
}

void api_zip(struct api_call *c, cdz_str name, struct cdz_buf *archive)
{
    struct cdz_http_pair header = {
        CDZ_STR("Content-Disposition"),
        cdz_arena_printf(c->arena, "attachment; filename=\"%.*s\"", CDZ_S(name))};
    cdz_http_answer_buf(c->x, 200, "application/octet-stream", archive, &header, 1);
}

static void export(struct api_call *c)
{
    struct cdz_buf archive = CDZ_BUF_INIT;
    struct cdz_zip_writer z;
    struct cdz_err err;
    cdz_zip_begin(&z, &archive);
    cdz_rc rc = export_files(c, &z, &err);
    if (rc == CDZ_OK)
        rc = export_flows(c, &z, &err);
    cdz_zip_end(&z);
    if (rc == CDZ_OK) {
        api_zip(c, cdz_arena_printf(c->arena, "%.*s_files.zip", CDZ_S(c->param[0])), &archive);
    } else {
        cdz_buf_done(&archive);
        api_fail(c, &err);
    }
}

const struct api_route api_namespace_file_routes[] = {
    {"GET", "/namespaces/{ns}/files", download, "NAMESPACE_FILE_READ"},
    {"GET", "/namespaces/{ns}/files/search", search, "NAMESPACE_FILE_READ"},
    {"GET", "/namespaces/{ns}/files/stats", stats, "NAMESPACE_FILE_READ"},
    {"GET", "/namespaces/{ns}/files/directory", list, "NAMESPACE_FILE_READ"},
    {"GET", "/namespaces/{ns}/files/export", export, "NAMESPACE_FILE_READ"},
    {"POST", "/namespaces/{ns}/files/directory", make_folder, "NAMESPACE_FILE_UPDATE"},
    {"POST", "/namespaces/{ns}/files", upload, "NAMESPACE_FILE_UPDATE"},
    {"PUT", "/namespaces/{ns}/files", move, "NAMESPACE_FILE_UPDATE"},
    {"DELETE", "/namespaces/{ns}/files", del, "NAMESPACE_FILE_DELETE"},
    {0},
};
