/* script.h -- what the script tasks of all languages share: properties, and one attempt. */
#ifndef CDZ_TASK_SCRIPT_H
#define CDZ_TASK_SCRIPT_H

#include "task/run.h"

struct cdz_script_language {
    const char *const *programs; /* NULL-terminated: the first that is in PATH runs the file; NULL:
                                    text for the interpreter */
    const char *extension;       /* of that file */
    const char *const *env;      /* NULL-terminated "NAME=value" that the language wants */
};

/* Commands: `commands` through the interpreter. */
CDZ_MUST_USE cdz_rc cdz_script_commands(struct cdz_run *run,
                                        const struct cdz_script_language *language,
                                        struct cdz_err *err);
/* Script: `script` as a file of the language, or as text for the interpreter. */
CDZ_MUST_USE cdz_rc cdz_script_text(struct cdz_run *run, const struct cdz_script_language *language,
                                    struct cdz_err *err);

#endif
