/*
 * parser_expr.c -- expressions, by precedence climbing: parse_operators(min) takes an operand and
 * then every operator that binds at least as tightly as min. All binary operators group to the
 * left. A ternary is only looked for where an expression starts anew (min 0): at the top, in
 * parentheses, brackets and arguments.
 */
#include "expr/parser.h"

enum { UNARY_PRECEDENCE = 500 };

static int precedence_of(uint8_t op)
{
    static const uint8_t table[OP_COUNT] = {
        [OP_OR] = 10,     [OP_AND] = 15,       [OP_IS] = 20,
        [OP_IS_NOT] = 20, [OP_CONTAINS] = 20,  [OP_EQ] = 30,
        [OP_NE] = 30,     [OP_LT] = 30,        [OP_GT] = 30,
        [OP_LE] = 30,     [OP_GE] = 30,        [OP_ADD] = 40,
        [OP_SUB] = 40,    [OP_MUL] = 60,       [OP_DIV] = 60,
        [OP_MOD] = 60,    [OP_FILTER] = 100,   [OP_CONCAT] = 110,
        [OP_RANGE] = 120, [OP_COALESCE] = 120, [OP_COALESCE_UNDEFINED] = 120,
    };
    return table[op]; /* 0: not a binary operator */
}

static cdz_rc parse_operators(struct parser *p, int min, struct node **ret);

cdz_rc parse_expression(struct parser *p, struct node **ret)
{
    CDZ_TRY(parse_enter(p));
    struct node **slot = ret;
    for (;;) { /* c ? a : d ? b : e nests to the right without nesting the C stack */
        struct node *n;
        CDZ_TRY(parse_operators(p, 0, &n));
        if (!parse_at(p, T_PUNCTUATION, "?")) {
            *slot = n;
            break;
        }
        struct node *cond = parse_node(p, N_COND, p->t->line);
        cond->left = n;
        parse_next(p);
        CDZ_TRY(parse_expression(p, &cond->cond.then));
        CDZ_TRY(parse_expect(p, T_PUNCTUATION, ":"));
        *slot = cond;
        slot = &cond->cond.other;
    }
    p->depth--;
    return CDZ_OK;
}

cdz_rc parse_new_name(struct parser *p, cdz_str *ret)
{
    static const char *const reserved[] = {"true", "false", "null", "none"};
    cdz_str name = p->t->text;
    uint32_t line = p->t->line;
    CDZ_TRY(parse_expect(p, T_NAME, NULL));
    for (size_t i = 0; i < CDZ_COUNT(reserved); i++) {
        if (cdz_str_is(name, reserved[i]))
            return parse_fail(p, line, "Can not assign a value to %s", reserved[i]);
    }
    *ret = name;
    return CDZ_OK;
}

cdz_rc parse_args(struct parser *p, bool of_macro, struct args **ret)
{
    CDZ_VEC(struct node *) pos = {0};
    CDZ_VEC(struct named_arg) named = {0};
    CDZ_TRY(parse_expect(p, T_PUNCTUATION, "("));
    while (!parse_at(p, T_PUNCTUATION, ")")) {
        struct named_arg arg = {0};
        if (pos.n + named.n > 0)
            CDZ_TRY(parse_expect(p, T_PUNCTUATION, ","));
        bool has_name = of_macro || (p->t->kind != T_EOF && p->t[1].kind == T_PUNCTUATION &&
                                     cdz_str_is(p->t[1].text, "="));
        if (has_name)
            CDZ_TRY(parse_new_name(p, &arg.name));
        if (has_name && (!of_macro || parse_at(p, T_PUNCTUATION, "=")))
            CDZ_TRY(parse_expect(p, T_PUNCTUATION, "="));
        else if (has_name) { /* a macro's parameter without default */
            CDZ_PUSH(p->arena, &named, arg);
            continue;
        }
        CDZ_TRY(parse_expression(p, &arg.val));
        if (has_name) {
            CDZ_PUSH(p->arena, &named, arg);
        } else {
            if (named.n > 0)
                return parse_fail(
                    p, p->t->line,
                    "Positional arguments must be declared before any named arguments.");
            CDZ_PUSH(p->arena, &pos, arg.val);
        }
    }
    parse_next(p);
    struct args *a = CDZ_NEW(p->arena, struct args);
    *a = (struct args){p->t->line, pos.v, pos.n, named.v, named.n};
    *ret = a;
    return CDZ_OK;
}

