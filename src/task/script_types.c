/* script_types.c -- shell, Python and Node: Commands and Script each.
 * reference/plugins-beyond-core.md §2. */
#include "task/script.h"
#include "task/types.h"

static const char *const target_os[] = {"AUTO", "LINUX", "WINDOWS", NULL};
static const char *const runners[] = {"PROCESS", "DOCKER", NULL};

static const struct cdz_prop namespace_files[] = {
    {"enabled", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true",
     "Copy files of the namespace into the working directory."},
    {"include", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL, "Only these globs."},
    {"exclude", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL, "Not these globs."},
    {0},
};

#define SHARED_PROPS                                                                               \
    {"interpreter", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC, NULL,                                      \
     "Program and arguments in front of the commands; /bin/sh -c."},                               \
        {"beforeCommands", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL,                \
         "Commands before, in the same shell."},                                                   \
        {"failFast", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true",                                      \
         "End at the first command that fails."},                                                  \
        {"env", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, NULL, "Environment variables."},                   \
        {"warningOnStdErr", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true",                               \
         "A line on stderr makes the state WARNING."},                                             \
        {"inputFiles", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, NULL,                                       \
         "File names and contents or kestra:// URIs."},                                            \
        {"outputFiles", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC, NULL, "Globs of files to keep."},      \
        {"namespaceFiles", CDZ_PROP_OBJECT, 0, NULL, "Files of the namespace.", NULL,              \
         namespace_files},                                                                         \
        {"containerImage", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL,                                \
         "Accepted; the Process runner needs none."},                                              \
        {"taskRunner", CDZ_PROP_PLUGIN, 0, NULL, "How the process is run; Process by default."},   \
        {"runner", CDZ_PROP_ENUM, CDZ_PROP_DEPRECATED, NULL, "PROCESS.", runners},                 \
        {"docker", CDZ_PROP_MAP, CDZ_PROP_DEPRECATED | CDZ_PROP_HIDDEN, NULL,                      \
         "Accepted; the Process runner needs none."},                                              \
        {"outputDirectory", CDZ_PROP_BOOL, CDZ_PROP_DEPRECATED, "false",                           \
         "Keep all files below {{ outputDir }}."},                                                 \
        {"targetOS", CDZ_PROP_ENUM, 0, "AUTO", "AUTO, LINUX or WINDOWS.", target_os},              \
    {                                                                                              \
        0                                                                                          \
    }

static const struct cdz_prop commands_props[] = {
    {"commands", CDZ_PROP_STRINGS, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL,
     "Commands, one after another."},
    SHARED_PROPS,
};
static const struct cdz_prop script_props[] = {
    {"script", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL,
     "The text of the script."},
    SHARED_PROPS,
};
static const struct cdz_prop outputs[] = {
    {"exitCode", CDZ_PROP_INT, 0, NULL, "What the process ended with."},
    {"vars", CDZ_PROP_MAP, 0, NULL, "What it printed as ::{\"outputs\": {...}}::."},
    {"outputFiles", CDZ_PROP_MAP, 0, NULL, "Kept files by path."},
    {0},
};

static void check_runner(const struct cdz_task *task, struct cdz_problems *problems)
{
    cdz_val runner = cdz_map_getz(task->props, "runner");
    if (runner.kind == CDZ_TEXT && cdz_str_is(cdz_val_str(runner), "DOCKER"))
        cdz_problem_add(problems, task->mark, task->id, NULL,
                        "runner DOCKER is not supported yet by this server: leave it out to run "
                        "the commands as a process");
}

static const struct cdz_script_language shell = {0};
static const struct cdz_script_language python = {
    .programs = (const char *const[]){"python3", "python", NULL},
    .extension = ".py",
    .env = (const char *const[]){"PYTHONUNBUFFERED=true", "PIP_ROOT_USER_ACTION=ignore",
                                 "PIP_DISABLE_PIP_VERSION_CHECK=1", NULL},
};
static const struct cdz_script_language node = {
    .programs = (const char *const[]){"node", "nodejs", NULL},
    .extension = ".js",
};

#define LANGUAGE(name_, what_)                                                                     \
    static cdz_rc name_##_commands(struct cdz_run *run, struct cdz_err *err)                       \
    {                                                                                              \
        return cdz_script_commands(run, &name_, err);                                              \
    }                                                                                              \
    static cdz_rc name_##_script(struct cdz_run *run, struct cdz_err *err)                         \
    {                                                                                              \
        return cdz_script_text(run, &name_, err);                                                  \
    }                                                                                              \
    const struct cdz_type cdz_task_##name_##_commands = {                                          \
        .type = "io.kestra.plugin.scripts." #name_ ".Commands",                                    \
        .kind = CDZ_RUNNABLE,                                                                      \
        .title = "Run " what_ " commands as a process.",                                           \
        .props = commands_props,                                                                   \
        .outputs = outputs,                                                                        \
        .check = check_runner,                                                                     \
        .run = name_##_commands,                                                                   \
    };                                                                                             \
    const struct cdz_type cdz_task_##name_##_script = {                                            \
        .type = "io.kestra.plugin.scripts." #name_ ".Script",                                      \
        .kind = CDZ_RUNNABLE,                                                                      \
        .title = "Run a " what_ " script as a process.",                                           \
        .props = script_props,                                                                     \
        .outputs = outputs,                                                                        \
        .check = check_runner,                                                                     \
        .run = name_##_script,                                                                     \
    };

LANGUAGE(shell, "shell")
LANGUAGE(python, "Python")
LANGUAGE(node, "Node")

static const struct cdz_prop no_props[] = {{0}};

const struct cdz_type cdz_runner_process = {
    .type = "io.kestra.plugin.core.runner.Process",
    .kind = CDZ_TASK_RUNNER,
    .title = "Run the commands as a child process of the worker.",
    .props = no_props,
};
