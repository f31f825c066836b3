/* The Process task runner: lines, ends, costs, and that nothing of a tree survives a cancel. */
#include "task/runner/process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../contract/tmpdir.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/time.h"
#include "test.h"

struct child {
    struct cdz_process p;
    struct cdz_process_use use;
    struct cdz_err err;
    struct cdz_buf text; /* "o:line\n" and "e:line\n" */
    size_t lines, longest;
    bool cut;
    int cancel;              /* eventfd */
    const char *cancel_line; /* cancels when it comes */
    void (*on_cancel_line)(void);
    char mark[64], mark_entry[96], dir[64];
    const char *argv[4], *envp[4];
};

static void on_line(void *ctx, enum cdz_stream from, cdz_str line, bool cut)
{
    struct child *c = ctx;
    c->lines++;
    c->cut |= cut;
    c->longest = line.n > c->longest ? line.n : c->longest;
    if (c->text.n < 1 << 16 && line.n < 4096)
        cdz_buf_printf(&c->text, "%c:%.*s\n", from == CDZ_STDERR ? 'e' : 'o', CDZ_S(line));
    if (!cdz_utf8_valid(line))
        cdz_buf_z(&c->text, "NOT UTF-8\n");
    if (c->cancel_line && cdz_str_is(line, c->cancel_line)) {
        uint64_t one = 1;
        if (c->on_cancel_line)
            c->on_cancel_line();
        else if (write(c->cancel, &one, sizeof(one)) < 0)
            abort();
    }
}

static void child_init(struct child *c, const char *script)
{
    static unsigned number;
    memset(c, 0, sizeof(*c));
    tmpdir_make(c->dir);
    snprintf(c->mark, sizeof(c->mark), "test-%d-%u", (int)getpid(),
             __atomic_add_fetch(&number, 1, __ATOMIC_SEQ_CST));
    snprintf(c->mark_entry, sizeof(c->mark_entry), "CADENZA_TASKRUN_ID=%s", c->mark);
    c->cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->argv[0] = "/bin/sh";
    c->argv[1] = "-c";
    c->argv[2] = script;
    c->envp[0] = "PATH=/usr/local/bin:/usr/bin:/bin";
    c->envp[1] = c->mark_entry;
    c->p = (struct cdz_process){.argv = c->argv,
                                .envp = c->envp,
                                .cwd = c->dir,
                                .marker = c->mark,
                                .cancel_fd = c->cancel,
                                .grace_us = 5 * CDZ_SECOND,
                                .line = on_line,
                                .ctx = c};
}

static void child_done(struct child *c)
{
    cdz_buf_done(&c->text);
    close(c->cancel);
    tmpdir_remove(c->dir);
}

static cdz_rc child_run(struct child *c)
{
    cdz_rc rc = cdz_process_run(&c->p, &c->use, &c->err);
    CHECK(!c->text.p || !strstr(c->text.p, "NOT UTF-8"), "a line is not UTF-8");
    return rc;
}

static bool said(const struct child *c, const char *line)
{
    return c->text.p && strstr(c->text.p, line);
}

/* The number that a script has written to a file of its directory, 0 when there is none. */
static pid_t pid_in(const struct child *c, const char *file)
{
    char path[160];
    int pid = 0;
    snprintf(path, sizeof(path), "%s/%s", c->dir, file);
    FILE *f = fopen(path, "re");
    if (f && fscanf(f, "%d", &pid) != 1)
        pid = 0;
    if (f)
        fclose(f);
    return pid;
}

/* Gone, or a zombie that waits for its parent; looked at for two seconds. */
static bool is_gone(pid_t pid)
{
    char path[64], text[512];
    if (pid <= 0)
        return false; /* the script has not come that far: no proof */
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 200; i++) {
        FILE *f = fopen(path, "re");
        if (!f)
            return true;
        const char *state = fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
        fclose(f);
        if (!state || state[2] == 'Z' || state[2] == 'X')
            return true;
        usleep(10000);
    }
    return false;
}

TEST(lines_of_both_streams_come_whole_and_the_exit_code_is_kept)
{
    struct child c;
    child_init(&c, "echo one; echo two >&2; printf three; exit 7");
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(said(&c, "o:one\n") && said(&c, "e:two\n") && said(&c, "o:three\n"), "%s", c.text.p);
    CHECK(c.lines == 3, "%zu lines", c.lines);
    CHECK(c.use.exit_code == 7, "exit code %d", c.use.exit_code);
    CHECK(!c.use.cancelled && c.use.strays == 0);
    CHECK(c.use.stdout_bytes == 9 && c.use.stderr_bytes == 4);
    child_done(&c);
}

