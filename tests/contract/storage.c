/*
 * The contract of port/storage.h, run against every backend; what only files on a disk can show
 * stands at the end.
 */
#include "port/storage.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "contract/tmpdir.h"
#include "storage/backends.h"
#include "test.h"

struct bench {
    const char *name;
    char dir[64];
    struct cdz_storage *s;
    struct cdz_arena *arena;
    struct cdz_err err;
    size_t lines;
};

static void count_line(void *ctx, cdz_str line)
{
    struct bench *b = ctx;
    (void)line;
    b->lines++;
}

static void open_local(struct bench *b)
{
    cdz_rc rc = cdz_storage_local_open(b->dir, &b->s, &b->err);
    CHECK(rc == CDZ_OK, "%s (%s)", b->err.text, b->err.detail);
}

static bool bench_open(struct bench *b, int which)
{
    static struct cdz_fault never;
    if (which > 3)
        return false;
    *b = (struct bench){.arena = cdz_arena_open(0)};
    if (which % 2 == 0) {
        b->name = which == 0 ? "mem" : "trace+mem";
        b->s = cdz_storage_mem_open();
    } else {
        b->name = which == 1 ? "local" : "fault+local";
        tmpdir_make(b->dir);
        open_local(b);
    }
    if (which == 2)
        b->s = cdz_storage_trace_open(b->s, count_line, b);
    if (which == 3)
        b->s = cdz_storage_fault_open(b->s, &never);
    return true;
}

static void bench_close(struct bench *b)
{
    cdz_storage_close(b->s);
    cdz_arena_close(b->arena);
    if (*b->dir)
        tmpdir_remove(b->dir);
}

#define EACH_BACKEND(b)                                                                            \
    for (int which_ = 0, open_; (open_ = bench_open(&(b), which_)); bench_close(&(b)), which_++)

static void put(struct bench *b, const char *path, const char *bytes)
{
    cdz_rc rc = cdz_storage_put(b->s, cdz_str_z(path), cdz_str_z(bytes), &b->err);
    CHECK(rc == CDZ_OK, "%s: put %s: %s (%s)", b->name, path, b->err.text, b->err.detail);
}

static void expect(struct bench *b, const char *path, const char *want)
{
    cdz_str got = {0};
    cdz_rc rc = cdz_storage_get(b->s, cdz_str_z(path), 1000, b->arena, &got, &b->err);
    if (want)
        CHECK(rc == CDZ_OK && cdz_str_is(got, want), "%s: get %s: \"%.*s\", want \"%s\"; %s",
              b->name, path, CDZ_S(got), want, cdz_rc_name(rc));
    else
        CHECK(rc == CDZ_E_NOT_FOUND, "%s: get %s: %s", b->name, path, cdz_rc_name(rc));
}

static void expect_list(struct bench *b, const char *path, bool recursive, const char *want)
{
    struct cdz_file_info *v;
    size_t n;
    char text[512] = "";
    cdz_rc rc = cdz_storage_list(b->s, cdz_str_z(path), recursive, b->arena, &v, &n, &b->err);
    CHECK(rc == CDZ_OK, "%s: list %s: %s", b->name, path, cdz_rc_name(rc));
    for (size_t i = 0; rc == CDZ_OK && i < n; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof(text) - at, "%.*s%s ", CDZ_S(v[i].path), v[i].is_dir ? "/" : "");
    }
    CHECK(strcmp(text, want) == 0, "%s: list %s: %s, want %s", b->name, path, text, want);
}

TEST(get_returns_what_put_wrote)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        put(&b, "/a/b/c.txt", "hello");
        put(&b, "/top", "");
        expect(&b, "/a/b/c.txt", "hello");
        expect(&b, "/top", "");
        put(&b, "/a/b/c.txt", "shorter");
        expect(&b, "/a/b/c.txt", "shorter");
        expect(&b, "/a/b/d.txt", NULL);
        expect(&b, "/none/at/all", NULL);
        expect(&b, "/top/below-a-file", NULL);
    }
}

