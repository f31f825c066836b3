/*
 * proctree.h -- finding and signalling a process and everything that came from it.
 *
 * A process belongs to the tree when it is in the root's session or process group, when its parent
 * belongs to it, when it was seen in it before, or when its environment has the tree's mark. The
 * last finds what daemons are made of: a child that called setsid() and whose parent is gone. Not
 * found is only who does all of that *and* clears its environment before it was ever seen.
 *
 * Allocates nothing and uses system calls only, so that a signal handler may do it. Linux: /proc.
 */
#ifndef CDZ_TASK_RUNNER_PROCTREE_H
#define CDZ_TASK_RUNNER_PROCTREE_H

#include <sys/types.h>

#include "base/str.h"

/* The environment variable that carries the mark, and the most bytes of a mark with its NUL. */
#define CDZ_PROCTREE_VARIABLE "CADENZA_TASKRUN_ID"

enum { CDZ_PROCTREE_MARK_MAX = 96, CDZ_PROCTREE_SEEN_MAX = 512 };

struct cdz_proctree {
    pid_t root;       /* leader of its session */
    const char *mark; /* unique among all trees of this machine; borrowed */
    struct {
        pid_t pid;
        uint64_t started; /* clock ticks since boot: tells a reused pid */
    } seen[CDZ_PROCTREE_SEEN_MAX];
    size_t n;
};

/* Sends `number` (0: nothing) to all living processes of the tree, and returns how many there
 * were; zombies do not count. */
size_t cdz_proctree_signal(struct cdz_proctree *tree, int number);

/* SIGKILL in one pass, for emergencies: to every process for which is_ours answers true. mark is
 * "" when it has none. */
void cdz_proctree_kill(bool (*is_ours)(pid_t session, pid_t group, const char *mark));

#endif
