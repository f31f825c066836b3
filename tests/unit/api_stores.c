/* api_stores.c -- what the API keeps for flows: keys and values, files of a namespace, templates. */
#include "base/zip.h"
#include "site.h"

static struct reply ask(struct site *s, const char *method, const char *path, const char *body)
{
    return call(s, method, path, "application/json", body ? cdz_str_z(body) : (cdz_str){NULL, 0});
}

/* One file part called fileContent. */
static struct reply upload(struct site *s, const char *path, const char *filename, cdz_str bytes)
{
    struct reply r;
    CURL *c = prepare(s, "POST", path, &r);
    curl_mime *mime = curl_mime_init(c);
    curl_mimepart *part = curl_mime_addpart(mime);
    curl_mime_name(part, "fileContent");
    curl_mime_filename(part, filename);
    curl_mime_data(part, bytes.p, bytes.n);
    curl_easy_setopt(c, CURLOPT_MIMEPOST, mime);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &r.body);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &r.head);
    perform(c, &r);
    curl_mime_free(mime);
    return r;
}

TEST(keys_are_put_read_listed_and_deleted)
{
    static const struct {
        const char *key, *body, *type, *value;
    } rows[] = {
        {"text", "\"hello\"", "STRING", "\"hello\""},
        {"number", "1.5", "NUMBER", "1.5"},
        {"flag", "true", "BOOLEAN", "true"},
        {"json", "{\"a\": [1, true]}", "JSON", "{\"a\":[1,true]}"},
        {"instant", "2024-01-02T03:04:05Z", "DATETIME", "\"2024-01-02T03:04:05Z\""},
        {"day", "2024-01-02", "DATE", "\"2024-01-02\""},
    };
    struct site s;
    char path[128], want[256];
    site_open(&s, RIG_VOLATILE);
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        snprintf(path, sizeof(path), "/api/v1/namespaces/t.kv/kv/%s", rows[i].key);
        AUTO_REPLY put = ask(&s, "PUT", path, rows[i].body);
        CHECK_STATUS(put, 200);
        AUTO_REPLY r = get(&s, path);
        snprintf(want, sizeof(want), "{\"type\":\"%s\",\"value\":%s}", rows[i].type, rows[i].value);
        CHECK(cdz_str_is(cdz_buf_get(&r.body), want), "%s: %s", rows[i].key, r.body.p);
    }
    {
        AUTO_REPLY r = get(&s, "/api/v1/namespaces/t.kv/kv");
        CHECK(has(cdz_buf_get(&r.body), "\"key\":\"json\"") &&
                  has(cdz_buf_get(&r.body), "creationDate"),
              "%s", r.body.p);
        AUTO_REPLY bad = get(&s, "/api/v1/namespaces/t.kv/kv/bad$key");
        CHECK_STATUS(bad, 422);
        AUTO_REPLY two = ask(&s, "PUT", "/api/v1/namespaces/t.kv/kv/text", "one two");
        CHECK_STATUS(two, 422);
        AUTO_REPLY nothing = ask(&s, "PUT", "/api/v1/namespaces/t.kv/kv/text", "");
        CHECK_STATUS(nothing, 422);
    }
    {
        AUTO_REPLY r = ask(&s, "DELETE", "/api/v1/namespaces/t.kv/kv/text", NULL);
        CHECK(cdz_str_is(cdz_buf_get(&r.body), "true"), "%s", r.body.p);
        AUTO_REPLY again = ask(&s, "DELETE", "/api/v1/namespaces/t.kv/kv/text", NULL);
        CHECK(cdz_str_is(cdz_buf_get(&again.body), "false"), "%s", again.body.p);
        AUTO_REPLY gone = get(&s, "/api/v1/namespaces/t.kv/kv/text");
        CHECK_STATUS(gone, 404);
        CHECK(has(cdz_buf_get(&gone.body), "No value found for key 'text'"), "%s", gone.body.p);
        AUTO_REPLY some =
            ask(&s, "DELETE", "/api/v1/namespaces/t.kv/kv", "{\"keys\": [\"flag\", \"nothing\"]}");
        CHECK(cdz_str_is(cdz_buf_get(&some.body), "{\"keys\":[\"flag\"]}"), "%s", some.body.p);
    }
    site_close(&s);
}