static cdz_rc parse_optional_args(struct parser *p, struct args **ret)
{
    if (parse_at(p, T_PUNCTUATION, "("))
        return parse_args(p, false, ret);
    *ret = CDZ_NEW(p->arena, struct args);
    (*ret)->line = p->t->line;
    return CDZ_OK;
}

cdz_rc parse_filter_call(struct parser *p, struct node **ret)
{
    struct node *n = parse_node(p, N_FILTER, p->t->line);
    n->call.name = p->t->text;
    CDZ_TRY(parse_expect(p, T_NAME, NULL));
    CDZ_TRY(parse_optional_args(p, &n->call.args));
    if (cdz_str_is(n->call.name, "default"))
        n->special = SPECIAL_DEFAULT;
    n->call.row = cdz_find_filter(n->call.name);
    *ret = n;
    return CDZ_OK;
}

static cdz_rc parse_test_call(struct parser *p, struct node **ret)
{
    struct node *n = parse_node(p, N_TEST, p->t->line);
    n->call.name = p->t->text;
    CDZ_TRY(parse_expect(p, T_NAME, NULL));
    CDZ_TRY(parse_optional_args(p, &n->call.args));
    if (cdz_str_is(n->call.name, "defined"))
        n->special = SPECIAL_DEFINED;
    n->call.row = cdz_find_test(n->call.name);
    *ret = n;
    return CDZ_OK;
}

/* The current token is the '(' behind a function's name. */
static cdz_rc parse_call(struct parser *p, cdz_str name, struct node **ret)
{
    static const struct {
        const char *name;
        enum special special;
    } specials[] = {
        {"render", SPECIAL_RENDER},
        {"renderOnce", SPECIAL_RENDER_ONCE},
        {"block", SPECIAL_BLOCK},
        {"parent", SPECIAL_PARENT},
        {"printContext", SPECIAL_PRINT_CONTEXT},
        {"fetchContext", SPECIAL_FETCH_CONTEXT},
        {"currentEachOutput", SPECIAL_EACH_OUTPUT},
    };
    struct node *n = parse_node(p, N_CALL, p->t->line);
    n->call.name = name;
    for (size_t i = 0; i < CDZ_COUNT(specials); i++) {
        if (cdz_str_is(name, specials[i].name))
            n->special = (uint8_t)specials[i].special;
    }
    n->call.row = cdz_find_function(name);
    CDZ_TRY(parse_args(p, false, &n->call.args));
    *ret = n;
    return CDZ_OK;
}

static struct node *constant(struct parser *p, cdz_val val)
{
    struct node *n = parse_node(p, N_CONST, p->t->line);
    n->val = val;
    return n;
}

static cdz_rc parse_number(struct parser *p, struct node **ret)
{
    cdz_str text = p->t->text;
    int64_t i;
    double f;
    if (cdz_str_chr(text, '.', 0) != SIZE_MAX && cdz_str_to_double(text, &f))
        *ret = constant(p, cdz_val_float(f));
    else if (cdz_str_to_i64(text, &i))
        *ret = constant(p, cdz_val_int(i));
    else
        return parse_fail(p, p->t->line, "For input string: \"%.*s\"",
                          CDZ_S(cdz_str_sub(text, 0, 80)));
    parse_next(p);
    return CDZ_OK;
}

