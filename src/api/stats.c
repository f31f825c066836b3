/*
 * stats.c -- /api/v1/stats: executions and logs counted by minute, hour, day, week or month of the
 * server's time zone. reference/api.md §6 (S1 to S7), §11.8.
 *
 * The repository counts by spans of time; what a day is, is known here. Spans without executions are
 * shown with zeros.
 */
#include "api/internal.h"
#include "base/limits.h"
#include "base/time.h"
#include "expr/zone.h"

enum unit { MINUTE, HOUR, DAY, WEEK, MONTH };
static const char *const unit_names[] = {"minute", "hour", "day", "week", "month"};

static const cdz_us day = 86400 * CDZ_SECOND, hour = 3600 * CDZ_SECOND, minute = 60 * CDZ_SECOND;

/* What a request may say; not each route reads all of it. */
struct request {
    struct cdz_execution_filter f; /* start_from and start_to are always set */
    cdz_val body;                  /* map */
    enum unit unit;
    struct cdz_spans spans;
};

/* --- spans of time ----------------------------------------------------------------------------- */

static enum unit unit_of(cdz_us span)
{
    return span / day > 365   ? MONTH
           : span / day > 180 ? WEEK
           : span / day > 1   ? DAY
           : span / hour > 6  ? HOUR
                              : MINUTE;
}

static int64_t floor_to(int64_t v, int64_t step)
{
    return v - ((v % step) + step) % step;
}

/* The beginning of the unit that a wall-clock time (seconds) is in, or of the next one. */
static int64_t begin_of(int64_t local_s, enum unit unit, bool next)
{
    int64_t days = floor_to(local_s, 86400) / 86400, year;
    int month, in_month;
    switch (unit) {
    case MINUTE:
        return floor_to(local_s, 60) + (next ? 60 : 0);
    case HOUR:
        return floor_to(local_s, 3600) + (next ? 3600 : 0);
    case DAY:
        return (days + next) * 86400;
    case WEEK: /* 1970-01-01 was a Thursday: a Monday is three days earlier */
        return (floor_to(days + 3, 7) - 3 + (next ? 7 : 0)) * 86400;
    case MONTH:
        break;
    }
    cdz_civil_of(days, &year, &month, &in_month);
    return (next && month == 12 ? cdz_days_of(year + 1, 1, 1)
                                : cdz_days_of(year, month + (next ? 1 : 0), 1)) *
           86400;
}

static cdz_us instant_of(const struct cdz_zone *zone, int64_t local_s)
{
    return (local_s - cdz_zone_offset_local(zone, local_s)) * CDZ_SECOND;
}

/* False: answered already. */
static bool make_spans(struct api_call *c, struct request *q)
{
    CDZ_VEC(cdz_us) edges = {0};
    struct cdz_zone zone = {.fixed = true};
    struct cdz_err ignored;
    if (cdz_zone_parse(c->api->s->config->zone, &zone, &ignored) != CDZ_OK)
        zone = (struct cdz_zone){.fixed = true}; /* UTC, as for expressions */
    q->unit = unit_of(q->f.start_to - q->f.start_from);
    int64_t from_s = floor_to(q->f.start_from, CDZ_SECOND) / CDZ_SECOND;
    int64_t local = begin_of(from_s + cdz_zone_offset(&zone, from_s, NULL), q->unit, false);
    cdz_us at = instant_of(&zone, local);
    CDZ_PUSH(c->arena, &edges, at);
    while (at <= q->f.start_to) {
        /* Minutes and hours go on when the clocks are changed: a wall-clock time may come twice. */
        local = begin_of(local, q->unit, true);
        at = q->unit == MINUTE ? at + minute
             : q->unit == HOUR ? at + hour
                               : instant_of(&zone, local);
        CDZ_PUSH(c->arena, &edges, at);
        if (edges.n > CDZ_STAT_SPANS_MAX) {
            api_failf(c, CDZ_E_LIMIT, "startDate and endDate are more than %u %ss apart",
                      CDZ_STAT_SPANS_MAX, unit_names[q->unit]);
            return false;
        }
    }
    q->spans = (struct cdz_spans){edges.v, edges.n - 1};
    return true;
}

