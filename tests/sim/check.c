/*
 * check.c -- the invariants of docs/principles.md, over the records that were committed. What was
 * only in the executor's memory is nobody's business: nothing has been shown of it.
 *
 *   1. What was acknowledged comes to exactly one terminal state.                    on_head, at_end
 *   2. A result is applied at most once, and only that of the last dispatch;         on_attempts
 *      every dispatched attempt ends or is sent again.                               on_job, at_end
 *   3. States take the transitions of the tables below, histories only grow.         check_history
 *   4. No two live task runs have the same task, value, iteration and parent.        on_taskrun
 *   5. A killed execution starts nothing; a processed kill ends in KILLED.           on_job, on_head
 *   6. What a user holds goes on only when it is resumed.                            on_job
 *   7. No more executions than a limit says have passed it and still run.            on_limit
 *   8. The live state in the queue is that of the changes; nothing is left of what has ended.  at_end
 *
 * That the same events give the same bytes is replay.c's.
 */
#include <limits.h>
#include <stdlib.h>

#include "exec/signals.h"
#include "sim.h"

#define B(state) (1u << CDZ_##state)
#define ENDS     (B(SUCCESS) | B(WARNING) | B(FAILED) | B(KILLED) | B(CANCELLED))

/* reference: execution states. Terminal ones stay, but for RETRIED behind FAILED in one step. */
static const unsigned execution_next[CDZ_STATE_COUNT] = {
    [CDZ_CREATED] =
        B(RUNNING) | B(QUEUED) | B(CANCELLED) | B(FAILED) | B(SUCCESS) | B(WARNING) | B(KILLING),
    [CDZ_QUEUED] = B(RUNNING) | B(SUCCESS) | B(KILLING) | B(CANCELLED) | B(FAILED),
    [CDZ_RUNNING] = B(KILLED) | B(PAUSED) | B(RETRYING) | B(RETRIED) | B(KILLING) | B(SUCCESS) |
                    B(WARNING) | B(FAILED) | B(CANCELLED),
    [CDZ_PAUSED] = B(RESTARTED) | B(RUNNING) | B(KILLING) | B(FAILED) | B(CANCELLED) | B(RETRIED),
    [CDZ_RESTARTED] = B(RUNNING) | B(KILLING) | B(FAILED) | B(CANCELLED),
    [CDZ_RETRYING] = B(RUNNING) | B(KILLING) | B(RETRIED) | B(PAUSED) | B(FAILED) | B(CANCELLED),
    /* KILLED, or what an Exit task or a violated promise asks for */
    [CDZ_KILLING] = ENDS,
};
/* Task runs. RUNNING to CREATED: the worker was lost, the task is sent again. */
static const unsigned taskrun_next[CDZ_STATE_COUNT] = {
    [CDZ_CREATED] = B(RUNNING) | B(SKIPPED) | B(SUCCESS) | B(WARNING) | B(FAILED) | B(KILLED) |
                    B(KILLING) | B(CANCELLED),
    [CDZ_RUNNING] = ENDS | B(CREATED) | B(PAUSED) | B(KILLING) | B(RETRIED) | B(RETRYING),
    [CDZ_PAUSED] =
        B(RUNNING) | B(SUCCESS) | B(FAILED) | B(WARNING) | B(KILLED) | B(KILLING) | B(CANCELLED),
    [CDZ_RESTARTED] = B(RUNNING) | B(CREATED) | B(KILLED) | B(KILLING),
    [CDZ_FAILED] = B(RETRYING) | B(RETRIED),
    [CDZ_RETRYING] = B(CREATED) | B(KILLED) | B(KILLING) | B(RETRIED) | B(CANCELLED),
    [CDZ_KILLING] = B(KILLED) | B(SUCCESS) | B(WARNING) | B(FAILED) | B(CANCELLED),
};

struct known {
    struct cdz_execution *e; /* the last committed records */
    bool acknowledged, ended;
    bool kill_expected;   /* a kill was processed while it ran ... */
    unsigned kill_commit; /* ... in this commit */
    unsigned born;        /* the commit that made it known */
    bool restarting;      /* a user has asked for it, the executor has not begun yet */
    unsigned restarts;    /* in place, asked for by users: so often it may leave a terminal state */
    unsigned resumes;     /* asked for by users and processed, not used up yet */
    const struct cdz_flow *flow;
};

