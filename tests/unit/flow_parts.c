/*
 * flow_parts.c -- tests of the flow compiler beyond single tasks: finally, afterExecution, listeners,
 * triggers, concurrency, SLA, checks, and the tasks that make their children themselves.
 */
#include "test.h"

#include "base/json.h"
#include "flow_types.h"
#include "model/state.h"

TEST_MAIN

struct parsed {
    struct cdz_arena *arena;
    struct cdz_problems problems;
    struct cdz_flow *flow; /* NULL: invalid */
    cdz_str report;
};

static struct parsed parse_with(const char *text, struct cdz_flow_options options)
{
    struct parsed p = {.arena = cdz_arena_open(0)};
    struct cdz_buf CDZ_AUTO_BUF report = CDZ_BUF_INIT;
    struct cdz_err err;
    p.problems.arena = p.arena;
    options.registry = test_registry();
    if (cdz_flow_parse(cdz_str_z(text), &options, &p.problems, &p.flow, &err) != CDZ_OK)
        p.flow = NULL;
    cdz_problems_print(&p.problems, CDZ_STR(""), &report);
    p.report = cdz_buf_copy(&report, p.arena);
    return p;
}

static struct parsed parse(const char *text)
{
    return parse_with(text, (struct cdz_flow_options){0});
}

static void done(struct parsed *p)
{
    cdz_flow_unref(p->flow);
    cdz_arena_close(p->arena);
}

static bool says(const struct parsed *p, const char *what)
{
    return cdz_str_find(p->report, cdz_str_z(what), 0) != SIZE_MAX;
}

static bool text_is(cdz_val map, const char *key, const char *want)
{
    cdz_val v = cdz_map_getz(map, key);
    return v.kind == CDZ_TEXT && cdz_str_is(cdz_val_str(v), want);
}

#define HEAD       "id: f\nnamespace: a.b\n"
#define RETURN     "io.kestra.plugin.core.debug.Return"
#define FLOW(name) "io.kestra.plugin.core.flow." name
#define LEAF(id)   "{id: " id ", type: " RETURN "}"
#define ONE        "tasks: [" LEAF("one") "]\n"
#define STATUS     "io.kestra.plugin.core.condition.ExecutionStatus"

TEST(every_list_of_tasks_has_its_branch)
{
    struct parsed p = parse(
        HEAD
        "tasks:\n- {id: s, type: " FLOW("Sequential") ", tasks: [" LEAF("a") "], finally: [" LEAF("b") "]}\nerrors: [" LEAF("c") "]\nfinally: [" LEAF(
            "d") ", " LEAF("e") "]\nafterExecution: [" LEAF("g") "]\n"
                                                                 "listeners:\n- tasks: [" LEAF(
                                                                     "x") "]\n- conditions: "
                                                                          "[{type: " STATUS
                                                                          ", in: [FAILED]}]\n"
                                                                          "  tasks: [" LEAF(
                                                                              "h") ", {id: i, "
                                                                                   "type: " RETURN
                                                                                   ", disabled: "
                                                                                   "true}]\n");
    CHECK(p.flow, "%.*s", CDZ_S(p.report));
    if (p.flow) {
        const struct cdz_flow *f = p.flow;
        const struct cdz_task *s = f->tasks.v[0], *h = cdz_flow_task(f, CDZ_STR("h"));
        CHECK(s->finals.n == 1 && s->finals.v[0]->branch == CDZ_BRANCH_FINALLY &&
              s->finals.v[0]->parent == s);
        CHECK(f->finals.n == 2 && f->finals.v[1]->branch == CDZ_BRANCH_FINALLY &&
              f->finals.v[1]->index == 1 && !f->finals.v[1]->parent);
        CHECK(f->after.n == 1 && f->after.v[0]->branch == CDZ_BRANCH_AFTER);
        CHECK(f->listener_count == 2 && f->listeners[0].tasks.n == 1 &&
              f->listeners[0].conditions.n == 0);
        CHECK(f->listeners[1].conditions.n == 1 &&
              f->listeners[1].conditions.v[0].type == &type_status);
        CHECK(f->listeners[1].tasks.n == 1 && f->listeners[1].tasks.v[0] == h);
        CHECK(h && h->branch == CDZ_BRANCH_LISTENER && h->case_number == 1);
        CHECK(text_is(h->source, "id", "h"));
        CHECK(f->task_count == 10, "%zu", f->task_count);
    }
    done(&p);
}

