/*
 * dates.h -- days as numbers (days since 1970-01-01) for the conditions on dates.
 */
#ifndef CDZ_CONDITION_DATES_H
#define CDZ_CONDITION_DATES_H

#include "condition/condition.h"

extern const char *const cdz_weekdays[]; /* from MONDAY; ends with NULL */
/* 0: Monday ... 6: Sunday. */
int cdz_weekday_of(int64_t days);
/* The day of the property `date` in its own zone. */
CDZ_MUST_USE cdz_rc cdz_condition_day(const struct cdz_condition *condition,
                                      struct cdz_condition_ctx *ctx, int64_t *ret,
                                      struct cdz_err *err);

#endif
