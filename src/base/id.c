#include "base/id.h"

#include <errno.h>
#include <sys/random.h>

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void cdz_rng_seed(struct cdz_rng *rng, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++)
        rng->s[i] = splitmix(&seed);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

/* xoshiro256** 1.0 by Blackman and Vigna (public domain algorithm). */
uint64_t cdz_rng_next(struct cdz_rng *rng)
{
    uint64_t *s = rng->s, ret = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return ret;
}

uint64_t cdz_rng_below(struct cdz_rng *rng, uint64_t n)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, v;
    do
        v = cdz_rng_next(rng);
    while (v >= limit);
    return v % n;
}

void cdz_random_bytes(void *p, size_t n)
{
    char *to = p;
    while (n > 0) {
        ssize_t got = getrandom(to, n, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            abort();
        }
        to += got;
        n -= (size_t)got;
    }
}

uint64_t cdz_random_u64(void)
{
    uint64_t v;
    cdz_random_bytes(&v, sizeof(v));
    return v;
}

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

cdz_str cdz_id_print(struct cdz_rng *rng, char ret[CDZ_ID_TEXT])
{
    char reversed[CDZ_ID_TEXT];
    size_t n = 0;
    uint64_t high = (cdz_rng_next(rng) & ~(uint64_t)0xF000) | 0x4000;
    uint64_t low = (cdz_rng_next(rng) & 0x3FFFFFFFFFFFFFFFu) | 0x8000000000000000u;
    unsigned __int128 v = ((unsigned __int128)high << 64) | low;
    while (v > 0) {
        reversed[n++] = base62[(size_t)(v % 62)];
        v /= 62;
    }
    for (size_t i = 0; i < n; i++)
        ret[i] = reversed[n - 1 - i];
    ret[n] = 0;
    return (cdz_str){ret, n};
}

cdz_str cdz_id_new(struct cdz_rng *rng, struct cdz_arena *arena)
{
    char text[CDZ_ID_TEXT];
    return cdz_arena_str(arena, cdz_id_print(rng, text));
}

bool cdz_id_valid(cdz_str s)
{
    if (s.n == 0 || s.n > 22)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!memchr(base62, s.p[i], sizeof(base62) - 1))
            return false;
    }
    return true;
}