TEST(paths_that_could_leave_the_store_are_refused)
{
    static const struct {
        const char *why;
        cdz_str path;
        cdz_rc want;
    } rows[] = {
        {"plain", CDZ_STR("/a/b"), CDZ_OK},
        {"not ASCII", CDZ_STR("/\xc3\xa9t\xc3\xa9"), CDZ_OK},
        {"blanks and dots in names", CDZ_STR("/a b/..c/d.../.e"), CDZ_OK},
        {"relative", CDZ_STR("a/b"), CDZ_E_INVALID},
        {"empty", CDZ_STR(""), CDZ_E_INVALID},
        {"the root", CDZ_STR("/"), CDZ_E_INVALID},
        {"parent", CDZ_STR("/a/../b"), CDZ_E_INVALID},
        {"parent at the end", CDZ_STR("/a/.."), CDZ_E_INVALID},
        {"this directory", CDZ_STR("/./a"), CDZ_E_INVALID},
        {"empty part", CDZ_STR("/a//b"), CDZ_E_INVALID},
        {"slash at the end", CDZ_STR("/a/"), CDZ_E_INVALID},
        {"NUL inside", CDZ_STR("/a\0b"), CDZ_E_INVALID},
        {"line feed", CDZ_STR("/a\nb"), CDZ_E_INVALID},
        {"backslash", CDZ_STR("/a\\..\\b"), CDZ_E_INVALID},
        {"not UTF-8", CDZ_STR("/a\xff"), CDZ_E_INVALID},
    };
    struct bench b;
    EACH_BACKEND(b)
    {
        for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
            cdz_rc rc = cdz_storage_put(b.s, rows[i].path, CDZ_STR("x"), &b.err);
            CHECK(rc == rows[i].want, "%s: %s: want %s, got %s", b.name, rows[i].why,
                  cdz_rc_name(rows[i].want), cdz_rc_name(rc));
            if (rows[i].want == CDZ_OK)
                continue;
            cdz_str got;
            CHECK(cdz_storage_get(b.s, rows[i].path, 10, b.arena, &got, &b.err) == CDZ_E_INVALID,
                  "%s", rows[i].why);
            CHECK(cdz_storage_del(b.s, rows[i].path, &b.err) == CDZ_E_INVALID, "%s", rows[i].why);
            CHECK(cdz_storage_move(b.s, CDZ_STR("/a/b"), rows[i].path, &b.err) == CDZ_E_INVALID,
                  "%s", rows[i].why);
        }
        expect(&b, "/a/b", "x");
    }
}

TEST(a_file_larger_than_allowed_is_not_read)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        cdz_str got;
        put(&b, "/a", "12345");
        CHECK(cdz_storage_get(b.s, CDZ_STR("/a"), 5, b.arena, &got, &b.err) == CDZ_OK, "%s",
              b.name);
        CHECK(cdz_storage_get(b.s, CDZ_STR("/a"), 4, b.arena, &got, &b.err) == CDZ_E_TOO_LARGE,
              "%s", b.name);
    }
}

TEST(list_is_sorted_and_a_missing_directory_is_empty)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        put(&b, "/n/b", "1");
        put(&b, "/n/a/x", "1");
        put(&b, "/n/a/y/z", "1");
        put(&b, "/n/a-b", "1");
        put(&b, "/other", "1");
        expect_list(&b, "/n", false, "/n/a/ /n/a-b /n/b ");
        expect_list(&b, "/n", true, "/n/a/ /n/a-b /n/a/x /n/a/y/ /n/a/y/z /n/b ");
        expect_list(&b, "/", false, "/n/ /other ");
        expect_list(&b, "/none", true, "");
        expect_list(&b, "/other", true, "");
    }
}

TEST(info_tells_size_and_kind)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_file_info info;
        put(&b, "/n/b", "12345");
        cdz_rc rc = cdz_storage_info(b.s, CDZ_STR("/n/b"), b.arena, &info, &b.err);
        CHECK(rc == CDZ_OK && info.size == 5 && !info.is_dir && cdz_str_is(info.path, "/n/b"), "%s",
              b.name);
        CHECK(info.modified > 0, "%s", b.name);
        rc = cdz_storage_info(b.s, CDZ_STR("/n"), b.arena, &info, &b.err);
        CHECK(rc == CDZ_OK && info.is_dir, "%s", b.name);
        rc = cdz_storage_info(b.s, CDZ_STR("/x"), b.arena, &info, &b.err);
        CHECK(rc == CDZ_E_NOT_FOUND, "%s", b.name);
        rc = cdz_storage_info(b.s, CDZ_STR("/"), b.arena, &info, &b.err);
        CHECK(rc == CDZ_OK && info.is_dir, "%s", b.name);
    }
}

