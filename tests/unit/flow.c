/*
 * flow.c -- tests of the flow compiler: what is compiled, and which mistakes are told where.
 *
 * flows/invalid/NAME.yaml is parsed and everything reported must be NAME.expected; `unit_flow
 * --accept` writes those files anew (then review the difference).
 */
#include "test.h"

#include <dirent.h>

#include "base/json.h"
#include "flow_types.h"

TEST_MAIN

static bool accept;

/* The C library hands the arguments to constructors as well. */
__attribute__((constructor)) static void look_for_accept(int argc, char **argv)
{
    static char invalid[] = "mistakes_are_reported";
    if (argc > 1 && !strcmp(argv[1], "--accept")) {
        accept = true;
        argv[1] = invalid;
    }
}

struct parsed {
    struct cdz_arena *arena;
    struct cdz_problems problems;
    struct cdz_flow *flow; /* NULL: invalid */
    struct cdz_err err;
};

static struct parsed parse_with(cdz_str text, struct cdz_flow_options options)
{
    struct parsed p = {.arena = cdz_arena_open(0)};
    p.problems.arena = p.arena;
    options.registry = test_registry();
    if (cdz_flow_parse(text, &options, &p.problems, &p.flow, &p.err) != CDZ_OK)
        p.flow = NULL;
    return p;
}

static struct parsed parse(const char *text)
{
    return parse_with(cdz_str_z(text), (struct cdz_flow_options){0});
}

static void done(struct parsed *p)
{
    cdz_flow_unref(p->flow);
    cdz_arena_close(p->arena);
}

static cdz_str report(const struct parsed *p)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    cdz_problems_print(&p->problems, CDZ_STR(""), &text);
    return cdz_buf_copy(&text, p->arena);
}

#define HEAD       "id: f\nnamespace: a.b\n"
#define RETURN     "io.kestra.plugin.core.debug.Return"
#define FLOW(name) "io.kestra.plugin.core.flow." name

/* A flow of one task of the type test.All with these lines; its properties as JSON, or the report.
 */
static cdz_str props_of(const char *lines, struct cdz_arena *arena)
{
    cdz_str text = cdz_arena_printf(arena, HEAD "tasks:\n- id: t\n  type: test.All\n%s", lines);
    struct parsed p = parse_with(text, (struct cdz_flow_options){0});
    cdz_str ret = p.flow && !p.problems.list.n
                      ? cdz_json_text(arena, p.flow->tasks.v[0]->props, CDZ_JSON_COMPACT)
                      : cdz_arena_str(arena, report(&p));
    done(&p);
    return ret;
}

TEST(a_property_is_read_by_its_kind)
{
    static const struct {
        const char *why, *lines, *want;
    } rows[] = {
        {"text keeps what was written", "  text: 007\n", "\"text\":\"007\""},
        {"a word is a text too", "  text: off\n", "\"text\":\"off\""},
        {"an integer", "  integer: 5\n", "\"integer\":5"},
        {"an integer in quotes", "  integer: '5'\n", "\"integer\":5"},
        {"default of an integer", "", "\"integer\":7"},
        {"default that is an expression", "", "\"dynamicText\":\"{{ flow.id }}\""},
        {"default in YAML", "", "\"list\":[1,\"a\"]"},
        {"default with an escape", "", "\"separator\":\"\\n\""},
        {"null means default", "  integer: null\n", "\"integer\":7"},
        {"integer by expression", "  dynamicInteger: '{{ 1 }}'\n",
         "\"dynamicInteger\":\"{{ 1 }}\""},
        {"number", "  number: 1\n", "\"number\":1.0"},
        {"flag in quotes", "  flag: 'False'\n", "\"flag\":false"},
        {"duration", "  wait: pt0.25s\n", "\"wait\":\"pt0.25s\""},
        {"duration in seconds", "  wait: 90\n", "\"wait\":\"90\""},
        {"one string is a list of one", "  strings: a\n", "\"strings\":[\"a\"]"},
        {"strings keep what was written", "  strings: [1.0, yes]\n",
         "\"strings\":[\"1.0\",\"yes\"]"},
        {"list by expression", "  list: '{{ x }}'\n", "\"list\":\"{{ x }}\""},
        {"map", "  map: {a: 1, b: {c: '{{ d }}'}}\n",
         "\"map\":{\"a\":1,\"b\":{\"c\":\"{{ d }}\"}}"},
        {"map by expression", "  map: '{{ x }}'\n", "\"map\":\"{{ x }}\""},
        {"any", "  any: [1, yes, null, '2']\n", "\"any\":[1,true,null,\"2\"]"},
        {"nested default", "  object: {host: h}\n", "\"object\":{\"host\":\"h\",\"port\":80}"},
        {"objects", "  objects: [{host: h, port: 1}]\n",
         "\"objects\":[{\"host\":\"h\",\"port\":1}]"},
        {"runner", "  runner: {type: test.Runner}\n",
         "\"runner\":{\"user\":\"nobody\",\"type\":\"test.Runner\"}"},
        {"a list for a rendered text is its JSON", "  dynamicText: [1, {a: b}]\n",
         "\"dynamicText\":\"[1,{\\\"a\\\":\\\"b\\\"}]\""},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str got = props_of(rows[i].lines, arena);
        CHECK(cdz_str_find(got, cdz_str_z(rows[i].want), 0) != SIZE_MAX, "%s: want %s in %.*s",
              rows[i].why, rows[i].want, CDZ_S(got));
    }
}

