/*
 * parse.c -- YAML text to a tree of nodes with marks. The only file that knows libyaml.
 *
 * Why libyaml: it is the same scanner as SnakeYAML's, which the original reads flows with (both are
 * ports of PyYAML's), so it accepts and refuses the same texts. libfyaml 0.7.12 was tried first:
 * for some block scalars it gives uninitialised memory as text (found by tests/fuzz/yaml.c), and it
 * accepts literals that are not indented.
 *
 * The library's scanner gives a stream of events; the tree is composed here, so that marks,
 * duplicate keys, merge keys and limits are ours:
 *   - an alias shares the node of its anchor (nodes are never changed afterwards); what it would
 * add is counted, so that a document never stands for more than CDZ_YAML_NODES_MAX nodes however it
 * is walked;
 *   - recursion is bounded by CDZ_YAML_DEPTH_MAX, for nesting and for aliases inside anchors alike;
 *   - the text's bytes are checked before the library sees them (UTF-8, no NUL or other control
 * characters).
 */
#include "yaml/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/limits.h"

/* An anchored node and how much an alias to it stands for. */
struct anchor {
    cdz_str name;
    struct cdz_yaml_node *node;
    size_t nodes;
    unsigned depth;
};

struct composer {
    yaml_parser_t parser;
    struct cdz_arena *arena;
    CDZ_VEC(struct anchor) anchors;
    CDZ_VEC(struct cdz_yaml_problem) problems;
    size_t nodes;       /* so far, aliases counted in full */
    struct cdz_mark at; /* of the last event */
    bool failed;        /* a syntax error or a limit: stop */
};

static void add_problem(struct composer *c, struct cdz_mark mark, const char *fmt, ...)
    CDZ_PRINTF(3, 4);

static void add_problem(struct composer *c, struct cdz_mark mark, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct cdz_yaml_problem p = {mark, cdz_arena_vprintf(c->arena, fmt, ap)};
    va_end(ap);
    CDZ_PUSH(c->arena, &c->problems, p);
}

static void *give_up(struct composer *c, struct cdz_mark mark, const char *message)
{
    if (!c->failed)
        add_problem(c, mark, "%s", message);
    c->failed = true;
    return NULL;
}

static struct cdz_mark mark_of(yaml_mark_t m)
{
    return (struct cdz_mark){(uint32_t)m.line + 1, (uint32_t)m.column + 1};
}

/* What the library says, at the place of the problem. */
static void give_up_by_library(struct composer *c)
{
    const yaml_parser_t *p = &c->parser;
    if (p->error == YAML_MEMORY_ERROR)
        abort();
    struct cdz_mark from = mark_of(p->context_mark);
    const char *problem = p->problem ? p->problem : "not a YAML document";
    if (c->failed)
        return;
    if (p->context)
        add_problem(c, mark_of(p->problem_mark), "%s that begins at %u:%u, %s", p->context,
                    from.line, from.column, problem);
    else
        add_problem(c, mark_of(p->problem_mark), "%s", problem);
    c->failed = true;
}

/* The next event; false after an error. Free it with yaml_event_delete. */
static bool next_event(struct composer *c, yaml_event_t *ret)
{
    if (c->failed)
        return false;
    if (!yaml_parser_parse(&c->parser, ret)) {
        give_up_by_library(c);
        return false;
    }
    c->at = mark_of(ret->start_mark);
    return true;
}

static cdz_str text_of(const yaml_char_t *z)
{
    return cdz_str_z((const char *)z);
}

/* The part of a standard tag behind "tag:yaml.org,2002:", empty when there is no tag; others are an
 * error. */
static cdz_str tag_of(struct composer *c, const yaml_char_t *tag_z)
{
    static const cdz_str standard = {"tag:yaml.org,2002:", 18};
    cdz_str tag = text_of(tag_z);
    if (!tag.n || cdz_str_is(tag, "!"))
        return cdz_arena_str(c->arena, tag);
    if (cdz_str_starts(tag, standard))
        return cdz_arena_str(c->arena, cdz_str_sub(tag, standard.n, tag.n));
    if (!c->failed)
        add_problem(c, c->at, "tag \"%.*s\" is not supported", CDZ_S(tag));
    c->failed = true;
    return CDZ_STR("");
}

