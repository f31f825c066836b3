/*
 * flow.h -- a flow, compiled once: immutable, shared by all threads, with source positions for
 * messages.
 *
 * cdz_flow_parse turns source text into a struct cdz_flow or into *all* problems of the text.
 * Everything of a flow lives in its own arena; it is counted by reference.
 */
#ifndef CDZ_MODEL_FLOW_H
#define CDZ_MODEL_FLOW_H

#include "model/type.h"
#include "yaml/yaml.h"

struct cdz_env; /* expr/expr.h */

struct cdz_task_list {
    struct cdz_task **v;
    size_t n;
};

enum cdz_retry_kind { CDZ_RETRY_CONSTANT, CDZ_RETRY_EXPONENTIAL, CDZ_RETRY_RANDOM };

/* reference/flow.md §5. Durations in microseconds, 0: not given. */
struct cdz_retry {
    enum cdz_retry_kind kind;
    cdz_us interval, max_interval, min_interval, max_duration;
    int delay_factor; /* truncated; 2 when not given */
    int max_attempt;  /* total attempts; 0: no bound */
    bool warning_on_retry;
    bool new_execution; /* behavior CREATE_NEW_EXECUTION */
};

struct cdz_rng;
/* How long to wait before the next attempt, after so many have failed. */
cdz_us cdz_retry_pause(const struct cdz_retry *retry, int failed, struct cdz_rng *rng);

struct cdz_case {
    cdz_str name;
    struct cdz_task_list tasks;
};

/* Which list of its parent a task stands in. */
enum cdz_branch {
    CDZ_BRANCH_TASKS,
    CDZ_BRANCH_ERRORS,
    CDZ_BRANCH_ELSE,
    CDZ_BRANCH_DEFAULTS,
    CDZ_BRANCH_CASE,
    CDZ_BRANCH_FINALLY,  /* of a flow or flowable: runs whatever became of its tasks */
    CDZ_BRANCH_AFTER,    /* afterExecution of the flow: runs once it is terminated */
    CDZ_BRANCH_LISTENER, /* case_number: which of flow->listeners */
    CDZ_BRANCH_ON_PAUSE, /* onPause of a Pause: runs when the wait begins */
};

struct cdz_task {
    cdz_str id;
    const struct cdz_type *type;
    cdz_str type_name;    /* as written in the flow (perhaps an alias) */
    struct cdz_mark mark; /* of the task's map */
    uint32_t number;      /* position among all tasks of the flow, depth first, from 0 */

    /* Common properties, reference/flow.md §4 */
    cdz_str description;
    const struct cdz_retry *retry; /* or NULL */
    cdz_val timeout;               /* null, duration text, or template */
    cdz_val run_if;                /* null when not given: always; else text or template */
    cdz_val worker_group;          /* map or null */
    cdz_val task_cache;            /* map {enabled, ttl} or null: outputs are kept by input hash */
    cdz_str log_level;             /* empty: all */
    bool disabled, allow_failure, allow_warning, log_to_file;

    /*
     * The type's own properties by name, defaults filled in, expressions of DYNAMIC ones compiled
     * (CDZ_TEMPLATE); children tasks are not in here but below.
     */
    cdz_val props;
    cdz_val source; /* the whole task as written, plain values: for the API and plugin defaults */

    /* Where it stands */
    const struct cdz_task *parent; /* NULL: top level */
    enum cdz_branch branch;
    uint32_t case_number; /* branch CASE: which of parent->cases */
    uint32_t index;       /* position in its list, disabled tasks not counted */
    cdz_val depends_on;   /* in a DAG: list of ids, those of disabled tasks too, or null */

    /* Children; disabled tasks are left out of these lists but are in flow->tasks_all */
    struct cdz_task_list tasks; /* `tasks`, If `then` */
    struct cdz_task_list else_; /* If `else` */
    struct cdz_task_list errors;
    struct cdz_task_list finals;   /* `finally` */
    struct cdz_task_list defaults; /* Switch */
    struct cdz_task_list on_pause; /* Pause: at most one */
    struct cdz_case *cases;        /* Switch */
    size_t case_count;
    bool has_else, has_defaults, has_cases; /* the property was given at all */
    /* DAG: tasks.v[i] starts when every tasks.v[deps[i].v[j]] has ended. NULL otherwise. */
    struct cdz_dag_deps {
        uint32_t *v;
        size_t n;
    } * deps;

