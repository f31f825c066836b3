/*
 * convert.c -- one raw value to the type of an input or flow output. reference/flow.md §6.2.
 *
 * The result is what an execution stores and expressions see: dates and times as ISO text (instants
 * with three digits of fraction), durations as seconds, numbers as numbers. A message says
 * "Expected `INT` but received `x`".
 */
#include "model/inputs.h"

#include <math.h>

#include "base/json.h"
#include "base/regex.h"
#include "base/time.h"
#include "expr/expr.h"

/* The raw value as it would be printed: for messages, and for types that are texts. */
static cdz_str raw_text(cdz_val raw, struct cdz_arena *arena)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    if (raw.kind == CDZ_TEXT)
        return cdz_val_str(raw);
    cdz_expr_print(&text, raw);
    return cdz_buf_copy(&text, arena);
}

static cdz_rc unexpected(cdz_str type, cdz_val raw, struct cdz_arena *arena, struct cdz_err *err)
{
    cdz_str s = raw_text(raw, arena);
    return cdz_fail(err, CDZ_E_INVALID, "Expected `%.*s` but received `%.*s`", CDZ_S(type),
                    (int)(s.n < 200 ? s.n : 200), s.p);
}

static bool to_int(cdz_val raw, cdz_val *ret)
{
    int64_t i;
    if (raw.kind == CDZ_INT)
        i = raw.i;
    else if (raw.kind != CDZ_TEXT || !cdz_str_to_i64(cdz_val_str(raw), &i))
        return false;
    if (i < INT32_MIN || i > INT32_MAX)
        return false;
    *ret = cdz_val_i32((int32_t)i);
    return true;
}

/*
 * A 32-bit float, then the double that its shortest text reads as: what the original has after
 * storing it as JSON, so that 42.42 stays 42.42 and is not 42.41999816894531.
 */
static bool to_float(cdz_val raw, cdz_val *ret)
{
    double d, back;
    char text[32];
    if (raw.kind == CDZ_FLOAT)
        d = raw.f;
    else if (raw.kind == CDZ_INT)
        d = (double)raw.i;
    else if ((raw.kind != CDZ_TEXT && raw.kind != CDZ_DECIMAL) ||
             !cdz_str_to_double(cdz_str_trim(cdz_val_str(raw)), &d))
        return false;
    float f = (float)d;
    if (!isfinite(f))
        return false;
    for (int digits = 1; digits <= 9; digits++) {
        int n = snprintf(text, sizeof(text), "%.*e", digits - 1, (double)f);
        if (cdz_str_to_double((cdz_str){text, (size_t)n}, &back) && (float)back == f)
            break;
    }
    *ret = cdz_val_float(back);
    return true;
}

/* Dates and times: from their text, or from the typed value that a trigger or another flow hands
 * over. */
static bool to_date(cdz_val raw, enum cdz_date_type want, struct cdz_arena *arena, cdz_val *ret)
{
    struct cdz_date date;
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    if (raw.kind == CDZ_DATE)
        date = *raw.date;
    else if (raw.kind != CDZ_TEXT || !cdz_iso_parse(cdz_val_str(raw), &date))
        return false;
    bool instant = date.type == CDZ_ZONED || date.type == CDZ_OFFSET || date.type == CDZ_INSTANT ||
                   date.type == CDZ_UTIL_DATE;
    if (want == CDZ_INSTANT ? !instant : date.type != want)
        return false;
    int64_t days = (date.seconds - (((date.seconds % 86400) + 86400) % 86400)) / 86400, year;
    int seconds = (int)(date.seconds - days * 86400), month, day;
    cdz_civil_of(days, &year, &month, &day);
    if (want != CDZ_LOCAL_TIME)
        cdz_buf_printf(&text, "%04lld-%02d-%02d", (long long)year, month, day);
    if (want == CDZ_INSTANT)
        cdz_buf_c(&text, 'T');
    if (want != CDZ_LOCAL_DATE)
        cdz_buf_printf(&text, "%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (want == CDZ_INSTANT) {
        cdz_buf_printf(&text, ".%03dZ", date.nanos / 1000000);
    } else if (want == CDZ_LOCAL_TIME && date.nanos) {
        cdz_buf_printf(&text, ".%09d", date.nanos);
        while (text.p[text.n - 1] == '0')
            text.p[--text.n] = 0;
    }
    *ret = cdz_val_text(cdz_buf_copy(&text, arena));
    return true;
}

