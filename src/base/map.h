/*
 * map.h -- a hash table from text to pointer, for long-lived lookups (live executions, flows,
 * waiting requests). Keys are copied. Not for threads: the owner's lock or thread guards it.
 */
#ifndef CDZ_BASE_MAP_H
#define CDZ_BASE_MAP_H

#include "base/str.h"

struct cdz_table {
    struct cdz_table_slot {
        char *key; /* NULL: never used; TOMB: deleted */
        size_t key_n;
        uint64_t hash;
        void *val;
    } * slots;
    size_t n, used, cap; /* live, live + deleted, slots */
};

#define CDZ_TABLE_INIT                                                                             \
    {                                                                                              \
        NULL, 0, 0, 0                                                                              \
    }

void cdz_table_done(struct cdz_table *t); /* frees keys, not values */
/* The value under key, or NULL. */
void *cdz_table_get(const struct cdz_table *t, cdz_str key);
/* Sets key to val (not NULL) and returns the value it had, or NULL. */
void *cdz_table_put(struct cdz_table *t, cdz_str key, void *val);
/* Removes key and returns its value, or NULL. */
void *cdz_table_del(struct cdz_table *t, cdz_str key);
/* For walking: the next entry at or after *at (start with 0), or false. The table must not change
 * meanwhile. */
bool cdz_table_next(const struct cdz_table *t, size_t *at, cdz_str *ret_key, void **ret_val);

#endif
