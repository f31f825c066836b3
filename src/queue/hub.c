#include "queue/hub.h"

#include <assert.h>
#include <errno.h>

#include "base/time.h"

enum { HELD_BYTES_MAX = 8 << 20 }; /* a poll ends early when its chunks are that large together */

/* Records of a derived topic that a consumer took and has not committed: the chunk stays for their
 * sake. */
struct span {
    struct span *next;
    struct chunk *chunk;
    size_t pos;      /* of the first record in the chunk */
    uint64_t offset; /* of that record */
    size_t n;        /* records of the group's topics */
};

struct hub_group {
    struct hub_group *next;
    char *name; /* NULL: a follower's */
    unsigned mask;
    struct place {
        uint64_t offset;     /* of the next record to look at */
        struct chunk *chunk; /* where it is, if that is known; a reference */
        size_t pos;
    } place[HUB_LOGS];
    uint64_t position; /* KEPT up to here is committed */
    bool outstanding;  /* records of KEPT were delivered since the last commit */
    bool gap;          /* a follower: records were dropped before it read them */
    struct span *returned,
        **returned_last; /* DERIVED, of consumers that went without commit: to be delivered again */
    struct hub_consumer *consumers;
};

struct hub_consumer {
    struct cdz_consumer base; /* must be first */
    struct hub *hub;
    struct hub_group *group;
    struct hub_consumer *next; /* of the group */
    pthread_cond_t cond;
    bool waiting, woken;
    struct cdz_record *records; /* of the last poll */
    size_t n, cap;
    struct chunk **held; /* keep the bytes of those records */
    size_t held_n, held_cap, held_bytes;
    struct span *taken, **taken_last;
};

unsigned hub_kept_mask(void)
{
    unsigned mask = 0;
    for (unsigned t = 0; t < CDZ_TOPIC_COUNT; t++) {
        if (!cdz_topic_is_state(t) && !cdz_topic_is_derived(t))
            mask |= 1u << t;
    }
    return mask;
}

unsigned hub_mask(const enum cdz_topic *topics, size_t n)
{
    unsigned mask = 0;
    for (size_t i = 0; i < n; i++)
        mask |= 1u << topics[i];
    return mask;
}

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

/* The ring of a log */

static struct chunk *log_at(const struct hub_log *log, size_t i)
{
    return log->ring[(log->head + i) & (log->cap - 1)];
}

/* Offset of the first record in memory; the log's end when there is none. */
static uint64_t log_first(const struct hub_log *log)
{
    return log->n ? log_at(log, 0)->first : log->end;
}

/* The chunk with the record at offset, which is in memory. Chunks follow each other without gaps.
 */
static struct chunk *log_find(const struct hub_log *log, uint64_t offset)
{
    size_t from = 0, to = log->n;
    while (to - from > 1) {
        size_t mid = from + (to - from) / 2;
        if (log_at(log, mid)->first <= offset)
            from = mid;
        else
            to = mid;
    }
    return log_at(log, from);
}

static void log_push(struct hub_log *log, struct chunk *chunk)
{
    if (log->n == log->cap) {
        size_t cap = log->cap ? log->cap * 2 : 16;
        struct chunk **ring = must(malloc(cap * sizeof(struct chunk *)));
        for (size_t i = 0; i < log->n; i++)
            ring[i] = log_at(log, i);
        free(log->ring);
        log->ring = ring;
        log->cap = cap;
        log->head = 0;
    }
    chunk->first = log->end;
    log->ring[(log->head + log->n++) & (log->cap - 1)] = chunk;
    log->end += chunk->packet.n;
    log->bytes += chunk->packet.bytes.cap;
}

static void log_pop(struct hub_log *log)
{
    struct chunk *chunk = log_at(log, 0);
    log->bytes -= chunk->packet.bytes.cap;
    log->head = (log->head + 1) & (log->cap - 1);
    log->n--;
    chunk_unref(chunk);
}

void hub_init(struct hub *hub, struct cdz_queue *queue)
{
    *hub = (struct hub){.queue = queue, .uncovered = UINT64_MAX, .dropped = 1};
    pthread_mutex_init(&hub->mutex, NULL);
    for (int i = 0; i < HUB_LOGS; i++)
        hub->logs[i].end = 1;
}

static void spans_free(struct span *span)
{
    for (struct span *next; span; span = next) {
        next = span->next;
        chunk_unref(span->chunk);
        free(span);
    }
}

static void group_free(struct hub_group *g)
{
    assert(!g->consumers);
    spans_free(g->returned);
    for (int i = 0; i < HUB_LOGS; i++)
        chunk_unref(g->place[i].chunk);
    free(g->name);
    free(g);
}

