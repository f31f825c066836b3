/* kv_purge.c -- io.kestra.plugin.core.kv.PurgeKV (of later versions than 0.20): deletes expired keys,
 * or all that match. */
#include "base/time.h"
#include "kv/kv.h"
#include "task/glob.h"
#include "task/run.h"
#include "task/services.h"
#include "task/types.h"

struct purge {
    struct cdz_run *run;
    cdz_val namespaces; /* list of texts, or null: all */
    cdz_str namespace_pattern, key_pattern;
    bool children, expired_only;
    int64_t n;
};

static bool is_chosen(const struct purge *p, cdz_str ns)
{
    CDZ_LIST_EACH (item, p->namespaces) {
        cdz_str want = cdz_val_str(*item);
        if (cdz_str_eq(ns, want) ||
            (p->children && cdz_str_starts(ns, want) && ns.n > want.n && ns.p[want.n] == '.'))
            return true;
    }
    return false;
}

static cdz_rc purge_one(struct purge *p, cdz_str ns, struct cdz_err *err)
{
    struct cdz_run *run = p->run;
    struct cdz_kv_entry *keys;
    size_t n;
    cdz_us now = cdz_now_us();
    CDZ_TRY(cdz_kv_list(run->worker->storage, ns, CDZ_STR(""), run->arena, &keys, &n, err));
    for (size_t i = 0; i < n; i++) {
        bool hit = true, existed;
        if (p->expired_only && (!keys[i].expires || keys[i].expires > now))
            continue;
        if (p->key_pattern.n)
            CDZ_TRY(cdz_glob_match(p->key_pattern, keys[i].key, &hit, err));
        if (!hit)
            continue;
        CDZ_TRY(cdz_kv_del(run->worker->storage, ns, keys[i].key, now, &existed, err));
        p->n++;
    }
    return cdz_run_check(run, err);
}

/* Every namespace that has flows, and those that are named although they have none. */
static cdz_rc purge_all(struct purge *p, struct cdz_err *err)
{
    const struct cdz_task_services *services = p->run->worker->services;
    cdz_str *all = NULL;
    size_t n = 0;
    if (services)
        CDZ_TRY(services->namespaces(services->ctx, p->run->arena, &all, &n, err));
    for (size_t i = 0; i < n; i++) {
        bool hit = true;
        if (p->namespaces.kind == CDZ_LIST)
            hit = is_chosen(p, all[i]);
        else if (p->namespace_pattern.n)
            CDZ_TRY(cdz_glob_match(p->namespace_pattern, all[i], &hit, err));
        if (hit)
            CDZ_TRY(purge_one(p, all[i], err));
    }
    if (p->namespaces.kind != CDZ_LIST)
        return CDZ_OK;
    CDZ_LIST_EACH (item, p->namespaces) {
        bool done = false;
        for (size_t i = 0; i < n && !done; i++)
            done = cdz_str_eq(all[i], cdz_val_str(*item));
        if (!done)
            CDZ_TRY(purge_one(p, cdz_val_str(*item), err));
    }
    return CDZ_OK;
}

/* `expiredOnly` wins over the one inside `behavior`; true is the default. */
static cdz_rc behavior_of(struct purge *p, struct cdz_err *err)
{
    cdz_val behavior;
    if (!cdz_val_is_null(cdz_map_getz(p->run->task->props, "expiredOnly")))
        return cdz_run_bool(p->run, "expiredOnly", &p->expired_only, err);
    CDZ_TRY(cdz_run_prop(p->run, "behavior", &behavior, err));
    cdz_val only = cdz_map_getz(behavior, "expiredOnly");
    p->expired_only = only.kind == CDZ_BOOL   ? only.b
                      : only.kind == CDZ_TEXT ? !cdz_str_ieq(cdz_val_str(only), CDZ_STR("false"))
                                              : true;
    return CDZ_OK;
}

static cdz_rc purge_run(struct cdz_run *run, struct cdz_err *err)
{
    struct purge p = {.run = run};
    CDZ_TRY(cdz_run_texts(run, "namespaces", &p.namespaces, err));
    CDZ_TRY(cdz_run_text(run, "namespacePattern", &p.namespace_pattern, NULL, err));
    CDZ_TRY(cdz_run_text(run, "keyPattern", &p.key_pattern, NULL, err));
    CDZ_TRY(cdz_run_bool(run, "includeChildNamespaces", &p.children, err));
    CDZ_TRY(behavior_of(&p, err));
    if (p.namespaces.kind == CDZ_LIST && p.namespace_pattern.n)
        return cdz_fail(err, CDZ_E_TASK,
                        "only one of `namespaces` and `namespacePattern` can be given");
    CDZ_TRY(purge_all(&p, err));
    cdz_run_logf(run, CDZ_INFO, "purged %lld keys", (long long)p.n);
    cdz_run_output(run, "size", cdz_val_int(p.n));
    return CDZ_OK;
}

static const char *const behavior_types[] = {"key", NULL};
static const struct cdz_prop behavior_props[] = {
    {"type", CDZ_PROP_ENUM, 0, "key", "key.", behavior_types},
    {"expiredOnly", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true", "Only keys that have expired."},
    {0},
};
static const struct cdz_prop props[] = {
    {"namespaces", CDZ_PROP_STRINGS, CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL,
     "Whose keys; of all namespaces by default."},
    {"namespacePattern", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "A glob instead."},
    {"includeChildNamespaces", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC, "true",
     "Those below `namespaces`, too."},
    {"keyPattern", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Only keys that match this glob."},
    {"behavior", CDZ_PROP_OBJECT, 0, NULL, "What is purged.", NULL, behavior_props},
    {"expiredOnly", CDZ_PROP_BOOL, CDZ_PROP_DYNAMIC | CDZ_PROP_DEPRECATED, NULL,
     "The same as in behavior."},
    {0},
};
static const struct cdz_prop outputs[] = {
    {"size", CDZ_PROP_INT, 0, NULL, "Keys that were deleted."},
    {0},
};

const struct cdz_type cdz_task_kv_purge = {
    .type = "io.kestra.plugin.core.kv.PurgeKV",
    .kind = CDZ_RUNNABLE,
    .title = "Delete keys, the expired ones by default.",
    .props = props,
    .outputs = outputs,
    .run = purge_run,
};
