/* tmpdir.h -- a directory for one test, removed with all below it. */
#ifndef CDZ_TEST_TMPDIR_H
#define CDZ_TEST_TMPDIR_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void tmpdir_make(char ret[64])
{
    snprintf(ret, 64, "/tmp/cadenza-test-XXXXXX");
    if (!mkdtemp(ret))
        abort();
}

static inline void tmpdir_empty(int take_fd)
{
    DIR *list = fdopendir(take_fd);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int below =
            openat(dirfd(list), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0)
            tmpdir_empty(below);
        unlinkat(dirfd(list), entry->d_name, below >= 0 ? AT_REMOVEDIR : 0);
    }
    if (list)
        closedir(list);
}

static inline void tmpdir_remove(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        tmpdir_empty(fd);
    rmdir(dir);
}

#endif
