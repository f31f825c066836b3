/*
 * flows.c -- the compiled flows of this process, by namespace, id and revision.
 *
 * The queue's topic FLOW is what executors and workers believe in; the repository serves the API.
 * Sources are parsed when first asked for and kept: an execution keeps its revision for as long as
 * it runs.
 */
#include <pthread.h>

#include "base/codec.h"
#include "base/limits.h"
#include "base/map.h"
#include "model/triggers.h"
#include "server/server.h"
#include "server/templates.h"

enum { FLOW_FORMAT = 1 };

struct cdz_flows {
    struct cdz_queue *queue;
    struct cdz_flow_options options;
    struct cdz_templates *templates;
    pthread_mutex_t mu;
    struct cdz_table compiled; /* guarded by mu: "namespace/id/revision" -> struct cdz_flow */
    struct cdz_table
        latest; /* guarded by mu: "namespace/id" -> revision + 1, deleted ones too, as a pointer */
    struct cdz_table
        listening; /* guarded by mu: "namespace/id" whose text names a Flow trigger: a set */
    _Atomic uint64_t generation;
};

static cdz_str key_of(struct cdz_arena *arena, cdz_str ns, cdz_str id, int revision)
{
    return cdz_arena_printf(arena, "%.*s/%.*s/%08d", CDZ_S(ns), CDZ_S(id), revision);
}

static cdz_str name_of(struct cdz_arena *arena, cdz_str ns, cdz_str id)
{
    return cdz_arena_printf(arena, "%.*s/%.*s", CDZ_S(ns), CDZ_S(id));
}

/* latest: revision * 2 + deleted, plus 2 so that it is never NULL. */
static void *latest_pack(int revision, bool deleted)
{
    return (void *)(intptr_t)((intptr_t)revision * 2 + deleted + 2);
}

static int latest_revision(const void *p)
{
    return (int)(((intptr_t)p - 2) / 2);
}

static bool latest_deleted(const void *p)
{
    return ((intptr_t)p - 2) % 2 != 0;
}

static void note_latest(struct cdz_flows *f, cdz_str name, int revision, bool deleted)
{
    void *have = cdz_table_get(&f->latest, name);
    if (!have || latest_revision(have) <= revision)
        (void)cdz_table_put(&f->latest, name,
                            latest_pack(revision, deleted)); /* the older one is superseded */
}

/* By the text alone, so that a start compiles nothing: who asks for them looks closer. */
static void note_listening(struct cdz_flows *f, cdz_str name, cdz_str source, bool deleted)
{
    bool may = !deleted && (cdz_str_find(source, CDZ_STR("trigger.Flow"), 0) != SIZE_MAX ||
                            cdz_str_find(source, CDZ_STR("triggers.types.Flow"), 0) != SIZE_MAX);
    if (may)
        (void)cdz_table_put(&f->listening, name, f); /* a set: any value */
    else
        (void)cdz_table_del(&f->listening, name);
    f->generation++;
}

static bool on_stored(void *ctx, cdz_str key, cdz_str value)
{
    struct cdz_flows *f = ctx;
    struct cdz_reader r = cdz_reader_of(value);
    size_t slash = key.n;
    int64_t revision;
    while (slash > 0 && key.p[slash - 1] != '/')
        slash--;
    bool known = cdz_get_u64(&r) == FLOW_FORMAT;
    bool deleted = cdz_get_u64(&r) != 0;
    cdz_str source = cdz_get_str(&r);
    if (slash > 0 && known && !r.bad && cdz_str_to_i64(cdz_str_sub(key, slash, key.n), &revision)) {
        note_latest(f, cdz_str_sub(key, 0, slash - 1), (int)revision, deleted);
        note_listening(f, cdz_str_sub(key, 0, slash - 1), source,
                       deleted); /* in order: last wins */
    }
    return true;
}

cdz_rc cdz_flows_open(struct cdz_queue *queue, const struct cdz_flow_options *options,
                      struct cdz_flows **ret, struct cdz_err *err)
{
    struct cdz_flows *f = calloc(1, sizeof(*f));
    if (!f)
        abort();
    f->queue = queue;
    f->options = *options;
    f->options.lenient = true;
    pthread_mutex_init(&f->mu, NULL);
    cdz_rc rc = cdz_templates_open(queue, &f->templates, err);
    f->options.template_source = cdz_templates_source;
    f->options.template_ctx = f->templates;
    if (rc == CDZ_OK)
        rc = cdz_queue_scan(queue, CDZ_TOPIC_FLOW, CDZ_STR(""), on_stored, f, err);
    if (rc != CDZ_OK) {
        cdz_flows_close(f);
        return rc;
    }
    *ret = f;
    return CDZ_OK;
}

void cdz_flows_close(struct cdz_flows *f)
{
    size_t at = 0;
    cdz_str key;
    void *flow;
    if (!f)
        return;
    while (cdz_table_next(&f->compiled, &at, &key, &flow))
        cdz_flow_unref(flow);
    cdz_table_done(&f->compiled);
    cdz_table_done(&f->latest);
    cdz_table_done(&f->listening);
    cdz_templates_close(f->templates);
    pthread_mutex_destroy(&f->mu);
    free(f);
}

