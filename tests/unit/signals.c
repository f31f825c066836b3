/*
 * signals.c -- the box of an event key: who waits is woken by an event, an event that is early is kept
 * for the first who asks, and the rows rebuild the same box.
 */
#include "exec/signals.h"

#include "base/buf.h"
#include "base/time.h"
#include "test.h"

#define A "1111111111111111111111"
#define B "2222222222222222222222"
#define C "3333333333333333333333"

enum { ROWS_MAX = 16 };

/* A box and its rows, as the executor keeps them. */
struct rig {
    struct cdz_arena *arena;
    struct cdz_signal_box *box;
    struct cdz_signal_row rows[ROWS_MAX];
    size_t row_count;
    struct cdz_signal_out out; /* of the last message */
};

static void rig_open(struct rig *r)
{
    *r = (struct rig){.arena = cdz_arena_open(0), .box = cdz_signal_box_open()};
}

static void rig_close(struct rig *r)
{
    cdz_signal_box_close(r->box);
    cdz_arena_close(r->arena);
}

static void keep(struct rig *r, const struct cdz_signal_row *row)
{
    size_t i = 0;
    while (i < r->row_count && !cdz_str_eq(r->rows[i].id, row->id))
        i++;
    if (row->bytes.p) {
        r->rows[i] = *row;
        r->row_count += i == r->row_count;
    } else if (i < r->row_count) {
        r->rows[i] = r->rows[--r->row_count];
    }
}

/* By way of its record, as it comes to the executor. */
static void tell(struct rig *r, struct cdz_signal m)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_signal got;
    struct cdz_err err;
    cdz_signal_encode(&m, &b);
    if (cdz_signal_decode(cdz_buf_copy(&b, r->arena), r->arena, &got, &err) != CDZ_OK)
        abort();
    cdz_signal_apply(r->box, &got, r->arena, &r->out);
    for (size_t i = 0; i < r->out.rows.n; i++)
        keep(r, &r->out.rows.v[i]);
}

static void wait_for(struct rig *r, const char *id, uint32_t taskrun, uint32_t epoch, cdz_us at)
{
    tell(r, (struct cdz_signal){.kind = CDZ_SIGNAL_WAIT,
                                .execution_id = cdz_str_z(id),
                                .taskrun = taskrun,
                                .epoch = epoch,
                                .at = at});
}

static void leave(struct rig *r, const char *id, uint32_t taskrun, uint32_t epoch)
{
    tell(r, (struct cdz_signal){.kind = CDZ_SIGNAL_LEAVE,
                                .execution_id = cdz_str_z(id),
                                .taskrun = taskrun,
                                .epoch = epoch});
}

static void event(struct rig *r, int n, cdz_us at)
{
    cdz_val outputs = cdz_val_map(r->arena, 1);
    cdz_map_putz(r->arena, outputs, "n", cdz_val_int(n));
    tell(r, (struct cdz_signal){.kind = CDZ_SIGNAL_EVENT, .at = at, .outputs = outputs});
}

/* The box as a restart would make it from the rows, in place of the one that is there. */
static void reload(struct rig *r)
{
    struct cdz_err err = {0};
    cdz_signal_box_close(r->box);
    r->box = cdz_signal_box_open();
    for (size_t i = r->row_count; i-- > 0;) /* in any order */
        CHECK(cdz_signal_load(r->box, r->rows[i].id, r->rows[i].bytes, &err) == CDZ_OK, "%s",
              err.text);
}

static bool woke(const struct rig *r, size_t i, const char *id, uint32_t taskrun, uint32_t epoch,
                 int n)
{
    if (i >= r->out.woken.n)
        return false;
    const struct cdz_signal *w = &r->out.woken.v[i];
    return cdz_str_is(w->execution_id, id) && w->taskrun == taskrun && w->epoch == epoch &&
           cdz_map_getz(w->outputs, "n").i == n;
}

TEST(an_event_wakes_who_waits_and_is_gone)
{
    for (int again = 0; again < 2; again++) {
        struct rig r;
        rig_open(&r);
        wait_for(&r, A, 3, 7, 1);
        CHECK(r.out.woken.n == 0 && r.row_count == 1, "it is woken by nothing");
        if (again)
            reload(&r);
        event(&r, 5, 2);
        CHECK(r.out.woken.n == 1 && woke(&r, 0, A, 3, 7, 5), "not woken");
        CHECK(r.row_count == 0 && cdz_signal_box_is_empty(r.box), "%zu rows stay", r.row_count);
        wait_for(&r, B, 1, 1, 3);
        CHECK(r.out.woken.n == 0, "the event was kept though somebody had it");
        rig_close(&r);
    }
}

