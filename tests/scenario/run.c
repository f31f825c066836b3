/*
 * run.c -- scenarios of the executor's core: a flow, what its tasks answer, and the recorded course
 * of the execution.
 *
 *   scenario_run DIR            compares every DIR/NAME.txt
 *   scenario_run DIR --accept   rewrites what was recorded; review the diff
 *
 * A file has three parts: `flow:` (YAML, indented by two blanks), `script:` and `expect:`. Lines of
 * the script: fail TASK [N]      attempts of the task fail: all, or the first N hold TASK its
 * result does not come (it stays RUNNING) kill after TASK    a kill arrives right after the task's
 * first result Every scenario is then run again with a crash after step 1, 2, 3 ...: the execution
 * is rebuilt from its records, and must end the same. Time stands still but for timers, which fire
 * when nothing else happens.
 */
#include <dirent.h>
#include <errno.h>

#include "base/map.h"
#include "base/time.h"
#include "exec/step.h"
#include "model/job.h"
#include "plugin/registry.h"

struct rule {
    char task[64];
    int fails; /* -1: always */
    bool hold, kill_after;
};

struct scenario {
    struct cdz_flow *flow;
    struct rule rules[32];
    size_t rule_count;
};

struct pending {
    struct cdz_event ev;
    struct pending *next;
};

/* A run: the execution, its stored records, and what is on the way to it. */
struct world {
    const struct scenario *sc;
    struct cdz_arena *arena;
    struct cdz_execution *e;
    struct cdz_table stored; /* "h", "t<index>" -> struct cdz_buf */
    struct pending *first, **last;
    cdz_us now, timer;
    bool ended, killed;
    unsigned steps, crash_at;
    struct cdz_buf trace;
};

static const cdz_us start_of_time = 1700000000 * CDZ_SECOND;

static struct rule *rule_of(const struct scenario *sc, cdz_str task)
{
    for (size_t i = 0; i < sc->rule_count; i++) {
        if (cdz_str_is(task, sc->rules[i].task))
            return (struct rule *)(uintptr_t)&sc->rules[i];
    }
    return NULL;
}

static void post(struct world *w, struct cdz_event ev)
{
    struct pending *p = CDZ_NEW(w->arena, struct pending);
    p->ev = ev;
    *w->last = p;
    w->last = &p->next;
}

static void store(struct world *w, const char *key, const struct cdz_buf *b)
{
    struct cdz_buf *copy = calloc(1, sizeof(*copy));
    cdz_buf_str(copy, cdz_buf_get(b));
    struct cdz_buf *before = cdz_table_put(&w->stored, cdz_str_z(key), copy);
    if (before) {
        cdz_buf_done(before);
        free(before);
    }
}

/* What a worker would answer to a job. */
static void answer(struct world *w, cdz_str bytes)
{
    struct cdz_job job;
    struct cdz_err err;
    if (cdz_job_decode(bytes, w->arena, &job, &err) != CDZ_OK)
        abort();
    struct rule *rule = rule_of(w->sc, job.task_id);
    struct cdz_event ev = {
        .taskrun = job.taskrun_index, .epoch = job.epoch, .started = w->now, .ended = w->now};
    ev.kind = CDZ_EVENT_RUNNING;
    post(w, ev);
    if (rule && rule->hold)
        return;
    ev.kind = CDZ_EVENT_RESULT;
    ev.state = rule && (rule->fails < 0 || job.attempt < rule->fails) ? CDZ_FAILED : CDZ_SUCCESS;
    ev.outputs = cdz_val_map(w->arena, 1);
    cdz_map_put(w->arena, ev.outputs, CDZ_STR("value"),
                cdz_val_text(cdz_arena_str(w->arena, job.task_id)));
    post(w, ev);
    if (rule && rule->kill_after && !w->killed) {
        w->killed = true;
        post(w, (struct cdz_event){.kind = CDZ_EVENT_KILL});
    }
}

/* Workers answer a kill for what they run. */
static void answer_kill(struct world *w)
{
    for (size_t i = 0; i < w->e->taskruns.n; i++) {
        const struct cdz_taskrun *t = w->e->taskruns.v[i];
        if (cdz_state_now(&t->history) == CDZ_KILLING)
            post(w, (struct cdz_event){.kind = CDZ_EVENT_RESULT,
                                       .taskrun = t->index,
                                       .epoch = t->epoch,
                                       .state = CDZ_KILLED,
                                       .started = w->now,
                                       .ended = w->now});
    }
}

