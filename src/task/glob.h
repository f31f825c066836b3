/*
 * glob.h -- file name patterns as java.nio has them: `*`, `?`, `[a-z]`, `{a,b}`, and `**`, which
 * also matches '/'. Pure; bounded: a pattern that would need too many tries does not match.
 */
#ifndef CDZ_TASK_GLOB_H
#define CDZ_TASK_GLOB_H

#include "base/arena.h"
#include "base/err.h"
#include "base/val.h"

/* True if the whole path matches. `glob:` in front is allowed; `regex:` makes the rest a regular
 * expression. */
CDZ_MUST_USE cdz_rc cdz_glob_match(cdz_str pattern, cdz_str path, bool *ret, struct cdz_err *err);
/*
 * True if one of the patterns (a text, a list of texts, or null: none) matches, as namespace files
 * are matched: a leading '/' of a pattern is ignored, and one that begins with a word character
 * matches at any depth.
 */
CDZ_MUST_USE cdz_rc cdz_glob_match_any(cdz_val patterns, cdz_str path, struct cdz_arena *arena,
                                       bool *ret, struct cdz_err *err);

#endif