TEST(ids_are_unique_over_all_lists)
{
    struct parsed p = parse(
        HEAD
        "tasks:\n- {id: s, type: " FLOW("Sequential") ", tasks: [" LEAF("a") "], finally: [" LEAF(
            "b") "]}\nfinally: [" LEAF("a") "]\nafterExecution: [" LEAF("b") "]\nlisteners: "
                                                                             "[{tasks: [" LEAF(
                                                                                 "s") "]}]\n");
    CHECK(!p.flow && says(&p, "Duplicate task id with name [a, b, s]"), "%.*s", CDZ_S(p.report));
    done(&p);
}

TEST(a_pause_has_inputs_and_a_task)
{
    struct parsed p = parse(
        HEAD "tasks:\n- {id: p, type: io.kestra.core.tasks.flows.Pause, pauseDuration: '{{ x }}', "
             "behavior: WARN, onResume: [{id: ok, type: BOOLEAN}, {name: why, type: STRING, "
             "required: false}], onPause: " LEAF("tell") ", tasks: [" LEAF("after") "]}\n");
    CHECK(p.flow, "%.*s", CDZ_S(p.report));
    if (p.flow) {
        const struct cdz_task *t = p.flow->tasks.v[0];
        CHECK(t->type->flow_kind == CDZ_FLOW_PAUSE && t->input_count == 2);
        CHECK(cdz_str_is(t->inputs[1].id, "why") && !t->inputs[1].required);
        CHECK(t->on_pause.n == 1 && t->on_pause.v[0]->branch == CDZ_BRANCH_ON_PAUSE &&
              t->on_pause.v[0]->parent == t);
        CHECK(t->tasks.n == 1 && cdz_map_getz(t->props, "pauseDuration").kind == CDZ_TEMPLATE);
        CHECK(text_is(t->props, "behavior", "WARN"));
        CHECK(cdz_map_getz(t->props, "onResume").kind == CDZ_NULL);
    }
    done(&p);
    p = parse(HEAD "tasks: [{id: p, type: " FLOW(
        "Pause") ", delay: PT1S, pauseDuration: PT1S, "
                 "onPause: [], onResume: [{id: a, type: INT}, {id: a, type: INT}]}]\n");
    CHECK(says(&p, "tasks[p].onPause: must be a task, not a list"), "%.*s", CDZ_S(p.report));
    CHECK(says(&p, "Duplicate input with name [a]"), "%.*s", CDZ_S(p.report));
    done(&p);
}

TEST(loops_have_the_defaults_of_their_names)
{
    struct parsed p =
        parse(HEAD "tasks:\n- {id: w, type: " FLOW("WaitFor") ", condition: 'x', tasks: [" LEAF(
            "a") "]}\n- {id: l, type: " FLOW("LoopUntil") ", condition: 'x', tasks: "
                                                          "[" LEAF("b") "], "
                                                                        "checkFrequency: "
                                                                        "{maxIterations: "
                                                                        "3}}\n");
    CHECK(p.flow, "%.*s", CDZ_S(p.report));
    if (p.flow) {
        cdz_val w = cdz_map_getz(p.flow->tasks.v[0]->props, "checkFrequency");
        cdz_val l = cdz_map_getz(p.flow->tasks.v[1]->props, "checkFrequency");
        CHECK(cdz_map_getz(w, "maxIterations").i == 100 && text_is(w, "maxDuration", "PT1H") &&
              text_is(w, "interval", "PT1S"));
        CHECK(cdz_map_getz(l, "maxIterations").i == 3 && text_is(l, "interval", "PT1M") &&
              cdz_map_getz(l, "maxDuration").kind == CDZ_NULL);
    }
    done(&p);
}

