/*
 * kv.h -- the key-value store of a namespace: one file per key in the internal storage,
 * "/<ns>/_kv/<key>.ion", its metadata beside it. reference/tasks.md §5, api.md (KV);
 * docs/formats.md has the bytes.
 *
 * Keys match [a-zA-Z0-9][a-zA-Z0-9._-]*; a namespace is made of letters, digits, '.', '_' and '-'
 * (CDZ_E_INVALID otherwise, from every function). Threads: as the storage. Last writer wins.
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
/* ttl 0: for ever. overwrite false and the key is there: CDZ_E_CONFLICT. CDZ_E_INVALID: the key.
 * CDZ_E_LIMIT: a value of more than CDZ_KV_BYTES_MAX. An expired key counts as not there. */
CDZ_MUST_USE cdz_rc cdz_kv_put(struct cdz_storage *s, cdz_str namespace_, cdz_str key,
                               cdz_val value, cdz_us ttl, bool overwrite, cdz_us now,
                               struct cdz_err *err);
/* The same with a description, which replaces the one that was there; empty: none. */
CDZ_MUST_USE cdz_rc cdz_kv_put_described(struct cdz_storage *s, cdz_str namespace_, cdz_str key,
                                         cdz_val value, cdz_us ttl, bool overwrite,
                                         cdz_str description, cdz_us now, struct cdz_err *err);
/* *ret_existed: false for an expired one, too (it is deleted all the same). */
CDZ_MUST_USE cdz_rc cdz_kv_del(struct cdz_storage *s, cdz_str namespace_, cdz_str key, cdz_us now,
                               bool *ret_existed, struct cdz_err *err);
/* Keys that start with prefix, sorted; values are not read. expired ones too (the caller looks at
 * expires). */
CDZ_MUST_USE cdz_rc cdz_kv_list(struct cdz_storage *s, cdz_str namespace_, cdz_str prefix,
                                struct cdz_arena *arena, struct cdz_kv_entry **ret, size_t *ret_n,
                                struct cdz_err *err);
/* STRING NUMBER BOOLEAN DATETIME DATE DURATION JSON: how the API calls a value's type. A text that is
 * an ISO-8601 duration is one: the store keeps durations as texts, as the original does. */
const char *cdz_kv_type(cdz_val value);
/* A text converted to the type's value ("NUMBER", "DATETIME" ...; empty: as it is). */
CDZ_MUST_USE cdz_rc cdz_kv_convert(cdz_str text, cdz_str type, struct cdz_arena *arena,
                                   cdz_val *ret, struct cdz_err *err);

#endif
