/* The parts of a ForEachItem that a worker runs: batches of a file, and the merged outputs. */
#include "task/split.h"
#include "task_rig.h"

TEST_MAIN

enum { SPLIT = 0, MERGE = 2 };

static cdz_rc run_part(struct task_rig *r, const char *batch, int part)
{
    cdz_str yaml = cdz_arena_printf(r->run.arena,
                                    "type: io.kestra.plugin.core.flow.ForEachItem\n"
                                    "items: '{{ items }}'\nnamespace: a.b\nflowId: g\n%s",
                                    batch);
    if (!task_rig_parse(r, yaml.p)) {
        printf("# the task cannot be parsed: %s\n", r->err.text);
        test_failures++;
        return r->rc;
    }
    r->job.epoch++;
    r->run.flow = r->flow;
    r->run.task = r->flow->tasks.v[0]->tasks.v[part];
    r->job.task_id = r->run.task->id;
    r->job.taskrun_id = cdz_arena_printf(r->run.arena, "run%u", r->job.epoch);
    r->run.outputs = cdz_val_map(r->run.arena, 0);
    cdz_task_world_init(&r->world, &r->run);
    r->run.env = &r->world.env;
    r->rc = r->run.task->type->run(&r->run, &r->err);
    return r->rc;
}

/* "a\n;b\n" : the contents of all batches. */
static cdz_str batches(struct task_rig *r)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    cdz_str list = task_rig_file(r, task_rig_output(r, "splits"));
    for (size_t from = 0; from < list.n;) {
        size_t end = cdz_str_chr(list, '\n', from);
        if (end == SIZE_MAX)
            end = list.n;
        cdz_str part = task_rig_file(r, cdz_str_sub(list, from, end));
        cdz_buf_printf(&text, "%s%.*s", text.n ? ";" : "", CDZ_S(part));
        from = end + 1;
    }
    return cdz_buf_copy(&text, r->run.arena);
}

TEST(items_are_split_into_batches)
{
    static const struct {
        const char *why, *content, *batch, *want;
        int n;
    } rows[] = {
        {"a line each", "1\n2\n3\n", "", "1\n;2\n;3\n", 3},
        {"two lines each", "1\n2\n3\n", "batch: {rows: 2}", "1\n2\n;3\n", 2},
        {"a last line without an end", "1\n2", "batch: {rows: 5}", "1\n2\n", 1},
        {"other ends of lines, an empty line", "1\r\n\r2\r", "", "1\n;\n;2\n", 3},
        {"partitions in turn", "1\n2\n3\n4\n5\n", "batch: {partitions: 2}", "1\n3\n5\n;2\n4\n", 2},
        {"no empty partitions", "1\n2\n", "batch: {partitions: 5}", "1\n;2\n", 2},
        {"bytes, looked at before a line is written", "12\n34\n5\n", "batch: {bytes: 5 B}",
         "12\n34\n;5\n", 2},
        {"bytes win", "1\n2\n3\n", "batch: {bytes: 1KB, rows: 1, partitions: 3}", "1\n2\n3\n", 1},
        {"partitions win over rows", "1\n2\n3\n", "batch: {rows: 1, partitions: 1}", "1\n2\n3\n",
         1},
        {"another separator", "1\n2\n", "batch: {rows: 9, separator: '|'}", "1|2|", 1},
        {"nothing", "", "", "", 0},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        struct task_rig r;
        task_rig_open(&r);
        task_rig_var(&r, "items",
                     cdz_val_text(task_rig_put(&r, "tasks/t/x", "in.ion", rows[i].content)));
        CHECK(run_part(&r, rows[i].batch, SPLIT) == CDZ_OK, "%s: %s", rows[i].why, r.err.text);
        cdz_str got = batches(&r);
        CHECK(cdz_str_is(got, rows[i].want), "%s: want %s got %.*s", rows[i].why, rows[i].want,
              CDZ_S(got));
        CHECK(cdz_map_getz(r.run.outputs, "numberOfBatches").i == rows[i].n, "%s", rows[i].why);
        task_rig_close(&r);
    }
}

