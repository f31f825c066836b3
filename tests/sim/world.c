/*
 * world.c -- one simulated run: a seed decides what happens next, until nothing is left to happen.
 *
 * First comes a stretch with faults: the executor's process dies (between two batches, or in a
 * commit: store and memory then agree on nothing but what was durable), results are delayed, doubled
 * and swapped, commits fail, executions are killed. Then calm: no more faults, and everything that
 * was acknowledged must end. Workers survive a crash now and then: their late answers to attempts
 * that were given up are what epochs are for.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "plugin/registry.h"
#include "queue/backends.h"
#include "repository/backends.h"
#include "sim.h"
#include "storage/backends.h"

struct sim *sim;

/* Idle waits in a row (60 s each at most) after which what has not ended never will. */
enum { STEPS_MAX = 200000, IDLE_RESUME = 8, IDLE_MAX = 500, CHAOS_STEPS = 500 };

static const cdz_us start_of_time = 1700000000 * CDZ_SECOND;

void sim_fail(const char *fmt, ...)
{
    va_list ap;
    if (sim->failed)
        return;
    sim->failed = true;
    va_start(ap, fmt);
    vsnprintf(sim->result->what, sizeof(sim->result->what), fmt, ap);
    va_end(ap);
    sim->result->ok = false;
    sim->result->step = sim->step;
    sim_trace("VIOLATED: %s", sim->result->what);
}

double sim_seconds(void)
{
    return (double)(sim->now - start_of_time) / 1e6;
}

void sim_trace(const char *fmt, ...)
{
    va_list ap;
    if (!sim->options->trace)
        return;
    fprintf(sim->options->trace, "%5u %8.3f ", sim->step, sim_seconds());
    va_start(ap, fmt);
    vfprintf(sim->options->trace, fmt, ap);
    va_end(ap);
    fputc('\n', sim->options->trace);
}

static void need(cdz_rc rc, const struct cdz_err *err)
{
    if (rc != CDZ_OK)
        sim_fail("the world cannot be made: %s", err->text);
}

/* What functions such as now() see where a flowable is decided. */
static cdz_rc world_call(struct cdz_env *env, enum cdz_world_call call, const cdz_val *args,
                         size_t n, struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    (void)env, (void)args, (void)n;
    struct cdz_date d = {.type = CDZ_INSTANT, .seconds = sim->now / CDZ_SECOND};
    if (call == CDZ_WORLD_READ) { /* the batches of every ForEachItem */
        *ret = cdz_val_text(CDZ_STR("kestra:///sim/1.txt\nkestra:///sim/2.txt\n"));
        return CDZ_OK;
    }
    if (call != CDZ_WORLD_NOW)
        return cdz_fail(err, CDZ_E_EXPRESSION, "not in a simulated world");
    *ret = cdz_val_date(arena, d);
    return CDZ_OK;
}

static void deploy(struct cdz_flows *flows)
{
    const struct cdz_registry *registry = cdz_registry_builtin();
    unsigned count = 1 + sim_below(4);
    for (unsigned i = 0; i < count && !sim->failed; i++) {
        struct cdz_flow_options options = {.registry = registry};
        struct cdz_problems problems = {.arena = sim->arena};
        struct cdz_err err;
        cdz_str text = sim_generate(&sim->rng, i, count, sim->arena);
        if (sim->options->trace)
            fprintf(sim->options->trace, "%.*s", CDZ_S(text));
        if (cdz_flow_parse(text, &options, &problems, &sim->flows[i], &err) != CDZ_OK) {
            sim_fail("the generator made a flow that is refused: %s", err.text);
            return;
        }
        sim->flow_count = i + 1;
        sim->flows[i]->revision = 1;
        need(cdz_flows_publish(flows, sim->flows[i], &err), &err);
    }
}

