/*
 * sqlite_execution.c -- reading executions: one by id, and lists.
 *
 * A list is found in two steps: the numbers of the page's executions from an index that has all
 * that is filtered and sorted by, then their rows. Which index is decided here, because
 * execution_count tells exactly how many executions a set of flows has, and SQLite's planner knows
 * nothing of that: reading all executions of few flows and sorting them, or walking along all
 * executions in their order until the page is full.
 */
#include <assert.h>

#include "repository/sqlite.h"

static cdz_rc load_taskruns(struct cdz_conn *conn, int64_t no, struct cdz_execution *e,
                            struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    bool row;
    CDZ_TRY(
        cdz_stmt(conn, "SELECT data, idx FROM taskrun WHERE execution=? ORDER BY idx", &s, err));
    cdz_bind_int(&s, 1, no);
    for (;;) {
        CDZ_TRY(cdz_stmt_row(&s, &row, err));
        /* A gap: the missing one is in a batch that has not come yet, so what follows is not shown
         * yet either. */
        if (!row || cdz_col_int(&s, 1) != (int64_t)e->taskruns.n)
            return CDZ_OK;
        CDZ_TRY(cdz_taskrun_decode_into(cdz_col_str(&s, 0), e, err));
    }
}

static cdz_rc load(struct cdz_conn *conn, cdz_str head, int64_t no, struct cdz_execution **ret,
                   struct cdz_err *err)
{
    struct cdz_execution *e;
    CDZ_TRY(cdz_execution_decode(head, &e, err));
    cdz_rc rc = load_taskruns(conn, no, e, err);
    if (rc != CDZ_OK) {
        cdz_execution_free(e);
        return rc;
    }
    *ret = e;
    return CDZ_OK;
}

static cdz_rc get(struct cdz_conn *conn, cdz_str id, struct cdz_execution **ret,
                  struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    bool row;
    CDZ_TRY(cdz_stmt(conn, "SELECT no, head FROM execution WHERE id=? AND state>=0", &s, err));
    cdz_bind_text(&s, 1, id);
    CDZ_TRY(cdz_stmt_row(&s, &row, err));
    if (!row)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "execution %.*s not found", CDZ_S(id));
    return load(conn, cdz_col_str(&s, 1), cdz_col_int(&s, 0), ret, err);
}

cdz_rc sqlite_execution_get(struct cdz_repository *r, cdz_str id, struct cdz_execution **ret,
                            struct cdz_err *err)
{
    struct cdz_conn *conn;
    CDZ_TRY(cdz_db_read_begin(db_of(r), &conn, err));
    cdz_rc rc = get(conn, id, ret, err);
    cdz_db_read_end(db_of(r), conn);
    return rc;
}

/* The conditions of a list */

enum { FREQUENT = 2000 };

static void add_states(struct query *q, const char *column, uint32_t states)
{
    int64_t v[CDZ_STATE_COUNT];
    size_t n = 0;
    for (int s = 0; s < CDZ_STATE_COUNT; s++) {
        if (states & (1u << s))
            v[n++] = s;
    }
    cdz_buf_printf(&q->sql, " AND %s IN ", column);
    query_ints(q, v, n);
}

/* Rows (number, text, text) in which a word is found. */
static cdz_rc numbers_with_word(struct execution_list *l, const char *literal, cdz_str word,
                                struct numbers *ret, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    bool row;
    CDZ_TRY(cdz_stmt(l->conn, literal, &s, err));
    for (;;) {
        CDZ_TRY(cdz_stmt_row(&s, &row, err));
        if (!row)
            return CDZ_OK;
        if (word_in(cdz_col_str(&s, 1), word) || word_in(cdz_col_str(&s, 2), word))
            CDZ_PUSH(l->arena, ret, cdz_col_int(&s, 0));
    }
}

static cdz_rc find_frequent(struct execution_list *l, struct numbers *labels, struct cdz_err *err)
{
    struct query q;
    int64_t n = 0;
    if (!labels->n)
        return CDZ_OK;
    query_init(&q, l->arena);
    query_add(&q, "SELECT count(*) FROM (SELECT 1 FROM execution_label WHERE label IN ");
    query_ints(&q, labels->v, labels->n);
    query_int(&q, " LIMIT ?)", FREQUENT);
    cdz_rc rc = query_number(&q, l->conn, &n, err);
    query_done(&q);
    labels->frequent = n == FREQUENT;
    return rc;
}

