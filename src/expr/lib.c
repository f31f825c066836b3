/* lib.c -- see lib.h. */
#include "expr/lib.h"

#include "base/json.h"
#include "base/time.h"

cdz_val cdz_plain(struct cdz_arena *arena, cdz_val v)
{
    if (v.kind == CDZ_TEMPLATE)
        return cdz_val_text(cdz_template_source(v.tpl));
    if (v.kind == CDZ_LAZY)
        return v.lazy->all(v.lazy, arena);
    return v;
}

cdz_str cdz_text_of(cdz_val v)
{
    return v.kind == CDZ_TEMPLATE ? cdz_template_source(v.tpl) : cdz_val_str(v);
}

static void java_print(struct cdz_buf *to, cdz_val v, unsigned depth);

static void list_print(struct cdz_buf *to, cdz_val v, unsigned depth)
{
    cdz_buf_c(to, '[');
    for (size_t i = 0; i < v.list->n && !to->overflow; i++) {
        if (i > 0)
            cdz_buf_z(to, ", ");
        java_print(to, v.list->v[i], depth + 1);
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
        cdz_buf_str(to, e->key);
        cdz_buf_c(to, '=');
        java_print(to, e->val, depth + 1);
        between = ", ";
    }
    cdz_buf_c(to, '}');
}

static void java_print(struct cdz_buf *to, cdz_val v, unsigned depth)
{
    if (depth > CDZ_JSON_DEPTH_MAX) {
        cdz_buf_z(to, "...");
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
        cdz_print_double(to, v.f, v.sub == CDZ_F32);
        break;
    case CDZ_DECIMAL:
    case CDZ_TEXT:
    case CDZ_TEMPLATE:
        cdz_buf_str(to, cdz_text_of(v));
        break;
    case CDZ_LIST:
        list_print(to, v, depth);
        break;
    case CDZ_MAP:
        map_print(to, v, depth);
        break;
    case CDZ_DATE:
        cdz_iso_print(to, v.date);
        break;
    case CDZ_DURATION:
        cdz_duration_print(to, v.date->seconds, v.date->nanos);
        break;
    case CDZ_LAZY: {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        java_print(to, v.lazy->all(v.lazy, arena), depth + 1);
        break;
    }
    }
}

void cdz_java_print(struct cdz_buf *to, cdz_val v)
{
    java_print(to, v, 0);
}

cdz_str cdz_java_text(struct cdz_arena *arena, cdz_val v)
{
    if (cdz_is_text(v))
        return cdz_text_of(v);
    struct cdz_buf CDZ_AUTO_BUF b = CDZ_BUF_INIT;
    b.max = CDZ_EXPR_OUTPUT_MAX;
    java_print(&b, v, 0);
    return cdz_buf_copy(&b, arena);
}

const char *cdz_java_class(cdz_val v)
{
    static const char *const dates[] = {
        [CDZ_ZONED] = "java.time.ZonedDateTime",
        [CDZ_OFFSET] = "java.time.OffsetDateTime",
        [CDZ_INSTANT] = "java.time.Instant",
        [CDZ_UTIL_DATE] = "java.util.Date",
        [CDZ_LOCAL_DATETIME] = "java.time.LocalDateTime",
        [CDZ_LOCAL_DATE] = "java.time.LocalDate",
        [CDZ_LOCAL_TIME] = "java.time.LocalTime",
    };
    switch ((enum cdz_kind)v.kind) {
    case CDZ_NULL:
        return "null";
    case CDZ_BOOL:
        return "java.lang.Boolean";
    case CDZ_INT:
        return v.sub == CDZ_I32 ? "java.lang.Integer" : "java.lang.Long";
    case CDZ_FLOAT:
        return v.sub == CDZ_F32 ? "java.lang.Float" : "java.lang.Double";
    case CDZ_DECIMAL:
        return v.sub == CDZ_BIGINT ? "java.math.BigInteger" : "java.math.BigDecimal";
    case CDZ_TEXT:
        return v.sub == CDZ_CHAR ? "java.lang.Character" : "java.lang.String";
    case CDZ_TEMPLATE:
        return "java.lang.String";
    case CDZ_LIST:
        return v.sub == CDZ_ARRAY ? "[Ljava.lang.String;"
               : v.sub == CDZ_SET ? "java.util.LinkedHashSet"
                                  : "java.util.ArrayList";
    case CDZ_MAP:
    case CDZ_LAZY:
        return "java.util.LinkedHashMap";
    case CDZ_DATE:
        return dates[v.date->type];
    case CDZ_DURATION:
        return "java.time.Duration";
    }
    return "java.lang.Object";
}

