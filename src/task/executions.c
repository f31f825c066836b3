/* executions.c -- io.kestra.plugin.core.execution: Count, Resume, PurgeExecutions */
#include "base/time.h"
#include "task/pairing.h"
#include "task/services.h"
#include "task/types.h"
#include "task/world.h"

enum { PURGE_PAGE = 100 };

static cdz_rc services_of(struct cdz_run *run, const struct cdz_task_services **ret,
                          struct cdz_err *err)
{
    *ret = run->worker->services;
    if (!*ret)
        return cdz_fail(err, CDZ_E_TASK, "%s is not available here", run->task->type->type);
    return CDZ_OK;
}

cdz_rc cdz_run_pairing(struct cdz_run *run, cdz_str *ns, cdz_str *flow, cdz_str *execution,
                       struct cdz_err *err)
{
    CDZ_TRY(cdz_run_text(run, "namespace", ns, NULL, err));
    CDZ_TRY(cdz_run_text(run, "flowId", flow, NULL, err));
    CDZ_TRY(cdz_run_text(run, "executionId", execution, NULL, err));
    if ((ns->n > 0) != (flow->n > 0))
        return cdz_fail(err, CDZ_E_TASK,
                        "Both `namespace` and `flowId` must be set when `%s` is set",
                        ns->n ? "namespace" : "flowId");
    if (ns->n && !execution->n)
        return cdz_fail(err, CDZ_E_TASK,
                        "`executionId` must be set when `namespace` and `flowId` are set");
    if (!execution->n)
        *execution = run->job->execution_id;
    return CDZ_OK;
}

/* `states` as bits; 0: not given. */
static cdz_rc states_of(struct cdz_run *run, uint32_t *ret, struct cdz_err *err)
{
    cdz_val names;
    *ret = 0;
    CDZ_TRY(cdz_run_texts(run, "states", &names, err));
    if (names.kind != CDZ_LIST)
        return CDZ_OK;
    CDZ_LIST_EACH (name, names) {
        enum cdz_state state;
        if (!cdz_state_parse(cdz_val_str(*name), &state))
            return cdz_fail(err, CDZ_E_TASK, "`%.*s` is no state of an execution",
                            CDZ_S(cdz_str_sub(cdz_val_str(*name), 0, 50)));
        *ret |= 1u << state;
    }
    return CDZ_OK;
}

/* --- Count --- */

struct counting {
    struct cdz_run *run;
    const struct cdz_task_services *services;
    struct cdz_execution_filter filter;
    cdz_val results;
    int64_t total;
};

/* Whether this number is wanted: `expression` with it as `count` must be the text true. */
static cdz_rc is_kept(struct counting *c, int64_t n, bool *ret, struct cdz_err *err)
{
    cdz_val extra = cdz_val_map(c->run->arena, 1);
    cdz_str text;
    cdz_map_putz(c->run->arena, extra, "count", cdz_val_int(n));
    cdz_val before = cdz_task_world_swap(c->run, extra);
    cdz_rc rc = cdz_run_text(c->run, "expression", &text, NULL, err);
    (void)cdz_task_world_swap(c->run, before); /* ours */
    CDZ_TRY(rc);
    *ret = cdz_str_is(text, "true");
    return CDZ_OK;
}

static cdz_rc count_one(struct counting *c, cdz_str ns, cdz_str flow, struct cdz_err *err)
{
    struct cdz_arena *arena = c->run->arena;
    uint64_t n;
    bool kept;
    c->filter.namespace_ = ns;
    c->filter.flow_id = flow;
    c->filter.namespace_exact = true;
    CDZ_TRY(c->services->execution_count(c->services->ctx, &c->filter, &n, err));
    CDZ_TRY(is_kept(c, (int64_t)n, &kept, err));
    if (!kept)
        return CDZ_OK;
    cdz_val result = cdz_val_map(arena, 3);
    cdz_map_putz(arena, result, "namespace", cdz_val_text(ns));
    if (flow.n)
        cdz_map_putz(arena, result, "flowId", cdz_val_text(flow));
    cdz_map_putz(arena, result, "count", cdz_val_int((int64_t)n));
    cdz_list_push(arena, c->results, result);
    c->total += (int64_t)n;
    return CDZ_OK;
}