static cdz_rc find_label(struct execution_list *l, cdz_str key, cdz_str value, struct numbers *ret,
                         struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    bool row;
    CDZ_TRY(cdz_stmt(l->conn, "SELECT no FROM label WHERE key=? AND value=?", &s, err));
    cdz_bind_text(&s, 1, key.p ? key : CDZ_STR(""));
    cdz_bind_text(&s, 2, value.p ? value : CDZ_STR(""));
    CDZ_TRY(cdz_stmt_row(&s, &row, err));
    if (row)
        CDZ_PUSH(l->arena, ret, cdz_col_int(&s, 0));
    return CDZ_OK;
}

cdz_rc execution_list_resolve(struct execution_list *l, struct cdz_err *err)
{
    const struct cdz_execution_filter *f = l->f;
    CDZ_TRY(flow_set_find(l->conn, f->namespace_, f->namespace_exact, f->flow_id, f->scope,
                          l->arena, &l->flows, err));
    l->words = words_of(f->q, l->arena);
    l->labels = CDZ_NEW_N(l->arena, struct numbers, f->label_count);
    l->word_labels = CDZ_NEW_N(l->arena, struct numbers, l->words.n);
    l->word_flows = CDZ_NEW_N(l->arena, struct numbers, l->words.n);
    l->selective = f->trigger_execution_id.n > 0;
    for (size_t i = 0; i < f->label_count; i++) {
        CDZ_TRY(find_label(l, f->label_keys[i], f->label_values[i], &l->labels[i], err));
        CDZ_TRY(find_frequent(l, &l->labels[i], err));
        l->selective = l->selective || !l->labels[i].frequent;
    }
    for (size_t i = 0; i < l->words.n; i++) {
        CDZ_TRY(numbers_with_word(l, "SELECT no, namespace, flow FROM flow_key", l->words.v[i],
                                  &l->word_flows[i], err));
        CDZ_TRY(numbers_with_word(
            l, "SELECT no, value, '' FROM label WHERE key<'system.' OR key>='system/'",
            l->words.v[i], &l->word_labels[i], err));
        CDZ_TRY(find_frequent(l, &l->word_labels[i], err));
        l->selective = l->selective || (!l->word_labels[i].frequent && !l->word_flows[i].n);
    }
    return CDZ_OK;
}

/*
 * The executions with one of the labels. Frequent ones are asked for one by one, on the way to the
 * page; of others, and for counting, the whole set is read first.
 */
static void add_labels(struct query *q, const struct numbers *labels, bool one_by_one)
{
    query_add(q, one_by_one ? "EXISTS(SELECT 1 FROM execution_label WHERE label IN "
                            : "no IN (SELECT execution FROM execution_label WHERE label IN ");
    query_ints(q, labels->v, labels->n);
    query_add(q, one_by_one ? " AND execution_label.execution=execution.no)" : ")");
}

static void add_label(struct execution_list *l, struct query *q, size_t i, bool counting)
{
    cdz_str value = l->f->label_values[i];
    query_add(q, " AND (");
    add_labels(q, &l->labels[i], l->labels[i].frequent && !counting);
    if (cdz_str_is(l->f->label_keys[i], "system.correlationId"))
        query_text(q, " OR no=(SELECT no FROM execution WHERE id=? AND own_correlation)", value);
    query_add(q, ")");
}

/* A word is the beginning of the id, or in the flow's names, or in a label's value. */
static void add_word(struct execution_list *l, struct query *q, size_t i, bool counting)
{
    query_add(q, " AND (");
    query_prefix(q, "id", l->words.v[i]);
    if (l->word_flows[i].n) {
        query_add(q, " OR flow IN ");
        query_ints(q, l->word_flows[i].v, l->word_flows[i].n);
    }
    if (l->word_labels[i].n) {
        query_add(q, " OR ");
        add_labels(q, &l->word_labels[i], l->word_labels[i].frequent && !counting);
    }
    query_add(q, ")");
}

void execution_list_conditions(struct execution_list *l, struct query *q, bool counting)
{
    const struct cdz_execution_filter *f = l->f;
    query_add(q, " WHERE state>=0");
    if (f->states) {
        add_states(q, "state", f->states);
        if (!(f->states & (1u << CDZ_SUCCESS)))
            query_add(q, " AND state<>5"); /* says that the partial index will do */
    }
    if (f->start_from)
        query_int(q, " AND start>=?", f->start_from);
    if (f->start_to)
        query_int(q, " AND start<=?", f->start_to);
    if (f->trigger_execution_id.n)
        query_text(q, " AND trigger_execution=?", f->trigger_execution_id);
    if (f->child)
        query_add(q, f->child == 1 ? " AND trigger_execution IS NOT NULL"
                                   : " AND trigger_execution IS NULL");
    for (size_t i = 0; i < f->label_count; i++)
        add_label(l, q, i, counting);
    for (size_t i = 0; i < l->words.n; i++)
        add_word(l, q, i, counting);
}

