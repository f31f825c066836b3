#include "task/types.h"

const struct cdz_type *const cdz_task_types[] = {
    &cdz_task_log,
    &cdz_task_echo,
    &cdz_task_return,
    &cdz_task_output_values,
    &cdz_task_fail,
    &cdz_task_sleep,
    &cdz_task_http_request,
    &cdz_task_http_download,
    &cdz_trigger_http,
    &cdz_task_for_each_item_split,
    &cdz_task_for_each_item_merge,
    &cdz_task_shell_commands,
    &cdz_task_shell_script,
    &cdz_task_python_commands,
    &cdz_task_python_script,
    &cdz_task_node_commands,
    &cdz_task_node_script,
    &cdz_runner_process,
};
const size_t cdz_task_type_count = CDZ_COUNT(cdz_task_types);
