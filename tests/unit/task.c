/* The leaf tasks: simple ones, and scripts with their files, variables and protocol. */
#include <ftw.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "task/glob.h"
#include "task/sparedirs.h"
#include "task_rig.h"

/* How many entries the temporary directory has. */
static size_t left_in(const char *path)
{
    size_t n = 0;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d)
        closedir(d);
    return n;
}

static bool have(const char *program)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_printf(&b, "command -v %s >/dev/null 2>&1", program);
    return system(b.p) == 0;
}

/* --- simple tasks ----------------------------------------------------------------------------- */

TEST(log_writes_one_or_more_messages_at_its_level)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(
        task_rig_run(
            &r, "type: io.kestra.plugin.core.log.Log\nmessage: ['a {{ flow }}', b]\nlevel: WARN") !=
        CDZ_OK);
    task_rig_var(&r, "flow", cdz_val_z("x"));
    CHECK(
        task_rig_run(
            &r, "type: io.kestra.plugin.core.log.Log\nmessage: ['a {{ flow }}', b]\nlevel: WARN") ==
        CDZ_OK);
    CHECK(task_rig_logged(&r, "WARN a x\nWARN b\n"), "%s", r.logs.p);
    CHECK(task_rig_run(&r, "type: io.kestra.core.tasks.debugs.Echo\nformat: hello") == CDZ_OK);
    CHECK(task_rig_logged(&r, "INFO hello\n"), "%s", r.logs.p);
    task_rig_close(&r);
}

TEST(return_gives_its_text_and_measures_it)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(task_rig_run(&r, "type: io.kestra.plugin.core.debug.Return\nformat: '12345'") == CDZ_OK);
    CHECK(cdz_str_is(task_rig_output(&r, "value"), "12345"));
    CHECK(task_rig_measured(&r, "counter length=5 {\"format\":\"12345\"}"), "%s", r.metrics.p);
    CHECK(task_rig_run(&r, "type: io.kestra.plugin.core.debug.Return") == CDZ_OK);
    CHECK(strcmp(task_rig_outputs(&r), "{}") == 0, "%s", task_rig_outputs(&r));
    task_rig_close(&r);
}

TEST(output_values_keep_their_kinds)
{
    struct task_rig r;
    task_rig_open(&r);
    task_rig_var(&r, "x", cdz_val_z("y"));
    CHECK(task_rig_run(&r, "type: io.kestra.plugin.core.output.OutputValues\nvalues: {a: 1, b: '{{ "
                           "x }}', c: [true, {d: 2.5}]}") == CDZ_OK);
    CHECK(strcmp(task_rig_outputs(&r),
                 "{\"values\":{\"a\":1,\"b\":\"y\",\"c\":[true,{\"d\":2.5}]}}") == 0,
          "%s", task_rig_outputs(&r));
    task_rig_close(&r);
}

TEST(fail_fails_always_or_on_its_condition)
{
    static const struct {
        const char *yaml, *error;
    } rows[] = {
        {"", "Task failure"},
        {"errorMessage: oh no", "oh no"},
        {"condition: '{{ true }}'", "Fail on a condition"},
        {"condition: '{{ false }}'", NULL},
        {"condition: '0'", NULL},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        struct task_rig r;
        char yaml[200];
        task_rig_open(&r);
        snprintf(yaml, sizeof(yaml), "type: io.kestra.plugin.core.execution.Fail\n%s",
                 rows[i].yaml);
        CHECK((task_rig_run(&r, yaml) == CDZ_OK) == !rows[i].error, "%s", rows[i].yaml);
        CHECK(!rows[i].error || strcmp(r.err.text, rows[i].error) == 0, "%s", r.err.text);
        task_rig_close(&r);
    }
}

TEST(sleep_ends_at_once_when_it_is_cancelled)
{
    struct task_rig r;
    task_rig_open(&r);
    cdz_us began = cdz_mono_us();
    task_rig_cancel(&r, CDZ_CANCEL_TIMEOUT);
    CHECK(task_rig_run(&r, "type: io.kestra.plugin.core.flow.Sleep\nduration: PT60S") ==
          CDZ_E_TIMEOUT);
    CHECK(cdz_mono_us() - began < CDZ_SECOND);
    task_rig_close(&r);
}

/* --- scripts: commands ------------------------------------------------------------------------ */

#define SHELL "type: io.kestra.plugin.scripts.shell.Commands\n"

