/*
 * config.c -- file, environment and command line into one struct. Keys are compared in a normal
 * form: lower case without '-' and '_', so that base-path, basePath and BASE_PATH are one.
 */
#include "server/config.h"

#include <ctype.h>
#include <errno.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "yaml/yaml.h"

extern char **environ;

/* Every key a server reads, below the root. "*": the user's own names follow. Keep in step with
 * docs/configuration.md. */
static const struct {
    const char *key, *fallback, *doc;
} known[] = {
    {"queue.type", "sqlite", "where records travel: sqlite or memory"},
    {"repository.type", "sqlite", "what the API searches: sqlite or memory"},
    {"storage.type", "local", "where files are kept: local"},
    {"storage.local.base-path", "", "directory of local storage; default <data>/storage"},
    {"url", "", "external base URL, for links"},
    {"pools.*", "", "limits that flows share by `concurrency.pool`: a name and how many at once"},
    {"encryption.secret-key", "", "base64 of 32 bytes, for SECRET inputs and outputs"},
    {"secret.file", "", "YAML or NAME=value lines: where secret() looks behind SECRET_<NAME>"},
    {"templates.enabled", "false", "accept templates"},
    {"variables.globals.*", "", "`globals.*` of expressions"},
    {"variables.env-vars-prefix", "KESTRA_",
     "environment variables with this prefix become `envs.*`"},
    {"variables.recursive-rendering", "false", "render what was rendered again until it is stable"},
    {"variables.cache-enabled", "", "accepted; expressions are always compiled once"},
    {"variables.cache-size", "", "accepted; not needed"},
    {"tasks.tmp-dir.path", "", "where working directories are made; default <data>/tmp"},
    {"tasks.defaults.*", "", "plugin defaults (old name)"},
    {"plugins.defaults.*", "", "plugin defaults"},
    {"plugins.configurations.*", "", "accepted for plugins of a later release"},
    {"server.basic-auth.enabled", "false", "ask for user and password"},
    {"server.basic-auth.username", "", ""},
    {"server.basic-auth.password", "", ""},
    {"server.basic-auth.realm", "Kestra", ""},
    {"server.basic-auth.open-urls.*", "", ""},
    {"server.termination-grace-period", "PT5M", "how long a stopping worker waits for its tasks"},
    {"server.host", "127.0.0.1", "address to listen on"},
    {"server.port", "8080", "port to listen on"},
    {"server.worker-threads", "", "attempts that run at once; default 8 x cores, at least 16"},
    {"tutorial-flows.enabled", "", "accepted"},
    {"anonymous-usage-report.enabled", "", "accepted; nothing is ever reported"},
    {"anonymous-usage-report.*", "", "accepted"},
    {"system-flows.namespace", "system", "namespace of system flows"},
    {"hidden-labels.prefixes.*", "", ""},
    {"environment.name", "", ""},
    {"environment.color", "", ""},
    {"retries.*", "", "accepted"},
    {"jdbc.*", "", "accepted; the embedded store needs none of it"},
    {"metrics.prefix", "kestra", ""},
    {"webserver.*", "", "accepted"},
};

static cdz_str normal(cdz_str key, struct cdz_arena *arena)
{
    char *p = cdz_arena_alloc(arena, key.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < key.n; i++) {
        if (key.p[i] != '-' && key.p[i] != '_')
            p[n++] = (char)tolower((unsigned char)key.p[i]);
    }
    return (cdz_str){p, n};
}

static cdz_val normal_tree(cdz_val v, struct cdz_arena *arena)
{
    if (v.kind != CDZ_MAP)
        return v;
    cdz_val to = cdz_val_map(arena, cdz_map_n(v));
    CDZ_MAP_EACH (e, v) {
        cdz_str key = e->key;
        cdz_val into = to;
        for (;;) { /* "a.b: 1" is "a: {b: 1}" */
            size_t dot = cdz_str_chr(key, '.', 0);
            if (dot == SIZE_MAX)
                break;
            cdz_str first = normal(cdz_str_sub(key, 0, dot), arena);
            cdz_val next = cdz_map_get(into, first);
            if (next.kind != CDZ_MAP)
                cdz_map_put(arena, into, first, next = cdz_val_map(arena, 0));
            into = next;
            key = cdz_str_sub(key, dot + 1, key.n);
        }
        cdz_str name = normal(key, arena);
        cdz_val below = normal_tree(e->val, arena), *have = cdz_map_find(into, name);
        cdz_map_put(arena, into, name, have ? cdz_val_merge(arena, *have, below) : below);
    }
    return to;
}

