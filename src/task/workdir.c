/*
 * workdir.c -- see workdir.h.
 *
 * Every name is resolved by the kernel below the directory's descriptor and through no symbolic
 * link: what a script of an earlier attempt or a task beside it has put there cannot lead outside.
 */
#include "task/workdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "task/glob.h"
#include "task/sparedirs.h"

enum {
    DEPTH_MAX = 64,        /* folders in folders that are searched for output files */
    FILES_MAX = 100000,    /* files and folders that are searched */
    NAMES_MAX = 1000,      /* tries for a free name */
    STORED_NAME_MAX = 240, /* bytes of a file's name in the storage, and one character more */
    SWEEPS_MAX = 100000,   /* of a directory that is being removed */
};

/* --- removing it ------------------------------------------------------------------------------ */

struct sweep {
    int root;
    unsigned moved;
};

/* Gives us all rights to a folder. Never through a symbolic link, as fchmodat would: that could
 * lead to somebody else's file. */
static void open_up(int dir, const char *name)
{
    char path[64];
    int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    (void)chmod(path, 0700); /* if not, the next step fails and says so */
    close(fd);
}

/* Removes one entry; a folder that is not empty goes to the root under a name of its own. */
static bool sweep_entry(struct sweep *s, int dir, const char *name)
{
    char own[40];
    if (unlinkat(dir, name, 0) == 0 || unlinkat(dir, name, AT_REMOVEDIR) == 0)
        return true;
    if (dir == s->root)
        return false; /* its turn comes */
    snprintf(own, sizeof(own), ".cadenza-rm-%u", s->moved++);
    /* Moving a folder writes its "..", which needs the right to write to it. */
    open_up(dir, name);
    return renameat(dir, name, s->root, own) == 0;
}

/* Calls for each entry. False: the directory cannot be read. */
static bool sweep_folder(struct sweep *s, int dir, bool *ret_any)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    if (!d) {
        if (copy >= 0)
            close(copy);
        return false;
    }
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            *ret_any |= sweep_entry(s, dir, e->d_name);
    }
    closedir(d);
    return true;
}

/*
 * Empties the directory. Not recursive, and with two descriptors: the folders in a folder are moved
 * up to the root before it is removed, so that no depth is too deep. Rights that a script has taken
 * away are put back.
 */
static void sweep(int root)
{
    struct sweep s = {.root = root};
    bool progress = true;
    (void)fchmod(root, 0700);
    for (unsigned i = 0; progress && i < SWEEPS_MAX; i++) {
        progress = false;
        if (!sweep_folder(&s, root, &progress))
            return;
        int copy = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
        for (struct dirent *e; d && (e = readdir(d));) {
            if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                continue;
            open_up(root, e->d_name);
            int fd = openat(root, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (fd >= 0) {
                (void)sweep_folder(&s, fd, &progress);
                close(fd);
            }
        }
        if (d)
            closedir(d);
    }
}

/* What cannot be removed stays, and is removed when the server starts again (orphans.h). */
static void remove_directory(const char *path)
{
    if (rmdir(path) == 0 || errno == ENOENT)
        return; /* mostly it is empty: one call does */
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && chmod(path, 0700) == 0)
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    sweep(fd);
    close(fd);
    (void)rmdir(path);
}

