/* Tasks that keep values (kv, state), secrets and their mask, cached outputs, and the tasks that ask the
 * server. */
#include "expr/crypt.h"
#include "kv/kv.h"
#include "task/cache.h"
#include "task/mask.h"
#include "task/reveal.h"
#include "task/secrets.h"
#include "task/services.h"
#include "task_rig.h"

#define CORE "type: io.kestra.plugin.core."
#define KEY  "I6EGNzRESu3X3pKZidrqCGOHQFUFC0yK"

static void open_rig(struct task_rig *r)
{
    task_rig_open(r);
    cdz_val flow = cdz_val_map(r->run.arena, 2);
    cdz_map_putz(r->run.arena, flow, "namespace", cdz_val_z("a.b"));
    cdz_map_putz(r->run.arena, flow, "id", cdz_val_z("f"));
    task_rig_var(r, "flow", flow);
    r->worker.registry = cdz_registry_builtin();
}

static bool gives(struct task_rig *r, const char *yaml, const char *outputs)
{
    cdz_rc rc = task_rig_run(r, yaml);
    bool ok = rc == CDZ_OK && strcmp(task_rig_outputs(r), outputs) == 0;
    if (!ok)
        printf("# %s: %s\n", yaml, rc == CDZ_OK ? task_rig_outputs(r) : r->err.text);
    return ok;
}

/* --- kv --- */

TEST(kv_keeps_values_with_their_types)
{
    struct task_rig r;
    open_rig(&r);
    task_rig_var(&r, "n", cdz_val_int(42));
    CHECK(gives(&r, CORE "kv.Set\nkey: k1\nvalue: '{{ n }}'", "{}"));
    CHECK(gives(&r, CORE "kv.Get\nkey: k1", "{\"value\":42}"), "one expression keeps its type");
    CHECK(gives(&r, CORE "kv.Set\nkey: k1\nvalue: 'n {{ flow.id }}'", "{}"));
    CHECK(gives(&r, CORE "kv.Get\nkey: k1", "{\"value\":\"n f\"}"));
    CHECK(gives(&r, CORE "kv.Set\nkey: k2\nvalue: '42.5'\nkvType: NUMBER", "{}"));
    CHECK(gives(&r, CORE "kv.Get\nkey: k2", "{\"value\":42.5}"));
    CHECK(gives(&r, CORE "kv.Set\nkey: other\nvalue: {a: ['{{ n }}']}", "{}"));
    CHECK(gives(&r, CORE "kv.GetKeys\nprefix: k", "{\"keys\":[\"k1\",\"k2\"]}"));
    CHECK(gives(&r, CORE "kv.GetKeys", "{\"keys\":[\"k1\",\"k2\",\"other\"]}"));
    CHECK(gives(&r, CORE "kv.Delete\nkey: k1", "{\"deleted\":true}"));
    CHECK(gives(&r, CORE "kv.Delete\nkey: k1", "{\"deleted\":false}"));
    CHECK(gives(&r, CORE "kv.Get\nkey: k1", "{\"value\":null}"));
    CHECK(task_rig_run(&r, CORE "kv.Get\nkey: k1\nerrorOnMissing: true") != CDZ_OK);
    CHECK(task_rig_run(&r, CORE "kv.Delete\nkey: k1\nerrorOnMissing: true") != CDZ_OK);
    CHECK(task_rig_run(&r, CORE "kv.Set\nkey: k2\nvalue: x\noverwrite: false") == CDZ_E_CONFLICT);
    CHECK(task_rig_run(&r, CORE "kv.Set\nkey: k2\nvalue: x\nkvType: NUMBER") == CDZ_E_INVALID);
    CHECK(task_rig_run(&r, CORE "kv.Set\nkey: 'a b'\nvalue: x") == CDZ_E_INVALID);
    task_rig_close(&r);
}

