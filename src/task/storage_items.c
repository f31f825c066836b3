/*
 * storage_items.c -- io.kestra.plugin.core.storage.FilterItems and DeduplicateItems: an expression per
 * item of a file with one Ion (or JSON) value per line. Kept lines are copied as they are.
 *
 * DeduplicateItems keeps the last item of each key: the first pass remembers, per key, the line that
 * had it last (only a hash of the key, so that long keys cost no more), and marks the one before as
 * dropped; the second pass copies the rest.
 */
#include <stdlib.h>

#include "base/limits.h"
#include "base/map.h"
#include "expr/crypt.h"
#include "expr/ion.h"
#include "task/files.h"
#include "task/types.h"
#include "task/world.h"

/* An expression over the fields of items; scratch is emptied for each. */
struct item_expr {
    struct cdz_run *run;
    cdz_val expr;
    struct cdz_arena *scratch;
};

static cdz_rc eval_item(struct item_expr *x, cdz_str line, cdz_str *ret, struct cdz_err *err)
{
    struct cdz_ion_reader r = cdz_ion_reader_of(line);
    cdz_val item = CDZ_VAL_NULL;
    bool end = false;
    cdz_arena_reset(x->scratch);
    CDZ_TRY(cdz_ion_next(&r, x->scratch, &item, &end, err));
    if (item.kind != CDZ_MAP)
        return cdz_fail(err, CDZ_E_TASK, "an item of the file is no map: %.*s",
                        CDZ_S(cdz_str_sub(line, 0, 100)));
    if (x->expr.kind != CDZ_TEMPLATE) {
        *ret = x->expr.kind == CDZ_TEXT ? cdz_val_str(x->expr) : CDZ_STR("");
        return CDZ_OK;
    }
    cdz_val before = cdz_task_world_swap(x->run, item);
    x->run->env->steps_left = 0;
    cdz_rc rc = cdz_template_render(x->expr.tpl, x->run->env, x->scratch, ret, err);
    (void)cdz_task_world_swap(x->run, before); /* the item's */
    return rc;
}

/* --- FilterItems --- */

enum behavior { FAIL, INCLUDE, EXCLUDE };
static const char *const behaviors[] = {"FAIL", "INCLUDE", "EXCLUDE", NULL};
static const char *const filter_types[] = {"INCLUDE", "EXCLUDE", NULL};

static cdz_rc behavior_of(struct cdz_run *run, const char *name, enum behavior *ret,
                          struct cdz_err *err)
{
    cdz_str text;
    CDZ_TRY(cdz_run_text(run, name, &text, NULL, err));
    for (size_t i = 0; behaviors[i]; i++) {
        if (cdz_str_is(text, behaviors[i])) {
            *ret = (enum behavior)i;
            return CDZ_OK;
        }
    }
    return cdz_fail(err, CDZ_E_TASK, "property `%s` must be INCLUDE or EXCLUDE, not `%.*s`", name,
                    CDZ_S(cdz_str_sub(text, 0, 50)));
}

struct filter {
    struct item_expr item;
    enum behavior type, on_error;
    int64_t processed, dropped;
};

static cdz_rc filter_line(struct filter *f, struct cdz_out *out, cdz_str line, struct cdz_err *err)
{
    cdz_str text;
    bool keep;
    cdz_rc rc = eval_item(&f->item, line, &text, err);
    if (rc == CDZ_OK)
        keep = cdz_truthy(cdz_str_trim(text)) == (f->type == INCLUDE);
    else if (f->on_error == FAIL || rc == CDZ_E_KILLED || rc == CDZ_E_TIMEOUT)
        return rc;
    else
        keep = f->on_error == INCLUDE;
    f->processed++;
    f->dropped += !keep;
    if (!keep)
        return CDZ_OK;
    CDZ_TRY(cdz_out_add(out, line, err));
    return cdz_out_add(out, CDZ_STR("\n"), err);
}