/* "a#{b}c" is the concatenation of its parts. */
static cdz_rc parse_string(struct parser *p, struct node **ret)
{
    struct node *whole = NULL;
    bool was_string = false;
    for (;;) {
        struct node *part;
        uint32_t line = p->t->line;
        if (p->t->kind == T_STRING && !was_string) {
            part = constant(p, cdz_val_text(p->t->text));
            parse_next(p);
            was_string = true;
        } else if (p->t->kind == T_INTERPOLATION_START) {
            parse_next(p);
            CDZ_TRY(parse_expression(p, &part));
            CDZ_TRY(parse_expect(p, T_INTERPOLATION_END, NULL));
            was_string = false;
        } else {
            break;
        }
        if (whole) {
            struct node *join = parse_node(p, N_BINARY, line);
            join->op = OP_CONCAT;
            join->left = whole;
            join->right = part;
            whole = join;
        } else {
            whole = part;
        }
    }
    *ret = whole;
    return CDZ_OK;
}

static cdz_rc parse_name(struct parser *p, struct node **ret)
{
    static const struct {
        const char *name;
        cdz_val val;
    } literals[] = {
        {"true", {.kind = CDZ_BOOL, .b = true}},
        {"TRUE", {.kind = CDZ_BOOL, .b = true}},
        {"false", {.kind = CDZ_BOOL, .b = false}},
        {"FALSE", {.kind = CDZ_BOOL, .b = false}},
        {"null", {.kind = CDZ_NULL}},
        {"NULL", {.kind = CDZ_NULL}},
        {"none", {.kind = CDZ_NULL}},
        {"NONE", {.kind = CDZ_NULL}},
    };
    cdz_str name = p->t->text;
    struct node *n = NULL;
    for (size_t i = 0; i < CDZ_COUNT(literals); i++) {
        if (cdz_str_is(name, literals[i].name))
            n = constant(p, literals[i].val);
    }
    if (!n) {
        n = parse_node(p, N_VAR, p->t->line);
        n->name = name;
    }
    parse_next(p);
    *ret = n;
    if (n->kind == N_VAR && parse_at(p, T_PUNCTUATION, "("))
        return parse_call(p, name, ret);
    return CDZ_OK;
}

static cdz_rc parse_attribute(struct parser *p, struct node *left, struct node **ret)
{
    struct node *n = parse_node(p, N_ATTR, p->t->line);
    n->left = left;
    if (parse_at(p, T_PUNCTUATION, "[")) {
        parse_next(p);
        CDZ_TRY(parse_expression(p, &n->attr.key));
        n->line = p->t->line;
        CDZ_TRY(parse_expect(p, T_PUNCTUATION, "]"));
        *ret = n;
        return CDZ_OK;
    }
    parse_next(p); /* the dot */
    /* The original refuses words that are operators here ("abc".contains("b")); nothing is lost by
     * taking them. */
    bool is_word = p->t->kind == T_NAME || (p->t->kind == T_OPERATOR && p->t->op != OP_IS_NOT &&
                                            p->t->text.p[0] >= 'a' && p->t->text.p[0] <= 'z');
    n->line = p->t->line;
    n->attr.key = constant(p, cdz_val_text(p->t->text));
    if (is_word)
        parse_next(p);
    else
        CDZ_TRY(parse_expect(p, T_NAME, NULL));
    if (parse_at(p, T_PUNCTUATION, "(")) {
        CDZ_TRY(parse_args(p, false, &n->attr.args));
        if (n->attr.args->named_n > 0)
            return parse_fail(p, p->t->line,
                              "Can not use named arguments when calling a bean method");
    }
    *ret = n;
    return CDZ_OK;
}

static cdz_rc parse_postfix(struct parser *p, struct node **ret)
{
    while (parse_at(p, T_PUNCTUATION, ".") || parse_at(p, T_PUNCTUATION, "["))
        CDZ_TRY(parse_attribute(p, *ret, ret));
    return CDZ_OK;
}

