/*
 * jqvalue.h -- values to libjq's and back, without a text in between; shared by the jq*.c files
 * only.
 *
 * libjq knows doubles only. The private fields of a jv number (`pad_`, `size`) are copied along
 * with it and never looked at by libjq: there we note which Java type a number had, and where its
 * exact value is kept. A number that a program computes has no note: it is an Integer or Long if
 * integral, as in the original's jq.
 */
#ifndef CDZ_EXPR_JQVALUE_H
#define CDZ_EXPR_JQVALUE_H

#include <jv.h>

#include "base/val.h"

/* Numbers that a double cannot hold, by the `size` of their jv. */
struct cdz_jq_exact {
    struct cdz_arena *arena;
    CDZ_VEC(cdz_val) vals;
};

/* CDZ_E_LIMIT when nested too deep. Null entries of maps are left out, as the original's JSON
 * mapper does. */
CDZ_MUST_USE cdz_rc cdz_jq_from_val(cdz_val v, struct cdz_jq_exact *exact, jv *ret,
                                    struct cdz_err *err);
/* Consumes v. *budget: bytes it may still take; CDZ_E_LIMIT beyond, or when nested too deep. */
CDZ_MUST_USE cdz_rc cdz_jq_to_val(jv v, const struct cdz_jq_exact *exact, struct cdz_arena *arena,
                                  size_t *budget, cdz_val *ret, struct cdz_err *err);
/* The number marked as a Double; NaN becomes null, which libjq can stand better. */
jv cdz_jq_mark_double(jv v);

#endif
