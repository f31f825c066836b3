/*
 * sqlite_flow.c -- flows by revision. There are thousands at most, so lists read names and labels
 * of all last revisions and choose here; sources are read for the rows of the page only.
 */
#include <assert.h>

#include "base/codec.h"
#include "repository/sqlite.h"

#define FLOW_COLUMNS "no, namespace, id, revision, deleted, disabled, updated, labels, exception"

static struct cdz_flow_row row_of(struct cdz_stmt *s, struct cdz_arena *arena)
{
    struct cdz_reader labels = cdz_reader_of(cdz_arena_str(arena, cdz_col_str(s, 7)));
    return (struct cdz_flow_row){
        .namespace_ = cdz_arena_str(arena, cdz_col_str(s, 1)),
        .id = cdz_arena_str(arena, cdz_col_str(s, 2)),
        .revision = (int)cdz_col_int(s, 3),
        .deleted = cdz_col_int(s, 4) != 0,
        .disabled = cdz_col_int(s, 5) != 0,
        .updated = cdz_col_int(s, 6),
        .labels = cdz_get_val(&labels, arena),
        .exception = cdz_arena_str(arena, cdz_col_str(s, 8)),
    };
}

/* Saving */

struct saving {
    const struct cdz_flow_row *row;
    int expect_revision;
};

static cdz_rc check_revision(const struct saving *x, struct cdz_conn *conn, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    bool found;
    CDZ_TRY(cdz_stmt(conn, "SELECT revision FROM flow WHERE namespace=? AND id=? AND is_last", &s,
                     err));
    cdz_bind_text(&s, 1, x->row->namespace_);
    cdz_bind_text(&s, 2, x->row->id);
    CDZ_TRY(cdz_stmt_row(&s, &found, err));
    int have = found ? (int)cdz_col_int(&s, 0) : 0;
    if (have != x->expect_revision)
        return cdz_fail(err, CDZ_E_CONFLICT, "flow %.*s.%.*s has revision %d, not %d",
                        CDZ_S(x->row->namespace_), CDZ_S(x->row->id), have, x->expect_revision);
    return CDZ_OK;
}

static cdz_rc save(void *ctx, struct cdz_conn *conn, struct cdz_err *err)
{
    const struct saving *x = ctx;
    const struct cdz_flow_row *row = x->row;
    struct cdz_stmt CDZ_AUTO_STMT old = {0}, put = {0};
    struct cdz_buf CDZ_AUTO_BUF labels = CDZ_BUF_INIT;
    CDZ_TRY(check_revision(x, conn, err));
    CDZ_TRY(cdz_stmt(conn, "UPDATE flow SET is_last=0 WHERE namespace=? AND id=? AND is_last", &old,
                     err));
    cdz_bind_text(&old, 1, row->namespace_);
    cdz_bind_text(&old, 2, row->id);
    CDZ_TRY(cdz_stmt_run(&old, err));
    cdz_put_val(&labels, row->labels);
    CDZ_TRY(cdz_stmt(conn,
                     "INSERT INTO flow(namespace, id, revision, is_last, deleted, disabled, "
                     "updated, labels, exception,"
                     " source) VALUES(?,?,?,1,?,?,?,?,?,?)",
                     &put, err));
    cdz_bind_text(&put, 1, row->namespace_);
    cdz_bind_text(&put, 2, row->id);
    cdz_bind_int(&put, 3, row->revision);
    cdz_bind_int(&put, 4, row->deleted);
    cdz_bind_int(&put, 5, row->disabled);
    cdz_bind_int(&put, 6, row->updated);
    cdz_bind_blob(&put, 7, cdz_buf_get(&labels));
    cdz_bind_text(&put, 8, row->exception.p ? row->exception : CDZ_STR(""));
    cdz_bind_text(&put, 9, row->source.p ? row->source : CDZ_STR(""));
    return cdz_stmt_run(&put, err);
}

