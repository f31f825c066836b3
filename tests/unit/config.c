/* config.c -- the configuration in force: file, environment, command line (src/server/config.c). */
#include "server/config.h"

#include "../contract/tmpdir.h"
#include "base/time.h"
#include "test.h"

/* A file with the text; the caller removes its directory. */
static const char *file_with(const char *text, char dir[64], char path[128])
{
    tmpdir_make(dir);
    snprintf(path, 128, "%s/config.yml", dir);
    FILE *f = fopen(path, "we");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        abort();
    return path;
}

static cdz_rc load(const char *text, struct cdz_config **ret, struct cdz_err *err)
{
    char dir[64], path[128];
    struct cdz_config_options o = {.file = file_with(text, dir, path), .worker_threads = -1};
    cdz_rc rc = cdz_config_load(&o, ret, err);
    tmpdir_remove(dir);
    return rc;
}

static struct cdz_config *loaded(const char *text)
{
    struct cdz_config *c;
    struct cdz_err err;
    if (load(text, &c, &err) != CDZ_OK) {
        printf("# %s\n", err.text);
        abort();
    }
    return c;
}

#define CHECK_STR(got, want)                                                                       \
    CHECK(cdz_str_is((got), (want)), "got `%.*s` instead of `%s`", CDZ_S(got), (want))

static void clear_environment(void)
{
    static const char *const names[] = {"CADENZA_CONFIGURATION",
                                        "KESTRA_CONFIGURATION",
                                        "CADENZA_CONFIGURATION_PATH",
                                        "KESTRA_CONFIGURATION_PATH",
                                        "KESTRA_SERVER_PORT",
                                        "CADENZA_QUEUE_TYPE",
                                        "CADENZA_SERVER_WORKER_THREADS",
                                        "KESTRA_STORAGE_LOCAL_BASE_PATH",
                                        "KESTRA_GREETING"};
    for (size_t i = 0; i < CDZ_COUNT(names); i++)
        unsetenv(names[i]);
}

TEST(without_a_file_the_defaults_are_in_force)
{
    struct cdz_config_options o = {.data_dir = "/tmp/data", .worker_threads = -1};
    struct cdz_config *c;
    struct cdz_err err;
    clear_environment();
    CHECK(cdz_config_load(&o, &c, &err) == CDZ_OK, "%s", err.text);
    CHECK_STR(c->host, "127.0.0.1");
    CHECK(c->port == 8080, "%d", c->port);
    CHECK(c->worker_threads >= 16, "%u", c->worker_threads);
    CHECK_STR(c->queue_type, "sqlite");
    CHECK_STR(c->storage_path, "/tmp/data/storage");
    CHECK_STR(c->tmp_dir, "/tmp/data/tmp");
    CHECK(c->basic_user.n == 0, "somebody may log in");
    CHECK(c->termination_grace == 300 * CDZ_SECOND, "%lld", (long long)c->termination_grace);
    cdz_config_free(c);
}

TEST(a_kestra_root_is_understood_as_cadenza)
{
    static const char *const roots[] = {"cadenza", "kestra"};
    for (size_t i = 0; i < CDZ_COUNT(roots); i++) {
        char text[256];
        snprintf(text, sizeof(text), "%s:\n  queue:\n    type: memory\n  url: http://a.b/\n",
                 roots[i]);
        struct cdz_config *c = loaded(text);
        CHECK_STR(c->queue_type, "memory");
        CHECK_STR(c->url, "http://a.b");
        CHECK(c->warnings.n == 0, "%s: %zu warnings", roots[i], c->warnings.n);
        cdz_config_free(c);
    }
}

