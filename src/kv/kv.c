/*
 * kv.c -- see kv.h.
 *
 * A key is two files: "<key>.ion" holds the value as Ion text, "<key>.ion.metadata" a JSON object
 * with creationDate, updateDate and, if given, expirationDate and description. The metadata is
 * written first: a crash between the two leaves the old value with the new date of expiry, of a put
 * that nobody was told of; the other order could leave a new value that counts as expired. A value
 * without metadata is fine (the file's date counts, it never expires); metadata without a value is
 * no key.
 */
#include "kv/kv.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "expr/ion.h"

#define SUFFIX   ".ion"
#define METADATA ".metadata"

enum { METADATA_BYTES_MAX = 16 << 10 };

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool is_name(cdz_str s, size_t max)
{
    if (s.n == 0 || s.n > max || !isalnum((unsigned char)s.p[0]))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_word(s.p[i]))
            return false;
    }
    return true;
}

static cdz_rc folder_of(cdz_str namespace_, struct cdz_arena *arena, cdz_str *ret,
                        struct cdz_err *err)
{
    if (!is_name(namespace_, CDZ_NAMESPACE_MAX) ||
        cdz_str_find(namespace_, CDZ_STR(".."), 0) != SIZE_MAX ||
        cdz_str_ends(namespace_, CDZ_STR(".")))
        return cdz_fail(err, CDZ_E_INVALID, "\"%.*s\" is not a namespace",
                        CDZ_S(cdz_str_sub(namespace_, 0, CDZ_NAMESPACE_MAX)));
    *ret = cdz_path_kv(namespace_, arena);
    return CDZ_OK;
}

/* The path of the value; its metadata's is longer by METADATA. */
static cdz_rc path_of(cdz_str namespace_, cdz_str key, struct cdz_arena *arena, cdz_str *ret,
                      struct cdz_err *err)
{
    cdz_str folder;
    if (!is_name(key, CDZ_KV_KEY_MAX))
        return cdz_fail(err, CDZ_E_INVALID,
                        "the key \"%.*s\" must be 1 to %u characters that match "
                        "[a-zA-Z0-9][a-zA-Z0-9._-]*",
                        CDZ_S(cdz_str_sub(key, 0, 200)), CDZ_KV_KEY_MAX);
    CDZ_TRY(folder_of(namespace_, arena, &folder, err));
    *ret = cdz_arena_printf(arena, "%.*s/%.*s" SUFFIX, CDZ_S(folder), CDZ_S(key));
    return CDZ_OK;
}

static cdz_str metadata_of(cdz_str path, struct cdz_arena *arena)
{
    return cdz_arena_printf(arena, "%.*s" METADATA, CDZ_S(path));
}

/* --- metadata --- */

static cdz_us instant_of(cdz_val map, const char *name, cdz_us otherwise)
{
    cdz_val v = cdz_map_getz(map, name);
    cdz_us at;
    return v.kind == CDZ_TEXT && cdz_instant_parse(cdz_val_str(v), &at) ? at : otherwise;
}

/* Fills created, updated, expires, description. What cannot be read counts as not there: a value
 * must not be lost for a damaged date. */
static cdz_rc metadata_get(struct cdz_storage *s, cdz_str path, cdz_us modified,
                           struct cdz_arena *arena, struct cdz_kv_entry *ret, struct cdz_err *err)
{
    cdz_str text;
    cdz_val map = CDZ_VAL_NULL;
    struct cdz_err ignored;
    cdz_rc rc = cdz_storage_get(s, metadata_of(path, arena), METADATA_BYTES_MAX, arena, &text, err);
    if (rc != CDZ_OK && rc != CDZ_E_NOT_FOUND && rc != CDZ_E_TOO_LARGE)
        return rc;
    if (rc == CDZ_OK && cdz_json_parse(text, arena, &map, &ignored) != CDZ_OK)
        map = CDZ_VAL_NULL;
    cdz_val description = cdz_map_getz(map, "description");
    ret->updated = instant_of(map, "updateDate", modified);
    ret->created = instant_of(map, "creationDate", ret->updated);
    ret->expires = instant_of(map, "expirationDate", 0);
    ret->description = description.kind == CDZ_TEXT ? cdz_val_str(description) : CDZ_STR("");
    return CDZ_OK;
}