/* [a, b] or {k: v, l: w}; the original allows no .attribute behind these. */
static cdz_rc parse_collection(struct parser *p, bool is_map, struct node **ret)
{
    const char *close = is_map ? "}" : "]";
    CDZ_VEC(struct node *) items = {0};
    struct node *n = parse_node(p, is_map ? N_MAP : N_LIST, p->t->line), *item;
    parse_next(p);
    while (!parse_at(p, T_PUNCTUATION, close)) {
        if (items.n > 0)
            CDZ_TRY(parse_expect(p, T_PUNCTUATION, ","));
        CDZ_TRY(parse_expression(p, &item));
        CDZ_PUSH(p->arena, &items, item);
        if (!is_map)
            continue;
        CDZ_TRY(parse_expect(p, T_PUNCTUATION, ":"));
        CDZ_TRY(parse_expression(p, &item));
        CDZ_PUSH(p->arena, &items, item);
    }
    parse_next(p);
    n->list.v = items.v;
    n->list.n = items.n;
    *ret = n;
    return CDZ_OK;
}

static bool is_unary(const struct token *t)
{
    return t->kind == T_OPERATOR && (t->op == OP_NOT || t->op == OP_SUB || t->op == OP_ADD);
}

static cdz_rc parse_operand(struct parser *p, struct node **ret)
{
    if (is_unary(p->t)) {
        struct node *n = parse_node(p, N_UNARY, p->t->line);
        n->op = p->t->op;
        parse_next(p);
        CDZ_TRY(parse_enter(p));
        CDZ_TRY(parse_operators(p, UNARY_PRECEDENCE, &n->left));
        p->depth--;
        n->line = p->t->line;
        *ret = n;
        return CDZ_OK;
    }
    if (parse_at(p, T_PUNCTUATION, "(")) {
        parse_next(p);
        CDZ_TRY(parse_expression(p, ret));
        CDZ_TRY(parse_expect(p, T_PUNCTUATION, ")"));
        return parse_postfix(p, ret);
    }
    if (parse_at(p, T_PUNCTUATION, "[") || parse_at(p, T_PUNCTUATION, "{"))
        return parse_collection(p, parse_at(p, T_PUNCTUATION, "{"), ret);
    if (p->t->kind == T_NAME)
        CDZ_TRY(parse_name(p, ret));
    else if (p->t->kind == T_NUMBER || p->t->kind == T_LONG)
        CDZ_TRY(parse_number(p, ret));
    else if (p->t->kind == T_STRING || p->t->kind == T_INTERPOLATION_START)
        CDZ_TRY(parse_string(p, ret));
    else
        return parse_fail(p, p->t->line, "Unexpected token \"%s\" of value \"%.*s\"",
                          parse_token_name(p->t->kind),
                          CDZ_S(p->t->text.p ? p->t->text : CDZ_STR("null")));
    return parse_postfix(p, ret);
}

/* The right side of op; *ret gets the whole. */
static cdz_rc parse_right(struct parser *p, uint8_t op, struct node *left, struct node **ret)
{
    struct node *n;
    if (op == OP_FILTER) {
        CDZ_TRY(parse_filter_call(p, &n));
    } else if (op == OP_IS || op == OP_IS_NOT) {
        CDZ_TRY(parse_test_call(p, &n));
        n->flag = op == OP_IS_NOT;
    } else {
        n = parse_node(p, N_BINARY, p->t->line);
        n->op = op;
        CDZ_TRY(parse_operators(p, precedence_of(op) + 1, &n->right));
    }
    n->left = left;
    n->line = p->t->line;
    *ret = n;
    return CDZ_OK;
}

static cdz_rc parse_operators(struct parser *p, int min, struct node **ret)
{
    struct node *n;
    CDZ_TRY(parse_operand(p, &n));
    while (p->t->kind == T_OPERATOR && precedence_of(p->t->op) > 0 &&
           precedence_of(p->t->op) >= min) {
        uint8_t op = p->t->op;
        parse_next(p);
        CDZ_TRY(parse_right(p, op, n, &n));
    }
    *ret = n;
    return CDZ_OK;
}