static void open_flows(void)
{
    struct cdz_flow_options options = {.registry = cdz_registry_builtin()};
    struct cdz_err err;
    need(cdz_flows_open(sim->services.queue, &options, &sim->services.flows, &err), &err);
}

static void start(void)
{
    struct cdz_err err;
    sim->counters = (struct cdz_counters){0};
    sim->pressed = false;
    sim->dead = false;
    sim->starting = true;
    open_flows();
    sim_trace("the executor starts");
    if (!sim->failed && cdz_executor_start(&sim->services, &sim->executor, &err) != CDZ_OK) {
        sim->executor = NULL;
        sim_fail("the executor cannot start: %s", err.text);
    }
    sim->starting = false;
    if (sim->executor)
        sim_fiber_resume(); /* to its first poll */
}

/* Takes the process down: memory is freed, nothing it still does is seen. */
static void stop(void)
{
    sim->dead = true;
    cdz_executor_stop(sim->executor);
    sim->executor = NULL;
    cdz_flows_close(sim->services.flows);
    sim->services.flows = NULL;
    sim->polling = false;
    sim->batch.n = 0;
    sim->batch_events = 0;
    sim_tape_forget();
}

static void crash(void)
{
    size_t kept = 0;
    sim_trace("the process dies");
    sim->result->counts.crashes++;
    sim->crashes_left--;
    stop();
    /* What was only in memory is lost, but some workers live on and answer later. */
    for (size_t i = 0; i < sim->jobs.n; i++) {
        if (sim_one_in(3))
            sim->jobs.v[kept++] = sim->jobs.v[i];
    }
    sim->jobs.n = kept;
    kept = 0;
    for (size_t i = 0; i < sim->results.n; i++) {
        if (sim_one_in(3))
            sim->results.v[kept++] = sim->results.v[i];
        else
            free(sim->results.v[i]);
    }
    sim->results.n = kept;
    for (size_t i = 0; i < sim->kills.n; i++)
        free(sim->kills.v[i]);
    sim->kills.n = 0;
}

/* Takes results[i] out. Order does not matter: they are delivered at random. */
static struct sim_record *take_result(size_t i)
{
    struct sim_record *r = sim->results.v[i];
    sim->results.v[i] = sim->results.v[--sim->results.n];
    return r;
}

/* The planted fault of an executor that ignores epochs: the late result looks like the awaited one. */
static cdz_str unfence(cdz_str value, cdz_str execution)
{
    struct cdz_event ev;
    struct cdz_err err;
    cdz_str create;
    const struct cdz_execution *e = sim_check_execution(execution);
    if (!e || cdz_event_decode(value, sim->arena, &ev, &create, &err) != CDZ_OK ||
        ev.taskrun >= e->taskruns.n)
        return value;
    ev.epoch = e->taskruns.v[ev.taskrun]->epoch;
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_event_encode(&ev, create, &b);
    value = cdz_buf_copy(&b, sim->arena);
    cdz_buf_done(&b);
    return value;
}

static void deliver_result(size_t i)
{
    struct sim_record *s = take_result(i);
    struct cdz_record r = {.topic = CDZ_TOPIC_RESULT,
                           .key = cdz_arena_str(sim->arena, s->key),
                           .value = cdz_arena_str(sim->arena, s->value)};
    sim->result->counts.results++;
    if (sim->options->fault == SIM_STALE)
        r.value = unfence(r.value, r.key);
    if (!sim->calm && sim_one_in(12)) { /* once more, later */
        s->ready = sim->now + sim_below(10000000);
        CDZ_PUSH(sim->arena, &sim->results, s);
        sim->result->counts.duplicates++;
    } else {
        free(s);
    }
    CDZ_PUSH(sim->arena, &sim->batch, r);
}

static size_t ready_results(size_t *ret_one)
{
    size_t n = 0;
    for (size_t i = 0; i < sim->results.n; i++) {
        if (sim->results.v[i]->ready <= sim->now && sim_below((unsigned)++n) == 0)
            *ret_one = i;
    }
    return n;
}

