/* trace.c -- reports every call of another store as one line. */
#include "storage/backends.h"

struct trace_storage {
    struct cdz_storage base; /* must be first */
    struct cdz_storage *inner;
    void (*line)(void *ctx, cdz_str line);
    void *ctx;
};

static struct cdz_storage *inner_of(struct cdz_storage *s)
{
    return ((struct trace_storage *)s)->inner;
}

static cdz_rc report(struct cdz_storage *s, const char *call, cdz_str path, cdz_rc rc)
{
    struct trace_storage *t = (struct trace_storage *)s;
    char line[512];
    snprintf(line, sizeof(line), "%s path=%.*s rc=%s", call, CDZ_S(path), cdz_rc_name(rc));
    t->line(t->ctx, cdz_str_z(line));
    return rc;
}

static cdz_rc trace_get(struct cdz_storage *s, cdz_str path, size_t max, struct cdz_arena *arena,
                        cdz_str *ret, struct cdz_err *err)
{
    return report(s, "get", path, inner_of(s)->ops->get(inner_of(s), path, max, arena, ret, err));
}

static cdz_rc trace_put(struct cdz_storage *s, cdz_str path, cdz_str bytes, struct cdz_err *err)
{
    return report(s, "put", path, inner_of(s)->ops->put(inner_of(s), path, bytes, err));
}

static cdz_rc trace_get_file(struct cdz_storage *s, cdz_str path, int to_fd, struct cdz_err *err)
{
    return report(s, "get_file", path, inner_of(s)->ops->get_file(inner_of(s), path, to_fd, err));
}

static cdz_rc trace_put_file(struct cdz_storage *s, cdz_str path, int from_fd, struct cdz_err *err)
{
    return report(s, "put_file", path, inner_of(s)->ops->put_file(inner_of(s), path, from_fd, err));
}

static cdz_rc trace_open(struct cdz_storage *s, cdz_str path, int *ret_fd, uint64_t *ret_size,
                         struct cdz_err *err)
{
    return report(s, "open", path,
                  inner_of(s)->ops->open(inner_of(s), path, ret_fd, ret_size, err));
}

static cdz_rc trace_info(struct cdz_storage *s, cdz_str path, struct cdz_arena *arena,
                         struct cdz_file_info *ret, struct cdz_err *err)
{
    return report(s, "info", path, inner_of(s)->ops->info(inner_of(s), path, arena, ret, err));
}

static cdz_rc trace_list(struct cdz_storage *s, cdz_str path, bool recursive,
                         struct cdz_arena *arena, struct cdz_file_info **ret, size_t *ret_n,
                         struct cdz_err *err)
{
    return report(s, "list", path,
                  inner_of(s)->ops->list(inner_of(s), path, recursive, arena, ret, ret_n, err));
}

static cdz_rc trace_move(struct cdz_storage *s, cdz_str from, cdz_str to, struct cdz_err *err)
{
    return report(s, "move", from, inner_of(s)->ops->move(inner_of(s), from, to, err));
}

static cdz_rc trace_mkdir(struct cdz_storage *s, cdz_str path, struct cdz_err *err)
{
    return report(s, "mkdir", path, inner_of(s)->ops->mkdir(inner_of(s), path, err));
}

static cdz_rc trace_del(struct cdz_storage *s, cdz_str path, struct cdz_err *err)
{
    return report(s, "del", path, inner_of(s)->ops->del(inner_of(s), path, err));
}

static void trace_close(struct cdz_storage *s)
{
    inner_of(s)->ops->close(inner_of(s));
    free(s);
}

static const struct cdz_storage_ops ops = {
    .name = "trace",
    .get = trace_get,
    .put = trace_put,
    .get_file = trace_get_file,
    .put_file = trace_put_file,
    .open = trace_open,
    .info = trace_info,
    .list = trace_list,
    .move = trace_move,
    .mkdir = trace_mkdir,
    .del = trace_del,
    .close = trace_close,
};

struct cdz_storage *cdz_storage_trace_open(struct cdz_storage *inner,
                                           void (*line)(void *ctx, cdz_str line), void *ctx)
{
    struct trace_storage *w = calloc(1, sizeof(*w));
    if (!w)
        abort();
    w->base.ops = &ops;
    w->inner = inner;
    w->line = line;
    w->ctx = ctx;
    return &w->base;
}