TEST(a_wrong_property_is_told_with_its_path)
{
    static const struct {
        const char *lines, *want;
    } rows[] = {
        {"  text: [a]\n", "6:9: tasks[t].text: must be text, not a list\n"},
        {"  integer: a\n", "6:12: tasks[t].integer: must be an integer, not `a`\n"},
        {"  integer: 0\n", "6:12: tasks[t].integer: must be greater than or equal to 1\n"},
        {"  number: true\n", "6:11: tasks[t].number: must be a number, not `true`\n"},
        {"  flag: maybe\n", "6:9: tasks[t].flag: must be true or false, not `maybe`\n"},
        {"  wait: soon\n", "6:9: tasks[t].wait: must be an ISO-8601 duration such as PT10S, or a "
                           "number of seconds, not `soon`\n"},
        {"  level: INF\n",
         "6:10: tasks[t].level: `INF` is not one of [TRACE, DEBUG, INFO, WARN, ERROR] (did you "
         "mean `INFO`?)\n"},
        {"  plainList: '{{ x }}'\n", "6:14: tasks[t].plainList: must be a list, not `{{ x }}`\n"},
        {"  map: [a]\n", "6:8: tasks[t].map: must be a map, not a list\n"},
        {"  manyStrings: []\n", "6:16: tasks[t].manyStrings: must not be empty\n"},
        {"  strings: [{a: b}]\n", "6:13: tasks[t].strings[0]: must be text, not a map\n"},
        {"  object: {}\n", "6:11: tasks[t].object.host: must not be null\n"},
        {"  object: {host: h, prot: 1}\n",
         "6:21: tasks[t].object.prot: Unrecognized field \"prot\" (did you mean `port`?)\n"},
        {"  objects: [{host: h, port: x}]\n",
         "6:29: tasks[t].objects[0].port: must be an integer, not `x`\n"},
        {"  runner: {type: test.Runer}\n",
         "6:18: tasks[t].runner.type: Invalid type: test.Runer (did you mean `test.Runner`?)\n"},
        {"  runner: {type: test.Runner, x: 1}\n",
         "6:31: tasks[t].runner.x: Unrecognized field \"x\"\n"},
        {"  timeout: soon\n", "6:12: tasks[t].timeout: must be an ISO-8601 duration such as PT10S, "
                              "or a number of seconds, not `soon`\n"},
        {"  txet: a\n", "6:3: tasks[t].txet: Unrecognized field \"txet\" (did you mean `text`?)\n"},
        {"  retry: {type: constant}\n", "6:10: tasks[t].retry.interval: must not be null\n"},
        {"  any: '{{ a'\n", "6:8: warning: tasks[t].any: "},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str got = props_of(rows[i].lines, arena);
        CHECK(cdz_str_starts(got, cdz_str_z(rows[i].want)), "%swant %s# got  %.*s", rows[i].lines,
              rows[i].want, CDZ_S(got));
    }
}