TEST(kv_function_reads_its_own_namespace_and_those_that_exist)
{
    static const struct {
        const char *why, *expr, *want; /* NULL: an error */
    } rows[] = {
        {"own", "{{ kv('k').field }}", "value"},
        {"missing", "[{{ kv('none') }}]", "[]"},
        {"missing is an error", "{{ kv('none', 'a.b', true) }}", NULL},
        {"parent", "[{{ kv('none', 'a') }}]", "[]"},
        {"unknown namespace", "{{ kv('k', 'zz') }}", NULL},
        {"it has keys", "{{ kv('k', 'c.d') }}", "1"},
    };
    struct task_rig r;
    open_rig(&r);
    CHECK(task_rig_run(&r, CORE "kv.Set\nkey: k\nvalue: {field: value}") == CDZ_OK);
    CHECK(task_rig_run(&r, CORE "kv.Set\nkey: k\nvalue: 1\nnamespace: c.d") == CDZ_OK);
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        char yaml[200];
        snprintf(yaml, sizeof(yaml), CORE "debug.Return\nformat: \"%s\"", rows[i].expr);
        cdz_rc rc = task_rig_run(&r, yaml);
        CHECK((rc == CDZ_OK) == (rows[i].want != NULL), "%s: %s", rows[i].why, r.err.text);
        CHECK(rc != CDZ_OK || cdz_str_is(task_rig_output(&r, "value"), rows[i].want), "%s: %s",
              rows[i].why, task_rig_outputs(&r));
    }
    task_rig_close(&r);
}

TEST(purge_kv_deletes_expired_keys_or_those_that_match)
{
    struct task_rig r;
    struct cdz_err err;
    open_rig(&r);
    const char *const keys[] = {"AI_1", "AI_2", "other"};
    for (size_t i = 0; i < 3; i++)
        CHECK(cdz_kv_put(r.worker.storage, CDZ_STR("a.b"), cdz_str_z(keys[i]), cdz_val_int(1), 0,
                         true, cdz_now_us(), &err) == CDZ_OK);
    CHECK(cdz_kv_put(r.worker.storage, CDZ_STR("a.b"), CDZ_STR("old"), cdz_val_int(1), 1, true,
                     cdz_now_us() - CDZ_SECOND, &err) == CDZ_OK);
    CHECK(gives(&r, CORE "kv.PurgeKV\nnamespaces: [a.b]", "{\"size\":1}"));
    CHECK(gives(&r,
                CORE "kv.PurgeKV\nnamespaces: [a.b]\nkeyPattern: 'AI_*'\nbehavior: {type: key, "
                     "expiredOnly: false}",
                "{\"size\":2}"));
    CHECK(gives(&r, CORE "kv.GetKeys", "{\"keys\":[\"other\"]}"));
    CHECK(task_rig_run(&r, CORE "kv.PurgeKV\nnamespaces: [a]\nnamespacePattern: 'a*'") ==
          CDZ_E_TASK);
    task_rig_close(&r);
}

/* --- state --- */

TEST(state_is_merged_apart_by_value_and_shared_by_namespace)
{
    struct task_rig r;
    open_rig(&r);
    CHECK(gives(&r, CORE "state.Get", "{\"count\":0,\"data\":{}}"));
    CHECK(task_rig_run(&r, CORE "state.Set\ndata: {a: 1, m: {x: 1}}") == CDZ_OK);
    CHECK(task_rig_run(&r, CORE "state.Set\ndata: {b: 2, m: {y: 2}}") == CDZ_OK);
    CHECK(gives(&r, "type: io.kestra.core.tasks.states.Get",
                "{\"count\":3,\"data\":{\"a\":1,\"m\":{\"x\":1,\"y\":2},\"b\":2}}"));
    r.job.value = CDZ_STR("v1");
    CHECK(gives(&r, CORE "state.Get", "{\"count\":0,\"data\":{}}"), "apart by value");
    CHECK(gives(&r, CORE "state.Get\ntaskrunValue: false\nname: default",
                "{\"count\":3,\"data\":{\"a\":1,\"m\":{\"x\":1,\"y\":2},\"b\":2}}"));
    r.job.value = (cdz_str){0};
    CHECK(gives(&r, CORE "state.Get\nnamespace: true", "{\"count\":0,\"data\":{}}"));
    CHECK(gives(&r, CORE "state.Delete", "{\"deleted\":true}"));
    CHECK(gives(&r, CORE "state.Delete", "{\"deleted\":false}"));
    CHECK(task_rig_run(&r, CORE "state.Delete\nerrorOnMissing: true") == CDZ_E_TASK &&
          strcmp(r.err.text, "Unable to find the state file 'default'") == 0);
    CHECK(task_rig_run(&r, CORE "state.Get\nname: nothing\nerrorOnMissing: true") == CDZ_E_TASK);
    CHECK(task_rig_run(&r, CORE "state.Get\nname: ../x") == CDZ_E_TASK);
    task_rig_close(&r);
}

