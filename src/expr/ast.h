/*
 * ast.h -- a compiled template as a tree. Internal to src/expr.
 *
 * The tree is made by parser.c and parser_expr.c in the arena of the compilation, and nobody
 * changes it afterwards: several threads may evaluate it at once. Names and texts point into the
 * template's own copy of its source.
 *
 * Depth: chains that grow to the left (a.b.c, a + b + c, x | f | g) and to the right (a ? b : c ? d
 * : e) are as long as the source wants, and everybody who walks them does so with a loop; all other
 * nesting is limited by the parser to CDZ_EXPR_DEPTH_MAX levels.
 */
#ifndef CDZ_EXPR_AST_H
#define CDZ_EXPR_AST_H

#include "base/limits.h"
#include "expr/expr.h"
#include "expr/registry.h"

enum node_kind {
    N_CONST,   /* val */
    N_VAR,     /* name */
    N_ATTR,    /* left . key or left [key]; args when it is a method call */
    N_CALL,    /* name (args): a function or a macro */
    N_FILTER,  /* left | name (args) */
    N_TEST,    /* left is name (args); flag: `is not` */
    N_BINARY,  /* left op right */
    N_UNARY,   /* op left */
    N_COND,    /* left ? then : other */
    N_LIST,    /* list of items */
    N_MAP,     /* list of keys and values in turn */
    N_CAPTURE, /* body, rendered to text: what {% filter %} works on */
};

/* Operators, in the order of the table in operators.c. */
enum op {
    OP_OR,
    OP_AND,
    OP_IS,
    OP_IS_NOT,
    OP_CONTAINS,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_GT,
    OP_LE,
    OP_GE,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_FILTER,
    OP_CONCAT,
    OP_RANGE,
    OP_COALESCE,
    OP_COALESCE_UNDEFINED,
    OP_NOT,
    OP_COUNT
};

/* Functions and filters that the evaluator does itself, because they need more than their values.
 */
enum special {
    SPECIAL_NONE,
    SPECIAL_DEFAULT, /* filter: swallows unknown names on its left */
    SPECIAL_DEFINED, /* test: the same */
    SPECIAL_RENDER,
    SPECIAL_RENDER_ONCE,
    SPECIAL_BLOCK,
    SPECIAL_PARENT,
    SPECIAL_PRINT_CONTEXT,
    SPECIAL_FETCH_CONTEXT,
    SPECIAL_EACH_OUTPUT,
};

struct named_arg {
    cdz_str name;
    struct node *val; /* NULL: a macro's parameter without default */
};

struct args {
    uint32_t line;
    struct node **pos;
    size_t pos_n;
    struct named_arg *named;
    size_t named_n;
};

struct node {
    uint8_t kind, op, special;
    bool flag;
    uint32_t line;
    struct node *left;
    union {
        cdz_val val;
        cdz_str name;
        struct {
            struct node *key;
            struct args *args;
        } attr;
        struct {
            cdz_str name;
            const struct cdz_callable *row; /* NULL: none of that name (an error when evaluated) */
            struct args *args;
        } call;
        struct node *right;
        struct {
            struct node *then, *other;
        } cond;
        struct {
            struct node **v;
            size_t n;
        } list;
        struct body *body;
    };
};

enum stmt_kind {
    S_TEXT,  /* text */
    S_PRINT, /* expr */
    S_IF,    /* branches; a branch without condition is the else */
    S_FOR,   /* name in expr: body, other */
    S_SET,   /* name = expr */
    S_BLOCK, /* block */
};

struct branch {
    struct node *cond;
    struct body *body;
};

struct stmt {
    uint8_t kind;
    uint32_t line;
    cdz_str text; /* TEXT: the text; FOR, SET: the name */
    struct node *expr;
    union {
        struct body *body;
        const struct block *block;
        struct branch *branches;
    };
    struct body *other; /* FOR: else */
    size_t branch_n;
};

struct body {
    struct stmt *v;
    size_t n;
};

struct macro {
    cdz_str name;
    struct args *params;
    struct body *body;
};

struct block {
    cdz_str name;
    struct body *body;
};

struct cdz_template {
    cdz_str source; /* first: cdz_template_source() in base/val.h reads it there */
    bool constant;
    struct body *root;
    struct macro *macros;
    size_t macro_n;
    const struct block **blocks; /* the last of a name wins */
    size_t block_n;
};

static inline bool node_has_left(const struct node *n)
{
    return n->kind == N_ATTR || n->kind == N_FILTER || n->kind == N_TEST || n->kind == N_BINARY;
}

/*
 * Fails with "message (template:line)". *ret_message (may be NULL) gets the bytes of the message
 * alone, for an outer operator that quotes it. A template too long for the error text is cut.
 */
cdz_rc expr_fail_at(struct cdz_err *err, cdz_str source, uint32_t line, size_t *ret_message,
                    const char *fmt, ...) CDZ_PRINTF(5, 6);

/* Parses source, which must outlive the result (parser.c). */
CDZ_MUST_USE cdz_rc expr_parse(cdz_str source, struct cdz_arena *arena, struct cdz_template *ret,
                               struct cdz_err *err);

#endif