struct sim_model {
    struct cdz_table known; /* id -> struct known */
    CDZ_VEC(struct known *) all;
    CDZ_VEC(struct cdz_execution *) heads; /* looked at ahead of time */
};

void sim_check_init(void)
{
    sim->model = CDZ_NEW(sim->arena, struct sim_model);
}

void sim_check_done(void)
{
    for (size_t i = 0; i < sim->model->all.n; i++)
        cdz_execution_free(sim->model->all.v[i]->e);
    for (size_t i = 0; i < sim->model->heads.n; i++)
        cdz_execution_free(sim->model->heads.v[i]);
    cdz_table_done(&sim->model->known);
}

static struct known *known_of(cdz_str id)
{
    return cdz_table_get(&sim->model->known, id);
}

const struct cdz_execution *sim_check_execution(cdz_str id)
{
    const struct known *k = known_of(id);
    return k ? k->e : NULL;
}

bool sim_check_ended(cdz_str id)
{
    const struct known *k = known_of(id);
    return k && k->ended;
}

void sim_check_acknowledged(cdz_str id)
{
    struct known *k = known_of(id);
    if (k)
        k->acknowledged = true;
    else
        sim_fail("execution %.*s was acknowledged but nobody was told of it", CDZ_S(id));
}

unsigned sim_check_open(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < sim->model->all.n; i++)
        n += !sim->model->all.v[i]->ended;
    return n;
}

cdz_str sim_check_pick(bool ended, unsigned state)
{
    cdz_str id = CDZ_STR("");
    unsigned n = 0;
    for (size_t i = 0; i < sim->model->all.n; i++) {
        const struct known *k = sim->model->all.v[i];
        bool fits = state == CDZ_STATE_COUNT || cdz_state_now(&k->e->history) == state;
        if (k->ended == ended && fits && sim_one_in(++n))
            id = k->e->id;
    }
    return id;
}

void sim_check_restarted(cdz_str id)
{
    struct known *k = known_of(id);
    k->restarts += k->restarts < UINT_MAX;
    k->restarting = true;
    k->ended = false;
    k->kill_expected = false;
}

struct cdz_flow *sim_flow_of(cdz_str id)
{
    for (unsigned i = 0; i < sim->flow_count; i++) {
        if (cdz_str_eq(sim->flows[i]->id, id))
            return sim->flows[i];
    }
    return NULL;
}

static enum cdz_state state_of(const struct known *k)
{
    return cdz_state_now(&k->e->history);
}

/* True once nothing of it may change any more: listeners and afterExecution tasks still may. */
static bool is_final(const struct known *k)
{
    return cdz_state_is_terminated(state_of(k));
}

bool sim_check_runs_after(const struct cdz_task *task)
{
    for (; task; task = task->parent) {
        if (!task->parent)
            return task->branch == CDZ_BRANCH_LISTENER || task->branch == CDZ_BRANCH_AFTER;
    }
    return false;
}

/* restarts: so often a terminal state may be left, by a user's wish. */
static void check_history(const char *what, cdz_str name, const struct cdz_history *before,
                          const struct cdz_history *now, const unsigned *next, unsigned restarts)
{
    unsigned left = 0;
    if (now->n == 0) {
        sim_fail("%s %.*s has no state", what, CDZ_S(name));
        return;
    }
    for (size_t i = 0; i < now->n; i++) {
        const struct cdz_state_at *a = &now->v[i];
        if (before && i < before->n && (a->state != before->v[i].state || a->at != before->v[i].at))
            sim_fail("the history of %s %.*s has changed: %s was %s", what, CDZ_S(name),
                     cdz_state_name(a->state), cdz_state_name(before->v[i].state));
        if (i == 0)
            continue;
        if (a->at < a[-1].at)
            sim_fail("the history of %s %.*s goes back in time", what, CDZ_S(name));
        bool again = cdz_state_is_terminated(a[-1].state) &&
                     (a->state == CDZ_RESTARTED || a->state == CDZ_RUNNING) && left < restarts;
        left += again;
        if (!again && !(next[a[-1].state] & 1u << a->state))
            sim_fail("%s %.*s goes from %s to %s", what, CDZ_S(name), cdz_state_name(a[-1].state),
                     cdz_state_name(a->state));
    }
    if (before && now->n < before->n)
        sim_fail("the history of %s %.*s is shorter than it was", what, CDZ_S(name));
}

/* Executions that have passed the limit of their flow and still hold their place: never more than it
 * says. Those that a user has forced, or run again, are not counted; nor is who is being evicted. */
