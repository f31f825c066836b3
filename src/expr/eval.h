/*
 * eval.h -- the running evaluation of one template, shared by eval.c (statements), eval_expr.c
 * (expressions), call.c (calls), operators.c and access.c. Internal to src/expr.
 *
 * Errors: everything below writes into eval.err (a scratch record; `??`, `default` and `is defined`
 * throw it away) and the entry points of eval.c copy it out on failure. eval_fail adds the place.
 *
 * Bounds (limits.h): every node evaluated and every item looped over is a step; frames of the C
 * stack are counted in `depth`; bytes taken from the arena and the nodes of a made value are
 * limited too, so that neither doubling texts nor lists of lists of the same list can exhaust
 * memory, time or the stack of whoever prints them.
 */
#ifndef CDZ_EXPR_EVAL_H
#define CDZ_EXPR_EVAL_H

#include "expr/ast.h"
#include "expr/lib.h"

enum {
    EVAL_FRAMES_MAX = 4 * CDZ_EXPR_DEPTH_MAX, /* about 1 kB of C stack each */
    EVAL_RENDER_ROUNDS_MAX = 100,             /* recursive rendering until nothing changes */
    EVAL_VALUE_NODES_MAX = 4 * 1000 * 1000,   /* of one value made by an expression */
    EVAL_OWN_LISTS = 8,
};
/* cdz_val.sub of a map literal whose keys are numbers: it may be subscripted by numbers. */
enum { MAP_OF_NUMBERS = 1 };
#define EVAL_ARENA_BYTES_MAX ((size_t)16 * CDZ_EXPR_OUTPUT_MAX)

/* Variables of {% set %}, {% for %} and macro arguments. */
struct scope {
    struct scope *up;
    bool is_local; /* of a macro: nothing outside is visible */
    cdz_val vars;  /* a map; null until the first variable */
};

struct eval {
    const struct cdz_template *tpl;
    struct cdz_env *env;
    struct cdz_arena *arena;
    struct eval *outer; /* the evaluation whose render() this is, or NULL */
    struct scope *scope;
    unsigned depth;      /* frames, those of outer evaluations included */
    unsigned call_depth; /* macros and blocks running */
    size_t arena_start;  /* cdz_arena_used when the outermost evaluation began */
    size_t message_n;    /* bytes of err.text that are the message without its place */
    /* Lists made here most recently: `l + x` may grow these in place, as the original does with
     * every list. */
    struct cdz_list *own[EVAL_OWN_LISTS];
    struct cdz_err err;
};

#define eval_fail(e, line, ...)                                                                    \
    expr_fail_at(&(e)->err, (e)->tpl->source, (line), &(e)->message_n, __VA_ARGS__)
/* CDZ_E_UNDEFINED for name. */
cdz_rc eval_undefined(struct eval *e, uint32_t line, cdz_str name);
/* The last failure, quoted by an operator: "what: inner message (place)". Failures that are not
 * about the expression itself (limits, the world) stay as they are. */
cdz_rc eval_wrap(struct eval *e, uint32_t line, cdz_rc rc, const char *what);
/* The last failure's message without place. */
cdz_str eval_message(const struct eval *e);

/* Counts n steps; CDZ_E_LIMIT when there are no more, or when the arena has grown too much. */
CDZ_MUST_USE cdz_rc eval_step(struct eval *e, unsigned n);
/* A value that is ready for use: lazy ones as maps, templates as text (the top level only). */
cdz_val eval_plain(struct eval *e, cdz_val v);
/* The same at all levels: what filters and printers get. */
CDZ_MUST_USE cdz_rc eval_plain_deep(struct eval *e, cdz_val *v);
/*
 * Refuses a value too deep or too large to be walked later, and one that contains `inside` (may be
 * NULL), which would make a cycle; *ret_holds tells of the latter.
 */
CDZ_MUST_USE cdz_rc eval_check_value(struct eval *e, cdz_val v, const struct cdz_list *inside,
                                     bool *ret_holds);
void eval_own_list(struct eval *e, cdz_val list);
bool eval_owns_list(const struct eval *e, cdz_val list);

