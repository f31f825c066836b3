/* executions.c -- /api/v1/executions. reference/api.md §2. */
#include "api/internal.h"
#include "base/limits.h"
#include "base/time.h"

static void answer(struct api_call *c, const struct cdz_execution *e)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_execution_json(e, CDZ_STR(""), cdz_now_us(), &b);
    api_json(c, 200, &b);
}

struct cdz_execution *api_execution_get(struct api_call *c, cdz_str id)
{
    struct cdz_execution *e;
    struct cdz_err err;
    cdz_rc rc = cdz_repository_execution_get(c->api->s->repository, id, &e, &err);
    if (rc == CDZ_OK)
        return e;
    if (rc == CDZ_E_NOT_FOUND)
        api_failf(c, rc, "Execution not found");
    else
        api_fail(c, &err);
    return NULL;
}

static void get(struct api_call *c)
{
    struct cdz_execution *e;
    struct cdz_err err;
    cdz_rc rc = cdz_repository_execution_get(c->api->s->repository, c->param[0], &e, &err);
    if (rc == CDZ_OK) {
        answer(c, e);
        cdz_execution_free(e);
    } else if (rc == CDZ_E_NOT_FOUND && api_is_recent(c->api, c->param[0])) {
        api_wait_execution(c, c->param[0], 5 * CDZ_SECOND); /* acknowledged, but not indexed yet */
    } else if (rc == CDZ_E_NOT_FOUND) {
        api_failf(c, rc, "Execution not found");
    } else {
        api_fail(c, &err);
    }
}

/* --- creation
 * ----------------------------------------------------------------------------------------------------
 */

/* A creation on its way to the disk. The answer is made before: the queue's thread, which everybody
 * waits for, only hands it over. */
struct creating {
    struct api_call call;
    cdz_str id; /* in the call's arena */
    struct cdz_buf answer;
    api_answer_end *at_end;
};

/* Thread: the queue's. */
static void on_created(void *ctx, cdz_rc rc, const struct cdz_err *err)
{
    struct creating *k = ctx;
    struct api_call *c = &k->call;
    struct cdz_api *api = c->api;
    if (rc != CDZ_OK) {
        api_fail(c, err);
    } else if (k->at_end) {
        api_wait_end(c, k->id, k->at_end);
    } else {
        api_remember(c->api, k->id); /* before the answer: the next GET may be here at once */
        api_json(c, 200, &k->answer);
        k->answer = (struct cdz_buf)CDZ_BUF_INIT; /* taken */
    }
    cdz_buf_done(&k->answer);
    free(k);
    api_leave(api);
}

void api_create(struct api_call *c, struct cdz_execution *e, api_answer_end *at_end)
{
    struct cdz_record records[2];
    struct creating *k = calloc(1, sizeof(*k));
    if (!k)
        abort();
    size_t n = cdz_execution_records(e, c->arena, records);
    *k = (struct creating){
        .call = *c, .id = cdz_arena_str(c->arena, e->id), .answer = CDZ_BUF_INIT, .at_end = at_end};
    if (!at_end)
        cdz_execution_json(e, api_execution_url(c->api, e, c->arena), cdz_now_us(), &k->answer);
    cdz_execution_free(e);
    api_hold(c->api);
    cdz_queue_send(c->api->s->queue, records, n, on_created, k);
}

static cdz_rc store_upload(struct api_call *c, const struct cdz_flow *flow,
                           const struct cdz_input *input, cdz_str name, cdz_str execution,
                           const struct cdz_http_part *part, cdz_str *ret_uri, struct cdz_err *err)
{
    cdz_val extension = input ? cdz_map_getz(input->source, "extension") : CDZ_VAL_NULL;
    cdz_str file = cdz_arena_printf(
        c->arena, "%.*s%.*s", CDZ_S(cdz_execution_id(c->arena)),
        CDZ_S(extension.kind == CDZ_TEXT ? cdz_val_str(extension) : CDZ_STR(".upl")));
    cdz_str path = cdz_path_input(flow->namespace_, flow->id, execution, name, file, c->arena);
    CDZ_TRY(cdz_storage_put_file(c->api->s->storage, path, part->fd, err));
    *ret_uri = cdz_storage_uri(path, c->arena);
    return CDZ_OK;
}

