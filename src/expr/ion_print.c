/* ion_print.c -- values to Ion text; see ion.h. */
#include "expr/ion.h"

#include <math.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "expr/javadate.h"

/* Text between quotes; control characters as Ion's escapes. */
static void quoted_print(struct cdz_buf *to, cdz_str s, char quote)
{
    static const char letters[] = "0\0\0\0\0\0\0abtnvfr"; /* by code, up to 13 */
    size_t done = 0;
    cdz_buf_c(to, quote);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != 0x7F && c != (unsigned char)quote && c != '\\')
            continue;
        cdz_buf_add(to, s.p + done, i - done);
        done = i + 1;
        if (c >= 0x20 && c != 0x7F)
            cdz_buf_printf(to, "\\%c", c);
        else if (c < sizeof(letters) - 1 && letters[c])
            cdz_buf_printf(to, "\\%c", letters[c]);
        else
            cdz_buf_printf(to, "\\x%02x", c);
    }
    if (done < s.n)
        cdz_buf_add(to, s.p + done, s.n - done);
    cdz_buf_c(to, quote);
}

static bool is_word(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           (!first && c >= '0' && c <= '9');
}

/* Whether a field name may stand without quotes. */
static bool is_identifier(cdz_str s)
{
    static const char *const keywords[] = {"null", "true", "false", "nan"};
    bool number = s.n > 1 && s.p[0] == '$'; /* $10 would be a symbol's number */
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_word(s.p[i], i == 0))
            return false;
        if (i > 0 && (s.p[i] < '0' || s.p[i] > '9'))
            number = false;
    }
    for (size_t i = 0; i < CDZ_COUNT(keywords); i++) {
        if (cdz_str_is(s, keywords[i]))
            return false;
    }
    return !number;
}

static void float_print(struct cdz_buf *to, double f)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    if (isnan(f)) {
        cdz_buf_z(to, "nan");
    } else if (isinf(f)) {
        cdz_buf_z(to, f < 0 ? "-inf" : "+inf");
    } else if (f == 0) {
        cdz_buf_z(to, signbit(f) ? "-0e0" : "0e0");
    } else {
        cdz_print_double(&text, f, false); /* a Float too: its double */
        cdz_str s = cdz_buf_get(&text);
        if (cdz_str_ends(s, CDZ_STR(".0")))
            s.n -= 2;
        cdz_buf_str(to, s);
        if (cdz_str_chr(s, 'E', 0) == SIZE_MAX)
            cdz_buf_z(to, "e0");
    }
}

/* Ion tells decimals from integers by a point or a d. */
static void decimal_print(struct cdz_buf *to, cdz_str s)
{
    bool point = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == 'e' || s.p[i] == 'E') {
            cdz_buf_c(to, 'd');
            point = true;
            i += i + 1 < s.n && s.p[i + 1] == '+';
            continue;
        }
        point = point || s.p[i] == '.';
        cdz_buf_c(to, s.p[i]);
    }
    if (!point)
        cdz_buf_c(to, '.');
}

/* An annotated string in one of java.time's ISO formats, which always print the seconds. */
static void typed_print(struct cdz_buf *to, const char *type, const struct cdz_date *date,
                        const char *format)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    struct cdz_date zoned = *date;
    struct cdz_err ignored;
    if (date->type != CDZ_ZONED && date->type != CDZ_OFFSET)
        zoned.offset_s = 0; /* a wall clock: print it as if UTC */
    zoned.type = CDZ_ZONED;
    cdz_buf_z(to, type);
    cdz_buf_z(to, "::");
    if (cdz_javadate_format(&text, &zoned, cdz_str_z(format), CDZ_STR(""), &ignored) != CDZ_OK)
        cdz_iso_print(&text, date); /* a year that the format cannot hold */
    quoted_print(to, cdz_buf_get(&text), '"');
}

