/*
 * compile.h -- the flow compiler's inside, shared by the files of src/model that take a flow's text
 * apart.
 *
 * One struct cdz_compiler lives for one cdz_flow_parse. It reads YAML nodes (in an arena of their
 * own that is closed at the end: every text that a flow keeps is copied by cdz_compile_str) and
 * writes the flow and the problems. Nothing stops at the first mistake: a function that finds one
 * reports it and returns something harmless.
 */
#ifndef CDZ_MODEL_COMPILE_H
#define CDZ_MODEL_COMPILE_H

#include "expr/expr.h"
#include "model/flow.h"

/* Where in the document we are; a chain on the stack, printed only when there is something to
 * report. */
struct cdz_known_type;
struct cdz_path {
    const struct cdz_path *up; /* NULL: the document itself */
    cdz_str key;               /* of a map, or the id of a list's item; p NULL: index counts */
    size_t index;
    bool item; /* printed in brackets */
};

/* An id that must be unique in the flow, with its place. */
struct cdz_declared_id {
    cdz_str id;
    struct cdz_mark mark;
};

/* A template whose tasks are being compiled: one that uses itself is refused. */
struct cdz_template_use {
    const struct cdz_template_use *up;
    cdz_str namespace_, id;
};

struct cdz_compiler {
    struct cdz_arena *arena; /* the flow's */
    struct cdz_arena *work;  /* the nodes'; closed when parsing ends */
    struct cdz_flow *flow;
    const struct cdz_flow_options *options;
    struct cdz_problems *problems;
    struct cdz_mark here; /* stands in for nodes without a place (defaults of the server) */
    unsigned depth;       /* of tasks */
    bool too_many_tasks;
    const struct cdz_template_use
        *templates;                /* those whose tasks are being compiled, innermost first */
    unsigned template_uses;        /* so far */
    struct cdz_defaults *defaults; /* defaults.c; NULL: there are none */
    CDZ_VEC(struct cdz_task *) all;
    CDZ_VEC(struct cdz_declared_id) task_ids;
};

/* problem.c */
void cdz_compile_error(struct cdz_compiler *c, struct cdz_mark mark, const struct cdz_path *path,
                       const char *hint, const char *fmt, ...) CDZ_PRINTF(5, 6);
void cdz_compile_warning(struct cdz_compiler *c, struct cdz_mark mark, const struct cdz_path *path,
                         const char *hint, const char *fmt, ...) CDZ_PRINTF(5, 6);
/* "did you mean `x`?" or NULL; lives in the work arena. */
const char *cdz_compile_hint(struct cdz_compiler *c, const char *nearest);
static inline struct cdz_path cdz_path_key(const struct cdz_path *up, cdz_str key)
{
    return (struct cdz_path){.up = up, .key = key};
}
/* The item of a list: by the text of its `id` (or `name`) where it has one. */
struct cdz_path cdz_path_item(const struct cdz_path *up, size_t index,
                              const struct cdz_yaml_node *item);

/* props.c */
static inline bool cdz_node_is_null(const struct cdz_yaml_node *node)
{
    return !node || (node->kind == CDZ_YAML_SCALAR && node->val.kind == CDZ_NULL);
}
/* A copy that the flow may keep. */
cdz_str cdz_compile_str(struct cdz_compiler *c, cdz_str s);
/* The node as a plain value that the flow may keep. */
cdz_val cdz_compile_plain(struct cdz_compiler *c, const struct cdz_yaml_node *node);
/* The same with every text that holds expressions compiled; one that does not compile is a warning
 * and stays text. */
cdz_val cdz_compile_any(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                        const struct cdz_path *path);
/* The text of a scalar as it was written, compiled. */
cdz_val cdz_compile_text(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                         const struct cdz_path *path);
/* The value of one property that is there. null after a problem. */
cdz_val cdz_compile_prop(struct cdz_compiler *c, const struct cdz_prop *prop,
                         const struct cdz_yaml_node *node, const struct cdz_path *path);
/*
 * The properties of a map by descriptor: checks, defaults, values. A property that is neither in
 * props nor in others (may be NULL) is reported. Those that hold tasks are checked for presence and
 * kind but left out of the result.
 */
cdz_val cdz_compile_props(struct cdz_compiler *c, const struct cdz_yaml_node *map,
                          const struct cdz_prop *props, const struct cdz_prop *others,
                          const struct cdz_path *path);
/* The same without looking for properties that the descriptor does not have. */
cdz_val cdz_compile_known(struct cdz_compiler *c, const struct cdz_yaml_node *map,
                          const struct cdz_prop *props, const struct cdz_path *path);
/* The id under key: there, not blank, [a-zA-Z0-9] and then those or one of `more`. Empty after a
 * report. */
cdz_str cdz_compile_id(struct cdz_compiler *c, const struct cdz_yaml_node *map, const char *key,
                       const char *more, const struct cdz_path *path);