TEST(commands_run_in_one_shell_and_their_lines_are_logged)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(task_rig_run(&r, SHELL "beforeCommands: ['X=before']\ncommands:\n  - Y=own\n  - echo "
                                 "\"$X $Y\"\n  - 'echo {{ 1 + 1 }}'") == CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO before own\nINFO 2\n"), "%s", r.logs.p);
    CHECK(strcmp(task_rig_outputs(&r), "{\"vars\":{},\"exitCode\":0,\"outputFiles\":{}}") == 0,
          "%s", task_rig_outputs(&r));
    CHECK(r.run.state == CDZ_SUCCESS);
    task_rig_close(&r);
}

TEST(the_first_command_that_fails_ends_the_script_unless_told_otherwise)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(task_rig_run(&r, SHELL "commands: [echo one, 'false', echo two]") == CDZ_E_TASK);
    CHECK(strcmp(r.err.text, "Command failed with exit code 1") == 0, "%s", r.err.text);
    CHECK(!task_rig_logged(&r, "two"), "%s", r.logs.p);
    CHECK(task_rig_run(&r, SHELL "failFast: false\ncommands: [echo one, 'false', echo two]") ==
              CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO two"), "%s", r.logs.p);
    task_rig_close(&r);
}

TEST(a_failed_script_keeps_its_exit_code_variables_and_files)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(task_rig_run(
              &r,
              SHELL "commands:\n  - echo kept > log.txt\n  - echo "
                    "'::{\"outputs\":{\"at\":\"half\"}}::'\n  - exit 42\noutputFiles: ['*.txt']") ==
          CDZ_E_TASK);
    CHECK(strcmp(r.err.text, "Command failed with exit code 42") == 0, "%s", r.err.text);
    CHECK(cdz_val_path(r.run.outputs, "exitCode").i == 42);
    CHECK(cdz_str_is(task_rig_output(&r, "vars.at"), "half"), "%s", task_rig_outputs(&r));
    cdz_val files = cdz_map_getz(r.run.outputs, "outputFiles");
    CHECK(cdz_str_is(task_rig_file(&r, cdz_val_str(cdz_map_getz(files, "log.txt"))), "kept\n"),
          "%s", task_rig_outputs(&r));
    task_rig_close(&r);
}

TEST(a_line_on_stderr_makes_the_state_warning_unless_told_otherwise)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(task_rig_run(&r, SHELL "commands: ['echo careful >&2']") == CDZ_OK);
    CHECK(task_rig_logged(&r, "WARN careful"), "%s", r.logs.p);
    CHECK(r.run.state == CDZ_WARNING);
    CHECK(task_rig_run(&r, SHELL "warningOnStdErr: false\ncommands: ['echo careful >&2']") ==
          CDZ_OK);
    CHECK(r.run.state == CDZ_SUCCESS);
    /* A protocol line counts as a line on stderr, too. */
    CHECK(task_rig_run(&r, SHELL "commands: [\"echo '::{}::' >&2\"]") == CDZ_OK);
    CHECK(r.run.state == CDZ_WARNING);
    task_rig_close(&r);
}

