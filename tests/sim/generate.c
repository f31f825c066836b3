/*
 * generate.c -- random flows as YAML text, of all that the executor itself decides about. They are accepted
 * by the compiler; what they do is another matter: conditions that cannot be evaluated, values that
 * are no list and tasks that always fail are part of it.
 */
#include "plugin/registry.h"
#include "sim.h"

enum { DEPTH_MAX = 4, TASKS_MAX = 24 };

struct generator {
    struct cdz_rng *rng;
    struct cdz_buf *out;
    unsigned tasks;  /* begun so far: they number the ids */
    unsigned leaves; /* ids leaf0 .. leafN have an output */
    bool after;      /* below afterExecution or listeners: nobody can resume a pause there */
    unsigned number, flow_count; /* a flow calls only those behind it: calls end */
    bool new_execution;          /* a retry policy makes new executions: at most one does */
};

static unsigned below(struct generator *g, unsigned n)
{
    return (unsigned)cdz_rng_below(g->rng, n);
}

static bool one_in(struct generator *g, unsigned n)
{
    return below(g, n) == 0;
}

static bool has_type(const char *name)
{
    return cdz_type_find(cdz_registry_builtin(), cdz_str_z(name)) != NULL;
}

static void line(struct generator *g, unsigned indent, const char *fmt, ...) CDZ_PRINTF(3, 4);
static void line(struct generator *g, unsigned indent, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    cdz_buf_printf(g->out, "%*s%s\n", (int)indent, "", text);
}

/* An expression for a condition: plain, about the value at hand, or about another task's output. */
static const char *condition(struct generator *g, char text[128])
{
    switch (below(g, 6)) {
    case 0:
        return "true";
    case 1:
        return "false";
    case 2:
        return "{{ taskrun.value == 'a' }}";
    case 3:
        return "{{ 1 == 1 }}";
    default:
        if (g->leaves == 0)
            return "{{ execution.id is defined }}";
        snprintf(text, 128, "{{ outputs.leaf%u.flag ?? %s }}", below(g, g->leaves),
                 one_in(g, 2) ? "true" : "false");
        return text;
    }
}

static const char *values(struct generator *g, char text[128])
{
    switch (below(g, 8)) {
    case 0:
        return "[]";
    case 1:
        return "'[\"a\", \"b\"]'";
    case 2:
        return "[1, 2, 2, {\"k\": \"v\"}]";
    case 3:
        return one_in(g, 3) ? "'nothing that is a list'" : "[\"a\"]";
    case 4:
        if (g->leaves > 0) {
            snprintf(text, 128, "\"{{ outputs.leaf%u.list ?? '[1,2]' }}\"", below(g, g->leaves));
            return text;
        }
        return "[\"x\", \"y\"]";
    default:
        return "[\"a\", \"b\", \"c\", \"d\"]";
    }
}

static void retry(struct generator *g, unsigned indent)
{
    static const char *const kinds[] = {"constant", "exponential", "random"};
    unsigned kind = below(g, 3);
    bool again = !g->new_execution && one_in(g, 5);
    g->new_execution |= again;
    line(g, indent, "retry:");
    line(g, indent + 2, "type: %s", kinds[kind]);
    if (kind < 2)
        line(g, indent + 2, "interval: PT%uS", 1 + below(g, 40));
    if (kind == 1)
        line(g, indent + 2, "maxInterval: PT5M");
    if (kind == 2) {
        line(g, indent + 2, "minInterval: PT1S");
        line(g, indent + 2, "maxInterval: PT30S");
    }
    line(g, indent + 2, "maxAttempt: %u", 1 + below(g, 3));
    if (one_in(g, 4))
        line(g, indent + 2, "maxDuration: PT2M");
    if (one_in(g, 4))
        line(g, indent + 2, "warningOnRetry: true");
    if (again)
        line(g, indent + 2, "behavior: CREATE_NEW_EXECUTION");
}

