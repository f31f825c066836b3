/* api_flows.c -- flows in numbers and by their sources; inputs of the dialogs. */
#include "site.h"

static const char one[] =
    "id: one\nnamespace: t.a\n# keep me\ntasks:\n"
    "  - {id: say, type: io.kestra.plugin.core.debug.Return, format: needle}\n";
static const char two[] = "id: two\nnamespace: t.b\ndisabled: true\ntasks:\n"
                          "  - {id: say, type: io.kestra.plugin.core.debug.Return, format: hay}\n";

static struct reply ask(struct site *s, const char *method, const char *path, const char *body)
{
    return call(s, method, path, "application/json", body ? cdz_str_z(body) : (cdz_str){NULL, 0});
}

TEST(flows_are_disabled_and_enabled_without_losing_a_comment)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, one);
    deploy(&s, two);
    const char *ids =
        "[{\"id\":\"one\",\"namespace\":\"t.a\"},{\"id\":\"two\",\"namespace\":\"t.b\"},"
        "{\"id\":\"none\",\"namespace\":\"t\"}]";
    AUTO_REPLY off = ask(&s, "POST", "/api/v1/flows/disable/by-ids", ids);
    CHECK_STATUS(off, 200);
    CHECK(cdz_map_getz(json_of(&off, arena), "count").i == 1, "one was disabled: %s", off.body.p);
    AUTO_REPLY r = get(&s, "/api/v1/flows/t.a/one?source=true");
    cdz_val flow = json_of(&r, arena);
    CHECK(cdz_map_getz(flow, "disabled").b && cdz_map_getz(flow, "revision").i == 2 &&
              has(text_at(flow, "source"), "# keep me"),
          "%s", r.body.p);
    AUTO_REPLY on = ask(&s, "POST", "/api/v1/flows/enable/by-query?namespace=t", "");
    CHECK_STATUS(on, 200);
    CHECK(cdz_map_getz(json_of(&on, arena), "count").i == 2, "%s", on.body.p);
    AUTO_REPLY back = get(&s, "/api/v1/flows/t.a/one?source=true");
    CHECK(cdz_str_is(text_at(json_of(&back, arena), "source"), one), "%s", back.body.p);
    AUTO_REPLY bad = ask(&s, "POST", "/api/v1/flows/enable/by-ids", "[1]");
    CHECK_STATUS(bad, 422);
    site_close(&s);
}

TEST(sources_are_searched_and_hits_marked)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, one);
    deploy(&s, two);
    AUTO_REPLY r = get(&s, "/api/v1/flows/source?q=NEEDLE&namespace=t");
    CHECK_STATUS(r, 200);
    CHECK(cdz_map_getz(json_of(&r, arena), "total").i == 1 &&
              has(text_at(json_of(&r, arena), "results.0.fragments.0"), "[mark]needle[/mark]"),
          "%s", r.body.p);
    AUTO_REPLY none = get(&s, "/api/v1/flows/source?q=nowhere");
    CHECK(cdz_map_getz(json_of(&none, arena), "total").i == 0, "%s", none.body.p);
    site_close(&s);
}

TEST(one_task_is_changed)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, one);
    const char *task =
        "{\"id\":\"say\",\"type\":\"io.kestra.plugin.core.debug.Return\",\"format\":\"new\"}";
    AUTO_REPLY r = ask(&s, "PATCH", "/api/v1/flows/t.a/one/say", task);
    CHECK_STATUS(r, 200);
    CHECK(cdz_str_is(text_at(json_of(&r, arena), "tasks.0.format"), "new"), "%s", r.body.p);
    AUTO_REPLY other = ask(&s, "PATCH", "/api/v1/flows/t.a/one/else", task);
    CHECK_STATUS(other, 422);
    AUTO_REPLY none = ask(&s, "PATCH", "/api/v1/flows/t.a/none/say", task);
    CHECK_STATUS(none, 404);
    AUTO_REPLY bad = ask(&s, "PATCH", "/api/v1/flows/t.a/one/say", "{\"id\":\"say\"}");
    CHECK_STATUS(bad, 422);
    site_close(&s);
}

TEST(what_was_exported_can_be_imported)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    struct reply r;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, one);
    deploy(&s, two);
    AUTO_REPLY out = get(&s, "/api/v1/flows/export/by-query?namespace=t");
    CHECK_STATUS(out, 200);
    AUTO_REPLY gone = ask(&s, "DELETE", "/api/v1/flows/delete/by-query?namespace=t", NULL);
    CHECK(cdz_map_getz(json_of(&gone, arena), "count").i == 2, "%s", gone.body.p);
    CURL *c = prepare(&s, "POST", "/api/v1/flows/import", &r);
    curl_mime *mime = curl_mime_init(c);
    curl_mimepart *part = curl_mime_addpart(mime);
    curl_mime_name(part, "fileUpload");
    curl_mime_filename(part, "flows.zip");
    curl_mime_data(part, out.body.p, out.body.n);
    curl_easy_setopt(c, CURLOPT_MIMEPOST, mime);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &r.body);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &r.head);
    perform(c, &r);
    curl_mime_free(mime);
    CHECK_STATUS(r, 200);
    reply_done(&r);
    AUTO_REPLY back = get(&s, "/api/v1/flows/t.a/one?source=true");
    CHECK(cdz_str_is(text_at(json_of(&back, arena), "source"), one), "%s", back.body.p);
    site_close(&s);
}

TEST(inputs_are_validated_one_by_one)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy(&s,
           "id: asks\nnamespace: t\ninputs:\n  - {id: n, type: INT}\n  - {id: w, type: STRING}\n"
           "  - {id: d, type: INT, defaults: 7}\ntasks:\n"
           "  - {id: say, type: io.kestra.plugin.core.debug.Return, format: x}\n");
    AUTO_REPLY r = call(&s, "POST", "/api/v1/executions/t/asks/validate",
                        "multipart/form-data; boundary=frontier",
                        CDZ_STR("--frontier\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n"
                                "many\r\n--frontier--\r\n"));
    CHECK_STATUS(r, 200);
    cdz_val v = json_of(&r, arena);
    CHECK(has(text_at(v, "inputs.0.errors.0.message"), "Invalid input for `n`") &&
              has(text_at(v, "inputs.1.errors.0.message"), "Invalid input for `w`") &&
              cdz_val_is_null(cdz_val_path(v, "inputs.2.errors")) &&
              cdz_val_path(v, "inputs.2.value").i == 7,
          "%s", r.body.p);
    AUTO_REPLY none = post(&s, "/api/v1/executions/t/none/validate");
    CHECK_STATUS(none, 404);
    site_close(&s);
}

TEST_MAIN
