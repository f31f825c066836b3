/* namespace_files.c -- io.kestra.plugin.core.namespace: UploadFiles, DownloadFiles, DeleteFiles */
#include <unistd.h>

#include "task/glob.h"
#include "task/types.h"
#include "task/workdir.h"

enum conflict { OVERWRITE, ERROR, SKIP };
static const char *const conflicts[] = {"OVERWRITE", "ERROR", "SKIP", NULL};

static cdz_rc namespace_of(struct cdz_run *run, cdz_str *ret, struct cdz_err *err)
{
    CDZ_TRY(cdz_run_text(run, "namespace", ret, NULL, err));
    for (size_t i = 0; i < ret->n; i++) {
        if (ret->p[i] == '/')
            return cdz_fail(err, CDZ_E_TASK, "`%.*s` is not a namespace", CDZ_S(*ret));
    }
    if (!ret->n)
        return cdz_fail(err, CDZ_E_TASK, "property `namespace` is empty");
    return CDZ_OK;
}

/* --- UploadFiles --- */

struct upload {
    struct cdz_run *run;
    cdz_str namespace_, destination; /* destination: without '/' at its ends */
    enum conflict conflict;
};

static cdz_str trim_slashes(cdz_str s)
{
    while (s.n && s.p[0] == '/')
        s = cdz_str_sub(s, 1, s.n);
    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    return s;
}

/* Whether name is to be written, and its path. */
static cdz_rc target(struct upload *u, cdz_str name, cdz_str *ret_path, bool *ret_write,
                     struct cdz_err *err)
{
    struct cdz_arena *arena = u->run->arena;
    struct cdz_file_info info;
    cdz_str below = cdz_arena_printf(arena, "%.*s%s%.*s", CDZ_S(u->destination),
                                     u->destination.n ? "/" : "", CDZ_S(trim_slashes(name)));
    *ret_path = cdz_path_namespace_file(u->namespace_, below, arena);
    *ret_write = true;
    if (u->conflict == OVERWRITE)
        return CDZ_OK;
    cdz_rc rc = cdz_storage_info(u->run->worker->storage, *ret_path, arena, &info, err);
    if (rc == CDZ_E_NOT_FOUND)
        return CDZ_OK;
    CDZ_TRY(rc);
    if (u->conflict == ERROR)
        return cdz_fail(err, CDZ_E_TASK, "File /%.*s already exists in namespace %.*s",
                        CDZ_S(below), CDZ_S(u->namespace_));
    *ret_write = false;
    cdz_run_logf(u->run, CDZ_DEBUG, "File /%.*s already exists, skipped", CDZ_S(below));
    return CDZ_OK;
}

static cdz_rc upload_uri(struct upload *u, cdz_str name, cdz_str uri, struct cdz_err *err)
{
    struct cdz_storage *storage = u->run->worker->storage;
    cdz_str from, to;
    uint64_t size;
    bool write;
    int fd;
    CDZ_TRY(cdz_run_path(u->run, uri, &from, err));
    CDZ_TRY(target(u, name, &to, &write, err));
    if (!write)
        return CDZ_OK;
    CDZ_TRY(cdz_storage_open(storage, from, &fd, &size, err));
    cdz_rc rc = cdz_storage_put_file(storage, to, fd, err);
    close(fd);
    return rc;
}

static cdz_rc upload_map(struct upload *u, cdz_val map, struct cdz_err *err)
{
    if (map.kind != CDZ_MAP)
        return cdz_fail(err, CDZ_E_TASK, "property `filesMap` must be a map, not a %s",
                        cdz_val_kind_name(map));
    CDZ_MAP_EACH (e, map) {
        if (e->val.kind != CDZ_TEXT)
            return cdz_fail(err, CDZ_E_TASK, "`%.*s` of `filesMap` must be a kestra:// URI",
                            CDZ_S(e->key));
        CDZ_TRY(upload_uri(u, e->key, cdz_val_str(e->val), err));
    }
    return CDZ_OK;
}

