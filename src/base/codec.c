#include "base/codec.h"

#include "base/limits.h"

/* As java.time has them, in seconds: of a time zone, and of an instant (the year -1,000,000,000). */
#define OFFSET_MAX (18 * 3600)
#define DATE_MAX   INT64_C(31557014167219200)

void cdz_put_u64(struct cdz_buf *to, uint64_t v)
{
    unsigned char b[10];
    size_t n = 0;
    while (v >= 0x80) {
        b[n++] = (unsigned char)(v | 0x80);
        v >>= 7;
    }
    b[n++] = (unsigned char)v;
    cdz_buf_add(to, b, n);
}

void cdz_put_i64(struct cdz_buf *to, int64_t v)
{
    cdz_put_u64(to, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

void cdz_put_str(struct cdz_buf *to, cdz_str s)
{
    cdz_put_u64(to, s.n);
    cdz_buf_str(to, s);
}

static void put_double(struct cdz_buf *to, double f)
{
    cdz_buf_add(to, &f, sizeof(f)); /* little-endian hosts only, like the rest of the store */
}

void cdz_put_val(struct cdz_buf *to, cdz_val v)
{
    if (v.kind == CDZ_LAZY) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_put_val(to, v.lazy->all(v.lazy, arena));
        return;
    }
    if (v.kind == CDZ_TEMPLATE)
        v = cdz_val_text(cdz_template_source(v.tpl));
    cdz_buf_c(to, (char)((v.sub << 4) | v.kind));
    switch ((enum cdz_kind)v.kind) {
    case CDZ_NULL:
        break;
    case CDZ_BOOL:
        cdz_buf_c(to, v.b);
        break;
    case CDZ_INT:
        cdz_put_i64(to, v.i);
        break;
    case CDZ_FLOAT:
        put_double(to, v.f);
        break;
    case CDZ_DECIMAL:
    case CDZ_TEXT:
        cdz_put_str(to, cdz_val_str(v));
        break;
    case CDZ_LIST:
        cdz_put_u64(to, v.list->n);
        CDZ_LIST_EACH (item, v)
            cdz_put_val(to, *item);
        break;
    case CDZ_MAP:
        cdz_put_u64(to, v.map->n);
        CDZ_MAP_EACH (e, v) {
            cdz_put_str(to, e->key);
            cdz_put_val(to, e->val);
        }
        break;
    case CDZ_DATE:
    case CDZ_DURATION:
        cdz_put_u64(to, v.date->type);
        cdz_put_i64(to, v.date->seconds);
        cdz_put_i64(to, v.date->nanos);
        cdz_put_i64(to, v.date->offset_s);
        cdz_put_str(to, v.date->zone);
        break;
    case CDZ_TEMPLATE:
    case CDZ_LAZY:
        break; /* replaced above */
    }
}

uint64_t cdz_get_u64(struct cdz_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (r->bad || r->p == r->end)
            break;
        unsigned char c = (unsigned char)*r->p++;
        if (shift == 63 && c > 1)
            break;
        v |= (uint64_t)(c & 0x7F) << shift;
        if (!(c & 0x80))
            return v;
    }
    r->bad = true;
    return 0;
}

int64_t cdz_get_i64(struct cdz_reader *r)
{
    uint64_t v = cdz_get_u64(r);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

cdz_str cdz_get_str(struct cdz_reader *r)
{
    uint64_t n = cdz_get_u64(r);
    if (r->bad || n > (uint64_t)(r->end - r->p)) {
        r->bad = true;
        return (cdz_str){"", 0};
    }
    cdz_str s = {r->p, (size_t)n};
    r->p += n;
    return s;
}

static cdz_val get_val(struct cdz_reader *r, struct cdz_arena *arena, unsigned depth)
{
    if (r->bad || r->p == r->end || depth > CDZ_JSON_DEPTH_MAX) {
        r->bad = true;
        return CDZ_VAL_NULL;
    }
    unsigned char head = (unsigned char)*r->p++;
    cdz_val v = {.kind = head & 0xF, .sub = head >> 4};
    switch ((enum cdz_kind)v.kind) {
    case CDZ_NULL:
        return v;
    case CDZ_BOOL:
        if (r->p == r->end)
            break;
        v.b = *r->p++ != 0;
        return v;
    case CDZ_INT:
        v.i = cdz_get_i64(r);
        return v;
    case CDZ_FLOAT:
        if ((size_t)(r->end - r->p) < sizeof(v.f))
            break;
        memcpy(&v.f, r->p, sizeof(v.f));
        r->p += sizeof(v.f);
        return v;
    case CDZ_DECIMAL:
    case CDZ_TEXT: {
        cdz_str s = cdz_get_str(r);
        v.s = s.p;
        v.n = (uint32_t)s.n;
        return v;
    }
    case CDZ_LIST: {
        uint64_t n = cdz_get_u64(r);
        if (n > (uint64_t)(r->end - r->p)) /* each item takes a byte at least */
            break;
        cdz_val list = cdz_val_list(arena, (size_t)n);
        list.sub = v.sub;
        for (uint64_t i = 0; i < n && !r->bad; i++)
            cdz_list_push(arena, list, get_val(r, arena, depth + 1));
        return list;
    }
    case CDZ_MAP: {
        uint64_t n = cdz_get_u64(r);
        if (n > (uint64_t)(r->end - r->p))
            break;
        cdz_val map = cdz_val_map(arena, (size_t)n);
        for (uint64_t i = 0; i < n && !r->bad; i++) {
            cdz_str key = cdz_get_str(r);
            cdz_map_put(arena, map, key, get_val(r, arena, depth + 1));
        }
        return map;
    }
    case CDZ_DATE:
    case CDZ_DURATION: {
        struct cdz_date d;
        uint64_t type = cdz_get_u64(r);
        d.type = (enum cdz_date_type)type;
        d.seconds = cdz_get_i64(r);
        int64_t nanos = cdz_get_i64(r), offset = cdz_get_i64(r);
        d.nanos = (int32_t)nanos;
        d.offset_s = (int32_t)offset;
        d.zone = cdz_get_str(r);
        int64_t most = v.kind == CDZ_DATE ? DATE_MAX : INT64_MAX;
        if (type > CDZ_LOCAL_TIME || nanos < 0 || nanos >= 1000000000 || d.seconds < -most ||
            d.seconds > most || offset < -OFFSET_MAX || offset > OFFSET_MAX)
            break;
        cdz_val date = cdz_val_date(arena, d);
        date.kind = v.kind;
        return date;
    }
    case CDZ_TEMPLATE:
    case CDZ_LAZY:
        break; /* never written */
    }
    r->bad = true;
    return CDZ_VAL_NULL;
}

cdz_val cdz_get_val(struct cdz_reader *r, struct cdz_arena *arena)
{
    return get_val(r, arena, 0);
}
