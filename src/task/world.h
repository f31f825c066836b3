/*
 * world.h -- the environment in which a worker renders expressions: the job's context, the flow's
 * variables, the worker's globals and envs, and what functions such as read() and secret() ask for.
 */
#ifndef CDZ_TASK_WORLD_H
#define CDZ_TASK_WORLD_H

#include "task/run.h"

struct cdz_task_world {
    struct cdz_env env; /* first */
    struct cdz_run *run;
    cdz_val extra;  /* map of further root names (workingDir ...), or null; these win */
    cdz_val opened; /* root names of the context as seen so far: encrypted values in plain text */
};

/* run must be filled but for env. The run's arena takes what is made on the way. */
void cdz_task_world_init(struct cdz_task_world *ret, struct cdz_run *run);
/* Adds a root name for all later rendering of this attempt; run->env must be a cdz_task_world's. */
void cdz_task_world_put(struct cdz_run *run, const char *name, cdz_val val);
/* Other root names instead of all that were added (a map, or null: none): for expressions that see the
 * fields of an item. Gives what there was, to be put back. */
cdz_val cdz_task_world_swap(struct cdz_run *run, cdz_val extra);

#endif
