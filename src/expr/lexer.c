/*
 * lexer.c -- a machine with a stack of modes: DATA (outside), PRINT and EXECUTE (between
 * delimiters), STRING (inside a double-quoted string that holds "#{") and INTERPOLATION (inside
 * that "#{ }"). Each step takes at least one byte.
 *
 * Brackets are matched here, as the original does, because a closing "}}" counts as a delimiter
 * only when no bracket is open: {{ {"a": {}} }}. An open string and an open interpolation lie on
 * the same stack of brackets.
 */
#include "expr/lexer.h"

#include <unicode/uchar.h>

enum mode { DATA, PRINT, EXECUTE, STRING, INTERPOLATION };

struct lexer {
    cdz_str s;
    size_t at;
    size_t line_at; /* the line is counted up to here */
    uint32_t line;
    bool trim_next; /* a tag ended with "-": blanks at the start of the next text go */
    struct cdz_arena *arena;
    struct cdz_err *err;
    CDZ_VEC(struct token) out;
    CDZ_VEC(char) brackets; /* ( [ {, '"' for a string, '#' for an interpolation */
    CDZ_VEC(uint8_t) modes;
};

/* Java's Character.isWhitespace: no no-break spaces. */
static bool is_blank(uint32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
    return c == 0x1680 || (c >= 0x2000 && c <= 0x200a && c != 0x2007) || c == 0x2028 ||
           c == 0x2029 || c == 0x205f || c == 0x3000;
}

static bool is_ascii_blank(char c) /* \s of a Java pattern */
{
    return c == ' ' || (c >= 9 && c <= 13);
}

static size_t skip_ascii_blanks(cdz_str s, size_t at)
{
    while (at < s.n && is_ascii_blank(s.p[at]))
        at++;
    return at;
}

static cdz_str trim_left(cdz_str s)
{
    size_t at = 0, next = 0;
    while (next < s.n && is_blank(cdz_utf8_next(s, &next)))
        at = next;
    return cdz_str_sub(s, at, s.n);
}

static cdz_str trim_right(cdz_str s)
{
    while (s.n > 0) {
        size_t start = s.n - 1, next;
        while (start > 0 && s.n - start < 4 && ((unsigned char)s.p[start] & 0xc0) == 0x80)
            start--;
        next = start;
        if (!is_blank(cdz_utf8_next(s, &next)) || next != s.n)
            break;
        s.n = start;
    }
    return s;
}

static bool looking_at(const struct lexer *lx, size_t at, const char *z)
{
    size_t n = strlen(z);
    return lx->s.n >= n && at <= lx->s.n - n && memcmp(lx->s.p + at, z, n) == 0;
}

/* The line of the byte at `at`; called with offsets that never go back. */
static uint32_t line_of(struct lexer *lx, size_t at)
{
    while (lx->line_at < at) {
        unsigned char c = (unsigned char)lx->s.p[lx->line_at];
        if (c == '\r' && looking_at(lx, lx->line_at, "\r\n"))
            lx->line_at++;
        if (c == '\n' || c == '\r' || (c == 0xc2 && looking_at(lx, lx->line_at, "\xc2\x85")) ||
            (c == 0xe2 && (looking_at(lx, lx->line_at, "\xe2\x80\xa8") ||
                           looking_at(lx, lx->line_at, "\xe2\x80\xa9"))))
            lx->line++;
        lx->line_at++;
    }
    return lx->line;
}

#define lex_fail(lx, ...)                                                                          \
    expr_fail_at((lx)->err, (lx)->s, line_of((lx), (lx)->at), NULL, __VA_ARGS__)

static void push(struct lexer *lx, enum token_kind kind, cdz_str text)
{
    CDZ_PUSH(lx->arena, &lx->out, (struct token){(uint8_t)kind, 0, line_of(lx, lx->at), text});
}

static void push_text(struct lexer *lx, cdz_str text)
{
    if (text.n > 0)
        push(lx, T_TEXT, text);
}

