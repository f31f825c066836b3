/* mem.c -- the store in memory, for tests and the simulator: a sorted array of files and
 * directories. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "storage/backends.h"

struct node {
    cdz_str path, bytes; /* own heap blocks */
    bool is_dir;
    cdz_us modified; /* a counter, not a clock: the simulator wants the same every time */
};

struct mem_storage {
    struct cdz_storage base; /* must be first */
    pthread_mutex_t mutex;   /* guards all below */
    struct node *v;          /* by path */
    size_t n, cap;
    cdz_us changes;
};

static struct mem_storage *lock(struct cdz_storage *s)
{
    struct mem_storage *m = (struct mem_storage *)s;
    pthread_mutex_lock(&m->mutex);
    return m;
}

static cdz_rc unlock(struct mem_storage *m, cdz_rc rc)
{
    pthread_mutex_unlock(&m->mutex);
    return rc;
}

static cdz_str own(cdz_str s)
{
    char *p = malloc(s.n + 1);
    if (!p)
        abort();
    if (s.n)
        memcpy(p, s.p, s.n);
    return (cdz_str){p, s.n};
}

static void disown(cdz_str s)
{
    union {
        const char *borrowed;
        char *owned;
    } p = {.borrowed = s.p};
    free(p.owned);
}

static size_t lower_bound(const struct mem_storage *m, cdz_str path)
{
    size_t from = 0, to = m->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (cdz_str_cmp(m->v[mid].path, path) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static struct node *find(const struct mem_storage *m, cdz_str path)
{
    size_t at = lower_bound(m, path);
    return at < m->n && cdz_str_eq(m->v[at].path, path) ? &m->v[at] : NULL;
}

static bool is_below(cdz_str path, cdz_str dir)
{
    return dir.n == 1 || (path.n > dir.n && cdz_str_starts(path, dir) && path.p[dir.n] == '/');
}

static void node_remove(struct mem_storage *m, size_t at)
{
    disown(m->v[at].path);
    disown(m->v[at].bytes);
    memmove(m->v + at, m->v + at + 1, (--m->n - at) * sizeof(*m->v));
}

/* Adds or replaces a node; a file never replaces a directory, nor the other way round. */
static cdz_rc node_put(struct mem_storage *m, cdz_str path, cdz_str bytes, bool is_dir,
                       struct cdz_err *err)
{
    struct node *old = find(m, path);
    if (old && old->is_dir != is_dir)
        return is_dir ? cdz_fail(err, CDZ_E_CONFLICT, "\"%.*s\" exists already", CDZ_S(path))
                      : cdz_fail(err, CDZ_E_INVALID, "\"%.*s\" is a directory", CDZ_S(path));
    if (old) {
        cdz_str copy = own(bytes);
        disown(old->bytes);
        old->bytes = copy;
        old->modified = ++m->changes;
        return CDZ_OK;
    }
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 16;
        m->v = realloc(m->v, m->cap * sizeof(*m->v));
        if (!m->v)
            abort();
    }
    size_t at = lower_bound(m, path);
    memmove(m->v + at + 1, m->v + at, (m->n++ - at) * sizeof(*m->v));
    m->v[at] = (struct node){own(path), own(bytes), is_dir, ++m->changes};
    return CDZ_OK;
}

static cdz_rc make_parents(struct mem_storage *m, cdz_str path, struct cdz_err *err)
{
    for (size_t to = cdz_str_chr(path, '/', 1); to != SIZE_MAX;
         to = cdz_str_chr(path, '/', to + 1)) {
        cdz_str parent = cdz_str_sub(path, 0, to);
        struct node *node = find(m, parent);
        if (node && !node->is_dir)
            return cdz_fail(err, CDZ_E_CONFLICT, "a part of \"%.*s\" is a file", CDZ_S(path));
        if (!node)
            CDZ_TRY(node_put(m, parent, CDZ_STR(""), true, err));
    }
    return CDZ_OK;
}

static cdz_rc find_file(struct mem_storage *m, cdz_str path, struct node **ret, struct cdz_err *err)
{
    struct node *node = find(m, path);
    if (!node)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "the file \"%.*s\" does not exist", CDZ_S(path));
    if (node->is_dir)
        return cdz_fail(err, CDZ_E_INVALID, "\"%.*s\" is a directory", CDZ_S(path));
    *ret = node;
    return CDZ_OK;
}

