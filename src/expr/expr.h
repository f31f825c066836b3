/*
 * expr.h -- the expression language: compile a text with {{ }} and {% %} once, render it many
 * times.
 *
 * Semantics: reference/expressions.md (Pebble 3.2.2 as the original configures it). Pure: no clock,
 * no file, no environment; all of that is asked of the cdz_world that the caller passes. Compiled
 * templates are immutable and may be rendered by several threads at once; a cdz_env belongs to one
 * thread.
 *
 * Errors: CDZ_E_EXPRESSION "message (template:line)", CDZ_E_UNDEFINED "Unable to find `name` used
 * in the expression `template` at line n", CDZ_E_LIMIT beyond limits.h; others come from the world
 * and pass through.
 */
#ifndef CDZ_EXPR_EXPR_H
#define CDZ_EXPR_EXPR_H

#include "base/buf.h"
#include "base/val.h"

struct cdz_template;

/* What an expression may ask of the world; the answers of the executor are recorded with the event.
 */
enum cdz_world_call {
    CDZ_WORLD_NOW,        /* () -> CDZ_INSTANT date */
    CDZ_WORLD_READ,       /* (path) -> text */
    CDZ_WORLD_FILE_SIZE,  /* (path) -> int */
    CDZ_WORLD_KV,         /* (key, namespace or null, error_on_missing bool) -> value or null */
    CDZ_WORLD_SECRET,     /* (key) -> text or null */
    CDZ_WORLD_ERROR_LOGS, /* () -> list of maps */
    CDZ_WORLD_RANDOM,     /* () -> int, 64 random bits: for encrypt()'s IV */
};

struct cdz_env {
    /* The value of a root name ("outputs", "inputs" ...). False: there is none. */
    bool (*lookup)(struct cdz_env *env, cdz_str name, struct cdz_arena *arena, cdz_val *ret);
    /* All root names and values as one map, for printContext(). May be NULL: an empty map. */
    cdz_val (*all)(struct cdz_env *env, struct cdz_arena *arena);
    /* May be NULL: the functions that need it fail with "not available here". */
    cdz_rc (*world)(struct cdz_env *env, enum cdz_world_call call, const cdz_val *args, size_t n,
                    struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err);
    const void *world_ctx;             /* of world: the caller's own */
    cdz_str zone;                      /* the server's time zone, "Europe/Paris"; empty: UTC */
    bool recursive;                    /* kestra.variables.recursive-rendering */
    unsigned steps_left, render_depth; /* set to 0 by the caller; kept by the evaluator */
};

/* An env whose root names are the keys of a map value; the base of most callers and of all tests.
 */
struct cdz_map_env {
    struct cdz_env env; /* first */
    cdz_val vars;
};
void cdz_map_env_init(struct cdz_map_env *ret, cdz_val vars);

/*
 * Compiles text. The template lives in the arena and keeps its own copy of text.
 * A text without '{' compiles to a constant.
 */
CDZ_MUST_USE cdz_rc cdz_template_compile(cdz_str text, struct cdz_arena *arena,
                                         const struct cdz_template **ret, struct cdz_err *err);
/* True if rendering gives the source unchanged (nothing to evaluate). */
bool cdz_template_is_constant(const struct cdz_template *tpl);

/* Renders to text in the arena. */
CDZ_MUST_USE cdz_rc cdz_template_render(const struct cdz_template *tpl, struct cdz_env *env,
                                        struct cdz_arena *arena, cdz_str *ret, struct cdz_err *err);
/* Typed rendering: a single print gives the value itself; see reference §5 for several. Nothing
 * printed: null. */
CDZ_MUST_USE cdz_rc cdz_template_eval(const struct cdz_template *tpl, struct cdz_env *env,
                                      struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err);
/* Compiles and renders at once, for texts that are seen once. */
CDZ_MUST_USE cdz_rc cdz_expr_render(cdz_str text, struct cdz_env *env, struct cdz_arena *arena,
                                    cdz_str *ret, struct cdz_err *err);
CDZ_MUST_USE cdz_rc cdz_expr_eval(cdz_str text, struct cdz_env *env, struct cdz_arena *arena,
                                  cdz_val *ret, struct cdz_err *err);

/*
 * Replaces every text in v that holds expressions by a CDZ_TEMPLATE value, keys of maps excepted
 * (rendered when cdz_val_render meets a key with '{'). One error per text that does not compile is
 * reported through on_error, and the text stays.
 */
cdz_val cdz_val_compile(cdz_val v, struct cdz_arena *arena,
                        void (*on_error)(void *ctx, const cdz_val *at, const struct cdz_err *err),
                        void *ctx);
/* Renders templates and texts with expressions in v, recursively; other scalars untouched; order
 * kept. */
CDZ_MUST_USE cdz_rc cdz_val_render(cdz_val v, struct cdz_env *env, struct cdz_arena *arena,
                                   cdz_val *ret, struct cdz_err *err);

/*
 * Static references of a template, to ship or look up only what it can read. Called once per
 * reference: path[0] is the root name; path[1..n) are the constant attribute names that follow it.
 * `rest` tells what stops the path: nothing, a subscript by taskrun.value /
 * parent(s).taskrun.value, or something that cannot be known. root "*" means: may read anything
 * (render(), printContext(), currentEachOutput of a variable ...).
 */
enum cdz_ref_rest { CDZ_REF_END, CDZ_REF_BY_VALUE, CDZ_REF_DYNAMIC };
typedef void cdz_ref_fn(void *ctx, const cdz_str *path, size_t n, enum cdz_ref_rest rest);
void cdz_template_refs(const struct cdz_template *tpl, cdz_ref_fn *fn, void *ctx);
/* The same over every template inside v. Plain texts hold none. */
void cdz_val_refs(cdz_val v, cdz_ref_fn *fn, void *ctx);

/* Appends v as a print statement would: text as is, null nothing, lists and maps as compact JSON,
 * dates as ISO. */
void cdz_expr_print(struct cdz_buf *to, cdz_val v);
/* The truth of a rendered text everywhere in flows: false iff empty, "0", "-0" or "false" (exact).
 */
bool cdz_truthy(cdz_str rendered);

#endif
