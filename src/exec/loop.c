/*
 * loop.c -- WaitFor and LoopUntil: the tasks are run again and again until a condition holds.
 *
 * Each turn takes the task runs of the one before away and uses their places again. While it waits for
 * its next turn the task run stays RUNNING with due_at set: a loop that polls for a day does not
 * write a history of thousands of pauses. reference/tasks.md §1.
 */
#include "base/time.h"
#include "exec/internal.h"
#include "expr/lib.h"

static int64_t turn_of(const struct cdz_taskrun *t)
{
    cdz_val n = cdz_map_getz(t->outputs, "iterationCount");
    return n.kind == CDZ_INT ? n.i : 1;
}

void cdz_loop_begin(struct step *s, struct cdz_taskrun *t)
{
    cdz_taskrun_output(s, t, "iterationCount", cdz_val_i32(1));
}

/* Marks them gone, inner loops' too; what they were waits in `gone` for its place to be used. */
static void clear(struct step *s, struct cdz_scope *loop, struct cdz_arena *arena,
                  struct cdz_scope *into)
{
    struct cdz_execution *e = s->e;
    for (size_t i = 0; i < loop->members.n; i++) {
        struct cdz_taskrun *t = e->taskruns.v[loop->members.v[i]];
        if (t->gone)
            continue;
        if (t->scope && t->scope->loop == t->scope)
            clear(s, t->scope, arena, into);
        if (!cdz_state_is_terminated(cdz_state_now(&t->history)))
            cdz_taskrun_put_down(s, t, CDZ_KILLED);
        cdz_index_remove(e, t);
        t->gone = true;
        t->scope = NULL;
        t->outputs = CDZ_VAL_NULL;
        t->values = CDZ_VAL_NULL;
        t->hidden = CDZ_VAL_NULL;
        cdz_step_touch(s, t);
        CDZ_PUSH(arena, &into->free, t->index);
    }
    for (size_t i = loop->free_at; loop != into && i < loop->free.n; i++)
        CDZ_PUSH(arena, &into->free, loop->free.v[i]);
    loop->members.n = 0;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

void cdz_loop_clear(struct step *s, struct cdz_scope *loop)
{
    size_t left = loop->free.n - loop->free_at;
    if (loop->free_at > 0) {
        memmove(loop->free.v, loop->free.v + loop->free_at, left * sizeof(*loop->free.v));
        loop->free.n = left;
        loop->free_at = 0;
    }
    clear(s, loop, s->e->arena, loop);
    if (loop->free.n > 1)
        qsort(loop->free.v, loop->free.n, sizeof(*loop->free.v), ascending);
    loop->live = 0;
    loop->passive = loop->task->type->flow_kind == CDZ_FLOW_WORKING_DIRECTORY;
    loop->begun = loop->ended = loop->errors_begun = loop->errors_ended = 0;
    loop->finals_begun = loop->finals_ended = 0;
    loop->failed = loop->killed = loop->warned = loop->skipped = false;
    loop->error_failed = loop->final_failed = false;
}

static cdz_rc holds(struct step *s, struct cdz_taskrun *t, bool *ret, struct cdz_err *err)
{
    cdz_str text;
    CDZ_TRY(cdz_step_text(s, t, "condition", &text, err));
    *ret = cdz_truthy(text);
    return CDZ_OK;
}

struct frequency {
    int64_t max_turns; /* 0: no limit */
    cdz_us max_duration, interval;
};

static cdz_rc frequency_of(struct step *s, struct cdz_taskrun *t, struct frequency *ret,
                           struct cdz_err *err)
{
    cdz_val f = cdz_map_getz(t->task->props, "checkFrequency"), n;
    cdz_val turns = cdz_map_getz(f, "maxIterations"), span = cdz_map_getz(f, "maxDuration"),
            interval = cdz_map_getz(f, "interval");
    *ret = (struct frequency){100, 3600 * CDZ_SECOND, CDZ_SECOND};
    if (!cdz_val_is_null(turns)) {
        CDZ_TRY(cdz_step_render(s, t, turns, &n, err));
        if (n.kind == CDZ_TEXT && !cdz_str_to_i64(cdz_val_str(n), &n.i))
            return cdz_fail(err, CDZ_E_TASK, "checkFrequency.maxIterations must be a number");
        ret->max_turns = n.i;
    }
    if (!cdz_val_is_null(span))
        CDZ_TRY(cdz_step_duration(s, t, span, &ret->max_duration, err));
    if (!cdz_val_is_null(interval))
        CDZ_TRY(cdz_step_duration(s, t, interval, &ret->interval, err));
    return CDZ_OK;
}

/* True: another turn, at *ret_at. False: *state is the end. */
static cdz_rc decide(struct step *s, struct cdz_taskrun *t, bool *ret_again, cdz_us *ret_at,
                     enum cdz_state *state, struct cdz_err *err)
{
    struct frequency f;
    bool done;
    *ret_again = false;
    CDZ_TRY(holds(s, t, &done, err));
    if (done)
        return CDZ_OK;
    CDZ_TRY(frequency_of(s, t, &f, err));
    bool too_many = f.max_turns > 0 && turn_of(t) >= f.max_turns;
    bool too_long =
        f.max_duration > 0 && cdz_step_now(s) + f.interval > t->history.v[0].at + f.max_duration;
    *ret_at = cdz_step_now(s) + f.interval;
    *ret_again = !too_many && !too_long;
    if (*ret_again)
        return CDZ_OK;
    bool fails = cdz_step_flag(s, t, "failOnMaxReached");
    cdz_step_log(s, t, fails ? CDZ_ERROR : CDZ_WARN,
                 too_many ? "The condition does not hold after %lld iterations, the most allowed"
                          : "The condition does not hold after %lld iterations, and the time is up",
                 (long long)turn_of(t));
    if (fails)
        *state = CDZ_FAILED;
    return CDZ_OK;
}

bool cdz_loop_turn(struct step *s, struct cdz_taskrun *t, enum cdz_state *state)
{
    struct cdz_err err;
    bool again;
    cdz_us at;
    if (*state != CDZ_SUCCESS || t->scope->skipped)
        return false; /* a turn that is no success ends the loop */
    if (decide(s, t, &again, &at, state, &err) != CDZ_OK) {
        cdz_step_log(s, t, CDZ_ERROR, "%s", err.text);
        *state = CDZ_FAILED;
        return false;
    }
    if (again)
        cdz_taskrun_due(s, t, at);
    return again;
}

void cdz_loop_due(struct step *s, struct cdz_taskrun *t)
{
    cdz_loop_clear(s, t->scope);
    cdz_taskrun_output(s, t, "iterationCount", cdz_val_i32((int32_t)turn_of(t) + 1));
    cdz_scope_push(s, t->scope);
}