TEST(the_parts_of_a_task_are_compiled)
{
    struct parsed p = parse(
        HEAD "description: what it does\nlabels: {a: 1, b: yes}\nvariables: {v: '{{ w }}'}\n"
             "tasks:\n"
             "- id: t\n  type: io.kestra.core.tasks.debugs.Return\n  description: d\n"
             "  format: '{{ outputs.x }}'\n  timeout: '{{ inputs.t }}'\n  runIf: false\n"
             "  allowFailure: true\n  logLevel: WARN\n"
             "  retry: {type: exponential, interval: PT1S, maxInterval: PT10S, delayFactor: 3.9,"
             " maxAttempt: 4, warningOnRetry: true, behavior: CREATE_NEW_EXECUTION}\n");
    CHECK(p.flow, "%.*s", CDZ_S(report(&p)));
    if (p.flow) {
        const struct cdz_task *t = p.flow->tasks.v[0];
        CHECK(cdz_str_is(p.flow->id, "f") && cdz_str_is(p.flow->namespace_, "a.b") &&
              cdz_str_is(p.flow->description, "what it does"));
        CHECK(cdz_str_is(cdz_val_str(cdz_map_getz(p.flow->labels, "a")), "1"));
        CHECK(cdz_str_is(cdz_val_str(cdz_map_getz(p.flow->labels, "b")), "yes"));
        CHECK(cdz_map_getz(p.flow->variables, "v").kind == CDZ_TEMPLATE);
        CHECK(t->type == &type_return &&
              cdz_str_is(t->type_name, "io.kestra.core.tasks.debugs.Return"));
        CHECK(cdz_map_getz(t->props, "format").kind == CDZ_TEMPLATE &&
              t->timeout.kind == CDZ_TEMPLATE);
        CHECK(t->run_if.kind == CDZ_TEXT && cdz_str_is(cdz_val_str(t->run_if), "false"));
        CHECK(t->allow_failure && !t->allow_warning && cdz_str_is(t->log_level, "WARN"));
        CHECK(t->mark.line == 7 && t->mark.column == 3, "%u:%u", t->mark.line, t->mark.column);
        CHECK(cdz_str_is(cdz_val_str(cdz_map_getz(t->source, "description")), "d"));
        CHECK(t->retry && t->retry->kind == CDZ_RETRY_EXPONENTIAL &&
              t->retry->interval == 1000000 && t->retry->max_interval == 10000000 &&
              t->retry->delay_factor == 3 && t->retry->max_attempt == 4 &&
              t->retry->warning_on_retry && t->retry->new_execution);
    }
    done(&p);
}