static cdz_val get_normal(cdz_val tree, cdz_str key, struct cdz_arena *arena)
{
    cdz_str rest = normal(key, arena);
    while (rest.n > 0) {
        size_t dot = cdz_str_chr(rest, '.', 0);
        tree = cdz_map_get(tree, cdz_str_sub(rest, 0, dot));
        rest = dot == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(rest, dot + 1, rest.n);
    }
    return tree;
}

cdz_val cdz_config_get(const struct cdz_config *c, const char *key)
{
    return get_normal(c->tree, cdz_str_z(key), c->arena);
}

static const char *fallback_of(const char *key)
{
    for (size_t i = 0; i < CDZ_COUNT(known); i++) {
        if (strcmp(known[i].key, key) == 0)
            return known[i].fallback;
    }
    return "";
}

static cdz_str text_of(const struct cdz_config *c, const char *key)
{
    cdz_val v = cdz_config_get(c, key);
    if (v.kind == CDZ_TEXT)
        return cdz_val_str(v);
    if (v.kind == CDZ_NULL || v.kind == CDZ_MAP || v.kind == CDZ_LIST)
        return cdz_str_z(fallback_of(key));
    return cdz_json_text(c->arena, v, 0);
}

static bool flag_of(const struct cdz_config *c, const char *key)
{
    return cdz_str_ieq(text_of(c, key), CDZ_STR("true"));
}

/* KESTRA_A_B=x sets a.b where that is a known key. */
static void take_environment(struct cdz_config *c)
{
    for (char **e = environ; *e; e++) {
        cdz_str line = cdz_str_z(*e);
        size_t prefix = cdz_str_starts(line, CDZ_STR("KESTRA_"))    ? 7
                        : cdz_str_starts(line, CDZ_STR("CADENZA_")) ? 8
                                                                    : 0;
        size_t eq = cdz_str_chr(line, '=', 0);
        if (!prefix || eq == SIZE_MAX)
            continue;
        cdz_str name = normal(cdz_str_sub(line, prefix, eq), c->arena);
        for (size_t i = 0; i < CDZ_COUNT(known); i++) {
            CDZ_AUTO_BUF struct cdz_buf flat = CDZ_BUF_INIT;
            for (const char *p = known[i].key; *p; p++) {
                if (*p != '.' && *p != '-')
                    cdz_buf_c(&flat, *p);
            }
            if (!cdz_str_eq(cdz_buf_get(&flat), name))
                continue;
            cdz_val into = c->tree;
            cdz_str rest = normal(cdz_str_z(known[i].key), c->arena);
            size_t dot;
            while ((dot = cdz_str_chr(rest, '.', 0)) != SIZE_MAX) {
                cdz_val next = cdz_map_get(into, cdz_str_sub(rest, 0, dot));
                if (next.kind != CDZ_MAP)
                    cdz_map_put(c->arena, into, cdz_str_sub(rest, 0, dot),
                                next = cdz_val_map(c->arena, 0));
                into = next;
                rest = cdz_str_sub(rest, dot + 1, rest.n);
            }
            cdz_map_put(c->arena, into, rest,
                        cdz_val_text(cdz_arena_str(c->arena, cdz_str_sub(line, eq + 1, line.n))));
        }
    }
}

static cdz_val envs_of(struct cdz_config *c)
{
    static const char *const hidden[] = {"KESTRA_PLUGINS_PATH", "KESTRA_CONFIGURATION_PATH",
                                         "KESTRA_CONFIGURATION"};
    cdz_val envs = cdz_val_map(c->arena, 0);
    cdz_str prefix = text_of(c, "variables.env-vars-prefix");
    for (char **e = environ; *e; e++) {
        cdz_str line = cdz_str_z(*e);
        size_t eq = cdz_str_chr(line, '=', 0);
        bool hide = eq == SIZE_MAX || !cdz_str_starts(line, prefix);
        for (size_t i = 0; !hide && i < CDZ_COUNT(hidden); i++)
            hide = cdz_str_is(cdz_str_sub(line, 0, eq), hidden[i]);
        if (hide)
            continue;
        cdz_str name = cdz_arena_str(c->arena, cdz_str_sub(line, prefix.n, eq));
        char *p = cdz_arena_alloc(c->arena, name.n + 1);
        for (size_t i = 0; i < name.n; i++)
            p[i] = (char)tolower((unsigned char)name.p[i]);
        cdz_map_put(c->arena, envs, (cdz_str){p, name.n},
                    cdz_val_text(cdz_arena_str(c->arena, cdz_str_sub(line, eq + 1, line.n))));
    }
    return envs;
}

