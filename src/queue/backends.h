/* backends.h -- the constructors of the queues. A new backend adds its file and one line here. */
#ifndef CDZ_QUEUE_BACKENDS_H
#define CDZ_QUEUE_BACKENDS_H

#include "port/fault.h"
#include "port/queue.h"
#include "sqlite/db.h"

struct cdz_queue_sqlite_options {
    size_t memory_bytes; /* most bytes of records kept in memory for consumers that lag; 0: 32 MB */
};

/* "embedded". db is borrowed and must outlive the queue. One queue per db. options may be NULL. */
CDZ_MUST_USE cdz_rc cdz_queue_sqlite_open(struct cdz_db *db,
                                          const struct cdz_queue_sqlite_options *options,
                                          struct cdz_queue **ret, struct cdz_err *err);
/* "memory": nothing survives close; for tests and the simulator. */
struct cdz_queue *cdz_queue_mem_open(void);
/*
 * Reports every call of inner as one line, after it: `poll group=executor n=3 rc=ok`. line is
 * borrowed. Takes inner: closing the wrapper closes it. Threads: line is called on the thread of
 * the call.
 */
struct cdz_queue *cdz_queue_trace_open(struct cdz_queue *inner,
                                       void (*line)(void *ctx, cdz_str line), void *ctx);
/* Fails calls of inner (subscribe, poll, commit, send, scan, get) as the plan says. Takes inner;
 * fault is borrowed. */
struct cdz_queue *cdz_queue_fault_open(struct cdz_queue *inner, struct cdz_fault *fault);

#endif
