/*
 * run.c -- cadenza run FLOW.yaml: one execution in this process, with the same servers over a store
 * in memory.
 *
 * The main thread draws and listens to Ctrl-C; the hub's callback (indexer thread) only wakes it
 * and hands it log lines.
 */
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/tree.h"
#include "plugin/registry.h"
#include "server/server.h"
#include "task/runner/process.h"

struct input {
    const char *key;
    size_t key_n;
    const char *value; /* behind '=', or behind "=@" for a file */
    bool file;
};

struct options {
    const char *flow, *config, *data;
    CDZ_VEC(struct input) inputs;
    CDZ_VEC(struct cdz_label) labels;
    bool json, quiet;
};

/* What the indexer's thread tells the main thread. */
struct inbox {
    pthread_mutex_t mu;
    pthread_cond_t news;
    struct cdz_buf logs;      /* guarded by mu: length-prefixed log records */
    bool changed, terminated; /* guarded by mu */
};

static volatile sig_atomic_t interrupts;

static void on_interrupt(int number)
{
    (void)number;
    interrupts++;
    if (interrupts > 1)
        cdz_process_kill_all();
}

static void on_news(void *ctx, enum cdz_hub_what what, cdz_str record)
{
    struct inbox *in = ctx;
    pthread_mutex_lock(&in->mu);
    if (what == CDZ_HUB_LOG) {
        uint32_t n = (uint32_t)record.n;
        cdz_buf_add(&in->logs, &n, sizeof(n));
        cdz_buf_str(&in->logs, record);
    }
    in->changed = true;
    in->terminated |= what == CDZ_HUB_TERMINATED;
    pthread_cond_signal(&in->news);
    pthread_mutex_unlock(&in->mu);
}

static int parse_pair(const char *word, const char *option, bool file, struct cdz_arena *arena,
                      struct options *o)
{
    const char *eq = word ? strchr(word, '=') : NULL;
    if (!eq || (file && eq[1] != '@'))
        return cdz_cli_fail(CDZ_EXIT_USAGE, "%s takes %s", option,
                            file ? "name=@path" : "name=value");
    struct input in = {word, (size_t)(eq - word), eq + 1 + file, file};
    CDZ_PUSH(arena, &o->inputs, in);
    return 0;
}

static int parse(int argc, char **argv, struct cdz_arena *arena, struct options *o)
{
    const char *value;
    int status = 0;
    for (int i = 0; i < argc && !status; i++) {
        if (cdz_cli_option(argc, argv, &i, "--input", "-i", &value)) {
            status = parse_pair(value, "--input", false, arena, o);
        } else if (cdz_cli_option(argc, argv, &i, "--file", "-f", &value)) {
            status = parse_pair(value, "--file", true, arena, o);
        } else if (cdz_cli_option(argc, argv, &i, "--label", NULL, &value)) {
            const char *colon = value ? strpbrk(value, ":=") : NULL;
            if (!colon)
                return cdz_cli_fail(CDZ_EXIT_USAGE, "--label takes key:value");
            CDZ_PUSH(arena, &o->labels,
                     (struct cdz_label){{value, (size_t)(colon - value)}, cdz_str_z(colon + 1)});
        } else if (cdz_cli_option(argc, argv, &i, "--output", "-o", &value)) {
            o->json = value && strcmp(value, "json") == 0;
            if (!o->json && !(value && strcmp(value, "text") == 0))
                return cdz_cli_fail(CDZ_EXIT_USAGE, "--output is text or json");
        } else if (cdz_cli_option(argc, argv, &i, "--quiet", "-q", NULL)) {
            o->quiet = true;
        } else if (cdz_cli_option(argc, argv, &i, "--config", "-c", &o->config) ||
                   cdz_cli_option(argc, argv, &i, "--data", NULL, &o->data)) {
            continue;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return cdz_cli_fail(CDZ_EXIT_USAGE,
                                "unknown argument `%s`; `cadenza run --help` lists them", argv[i]);
        } else if (o->flow) {
            return cdz_cli_fail(CDZ_EXIT_USAGE, "one flow at a time: `%s` and `%s`", o->flow,
                                argv[i]);
        } else {
            o->flow = argv[i];
        }
    }
    if (!status && !o->flow)
        return cdz_cli_fail(CDZ_EXIT_USAGE, "usage: cadenza run FLOW.yaml [--input name=value] "
                                            "[--file name=@path] [--output json]");
    return status;
}