TEST(a_signal_is_128_plus_its_number)
{
    struct child c;
    child_init(&c, "kill -SEGV $$");
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(c.use.exit_code == 128 + SIGSEGV, "exit code %d", c.use.exit_code);
    child_done(&c);
}

TEST(a_program_that_is_not_there_is_a_failure_that_names_it)
{
    struct child c;
    child_init(&c, "");
    c.argv[0] = "no-such-program-here";
    CHECK(child_run(&c) == CDZ_E_TASK);
    CHECK(strstr(c.err.text, "no-such-program-here"), "%s", c.err.text);
    child_done(&c);
}

TEST(a_working_directory_that_is_gone_is_a_failure)
{
    struct child c;
    child_init(&c, "echo here");
    c.p.cwd = "/nowhere/at/all";
    CHECK(child_run(&c) == CDZ_E_TASK);
    CHECK(c.lines == 0);
    child_done(&c);
}

TEST(line_ends_of_all_three_kinds_end_a_line)
{
    struct child c;
    child_init(&c, "printf 'a\\r\\nb\\rc\\n\\nd\\r'; sleep 0.05; printf '\\ne\\n'");
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(c.text.p && strcmp(c.text.p, "o:a\no:b\no:c\no:\no:d\no:e\n") == 0, "got %s", c.text.p);
    child_done(&c);
}

TEST(malformed_bytes_become_replacement_characters)
{
    struct child c;
    child_init(&c, "printf 'caf\\303\\251 \\377\\376 end\\n'");
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(said(&c, "o:caf\303\251 \357\277\275\357\277\275 end\n"), "%s", c.text.p);
    child_done(&c);
}

TEST(a_line_beyond_the_limit_is_cut_between_characters)
{
    struct child c;
    /* An 'x' and then characters of three bytes: the limit falls into one of them. */
    child_init(&c, "printf x; head -c 3000000 /dev/zero | tr '\\0' a | sed 's/aaa/\342\202\254/g'; "
                   "echo; echo tail");
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(c.cut, "not cut");
    CHECK(c.longest <= CDZ_LOG_LINE_MAX && c.longest > CDZ_LOG_LINE_MAX - 4, "%zu", c.longest);
    CHECK(said(&c, "tail\n"), "what follows is lost");
    child_done(&c);
}

TEST(half_a_gigabyte_without_a_newline_takes_no_memory_and_ends)
{
    struct child c;
    struct rusage before, after;
    child_init(&c, "head -c 536870912 /dev/zero; echo; echo end");
    getrusage(RUSAGE_SELF, &before);
    CHECK(child_run(&c) == CDZ_OK);
    getrusage(RUSAGE_SELF, &after);
    CHECK(c.use.stdout_bytes == 536870912u + 5, "%llu bytes",
          (unsigned long long)c.use.stdout_bytes);
    CHECK(said(&c, "o:end\n"));
    CHECK(after.ru_maxrss - before.ru_maxrss < 32 << 10, "grew by %ld kB",
          after.ru_maxrss - before.ru_maxrss);
    child_done(&c);
}

TEST(the_child_inherits_no_descriptor_no_ignored_signal_and_no_variable)
{
    struct child c;
    int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as a library might */
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    child_init(&c, "grep SigIgn /proc/$$/status; env | sort | cut -d= -f1 | tr '\\n' ' '; "
                   "read x || echo end of input");
    CHECK(child_run(&c) == CDZ_OK);
    unsigned long long ignored = 1;
    const char *found = c.text.p ? strstr(c.text.p, "SigIgn:\t") : NULL;
    CHECK(found && sscanf(found, "SigIgn:\t%llx", &ignored) == 1, "%s", c.text.p);
    CHECK((ignored & ~(3ull << 31)) == 0, "ignored %llx",
          ignored); /* 32, 33: the C library's own */
    CHECK(said(&c, "CADENZA_TASKRUN_ID PATH PWD"), "%s", c.text.p);
    CHECK(!said(&c, "HOME"), "%s", c.text.p);
    CHECK(said(&c, "end of input"), "%s", c.text.p);
    child_done(&c);
    child_init(&c, "");
    c.argv[0] = "ls";
    c.argv[1] = "/proc/self/fd"; /* ls itself opens that directory as 3 */
    c.argv[2] = NULL;
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(c.text.p && strcmp(c.text.p, "o:0\no:1\no:2\no:3\n") == 0, "%s", c.text.p);
    signal(SIGPIPE, before);
    close(leak);
    child_done(&c);
}