TEST(a_for_each_item_is_three_tasks)
{
    struct parsed p = parse(HEAD "tasks:\n- {id: each, type: " FLOW(
        "ForEachItem") ", items: '{{ outputs.x.uri }}', namespace: a.b, flowId: g, batch: {rows: "
                       "4}, "
                       "inputs: {i: '{{ taskrun.items }}'}, errors: [" LEAF("bad") "]}\n");
    CHECK(p.flow, "%.*s", CDZ_S(p.report));
    if (p.flow) {
        const struct cdz_task *t = p.flow->tasks.v[0];
        static const char *const ids[] = {"each_split", "each_items", "each_merge"};
        CHECK(t->tasks.n == 3 && t->errors.n == 1 && p.flow->task_count == 5);
        for (size_t i = 0; i < 3; i++)
            CHECK(cdz_str_is(t->tasks.v[i]->id, ids[i]) && t->tasks.v[i]->parent == t &&
                  t->tasks.v[i]->index == i && cdz_flow_task(p.flow, cdz_str_z(ids[i])));
        CHECK(t->tasks.v[0]->type == &type_split && t->tasks.v[2]->type == &type_merge);
        CHECK(t->tasks.v[1]->type == &cdz_type_for_each_item_executable);
        CHECK(cdz_map_getz(cdz_map_getz(t->tasks.v[0]->props, "batch"), "rows").i == 4);
        const struct cdz_needs *needs = t->tasks.v[2]->needs;
        CHECK(needs->parents && needs->output_count == 2 &&
              cdz_str_is(needs->outputs[1].task_id, "each_items"));
    }
    done(&p);
    p = parse(HEAD "tasks:\n- {id: each, type: " FLOW(
        "ForEachItem") ", items: x, namespace: a.b, "
                       "flowId: g}\n- " LEAF("each_merge") "\n- {id: "
                                                           "q, type: '" FLOW("ForEachItem$"
                                                                             "ForEachItemSp"
                                                                             "lit") "'}\n");
    CHECK(says(&p, "Duplicate task id with name [each_merge]"), "%.*s", CDZ_S(p.report));
    CHECK(says(&p, "tasks[q].type: Invalid type: "), "%.*s", CDZ_S(p.report));
    done(&p);
}

TEST(a_working_directory_holds_runnable_tasks_only)
{
    struct parsed p =
        parse(HEAD "tasks:\n- id: w\n  type: io.kestra.core.tasks.flows.Worker\n  tasks:\n  - {id: "
                   "a, type: " RETURN ", format: '{{ inputs.x }}{{ outputs.y.z }}'}\n");
    CHECK(p.flow, "%.*s", CDZ_S(p.report));
    if (p.flow) {
        const struct cdz_task *t = p.flow->tasks.v[0];
        CHECK(t->type->kind == CDZ_RUNNABLE && t->tasks.n == 1);
        CHECK(t->needs->inputs && t->needs->output_count == 1, "the needs of its children are its");
    }
    done(&p);
    p = parse(HEAD "tasks:\n- {id: v, type: " FLOW("WorkingDirectory") "}\n- {id: w, type: " FLOW(
        "WorkingDirectory") ", tasks: [{id: s, type: " FLOW("Sequential") ", tasks: []}]}\n");
    CHECK(says(&p, "v: The 'tasks' property cannot be empty"), "%.*s", CDZ_S(p.report));
    CHECK(says(&p, "s: Only runnable tasks are allowed as children of a WorkingDirectory task"));
    done(&p);
}

static cdz_rc template_source(void *ctx, cdz_str ns, cdz_str id, struct cdz_arena *arena,
                              cdz_str *ret, struct cdz_err *err)
{
    (void)ctx;
    (void)ns;
    (void)arena;
    if (cdz_str_is(id, "simple"))
        *ret = CDZ_STR(
            "id: simple\nnamespace: a.b\ntasks: [" LEAF("in") "]\nerrors: [" LEAF("er") "]\n");
    else if (cdz_str_is(id, "outer"))
        *ret = CDZ_STR(
            "tasks: [{id: t, type: " FLOW("Template") ", namespace: a.b, templateId: simple}]");
    else if (cdz_str_is(id, "loop"))
        *ret = CDZ_STR(
            "tasks: [{id: t, type: " FLOW("Template") ", namespace: a.b, templateId: loop}]");
    else if (cdz_str_is(id, "wrong"))
        *ret = CDZ_STR("\n\n\ntasks: [{id: t, type: nothing.Like.It}]");
    else
        return cdz_fail(err, CDZ_E_NOT_FOUND, "none");
    return CDZ_OK;
}