/* --- secrets --- */

TEST(mask_puts_asterisks_where_a_secret_was)
{
    static const struct {
        const char *why, *secret, *text, *want;
    } rows[] = {
        {"eight", "12345678", "a 12345678 b", "a ******** b"},
        {"nine", "123456789", "123456789", "**masked*"},
        {"twelve, twice", "abcdefghijkl", "abcdefghijkl-abcdefghijkl", "**masked****-**masked****"},
        {"not there", "secret", "nothing", NULL},
        {"characters, not bytes", "\xc3\xa4\xc3\xb6\xc3\xbc", "x\xc3\xa4\xc3\xb6\xc3\xbcx",
         "x***x"},
        {"a line of it", "first line\nsecond line", "got second line", "got **masked***"},
        {"empty", "", "text", NULL},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
        struct cdz_mask m;
        cdz_mask_init(&m);
        cdz_mask_add(&m, cdz_str_z(rows[i].secret));
        bool any = cdz_mask_apply(&m, cdz_str_z(rows[i].text), &b);
        CHECK(any == (rows[i].want != NULL), "%s", rows[i].why);
        CHECK(!any || strcmp(b.p, rows[i].want) == 0, "%s: %s", rows[i].why, any ? b.p : "");
        cdz_mask_reset(&m);
        CHECK(!cdz_mask_apply(&m, cdz_str_z(rows[i].text), &b), "forgotten");
        cdz_mask_done(&m);
    }
}

TEST(the_longest_secret_wins_where_two_begin)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_mask m;
    cdz_mask_init(&m);
    cdz_mask_add(&m, CDZ_STR("abc"));
    cdz_mask_add(&m, CDZ_STR("abcdef"));
    CHECK(cdz_mask_apply(&m, CDZ_STR("abcdef abc"), &b) && strcmp(b.p, "****** ***") == 0);
    cdz_mask_done(&m);
    CHECK(!cdz_mask_apply(NULL, CDZ_STR("abc"), &b));
}

static struct cdz_secrets *secrets_of(const char *text, cdz_rc want)
{
    char path[] = "/tmp/cadenza-secrets-XXXXXX";
    int fd = mkstemp(path);
    struct cdz_secrets *s = NULL;
    struct cdz_err err;
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        abort();
    close(fd);
    cdz_rc rc = cdz_secrets_load(path, &s, &err);
    CHECK(rc == want, "%s: %s", text, cdz_rc_name(rc));
    unlink(path);
    return s;
}

TEST(secrets_come_from_a_file_in_either_form)
{
    static const struct {
        const char *file, *name, *want;
    } rows[] = {
        {"PASSWORD: hunter2\n", "password", "hunter2"},
        {"PASSWORD=hunter2\n", "Password", "hunter2"},
        {"# comment\nSECRET_TOKEN=aGVsbG8=\n", "TOKEN", "hello"},
        {"SECRET_TOKEN: aGVs\n  bG8=\n", "token", "hello"},
        {"A=\"x y\"\nB=2", "a", "x y"},
        {"number: 42", "NUMBER", "42"},
        {"SECRET_BAD=***", "BAD", NULL},
        {"", "x", NULL},
    };
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        struct cdz_secrets *s = secrets_of(rows[i].file, CDZ_OK);
        cdz_val v = cdz_secret_get(s, cdz_str_z(rows[i].name), arena);
        CHECK((v.kind == CDZ_TEXT) == (rows[i].want != NULL), "%s", rows[i].file);
        CHECK(v.kind != CDZ_TEXT || cdz_str_is(cdz_val_str(v), rows[i].want), "%s: %.*s",
              rows[i].file, CDZ_S(cdz_val_str(v)));
        cdz_secrets_free(s);
    }
    CHECK(!secrets_of("- a\n- b\n", CDZ_E_INVALID));
    CHECK(!secrets_of("A=1\nhalf a secret\n", CDZ_E_INVALID));
    CHECK(!secrets_of("a: {b: c}", CDZ_E_INVALID));
}

