/*
 * secrets.h -- where secret("NAME") looks: the environment (SECRET_<NAME>, base64), then a file that
 * the configuration names. Names are the same in any case.
 *
 * The file is YAML (`NAME: the plain text`) or lines (`NAME=the plain text`); a name with SECRET_ in
 * front holds base64, as in the environment, so that a file of environment variables can be used as
 * it is. It is read once. Threads: any; nothing changes after the load.
 */
#ifndef CDZ_TASK_SECRETS_H
#define CDZ_TASK_SECRETS_H

#include "base/val.h"

struct cdz_secrets;

/* CDZ_E_INVALID with file and line; CDZ_E_NOT_FOUND: no such file. */
CDZ_MUST_USE cdz_rc cdz_secrets_load(const char *file, struct cdz_secrets **ret,
                                     struct cdz_err *err);
void cdz_secrets_free(struct cdz_secrets *s); /* NULL is fine */
/* The text, or null: there is none, or it is not base64 where it must be (which is logged). s may be
 * NULL: the environment only. */
cdz_val cdz_secret_get(const struct cdz_secrets *s, cdz_str name, struct cdz_arena *arena);

#endif
