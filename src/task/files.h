/*
 * files.h -- reading and writing files of the storage as streams: lines of any file within constant
 * memory, and results that go to an unnamed temporary file first, so that a task that fails leaves
 * nothing behind.
 */
#ifndef CDZ_TASK_FILES_H
#define CDZ_TASK_FILES_H

#include "task/run.h"

/* ".csv" of a path or URI, or ".tmp". Borrowed or static. */
cdz_str cdz_file_extension(cdz_str path);
/* A new random name with this extension. */
cdz_str cdz_file_name(struct cdz_run *run, cdz_str extension);

/* A file that a flow names, line by line. */
struct cdz_lines {
    int fd;
    cdz_str separator; /* not empty; of every line */
    struct cdz_buf buf;
    size_t at;
    bool end;
    struct cdz_run *run;
};
/* Checks that the execution may read it. done it only after CDZ_OK. */
CDZ_MUST_USE cdz_rc cdz_lines_open(struct cdz_lines *l, struct cdz_run *run, cdz_str uri,
                                   cdz_str separator, struct cdz_err *err);
/*
 * The next line without its separator, borrowed until the next call; *ret_end instead, when there is
 * none any more (a separator at the very end begins no line). CDZ_E_LIMIT: a line of more than
 * CDZ_ITEM_BYTES_MAX. Fails when the attempt must stop.
 */
CDZ_MUST_USE cdz_rc cdz_lines_next(struct cdz_lines *l, cdz_str *ret, bool *ret_end,
                                   struct cdz_err *err);
void cdz_lines_done(struct cdz_lines *l);

/* A file in the making. done it always; only store makes it visible. */
struct cdz_out {
    struct cdz_run *run;
    int fd;
    struct cdz_buf buf;
    uint64_t bytes; /* written so far */
};
CDZ_MUST_USE cdz_rc cdz_out_open(struct cdz_out *o, struct cdz_run *run, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_out_add(struct cdz_out *o, cdz_str bytes, struct cdz_err *err);
/* The bytes [from, to) of a file. */
CDZ_MUST_USE cdz_rc cdz_out_copy(struct cdz_out *o, int fd, uint64_t from, uint64_t to,
                                 struct cdz_err *err);
/* Puts it into the storage, below the task run, under a new random name. */
CDZ_MUST_USE cdz_rc cdz_out_store(struct cdz_out *o, cdz_str extension, cdz_str *ret_uri,
                                  struct cdz_err *err);
void cdz_out_done(struct cdz_out *o);

#endif
