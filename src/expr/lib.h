/*
 * lib.h -- what the filters and functions of the library share: their arguments as C values, and
 * Java's view of a value (its text, its class name), which many messages and a few results need.
 * Internal to src/expr.
 *
 * A row's function reads its arguments with the cdz_arg_* functions, fails with cdz_call_fail, and
 * writes *ret only on success. Results live in call->arena or are borrowed from the arguments,
 * which live as long.
 */
#ifndef CDZ_EXPR_LIB_H
#define CDZ_EXPR_LIB_H

#include "base/limits.h"
#include "expr/registry.h"

/* A failure of the expression itself; the evaluator adds the place. */
#define cdz_call_fail(call, ...) cdz_fail((call)->err, CDZ_E_EXPRESSION, __VA_ARGS__)

/* v as plain data: a template is its source text, a lazy value the map it stands for. */
cdz_val cdz_plain(struct cdz_arena *arena, cdz_val v);
static inline bool cdz_is_text(cdz_val v)
{
    return v.kind == CDZ_TEXT || v.kind == CDZ_TEMPLATE;
}
/* The text of a text or template value. */
cdz_str cdz_text_of(cdz_val v);

/* String.valueOf(v): "[a, b]", "{k=v}", "1.0", "null". Depth beyond CDZ_JSON_DEPTH_MAX prints as
 * "...". */
void cdz_java_print(struct cdz_buf *to, cdz_val v);
cdz_str cdz_java_text(struct cdz_arena *arena, cdz_val v);
/* v.getClass().getName(): "java.lang.String". "null" for null. */
const char *cdz_java_class(cdz_val v);

/*
 * The argument at position i, called `name` in the message. Absent (or null) is an error for the
 * plain forms and `fallback` for the _or forms; another type is an error for both.
 */
CDZ_MUST_USE cdz_rc cdz_arg_text(struct cdz_call *call, int i, const char *name, cdz_str *ret);
CDZ_MUST_USE cdz_rc cdz_arg_text_or(struct cdz_call *call, int i, const char *name,
                                    cdz_str fallback, cdz_str *ret);
CDZ_MUST_USE cdz_rc cdz_arg_int(struct cdz_call *call, int i, const char *name, int64_t *ret);
CDZ_MUST_USE cdz_rc cdz_arg_int_or(struct cdz_call *call, int i, const char *name, int64_t fallback,
                                   int64_t *ret);
CDZ_MUST_USE cdz_rc cdz_arg_bool_or(struct cdz_call *call, int i, const char *name, bool fallback,
                                    bool *ret);
/* call->input as text; another type is an error that names the class. */
CDZ_MUST_USE cdz_rc cdz_input_text(struct cdz_call *call, cdz_str *ret);
/* As cdz_fail, for an error of a lower layer (regex, yaml ...) that becomes one of the expression.
 */
cdz_rc cdz_call_wrap(struct cdz_call *call, cdz_rc rc);

/* Texts count in UTF-16 units, as Java's do: the number of them, and the byte offset of one
 * (clamped to the end). */
size_t cdz_utf16_n(cdz_str s);
size_t cdz_utf16_at(cdz_str s, size_t index);

#endif
