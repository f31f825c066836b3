/*
 * store.c -- what is durable (state rows, the log of events and how far it is processed), and what
 * is on its way between executor and workers.
 */
#include <assert.h>
#include <stdlib.h>

#include "sim.h"

struct sim_record *sim_record_new(const struct cdz_record *r)
{
    struct sim_record *s = malloc(sizeof(*s) + r->key.n + r->value.n);
    if (!s)
        abort();
    char *p = (char *)(s + 1);
    *s = (struct sim_record){
        .topic = r->topic, .key = {p, r->key.n}, .value = {p + r->key.n, r->value.n}};
    if (r->key.n)
        memcpy(p, r->key.p, r->key.n);
    if (r->value.n)
        memcpy(p + r->key.n, r->value.p, r->value.n);
    return s;
}

size_t sim_store_lower_bound(enum cdz_topic topic, cdz_str key)
{
    size_t from = 0, to = sim->state_n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        const struct sim_record *s = sim->state[mid];
        if (s->topic != topic ? s->topic < topic : cdz_str_cmp(s->key, key) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static bool is_at(size_t at, enum cdz_topic topic, cdz_str key)
{
    return at < sim->state_n && sim->state[at]->topic == topic &&
           cdz_str_eq(sim->state[at]->key, key);
}

const struct sim_record *sim_store_get(enum cdz_topic topic, cdz_str key)
{
    size_t at = sim_store_lower_bound(topic, key);
    return is_at(at, topic, key) ? sim->state[at] : NULL;
}

bool sim_store_has(enum cdz_topic topic, cdz_str prefix)
{
    size_t at = sim_store_lower_bound(topic, prefix);
    return at < sim->state_n && sim->state[at]->topic == topic &&
           cdz_str_starts(sim->state[at]->key, prefix);
}

static void put(const struct cdz_record *r)
{
    size_t at = sim_store_lower_bound(r->topic, r->key);
    bool found = is_at(at, r->topic, r->key);
    if (found)
        free(sim->state[at]);
    if (found && r->value.p) {
        sim->state[at] = sim_record_new(r);
        return;
    }
    if (found) {
        sim->state_n--;
        memmove(sim->state + at, sim->state + at + 1, (sim->state_n - at) * sizeof(*sim->state));
        return;
    }
    if (!r->value.p)
        return;
    if (sim->state_n == sim->state_cap) {
        sim->state_cap = sim->state_cap ? sim->state_cap * 2 : 64;
        sim->state = realloc(sim->state, sim->state_cap * sizeof(*sim->state));
        if (!sim->state)
            abort();
    }
    memmove(sim->state + at + 1, sim->state + at, (sim->state_n++ - at) * sizeof(*sim->state));
    sim->state[at] = sim_record_new(r);
}

static void job_add(const struct cdz_record *r)
{
    struct cdz_job job;
    struct cdz_err err;
    if (cdz_job_decode(r->value, sim->arena, &job, &err) != CDZ_OK) {
        sim_fail("a job cannot be read: %s", err.text);
        return;
    }
    struct sim_job *j = CDZ_NEW(sim->arena, struct sim_job);
    snprintf(j->execution, sizeof(j->execution), "%.*s", CDZ_S(job.execution_id));
    j->task_id = cdz_arena_str(sim->arena, job.task_id);
    j->taskrun = job.taskrun_index;
    j->epoch = job.epoch;
    j->attempt = job.attempt;
    j->ready = sim->now + (sim_one_in(4) ? sim_below(3000000) : 0);
    CDZ_PUSH(sim->arena, &sim->jobs, j);
    sim->result->counts.jobs++;
}

void sim_store_apply(const struct cdz_record *records, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct cdz_record *r = &records[i];
        if (cdz_topic_is_state(r->topic)) {
            put(r);
        } else if (r->topic == CDZ_TOPIC_EVENT) {
            CDZ_PUSH(sim->arena, &sim->events, sim_record_new(r));
        } else if (r->topic == CDZ_TOPIC_JOB) {
            job_add(r);
        } else if (r->topic == CDZ_TOPIC_KILL || r->topic == CDZ_TOPIC_RESULT) {
            struct sim_record *s = sim_record_new(r);
            s->ready = sim->now + (sim_one_in(4) ? sim_below(3000000) : 0);
            if (r->topic == CDZ_TOPIC_KILL)
                CDZ_PUSH(sim->arena, &sim->kills, s);
            else
                CDZ_PUSH(sim->arena, &sim->results, s);
        }
    }
}

void sim_store_done(void)
{
    for (size_t i = 0; i < sim->state_n; i++)
        free(sim->state[i]);
    free(sim->state);
    for (size_t i = 0; i < sim->events.n; i++)
        free(sim->events.v[i]);
    for (size_t i = 0; i < sim->results.n; i++)
        free(sim->results.v[i]);
    for (size_t i = 0; i < sim->kills.n; i++)
        free(sim->kills.v[i]);
}