static cdz_rc metadata_put(struct cdz_storage *s, cdz_str path, const struct cdz_kv_entry *e,
                           struct cdz_arena *arena, struct cdz_err *err)
{
    CDZ_AUTO_BUF struct cdz_buf json = CDZ_BUF_INIT;
    struct cdz_jw w = {.to = &json};
    cdz_jw_open(&w, NULL, '{');
    cdz_jw_time(&w, "creationDate", e->created);
    cdz_jw_time(&w, "updateDate", e->updated);
    if (e->expires)
        cdz_jw_time(&w, "expirationDate", e->expires);
    if (e->description.n)
        cdz_jw_str(&w, "description", e->description);
    cdz_jw_close(&w, '}');
    if (json.n > METADATA_BYTES_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "the description is longer than %d bytes",
                        METADATA_BYTES_MAX);
    return cdz_storage_put(s, metadata_of(path, arena), cdz_buf_get(&json), err);
}

static cdz_rc both_del(struct cdz_storage *s, cdz_str path, struct cdz_arena *arena,
                       struct cdz_err *err)
{
    CDZ_TRY(cdz_storage_del(s, path, err)); /* first the value: without it there is no key */
    return cdz_storage_del(s, metadata_of(path, arena), err);
}

static bool is_expired(const struct cdz_kv_entry *e, cdz_us now)
{
    return e->expires != 0 && e->expires <= now;
}

/* --- values --- */

static bool is_duration(cdz_str s)
{
    int64_t seconds;
    int32_t nanos;
    return cdz_str_starts(s, CDZ_STR("P")) && cdz_duration_parse(s, &seconds, &nanos);
}

const char *cdz_kv_type(cdz_val value)
{
    switch ((enum cdz_kind)value.kind) {
    case CDZ_TEXT:
        return is_duration(cdz_val_str(value)) ? "DURATION" : "STRING";
    case CDZ_TEMPLATE:
        return "STRING";
    case CDZ_INT:
    case CDZ_FLOAT:
    case CDZ_DECIMAL:
        return "NUMBER";
    case CDZ_BOOL:
        return "BOOLEAN";
    case CDZ_DATE:
        return value.date->type == CDZ_LOCAL_DATE ? "DATE" : "DATETIME";
    case CDZ_DURATION:
        return "DURATION";
    case CDZ_NULL:
    case CDZ_LIST:
    case CDZ_MAP:
    case CDZ_LAZY:
        break;
    }
    return "JSON";
}

/* What Ion cannot tell apart: a duration is a text, an instant at midnight reads as a date. */
static cdz_val typed(cdz_val v, cdz_str text, struct cdz_arena *arena)
{
    int64_t seconds;
    int32_t nanos;
    if (v.kind == CDZ_TEXT && is_duration(cdz_val_str(v)) &&
        cdz_duration_parse(cdz_val_str(v), &seconds, &nanos))
        return cdz_val_duration(arena, seconds, nanos);
    if (v.kind == CDZ_DATE && v.date->type == CDZ_LOCAL_DATE &&
        cdz_str_chr(text, 'T', 0) != SIZE_MAX) {
        struct cdz_date d = *v.date;
        d.type = CDZ_INSTANT;
        return cdz_val_date(arena, d);
    }
    return v;
}

static cdz_rc value_parse(cdz_str text, struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    struct cdz_ion_reader r = cdz_ion_reader_of(text);
    struct cdz_err why;
    bool end = false;
    cdz_val v = CDZ_VAL_NULL;
    if (cdz_ion_next(&r, arena, &v, &end, &why) != CDZ_OK)
        return cdz_fail(err, CDZ_E_CORRUPT, "the stored value cannot be read: %s", why.text);
    *ret = end ? CDZ_VAL_NULL : typed(v, text, arena);
    return CDZ_OK;
}

static void value_print(struct cdz_buf *to, cdz_val value)
{
    if (value.kind != CDZ_DURATION) {
        cdz_ion_print(to, value);
        return;
    }
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    cdz_duration_print(&text, value.date->seconds, value.date->nanos);
    cdz_ion_print(to, cdz_val_text(cdz_buf_get(&text)));
}

/* --- the store --- */

