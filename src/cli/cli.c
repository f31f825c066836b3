#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>

#include "base/buf.h"

int cdz_cli_fail(int status, const char *fmt, ...)
{
    va_list ap;
    fputs("cadenza: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return status;
}

bool cdz_cli_option(int argc, char **argv, int *at, const char *name, const char *brief,
                    const char **value)
{
    const char *word = argv[*at];
    size_t n = strlen(name);
    bool is_long = strncmp(word, name, n) == 0 && (word[n] == 0 || (value && word[n] == '='));
    if (!is_long && !(brief && strcmp(word, brief) == 0))
        return false;
    if (!value)
        return true;
    if (is_long && word[n] == '=')
        *value = word + n + 1;
    else
        *value = *at + 1 < argc ? argv[++*at] : NULL;
    return true;
}

cdz_rc cdz_cli_read(const char *path, size_t max, struct cdz_arena *arena, cdz_str *ret,
                    struct cdz_err *err)
{
    CDZ_AUTO_BUF struct cdz_buf b = {.max = max};
    char part[8192];
    size_t n;
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!f)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "%s cannot be read: %s", path,
                        strerrordesc_np(errno));
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        cdz_buf_add(&b, part, n);
    bool failed = ferror(f) != 0;
    int number = errno;
    if (f != stdin)
        fclose(f);
    if (failed)
        return cdz_fail(err, CDZ_E_UNAVAILABLE, "%s cannot be read: %s", path,
                        strerrordesc_np(number));
    if (b.overflow)
        return cdz_fail(err, CDZ_E_TOO_LARGE, "%s has more than %zu bytes", path, max);
    *ret = cdz_buf_copy(&b, arena);
    return CDZ_OK;
}