static size_t events_waiting(void)
{
    return sim->events.n - sim->consumed - sim->batch_events;
}

static bool can_deliver(void)
{
    size_t one;
    return sim->polling && (events_waiting() > 0 || ready_results(&one) > 0);
}

static void deliver(void)
{
    unsigned most = 1 + sim_below(4);
    size_t one = 0;
    for (unsigned k = 0; k < most && sim->batch.n < sim->poll_max; k++) {
        size_t results = ready_results(&one), events = events_waiting();
        if (results + events == 0)
            break;
        if (results > 0 && (events == 0 || sim_one_in(2))) {
            deliver_result(one);
            continue;
        }
        size_t at = sim->consumed + sim->batch_events;
        struct sim_record *s = sim->events.v[at];
        struct cdz_record r = {
            .topic = CDZ_TOPIC_EVENT, .key = s->key, .value = s->value, .offset = at};
        CDZ_PUSH(sim->arena, &sim->batch, r);
        if (sim->options->fault == SIM_ACK) { /* the planted fault: processed before it is done */
            sim_check_consumed(s);
            sim->consumed++;
        } else {
            sim->batch_events++;
        }
    }
    sim_trace("%zu records are delivered", sim->batch.n);
    sim_fiber_resume();
}

static void send_result(const struct sim_job *j, enum cdz_event_kind kind, enum cdz_state state)
{
    struct cdz_event ev = {.kind = kind,
                           .taskrun = j->taskrun,
                           .epoch = j->epoch,
                           .state = state,
                           .started = j->started ? j->started : sim->now,
                           .ended = sim->now};
    struct cdz_buf b = CDZ_BUF_INIT;
    if (kind == CDZ_EVENT_RESULT) {
        struct sim_token token = {.taskrun = j->taskrun, .epoch = j->epoch};
        memcpy(token.execution, j->execution, sizeof(token.execution));
        ev.log_file = cdz_arena_printf(sim->arena, "sim:%zu", sim->tokens.n);
        CDZ_PUSH(sim->arena, &sim->tokens, token);
        ev.outputs = cdz_val_map(sim->arena, 4);
        cdz_map_putz(sim->arena, ev.outputs, "value", cdz_val_text(j->task_id));
        if (cdz_str_ends(j->task_id, CDZ_STR("_split")))
            cdz_map_putz(sim->arena, ev.outputs, "splits",
                         cdz_val_text(CDZ_STR("kestra:///sim/splits.txt")));
        cdz_map_putz(sim->arena, ev.outputs, "flag", cdz_val_bool(sim_one_in(2)));
        cdz_map_putz(sim->arena, ev.outputs, "list", cdz_val_text(CDZ_STR("[\"u\",\"v\"]")));
    }
    cdz_event_encode(&ev, CDZ_STR(""), &b);
    struct cdz_record r = {
        .topic = CDZ_TOPIC_RESULT, .key = cdz_str_z(j->execution), .value = cdz_buf_get(&b)};
    sim_store_apply(&r, 1);
    cdz_buf_done(&b);
}

static enum cdz_state outcome(const struct sim_job *j)
{
    if (j->killed && !sim_one_in(6))
        return CDZ_KILLED;
    if (cdz_str_starts(j->task_id, CDZ_STR("fail")))
        return CDZ_FAILED;
    unsigned x = sim_below(20);
    return x < 15 ? CDZ_SUCCESS : x < 19 ? CDZ_FAILED : CDZ_WARNING;
}

