#include "task/workdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "task/glob.h"

enum { DEPTH_MAX = 64, FILES_MAX = 100000 };

cdz_rc cdz_workdir_open(struct cdz_run *run, struct cdz_workdir *ret, struct cdz_err *err)
{
    struct cdz_workdir w = {.run = run, .fd = -1};
    cdz_str path = cdz_arena_printf(run->arena, "%.*s/%.*s-%d", CDZ_S(run->worker->tmp_dir),
                                    CDZ_S(run->job->taskrun_id), (int)run->job->epoch);
    w.path = path.p;
    if (mkdir(w.path, 0700) != 0 && errno != EEXIST)
        return cdz_fail_errno(err, errno, "mkdir",
                              "the working directory of the task cannot be made");
    w.fd = open(w.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w.fd < 0)
        return cdz_fail_errno(err, errno, "open",
                              "the working directory of the task cannot be opened");
    *ret = w;
    return CDZ_OK;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)at;
    if (kind == FTW_DNR && chmod(path, 0700) != 0)
        return 0;
    (void)remove(path); /* what stays is seen by whoever cleans tmp */
    return 0;
}

void cdz_workdir_close(struct cdz_workdir *w)
{
    if (w->fd < 0)
        return;
    close(w->fd);
    w->fd = -1;
    if (rmdir(w->path) != 0 && errno != ENOENT) /* mostly empty: one call does */
        (void)nftw(w->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Opens below the working directory and nowhere else; makes the folders on the way when it creates.
 */
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

static cdz_rc create(struct cdz_workdir *w, cdz_str name, int *ret_fd, struct cdz_err *err)
{
    if (cdz_str_starts(name, CDZ_STR("./")))
        name = cdz_str_sub(name, 2, name.n);
    if (!is_inside(name))
        return cdz_fail(err, CDZ_E_TASK, "file name `%.*s` leaves the working directory",
                        CDZ_S(name));
    char *z = cdz_arena_alloc(w->run->arena, name.n + 1);
    memcpy(z, name.p, name.n);
    z[name.n] = 0;
    for (size_t i = 1; i < name.n; i++) {
        if (z[i] != '/')
            continue;
        z[i] = 0;
        int made = mkdirat(w->fd, z, 0700);
        if (made != 0 && errno != EEXIST)
            return cdz_fail_errno(err, errno, "mkdirat", "the folder of file `%.*s` cannot be made",
                                  CDZ_S(name));
        z[i] = '/';
    }
    *ret_fd = open_inside(w, z, O_WRONLY | O_CREAT | O_TRUNC);
    if (*ret_fd < 0)
        return cdz_fail_errno(err, errno, "openat2", "file `%.*s` cannot be written", CDZ_S(name));
    return CDZ_OK;
}

cdz_rc cdz_workdir_write(struct cdz_workdir *w, cdz_str name, cdz_str content, struct cdz_err *err)
{
    int fd, number = 0;
    CDZ_TRY(create(w, name, &fd, err));
    for (size_t done = 0; done < content.n && !number;) {
        ssize_t n = write(fd, content.p + done, content.n - done);
        if (n > 0)
            done += (size_t)n;
        else if (errno != EINTR)
            number = errno;
    }
    close(fd);
    if (number)
        return cdz_fail_errno(err, number, "write", "file `%.*s` cannot be written", CDZ_S(name));
    return CDZ_OK;
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
    CDZ_TRY(cdz_storage_path(uri, &path, err));
    if (!cdz_run_may_read(w->run, path))
        return cdz_fail(
            err, CDZ_E_TASK,
            "Unable to read the file '%.*s' as it didn't belong to the current execution",
            CDZ_S(uri));
    return download(w, path, name, err);
}

static cdz_rc fill_inputs(struct cdz_workdir *w, struct cdz_err *err)
{
    cdz_val files;
    CDZ_TRY(cdz_run_json(w->run, "inputFiles", &files, err));
    if (cdz_val_is_null(files))
        return CDZ_OK;
    if (files.kind != CDZ_MAP)
        return cdz_fail(err, CDZ_E_TASK,
                        "inputFiles must be a map of file names to contents, not a %s",
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

static cdz_rc matches_one(cdz_val patterns, cdz_str path, struct cdz_arena *arena, bool *ret,
                          struct cdz_err *err)
{
    *ret = false;
    if (patterns.kind == CDZ_TEXT) {
        cdz_val list = cdz_val_list(arena, 1);
        cdz_list_push(arena, list, patterns);
        patterns = list;
    }
    if (patterns.kind != CDZ_LIST)
        return CDZ_OK;
    CDZ_LIST_EACH (p, patterns) {
        if (p->kind != CDZ_TEXT)
            continue;
        cdz_str pattern = cdz_val_str(*p);
        if (pattern.n && pattern.p[0] == '/')
            pattern = cdz_str_sub(pattern, 1, pattern.n);
        CDZ_TRY(cdz_glob_match(pattern, path, ret, err));
        if (!*ret && pattern.n &&
            (pattern.p[0] == '_' || ((pattern.p[0] | 32) >= 'a' && (pattern.p[0] | 32) <= 'z')))
            CDZ_TRY(cdz_glob_match(cdz_arena_printf(arena, "**/%.*s", CDZ_S(pattern)), path, ret,
                                   err)); /* at any depth */
        if (*ret)
            return CDZ_OK;
    }
    return CDZ_OK;
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
            CDZ_TRY(matches_one(include, name, arena, &in, err));
        CDZ_TRY(matches_one(exclude, name, arena, &out, err));
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

cdz_rc cdz_workdir_localise(struct cdz_workdir *w, cdz_str text, cdz_str *ret, struct cdz_err *err)
{
    size_t at = cdz_str_find(text, CDZ_STR("kestra:///"), 0), from = 0;
    unsigned number = 0;
    if (at == SIZE_MAX) {
        *ret = text;
        return CDZ_OK;
    }
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    for (; at != SIZE_MAX; at = cdz_str_find(text, CDZ_STR("kestra:///"), from)) {
        size_t end = at;
        while (end < text.n && (unsigned char)text.p[end] > ' ' &&
               !strchr("\"'`<>|;(),[]{}\\$", text.p[end]))
            end++;
        cdz_str uri = cdz_str_sub(text, at, end), base = uri;
        for (size_t slash; (slash = cdz_str_chr(base, '/', 0)) != SIZE_MAX;)
            base = cdz_str_sub(base, slash + 1, base.n);
        cdz_str name = cdz_arena_printf(w->run->arena, "kestra-%u-%.*s", number++, CDZ_S(base));
        CDZ_TRY(download_uri(w, uri, name, err));
        cdz_buf_str(&b, cdz_str_sub(text, from, at));
        cdz_buf_printf(&b, "%s/%.*s", w->path, CDZ_S(name));
        from = end;
    }
    cdz_buf_str(&b, cdz_str_sub(text, from, text.n));
    *ret = cdz_buf_copy(&b, w->run->arena);
    return CDZ_OK;
}

/* --- output files
 * ------------------------------------------------------------------------------------------------
 */

struct collect {
    struct cdz_workdir *w;
    cdz_val patterns, uris;
    const char *folder; /* NULL, or relative */
    unsigned seen;
    struct cdz_err *err;
};

static cdz_rc upload(struct collect *c, cdz_str path, cdz_str key)
{
    struct cdz_run *run = c->w->run;
    cdz_str base = path, uri;
    int fd = open_inside(c->w, cdz_arena_z(run->arena, path), O_RDONLY);
    if (fd < 0)
        return cdz_fail_errno(c->err, errno, "openat2", "output file `%.*s` cannot be read",
                              CDZ_S(path));
    for (size_t slash; (slash = cdz_str_chr(base, '/', 0)) != SIZE_MAX;)
        base = cdz_str_sub(base, slash + 1, base.n);
    cdz_str name = cdz_arena_printf(run->arena, "%016llx-%.*s",
                                    (unsigned long long)cdz_str_hash(path), CDZ_S(base));
    cdz_rc rc = cdz_run_put_file(run, name, fd, &uri, c->err);
    close(fd);
    if (rc == CDZ_OK)
        cdz_map_put(run->arena, c->uris, key, cdz_val_text(uri));
    return rc;
}

static cdz_rc visit(struct collect *c, int dir_fd, cdz_str prefix, unsigned depth)
{
    struct cdz_arena *arena = c->w->run->arena;
    DIR *dir = fdopendir(dir_fd); /* takes dir_fd */
    cdz_rc rc = CDZ_OK;
    if (!dir)
        return cdz_fail_errno(c->err, errno, "fdopendir", "the working directory cannot be read");
    for (struct dirent *d; rc == CDZ_OK && (d = readdir(dir));) {
        struct stat st;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
            fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        cdz_str path =
            cdz_arena_printf(arena, "%.*s%s%s", CDZ_S(prefix), prefix.n ? "/" : "", d->d_name);
        if (++c->seen > FILES_MAX)
            rc = cdz_fail(c->err, CDZ_E_LIMIT, "the working directory has more than %d files",
                          FILES_MAX);
        if (rc == CDZ_OK && S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
            int below =
                openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (below >= 0)
                rc = visit(c, below, path, depth + 1);
        }
        if (rc != CDZ_OK || !S_ISREG(st.st_mode))
            continue;
        cdz_str folder = cdz_str_z(c->folder ? c->folder : "");
        bool hit = false;
        if (c->folder && cdz_str_starts(path, folder) && path.n > folder.n &&
            path.p[folder.n] == '/') {
            rc = upload(c, path, cdz_str_sub(path, folder.n + 1, path.n));
            continue;
        }
        for (size_t i = 0; rc == CDZ_OK && !hit && i < cdz_list_n(c->patterns); i++) {
            cdz_val p = cdz_list_at(c->patterns, i);
            if (p.kind == CDZ_TEXT)
                rc = cdz_glob_match(cdz_val_str(p), path, &hit, c->err);
        }
        if (rc == CDZ_OK && hit)
            rc = upload(c, path, path);
    }
    closedir(dir);
    return rc;
}

cdz_rc cdz_workdir_collect(struct cdz_workdir *w, const char *folder, cdz_val *ret,
                           struct cdz_err *err)
{
    struct collect c = {.w = w, .folder = folder, .err = err};
    cdz_val patterns;
    c.uris = cdz_val_map(w->run->arena, 0);
    CDZ_TRY(cdz_run_json(w->run, "outputFiles", &patterns, err));
    c.patterns = patterns.kind == CDZ_LIST ? patterns : cdz_val_list(w->run->arena, 0);
    *ret = c.uris;
    if (cdz_list_n(c.patterns) == 0 && !folder)
        return CDZ_OK;
    int fd = openat(w->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return cdz_fail_errno(err, errno, "openat", "the working directory cannot be read");
    return visit(&c, fd, CDZ_STR(""), 0);
}
