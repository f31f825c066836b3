/*
 * config.h -- the configuration in force: YAML file, environment, command line, in rising order of
 * strength. reference/servers-and-config.md §3, §4. A `kestra:` root is understood as `cadenza:`;
 * spelling is relaxed (base-path, basePath, BASE_PATH are one key); every key may come from the
 * environment (KESTRA_A_B or CADENZA_A_B).
 */
#ifndef CDZ_SERVER_CONFIG_H
#define CDZ_SERVER_CONFIG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/val.h"

struct cdz_config {
    struct cdz_arena *arena;
    cdz_val tree; /* the document with normalised keys ("basepath"), below the root cadenza */
    cdz_val raw;  /* as written, for values whose keys are the user's (globals) */
    CDZ_VEC(cdz_str) warnings; /* unknown keys, with the nearest known one */

    cdz_str data_dir; /* absolute */
    cdz_str host;
    int port;
    unsigned worker_threads;
    cdz_str url; /* external base URL without a slash at the end; may be empty */
    cdz_str queue_type, repository_type, storage_type, storage_path;
    cdz_str encryption_key; /* base64 or empty */
    cdz_str zone;           /* TZ or /etc/timezone; "UTC" when unknown */
    cdz_str tmp_dir;
    bool recursive_rendering, templates_enabled;
    cdz_val globals, envs, plugin_defaults;
    cdz_val pools;                      /* map name -> limit (from 1), or null */
    cdz_str basic_user, basic_password; /* empty: no authentication */
    cdz_us termination_grace;
};

struct cdz_config_options {
    const char
        *file; /* NULL: $CADENZA_CONFIGURATION(_PATH), $KESTRA_CONFIGURATION(_PATH), else none */
    const char *data_dir, *host; /* NULL: from the file or the default */
    int port;                    /* 0: likewise */
    int worker_threads;          /* -1: likewise */
};

/* Reads files and the environment. Errors carry file:line:column. The caller frees with
 * cdz_config_free. */
CDZ_MUST_USE cdz_rc cdz_config_load(const struct cdz_config_options *options,
                                    struct cdz_config **ret, struct cdz_err *err);
void cdz_config_free(struct cdz_config *config);
/* The value of a dotted key below the root ("queue.type"), or null. */
cdz_val cdz_config_get(const struct cdz_config *config, const char *key);
/* All known keys with value in force and where it came from, as YAML text. */
void cdz_config_print(const struct cdz_config *config, struct cdz_buf *to);

#endif
