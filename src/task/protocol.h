/*
 * protocol.h -- lines by which a script speaks to its task: `::{"outputs": {...}, "metrics": [...],
 * "logs": [...]}::`. reference/plugins-beyond-core.md §2.3.
 *
 * Bounded: a script may print such lines for ever. Outputs that were overwritten are given back;
 * metrics of one name, type and tags are added up; beyond the worker's output limit no more are
 * taken, with a WARN.
 */
#ifndef CDZ_TASK_PROTOCOL_H
#define CDZ_TASK_PROTOCOL_H

#include "task/run.h"

struct cdz_protocol;

struct cdz_protocol *cdz_protocol_new(struct cdz_run *run);
/* True if the line is one of these; then it is not to be logged. line is borrowed. */
bool cdz_protocol_line(struct cdz_protocol *p, cdz_str line);
/* Sends the metrics, gives the outputs (a map in the run's arena) and frees p. */
cdz_val cdz_protocol_end(struct cdz_protocol *p);

#endif
