/*
 * local.c -- the store in a directory of the local file system.
 *
 * Every file is written under a random name in `<base>/.cadenza-tmp` (the same file system),
 * synced, renamed to its place, and the directory of that place is synced: a reader sees old or
 * new, and what put acknowledged survives a power cut. A tree is deleted by renaming it into the
 * same directory first, so that it vanishes at once.
 *
 * Paths are opened with openat2(RESOLVE_BENEATH | NO_SYMLINKS | NO_MAGICLINKS) relative to the base
 * directory: no link that somebody has put into the store leads out of it.
 *
 * Threads: any; the object never changes after it was opened.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/id.h"
#include "base/time.h"
#include "storage/backends.h"

#define TMP_NAME ".cadenza-tmp"
enum {
    TMP_KEPT_S = 24 * 3600, /* what a crash has left is removed when it is older: another process
                               may be writing */
    DEPTH_MAX = 256, /* of directories that are listed or deleted (a path has at most 4000 bytes) */
    COPY_BYTES = 1 << 16,
};

struct local {
    struct cdz_storage base; /* must be first */
    int dir;                 /* the base directory */
    int tmp;                 /* <base>/.cadenza-tmp */
};

static struct local *self(struct cdz_storage *s)
{
    return (struct local *)s;
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define AUTO_FD __attribute__((cleanup(close_fd))) int

/* A path relative to the base, as a C string: "." for the root. */
static const char *relative(cdz_str path, struct cdz_arena *arena)
{
    return path.n == 1 ? "." : cdz_arena_z(arena, cdz_str_sub(path, 1, path.n));
}

static int open_beneath(int dir, const char *path, int flags)
{
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC | O_NOFOLLOW,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd;
    do
        fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
    while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    return (int)fd;
}

/* errno of a failed call on path, as our error. */
static cdz_rc fail(struct cdz_err *err, int number, const char *call, cdz_str path)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return cdz_fail(err, CDZ_E_NOT_FOUND, "the file \"%.*s\" does not exist", CDZ_S(path));
    case ELOOP:
    case EXDEV:
        return cdz_fail(err, CDZ_E_INVALID, "the path \"%.*s\" has a symbolic link", CDZ_S(path));
    case EISDIR:
        return cdz_fail(err, CDZ_E_INVALID, "\"%.*s\" is a directory", CDZ_S(path));
    case ENOTEMPTY:
    case EEXIST:
        return cdz_fail(err, CDZ_E_CONFLICT, "\"%.*s\" exists already", CDZ_S(path));
    case ENAMETOOLONG:
        return cdz_fail(err, CDZ_E_INVALID, "the path \"%.*s\" is too long", CDZ_S(path));
    default:
        return cdz_fail_errno(err, number, call, "the file \"%.*s\" is not accessible",
                              CDZ_S(path));
    }
}

static bool is_reserved(cdz_str path)
{
    cdz_str tmp = CDZ_STR("/" TMP_NAME);
    return cdz_str_starts(path, tmp) && (path.n == tmp.n || path.p[tmp.n] == '/');
}

static cdz_rc check(cdz_str path, struct cdz_err *err)
{
    if (is_reserved(path))
        return cdz_fail(err, CDZ_E_INVALID, "the path \"%.*s\" is reserved", CDZ_S(path));
    return CDZ_OK;
}

/* "/a/b" into "/a" and "b". */
static cdz_str parent_of(cdz_str path, cdz_str *ret_name)
{
    size_t slash = path.n;
    while (path.p[slash - 1] != '/')
        slash--;
    *ret_name = cdz_str_sub(path, slash, path.n);
    return slash == 1 ? CDZ_STR("/") : cdz_str_sub(path, 0, slash - 1);
}

/* Opens a directory, making it and its parents if they are missing; each new name is synced into
 * its parent. */
