/* flows.c -- /api/v1/flows. reference/api.md §7. */
#include "api/internal.h"
#include "base/limits.h"
#include "base/time.h"
#include "yaml/yaml.h"

static void answer_flow(struct api_call *c, const struct cdz_flow *flow, bool with_source)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_flow_json(flow, with_source, &b);
    api_json(c, 200, &b);
}

static bool is_live(cdz_rc rc, const struct cdz_flow_row *row)
{
    return rc == CDZ_OK && !row->deleted;
}

static void create(struct api_call *c)
{
    struct cdz_flow_row last;
    struct cdz_err err;
    struct cdz_flow *flow = api_flow_parse(c, c->r->body);
    if (!flow)
        return;
    pthread_mutex_lock(&c->api->flow_mu);
    cdz_rc rc = api_flow_last(c, flow->namespace_, flow->id, &last, &err);
    if (rc == CDZ_OK && last.revision && !last.deleted)
        rc = cdz_fail(&err, CDZ_E_INVALID, "id: Flow id already exists");
    if (rc == CDZ_OK)
        rc = api_flow_save(c, flow, &last, &err);
    pthread_mutex_unlock(&c->api->flow_mu);
    if (rc == CDZ_OK)
        answer_flow(c, flow, true);
    else if (rc == CDZ_E_INVALID)
        api_invalid(c, 422, cdz_str_z(err.text),
                    &(struct api_violation){CDZ_STR("id"), CDZ_STR("Flow id already exists")}, 1);
    else
        api_fail(c, &err);
    cdz_flow_unref(flow);
}

static void update(struct api_call *c)
{
    struct cdz_flow_row last;
    struct cdz_err err;
    cdz_rc rc = cdz_repository_flow_get(c->api->s->repository, c->param[0], c->param[1], 0, true,
                                        c->arena, &last, &err);
    if (!is_live(rc, &last)) {
        api_failf(c, CDZ_E_NOT_FOUND, "Flow not found");
        return;
    }
    struct cdz_flow *flow = api_flow_parse(c, c->r->body);
    if (!flow)
        return;
    if (!cdz_str_eq(flow->id, c->param[1]) || !cdz_str_eq(flow->namespace_, c->param[0])) {
        bool id = !cdz_str_eq(flow->id, c->param[1]);
        cdz_str message =
            id ? CDZ_STR("Illegal flow id update") : CDZ_STR("Illegal namespace update");
        api_invalid(
            c, 422, message,
            &(struct api_violation){id ? CDZ_STR("flow.id") : CDZ_STR("flow.namespace"), message},
            1);
        cdz_flow_unref(flow);
        return;
    }
    pthread_mutex_lock(&c->api->flow_mu);
    rc = api_flow_last(c, flow->namespace_, flow->id, &last, &err);
    if (rc == CDZ_OK)
        rc = api_flow_save(c, flow, &last, &err);
    pthread_mutex_unlock(&c->api->flow_mu);
    if (rc == CDZ_OK)
        answer_flow(c, flow, true);
    else
        api_fail(c, &err);
    cdz_flow_unref(flow);
}

static void delete (struct api_call *c)
{
    struct cdz_err err;
    if (api_flow_delete(c, c->param[0], c->param[1], &err) == CDZ_OK)
        api_empty(c, 204);
    else
        api_fail(c, &err);
}

bool api_revision(struct api_call *c, int *ret)
{
    cdz_str v = api_query(c, "revision");
    int64_t n = 0;
    if (v.p && v.n && (!cdz_str_to_i64(v, &n) || n < 1 || n > INT32_MAX)) {
        api_failf(c, CDZ_E_INVALID, "revision: must be a number from 1");
        return false;
    }
    *ret = (int)n;
    return true;
}

