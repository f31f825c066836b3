/*
 * The contract of port/repository.h, run against every backend. That all of them mean the same is
 * also asked at random, in repository_same.c.
 */
#include "contract/repository_bench.h"

TEST(an_execution_comes_back_with_its_task_runs)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_execution *e;
        APPLY(&b,
              head_op(b.arena,
                      (struct head){.id = "X", .state = CDZ_RUNNING, .start = 10, .version = 1}),
              taskrun_op(b.arena, "X", 0, "first", 0), taskrun_op(b.arena, "X", 1, "second", 0));
        expect_state(&b, "X", CDZ_RUNNING, 2);
        APPLY(&b, taskrun_op(b.arena, "X", 0, "changed", 0));
        cdz_rc rc = cdz_repository_execution_get(b.r, CDZ_STR("X"), &e, &b.err);
        CHECK(rc == CDZ_OK && cdz_str_is(e->taskruns.v[0]->task_id, "changed") &&
                  cdz_str_is(e->taskruns.v[1]->task_id, "second"),
              "%s", b.name);
        cdz_execution_free(e);
        CHECK(cdz_repository_execution_get(b.r, CDZ_STR("Y"), &e, &b.err) == CDZ_E_NOT_FOUND, "%s",
              b.name);
    }
}

/* Records and rows are found by the index: a run that a restart has removed keeps its place. */
TEST(a_removed_task_run_keeps_its_place_and_is_not_shown)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_history h = {0};
        struct cdz_taskrun gone = {.index = 1,
                                   .parent = CDZ_NO_TASKRUN,
                                   .id = CDZ_STR("removed"),
                                   .task_id = CDZ_STR("removed"),
                                   .gone = true};
        CDZ_AUTO_BUF struct cdz_buf bytes = CDZ_BUF_INIT;
        CDZ_AUTO_BUF struct cdz_buf json = CDZ_BUF_INIT;
        struct cdz_execution *e = NULL;
        cdz_history_add(&h, b.arena, CDZ_SUCCESS, 1);
        gone.history = h;
        cdz_taskrun_encode(&gone, &bytes);
        APPLY(&b,
              head_op(b.arena,
                      (struct head){.id = "X", .state = CDZ_RUNNING, .start = 10, .version = 1}),
              taskrun_op(b.arena, "X", 0, "first", 0), taskrun_op(b.arena, "X", 1, "second", 0),
              taskrun_op(b.arena, "X", 2, "third", 0),
              (struct cdz_repo_op){
                  .kind = CDZ_REPO_TASKRUN, .id = CDZ_STR("X"), .bytes = cdz_buf_get(&bytes)});
        cdz_rc rc = cdz_repository_execution_get(b.r, CDZ_STR("X"), &e, &b.err);
        CHECK(rc == CDZ_OK && e->taskruns.n == 3 && e->taskruns.v[1]->gone &&
                  cdz_str_is(e->taskruns.v[2]->task_id, "third"),
              "%s", b.name);
        if (rc != CDZ_OK)
            continue;
        cdz_execution_json(e, CDZ_STR(""), 20, &json);
        CHECK(!strstr(json.p, "removed") && strstr(json.p, "third"), "%s: %s", b.name, json.p);
        cdz_execution_free(e);
    }
}

TEST(a_lower_version_never_replaces_a_higher)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_repo_op v1 = head_op(
            b.arena, (struct head){.id = "X", .state = CDZ_RUNNING, .start = 1, .version = 1});
        struct cdz_repo_op v2 = head_op(
            b.arena, (struct head){.id = "X", .state = CDZ_SUCCESS, .start = 1, .version = 2});
        struct cdz_repo_op v3 = head_op(
            b.arena, (struct head){.id = "X", .state = CDZ_KILLED, .start = 1, .version = 3});
        APPLY(&b, v2);
        APPLY(&b, v1);
        expect_state(&b, "X", CDZ_SUCCESS, 0);
        APPLY(&b, v3, v1, v2);
        expect_state(&b, "X", CDZ_KILLED, 0);
        expect_ids(&b, "counted once", (struct cdz_execution_filter){0}, (struct cdz_page){0},
                   "X of 1");
    }
}