static struct cdz_yaml_node *new_node(struct composer *c, int kind)
{
    if (++c->nodes > CDZ_YAML_NODES_MAX)
        return give_up(c, c->at,
                       "the document has too many values, those of aliases counted in full");
    struct cdz_yaml_node *node = CDZ_NEW(c->arena, struct cdz_yaml_node);
    node->kind = kind;
    node->mark = c->at;
    return node;
}

static struct cdz_yaml_node *compose_scalar(struct composer *c, const yaml_event_t *e)
{
    struct cdz_yaml_node *node = new_node(c, CDZ_YAML_SCALAR);
    if (!node)
        return NULL;
    cdz_str tag = tag_of(c, e->data.scalar.tag);
    node->text = cdz_arena_str(
        c->arena, (cdz_str){(const char *)e->data.scalar.value, e->data.scalar.length});
    node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (cdz_str_is(tag, "str") || cdz_str_is(tag, "!") || (node->quoted && !tag.n))
        node->val = cdz_val_text(node->text);
    else
        node->val = cdz_yaml_scalar(node->text, c->arena);
    return node;
}

static const struct anchor *find_anchor(const struct composer *c, cdz_str name)
{
    for (size_t i = c->anchors.n; i-- > 0;) /* the last of that name counts */
        if (cdz_str_eq(c->anchors.v[i].name, name))
            return &c->anchors.v[i];
    return NULL;
}

static struct cdz_yaml_node *compose_alias(struct composer *c, const yaml_event_t *e,
                                           unsigned depth, unsigned *deepest)
{
    cdz_str name = text_of(e->data.alias.anchor);
    const struct anchor *a = find_anchor(c, name);
    if (!a) {
        if (!c->failed)
            add_problem(c, c->at, "unknown alias \"%.*s\"", CDZ_S(name));
        c->failed = true;
        return NULL;
    }
    c->nodes += a->nodes;
    if (c->nodes > CDZ_YAML_NODES_MAX)
        return give_up(c, c->at,
                       "the document has too many values, those of aliases counted in full");
    if (depth + a->depth > CDZ_YAML_DEPTH_MAX)
        return give_up(c, c->at, "the document is nested too deeply");
    if (depth + a->depth > *deepest)
        *deepest = depth + a->depth;
    return a->node;
}

static struct cdz_yaml_node *compose(struct composer *c, const yaml_event_t *e, unsigned depth,
                                     unsigned *deepest);

static void compose_list(struct composer *c, struct cdz_yaml_node *list, unsigned depth,
                         unsigned *deepest)
{
    CDZ_VEC(struct cdz_yaml_node *) items = {0};
    yaml_event_t e;
    while (next_event(c, &e)) {
        bool end = e.type == YAML_SEQUENCE_END_EVENT;
        struct cdz_yaml_node *item = end ? NULL : compose(c, &e, depth + 1, deepest);
        yaml_event_delete(&e);
        if (!item)
            break;
        CDZ_PUSH(c->arena, &items, item);
    }
    list->items = items.v;
    list->n = items.n;
}

struct pairs {
    CDZ_VEC(struct cdz_yaml_pair) list;
    cdz_val seen; /* key -> position + 1 in list */
};

static void add_pair(struct composer *c, struct pairs *pairs, struct cdz_yaml_pair pair)
{
    cdz_val *seen = cdz_map_find(pairs->seen, pair.key);
    if (seen) {
        struct cdz_mark first = pairs->list.v[seen->i - 1].key_mark;
        add_problem(c, pair.key_mark, "Duplicate field '%.*s', first at %u:%u", CDZ_S(pair.key),
                    first.line, first.column);
        return;
    }
    CDZ_PUSH(c->arena, &pairs->list, pair);
    cdz_map_put(c->arena, pairs->seen, pair.key, cdz_val_int((int64_t)pairs->list.n));
}

