/*
 * sqlite_apply.c -- writes a batch of changes in one transaction.
 *
 * Two parts. On the caller's thread every record is decoded, heads and task runs that the batch
 * replaces again are dropped, and log entries are grouped by execution. On the writer's thread,
 * which everybody waits for, only the statements are left. What the second part gathers it forgets
 * at its start, because a job may run twice.
 */
#include <assert.h>

#include "base/map.h"
#include "repository/sqlite.h"

enum {
    LOG_GROUP_MAX = 200,
    LOG_GROUP_BYTES_MAX = 64 << 10
}; /* entries and bytes of one row of log_chunk */

struct prepared {
    enum cdz_repo_op_kind kind;
    bool dropped; /* a later one of the batch replaces it */
    const struct cdz_repo_op *op;
    struct columns columns; /* EXECUTION */
    uint64_t labels_hash;
    bool own_correlation;
    uint32_t index;         /* TASKRUN */
    struct log_group *logs; /* LOG: of the group's first entry; the others are dropped */
    struct cdz_metric_entry metric;
};

struct count {
    int64_t flow, state, n;
};

struct batch {
    struct cdz_arena *arena;
    struct prepared *v;
    size_t n;
    struct cdz_table
        last; /* key of a head or task run -> its prepared op; of logs -> its open group */

    /* Thread: writer. */
    struct cdz_arena *run;
    struct cdz_table numbers; /* execution id -> number */
    CDZ_VEC(struct count) counts;
};

/* Preparing */

static void replaces(struct batch *b, cdz_str key, struct prepared *p)
{
    struct prepared *before = cdz_table_put(&b->last, key, p);
    if (!before)
        return;
    /* A head only replaces an older one; task runs with a source position likewise. */
    bool is_older = p->kind == CDZ_REPO_EXECUTION ? p->columns.version < before->columns.version
                                                  : p->op->unique < before->op->unique;
    struct prepared *loser = is_older ? p : before;
    loser->dropped = true;
    if (is_older)
        (void)cdz_table_put(&b->last, key, before);
}

static cdz_rc prepare_execution(struct batch *b, struct prepared *p, struct cdz_err *err)
{
    struct cdz_execution *e;
    CDZ_TRY(cdz_execution_decode(p->op->bytes, &e, err));
    struct columns c = columns_of(e);
    struct cdz_label *labels = CDZ_NEW_N(b->arena, struct cdz_label, c.label_count);
    uint64_t hash = 0;
    for (size_t i = 0; i < c.label_count; i++) {
        labels[i].key = cdz_arena_str(b->arena, c.labels[i].key);
        labels[i].value = cdz_arena_str(b->arena, c.labels[i].value);
        hash = hash * 31 + cdz_str_hash(labels[i].key) * 17 + cdz_str_hash(labels[i].value);
        if (cdz_str_is(labels[i].key, "system.correlationId") && cdz_str_eq(labels[i].value, c.id))
            p->own_correlation = true;
    }
    c.labels = labels;
    c.id = cdz_arena_str(b->arena, c.id);
    c.namespace_ = cdz_arena_str(b->arena, c.namespace_);
    c.flow_id = cdz_arena_str(b->arena, c.flow_id);
    if (c.trigger_execution.p)
        c.trigger_execution = cdz_arena_str(b->arena, c.trigger_execution);
    cdz_execution_free(e);
    p->columns = c;
    p->labels_hash = hash;
    replaces(b, cdz_arena_printf(b->arena, "h/%.*s", CDZ_S(c.id)), p);
    return CDZ_OK;
}

static cdz_rc prepare_taskrun(struct batch *b, struct prepared *p, struct cdz_err *err)
{
    CDZ_TRY(taskrun_index(p->op->bytes, &p->index, err));
    replaces(b, cdz_arena_printf(b->arena, "t/%.*s/%u", CDZ_S(p->op->id), p->index), p);
    return CDZ_OK;
}

