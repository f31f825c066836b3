/* storage.c -- the checks that every call of the storage needs, once for all backends. */
#include "port/storage.h"

#include <assert.h>

enum { PATH_BYTES_MAX = 4000, PART_BYTES_MAX = 255 /* NAME_MAX of Linux file systems */ };

/* Why a path is refused, or NULL. What passes is safe to hand to openat part by part. */
static const char *path_flaw(cdz_str path)
{
    if (path.n == 0 || path.p[0] != '/')
        return "is not absolute";
    if (path.n > PATH_BYTES_MAX)
        return "is too long";
    if (!cdz_utf8_valid(path))
        return "is not UTF-8";
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (c < 0x20 || c == 0x7f || c == '\\')
            return "has a control character or a backslash";
    }
    if (path.n == 1)
        return NULL; /* the root */
    for (size_t from = 1; from <= path.n;) {
        size_t to = cdz_str_chr(path, '/', from);
        if (to == SIZE_MAX)
            to = path.n;
        cdz_str part = cdz_str_sub(path, from, to);
        if (part.n == 0)
            return "has an empty part";
        if (cdz_str_is(part, ".") || cdz_str_is(part, ".."))
            return "has a \".\" or \"..\" part";
        if (part.n > PART_BYTES_MAX)
            return "has a part that is too long";
        from = to + 1;
    }
    return NULL;
}

static cdz_rc check(cdz_str path, struct cdz_err *err)
{
    const char *flaw = path_flaw(path);
    if (flaw)
        return cdz_fail(err, CDZ_E_INVALID, "the path \"%.*s\" %s",
                        CDZ_S(cdz_str_sub(path, 0, 200)), flaw);
    return CDZ_OK;
}

/* The same for calls that make no sense on the root. */
static cdz_rc check_below(cdz_str path, struct cdz_err *err)
{
    CDZ_TRY(check(path, err));
    if (path.n == 1)
        return cdz_fail(err, CDZ_E_INVALID, "the path \"/\" is the whole store");
    return CDZ_OK;
}

cdz_rc cdz_storage_get(struct cdz_storage *s, cdz_str path, size_t max, struct cdz_arena *arena,
                       cdz_str *ret, struct cdz_err *err)
{
    assert(s && arena && ret);
    CDZ_TRY(check_below(path, err));
    return s->ops->get(s, path, max, arena, ret, err);
}

cdz_rc cdz_storage_put(struct cdz_storage *s, cdz_str path, cdz_str bytes, struct cdz_err *err)
{
    assert(s && s->ops->put);
    CDZ_TRY(check_below(path, err));
    return s->ops->put(s, path, bytes, err);
}

cdz_rc cdz_storage_get_file(struct cdz_storage *s, cdz_str path, int to_fd, struct cdz_err *err)
{
    assert(s && to_fd >= 0);
    CDZ_TRY(check_below(path, err));
    return s->ops->get_file(s, path, to_fd, err);
}

cdz_rc cdz_storage_put_file(struct cdz_storage *s, cdz_str path, int from_fd, struct cdz_err *err)
{
    assert(s && from_fd >= 0);
    CDZ_TRY(check_below(path, err));
    return s->ops->put_file(s, path, from_fd, err);
}

cdz_rc cdz_storage_open(struct cdz_storage *s, cdz_str path, int *ret_fd, uint64_t *ret_size,
                        struct cdz_err *err)
{
    assert(s && ret_fd && ret_size);
    CDZ_TRY(check_below(path, err));
    return s->ops->open(s, path, ret_fd, ret_size, err);
}

cdz_rc cdz_storage_info(struct cdz_storage *s, cdz_str path, struct cdz_arena *arena,
                        struct cdz_file_info *ret, struct cdz_err *err)
{
    assert(s && arena && ret);
    CDZ_TRY(check(path, err));
    return s->ops->info(s, path, arena, ret, err);
}

cdz_rc cdz_storage_list(struct cdz_storage *s, cdz_str path, bool recursive,
                        struct cdz_arena *arena, struct cdz_file_info **ret, size_t *ret_n,
                        struct cdz_err *err)
{
    assert(s && arena && ret && ret_n);
    CDZ_TRY(check(path, err));
    return s->ops->list(s, path, recursive, arena, ret, ret_n, err);
}

cdz_rc cdz_storage_move(struct cdz_storage *s, cdz_str from, cdz_str to, struct cdz_err *err)
{
    assert(s && s->ops->move);
    CDZ_TRY(check_below(from, err));
    CDZ_TRY(check_below(to, err));
    if (to.n > from.n && cdz_str_starts(to, from) && to.p[from.n] == '/')
        return cdz_fail(err, CDZ_E_INVALID, "\"%.*s\" cannot be moved into itself", CDZ_S(from));
    return s->ops->move(s, from, to, err);
}

cdz_rc cdz_storage_mkdir(struct cdz_storage *s, cdz_str path, struct cdz_err *err)
{
    assert(s && s->ops->mkdir);
    CDZ_TRY(check_below(path, err));
    return s->ops->mkdir(s, path, err);
}

cdz_rc cdz_storage_del(struct cdz_storage *s, cdz_str path, struct cdz_err *err)
{
    assert(s && s->ops->del);
    CDZ_TRY(check_below(path, err));
    return s->ops->del(s, path, err);
}

void cdz_storage_close(struct cdz_storage *s)
{
    if (s)
        s->ops->close(s);
}