#define TEMPLATE(id, name)                                                                         \
    "- {id: " id ", type: " FLOW("Template") ", namespace: a.b, templateId: " name                 \
                                             ", errors: [{id: " id "-e, type: " RETURN "}]}\n"

TEST(a_template_brings_its_tasks)
{
    struct cdz_flow_options options = {.templates = true, .template_source = template_source};
    struct parsed p = parse_with(HEAD "pluginDefaults: [{type: " RETURN
                                      ", values: {format: d}}]\ntasks:\n" TEMPLATE("one", "simple")
                                          TEMPLATE("two", "simple") TEMPLATE("three", "outer")
                                              TEMPLATE("four", "none"),
                                 options);
    CHECK(p.flow, "%.*s", CDZ_S(p.report));
    if (p.flow) {
        struct cdz_task **t = p.flow->tasks.v;
        CHECK(t[0]->tasks.n == 1 && cdz_str_is(t[0]->tasks.v[0]->id, "in"));
        CHECK(t[0]->errors.n == 2 && cdz_str_is(t[0]->errors.v[0]->id, "er") &&
              t[0]->errors.v[1]->index == 1);
        CHECK(text_is(t[0]->tasks.v[0]->props, "format", "d"), "plugin defaults of the flow apply");
        CHECK(t[0]->tasks.v[0]->mark.line == 5, "%u", t[0]->tasks.v[0]->mark.line);
        CHECK(cdz_flow_task_below(p.flow, t[1], CDZ_STR("in")) == t[1]->tasks.v[0]);
        CHECK(cdz_flow_task_below(p.flow, t[0], CDZ_STR("in")) == t[0]->tasks.v[0]);
        CHECK(!cdz_flow_task_below(p.flow, NULL, CDZ_STR("in")));
        CHECK(t[2]->tasks.v[0]->tasks.n == 1 && !t[2]->broken.n);
        CHECK(cdz_str_is(t[3]->broken, "Can't find flow template 'a.b.none'"));
    }
    done(&p);
    p = parse_with(HEAD "tasks:\n" TEMPLATE("one", "loop"), options);
    CHECK(says(&p, "Recursive use of template [a.b.loop]"), "%.*s", CDZ_S(p.report));
    done(&p);
    p = parse_with(HEAD "tasks:\n" TEMPLATE("one", "wrong"), options);
    CHECK(says(&p, "4:3: tasks[one].tasks[t].type: Invalid type: nothing.Like.It"), "%.*s",
          CDZ_S(p.report));
    done(&p);
    p = parse(HEAD "tasks:\n" TEMPLATE("one", "simple"));
    CHECK(says(&p, "Templates are disabled, please check your configuration"));
    done(&p);
}

/* Any template uses eight others, which use eight others ... */
static cdz_rc growing_source(void *ctx, cdz_str ns, cdz_str id, struct cdz_arena *arena,
                             cdz_str *ret, struct cdz_err *err)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    (void)ctx;
    (void)ns;
    (void)err;
    cdz_buf_z(&text, "tasks:\n");
    for (int i = 0; i < 8; i++)
        cdz_buf_printf(
            &text, "- {id: t%d, type: " FLOW("Template") ", namespace: a.b, templateId: %.*s%d}\n",
            i, CDZ_S(id), i);
    *ret = cdz_buf_copy(&text, arena);
    return CDZ_OK;
}

TEST(templates_that_multiply_are_stopped)
{
    struct cdz_flow_options options = {.templates = true, .template_source = growing_source};
    struct parsed p = parse_with(HEAD "tasks:\n" TEMPLATE("one", "x"), options);
    CHECK(!p.flow && says(&p, "a flow uses templates at most 1000 times"), "%.*s", CDZ_S(p.report));
    done(&p);
}

