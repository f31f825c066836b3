/* The tasks over files of the storage: storage.*, and namespace files. */
#include <sys/stat.h>

#include "base/limits.h"
#include "task/files.h"
#include "task_rig.h"

#define STORAGE "type: io.kestra.plugin.core.storage."

/* Runs a task over a file of this content: `%s` in yaml is its URI. */
static cdz_rc run_over(struct task_rig *r, const char *content, const char *yaml)
{
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    cdz_str uri = task_rig_put(r, "inputs/in", "data.csv", content);
    for (const char *p = yaml; *p; p++) {
        if (p[0] == '%' && p[1] == 's') {
            cdz_buf_str(&text, uri);
            p++;
        } else {
            cdz_buf_c(&text, *p);
        }
    }
    return task_rig_run(r, text.p);
}

static bool gives(struct task_rig *r, const char *want)
{
    return cdz_str_is(task_rig_file(r, task_rig_output(r, "uri")), want);
}

TEST(concat_writes_the_separator_behind_every_file)
{
    struct task_rig r;
    char yaml[600];
    task_rig_open(&r);
    cdz_str a = task_rig_put(&r, "inputs/a", "a", "first"),
            b = task_rig_put(&r, "inputs/b", "b", "second");
    snprintf(yaml, sizeof(yaml),
             STORAGE "Concat\nfiles: ['%.*s', '%.*s']\nseparator: '--'\nextension: .md", CDZ_S(a),
             CDZ_S(b));
    CHECK(task_rig_run(&r, yaml) == CDZ_OK, "%s", r.err.text);
    CHECK(gives(&r, "first--second--"));
    CHECK(cdz_str_ends(task_rig_output(&r, "uri"), CDZ_STR(".md")));
    task_rig_var(&r, "list", cdz_val_text(cdz_arena_printf(r.run.arena, "[\"%.*s\"]", CDZ_S(b))));
    CHECK(task_rig_run(&r, "type: io.kestra.core.tasks.storages.Concat\nfiles: '{{ list }}'") ==
              CDZ_OK,
          "%s", r.err.text);
    CHECK(gives(&r, "second"), "a JSON list as text");
    task_rig_close(&r);
}

TEST(split_cuts_at_line_ends_by_rows_partitions_or_bytes)
{
    static const struct {
        const char *why, *content, *options;
        const char *first, *last;
        size_t files;
    } rows[] = {
        {"rows", "a\nb\nc\n", "rows: 2", "a\nb\n", "c\n", 2},
        {"no newline at the end", "a\nb", "rows: 1", "a\n", "b\n", 2},
        {"partitions", "1\n2\n3\n4\n5\n", "partitions: 2", "1\n3\n5\n", "2\n4\n", 2},
        {"more partitions than lines", "1\n", "partitions: 3", "1\n", "1\n", 1},
        {"bytes", "aaaa\nbbbb\ncccc\n", "bytes: 6B", "aaaa\nbbbb\n", "cccc\n", 2},
        {"bytes win", "a\nb\n", "bytes: 1MB\nrows: 1", "a\nb\n", "a\nb\n", 1},
        {"separator", "a\nb\n", "rows: 2\nseparator: ';'", "a;b;", "a;b;", 1},
        {"empty", "", "rows: 1", "", "", 0},
    };
    struct task_rig r;
    task_rig_open(&r);
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        char yaml[300];
        snprintf(yaml, sizeof(yaml), STORAGE "Split\nfrom: %%s\n%s", rows[i].options);
        CHECK(run_over(&r, rows[i].content, yaml) == CDZ_OK, "%s: %s", rows[i].why, r.err.text);
        cdz_val uris = cdz_map_getz(r.run.outputs, "uris");
        size_t n = uris.kind == CDZ_LIST ? cdz_list_n(uris) : 99;
        CHECK(n == rows[i].files, "%s: %zu files", rows[i].why, n);
        if (!n || n != rows[i].files)
            continue;
        CHECK(cdz_str_is(task_rig_file(&r, cdz_val_str(cdz_list_at(uris, 0))), rows[i].first), "%s",
              rows[i].why);
        CHECK(cdz_str_is(task_rig_file(&r, cdz_val_str(cdz_list_at(uris, n - 1))), rows[i].last),
              "%s", rows[i].why);
    }
    CHECK(run_over(&r, "a\n", STORAGE "Split\nfrom: '%s'") == CDZ_E_TASK &&
          strstr(r.err.text, "no size, count, nor rows"));
    CHECK(run_over(&r, "a\n", STORAGE "Split\nfrom: '%s'\nbytes: 10 apples") == CDZ_E_TASK);
    task_rig_close(&r);
}

