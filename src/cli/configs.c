/* configs.c -- cadenza configs properties: the configuration in force. */
#include "cli/cli.h"
#include "server/config.h"

static int configs_run(int argc, char **argv)
{
    struct cdz_config_options o = {.worker_threads = -1};
    struct cdz_config *config;
    struct cdz_err err;
    int first = argc > 0 && strcmp(argv[0], "properties") == 0;
    for (int i = first; i < argc; i++) {
        if (!cdz_cli_option(argc, argv, &i, "--config", "-c", &o.file))
            return cdz_cli_fail(CDZ_EXIT_USAGE, "unknown argument `%s`", argv[i]);
    }
    if (cdz_config_load(&o, &config, &err) != CDZ_OK)
        return cdz_cli_fail(CDZ_EXIT_FAILED, "%s", err.text);
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    cdz_config_print(config, &text);
    fwrite(text.p, 1, text.n, stdout);
    for (size_t i = 0; i < config->warnings.n; i++)
        fprintf(stderr, "cadenza: %.*s\n", CDZ_S(config->warnings.v[i]));
    cdz_config_free(config);
    return CDZ_EXIT_OK;
}

const struct cdz_command cdz_command_configs = {
    .name = "configs",
    .summary = "Show the configuration in force",
    .usage = "Usage: cadenza configs properties [--config FILE]\n\nPrints every known key with its "
             "value in force.\n",
    .run = configs_run,
};