TEST(the_environment_has_the_task_s_variables_and_none_of_the_server_s_own)
{
    struct task_rig r;
    setenv("SECRET_X", "c2VjcmV0", 1);
    setenv("CADENZA_CONFIGURATION", "secret", 1);
    setenv("KESTRA_CONFIGURATION", "secret", 1);
    setenv("ORDINARY", "seen", 1);
    task_rig_open(&r);
    task_rig_var(&r, "v", cdz_val_int(7));
    CHECK(task_rig_run(&r,
                       SHELL "env: {OWN: 'n{{ v }}', NUMBER: 5, ORDINARY2: x}\ncommands: [env]") ==
              CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO OWN=n7\n") && task_rig_logged(&r, "INFO NUMBER=5\n"), "%s",
          r.logs.p);
    CHECK(task_rig_logged(&r, "INFO ORDINARY=seen\n"));
    CHECK(task_rig_logged(&r, "INFO WORKING_DIR="));
    CHECK(!task_rig_logged(&r, "SECRET_X") && !task_rig_logged(&r, "CONFIGURATION"), "%s",
          r.logs.p);
    CHECK(task_rig_run(&r, SHELL
                       "env: '{\"FROM_JSON\": \"yes\"}'\ncommands: ['echo $FROM_JSON']") == CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO yes\n"), "%s", r.logs.p);
    CHECK(task_rig_run(&r, SHELL "env: {'A=B': x}\ncommands: [env]") == CDZ_E_TASK);
    unsetenv("SECRET_X");
    unsetenv("CADENZA_CONFIGURATION");
    unsetenv("KESTRA_CONFIGURATION");
    unsetenv("ORDINARY");
    task_rig_close(&r);
}

TEST(an_interpreter_of_one_s_own_is_used)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(task_rig_run(&r,
                       SHELL "interpreter: [/bin/echo, said]\nfailFast: false\ncommands: [a, b]") ==
              CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO said a\nINFO b\n"), "%s", r.logs.p);
    CHECK(task_rig_run(&r, SHELL "interpreter: [no-such-shell, -c]\ncommands: [a]") == CDZ_E_TASK);
    CHECK(strstr(r.err.text, "no-such-shell"), "%s", r.err.text);
    CHECK(left_in(r.dir) == 0);
    task_rig_close(&r);
}

TEST(commands_longer_than_an_argument_may_be_run_all_the_same)
{
    struct task_rig r;
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    task_rig_open(&r);
    cdz_buf_z(&b, SHELL "commands:\n  - echo begin\n");
    for (int i = 0; i < 3000; i++)
        cdz_buf_printf(
            &b, "  - ': a comment that takes some room, number %d, and then some more of it'\n", i);
    cdz_buf_z(&b, "  - echo end\n");
    CHECK(task_rig_run(&r, b.p) == CDZ_OK, "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO begin\nINFO end\n"), "%s", r.logs.p);
    task_rig_close(&r);
}

TEST(a_cancel_ends_the_script_and_says_why)
{
    struct task_rig r;
    task_rig_open(&r);
    r.cancel_on = "ready";
    CHECK(task_rig_run(&r, SHELL "commands: [echo ready, sleep 300]") == CDZ_E_KILLED);
    CHECK(left_in(r.dir) == 0, "the working directory is there");
    task_rig_close(&r);
}

TEST(what_is_left_behind_is_killed_with_a_warning)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(task_rig_run(&r, SHELL "commands: ['sleep 300 & echo started']") == CDZ_OK, "%s",
          r.err.text);
    CHECK(task_rig_logged(&r, "WARN 1 processes were left behind"), "%s", r.logs.p);
    task_rig_close(&r);
}

TEST(a_process_is_measured)
{
    static const char *const names[] = {
        "timer process.cpu.user=",  "timer process.cpu.system=", "counter process.memory.peak=",
        "counter process.io.read=", "counter process.io.write=", "counter process.stdout=3 "};
    struct task_rig r;
    task_rig_open(&r);
    CHECK(task_rig_run(&r, SHELL "commands: [echo hi]") == CDZ_OK);
    for (size_t i = 0; i < CDZ_COUNT(names); i++)
        CHECK(task_rig_measured(&r, names[i]), "%s: %s", names[i], r.metrics.p);
    task_rig_close(&r);
}

/* --- scripts: protocol ------------------------------------------------------------------------ */

TEST(protocol_lines_give_outputs_metrics_and_logs)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(task_rig_run(
              &r, "type: io.kestra.plugin.scripts.shell.Script\nscript: |\n"
                  "  echo '::{\"outputs\":{\"a\":1,\"b\":{\"c\":[1,2]}}}::'\n"
                  "  echo '::{\"outputs\":{\"a\":\"last\"},\"unknown\":1}::'\n"
                  "  echo "
                  "'::{\"metrics\":[{\"name\":\"n\",\"type\":\"counter\",\"value\":2,\"tags\":{"
                  "\"k\":\"v\"}}]}::'\n"
                  "  echo "
                  "'::{\"metrics\":[{\"name\":\"n\",\"type\":\"counter\",\"value\":3,\"tags\":{"
                  "\"k\":\"v\"}}]}::'\n"
                  "  echo '::{\"metrics\":[{\"name\":\"n\",\"type\":\"counter\",\"value\":7}]}::'\n"
                  "  echo "
                  "'::{\"metrics\":[{\"name\":\"t\",\"type\":\"timer\",\"value\":1.5},{\"name\":"
                  "\"u\",\"type\":\"timer\",\"value\":\"PT2S\"}]}::'\n"
                  "  echo '::{\"logs\":[{\"level\":\"ERROR\",\"message\":\"from within\"}]}::'\n"
                  "  echo '::{broken}::'\n"
                  "  echo 'text ::{\"outputs\":{\"z\":1}}::'\n") == CDZ_OK,
          "%s", r.err.text);
    cdz_str vars = cdz_json_text(r.run.arena, cdz_map_getz(r.run.outputs, "vars"), 0);
    CHECK(cdz_str_is(vars, "{\"a\":\"last\",\"b\":{\"c\":[1,2]}}"), "%.*s", CDZ_S(vars));
    CHECK(task_rig_measured(&r, "counter n=5 {\"k\":\"v\"}\n"), "%s", r.metrics.p);
    CHECK(task_rig_measured(&r, "counter n=7 {}\n"), "%s", r.metrics.p);
    CHECK(task_rig_measured(&r, "timer t=1500 ") && task_rig_measured(&r, "timer u=2000 "), "%s",
          r.metrics.p);
    CHECK(task_rig_logged(&r, "ERROR from within\n"), "%s", r.logs.p);
    CHECK(task_rig_logged(&r, "WARN Invalid outputs '::{broken}::'"), "%s", r.logs.p);
    CHECK(task_rig_logged(&r, "INFO text ::{"), "%s", r.logs.p);
    CHECK(!task_rig_logged(&r, "INFO ::"), "%s", r.logs.p);
    task_rig_close(&r);
}

