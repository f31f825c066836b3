/*
 * script.c -- one attempt of a script task: a working directory, a command line, a process, its
 * outputs.
 *
 * The command line is the interpreter and one argument: `set -e`, beforeCommands and commands as
 * lines. A script file that needs no shell around it is started directly, which saves a process.
 */
#include "task/script.h"

#include <unistd.h>

#include "base/time.h"
#include "task/protocol.h"
#include "task/runner/process.h"
#include "task/workdir.h"
#include "task/world.h"

extern char **environ;

enum { ARGUMENT_MAX = 128 << 10 /* MAX_ARG_STRLEN of Linux, with the NUL */ };

struct script {
    struct cdz_run *run;
    struct cdz_workdir dir;
    const struct cdz_script_language *language;
    const char *output_dir; /* relative, or NULL */
    struct cdz_protocol *protocol;
    bool wrote_stderr;
    CDZ_VEC(const char *) argv, envp;
};

static void on_line(void *ctx, enum cdz_stream from, cdz_str line, bool cut)
{
    struct script *s = ctx;
    s->wrote_stderr |= from == CDZ_STDERR;
    if (!cut && cdz_protocol_line(s->protocol, line))
        return;
    s->run->log(s->run, from == CDZ_STDERR ? CDZ_WARN : CDZ_INFO, cdz_now_us(), line);
    if (cut)
        cdz_run_logf(s->run, CDZ_WARN, "The line above was cut: it was longer than %zu bytes",
                     line.n);
}

/* --- environment ------------------------------------------------------------------------------ */

/* What the server keeps for itself. */
static bool is_private(const char *pair)
{
    static const char *const prefixes[] = {"SECRET_", "KESTRA_", "CADENZA_"};
    for (size_t i = 0; i < CDZ_COUNT(prefixes); i++) {
        if (strncmp(pair, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return strncmp(a, b, n + 1) == 0;
}

static void set_env(struct script *s, const char *pair)
{
    for (size_t i = 0; i < s->envp.n; i++) {
        if (same_name(pair, s->envp.v[i])) {
            s->envp.v[i] = pair;
            return;
        }
    }
    CDZ_PUSH(s->run->arena, &s->envp, pair);
}

static cdz_rc make_env(struct script *s, struct cdz_err *err)
{
    struct cdz_arena *arena = s->run->arena;
    cdz_val env;
    for (char **e = environ; *e; e++) {
        if (!is_private(*e))
            CDZ_PUSH(arena, &s->envp, *e);
    }
    for (const char *const *e = s->language->env; e && *e; e++)
        set_env(s, *e);
    set_env(s, cdz_arena_printf(arena, "WORKING_DIR=%s", s->dir.path).p);
    if (s->output_dir)
        set_env(s, cdz_arena_printf(arena, "OUTPUT_DIR=%s/%s", s->dir.path, s->output_dir).p);
    CDZ_TRY(cdz_run_json(s->run, "env", &env, err));
    if (env.kind == CDZ_MAP) {
        CDZ_MAP_EACH (e, env) {
            CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
            cdz_expr_print(&text, e->val);
            if (e->key.n == 0 || memchr(e->key.p, '=', e->key.n) || memchr(e->key.p, 0, e->key.n))
                return cdz_fail(err, CDZ_E_TASK, "env has a name that cannot be one: `%.*s`",
                                CDZ_S(e->key));
            set_env(s, cdz_arena_printf(arena, "%.*s=%s", CDZ_S(e->key), text.p ? text.p : "").p);
        }
    } else if (!cdz_val_is_null(env)) {
        return cdz_fail(err, CDZ_E_TASK, "env must be a map, not a %s", cdz_val_kind_name(env));
    }
    set_env(s, cdz_arena_printf(arena, "CADENZA_TASKRUN_ID=%.*s-%u", CDZ_S(s->run->job->taskrun_id),
                                s->run->job->epoch)
                   .p);
    CDZ_PUSH(arena, &s->envp, NULL);
    return CDZ_OK;
}

/* --- command line ----------------------------------------------------------------------------- */

/* The items of a list property (or one text) as lines, with local paths for URIs. */
static cdz_rc add_lines(struct script *s, const char *property, struct cdz_buf *to,
                        struct cdz_err *err)
{
    cdz_val v;
    CDZ_TRY(cdz_run_json(s->run, property, &v, err));
    if (cdz_val_is_null(v))
        return CDZ_OK;
    if (v.kind != CDZ_LIST) {
        cdz_val list = cdz_val_list(s->run->arena, 1);
        cdz_list_push(s->run->arena, list, v);
        v = list;
    }
    CDZ_LIST_EACH (item, v) {
        CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
        cdz_str local;
        if (cdz_val_is_null(*item))
            continue;
        cdz_expr_print(&text, *item);
        CDZ_TRY(cdz_workdir_localise(&s->dir, cdz_buf_copy(&text, s->run->arena), &local, err));
        if (to->n)
            cdz_buf_c(to, '\n');
        cdz_buf_str(to, local);
    }
    return CDZ_OK;
}

static cdz_rc add_interpreter(struct script *s, struct cdz_err *err)
{
    cdz_val v;
    CDZ_TRY(cdz_run_json(s->run, "interpreter", &v, err));
    if (v.kind == CDZ_LIST) {
        CDZ_LIST_EACH (item, v) {
            if (item->kind == CDZ_TEXT)
                CDZ_PUSH(s->run->arena, &s->argv, cdz_arena_z(s->run->arena, cdz_val_str(*item)));
        }
    }
    if (s->argv.n == 0) {
        CDZ_PUSH(s->run->arena, &s->argv, "/bin/sh");
        CDZ_PUSH(s->run->arena, &s->argv, "-c");
    }
    return CDZ_OK;
}

/* The kernel takes no longer argument: the text goes to a file that the same shell reads. */
static cdz_rc source_line(struct script *s, cdz_str text, cdz_str *ret, struct cdz_err *err)
{
    static const char name[] = CDZ_WORKDIR_OWN "/commands.sh";
    CDZ_TRY(cdz_workdir_write(&s->dir, cdz_str_z(name), text, err));
    *ret = cdz_arena_printf(s->run->arena, ". \"$WORKING_DIR/%s\"", name);
    return CDZ_OK;
}

static cdz_rc shell_line(struct script *s, cdz_str commands, struct cdz_err *err)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    bool fail_fast;
    CDZ_TRY(cdz_run_bool(s->run, "failFast", &fail_fast, err));
    CDZ_TRY(add_interpreter(s, err));
    if (fail_fast)
        cdz_buf_z(&b, "set -e");
    CDZ_TRY(add_lines(s, "beforeCommands", &b, err));
    if (b.n)
        cdz_buf_c(&b, '\n');
    cdz_buf_str(&b, commands);
    cdz_str line = cdz_buf_copy(&b, s->run->arena);
    if (cdz_str_chr(line, 0, 0) != SIZE_MAX)
        return cdz_fail(err, CDZ_E_TASK, "the commands hold a NUL character");
    if (line.n >= ARGUMENT_MAX)
        CDZ_TRY(source_line(s, line, &line, err));
    CDZ_PUSH(s->run->arena, &s->argv, line.p);
    CDZ_PUSH(s->run->arena, &s->argv, NULL);
    return CDZ_OK;
}

static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    char file[4096];
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t n = strcspn(p, ":");
        snprintf(file, sizeof(file), "%.*s/%s", (int)n, p, program);
        if (access(file, X_OK) == 0)
            return true;
        p += n + (p[n] == ':');
    }
    return false;
}

