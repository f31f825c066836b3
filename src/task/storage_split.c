/* storage_split.c -- io.kestra.plugin.core.storage.Split; see split.h. */
#include "task/split.h"
#include "task/types.h"

static cdz_rc split_run(struct cdz_run *run, struct cdz_err *err)
{
    static const char *const names[] = {"bytes", "partitions", "rows", "separator"};
    cdz_val v[CDZ_COUNT(names)], list;
    struct cdz_split split;
    cdz_str from, *uris;
    size_t n;
    CDZ_TRY(cdz_run_text(run, "from", &from, NULL, err));
    for (size_t i = 0; i < CDZ_COUNT(names); i++)
        CDZ_TRY(cdz_run_prop(run, names[i], &v[i], err));
    CDZ_TRY(cdz_split_init(&split, v[0], v[1], v[2], v[3], err));
    CDZ_TRY(cdz_split_file(run, &split, from, &uris, &n, err));
    list = cdz_val_list(run->arena, n);
    for (size_t i = 0; i < n; i++)
        cdz_list_push(run->arena, list, cdz_val_text(uris[i]));
    cdz_run_output(run, "uris", list);
    return CDZ_OK;
}

static const struct cdz_prop props[] = {
    {"from", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "The file to split."},
    {"bytes", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL,
     "A new file once one has this size, such as 10MB."},
    {"partitions", CDZ_PROP_INT, CDZ_PROP_DYNAMIC, NULL,
     "Into this many files, a line to each in turn."},
    {"rows", CDZ_PROP_INT, CDZ_PROP_DYNAMIC, NULL, "A new file after this many lines."},
    {"separator", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, "\"\\n\"", "What ends a line."},
    {0},
};
static const struct cdz_prop outputs[] = {
    {"uris", CDZ_PROP_LIST, 0, NULL, "The files."},
    {0},
};

const struct cdz_type cdz_task_storage_split = {
    .type = "io.kestra.plugin.core.storage.Split",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.Split", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Split a file at line ends into several.",
    .props = props,
    .outputs = outputs,
    .run = split_run,
};
