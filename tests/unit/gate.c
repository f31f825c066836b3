/*
 * gate.c -- the gate of a concurrency limit: who begins at once, who waits and in which order, who is
 * refused or displaced; and that its rows rebuild the same gate after every message.
 */
#include "exec/gate.h"

#include "base/buf.h"
#include "base/id.h"
#include "base/time.h"
#include "test.h"

enum { ROWS_MAX = 64 };

/* A gate and its rows, as the executor keeps them. */
struct rig {
    struct cdz_arena *arena;
    struct cdz_gate *gate;
    struct cdz_gate_row rows[ROWS_MAX];
    size_t row_count;
    struct cdz_gate_out out; /* of the last message */
    cdz_us now;
};

static void rig_open(struct rig *r)
{
    *r = (struct rig){.arena = cdz_arena_open(0), .gate = cdz_gate_open()};
}

static void rig_close(struct rig *r)
{
    cdz_gate_close(r->gate);
    cdz_arena_close(r->arena);
}

/* An execution's id of one letter, behind a digit. */
static cdz_str id_of(char name, struct cdz_arena *arena)
{
    return cdz_arena_printf(arena, "1%c", name);
}

static void keep(struct rig *r, const struct cdz_gate_row *row)
{
    size_t i = 0;
    while (i < r->row_count && !cdz_str_eq(r->rows[i].id, row->id))
        i++;
    if (row->bytes.p) {
        if (i == ROWS_MAX)
            abort();
        r->rows[i] = *row;
        r->row_count += i == r->row_count;
    } else if (i < r->row_count) {
        r->rows[i] = r->rows[--r->row_count];
    }
}

/* As a restart makes it; rows come in any order. */
static struct cdz_gate *loaded(const struct rig *r, bool backwards)
{
    struct cdz_gate *g = cdz_gate_open();
    struct cdz_err err = {0};
    for (size_t i = 0; i < r->row_count; i++) {
        const struct cdz_gate_row *row = &r->rows[backwards ? r->row_count - 1 - i : i];
        CHECK(cdz_gate_load(g, row->id, row->bytes, &err) == CDZ_OK, "%s", err.text);
    }
    return g;
}

/* Numbers of arrival may differ: only their order counts. */
static bool same_row(cdz_str a, cdz_str b)
{
    struct cdz_gate_place x, y;
    struct cdz_err err;
    if (!a.p || !b.p)
        return !a.p && !b.p;
    if (cdz_gate_place_decode(a, &x, &err) != CDZ_OK ||
        cdz_gate_place_decode(b, &y, &err) != CDZ_OK)
        return false;
    return x.holds == y.holds && x.evicted == y.evicted && x.is_limit == y.is_limit &&
           x.limit == y.limit && x.priority == y.priority && x.since == y.since;
}

static bool same(const struct cdz_gate_out *a, const struct cdz_gate_out *b)
{
    bool ok = a->rows.n == b->rows.n && a->answers.n == b->answers.n;
    for (size_t i = 0; ok && i < a->rows.n; i++)
        ok = cdz_str_eq(a->rows.v[i].id, b->rows.v[i].id) &&
             same_row(a->rows.v[i].bytes, b->rows.v[i].bytes);
    for (size_t i = 0; ok && i < a->answers.n; i++)
        ok = cdz_str_eq(a->answers.v[i].execution_id, b->answers.v[i].execution_id) &&
             a->answers.v[i].answer == b->answers.v[i].answer;
    return ok;
}

