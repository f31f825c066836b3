/*
 * workdir.h -- the working directory of an attempt: made for it, filled with its input files,
 * emptied of its output files, and removed whatever happened. No path leaves it: ".." and symbolic
 * links are refused by the kernel (openat2).
 */
#ifndef CDZ_TASK_WORKDIR_H
#define CDZ_TASK_WORKDIR_H

#include "task/run.h"

/* A folder in it for files of ours; nothing in there is an output file. */
#define CDZ_WORKDIR_OWN ".cadenza"

struct cdz_workdir_local {
    cdz_str uri, path; /* path: absolute */
};

struct cdz_workdir {
    struct cdz_run *run;
    const char *path; /* absolute */
    int fd;           /* of the directory */
    bool is_shared;   /* run->shared_dir: not ours to remove */
    bool is_left;     /* the caller: nothing of the attempt can be in it any more */
    cdz_str script;   /* a file that is no output file either: the script; may be empty */
    CDZ_VEC(struct cdz_workdir_local) locals; /* what was downloaded for URIs in texts */
};

CDZ_MUST_USE cdz_rc cdz_workdir_open(struct cdz_run *run, struct cdz_workdir *ret,
                                     struct cdz_err *err);
void cdz_workdir_close(struct cdz_workdir *w);
/* `inputFiles` (name -> content or kestra:// URI) and `namespaceFiles` of the task. */
CDZ_MUST_USE cdz_rc cdz_workdir_fill(struct cdz_workdir *w, struct cdz_err *err);
/* The same from values: files is a map of name -> content or URI (nulls are left out) or null. */
CDZ_MUST_USE cdz_rc cdz_workdir_fill_map(struct cdz_workdir *w, cdz_val files, struct cdz_err *err);
/* A file with this content; name may have folders. */
CDZ_MUST_USE cdz_rc cdz_workdir_write(struct cdz_workdir *w, cdz_str name, cdz_str content,
                                      struct cdz_err *err);
/* The same under the first of stem.ext, stem-1.ext ... that is free; *ret is that name. */
CDZ_MUST_USE cdz_rc cdz_workdir_write_new(struct cdz_workdir *w, const char *stem,
                                          const char *extension, cdz_str content, cdz_str *ret,
                                          struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_workdir_mkdir(struct cdz_workdir *w, cdz_str name, struct cdz_err *err);
/* Downloads every kestra:/// URI in the text and gives the text with local paths instead. */
CDZ_MUST_USE cdz_rc cdz_workdir_localise(struct cdz_workdir *w, cdz_str text, cdz_str *ret,
                                         struct cdz_err *err);
/* Stores what matches the globs of `outputFiles`, and every file below `folder` (NULL: none): map
 * path -> URI, sorted by path. */
CDZ_MUST_USE cdz_rc cdz_workdir_collect(struct cdz_workdir *w, const char *folder, cdz_val *ret,
                                        struct cdz_err *err);
/* The same for these globs (a list of texts, or null) instead of the property. */
CDZ_MUST_USE cdz_rc cdz_workdir_collect_globs(struct cdz_workdir *w, cdz_val globs,
                                              const char *folder, cdz_val *ret,
                                              struct cdz_err *err);
/* A descriptor to read a file of the directory with; the caller closes it. Never through a symbolic
 * link. */
CDZ_MUST_USE cdz_rc cdz_workdir_read(struct cdz_workdir *w, cdz_str path, int *ret_fd,
                                     struct cdz_err *err);
/* The files that match the globs, by path, sorted: a list of texts. */
CDZ_MUST_USE cdz_rc cdz_workdir_find(struct cdz_workdir *w, cdz_val globs, cdz_val *ret,
                                     struct cdz_err *err);

#endif