static cdz_rc prepare_log(struct batch *b, struct prepared *p, struct cdz_err *err)
{
    struct log_item item = {.unique = p->op->unique, .bytes = p->op->bytes};
    CDZ_TRY(cdz_log_entry_decode(p->op->bytes, &item.entry, err));
    const struct cdz_log_entry *l = &item.entry;
    cdz_str key = cdz_arena_printf(b->arena, "l/%.*s/%.*s/%.*s", CDZ_S(l->execution_id),
                                   CDZ_S(l->namespace_), CDZ_S(l->flow_id));
    struct log_group *group = cdz_table_get(&b->last, key);
    p->dropped =
        group && group->n < LOG_GROUP_MAX && group->bytes + item.bytes.n <= LOG_GROUP_BYTES_MAX;
    if (!p->dropped) {
        group = p->logs = CDZ_NEW(b->arena, struct log_group);
        group->execution_id = l->execution_id.p ? l->execution_id : CDZ_STR("");
        group->namespace_ = l->namespace_;
        group->flow_id = l->flow_id;
        (void)cdz_table_put(&b->last, key, group); /* the one before is full */
    }
    group->bytes += item.bytes.n;
    CDZ_PUSH(b->arena, group, item);
    return CDZ_OK;
}

/* What came before a deletion must be written before it, so nothing after it may be merged into
 * that. */
static void forget_merges(struct batch *b)
{
    cdz_table_done(&b->last);
    b->last = (struct cdz_table)CDZ_TABLE_INIT;
}

static cdz_rc prepare(struct batch *b, struct prepared *p, struct cdz_err *err)
{
    switch (p->kind) {
    case CDZ_REPO_EXECUTION:
        return prepare_execution(b, p, err);
    case CDZ_REPO_TASKRUN:
        return prepare_taskrun(b, p, err);
    case CDZ_REPO_LOG:
        return prepare_log(b, p, err);
    case CDZ_REPO_METRIC:
        return cdz_metric_entry_decode(p->op->bytes, b->arena, &p->metric, err);
    case CDZ_REPO_EXECUTION_DELETE:
    case CDZ_REPO_LOGS_DELETE:
    case CDZ_REPO_METRICS_DELETE:
        forget_merges(b);
        break;
    }
    return CDZ_OK;
}

/* Writing. Thread: writer. */

static void count(struct batch *b, int64_t flow, int64_t state, int64_t n)
{
    for (size_t i = 0; i < b->counts.n; i++) {
        struct count *c = &b->counts.v[i];
        if (c->flow == flow && c->state == state) {
            c->n += n;
            return;
        }
    }
    CDZ_PUSH(b->run, &b->counts, (struct count){flow, state, n});
}

static cdz_rc write_counts(struct batch *b, struct cdz_conn *conn, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    CDZ_TRY(cdz_stmt(conn,
                     "INSERT INTO execution_count VALUES(?,?,?)"
                     " ON CONFLICT DO UPDATE SET n=n+excluded.n",
                     &s, err));
    for (size_t i = 0; i < b->counts.n; i++) {
        if (b->counts.v[i].n == 0)
            continue;
        cdz_bind_int(&s, 1, b->counts.v[i].flow);
        cdz_bind_int(&s, 2, b->counts.v[i].state);
        cdz_bind_int(&s, 3, b->counts.v[i].n);
        CDZ_TRY(cdz_stmt_run(&s, err));
    }
    return CDZ_OK;
}

static void remember(struct batch *b, cdz_str id, int64_t no)
{
    int64_t *p = cdz_arena_alloc(b->run, sizeof(*p));
    *p = no;
    (void)cdz_table_put(&b->numbers, id, p); /* the same number as before, if any */
}

