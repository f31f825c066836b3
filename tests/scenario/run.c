/*
 * run.c -- scenarios of the executor's core: a flow, what its tasks answer and people do, and the
 * recorded course of the execution.
 *
 *   scenario_run DIR            compares every DIR/NAME.txt
 *   scenario_run DIR --accept   rewrites what was recorded; review the diff
 *
 * A file has three parts: `flow:` (YAML, indented by two blanks), `script:` and `expect:`. Lines of
 * the script:
 *
 *   fail TASK [N]        attempts of the task fail: all, or the first N
 *   warn TASK            they end with a warning
 *   hold TASK            its result does not come: it stays RUNNING; of a called flow: it does not end
 *   kill after TASK      a kill comes right after the task's first result; so does `pause after`
 *   child FLOW STATE     a called flow ends so (without: SUCCESS); `refused`: there is none
 *   busy                 another execution holds each limit when this one comes
 *   then WHAT            one after another, whenever the execution has nothing to do by itself:
 *                        pause, resume [TEXT], kill, force, free (the other one leaves its limits),
 *                        event KEY, wait (the next timer fires)
 *
 * When nothing else happens the next timer fires. Every scenario is then run again with a crash after
 * step 1, 2, 3 ...: the execution is rebuilt from its records, and must end the same; and once more
 * so that it leaves memory whenever it is idle, which must change nothing at all.
 */
#include <dirent.h>
#include <errno.h>

#include "plugin/registry.h"
#include "scenario.h"

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

static struct rule *rule_of(struct scenario *sc, const char *name)
{
    for (size_t i = 0; i < sc->rule_count; i++) {
        if (strcmp(name, sc->rules[i].name) == 0)
            return &sc->rules[i];
    }
    if (sc->rule_count == CDZ_COUNT(sc->rules))
        abort();
    struct rule *r = &sc->rules[sc->rule_count++];
    snprintf(r->name, sizeof(r->name), "%s", name);
    return r;
}

static bool parse_action(const char *verb, const char *arg, struct scenario *sc)
{
    static const char *const verbs[] = {
        [DO_PAUSE] = "pause", [DO_RESUME] = "resume", [DO_KILL] = "kill", [DO_FORCE] = "force",
        [DO_FREE] = "free",   [DO_SIGNAL] = "event",  [DO_WAIT] = "wait"};
    for (size_t i = 0; i < CDZ_COUNT(verbs) && sc->action_count < CDZ_COUNT(sc->actions); i++) {
        if (strcmp(verb, verbs[i]) != 0)
            continue;
        struct action *a = &sc->actions[sc->action_count++];
        a->kind = (enum action_kind)i;
        snprintf(a->arg, sizeof(a->arg), "%s", arg);
        return true;
    }
    return false;
}

static bool parse_line(const char *line, struct scenario *sc)
{
    char verb[16], a[64] = "", b[64] = "";
    int n = sscanf(line, "%15s %63s %63s", verb, a, b);
    if (n < 1 || verb[0] == '#')
        return true;
    if (strcmp(verb, "then") == 0)
        return n > 1 && parse_action(a, b, sc);
    if (strcmp(verb, "busy") == 0) {
        sc->busy = true;
    } else if (strcmp(verb, "fail") == 0) {
        rule_of(sc, a)->fails = n == 3 ? (int)strtol(b, NULL, 10) : -1;
    } else if (strcmp(verb, "warn") == 0) {
        rule_of(sc, a)->warns = true;
    } else if (strcmp(verb, "hold") == 0) {
        rule_of(sc, a)->hold = true;
    } else if (strcmp(verb, "child") == 0 && strcmp(b, "refused") == 0) {
        rule_of(sc, a)->refused = true;
    } else if (strcmp(verb, "child") == 0) {
        return cdz_state_parse(cdz_str_z(b), &rule_of(sc, a)->child);
    } else if (n == 3 && strcmp(a, "after") == 0 && strcmp(verb, "kill") == 0) {
        rule_of(sc, b)->after |= AFTER_KILL;
    } else if (n == 3 && strcmp(a, "after") == 0 && strcmp(verb, "pause") == 0) {
        rule_of(sc, b)->after |= AFTER_PAUSE;
    } else {
        return false;
    }
    return true;
}