TEST(labels_are_a_map_or_a_list)
{
    struct parsed p = parse(HEAD "tasks:\n- {id: a, type: " FLOW(
        "Subflow") ", namespace: x, flowId: y, labels: [{key: "
                   "k, value: '{{ v }}'}]}\n"
                   "- {id: b, type: io.kestra.core.tasks.flows.Flow, namespace: x, flowId: y, "
                   "labels: "
                   "{k: 007}}\n");
    CHECK(p.flow, "%.*s", CDZ_S(p.report));
    if (p.flow) {
        cdz_val a = cdz_map_getz(p.flow->tasks.v[0]->props, "labels");
        CHECK(cdz_map_getz(a, "k").kind == CDZ_TEMPLATE);
        CHECK(text_is(cdz_map_getz(p.flow->tasks.v[1]->props, "labels"), "k", "007"));
        CHECK(cdz_map_getz(p.flow->tasks.v[0]->props, "transmitFailed").b);
    }
    done(&p);
}

TEST(concurrency_sla_and_checks)
{
    struct parsed p = parse(
        HEAD ONE
        "concurrency: {limit: 2, behavior: CANCEL_PREVIOUS, key: '{{ inputs.c }}', "
        "priority: '{{ inputs.p }}'}\n"
        "sla:\n- {id: a, type: MAX_DURATION, duration: PT2S, behavior: CANCEL, labels: {l: 1}}\n"
        "- {id: a, type: EXECUTION_ASSERTION, assert: '{{ x }}', behavior: NONE}\n"
        "checks:\n- {condition: '{{ inputs.x > 1 }}', message: too small, behavior: "
        "FAIL_EXECUTION, style: ERROR}\n- {condition: x, message: m}\n");
    CHECK(p.flow, "%.*s", CDZ_S(p.report));
    if (p.flow) {
        const struct cdz_flow *f = p.flow;
        CHECK(f->concurrency && f->concurrency->limit == 2 &&
              f->concurrency->behavior == CDZ_CONCURRENCY_CANCEL_PREVIOUS &&
              f->concurrency->key.kind == CDZ_TEMPLATE &&
              f->concurrency->priority.kind == CDZ_TEMPLATE);
        CHECK(f->sla_count == 2 && f->slas[0].kind == CDZ_SLA_MAX_DURATION &&
              f->slas[0].duration == 2000000 && f->slas[0].behavior == CDZ_SLA_CANCEL &&
              text_is(f->slas[0].labels, "l", "1"));
        CHECK(f->slas[1].kind == CDZ_SLA_ASSERTION && f->slas[1].behavior == CDZ_SLA_NONE &&
              f->slas[1].assertion.kind == CDZ_TEMPLATE && f->slas[1].labels.kind == CDZ_NULL);
        CHECK(f->check_count == 2 && f->checks[0].behavior == CDZ_CHECK_FAIL &&
              cdz_str_is(f->checks[0].style, "ERROR") && f->checks[1].behavior == CDZ_CHECK_BLOCK &&
              cdz_str_is(f->checks[1].style, "INFO"));
    }
    done(&p);
    p = parse(HEAD ONE "concurrency: {pool: big}\n");
    CHECK(p.flow && p.flow->concurrency->limit == 0 &&
          cdz_str_is(p.flow->concurrency->pool, "big"));
    done(&p);
    p = parse(HEAD ONE "concurrency: {behavior: FAIL}\nsla: [{id: a, type: MAX_DURATION, duration: "
                       "PT1S, behavior: FAIL, labels: {system.x: y}}]\n");
    CHECK(says(&p, "concurrency.limit: must not be null"), "%.*s", CDZ_S(p.report));
    CHECK(says(&p, "System labels can only be set by Kestra itself"), "%.*s", CDZ_S(p.report));
    done(&p);
}