static cdz_rc upload_local(struct upload *u, struct cdz_workdir *dir, cdz_val globs,
                           struct cdz_err *err)
{
    cdz_val found;
    CDZ_TRY(cdz_workdir_find(dir, globs, &found, err));
    CDZ_LIST_EACH (name, found) {
        cdz_str to;
        bool write;
        int fd;
        CDZ_TRY(target(u, cdz_val_str(*name), &to, &write, err));
        if (!write)
            continue;
        CDZ_TRY(cdz_workdir_read(dir, cdz_val_str(*name), &fd, err));
        cdz_rc rc = cdz_storage_put_file(u->run->worker->storage, to, fd, err);
        close(fd);
        CDZ_TRY(rc);
    }
    return CDZ_OK;
}

static cdz_rc upload_run(struct cdz_run *run, struct cdz_err *err)
{
    struct upload u = {.run = run};
    cdz_val globs, map;
    cdz_str conflict;
    CDZ_TRY(namespace_of(run, &u.namespace_, err));
    CDZ_TRY(cdz_run_text(run, "destination", &u.destination, NULL, err));
    CDZ_TRY(cdz_run_text(run, "conflict", &conflict, NULL, err));
    u.destination = trim_slashes(u.destination);
    while (u.conflict < SKIP && !cdz_str_is(conflict, conflicts[u.conflict]))
        u.conflict++;
    if (!cdz_str_is(conflict, conflicts[u.conflict]))
        return cdz_fail(err, CDZ_E_TASK,
                        "property `conflict` must be OVERWRITE, ERROR or SKIP, not `%.*s`",
                        CDZ_S(cdz_str_sub(conflict, 0, 50)));
    CDZ_TRY(cdz_run_texts(run, "files", &globs, err));
    CDZ_TRY(cdz_run_json(run, "filesMap", &map, err));
    if (cdz_val_is_null(globs) && cdz_val_is_null(map))
        return cdz_fail(err, CDZ_E_TASK, "one of `files` and `filesMap` must be given");
    if (!cdz_val_is_null(map))
        CDZ_TRY(upload_map(&u, map, err));
    if (!cdz_val_is_null(globs)) {
        struct cdz_workdir dir;
        CDZ_TRY(cdz_workdir_open(run, &dir, err));
        cdz_rc rc = upload_local(&u, &dir, globs, err);
        dir.is_left = true;
        cdz_workdir_close(&dir);
        CDZ_TRY(rc);
    }
    return CDZ_OK;
}

/* --- DownloadFiles, DeleteFiles --- */

/* Calls for each file of the namespace that matches `files`; name has no leading slash. */
static cdz_rc each_match(struct cdz_run *run, cdz_str ns,
                         cdz_rc (*fn)(struct cdz_run *run, void *ctx, cdz_str path, cdz_str name,
                                      struct cdz_err *err),
                         void *ctx, size_t *ret_n, struct cdz_err *err)
{
    cdz_str root = cdz_path_namespace_file(ns, CDZ_STR(""), run->arena);
    struct cdz_file_info *files;
    cdz_val globs;
    size_t n;
    *ret_n = 0;
    CDZ_TRY(cdz_run_texts(run, "files", &globs, err));
    CDZ_TRY(cdz_storage_list(run->worker->storage, root, true, run->arena, &files, &n, err));
    for (size_t i = 0; i < n; i++) {
        cdz_str name = cdz_str_sub(files[i].path, root.n + 1, files[i].path.n);
        bool hit;
        if (files[i].is_dir)
            continue;
        CDZ_TRY(cdz_glob_match_any(globs, name, run->arena, &hit, err));
        if (!hit)
            continue;
        CDZ_TRY(cdz_run_check(run, err));
        CDZ_TRY(fn(run, ctx, files[i].path, name, err));
        ++*ret_n;
    }
    return CDZ_OK;
}

struct download {
    cdz_val files;
    cdz_str destination;
};