    /* What rendering may read of the execution: NULL-safe summary of cdz_val_refs over props,
     * timeout, run_if */
    const struct cdz_needs *needs;

    /* Pause.onResume */
    struct cdz_input *inputs;
    size_t input_count;
    /* FOR_EACH_ITEM: the three tasks it is made of are in `tasks`: <id>_split, <id>_items, <id>_merge;
     * their props are those of this task. */

    /* Not empty: it cannot run and FAILS with this message once it is reached (Template: there is
     * none of that name). */
    cdz_str broken;
};

/* Which parts of an execution the expressions of a task can read; made by the compiler from the
 * static references. */
struct cdz_needs {
    bool everything; /* cannot be known: ship all */
    bool inputs, vars, labels, trigger, parents, tasks, outputs_all;
    struct cdz_need_output {
        cdz_str task_id;
        bool by_value; /* only ever subscripted by the values of the enclosing each tasks */
    } * outputs;
    size_t output_count;
};

struct cdz_input {
    cdz_str id, type; /* type in upper case: "STRING", "INT" ... */
    struct cdz_mark mark;
    cdz_str description, display_name;
    bool required;
    bool has_default;
    cdz_val defaults; /* raw value */
    cdz_val source;   /* the whole input as written: type-specific properties are read from here */
};

struct cdz_flow_output {
    cdz_str id, type;
    cdz_val value; /* compiled */
    cdz_str description;
};

/* A condition of a listener or trigger. */
struct cdz_condition {
    const struct cdz_type *type; /* kind CONDITION */
    cdz_val props;               /* by name, defaults filled in, DYNAMIC ones compiled */
    struct cdz_mark mark;
    struct cdz_conditions { /* Not, Or: `conditions` */
        struct cdz_condition *v;
        size_t n;
    } inner;
    cdz_str *names; /* MultipleCondition: the key of inner.v[i]; else NULL */
};

struct cdz_listener {
    struct cdz_conditions conditions;
    struct cdz_task_list tasks; /* without disabled ones */
};

/* reference/triggers.md. Whatever is particular to a type is in props. */
struct cdz_trigger {
    cdz_str id, type_name;       /* as written */
    const struct cdz_type *type; /* kind TRIGGER; NULL: known by name only (a plugin's) */
    struct cdz_mark mark;
    bool disabled;
    cdz_val props;
    cdz_val source; /* the whole trigger as written, plugin defaults applied: plain values */
    cdz_val labels; /* map key -> text or template, or null */
    struct cdz_conditions conditions; /* scheduleConditions too */
    uint32_t stop_after;              /* bit per enum cdz_state */
    /* Flow trigger */
    uint32_t states;       /* bit per enum cdz_state; 0: not given */
    cdz_val preconditions; /* map, defaults filled in, its EXPRESSION values compiled; or null */
};

/* reference/flow.md §7.1, and what goes beyond it: docs/compatibility.md. limit 0: none is given. */
struct cdz_concurrency {
    unsigned limit;
    enum cdz_concurrency_behavior {
        CDZ_CONCURRENCY_QUEUE,
        CDZ_CONCURRENCY_CANCEL,
        CDZ_CONCURRENCY_FAIL,
        CDZ_CONCURRENCY_CANCEL_PREVIOUS, /* singleton: the new one goes on, the oldest is cancelled */
    } behavior;
    cdz_val key;      /* template or text: one limit for each value of it; null: one for the flow */
    cdz_val priority; /* int, template or null: higher leaves the queue first */
    cdz_str pool;     /* shared by flows, its limit is in the configuration; empty: none */
};

struct cdz_sla {
    cdz_str id;
    enum cdz_sla_kind { CDZ_SLA_MAX_DURATION, CDZ_SLA_ASSERTION } kind;
    enum cdz_sla_behavior { CDZ_SLA_FAIL, CDZ_SLA_CANCEL, CDZ_SLA_NONE } behavior;
    cdz_us duration;
    cdz_val assertion; /* template or text */
    cdz_val labels;    /* map key -> text, or null */
};

