/* remote.c -- see remote.h. */
#include "cli/remote.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "cli/cli.h"
#include "net/http_client.h"

struct cdz_remote cdz_remote_default(void)
{
    const char *server = getenv("CADENZA_SERVER");
    return (struct cdz_remote){.server = server ? server : "http://localhost:8080"};
}

bool cdz_remote_option(int argc, char **argv, int *at, struct cdz_remote *r)
{
    return cdz_cli_option(argc, argv, at, "--server", NULL, &r->server) ||
           cdz_cli_option(argc, argv, at, "--user", NULL, &r->user);
}

cdz_rc cdz_remote_ask(const struct cdz_remote *r, const char *method, cdz_str path,
                      const char *type, cdz_str body, struct cdz_arena *arena,
                      struct cdz_http_reply *ret, struct cdz_err *err)
{
    struct cdz_http_pair header = {CDZ_STR("Content-Type"), cdz_str_z(type)};
    cdz_str server = cdz_str_z(r->server), user = cdz_str_z(r->user);
    size_t colon = user.n ? cdz_str_chr(user, ':', 0) : SIZE_MAX;
    while (server.n && server.p[server.n - 1] == '/')
        server.n--;
    struct cdz_http_call call = {
        .method = cdz_str_z(method),
        .url = cdz_arena_printf(arena, "%.*s/api/v1%.*s", CDZ_S(server), CDZ_S(path)),
        .headers = &header,
        .header_count = body.p ? 1 : 0,
        .body = body,
        .read_timeout = 30 * CDZ_SECOND,
        .body_max = CDZ_BODY_BYTES_MAX,
        .to_fd = -1,
        .cancel_fd = -1,
    };
    if (user.n) {
        call.user = cdz_str_sub(user, 0, colon);
        call.password = colon == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(user, colon + 1, user.n);
    }
    return cdz_http_call(&call, arena, ret, err);
}

int cdz_remote_call(const struct cdz_remote *r, const char *method, cdz_str path, cdz_str body,
                    struct cdz_arena *arena, cdz_val *ret)
{
    struct cdz_http_reply reply;
    struct cdz_err err;
    cdz_val v;
    if (cdz_remote_ask(r, method, path, "application/json", body, arena, &reply, &err) != CDZ_OK)
        return cdz_cli_fail(CDZ_EXIT_FAILED, "%s: %s", r->server, err.text);
    if (cdz_json_parse(reply.body, arena, &v, &err) != CDZ_OK)
        v = CDZ_VAL_NULL;
    if (reply.status / 100 != 2) {
        cdz_val told = cdz_map_getz(v, "message");
        cdz_str message = told.kind == CDZ_TEXT ? cdz_val_str(told) : CDZ_STR("");
        return cdz_cli_fail(CDZ_EXIT_FAILED, "%s: HTTP %d%s%.*s", r->server, reply.status,
                            message.n ? ": " : "", CDZ_S(message));
    }
    *ret = v;
    return CDZ_EXIT_OK;
}