void hub_done(struct hub *hub)
{
    for (struct hub_group *g = hub->groups, *next; g; g = next) {
        next = g->next;
        group_free(g);
    }
    for (int i = 0; i < HUB_LOGS; i++) {
        while (hub->logs[i].n)
            log_pop(&hub->logs[i]);
        free(hub->logs[i].ring);
    }
    pthread_mutex_destroy(&hub->mutex);
}

/* What is needed */

static unsigned covered(const struct hub *hub)
{
    unsigned mask = 0;
    for (const struct hub_group *g = hub->groups; g; g = g->next)
        mask |= g->name ? g->mask : 0;
    return mask;
}

unsigned hub_covered(struct hub *hub)
{
    pthread_mutex_lock(&hub->mutex);
    unsigned mask = covered(hub);
    pthread_mutex_unlock(&hub->mutex);
    return mask;
}

/* The first offset of KEPT that the group has not committed. What it skipped counts when nothing is
 * outstanding. */
static uint64_t group_uncommitted(const struct hub_group *g)
{
    return g->outstanding ? g->position + 1 : g->place[HUB_KEPT].offset;
}

/* The first offset that must stay in memory. */
static uint64_t log_needed(const struct hub *hub, enum hub_log_name name)
{
    unsigned topics = name == HUB_KEPT ? hub_kept_mask() : ~hub_kept_mask();
    uint64_t needed = UINT64_MAX;
    for (const struct hub_group *g = hub->groups; g; g = g->next) {
        uint64_t from = g->place[name].offset;
        if (!(g->mask & topics))
            continue;
        if (name == HUB_KEPT && !hub->spills)
            from = group_uncommitted(g); /* it has no other place to come back to */
        if (name == HUB_KEPT && hub->spills && !g->consumers)
            continue; /* will be read from disk when it comes back */
        if (from < needed)
            needed = from;
    }
    return needed;
}

/* Lock: held. */
static void trim(struct hub *hub)
{
    unsigned wanted = covered(hub);
    for (int i = 0; i < HUB_LOGS; i++) {
        struct hub_log *log = &hub->logs[i];
        bool spills = i == HUB_KEPT && hub->spills;
        uint64_t needed = log_needed(hub, i);
        while (log->n) {
            struct chunk *chunk = log_at(log, 0);
            bool too_much = spills && log->bytes > hub->bytes_max;
            /* Nobody has asked for a topic of it yet: who comes first must find it. On disk it is
             * kept anyway. */
            bool unclaimed = !spills && (chunk->packet.mask & ~wanted);
            if (!too_much && (unclaimed || chunk_end(chunk) > needed))
                break;
            log_pop(log);
        }
    }
}

uint64_t hub_needed(struct hub *hub)
{
    pthread_mutex_lock(&hub->mutex);
    uint64_t needed = hub->uncovered;
    bool any = false;
    for (const struct hub_group *g = hub->groups; g; g = g->next) {
        if (!g->name || !(g->mask & hub_kept_mask()))
            continue;
        any = true;
        if (group_uncommitted(g) < needed)
            needed = group_uncommitted(g);
    }
    pthread_mutex_unlock(&hub->mutex);
    return any ? needed : 0;
}

void hub_dropped(struct hub *hub, uint64_t before)
{
    pthread_mutex_lock(&hub->mutex);
    if (before > hub->dropped)
        hub->dropped = before;
    pthread_mutex_unlock(&hub->mutex);
}

/* Publishing */

static void wake_group(struct hub_group *g, size_t n)
{
    for (struct hub_consumer *c = g->consumers; c && n; c = c->next) {
        if (!c->waiting)
            continue;
        c->waiting = false;
        pthread_cond_signal(&c->cond);
        n--;
    }
}

static void publish(struct hub *hub, enum hub_log_name name, struct chunk *chunk)
{
    struct hub_log *log = &hub->logs[name];
    assert(chunk->packet.n > 0);
    chunk->seq = ++hub->seq;
    log_push(log, chunk);
    if (name == HUB_KEPT && (chunk->packet.mask & ~covered(hub)) && chunk->first < hub->uncovered)
        hub->uncovered = chunk->first;
    for (struct hub_group *g = hub->groups; g; g = g->next) {
        struct place *at = &g->place[name];
        if (g->mask & chunk->packet.mask)
            wake_group(g, chunk->packet.n);
        else if (at->offset == chunk->first && !at->chunk)
            at->offset = chunk_end(chunk); /* nothing for it: an idle group does not hold it */
    }
}

