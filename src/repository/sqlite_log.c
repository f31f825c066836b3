/*
 * sqlite_log.c -- log entries in chunks: one row holds the entries of one execution that came in
 * one batch.
 *
 * data: per entry unique and length (LEB128) and the record. Entries of one execution come in the
 * order of `unique`, so a repeated batch is recognised by the ranges [first, last] of the
 * execution's chunks.
 *
 * Searching reads chunks in the order of their time, and decodes only those that can have an entry
 * of the page.
 */
#include <assert.h>

#include "base/codec.h"
#include "repository/sqlite.h"

/* Chunks */

static bool chunk_next(struct cdz_reader *r, uint64_t *unique, cdz_str *bytes)
{
    if (r->p >= r->end || r->bad)
        return false;
    *unique = cdz_get_u64(r);
    *bytes = cdz_get_str(r);
    return !r->bad;
}

/* The text that log_fts knows a chunk by: the same when it is added and when it is deleted. */
static void chunk_text(cdz_str data, struct cdz_buf *to)
{
    struct cdz_reader r = cdz_reader_of(data);
    struct cdz_log_entry l, before = {0};
    struct cdz_err ignored;
    uint64_t unique;
    cdz_str bytes;
    while (chunk_next(&r, &unique, &bytes)) {
        if (cdz_log_entry_decode(bytes, &l, &ignored) != CDZ_OK)
            continue;
        const struct {
            cdz_str now, before;
        } names[] = {
            {l.namespace_, before.namespace_},
            {l.flow_id, before.flow_id},
            {l.task_id, before.task_id},
            {l.trigger_id, before.trigger_id},
        };
        for (size_t i = 0; i < CDZ_COUNT(names); i++) {
            if (names[i].now.n && !cdz_str_eq(names[i].now, names[i].before)) {
                cdz_buf_str(to, names[i].now);
                cdz_buf_c(to, ' ');
            }
        }
        cdz_buf_str(to, l.message);
        cdz_buf_c(to, '\n');
        before = l;
    }
}

struct chunk_row {
    uint64_t first, last;
    cdz_us min_at, max_at;
    int64_t counts[5]; /* entries of at least that level */
    struct cdz_buf data;
};

static void chunk_add(struct chunk_row *c, uint64_t unique, const struct cdz_log_entry *l,
                      cdz_str bytes)
{
    bool is_first = c->data.n == 0;
    c->first = is_first || unique < c->first ? unique : c->first;
    c->last = is_first || unique > c->last ? unique : c->last;
    c->min_at = is_first || l->at < c->min_at ? l->at : c->min_at;
    c->max_at = is_first || l->at > c->max_at ? l->at : c->max_at;
    for (int level = 0; level <= (int)l->level && level < 5; level++)
        c->counts[level]++;
    cdz_put_u64(&c->data, unique);
    cdz_put_str(&c->data, bytes);
}

static cdz_rc fts(struct cdz_conn *conn, int64_t no, cdz_str data, bool add, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    CDZ_TRY(add ? cdz_stmt(conn, "INSERT INTO log_fts(rowid, text) VALUES(?,?)", &s, err)
                : cdz_stmt(conn, "INSERT INTO log_fts(log_fts, rowid, text) VALUES('delete',?,?)",
                           &s, err));
    chunk_text(data, &text);
    cdz_bind_int(&s, 1, no);
    cdz_bind_text(&s, 2, cdz_buf_get(&text));
    return cdz_stmt_run(&s, err);
}

/* Adds a chunk to the sums of its flow. */
static cdz_rc count_chunk(struct cdz_conn *conn, int64_t flow, const int64_t counts[5],
                          struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    CDZ_TRY(cdz_stmt(
        conn,
        "INSERT INTO log_count VALUES(?,?,?,?,?,?) ON CONFLICT DO UPDATE SET c0=c0+excluded.c0,"
        " c1=c1+excluded.c1, c2=c2+excluded.c2, c3=c3+excluded.c3, c4=c4+excluded.c4",
        &s, err));
    cdz_bind_int(&s, 1, flow);
    for (int level = 0; level < 5; level++)
        cdz_bind_int(&s, 2 + level, counts[level]);
    return cdz_stmt_run(&s, err);
}

