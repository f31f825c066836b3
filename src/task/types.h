/* types.h -- the task types and task runners built into the program: one descriptor per file, one
 * line here and below. */
#ifndef CDZ_TASK_TYPES_H
#define CDZ_TASK_TYPES_H

#include "model/type.h"

extern const struct cdz_type cdz_task_log, cdz_task_echo; /* log.c */
extern const struct cdz_type cdz_task_return;             /* return.c */
extern const struct cdz_type cdz_task_output_values;      /* output_values.c */
extern const struct cdz_type cdz_task_fail;               /* fail.c */
extern const struct cdz_type cdz_task_sleep;              /* sleep.c */
extern const struct cdz_type cdz_task_http_request;       /* http_request.c */
extern const struct cdz_type cdz_task_http_download;      /* http_download.c */
extern const struct cdz_type cdz_trigger_http;            /* http_trigger.c */
/* for_each_item.c */
extern const struct cdz_type cdz_task_for_each_item_split, cdz_task_for_each_item_merge;
/* script_types.c */
extern const struct cdz_type cdz_task_shell_commands, cdz_task_shell_script;
extern const struct cdz_type cdz_task_python_commands, cdz_task_python_script;
extern const struct cdz_type cdz_task_node_commands, cdz_task_node_script;
extern const struct cdz_type cdz_runner_process;

extern const struct cdz_type *const cdz_task_types[];
extern const size_t cdz_task_type_count;

#endif