static void on_limit(const struct cdz_flow *flow)
{
    unsigned n = 0;
    if (!flow || !flow->concurrency || !flow->concurrency->limit)
        return;
    for (size_t i = 0; i < sim->model->all.n; i++) {
        const struct known *k = sim->model->all.v[i];
        n += k->flow == flow && !is_final(k) && !k->e->forced && k->e->gate_count > 0 &&
             k->e->gates_passed == k->e->gate_count && state_of(k) != CDZ_KILLING;
    }
    if (n > flow->concurrency->limit)
        sim_fail("%u executions of %.*s run, its limit is %u", n, CDZ_S(flow->id),
                 flow->concurrency->limit);
}

static void on_head(cdz_str bytes)
{
    struct cdz_execution *e;
    struct cdz_err err;
    if (cdz_execution_decode(bytes, &e, &err) != CDZ_OK) {
        sim_fail("a head cannot be read: %s", err.text);
        return;
    }
    struct known *k = known_of(e->id);
    /* A replay begins with the history of what it replays: that has ended once. */
    unsigned restarts = k ? k->restarts : e->parent_id.p ? UINT_MAX : 0;
    check_history("execution", e->id, k ? &k->e->history : NULL, &e->history, execution_next,
                  restarts);
    if (!k) {
        k = CDZ_NEW(sim->arena, struct known);
        k->e = e;
        k->flow = sim_flow_of(e->flow_id);
        k->restarts = restarts;
        k->born = sim->result->counts.commits;
        (void)cdz_table_put(&sim->model->known, e->id, k); /* it is new */
        CDZ_PUSH(sim->arena, &sim->model->all, k);
        sim_trace("  %.*s %s", CDZ_S(e->id), cdz_state_name(cdz_state_now(&e->history)));
        if (!k->flow)
            sim_fail("execution %.*s is of an unknown flow", CDZ_S(e->id));
        k->ended = is_final(k);
        return;
    }
    cdz_execution_free(e);
    if (cdz_execution_decode_into(bytes, k->e, &err) != CDZ_OK)
        sim_fail("a head cannot be read: %s", err.text);
    sim_trace("  %.*s %s", CDZ_S(k->e->id), cdz_state_name(state_of(k)));
    k->restarting = false;
    on_limit(k->flow);
    if (!is_final(k))
        return;
    k->ended = true;
    if (k->kill_expected && sim->result->counts.commits > k->kill_commit &&
        state_of(k) != CDZ_KILLED && k->e->history.v[k->e->history.n - 2].state != CDZ_KILLING)
        sim_fail("execution %.*s ends %s although a kill was processed before", CDZ_S(k->e->id),
                 cdz_state_name(state_of(k)));
}

void sim_check_consumed(const struct sim_record *event)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_event ev;
    struct cdz_err err;
    cdz_str create;
    struct known *k = known_of(event->key);
    if (!k || cdz_event_decode(event->value, arena, &ev, &create, &err) != CDZ_OK)
        return;
    k->resumes += ev.kind == CDZ_EVENT_RESUME || ev.kind == CDZ_EVENT_FORCE_RUN;
    if (ev.kind != CDZ_EVENT_KILL || k->ended || k->restarting || k->kill_expected)
        return;
    k->kill_expected = true;
    k->kill_commit = sim->result->counts.commits;
}

/* The attempts of one task run: what has ended stays, what ends now was ended by the right result. */
static void on_attempts(const struct known *k, const struct cdz_taskrun *t,
                        const struct cdz_taskrun *was)
{
    size_t before_n = was ? was->attempt_count : 0;
    /* What was dispatched before the step; the step itself may have given it up behind the result. */
    uint32_t epoch = was ? was->epoch : t->epoch;
    if (t->attempt_count < before_n)
        sim_fail("task run %.*s has lost an attempt", CDZ_S(t->task_id));
    for (size_t i = 0; i < t->attempt_count; i++) {
        const struct cdz_attempt *a = &t->attempts[i];
        bool was_closed = i < before_n && was->attempts[i].log_file.n > 0;
        int64_t number;
        if (a->log_file.n == 0 || was_closed)
            continue;
        if (!cdz_str_to_i64(cdz_str_sub(a->log_file, 4, a->log_file.n), &number) ||
            (size_t)number >= sim->tokens.n) {
            sim_fail("task run %.*s has a result that no worker has sent", CDZ_S(t->task_id));
            return;
        }
        struct sim_token *token = &sim->tokens.v[number];
        if (k->e->parent_id.p && !cdz_str_is(k->e->id, token->execution))
            continue; /* a replay begins with the attempts of what it replays */
        if (token->applied)
            sim_fail("result %lld of task run %.*s is applied twice", (long long)number,
                     CDZ_S(t->task_id));
        if (token->taskrun != t->index || !cdz_str_is(k->e->id, token->execution))
            sim_fail("task run %.*s has the result of another", CDZ_S(t->task_id));
        if (token->epoch != epoch)
            sim_fail("task run %.*s has the result of epoch %u, which was given up: it is at %u",
                     CDZ_S(t->task_id), token->epoch, epoch);
        token->applied = true;
    }
}

