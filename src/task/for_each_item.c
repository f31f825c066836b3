/*
 * for_each_item.c -- the two parts of a ForEachItem that a worker runs: splitting the items into
 * batches, and merging what the executions made of them. reference/execution.md §13.
 *
 * <id>_split  stores the batches, and a list of their URIs, one per line: output `splits`.
 * <id>_items  (the executor's) creates an execution per batch; each may leave a file of its outputs
 *             below outputs.<id>_items.subflowOutputsBaseUri, named by its number: N.ion or
 *             N/outputs.ion.
 * <id>_merge  those files in the order of their numbers, as one: output `subflowOutputs`.
 * Both have the properties of the ForEachItem.
 */
#include <stdlib.h>
#include <unistd.h>

#include "expr/expr.h"
#include "task/split.h"
#include "task/types.h"

#define FOR_EACH_ITEM "io.kestra.plugin.core.flow.ForEachItem"

static cdz_rc store_list(struct cdz_run *run, const cdz_str *uris, size_t n, cdz_str *ret,
                         struct cdz_err *err)
{
    struct cdz_buf CDZ_AUTO_BUF list = CDZ_BUF_INIT;
    int fd;
    for (size_t i = 0; i < n; i++)
        cdz_buf_printf(&list, "%s%.*s", i ? "\n" : "", CDZ_S(uris[i]));
    CDZ_TRY(cdz_run_temp_file(run, &fd, err));
    cdz_rc rc = cdz_write_all(fd, cdz_buf_get(&list), err);
    if (rc == CDZ_OK && lseek(fd, 0, SEEK_SET) == 0)
        rc = cdz_run_put_file(run, CDZ_STR("splits.txt"), fd, ret, err);
    (void)close(fd);
    return rc;
}

static cdz_rc split_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_split split;
    cdz_str items, list, *uris;
    size_t n;
    cdz_val batch;
    CDZ_TRY(cdz_run_text(run, "items", &items, NULL, err));
    if (!cdz_str_starts(items, CDZ_STR("kestra://")))
        return cdz_fail(err, CDZ_E_TASK,
                        "Unable to split the items from %.*s, this is not an internal storage URI!",
                        CDZ_S(items));
    CDZ_TRY(cdz_run_prop(run, "batch", &batch, err));
    CDZ_TRY(cdz_split_init(&split, cdz_map_getz(batch, "bytes"), cdz_map_getz(batch, "partitions"),
                           cdz_map_getz(batch, "rows"), cdz_map_getz(batch, "separator"), err));
    CDZ_TRY(cdz_split_file(run, &split, items, &uris, &n, err));
    CDZ_TRY(store_list(run, uris, n, &list, err));
    cdz_run_output(run, "splits", cdz_val_text(list));
    cdz_run_output(run, "numberOfBatches", cdz_val_int((int64_t)n));
    return CDZ_OK;
}

/* The value of an expression, null when it is undefined; lazy values are resolved. */
static cdz_rc eval(struct cdz_run *run, cdz_str expression, cdz_val *ret, struct cdz_err *err)
{
    CDZ_TRY(cdz_expr_eval(expression, run->env, run->arena, ret, err));
    *ret = cdz_val_copy(run->arena, *ret);
    return CDZ_OK;
}

/* One level down, when there is a value and outputs are kept by it. */
static cdz_val below(cdz_val outputs, cdz_val value)
{
    cdz_val *found = value.kind == CDZ_TEXT && outputs.kind == CDZ_MAP
                         ? cdz_map_find(outputs, cdz_val_str(value))
                         : NULL;
    return found ? *found : outputs;
}

/* The folder with the outputs of the executions; empty: there were none. */
static cdz_rc outputs_folder(struct cdz_run *run, cdz_str *ret, struct cdz_err *err)
{
    const struct cdz_task *parent = run->task->parent;
    cdz_val outputs, parents, value;
    *ret = (cdz_str){0};
    if (!parent)
        return cdz_fail(err, CDZ_E_TASK, "only a ForEachItem can use this");
    cdz_str expression = cdz_arena_printf(run->arena, "{{ outputs['%.*s_items'] ?? null }}",
                                          CDZ_S(parent->id)); /* ids hold no quotes */
    CDZ_TRY(eval(run, expression, &outputs, err));
    CDZ_TRY(eval(run, CDZ_STR("{{ parents ?? null }}"), &parents, err));
    CDZ_TRY(eval(run, CDZ_STR("{{ taskrun.value ?? null }}"), &value, err));
    /* Inside each tasks they are kept by the values, the outermost first. */
    for (size_t i = parents.kind == CDZ_LIST ? cdz_list_n(parents) : 0; i-- > 0;)
        outputs = below(outputs, cdz_val_path(cdz_list_at(parents, i), "taskrun.value"));
    outputs = below(outputs, value);
    cdz_val uri = cdz_map_getz(outputs, "subflowOutputsBaseUri");
    if (uri.kind != CDZ_TEXT || !uri.n)
        return CDZ_OK;
    if (cdz_str_starts(cdz_val_str(uri), CDZ_STR("kestra:")))
        return cdz_storage_path(cdz_val_str(uri), ret, err);
    *ret = cdz_val_str(uri);
    return CDZ_OK;
}

