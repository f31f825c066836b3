#include "server/templates.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/map.h"

enum { TEMPLATE_FORMAT = 1 };

struct cdz_templates {
    struct cdz_queue *queue;
    pthread_mutex_t mu;
    struct cdz_table all; /* guarded by mu: "namespace/id" -> struct text, ours */
};

struct text {
    size_t n;
    char p[];
};

static cdz_str key_of(struct cdz_arena *arena, cdz_str ns, cdz_str id)
{
    return cdz_arena_printf(arena, "%.*s/%.*s", CDZ_S(ns), CDZ_S(id));
}

/* Lock: mu held, or nobody else knows t yet. */
static void keep(struct cdz_templates *t, cdz_str key, cdz_str source)
{
    struct text *x = malloc(sizeof(*x) + source.n);
    if (!x)
        abort();
    x->n = source.n;
    memcpy(x->p, source.p, source.n);
    free(cdz_table_put(&t->all, key, x));
}

static bool on_stored(void *ctx, cdz_str key, cdz_str value)
{
    struct cdz_reader r = cdz_reader_of(value);
    bool known = cdz_get_u64(&r) == TEMPLATE_FORMAT;
    cdz_str source = cdz_get_str(&r);
    if (known && !r.bad && cdz_str_chr(key, '/', 0) != SIZE_MAX)
        keep(ctx, key, source);
    return true;
}

cdz_rc cdz_templates_open(struct cdz_queue *queue, struct cdz_templates **ret, struct cdz_err *err)
{
    struct cdz_templates *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    t->queue = queue;
    pthread_mutex_init(&t->mu, NULL);
    cdz_rc rc = cdz_queue_scan(queue, CDZ_TOPIC_TEMPLATE, CDZ_STR(""), on_stored, t, err);
    if (rc != CDZ_OK) {
        cdz_templates_close(t);
        return rc;
    }
    *ret = t;
    return CDZ_OK;
}

void cdz_templates_close(struct cdz_templates *t)
{
    size_t at = 0;
    cdz_str key;
    void *x;
    if (!t)
        return;
    while (cdz_table_next(&t->all, &at, &key, &x))
        free(x);
    cdz_table_done(&t->all);
    pthread_mutex_destroy(&t->mu);
    free(t);
}

cdz_rc cdz_templates_put(struct cdz_templates *t, cdz_str ns, cdz_str id, cdz_str source,
                         struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_put_u64(&b, TEMPLATE_FORMAT);
    cdz_put_str(&b, source);
    struct cdz_record r = {
        .topic = CDZ_TOPIC_TEMPLATE, .key = key_of(arena, ns, id), .value = cdz_buf_get(&b)};
    CDZ_TRY(cdz_queue_send_wait(t->queue, &r, 1, err));
    pthread_mutex_lock(&t->mu);
    keep(t, r.key, source);
    pthread_mutex_unlock(&t->mu);
    return CDZ_OK;
}

cdz_rc cdz_templates_del(struct cdz_templates *t, cdz_str ns, cdz_str id, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_record r = {.topic = CDZ_TOPIC_TEMPLATE, .key = key_of(arena, ns, id)};
    pthread_mutex_lock(&t->mu);
    bool there = cdz_table_get(&t->all, r.key);
    pthread_mutex_unlock(&t->mu);
    if (!there)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "Template not found: %.*s.%.*s", CDZ_S(ns),
                        CDZ_S(id));
    CDZ_TRY(cdz_queue_send_wait(t->queue, &r, 1, err));
    pthread_mutex_lock(&t->mu);
    free(cdz_table_del(&t->all, r.key));
    pthread_mutex_unlock(&t->mu);
    return CDZ_OK;
}

cdz_rc cdz_templates_source(void *ctx, cdz_str ns, cdz_str id, struct cdz_arena *arena,
                            cdz_str *ret, struct cdz_err *err)
{
    struct cdz_templates *t = ctx;
    CDZ_AUTO_ARENA scratch = cdz_arena_open(512);
    cdz_str key = key_of(scratch, ns, id);
    pthread_mutex_lock(&t->mu);
    const struct text *x = cdz_table_get(&t->all, key);
    if (x)
        *ret = cdz_arena_str(arena, (cdz_str){x->p, x->n});
    pthread_mutex_unlock(&t->mu);
    return x ? CDZ_OK
             : cdz_fail(err, CDZ_E_NOT_FOUND, "Template not found: %.*s.%.*s", CDZ_S(ns),
                        CDZ_S(id));
}

static int by_name(const void *a, const void *b)
{
    const struct cdz_template_row *x = a, *y = b;
    int c = cdz_str_cmp(x->namespace_, y->namespace_);
    return c ? c : cdz_str_cmp(x->id, y->id);
}

struct cdz_template_row *cdz_templates_list(struct cdz_templates *t, struct cdz_arena *arena,
                                            size_t *ret_n)
{
    CDZ_VEC(struct cdz_template_row) v = {0};
    size_t at = 0;
    cdz_str key;
    void *p;
    pthread_mutex_lock(&t->mu);
    while (cdz_table_next(&t->all, &at, &key, &p)) {
        const struct text *x = p;
        cdz_str name = cdz_arena_str(arena, key);
        size_t slash = cdz_str_chr(name, '/', 0);
        CDZ_PUSH(arena, &v,
                 (struct cdz_template_row){.namespace_ = cdz_str_sub(name, 0, slash),
                                           .id = cdz_str_sub(name, slash + 1, name.n),
                                           .source = cdz_arena_str(arena, (cdz_str){x->p, x->n})});
    }
    pthread_mutex_unlock(&t->mu);
    if (v.n)
        qsort(v.v, v.n, sizeof(*v.v), by_name);
    *ret_n = v.n;
    return v.v;
}