static void take(struct world *w, const struct cdz_step *step)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    char key[32];
    for (size_t i = 0; i < step->taskruns.n; i++) {
        cdz_buf_reset(&b);
        cdz_taskrun_encode(w->e->taskruns.v[step->taskruns.v[i]], &b);
        snprintf(key, sizeof(key), "t%u", step->taskruns.v[i]);
        store(w, key, &b);
    }
    if (step->head) {
        cdz_buf_reset(&b);
        cdz_execution_encode(w->e, &b);
        store(w, "h", &b);
    }
    cdz_buf_done(&b);
    for (size_t i = 0; i < step->effects.n; i++) {
        const struct cdz_effect *f = &step->effects.v[i];
        switch (f->kind) {
        case CDZ_EFFECT_JOB:
            answer(w, cdz_arena_str(w->arena, f->bytes));
            break;
        case CDZ_EFFECT_KILL:
            answer_kill(w);
            break;
        case CDZ_EFFECT_TIMER:
            if (!w->timer || f->at < w->timer)
                w->timer = f->at;
            break;
        case CDZ_EFFECT_LOG: {
            struct cdz_log_entry l;
            struct cdz_err err;
            if (cdz_log_entry_decode(f->bytes, &l, &err) == CDZ_OK && l.level >= CDZ_WARN)
                cdz_buf_printf(&w->trace, "log %s %.*s: %.*s\n", cdz_level_names[l.level],
                               CDZ_S(l.task_id), CDZ_S(l.message));
            break;
        }
        case CDZ_EFFECT_EVENT:
        case CDZ_EFFECT_CHILD:
        case CDZ_EFFECT_FILE:
            break;
        case CDZ_EFFECT_CREATE:
            cdz_buf_printf(&w->trace, "another execution is created\n");
            break;
        case CDZ_EFFECT_ENDED:
            w->ended = true;
            break;
        }
    }
}

static const struct cdz_exec_env env = {.zone = {"UTC", 3}};

static void do_step(struct world *w, struct cdz_event ev)
{
    struct cdz_step step;
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    ev.now = w->now;
    ev.seed = w->steps + 1;
    cdz_exec_step(w->e, &env, &ev, arena, &step);
    w->steps++;
    take(w, &step);
}

static void crash(struct world *w)
{
    struct cdz_err err;
    struct cdz_execution *e;
    struct cdz_buf *head = cdz_table_get(&w->stored, CDZ_STR("h"));
    char key[32];
    w->first = NULL; /* what was on the way is gone, the workers too */
    w->last = &w->first;
    w->timer = 0;
    cdz_execution_free(w->e);
    if (cdz_execution_decode(cdz_buf_get(head), &e, &err) != CDZ_OK)
        abort();
    w->e = e;
    e->flow = w->sc->flow;
    for (unsigned i = 0;; i++) {
        snprintf(key, sizeof(key), "t%u", i);
        struct cdz_buf *b = cdz_table_get(&w->stored, cdz_str_z(key));
        if (!b)
            break;
        if (cdz_taskrun_decode_into(cdz_buf_get(b), e, &err) != CDZ_OK)
            abort();
    }
    if (cdz_exec_load(e, &err) != CDZ_OK) {
        cdz_buf_printf(&w->trace, "load failed: %s\n", err.text);
        w->ended = true;
        return;
    }
    do_step(w, (struct cdz_event){.kind = CDZ_EVENT_RECOVER});
    if (w->killed)
        post(w, (struct cdz_event){
                    .kind = CDZ_EVENT_KILL}); /* a kill is durable: it is delivered again */
}

static void print_end(struct world *w, bool with_attempts)
{
    cdz_buf_printf(&w->trace, "execution %s\n", cdz_state_name(cdz_state_now(&w->e->history)));
    for (size_t i = 0; i < w->e->taskruns.n; i++) {
        const struct cdz_taskrun *t = w->e->taskruns.v[i];
        int depth = 0;
        for (uint32_t p = t->parent; p != CDZ_NO_TASKRUN; p = w->e->taskruns.v[p]->parent)
            depth++;
        cdz_buf_printf(&w->trace, "%*s%.*s", 2 + depth * 2, "", CDZ_S(t->task_id));
        if (t->value.p)
            cdz_buf_printf(&w->trace, "[%.*s]", CDZ_S(t->value));
        cdz_buf_printf(&w->trace, " %s", cdz_state_name(cdz_state_now(&t->history)));
        if (with_attempts && t->attempt_count > 1)
            cdz_buf_printf(&w->trace, " attempts=%zu", t->attempt_count);
        cdz_buf_c(&w->trace, '\n');
    }
}