static int load_flow(const struct options *o, const struct cdz_config *config,
                     struct cdz_arena *arena, struct cdz_flow **ret)
{
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow_options options = {.registry = cdz_registry_builtin(),
                                       .plugin_defaults = config->plugin_defaults};
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    struct cdz_err err;
    cdz_str source;
    if (cdz_cli_read(o->flow, CDZ_FLOW_BYTES_MAX, arena, &source, &err) != CDZ_OK)
        return cdz_cli_fail(CDZ_EXIT_INVALID, "%s", err.text);
    cdz_rc rc = cdz_flow_parse(source, &options, &problems, ret, &err);
    cdz_problems_print(&problems, cdz_str_z(o->flow), &text);
    fwrite(text.p ? text.p : "", 1, text.n, stderr);
    if (rc != CDZ_OK && problems.errors == 0)
        return cdz_cli_fail(CDZ_EXIT_INVALID, "%s: %s", o->flow, err.text);
    return rc == CDZ_OK ? 0 : CDZ_EXIT_INVALID;
}

static cdz_rc store_file(struct cdz_services *s, const struct cdz_flow *flow, cdz_str execution,
                         const struct input *in, struct cdz_arena *arena, cdz_str *ret_uri,
                         struct cdz_err *err)
{
    const char *slash = strrchr(in->value, '/');
    cdz_str name = cdz_str_z(slash ? slash + 1 : in->value);
    int fd = open(in->value, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "%s cannot be read", in->value);
    cdz_str path = cdz_path_input(flow->namespace_, flow->id, execution,
                                  (cdz_str){in->key, in->key_n}, name, arena);
    cdz_rc rc = cdz_storage_put_file(s->storage, path, fd, err);
    close(fd);
    if (rc == CDZ_OK)
        *ret_uri = cdz_storage_uri(path, arena);
    return rc;
}

static cdz_rc make_execution(struct cdz_services *s, const struct options *o, struct cdz_flow *flow,
                             struct cdz_arena *arena, struct cdz_execution **ret,
                             struct cdz_err *err)
{
    cdz_val inputs = cdz_val_map(arena, o->inputs.n);
    struct cdz_create c = {.flow = flow,
                           .services = s,
                           .inputs = inputs,
                           .id = cdz_execution_id(arena),
                           .labels = o->labels.v,
                           .label_count = o->labels.n};
    for (size_t i = 0; i < o->inputs.n; i++) {
        const struct input *in = &o->inputs.v[i];
        cdz_str key = {in->key, in->key_n}, value = cdz_str_z(in->value);
        bool declared = false;
        for (size_t k = 0; k < flow->input_count; k++)
            declared |= cdz_str_eq(flow->inputs[k].id, key);
        if (!declared)
            return cdz_fail(err, CDZ_E_INVALID, "the flow has no input `%.*s`", CDZ_S(key));
        if (in->file)
            CDZ_TRY(store_file(s, flow, c.id, in, arena, &value, err));
        cdz_map_put(arena, inputs, key, cdz_val_text(value));
    }
    return cdz_execution_make(&c, cdz_now_us(), ret, err);
}

static void show_logs(struct cdz_tree *tree, const struct cdz_buf *logs)
{
    for (size_t at = 0; tree && at + sizeof(uint32_t) <= logs->n;) {
        struct cdz_log_entry l;
        struct cdz_err err;
        uint32_t n;
        memcpy(&n, logs->p + at, sizeof(n));
        at += sizeof(n);
        if (cdz_log_entry_decode((cdz_str){logs->p + at, n}, &l, &err) == CDZ_OK)
            cdz_tree_log(tree, &l);
        at += n;
    }
}

