/*
 * hub.h -- the part of an in-process queue that lives in memory: published chunks, groups,
 * consumers, waiting. Shared by the embedded queue (which writes chunks to disk before it publishes
 * them) and the memory queue.
 *
 * Two logs, each a run of chunks with ascending offsets: KEPT (topics that survive a restart) and
 * DERIVED (topics that the executor makes again). A group has a place in each; a poll takes from
 * the log whose next chunk was published first. Positions are one number per group because a log is
 * read in one order for all topics.
 *
 * Memory. A chunk leaves memory when every group that needs it is behind it. With `spills` (chunks
 * of KEPT are on disk, too) it may leave sooner: at most bytes_max stay, and a group that lags
 * reads them back with load().
 *
 * Locks: hub->mutex guards everything; it is released around load().
 */
#ifndef CDZ_QUEUE_HUB_H
#define CDZ_QUEUE_HUB_H

#include <pthread.h>

#include "queue/chunk.h"

enum hub_log_name { HUB_KEPT, HUB_DERIVED, HUB_LOGS };

struct hub_log {
    struct chunk **ring; /* power of two */
    size_t cap, head, n;
    uint64_t end; /* offset of the next record to be published */
    size_t bytes; /* of the chunks in the ring */
};

struct hub_group;
struct hub_consumer;

struct hub {
    struct cdz_queue *queue;
    bool spills;
    size_t bytes_max;
    /*
     * The first stored chunk of KEPT that ends behind `from` and at or before `before` and has a
     * topic of mask, with one reference; NULL if there is none. Called without the lock, by the
     * consumer's thread.
     */
    cdz_rc (*load)(void *ctx, uint64_t from, uint64_t before, unsigned mask, struct chunk **ret,
                   struct cdz_err *err);
    void *ctx;

    pthread_mutex_t mutex;
    struct hub_log logs[HUB_LOGS];
    struct hub_group *groups;
    uint64_t seq;
    uint64_t dropped;   /* records of KEPT before this offset are gone from the disk */
    uint64_t uncovered; /* first record of KEPT with a topic that no named group wants; UINT64_MAX:
                           none */
};

/* The caller sets spills, bytes_max, load, ctx and logs[HUB_KEPT].end afterwards where they matter.
 */
void hub_init(struct hub *hub, struct cdz_queue *queue);
void hub_done(struct hub *hub); /* no consumer is left */

/* A group known from before, with the last offset it has committed. */
void hub_restore(struct hub *hub, const char *name, unsigned mask, uint64_t position);
/* The topics that named groups want. */
unsigned hub_covered(struct hub *hub);
/* The topics of KEPT. */
unsigned hub_kept_mask(void);

unsigned hub_mask(const enum cdz_topic *topics, size_t n);
/* group NULL: see queue.h. */
cdz_rc hub_subscribe(struct hub *hub, const char *group, unsigned mask, struct cdz_consumer **ret,
                     struct cdz_err *err);
cdz_rc hub_poll(struct cdz_consumer *c, size_t max, cdz_us timeout_us, struct cdz_batch *ret,
                struct cdz_err *err);
void hub_wake(struct cdz_consumer *c);
void hub_unsubscribe(struct cdz_consumer *c);

/* What a commit of this consumer must make durable. */
struct hub_commit {
    const char *group; /* NULL: a follower's, nothing is stored */
    uint64_t position;
    bool moved; /* it is not the one stored */
};
struct hub_commit hub_commit_begin(struct cdz_consumer *c);
/* After that has become durable. */
void hub_commit_end(struct cdz_consumer *c, const struct hub_commit *commit);

/*
 * Makes chunks visible, both at once; takes the references. Either may be NULL. Assigns offsets:
 * chunks of KEPT must be published in the order in which they were stored, beginning at
 * logs[HUB_KEPT].end.
 */
void hub_publish(struct hub *hub, struct chunk *kept, struct chunk *derived);

/* Records of KEPT before this offset are needed by nobody. */
uint64_t hub_needed(struct hub *hub);
/* They are gone now. */
void hub_dropped(struct hub *hub, uint64_t before);

#endif
