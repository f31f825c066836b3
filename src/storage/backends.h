/* backends.h -- the constructors of the stores. A new backend adds its file and one line here. */
#ifndef CDZ_STORAGE_BACKENDS_H
#define CDZ_STORAGE_BACKENDS_H

#include "port/fault.h"
#include "port/storage.h"

/* "local": files below base, which is made if it is missing. */
CDZ_MUST_USE cdz_rc cdz_storage_local_open(const char *base, struct cdz_storage **ret,
                                           struct cdz_err *err);
/* "memory": nothing survives close; for tests and the simulator. */
struct cdz_storage *cdz_storage_mem_open(void);
/* Reports every call of inner as one line, after it: `put path=/a rc=ok`. Takes inner; line is
 * borrowed. */
struct cdz_storage *cdz_storage_trace_open(struct cdz_storage *inner,
                                           void (*line)(void *ctx, cdz_str line), void *ctx);
/* Fails calls of inner as the plan says. Takes inner; fault is borrowed. */
struct cdz_storage *cdz_storage_fault_open(struct cdz_storage *inner, struct cdz_fault *fault);

#endif
