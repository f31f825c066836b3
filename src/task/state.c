/*
 * state.c -- io.kestra.plugin.core.state: Get, Set, Delete
 *
 * A state is a JSON object in "/<ns>[/<flow>]/states/tasks-states/[<hash of the value>/]<name>": of the
 * flow or of the namespace, and apart for each value of an each task.
 */
#include <ctype.h>

#include "base/limits.h"
#include "expr/crypt.h"
#include "task/run.h"
#include "task/types.h"

enum { NAME_MAX_BYTES = 200, HASH_DIGITS = 16 };

struct state {
    cdz_str name, key; /* key: below the folder of states */
    cdz_str path;
    cdz_val data; /* map */
    bool is_there;
};

static cdz_rc locate(struct cdz_run *run, struct state *s, struct cdz_err *err)
{
    const struct cdz_job *j = run->job;
    cdz_str hash = CDZ_STR("");
    bool of_namespace, by_value;
    CDZ_TRY(cdz_run_text(run, "name", &s->name, NULL, err));
    CDZ_TRY(cdz_run_bool(run, "namespace", &of_namespace, err));
    CDZ_TRY(cdz_run_bool(run, "taskrunValue", &by_value, err));
    bool good = s->name.n > 0 && s->name.n <= NAME_MAX_BYTES && s->name.p[0] != '.';
    for (size_t i = 0; i < s->name.n; i++)
        good = good && s->name.p[i] != '/' && !iscntrl((unsigned char)s->name.p[i]);
    if (!good)
        return cdz_fail(err, CDZ_E_TASK, "`%.*s` cannot be the name of a state",
                        CDZ_S(cdz_str_sub(s->name, 0, NAME_MAX_BYTES)));
    if (by_value && j->value.p) {
        CDZ_TRY(cdz_hash_hex("SHA256", j->value, run->arena, &hash, err));
        hash = cdz_str_sub(hash, 0, HASH_DIGITS);
    }
    s->key = cdz_arena_printf(run->arena, "tasks-states/%.*s%s%.*s", CDZ_S(hash), hash.n ? "/" : "",
                              CDZ_S(s->name));
    cdz_str folder =
        cdz_path_flow(j->namespace_, of_namespace ? CDZ_STR("") : j->flow_id, run->arena);
    s->path = cdz_arena_printf(run->arena, "%.*s/states/%.*s", CDZ_S(folder), CDZ_S(s->key));
    return CDZ_OK;
}

static cdz_rc load(struct cdz_run *run, struct state *s, struct cdz_err *err)
{
    struct cdz_err why;
    cdz_str text;
    CDZ_TRY(locate(run, s, err));
    s->data = cdz_val_map(run->arena, 0);
    cdz_rc rc = cdz_storage_get(run->worker->storage, s->path, CDZ_OUTPUT_BYTES_MAX, run->arena,
                                &text, err);
    s->is_there = rc == CDZ_OK;
    if (rc == CDZ_E_NOT_FOUND)
        return CDZ_OK;
    CDZ_TRY(rc);
    if (cdz_json_parse(text, run->arena, &s->data, &why) != CDZ_OK || s->data.kind != CDZ_MAP)
        return cdz_fail(err, CDZ_E_CORRUPT, "the state file '%.*s' is no JSON object",
                        CDZ_S(s->name));
    return CDZ_OK;
}

static cdz_rc missing(struct cdz_run *run, const struct state *s, struct cdz_err *err)
{
    bool must;
    CDZ_TRY(cdz_run_bool(run, "errorOnMissing", &must, err));
    if (!s->is_there && must)
        return cdz_fail(err, CDZ_E_TASK, "Unable to find the state file '%.*s'", CDZ_S(s->name));
    return CDZ_OK;
}

static cdz_rc get_run(struct cdz_run *run, struct cdz_err *err)
{
    struct state s = {0};
    CDZ_TRY(load(run, &s, err));
    CDZ_TRY(missing(run, &s, err));
    cdz_run_output(run, "count", cdz_val_i32((int32_t)cdz_map_n(s.data)));
    cdz_run_output(run, "data", s.data);
    return CDZ_OK;
}