static const char *program_of(const struct cdz_script_language *language)
{
    for (const char *const *p = language->programs; *p; p++) {
        if (in_path(*p))
            return *p;
    }
    return language->programs[0]; /* the start says that it is missing */
}

static cdz_rc script_line(struct script *s, cdz_str text, struct cdz_err *err)
{
    struct cdz_arena *arena = s->run->arena;
    cdz_val before, interpreter;
    if (!s->language->programs)
        return shell_line(s, text, err);
    cdz_str file;
    CDZ_TRY(cdz_workdir_write_new(&s->dir, "script", s->language->extension, text, &file, err));
    s->dir.script = file;
    CDZ_TRY(cdz_run_json(s->run, "beforeCommands", &before, err));
    CDZ_TRY(cdz_run_json(s->run, "interpreter", &interpreter, err));
    const char *program = program_of(s->language);
    bool shell = (before.kind == CDZ_LIST && cdz_list_n(before) > 0) || before.kind == CDZ_TEXT ||
                 interpreter.kind == CDZ_LIST;
    if (shell)
        return shell_line(s, cdz_arena_printf(arena, "%s %.*s", program, CDZ_S(file)), err);
    CDZ_PUSH(arena, &s->argv, program);
    CDZ_PUSH(arena, &s->argv, file.p);
    CDZ_PUSH(arena, &s->argv, NULL);
    return CDZ_OK;
}

/* --- one attempt ------------------------------------------------------------------------------ */

static void add_metrics(struct cdz_run *run, const struct cdz_process_use *use)
{
    cdz_run_metric(run, "timer", "process.cpu.user", (double)use->cpu_user / (double)CDZ_MS, NULL,
                   0);
    cdz_run_metric(run, "timer", "process.cpu.system", (double)use->cpu_system / (double)CDZ_MS,
                   NULL, 0);
    cdz_run_metric(run, "timer", "process.wall", (double)use->wall / (double)CDZ_MS, NULL, 0);
    cdz_run_metric(run, "counter", "process.memory.peak", (double)use->memory_peak, NULL, 0);
    cdz_run_metric(run, "counter", "process.io.read", (double)use->read_bytes, NULL, 0);
    cdz_run_metric(run, "counter", "process.io.write", (double)use->write_bytes, NULL, 0);
    cdz_run_metric(run, "counter", "process.stdout", (double)use->stdout_bytes, NULL, 0);
    cdz_run_metric(run, "counter", "process.stderr", (double)use->stderr_bytes, NULL, 0);
}

