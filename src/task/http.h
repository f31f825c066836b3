/* http.h -- what the HTTP tasks share: their properties, and one request made of them. */
#ifndef CDZ_TASK_HTTP_H
#define CDZ_TASK_HTTP_H

#include "net/http_client.h"
#include "task/run.h"

extern const struct cdz_prop cdz_http_options[]; /* of `options` */
extern const struct cdz_prop cdz_http_ssl[];     /* of `sslOptions` */
extern const char *const cdz_http_methods[];

#define CDZ_HTTP_PROPS                                                                             \
    {"uri", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "The address to call."},  \
        {"method", CDZ_PROP_ENUM, CDZ_PROP_DYNAMIC, "GET", "The HTTP method.", cdz_http_methods},  \
        {"body", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "The body to send."},                    \
        {"formData", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, NULL,                                         \
         "Fields of a form to send instead of a body."},                                           \
        {"contentType", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "The type of the body."},         \
        {"headers", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, NULL, "Headers to send."},                     \
        {"options", CDZ_PROP_OBJECT, 0, NULL, "Time-outs, redirects, credentials, proxy.",         \
         NULL,      cdz_http_options},                                                             \
        {"sslOptions", CDZ_PROP_OBJECT, 0, NULL, "TLS.", NULL, cdz_http_ssl},                      \
    {                                                                                              \
        "allowFailed", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "false",                                   \
            "A status of 400 and above is no failure."                                             \
    }

/* A request in the making; done it always. */
struct cdz_http_task {
    struct cdz_run *run;
    struct cdz_http_call call;
    CDZ_VEC(struct cdz_http_pair) headers;
    CDZ_VEC(struct cdz_http_part) parts;
};
/* Renders the shared properties into task->call: body_max, to_fd are the caller's. */
CDZ_MUST_USE cdz_rc cdz_http_task_init(struct cdz_http_task *task, struct cdz_run *run,
                                       struct cdz_err *err);
/*
 * Makes the call. Fails on a status of 400 and above unless allowFailed; sets the outputs uri, code
 * and headers and the metric response.length otherwise.
 */
CDZ_MUST_USE cdz_rc cdz_http_task_call(struct cdz_http_task *task, struct cdz_http_reply *ret,
                                       struct cdz_err *err);
void cdz_http_task_done(struct cdz_http_task *task);

#endif