cdz_rc sqlite_flow_save(struct cdz_repository *r, const struct cdz_flow_row *row,
                        int expect_revision, struct cdz_err *err)
{
    struct saving x = {row, expect_revision};
    return cdz_db_write(db_of(r), save, &x, err);
}

/* Reading */

static cdz_rc get(struct cdz_conn *conn, cdz_str namespace_, cdz_str id, int revision,
                  bool allow_deleted, struct cdz_arena *arena, struct cdz_flow_row *ret,
                  struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    bool found;
    CDZ_TRY(revision ? cdz_stmt(conn,
                                "SELECT " FLOW_COLUMNS
                                ", source FROM flow WHERE namespace=? AND id=? AND revision=?",
                                &s, err)
                     : cdz_stmt(conn,
                                "SELECT " FLOW_COLUMNS
                                ", source FROM flow WHERE namespace=? AND id=? AND is_last",
                                &s, err));
    cdz_bind_text(&s, 1, namespace_.p ? namespace_ : CDZ_STR(""));
    cdz_bind_text(&s, 2, id.p ? id : CDZ_STR(""));
    if (revision)
        cdz_bind_int(&s, 3, revision);
    CDZ_TRY(cdz_stmt_row(&s, &found, err));
    if (!found || (cdz_col_int(&s, 4) && !allow_deleted))
        return cdz_fail(err, CDZ_E_NOT_FOUND, "flow %.*s.%.*s not found", CDZ_S(namespace_),
                        CDZ_S(id));
    *ret = row_of(&s, arena);
    ret->source = cdz_arena_str(arena, cdz_col_str(&s, 9));
    return CDZ_OK;
}

cdz_rc sqlite_flow_get(struct cdz_repository *r, cdz_str namespace_, cdz_str id, int revision,
                       bool allow_deleted, struct cdz_arena *arena, struct cdz_flow_row *ret,
                       struct cdz_err *err)
{
    struct cdz_conn *conn;
    CDZ_TRY(cdz_db_read_begin(db_of(r), &conn, err));
    cdz_rc rc = get(conn, namespace_, id, revision, allow_deleted, arena, ret, err);
    cdz_db_read_end(db_of(r), conn);
    return rc;
}

struct flows {
    struct cdz_flow_row *v;
    size_t n, cap;
};

static cdz_rc revisions(struct cdz_conn *conn, cdz_str namespace_, cdz_str id,
                        struct cdz_arena *arena, struct flows *ret, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    bool found;
    CDZ_TRY(cdz_stmt(conn,
                     "SELECT " FLOW_COLUMNS
                     ", source FROM flow WHERE namespace=? AND id=? ORDER BY revision",
                     &s, err));
    cdz_bind_text(&s, 1, namespace_.p ? namespace_ : CDZ_STR(""));
    cdz_bind_text(&s, 2, id.p ? id : CDZ_STR(""));
    for (;;) {
        CDZ_TRY(cdz_stmt_row(&s, &found, err));
        if (!found)
            return CDZ_OK;
        struct cdz_flow_row row = row_of(&s, arena);
        row.source = cdz_arena_str(arena, cdz_col_str(&s, 9));
        CDZ_PUSH(arena, ret, row);
    }
}

cdz_rc sqlite_flow_revisions(struct cdz_repository *r, cdz_str namespace_, cdz_str id,
                             struct cdz_arena *arena, struct cdz_flow_row **ret, size_t *ret_n,
                             struct cdz_err *err)
{
    struct flows found = {0};
    struct cdz_conn *conn;
    CDZ_TRY(cdz_db_read_begin(db_of(r), &conn, err));
    cdz_rc rc = revisions(conn, namespace_, id, arena, &found, err);
    cdz_db_read_end(db_of(r), conn);
    CDZ_TRY(rc);
    *ret = found.v;
    *ret_n = found.n;
    return CDZ_OK;
}

