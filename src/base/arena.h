/*
 * arena.h -- memory by lifetime: one arena per unit of work (a request, a record, a flow, a test).
 *
 * Everything taken from an arena lives until the arena is closed or reset; nothing is freed alone.
 * Allocation never fails: out of memory aborts (inputs are bounded elsewhere, see limits.h).
 * Threads: an arena belongs to one thread at a time; handing over the pointer hands over the arena.
 */
#ifndef CDZ_BASE_ARENA_H
#define CDZ_BASE_ARENA_H

#include <stdarg.h>

#include "base/str.h"

struct cdz_arena;

/* A new arena whose first block holds `first_bytes` (0: a small default). */
struct cdz_arena *cdz_arena_open(size_t first_bytes);
/* Frees everything; NULL is fine. */
void cdz_arena_close(struct cdz_arena *arena);
/* Forgets everything but keeps the largest block for re-use. */
void cdz_arena_reset(struct cdz_arena *arena);
/* Bytes handed out since open or reset. */
size_t cdz_arena_used(const struct cdz_arena *arena);

/* Uninitialised memory, aligned to 16 bytes; n may be 0. */
void *cdz_arena_alloc(struct cdz_arena *arena, size_t n) __attribute__((returns_nonnull, malloc));
/* count * size zeroed bytes; aborts on overflow. */
void *cdz_arena_zalloc(struct cdz_arena *arena, size_t count, size_t size)
    __attribute__((returns_nonnull, malloc));
/* A larger block with the first old_n bytes of `old` in it (in place where it was the last
 * allocation). */
void *cdz_arena_grow(struct cdz_arena *arena, void *old, size_t old_n, size_t new_n)
    __attribute__((returns_nonnull));
/* A copy of s, with a NUL behind the end. */
cdz_str cdz_arena_str(struct cdz_arena *arena, cdz_str s);
cdz_str cdz_arena_printf(struct cdz_arena *arena, const char *fmt, ...) CDZ_PRINTF(2, 3);
cdz_str cdz_arena_vprintf(struct cdz_arena *arena, const char *fmt, va_list ap) CDZ_PRINTF(2, 0);
/* s as a C string (copied). A NUL inside s ends it early: check inputs where that matters. */
const char *cdz_arena_z(struct cdz_arena *arena, cdz_str s);

#define CDZ_NEW(arena, type)      ((type *)cdz_arena_zalloc((arena), 1, sizeof(type)))
#define CDZ_NEW_N(arena, type, n) ((type *)cdz_arena_zalloc((arena), (n), sizeof(type)))

static inline void cdz_arena_cleanup_(struct cdz_arena **arena)
{
    cdz_arena_close(*arena);
}
/* CDZ_AUTO_ARENA arena = cdz_arena_open(0); closes when the scope ends, on every path. */
#define CDZ_AUTO_ARENA __attribute__((cleanup(cdz_arena_cleanup_))) struct cdz_arena *

/*
 * A growing array in an arena: struct { T *v; size_t n, cap; } and CDZ_PUSH(arena, &array, item).
 * Old storage stays in the arena as garbage (doubling: at most as much again).
 */
#define CDZ_VEC(type)                                                                              \
    struct {                                                                                       \
        type *v;                                                                                   \
        size_t n, cap;                                                                             \
    }
#define CDZ_PUSH(arena, vec, ...)                                                                  \
    do {                                                                                           \
        if ((vec)->n == (vec)->cap) {                                                              \
            size_t cdz_cap_ = (vec)->cap ? (vec)->cap * 2 : 4;                                     \
            (vec)->v = cdz_arena_grow((arena), (vec)->v, (vec)->n * sizeof(*(vec)->v),             \
                                      cdz_cap_ * sizeof(*(vec)->v));                               \
            (vec)->cap = cdz_cap_;                                                                 \
        }                                                                                          \
        (vec)->v[(vec)->n++] = __VA_ARGS__;                                                        \
    } while (0)

#endif
