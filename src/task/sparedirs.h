/*
 * sparedirs.h -- empty working directories that wait for the next attempt. Making and removing a
 * directory costs a third of a shell command on a journalling file system; most commands leave
 * theirs as empty as they found it.
 * Threads: any.
 */
#ifndef CDZ_TASK_SPAREDIRS_H
#define CDZ_TASK_SPAREDIRS_H

#include "base/arena.h"

struct cdz_spare_dirs;

struct cdz_spare_dirs *cdz_spare_dirs_open(void);
/* Removes them. NULL is fine. */
void cdz_spare_dirs_close(struct cdz_spare_dirs *s);
/* The path of an empty directory that is the caller's from now on; false: there is none. s may be NULL. */
bool cdz_spare_dirs_take(struct cdz_spare_dirs *s, struct cdz_arena *arena, cdz_str *ret);
/* Keeps path for somebody else; false: there are enough, or s is NULL. Only an empty one that nobody is in. */
bool cdz_spare_dirs_keep(struct cdz_spare_dirs *s, cdz_str path);

#endif
