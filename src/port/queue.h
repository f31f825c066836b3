/*
 * queue.h -- how records travel between servers and how executions' state is kept: the first of the
 * three seams.
 *
 * Records have a topic, a key and a value (binary, docs/formats.md). Log topics are ordered per key
 * and read by consumer groups; state topics are compacted: the last value of a key stays until it
 * is deleted by a tombstone.
 *
 * Guarantees that every implementation keeps (tests/contract/queue.c checks them):
 *   1. When `done` is called with CDZ_OK the records are durable: kill -9 or a crash does not lose
 * them.
 *   2. Records of one send or commit become visible together or not at all, in the order given.
 *   3. Every record of a log topic reaches every group that subscribed to the topic, in order per
 * key, at least once; records processed by a commit that was reported done are not delivered to
 * that group again.
 *   4. A commit's outputs and its consumed positions are one atomic unit.
 *   5. A scan of a state topic sees all that was durable before it began.
 *   6. When the store cannot be written (disk full, broker gone) nothing is lost: sends fail with
 *      CDZ_E_UNAVAILABLE at once, commits are retried by the caller with the same content.
 *
 * Implementations: queue/sqlite.c (embedded), mem.c, and the wrappers trace.c and fault.c around
 * any of them. Threads: any thread may send; a consumer belongs to one thread.
 */
#ifndef CDZ_PORT_QUEUE_H
#define CDZ_PORT_QUEUE_H

#include "base/arena.h"
#include "base/err.h"

/* symbol, name, compacted state, may live in memory where producers and consumers die together */
#define CDZ_TOPIC_LIST(X)                                                                          \
    X(EVENT, "execution_event", false,                                                             \
      false) /* API, triggers, timers -> executor; key execution id */                             \
    X(RESULT, "worker_result", false, true) /* worker -> executor; key execution id */             \
    X(JOB, "worker_job", false, true)       /* executor -> workers; key execution id */            \
    X(KILL, "worker_kill", false, true)     /* executor -> every worker */                         \
    X(CHANGE, "execution_change", false,                                                           \
      false)                          /* executor -> indexer, followers; key execution id */       \
    X(LOG, "log", false, false)       /* everyone -> indexer, followers; key execution id */       \
    X(METRIC, "metric", false, false) /* workers -> indexer */                                     \
    X(STATE, "execution_state", true, false) /* live executions; key "<execution id>/<part>" */    \
    X(FLOW, "flow", true, false)             /* flows; key "<namespace>/<id>/<revision>" */        \
    X(TEMPLATE, "template", true, false)     /* templates; key "<namespace>/<id>" */

enum cdz_topic {
#define CDZ_TOPIC_ENUM(symbol, name, state, derived) CDZ_TOPIC_##symbol,
    CDZ_TOPIC_LIST(CDZ_TOPIC_ENUM)
#undef CDZ_TOPIC_ENUM
        CDZ_TOPIC_COUNT
};
const char *cdz_topic_name(enum cdz_topic t);
bool cdz_topic_is_state(enum cdz_topic t);
/* Records that the executor makes again after a restart: an embedded queue need not write them. */
bool cdz_topic_is_derived(enum cdz_topic t);

#define CDZ_RECORD_KEY_MAX    1024u        /* bytes of a key */
#define CDZ_RECORD_BYTES_MAX  (64u << 20)  /* bytes of a value */
#define CDZ_RECORDS_BYTES_MAX (256u << 20) /* keys and values of one send or commit together */

struct cdz_record {
    enum cdz_topic topic;
    cdz_str key;
    cdz_str value;   /* state topics: p NULL is a tombstone */
    uint64_t offset; /* filled by poll: position in its topic, ascending */
};

/* A batch from poll: borrowed until the next poll or commit of the same consumer. */
struct cdz_batch {
    const struct cdz_record *records;
    size_t n;
};

/* Called once per send or commit, from a thread of the queue; must be short and not call the queue
 * synchronously. */
typedef void cdz_queue_done(void *ctx, cdz_rc rc, const struct cdz_err *err);

struct cdz_queue;
struct cdz_consumer;