/* By way of its record; and a gate made from the rows must do the same. */
static void tell(struct rig *r, struct cdz_gate_msg m)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_gate_out out;
    struct cdz_gate_msg got;
    struct cdz_err err;
    m.at = ++r->now;
    cdz_gate_msg_encode(&m, &b);
    if (cdz_gate_msg_decode(cdz_buf_copy(&b, r->arena), &got, &err) != CDZ_OK)
        abort();
    struct cdz_gate *again[] = {loaded(r, false), loaded(r, true)};
    cdz_gate_apply(r->gate, &got, r->arena, &r->out);
    for (size_t i = 0; i < CDZ_COUNT(again); i++) {
        cdz_gate_apply(again[i], &got, r->arena, &out);
        CHECK(same(&out, &r->out), "the rebuilt gate does something else");
        CHECK(cdz_gate_is_empty(again[i]) == cdz_gate_is_empty(r->gate), "it is empty");
        cdz_gate_close(again[i]);
    }
    for (size_t i = 0; i < r->out.rows.n; i++)
        keep(r, &r->out.rows.v[i]);
    CHECK((r->row_count == 0) == cdz_gate_is_empty(r->gate), "%zu rows", r->row_count);
    if (cdz_gate_is_empty(r->gate)) { /* as the executor does */
        cdz_gate_close(r->gate);
        r->gate = cdz_gate_open();
    }
}

static void arrive_as(struct rig *r, char name, unsigned limit,
                      enum cdz_concurrency_behavior behavior, int64_t priority)
{
    tell(r, (struct cdz_gate_msg){.kind = CDZ_GATE_ARRIVE,
                                  .execution_id = id_of(name, r->arena),
                                  .limit = limit,
                                  .behavior = behavior,
                                  .priority = priority});
}

static void arrive(struct rig *r, char name, unsigned limit)
{
    arrive_as(r, name, limit, CDZ_CONCURRENCY_QUEUE, 0);
}

static void leave(struct rig *r, char name)
{
    tell(r, (struct cdz_gate_msg){.kind = CDZ_GATE_LEAVE, .execution_id = id_of(name, r->arena)});
}

static void force(struct rig *r, char name)
{
    tell(r, (struct cdz_gate_msg){.kind = CDZ_GATE_FORCE, .execution_id = id_of(name, r->arena)});
}

/* The answers to the last message, such as "a+ b?": + granted, ? queued, x cancelled, f failed,
 * ! evicted. */
static const char *said(struct rig *r)
{
    static const char signs[] = {[CDZ_GATE_GRANTED] = '+',
                                 [CDZ_GATE_QUEUED] = '?',
                                 [CDZ_GATE_CANCEL] = 'x',
                                 [CDZ_GATE_FAIL] = 'f',
                                 [CDZ_GATE_EVICT] = '!'};
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    for (size_t i = 0; i < r->out.answers.n; i++)
        cdz_buf_printf(&b, "%s%c%c", i ? " " : "", r->out.answers.v[i].execution_id.p[1],
                       signs[r->out.answers.v[i].answer]);
    return cdz_arena_z(r->arena, cdz_buf_get(&b));
}

#define SAID(r, want) CHECK(strcmp(said(r), (want)) == 0, "\"%s\" instead of \"%s\"", said(r), want)

TEST(as_many_begin_as_the_limit_says_and_the_rest_in_order)
{
    struct rig r;
    rig_open(&r);
    arrive(&r, 'a', 2);
    SAID(&r, "a+");
    arrive(&r, 'b', 2);
    SAID(&r, "b+");
    arrive(&r, 'c', 2);
    SAID(&r, "c?");
    arrive(&r, 'd', 2);
    SAID(&r, "d?");
    leave(&r, 'b');
    SAID(&r, "c+");
    leave(&r, 'a');
    SAID(&r, "d+");
    leave(&r, 'c');
    SAID(&r, "");
    leave(&r, 'd');
    SAID(&r, "");
    CHECK(cdz_gate_is_empty(r.gate) && r.row_count == 0, "%zu rows", r.row_count);
    rig_close(&r);
}

TEST(who_comes_late_does_not_overtake_who_waits)
{
    struct rig r;
    rig_open(&r);
    arrive(&r, 'a', 1);
    arrive(&r, 'b', 1);
    leave(&r, 'a');
    SAID(&r, "b+");
    arrive(&r, 'c', 1);
    SAID(&r, "c?");
    rig_close(&r);
}

