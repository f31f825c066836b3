/*
 * val.h -- a value as flows, expressions and tasks see it: JSON's six kinds, the number kinds and
 * date types that Java programs tell apart, and two kinds that are evaluated when somebody asks.
 *
 * A cdz_val is 16 bytes and is passed by copy. Texts, lists and maps behind it live in an arena and
 * are shared; only the code that has just made a list or map may still change it.
 */
#ifndef CDZ_BASE_VAL_H
#define CDZ_BASE_VAL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum cdz_kind {
    CDZ_NULL,
    CDZ_BOOL,
    CDZ_INT,      /* i; sub: CDZ_I64 (Long, the default) or CDZ_I32 (Integer) */
    CDZ_FLOAT,    /* f; sub: CDZ_F64 (Double, the default) or CDZ_F32 (Float: f is rounded to it) */
    CDZ_DECIMAL,  /* s: decimal digits as text; sub: CDZ_BIGDEC or CDZ_BIGINT */
    CDZ_TEXT,     /* s, n: UTF-8; sub CDZ_CHAR: one Java char (of `first`, `last`, `range`) */
    CDZ_LIST,     /* list; sub CDZ_ARRAY: a Java array (of `split`), CDZ_SET */
    CDZ_MAP,      /* map: keeps the order of insertion */
    CDZ_DATE,     /* date: one of the java.time types, told by date->type */
    CDZ_DURATION, /* date: seconds and nanos */
    CDZ_TEMPLATE, /* tpl: a text with expressions, compiled with the flow; prints as its source */
    CDZ_LAZY,     /* lazy: a map whose entries are found on demand */
};

enum cdz_sub {
    CDZ_I64 = 0,
    CDZ_I32 = 1,
    CDZ_F64 = 0,
    CDZ_F32 = 1,
    CDZ_BIGDEC = 0,
    CDZ_BIGINT = 1,
    CDZ_CHAR = 1,
    CDZ_ARRAY = 1,
    CDZ_SET = 2,
};

enum cdz_date_type {
    CDZ_ZONED,          /* ZonedDateTime: instant, offset and zone */
    CDZ_OFFSET,         /* OffsetDateTime */
    CDZ_INSTANT,        /* java.time.Instant */
    CDZ_UTIL_DATE,      /* java.util.Date (milliseconds) */
    CDZ_LOCAL_DATETIME, /* wall clock, no zone: seconds counts as if UTC */
    CDZ_LOCAL_DATE,     /* seconds at 00:00 as if UTC */
    CDZ_LOCAL_TIME,     /* seconds of the day */
};

struct cdz_date {
    enum cdz_date_type type;
    int64_t seconds; /* since 1970 in UTC; for the LOCAL types the wall clock read as UTC; duration:
                        span */
    int32_t nanos;   /* 0..999,999,999 (of a negative duration too: seconds is floored) */
    int32_t offset_s; /* ZONED, OFFSET: seconds east of UTC */
    cdz_str zone;     /* ZONED: "Europe/Paris"; empty: only the offset is known */
};

struct cdz_list;
struct cdz_map;
struct cdz_template;
struct cdz_lazy;

typedef struct cdz_val {
    uint8_t kind, sub;
    uint16_t mark; /* free for the owner of the tree; 0 when made */
    uint32_t n;    /* bytes of s */
    union {
        bool b;
        int64_t i;
        double f;
        const char *s;
        struct cdz_list *list;
        struct cdz_map *map;
        const struct cdz_date *date;
        const struct cdz_template *tpl;
        const struct cdz_lazy *lazy;
    };
} cdz_val;

struct cdz_list {
    cdz_val *v;
    size_t n, cap;
};

struct cdz_entry {
    cdz_str key;
    cdz_val val;
};

struct cdz_map {
    struct cdz_entry *v; /* in order of insertion */
    size_t n, cap;
    uint32_t *slots; /* hash index, made when n > 8: position + 1, or 0 */
    size_t slot_count;
};

/* A map whose entries are found on demand. The object outlives every value that points to it. */
struct cdz_lazy {
    /* The value under key. False: there is none. */
    bool (*get)(const struct cdz_lazy *lazy, cdz_str key, struct cdz_arena *arena, cdz_val *ret);
    /* The whole as a map, for printing, looping and filters. */
    cdz_val (*all)(const struct cdz_lazy *lazy, struct cdz_arena *arena);
};

#define CDZ_VAL_NULL ((cdz_val){.kind = CDZ_NULL})