TEST(reverse_writes_the_last_line_first)
{
    static const struct {
        const char *why, *content, *options, *want;
    } rows[] = {
        {"lines", "a\nbb\nccc\n", "", "ccc\nbb\na\n"},
        {"no newline at the end", "a\nb", "", "b\na\n"},
        {"empty lines", "\n\na\n", "", "a\n\n\n"},
        {"one line", "a", "", "a\n"},
        {"empty", "", "", ""},
        {"separator of two", "a--b--c", "separator: '--'", "c--b--a--"},
        {"its half alone", "a-b--c", "separator: '--'", "c--a-b--"},
    };
    struct task_rig r;
    task_rig_open(&r);
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        char yaml[200];
        snprintf(yaml, sizeof(yaml), STORAGE "Reverse\nfrom: '%%s'\n%s", rows[i].options);
        CHECK(run_over(&r, rows[i].content, yaml) == CDZ_OK, "%s: %s", rows[i].why, r.err.text);
        cdz_str got = task_rig_file(&r, task_rig_output(&r, "uri"));
        CHECK(cdz_str_is(got, rows[i].want), "%s: got %.*s", rows[i].why, CDZ_S(got));
    }
    CHECK(run_over(&r, "a", STORAGE "Reverse\nfrom: '%s'\ncharset: UTF-16") == CDZ_E_TASK);
    task_rig_close(&r);
}

TEST(reverse_finds_separators_that_blocks_cut)
{
    struct task_rig r;
    CDZ_AUTO_BUF struct cdz_buf in = CDZ_BUF_INIT;
    CDZ_AUTO_BUF struct cdz_buf want = CDZ_BUF_INIT;
    enum { LINES = 30000 };
    task_rig_open(&r);
    for (int i = 0; i < LINES; i++) {
        cdz_buf_printf(&in, "%d<>", i);
        cdz_buf_printf(&want, "%d<>", LINES - 1 - i);
    }
    CHECK(run_over(&r, in.p, STORAGE "Reverse\nfrom: '%s'\nseparator: '<>'") == CDZ_OK, "%s",
          r.err.text);
    CHECK(gives(&r, want.p));
    task_rig_close(&r);
}

TEST(size_delete_and_write_do_what_they_say)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(run_over(&r, "12345", STORAGE "Size\nuri: '%s'") == CDZ_OK);
    CHECK(strcmp(task_rig_outputs(&r), "{\"size\":5}") == 0, "%s", task_rig_outputs(&r));
    CHECK(run_over(&r, "x", STORAGE "Delete\nuri: '%s'") == CDZ_OK);
    CHECK(strstr(task_rig_outputs(&r), "\"deleted\":true"));
    const char *gone = "kestra:///a/b/f/executions/exec1/inputs/in/none";
    char yaml[300];
    snprintf(yaml, sizeof(yaml), STORAGE "Delete\nuri: '%s'", gone);
    CHECK(task_rig_run(&r, yaml) == CDZ_OK && strstr(task_rig_outputs(&r), "\"deleted\":false"));
    snprintf(yaml, sizeof(yaml), STORAGE "Delete\nuri: '%s'\nerrorOnMissing: true", gone);
    CHECK(task_rig_run(&r, yaml) == CDZ_E_TASK && strstr(r.err.text, "Unable to find file"));
    task_rig_var(&r, "x", cdz_val_z("world"));
    CHECK(task_rig_run(&r, STORAGE "Write\ncontent: 'hello {{ x }}'\nextension: .txt") == CDZ_OK);
    CHECK(gives(&r, "hello world") && cdz_str_ends(task_rig_output(&r, "uri"), CDZ_STR(".txt")));
    CHECK(task_rig_run(&r, STORAGE "Write\ncontent: x\nextension: /../x") == CDZ_E_TASK);
    task_rig_close(&r);
}

