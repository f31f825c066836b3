/* storage_concat.c -- io.kestra.plugin.core.storage.Concat */
#include <unistd.h>

#include "task/files.h"
#include "task/types.h"

static cdz_rc append(struct cdz_run *run, struct cdz_out *out, cdz_str uri, struct cdz_err *err)
{
    cdz_str path;
    uint64_t size;
    int fd;
    CDZ_TRY(cdz_run_path(run, uri, &path, err));
    CDZ_TRY(cdz_storage_open(run->worker->storage, path, &fd, &size, err));
    cdz_rc rc = cdz_out_copy(out, fd, 0, size, err);
    close(fd);
    return rc;
}

static cdz_rc append_all(struct cdz_run *run, struct cdz_out *out, struct cdz_err *err)
{
    cdz_val files, separator = cdz_map_getz(run->task->props, "separator");
    CDZ_TRY(cdz_run_texts(run, "files", &files, err));
    if (files.kind != CDZ_LIST)
        return CDZ_OK;
    CDZ_LIST_EACH (uri, files) {
        CDZ_TRY(append(run, out, cdz_val_str(*uri), err));
        if (separator.kind == CDZ_TEXT) /* behind the last one, too, as the original */
            CDZ_TRY(cdz_out_add(out, cdz_val_str(separator), err));
    }
    return CDZ_OK;
}

static cdz_rc concat_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_out out;
    cdz_str extension, uri;
    CDZ_TRY(cdz_run_text(run, "extension", &extension, NULL, err));
    CDZ_TRY(cdz_out_open(&out, run, err));
    cdz_rc rc = append_all(run, &out, err);
    if (rc == CDZ_OK)
        rc = cdz_out_store(&out, extension, &uri, err);
    cdz_out_done(&out);
    CDZ_TRY(rc);
    cdz_run_output(run, "uri", cdz_val_text(uri));
    return CDZ_OK;
}

static const struct cdz_prop props[] = {
    {"files", CDZ_PROP_LIST, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL,
     "The files: a list of kestra:// URIs, or text that holds one as JSON."},
    {"separator", CDZ_PROP_STRING, 0, NULL, "Written behind every file; not rendered."},
    {"extension", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, ".tmp", "Of the new file."},
    {0},
};
static const struct cdz_prop outputs[] = {
    {"uri", CDZ_PROP_STRING, 0, NULL, "The new file."},
    {0},
};

const struct cdz_type cdz_task_storage_concat = {
    .type = "io.kestra.plugin.core.storage.Concat",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.Concat", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Put several files together into one.",
    .props = props,
    .outputs = outputs,
    .run = concat_run,
};
