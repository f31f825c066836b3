/* fault.c -- a store that fails on demand, around any other store: port/fault.h. */
#include "storage/backends.h"

struct fault_storage {
    struct cdz_storage base; /* must be first */
    struct cdz_storage *inner;
    struct cdz_fault *fault;
};

static struct cdz_storage *inner_of(struct cdz_storage *s)
{
    return ((struct fault_storage *)s)->inner;
}

static struct cdz_fault *fault_of(struct cdz_storage *s)
{
    return ((struct fault_storage *)s)->fault;
}

static cdz_rc fault_get(struct cdz_storage *s, cdz_str path, size_t max, struct cdz_arena *arena,
                        cdz_str *ret, struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(s), "get",
                   inner_of(s)->ops->get(inner_of(s), path, max, arena, ret, err));
}

static cdz_rc fault_put(struct cdz_storage *s, cdz_str path, cdz_str bytes, struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(s), "put", inner_of(s)->ops->put(inner_of(s), path, bytes, err));
}

static cdz_rc fault_get_file(struct cdz_storage *s, cdz_str path, int to_fd, struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(s), "get_file",
                   inner_of(s)->ops->get_file(inner_of(s), path, to_fd, err));
}

static cdz_rc fault_put_file(struct cdz_storage *s, cdz_str path, int from_fd, struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(s), "put_file",
                   inner_of(s)->ops->put_file(inner_of(s), path, from_fd, err));
}

static cdz_rc fault_open(struct cdz_storage *s, cdz_str path, int *ret_fd, uint64_t *ret_size,
                         struct cdz_err *err)
{
    /* Never "after": the descriptor would be lost. */
    if (cdz_fault_due(fault_of(s)))
        return cdz_fault_fail(err, "open");
    return inner_of(s)->ops->open(inner_of(s), path, ret_fd, ret_size, err);
}

static cdz_rc fault_info(struct cdz_storage *s, cdz_str path, struct cdz_arena *arena,
                         struct cdz_file_info *ret, struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(s), "info", inner_of(s)->ops->info(inner_of(s), path, arena, ret, err));
}

static cdz_rc fault_list(struct cdz_storage *s, cdz_str path, bool recursive,
                         struct cdz_arena *arena, struct cdz_file_info **ret, size_t *ret_n,
                         struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(s), "list",
                   inner_of(s)->ops->list(inner_of(s), path, recursive, arena, ret, ret_n, err));
}

static cdz_rc fault_move(struct cdz_storage *s, cdz_str from, cdz_str to, struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(s), "move", inner_of(s)->ops->move(inner_of(s), from, to, err));
}

static cdz_rc fault_mkdir(struct cdz_storage *s, cdz_str path, struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(s), "mkdir", inner_of(s)->ops->mkdir(inner_of(s), path, err));
}

static cdz_rc fault_del(struct cdz_storage *s, cdz_str path, struct cdz_err *err)
{
    CDZ_FAULT_CALL(fault_of(s), "del", inner_of(s)->ops->del(inner_of(s), path, err));
}

static void fault_close(struct cdz_storage *s)
{
    inner_of(s)->ops->close(inner_of(s));
    free(s);
}

static const struct cdz_storage_ops ops = {
    .name = "fault",
    .get = fault_get,
    .put = fault_put,
    .get_file = fault_get_file,
    .put_file = fault_put_file,
    .open = fault_open,
    .info = fault_info,
    .list = fault_list,
    .move = fault_move,
    .mkdir = fault_mkdir,
    .del = fault_del,
    .close = fault_close,
};

struct cdz_storage *cdz_storage_fault_open(struct cdz_storage *inner, struct cdz_fault *fault)
{
    struct fault_storage *w = calloc(1, sizeof(*w));
    if (!w)
        abort();
    w->base.ops = &ops;
    w->inner = inner;
    w->fault = fault;
    return &w->base;
}
