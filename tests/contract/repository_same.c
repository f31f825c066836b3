/*
 * Random changes and questions: the embedded repository must answer as the one in memory, which is
 * the plain meaning of the contract.
 */
#include "base/id.h"
#include "contract/repository_bench.h"

static const char *pick(struct cdz_rng *rng, const char *const *v, size_t n)
{
    return v[cdz_rng_below(rng, n)];
}

static const char *const namespaces[] = {"a", "a.b", "a.b.c", "b", "system"};
static const char *const flow_ids[] = {"f", "g", "my-flow"};
static const char *const words[] = {"red", "green", "blue fish", "fish", "f", "a"};
static const char *const fields[] = {
    "id",        "state.startDate", "state.endDate", "state.duration",
    "namespace", "flowId",          "state.current"};

static struct cdz_repo_op random_op(struct cdz_rng *rng, struct cdz_arena *arena, uint64_t *unique)
{
    const char *id = cdz_arena_printf(arena, "X%llu", (unsigned long long)cdz_rng_below(rng, 60)).p;
    uint64_t n = ++*unique;
    switch (cdz_rng_below(rng, 12)) {
    case 0:
        return (struct cdz_repo_op){.kind = CDZ_REPO_EXECUTION_DELETE,
                                    .id = cdz_str_z(id),
                                    .flags = (unsigned)cdz_rng_below(rng, 4)};
    case 1:
    case 2:
        return taskrun_op(arena, id, (uint32_t)cdz_rng_below(rng, 4), "t", 0);
    case 3:
        return metric_op(arena, id, "t", pick(rng, words, CDZ_COUNT(words)),
                         (double)cdz_rng_below(rng, 9), n);
    case 4:
    case 5:
    case 6:
    case 7: {
        struct cdz_log_entry l =
            log_entry(id, pick(rng, flow_ids, CDZ_COUNT(flow_ids)),
                      (enum cdz_level)cdz_rng_below(rng, 5), 1 + (cdz_us)cdz_rng_below(rng, 1000),
                      cdz_arena_printf(arena, "%s-%llu", pick(rng, words, CDZ_COUNT(words)),
                                       (unsigned long long)n)
                          .p);
        l.namespace_ = cdz_str_z(pick(rng, namespaces, CDZ_COUNT(namespaces)));
        return log_op(arena, &l, n);
    }
    default: {
        cdz_us start = 1 + (cdz_us)cdz_rng_below(rng, 1000);
        struct head h = {.id = id,
                         .namespace_ = pick(rng, namespaces, CDZ_COUNT(namespaces)),
                         .flow = pick(rng, flow_ids, CDZ_COUNT(flow_ids)),
                         .start = start,
                         .end = start + (cdz_us)cdz_rng_below(rng, 100),
                         .version = cdz_rng_below(rng, 20),
                         .state = (enum cdz_state)cdz_rng_below(rng, CDZ_STATE_COUNT),
                         .deleted = cdz_rng_below(rng, 10) == 0,
                         .own_correlation = cdz_rng_below(rng, 2) == 0};
        if (cdz_rng_below(rng, 2)) {
            h.label = "color";
            h.value = pick(rng, words, CDZ_COUNT(words));
        }
        if (cdz_rng_below(rng, 3) == 0)
            h.started_by = "X1";
        return head_op(arena, h);
    }
    }
}

static void random_page(struct cdz_rng *rng, struct cdz_page *page, bool logs)
{
    page->page = cdz_rng_below(rng, 4);
    page->size = 1 + cdz_rng_below(rng, 12);
    page->sort_count = cdz_rng_below(rng, logs ? 2 : 3);
    for (size_t i = 0; i < page->sort_count; i++)
        page->sort[i] =
            (struct cdz_sort){cdz_str_z(logs ? "timestamp" : pick(rng, fields, CDZ_COUNT(fields))),
                              cdz_rng_below(rng, 2) == 0};
}

static void ask_stats(struct cdz_rng *rng, struct bench *mem, struct bench *db,
                      const struct cdz_execution_filter *f)
{
    cdz_us edges[8] = {(cdz_us)cdz_rng_below(rng, 300)};
    struct cdz_spans spans = {edges, cdz_rng_below(rng, CDZ_COUNT(edges))};
    bool by_flow = cdz_rng_below(rng, 2) == 0;
    for (size_t i = 1; i < CDZ_COUNT(edges); i++)
        edges[i] = edges[i - 1] + 1 + (cdz_us)cdz_rng_below(rng, 300);
    const char *want = stats(mem, f, &spans, by_flow), *got = stats(db, f, &spans, by_flow);
    CHECK(strcmp(want, got) == 0, "stats: ns=%.*s flow=%.*s states=%x q=%.*s: %s, want %s",
          CDZ_S(f->namespace_), CDZ_S(f->flow_id), f->states, CDZ_S(f->q), got, want);
}

