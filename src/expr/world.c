/*
 * world.c -- functions that ask the world: read, fileSize, fileURI, kv, secret, errorLogs.
 *
 * This file checks the arguments and what an expression may ask for; cdz_env.world answers. A file
 * of the internal storage may be read only if it belongs to this execution, or to the execution
 * that triggered it: the check is made here, on the text of the URI, so that no implementation of
 * the world can forget it.
 */
#include "base/limits.h"
#include "expr/registry.h"

#define SCHEME "kestra://"

static cdz_rc ask(struct cdz_call *call, enum cdz_world_call what, const cdz_val *args, size_t n,
                  cdz_val *ret)
{
    if (!call->env->world)
        return cdz_fail(call->err, CDZ_E_EXPRESSION, "The '%s' function is not available here.",
                        call->name);
    return call->env->world(call->env, what, args, n, call->arena, ret, call->err);
}

/* Argument i as a text that is not null. */
static cdz_rc text_arg(struct cdz_call *call, size_t i, const char *arg, cdz_str *ret)
{
    if (!call->given[i] || call->args[i].kind != CDZ_TEXT)
        return cdz_fail(call->err, CDZ_E_EXPRESSION, "The '%s' function expects an argument '%s'.",
                        call->name, arg);
    *ret = cdz_val_str(call->args[i]);
    return CDZ_OK;
}

/* root.name as a text; empty when there is none. */
static cdz_str variable(struct cdz_call *call, const char *root, const char *name)
{
    cdz_val v;
    if (!call->env->lookup(call->env, cdz_str_z(root), call->arena, &v))
        return CDZ_STR("");
    if (v.kind == CDZ_LAZY) {
        cdz_val item;
        if (!v.lazy->get(v.lazy, cdz_str_z(name), call->arena, &item))
            return CDZ_STR("");
        v = item;
    } else {
        v = cdz_map_getz(v, name);
    }
    return v.kind == CDZ_TEXT ? cdz_val_str(v) : CDZ_STR("");
}

static cdz_str dots_to_slashes(struct cdz_arena *arena, cdz_str namespace)
{
    char *p = cdz_arena_alloc(arena, namespace.n);
    for (size_t i = 0; i < namespace.n; i++)
        p[i] = namespace.p[i] == '.' ? '/' : namespace.p[i];
    return (cdz_str){p, namespace.n};
}

/* A flow's id as it stands in storage paths: lower case, '_' as '-', no dots. */
static cdz_str slug(struct cdz_arena *arena, cdz_str id)
{
    char *p = cdz_arena_alloc(arena, id.n);
    size_t n = 0;
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c == '_')
            c = '-';
        if (c != '.')
            p[n++] = c;
    }
    return (cdz_str){p, n};
}

/* Whether uri lies below that execution's folder. */
static bool belongs_to(struct cdz_call *call, cdz_str uri, cdz_str namespace, cdz_str flow,
                       cdz_str execution)
{
    if (namespace.n == 0 || flow.n == 0 || execution.n == 0)
        return false;
    cdz_str folder = dots_to_slashes(call->arena, namespace), slugged = slug(call->arena, flow);
    cdz_str plain = cdz_arena_printf(call->arena, SCHEME "/%.*s/%.*s/executions/%.*s/",
                                     CDZ_S(folder), CDZ_S(flow), CDZ_S(execution));
    cdz_str slugs = cdz_arena_printf(call->arena, SCHEME "/%.*s/%.*s/executions/%.*s/",
                                     CDZ_S(folder), CDZ_S(slugged), CDZ_S(execution));
    return cdz_str_starts(uri, plain) || cdz_str_starts(uri, slugs);
}

/* "..", as a part of the path or percent-encoded, would lead out of a folder that belongs_to has
 * approved. */
static bool climbs(cdz_str path)
{
    for (size_t at = 0; at < path.n;) {
        size_t end = cdz_str_chr(path, '/', at);
        if (cdz_str_is(cdz_str_sub(path, at, end), ".."))
            return true;
        if (end == SIZE_MAX)
            break;
        at = end + 1;
    }
    return cdz_str_find(path, CDZ_STR("%2e"), 0) != SIZE_MAX ||
           cdz_str_find(path, CDZ_STR("%2E"), 0) != SIZE_MAX;
}