cdz_rc cdz_workdir_open(struct cdz_run *run, struct cdz_workdir *ret, struct cdz_err *err)
{
    struct cdz_workdir w = {.run = run, .fd = -1};
    cdz_str path = cdz_arena_printf(run->arena, "%.*s/%.*s-%u", CDZ_S(run->worker->tmp_dir),
                                    CDZ_S(run->job->taskrun_id), run->job->epoch);
    w.path = path.p;
    cdz_str spare;
    if (run->shared_dir) {
        w.path = run->shared_dir;
        w.is_shared = true;
        w.fd = open(w.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (w.fd < 0)
            return cdz_fail_errno(err, errno, "open",
                                  "the shared working directory cannot be opened");
        *ret = w;
        return CDZ_OK;
    }
    if (cdz_spare_dirs_take(run->worker->spare_dirs, run->arena, &spare)) {
        w.path = spare.p;
        w.fd = open(w.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (w.fd >= 0) {
            *ret = w;
            return CDZ_OK;
        }
        w.path = path.p; /* somebody has removed it */
    }
    int made = mkdir(w.path, 0700);
    if (made != 0 && errno == EEXIST) {
        remove_directory(w.path); /* of this attempt before the server was killed */
        made = mkdir(w.path, 0700);
    }
    if (made != 0)
        return cdz_fail_errno(err, errno, "mkdir",
                              "the working directory of the task cannot be made");
    w.fd = open(w.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (w.fd < 0)
        return cdz_fail_errno(err, errno, "open",
                              "the working directory of the task cannot be opened");
    *ret = w;
    return CDZ_OK;
}

/* As it was made: empty, with its first permissions. */
static bool is_pristine(int fd)
{
    struct stat st;
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    bool empty = dir && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0700 && st.st_nlink > 0;
    for (struct dirent *d; empty && (d = readdir(dir));)
        empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
    if (dir)
        closedir(dir);
    else if (again >= 0)
        close(again);
    return empty;
}

void cdz_workdir_close(struct cdz_workdir *w)
{
    if (w->fd < 0)
        return;
    bool spare = w->is_left && is_pristine(w->fd);
    close(w->fd);
    w->fd = -1;
    if (w->is_shared)
        return; /* whoever made it removes it */
    if (!spare || !cdz_spare_dirs_keep(w->run->worker->spare_dirs, cdz_str_z(w->path)))
        remove_directory(w->path);
}

/* --- names inside ----------------------------------------------------------------------------- */

/* Opens below the working directory and nowhere else. */
static int open_inside(const struct cdz_workdir *w, const char *name, int flags)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
                           .mode = flags & O_CREAT ? 0600 : 0,
                           .resolve =
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, w->fd, name, &how, sizeof(how));
}

static bool is_inside(cdz_str name)
{
    if (name.n == 0 || name.p[0] == '/' || memchr(name.p, 0, name.n))
        return false;
    for (cdz_str left = name; left.n;) {
        size_t slash = cdz_str_chr(left, '/', 0);
        if (cdz_str_is(cdz_str_sub(left, 0, slash), ".."))
            return false;
        left = slash == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(left, slash + 1, left.n);
    }
    return true;
}

/* One folder; those above it are there. */
static int make_folder(struct cdz_workdir *w, char *name)
{
    char *slash = strrchr(name, '/');
    int above = w->fd;
    if (slash) {
        *slash = 0;
        above = open_inside(w, name, O_PATH | O_DIRECTORY);
        *slash = '/';
    }
    if (above < 0)
        return -1;
    int made = mkdirat(above, slash ? slash + 1 : name, 0700);
    int number = errno;
    if (above != w->fd)
        close(above);
    errno = number;
    return made == 0 || errno == EEXIST ? 0 : -1;
}

/* The name as a C string once it is known to stay inside, with the folders above it made. */
static cdz_rc prepare(struct cdz_workdir *w, cdz_str name, char **ret, struct cdz_err *err)
{
    while (cdz_str_starts(name, CDZ_STR("./")))
        name = cdz_str_sub(name, 2, name.n);
    if (!is_inside(name))
        return cdz_fail(err, CDZ_E_TASK, "file name `%.*s` leaves the working directory",
                        CDZ_S(cdz_str_sub(name, 0, 300)));
    char *z = cdz_arena_alloc(w->run->arena, name.n + 1);
    memcpy(z, name.p, name.n);
    z[name.n] = 0;
    for (size_t i = 1; i < name.n; i++) {
        if (z[i] != '/' || z[i - 1] == '/')
            continue;
        z[i] = 0;
        if (make_folder(w, z) != 0)
            return cdz_fail_errno(err, errno, "mkdirat", "the folder of file `%.*s` cannot be made",
                                  CDZ_S(cdz_str_sub(name, 0, 300)));
        z[i] = '/';
    }
    *ret = z;
    return CDZ_OK;
}

static cdz_rc create(struct cdz_workdir *w, cdz_str name, int *ret_fd, struct cdz_err *err)
{
    char *z;
    CDZ_TRY(prepare(w, name, &z, err));
    *ret_fd = open_inside(w, z, O_WRONLY | O_CREAT | O_TRUNC);
    if (*ret_fd < 0)
        return cdz_fail_errno(err, errno, "openat2", "file `%.*s` cannot be written",
                              CDZ_S(cdz_str_sub(name, 0, 300)));
    return CDZ_OK;
}

cdz_rc cdz_workdir_mkdir(struct cdz_workdir *w, cdz_str name, struct cdz_err *err)
{
    char *z;
    CDZ_TRY(prepare(w, name, &z, err));
    if (make_folder(w, z) != 0)
        return cdz_fail_errno(err, errno, "mkdirat", "folder `%.*s` cannot be made", CDZ_S(name));
    return CDZ_OK;
}

/* fd is taken. */
static cdz_rc write_all(int fd, cdz_str name, cdz_str content, struct cdz_err *err)
{
    int number = 0;
    for (size_t done = 0; done < content.n && !number;) {
        ssize_t n = write(fd, content.p + done, content.n - done);
        if (n > 0)
            done += (size_t)n;
        else if (errno != EINTR)
            number = errno;
    }
    close(fd);
    if (number)
        return cdz_fail_errno(err, number, "write", "file `%.*s` cannot be written",
                              CDZ_S(cdz_str_sub(name, 0, 300)));
    return CDZ_OK;
}

cdz_rc cdz_workdir_write(struct cdz_workdir *w, cdz_str name, cdz_str content, struct cdz_err *err)
{
    int fd;
    CDZ_TRY(create(w, name, &fd, err));
    return write_all(fd, name, content, err);
}

cdz_rc cdz_workdir_write_new(struct cdz_workdir *w, const char *stem, const char *extension,
                             cdz_str content, cdz_str *ret, struct cdz_err *err)
{
    cdz_str name = cdz_arena_printf(w->run->arena, "%s%s", stem, extension);
    int fd = open_inside(w, name.p, O_WRONLY | O_CREAT | O_EXCL);
    for (unsigned i = 1; fd < 0 && errno == EEXIST && i < NAMES_MAX; i++) {
        name = cdz_arena_printf(w->run->arena, "%s-%u%s", stem, i, extension);
        fd = open_inside(w, name.p, O_WRONLY | O_CREAT | O_EXCL);
    }
    if (fd < 0)
        return cdz_fail_errno(err, errno, "openat2", "file `%.*s` cannot be written", CDZ_S(name));
    *ret = name;
    return write_all(fd, name, content, err);
}

static cdz_rc download(struct cdz_workdir *w, cdz_str path, cdz_str name, struct cdz_err *err)
{
    int fd;
    CDZ_TRY(create(w, name, &fd, err));
    cdz_rc rc = cdz_storage_get_file(w->run->worker->storage, path, fd, err);
    close(fd);
    return rc;
}

static cdz_rc download_uri(struct cdz_workdir *w, cdz_str uri, cdz_str name, struct cdz_err *err)
{
    cdz_str path;
    CDZ_TRY(cdz_run_path(w->run, uri, &path, err));
    return download(w, path, name, err);
}

cdz_rc cdz_workdir_fill_map(struct cdz_workdir *w, cdz_val files, struct cdz_err *err)
{
    if (cdz_val_is_null(files))
        return CDZ_OK;
    if (files.kind != CDZ_MAP)
        return cdz_fail(err, CDZ_E_TASK,
                        "input files must be a map of file names to contents, not a %s",
                        cdz_val_kind_name(files));
    CDZ_MAP_EACH (e, files) {
        CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
        if (cdz_val_is_null(e->val))
            continue;
        cdz_expr_print(&text, e->val);
        cdz_str content = cdz_buf_get(&text);
        if (cdz_str_starts(content, CDZ_STR("kestra:/")) &&
            cdz_str_chr(content, '\n', 0) == SIZE_MAX)
            CDZ_TRY(download_uri(w, content, e->key, err));
        else
            CDZ_TRY(cdz_workdir_write(w, e->key, content, err));
    }
    return CDZ_OK;
}

static cdz_rc fill_inputs(struct cdz_workdir *w, struct cdz_err *err)
{
    cdz_val files;
    CDZ_TRY(cdz_run_json(w->run, "inputFiles", &files, err));
    return cdz_workdir_fill_map(w, files, err);
}

static cdz_rc fill_namespace(struct cdz_workdir *w, struct cdz_err *err)
{
    struct cdz_arena *arena = w->run->arena;
    struct cdz_file_info *files;
    cdz_val options;
    size_t n;
    CDZ_TRY(cdz_run_prop(w->run, "namespaceFiles", &options, err));
    cdz_val enabled = cdz_map_getz(options, "enabled");
    if (options.kind != CDZ_MAP || (enabled.kind == CDZ_BOOL && !enabled.b))
        return CDZ_OK;
    cdz_val include = cdz_map_getz(options, "include"), exclude = cdz_map_getz(options, "exclude");
    cdz_str root = cdz_path_namespace_file(w->run->job->namespace_, CDZ_STR(""), arena);
    while (root.n && root.p[root.n - 1] == '/')
        root.n--;
    CDZ_TRY(cdz_storage_list(w->run->worker->storage, root, true, arena, &files, &n, err));
    for (size_t i = 0; i < n; i++) {
        cdz_str path = files[i].path, name = cdz_str_sub(path, root.n + 1, path.n);
        bool in = true, out = false;
        if (files[i].is_dir)
            continue;
        if (include.kind == CDZ_TEXT || (include.kind == CDZ_LIST && cdz_list_n(include) > 0))
            CDZ_TRY(cdz_glob_match_any(include, name, arena, &in, err));
        CDZ_TRY(cdz_glob_match_any(exclude, name, arena, &out, err));
        if (in && !out)
            CDZ_TRY(download(w, path, name, err));
    }
    return CDZ_OK;
}

cdz_rc cdz_workdir_fill(struct cdz_workdir *w, struct cdz_err *err)
{
    CDZ_TRY(fill_namespace(w, err));
    return fill_inputs(w, err);
}

/* The characters that end no URI in a command: the original's list, and everything not ASCII. */
static bool in_uri(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (unsigned char)c >= 0x80 || (c && strchr("-%._+~#=/", c));
}

/* Downloads it once per attempt, under its own name in a folder of its own. */
static cdz_rc local_path(struct cdz_workdir *w, cdz_str uri, cdz_str *ret, struct cdz_err *err)
{
    struct cdz_arena *arena = w->run->arena;
    for (size_t i = 0; i < w->locals.n; i++) {
        if (cdz_str_eq(w->locals.v[i].uri, uri)) {
            *ret = w->locals.v[i].path;
            return CDZ_OK;
        }
    }
    cdz_str base = uri;
    for (size_t slash; (slash = cdz_str_chr(base, '/', 0)) != SIZE_MAX;)
        base = cdz_str_sub(base, slash + 1, base.n);
    cdz_str name = cdz_arena_printf(arena, CDZ_WORKDIR_OWN "/%zu/%.*s", w->locals.n, CDZ_S(base));
    CDZ_TRY(download_uri(w, uri, name, err));
    *ret = cdz_arena_printf(arena, "%s/%.*s", w->path, CDZ_S(name));
    CDZ_PUSH(arena, &w->locals, (struct cdz_workdir_local){cdz_arena_str(arena, uri), *ret});
    return CDZ_OK;
}

cdz_rc cdz_workdir_localise(struct cdz_workdir *w, cdz_str text, cdz_str *ret, struct cdz_err *err)
{
    size_t at = cdz_str_find(text, CDZ_STR("kestra:///"), 0), from = 0;
    if (at == SIZE_MAX) {
        *ret = text;
        return CDZ_OK;
    }
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    for (; at != SIZE_MAX; at = cdz_str_find(text, CDZ_STR("kestra:///"), from)) {
        size_t end = at + 10; /* behind the scheme, whose ':' is none of these characters */
        cdz_str path;
        while (end < text.n && in_uri(text.p[end]))
            end++;
        CDZ_TRY(local_path(w, cdz_str_sub(text, at, end), &path, err));
        cdz_buf_str(&b, cdz_str_sub(text, from, at));
        cdz_buf_str(&b, path);
        from = end;
    }
    cdz_buf_str(&b, cdz_str_sub(text, from, text.n));
    *ret = cdz_buf_copy(&b, w->run->arena);
    return CDZ_OK;
}

/* --- output files ----------------------------------------------------------------------------- */

struct found {
    cdz_str path, key;
};

struct collect {
    struct cdz_workdir *w;
    cdz_val patterns;
    cdz_str folder; /* relative; empty: none */
    unsigned seen;
    CDZ_VEC(struct found) found;
};

/* Whether a file is an output file, and under which key. */
static cdz_rc consider(struct collect *c, cdz_str path, struct cdz_err *err)
{
    struct found f = {path, path};
    bool hit = false;
    if (cdz_str_eq(path, c->w->script))
        return CDZ_OK;
    if (c->folder.n && cdz_str_starts(path, c->folder) && path.n > c->folder.n &&
        path.p[c->folder.n] == '/') {
        f.key = cdz_str_sub(path, c->folder.n + 1, path.n);
        hit = true;
    }
    for (size_t i = 0; !hit && i < cdz_list_n(c->patterns); i++) {
        cdz_val p = cdz_list_at(c->patterns, i);
        cdz_str pattern = p.kind == CDZ_TEXT ? cdz_val_str(p) : CDZ_STR("");
        while (cdz_str_starts(pattern, CDZ_STR("./")))
            pattern = cdz_str_sub(pattern, 2, pattern.n);
        if (pattern.n)
            CDZ_TRY(cdz_glob_match(pattern, path, &hit, err));
    }
    if (hit)
        CDZ_PUSH(c->w->run->arena, &c->found, f);
    return CDZ_OK;
}

static cdz_rc visit(struct collect *c, int dir_fd, cdz_str prefix, unsigned depth,
                    struct cdz_err *err)
{
    struct cdz_arena *arena = c->w->run->arena;
    DIR *dir = fdopendir(dir_fd); /* takes dir_fd */
    cdz_rc rc = CDZ_OK;
    if (!dir) {
        close(dir_fd);
        return cdz_fail_errno(err, errno, "fdopendir", "the working directory cannot be read");
    }
    for (struct dirent *d; rc == CDZ_OK && (d = readdir(dir));) {
        struct stat st;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
            (depth == 0 && strcmp(d->d_name, CDZ_WORKDIR_OWN) == 0) ||
            fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        cdz_str path =
            cdz_arena_printf(arena, "%.*s%s%s", CDZ_S(prefix), prefix.n ? "/" : "", d->d_name);
        if (++c->seen > FILES_MAX)
            rc = cdz_fail(err, CDZ_E_LIMIT, "the working directory has more than %d files",
                          FILES_MAX);
        else if (S_ISREG(st.st_mode))
            rc = consider(c, path, err);
        else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
            int below =
                openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (below >= 0)
                rc = visit(c, below, path, depth + 1, err);
        }
    }
    closedir(dir);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    return cdz_str_cmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

/* "<hash of path>-<file name>", made of what the storage takes as a name. */
static cdz_str stored_name(struct cdz_arena *arena, cdz_str path, cdz_str base)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_printf(&b, "%016llx-", (unsigned long long)cdz_str_hash(path));
    for (size_t at = 0; at < base.n && b.n < STORED_NAME_MAX;) {
        char utf8[4];
        uint32_t c = cdz_utf8_next(base, &at);
        if (c < ' ' || c == 0x7f || c == '\\')
            c = '_';
        cdz_buf_add(&b, utf8, cdz_utf8_put(c, utf8));
    }
    return cdz_buf_copy(&b, arena);
}

