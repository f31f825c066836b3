/*
 * flows_bulk.c -- flows by their sources and in numbers: search in sources, enable, disable, delete,
 * export, import, and the change of one task. reference/api.md §7 (F2, F15, F24 to F32).
 */
#include "api/internal.h"
#include "base/limits.h"
#include "base/zip.h"
#include "yaml/yaml.h"

struct rows {
    struct cdz_flow_row *v;
    size_t n, cap;
};

/* --- which ---------------------------------------------------------------------------------- */

/* The body [{"id", "namespace"}]: flows that are there. False: answered. */
static bool rows_of_ids(struct api_call *c, struct rows *ret)
{
    const struct api_name *names;
    size_t n;
    if (!api_names(c, &names, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct cdz_flow_row row;
        struct cdz_err err;
        cdz_rc rc = cdz_repository_flow_get(c->api->s->repository, names[i].namespace_, names[i].id,
                                            0, false, c->arena, &row, &err);
        if (rc == CDZ_OK)
            CDZ_PUSH(c->arena, ret, row);
        else if (rc != CDZ_E_NOT_FOUND) {
            api_fail(c, &err);
            return false;
        }
    }
    return true;
}

static bool rows_of_query(struct api_call *c, struct rows *ret)
{
    struct cdz_flow_filter f;
    struct cdz_page all = {0};
    struct cdz_err err;
    uint64_t total;
    if (!api_flow_filter(c, &f))
        return false;
    if (cdz_repository_flow_find(c->api->s->repository, &f, &all, c->arena, &ret->v, &ret->n,
                                 &total, &err) == CDZ_OK)
        return true;
    api_fail(c, &err);
    return false;
}

static void answer_count(struct api_call *c, size_t n)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_printf(&b, "{\"count\":%zu}", n);
    api_json(c, 200, &b);
}

/* --- enable, disable, delete ---------------------------------------------------------------- */

/* The source with its top-level `disabled:` line set or taken away; everything else is as written. */
static cdz_str with_disabled(cdz_str source, bool disabled, struct cdz_arena *arena)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_str key = CDZ_STR("disabled");
    for (size_t from = 0; from < source.n;) {
        size_t end = cdz_str_chr(source, '\n', from);
        size_t to = end == SIZE_MAX ? source.n : end + 1;
        cdz_str line = cdz_str_sub(source, from, to);
        cdz_str rest = cdz_str_starts(line, key) ? cdz_str_trim(cdz_str_sub(line, key.n, line.n))
                                                 : CDZ_STR("");
        if (!cdz_str_starts(rest, CDZ_STR(":")))
            cdz_buf_str(&b, line);
        from = to;
    }
    if (disabled)
        cdz_buf_printf(&b, "%sdisabled: true\n", b.n && b.p[b.n - 1] != '\n' ? "\n" : "");
    return cdz_buf_copy(&b, arena);
}

static cdz_rc set_disabled(struct api_call *c, const struct cdz_flow_row *row, bool disabled,
                           struct cdz_err *err)
{
    struct cdz_problems problems = {.arena = c->arena};
    struct cdz_flow_options o = api_flow_options(c, true);
    struct cdz_flow *flow;
    CDZ_TRY(
        cdz_flow_parse(with_disabled(row->source, disabled, c->arena), &o, &problems, &flow, err));
    cdz_rc rc = flow->disabled == disabled
                    ? api_flow_store(c, flow, err)
                    : cdz_fail(err, CDZ_E_INVALID,
                               "flow %.*s.%.*s: its `disabled` cannot be changed line by line",
                               CDZ_S(row->namespace_), CDZ_S(row->id));
    cdz_flow_unref(flow);
    return rc;
}

static void set_all(struct api_call *c, const struct rows *rows, bool disabled)
{
    struct cdz_err err;
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        if (rows->v[i].disabled == disabled)
            continue;
        if (set_disabled(c, &rows->v[i], disabled, &err) != CDZ_OK) {
            api_fail(c, &err);
            return;
        }
        n++;
    }
    answer_count(c, n);
}

