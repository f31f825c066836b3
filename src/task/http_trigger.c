/* http_trigger.c -- io.kestra.plugin.core.http.Trigger: the descriptor. reference/tasks.md §4 */
#include "task/http.h"
#include "task/types.h"

static const struct cdz_prop props[] = {
    CDZ_HTTP_PROPS,
    {"responseCondition", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC,
     "{{ response.statusCode < 400 }}", "An execution is started if this renders to a true value."},
    {"encryptBody", CDZ_PROP_BOOL, 0, "false", "True: the body is given encrypted."},
    {"interval", CDZ_PROP_DURATION, 0, "PT60S", "How often the request is made."},
    {0},
};
static const struct cdz_prop outputs[] = {
    {"uri", CDZ_PROP_STRING, 0, NULL, "The address that was called."},
    {"code", CDZ_PROP_INT, 0, NULL, "The status code."},
    {"headers", CDZ_PROP_MAP, 0, NULL, "Headers of the answer: name to list."},
    {"body", CDZ_PROP_STRING, 0, NULL, "The body of the answer."},
    {"encryptedBody", CDZ_PROP_MAP, 0, NULL, "The same, encrypted."},
    {0},
};

const struct cdz_type cdz_trigger_http = {
    .type = "io.kestra.plugin.core.http.Trigger",
    .aliases = (const char *const[]){"io.kestra.plugin.fs.http.Trigger", NULL},
    .kind = CDZ_TRIGGER,
    .title = "Start an execution by the answer of an HTTP server.",
    .props = props,
    .outputs = outputs,
};