static cdz_rc chunk_insert(struct cdz_conn *conn, const struct chunk_row *c, int64_t execution,
                           int64_t flow, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    CDZ_TRY(cdz_stmt(conn,
                     "INSERT INTO log_chunk(execution, flow, first, last, min_at, max_at, c0, c1, "
                     "c2, c3, c4, data)"
                     " VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
                     &s, err));
    cdz_bind_int(&s, 1, execution);
    cdz_bind_int(&s, 2, flow);
    cdz_bind_int(&s, 3, (int64_t)c->first);
    cdz_bind_int(&s, 4, (int64_t)c->last);
    cdz_bind_int(&s, 5, c->min_at);
    cdz_bind_int(&s, 6, c->max_at);
    for (int level = 0; level < 5; level++)
        cdz_bind_int(&s, 7 + level, c->counts[level]);
    cdz_bind_blob(&s, 12, cdz_buf_get(&c->data));
    CDZ_TRY(cdz_stmt_run(&s, err));
    int64_t no = sqlite3_last_insert_rowid(cdz_conn_handle(conn));
    CDZ_TRY(count_chunk(conn, flow, c->counts, err));
    return fts(conn, no, cdz_buf_get(&c->data), true, err);
}

static cdz_rc chunk_delete(struct cdz_conn *conn, int64_t no, cdz_str data, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT sums = {0}, s = {0};
    CDZ_TRY(fts(conn, no, data, false, err));
    CDZ_TRY(cdz_stmt(
        conn,
        "UPDATE log_count SET (c0, c1, c2, c3, c4)=(SELECT log_count.c0-k.c0, log_count.c1-k.c1,"
        " log_count.c2-k.c2, log_count.c3-k.c3, log_count.c4-k.c4 FROM log_chunk k WHERE k.no=?1)"
        " WHERE flow=(SELECT flow FROM log_chunk WHERE no=?1)",
        &sums, err));
    cdz_bind_int(&sums, 1, no);
    CDZ_TRY(cdz_stmt_run(&sums, err));
    CDZ_TRY(cdz_stmt(conn, "DELETE FROM log_chunk WHERE no=?", &s, err));
    cdz_bind_int(&s, 1, no);
    return cdz_stmt_run(&s, err);
}

/* The uniques of a group that are stored already: only chunks whose range meets the group's can
 * have them. */
static cdz_rc find_known(struct cdz_conn *conn, const struct log_group *group, int64_t execution,
                         bool *known, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    uint64_t first = UINT64_MAX, last = 0;
    bool row;
    for (size_t i = 0; i < group->n; i++) {
        first = group->v[i].unique < first ? group->v[i].unique : first;
        last = group->v[i].unique > last ? group->v[i].unique : last;
    }
    /* Newest first: without a repetition the first row ends the search. */
    CDZ_TRY(cdz_stmt(
        conn, "SELECT last, data FROM log_chunk WHERE execution=? AND first<=? ORDER BY first DESC",
        &s, err));
    cdz_bind_int(&s, 1, execution);
    cdz_bind_int(&s, 2, (int64_t)last);
    for (;;) {
        CDZ_TRY(cdz_stmt_row(&s, &row, err));
        if (!row || (uint64_t)cdz_col_int(&s, 0) < first)
            return CDZ_OK;
        struct cdz_reader r = cdz_reader_of(cdz_col_str(&s, 1));
        uint64_t unique;
        cdz_str bytes;
        while (chunk_next(&r, &unique, &bytes)) {
            for (size_t i = 0; i < group->n; i++)
                known[i] = known[i] || group->v[i].unique == unique;
        }
    }
}

cdz_rc log_group_write(struct cdz_conn *conn, const struct log_group *group, int64_t execution,
                       int64_t flow, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    bool *known = CDZ_NEW_N(arena, bool, group->n);
    struct chunk_row c = {.data = CDZ_BUF_INIT};
    CDZ_TRY(find_known(conn, group, execution, known, err));
    for (size_t i = 0; i < group->n; i++) {
        for (size_t k = 0; k < i && !known[i]; k++)
            known[i] = group->v[k].unique == group->v[i].unique;
        if (!known[i])
            chunk_add(&c, group->v[i].unique, &group->v[i].entry, group->v[i].bytes);
    }
    cdz_rc rc = c.data.n ? chunk_insert(conn, &c, execution, flow, err) : CDZ_OK;
    cdz_buf_done(&c.data);
    return rc;
}

