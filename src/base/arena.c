/* arena.c -- a list of blocks, each twice the size of the one before (up to a cap); bump
 * allocation. */
#include "base/arena.h"

#include <assert.h>

enum { ALIGN = 16, FIRST_BYTES = 2048, BLOCK_BYTES_MAX = 1 << 20 };

struct block {
    struct block *before;
    size_t size, used; /* of data */
    _Alignas(ALIGN) char data[];
};

struct cdz_arena {
    struct block *last;
    size_t used;
};

static void *must(void *p)
{
    if (!p)
        abort(); /* out of memory: see arena.h */
    return p;
}

static struct block *block_new(size_t size, struct block *before)
{
    struct block *b = must(malloc(sizeof(*b) + size));
    b->before = before;
    b->size = size;
    b->used = 0;
    return b;
}

struct cdz_arena *cdz_arena_open(size_t first_bytes)
{
    struct cdz_arena *a = must(malloc(sizeof(*a)));
    a->last = block_new(
        first_bytes ? (first_bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1) : FIRST_BYTES, NULL);
    a->used = 0;
    return a;
}

void cdz_arena_close(struct cdz_arena *a)
{
    if (!a)
        return;
    for (struct block *b = a->last, *before; b; b = before) {
        before = b->before;
        free(b);
    }
    free(a);
}

void cdz_arena_reset(struct cdz_arena *a)
{
    for (struct block *b = a->last->before, *before; b; b = before) {
        before = b->before;
        free(b);
    }
    a->last->before = NULL;
    a->last->used = 0;
    a->used = 0;
}

size_t cdz_arena_used(const struct cdz_arena *a)
{
    return a->used;
}

void *cdz_arena_alloc(struct cdz_arena *a, size_t n)
{
    size_t need;
    if (__builtin_add_overflow(n, ALIGN - 1, &need))
        abort();
    need &= ~(size_t)(ALIGN - 1);
    struct block *b = a->last;
    if (need > b->size - b->used) {
        size_t size = b->size * 2 > BLOCK_BYTES_MAX ? BLOCK_BYTES_MAX : b->size * 2;
        b = a->last = block_new(need > size ? need : size, b);
    }
    void *p = b->data + b->used;
    b->used += need;
    a->used += need;
    return p;
}

void *cdz_arena_zalloc(struct cdz_arena *a, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n))
        abort();
    return memset(cdz_arena_alloc(a, n), 0, n);
}

void *cdz_arena_grow(struct cdz_arena *a, void *old, size_t old_n, size_t new_n)
{
    struct block *b = a->last;
    size_t old_room = (old_n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    size_t new_room = (new_n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    assert(new_n >= old_n);
    if (old && old_n && (char *)old + old_room == b->data + b->used &&
        new_room - old_room <= b->size - b->used) {
        b->used += new_room - old_room;
        a->used += new_room - old_room;
        return old;
    }
    void *p = cdz_arena_alloc(a, new_n);
    if (old_n)
        memcpy(p, old, old_n);
    return p;
}

cdz_str cdz_arena_str(struct cdz_arena *a, cdz_str s)
{
    char *p = cdz_arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return (cdz_str){p, s.n};
}

const char *cdz_arena_z(struct cdz_arena *a, cdz_str s)
{
    return cdz_arena_str(a, s).p;
}

cdz_str cdz_arena_vprintf(struct cdz_arena *a, const char *fmt, va_list ap)
{
    va_list again;
    assert(fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    assert(n >= 0);
    char *p = cdz_arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return (cdz_str){p, (size_t)n};
}

cdz_str cdz_arena_printf(struct cdz_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cdz_str s = cdz_arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}
