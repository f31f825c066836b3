/* main.c -- nothing but dispatch. */
#include "cli/cli.h"

static const struct cdz_command *const commands[] = {
    &cdz_command_run,   &cdz_command_server,  &cdz_command_flow,    &cdz_command_execution,
    &cdz_command_event, &cdz_command_configs, &cdz_command_plugins,
};

static int usage(FILE *to)
{
    fputs("Cadenza runs workflows.\n\nUsage: cadenza COMMAND [ARGUMENT ...]\n\nCommands:\n", to);
    for (size_t i = 0; i < CDZ_COUNT(commands); i++)
        fprintf(to, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs("  version   Print the version\n\n`cadenza COMMAND --help` tells more.\n", to);
    return to == stdout ? CDZ_EXIT_OK : CDZ_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return usage(stdout);
    if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
        puts(CDZ_VERSION);
        return CDZ_EXIT_OK;
    }
    const char *nearest = NULL;
    size_t best = 4;
    for (size_t i = 0; i < CDZ_COUNT(commands); i++) {
        if (strcmp(argv[1], commands[i]->name) == 0) {
            for (int k = 2; k < argc; k++) {
                if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-h") == 0) {
                    fputs(commands[i]->usage, stdout);
                    return CDZ_EXIT_OK;
                }
            }
            return commands[i]->run(argc - 2, argv + 2);
        }
        size_t d = cdz_str_distance(cdz_str_z(argv[1]), cdz_str_z(commands[i]->name));
        if (d < best) {
            best = d;
            nearest = commands[i]->name;
        }
    }
    if (nearest)
        return cdz_cli_fail(CDZ_EXIT_USAGE, "unknown command `%s` (did you mean `%s`?)", argv[1],
                            nearest);
    return cdz_cli_fail(CDZ_EXIT_USAGE, "unknown command `%s`; `cadenza --help` lists them",
                        argv[1]);
}