/* The filter names flows and states only: execution_count knows the total. */
static bool is_by_counts(const struct execution_list *l)
{
    const struct cdz_execution_filter *f = l->f;
    return !f->start_from && !f->start_to && !f->trigger_execution_id.n && !f->child &&
           !f->label_count && !l->words.n;
}

void execution_list_flows(struct execution_list *l, struct query *q, const char *column)
{
    if (l->flows.all)
        return;
    cdz_buf_printf(&q->sql, " AND %s IN ", column);
    query_ints(q, l->flows.v, l->flows.n);
}

static cdz_rc count_by_flows(struct execution_list *l, bool all_flows, int64_t *ret,
                             struct cdz_err *err)
{
    struct query q;
    query_init(&q, l->arena);
    query_add(&q, "SELECT sum(n) FROM execution_count WHERE 1");
    if (!all_flows)
        execution_list_flows(l, &q, "flow");
    if (l->f->states)
        add_states(&q, "state", l->f->states);
    cdz_rc rc = query_number(&q, l->conn, ret, err);
    query_done(&q);
    return rc;
}

/* The order */

static void add_state_rank(struct query *q)
{
    query_add(q, "CASE state");
    for (int s = 0; s < CDZ_STATE_COUNT; s++) {
        int rank = 0;
        for (int other = 0; other < CDZ_STATE_COUNT; other++)
            rank += strcmp(cdz_state_name((enum cdz_state)other),
                           cdz_state_name((enum cdz_state)s)) < 0;
        cdz_buf_printf(&q->sql, " WHEN %d THEN %d", s, rank);
    }
    query_add(q, " END");
}

static cdz_rc add_order(struct execution_list *l, struct query *q, struct cdz_err *err)
{
    static const char *const columns[] = {
        [SORT_ID] = "id",
        [SORT_START] = "start",
        [SORT_END] = "stop",
        [SORT_DURATION] = "stop-start",
        [SORT_NAMESPACE] = "(SELECT namespace FROM flow_key WHERE flow_key.no=execution.flow)",
        [SORT_FLOW] = "(SELECT flow_key.flow FROM flow_key WHERE flow_key.no=execution.flow)",
    };
    bool descending = true;
    query_add(q, l->page->sort_count ? " ORDER BY " : " ORDER BY start DESC, ");
    for (size_t i = 0; i < l->page->sort_count; i++) {
        enum execution_sort by;
        CDZ_TRY(execution_sort_of(&l->page->sort[i], &by, err));
        descending = l->page->sort[i].descending;
        if (by == SORT_STATE)
            add_state_rank(q);
        else
            query_add(q, columns[by]);
        query_add(q, descending ? " DESC, " : ", ");
    }
    /* Equal ones by id, in the direction of the last key: so the index is in the right order as it
     * stands. */
    query_add(q, descending ? "id DESC" : "id");
    return CDZ_OK;
}

/*
 * Which index leads to the page. NULL: SQLite's own choice (a trigger, label or id decides).
 * Walking along execution_start passes about wanted * all / matching entries; sorting reads all
 * that match.
 */
static cdz_rc choose_index(struct execution_list *l, const char **ret, struct cdz_err *err)
{
    const struct cdz_page *page = l->page;
    bool by_start = page->sort_count == 0 ||
                    (page->sort_count == 1 && cdz_str_is(page->sort[0].field, "state.startDate"));
    int64_t matching, all;
    *ret = NULL;
    if (l->selective)
        return CDZ_OK;
    if (l->f->states && !(l->f->states & (1u << CDZ_SUCCESS))) {
        *ret = "execution_state";
        return CDZ_OK;
    }
    if (l->flows.all) {
        *ret = by_start ? "execution_start" : NULL;
        return CDZ_OK;
    }
    if (l->flows.n <= 1) {
        *ret = "execution_flow";
        return CDZ_OK;
    }
    CDZ_TRY(count_by_flows(l, false, &matching, err));
    CDZ_TRY(count_by_flows(l, true, &all, err));
    double wanted = page->page ? (double)page->page * (double)page->size : (double)all;
    bool walk = by_start && (double)matching * (double)matching > wanted * (double)all;
    *ret = walk ? "execution_start" : "execution_flow";
    return CDZ_OK;
}

