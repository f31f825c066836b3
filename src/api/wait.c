/*
 * wait.c -- requests that wait for an execution, and event streams that follow one.
 *
 * Each is an api_wait: it follows the hub (indexer's thread), and is looked at by the pulse thread,
 * which gives up those whose time is over and keeps streams alive with a comment every 15 s. Work
 * on the repository is never done under the hub's lock: the hub only marks a wait as ready, the
 * pulse thread answers.
 */
#include <assert.h>

#include "api/internal.h"
#include "base/time.h"

#define KEEP_ALIVE (15 * CDZ_SECOND)
#define LOOK_EVERY (2 * CDZ_SECOND)
/* How long the answer to a change waits for the repository to show it. */
#define APPLIED_SPAN (5 * CDZ_SECOND)
/* How long a stop waits for the readers of streams to take what is left for them. */
#define DRAIN_GRACE (500 * CDZ_MS)

enum wait_kind { WAIT_DOCUMENT, WAIT_TERMINAL, WAIT_APPLIED, FOLLOW_EXECUTION, FOLLOW_LOGS };

struct api_wait {
    struct api_wait *next;
    struct cdz_api *api;
    enum wait_kind kind;
    char id[24];
    struct cdz_hub_ticket *ticket;
    struct cdz_http_exchange *x;    /* WAIT_ */
    struct cdz_http_stream *stream; /* FOLLOW_ */
    api_answer_end *at_end;         /* WAIT_TERMINAL: how to answer */
    cdz_us until;                   /* WAIT_: monotonic */
    cdz_us looked;                  /* WAIT_: when the client was seen last, monotonic */
    cdz_us written;                 /* FOLLOW_: when something was sent last, monotonic */
    enum cdz_level least;
    struct cdz_buf body; /* WAIT_APPLIED: the answer, ... */
    int status;
    uint64_t version;       /* ... and what it waits for */
    bool ready, terminated; /* guarded by api->mu: the hub has news */
    struct cdz_buf logs;    /* guarded by api->mu: frames to send */
    atomic_bool gone;       /* FOLLOW_: the reader has left */
    unsigned frames;
};

void api_remember(struct cdz_api *api, cdz_str id)
{
    pthread_mutex_lock(&api->mu);
    char *slot = api->recent[api->recent_at++ % API_RECENT];
    snprintf(slot, sizeof(api->recent[0]), "%.*s", CDZ_S(id));
    pthread_mutex_unlock(&api->mu);
}

bool api_is_recent(struct cdz_api *api, cdz_str id)
{
    bool found = false;
    pthread_mutex_lock(&api->mu);
    for (size_t i = 0; i < API_RECENT && !found; i++)
        found = api->recent[i][0] == (id.n ? id.p[0] : 0) && cdz_str_is(id, api->recent[i]);
    pthread_mutex_unlock(&api->mu);
    return found;
}

cdz_str api_execution_url(struct cdz_api *api, const struct cdz_execution *e,
                          struct cdz_arena *arena)
{
    const struct cdz_config *c = api->s->config;
    if (c->url.n)
        return cdz_arena_printf(arena, "%.*s/ui/executions/%.*s/%.*s/%.*s", CDZ_S(c->url),
                                CDZ_S(e->namespace_), CDZ_S(e->flow_id), CDZ_S(e->id));
    return cdz_arena_printf(arena, "http://%.*s:%d/ui/executions/%.*s/%.*s/%.*s", CDZ_S(c->host),
                            cdz_api_port(api), CDZ_S(e->namespace_), CDZ_S(e->flow_id),
                            CDZ_S(e->id));
}

static void put_frame(struct cdz_buf *to, const char *id, cdz_str json)
{
    cdz_buf_printf(to, "id: %s\ndata: ", id);
    cdz_buf_str(to, json);
    cdz_buf_z(to, "\n\n");
}

/* Thread: indexer, under the hub's lock. */
static void on_news(void *ctx, enum cdz_hub_what what, cdz_str record)
{
    struct api_wait *w = ctx;
    struct cdz_log_entry l;
    struct cdz_err err;
    pthread_mutex_lock(&w->api->mu);
    if (what == CDZ_HUB_LOG && w->kind == FOLLOW_LOGS) {
        if (cdz_log_entry_decode(record, &l, &err) == CDZ_OK && l.level >= w->least) {
            CDZ_AUTO_BUF struct cdz_buf json = CDZ_BUF_INIT;
            cdz_log_entry_json(&l, &json);
            put_frame(&w->logs, "progress", cdz_buf_get(&json));
            w->ready = true;
        }
    } else if (what != CDZ_HUB_LOG && w->kind != FOLLOW_LOGS) {
        w->terminated |= what == CDZ_HUB_TERMINATED;
        w->ready |= w->kind != WAIT_TERMINAL || what == CDZ_HUB_TERMINATED;
    }
    if (w->ready)
        pthread_cond_signal(&w->api->pulse_cond);
    pthread_mutex_unlock(&w->api->mu);
}

