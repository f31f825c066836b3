/*
 * site.h -- the REST API over a real socket, and a client: for the suites of the API.
 */
#ifndef CDZ_TEST_SITE_H
#define CDZ_TEST_SITE_H

#include "rig.h"

#include <curl/curl.h>

#include "api/api.h"

/* --- a server and a client -------------------------------------------------------------------- */

struct site {
    struct rig rig;
    struct cdz_api *api;
    bool drained;
};

static inline void site_open(struct site *s, enum rig_kind kind)
{
    rig_start(&s->rig, kind);
    s->drained = false;
    RIG_NEED(cdz_api_start(s->rig.s, &s->api, &rig_err));
}

static inline void site_drain(struct site *s)
{
    cdz_api_drain(s->api);
    s->drained = true;
}

static inline void site_close(struct site *s)
{
    if (!s->drained)
        cdz_api_drain(s->api);
    rig_halt(&s->rig); /* in the program's order: the HTTP server goes last */
    cdz_api_stop(s->api);
    rig_stop(&s->rig);
}

struct reply {
    long status;
    struct cdz_buf body, head;
};

static inline size_t on_bytes(char *p, size_t size, size_t n, void *to)
{
    cdz_buf_add(to, p, size * n);
    return size * n;
}

static inline void reply_done(struct reply *r)
{
    cdz_buf_done(&r->body);
    cdz_buf_done(&r->head);
}
#define AUTO_REPLY __attribute__((cleanup(reply_done))) struct reply

static inline CURL *prepare(struct site *s, const char *method, const char *path, struct reply *ret)
{
    char url[2048];
    CURL *c = curl_easy_init();
    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", cdz_api_port(s->api), path);
    *ret = (struct reply){0};
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 15000L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &ret->body);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &ret->head);
    return c;
}

static inline void perform(CURL *c, struct reply *ret)
{
    CURLcode rc = curl_easy_perform(c);
    if (rc == CURLE_OK)
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &ret->status);
    else
        printf("# %s\n", curl_easy_strerror(rc));
    curl_easy_cleanup(c);
}

/* status 0: no answer. body NULL: none. */
static inline struct reply call(struct site *s, const char *method, const char *path,
                                const char *type, cdz_str body)
{
    char header[256];
    struct reply r;
    struct curl_slist *headers = NULL;
    CURL *c = prepare(s, method, path, &r);
    if (body.p) {
        snprintf(header, sizeof(header), "Content-Type: %s", type);
        headers = curl_slist_append(NULL, header);
        headers = curl_slist_append(headers, "Expect:");
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)body.n);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.p);
    }
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &r.body);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &r.head);
    perform(c, &r);
    curl_slist_free_all(headers);
    return r;
}

static inline struct reply get(struct site *s, const char *path)
{
    return call(s, "GET", path, NULL, (cdz_str){NULL, 0});
}

static inline struct reply post_yaml(struct site *s, const char *path, const char *text)
{
    return call(s, "POST", path, "application/x-yaml", cdz_str_z(text));
}

static inline struct reply post(struct site *s, const char *path)
{
    return call(s, "POST", path, "multipart/form-data; boundary=x", CDZ_STR(""));
}

static inline cdz_val json_of(const struct reply *r, struct cdz_arena *arena)
{
    cdz_val v = CDZ_VAL_NULL;
    if (cdz_json_parse(cdz_buf_copy(&r->body, arena), arena, &v, &rig_err) != CDZ_OK)
        printf("# no JSON: %s\n", r->body.p ? r->body.p : "");
    return v;
}

static inline cdz_str text_at(cdz_val v, const char *path)
{
    cdz_val found = cdz_val_path(v, path);
    return found.kind == CDZ_TEXT ? cdz_val_str(found) : CDZ_STR("");
}

#define CHECK_STATUS(r, want)                                                                      \
    CHECK((r).status == (want), "%ld instead of %d: %.300s", (r).status, (int)(want),              \
          (r).body.p ? (r).body.p : "")

static inline void deploy(struct site *s, const char *text)
{
    AUTO_REPLY r = post_yaml(s, "/api/v1/flows", text);
    CHECK_STATUS(r, 200);
}

/* Starts an execution of a flow of namespace t. */
static inline void start(struct site *s, const char *flow, char id[32])
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    char path[64];
    snprintf(path, sizeof(path), "/api/v1/executions/t/%s", flow);
    AUTO_REPLY r = post(s, path);
    CHECK_STATUS(r, 200);
    snprintf(id, 32, "%.*s", CDZ_S(text_at(json_of(&r, arena), "id")));
}

static inline bool alive(struct site *s)
{
    AUTO_REPLY r = get(s, "/ping");
    return r.status == 200;
}

#endif
