/* answer.c -- answers and parameters that all resources use. reference/api.md §1. */
#include <stdarg.h>

#include "api/internal.h"
#include "base/time.h"

void api_json(struct api_call *c, int status, struct cdz_buf *body)
{
    cdz_http_answer_buf(c->x, status, "application/json", body, NULL, 0);
}

void api_text(struct api_call *c, int status, const char *type, cdz_str text)
{
    cdz_http_answer(c->x, status, type, text);
}

void api_empty(struct api_call *c, int status)
{
    cdz_http_answer(c->x, status, NULL, CDZ_STR(""));
}

static const char *reason_of(int status, cdz_rc rc)
{
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 409:
        return "Illegal state";
    case 410:
        return "Resource has expired";
    case 413:
        return "Request Entity Too Large";
    case 422:
        return rc == CDZ_E_INVALID ? "Invalid entity" : "Illegal argument";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal server error";
    }
}

static void error_body(struct api_call *c, int status, const char *reason, cdz_str message,
                       const struct api_violation *v, size_t n)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_str(&w, "message", cdz_arena_printf(c->arena, "%s: %.*s", reason, CDZ_S(message)));
    cdz_jw_open(&w, "_links", '{');
    cdz_jw_open(&w, "self", '{');
    cdz_jw_str(&w, "href", c->r->target);
    cdz_jw_bool(&w, "templated", false);
    cdz_jw_close(&w, '}');
    cdz_jw_close(&w, '}');
    if (n) {
        cdz_jw_open(&w, "_embedded", '{');
        cdz_jw_open(&w, "errors", '[');
        for (size_t i = 0; i < n; i++) {
            cdz_jw_open(&w, NULL, '{');
            cdz_jw_str(&w, "message", v[i].message);
            if (v[i].path.n)
                cdz_jw_str(&w, "path", v[i].path);
            cdz_jw_close(&w, '}');
        }
        cdz_jw_close(&w, ']');
        cdz_jw_close(&w, '}');
    }
    cdz_jw_close(&w, '}');
    api_json(c, status, &b);
}

void api_fail(struct api_call *c, const struct cdz_err *err)
{
    int status = cdz_rc_http(err->rc);
    if (status >= 500)
        cdz_log_err(CDZ_WARN, "webserver", err, "msg=\"request failed\" method=%.*s path=%.*s",
                    CDZ_S(c->r->method), CDZ_S(c->r->path));
    error_body(c, status, reason_of(status, err->rc), cdz_str_z(err->text), NULL, 0);
}

void api_failf(struct api_call *c, cdz_rc rc, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cdz_str text = cdz_arena_vprintf(c->arena, fmt, ap);
    va_end(ap);
    int status = cdz_rc_http(rc);
    error_body(c, status, reason_of(status, rc), text, NULL, 0);
}

void api_invalid(struct api_call *c, int status, cdz_str message, const struct api_violation *v,
                 size_t n)
{
    error_body(c, status, "Invalid entity", message, v, n);
}

cdz_str api_query(struct api_call *c, const char *name)
{
    return cdz_http_query(c->r, name);
}

bool api_query_bool(struct api_call *c, const char *name, bool fallback)
{
    cdz_str v = api_query(c, name);
    return v.p ? cdz_str_ieq(v, CDZ_STR("true")) : fallback;
}

bool api_body_json(struct api_call *c, cdz_val *ret)
{
    struct cdz_err err;
    if (cdz_json_parse(c->r->body, c->arena, ret, &err) == CDZ_OK)
        return true;
    error_body(c, 422, "Invalid json", cdz_str_z(err.text), NULL, 0);
    return false;
}

static bool is_filter(cdz_str key, const char *name)
{
    size_t n = strlen(name);
    return cdz_str_starts(key, CDZ_STR("filters[")) && key.n > 9 + n &&
           memcmp(key.p + 8, name, n) == 0 && key.p[8 + n] == ']';
}

cdz_str api_filter(struct api_call *c, const char *name)
{
    cdz_str v = api_query(c, name);
    for (size_t i = 0; !v.p && i < c->r->query_count; i++) {
        if (is_filter(c->r->query[i].name, name))
            v = c->r->query[i].value;
    }
    return v;
}

size_t api_query_all(struct api_call *c, const char *name, cdz_str **ret)
{
    CDZ_VEC(cdz_str) all = {0};
    for (size_t i = 0; i < c->r->query_count; i++) {
        cdz_str value = c->r->query[i].value;
        if (!cdz_str_is(c->r->query[i].name, name) && !is_filter(c->r->query[i].name, name))
            continue;
        for (;;) {
            size_t comma = cdz_str_chr(value, ',', 0);
            if (comma > 0 && value.n)
                CDZ_PUSH(c->arena, &all, cdz_str_sub(value, 0, comma));
            if (comma == SIZE_MAX)
                break;
            value = cdz_str_sub(value, comma + 1, value.n);
        }
    }
    *ret = all.v;
    return all.n;
}

