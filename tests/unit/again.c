/*
 * again.c -- restart, replay and the change of states on executions that the core has run: which
 * task runs are kept, run again or removed, and what goes into a snapshot.
 */
#include "exec/again.h"

#include "base/time.h"
#include "exec/step.h"
#include "model/job.h"
#include "plugin/registry.h"
#include "test.h"

#define NOW (1700000000 * CDZ_SECOND)

/* An execution whose leaves answer at once: those named in `fail` FAILED, the others SUCCESS. */
struct run {
    struct cdz_flow *flow;
    struct cdz_execution *e;
    struct cdz_arena *arena;
    struct cdz_rng rng;
    struct cdz_err err;
    const char *fail; /* " a b " */
    uint64_t steps;
    CDZ_VEC(struct cdz_event) todo;
};

static bool fails(const struct run *r, cdz_str task)
{
    char word[64];
    snprintf(word, sizeof(word), " %.*s ", CDZ_S(task));
    return r->fail && strstr(r->fail, word);
}

static struct cdz_flow *flow_of(struct cdz_arena *arena, const char *text, int revision)
{
    struct cdz_flow_options o = {.registry = cdz_registry_builtin()};
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow *flow;
    struct cdz_err err;
    if (cdz_flow_parse(cdz_str_z(text), &o, &problems, &flow, &err) != CDZ_OK) {
        printf("# %s\n", err.text);
        abort();
    }
    flow->revision = revision;
    return flow;
}

static void answer(struct run *r, const struct cdz_step *step)
{
    for (size_t i = 0; i < step->effects.n; i++) {
        struct cdz_job job;
        if (step->effects.v[i].kind != CDZ_EFFECT_JOB)
            continue;
        if (cdz_job_decode(cdz_arena_str(r->arena, step->effects.v[i].bytes), r->arena, &job,
                           &r->err) != CDZ_OK)
            abort();
        struct cdz_event ev = {.kind = CDZ_EVENT_RESULT,
                               .taskrun = job.taskrun_index,
                               .epoch = job.epoch,
                               .state = fails(r, job.task_id) ? CDZ_FAILED : CDZ_SUCCESS,
                               .started = NOW,
                               .ended = NOW,
                               .outputs = cdz_val_map(r->arena, 1)};
        CDZ_PUSH(r->arena, &r->todo, ev);
    }
}

static void step(struct run *r, struct cdz_event ev)
{
    static const struct cdz_exec_env env = {.zone = {"UTC", 3}};
    struct cdz_step out;
    ev.now = NOW;
    ev.seed = ++r->steps;
    if (ev.kind == CDZ_EVENT_ADOPT && cdz_exec_load(r->e, &r->err) != CDZ_OK) {
        printf("# %s\n", r->err.text);
        abort();
    }
    cdz_exec_step(r->e, &env, &ev, r->arena, &out);
    answer(r, &out);
}

static void go(struct run *r, struct cdz_event first)
{
    step(r, first);
    for (size_t i = 0; i < r->todo.n; i++)
        step(r, r->todo.v[i]);
    r->todo.n = 0;
}

static void run_open(struct run *r, const char *flow, const char *fail)
{
    *r = (struct run){.arena = cdz_arena_open(0), .fail = fail};
    cdz_rng_seed(&r->rng, 1);
    r->flow = flow_of(r->arena, flow, 1);
    r->e = cdz_execution_new();
    r->e->id = CDZ_STR("old");
    r->e->original_id = r->e->id;
    r->e->namespace_ = r->flow->namespace_;
    r->e->flow_id = r->flow->id;
    r->e->flow_revision = 1;
    r->e->flow = r->flow;
    cdz_history_add(&r->e->history, r->e->arena, CDZ_CREATED, NOW);
    go(r, (struct cdz_event){.kind = CDZ_EVENT_CREATE});
}

static void run_close(struct run *r)
{
    cdz_execution_free(r->e);
    cdz_flow_unref(r->flow);
    cdz_arena_close(r->arena);
}

/* The copy that the repository would give. */
static void reload(struct run *r)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_execution *copy;
    cdz_snapshot_encode(r->e, &b);
    if (cdz_snapshot_decode(cdz_buf_get(&b), &copy, &r->err) != CDZ_OK) {
        printf("# %s\n", r->err.text);
        abort();
    }
    copy->flow = r->e->flow;
    cdz_execution_free(r->e);
    r->e = copy;
}