struct cdz_flow_options cdz_flows_options(const struct cdz_flows *f, bool lenient)
{
    struct cdz_flow_options o = f->options;
    o.lenient = lenient;
    return o;
}

struct cdz_templates *cdz_flows_templates(struct cdz_flows *f)
{
    return f->templates;
}

static bool uses_templates(const struct cdz_flow *flow)
{
    for (size_t i = 0; i < flow->task_count; i++) {
        if (flow->tasks_all[i]->type->flow_kind == CDZ_FLOW_TEMPLATE)
            return true;
    }
    return false;
}

void cdz_flows_recompile(struct cdz_flows *f)
{
    struct cdz_table kept = CDZ_TABLE_INIT;
    size_t at = 0;
    cdz_str key;
    void *flow;
    pthread_mutex_lock(&f->mu);
    while (cdz_table_next(&f->compiled, &at, &key, &flow)) {
        if (uses_templates(flow))
            cdz_flow_unref(flow); /* executions that run it have a reference of their own */
        else
            (void)cdz_table_put(&kept, key, flow); /* it was not there */
    }
    cdz_table_done(&f->compiled);
    f->compiled = kept;
    pthread_mutex_unlock(&f->mu);
}

static cdz_rc load(struct cdz_flows *f, cdz_str ns, cdz_str id, int revision, struct cdz_flow **ret,
                   struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str value;
    struct cdz_flow *flow;
    cdz_rc rc = cdz_queue_get(f->queue, CDZ_TOPIC_FLOW, key_of(arena, ns, id, revision), arena,
                              &value, err);
    if (rc == CDZ_E_NOT_FOUND)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "Flow not found: %.*s.%.*s revision %d", CDZ_S(ns),
                        CDZ_S(id), revision);
    CDZ_TRY(rc);
    struct cdz_reader r = cdz_reader_of(value);
    bool known = cdz_get_u64(&r) == FLOW_FORMAT;
    bool deleted = cdz_get_u64(&r) != 0;
    cdz_str source = cdz_get_str(&r);
    if (!known || r.bad)
        return cdz_fail(err, CDZ_E_CORRUPT, "flow record %.*s.%.*s is damaged", CDZ_S(ns),
                        CDZ_S(id));
    struct cdz_problems problems = {.arena = arena};
    struct cdz_err why;
    if (cdz_flow_parse(source, &f->options, &problems, &flow, &why) != CDZ_OK)
        flow = cdz_flow_broken(ns, id, revision, source, cdz_str_z(why.text));
    flow->revision = revision;
    flow->deleted = deleted;
    *ret = flow;
    return CDZ_OK;
}

cdz_rc cdz_flows_get(struct cdz_flows *f, cdz_str ns, cdz_str id, int revision,
                     struct cdz_flow **ret, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(512);
    pthread_mutex_lock(&f->mu);
    if (revision == 0) {
        void *latest = cdz_table_get(&f->latest, name_of(arena, ns, id));
        if (!latest || latest_deleted(latest)) {
            pthread_mutex_unlock(&f->mu);
            return cdz_fail(err, CDZ_E_NOT_FOUND, "Flow not found: %.*s.%.*s", CDZ_S(ns),
                            CDZ_S(id));
        }
        revision = latest_revision(latest);
    }
    cdz_str key = key_of(arena, ns, id, revision);
    struct cdz_flow *flow = cdz_table_get(&f->compiled, key);
    cdz_rc rc = CDZ_OK;
    if (!flow && (rc = load(f, ns, id, revision, &flow, err)) == CDZ_OK)
        (void)cdz_table_put(&f->compiled, key, flow); /* the table owns the first reference */
    if (rc == CDZ_OK)
        *ret = cdz_flow_ref(flow);
    pthread_mutex_unlock(&f->mu);
    return rc;
}

static struct cdz_record record_of(struct cdz_arena *arena, cdz_str ns, cdz_str id, int revision,
                                   bool deleted, cdz_str source)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_put_u64(&b, FLOW_FORMAT);
    cdz_put_u64(&b, deleted);
    cdz_put_str(&b, source);
    return (struct cdz_record){.topic = CDZ_TOPIC_FLOW,
                               .key = key_of(arena, ns, id, revision),
                               .value = cdz_buf_copy(&b, arena)};
}

cdz_rc cdz_flows_publish(struct cdz_flows *f, struct cdz_flow *flow, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_record r =
        record_of(arena, flow->namespace_, flow->id, flow->revision, flow->deleted, flow->source);
    CDZ_TRY(cdz_queue_send_wait(f->queue, &r, 1, err));
    pthread_mutex_lock(&f->mu);
    struct cdz_flow *before = cdz_table_put(&f->compiled, r.key, cdz_flow_ref(flow));
    cdz_str name = name_of(arena, flow->namespace_, flow->id);
    note_latest(f, name, flow->revision, flow->deleted);
    note_listening(f, name, flow->source, flow->deleted);
    pthread_mutex_unlock(&f->mu);
    cdz_flow_unref(before);
    return CDZ_OK;
}