cdz_rc cdz_kv_get(struct cdz_storage *s, cdz_str namespace_, cdz_str key, cdz_us now,
                  struct cdz_arena *arena, struct cdz_kv_entry *ret, struct cdz_err *err)
{
    struct cdz_kv_entry e = {.key = cdz_arena_str(arena, key)};
    struct cdz_file_info info;
    cdz_str path, text;
    CDZ_TRY(path_of(namespace_, key, arena, &path, err));
    cdz_rc rc = cdz_storage_info(s, path, arena, &info, err);
    if (rc == CDZ_OK)
        rc = cdz_storage_get(s, path, CDZ_KV_BYTES_MAX, arena, &text, err);
    if (rc == CDZ_E_NOT_FOUND)
        return cdz_fail(err, CDZ_E_NOT_FOUND, "No value found for key '%.*s' in namespace '%.*s'",
                        CDZ_S(key), CDZ_S(namespace_));
    CDZ_TRY(rc);
    CDZ_TRY(metadata_get(s, path, info.modified, arena, &e, err));
    if (is_expired(&e, now)) {
        CDZ_TRY(both_del(s, path, arena, err));
        return cdz_fail(err, CDZ_E_EXPIRED,
                        "The value of key '%.*s' in namespace '%.*s' has expired", CDZ_S(key),
                        CDZ_S(namespace_));
    }
    CDZ_TRY(value_parse(text, arena, &e.value, err));
    e.type = cdz_kv_type(e.value);
    *ret = e;
    return CDZ_OK;
}

/* What is known of the key; *ret_is_there false: nothing, or it has expired. */
static cdz_rc look(struct cdz_storage *s, cdz_str path, cdz_us now, struct cdz_arena *arena,
                   struct cdz_kv_entry *ret, bool *ret_is_there, struct cdz_err *err)
{
    struct cdz_file_info info;
    cdz_rc rc = cdz_storage_info(s, path, arena, &info, err);
    *ret_is_there = false;
    if (rc == CDZ_E_NOT_FOUND)
        return CDZ_OK;
    CDZ_TRY(rc);
    CDZ_TRY(metadata_get(s, path, info.modified, arena, ret, err));
    *ret_is_there = !is_expired(ret, now);
    return CDZ_OK;
}

cdz_rc cdz_kv_put_described(struct cdz_storage *s, cdz_str namespace_, cdz_str key, cdz_val value,
                            cdz_us ttl, bool overwrite, cdz_str description, cdz_us now,
                            struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_AUTO_BUF struct cdz_buf ion = {.max = CDZ_KV_BYTES_MAX};
    struct cdz_kv_entry e = {0};
    bool is_there;
    cdz_str path;
    CDZ_TRY(path_of(namespace_, key, arena, &path, err));
    if (ttl < 0)
        return cdz_fail(err, CDZ_E_INVALID, "the time to live of a key cannot be negative");
    value_print(&ion, value);
    if (ion.overflow)
        return cdz_fail(err, CDZ_E_LIMIT, "the value of key '%.*s' has more than %u bytes",
                        CDZ_S(key), CDZ_KV_BYTES_MAX);
    CDZ_TRY(look(s, path, now, arena, &e, &is_there, err));
    if (is_there && !overwrite)
        return cdz_fail(err, CDZ_E_CONFLICT,
                        "Cannot set value for key '%.*s'. Key already exists and `overwrite` is "
                        "set to `false`.",
                        CDZ_S(key));
    if (!is_there)
        e.created = now;
    e.updated = now;
    e.expires = 0;
    if (ttl && __builtin_add_overflow(now, ttl, &e.expires))
        e.expires = INT64_MAX;
    e.description = description;
    CDZ_TRY(metadata_put(s, path, &e, arena, err));
    return cdz_storage_put(s, path, cdz_buf_get(&ion), err);
}

cdz_rc cdz_kv_put(struct cdz_storage *s, cdz_str namespace_, cdz_str key, cdz_val value, cdz_us ttl,
                  bool overwrite, cdz_us now, struct cdz_err *err)
{
    return cdz_kv_put_described(s, namespace_, key, value, ttl, overwrite, CDZ_STR(""), now, err);
}

cdz_rc cdz_kv_del(struct cdz_storage *s, cdz_str namespace_, cdz_str key, cdz_us now,
                  bool *ret_existed, struct cdz_err *err)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_kv_entry e;
    bool is_there;
    cdz_str path;
    CDZ_TRY(path_of(namespace_, key, arena, &path, err));
    CDZ_TRY(look(s, path, now, arena, &e, &is_there, err));
    CDZ_TRY(both_del(s, path, arena, err));
    *ret_existed = is_there;
    return CDZ_OK;
}

static int by_key(const void *a, const void *b)
{
    return cdz_str_cmp(((const struct cdz_kv_entry *)a)->key,
                       ((const struct cdz_kv_entry *)b)->key);
}