static bool same_place(const struct cdz_taskrun *a, const struct cdz_taskrun *b)
{
    return a->parent == b->parent && a->iteration == b->iteration &&
           cdz_str_eq(a->task_id, b->task_id) && cdz_str_eq(a->value, b->value);
}

static void on_new_taskrun(const struct known *k, const struct cdz_taskrun *t, bool killing)
{
    const struct cdz_task *task = cdz_flow_task(k->flow, t->task_id);
    if (!task)
        sim_fail("there is no task %.*s", CDZ_S(t->task_id));
    if (t->parent != CDZ_NO_TASKRUN && t->parent >= t->index)
        sim_fail("task run %.*s is older than its parent", CDZ_S(t->task_id));
    for (size_t i = 0; i < k->e->taskruns.n; i++) {
        const struct cdz_taskrun *other = k->e->taskruns.v[i];
        if (other != t && !other->gone && !t->gone && same_place(other, t) &&
            !cdz_state_is_terminated(cdz_state_now(&other->history)) &&
            !cdz_state_is_terminated(cdz_state_now(&t->history)))
            sim_fail("two task runs of %.*s live at the same place", CDZ_S(t->task_id));
    }
    if (killing)
        sim_fail("task %.*s begins while its execution is being killed", CDZ_S(t->task_id));
}

static bool is_change(const struct cdz_record *r, enum cdz_change_kind kind)
{
    return r->topic == CDZ_TOPIC_CHANGE && r->value.n > 0 && r->value.p[0] == (char)kind;
}

/* A pause that nobody resumes lasts until its time has come. */
static void on_pause(struct known *k, const struct cdz_taskrun *was, const struct cdz_taskrun *t)
{
    size_t at = was->history.n;
    bool due = was->due_at && was->due_at <= sim->now;
    if (cdz_state_now(&was->history) != CDZ_PAUSED || t->history.n <= at ||
        t->history.v[at].state == CDZ_KILLED || t->history.v[at].state == CDZ_RETRIED ||
        t->history.v[at].state == CDZ_RESTARTED || due)
        return;
    if (k->resumes == 0)
        sim_fail("task run %.*s goes on although nobody has resumed it", CDZ_S(t->task_id));
    else
        k->resumes--;
}

/* What the head says behind this step: its record follows those of the step's task runs. */
static const struct cdz_execution *head_behind(const struct cdz_record *r, size_t n, cdz_str id,
                                               const struct cdz_execution *now)
{
    struct cdz_execution *e;
    struct cdz_err err;
    for (size_t i = 0; i < n; i++) {
        if (is_change(&r[i], CDZ_CHANGE_HEAD) && cdz_str_eq(r[i].key, id)) {
            if (cdz_execution_decode(cdz_str_sub(r[i].value, 1, r[i].value.n), &e, &err) != CDZ_OK)
                return now;
            CDZ_PUSH(sim->arena, &sim->model->heads, e);
            return e;
        }
        if ((r[i].topic != CDZ_TOPIC_STATE && r[i].topic != CDZ_TOPIC_CHANGE) ||
            !cdz_str_starts(r[i].key, id))
            break;
    }
    return now;
}

