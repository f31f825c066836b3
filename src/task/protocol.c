/* protocol.c -- see protocol.h. */
#include "task/protocol.h"

#include "base/json.h"
#include "base/map.h"
#include "base/time.h"

enum {
    GARBAGE_MAX = 1 << 20, /* bytes of overwritten outputs before they are given back */
    METRICS_MAX = 10000,   /* different ones */
    SHOWN_MAX = 1000,      /* bytes of a malformed line in the log */
};

struct metric {
    const char *type;
    cdz_str name;
    cdz_val tags;
    double value;
};

struct cdz_protocol {
    struct cdz_run *run;
    struct cdz_arena *work; /* vars, and what is left of former lines */
    struct cdz_arena *keep; /* metrics */
    cdz_val vars;
    size_t compact_at;       /* bytes of work */
    struct cdz_table by_key; /* metric of each type, name and tags */
    CDZ_VEC(struct metric *) metrics;
    bool full;
};

struct cdz_protocol *cdz_protocol_new(struct cdz_run *run)
{
    struct cdz_protocol *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    p->run = run;
    p->work = cdz_arena_open(0);
    p->keep = cdz_arena_open(0);
    p->vars = cdz_val_map(p->work, 0);
    p->compact_at = GARBAGE_MAX;
    return p;
}

static void warn(struct cdz_protocol *p, const char *text)
{
    p->run->log(p->run, CDZ_WARN, cdz_now_us(), cdz_str_z(text));
}

/* Copies what is alive to a new arena. */
static void compact(struct cdz_protocol *p)
{
    struct cdz_arena *fresh = cdz_arena_open(0);
    p->vars = cdz_val_copy(fresh, p->vars);
    cdz_arena_close(p->work);
    p->work = fresh;
    size_t used = cdz_arena_used(fresh);
    p->compact_at = 2 * used + GARBAGE_MAX;
    /* Twice the limit: as values they take more room than encoded; the worker says what is wrong.
     */
    if (!p->full && used > 2 * p->run->worker->output_bytes_max) {
        p->full = true;
        warn(p, "The outputs of this task exceed the limit: no more of them are taken");
    }
}

static bool number_of(cdz_val v, bool is_timer, double *ret)
{
    cdz_us span;
    if (is_timer && v.kind == CDZ_TEXT && cdz_duration_us(cdz_val_str(v), &span)) {
        *ret = (double)span / (double)CDZ_MS;
        return true;
    }
    if (v.kind != CDZ_INT && v.kind != CDZ_FLOAT)
        return false;
    *ret = v.kind == CDZ_INT ? (double)v.i : v.f;
    if (is_timer)
        *ret *= 1000; /* seconds, kept as milliseconds */
    return true;
}

static void take_metric(struct cdz_protocol *p, cdz_val m)
{
    cdz_val name = cdz_map_getz(m, "name"), type = cdz_map_getz(m, "type");
    cdz_val tags = cdz_map_getz(m, "tags");
    bool timer = type.kind == CDZ_TEXT && cdz_str_ieq(cdz_val_str(type), CDZ_STR("timer"));
    bool counter = type.kind == CDZ_TEXT && cdz_str_ieq(cdz_val_str(type), CDZ_STR("counter"));
    double number;
    if (name.kind != CDZ_TEXT || (!timer && !counter) ||
        !number_of(cdz_map_getz(m, "value"), timer, &number))
        return;
    CDZ_AUTO_BUF struct cdz_buf key = CDZ_BUF_INIT;
    cdz_buf_printf(&key, "%c%.*s%c", timer ? 't' : 'c', CDZ_S(cdz_val_str(name)), 0);
    cdz_json_print(&key, tags, 0);
    struct metric *hit = cdz_table_get(&p->by_key, cdz_buf_get(&key));
    if (hit) {
        hit->value += number;
        return;
    }
    if (p->metrics.n == METRICS_MAX || cdz_arena_used(p->keep) > p->run->worker->output_bytes_max) {
        if (!p->full)
            warn(p, "This task has too many different metrics: no more of them are taken");
        p->full = true;
        return;
    }
    hit = CDZ_NEW(p->keep, struct metric);
    *hit = (struct metric){
        timer ? "timer" : "counter", cdz_arena_str(p->keep, cdz_val_str(name)),
        tags.kind == CDZ_MAP ? cdz_val_copy(p->keep, tags) : cdz_val_map(p->keep, 0), number};
    CDZ_PUSH(p->keep, &p->metrics, hit);
    (void)cdz_table_put(&p->by_key, cdz_buf_get(&key), hit); /* there was none */
}

static void take_log(struct cdz_protocol *p, cdz_val l)
{
    cdz_val level = cdz_map_getz(l, "level"), message = cdz_map_getz(l, "message");
    enum cdz_level at = CDZ_INFO;
    if (message.kind != CDZ_TEXT)
        return;
    if (level.kind == CDZ_TEXT && !cdz_level_parse(cdz_val_str(level), &at))
        at = CDZ_INFO;
    p->run->log(p->run, at, cdz_now_us(), cdz_val_str(message));
}

static void take(struct cdz_protocol *p, cdz_val v)
{
    cdz_val outputs = cdz_map_getz(v, "outputs"), metrics = cdz_map_getz(v, "metrics"),
            logs = cdz_map_getz(v, "logs");
    if (outputs.kind == CDZ_MAP && !p->full) {
        CDZ_MAP_EACH (e, outputs)
            cdz_map_put(p->work, p->vars, e->key, e->val);
    }
    if (metrics.kind == CDZ_LIST) {
        CDZ_LIST_EACH (m, metrics)
            take_metric(p, *m);
    }
    if (logs.kind == CDZ_LIST) {
        CDZ_LIST_EACH (l, logs)
            take_log(p, *l);
    }
}

/* Not with cdz_run_logf: that takes from the arena of the attempt, for every line. */
static void warn_invalid(struct cdz_protocol *p, cdz_str line, const struct cdz_err *why)
{
    char text[SHOWN_MAX + sizeof(why->text) + 32];
    snprintf(text, sizeof(text), "Invalid outputs '%.*s': %s",
             CDZ_S(cdz_str_sub(line, 0, SHOWN_MAX)), why->text);
    warn(p, text);
}

bool cdz_protocol_line(struct cdz_protocol *p, cdz_str line)
{
    struct cdz_err err;
    cdz_val v;
    if (line.n < 6 || !cdz_str_starts(line, CDZ_STR("::{")) || !cdz_str_ends(line, CDZ_STR("}::")))
        return false;
    cdz_str json = cdz_arena_str(p->work, cdz_str_sub(line, 2, line.n - 2)); /* values point in */
    if (cdz_json_parse(json, p->work, &v, &err) == CDZ_OK)
        take(p, v);
    else
        warn_invalid(p, line, &err);
    if (cdz_arena_used(p->work) > p->compact_at)
        compact(p);
    return true;
}

cdz_val cdz_protocol_end(struct cdz_protocol *p)
{
    cdz_val vars = cdz_val_copy(p->run->arena, p->vars);
    for (size_t i = 0; i < p->metrics.n; i++) {
        const struct metric *m = p->metrics.v[i];
        p->run->metric(p->run, m->type, m->name, m->value, m->tags);
    }
    cdz_table_done(&p->by_key);
    cdz_arena_close(p->work);
    cdz_arena_close(p->keep);
    free(p);
    return vars;
}