/* The numbers of the page's executions. */
static cdz_rc find_page(struct execution_list *l, int64_t **ret, size_t *ret_n, struct cdz_err *err)
{
    CDZ_VEC(int64_t) found = {0};
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    struct query q;
    const char *index;
    bool row = true;
    query_init(&q, l->arena);
    cdz_rc rc = choose_index(l, &index, err);
    query_add(&q, "SELECT no FROM execution");
    if (rc == CDZ_OK && index)
        cdz_buf_printf(&q.sql, " INDEXED BY %s", index);
    if (rc == CDZ_OK) {
        execution_list_conditions(l, &q, false);
        /* +flow: not by the flow's index when the other is shorter. */
        execution_list_flows(l, &q,
                             index && strcmp(index, "execution_flow") != 0 ? "+flow" : "flow");
        rc = add_order(l, &q, err);
    }
    if (rc == CDZ_OK && l->page->page) {
        query_int(&q, " LIMIT ?", (int64_t)l->page->size);
        query_int(&q, " OFFSET ?", (int64_t)((l->page->page - 1) * l->page->size));
    }
    if (rc == CDZ_OK)
        rc = query_start(&q, l->conn, &s, err);
    while (rc == CDZ_OK && row) {
        rc = cdz_stmt_row(&s, &row, err);
        if (rc == CDZ_OK && row)
            CDZ_PUSH(l->arena, &found, cdz_col_int(&s, 0));
    }
    query_done(&q);
    *ret = found.v;
    *ret_n = found.n;
    return rc;
}

static cdz_rc find_total(struct execution_list *l, uint64_t *ret, struct cdz_err *err)
{
    struct query q;
    int64_t n = 0;
    cdz_rc rc;
    query_init(&q, l->arena);
    if (is_by_counts(l)) {
        rc = count_by_flows(l, false, &n, err);
    } else {
        query_add(&q, "SELECT count(*) FROM execution");
        execution_list_conditions(l, &q, true);
        execution_list_flows(l, &q, "flow");
        rc = query_number(&q, l->conn, &n, err);
    }
    query_done(&q);
    *ret = (uint64_t)n;
    return rc;
}

static cdz_rc load_page(struct execution_list *l, const int64_t *numbers, size_t n,
                        struct cdz_executions *ret, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    struct cdz_execution **v = CDZ_NEW_N(l->arena, struct cdz_execution *, n);
    cdz_rc rc = cdz_stmt(l->conn, "SELECT head FROM execution WHERE no=?", &s, err);
    size_t got = 0;
    for (size_t i = 0; rc == CDZ_OK && i < n; i++) {
        bool row = false;
        cdz_bind_int(&s, 1, numbers[i]);
        rc = cdz_stmt_row(&s, &row, err);
        if (rc == CDZ_OK && row)
            rc = load(l->conn, cdz_col_str(&s, 0), numbers[i], &v[got], err);
        if (rc == CDZ_OK && row)
            got++;
        cdz_stmt_reset(&s);
    }
    if (rc != CDZ_OK) {
        while (got)
            cdz_execution_free(v[--got]);
        return rc;
    }
    ret->v = v;
    ret->n = got;
    return CDZ_OK;
}

static cdz_rc find(struct execution_list *l, struct cdz_executions *ret, struct cdz_err *err)
{
    int64_t *numbers;
    size_t n;
    enum execution_sort by;
    for (size_t i = 0; i < l->page->sort_count; i++)
        CDZ_TRY(execution_sort_of(&l->page->sort[i], &by, err));
    CDZ_TRY(execution_list_resolve(l, err));
    if (!l->flows.all && l->flows.n == 0)
        return CDZ_OK; /* no such flow: nothing is found */
    CDZ_TRY(find_page(l, &numbers, &n, err));
    CDZ_TRY(find_total(l, &ret->total, err));
    return load_page(l, numbers, n, ret, err);
}

cdz_rc sqlite_execution_find(struct cdz_repository *r, const struct cdz_execution_filter *f,
                             const struct cdz_page *page, struct cdz_arena *arena,
                             struct cdz_executions *ret, struct cdz_err *err)
{
    struct execution_list l = {.f = f, .page = page, .arena = arena};
    struct cdz_executions found = {0};
    CDZ_TRY(cdz_db_read_begin(db_of(r), &l.conn, err));
    /* One transaction, so that page and total are of the same moment. */
    cdz_rc rc = cdz_conn_exec(l.conn, "BEGIN", err);
    if (rc == CDZ_OK) {
        struct cdz_err ignored;
        rc = find(&l, &found, err);
        if (cdz_conn_exec(l.conn, "COMMIT", &ignored) != CDZ_OK)
            assert(sqlite3_get_autocommit(cdz_conn_handle(l.conn)));
    }
    cdz_db_read_end(db_of(r), l.conn);
    if (rc == CDZ_OK)
        *ret = found;
    return rc;
}