static cdz_rc download_one(struct cdz_run *run, void *ctx, cdz_str path, cdz_str name,
                           struct cdz_err *err)
{
    struct download *d = ctx;
    cdz_str uri, to = cdz_arena_printf(run->arena, "%.*s%s%.*s", CDZ_S(d->destination),
                                       d->destination.n ? "/" : "", CDZ_S(name));
    uint64_t size;
    int fd;
    CDZ_TRY(cdz_storage_open(run->worker->storage, path, &fd, &size, err));
    cdz_rc rc = cdz_run_put_file(run, to, fd, &uri, err);
    close(fd);
    CDZ_TRY(rc);
    cdz_run_logf(run, CDZ_DEBUG, "Downloaded %.*s", CDZ_S(name));
    cdz_map_put(run->arena, d->files, cdz_arena_printf(run->arena, "/%.*s", CDZ_S(name)),
                cdz_val_text(uri));
    return CDZ_OK;
}

static cdz_rc download_run(struct cdz_run *run, struct cdz_err *err)
{
    struct download d = {.files = cdz_val_map(run->arena, 0)};
    cdz_str ns;
    size_t n;
    CDZ_TRY(namespace_of(run, &ns, err));
    CDZ_TRY(cdz_run_text(run, "destination", &d.destination, NULL, err));
    d.destination = trim_slashes(d.destination);
    CDZ_TRY(each_match(run, ns, download_one, &d, &n, err));
    cdz_run_output(run, "files", d.files);
    cdz_run_metric(run, "counter", "downloaded", (double)n, NULL, 0);
    return CDZ_OK;
}

static cdz_rc delete_one(struct cdz_run *run, void *ctx, cdz_str path, cdz_str name,
                         struct cdz_err *err)
{
    (void)ctx;
    CDZ_TRY(cdz_storage_del(run->worker->storage, path, err));
    cdz_run_logf(run, CDZ_DEBUG, "Deleted %.*s", CDZ_S(name));
    return CDZ_OK;
}

static cdz_rc delete_run(struct cdz_run *run, struct cdz_err *err)
{
    cdz_str ns;
    size_t n;
    CDZ_TRY(namespace_of(run, &ns, err));
    CDZ_TRY(each_match(run, ns, delete_one, NULL, &n, err));
    cdz_run_metric(run, "counter", "deleted", (double)n, NULL, 0);
    return CDZ_OK;
}

#define NAMESPACE                                                                                  \
    {                                                                                              \
        "namespace", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "Whose files."   \
    }
#define FILES                                                                                      \
    {                                                                                              \
        "files", CDZ_PROP_STRINGS, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL,      \
            "Paths or globs; a bare one matches at any depth."                                     \
    }

static const struct cdz_prop upload_props[] = {
    NAMESPACE,
    {"files", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL,
     "Globs of files of the working directory."},
    {"filesMap", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, NULL,
     "Names and kestra:// URIs: a map, or text that holds one as JSON."},
    {"destination", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, "/", "The folder they go to."},
    {"conflict", CDZ_PROP_ENUM, CDZ_PROP_DYNAMIC, "OVERWRITE",
     "What becomes of a file that is there.", conflicts},
    {0},
};
static const struct cdz_prop download_props[] = {
    NAMESPACE,
    FILES,
    {"destination", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "A folder in front of their names."},
    {0},
};
static const struct cdz_prop delete_props[] = {NAMESPACE, FILES, {0}};
static const struct cdz_prop download_outputs[] = {
    {"files", CDZ_PROP_MAP, 0, NULL, "The copies by path."},
    {0},
};

const struct cdz_type cdz_task_namespace_upload = {
    .type = "io.kestra.plugin.core.namespace.UploadFiles",
    .kind = CDZ_RUNNABLE,
    .title = "Put files among those of a namespace.",
    .props = upload_props,
    .run = upload_run,
};
const struct cdz_type cdz_task_namespace_download = {
    .type = "io.kestra.plugin.core.namespace.DownloadFiles",
    .kind = CDZ_RUNNABLE,
    .title = "Copy files of a namespace into the execution.",
    .props = download_props,
    .outputs = download_outputs,
    .run = download_run,
};
const struct cdz_type cdz_task_namespace_delete = {
    .type = "io.kestra.plugin.core.namespace.DeleteFiles",
    .kind = CDZ_RUNNABLE,
    .title = "Delete files of a namespace.",
    .props = delete_props,
    .run = delete_run,
};