TEST(a_higher_priority_leaves_the_queue_first_and_equals_in_order)
{
    struct rig r;
    rig_open(&r);
    arrive(&r, 'a', 1);
    arrive_as(&r, 'b', 1, CDZ_CONCURRENCY_QUEUE, 0);
    arrive_as(&r, 'c', 1, CDZ_CONCURRENCY_QUEUE, 5);
    arrive_as(&r, 'd', 1, CDZ_CONCURRENCY_QUEUE, -1);
    arrive_as(&r, 'e', 1, CDZ_CONCURRENCY_QUEUE, 5);
    leave(&r, 'a');
    SAID(&r, "c+");
    leave(&r, 'c');
    SAID(&r, "e+");
    leave(&r, 'e');
    SAID(&r, "b+");
    leave(&r, 'b');
    SAID(&r, "d+");
    rig_close(&r);
}

TEST(who_waits_may_leave_from_any_place)
{
    struct rig r;
    for (char gone = 'b'; gone <= 'f'; gone++) {
        rig_open(&r);
        for (char c = 'a'; c <= 'f'; c++)
            arrive(&r, c, 1);
        leave(&r, gone);
        SAID(&r, "");
        for (char c = 'b', before = 'a'; c <= 'f'; c++) {
            char want[3] = {c, '+', 0};
            if (c == gone)
                continue;
            leave(&r, before);
            SAID(&r, want);
            before = c;
        }
        rig_close(&r);
    }
}

TEST(full_cancels_or_fails_who_does_not_want_to_wait)
{
    struct rig r;
    rig_open(&r);
    arrive_as(&r, 'a', 1, CDZ_CONCURRENCY_CANCEL, 0);
    SAID(&r, "a+");
    arrive_as(&r, 'b', 1, CDZ_CONCURRENCY_CANCEL, 0);
    SAID(&r, "bx");
    arrive_as(&r, 'c', 1, CDZ_CONCURRENCY_FAIL, 0);
    SAID(&r, "cf");
    CHECK(r.row_count == 2, "%zu rows: the limit's, and a's", r.row_count);
    leave(&r, 'b'); /* what the refused ones send at their end */
    leave(&r, 'c');
    SAID(&r, "");
    leave(&r, 'a');
    arrive_as(&r, 'd', 1, CDZ_CONCURRENCY_FAIL, 0);
    SAID(&r, "d+");
    rig_close(&r);
}

TEST(a_newer_one_displaces_the_oldest)
{
    struct rig r;
    rig_open(&r);
    arrive_as(&r, 'a', 2, CDZ_CONCURRENCY_CANCEL_PREVIOUS, 0);
    arrive_as(&r, 'b', 2, CDZ_CONCURRENCY_CANCEL_PREVIOUS, 0);
    SAID(&r, "b+");
    arrive_as(&r, 'c', 2, CDZ_CONCURRENCY_CANCEL_PREVIOUS, 0);
    SAID(&r, "a! c?");
    leave(&r, 'a');
    SAID(&r, "c+");
    arrive_as(&r, 'd', 2, CDZ_CONCURRENCY_CANCEL_PREVIOUS, 0);
    SAID(&r, "b! d?");
    rig_close(&r);
}

/* Several may come before the first one has stopped: each displaces another one. */
TEST(of_many_newer_ones_only_the_last_goes_on)
{
    struct rig r;
    rig_open(&r);
    arrive_as(&r, 'a', 1, CDZ_CONCURRENCY_CANCEL_PREVIOUS, 0);
    arrive_as(&r, 'b', 1, CDZ_CONCURRENCY_CANCEL_PREVIOUS, 0);
    SAID(&r, "a! b?");
    arrive_as(&r, 'c', 1, CDZ_CONCURRENCY_CANCEL_PREVIOUS, 0);
    SAID(&r, "b! c?");
    arrive_as(&r, 'd', 1, CDZ_CONCURRENCY_CANCEL_PREVIOUS, 0);
    SAID(&r, "c! d?");
    leave(&r, 'b');
    leave(&r, 'c');
    SAID(&r, "");
    leave(&r, 'a');
    SAID(&r, "d+");
    rig_close(&r);
}

