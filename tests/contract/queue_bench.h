/*
 * queue_bench.h -- what the suites of the queue share: opening every backend, and sending and
 * expecting records as short texts.
 */
#ifndef CDZ_TEST_QUEUE_BENCH_H
#define CDZ_TEST_QUEUE_BENCH_H

#include "base/time.h"
#include "contract/tmpdir.h"
#include "port/queue.h"
#include "queue/backends.h"
#include "test.h"

enum { SECOND = 1000000 };

/* One backend under test; opened anew for every test. */
struct bench {
    const char *name;
    char dir[64]; /* embedded only */
    struct cdz_db *db;
    struct cdz_queue *q;
    struct cdz_err err;
    size_t lines;
};

static CDZ_UNUSED void count_line(void *ctx, cdz_str line)
{
    struct bench *b = ctx;
    (void)line;
    __atomic_add_fetch(&b->lines, 1, __ATOMIC_RELAXED);
}

static CDZ_UNUSED void open_embedded(struct bench *b, size_t memory_bytes)
{
    struct cdz_queue_sqlite_options options = {.memory_bytes = memory_bytes};
    cdz_rc rc = cdz_db_open(b->dir, NULL, &b->db, &b->err);
    CHECK(rc == CDZ_OK, "open: %s (%s)", b->err.text, b->err.detail);
    rc = cdz_queue_sqlite_open(b->db, &options, &b->q, &b->err);
    CHECK(rc == CDZ_OK, "open: %s (%s)", b->err.text, b->err.detail);
}

static CDZ_UNUSED void close_embedded(struct bench *b)
{
    cdz_queue_close(b->q);
    cdz_db_close(b->db);
}

static CDZ_UNUSED bool bench_open(struct bench *b, int which)
{
    static struct cdz_fault never;
    *b = (struct bench){0};
    switch (which) {
    case 0:
        b->name = "mem";
        b->q = cdz_queue_mem_open();
        return true;
    case 1:
        b->name = "embedded";
        tmpdir_make(b->dir);
        open_embedded(b, 0);
        return true;
    case 2:
        b->name = "trace+mem";
        b->q = cdz_queue_trace_open(cdz_queue_mem_open(), count_line, b);
        return true;
    case 3:
        b->name = "fault+embedded";
        tmpdir_make(b->dir);
        open_embedded(b, 0);
        b->q = cdz_queue_fault_open(b->q, &never);
        return true;
    case 4:
        b->name = "embedded, no memory";
        tmpdir_make(b->dir);
        open_embedded(b, 1);
        return true;
    default:
        return false;
    }
}

static CDZ_UNUSED void bench_close(struct bench *b)
{
    cdz_queue_close(b->q);
    cdz_db_close(b->db);
    if (*b->dir)
        tmpdir_remove(b->dir);
}

#define EACH_BACKEND(b)                                                                            \
    for (int which_ = 0, open_; (open_ = bench_open(&(b), which_)); bench_close(&(b)), which_++)

static CDZ_UNUSED struct cdz_record rec(enum cdz_topic topic, const char *key, const char *value)
{
    return (struct cdz_record){.topic = topic, .key = cdz_str_z(key), .value = cdz_str_z(value)};
}

#define SEND(b, ...)                                                                               \
    do {                                                                                           \
        struct cdz_record records_[] = {__VA_ARGS__};                                              \
        cdz_rc rc_ = cdz_queue_send_wait((b)->q, records_, CDZ_COUNT(records_), &(b)->err);        \
        CHECK(rc_ == CDZ_OK, "%s: send: %s (%s)", (b)->name, (b)->err.text, (b)->err.detail);      \
    } while (0)

static CDZ_UNUSED struct cdz_consumer *subscribe(struct bench *b, const char *group,
                                                 enum cdz_topic t1, enum cdz_topic t2)
{
    enum cdz_topic topics[] = {t1, t2};
    struct cdz_consumer *c = NULL;
    cdz_rc rc = cdz_queue_subscribe(b->q, group, topics, t1 == t2 ? 1 : 2, &c, &b->err);
    CHECK(rc == CDZ_OK, "%s: subscribe: %s", b->name, b->err.text);
    return c;
}

/* Polls until n records have come (or a second passed) and compares "key=value" of each. */
static CDZ_UNUSED void expect(struct bench *b, struct cdz_consumer *c, const char *const *want,
                              size_t n)
{
    size_t got = 0;
    for (cdz_us until = cdz_mono_us() + 2 * SECOND; got < n && cdz_mono_us() < until;) {
        struct cdz_batch batch = {0};
        cdz_rc rc = cdz_queue_poll(c, n - got, SECOND / 10, &batch, &b->err);
        CHECK(rc == CDZ_OK, "%s: poll: %s", b->name, b->err.text);
        for (size_t i = 0; i < batch.n; i++, got++) {
            char text[64];
            snprintf(text, sizeof(text), "%.*s=%.*s", CDZ_S(batch.records[i].key),
                     CDZ_S(batch.records[i].value));
            CHECK(got < n && strcmp(text, want[got]) == 0, "%s: record %zu is %s, want %s", b->name,
                  got, text, got < n ? want[got] : "-");
        }
    }
    CHECK(got == n, "%s: got %zu of %zu records", b->name, got, n);
}
#define EXPECT(b, c, ...)                                                                          \
    do {                                                                                           \
        const char *const want_[] = {__VA_ARGS__};                                                 \
        expect((b), (c), want_, CDZ_COUNT(want_));                                                 \
    } while (0)

static CDZ_UNUSED void expect_nothing(struct bench *b, struct cdz_consumer *c)
{
    struct cdz_batch batch = {0};
    cdz_rc rc = cdz_queue_poll(c, 10, 0, &batch, &b->err);
    CHECK(rc == CDZ_OK && batch.n == 0, "%s: %zu records, want none; %s", b->name, batch.n,
          batch.n ? cdz_topic_name(batch.records[0].topic) : "");
}

static CDZ_UNUSED void commit(struct bench *b, struct cdz_consumer *c)
{
    cdz_rc rc = cdz_queue_commit(c, NULL, 0, &b->err);
    CHECK(rc == CDZ_OK, "%s: commit: %s", b->name, b->err.text);
}

struct scanned {
    char text[256];
    size_t n, stop_after;
};

static CDZ_UNUSED bool scan_one(void *ctx, cdz_str key, cdz_str value)
{
    struct scanned *s = ctx;
    size_t at = strlen(s->text);
    snprintf(s->text + at, sizeof(s->text) - at, "%.*s=%.*s ", CDZ_S(key), CDZ_S(value));
    return ++s->n != s->stop_after;
}

#endif