TEST(an_event_wakes_all_that_wait)
{
    for (int again = 0; again < 2; again++) {
        struct rig r;
        rig_open(&r);
        wait_for(&r, A, 1, 1, 1);
        wait_for(&r, A, 2, 1, 1);
        wait_for(&r, B, 1, 4, 1);
        CHECK(r.row_count == 3, "%zu rows", r.row_count);
        if (again)
            reload(&r);
        event(&r, 1, 2);
        CHECK(r.out.woken.n == 3, "%zu woken", r.out.woken.n);
        bool a1 = false, a2 = false, b = false;
        for (size_t i = 0; i < r.out.woken.n; i++) {
            a1 |= woke(&r, i, A, 1, 1, 1);
            a2 |= woke(&r, i, A, 2, 1, 1);
            b |= woke(&r, i, B, 1, 4, 1);
        }
        CHECK(a1 && a2 && b, "%d %d %d", a1, a2, b);
        CHECK(r.row_count == 0 && cdz_signal_box_is_empty(r.box), "rows stay");
        rig_close(&r);
    }
}

TEST(an_early_event_is_kept_for_the_first_who_asks)
{
    for (int again = 0; again < 2; again++) {
        struct rig r;
        rig_open(&r);
        event(&r, 8, 10);
        CHECK(r.row_count == 1 && !cdz_signal_box_is_empty(r.box), "not kept");
        if (again)
            reload(&r);
        wait_for(&r, A, 2, 3, 20);
        CHECK(r.out.woken.n == 1 && woke(&r, 0, A, 2, 3, 8), "not woken at once");
        CHECK(r.row_count == 0 && cdz_signal_box_is_empty(r.box), "it is still kept");
        wait_for(&r, B, 2, 3, 21);
        CHECK(r.out.woken.n == 0 && r.row_count == 1, "a second one got it, too");
        rig_close(&r);
    }
}

TEST(of_early_events_the_last_one_counts)
{
    struct rig r;
    rig_open(&r);
    event(&r, 1, 10);
    event(&r, 2, 11);
    CHECK(r.row_count == 1, "%zu rows", r.row_count);
    reload(&r);
    wait_for(&r, A, 1, 1, 12);
    CHECK(woke(&r, 0, A, 1, 1, 2), "not the last one");
    rig_close(&r);
}

TEST(an_early_event_is_kept_for_a_day)
{
    const cdz_us day = 24 * 3600 * CDZ_SECOND;
    struct rig r;
    rig_open(&r);
    event(&r, 1, 100);
    wait_for(&r, A, 1, 1, 100 + day - 1);
    CHECK(r.out.woken.n == 1, "gone too early");
    event(&r, 2, 100);
    reload(&r);
    wait_for(&r, B, 1, 1, 100 + day);
    CHECK(r.out.woken.n == 0, "an old event wakes");
    CHECK(r.row_count == 1, "%zu rows: the old event's is to go, the waiter's to come",
          r.row_count);
    event(&r, 3, 101 + day);
    CHECK(woke(&r, 0, B, 1, 1, 3), "the one behind the old event does not wait");
    rig_close(&r);
}

TEST(a_kept_event_is_forgotten_when_it_is_old)
{
    struct rig r;
    rig_open(&r);
    wait_for(&r, A, 1, 1, 1);
    CHECK(cdz_signal_box_keeps(r.box) == 0, "an event that is not there");
    event(&r, 1, 5);
    CHECK(cdz_signal_box_keeps(r.box) == 0, "one that was taken");
    event(&r, 1, 10);
    CHECK(cdz_signal_box_keeps(r.box) > 0, "not kept");
    cdz_signal_forget(r.box, 10, r.arena, &r.out);
    CHECK(r.out.rows.n == 0 && cdz_signal_box_keeps(r.box) > 0, "forgotten too early");
    cdz_signal_forget(r.box, 11, r.arena, &r.out);
    CHECK(r.out.rows.n == 1 && !r.out.rows.v[0].bytes.p && cdz_signal_box_is_empty(r.box),
          "not forgotten");
    cdz_signal_forget(r.box, 11, r.arena, &r.out);
    CHECK(r.out.rows.n == 0, "twice");
    rig_close(&r);
}

TEST(who_leaves_is_not_woken)
{
    struct rig r;
    rig_open(&r);
    wait_for(&r, A, 1, 1, 1);
    wait_for(&r, B, 1, 1, 1);
    leave(&r, A, 1, 1);
    CHECK(r.row_count == 1, "%zu rows", r.row_count);
    event(&r, 1, 2);
    CHECK(r.out.woken.n == 1 && woke(&r, 0, B, 1, 1, 1), "the wrong one");
    rig_close(&r);
}

TEST(leaving_late_or_twice_changes_nothing)
{
    struct rig r;
    rig_open(&r);
    leave(&r, A, 1, 1);
    CHECK(r.out.rows.n == 0 && cdz_signal_box_is_empty(r.box), "of nobody");
    wait_for(&r, A, 1, 2, 1);
    leave(&r, A, 1, 1);
    CHECK(r.out.rows.n == 0, "an older attempt's");
    leave(&r, A, 2, 2);
    CHECK(r.out.rows.n == 0, "another task run's");
    event(&r, 1, 2);
    CHECK(woke(&r, 0, A, 1, 2, 1), "it was taken away");
    rig_close(&r);
}

