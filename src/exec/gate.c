/* gate.c -- holders and a heap of those that wait; see gate.h. */
#include "exec/gate.h"

#include "base/codec.h"
#include "base/id.h"
#include "base/map.h"

/* The row that keeps the limit: no execution id looks like this. */
#define LIMIT_ROW "!"

enum { MSG_FORMAT = 1, ROW_FORMAT = 2 };
enum { ROW_WAITS, ROW_HOLDS, ROW_LIMIT };
enum { KEY_TEXT_MAX = 300 };

struct place {
    char id[CDZ_ID_TEXT];
    bool holds;
    bool evicted; /* told to make room: one that comes later displaces another one */
    int64_t priority;
    uint64_t number;
    cdz_us since;
    size_t at; /* in the heap, when it waits */
};

struct cdz_gate {
    struct cdz_table places; /* execution id -> struct place */
    struct place **heap;     /* those that wait: the first leaves first */
    size_t waiting, cap;
    size_t holding;
    unsigned limit;
    uint64_t next_number;
};

struct cdz_gate *cdz_gate_open(void)
{
    struct cdz_gate *g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    return g;
}

void cdz_gate_close(struct cdz_gate *g)
{
    size_t at = 0;
    cdz_str id;
    void *p;
    if (!g)
        return;
    while (cdz_table_next(&g->places, &at, &id, &p))
        free(p);
    cdz_table_done(&g->places);
    free(g->heap);
    free(g);
}

bool cdz_gate_is_empty(const struct cdz_gate *g)
{
    return g->waiting + g->holding == 0;
}

/* --- keys --- */

static void put_escaped(struct cdz_buf *to, cdz_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '.' || c == '-' || c == '_';
        if (plain)
            cdz_buf_c(to, (char)c);
        else
            cdz_buf_printf(to, "%%%02X", c);
        if (to->n > KEY_TEXT_MAX) {
            cdz_buf_printf(to, "~%016llx%016llx", (unsigned long long)cdz_str_hash(s),
                           (unsigned long long)cdz_str_hash(cdz_str_sub(s, 1, s.n)));
            return;
        }
    }
}

cdz_str cdz_gate_key(cdz_str namespace_, cdz_str flow_id, bool has_key, cdz_str key,
                     struct cdz_arena *arena)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_printf(&b, CDZ_GATE_PREFIX "%.*s/%.*s", CDZ_S(namespace_), CDZ_S(flow_id));
    if (has_key) {
        cdz_buf_c(&b, ':');
        put_escaped(&b, key);
    }
    return cdz_buf_copy(&b, arena);
}

#define POOL CDZ_GATE_PREFIX "pool:"

cdz_str cdz_gate_pool_key(cdz_str pool, struct cdz_arena *arena)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_z(&b, POOL);
    put_escaped(&b, pool);
    return cdz_buf_copy(&b, arena);
}

bool cdz_gate_is_pool(cdz_str key)
{
    return cdz_str_starts(key, CDZ_STR(POOL));
}

/* --- messages and rows --- */

void cdz_gate_msg_encode(const struct cdz_gate_msg *msg, struct cdz_buf *to)
{
    cdz_put_u64(to, MSG_FORMAT);
    cdz_put_u64(to, msg->kind);
    cdz_put_str(to, msg->execution_id);
    cdz_put_u64(to, msg->limit);
    cdz_put_u64(to, msg->behavior);
    cdz_put_i64(to, msg->priority);
    cdz_put_i64(to, msg->at);
}

cdz_rc cdz_gate_msg_decode(cdz_str bytes, struct cdz_gate_msg *ret, struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(bytes);
    bool known = cdz_get_u64(&r) == MSG_FORMAT;
    uint64_t kind = cdz_get_u64(&r);
    *ret = (struct cdz_gate_msg){0};
    ret->execution_id = cdz_get_str(&r);
    ret->limit = (unsigned)cdz_get_u64(&r);
    uint64_t behavior = cdz_get_u64(&r);
    ret->priority = cdz_get_i64(&r);
    ret->at = cdz_get_i64(&r);
    if (!known || r.bad || kind > CDZ_GATE_FORCE || behavior > CDZ_CONCURRENCY_CANCEL_PREVIOUS ||
        !cdz_id_valid(ret->execution_id))
        return cdz_fail(err, CDZ_E_CORRUPT, "message to a concurrency limit is damaged");
    ret->kind = (enum cdz_gate_kind)kind;
    ret->behavior = (enum cdz_concurrency_behavior)behavior;
    return CDZ_OK;
}