static enum mode mode_of(const struct lexer *lx)
{
    return lx->modes.v[lx->modes.n - 1];
}

static void enter(struct lexer *lx, enum mode mode)
{
    CDZ_PUSH(lx->arena, &lx->modes, (uint8_t)mode);
}

static void leave(struct lexer *lx)
{
    lx->modes.n--;
}

/* Matches "{%" "-"* blanks word blanks "-"* "%}" at `at`; the end, or 0. */
static size_t raw_tag(cdz_str s, size_t at, cdz_str word)
{
    if (!cdz_str_starts(cdz_str_sub(s, at, s.n), CDZ_STR("{%")))
        return 0;
    at += 2;
    while (at < s.n && s.p[at] == '-')
        at++;
    at = skip_ascii_blanks(s, at);
    if (!cdz_str_starts(cdz_str_sub(s, at, s.n), word))
        return 0;
    at = skip_ascii_blanks(s, at + word.n);
    while (at < s.n && s.p[at] == '-')
        at++;
    return cdz_str_starts(cdz_str_sub(s, at, s.n), CDZ_STR("%}")) ? at + 2 : 0;
}

size_t expr_raw_section(cdz_str s, size_t at, cdz_str *ret_inner)
{
    size_t start = raw_tag(s, at, CDZ_STR("raw"));
    if (!start)
        return 0;
    for (size_t i = start; i < s.n && s.p[i] != '\n' && s.p[i] != '\r'; i++) {
        size_t end = s.p[i] == '{' ? raw_tag(s, i, CDZ_STR("endraw")) : 0;
        if (end) {
            *ret_inner = cdz_str_sub(s, start, i);
            return end - at;
        }
    }
    return SIZE_MAX;
}

bool expr_has_delimiter(cdz_str s)
{
    for (size_t at = 0; (at = cdz_str_chr(s, '{', at)) != SIZE_MAX; at++) {
        char next = at + 1 < s.n ? s.p[at + 1] : 0;
        if (next == '{' || next == '%' || next == '#')
            return true;
    }
    return false;
}

/* "{% verbatim %}" has been seen up to lx->at: takes everything to its end tag as text. */
static cdz_rc lex_verbatim(struct lexer *lx)
{
    for (size_t open = lx->at; (open = cdz_str_find(lx->s, CDZ_STR("{%"), open)) != SIZE_MAX;
         open++) {
        size_t at = open + 2;
        bool trim_before = at < lx->s.n && lx->s.p[at] == '-';
        at = skip_ascii_blanks(lx->s, at + trim_before);
        if (!looking_at(lx, at, "endverbatim"))
            continue;
        at = skip_ascii_blanks(lx->s, at + strlen("endverbatim"));
        bool trim_after = at < lx->s.n && lx->s.p[at] == '-';
        if (!looking_at(lx, at + trim_after, "%}"))
            continue;
        /* The original trims the start always, whatever the start tag says. */
        cdz_str text = trim_left(cdz_str_sub(lx->s, lx->at, open));
        if (trim_before)
            text = trim_right(text);
        lx->trim_next = trim_after;
        lx->at = at + trim_after + 2;
        push_text(lx, text);
        return CDZ_OK;
    }
    return lex_fail(lx, "Unclosed verbatim tag.");
}

/* The offset behind "verbatim %}" when that is what follows `at`, else 0. */
static size_t verbatim_start(struct lexer *lx, size_t at)
{
    at = skip_ascii_blanks(lx->s, at);
    if (!looking_at(lx, at, "verbatim"))
        return 0;
    at = skip_ascii_blanks(lx->s, at + strlen("verbatim"));
    if (looking_at(lx, at, "-"))
        at++;
    return looking_at(lx, at, "%}") ? at + 2 : 0;
}