void hub_publish(struct hub *hub, struct chunk *kept, struct chunk *derived)
{
    pthread_mutex_lock(&hub->mutex);
    if (kept)
        publish(hub, HUB_KEPT, kept);
    if (derived)
        publish(hub, HUB_DERIVED, derived);
    trim(hub);
    pthread_mutex_unlock(&hub->mutex);
}

/* Groups */

static struct hub_group *group_find(struct hub *hub, const char *name)
{
    for (struct hub_group *g = hub->groups; g; g = g->next) {
        if (name && g->name && strcmp(g->name, name) == 0)
            return g;
    }
    return NULL;
}

static struct hub_group *group_new(struct hub *hub, const char *name, unsigned mask)
{
    struct hub_group *g = must(calloc(1, sizeof(*g)));
    g->name = name ? must(strdup(name)) : NULL;
    g->mask = mask;
    g->returned_last = &g->returned;
    for (int i = 0; i < HUB_LOGS; i++)
        g->place[i].offset = name ? log_first(&hub->logs[i]) : hub->logs[i].end;
    if (name && hub->spills)
        g->place[HUB_KEPT].offset = 1; /* what is on disk, too */
    g->position = g->place[HUB_KEPT].offset - 1;
    g->next = hub->groups;
    hub->groups = g;
    return g;
}

void hub_restore(struct hub *hub, const char *name, unsigned mask, uint64_t position)
{
    struct hub_group *g = group_new(hub, name, mask);
    g->position = position;
    g->place[HUB_KEPT].offset = position + 1;
}

cdz_rc hub_subscribe(struct hub *hub, const char *name, unsigned mask, struct cdz_consumer **ret,
                     struct cdz_err *err)
{
    pthread_condattr_t monotonic;
    cdz_rc rc = CDZ_OK;
    pthread_mutex_lock(&hub->mutex);
    struct hub_group *g = group_find(hub, name);
    if (g && g->consumers && (mask & hub_kept_mask()))
        rc = cdz_fail(err, CDZ_E_CONFLICT, "group \"%s\" has a consumer already", name);
    else if (g && g->consumers && g->mask != mask)
        rc = cdz_fail(err, CDZ_E_CONFLICT, "group \"%s\" reads other topics", name);
    if (rc != CDZ_OK) {
        pthread_mutex_unlock(&hub->mutex);
        return rc;
    }
    if (!g)
        g = group_new(hub, name, mask);
    g->mask = mask;
    struct hub_consumer *c = must(calloc(1, sizeof(*c)));
    c->base.queue = hub->queue;
    c->hub = hub;
    c->group = g;
    c->taken_last = &c->taken;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
    c->next = g->consumers;
    g->consumers = c;
    pthread_mutex_unlock(&hub->mutex);
    *ret = &c->base;
    return CDZ_OK;
}

/* Polling. Lock: held in all of these. */

static void add_record(struct hub_consumer *c, const struct cdz_record *r, uint64_t offset)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->records = must(realloc(c->records, c->cap * sizeof(*c->records)));
    }
    c->records[c->n] = *r;
    c->records[c->n++].offset = offset;
}

static void hold(struct hub_consumer *c, struct chunk *chunk)
{
    if (c->held_n && c->held[c->held_n - 1] == chunk)
        return;
    if (c->held_n == c->held_cap) {
        c->held_cap = c->held_cap ? c->held_cap * 2 : 16;
        c->held = must(realloc(c->held, c->held_cap * sizeof(struct chunk *)));
    }
    c->held[c->held_n++] = chunk_ref(chunk);
    c->held_bytes += chunk->packet.bytes.cap;
}

static void release_batch(struct hub_consumer *c)
{
    for (size_t i = 0; i < c->held_n; i++)
        chunk_unref(c->held[i]);
    c->held_n = c->held_bytes = c->n = 0;
}

/* Delivers up to max records of the group's topics from pos on; moves *pos and *offset. Returns how
 * many. */
static size_t deliver(struct hub_consumer *c, struct chunk *chunk, size_t *pos, uint64_t *offset,
                      size_t max)
{
    cdz_str bytes = cdz_buf_get(&chunk->packet.bytes);
    struct cdz_record r;
    size_t n = 0;
    while (n < max && packet_next(bytes, pos, &r)) {
        if (c->group->mask & (1u << r.topic)) {
            add_record(c, &r, *offset);
            n++;
        }
        ++*offset;
    }
    if (n)
        hold(c, chunk);
    return n;
}