TEST(every_spelling_of_a_key_is_one_key)
{
    static const char *const texts[] = {
        "kestra:\n  storage:\n    local:\n      base-path: /srv/files\n",
        "kestra:\n  storage:\n    local:\n      basePath: /srv/files\n",
        "kestra:\n  storage:\n    local:\n      base_path: /srv/files\n",
        "kestra:\n  storage:\n    local:\n      BASE_PATH: /srv/files\n",
        "kestra:\n  storage.local.base-path: /srv/files\n",
        "kestra:\n  storage.local:\n    basepath: /srv/files\n  storage:\n    type: local\n",
    };
    for (size_t i = 0; i < CDZ_COUNT(texts); i++) {
        struct cdz_config *c = loaded(texts[i]);
        CHECK_STR(c->storage_path, "/srv/files");
        CHECK(c->warnings.n == 0, "text %zu: %.*s", i, CDZ_S(c->warnings.v[0]));
        cdz_config_free(c);
    }
}

TEST(pools_keep_their_names_and_are_checked)
{
    static const char *const wrong[] = {"cadenza: {pools: 3}", "cadenza: {pools: {a: many}}",
                                        "cadenza: {pools: {a: 0}}", "cadenza: {pools: {a: 1.5}}"};
    struct cdz_config *c = loaded("cadenza:\n  pools:\n    big-DB_1: 3\n");
    struct cdz_err err;
    CHECK(cdz_map_getz(c->pools, "big-DB_1").i == 3, "the pool is gone");
    CHECK(c->warnings.n == 0, "%.*s", CDZ_S(c->warnings.v[0]));
    cdz_config_free(c);
    for (size_t i = 0; i < CDZ_COUNT(wrong); i++)
        CHECK(load(wrong[i], &c, &err) == CDZ_E_INVALID && strstr(err.text, "pools"), "%s: %s",
              wrong[i], err.text);
}

TEST(globals_keep_the_spelling_of_their_keys)
{
    struct cdz_config *c =
        loaded("kestra:\n  variables:\n    globals:\n      my-Key_1: x\n      other: {a-b: 2}\n");
    CHECK(cdz_map_find(c->globals, CDZ_STR("my-Key_1")) != NULL, "the key is gone");
    CHECK(cdz_map_getz(cdz_map_getz(c->globals, "other"), "a-b").i == 2, "the nested key is gone");
    cdz_config_free(c);
}

TEST(plugin_defaults_of_both_names_are_joined_the_old_one_first)
{
    struct cdz_config *c = loaded("kestra:\n  plugins:\n    defaults: [{type: b, values: {x: 1}}]\n"
                                  "  tasks:\n    defaults: [{type: a, values: {x: 1}}]\n");
    CHECK(c->plugin_defaults.kind == CDZ_LIST && cdz_list_n(c->plugin_defaults) == 2);
    CHECK_STR(cdz_val_str(cdz_val_path(c->plugin_defaults, "0.type")), "a");
    cdz_config_free(c);
}

TEST(the_environment_wins_over_the_file_and_the_command_line_over_both)
{
    char dir[64], path[128];
    struct cdz_config_options o = {
        .file = file_with("kestra:\n  server:\n    port: 1111\n  queue:\n    type: sqlite\n", dir,
                          path),
        .worker_threads = -1};
    struct cdz_config *c;
    struct cdz_err err;
    clear_environment();
    setenv("KESTRA_SERVER_PORT", "2222", 1);
    setenv("CADENZA_QUEUE_TYPE", "memory", 1);
    setenv("KESTRA_STORAGE_LOCAL_BASE_PATH", "/srv/env", 1);
    setenv("CADENZA_SERVER_WORKER_THREADS", "3", 1);
    CHECK(cdz_config_load(&o, &c, &err) == CDZ_OK, "%s", err.text);
    CHECK(c->port == 2222, "port %d", c->port);
    CHECK(c->worker_threads == 3, "threads %u", c->worker_threads);
    CHECK_STR(c->queue_type, "memory");
    CHECK_STR(c->storage_path, "/srv/env");
    cdz_config_free(c);
    o.port = 3333;
    o.worker_threads = 0; /* a server without worker */
    o.host = "::1";
    CHECK(cdz_config_load(&o, &c, &err) == CDZ_OK, "%s", err.text);
    CHECK(c->port == 3333, "port %d", c->port);
    CHECK(c->worker_threads == 0, "threads %u", c->worker_threads);
    CHECK_STR(c->host, "::1");
    cdz_config_free(c);
    clear_environment();
    tmpdir_remove(dir);
}

