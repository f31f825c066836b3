#include "base/buf.h"

#include <assert.h>

void cdz_buf_init(struct cdz_buf *b, size_t max)
{
    *b = (struct cdz_buf){.max = max};
}

void cdz_buf_done(struct cdz_buf *b)
{
    free(b->p);
    *b = (struct cdz_buf){.max = b->max};
}

void cdz_buf_reset(struct cdz_buf *b)
{
    b->n = 0;
    b->overflow = false;
    if (b->p)
        b->p[0] = 0;
}

char *cdz_buf_room(struct cdz_buf *b, size_t n)
{
    size_t need;
    if (b->overflow || __builtin_add_overflow(b->n, n, &need) || (b->max && need > b->max)) {
        b->overflow = true;
        return NULL;
    }
    if (need + 1 > b->cap) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap < need + 1)
            cap *= 2;
        b->p = realloc(b->p, cap);
        if (!b->p)
            abort();
        b->cap = cap;
    }
    b->p[need] = 0;
    return b->p + b->n;
}

void cdz_buf_add(struct cdz_buf *b, const void *p, size_t n)
{
    char *to = cdz_buf_room(b, n);
    if (!to)
        return;
    if (n)
        memcpy(to, p, n);
    b->n += n;
}

void cdz_buf_printf(struct cdz_buf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    assert(n >= 0);
    if ((size_t)n < sizeof(small)) {
        cdz_buf_add(b, small, (size_t)n);
        return;
    }
    char *to = cdz_buf_room(b, (size_t)n);
    if (!to)
        return;
    va_start(ap, fmt);
    vsnprintf(to, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}