TEST(a_repeated_batch_changes_nothing)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_log_entry l1 = log_entry("X", "t", CDZ_INFO, 1, "one"),
                             l2 = log_entry("X", "t", CDZ_INFO, 2, "two"),
                             l3 = log_entry("X", "t", CDZ_INFO, 3, "three");
        struct cdz_repo_op ops[] = {
            head_op(b.arena,
                    (struct head){.id = "X", .state = CDZ_RUNNING, .start = 1, .version = 1}),
            taskrun_op(b.arena, "X", 0, "old", 5),
            taskrun_op(b.arena, "X", 0, "new", 6),
            log_op(b.arena, &l1, 7),
            log_op(b.arena, &l2, 8),
            metric_op(b.arena, "X", "t", "m", 1, 9),
            log_op(b.arena, &l3, 10),
        };
        apply(&b, ops, 5);
        apply(&b, ops, 5);
        apply(&b, ops, 7); /* the repetition may be a larger batch */
        apply(&b, ops + 3, 2);
        expect_state(&b, "X", CDZ_RUNNING, 1);
        expect_messages(&b, "logs",
                        (struct cdz_log_filter){.execution_id = CDZ_STR("X"), .attempt = -1},
                        (struct cdz_page){0}, "one two three of 3");
        struct cdz_metric_entry *m;
        size_t n;
        uint64_t total;
        struct cdz_metric_filter f = {.execution_id = CDZ_STR("X")};
        cdz_rc rc = cdz_repository_metric_find(b.r, &f, &(struct cdz_page){0}, b.arena, &m, &n,
                                               &total, &b.err);
        CHECK(rc == CDZ_OK && n == 1 && total == 1, "%s: %zu metrics", b.name, n);
    }
}

TEST(task_runs_may_come_before_their_execution)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_execution *e;
        APPLY(&b, taskrun_op(b.arena, "X", 0, "t", 0));
        CHECK(cdz_repository_execution_get(b.r, CDZ_STR("X"), &e, &b.err) == CDZ_E_NOT_FOUND, "%s",
              b.name);
        expect_ids(&b, "hidden", (struct cdz_execution_filter){0}, (struct cdz_page){0}, "of 0");
        APPLY(&b, head_op(b.arena, (struct head){
                                       .id = "X", .state = CDZ_RUNNING, .start = 1, .version = 1}));
        expect_state(&b, "X", CDZ_RUNNING, 1);
        APPLY(&b, taskrun_op(b.arena, "X", 2, "not shown before 1 has come", 0));
        expect_state(&b, "X", CDZ_RUNNING, 1);
        APPLY(&b, taskrun_op(b.arena, "X", 1, "t", 0));
        expect_state(&b, "X", CDZ_RUNNING, 3);
    }
}

TEST(a_batch_with_a_damaged_record_changes_nothing)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_execution *e;
        struct cdz_repo_op ops[] = {
            head_op(b.arena,
                    (struct head){.id = "X", .state = CDZ_RUNNING, .start = 1, .version = 1}),
            {.kind = CDZ_REPO_EXECUTION, .id = CDZ_STR("Y"), .bytes = CDZ_STR("\x01\xff")},
        };
        CHECK(cdz_repository_apply(b.r, ops, 2, &b.err) == CDZ_E_CORRUPT, "%s", b.name);
        CHECK(cdz_repository_execution_get(b.r, CDZ_STR("X"), &e, &b.err) == CDZ_E_NOT_FOUND, "%s",
              b.name);
    }
}

static void fill(struct bench *b)
{
    APPLY(b,
          head_op(b->arena, (struct head){.id = "A1",
                                          .state = CDZ_SUCCESS,
                                          .start = 10,
                                          .end = 20,
                                          .version = 1,
                                          .label = "team",
                                          .value = "blue whale",
                                          .own_correlation = true}),
          head_op(b->arena, (struct head){.id = "A2",
                                          .state = CDZ_FAILED,
                                          .start = 20,
                                          .end = 90,
                                          .version = 1,
                                          .started_by = "A1",
                                          .label = "system.correlationId",
                                          .value = "A1"}),
          head_op(b->arena, (struct head){.id = "B1",
                                          .namespace_ = "company",
                                          .flow = "load",
                                          .state = CDZ_RUNNING,
                                          .start = 30,
                                          .version = 1,
                                          .label = "team",
                                          .value = "red"}),
          head_op(b->arena, (struct head){.id = "C1",
                                          .namespace_ = "companyx",
                                          .flow = "etl",
                                          .state = CDZ_SUCCESS,
                                          .start = 40,
                                          .end = 41,
                                          .version = 1}),
          head_op(b->arena, (struct head){.id = "S1",
                                          .namespace_ = "system",
                                          .flow = "clean-up",
                                          .state = CDZ_SUCCESS,
                                          .start = 40,
                                          .end = 60,
                                          .version = 1}),
          head_op(b->arena, (struct head){.id = "D1",
                                          .state = CDZ_SUCCESS,
                                          .start = 50,
                                          .end = 60,
                                          .version = 1,
                                          .deleted = true}));
}

