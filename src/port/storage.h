/*
 * storage.h -- where the files of executions live (inputs, outputs, namespace files): the third
 * seam.
 *
 * Paths are the path part of kestra:///... URIs: absolute, '/'-separated, UTF-8, no empty, "." or
 * ".." part.
 *
 * Guarantees that every implementation keeps (tests/contract/storage.c checks them):
 *   1. put and put_file are all or nothing: a reader sees the old bytes or the new, never a mix.
 *   2. After put returned CDZ_OK, get from any process returns the new bytes, also after a crash.
 *   3. del of a path that does not exist succeeds. get of one is CDZ_E_NOT_FOUND.
 *   4. No path leaves the store: "..", NUL, backslash and symbolic links are refused.
 *
 * Threads: may be used from several threads; each call blocks its thread.
 */
#ifndef CDZ_PORT_STORAGE_H
#define CDZ_PORT_STORAGE_H

#include "base/arena.h"
#include "base/err.h"

struct cdz_file_info {
    cdz_str path; /* absolute */
    bool is_dir;
    uint64_t size; /* bytes */
    cdz_us modified;
};

struct cdz_storage;
struct cdz_storage_ops {
    const char *name; /* the value of "storage.type" in the configuration */
    cdz_rc (*get)(struct cdz_storage *, cdz_str path, size_t max, struct cdz_arena *, cdz_str *ret,
                  struct cdz_err *);
    cdz_rc (*put)(struct cdz_storage *, cdz_str path, cdz_str bytes, struct cdz_err *);
    cdz_rc (*get_file)(struct cdz_storage *, cdz_str path, int to_fd, struct cdz_err *);
    cdz_rc (*put_file)(struct cdz_storage *, cdz_str path, int from_fd, struct cdz_err *);
    cdz_rc (*open)(struct cdz_storage *, cdz_str path, int *ret_fd, uint64_t *ret_size,
                   struct cdz_err *);
    cdz_rc (*info)(struct cdz_storage *, cdz_str path, struct cdz_arena *,
                   struct cdz_file_info *ret, struct cdz_err *);
    cdz_rc (*list)(struct cdz_storage *, cdz_str path, bool recursive, struct cdz_arena *,
                   struct cdz_file_info **ret, size_t *ret_n, struct cdz_err *);
    cdz_rc (*move)(struct cdz_storage *, cdz_str from, cdz_str to, struct cdz_err *);
    cdz_rc (*mkdir)(struct cdz_storage *, cdz_str path, struct cdz_err *);
    cdz_rc (*del)(struct cdz_storage *, cdz_str path, struct cdz_err *);
    void (*close)(struct cdz_storage *);
};
struct cdz_storage { /* first member of each implementation's own struct */
    const struct cdz_storage_ops *ops;
};

/* Callers use these, never ops: path checks live here, once for all backends. */
/* The whole file in the arena; CDZ_E_TOO_LARGE beyond max bytes. */
CDZ_MUST_USE cdz_rc cdz_storage_get(struct cdz_storage *s, cdz_str path, size_t max,
                                    struct cdz_arena *arena, cdz_str *ret, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_storage_put(struct cdz_storage *s, cdz_str path, cdz_str bytes,
                                    struct cdz_err *err);
/* Copies the file to a descriptor (from its current position), and from one (to its end). */
CDZ_MUST_USE cdz_rc cdz_storage_get_file(struct cdz_storage *s, cdz_str path, int to_fd,
                                         struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_storage_put_file(struct cdz_storage *s, cdz_str path, int from_fd,
                                         struct cdz_err *err);
/* A readable descriptor on the file (the caller closes it); remote stores download to a temporary
 * file. */
CDZ_MUST_USE cdz_rc cdz_storage_open(struct cdz_storage *s, cdz_str path, int *ret_fd,
                                     uint64_t *ret_size, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_storage_info(struct cdz_storage *s, cdz_str path, struct cdz_arena *arena,
                                     struct cdz_file_info *ret, struct cdz_err *err);
/* One level, or everything below (files and directories), sorted by path. A missing directory is
 * empty. */
CDZ_MUST_USE cdz_rc cdz_storage_list(struct cdz_storage *s, cdz_str path, bool recursive,
                                     struct cdz_arena *arena, struct cdz_file_info **ret,
                                     size_t *ret_n, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_storage_move(struct cdz_storage *s, cdz_str from, cdz_str to,
                                     struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_storage_mkdir(struct cdz_storage *s, cdz_str path, struct cdz_err *err);
/* A file, or a directory with all below it. */
CDZ_MUST_USE cdz_rc cdz_storage_del(struct cdz_storage *s, cdz_str path, struct cdz_err *err);
void cdz_storage_close(struct cdz_storage *s);

/* "kestra:///a/b" or "kestra:/a/b" to "/a/b" (borrowed); CDZ_E_INVALID for anything else. */
CDZ_MUST_USE cdz_rc cdz_storage_path(cdz_str uri, cdz_str *ret, struct cdz_err *err);
/* "/a/b" to "kestra:///a/b". */
cdz_str cdz_storage_uri(cdz_str path, struct cdz_arena *arena);
/* The original's slug: NFD, blanks to '-', others than [A-Za-z0-9_-] dropped, '_' to '-', runs
 * collapsed, lower case. */
cdz_str cdz_slug(cdz_str s, struct cdz_arena *arena);
/* "/ns/as/path/flow-slug/executions/<id>" and below: the folders of reference/servers-and-config.md
 * §8. */
cdz_str cdz_path_execution(cdz_str namespace_, cdz_str flow, cdz_str execution,
                           struct cdz_arena *arena);
cdz_str cdz_path_taskrun(cdz_str namespace_, cdz_str flow, cdz_str execution, cdz_str task,
                         cdz_str taskrun, struct cdz_arena *arena);
cdz_str cdz_path_input(cdz_str namespace_, cdz_str flow, cdz_str execution, cdz_str input,
                       cdz_str file, struct cdz_arena *arena);
/* "/ns/as/path/_kv": the folder of a namespace's key-value store (kv/kv.h). */
cdz_str cdz_path_kv(cdz_str namespace_, struct cdz_arena *arena);
/* "/ns/as/path", or "/ns/as/path/flow-slug" when flow is not empty. */
cdz_str cdz_path_flow(cdz_str namespace_, cdz_str flow, struct cdz_arena *arena);
cdz_str cdz_path_namespace_file(cdz_str namespace_, cdz_str path, struct cdz_arena *arena);

#endif
