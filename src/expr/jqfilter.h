/*
 * jqfilter.h -- the jq filter: runs a jq 1.6 program over a value, through libjq, within bounds.
 *
 * What libjq lacks and we add (jqfilter.c tells how): bounds of time, memory and results; no
 * environment, no files, no clock but the caller's; Java's number types (an Integer that passes
 * through stays one, floor gives a Double).
 */
#ifndef CDZ_EXPR_JQFILTER_H
#define CDZ_EXPR_JQFILTER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/val.h"

struct cdz_jq_clock { /* for `now` */
    bool known;
    double seconds;
};

/*
 * *ret: a list of every value that the program emits. An error of the program, or one in it, is
 * CDZ_E_INVALID with jq's own words; beyond a bound CDZ_E_LIMIT. Blocks for a second of computing
 * at most.
 */
CDZ_MUST_USE cdz_rc cdz_jq_run(cdz_str program, cdz_val input, struct cdz_jq_clock clock,
                               struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err);
/* Whether the program may ask for the time. */
bool cdz_jq_needs_clock(cdz_str program);
/* Frees the compiled programs that are kept for re-use; for tests that look for leaks. No run may
 * be under way. */
void cdz_jq_forget(void);

#endif