static void get(struct api_call *c)
{
    struct cdz_flow_row row;
    struct cdz_err err;
    int revision;
    if (!api_revision(c, &revision))
        return;
    if (cdz_repository_flow_get(c->api->s->repository, c->param[0], c->param[1], revision,
                                api_query_bool(c, "allowDeleted", false), c->arena, &row,
                                &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_flow *flow = api_flow_of_row(c, &row);
    answer_flow(c, flow, api_query_bool(c, "source", false));
    cdz_flow_unref(flow);
}

static void revisions(struct api_call *c)
{
    struct cdz_flow_row *rows;
    struct cdz_err err;
    size_t n;
    if (cdz_repository_flow_revisions(c->api->s->repository, c->param[0], c->param[1], c->arena,
                                      &rows, &n, &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    if (n == 0) {
        api_failf(c, CDZ_E_NOT_FOUND, "Flow not found");
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_c(&b, '[');
    for (size_t i = 0; i < n; i++) {
        struct cdz_flow *flow = api_flow_of_row(c, &rows[i]);
        if (i)
            cdz_buf_c(&b, ',');
        cdz_flow_json(flow, true, &b);
        cdz_flow_unref(flow);
    }
    cdz_buf_c(&b, ']');
    api_json(c, 200, &b);
}

static void task(struct api_call *c)
{
    struct cdz_flow *flow;
    struct cdz_err err;
    int revision;
    if (!api_revision(c, &revision))
        return;
    if (cdz_flows_get(c->api->s->flows, c->param[0], c->param[1], revision, &flow, &err) !=
        CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    const struct cdz_task *t = cdz_flow_task(flow, c->param[2]);
    if (t) {
        struct cdz_buf b = CDZ_BUF_INIT;
        cdz_json_print(&b, t->source, CDZ_JSON_DROP_NULLS);
        api_json(c, 200, &b);
    } else {
        api_failf(c, CDZ_E_NOT_FOUND, "Task not found");
    }
    cdz_flow_unref(flow);
}

static void put_flows(struct api_call *c, const struct cdz_flow_row *rows, size_t n,
                      struct cdz_buf *b)
{
    cdz_buf_c(b, '[');
    for (size_t i = 0; i < n; i++) {
        struct cdz_flow *flow = api_flow_of_row(c, &rows[i]);
        if (i)
            cdz_buf_c(b, ',');
        cdz_flow_json(flow, false, b);
        cdz_flow_unref(flow);
    }
    cdz_buf_c(b, ']');
}

bool api_flow_filter(struct api_call *c, struct cdz_flow_filter *ret)
{
    struct cdz_flow_filter f = {.q = api_filter(c, "q"), .namespace_ = api_filter(c, "namespace")};
    struct cdz_label *labels;
    if (!api_labels(c, "labels", &labels, &f.label_count))
        return false;
    cdz_str *keys = CDZ_NEW_N(c->arena, cdz_str, f.label_count + 1),
            *values = CDZ_NEW_N(c->arena, cdz_str, f.label_count + 1), *scopes;
    for (size_t i = 0; i < f.label_count; i++) {
        keys[i] = labels[i].key;
        values[i] = labels[i].value;
    }
    f.label_keys = keys;
    f.label_values = values;
    size_t n = api_query_all(c, "scope", &scopes);
    for (size_t i = 0; i < n; i++)
        f.scope |= cdz_str_is(scopes[i], "USER") ? 1 : cdz_str_is(scopes[i], "SYSTEM") ? 2 : 0;
    *ret = f;
    return true;
}

static void search(struct api_call *c)
{
    struct cdz_page page;
    struct cdz_flow_filter f;
    struct cdz_flow_row *rows;
    struct cdz_err err;
    uint64_t total;
    size_t n;
    if (!api_page(c, &page) || !api_flow_filter(c, &f))
        return;
    if (cdz_repository_flow_find(c->api->s->repository, &f, &page, c->arena, &rows, &n, &total,
                                 &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_z(&b, "{\"results\":");
    put_flows(c, rows, n, &b);
    cdz_buf_printf(&b, ",\"total\":%llu}", (unsigned long long)total);
    api_json(c, 200, &b);
}

static cdz_rc flows_of_namespace(struct api_call *c, cdz_str ns, struct cdz_flow_row **rows,
                                 size_t *n, struct cdz_err *err)
{
    struct cdz_flow_filter f = {.namespace_ = ns, .namespace_exact = ns.n > 0};
    struct cdz_page page = {0};
    uint64_t total;
    return cdz_repository_flow_find(c->api->s->repository, &f, &page, c->arena, rows, n, &total,
                                    err);
}

static void list(struct api_call *c)
{
    struct cdz_flow_row *rows;
    struct cdz_err err;
    size_t n;
    if (flows_of_namespace(c, c->param[0], &rows, &n, &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    put_flows(c, rows, n, &b);
    api_json(c, 200, &b);
}

static void namespaces(struct api_call *c)
{
    cdz_str q = api_query(c, "q"), *names;
    struct cdz_err err;
    size_t n;
    if (cdz_repository_namespaces(c->api->s->repository, q.p ? q : CDZ_STR(""), c->arena, &names,
                                  &n, &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_c(&b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            cdz_buf_c(&b, ',');
        cdz_json_quote(&b, names[i]);
    }
    cdz_buf_c(&b, ']');
    api_json(c, 200, &b);
}

/* Several documents: all are checked before any is stored. ns empty: any namespace. */
static void bulk(struct api_call *c, cdz_str ns)
{
    cdz_str *docs;
    size_t n = cdz_yaml_split(c->r->body, c->arena, &docs), parsed = 0;
    struct cdz_flow **flows = CDZ_NEW_N(c->arena, struct cdz_flow *, n + 1);
    struct cdz_err err = {0};
    cdz_rc rc = CDZ_OK;
    for (; parsed < n; parsed++) {
        if (!(flows[parsed] = api_flow_parse(c, docs[parsed])))
            goto out; /* answered */
        bool twice = false;
        for (size_t k = 0; k < parsed; k++)
            twice |= cdz_str_eq(flows[k]->id, flows[parsed]->id) &&
                     cdz_str_eq(flows[k]->namespace_, flows[parsed]->namespace_);
        if (ns.n && !cdz_str_eq(flows[parsed]->namespace_, ns)) {
            cdz_flow_unref(flows[parsed]);
            api_invalid(c, 422, CDZ_STR("Flow namespace is invalid"),
                        &(struct api_violation){CDZ_STR("flow.namespace"),
                                                CDZ_STR("Flow namespace is invalid")},
                        1);
            goto out;
        }
        if (twice) {
            cdz_str message =
                cdz_arena_printf(c->arena, "Duplicate flow id: %.*s", CDZ_S(flows[parsed]->id));
            cdz_flow_unref(flows[parsed]);
            api_invalid(c, 422, message, &(struct api_violation){CDZ_STR("flow.id"), message}, 1);
            goto out;
        }
    }
    pthread_mutex_lock(&c->api->flow_mu);
    for (size_t i = 0; i < n && rc == CDZ_OK; i++) {
        struct cdz_flow_row last;
        rc = api_flow_last(c, flows[i]->namespace_, flows[i]->id, &last, &err);
        if (rc == CDZ_OK)
            rc = api_flow_save(c, flows[i], &last, &err);
    }
    pthread_mutex_unlock(&c->api->flow_mu);
    if (rc == CDZ_OK && api_query_bool(c, "delete", ns.n > 0)) {
        struct cdz_flow_row *rows;
        size_t have;
        rc = flows_of_namespace(c, ns, &rows, &have, &err);
        for (size_t i = 0; rc == CDZ_OK && i < have; i++) {
            bool named = false;
            for (size_t k = 0; k < n; k++)
                named |= cdz_str_eq(rows[i].id, flows[k]->id) &&
                         cdz_str_eq(rows[i].namespace_, flows[k]->namespace_);
            if (!named)
                rc = api_flow_delete(c, rows[i].namespace_, rows[i].id, &err);
        }
    }
    if (rc == CDZ_OK) {
        struct cdz_buf b = CDZ_BUF_INIT;
        cdz_buf_c(&b, '[');
        for (size_t i = 0; i < n; i++) {
            if (i)
                cdz_buf_c(&b, ',');
            cdz_flow_json(flows[i], true, &b);
        }
        cdz_buf_c(&b, ']');
        api_json(c, 200, &b);
    } else {
        api_fail(c, &err);
    }
out:
    for (size_t i = 0; i < parsed; i++)
        cdz_flow_unref(flows[i]);
}

static void bulk_namespace(struct api_call *c)
{
    bulk(c, c->param[0]);
}

static void bulk_any(struct api_call *c)
{
    bulk(c, CDZ_STR(""));
}

static void validate_one(struct api_call *c, cdz_str source, size_t index, struct cdz_jw *w)
{
    struct cdz_problems problems = {.arena = c->arena};
    struct cdz_flow_options o = api_flow_options(c, false);
    struct cdz_flow *flow = NULL;
    struct cdz_flow_row last = {0};
    struct cdz_err err;
    cdz_rc rc = cdz_flow_parse(source, &o, &problems, &flow, &err);
    cdz_str constraints = cdz_problems_constraints(&problems, c->arena);
    cdz_jw_open(w, NULL, '{');
    cdz_jw_int(w, "index", (int64_t)index);
    if (rc == CDZ_OK) {
        cdz_jw_str(w, "flow", flow->id);
        cdz_jw_str(w, "namespace", flow->namespace_);
        if (api_flow_last(c, flow->namespace_, flow->id, &last, &err) == CDZ_OK && last.revision)
            cdz_jw_bool(w, "outdated", flow->revision > 0 && flow->revision < last.revision);
    } else {
        cdz_val v;
        if (cdz_yaml_parse_val(source, c->arena, &v, &err) == CDZ_OK) {
            cdz_val id = cdz_map_getz(v, "id"), ns = cdz_map_getz(v, "namespace");
            if (id.kind == CDZ_TEXT)
                cdz_jw_str(w, "flow", cdz_val_str(id));
            if (ns.kind == CDZ_TEXT)
                cdz_jw_str(w, "namespace", cdz_val_str(ns));
        }
        cdz_jw_str(w, "constraints", constraints.n ? constraints : cdz_str_z(err.text));
    }
    cdz_jw_open(w, "warnings", '[');
    for (size_t i = 0; i < problems.list.n; i++) {
        if (problems.list.v[i].warning)
            cdz_jw_str(w, NULL, problems.list.v[i].message);
    }
    cdz_jw_close(w, ']');
    cdz_jw_open(w, "infos", '[');
    cdz_jw_close(w, ']');
    cdz_jw_open(w, "deprecationPaths", '[');
    cdz_jw_close(w, ']');
    cdz_jw_close(w, '}');
    cdz_flow_unref(flow);
}

static void validate(struct api_call *c)
{
    cdz_str *docs;
    size_t n = cdz_yaml_split(c->r->body, c->arena, &docs);
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    for (size_t i = 0; i < n; i++)
        validate_one(c, docs[i], i, &w);
    cdz_jw_close(&w, ']');
    api_json(c, 200, &b);
}

const struct api_route api_flow_routes[] = {
    {"GET", "/flows/search", search, "FLOW_READ"},
    {"GET", "/flows/distinct-namespaces", namespaces, "FLOW_READ"},
    {"POST", "/flows", create, "FLOW_CREATE"},
    {"POST", "/flows/validate", validate, "FLOW_READ"},
    {"POST", "/flows/bulk", bulk_any, "FLOW_UPDATE"},
    {"GET", "/flows/{ns}", list, "FLOW_READ"},
    {"POST", "/flows/{ns}", bulk_namespace, "FLOW_UPDATE"},
    {"GET", "/flows/{ns}/{id}", get, "FLOW_READ"},
    {"PUT", "/flows/{ns}/{id}", update, "FLOW_UPDATE"},
    {"DELETE", "/flows/{ns}/{id}", delete, "FLOW_DELETE"},
    {"GET", "/flows/{ns}/{id}/revisions", revisions, "FLOW_READ"},
    {"GET", "/flows/{ns}/{id}/tasks/{task}", task, "FLOW_READ"},
    {0},
};