static const struct cdz_input *find_input(const struct cdz_input *v, size_t n, cdz_str id)
{
    for (size_t i = 0; i < n; i++) {
        if (cdz_str_eq(v[i].id, id))
            return &v[i];
    }
    return NULL;
}

cdz_rc api_posted_inputs(struct api_call *c, const struct cdz_flow *flow,
                         const struct cdz_input *inputs, size_t input_count, cdz_str execution,
                         cdz_val *ret, struct cdz_err *err)
{
    cdz_val posted = cdz_val_map(c->arena, c->r->part_count);
    for (size_t i = 0; i < c->r->part_count; i++) {
        const struct cdz_http_part *p = &c->r->parts[i];
        if (p->fd < 0) {
            cdz_map_put(c->arena, posted, p->name, cdz_val_text(p->value));
            continue;
        }
        const struct cdz_input *input = find_input(inputs, input_count, p->filename);
        cdz_str name = input ? p->filename : p->name, uri;
        if (!input)
            input = find_input(inputs, input_count, name);
        if (p->size == 0)
            return cdz_fail(err, CDZ_E_INVALID, "Can't upload file: it is empty");
        CDZ_TRY(store_upload(c, flow, input, name, execution, p, &uri, err));
        cdz_map_put(c->arena, posted, name, cdz_val_text(uri));
    }
    *ret = posted;
    return CDZ_OK;
}

