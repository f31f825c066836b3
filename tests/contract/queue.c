/*
 * The contract of port/queue.h, run against every backend, and its wrappers. What only a queue on
 * disk can promise is in queue_embedded.c.
 */
#include <pthread.h>

#include "contract/queue_bench.h"

TEST(records_reach_a_group_in_order)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
        SEND(&b, rec(CDZ_TOPIC_EVENT, "a", "1"), rec(CDZ_TOPIC_EVENT, "b", "2"));
        SEND(&b, rec(CDZ_TOPIC_EVENT, "a", "3"), rec(CDZ_TOPIC_LOG, "a", "not subscribed"));
        SEND(&b, rec(CDZ_TOPIC_EVENT, "a", ""));
        EXPECT(&b, c, "a=1", "b=2", "a=3", "a=");
        expect_nothing(&b, c);
        cdz_queue_unsubscribe(c);
    }
}

TEST(offsets_of_a_topic_ascend)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_RESULT);
        uint64_t last[CDZ_TOPIC_COUNT] = {0};
        size_t got = 0;
        for (int i = 0; i < 5; i++)
            SEND(&b, rec(CDZ_TOPIC_EVENT, "a", "1"), rec(CDZ_TOPIC_RESULT, "b", "2"),
                 rec(CDZ_TOPIC_EVENT, "a", "3"));
        for (struct cdz_batch batch = {0}; got < 15; got += batch.n) {
            cdz_rc rc = cdz_queue_poll(c, 2, SECOND, &batch, &b.err);
            CHECK(rc == CDZ_OK && batch.n, "%s: %zu records only", b.name, got);
            if (rc != CDZ_OK || !batch.n)
                break;
            for (size_t i = 0; i < batch.n; i++) {
                CHECK(batch.records[i].offset > last[batch.records[i].topic], "%s", b.name);
                last[batch.records[i].topic] = batch.records[i].offset;
            }
        }
        cdz_queue_unsubscribe(c);
    }
}

TEST(every_group_gets_every_record)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_consumer *c1 = subscribe(&b, "indexer", CDZ_TOPIC_CHANGE, CDZ_TOPIC_LOG);
        struct cdz_consumer *c2 = subscribe(&b, "other", CDZ_TOPIC_LOG, CDZ_TOPIC_LOG);
        SEND(&b, rec(CDZ_TOPIC_CHANGE, "x", "1"), rec(CDZ_TOPIC_LOG, "x", "2"));
        EXPECT(&b, c1, "x=1", "x=2");
        EXPECT(&b, c2, "x=2");
        cdz_queue_unsubscribe(c1);
        cdz_queue_unsubscribe(c2);
    }
}

TEST(a_new_group_begins_at_the_oldest_record_kept)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        SEND(&b, rec(CDZ_TOPIC_EVENT, "a", "sent before anybody was there"));
        SEND(&b, rec(CDZ_TOPIC_JOB, "a", "derived too"));
        struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
        struct cdz_consumer *w = subscribe(&b, "worker", CDZ_TOPIC_JOB, CDZ_TOPIC_JOB);
        EXPECT(&b, c, "a=sent before anybody was there");
        EXPECT(&b, w, "a=derived too");
        cdz_queue_unsubscribe(c);
        cdz_queue_unsubscribe(w);
    }
}

TEST(a_follower_begins_at_the_end_and_holds_nothing)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        SEND(&b, rec(CDZ_TOPIC_LOG, "a", "old"));
        struct cdz_consumer *f1 = subscribe(&b, NULL, CDZ_TOPIC_LOG, CDZ_TOPIC_LOG);
        struct cdz_consumer *f2 = subscribe(&b, NULL, CDZ_TOPIC_LOG, CDZ_TOPIC_LOG);
        SEND(&b, rec(CDZ_TOPIC_LOG, "a", "new"));
        EXPECT(&b, f1, "a=new");
        EXPECT(&b, f2, "a=new");
        commit(&b, f1); /* allowed, means nothing */
        cdz_queue_unsubscribe(f1);
        cdz_queue_unsubscribe(f2);
    }
}

TEST(what_was_not_committed_comes_again_to_the_next_consumer)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_RESULT);
        SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "1"));
        SEND(&b, rec(CDZ_TOPIC_RESULT, "r", "1"));
        EXPECT(&b, c, "e=1", "r=1");
        commit(&b, c);
        SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "2"), rec(CDZ_TOPIC_EVENT, "e", "3"));
        EXPECT(&b, c, "e=2", "e=3");
        SEND(&b, rec(CDZ_TOPIC_RESULT, "r", "2"), rec(CDZ_TOPIC_RESULT, "r", "3"));
        EXPECT(&b, c, "r=2", "r=3");
        cdz_queue_unsubscribe(c);
        c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_RESULT);
        EXPECT(&b, c, "r=2", "r=3", "e=2", "e=3");
        commit(&b, c);
        expect_nothing(&b, c);
        cdz_queue_unsubscribe(c);
    }
}