static cdz_rc mem_get(struct cdz_storage *s, cdz_str path, size_t max, struct cdz_arena *arena,
                      cdz_str *ret, struct cdz_err *err)
{
    struct mem_storage *m = lock(s);
    struct node *node = NULL;
    cdz_rc rc = find_file(m, path, &node, err);
    if (rc == CDZ_OK && node->bytes.n > max)
        rc = cdz_fail(err, CDZ_E_TOO_LARGE, "the file \"%.*s\" has %zu bytes, %zu are allowed",
                      CDZ_S(path), node->bytes.n, max);
    if (rc == CDZ_OK)
        *ret = cdz_arena_str(arena, node->bytes);
    return unlock(m, rc);
}

static cdz_rc mem_put(struct cdz_storage *s, cdz_str path, cdz_str bytes, struct cdz_err *err)
{
    struct mem_storage *m = lock(s);
    cdz_rc rc = make_parents(m, path, err);
    if (rc == CDZ_OK)
        rc = node_put(m, path, bytes, false, err);
    return unlock(m, rc);
}

static cdz_rc write_all(int fd, cdz_str bytes, cdz_str path, struct cdz_err *err)
{
    while (bytes.n) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cdz_fail_errno(err, errno, "write", "the bytes of \"%.*s\" cannot be written",
                                  CDZ_S(path));
        bytes = cdz_str_sub(bytes, (size_t)n, bytes.n);
    }
    return CDZ_OK;
}

static cdz_rc mem_get_file(struct cdz_storage *s, cdz_str path, int to_fd, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str bytes;
    CDZ_TRY(mem_get(s, path, SIZE_MAX, arena, &bytes, err)); /* a copy: writing may block */
    return write_all(to_fd, bytes, path, err);
}

static cdz_rc mem_put_file(struct cdz_storage *s, cdz_str path, int from_fd, struct cdz_err *err)
{
    struct cdz_buf CDZ_AUTO_BUF bytes = CDZ_BUF_INIT;
    for (;;) {
        char *room = cdz_buf_room(&bytes, 1 << 16);
        ssize_t n = read(from_fd, room, 1 << 16);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cdz_fail_errno(err, errno, "read", "the bytes of \"%.*s\" cannot be read",
                                  CDZ_S(path));
        if (n == 0)
            break;
        bytes.n += (size_t)n;
    }
    return mem_put(s, path, cdz_buf_get(&bytes), err);
}

static cdz_rc mem_open(struct cdz_storage *s, cdz_str path, int *ret_fd, uint64_t *ret_size,
                       struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str bytes;
    CDZ_TRY(mem_get(s, path, SIZE_MAX, arena, &bytes, err));
    int fd = memfd_create("cadenza", MFD_CLOEXEC);
    if (fd < 0)
        return cdz_fail_errno(err, errno, "memfd_create", "the file \"%.*s\" cannot be opened",
                              CDZ_S(path));
    cdz_rc rc = write_all(fd, bytes, path, err);
    if (rc == CDZ_OK && lseek(fd, 0, SEEK_SET) != 0)
        rc = cdz_fail_errno(err, errno, "lseek", "the file \"%.*s\" cannot be opened", CDZ_S(path));
    if (rc != CDZ_OK) {
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    *ret_size = bytes.n;
    return CDZ_OK;
}

static struct cdz_file_info info_of(const struct node *node, struct cdz_arena *arena)
{
    return (struct cdz_file_info){cdz_arena_str(arena, node->path), node->is_dir, node->bytes.n,
                                  node->modified};
}

static cdz_rc mem_info(struct cdz_storage *s, cdz_str path, struct cdz_arena *arena,
                       struct cdz_file_info *ret, struct cdz_err *err)
{
    struct mem_storage *m = lock(s);
    const struct node *node = find(m, path);
    if (!node && path.n > 1)
        return unlock(
            m, cdz_fail(err, CDZ_E_NOT_FOUND, "the file \"%.*s\" does not exist", CDZ_S(path)));
    *ret =
        node ? info_of(node, arena) : (struct cdz_file_info){.path = CDZ_STR("/"), .is_dir = true};
    return unlock(m, CDZ_OK);
}

static cdz_rc mem_list(struct cdz_storage *s, cdz_str path, bool recursive, struct cdz_arena *arena,
                       struct cdz_file_info **ret, size_t *ret_n, struct cdz_err *err)
{
    struct mem_storage *m = lock(s);
    CDZ_VEC(struct cdz_file_info) found = {0};
    (void)err;
    for (size_t i = lower_bound(m, path); i < m->n; i++) {
        if (!cdz_str_starts(m->v[i].path, path))
            break;
        if (!is_below(m->v[i].path, path))
            continue;
        size_t rest = path.n == 1 ? 1 : path.n + 1;
        if (recursive || cdz_str_chr(m->v[i].path, '/', rest) == SIZE_MAX)
            CDZ_PUSH(arena, &found, info_of(&m->v[i], arena));
    }
    *ret = found.v;
    *ret_n = found.n;
    return unlock(m, CDZ_OK);
}

static void remove_all(struct mem_storage *m, cdz_str path)
{
    for (size_t i = m->n; i > 0; i--) {
        if (cdz_str_eq(m->v[i - 1].path, path) || is_below(m->v[i - 1].path, path))
            node_remove(m, i - 1);
    }
}

/* The rules of rename(2): a file replaces a file, a directory an empty directory. */
static cdz_rc check_move(struct mem_storage *m, cdz_str from, cdz_str to, struct cdz_err *err)
{
    const struct node *a = find(m, from), *b = find(m, to);
    if (!a)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "the file \"%.*s\" does not exist", CDZ_S(from));
    bool is_full = false;
    for (size_t i = 0; i < m->n && b && b->is_dir; i++)
        is_full = is_full || is_below(m->v[i].path, to);
    if (b && (a->is_dir != b->is_dir || is_full))
        return cdz_fail(err, CDZ_E_CONFLICT, "\"%.*s\" exists already", CDZ_S(to));
    return make_parents(m, to, err);
}