static int make_dirs(int base, cdz_str path, struct cdz_arena *arena)
{
    int dir = open_beneath(base, relative(path, arena), O_RDONLY | O_DIRECTORY);
    if (dir >= 0 || errno != ENOENT)
        return dir;
    dir = open_beneath(base, ".", O_RDONLY | O_DIRECTORY);
    for (size_t from = 1; dir >= 0 && from < path.n;) {
        size_t to = cdz_str_chr(path, '/', from);
        const char *part = cdz_arena_z(arena, cdz_str_sub(path, from, to));
        bool made = mkdirat(dir, part, 0750) == 0;
        int failed = made || errno == EEXIST ? 0 : errno;
        int below = failed ? -1 : open_beneath(dir, part, O_RDONLY | O_DIRECTORY);
        failed = failed ? failed : below < 0 ? errno : 0;
        if (!failed && made && fsync(dir) != 0)
            failed = errno;
        close(dir);
        dir = below;
        if (failed) {
            if (below >= 0)
                close(below);
            errno = failed;
            return -1;
        }
        from = to == SIZE_MAX ? path.n : to + 1;
    }
    return dir;
}

/* Opens the directory that holds path; *ret_name is the last part. */
static cdz_rc open_parent(struct local *l, cdz_str path, bool make, struct cdz_arena *arena,
                          int *ret_dir, const char **ret_name, struct cdz_err *err)
{
    cdz_str name, parent = parent_of(path, &name);
    int dir = make ? make_dirs(l->dir, parent, arena)
                   : open_beneath(l->dir, relative(parent, arena), O_RDONLY | O_DIRECTORY);
    if (dir < 0 && make && errno == ENOTDIR)
        return cdz_fail(err, CDZ_E_CONFLICT, "a part of \"%.*s\" is a file", CDZ_S(path));
    if (dir < 0)
        return fail(err, errno, "openat2", path);
    *ret_dir = dir;
    *ret_name = cdz_arena_z(arena, name);
    return CDZ_OK;
}