TEST(a_commit_covers_all_polls_since_the_last_one)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
        SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "1"), rec(CDZ_TOPIC_EVENT, "e", "2"),
             rec(CDZ_TOPIC_EVENT, "e", "3"));
        EXPECT(&b, c, "e=1");
        EXPECT(&b, c, "e=2");
        commit(&b, c);
        cdz_queue_unsubscribe(c);
        c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
        EXPECT(&b, c, "e=3");
        cdz_queue_unsubscribe(c);
    }
}

TEST(a_commit_sends_its_records)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
        struct cdz_consumer *w = subscribe(&b, "worker", CDZ_TOPIC_JOB, CDZ_TOPIC_JOB);
        struct cdz_consumer *i = subscribe(&b, "indexer", CDZ_TOPIC_CHANGE, CDZ_TOPIC_CHANGE);
        SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "1"));
        EXPECT(&b, c, "e=1");
        struct cdz_record out[] = {rec(CDZ_TOPIC_JOB, "e", "job"),
                                   rec(CDZ_TOPIC_CHANGE, "e", "change"),
                                   rec(CDZ_TOPIC_STATE, "e/0", "state")};
        cdz_rc rc = cdz_queue_commit(c, out, CDZ_COUNT(out), &b.err);
        CHECK(rc == CDZ_OK, "%s: %s", b.name, b.err.text);
        EXPECT(&b, w, "e=job");
        EXPECT(&b, i, "e=change");
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str value;
        rc = cdz_queue_get(b.q, CDZ_TOPIC_STATE, CDZ_STR("e/0"), arena, &value, &b.err);
        CHECK(rc == CDZ_OK && cdz_str_is(value, "state"), "%s", b.name);
        cdz_queue_unsubscribe(c);
        cdz_queue_unsubscribe(w);
        cdz_queue_unsubscribe(i);
    }
}

TEST(a_scan_finds_the_live_keys_under_a_prefix_in_order)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_record tombstone = {.topic = CDZ_TOPIC_STATE, .key = CDZ_STR("b/1")};
        SEND(&b, rec(CDZ_TOPIC_STATE, "b/2", "2"), rec(CDZ_TOPIC_STATE, "b/1", "1"),
             rec(CDZ_TOPIC_STATE, "a/1", "a"), rec(CDZ_TOPIC_STATE, "b/0", "x"),
             rec(CDZ_TOPIC_FLOW, "b/9", "a flow"), rec(CDZ_TOPIC_STATE, "c", ""));
        SEND(&b, tombstone, rec(CDZ_TOPIC_STATE, "b/0", "0"));
        static const struct {
            const char *prefix;
            size_t stop_after;
            const char *want;
        } rows[] = {
            {"b/", 0, "b/0=0 b/2=2 "},
            {"", 0, "a/1=a b/0=0 b/2=2 c= "},
            {"b/", 1, "b/0=0 "},
            {"zz", 0, ""},
        };
        for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
            struct scanned s = {.stop_after = rows[i].stop_after};
            cdz_rc rc = cdz_queue_scan(b.q, CDZ_TOPIC_STATE, cdz_str_z(rows[i].prefix), scan_one,
                                       &s, &b.err);
            CHECK(rc == CDZ_OK && strcmp(s.text, rows[i].want) == 0, "%s: \"%s\": %s", b.name,
                  rows[i].prefix, s.text);
        }
    }
}

TEST(the_prefix_of_a_scan_may_end_in_any_byte)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct scanned s = {0};
        SEND(&b,
             rec(CDZ_TOPIC_STATE,
                 "\xff\xff"
                 "1",
                 "1"),
             rec(CDZ_TOPIC_STATE, "\xfe", "2"));
        cdz_rc rc = cdz_queue_scan(b.q, CDZ_TOPIC_STATE, CDZ_STR("\xff\xff"), scan_one, &s, &b.err);
        CHECK(rc == CDZ_OK && s.n == 1, "%s: %zu", b.name, s.n);
    }
}

