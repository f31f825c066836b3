/*
 * workdir.h -- the working directory of an attempt: made for it, filled with its input files,
 * emptied of its output files, and removed whatever happened. No path leaves it: ".." and symbolic
 * links are refused by the kernel (openat2).
 */
#ifndef CDZ_TASK_WORKDIR_H
#define CDZ_TASK_WORKDIR_H

#include "task/run.h"

struct cdz_workdir {
    struct cdz_run *run;
    const char *path; /* absolute */
    int fd;           /* of the directory */
};

CDZ_MUST_USE cdz_rc cdz_workdir_open(struct cdz_run *run, struct cdz_workdir *ret,
                                     struct cdz_err *err);
void cdz_workdir_close(struct cdz_workdir *w);
/* `inputFiles` (name -> content or kestra:// URI) and `namespaceFiles` of the task. */
CDZ_MUST_USE cdz_rc cdz_workdir_fill(struct cdz_workdir *w, struct cdz_err *err);
/* A file with this content; name may have folders. */
CDZ_MUST_USE cdz_rc cdz_workdir_write(struct cdz_workdir *w, cdz_str name, cdz_str content,
                                      struct cdz_err *err);
/* Downloads every kestra:/// URI in the text and gives the text with local paths instead. */
CDZ_MUST_USE cdz_rc cdz_workdir_localise(struct cdz_workdir *w, cdz_str text, cdz_str *ret,
                                         struct cdz_err *err);
/* Stores what matches the globs of `outputFiles`, and every file below `folder` (NULL: none): map
 * path -> URI. */
CDZ_MUST_USE cdz_rc cdz_workdir_collect(struct cdz_workdir *w, const char *folder, cdz_val *ret,
                                        struct cdz_err *err);

#endif
