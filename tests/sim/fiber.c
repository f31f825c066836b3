/*
 * fiber.c -- the executor's thread as a coroutine, and its view of the outside.
 *
 * pthread_create of the program's own objects comes here (--wrap). The coroutine is entered by
 * sim_fiber_resume and left by sim_fiber_yield, which only queue.c calls: while the executor waits
 * for records, and when it has crashed in a commit. The sanitizers are told of each switch.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <ucontext.h>

#include "sim.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define WITH_ASAN 1
#endif
#endif
#ifndef WITH_ASAN
#define WITH_ASAN 0
#endif

enum { STACK_BYTES = 1 << 20 };

static struct {
    ucontext_t outside, inside;
    char *stack;
    void *(*fn)(void *);
    void *arg;
    bool alive;
#if WITH_ASAN
    const void *outside_stack;
    size_t outside_bytes;
#endif
} fiber;

/* Switches; `ends` when the side that leaves will never be entered again. */
static void change(ucontext_t *from, ucontext_t *to, const void *stack, size_t bytes, bool ends)
{
#if WITH_ASAN
    void *fake = NULL;
    __sanitizer_start_switch_fiber(ends ? NULL : &fake, stack, bytes);
    swapcontext(from, to);
    __sanitizer_finish_switch_fiber(fake, &fiber.outside_stack, &fiber.outside_bytes);
#else
    (void)stack, (void)bytes, (void)ends;
    swapcontext(from, to);
#endif
}

static void enter(void)
{
#if WITH_ASAN
    __sanitizer_finish_switch_fiber(NULL, &fiber.outside_stack, &fiber.outside_bytes);
#endif
    (void)fiber.fn(fiber.arg); /* the executor's thread returns nothing */
    fiber.alive = false;
#if WITH_ASAN
    change(&fiber.inside, &fiber.outside, fiber.outside_stack, fiber.outside_bytes, true);
#else
    change(&fiber.inside, &fiber.outside, NULL, 0, true);
#endif
    abort(); /* never entered again */
}

void sim_fiber_resume(void)
{
    assert(fiber.alive);
#if WITH_ASAN
    const void *stack;
    size_t bytes;
    void *fake = NULL;
    __sanitizer_start_switch_fiber(&fake, fiber.stack, STACK_BYTES);
    swapcontext(&fiber.outside, &fiber.inside);
    __sanitizer_finish_switch_fiber(fake, &stack, &bytes);
#else
    change(&fiber.outside, &fiber.inside, fiber.stack, STACK_BYTES, false);
#endif
}

void sim_fiber_yield(void)
{
#if WITH_ASAN
    change(&fiber.inside, &fiber.outside, fiber.outside_stack, fiber.outside_bytes, false);
#else
    change(&fiber.inside, &fiber.outside, NULL, 0, false);
#endif
}

bool sim_fiber_alive(void)
{
    return fiber.alive;
}

void sim_fiber_done(void)
{
    assert(!fiber.alive);
    free(fiber.stack);
    fiber.stack = NULL;
}

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg)
{
    (void)attr;
    assert(!fiber.alive); /* a second thread of the executor: the simulator must learn of it */
    if (!fiber.stack)
        fiber.stack = malloc(STACK_BYTES);
    if (!fiber.stack || getcontext(&fiber.inside) != 0)
        abort();
    fiber.inside.uc_stack.ss_sp = fiber.stack;
    fiber.inside.uc_stack.ss_size = STACK_BYTES;
    fiber.inside.uc_link = NULL;
    fiber.fn = fn;
    fiber.arg = arg;
    fiber.alive = true;
    makecontext(&fiber.inside, enter, 0);
    *ret = pthread_self();
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **ret);
int __wrap_pthread_join(pthread_t thread, void **ret)
{
    (void)thread, (void)ret;
    while (fiber.alive)
        sim_fiber_resume();
    return 0;
}

int __wrap_pthread_setname_np(pthread_t thread, const char *name);
int __wrap_pthread_setname_np(pthread_t thread, const char *name)
{
    (void)thread, (void)name; /* it would be the simulator's own name */
    return 0;
}

int __wrap_nanosleep(const struct timespec *span, struct timespec *left);
int __wrap_nanosleep(const struct timespec *span, struct timespec *left)
{
    (void)left;
    sim->now += (cdz_us)span->tv_sec * CDZ_SECOND + span->tv_nsec / 1000;
    return 0;
}

cdz_us __wrap_cdz_now_us(void);
cdz_us __wrap_cdz_now_us(void)
{
    return sim->now;
}

cdz_us __wrap_cdz_mono_us(void);
cdz_us __wrap_cdz_mono_us(void)
{
    return sim->now;
}

void __wrap_cdz_random_bytes(void *p, size_t n);
void __wrap_cdz_random_bytes(void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((unsigned char *)p)[i] = (unsigned char)cdz_rng_next(&sim->rng);
}

uint64_t __wrap_cdz_random_u64(void);
uint64_t __wrap_cdz_random_u64(void)
{
    return cdz_rng_next(&sim->rng);
}
