/*
 * registry.h -- how filters, functions and tests are described to the evaluator. Internal to
 * src/expr.
 *
 * A filter, function or test is one row in a table of its file (text.c, list.c, number.c, date.c,
 * data.c ...); registry.c looks through the tables, once per use in a template, when that is
 * compiled.
 */
#ifndef CDZ_EXPR_REGISTRY_H
#define CDZ_EXPR_REGISTRY_H

#include "expr/expr.h"

enum { CDZ_EXPR_ARGS_MAX = 8 };

/* One call: positional and named arguments are already bound to the names of the row. */
struct cdz_call {
    struct cdz_env *env;
    struct cdz_arena *arena;
    const char *name;                /* the row's name, for messages */
    cdz_val input;                   /* filters and tests: the value on the left */
    cdz_val args[CDZ_EXPR_ARGS_MAX]; /* by position of the row's args; null when not given */
    bool given[CDZ_EXPR_ARGS_MAX];   /* whether it was given at all */
    const cdz_val *rest;             /* variadic rows (max, min): all positional arguments */
    size_t rest_count;
    struct cdz_err *err;
    void *eval; /* the running evaluator, for render(): see eval.h */
};

/* CDZ_E_EXPRESSION messages are given without place: the evaluator adds " (template:line)". */
typedef cdz_rc cdz_call_fn(struct cdz_call *call, cdz_val *ret);

struct cdz_callable {
    const char *name;
    const char *args[CDZ_EXPR_ARGS_MAX + 1]; /* names in order, NULL-terminated */
    cdz_call_fn *fn;
    bool variadic;
};

/* NULL when there is none. */
const struct cdz_callable *cdz_find_filter(cdz_str name);
const struct cdz_callable *cdz_find_function(cdz_str name);
const struct cdz_callable *cdz_find_test(cdz_str name);

/* The tables; each ends with a row whose name is NULL. */
extern const struct cdz_callable
    cdz_text_filters[]; /* text.c: case, trim, abbreviate, replace, indent, url ... */
extern const struct cdz_callable
    cdz_list_filters[]; /* list.c: first, last, join, sort, chunk, merge, keys ... */
extern const struct cdz_callable
    cdz_number_filters[]; /* number.c: abs, number, numberFormat, className */
extern const struct cdz_callable cdz_date_filters[]; /* date.c: date, dateAdd, timestamp* */
extern const struct cdz_callable
    cdz_data_filters[]; /* data.c: json, toJson, toIon, yaml, jq, base64*, md5, sha* */
extern const struct cdz_callable cdz_list_functions[]; /* list.c: max, min, range */
extern const struct cdz_callable cdz_date_functions[]; /* date.c: now */
extern const struct cdz_callable
    cdz_data_functions[]; /* data.c: json, fromJson, yaml, fromIon, encrypt, decrypt */
extern const struct cdz_callable
    cdz_world_functions[]; /* world.c: read, fileURI, fileSize, kv, secret, errorLogs */
extern const struct cdz_callable
    cdz_core_tests[]; /* tests.c: defined, null, empty, even, odd, iterable, map, json */

#endif