TEST(a_file_of_another_execution_is_read_only_if_it_was_handed_over)
{
    static const char foreign[] = "kestra:///c/d/other/executions/e2/tasks/t/r/file.txt";
    struct task_rig r;
    struct cdz_err err;
    task_rig_open(&r);
    CHECK(cdz_storage_put(r.worker.storage, CDZ_STR("/c/d/other/executions/e2/tasks/t/r/file.txt"),
                          CDZ_STR("abc"), &err) == CDZ_OK);
    char yaml[300];
    snprintf(yaml, sizeof(yaml), STORAGE "Size\nuri: '%s'", foreign);
    CHECK(task_rig_run(&r, yaml) == CDZ_E_TASK && strstr(r.err.text, "didn't belong"));
    CHECK(task_rig_run(&r, STORAGE "Size\nuri: 'kestra:///c/d/_kv/key.ion'") == CDZ_E_TASK);
    cdz_val of_task = cdz_val_map(r.run.arena, 1), outputs = cdz_val_map(r.run.arena, 1);
    cdz_map_putz(r.run.arena, of_task, "uri", cdz_val_z(foreign));
    cdz_map_putz(r.run.arena, outputs, "sub", of_task);
    task_rig_var(&r, "outputs", outputs);
    CHECK(task_rig_run(&r, STORAGE "Size\nuri: '{{ outputs.sub.uri }}'") == CDZ_OK, "%s",
          r.err.text);
    task_rig_close(&r);
}

TEST(purge_current_deletes_all_files_of_the_execution)
{
    struct task_rig r;
    struct cdz_file_info info;
    task_rig_open(&r);
    (void)task_rig_put(&r, "inputs/a", "a", "1");
    (void)task_rig_put(&r, "tasks/b/c", "b", "2");
    CHECK(task_rig_run(&r, STORAGE "PurgeExecution") == CDZ_OK, "%s", r.err.text);
    CHECK(cdz_list_n(cdz_map_getz(r.run.outputs, "uris")) == 2, "%s", task_rig_outputs(&r));
    CHECK(cdz_storage_info(r.worker.storage, CDZ_STR("/a/b/f/executions/exec1/inputs/a/a"),
                           r.run.arena, &info, &r.err) == CDZ_E_NOT_FOUND);
    task_rig_close(&r);
}

/* --- items --- */

#define ITEMS                                                                                      \
    "{\"id\":1,\"city\":\"Rome\"}\n{id:2,city:\"Oslo\"}\n{\"id\":1,\"city\":\"Bern\"}\n{\"id\":3}" \
    "\n"

TEST(filter_items_keeps_lines_as_they_are)
{
    static const struct {
        const char *why, *options, *want;
        int dropped;
    } rows[] = {
        {"include", "filterCondition: '{{ id == 1 }}'",
         "{\"id\":1,\"city\":\"Rome\"}\n{\"id\":1,\"city\":\"Bern\"}\n", 2},
        {"exclude", "filterCondition: '{{ id == 1 }}'\nfilterType: EXCLUDE",
         "{id:2,city:\"Oslo\"}\n{\"id\":3}\n", 2},
        {"errors kept",
         "filterCondition: \"{{ city == 'Oslo' }}\"\nfilterType: EXCLUDE\nerrorOrNullBehavior: "
         "INCLUDE",
         "{\"id\":1,\"city\":\"Rome\"}\n{\"id\":1,\"city\":\"Bern\"}\n{\"id\":3}\n", 1},
        {"errors dropped",
         "filterCondition: \"{{ city == 'Oslo' }}\"\nerrorOrNullBehavior: EXCLUDE",
         "{id:2,city:\"Oslo\"}\n", 3},
        {"zero is false", "filterCondition: ' {{ id - 1 }} '", "{id:2,city:\"Oslo\"}\n{\"id\":3}\n",
         2},
        {"variables of the execution stay", "filterCondition: '{{ id == wanted }}'", "{\"id\":3}\n",
         3},
    };
    struct task_rig r;
    task_rig_open(&r);
    task_rig_var(&r, "wanted", cdz_val_int(3));
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        char yaml[300], counts[100];
        snprintf(yaml, sizeof(yaml), STORAGE "FilterItems\nfrom: '%%s'\n%s", rows[i].options);
        snprintf(counts, sizeof(counts), "\"processedItemsTotal\":4,\"droppedItemsTotal\":%d",
                 rows[i].dropped);
        CHECK(run_over(&r, ITEMS, yaml) == CDZ_OK, "%s: %s", rows[i].why, r.err.text);
        CHECK(gives(&r, rows[i].want), "%s: got %.*s", rows[i].why,
              CDZ_S(task_rig_file(&r, task_rig_output(&r, "uri"))));
        CHECK(strstr(task_rig_outputs(&r), counts), "%s: %s", rows[i].why, task_rig_outputs(&r));
    }
    CHECK(run_over(&r, ITEMS,
                   STORAGE
                   "FilterItems\nfrom: '%s'\nfilterCondition: \"{{ city == 'Oslo' }}\"") != CDZ_OK);
    CHECK(run_over(&r, "7\n", STORAGE "FilterItems\nfrom: '%s'\nfilterCondition: 'true'") != CDZ_OK,
          "no map");
    task_rig_close(&r);
}