/* Searching */

struct search {
    struct cdz_conn *conn;
    const struct cdz_log_filter *f;
    struct cdz_arena *arena;
    struct words words;
    struct flow_set flows;
    int64_t execution; /* of the filter, by number */
    bool descending;
    bool needs_entries; /* the filter asks for something that only the entries know */
};

static cdz_rc search_init(struct search *x, struct cdz_err *err)
{
    const struct cdz_log_filter *f = x->f;
    x->words = words_of(f->q, x->arena);
    x->needs_entries = x->words.n || f->task_id.n || f->taskrun_id.n || f->trigger_id.n ||
                       f->attempt >= 0 || f->levels;
    if (f->execution_id.n)
        CDZ_TRY(execution_number(x->conn, f->execution_id, &x->execution, err));
    return flow_set_find(x->conn, f->namespace_, false, f->flow_id, 0, x->arena, &x->flows, err);
}

/* Conditions on chunks; every entry that matches is in a chunk that meets them. */
static void add_conditions(struct search *x, struct query *q)
{
    const struct cdz_log_filter *f = x->f;
    query_add(q, " WHERE 1");
    if (f->execution_id.n)
        query_int(q, " AND execution=?", x->execution);
    if (!x->flows.all) {
        query_add(q, " AND flow IN ");
        query_ints(q, x->flows.v, x->flows.n);
    }
    if (f->min_level >= CDZ_WARN)
        query_add(q, " AND c3>0"); /* says that the partial index will do */
    if (f->min_level > CDZ_TRACE)
        cdz_buf_printf(&q->sql, " AND c%d>0", (int)f->min_level);
    if (f->from)
        query_int(q, " AND max_at>=?", f->from);
    if (f->to)
        query_int(q, " AND min_at<=?", f->to);
    if (!x->words.n)
        return;
    struct cdz_buf CDZ_AUTO_BUF match = CDZ_BUF_INIT;
    for (size_t i = 0; i < x->words.n; i++)
        cdz_buf_printf(&match, "%s\"%.*s\"*", i ? " AND " : "", CDZ_S(x->words.v[i]));
    query_text(q, " AND no IN (SELECT rowid FROM log_fts WHERE log_fts MATCH ?)",
               cdz_buf_copy(&match, x->arena));
}

/* An entry that was found; its text is copied once it is known to be on the page. */
struct found {
    cdz_us at;
    uint64_t unique;
    cdz_str bytes;
};

static int oldest_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int c = (x->at > y->at) - (x->at < y->at);
    return c ? c : (x->unique > y->unique) - (x->unique < y->unique);
}

static int newest_first(const void *a, const void *b)
{
    return oldest_first(b, a);
}

struct results {
    struct found *v;
    size_t n, cap;
    size_t wanted; /* entries up to the end of the page; SIZE_MAX: all */
    struct cdz_arena *arena,
        *spare; /* bytes of the entries in v; the other takes them when v is cut */
};

static void sort_results(struct results *r, bool descending)
{
    if (r->n)
        qsort(r->v, r->n, sizeof(*r->v), descending ? newest_first : oldest_first);
}

/* Keeps the first `wanted` only, and their bytes. */
static void cut_results(struct results *r, bool descending)
{
    sort_results(r, descending);
    if (r->n <= r->wanted)
        return;
    r->n = r->wanted;
    for (size_t i = 0; i < r->n; i++)
        r->v[i].bytes = cdz_arena_str(r->spare, r->v[i].bytes);
    struct cdz_arena *old = r->arena;
    cdz_arena_reset(old);
    r->arena = r->spare;
    r->spare = old;
}

static void add_result(struct results *r, struct found x)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 64;
        r->v = realloc(r->v, r->cap * sizeof(*r->v));
        if (!r->v)
            abort();
    }
    x.bytes = cdz_arena_str(r->arena, x.bytes);
    r->v[r->n++] = x;
}

/* Adds the entries of a chunk that match; returns how many. */
static cdz_rc read_chunk(struct search *x, cdz_str data, struct results *to, uint64_t *ret_n,
                         struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(data);
    struct found f;
    while (chunk_next(&r, &f.unique, &f.bytes)) {
        struct cdz_log_entry l;
        CDZ_TRY(cdz_log_entry_decode(f.bytes, &l, err));
        if (!log_matches(&l, x->f, &x->words))
            continue;
        ++*ret_n;
        f.at = l.at;
        if (to)
            add_result(to, f);
    }
    return CDZ_OK;
}

