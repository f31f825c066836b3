/*
 * bulk.c -- the verbs for many executions: by-ids and by-query. reference/api.md §1.3.
 *
 * Everything is checked before anything is changed. The executions are read one by one the second
 * time, since each may have 100,000 task runs, and sent in batches: a change that is cut off by a
 * full disk has changed some of them, and says so.
 */
#include "api/verb.h"
#include "base/limits.h"

enum { PAGE = 200 };           /* executions read at once to find their ids */
#define BATCH_BYTES (8u << 20) /* records gathered before they are sent */

struct member {
    cdz_str id;
    enum cdz_state state;
    bool found;
};

struct members {
    struct member *v;
    size_t n, cap;
};

/* --- who ------------------------------------------------------------------------------------ */

static bool members_of_ids(struct api_call *c, cdz_val ids, struct members *ret)
{
    if (ids.kind != CDZ_LIST) {
        api_failf(c, CDZ_E_INVALID, "the body must be a list of ids");
        return false;
    }
    for (size_t i = 0; i < cdz_list_n(ids); i++) {
        struct member m = {.state = CDZ_CREATED};
        struct cdz_execution *e;
        struct cdz_err err;
        if (cdz_list_at(ids, i).kind != CDZ_TEXT) {
            api_failf(c, CDZ_E_INVALID, "the body must be a list of ids");
            return false;
        }
        m.id = cdz_val_str(cdz_list_at(ids, i));
        cdz_rc rc = cdz_repository_execution_get(c->api->s->repository, m.id, &e, &err);
        if (rc == CDZ_OK) {
            m.found = true;
            m.state = cdz_state_now(&e->history);
            cdz_execution_free(e);
        } else if (rc != CDZ_E_NOT_FOUND) {
            api_fail(c, &err);
            return false;
        }
        CDZ_PUSH(c->arena, ret, m);
    }
    return true;
}

static bool members_of_query(struct api_call *c, struct members *ret)
{
    struct cdz_execution_filter f;
    struct cdz_page page = {
        .page = 1, .size = PAGE, .sort = {{CDZ_STR("id"), false}}, .sort_count = 1};
    if (!api_execution_filter(c, &f))
        return false;
    for (;; page.page++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_executions found;
        struct cdz_err err;
        if (cdz_repository_execution_find(c->api->s->repository, &f, &page, arena, &found, &err) !=
            CDZ_OK) {
            api_fail(c, &err);
            return false;
        }
        for (size_t i = 0; i < found.n; i++) {
            CDZ_PUSH(c->arena, ret,
                     (struct member){.id = cdz_arena_str(c->arena, found.v[i]->id),
                                     .state = cdz_state_now(&found.v[i]->history),
                                     .found = true});
            cdz_execution_free(found.v[i]);
        }
        if (found.n < PAGE)
            return true;
    }
}

/* --- checks --------------------------------------------------------------------------------- */

struct invalid {
    cdz_str id, message;
};

struct invalids {
    struct invalid *v;
    size_t n, cap;
};

static void answer_invalids(struct api_call *c, const struct api_verb *verb,
                            const struct invalids *all)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_str(&w, "message", cdz_arena_printf(c->arena, "invalid bulk %s", verb->name));
    cdz_jw_open(&w, "invalids", '[');
    for (size_t i = 0; i < all->n; i++) {
        cdz_jw_open(&w, NULL, '{');
        cdz_jw_str(&w, "message", all->v[i].message);
        cdz_jw_str(&w, "invalidValue", all->v[i].id);
        cdz_jw_z(&w, "propertyPath", "execution");
        cdz_jw_close(&w, '}');
    }
    cdz_jw_close(&w, ']');
    cdz_jw_close(&w, '}');
    api_json(c, 400, &b);
}

static struct invalids check(struct api_call *c, const struct api_verb *verb,
                             const struct members *m)
{
    struct invalids bad = {0};
    for (size_t i = 0; i < m->n; i++) {
        if (!m->v[i].found)
            CDZ_PUSH(c->arena, &bad, (struct invalid){m->v[i].id, CDZ_STR("execution not found")});
        else if (!(verb->states & (1u << m->v[i].state)))
            CDZ_PUSH(c->arena, &bad, (struct invalid){m->v[i].id, cdz_str_z(verb->refusal)});
    }
    return bad;
}

/* --- the change ----------------------------------------------------------------------------- */

static size_t bytes_of(const struct api_change *x)
{
    size_t n = 0;
    for (size_t i = 0; i < x->records.n; i++)
        n += x->records.v[i].value.n;
    return n;
}

/* What the repository has to show before the answer: its last execution, as it will be. */
struct last {
    cdz_str id;
    uint64_t version;
};