TEST(waiting_twice_is_waiting_once_with_the_last_epoch)
{
    struct rig r;
    rig_open(&r);
    wait_for(&r, A, 1, 1, 1);
    wait_for(&r, A, 1, 1, 1);
    wait_for(&r, A, 1, 2, 1);
    CHECK(r.row_count == 1, "%zu rows", r.row_count);
    reload(&r);
    event(&r, 1, 2);
    CHECK(r.out.woken.n == 1 && woke(&r, 0, A, 1, 2, 1), "%zu woken", r.out.woken.n);
    rig_close(&r);
}

TEST(many_wait_and_all_are_woken)
{
    enum { MANY = 100 };
    struct rig r;
    rig_open(&r);
    for (uint32_t i = 0; i < MANY; i++) {
        struct cdz_signal m = {
            .kind = CDZ_SIGNAL_WAIT, .execution_id = CDZ_STR(C), .taskrun = i, .epoch = 1};
        cdz_signal_apply(r.box, &m, r.arena, &r.out);
    }
    struct cdz_signal m = {.kind = CDZ_SIGNAL_EVENT, .at = 1};
    cdz_signal_apply(r.box, &m, r.arena, &r.out);
    CHECK(r.out.woken.n == MANY && r.out.rows.n == MANY, "%zu, %zu", r.out.woken.n, r.out.rows.n);
    CHECK(cdz_signal_box_is_empty(r.box), "somebody still waits");
    rig_close(&r);
}

TEST(keys_differ_as_namespaces_and_texts_do)
{
    static const struct {
        const char *why, *ns, *key, *other_ns, *other;
    } rows[] = {
        {"another key", "n", "a", "n", "b"},
        {"another namespace", "n", "a", "m", "a"},
        {"what must be escaped", "n", "a/b", "n", "a b"},
        {"an escape written out", "n", "a/b", "n", "a%2Fb"},
        {"umlauts", "n", "\xc3\xa4", "n", "\xc3\xb6"},
    };
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        cdz_str a = cdz_signal_key(cdz_str_z(rows[i].ns), cdz_str_z(rows[i].key), arena),
                b = cdz_signal_key(cdz_str_z(rows[i].other_ns), cdz_str_z(rows[i].other), arena);
        CHECK(cdz_str_starts(a, CDZ_STR(CDZ_SIGNAL_PREFIX)), "%.*s", CDZ_S(a));
        CHECK(!cdz_str_eq(a, b), "%s: %.*s", rows[i].why, CDZ_S(a));
    }
    struct cdz_buf x = CDZ_BUF_INIT, y = CDZ_BUF_INIT;
    for (int i = 0; i < 500; i++) {
        cdz_buf_c(&x, 'k');
        cdz_buf_c(&y, 'k');
    }
    cdz_buf_c(&x, '1');
    cdz_buf_c(&y, '2');
    cdz_str a = cdz_signal_key(CDZ_STR("n"), cdz_buf_get(&x), arena),
            b = cdz_signal_key(CDZ_STR("n"), cdz_buf_get(&y), arena);
    CHECK(!cdz_str_eq(a, b) && a.n < 400, "long keys: %.*s", CDZ_S(a));
    cdz_buf_done(&x);
    cdz_buf_done(&y);
}

TEST(damaged_records_are_refused)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_signal m = {.kind = CDZ_SIGNAL_WAIT, .execution_id = CDZ_STR(A), .at = 1}, got;
    struct cdz_signal_box *box = cdz_signal_box_open();
    struct cdz_err err;
    cdz_signal_encode(&m, &b);
    cdz_str whole = cdz_buf_get(&b);
    for (size_t n = 0; n < whole.n; n++)
        CHECK(cdz_signal_decode(cdz_str_sub(whole, 0, n), arena, &got, &err) == CDZ_E_CORRUPT,
              "%zu bytes of %zu", n, whole.n);
    CHECK(cdz_signal_load(box, CDZ_STR("x"), cdz_str_sub(whole, 0, 3), &err) == CDZ_E_CORRUPT,
          "a row that is cut short");
    cdz_buf_reset(&b);
    m.kind = (enum cdz_signal_kind)9;
    cdz_signal_encode(&m, &b);
    CHECK(cdz_signal_decode(cdz_buf_get(&b), arena, &got, &err) == CDZ_E_CORRUPT, "the kind");
    cdz_buf_reset(&b);
    m = (struct cdz_signal){.kind = CDZ_SIGNAL_WAIT, .execution_id = CDZ_STR("no id")};
    cdz_signal_encode(&m, &b);
    CHECK(cdz_signal_decode(cdz_buf_get(&b), arena, &got, &err) == CDZ_E_CORRUPT, "the id");
    cdz_signal_box_close(box);
}

TEST_MAIN
