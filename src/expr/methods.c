/*
 * methods.c -- the Java methods of values that flows use: "abc".length(), list.size(),
 * map.keySet(), date.getYear().
 *
 * One row per method and number of arguments. A name also finds its getter: `empty` is isEmpty,
 * `year` is getYear; case does not matter. What is not in the table does not exist, so nothing of a
 * Java runtime is in reach.
 */
#include "expr/eval.h"

#include "base/time.h"

struct method {
    uint8_t kind; /* of the object */
    uint8_t args;
    const char *name;
    cdz_rc (*fn)(struct eval *e, uint32_t line, cdz_val obj, const cdz_val *args, cdz_val *ret);
};

#define METHOD(name_)                                                                              \
    static cdz_rc name_(CDZ_UNUSED struct eval *e, CDZ_UNUSED uint32_t line, cdz_val obj,          \
                        CDZ_UNUSED const cdz_val *args, cdz_val *ret)

/* A method that cannot be called with these arguments. */
static cdz_rc cannot_call(struct eval *e, uint32_t line, const char *name)
{
    return eval_fail(e, line, "Could not call %s", name);
}

static cdz_val text_arg(const cdz_val *args, size_t i)
{
    return args[i].kind == CDZ_TEXT ? args[i] : CDZ_VAL_NULL;
}

/* --- texts: Java counts in UTF-16 units --- */

METHOD(text_length)
{
    *ret = cdz_val_i32((int32_t)cdz_utf16_n(cdz_val_str(obj)));
    return CDZ_OK;
}

METHOD(text_is_empty)
{
    *ret = cdz_val_bool(obj.n == 0);
    return CDZ_OK;
}

METHOD(text_is_blank)
{
    *ret = cdz_val_bool(cdz_str_trim(cdz_val_str(obj)).n == 0);
    return CDZ_OK;
}

METHOD(text_trim)
{
    *ret = cdz_val_text(cdz_str_trim(cdz_val_str(obj)));
    return CDZ_OK;
}

METHOD(text_to_string)
{
    cdz_str text;
    CDZ_TRY(eval_java_text(e, obj, &text));
    *ret = cdz_val_text(text);
    return CDZ_OK;
}

/* What a filter of that name does. */
static cdz_rc by_filter(struct eval *e, uint32_t line, const char *name, cdz_val obj,
                        const cdz_val *args, size_t n, cdz_val *ret)
{
    const struct cdz_callable *row = cdz_find_filter(cdz_str_z(name));
    return row ? eval_call_row(e, line, row, obj, args, n, ret) : cannot_call(e, line, name);
}

METHOD(text_upper)
{
    return by_filter(e, line, "upper", obj, NULL, 0, ret);
}

METHOD(text_lower)
{
    return by_filter(e, line, "lower", obj, NULL, 0, ret);
}

METHOD(text_split)
{
    return by_filter(e, line, "split", obj, args, 1, ret);
}

METHOD(text_split_limit)
{
    return by_filter(e, line, "split", obj, args, 2, ret);
}

METHOD(text_replace_all)
{
    cdz_val pairs = cdz_val_map(e->arena, 1);
    if (args[0].kind != CDZ_TEXT || args[1].kind != CDZ_TEXT)
        return cannot_call(e, line, "replaceAll");
    cdz_map_put(e->arena, pairs, cdz_val_str(args[0]), args[1]);
    const cdz_val call[] = {pairs, cdz_val_bool(true)};
    return by_filter(e, line, "replace", obj, call, 2, ret);
}

METHOD(text_contains)
{
    if (args[0].kind != CDZ_TEXT)
        return cannot_call(e, line, "contains");
    *ret = cdz_val_bool(cdz_str_find(cdz_val_str(obj), cdz_val_str(args[0]), 0) != SIZE_MAX);
    return CDZ_OK;
}

METHOD(text_starts_with)
{
    if (args[0].kind != CDZ_TEXT)
        return cannot_call(e, line, "startsWith");
    *ret = cdz_val_bool(cdz_str_starts(cdz_val_str(obj), cdz_val_str(args[0])));
    return CDZ_OK;
}

