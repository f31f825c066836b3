/*
 * templates.c -- /api/v1/templates. reference/api.md §8. All of it is 404 unless
 * kestra.templates.enabled is true.
 */
#include "server/templates.h"

#include "api/internal.h"
#include "base/limits.h"
#include "base/zip.h"
#include "yaml/yaml.h"

static struct cdz_templates *all_of(struct api_call *c)
{
    if (c->api->s->config->templates_enabled)
        return cdz_flows_templates(c->api->s->flows);
    api_failf(c, CDZ_E_NOT_FOUND, "Page Not Found");
    return NULL;
}

/* --- printing ------------------------------------------------------------------------------- */

static void put_template(struct api_call *c, struct cdz_jw *w, const struct cdz_template_row *row)
{
    static const char *const names[] = {"id", "namespace", "description", "tasks", "errors"};
    struct cdz_err err;
    cdz_val v;
    if (cdz_yaml_parse_val(row->source, c->arena, &v, &err) != CDZ_OK)
        v = CDZ_VAL_NULL; /* it was read when it was stored */
    cdz_jw_open(w, NULL, '{');
    for (size_t i = 0; i < CDZ_COUNT(names); i++) {
        cdz_val x = cdz_map_getz(v, names[i]);
        if (!cdz_val_is_null(x))
            cdz_jw_val(w, names[i], x, CDZ_JSON_DROP_NULLS);
    }
    cdz_jw_bool(w, "deleted", false);
    cdz_jw_close(w, '}');
}

static void answer(struct api_call *c, const struct cdz_template_row *row)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    put_template(c, &w, row);
    api_json(c, 200, &b);
}

/* --- what a query means --------------------------------------------------------------------- */

static bool in_namespace(cdz_str ns, cdz_str wanted)
{
    return !wanted.n || cdz_str_eq(ns, wanted) ||
           (cdz_str_starts(ns, wanted) && ns.p[wanted.n] == '.');
}

static struct cdz_template_row *matching(struct api_call *c, struct cdz_templates *all,
                                         size_t *ret_n)
{
    cdz_str q = api_filter(c, "q"), ns = api_filter(c, "namespace");
    size_t n, kept = 0;
    struct cdz_template_row *v = cdz_templates_list(all, c->arena, &n);
    for (size_t i = 0; i < n; i++) {
        if (in_namespace(v[i].namespace_, ns) && (!q.n || cdz_str_find(v[i].id, q, 0) != SIZE_MAX ||
                                                  cdz_str_find(v[i].namespace_, q, 0) != SIZE_MAX))
            v[kept++] = v[i];
    }
    *ret_n = kept;
    return v;
}

/* --- one ------------------------------------------------------------------------------------ */

/* A document as a row: it must compile as a flow would. Otherwise answers. */
static bool parse(struct api_call *c, cdz_str text, struct cdz_template_row *ret)
{
    struct cdz_problems problems = {.arena = c->arena};
    struct cdz_flow_options o = api_flow_options(c, false);
    struct cdz_flow *flow;
    struct cdz_err err;
    if (cdz_flow_parse(text, &o, &problems, &flow, &err) != CDZ_OK) {
        api_flow_problems(c, &problems, &err);
        return false;
    }
    *ret = (struct cdz_template_row){cdz_arena_str(c->arena, flow->namespace_),
                                     cdz_arena_str(c->arena, flow->id), text};
    cdz_flow_unref(flow);
    return true;
}

static cdz_rc store(struct api_call *c, struct cdz_templates *all,
                    const struct cdz_template_row *row, struct cdz_err *err)
{
    CDZ_TRY(cdz_templates_put(all, row->namespace_, row->id, row->source, err));
    cdz_flows_recompile(c->api->s->flows);
    return CDZ_OK;
}