TEST(executions_are_found_by_every_filter)
{
    static const cdz_str team = {"team", 4}, blue = {"blue whale", 10},
                         correlation = {"system.correlationId", 20}, a1 = {"A1", 2}, a2 = {"A2", 2};
    static const struct {
        const char *why;
        struct cdz_execution_filter f;
        const char *want;
    } rows[] = {
        {"none", {.scope = 0}, "A1 A2 B1 C1 S1 of 5"},
        {"namespace and below", {.namespace_ = {"company", 7}}, "A1 A2 B1 of 3"},
        {"exact namespace", {.namespace_ = {"company", 7}, .namespace_exact = true}, "B1 of 1"},
        {"flow", {.flow_id = {"etl", 3}}, "A1 A2 C1 of 3"},
        {"flow of a namespace", {.flow_id = {"etl", 3}, .namespace_ = {"companyx", 8}}, "C1 of 1"},
        {"no such flow", {.flow_id = {"none", 4}}, "of 0"},
        {"one state", {.states = 1u << CDZ_FAILED}, "A2 of 1"},
        {"states", {.states = 1u << CDZ_FAILED | 1u << CDZ_SUCCESS}, "A1 A2 C1 S1 of 4"},
        {"state of a flow", {.states = 1u << CDZ_SUCCESS, .flow_id = {"etl", 3}}, "A1 C1 of 2"},
        {"from", {.start_from = 30}, "B1 C1 S1 of 3"},
        {"to", {.start_to = 20}, "A1 A2 of 2"},
        {"between", {.start_from = 20, .start_to = 30}, "A2 B1 of 2"},
        {"started by", {.trigger_execution_id = {"A1", 2}}, "A2 of 1"},
        {"children", {.child = 1}, "A2 of 1"},
        {"not children", {.child = 2}, "A1 B1 C1 S1 of 4"},
        {"user", {.scope = 1}, "A1 A2 B1 C1 of 4"},
        {"system", {.scope = 2}, "S1 of 1"},
        {"user and system", {.scope = 3}, "A1 A2 B1 C1 S1 of 5"},
        {"label", {.label_keys = &team, .label_values = &blue, .label_count = 1}, "A1 of 1"},
        {"correlation",
         {.label_keys = &correlation, .label_values = &a1, .label_count = 1},
         "A1 A2 of 2"},
        {"correlation of nothing",
         {.label_keys = &correlation, .label_values = &a2, .label_count = 1},
         "of 0"},
        {"q: id", {.q = {"B1", 2}}, "B1 of 1"},
        {"q: begin of id", {.q = {"A", 1}}, "A1 A2 of 2"},
        {"q: flow", {.q = {"load", 4}}, "B1 of 1"},
        {"q: word of a namespace, any case", {.q = {"TEAM", 4}}, "A1 A2 of 2"},
        {"q: begin of a word", {.q = {"clea", 4}}, "S1 of 1"},
        {"q: label value", {.q = {"whale", 5}}, "A1 of 1"},
        {"q: all words", {.q = {"etl blue", 8}}, "A1 of 1"},
        {"q: words and nothing", {.q = {"etl purple", 10}}, "of 0"},
        {"q: no word", {.q = {" *-* ", 5}}, "A1 A2 B1 C1 S1 of 5"},
    };
    struct bench b;
    EACH_BACKEND(b)
    {
        fill(&b);
        for (size_t i = 0; i < CDZ_COUNT(rows); i++)
            expect_ids(&b, rows[i].why, rows[i].f, sorted("id", false), rows[i].want);
    }
}