/* The most memory the program has had since it was forgotten, in kB; 0: unknown. */
static long peak_kb(bool forget)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen(forget ? "/proc/self/clear_refs" : "/proc/self/status", forget ? "we" : "re");
    if (f && forget)
        fputs("5", f);
    while (f && !forget && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "VmHWM: %ld", &kb) == 1)
            break;
    }
    if (f)
        fclose(f);
    return forget ? peak_kb(false) : kb;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

TEST(protocol_lines_without_end_take_no_memory)
{
    struct task_rig r;
    task_rig_open(&r);
    long before = peak_kb(true);
    CHECK(task_rig_run(&r, SHELL
                       "commands: ['yes "
                       "''::{\"outputs\":{\"a\":\"0123456789012345678901234567890123456789\"},"
                       "\"metrics\":[{\"name\":\"n\",\"type\":\"counter\",\"value\":1}]}::'' | "
                       "head -n 200000']") == CDZ_OK,
          "%s", r.err.text);
    long grown = peak_kb(false) - before;
    /* The sanitizers keep what is freed. */
    CHECK(SANITIZED || grown < 16 << 10, "grew by %ld kB", grown);
    CHECK(cdz_arena_used(r.run.arena) < 1 << 20, "%zu bytes", cdz_arena_used(r.run.arena));
    CHECK(task_rig_measured(&r, "counter n=200000 "), "%s", r.metrics.p);
    CHECK(task_rig_output(&r, "vars.a").n == 40, "%s", task_rig_outputs(&r));
    task_rig_close(&r);
}

/* --- scripts: files --------------------------------------------------------------------------- */

