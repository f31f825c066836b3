/*
 * err.h -- expected failures: a code for programs and a line for people.
 *
 * The caller owns the cdz_err (last argument, never NULL); the callee fills it on failure and
 * leaves it alone on success. Failing code allocates nothing. Bugs are asserted, out of memory
 * aborts: neither comes here.
 */
#ifndef CDZ_BASE_ERR_H
#define CDZ_BASE_ERR_H

#include "base/str.h"

/* symbol, name in API and logs, HTTP status, worth retrying */
#define CDZ_RC_LIST(X)                                                                             \
    X(CDZ_OK, "ok", 200, false)                                                                    \
    X(CDZ_E_INVALID, "invalid", 422, false)                                                        \
    X(CDZ_E_BAD_REQUEST, "bad-request", 400, false)                                                \
    X(CDZ_E_NOT_FOUND, "not-found", 404, false)                                                    \
    X(CDZ_E_CONFLICT, "conflict", 409, false)                                                      \
    X(CDZ_E_EXPIRED, "expired", 410, false)                                                        \
    X(CDZ_E_TOO_LARGE, "too-large", 413, false)                                                    \
    X(CDZ_E_LIMIT, "limit", 422, false) /* an expression or a document beyond its limits */        \
    X(CDZ_E_UNDEFINED, "undefined-variable", 422,                                                  \
      false) /* `??`, `default`, `is defined` swallow it */                                        \
    X(CDZ_E_EXPRESSION, "illegal-variable-evaluation", 422, false)                                 \
    X(CDZ_E_TASK, "task-failed", 422, false) /* the task itself failed: exit code, status ... */   \
    X(CDZ_E_TIMEOUT, "timeout", 504, true)                                                         \
    X(CDZ_E_KILLED, "killed", 409, false)                                                          \
    X(CDZ_E_CORRUPT, "corrupt", 500, false)        /* stored bytes that we cannot read back */     \
    X(CDZ_E_UNAVAILABLE, "unavailable", 503, true) /* disk full, network, a server that is down */ \
    X(CDZ_E_INTERNAL, "internal", 500, false)

typedef enum cdz_rc {
#define CDZ_RC_ENUM(symbol, name, http, retry) symbol,
    CDZ_RC_LIST(CDZ_RC_ENUM)
#undef CDZ_RC_ENUM
} cdz_rc;

struct cdz_err {
    cdz_rc rc;
    const char *file; /* source file and line that noticed it */
    int line;
    char text[512];   /* one factual line for the user */
    char detail[256]; /* names of calls, hosts, errno: for the operator; may be empty */
};

const char *cdz_rc_name(cdz_rc rc);
int cdz_rc_http(cdz_rc rc);
bool cdz_rc_retry(cdz_rc rc);

/* Fills err and returns rc, so that `return cdz_fail(err, CDZ_E_..., "...")` is one line. Long text
 * is cut. */
#define cdz_fail(err, rc, ...) cdz_fail_at((err), (rc), __FILE__, __LINE__, __VA_ARGS__)
cdz_rc cdz_fail_at(struct cdz_err *err, cdz_rc rc, const char *file, int line, const char *fmt, ...)
    CDZ_PRINTF(5, 6);
/* As cdz_fail with CDZ_E_UNAVAILABLE; detail gets `call` and the text of errno value `number`. */
#define cdz_fail_errno(err, number, call, ...)                                                     \
    cdz_fail_errno_at((err), (number), (call), __FILE__, __LINE__, __VA_ARGS__)
cdz_rc cdz_fail_errno_at(struct cdz_err *err, int number, const char *call, const char *file,
                         int line, const char *fmt, ...) CDZ_PRINTF(6, 7);

#define CDZ_TRY(call)                                                                              \
    do {                                                                                           \
        cdz_rc cdz_try_rc_ = (call);                                                               \
        if (cdz_try_rc_ != CDZ_OK)                                                                 \
            return cdz_try_rc_;                                                                    \
    } while (0)

#endif
