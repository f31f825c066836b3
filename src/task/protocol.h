/*
 * protocol.h -- lines by which a script speaks to its task: `::{"outputs": {...}, "metrics": [...],
 * "logs": [...]}::`. reference/plugins-beyond-core.md §2.3.
 */
#ifndef CDZ_TASK_PROTOCOL_H
#define CDZ_TASK_PROTOCOL_H

#include "task/run.h"

/* True if the line is one of these; then it is not logged. Outputs are merged into vars (a map). */
bool cdz_protocol_line(struct cdz_run *run, cdz_str line, cdz_val vars);

#endif