static cdz_rc filter_lines(struct filter *f, struct cdz_lines *in, struct cdz_out *out,
                           struct cdz_err *err)
{
    cdz_str line;
    bool end;
    for (;;) {
        CDZ_TRY(cdz_lines_next(in, &line, &end, err));
        if (end)
            return CDZ_OK;
        CDZ_TRY(filter_line(f, out, line, err));
    }
}

static cdz_rc filter_run(struct cdz_run *run, struct cdz_err *err)
{
    CDZ_AUTO_ARENA scratch = cdz_arena_open(4096);
    struct filter f = {.item = {.run = run,
                                .expr = cdz_map_getz(run->task->props, "filterCondition"),
                                .scratch = scratch}};
    struct cdz_lines in;
    struct cdz_out out;
    cdz_str from, uri;
    CDZ_TRY(cdz_run_text(run, "from", &from, NULL, err));
    CDZ_TRY(behavior_of(run, "filterType", &f.type, err));
    CDZ_TRY(behavior_of(run, "errorOrNullBehavior", &f.on_error, err));
    CDZ_TRY(cdz_lines_open(&in, run, from, CDZ_STR("\n"), err));
    cdz_rc rc = cdz_out_open(&out, run, err);
    if (rc == CDZ_OK)
        rc = filter_lines(&f, &in, &out, err);
    if (rc == CDZ_OK)
        rc = cdz_out_store(&out, CDZ_STR(".ion"), &uri, err);
    cdz_out_done(&out);
    cdz_lines_done(&in);
    CDZ_TRY(rc);
    cdz_run_output(run, "uri", cdz_val_text(uri));
    cdz_run_output(run, "processedItemsTotal", cdz_val_int(f.processed));
    cdz_run_output(run, "droppedItemsTotal", cdz_val_int(f.dropped));
    return CDZ_OK;
}

/* --- DeduplicateItems --- */

struct dedup {
    struct item_expr item;
    struct cdz_table last; /* hash of the key -> number of its last line + 1 */
    uint8_t *dropped;      /* a bit per line */
    size_t lines, room;    /* room: lines that dropped has bits for */
    int64_t drops;
};

static cdz_rc note_line(struct dedup *d, cdz_str line, struct cdz_err *err)
{
    cdz_str key, hash;
    CDZ_TRY(eval_item(&d->item, line, &key, err));
    CDZ_TRY(cdz_hash_hex("SHA256", key, d->item.scratch, &hash, err));
    if (d->lines == d->room) {
        d->room = d->room ? d->room * 2 : 8192;
        d->dropped = realloc(d->dropped, d->room / 8);
        if (!d->dropped)
            abort();
        memset(d->dropped + d->lines / 8, 0, (d->room - d->lines) / 8);
    }
    void *before =
        cdz_table_put(&d->last, cdz_str_sub(hash, 0, 32), (void *)(uintptr_t)(d->lines + 1));
    if (before) {
        size_t at = (uintptr_t)before - 1;
        d->dropped[at / 8] |= (uint8_t)(1u << at % 8);
        d->drops++;
    } else if (d->last.n > CDZ_DEDUPLICATE_KEYS_MAX) {
        return cdz_fail(err, CDZ_E_LIMIT, "the file has more than %u different keys",
                        CDZ_DEDUPLICATE_KEYS_MAX);
    }
    d->lines++;
    return CDZ_OK;
}

/* One pass: notes the lines (out NULL), or copies those that were not dropped. */
static cdz_rc pass(struct dedup *d, cdz_str from, struct cdz_out *out, struct cdz_err *err)
{
    struct cdz_lines in;
    bool end = false;
    cdz_str line;
    CDZ_TRY(cdz_lines_open(&in, d->item.run, from, CDZ_STR("\n"), err));
    cdz_rc rc = CDZ_OK;
    for (size_t i = 0; rc == CDZ_OK; i++) {
        rc = cdz_lines_next(&in, &line, &end, err);
        if (rc != CDZ_OK || end)
            break;
        if (!out) {
            rc = note_line(d, line, err);
        } else if (i < d->lines && !(d->dropped[i / 8] >> i % 8 & 1)) {
            rc = cdz_out_add(out, line, err);
            if (rc == CDZ_OK)
                rc = cdz_out_add(out, CDZ_STR("\n"), err);
        }
    }
    cdz_lines_done(&in);
    return rc;
}

