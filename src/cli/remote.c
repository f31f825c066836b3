#include "cli/remote.h"

#include "base/limits.h"
#include "base/time.h"
#include "cli/cli.h"

const char *cdz_cli_server_default(void)
{
    const char *url = getenv("CADENZA_SERVER");
    return url && url[0] ? url : "http://localhost:8080";
}

bool cdz_cli_server_option(int argc, char **argv, int *at, struct cdz_cli_server *ret)
{
    bool url = cdz_cli_option(argc, argv, at, "--server", NULL, &ret->url);
    bool user = !url && cdz_cli_option(argc, argv, at, "--user", NULL, &ret->user);
    ret->incomplete |= (url && !ret->url) || (user && !ret->user);
    return url || user;
}

cdz_rc cdz_cli_ask(const struct cdz_cli_server *server, const char *method, cdz_str path,
                   const char *type, cdz_str body, struct cdz_arena *arena,
                   struct cdz_http_reply *ret, struct cdz_err *err)
{
    cdz_str url = cdz_str_z(server->url), user = cdz_str_z(server->user);
    size_t colon = user.n ? cdz_str_chr(user, ':', 0) : SIZE_MAX;
    struct cdz_http_pair header = {CDZ_STR("Content-Type"), cdz_str_z(type)};
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    struct cdz_http_call call = {
        .method = cdz_str_z(method),
        .url = cdz_arena_printf(arena, "%.*s%.*s", CDZ_S(url), CDZ_S(path)),
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