METHOD(text_ends_with)
{
    if (args[0].kind != CDZ_TEXT)
        return cannot_call(e, line, "endsWith");
    *ret = cdz_val_bool(cdz_str_ends(cdz_val_str(obj), cdz_val_str(args[0])));
    return CDZ_OK;
}

static cdz_rc substring(struct eval *e, uint32_t line, cdz_val obj, int64_t from, int64_t to,
                        cdz_val *ret)
{
    cdz_str s = cdz_val_str(obj);
    if (from < 0 || to < from || (uint64_t)to > cdz_utf16_n(s))
        return cannot_call(e, line, "substring");
    *ret = cdz_val_text(cdz_str_sub(s, cdz_utf16_at(s, (size_t)from), cdz_utf16_at(s, (size_t)to)));
    return CDZ_OK;
}

METHOD(text_substring_from)
{
    if (args[0].kind != CDZ_INT)
        return cannot_call(e, line, "substring");
    return substring(e, line, obj, args[0].i, (int64_t)cdz_utf16_n(cdz_val_str(obj)), ret);
}

METHOD(text_substring)
{
    if (args[0].kind != CDZ_INT || args[1].kind != CDZ_INT)
        return cannot_call(e, line, "substring");
    return substring(e, line, obj, args[0].i, args[1].i, ret);
}

METHOD(text_char_at)
{
    if (args[0].kind != CDZ_INT || args[0].i == INT64_MAX)
        return cannot_call(e, line, "charAt");
    CDZ_TRY(substring(e, line, obj, args[0].i, args[0].i + 1, ret));
    ret->sub = CDZ_CHAR;
    return CDZ_OK;
}

METHOD(text_replace)
{
    cdz_str s = cdz_val_str(obj), from = cdz_val_str(text_arg(args, 0)),
            to = cdz_val_str(text_arg(args, 1));
    struct cdz_buf CDZ_AUTO_BUF out = CDZ_BUF_INIT;
    if (args[0].kind != CDZ_TEXT || args[1].kind != CDZ_TEXT)
        return cannot_call(e, line, "replace");
    cdz_buf_init(&out, CDZ_EXPR_OUTPUT_MAX + 1);
    for (size_t at = 0; at <= s.n;) {
        size_t hit = cdz_str_find(s, from, at);
        cdz_buf_str(&out, cdz_str_sub(s, at, hit));
        if (hit == SIZE_MAX)
            break;
        cdz_buf_str(&out, to);
        at = hit + from.n;
        if (from.n == 0) { /* between all characters */
            size_t next = hit;
            if (hit >= s.n)
                break;
            (void)cdz_utf8_next(s, &next);
            cdz_buf_str(&out, cdz_str_sub(s, hit, next));
            at = next;
        }
    }
    *ret = cdz_val_text(cdz_buf_copy(&out, e->arena));
    return CDZ_OK;
}

METHOD(text_index_of)
{
    if (args[0].kind != CDZ_TEXT)
        return cannot_call(e, line, "indexOf");
    size_t at = cdz_str_find(cdz_val_str(obj), cdz_val_str(args[0]), 0);
    *ret = cdz_val_i32(at == SIZE_MAX ? -1
                                      : (int32_t)cdz_utf16_n(cdz_str_sub(cdz_val_str(obj), 0, at)));
    return CDZ_OK;
}

METHOD(text_last_index_of)
{
    cdz_str s = cdz_val_str(obj), needle = cdz_val_str(text_arg(args, 0));
    if (args[0].kind != CDZ_TEXT)
        return cannot_call(e, line, "lastIndexOf");
    *ret = cdz_val_i32(-1);
    for (size_t at = s.n + 1; at-- > 0;) {
        if (cdz_str_starts(cdz_str_sub(s, at, s.n), needle)) {
            *ret = cdz_val_i32((int32_t)cdz_utf16_n(cdz_str_sub(s, 0, at)));
            break;
        }
    }
    return CDZ_OK;
}