static cdz_rc write_label(struct cdz_conn *conn, int64_t no, const struct cdz_label *label,
                          bool add, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT known = {0}, link = {0};
    CDZ_TRY(cdz_stmt(conn, "INSERT OR IGNORE INTO label(key, value) VALUES(?,?)", &known, err));
    if (add) {
        cdz_bind_text(&known, 1, label->key);
        cdz_bind_text(&known, 2, label->value);
        CDZ_TRY(cdz_stmt_run(&known, err));
        CDZ_TRY(cdz_stmt(
            conn,
            "INSERT OR IGNORE INTO execution_label SELECT no, ? FROM label WHERE key=? AND value=?",
            &link, err));
    } else {
        CDZ_TRY(cdz_stmt(conn,
                         "DELETE FROM execution_label WHERE execution=?"
                         " AND label=(SELECT no FROM label WHERE key=? AND value=?)",
                         &link, err));
    }
    cdz_bind_int(&link, 1, no);
    cdz_bind_text(&link, 2, label->key);
    cdz_bind_text(&link, 3, label->value);
    return cdz_stmt_run(&link, err);
}

static cdz_rc write_labels(struct cdz_conn *conn, int64_t no, const struct columns *c,
                           bool own_correlation, bool add, struct cdz_err *err)
{
    for (size_t i = 0; i < c->label_count; i++) {
        /* Nearly every execution has its own id as correlation id: a flag tells that, no label of
         * its own. */
        if (own_correlation && cdz_str_is(c->labels[i].key, "system.correlationId") &&
            cdz_str_eq(c->labels[i].value, c->id))
            continue;
        CDZ_TRY(write_label(conn, no, &c->labels[i], add, err));
    }
    return CDZ_OK;
}

/* Takes the labels of the stored head off. */
static cdz_rc unlabel(struct cdz_conn *conn, int64_t no, struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    struct cdz_execution *e;
    bool row;
    CDZ_TRY(cdz_stmt(conn,
                     "SELECT head, own_correlation FROM execution WHERE no=? AND head IS NOT NULL",
                     &s, err));
    cdz_bind_int(&s, 1, no);
    CDZ_TRY(cdz_stmt_row(&s, &row, err));
    if (!row)
        return CDZ_OK;
    CDZ_TRY(cdz_execution_decode(cdz_col_str(&s, 0), &e, err));
    struct columns c = columns_of(e);
    cdz_rc rc = write_labels(conn, no, &c, cdz_col_int(&s, 1) != 0, false, err);
    cdz_execution_free(e);
    return rc;
}

struct stored {
    int64_t no, version, flow, state;
    uint64_t labels_hash;
    bool found;
};

static cdz_rc find_stored(struct cdz_conn *conn, cdz_str id, struct stored *ret,
                          struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    CDZ_TRY(cdz_stmt(conn, "SELECT no, version, flow, state, labels FROM execution WHERE id=?", &s,
                     err));
    cdz_bind_text(&s, 1, id);
    CDZ_TRY(cdz_stmt_row(&s, &ret->found, err));
    if (ret->found) {
        ret->no = cdz_col_int(&s, 0);
        ret->version = cdz_col_int(&s, 1);
        ret->flow = cdz_col_int(&s, 2);
        ret->state = cdz_col_int(&s, 3);
        ret->labels_hash = (uint64_t)cdz_col_int(&s, 4);
    }
    return CDZ_OK;
}

static void bind_columns(struct cdz_stmt *s, const struct prepared *p, int64_t flow)
{
    const struct columns *c = &p->columns;
    cdz_bind_text(s, 1, c->id);
    cdz_bind_int(s, 2, (int64_t)c->version);
    cdz_bind_int(s, 3, flow);
    cdz_bind_int(s, 4, c->state);
    cdz_bind_int(s, 5, c->start);
    cdz_bind_int(s, 6, c->end);
    cdz_bind_text(s, 7, c->trigger_execution);
    cdz_bind_int(s, 8, (int64_t)p->labels_hash);
    cdz_bind_int(s, 9, p->own_correlation);
    cdz_bind_blob(s, 10, p->op->bytes);
}

