/*
 * cli.h -- the commands of the program: one file per command, one row in main.c's table.
 *
 * A command gets the words behind its name and returns the exit status. Results go to stdout,
 * everything else to stderr.
 */
#ifndef CDZ_CLI_CLI_H
#define CDZ_CLI_CLI_H

#include "base/err.h"
#include "base/val.h"

enum {
    CDZ_EXIT_OK = 0,
    CDZ_EXIT_FAILED = 1,
    CDZ_EXIT_INVALID = 2,
    CDZ_EXIT_KILLED = 3,
    CDZ_EXIT_USAGE = 64
};

struct cdz_command {
    const char *name, *summary, *usage;
    int (*run)(int argc, char **argv);
};
extern const struct cdz_command cdz_command_run, cdz_command_server, cdz_command_flow,
    cdz_command_configs, cdz_command_execution, cdz_command_event, cdz_command_plugins;

/* "cadenza: " and the message on stderr. Returns `status`, so that `return cdz_cli_fail(...)` is
 * one line. */
int cdz_cli_fail(int status, const char *fmt, ...) CDZ_PRINTF(2, 3);

/*
 * One option at argv[*at]: "--name value", "--name=value" or, with value NULL, a plain flag. True:
 * *at stands on its last word, and *value is set (NULL when the value is missing).
 */
bool cdz_cli_option(int argc, char **argv, int *at, const char *name, const char *brief,
                    const char **value);
/* A whole file of at most max bytes. */
CDZ_MUST_USE cdz_rc cdz_cli_read(const char *path, size_t max, struct cdz_arena *arena,
                                 cdz_str *ret, struct cdz_err *err);

#endif
