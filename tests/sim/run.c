/*
 * run.c -- the simulator as a program.
 *
 *   sim_run [--seeds N] [--from N]   runs seeds and speaks TAP: what `make test` runs
 *   sim_run --seed N [--trace]       one seed again, bit for bit, with every step
 *   ... --fault stale|ack|revive     with a planted fault: the run is right when it is noticed
 */
#include <stdlib.h>

#include "base/log.h"
#include "sim.h"

/* One seed in so many is run a second time and must give the same bytes. */
enum { SEEDS = 1000, TWICE = 20 };

static const char *const fault_names[] = {"none", "stale", "ack", "revive"};

static bool run_seed(uint64_t seed, enum sim_fault fault, FILE *trace, struct sim_result *ret)
{
    struct sim_options options = {.seed = seed, .fault = fault, .trace = trace};
    sim_run(&options, ret);
    return ret->ok;
}

static void tell(uint64_t seed, const struct sim_result *r)
{
    printf("# sim: seed %llu failed: %s at step %u\n", (unsigned long long)seed, r->what, r->step);
    fflush(stdout);
}

/* The last lines of the trace of a seed that has failed. */
static void show_trace(uint64_t seed, enum sim_fault fault)
{
    enum { LINES = 40 };
    char *text = NULL;
    size_t n = 0;
    struct sim_result r;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return;
    (void)run_seed(seed, fault, f, &r); /* it fails again, that is what it is for */
    fclose(f);
    const char *p = text + n;
    for (int lines = 0; p > text && lines <= LINES; p--)
        lines += p[-1] == '\n';
    while (*p) {
        size_t len = strcspn(p, "\n");
        printf("#   %.*s\n", (int)len, p);
        p += len + (p[len] == '\n');
    }
    free(text);
}

static void add(struct sim_counts *to, const struct sim_counts *c)
{
    to->steps += c->steps;
    to->executions += c->executions;
    to->crashes += c->crashes;
    to->kills += c->kills;
    to->asks += c->asks;
    to->restarts += c->restarts;
    to->jobs += c->jobs;
    to->results += c->results;
    to->duplicates += c->duplicates;
    to->failed_commits += c->failed_commits;
    to->commits += c->commits;
}

static bool sound(uint64_t from, uint64_t n)
{
    struct sim_counts sum = {0};
    struct sim_result r, again;
    for (uint64_t seed = from; seed < from + n; seed++) {
        if (!run_seed(seed, SIM_SOUND, NULL, &r)) {
            tell(seed, &r);
            show_trace(seed, SIM_SOUND);
            return false;
        }
        add(&sum, &r.counts);
        if (seed % TWICE == 0 &&
            (!run_seed(seed, SIM_SOUND, NULL, &again) || again.hash != r.hash)) {
            printf("# sim: seed %llu failed: two runs do not give the same bytes at step 0\n",
                   (unsigned long long)seed);
            return false;
        }
    }
    printf("# %llu seeds: %u steps, %u executions, %u jobs, %u results (%u doubled), %u commits "
           "(%u failed first), %u crashes, %u kills, %u restarts, %u other wishes\n",
           (unsigned long long)n, sum.steps, sum.executions, sum.jobs, sum.results, sum.duplicates,
           sum.commits, sum.failed_commits, sum.crashes, sum.kills, sum.restarts, sum.asks);
    return true;
}

static bool noticed(enum sim_fault fault, uint64_t from, uint64_t n)
{
    struct sim_result r;
    for (uint64_t seed = from; seed < from + n; seed++) {
        if (!run_seed(seed, fault, NULL, &r)) {
            printf("# planted fault %s: ", fault_names[fault]);
            printf("seed %llu: %s at step %u\n", (unsigned long long)seed, r.what, r.step);
            return true;
        }
    }
    return false;
}

static int one(uint64_t seed, enum sim_fault fault, bool trace)
{
    struct sim_result r;
    bool ok = run_seed(seed, fault, trace ? stdout : NULL, &r);
    if (ok)
        printf("sim: seed %llu passed: %u steps, hash %016llx\n", (unsigned long long)seed,
               r.counts.steps, (unsigned long long)r.hash);
    else
        printf("sim: seed %llu failed: %s at step %u\n", (unsigned long long)seed, r.what, r.step);
    return ok ? 0 : 1;
}

static int usage(void)
{
    fprintf(stderr, "usage: sim_run [--seeds N] [--from N] [--seed N [--trace]] "
                    "[--fault stale|ack|revive]\n");
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t seeds = SEEDS, from = 1, seed = 0;
    enum sim_fault fault = SIM_SOUND;
    bool single = false, trace = false;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--trace") == 0) {
            trace = true;
            continue;
        }
        if (!value)
            return usage();
        if (strcmp(argv[i], "--seeds") == 0)
            seeds = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--from") == 0)
            from = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(value, NULL, 10), single = true;
        else if (strcmp(argv[i], "--fault") == 0) {
            for (int f = SIM_STALE; f <= SIM_REVIVE; f++) {
                if (strcmp(value, fault_names[f]) == 0)
                    fault = (enum sim_fault)f;
            }
            if (fault == SIM_SOUND)
                return usage();
        } else
            return usage();
        i++;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    cdz_log_level(CDZ_ERROR + 1); /* failing commits are on purpose */
    if (single)
        return one(seed, fault, trace);
    int bad = 0, n = 0;
    if (fault == SIM_SOUND) {
        bool ok = sound(from, seeds);
        bad += !ok;
        printf("%s %d - no invariant is violated in %llu seeds\n", ok ? "ok" : "not ok", ++n,
               (unsigned long long)seeds);
    }
    for (int f = SIM_STALE; f <= SIM_REVIVE; f++) {
        if (fault != SIM_SOUND && (int)fault != f)
            continue;
        bool ok = noticed((enum sim_fault)f, from, SEEDS);
        bad += !ok;
        printf("%s %d - the planted fault \"%s\" is noticed within %d seeds\n",
               ok ? "ok" : "not ok", ++n, fault_names[f], SEEDS);
    }
    printf("1..%d\n", n);
    return bad > 0;
}
