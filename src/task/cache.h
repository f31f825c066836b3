/*
 * cache.h -- one attempt, or its outputs from the last time that the same task ran with the same
 * properties (`taskCache: {enabled, ttl}`).
 *
 * The outputs stand in "/<ns>/<flow>/<task>/cache/<hash>.bin", by a hash of the type and the rendered
 * properties; only a SUCCESS is kept. A cache that cannot be read or written is as good as none: the
 * task runs.
 */
#ifndef CDZ_TASK_CACHE_H
#define CDZ_TASK_CACHE_H

#include "task/run.h"

/* What run->task->type->run does, through the cache if the task has one. */
CDZ_MUST_USE cdz_rc cdz_task_run(struct cdz_run *run, struct cdz_err *err);

#endif