TEST(children_know_where_they_stand)
{
    struct parsed p = parse(
        HEAD
        "tasks:\n"
        "- id: i\n  type: " FLOW("If") "\n  condition: true\n"
                                       "  then:\n  - {id: a, type: " RETURN
                                       ", disabled: true}\n  - {id: b, type: " RETURN "}\n"
                                       "  else:\n  - {id: c, type: " RETURN "}\n"
                                       "- id: s\n  type: " FLOW(
                                           "Switch") "\n  value: x\n"
                                                     "  cases:\n    yes: [{id: d, type: " RETURN
                                                     "}]\n    2: []\n"
                                                     "  defaults:\n  - {id: e, type: " RETURN "}\n"
                                                     "  errors:\n  - {id: g, type: " RETURN "}\n"
                                                     "errors:\n- {id: h, type: " RETURN "}\n");
    CHECK(p.flow, "%.*s", CDZ_S(report(&p)));
    if (p.flow) {
        const struct cdz_flow *f = p.flow;
        const struct cdz_task *i = f->tasks.v[0], *s = f->tasks.v[1];
        CHECK(f->tasks.n == 2 && f->errors.n == 1 && f->task_count == 9, "%zu", f->task_count);
        for (uint32_t n = 0; n < f->task_count; n++)
            CHECK(f->tasks_all[n]->number == n);
        CHECK(i->tasks.n == 1 && cdz_str_is(i->tasks.v[0]->id, "b") && i->tasks.v[0]->index == 0);
        CHECK(i->has_else && i->else_.n == 1 && i->else_.v[0]->branch == CDZ_BRANCH_ELSE);
        CHECK(i->else_.v[0]->parent == i);
        CHECK(s->has_cases && s->case_count == 2 && cdz_str_is(s->cases[0].name, "yes") &&
              s->cases[1].tasks.n == 0);
        CHECK(s->cases[0].tasks.v[0]->branch == CDZ_BRANCH_CASE &&
              s->cases[0].tasks.v[0]->case_number == 0);
        CHECK(s->has_defaults && s->defaults.v[0]->branch == CDZ_BRANCH_DEFAULTS);
        CHECK(s->errors.v[0]->branch == CDZ_BRANCH_ERRORS);
        CHECK(cdz_map_getz(s->props, "cases").kind == CDZ_NULL &&
              cdz_map_getz(i->props, "then").kind == CDZ_NULL);
        CHECK(cdz_str_is(cdz_val_str(cdz_map_getz(i->props, "condition")), "true"));
        static const char *const ids[] = {"i", "a", "b", "c", "s", "d", "e", "g", "h"};
        for (size_t n = 0; n < CDZ_COUNT(ids); n++) {
            const struct cdz_task *t = cdz_flow_task(f, cdz_str_z(ids[n]));
            CHECK(t && cdz_str_is(t->id, ids[n]), "%s", ids[n]);
        }
        CHECK(cdz_flow_task(f, CDZ_STR("none")) == NULL);
    }
    done(&p);
}

TEST(dependencies_of_a_dag_become_positions)
{
    struct parsed p = parse(HEAD "tasks:\n- id: d\n  type: " FLOW(
        "Dag") "\n  tasks:\n"
               "  - task: {id: a, type: " RETURN "}\n    dependsOn: [c, off]\n"
               "  - task: {id: off, type: " RETURN ", disabled: true}\n"
               "  - task: {id: b, type: " RETURN "}\n"
               "  - task: {id: c, type: " RETURN "}\n    dependsOn: [b]\n");
    CHECK(p.flow, "%.*s", CDZ_S(report(&p)));
    if (p.flow) {
        const struct cdz_task *d = p.flow->tasks.v[0];
        CHECK(d->tasks.n == 3 && d->deps);
        CHECK(d->deps[0].n == 1 && d->deps[0].v[0] == 2, "a waits for c only: off never runs");
        CHECK(d->deps[1].n == 0 && d->deps[2].n == 1 && d->deps[2].v[0] == 1);
        CHECK(cdz_val_path(d->tasks.v[2]->source, "id").kind == CDZ_TEXT);
    }
    done(&p);
}

TEST(needs_tell_what_expressions_can_read)
{
    struct parsed p = parse(
        HEAD "tasks:\n"
             "- {id: a, type: " RETURN
             ", format: '{{ outputs.x.value }} {{ outputs.y[taskrun.value].v }}'}\n"
             "- {id: b, type: " RETURN
             ", format: '{{ inputs.i }}', runIf: '{{ vars.v }}', timeout: '{{ labels.l }}'}\n"
             "- {id: c, type: " RETURN ", format: '{{ render(vars.v) }}'}\n"
             "- {id: d, type: " RETURN
             ", format: '{{ outputs }} {{ parents[0].outputs }} {{ tasks.t.state }}'}\n"
             "- {id: e, type: " RETURN
             ", format: '{{ outputs.y.v }} {{ outputs.y[taskrun.value].v }} {{ trigger.date }}'}\n"
             "- {id: f, type: " RETURN ", format: plain}\n");
    CHECK(p.flow, "%.*s", CDZ_S(report(&p)));
    if (p.flow) {
        struct cdz_task **t = p.flow->tasks.v;
        const struct cdz_needs *a = t[0]->needs, *b = t[1]->needs, *d = t[3]->needs,
                               *e = t[4]->needs;
        CHECK(a->output_count == 2 && cdz_str_is(a->outputs[0].task_id, "x") &&
              !a->outputs[0].by_value && a->outputs[1].by_value && !a->everything &&
              !a->outputs_all && !a->inputs);
        CHECK(b->inputs && b->vars && b->labels && !b->output_count);
        CHECK(t[2]->needs->everything);
        CHECK(d->outputs_all && d->parents && d->tasks);
        CHECK(e->output_count == 1 && !e->outputs[0].by_value && e->trigger);
        CHECK(!t[5]->needs->everything && !t[5]->needs->output_count);
    }
    done(&p);
}