static void common(struct generator *g, unsigned indent)
{
    char text[128];
    if (one_in(g, 5))
        retry(g, indent);
    if (one_in(g, 8))
        line(g, indent, "allowFailure: true");
    if (one_in(g, 12))
        line(g, indent, "allowWarning: true");
    if (one_in(g, 7))
        line(g, indent, "runIf: \"%s\"", condition(g, text));
    if (one_in(g, 14))
        line(g, indent, "disabled: true");
}

/* What changes the execution itself, in the executor. */
static void updating(struct generator *g, unsigned indent)
{
    static const char *const ends[] = {"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED"};
    line(g, indent, "- id: update%u", g->tasks++);
    switch (below(g, 4)) {
    case 0:
        line(g, indent, "  type: io.kestra.plugin.core.execution.Labels");
        line(g, indent, "  labels: {team: \"{{ flow.id }}\"}");
        break;
    case 1:
        line(g, indent, "  type: io.kestra.plugin.core.execution.SetVariables");
        line(g, indent, "  variables: {a: \"{{ taskrun.value ?? 'x' }}\"}");
        break;
    case 2:
        line(g, indent, "  type: io.kestra.plugin.core.execution.UnsetVariables");
        line(g, indent, "  variables: [a]");
        break;
    default:
        line(g, indent, "  type: io.kestra.plugin.core.execution.Exit");
        line(g, indent, "  state: %s", ends[below(g, 5)]);
        line(g, indent, "  runIf: \"{{ taskrun.value is not defined }}\"");
        return;
    }
}

static void leaf(struct generator *g, unsigned indent)
{
    switch (below(g, 8)) {
    case 0:
        line(g, indent, "- id: fail%u", g->tasks++);
        line(g, indent, "  type: io.kestra.plugin.core.execution.Fail");
        break;
    case 1:
        line(g, indent, "- id: log%u", g->tasks++);
        line(g, indent, "  type: io.kestra.plugin.core.log.Log");
        line(g, indent, "  message: \"{{ taskrun.value ?? 'nothing' }}\"");
        break;
    case 2:
        if (one_in(g, 3)) {
            updating(g, indent);
            return;
        }
        __attribute__((fallthrough));
    default:
        line(g, indent, "- id: leaf%u", g->leaves++);
        line(g, indent, "  type: io.kestra.plugin.core.debug.Return");
        line(g, indent, "  format: \"{{ task.id }}\"");
        g->tasks++;
        break;
    }
    common(g, indent + 2);
}

static void task(struct generator *g, unsigned indent, unsigned depth);

static void list(struct generator *g, unsigned indent, unsigned depth, const char *name)
{
    unsigned n = 1 + below(g, 3);
    line(g, indent, "%s:", name);
    for (unsigned i = 0; i < n; i++)
        task(g, indent + 2, depth);
}

static void errors(struct generator *g, unsigned indent, unsigned depth)
{
    if (one_in(g, 4))
        list(g, indent, depth + 1, "errors");
    if (one_in(g, 8))
        list(g, indent, depth + 1, "finally");
}

/* A call of a flow behind this one, for one execution or for each batch of a file. */
static void call(struct generator *g, unsigned indent)
{
    unsigned other = g->number + 1 + below(g, g->flow_count - g->number - 1);
    bool items =
        one_in(g, 3) && has_type("io.kestra.plugin.core.flow.ForEachItem$ForEachItemSplit");
    line(g, indent, "type: io.kestra.plugin.core.flow.%s", items ? "ForEachItem" : "Subflow");
    line(g, indent, "namespace: sim");
    line(g, indent, "flowId: %s%u", one_in(g, 12) ? "nobody" : "s", other);
    if (items)
        line(g, indent, "items: \"kestra:///sim/items.txt\"");
    if (one_in(g, 4))
        line(g, indent, "wait: false");
    if (one_in(g, 4))
        line(g, indent, "transmitFailed: false");
}