/* "a=SUCCESS b[x]=FAILED(2)": task, value, state and attempts beyond one, in order. */
static const char *course(const struct run *r)
{
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    for (size_t i = 0; i < r->e->taskruns.n; i++) {
        const struct cdz_taskrun *t = r->e->taskruns.v[i];
        if (t->gone)
            continue;
        cdz_buf_printf(&b, "%s%.*s", b.n ? " " : "", CDZ_S(t->task_id));
        if (t->value.p)
            cdz_buf_printf(&b, "[%.*s]", CDZ_S(t->value));
        cdz_buf_printf(&b, "=%s", cdz_state_name(cdz_state_now(&t->history)));
        if (t->attempt_count > 1)
            cdz_buf_printf(&b, "(%zu)", t->attempt_count);
    }
    return cdz_arena_z(r->arena, cdz_buf_get(&b));
}

#define CHECK_COURSE(r, want)                                                                      \
    do {                                                                                           \
        const char *got_ = course(r);                                                              \
        CHECK(strcmp(got_, want) == 0, "\n#  got  %s\n#  want %s", got_, want);                    \
    } while (0)

static cdz_str id_of(const struct run *r, const char *task, const char *value)
{
    for (size_t i = 0; i < r->e->taskruns.n; i++) {
        const struct cdz_taskrun *t = r->e->taskruns.v[i];
        if (!t->gone && cdz_str_is(t->task_id, task) && (!value || cdz_str_is(t->value, value)))
            return t->id;
    }
    return CDZ_STR("none");
}

static enum cdz_state state(const struct run *r)
{
    return cdz_state_now(&r->e->history);
}

#define LEAF(id) "{id: " id ", type: io.kestra.plugin.core.debug.Return, format: x}"

static const char line[] = "id: f\nnamespace: t\ntasks:\n- " LEAF("a") "\n- " LEAF("b") "\n- " LEAF(
    "c") "\nerrors:\n- " LEAF("e") "\n";

static const char nested[] = "id: f\nnamespace: t\ntasks:\n- " LEAF(
    "a") "\n"
         "- id: s\n  type: io.kestra.plugin.core.flow.Sequential\n  tasks:\n"
         "  - " LEAF("b") "\n  - " LEAF("c") "\n  - " LEAF("d") "\n"
                                                                "  errors:\n  - " LEAF(
                                                                    "e") "\n- " LEAF("z") "\n";

static const char each[] =
    "id: f\nnamespace: t\ntasks:\n"
    "- id: s\n  type: io.kestra.plugin.core.flow.ForEach\n  values: [x, y]\n"
    "  concurrencyLimit: %d\n  tasks:\n  - " LEAF("b") "\n  - " LEAF("c") "\n- " LEAF("z") "\n";

static const char dag[] =
    "id: f\nnamespace: t\ntasks:\n- id: d\n  type: io.kestra.plugin.core.flow.Dag\n  tasks:\n"
    "  - task: " LEAF("a") "\n"
                           "  - task: " LEAF("b") "\n    dependsOn: [a]\n"
                                                  "  - task: " LEAF(
                                                      "c") "\n    dependsOn: [b]\n"
                                                           "  - task: " LEAF("o") "\n- " LEAF(
                                                               "z") "\n";

TEST(restart_runs_the_failed_again_and_removes_what_ran_because_of_it)
{
    struct run r;
    run_open(&r, line, " b ");
    CHECK_COURSE(&r, "a=SUCCESS b=FAILED e=SUCCESS");
    reload(&r);
    CHECK(cdz_exec_restart(r.e, CDZ_STR(""), &r.rng, NOW, &r.err) == CDZ_OK, "%s", r.err.text);
    CHECK_COURSE(&r, "a=SUCCESS b=RESTARTED");
    CHECK(state(&r) == CDZ_RESTARTED && r.e->attempt_number == 2, "head");
    CHECK(r.e->taskruns.n == 3 && r.e->taskruns.v[2]->gone, "the slot stays");
    CHECK(cdz_str_is(r.e->id, "old") && !r.e->parent_id.p, "the same execution");
    run_close(&r);
}

TEST(restart_opens_the_flowables_above)
{
    struct run r;
    run_open(&r, nested, " c ");
    CHECK_COURSE(&r, "a=SUCCESS s=FAILED b=SUCCESS c=FAILED e=SUCCESS");
    reload(&r);
    CHECK(cdz_exec_restart(r.e, CDZ_STR(""), &r.rng, NOW, &r.err) == CDZ_OK, "%s", r.err.text);
    CHECK_COURSE(&r, "a=SUCCESS s=RUNNING b=SUCCESS c=RESTARTED");
    run_close(&r);
}