static cdz_str format_of(struct parsed *p, const char *id)
{
    const struct cdz_task *t = p->flow ? cdz_flow_task(p->flow, cdz_str_z(id)) : NULL;
    cdz_val v = t ? cdz_map_getz(t->props, "format") : CDZ_VAL_NULL;
    return v.kind == CDZ_TEXT ? cdz_val_str(v) : CDZ_STR("?");
}

TEST(plugin_defaults_fill_in_what_is_missing)
{
    static const struct {
        const char *why, *defaults, *task, *want;
    } rows[] = {
        {"missing", "{type: " RETURN ", values: {format: d}}", "", "d"},
        {"given", "{type: " RETURN ", values: {format: d}}", ", format: own", "own"},
        {"given as null", "{type: " RETURN ", values: {format: d}}", ", format: null", "d"},
        {"forced", "{type: " RETURN ", forced: true, values: {format: d}}", ", format: own", "d"},
        {"prefix", "{type: io.kestra.plugin.core.debug, values: {format: d}}", "", "d"},
        {"old name", "{type: io.kestra.core.tasks.debugs.Return, values: {format: d}}", "", "d"},
        {"another type", "{type: test.All, values: {text: d}}", "", "?"},
        {"the first wins",
         "{type: " RETURN ", values: {format: d}}, {type: " RETURN ", values: {format: e}}", "",
         "d"},
        {"the first forced wins",
         "{type: " RETURN ", forced: true, values: {format: d}}, {type: " RETURN
         ", forced: true, values: {format: e}}",
         "", "d"},
        {"forced wins",
         "{type: " RETURN ", values: {format: d}}, {type: " RETURN
         ", forced: true, values: {format: e}}",
         "", "e"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        for (int old = 0; old < 2; old++) {
            cdz_str text = cdz_arena_printf(
                arena, HEAD "%s: [%s]\ntasks:\n- {id: t, type: " RETURN "%s}\n",
                old ? "taskDefaults" : "pluginDefaults", rows[i].defaults, rows[i].task);
            struct parsed p = parse_with(text, (struct cdz_flow_options){0});
            cdz_str got = format_of(&p, "t");
            CHECK(p.flow && cdz_str_is(got, rows[i].want), "%s: want %s, got %.*s %.*s",
                  rows[i].why, rows[i].want, CDZ_S(got), CDZ_S(report(&p)));
            done(&p);
        }
    }
}

TEST(plugin_defaults_reach_everything_with_a_type)
{
    struct parsed p =
        parse(HEAD "pluginDefaults:\n- type: " RETURN
                   "\n  values: {format: d, retry: {type: constant, interval: 1}}\n"
                   "- {type: test.All, values: {map: {a: 1, b: {c: 1}}, plainList: [1]}}\n"
                   "- {type: test.Runner, values: {user: me}}\n"
                   "tasks:\n- id: s\n  type: " FLOW(
                       "Sequential") "\n  tasks: [{id: n, type: " RETURN "}]\n"
                                     "  errors: [{id: e, type: " RETURN "}]\n"
                                     "- id: all\n  type: test.All\n  map: {b: {d: 2}}\n  "
                                     "plainList: [2]\n  runner: {type: test.Runner}\n"
                                     "errors: [{id: x, type: " RETURN "}]\n");
    CHECK(p.flow, "%.*s", CDZ_S(report(&p)));
    if (p.flow) {
        CHECK(cdz_str_is(format_of(&p, "n"), "d") && cdz_str_is(format_of(&p, "e"), "d") &&
              cdz_str_is(format_of(&p, "x"), "d"));
        CHECK(cdz_flow_task(p.flow, CDZ_STR("n"))->retry != NULL);
        const struct cdz_task *all = cdz_flow_task(p.flow, CDZ_STR("all"));
        CHECK(cdz_str_is(cdz_json_text(p.arena, cdz_map_getz(all->props, "map"), 0),
                         "{\"a\":1,\"b\":{\"c\":1,\"d\":2}}"));
        CHECK(cdz_str_is(cdz_json_text(p.arena, cdz_map_getz(all->props, "plainList"), 0), "[1,2]"),
              "defaults first");
        CHECK(cdz_str_is(cdz_val_str(cdz_val_path(all->props, "runner.user")), "me"));
        CHECK(cdz_map_getz(all->source, "text").kind == CDZ_NULL && cdz_map_n(all->source) == 5,
              "the source stays as written");
    }
    done(&p);
}

TEST(plugin_defaults_of_the_server_come_last)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_err err;
    struct cdz_flow_options options = {0};
    CHECK(cdz_yaml_parse_val(
              CDZ_STR("- {type: " RETURN ", values: {format: server, timeout: 5, description: s}}"),
              arena, &options.plugin_defaults, &err) == CDZ_OK);
    struct parsed p =
        parse_with(CDZ_STR(HEAD "pluginDefaults: [{type: " RETURN ", values: {format: flow}}]\n"
                                "tasks: [{id: t, type: " RETURN ", description: own}]\n"),
                   options);
    CHECK(p.flow && cdz_str_is(format_of(&p, "t"), "flow"), "%.*s", CDZ_S(report(&p)));
    if (p.flow)
        CHECK(p.flow->tasks.v[0]->timeout.kind == CDZ_TEXT &&
              cdz_str_is(p.flow->tasks.v[0]->description, "own"));
    done(&p);
    options.plugin_defaults = CDZ_VAL_NULL;
    CHECK(cdz_yaml_parse_val(CDZ_STR("- {type: " RETURN ", values: {timeout: never}}"), arena,
                             &options.plugin_defaults, &err) == CDZ_OK);
    p = parse_with(CDZ_STR(HEAD "tasks: [{id: t, type: " RETURN "}]\n"), options);
    CHECK(!p.flow && p.problems.list.v[0].mark.line == 3,
          "a mistake of the server's is told at the task");
    done(&p);
}