/* records: from this one on. */
static void on_taskrun(cdz_str execution, cdz_str bytes, const struct cdz_record *records,
                       size_t record_count)
{
    struct cdz_err err;
    struct cdz_history before = {0};
    struct known *k = known_of(execution);
    if (!k) {
        sim_fail("a task run of the unknown execution %.*s", CDZ_S(execution));
        return;
    }
    size_t n = k->e->taskruns.n;
    /* Decoding replaces what the task run points to, not what was there: it stays in the arena. */
    struct cdz_taskrun *was = n ? CDZ_NEW_N(sim->arena, struct cdz_taskrun, n) : NULL;
    for (size_t i = 0; i < n; i++)
        was[i] = *k->e->taskruns.v[i];
    bool was_final = is_final(k) && k->born != sim->result->counts.commits && !k->restarting;
    bool was_held = k->e->held;
    bool was_killing = state_of(k) == CDZ_KILLING;
    if (was_final || was_held || was_killing) {
        const struct cdz_execution *head = head_behind(records, record_count, execution, k->e);
        was_final &= cdz_state_is_terminated(cdz_state_now(&head->history));
        was_held &= head->held;
        was_killing &= cdz_state_now(&head->history) == CDZ_KILLING;
    }
    if (cdz_taskrun_decode_into(bytes, k->e, &err) != CDZ_OK) {
        sim_fail("a task run cannot be read: %s", err.text);
        return;
    }
    const struct cdz_taskrun *t = k->e->taskruns.n > n ? k->e->taskruns.v[n] : NULL;
    for (size_t i = 0; i < n && !t; i++) {
        if (was[i].history.v != k->e->taskruns.v[i]->history.v)
            t = k->e->taskruns.v[i];
    }
    if (!t)
        return;
    /* A turn of a loop uses the places of the turn before. */
    bool is_new = t->index >= n || !cdz_str_eq(was[t->index].id, t->id);
    if (!is_new) {
        before = was[t->index].history;
    }
    sim_trace("  %.*s %.*s%s%.*s %s epoch %u", CDZ_S(execution), CDZ_S(t->task_id),
              t->value.p ? " " : "", CDZ_S(t->value), cdz_state_name(cdz_state_now(&t->history)),
              t->epoch);
    const struct cdz_task *task = cdz_flow_task(k->flow, t->task_id);
    if (was_final && !sim_check_runs_after(task))
        sim_fail("task run %.*s changes although its execution has ended", CDZ_S(t->task_id));
    check_history("task run", t->task_id, is_new ? NULL : &before, &t->history, taskrun_next,
                  k->restarts);
    if (!t->gone)
        on_attempts(k, t, is_new ? NULL : &was[t->index]);
    if (t->index < n && t->epoch < was[t->index].epoch)
        sim_fail("the epoch of task run %.*s goes back", CDZ_S(t->task_id));
    if (is_new && t->index < n && !was[t->index].gone &&
        !cdz_state_is_terminated(cdz_state_now(&was[t->index].history)))
        sim_fail("task run %.*s takes the place of a living one", CDZ_S(t->task_id));
    if (is_new)
        on_new_taskrun(k, t, was_killing);
    if (is_new && was_held)
        sim_fail("task %.*s begins although a user has paused its execution", CDZ_S(t->task_id));
    if (!is_new)
        on_pause(k, &was[t->index], t);
}

static void on_job(cdz_str bytes)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_job job;
    struct cdz_err err;
    if (cdz_job_decode(bytes, arena, &job, &err) != CDZ_OK) {
        sim_fail("a job cannot be read: %s", err.text);
        return;
    }
    const struct known *k = known_of(job.execution_id);
    if (!k || job.taskrun_index >= k->e->taskruns.n) {
        sim_fail("a job of task %.*s, which has no task run", CDZ_S(job.task_id));
        return;
    }
    const struct cdz_taskrun *t = k->e->taskruns.v[job.taskrun_index];
    const struct cdz_task *task = cdz_flow_task(k->flow, t->task_id);
    sim_trace("  %.*s job %.*s epoch %u", CDZ_S(k->e->id), CDZ_S(t->task_id), job.epoch);
    if (state_of(k) == CDZ_KILLING)
        sim_fail("task %.*s is sent to a worker although its execution is being killed",
                 CDZ_S(t->task_id));
    if (is_final(k) && !sim_check_runs_after(task))
        sim_fail("task %.*s is sent to a worker although its execution has ended",
                 CDZ_S(t->task_id));
    if (job.epoch > t->epoch)
        sim_fail("the dispatch of task %.*s is not durable: epoch %u, known is %u",
                 CDZ_S(t->task_id), job.epoch, t->epoch);
}

static void add_hash(cdz_str s)
{
    for (size_t i = 0; i < s.n; i++)
        sim->hash = (sim->hash ^ (unsigned char)s.p[i]) * 0x100000001B3u;
    sim->hash = (sim->hash ^ s.n) * 0x100000001B3u;
}