/* The whole course; the end in `trace`. crash_at 0: no crash. */
static void run(const struct scenario *sc, unsigned crash_at, struct cdz_buf *trace,
                unsigned *ret_steps)
{
    struct world w = {
        .sc = sc, .arena = cdz_arena_open(0), .now = start_of_time, .crash_at = crash_at};
    struct cdz_execution *e = cdz_execution_new();
    w.last = &w.first;
    w.e = e;
    e->id = CDZ_STR("exec");
    e->original_id = e->id;
    e->namespace_ = sc->flow->namespace_;
    e->flow_id = sc->flow->id;
    e->flow_revision = 1;
    e->original_created = w.now;
    e->flow = sc->flow;
    cdz_history_add(&e->history, e->arena, CDZ_CREATED, w.now);
    do_step(&w, (struct cdz_event){.kind = CDZ_EVENT_CREATE});
    for (unsigned guard = 0; !w.ended && guard < 100000; guard++) {
        if (w.crash_at && w.steps == w.crash_at) {
            w.crash_at = 0;
            crash(&w);
            continue;
        }
        if (w.first) {
            struct cdz_event ev = w.first->ev;
            w.first = w.first->next;
            if (!w.first)
                w.last = &w.first;
            do_step(&w, ev);
        } else if (w.timer) {
            w.now = w.timer > w.now ? w.timer : w.now;
            w.timer = 0;
            do_step(&w, (struct cdz_event){.kind = CDZ_EVENT_TIMER});
        } else {
            break; /* nothing can happen any more */
        }
    }
    if (crash_at)
        cdz_buf_reset(&w.trace); /* logs may differ: what counts is how it ends */
    print_end(&w, crash_at == 0);
    cdz_buf_str(trace, cdz_buf_get(&w.trace));
    *ret_steps = w.steps;
    size_t at = 0;
    cdz_str key;
    void *b;
    while (cdz_table_next(&w.stored, &at, &key, &b)) {
        cdz_buf_done(b);
        free(b);
    }
    cdz_table_done(&w.stored);
    cdz_execution_free(w.e);
    cdz_buf_done(&w.trace);
    cdz_arena_close(w.arena);
}

/* Lines of `part:` with two blanks taken off. */
static cdz_str part_of(cdz_str text, const char *part, struct cdz_arena *arena)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    bool in = false;
    while (text.n) {
        size_t eol = cdz_str_chr(text, '\n', 0);
        cdz_str line = cdz_str_sub(text, 0, eol);
        text = eol == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(text, eol + 1, text.n);
        if (line.n && line.p[0] != ' ' && line.p[0] != '#')
            in = line.n == strlen(part) + 1 && cdz_str_starts(line, cdz_str_z(part));
        else if (in) {
            cdz_buf_str(&b, cdz_str_sub(line, 2, line.n));
            cdz_buf_c(&b, '\n');
        }
    }
    cdz_str ret = cdz_buf_copy(&b, arena);
    cdz_buf_done(&b);
    return ret;
}

static void parse_script(cdz_str script, struct scenario *sc)
{
    char line[256], verb[16], a[64], b[64];
    FILE *f = fmemopen((void *)(uintptr_t)script.p, script.n ? script.n : 1, "r");
    while (script.n && f && fgets(line, sizeof(line), f)) {
        int n = sscanf(line, "%15s %63s %63s", verb, a, b);
        if (n < 2 || sc->rule_count == CDZ_COUNT(sc->rules))
            continue;
        const char *task = strcmp(verb, "kill") == 0 ? b : a;
        struct rule *r = rule_of(sc, cdz_str_z(task));
        if (!r) {
            r = &sc->rules[sc->rule_count++];
            snprintf(r->task, sizeof(r->task), "%s", task);
        }
        if (strcmp(verb, "fail") == 0)
            r->fails = n == 3 ? (int)strtol(b, NULL, 10) : -1;
        r->hold |= strcmp(verb, "hold") == 0;
        r->kill_after |= strcmp(verb, "kill") == 0;
    }
    if (f)
        fclose(f);
}

static cdz_str read_file(const char *path, struct cdz_arena *arena)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    char part[4096];
    size_t n;
    FILE *f = fopen(path, "re");
    while (f && (n = fread(part, 1, sizeof(part), f)) > 0)
        cdz_buf_add(&b, part, n);
    if (f)
        fclose(f);
    cdz_str ret = cdz_buf_copy(&b, arena);
    cdz_buf_done(&b);
    return ret;
}