TEST(what_secret_gave_is_told_to_the_mask)
{
    struct task_rig r;
    struct cdz_mask m;
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    open_rig(&r);
    cdz_mask_init(&m);
    r.run.mask = &m;
    struct cdz_secrets *s = secrets_of("TOKEN: very-secret\n", CDZ_OK);
    r.worker.secrets = s;
    CHECK(gives(&r, CORE "debug.Return\nformat: \"{{ secret('token') }}\"",
                "{\"value\":\"very-secret\"}"));
    CHECK(cdz_mask_apply(&m, CDZ_STR("it is very-secret"), &b) &&
          strcmp(b.p, "it is **masked***") == 0);
    cdz_secrets_free(s);
    cdz_mask_done(&m);
    task_rig_close(&r);
}

static cdz_str seal(struct task_rig *r, const char *plain)
{
    static const uint8_t iv[CDZ_CRYPT_IV] = {1, 2, 3};
    cdz_str ret;
    if (cdz_encrypt(CDZ_STR(KEY), iv, cdz_str_z(plain), r->run.arena, &ret, &r->err) != CDZ_OK)
        abort();
    return ret;
}

TEST(encrypted_outputs_and_inputs_are_seen_in_plain_text_and_masked)
{
    struct task_rig r;
    struct cdz_mask m;
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    open_rig(&r);
    cdz_mask_init(&m);
    r.run.mask = &m;
    cdz_val outputs = cdz_val_map(r.run.arena, 1), of_task = cdz_val_map(r.run.arena, 1);
    cdz_map_putz(r.run.arena, of_task, "body", cdz_crypt_wrap(seal(&r, "classified"), r.run.arena));
    cdz_map_putz(r.run.arena, outputs, "get", of_task);
    task_rig_var(&r, "outputs", outputs);
    CHECK(gives(&r, CORE "debug.Return\nformat: '{{ outputs.get.body.type }}'",
                "{\"value\":\"io.kestra.datatype:aes_encrypted\"}"),
          "without a key it stays as it is");
    r.worker.encryption_key = CDZ_STR(KEY);
    CHECK(gives(&r, CORE "debug.Return\nformat: '{{ outputs.get.body }}'",
                "{\"value\":\"classified\"}"));
    CHECK(cdz_mask_apply(&m, CDZ_STR("classified"), &b) && strcmp(b.p, "**masked**") == 0);
    cdz_mask_done(&m);
    task_rig_close(&r);
}

