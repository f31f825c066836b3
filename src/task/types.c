#include "task/types.h"

const struct cdz_type *const cdz_task_types[] = {
    &cdz_task_log,           &cdz_task_echo, &cdz_task_return,
    &cdz_task_output_values, &cdz_task_fail, &cdz_task_sleep,
};
const size_t cdz_task_type_count = CDZ_COUNT(cdz_task_types);