/* --- requests: each answers when it returns false ------------------------------------------------ */

static bool text_of(struct api_call *c, cdz_val body, const char *name, cdz_str *ret)
{
    cdz_val v = cdz_map_getz(body, name);
    if (v.kind == CDZ_TEXT)
        *ret = cdz_val_str(v);
    if (v.kind == CDZ_TEXT || v.kind == CDZ_NULL)
        return true;
    api_failf(c, CDZ_E_INVALID, "%s: must be a text", name);
    return false;
}

static bool date_of(struct api_call *c, cdz_val body, const char *name, cdz_us fallback,
                    cdz_us *ret)
{
    cdz_str text = {NULL, 0};
    struct cdz_date d;
    *ret = fallback;
    if (!text_of(c, body, name, &text))
        return false;
    if (!text.n)
        return true;
    if (!cdz_iso_parse(text, &d) || d.type == CDZ_LOCAL_TIME) {
        api_failf(c, CDZ_E_INVALID, "%s: `%.*s` is not a date such as 2024-12-20T10:00:00Z", name,
                  CDZ_S(text));
        return false;
    }
    *ret = d.seconds * CDZ_SECOND + d.nanos / 1000;
    return true;
}

/* A list of texts, each of which `add` takes into the filter. */
static bool list_of(struct api_call *c, cdz_val body, const char *name,
                    struct cdz_execution_filter *f,
                    bool (*add)(struct cdz_execution_filter *, cdz_str))
{
    cdz_val list = cdz_map_getz(body, name);
    if (list.kind == CDZ_NULL)
        return true;
    for (size_t i = 0; list.kind == CDZ_LIST && i < cdz_list_n(list); i++) {
        cdz_val v = cdz_list_at(list, i);
        if (v.kind != CDZ_TEXT || !add(f, cdz_val_str(v))) {
            api_failf(c, CDZ_E_INVALID, "%s[%zu]: `%.*s` is unknown", name, i,
                      CDZ_S(v.kind == CDZ_TEXT ? cdz_val_str(v) : CDZ_STR("")));
            return false;
        }
    }
    if (list.kind == CDZ_LIST)
        return true;
    api_failf(c, CDZ_E_INVALID, "%s: must be a list", name);
    return false;
}

static bool add_state(struct cdz_execution_filter *f, cdz_str name)
{
    enum cdz_state s;
    bool ok = cdz_state_parse(name, &s);
    if (ok)
        f->states |= 1u << s;
    return ok;
}

static bool add_scope(struct cdz_execution_filter *f, cdz_str name)
{
    int bit = cdz_str_is(name, "USER") ? 1 : cdz_str_is(name, "SYSTEM") ? 2 : 0;
    f->scope |= bit;
    return bit != 0;
}

static bool body_of(struct api_call *c, cdz_val *ret)
{
    *ret = cdz_val_map(c->arena, 0);
    if (!c->r->body.n)
        return true;
    if (!api_body_json(c, ret))
        return false;
    if (ret->kind == CDZ_MAP)
        return true;
    api_failf(c, CDZ_E_INVALID, "the body must be a JSON object");
    return false;
}

static bool request_of(struct api_call *c, struct request *ret)
{
    struct cdz_execution_filter f = {0};
    cdz_us now = cdz_now_us();
    cdz_val body;
    *ret = (struct request){0};
    if (!body_of(c, &body) || !text_of(c, body, "q", &f.q) ||
        !text_of(c, body, "namespace", &f.namespace_) || !text_of(c, body, "flowId", &f.flow_id) ||
        !list_of(c, body, "state", &f, add_state) || !list_of(c, body, "scope", &f, add_scope) ||
        !date_of(c, body, "endDate", now, &f.start_to) ||
        !date_of(c, body, "startDate", now - 30 * day, &f.start_from))
        return false;
    if (f.start_from > f.start_to) {
        api_failf(c, CDZ_E_INVALID, "Start date must be before End Date");
        return false;
    }
    f.start_from += f.start_from == 0; /* 0 is "any" */
    f.namespace_exact = f.flow_id.n > 0;
    ret->f = f;
    ret->body = body;
    return true;
}