TEST(get_of_a_key_that_is_not_there_is_not_found)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str value;
        struct cdz_record tombstone = {.topic = CDZ_TOPIC_STATE, .key = CDZ_STR("gone")};
        SEND(&b, rec(CDZ_TOPIC_STATE, "gone", "1"));
        SEND(&b, tombstone);
        cdz_rc rc = cdz_queue_get(b.q, CDZ_TOPIC_STATE, CDZ_STR("gone"), arena, &value, &b.err);
        CHECK(rc == CDZ_E_NOT_FOUND, "%s: %s", b.name, cdz_rc_name(rc));
        rc = cdz_queue_get(b.q, CDZ_TOPIC_FLOW, CDZ_STR("never"), arena, &value, &b.err);
        CHECK(rc == CDZ_E_NOT_FOUND, "%s: %s", b.name, cdz_rc_name(rc));
    }
}

TEST(consumers_of_one_group_share_jobs)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_consumer *c1 = subscribe(&b, "worker", CDZ_TOPIC_JOB, CDZ_TOPIC_JOB);
        struct cdz_consumer *c2 = subscribe(&b, "worker", CDZ_TOPIC_JOB, CDZ_TOPIC_JOB);
        SEND(&b, rec(CDZ_TOPIC_JOB, "j", "1"), rec(CDZ_TOPIC_JOB, "j", "2"),
             rec(CDZ_TOPIC_JOB, "j", "3"));
        EXPECT(&b, c1, "j=1");
        EXPECT(&b, c2, "j=2");
        EXPECT(&b, c1, "j=3");
        commit(&b, c2);
        /* c1 goes without commit: its jobs go to c2, not those that c2 has done. */
        cdz_queue_unsubscribe(c1);
        EXPECT(&b, c2, "j=1", "j=3");
        commit(&b, c2);
        expect_nothing(&b, c2);
        cdz_queue_unsubscribe(c2);
    }
}

TEST(a_kept_topic_has_one_consumer_per_group)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT),
                            *second;
        enum cdz_topic event = CDZ_TOPIC_EVENT;
        cdz_rc rc = cdz_queue_subscribe(b.q, "executor", &event, 1, &second, &b.err);
        CHECK(rc == CDZ_E_CONFLICT, "%s: %s", b.name, cdz_rc_name(rc));
        cdz_queue_unsubscribe(c);
    }
}

TEST(kills_reach_every_group)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_consumer *w1 = subscribe(&b, "worker-1", CDZ_TOPIC_KILL, CDZ_TOPIC_KILL);
        struct cdz_consumer *w2 = subscribe(&b, "worker-2", CDZ_TOPIC_KILL, CDZ_TOPIC_KILL);
        SEND(&b, rec(CDZ_TOPIC_KILL, "e", "1"));
        EXPECT(&b, w1, "e=1");
        EXPECT(&b, w2, "e=1");
        cdz_queue_unsubscribe(w1);
        cdz_queue_unsubscribe(w2);
    }
}

static void *wake_soon(void *ctx)
{
    usleep(20000);
    cdz_queue_wake(ctx);
    return NULL;
}

TEST(wake_ends_a_waiting_poll)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
        struct cdz_batch batch = {0};
        pthread_t thread;
        pthread_create(&thread, NULL, wake_soon, c);
        cdz_us start = cdz_mono_us();
        cdz_rc rc = cdz_queue_poll(c, 10, 30 * (cdz_us)SECOND, &batch, &b.err);
        CHECK(rc == CDZ_OK && batch.n == 0, "%s", b.name);
        CHECK(cdz_mono_us() - start < 10 * SECOND, "%s", b.name);
        pthread_join(thread, NULL);
        /* A wake that comes before the poll is not lost. */
        cdz_queue_wake(c);
        start = cdz_mono_us();
        rc = cdz_queue_poll(c, 10, 30 * (cdz_us)SECOND, &batch, &b.err);
        CHECK(rc == CDZ_OK && cdz_mono_us() - start < 10 * SECOND, "%s", b.name);
        cdz_queue_unsubscribe(c);
    }
}

TEST(a_poll_waits_no_longer_than_told)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
        struct cdz_batch batch = {0};
        cdz_us start = cdz_mono_us();
        cdz_rc rc = cdz_queue_poll(c, 10, 30000, &batch, &b.err);
        cdz_us took = cdz_mono_us() - start;
        CHECK(rc == CDZ_OK && batch.n == 0 && took >= 29000 && took < 5 * SECOND, "%s: %lld us",
              b.name, (long long)took);
        cdz_queue_unsubscribe(c);
    }
}