static void disable_by_ids(struct api_call *c)
{
    struct rows rows = {0};
    if (rows_of_ids(c, &rows))
        set_all(c, &rows, true);
}

static void disable_by_query(struct api_call *c)
{
    struct rows rows = {0};
    if (rows_of_query(c, &rows))
        set_all(c, &rows, true);
}

static void enable_by_ids(struct api_call *c)
{
    struct rows rows = {0};
    if (rows_of_ids(c, &rows))
        set_all(c, &rows, false);
}

static void enable_by_query(struct api_call *c)
{
    struct rows rows = {0};
    if (rows_of_query(c, &rows))
        set_all(c, &rows, false);
}

static void delete_all(struct api_call *c, const struct rows *rows)
{
    struct cdz_err err;
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        cdz_rc rc = api_flow_delete(c, rows->v[i].namespace_, rows->v[i].id, &err);
        if (rc != CDZ_OK && rc != CDZ_E_NOT_FOUND) {
            api_fail(c, &err);
            return;
        }
        n += rc == CDZ_OK;
    }
    answer_count(c, n);
}

static void delete_by_ids(struct api_call *c)
{
    struct rows rows = {0};
    if (rows_of_ids(c, &rows))
        delete_all(c, &rows);
}

static void delete_by_query(struct api_call *c)
{
    struct rows rows = {0};
    if (rows_of_query(c, &rows))
        delete_all(c, &rows);
}

/* --- export, import ------------------------------------------------------------------------- */

static void export_all(struct api_call *c, const struct rows *rows)
{
    struct cdz_buf archive = CDZ_BUF_INIT;
    struct cdz_zip_writer z;
    struct cdz_err err;
    cdz_rc rc = CDZ_OK;
    cdz_zip_begin(&z, &archive);
    for (size_t i = 0; rc == CDZ_OK && i < rows->n; i++)
        rc = cdz_zip_add(&z,
                         cdz_arena_printf(c->arena, "%.*s.%.*s.yml", CDZ_S(rows->v[i].namespace_),
                                          CDZ_S(rows->v[i].id)),
                         rows->v[i].source, &err);
    cdz_zip_end(&z);
    if (rc == CDZ_OK) {
        api_zip(c, CDZ_STR("flows.zip"), &archive);
    } else {
        cdz_buf_done(&archive);
        api_fail(c, &err);
    }
}

static void export_by_query(struct api_call *c)
{
    struct rows rows = {0};
    if (rows_of_query(c, &rows))
        export_all(c, &rows);
}

static void export_by_ids(struct api_call *c)
{
    struct rows rows = {0};
    if (rows_of_ids(c, &rows))
        export_all(c, &rows);
}

static cdz_rc import_yaml(struct api_call *c, cdz_str bytes, struct cdz_err *err)
{
    return api_flow_import(c, CDZ_STR(""), bytes, err);
}

static cdz_rc import_zip(struct api_call *c, cdz_str bytes, struct cdz_err *err)
{
    CDZ_AUTO_ZIP struct cdz_zip_reader z = {0};
    cdz_str name, text;
    CDZ_TRY(cdz_zip_open(&z, bytes, err));
    for (;;) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        CDZ_TRY(cdz_zip_next(&z, arena, &name, &text, err));
        if (name.n == 0)
            return CDZ_OK;
        if (cdz_str_ends(name, CDZ_STR(".yml")) || cdz_str_ends(name, CDZ_STR(".yaml")))
            CDZ_TRY(api_flow_import(c, CDZ_STR(""), text, err));
    }
}