TEST(a_file_is_found_by_the_environment_or_given_as_text)
{
    char dir[64], path[128];
    struct cdz_config_options o = {.worker_threads = -1};
    struct cdz_config *c;
    struct cdz_err err;
    clear_environment();
    setenv("KESTRA_CONFIGURATION_PATH", file_with("kestra:\n  url: http://file\n", dir, path), 1);
    CHECK(cdz_config_load(&o, &c, &err) == CDZ_OK, "%s", err.text);
    CHECK_STR(c->url, "http://file");
    cdz_config_free(c);
    setenv("KESTRA_CONFIGURATION", "kestra:\n  url: http://text\n", 1); /* stronger than a path */
    CHECK(cdz_config_load(&o, &c, &err) == CDZ_OK, "%s", err.text);
    CHECK_STR(c->url, "http://text");
    cdz_config_free(c);
    clear_environment();
    tmpdir_remove(dir);
}

TEST(the_port_may_stand_where_users_of_the_original_have_it)
{
    struct cdz_config *c = loaded("micronaut:\n  server:\n    port: 9999\nkestra:\n  url: x\n");
    CHECK(c->port == 9999, "%d", c->port);
    cdz_config_free(c);
    c = loaded("micronaut:\n  server:\n    port: 9999\nkestra:\n  server:\n    port: 7777\n");
    CHECK(c->port == 7777, "%d: ours is the stronger one", c->port);
    cdz_config_free(c);
}

TEST(environment_variables_become_envs_but_not_those_of_the_configuration)
{
    struct cdz_config *c;
    clear_environment();
    setenv("KESTRA_GREETING", "hello", 1);
    setenv("KESTRA_CONFIGURATION", "kestra:\n  url: x\n", 1);
    struct cdz_config_options o = {.worker_threads = -1};
    struct cdz_err err;
    CHECK(cdz_config_load(&o, &c, &err) == CDZ_OK, "%s", err.text);
    CHECK_STR(cdz_val_str(cdz_map_getz(c->envs, "greeting")), "hello");
    CHECK(cdz_map_find(c->envs, CDZ_STR("configuration")) == NULL, "the configuration is shown");
    cdz_config_free(c);
    clear_environment();
}

TEST(an_unknown_key_is_a_warning_that_names_the_nearest_one)
{
    struct cdz_config *c = loaded("kestra:\n  queu:\n    type: memory\n  completely: {else: 1}\n");
    CHECK(c->warnings.n == 2, "%zu warnings", c->warnings.n);
    bool near = false, far = false;
    for (size_t i = 0; i < c->warnings.n; i++) {
        near |= cdz_str_find(c->warnings.v[i], CDZ_STR("did you mean `queue.type`"), 0) != SIZE_MAX;
        far |= cdz_str_find(c->warnings.v[i], CDZ_STR("`completely.else`"), 0) != SIZE_MAX &&
               cdz_str_find(c->warnings.v[i], CDZ_STR("did you mean"), 0) == SIZE_MAX;
    }
    CHECK(near, "no hint for queu.type");
    CHECK(far, "no warning without a hint for completely.else");
    CHECK_STR(c->queue_type, "sqlite");
    cdz_config_free(c);
}

TEST(a_key_that_begins_like_a_known_section_is_unknown_still)
{
    struct cdz_config *c = loaded("kestra:\n  jdbcx:\n    a: 1\n  retriesx: 2\n");
    CHECK(c->warnings.n == 2, "%zu warnings", c->warnings.n);
    cdz_config_free(c);
}

