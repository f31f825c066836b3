/* server.c -- cadenza server local | standalone: everything in one process, until SIGTERM or
 * Ctrl-C. */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "api/api.h"
#include "base/log.h"
#include "base/time.h"
#include "cli/cli.h"
#include "server/server.h"

static int number(const char *text, int most)
{
    int64_t v;
    return text && cdz_str_to_i64(cdz_str_z(text), &v) && v >= 0 && v <= most ? (int)v : -1;
}

/* 0: go on; otherwise the exit status. */
static int parse(int argc, char **argv, struct cdz_config_options *o)
{
    const char *value;
    for (int i = 1; i < argc; i++) {
        if (cdz_cli_option(argc, argv, &i, "--config", "-c", &o->file) ||
            cdz_cli_option(argc, argv, &i, "--data", NULL, &o->data_dir) ||
            cdz_cli_option(argc, argv, &i, "--host", NULL, &o->host)) {
            continue;
        } else if (cdz_cli_option(argc, argv, &i, "--port", "-p", &value)) {
            o->port = number(value, 65535);
            if (o->port <= 0)
                return cdz_cli_fail(CDZ_EXIT_USAGE, "--port must be a number from 1 to 65535");
        } else if (cdz_cli_option(argc, argv, &i, "--worker-thread", "-t", &value)) {
            o->worker_threads = number(value, 10000);
            if (o->worker_threads < 0)
                return cdz_cli_fail(CDZ_EXIT_USAGE,
                                    "--worker-thread must be a number from 0 to 10000");
        } else if (cdz_cli_option(argc, argv, &i, "--log-level", "-l", &value)) {
            enum cdz_level level;
            if (!value || !cdz_level_parse(cdz_str_z(value), &level))
                return cdz_cli_fail(CDZ_EXIT_USAGE,
                                    "--log-level must be TRACE, DEBUG, INFO, WARN or ERROR");
            cdz_log_level(level);
        } else if (cdz_cli_option(argc, argv, &i, "--no-tutorials", NULL, NULL)) {
            continue; /* there are none */
        } else {
            return cdz_cli_fail(CDZ_EXIT_USAGE,
                                "unknown argument `%s`; `cadenza server --help` lists them",
                                argv[i]);
        }
    }
    return 0;
}

static void wait_for_signal(const sigset_t *set)
{
    int signal_number = 0;
    while (sigwait(set, &signal_number) != 0)
        continue;
    cdz_log(CDZ_INFO, "server", "msg=\"stopping\" signal=%s", sigabbrev_np(signal_number));
}

/* Each connection and each running script takes some: the usual 1024 are few. */
static void raise_file_limit(void)
{
    enum { FILES = 16384 };
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= FILES)
        return;
    files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* not granted: as it was */
}

static int serve(struct cdz_config *config, cdz_us started)
{
    struct cdz_standalone *s;
    struct cdz_api *api;
    struct cdz_err err;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    raise_file_limit();
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* all threads: only sigwait takes them */
    signal(SIGPIPE, SIG_IGN);
    if (cdz_standalone_start(config, false, &s, &err) != CDZ_OK) {
        cdz_log_err(CDZ_ERROR, "server", &err, "msg=\"cannot start\"");
        return CDZ_EXIT_FAILED;
    }
    if (cdz_api_start(cdz_standalone_services(s), &api, &err) != CDZ_OK) {
        cdz_log_err(CDZ_ERROR, "server", &err, "msg=\"cannot listen\" host=%.*s port=%d",
                    CDZ_S(config->host), config->port);
        cdz_standalone_stop(s);
        return CDZ_EXIT_FAILED;
    }
    cdz_log(CDZ_INFO, "server", "msg=\"ready\" url=http://%.*s:%d data=%.*s after_ms=%lld",
            CDZ_S(config->host), cdz_api_port(api), CDZ_S(config->data_dir),
            (long long)((cdz_mono_us() - started) / CDZ_MS));
    wait_for_signal(&set);
    cdz_api_drain(api);
    cdz_standalone_stop(s);
    cdz_api_stop(api);
    cdz_log(CDZ_INFO, "server", "msg=\"stopped\"");
    return CDZ_EXIT_OK;
}

static int server_run(int argc, char **argv)
{
    cdz_us started = cdz_mono_us();
    struct cdz_config_options o = {.worker_threads = -1};
    struct cdz_config *config;
    struct cdz_err err;
    if (argc < 1 || (strcmp(argv[0], "local") != 0 && strcmp(argv[0], "standalone") != 0))
        return cdz_cli_fail(CDZ_EXIT_USAGE, "usage: cadenza server local|standalone [OPTION ...]");
    int status = parse(argc, argv, &o);
    if (status)
        return status;
    mallopt(M_ARENA_MAX, 2); /* threads share heaps: tens of MB less for a server of many threads */
    if (cdz_config_load(&o, &config, &err) != CDZ_OK)
        return cdz_cli_fail(CDZ_EXIT_INVALID, "%s", err.text);
    for (size_t i = 0; i < config->warnings.n; i++)
        cdz_log(CDZ_WARN, "server", "msg=\"%.*s\"", CDZ_S(config->warnings.v[i]));
    status = serve(config, started);
    cdz_config_free(config);
    return status;
}

const struct cdz_command cdz_command_server = {
    .name = "server",
    .summary = "Start a server",
    .usage = "Usage: cadenza server local|standalone [OPTION ...]\n\n"
             "Runs executor, worker, indexer and webserver in one process until SIGTERM.\n\n"
             "  --port N            port to listen on (8080)\n"
             "  --host ADDRESS      address to listen on (127.0.0.1)\n"
             "  --data DIR          where everything is kept (./cadenza-data)\n"
             "  --config FILE       YAML configuration; a `kestra:` root is understood\n"
             "  --worker-thread N   attempts that run at once (8 x cores, at least 16)\n"
             "  --log-level LEVEL   TRACE, DEBUG, INFO, WARN or ERROR\n",
    .run = server_run,
};