static cdz_rc set_run(struct cdz_run *run, struct cdz_err *err)
{
    struct state s = {0};
    cdz_val data;
    CDZ_TRY(load(run, &s, err));
    CDZ_TRY(cdz_run_json(run, "data", &data, err));
    if (data.kind == CDZ_MAP)
        s.data = cdz_val_merge(run->arena, s.data, data);
    else if (!cdz_val_is_null(data))
        return cdz_fail(err, CDZ_E_TASK, "property `data` must be a map, not a %s",
                        cdz_val_kind_name(data));
    cdz_str json = cdz_json_text(run->arena, s.data, 0);
    if (json.n > CDZ_OUTPUT_BYTES_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "the state '%.*s' would have more than %u bytes",
                        CDZ_S(s.name), CDZ_OUTPUT_BYTES_MAX);
    CDZ_TRY(cdz_storage_put(run->worker->storage, s.path, json, err));
    cdz_run_output(run, "count", cdz_val_i32((int32_t)cdz_map_n(s.data)));
    cdz_run_output(run, "key", cdz_val_text(s.key));
    return CDZ_OK;
}

static cdz_rc delete_run(struct cdz_run *run, struct cdz_err *err)
{
    struct state s = {0};
    struct cdz_file_info info;
    CDZ_TRY(locate(run, &s, err));
    cdz_rc rc = cdz_storage_info(run->worker->storage, s.path, run->arena, &info, err);
    s.is_there = rc == CDZ_OK;
    if (rc != CDZ_OK && rc != CDZ_E_NOT_FOUND)
        return rc;
    CDZ_TRY(missing(run, &s, err));
    CDZ_TRY(cdz_storage_del(run->worker->storage, s.path, err));
    cdz_run_output(run, "deleted", cdz_val_bool(s.is_there));
    return CDZ_OK;
}

#define SHARED                                                                                     \
    {"name", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, "default", "Of the state."},                       \
        {"namespace", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "false",                                    \
         "Shared by all flows of the namespace."},                                                 \
    {                                                                                              \
        "taskrunValue", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true",                                   \
            "Apart for each value of an each task."                                                \
    }
#define ERROR_ON_MISSING                                                                           \
    {                                                                                              \
        "errorOnMissing", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "false", "Fail when there is none."     \
    }

static const struct cdz_prop get_props[] = {SHARED, ERROR_ON_MISSING, {0}};
static const struct cdz_prop set_props[] = {
    SHARED,
    {"data", CDZ_PROP_MAP, CDZ_PROP_DYNAMIC, NULL, "Merged into what is there."},
    {0},
};
static const struct cdz_prop get_outputs[] = {
    {"count", CDZ_PROP_INT, 0, NULL, "Number of keys."},
    {"data", CDZ_PROP_MAP, 0, NULL, "The state."},
    {0},
};
static const struct cdz_prop set_outputs[] = {
    {"count", CDZ_PROP_INT, 0, NULL, "Number of keys."},
    {"key", CDZ_PROP_STRING, 0, NULL, "Where it is kept."},
    {0},
};
static const struct cdz_prop delete_outputs[] = {
    {"deleted", CDZ_PROP_BOOL, 0, NULL, "Whether it was there."},
    {0},
};

const struct cdz_type cdz_task_state_get = {
    .type = "io.kestra.plugin.core.state.Get",
    .aliases = (const char *const[]){"io.kestra.core.tasks.states.Get", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Get what an earlier execution has kept as state.",
    .props = get_props,
    .outputs = get_outputs,
    .run = get_run,
};
const struct cdz_type cdz_task_state_set = {
    .type = "io.kestra.plugin.core.state.Set",
    .aliases = (const char *const[]){"io.kestra.core.tasks.states.Set", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Keep values as state for later executions.",
    .props = set_props,
    .outputs = set_outputs,
    .run = set_run,
};
const struct cdz_type cdz_task_state_delete = {
    .type = "io.kestra.plugin.core.state.Delete",
    .aliases = (const char *const[]){"io.kestra.core.tasks.states.Delete", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Delete a state.",
    .props = get_props,
    .outputs = delete_outputs,
    .run = delete_run,
};
