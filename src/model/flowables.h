/*
 * flowables.h -- the descriptors of the tasks that no worker runs by itself: those that order other
 * tasks, wait, call other flows, or change their own execution. For the registry and src/exec.
 */
#ifndef CDZ_MODEL_FLOWABLES_H
#define CDZ_MODEL_FLOWABLES_H

#include "model/type.h"

/* flowables.c */
extern const struct cdz_type cdz_type_sequential, cdz_type_allow_failure, cdz_type_parallel,
    cdz_type_switch, cdz_type_if, cdz_type_dag, cdz_type_each_sequential, cdz_type_each_parallel,
    cdz_type_for_each;
/* waiting.c */
extern const struct cdz_type cdz_type_pause, cdz_type_wait_for, cdz_type_loop_until,
    cdz_type_wait_for_event;
/* calling.c */
extern const struct cdz_type cdz_type_subflow, cdz_type_for_each_item,
    cdz_type_for_each_item_executable, cdz_type_template, cdz_type_working_directory;
/* updating.c */
extern const struct cdz_type cdz_type_labels, cdz_type_set_variables, cdz_type_unset_variables,
    cdz_type_exit;

/* All of them; ends with NULL. */
extern const struct cdz_type *const cdz_flowable_types[];

/* The tasks that a ForEachItem is made of, in the order of its `tasks`: its id with this suffix, and
 * the type. The first and the last are run by a worker (task/for_each_item.c). */
enum { CDZ_FOR_EACH_ITEM_PARTS = 3 };
extern const struct cdz_for_each_item_part {
    const char *suffix, *type;
} cdz_for_each_item_parts[CDZ_FOR_EACH_ITEM_PARTS];

/* Rows that descriptors of flowables share. */
#define CDZ_TASKS_PROP(flags_)                                                                     \
    {                                                                                              \
        "tasks", CDZ_PROP_TASKS, (flags_), .doc = "The tasks to run."                              \
    }
#define CDZ_ERRORS_PROPS                                                                           \
    {"errors", CDZ_PROP_TASKS, 0, .doc = "Tasks to run when one of the others failed."},           \
    {                                                                                              \
        "finally", CDZ_PROP_TASKS, 0,                                                              \
            .doc = "Tasks to run at the end, whatever became of the others."                       \
    }

#endif