/* A worker takes a job, or ends one. */
static void work(size_t i)
{
    struct sim_job *j = sim->jobs.v[i];
    if (!j->started && !j->killed) {
        j->started = sim->now;
        j->ready = sim->now + sim_below(sim_one_in(8) ? 20000000 : 20000);
        sim->counters.jobs_taken++;
        bool quick = sim_one_in(3); /* such types tell nothing before they end */
        sim_trace("worker begins %.*s attempt %d of %s, epoch %u", CDZ_S(j->task_id), j->attempt,
                  j->execution, j->epoch);
        if (!quick)
            send_result(j, CDZ_EVENT_RUNNING, CDZ_RUNNING);
        return;
    }
    enum cdz_state state = outcome(j);
    sim_trace("worker ends %.*s attempt %d of %s, epoch %u: %s", CDZ_S(j->task_id), j->attempt,
              j->execution, j->epoch, cdz_state_name(state));
    if (!j->started)
        sim->counters.jobs_taken++;
    send_result(j, CDZ_EVENT_RESULT, state);
    sim->jobs.v[i] = sim->jobs.v[--sim->jobs.n];
}

static size_t ready_jobs(size_t *ret_one)
{
    size_t n = 0;
    for (size_t i = 0; i < sim->jobs.n; i++) {
        if ((sim->jobs.v[i]->ready <= sim->now || sim->jobs.v[i]->killed) &&
            sim_below((unsigned)++n) == 0)
            *ret_one = i;
    }
    return n;
}

static void hear_kill(void)
{
    size_t at = sim_below((unsigned)sim->kills.n);
    struct sim_record *r = sim->kills.v[at];
    sim->kills.v[at] = sim->kills.v[--sim->kills.n];
    for (size_t i = 0; i < sim->jobs.n; i++) {
        if (cdz_str_is(r->key, sim->jobs.v[i]->execution))
            sim->jobs.v[i]->killed = true;
    }
    sim_trace("workers hear of the kill of %.*s", CDZ_S(r->key));
    free(r);
}

/* As if workers were far behind: the executor then parks what has not begun. */
static void press(void)
{
    sim->pressed = !sim->pressed;
    if (sim->pressed)
        sim->counters.jobs_dispatched += 10000;
    else
        sim->counters.jobs_taken += 10000;
    sim_trace("workers are %s", sim->pressed ? "far behind" : "no longer behind");
}

static cdz_us sooner(cdz_us a, cdz_us b)
{
    return a < b ? a : b;
}

/* Nothing can happen now: on to the moment when something can. False: nothing ever will. */
static bool wait_for_something(void)
{
    cdz_us at = sim->polling ? sim->poll_until : INT64_MAX;
    for (size_t i = 0; i < sim->results.n; i++)
        at = sooner(at, sim->results.v[i]->ready);
    for (size_t i = 0; i < sim->jobs.n; i++)
        at = sooner(at, sim->jobs.v[i]->ready);
    bool on_the_way = sim->results.n + sim->jobs.n + sim->kills.n + events_waiting() > 0;
    /* Rows of executions that nobody has been told of yet: parked, made by another's retry. */
    size_t row = sim_store_lower_bound(CDZ_TOPIC_STATE, CDZ_STR(""));
    bool live = row < sim->state_n && sim->state[row]->topic == CDZ_TOPIC_STATE &&
                sim->state[row]->key.p[0] != '~';
    if (!on_the_way && !live && sim_check_open() == 0 && sim->calm && sim->creates_left == 0)
        return false;
    if (at > sim->now)
        sim->now = at;
    if (sim->polling && sim->poll_until <= sim->now) {
        if (!on_the_way && sim->calm && sim->idle > IDLE_RESUME &&
            (sim_user_resume_last() || sim_user_event_last()))
            return true;
        if (!on_the_way && ++sim->idle > IDLE_MAX) {
            sim_fail("%u acknowledged executions never end; the state has %.*s", sim_check_open(),
                     live ? (int)sim->state[row]->key.n : 0, live ? sim->state[row]->key.p : "");
            return false;
        }
        sim_fiber_resume(); /* with an empty batch */
    }
    return true;
}