static void keep_span(struct hub_consumer *c, struct chunk *chunk, size_t pos, uint64_t offset,
                      size_t n)
{
    struct span *span = must(malloc(sizeof(*span)));
    *span = (struct span){NULL, chunk_ref(chunk), pos, offset, n};
    *c->taken_last = span;
    c->taken_last = &span->next;
}

/* Records of a consumer that went away without commit. */
static void take_returned(struct hub_consumer *c, size_t max)
{
    struct hub_group *g = c->group;
    struct span *span = g->returned;
    size_t pos = span->pos;
    uint64_t offset = span->offset;
    size_t n = deliver(c, span->chunk, &pos, &offset, max < span->n ? max : span->n);
    assert(n > 0);
    keep_span(c, span->chunk, span->pos, span->offset, n);
    span->pos = pos;
    span->offset = offset;
    span->n -= n;
    if (span->n)
        return;
    g->returned = span->next;
    if (!g->returned)
        g->returned_last = &g->returned;
    span->next = NULL;
    spans_free(span);
}

static void leave_chunk(struct place *at)
{
    chunk_unref(at->chunk);
    at->chunk = NULL;
    at->pos = 0;
}

static void enter_chunk(struct place *at, struct chunk *take)
{
    cdz_str bytes = cdz_buf_get(&take->packet.bytes);
    struct cdz_record r;
    at->chunk = take;
    at->pos = 0;
    if (take->first > at->offset)
        at->offset = take->first; /* what lies between had nothing for the group */
    for (uint64_t i = take->first; i < at->offset; i++)
        (void)packet_next(bytes, &at->pos, &r);
}

enum next { NEXT_NONE, NEXT_READY, NEXT_ON_DISK };

/* Goes to the next chunk with something for the group. */
static enum next next_chunk(struct hub *hub, struct hub_group *g, enum hub_log_name name)
{
    struct hub_log *log = &hub->logs[name];
    struct place *at = &g->place[name];
    while (!at->chunk) {
        if (at->offset >= log->end)
            return NEXT_NONE;
        if (at->offset < log_first(log)) {
            assert(name == HUB_KEPT && hub->spills);
            return g->mask & hub_kept_mask() ? NEXT_ON_DISK : NEXT_NONE;
        }
        struct chunk *chunk = log_find(log, at->offset);
        if (chunk->packet.mask & g->mask)
            enter_chunk(at, chunk_ref(chunk));
        else
            at->offset = chunk_end(chunk);
    }
    return NEXT_READY;
}

static void take_from(struct hub_consumer *c, enum hub_log_name name, size_t max)
{
    struct hub_group *g = c->group;
    struct place *at = &g->place[name];
    struct chunk *chunk = at->chunk;
    size_t pos = at->pos;
    uint64_t offset = at->offset;
    size_t n = deliver(c, chunk, &at->pos, &at->offset, max);
    /* A follower commits nothing and gets nothing again. */
    if (n && g->name && name == HUB_KEPT)
        g->outstanding = true;
    else if (n && g->name)
        keep_span(c, chunk, pos, offset, n);
    if (at->offset >= chunk_end(chunk) || n < max) {
        at->offset =
            chunk_end(chunk); /* also when its bytes end early: never read the same again */
        leave_chunk(at);
    }
}

/* Reads the next chunk of a group that lags. Only its one consumer comes here, so the place cannot
 * move meanwhile. */
static cdz_rc read_back(struct hub_consumer *c, struct cdz_err *err)
{
    struct hub *hub = c->hub;
    struct hub_group *g = c->group;
    struct place *at = &g->place[HUB_KEPT];
    uint64_t from = at->offset, before = log_first(&hub->logs[HUB_KEPT]);
    struct chunk *chunk = NULL;
    pthread_mutex_unlock(&hub->mutex);
    cdz_rc rc = hub->load(hub->ctx, from, before, g->mask, &chunk, err);
    pthread_mutex_lock(&hub->mutex);
    CDZ_TRY(rc);
    if (!g->name && hub->dropped > from && (!chunk || chunk->first > from))
        g->gap = true;
    if (chunk)
        enter_chunk(at, chunk);
    else
        at->offset = before;
    return CDZ_OK;
}