TEST(defaults_that_contain_themselves_end)
{
    struct parsed p = parse(
        HEAD
        "pluginDefaults:\n- type: test.All\n  values: {any: [{type: test.All}, {type: test.All}]}\n"
        "tasks: [{id: t, type: test.All}]\n");
    done(&p); /* either answer will do */
}

TEST(the_source_loses_its_revision_line)
{
    struct parsed p =
        parse("# c\nid: f\nrevision: 12\nnamespace: a\ntasks: [{id: t, type: " RETURN "}]\n");
    CHECK(p.flow && p.flow->revision == 12 &&
          cdz_str_is(p.flow->source,
                     "# c\nid: f\nnamespace: a\ntasks: [{id: t, type: " RETURN "}]\n"));
    done(&p);
    p = parse(HEAD "tasks: [{id: t, type: " RETURN "}]\nvariables:\n  revision: 3\n");
    CHECK(p.flow && p.flow->revision == 0 &&
          cdz_str_find(p.flow->source, CDZ_STR("revision: 3"), 0) != SIZE_MAX);
    done(&p);
}

TEST(a_lenient_reading_only_warns_of_unknown_properties)
{
    const cdz_str text = CDZ_STR(HEAD "x: 1\ntasks: [{id: t, type: " RETURN ", y: 2}]\n");
    struct parsed p = parse_with(text, (struct cdz_flow_options){.lenient = true});
    CHECK(p.flow && p.problems.list.n == 2 && p.problems.list.v[0].warning && !p.problems.errors);
    done(&p);
    p = parse_with(text, (struct cdz_flow_options){0});
    CHECK(!p.flow && p.problems.errors == 2);
    CHECK(strstr(p.err.text, "3:1: x: Unrecognized field \"x\""), "%s", p.err.text);
    done(&p);
}

