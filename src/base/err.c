#include "base/err.h"

#include <stdarg.h>

static const struct {
    const char *name;
    int http;
    bool retry;
} codes[] = {
#define CDZ_RC_ROW(symbol, name, http, retry) [symbol] = {name, http, retry},
    CDZ_RC_LIST(CDZ_RC_ROW)
#undef CDZ_RC_ROW
};

const char *cdz_rc_name(cdz_rc rc)
{
    return codes[rc].name;
}

int cdz_rc_http(cdz_rc rc)
{
    return codes[rc].http;
}

bool cdz_rc_retry(cdz_rc rc)
{
    return codes[rc].retry;
}

static void fill(struct cdz_err *err, cdz_rc rc, const char *file, int line, const char *fmt,
                 va_list ap)
{
    char text[sizeof(err->text)]; /* arguments may point into err->text itself */
    vsnprintf(text, sizeof(text), fmt, ap);
    memcpy(err->text, text, sizeof(text));
    err->rc = rc;
    err->file = file;
    err->line = line;
    err->detail[0] = 0;
}

cdz_rc cdz_fail_at(struct cdz_err *err, cdz_rc rc, const char *file, int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(err, rc, file, line, fmt, ap);
    va_end(ap);
    return rc;
}

cdz_rc cdz_fail_errno_at(struct cdz_err *err, int number, const char *call, const char *file,
                         int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(err, CDZ_E_UNAVAILABLE, file, line, fmt, ap);
    va_end(ap);
    char what[128] = "";
    const char *reason = strerror_r(number, what, sizeof(what)); /* the GNU form */
    snprintf(err->detail, sizeof(err->detail), "%s: %s", call, reason);
    return CDZ_E_UNAVAILABLE;
}