static bool to_duration(cdz_val raw, cdz_val *ret)
{
    int64_t seconds = 0;
    int32_t nanos = 0;
    if (raw.kind == CDZ_DURATION) {
        seconds = raw.date->seconds;
        nanos = raw.date->nanos;
    } else if (raw.kind == CDZ_INT || raw.kind == CDZ_FLOAT) {
        *ret = cdz_val_float(raw.kind == CDZ_INT ? (double)raw.i : raw.f);
        return true;
    } else {
        /* Here only ISO-8601 counts, not a bare number of seconds. */
        if (raw.kind != CDZ_TEXT)
            return false;
        cdz_str s = cdz_val_str(raw);
        if (!s.n || (!memchr(s.p, 'P', s.n) && !memchr(s.p, 'p', s.n)) ||
            !cdz_duration_parse(s, &seconds, &nanos))
            return false;
    }
    *ret = cdz_val_float((double)seconds + (double)nanos / 1e9);
    return true;
}

static cdz_rc matches(const char *pattern, cdz_str s, bool *ret, struct cdz_err *err)
{
    CDZ_AUTO_REGEX re = NULL;
    CDZ_TRY(cdz_regex_compile(cdz_str_z(pattern), &re, err));
    return cdz_regex_match(re, s, true, ret, err);
}

#define URI_PATTERN                                                                                \
    "^[a-z]+://(?:www\\.)?[-a-zA-Z0-9@:%._+~#=]{1,256}\\.[a-zA-Z0-9()]{1,6}\\b"                    \
    "(?:[-a-zA-Z0-9()@:%_+.~#?&/=]*)$"
#define EMAIL_PATTERN "^$|^[a-zA-Z0-9_!#$%&\xe2\x80\x99*+/=?`{|}~^.-]+@[a-zA-Z0-9.-]+$"

/* FILE is an address in the internal storage; what is to be uploaded has been by now. */
static bool is_stored_file(cdz_str s)
{
    return cdz_str_starts(s, CDZ_STR("kestra:/")) && s.n > 8;
}

/* A secret arrives as {type, value} made by the caller: the key is not known here, and plain text
 * must never pass. */
static bool is_encrypted(cdz_val raw)
{
    cdz_val type = cdz_map_getz(raw, "type"), value = cdz_map_getz(raw, "value");
    return type.kind == CDZ_TEXT &&
           cdz_str_is(cdz_val_str(type), "io.kestra.datatype:aes_encrypted") &&
           value.kind == CDZ_TEXT;
}

static cdz_rc convert_list(cdz_str id, cdz_str type, cdz_str item_type, cdz_val raw,
                           struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    cdz_val list = raw;
    struct cdz_err ignored;
    if (raw.kind == CDZ_TEXT &&
        (cdz_json_parse(cdz_arena_str(arena, cdz_val_str(raw)), arena, &list, &ignored) != CDZ_OK))
        return unexpected(type, raw, arena, err);
    if (list.kind != CDZ_LIST)
        return unexpected(type, raw, arena, err);
    if (!item_type.n || cdz_str_is(item_type, "ARRAY") || cdz_str_is(item_type, "MULTISELECT")) {
        *ret = list;
        return CDZ_OK;
    }
    cdz_val items = cdz_val_list(arena, cdz_list_n(list));
    CDZ_LIST_EACH (item, list) {
        cdz_val v;
        if (cdz_typed_convert(id, item_type, CDZ_STR(""), *item, arena, &v, err) != CDZ_OK)
            return cdz_fail(err, CDZ_E_INVALID, "Unable to parse array element as `%.*s` on `%.*s`",
                            CDZ_S(item_type), CDZ_S(raw_text(*item, arena)));
        cdz_list_push(arena, items, v);
    }
    *ret = items;
    return CDZ_OK;
}

static cdz_rc convert_document(cdz_str type, cdz_val raw, struct cdz_arena *arena, cdz_val *ret,
                               struct cdz_err *err)
{
    struct cdz_err why;
    cdz_str text = raw.kind == CDZ_TEXT ? cdz_arena_str(arena, cdz_val_str(raw)) : CDZ_STR("");
    cdz_rc rc = CDZ_OK;
    if (raw.kind != CDZ_TEXT)
        *ret = raw; /* a default, or handed over by another flow */
    else if (cdz_str_is(type, "JSON"))
        rc = cdz_json_parse(text, arena, ret, &why);
    else
        rc = cdz_yaml_parse_val(text, arena, ret, &why);
    return rc == CDZ_OK ? CDZ_OK : unexpected(type, raw, arena, err);
}