METHOD(text_concat)
{
    if (args[0].kind != CDZ_TEXT)
        return cannot_call(e, line, "concat");
    return eval_concat(e, obj, args[0], ret);
}

METHOD(text_repeat)
{
    if (args[0].kind != CDZ_INT || args[0].i < 0)
        return cannot_call(e, line, "repeat");
    if (obj.n > 0 && (uint64_t)args[0].i > CDZ_EXPR_OUTPUT_MAX / obj.n)
        return cdz_fail(&e->err, CDZ_E_LIMIT, "text exceeds %u bytes", CDZ_EXPR_OUTPUT_MAX);
    size_t count = obj.n ? (size_t)args[0].i : 0;
    char *p = cdz_arena_alloc(e->arena, count * obj.n);
    for (size_t i = 0; i < count; i++)
        memcpy(p + i * obj.n, obj.s, obj.n);
    *ret = cdz_val_text((cdz_str){p, count * obj.n});
    return CDZ_OK;
}

METHOD(text_equals_ignore_case)
{
    *ret = cdz_val_bool(args[0].kind == CDZ_TEXT &&
                        cdz_str_ieq(cdz_val_str(obj), cdz_val_str(args[0])));
    return CDZ_OK;
}

METHOD(text_compare_to)
{
    if (args[0].kind != CDZ_TEXT)
        return cannot_call(e, line, "compareTo");
    *ret = cdz_val_i32(cdz_str_cmp(cdz_val_str(obj), cdz_val_str(args[0])));
    return CDZ_OK;
}

METHOD(any_equals)
{
    bool same_type = obj.kind == args[0].kind && obj.sub == args[0].sub;
    *ret = cdz_val_bool(same_type && eval_equals(e, obj, args[0]));
    return CDZ_OK;
}

/* --- lists --- */

METHOD(list_size)
{
    *ret = cdz_val_i32((int32_t)cdz_list_n(obj));
    return CDZ_OK;
}

METHOD(list_is_empty)
{
    *ret = cdz_val_bool(cdz_list_n(obj) == 0);
    return CDZ_OK;
}

METHOD(list_get)
{
    if (args[0].kind != CDZ_INT || args[0].i < 0 || (uint64_t)args[0].i >= cdz_list_n(obj))
        return cannot_call(e, line, "get");
    *ret = cdz_list_at(obj, (size_t)args[0].i);
    return CDZ_OK;
}

METHOD(list_first)
{
    if (cdz_list_n(obj) == 0)
        return cannot_call(e, line, "getFirst");
    *ret = cdz_list_at(obj, 0);
    return CDZ_OK;
}

METHOD(list_last)
{
    if (cdz_list_n(obj) == 0)
        return cannot_call(e, line, "getLast");
    *ret = cdz_list_at(obj, cdz_list_n(obj) - 1);
    return CDZ_OK;
}

METHOD(list_contains)
{
    bool found;
    cdz_val one = cdz_val_list(e->arena, 1); /* so that a list is looked for as an item */
    cdz_list_push(e->arena, one, args[0]);
    CDZ_TRY(eval_contains(e, line, obj, one, &found));
    *ret = cdz_val_bool(found);
    return CDZ_OK;
}

METHOD(list_index_of)
{
    *ret = cdz_val_i32(-1);
    for (size_t i = 0; i < cdz_list_n(obj); i++) {
        cdz_val item = cdz_list_at(obj, i);
        if (item.kind == args[0].kind && item.sub == args[0].sub && eval_equals(e, item, args[0])) {
            *ret = cdz_val_i32((int32_t)i);
            break;
        }
    }
    return CDZ_OK;
}

METHOD(list_sub_list)
{
    if (args[0].kind != CDZ_INT || args[1].kind != CDZ_INT || args[0].i < 0 ||
        args[1].i < args[0].i || (uint64_t)args[1].i > cdz_list_n(obj))
        return cannot_call(e, line, "subList");
    *ret = cdz_val_list(e->arena, (size_t)(args[1].i - args[0].i));
    for (int64_t i = args[0].i; i < args[1].i; i++)
        cdz_list_push(e->arena, *ret, cdz_list_at(obj, (size_t)i));
    return CDZ_OK;
}