TEST(executions_are_sorted_by_every_field)
{
    static const struct {
        const char *field;
        bool descending;
        const char *want;
    } rows[] = {
        {"id", true, "S1 C1 B1 A2 A1 of 5"},
        {"state.startDate", false, "A1 A2 B1 C1 S1 of 5"},
        {"state.startDate", true, "S1 C1 B1 A2 A1 of 5"},
        {"state.endDate", false, "A1 C1 S1 A2 B1 of 5"},
        {"state.duration", false, "C1 A1 S1 A2 B1 of 5"},
        {"namespace", false, "B1 A1 A2 C1 S1 of 5"},
        {"namespace", true, "S1 C1 A2 A1 B1 of 5"},
        {"flowId", false, "S1 A1 A2 C1 B1 of 5"},
        {"state.current", false, "A2 B1 A1 C1 S1 of 5"},
    };
    struct bench b;
    EACH_BACKEND(b)
    {
        fill(&b);
        for (size_t i = 0; i < CDZ_COUNT(rows); i++)
            expect_ids(&b, rows[i].field, (struct cdz_execution_filter){0},
                       sorted(rows[i].field, rows[i].descending), rows[i].want);
        expect_ids(&b, "newest first", (struct cdz_execution_filter){0}, (struct cdz_page){0},
                   "S1 C1 B1 A2 A1 of 5");
        struct cdz_page two = {
            .sort = {{CDZ_STR("state.current"), true}, {CDZ_STR("state.startDate"), true}},
            .sort_count = 2};
        expect_ids(&b, "two fields", (struct cdz_execution_filter){0}, two, "S1 C1 A1 B1 A2 of 5");
        struct cdz_page wrong = sorted("nonsense", true);
        struct cdz_executions found;
        cdz_rc rc = cdz_repository_execution_find(b.r, &(struct cdz_execution_filter){0}, &wrong,
                                                  b.arena, &found, &b.err);
        CHECK(rc == CDZ_E_INVALID, "%s: %s", b.name, cdz_rc_name(rc));
    }
}

TEST(pages_cut_the_sorted_list)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        static const char *const want[] = {"A1 A2 of 5", "B1 C1 of 5", "S1 of 5", "of 5"};
        fill(&b);
        for (size_t i = 0; i < CDZ_COUNT(want); i++) {
            struct cdz_page page = sorted("id", false);
            page.page = i + 1;
            page.size = 2;
            expect_ids(&b, "page", (struct cdz_execution_filter){0}, page, want[i]);
        }
        struct cdz_page none = {.page = 1, .size = 0};
        struct cdz_executions found;
        cdz_rc rc = cdz_repository_execution_find(b.r, &(struct cdz_execution_filter){0}, &none,
                                                  b.arena, &found, &b.err);
        CHECK(rc == CDZ_E_INVALID, "%s: %s", b.name, cdz_rc_name(rc));
    }
}

TEST(changed_labels_and_states_are_found_by_their_new_values)
{
    static const cdz_str team = {"team", 4}, blue = {"blue whale", 10}, green = {"green", 5};
    struct cdz_execution_filter old = {
        .label_keys = &team, .label_values = &blue, .label_count = 1};
    struct cdz_execution_filter new = {
        .label_keys = &team, .label_values = &green, .label_count = 1};
    struct bench b;
    EACH_BACKEND(b)
    {
        fill(&b);
        APPLY(&b, head_op(b.arena, (struct head){.id = "A1",
                                                 .state = CDZ_FAILED,
                                                 .start = 10,
                                                 .end = 20,
                                                 .version = 2,
                                                 .label = "team",
                                                 .value = "green"}));
        expect_ids(&b, "old label", old, (struct cdz_page){0}, "of 0");
        expect_ids(&b, "new label", new, (struct cdz_page){0}, "A1 of 1");
        expect_ids(&b, "new state", (struct cdz_execution_filter){.states = 1u << CDZ_FAILED},
                   sorted("id", false), "A1 A2 of 2");
        expect_ids(&b, "old state", (struct cdz_execution_filter){.states = 1u << CDZ_SUCCESS},
                   sorted("id", false), "C1 S1 of 2");
    }
}

