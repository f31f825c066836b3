/* flow.c -- cadenza flow validate, dot: every mistake of flow files, with place; a flow as a picture. */
#include <dirent.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/remote.h"
#include "graph/graph.h"
#include "model/flow.h"
#include "plugin/registry.h"

#define USAGE                                                                                      \
    "usage: cadenza flow validate FILE|DIR ... [--local | --server URL [--user NAME:PASSWORD]]\n"  \
    "       cadenza flow dot FILE"

struct check {
    struct cdz_remote remote; /* server "": without one */
    int invalid;
};

/* The marks that the original's command prints, for scripts that look for them. */
#define VALID   "\u2713"
#define INVALID "\u2718"

static void validate_here(struct check *check, const char *path, cdz_str source,
                          struct cdz_arena *arena)
{
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow_options options = {.registry = cdz_registry_builtin()};
    struct cdz_flow *flow = NULL;
    struct cdz_err err;
    bool ok = cdz_flow_parse(source, &options, &problems, &flow, &err) == CDZ_OK;
    if (ok)
        printf(VALID " - %.*s / %.*s\n", CDZ_S(flow->namespace_), CDZ_S(flow->id));
    else
        fprintf(stderr, INVALID " - %s\n", path);
    cdz_problems_print(&problems, cdz_str_z(path), &text);
    fwrite(text.p ? text.p : "", 1, text.n, stderr);
    check->invalid += !ok;
    cdz_flow_unref(flow);
}

static cdz_str text_of(cdz_val map, const char *name)
{
    cdz_val v = cdz_map_getz(map, name);
    return v.kind == CDZ_TEXT ? cdz_val_str(v) : CDZ_STR("");
}

/* One document of a file, as the server judged it. */
static void print_judged(struct check *check, const char *path, cdz_val v)
{
    cdz_str constraints = text_of(v, "constraints");
    if (!constraints.n) {
        printf(VALID " - %.*s.%.*s\n", CDZ_S(text_of(v, "namespace")), CDZ_S(text_of(v, "flow")));
        return;
    }
    check->invalid++;
    fprintf(stderr, INVALID " - %s\n", path);
    for (cdz_str rest = constraints; rest.n;) {
        size_t end = cdz_str_chr(rest, '\n', 0);
        fprintf(stderr, "%s: %.*s\n", path, CDZ_S(cdz_str_sub(rest, 0, end)));
        rest = end == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(rest, end + 1, rest.n);
    }
}

/* A request for each file: so it is known which one has the mistake. */
static void validate_there(struct check *check, const char *path, cdz_str source,
                           struct cdz_arena *arena)
{
    struct cdz_http_reply reply;
    struct cdz_err err;
    cdz_val v = CDZ_VAL_NULL;
    if (cdz_remote_ask(&check->remote, "POST", CDZ_STR("/flows/validate"), "application/x-yaml",
                       source, arena, &reply, &err) != CDZ_OK) {
        check->invalid++;
        (void)cdz_cli_fail(0, "%s: %s", check->remote.server, err.text);
        return;
    }
    if (cdz_json_parse(reply.body, arena, &v, &err) != CDZ_OK || reply.status != 200 ||
        v.kind != CDZ_LIST) {
        cdz_str message = text_of(v, "message");
        check->invalid++;
        (void)cdz_cli_fail(0, "%s: HTTP %d%s%.*s", check->remote.server, reply.status,
                           message.n ? ": " : "", CDZ_S(message));
        return;
    }
    CDZ_LIST_EACH (judged, v)
        print_judged(check, path, *judged);
}

static void validate_file(struct check *check, const char *path)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_err err;
    cdz_str source;
    if (cdz_cli_read(path, CDZ_FLOW_BYTES_MAX, arena, &source, &err) != CDZ_OK) {
        check->invalid++;
        (void)cdz_cli_fail(0, "%s", err.text);
    } else if (check->remote.server[0]) {
        validate_there(check, path, source, arena);
    } else {
        validate_here(check, path, source, arena);
    }
}