static bool count_of(struct api_call *c, const char *name, size_t fallback, size_t *ret)
{
    cdz_str v = api_query(c, name);
    int64_t n;
    *ret = fallback;
    if (!v.p)
        return true;
    if (!cdz_str_to_i64(v, &n) || n < 1 || n > 1000000) {
        api_failf(c, CDZ_E_INVALID, "%s: must be greater than or equal to 1", name);
        return false;
    }
    *ret = (size_t)n;
    return true;
}

bool api_page(struct api_call *c, struct cdz_page *ret)
{
    struct cdz_page page = {0};
    if (!count_of(c, "page", 1, &page.page) || !count_of(c, "size", 10, &page.size))
        return false;
    for (size_t i = 0; i < c->r->query_count; i++) {
        cdz_str v = c->r->query[i].value;
        if (!cdz_str_is(c->r->query[i].name, "sort"))
            continue;
        size_t colon = cdz_str_chr(v, ':', 0);
        if (colon == SIZE_MAX || cdz_str_chr(v, ':', colon + 1) != SIZE_MAX ||
            page.sort_count == CDZ_COUNT(page.sort)) {
            api_failf(c, CDZ_E_INVALID, "Invalid sort parameter");
            return false;
        }
        page.sort[page.sort_count].field = cdz_str_sub(v, 0, colon);
        page.sort[page.sort_count++].descending =
            !cdz_str_ieq(cdz_str_sub(v, colon + 1, v.n), CDZ_STR("asc"));
    }
    *ret = page;
    return true;
}

bool api_labels(struct api_call *c, const char *name, struct cdz_label **ret, size_t *ret_n)
{
    CDZ_VEC(struct cdz_label) all = {0};
    for (size_t i = 0; i < c->r->query_count; i++) {
        cdz_str key = c->r->query[i].name, value = c->r->query[i].value;
        cdz_str prefix = CDZ_STR("filters[labels][EQUALS][");
        if (cdz_str_starts(key, prefix) && cdz_str_ends(key, CDZ_STR("]"))) {
            CDZ_PUSH(c->arena, &all,
                     (struct cdz_label){cdz_str_sub(key, prefix.n, key.n - 1), value});
            continue;
        }
        if (!cdz_str_is(key, name))
            continue;
        size_t colon = cdz_str_chr(value, ':', 0);
        if (colon == SIZE_MAX || colon == 0) {
            api_failf(c, CDZ_E_INVALID, "Invalid label `%.*s`: it must be key:value", CDZ_S(value));
            return false;
        }
        CDZ_PUSH(c->arena, &all,
                 (struct cdz_label){cdz_str_sub(value, 0, colon),
                                    cdz_str_trim(cdz_str_sub(value, colon + 1, value.n))});
    }
    *ret = all.v;
    *ret_n = all.n;
    return true;
}

bool api_date(struct api_call *c, const char *name, cdz_us *ret)
{
    cdz_str v = api_filter(c, name);
    struct cdz_date d;
    *ret = 0;
    if (!v.p || v.n == 0)
        return true;
    if (!cdz_iso_parse(v, &d) || d.type == CDZ_LOCAL_TIME) {
        api_failf(c, CDZ_E_INVALID, "%s: `%.*s` is not a date such as 2024-12-20T10:00:00Z", name,
                  CDZ_S(v));
        return false;
    }
    *ret = d.seconds * CDZ_SECOND + d.nanos / 1000; /* without offset: UTC */
    return true;
}

bool api_names(struct api_call *c, const struct api_name **ret, size_t *ret_n)
{
    CDZ_VEC(struct api_name) names = {0};
    cdz_val body;
    bool ok;
    if (!api_body_json(c, &body))
        return false;
    ok = body.kind == CDZ_LIST;
    for (size_t i = 0; ok && i < cdz_list_n(body); i++) {
        cdz_val id = cdz_map_getz(cdz_list_at(body, i), "id"),
                ns = cdz_map_getz(cdz_list_at(body, i), "namespace");
        ok = id.kind == CDZ_TEXT && ns.kind == CDZ_TEXT;
        if (ok)
            CDZ_PUSH(c->arena, &names, (struct api_name){cdz_val_str(ns), cdz_val_str(id)});
    }
    if (!ok) {
        api_failf(c, CDZ_E_INVALID, "the body must be a list of {\"id\", \"namespace\"}");
        return false;
    }
    *ret = names.v;
    *ret_n = names.n;
    return true;
}