static cdz_rc write_execution(struct batch *b, struct cdz_conn *conn, const struct prepared *p,
                              struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    const struct columns *c = &p->columns;
    struct stored old = {0};
    int64_t flow;
    CDZ_TRY(find_stored(conn, c->id, &old, err));
    if (old.found && old.version > (int64_t)c->version)
        return CDZ_OK;
    CDZ_TRY(flow_number(conn, c->namespace_, c->flow_id, &flow, err));
    if (old.found) {
        CDZ_TRY(cdz_stmt(conn,
                         "UPDATE execution SET version=?2, flow=?3, state=?4, start=?5, stop=?6, "
                         "trigger_execution=?7,"
                         " labels=?8, own_correlation=?9, head=?10 WHERE id=?1",
                         &s, err));
        if (old.labels_hash != p->labels_hash)
            CDZ_TRY(unlabel(conn, old.no, err));
        if (old.state != STATE_HIDDEN)
            count(b, old.flow, old.state, -1);
    } else {
        CDZ_TRY(cdz_stmt(conn,
                         "INSERT INTO execution(id, version, flow, state, start, stop, "
                         "trigger_execution, labels,"
                         " own_correlation, head) VALUES(?,?,?,?,?,?,?,?,?,?)",
                         &s, err));
    }
    bind_columns(&s, p, flow);
    CDZ_TRY(cdz_stmt_run(&s, err));
    int64_t no = old.found ? old.no : sqlite3_last_insert_rowid(cdz_conn_handle(conn));
    remember(b, c->id, no);
    if (c->state != STATE_HIDDEN)
        count(b, flow, c->state, 1);
    if (old.found && old.labels_hash == p->labels_hash)
        return CDZ_OK;
    return write_labels(conn, no, c, p->own_correlation, true, err);
}

/* The number of an execution; a hidden row is made for one whose head has not come yet. */
static cdz_rc number_of(struct batch *b, struct cdz_conn *conn, cdz_str id, int64_t *ret,
                        struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    struct stored old = {0};
    const int64_t *known = cdz_table_get(&b->numbers, id);
    if (known) {
        *ret = *known;
        return CDZ_OK;
    }
    CDZ_TRY(find_stored(conn, id, &old, err));
    if (!old.found) {
        CDZ_TRY(cdz_stmt(
            conn,
            "INSERT INTO execution(id, version, flow, state, start, stop, labels, own_correlation)"
            " VALUES(?,-1,0,-1,0,0,0,0)",
            &s, err));
        cdz_bind_text(&s, 1, id);
        CDZ_TRY(cdz_stmt_run(&s, err));
        old.no = sqlite3_last_insert_rowid(cdz_conn_handle(conn));
    }
    remember(b, id, old.no);
    *ret = old.no;
    return CDZ_OK;
}

static cdz_rc write_taskrun(struct batch *b, struct cdz_conn *conn, const struct prepared *p,
                            struct cdz_err *err)
{
    struct cdz_stmt CDZ_AUTO_STMT s = {0};
    int64_t no;
    CDZ_TRY(number_of(b, conn, p->op->id, &no, err));
    CDZ_TRY(
        cdz_stmt(conn,
                 "INSERT INTO taskrun VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET seq=excluded.seq,"
                 " data=excluded.data WHERE excluded.seq>=seq OR excluded.seq=0",
                 &s, err));
    cdz_bind_int(&s, 1, no);
    cdz_bind_int(&s, 2, p->index);
    cdz_bind_int(&s, 3, (int64_t)p->op->unique);
    cdz_bind_blob(&s, 4, p->op->bytes);
    return cdz_stmt_run(&s, err);
}