TEST(secret_inputs_are_revealed_wherever_they_stand)
{
    struct task_rig r;
    struct cdz_input inputs[] = {{.id = CDZ_STR("a"), .type = CDZ_STR("SECRET")},
                                 {.id = CDZ_STR("in.b"), .type = CDZ_STR("SECRET")},
                                 {.id = CDZ_STR("none"), .type = CDZ_STR("SECRET")},
                                 {.id = CDZ_STR("c"), .type = CDZ_STR("STRING")}};
    struct cdz_flow flow = {.inputs = inputs, .input_count = CDZ_COUNT(inputs)};
    open_rig(&r);
    struct cdz_arena *arena = r.run.arena;
    cdz_val v = cdz_val_map(arena, 0), inner = cdz_val_map(arena, 0);
    cdz_map_putz(arena, inner, "b", cdz_val_text(seal(&r, "two")));
    cdz_map_putz(arena, v, "a", cdz_val_text(seal(&r, "one")));
    cdz_map_putz(arena, v, "in", inner);
    cdz_map_putz(arena, v, "c", cdz_val_text(seal(&r, "three")));
    cdz_val got = cdz_reveal(CDZ_STR(KEY), &flow, CDZ_STR("inputs"), v, arena, NULL, NULL);
    cdz_str json = cdz_json_text(arena, got, 0);
    CHECK(cdz_str_find(json, CDZ_STR("\"a\":\"one\",\"in\":{\"b\":\"two\"}"), 0) != SIZE_MAX, "%s",
          json.p);
    CHECK(cdz_str_find(json, CDZ_STR("three"), 0) == SIZE_MAX, "only what the flow calls a secret");
    CHECK(!cdz_str_is(cdz_val_str(cdz_map_getz(v, "a")), "one") &&
              !cdz_str_is(cdz_val_str(cdz_map_getz(inner, "b")), "two"),
          "what was given is not touched");
    task_rig_close(&r);
}

/* --- cache --- */

TEST(a_cached_task_is_not_run_again_until_its_ttl_or_properties_change)
{
    static const char fixed[] = CORE "debug.Return\nformat: '{{ x }}'\ntaskCache: {enabled: true, "
                                     "ttl: PT1H}";
    struct task_rig r;
    open_rig(&r);
    task_rig_var(&r, "x", cdz_val_z("one"));
    CHECK(task_rig_run(&r, fixed) == CDZ_OK); /* makes run->task; not through the cache */
    for (int i = 0; i < 3; i++) {
        cdz_buf_reset(&r.logs);
        if (i == 2)
            task_rig_var(&r, "x", cdz_val_z("two"));
        r.run.outputs = cdz_val_map(r.run.arena, 0);
        cdz_task_world_init(&r.world, &r.run);
        CHECK(cdz_task_run(&r.run, &r.err) == CDZ_OK, "%s", r.err.text);
        CHECK(cdz_str_is(task_rig_output(&r, "value"), i == 2 ? "two" : "one"));
        CHECK(task_rig_logged(&r, "from the cache") == (i == 1), "%d: %s", i,
              r.logs.p ? r.logs.p : "");
    }
    task_rig_close(&r);
}

/* --- templated, assert, metrics --- */

TEST(templated_task_runs_what_its_yaml_says_in_its_place)
{
    struct task_rig r;
    open_rig(&r);
    task_rig_var(&r, "kind", cdz_val_z("Return"));
    CHECK(gives(&r,
                CORE "templating.TemplatedTask\nspec: |\n  id: x\n  type: "
                     "io.kestra.plugin.core.debug.{{ kind }}\n  format: made of {{ kind }}",
                "{\"value\":\"made of Return\"}"));
    CHECK(gives(&r,
                CORE "templating.TemplatedTask\nspec: \"type: io.kestra.plugin.core.debug.Return\"",
                "{}"),
          "an id is given");
    const char *const bad[] = {
        "'type: io.kestra.plugin.core.nothing'",
        "'[1]'",
        "'a: b: c'",
        "'{type: io.kestra.plugin.core.flow.Sequential, tasks: [{id: a, type: "
        "io.kestra.plugin.core.debug.Return}]}'",
        "'{type: io.kestra.plugin.core.templating.TemplatedTask, spec: x}'",
    };
    for (size_t i = 0; i < CDZ_COUNT(bad); i++) {
        char yaml[300];
        snprintf(yaml, sizeof(yaml), CORE "templating.TemplatedTask\nspec: %s", bad[i]);
        CHECK(task_rig_run(&r, yaml) == CDZ_E_TASK, "%s", bad[i]);
    }
    task_rig_close(&r);
}