TEST(a_lowered_limit_displaces_more)
{
    struct rig r;
    rig_open(&r);
    for (char c = 'a'; c <= 'c'; c++)
        arrive_as(&r, c, 3, CDZ_CONCURRENCY_CANCEL_PREVIOUS, 0);
    arrive_as(&r, 'd', 1, CDZ_CONCURRENCY_CANCEL_PREVIOUS, 0);
    SAID(&r, "a! b! c! d?");
    leave(&r, 'a');
    leave(&r, 'b');
    SAID(&r, "");
    leave(&r, 'c');
    SAID(&r, "d+");
    rig_close(&r);
}

TEST(a_forced_one_begins_whatever_the_limit_says)
{
    struct rig r;
    rig_open(&r);
    arrive(&r, 'a', 1);
    arrive(&r, 'b', 1);
    arrive(&r, 'c', 1);
    force(&r, 'c');
    SAID(&r, "c+");
    force(&r, 'c');
    SAID(&r, "");
    leave(&r, 'a');
    SAID(&r, ""); /* c holds the place */
    leave(&r, 'c');
    SAID(&r, "b+");
    force(&r, 'd'); /* it has never asked */
    SAID(&r, "d+");
    leave(&r, 'b');
    leave(&r, 'd');
    CHECK(r.row_count == 0, "%zu rows", r.row_count);
    force(&r, 'e');
    SAID(&r, "e+");
    arrive(&r, 'f', 1);
    SAID(&r, "f?");
    rig_close(&r);
}

TEST(the_last_limit_counts)
{
    struct rig r;
    rig_open(&r);
    arrive(&r, 'a', 1);
    arrive(&r, 'b', 1);
    arrive(&r, 'c', 1);
    arrive(&r, 'd', 3); /* raised: those that wait go first */
    SAID(&r, "b+ c+ d?");
    arrive(&r, 'e', 1); /* lowered: nobody is stopped */
    SAID(&r, "e?");
    leave(&r, 'a');
    leave(&r, 'b');
    SAID(&r, "");
    leave(&r, 'c');
    SAID(&r, "d+");
    arrive(&r, 'f', 0); /* none is known any more */
    SAID(&r, "e+ f+");
    rig_close(&r);
}

TEST(a_message_that_comes_twice_changes_nothing)
{
    struct rig r;
    rig_open(&r);
    arrive(&r, 'a', 1);
    arrive(&r, 'a', 1);
    SAID(&r, "");
    CHECK(r.out.rows.n == 0, "rows are written");
    arrive(&r, 'b', 1);
    arrive(&r, 'b', 1);
    SAID(&r, "");
    leave(&r, 'a');
    SAID(&r, "b+");
    leave(&r, 'a');
    SAID(&r, "");
    CHECK(r.out.rows.n == 0, "rows are written");
    leave(&r, 'b');
    leave(&r, 'b');
    CHECK(r.row_count == 0 && r.out.rows.n == 0, "rows stay");
    rig_close(&r);
}

/* tell() compares with a rebuilt gate each time. */
TEST(any_sequence_of_messages_keeps_the_limit_and_is_rebuilt_from_rows)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct cdz_rng rng;
        struct rig r;
        bool inside['z' - 'a' + 1] = {0}, forced['z' - 'a' + 1] = {0};
        const unsigned limit = 1 + (unsigned)seed % 4;
        cdz_rng_seed(&rng, seed);
        rig_open(&r);
        for (int i = 0; i < 200; i++) {
            uint64_t dice = cdz_rng_next(&rng);
            char c = (char)('a' + dice % 26);
            if (dice % 100 < 55)
                arrive_as(&r, c, limit,
                          seed % 5 == 0 ? CDZ_CONCURRENCY_CANCEL_PREVIOUS : CDZ_CONCURRENCY_QUEUE,
                          (int64_t)(dice >> 32) % 3);
            else if (dice % 100 < 97)
                leave(&r, c);
            else
                force(&r, c);
            if (dice % 100 >= 97)
                forced[c - 'a'] = true;
            if (dice % 100 >= 55 && dice % 100 < 97)
                inside[c - 'a'] = forced[c - 'a'] = false;
            for (size_t k = 0; k < r.out.answers.n; k++)
                if (r.out.answers.v[k].answer == CDZ_GATE_GRANTED)
                    inside[r.out.answers.v[k].execution_id.p[1] - 'a'] = true;
            size_t n = 0;
            for (size_t k = 0; k < CDZ_COUNT(inside); k++)
                n += inside[k] && !forced[k];
            CHECK(n <= limit, "seed %llu: %zu of %u at once", (unsigned long long)seed, n, limit);
        }
        for (char c = 'a'; c <= 'z'; c++)
            leave(&r, c);
        CHECK(cdz_gate_is_empty(r.gate) && r.row_count == 0, "not empty at the end");
        rig_close(&r);
    }
}

