/*
 * proctree.c -- see proctree.h. Format of /proc/<pid>/stat: proc(5).
 *
 * A pid may be reused between looking and signalling. So a candidate is pinned with a pidfd first,
 * then looked at, then signalled through the pidfd: what was looked at is what gets the signal.
 */
#include "task/runner/proctree.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    ROUNDS_MAX = 16,       /* of one call; each finds one generation of descendants more at least */
    ENVIRON_MAX = 4 << 20, /* bytes of an environment that are searched */
};

struct proc {
    pid_t pid, parent, group, session;
    char state;
    uint64_t started;
};

/* The kernel's linux_dirent64: readdir() would allocate. */
struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

/* "/proc/<pid>/<file>", without printf: that is not for signal handlers. */
static int open_proc(pid_t pid, const char *file)
{
    char path[64] = "/proc/", digits[12];
    char *to = path + 6;
    size_t n = 0;
    for (; pid > 0; pid /= 10)
        digits[n++] = (char)('0' + pid % 10);
    while (n > 0)
        *to++ = digits[--n];
    *to++ = '/';
    memcpy(to, file, strlen(file) + 1);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static uint64_t number_at(const char **p)
{
    uint64_t v = 0;
    while (**p == ' ' || **p == '-')
        ++*p;
    while (**p >= '0' && **p <= '9')
        v = v * 10 + (uint64_t)(*(*p)++ - '0');
    return v;
}

/* False: it is gone. */
static bool read_stat(pid_t pid, struct proc *ret)
{
    char text[1024];
    int fd = open_proc(pid, "stat");
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = 0;
    const char *p = strrchr(text, ')'); /* the name before it may hold anything */
    if (!p || p[1] != ' ' || !p[2])
        return false;
    ret->pid = pid;
    ret->state = p[2];
    p += 3;
    ret->parent = (pid_t)number_at(&p);
    ret->group = (pid_t)number_at(&p);
    ret->session = (pid_t)number_at(&p);
    for (int field = 7; field < 22; field++)
        (void)number_at(&p); /* starttime is field 22 */
    ret->started = number_at(&p);
    return true;
}

/* The mark in its environment, "" when there is none. A foreign user's cannot be read. */
static void read_mark(pid_t pid, char ret[CDZ_PROCTREE_MARK_MAX])
{
    static const char name[] = CDZ_PROCTREE_VARIABLE "=";
    const size_t len = sizeof(name) - 1;
    char buf[4096];
    size_t at = 0; /* bytes of this entry so far; SIZE_MAX: it is another variable */
    int fd = open_proc(pid, "environ");
    ret[0] = 0;
    if (fd < 0)
        return;
    for (size_t total = 0; total < ENVIRON_MAX;) {
        ssize_t n = read(fd, buf, sizeof(buf));
        if (n <= 0)
            break;
        total += (size_t)n;
        for (ssize_t i = 0; i < n; i++) {
            if (!buf[i] && at != SIZE_MAX && at >= len) {
                ret[at - len] = 0;
                close(fd);
                return;
            }
            if (!buf[i])
                at = 0;
            else if (at == SIZE_MAX || (at < len && buf[i] != name[at]) ||
                     at - len == CDZ_PROCTREE_MARK_MAX - 1)
                at = SIZE_MAX;
            else if (at++ >= len)
                ret[at - 1 - len] = buf[i];
        }
    }
    ret[0] = 0;
    close(fd);
}

/* Calls back for every process but ourselves. */
static void each_process(void (*fn)(void *ctx, pid_t pid), void *ctx)
{
    _Alignas(struct entry) char buf[8192];
    pid_t self = getpid();
    int dir = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long n;
    if (dir < 0)
        return;
    while ((n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
        for (long at = 0; at < n;) {
            const struct entry *e = (const struct entry *)(const void *)(buf + at);
            const char *p = e->name;
            uint64_t pid = *p >= '1' && *p <= '9' ? number_at(&p) : 0;
            if (pid > 1 && pid <= INT_MAX && !*p && (pid_t)pid != self)
                fn(ctx, (pid_t)pid);
            at += e->size;
        }
    }
    close(dir);
}

static size_t seen_at(const struct cdz_proctree *t, pid_t pid)
{
    size_t i = 0;
    while (i < t->n && t->seen[i].pid != pid)
        i++;
    return i;
}

static bool belongs(const struct cdz_proctree *t, const struct proc *p)
{
    char mark[CDZ_PROCTREE_MARK_MAX];
    if (p->session == t->root || p->group == t->root || p->parent == t->root)
        return true;
    size_t at = seen_at(t, p->pid);
    if ((at < t->n && t->seen[at].started == p->started) || seen_at(t, p->parent) < t->n)
        return true;
    read_mark(p->pid, mark);
    return strcmp(mark, t->mark) == 0;
}

struct visit {
    struct cdz_proctree *tree;
    int number;
    size_t alive;
    bool fresh; /* one was found that was not known before */
};

static void on_visit(void *ctx, pid_t pid)
{
    struct visit *v = ctx;
    struct cdz_proctree *t = v->tree;
    struct proc p;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return;
    if (read_stat(pid, &p) && belongs(t, &p)) {
        size_t at = seen_at(t, pid);
        v->fresh |= at == t->n || t->seen[at].started != p.started;
        if (at < CDZ_PROCTREE_SEEN_MAX) {
            t->seen[at].pid = pid;
            t->seen[at].started = p.started;
            t->n += at == t->n;
        }
        if (p.state != 'Z' && p.state != 'X') {
            v->alive++;
            if (v->number)
                (void)syscall(SYS_pidfd_send_signal, fd, v->number, NULL, 0);
        }
    }
    close(fd);
}

/*
 * First all are found, then they are signalled: a parent that dies at once would hand its children
 * to init before they were looked at. A child mostly has a larger pid than its parent, so that one
 * round finds all and the second that there are no more.
 */
size_t cdz_proctree_signal(struct cdz_proctree *tree, int number)
{
    struct visit v = {.tree = tree};
    for (int i = 0; i < ROUNDS_MAX; i++) {
        v = (struct visit){.tree = tree};
        each_process(on_visit, &v);
        if (!v.fresh || tree->n == CDZ_PROCTREE_SEEN_MAX)
            break;
    }
    if (number && v.alive > 0) {
        v = (struct visit){.tree = tree, .number = number};
        each_process(on_visit, &v);
    }
    return v.alive;
}

static void on_emergency(void *ctx, pid_t pid)
{
    bool (*const *is_ours)(pid_t, pid_t, const char *) = ctx;
    char mark[CDZ_PROCTREE_MARK_MAX];
    struct proc p;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return;
    if (read_stat(pid, &p)) {
        read_mark(pid, mark);
        if ((*is_ours)(p.session, p.group, mark))
            (void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    }
    close(fd);
}

void cdz_proctree_kill(bool (*is_ours)(pid_t session, pid_t group, const char *mark))
{
    each_process(on_emergency, &is_ours);
}