static void import(struct api_call *c)
{
    const struct cdz_http_part *part = NULL;
    struct cdz_err err;
    for (size_t i = 0; i < c->r->part_count; i++) {
        if (cdz_str_is(c->r->parts[i].name, "fileUpload"))
            part = &c->r->parts[i];
    }
    if (!part) {
        api_failf(c, CDZ_E_BAD_REQUEST, "Required part [fileUpload] not specified");
        return;
    }
    bool zip = part->filename.p && cdz_str_ends(part->filename, CDZ_STR(".zip"));
    if (api_with_upload(part, zip ? import_zip : import_yaml, c, &err) == CDZ_OK) {
        struct cdz_buf b = CDZ_BUF_INIT;
        cdz_buf_z(&b, "[]"); /* ids that failed */
        api_json(c, 200, &b);
    } else {
        api_fail(c, &err);
    }
}

/* --- search in sources ---------------------------------------------------------------------- */

/* Up to four lines around the first hit, which is marked. */
static cdz_str fragment_of(cdz_str source, size_t hit, size_t n, struct cdz_arena *arena)
{
    size_t from = hit, to = hit + n;
    for (int lines = 0; from > 0; from--) {
        if (source.p[from - 1] == '\n' && ++lines == 2)
            break;
    }
    for (int lines = 0; to < source.n; to++) {
        if (source.p[to] == '\n' && ++lines == 3)
            break;
    }
    return cdz_arena_printf(
        arena, "%.*s[mark]%.*s[/mark]%.*s", CDZ_S(cdz_str_sub(source, from, hit)),
        CDZ_S(cdz_str_sub(source, hit, hit + n)), CDZ_S(cdz_str_sub(source, hit + n, to)));
}

static size_t find_nocase(cdz_str s, cdz_str needle)
{
    for (size_t i = 0; i + needle.n <= s.n; i++) {
        if (cdz_str_ieq(cdz_str_sub(s, i, i + needle.n), needle))
            return i;
    }
    return SIZE_MAX;
}