TEST(a_deleted_execution_takes_along_what_the_flags_say)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_log_filter logs = {.execution_id = CDZ_STR("X"), .attempt = -1};
        struct cdz_log_entry l = log_entry("X", "t", CDZ_INFO, 1, "one"),
                             other = log_entry("Y", "t", CDZ_INFO, 1, "y");
        struct cdz_repo_op head = head_op(
            b.arena, (struct head){.id = "X", .state = CDZ_SUCCESS, .start = 1, .version = 9});
        struct cdz_repo_op del = {.kind = CDZ_REPO_EXECUTION_DELETE, .id = CDZ_STR("X")};
        APPLY(&b, head, taskrun_op(b.arena, "X", 0, "t", 0), log_op(b.arena, &l, 1),
              log_op(b.arena, &other, 2), metric_op(b.arena, "X", "t", "m", 1, 3));
        APPLY(&b, del);
        expect_ids(&b, "gone", (struct cdz_execution_filter){0}, (struct cdz_page){0}, "of 0");
        expect_messages(&b, "logs stay", logs, (struct cdz_page){0}, "one of 1");
        del.flags = CDZ_REPO_LOGS | CDZ_REPO_METRICS;
        APPLY(&b, head, del);
        expect_ids(&b, "gone in the batch it came", (struct cdz_execution_filter){0},
                   (struct cdz_page){0}, "of 0");
        expect_messages(&b, "logs gone", logs, (struct cdz_page){0}, "of 0");
        logs.execution_id = CDZ_STR("Y");
        expect_messages(&b, "those of others stay", logs, (struct cdz_page){0}, "y of 1");
        logs.execution_id = CDZ_STR("");
        logs.q = CDZ_STR("one");
        expect_messages(&b, "nor are they found by words", logs, (struct cdz_page){0}, "of 0");
        APPLY(&b, head);
        expect_state(&b, "X", CDZ_SUCCESS, 0);
    }
}

TEST(what_follows_a_deletion_in_its_batch_stays)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_log_entry l1 = log_entry("X", "t", CDZ_INFO, 1, "before");
        struct cdz_log_entry l2 = log_entry("X", "t", CDZ_INFO, 2, "after");
        struct head head = {.id = "X", .state = CDZ_SUCCESS, .start = 1, .version = 9};
        struct cdz_repo_op del = {.kind = CDZ_REPO_EXECUTION_DELETE,
                                  .id = CDZ_STR("X"),
                                  .flags = CDZ_REPO_LOGS | CDZ_REPO_METRICS};
        struct cdz_repo_op old = head_op(b.arena, head);
        head.version = 1;
        head.state = CDZ_RUNNING;
        APPLY(&b, old, log_op(b.arena, &l1, 1), del, head_op(b.arena, head),
              log_op(b.arena, &l2, 2));
        expect_state(&b, "X", CDZ_RUNNING, 0);
        expect_messages(&b, "logs", (struct cdz_log_filter){.attempt = -1}, (struct cdz_page){0},
                        "after of 1");
    }
}

static void fill_logs(struct bench *b)
{
    static const struct {
        const char *execution, *task;
        enum cdz_level level;
        cdz_us at;
        const char *message;
    } rows[] = {
        {"X", "extract", CDZ_INFO, 10, "Hello"},
        {"X", "load", CDZ_ERROR, 30, "disk-full"},
        {"Y", "extract", CDZ_DEBUG, 20, "\xc3\x89t\xc3\xa9"},
        {"Y", "load", CDZ_INFO, 40, "hello2"},
        {"X", "load", CDZ_TRACE, 50, "last"},
    };
    struct cdz_repo_op ops[CDZ_COUNT(rows) + 1];
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        struct cdz_log_entry l =
            log_entry(rows[i].execution, rows[i].task, rows[i].level, rows[i].at, rows[i].message);
        ops[i] = log_op(b->arena, &l, i + 1);
    }
    struct cdz_log_entry trigger = {.namespace_ = CDZ_STR("other"),
                                    .flow_id = CDZ_STR("timer"),
                                    .trigger_id = CDZ_STR("daily"),
                                    .attempt = -1,
                                    .at = 60,
                                    .level = CDZ_WARN,
                                    .message = CDZ_STR("triggered")};
    ops[CDZ_COUNT(rows)] = log_op(b->arena, &trigger, 99);
    apply(b, ops, 3);
    apply(b, ops + 3, CDZ_COUNT(ops) - 3);
}