static cdz_rc count_flows(struct counting *c, cdz_val flows, struct cdz_err *err)
{
    CDZ_LIST_EACH (flow, flows) {
        cdz_val ns = cdz_map_getz(*flow, "namespace"), id = cdz_map_getz(*flow, "flowId");
        if (ns.kind != CDZ_TEXT || id.kind != CDZ_TEXT)
            return cdz_fail(err, CDZ_E_TASK, "each of `flows` needs a namespace and a flowId");
        CDZ_TRY(count_one(c, cdz_val_str(ns), cdz_val_str(id), err));
    }
    return CDZ_OK;
}

static cdz_rc count_run(struct cdz_run *run, struct cdz_err *err)
{
    struct counting c = {.run = run, .results = cdz_val_list(run->arena, 0)};
    cdz_val flows, namespaces;
    CDZ_TRY(services_of(run, &c.services, err));
    CDZ_TRY(cdz_run_prop(run, "flows", &flows, err));
    CDZ_TRY(cdz_run_texts(run, "namespaces", &namespaces, err));
    if (cdz_val_is_null(flows) && cdz_val_is_null(namespaces))
        return cdz_fail(err, CDZ_E_TASK, "one of `flows` and `namespaces` must be given");
    CDZ_TRY(states_of(run, &c.filter.states, err));
    CDZ_TRY(cdz_run_instant(run, "startDate", &c.filter.start_from, err));
    CDZ_TRY(cdz_run_instant(run, "endDate", &c.filter.start_to, err));
    if (flows.kind == CDZ_LIST)
        CDZ_TRY(count_flows(&c, flows, err));
    if (namespaces.kind == CDZ_LIST) {
        CDZ_LIST_EACH (ns, namespaces)
            CDZ_TRY(count_one(&c, cdz_val_str(*ns), CDZ_STR(""), err));
    }
    cdz_run_output(run, "results", c.results);
    cdz_run_output(run, "total", cdz_val_int(c.total));
    return CDZ_OK;
}

/* --- Resume --- */

static cdz_rc resume_run(struct cdz_run *run, struct cdz_err *err)
{
    const struct cdz_task_services *s;
    cdz_str ns, flow, id;
    cdz_val inputs;
    CDZ_TRY(services_of(run, &s, err));
    CDZ_TRY(cdz_run_pairing(run, &ns, &flow, &id, err));
    CDZ_TRY(cdz_run_json(run, "inputs", &inputs, err));
    return s->resume(s->ctx, id, inputs, err);
}

/* --- PurgeExecutions --- */

static cdz_rc purge_what(struct cdz_run *run, unsigned *ret, struct cdz_err *err)
{
    static const struct {
        const char *name;
        unsigned bit;
    } rows[] = {{"purgeExecution", CDZ_PURGE_EXECUTION},
                {"purgeLog", CDZ_PURGE_LOGS},
                {"purgeMetric", CDZ_PURGE_METRICS},
                {"purgeStorage", CDZ_PURGE_STORAGE}};
    *ret = 0;
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        bool on;
        CDZ_TRY(cdz_run_bool(run, rows[i].name, &on, err));
        *ret |= on ? rows[i].bit : 0;
    }
    return CDZ_OK;
}

static cdz_rc purge_pages(struct cdz_run *run, const struct cdz_execution_filter *f, unsigned what,
                          struct cdz_purged *sum, struct cdz_err *err)
{
    const struct cdz_task_services *s = run->worker->services;
    cdz_rc rc = CDZ_OK;
    size_t n = PURGE_PAGE;
    for (size_t page = 1; rc == CDZ_OK && n == PURGE_PAGE;) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_executions found = {0};
        CDZ_TRY(cdz_run_check(run, err));
        CDZ_TRY(s->execution_find(s->ctx, f, page, PURGE_PAGE, arena, &found, err));
        n = found.n;
        for (size_t i = 0; i < found.n; i++) {
            if (rc == CDZ_OK)
                rc = s->execution_purge(s->ctx, found.v[i], what, sum, err);
            cdz_execution_free(found.v[i]);
        }
        if (!(what & CDZ_PURGE_EXECUTION))
            page++; /* else the next ones have taken the place of those that are gone */
    }
    return rc;
}

