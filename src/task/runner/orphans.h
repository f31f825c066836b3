/*
 * orphans.h -- what a server that was killed has left behind: processes of its attempts, and their
 * working directories.
 */
#ifndef CDZ_TASK_RUNNER_ORPHANS_H
#define CDZ_TASK_RUNNER_ORPHANS_H

#include "base/str.h"

/*
 * Kills every process whose WORKING_DIR lies below tmp_dir and removes what is in tmp_dir. Called
 * once at start, before any attempt: those attempts are sent again, and must not run twice at once.
 * Returns the number of processes.
 */
unsigned cdz_orphans_clear(cdz_str tmp_dir);

#endif
