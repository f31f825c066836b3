/*
 * kv.h -- the key-value store of a namespace: one file per key in the internal storage,
 * "/<ns>/_kv/<key>.ion", its metadata beside it. reference/tasks.md §5, api.md (KV).
 *
 * Keys match [a-zA-Z0-9][a-zA-Z0-9._-]*. Threads: as the storage. Last writer wins.
 */
#ifndef CDZ_KV_KV_H
#define CDZ_KV_KV_H

#include "base/val.h"
#include "port/storage.h"

struct cdz_kv_entry {
    cdz_str key;
    cdz_val value;    /* typed: text, number, boolean, date, duration, map, list */
    const char *type; /* STRING NUMBER BOOLEAN DATETIME DATE DURATION JSON; static */
    cdz_us created, updated;
    cdz_us expires; /* 0: never */
    cdz_str description;
};

/* CDZ_E_NOT_FOUND: no such key. An expired one is deleted and CDZ_E_EXPIRED. *ret in the arena. */
CDZ_MUST_USE cdz_rc cdz_kv_get(struct cdz_storage *s, cdz_str namespace_, cdz_str key, cdz_us now,
                               struct cdz_arena *arena, struct cdz_kv_entry *ret,
                               struct cdz_err *err);
/* ttl 0: for ever. overwrite false and the key is there: CDZ_E_CONFLICT. CDZ_E_INVALID: the key. */
CDZ_MUST_USE cdz_rc cdz_kv_put(struct cdz_storage *s, cdz_str namespace_, cdz_str key,
                               cdz_val value, cdz_us ttl, bool overwrite, cdz_us now,
                               struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_kv_del(struct cdz_storage *s, cdz_str namespace_, cdz_str key, cdz_us now,
                               bool *ret_existed, struct cdz_err *err);
/* Keys that start with prefix, sorted; values are not read. expired ones too (the caller looks at
 * expires). */
CDZ_MUST_USE cdz_rc cdz_kv_list(struct cdz_storage *s, cdz_str namespace_, cdz_str prefix,
                                struct cdz_arena *arena, struct cdz_kv_entry **ret, size_t *ret_n,
                                struct cdz_err *err);
/* A text converted to the type's value ("NUMBER", "DATETIME" ...; empty: as it is). */
CDZ_MUST_USE cdz_rc cdz_kv_convert(cdz_str text, cdz_str type, struct cdz_arena *arena,
                                   cdz_val *ret, struct cdz_err *err);

#endif