static inline cdz_val cdz_val_bool(bool b)
{
    return (cdz_val){.kind = CDZ_BOOL, .b = b};
}
static inline cdz_val cdz_val_int(int64_t i)
{
    return (cdz_val){.kind = CDZ_INT, .i = i};
}
static inline cdz_val cdz_val_i32(int32_t i)
{
    return (cdz_val){.kind = CDZ_INT, .sub = CDZ_I32, .i = i};
}
static inline cdz_val cdz_val_float(double f)
{
    return (cdz_val){.kind = CDZ_FLOAT, .f = f};
}
static inline cdz_val cdz_val_f32(float f)
{
    return (cdz_val){.kind = CDZ_FLOAT, .sub = CDZ_F32, .f = (double)f};
}
/* s is borrowed: it must live as long as the value. */
static inline cdz_val cdz_val_text(cdz_str s)
{
    return (cdz_val){.kind = CDZ_TEXT, .n = (uint32_t)s.n, .s = s.p ? s.p : ""};
}
static inline cdz_val cdz_val_z(const char *z)
{
    return cdz_val_text(cdz_str_z(z));
}
static inline cdz_val cdz_val_lazy(const struct cdz_lazy *lazy)
{
    return (cdz_val){.kind = CDZ_LAZY, .lazy = lazy};
}
static inline bool cdz_val_is_null(cdz_val v)
{
    return v.kind == CDZ_NULL;
}
/* The text of a CDZ_TEXT or CDZ_DECIMAL value. */
static inline cdz_str cdz_val_str(cdz_val v)
{
    return (cdz_str){v.s, v.n};
}

cdz_val cdz_val_date(struct cdz_arena *arena, struct cdz_date date);
cdz_val cdz_val_duration(struct cdz_arena *arena, int64_t seconds, int32_t nanos);
/* Decimal text such as "12.30" or "-9223372036854775809"; borrowed. */
cdz_val cdz_val_decimal(cdz_str digits, enum cdz_sub sub);

cdz_val cdz_val_list(struct cdz_arena *arena, size_t room);
void cdz_list_push(struct cdz_arena *arena, cdz_val list, cdz_val item);
static inline size_t cdz_list_n(cdz_val list)
{
    return list.list->n;
}
static inline cdz_val cdz_list_at(cdz_val list, size_t i)
{
    return list.list->v[i];
}

cdz_val cdz_val_map(struct cdz_arena *arena, size_t room);
/* Sets key (borrowed) to val; an existing key keeps its place. */
void cdz_map_put(struct cdz_arena *arena, cdz_val map, cdz_str key, cdz_val val);
void cdz_map_putz(struct cdz_arena *arena, cdz_val map, const char *key, cdz_val val);
/* The value's place, or NULL. */
cdz_val *cdz_map_find(cdz_val map, cdz_str key);
/* The value, or null when there is none or when map is not a map. */
cdz_val cdz_map_get(cdz_val map, cdz_str key);
cdz_val cdz_map_getz(cdz_val map, const char *key);
/* Removes key if it is there (O(n)). */
void cdz_map_del(cdz_val map, cdz_str key);
static inline size_t cdz_map_n(cdz_val map)
{
    return map.map->n;
}
#define CDZ_MAP_EACH(entry, mapval)                                                                \
    for (struct cdz_entry *entry = (mapval).map->v,                                                \
                          *entry##_end = entry ? entry + (mapval).map->n : entry;                  \
         entry < entry##_end; entry++)
#define CDZ_LIST_EACH(item, listval)                                                               \
    for (cdz_val *item = (listval).list->v, *item##_end = item ? item + (listval).list->n : item;  \
         item < item##_end; item++)

/* A deep copy into the arena: nothing is shared with v. Lazy values become maps; templates their
 * source text. */
cdz_val cdz_val_copy(struct cdz_arena *arena, cdz_val v);
/* Deep equality; numbers of all kinds by value, lists in order, maps in any order. */
bool cdz_val_eq(cdz_val a, cdz_val b);
/* The value under a dotted path ("a.b.c"; integer pieces index lists), or null. */
cdz_val cdz_val_path(cdz_val v, const char *path);
/* "null", "boolean", "integer", "number", "string", "list", "map", "date", "duration": for
 * messages. */
const char *cdz_val_kind_name(cdz_val v);
/* Right for a map of maps merged key by key, lists concatenated (a first); other kinds: b unless
 * null. */
cdz_val cdz_val_merge(struct cdz_arena *arena, cdz_val a, cdz_val b);
/*
 * The source text of a template. What else a template is belongs to expr/, but each begins with its
 * source: base can print one without knowing more.
 */
static inline cdz_str cdz_template_source(const struct cdz_template *tpl)
{
    cdz_str source;
    memcpy(&source, tpl, sizeof(source));
    return source;
}

#endif