cdz_rc cdz_kv_list(struct cdz_storage *s, cdz_str namespace_, cdz_str prefix,
                   struct cdz_arena *arena, struct cdz_kv_entry **ret, size_t *ret_n,
                   struct cdz_err *err)
{
    CDZ_VEC(struct cdz_kv_entry) keys = {0};
    struct cdz_file_info *files;
    size_t n;
    cdz_str folder;
    CDZ_TRY(folder_of(namespace_, arena, &folder, err));
    CDZ_TRY(cdz_storage_list(s, folder, false, arena, &files, &n, err));
    for (size_t i = 0; i < n; i++) {
        cdz_str name = cdz_str_sub(files[i].path, folder.n + 1, files[i].path.n);
        if (files[i].is_dir || !cdz_str_ends(name, CDZ_STR(SUFFIX)))
            continue;
        struct cdz_kv_entry e = {.key = cdz_str_sub(name, 0, name.n - (sizeof(SUFFIX) - 1))};
        if (!cdz_str_starts(e.key, prefix))
            continue;
        CDZ_TRY(metadata_get(s, files[i].path, files[i].modified, arena, &e, err));
        CDZ_PUSH(arena, &keys, e);
    }
    /* "a.ion" and "a-b.ion" are sorted as file names; as keys the shorter one comes first. */
    if (keys.n)
        qsort(keys.v, keys.n, sizeof(*keys.v), by_key);
    *ret = keys.v;
    *ret_n = keys.n;
    return CDZ_OK;
}

/* --- conversion --- */

static cdz_rc is_no(cdz_str text, cdz_str type, struct cdz_err *err)
{
    return cdz_fail(err, CDZ_E_INVALID, "\"%.*s\" is not a value of type %.*s",
                    CDZ_S(cdz_str_sub(text, 0, 200)), CDZ_S(type));
}

static bool convert_number(cdz_str text, cdz_val *ret)
{
    int64_t i;
    double f;
    if (cdz_str_to_i64(text, &i))
        *ret = cdz_val_int(i);
    else if (cdz_str_to_double(text, &f))
        *ret = cdz_val_float(f);
    else
        return false;
    return true;
}

/* DATETIME: an instant. DATE: the original wants an instant here, too, and takes its day in UTC; a
 * plain date is accepted besides. */
static bool convert_date(cdz_str text, bool day_only, struct cdz_arena *arena, cdz_val *ret)
{
    struct cdz_date d;
    if (!cdz_iso_parse(text, &d))
        return false;
    bool is_day = d.type == CDZ_LOCAL_DATE;
    if (d.type > CDZ_UTIL_DATE && !(is_day && day_only))
        return false;
    struct cdz_date r = {.type = CDZ_INSTANT, .seconds = d.seconds, .nanos = d.nanos};
    if (day_only) {
        int64_t second = r.seconds % 86400;
        r = (struct cdz_date){.type = CDZ_LOCAL_DATE,
                              .seconds = r.seconds - second - (second < 0 ? 86400 : 0)};
    }
    *ret = cdz_val_date(arena, r);
    return true;
}

cdz_rc cdz_kv_convert(cdz_str text, cdz_str type, struct cdz_arena *arena, cdz_val *ret,
                      struct cdz_err *err)
{
    cdz_str trimmed = cdz_str_trim(text);
    int64_t seconds;
    int32_t nanos;
    if (type.n == 0 || cdz_str_is(type, "STRING")) {
        *ret = cdz_val_text(text);
    } else if (cdz_str_is(type, "NUMBER")) {
        if (!convert_number(trimmed, ret))
            return is_no(text, type, err);
    } else if (cdz_str_is(type, "BOOLEAN")) {
        *ret = cdz_val_bool(cdz_str_ieq(trimmed, CDZ_STR("true")));
    } else if (cdz_str_is(type, "DATETIME") || cdz_str_is(type, "DATE")) {
        if (!convert_date(trimmed, cdz_str_is(type, "DATE"), arena, ret))
            return is_no(text, type, err);
    } else if (cdz_str_is(type, "DURATION")) {
        if (!cdz_duration_parse(trimmed, &seconds, &nanos))
            return is_no(text, type, err);
        *ret = cdz_val_duration(arena, seconds, nanos);
    } else if (cdz_str_is(type, "JSON")) {
        return cdz_json_parse(text, arena, ret, err);
    } else {
        return cdz_fail(err, CDZ_E_INVALID,
                        "\"%.*s\" is not a type of values: STRING, NUMBER, BOOLEAN, DATETIME, "
                        "DATE, DURATION or JSON",
                        CDZ_S(cdz_str_sub(type, 0, 100)));
    }
    return CDZ_OK;
}
