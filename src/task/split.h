/*
 * split.h -- one file of the internal storage into several, line by line: storage.Split and
 * ForEachItem. reference/tasks.md §6.
 */
#ifndef CDZ_TASK_SPLIT_H
#define CDZ_TASK_SPLIT_H

#include "task/run.h"

/* Of the first three the first that is not 0 counts. */
struct cdz_split {
    uint64_t bytes;      /* a new file once one has this many bytes */
    uint64_t partitions; /* so many files, lines dealt out in turn; empty ones are left out */
    uint64_t rows;       /* lines of a file */
    cdz_str separator;   /* written behind each line; reading is always by lines */
};

/* From rendered values: bytes ("10MB"), partitions, rows (numbers or their texts), separator; each
 * may be null. CDZ_E_TASK when none of the three is given. */
CDZ_MUST_USE cdz_rc cdz_split_init(struct cdz_split *ret, cdz_val bytes, cdz_val partitions,
                                   cdz_val rows, cdz_val separator, struct cdz_err *err);

/* Reads uri and stores the pieces in the task run's folder; *ret_uris in the run's arena, in order.
 * CDZ_E_LIMIT beyond CDZ_EACH_VALUES_MAX pieces or CDZ_SPLIT_PARTITIONS_MAX partitions. */
CDZ_MUST_USE cdz_rc cdz_split_file(struct cdz_run *run, const struct cdz_split *split, cdz_str uri,
                                   cdz_str **ret_uris, size_t *ret_n, struct cdz_err *err);

/* An open file of no name in the worker's directory; the caller closes it. */
CDZ_MUST_USE cdz_rc cdz_run_temp_file(struct cdz_run *run, int *ret_fd, struct cdz_err *err);
/* Appends all of s to fd. */
CDZ_MUST_USE cdz_rc cdz_write_all(int fd, cdz_str s, struct cdz_err *err);

#endif
