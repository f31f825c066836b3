/*
 * tree.c -- draws an execution.
 *
 * On a terminal the whole tree is drawn again over itself, at most as many lines as the screen has:
 * ended branches are folded first, running ones stay. In a pipe each change is one line, so that it
 * can be read, grepped and kept: 10:11:12.345 hello RUNNING 10:11:12.351 hello INFO  Hello world
 */
#include "cli/tree.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/map.h"
#include "base/time.h"

struct cdz_tree {
    int fd;
    bool live;
    int drawn;                 /* lines on the screen that the next drawing replaces */
    struct cdz_table last_log; /* task run id -> last message, malloc'd */
    enum cdz_state *printed;   /* pipe: state last printed, by task run; + 1, 0: none */
    size_t printed_n;
    bool head_printed[CDZ_STATE_COUNT];
    struct cdz_buf out;
};

struct cdz_tree *cdz_tree_open(int fd, bool live)
{
    struct cdz_tree *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    t->fd = fd;
    t->live = live;
    return t;
}

void cdz_tree_close(struct cdz_tree *t)
{
    size_t at = 0;
    cdz_str key;
    void *message;
    if (!t)
        return;
    while (cdz_table_next(&t->last_log, &at, &key, &message))
        free(message);
    cdz_table_done(&t->last_log);
    cdz_buf_done(&t->out);
    free(t->printed);
    free(t);
}

static void put_out(struct cdz_tree *t)
{
    size_t done = 0;
    while (done < t->out.n) {
        ssize_t n = write(t->fd, t->out.p + done, t->out.n - done);
        if (n <= 0)
            break; /* nobody reads any more: the execution goes on */
        done += (size_t)n;
    }
    cdz_buf_reset(&t->out);
}

static void put_clock(struct cdz_buf *to, cdz_us at)
{
    char text[CDZ_INSTANT_TEXT];
    time_t seconds = at / CDZ_SECOND;
    struct tm tm;
    localtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%H:%M:%S", &tm);
    cdz_buf_printf(to, "%s.%03d ", text, (int)(at % CDZ_SECOND / CDZ_MS));
}

void cdz_tree_log(struct cdz_tree *t, const struct cdz_log_entry *l)
{
    if (t->live) {
        if (!l->taskrun_id.n)
            return;
        cdz_str first = cdz_str_sub(l->message, 0, cdz_str_chr(l->message, '\n', 0));
        free(cdz_table_put(&t->last_log, l->taskrun_id,
                           strndup(first.p ? first.p : "", first.n > 400 ? 400 : first.n)));
        return;
    }
    cdz_str rest = l->message;
    do {
        size_t eol = cdz_str_chr(rest, '\n', 0);
        put_clock(&t->out, l->at);
        cdz_buf_printf(&t->out, "%.*s %-5s %.*s\n",
                       CDZ_S(l->task_id.n ? l->task_id : CDZ_STR("flow")),
                       cdz_level_names[l->level], CDZ_S(cdz_str_sub(rest, 0, eol)));
        rest = eol == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(rest, eol + 1, rest.n);
    } while (rest.n);
    put_out(t);
}

static void put_value(struct cdz_buf *to, cdz_str value)
{
    if (value.p)
        cdz_buf_printf(to, "[%.*s%s]", (int)(value.n > 40 ? 40 : value.n), value.p,
                       value.n > 40 ? "…" : "");
}

static void show_lines(struct cdz_tree *t, const struct cdz_execution *e)
{
    if (e->taskruns.n > t->printed_n) {
        t->printed = realloc(t->printed, e->taskruns.n * sizeof(*t->printed));
        if (!t->printed)
            abort();
        memset(t->printed + t->printed_n, 0, (e->taskruns.n - t->printed_n) * sizeof(*t->printed));
        t->printed_n = e->taskruns.n;
    }
    for (size_t i = 0; i < e->taskruns.n; i++) {
        const struct cdz_taskrun *r = e->taskruns.v[i];
        const struct cdz_state_at *last = &r->history.v[r->history.n - 1];
        if ((unsigned)t->printed[i] == (unsigned)last->state + 1 || last->state == CDZ_CREATED)
            continue;
        t->printed[i] = (enum cdz_state)(last->state + 1);
        put_clock(&t->out, last->at);
        cdz_buf_str(&t->out, r->task_id);
        put_value(&t->out, r->value);
        cdz_buf_printf(&t->out, " %s\n", cdz_state_name(last->state));
    }
    put_out(t);
}

static const char *colour(enum cdz_state s)
{
    switch (s) {
    case CDZ_SUCCESS:
        return "\033[32m";
    case CDZ_WARNING:
    case CDZ_RETRYING:
    case CDZ_PAUSED:
    case CDZ_KILLING:
        return "\033[33m";
    case CDZ_FAILED:
    case CDZ_KILLED:
        return "\033[31m";
    case CDZ_RUNNING:
        return "\033[36m";
    case CDZ_CREATED:
    case CDZ_RESTARTED:
    case CDZ_CANCELLED:
    case CDZ_QUEUED:
    case CDZ_RETRIED:
    case CDZ_SKIPPED:
        break;
    }
    return "\033[2m";
}