/* --- maps --- */

METHOD(map_size)
{
    *ret = cdz_val_i32((int32_t)cdz_map_n(obj));
    return CDZ_OK;
}

METHOD(map_is_empty)
{
    *ret = cdz_val_bool(cdz_map_n(obj) == 0);
    return CDZ_OK;
}

METHOD(map_get)
{
    *ret = args[0].kind == CDZ_TEXT ? cdz_map_get(obj, cdz_val_str(args[0])) : CDZ_VAL_NULL;
    return CDZ_OK;
}

METHOD(map_get_or_default)
{
    cdz_val *item = args[0].kind == CDZ_TEXT ? cdz_map_find(obj, cdz_val_str(args[0])) : NULL;
    *ret = item ? *item : args[1];
    return CDZ_OK;
}

METHOD(map_contains_key)
{
    *ret =
        cdz_val_bool(args[0].kind == CDZ_TEXT && cdz_map_find(obj, cdz_val_str(args[0])) != NULL);
    return CDZ_OK;
}

METHOD(map_key_set)
{
    *ret = cdz_val_list(e->arena, cdz_map_n(obj));
    ret->sub = CDZ_SET;
    CDZ_MAP_EACH (entry, obj)
        cdz_list_push(e->arena, *ret, cdz_val_text(entry->key));
    return CDZ_OK;
}

METHOD(map_values)
{
    *ret = cdz_val_list(e->arena, cdz_map_n(obj));
    CDZ_MAP_EACH (entry, obj)
        cdz_list_push(e->arena, *ret, entry->val);
    return CDZ_OK;
}

METHOD(map_contains_value)
{
    cdz_val values;
    CDZ_TRY(map_values(e, line, obj, args, &values));
    return list_contains(e, line, values, args, ret);
}

METHOD(map_entry_set)
{
    *ret = cdz_val_list(e->arena, cdz_map_n(obj));
    ret->sub = CDZ_SET;
    CDZ_MAP_EACH (entry, obj) {
        cdz_val item = cdz_val_map(e->arena, 2);
        cdz_map_putz(e->arena, item, "key", cdz_val_text(entry->key));
        cdz_map_putz(e->arena, item, "value", entry->val);
        cdz_list_push(e->arena, *ret, item);
    }
    return CDZ_OK;
}

/* --- numbers --- */

METHOD(number_int_value)
{
    *ret = cdz_val_i32((int32_t)(uint32_t)(uint64_t)obj.i);
    return CDZ_OK;
}

METHOD(number_long_value)
{
    *ret = cdz_val_int(obj.i);
    return CDZ_OK;
}

METHOD(number_double_value)
{
    *ret = cdz_val_float((double)obj.i);
    return CDZ_OK;
}

/* Java's cast: the nearest that fits, NaN as 0. */
METHOD(float_long_value)
{
    int64_t i = obj.f != obj.f    ? 0
                : obj.f >= 0x1p63 ? INT64_MAX
                : obj.f < -0x1p63 ? INT64_MIN
                                  : (int64_t)obj.f;
    *ret = cdz_val_int(i);
    return CDZ_OK;
}

METHOD(float_int_value)
{
    CDZ_TRY(float_long_value(e, line, obj, args, ret));
    int64_t i = ret->i > INT32_MAX ? INT32_MAX : ret->i < INT32_MIN ? INT32_MIN : ret->i;
    *ret = cdz_val_i32((int32_t)i);
    return CDZ_OK;
}

METHOD(float_double_value)
{
    *ret = cdz_val_float(obj.f);
    return CDZ_OK;
}

/* --- dates --- */

/* Seconds of the wall clock that the date shows. */
static int64_t wall_seconds(const struct cdz_date *d)
{
    bool has_offset = d->type == CDZ_ZONED || d->type == CDZ_OFFSET;
    return d->seconds + (has_offset ? d->offset_s : 0);
}

struct civil {
    int64_t year, days, second_of_day;
    int month, day;
};

