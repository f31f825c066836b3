/*
 * process.c -- see process.h.
 *
 * One poll loop per process over stdout, stderr, a pidfd and the cancel descriptor. The loop ends
 * when the child has ended and both pipes are at their end; if something still holds a pipe half a
 * second after the child's end, it was left behind: the tree is killed. Cancelled: SIGTERM to the
 * tree, and after the grace SIGKILL to whatever is left of it; the loop ends when nothing is. A
 * line is handed on as soon as it is whole; a line without end costs CDZ_LOG_LINE_MAX at most.
 */
#include "task/runner/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/time.h"
#include "task/runner/proctree.h"

#define LEFT_BEHIND (500 * CDZ_MS)
#define LOOK_AGAIN  (20 * CDZ_MS) /* between two looks at a tree that is ending */

enum {
    TREES_MAX = 4096,
    READ_BYTES = 64 << 10,
    LOOKS_MAX = 250, /* after SIGKILL: whoever is there after 5 s cannot be killed */
};

/*
 * The trees that run now, for cdz_process_kill_all. A slot is taken with pid -1, its mark is
 * written, then its pid: a signal handler reads a mark only behind a pid above 0.
 */
static struct {
    atomic_int pid; /* 0: free */
    char mark[CDZ_PROCTREE_MARK_MAX];
} trees[TREES_MAX];

static int tree_add(pid_t pid, const char *mark)
{
    for (int i = 0; i < TREES_MAX; i++) {
        int none = 0;
        if (!atomic_compare_exchange_strong(&trees[i].pid, &none, -1))
            continue;
        snprintf(trees[i].mark, sizeof(trees[i].mark), "%s", mark);
        atomic_store(&trees[i].pid, (int)pid);
        return i;
    }
    return -1; /* more than TREES_MAX at once: those beyond are not killed by the second Ctrl-C */
}

static void tree_remove(int slot)
{
    if (slot >= 0)
        atomic_store(&trees[slot].pid, 0);
}

static bool is_ours(pid_t session, pid_t group, const char *mark)
{
    for (int i = 0; i < TREES_MAX; i++) {
        int pid = atomic_load(&trees[i].pid);
        if (pid > 0 && (session == pid || group == pid || strcmp(mark, trees[i].mark) == 0))
            return true;
    }
    return false;
}

void cdz_process_kill_all(void)
{
    int before = errno;
    for (int i = 0; i < TREES_MAX; i++) {
        int pid = atomic_load(&trees[i].pid);
        if (pid > 0)
            kill(-pid, SIGKILL); /* at once; who has left the group is looked for below */
    }
    cdz_proctree_kill(is_ours);
    errno = before;
}

/* One of the child's output streams. */
struct stream {
    enum cdz_stream which;
    int fd; /* -1: at its end */
    struct cdz_buf line;
    bool cut, after_cr;
    uint64_t bytes;
};

struct watch {
    const struct cdz_process *p;
    pid_t pid;
    int pidfd, io_fd;
    struct stream out[2];
    struct cdz_proctree tree;
    bool ended, cancelled, killed;
    cdz_us ended_at, term_at; /* monotonic; 0: not yet */
    unsigned strays, looks;
};

/* Malformed bytes become U+FFFD. A character that the cut went through is left out. */
static void repair(struct stream *s)
{
    CDZ_AUTO_BUF struct cdz_buf good = CDZ_BUF_INIT;
    cdz_str line = cdz_buf_get(&s->line);
    char utf8[4];
    if (s->cut) {
        while (line.n > 0 && ((unsigned char)line.p[line.n - 1] & 0xC0) == 0x80)
            line.n--;
        if (line.n > 0 && (unsigned char)line.p[line.n - 1] >= 0xC0)
            line.n--;
    }
    for (size_t at = 0; at < line.n;) {
        uint32_t c = cdz_utf8_next(line, &at);
        cdz_buf_add(&good, utf8, cdz_utf8_put(c, utf8));
    }
    cdz_buf_reset(&s->line);
    cdz_buf_str(&s->line, cdz_buf_get(&good));
}

static void emit(struct watch *w, struct stream *s)
{
    if (!cdz_utf8_valid(cdz_buf_get(&s->line)))
        repair(s);
    w->p->line(w->p->ctx, s->which, cdz_buf_get(&s->line), s->cut);
    cdz_buf_reset(&s->line);
    s->cut = false;
}