static const char *sign(enum cdz_state s, cdz_us now)
{
    static const char *const spinner[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    switch (s) {
    case CDZ_SUCCESS:
        return "✔";
    case CDZ_WARNING:
        return "!";
    case CDZ_FAILED:
    case CDZ_KILLED:
        return "✘";
    case CDZ_RUNNING:
    case CDZ_RETRYING:
    case CDZ_KILLING:
        return spinner[(size_t)(now / (100 * CDZ_MS)) % CDZ_COUNT(spinner)];
    case CDZ_CREATED:
    case CDZ_PAUSED:
    case CDZ_RESTARTED:
    case CDZ_CANCELLED:
    case CDZ_QUEUED:
    case CDZ_RETRIED:
    case CDZ_SKIPPED:
        break;
    }
    return "·";
}

static void put_span(struct cdz_buf *to, cdz_us span)
{
    if (span < CDZ_SECOND)
        cdz_buf_printf(to, "%lld ms", (long long)(span / CDZ_MS));
    else if (span < 100 * CDZ_SECOND)
        cdz_buf_printf(to, "%.1f s", (double)span / (double)CDZ_SECOND);
    else
        cdz_buf_printf(to, "%lld min %02lld s", (long long)(span / (60 * CDZ_SECOND)),
                       (long long)(span / CDZ_SECOND % 60));
}

static cdz_us span_of(const struct cdz_history *h, cdz_us now)
{
    cdz_us end = cdz_state_is_terminated(cdz_state_now(h)) ? h->v[h->n - 1].at : now;
    return end > h->v[0].at ? end - h->v[0].at : 0;
}

static void put_row(struct cdz_tree *t, const struct cdz_execution *e, const struct cdz_taskrun *r,
                    cdz_us now, int columns)
{
    enum cdz_state s = cdz_state_now(&r->history);
    unsigned depth = 0;
    for (uint32_t p = r->parent; p != CDZ_NO_TASKRUN; p = e->taskruns.v[p]->parent)
        depth++;
    size_t from = t->out.n;
    cdz_buf_printf(&t->out, "%*s%s%s\033[0m %.*s", (int)(2 + depth * 2), "", colour(s),
                   sign(s, now), CDZ_S(r->task_id));
    put_value(&t->out, r->value);
    cdz_buf_printf(&t->out, "  \033[2m");
    put_span(&t->out, span_of(&r->history, now));
    if (r->attempt_count > 1)
        cdz_buf_printf(&t->out, ", attempt %zu", r->attempt_count);
    const char *message = cdz_table_get(&t->last_log, r->id);
    int room = columns - (int)(t->out.n - from) + 12; /* 12: bytes of the colours */
    if (message && room > 8)
        cdz_buf_printf(&t->out, "  %.*s", room - 4, message);
    cdz_buf_z(&t->out, "\033[0m\033[K\n");
    t->drawn++;
}

static void show_tree(struct cdz_tree *t, const struct cdz_execution *e, cdz_us now, bool last)
{
    struct winsize ws = {.ws_row = 24, .ws_col = 80};
    enum cdz_state s = cdz_state_now(&e->history);
    if (ioctl(t->fd, TIOCGWINSZ, &ws) != 0 || ws.ws_col == 0)
        ws = (struct winsize){.ws_row = 24, .ws_col = 80};
    if (t->drawn > 0)
        cdz_buf_printf(&t->out, "\033[%dA", t->drawn);
    t->drawn = 1;
    cdz_buf_printf(&t->out, "%s%s %s\033[0m %.*s.%.*s  \033[2m%.*s  ", colour(s), sign(s, now),
                   cdz_state_name(s), CDZ_S(e->namespace_), CDZ_S(e->flow_id), CDZ_S(e->id));
    put_span(&t->out, span_of(&e->history, now));
    cdz_buf_z(&t->out, "\033[0m\033[K\n");
    /* Too many for the screen: what has ended well is left out first, the oldest before the newest.
     */
    size_t room = last            ? SIZE_MAX
                  : ws.ws_row > 4 ? (size_t)ws.ws_row - 3
                                  : 1,
           hide = e->taskruns.n > room ? e->taskruns.n - room : 0, hidden = 0;
    for (size_t i = 0; i < e->taskruns.n; i++) {
        const struct cdz_taskrun *r = e->taskruns.v[i];
        enum cdz_state of = cdz_state_now(&r->history);
        if (hidden < hide && (of == CDZ_SUCCESS || of == CDZ_SKIPPED || of == CDZ_CREATED)) {
            hidden++;
            continue;
        }
        if (!last && (size_t)t->drawn > room)
            break;
        put_row(t, e, r, now, ws.ws_col);
    }
    if (hidden) {
        cdz_buf_printf(&t->out, "  \033[2m… and %zu more\033[0m\033[K\n", hidden);
        t->drawn++;
    }
    cdz_buf_z(&t->out, "\033[J");
    put_out(t);
}

void cdz_tree_show(struct cdz_tree *t, const struct cdz_execution *e, cdz_us now, bool last)
{
    if (t->live)
        show_tree(t, e, now, last);
    else
        show_lines(t, e);
}
