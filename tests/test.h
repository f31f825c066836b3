/*
 * test.h -- the few lines a test program needs: named tests, CHECK with a message, TAP on stdout.
 *
 *   TEST(put_rejects_a_relative_path) { ... CHECK(rc == CDZ_E_INVALID, "%s: got %s", why,
 * cdz_rc_name(rc)); } TEST_MAIN
 *
 * A test registers itself; one binary is one suite. With an argument only tests whose name contains
 * it run.
 */
#ifndef CDZ_TEST_H
#define CDZ_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
    const char *name;
    void (*fn)(void);
    struct test *next;
};
extern struct test *test_first, **test_last;
extern int test_failures;
extern const char *test_skip_why;

#define TEST(name_)                                                                                \
    static void test_##name_(void);                                                                \
    __attribute__((constructor)) static void test_add_##name_(void)                                \
    {                                                                                              \
        static struct test t = {#name_, test_##name_, NULL};                                       \
        *test_last = &t;                                                                           \
        test_last = &t.next;                                                                       \
    }                                                                                              \
    static void test_##name_(void)

#define CHECK(cond, ...)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            printf("# %s:%d: %s:", __FILE__, __LINE__, #cond);                                     \
            printf(" " __VA_ARGS__);                                                               \
            printf("\n");                                                                          \
            test_failures++;                                                                       \
        }                                                                                          \
    } while (0)

/* Ends the test as skipped, with the reason. */
#define SKIP(why)                                                                                  \
    do {                                                                                           \
        test_skip_why = (why);                                                                     \
        return;                                                                                    \
    } while (0)

#define TEST_MAIN                                                                                  \
    struct test *test_first, **test_last = &test_first;                                            \
    int test_failures;                                                                             \
    const char *test_skip_why;                                                                     \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        int n = 0, bad = 0;                                                                        \
        setvbuf(stdout, NULL, _IOLBF, 0);                                                          \
        for (struct test *t = test_first; t; t = t->next) {                                        \
            if (argc > 1 && !strstr(t->name, argv[1]))                                             \
                continue;                                                                          \
            test_failures = 0;                                                                     \
            test_skip_why = NULL;                                                                  \
            t->fn();                                                                               \
            n++;                                                                                   \
            bad += test_failures > 0;                                                              \
            printf("%s %d - %s%s%s\n", test_failures ? "not ok" : "ok", n, t->name,                \
                   test_skip_why ? " # SKIP " : "", test_skip_why ? test_skip_why : "");           \
        }                                                                                          \
        printf("1..%d\n", n);                                                                      \
        return bad > 0;                                                                            \
    }

#endif