TEST(records_that_are_too_large_are_refused)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        char *big = calloc(1, CDZ_RECORD_BYTES_MAX + 1);
        struct cdz_record r = {.topic = CDZ_TOPIC_EVENT,
                               .key = CDZ_STR("k"),
                               .value = {big, CDZ_RECORD_BYTES_MAX + 1}};
        cdz_rc rc = cdz_queue_send_wait(b.q, &r, 1, &b.err);
        CHECK(rc == CDZ_E_TOO_LARGE, "%s: %s", b.name, cdz_rc_name(rc));
        r = (struct cdz_record){.topic = CDZ_TOPIC_EVENT, .key = {big, CDZ_RECORD_KEY_MAX + 1}};
        rc = cdz_queue_send_wait(b.q, &r, 1, &b.err);
        CHECK(rc == CDZ_E_TOO_LARGE, "%s: %s", b.name, cdz_rc_name(rc));
        free(big);
    }
}

TEST(big_records_come_back_whole)
{
    struct bench b;
    enum { BIG = 20 << 20 };
    char *big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * 2654435761u >> 13);
    EACH_BACKEND(b)
    {
        struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
        struct cdz_record rows[] = {
            {.topic = CDZ_TOPIC_EVENT, .key = CDZ_STR("big"), .value = {big, BIG}},
            {.topic = CDZ_TOPIC_STATE, .key = CDZ_STR("big"), .value = {big, BIG}},
        };
        struct cdz_batch batch = {0};
        cdz_rc rc = cdz_queue_send_wait(b.q, rows, 2, &b.err);
        CHECK(rc == CDZ_OK, "%s: %s", b.name, b.err.text);
        rc = cdz_queue_poll(c, 10, SECOND, &batch, &b.err);
        CHECK(rc == CDZ_OK && batch.n == 1 && cdz_str_eq(batch.records[0].value, rows[0].value),
              "%s", b.name);
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str value = {0};
        rc = cdz_queue_get(b.q, CDZ_TOPIC_STATE, CDZ_STR("big"), arena, &value, &b.err);
        CHECK(rc == CDZ_OK && cdz_str_eq(value, rows[1].value), "%s", b.name);
        cdz_queue_unsubscribe(c);
    }
    free(big);
}

/* Threads: several senders, one consumer that commits, several workers. */

enum { SENDERS = 4, SENDS = 500 };

struct load {
    struct bench *b;
    int number;
    unsigned done;
};

static void count_done(void *ctx, cdz_rc rc, const struct cdz_err *err)
{
    struct load *l = ctx;
    (void)err;
    if (rc == CDZ_OK)
        __atomic_add_fetch(&l->done, 1, __ATOMIC_RELEASE);
}

static void *send_many(void *ctx)
{
    struct load *l = ctx;
    for (int i = 0; i < SENDS; i++) {
        char key[16], value[16];
        snprintf(key, sizeof(key), "s%d", l->number);
        snprintf(value, sizeof(value), "%d", i);
        struct cdz_record r[] = {rec(CDZ_TOPIC_EVENT, key, value), rec(CDZ_TOPIC_JOB, key, value)};
        cdz_queue_send(l->b->q, r, 2, count_done, l);
    }
    return NULL;
}

static void *work_many(void *ctx)
{
    struct load *l = ctx;
    struct cdz_consumer *c = subscribe(l->b, "worker", CDZ_TOPIC_JOB, CDZ_TOPIC_JOB);
    for (;;) {
        struct cdz_err err;
        struct cdz_batch batch = {0};
        if (cdz_queue_poll(c, 7, SECOND / 2, &batch, &err) != CDZ_OK || batch.n == 0)
            break;
        l->done += (unsigned)batch.n;
        struct cdz_record result = rec(CDZ_TOPIC_RESULT, "r", "1");
        if (cdz_queue_commit(c, &result, 1, &err) != CDZ_OK)
            break;
    }
    cdz_queue_unsubscribe(c);
    return NULL;
}