TEST(restart_begins_a_flowable_anew_that_failed_by_itself)
{
    struct run r;
    run_open(
        &r,
        "id: f\nnamespace: t\ntasks:\n- " LEAF(
            "a") "\n"
                 "- id: s\n  type: io.kestra.plugin.core.flow.ForEach\n  values: '{{ missing }}'\n"
                 "  tasks:\n  - " LEAF("b") "\n",
        NULL);
    CHECK_COURSE(&r, "a=SUCCESS s=FAILED");
    reload(&r);
    CHECK(cdz_exec_restart(r.e, CDZ_STR(""), &r.rng, NOW, &r.err) == CDZ_OK, "%s", r.err.text);
    CHECK_COURSE(&r, "a=SUCCESS s=RESTARTED");
    run_close(&r);
}

TEST(restart_refuses_what_has_not_failed_or_still_runs)
{
    struct run r;
    run_open(&r, line, NULL);
    CHECK(cdz_exec_restart(r.e, CDZ_STR(""), &r.rng, NOW, &r.err) == CDZ_E_INVALID &&
              strstr(r.err.text, "No task found to restart"),
          "%s", r.err.text);
    cdz_history_add(&r.e->history, r.e->arena, CDZ_RUNNING, NOW);
    CHECK(cdz_exec_restart(r.e, CDZ_STR(""), &r.rng, NOW, &r.err) == CDZ_E_CONFLICT &&
              strstr(r.err.text, "current state is 'RUNNING'"),
          "%s", r.err.text);
    run_close(&r);
}

TEST(restart_with_another_revision_is_another_execution)
{
    struct run r;
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_flow *next = flow_of(
        arena, "id: f\nnamespace: t\ntasks:\n- " LEAF("a") "\n- " LEAF("n") "\n- " LEAF("b") "\n",
        2);
    run_open(&r, line, " c ");
    CHECK_COURSE(&r, "a=SUCCESS b=SUCCESS c=FAILED e=SUCCESS");
    reload(&r);
    r.e->flow = next;
    CHECK(cdz_exec_restart(r.e, CDZ_STR("new"), &r.rng, NOW, &r.err) == CDZ_OK, "%s", r.err.text);
    CHECK_COURSE(&r, "a=SUCCESS"); /* n is new: it runs first, and b behind it again */
    CHECK(cdz_str_is(r.e->id, "new") && cdz_str_is(r.e->parent_id, "old") &&
              cdz_str_is(r.e->original_id, "old") && r.e->flow_revision == 2,
          "ids");
    CHECK(r.e->taskruns.n == 1 && state(&r) == CDZ_RESTARTED, "no slots");
    run_close(&r);
    cdz_flow_unref(next);
}

TEST(replay_without_a_task_run_begins_from_nothing)
{
    struct run r;
    run_open(&r, line, " b ");
    CHECK(cdz_exec_replay(r.e, CDZ_STR("new"), CDZ_STR(""), &r.rng, NOW, &r.err) == CDZ_OK, "%s",
          r.err.text);
    CHECK(r.e->taskruns.n == 0 && state(&r) == CDZ_CREATED && r.e->history.n == 1, "empty");
    CHECK(cdz_str_is(r.e->parent_id, "old") && cdz_str_is(r.e->id, "new"), "ids");
    run_close(&r);
}

