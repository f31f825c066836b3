/*
 * type.h -- the descriptor of a task type, condition, trigger or task runner: one constant per
 * type, in the file that implements it. Validation, defaults, JSON Schema, docs and /api/v1/plugins
 * all read it; nothing is written twice. To add a type: copy task/template.c and follow
 * docs/recipes/task-type.md.
 */
#ifndef CDZ_MODEL_TYPE_H
#define CDZ_MODEL_TYPE_H

#include "base/val.h"

enum cdz_prop_kind {
    CDZ_PROP_STRING, /* scalar; kept as text */
    CDZ_PROP_INT,    /* integer, or text with an expression when DYNAMIC */
    CDZ_PROP_FLOAT,
    CDZ_PROP_BOOL,
    CDZ_PROP_DURATION, /* ISO-8601 or seconds */
    CDZ_PROP_ENUM,     /* one of `values` */
    CDZ_PROP_LIST,     /* list of anything, or DYNAMIC text that renders to a JSON list */
    CDZ_PROP_STRINGS, /* list of scalars, each one of `values` if there are some; with CDZ_PROP_ONE a
                          single scalar is a list of one */
    CDZ_PROP_MAP,     /* map of anything, or DYNAMIC text that renders to a JSON object */
    CDZ_PROP_ANY,
    CDZ_PROP_OBJECT,  /* map with the properties of `nested` */
    CDZ_PROP_OBJECTS, /* list of such maps */
    CDZ_PROP_TASKS, /* list of tasks: children of a flowable; with CDZ_PROP_ONE: one task, no list */
    CDZ_PROP_CASES,  /* map of lists of tasks (Switch.cases) */
    CDZ_PROP_DAG,    /* list of {task, dependsOn} */
    CDZ_PROP_PLUGIN, /* map with its own `type` (task runner) */
    CDZ_PROP_CONDITIONS, /* list of conditions: maps with their own `type`; with CDZ_PROP_NAMED: a map */
    CDZ_PROP_INPUTS, /* list of inputs (Pause.onResume) */
    CDZ_PROP_LABELS, /* map, or list of {key, value}; the value is a map key -> text or template */
};

enum {
    CDZ_PROP_REQUIRED = 1,  /* must be there and not null */
    CDZ_PROP_DYNAMIC = 2,   /* rendered before use: expressions are compiled with the flow */
    CDZ_PROP_NOT_EMPTY = 4, /* a list or map with at least one member */
    CDZ_PROP_ONE = 8,       /* STRINGS: a single scalar is accepted too */
    CDZ_PROP_DEPRECATED = 16,
    CDZ_PROP_HIDDEN = 32, /* accepted, not shown in docs */
    CDZ_PROP_NAMED = 64,  /* CONDITIONS: a map name -> condition (MultipleCondition) */
};

struct cdz_prop {
    const char *name;
    enum cdz_prop_kind kind;
    unsigned flags;
    const char *fallback;      /* default, written as YAML; NULL: none. Filled in by the compiler */
    const char *doc;           /* one sentence */
    const char *const *values; /* ENUM, STRINGS: NULL-terminated */
    const struct cdz_prop *nested; /* OBJECT, OBJECTS: ends with name NULL */
    int64_t min;                   /* INT: least value; applies when CDZ_PROP_INT and has_min */
    bool has_min;
};

enum cdz_type_kind {
    CDZ_RUNNABLE,   /* run by a worker */
    CDZ_FLOWABLE,   /* decided by the executor */
    CDZ_EXECUTABLE, /* creates executions, in the executor */
    CDZ_UPDATING,   /* changes its own execution, in the executor (Labels, SetVariables ...) */
    CDZ_TRIGGER,
    CDZ_CONDITION,
    CDZ_TASK_RUNNER,
};

/* Which state machine of src/exec a task uses that the executor itself carries out. */
enum cdz_flow_kind {
    CDZ_FLOW_NONE,
    CDZ_FLOW_SEQUENTIAL,
    CDZ_FLOW_PARALLEL,
    CDZ_FLOW_ALLOW_FAILURE,
    CDZ_FLOW_SWITCH,
    CDZ_FLOW_IF,
    CDZ_FLOW_DAG,
    CDZ_FLOW_EACH_SEQUENTIAL,
    CDZ_FLOW_EACH_PARALLEL,
    CDZ_FLOW_FOR_EACH,
    CDZ_FLOW_FOR_EACH_ITEM,
    CDZ_FLOW_PAUSE,
    CDZ_FLOW_LOOP, /* WaitFor, LoopUntil */
    CDZ_FLOW_TEMPLATE,
    CDZ_FLOW_WORKING_DIRECTORY, /* kind RUNNABLE: one job; its tasks are run by the worker */
    CDZ_FLOW_SUBFLOW,           /* kind EXECUTABLE */
    CDZ_FLOW_ITEMS,             /* kind EXECUTABLE: the middle one of ForEachItem's three */
    CDZ_FLOW_WAIT_EVENT,        /* kind EXECUTABLE: waits for an event by its key */
    CDZ_FLOW_LABELS,            /* kind UPDATING, and the next three */
    CDZ_FLOW_SET_VARIABLES,
    CDZ_FLOW_UNSET_VARIABLES,
    CDZ_FLOW_EXIT,
};

struct cdz_run;  /* task/run.h: what a running task may do */
struct cdz_task; /* model/flow.h */
struct cdz_problems;
struct cdz_condition;     /* model/flow.h */
struct cdz_condition_ctx; /* condition/condition.h */

struct cdz_type {
    const char *type;           /* canonical name */
    const char *const *aliases; /* NULL-terminated, or NULL */
    enum cdz_type_kind kind;
    enum cdz_flow_kind flow_kind; /* FLOWABLE, EXECUTABLE, UPDATING */
    const char *title;            /* one sentence */
    const struct cdz_prop
        *props; /* ends with name NULL; the common task properties are not repeated */
    const struct cdz_prop *outputs; /* for docs */
    /* Checks beyond the descriptor (may be NULL); adds problems with cdz_problem_add. */
    void (*check)(const struct cdz_task *task, struct cdz_problems *problems);
    /* RUNNABLE: runs one attempt; see task/run.h. */
    cdz_rc (*run)(struct cdz_run *run, struct cdz_err *err);
    /* CONDITION: pure; ctx is the caller's. */
    cdz_rc (*holds)(const struct cdz_condition *condition, struct cdz_condition_ctx *ctx, bool *ret,
                    struct cdz_err *err);
    bool reads_all; /* has expressions that are known at run time only: it gets all variables */
    bool quick;     /* ends within microseconds: no RUNNING message is sent ahead of the result */
};

/* All types a server knows; made once at start (plugin/registry.c) and constant afterwards. */
struct cdz_registry {
    const struct cdz_type *const *types; /* in no order */
    size_t n;
};
/* By canonical name or alias, exact case; NULL if unknown. */
const struct cdz_type *cdz_type_find(const struct cdz_registry *reg, cdz_str name);
/* The known name nearest to `name` (same or similar last word), or NULL: for "did you mean". */
const char *cdz_type_nearest(const struct cdz_registry *reg, cdz_str name, enum cdz_type_kind kind);

#endif
