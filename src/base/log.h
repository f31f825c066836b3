/*
 * log.h -- the program's own log (not the logs of users' task runs: those are data).
 *
 * One line per event on stderr: `2024-12-20T10:11:12.123Z INFO  executor msg="..." key=value ...`.
 * The edge logs each failure once, where it decides what to do; the core and the backends never
 * log. Threads: any; a line is written with one write(2).
 */
#ifndef CDZ_BASE_LOG_H
#define CDZ_BASE_LOG_H

#include "base/err.h"

enum cdz_level { CDZ_TRACE, CDZ_DEBUG, CDZ_INFO, CDZ_WARN, CDZ_ERROR };

extern const char *const cdz_level_names[]; /* "TRACE" ... "ERROR" */
/* False if s names no level (exact, upper case). */
bool cdz_level_parse(cdz_str s, enum cdz_level *ret);

/* Set once at start. */
void cdz_log_level(enum cdz_level least);
/* who: the server or thread, "executor". fmt: what was done to which thing and what follows. */
void cdz_log(enum cdz_level level, const char *who, const char *fmt, ...) CDZ_PRINTF(3, 4);
/* The same with ` err=<code> "text" (detail)` behind it. */
void cdz_log_err(enum cdz_level level, const char *who, const struct cdz_err *err, const char *fmt,
                 ...) CDZ_PRINTF(4, 5);

#endif
