/*
 * generate.c -- random flows as YAML text, of whatever flowables the registry has. They are accepted
 * by the compiler; what they do is another matter: conditions that cannot be evaluated, values that
 * are no list and tasks that always fail are part of it.
 */
#include "plugin/registry.h"
#include "sim.h"

enum { DEPTH_MAX = 4, TASKS_MAX = 24 };

struct generator {
    struct cdz_rng *rng;
    const struct cdz_registry *registry;
    struct cdz_buf *out;
    unsigned tasks;     /* begun so far: they number the ids */
    unsigned leaves;    /* ids leaf0 .. leafN have an output */
    bool new_execution; /* a retry policy makes new executions: at most one does */
};

static unsigned below(struct generator *g, unsigned n)
{
    return (unsigned)cdz_rng_below(g->rng, n);
}

static bool one_in(struct generator *g, unsigned n)
{
    return below(g, n) == 0;
}

static bool has_type(const struct generator *g, const char *name)
{
    return cdz_type_find(g->registry, cdz_str_z(name)) != NULL;
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

static void leaf(struct generator *g, unsigned indent)
{
    switch (below(g, 5)) {
    case 0:
        line(g, indent, "- id: fail%u", g->tasks++);
        line(g, indent, "  type: io.kestra.plugin.core.execution.Fail");
        break;
    case 1:
        line(g, indent, "- id: log%u", g->tasks++);
        line(g, indent, "  type: io.kestra.plugin.core.log.Log");
        line(g, indent, "  message: \"{{ taskrun.value ?? 'nothing' }}\"");
        break;
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
}

static void dag(struct generator *g, unsigned indent, unsigned depth)
{
    unsigned n = 2 + below(g, 3);
    char ids[5][32];
    line(g, indent, "tasks:");
    for (unsigned i = 0; i < n; i++) {
        size_t at = g->out->n;
        line(g, indent, "- task:");
        size_t from = g->out->n;
        task(g, indent + 4, depth + 1);
        /* `- id: x` becomes `  id: x`: the task is a map here, not an item */
        g->out->p[from + indent + 4] = ' ';
        const char *id = g->out->p + from + indent + 4 + 6;
        snprintf(ids[i], sizeof(ids[i]), "%.*s", (int)strcspn(id, "\n"), id);
        (void)at;
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
    switch (below(g, 9)) {
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

cdz_str sim_generate(struct cdz_rng *rng, unsigned number, const struct cdz_registry *registry,
                     struct cdz_arena *arena)
{
    struct cdz_buf out = CDZ_BUF_INIT;
    struct generator g = {.rng = rng, .registry = registry, .out = &out};
    (void)has_type(&g, "");
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
    list(&g, 0, 0, "tasks");
    errors(&g, 0, 0);
    cdz_str ret = cdz_buf_copy(&out, arena);
    cdz_buf_done(&out);
    return ret;
}