TEST(numbers_and_durations_are_checked)
{
    static const struct {
        const char *text, *named;
    } bad[] = {
        {"kestra:\n  server:\n    port: 70000\n", "server.port"},
        {"kestra:\n  server:\n    port: -1\n", "server.port"},
        {"kestra:\n  server:\n    port: many\n", "server.port"},
        {"kestra:\n  server:\n    port: 80.5\n", "server.port"},
        {"kestra:\n  server:\n    worker-threads: 10001\n", "server.worker-threads"},
        {"kestra:\n  server:\n    termination-grace-period: soon\n",
         "server.termination-grace-period"},
        {"kestra:\n  server:\n    basic-auth:\n      enabled: true\n", "basic-auth"},
    };
    for (size_t i = 0; i < CDZ_COUNT(bad); i++) {
        struct cdz_config *c;
        struct cdz_err err;
        cdz_rc rc = load(bad[i].text, &c, &err);
        CHECK(rc == CDZ_E_INVALID, "%s: %s", bad[i].text, cdz_rc_name(rc));
        if (rc == CDZ_OK)
            cdz_config_free(c);
        else
            CHECK(strstr(err.text, bad[i].named), "%s: %s", bad[i].text, err.text);
    }
}

TEST(broken_yaml_is_refused_with_its_place)
{
    struct cdz_config *c;
    struct cdz_err err;
    cdz_rc rc = load("kestra:\n  queue: [\n  type: x\n", &c, &err);
    CHECK(rc != CDZ_OK, "it was accepted");
    CHECK(strstr(err.text, "config.yml:"), "no file: %s", err.text);
    CHECK(strpbrk(strstr(err.text, "config.yml:") + 11, "123"), "no line: %s", err.text);
}

TEST(a_file_that_is_no_map_is_refused)
{
    struct cdz_config *c;
    struct cdz_err err;
    static const char *const texts[] = {"- a\n- b\n", "just words\n", "kestra: 5\n"};
    for (size_t i = 0; i < CDZ_COUNT(texts); i++) {
        cdz_rc rc = load(texts[i], &c, &err);
        CHECK(rc == CDZ_E_INVALID, "%s: %s", texts[i], cdz_rc_name(rc));
        if (rc == CDZ_OK)
            cdz_config_free(c);
    }
    c = loaded("# only a comment\n");
    CHECK_STR(c->queue_type, "sqlite");
    cdz_config_free(c);
    c = loaded("kestra:\n"); /* an empty section, as left by somebody who commented all out */
    CHECK_STR(c->queue_type, "sqlite");
    cdz_config_free(c);
}

TEST(a_file_that_is_not_there_is_refused)
{
    struct cdz_config_options o = {.file = "/no/such/file.yml", .worker_threads = -1};
    struct cdz_config *c;
    struct cdz_err err;
    clear_environment();
    CHECK(cdz_config_load(&o, &c, &err) != CDZ_OK, "it was accepted");
    CHECK(strstr(err.text, "/no/such/file.yml"), "%s", err.text);
}

TEST(printing_shows_values_in_force_and_hides_secrets)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_config *c =
        loaded("kestra:\n  queue:\n    type: memory\n  server:\n    basic-auth:\n"
               "      enabled: true\n      username: ann\n      password: s3cret\n"
               "  encryption:\n    secret-key: dG9wLXNlY3JldA==\n");
    cdz_config_print(c, &b);
    cdz_str text = cdz_buf_get(&b);
    CHECK(cdz_str_find(text, CDZ_STR("queue.type: \"memory\""), 0) != SIZE_MAX, "%s", b.p);
    CHECK(cdz_str_find(text, CDZ_STR("ann"), 0) != SIZE_MAX, "%s", b.p);
    CHECK(cdz_str_find(text, CDZ_STR("s3cret"), 0) == SIZE_MAX, "the password is shown");
    CHECK(cdz_str_find(text, CDZ_STR("dG9w"), 0) == SIZE_MAX, "the key is shown");
    cdz_config_free(c);
}

TEST_MAIN
