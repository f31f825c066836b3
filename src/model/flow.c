/*
 * flow.c -- a flow's text to a struct cdz_flow: the whole order of work, and the flow's own
 * properties.
 *
 *   text ─► nodes (src/yaml) ─► plugin defaults filled in ─► parts compiled, each reporting its
 * mistakes ─► checks over all parts ─► the flow, or every problem
 *
 * Two arenas: the flow's, which lives as long as the flow, and one for the nodes, closed here.
 */
#include "model/compile.h"
#include "model/describe.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/limits.h"

/* Properties that other files or the code below take apart are ANY here: the table says what may be
 * there. */
const struct cdz_prop cdz_flow_props[] = {
    {"id", CDZ_PROP_ANY, 0, .doc = "Name of the flow, unique in its namespace."},
    {"namespace", CDZ_PROP_ANY, 0, .doc = "Where the flow belongs, dotted."},
    {"tenantId", CDZ_PROP_STRING, CDZ_PROP_HIDDEN, .doc = "Not used."},
    {"revision", CDZ_PROP_INT, 0, .doc = "Given by the server.", .min = 1, .has_min = true},
    {"description", CDZ_PROP_STRING, 0, .doc = "Text for people, Markdown."},
    {"labels", CDZ_PROP_ANY, 0, .doc = "Labels of the flow and its executions."},
    {"inputs", CDZ_PROP_ANY, 0, .doc = "What an execution is started with."},
    {"variables", CDZ_PROP_ANY, 0, .doc = "Values for expressions, as `vars`."},
    {"tasks", CDZ_PROP_TASKS, CDZ_PROP_REQUIRED | CDZ_PROP_NOT_EMPTY, .doc = "What the flow does."},
    {"errors", CDZ_PROP_TASKS, 0, .doc = "What it does when a task has failed."},
    {"finally", CDZ_PROP_TASKS, 0, .doc = "What it does at the end, whatever has happened."},
    {"afterExecution", CDZ_PROP_TASKS, 0, .doc = "What it does once the execution has ended."},
    {"listeners", CDZ_PROP_ANY, CDZ_PROP_DEPRECATED,
     .doc = "What is done at the end of an execution."},
    {"triggers", CDZ_PROP_ANY, 0, .doc = "What starts executions."},
    {"pluginDefaults", CDZ_PROP_ANY, 0, .doc = "Values for the tasks of a type."},
    {"taskDefaults", CDZ_PROP_ANY, CDZ_PROP_DEPRECATED, .doc = "Old name of pluginDefaults."},
    {"concurrency", CDZ_PROP_ANY, 0, .doc = "How many executions may run at the same time."},
    {"outputs", CDZ_PROP_ANY, 0, .doc = "What an execution gives back."},
    {"retry", CDZ_PROP_ANY, 0, .doc = "Retry of tasks that have none of their own."},
    {"sla", CDZ_PROP_ANY, 0, .doc = "What is promised about executions."},
    {"checks", CDZ_PROP_ANY, 0, .doc = "What inputs must hold before an execution is made."},
    {"disabled", CDZ_PROP_BOOL, 0, .doc = "True: no execution can be started."},
    {"deleted", CDZ_PROP_BOOL, CDZ_PROP_HIDDEN, .doc = "Set by the server."},
    {0},
};

static struct cdz_flow *flow_new(void)
{
    struct cdz_arena *arena = cdz_arena_open(0);
    struct cdz_flow *flow = CDZ_NEW(arena, struct cdz_flow);
    flow->arena = arena;
    flow->refs = 1;
    flow->labels = cdz_val_map(arena, 0);
    return flow;
}

struct cdz_flow *cdz_flow_ref(struct cdz_flow *flow)
{
    __atomic_add_fetch(&flow->refs, 1, __ATOMIC_RELAXED);
    return flow;
}

void cdz_flow_unref(struct cdz_flow *flow)
{
    if (flow && __atomic_sub_fetch(&flow->refs, 1, __ATOMIC_ACQ_REL) == 0)
        cdz_arena_close(flow->arena);
}

struct cdz_flow *cdz_flow_broken(cdz_str namespace_, cdz_str id, int revision, cdz_str source,
                                 cdz_str exception)
{
    struct cdz_flow *flow = flow_new();
    flow->namespace_ = cdz_arena_str(flow->arena, namespace_);
    flow->id = cdz_arena_str(flow->arena, id);
    flow->revision = revision;
    flow->source = cdz_arena_str(flow->arena, source);
    flow->exception = cdz_arena_str(flow->arena, exception.n ? exception : CDZ_STR("unreadable"));
    flow->document = cdz_val_map(flow->arena, 0);
    return flow;
}

/* Without its first line that is `revision: N`: the server gives revisions, and the same text must
 * compare equal. */