/* Before an execution is made: its inputs must hold this. docs/compatibility.md */
struct cdz_flow_check {
    cdz_val condition; /* template or text: truthy is fine */
    cdz_val message;   /* template or text */
    cdz_str style;     /* ERROR, WARNING, INFO, SUCCESS: how it is shown */
    enum cdz_check_behavior {
        CDZ_CHECK_BLOCK,  /* no execution is made */
        CDZ_CHECK_FAIL,   /* it is made and FAILED at once */
        CDZ_CHECK_CREATE, /* it is made; the message is a warning in its log */
    } behavior;
};

struct cdz_flow {
    int refs; /* use cdz_flow_ref/unref */
    struct cdz_arena *arena;
    cdz_str id, namespace_, description;
    int revision;
    bool disabled, deleted;
    cdz_str source;    /* verbatim, without a leading `revision:` line */
    cdz_val labels;    /* map key -> text */
    cdz_val variables; /* map or null; templates compiled so that render(vars.x) is not compiled
                          again */
    struct cdz_input *inputs;
    size_t input_count;
    struct cdz_flow_output *outputs;
    size_t output_count;
    const struct cdz_retry *retry;
    struct cdz_task_list tasks, errors, finals, after; /* without disabled ones */
    struct cdz_listener *listeners;
    size_t listener_count;
    struct cdz_trigger *triggers;
    size_t trigger_count;
    struct cdz_concurrency *concurrency; /* or NULL */
    struct cdz_sla *slas;
    size_t sla_count;
    struct cdz_flow_check *checks;
    size_t check_count;
    struct cdz_task **tasks_all;   /* every task, by number */
    struct cdz_task **tasks_by_id; /* the same, sorted by id: for cdz_flow_task */
    size_t task_count;
    cdz_val document; /* the whole document as plain values: triggers, concurrency, sla, listeners
                         ... */
    cdz_str
        exception; /* not empty: stored text that cannot be parsed any more; tasks are empty then */
};

/* One mistake in a flow's text. */
struct cdz_problem {
    struct cdz_mark mark;
    cdz_str path;    /* "tasks[hello].message": list items by id where they have one */
    cdz_str message; /* as the original words it */
    cdz_str hint;    /* "did you mean `message`?" or empty */
    bool warning;
};

struct cdz_problems {
    struct cdz_arena *arena;
    CDZ_VEC(struct cdz_problem) list;
    size_t errors; /* those that are no warnings */
};
/* Path and message are copied. hint may be NULL. */
void cdz_problem_add(struct cdz_problems *to, struct cdz_mark mark, cdz_str path, const char *hint,
                     const char *fmt, ...) CDZ_PRINTF(5, 6);
/* "file:line:column: path: message (did you mean ...)", one per line, sorted by position. */
void cdz_problems_print(const struct cdz_problems *problems, cdz_str file, struct cdz_buf *to);
/* The original's text of violations: "path: message\n..." ; empty when there are no errors. */
cdz_str cdz_problems_constraints(const struct cdz_problems *problems, struct cdz_arena *arena);

/* What all tasks have in common; ends with name NULL. For docs and schemas. */
extern const struct cdz_prop cdz_task_props[];
/* What all triggers have in common. */
extern const struct cdz_prop cdz_trigger_props[];
/* What a `timeWindow` may have. */
extern const struct cdz_prop cdz_time_window_props[];

struct cdz_flow_options {
    const struct cdz_registry *registry;
    cdz_val plugin_defaults; /* of the server's configuration: list or null */
    bool lenient;            /* unknown properties are warnings: for re-parsing stored flows */
    bool templates;          /* the Template task may be used */
    /* The source of a template, for the tasks that a Template task stands for. NULL: none are known. */
    cdz_rc (*template_source)(void *ctx, cdz_str namespace_, cdz_str id, struct cdz_arena *arena,
                              cdz_str *ret, struct cdz_err *err);
    void *template_ctx;
};