TEST(logs_are_found_by_every_filter)
{
    static const struct {
        const char *why;
        struct cdz_log_filter f;
        const char *want;
    } rows[] = {
        {"all, oldest first",
         {.attempt = -1},
         "Hello \xc3\x89t\xc3\xa9 disk-full hello2 last triggered of 6"},
        {"execution", {.attempt = -1, .execution_id = {"X", 1}}, "Hello disk-full last of 3"},
        {"level", {.attempt = -1, .min_level = CDZ_WARN}, "disk-full triggered of 2"},
        {"level of an execution",
         {.attempt = -1, .execution_id = {"X", 1}, .min_level = CDZ_INFO},
         "Hello disk-full of 2"},
        {"task", {.attempt = -1, .task_id = {"load", 4}}, "disk-full hello2 last of 3"},
        {"attempt", {.attempt = 0, .execution_id = {"Y", 1}}, "\xc3\x89t\xc3\xa9 hello2 of 2"},
        {"other attempt", {.attempt = 1}, "of 0"},
        {"task run",
         {.attempt = -1, .taskrun_id = {"TR", 2}, .min_level = CDZ_ERROR},
         "disk-full of 1"},
        {"trigger", {.attempt = -1, .trigger_id = {"daily", 5}}, "triggered of 1"},
        {"namespace and below",
         {.attempt = -1, .namespace_ = {"company", 7}, .min_level = CDZ_INFO},
         "Hello disk-full hello2 of 3"},
        {"flow", {.attempt = -1, .flow_id = {"timer", 5}}, "triggered of 1"},
        {"no such flow", {.attempt = -1, .flow_id = {"none", 4}, .min_level = CDZ_ERROR}, "of 0"},
        {"from", {.attempt = -1, .from = 40}, "hello2 last triggered of 3"},
        {"to", {.attempt = -1, .to = 20}, "Hello \xc3\x89t\xc3\xa9 of 2"},
        {"between, cutting chunks",
         {.attempt = -1, .from = 20, .to = 40},
         "\xc3\x89t\xc3\xa9 disk-full hello2 of 3"},
        {"q: word, any case", {.attempt = -1, .q = {"HELLO", 5}}, "Hello hello2 of 2"},
        {"q: second word", {.attempt = -1, .q = {"full", 4}}, "disk-full of 1"},
        {"q: several words", {.attempt = -1, .q = {"full disk", 9}}, "disk-full of 1"},
        {"q: words of different entries", {.attempt = -1, .q = {"hello full", 10}}, "of 0"},
        {"q: not ASCII, any case",
         {.attempt = -1, .q = {"\xc3\xa9T\xc3\x89", 5}},
         "\xc3\x89t\xc3\xa9 of 1"},
        {"q: task", {.attempt = -1, .q = {"extract", 7}}, "Hello \xc3\x89t\xc3\xa9 of 2"},
        {"q: trigger", {.attempt = -1, .q = {"dail", 4}}, "triggered of 1"},
        {"q: quotes and operators are no syntax", {.attempt = -1, .q = {"\"full* OR", 9}}, "of 0"},
        {"q and level", {.attempt = -1, .q = {"hello", 5}, .min_level = CDZ_WARN}, "of 0"},
    };
    struct bench b;
    EACH_BACKEND(b)
    {
        fill_logs(&b);
        for (size_t i = 0; i < CDZ_COUNT(rows); i++)
            expect_messages(&b, rows[i].why, rows[i].f, (struct cdz_page){0}, rows[i].want);
        struct cdz_page page = sorted("timestamp", true);
        page.page = 2;
        page.size = 2;
        expect_messages(&b, "second page, newest first", (struct cdz_log_filter){.attempt = -1},
                        page, "hello2 disk-full of 6");
        page.page = 9;
        expect_messages(&b, "behind the end", (struct cdz_log_filter){.attempt = -1}, page, "of 6");
    }
}

TEST(logs_are_deleted_by_filter)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_log_filter load = {
            .attempt = -1, .execution_id = CDZ_STR("X"), .task_id = CDZ_STR("load")};
        struct cdz_log_filter timer = {
            .attempt = -1, .namespace_ = CDZ_STR("other"), .flow_id = CDZ_STR("timer")};
        struct cdz_repo_op del = {.kind = CDZ_REPO_LOGS_DELETE, .log_filter = &load};
        fill_logs(&b);
        APPLY(&b, del);
        expect_messages(&b, "one task", (struct cdz_log_filter){.attempt = -1},
                        (struct cdz_page){0}, "Hello \xc3\x89t\xc3\xa9 hello2 triggered of 4");
        expect_messages(&b, "words of what stays",
                        (struct cdz_log_filter){.attempt = -1, .q = CDZ_STR("hello")},
                        (struct cdz_page){0}, "Hello hello2 of 2");
        del.log_filter = &timer;
        APPLY(&b, del);
        expect_messages(&b, "one flow", (struct cdz_log_filter){.attempt = -1},
                        (struct cdz_page){0}, "Hello \xc3\x89t\xc3\xa9 hello2 of 3");
    }
}