/* Thread: an HTTP server's. */
static void on_gone(void *ctx)
{
    struct api_wait *w = ctx;
    struct cdz_api *api = w->api;
    atomic_store(&w->gone, true); /* from here on the pulse thread may free w */
    pthread_mutex_lock(&api->mu);
    pthread_cond_signal(&api->pulse_cond);
    pthread_mutex_unlock(&api->mu);
}

static void wait_free(struct api_wait *w)
{
    cdz_buf_done(&w->logs);
    cdz_buf_done(&w->body);
    free(w);
}

static struct api_wait *wait_new(struct api_call *c, enum wait_kind kind, cdz_str id)
{
    struct api_wait *w = calloc(1, sizeof(*w));
    if (!w)
        abort();
    w->api = c->api;
    w->kind = kind;
    snprintf(w->id, sizeof(w->id), "%.*s", CDZ_S(id));
    w->x = c->x;
    w->written = w->looked = cdz_mono_us();
    return w;
}

/* From here on the pulse thread owns w. False: the server is draining; w is still the caller's. */
static bool enlist(struct api_wait *w)
{
    w->ticket = cdz_hub_follow(w->api->s->hub, cdz_str_z(w->id), on_news, w);
    pthread_mutex_lock(&w->api->mu);
    bool ok = !w->api->draining;
    if (ok) {
        w->ready = w->kind != FOLLOW_LOGS; /* look once: it may have happened before we followed */
        w->next = w->api->waits;
        w->api->waits = w;
        pthread_cond_signal(&w->api->pulse_cond);
    }
    pthread_mutex_unlock(&w->api->mu);
    if (!ok) {
        cdz_hub_unfollow(w->api->s->hub, w->ticket);
        w->ticket = NULL;
    }
    return ok;
}

/* A stream that came too late: it ends at once, and is freed with the server. */
static void put_away(struct api_wait *w)
{
    struct cdz_api *api = w->api;
    cdz_http_stream_end(w->stream);
    pthread_mutex_lock(&api->mu);
    w->next = api->graves;
    api->graves = w;
    pthread_mutex_unlock(&api->mu);
}

static struct api_call call_of(struct api_wait *w)
{
    const struct cdz_http_request *r = cdz_http_request_of(w->x);
    return (struct api_call){.api = w->api, .x = w->x, .r = r, .arena = r->arena};
}

void api_answer_execution(struct api_call *c, const struct cdz_execution *e)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_execution_json(e, api_execution_url(c->api, e, c->arena), cdz_now_us(), &b);
    api_json(c, 200, &b);
}

static void wait_execution(struct api_call *c, struct api_wait *w, cdz_us span)
{
    w->until = span ? cdz_mono_us() + span : INT64_MAX;
    if (!enlist(w)) {
        wait_free(w);
        api_failf(c, CDZ_E_UNAVAILABLE, "the server is stopping");
    }
}

void api_wait_execution(struct api_call *c, cdz_str id, cdz_us span)
{
    wait_execution(c, wait_new(c, WAIT_DOCUMENT, id), span);
}

void api_wait_end(struct api_call *c, cdz_str id, api_answer_end *at_end)
{
    struct api_wait *w = wait_new(c, WAIT_TERMINAL, id);
    w->at_end = at_end;
    wait_execution(c, w, 0);
}

static void answer_body(struct api_call *c, int status, struct cdz_buf *body)
{
    if (body->n)
        api_json(c, status, body);
    else
        api_empty(c, status);
}

void api_wait_applied(struct api_call *c, cdz_str id, uint64_t version, int status,
                      struct cdz_buf *body)
{
    struct api_wait *w = wait_new(c, WAIT_APPLIED, id);
    w->until = cdz_mono_us() + APPLIED_SPAN;
    w->version = version;
    w->status = status;
    w->body = *body;
    *body = (struct cdz_buf)CDZ_BUF_INIT;
    if (!enlist(w)) { /* it is durable: the repository has it later */
        answer_body(c, w->status, &w->body);
        wait_free(w);
    }
}

void api_follow_execution(struct api_call *c, cdz_str id)
{
    struct api_wait *w = wait_new(c, FOLLOW_EXECUTION, id);
    w->stream = cdz_http_answer_stream(c->x, on_gone, w);
    w->x = NULL;
    if (!enlist(w))
        put_away(w);
}

/* What is stored first, then what comes. A line between the two may come twice, never not at all.
 */