/* `<<: *base`: what the map itself does not have. */
static void merge_map(struct composer *c, struct pairs *pairs, const struct cdz_yaml_pair *merge,
                      const struct cdz_yaml_node *from)
{
    if (from->kind != CDZ_YAML_MAP) {
        add_problem(c, merge->key_mark, "a merge key needs a map or a list of maps");
        return;
    }
    for (size_t i = 0; i < from->n; i++)
        if (!cdz_map_find(pairs->seen, from->pairs[i].key))
            add_pair(c, pairs, from->pairs[i]);
}

static void compose_map(struct composer *c, struct cdz_yaml_node *map, unsigned depth,
                        unsigned *deepest)
{
    struct pairs pairs = {.seen = cdz_val_map(c->arena, 8)};
    CDZ_VEC(struct cdz_yaml_pair) merges = {0};
    yaml_event_t e;
    while (next_event(c, &e)) {
        bool end = e.type == YAML_MAPPING_END_EVENT;
        struct cdz_yaml_node *key = end ? NULL : compose(c, &e, depth + 1, deepest);
        yaml_event_delete(&e);
        if (!key)
            break;
        if (key->kind != CDZ_YAML_SCALAR) {
            give_up(c, key->mark, "a key must be a scalar");
            break;
        }
        struct cdz_yaml_pair pair = {key->text, key->mark, NULL};
        if (!next_event(c, &e))
            break;
        pair.val = compose(c, &e, depth + 1, deepest);
        yaml_event_delete(&e);
        if (!pair.val)
            break;
        /* An empty value has no place of its own. */
        if (pair.val->kind == CDZ_YAML_SCALAR && !pair.val->text.n && !pair.val->quoted)
            pair.val->mark = pair.key_mark;
        if (!key->quoted && cdz_str_is(pair.key, "<<"))
            CDZ_PUSH(c->arena, &merges, pair);
        else
            add_pair(c, &pairs, pair);
    }
    for (size_t i = 0; i < merges.n; i++) {
        const struct cdz_yaml_node *from = merges.v[i].val;
        if (from->kind == CDZ_YAML_LIST)
            for (size_t j = 0; j < from->n; j++)
                merge_map(c, &pairs, &merges.v[i], from->items[j]);
        else
            merge_map(c, &pairs, &merges.v[i], from);
    }
    map->pairs = pairs.list.v;
    map->n = pairs.list.n;
}

/* The node that begins with e (borrowed); NULL after give_up. *deepest: raised to the depth of what
 * is below. */
static struct cdz_yaml_node *compose(struct composer *c, const yaml_event_t *e, unsigned depth,
                                     unsigned *deepest)
{
    struct cdz_yaml_node *node = NULL;
    const yaml_char_t *anchor = NULL;
    size_t nodes_before = c->nodes;
    unsigned below = depth;
    if (depth > CDZ_YAML_DEPTH_MAX)
        return give_up(c, c->at, "the document is nested too deeply");
    if (e->type == YAML_ALIAS_EVENT)
        return compose_alias(c, e, depth, deepest);
    if (e->type == YAML_SCALAR_EVENT) {
        anchor = e->data.scalar.anchor;
        node = compose_scalar(c, e);
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        anchor = e->data.sequence_start.anchor;
        node = new_node(c, CDZ_YAML_LIST);
        (void)tag_of(c, e->data.sequence_start.tag);
        if (node)
            compose_list(c, node, depth, &below);
    } else {
        assert(e->type == YAML_MAPPING_START_EVENT); /* the library gives well-formed streams */
        anchor = e->data.mapping_start.anchor;
        node = new_node(c, CDZ_YAML_MAP);
        (void)tag_of(c, e->data.mapping_start.tag);
        if (node)
            compose_map(c, node, depth, &below);
    }
    if (c->failed || !node)
        return NULL;
    if (below > *deepest)
        *deepest = below;
    if (anchor) {
        struct anchor a = {cdz_arena_str(c->arena, text_of(anchor)), node, c->nodes - nodes_before,
                           below - depth};
        CDZ_PUSH(c->arena, &c->anchors, a);
    }
    return node;
}

