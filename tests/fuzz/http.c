/*
 * http.c -- any bytes as a request's path and query, as the API reads them: decoded, routed, taken
 * apart into filters, labels, pages and dates. The first bytes up to '?' are the path. What is
 * encoded again decodes to the same.
 *
 * Parameters that are refused answer the call: the linker puts our answer in the place of the
 * server's (--wrap), so that no socket is needed.
 */
#include <stdlib.h>

#include "api/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
void __wrap_cdz_http_answer_buf(struct cdz_http_exchange *x, int status, const char *type,
                                struct cdz_buf *body, const struct cdz_http_pair *headers,
                                size_t header_count);

static unsigned answers;

void __wrap_cdz_http_answer_buf(struct cdz_http_exchange *x, int status, const char *type,
                                struct cdz_buf *body, const struct cdz_http_pair *headers,
                                size_t header_count)
{
    (void)x, (void)type, (void)headers, (void)header_count;
    if (status < 400 || status > 499 || body->n == 0)
        abort();
    answers++;
    cdz_buf_done(body);
}

/* Every parameter that the call answers by itself answers once, and only when it is refused. */
static void check(bool ok)
{
    if (answers != !ok)
        abort();
    answers = 0;
}

static void route(cdz_str path)
{
    static const struct api_route *const tables[] = {
        api_flow_routes, api_execution_routes, api_file_routes,  api_log_routes,
        api_misc_routes, api_webhook_routes,   api_event_routes, api_root_routes};
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
    for (size_t i = 0; i < CDZ_COUNT(tables); i++) {
        for (size_t m = 0; m < CDZ_COUNT(methods); m++) {
            cdz_str param[4] = {{0}};
            int most = -1;
            const struct api_route *r =
                api_route_find(tables[i], cdz_str_z(methods[m]), path, param, &most);
            for (size_t k = 0; k < 4; k++) { /* what was found lies in the path */
                if (param[k].p &&
                    (param[k].p < path.p || param[k].p + param[k].n > path.p + path.n))
                    abort();
            }
            if (r && strcmp(r->method, methods[m]) != 0)
                abort();
        }
    }
}

static void parameters(struct api_call *c)
{
    static const char *const names[] = {"state", "namespace", "labels", "q"};
    struct cdz_label *labels;
    struct cdz_page page;
    cdz_str *all;
    size_t n, sum = 0;
    cdz_us at;
    for (size_t i = 0; i < CDZ_COUNT(names); i++) {
        sum += api_filter(c, names[i]).n + api_query_bool(c, names[i], false);
        n = api_query_all(c, names[i], &all);
        for (size_t k = 0; k < n; k++)
            sum += all[k].n;
    }
    check(true);
    check(api_labels(c, "labels", &labels, &n));
    check(api_page(c, &page));
    check(api_date(c, "startDate", &at));
    (void)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str all = {(const char *)data, n};
    size_t mark = cdz_str_chr(all, '?', 0);
    struct cdz_http_pair *pairs;
    cdz_str path = cdz_url_decode(cdz_str_sub(all, 0, mark), false, arena);
    cdz_str query = mark == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(all, mark + 1, n);
    struct cdz_http_request r = {.method = CDZ_STR("GET"), .path = path, .target = all};
    r.query_count = cdz_url_query(query, arena, &pairs);
    r.query = pairs;
    r.arena = arena;
    struct api_call c = {.r = &r, .arena = arena};
    if (!cdz_str_eq(cdz_url_decode(cdz_url_encode(all, arena), true, arena), all))
        abort();
    route(path);
    parameters(&c);
    return 0;
}