static void accept_trace(const char *path, cdz_str text, cdz_str trace)
{
    size_t at = cdz_str_find(text, CDZ_STR("\nexpect:\n"), 0);
    cdz_str head = at == SIZE_MAX ? text : cdz_str_sub(text, 0, at + 1);
    FILE *f = fopen(path, "we");
    fwrite(head.p, 1, head.n, f);
    fputs("expect:\n", f);
    while (trace.n) {
        size_t eol = cdz_str_chr(trace, '\n', 0);
        fprintf(f, "  %.*s\n", CDZ_S(cdz_str_sub(trace, 0, eol)));
        trace = cdz_str_sub(trace, eol + 1, trace.n);
    }
    fclose(f);
}

/* Only the lines of the end, without attempts, in any order of siblings: what a crash must not
 * change. */
static int line_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static cdz_str essence(cdz_str trace, struct cdz_arena *arena)
{
    char *lines[4096];
    size_t n = 0;
    struct cdz_buf b = CDZ_BUF_INIT;
    while (trace.n && n < CDZ_COUNT(lines)) {
        size_t eol = cdz_str_chr(trace, '\n', 0);
        cdz_str line = cdz_str_sub(trace, 0, eol);
        size_t cut = cdz_str_find(line, CDZ_STR(" attempts="), 0);
        trace = eol == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(trace, eol + 1, trace.n);
        if (!cdz_str_starts(line, CDZ_STR("log ")) && !cdz_str_starts(line, CDZ_STR("another")))
            lines[n++] = (char *)(uintptr_t)cdz_arena_z(arena, cdz_str_sub(line, 0, cut));
    }
    qsort(lines, n, sizeof(*lines), line_order);
    for (size_t i = 0; i < n; i++)
        cdz_buf_printf(&b, "%s\n", lines[i]);
    cdz_str ret = cdz_buf_copy(&b, arena);
    cdz_buf_done(&b);
    return ret;
}

static bool run_file(const char *path, bool accept)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow_options options = {.registry = cdz_registry_builtin()};
    struct scenario sc = {0};
    struct cdz_err err;
    struct cdz_buf trace = CDZ_BUF_INIT;
    unsigned steps, ignored;
    cdz_str text = read_file(path, arena), expect = part_of(text, "expect", arena);
    if (cdz_flow_parse(part_of(text, "flow", arena), &options, &problems, &sc.flow, &err) !=
        CDZ_OK) {
        printf("# %s\n", err.text);
        return false;
    }
    parse_script(part_of(text, "script", arena), &sc);
    run(&sc, 0, &trace, &steps);
    bool ok = cdz_str_eq(cdz_buf_get(&trace), expect);
    if (accept)
        accept_trace(path, text, cdz_buf_get(&trace));
    else if (!ok)
        printf("# wanted:\n%.*s# got:\n%s", CDZ_S(expect), trace.p);
    cdz_str want = essence(cdz_buf_get(&trace), arena);
    for (unsigned k = 1; k < steps && (ok || accept); k++) {
        struct cdz_buf after = CDZ_BUF_INIT;
        run(&sc, k, &after, &ignored);
        cdz_str got = essence(cdz_buf_get(&after), arena);
        if (!cdz_str_eq(got, want)) {
            printf("# after a crash behind step %u it ends otherwise:\n%.*s", k, CDZ_S(got));
            ok = false;
        }
        cdz_buf_done(&after);
    }
    cdz_buf_done(&trace);
    cdz_flow_unref(sc.flow);
    return ok || accept;
}

int main(int argc, char **argv)
{
    struct dirent **names;
    int n = argc > 1 ? scandir(argv[1], &names, NULL, alphasort) : -1, tests = 0, bad = 0;
    if (n < 0)
        return fprintf(stderr, "usage: scenario_run DIR [--accept] [NAME]\n"), 2;
    bool accept = argc > 2 && strcmp(argv[2], "--accept") == 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < n; i++) {
        char path[4096];
        size_t len = strlen(names[i]->d_name);
        if (len > 4 && strcmp(names[i]->d_name + len - 4, ".txt") == 0 &&
            !(argc > 2 && !accept && !strstr(names[i]->d_name, argv[2]))) {
            snprintf(path, sizeof(path), "%s/%s", argv[1], names[i]->d_name);
            bool ok = run_file(path, accept);
            bad += !ok;
            printf("%s %d - %.*s\n", ok ? "ok" : "not ok", ++tests, (int)len - 4, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
    printf("1..%d\n", tests);
    return bad > 0;
}