TEST(a_cancel_sends_sigterm_and_waits_for_a_clean_end)
{
    struct child c;
    child_init(&c, "trap 'echo cleaning; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
    c.cancel_line = "ready";
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(c.use.cancelled);
    CHECK(said(&c, "o:cleaning\n"), "%s", c.text.p);
    CHECK(c.use.exit_code == 3, "exit code %d", c.use.exit_code);
    CHECK(c.use.wall < 3 * CDZ_SECOND, "took %lld us", (long long)c.use.wall);
    child_done(&c);
}

TEST(a_cancel_kills_after_the_grace_who_does_not_listen)
{
    struct child c;
    child_init(&c, "trap '' TERM; echo ready; while :; do sleep 0.05; done");
    c.cancel_line = "ready";
    c.p.grace_us = 300 * CDZ_MS;
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(c.use.exit_code == 128 + SIGKILL, "exit code %d", c.use.exit_code);
    CHECK(c.use.wall >= 300 * CDZ_MS && c.use.wall < 3 * CDZ_SECOND, "took %lld us",
          (long long)c.use.wall);
    child_done(&c);
}

TEST(a_descendant_has_the_grace_too_when_the_first_process_has_ended)
{
    struct child c;
    child_init(&c, "sh -c 'trap \"sleep 0.3; echo > saved; exit\" TERM; echo $$ > pid; echo ready; "
                   "while :; do sleep 0.05; "
                   "done' & wait");
    c.cancel_line = "ready";
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(is_gone(pid_in(&c, "pid")), "it lives");
    char saved[160];
    snprintf(saved, sizeof(saved), "%s/saved", c.dir);
    CHECK(access(saved, F_OK) == 0, "it was killed before it could clean up");
    child_done(&c);
}

TEST(a_cancel_finds_who_has_left_the_session)
{
    static const struct {
        const char *why, *script;
    } rows[] = {
        {"child", "sleep 300 & echo $! > pid; echo ready; wait"},
        {"own session", "setsid sh -c 'echo $$ > pid; echo ready; exec sleep 300' & wait"},
        {"daemon", "setsid sh -c '(sh -c \"echo \\$\\$ > pid; exec sleep 300\" >/dev/null 2>&1 &)' "
                   "& sleep 0.3; echo ready; sleep 300"},
        {"own session and no environment",
         "env -i setsid sh -c 'echo $$ > pid; echo ready; exec sleep 300' & wait"},
        {"grandchild without session and environment",
         "env -i setsid sh -c 'setsid sh -c \"echo \\$\\$ > pid; echo ready; exec sleep 300\" & "
         "wait' & wait"},
        {"stopped", "sh -c 'echo $$ > pid; echo ready; kill -STOP $$; sleep 300' & wait"},
        {"not listening daemon",
         "setsid sh -c '(trap \"\" TERM; sh -c \"echo \\$\\$ > pid; while :; do sleep 0.1; done\" "
         ">/dev/null 2>&1 &)' & sleep 0.3; echo ready; sleep 300"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        struct child c;
        child_init(&c, rows[i].script);
        c.cancel_line = "ready";
        c.p.grace_us = 500 * CDZ_MS;
        CHECK(child_run(&c) == CDZ_OK, "%s", rows[i].why);
        CHECK(c.use.cancelled, "%s", rows[i].why);
        CHECK(is_gone(pid_in(&c, "pid")), "%s: process %d lives", rows[i].why,
              (int)pid_in(&c, "pid"));
        CHECK(c.use.wall < 5 * CDZ_SECOND, "%s: took %lld us", rows[i].why, (long long)c.use.wall);
        child_done(&c);
    }
}

TEST(a_stopped_process_gets_its_sigterm_too)
{
    struct child c;
    child_init(&c, "trap 'echo cleaning; exit 3' TERM; echo ready; kill -STOP $$; sleep 300");
    c.cancel_line = "ready";
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(said(&c, "o:cleaning\n") && c.use.exit_code == 3, "exit code %d", c.use.exit_code);
    child_done(&c);
}

TEST(a_background_child_that_holds_the_output_is_killed_after_the_end)
{
    struct child c;
    child_init(&c, "setsid sleep 300 & echo $! > pid; echo done");
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(c.use.exit_code == 0, "exit code %d", c.use.exit_code);
    CHECK(c.use.strays == 1, "%u strays", c.use.strays);
    CHECK(is_gone(pid_in(&c, "pid")), "it lives");
    CHECK(c.use.wall >= 500 * CDZ_MS && c.use.wall < 3 * CDZ_SECOND, "took %lld us",
          (long long)c.use.wall);
    child_done(&c);
}

TEST(a_background_child_that_ends_soon_after_is_waited_for)
{
    struct child c;
    child_init(&c, "(sleep 0.2; echo late) & echo done");
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(said(&c, "o:late\n"), "%s", c.text.p);
    CHECK(c.use.strays == 0);
    child_done(&c);
}

TEST(a_daemon_that_holds_no_output_is_left_alone)
{
    struct child c;
    child_init(&c, "sleep 300 >/dev/null 2>&1 & echo $! > pid");
    CHECK(child_run(&c) == CDZ_OK);
    pid_t pid = pid_in(&c, "pid");
    CHECK(c.use.wall < 400 * CDZ_MS, "waited for it: %lld us", (long long)c.use.wall);
    CHECK(pid > 0 && kill(pid, 0) == 0, "it is gone");
    if (pid > 0)
        kill(pid, SIGKILL);
    child_done(&c);
}

TEST(kill_all_ends_the_trees_and_their_strays_and_nothing_else)
{
    struct child c, foreign;
    /* Another program's tree, marked as trees are. */
    child_init(&foreign, "sleep 300 >/dev/null 2>&1 & echo $! > pid");
    CHECK(child_run(&foreign) == CDZ_OK);
    pid_t other = pid_in(&foreign, "pid");
    child_init(
        &c,
        "trap '' TERM; setsid sleep 300 & echo $! > pid; sleep 0.2; echo ready; wait; sleep 300");
    c.cancel_line = "ready";
    c.on_cancel_line = cdz_process_kill_all;
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(c.use.exit_code == 128 + SIGKILL, "exit code %d", c.use.exit_code);
    CHECK(is_gone(pid_in(&c, "pid")), "the stray lives");
    CHECK(c.use.strays == 0, "the stray was found by the runner only");
    CHECK(other > 0 && kill(other, 0) == 0, "a process of another tree was killed");
    if (other > 0)
        kill(other, SIGKILL);
    child_done(&c);
    child_done(&foreign);
}

TEST(childless_is_said_only_of_who_has_made_no_process)
{
    static const char *const parents[] = {"/bin/true", "sleep 0 & wait",
                                          "(sleep 0.2 >/dev/null 2>&1 &)",
                                          "setsid sleep 0.2 >/dev/null 2>&1 & :"};
    struct child c;
    bool ever = false;
    for (size_t i = 0; i < CDZ_COUNT(parents); i++) {
        char script[120];
        snprintf(script, sizeof(script), "%s; :", parents[i]);
        child_init(&c, script);
        CHECK(child_run(&c) == CDZ_OK);
        CHECK(!c.use.childless, "%s", parents[i]);
        child_done(&c);
    }
    /* Another program may make a process just then: one of many is enough. */
    for (int i = 0; i < 200 && !ever; i++) {
        child_init(&c, "echo hi");
        CHECK(child_run(&c) == CDZ_OK);
        ever = c.use.childless;
        child_done(&c);
    }
    CHECK(ever, "never said of a command that makes none");
}

TEST(what_it_has_used_is_measured)
{
    struct child c;
    child_init(&c, "head -c 50000000 /dev/zero | tr '\\0' x > file; i=0; while [ $i -lt 100000 ]; "
                   "do i=$((i+1)); done");
    CHECK(child_run(&c) == CDZ_OK);
    CHECK(c.use.cpu_user > 10 * CDZ_MS, "user %lld us", (long long)c.use.cpu_user);
    CHECK(c.use.cpu_user + c.use.cpu_system < 60 * CDZ_SECOND);
    CHECK(c.use.memory_peak > 100 << 10 && c.use.memory_peak < (uint64_t)1 << 30, "peak %llu",
          (unsigned long long)c.use.memory_peak);
    CHECK(c.use.write_bytes >= 50000000, "written %llu", (unsigned long long)c.use.write_bytes);
    CHECK(c.use.read_bytes >= 50000000, "read %llu", (unsigned long long)c.use.read_bytes);
    child_done(&c);
}

static void *twenty(void *arg)
{
    unsigned *good = arg;
    for (int i = 0; i < 20; i++) {
        struct child c;
        child_init(&c, "echo hi; exit 5");
        if (cdz_process_run(&c.p, &c.use, &c.err) == CDZ_OK && c.use.exit_code == 5 && c.lines == 1)
            ++*good;
        child_done(&c);
    }
    return NULL;
}

TEST(many_at_once_do_not_mix)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    unsigned good[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, twenty, &good[i]) != 0)
            abort();
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK(good[i] == 20, "thread %d: %u of 20", i, good[i]);
    }
}

TEST(no_descriptor_is_left_open)
{
    struct child c;
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after, failed = 0;
    close(before);
    for (int i = 0; i < 10; i++) {
        child_init(&c, i % 2 ? "echo ready; sleep 300" : "true");
        c.cancel_line = "ready";
        if (i % 3 == 2)
            c.argv[0] = "no-such-program-here";
        failed += cdz_process_run(&c.p, &c.use, &c.err) != CDZ_OK;
        child_done(&c);
    }
    after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(failed == 3, "%d starts have failed", failed);
    CHECK(before == after, "the next free descriptor was %d and is %d", before, after);
    close(after);
}

TEST_MAIN
