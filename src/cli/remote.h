/* remote.h -- a command that asks a server: which one, as whom, and one call of its API. */
#ifndef CDZ_CLI_REMOTE_H
#define CDZ_CLI_REMOTE_H

#include "base/val.h"
#include "net/http_client.h"

struct cdz_remote {
    const char *server; /* "http://host:port" */
    const char *user;   /* "name:password", or NULL */
};
#define CDZ_REMOTE_USAGE                                                                           \
    "  --server URL          the server ($CADENZA_SERVER, http://localhost:8080)\n"                \
    "  --user NAME:PASSWORD  basic authentication\n"

/* From the environment. */
struct cdz_remote cdz_remote_default(void);
/* True: argv[*at] was --server or --user; their value may be NULL (missing). */
bool cdz_remote_option(int argc, char **argv, int *at, struct cdz_remote *r);

/* The answer as it comes, any status. body.p NULL: none; type: its media type. path: below /api/v1,
 * already encoded. */
CDZ_MUST_USE cdz_rc cdz_remote_ask(const struct cdz_remote *r, const char *method, cdz_str path,
                                   const char *type, cdz_str body, struct cdz_arena *arena,
                                   struct cdz_http_reply *ret, struct cdz_err *err);
/* body.p NULL: none; it is sent as JSON. path: below /api/v1, already encoded. *ret: the JSON of the
 * answer, or null. The exit status; what is wrong has been told then. */
int cdz_remote_call(const struct cdz_remote *r, const char *method, cdz_str path, cdz_str body,
                    struct cdz_arena *arena, cdz_val *ret);

#endif
