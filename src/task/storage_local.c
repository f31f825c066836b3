/*
 * storage_local.c -- io.kestra.plugin.core.storage.LocalFiles: puts files into the directory that the
 * tasks of a WorkingDirectory share, and keeps some of it. Outside of one it works in a directory of
 * its own.
 */
#include "task/types.h"
#include "task/workdir.h"

static cdz_rc in_directory(struct cdz_workdir *dir, struct cdz_err *err)
{
    struct cdz_run *run = dir->run;
    cdz_val files, globs, uris;
    CDZ_TRY(cdz_run_json(run, "inputs", &files, err));
    CDZ_TRY(cdz_workdir_fill_map(dir, files, err));
    CDZ_TRY(cdz_run_texts(run, "outputs", &globs, err));
    CDZ_TRY(cdz_workdir_collect_globs(dir, globs, NULL, &uris, err));
    cdz_run_output(run, "uris", uris);
    return CDZ_OK;
}

static cdz_rc local_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_workdir dir;
    CDZ_TRY(cdz_workdir_open(run, &dir, err));
    cdz_rc rc = in_directory(&dir, err);
    dir.is_left = true; /* no process was started */
    cdz_workdir_close(&dir);
    return rc;
}

static const struct cdz_prop props[] = {
    {"inputs", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, NULL,
     "File names and contents or kestra:// URIs: a map, or text that holds one as JSON."},
    {"outputs", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL, "Globs of files to keep."},
    {0},
};
static const struct cdz_prop outputs[] = {
    {"uris", CDZ_PROP_MAP, 0, NULL, "Kept files by path."},
    {0},
};

const struct cdz_type cdz_task_storage_local_files = {
    .type = "io.kestra.plugin.core.storage.LocalFiles",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.LocalFiles", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Make files in a working directory, and keep some (deprecated: use inputFiles and "
             "outputFiles).",
    .props = props,
    .outputs = outputs,
    .run = local_run,
};