static void search_source(struct api_call *c)
{
    cdz_str q = api_filter(c, "q");
    struct cdz_flow_filter f = {.namespace_ = api_filter(c, "namespace")};
    struct cdz_page page, all = {0};
    struct rows rows = {0};
    struct cdz_err err;
    uint64_t total;
    size_t n = 0;
    if (!api_page(c, &page))
        return;
    memcpy(all.sort, page.sort, sizeof(all.sort));
    all.sort_count = page.sort_count;
    if (cdz_repository_flow_find(c->api->s->repository, &f, &all, c->arena, &rows.v, &rows.n,
                                 &total, &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_z(&b, "{\"results\":[");
    for (size_t i = 0; i < rows.n; i++) {
        size_t hit = find_nocase(rows.v[i].source, q);
        if (hit == SIZE_MAX)
            continue;
        n++;
        if (n <= (page.page - 1) * page.size || n > page.page * page.size)
            continue;
        struct cdz_flow *flow = api_flow_of_row(c, &rows.v[i]);
        cdz_buf_z(&b, b.p[b.n - 1] == '[' ? "{\"model\":" : ",{\"model\":");
        cdz_flow_json(flow, false, &b);
        cdz_flow_unref(flow);
        cdz_buf_z(&b, ",\"fragments\":[");
        if (q.n)
            cdz_json_quote(&b, fragment_of(rows.v[i].source, hit, q.n, c->arena));
        cdz_buf_z(&b, "]}");
    }
    cdz_buf_printf(&b, "],\"total\":%zu}", n);
    api_json(c, 200, &b);
}

/* --- one task ------------------------------------------------------------------------------- */

/* The document with the map of that id and a type replaced, at any depth. */
static cdz_val replaced(cdz_val v, cdz_str id, cdz_val task, bool *found, struct cdz_arena *arena)
{
    if (v.kind == CDZ_LIST) {
        cdz_val copy = cdz_val_list(arena, cdz_list_n(v));
        CDZ_LIST_EACH (x, v)
            cdz_list_push(arena, copy, replaced(*x, id, task, found, arena));
        return copy;
    }
    if (v.kind != CDZ_MAP)
        return v;
    cdz_val own = cdz_map_getz(v, "id");
    if (own.kind == CDZ_TEXT && cdz_str_eq(cdz_val_str(own), id) &&
        cdz_map_getz(v, "type").kind == CDZ_TEXT) {
        *found = true;
        return task;
    }
    cdz_val copy = cdz_val_map(arena, cdz_map_n(v));
    CDZ_MAP_EACH (x, v)
        cdz_map_put(arena, copy, x->key, replaced(x->val, id, task, found, arena));
    return copy;
}

/* Everything that may hold tasks; inputs and triggers have ids of their own. */
static cdz_val with_task(cdz_val document, cdz_str id, cdz_val task, bool *found,
                         struct cdz_arena *arena)
{
    static const char *const lists[] = {"tasks", "errors", "finally", "afterExecution",
                                        "listeners"};
    cdz_val copy = cdz_val_map(arena, cdz_map_n(document));
    CDZ_MAP_EACH (x, document) {
        bool holds = false;
        for (size_t i = 0; i < CDZ_COUNT(lists); i++)
            holds |= cdz_str_is(x->key, lists[i]);
        cdz_map_put(arena, copy, x->key, holds ? replaced(x->val, id, task, found, arena) : x->val);
    }
    return copy;
}

static void update_task(struct api_call *c)
{
    CDZ_AUTO_BUF struct cdz_buf source = CDZ_BUF_INIT;
    struct cdz_flow_row row;
    struct cdz_err err;
    cdz_val task, document;
    bool found = false;
    if (!api_body_json(c, &task))
        return;
    cdz_rc rc = cdz_repository_flow_get(c->api->s->repository, c->param[0], c->param[1], 0, false,
                                        c->arena, &row, &err);
    if (rc == CDZ_OK)
        rc = cdz_yaml_parse_val(row.source, c->arena, &document, &err);
    if (rc != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    cdz_val id = cdz_map_getz(task, "id");
    if (id.kind != CDZ_TEXT || !cdz_str_eq(cdz_val_str(id), c->param[2])) {
        api_failf(c, CDZ_E_INVALID, "Illegal task id update");
        return;
    }
    if (document.kind == CDZ_MAP)
        document = with_task(document, c->param[2], task, &found, c->arena);
    if (!found) {
        api_failf(c, CDZ_E_NOT_FOUND, "Task not found");
        return;
    }
    cdz_yaml_print(&source, document);
    struct cdz_flow *flow = api_flow_parse(c, cdz_buf_copy(&source, c->arena));
    if (!flow)
        return;
    if (api_flow_store(c, flow, &err) == CDZ_OK) {
        struct cdz_buf b = CDZ_BUF_INIT;
        cdz_flow_json(flow, true, &b);
        api_json(c, 200, &b);
    } else {
        api_fail(c, &err);
    }
    cdz_flow_unref(flow);
}

const struct api_route api_flow_bulk_routes[] = {
    {"GET", "/flows/source", search_source, "FLOW_READ"},
    {"PATCH", "/flows/{ns}/{id}/{task}", update_task, "FLOW_UPDATE"},
    {"GET", "/flows/export/by-query", export_by_query, "FLOW_READ"},
    {"POST", "/flows/export/by-ids", export_by_ids, "FLOW_READ"},
    {"POST", "/flows/import", import, "FLOW_CREATE"},
    {"POST", "/flows/enable/by-ids", enable_by_ids, "FLOW_UPDATE"},
    {"POST", "/flows/enable/by-query", enable_by_query, "FLOW_UPDATE"},
    {"POST", "/flows/disable/by-ids", disable_by_ids, "FLOW_UPDATE"},
    {"POST", "/flows/disable/by-query", disable_by_query, "FLOW_UPDATE"},
    {"DELETE", "/flows/delete/by-ids", delete_by_ids, "FLOW_DELETE"},
    {"DELETE", "/flows/delete/by-query", delete_by_query, "FLOW_DELETE"},
    {0},
};
