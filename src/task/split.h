/* split.h -- a file cut into several at line ends: storage.Split, and the first part of
 * flow.ForEachItem. */
#ifndef CDZ_TASK_SPLIT_H
#define CDZ_TASK_SPLIT_H

#include "task/run.h"

/* 0: not given. bytes comes before partitions, partitions before rows. */
struct cdz_split {
    cdz_str separator; /* of lines; "\n" */
    uint64_t bytes;    /* a new file once one has as many */
    uint64_t partitions;
    uint64_t rows;
};
/* "10MB", "1 kb", "512": units of 1024. */
CDZ_MUST_USE cdz_rc cdz_split_bytes(cdz_str text, uint64_t *ret, struct cdz_err *err);
/*
 * *ret: list of URIs below the task run; empty when the file is. Lines keep their separator (the last
 * one gets one), none is cut. CDZ_E_LIMIT: more than CDZ_SPLIT_FILES_MAX files, or
 * CDZ_SPLIT_PARTITIONS_MAX partitions (each is open all the while).
 */
CDZ_MUST_USE cdz_rc cdz_split_file(struct cdz_run *run, cdz_str uri, const struct cdz_split *split,
                                   cdz_val *ret, struct cdz_err *err);

#endif