TEST(files_of_a_namespace_are_written_listed_moved_and_deleted)
{
#define FILES "/api/v1/namespaces/t.files/files"
    struct site s;
    site_open(&s, RIG_VOLATILE);
    {
        AUTO_REPLY r = upload(&s, FILES "?path=/folder/a.txt", "a.txt", CDZ_STR("one"));
        CHECK_STATUS(r, 200);
        AUTO_REPLY read = get(&s, FILES "?path=folder/a.txt");
        CHECK_STATUS(read, 200);
        CHECK(cdz_str_is(cdz_buf_get(&read.body), "one"), "%s", read.body.p);
        AUTO_REPLY list = get(&s, FILES "/directory?path=/folder");
        CHECK(has(cdz_buf_get(&list.body), "\"fileName\":\"a.txt\""), "%s", list.body.p);
        AUTO_REPLY search = get(&s, FILES "/search?q=a.t");
        CHECK(cdz_str_is(cdz_buf_get(&search.body), "[\"/folder/a.txt\"]"), "%s", search.body.p);
        AUTO_REPLY root = get(&s, "/api/v1/namespaces/empty/files/directory");
        CHECK(cdz_str_is(cdz_buf_get(&root.body), "[]"), "%s", root.body.p);
    }
    {
        AUTO_REPLY r = ask(&s, "PUT", FILES "?from=/folder/a.txt&to=/other/b.txt", NULL);
        CHECK_STATUS(r, 200);
        AUTO_REPLY gone = get(&s, FILES "?path=/folder/a.txt");
        CHECK_STATUS(gone, 404);
        AUTO_REPLY none = ask(&s, "PUT", FILES "?from=/nothing&to=/x", NULL);
        CHECK_STATUS(none, 404);
    }
    {
        AUTO_REPLY r = ask(&s, "DELETE", FILES "?path=/other/b.txt", NULL);
        CHECK_STATUS(r, 200);
        AUTO_REPLY parent = get(&s, FILES "/stats?path=/other");
        CHECK(parent.status == 404, "an empty folder goes with its last file: %s", parent.body.p);
    }
    static const struct {
        const char *why, *path;
        int status;
    } bad[] = {
        {"flows", "?path=/_flows/x.yml", 422},
        {"up", "?path=/a/../../secret", 422},
        {"dot", "?path=/./a", 422},
        {"none", "", 400},
        {"empty part", "?path=/a//b", 422},
    };
    for (size_t i = 0; i < CDZ_COUNT(bad); i++) {
        char path[128];
        snprintf(path, sizeof(path), FILES "%s", bad[i].path);
        AUTO_REPLY r = get(&s, path);
        CHECK(r.status == bad[i].status, "%s: %ld %s", bad[i].why, r.status, r.body.p);
        AUTO_REPLY w = upload(&s, path, "x", CDZ_STR("x"));
        CHECK(w.status == bad[i].status, "write %s: %ld %s", bad[i].why, w.status, w.body.p);
    }
    site_close(&s);
}

TEST(an_archive_takes_files_and_flows_and_gives_them_back)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_AUTO_BUF struct cdz_buf zip = CDZ_BUF_INIT;
    struct cdz_zip_writer z;
    struct site s;
    site_open(&s, RIG_VOLATILE);
    cdz_zip_begin(&z, &zip);
    RIG_NEED(cdz_zip_add(&z, CDZ_STR("docs/read.me"), CDZ_STR("read me"), &rig_err));
    RIG_NEED(cdz_zip_add(&z, CDZ_STR("_flows/x.yml"),
                         CDZ_STR("id: x\nnamespace: t.files\ntasks:\n- {id: a, type: "
                                 "io.kestra.plugin.core.log.Log, message: m}\n"),
                         &rig_err));
    cdz_zip_end(&z);
    AUTO_REPLY r = upload(&s, FILES "?path=/", "all.zip", cdz_buf_get(&zip));
    CHECK_STATUS(r, 200);
    AUTO_REPLY file = get(&s, FILES "?path=/docs/read.me");
    CHECK(cdz_str_is(cdz_buf_get(&file.body), "read me"), "%s", file.body.p);
    AUTO_REPLY flow = get(&s, "/api/v1/flows/t.files/x");
    CHECK_STATUS(flow, 200);
    AUTO_REPLY out = get(&s, FILES "/export");
    CHECK_STATUS(out, 200);
    CDZ_AUTO_ZIP struct cdz_zip_reader reader = {0};
    cdz_str name, bytes;
    int found = 0;
    RIG_NEED(cdz_zip_open(&reader, cdz_buf_get(&out.body), &rig_err));
    for (;;) {
        RIG_NEED(cdz_zip_next(&reader, arena, &name, &bytes, &rig_err));
        if (!name.n)
            break;
        found += cdz_str_is(name, "docs/read.me") && cdz_str_is(bytes, "read me");
        found += cdz_str_is(name, "_flows/t.files.x.yml") ? 10 : 0;
    }
    CHECK(found == 11, "%d", found);
    AUTO_REPLY bad = upload(&s, FILES "?path=/", "all.zip", CDZ_STR("no archive"));
    CHECK_STATUS(bad, 422);
    struct cdz_zip_writer evil;
    cdz_buf_reset(&zip);
    cdz_zip_begin(&evil, &zip);
    RIG_NEED(cdz_zip_add(&evil, CDZ_STR("../../escape"), CDZ_STR("x"), &rig_err));
    cdz_zip_end(&evil);
    AUTO_REPLY escape = upload(&s, FILES "?path=/", "all.zip", cdz_buf_get(&zip));
    CHECK_STATUS(escape, 422);
    site_close(&s);
}

