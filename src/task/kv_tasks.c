/* kv_tasks.c -- io.kestra.plugin.core.kv: Set, Get, GetKeys, Delete */
#include "base/time.h"
#include "kv/kv.h"
#include "task/run.h"
#include "task/types.h"

static const char *const kinds[] = {"STRING", "NUMBER",   "BOOLEAN", "DATETIME",
                                    "DATE",   "DURATION", "JSON",    NULL};

static cdz_rc names_of(struct cdz_run *run, cdz_str *ns, cdz_str *key, struct cdz_err *err)
{
    CDZ_TRY(cdz_run_text(run, "namespace", ns, NULL, err));
    return cdz_run_text(run, "key", key, NULL, err);
}

/* The value itself when the property is one expression, as its author sees it. */
static cdz_rc typed_value(struct cdz_run *run, cdz_val *ret, struct cdz_err *err)
{
    cdz_val v = cdz_map_getz(run->task->props, "value"), kind = CDZ_VAL_NULL;
    if (v.kind == CDZ_TEMPLATE) {
        run->env->steps_left = 0;
        CDZ_TRY(cdz_template_eval(v.tpl, run->env, run->arena, ret, err));
    } else {
        CDZ_TRY(cdz_run_prop(run, "value", ret, err));
    }
    CDZ_TRY(cdz_run_prop(run, "kvType", &kind, err));
    if (ret->kind == CDZ_TEXT && kind.kind == CDZ_TEXT)
        return cdz_kv_convert(cdz_val_str(*ret), cdz_val_str(kind), run->arena, ret, err);
    return CDZ_OK;
}

static cdz_rc set_run(struct cdz_run *run, struct cdz_err *err)
{
    cdz_str ns, key, description;
    cdz_val value;
    cdz_us ttl = 0;
    bool overwrite;
    CDZ_TRY(names_of(run, &ns, &key, err));
    CDZ_TRY(typed_value(run, &value, err));
    CDZ_TRY(cdz_run_bool(run, "overwrite", &overwrite, err));
    CDZ_TRY(cdz_run_text(run, "kvDescription", &description, NULL, err));
    if (!cdz_val_is_null(cdz_map_getz(run->task->props, "ttl")))
        CDZ_TRY(cdz_run_duration(run, "ttl", &ttl, err));
    return cdz_kv_put_described(run->worker->storage, ns, key, value, ttl, overwrite, description,
                                cdz_now_us(), err);
}

static cdz_rc get_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_kv_entry e = {.value = CDZ_VAL_NULL};
    cdz_str ns, key;
    bool must;
    CDZ_TRY(names_of(run, &ns, &key, err));
    CDZ_TRY(cdz_run_bool(run, "errorOnMissing", &must, err));
    cdz_rc rc = cdz_kv_get(run->worker->storage, ns, key, cdz_now_us(), run->arena, &e, err);
    if (rc != CDZ_OK && (rc != CDZ_E_NOT_FOUND || must))
        return rc;
    cdz_run_output(run, "value", e.value);
    return CDZ_OK;
}

static cdz_rc keys_run(struct cdz_run *run, struct cdz_err *err)
{
    struct cdz_kv_entry *v;
    cdz_val keys = cdz_val_list(run->arena, 0);
    cdz_str ns, prefix;
    size_t n;
    cdz_us now = cdz_now_us();
    CDZ_TRY(cdz_run_text(run, "namespace", &ns, NULL, err));
    CDZ_TRY(cdz_run_text(run, "prefix", &prefix, NULL, err));
    CDZ_TRY(cdz_kv_list(run->worker->storage, ns, prefix, run->arena, &v, &n, err));
    for (size_t i = 0; i < n; i++) {
        if (!v[i].expires || v[i].expires > now)
            cdz_list_push(run->arena, keys, cdz_val_text(v[i].key));
    }
    cdz_run_output(run, "keys", keys);
    return CDZ_OK;
}

static cdz_rc delete_run(struct cdz_run *run, struct cdz_err *err)
{
    cdz_str ns, key;
    bool must, existed;
    CDZ_TRY(names_of(run, &ns, &key, err));
    CDZ_TRY(cdz_run_bool(run, "errorOnMissing", &must, err));
    CDZ_TRY(cdz_kv_del(run->worker->storage, ns, key, cdz_now_us(), &existed, err));
    if (!existed && must)
        return cdz_fail(err, CDZ_E_TASK, "No value found for key '%.*s' in namespace '%.*s'",
                        CDZ_S(key), CDZ_S(ns));
    cdz_run_output(run, "deleted", cdz_val_bool(existed));
    return CDZ_OK;
}

#define NAMESPACE                                                                                  \
    {                                                                                              \
        "namespace", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, "\"{{ flow.namespace }}\"",                \
            "Whose store; the flow's own by default."                                              \
    }
#define KEY                                                                                        \
    {                                                                                              \
        "key", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "The key."             \
    }
#define ERROR_ON_MISSING                                                                           \
    {                                                                                              \
        "errorOnMissing", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "false",                                \
            "Fail when there is no such key."                                                      \
    }

static const struct cdz_prop set_props[] = {
    KEY,
    {"value", CDZ_PROP_ANY, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL,
     "What to keep; a single expression keeps its type."},
    NAMESPACE,
    {"overwrite", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true", "Fail when false and the key is there."},
    {"ttl", CDZ_PROP_DURATION, CDZ_PROP_DYNAMIC, NULL, "How long it is kept; for ever by default."},
    {"kvType", CDZ_PROP_ENUM, CDZ_PROP_DYNAMIC, NULL, "What a text is converted to.", kinds},
    {"kvDescription", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "What it is, for people."},
    {0},
};
static const struct cdz_prop get_props[] = {KEY, NAMESPACE, ERROR_ON_MISSING, {0}};
static const struct cdz_prop keys_props[] = {
    {"prefix", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Only keys that begin like this."},
    NAMESPACE,
    {0},
};
static const struct cdz_prop get_outputs[] = {
    {"value", CDZ_PROP_ANY, 0, NULL, "The value, or null."},
    {0},
};
static const struct cdz_prop keys_outputs[] = {
    {"keys", CDZ_PROP_LIST, 0, NULL, "The keys, sorted."},
    {0},
};
static const struct cdz_prop delete_outputs[] = {
    {"deleted", CDZ_PROP_BOOL, 0, NULL, "Whether it was there."},
    {0},
};

const struct cdz_type cdz_task_kv_set = {
    .type = "io.kestra.plugin.core.kv.Set",
    .kind = CDZ_RUNNABLE,
    .title = "Keep a value under a key.",
    .props = set_props,
    .run = set_run,
};
const struct cdz_type cdz_task_kv_get = {
    .type = "io.kestra.plugin.core.kv.Get",
    .kind = CDZ_RUNNABLE,
    .title = "Get the value of a key.",
    .props = get_props,
    .outputs = get_outputs,
    .run = get_run,
};
const struct cdz_type cdz_task_kv_get_keys = {
    .type = "io.kestra.plugin.core.kv.GetKeys",
    .kind = CDZ_RUNNABLE,
    .title = "List keys.",
    .props = keys_props,
    .outputs = keys_outputs,
    .run = keys_run,
};
const struct cdz_type cdz_task_kv_delete = {
    .type = "io.kestra.plugin.core.kv.Delete",
    .kind = CDZ_RUNNABLE,
    .title = "Delete a key.",
    .props = get_props,
    .outputs = delete_outputs,
    .run = delete_run,
};
