/* api.c -- from a request to its handler: the route tables, who may, and the server's life. */
#include "api/api.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "api/internal.h"
#include "base/limits.h"
#include "base/time.h"

static const struct api_route *const tables[] = {
    api_flow_routes,    api_flow_bulk_routes, api_execution_routes, api_change_routes,
    api_control_routes, api_bulk_routes,      api_eval_routes,      api_explain_routes,
    api_kv_routes,      api_template_routes,  api_namespace_routes, api_namespace_file_routes,
    api_file_routes,    api_log_routes,       api_input_routes,     api_misc_routes,
    api_plugin_routes,  api_webhook_routes,   api_event_routes,     api_graph_routes,
    api_stats_routes,
};

/* The most literal match over all tables. */
static const struct api_route *find(cdz_str method, cdz_str path, cdz_str param[4])
{
    cdz_str api = CDZ_STR("/api/v1"), tenant = CDZ_STR("/main/");
    const struct api_route *best = NULL;
    int most = -1;
    if (!cdz_str_starts(path, api))
        return api_route_find(api_root_routes, method, path, param, &most);
    path = cdz_str_sub(path, api.n, path.n);
    if (cdz_str_starts(path, tenant)) /* newer clients name the tenant; `main` is the only one */
        path = cdz_str_sub(path, tenant.n - 1, path.n);
    for (size_t i = 0; i < CDZ_COUNT(tables); i++) {
        const struct api_route *r = api_route_find(tables[i], method, path, param, &most);
        best = r ? r : best;
    }
    return best;
}

static bool may(struct api_call *c)
{
    const struct cdz_config *config = c->api->s->config;
    cdz_str header, basic = CDZ_STR("Basic ");
    if (!config->basic_user.n || cdz_str_is(c->r->path, "/ping") ||
        cdz_str_starts(c->r->path, CDZ_STR("/api/v1/executions/webhook/")) ||
        cdz_str_starts(c->r->path, CDZ_STR("/api/v1/main/executions/webhook/")))
        return true;
    header = cdz_http_header(c->x, "Authorization");
    cdz_str want = cdz_arena_printf(c->arena, "%.*s:%.*s", CDZ_S(config->basic_user),
                                    CDZ_S(config->basic_password));
    char *packed = cdz_arena_alloc(c->arena, want.n * 2 + 8);
    int n = EVP_EncodeBlock((unsigned char *)packed, (const unsigned char *)want.p, (int)want.n);
    return cdz_str_starts(header, basic) && header.n == basic.n + (size_t)n &&
           CRYPTO_memcmp(header.p + basic.n, packed, (size_t)n) == 0;
}

bool api_enter(struct cdz_api *api)
{
    pthread_mutex_lock(&api->mu);
    bool ok = !api->draining;
    api->busy += ok;
    pthread_mutex_unlock(&api->mu);
    return ok;
}

void api_hold(struct cdz_api *api)
{
    pthread_mutex_lock(&api->mu);
    api->busy++;
    pthread_mutex_unlock(&api->mu);
}

void api_leave(struct cdz_api *api)
{
    pthread_mutex_lock(&api->mu);
    if (--api->busy == 0 && api->draining)
        pthread_cond_signal(&api->idle);
    pthread_mutex_unlock(&api->mu);
}

static void dispatch(struct cdz_api *api, struct cdz_http_exchange *x,
                     const struct cdz_http_request *r)
{
    struct api_call c = {.api = api, .x = x, .r = r, .arena = r->arena};
    cdz_str method = cdz_str_is(r->method, "HEAD") ? CDZ_STR("GET") : r->method;
    if (!may(&c)) {
        struct cdz_buf none = CDZ_BUF_INIT;
        struct cdz_http_pair header = {CDZ_STR("WWW-Authenticate"), CDZ_STR("Basic realm=Kestra")};
        cdz_http_answer_buf(x, 401, NULL, &none, &header, 1);
        return;
    }
    if (memchr(r->path.p, 0, r->path.n) || !cdz_utf8_valid(r->path)) {
        api_failf(&c, CDZ_E_BAD_REQUEST, "the path is not valid UTF-8");
        return;
    }
    const struct api_route *route = find(method, r->path, c.param);
    if (route)
        route->fn(&c);
    else
        api_failf(&c, CDZ_E_NOT_FOUND, "Page Not Found");
}

static void on_request(void *ctx, struct cdz_http_exchange *x, const struct cdz_http_request *r)
{
    struct cdz_api *api = ctx;
    struct api_call c = {.api = api, .x = x, .r = r, .arena = r->arena};
    if (!api_enter(api)) {
        api_failf(&c, CDZ_E_UNAVAILABLE, "the server is stopping");
        return;
    }
    dispatch(api, x, r);
    api_leave(api);
}

static bool is_loopback(cdz_str host)
{
    return cdz_str_starts(host, CDZ_STR("127.")) || cdz_str_is(host, "::1") ||
           cdz_str_is(host, "localhost");
}

static void api_free(struct cdz_api *api)
{
    pthread_cond_destroy(&api->idle);
    cdz_table_done(&api->claims[0]);
    cdz_table_done(&api->claims[1]);
    pthread_mutex_destroy(&api->mu);
    pthread_mutex_destroy(&api->flow_mu);
    free(api);
}

cdz_rc cdz_api_start(struct cdz_services *services, struct cdz_api **ret, struct cdz_err *err)
{
    const struct cdz_config *c = services->config;
    if (!is_loopback(c->host) && !c->basic_user.n)
        return cdz_fail(err, CDZ_E_INVALID,
                        "refusing to listen on %.*s without authentication: set server.basic-auth",
                        CDZ_S(c->host));
    struct cdz_api *api = calloc(1, sizeof(*api));
    CDZ_AUTO_ARENA arena = cdz_arena_open(512);
    if (!api)
        abort();
    api->s = services;
    api->started = cdz_now_us();
    pthread_mutex_init(&api->mu, NULL);
    pthread_cond_init(&api->idle, NULL);
    pthread_mutex_init(&api->flow_mu, NULL);
    if (!api_waits_start(api)) {
        api_free(api);
        return cdz_fail(err, CDZ_E_UNAVAILABLE, "the webserver's threads could not be started");
    }
    struct cdz_http_options o = {
        .host = cdz_arena_z(arena, c->host),
        .port = c->port,
        .threads = 2,
        .body_bytes_max = CDZ_BODY_BYTES_MAX,
        .upload_bytes_max = UINT64_C(10) << 30,
        .tmp_dir = c->tmp_dir.p,
        .handle = on_request,
        .ctx = api,
    };
    pthread_mutex_lock(&api->mu); /* the first requests wait in api_enter until `http` is there */
    cdz_rc rc = cdz_http_server_start(&o, &api->http, err);
    pthread_mutex_unlock(&api->mu);
    if (rc != CDZ_OK) {
        api_waits_drain(api);
        api_free(api);
        return rc;
    }
    *ret = api;
    return CDZ_OK;
}

int cdz_api_port(const struct cdz_api *api)
{
    return cdz_http_server_port(api->http);
}

void cdz_api_drain(struct cdz_api *api)
{
    cdz_http_server_quiesce(api->http); /* connections that are open may ask on: 503 */
    pthread_mutex_lock(&api->mu);
    api->draining = true;
    while (api->busy > 0)
        pthread_cond_wait(&api->idle, &api->mu);
    pthread_mutex_unlock(&api->mu);
    api_waits_drain(api);
}

void cdz_api_stop(struct cdz_api *api)
{
    if (!api)
        return;
    cdz_http_server_stop(api->http);
    api_waits_done(api);
    api_free(api);
}