TEST(assert_fails_unless_all_conditions_hold)
{
    struct task_rig r;
    open_rig(&r);
    CHECK(gives(&r, CORE "execution.Assert\nconditions: ['{{ 1 == 1 }}', 'yes']", "{}"));
    CHECK(task_rig_measured(&r, "counter success=2") && task_rig_measured(&r, "counter failed=0"));
    CHECK(task_rig_run(&r, CORE "execution.Assert\nconditions: ['{{ 1 == 2 }}', '{{ missing }}', "
                                "'1']\nerrorMessage: 'see {{ flow.id }}'") == CDZ_E_TASK);
    CHECK(strcmp(r.err.text, "2 assertions failed!\nsee f") == 0, "%s", r.err.text);
    CHECK(task_rig_logged(&r, "ERROR Assertion `{{ 1 == 2 }}` failed!"), "%s", r.logs.p);
    CHECK(task_rig_logged(&r, "Assertion `{{ missing }}` failed: it cannot be rendered"), "%s",
          r.logs.p);
    task_rig_close(&r);
}

TEST(publish_sends_metrics_of_each_type)
{
    struct task_rig r;
    open_rig(&r);
    CHECK(task_rig_run(&r,
                       CORE "metric.Publish\nmetrics:\n  - {type: timer, name: duration, value: "
                            "PT10M, tags: {flow: '{{ flow.id }}'}}\n  - {type: counter, name: "
                            "number, value: 42}\n  - {type: gauge, name: level, value: '1.5'}") ==
              CDZ_OK,
          "%s", r.err.text);
    CHECK(task_rig_measured(&r, "timer duration=600000 {\"flow\":\"f\"}"), "%s", r.metrics.p);
    CHECK(task_rig_measured(&r, "counter number=42") && task_rig_measured(&r, "gauge level=1.5"));
    CHECK(
        task_rig_run(&r, CORE "metric.Publish\nmetrics: [{type: counter, name: x, value: abc}]") ==
        CDZ_E_TASK);
    CHECK(task_rig_run(&r, CORE "metric.Publish\nmetrics: [{type: thing, name: x, value: 1}]") ==
          CDZ_E_TASK);
    task_rig_close(&r);
}

/* --- tasks that ask the server --- */

struct fake {
    struct cdz_buf asked; /* a line per call */
    size_t left;          /* executions that can still be found */
};

