/*
 * lexer.h -- template text to tokens. Internal to src/expr.
 *
 * Outside of delimiters there is one TEXT token per stretch; inside, the tokens of expressions.
 * Comments vanish,
 * {% verbatim %} becomes TEXT, and so does a one-line {% raw %} section with its tags: those are
 * cut out of the rendered text at the very end (template.c), so that repeated rendering leaves
 * their content alone.
 */
#ifndef CDZ_EXPR_LEXER_H
#define CDZ_EXPR_LEXER_H

#include "expr/ast.h"

enum token_kind {
    T_TEXT,
    T_PRINT_START,
    T_PRINT_END,
    T_EXECUTE_START,
    T_EXECUTE_END,
    T_NAME,
    T_OPERATOR,
    T_PUNCTUATION,
    T_STRING,
    T_NUMBER,
    T_LONG,
    T_INTERPOLATION_START,
    T_INTERPOLATION_END,
    T_EOF,
};

struct token {
    uint8_t kind;
    uint8_t op; /* OPERATOR: enum op */
    uint32_t line;
    cdz_str text; /* STRING: unescaped; other kinds: as written; none: empty with p NULL */
};

struct tokens {
    struct token *v; /* ends with T_EOF */
    size_t n;
};

CDZ_MUST_USE cdz_rc expr_lex(cdz_str source, struct cdz_arena *arena, struct tokens *ret,
                             struct cdz_err *err);

/*
 * Length of the raw section ("{% raw %}...{% endraw %}" within one line) that begins at s[at];
 * *ret_inner gets what stands between the tags. 0: no raw tag there. SIZE_MAX: a raw tag whose end
 * is not in its line.
 */
size_t expr_raw_section(cdz_str s, size_t at, cdz_str *ret_inner);
/* True if s has a "{{", "{%" or "{#". */
bool expr_has_delimiter(cdz_str s);

#endif
