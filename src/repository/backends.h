/* backends.h -- the constructors of the repositories. A new backend adds its file and one line
 * here. */
#ifndef CDZ_REPOSITORY_BACKENDS_H
#define CDZ_REPOSITORY_BACKENDS_H

#include "port/fault.h"
#include "port/repository.h"
#include "sqlite/db.h"

/* "embedded". db is borrowed and must outlive the repository. */
CDZ_MUST_USE cdz_rc cdz_repository_sqlite_open(struct cdz_db *db, struct cdz_repository **ret,
                                               struct cdz_err *err);
/* "memory": nothing survives close; searches are linear; for tests and the simulator. */
struct cdz_repository *cdz_repository_mem_open(void);
/* Reports every call of inner as one line, after it: `apply n=3 rc=ok`. Takes inner; line is
 * borrowed. */
struct cdz_repository *cdz_repository_trace_open(struct cdz_repository *inner,
                                                 void (*line)(void *ctx, cdz_str line), void *ctx);
/* Fails calls of inner as the plan says. Takes inner; fault is borrowed. */
struct cdz_repository *cdz_repository_fault_open(struct cdz_repository *inner,
                                                 struct cdz_fault *fault);

#endif