static struct civil civil_of(cdz_val obj)
{
    struct civil c;
    int64_t wall = wall_seconds(obj.date);
    c.days = (wall - (wall % 86400 + 86400) % 86400) / 86400;
    c.second_of_day = wall - c.days * 86400;
    cdz_civil_of(c.days, &c.year, &c.month, &c.day);
    return c;
}

METHOD(date_year)
{
    *ret = cdz_val_i32((int32_t)civil_of(obj).year);
    return CDZ_OK;
}

METHOD(date_month_value)
{
    *ret = cdz_val_i32(civil_of(obj).month);
    return CDZ_OK;
}

METHOD(date_day_of_month)
{
    *ret = cdz_val_i32(civil_of(obj).day);
    return CDZ_OK;
}

METHOD(date_day_of_year)
{
    struct civil c = civil_of(obj);
    *ret = cdz_val_i32((int32_t)(c.days - cdz_days_of(c.year, 1, 1) + 1));
    return CDZ_OK;
}

METHOD(date_hour)
{
    *ret = cdz_val_i32((int32_t)(civil_of(obj).second_of_day / 3600));
    return CDZ_OK;
}

METHOD(date_minute)
{
    *ret = cdz_val_i32((int32_t)(civil_of(obj).second_of_day / 60 % 60));
    return CDZ_OK;
}

METHOD(date_second)
{
    *ret = cdz_val_i32((int32_t)(civil_of(obj).second_of_day % 60));
    return CDZ_OK;
}

METHOD(date_nano)
{
    *ret = cdz_val_i32(obj.date->nanos);
    return CDZ_OK;
}

METHOD(date_epoch_second)
{
    *ret = cdz_val_int(obj.date->seconds);
    return CDZ_OK;
}

METHOD(date_epoch_milli)
{
    *ret = cdz_val_int(
        (int64_t)((uint64_t)obj.date->seconds * 1000 + (uint64_t)(obj.date->nanos / 1000000)));
    return CDZ_OK;
}

