#include "base/log.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/time.h"

const char *const cdz_level_names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};

static enum cdz_level least_level = CDZ_INFO;

bool cdz_level_parse(cdz_str s, enum cdz_level *ret)
{
    for (size_t i = 0; i < CDZ_COUNT(cdz_level_names); i++) {
        if (cdz_str_is(s, cdz_level_names[i])) {
            *ret = (enum cdz_level)i;
            return true;
        }
    }
    return false;
}

void cdz_log_level(enum cdz_level least)
{
    least_level = least;
}

static void write_line(enum cdz_level level, const char *who, const struct cdz_err *err,
                       const char *fmt, va_list ap)
{
    char line[2048], at[CDZ_INSTANT_TEXT];
    cdz_str when = cdz_instant_print(cdz_now_us() / CDZ_MS * CDZ_MS, at);
    int n = snprintf(line, sizeof(line), "%.*s %-5s %s ", CDZ_S(when), cdz_level_names[level], who);
    size_t used = (size_t)n;
    n = vsnprintf(line + used, sizeof(line) - used, fmt, ap);
    used += (size_t)n < sizeof(line) - used ? (size_t)n : sizeof(line) - used - 1;
    if (err) {
        n = snprintf(line + used, sizeof(line) - used, " err=%s \"%s\"%s%s%s", cdz_rc_name(err->rc),
                     err->text, err->detail[0] ? " (" : "", err->detail, err->detail[0] ? ")" : "");
        used += (size_t)n < sizeof(line) - used ? (size_t)n : sizeof(line) - used - 1;
    }
    if (used > sizeof(line) - 2)
        used = sizeof(line) - 2;
    line[used++] = '\n';
    if (write(STDERR_FILENO, line, used) < 0)
        return; /* nowhere left to say it */
}

void cdz_log(enum cdz_level level, const char *who, const char *fmt, ...)
{
    if (level < least_level)
        return;
    va_list ap;
    va_start(ap, fmt);
    write_line(level, who, NULL, fmt, ap);
    va_end(ap);
}

void cdz_log_err(enum cdz_level level, const char *who, const struct cdz_err *err, const char *fmt,
                 ...)
{
    if (level < least_level)
        return;
    va_list ap;
    va_start(ap, fmt);
    write_line(level, who, err, fmt, ap);
    va_end(ap);
}
