/* http_request.c -- io.kestra.plugin.core.http.Request */
#include "base/id.h"
#include "expr/crypt.h"
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

static cdz_rc take_encrypted(struct cdz_run *run, const struct cdz_http_reply *r,
                             struct cdz_err *err)
{
    uint8_t iv[CDZ_CRYPT_IV];
    cdz_str sealed;
    if (!run->worker->encryption_key.n)
        return cdz_fail(err, CDZ_E_TASK,
                        "Unable to encrypt the body: no `encryption.secret-key` is configured");
    cdz_random_bytes(iv, sizeof(iv));
    CDZ_TRY(cdz_encrypt(run->worker->encryption_key, iv, r->body, run->arena, &sealed, err));
    cdz_run_output(run, "encryptedBody", cdz_crypt_wrap(sealed, run->arena));
    return CDZ_OK;
}

static cdz_rc request_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_http_task t;
    struct cdz_http_reply reply;
    bool encrypt;
    CDZ_TRY(cdz_run_bool(run, "encryptBody", &encrypt, err));
    cdz_rc rc = cdz_http_task_init(&t, run, err);
    if (rc == CDZ_OK)
        rc = cdz_http_task_call(&t, &reply, err);
    cdz_http_task_done(&t);
    CDZ_TRY(rc);
    return encrypt ? take_encrypted(run, &reply, err) : take_body(run, &reply, err);
}

static const struct cdz_prop props[] = {
    CDZ_HTTP_PROPS,
    {"encryptBody", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "false",
     "Keep the body encrypted, as encryptedBody."},
    {0},
};
static const struct cdz_prop outputs[] = {
    {"uri", CDZ_PROP_STRING, 0, NULL, "The address that was called."},
    {"code", CDZ_PROP_INT, 0, NULL, "The status of the answer."},
    {"headers", CDZ_PROP_MAP, 0, NULL, "Its headers: name and list of values."},
    {"body", CDZ_PROP_STRING, 0, NULL, "Its body."},
    {"encryptedBody", CDZ_PROP_MAP, 0, NULL,
     "Its body, encrypted; expressions see it in plain text."},
    {0},
};

const struct cdz_type cdz_task_http_request = {
    .type = "io.kestra.plugin.core.http.Request",
    .aliases = (const char *const[]){"io.kestra.plugin.fs.http.Request", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Make an HTTP request and keep the answer.",
    .props = props,
    .outputs = outputs,
    .run = request_run,
};