static bool is_known(cdz_str path, struct cdz_arena *arena)
{
    for (size_t i = 0; i < CDZ_COUNT(known); i++) {
        cdz_str key = normal(cdz_str_z(known[i].key), arena);
        cdz_str section = cdz_str_sub(key, 0, key.n - 2);
        if (cdz_str_ends(key, CDZ_STR(".*")) && cdz_str_starts(path, section) &&
            (path.n == section.n || path.p[section.n] == '.'))
            return true;
        if (cdz_str_eq(key, path))
            return true;
    }
    return false;
}

static void warn_unknown(struct cdz_config *c, cdz_val tree, cdz_str path)
{
    CDZ_MAP_EACH (e, tree) {
        cdz_str below =
            path.n ? cdz_arena_printf(c->arena, "%.*s.%.*s", CDZ_S(path), CDZ_S(e->key)) : e->key;
        if (is_known(below, c->arena))
            continue;
        if (e->val.kind == CDZ_MAP) {
            warn_unknown(c, e->val, below);
            continue;
        }
        const char *nearest = NULL;
        size_t best = 5;
        for (size_t i = 0; i < CDZ_COUNT(known); i++) {
            size_t d = cdz_str_distance(normal(cdz_str_z(known[i].key), c->arena), below);
            if (d < best) {
                best = d;
                nearest = known[i].key;
            }
        }
        CDZ_PUSH(
            c->arena, &c->warnings,
            nearest ? cdz_arena_printf(c->arena,
                                       "unknown configuration key `%.*s` (did you mean `%s`?)",
                                       CDZ_S(below), nearest)
                    : cdz_arena_printf(c->arena, "unknown configuration key `%.*s`", CDZ_S(below)));
    }
}

static cdz_rc read_file(const char *path, struct cdz_arena *arena, cdz_str *ret,
                        struct cdz_err *err)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return cdz_fail_errno(err, errno, "fopen", "configuration file %s cannot be read", path);
    CDZ_AUTO_BUF struct cdz_buf b = {.max = CDZ_FLOW_BYTES_MAX};
    char part[4096];
    size_t n;
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        cdz_buf_add(&b, part, n);
    fclose(f);
    if (b.overflow)
        return cdz_fail(err, CDZ_E_TOO_LARGE, "configuration file %s has more than %u bytes", path,
                        CDZ_FLOW_BYTES_MAX);
    *ret = cdz_buf_copy(&b, arena);
    return CDZ_OK;
}

static cdz_rc source_of(const struct cdz_config_options *o, struct cdz_config *c, cdz_str *ret,
                        cdz_str *ret_name, struct cdz_err *err)
{
    static const char *const texts[] = {"CADENZA_CONFIGURATION", "KESTRA_CONFIGURATION"};
    static const char *const paths[] = {"CADENZA_CONFIGURATION_PATH", "KESTRA_CONFIGURATION_PATH"};
    const char *path = o->file;
    *ret = CDZ_STR("");
    *ret_name = CDZ_STR("");
    for (size_t i = 0; !path && i < CDZ_COUNT(texts); i++) {
        const char *v = getenv(texts[i]);
        if (v && *v) {
            *ret = cdz_str_z(v);
            *ret_name = cdz_str_z(texts[i]);
            if (strchr(v, '\n') || strchr(v, ':'))
                return CDZ_OK;
            path = v; /* a single word can only be a file's name */
        }
    }
    for (size_t i = 0; !path && i < CDZ_COUNT(paths); i++)
        path = getenv(paths[i]);
    if (!path || !*path)
        return CDZ_OK;
    *ret_name = cdz_arena_str(c->arena, cdz_str_z(path));
    return read_file(path, c->arena, ret, err);
}