TEST(inputs_and_outputs_are_declared)
{
    struct parsed p =
        parse(HEAD "inputs:\n- {id: a.b, type: INT, min: 1, defaults: 3, required: false}\n"
                   "- {name: old, type: STRING, defaults: 007, displayName: Old}\n"
                   "outputs: [{id: o, type: STRING, value: '{{ outputs.t }}'}]\n"
                   "tasks: [{id: t, type: " RETURN "}]\n");
    CHECK(p.flow, "%.*s", CDZ_S(report(&p)));
    if (p.flow) {
        const struct cdz_input *in = p.flow->inputs;
        CHECK(p.flow->input_count == 2 && cdz_str_is(in[0].id, "a.b") && !in[0].required &&
              in[0].has_default && in[0].defaults.i == 3);
        CHECK(cdz_str_is(in[1].id, "old") && in[1].required &&
              cdz_str_is(cdz_val_str(in[1].defaults), "007"));
        CHECK(p.flow->output_count == 1 && p.flow->outputs[0].value.kind == CDZ_TEMPLATE);
    }
    done(&p);
}

static cdz_str json_of(struct parsed *p, bool with_source)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    cdz_flow_json(p->flow, with_source, &text);
    return cdz_buf_copy(&text, p->arena);
}

TEST(a_flow_is_shown_as_json)
{
    struct parsed p = parse(
        HEAD
        "# note\nlabels:\n- {key: k, value: v}\ninputs: [{name: i, type: STRING, defaults: 5}]\n"
        "disabled: true\n"
        "tasks: [{id: t, type: " RETURN ", format: '{{ x }}', timeout: null}]\n"
        "triggers: [{id: h, type: io.kestra.plugin.core.trigger.Webhook, key: k}]\n");
    CHECK(p.flow, "%.*s", CDZ_S(report(&p)));
    if (p.flow) {
        cdz_str got = json_of(&p, false);
        CHECK(cdz_str_is(got, "{\"id\":\"f\",\"namespace\":\"a.b\",\"revision\":0,\"labels\":[{"
                              "\"key\":\"k\",\"value\":\"v\"}],"
                              "\"inputs\":[{\"id\":\"i\",\"type\":\"STRING\",\"required\":true,"
                              "\"defaults\":\"5\"}],"
                              "\"disabled\":true,\"deleted\":false,"
                              "\"tasks\":[{\"id\":\"t\",\"type\":\"" RETURN
                              "\",\"format\":\"{{ x }}\"}],"
                              "\"triggers\":[{\"id\":\"h\",\"type\":\"io.kestra.plugin.core."
                              "trigger.Webhook\",\"key\":\"k\"}]}"),
              "%.*s", CDZ_S(got));
        got = json_of(&p, true);
        CHECK(cdz_str_find(got, CDZ_STR("\"source\":\"id: f\\nnamespace: a.b\\n# note"), 0) !=
                  SIZE_MAX,
              "%.*s", CDZ_S(got));
    }
    done(&p);
}

TEST(a_broken_flow_can_still_be_shown)
{
    struct parsed p = {.arena = cdz_arena_open(0)};
    p.flow = cdz_flow_broken(CDZ_STR("a"), CDZ_STR("f"), 3, CDZ_STR("x: ["), CDZ_STR("why"));
    cdz_str got = json_of(&p, true);
    CHECK(
        cdz_str_is(
            got,
            "{\"id\":\"f\",\"namespace\":\"a\",\"revision\":3,\"disabled\":false,\"deleted\":false,"
            "\"exception\":\"why\",\"source\":\"x: [\"}"),
        "%.*s", CDZ_S(got));
    CHECK(cdz_flow_task(p.flow, CDZ_STR("t")) == NULL);
    cdz_flow_unref(cdz_flow_ref(p.flow));
    done(&p);
    cdz_flow_unref(NULL);
}