static cdz_rc lex_comment(struct lexer *lx)
{
    size_t end = cdz_str_find(lx->s, CDZ_STR("#}"), lx->at);
    if (end == SIZE_MAX)
        return lex_fail(lx, "Unclosed comment.");
    if (end >= lx->at + 2 && lx->s.p[end - 1] == '-' && is_ascii_blank(lx->s.p[end - 2]))
        lx->trim_next = true;
    lx->at = end + 2;
    return CDZ_OK;
}

static cdz_rc lex_data(struct lexer *lx)
{
    size_t start = lx->at, raw = 0;
    cdz_str inner;
    char kind = 0;
    size_t open = start;
    for (; (open = cdz_str_chr(lx->s, '{', open)) != SIZE_MAX; open++) {
        kind = open + 1 < lx->s.n ? lx->s.p[open + 1] : 0;
        if (kind == '{' || kind == '%' || kind == '#')
            break;
    }
    cdz_str text = cdz_str_sub(lx->s, start, open);
    if (open != SIZE_MAX)
        raw = expr_raw_section(lx->s, open, &inner);
    if (raw == SIZE_MAX)
        return lex_fail(lx, "Unexpected tag name \"raw\"");
    if (lx->trim_next)
        text = trim_left(text);
    lx->trim_next = false;
    if (open == SIZE_MAX) {
        push_text(lx, text);
        lx->at = lx->s.n;
        return CDZ_OK;
    }
    if (raw) { /* with its tags: see lexer.h; its blanks are never trimmed */
        push_text(lx, text);
        push(lx, T_TEXT, cdz_str_sub(lx->s, open, open + raw));
        lx->at = open + raw;
        return CDZ_OK;
    }
    lx->at = open + 2;
    if (looking_at(lx, lx->at, "-") && lx->at + 1 < lx->s.n &&
        is_ascii_blank(lx->s.p[lx->at + 1])) {
        text = trim_right(text);
        lx->at = skip_ascii_blanks(lx->s, lx->at + 1);
    }
    push_text(lx, text);
    if (kind == '#')
        return lex_comment(lx);
    if (kind == '{') {
        push(lx, T_PRINT_START, CDZ_STR(""));
        enter(lx, PRINT);
        return CDZ_OK;
    }
    size_t verbatim = verbatim_start(lx, lx->at);
    if (verbatim) {
        lx->at = verbatim;
        return lex_verbatim(lx);
    }
    push(lx, T_EXECUTE_START, CDZ_STR(""));
    enter(lx, EXECUTE);
    return CDZ_OK;
}

struct op_word {
    const char *text;
    uint8_t op;
};
/* Longer ones before their prefixes. */
static const struct op_word op_words[] = {
    {"contains", OP_CONTAINS},
    {"equals", OP_EQ},
    {"not", OP_NOT},
    {"and", OP_AND},
    {"???", OP_COALESCE_UNDEFINED},
    {"is", OP_IS},
    {"or", OP_OR},
    {"==", OP_EQ},
    {"!=", OP_NE},
    {"<=", OP_LE},
    {">=", OP_GE},
    {"??", OP_COALESCE},
    {"..", OP_RANGE},
    {"+", OP_ADD},
    {"-", OP_SUB},
    {"*", OP_MUL},
    {"/", OP_DIV},
    {"%", OP_MOD},
    {"<", OP_LT},
    {">", OP_GT},
    {"|", OP_FILTER},
    {"~", OP_CONCAT},
};

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool word_ends(const struct lexer *lx, size_t at)
{
    return at >= lx->s.n || !is_word_char(lx->s.p[at]);
}

static bool lex_operator(struct lexer *lx)
{
    for (size_t i = 0; i < CDZ_COUNT(op_words); i++) {
        size_t end = lx->at + strlen(op_words[i].text);
        uint8_t op = op_words[i].op;
        if (!looking_at(lx, lx->at, op_words[i].text))
            continue;
        if (is_word_char(op_words[i].text[0])) {
            if (!word_ends(lx, end))
                continue;
            size_t not = skip_ascii_blanks(lx->s, end);
            if (op == OP_IS && not > end && looking_at(lx, not, "not") && word_ends(lx, not +3)) {
                op = OP_IS_NOT;
                end = not +3;
            }
        }
        push(lx, T_OPERATOR, cdz_str_sub(lx->s, lx->at, end));
        lx->out.v[lx->out.n - 1].op = op;
        lx->at = end;
        return true;
    }
    return false;
}

