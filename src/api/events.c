/*
 * events.c -- POST /api/v1/events/{namespace}/{key}: an event for the WaitForEvent tasks that wait for
 * that key. Beyond the original.
 *
 * The body becomes the outputs of those tasks: a JSON object as it is, other JSON as {"body": ...}, an
 * empty one as none. 202 {"namespace", "key"} once the event is durable; who it wakes is not known yet.
 */
#include "api/internal.h"
#include "base/limits.h"
#include "base/time.h"
#include "exec/signals.h"

static bool is_namespace(cdz_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  (i > 0 && (c == '.' || c == '_' || c == '-'));
        if (!ok)
            return false;
    }
    return s.n > 0 && s.n <= CDZ_NAMESPACE_MAX;
}

/* False: answered. */
static bool outputs_of(struct api_call *c, cdz_val *ret)
{
    cdz_val v;
    *ret = cdz_val_map(c->arena, 1);
    if (!cdz_str_trim(c->r->body).n)
        return true;
    if (!api_body_json(c, &v))
        return false;
    if (v.kind == CDZ_MAP)
        *ret = v;
    else
        cdz_map_putz(c->arena, *ret, "body", v);
    return true;
}

/* An event on its way to the disk. */
struct sending {
    struct api_call call;
    struct cdz_buf answer;
};

/* Thread: the queue's. */
static void on_sent(void *ctx, cdz_rc rc, const struct cdz_err *err)
{
    struct sending *s = ctx;
    struct cdz_api *api = s->call.api;
    if (rc == CDZ_OK)
        api_json(&s->call, 202, &s->answer); /* taken */
    else
        api_fail(&s->call, err);
    if (rc != CDZ_OK)
        cdz_buf_done(&s->answer);
    free(s);
    api_leave(api);
}

static void event(struct api_call *c)
{
    cdz_str ns = c->param[0], key = c->param[1];
    struct cdz_signal signal = {.kind = CDZ_SIGNAL_EVENT, .at = cdz_now_us()};
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    if (!is_namespace(ns)) {
        api_failf(c, CDZ_E_INVALID, "namespace: `%.*s` is no namespace",
                  CDZ_S(cdz_str_sub(ns, 0, CDZ_NAMESPACE_MAX)));
        return;
    }
    if (key.n > CDZ_EVENT_KEY_MAX) {
        api_failf(c, CDZ_E_INVALID, "key: more than %u bytes", CDZ_EVENT_KEY_MAX);
        return;
    }
    if (!outputs_of(c, &signal.outputs))
        return;
    cdz_signal_encode(&signal, &b);
    if (b.n > CDZ_EVENT_BYTES_MAX) {
        api_failf(c, CDZ_E_TOO_LARGE, "the event has more than %u bytes", CDZ_EVENT_BYTES_MAX);
        return;
    }
    struct cdz_record r = {.topic = CDZ_TOPIC_EVENT,
                           .key = cdz_signal_key(ns, key, c->arena),
                           .value = cdz_buf_copy(&b, c->arena)};
    struct sending *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    struct cdz_jw w = {&s->answer, false};
    s->call = *c;
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_str(&w, "namespace", ns);
    cdz_jw_str(&w, "key", key);
    cdz_jw_close(&w, '}');
    api_hold(c->api);
    cdz_queue_send(c->api->s->queue, &r, 1, on_sent, s);
}

const struct api_route api_event_routes[] = {
    {"POST", "/events/{ns}/{key...}", event, "EVENT_CREATE"},
    {0},
};