/* Draws until the execution has ended; *ret is its last form. */
static cdz_rc follow(struct cdz_services *s, struct inbox *in, cdz_str id, struct cdz_tree *tree,
                     bool live, struct cdz_execution **ret, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    bool asked = false;
    for (;;) {
        cdz_us until = cdz_now_us() + 100 * CDZ_MS;
        struct timespec ts = {.tv_sec = until / CDZ_SECOND, .tv_nsec = until % CDZ_SECOND * 1000};
        struct cdz_buf logs = CDZ_BUF_INIT;
        pthread_mutex_lock(&in->mu);
        while (!in->changed && (!interrupts || asked) &&
               pthread_cond_timedwait(&in->news, &in->mu, &ts) == 0)
            continue;
        bool changed = in->changed, terminated = in->terminated;
        in->changed = false;
        logs = in->logs;
        in->logs = (struct cdz_buf)CDZ_BUF_INIT;
        pthread_mutex_unlock(&in->mu);
        if (interrupts && !asked) {
            struct cdz_record r = cdz_kill_record(id, true, arena);
            asked = true;
            fputs("\ncadenza: killing the execution; Ctrl-C again forces\n", stderr);
            CDZ_TRY(cdz_queue_send_wait(s->queue, &r, 1, err));
        }
        show_logs(tree, &logs);
        cdz_buf_done(&logs);
        if (!changed && !live)
            continue;
        struct cdz_execution *e;
        cdz_rc rc = cdz_repository_execution_get(s->repository, id, &e, err);
        if (rc == CDZ_E_NOT_FOUND)
            continue; /* not indexed yet */
        CDZ_TRY(rc);
        if (tree)
            cdz_tree_show(tree, e, cdz_now_us(), terminated);
        if (terminated) {
            *ret = e;
            return CDZ_OK;
        }
        cdz_execution_free(e);
        if (live) { /* ten pictures a second are enough */
            struct timespec pause = {.tv_nsec = 50000000};
            nanosleep(&pause, NULL);
        }
    }
}

static int status_of(enum cdz_state s)
{
    switch (s) {
    case CDZ_SUCCESS:
    case CDZ_WARNING:
        return CDZ_EXIT_OK;
    case CDZ_KILLED:
    case CDZ_CANCELLED:
        return CDZ_EXIT_KILLED;
    case CDZ_CREATED:
    case CDZ_RUNNING:
    case CDZ_PAUSED:
    case CDZ_RESTARTED:
    case CDZ_KILLING:
    case CDZ_FAILED:
    case CDZ_QUEUED:
    case CDZ_RETRYING:
    case CDZ_RETRIED:
    case CDZ_SKIPPED:
        break;
    }
    return CDZ_EXIT_FAILED;
}

static void print_outputs(const struct cdz_execution *e, const char *storage)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    if (e->outputs.kind == CDZ_MAP && cdz_map_n(e->outputs) > 0) {
        CDZ_MAP_EACH (x, e->outputs) {
            cdz_buf_printf(&b, "%.*s: ", CDZ_S(x->key));
            if (x->val.kind == CDZ_TEXT)
                cdz_buf_str(&b, cdz_val_str(x->val));
            else
                cdz_json_print(&b, x->val, 0);
            cdz_buf_c(&b, '\n');
        }
    }
    fwrite(b.p ? b.p : "", 1, b.n, stdout);
    fprintf(stderr, "%s %.*s.%.*s %.*s\n", cdz_state_name(cdz_state_now(&e->history)),
            CDZ_S(e->namespace_), CDZ_S(e->flow_id), CDZ_S(e->id));
    if (storage)
        fprintf(stderr, "files (kestra:///...) are in %s\n", storage);
}

/* The last attempt of a retry with a new execution is another execution: the one followed ends
 * RETRIED. */
