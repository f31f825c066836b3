/*
 * template.c -- the tasks that a Template task stands for: those of the template's document, compiled
 * as its children. reference/tasks.md §1, flow.md §9.
 *
 * The document is another text: what is wrong in it is told at the place of the Template task. One
 * that is not there is no mistake of the flow: it is accepted, and the task FAILS when it is reached,
 * as with the original. A template may use others, but not itself.
 */
#include "model/compile.h"

#include "base/limits.h"

/* All nodes get the place of the Template task. The nodes are ours alone, and few: their number is
 * bounded after the expansion of aliases. */
static void set_marks(struct cdz_yaml_node *node, struct cdz_mark mark)
{
    node->mark = mark;
    for (size_t i = 0; i < node->n; i++) {
        if (node->kind == CDZ_YAML_MAP)
            node->pairs[i].key_mark = mark;
        set_marks(node->kind == CDZ_YAML_MAP ? node->pairs[i].val : node->items[i], mark);
    }
}

static struct cdz_task_list joined(struct cdz_compiler *c, struct cdz_task_list a,
                                   struct cdz_task_list b)
{
    struct cdz_task_list ret = {CDZ_NEW_N(c->arena, struct cdz_task *, a.n + b.n), 0};
    for (size_t i = 0; i < a.n + b.n; i++) {
        ret.v[i] = i < a.n ? a.v[i] : b.v[i - a.n];
        ret.v[i]->index = (uint32_t)i;
        ret.n++;
    }
    return ret;
}

static void compile_document(struct cdz_compiler *c, struct cdz_yaml_node *root,
                             struct cdz_task *task, const struct cdz_path *path)
{
    struct cdz_path here = cdz_path_key(path, CDZ_STR("tasks"));
    set_marks(root, task->mark);
    root = cdz_fill_defaults(c, root);
    task->tasks = cdz_compile_tasks(c, cdz_yaml_get(root, "tasks"), CDZ_VAL_NULL, task,
                                    CDZ_BRANCH_TASKS, 0, &here);
    here = cdz_path_key(path, CDZ_STR("errors"));
    struct cdz_task_list errors = cdz_compile_tasks(c, cdz_yaml_get(root, "errors"), CDZ_VAL_NULL,
                                                    task, CDZ_BRANCH_ERRORS, 0, &here);
    task->errors = joined(c, errors, task->errors);
}

void cdz_compile_template(struct cdz_compiler *c, struct cdz_task *task,
                          const struct cdz_path *path)
{
    cdz_val ns = cdz_map_getz(task->props, "namespace"),
            id = cdz_map_getz(task->props, "templateId");
    cdz_str source;
    struct cdz_err err;
    struct cdz_yaml_node *root;
    if (!c->options->templates) {
        cdz_compile_error(c, task->mark, path, "set `kestra.templates.enabled` to true",
                          "Templates are disabled, please check your configuration");
        return;
    }
    if (ns.kind != CDZ_TEXT || id.kind != CDZ_TEXT)
        return; /* reported by the descriptor */
    struct cdz_template_use use = {c->templates, cdz_val_str(ns), cdz_val_str(id)};
    for (const struct cdz_template_use *up = c->templates; up; up = up->up) {
        if (cdz_str_eq(up->namespace_, use.namespace_) && cdz_str_eq(up->id, use.id)) {
            cdz_compile_error(c, task->mark, path, NULL, "Recursive use of template [%.*s.%.*s]",
                              CDZ_S(use.namespace_), CDZ_S(use.id));
            return;
        }
    }
    /* Templates that use each other can grow as a factorial does. */
    if (++c->template_uses > CDZ_TEMPLATES_MAX) {
        if (c->template_uses == CDZ_TEMPLATES_MAX + 1)
            cdz_compile_error(c, task->mark, path, NULL, "a flow uses templates at most %u times",
                              CDZ_TEMPLATES_MAX);
        return;
    }
    cdz_rc rc = CDZ_E_NOT_FOUND;
    if (c->options->template_source)
        rc = c->options->template_source(c->options->template_ctx, use.namespace_, use.id, c->work,
                                         &source, &err);
    if (rc != CDZ_OK && rc != CDZ_E_NOT_FOUND) {
        cdz_compile_error(c, task->mark, path, NULL, "template '%.*s.%.*s': %s",
                          CDZ_S(use.namespace_), CDZ_S(use.id), err.text);
        return;
    }
    if (rc != CDZ_OK) {
        task->broken = cdz_arena_printf(c->arena, "Can't find flow template '%.*s.%.*s'",
                                        CDZ_S(use.namespace_), CDZ_S(use.id));
        return;
    }
    if (cdz_yaml_parse(source, c->work, &root, NULL, NULL, &err) != CDZ_OK) {
        task->broken = cdz_arena_printf(c->arena, "Cannot read flow template '%.*s.%.*s': %s",
                                        CDZ_S(use.namespace_), CDZ_S(use.id), err.text);
        return;
    }
    c->templates = &use;
    compile_document(c, root, task, path);
    c->templates = use.up;
}
