/*
 * fault.h -- a plan of failures, shared by the fault wrappers of the three seams (queue,
 * repository, storage).
 *
 * A test fails the 1st, 2nd, 3rd ... call in turn, once or for ever, until the operation passes
 * untouched:
 *
 *   FAULT_LOOP(fault, forever) {
 *       rc = operation(store_with(&fault));
 *       CHECK(rc == CDZ_OK || cdz_fault_fired(&fault));
 *   }
 *
 * Threads: any; the counters are atomic.
 */
#ifndef CDZ_PORT_FAULT_H
#define CDZ_PORT_FAULT_H

#include <stdatomic.h>

#include "base/err.h"

struct cdz_fault {
    unsigned at;  /* the call that fails, from 1; 0: none */
    bool forever; /* and every call after it */
    bool after;   /* the call is carried out first: only its answer is lost */
    atomic_uint calls;
    atomic_uint fired;
};

/* Counts a call; true if it must fail. */
bool cdz_fault_due(struct cdz_fault *fault);
static inline bool cdz_fault_fired(const struct cdz_fault *fault)
{
    return atomic_load(&fault->fired) > 0;
}
/* The error that a failing call reports. */
cdz_rc cdz_fault_fail(struct cdz_err *err, const char *call);

/*
 * Calls a port through a fault plan: `call` fails before it did anything, or (after) when it has
 * been done. For use in functions that return cdz_rc and have `err`.
 */
#define CDZ_FAULT_CALL(fault, name, call)                                                          \
    do {                                                                                           \
        bool cdz_fault_due_ = cdz_fault_due(fault);                                                \
        if (cdz_fault_due_ && !(fault)->after)                                                     \
            return cdz_fault_fail(err, name);                                                      \
        cdz_rc cdz_fault_rc_ = (call);                                                             \
        if (cdz_fault_due_ && cdz_fault_rc_ == CDZ_OK)                                             \
            return cdz_fault_fail(err, name);                                                      \
        return cdz_fault_rc_;                                                                      \
    } while (0)

/* The body runs with the failure at call 1, 2, 3 ... and a last time with none reached. */
#define FAULT_LOOP(fault, forever_)                                                                \
    for (struct cdz_fault fault = {.at = 1, .forever = (forever_)}; fault.at;                      \
         fault = (struct cdz_fault){.at = cdz_fault_fired(&fault) ? fault.at + 1 : 0,              \
                         .forever = (forever_)})

#endif