static int execute(struct cdz_standalone *alone, const struct options *o, struct cdz_flow *flow,
                   struct cdz_arena *arena, const char *storage, bool *ret_files)
{
    struct cdz_services *s = cdz_standalone_services(alone);
    struct inbox in = {.mu = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER};
    struct cdz_execution *e, *last = NULL;
    struct cdz_record records[2];
    struct cdz_err err;
    flow->revision = 1;
    if (cdz_flows_publish(s->flows, flow, &err) != CDZ_OK ||
        make_execution(s, o, flow, arena, &e, &err) != CDZ_OK)
        return cdz_cli_fail(CDZ_EXIT_INVALID, "%s", err.text);
    bool live = !o->json && !o->quiet && isatty(STDERR_FILENO) && getenv("TERM") &&
                strcmp(getenv("TERM"), "dumb") != 0;
    struct cdz_tree *tree = o->quiet || o->json ? NULL : cdz_tree_open(STDERR_FILENO, live);
    struct cdz_hub_ticket *ticket = cdz_hub_follow(s->hub, e->id, on_news, &in);
    size_t n = cdz_execution_records(e, arena, records);
    cdz_rc rc = cdz_queue_send_wait(s->queue, records, n, &err);
    if (rc == CDZ_OK)
        rc = follow(s, &in, e->id, tree, live, &last, &err);
    cdz_hub_unfollow(s->hub, ticket);
    int status = CDZ_EXIT_FAILED;
    if (rc == CDZ_OK) {
        struct cdz_file_info *files;
        size_t count = 0;
        *ret_files = cdz_storage_list(s->storage, CDZ_STR("/"), false, arena, &files, &count,
                                      &err) == CDZ_OK &&
                     count > 0;
        status = status_of(cdz_state_now(&last->history));
        if (o->json) {
            CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
            cdz_execution_json(last, CDZ_STR(""), cdz_now_us(), &b);
            printf("%s\n", b.p);
        } else {
            print_outputs(last, *ret_files ? storage : NULL);
        }
    } else {
        (void)cdz_cli_fail(0, "%s", err.text);
    }
    cdz_tree_close(tree);
    cdz_buf_done(&in.logs);
    cdz_execution_free(last);
    cdz_execution_free(e);
    return status;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static int run_run(int argc, char **argv)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct options o = {0};
    struct cdz_standalone *alone;
    struct cdz_config *config;
    struct cdz_flow *flow = NULL;
    struct cdz_err err;
    char temporary[] = "/tmp/cadenza-run-XXXXXX";
    bool files = false;
    int status = parse(argc, argv, arena, &o);
    if (status)
        return status;
    mallopt(M_ARENA_MAX, 2);
    cdz_log_level(CDZ_ERROR);
    if (!o.data && !mkdtemp(temporary))
        return cdz_cli_fail(CDZ_EXIT_FAILED, "no temporary directory can be made in /tmp");
    const char *data = o.data ? o.data : temporary;
    struct cdz_config_options co = {.file = o.config, .data_dir = data, .worker_threads = -1};
    if (cdz_config_load(&co, &config, &err) != CDZ_OK)
        return cdz_cli_fail(CDZ_EXIT_INVALID, "%s", err.text);
    status = load_flow(&o, config, arena, &flow);
    if (!status) {
        struct sigaction act = {.sa_handler = on_interrupt};
        sigaction(SIGINT, &act, NULL);
        sigaction(SIGTERM, &act, NULL);
        signal(SIGPIPE, SIG_IGN);
        config->termination_grace = 0;
        const char *storage = cdz_arena_z(arena, config->storage_path);
        if (cdz_standalone_start(config, true, &alone, &err) == CDZ_OK) {
            status = execute(alone, &o, flow, arena, storage, &files);
            cdz_standalone_stop(alone);
        } else {
            status = cdz_cli_fail(CDZ_EXIT_FAILED, "%s", err.text);
        }
    }
    cdz_flow_unref(flow);
    cdz_config_free(config);
    if (!o.data && !files)
        (void)nftw(temporary, remove_one, 16,
                   FTW_DEPTH | FTW_PHYS); /* what cannot be removed stays in /tmp */
    return status;
}

const struct cdz_command cdz_command_run = {
    .name = "run",
    .summary = "Run a flow file here and now, without a server",
    .usage = "Usage: cadenza run FLOW.yaml [OPTION ...]\n\n"
             "Runs one execution in this process and shows its tasks as they go.\n\n"
             "  --input name=value   an input (repeat)\n"
             "  --file name=@path    a FILE input\n"
             "  --label key:value    a label (repeat)\n"
             "  --output json        the execution as JSON on stdout, and nothing else\n"
             "  --quiet              no progress\n"
             "  --config FILE        YAML configuration\n"
             "  --data DIR           keep files here (a directory in /tmp, removed when it stays "
             "empty)\n\n"
             "Exit status: 0 SUCCESS or WARNING, 1 FAILED, 2 invalid flow or input, 3 KILLED "
             "(Ctrl-C; twice forces).\n",
    .run = run_run,
};