static const struct method methods[] = {
    {CDZ_TEXT, 0, "length", text_length},
    {CDZ_TEXT, 0, "isEmpty", text_is_empty},
    {CDZ_TEXT, 0, "isBlank", text_is_blank},
    {CDZ_TEXT, 0, "trim", text_trim},
    {CDZ_TEXT, 0, "strip", text_trim},
    {CDZ_TEXT, 0, "toUpperCase", text_upper},
    {CDZ_TEXT, 0, "toLowerCase", text_lower},
    {CDZ_TEXT, 0, "toString", text_to_string},
    {CDZ_TEXT, 1, "contains", text_contains},
    {CDZ_TEXT, 1, "startsWith", text_starts_with},
    {CDZ_TEXT, 1, "endsWith", text_ends_with},
    {CDZ_TEXT, 1, "substring", text_substring_from},
    {CDZ_TEXT, 2, "substring", text_substring},
    {CDZ_TEXT, 1, "charAt", text_char_at},
    {CDZ_TEXT, 2, "replace", text_replace},
    {CDZ_TEXT, 2, "replaceAll", text_replace_all},
    {CDZ_TEXT, 1, "indexOf", text_index_of},
    {CDZ_TEXT, 1, "lastIndexOf", text_last_index_of},
    {CDZ_TEXT, 1, "split", text_split},
    {CDZ_TEXT, 2, "split", text_split_limit},
    {CDZ_TEXT, 1, "concat", text_concat},
    {CDZ_TEXT, 1, "repeat", text_repeat},
    {CDZ_TEXT, 1, "equals", any_equals},
    {CDZ_TEXT, 1, "equalsIgnoreCase", text_equals_ignore_case},
    {CDZ_TEXT, 1, "compareTo", text_compare_to},
    {CDZ_LIST, 0, "size", list_size},
    {CDZ_LIST, 0, "isEmpty", list_is_empty},
    {CDZ_LIST, 1, "get", list_get},
    {CDZ_LIST, 0, "getFirst", list_first},
    {CDZ_LIST, 0, "getLast", list_last},
    {CDZ_LIST, 1, "contains", list_contains},
    {CDZ_LIST, 1, "indexOf", list_index_of},
    {CDZ_LIST, 2, "subList", list_sub_list},
    {CDZ_LIST, 0, "toString", text_to_string},
    {CDZ_MAP, 0, "size", map_size},
    {CDZ_MAP, 0, "isEmpty", map_is_empty},
    {CDZ_MAP, 1, "get", map_get},
    {CDZ_MAP, 2, "getOrDefault", map_get_or_default},
    {CDZ_MAP, 1, "containsKey", map_contains_key},
    {CDZ_MAP, 1, "containsValue", map_contains_value},
    {CDZ_MAP, 0, "keySet", map_key_set},
    {CDZ_MAP, 0, "values", map_values},
    {CDZ_MAP, 0, "entrySet", map_entry_set},
    {CDZ_MAP, 0, "toString", text_to_string},
    {CDZ_INT, 0, "intValue", number_int_value},
    {CDZ_INT, 0, "longValue", number_long_value},
    {CDZ_INT, 0, "doubleValue", number_double_value},
    {CDZ_INT, 0, "toString", text_to_string},
    {CDZ_INT, 1, "equals", any_equals},
    {CDZ_FLOAT, 0, "intValue", float_int_value},
    {CDZ_FLOAT, 0, "longValue", float_long_value},
    {CDZ_FLOAT, 0, "doubleValue", float_double_value},
    {CDZ_FLOAT, 0, "toString", text_to_string},
    {CDZ_FLOAT, 1, "equals", any_equals},
    {CDZ_BOOL, 0, "toString", text_to_string},
    {CDZ_BOOL, 1, "equals", any_equals},
    {CDZ_DATE, 0, "getYear", date_year},
    {CDZ_DATE, 0, "getMonthValue", date_month_value},
    {CDZ_DATE, 0, "getDayOfMonth", date_day_of_month},
    {CDZ_DATE, 0, "getDayOfYear", date_day_of_year},
    {CDZ_DATE, 0, "getHour", date_hour},
    {CDZ_DATE, 0, "getMinute", date_minute},
    {CDZ_DATE, 0, "getSecond", date_second},
    {CDZ_DATE, 0, "getNano", date_nano},
    {CDZ_DATE, 0, "getEpochSecond", date_epoch_second},
    {CDZ_DATE, 0, "toEpochSecond", date_epoch_second},
    {CDZ_DATE, 0, "toEpochMilli", date_epoch_milli},
    {CDZ_DATE, 0, "toString", text_to_string},
    {CDZ_DURATION, 0, "getSeconds", date_epoch_second},
    {CDZ_DURATION, 0, "toSeconds", date_epoch_second},
    {CDZ_DURATION, 0, "toMillis", date_epoch_milli},
    {CDZ_DURATION, 0, "toString", text_to_string},
};

static bool is_called(const char *method, cdz_str name)
{
    static const char *const prefixes[] = {"get", "is", "has"};
    cdz_str full = cdz_str_z(method);
    if (cdz_str_ieq(full, name))
        return true;
    for (size_t i = 0; i < CDZ_COUNT(prefixes); i++) {
        cdz_str prefix = cdz_str_z(prefixes[i]);
        if (cdz_str_starts(full, prefix) && cdz_str_ieq(cdz_str_sub(full, prefix.n, full.n), name))
            return true;
    }
    return false;
}

cdz_rc eval_method(struct eval *e, uint32_t line, cdz_val obj, cdz_str name, const cdz_val *args,
                   size_t n, bool *ret_found, cdz_val *ret)
{
    *ret_found = false;
    for (size_t i = 0; i < CDZ_COUNT(methods); i++) {
        const struct method *m = &methods[i];
        if (m->kind != obj.kind || m->args != n || !is_called(m->name, name))
            continue;
        *ret_found = true;
        CDZ_TRY(eval_step(e, obj.kind == CDZ_TEXT ? obj.n / 1024 + 1 : 1));
        return m->fn(e, line, obj, args, ret);
    }
    return CDZ_OK;
}
