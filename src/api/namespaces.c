/* namespaces.c -- /api/v1/namespaces: those of flows and all above them. reference/api.md §10.1 (N1,
 * N2). */
#include "api/internal.h"

struct names {
    cdz_str *v;
    size_t n, cap;
};

static int by_name(const void *a, const void *b)
{
    return cdz_str_cmp(*(const cdz_str *)a, *(const cdz_str *)b);
}

/* Sorted, each once. */
static cdz_rc all_names(struct api_call *c, struct names *ret, struct cdz_err *err)
{
    cdz_str *of_flows;
    size_t n, kept = 0;
    CDZ_TRY(cdz_repository_namespaces(c->api->s->repository, CDZ_STR(""), c->arena, &of_flows, &n,
                                      err));
    CDZ_PUSH(c->arena, ret, CDZ_STR("system"));
    for (size_t i = 0; i < n; i++) {
        for (size_t dot = cdz_str_chr(of_flows[i], '.', 0); dot != SIZE_MAX;
             dot = cdz_str_chr(of_flows[i], '.', dot + 1))
            CDZ_PUSH(c->arena, ret, cdz_str_sub(of_flows[i], 0, dot));
        CDZ_PUSH(c->arena, ret, of_flows[i]);
    }
    qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
    for (size_t i = 0; i < ret->n; i++) {
        if (kept == 0 || !cdz_str_eq(ret->v[kept - 1], ret->v[i]))
            ret->v[kept++] = ret->v[i];
    }
    ret->n = kept;
    return CDZ_OK;
}

static void search(struct api_call *c)
{
    cdz_str q = api_filter(c, "q");
    struct names all = {0};
    struct cdz_page page;
    struct cdz_err err;
    size_t n = 0;
    if (!api_page(c, &page))
        return;
    if (all_names(c, &all, &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    for (size_t i = 0; i < all.n; i++) {
        if (!q.n || cdz_str_find(all.v[i], q, 0) != SIZE_MAX)
            all.v[n++] = all.v[i];
    }
    bool down = page.sort_count && page.sort[0].descending;
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_open(&w, "results", '[');
    for (size_t i = (page.page - 1) * page.size; i < n && i < page.page * page.size; i++) {
        cdz_jw_open(&w, NULL, '{');
        cdz_jw_str(&w, "id", all.v[down ? n - 1 - i : i]);
        cdz_jw_bool(&w, "disabled", true); /* it has no record of its own */
        cdz_jw_close(&w, '}');
    }
    cdz_jw_close(&w, ']');
    cdz_jw_int(&w, "total", (int64_t)n);
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

static void get(struct api_call *c)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_str(&w, "id", c->param[0]);
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

const struct api_route api_namespace_routes[] = {
    {"GET", "/namespaces/search", search, "NAMESPACE_READ"},
    {"GET", "/namespaces/{ns}", get, "NAMESPACE_READ"},
    {0},
};
