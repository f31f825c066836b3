/*
 * yaml.h -- YAML text to a value tree with positions, and values to YAML text. The only file that
 * knows libyaml.
 *
 * Reads YAML as the original does: YAML 1.1 scalars as Jackson/SnakeYAML see them (scalar.c lists
 * them: yes/no/on/off are booleans too, but `text` keeps what was written; everything quoted is
 * text). Aliases and merge keys (<<) are expanded within CDZ_YAML_NODES_MAX. Duplicate keys, tags
 * of one's own and several documents are errors.
 */
#ifndef CDZ_YAML_YAML_H
#define CDZ_YAML_YAML_H

#include "base/buf.h"
#include "base/val.h"

struct cdz_mark {
    uint32_t line, column; /* from 1; 0: unknown */
};

struct cdz_yaml_node;
struct cdz_yaml_pair {
    cdz_str key;
    struct cdz_mark key_mark;
    struct cdz_yaml_node *val;
};

/* A node of the parsed document. Lives in the arena with everything below it. */
struct cdz_yaml_node {
    enum { CDZ_YAML_SCALAR, CDZ_YAML_LIST, CDZ_YAML_MAP } kind;
    struct cdz_mark mark;
    cdz_val val;  /* SCALAR: null, bool, int (I32 when it fits), float or text; integers beyond 64
                     bits: decimal */
    cdz_str text; /* SCALAR: the characters, unescaped, before any typing ("007" stays "007") */
    bool quoted;  /* SCALAR: '..', "..", | or > */
    struct cdz_yaml_node **items; /* LIST */
    struct cdz_yaml_pair *pairs;  /* MAP */
    size_t n;                     /* items or pairs */
};

struct cdz_yaml_problem {
    struct cdz_mark mark;
    cdz_str message;
};

/*
 * Parses one document. Everything lives in the arena, nothing points into text afterwards.
 * On CDZ_E_INVALID, *ret_problems (may be NULL) gets every problem found (syntax: the first;
 * duplicate keys: all), and err the first as "line:column: message".
 */
CDZ_MUST_USE cdz_rc cdz_yaml_parse(cdz_str text, struct cdz_arena *arena,
                                   struct cdz_yaml_node **ret,
                                   struct cdz_yaml_problem **ret_problems,
                                   size_t *ret_problem_count, struct cdz_err *err);
/* The node (and all below) as a plain value. */
cdz_val cdz_yaml_val(const struct cdz_yaml_node *node, struct cdz_arena *arena);
/* Parses straight to a value, for configuration files, inputs and the yaml() function. */
CDZ_MUST_USE cdz_rc cdz_yaml_parse_val(cdz_str text, struct cdz_arena *arena, cdz_val *ret,
                                       struct cdz_err *err);
/* What a scalar without quotes means: null, bool, int, float, decimal or text. Borrows s. */
cdz_val cdz_yaml_scalar(cdz_str s, struct cdz_arena *arena);
/* The documents of a multi-document text (split at lines that are `---`), borrowed from text. */
size_t cdz_yaml_split(cdz_str text, struct cdz_arena *arena, cdz_str **ret);
/* The pair's value, or NULL. node may be NULL or no map. */
struct cdz_yaml_node *cdz_yaml_get(const struct cdz_yaml_node *node, const char *key);

/*
 * Block-style YAML as the original prints it (Jackson's YAML writer with minimised quotes): lists
 * indented by one blank below their key ("a:\n- 1" is not what it gives; see tests), no document
 * marker, newline at the end.
 */
void cdz_yaml_print(struct cdz_buf *to, cdz_val v);

#endif