TEST(triggers_are_compiled)
{
    struct parsed p = parse(
        HEAD ONE
        "pluginDefaults: [{type: io.kestra.plugin.core.trigger.Schedule, values: {withSeconds: "
        "true, disabled: true}}]\n"
        "triggers:\n"
        "- {id: s, type: io.kestra.core.models.triggers.types.Schedule, cron: '0 */5 9-17 * JAN,3 "
        "MON-FRI', timezone: Europe/Paris, inputs: {a: '{{ trigger.date }}'}, stopAfter: [FAILED, "
        "KILLED], labels: {k: '{{ v }}'}, scheduleConditions: [{type: " STATUS "}], conditions: "
        "[{type: " STATUS "}]}\n"
        "- {id: w, type: io.kestra.plugin.core.trigger.Webhook, key: '{{ secret(''k'') }}'}\n"
        "- {id: d, type: io.kestra.plugin.core.trigger.ScheduleOnDates, dates: "
        "['2024-01-01T00:00:00+01:00']}\n"
        "- {id: h, type: io.kestra.plugin.core.http.Trigger, uri: x}\n"
        "- id: f\n  type: io.kestra.plugin.core.trigger.Flow\n  states: [RUNNING]\n"
        "  preconditions:\n    id: pre\n    flows: [{namespace: a, states: [SUCCESS], labels: "
        "[{key: k, value: v}]}]\n"
        "    where: [{id: w, filters: [{field: EXPRESSION, type: IS_TRUE, value: '{{ x }}'}, "
        "{field: STATE, type: IN, values: [A]}]}]\n");
    CHECK(p.flow, "%.*s", CDZ_S(p.report));
    if (p.flow) {
        const struct cdz_trigger *t = p.flow->triggers;
        CHECK(p.flow->trigger_count == 5 && t[0].type == &cdz_trigger_schedule);
        CHECK(t[0].disabled && cdz_map_getz(t[0].props, "withSeconds").b, "plugin defaults apply");
        CHECK(t[0].conditions.n == 2 &&
              t[0].stop_after == ((1u << CDZ_FAILED) | (1u << CDZ_KILLED)));
        CHECK(cdz_map_getz(t[0].labels, "k").kind == CDZ_TEMPLATE);
        CHECK(cdz_map_getz(t[0].source, "withSeconds").b &&
                  cdz_map_getz(cdz_list_at(cdz_map_getz(p.flow->document, "triggers"), 0),
                               "withSeconds")
                          .kind == CDZ_NULL,
              "the document stays as written");
        CHECK(!t[3].type && cdz_str_is(t[3].type_name, "io.kestra.plugin.core.http.Trigger"));
        CHECK(t[4].states == 1u << CDZ_RUNNING && t[4].preconditions.kind == CDZ_MAP);
        CHECK(text_is(cdz_map_getz(t[4].preconditions, "timeWindow"), "type", "DURATION_WINDOW"));
        CHECK(cdz_map_getz(t[4].preconditions, "resetOnSuccess").b);
        cdz_val where = cdz_list_at(cdz_map_getz(t[4].preconditions, "where"), 0);
        cdz_val filter = cdz_list_at(cdz_map_getz(where, "filters"), 0);
        CHECK(cdz_map_getz(filter, "value").kind == CDZ_TEMPLATE &&
              text_is(where, "operand", "AND"));
    }
    done(&p);
}