TEST(constraints_are_one_line_each)
{
    struct parsed p = parse("id: f\nnamespace: a\nx: 1\ntasks: [{id: t, type: " RETURN
                            ", format: '{{ a'}]\ninputs: 1\n");
    cdz_str text = cdz_problems_constraints(&p.problems, p.arena);
    CHECK(cdz_str_is(text, "x: Unrecognized field \"x\"\ninputs: must be a list of inputs\n"),
          "%.*s", CDZ_S(text));
    done(&p);
}

TEST(types_are_guessed)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"io.kestra.plugin.core.debug.Retrun", RETURN},
        {"io.kestra.plugin.core.flow.sequential", FLOW("Sequential")},
        {"Parallel", FLOW("Parallel")},
        {"io.kestra.plugin.core.flow.EachSequentia", FLOW("EachSequential")},
        {"io.kestra.plugin.core.flow.Something", NULL},
        {"", NULL},
        {"x", NULL},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        const char *got = cdz_type_nearest(test_registry(), cdz_str_z(rows[i].name), CDZ_RUNNABLE);
        CHECK(got == rows[i].want || (got && rows[i].want && !strcmp(got, rows[i].want)), "%s: %s",
              rows[i].name, got ? got : "none");
    }
    CHECK(cdz_type_find(test_registry(), CDZ_STR("io.kestra.core.tasks.flows.If")) == &cdz_type_if);
    CHECK(cdz_type_find(test_registry(), CDZ_STR("io.kestra.core.tasks.flows.if")) == NULL);
}

TEST(many_tasks_and_deep_ones_are_bounded)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    cdz_buf_z(&text, HEAD "tasks:\n");
    for (int i = 0; i < 10001; i++)
        cdz_buf_printf(&text, "- {id: t%d, type: " RETURN "}\n", i);
    struct parsed p = parse_with(cdz_buf_get(&text), (struct cdz_flow_options){0});
    CHECK(!p.flow && p.problems.errors == 1 && strstr(p.err.text, "at most 10000 tasks"), "%s",
          p.err.text);
    done(&p);
}

/* ---- flows/invalid ---- */

static cdz_str read_file(const char *path, struct cdz_arena *arena)
{
    FILE *f = fopen(path, "r");
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    char chunk[4096];
    size_t n;
    if (!f)
        return CDZ_STR("");
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        cdz_buf_add(&text, chunk, n);
    fclose(f);
    return cdz_buf_copy(&text, arena);
}

static void check_file(cdz_str folder, const char *name, struct cdz_arena *arena)
{
    cdz_str base =
        cdz_arena_printf(arena, "%.*s/%.*s", CDZ_S(folder), (int)(strlen(name) - 5), name);
    cdz_str yaml = cdz_arena_printf(arena, "%.*s.yaml", CDZ_S(base));
    cdz_str expected = cdz_arena_printf(arena, "%.*s.expected", CDZ_S(base));
    struct parsed p = parse_with(read_file(yaml.p, arena), (struct cdz_flow_options){0});
    cdz_str got = report(&p);
    if (accept) {
        FILE *f = fopen(expected.p, "w");
        CHECK(f && fwrite(got.p, 1, got.n, f) == got.n, "%s", expected.p);
        if (f)
            fclose(f);
    } else {
        cdz_str want = read_file(expected.p, arena);
        CHECK(cdz_str_eq(want, got), "%s: want\n%.*s# got\n%.*s", name, CDZ_S(want), CDZ_S(got));
    }
    CHECK(p.flow == NULL, "%s is accepted", name);
    done(&p);
}

TEST(mistakes_are_reported_all_at_once_with_their_places)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str source = cdz_str_z(__FILE__);
    cdz_str folder =
        cdz_arena_printf(arena, "%.*ss/invalid", (int)(source.n - strlen(".c")), source.p);
    struct dirent **names;
    int n = scandir(folder.p, &names, NULL, alphasort), files = 0;
    for (int i = 0; i < n; i++) {
        if (cdz_str_ends(cdz_str_z(names[i]->d_name), CDZ_STR(".yaml"))) {
            check_file(folder, names[i]->d_name, arena);
            files++;
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    CHECK(files > 0, "no files in %s", folder.p);
}