cdz_rc cdz_workdir_read(struct cdz_workdir *w, cdz_str path, int *ret_fd, struct cdz_err *err)
{
    /* Not blocking: a FIFO may have taken the file's place. */
    *ret_fd = open_inside(w, cdz_arena_z(w->run->arena, path), O_RDONLY | O_NONBLOCK);
    if (*ret_fd < 0)
        return cdz_fail_errno(err, errno, "openat2", "output file `%.*s` cannot be read",
                              CDZ_S(cdz_str_sub(path, 0, 300)));
    return CDZ_OK;
}

static cdz_rc upload(struct cdz_workdir *w, cdz_str path, cdz_str *ret_uri, struct cdz_err *err)
{
    struct cdz_run *run = w->run;
    cdz_str base = path;
    int fd;
    CDZ_TRY(cdz_workdir_read(w, path, &fd, err));
    for (size_t slash; (slash = cdz_str_chr(base, '/', 0)) != SIZE_MAX;)
        base = cdz_str_sub(base, slash + 1, base.n);
    cdz_rc rc = cdz_run_put_file(run, stored_name(run->arena, path, base), fd, ret_uri, err);
    close(fd);
    return rc;
}

static cdz_rc find(struct collect *c, const char *folder, cdz_val globs, struct cdz_err *err)
{
    c->folder = cdz_str_z(folder ? folder : "");
    c->patterns = globs.kind == CDZ_LIST ? globs : cdz_val_list(c->w->run->arena, 0);
    if (cdz_list_n(c->patterns) > 0 || folder) {
        int fd = openat(c->w->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return cdz_fail_errno(err, errno, "openat", "the working directory cannot be read");
        CDZ_TRY(visit(c, fd, CDZ_STR(""), 0, err));
    }
    if (c->found.n > 1)
        qsort(c->found.v, c->found.n, sizeof(*c->found.v), by_path);
    return CDZ_OK;
}

cdz_rc cdz_workdir_find(struct cdz_workdir *w, cdz_val globs, cdz_val *ret, struct cdz_err *err)
{
    struct collect c = {.w = w};
    CDZ_TRY(find(&c, NULL, globs, err));
    *ret = cdz_val_list(w->run->arena, c.found.n);
    for (size_t i = 0; i < c.found.n; i++)
        cdz_list_push(w->run->arena, *ret, cdz_val_text(c.found.v[i].path));
    return CDZ_OK;
}

cdz_rc cdz_workdir_collect_globs(struct cdz_workdir *w, cdz_val globs, const char *folder,
                                 cdz_val *ret, struct cdz_err *err)
{
    struct collect c = {.w = w};
    cdz_val uris = cdz_val_map(w->run->arena, 0);
    CDZ_TRY(find(&c, folder, globs, err));
    for (size_t i = 0; i < c.found.n; i++) {
        cdz_str uri;
        CDZ_TRY(upload(w, c.found.v[i].path, &uri, err));
        cdz_map_put(w->run->arena, uris, c.found.v[i].key, cdz_val_text(uri));
    }
    *ret = uris;
    return CDZ_OK;
}

cdz_rc cdz_workdir_collect(struct cdz_workdir *w, const char *folder, cdz_val *ret,
                           struct cdz_err *err)
{
    cdz_val globs;
    CDZ_TRY(cdz_run_json(w->run, "outputFiles", &globs, err));
    return cdz_workdir_collect_globs(w, globs, folder, ret, err);
}
