/*
 * flowables.h -- the descriptors of the tasks that only order other tasks, for the registry.
 */
#ifndef CDZ_MODEL_FLOWABLES_H
#define CDZ_MODEL_FLOWABLES_H

#include "model/type.h"

extern const struct cdz_type cdz_type_sequential, cdz_type_allow_failure, cdz_type_parallel,
    cdz_type_switch, cdz_type_if, cdz_type_dag, cdz_type_each_sequential, cdz_type_each_parallel,
    cdz_type_for_each;

/* All of them; ends with NULL. */
extern const struct cdz_type *const cdz_flowable_types[];

#endif