/* `flows`: [{namespace, id}]; none: *ret_n 0. */
struct flow_name {
    cdz_str namespace_, id;
};
static bool flows_of(struct api_call *c, cdz_val body, struct flow_name **ret, size_t *ret_n)
{
    cdz_val list = cdz_map_getz(body, "flows");
    size_t n = list.kind == CDZ_LIST ? cdz_list_n(list) : 0;
    *ret_n = 0;
    if (n > CDZ_STAT_FLOWS_MAX) {
        api_failf(c, CDZ_E_LIMIT, "flows: more than %u", CDZ_STAT_FLOWS_MAX);
        return false;
    }
    *ret = CDZ_NEW_N(c->arena, struct flow_name, n);
    for (size_t i = 0; i < n; i++) {
        struct flow_name *name = &(*ret)[*ret_n];
        cdz_val v = cdz_list_at(list, i);
        if (!text_of(c, v, "namespace", &name->namespace_) || !text_of(c, v, "id", &name->id))
            return false;
        *ret_n += name->namespace_.n && name->id.n; /* as the original: an empty one is none */
    }
    return true;
}

static bool count(struct api_call *c, struct request *q, bool by_flow,
                  struct cdz_execution_stat **ret, size_t *ret_n)
{
    struct cdz_err err;
    if (cdz_repository_execution_stats(c->api->s->repository, &q->f, &q->spans, by_flow, c->arena,
                                       ret, ret_n, &err) == CDZ_OK)
        return true;
    api_fail(c, &err);
    return false;
}

/* --- answers ------------------------------------------------------------------------------------- */

/* The sums of one span. */
struct sums {
    uint64_t states[CDZ_STATE_COUNT], count, ended;
    cdz_us min, max, sum;
};

static void sums_add(struct sums *to, const struct cdz_execution_stat *s)
{
    to->states[s->state] += s->count;
    to->count += s->count;
    if (!cdz_state_is_terminated(s->state))
        return;
    to->min = to->ended && to->min < s->min ? to->min : s->min;
    to->max = to->max > s->max ? to->max : s->max;
    to->sum += s->sum;
    to->ended += s->count;
}

static void put_counts(struct cdz_jw *w, const char *key, const uint64_t by_state[CDZ_STATE_COUNT])
{
    static const enum cdz_state always[] = {CDZ_CREATED, CDZ_RUNNING, CDZ_RESTARTED, CDZ_KILLING,
                                            CDZ_SUCCESS, CDZ_WARNING, CDZ_FAILED,    CDZ_KILLED,
                                            CDZ_PAUSED,  CDZ_QUEUED,  CDZ_CANCELLED};
    uint32_t shown = 0;
    cdz_jw_open(w, key, '{');
    for (size_t i = 0; i < CDZ_COUNT(always); i++) {
        cdz_jw_int(w, cdz_state_name(always[i]), (int64_t)by_state[always[i]]);
        shown |= 1u << always[i];
    }
    for (int s = 0; s < CDZ_STATE_COUNT; s++) {
        if (by_state[s] && !(shown & 1u << s))
            cdz_jw_int(w, cdz_state_name((enum cdz_state)s), (int64_t)by_state[s]);
    }
    cdz_jw_close(w, '}');
}

static void put_seconds(struct cdz_jw *w, const char *key, cdz_us span)
{
    char text[48];
    int n = snprintf(text, sizeof(text), "%s%lld.%06lld", span < 0 ? "-" : "",
                     llabs((long long)(span / CDZ_SECOND)), llabs((long long)(span % CDZ_SECOND)));
    cdz_jw_raw(w, key, (cdz_str){text, (size_t)n});
}