static cdz_rc run_process(struct script *s, struct cdz_process_use *use, struct cdz_err *err)
{
    struct cdz_run *run = s->run;
    struct cdz_process p = {
        .argv = s->argv.v,
        .envp = s->envp.v,
        .cwd = s->dir.path,
        .marker =
            cdz_arena_printf(run->arena, "%.*s-%u", CDZ_S(run->job->taskrun_id), run->job->epoch).p,
        .cancel_fd = run->cancel_fd,
        .grace_us = run->worker->kill_grace_us,
        .line = on_line,
        .ctx = s,
    };
    CDZ_TRY(cdz_process_run(&p, use, err));
    s->dir.is_left = use->childless; /* a daemon that holds no output could be in it still */
    add_metrics(run, use);
    if (use->strays)
        cdz_run_logf(run, CDZ_WARN,
                     "%u processes were left behind when the command had ended; they were killed",
                     use->strays);
    return CDZ_OK;
}

static cdz_rc finish(struct script *s, const struct cdz_process_use *use, struct cdz_err *err)
{
    struct cdz_run *run = s->run;
    bool warn;
    cdz_val files;
    cdz_run_output(run, "exitCode", cdz_val_i32(use->exit_code));
    cdz_rc rc = cdz_workdir_collect(&s->dir, s->output_dir, &files, err);
    if (rc == CDZ_OK)
        cdz_run_output(run, "outputFiles", files);
    CDZ_TRY(cdz_run_check(run, err));
    if (use->exit_code != 0)
        return cdz_fail(err, CDZ_E_TASK, "Command failed with exit code %d", use->exit_code);
    CDZ_TRY(rc);
    CDZ_TRY(cdz_run_bool(run, "warningOnStdErr", &warn, err));
    if (s->wrote_stderr && warn)
        run->state = CDZ_WARNING;
    return CDZ_OK;
}

/* {{ workingDir }}, {{ outputDir }}, and what is accepted although this runner has no use for it.
 */
static cdz_rc set_scene(struct script *s, struct cdz_err *err)
{
    struct cdz_run *run = s->run;
    bool output_dir;
    CDZ_TRY(cdz_run_bool(run, "outputDirectory", &output_dir, err));
    if (output_dir || !cdz_val_is_null(cdz_map_getz(run->task->props, "runner"))) {
        s->output_dir = "outputs";
        CDZ_TRY(cdz_workdir_mkdir(&s->dir, cdz_str_z(s->output_dir), err));
        cdz_task_world_put(run, "outputDir",
                           cdz_val_text(cdz_arena_printf(run->arena, "%s/outputs", s->dir.path)));
    }
    cdz_task_world_put(run, "workingDir", cdz_val_z(s->dir.path));
    if (!cdz_val_is_null(cdz_map_getz(run->task->props, "containerImage")) ||
        !cdz_val_is_null(cdz_map_getz(run->task->props, "docker")))
        cdz_run_logf(run, CDZ_DEBUG,
                     "The Process runner starts no container: containerImage and "
                     "docker are ignored");
    return CDZ_OK;
}

static cdz_rc in_directory(struct script *s, bool is_script, struct cdz_err *err)
{
    struct cdz_process_use use;
    cdz_str text;
    CDZ_TRY(set_scene(s, err));
    CDZ_TRY(cdz_workdir_fill(&s->dir, err));
    if (is_script) {
        CDZ_TRY(cdz_run_text(s->run, "script", &text, NULL, err));
        CDZ_TRY(cdz_workdir_localise(&s->dir, text, &text, err));
        CDZ_TRY(script_line(s, text, err));
    } else {
        CDZ_AUTO_BUF struct cdz_buf commands = CDZ_BUF_INIT;
        CDZ_TRY(add_lines(s, "commands", &commands, err));
        CDZ_TRY(shell_line(s, cdz_buf_get(&commands), err));
    }
    CDZ_TRY(make_env(s, err));
    s->protocol = cdz_protocol_new(s->run);
    cdz_rc rc = run_process(s, &use, err);
    cdz_run_output(s->run, "vars", cdz_protocol_end(s->protocol)); /* of a failed one, too */
    CDZ_TRY(rc);
    return finish(s, &use, err);
}

static cdz_rc attempt(struct cdz_run *run, const struct cdz_script_language *language,
                      bool is_script, struct cdz_err *err)
{
    struct script s = {.run = run, .language = language, .dir = {.fd = -1}};
    CDZ_TRY(cdz_workdir_open(run, &s.dir, err));
    cdz_rc rc = in_directory(&s, is_script, err);
    cdz_workdir_close(&s.dir);
    return rc;
}

cdz_rc cdz_script_commands(struct cdz_run *run, const struct cdz_script_language *language,
                           struct cdz_err *err)
{
    return attempt(run, language, false, err);
}

cdz_rc cdz_script_text(struct cdz_run *run, const struct cdz_script_language *language,
                       struct cdz_err *err)
{
    return attempt(run, language, true, err);
}