static void put_row(struct cdz_gate_out *out, struct cdz_arena *arena, const struct place *p)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_put_u64(&b, ROW_FORMAT);
    cdz_put_u64(&b, p->holds ? ROW_HOLDS : ROW_WAITS);
    cdz_put_i64(&b, p->priority);
    cdz_put_u64(&b, p->number);
    cdz_put_i64(&b, p->since);
    cdz_put_u64(&b, p->evicted);
    struct cdz_gate_row row = {cdz_arena_str(arena, cdz_str_z(p->id)), cdz_buf_copy(&b, arena)};
    CDZ_PUSH(arena, &out->rows, row);
}

static void put_limit(struct cdz_gate_out *out, struct cdz_arena *arena, unsigned limit)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_put_u64(&b, ROW_FORMAT);
    cdz_put_u64(&b, ROW_LIMIT);
    cdz_put_u64(&b, limit);
    struct cdz_gate_row row = {CDZ_STR(LIMIT_ROW), cdz_buf_copy(&b, arena)};
    CDZ_PUSH(arena, &out->rows, row);
}

static void drop_row(struct cdz_gate_out *out, struct cdz_arena *arena, cdz_str id)
{
    struct cdz_gate_row row = {cdz_arena_str(arena, id), {NULL, 0}};
    CDZ_PUSH(arena, &out->rows, row);
}

static void tell(struct cdz_gate_out *out, struct cdz_arena *arena, cdz_str id,
                 enum cdz_gate_answer answer)
{
    struct cdz_gate_told told = {cdz_arena_str(arena, id), answer};
    CDZ_PUSH(arena, &out->answers, told);
}

cdz_rc cdz_gate_place_decode(cdz_str bytes, struct cdz_gate_place *ret, struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(bytes);
    uint64_t format = cdz_get_u64(&r), kind = cdz_get_u64(&r);
    *ret = (struct cdz_gate_place){.holds = kind == ROW_HOLDS, .is_limit = kind == ROW_LIMIT};
    if (ret->is_limit) {
        ret->limit = (unsigned)cdz_get_u64(&r);
    } else {
        ret->priority = cdz_get_i64(&r);
        ret->number = cdz_get_u64(&r);
        ret->since = cdz_get_i64(&r);
        ret->evicted = format > 1 && cdz_get_u64(&r) != 0;
    }
    if (format == 0 || format > ROW_FORMAT || kind > ROW_LIMIT || r.bad)
        return cdz_fail(err, CDZ_E_CORRUPT, "row of a concurrency limit is damaged");
    return CDZ_OK;
}

/* --- the heap --- */

static bool leaves_before(const struct place *a, const struct place *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->number < b->number;
}

static void heap_set(struct cdz_gate *g, size_t i, struct place *p)
{
    g->heap[i] = p;
    p->at = i;
}