/* [Daily] of the n counts, which may be of several flows. */
static void put_daily(struct api_call *c, struct cdz_jw *w, const char *key,
                      const struct request *q, const struct cdz_execution_stat *v, size_t n)
{
    struct sums *sums = CDZ_NEW_N(c->arena, struct sums, q->spans.n);
    for (size_t i = 0; i < n; i++)
        sums_add(&sums[v[i].span], &v[i]);
    cdz_jw_open(w, key, '[');
    for (size_t i = 0; i < q->spans.n; i++) {
        const struct sums *s = &sums[i];
        cdz_jw_open(w, NULL, '{');
        cdz_jw_time(w, "startDate", q->spans.edges[i]);
        cdz_jw_open(w, "duration", '{');
        put_seconds(w, "min", s->min);
        put_seconds(w, "avg", s->ended ? s->sum / (cdz_us)s->ended : 0);
        put_seconds(w, "max", s->max);
        put_seconds(w, "sum", s->sum);
        cdz_jw_int(w, "count", (int64_t)s->count);
        cdz_jw_close(w, '}');
        put_counts(w, "executionCounts", s->states);
        cdz_jw_z(w, "groupBy", unit_names[q->unit]);
        cdz_jw_close(w, '}');
    }
    cdz_jw_close(w, ']');
}

static void daily(struct api_call *c)
{
    struct request q;
    struct cdz_execution_stat *v;
    size_t n;
    if (!request_of(c, &q) || !make_spans(c, &q) || !count(c, &q, false, &v, &n))
        return;
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    put_daily(c, &w, NULL, &q, v, n);
    api_json(c, 200, &b);
}

/* The original counts task runs with Elasticsearch only, and its clients ask only if isTaskRunEnabled. */
static void taskruns(struct api_call *c)
{
    api_failf(c, CDZ_E_INVALID, "task runs are not counted by this repository");
}

static int by_flow_and_span(const void *pa, const void *pb)
{
    const struct cdz_execution_stat *a = pa, *b = pb;
    int c = cdz_str_cmp(a->namespace_, b->namespace_);
    if (!c)
        c = cdz_str_cmp(a->flow_id, b->flow_id);
    return c ? c : (a->span > b->span) - (a->span < b->span);
}

static size_t keep_flows(struct cdz_execution_stat *v, size_t n, const struct flow_name *flows,
                         size_t flow_count)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool wanted = flow_count == 0;
        for (size_t k = 0; k < flow_count && !wanted; k++)
            wanted = cdz_str_eq(v[i].namespace_, flows[k].namespace_) &&
                     cdz_str_eq(v[i].flow_id, flows[k].id);
        if (wanted)
            v[kept++] = v[i];
    }
    return kept;
}

/* The end of the group that begins at `at`: one namespace, or one flow. */
static size_t group_end(const struct cdz_execution_stat *v, size_t n, size_t at,
                        bool namespace_only)
{
    size_t end = at;
    while (end < n && cdz_str_eq(v[end].namespace_, v[at].namespace_) &&
           (namespace_only || cdz_str_eq(v[end].flow_id, v[at].flow_id)))
        end++;
    return end;
}

