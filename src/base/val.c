#include "base/val.h"

#include <assert.h>

cdz_val cdz_val_date(struct cdz_arena *arena, struct cdz_date date)
{
    struct cdz_date *d = CDZ_NEW(arena, struct cdz_date);
    *d = date;
    return (cdz_val){.kind = CDZ_DATE, .date = d};
}

cdz_val cdz_val_duration(struct cdz_arena *arena, int64_t seconds, int32_t nanos)
{
    struct cdz_date *d = CDZ_NEW(arena, struct cdz_date);
    d->seconds = seconds;
    d->nanos = nanos;
    return (cdz_val){.kind = CDZ_DURATION, .date = d};
}

cdz_val cdz_val_decimal(cdz_str digits, enum cdz_sub sub)
{
    return (cdz_val){
        .kind = CDZ_DECIMAL, .sub = (uint8_t)sub, .n = (uint32_t)digits.n, .s = digits.p};
}

cdz_val cdz_val_list(struct cdz_arena *arena, size_t room)
{
    struct cdz_list *l = CDZ_NEW(arena, struct cdz_list);
    if (room) {
        l->v = CDZ_NEW_N(arena, cdz_val, room);
        l->cap = room;
    }
    return (cdz_val){.kind = CDZ_LIST, .list = l};
}

void cdz_list_push(struct cdz_arena *arena, cdz_val list, cdz_val item)
{
    assert(list.kind == CDZ_LIST);
    CDZ_PUSH(arena, list.list, item);
}

cdz_val cdz_val_map(struct cdz_arena *arena, size_t room)
{
    struct cdz_map *m = CDZ_NEW(arena, struct cdz_map);
    if (room) {
        m->v = CDZ_NEW_N(arena, struct cdz_entry, room);
        m->cap = room;
    }
    return (cdz_val){.kind = CDZ_MAP, .map = m};
}

enum { INDEX_FROM = 8 };

static void slot_put(struct cdz_map *m, size_t position)
{
    size_t mask = m->slot_count - 1, i = cdz_str_hash(m->v[position].key) & mask;
    while (m->slots[i])
        i = (i + 1) & mask;
    m->slots[i] = (uint32_t)position + 1;
}

static void index_make(struct cdz_arena *arena, struct cdz_map *m)
{
    size_t count = 32;
    while (count < m->n * 4)
        count *= 2;
    m->slots = CDZ_NEW_N(arena, uint32_t, count);
    m->slot_count = count;
    for (size_t i = 0; i < m->n; i++)
        slot_put(m, i);
}

static struct cdz_entry *find(const struct cdz_map *m, cdz_str key)
{
    if (!m->slots) {
        for (size_t i = 0; i < m->n; i++) {
            if (cdz_str_eq(m->v[i].key, key))
                return &m->v[i];
        }
        return NULL;
    }
    size_t mask = m->slot_count - 1;
    for (size_t i = cdz_str_hash(key) & mask; m->slots[i]; i = (i + 1) & mask) {
        struct cdz_entry *e = &m->v[m->slots[i] - 1];
        if (cdz_str_eq(e->key, key))
            return e;
    }
    return NULL;
}

void cdz_map_put(struct cdz_arena *arena, cdz_val map, cdz_str key, cdz_val val)
{
    assert(map.kind == CDZ_MAP);
    struct cdz_map *m = map.map;
    struct cdz_entry *e = find(m, key);
    if (e) {
        e->val = val;
        return;
    }
    CDZ_PUSH(arena, m, (struct cdz_entry){key, val});
    if (m->slots && m->n * 2 <= m->slot_count)
        slot_put(m, m->n - 1);
    else if (m->n > INDEX_FROM)
        index_make(arena, m);
}

void cdz_map_putz(struct cdz_arena *arena, cdz_val map, const char *key, cdz_val val)
{
    cdz_map_put(arena, map, cdz_str_z(key), val);
}

cdz_val *cdz_map_find(cdz_val map, cdz_str key)
{
    if (map.kind != CDZ_MAP)
        return NULL;
    struct cdz_entry *e = find(map.map, key);
    return e ? &e->val : NULL;
}

cdz_val cdz_map_get(cdz_val map, cdz_str key)
{
    cdz_val *v = cdz_map_find(map, key);
    return v ? *v : CDZ_VAL_NULL;
}

cdz_val cdz_map_getz(cdz_val map, const char *key)
{
    return cdz_map_get(map, cdz_str_z(key));
}

void cdz_map_del(cdz_val map, cdz_str key)
{
    struct cdz_map *m = map.map;
    struct cdz_entry *e = find(m, key);
    if (!e)
        return;
    memmove(e, e + 1, (size_t)(m->v + m->n - (e + 1)) * sizeof(*e));
    m->n--;
    if (m->slots) { /* positions moved: rebuild in place */
        memset(m->slots, 0, m->slot_count * sizeof(*m->slots));
        for (size_t i = 0; i < m->n; i++)
            slot_put(m, i);
    }
}

