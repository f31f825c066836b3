/* storage_simple.c -- io.kestra.plugin.core.storage: Size, Delete, Write, PurgeCurrentExecutionFiles */
#include "task/files.h"
#include "task/types.h"

static cdz_rc size_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_file_info info;
    cdz_str uri, path;
    CDZ_TRY(cdz_run_text(run, "uri", &uri, NULL, err));
    CDZ_TRY(cdz_run_path(run, uri, &path, err));
    CDZ_TRY(cdz_storage_info(run->worker->storage, path, run->arena, &info, err));
    cdz_run_output(run, "size", cdz_val_int((int64_t)info.size));
    return CDZ_OK;
}

static cdz_rc delete_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_storage *storage = run->worker->storage;
    struct cdz_file_info info;
    cdz_str uri, path;
    bool must;
    CDZ_TRY(cdz_run_text(run, "uri", &uri, NULL, err));
    CDZ_TRY(cdz_run_bool(run, "errorOnMissing", &must, err));
    CDZ_TRY(cdz_run_path(run, uri, &path, err));
    cdz_rc rc = cdz_storage_info(storage, path, run->arena, &info, err);
    bool is_there = rc == CDZ_OK;
    if (rc != CDZ_OK && rc != CDZ_E_NOT_FOUND)
        return rc;
    if (!is_there && must)
        return cdz_fail(err, CDZ_E_TASK, "Unable to find file '%.*s'", CDZ_S(uri));
    if (is_there)
        CDZ_TRY(cdz_storage_del(storage, path, err));
    cdz_run_output(run, "uri", cdz_val_text(uri));
    cdz_run_output(run, "deleted", cdz_val_bool(is_there));
    return CDZ_OK;
}

static cdz_rc write_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_out out;
    cdz_str content, extension, uri;
    CDZ_TRY(cdz_run_text(run, "content", &content, NULL, err));
    CDZ_TRY(cdz_run_text(run, "extension", &extension, NULL, err));
    if (cdz_str_chr(extension, '/', 0) != SIZE_MAX)
        return cdz_fail(err, CDZ_E_TASK, "property `extension` must not hold a '/'");
    CDZ_TRY(cdz_out_open(&out, run, err));
    cdz_rc rc = cdz_out_add(&out, content, err);
    if (rc == CDZ_OK)
        rc = cdz_out_store(&out, extension, &uri, err);
    cdz_out_done(&out);
    CDZ_TRY(rc);
    cdz_run_output(run, "uri", cdz_val_text(uri));
    return CDZ_OK;
}

static cdz_rc purge_run(struct cdz_run *run, struct cdz_err *err)
{
    const struct cdz_job *j = run->job;
    cdz_str folder = cdz_path_execution(j->namespace_, j->flow_id, j->execution_id, run->arena);
    struct cdz_file_info *files;
    cdz_val uris = cdz_val_list(run->arena, 0);
    size_t n;
    CDZ_TRY(cdz_storage_list(run->worker->storage, folder, true, run->arena, &files, &n, err));
    CDZ_TRY(cdz_storage_del(run->worker->storage, folder, err));
    for (size_t i = 0; i < n; i++) {
        if (!files[i].is_dir)
            cdz_list_push(run->arena, uris,
                          cdz_val_text(cdz_storage_uri(files[i].path, run->arena)));
    }
    cdz_run_output(run, "uris", uris);
    return CDZ_OK;
}

static const struct cdz_prop size_props[] = {
    {"uri", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "The file."},
    {0},
};
static const struct cdz_prop size_outputs[] = {
    {"size", CDZ_PROP_INT, 0, NULL, "Its bytes."},
    {0},
};
static const struct cdz_prop delete_props[] = {
    {"uri", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "The file."},
    {"errorOnMissing", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "false", "Fail when it does not exist."},
    {0},
};
static const struct cdz_prop delete_outputs[] = {
    {"uri", CDZ_PROP_STRING, 0, NULL, "The file."},
    {"deleted", CDZ_PROP_BOOL, 0, NULL, "Whether it was there."},
    {0},
};
static const struct cdz_prop write_props[] = {
    {"content", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "What to write."},
    {"extension", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Of the new file, such as .txt."},
    {0},
};
static const struct cdz_prop uri_outputs[] = {
    {"uri", CDZ_PROP_STRING, 0, NULL, "The new file."},
    {0},
};
static const struct cdz_prop no_props[] = {{0}};
static const struct cdz_prop purge_outputs[] = {
    {"uris", CDZ_PROP_LIST, 0, NULL, "The files that were deleted."},
    {0},
};

const struct cdz_type cdz_task_storage_size = {
    .type = "io.kestra.plugin.core.storage.Size",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.Size", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Get the size of a file.",
    .props = size_props,
    .outputs = size_outputs,
    .run = size_run,
};
const struct cdz_type cdz_task_storage_delete = {
    .type = "io.kestra.plugin.core.storage.Delete",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.Delete", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Delete a file.",
    .props = delete_props,
    .outputs = delete_outputs,
    .run = delete_run,
};
const struct cdz_type cdz_task_storage_write = {
    .type = "io.kestra.plugin.core.storage.Write",
    .kind = CDZ_RUNNABLE,
    .title = "Write a text to a file of the storage.",
    .props = write_props,
    .outputs = uri_outputs,
    .run = write_run,
};
const struct cdz_type cdz_task_storage_purge_current = {
    .type = "io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles",
    .aliases = (const char *const[]){"io.kestra.plugin.core.storage.PurgeExecution",
                                     "io.kestra.core.tasks.storages.PurgeExecution", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Delete all files of the current execution.",
    .props = no_props,
    .outputs = purge_outputs,
    .run = purge_run,
};