TEST(deduplicate_keeps_the_last_item_of_each_key_in_order)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(run_over(&r, ITEMS, STORAGE "DeduplicateItems\nfrom: '%s'\nexpr: '{{ id }}'") == CDZ_OK,
          "%s", r.err.text);
    CHECK(gives(&r, "{id:2,city:\"Oslo\"}\n{\"id\":1,\"city\":\"Bern\"}\n{\"id\":3}\n"));
    CHECK(strstr(task_rig_outputs(&r),
                 "\"numKeys\":3,\"processedItemsTotal\":4,\"droppedItemsTotal\":1"),
          "%s", task_rig_outputs(&r));
    CDZ_AUTO_BUF struct cdz_buf many = CDZ_BUF_INIT;
    for (int i = 0; i < 20000; i++) /* the bits of lines grow on the way */
        cdz_buf_printf(&many, "{k:%d,n:%d}\n", i % 3, i);
    CHECK(run_over(&r, many.p, STORAGE "DeduplicateItems\nfrom: '%s'\nexpr: '{{ k }}'") == CDZ_OK);
    CHECK(gives(&r, "{k:0,n:19998}\n{k:1,n:19999}\n{k:2,n:19997}\n") ||
          gives(&r, "{k:2,n:19997}\n{k:0,n:19998}\n{k:1,n:19999}\n"));
    task_rig_close(&r);
}

TEST(a_line_beyond_the_limit_is_refused)
{
    struct task_rig r;
    size_t n = CDZ_ITEM_BYTES_MAX + (1u << 20);
    char *big = malloc(n + 1);
    if (!big)
        abort();
    memset(big, 'x', n);
    big[n] = 0;
    task_rig_open(&r);
    CHECK(run_over(&r, big, STORAGE "DeduplicateItems\nfrom: '%s'\nexpr: x") == CDZ_E_LIMIT, "%s",
          r.err.text);
    free(big);
    task_rig_close(&r);
}

TEST(a_cancelled_attempt_stops_reading)
{
    struct task_rig r;
    task_rig_open(&r);
    task_rig_cancel(&r, CDZ_CANCEL_KILL);
    CHECK(run_over(&r, "{a:1}\n", STORAGE "FilterItems\nfrom: '%s'\nfilterCondition: 'x'") ==
          CDZ_E_KILLED);
    task_rig_close(&r);
}

/* --- local files, namespace files --- */

TEST(local_files_makes_and_keeps_files_of_the_shared_directory)
{
    struct task_rig r;
    char shared[100];
    task_rig_open(&r);
    snprintf(shared, sizeof(shared), "%s/shared", r.dir);
    CHECK(mkdir(shared, 0700) == 0);
    r.run.shared_dir = shared;
    CHECK(task_rig_run(&r, STORAGE
                       "LocalFiles\ninputs: {data/in.json: '{\"n\": 42}', none: null}") == CDZ_OK,
          "%s", r.err.text);
    CHECK(strcmp(task_rig_outputs(&r), "{\"uris\":{}}") == 0, "%s", task_rig_outputs(&r));
    CHECK(task_rig_run(&r, STORAGE "LocalFiles\noutputs: ['**/in.json']") == CDZ_OK);
    cdz_val uris = cdz_map_getz(r.run.outputs, "uris");
    cdz_val uri = cdz_map_getz(uris, "data/in.json");
    CHECK(uri.kind == CDZ_TEXT && cdz_str_is(task_rig_file(&r, cdz_val_str(uri)), "{\"n\": 42}"),
          "%s", task_rig_outputs(&r));
    r.run.shared_dir = NULL;
    CHECK(task_rig_run(&r, STORAGE "LocalFiles\noutputs: '**'") == CDZ_OK);
    CHECK(strcmp(task_rig_outputs(&r), "{\"uris\":{}}") == 0, "a directory of its own");
    task_rig_close(&r);
}

