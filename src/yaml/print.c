/*
 * print.c -- values to block-style YAML, byte for byte as the original's writer lays it out.
 *
 * The layout rules (those of SnakeYAML's emitter with an indent of 2 and an indicator indent of 1):
 *   - a map below a key is indented by 2, a list below a key has its '-' one column right of the
 * key;
 *   - a map or list that is a list's item begins on the line below its '-', 2 columns right of the
 * list's base;
 *   - a text is plain where that reads back as the same text and is no word that YAML 1.1 takes for
 * something else; texts with line breaks are literal blocks (|) where possible, else double-quoted;
 *   - entries of maps whose value is null are left out, as in JSON output.
 */
#include "yaml/internal.h"

#include "base/json.h"
#include "base/limits.h"

/* What may be done with a text; see analyse(). */
struct analysis {
    bool plain, single, block;
    bool multiline;
};

static bool is_break(uint32_t c)
{
    return c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static bool is_printable(uint32_t c)
{
    return (c >= 0x20 && c <= 0x7e) || c == '\n' || c == 0x85 || (c >= 0xa0 && c <= 0xd7ff) ||
           (c >= 0xe000 && c <= 0xfffd && c != 0xfeff) || (c >= 0x10000 && c <= 0x10ffff);
}

static struct analysis analyse(cdz_str s)
{
    bool special = false, indicator = false, breaks = false;
    bool edge = false, trailing_space = false, break_space = false, space_break = false;
    bool previous_space = false, previous_break = false, after_blank = true;
    if (cdz_str_starts(s, CDZ_STR("---")) || cdz_str_starts(s, CDZ_STR("...")))
        indicator = true;
    for (size_t at = 0; at < s.n;) {
        size_t from = at;
        uint32_t c = cdz_utf8_next(s, &at);
        bool first = from == 0, last = at == s.n;
        bool before_blank =
            last || s.p[at] == ' ' || s.p[at] == '\n' || s.p[at] == '\t' || s.p[at] == '\r';
        if (c < 0x80 && c) {
            if (first && strchr("#,[]{}&*!|>'\"%@`", (int)c))
                indicator = true;
            if (first && strchr("?-", (int)c) && before_blank)
                indicator = true;
            if (c == ':' && before_blank)
                indicator = true;
            if (c == '#' && after_blank)
                indicator = true;
        }
        if (is_break(c))
            breaks = true;
        if (!is_printable(c))
            special = true;
        if (c == ' ') {
            edge = edge || first || last;
            trailing_space = trailing_space || last;
            break_space = break_space || previous_break;
        } else if (is_break(c)) {
            edge = edge || first || last;
            space_break = space_break || previous_space;
        }
        previous_space = c == ' ';
        previous_break = is_break(c);
        after_blank = c == ' ' || c == '\t' || c == '\r' || is_break(c);
    }
    struct analysis a = {.multiline = breaks};
    a.block = !trailing_space && !space_break && !special;
    a.single = !break_space && !space_break && !special;
    a.plain = !edge && !indicator && !breaks && a.single;
    return a;
}

static void print_double_quoted(struct cdz_buf *to, cdz_str s)
{
    static const char names[] = "0------abtnvfr";
    cdz_buf_c(to, '"');
    for (size_t at = 0; at < s.n;) {
        size_t from = at;
        uint32_t c = cdz_utf8_next(s, &at);
        if (c == '"' || c == '\\')
            cdz_buf_printf(to, "\\%c", (int)c);
        else if (is_printable(c) && !is_break(c) && c != 0xa0)
            cdz_buf_add(to, s.p + from, at - from);
        else if (c < sizeof(names) - 1 && names[c] != '-')
            cdz_buf_printf(to, "\\%c", names[c]);
        else if (c == 0x1b)
            cdz_buf_z(to, "\\e");
        else if (c == 0x85)
            cdz_buf_z(to, "\\N");
        else if (c == 0xa0)
            cdz_buf_z(to, "\\_");
        else if (c == 0x2028)
            cdz_buf_z(to, "\\L");
        else if (c == 0x2029)
            cdz_buf_z(to, "\\P");
        else if (c <= 0xff)
            cdz_buf_printf(to, "\\x%02x", c);
        else
            cdz_buf_printf(to, "\\u%04x", c);
    }
    cdz_buf_c(to, '"');
}

static void print_single_quoted(struct cdz_buf *to, cdz_str s)
{
    cdz_buf_c(to, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\'')
            cdz_buf_c(to, '\'');
        cdz_buf_c(to, s.p[i]);
    }
    cdz_buf_c(to, '\'');
}

static void print_blanks(struct cdz_buf *to, size_t n)
{
    while (n--)
        cdz_buf_c(to, ' ');
}

/* deeper: how far indent lies behind the column of the key or dash it belongs to. */
static void print_literal(struct cdz_buf *to, cdz_str s, size_t indent, unsigned deeper)
{
    cdz_buf_c(to, '|');
    if (s.p[0] == ' ' || s.p[0] == '\n')
        cdz_buf_printf(to, "%u", deeper);
    if (s.p[s.n - 1] != '\n')
        cdz_buf_c(to, '-');
    else if (s.n == 1 || s.p[s.n - 2] == '\n')
        cdz_buf_c(to, '+');
    for (size_t at = 0; at < s.n;) {
        size_t end = cdz_str_chr(s, '\n', at);
        cdz_str line = cdz_str_sub(s, at, end);
        cdz_buf_c(to, '\n');
        if (line.n)
            print_blanks(to, indent);
        cdz_buf_str(to, line);
        at = end == SIZE_MAX ? s.n : end + 1;
    }
}