/* Lines end with \n, \r\n or a lone \r (progress bars). */
static void feed(struct watch *w, struct stream *s, const char *p, size_t n)
{
    const char *end = p + n;
    s->bytes += n;
    while (p < end) {
        if (s->after_cr && *p == '\n') {
            s->after_cr = false;
            p++;
            continue;
        }
        s->after_cr = false;
        size_t left = (size_t)(end - p);
        const char *lf = memchr(p, '\n', left), *cr = memchr(p, '\r', lf ? (size_t)(lf - p) : left);
        const char *eol = cr ? cr : lf;
        size_t take = eol ? (size_t)(eol - p) : left, room = CDZ_LOG_LINE_MAX - s->line.n;
        cdz_buf_add(&s->line, p, take < room ? take : room);
        s->cut |= take > room; /* the rest of this line is dropped */
        p += take;
        if (!eol)
            break;
        p++;
        s->after_cr = *eol == '\r';
        emit(w, s);
    }
}

static void read_stream(struct watch *w, struct stream *s)
{
    char part[READ_BYTES];
    ssize_t n = read(s->fd, part, sizeof(part));
    if (n > 0) {
        feed(w, s, part, (size_t)n);
        return;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (s->line.n > 0 || s->cut)
        emit(w, s);
    close(s->fd);
    s->fd = -1;
}

static void on_cancel(struct watch *w)
{
    w->cancelled = true;
    w->term_at = cdz_mono_us();
    (void)cdz_proctree_signal(&w->tree, SIGTERM);
    (void)cdz_proctree_signal(&w->tree, SIGCONT); /* a stopped process takes no SIGTERM */
}

/* The child's end, asked for: needed only when there is no pidfd to wait on. */
static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid == pid;
}

static void on_ended(struct watch *w)
{
    w->ended = true;
    w->ended_at = cdz_mono_us();
}

static bool is_silent(const struct watch *w)
{
    return w->out[0].fd < 0 && w->out[1].fd < 0;
}

/*
 * What the clock demands: takes the next stronger measure when its time has come. Returns how long
 * poll may wait, 0: until something happens, -1: the end.
 */
static cdz_us escalate(struct watch *w)
{
    cdz_us now = cdz_mono_us();
    if (w->ended && !w->cancelled && is_silent(w))
        return -1;
    if (w->killed) { /* again and again: a fork may slip between two looks */
        bool gone = cdz_proctree_signal(&w->tree, SIGKILL) == 0;
        /* Who holds the pipe and is not of the tree is not ours to kill. */
        return (w->ended && gone) || ++w->looks > LOOKS_MAX ? -1 : LOOK_AGAIN;
    }
    if (w->cancelled) {
        if (w->ended && cdz_proctree_signal(&w->tree, 0) == 0)
            return -1;
        if (now < w->term_at + w->p->grace_us)
            return w->ended ? LOOK_AGAIN : w->term_at + w->p->grace_us - now;
        w->killed = true;
        (void)cdz_proctree_signal(&w->tree, SIGKILL);
        return LOOK_AGAIN;
    }
    if (w->ended) {
        if (now < w->ended_at + LEFT_BEHIND)
            return w->ended_at + LEFT_BEHIND - now;
        w->killed = true;
        w->strays = (unsigned)cdz_proctree_signal(&w->tree, SIGKILL);
        return LOOK_AGAIN;
    }
    return w->pidfd < 0 ? LOOK_AGAIN : 0;
}

static void watch(struct watch *w)
{
    for (cdz_us wait; (wait = escalate(w)) >= 0;) {
        struct pollfd fds[4] = {
            {.fd = w->out[0].fd, .events = POLLIN},
            {.fd = w->out[1].fd, .events = POLLIN},
            {.fd = w->ended ? -1 : w->pidfd, .events = POLLIN},
            {.fd = w->cancelled ? -1 : w->p->cancel_fd, .events = POLLIN},
        };
        struct timespec ts = {.tv_sec = wait / CDZ_SECOND, .tv_nsec = wait % CDZ_SECOND * 1000};
        if (ppoll(fds, 4, wait ? &ts : NULL, NULL) < 0)
            continue; /* EINTR */
        if (fds[0].revents)
            read_stream(w, &w->out[0]);
        if (fds[1].revents)
            read_stream(w, &w->out[1]);
        if (fds[2].revents || (w->pidfd < 0 && !w->ended && has_ended(w->pid)))
            on_ended(w);
        if (fds[3].revents)
            on_cancel(w);
    }
    /* What was written before the end is in the pipes still, also where somebody else holds them.
     */
    for (size_t i = 0; i < 2; i++) {
        struct pollfd p = {.fd = w->out[i].fd, .events = POLLIN};
        for (int n = 0; n < 4 && w->out[i].fd >= 0 && poll(&p, 1, 0) > 0; n++)
            read_stream(w, &w->out[i]);
        if (w->out[i].line.n > 0)
            emit(w, &w->out[i]);
    }
}