TEST(logs_of_chosen_levels_are_found_and_deleted)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_log_entry info = log_entry("X", "t", CDZ_INFO, 1, "info"),
                             warn = log_entry("X", "t", CDZ_WARN, 2, "warn"),
                             error = log_entry("X", "t", CDZ_ERROR, 3, "error");
        struct cdz_log_filter some = {.attempt = -1, .levels = 1u << CDZ_INFO | 1u << CDZ_ERROR};
        APPLY(&b, log_op(b.arena, &info, 1), log_op(b.arena, &warn, 2), log_op(b.arena, &error, 3));
        expect_messages(&b, "two levels", some, (struct cdz_page){0}, "info error of 2");
        expect_messages(&b, "a page of them", some, (struct cdz_page){.page = 1, .size = 1},
                        "info of 2");
        struct cdz_repo_op del = {.kind = CDZ_REPO_LOGS_DELETE, .log_filter = &some};
        APPLY(&b, del);
        expect_messages(&b, "the third stays", (struct cdz_log_filter){.attempt = -1},
                        (struct cdz_page){0}, "warn of 1");
    }
}

TEST(metrics_of_one_execution_are_deleted)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_metric_filter f = {0};
        struct cdz_page page = {0};
        struct cdz_metric_entry *v;
        size_t n = 0;
        uint64_t total;
        struct cdz_repo_op del = {.kind = CDZ_REPO_METRICS_DELETE, .id = CDZ_STR("X")};
        struct cdz_repo_op unknown = {.kind = CDZ_REPO_METRICS_DELETE, .id = CDZ_STR("Z")};
        APPLY(&b,
              head_op(b.arena,
                      (struct head){.id = "X", .state = CDZ_SUCCESS, .start = 1, .version = 1}),
              metric_op(b.arena, "X", "t", "rows", 5, 1),
              metric_op(b.arena, "Y", "t", "rows", 7, 2));
        APPLY(&b, del, unknown);
        cdz_rc rc = cdz_repository_metric_find(b.r, &f, &page, b.arena, &v, &n, &total, &b.err);
        CHECK(rc == CDZ_OK && n == 1 && v[0].value == 7, "%s: %zu left", b.name, n);
        expect_state(&b, "X", CDZ_SUCCESS, 0);
    }
}

TEST(metrics_are_filtered_and_sorted)
{
    struct bench b;
    EACH_BACKEND(b)
    {
        struct cdz_metric_entry *v;
        size_t n;
        uint64_t total;
        APPLY(&b, metric_op(b.arena, "X", "t1", "rows", 5, 1),
              metric_op(b.arena, "X", "t2", "bytes", 7, 2),
              metric_op(b.arena, "X", "t2", "rows", 3, 3),
              metric_op(b.arena, "Y", "t1", "rows", 1, 4));
        struct cdz_page page = sorted("value", true);
        page.page = 1;
        page.size = 2;
        struct cdz_metric_filter f = {.execution_id = CDZ_STR("X")};
        cdz_rc rc = cdz_repository_metric_find(b.r, &f, &page, b.arena, &v, &n, &total, &b.err);
        CHECK(rc == CDZ_OK && n == 2 && total == 3 && v[0].value == 7 && v[1].value == 5, "%s: %zu",
              b.name, n);
        f = (struct cdz_metric_filter){.namespace_ = CDZ_STR("company.team"),
                                       .flow_id = CDZ_STR("etl"),
                                       .name = CDZ_STR("rows"),
                                       .task_id = CDZ_STR("t1")};
        rc = cdz_repository_metric_find(b.r, &f, &(struct cdz_page){0}, b.arena, &v, &n, &total,
                                        &b.err);
        CHECK(rc == CDZ_OK && n == 2 && v[0].value == 5 && v[1].value == 1, "%s: %zu", b.name, n);
        page = sorted("nonsense", true);
        rc = cdz_repository_metric_find(b.r, &f, &page, b.arena, &v, &n, &total, &b.err);
        CHECK(rc == CDZ_E_INVALID, "%s", b.name);
    }
}