TEST(input_files_are_contents_or_files_of_the_storage)
{
    struct task_rig r;
    task_rig_open(&r);
    task_rig_var(&r, "uri", cdz_val_text(task_rig_put(&r, "tasks", "x.txt", "stored\n")));
    CHECK(task_rig_run(
              &r, SHELL
              "inputFiles:\n  a.txt: own {{ 1 }}\n  deep/er/b.txt: '{{ uri }}'\n  none.txt: "
              "null\ncommands: [cat a.txt, echo, cat deep/er/b.txt, find . -type f | wc -l]") ==
              CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO own 1\nINFO stored\nINFO 2\n"), "%s", r.logs.p);
    CHECK(task_rig_run(&r, SHELL "inputFiles: '{\"j.txt\": \"of JSON\"}'\ncommands: [cat j.txt]") ==
              CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO of JSON\n"), "%s", r.logs.p);
    task_rig_close(&r);
}

TEST(input_files_never_leave_the_working_directory)
{
    static const char *const names[] = {"../x", "a/../../x", "/tmp/cadenza-x", "..", "''"};
    for (size_t i = 0; i < CDZ_COUNT(names); i++) {
        struct task_rig r;
        char yaml[200];
        task_rig_open(&r);
        snprintf(yaml, sizeof(yaml), SHELL "inputFiles: {%s: bad}\ncommands: [pwd]", names[i]);
        CHECK(task_rig_run(&r, yaml) != CDZ_OK, "%s is accepted", names[i]);
        CHECK(left_in(r.dir) == 0, "%s: something is left", names[i]);
        task_rig_close(&r);
    }
}

TEST(a_file_of_another_execution_is_refused)
{
    struct task_rig r;
    struct cdz_err err;
    task_rig_open(&r);
    CHECK(cdz_storage_put(r.worker.storage, CDZ_STR("/a/b/f/executions/other/x"),
                          CDZ_STR("private"), &err) == CDZ_OK);
    CHECK(
        task_rig_run(&r, SHELL
                     "inputFiles: {x: 'kestra:///a/b/f/executions/other/x'}\ncommands: [cat x]") !=
        CDZ_OK);
    CHECK(strstr(r.err.text, "belong"), "%s", r.err.text);
    CHECK(task_rig_run(&r, SHELL "commands: ['cat kestra:///a/b/f/executions/other/x']") != CDZ_OK);
    CHECK(strstr(r.err.text, "belong"), "%s", r.err.text);
    task_rig_close(&r);
}

TEST(uris_in_commands_become_local_paths_each_its_own)
{
    struct task_rig r;
    task_rig_open(&r);
    task_rig_var(&r, "one", cdz_val_text(task_rig_put(&r, "one", "data.txt", "first\n")));
    task_rig_var(&r, "two", cdz_val_text(task_rig_put(&r, "two", "data.txt", "second\n")));
    CHECK(task_rig_run(&r, SHELL "beforeCommands: ['cat {{ one }}']\ncommands: ['cat {{ two }}', "
                                 "'cat \"{{ one }}\";echo']\noutputFiles: ['**']") == CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO first\nINFO second\nINFO first\n"), "%s", r.logs.p);
    CHECK(cdz_map_n(cdz_map_getz(r.run.outputs, "outputFiles")) == 0, "%s", task_rig_outputs(&r));
    task_rig_close(&r);
}

TEST(output_files_are_those_that_match_sorted_and_inside)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(task_rig_run(&r, SHELL "commands:\n  - mkdir -p sub/deep\n  - echo z > z.csv; echo a > "
                                 "a.csv; echo t > a.txt; echo d > sub/deep/d.csv\n"
                                 "  - ln -s /etc/passwd link.csv; mkfifo fifo.csv; mkdir "
                                 "folder.csv\n  - ln -s /etc sub/etc\n"
                                 "outputFiles: ['*.csv', 'sub/**', '{a,b}.txt']") == CDZ_OK,
          "%s", r.err.text);
    cdz_val files = cdz_map_getz(r.run.outputs, "outputFiles");
    static const char *const want[] = {"a.csv", "a.txt", "sub/deep/d.csv", "z.csv"};
    CHECK(files.kind == CDZ_MAP && cdz_map_n(files) == CDZ_COUNT(want), "%s", task_rig_outputs(&r));
    for (size_t i = 0; i < CDZ_COUNT(want) && i < cdz_map_n(files); i++)
        CHECK(cdz_str_is(files.map->v[i].key, want[i]), "%zu: %.*s", i, CDZ_S(files.map->v[i].key));
    cdz_str uri = cdz_val_str(cdz_map_getz(files, "sub/deep/d.csv"));
    CHECK(cdz_str_starts(uri, CDZ_STR("kestra:///a/b/f/executions/exec1/tasks/t/run1/")) &&
              cdz_str_ends(uri, CDZ_STR("-d.csv")),
          "%.*s", CDZ_S(uri));
    CHECK(cdz_str_is(task_rig_file(&r, uri), "d\n"));
    task_rig_close(&r);
}

TEST(output_files_with_strange_names_are_stored)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(task_rig_run(
              &r, SHELL
              "commands:\n  - echo 1 > 'with blank.x'; echo 2 > \"$(printf 'back\\134slash.x')\"; "
              "echo 3 > $(printf 'n%0250d.x' 0)\n  - echo 4 > \"$(printf 'new\\nline.x')\"; echo 5 "
              "> caf\303\251.x\noutputFiles: ['*.x']") == CDZ_OK,
          "%s", r.err.text);
    cdz_val files = cdz_map_getz(r.run.outputs, "outputFiles");
    CHECK(files.kind == CDZ_MAP && cdz_map_n(files) == 5, "%s", task_rig_outputs(&r));
    CHECK(cdz_str_is(task_rig_file(&r, cdz_val_str(cdz_map_getz(files, "caf\303\251.x"))), "5\n"));
    task_rig_close(&r);
}

TEST(the_output_directory_is_kept_whole)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(task_rig_run(&r, SHELL "outputDirectory: true\ncommands: ['mkdir {{ outputDir }}/s; echo "
                                 "1 > $OUTPUT_DIR/s/f; test {{ workingDir }} = $PWD']") == CDZ_OK,
          "%s", r.err.text);
    cdz_val files = cdz_map_getz(r.run.outputs, "outputFiles");
    CHECK(cdz_str_is(task_rig_file(&r, cdz_val_str(cdz_map_getz(files, "s/f"))), "1\n"), "%s",
          task_rig_outputs(&r));
    CHECK(task_rig_run(&r, SHELL "runner: PROCESS\ncommands: ['echo 1 > {{ outputDir }}/f']") ==
              CDZ_OK,
          "%s", r.err.text);
    CHECK(cdz_map_n(cdz_map_getz(r.run.outputs, "outputFiles")) == 1, "%s", task_rig_outputs(&r));
    task_rig_close(&r);
}