static void daily_by_flow(struct api_call *c)
{
    struct request q;
    struct cdz_execution_stat *v;
    struct flow_name *flows;
    size_t n, flow_count, groups = 0;
    if (!request_of(c, &q) || !flows_of(c, q.body, &flows, &flow_count) || !make_spans(c, &q))
        return;
    cdz_val only = cdz_map_getz(q.body, "namespaceOnly");
    bool namespace_only = only.kind == CDZ_BOOL && only.b;
    if (!count(c, &q, true, &v, &n))
        return;
    n = keep_flows(v, n, flows, flow_count);
    if (n)
        qsort(v, n, sizeof(*v), by_flow_and_span);
    for (size_t i = 0; i < n; i = group_end(v, n, i, namespace_only))
        groups++;
    if (groups * q.spans.n > CDZ_STAT_ROWS_MAX) {
        api_failf(c, CDZ_E_LIMIT, "%zu flows have executions: say in `flows` which are wanted",
                  groups);
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    for (size_t i = 0, end; i < n; i = end) {
        end = group_end(v, n, i, true);
        cdz_jw_open(&w, cdz_arena_z(c->arena, v[i].namespace_), '{');
        for (size_t k = i, to; k < end; k = to) {
            to = group_end(v, end, k, namespace_only);
            put_daily(c, &w, namespace_only ? "*" : cdz_arena_z(c->arena, v[k].flow_id), &q, &v[k],
                      to - k);
        }
        cdz_jw_close(&w, '}');
    }
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

static void by_namespace(struct api_call *c)
{
    struct request q;
    struct cdz_execution_stat *v;
    size_t n;
    if (!request_of(c, &q))
        return;
    cdz_us edges[] = {q.f.start_from, q.f.start_to + 1};
    q.spans = (struct cdz_spans){edges, 1};
    q.f.namespace_exact = true;
    if (!count(c, &q, true, &v, &n))
        return;
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    for (size_t i = 0, end; i < n; i = end) {
        struct sums sums = {0};
        end = group_end(v, n, i, true);
        for (size_t k = i; k < end; k++)
            sums_add(&sums, &v[k]);
        cdz_jw_open(&w, cdz_arena_z(c->arena, v[i].namespace_), '{');
        put_counts(&w, "counts", sums.states);
        cdz_jw_int(&w, "total", (int64_t)sums.count);
        cdz_jw_close(&w, '}');
    }
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

/* Of each flow the execution that ended last. */
static void latest(struct api_call *c)
{
    struct flow_name *flows;
    struct cdz_err err;
    cdz_val body;
    uint32_t ended = 0;
    size_t n;
    if (!body_of(c, &body) || !flows_of(c, body, &flows, &n))
        return;
    for (int s = 0; s < CDZ_STATE_COUNT; s++)
        ended |= cdz_state_is_terminated((enum cdz_state)s) ? 1u << s : 0;
    struct cdz_page page = {
        .page = 1, .size = 1, .sort = {{CDZ_STR("state.endDate"), true}}, .sort_count = 1};
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_c(&b, '[');
    for (size_t i = 0; i < n; i++) {
        struct cdz_execution_filter f = {.namespace_ = flows[i].namespace_,
                                         .namespace_exact = true,
                                         .flow_id = flows[i].id,
                                         .states = ended};
        struct cdz_executions found = {0};
        if (cdz_repository_execution_find(c->api->s->repository, &f, &page, c->arena, &found,
                                          &err) != CDZ_OK) {
            cdz_buf_done(&b);
            api_fail(c, &err);
            return;
        }
        for (size_t k = 0; k < found.n; k++) {
            if (b.n > 1)
                cdz_buf_c(&b, ',');
            cdz_execution_json(found.v[k], CDZ_STR(""), cdz_now_us(), &b);
            cdz_execution_free(found.v[k]);
        }
    }
    cdz_buf_c(&b, ']');
    api_json(c, 200, &b);
}

/* --- logs, flows --------------------------------------------------------------------------------- */

/* Entries of at least each level that came in a span. */
static cdz_rc count_logs(struct api_call *c, struct cdz_log_filter f, enum cdz_level least,
                         uint64_t ret[CDZ_ERROR + 2], struct cdz_err *err)
{
    struct cdz_page page = {.page = 1, .size = 1};
    struct cdz_log_entry *v;
    size_t n;
    memset(ret, 0, sizeof(*ret) * (CDZ_ERROR + 2));
    for (int level = (int)least; level <= (int)CDZ_ERROR; level++) {
        f.min_level = (enum cdz_level)level;
        CDZ_TRY(cdz_repository_log_find(c->api->s->repository, &f, &page, c->arena, &v, &n,
                                        &ret[level], err));
        if (ret[level] == 0)
            break; /* then there is none of a higher level */
    }
    return CDZ_OK;
}

static void logs_daily(struct api_call *c)
{
    struct request q;
    cdz_str name = {NULL, 0};
    enum cdz_level least = CDZ_TRACE;
    struct cdz_err err;
    if (!request_of(c, &q) || !text_of(c, q.body, "logLevel", &name) || !make_spans(c, &q))
        return;
    if (name.n && !cdz_level_parse(name, &least)) {
        api_failf(c, CDZ_E_INVALID, "logLevel: `%.*s` is no level", CDZ_S(name));
        return;
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '[');
    for (size_t i = 0; i < q.spans.n; i++) {
        uint64_t counts[CDZ_ERROR + 2];
        cdz_us from = q.spans.edges[i], to = q.spans.edges[i + 1] - 1;
        struct cdz_log_filter f = {.q = q.f.q,
                                   .namespace_ = q.f.namespace_,
                                   .flow_id = q.f.flow_id,
                                   .attempt = -1,
                                   .from = from > q.f.start_from ? from : q.f.start_from,
                                   .to = to < q.f.start_to ? to : q.f.start_to};
        if (count_logs(c, f, least, counts, &err) != CDZ_OK) {
            cdz_buf_done(&b);
            api_fail(c, &err);
            return;
        }
        cdz_jw_open(&w, NULL, '{');
        cdz_jw_time(&w, "timestamp", from);
        cdz_jw_open(&w, "counts", '{');
        for (int level = 0; level <= (int)CDZ_ERROR; level++)
            cdz_jw_int(&w, cdz_level_names[level],
                       counts[level] > counts[level + 1] && level >= (int)least
                           ? (int64_t)(counts[level] - counts[level + 1])
                           : 0);
        cdz_jw_close(&w, '}');
        cdz_jw_z(&w, "groupBy", unit_names[q.unit]);
        cdz_jw_close(&w, '}');
    }
    cdz_jw_close(&w, ']');
    api_json(c, 200, &b);
}

/* Triggers that have a date or are asked again and again; the others wait to be told. */
static size_t scheduled_triggers(const struct cdz_flow *flow)
{
    size_t n = 0;
    for (size_t i = 0; i < flow->trigger_count; i++) {
        const struct cdz_type *type = flow->triggers[i].type;
        cdz_str name = type ? cdz_str_z(type->type) : CDZ_STR("");
        n += !cdz_str_is(name, "io.kestra.plugin.core.trigger.Flow") &&
             !cdz_str_is(name, "io.kestra.plugin.core.trigger.Webhook");
    }
    return n;
}

static void summary(struct api_call *c)
{
    struct cdz_flow_filter f = {0};
    struct cdz_page page = {0};
    struct cdz_flow_row *rows;
    struct cdz_err err;
    cdz_val body;
    uint64_t total;
    size_t n, triggers = 0;
    if (!body_of(c, &body) || !text_of(c, body, "namespace", &f.namespace_))
        return;
    if (cdz_repository_flow_find(c->api->s->repository, &f, &page, c->arena, &rows, &n, &total,
                                 &err) != CDZ_OK) {
        api_fail(c, &err);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct cdz_flow *flow = api_flow_of_row(c, &rows[i]);
        triggers += scheduled_triggers(flow);
        cdz_flow_unref(flow);
    }
    struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_jw w = {&b, false};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_int(&w, "flows", (int64_t)total);
    cdz_jw_int(&w, "triggers", (int64_t)triggers);
    cdz_jw_close(&w, '}');
    api_json(c, 200, &b);
}

const struct api_route api_stats_routes[] = {
    {"POST", "/stats/summary", summary, "FLOW_READ"},
    {"POST", "/stats/executions/daily", daily, "EXECUTION_READ"},
    {"POST", "/stats/taskruns/daily", taskruns, "EXECUTION_READ"},
    {"POST", "/stats/executions/daily/group-by-flow", daily_by_flow, "EXECUTION_READ"},
    {"POST", "/stats/executions/daily/group-by-namespace", by_namespace, "EXECUTION_READ"},
    {"POST", "/stats/executions/latest/group-by-flow", latest, "EXECUTION_READ"},
    {"POST", "/stats/logs/daily", logs_daily, "EXECUTION_READ"},
    {0},
};
