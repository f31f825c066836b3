#include "base/map.h"

static char tomb;

void cdz_table_done(struct cdz_table *t)
{
    for (size_t i = 0; i < t->cap; i++) {
        if (t->slots[i].key != &tomb)
            free(t->slots[i].key);
    }
    free(t->slots);
    *t = (struct cdz_table)CDZ_TABLE_INIT;
}

static struct cdz_table_slot *find(const struct cdz_table *t, cdz_str key, uint64_t hash)
{
    if (t->cap == 0)
        return NULL;
    for (size_t i = hash & (t->cap - 1);; i = (i + 1) & (t->cap - 1)) {
        struct cdz_table_slot *s = &t->slots[i];
        if (!s->key)
            return NULL;
        if (s->key != &tomb && s->hash == hash && s->key_n == key.n &&
            memcmp(s->key, key.p, key.n) == 0)
            return s;
    }
}

void *cdz_table_get(const struct cdz_table *t, cdz_str key)
{
    struct cdz_table_slot *s = find(t, key, cdz_str_hash(key));
    return s ? s->val : NULL;
}

static void insert(struct cdz_table *t, struct cdz_table_slot slot)
{
    size_t i = slot.hash & (t->cap - 1);
    while (t->slots[i].key)
        i = (i + 1) & (t->cap - 1);
    t->slots[i] = slot;
}

static void grow(struct cdz_table *t)
{
    struct cdz_table old = *t;
    t->cap = t->n * 4 < 16 ? 16 : t->cap;
    while (t->cap < t->n * 4)
        t->cap *= 2;
    t->slots = calloc(t->cap, sizeof(*t->slots));
    if (!t->slots)
        abort();
    t->used = t->n;
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].key && old.slots[i].key != &tomb)
            insert(t, old.slots[i]);
    }
    free(old.slots);
}

void *cdz_table_put(struct cdz_table *t, cdz_str key, void *val)
{
    uint64_t hash = cdz_str_hash(key);
    struct cdz_table_slot *s = find(t, key, hash);
    if (s) {
        void *before = s->val;
        s->val = val;
        return before;
    }
    if ((t->used + 1) * 2 > t->cap)
        grow(t);
    char *copy = malloc(key.n + 1);
    if (!copy)
        abort();
    memcpy(copy, key.n ? key.p : "", key.n);
    copy[key.n] = 0;
    insert(t, (struct cdz_table_slot){copy, key.n, hash, val});
    t->n++;
    t->used++;
    return NULL;
}

void *cdz_table_del(struct cdz_table *t, cdz_str key)
{
    struct cdz_table_slot *s = find(t, key, cdz_str_hash(key));
    if (!s)
        return NULL;
    void *val = s->val;
    free(s->key);
    s->key = &tomb;
    s->val = NULL;
    t->n--;
    return val;
}

bool cdz_table_next(const struct cdz_table *t, size_t *at, cdz_str *ret_key, void **ret_val)
{
    for (; *at < t->cap; (*at)++) {
        const struct cdz_table_slot *s = &t->slots[*at];
        if (s->key && s->key != &tomb) {
            *ret_key = (cdz_str){s->key, s->key_n};
            *ret_val = s->val;
            (*at)++;
            return true;
        }
    }
    return false;
}