/* All that match, without their sources. */
static cdz_rc select_flows(struct cdz_conn *conn, const struct cdz_flow_filter *f,
                           struct cdz_arena *arena, struct flows *ret, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    struct words words = words_of(f->q, arena);
    bool found;
    CDZ_TRY(cdz_stmt(conn, "SELECT " FLOW_COLUMNS " FROM flow WHERE is_last", &s, err));
    for (;;) {
        CDZ_TRY(cdz_stmt_row(&s, &found, err));
        if (!found)
            return CDZ_OK;
        const cdz_str texts[] = {cdz_col_str(&s, 2), cdz_col_str(&s, 1)};
        if ((cdz_col_int(&s, 4) && !f->with_deleted) ||
            !namespace_matches(texts[1], f->namespace_, f->namespace_exact) ||
            !scope_matches(texts[1], f->scope) || !words_match(&words, texts, CDZ_COUNT(texts)))
            continue;
        struct cdz_flow_row row = row_of(&s, arena);
        if (labels_match(row.labels, f->label_keys, f->label_values, f->label_count))
            CDZ_PUSH(arena, ret, row);
    }
}

static cdz_rc find(struct cdz_conn *conn, const struct cdz_flow_filter *f,
                   const struct cdz_page *page, struct cdz_arena *arena, struct flows *ret,
                   size_t *ret_from, size_t *ret_to, struct cdz_err *err)
{
    CDZ_TRY(select_flows(conn, f, arena, ret, err));
    CDZ_TRY(flows_sort(ret->v, ret->n, page, err));
    page_range(page, ret->n, ret_from, ret_to);
    for (size_t i = *ret_from; i < *ret_to; i++) {
        struct cdz_flow_row *row = &ret->v[i];
        CDZ_TRY(get(conn, row->namespace_, row->id, row->revision, true, arena, row, err));
    }
    return CDZ_OK;
}

cdz_rc sqlite_flow_find(struct cdz_repository *r, const struct cdz_flow_filter *f,
                        const struct cdz_page *page, struct cdz_arena *arena,
                        struct cdz_flow_row **ret, size_t *ret_n, uint64_t *ret_total,
                        struct cdz_err *err)
{
    struct flows found = {0};
    struct cdz_conn *conn;
    size_t from = 0, to = 0;
    CDZ_TRY(cdz_db_read_begin(db_of(r), &conn, err));
    cdz_rc rc = find(conn, f, page, arena, &found, &from, &to, err);
    cdz_db_read_end(db_of(r), conn);
    CDZ_TRY(rc);
    *ret = found.n ? found.v + from : NULL;
    *ret_n = to - from;
    *ret_total = found.n;
    return CDZ_OK;
}

struct names {
    cdz_str *v;
    size_t n, cap;
};

static cdz_rc namespaces(struct cdz_conn *conn, cdz_str q, struct cdz_arena *arena,
                         struct names *ret, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    bool found;
    CDZ_TRY(cdz_stmt(
        conn,
        "SELECT DISTINCT namespace FROM flow WHERE is_last AND NOT deleted ORDER BY namespace", &s,
        err));
    for (;;) {
        CDZ_TRY(cdz_stmt_row(&s, &found, err));
        if (!found)
            return CDZ_OK;
        if (cdz_str_find(cdz_col_str(&s, 0), q, 0) != SIZE_MAX)
            CDZ_PUSH(arena, ret, cdz_arena_str(arena, cdz_col_str(&s, 0)));
    }
}

cdz_rc sqlite_namespaces(struct cdz_repository *r, cdz_str q, struct cdz_arena *arena,
                         cdz_str **ret, size_t *ret_n, struct cdz_err *err)
{
    struct names found = {0};
    struct cdz_conn *conn;
    CDZ_TRY(cdz_db_read_begin(db_of(r), &conn, err));
    cdz_rc rc = namespaces(conn, q, arena, &found, err);
    cdz_db_read_end(db_of(r), conn);
    CDZ_TRY(rc);
    *ret = found.v;
    *ret_n = found.n;
    return CDZ_OK;
}