/* True if no chunk from `next` on (in the order of reading) can change the page. */
static bool is_complete(struct search *x, struct results *r, cdz_us next)
{
    if (r->n < r->wanted)
        return false;
    cut_results(r, x->descending);
    cdz_us last = r->v[r->wanted - 1].at;
    return x->descending ? last > next : last < next;
}

static cdz_rc collect(struct search *x, struct results *to, uint64_t *ret_n, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    struct query q;
    size_t chunks = 0;
    bool row = true;
    query_init(&q, x->arena);
    query_add(&q, x->descending ? "SELECT max_at, data FROM log_chunk"
                                : "SELECT min_at, data FROM log_chunk");
    /* Warnings and errors are few: not along all chunks. Words and executions lead to fewer still.
     */
    if (x->f->min_level >= CDZ_WARN && !x->f->execution_id.n && !x->words.n)
        query_add(&q, " INDEXED BY log_warning");
    add_conditions(x, &q);
    query_add(&q, x->descending ? " ORDER BY max_at DESC" : " ORDER BY min_at");
    cdz_rc rc = query_start(&q, x->conn, &s, err);
    query_done(&q);
    while (rc == CDZ_OK && row) {
        rc = cdz_stmt_row(&s, &row, err);
        if (rc != CDZ_OK || !row)
            break;
        /* Sorting at every chunk would cost more than reading a few too many. */
        if (!x->needs_entries && chunks++ % 16 == 15 && is_complete(x, to, cdz_col_int(&s, 0)))
            break;
        rc = read_chunk(x, cdz_col_str(&s, 1), to, ret_n, err);
        if (to->wanted < SIZE_MAX / 4 && to->n > to->wanted * 4 + 4096)
            cut_results(to, x->descending);
    }
    return rc;
}

/* How many entries match, when only whole chunks and times decide. */
static cdz_rc count_chunks(struct search *x, uint64_t *ret, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    struct query whole, edge;
    int64_t n = 0;
    bool row = x->f->from || x->f->to;
    query_init(&whole, x->arena);
    cdz_buf_printf(&whole.sql, "SELECT sum(c%d) FROM %s", (int)x->f->min_level,
                   row || x->f->execution_id.n ? "log_chunk" : "log_count");
    add_conditions(x, &whole);
    if (x->f->from)
        query_int(&whole, " AND min_at>=?", x->f->from);
    if (x->f->to)
        query_int(&whole, " AND max_at<=?", x->f->to);
    cdz_rc rc = query_number(&whole, x->conn, &n, err);
    query_done(&whole);
    *ret = (uint64_t)n;
    if (rc != CDZ_OK || !row)
        return rc;
    query_init(&edge, x->arena);
    query_add(&edge, "SELECT data FROM log_chunk");
    add_conditions(x, &edge);
    query_int(&edge, " AND (min_at<?", x->f->from);
    query_int(&edge, " OR max_at>?)", x->f->to ? x->f->to : INT64_MAX);
    rc = query_start(&edge, x->conn, &s, err);
    query_done(&edge);
    while (rc == CDZ_OK && row) {
        rc = cdz_stmt_row(&s, &row, err);
        if (rc == CDZ_OK && row)
            rc = read_chunk(x, cdz_col_str(&s, 0), NULL, ret, err);
    }
    return rc;
}

static cdz_rc find(struct search *x, struct results *r, uint64_t *ret_total, struct cdz_err *err)
{
    uint64_t n = 0;
    CDZ_TRY(search_init(x, err));
    *ret_total = 0;
    if (!x->flows.all && x->flows.n == 0)
        return CDZ_OK; /* no such flow: nothing is found */
    CDZ_TRY(collect(x, r, &n, err));
    sort_results(r, x->descending);
    if (x->needs_entries || r->wanted == SIZE_MAX)
        *ret_total = n;
    else
        CDZ_TRY(count_chunks(x, ret_total, err));
    return CDZ_OK;
}

