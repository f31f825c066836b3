/*
 * What only the embedded queue promises: going on after a restart, kill -9 and a full disk, bounded
 * memory, one process per data directory.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "contract/queue_bench.h"

static void reopen(struct bench *b)
{
    close_embedded(b);
    open_embedded(b, 0);
}

TEST(embedded_goes_on_after_a_restart_where_it_had_committed)
{
    struct bench b = {.name = "embedded"};
    tmpdir_make(b.dir);
    open_embedded(&b, 0);
    struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
    SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "1"), rec(CDZ_TOPIC_STATE, "e", "s"),
         rec(CDZ_TOPIC_EVENT, "e", "2"));
    EXPECT(&b, c, "e=1");
    commit(&b, c);
    SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "3"));
    EXPECT(&b, c, "e=2");
    cdz_queue_unsubscribe(c);
    reopen(&b);
    c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
    EXPECT(&b, c, "e=2", "e=3");
    commit(&b, c);
    SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "4"));
    EXPECT(&b, c, "e=4");
    struct scanned s = {0};
    cdz_rc rc = cdz_queue_scan(b.q, CDZ_TOPIC_STATE, CDZ_STR(""), scan_one, &s, &b.err);
    CHECK(rc == CDZ_OK && strcmp(s.text, "e=s ") == 0, "%s", s.text);
    cdz_queue_unsubscribe(c);
    close_embedded(&b);
    tmpdir_remove(b.dir);
}

TEST(embedded_offsets_ascend_across_restarts)
{
    struct bench b = {.name = "embedded"};
    uint64_t last = 0;
    tmpdir_make(b.dir);
    open_embedded(&b, 0);
    for (int round = 0; round < 4; round++) {
        struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
        for (int i = 0; i < 70; i++) { /* enough transactions to delete rows */
            struct cdz_batch batch = {0};
            SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "1"));
            cdz_rc rc = cdz_queue_poll(c, 10, SECOND, &batch, &b.err);
            CHECK(rc == CDZ_OK && batch.n == 1 && batch.records[0].offset > last, "round %d: %zu",
                  round, batch.n);
            if (batch.n)
                last = batch.records[0].offset;
            commit(&b, c);
        }
        cdz_queue_unsubscribe(c);
        reopen(&b);
    }
    close_embedded(&b);
    tmpdir_remove(b.dir);
}

static int64_t count_rows(struct bench *b)
{
    struct cdz_conn *conn;
    struct cdz_stmt s = {0};
    int64_t n = -1;
    bool row;
    if (cdz_db_read_begin(b->db, &conn, &b->err) != CDZ_OK)
        return -1;
    if (cdz_stmt(conn, "SELECT count(*) FROM queue_log", &s, &b->err) == CDZ_OK &&
        cdz_stmt_row(&s, &row, &b->err) == CDZ_OK)
        n = cdz_col_int(&s, 0);
    cdz_stmt_end(&s);
    cdz_db_read_end(b->db, conn);
    return n;
}

TEST(embedded_deletes_rows_that_all_groups_have_passed)
{
    struct bench b = {.name = "embedded"};
    tmpdir_make(b.dir);
    open_embedded(&b, 0);
    struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
    struct cdz_consumer *idle = subscribe(&b, "indexer", CDZ_TOPIC_LOG, CDZ_TOPIC_LOG);
    for (int i = 0; i < 300; i++) {
        SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "1"));
        EXPECT(&b, c, "e=1");
        commit(&b, c);
    }
    CHECK(count_rows(&b) < 100, "%lld rows", (long long)count_rows(&b));
    /* One group that lags holds them. */
    SEND(&b, rec(CDZ_TOPIC_LOG, "l", "1"));
    for (int i = 0; i < 300; i++) {
        SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "1"));
        EXPECT(&b, c, "e=1");
        commit(&b, c);
    }
    CHECK(count_rows(&b) >= 300, "%lld rows", (long long)count_rows(&b));
    EXPECT(&b, idle, "l=1");
    cdz_queue_unsubscribe(c);
    cdz_queue_unsubscribe(idle);
    close_embedded(&b);
    tmpdir_remove(b.dir);
}

