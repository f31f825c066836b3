/*
 * nested.h -- WorkingDirectory: tasks that run one after another in one directory, as a single attempt
 * of a worker. reference/tasks.md §1, execution.md §7.
 *
 * Before them: the files kept from an earlier execution (`cache`), namespace files, input files. After
 * them: output files, and what is to be kept. A failed task without allowFailure ends it. The worker
 * gives the hooks: it runs each task as it runs any other, and tells the executor of it.
 */
#ifndef CDZ_TASK_NESTED_H
#define CDZ_TASK_NESTED_H

#include "task/run.h"

struct cdz_nested_news {
    cdz_str task_id, taskrun_id;
    enum cdz_state state; /* RUNNING, RETRYING, or what it became */
    cdz_us started, ended;
    cdz_val outputs; /* map or null */
    cdz_str log_file;
};

struct cdz_nested_hooks {
    /* Runs one attempt of the task with the job as its own, in run->shared_dir, and fills news (state,
     * ended, outputs, log_file). SKIPPED: its runIf does not hold. */
    void (*run_one)(struct cdz_run *run, const struct cdz_job *job, const struct cdz_task *task,
                    struct cdz_nested_news *news);
    void (*tell)(struct cdz_run *run, const struct cdz_nested_news *news);
};

/* What type->run is for other tasks; run->nested must be set. */
CDZ_MUST_USE cdz_rc cdz_nested_run(struct cdz_run *run, struct cdz_err *err);

#endif