/* A regular file for reading. O_NONBLOCK: a pipe that somebody put there must not hold us. */
static cdz_rc open_file(struct local *l, cdz_str path, int *ret_fd, struct stat *ret_stat,
                        struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_TRY(check(path, err));
    int fd = open_beneath(l->dir, relative(path, arena), O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return fail(err, errno, "openat2", path);
    if (fstat(fd, ret_stat) != 0 || !S_ISREG(ret_stat->st_mode)) {
        bool is_dir = S_ISDIR(ret_stat->st_mode);
        close(fd);
        return cdz_fail(err, CDZ_E_INVALID, "\"%.*s\" is %s", CDZ_S(path),
                        is_dir ? "a directory" : "not a file");
    }
    *ret_fd = fd;
    return CDZ_OK;
}

static cdz_rc local_get(struct cdz_storage *s, cdz_str path, size_t max, struct cdz_arena *arena,
                        cdz_str *ret, struct cdz_err *err)
{
    AUTO_FD fd = -1;
    struct stat st;
    CDZ_TRY(open_file(self(s), path, &fd, &st, err));
    if ((uint64_t)st.st_size > max)
        return cdz_fail(err, CDZ_E_TOO_LARGE, "the file \"%.*s\" has %lld bytes, %zu are allowed",
                        CDZ_S(path), (long long)st.st_size, max);
    size_t want = (size_t)st.st_size, n = 0;
    char *p = cdz_arena_alloc(arena, want + 1);
    while (n < want) {
        ssize_t got = read(fd, p + n, want - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(err, errno, "read", path);
        if (got == 0)
            break;
        n += (size_t)got;
    }
    p[n] = 0;
    *ret = (cdz_str){p, n};
    return CDZ_OK;
}

static cdz_rc write_all(int fd, const char *p, size_t n, cdz_str path, struct cdz_err *err)
{
    while (n > 0) {
        ssize_t wrote = write(fd, p, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return cdz_fail_errno(err, errno, "write", "the file \"%.*s\" cannot be written",
                                  CDZ_S(path));
        p += wrote;
        n -= (size_t)wrote;
    }
    return CDZ_OK;
}

/* From one descriptor to the other, to the end. */
static cdz_rc copy_all(int from, int to, cdz_str path, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(COPY_BYTES);
    char *buf = cdz_arena_alloc(arena, COPY_BYTES);
    for (;;) {
        ssize_t n = read(from, buf, COPY_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cdz_fail_errno(err, errno, "read", "the bytes of \"%.*s\" cannot be read",
                                  CDZ_S(path));
        if (n == 0)
            return CDZ_OK;
        CDZ_TRY(write_all(to, buf, (size_t)n, path, err));
    }
}

enum { TMP_TEXT = 40 };

static void tmp_name(char ret[TMP_TEXT])
{
    unsigned long long a = cdz_random_u64(), b = cdz_random_u64();
    snprintf(ret, TMP_TEXT, "%016llx%016llx", a, b);
}

/* Syncs the temporary file and gives it its name. */
static cdz_rc publish(struct local *l, int fd, const char *tmp, cdz_str path, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    AUTO_FD dir = -1;
    const char *name;
    if (fsync(fd) != 0)
        return cdz_fail_errno(err, errno, "fsync", "the file \"%.*s\" cannot be written",
                              CDZ_S(path));
    CDZ_TRY(open_parent(l, path, true, arena, &dir, &name, err));
    if (renameat(l->tmp, tmp, dir, name) != 0)
        return fail(err, errno, "renameat", path);
    if (fsync(dir) != 0)
        return cdz_fail_errno(err, errno, "fsync", "the directory of \"%.*s\" cannot be written",
                              CDZ_S(path));
    return CDZ_OK;
}

/* Writes bytes, or what from_fd gives when it is not negative. */
static cdz_rc put(struct local *l, cdz_str path, cdz_str bytes, int from_fd, struct cdz_err *err)
{
    char tmp[TMP_TEXT];
    CDZ_TRY(check(path, err));
    tmp_name(tmp);
    AUTO_FD fd = openat(l->tmp, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return cdz_fail_errno(err, errno, "openat", "the file \"%.*s\" cannot be written",
                              CDZ_S(path));
    cdz_rc rc =
        from_fd < 0 ? write_all(fd, bytes.p, bytes.n, path, err) : copy_all(from_fd, fd, path, err);
    if (rc == CDZ_OK)
        rc = publish(l, fd, tmp, path, err);
    if (rc != CDZ_OK)
        (void)unlinkat(l->tmp, tmp, 0); /* gone already when only the last sync failed */
    return rc;
}

static cdz_rc local_put(struct cdz_storage *s, cdz_str path, cdz_str bytes, struct cdz_err *err)
{
    return put(self(s), path, bytes, -1, err);
}

static cdz_rc local_put_file(struct cdz_storage *s, cdz_str path, int from_fd, struct cdz_err *err)
{
    return put(self(s), path, CDZ_STR(""), from_fd, err);
}

static cdz_rc local_get_file(struct cdz_storage *s, cdz_str path, int to_fd, struct cdz_err *err)
{
    AUTO_FD fd = -1;
    struct stat st;
    CDZ_TRY(open_file(self(s), path, &fd, &st, err));
    return copy_all(fd, to_fd, path, err);
}

static cdz_rc local_open(struct cdz_storage *s, cdz_str path, int *ret_fd, uint64_t *ret_size,
                         struct cdz_err *err)
{
    struct stat st;
    CDZ_TRY(open_file(self(s), path, ret_fd, &st, err));
    *ret_size = (uint64_t)st.st_size;
    return CDZ_OK;
}

static struct cdz_file_info info_of(cdz_str path, const struct stat *st)
{
    bool is_dir = S_ISDIR(st->st_mode);
    return (struct cdz_file_info){
        .path = path,
        .is_dir = is_dir,
        .size = is_dir ? 0 : (uint64_t)st->st_size,
        .modified = (cdz_us)st->st_mtim.tv_sec * CDZ_SECOND + st->st_mtim.tv_nsec / 1000,
    };
}

static cdz_rc local_info(struct cdz_storage *s, cdz_str path, struct cdz_arena *arena,
                         struct cdz_file_info *ret, struct cdz_err *err)
{
    struct stat st;
    CDZ_TRY(check(path, err));
    AUTO_FD fd = open_beneath(self(s)->dir, relative(path, arena), O_PATH);
    if (fd < 0)
        return fail(err, errno, "openat2", path);
    if (fstat(fd, &st) != 0)
        return fail(err, errno, "fstat", path);
    if (S_ISLNK(st.st_mode)) /* O_PATH | O_NOFOLLOW opens the link itself */
        return fail(err, ELOOP, "fstat", path);
    *ret = info_of(cdz_arena_str(arena, path), &st);
    return CDZ_OK;
}

struct listing {
    struct cdz_arena *arena;
    CDZ_VEC(struct cdz_file_info) found;
    bool recursive;
};

/* Takes fd. Links and devices are left out; names that vanish meanwhile, too. */
static cdz_rc list_dir(struct listing *ls, int take_fd, cdz_str path, unsigned depth,
                       struct cdz_err *err)
{
    cdz_rc rc = CDZ_OK;
    DIR *dir = fdopendir(take_fd);
    if (!dir) {
        int failed = errno;
        close(take_fd);
        return fail(err, failed, "fdopendir", path);
    }
    for (struct dirent *entry; rc == CDZ_OK && (entry = readdir(dir));) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (path.n == 1 && strcmp(entry->d_name, TMP_NAME) == 0)
            continue;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
            continue;
        cdz_str child = cdz_arena_printf(ls->arena, "%.*s/%s",
                                         CDZ_S(path.n == 1 ? CDZ_STR("") : path), entry->d_name);
        CDZ_PUSH(ls->arena, &ls->found, info_of(child, &st));
        if (!ls->recursive || !S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
            continue;
        int below = open_beneath(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY);
        if (below >= 0)
            rc = list_dir(ls, below, child, depth + 1, err);
    }
    closedir(dir);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    return cdz_str_cmp(((const struct cdz_file_info *)a)->path,
                       ((const struct cdz_file_info *)b)->path);
}

static cdz_rc local_list(struct cdz_storage *s, cdz_str path, bool recursive,
                         struct cdz_arena *arena, struct cdz_file_info **ret, size_t *ret_n,
                         struct cdz_err *err)
{
    struct listing ls = {.arena = arena, .recursive = recursive};
    CDZ_TRY(check(path, err));
    int fd = open_beneath(self(s)->dir, relative(path, arena), O_RDONLY | O_DIRECTORY);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
        return fail(err, errno, "openat2", path);
    if (fd >= 0)
        CDZ_TRY(list_dir(&ls, fd, path, 1, err));
    if (ls.found.n)
        qsort(ls.found.v, ls.found.n, sizeof(*ls.found.v), by_path);
    *ret = ls.found.v;
    *ret_n = ls.found.n;
    return CDZ_OK;
}

static cdz_rc local_move(struct cdz_storage *s, cdz_str from, cdz_str to, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    AUTO_FD from_dir = -1;
    AUTO_FD to_dir = -1;
    const char *from_name, *to_name;
    struct stat st;
    CDZ_TRY(check(from, err));
    CDZ_TRY(check(to, err));
    CDZ_TRY(open_parent(self(s), from, false, arena, &from_dir, &from_name, err));
    /* Before directories are made for it. */
    if (fstatat(from_dir, from_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(err, errno, "fstatat", from);
    CDZ_TRY(open_parent(self(s), to, true, arena, &to_dir, &to_name, err));
    if (renameat(from_dir, from_name, to_dir, to_name) != 0)
        return errno == EISDIR || errno == ENOTDIR ? fail(err, EEXIST, "renameat", to)
                                                   : fail(err, errno, "renameat", to);
    if (fsync(to_dir) != 0 || fsync(from_dir) != 0)
        return cdz_fail_errno(err, errno, "fsync", "the directory of \"%.*s\" cannot be written",
                              CDZ_S(to));
    return CDZ_OK;
}

static cdz_rc local_mkdir(struct cdz_storage *s, cdz_str path, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_TRY(check(path, err));
    AUTO_FD dir = make_dirs(self(s)->dir, path, arena);
    if (dir < 0)
        return errno == ENOTDIR ? fail(err, EEXIST, "mkdirat", path)
                                : fail(err, errno, "mkdirat", path);
    return CDZ_OK;
}

/* Removes name and all below it. Best effort: what stays is in the temporary directory and is tried
 * again later. */
static void remove_tree(int dir, const char *name, unsigned depth)
{
    if (unlinkat(dir, name, 0) == 0 || errno != EISDIR || depth > DEPTH_MAX)
        return;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (!list) {
        close_fd(&fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(list));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_tree(dirfd(list), entry->d_name, depth + 1);
    }
    closedir(list);
    (void)unlinkat(dir, name, AT_REMOVEDIR);
}

static cdz_rc local_del(struct cdz_storage *s, cdz_str path, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    AUTO_FD dir = -1;
    char tmp[TMP_TEXT];
    const char *name;
    CDZ_TRY(check(path, err));
    cdz_rc rc = open_parent(self(s), path, false, arena, &dir, &name, err);
    if (rc == CDZ_E_NOT_FOUND)
        return CDZ_OK;
    CDZ_TRY(rc);
    tmp_name(tmp);
    if (renameat(dir, name, self(s)->tmp, tmp) != 0)
        return errno == ENOENT ? CDZ_OK : fail(err, errno, "renameat", path);
    if (fsync(dir) != 0)
        return cdz_fail_errno(err, errno, "fsync", "the directory of \"%.*s\" cannot be written",
                              CDZ_S(path));
    remove_tree(self(s)->tmp, tmp, 1);
    return CDZ_OK;
}

static void local_close(struct cdz_storage *s)
{
    close_fd(&self(s)->dir);
    close_fd(&self(s)->tmp);
    free(s);
}

static const struct cdz_storage_ops ops = {
    .name = "local",
    .get = local_get,
    .put = local_put,
    .get_file = local_get_file,
    .put_file = local_put_file,
    .open = local_open,
    .info = local_info,
    .list = local_list,
    .move = local_move,
    .mkdir = local_mkdir,
    .del = local_del,
    .close = local_close,
};

/* Removes what crashes have left in the temporary directory. */
static void sweep(int tmp)
{
    int fd = openat(tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (!list) {
        close_fd(&fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(list));) {
        struct stat st;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            fstatat(tmp, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_ctim.tv_sec < now.tv_sec - TMP_KEPT_S)
            remove_tree(tmp, entry->d_name, 1);
    }
    closedir(list);
}

cdz_rc cdz_storage_local_open(const char *base, struct cdz_storage **ret, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct local *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    l->base.ops = &ops;
    l->tmp = -1;
    /* The base itself may be reached through links: it is the operator's choice. Its parents must
     * exist but one. */
    (void)mkdir(base, 0750);
    l->dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l->dir >= 0)
        l->tmp = make_dirs(l->dir, CDZ_STR("/" TMP_NAME), arena);
    if (l->tmp < 0) {
        cdz_rc rc =
            cdz_fail_errno(err, errno, "open", "the storage directory %s cannot be opened", base);
        local_close(&l->base);
        return rc;
    }
    sweep(l->tmp);
    *ret = &l->base;
    return CDZ_OK;
}
