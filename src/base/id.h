/*
 * id.h -- identifiers: a random UUID written in base 62 (0-9 A-Z a-z), at most 22 characters, as
 * the original's.
 *
 * The core draws ids from a cdz_rng that arrives with the event, so the same event gives the same
 * ids.
 */
#ifndef CDZ_BASE_ID_H
#define CDZ_BASE_ID_H

#include "base/arena.h"

/* xoshiro256**: fast, seedable, not for secrets. */
struct cdz_rng {
    uint64_t s[4];
};
void cdz_rng_seed(struct cdz_rng *rng, uint64_t seed);
uint64_t cdz_rng_next(struct cdz_rng *rng);
/* Uniform in [0, n); n > 0. */
uint64_t cdz_rng_below(struct cdz_rng *rng, uint64_t n);
/* Random bytes of the kernel (getrandom). Edges only; aborts if the kernel has none. */
void cdz_random_bytes(void *p, size_t n);
uint64_t cdz_random_u64(void);

enum { CDZ_ID_TEXT = 24 };
/* A version-4 UUID from rng in base 62, NUL-terminated; returns its characters. */
cdz_str cdz_id_print(struct cdz_rng *rng, char ret[CDZ_ID_TEXT]);
cdz_str cdz_id_new(struct cdz_rng *rng, struct cdz_arena *arena);
/* True for 1 to 22 characters of base 62. */
bool cdz_id_valid(cdz_str s);

#endif