static cdz_str absolute(struct cdz_arena *arena, cdz_str path)
{
    char cwd[4096];
    if (path.n && path.p[0] == '/')
        return cdz_arena_str(arena, path);
    if (!getcwd(cwd, sizeof(cwd)))
        abort();
    if (cdz_str_starts(path, CDZ_STR("./")))
        path = cdz_str_sub(path, 2, path.n);
    return cdz_arena_printf(arena, "%s/%.*s", cwd, CDZ_S(path));
}

static cdz_str zone_of(struct cdz_arena *arena)
{
    char line[128] = "";
    const char *tz = getenv("TZ");
    if (tz && *tz)
        return cdz_arena_str(arena, cdz_str_z(tz[0] == ':' ? tz + 1 : tz));
    FILE *f = fopen("/etc/timezone", "re");
    if (f) {
        if (!fgets(line, sizeof(line), f))
            line[0] = 0;
        fclose(f);
    }
    cdz_str zone = cdz_str_trim(cdz_str_z(line));
    return zone.n ? cdz_arena_str(arena, zone) : CDZ_STR("UTC");
}

static cdz_rc number_of(const struct cdz_config *c, const char *key, int64_t least, int64_t most,
                        int64_t *ret, struct cdz_err *err)
{
    cdz_str text = text_of(c, key);
    int64_t v;
    if (text.n == 0)
        return CDZ_OK;
    if (!cdz_str_to_i64(text, &v) || v < least || v > most)
        return cdz_fail(err, CDZ_E_INVALID,
                        "configuration key `%s` must be a number from %lld to %lld, not `%.*s`",
                        key, (long long)least, (long long)most, CDZ_S(text));
    *ret = v;
    return CDZ_OK;
}

static cdz_rc check_pools(cdz_val pools, struct cdz_err *err)
{
    if (pools.kind == CDZ_NULL)
        return CDZ_OK;
    if (pools.kind != CDZ_MAP)
        return cdz_fail(err, CDZ_E_INVALID, "configuration key `pools` must be a map: name: limit");
    CDZ_MAP_EACH (x, pools) {
        if (x->val.kind != CDZ_INT || x->val.i < 1 || x->val.i > INT32_MAX)
            return cdz_fail(err, CDZ_E_INVALID,
                            "configuration key `pools.%.*s` must be a number from 1",
                            CDZ_S(x->key));
    }
    return CDZ_OK;
}

static cdz_rc fill(struct cdz_config *c, const struct cdz_config_options *o, struct cdz_err *err)
{
    int64_t port = 8080, threads = 8 * sysconf(_SC_NPROCESSORS_ONLN);
    c->data_dir = absolute(c->arena, cdz_str_z(o->data_dir ? o->data_dir : "cadenza-data"));
    c->host = o->host ? cdz_arena_str(c->arena, cdz_str_z(o->host)) : text_of(c, "server.host");
    if (threads < 16)
        threads = 16;
    CDZ_TRY(number_of(c, "server.port", 0, 65535, &port, err));
    CDZ_TRY(number_of(c, "server.worker-threads", 0, 10000, &threads, err));
    c->port = o->port ? o->port : (int)port;
    c->worker_threads = (unsigned)(o->worker_threads >= 0 ? o->worker_threads : threads);
    c->url = text_of(c, "url");
    while (c->url.n && c->url.p[c->url.n - 1] == '/')
        c->url.n--;
    c->queue_type = text_of(c, "queue.type");
    c->repository_type = text_of(c, "repository.type");
    c->storage_type = text_of(c, "storage.type");
    cdz_str base = text_of(c, "storage.local.base-path");
    c->storage_path = base.n ? absolute(c->arena, base)
                             : cdz_arena_printf(c->arena, "%.*s/storage", CDZ_S(c->data_dir));
    cdz_str tmp = text_of(c, "tasks.tmp-dir.path");
    c->tmp_dir = tmp.n ? absolute(c->arena, tmp)
                       : cdz_arena_printf(c->arena, "%.*s/tmp", CDZ_S(c->data_dir));
    c->encryption_key = text_of(c, "encryption.secret-key");
    c->zone = zone_of(c->arena);
    c->recursive_rendering = flag_of(c, "variables.recursive-rendering");
    c->templates_enabled = flag_of(c, "templates.enabled");
    c->globals = cdz_val_path(c->raw, "variables.globals");
    c->pools = cdz_map_getz(c->raw, "pools");
    CDZ_TRY(check_pools(c->pools, err));
    c->envs = envs_of(c);
    /* Of two that say different things the first counts. */
    c->plugin_defaults = cdz_val_merge(c->arena, cdz_config_get(c, "tasks.defaults"),
                                       cdz_config_get(c, "plugins.defaults"));
    if (flag_of(c, "server.basic-auth.enabled")) {
        c->basic_user = text_of(c, "server.basic-auth.username");
        c->basic_password = text_of(c, "server.basic-auth.password");
        if (!c->basic_user.n || !c->basic_password.n)
            return cdz_fail(err, CDZ_E_INVALID,
                            "server.basic-auth is enabled without username and password");
    }
    if (!cdz_duration_us(text_of(c, "server.termination-grace-period"), &c->termination_grace))
        return cdz_fail(
            err, CDZ_E_INVALID,
            "configuration key `server.termination-grace-period` must be a duration such as PT5M");
    return CDZ_OK;
}

