/* due.c -- what goes on by itself when its time has come: retries, pauses, loops, waits, batches. */
#include <stdlib.h>

#include "exec/internal.h"

static void task_due(struct step *s, struct cdz_taskrun *t)
{
    t->due_at = 0;
    if (cdz_state_now(&t->history) == CDZ_RETRYING) {
        cdz_retry_due(s, t);
        return;
    }
    switch (t->task->type->flow_kind) {
    case CDZ_FLOW_PAUSE:
        cdz_pause_due(s, t);
        break;
    case CDZ_FLOW_LOOP:
        cdz_loop_due(s, t);
        break;
    case CDZ_FLOW_ITEMS:
        cdz_items_more(s, t);
        break;
    case CDZ_FLOW_WAIT_EVENT:
        cdz_wait_due(s, t);
        break;
    default:
        break;
    }
}

/* What is being stopped does not go on; its dates are taken away when it is put down. */
static bool is_being_stopped(const struct step *s)
{
    return cdz_state_now(&s->e->history) == CDZ_KILLING || s->e->index->killing_since;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* In the order of the task runs, as after a load: the same event gives the same step. */
static void sort(struct cdz_index *x)
{
    for (size_t i = 1; i < x->timed.n; i++) {
        if (x->timed.v[i - 1] > x->timed.v[i]) {
            qsort(x->timed.v, x->timed.n, sizeof(*x->timed.v), ascending);
            return;
        }
    }
}

void cdz_due(struct step *s)
{
    struct cdz_index *x = s->e->index;
    sort(x);
    size_t n = x->timed.n, kept = 0;
    /* Those that are armed on the way stand behind the n of now. */
    for (size_t i = 0; i < n; i++) {
        uint32_t index = x->timed.v[i];
        struct cdz_taskrun *t = s->e->taskruns.v[index];
        if (!t->due_at || t->gone || cdz_state_is_terminated(cdz_state_now(&t->history)))
            continue;
        bool waits = t->due_at > cdz_step_now(s) || is_being_stopped(s) ||
                     (s->e->held && cdz_state_now(&t->history) == CDZ_RETRYING);
        if (waits)
            x->timed.v[kept++] = index;
        else
            task_due(s, t);
    }
    if (x->timed.n > n) /* otherwise there may be no array at all */
        memmove(x->timed.v + kept, x->timed.v + n, (x->timed.n - n) * sizeof(*x->timed.v));
    x->timed.n -= n - kept;
}