cdz_rc sqlite_log_find(struct cdz_repository *rep, const struct cdz_log_filter *f,
                       const struct cdz_page *page, struct cdz_arena *arena,
                       struct cdz_log_entry **ret, size_t *ret_n, uint64_t *ret_total,
                       struct cdz_err *err)
{
    struct search x = {.f = f, .arena = arena};
    struct results r = {.wanted = page->page ? page->page * page->size : SIZE_MAX};
    size_t from, to;
    CDZ_TRY(log_order(page, &x.descending, err));
    CDZ_TRY(cdz_db_read_begin(db_of(rep), &x.conn, err));
    r.arena = cdz_arena_open(0);
    r.spare = cdz_arena_open(0);
    cdz_rc rc = find(&x, &r, ret_total, err);
    cdz_db_read_end(db_of(rep), x.conn);
    page_range(page, rc == CDZ_OK ? r.n : 0, &from, &to);
    struct cdz_log_entry *v = CDZ_NEW_N(arena, struct cdz_log_entry, to - from);
    for (size_t i = from; rc == CDZ_OK && i < to; i++)
        rc = cdz_log_entry_decode(cdz_arena_str(arena, r.v[i].bytes), &v[i - from], err);
    free(r.v);
    cdz_arena_close(r.arena);
    cdz_arena_close(r.spare);
    CDZ_TRY(rc);
    *ret = v;
    *ret_n = to - from;
    return CDZ_OK;
}

/* Deleting */

struct doomed {
    int64_t no, flow, execution;
    cdz_str data;
};

/* Writes what stays of a chunk as a new one. */
static cdz_rc rewrite(struct cdz_conn *conn, struct search *x, const struct doomed *d,
                      struct cdz_err *err)
{
    struct chunk_row c = {.data = CDZ_BUF_INIT};
    struct cdz_reader r = cdz_reader_of(d->data);
    uint64_t unique;
    cdz_str bytes;
    size_t gone = 0;
    cdz_rc rc = CDZ_OK;
    while (rc == CDZ_OK && chunk_next(&r, &unique, &bytes)) {
        struct cdz_log_entry l;
        rc = cdz_log_entry_decode(bytes, &l, err);
        if (rc == CDZ_OK && log_matches(&l, x->f, &x->words))
            gone++;
        else if (rc == CDZ_OK)
            chunk_add(&c, unique, &l, bytes);
    }
    if (rc == CDZ_OK && gone)
        rc = chunk_delete(conn, d->no, d->data, err);
    if (rc == CDZ_OK && gone && c.data.n)
        rc = chunk_insert(conn, &c, d->execution, d->flow, err);
    cdz_buf_done(&c.data);
    return rc;
}

cdz_rc logs_delete(struct cdz_conn *conn, const struct cdz_log_filter *f, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct search x = {.conn = conn, .f = f, .arena = arena};
    CDZ_VEC(int64_t) numbers = {0};
    struct cdz_stmt CDZ_AUTO_STMT s = {0}, get = {0};
    struct query q;
    bool row = true;
    CDZ_TRY(search_init(&x, err));
    query_init(&q, arena);
    query_add(&q, "SELECT no FROM log_chunk");
    add_conditions(&x, &q);
    cdz_rc rc = query_start(&q, conn, &s, err);
    query_done(&q);
    while (rc == CDZ_OK && row) {
        rc = cdz_stmt_row(&s, &row, err);
        if (rc == CDZ_OK && row)
            CDZ_PUSH(arena, &numbers, cdz_col_int(&s, 0));
    }
    CDZ_TRY(rc);
    cdz_stmt_end(&s); /* before what it reads is changed */
    CDZ_TRY(
        cdz_stmt(conn, "SELECT no, flow, execution, data FROM log_chunk WHERE no=?", &get, err));
    for (size_t i = 0; i < numbers.n; i++) {
        CDZ_AUTO_ARENA one = cdz_arena_open(0);
        cdz_bind_int(&get, 1, numbers.v[i]);
        CDZ_TRY(cdz_stmt_row(&get, &row, err));
        assert(row);
        struct doomed d = {cdz_col_int(&get, 0), cdz_col_int(&get, 1), cdz_col_int(&get, 2),
                           cdz_arena_str(one, cdz_col_str(&get, 3))};
        cdz_stmt_reset(&get);
        CDZ_TRY(rewrite(conn, &x, &d, err));
    }
    return CDZ_OK;
}