TEST(many_threads_lose_and_double_nothing)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
        struct cdz_consumer *r = subscribe(&b, "results", CDZ_TOPIC_RESULT, CDZ_TOPIC_RESULT);
        struct load senders[SENDERS], workers[3];
        pthread_t sender_threads[SENDERS], worker_threads[3];
        int next[SENDERS] = {0};
        size_t got = 0;
        for (int i = 0; i < 3; i++) {
            workers[i] = (struct load){.b = &b};
            pthread_create(&worker_threads[i], NULL, work_many, &workers[i]);
        }
        for (int i = 0; i < SENDERS; i++) {
            senders[i] = (struct load){.b = &b, .number = i};
            pthread_create(&sender_threads[i], NULL, send_many, &senders[i]);
        }
        for (cdz_us until = cdz_mono_us() + 60 * (cdz_us)SECOND;
             got < SENDERS * SENDS && cdz_mono_us() < until;) {
            struct cdz_batch batch = {0};
            cdz_rc rc = cdz_queue_poll(c, 64, SECOND / 10, &batch, &b.err);
            CHECK(rc == CDZ_OK, "%s: %s", b.name, b.err.text);
            for (size_t i = 0; i < batch.n; i++) {
                int64_t value = -1;
                int sender = batch.records[i].key.p[1] - '0';
                (void)cdz_str_to_i64(batch.records[i].value, &value);
                CHECK(value == next[sender], "%s: sender %d: %lld after %d", b.name, sender,
                      (long long)value, next[sender]);
                next[sender]++;
            }
            got += batch.n;
            commit(&b, c);
        }
        CHECK(got == SENDERS * SENDS, "%s: %zu", b.name, got);
        unsigned jobs = 0, acknowledged = 0;
        for (int i = 0; i < SENDERS; i++) {
            pthread_join(sender_threads[i], NULL);
            acknowledged += __atomic_load_n(&senders[i].done, __ATOMIC_ACQUIRE);
        }
        for (int i = 0; i < 3; i++) {
            pthread_join(worker_threads[i], NULL);
            jobs += workers[i].done;
        }
        CHECK(jobs == SENDERS * SENDS, "%s: %u jobs", b.name, jobs);
        CHECK(acknowledged == SENDERS * SENDS, "%s: %u acknowledged", b.name, acknowledged);
        cdz_queue_unsubscribe(c);
        cdz_queue_unsubscribe(r);
    }
}

/* The wrappers */

TEST(fault_fails_each_call_in_turn_and_a_retry_gets_through)
{
    for (int forever = 0; forever < 2; forever++) {
        FAULT_LOOP(fault, forever)
        {
            struct bench b = {.name = "fault+mem"};
            struct cdz_consumer *c = NULL;
            struct cdz_batch batch = {0};
            enum cdz_topic event = CDZ_TOPIC_EVENT;
            struct cdz_record r = rec(CDZ_TOPIC_EVENT, "e", "1"),
                              out = rec(CDZ_TOPIC_STATE, "e", "1");
            struct cdz_queue *mem = cdz_queue_mem_open();
            b.q = cdz_queue_fault_open(mem, &fault);
            cdz_rc rc = cdz_queue_send_wait(b.q, &r, 1, &b.err);
            if (rc == CDZ_OK)
                rc = cdz_queue_subscribe(b.q, "executor", &event, 1, &c, &b.err);
            if (rc == CDZ_OK)
                rc = cdz_queue_poll(c, 10, SECOND, &batch, &b.err);
            if (rc == CDZ_OK)
                rc = cdz_queue_commit(c, &out, 1, &b.err);
            CHECK((rc == CDZ_OK) == !cdz_fault_fired(&fault), "call %u", fault.at);
            CHECK(rc == CDZ_OK || rc == CDZ_E_UNAVAILABLE, "%s", cdz_rc_name(rc));
            if (rc == CDZ_OK)
                CHECK(fault.at == 5, "%u calls", fault.at - 1);
            cdz_queue_unsubscribe(c);
            cdz_queue_close(b.q);
        }
    }
}

TEST(fault_after_the_call_loses_only_the_answer)
{
    struct cdz_fault fault = {.at = 1, .after = true};
    struct bench b = {.name = "fault+mem"};
    b.q = cdz_queue_fault_open(cdz_queue_mem_open(), &fault);
    struct cdz_record r = rec(CDZ_TOPIC_EVENT, "e", "1");
    cdz_rc rc = cdz_queue_send_wait(b.q, &r, 1, &b.err);
    CHECK(rc == CDZ_E_UNAVAILABLE, "%s", cdz_rc_name(rc));
    struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
    EXPECT(&b, c, "e=1");
    cdz_queue_unsubscribe(c);
    cdz_queue_close(b.q);
}

TEST(trace_reports_every_call)
{
    struct bench b = {.name = "trace"};
    b.q = cdz_queue_trace_open(cdz_queue_mem_open(), count_line, &b);
    SEND(&b, rec(CDZ_TOPIC_EVENT, "e", "1"));
    CHECK(b.lines == 2, "send and done: %zu", b.lines);
    struct cdz_consumer *c = subscribe(&b, "executor", CDZ_TOPIC_EVENT, CDZ_TOPIC_EVENT);
    EXPECT(&b, c, "e=1");
    commit(&b, c);
    CHECK(b.lines >= 5, "%zu", b.lines);
    cdz_queue_unsubscribe(c);
    cdz_queue_close(b.q);
}

TEST_MAIN