static bool lex_name(struct lexer *lx)
{
    size_t end = lx->at, next = lx->at;
    while (next < lx->s.n) {
        uint32_t c = cdz_utf8_next(lx->s, &next);
        if (c != '_' && !u_isalpha((UChar32)c) && (end == lx->at || !u_isdigit((UChar32)c)))
            break;
        end = next;
    }
    if (end == lx->at)
        return false;
    push(lx, T_NAME, cdz_str_sub(lx->s, lx->at, end));
    lx->at = end;
    return true;
}

static size_t skip_digits(const struct lexer *lx, size_t at)
{
    while (at < lx->s.n && lx->s.p[at] >= '0' && lx->s.p[at] <= '9')
        at++;
    return at;
}

static bool lex_number(struct lexer *lx)
{
    size_t end = skip_digits(lx, lx->at);
    if (end == lx->at)
        return false;
    if (looking_at(lx, end, "L")) {
        push(lx, T_LONG, cdz_str_sub(lx->s, lx->at, end));
        lx->at = end + 1;
        return true;
    }
    if (looking_at(lx, end, ".") && skip_digits(lx, end + 1) > end + 1)
        end = skip_digits(lx, end + 1);
    push(lx, T_NUMBER, cdz_str_sub(lx->s, lx->at, end));
    lx->at = end;
    return true;
}

static cdz_rc lex_punctuation(struct lexer *lx)
{
    char c = lx->s.p[lx->at];
    if (c == '(' || c == '[' || c == '{')
        CDZ_PUSH(lx->arena, &lx->brackets, c);
    if (c == ')' || c == ']' || c == '}') {
        if (lx->brackets.n == 0)
            return lex_fail(lx, "Unexpected \"%c\"", c);
        char open = lx->brackets.v[--lx->brackets.n];
        char want = open == '(' ? ')' : open == '[' ? ']' : open == '{' ? '}' : 0;
        if (!want) /* the string around #{ is open still: only lex_interpolation ends it */
            return lex_fail(lx, "Unexpected \"%c\"", c);
        if (want != c)
            return lex_fail(lx, "Unclosed \"%c\"", want);
    }
    push(lx, T_PUNCTUATION, cdz_str_sub(lx->s, lx->at, lx->at + 1));
    lx->at++;
    return CDZ_OK;
}

/* The text between from and to, with \quote read as quote; other backslashes stay. */
static cdz_str unescape(struct lexer *lx, size_t from, size_t to, char quote)
{
    cdz_str s = cdz_str_sub(lx->s, from, to);
    if (cdz_str_chr(s, '\\', 0) == SIZE_MAX)
        return s;
    char *p = cdz_arena_alloc(lx->arena, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == quote)
            i++;
        p[n++] = s.p[i];
    }
    return (cdz_str){p, n};
}

/* A quoted string without interpolation. Double quotes with a '#' inside go the long way (STRING).
 */
static bool lex_plain_string(struct lexer *lx)
{
    char quote = lx->s.p[lx->at];
    for (size_t at = lx->at + 1; at < lx->s.n; at++) {
        char c = lx->s.p[at];
        if (c == '\\' && at + 1 < lx->s.n) {
            at++;
        } else if (c == '#' && quote == '"') {
            return false;
        } else if (c == quote) {
            push(lx, T_STRING, unescape(lx, lx->at + 1, at, quote));
            lx->at = at + 1;
            return true;
        }
    }
    return false;
}

