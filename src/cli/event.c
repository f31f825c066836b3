/* event.c -- cadenza event send NAMESPACE KEY: wakes the WaitForEvent tasks that wait for that key. */
#include "base/json.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/remote.h"
#include "net/http_client.h"

struct options {
    struct cdz_remote remote;
    const char *namespace_, *key, *data;
};

static int parse(int argc, char **argv, struct options *ret)
{
    *ret = (struct options){.remote = cdz_remote_default()};
    if (argc < 1 || strcmp(argv[0], "send") != 0)
        return cdz_cli_fail(CDZ_EXIT_USAGE,
                            "usage: cadenza event send NAMESPACE KEY [--data JSON] [--server URL]");
    for (int i = 1; i < argc; i++) {
        if (cdz_remote_option(argc, argv, &i, &ret->remote)) {
            if (!ret->remote.server)
                return cdz_cli_fail(CDZ_EXIT_USAGE, "--server needs a value");
        } else if (cdz_cli_option(argc, argv, &i, "--data", "-d", &ret->data)) {
            if (!ret->data)
                return cdz_cli_fail(CDZ_EXIT_USAGE, "--data needs a value");
        } else if (argv[i][0] == '-' || ret->key) {
            return cdz_cli_fail(CDZ_EXIT_USAGE, "unknown argument `%s`", argv[i]);
        } else if (ret->namespace_) {
            ret->key = argv[i];
        } else {
            ret->namespace_ = argv[i];
        }
    }
    if (!ret->key || !ret->key[0] || !ret->namespace_[0])
        return cdz_cli_fail(CDZ_EXIT_USAGE, "which event? `cadenza event send NAMESPACE KEY`");
    return CDZ_EXIT_OK;
}

/* JSON is checked here, where the user can still correct it. */
static int read_data(const struct options *o, struct cdz_arena *arena, cdz_str *ret)
{
    struct cdz_err err;
    cdz_val ignored;
    *ret = cdz_str_z(o->data);
    if (o->data && (o->data[0] == '@' || strcmp(o->data, "-") == 0) &&
        cdz_cli_read(o->data + (o->data[0] == '@'), CDZ_BODY_BYTES_MAX, arena, ret, &err) != CDZ_OK)
        return cdz_cli_fail(CDZ_EXIT_INVALID, "%s", err.text);
    if (!ret->n)
        *ret = CDZ_STR("{}");
    if (cdz_json_parse(*ret, arena, &ignored, &err) != CDZ_OK)
        return cdz_cli_fail(CDZ_EXIT_INVALID, "--data: %s", err.text);
    return CDZ_EXIT_OK;
}

static int event_run(int argc, char **argv)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct options o;
    cdz_str body;
    cdz_val answer;
    int status = parse(argc, argv, &o);
    if (status == CDZ_EXIT_OK)
        status = read_data(&o, arena, &body);
    if (status != CDZ_EXIT_OK)
        return status;
    cdz_str path = cdz_arena_printf(arena, "/events/%.*s/%.*s",
                                    CDZ_S(cdz_url_encode(cdz_str_z(o.namespace_), arena)),
                                    CDZ_S(cdz_url_encode(cdz_str_z(o.key), arena)));
    return cdz_remote_call(&o.remote, "POST", path, body, arena, &answer);
}

const struct cdz_command cdz_command_event = {
    .name = "event",
    .summary = "Tell a server what executions wait for",
    .usage =
        "Usage: cadenza event send NAMESPACE KEY [OPTION ...]\n\n"
        "Wakes the WaitForEvent tasks of flows of that namespace that wait for that key. When\n"
        "none does, the first one that asks within a day gets it.\n\n"
        "  -d, --data JSON       outputs of those tasks; @FILE or - reads them\n" CDZ_REMOTE_USAGE
        "\nExit status: 0 the event is stored, 1 the server cannot be asked or refuses, 2 --data "
        "is\n"
        "no JSON.\n",
    .run = event_run,
};