static void put_stored_logs(struct api_wait *w)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_log_filter f = {
        .execution_id = cdz_str_z(w->id), .attempt = -1, .min_level = w->least};
    struct cdz_page page = {0};
    struct cdz_log_entry *entries;
    struct cdz_err err;
    uint64_t total;
    size_t n;
    CDZ_AUTO_BUF struct cdz_buf out = CDZ_BUF_INIT;
    if (cdz_repository_log_find(w->api->s->repository, &f, &page, arena, &entries, &n, &total,
                                &err) != CDZ_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        CDZ_AUTO_BUF struct cdz_buf json = CDZ_BUF_INIT;
        cdz_log_entry_json(&entries[i], &json);
        put_frame(&out, "progress", cdz_buf_get(&json));
    }
    (void)cdz_http_stream_write(w->stream, cdz_buf_get(&out)); /* gone: the pulse thread sees it */
}

void api_follow_logs(struct api_call *c, cdz_str id, enum cdz_level least)
{
    struct api_wait *w = wait_new(c, FOLLOW_LOGS, id);
    w->least = least;
    w->stream = cdz_http_answer_stream(c->x, on_gone, w);
    w->x = NULL;
    put_stored_logs(w);
    if (!enlist(w))
        put_away(w);
}

/* True: w is done with. Thread: pulse; no lock. */
static bool serve_wait(struct api_wait *w, bool terminated, bool draining)
{
    struct api_call c = call_of(w);
    struct cdz_execution *e = NULL;
    struct cdz_err err;
    bool late = cdz_mono_us() >= w->until;
    cdz_rc rc = cdz_repository_execution_get(w->api->s->repository, cdz_str_z(w->id), &e, &err);
    if (rc == CDZ_OK &&
        (w->kind == WAIT_DOCUMENT || cdz_state_is_terminated(cdz_state_now(&e->history)) || late)) {
        (w->at_end ? w->at_end : api_answer_execution)(&c, e);
        cdz_execution_free(e);
        return true;
    }
    cdz_execution_free(e);
    if (draining) {
        api_failf(&c, CDZ_E_UNAVAILABLE, "the server is stopping");
        return true;
    }
    if (rc != CDZ_OK && (rc != CDZ_E_NOT_FOUND || late)) {
        api_fail(&c, &err);
        return true;
    }
    (void)terminated;
    return false;
}

/* True: w is done with. Thread: pulse; no lock. */
static bool serve_applied(struct api_wait *w, bool draining)
{
    struct api_call c = call_of(w);
    struct cdz_execution *e = NULL;
    struct cdz_err err;
    bool over = draining || cdz_mono_us() >= w->until; /* it is durable all the same */
    cdz_rc rc =
        over ? CDZ_OK
             : cdz_repository_execution_get(w->api->s->repository, cdz_str_z(w->id), &e, &err);
    if (rc == CDZ_OK && e)
        over = w->version && e->version >= w->version;
    else if (rc == CDZ_E_NOT_FOUND)
        over = w->version == 0;
    cdz_execution_free(e);
    if (over)
        answer_body(&c, w->status, &w->body);
    return over;
}

/* A client that gave up must not hold its connection until the execution ends. Thread: pulse. */
static bool has_hung_up(struct api_wait *w)
{
    cdz_us now = cdz_mono_us();
    if (now - w->looked < LOOK_EVERY)
        return false;
    w->looked = now;
    if (!cdz_http_is_gone(w->x))
        return false;
    struct api_call c = call_of(w);
    api_failf(&c, CDZ_E_TIMEOUT, "the client has hung up"); /* nobody reads it */
    return true;
}

static bool serve_execution_stream(struct api_wait *w)
{
    CDZ_AUTO_BUF struct cdz_buf json = CDZ_BUF_INIT;
    CDZ_AUTO_BUF struct cdz_buf out = CDZ_BUF_INIT;
    struct cdz_execution *e;
    struct cdz_err err;
    if (cdz_repository_execution_get(w->api->s->repository, cdz_str_z(w->id), &e, &err) != CDZ_OK)
        return false; /* it was there when the stream began: the next change tells more */
    bool ended = cdz_state_is_terminated(cdz_state_now(&e->history));
    cdz_execution_json(e, CDZ_STR(""), cdz_now_us(), &json);
    if (!ended || w->frames > 0) /* one that had ended before is told once only */
        put_frame(&out, "progress", cdz_buf_get(&json));
    if (ended)
        put_frame(&out, "end", cdz_buf_get(&json));
    w->frames++;
    cdz_execution_free(e);
    (void)cdz_http_stream_write(w->stream, cdz_buf_get(&out)); /* gone: seen at the next pulse */
    return ended;
}