static cdz_rc gather(struct hub_consumer *c, size_t max, struct cdz_err *err)
{
    struct hub *hub = c->hub;
    struct hub_group *g = c->group;
    while (c->n < max && c->held_bytes < HELD_BYTES_MAX && !g->gap) {
        if (g->returned) {
            take_returned(c, max - c->n);
            continue;
        }
        enum next kept = next_chunk(hub, g, HUB_KEPT), derived = next_chunk(hub, g, HUB_DERIVED);
        if (kept == NEXT_ON_DISK) {
            cdz_rc rc = read_back(c, err);
            if (rc != CDZ_OK && c->n == 0)
                return rc;
            if (rc != CDZ_OK)
                break; /* what has been found is delivered; the next poll tries again */
        } else if (kept == NEXT_READY && derived == NEXT_READY) {
            bool derived_first = g->place[HUB_DERIVED].chunk->seq < g->place[HUB_KEPT].chunk->seq;
            take_from(c, derived_first ? HUB_DERIVED : HUB_KEPT, max - c->n);
        } else if (kept == NEXT_READY) {
            take_from(c, HUB_KEPT, max - c->n);
        } else if (derived == NEXT_READY) {
            take_from(c, HUB_DERIVED, max - c->n);
        } else {
            break;
        }
    }
    if (!g->gap || c->n)
        return CDZ_OK;
    g->gap = false;
    return cdz_fail(err, CDZ_E_EXPIRED, "records were dropped before this consumer read them");
}

cdz_rc hub_poll(struct cdz_consumer *consumer, size_t max, cdz_us timeout_us, struct cdz_batch *ret,
                struct cdz_err *err)
{
    struct hub_consumer *c = (struct hub_consumer *)consumer;
    struct hub *hub = c->hub;
    cdz_us until = timeout_us ? cdz_mono_us() + timeout_us : 0;
    struct timespec deadline = {.tv_sec = until / CDZ_SECOND, .tv_nsec = until % CDZ_SECOND * 1000};
    cdz_rc rc;
    pthread_mutex_lock(&hub->mutex);
    release_batch(c);
    for (bool late = timeout_us == 0;;) {
        rc = gather(c, max, err);
        if (rc != CDZ_OK || c->n || c->woken || late)
            break;
        c->waiting = true;
        late = pthread_cond_timedwait(&c->cond, &hub->mutex, &deadline) == ETIMEDOUT;
        c->waiting = false;
    }
    c->woken = false;
    trim(hub);
    if (rc == CDZ_OK)
        *ret = (struct cdz_batch){c->records, c->n};
    pthread_mutex_unlock(&hub->mutex);
    return rc;
}

void hub_wake(struct cdz_consumer *consumer)
{
    struct hub_consumer *c = (struct hub_consumer *)consumer;
    pthread_mutex_lock(&c->hub->mutex);
    c->woken = true;
    pthread_cond_signal(&c->cond);
    pthread_mutex_unlock(&c->hub->mutex);
}

struct hub_commit hub_commit_begin(struct cdz_consumer *consumer)
{
    struct hub_consumer *c = (struct hub_consumer *)consumer;
    struct hub_group *g = c->group;
    pthread_mutex_lock(&c->hub->mutex);
    struct hub_commit commit = {
        .group = g->name,
        .position = g->place[HUB_KEPT].offset - 1,
        .moved = g->name && g->outstanding,
    };
    pthread_mutex_unlock(&c->hub->mutex);
    return commit;
}

void hub_commit_end(struct cdz_consumer *consumer, const struct hub_commit *commit)
{
    struct hub_consumer *c = (struct hub_consumer *)consumer;
    pthread_mutex_lock(&c->hub->mutex);
    release_batch(c);
    if (c->group->outstanding) {
        c->group->position = commit->position;
        c->group->outstanding = false;
    }
    struct span *done = c->taken;
    c->taken = NULL;
    c->taken_last = &c->taken;
    trim(c->hub);
    pthread_mutex_unlock(&c->hub->mutex);
    spans_free(done);
}

static void group_remove(struct hub *hub, struct hub_group *g)
{
    struct hub_group **at = &hub->groups;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    group_free(g);
}

void hub_unsubscribe(struct cdz_consumer *consumer)
{
    struct hub_consumer *c = (struct hub_consumer *)consumer;
    struct hub *hub = c->hub;
    struct hub_group *g = c->group;
    pthread_mutex_lock(&hub->mutex);
    release_batch(c);
    struct hub_consumer **at = &g->consumers;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    if (c->taken) {
        *g->returned_last = c->taken;
        g->returned_last = c->taken_last;
        c->taken = NULL;
        wake_group(g, SIZE_MAX);
    }
    if (g->outstanding) {
        leave_chunk(&g->place[HUB_KEPT]);
        g->place[HUB_KEPT].offset = g->position + 1;
        g->outstanding = false;
    }
    if (!g->name)
        group_remove(hub, g);
    trim(hub);
    pthread_mutex_unlock(&hub->mutex);
    pthread_cond_destroy(&c->cond);
    free(c->records);
    free(c->held);
    free(c);
}
