/* flow.c -- cadenza flow validate FILE... : every mistake of flow files, with place. */
#include <dirent.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "cli/cli.h"
#include "model/flow.h"
#include "plugin/registry.h"

struct counts {
    int valid, invalid;
};

static void validate_file(const char *path, struct counts *counts)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow_options options = {.registry = cdz_registry_builtin()};
    struct cdz_flow *flow = NULL;
    struct cdz_err err;
    cdz_str source;
    if (cdz_cli_read(path, CDZ_FLOW_BYTES_MAX, arena, &source, &err) != CDZ_OK) {
        counts->invalid++;
        (void)cdz_cli_fail(0, "%s", err.text);
        return;
    }
    bool ok = cdz_flow_parse(source, &options, &problems, &flow, &err) == CDZ_OK;
    cdz_problems_print(&problems, cdz_str_z(path), &text);
    fwrite(text.p ? text.p : "", 1, text.n, stderr);
    if (ok)
        printf("%s: %.*s.%.*s is valid\n", path, CDZ_S(flow->namespace_), CDZ_S(flow->id));
    cdz_flow_unref(flow);
    ok ? counts->valid++ : counts->invalid++;
}

static bool is_yaml(const char *name)
{
    return cdz_str_ends(cdz_str_z(name), CDZ_STR(".yaml")) ||
           cdz_str_ends(cdz_str_z(name), CDZ_STR(".yml"));
}

static void validate_path(const char *path, struct counts *counts, unsigned depth)
{
    struct stat st;
    struct dirent **names;
    if (depth > 32 || stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        validate_file(path, counts);
        return;
    }
    int n = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char below[4096];
        int used = snprintf(below, sizeof(below), "%s/%s", path, names[i]->d_name);
        if (used > 0 && (size_t)used < sizeof(below) && names[i]->d_name[0] != '.' &&
            stat(below, &st) == 0 && (S_ISDIR(st.st_mode) || is_yaml(names[i]->d_name)))
            validate_path(below, counts, depth + 1);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

static int flow_run(int argc, char **argv)
{
    struct counts counts = {0};
    if (argc < 2 || strcmp(argv[0], "validate") != 0)
        return cdz_cli_fail(CDZ_EXIT_USAGE, "usage: cadenza flow validate FILE|DIR ...");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--local") != 0) /* what it does anyway */
            validate_path(argv[i], &counts, 0);
    }
    return counts.invalid ? CDZ_EXIT_FAILED : CDZ_EXIT_OK;
}

const struct cdz_command cdz_command_flow = {
    .name = "flow",
    .summary = "Check flow files",
    .usage = "Usage: cadenza flow validate FILE|DIR ...\n\n"
             "Checks flow files without a server and prints every mistake as file:line:column: "
             "path: message.\n"
             "Exit status: 0 all are valid, 1 some are not.\n",
    .run = flow_run,
};