/* The first step of an execution that another one has caused may write its task runs before its
 * head: the same commit must bring both. */
static void head_first(const struct cdz_record *records, size_t n, cdz_str execution)
{
    for (size_t i = 0; i < n; i++) {
        if (is_change(&records[i], CDZ_CHANGE_HEAD) && cdz_str_eq(records[i].key, execution)) {
            on_head(cdz_str_sub(records[i].value, 1, records[i].value.n));
            return;
        }
    }
}

static void trace_event(const struct cdz_record *r)
{
    static const char *const kinds[] = {"create",  "running", "result", "kill",   "timer",
                                        "recover", "adopt",   "pause",  "resume", "force-run",
                                        "gate",    "child",   "nested", "signal"};
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_event ev;
    struct cdz_err err;
    cdz_str create;
    if (!sim->options->trace)
        return;
    if (r->key.n && r->key.p[0] == '~') {
        sim_trace("  to %.*s: %s", CDZ_S(r->key), "a message");
        return;
    }
    if (cdz_event_decode(r->value, arena, &ev, &create, &err) == CDZ_OK &&
        ev.kind < CDZ_COUNT(kinds))
        sim_trace("  to %.*s: %s", CDZ_S(r->key), kinds[ev.kind]);
}

void sim_check_commit(const struct cdz_record *records, size_t n)
{
    for (size_t i = 0; i < n && !sim->failed; i++) {
        const struct cdz_record *r = &records[i];
        sim->hash = (sim->hash ^ r->topic) * 0x100000001B3u;
        add_hash(r->key);
        add_hash(r->value);
        cdz_str rest = cdz_str_sub(r->value, 1, r->value.n);
        if (is_change(r, CDZ_CHANGE_TASKRUN) && !known_of(r->key))
            head_first(records + i, n - i, r->key);
        if (is_change(r, CDZ_CHANGE_HEAD))
            on_head(rest);
        else if (is_change(r, CDZ_CHANGE_TASKRUN))
            on_taskrun(r->key, rest, r, n - i);
        else if (r->topic == CDZ_TOPIC_JOB)
            on_job(r->value);
        else if (r->topic == CDZ_TOPIC_EVENT)
            trace_event(r);
    }
}

static void at_end(const struct known *k)
{
    const struct cdz_execution *e = k->e;
    if (!k->ended)
        sim_fail("execution %.*s of %.*s never ends: it is %s", CDZ_S(e->id), CDZ_S(e->flow_id),
                 cdz_state_name(state_of(k)));
    if (e->history.n > 0 && e->taskruns.n != 0) {
        for (size_t i = 0; i < e->taskruns.n; i++) {
            const struct cdz_taskrun *t = e->taskruns.v[i];
            if (!cdz_state_is_terminated(cdz_state_now(&t->history)))
                sim_fail("execution %.*s is %s but task run %.*s is %s", CDZ_S(e->id),
                         cdz_state_name(state_of(k)), CDZ_S(t->task_id),
                         cdz_state_name(cdz_state_now(&t->history)));
            for (size_t a = 0; a < t->attempt_count; a++) {
                if (!cdz_state_is_terminated(cdz_state_now(&t->attempts[a].history)))
                    sim_fail("an attempt of task run %.*s has not ended", CDZ_S(t->task_id));
            }
        }
    }
}

void sim_check_end(void)
{
    for (size_t i = 0; i < sim->model->all.n; i++)
        at_end(sim->model->all.v[i]);
    for (size_t i = sim_store_lower_bound(CDZ_TOPIC_STATE, CDZ_STR(""));
         i < sim->state_n && sim->state[i]->topic == CDZ_TOPIC_STATE; i++) {
        cdz_str key = sim->state[i]->key; /* ~g/<namespace>/<flow>/!: the limit itself, it stays */
        size_t row = key.n;
        while (row > 0 && key.p[row - 1] != '/')
            row--;
        /* An event that nobody has taken stays, too. */
        bool left = cdz_str_starts(key, CDZ_STR(CDZ_SIGNAL_PREFIX)) &&
                    cdz_str_chr(cdz_str_sub(key, row, key.n), '.', 0) == SIZE_MAX;
        if (!left && (key.p[0] != '~' || !cdz_str_ends(key, CDZ_STR("/!"))))
            sim_fail("all executions have ended, but the state still has %.*s", CDZ_S(key));
    }
}