static bool parse_script(cdz_str script, struct scenario *sc, struct cdz_arena *arena)
{
    while (script.n) {
        size_t eol = cdz_str_chr(script, '\n', 0);
        const char *line = cdz_arena_z(arena, cdz_str_sub(script, 0, eol));
        if (!parse_line(line, sc)) {
            printf("# the script does not know: %s\n", line);
            return false;
        }
        script = eol == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(script, eol + 1, script.n);
    }
    return true;
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
        bool of_the_way =
            cdz_str_starts(line, CDZ_STR("log ")) || cdz_str_starts(line, CDZ_STR("another")) ||
            cdz_str_starts(line, CDZ_STR("call ")) || cdz_str_starts(line, CDZ_STR("kill of")) ||
            cdz_str_starts(line, CDZ_STR("the other")) || cdz_str_starts(line, CDZ_STR("by way"));
        if (!of_the_way)
            lines[n++] = (char *)(uintptr_t)cdz_arena_z(arena, cdz_str_sub(line, 0, cut));
    }
    qsort(lines, n, sizeof(*lines), line_order);
    for (size_t i = 0; i < n; i++)
        cdz_buf_printf(&b, "%s\n", lines[i]);
    cdz_str ret = cdz_buf_copy(&b, arena);
    cdz_buf_done(&b);
    return ret;
}

static bool survives_crashes(const struct scenario *sc, cdz_str trace, unsigned steps,
                             struct cdz_arena *arena)
{
    cdz_str want = essence(trace, arena);
    unsigned ignored;
    bool ok = true;
    for (unsigned k = 1; k < steps && ok; k++) {
        CDZ_AUTO_BUF struct cdz_buf after = CDZ_BUF_INIT;
        scenario_run(sc, CRASHED, k, &after, &ignored);
        cdz_str got = essence(cdz_buf_get(&after), arena);
        ok = cdz_str_eq(got, want);
        if (!ok)
            printf("# after a crash behind step %u it ends otherwise:\n%.*s", k, CDZ_S(got));
    }
    return ok;
}

static bool survives_cold(const struct scenario *sc, cdz_str trace)
{
    CDZ_AUTO_BUF struct cdz_buf cold = CDZ_BUF_INIT;
    unsigned ignored;
    scenario_run(sc, COLD, 0, &cold, &ignored);
    bool ok = cdz_str_eq(cdz_buf_get(&cold), trace);
    if (!ok)
        printf("# out of memory whenever it is idle it goes otherwise:\n%s", cold.p);
    return ok;
}

static bool run_file(const char *path, bool accept)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow_options options = {.registry = cdz_registry_builtin()};
    struct scenario sc = {0};
    struct cdz_err err;
    CDZ_AUTO_BUF struct cdz_buf trace = CDZ_BUF_INIT;
    unsigned steps;
    cdz_str text = read_file(path, arena), expect = part_of(text, "expect", arena);
    if (!parse_script(part_of(text, "script", arena), &sc, arena))
        return false;
    if (cdz_flow_parse(part_of(text, "flow", arena), &options, &problems, &sc.flow, &err) !=
        CDZ_OK) {
        printf("# %s\n", err.text);
        return false;
    }
    scenario_run(&sc, UNDISTURBED, 0, &trace, &steps);
    bool ok = accept || cdz_str_eq(cdz_buf_get(&trace), expect);
    if (accept)
        accept_trace(path, text, cdz_buf_get(&trace));
    else if (!ok)
        printf("# wanted:\n%.*s# got:\n%s", CDZ_S(expect), trace.p);
    ok = ok && survives_crashes(&sc, cdz_buf_get(&trace), steps, arena);
    ok = ok && survives_cold(&sc, cdz_buf_get(&trace));
    cdz_flow_unref(sc.flow);
    return ok;
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