cdz_rc cdz_flows_forget(struct cdz_flows *f, cdz_str ns, cdz_str id, int revision, cdz_str source,
                        struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_record r = record_of(arena, ns, id, revision, true, source);
    CDZ_TRY(cdz_queue_send_wait(f->queue, &r, 1, err));
    pthread_mutex_lock(&f->mu);
    note_latest(f, name_of(arena, ns, id), revision, true);
    note_listening(f, name_of(arena, ns, id), CDZ_STR(""), true);
    pthread_mutex_unlock(&f->mu);
    return CDZ_OK;
}

cdz_rc cdz_flows_reconcile(struct cdz_flows *f, struct cdz_repository *repository,
                           struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_flow_filter filter = {.with_deleted = true};
    struct cdz_page page = {0};
    struct cdz_flow_row *rows;
    size_t n;
    uint64_t total;
    CDZ_TRY(cdz_repository_flow_find(repository, &filter, &page, arena, &rows, &n, &total, err));
    for (size_t i = 0; i < n; i++) {
        cdz_str name = name_of(arena, rows[i].namespace_, rows[i].id);
        void *have = cdz_table_get(&f->latest, name);
        if (have && latest_revision(have) >= rows[i].revision)
            continue;
        struct cdz_record r = record_of(arena, rows[i].namespace_, rows[i].id, rows[i].revision,
                                        rows[i].deleted, rows[i].source);
        CDZ_TRY(cdz_queue_send_wait(f->queue, &r, 1, err));
        note_latest(f, name, rows[i].revision, rows[i].deleted);
        note_listening(f, name, rows[i].source, rows[i].deleted);
    }
    return CDZ_OK;
}

uint64_t cdz_flows_generation(const struct cdz_flows *f)
{
    return f->generation;
}

static bool has_flow_trigger(const struct cdz_flow *flow)
{
    for (size_t i = 0; i < flow->trigger_count; i++) {
        if (flow->triggers[i].type == &cdz_trigger_flow && !flow->triggers[i].disabled)
            return !flow->disabled;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    const struct cdz_flow *x = *(struct cdz_flow *const *)a, *y = *(struct cdz_flow *const *)b;
    int order = cdz_str_cmp(x->namespace_, y->namespace_);
    return order ? order : cdz_str_cmp(x->id, y->id);
}

struct cdz_flow **cdz_flows_listening(struct cdz_flows *f, size_t *ret_n)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_VEC(cdz_str) names = {0};
    size_t at = 0;
    cdz_str key;
    void *any;
    pthread_mutex_lock(&f->mu);
    while (cdz_table_next(&f->listening, &at, &key, &any))
        CDZ_PUSH(arena, &names, cdz_arena_str(arena, key));
    pthread_mutex_unlock(&f->mu);
    struct cdz_flow **v = calloc(names.n + 1, sizeof(struct cdz_flow *));
    if (!v)
        abort();
    *ret_n = 0;
    for (size_t i = 0; i < names.n; i++) {
        size_t slash = cdz_str_chr(names.v[i], '/', 0);
        struct cdz_flow *flow;
        struct cdz_err err;
        if (cdz_flows_get(f, cdz_str_sub(names.v[i], 0, slash),
                          cdz_str_sub(names.v[i], slash + 1, names.v[i].n), 0, &flow,
                          &err) != CDZ_OK)
            continue; /* deleted meanwhile */
        if (has_flow_trigger(flow))
            v[(*ret_n)++] = flow;
        else
            cdz_flow_unref(flow);
    }
    if (*ret_n > 1)
        qsort(v, *ret_n, sizeof(struct cdz_flow *), by_name);
    return v;
}

static int by_text(const void *a, const void *b)
{
    return cdz_str_cmp(*(const cdz_str *)a, *(const cdz_str *)b);
}

cdz_str *cdz_flows_namespaces(struct cdz_flows *f, cdz_str below, struct cdz_arena *arena,
                              size_t *ret_n)
{
    CDZ_VEC(cdz_str) all = {0};
    size_t at = 0, n = 0;
    cdz_str key;
    void *latest;
    pthread_mutex_lock(&f->mu);
    while (cdz_table_next(&f->latest, &at, &key, &latest)) {
        cdz_str ns = cdz_str_sub(key, 0, cdz_str_chr(key, '/', 0));
        bool in = !below.n || cdz_str_eq(ns, below) ||
                  (cdz_str_starts(ns, below) && ns.p[below.n] == '.');
        if (in && !latest_deleted(latest) && !(all.n && cdz_str_eq(all.v[all.n - 1], ns)))
            CDZ_PUSH(arena, &all, cdz_arena_str(arena, ns));
    }
    pthread_mutex_unlock(&f->mu);
    if (all.n)
        qsort(all.v, all.n, sizeof(*all.v), by_text);
    for (size_t i = 0; i < all.n; i++) {
        if (i == 0 || !cdz_str_eq(all.v[i], all.v[n - 1]))
            all.v[n++] = all.v[i];
    }
    *ret_n = n;
    return all.v;
}