static cdz_rc check_owner(struct cdz_call *call, cdz_str uri)
{
    cdz_val trigger;
    if (!climbs(uri)) {
        if (belongs_to(call, uri, variable(call, "flow", "namespace"), variable(call, "flow", "id"),
                       variable(call, "execution", "id")))
            return CDZ_OK;
        if (belongs_to(call, uri, variable(call, "trigger", "namespace"),
                       variable(call, "trigger", "flowId"),
                       variable(call, "trigger", "executionId")))
            return CDZ_OK;
    }
    bool has_parent = call->env->lookup(call->env, CDZ_STR("trigger"), call->arena, &trigger);
    return cdz_fail(call->err, CDZ_E_EXPRESSION,
                    "Unable to read the file '%.*s' as it didn't belong to the %s execution",
                    CDZ_S(cdz_str_sub(uri, 0, 200)), has_parent ? "parent" : "current");
}

static cdz_rc fn_read(struct cdz_call *call, cdz_val *ret)
{
    cdz_str path;
    CDZ_TRY(text_arg(call, 0, "path", &path));
    if (cdz_str_starts(path, CDZ_STR(SCHEME)))
        CDZ_TRY(check_owner(call, path));
    else if (climbs(path))
        return cdz_fail(call->err, CDZ_E_EXPRESSION, "Path must not contain '../'");
    return ask(call, CDZ_WORLD_READ, call->args, 1, ret);
}

static cdz_rc fn_file_size(struct cdz_call *call, cdz_val *ret)
{
    cdz_str path;
    CDZ_TRY(text_arg(call, 0, "path", &path));
    if (!cdz_str_starts(path, CDZ_STR(SCHEME)))
        return cdz_fail(call->err, CDZ_E_EXPRESSION, "Unable to create the URI from the path %.*s",
                        CDZ_S(cdz_str_sub(path, 0, 200)));
    CDZ_TRY(check_owner(call, path));
    return ask(call, CDZ_WORLD_FILE_SIZE, call->args, 1, ret);
}

static cdz_rc fn_file_uri(struct cdz_call *call, cdz_val *ret)
{
    cdz_str path, namespace = variable(call, "flow", "namespace");
    CDZ_TRY(text_arg(call, 0, "path", &path));
    if (climbs(path))
        return cdz_fail(call->err, CDZ_E_EXPRESSION, "Path must not contain '../'");
    while (path.n > 0 && path.p[0] == '/')
        path = cdz_str_sub(path, 1, path.n);
    cdz_str folder = dots_to_slashes(call->arena, namespace);
    *ret = cdz_val_text(
        cdz_arena_printf(call->arena, SCHEME "/%.*s/_files/%.*s", CDZ_S(folder), CDZ_S(path)));
    return CDZ_OK;
}

static cdz_rc fn_kv(struct cdz_call *call, cdz_val *ret)
{
    cdz_str key = CDZ_STR(""), ns = variable(call, "flow", "namespace");
    CDZ_TRY(text_arg(call, 0, "key", &key));
    if (call->args[1].kind == CDZ_TEXT)
        ns = cdz_val_str(call->args[1]);
    bool must_exist = call->args[2].kind == CDZ_BOOL && call->args[2].b;
    const cdz_val args[] = {call->args[0], ns.n ? cdz_val_text(ns) : CDZ_VAL_NULL,
                            cdz_val_bool(must_exist)};
    CDZ_TRY(ask(call, CDZ_WORLD_KV, args, 3, ret));
    if (must_exist && cdz_val_is_null(*ret))
        return cdz_fail(
            call->err, CDZ_E_EXPRESSION, "The key '%.*s' does not exist in the namespace '%.*s'.",
            CDZ_S(cdz_str_sub(key, 0, 100)), CDZ_S(cdz_str_sub(ns, 0, CDZ_NAMESPACE_MAX)));
    return CDZ_OK;
}

static cdz_rc fn_secret(struct cdz_call *call, cdz_val *ret)
{
    cdz_str key;
    CDZ_TRY(text_arg(call, 0, "key", &key));
    return ask(call, CDZ_WORLD_SECRET, call->args, 1, ret);
}

static cdz_rc fn_error_logs(struct cdz_call *call, cdz_val *ret)
{
    return ask(call, CDZ_WORLD_ERROR_LOGS, NULL, 0, ret);
}

const struct cdz_callable cdz_world_functions[] = {
    {"read", {"path"}, fn_read, false},
    {"fileSize", {"path"}, fn_file_size, false},
    {"fileURI", {"path"}, fn_file_uri, false},
    {"kv", {"key", "namespace", "errorOnMissing"}, fn_kv, false},
    {"secret", {"key"}, fn_secret, false},
    {"errorLogs", {NULL}, fn_error_logs, false},
    {0},
};
