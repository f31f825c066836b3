/*
 * job.h -- a dispatched attempt, executor -> worker (topic JOB). docs/formats.md.
 * Everything a worker needs but the compiled flow, which it takes from the topic FLOW by revision.
 */
#ifndef CDZ_MODEL_JOB_H
#define CDZ_MODEL_JOB_H

#include "base/buf.h"
#include "base/err.h"
#include "base/val.h"

struct cdz_job {
    cdz_str execution_id, namespace_, flow_id;
    int flow_revision;
    cdz_str taskrun_id, task_id, parent_id, value; /* parent_id, value: p NULL when there is none */
    uint32_t taskrun_index;
    uint32_t epoch; /* sent back with the result; a result of an older one is dropped */
    int attempt;    /* number of this attempt, from 0: log entries carry it */
    cdz_us dispatched;
    cdz_val context; /* map of the variables that its expressions may read (exec/context.h); without
                        `vars`, which the worker takes from the flow, and without `globals` and
                        `envs`, which are the worker's own */
    cdz_val path;    /* WorkingDirectory: list of the values from the root down to it; else null */
};

void cdz_job_encode(const struct cdz_job *job, struct cdz_buf *to);
/* Texts borrowed from bytes; the context's lists and maps in the arena. */
CDZ_MUST_USE cdz_rc cdz_job_decode(cdz_str bytes, struct cdz_arena *arena, struct cdz_job *ret,
                                   struct cdz_err *err);

#endif