TEST(replay_keeps_what_does_not_follow)
{
    static const struct {
        const char *why, *flow;
        int limit;
        const char *task, *value, *want;
    } rows[] = {
        {"top level", line, 0, "b", NULL, "a=SUCCESS b=RESTARTED"},
        {"inside", nested, 0, "c", NULL, "a=SUCCESS s=RUNNING b=SUCCESS c=RESTARTED"},
        {"a whole flowable", nested, 0, "s", NULL, "a=SUCCESS s=RESTARTED"},
        {"values one by one", each, 1, "c", "x", "s=RUNNING b[x]=SUCCESS c[x]=RESTARTED"},
        {"values side by side", each, 2, "b", "x",
         "s=RUNNING b[x]=RESTARTED b[y]=SUCCESS c[y]=SUCCESS"},
        {"dag", dag, 0, "a", NULL, "d=RUNNING a=RESTARTED o=SUCCESS"},
        {"dag, the middle", dag, 0, "b", NULL, "d=RUNNING a=SUCCESS o=SUCCESS b=RESTARTED"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        struct run r;
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        const char *flow = rows[i].flow;
        if (rows[i].limit) {
            size_t at = cdz_str_find(cdz_str_z(flow), CDZ_STR("%d"), 0);
            flow = cdz_arena_z(arena, cdz_arena_printf(arena, "%.*s%d%s", (int)at, flow,
                                                       rows[i].limit, flow + at + 2));
        }
        run_open(&r, flow, NULL);
        reload(&r);
        CHECK(state(&r) == CDZ_SUCCESS, "%s: %s", rows[i].why, course(&r));
        cdz_rc rc = cdz_exec_replay(r.e, CDZ_STR("new"), id_of(&r, rows[i].task, rows[i].value),
                                    &r.rng, NOW, &r.err);
        CHECK(rc == CDZ_OK, "%s: %s", rows[i].why, r.err.text);
        CHECK(strcmp(course(&r), rows[i].want) == 0, "%s:\n#  got  %s\n#  want %s", rows[i].why,
              course(&r), rows[i].want);
        for (uint32_t k = 0; k < r.e->taskruns.n; k++) {
            const struct cdz_taskrun *t = r.e->taskruns.v[k];
            CHECK(t->index == k && (t->parent == CDZ_NO_TASKRUN || t->parent < k), "%s: index",
                  rows[i].why);
        }
        run_close(&r);
    }
}

TEST(replay_from_an_unknown_task_run_is_refused)
{
    struct run r;
    run_open(&r, line, NULL);
    CHECK(cdz_exec_replay(r.e, CDZ_STR("new"), CDZ_STR("nobody"), &r.rng, NOW, &r.err) ==
                  CDZ_E_INVALID &&
              strstr(r.err.text, "No task found"),
          "%s", r.err.text);
    CHECK(cdz_str_is(r.e->id, "old") && r.e->taskruns.n == 3, "nothing has changed");
    run_close(&r);
}

TEST(replay_from_an_error_task_keeps_the_failure)
{
    struct run r;
    run_open(&r, line, " b ");
    reload(&r);
    CHECK(cdz_exec_replay(r.e, CDZ_STR("new"), id_of(&r, "e", NULL), &r.rng, NOW, &r.err) == CDZ_OK,
          "%s", r.err.text);
    CHECK_COURSE(&r, "a=SUCCESS b=FAILED e=RESTARTED");
    run_close(&r);
}

TEST(a_state_is_set_with_its_attempt_and_the_execution_goes_on)
{
    struct run r;
    run_open(&r, nested, " c ");
    reload(&r);
    CHECK(cdz_exec_set_state(r.e, id_of(&r, "c", NULL), CDZ_WARNING, NOW, &r.err) == CDZ_OK, "%s",
          r.err.text);
    CHECK_COURSE(&r, "a=SUCCESS s=RUNNING b=SUCCESS c=WARNING");
    CHECK(state(&r) == CDZ_RESTARTED, "head");
    const struct cdz_taskrun *c = r.e->taskruns.v[3];
    CHECK(cdz_state_now(&c->attempts[c->attempt_count - 1].history) == CDZ_WARNING, "attempt");
    CHECK(cdz_exec_set_state(r.e, id_of(&r, "c", NULL), CDZ_SUCCESS, NOW, &r.err) == CDZ_E_CONFLICT,
          "it runs again: %s", r.err.text);
    run_close(&r);
}

TEST(a_status_changes_from_terminal_to_terminal_only)
{
    struct run r;
    run_open(&r, line, NULL);
    CHECK(cdz_exec_change_status(r.e, CDZ_RUNNING, NOW, &r.err) == CDZ_E_INVALID, "to RUNNING");
    CHECK(cdz_exec_change_status(r.e, CDZ_WARNING, NOW, &r.err) == CDZ_OK, "%s", r.err.text);
    CHECK(state(&r) == CDZ_WARNING, "changed");
    cdz_history_add(&r.e->history, r.e->arena, CDZ_RUNNING, NOW);
    CHECK(cdz_exec_change_status(r.e, CDZ_FAILED, NOW, &r.err) == CDZ_E_INVALID, "from RUNNING");
    run_close(&r);
}

TEST(a_damaged_snapshot_is_refused_wherever_it_is_cut)
{
    struct run r;
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    struct cdz_execution *copy;
    run_open(&r, nested, " c ");
    cdz_snapshot_encode(r.e, &b);
    for (size_t n = 0; n < b.n; n++) {
        cdz_rc rc = cdz_snapshot_decode((cdz_str){b.p, n}, &copy, &r.err);
        CHECK(rc == CDZ_E_CORRUPT, "%zu of %zu bytes", n, b.n);
        if (rc == CDZ_OK)
            cdz_execution_free(copy);
    }
    run_close(&r);
}

TEST_MAIN
