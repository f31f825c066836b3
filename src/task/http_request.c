/* http_request.c -- io.kestra.plugin.core.http.Request */
#include "task/http.h"
#include "task/types.h"

static cdz_rc take_body(struct cdz_run *run, const struct cdz_http_reply *r, struct cdz_err *err)
{
    if (!cdz_utf8_valid(r->body))
        return cdz_fail(err, CDZ_E_TASK,
                        "The body of the answer is not valid UTF-8 text; use "
                        "io.kestra.plugin.core.http.Download for other content");
    cdz_run_output(run, "body", r->body.n ? cdz_val_text(r->body) : CDZ_VAL_NULL);
    return CDZ_OK;
}

static cdz_rc request_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_http_task t;
    struct cdz_http_reply reply;
    cdz_rc rc = cdz_http_task_init(&t, run, err);
    if (rc == CDZ_OK)
        rc = cdz_http_task_call(&t, &reply, err);
    cdz_http_task_done(&t);
    CDZ_TRY(rc);
    return take_body(run, &reply, err);
}

static void request_check(const struct cdz_task *task, struct cdz_problems *problems)
{
    cdz_val encrypt = cdz_map_getz(task->props, "encryptBody");
    if (encrypt.kind == CDZ_BOOL && encrypt.b)
        cdz_problem_add(problems, task->mark, task->id, NULL,
                        "encryptBody is not supported yet by this server");
}

static const struct cdz_prop props[] = {
    CDZ_HTTP_PROPS,
    {"encryptBody", CDZ_PROP_BOOL, 0, "false", "Only false."},
    {0},
};
static const struct cdz_prop outputs[] = {
    {"uri", CDZ_PROP_STRING, 0, NULL, "The address that was called."},
    {"code", CDZ_PROP_INT, 0, NULL, "The status of the answer."},
    {"headers", CDZ_PROP_MAP, 0, NULL, "Its headers: name and list of values."},
    {"body", CDZ_PROP_STRING, 0, NULL, "Its body."},
    {0},
};

const struct cdz_type cdz_task_http_request = {
    .type = "io.kestra.plugin.core.http.Request",
    .aliases = (const char *const[]){"io.kestra.plugin.fs.http.Request", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Make an HTTP request and keep the answer.",
    .props = props,
    .outputs = outputs,
    .check = request_check,
    .run = request_run,
};
