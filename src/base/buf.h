/*
 * buf.h -- text that grows, on the heap.
 *
 * Invariants: n <= max; p[n] is NUL whenever p is not NULL; once `overflow` is set nothing more is
 * added (the first part stays), so that a writer checks once at its end.
 */
#ifndef CDZ_BASE_BUF_H
#define CDZ_BASE_BUF_H

#include <stdarg.h>

#include "base/arena.h"
#include "base/str.h"

struct cdz_buf {
    char *p;
    size_t n, cap;
    size_t max;    /* most bytes it may hold; 0: no limit */
    bool overflow; /* something did not fit into max */
};

#define CDZ_BUF_INIT                                                                               \
    {                                                                                              \
        NULL, 0, 0, 0, false                                                                       \
    }

void cdz_buf_init(struct cdz_buf *b, size_t max);
void cdz_buf_done(struct cdz_buf *b);
/* Empties it and keeps the memory. */
void cdz_buf_reset(struct cdz_buf *b);
void cdz_buf_add(struct cdz_buf *b, const void *p, size_t n);
void cdz_buf_printf(struct cdz_buf *b, const char *fmt, ...) CDZ_PRINTF(2, 3);
/* Room for n more bytes at the end; the caller fills them and adds to b->n. NULL if max forbids it.
 */
char *cdz_buf_room(struct cdz_buf *b, size_t n);

static inline void cdz_buf_str(struct cdz_buf *b, cdz_str s)
{
    cdz_buf_add(b, s.p, s.n);
}

static inline void cdz_buf_z(struct cdz_buf *b, const char *z)
{
    cdz_buf_add(b, z, strlen(z));
}

static inline void cdz_buf_c(struct cdz_buf *b, char c)
{
    if (b->n + 1 < b->cap && b->max == 0) { /* overflow is never set without max */
        b->p[b->n++] = c;
        b->p[b->n] = 0;
    } else {
        cdz_buf_add(b, &c, 1);
    }
}

/* What it holds, borrowed until the next change. */
static inline cdz_str cdz_buf_get(const struct cdz_buf *b)
{
    return (cdz_str){b->p ? b->p : "", b->n};
}

/* A copy of what it holds, in the arena. */
static inline cdz_str cdz_buf_copy(const struct cdz_buf *b, struct cdz_arena *arena)
{
    return cdz_arena_str(arena, cdz_buf_get(b));
}

/* struct cdz_buf CDZ_AUTO_BUF b = CDZ_BUF_INIT; is freed when the scope ends. */
#define CDZ_AUTO_BUF __attribute__((cleanup(cdz_buf_done)))

#endif
