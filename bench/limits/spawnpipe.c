/*
 * spawnpipe.c -- the floor under a task that is a child process: spawn a command with its two
 * outputs in pipes, read both to their ends, wait. One at a time.
 *
 *   spawnpipe N COMMAND [ARGUMENT ...]
 */
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "limit.h"

extern char **environ;

static void drain(int fds[2])
{
    struct pollfd p[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
    char buf[65536];
    while (p[0].fd >= 0 || p[1].fd >= 0) {
        if (poll(p, 2, -1) < 0)
            limit_die("poll");
        for (int i = 0; i < 2; i++) {
            if (p[i].fd >= 0 && p[i].revents && read(p[i].fd, buf, sizeof(buf)) <= 0)
                p[i].fd = -1;
        }
    }
}

static void once(char **command)
{
    posix_spawn_file_actions_t actions;
    int out[2], err[2], status;
    pid_t pid;
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        limit_die("pipe2");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
    if (posix_spawnp(&pid, command[0], &actions, NULL, command, environ) != 0)
        limit_die(command[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    drain((int[2]){out[0], err[0]});
    close(out[0]);
    close(err[0]);
    if (waitpid(pid, &status, 0) < 0)
        limit_die("waitpid");
    if (status != 0) {
        fprintf(stderr, "%s failed\n", command[0]);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: spawnpipe N COMMAND [ARGUMENT ...]\n");
        return 2;
    }
    long n = limit_arg(argc, argv, 1, 40);
    double *took = calloc((size_t)n, sizeof(*took)), begin = limit_now();
    if (!took)
        limit_die("calloc");
    for (long i = 0; i < n; i++) {
        double t = limit_now();
        once(argv + 2);
        took[i] = limit_now() - t;
    }
    double all = limit_now() - begin;
    printf("{\"n\":%ld,\"seconds\":%.6f,\"per_second\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", n,
           all, (double)n / all, limit_percentile(took, (size_t)n, 50) * 1e3,
           limit_percentile(took, (size_t)n, 99) * 1e3);
    free(took);
    return 0;
}