static cdz_str source_without_revision(struct cdz_arena *arena, cdz_str source)
{
    static const cdz_str key = {"revision:", 9};
    for (size_t at = 0; at < source.n;) {
        size_t end = cdz_str_chr(source, '\n', at), next = end == SIZE_MAX ? source.n : end + 1;
        cdz_str line = cdz_str_sub(source, at, next);
        int64_t n;
        if (cdz_str_starts(line, key) &&
            cdz_str_to_i64(cdz_str_trim(cdz_str_sub(line, key.n, line.n)), &n))
            return cdz_arena_printf(arena, "%.*s%.*s", (int)at, source.p, (int)(source.n - next),
                                    source.p + next);
        at = next;
    }
    return cdz_arena_str(arena, source);
}

/* ---- id and namespace ---- */

static void check_size(struct cdz_compiler *c, const struct cdz_yaml_node *map, const char *key,
                       cdz_str s, size_t max)
{
    struct cdz_path path = cdz_path_key(NULL, cdz_str_z(key));
    if (s.n > max)
        cdz_compile_error(c, cdz_yaml_get(map, key)->mark, &path, NULL,
                          "size must be between 1 and %zu", max);
}

static void compile_namespace(struct cdz_compiler *c, const struct cdz_yaml_node *root)
{
    const struct cdz_yaml_node *node = cdz_yaml_get(root, "namespace");
    struct cdz_path path = cdz_path_key(NULL, CDZ_STR("namespace"));
    if (cdz_node_is_null(node) || node->kind != CDZ_YAML_SCALAR) {
        cdz_compile_error(c, node ? node->mark : root->mark, &path, NULL,
                          cdz_node_is_null(node) ? "must not be null" : "must be text");
        return;
    }
    cdz_str s = node->text;
    bool good = s.n && (islower((unsigned char)s.p[0]) || isdigit((unsigned char)s.p[0]));
    for (size_t i = 1; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        good = good && ch < 0x80 &&
               (islower(ch) || isdigit(ch) || ch == '.' || ch == '_' || ch == '-');
    }
    if (!good)
        cdz_compile_error(c, node->mark, &path, NULL, "must match \"^[a-z0-9][a-z0-9._-]*\"");
    check_size(c, root, "namespace", s, CDZ_NAMESPACE_MAX);
    c->flow->namespace_ = cdz_compile_str(c, s);
}

/* ---- the parts ---- */

static const struct cdz_yaml_node *part(const struct cdz_yaml_node *root, const char *key,
                                        struct cdz_path *path)
{
    *path = cdz_path_key(NULL, cdz_str_z(key));
    return cdz_yaml_get(root, key);
}

static void compile_simple(struct cdz_compiler *c, const struct cdz_yaml_node *root)
{
    struct cdz_flow *flow = c->flow;
    cdz_val props = cdz_compile_props(c, root, cdz_flow_props, NULL, NULL);
    cdz_val revision = cdz_map_getz(props, "revision"),
            description = cdz_map_getz(props, "description");
    cdz_val disabled = cdz_map_getz(props, "disabled");
    if (revision.kind == CDZ_INT && revision.i <= INT32_MAX)
        flow->revision = (int)revision.i;
    if (description.kind == CDZ_TEXT)
        flow->description = cdz_val_str(description);
    flow->disabled = disabled.kind == CDZ_BOOL && disabled.b;
    flow->id = cdz_compile_id(c, root, "id", "._-", NULL);
    check_size(c, root, "id", flow->id, CDZ_ID_MAX);
    compile_namespace(c, root);
}

static void compile_variables(struct cdz_compiler *c, const struct cdz_yaml_node *root)
{
    struct cdz_path path;
    const struct cdz_yaml_node *node = part(root, "variables", &path);
    if (cdz_node_is_null(node))
        return;
    if (node->kind != CDZ_YAML_MAP)
        cdz_compile_error(c, node->mark, &path, NULL, "must be a map");
    else
        c->flow->variables = cdz_compile_any(c, node, &path);
}

/* By id, and of the same id in the order of the flow. */
static int by_id(const void *pa, const void *pb)
{
    const struct cdz_task *a = *(const struct cdz_task *const *)pa,
                          *b = *(const struct cdz_task *const *)pb;
    int order = cdz_str_cmp(a->id, b->id);
    return order ? order : a->number < b->number ? -1 : a->number > b->number;
}

static struct cdz_task_list compile_list(struct cdz_compiler *c, const struct cdz_yaml_node *root,
                                         const char *key, enum cdz_branch branch)
{
    struct cdz_path path;
    const struct cdz_yaml_node *list = part(root, key, &path);
    return cdz_compile_tasks(c, list, cdz_map_getz(c->flow->document, key), NULL, branch, 0, &path);
}

static void compile_all_tasks(struct cdz_compiler *c, const struct cdz_yaml_node *root)
{
    struct cdz_flow *flow = c->flow;
    struct cdz_path path;
    flow->tasks = compile_list(c, root, "tasks", CDZ_BRANCH_TASKS);
    flow->errors = compile_list(c, root, "errors", CDZ_BRANCH_ERRORS);
    flow->finals = compile_list(c, root, "finally", CDZ_BRANCH_FINALLY);
    flow->after = compile_list(c, root, "afterExecution", CDZ_BRANCH_AFTER);
    const struct cdz_yaml_node *list = part(root, "listeners", &path);
    cdz_compile_listeners(c, list, &path);
    cdz_check_unique(c, c->task_ids.v, c->task_ids.n, "Duplicate task id with name");
    flow->tasks_all = c->all.v;
    flow->task_count = c->all.n;
    flow->tasks_by_id = CDZ_NEW_N(flow->arena, struct cdz_task *, flow->task_count);
    if (flow->task_count) {
        memcpy(flow->tasks_by_id, flow->tasks_all, flow->task_count * sizeof(*flow->tasks_by_id));
        qsort(flow->tasks_by_id, flow->task_count, sizeof(*flow->tasks_by_id), by_id);
    }
}