static void heap_up(struct cdz_gate *g, size_t i, struct place *p)
{
    for (; i > 0 && leaves_before(p, g->heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap_set(g, i, g->heap[(i - 1) / 2]);
    heap_set(g, i, p);
}

static void heap_down(struct cdz_gate *g, size_t i, struct place *p)
{
    for (size_t child; (child = i * 2 + 1) < g->waiting; i = child) {
        if (child + 1 < g->waiting && leaves_before(g->heap[child + 1], g->heap[child]))
            child++;
        if (!leaves_before(g->heap[child], p))
            break;
        heap_set(g, i, g->heap[child]);
    }
    heap_set(g, i, p);
}

static void wait_in(struct cdz_gate *g, struct place *p)
{
    if (g->waiting == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 16;
        g->heap = realloc(g->heap, g->cap * sizeof(struct place *));
        if (!g->heap)
            abort();
    }
    p->holds = false;
    g->waiting++;
    heap_up(g, g->waiting - 1, p);
}

static void wait_out(struct cdz_gate *g, struct place *p)
{
    struct place *last = g->heap[--g->waiting];
    if (last == p)
        return;
    if (p->at > 0 && leaves_before(last, g->heap[(p->at - 1) / 2]))
        heap_up(g, p->at, last);
    else
        heap_down(g, p->at, last);
}

/* --- what messages do --- */

static struct place *place_new(struct cdz_gate *g, cdz_str id, int64_t priority, cdz_us at)
{
    struct place *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    snprintf(p->id, sizeof(p->id), "%.*s", CDZ_S(id));
    p->priority = priority;
    p->number = g->next_number++;
    p->since = at;
    (void)cdz_table_put(&g->places, id, p); /* the caller has looked: it is new */
    return p;
}

static void hold(struct cdz_gate *g, struct place *p, cdz_us at, struct cdz_arena *arena,
                 struct cdz_gate_out *out)
{
    p->holds = true;
    p->since = at;
    g->holding++;
    put_row(out, arena, p);
    tell(out, arena, cdz_str_z(p->id), CDZ_GATE_GRANTED);
}

static bool has_room(const struct cdz_gate *g)
{
    return g->limit == 0 || g->holding < g->limit;
}

static void admit(struct cdz_gate *g, cdz_us at, struct cdz_arena *arena, struct cdz_gate_out *out)
{
    while (g->waiting > 0 && has_room(g)) {
        struct place *p = g->heap[0];
        wait_out(g, p);
        hold(g, p, at, arena, out);
    }
}

/* The oldest of those that were not told to make room yet; *ret_n: how many there are. */
static struct place *oldest_staying(struct cdz_gate *g, size_t *ret_n)
{
    struct place *oldest = NULL;
    size_t at = 0;
    cdz_str id;
    void *v;
    *ret_n = 0;
    while (cdz_table_next(&g->places, &at, &id, &v)) {
        struct place *p = v;
        if (p->evicted)
            continue;
        ++*ret_n;
        if (!oldest || p->number < oldest->number)
            oldest = p;
    }
    return oldest;
}

/* Room for one more. Those that were told are on their way out: nobody else goes for them. There are
 * never many more than the limit, so looking at all is cheap. */
static void displace(struct cdz_gate *g, struct cdz_arena *arena, struct cdz_gate_out *out)
{
    size_t n;
    struct place *p;
    while ((p = oldest_staying(g, &n)) && n >= g->limit) {
        p->evicted = true;
        put_row(out, arena, p);
        tell(out, arena, cdz_str_z(p->id), CDZ_GATE_EVICT);
    }
}

static void arrive(struct cdz_gate *g, const struct cdz_gate_msg *m, struct cdz_arena *arena,
                   struct cdz_gate_out *out)
{
    struct place *p = cdz_table_get(&g->places, m->execution_id);
    if (m->limit != g->limit) {
        g->limit = m->limit;
        put_limit(out, arena, m->limit);
        admit(g, m->at, arena, out); /* a raised limit lets others in first */
    }
    if (p)
        return;
    bool full = !has_room(g) || g->waiting > 0;
    if (full && (m->behavior == CDZ_CONCURRENCY_CANCEL || m->behavior == CDZ_CONCURRENCY_FAIL)) {
        tell(out, arena, m->execution_id,
             m->behavior == CDZ_CONCURRENCY_CANCEL ? CDZ_GATE_CANCEL : CDZ_GATE_FAIL);
        return;
    }
    if (full && m->behavior == CDZ_CONCURRENCY_CANCEL_PREVIOUS)
        displace(g, arena, out);
    p = place_new(g, m->execution_id, m->priority, m->at);
    if (!full) {
        hold(g, p, m->at, arena, out);
        return;
    }
    wait_in(g, p);
    put_row(out, arena, p);
    tell(out, arena, m->execution_id, CDZ_GATE_QUEUED);
}

static void leave(struct cdz_gate *g, const struct cdz_gate_msg *m, struct cdz_arena *arena,
                  struct cdz_gate_out *out)
{
    struct place *p = cdz_table_del(&g->places, m->execution_id);
    if (!p)
        return;
    if (p->holds)
        g->holding--;
    else
        wait_out(g, p);
    drop_row(out, arena, m->execution_id);
    free(p);
    admit(g, m->at, arena, out);
    if (cdz_gate_is_empty(g))
        drop_row(out, arena, CDZ_STR(LIMIT_ROW));
}

static void force(struct cdz_gate *g, const struct cdz_gate_msg *m, struct cdz_arena *arena,
                  struct cdz_gate_out *out)
{
    struct place *p = cdz_table_get(&g->places, m->execution_id);
    if (p && p->holds)
        return;
    if (p)
        wait_out(g, p);
    else
        p = place_new(g, m->execution_id, m->priority, m->at);
    hold(g, p, m->at, arena, out);
}

void cdz_gate_apply(struct cdz_gate *g, const struct cdz_gate_msg *m, struct cdz_arena *arena,
                    struct cdz_gate_out *out)
{
    *out = (struct cdz_gate_out){0};
    switch (m->kind) {
    case CDZ_GATE_ARRIVE:
        arrive(g, m, arena, out);
        break;
    case CDZ_GATE_LEAVE:
        leave(g, m, arena, out);
        break;
    case CDZ_GATE_FORCE:
        force(g, m, arena, out);
        break;
    }
}

cdz_rc cdz_gate_load(struct cdz_gate *g, cdz_str id, cdz_str bytes, struct cdz_err *err)
{
    struct cdz_gate_place row;
    CDZ_TRY(cdz_gate_place_decode(bytes, &row, err));
    if (row.is_limit) {
        g->limit = row.limit;
        return CDZ_OK;
    }
    if (cdz_table_get(&g->places, id))
        return CDZ_OK;
    struct place *p = place_new(g, id, row.priority, row.since);
    p->number = row.number;
    p->holds = row.holds;
    p->evicted = row.evicted;
    if (row.number >= g->next_number)
        g->next_number = row.number + 1;
    if (row.holds)
        g->holding++;
    else
        wait_in(g, p);
    return CDZ_OK;
}