static void pause(struct generator *g, unsigned indent, unsigned depth)
{
    static const char *const behaviors[] = {"RESUME", "WARN", "FAIL", "CANCEL"};
    line(g, indent, "type: io.kestra.plugin.core.flow.Pause");
    switch (below(g, g->after ? 3 : 4)) {
    case 0:
        line(g, indent, "delay: PT%uS", 1 + below(g, 90));
        break;
    case 1:
        line(g, indent, "timeout: PT%uS", 1 + below(g, 90));
        break;
    case 2:
        line(g, indent, "pauseDuration: PT%uS", 1 + below(g, 90));
        line(g, indent, "behavior: %s", behaviors[below(g, 4)]);
        break;
    default:
        break; /* until somebody resumes it */
    }
    if (one_in(g, 4))
        list(g, indent, depth + 1, "tasks");
}

static void loop(struct generator *g, unsigned indent, unsigned depth)
{
    char text[128];
    line(g, indent, "type: io.kestra.plugin.core.flow.%s", one_in(g, 2) ? "LoopUntil" : "WaitFor");
    line(g, indent, "condition: \"%s\"", condition(g, text));
    line(g, indent, "checkFrequency:");
    line(g, indent, "  maxIterations: %u", 1 + below(g, 4));
    line(g, indent, "  interval: PT%uS", below(g, 30));
    if (one_in(g, 3))
        line(g, indent, "  maxDuration: PT%uS", 1 + below(g, 60));
    if (one_in(g, 2))
        line(g, indent, "failOnMaxReached: true");
    list(g, indent, depth + 1, "tasks");
}

static void dag(struct generator *g, unsigned indent, unsigned depth)
{
    unsigned n = 2 + below(g, 3);
    char ids[5][32];
    line(g, indent, "tasks:");
    for (unsigned i = 0; i < n; i++) {
        line(g, indent, "- task:");
        size_t from = g->out->n;
        task(g, indent + 4, depth + 1);
        /* `- id: x` becomes `  id: x`: the task is a map here, not an item */
        g->out->p[from + indent + 4] = ' ';
        const char *id = g->out->p + from + indent + 4 + 6;
        snprintf(ids[i], sizeof(ids[i]), "%.*s", (int)strcspn(id, "\n"), id);
        if (i > 0 && !one_in(g, 3))
            line(g, indent + 2, "dependsOn: [%s]", ids[below(g, i)]);
    }
}

/* One flowable, without what all tasks have. */
static void flowable(struct generator *g, unsigned indent, unsigned depth)
{
    char text[128];
    unsigned id = g->tasks++;
    line(g, indent, "- id: block%u", id);
    indent += 2;
#define TYPE(name) line(g, indent, "type: io.kestra.plugin.core.flow." name)
    switch (below(g, 15)) {
    case 14:
        if (!g->after) {
            line(g, indent, "type: io.cadenza.core.flow.WaitForEvent");
            line(g, indent, "key: \"%s\"", one_in(g, 2) ? "a" : "{{ taskrun.value ?? 'b' }}");
            if (one_in(g, 2))
                line(g, indent, "timeout: PT%uS", 1 + below(g, 90));
            common(g, indent);
            return;
        }
        __attribute__((fallthrough));
    case 9:
        pause(g, indent, depth);
        break;
    case 10:
        loop(g, indent, depth);
        break;
    case 11:
    case 12:
        if (g->number + 1 < g->flow_count) {
            call(g, indent);
            common(g, indent);
            return;
        }
        __attribute__((fallthrough));
    case 0:
        TYPE("Sequential");
        list(g, indent, depth + 1, "tasks");
        break;
    case 1:
        TYPE("Parallel");
        line(g, indent, "concurrent: %u", below(g, 3));
        list(g, indent, depth + 1, "tasks");
        break;
    case 2:
        TYPE("AllowFailure");
        list(g, indent, depth + 1, "tasks");
        break;
    case 3:
        TYPE("Switch");
        line(g, indent, "value: \"%s\"", one_in(g, 2) ? "{{ taskrun.value ?? 'a' }}" : "b");
        line(g, indent, "cases:");
        list(g, indent + 2, depth + 1, "a");
        list(g, indent + 2, depth + 1, "b");
        if (one_in(g, 2))
            list(g, indent, depth + 1, "defaults");
        break;
    case 4:
        TYPE("If");
        line(g, indent, "condition: \"%s\"", condition(g, text));
        list(g, indent, depth + 1, "then");
        if (one_in(g, 2))
            list(g, indent, depth + 1, "else");
        break;
    case 5:
        TYPE("Dag");
        line(g, indent, "concurrent: %u", below(g, 3));
        dag(g, indent, depth);
        break;
    case 6:
        TYPE("EachSequential");
        line(g, indent, "value: %s", values(g, text));
        list(g, indent, depth + 1, "tasks");
        break;
    case 7:
        TYPE("EachParallel");
        line(g, indent, "concurrent: %u", below(g, 3));
        line(g, indent, "value: %s", values(g, text));
        list(g, indent, depth + 1, "tasks");
        break;
    default:
        TYPE("ForEach");
        line(g, indent, "concurrencyLimit: %u", below(g, 4));
        line(g, indent, "values: %s", values(g, text));
        list(g, indent, depth + 1, "tasks");
        break;
    }
#undef TYPE
    errors(g, indent, depth);
    common(g, indent);
}