TEST(del_removes_files_and_trees_and_does_not_mind_missing_ones)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        put(&b, "/n/a/x", "1");
        put(&b, "/n/a/y/z", "1");
        put(&b, "/n/ab", "1");
        CHECK(cdz_storage_del(b.s, CDZ_STR("/n/a/x"), &b.err) == CDZ_OK, "%s: %s", b.name,
              b.err.text);
        expect(&b, "/n/a/x", NULL);
        CHECK(cdz_storage_del(b.s, CDZ_STR("/n/a"), &b.err) == CDZ_OK, "%s: %s", b.name,
              b.err.text);
        expect_list(&b, "/", true, "/n/ /n/ab ");
        CHECK(cdz_storage_del(b.s, CDZ_STR("/n/a"), &b.err) == CDZ_OK, "%s", b.name);
        CHECK(cdz_storage_del(b.s, CDZ_STR("/x/y/z"), &b.err) == CDZ_OK, "%s", b.name);
    }
}

TEST(move_renames_files_and_trees)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        put(&b, "/a/x", "1");
        put(&b, "/a/y/z", "2");
        put(&b, "/c", "3");
        CHECK(cdz_storage_move(b.s, CDZ_STR("/a"), CDZ_STR("/new/place"), &b.err) == CDZ_OK,
              "%s: %s", b.name, b.err.text);
        expect_list(&b, "/", true,
                    "/c /new/ /new/place/ /new/place/x /new/place/y/ /new/place/y/z ");
        expect(&b, "/new/place/y/z", "2");
        CHECK(cdz_storage_move(b.s, CDZ_STR("/c"), CDZ_STR("/new/place/x"), &b.err) == CDZ_OK, "%s",
              b.name);
        expect(&b, "/new/place/x", "3");
        CHECK(cdz_storage_move(b.s, CDZ_STR("/none"), CDZ_STR("/made/for/it"), &b.err) ==
                  CDZ_E_NOT_FOUND,
              "%s", b.name);
        expect_list(&b, "/made", true, "");
        CHECK(cdz_storage_move(b.s, CDZ_STR("/new"), CDZ_STR("/new/place/new"), &b.err) ==
                  CDZ_E_INVALID,
              "%s", b.name);
        CHECK(cdz_storage_move(b.s, CDZ_STR("/new/place/x"), CDZ_STR("/new/place/y"), &b.err) ==
                  CDZ_E_CONFLICT,
              "%s: file over directory", b.name);
        put(&b, "/d/e", "4");
        CHECK(cdz_storage_move(b.s, CDZ_STR("/d"), CDZ_STR("/new/place/y"), &b.err) ==
                  CDZ_E_CONFLICT,
              "%s: directory over a full one", b.name);
    }
}

TEST(mkdir_makes_parents_and_may_be_repeated)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        CHECK(cdz_storage_mkdir(b.s, CDZ_STR("/a/b/c"), &b.err) == CDZ_OK, "%s", b.name);
        CHECK(cdz_storage_mkdir(b.s, CDZ_STR("/a/b/c"), &b.err) == CDZ_OK, "%s", b.name);
        expect_list(&b, "/", true, "/a/ /a/b/ /a/b/c/ ");
        put(&b, "/f", "1");
        CHECK(cdz_storage_mkdir(b.s, CDZ_STR("/f"), &b.err) == CDZ_E_CONFLICT, "%s", b.name);
        CHECK(cdz_storage_put(b.s, CDZ_STR("/f/g"), CDZ_STR("x"), &b.err) == CDZ_E_CONFLICT, "%s",
              b.name);
        CHECK(cdz_storage_put(b.s, CDZ_STR("/a/b"), CDZ_STR("x"), &b.err) == CDZ_E_INVALID, "%s",
              b.name);
    }
}