static void fake_settle(void *ctx, cdz_str id)
{
    cdz_buf_printf(&((struct fake *)ctx)->asked, "settle %.*s\n", CDZ_S(id));
}
static cdz_rc fake_logs(void *ctx, const struct cdz_log_filter *f, const struct cdz_page *page,
                        struct cdz_arena *arena, struct cdz_log_entry **ret, size_t *ret_n,
                        struct cdz_err *err)
{
    (void)err;
    cdz_buf_printf(&((struct fake *)ctx)->asked, "logs %.*s level=%d page=%zu\n",
                   CDZ_S(f->execution_id), (int)f->min_level, page->page);
    *ret_n = page->page == 1 ? page->size : 2; /* two pages */
    *ret = CDZ_NEW_N(arena, struct cdz_log_entry, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = (struct cdz_log_entry){.execution_id = f->execution_id,
                                           .task_id = i % 2 ? CDZ_STR("a") : CDZ_STR("b"),
                                           .attempt = -1,
                                           .at = 1700000000000000,
                                           .level = CDZ_INFO,
                                           .message = CDZ_STR("m")};
    return CDZ_OK;
}
static cdz_rc fake_purge_logs(void *ctx, const struct cdz_log_filter *f, uint64_t *ret,
                              struct cdz_err *err)
{
    (void)err;
    cdz_buf_printf(&((struct fake *)ctx)->asked, "purge %.*s levels=%u to=%lld\n",
                   CDZ_S(f->namespace_), f->levels, (long long)f->to);
    *ret = 7;
    return CDZ_OK;
}
static cdz_rc fake_count(void *ctx, const struct cdz_execution_filter *f, uint64_t *ret,
                         struct cdz_err *err)
{
    (void)ctx, (void)err;
    *ret = cdz_str_is(f->flow_id, "many") ? 5 : 0;
    return CDZ_OK;
}
static cdz_rc fake_find(void *ctx, const struct cdz_execution_filter *f, size_t page, size_t max,
                        struct cdz_arena *arena, struct cdz_executions *ret, struct cdz_err *err)
{
    struct fake *k = ctx;
    (void)f, (void)page, (void)err;
    size_t n = k->left < max ? k->left : max;
    ret->v = CDZ_NEW_N(arena, struct cdz_execution *, n);
    for (ret->n = 0; ret->n < n; ret->n++)
        ret->v[ret->n] = cdz_execution_new();
    return CDZ_OK;
}
static cdz_rc fake_purge(void *ctx, const struct cdz_execution *e, unsigned what,
                         struct cdz_purged *sum, struct cdz_err *err)
{
    (void)e, (void)err;
    ((struct fake *)ctx)->left--;
    sum->executions += (what & CDZ_PURGE_EXECUTION) != 0;
    sum->logs += (what & CDZ_PURGE_LOGS) != 0;
    return CDZ_OK;
}
static cdz_rc fake_resume(void *ctx, cdz_str id, cdz_val inputs, struct cdz_err *err)
{
    (void)err;
    cdz_buf_printf(&((struct fake *)ctx)->asked, "resume %.*s ", CDZ_S(id));
    cdz_json_print(&((struct fake *)ctx)->asked, inputs, 0);
    return CDZ_OK;
}
static cdz_rc fake_toggle(void *ctx, cdz_str ns, cdz_str flow, cdz_str trigger, bool enabled,
                          struct cdz_err *err)
{
    (void)err;
    cdz_buf_printf(&((struct fake *)ctx)->asked, "toggle %.*s.%.*s.%.*s %d\n", CDZ_S(ns),
                   CDZ_S(flow), CDZ_S(trigger), enabled);
    return CDZ_OK;
}

static void with_services(struct task_rig *r, struct fake *k, struct cdz_task_services *s)
{
    open_rig(r);
    *k = (struct fake){.left = 0};
    *s = (struct cdz_task_services){.ctx = k,
                                    .logs_settle = fake_settle,
                                    .log_find = fake_logs,
                                    .log_purge = fake_purge_logs,
                                    .execution_count = fake_count,
                                    .execution_find = fake_find,
                                    .execution_purge = fake_purge,
                                    .resume = fake_resume,
                                    .toggle = fake_toggle};
    r->worker.services = s;
}

TEST(fetch_writes_all_pages_of_the_log_once_it_is_settled)
{
    struct task_rig r;
    struct fake k;
    struct cdz_task_services s;
    with_services(&r, &k, &s);
    CHECK(task_rig_run(&r, CORE "log.Fetch\ntasksId: [a]\nlevel: WARN") == CDZ_OK, "%s",
          r.err.text);
    CHECK(cdz_map_getz(r.run.outputs, "size").i == 251, "%s", task_rig_outputs(&r));
    CHECK(strcmp(k.asked.p,
                 "settle exec1\nlogs exec1 level=3 page=1\nlogs exec1 level=3 page=2\n") == 0,
          "%s", k.asked.p);
    cdz_str file = task_rig_file(&r, task_rig_output(&r, "uri"));
    CHECK(cdz_str_find(file, CDZ_STR("timestamp:2023-11-14T22:13:20"), 0) != SIZE_MAX, "%.*s",
          CDZ_S(cdz_str_sub(file, 0, 300)));
    CHECK(task_rig_run(&r, CORE "log.Fetch\nnamespace: x") == CDZ_E_TASK);
    CHECK(task_rig_run(&r, CORE "log.Fetch\nnamespace: x\nflowId: y") == CDZ_E_TASK);
    cdz_buf_done(&k.asked);
    task_rig_close(&r);
}

TEST(purge_logs_names_levels_and_dates)
{
    struct task_rig r;
    struct fake k;
    struct cdz_task_services s;
    with_services(&r, &k, &s);
    CHECK(gives(&r,
                CORE "log.PurgeLogs\nnamespace: x\nlogLevels: [INFO, ERROR]\nendDate: "
                     "1970-01-01T00:00:01Z",
                "{\"count\":7}"));
    CHECK(strcmp(k.asked.p, "purge x levels=20 to=1000000\n") == 0, "%s", k.asked.p);
    CHECK(task_rig_run(&r, CORE "log.PurgeLogs\nendDate: tomorrow") == CDZ_E_TASK);
    CHECK(task_rig_run(&r,
                       CORE "log.PurgeLogs\nendDate: '2024-01-01T00:00:00Z'\nlogLevels: [LOUD]") ==
          CDZ_E_TASK);
    cdz_buf_done(&k.asked);
    task_rig_close(&r);
}

TEST(count_keeps_what_its_expression_wants)
{
    struct task_rig r;
    struct fake k;
    struct cdz_task_services s;
    with_services(&r, &k, &s);
    CHECK(
        gives(&r,
              CORE "execution.Count\nflows: [{namespace: x, flowId: many}, {namespace: x, flowId: "
                   "none}]\nstartDate: '2024-01-01T00:00:00Z'\nexpression: '{{ count >= 1 }}'",
              "{\"results\":[{\"namespace\":\"x\",\"flowId\":\"many\",\"count\":5}],\"total\":5}"));
    CHECK(gives(&r,
                CORE "execution.Count\nnamespaces: [x]\nstates: [FAILED]\nstartDate: "
                     "'2024-01-01T00:00:00Z'\nexpression: '{{ count == 0 }}'",
                "{\"results\":[{\"namespace\":\"x\",\"count\":0}],\"total\":0}"));
    CHECK(task_rig_run(&r,
                       CORE "execution.Count\nstartDate: '2024-01-01T00:00:00Z'\nexpression: x") ==
          CDZ_E_TASK);
    task_rig_close(&r);
}

TEST(purge_executions_goes_on_until_none_is_left)
{
    struct task_rig r;
    struct fake k;
    struct cdz_task_services s;
    with_services(&r, &k, &s);
    k.left = 250;
    CHECK(gives(
        &r, "type: io.kestra.core.tasks.storages.Purge\nendDate: '2024-01-01T00:00:00Z'",
        "{\"executionsCount\":250,\"logsCount\":250,\"metricsCount\":0,\"storagesCount\":0}"));
    CHECK(k.left == 0);
    k.left = 5;
    CHECK(gives(&r,
                CORE
                "execution.PurgeExecutions\nendDate: '2024-01-01T00:00:00Z'\nstates: [RUNNING]",
                "{\"executionsCount\":0,\"logsCount\":0,\"metricsCount\":0,\"storagesCount\":0}"),
          "what runs is never purged");
    task_rig_close(&r);
}

TEST(resume_and_toggle_ask_the_server)
{
    struct task_rig r;
    struct fake k;
    struct cdz_task_services s;
    with_services(&r, &k, &s);
    CHECK(
        task_rig_run(&r, CORE "execution.Resume\nexecutionId: e9\ninputs: {ok: '{{ flow.id }}'}") ==
        CDZ_OK);
    CHECK(strcmp(k.asked.p, "resume e9 {\"ok\":\"f\"}") == 0, "%s", k.asked.p);
    cdz_buf_reset(&k.asked);
    CHECK(task_rig_run(&r, CORE "trigger.Toggle\ntrigger: daily\nenabled: true") == CDZ_OK);
    CHECK(strcmp(k.asked.p, "toggle a.b.f.daily 1\n") == 0, "%s", k.asked.p);
    r.worker.services = NULL;
    CHECK(task_rig_run(&r, CORE "trigger.Toggle\ntrigger: daily\nenabled: true") == CDZ_E_TASK);
    CHECK(task_rig_run(&r, CORE "execution.Resume") == CDZ_E_TASK);
    CHECK(task_rig_run(&r, CORE "log.Fetch") == CDZ_E_TASK);
    cdz_buf_done(&k.asked);
    task_rig_close(&r);
}

TEST_MAIN