TEST(wrong_triggers_are_told)
{
    static const struct {
        const char *trigger, *want;
    } rows[] = {
        {"type: io.kestra.plugin.core.trigger.Schedule, cron: not a cron",
         "triggers[t].cron: invalid cron expression 'not a cron': Cron expression contains 3 parts "
         "but we expect one of [5]"},
        {"type: io.kestra.plugin.core.trigger.Schedule, cron: '* 24 * * *'", "`24` is no hour"},
        {"type: io.kestra.plugin.core.trigger.Schedule, cron: '@daily', timezone: Mars/Base",
         "timezone '(Mars/Base)' is not a valid time-zone ID"},
        {"type: io.kestra.plugin.core.trigger.Schedule, cron: '@daily', interval: PT1S",
         "Unrecognized field \"interval\""},
        {"type: io.kestra.plugin.core.trigger.Webhook", "triggers[t].key: must not be null"},
        {"type: io.kestra.plugin.core.trigger.Webhook, key: k, conditions: [{type: "
         "io.kestra.plugin.core.condition.MultipleCondition, id: m, conditions: {a: {type: " STATUS
         "}}}]",
         "invalid webhook: conditions of type MultipleCondition are not supported"},
        {"type: io.kestra.plugin.core.trigger.ScheduleOnDates, dates: ['2024-01-01']",
         "`2024-01-01` is not a date with a zone"},
        {"type: io.kestra.plugin.core.trigger.Flow, states: [DONE]", "`DONE` is not one of ["},
        {"type: io.kestra.plugin.core.trigger.Flow, preconditions: {id: 'a b'}",
         "triggers[t].preconditions.id: must match"},
        {"type: io.kestra.plugin.core.trigger.Flow, preconditions: {id: p, timeWindow: {type: "
         "DAILY_TIME_DEADLINE}}",
         "Time window of type `DAILY_TIME_DEADLINE` must have a deadline."},
        {"type: io.kestra.plugin.core.trigger.Flow, preconditions: {id: p, timeWindow: {type: "
         "SLIDING_WINDOW, startTime: '10:00'}}",
         "Time window of type `SLIDING_WINDOW` cannot have a start time."},
        {"type: io.kestra.plugin.core.trigger.Flow, preconditions: {id: p, where: [{id: w, "
         "filters: "
         "[{field: STATE, type: IS_NULL}]}]}",
         "`value` cannot be null for type IS_NULL"},
        {"type: io.kestra.plugin.core.trigger.Flow, preconditions: {id: p, where: [{id: w, "
         "filters: "
         "[{field: STATE, type: IN, value: a, values: [b]}]}]}",
         "`value` must be null for type IN"},
        {"type: io.kestra.plugin.core.trigger.Flow, conditions: [{type: "
         "io.kestra.plugin.core.condition.Not, conditions: []}]",
         "triggers[t].conditions[0].conditions: must not be empty"},
        {"type: io.kestra.plugin.core.trigger.Flow, conditions: [{type: " STATUS ", inn: []}]",
         "Unrecognized field \"inn\""},
        {"type: io.kestra.plugin.core.trigger.Webhook, key: k, labels: {system.a: b}",
         "System labels can only be set by Kestra itself"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str text =
            cdz_arena_printf(arena, HEAD ONE "triggers:\n- {id: t, %s}\n", rows[i].trigger);
        struct parsed p = parse(text.p);
        CHECK(!p.flow && says(&p, rows[i].want), "%s: want %s, got %.*s", rows[i].trigger,
              rows[i].want, CDZ_S(p.report));
        done(&p);
    }
}

TEST(conditions_nest)
{
    struct parsed p = parse(
        HEAD ONE "triggers:\n- id: f\n  type: io.kestra.plugin.core.trigger.Flow\n  conditions:\n"
                 "  - {type: io.kestra.plugin.core.condition.Not, conditions: [{type: " STATUS
                 ", in: [FAILED]}, {type: " STATUS "}]}\n"
                 "  - {type: io.kestra.plugin.core.condition.MultipleCondition, id: m, "
                 "conditions: {one: {type: " STATUS "}, two: {type: " STATUS "}}}\n");
    CHECK(p.flow, "%.*s", CDZ_S(p.report));
    if (p.flow) {
        const struct cdz_conditions *c = &p.flow->triggers[0].conditions;
        CHECK(c->n == 2 && c->v[0].type == &type_not && c->v[0].inner.n == 2 && !c->v[0].names);
        CHECK(cdz_map_getz(c->v[0].inner.v[0].props, "in").kind == CDZ_LIST);
        CHECK(c->v[1].inner.n == 2 && cdz_str_is(c->v[1].names[1], "two") &&
              c->v[1].inner.v[1].type == &type_status);
        CHECK(text_is(c->v[1].props, "id", "m"));
    }
    done(&p);
}

TEST(a_default_for_several_types_gives_each_what_it_has)
{
    struct parsed p = parse(HEAD "pluginDefaults: [{type: io.kestra.plugin.core, values: {level: "
                                 "WARN, message: m, format: f}}]\ntasks:\n- " LEAF(
                                     "a") "\n- {id: b, type: io.kestra.plugin.core.log.Log}\n");
    CHECK(p.flow, "%.*s", CDZ_S(p.report));
    if (p.flow) {
        CHECK(text_is(p.flow->tasks.v[0]->props, "format", "f"));
        CHECK(text_is(p.flow->tasks.v[1]->props, "level", "WARN"));
    }
    done(&p);
}

TEST(a_task_cache_is_common)
{
    struct parsed p =
        parse(HEAD "tasks: [{id: a, type: " RETURN ", taskCache: {enabled: true, ttl: PT1H}}]\n");
    CHECK(p.flow && cdz_map_getz(p.flow->tasks.v[0]->task_cache, "enabled").b &&
              text_is(p.flow->tasks.v[0]->task_cache, "ttl", "PT1H"),
          "%.*s", CDZ_S(p.report));
    done(&p);
}
