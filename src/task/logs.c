/* logs.c -- io.kestra.plugin.core.log: Fetch, PurgeLogs */
#include "expr/ion.h"
#include "task/files.h"
#include "task/pairing.h"
#include "task/services.h"
#include "task/types.h"

enum { PAGE = 500 };

static const char *const levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", NULL};

/* --- Fetch --- */

static cdz_rc write_entry(struct cdz_out *out, const struct cdz_log_entry *l, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_AUTO_BUF struct cdz_buf json = CDZ_BUF_INIT;
    CDZ_AUTO_BUF struct cdz_buf ion = CDZ_BUF_INIT;
    cdz_val v;
    cdz_us at = l->at;
    cdz_log_entry_json(l, &json);
    CDZ_TRY(cdz_json_parse(cdz_buf_get(&json), arena, &v, err));
    struct cdz_date when = {
        .type = CDZ_INSTANT, .seconds = at / 1000000, .nanos = (int32_t)(at % 1000000 * 1000)};
    cdz_map_putz(arena, v, "timestamp", cdz_val_date(arena, when));
    cdz_ion_print(&ion, v);
    cdz_buf_c(&ion, '\n');
    return cdz_out_add(out, cdz_buf_get(&ion), err);
}

static bool is_wanted(cdz_val tasks, cdz_str id)
{
    if (tasks.kind != CDZ_LIST || cdz_list_n(tasks) == 0)
        return true;
    CDZ_LIST_EACH (task, tasks) {
        if (cdz_str_eq(cdz_val_str(*task), id))
            return true;
    }
    return false;
}

static cdz_rc fetch_pages(struct cdz_run *run, const struct cdz_log_filter *f, cdz_val tasks,
                          struct cdz_out *out, int64_t *ret_n, struct cdz_err *err)
{
    const struct cdz_task_services *s = run->worker->services;
    struct cdz_page page = {
        .size = PAGE, .sort = {{.field = CDZ_STR("timestamp")}}, .sort_count = 1};
    size_t n = PAGE;
    for (page.page = 1; n == PAGE; page.page++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_log_entry *v;
        CDZ_TRY(s->log_find(s->ctx, f, &page, arena, &v, &n, err));
        for (size_t i = 0; i < n; i++) {
            if (!is_wanted(tasks, v[i].task_id))
                continue;
            CDZ_TRY(write_entry(out, &v[i], err));
            ++*ret_n;
        }
    }
    return CDZ_OK;
}

static cdz_rc fetch_run(struct cdz_run *run, struct cdz_err *err)
{
    const struct cdz_task_services *s = run->worker->services;
    struct cdz_log_filter f = {.attempt = -1};
    struct cdz_out out;
    cdz_str level, uri;
    cdz_val tasks;
    int64_t n = 0;
    if (!s)
        return cdz_fail(err, CDZ_E_TASK, "log.Fetch is not available here");
    CDZ_TRY(cdz_run_pairing(run, &f.namespace_, &f.flow_id, &f.execution_id, err));
    CDZ_TRY(cdz_run_text(run, "level", &level, NULL, err));
    if (!cdz_level_parse(level, &f.min_level))
        return cdz_fail(err, CDZ_E_TASK, "`%.*s` is no log level", CDZ_S(level));
    CDZ_TRY(cdz_run_texts(run, "tasksId", &tasks, err));
    s->logs_settle(s->ctx, f.execution_id);
    CDZ_TRY(cdz_out_open(&out, run, err));
    cdz_rc rc = fetch_pages(run, &f, tasks, &out, &n, err);
    if (rc == CDZ_OK)
        rc = cdz_out_store(&out, CDZ_STR(".ion"), &uri, err);
    cdz_out_done(&out);
    CDZ_TRY(rc);
    cdz_run_output(run, "uri", cdz_val_text(uri));
    cdz_run_output(run, "size", cdz_val_int(n));
    return CDZ_OK;
}

/* --- PurgeLogs --- */

static cdz_rc purge_run(struct cdz_run *run, struct cdz_err *err)
{
    const struct cdz_task_services *s = run->worker->services;
    struct cdz_log_filter f = {.attempt = -1};
    cdz_val names;
    uint64_t n;
    if (!s)
        return cdz_fail(err, CDZ_E_TASK, "log.PurgeLogs is not available here");
    CDZ_TRY(cdz_run_text(run, "namespace", &f.namespace_, NULL, err));
    CDZ_TRY(cdz_run_text(run, "flowId", &f.flow_id, NULL, err));
    CDZ_TRY(cdz_run_instant(run, "startDate", &f.from, err));
    CDZ_TRY(cdz_run_instant(run, "endDate", &f.to, err));
    CDZ_TRY(cdz_run_texts(run, "logLevels", &names, err));
    if (!f.to)
        return cdz_fail(err, CDZ_E_TASK, "property `endDate` is empty");
    if (names.kind == CDZ_LIST) {
        CDZ_LIST_EACH (name, names) {
            enum cdz_level level;
            if (!cdz_level_parse(cdz_val_str(*name), &level))
                return cdz_fail(err, CDZ_E_TASK, "`%.*s` is no log level",
                                CDZ_S(cdz_val_str(*name)));
            f.levels |= 1u << level;
        }
    }
    CDZ_TRY(s->log_purge(s->ctx, &f, &n, err));
    cdz_run_output(run, "count", cdz_val_int((int64_t)n));
    return CDZ_OK;
}

static const struct cdz_prop fetch_props[] = {
    CDZ_PAIRING_PROPS,
    {"tasksId", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL, "Only of these tasks."},
    {"level", CDZ_PROP_ENUM, CDZ_PROP_DYNAMIC, "INFO", "The least level.", levels},
    {0},
};
static const struct cdz_prop fetch_outputs[] = {
    {"uri", CDZ_PROP_STRING, 0, NULL, "A file with an Ion map per line of the log."},
    {"size", CDZ_PROP_INT, 0, NULL, "Number of lines."},
    {0},
};
static const struct cdz_prop purge_props[] = {
    {"namespace", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL,
     "Of this namespace, and those below unless there is a flowId."},
    {"flowId", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Of this flow."},
    {"logLevels", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL, "Only these levels."},
    {"startDate", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Not older than this."},
    {"endDate", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "Older than this."},
    {0},
};
static const struct cdz_prop purge_outputs[] = {
    {"count", CDZ_PROP_INT, 0, NULL, "Lines that were deleted."},
    {0},
};

const struct cdz_type cdz_task_log_fetch = {
    .type = "io.kestra.plugin.core.log.Fetch",
    .aliases = (const char *const[]){"io.kestra.core.tasks.log.Fetch", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Write the log of an execution to a file.",
    .props = fetch_props,
    .outputs = fetch_outputs,
    .run = fetch_run,
};
const struct cdz_type cdz_task_log_purge = {
    .type = "io.kestra.plugin.core.log.PurgeLogs",
    .kind = CDZ_RUNNABLE,
    .title = "Delete old logs.",
    .props = purge_props,
    .outputs = purge_outputs,
    .run = purge_run,
};