static cdz_rc mem_move(struct cdz_storage *s, cdz_str from, cdz_str to, struct cdz_err *err)
{
    struct mem_storage *m = lock(s);
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_VEC(struct node) moved = {0};
    cdz_rc rc = check_move(m, from, to, err);
    if (rc != CDZ_OK || cdz_str_eq(from, to))
        return unlock(m, rc);
    for (size_t i = 0; i < m->n; i++) {
        const struct node *node = &m->v[i];
        if (!cdz_str_eq(node->path, from) && !is_below(node->path, from))
            continue;
        cdz_str rest = cdz_str_sub(node->path, from.n, node->path.n);
        struct node copy = {cdz_arena_printf(arena, "%.*s%.*s", CDZ_S(to), CDZ_S(rest)),
                            cdz_arena_str(arena, node->bytes), node->is_dir, 0};
        CDZ_PUSH(arena, &moved, copy);
    }
    remove_all(m, from);
    for (size_t i = 0; rc == CDZ_OK && i < moved.n; i++)
        rc = node_put(m, moved.v[i].path, moved.v[i].bytes, moved.v[i].is_dir, err);
    return unlock(m, rc);
}

static cdz_rc mem_mkdir(struct cdz_storage *s, cdz_str path, struct cdz_err *err)
{
    struct mem_storage *m = lock(s);
    cdz_rc rc = make_parents(m, path, err);
    if (rc == CDZ_OK)
        rc = node_put(m, path, CDZ_STR(""), true, err);
    return unlock(m, rc);
}

static cdz_rc mem_del(struct cdz_storage *s, cdz_str path, struct cdz_err *err)
{
    struct mem_storage *m = lock(s);
    (void)err;
    remove_all(m, path);
    return unlock(m, CDZ_OK);
}

static void mem_close(struct cdz_storage *s)
{
    struct mem_storage *m = (struct mem_storage *)s;
    while (m->n)
        node_remove(m, m->n - 1);
    free(m->v);
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

static const struct cdz_storage_ops ops = {
    .name = "memory",
    .get = mem_get,
    .put = mem_put,
    .get_file = mem_get_file,
    .put_file = mem_put_file,
    .open = mem_open,
    .info = mem_info,
    .list = mem_list,
    .move = mem_move,
    .mkdir = mem_mkdir,
    .del = mem_del,
    .close = mem_close,
};

struct cdz_storage *cdz_storage_mem_open(void)
{
    struct mem_storage *m = calloc(1, sizeof(*m));
    if (!m)
        abort();
    m->base.ops = &ops;
    pthread_mutex_init(&m->mutex, NULL);
    return &m->base;
}
