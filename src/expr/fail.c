/* fail.c -- error texts of expressions: a message and the place, as the original words them. */
#include "expr/eval.h"

#include <assert.h>

/* s cut to at most max bytes, not inside a character. */
static cdz_str cut(cdz_str s, size_t max)
{
    if (s.n <= max)
        return s;
    while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
        max--;
    return cdz_str_sub(s, 0, max);
}

/* What is left of an error text for the template, when `used` bytes say something else. */
static size_t room_beside(size_t used)
{
    size_t size = sizeof(((struct cdz_err *)0)->text),
           margin = 24; /* " (", "...:4294967295)", NUL */
    return used + margin < size ? size - used - margin : 0;
}

cdz_rc expr_fail_at(struct cdz_err *err, cdz_str source, uint32_t line, size_t *ret_message,
                    const char *fmt, ...)
{
    char message[sizeof(err->text) -
                 128]; /* not err->text: a part of that may be among the arguments */
    va_list ap;
    va_start(ap, fmt);
    int printed = vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    assert(printed >= 0);
    cdz_str text = cut(cdz_str_z(message),
                       sizeof(message) - 4); /* vsnprintf may have cut inside a character */
    cdz_str place = cut(source, room_beside(text.n));
    if (ret_message)
        *ret_message = text.n;
    return cdz_fail(err, CDZ_E_EXPRESSION, "%.*s (%.*s%s:%u)", CDZ_S(text), CDZ_S(place),
                    place.n < source.n ? "..." : "", line);
}

cdz_rc eval_undefined(struct eval *e, uint32_t line, cdz_str name)
{
    cdz_str source = e->tpl->source;
    name = cut(name, 100);
    cdz_str place =
        cut(source,
            room_beside(name.n + strlen("Unable to find `` used in the expression `` at line ")));
    return cdz_fail(&e->err, CDZ_E_UNDEFINED,
                    "Unable to find `%.*s` used in the expression `%.*s%s` at line %u", CDZ_S(name),
                    CDZ_S(place), place.n < source.n ? "..." : "", line);
}

cdz_str eval_message(const struct eval *e)
{
    cdz_str text = cdz_str_z(e->err.text);
    if (e->err.rc == CDZ_E_EXPRESSION)
        return cdz_str_sub(text, 0, e->message_n);
    size_t used = cdz_str_find(text, CDZ_STR(" used in the expression"), 0);
    return cdz_str_sub(text, 0, used);
}

cdz_rc eval_wrap(struct eval *e, uint32_t line, cdz_rc rc, const char *what)
{
    if (rc != CDZ_E_EXPRESSION && rc != CDZ_E_UNDEFINED)
        return rc;
    cdz_str inner = eval_message(e);
    if (cdz_str_starts(inner, cdz_str_z(what)))
        return eval_fail(e, line, "%.*s", CDZ_S(inner)); /* a + b + c: once is enough */
    return eval_fail(e, line, "%s: %.*s", what, CDZ_S(inner));
}