/* True: w is done with. Thread: pulse. */
static bool serve(struct api_wait *w, bool ready, bool terminated, struct cdz_buf *logs,
                  bool draining)
{
    if (w->kind == WAIT_DOCUMENT || w->kind == WAIT_TERMINAL) {
        if (has_hung_up(w))
            return true;
        return (ready || draining || cdz_mono_us() >= w->until) &&
               serve_wait(w, terminated, draining);
    }
    if (w->kind == WAIT_APPLIED)
        return (ready || draining || cdz_mono_us() >= w->until) && serve_applied(w, draining);
    if (atomic_load(&w->gone) || draining)
        return true;
    if (logs->n) {
        (void)cdz_http_stream_write(w->stream,
                                    cdz_buf_get(logs)); /* gone: seen at the next pulse */
        w->written = cdz_mono_us();
    } else if (ready && w->kind == FOLLOW_EXECUTION) {
        w->written = cdz_mono_us();
        return serve_execution_stream(w);
    } else if (cdz_mono_us() - w->written >= KEEP_ALIVE) {
        (void)cdz_http_stream_write(w->stream,
                                    CDZ_STR(": alive\n\n")); /* gone: seen at the next pulse */
        w->written = cdz_mono_us();
    }
    return false;
}

/* Freed only when the stream will not call on_gone any more. */
struct grave {
    struct api_wait *first;
};

static void bury(struct grave *g, struct api_wait *w)
{
    cdz_hub_unfollow(w->api->s->hub, w->ticket);
    if (!w->stream) {
        wait_free(w);
        return;
    }
    cdz_http_stream_end(w->stream);
    w->next = g->first;
    g->first = w;
}

static void visit_graves(struct grave *g)
{
    for (struct api_wait **at = &g->first; *at;) {
        struct api_wait *w = *at;
        if (!atomic_load(&w->gone)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        cdz_http_stream_release(w->stream);
        wait_free(w);
    }
}

static void *pulse_main(void *arg)
{
    struct cdz_api *api = arg;
    struct grave graves = {0};
    cdz_us drained = 0; /* when the graves that are left go over to api_waits_done */
    pthread_setname_np(pthread_self(), "api-pulse");
    pthread_mutex_lock(&api->mu);
    for (;;) {
        struct api_wait **at = &api->waits;
        bool draining = api->draining, any_ready = false;
        while (*at) {
            struct api_wait *w = *at;
            bool ready = w->ready, terminated = w->terminated;
            struct cdz_buf logs = w->logs;
            w->ready = false;
            w->logs = (struct cdz_buf)CDZ_BUF_INIT;
            pthread_mutex_unlock(&api->mu);
            bool done = serve(w, ready, terminated, &logs, draining);
            cdz_buf_done(&logs);
            pthread_mutex_lock(&api->mu);
            if (!done) {
                any_ready |= w->ready;
                at = &w->next;
                continue;
            }
            /* Others may have been put in front meanwhile: find w again. */
            for (at = &api->waits; *at != w; at = &(*at)->next)
                continue;
            *at = w->next;
            pthread_mutex_unlock(&api->mu);
            bury(&graves, w);
            pthread_mutex_lock(&api->mu);
        }
        visit_graves(&graves);
        if (draining && !api->waits) {
            drained = drained ? drained : cdz_mono_us() + DRAIN_GRACE;
            if (!graves.first || cdz_mono_us() >= drained)
                break;
        }
        if (any_ready)
            continue;
        cdz_us next = cdz_mono_us() + (graves.first || draining ? 20 * CDZ_MS
                                       : api->waits             ? 250 * CDZ_MS
                                                                : 3600 * CDZ_SECOND);
        struct timespec ts = {.tv_sec = next / CDZ_SECOND, .tv_nsec = next % CDZ_SECOND * 1000};
        bool news = api->draining != draining;
        for (struct api_wait *w = api->waits; w && !news; w = w->next)
            news = w->ready;
        if (!news)
            (void)pthread_cond_timedwait(&api->pulse_cond, &api->mu,
                                         &ts); /* a time-out and a signal are the same */
    }
    for (struct api_wait *w; (w = graves.first);) {
        graves.first = w->next;
        w->next = api->graves;
        api->graves = w;
    }
    pthread_mutex_unlock(&api->mu);
    return NULL;
}

bool api_waits_start(struct cdz_api *api)
{
    pthread_condattr_t mono;
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&api->pulse_cond, &mono);
    pthread_condattr_destroy(&mono);
    return pthread_create(&api->pulse, NULL, pulse_main, api) == 0;
}

void api_waits_drain(struct cdz_api *api)
{
    pthread_mutex_lock(&api->mu);
    api->draining = true;
    pthread_cond_signal(&api->pulse_cond);
    pthread_mutex_unlock(&api->mu);
    pthread_join(api->pulse, NULL);
}

void api_waits_done(struct cdz_api *api)
{
    struct grave all = {api->graves};
    visit_graves(&all);
    assert(!all.first); /* the server has told every stream that its reader is gone */
}