TEST(embedded_keeps_topics_that_no_group_has_asked_for_yet)
{
    struct bench b = {.name = "embedded"};
    tmpdir_make(b.dir);
    open_embedded(&b, 0);
    struct cdz_consumer *i = subscribe(&b, "indexer", CDZ_TOPIC_LOG, CDZ_TOPIC_LOG);
    SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "first"));
    for (int n = 0; n < 200; n++) {
        SEND(&b, rec(CDZ_TOPIC_LOG, "l", "1"));
        EXPECT(&b, i, "l=1");
        commit(&b, i);
    }
    /* Also after a restart, which must find out anew what nobody wants. */
    cdz_queue_unsubscribe(i);
    reopen(&b);
    i = subscribe(&b, "indexer", CDZ_TOPIC_LOG, CDZ_TOPIC_LOG);
    for (int n = 0; n < 200; n++) {
        SEND(&b, rec(CDZ_TOPIC_LOG, "l", "1"));
        EXPECT(&b, i, "l=1");
        commit(&b, i);
    }
    struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
    EXPECT(&b, c, "e=first");
    commit(&b, c);
    cdz_queue_unsubscribe(c);
    cdz_queue_unsubscribe(i);
    close_embedded(&b);
    tmpdir_remove(b.dir);
}

TEST(embedded_tells_a_follower_that_fell_behind)
{
    struct bench b = {.name = "embedded"};
    char text[4096];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    tmpdir_make(b.dir);
    open_embedded(&b, 1 << 16);
    struct cdz_consumer *c = subscribe(&b, "indexer", CDZ_TOPIC_LOG, CDZ_TOPIC_LOG);
    struct cdz_consumer *f = subscribe(&b, NULL, CDZ_TOPIC_LOG, CDZ_TOPIC_LOG);
    for (int i = 0; i < 400; i++) {
        struct cdz_batch batch = {0};
        SEND(&b, rec(CDZ_TOPIC_LOG, "l", text));
        cdz_rc rc = cdz_queue_poll(c, 10, SECOND, &batch, &b.err);
        CHECK(rc == CDZ_OK && batch.n == 1, "%zu", batch.n);
        commit(&b, c);
    }
    struct cdz_batch batch = {0};
    cdz_rc rc = cdz_queue_poll(f, 1000, 0, &batch, &b.err);
    CHECK(rc == CDZ_E_EXPIRED, "%s", cdz_rc_name(rc));
    size_t got = 0;
    do {
        rc = cdz_queue_poll(f, 1000, 0, &batch, &b.err);
        CHECK(rc == CDZ_OK, "%s", cdz_rc_name(rc));
        got += batch.n;
    } while (rc == CDZ_OK && batch.n);
    CHECK(got > 0 && got < 400, "%zu", got);
    cdz_queue_unsubscribe(c);
    cdz_queue_unsubscribe(f);
    close_embedded(&b);
    tmpdir_remove(b.dir);
}

static size_t resident_kb(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long size = 0, resident = 0;
    if (f && fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return resident * 4;
}

TEST(embedded_backlog_of_100000_records_needs_bounded_memory)
{
    enum { ROUNDS = 200, BATCH = 500 };
    struct bench b = {.name = "embedded"};
    static struct cdz_record records[BATCH];
    static char values[BATCH][1024];
    tmpdir_make(b.dir);
    open_embedded(&b, 4 << 20);
    struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
    size_t before = resident_kb();
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < BATCH; i++) {
            int n = snprintf(values[i], sizeof(values[i]), "%d", round * BATCH + i);
            memset(values[i] + n + 1, 'x', sizeof(values[i]) - (size_t)n - 1);
            records[i] = (struct cdz_record){.topic = CDZ_TOPIC_EVENT,
                                             .key = CDZ_STR("e"),
                                             .value = {values[i], sizeof(values[i])}};
        }
        cdz_rc rc = cdz_queue_send_wait(b.q, records, BATCH, &b.err);
        CHECK(rc == CDZ_OK, "%s", b.err.text);
    }
    size_t grown = resident_kb() - before;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(grown < 40 << 10, "%zu kB for a backlog of 100 MB", grown);
