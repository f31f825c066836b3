/*
 * parser.c -- the tags of a template: text, print, if, for, set, macro, block, filter. Expressions
 * are parser_expr.c.
 *
 * Recursive descent over the tokens of lexer.c. Macros and blocks belong to the whole template
 * wherever they stand: they are collected beside the tree, so that a macro can be called before its
 * definition.
 */
#include "expr/parser.h"

const char *parse_token_name(uint8_t kind)
{
    static const char *const names[] = {
        [T_TEXT] = "TEXT",
        [T_PRINT_START] = "PRINT_START",
        [T_PRINT_END] = "PRINT_END",
        [T_EXECUTE_START] = "EXECUTE_START",
        [T_EXECUTE_END] = "EXECUTE_END",
        [T_NAME] = "NAME",
        [T_OPERATOR] = "OPERATOR",
        [T_PUNCTUATION] = "PUNCTUATION",
        [T_STRING] = "STRING",
        [T_NUMBER] = "NUMBER",
        [T_LONG] = "LONG",
        [T_INTERPOLATION_START] = "STRING_INTERPOLATION_START",
        [T_INTERPOLATION_END] = "STRING_INTERPOLATION_END",
        [T_EOF] = "EOF",
    };
    return names[kind];
}

void parse_next(struct parser *p)
{
    if (p->t->kind != T_EOF)
        p->t++;
}

bool parse_at(const struct parser *p, enum token_kind kind, const char *text)
{
    return p->t->kind == kind && (!text || cdz_str_is(p->t->text, text));
}

cdz_rc parse_expect(struct parser *p, enum token_kind kind, const char *text)
{
    if (!parse_at(p, kind, text)) {
        cdz_str got = p->t->text.p ? cdz_str_sub(p->t->text, 0, 80) : CDZ_STR("null");
        return parse_fail(
            p, p->t->line,
            "Unexpected token of value \"%.*s\" and type %s, expected token of type %s", CDZ_S(got),
            parse_token_name(p->t->kind), parse_token_name(kind));
    }
    parse_next(p);
    return CDZ_OK;
}

cdz_rc parse_enter(struct parser *p)
{
    if (++p->depth > CDZ_EXPR_DEPTH_MAX)
        return cdz_fail(p->err, CDZ_E_LIMIT, "expression nested more than %u levels deep",
                        CDZ_EXPR_DEPTH_MAX);
    return CDZ_OK;
}

struct node *parse_node(struct parser *p, enum node_kind kind, uint32_t line)
{
    struct node *n = CDZ_NEW(p->arena, struct node);
    n->kind = (uint8_t)kind;
    n->line = line;
    return n;
}

/* --- tags --- */

/* Statements up to one of the tags in `until` (a list that ends with NULL), whose name is then the
 * current token. */
static cdz_rc parse_body(struct parser *p, const char *const *until, struct body **ret);

/* The name of a closing tag and its %}. */
static cdz_rc expect_end(struct parser *p, const char *tag)
{
    if (p->t->kind == T_EOF)
        return parse_fail(p, p->t->line,
                          "Unexpected end of template. Pebble was looking for the \"%s\" tag", tag);
    CDZ_TRY(parse_expect(p, T_NAME, tag));
    return parse_expect(p, T_EXECUTE_END, NULL);
}

static cdz_rc parse_if(struct parser *p, struct stmt *s)
{
    static const char *const fork[] = {"elseif", "else", "endif", NULL}, *const end[] = {"endif",
                                                                                         NULL};
    CDZ_VEC(struct branch) branches = {0};
    bool is_else = false;
    s->kind = S_IF;
    do {
        struct branch b = {0};
        parse_next(p); /* if, elseif or else */
        if (!is_else)
            CDZ_TRY(parse_expression(p, &b.cond));
        CDZ_TRY(parse_expect(p, T_EXECUTE_END, NULL));
        CDZ_TRY(parse_body(p, is_else ? end : fork, &b.body));
        CDZ_PUSH(p->arena, &branches, b);
        is_else = parse_at(p, T_NAME, "else");
    } while (is_else || parse_at(p, T_NAME, "elseif"));
    s->branches = branches.v;
    s->branch_n = branches.n;
    return expect_end(p, "endif");
}

static cdz_rc parse_for(struct parser *p, struct stmt *s)
{
    static const char *const fork[] = {"else", "endfor", NULL}, *const end[] = {"endfor", NULL};
    s->kind = S_FOR;
    parse_next(p);
    CDZ_TRY(parse_new_name(p, &s->text));
    CDZ_TRY(parse_expect(p, T_NAME, "in"));
    CDZ_TRY(parse_expression(p, &s->expr));
    CDZ_TRY(parse_expect(p, T_EXECUTE_END, NULL));
    CDZ_TRY(parse_body(p, fork, &s->body));
    if (parse_at(p, T_NAME, "else")) {
        parse_next(p);
        CDZ_TRY(parse_expect(p, T_EXECUTE_END, NULL));
        CDZ_TRY(parse_body(p, end, &s->other));
    }
    return expect_end(p, "endfor");
}

static cdz_rc parse_set(struct parser *p, struct stmt *s)
{
    s->kind = S_SET;
    parse_next(p);
    CDZ_TRY(parse_new_name(p, &s->text));
    CDZ_TRY(parse_expect(p, T_PUNCTUATION, "="));
    CDZ_TRY(parse_expression(p, &s->expr));
    return parse_expect(p, T_EXECUTE_END, NULL);
}