/* content: the column of the lines of a literal block; deeper: see print_literal. */
static void print_text(struct cdz_buf *to, cdz_str s, size_t content, unsigned deeper)
{
    if (!s.n) {
        cdz_buf_z(to, "\"\"");
        return;
    }
    struct analysis a = analyse(s);
    if (memchr(s.p, '\n', s.n)) {
        if (a.block)
            print_literal(to, s, content, deeper);
        else
            print_double_quoted(to, s);
    } else if (cdz_yaml_value_needs_quotes(s)) {
        print_double_quoted(to, s);
    } else if (a.plain) {
        cdz_buf_str(to, s);
    } else if (a.single && !a.multiline) {
        print_single_quoted(to, s);
    } else {
        print_double_quoted(to, s);
    }
}

static void print_key(struct cdz_buf *to, cdz_str key)
{
    struct analysis a = analyse(key);
    if (!key.n || cdz_yaml_key_needs_quotes(key) || a.multiline)
        print_double_quoted(to, key);
    else if (a.plain)
        cdz_buf_str(to, key);
    else if (a.single)
        print_single_quoted(to, key);
    else
        print_double_quoted(to, key);
}

enum place { ROOT, BELOW_KEY, BELOW_DASH };

static void print_node(struct cdz_buf *to, cdz_val v, enum place place, size_t indent,
                       unsigned depth);

static size_t entries_of(cdz_val map)
{
    size_t n = 0;
    CDZ_MAP_EACH (e, map)
        n += e->val.kind != CDZ_NULL;
    return n;
}

static void print_map(struct cdz_buf *to, cdz_val map, enum place place, size_t indent,
                      unsigned depth)
{
    if (!cdz_map_n(map) || !entries_of(map)) {
        cdz_buf_z(to, place == ROOT ? "{}" : " {}");
        return;
    }
    bool first = place == ROOT;
    CDZ_MAP_EACH (e, map) {
        if (e->val.kind == CDZ_NULL)
            continue;
        if (!first)
            cdz_buf_c(to, '\n');
        first = false;
        print_blanks(to, indent);
        print_key(to, e->key);
        cdz_buf_c(to, ':');
        print_node(to, e->val, BELOW_KEY, indent, depth + 1);
    }
}

static void print_list(struct cdz_buf *to, cdz_val list, enum place place, size_t indent,
                       unsigned depth)
{
    if (!cdz_list_n(list)) {
        cdz_buf_z(to, place == ROOT ? "[]" : " []");
        return;
    }
    bool first = place == ROOT;
    CDZ_LIST_EACH (item, list) {
        if (!first)
            cdz_buf_c(to, '\n');
        first = false;
        print_blanks(to, indent + 1);
        cdz_buf_c(to, '-');
        print_node(to, *item, BELOW_DASH, indent, depth + 1);
    }
}

/* indent: the base column of the enclosing map or list; a value of a key or of a dash begins with
 * its own blank. */
static void print_node(struct cdz_buf *to, cdz_val v, enum place place, size_t indent,
                       unsigned depth)
{
    if (depth > CDZ_JSON_DEPTH_MAX) {
        cdz_buf_z(
            to,
            " null"); /* values this deep cannot come from outside; the bound protects the stack */
        return;
    }
    size_t inner = place == ROOT ? 0 : indent + 2;
    unsigned deeper = place == BELOW_DASH ? 1 : 2; /* dashes stand one column in */
    if (v.kind == CDZ_MAP) {
        print_map(to, v, place, inner, depth);
        return;
    }
    if (v.kind == CDZ_LIST) {
        /* Below a key a list keeps the key's base; below a dash it gets its own. */
        print_list(to, v, place, place == BELOW_KEY ? indent : inner, depth);
        return;
    }
    if (place != ROOT)
        cdz_buf_c(to, ' ');
    if (v.kind == CDZ_TEXT) {
        print_text(to, cdz_val_str(v), indent + 2, deeper);
    } else if (v.kind == CDZ_TEMPLATE) {
        print_text(to, cdz_template_source(v.tpl), indent + 2, deeper);
    } else if (v.kind == CDZ_DATE) {
        struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
        cdz_json_print(&text, v, CDZ_JSON_COMPACT);
        cdz_str s = cdz_buf_get(&text);
        print_text(to, cdz_str_sub(s, 1, s.n ? s.n - 1 : 0), indent + 2, deeper);
    } else {
        cdz_json_print(to, v, CDZ_JSON_COMPACT);
    }
}

void cdz_yaml_print(struct cdz_buf *to, cdz_val v)
{
    CDZ_AUTO_ARENA arena = NULL;
    if (v.kind == CDZ_LAZY || v.kind == CDZ_MAP || v.kind == CDZ_LIST) {
        /* Lazy values may stand at any level: made plain first, once. */
        arena = cdz_arena_open(0);
        v = cdz_val_copy(arena, v);
    }
    print_node(to, v, ROOT, 0, 0);
    cdz_buf_c(to, '\n');
}