TEST(files_of_the_namespace_are_copied_as_chosen)
{
    struct task_rig r;
    struct cdz_err err;
    task_rig_open(&r);
    CHECK(cdz_storage_put(r.worker.storage, CDZ_STR("/a/b/_files/lib/one.py"), CDZ_STR("1"),
                          &err) == CDZ_OK);
    CHECK(cdz_storage_put(r.worker.storage, CDZ_STR("/a/b/_files/lib/two.sql"), CDZ_STR("2"),
                          &err) == CDZ_OK);
    CHECK(cdz_storage_put(r.worker.storage, CDZ_STR("/a/b/_files/top.py"), CDZ_STR("3"), &err) ==
          CDZ_OK);
    CHECK(task_rig_run(&r, SHELL
                       "namespaceFiles: {enabled: true}\ncommands: [find . -type f | sort]") ==
              CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO ./lib/one.py\nINFO ./lib/two.sql\nINFO ./top.py\n"), "%s",
          r.logs.p);
    CHECK(task_rig_run(&r, SHELL "namespaceFiles: {include: ['*.py'], exclude: "
                                 "[lib/**]}\ncommands: [find . -type f | sort]") == CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO ./top.py\n") && !task_rig_logged(&r, "lib"), "%s", r.logs.p);
    CHECK(task_rig_run(&r, SHELL
                       "namespaceFiles: {enabled: false}\ncommands: [find . -type f | wc -l]") ==
              CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO 0\n"), "%s", r.logs.p);
    task_rig_close(&r);
}

TEST(the_working_directory_is_private_and_always_removed)
{
    static const struct {
        const char *why, *command;
    } rows[] = {
        {"plain", "test $(stat -c %a .) = 700"},
        {"files", "mkdir -p a/b; echo x > a/b/c; echo y > .hidden"},
        {"rights taken away",
         "mkdir -p a/b; echo x > a/b/c; chmod 000 a/b; chmod 500 a; chmod 500 ."},
        {"links", "ln -s / root; ln -s nowhere dangling; mkfifo f"},
        {"very deep", "i=0; mkdir dddddddddd; while [ $i -lt 500 ]; do mkdir n; mv dddddddddd n; "
                      "mv n dddddddddd; i=$((i+1)); done"},
        {"failed", "echo x > y; exit 1"},
        {"its own name for what is moved",
         "mkdir -p .cadenza-rm-0/x a/b/c; echo > .cadenza-rm-0/x/y"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        struct task_rig r;
        char yaml[300];
        task_rig_open(&r);
        snprintf(yaml, sizeof(yaml), SHELL "commands: ['%s']", rows[i].command);
        cdz_rc rc = task_rig_run(&r, yaml);
        CHECK(rc == (strcmp(rows[i].why, "failed") == 0 ? CDZ_E_TASK : CDZ_OK), "%s: %s",
              rows[i].why, r.err.text);
        CHECK(left_in(r.dir) == 0, "%s: it is there", rows[i].why);
        task_rig_close(&r);
    }
}

TEST(a_working_directory_that_somebody_may_be_in_is_not_used_again)
{
    static const char *const daemons[] = {
        "(sleep 0.4; echo leaked > leak) >/dev/null 2>&1 &",
        "setsid sh -c ''sleep 0.4; echo leaked > leak'' >/dev/null 2>&1 & sleep 0.05",
        "env -i setsid sh -c ''sleep 0.4; echo leaked > leak'' >/dev/null 2>&1 & sleep 0.05",
    };
    for (size_t i = 0; i < CDZ_COUNT(daemons); i++) {
        struct task_rig r;
        char yaml[300];
        task_rig_open(&r);
        r.worker.spare_dirs = cdz_spare_dirs_open();
        snprintf(yaml, sizeof(yaml), SHELL "commands: ['%s']", daemons[i]);
        CHECK(task_rig_run(&r, yaml) == CDZ_OK, "%s: %s", daemons[i], r.err.text);
        CHECK(task_rig_run(&r, SHELL "commands: ['sleep 0.8; echo \"[$(ls)]\"']") == CDZ_OK, "%s",
              r.err.text);
        CHECK(task_rig_logged(&r, "INFO []\n"), "%s: %s", daemons[i], r.logs.p);
        cdz_spare_dirs_close(r.worker.spare_dirs);
        CHECK(left_in(r.dir) == 0, "%s: something is left", daemons[i]);
        task_rig_close(&r);
    }
}

TEST(a_working_directory_that_was_used_again_is_empty)
{
    struct task_rig r;
    task_rig_open(&r);
    r.worker.spare_dirs = cdz_spare_dirs_open();
    for (int i = 0; i < 20; i++) {
        CHECK(task_rig_run(&r, SHELL "commands: [': > .hidden', 'set -- * .h*', 'echo \"$*\"']") ==
                  CDZ_OK,
              "%s", r.err.text);
        CHECK(task_rig_logged(&r, "INFO * .hidden\n"), "%s", r.logs.p);
        CHECK(task_rig_run(&r, SHELL "commands: ['set -- * .h*', 'echo \"$*\"']") == CDZ_OK, "%s",
              r.err.text);
        CHECK(task_rig_logged(&r, "INFO * .h*\n"), "%s", r.logs.p);
    }
    cdz_spare_dirs_close(r.worker.spare_dirs);
    CHECK(left_in(r.dir) == 0, "something is left");
    task_rig_close(&r);
}

TEST(removing_the_working_directory_changes_nothing_outside)
{
    struct task_rig r;
    struct stat st;
    char path[160], yaml[800];
    task_rig_open(&r);
    snprintf(path, sizeof(path), "%s/outside", r.dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0440);
    close(fd);
    snprintf(yaml, sizeof(yaml),
             SHELL "commands: ['mkdir -p d/e; ln -s %s d/link; ln -s %s d/e/link; ln -s %s/ "
                   "d/e/dir; chmod 500 d d/e']",
             path, path, r.dir);
    CHECK(task_rig_run(&r, yaml) == CDZ_OK, "%s", r.err.text);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0440, "its rights were changed");
    CHECK(left_in(r.dir) == 1, "%zu are left", left_in(r.dir));
    task_rig_close(&r);
}

TEST(what_an_attempt_of_a_killed_server_has_left_is_not_seen)
{
    struct task_rig r;
    char path[160];
    task_rig_open(&r);
    snprintf(path, sizeof(path), "%s/run1-2", r.dir);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof(path), "%s/run1-2/old", r.dir);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    CHECK(task_rig_run(&r, SHELL "commands: [ls | wc -l]") == CDZ_OK, "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO 0\n"), "%s", r.logs.p);
    task_rig_close(&r);
}