struct cdz_queue_ops {
    const char *name; /* the value of "queue.type" in the configuration */
    /* Copies the records before it returns. done may be called before it returns. */
    void (*send)(struct cdz_queue *, const struct cdz_record *records, size_t n,
                 cdz_queue_done *done, void *ctx);
    /*
     * A group that the topic has not seen before begins at the oldest record kept (so nothing sent
     * before the first start of a server is lost) and is remembered for ever: records wait for it
     * while it is away. group NULL: for followers: a group of its own that begins at the end, is
     * forgotten with the consumer and makes nothing wait; poll reports CDZ_E_EXPIRED once if
     * records were dropped before it read them, and goes on behind the gap. Several consumers may
     * share a group when all topics are derived and the same: each record goes to one of them, and
     * what a consumer had not committed when it unsubscribed to another. Otherwise CDZ_E_CONFLICT.
     */
    cdz_rc (*subscribe)(struct cdz_queue *, const char *group, const enum cdz_topic *topics,
                        size_t n, struct cdz_consumer **ret, struct cdz_err *);
    /* Up to max records; waits up to timeout_us for the first (0: do not wait). n is 0 on time-out
     * or wake. */
    cdz_rc (*poll)(struct cdz_consumer *, size_t max, cdz_us timeout_us, struct cdz_batch *ret,
                   struct cdz_err *);
    /* Marks everything polled so far as processed and sends the records, atomically; blocks until
     * durable. */
    cdz_rc (*commit)(struct cdz_consumer *, const struct cdz_record *records, size_t n,
                     struct cdz_err *);
    /* Makes a waiting poll of this consumer return early; any thread. */
    void (*wake)(struct cdz_consumer *);
    void (*unsubscribe)(struct cdz_consumer *); /* frees it; NULL is fine */
    /* Calls fn for every live key of a state topic that starts with prefix, in key order, until fn
     * returns false. */
    cdz_rc (*scan)(struct cdz_queue *, enum cdz_topic, cdz_str prefix,
                   bool (*fn)(void *ctx, cdz_str key, cdz_str value), void *ctx, struct cdz_err *);
    /* The value of one key of a state topic, copied to the arena; CDZ_E_NOT_FOUND. */
    cdz_rc (*get)(struct cdz_queue *, enum cdz_topic, cdz_str key, struct cdz_arena *, cdz_str *ret,
                  struct cdz_err *);
    void (*close)(
        struct cdz_queue *); /* after all consumers; waits for what is under way; NULL is fine */
};
struct cdz_queue { /* first member of each implementation's own struct */
    const struct cdz_queue_ops *ops;
};
struct cdz_consumer { /* first member, too */
    struct cdz_queue *queue;
};

/* Callers use these, never ops: common checks live here, once for all backends. */
void cdz_queue_send(struct cdz_queue *q, const struct cdz_record *records, size_t n,
                    cdz_queue_done *done, void *ctx);
/* Sends and waits until it is durable. */
CDZ_MUST_USE cdz_rc cdz_queue_send_wait(struct cdz_queue *q, const struct cdz_record *records,
                                        size_t n, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_queue_subscribe(struct cdz_queue *q, const char *group,
                                        const enum cdz_topic *topics, size_t n,
                                        struct cdz_consumer **ret, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_queue_poll(struct cdz_consumer *c, size_t max, cdz_us timeout_us,
                                   struct cdz_batch *ret, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_queue_commit(struct cdz_consumer *c, const struct cdz_record *records,
                                     size_t n, struct cdz_err *err);
void cdz_queue_wake(struct cdz_consumer *c);
void cdz_queue_unsubscribe(struct cdz_consumer *c);
CDZ_MUST_USE cdz_rc cdz_queue_scan(struct cdz_queue *q, enum cdz_topic t, cdz_str prefix,
                                   bool (*fn)(void *ctx, cdz_str key, cdz_str value), void *ctx,
                                   struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_queue_get(struct cdz_queue *q, enum cdz_topic t, cdz_str key,
                                  struct cdz_arena *arena, cdz_str *ret, struct cdz_err *err);
void cdz_queue_close(struct cdz_queue *q);

#endif