static cdz_rc dedup_run(struct cdz_run *run, struct cdz_err *err)
{
    CDZ_AUTO_ARENA scratch = cdz_arena_open(4096);
    struct dedup d = {
        .item = {.run = run, .expr = cdz_map_getz(run->task->props, "expr"), .scratch = scratch}};
    struct cdz_out out;
    cdz_str from, uri;
    CDZ_TRY(cdz_run_text(run, "from", &from, NULL, err));
    cdz_rc rc = cdz_out_open(&out, run, err);
    if (rc == CDZ_OK)
        rc = pass(&d, from, NULL, err);
    if (rc == CDZ_OK)
        rc = pass(&d, from, &out, err);
    if (rc == CDZ_OK)
        rc = cdz_out_store(&out, CDZ_STR(".ion"), &uri, err);
    int64_t keys = (int64_t)d.last.n;
    cdz_out_done(&out);
    cdz_table_done(&d.last);
    free(d.dropped);
    CDZ_TRY(rc);
    cdz_run_output(run, "uri", cdz_val_text(uri));
    cdz_run_output(run, "numKeys", cdz_val_int(keys));
    cdz_run_output(run, "processedItemsTotal", cdz_val_int((int64_t)d.lines));
    cdz_run_output(run, "droppedItemsTotal", cdz_val_int(d.drops));
    return CDZ_OK;
}

static const struct cdz_prop filter_props[] = {
    {"from", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL,
     "The file: an Ion or JSON map per line."},
    {"filterCondition", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL,
     "Rendered for each item, whose fields are variables."},
    {"filterType", CDZ_PROP_ENUM, CDZ_PROP_DYNAMIC, "INCLUDE",
     "Whether items that match are kept or dropped.", filter_types},
    {"errorOrNullBehavior", CDZ_PROP_ENUM, CDZ_PROP_DYNAMIC, "FAIL",
     "What becomes of an item for which the condition cannot be rendered.", behaviors},
    {0},
};
static const struct cdz_prop filter_outputs[] = {
    {"uri", CDZ_PROP_STRING, 0, NULL, "The new file."},
    {"processedItemsTotal", CDZ_PROP_INT, 0, NULL, "Items read."},
    {"droppedItemsTotal", CDZ_PROP_INT, 0, NULL, "Items left out."},
    {0},
};
static const struct cdz_prop dedup_props[] = {
    {"from", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL,
     "The file: an Ion or JSON map per line."},
    {"expr", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL,
     "The key of an item, whose fields are variables."},
    {0},
};
static const struct cdz_prop dedup_outputs[] = {
    {"uri", CDZ_PROP_STRING, 0, NULL, "The new file."},
    {"numKeys", CDZ_PROP_INT, 0, NULL, "Different keys."},
    {"processedItemsTotal", CDZ_PROP_INT, 0, NULL, "Items read."},
    {"droppedItemsTotal", CDZ_PROP_INT, 0, NULL, "Items left out."},
    {0},
};

const struct cdz_type cdz_task_storage_filter_items = {
    .type = "io.kestra.plugin.core.storage.FilterItems",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.FilterItems", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Keep the items of a file that match a condition.",
    .props = filter_props,
    .outputs = filter_outputs,
    .run = filter_run,
};
const struct cdz_type cdz_task_storage_deduplicate_items = {
    .type = "io.kestra.plugin.core.storage.DeduplicateItems",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.DeduplicateItems", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Keep the last item of each key of a file.",
    .props = dedup_props,
    .outputs = dedup_outputs,
    .run = dedup_run,
};