/* --- languages -------------------------------------------------------------------------------- */

TEST(a_python_script_runs_as_a_file_beside_its_input_files)
{
    struct task_rig r;
    if (!have("python3") && !have("python"))
        SKIP("no Python here");
    task_rig_open(&r);
    CHECK(task_rig_run(
              &r, "type: io.kestra.plugin.scripts.python.Script\n"
                  "inputFiles:\n  helper.py: |\n    def f(): return 'helped'\n  script.py: taken\n"
                  "outputFiles: ['*.py', '*.txt']\n"
                  "script: |\n"
                  "  import helper, os\n"
                  "  print(helper.f(), 'é'.upper())\n"
                  "  print(open('script.py').read())\n"
                  "  open('o.txt', 'w').write('out')\n"
                  "  print(os.environ['PYTHONUNBUFFERED'])") == CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "INFO helped \303\211\nINFO taken\nINFO true\n"), "%s", r.logs.p);
    cdz_val files = cdz_map_getz(r.run.outputs, "outputFiles");
    CHECK(files.kind == CDZ_MAP && cdz_map_n(files) == 3, "%s",
          task_rig_outputs(&r)); /* not the script itself */
    CHECK(task_rig_run(
              &r, "type: io.kestra.plugin.scripts.python.Script\nbeforeCommands: [export "
                  "X=1]\nscript: |\n  import os, sys\n  print(os.environ['X'])\n  sys.exit(3)") ==
          CDZ_E_TASK);
    CHECK(task_rig_logged(&r, "INFO 1\n") && strstr(r.err.text, "code 3"), "%s", r.err.text);
    task_rig_close(&r);
}