#else
    (void)grown;
#endif
    int next = 0;
    cdz_us start = cdz_mono_us();
    for (struct cdz_batch batch = {0}; next < ROUNDS * BATCH;) {
        cdz_rc rc = cdz_queue_poll(c, 700, SECOND, &batch, &b.err);
        CHECK(rc == CDZ_OK && batch.n, "%s after %d", b.err.text, next);
        if (rc != CDZ_OK || !batch.n)
            break;
        for (size_t i = 0; i < batch.n; i++) {
            CHECK(strtol(batch.records[i].value.p, NULL, 10) == next, "record %d", next);
            next++;
        }
        commit(&b, c);
    }
    CHECK(next == ROUNDS * BATCH, "%d", next);
    CHECK(cdz_mono_us() - start < 60 * (cdz_us)SECOND, "too slow");
    cdz_queue_unsubscribe(c);
    close_embedded(&b);
    tmpdir_remove(b.dir);
}

/* kill -9: a child writes and reports what was acknowledged through a pipe; the parent kills it and
 * looks. */

struct acknowledge {
    int fd;
    int number;
};

static void acknowledge(void *ctx, cdz_rc rc, const struct cdz_err *err)
{
    struct acknowledge *a = ctx;
    (void)err;
    if (rc == CDZ_OK && write(a->fd, &a->number, sizeof(a->number)) < 0)
        _exit(1);
    free(a);
}

static void child_writes(struct bench *b, int fd)
{
    enum cdz_topic log = CDZ_TOPIC_LOG;
    struct cdz_consumer *c;
    if (cdz_db_open(b->dir, NULL, &b->db, &b->err) != CDZ_OK ||
        cdz_queue_sqlite_open(b->db, NULL, &b->q, &b->err) != CDZ_OK ||
        cdz_queue_subscribe(b->q, "indexer", &log, 1, &c, &b->err) != CDZ_OK)
        _exit(2);
    for (int i = 0;; i++) {
        struct acknowledge *a = malloc(sizeof(*a));
        char text[32];
        *a = (struct acknowledge){fd, i};
        snprintf(text, sizeof(text), "%d", i);
        struct cdz_record r[] = {rec(CDZ_TOPIC_EVENT, "e", text), rec(CDZ_TOPIC_STATE, text, text),
                                 rec(CDZ_TOPIC_LOG, "l", text)};
        cdz_queue_send(b->q, r, 3, acknowledge, a);
        if (i % 7 == 0) {
            struct cdz_batch batch;
            if (cdz_queue_poll(c, 100, 0, &batch, &b->err) != CDZ_OK ||
                cdz_queue_commit(c, NULL, 0, &b->err) != CDZ_OK)
                _exit(3);
        }
    }
}

static void check_after_kill(struct bench *b, int acknowledged)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_consumer *c = subscribe(b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
    int next = 0;
    for (;;) {
        struct cdz_batch batch = {0};
        cdz_rc rc = cdz_queue_poll(c, 1000, 0, &batch, &b->err);
        CHECK(rc == CDZ_OK, "%s", b->err.text);
        if (rc != CDZ_OK || !batch.n)
            break;
        for (size_t i = 0; i < batch.n; i++) {
            cdz_str value;
            CHECK(strtol(cdz_arena_z(arena, batch.records[i].value), NULL, 10) == next, "record %d",
                  next);
            /* Records of one send are there together. */
            rc = cdz_queue_get(b->q, CDZ_TOPIC_STATE, batch.records[i].value, arena, &value,
                               &b->err);
            CHECK(rc == CDZ_OK, "state of %d", next);
            next++;
        }
    }
    CHECK(next > acknowledged, "%d records, %d acknowledged", next, acknowledged + 1);
    cdz_queue_unsubscribe(c);
}

