/* parser.h -- what parser.c (tags) and parser_expr.c (expressions) share. Internal to src/expr. */
#ifndef CDZ_EXPR_PARSER_H
#define CDZ_EXPR_PARSER_H

#include "expr/ast.h"
#include "expr/lexer.h"

struct parser {
    cdz_str source;
    const struct token *t; /* the current token; never behind T_EOF */
    unsigned depth;        /* of nested expressions and of nested tags, together */
    struct cdz_arena *arena;
    struct cdz_err *err;
    CDZ_VEC(struct macro) macros;
    CDZ_VEC(const struct block *) blocks;
};

#define parse_fail(p, line, ...) expr_fail_at((p)->err, (p)->source, (line), NULL, __VA_ARGS__)

/* "NAME", "PUNCTUATION" ...: for messages. */
const char *parse_token_name(uint8_t kind);
void parse_next(struct parser *p);
bool parse_at(const struct parser *p, enum token_kind kind, const char *text);
/* Takes a token of that kind (and text, unless NULL), or fails as the original words it. */
CDZ_MUST_USE cdz_rc parse_expect(struct parser *p, enum token_kind kind, const char *text);
CDZ_MUST_USE cdz_rc parse_enter(struct parser *p); /* one level deeper; fails beyond the limit */

/* An expression with all operators, ternary included. */
CDZ_MUST_USE cdz_rc parse_expression(struct parser *p, struct node **ret);
/* `name` or `name(args)` behind a '|'; ret->left stays NULL. */
CDZ_MUST_USE cdz_rc parse_filter_call(struct parser *p, struct node **ret);
/* "(a, b, name=c)"; of a macro's definition: "(a, b=default)". */
CDZ_MUST_USE cdz_rc parse_args(struct parser *p, bool of_macro, struct args **ret);
/* A name that may be assigned to. */
CDZ_MUST_USE cdz_rc parse_new_name(struct parser *p, cdz_str *ret);

struct node *parse_node(struct parser *p, enum node_kind kind, uint32_t line);

#endif