TEST(an_archive_is_refused_wherever_it_is_damaged)
{
    CDZ_AUTO_BUF struct cdz_buf zip = CDZ_BUF_INIT;
    struct cdz_zip_writer z;
    char text[2000];
    memset(text, 'x', sizeof(text)); /* deflates */
    cdz_zip_begin(&z, &zip);
    RIG_NEED(cdz_zip_add(&z, CDZ_STR("a"), (cdz_str){text, sizeof(text)}, &rig_err));
    RIG_NEED(cdz_zip_add(&z, CDZ_STR("b"), CDZ_STR("stored"), &rig_err));
    cdz_zip_end(&z);
    for (size_t i = 0; i < zip.n; i++) {
        for (int bit = 0; bit < 8; bit += 3) {
            CDZ_AUTO_ARENA arena = cdz_arena_open(0);
            CDZ_AUTO_ZIP struct cdz_zip_reader r = {0};
            cdz_str name, bytes;
            zip.p[i] = (char)(zip.p[i] ^ (1 << bit));
            if (cdz_zip_open(&r, cdz_buf_get(&zip), &rig_err) == CDZ_OK) {
                while (cdz_zip_next(&r, arena, &name, &bytes, &rig_err) == CDZ_OK && name.n)
                    CHECK(bytes.n <= sizeof(text), "entry of %zu bytes", bytes.n);
            }
            zip.p[i] = (char)(zip.p[i] ^ (1 << bit));
        }
    }
}

static void with_templates(struct cdz_config *config)
{
    config->templates_enabled = true;
}

TEST(templates_are_changed_and_flows_see_it)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    rig_configure = with_templates;
    site_open(&s, RIG_FILE);
    rig_configure = NULL;
#define TEMPLATE(text)                                                                             \
    "{\"id\":\"tpl\",\"namespace\":\"t\",\"tasks\":[{\"id\":\"a\",\"type\":"                       \
    "\"io.kestra.plugin.core.debug.Return\",\"format\":\"" text "\"}]}"
    deploy(&s, "id: user\nnamespace: t\ntasks:\n  - id: use\n    type: "
               "io.kestra.plugin.core.flow.Template\n    namespace: t\n    templateId: tpl\n");
    {
        AUTO_REPLY r = post(&s, "/api/v1/executions/t/user?wait=true");
        CHECK(cdz_str_is(text_at(json_of(&r, arena), "state.current"), "FAILED"), "%s", r.body.p);
    }
    {
        AUTO_REPLY r = ask(&s, "POST", "/api/v1/templates", TEMPLATE("one"));
        CHECK_STATUS(r, 200);
        AUTO_REPLY twice = ask(&s, "POST", "/api/v1/templates", TEMPLATE("one"));
        CHECK_STATUS(twice, 422);
        AUTO_REPLY run = post(&s, "/api/v1/executions/t/user?wait=true");
        CHECK(has(cdz_buf_get(&run.body), "\"value\":\"one\""), "%s", run.body.p);
    }
    {
        AUTO_REPLY r = ask(&s, "PUT", "/api/v1/templates/t/tpl", TEMPLATE("two"));
        CHECK_STATUS(r, 200);
        AUTO_REPLY run = post(&s, "/api/v1/executions/t/user?wait=true");
        CHECK(has(cdz_buf_get(&run.body), "\"value\":\"two\""), "%s", run.body.p);
        AUTO_REPLY found = get(&s, "/api/v1/templates/search?q=tp&namespace=t");
        CHECK(cdz_map_getz(json_of(&found, arena), "total").i == 1, "%s", found.body.p);
        AUTO_REPLY bad = ask(&s, "PUT", "/api/v1/templates/t/tpl",
                             "{\"id\":\"tpl\",\"namespace\":\"t\",\"tasks\":[{\"id\":\"a\"}]}");
        CHECK_STATUS(bad, 422);
        AUTO_REPLY other = ask(&s, "PUT", "/api/v1/templates/t/none", TEMPLATE("two"));
        CHECK_STATUS(other, 404);
    }
    {
        AUTO_REPLY r = ask(&s, "DELETE", "/api/v1/templates/t/tpl", NULL);
        CHECK_STATUS(r, 204);
        AUTO_REPLY again = ask(&s, "DELETE", "/api/v1/templates/t/tpl", NULL);
        CHECK_STATUS(again, 404);
    }
    site_close(&s);
    site_open(&s, RIG_VOLATILE);
    AUTO_REPLY off = get(&s, "/api/v1/templates/search");
    CHECK_STATUS(off, 404);
    site_close(&s);
}

TEST_MAIN