static void date_print(struct cdz_buf *to, const struct cdz_date *date)
{
    int64_t days = date->seconds / 86400 - (date->seconds % 86400 < 0), year;
    int second = (int)(date->seconds - days * 86400), month, day;
    switch (date->type) {
    case CDZ_ZONED:
        typed_print(to, "ZonedDateTime", date, "iso_zoned_date_time");
        return;
    case CDZ_OFFSET:
        typed_print(to, "OffsetDateTime", date, "iso_offset_date_time");
        return;
    case CDZ_LOCAL_DATETIME:
        typed_print(to, "LocalDateTime", date, "iso_local_date_time");
        return;
    case CDZ_LOCAL_TIME:
        typed_print(to, "LocalTime", date, "iso_local_time");
        return;
    case CDZ_LOCAL_DATE:
    case CDZ_INSTANT:
    case CDZ_UTIL_DATE:
        break;
    }
    cdz_civil_of(days, &year, &month, &day);
    cdz_buf_printf(to, "%04lld-%02d-%02d", (long long)year, month, day);
    if (date->type != CDZ_LOCAL_DATE)
        cdz_buf_printf(to, "T%02d:%02d:%02d.%03dZ", second / 3600, second / 60 % 60, second % 60,
                       date->nanos / 1000000);
}

static void value_print(struct cdz_buf *to, cdz_val v, unsigned depth);

static void list_print(struct cdz_buf *to, cdz_val v, unsigned depth)
{
    const char *between = "";
    cdz_buf_c(to, '[');
    CDZ_LIST_EACH (item, v) {
        if (to->overflow)
            return;
        cdz_buf_z(to, between);
        value_print(to, *item, depth + 1);
        between = ",";
    }
    cdz_buf_c(to, ']');
}

static void map_print(struct cdz_buf *to, cdz_val v, unsigned depth)
{
    const char *between = "";
    cdz_buf_c(to, '{');
    CDZ_MAP_EACH (e, v) {
        if (to->overflow)
            return;
        cdz_buf_z(to, between);
        if (is_identifier(e->key))
            cdz_buf_str(to, e->key);
        else
            quoted_print(to, e->key, '\'');
        cdz_buf_c(to, ':');
        value_print(to, e->val, depth + 1);
        between = ",";
    }
    cdz_buf_c(to, '}');
}

static void value_print(struct cdz_buf *to, cdz_val v, unsigned depth)
{
    if (depth > CDZ_JSON_DEPTH_MAX) {
        cdz_buf_z(to, "null");
        return;
    }
    switch ((enum cdz_kind)v.kind) {
    case CDZ_NULL:
        cdz_buf_z(to, "null");
        break;
    case CDZ_BOOL:
        cdz_buf_z(to, v.b ? "true" : "false");
        break;
    case CDZ_INT:
        cdz_buf_printf(to, "%lld", (long long)v.i);
        break;
    case CDZ_FLOAT:
        float_print(to, v.f);
        break;
    case CDZ_DECIMAL:
        if (v.sub == CDZ_BIGINT)
            cdz_buf_str(to, cdz_val_str(v));
        else
            decimal_print(to, cdz_val_str(v));
        break;
    case CDZ_TEXT:
        quoted_print(to, cdz_val_str(v), '"');
        break;
    case CDZ_TEMPLATE:
        quoted_print(to, cdz_template_source(v.tpl), '"');
        break;
    case CDZ_LIST:
        list_print(to, v, depth);
        break;
    case CDZ_MAP:
        map_print(to, v, depth);
        break;
    case CDZ_DATE:
        date_print(to, v.date);
        break;
    case CDZ_DURATION:
        cdz_buf_printf(to, "%lld.%09d", (long long)v.date->seconds, v.date->nanos);
        break;
    case CDZ_LAZY: {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        value_print(to, v.lazy->all(v.lazy, arena), depth + 1);
        break;
    }
    }
}

void cdz_ion_print(struct cdz_buf *to, cdz_val v)
{
    value_print(to, v, 0);
}
