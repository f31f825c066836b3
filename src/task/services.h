/*
 * services.h -- what a few tasks ask of the server around the worker: searches, purges, messages to
 * other executions. A worker needs no repository (design: it goes on while that is down); only
 * log.Fetch, log.PurgeLogs, execution.Count, execution.PurgeExecutions, execution.Resume and
 * trigger.Toggle do, and they ask through this table, which server/services.c fills.
 *
 * Threads: any; each call may block.
 */
#ifndef CDZ_TASK_SERVICES_H
#define CDZ_TASK_SERVICES_H

#include "port/repository.h"

struct cdz_purged { /* what one purge has removed */
    uint64_t executions, logs, metrics, files;
};

struct cdz_task_services {
    void *ctx;
    /* Waits, some seconds at most, until what this execution has logged up to now can be found. */
    void (*logs_settle)(void *ctx, cdz_str execution_id);
    /* As cdz_repository_log_find. */
    cdz_rc (*log_find)(void *ctx, const struct cdz_log_filter *f, const struct cdz_page *page,
                       struct cdz_arena *arena, struct cdz_log_entry **ret, size_t *ret_n,
                       struct cdz_err *err);
    /* Deletes them; *ret: how many there were. */
    cdz_rc (*log_purge)(void *ctx, const struct cdz_log_filter *f, uint64_t *ret,
                        struct cdz_err *err);
    cdz_rc (*execution_count)(void *ctx, const struct cdz_execution_filter *f, uint64_t *ret,
                              struct cdz_err *err);
    /* Up to max executions that match; the caller frees each. */
    cdz_rc (*execution_find)(void *ctx, const struct cdz_execution_filter *f, size_t page,
                             size_t max, struct cdz_arena *arena, struct cdz_executions *ret,
                             struct cdz_err *err);
    /* Removes what is asked for of one ended execution and adds it to *sum. */
    cdz_rc (*execution_purge)(void *ctx, const struct cdz_execution *e, unsigned what,
                              struct cdz_purged *sum, struct cdz_err *err);
    /* Resumes a paused execution; inputs: of onResume, or null. CDZ_E_NOT_FOUND, CDZ_E_CONFLICT: it is
     * not paused. */
    cdz_rc (*resume)(void *ctx, cdz_str execution_id, cdz_val inputs, struct cdz_err *err);
    /* Enables or disables a trigger. CDZ_E_NOT_FOUND. */
    cdz_rc (*toggle)(void *ctx, cdz_str namespace_, cdz_str flow, cdz_str trigger, bool enabled,
                     struct cdz_err *err);
    /* True if a flow lives in this namespace or below it. */
    bool (*namespace_exists)(void *ctx, cdz_str namespace_);
    /* The namespaces of all flows, sorted, each once. */
    cdz_rc (*namespaces)(void *ctx, struct cdz_arena *arena, cdz_str **ret, size_t *ret_n,
                         struct cdz_err *err);
};
enum { /* execution_purge: what */
       CDZ_PURGE_EXECUTION = 1,
       CDZ_PURGE_LOGS = 2,
       CDZ_PURGE_METRICS = 4,
       CDZ_PURGE_STORAGE = 8,
};

#endif