static void put_server_port(struct cdz_config *c, cdz_val port)
{
    cdz_val server = cdz_map_getz(c->tree, "server");
    if (server.kind != CDZ_MAP)
        cdz_map_put(c->arena, c->tree, CDZ_STR("server"), server = cdz_val_map(c->arena, 1));
    cdz_map_put(c->arena, server, CDZ_STR("port"), port);
}

cdz_rc cdz_config_load(const struct cdz_config_options *o, struct cdz_config **ret,
                       struct cdz_err *err)
{
    struct cdz_arena *arena = cdz_arena_open(8 << 10);
    struct cdz_config *c = CDZ_NEW(arena, struct cdz_config);
    cdz_str text, name;
    cdz_val document = CDZ_VAL_NULL;
    c->arena = arena;
    cdz_rc rc = source_of(o, c, &text, &name, err);
    if (rc == CDZ_OK && text.n && (rc = cdz_yaml_parse_val(text, arena, &document, err)) != CDZ_OK)
        rc = cdz_fail(err, rc, "%.*s:%s", CDZ_S(name), err->text);
    if (rc == CDZ_OK) {
        cdz_val root = cdz_map_getz(document, "cadenza");
        c->raw = cdz_val_is_null(root) ? cdz_map_getz(document, "kestra") : root;
        if ((document.kind != CDZ_MAP && !cdz_val_is_null(document)) ||
            (c->raw.kind != CDZ_MAP && !cdz_val_is_null(c->raw)))
            rc = cdz_fail(err, CDZ_E_INVALID,
                          "%.*s: the configuration must be a map below `cadenza:` or `kestra:`",
                          CDZ_S(name));
    }
    if (rc == CDZ_OK) {
        c->tree = c->raw.kind == CDZ_MAP ? normal_tree(c->raw, arena) : cdz_val_map(arena, 0);
        cdz_val port = cdz_val_path(
            document, "micronaut.server.port"); /* where users of the original have it */
        if (!cdz_val_is_null(port) && cdz_val_is_null(cdz_config_get(c, "server.port")))
            put_server_port(c, port);
        warn_unknown(c, c->tree, CDZ_STR(""));
        take_environment(c);
        rc = fill(c, o, err);
    }
    if (rc != CDZ_OK) {
        cdz_arena_close(arena);
        return rc;
    }
    *ret = c;
    return CDZ_OK;
}

void cdz_config_free(struct cdz_config *c)
{
    if (c)
        cdz_arena_close(c->arena);
}

void cdz_config_print(const struct cdz_config *c, struct cdz_buf *to)
{
    cdz_buf_z(to, "cadenza:\n");
    for (size_t i = 0; i < CDZ_COUNT(known); i++) {
        if (strchr(known[i].key, '*'))
            continue;
        bool secret = strstr(known[i].key, "password") || strstr(known[i].key, "secret-key");
        cdz_str text = text_of(c, known[i].key);
        cdz_buf_printf(to, "  %s: ", known[i].key);
        if (secret && text.n)
            cdz_buf_z(to, "'******'");
        else
            cdz_json_quote(to, text);
        cdz_buf_printf(to, "%s%s\n", known[i].doc[0] ? " # " : "", known[i].doc);
    }
}
