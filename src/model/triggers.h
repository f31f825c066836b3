/*
 * triggers.h -- the descriptors of the triggers that need no worker, for the registry and for those
 * who evaluate them. reference/triggers.md.
 */
#ifndef CDZ_MODEL_TRIGGERS_H
#define CDZ_MODEL_TRIGGERS_H

#include "model/type.h"

extern const struct cdz_type cdz_trigger_schedule, cdz_trigger_schedule_on_dates, cdz_trigger_flow,
    cdz_trigger_webhook;

/* All of them; ends with NULL. */
extern const struct cdz_type *const cdz_trigger_types[];

/* cron.c. False: *ret_why says why, in the arena. */
bool cdz_cron_is_valid(cdz_str cron, bool with_seconds, struct cdz_arena *arena, cdz_str *ret_why);

#endif