static cdz_rc convert_text(cdz_str type, cdz_val raw, struct cdz_arena *arena, cdz_val *ret,
                           struct cdz_err *err)
{
    cdz_str s = cdz_arena_str(arena, raw_text(raw, arena));
    bool good = raw.kind != CDZ_LIST && raw.kind != CDZ_MAP;
    if (good && cdz_str_is(type, "URI"))
        CDZ_TRY(matches(URI_PATTERN, s, &good, err));
    if (good && cdz_str_is(type, "EMAIL")) {
        CDZ_TRY(matches(EMAIL_PATTERN, s, &good, err));
        if (!good)
            return cdz_fail(err, CDZ_E_INVALID, "The input must be a valid email");
    }
    if (good && cdz_str_is(type, "FILE"))
        good = is_stored_file(s);
    if (!good)
        return unexpected(type, raw, arena, err);
    *ret = cdz_val_text(s);
    return CDZ_OK;
}

cdz_rc cdz_typed_convert(cdz_str id, cdz_str type, cdz_str item_type, cdz_val raw,
                         struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    static const struct {
        const char *type;
        enum cdz_date_type date;
    } dates[] = {{"DATETIME", CDZ_INSTANT}, {"DATE", CDZ_LOCAL_DATE}, {"TIME", CDZ_LOCAL_TIME}};
    bool good = true;
    if (raw.kind == CDZ_NULL) {
        *ret = raw;
        return CDZ_OK;
    }
    for (size_t i = 0; i < CDZ_COUNT(dates); i++)
        if (cdz_str_is(type, dates[i].type))
            return to_date(raw, dates[i].date, arena, ret) ? CDZ_OK
                                                           : unexpected(type, raw, arena, err);
    if (cdz_str_is(type, "INT"))
        good = to_int(raw, ret);
    else if (cdz_str_is(type, "FLOAT"))
        good = to_float(raw, ret);
    else if (cdz_str_is(type, "BOOLEAN"))
        *ret = cdz_val_bool(raw.kind == CDZ_BOOL ? raw.b
                                                 : cdz_str_ieq(raw_text(raw, arena),
                                                               CDZ_STR("true"))); /* never fails */
    else if (cdz_str_is(type, "DURATION"))
        good = to_duration(raw, ret);
    else if (cdz_str_is(type, "JSON") || cdz_str_is(type, "YAML"))
        return convert_document(type, raw, arena, ret, err);
    else if (cdz_str_is(type, "ARRAY") || cdz_str_is(type, "MULTISELECT"))
        return convert_list(id, type, item_type, raw, arena, ret, err);
    else if (cdz_str_is(type, "SECRET")) {
        if (!is_encrypted(raw))
            return cdz_fail(
                err, CDZ_E_INVALID,
                "Unable to use a `SECRET` input/output as encryption is not configured");
        *ret = raw;
    } else
        return convert_text(type, raw, arena, ret, err);
    return good ? CDZ_OK : unexpected(type, raw, arena, err);
}

cdz_rc cdz_duration_of(cdz_val v, cdz_us *ret, struct cdz_err *err)
{
    double seconds;
    if (v.kind == CDZ_TEXT) {
        if (cdz_duration_us(cdz_str_trim(cdz_val_str(v)), ret))
            return CDZ_OK;
        return cdz_fail(err, CDZ_E_INVALID, "invalid duration `%.*s`", CDZ_S(cdz_val_str(v)));
    }
    if (v.kind == CDZ_DURATION) {
        cdz_us us;
        if (!__builtin_mul_overflow(v.date->seconds, CDZ_SECOND, &us) &&
            !__builtin_add_overflow(us, (cdz_us)(v.date->nanos / 1000), ret))
            return CDZ_OK;
        return cdz_fail(err, CDZ_E_INVALID, "a duration is too long");
    }
    if (v.kind != CDZ_INT && v.kind != CDZ_FLOAT)
        return cdz_fail(err, CDZ_E_INVALID,
                        "a duration must be text or a number of seconds, not %s",
                        cdz_val_kind_name(v));
    seconds = v.kind == CDZ_INT ? (double)v.i : v.f;
    if (!(fabs(seconds) < 9e12))
        return cdz_fail(err, CDZ_E_INVALID, "a duration is too long");
    *ret = v.kind == CDZ_INT ? v.i * CDZ_SECOND : (cdz_us)llround(seconds * 1e6);
    return CDZ_OK;
}
