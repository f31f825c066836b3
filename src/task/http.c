/* http.c -- see http.h. reference/tasks.md §4. */
#include "task/http.h"

#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"

#define READ_TIMEOUT (10 * CDZ_SECOND)

enum { ERROR_BODY_SHOWN = 300 };

const char *const cdz_http_methods[] = {"GET",     "POST",  "PUT",   "DELETE", "HEAD",
                                        "OPTIONS", "PATCH", "TRACE", NULL};

static const char *const proxy_types[] = {"DIRECT", "HTTP", "SOCKS", NULL};
static const char *const log_levels[] = {"ALL",   "TRACE", "DEBUG",         "INFO", "WARN",
                                         "ERROR", "OFF",   "NOT_SPECIFIED", NULL};

/* Times and sizes have their defaults in the code below: a descriptor's defaults of nested
 * properties are there only when the object itself is. */
const struct cdz_prop cdz_http_options[] = {
    {"connectTimeout", CDZ_PROP_DURATION, CDZ_PROP_DYNAMIC, NULL, "To be connected; PT30S."},
    {"readTimeout", CDZ_PROP_DURATION, CDZ_PROP_DYNAMIC, NULL,
     "Longest silence of the server; PT10S."},
    {"readIdleTimeout", CDZ_PROP_DURATION, CDZ_PROP_DYNAMIC, NULL, "Accepted; there is no pool."},
    {"connectionPoolIdleTimeout", CDZ_PROP_DURATION, CDZ_PROP_DYNAMIC, NULL,
     "Accepted; there is no pool."},
    {"maxContentLength", CDZ_PROP_INT, CDZ_PROP_DYNAMIC, NULL,
     "Most bytes of a body that is kept in memory; 10485760."},
    {"proxyType", CDZ_PROP_ENUM, CDZ_PROP_DYNAMIC, NULL, "DIRECT, HTTP or SOCKS.", proxy_types},
    {"proxyAddress", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Host of the proxy."},
    {"proxyPort", CDZ_PROP_INT, CDZ_PROP_DYNAMIC, NULL, "Port of the proxy."},
    {"proxyUsername", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "User at the proxy."},
    {"proxyPassword", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Password at the proxy."},
    {"defaultCharset", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "UTF-8."},
    {"followRedirects", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, NULL, "Follow redirects; true."},
    {"logLevel", CDZ_PROP_ENUM, 0, NULL, "Accepted.", log_levels},
    {"basicAuthUser", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "User of basic authentication."},
    {"basicAuthPassword", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Its password."},
    {0},
};
const struct cdz_prop cdz_http_ssl[] = {
    {"insecureTrustAllCertificates", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, NULL,
     "Accept any certificate: for tests only."},
    {0},
};

/* --- rendered values -------------------------------------------------------------------------- */

/* v as a print statement would show it; p NULL for null. */
static cdz_str text_of(cdz_val v, struct cdz_arena *arena)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    if (cdz_val_is_null(v))
        return (cdz_str){NULL, 0};
    if (v.kind == CDZ_TEXT)
        return cdz_val_str(v);
    cdz_expr_print(&b, v);
    return cdz_buf_copy(&b, arena);
}

static cdz_rc option_us(cdz_val options, const char *name, cdz_us fallback, cdz_us *ret,
                        struct cdz_err *err)
{
    cdz_val v = cdz_map_getz(options, name);
    *ret = fallback;
    return cdz_val_is_null(v) ? CDZ_OK : cdz_duration_of(v, ret, err);
}

static cdz_rc option_int(cdz_val options, const char *name, int64_t fallback,
                         struct cdz_arena *arena, int64_t *ret, struct cdz_err *err)
{
    cdz_str text = text_of(cdz_map_getz(options, name), arena);
    *ret = fallback;
    if (text.p && !cdz_str_to_i64(cdz_str_trim(text), ret))
        return cdz_fail(err, CDZ_E_TASK, "option `%s` must be an integer, not `%.*s`", name,
                        CDZ_S(text));
    return CDZ_OK;
}

static cdz_rc option_bool(cdz_val options, const char *name, bool fallback, struct cdz_arena *arena,
                          bool *ret, struct cdz_err *err)
{
    cdz_str text = text_of(cdz_map_getz(options, name), arena);
    *ret = text.p ? cdz_str_ieq(text, CDZ_STR("true")) : fallback;
    if (text.p && !*ret && !cdz_str_ieq(text, CDZ_STR("false")))
        return cdz_fail(err, CDZ_E_TASK, "option `%s` must be true or false, not `%.*s`", name,
                        CDZ_S(text));
    return CDZ_OK;
}

/* --- the request ------------------------------------------------------------------------------ */

static void add_header(struct cdz_http_task *t, cdz_str name, cdz_str value)
{
    CDZ_PUSH(t->run->arena, &t->headers, (struct cdz_http_pair){name, value});
}

static cdz_rc add_headers(struct cdz_http_task *t, bool *ret_has_type, struct cdz_err *err)
{
    cdz_val headers;
    CDZ_TRY(cdz_run_json(t->run, "headers", &headers, err));
    if (cdz_val_is_null(headers))
        return CDZ_OK;
    if (headers.kind != CDZ_MAP)
        return cdz_fail(err, CDZ_E_TASK, "headers must be a map, not a %s",
                        cdz_val_kind_name(headers));
    CDZ_MAP_EACH (e, headers) {
        *ret_has_type |= cdz_str_ieq(e->key, CDZ_STR("content-type"));
        if (e->val.kind == CDZ_LIST) {
            CDZ_LIST_EACH (item, e->val)
                add_header(t, e->key, text_of(*item, t->run->arena));
        } else if (!cdz_val_is_null(e->val)) {
            add_header(t, e->key, text_of(e->val, t->run->arena));
        }
    }
    return CDZ_OK;
}

/* application/x-www-form-urlencoded: RFC 3986's encoding, but a blank is a plus. */
static void form_encode(struct cdz_buf *to, cdz_str s, struct cdz_arena *arena)
{
    cdz_str coded = cdz_url_encode(s, arena);
    for (size_t i = 0; i < coded.n; i++) {
        bool blank = cdz_str_starts(cdz_str_sub(coded, i, coded.n), CDZ_STR("%20"));
        cdz_buf_c(to, blank ? '+' : coded.p[i]);
        i += blank ? 2 : 0;
    }
}

static cdz_str last_part(cdz_str path)
{
    size_t at = path.n;
    while (at > 0 && path.p[at - 1] != '/')
        at--;
    return cdz_str_sub(path, at, path.n);
}

static bool is_file(cdz_val v)
{
    return v.kind == CDZ_TEXT && cdz_str_starts(cdz_val_str(v), CDZ_STR("kestra:///"));
}

static cdz_rc add_file(struct cdz_http_task *t, cdz_str name, cdz_str filename, cdz_str uri,
                       struct cdz_err *err)
{
    struct cdz_http_part part = {.name = name, .filename = filename};
    cdz_str path;
    CDZ_TRY(cdz_storage_path(uri, &path, err));
    if (!cdz_run_may_read(t->run, path))
        return cdz_fail(
            err, CDZ_E_TASK,
            "Unable to read the file '%.*s' as it didn't belong to the current execution",
            CDZ_S(uri));
    CDZ_TRY(cdz_storage_open(t->run->worker->storage, path, &part.fd, &part.size, err));
    if (!filename.n)
        part.filename = last_part(path);
    CDZ_PUSH(t->run->arena, &t->parts, part);
    return CDZ_OK;
}

/* Text; a kestra:/// URI: its file; {name, content}: a file of that name; else its JSON. */
static cdz_rc add_part(struct cdz_http_task *t, cdz_str name, cdz_val v, struct cdz_err *err)
{
    struct cdz_arena *arena = t->run->arena;
    cdz_val file_name = cdz_map_getz(v, "name"), content = cdz_map_getz(v, "content");
    struct cdz_http_part part = {.name = name, .fd = -1};
    if (is_file(v))
        return add_file(t, name, CDZ_STR(""), cdz_val_str(v), err);
    if (file_name.kind == CDZ_TEXT && is_file(content))
        return add_file(t, name, cdz_val_str(file_name), cdz_val_str(content), err);
    if (file_name.kind == CDZ_TEXT && content.kind == CDZ_TEXT) {
        part.filename = cdz_val_str(file_name);
        part.value = cdz_val_str(content);
    } else {
        part.value = v.kind == CDZ_TEXT ? cdz_val_str(v) : cdz_json_text(arena, v, 0);
    }
    CDZ_PUSH(arena, &t->parts, part);
    return CDZ_OK;
}

static cdz_rc add_form(struct cdz_http_task *t, cdz_val form, bool multipart, struct cdz_err *err)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    if (form.kind != CDZ_MAP)
        return cdz_fail(err, CDZ_E_TASK, "formData must be a map, not a %s",
                        cdz_val_kind_name(form));
    CDZ_MAP_EACH (e, form) {
        if (cdz_val_is_null(e->val))
            continue;
        if (multipart) {
            CDZ_TRY(add_part(t, e->key, e->val, err));
            continue;
        }
        if (b.n)
            cdz_buf_c(&b, '&');
        form_encode(&b, e->key, t->run->arena);
        cdz_buf_c(&b, '=');
        form_encode(&b, text_of(e->val, t->run->arena), t->run->arena);
    }
    if (!multipart || t->parts.n == 0)
        t->call.body = cdz_buf_copy(&b, t->run->arena);
    return CDZ_OK;
}

static cdz_rc add_body(struct cdz_http_task *t, struct cdz_err *err)
{
    cdz_str body, type;
    cdz_val form;
    bool has_body, has_type = false;
    CDZ_TRY(add_headers(t, &has_type, err));
    CDZ_TRY(cdz_run_text(t->run, "contentType", &type, NULL, err));
    CDZ_TRY(cdz_run_json(t->run, "formData", &form, err));
    CDZ_TRY(cdz_run_text(t->run, "body", &body, &has_body, err));
    if (!cdz_val_is_null(form)) {
        bool multipart = cdz_str_starts(type, CDZ_STR("multipart/form-data"));
        CDZ_TRY(add_form(t, form, multipart, err));
        if (multipart)
            return CDZ_OK; /* libcurl says the type, with the boundary it has chosen */
        type = CDZ_STR("application/x-www-form-urlencoded");
    } else if (has_body) {
        t->call.body = body;
        if (!type.n && !has_type)
            type = CDZ_STR("application/json"); /* as the original's client */
    }
    if (type.n)
        add_header(t, CDZ_STR("Content-Type"), type);
    return CDZ_OK;
}

static cdz_rc add_proxy(struct cdz_http_task *t, cdz_val options, struct cdz_err *err)
{
    struct cdz_arena *arena = t->run->arena;
    cdz_str type = text_of(cdz_map_getz(options, "proxyType"), arena);
    cdz_str host = text_of(cdz_map_getz(options, "proxyAddress"), arena);
    int64_t port;
    CDZ_TRY(option_int(options, "proxyPort", 0, arena, &port, err));
    if (!type.n || cdz_str_is(type, "DIRECT") || !host.n)
        return CDZ_OK;
    if (port < 0 || port > 65535)
        return cdz_fail(err, CDZ_E_TASK, "option `proxyPort` must be a port, not %lld",
                        (long long)port);
    const char *scheme = cdz_str_is(type, "SOCKS") ? "socks5h" : "http";
    t->call.proxy = port ? cdz_arena_printf(arena, "%s://%.*s:%d", scheme, CDZ_S(host), (int)port)
                         : cdz_arena_printf(arena, "%s://%.*s", scheme, CDZ_S(host));
    t->call.proxy_user = text_of(cdz_map_getz(options, "proxyUsername"), arena);
    t->call.proxy_password = text_of(cdz_map_getz(options, "proxyPassword"), arena);
    return CDZ_OK;
}

static cdz_rc add_options(struct cdz_http_task *t, struct cdz_err *err)
{
    struct cdz_arena *arena = t->run->arena;
    struct cdz_http_call *c = &t->call;
    cdz_val options, ssl;
    int64_t body_max;
    CDZ_TRY(cdz_run_prop(t->run, "options", &options, err));
    CDZ_TRY(cdz_run_prop(t->run, "sslOptions", &ssl, err));
    CDZ_TRY(option_us(options, "connectTimeout", 0, &c->connect_timeout, err));
    CDZ_TRY(option_us(options, "readTimeout", READ_TIMEOUT, &c->read_timeout, err));
    CDZ_TRY(option_bool(options, "followRedirects", true, arena, &c->follow_redirects, err));
    CDZ_TRY(option_bool(ssl, "insecureTrustAllCertificates", false, arena, &c->insecure_tls, err));
    CDZ_TRY(option_int(options, "maxContentLength", CDZ_BODY_BYTES_MAX, arena, &body_max, err));
    if (body_max <= 0)
        return cdz_fail(err, CDZ_E_TASK, "option `maxContentLength` must be above 0");
    c->body_max = (uint64_t)body_max;
    cdz_str charset = text_of(cdz_map_getz(options, "defaultCharset"), arena);
    if (charset.n && !cdz_str_ieq(charset, CDZ_STR("UTF-8")) &&
        !cdz_str_ieq(charset, CDZ_STR("US-ASCII")))
        return cdz_fail(err, CDZ_E_TASK,
                        "option `defaultCharset` %.*s is not supported, only UTF-8",
                        CDZ_S(charset));
    c->user = text_of(cdz_map_getz(options, "basicAuthUser"), arena);
    c->password = text_of(cdz_map_getz(options, "basicAuthPassword"), arena);
    if (!c->user.p && c->password.p)
        c->user = CDZ_STR("");
    return add_proxy(t, options, err);
}

cdz_rc cdz_http_task_init(struct cdz_http_task *t, struct cdz_run *run, struct cdz_err *err)
{
    *t = (struct cdz_http_task){.run = run};
    t->call.cancel_fd = run->cancel_fd;
    t->call.to_fd = -1;
    CDZ_TRY(cdz_run_text(run, "uri", &t->call.url, NULL, err));
    CDZ_TRY(cdz_run_text(run, "method", &t->call.method, NULL, err));
    CDZ_TRY(add_options(t, err));
    CDZ_TRY(add_body(t, err));
    t->call.headers = t->headers.v;
    t->call.header_count = t->headers.n;
    t->call.parts = t->parts.v;
    t->call.part_count = t->parts.n;
    return CDZ_OK;
}

void cdz_http_task_done(struct cdz_http_task *t)
{
    for (size_t i = 0; i < t->parts.n; i++) {
        if (t->parts.v[i].fd >= 0)
            close(t->parts.v[i].fd);
    }
    t->parts.n = 0;
}

/* --- the answer ------------------------------------------------------------------------------- */

/* name -> list of values; names that differ only in case are one. */
static cdz_val headers_of(const struct cdz_http_reply *r, struct cdz_arena *arena)
{
    cdz_val map = cdz_val_map(arena, r->header_count);
    for (size_t i = 0; i < r->header_count; i++) {
        cdz_val list = CDZ_VAL_NULL;
        CDZ_MAP_EACH (e, map) {
            if (cdz_str_ieq(e->key, r->headers[i].name))
                list = e->val;
        }
        if (cdz_val_is_null(list)) {
            list = cdz_val_list(arena, 1);
            cdz_map_put(arena, map, r->headers[i].name, list);
        }
        cdz_list_push(arena, list, cdz_val_text(r->headers[i].value));
    }
    return map;
}

static cdz_rc fail_status(const struct cdz_http_reply *r, struct cdz_err *err)
{
    cdz_str shown = cdz_str_sub(r->body, 0, ERROR_BODY_SHOWN);
    while (shown.n > 0 && !cdz_utf8_valid(shown) && r->body.n - shown.n < ERROR_BODY_SHOWN + 4)
        shown.n--;
    if (!shown.n)
        return cdz_fail(err, CDZ_E_TASK, "Failed http request with response code '%d'", r->status);
    return cdz_fail(err, CDZ_E_TASK, "Failed http request with response code '%d' and body: %.*s",
                    r->status, CDZ_S(shown));
}

cdz_rc cdz_http_task_call(struct cdz_http_task *t, struct cdz_http_reply *ret, struct cdz_err *err)
{
    struct cdz_run *run = t->run;
    bool allow_failed;
    CDZ_TRY(cdz_run_bool(run, "allowFailed", &allow_failed, err));
    cdz_rc rc = cdz_http_call(&t->call, run->arena, ret, err);
    if (rc == CDZ_E_KILLED)
        CDZ_TRY(cdz_run_check(run, err)); /* says why */
    CDZ_TRY(rc);
    cdz_run_logf(run, CDZ_DEBUG, "Request '%.*s' with the response code '%d'", CDZ_S(t->call.url),
                 ret->status);
    if (ret->status >= 400 && !allow_failed)
        return fail_status(ret, err);
    cdz_run_output(run, "uri", cdz_val_text(t->call.url));
    cdz_run_output(run, "code", cdz_val_i32(ret->status));
    cdz_run_output(run, "headers", headers_of(ret, run->arena));
    if (ret->content_length >= 0) {
        cdz_str tags[] = {CDZ_STR("request.method"), t->call.method, CDZ_STR("response.code"),
                          cdz_arena_printf(run->arena, "%d", ret->status)};
        cdz_run_metric(run, "counter", "response.length", (double)ret->content_length, tags, 2);
    }
    return CDZ_OK;
}