TEST(files_travel_through_descriptors)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        char text[16] = "";
        FILE *from = tmpfile(), *to = tmpfile();
        fputs("skipped, then read", from);
        fflush(from);
        lseek(fileno(from), 9, SEEK_SET);
        CHECK(cdz_storage_put_file(b.s, CDZ_STR("/f"), fileno(from), &b.err) == CDZ_OK, "%s: %s",
              b.name, b.err.text);
        expect(&b, "/f", "then read");
        CHECK(cdz_storage_get_file(b.s, CDZ_STR("/f"), fileno(to), &b.err) == CDZ_OK, "%s", b.name);
        CHECK(pread(fileno(to), text, sizeof(text), 0) == 9 && strcmp(text, "then read") == 0,
              "%s: %s", b.name, text);
        int fd = -1;
        uint64_t size = 0;
        CHECK(cdz_storage_open(b.s, CDZ_STR("/f"), &fd, &size, &b.err) == CDZ_OK && size == 9, "%s",
              b.name);
        CHECK(read(fd, text, 4) == 4 && memcmp(text, "then", 4) == 0, "%s", b.name);
        close(fd);
        CHECK(cdz_storage_open(b.s, CDZ_STR("/none"), &fd, &size, &b.err) == CDZ_E_NOT_FOUND, "%s",
              b.name);
        fclose(from);
        fclose(to);
    }
}

TEST(fault_fails_each_call_in_turn)
{
    FAULT_LOOP(fault, false)
    {
        struct cdz_err err;
        struct cdz_storage *s = cdz_storage_fault_open(cdz_storage_mem_open(), &fault);
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str got;
        cdz_rc rc = cdz_storage_put(s, CDZ_STR("/a"), CDZ_STR("1"), &err);
        if (rc == CDZ_OK)
            rc = cdz_storage_move(s, CDZ_STR("/a"), CDZ_STR("/b"), &err);
        if (rc == CDZ_OK)
            rc = cdz_storage_get(s, CDZ_STR("/b"), 10, arena, &got, &err);
        CHECK((rc == CDZ_E_UNAVAILABLE) == cdz_fault_fired(&fault), "call %u: %s", fault.at,
              cdz_rc_name(rc));
        cdz_storage_close(s);
    }
}

TEST(trace_reports_calls_and_their_results)
{
    struct bench b = {.name = "trace", .arena = cdz_arena_open(0)};
    b.s = cdz_storage_trace_open(cdz_storage_mem_open(), count_line, &b);
    put(&b, "/a", "1");
    expect(&b, "/b", NULL);
    CHECK(b.lines == 2, "%zu", b.lines);
    bench_close(&b);
}

/* Names */

TEST(slugs_are_those_of_the_original)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"my.Flow_1", "myflow-1"},
        {"hello", "hello"},
        {"a  b__c--d", "a-b-c-d"},
        {"_x_", "x"},
        {"", ""},
        {"\xc3\xa9t\xc3\xa9", "ete"},
        {"\xe4\xb8\xad", ""},
        {"A\tB", "a-b"},
        {"\xc3\x85ngstr\xc3\xb6m_2", "angstrom-2"},
    };
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        cdz_str got = cdz_slug(cdz_str_z(rows[i].text), arena);
        CHECK(cdz_str_is(got, rows[i].want), "\"%s\": \"%.*s\", want \"%s\"", rows[i].text,
              CDZ_S(got), rows[i].want);
    }
}

TEST(paths_of_executions_are_those_of_the_original)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str ns = CDZ_STR("company.team"), flow = CDZ_STR("My_flow"), x = CDZ_STR("Xid");
    cdz_str p = cdz_path_execution(ns, flow, x, arena);
    CHECK(cdz_str_is(p, "/company/team/my-flow/executions/Xid"), "%.*s", CDZ_S(p));
    p = cdz_path_taskrun(ns, flow, x, CDZ_STR("a.Task"), CDZ_STR("Tid"), arena);
    CHECK(cdz_str_is(p, "/company/team/my-flow/executions/Xid/tasks/atask/Tid"), "%.*s", CDZ_S(p));
    p = cdz_path_input(ns, flow, x, CDZ_STR("in"), CDZ_STR("f.csv"), arena);
    CHECK(cdz_str_is(p, "/company/team/my-flow/executions/Xid/inputs/in/f.csv"), "%.*s", CDZ_S(p));
    p = cdz_path_namespace_file(ns, CDZ_STR("/a/b.sql"), arena);
    CHECK(cdz_str_is(p, "/company/team/_files/a/b.sql"), "%.*s", CDZ_S(p));
    p = cdz_path_namespace_file(ns, CDZ_STR(""), arena);
    CHECK(cdz_str_is(p, "/company/team/_files"), "%.*s", CDZ_S(p));
}