static void compile_document(struct cdz_compiler *c, struct cdz_yaml_node *written)
{
    struct cdz_path path;
    const struct cdz_yaml_node *node;
    if (written->kind != CDZ_YAML_MAP) {
        cdz_compile_error(c, written->mark, NULL, NULL,
                          "a flow must be a map with `id`, `namespace` and `tasks`");
        return;
    }
    c->flow->document = cdz_compile_plain(c, written);
    cdz_read_defaults(c, written);
    const struct cdz_yaml_node *root = cdz_fill_defaults(c, written);
    compile_simple(c, root);
    node = part(root, "labels", &path);
    c->flow->labels = cdz_compile_labels(c, node, CDZ_LABELS_NO_SYSTEM, &path);
    node = part(root, "inputs", &path);
    c->flow->inputs = cdz_compile_inputs(c, node, &path, &c->flow->input_count);
    compile_variables(c, root);
    compile_all_tasks(c, root);
    node = part(root, "triggers", &path);
    cdz_compile_triggers(c, node, &path);
    node = part(root, "outputs", &path);
    cdz_compile_outputs(c, node, &path);
    node = part(root, "concurrency", &path);
    cdz_compile_concurrency(c, node, &path);
    node = part(root, "sla", &path);
    cdz_compile_sla(c, node, &path);
    node = part(root, "checks", &path);
    cdz_compile_checks(c, node, &path);
    node = part(root, "retry", &path);
    c->flow->retry = cdz_compile_retry(c, node, &path);
}

static cdz_rc fail_with_first(const struct cdz_problems *problems, size_t from, struct cdz_err *err)
{
    for (size_t i = from; i < problems->list.n; i++) {
        const struct cdz_problem *p = &problems->list.v[i];
        if (!p->warning)
            return cdz_fail(err, CDZ_E_INVALID, "%u:%u: %.*s%s%.*s", p->mark.line, p->mark.column,
                            CDZ_S(p->path), p->path.n ? ": " : "", CDZ_S(p->message));
    }
    return cdz_fail(err, CDZ_E_INVALID, "the flow has more mistakes than are kept");
}

cdz_rc cdz_flow_parse(cdz_str source, const struct cdz_flow_options *options,
                      struct cdz_problems *problems, struct cdz_flow **ret, struct cdz_err *err)
{
    CDZ_AUTO_ARENA work = cdz_arena_open(0);
    struct cdz_yaml_node *root;
    struct cdz_yaml_problem *wrong;
    size_t wrong_count = 0, problems_before = problems->list.n, errors_before = problems->errors;
    if (cdz_yaml_parse(source, work, &root, &wrong, &wrong_count, err) != CDZ_OK) {
        for (size_t i = 0; i < wrong_count; i++)
            cdz_problem_add(problems, wrong[i].mark, CDZ_STR(""), NULL, "Illegal flow yaml: %.*s",
                            CDZ_S(wrong[i].message));
        return fail_with_first(problems, problems_before, err);
    }
    struct cdz_flow *flow = flow_new();
    struct cdz_compiler c = {.arena = flow->arena,
                             .work = work,
                             .flow = flow,
                             .options = options,
                             .problems = problems,
                             .here = {1, 1}};
    flow->source = source_without_revision(flow->arena, source);
    compile_document(&c, root);
    if (problems->errors != errors_before) {
        cdz_flow_unref(flow);
        return fail_with_first(problems, problems_before, err);
    }
    *ret = flow;
    return CDZ_OK;
}

/* Position of the first task of that id, or of where it would stand. */
static size_t first_of_id(const struct cdz_flow *flow, cdz_str id)
{
    size_t from = 0, to = flow->task_count;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (cdz_str_cmp(flow->tasks_by_id[mid]->id, id) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

const struct cdz_task *cdz_flow_task(const struct cdz_flow *flow, cdz_str id)
{
    size_t at = first_of_id(flow, id);
    return at < flow->task_count && cdz_str_eq(flow->tasks_by_id[at]->id, id)
               ? flow->tasks_by_id[at]
               : NULL;
}

const struct cdz_task *cdz_flow_task_below(const struct cdz_flow *flow,
                                           const struct cdz_task *parent, cdz_str id)
{
    for (size_t at = first_of_id(flow, id);
         at < flow->task_count && cdz_str_eq(flow->tasks_by_id[at]->id, id); at++)
        if (flow->tasks_by_id[at]->parent == parent)
            return flow->tasks_by_id[at];
    return NULL;
}