static bool exists(struct api_call *c, struct cdz_templates *all, cdz_str ns, cdz_str id)
{
    struct cdz_err err;
    cdz_str source;
    return cdz_templates_source(all, ns, id, c->arena, &source, &err) == CDZ_OK;
}

static void get(struct api_call *c)
{
    struct cdz_templates *all = all_of(c);
    struct cdz_template_row row = {.namespace_ = c->param[0], .id = c->param[1]};
    struct cdz_err err;
    if (!all)
        return;
    if (cdz_templates_source(all, row.namespace_, row.id, c->arena, &row.source, &err) == CDZ_OK)
        answer(c, &row);
    else
        api_fail(c, &err);
}

static void create(struct api_call *c)
{
    struct cdz_templates *all = all_of(c);
    struct cdz_template_row row;
    struct cdz_err err;
    if (!all || !parse(c, c->r->body, &row))
        return;
    if (exists(c, all, row.namespace_, row.id))
        api_invalid(
            c, 422, CDZ_STR("Template id already exists"),
            &(struct api_violation){CDZ_STR("template.id"), CDZ_STR("Template id already exists")},
            1);
    else if (store(c, all, &row, &err) == CDZ_OK)
        answer(c, &row);
    else
        api_fail(c, &err);
}

static void update(struct api_call *c)
{
    struct cdz_templates *all = all_of(c);
    struct cdz_template_row row;
    struct cdz_err err;
    if (!all)
        return;
    if (!exists(c, all, c->param[0], c->param[1])) {
        api_failf(c, CDZ_E_NOT_FOUND, "Template not found");
        return;
    }
    if (!parse(c, c->r->body, &row))
        return;
    bool id = !cdz_str_eq(row.id, c->param[1]);
    if (id || !cdz_str_eq(row.namespace_, c->param[0])) {
        cdz_str message =
            id ? CDZ_STR("Illegal template id update") : CDZ_STR("Illegal namespace update");
        api_invalid(c, 422, message,
                    &(struct api_violation){
                        id ? CDZ_STR("template.id") : CDZ_STR("template.namespace"), message},
                    1);
    } else if (store(c, all, &row, &err) == CDZ_OK) {
        answer(c, &row);
    } else {
        api_fail(c, &err);
    }
}

static void del(struct api_call *c)
{
    struct cdz_templates *all = all_of(c);
    struct cdz_err err;
    if (!all)
        return;
    if (cdz_templates_del(all, c->param[0], c->param[1], &err) == CDZ_OK) {
        cdz_flows_recompile(c->api->s->flows);
        api_empty(c, 204);
    } else {
        api_fail(c, &err);
    }
}

/* --- lists ---------------------------------------------------------------------------------- */

static void search(struct api_call *c)
{
    struct cdz_templates *all = all_of(c);
    struct cdz_page page;
    size_t n;
    if (!all || !api_page(c, &page))
        return;
    struct cdz_template_row *v = matching(c, all, &n);
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_open(&w, "results", '[');
    for (size_t i = (page.page - 1) * page.size; i < n && i < page.page * page.size; i++)
        put_template(c, &w, &v[i]);
    cdz_jw_close(&w, ']');
    cdz_jw_int(&w, "total", (int64_t)n);
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

static void namespaces(struct api_call *c)
{
    struct cdz_templates *all = all_of(c);
    size_t n;
    if (!all)
        return;
    struct cdz_template_row *v = cdz_templates_list(all, c->arena, &n);
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !cdz_str_eq(v[i - 1].namespace_, v[i].namespace_))
            cdz_jw_str(&w, NULL, v[i].namespace_);
    }
    cdz_jw_close(&w, ']');
    api_json(c, 200, &b);
}