TEST(uris_of_other_schemes_and_hosts_are_refused)
{
    static const struct {
        const char *uri, *want; /* NULL: refused */
    } rows[] = {
        {"kestra:///a/b", "/a/b"}, {"kestra:/a/b", "/a/b"}, {"kestra://a/b", NULL},
        {"file:///a", NULL},       {"kestra:a", NULL},      {"", NULL},
        {"kestra://", NULL},
    };
    struct cdz_err err;
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        cdz_str got = {0};
        cdz_rc rc = cdz_storage_path(cdz_str_z(rows[i].uri), &got, &err);
        if (rows[i].want)
            CHECK(rc == CDZ_OK && cdz_str_is(got, rows[i].want), "%s: %.*s", rows[i].uri,
                  CDZ_S(got));
        else
            CHECK(rc == CDZ_E_INVALID, "%s: %s", rows[i].uri, cdz_rc_name(rc));
    }
    CHECK(cdz_str_is(cdz_storage_uri(CDZ_STR("/a"), arena), "kestra:///a"), "uri");
}

/* The local store on its disk */

TEST(local_follows_no_symbolic_link)
{
    struct bench b = {.name = "local", .arena = cdz_arena_open(0)};
    char outside[64], path[160];
    tmpdir_make(b.dir);
    tmpdir_make(outside);
    open_local(&b);
    put(&b, "/real", "1");
    snprintf(path, sizeof(path), "%s/secret", outside);
    FILE *f = fopen(path, "w");
    fputs("secret", f);
    fclose(f);
    snprintf(path, sizeof(path), "%s/link", b.dir);
    CHECK(symlink(outside, path) == 0, "symlink");
    cdz_str got;
    cdz_rc rc = cdz_storage_get(b.s, CDZ_STR("/link/secret"), 10, b.arena, &got, &b.err);
    CHECK(rc == CDZ_E_INVALID, "directory: %s", cdz_rc_name(rc));
    rc = cdz_storage_put(b.s, CDZ_STR("/link/new/file"), CDZ_STR("x"), &b.err);
    CHECK(rc == CDZ_E_INVALID, "put: %s", cdz_rc_name(rc));
    rc = cdz_storage_info(b.s, CDZ_STR("/link"), b.arena, &(struct cdz_file_info){0}, &b.err);
    CHECK(rc == CDZ_E_INVALID, "info: %s", cdz_rc_name(rc));
    snprintf(path, sizeof(path), "%s/file", b.dir);
    CHECK(symlink("real", path) == 0, "symlink");
    rc = cdz_storage_get(b.s, CDZ_STR("/file"), 10, b.arena, &got, &b.err);
    CHECK(rc == CDZ_E_INVALID, "file: %s", cdz_rc_name(rc));
    expect_list(&b, "/", true, "/real ");
    CHECK(cdz_storage_del(b.s, CDZ_STR("/link"), &b.err) == CDZ_OK, "%s", b.err.text);
    snprintf(path, sizeof(path), "%s/secret", outside);
    CHECK(access(path, F_OK) == 0, "del went through the link");
    bench_close(&b);
    tmpdir_remove(outside);
}

TEST(local_hides_and_guards_its_temporary_directory)
{
    struct bench b = {.name = "local", .arena = cdz_arena_open(0)};
    cdz_str got;
    tmpdir_make(b.dir);
    open_local(&b);
    expect_list(&b, "/", true, "");
    CHECK(cdz_storage_put(b.s, CDZ_STR("/.cadenza-tmp/x"), CDZ_STR("1"), &b.err) == CDZ_E_INVALID,
          "put");
    CHECK(cdz_storage_get(b.s, CDZ_STR("/.cadenza-tmp"), 1, b.arena, &got, &b.err) == CDZ_E_INVALID,
          "get");
    CHECK(cdz_storage_del(b.s, CDZ_STR("/.cadenza-tmp"), &b.err) == CDZ_E_INVALID, "del");
    put(&b, "/.cadenza-tmpx", "1");
    bench_close(&b);
}

