/*
 * glob.h -- file name patterns as java.nio has them: `*`, `?`, `[a-z]`, `{a,b}`, and `**`, which
 * also matches '/'. Pure; bounded: a pattern that would need too many tries does not match.
 */
#ifndef CDZ_TASK_GLOB_H
#define CDZ_TASK_GLOB_H

#include "base/err.h"

/* True if the whole path matches. `glob:` in front is allowed; `regex:` makes the rest a regular
 * expression. */
CDZ_MUST_USE cdz_rc cdz_glob_match(cdz_str pattern, cdz_str path, bool *ret, struct cdz_err *err);

#endif