static const char *ns_file(struct task_rig *r, const char *path)
{
    cdz_str text;
    cdz_str full = cdz_path_namespace_file(CDZ_STR("x.y"), cdz_str_z(path), r->run.arena);
    struct cdz_err err;
    if (cdz_storage_get(r->worker.storage, full, 1000, r->run.arena, &text, &err) != CDZ_OK)
        return "";
    return cdz_arena_z(r->run.arena, text);
}

#define NAMESPACE "type: io.kestra.plugin.core.namespace."

TEST(namespace_files_are_uploaded_downloaded_and_deleted)
{
    struct task_rig r;
    task_rig_open(&r);
    CHECK(run_over(&r, "one",
                   NAMESPACE
                   "UploadFiles\nnamespace: x.y\nfilesMap: {up/one.txt: '%s', /two.txt: '%s'}") ==
              CDZ_OK,
          "%s", r.err.text);
    CHECK(strcmp(ns_file(&r, "/up/one.txt"), "one") == 0 &&
          strcmp(ns_file(&r, "/two.txt"), "one") == 0);
    CHECK(run_over(&r, "new",
                   NAMESPACE "UploadFiles\nnamespace: x.y\ndestination: "
                             "/up/\nconflict: SKIP\nfilesMap: {one.txt: '%s', "
                             "three.txt: '%s'}") == CDZ_OK);
    CHECK(strcmp(ns_file(&r, "/up/one.txt"), "one") == 0 &&
          strcmp(ns_file(&r, "/up/three.txt"), "new") == 0);
    CHECK(run_over(&r, "new",
                   NAMESPACE "UploadFiles\nnamespace: x.y\nconflict: "
                             "ERROR\nfilesMap: {two.txt: '%s'}") == CDZ_E_TASK &&
          strstr(r.err.text, "already exists"));
    CHECK(run_over(&r, "new", NAMESPACE "UploadFiles\nnamespace: x.y\nfilesMap: {../../z: '%s'}") !=
          CDZ_OK);
    CHECK(task_rig_run(&r, NAMESPACE "UploadFiles\nnamespace: x.y") == CDZ_E_TASK);
    CHECK(run_over(&r, "new",
                   NAMESPACE "UploadFiles\nnamespace: x.y\nconflict: \"{{ 'MAYBE' }}\"\n"
                             "filesMap: {two.txt: '%s'}") == CDZ_E_TASK);

    CHECK(task_rig_run(&r, NAMESPACE "DownloadFiles\nnamespace: x.y\nfiles: one.txt") == CDZ_OK);
    cdz_val got = cdz_map_getz(cdz_map_getz(r.run.outputs, "files"), "/up/one.txt");
    CHECK(got.kind == CDZ_TEXT && cdz_str_is(task_rig_file(&r, cdz_val_str(got)), "one"), "%s",
          task_rig_outputs(&r));
    CHECK(task_rig_measured(&r, "counter downloaded=1"), "%s", r.metrics.p);

    CHECK(task_rig_run(&r, NAMESPACE "DeleteFiles\nnamespace: x.y\nfiles: ['up/**']") == CDZ_OK);
    CHECK(task_rig_measured(&r, "counter deleted=2"), "%s", r.metrics.p);
    CHECK(!*ns_file(&r, "/up/one.txt") && *ns_file(&r, "/two.txt"));
    task_rig_close(&r);
}

TEST(files_of_the_shared_directory_are_uploaded_by_glob)
{
    struct task_rig r;
    char shared[100];
    task_rig_open(&r);
    snprintf(shared, sizeof(shared), "%s/shared", r.dir);
    CHECK(mkdir(shared, 0700) == 0);
    r.run.shared_dir = shared;
    CHECK(task_rig_run(&r, STORAGE "LocalFiles\ninputs: {d/a.txt: A, b.md: B}") == CDZ_OK);
    CHECK(task_rig_run(&r, NAMESPACE "UploadFiles\nnamespace: x.y\nfiles: ['**/*.txt']") == CDZ_OK,
          "%s", r.err.text);
    CHECK(strcmp(ns_file(&r, "/d/a.txt"), "A") == 0 && !*ns_file(&r, "/b.md"));
    task_rig_close(&r);
}

TEST_MAIN