static cdz_rc lex_expression(struct lexer *lx)
{
    size_t next = lx->at;
    while (next < lx->s.n && is_blank(cdz_utf8_next(lx->s, &next)))
        lx->at = next;
    if (lx->at == lx->s.n || lex_operator(lx) || lex_name(lx) || lex_number(lx))
        return CDZ_OK;
    char c = lx->s.p[lx->at];
    if (c && strchr("()[]{}?:.,=", c))
        return lex_punctuation(lx);
    if ((c == '"' || c == '\'') && lex_plain_string(lx))
        return CDZ_OK;
    if (c == '"') {
        CDZ_PUSH(lx->arena, &lx->brackets, '"');
        enter(lx, STRING);
        lx->at++;
        return CDZ_OK;
    }
    char utf8[4];
    next = lx->at;
    size_t n = cdz_utf8_put(cdz_utf8_next(lx->s, &next), utf8);
    return lex_fail(lx, "Unexpected character [%.*s]", (int)n, utf8);
}

/* Between {{ and }} or {% and %}. */
static cdz_rc lex_tag(struct lexer *lx, const char *close, enum token_kind end)
{
    if (lx->brackets.n == 0) {
        size_t at = skip_ascii_blanks(lx->s, lx->at);
        bool trim = looking_at(lx, at, "-");
        if (looking_at(lx, at + trim, close)) {
            lx->trim_next = trim;
            push(lx, end, cdz_str_z(close));
            lx->at = at + trim + 2;
            leave(lx);
            return CDZ_OK;
        }
    }
    return lex_expression(lx);
}

static cdz_rc lex_string(struct lexer *lx)
{
    if (looking_at(lx, lx->at, "#{")) {
        CDZ_PUSH(lx->arena, &lx->brackets, '#');
        push(lx, T_INTERPOLATION_START, CDZ_STR("#{"));
        lx->at += 2;
        enter(lx, INTERPOLATION);
        return CDZ_OK;
    }
    size_t end = lx->at;
    while (end < lx->s.n && lx->s.p[end] != '"' && !looking_at(lx, end, "#{"))
        end += lx->s.p[end] == '\\' && end + 1 < lx->s.n ? 2 : 1;
    if (end > lx->at) { /* escapes stay as they are: the original forgets them in such strings */
        push(lx, T_STRING, cdz_str_sub(lx->s, lx->at, end));
        lx->at = end;
        return CDZ_OK;
    }
    lx->brackets.n--;
    lx->at++;
    leave(lx);
    return CDZ_OK;
}

static cdz_rc lex_interpolation(struct lexer *lx)
{
    size_t at = skip_ascii_blanks(lx->s, lx->at);
    if (lx->brackets.v[lx->brackets.n - 1] == '#' && looking_at(lx, at, "}")) {
        lx->brackets.n--;
        push(lx, T_INTERPOLATION_END, CDZ_STR("}"));
        lx->at = at + 1;
        leave(lx);
        return CDZ_OK;
    }
    return lex_expression(lx);
}

static cdz_rc lex_step(struct lexer *lx)
{
    switch (mode_of(lx)) {
    case DATA:
        return lex_data(lx);
    case PRINT:
        return lex_tag(lx, "}}", T_PRINT_END);
    case EXECUTE:
        return lex_tag(lx, "%}", T_EXECUTE_END);
    case STRING:
        return lex_string(lx);
    case INTERPOLATION:
        return lex_interpolation(lx);
    }
    abort();
}

cdz_rc expr_lex(cdz_str source, struct cdz_arena *arena, struct tokens *ret, struct cdz_err *err)
{
    struct lexer lx = {.s = source, .line = 1, .arena = arena, .err = err};
    enter(&lx, DATA);
    while (lx.at < source.n)
        CDZ_TRY(lex_step(&lx));
    push(&lx, T_EOF, (cdz_str){NULL, 0});
    if (lx.brackets.n > 0) {
        char open = lx.brackets.v[lx.brackets.n - 1];
        return lex_fail(&lx, "Unclosed \"%s%c\"", open == '#' ? "#" : "", open == '#' ? '{' : open);
    }
    *ret = (struct tokens){lx.out.v, lx.out.n};
    return CDZ_OK;
}
