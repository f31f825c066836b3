/*
 * limit.h -- what the limit programs share: a clock, percentiles, and how they give up.
 *
 * A limit program does the least work that a figure of ours could possibly consist of (a sync, a
 * spawn, a row) and prints one line of JSON. It shares no code with what it is compared to.
 */
#ifndef CDZ_BENCH_LIMIT_H
#define CDZ_BENCH_LIMIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double limit_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline int limit_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts v; p in percent; nearest rank. */
static inline double limit_percentile(double *v, size_t n, double p)
{
    if (n == 0)
        return 0;
    qsort(v, n, sizeof(*v), limit_compare);
    size_t i = (size_t)(p / 100 * (double)(n - 1) + 0.5);
    return v[i < n ? i : n - 1];
}

__attribute__((noreturn)) static inline void limit_die(const char *what)
{
    perror(what);
    exit(1);
}

/* The argument as a number from 1, or the fallback when there are fewer arguments. */
static inline long limit_arg(int argc, char **argv, int i, long fallback)
{
    long n = i < argc ? strtol(argv[i], NULL, 10) : fallback;
    if (n < 1) {
        fprintf(stderr, "%s: argument %d must be a number from 1\n", argv[0], i);
        exit(2);
    }
    return n;
}

#endif