TEST(what_cannot_be_split_is_told)
{
    static const struct {
        const char *items, *batch, *want;
    } rows[] = {
        {"[1, 2]", "",
         "Unable to split the items from [1, 2], this is not an internal storage URI!"},
        {"kestra:///c/d/e/executions/other/x.ion", "", "is not this execution's to read"},
        {"kestra:///a/b/f/executions/exec1/none.ion", "", "none.ion"},
        {"kestra:///a/b/f/executions/exec1/none.ion", "batch: {bytes: many}",
         "`bytes` must be a positive number or a size such as 10MB"},
        {"kestra:///a/b/f/executions/exec1/none.ion", "batch: {partitions: 100000}",
         "at most 500 partitions"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        struct task_rig r;
        task_rig_open(&r);
        task_rig_var(&r, "items", cdz_val_z(rows[i].items));
        CHECK(run_part(&r, rows[i].batch, SPLIT) != CDZ_OK && strstr(r.err.text, rows[i].want),
              "want %s got %s", rows[i].want, r.err.text);
        task_rig_close(&r);
    }
}

static cdz_val items_output(struct task_rig *r, const char *uri)
{
    cdz_val map = cdz_val_map(r->run.arena, 1);
    cdz_map_putz(r->run.arena, map, "subflowOutputsBaseUri", cdz_val_z(uri));
    return map;
}

TEST(outputs_are_merged_in_the_order_of_their_numbers)
{
    struct task_rig r;
    task_rig_open(&r);
    cdz_val outputs = cdz_val_map(r.run.arena, 1);
    task_rig_var(&r, "outputs", outputs);
    CHECK(run_part(&r, "", MERGE) == CDZ_OK, "%s", r.err.text);
    CHECK(strcmp(task_rig_outputs(&r), "{}") == 0, "no executions: %s", task_rig_outputs(&r));

    cdz_map_putz(r.run.arena, outputs, "t_items",
                 items_output(&r, "kestra:///a/b/f/executions/exec1/tasks/t/sub/"));
    CHECK(run_part(&r, "", MERGE) == CDZ_OK, "%s", r.err.text);
    CHECK(strcmp(task_rig_outputs(&r), "{}") == 0, "no outputs: %s", task_rig_outputs(&r));

    task_rig_put(&r, "tasks/t/sub", "10.ion", "{v:10}\n");
    task_rig_put(&r, "tasks/t/sub", "9.ion", "{v:9}\n");
    task_rig_put(&r, "tasks/t/sub/1", "outputs.ion", "{v:1}\n");
    task_rig_put(&r, "tasks/t/sub", "other.ion", "{v:0}\n");
    CHECK(run_part(&r, "", MERGE) == CDZ_OK, "%s", r.err.text);
    cdz_str merged = task_rig_file(&r, task_rig_output(&r, "subflowOutputs"));
    CHECK(cdz_str_is(merged, "{v:1}\n{v:9}\n{v:10}\n"), "%.*s", CDZ_S(merged));
    task_rig_close(&r);
}

TEST(inside_an_each_the_outputs_of_its_value_are_merged)
{
    struct task_rig r;
    task_rig_open(&r);
    cdz_val outputs = cdz_val_map(r.run.arena, 1), by_value = cdz_val_map(r.run.arena, 2);
    cdz_val taskrun = cdz_val_map(r.run.arena, 1), parent = cdz_val_map(r.run.arena, 1);
    cdz_val parent_taskrun = cdz_val_map(r.run.arena, 1), parents = cdz_val_list(r.run.arena, 1);
    cdz_map_putz(r.run.arena, by_value, "x", items_output(&r, "/a/b/f/executions/exec1/tasks/t/x"));
    cdz_map_putz(r.run.arena, by_value, "y", items_output(&r, "/a/b/f/executions/exec1/tasks/t/y"));
    cdz_map_putz(r.run.arena, outputs, "t_items", by_value);
    task_rig_put(&r, "tasks/t/x", "1.ion", "x\n");
    task_rig_put(&r, "tasks/t/y", "1.ion", "y\n");
    cdz_map_putz(r.run.arena, taskrun, "id", cdz_val_z("i"));
    cdz_map_putz(r.run.arena, parent_taskrun, "value", cdz_val_z("y"));
    cdz_map_putz(r.run.arena, parent, "taskrun", parent_taskrun);
    cdz_list_push(r.run.arena, parents, parent);
    task_rig_var(&r, "outputs", outputs);
    task_rig_var(&r, "taskrun", taskrun);
    task_rig_var(&r, "parents", parents);
    task_rig_var(&r, "parent", parent);
    CHECK(run_part(&r, "", MERGE) == CDZ_OK, "%s", r.err.text);
    cdz_str merged = task_rig_file(&r, task_rig_output(&r, "subflowOutputs"));
    CHECK(cdz_str_is(merged, "y\n"), "%.*s", CDZ_S(merged));
    task_rig_close(&r);
}