static void task(struct generator *g, unsigned indent, unsigned depth)
{
    if (depth >= DEPTH_MAX || g->tasks >= TASKS_MAX || one_in(g, 2))
        leaf(g, indent);
    else
        flowable(g, indent, depth);
}

/* Limits and promises of the flow. */
static void terms(struct generator *g)
{
    static const char *const full[] = {"QUEUE", "QUEUE", "CANCEL", "FAIL", "CANCEL_PREVIOUS"};
    static const char *const late[] = {"FAIL", "CANCEL", "NONE"};
    if (one_in(g, 3)) {
        line(g, 0, "concurrency:");
        line(g, 2, "limit: %u", 1 + below(g, 2));
        line(g, 2, "behavior: %s", full[below(g, 5)]);
        if (one_in(g, 4))
            line(g, 2, "key: \"{{ flow.id }}\"");
    }
    if (one_in(g, 6)) {
        line(g, 0, "sla:");
        line(g, 2, "- id: late");
        line(g, 2, "  type: MAX_DURATION");
        line(g, 2, "  duration: PT%uS", 1 + below(g, 100));
        line(g, 2, "  behavior: %s", late[below(g, 3)]);
        line(g, 2, "  labels: {late: \"yes\"}");
    }
}

static void after_the_end(struct generator *g)
{
    g->after = true;
    if (one_in(g, 6))
        list(g, 0, DEPTH_MAX - 1, "afterExecution");
    if (one_in(g, 6)) {
        line(g, 0, "listeners:");
        line(g, 0, "- description: at the end");
        if (has_type("io.kestra.plugin.core.condition.ExecutionStatus")) {
            line(g, 2, "conditions:");
            line(g, 2, "- type: io.kestra.plugin.core.condition.ExecutionStatus");
            line(g, 2, "  in: [%s]", one_in(g, 2) ? "FAILED, WARNING" : "SUCCESS");
        }
        list(g, 2, DEPTH_MAX - 1, "tasks");
    }
}

cdz_str sim_generate(struct cdz_rng *rng, unsigned number, unsigned count, struct cdz_arena *arena)
{
    struct cdz_buf out = CDZ_BUF_INIT;
    struct generator g = {.rng = rng, .out = &out, .number = number, .flow_count = count};
    line(&g, 0, "id: s%u", number);
    line(&g, 0, "namespace: sim");
    if (one_in(&g, 6))
        retry(&g, 0);
    if (one_in(&g, 4)) {
        line(&g, 0, "outputs:");
        line(&g, 2, "- id: out");
        line(&g, 2, "  type: STRING");
        line(&g, 2, "  value: \"{{ outputs.leaf0.value %s }}\"", one_in(&g, 3) ? "" : "?? 'none'");
    }
    terms(&g);
    list(&g, 0, 0, "tasks");
    errors(&g, 0, 0);
    after_the_end(&g);
    cdz_str ret = cdz_buf_copy(&out, arena);
    cdz_buf_done(&out);
    return ret;
}