/* The document's root; a text without any content is a null scalar. */
static struct cdz_yaml_node *compose_document(struct composer *c)
{
    struct cdz_yaml_node *root = NULL;
    unsigned deepest = 0;
    bool end = false;
    yaml_event_t e;
    while (!end && next_event(c, &e)) {
        end = e.type == YAML_STREAM_END_EVENT;
        if (e.type == YAML_DOCUMENT_START_EVENT && root)
            give_up(c, c->at, "expected a single document");
        else if (e.type == YAML_ALIAS_EVENT || e.type == YAML_SCALAR_EVENT ||
                 e.type == YAML_SEQUENCE_START_EVENT || e.type == YAML_MAPPING_START_EVENT)
            root = compose(c, &e, 0, &deepest);
        yaml_event_delete(&e);
    }
    if (!root && !c->failed) {
        c->at = (struct cdz_mark){1, 1};
        root = new_node(c, CDZ_YAML_SCALAR);
        root->text = CDZ_STR("");
    }
    return root;
}

/* The place of the first byte that no YAML text may have. */
static bool find_bad_byte(cdz_str text, struct cdz_mark *mark, const char **message)
{
    uint32_t line = 1, column = 1;
    for (size_t at = 0; at < text.n;) {
        size_t from = at;
        uint32_t c = cdz_utf8_next(text, &at);
        *mark = (struct cdz_mark){line, column};
        if (c == 0xfffd && !(at - from == 3 && memcmp(text.p + from, "\xef\xbf\xbd", 3) == 0)) {
            *message = "not UTF-8 text";
            return true;
        }
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f ||
            (c > 0x7f && c < 0xa0 && c != 0x85) || c == 0xfeff || c == 0xfffe || c == 0xffff) {
            *message = c ? "special characters are not allowed" : "a NUL byte is not allowed";
            return true;
        }
        if (c == '\n' || (c == '\r' && !(at < text.n && text.p[at] == '\n'))) {
            line++;
            column = 1;
        } else {
            column++;
        }
    }
    return false;
}

static struct cdz_yaml_node *run_library(struct composer *c, cdz_str text)
{
    if (!yaml_parser_initialize(&c->parser))
        abort(); /* out of memory */
    yaml_parser_set_encoding(&c->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&c->parser, (const unsigned char *)text.p, text.n);
    struct cdz_yaml_node *root = compose_document(c);
    yaml_parser_delete(&c->parser);
    return root;
}

cdz_rc cdz_yaml_parse(cdz_str text, struct cdz_arena *arena, struct cdz_yaml_node **ret,
                      struct cdz_yaml_problem **ret_problems, size_t *ret_problem_count,
                      struct cdz_err *err)
{
    struct composer c = {.arena = arena, .at = {1, 1}};
    struct cdz_yaml_node *root = NULL;
    struct cdz_mark mark;
    const char *message;
    if (cdz_str_starts(text, CDZ_STR("\xef\xbb\xbf")))
        text = cdz_str_sub(text, 3, text.n);
    if (text.n > CDZ_FLOW_BYTES_MAX)
        give_up(&c, c.at, "the document is too large");
    else if (find_bad_byte(text, &mark, &message))
        give_up(&c, mark, message);
    else
        root = run_library(&c, text.n ? text : CDZ_STR(""));
    if (!c.problems.n) {
        *ret = root;
        return CDZ_OK;
    }
    if (ret_problems) {
        *ret_problems = c.problems.v;
        *ret_problem_count = c.problems.n;
    }
    return cdz_fail(err, CDZ_E_INVALID, "%u:%u: %.*s", c.problems.v[0].mark.line,
                    c.problems.v[0].mark.column, CDZ_S(c.problems.v[0].message));
}