static cdz_rc delete_execution(struct batch *b, struct cdz_conn *conn, const struct cdz_repo_op *op,
                               struct cdz_err *err)
{
    static const char *const statements[] = {
        "DELETE FROM taskrun WHERE execution=?",
        /* Only hidden while logs or metrics may name it, so that its number is not given again. */
        "UPDATE execution SET version=-1, flow=0, state=-1, start=0, stop=0, "
        "trigger_execution=NULL, labels=0,"
        " own_correlation=0, head=NULL WHERE no=?",
        "DELETE FROM execution WHERE no=?",
    };
    struct stored old = {0};
    struct cdz_log_filter logs = {.execution_id = op->id, .attempt = -1};
    bool all = (op->flags & CDZ_REPO_LOGS) && (op->flags & CDZ_REPO_METRICS);
    CDZ_TRY(find_stored(conn, op->id, &old, err));
    (void)cdz_table_del(&b->numbers, op->id); /* in the arena */
    if (!old.found)
        return CDZ_OK;
    if (op->flags & CDZ_REPO_LOGS)
        CDZ_TRY(logs_delete(conn, &logs, err));
    if (op->flags & CDZ_REPO_METRICS)
        CDZ_TRY(metrics_delete(conn, old.no, err));
    if (old.state != STATE_HIDDEN)
        count(b, old.flow, old.state, -1);
    CDZ_TRY(unlabel(conn, old.no, err));
    for (size_t i = 0; i < (all ? 3 : 2); i++) {
        struct cdz_stmt CDZ_AUTO_STMT s = {0};
        CDZ_TRY(cdz_stmt(conn, statements[i], &s, err));
        cdz_bind_int(&s, 1, old.no);
        CDZ_TRY(cdz_stmt_run(&s, err));
    }
    return CDZ_OK;
}

static cdz_rc write_one(struct batch *b, struct cdz_conn *conn, const struct prepared *p,
                        struct cdz_err *err)
{
    int64_t flow, no = 0;
    switch (p->kind) {
    case CDZ_REPO_EXECUTION:
        return write_execution(b, conn, p, err);
    case CDZ_REPO_TASKRUN:
        return write_taskrun(b, conn, p, err);
    case CDZ_REPO_LOG:
        if (p->logs->execution_id.n)
            CDZ_TRY(number_of(b, conn, p->logs->execution_id, &no, err));
        CDZ_TRY(flow_number(conn, p->logs->namespace_, p->logs->flow_id, &flow, err));
        return log_group_write(conn, p->logs, no, flow, err);
    case CDZ_REPO_METRIC:
        if (p->metric.execution_id.n)
            CDZ_TRY(number_of(b, conn, p->metric.execution_id, &no, err));
        CDZ_TRY(flow_number(conn, p->metric.namespace_, p->metric.flow_id, &flow, err));
        return metric_write(conn, &p->metric, p->op->bytes, p->op->unique, no, flow, err);
    case CDZ_REPO_EXECUTION_DELETE:
        return delete_execution(b, conn, p->op, err);
    case CDZ_REPO_LOGS_DELETE:
        return logs_delete(conn, p->op->log_filter, err);
    case CDZ_REPO_METRICS_DELETE: {
        struct stored old = {0};
        CDZ_TRY(find_stored(conn, p->op->id, &old, err));
        return old.found ? metrics_delete(conn, old.no, err) : CDZ_OK;
    }
    }
    return CDZ_OK;
}

static cdz_rc write_batch(void *ctx, struct cdz_conn *conn, struct cdz_err *err)
{
    struct batch *b = ctx;
    cdz_arena_reset(b->run);
    cdz_table_done(&b->numbers);
    b->numbers = (struct cdz_table)CDZ_TABLE_INIT;
    b->counts.v = NULL;
    b->counts.n = b->counts.cap = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (!b->v[i].dropped)
            CDZ_TRY(write_one(b, conn, &b->v[i], err));
    }
    return write_counts(b, conn, err);
}

cdz_rc sqlite_apply(struct cdz_repository *r, const struct cdz_repo_op *ops, size_t n,
                    struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(n * sizeof(struct prepared) + 4096);
    CDZ_AUTO_ARENA run = cdz_arena_open(4096);
    struct batch b = {
        .arena = arena, .v = CDZ_NEW_N(arena, struct prepared, n), .n = n, .run = run};
    cdz_rc rc = CDZ_OK;
    for (size_t i = 0; rc == CDZ_OK && i < n; i++) {
        b.v[i].kind = ops[i].kind;
        b.v[i].op = &ops[i];
        rc = prepare(&b, &b.v[i], err);
    }
    if (rc == CDZ_OK)
        rc = cdz_db_write(db_of(r), write_batch, &b, err);
    cdz_table_done(&b.last);
    cdz_table_done(&b.numbers);
    return rc;
}
