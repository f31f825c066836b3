#include "task/runner/orphans.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <unistd.h>

enum { ENVIRON_BYTES = 128 << 10 };

/* True if the environment the process began with has WORKING_DIR=<tmp_dir>/... */
static bool is_orphan(const char *pid, cdz_str tmp_dir, char *room)
{
    char path[64], want[4200];
    size_t n = 0;
    ssize_t got;
    snprintf(path, sizeof(path), "/proc/%.20s/environ", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while (n < ENVIRON_BYTES && (got = read(fd, room + n, ENVIRON_BYTES - n)) > 0)
        n += (size_t)got;
    close(fd);
    int len = snprintf(want, sizeof(want), "%cWORKING_DIR=%.*s/", 0, CDZ_S(tmp_dir));
    if (len < 0 || (size_t)len >= sizeof(want))
        return false;
    return (n >= (size_t)len && memcmp(room, want + 1, (size_t)len - 1) == 0) ||
           memmem(room, n, want, (size_t)len) != NULL;
}

static unsigned kill_orphans(cdz_str tmp_dir)
{
    unsigned killed = 0;
    DIR *proc = opendir("/proc");
    char *room = malloc(ENVIRON_BYTES);
    if (!room)
        abort();
    for (struct dirent *d; proc && (d = readdir(proc));) {
        int64_t pid;
        if (!cdz_str_to_i64(cdz_str_z(d->d_name), &pid) || pid == getpid() ||
            !is_orphan(d->d_name, tmp_dir, room))
            continue;
        killed += kill((pid_t)pid, SIGKILL) == 0;
    }
    if (proc)
        closedir(proc);
    free(room);
    return killed;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind;
    if (at->level > 0)
        (void)remove(path); /* what cannot be removed is tried again at the next start */
    return 0;
}

unsigned cdz_orphans_clear(cdz_str tmp_dir)
{
    char path[4096];
    unsigned killed = kill_orphans(tmp_dir);
    if (tmp_dir.n < sizeof(path)) {
        snprintf(path, sizeof(path), "%.*s", CDZ_S(tmp_dir));
        (void)nftw(path, remove_one, 16,
                   FTW_DEPTH | FTW_PHYS); /* leftovers only: they do no harm */
    }
    return killed;
}
