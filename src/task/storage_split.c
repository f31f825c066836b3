/* storage_split.c -- io.kestra.plugin.core.storage.Split; see split.h. */
#include <ctype.h>

#include "base/limits.h"
#include "task/files.h"
#include "task/split.h"
#include "task/types.h"

cdz_rc cdz_split_bytes(cdz_str text, uint64_t *ret, struct cdz_err *err)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = {{"", 0},    {"B", 0},  {"K", 10},  {"KB", 10}, {"M", 20},
                 {"MB", 20}, {"G", 30}, {"GB", 30}, {"T", 40},  {"TB", 40}};
    cdz_str s = cdz_str_trim(text);
    size_t digits = 0;
    int64_t n;
    while (digits < s.n && isdigit((unsigned char)s.p[digits]))
        digits++;
    cdz_str unit = cdz_str_trim(cdz_str_sub(s, digits, s.n));
    for (size_t i = 0; i < CDZ_COUNT(units); i++) {
        if (!cdz_str_ieq(unit, cdz_str_z(units[i].unit)))
            continue;
        if (!cdz_str_to_i64(cdz_str_sub(s, 0, digits), &n) || n <= 0 ||
            n > INT64_MAX >> units[i].shift)
            break;
        *ret = (uint64_t)n << units[i].shift;
        return CDZ_OK;
    }
    return cdz_fail(err, CDZ_E_TASK, "`%.*s` is no size: a number above 0 and a unit such as 10MB",
                    CDZ_S(cdz_str_sub(text, 0, 100)));
}

struct job {
    struct cdz_run *run;
    const struct cdz_split *split;
    cdz_str extension;
    cdz_val uris;
};

static cdz_rc add_line(struct cdz_out *o, const struct job *j, cdz_str line, struct cdz_err *err)
{
    CDZ_TRY(cdz_out_add(o, line, err));
    return cdz_out_add(o, j->split->separator, err);
}

static cdz_rc close_file(struct job *j, struct cdz_out *o, struct cdz_err *err)
{
    cdz_str uri;
    if (cdz_list_n(j->uris) >= CDZ_SPLIT_FILES_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "the file would be split into more than %u files",
                        CDZ_SPLIT_FILES_MAX);
    CDZ_TRY(cdz_out_store(o, j->extension, &uri, err));
    cdz_list_push(j->run->arena, j->uris, cdz_val_text(uri));
    return CDZ_OK;
}

/* One file after the other. */
static cdz_rc in_sequence(struct job *j, struct cdz_lines *in, struct cdz_err *err)
{
    struct cdz_out o = {.fd = -1};
    uint64_t rows = 0;
    bool end = false;
    cdz_str line;
    cdz_rc rc = CDZ_OK;
    while (rc == CDZ_OK && (rc = cdz_lines_next(in, &line, &end, err)) == CDZ_OK && !end) {
        bool full =
            o.fd >= 0 && (j->split->bytes ? o.bytes >= j->split->bytes : rows >= j->split->rows);
        if (full) {
            rc = close_file(j, &o, err);
            cdz_out_done(&o);
        }
        if (rc == CDZ_OK && o.fd < 0) {
            rc = cdz_out_open(&o, j->run, err);
            rows = 0;
        }
        if (rc == CDZ_OK)
            rc = add_line(&o, j, line, err);
        rows++;
    }
    if (rc == CDZ_OK && o.fd >= 0)
        rc = close_file(j, &o, err);
    cdz_out_done(&o);
    return rc;
}

/* Line by line into each file in turn; files that get none are not made. */
static cdz_rc in_turn(struct job *j, struct cdz_lines *in, struct cdz_err *err)
{
    size_t n = (size_t)j->split->partitions, used = 0, next = 0;
    struct cdz_out *outs = CDZ_NEW_N(j->run->arena, struct cdz_out, n);
    bool end = false;
    cdz_str line;
    cdz_rc rc = CDZ_OK;
    while (rc == CDZ_OK && (rc = cdz_lines_next(in, &line, &end, err)) == CDZ_OK && !end) {
        if (next == used) {
            rc = cdz_out_open(&outs[used], j->run, err);
            if (rc != CDZ_OK)
                break;
            used++;
        }
        rc = add_line(&outs[next], j, line, err);
        next = next + 1 == n ? 0 : next + 1;
    }
    for (size_t i = 0; i < used; i++) {
        if (rc == CDZ_OK)
            rc = close_file(j, &outs[i], err);
        cdz_out_done(&outs[i]);
    }
    return rc;
}

cdz_rc cdz_split_file(struct cdz_run *run, cdz_str uri, const struct cdz_split *split, cdz_val *ret,
                      struct cdz_err *err)
{
    struct job j = {.run = run,
                    .split = split,
                    .extension = cdz_file_extension(uri),
                    .uris = cdz_val_list(run->arena, 0)};
    struct cdz_lines in;
    if (!split->bytes && !split->partitions && !split->rows)
        return cdz_fail(err, CDZ_E_TASK, "Invalid configuration with no size, count, nor rows");
    if (!split->bytes && split->partitions > CDZ_SPLIT_PARTITIONS_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "a file can be split into %u partitions at most",
                        CDZ_SPLIT_PARTITIONS_MAX);
    CDZ_TRY(cdz_lines_open(&in, run, uri, split->separator, err));
    cdz_rc rc =
        !split->bytes && split->partitions ? in_turn(&j, &in, err) : in_sequence(&j, &in, err);
    cdz_lines_done(&in);
    CDZ_TRY(rc);
    *ret = j.uris;
    return CDZ_OK;
}

static cdz_rc positive(struct cdz_run *run, const char *name, uint64_t *ret, struct cdz_err *err)
{
    int64_t n = 0;
    if (cdz_val_is_null(cdz_map_getz(run->task->props, name)))
        return CDZ_OK;
    CDZ_TRY(cdz_run_int(run, name, &n, err));
    if (n <= 0)
        return cdz_fail(err, CDZ_E_TASK, "property `%s` must be above 0, not %lld", name,
                        (long long)n);
    *ret = (uint64_t)n;
    return CDZ_OK;
}

static cdz_rc split_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_split split = {0};
    cdz_str from, bytes;
    cdz_val uris;
    bool given;
    CDZ_TRY(cdz_run_text(run, "from", &from, NULL, err));
    CDZ_TRY(cdz_run_text(run, "separator", &split.separator, NULL, err));
    CDZ_TRY(cdz_run_text(run, "bytes", &bytes, &given, err));
    if (given)
        CDZ_TRY(cdz_split_bytes(bytes, &split.bytes, err));
    CDZ_TRY(positive(run, "partitions", &split.partitions, err));
    CDZ_TRY(positive(run, "rows", &split.rows, err));
    CDZ_TRY(cdz_split_file(run, from, &split, &uris, err));
    cdz_run_output(run, "uris", uris);
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
