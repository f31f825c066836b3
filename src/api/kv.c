/* kv.c -- /api/v1/namespaces/{ns}/kv. reference/api.md §10.1 (K1 to K5). */
#include "kv/kv.h"

#include "api/internal.h"
#include "base/time.h"
#include "expr/ion.h"

static void fail_of_key(struct api_call *c, const struct cdz_err *err, cdz_str key)
{
    if (err->rc == CDZ_E_NOT_FOUND)
        api_failf(c, CDZ_E_NOT_FOUND, "No value found for key '%.*s' in namespace '%.*s'",
                  CDZ_S(key), CDZ_S(c->param[0]));
    else
        api_fail(c, err);
}

static void list(struct api_call *c)
{
    struct cdz_kv_entry *v;
    struct cdz_err err;
    size_t n;
    cdz_us now = cdz_now_us();
    if (cdz_kv_list(c->api->s->storage, c->param[0], CDZ_STR(""), c->arena, &v, &n, &err) !=
        CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    for (size_t i = 0; i < n; i++) {
        if (v[i].expires && v[i].expires <= now)
            continue;
        cdz_jw_open(&w, NULL, '{');
        cdz_jw_str(&w, "key", v[i].key);
        if (v[i].description.n)
            cdz_jw_str(&w, "description", v[i].description);
        cdz_jw_time(&w, "creationDate", v[i].created);
        cdz_jw_time(&w, "updateDate", v[i].updated);
        if (v[i].expires)
            cdz_jw_time(&w, "expirationDate", v[i].expires);
        cdz_jw_close(&w, '}');
    }
    cdz_jw_close(&w, ']');
    api_json(c, 200, &b);
}

static void get(struct api_call *c)
{
    struct cdz_kv_entry e;
    struct cdz_err err;
    if (cdz_kv_get(c->api->s->storage, c->param[0], c->param[1], cdz_now_us(), c->arena, &e,
                   &err) != CDZ_OK) {
        fail_of_key(c, &err, c->param[1]);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_z(&w, "type", e.type);
    cdz_jw_val(&w, "value", e.value, CDZ_JSON_COMPACT);
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

/* The body is Ion, of which JSON is a part: one value and nothing behind it. */
static cdz_rc value_of(struct api_call *c, cdz_val *ret, struct cdz_err *err)
{
    struct cdz_ion_reader r = cdz_ion_reader_of(c->r->body);
    cdz_val more;
    bool end;
    CDZ_TRY(cdz_ion_next(&r, c->arena, ret, &end, err));
    if (end)
        return cdz_fail(err, CDZ_E_INVALID, "the body has no value");
    CDZ_TRY(cdz_ion_next(&r, c->arena, &more, &end, err));
    if (!end)
        return cdz_fail(err, CDZ_E_INVALID,
                        "the body has more than one value: quote a text that has blanks");
    return CDZ_OK;
}

static void put(struct api_call *c)
{
    cdz_str ttl = cdz_http_header(c->x, "ttl");
    struct cdz_err err;
    cdz_us span = 0;
    cdz_val value;
    if (ttl.n && (!cdz_duration_us(ttl, &span) || span <= 0)) {
        api_failf(c, CDZ_E_INVALID, "ttl: `%.*s` is not a duration such as PT24H", CDZ_S(ttl));
        return;
    }
    cdz_rc rc = value_of(c, &value, &err);
    if (rc == CDZ_OK)
        rc = cdz_kv_put(c->api->s->storage, c->param[0], c->param[1], value, span, true,
                        cdz_now_us(), &err);
    if (rc == CDZ_OK)
        api_empty(c, 200);
    else
        api_fail(c, &err);
}

static void del(struct api_call *c)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_err err;
    bool existed;
    if (cdz_kv_del(c->api->s->storage, c->param[0], c->param[1], cdz_now_us(), &existed, &err) !=
        CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    cdz_buf_z(&b, existed ? "true" : "false");
    api_json(c, 200, &b);
}

static void del_all(struct api_call *c)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    struct cdz_err err;
    cdz_val body;
    if (!api_body_json(c, &body))
        return;
    cdz_val keys = cdz_map_getz(body, "keys");
    if (keys.kind != CDZ_LIST) {
        api_failf(c, CDZ_E_INVALID, "the body must be {\"keys\": [...]}");
        return;
    }
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_open(&w, "keys", '[');
    CDZ_LIST_EACH (key, keys) {
        bool existed = false;
        if (key->kind == CDZ_TEXT && cdz_kv_del(c->api->s->storage, c->param[0], cdz_val_str(*key),
                                                cdz_now_us(), &existed, &err) != CDZ_OK) {
            cdz_buf_done(&b);
            api_fail(c, &err);
            return;
        }
        if (existed)
            cdz_jw_str(&w, NULL, cdz_val_str(*key));
    }
    cdz_jw_close(&w, ']');
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

const struct api_route api_kv_routes[] = {
    {"GET", "/namespaces/{ns}/kv", list, "KVSTORE_READ"},
    {"GET", "/namespaces/{ns}/kv/{key}", get, "KVSTORE_READ"},
    {"PUT", "/namespaces/{ns}/kv/{key}", put, "KVSTORE_UPDATE"},
    {"DELETE", "/namespaces/{ns}/kv/{key}", del, "KVSTORE_DELETE"},
    {"DELETE", "/namespaces/{ns}/kv", del_all, "KVSTORE_DELETE"},
    {0},
};
