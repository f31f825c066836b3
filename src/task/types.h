/* types.h -- the task types and task runners built into the program: one descriptor per file, one
 * line here and below. */
#ifndef CDZ_TASK_TYPES_H
#define CDZ_TASK_TYPES_H

#include "model/type.h"

extern const struct cdz_type cdz_trigger_http; /* http_trigger.c */
/* for_each_item.c */
extern const struct cdz_type cdz_task_for_each_item_split, cdz_task_for_each_item_merge;
extern const struct cdz_type cdz_task_log, cdz_task_echo;            /* log.c */
extern const struct cdz_type cdz_task_return;                        /* return.c */
extern const struct cdz_type cdz_task_output_values;                 /* output_values.c */
extern const struct cdz_type cdz_task_fail;                          /* fail.c */
extern const struct cdz_type cdz_task_sleep;                         /* sleep.c */
extern const struct cdz_type cdz_task_http_request;                  /* http_request.c */
extern const struct cdz_type cdz_task_http_download;                 /* http_download.c */
extern const struct cdz_type cdz_task_assert;                        /* assert.c */
extern const struct cdz_type cdz_task_metric_publish;                /* metric_publish.c */
extern const struct cdz_type cdz_task_templated;                     /* templated.c */
extern const struct cdz_type cdz_task_trigger_toggle;                /* toggle.c */
extern const struct cdz_type cdz_task_log_fetch, cdz_task_log_purge; /* logs.c */
/* executions.c */
extern const struct cdz_type cdz_task_execution_count, cdz_task_execution_resume,
    cdz_task_execution_purge;
extern const struct cdz_type cdz_task_state_get, cdz_task_state_set,
    cdz_task_state_delete; /* state.c */
/* kv_tasks.c, kv_purge.c */
extern const struct cdz_type cdz_task_kv_set, cdz_task_kv_get, cdz_task_kv_get_keys,
    cdz_task_kv_delete, cdz_task_kv_purge;
/* namespace_files.c */
extern const struct cdz_type cdz_task_namespace_upload, cdz_task_namespace_download,
    cdz_task_namespace_delete;
/* storage_*.c */
extern const struct cdz_type cdz_task_storage_concat, cdz_task_storage_split,
    cdz_task_storage_reverse, cdz_task_storage_size, cdz_task_storage_delete,
    cdz_task_storage_write, cdz_task_storage_purge_current, cdz_task_storage_filter_items,
    cdz_task_storage_deduplicate_items, cdz_task_storage_local_files;
/* script_types.c */
extern const struct cdz_type cdz_task_shell_commands, cdz_task_shell_script;
extern const struct cdz_type cdz_task_python_commands, cdz_task_python_script;
extern const struct cdz_type cdz_task_node_commands, cdz_task_node_script;
extern const struct cdz_type cdz_runner_process;

extern const struct cdz_type *const cdz_task_types[];
extern const size_t cdz_task_type_count;

#endif