TEST(keys_differ_as_flows_and_values_do)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str plain = cdz_gate_key(CDZ_STR("n"), CDZ_STR("f"), false, CDZ_STR(""), arena),
            empty = cdz_gate_key(CDZ_STR("n"), CDZ_STR("f"), true, CDZ_STR(""), arena),
            slash = cdz_gate_key(CDZ_STR("n"), CDZ_STR("f"), true, CDZ_STR("a/b"), arena),
            escape = cdz_gate_key(CDZ_STR("n"), CDZ_STR("f"), true, CDZ_STR("a%2Fb"), arena),
            pool = cdz_gate_pool_key(CDZ_STR("f"), arena);
    const cdz_str all[] = {plain, empty, slash, escape, pool};
    for (size_t i = 0; i < CDZ_COUNT(all); i++) {
        CHECK(cdz_str_starts(all[i], CDZ_STR(CDZ_GATE_PREFIX)), "%.*s", CDZ_S(all[i]));
        CHECK(cdz_gate_is_pool(all[i]) == (i == 4), "%.*s", CDZ_S(all[i]));
        for (size_t k = 0; k < i; k++)
            CHECK(!cdz_str_eq(all[i], all[k]), "%.*s twice", CDZ_S(all[i]));
    }
    CHECK(cdz_str_is(slash, "~g/n/f:a%2Fb"), "%.*s", CDZ_S(slash)); /* rows lie behind a '/' */
    char one[1000], two[1000];
    memset(one, 'x', sizeof(one));
    memset(two, 'x', sizeof(two));
    two[999] = 'y';
    cdz_str a = cdz_gate_key(CDZ_STR("n"), CDZ_STR("f"), true, (cdz_str){one, 1000}, arena),
            b = cdz_gate_key(CDZ_STR("n"), CDZ_STR("f"), true, (cdz_str){two, 1000}, arena);
    CHECK(!cdz_str_eq(a, b) && a.n < 400, "%zu bytes", a.n);
}

TEST(damaged_records_are_refused)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_gate_msg m = {.kind = CDZ_GATE_ARRIVE, .execution_id = id_of('a', arena)}, got;
    struct cdz_gate_place place;
    struct cdz_err err;
    struct rig r;
    cdz_gate_msg_encode(&m, &b);
    cdz_str whole = cdz_buf_get(&b);
    for (size_t n = 0; n < whole.n; n++)
        CHECK(cdz_gate_msg_decode(cdz_str_sub(whole, 0, n), &got, &err) == CDZ_E_CORRUPT,
              "%zu bytes of %zu", n, whole.n);
    rig_open(&r);
    arrive(&r, 'a', 1);
    for (size_t i = 0; i < r.row_count; i++) {
        cdz_str row = r.rows[i].bytes;
        CHECK(cdz_gate_place_decode(row, &place, &err) == CDZ_OK, "a whole row");
        CHECK(cdz_gate_load(r.gate, r.rows[i].id, cdz_str_sub(row, 0, row.n - 1), &err) ==
                  CDZ_E_CORRUPT,
              "a row that is cut short");
    }
    rig_close(&r);
}

TEST_MAIN