/* One thing happens. False: the end. */
static bool happen(void)
{
    size_t job = 0;
    bool faults = !sim->calm;
    sim->now += sim_below(500);
    if (sim->executor && sim->dead) {
        crash();
        return true;
    }
    if (!sim->executor) {
        if (sim->calm || sim_one_in(3))
            start();
        else if (sim->creates_left && sim_one_in(3))
            sim_user_create();
        else if (ready_jobs(&job))
            work(job);
        return true;
    }
    unsigned what = sim_below(100);
    if (sim->creates_left && (what < 6 || sim->calm)) {
        sim_user_create();
    } else if (faults && what < 8 && sim->kills_left) {
        sim_user_kill();
    } else if (faults && what == 8 && sim->crashes_left && sim->polling) {
        sim->dead = true;
    } else if ((faults && what == 9 && sim_one_in(4)) || (sim->calm && sim->pressed)) {
        press();
    } else if (what == 10 && sim->options->fault == SIM_REVIVE && sim->revives_left) {
        sim_revive();
    } else if (faults && what < 13 && sim->asks_left) {
        sim_user_ask();
    } else if (faults && what < 15 && sim->restarts_left) {
        sim_user_restart();
    } else if (what < 50 && ready_jobs(&job)) {
        work(job);
    } else if (what < 55 && sim->kills.n) {
        hear_kill();
    } else if (can_deliver()) {
        sim->idle = 0;
        deliver();
    } else if (ready_jobs(&job)) {
        work(job);
    } else if (sim->kills.n) {
        hear_kill();
    } else {
        return wait_for_something();
    }
    return true;
}

static void open_world(void)
{
    sim->services = (struct cdz_services){
        .registry = cdz_registry_builtin(),
        .queue = sim_queue_open(),
        .repository = cdz_repository_mem_open(),
        .storage = cdz_storage_mem_open(),
        .counters = &sim->counters,
        .exec_env = {.world = world_call, .zone = CDZ_STR("UTC")},
    };
    sim_check_init();
    sim_tape_init();
    sim->creates_left = 1 + sim_below(6);
    sim->kills_left = sim_one_in(2) ? sim_below(3) : 0;
    sim->crashes_left = sim_one_in(4) ? 0 : 1 + sim_below(5);
    sim->asks_left = sim_one_in(2) ? 0 : 1 + sim_below(4);
    sim->restarts_left = sim_one_in(2) ? 0 : 1 + sim_below(3);
    sim->revives_left = 2;
    open_flows();
    if (!sim->failed)
        deploy(sim->services.flows);
    cdz_flows_close(sim->services.flows);
    sim->services.flows = NULL;
}

static void close_world(void)
{
    if (sim->executor)
        stop();
    else
        cdz_flows_close(sim->services.flows);
    sim_fiber_done();
    for (unsigned i = 0; i < sim->flow_count; i++)
        cdz_flow_unref(sim->flows[i]);
    sim_tape_done();
    sim_check_done();
    sim_store_done();
    cdz_repository_close(sim->services.repository);
    cdz_storage_close(sim->services.storage);
    cdz_arena_close(sim->arena);
}

void sim_run(const struct sim_options *options, struct sim_result *ret)
{
    struct sim world = {.options = options, .arena = cdz_arena_open(64 << 10), .result = ret};
    *ret = (struct sim_result){.ok = true};
    world.now = start_of_time;
    sim = &world;
    cdz_rng_seed(&sim->rng, options->seed);
    open_world();
    while (!sim->failed && sim->step < STEPS_MAX && happen()) {
        sim->step++;
        sim->calm |= sim->step > CHAOS_STEPS;
    }
    if (!sim->failed && sim->step == STEPS_MAX)
        sim_fail("no end after %d steps", STEPS_MAX);
    if (!sim->failed)
        sim_check_end();
    if (!sim->failed)
        sim_tape_check();
    ret->counts.steps = sim->step;
    ret->hash = sim->hash;
    close_world();
    sim = NULL;
}