struct part {
    int64_t number;
    cdz_str path;
};

static int by_number(const void *pa, const void *pb)
{
    const struct part *a = pa, *b = pb;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* The files whose first name below the folder is a number (up to a dot), in that order. */
static size_t parts_of(struct cdz_arena *arena, cdz_str folder, const struct cdz_file_info *files,
                       size_t n, struct part **ret)
{
    struct part *parts = CDZ_NEW_N(arena, struct part, n);
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        cdz_str name = cdz_str_sub(files[i].path, folder.n, files[i].path.n);
        size_t from = 0, to;
        int64_t number;
        while (from < name.n && name.p[from] == '/')
            from++;
        for (to = from; to < name.n && name.p[to] >= '0' && name.p[to] <= '9';)
            to++;
        if (!files[i].is_dir && cdz_str_to_i64(cdz_str_sub(name, from, to), &number))
            parts[found++] = (struct part){number, files[i].path};
    }
    if (found)
        qsort(parts, found, sizeof(*parts), by_number);
    *ret = parts;
    return found;
}

static cdz_rc merge(struct cdz_run *run, const struct part *parts, size_t n, struct cdz_err *err)
{
    cdz_str uri;
    cdz_rc rc = CDZ_OK;
    int fd;
    CDZ_TRY(cdz_run_temp_file(run, &fd, err));
    for (size_t i = 0; rc == CDZ_OK && i < n; i++) {
        rc = cdz_run_check(run, err);
        if (rc == CDZ_OK)
            rc = cdz_storage_get_file(run->worker->storage, parts[i].path, fd, err);
    }
    if (rc == CDZ_OK && lseek(fd, 0, SEEK_SET) == 0)
        rc = cdz_run_put_file(run, CDZ_STR("outputs.ion"), fd, &uri, err);
    (void)close(fd);
    if (rc == CDZ_OK)
        cdz_run_output(run, "subflowOutputs", cdz_val_text(uri));
    return rc;
}

static cdz_rc merge_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_file_info *files;
    struct part *parts;
    cdz_str folder;
    size_t n;
    CDZ_TRY(outputs_folder(run, &folder, err));
    if (!folder.n)
        return CDZ_OK;
    while (folder.n > 1 && folder.p[folder.n - 1] == '/')
        folder.n--;
    CDZ_TRY(cdz_storage_list(run->worker->storage, folder, true, run->arena, &files, &n, err));
    n = parts_of(run->arena, folder, files, n, &parts);
    return n ? merge(run, parts, n, err) : CDZ_OK;
}

static const struct cdz_prop split_outputs[] = {
    {"splits", CDZ_PROP_STRING, 0, .doc = "URI of a list of the batches' URIs, one per line."},
    {"numberOfBatches", CDZ_PROP_INT, 0, .doc = "Number of batches."},
    {0},
};
static const struct cdz_prop merge_outputs[] = {
    {"subflowOutputs", CDZ_PROP_STRING, 0, .doc = "URI of the outputs of all executions."},
    {0},
};

const struct cdz_type cdz_task_for_each_item_split = {
    .type = FOR_EACH_ITEM "$ForEachItemSplit",
    .kind = CDZ_RUNNABLE,
    .title = "Part of a ForEachItem: the items into batches.",
    .outputs = split_outputs,
    .run = split_run,
};

const struct cdz_type cdz_task_for_each_item_merge = {
    .type = FOR_EACH_ITEM "$ForEachItemMergeOutputs",
    .kind = CDZ_RUNNABLE,
    .title = "Part of a ForEachItem: the outputs of all executions.",
    .outputs = merge_outputs,
    .run = merge_run,
};