static void ask_executions(struct cdz_rng *rng, struct bench *mem, struct bench *db)
{
    static const cdz_str color = {"color", 5};
    struct cdz_execution_filter f = {0};
    struct cdz_page page = {0};
    cdz_str value = cdz_str_z(pick(rng, words, CDZ_COUNT(words)));
    if (cdz_rng_below(rng, 2))
        f.namespace_ = cdz_str_z(pick(rng, namespaces, CDZ_COUNT(namespaces)));
    f.namespace_exact = cdz_rng_below(rng, 3) == 0;
    if (cdz_rng_below(rng, 4) == 0)
        f.flow_id = cdz_str_z(pick(rng, flow_ids, CDZ_COUNT(flow_ids)));
    if (cdz_rng_below(rng, 3) == 0)
        f.states = (uint32_t)cdz_rng_below(rng, 1u << CDZ_STATE_COUNT);
    if (cdz_rng_below(rng, 4) == 0)
        f.start_from = (cdz_us)cdz_rng_below(rng, 500);
    if (cdz_rng_below(rng, 4) == 0)
        f.start_to = 1 + (cdz_us)cdz_rng_below(rng, 1000);
    if (cdz_rng_below(rng, 5) == 0)
        f.child = (int)cdz_rng_below(rng, 3);
    if (cdz_rng_below(rng, 4) == 0)
        f.scope = (int)cdz_rng_below(rng, 4);
    if (cdz_rng_below(rng, 8) == 0)
        f.trigger_execution_id = CDZ_STR("X1");
    if (cdz_rng_below(rng, 3) == 0)
        f.q = cdz_str_z(pick(rng, words, CDZ_COUNT(words)));
    if (cdz_rng_below(rng, 4) == 0) {
        f.label_keys = &color;
        f.label_values = &value;
        f.label_count = 1;
    }
    random_page(rng, &page, false);
    const char *want = ids(mem, &f, &page), *got = ids(db, &f, &page);
    CHECK(strcmp(want, got) == 0, "executions: ns=%.*s flow=%.*s states=%x q=%.*s: %s, want %s",
          CDZ_S(f.namespace_), CDZ_S(f.flow_id), f.states, CDZ_S(f.q), got, want);
    ask_stats(rng, mem, db, &f);
}

static void ask_logs(struct cdz_rng *rng, struct bench *mem, struct bench *db)
{
    struct cdz_log_filter f = {.attempt = -1};
    struct cdz_page page = {0};
    if (cdz_rng_below(rng, 3) == 0)
        f.execution_id =
            cdz_arena_printf(mem->arena, "X%llu", (unsigned long long)cdz_rng_below(rng, 60));
    if (cdz_rng_below(rng, 3) == 0)
        f.namespace_ = cdz_str_z(pick(rng, namespaces, CDZ_COUNT(namespaces)));
    if (cdz_rng_below(rng, 3) == 0)
        f.min_level = (enum cdz_level)cdz_rng_below(rng, 5);
    if (cdz_rng_below(rng, 4) == 0)
        f.from = (cdz_us)cdz_rng_below(rng, 500);
    if (cdz_rng_below(rng, 4) == 0)
        f.to = 1 + (cdz_us)cdz_rng_below(rng, 1000);
    if (cdz_rng_below(rng, 4) == 0)
        f.task_id = cdz_str_z(pick(rng, flow_ids, CDZ_COUNT(flow_ids)));
    if (cdz_rng_below(rng, 3) == 0)
        f.q = cdz_str_z(pick(rng, words, CDZ_COUNT(words)));
    random_page(rng, &page, true);
    const char *want = messages(mem, &f, &page), *got = messages(db, &f, &page);
    CHECK(strcmp(want, got) == 0, "logs: x=%.*s ns=%.*s level=%d q=%.*s: %s, want %s",
          CDZ_S(f.execution_id), CDZ_S(f.namespace_), (int)f.min_level, CDZ_S(f.q), got, want);
}

TEST(embedded_answers_as_memory_does)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct bench mem = {
            .name = "mem", .r = cdz_repository_mem_open(), .arena = cdz_arena_open(0)};
        struct bench db = {.name = "embedded", .arena = cdz_arena_open(0)};
        struct cdz_rng rng;
        uint64_t unique = 0;
        tmpdir_make(db.dir);
        open_embedded(&db);
        cdz_rng_seed(&rng, seed);
        for (int round = 0; round < 40; round++) {
            struct cdz_repo_op ops[40];
            size_t n = 1 + cdz_rng_below(&rng, CDZ_COUNT(ops));
            for (size_t i = 0; i < n; i++)
                ops[i] = random_op(&rng, mem.arena, &unique);
            apply(&mem, ops, n);
            apply(&db, ops, n);
            for (int i = 0; i < 10; i++) {
                ask_executions(&rng, &mem, &db);
                ask_logs(&rng, &mem, &db);
            }
            if (test_failures) {
                printf("# seed %llu, round %d\n", (unsigned long long)seed, round);
                break;
            }
        }
        bench_close(&mem);
        bench_close(&db);
    }
}

TEST_MAIN
