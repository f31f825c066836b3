/*
 * tree.h -- the live view of one execution: a tree that redraws itself on a terminal, plain lines
 * in a pipe. Threads: one; the caller feeds it.
 */
#ifndef CDZ_CLI_TREE_H
#define CDZ_CLI_TREE_H

#include "model/execution.h"

struct cdz_tree;

/* fd: where it draws; live: it is a terminal that can move the cursor. */
struct cdz_tree *cdz_tree_open(int fd, bool live);
void cdz_tree_close(struct cdz_tree *t);
/* A log line of the execution, in order of arrival. */
void cdz_tree_log(struct cdz_tree *t, const struct cdz_log_entry *l);
/* The execution as it is now. now: for durations and the spinner. last: draw it for good. */
void cdz_tree_show(struct cdz_tree *t, const struct cdz_execution *e, cdz_us now, bool last);

#endif