TEST(embedded_loses_nothing_acknowledged_when_killed)
{
    for (int round = 0; round < 8; round++) {
        struct bench b = {.name = "embedded"};
        int fds[2], number, last = -1;
        tmpdir_make(b.dir);
        if (pipe(fds) != 0)
            abort();
        pid_t pid = fork();
        if (pid == 0)
            child_writes(&b, fds[1]);
        close(fds[1]);
        for (int i = 0; i < 200 + round * 300; i++) {
            if (read(fds[0], &number, sizeof(number)) != sizeof(number))
                break;
            last = number;
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (read(fds[0], &number, sizeof(number)) == sizeof(number))
            last = number;
        close(fds[0]);
        CHECK(last >= 0, "the child wrote nothing");
        open_embedded(&b, 0);
        check_after_kill(&b, last);
        close_embedded(&b);
        tmpdir_remove(b.dir);
    }
}

TEST(embedded_refuses_a_data_directory_in_use)
{
    struct bench b = {.name = "embedded"};
    struct cdz_db *second = NULL;
    tmpdir_make(b.dir);
    open_embedded(&b, 0);
    cdz_rc rc = cdz_db_open(b.dir, NULL, &second, &b.err);
    CHECK(rc == CDZ_E_CONFLICT && strstr(b.err.text, "in use by process"), "%s %s", cdz_rc_name(rc),
          b.err.text);
    close_embedded(&b);
    rc = cdz_db_open(b.dir, NULL, &second, &b.err);
    CHECK(rc == CDZ_OK, "%s", b.err.text);
    cdz_db_close(second);
    tmpdir_remove(b.dir);
}

TEST(embedded_refuses_tables_of_a_newer_version)
{
    struct bench b = {.name = "embedded"};
    const char *const steps[] = {"SELECT 1", "SELECT 2", "SELECT 3",
                                 "SELECT 4", "SELECT 5", "SELECT 6"};
    tmpdir_make(b.dir);
    cdz_rc rc = cdz_db_open(b.dir, NULL, &b.db, &b.err);
    CHECK(rc == CDZ_OK, "%s", b.err.text);
    rc = cdz_db_migrate(b.db, "queue", steps, CDZ_COUNT(steps), &b.err);
    CHECK(rc == CDZ_OK, "%s", b.err.text);
    rc = cdz_queue_sqlite_open(b.db, NULL, &b.q, &b.err);
    CHECK(rc == CDZ_E_INVALID && strstr(b.err.text, "newer"), "%s", b.err.text);
    cdz_db_close(b.db);
    tmpdir_remove(b.dir);
}

static cdz_rc write_and_fail(void *ctx, struct cdz_conn *conn, struct cdz_err *err)
{
    (void)ctx;
    CDZ_TRY(cdz_conn_exec(conn, "INSERT INTO queue_state VALUES(7, x'01', x'01')", err));
    return cdz_fail(err, CDZ_E_CONFLICT, "changed something, then failed");
}

static void *fail_many(void *ctx)
{
    struct bench *b = ctx;
    for (int i = 0; i < 100; i++) {
        struct cdz_err err;
        cdz_rc rc = cdz_db_write(b->db, write_and_fail, NULL, &err);
        CHECK(rc == CDZ_E_CONFLICT, "%s", cdz_rc_name(rc));
    }
    return NULL;
}

TEST(embedded_a_failing_job_undoes_only_itself)
{
    struct bench b = {.name = "embedded"};
    pthread_t thread;
    tmpdir_make(b.dir);
    open_embedded(&b, 0);
    struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
    pthread_create(&thread, NULL, fail_many, &b);
    for (int i = 0; i < 100; i++) {
        SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "1"), rec(CDZ_TOPIC_EVENT, "e", "2"));
        EXPECT(&b, c, "e=1", "e=2");
    }
    pthread_join(thread, NULL);
    expect_nothing(&b, c);
    struct scanned s = {0};
    cdz_rc rc = cdz_queue_scan(b.q, CDZ_TOPIC_STATE, CDZ_STR(""), scan_one, &s, &b.err);
    CHECK(rc == CDZ_OK && s.n == 0, "%s", s.text);
    cdz_queue_unsubscribe(c);
    close_embedded(&b);
    tmpdir_remove(b.dir);
}

