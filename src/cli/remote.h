/* remote.h -- commands that ask a server: where it is, who asks, one request. */
#ifndef CDZ_CLI_REMOTE_H
#define CDZ_CLI_REMOTE_H

#include "net/http_client.h"

struct cdz_cli_server {
    const char *url;  /* --server; NULL: not given */
    const char *user; /* --user NAME:PASSWORD, or NULL */
    bool incomplete;  /* one of the options had no value */
};

/* $CADENZA_SERVER, or the one on this machine. */
const char *cdz_cli_server_default(void);
/* Takes --server and --user as cdz_cli_option does. */
bool cdz_cli_server_option(int argc, char **argv, int *at, struct cdz_cli_server *ret);

/* path: "/api/v1/..."; body.p NULL: none. Any status is CDZ_OK. */
CDZ_MUST_USE cdz_rc cdz_cli_ask(const struct cdz_cli_server *server, const char *method,
                                cdz_str path, const char *type, cdz_str body,
                                struct cdz_arena *arena, struct cdz_http_reply *ret,
                                struct cdz_err *err);

#endif