static void *put_alternately(void *ctx)
{
    struct bench *b = ctx;
    static char bytes[2][100000];
    memset(bytes[0], 'a', sizeof(bytes[0]));
    memset(bytes[1], 'b', sizeof(bytes[1]));
    for (int i = 0; i < 100; i++) {
        struct cdz_err err;
        cdz_rc rc =
            cdz_storage_put(b->s, CDZ_STR("/f"), (cdz_str){bytes[i % 2], sizeof(bytes[0])}, &err);
        CHECK(rc == CDZ_OK, "%s", err.text);
    }
    return NULL;
}

TEST(a_reader_sees_old_or_new_and_never_a_mix)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        pthread_t thread;
        put(&b, "/f", "");
        if (b.lines)
            continue; /* the counter of the trace is for one thread */
        pthread_create(&thread, NULL, put_alternately, &b);
        for (int i = 0; i < 300; i++) {
            CDZ_AUTO_ARENA arena = cdz_arena_open(0);
            struct cdz_err err;
            cdz_str got = {0};
            cdz_rc rc = cdz_storage_get(b.s, CDZ_STR("/f"), 1 << 20, arena, &got, &err);
            CHECK(rc == CDZ_OK && (got.n == 0 || got.n == 100000), "%s: %zu bytes", b.name, got.n);
            for (size_t at = 1; at < got.n; at++) {
                if (got.p[at] != got.p[0]) {
                    CHECK(false, "%s: a mix", b.name);
                    break;
                }
            }
        }
        pthread_join(thread, NULL);
    }
}

TEST(local_put_that_is_killed_leaves_the_old_file)
{
    enum { BYTES = 4 << 20 };
    struct bench b = {.name = "local", .arena = cdz_arena_open(0)};
    char *bytes = malloc(BYTES);
    tmpdir_make(b.dir);
    open_local(&b);
    for (int round = 0; round < 10; round++) {
        memset(bytes, 'a' + round, BYTES);
        pid_t pid = fork();
        if (pid == 0) {
            for (;;)
                (void)!cdz_storage_put(b.s, CDZ_STR("/f"), (cdz_str){bytes, BYTES}, &b.err);
        }
        usleep(20000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str got = {0};
        cdz_rc rc = cdz_storage_get(b.s, CDZ_STR("/f"), BYTES, arena, &got, &b.err);
        CHECK(rc == CDZ_E_NOT_FOUND || (rc == CDZ_OK && got.n == BYTES), "round %d: %s, %zu bytes",
              round, cdz_rc_name(rc), got.n);
        if (rc == CDZ_OK)
            CHECK(memcmp(got.p, got.p + 1, BYTES - 1) == 0, "a mix");
    }
    expect_list(&b, "/", true, "/f ");
    free(bytes);
    bench_close(&b);
}

TEST(local_reports_a_full_disk_and_keeps_the_old_file)
{
    struct bench b = {.name = "local", .arena = cdz_arena_open(0)};
    char path[160];
    int status = 0;
    tmpdir_make(b.dir);
    open_local(&b);
    put(&b, "/f", "old");
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        SKIP("no /dev/full");
    cdz_rc rc = cdz_storage_get_file(b.s, CDZ_STR("/f"), fileno(full), &b.err);
    CHECK(rc == CDZ_E_UNAVAILABLE, "%s", cdz_rc_name(rc));
    fclose(full);
    /* The file size limit of a child: write fails with EFBIG where a full disk gives ENOSPC. */
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        static char bytes[2 << 20];
        struct rlimit limit = {1 << 20, 1 << 20};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        rc = cdz_storage_put(b.s, CDZ_STR("/f"), (cdz_str){bytes, sizeof(bytes)}, &b.err);
        _exit(rc == CDZ_E_UNAVAILABLE ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
    expect(&b, "/f", "old");
    snprintf(path, sizeof(path), "%s/.cadenza-tmp", b.dir);
    CHECK(rmdir(path) == 0, "a temporary file was left");
    bench_close(&b);
}

TEST_MAIN
