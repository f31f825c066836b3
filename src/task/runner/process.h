/*
 * process.h -- the Process task runner: one child process with its whole tree, watched by the
 * thread of its attempt.
 *
 * The child gets a session and process group of its own, no descriptor of ours but 0, 1 and 2,
 * default signals, and the environment given (with CADENZA_TASKRUN_ID=<marker> in it, by which
 * strays are found that have left the session). Started with posix_spawn: the cost does not grow
 * with the memory of the server.
 */
#ifndef CDZ_TASK_RUNNER_PROCESS_H
#define CDZ_TASK_RUNNER_PROCESS_H

#include "base/arena.h"
#include "base/err.h"

enum cdz_stream { CDZ_STDOUT, CDZ_STDERR };

struct cdz_process {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *envp; /* NULL-terminated */
    const char *cwd;
    const char *marker; /* unique; also in envp as CADENZA_TASKRUN_ID */
    int cancel_fd;      /* readable: end the tree; -1: none */
    cdz_us grace_us;    /* between SIGTERM and SIGKILL */
    /* One line without its end; what is longer than CDZ_LOG_LINE_MAX is cut and `cut` is true.
     * Thread: the caller's. */
    void (*line)(void *ctx, enum cdz_stream from, cdz_str line, bool cut);
    void *ctx;
};

/* What a finished process has used. Spans in microseconds, sizes in bytes. */
struct cdz_process_use {
    int exit_code;   /* 128 + n when signal n ended it */
    bool childless;  /* it has surely started no process, so none can be left; false: not known */
    bool cancelled;  /* it was told to end through cancel_fd */
    unsigned strays; /* processes still there after the main one had ended; they were killed */
    cdz_us cpu_user, cpu_system, wall;
    uint64_t memory_peak, read_bytes, write_bytes, stdout_bytes, stderr_bytes;
};

/* Runs it to its end. CDZ_E_TASK: it could not be started (no such program ...). Threads: any
 * number at once. */
CDZ_MUST_USE cdz_rc cdz_process_run(const struct cdz_process *p, struct cdz_process_use *ret,
                                    struct cdz_err *err);

/* SIGKILL for every tree that runs now. Async-signal-safe. */
void cdz_process_kill_all(void);

#endif