/*
 * The numbers are read when the child has ended, from a descriptor that was opened while it lived:
 * /proc/<pid>/io of a zombie belongs to root and nobody else could open it.
 */
static int open_io(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
    return open(path, O_RDONLY | O_CLOEXEC); /* -1: a program of another user, no numbers */
}

static void read_io(int fd, struct cdz_process_use *use)
{
    char text[1024];
    unsigned long long r = 0, wr = 0;
    ssize_t n = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : -1;
    if (n <= 0)
        return;
    text[n] = 0;
    const char *rp = strstr(text, "rchar: "), *wp = strstr(text, "wchar: ");
    if (rp && wp && sscanf(rp, "rchar: %llu", &r) == 1 && sscanf(wp, "wchar: %llu", &wr) == 1) {
        use->read_bytes = r;
        use->write_bytes = wr;
    }
}

/*
 * Whether no process at all was made since the child. The last field of /proc/loadavg is the pid given
 * out last in our namespace (those of containers below it count, too); as long as the child is not
 * reaped, its own cannot be given out again. Others' processes make this false: that is no harm.
 */
static bool is_childless(pid_t pid)
{
    char text[128];
    int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    text[n] = 0;
    const char *last = strrchr(text, ' ');
    return last && strtol(last + 1, NULL, 10) == pid;
}

static cdz_us us_of(struct timeval tv)
{
    return (cdz_us)tv.tv_sec * CDZ_SECOND + tv.tv_usec;
}

/* 0, or the errno of what failed. */
static int spawn(const struct cdz_process *p, int out, int err_fd, pid_t *ret)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, err_fd, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawn_file_actions_addchdir_np(&files, p->cwd);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    int rc = posix_spawnp(ret, p->argv[0], &files, &attr, (char *const *)(uintptr_t)p->argv,
                          (char *const *)(uintptr_t)p->envp);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

/* The child has ended but is not reaped: its numbers can still be read, and its pid is nobody
 * else's. */
static void reap(struct watch *w, struct cdz_process_use *use)
{
    struct rusage ru;
    siginfo_t info;
    int status = 0;
    while (waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        continue;
    read_io(w->io_fd, use);
    use->childless = is_childless(w->pid);
    while (wait4(w->pid, &status, 0, &ru) < 0 && errno == EINTR)
        continue;
    use->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    use->cpu_user = us_of(ru.ru_utime);
    use->cpu_system = us_of(ru.ru_stime);
    use->memory_peak = (uint64_t)ru.ru_maxrss * 1024;
}

cdz_rc cdz_process_run(const struct cdz_process *p, struct cdz_process_use *ret,
                       struct cdz_err *err)
{
    int out[2] = {-1, -1}, errs[2] = {-1, -1}, number = 0;
    struct watch w = {.p = p,
                      .out = {{.which = CDZ_STDOUT, .fd = -1}, {.which = CDZ_STDERR, .fd = -1}}};
    struct cdz_process_use use = {0};
    cdz_us began = cdz_mono_us();
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(errs, O_CLOEXEC) != 0)
        number = errno;
    else
        number = spawn(p, out[1], errs[1], &w.pid);
    if (out[1] >= 0)
        close(out[1]);
    if (errs[1] >= 0)
        close(errs[1]);
    if (number) {
        if (out[0] >= 0)
            close(out[0]);
        if (errs[0] >= 0)
            close(errs[0]);
        return cdz_fail(err, CDZ_E_TASK, "`%s` cannot be started: %s", p->argv[0],
                        strerrordesc_np(number));
    }
    int slot = tree_add(w.pid, p->marker);
    w.tree.root = w.pid;
    w.tree.mark = p->marker;
    w.out[0].fd = out[0];
    w.out[1].fd = errs[0];
    w.io_fd = open_io(w.pid);
    w.pidfd = (int)syscall(SYS_pidfd_open, w.pid, 0);
    watch(&w);
    for (size_t i = 0; i < 2; i++) {
        if (w.out[i].fd >= 0)
            close(w.out[i].fd);
        cdz_buf_done(&w.out[i].line);
    }
    tree_remove(slot); /* before the pid can be another's */
    reap(&w, &use);
    if (w.pidfd >= 0)
        close(w.pidfd);
    if (w.io_fd >= 0)
        close(w.io_fd);
    use.cancelled = w.cancelled;
    use.strays = w.strays;
    use.wall = cdz_mono_us() - began;
    use.stdout_bytes = w.out[0].bytes;
    use.stderr_bytes = w.out[1].bytes;
    *ret = use;
    return CDZ_OK;
}