static cdz_rc purge_run(struct cdz_run *run, struct cdz_err *err)
{
    const struct cdz_task_services *s;
    struct cdz_execution_filter f = {0};
    struct cdz_purged sum = {0};
    uint32_t ended = 0;
    unsigned what;
    CDZ_TRY(services_of(run, &s, err));
    CDZ_TRY(cdz_run_text(run, "namespace", &f.namespace_, NULL, err));
    CDZ_TRY(cdz_run_text(run, "flowId", &f.flow_id, NULL, err));
    f.namespace_exact = f.flow_id.n > 0;
    CDZ_TRY(cdz_run_instant(run, "startDate", &f.start_from, err));
    CDZ_TRY(cdz_run_instant(run, "endDate", &f.start_to, err));
    if (!f.start_to)
        return cdz_fail(err, CDZ_E_TASK, "property `endDate` is empty");
    CDZ_TRY(states_of(run, &f.states, err));
    CDZ_TRY(purge_what(run, &what, err));
    for (int state = 0; state < CDZ_STATE_COUNT; state++)
        ended |= cdz_state_is_terminated((enum cdz_state)state) ? 1u << state : 0;
    f.states = f.states ? f.states & ended : ended; /* what lives is never purged */
    if (f.states)
        CDZ_TRY(purge_pages(run, &f, what, &sum, err));
    cdz_run_output(run, "executionsCount", cdz_val_int((int64_t)sum.executions));
    cdz_run_output(run, "logsCount", cdz_val_int((int64_t)sum.logs));
    cdz_run_output(run, "metricsCount", cdz_val_int((int64_t)sum.metrics));
    cdz_run_output(run, "storagesCount", cdz_val_int((int64_t)sum.files));
    return CDZ_OK;
}

static const struct cdz_prop flow_props[] = {
    {"namespace", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "Of the flow."},
    {"flowId", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "Its id."},
    {0},
};
static const struct cdz_prop count_props[] = {
    {"flows", CDZ_PROP_OBJECTS, CDZ_PROP_DYNAMIC, NULL, "Count the executions of these flows.",
     NULL, flow_props},
    {"namespaces", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL,
     "Count the executions of these namespaces."},
    {"states", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL, "Only in these states."},
    {"startDate", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL,
     "Started not before this."},
    {"endDate", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Started not after this."},
    {"expression", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL,
     "Which counts are results: rendered with `count`, must be true."},
    {0},
};
static const struct cdz_prop count_outputs[] = {
    {"results", CDZ_PROP_LIST, 0, NULL, "namespace, flowId and count."},
    {"total", CDZ_PROP_INT, 0, NULL, "Their sum."},
    {0},
};
static const struct cdz_prop resume_props[] = {
    CDZ_PAIRING_PROPS,
    {"inputs", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, NULL, "Inputs that the pause asks for."},
    {0},
};
static const struct cdz_prop purge_props[] = {
    {"namespace", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL,
     "Of this namespace, and those below unless there is a flowId."},
    {"flowId", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Of this flow."},
    {"startDate", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Started not before this."},
    {"endDate", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL,
     "Started not after this."},
    {"states", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL,
     "Only in these states; all that are final by default."},
    {"purgeExecution", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true", "The executions."},
    {"purgeLog", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true", "Their logs."},
    {"purgeMetric", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true", "Their metrics."},
    {"purgeStorage", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true", "Their files."},
    {0},
};
static const struct cdz_prop purge_outputs[] = {
    {"executionsCount", CDZ_PROP_INT, 0, NULL, "Executions that were deleted."},
    {"logsCount", CDZ_PROP_INT, 0, NULL, "Lines of logs."},
    {"metricsCount", CDZ_PROP_INT, 0, NULL, "Metrics."},
    {"storagesCount", CDZ_PROP_INT, 0, NULL, "Files."},
    {0},
};

const struct cdz_type cdz_task_execution_count = {
    .type = "io.kestra.plugin.core.execution.Count",
    .aliases = (const char *const[]){"io.kestra.core.tasks.executions.Counts", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Count executions.",
    .props = count_props,
    .outputs = count_outputs,
    .run = count_run,
};
const struct cdz_type cdz_task_execution_resume = {
    .type = "io.kestra.plugin.core.execution.Resume",
    .aliases = (const char *const[]){"io.kestra.core.tasks.executions.Resume", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Resume a paused execution.",
    .props = resume_props,
    .run = resume_run,
};
const struct cdz_type cdz_task_execution_purge = {
    .type = "io.kestra.plugin.core.execution.PurgeExecutions",
    .aliases = (const char *const[]){"io.kestra.plugin.core.storage.Purge",
                                     "io.kestra.core.tasks.storages.Purge", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Delete old executions with their logs, metrics and files.",
    .props = purge_props,
    .outputs = purge_outputs,
    .run = purge_run,
};