/*
 * Parses, validates and compiles. On CDZ_OK *ret holds one reference (revision 0 unless the text
 * has one). On CDZ_E_INVALID problems has at least one error, and err the first of them with place.
 * problems->arena is the caller's and outlives the flow only by itself: nothing is shared.
 */
CDZ_MUST_USE cdz_rc cdz_flow_parse(cdz_str source, const struct cdz_flow_options *options,
                                   struct cdz_problems *problems, struct cdz_flow **ret,
                                   struct cdz_err *err);
/* A flow whose stored text cannot be parsed any more: it can be shown and deleted, not executed.
 * Texts are copied. */
struct cdz_flow *cdz_flow_broken(cdz_str namespace_, cdz_str id, int revision, cdz_str source,
                                 cdz_str exception);
struct cdz_flow *cdz_flow_ref(struct cdz_flow *flow);
void cdz_flow_unref(struct cdz_flow *flow); /* NULL is fine; threads: any */
/* By id, any level, or NULL. Ids are unique but for the tasks of a template that is used more than
 * once: of those, the first. */
const struct cdz_task *cdz_flow_task(const struct cdz_flow *flow, cdz_str id);
/* The task of that id that stands directly below parent (NULL: on the top level), or NULL. */
const struct cdz_task *cdz_flow_task_below(const struct cdz_flow *flow,
                                           const struct cdz_task *parent, cdz_str id);
/* The flow as the API's JSON (Flow; with_source: FlowWithSource), appended. */
void cdz_flow_json(const struct cdz_flow *flow, bool with_source, struct cdz_buf *to);

/* What resolving inputs may ask of the world; all zero: nothing. */
struct cdz_inputs_options {
    /* Renders expressions of `defaults`, `expression`, `dependsOn.condition`: its root names are known
     * there beside `inputs`, those that the input depends on. NULL: only those. */
    struct cdz_env *env;
    /* A SECRET's plain text to what is stored. NULL: there is no key, plain text is refused. */
    cdz_rc (*encrypt)(void *ctx, cdz_str plain, struct cdz_arena *arena, cdz_str *ret,
                      struct cdz_err *err);
    void *encrypt_ctx;
};

/*
 * Resolves posted values against declared inputs, of a flow or of Pause.onResume (reference/flow.md
 * §6.3): defaults, conversion, validation, nesting of dotted ids. posted: map id -> text or value.
 * FILE: the kestra:// URI of what the caller has uploaded. SECRET: plain text, or {type:
 * io.kestra.datatype:aes_encrypted, value}; stored as the encrypted text alone. options may be NULL.
 * The first wrong one is CDZ_E_INVALID "Invalid input for `id`, ..., but received `...`".
 */
CDZ_MUST_USE cdz_rc cdz_inputs_resolve_list(const struct cdz_input *inputs, size_t n,
                                            cdz_val posted,
                                            const struct cdz_inputs_options *options,
                                            struct cdz_arena *arena, cdz_val *ret,
                                            struct cdz_err *err);
/* The same of a flow, with nothing of the world. */
CDZ_MUST_USE cdz_rc cdz_inputs_resolve(const struct cdz_flow *flow, cdz_val posted,
                                       struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err);

/* Each input by itself, in the order of the declaration: what a form shows. */
struct cdz_input_result {
    bool enabled;    /* false: what it depends on leaves it out */
    bool is_default; /* nothing was posted */
    cdz_val value;   /* converted, or as posted if that is wrong; null: none */
    cdz_str error;   /* message, or empty */
};
void cdz_inputs_check(const struct cdz_input *inputs, size_t n, cdz_val posted,
                      const struct cdz_inputs_options *options, struct cdz_arena *arena,
                      struct cdz_input_result **ret);
/* Converts one value to an input/output type (used for flow outputs too: no min/max check). */
CDZ_MUST_USE cdz_rc cdz_typed_convert(cdz_str id, cdz_str type, cdz_str item_type, cdz_val raw,
                                      struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err);
/* A duration property that is already rendered: text or number of seconds. */
CDZ_MUST_USE cdz_rc cdz_duration_of(cdz_val v, cdz_us *ret, struct cdz_err *err);

#endif