static cdz_rc change_all(struct api_change *x, const struct api_verb *verb, const struct members *m,
                         size_t *ret_n, struct last *last, struct cdz_err *err)
{
    for (size_t i = 0; i < m->n; i++) {
        struct cdz_execution *e;
        cdz_rc rc = cdz_repository_execution_get(x->c->api->s->repository, m->v[i].id, &e, err);
        if (rc == CDZ_E_NOT_FOUND)
            continue; /* deleted meanwhile */
        CDZ_TRY(rc);
        rc = api_verb_prepare(x, verb, e, err);
        *ret_n += rc == CDZ_OK;
        if (rc == CDZ_OK)
            *last = (struct last){cdz_arena_str(x->c->arena, e->id),
                                  verb == &api_verb_delete ? 0 : e->version};
        cdz_flow_unref(e->flow);
        cdz_execution_free(e);
        if (rc != CDZ_OK && rc != CDZ_E_CONFLICT)
            return rc;
        if (bytes_of(x) > BATCH_BYTES) {
            CDZ_TRY(api_verb_send(x, err));
            cdz_arena_reset(x->arena);
            x->records.v = NULL;
            x->folders.v = x->claimed.v = NULL;
            x->records.cap = x->folders.cap = x->claimed.cap = 0;
        }
    }
    return api_verb_send(x, err);
}

static void change(struct api_call *c, const struct api_verb *verb, struct api_change *x,
                   const struct members *m)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct invalids bad = check(c, verb, m);
    struct last last = {0};
    struct cdz_err err;
    size_t n = 0;
    x->c = c;
    x->arena = arena;
    if (bad.n) {
        answer_invalids(c, verb, &bad);
        return;
    }
    if (change_all(x, verb, m, &n, &last, &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_printf(&b, "{\"count\":%zu}", n);
    if (n && (verb->claims || verb == &api_verb_replay))
        api_wait_applied(c, last.id, last.version, 200, &b);
    else
        api_json(c, 200, &b);
}

/* --- routes --------------------------------------------------------------------------------- */

static bool arguments(struct api_call *c, const struct api_verb *verb, struct api_change *x)
{
    x->c = c;
    if (verb == &api_verb_delete)
        return api_verb_delete_flags(x);
    if (verb == &api_verb_change_status)
        return api_verb_state(c, "newStatus", &x->state);
    return true;
}

static void by_ids(struct api_call *c, const struct api_verb *verb)
{
    struct api_change x = {0};
    struct members m = {0};
    cdz_val body;
    if (arguments(c, verb, &x) && api_body_json(c, &body) && members_of_ids(c, body, &m))
        change(c, verb, &x, &m);
}

/* A deletion leaves out what still runs: a query rarely names states. Everything else is refused, as
 * by ids. */
static void by_query(struct api_call *c, const struct api_verb *verb)
{
    struct api_change x = {0};
    struct members m = {0};
    if (!arguments(c, verb, &x) || !members_of_query(c, &m))
        return;
    if (verb == &api_verb_delete) {
        size_t n = 0;
        for (size_t i = 0; i < m.n; i++) {
            if (verb->states & (1u << m.v[i].state))
                m.v[n++] = m.v[i];
        }
        m.n = n;
    }
    change(c, verb, &x, &m);
}

static void labels_by_ids(struct api_call *c)
{
    struct api_change x = {0};
    struct members m = {0};
    cdz_val body;
    if (api_body_json(c, &body) &&
        api_verb_labels_of(c, cdz_map_getz(body, "executionLabels"), &x) &&
        members_of_ids(c, cdz_map_getz(body, "executionsId"), &m))
        change(c, &api_verb_labels, &x, &m);
}

static void labels_by_query(struct api_call *c)
{
    struct api_change x = {0};
    struct members m = {0};
    cdz_val body;
    if (api_body_json(c, &body) && api_verb_labels_of(c, body, &x) && members_of_query(c, &m))
        change(c, &api_verb_labels, &x, &m);
}

/* Two handlers and two routes a verb. */
#define BULK_LIST(X)                                                                               \
    X(restart, "POST", "/executions/restart", "EXECUTION_UPDATE")                                  \
    X(replay, "POST", "/executions/replay", "EXECUTION_CREATE")                                    \
    X(change_status, "POST", "/executions/change-status", "EXECUTION_UPDATE")                      \
    X(kill, "DELETE", "/executions/kill", "EXECUTION_UPDATE")                                      \
    X(pause, "POST", "/executions/pause", "EXECUTION_UPDATE")                                      \
    X(resume, "POST", "/executions/resume", "EXECUTION_UPDATE")                                    \
    X(unqueue, "POST", "/executions/unqueue", "EXECUTION_UPDATE")                                  \
    X(force_run, "POST", "/executions/force-run", "EXECUTION_UPDATE")                              \
    X(delete, "DELETE", "/executions", "EXECUTION_DELETE")

#define BULK_HANDLERS(verb, method, path, permission)                                              \
    static void verb##_by_ids(struct api_call *c)                                                  \
    {                                                                                              \
        by_ids(c, &api_verb_##verb);                                                               \
    }                                                                                              \
    static void verb##_by_query(struct api_call *c)                                                \
    {                                                                                              \
        by_query(c, &api_verb_##verb);                                                             \
    }
BULK_LIST(BULK_HANDLERS)

#define BULK_ROUTES(verb, method, path, permission)                                                \
    {method, path "/by-ids", verb##_by_ids, permission},                                           \
        {method, path "/by-query", verb##_by_query, permission},

const struct api_route api_bulk_routes[] = {
    BULK_LIST(BULK_ROUTES) /* ... and labels, which have a body of their own */
    {"POST", "/executions/labels/by-ids", labels_by_ids, "EXECUTION_UPDATE"},
    {"POST", "/executions/labels/by-query", labels_by_query, "EXECUTION_UPDATE"},
    {0},
};