static bool is_yaml(const char *name)
{
    return cdz_str_ends(cdz_str_z(name), CDZ_STR(".yaml")) ||
           cdz_str_ends(cdz_str_z(name), CDZ_STR(".yml"));
}

static void validate_path(struct check *check, const char *path, unsigned depth)
{
    struct stat st;
    struct dirent **names;
    if (depth > 32 || stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        validate_file(check, path);
        return;
    }
    int n = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char below[4096];
        int used = snprintf(below, sizeof(below), "%s/%s", path, names[i]->d_name);
        if (used > 0 && (size_t)used < sizeof(below) && names[i]->d_name[0] != '.' &&
            stat(below, &st) == 0 && (S_ISDIR(st.st_mode) || is_yaml(names[i]->d_name)))
            validate_path(check, below, depth + 1);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

static int validate(int argc, char **argv)
{
    struct check check = {.remote = {"", ""}};
    int paths = 0;
    bool local = false;
    for (int i = 0; i < argc; i++) {
        if (cdz_remote_option(argc, argv, &i, &check.remote)) {
            if (!check.remote.server || !check.remote.user)
                return cdz_cli_fail(CDZ_EXIT_USAGE, "%s needs a value", argv[i]);
        } else if (strcmp(argv[i], "--local") == 0) {
            local = true;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return cdz_cli_fail(CDZ_EXIT_USAGE, "unknown option `%s`", argv[i]);
        } else {
            argv[paths++] = argv[i];
        }
    }
    if (paths == 0)
        return cdz_cli_fail(CDZ_EXIT_USAGE, USAGE);
    if (local)
        check.remote.server = "";
    for (int i = 0; i < paths; i++)
        validate_path(&check, argv[i], 0);
    return check.invalid ? CDZ_EXIT_FAILED : CDZ_EXIT_OK;
}

static int dot(const char *path)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow_options options = {.registry = cdz_registry_builtin()};
    struct cdz_graph_options of_graph = {0};
    struct cdz_flow *flow;
    struct cdz_graph *graph;
    struct cdz_err err;
    cdz_str source;
    if (cdz_cli_read(path, CDZ_FLOW_BYTES_MAX, arena, &source, &err) != CDZ_OK)
        return cdz_cli_fail(CDZ_EXIT_FAILED, "%s", err.text);
    if (cdz_flow_parse(source, &options, &problems, &flow, &err) != CDZ_OK) {
        cdz_problems_print(&problems, cdz_str_z(path), &text);
        fwrite(text.p ? text.p : "", 1, text.n, stderr);
        return CDZ_EXIT_FAILED;
    }
    cdz_rc rc = cdz_graph_build(flow, &of_graph, arena, &graph, &err);
    if (rc == CDZ_OK) {
        cdz_graph_dot(graph, &text);
        fwrite(text.p, 1, text.n, stdout);
    }
    cdz_flow_unref(flow);
    return rc == CDZ_OK ? CDZ_EXIT_OK : cdz_cli_fail(CDZ_EXIT_FAILED, "%s: %s", path, err.text);
}

static int flow_run(int argc, char **argv)
{
    if (argc >= 1 && strcmp(argv[0], "validate") == 0)
        return validate(argc - 1, argv + 1);
    if (argc == 2 && strcmp(argv[0], "dot") == 0)
        return dot(argv[1]);
    return cdz_cli_fail(CDZ_EXIT_USAGE, USAGE);
}

const struct cdz_command cdz_command_flow = {
    .name = "flow",
    .summary = "Check flow files",
    .usage =
        "Usage: cadenza flow validate FILE|DIR ... [OPTION ...]\n"
        "       cadenza flow dot FILE\n\n"
        "validate checks flow files and prints every mistake as file:line:column: path: message.\n"
        "Exit status: 0 all are valid, 1 some are not.\n\n"
        "  --local               without a server; what it does when no --server is given\n"
        "  --server URL          with the types, templates and defaults of this server\n"
        "  --user NAME:PASSWORD  basic authentication\n\n"
        "dot prints the tasks of a flow as a graph for Graphviz: cadenza flow dot FILE | dot "
        "-Tsvg\n",
    .run = flow_run,
};