static cdz_rc arg_missing(struct cdz_call *call, const char *name)
{
    return cdz_call_fail(call, "The '%s' filter or function expects an argument '%s'.", call->name,
                         name);
}

static cdz_rc arg_wrong(struct cdz_call *call, int i, const char *name, const char *wanted)
{
    return cdz_call_fail(call, "'%s' expects its argument '%s' to be %s. Actual type was: %s",
                         call->name, name, wanted, cdz_java_class(call->args[i]));
}

cdz_rc cdz_arg_text_or(struct cdz_call *call, int i, const char *name, cdz_str fallback,
                       cdz_str *ret)
{
    cdz_val v = call->args[i];
    if (cdz_val_is_null(v))
        *ret = fallback;
    else if (cdz_is_text(v))
        *ret = cdz_text_of(v);
    else
        return arg_wrong(call, i, name, "text");
    return CDZ_OK;
}

cdz_rc cdz_arg_text(struct cdz_call *call, int i, const char *name, cdz_str *ret)
{
    if (cdz_val_is_null(call->args[i]))
        return arg_missing(call, name);
    return cdz_arg_text_or(call, i, name, CDZ_STR(""), ret);
}

cdz_rc cdz_arg_int_or(struct cdz_call *call, int i, const char *name, int64_t fallback,
                      int64_t *ret)
{
    cdz_val v = call->args[i];
    if (cdz_val_is_null(v))
        *ret = fallback;
    else if (v.kind == CDZ_INT)
        *ret = v.i;
    else
        return arg_wrong(call, i, name, "an integer");
    return CDZ_OK;
}

cdz_rc cdz_arg_int(struct cdz_call *call, int i, const char *name, int64_t *ret)
{
    if (cdz_val_is_null(call->args[i]))
        return arg_missing(call, name);
    return cdz_arg_int_or(call, i, name, 0, ret);
}

cdz_rc cdz_arg_bool_or(struct cdz_call *call, int i, const char *name, bool fallback, bool *ret)
{
    cdz_val v = call->args[i];
    if (cdz_val_is_null(v))
        *ret = fallback;
    else if (v.kind == CDZ_BOOL)
        *ret = v.b;
    else
        return arg_wrong(call, i, name, "a boolean");
    return CDZ_OK;
}

cdz_rc cdz_input_text(struct cdz_call *call, cdz_str *ret)
{
    if (!cdz_is_text(call->input))
        return cdz_call_fail(call, "'%s' filter can only be applied to String. Actual type was: %s",
                             call->name, cdz_java_class(call->input));
    *ret = cdz_text_of(call->input);
    return CDZ_OK;
}

cdz_rc cdz_call_wrap(struct cdz_call *call, cdz_rc rc)
{
    /* limits stay limits: `??` and friends must not see them as something else */
    if (rc == CDZ_E_INVALID)
        call->err->rc = rc = CDZ_E_EXPRESSION;
    return rc;
}

size_t cdz_utf16_n(cdz_str s)
{
    size_t n = 0;
    for (size_t at = 0; at < s.n;)
        n += cdz_utf8_next(s, &at) >= 0x10000 ? 2 : 1;
    return n;
}

size_t cdz_utf16_at(cdz_str s, size_t index)
{
    size_t at = 0, n = 0;
    while (at < s.n && n < index) {
        size_t next = at;
        n += cdz_utf8_next(s, &next) >= 0x10000 ? 2 : 1;
        if (n > index) /* the middle of a pair: stay before it */
            break;
        at = next;
    }
    return at;
}