/* Flows */

TEST(executions_are_counted_by_spans_of_time)
{
    static const cdz_us edges[] = {10, 21, 30, 41, 60};
    static const struct cdz_spans spans = {edges, 4};
    static const struct {
        const char *why;
        bool by_flow;
        struct cdz_execution_filter f;
        const char *want;
    } rows[] = {
        {"states",
         false,
         {.scope = 0},
         "0/./SUCCESS=1(10,10,10) 0/./FAILED=1(70,70,70) 2/./RUNNING=1(0,0,0) "
         "2/./SUCCESS=2(1,20,21) "},
        {"flows",
         true,
         {.scope = 0},
         "0/company.team.etl/SUCCESS=1(10,10,10) 0/company.team.etl/FAILED=1(70,70,70) "
         "2/company.load/RUNNING=1(0,0,0) 2/companyx.etl/SUCCESS=1(1,1,1) "
         "2/system.clean-up/SUCCESS=1(20,20,20) "},
        {"namespace",
         false,
         {.namespace_ = {"company", 7}},
         "0/./SUCCESS=1(10,10,10) 0/./FAILED=1(70,70,70) 2/./RUNNING=1(0,0,0) "},
        {"state", true, {.states = 1u << CDZ_FAILED}, "0/company.team.etl/FAILED=1(70,70,70) "},
        {"word", true, {.q = {"whale", 5}}, "0/company.team.etl/SUCCESS=1(10,10,10) "},
        {"from and to",
         false,
         {.start_from = 20, .start_to = 30},
         "0/./FAILED=1(70,70,70) 2/./RUNNING=1(0,0,0) "},
        {"no such flow", false, {.flow_id = {"none", 4}}, ""},
    };
    struct bench b;
    EACH_BACKEND(b)
    {
        fill(&b);
        for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
            const char *got = stats(&b, &rows[i].f, &spans, rows[i].by_flow);
            CHECK(strcmp(got, rows[i].want) == 0, "%s: %s: %s, want %s", b.name, rows[i].why, got,
                  rows[i].want);
        }
    }
}

TEST(fault_fails_each_call_in_turn_and_the_batch_may_be_repeated)
{
    for (int after = 0; after < 2; after++) {
        FAULT_LOOP(fault, false)
        {
            struct bench b = {.name = "fault", .arena = cdz_arena_open(0)};
            struct cdz_executions found = {0};
            bool failed = false;
            fault.after = after;
            b.r = cdz_repository_fault_open(cdz_repository_mem_open(), &fault);
            struct cdz_repo_op op = head_op(
                b.arena, (struct head){.id = "X", .state = CDZ_RUNNING, .start = 1, .version = 1});
            for (int i = 0; i < 3; i++)
                failed = cdz_repository_apply(b.r, &op, 1, &b.err) != CDZ_OK || failed;
            cdz_rc rc =
                cdz_repository_execution_find(b.r, &(struct cdz_execution_filter){0},
                                              &(struct cdz_page){0}, b.arena, &found, &b.err);
            CHECK((failed || rc != CDZ_OK) == cdz_fault_fired(&fault), "call %u", fault.at);
            CHECK(rc != CDZ_OK || found.total == 1, "call %u: %llu", fault.at,
                  (unsigned long long)found.total);
            for (size_t i = 0; i < found.n; i++)
                cdz_execution_free(found.v[i]);
            bench_close(&b);
        }
    }
}

TEST(embedded_answers_the_same_after_reopening)
{
    struct bench b = {.name = "embedded", .arena = cdz_arena_open(0)};
    tmpdir_make(b.dir);
    open_embedded(&b);
    fill(&b);
    fill_logs(&b);
    cdz_repository_close(b.r);
    cdz_db_close(b.db);
    open_embedded(&b);
    expect_ids(&b, "executions", (struct cdz_execution_filter){0}, sorted("id", false),
               "A1 A2 B1 C1 S1 of 5");
    expect_messages(&b, "logs", (struct cdz_log_filter){.attempt = -1, .q = CDZ_STR("hello")},
                    (struct cdz_page){0}, "Hello hello2 of 2");
    bench_close(&b);
}

TEST_MAIN