/* task.c */
/* source: the same list in flow->document. Disabled tasks are compiled but not in the result. */
struct cdz_task_list cdz_compile_tasks(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                                       cdz_val source, const struct cdz_task *parent,
                                       enum cdz_branch branch, uint32_t case_number,
                                       const struct cdz_path *path);
struct cdz_task *cdz_compile_task(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                                  cdz_val source, const struct cdz_task *parent,
                                  enum cdz_branch branch, uint32_t case_number,
                                  const struct cdz_path *path);

/* dag.c: `tasks` of a Dag. */
void cdz_compile_dag(struct cdz_compiler *c, const struct cdz_yaml_node *list, cdz_val source,
                     struct cdz_task *dag, const struct cdz_path *path);

/* retry.c: NULL when the node is null or wrong. */
const struct cdz_retry *cdz_compile_retry(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                                          const struct cdz_path *path);

/* needs.c */
/* Of its properties, and of those of its children if a worker runs them with it. */
const struct cdz_needs *cdz_compile_needs(struct cdz_arena *arena, const struct cdz_task *task);
/* Of a part of a ForEachItem, which reads the outputs of the part before (empty id: there is none). */
const struct cdz_needs *cdz_compile_part_needs(struct cdz_arena *arena, const struct cdz_task *task,
                                               cdz_str before);

/* template.c: the tasks that a Template task stands for. */
void cdz_compile_template(struct cdz_compiler *c, struct cdz_task *task,
                          const struct cdz_path *path);

/* input.c: inputs of a flow, or those of Pause.onResume. NULL and *ret_n 0 when there are none. */
struct cdz_input *cdz_compile_inputs(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                                     const struct cdz_path *path, size_t *ret_n);

/* labels.c: a map, or a list of {key, value}, as a map key -> text (or template). Never null. */
enum {
    CDZ_LABELS_NO_SYSTEM = 1, /* `system.` keys are refused, but system.readOnly */
    CDZ_LABELS_DYNAMIC = 2,   /* values may hold expressions */
};
cdz_val cdz_compile_labels(struct cdz_compiler *c, const struct cdz_yaml_node *node, unsigned flags,
                           const struct cdz_path *path);

/* conditions.c. The type of a trigger or condition, or NULL: after a report, or (*known) one of the
 * original that is known by its name only. */
const struct cdz_type *cdz_compile_type(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                                        enum cdz_type_kind kind, const struct cdz_path *path,
                                        const struct cdz_known_type **known);
/* A list of conditions; a map name -> condition when names is not NULL. */
struct cdz_conditions cdz_compile_conditions(struct cdz_compiler *c,
                                             const struct cdz_yaml_node *node, cdz_str **names,
                                             const struct cdz_path *path);
/* What a timeWindow of this kind must and must not have. */
void cdz_check_time_window(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                           const struct cdz_path *path);
/* A list of names of states as bits; null: 0. What is no state was reported by its descriptor. */
uint32_t cdz_states_of(cdz_val names);

/* triggers.c, section.c: the other parts of a flow. */
void cdz_compile_triggers(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                          const struct cdz_path *path);
void cdz_compile_outputs(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                         const struct cdz_path *path);
void cdz_compile_listeners(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                           const struct cdz_path *path);
void cdz_compile_concurrency(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                             const struct cdz_path *path);
void cdz_compile_sla(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                     const struct cdz_path *path);
void cdz_compile_checks(struct cdz_compiler *c, const struct cdz_yaml_node *list,
                        const struct cdz_path *path);
bool cdz_check_map(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                   const struct cdz_path *path, const char *what);
/* False when there is none, or after a report. */
bool cdz_check_list(struct cdz_compiler *c, const struct cdz_yaml_node *node,
                    const struct cdz_path *path);

/* checks.c: ids that occur twice, as one problem `what [a, b]`. */
void cdz_check_unique(struct cdz_compiler *c, const struct cdz_declared_id *ids, size_t n,
                      const char *what);

/* defaults.c: the plugin defaults of the document and of the server. */
void cdz_read_defaults(struct cdz_compiler *c, const struct cdz_yaml_node *root);
/* The node with them filled in, at any depth; the same node if there are none. */
struct cdz_yaml_node *cdz_fill_defaults(struct cdz_compiler *c, struct cdz_yaml_node *root);

/* known_types.c */
struct cdz_known_type {
    const char *type;
    const char *canonical; /* of an alias or old name: the name it has now; else NULL */
    enum cdz_type_kind kind;
};
/* The row of the canonical type, by that name, an alias or an old name; NULL: the original has no
 * such type. */
const struct cdz_known_type *cdz_known_type_find(cdz_str name);
/* The known name of that kind nearest to `name`, or NULL. */
const char *cdz_known_type_nearest(cdz_str name, enum cdz_type_kind kind);
/* True if a is worth suggesting for b; *best: least distance so far, updated. type.c */
bool cdz_is_nearer(cdz_str name, cdz_str candidate, size_t *best);
/* The same for type names: the last word decides. type.c */
bool cdz_type_is_nearer(cdz_str name, cdz_str candidate, size_t *best);

#endif