/* The templates of a namespace become those of the body. */
static void replace_all(struct api_call *c)
{
    struct cdz_templates *all = all_of(c);
    CDZ_VEC(struct cdz_template_row) rows = {0};
    struct cdz_err err;
    cdz_val body;
    cdz_rc rc = CDZ_OK;
    size_t n;
    if (!all || !api_body_json(c, &body))
        return;
    if (body.kind != CDZ_LIST) {
        api_failf(c, CDZ_E_INVALID, "the body must be a list of templates");
        return;
    }
    CDZ_LIST_EACH (x, body) {
        struct cdz_template_row row;
        if (!parse(c, cdz_json_text(c->arena, *x, CDZ_JSON_COMPACT), &row))
            return;
        if (!cdz_str_eq(row.namespace_, c->param[0])) {
            api_failf(c, CDZ_E_INVALID, "Template namespace is invalid: %.*s",
                      CDZ_S(row.namespace_));
            return;
        }
        CDZ_PUSH(c->arena, &rows, row);
    }
    for (size_t i = 0; rc == CDZ_OK && i < rows.n; i++)
        rc = cdz_templates_put(all, rows.v[i].namespace_, rows.v[i].id, rows.v[i].source, &err);
    struct cdz_template_row *have = cdz_templates_list(all, c->arena, &n);
    for (size_t i = 0; rc == CDZ_OK && i < n && api_query_bool(c, "delete", true); i++) {
        bool named = !cdz_str_eq(have[i].namespace_, c->param[0]);
        for (size_t k = 0; k < rows.n && !named; k++)
            named = cdz_str_eq(rows.v[k].id, have[i].id);
        if (!named)
            rc = cdz_templates_del(all, have[i].namespace_, have[i].id, &err);
    }
    cdz_flows_recompile(c->api->s->flows);
    if (rc != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    for (size_t i = 0; i < rows.n; i++)
        put_template(c, &w, &rows.v[i]);
    cdz_jw_close(&w, ']');
    api_json(c, 200, &b);
}

static void validate(struct api_call *c)
{
    cdz_str *docs;
    if (!all_of(c))
        return;
    size_t n = cdz_yaml_split(c->r->body, c->arena, &docs);
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    for (size_t i = 0; i < n; i++) {
        struct cdz_problems problems = {.arena = c->arena};
        struct cdz_flow_options o = api_flow_options(c, false);
        struct cdz_flow *flow = NULL;
        struct cdz_err err;
        cdz_rc rc = cdz_flow_parse(docs[i], &o, &problems, &flow, &err);
        cdz_str constraints = cdz_problems_constraints(&problems, c->arena);
        cdz_jw_open(&w, NULL, '{');
        cdz_jw_int(&w, "index", (int64_t)i);
        if (flow) {
            cdz_jw_str(&w, "flow", flow->id);
            cdz_jw_str(&w, "namespace", flow->namespace_);
        }
        if (rc != CDZ_OK)
            cdz_jw_str(&w, "constraints", constraints.n ? constraints : cdz_str_z(err.text));
        cdz_jw_close(&w, '}');
        cdz_flow_unref(flow);
    }
    cdz_jw_close(&w, ']');
    api_json(c, 200, &b);
}

/* --- several -------------------------------------------------------------------------------- */

/* The body [{"id", "namespace"}] as rows that are there; false: answered. */
static bool rows_of_ids(struct api_call *c, struct cdz_templates *all,
                        struct cdz_template_row **ret, size_t *ret_n)
{
    CDZ_VEC(struct cdz_template_row) rows = {0};
    struct cdz_err err;
    const struct api_name *names;
    size_t n;
    if (!api_names(c, &names, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct cdz_template_row row = {.namespace_ = names[i].namespace_, .id = names[i].id};
        if (cdz_templates_source(all, row.namespace_, row.id, c->arena, &row.source, &err) ==
            CDZ_OK)
            CDZ_PUSH(c->arena, &rows, row);
    }
    *ret = rows.v;
    *ret_n = rows.n;
    return true;
}

static void answer_archive(struct api_call *c, const struct cdz_template_row *v, size_t n)
{
    struct cdz_buf archive = CDZ_BUF_INIT;
    struct cdz_zip_writer z;
    struct cdz_err err;
    cdz_rc rc = CDZ_OK;
    cdz_zip_begin(&z, &archive);
    for (size_t i = 0; rc == CDZ_OK && i < n; i++) {
        CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
        cdz_val doc;
        if (cdz_yaml_parse_val(v[i].source, c->arena, &doc, &err) == CDZ_OK)
            cdz_yaml_print(&text, doc);
        rc = cdz_zip_add(
            &z, cdz_arena_printf(c->arena, "%.*s.%.*s.yml", CDZ_S(v[i].namespace_), CDZ_S(v[i].id)),
            text.n ? cdz_buf_get(&text) : v[i].source, &err);
    }
    cdz_zip_end(&z);
    if (rc == CDZ_OK) {
        api_zip(c, CDZ_STR("templates.zip"), &archive);
    } else {
        cdz_buf_done(&archive);
        api_fail(c, &err);
    }
}

static void delete_rows(struct api_call *c, struct cdz_templates *all,
                        const struct cdz_template_row *v, size_t n)
{
    struct cdz_err err;
    cdz_rc rc = CDZ_OK;
    size_t count = 0;
    for (size_t i = 0; i < n && (rc == CDZ_OK || rc == CDZ_E_NOT_FOUND); i++) {
        rc = cdz_templates_del(all, v[i].namespace_, v[i].id, &err);
        count += rc == CDZ_OK;
    }
    cdz_flows_recompile(c->api->s->flows);
    if (rc != CDZ_OK && rc != CDZ_E_NOT_FOUND) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_printf(&b, "{\"count\":%zu}", count);
    api_json(c, 200, &b);
}

static void export_by_query(struct api_call *c)
{
    struct cdz_templates *all = all_of(c);
    size_t n;
    if (!all)
        return;
    struct cdz_template_row *v = matching(c, all, &n);
    answer_archive(c, v, n);
}

static void export_by_ids(struct api_call *c)
{
    struct cdz_templates *all = all_of(c);
    struct cdz_template_row *v;
    size_t n;
    if (all && rows_of_ids(c, all, &v, &n))
        answer_archive(c, v, n);
}

static void delete_by_query(struct api_call *c)
{
    struct cdz_templates *all = all_of(c);
    size_t n;
    if (!all)
        return;
    struct cdz_template_row *v = matching(c, all, &n);
    delete_rows(c, all, v, n);
}

static void delete_by_ids(struct api_call *c)
{
    struct cdz_templates *all = all_of(c);
    struct cdz_template_row *v;
    size_t n;
    if (all && rows_of_ids(c, all, &v, &n))
        delete_rows(c, all, v, n);
}

const struct api_route api_template_routes[] = {
    {"GET", "/templates/search", search, "TEMPLATE_READ"},
    {"GET", "/templates/distinct-namespaces", namespaces, "TEMPLATE_READ"},
    {"GET", "/templates/export/by-query", export_by_query, "TEMPLATE_READ"},
    {"POST", "/templates/export/by-ids", export_by_ids, "TEMPLATE_READ"},
    {"POST", "/templates/validate", validate, "TEMPLATE_READ"},
    {"DELETE", "/templates/delete/by-query", delete_by_query, "TEMPLATE_DELETE"},
    {"DELETE", "/templates/delete/by-ids", delete_by_ids, "TEMPLATE_DELETE"},
    {"POST", "/templates", create, "TEMPLATE_CREATE"},
    {"POST", "/templates/{ns}", replace_all, "TEMPLATE_UPDATE"},
    {"GET", "/templates/{ns}/{id}", get, "TEMPLATE_READ"},
    {"PUT", "/templates/{ns}/{id}", update, "TEMPLATE_UPDATE"},
    {"DELETE", "/templates/{ns}/{id}", del, "TEMPLATE_DELETE"},
    {0},
};