TEST(a_node_script_runs_as_a_file)
{
    struct task_rig r;
    if (!have("node"))
        SKIP("no Node here");
    task_rig_open(&r);
    CHECK(task_rig_run(&r, "type: io.kestra.plugin.scripts.node.Script\nscript: |\n  "
                           "console.log(`::${JSON.stringify({outputs: {n: 6 * 7}})}::`)") == CDZ_OK,
          "%s", r.err.text);
    CHECK(cdz_val_path(r.run.outputs, "vars.n").i == 42, "%s", task_rig_outputs(&r));
    task_rig_close(&r);
}

/* --- validation ------------------------------------------------------------------------------- */

TEST(a_runner_that_is_not_there_is_refused_with_the_flow)
{
    static const char *const bad[] = {
        "taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker}",
        "runner: DOCKER",
    };
    struct task_rig r;
    char yaml[300];
    task_rig_open(&r);
    for (size_t i = 0; i < CDZ_COUNT(bad); i++) {
        snprintf(yaml, sizeof(yaml), SHELL "%s\ncommands: ['true']", bad[i]);
        CHECK(!task_rig_parse(&r, yaml), "%s is accepted", bad[i]);
        CHECK(strstr(r.err.text, "not supported yet"), "%s: %s", bad[i], r.err.text);
    }
    CHECK(task_rig_run(&r, SHELL
                       "taskRunner: {type: io.kestra.plugin.core.runner.Process}\ncontainerImage: "
                       "ubuntu\ndocker: {image: x}\ncommands: ['true']") == CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_logged(&r, "DEBUG The Process runner starts no container"), "%s", r.logs.p);
    task_rig_close(&r);
}

/* --- globs ------------------------------------------------------------------------------------ */

TEST(globs_match_as_java_s_do)
{
    static const struct {
        const char *pattern, *path;
        bool want;
    } rows[] = {
        {"*", "a.txt", true},
        {"*", "a/b", false},
        {"**", "a/b/c", true},
        {"*.txt", "a.txt", true},
        {"*.txt", "d/a.txt", false},
        {"**.txt", "d/a.txt", true},
        {"**/*.txt", "d/e/a.txt", true},
        {"**/*.txt", "a.txt", false},
        {"glob:**/*.txt", "d/a.txt", true},
        {"regex:.*[0-9]", "d/a7", true},
        {"regex:[0-9]", "a7", false},
        {"d/?.x", "d/\303\251.x", true},
        {"?", "/", false},
        {"[a-c].x", "b.x", true},
        {"[!a-c].x", "b.x", false},
        {"[!a-c].x", "d.x", true},
        {"[^a].x", "^.x", true},
        {"[\303\240-\303\251]", "\303\242", true},
        {"[!x]", "/", false},
        {"{a,b}.{x,y}", "b.y", true},
        {"{a,b}.{x,y}", "c.y", false},
        {"{*.csv,sub/**}", "sub/x/y", true},
        {"a\\*b", "a*b", true},
        {"a\\*b", "axb", false},
        {"", "", true},
        {"[a", "a", false},
        {"{a", "a", false},
        {".*", ".hidden", true},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        struct cdz_err err;
        bool got = !rows[i].want;
        CHECK(cdz_glob_match(cdz_str_z(rows[i].pattern), cdz_str_z(rows[i].path), &got, &err) ==
                  CDZ_OK,
              "%s", rows[i].pattern);
        CHECK(got == rows[i].want, "%s on %s: %d", rows[i].pattern, rows[i].path, got);
    }
}

TEST(an_evil_glob_ends_soon)
{
    struct cdz_err err;
    cdz_us began = cdz_mono_us();
    bool got = true;
    char stars[400], path[4000];
    for (size_t i = 0; i < sizeof(stars); i++)
        stars[i] = i % 2 ? 'a' : '*';
    memset(path, 'a', sizeof(path));
    CHECK(cdz_glob_match((cdz_str){stars, 60}, (cdz_str){path, sizeof(path)}, &got, &err) ==
          CDZ_OK);
    CHECK(cdz_glob_match((cdz_str){stars, sizeof(stars)}, (cdz_str){path, sizeof(path)}, &got,
                         &err) == CDZ_OK &&
          !got);
    CHECK(cdz_mono_us() - began < 2 * CDZ_SECOND);
}

TEST_MAIN
