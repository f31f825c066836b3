/* execution.c -- cadenza execution explain ID: why an execution does not go on, asked of a server. */
#include "base/json.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/remote.h"

struct options {
    struct cdz_cli_server server;
    const char *output, *id;
};

static int parse(int argc, char **argv, struct options *ret)
{
    *ret = (struct options){.server = {.url = cdz_cli_server_default()}, .output = "table"};
    if (argc < 1 || strcmp(argv[0], "explain") != 0)
        return cdz_cli_fail(
            CDZ_EXIT_USAGE,
            "usage: cadenza execution explain ID [--server URL] [--user NAME:PASSWORD] "
            "[--output table|json]");
    for (int i = 1; i < argc; i++) {
        if (cdz_cli_server_option(argc, argv, &i, &ret->server) ||
            cdz_cli_option(argc, argv, &i, "--output", "-o", &ret->output)) {
            if (ret->server.incomplete || !ret->output)
                return cdz_cli_fail(CDZ_EXIT_USAGE, "%s needs a value", argv[i]);
        } else if (argv[i][0] == '-' || ret->id) {
            return cdz_cli_fail(CDZ_EXIT_USAGE, "unknown argument `%s`", argv[i]);
        } else {
            ret->id = argv[i];
        }
    }
    if (!ret->id)
        return cdz_cli_fail(CDZ_EXIT_USAGE, "which execution? `cadenza execution explain ID`");
    if (strcmp(ret->output, "table") != 0 && strcmp(ret->output, "json") != 0)
        return cdz_cli_fail(CDZ_EXIT_USAGE, "--output: table or json, not `%s`", ret->output);
    return CDZ_EXIT_OK;
}

static cdz_str text_of(cdz_val map, const char *name)
{
    cdz_val v = cdz_map_getz(map, name);
    return v.kind == CDZ_TEXT ? cdz_val_str(v) : CDZ_STR("");
}

/* "3 min", "2 h": how long from one instant to the other. */
static cdz_str span_of(cdz_us span, struct cdz_arena *arena)
{
    static const struct {
        cdz_us unit;
        const char *name;
    } units[] = {{86400 * CDZ_SECOND, "d"}, {3600 * CDZ_SECOND, "h"}, {60 * CDZ_SECOND, "min"}};
    for (size_t i = 0; i < CDZ_COUNT(units); i++) {
        if (span >= 2 * units[i].unit)
            return cdz_arena_printf(arena, "%lld %s", (long long)(span / units[i].unit),
                                    units[i].name);
    }
    return cdz_arena_printf(arena, "%lld s", (long long)(span / CDZ_SECOND));
}

static void print_reason(cdz_val r, cdz_us now, struct cdz_arena *arena)
{
    cdz_str task = text_of(r, "taskId"), value = text_of(r, "value");
    cdz_us since = 0, until = 0;
    cdz_val held = cdz_map_getz(r, "heldBy");
    if (!task.n)
        task = CDZ_STR("execution");
    if (value.n)
        task = cdz_arena_printf(arena, "%.*s[%.*s]", CDZ_S(task), CDZ_S(value));
    printf("%-24.*s  %.*s", CDZ_S(task), CDZ_S(text_of(r, "message")));
    if (cdz_instant_parse(text_of(r, "since"), &since) && now > since)
        printf(" (since %.*s)", CDZ_S(span_of(now - since, arena)));
    if (cdz_instant_parse(text_of(r, "until"), &until))
        printf("; until %.*s%s%.*s", CDZ_S(text_of(r, "until")), until > now ? ", in " : "",
               CDZ_S(until > now ? span_of(until - now, arena) : CDZ_STR("")));
    putchar('\n');
    if (held.kind == CDZ_LIST) {
        CDZ_LIST_EACH (id, held) {
            if (id->kind == CDZ_TEXT)
                printf("%-24s    held by %.*s\n", "", CDZ_S(cdz_val_str(*id)));
        }
    }
}

static int explain(const struct options *o)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_http_reply reply;
    struct cdz_err err;
    cdz_val v;
    cdz_str path = cdz_arena_printf(arena, "/api/v1/executions/%.*s/explain",
                                    CDZ_S(cdz_url_encode(cdz_str_z(o->id), arena)));
    if (cdz_cli_ask(&o->server, "GET", path, "", (cdz_str){NULL, 0}, arena, &reply, &err) != CDZ_OK)
        return cdz_cli_fail(CDZ_EXIT_FAILED, "%s: %s", o->server.url, err.text);
    if (cdz_json_parse(reply.body, arena, &v, &err) != CDZ_OK)
        v = CDZ_VAL_NULL;
    if (reply.status != 200) {
        cdz_str message = text_of(v, "message");
        return cdz_cli_fail(CDZ_EXIT_FAILED, "%s: HTTP %d%s%.*s", o->server.url, reply.status,
                            message.n ? ": " : "", CDZ_S(message));
    }
    if (strcmp(o->output, "json") == 0) {
        printf("%.*s\n", CDZ_S(cdz_json_text(arena, v, CDZ_JSON_PRETTY)));
        return CDZ_EXIT_OK;
    }
    cdz_val reasons = cdz_map_getz(v, "reasons");
    printf("%.*s is %.*s\n", CDZ_S(text_of(v, "executionId")), CDZ_S(text_of(v, "state")));
    if (reasons.kind == CDZ_LIST) {
        CDZ_LIST_EACH (r, reasons)
            print_reason(*r, cdz_now_us(), arena);
    }
    return CDZ_EXIT_OK;
}

static int execution_run(int argc, char **argv)
{
    struct options o;
    int status = parse(argc, argv, &o);
    return status == CDZ_EXIT_OK ? explain(&o) : status;
}

const struct cdz_command cdz_command_execution = {
    .name = "execution",
    .summary = "Ask a server about executions",
    .usage = "Usage: cadenza execution explain ID [OPTION ...]\n\n"
             "Says why an execution does not go on: for itself and for each of its task runs that\n"
             "live, what it waits for, since when, until when, and which executions hold it up.\n\n"
             "  --server URL          the server ($CADENZA_SERVER, http://localhost:8080)\n"
             "  --user NAME:PASSWORD  basic authentication\n"
             "  -o, --output FORM     table (default) or json\n",
    .run = execution_run,
};