static cdz_rc parse_macro(struct parser *p)
{
    static const char *const end[] = {"endmacro", NULL};
    struct macro m = {0};
    parse_next(p);
    m.name = p->t->text;
    CDZ_TRY(parse_expect(p, T_NAME, NULL));
    CDZ_TRY(parse_args(p, true, &m.params));
    CDZ_TRY(parse_expect(p, T_EXECUTE_END, NULL));
    CDZ_TRY(parse_body(p, end, &m.body));
    for (size_t i = 0; i < p->macros.n; i++) {
        if (cdz_str_eq(p->macros.v[i].name, m.name))
            return parse_fail(p, p->t->line,
                              "More than one macro can not share the same name: %.*s",
                              CDZ_S(m.name));
    }
    CDZ_PUSH(p->arena, &p->macros, m);
    return expect_end(p, "endmacro");
}

static cdz_rc parse_block(struct parser *p, struct stmt *s)
{
    static const char *const end[] = {"endblock", NULL};
    struct block *b = CDZ_NEW(p->arena, struct block);
    uint32_t line = p->t->line;
    s->kind = S_BLOCK;
    s->block = b;
    parse_next(p);
    b->name = p->t->text;
    CDZ_TRY(parse_expect(p, p->t->kind == T_STRING ? T_STRING : T_NAME, NULL));
    CDZ_TRY(parse_expect(p, T_EXECUTE_END, NULL));
    CDZ_TRY(parse_body(p, end, &b->body));
    if (!parse_at(p, T_NAME, "endblock"))
        return parse_fail(p, line,
                          "endblock tag should be present with block tag starting line number ");
    parse_next(p);
    if ((p->t->kind == T_NAME || p->t->kind == T_STRING) && cdz_str_eq(p->t->text, b->name))
        parse_next(p);
    CDZ_PUSH(p->arena, &p->blocks, b);
    return parse_expect(p, T_EXECUTE_END, NULL);
}

/* {% filter f | g %}body{% endfilter %} prints body | f | g. */
static cdz_rc parse_filter(struct parser *p, struct stmt *s)
{
    static const char *const end[] = {"endfilter", NULL};
    struct node *capture = parse_node(p, N_CAPTURE, p->t->line), *top = capture;
    do {
        struct node *filter;
        parse_next(p); /* filter or | */
        CDZ_TRY(parse_filter_call(p, &filter));
        filter->left = top;
        top = filter;
    } while (parse_at(p, T_OPERATOR, "|"));
    s->kind = S_PRINT;
    s->expr = top;
    CDZ_TRY(parse_expect(p, T_EXECUTE_END, NULL));
    CDZ_TRY(parse_body(p, end, &capture->body));
    return expect_end(p, "endfilter");
}

/* The current token is the tag's name. *ret_empty: the tag leaves nothing to render. */
static cdz_rc parse_tag(struct parser *p, struct stmt *s, bool *ret_empty)
{
    cdz_str tag = p->t->text;
    if (cdz_str_is(tag, "if"))
        return parse_if(p, s);
    if (cdz_str_is(tag, "for"))
        return parse_for(p, s);
    if (cdz_str_is(tag, "set"))
        return parse_set(p, s);
    if (cdz_str_is(tag, "block"))
        return parse_block(p, s);
    if (cdz_str_is(tag, "filter"))
        return parse_filter(p, s);
    if (cdz_str_is(tag, "macro")) {
        *ret_empty = true;
        return parse_macro(p);
    }
    return parse_fail(p, p->t->line, "Unexpected tag name \"%.*s\"",
                      CDZ_S(cdz_str_sub(tag, 0, 80)));
}

static bool is_one_of(const struct parser *p, const char *const *names)
{
    for (; names && *names; names++) {
        if (parse_at(p, T_NAME, *names))
            return true;
    }
    return false;
}

static cdz_rc parse_body(struct parser *p, const char *const *until, struct body **ret)
{
    CDZ_VEC(struct stmt) out = {0};
    CDZ_TRY(parse_enter(p));
    while (p->t->kind != T_EOF) {
        struct stmt s = {.line = p->t->line};
        bool empty = false;
        if (p->t->kind == T_TEXT) {
            s.kind = S_TEXT;
            s.text = p->t->text;
            parse_next(p);
        } else if (p->t->kind == T_PRINT_START) {
            parse_next(p);
            s.kind = S_PRINT;
            CDZ_TRY(parse_expression(p, &s.expr));
            CDZ_TRY(parse_expect(p, T_PRINT_END, NULL));
        } else { /* nothing else can begin a statement, see lexer.c */
            CDZ_TRY(parse_expect(p, T_EXECUTE_START, NULL));
            if (p->t->kind != T_NAME)
                return parse_fail(p, p->t->line, "A block must start with a tag name.");
            if (is_one_of(p, until))
                break;
            CDZ_TRY(parse_tag(p, &s, &empty));
        }
        if (!empty)
            CDZ_PUSH(p->arena, &out, s);
    }
    p->depth--;
    *ret = CDZ_NEW(p->arena, struct body);
    **ret = (struct body){out.v, out.n};
    return CDZ_OK;
}

cdz_rc expr_parse(cdz_str source, struct cdz_arena *arena, struct cdz_template *ret,
                  struct cdz_err *err)
{
    struct tokens tokens;
    CDZ_TRY(expr_lex(source, arena, &tokens, err));
    struct parser p = {.source = source, .t = tokens.v, .arena = arena, .err = err};
    struct body *root;
    CDZ_TRY(parse_body(&p, NULL, &root));
    ret->root = root;
    ret->macros = p.macros.v;
    ret->macro_n = p.macros.n;
    ret->blocks = p.blocks.v;
    ret->block_n = p.blocks.n;
    return CDZ_OK;
}