/* A full disk, by the file size limit of a child process: SQLite sees EFBIG where a disk gives
 * ENOSPC. */

static void child_fills_disk(struct bench *b)
{
    static char big[256 << 10];
    memset(big, 'x', sizeof(big));
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    open_embedded(b, 0);
    struct cdz_consumer *c = subscribe(b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
    getrlimit(RLIMIT_FSIZE, &limit);
    rlim_t all = limit.rlim_cur;
    limit.rlim_cur = 2 << 20;
    setrlimit(RLIMIT_FSIZE, &limit);
    struct cdz_record r = {
        .topic = CDZ_TOPIC_EVENT, .key = CDZ_STR("e"), .value = {big, sizeof(big)}};
    int sent = 0;
    cdz_rc rc;
    while ((rc = cdz_queue_send_wait(b->q, &r, 1, &b->err)) == CDZ_OK && sent < 100)
        sent++;
    CHECK(rc == CDZ_E_UNAVAILABLE && sent > 0, "%s after %d", cdz_rc_name(rc), sent);
    /* What is on disk is still delivered, but commits fail and may be repeated. */
    struct cdz_batch batch = {0};
    rc = cdz_queue_poll(c, 1, SECOND, &batch, &b->err);
    CHECK(rc == CDZ_OK && batch.n == 1, "%zu", batch.n);
    rc = cdz_queue_commit(c, &r, 1, &b->err);
    CHECK(rc == CDZ_E_UNAVAILABLE, "%s", cdz_rc_name(rc));
    limit.rlim_cur = all;
    setrlimit(RLIMIT_FSIZE, &limit);
    rc = cdz_queue_commit(c, &r, 1, &b->err);
    CHECK(rc == CDZ_OK, "after the disk has room again: %s (%s)", b->err.text, b->err.detail);
    int got = 1;
    for (;;) {
        rc = cdz_queue_poll(c, 10, 0, &batch, &b->err);
        if (rc != CDZ_OK || !batch.n)
            break;
        got += (int)batch.n;
    }
    CHECK(got == sent + 1, "%d sent, %d received", sent + 1, got);
    commit(b, c);
    cdz_queue_unsubscribe(c);
    close_embedded(b);
}

TEST(embedded_survives_a_full_disk)
{
    struct bench b = {.name = "embedded"};
    int status = 0;
    tmpdir_make(b.dir);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        child_fills_disk(&b);
        fflush(stdout);
        _exit(test_failures > 0);
    }
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
    open_embedded(&b, 0);
    struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
    expect_nothing(&b, c);
    cdz_queue_unsubscribe(c);
    close_embedded(&b);
    tmpdir_remove(b.dir);
}

TEST(embedded_log_starts_over_while_commits_go_on)
{
    struct bench b = {.name = "embedded"};
    struct cdz_db_options options = {.wal_bytes = 1 << 20};
    static char value[8192];
    uint64_t longest = 0;
    memset(value, 'x', sizeof(value) - 1);
    tmpdir_make(b.dir);
    cdz_rc rc = cdz_db_open(b.dir, &options, &b.db, &b.err);
    CHECK(rc == CDZ_OK, "%s", b.err.text);
    rc = cdz_queue_sqlite_open(b.db, NULL, &b.q, &b.err);
    CHECK(rc == CDZ_OK, "%s", b.err.text);
    for (int i = 0; i < 2000; i++) {
        SEND(&b, rec(CDZ_TOPIC_STATE, i % 2 ? "a" : "b", value));
        struct cdz_db_stats stats = cdz_db_stats(b.db);
        if (stats.wal_pages > longest)
            longest = stats.wal_pages;
    }
    struct cdz_db_stats stats = cdz_db_stats(b.db);
    CHECK(stats.checkpoints > 2, "%llu checkpoints", (unsigned long long)stats.checkpoints);
    CHECK(longest < 2000, "the log grew to %llu pages", (unsigned long long)longest);
    close_embedded(&b);
    tmpdir_remove(b.dir);
}

TEST_MAIN