static void create(struct api_call *c)
{
    struct cdz_create make = {.services = c->api->s};
    struct cdz_execution *e = NULL;
    struct cdz_label *labels;
    struct cdz_err err;
    cdz_str revision = api_query(c, "revision");
    int64_t number = 0;
    if (!api_labels(c, "labels", &labels, &make.label_count) ||
        !api_date(c, "scheduleDate", &make.schedule_date))
        return;
    if (revision.p && revision.n &&
        (!cdz_str_to_i64(revision, &number) || number < 1 || number > INT32_MAX)) {
        api_failf(c, CDZ_E_INVALID, "revision: must be a number from 1");
        return;
    }
    if (cdz_flows_get(c->api->s->flows, c->param[0], c->param[1], (int)number, &make.flow, &err) !=
        CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    make.labels = labels;
    make.id = cdz_execution_id(c->arena);
    cdz_rc rc = api_posted_inputs(c, make.flow, make.flow->inputs, make.flow->input_count, make.id,
                                  &make.inputs, &err);
    if (rc == CDZ_OK)
        rc = cdz_execution_make(&make, cdz_now_us(), &e, &err);
    cdz_flow_unref(make.flow);
    if (rc != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    api_create(c, e, api_query_bool(c, "wait", false) ? api_answer_execution : NULL);
}

bool api_is_run_of_flow(struct api_call *c)
{
    cdz_str path = c->r->path;
    size_t at = path.n;
    struct cdz_flow *flow;
    struct cdz_execution *e;
    struct cdz_err err;
    while (at > 0 && path.p[at - 1] != '/')
        at--;
    cdz_str id = cdz_str_sub(path, at, path.n);
    if (cdz_flows_get(c->api->s->flows, c->param[0], id, 0, &flow, &err) != CDZ_OK)
        return false;
    cdz_flow_unref(flow);
    if (api_is_recent(c->api, c->param[0]))
        return false;
    if (cdz_repository_execution_get(c->api->s->repository, c->param[0], &e, &err) == CDZ_OK) {
        cdz_execution_free(e);
        return false;
    }
    c->param[1] = id;
    create(c);
    return true;
}

/* --- search
 * ------------------------------------------------------------------------------------------------------
 */

bool api_execution_filter(struct api_call *c, struct cdz_execution_filter *ret)
{
    struct cdz_execution_filter f = {
        .q = api_filter(c, "q"),
        .namespace_ = api_filter(c, "namespace"),
        .flow_id = api_filter(c, "flowId"),
        .trigger_execution_id = api_filter(c, "triggerExecutionId"),
    };
    struct cdz_label *labels;
    cdz_str *values, range = api_filter(c, "timeRange"), child = api_filter(c, "childFilter");
    cdz_us span;
    if (!api_labels(c, "labels", &labels, &f.label_count) ||
        !api_date(c, "startDate", &f.start_from) || !api_date(c, "endDate", &f.start_to))
        return false;
    if (range.p && range.n) {
        if (f.start_from) {
            api_failf(c, CDZ_E_INVALID,
                      "Parameters 'startDate' and 'timeRange' are mutually exclusive");
            return false;
        }
        if (!cdz_duration_us(range, &span)) {
            api_failf(c, CDZ_E_INVALID, "timeRange: `%.*s` is not a duration such as PT24H",
                      CDZ_S(range));
            return false;
        }
        f.start_from = cdz_now_us() - span;
    }
    if (f.start_from && f.start_to && f.start_from > f.start_to) {
        api_failf(c, CDZ_E_INVALID, "Start date must be before End Date");
        return false;
    }
    size_t n = api_query_all(c, "state", &values);
    for (size_t i = 0; i < n; i++) {
        enum cdz_state s;
        if (!cdz_state_parse(values[i], &s)) {
            api_failf(c, CDZ_E_INVALID, "state: `%.*s` is no state", CDZ_S(values[i]));
            return false;
        }
        f.states |= 1u << s;
    }
    n = api_query_all(c, "scope", &values);
    for (size_t i = 0; i < n; i++)
        f.scope |= cdz_str_is(values[i], "USER") ? 1 : cdz_str_is(values[i], "SYSTEM") ? 2 : 0;
    f.child = cdz_str_is(child, "CHILD") ? 1 : cdz_str_is(child, "MAIN") ? 2 : 0;
    cdz_str *keys = CDZ_NEW_N(c->arena, cdz_str, f.label_count + 1),
            *of = CDZ_NEW_N(c->arena, cdz_str, f.label_count + 1);
    for (size_t i = 0; i < f.label_count; i++) {
        keys[i] = labels[i].key;
        of[i] = labels[i].value;
    }
    f.label_keys = keys;
    f.label_values = of;
    *ret = f;
    return true;
}

static void find(struct api_call *c, const struct cdz_execution_filter *f)
{
    struct cdz_page page;
    struct cdz_executions found;
    struct cdz_err err;
    if (!api_page(c, &page))
        return;
    if (cdz_repository_execution_find(c->api->s->repository, f, &page, c->arena, &found, &err) !=
        CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_z(&b, "{\"results\":[");
    for (size_t i = 0; i < found.n; i++) {
        if (i)
            cdz_buf_c(&b, ',');
        cdz_execution_json(found.v[i], CDZ_STR(""), cdz_now_us(), &b);
        cdz_execution_free(found.v[i]);
    }
    cdz_buf_printf(&b, "],\"total\":%llu}", (unsigned long long)found.total);
    api_json(c, 200, &b);
}

static void search(struct api_call *c)
{
    struct cdz_execution_filter f;
    if (api_execution_filter(c, &f))
        find(c, &f);
}

static void of_flow(struct api_call *c)
{
    struct cdz_execution_filter f = {.namespace_ = api_query(c, "namespace"),
                                     .flow_id = api_query(c, "flowId"),
                                     .namespace_exact = true};
    if (!f.namespace_.p || !f.flow_id.p)
        api_failf(c, CDZ_E_BAD_REQUEST, "Required QueryValue [%s] not specified",
                  f.namespace_.p ? "flowId" : "namespace");
    else
        find(c, &f);
}

/* --- follow ------------------------------------------------------------------------------------
 */

static void follow(struct api_call *c)
{
    struct cdz_execution *e;
    struct cdz_err err;
    cdz_rc rc = cdz_repository_execution_get(c->api->s->repository, c->param[0], &e, &err);
    if (rc == CDZ_OK)
        cdz_execution_free(e);
    if (rc == CDZ_OK || api_is_recent(c->api, c->param[0]))
        api_follow_execution(c, c->param[0]);
    else
        api_failf(c, rc, "Execution not found");
}

/* --- what the run dialog asks for
 * -------------------------------------------------------------------------------- */

static void namespaces(struct api_call *c)
{
    cdz_str *names;
    struct cdz_err err;
    size_t n;
    if (cdz_repository_namespaces(c->api->s->repository, CDZ_STR(""), c->arena, &names, &n, &err) !=
        CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    for (size_t i = 0; i < n; i++)
        cdz_jw_str(&w, NULL, names[i]);
    cdz_jw_close(&w, ']');
    api_json(c, 200, &b);
}

static void put_flow_for_execution(struct cdz_jw *w, const struct cdz_flow *flow)
{
    cdz_jw_open(w, NULL, '{');
    cdz_jw_str(w, "id", flow->id);
    cdz_jw_str(w, "namespace", flow->namespace_);
    cdz_jw_int(w, "revision", flow->revision);
    if (flow->input_count) {
        cdz_jw_open(w, "inputs", '[');
        for (size_t i = 0; i < flow->input_count; i++)
            cdz_jw_val(w, NULL, flow->inputs[i].source, CDZ_JSON_DROP_NULLS);
        cdz_jw_close(w, ']');
    }
    cdz_jw_open(w, "tasks", '[');
    for (size_t i = 0; i < flow->tasks.n; i++) {
        cdz_jw_open(w, NULL, '{');
        cdz_jw_str(w, "id", flow->tasks.v[i]->id);
        cdz_jw_str(w, "type", flow->tasks.v[i]->type_name);
        cdz_jw_close(w, '}');
    }
    cdz_jw_close(w, ']');
    cdz_jw_bool(w, "disabled", flow->disabled);
    cdz_jw_bool(w, "deleted", flow->deleted);
    cdz_jw_close(w, '}');
}

static void answer_flow(struct api_call *c, cdz_str ns, cdz_str id, int revision)
{
    struct cdz_flow *flow;
    struct cdz_err err;
    if (cdz_flows_get(c->api->s->flows, ns, id, revision, &flow, &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    put_flow_for_execution(&w, flow);
    api_json(c, 200, &b);
    cdz_flow_unref(flow);
}

static void flow_to_run(struct api_call *c)
{
    cdz_str v = api_query(c, "revision");
    int64_t revision = 0;
    if (v.p && v.n && (!cdz_str_to_i64(v, &revision) || revision < 1 || revision > INT32_MAX))
        api_failf(c, CDZ_E_INVALID, "revision: must be a number from 1");
    else
        answer_flow(c, c->param[0], c->param[1], (int)revision);
}

static void flows_to_run(struct api_call *c)
{
    struct cdz_flow_filter f = {.namespace_ = c->param[0], .namespace_exact = true};
    struct cdz_page all = {0};
    struct cdz_flow_row *rows;
    struct cdz_flow *flow;
    struct cdz_err err;
    uint64_t total;
    size_t n;
    if (cdz_repository_flow_find(c->api->s->repository, &f, &all, c->arena, &rows, &n, &total,
                                 &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    for (size_t i = 0; i < n; i++) {
        if (rows[i].disabled || cdz_flows_get(c->api->s->flows, rows[i].namespace_, rows[i].id, 0,
                                              &flow, &err) != CDZ_OK)
            continue; /* it cannot be run */
        put_flow_for_execution(&w, flow);
        cdz_flow_unref(flow);
    }
    cdz_jw_close(&w, ']');
    api_json(c, 200, &b);
}

static void flow_of_execution(struct api_call *c)
{
    struct cdz_execution *e;
    struct cdz_err err;
    if (cdz_repository_execution_get(c->api->s->repository, c->param[0], &e, &err) != CDZ_OK) {
        api_failf(c, CDZ_E_NOT_FOUND, "Execution not found");
        return;
    }
    answer_flow(c, e->namespace_, e->flow_id, e->flow_revision);
    cdz_execution_free(e);
}

const struct api_route api_execution_routes[] = {
    {"GET", "/executions/search", search, "EXECUTION_READ"},
    {"GET", "/executions/namespaces", namespaces, "EXECUTION_READ"},
    {"GET", "/executions", of_flow, "EXECUTION_READ"},
    {"GET", "/executions/namespaces/{ns}/flows", flows_to_run, "EXECUTION_READ"},
    {"GET", "/executions/{id}", get, "EXECUTION_READ"},
    {"GET", "/executions/{id}/flow", flow_of_execution, "EXECUTION_READ"},
    {"GET", "/executions/flows/{ns}/{id}", flow_to_run, "EXECUTION_READ"},
    {"GET", "/executions/{id}/follow", follow, "EXECUTION_READ"},
    {"POST", "/executions/{ns}/{id}", create, "EXECUTION_CREATE"},
    {"POST", "/executions/trigger/{ns}/{id}", create, "EXECUTION_CREATE"},
    {0},
};