/* --- eval.c --- */
enum eval_mode {
    EVAL_TEXT,
    EVAL_TYPED,
};
/*
 * Renders tpl once, on behalf of outer (NULL: of the caller of the public functions).
 * TEXT: *ret is a text. TYPED: see cdz_template_eval. Raw sections keep their tags.
 */
CDZ_MUST_USE cdz_rc eval_template(const struct cdz_template *tpl, struct cdz_env *env,
                                  struct eval *outer, enum eval_mode mode, struct cdz_arena *arena,
                                  cdz_val *ret, struct cdz_err *err);
/*
 * All of what rendering a text means: once or until stable, raw tags removed at the end. tpl is the
 * compiled form of text, or NULL.
 */
CDZ_MUST_USE cdz_rc eval_text(cdz_str text, const struct cdz_template *tpl, struct cdz_env *env,
                              struct eval *outer, enum eval_mode mode, bool recursive,
                              struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err);
/* Renders every text inside v, keys of maps too. */
CDZ_MUST_USE cdz_rc eval_render_value(cdz_val v, struct cdz_env *env, struct eval *outer,
                                      bool recursive, struct cdz_arena *arena, cdz_val *ret,
                                      struct cdz_err *err);
/* Renders a body to text in the arena: macros, block(), {% filter %}. */
CDZ_MUST_USE cdz_rc eval_capture(struct eval *e, const struct body *body, cdz_val *ret);

bool eval_lookup(struct eval *e, cdz_str name, cdz_val *ret);
void eval_scope_open(struct eval *e, struct scope *scope, bool is_local);
void eval_scope_close(struct eval *e);
/* Sets name in the innermost scope. */
void eval_scope_put(struct eval *e, cdz_str name, cdz_val v);

/* --- eval_expr.c --- */
CDZ_MUST_USE cdz_rc eval_expr(struct eval *e, const struct node *n, cdz_val *ret);
/* Truth of a condition, `not`, `and`, `or`: booleans, numbers, texts; false for other kinds (then
 * no truth exists). */
bool eval_truth(cdz_val v, bool *ret);

/* --- call.c --- */
CDZ_MUST_USE cdz_rc eval_call(struct eval *e, const struct node *n, cdz_val *ret);
/* Binds the arguments of n to row's names and calls it on input. */
CDZ_MUST_USE cdz_rc eval_callable(struct eval *e, const struct node *n,
                                  const struct cdz_callable *row, cdz_val input, cdz_val *ret);
/* Calls row with positional values. */
CDZ_MUST_USE cdz_rc eval_call_row(struct eval *e, uint32_t line, const struct cdz_callable *row,
                                  cdz_val input, const cdz_val *args, size_t n, cdz_val *ret);

/* --- operators.c: both sides are plain values --- */
CDZ_MUST_USE cdz_rc eval_arithmetic(struct eval *e, uint32_t line, enum op op, cdz_val a, cdz_val b,
                                    cdz_val *ret);
CDZ_MUST_USE cdz_rc eval_compare(struct eval *e, uint32_t line, enum op op, cdz_val a, cdz_val b,
                                 bool *ret);
CDZ_MUST_USE cdz_rc eval_contains(struct eval *e, uint32_t line, cdz_val a, cdz_val b, bool *ret);
CDZ_MUST_USE cdz_rc eval_concat(struct eval *e, cdz_val a, cdz_val b, cdz_val *ret);
/* `==`: numbers by value, else Java equals(). */
bool eval_equals(struct eval *e, cdz_val a, cdz_val b);
bool eval_is_number(cdz_val v);

/* --- access.c --- */
/* obj.key or obj[key]. */
CDZ_MUST_USE cdz_rc eval_attribute(struct eval *e, const struct node *n, cdz_val obj, cdz_val key,
                                   cdz_val *ret);
/* obj.name(args) (methods.c). *ret_found false: there is no such method. */
CDZ_MUST_USE cdz_rc eval_method(struct eval *e, uint32_t line, cdz_val obj, cdz_str name,
                                const cdz_val *args, size_t n, bool *ret_found, cdz_val *ret);

/* --- print.c --- */
/* v as Java's String.valueOf, in the arena; a text is returned as it is. */
CDZ_MUST_USE cdz_rc eval_java_text(struct eval *e, cdz_val v, cdz_str *ret);

#endif