cdz_val cdz_val_copy(struct cdz_arena *arena, cdz_val v)
{
    switch ((enum cdz_kind)v.kind) {
    case CDZ_NULL:
    case CDZ_BOOL:
    case CDZ_INT:
    case CDZ_FLOAT:
        return v;
    case CDZ_DECIMAL:
    case CDZ_TEXT:
        v.s = cdz_arena_str(arena, cdz_val_str(v)).p;
        return v;
    case CDZ_LIST: {
        cdz_val to = cdz_val_list(arena, v.list->n);
        to.sub = v.sub;
        CDZ_LIST_EACH (item, v)
            cdz_list_push(arena, to, cdz_val_copy(arena, *item));
        return to;
    }
    case CDZ_MAP: {
        cdz_val to = cdz_val_map(arena, v.map->n);
        CDZ_MAP_EACH (e, v)
            cdz_map_put(arena, to, cdz_arena_str(arena, e->key), cdz_val_copy(arena, e->val));
        return to;
    }
    case CDZ_DATE: {
        struct cdz_date d = *v.date;
        d.zone = cdz_arena_str(arena, d.zone);
        return cdz_val_date(arena, d);
    }
    case CDZ_DURATION:
        return cdz_val_duration(arena, v.date->seconds, v.date->nanos);
    case CDZ_TEMPLATE:
        return cdz_val_text(cdz_arena_str(arena, cdz_template_source(v.tpl)));
    case CDZ_LAZY:
        return cdz_val_copy(arena, v.lazy->all(v.lazy, arena));
    }
    abort();
}

static bool number_of(cdz_val v, double *ret)
{
    switch ((enum cdz_kind)v.kind) {
    case CDZ_INT:
        *ret = (double)v.i;
        return true;
    case CDZ_FLOAT:
        *ret = v.f;
        return true;
    case CDZ_DECIMAL:
        return cdz_str_to_double(cdz_val_str(v), ret);
    default:
        return false;
    }
}

bool cdz_val_eq(cdz_val a, cdz_val b)
{
    double x, y;
    if (a.kind == CDZ_INT && b.kind == CDZ_INT)
        return a.i == b.i;
    if (number_of(a, &x))
        return number_of(b, &y) && x == y;
    if (a.kind != b.kind)
        return false;
    switch ((enum cdz_kind)a.kind) {
    case CDZ_NULL:
        return true;
    case CDZ_BOOL:
        return a.b == b.b;
    case CDZ_TEXT:
        return cdz_str_eq(cdz_val_str(a), cdz_val_str(b));
    case CDZ_LIST:
        if (a.list->n != b.list->n)
            return false;
        for (size_t i = 0; i < a.list->n; i++) {
            if (!cdz_val_eq(a.list->v[i], b.list->v[i]))
                return false;
        }
        return true;
    case CDZ_MAP:
        if (a.map->n != b.map->n)
            return false;
        CDZ_MAP_EACH (e, a) {
            cdz_val *other = cdz_map_find(b, e->key);
            if (!other || !cdz_val_eq(e->val, *other))
                return false;
        }
        return true;
    case CDZ_DATE:
    case CDZ_DURATION:
        return a.date->type == b.date->type && a.date->seconds == b.date->seconds &&
               a.date->nanos == b.date->nanos && a.date->offset_s == b.date->offset_s;
    case CDZ_TEMPLATE:
        return a.tpl == b.tpl || cdz_str_eq(cdz_template_source(a.tpl), cdz_template_source(b.tpl));
    case CDZ_LAZY:
        return a.lazy == b.lazy;
    case CDZ_INT:
    case CDZ_FLOAT:
    case CDZ_DECIMAL:
        break; /* numbers: handled above */
    }
    return false;
}

cdz_val cdz_val_path(cdz_val v, const char *path)
{
    cdz_str rest = cdz_str_z(path);
    while (rest.n > 0) {
        size_t dot = cdz_str_chr(rest, '.', 0);
        cdz_str key = cdz_str_sub(rest, 0, dot);
        int64_t i;
        rest = dot == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(rest, dot + 1, rest.n);
        if (v.kind == CDZ_LIST && cdz_str_to_i64(key, &i) && i >= 0 && (size_t)i < v.list->n)
            v = v.list->v[i];
        else
            v = cdz_map_get(v, key);
    }
    return v;
}

const char *cdz_val_kind_name(cdz_val v)
{
    static const char *const names[] = {
        [CDZ_NULL] = "null",         [CDZ_BOOL] = "boolean",    [CDZ_INT] = "integer",
        [CDZ_FLOAT] = "number",      [CDZ_DECIMAL] = "number",  [CDZ_TEXT] = "string",
        [CDZ_LIST] = "list",         [CDZ_MAP] = "map",         [CDZ_DATE] = "date",
        [CDZ_DURATION] = "duration", [CDZ_TEMPLATE] = "string", [CDZ_LAZY] = "map",
    };
    return names[v.kind];
}

cdz_val cdz_val_merge(struct cdz_arena *arena, cdz_val a, cdz_val b)
{
    if (a.kind == CDZ_MAP && b.kind == CDZ_MAP) {
        cdz_val to = cdz_val_map(arena, a.map->n + b.map->n);
        CDZ_MAP_EACH (e, a)
            cdz_map_put(arena, to, e->key, e->val);
        CDZ_MAP_EACH (f, b) {
            cdz_val *have = cdz_map_find(to, f->key);
            cdz_map_put(arena, to, f->key, have ? cdz_val_merge(arena, *have, f->val) : f->val);
        }
        return to;
    }
    if (a.kind == CDZ_LIST && b.kind == CDZ_LIST) {
        cdz_val to = cdz_val_list(arena, a.list->n + b.list->n);
        CDZ_LIST_EACH (x, a)
            cdz_list_push(arena, to, *x);
        CDZ_LIST_EACH (y, b)
            cdz_list_push(arena, to, *y);
        return to;
    }
    return cdz_val_is_null(b) ? a : b;
}
