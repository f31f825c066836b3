/*
 * refs.c -- which variables a template can read, found by walking its tree.
 *
 * Reported paths are an upper bound: names that {% set %} or {% for %} define are reported like
 * others, and a name that is in fact a method ("outputs.t.text.length") ends a path like a key
 * does. Whoever resolves a path must therefore stop at the first value that is not a map.
 */
#include "expr/eval.h"

#include "expr/lexer.h"

enum { PATH_MAX_ = 16 };

struct refs {
    cdz_ref_fn *fn;
    void *ctx;
};

static void walk_node(const struct refs *r, const struct node *n);
static void walk_body(const struct refs *r, const struct body *body);

static void report(const struct refs *r, const cdz_str *path, size_t n, enum cdz_ref_rest rest)
{
    r->fn(r->ctx, path, n, rest);
}

static void report_all(const struct refs *r)
{
    const cdz_str all = CDZ_STR("*");
    report(r, &all, 1, CDZ_REF_DYNAMIC);
}

static bool is_var(const struct node *n, const char *name)
{
    return n->kind == N_VAR && cdz_str_is(n->name, name);
}

/* n is obj.name (or obj['name']): gives obj. */
static const struct node *object_of(const struct node *n, const char *name)
{
    if (n->kind != N_ATTR || n->attr.args || n->attr.key->kind != N_CONST ||
        n->attr.key->val.kind != CDZ_TEXT || !cdz_str_is(cdz_val_str(n->attr.key->val), name))
        return NULL;
    return n->left;
}

/* taskrun.value, parent.taskrun.value or parents[0].taskrun.value */
static bool is_value_of_taskrun(const struct node *n)
{
    const struct node *taskrun = object_of(n, "value"), *owner;
    if (!taskrun)
        return false;
    if (is_var(taskrun, "taskrun"))
        return true;
    owner = object_of(taskrun, "taskrun");
    if (!owner)
        return false;
    if (is_var(owner, "parent"))
        return true;
    return owner->kind == N_ATTR && !owner->attr.args && is_var(owner->left, "parents");
}

static void walk_args(const struct refs *r, const struct args *args)
{
    for (size_t i = 0; args && i < args->pos_n; i++)
        walk_node(r, args->pos[i]);
    for (size_t i = 0; args && i < args->named_n; i++) {
        if (args->named[i].val)
            walk_node(r, args->named[i].val);
    }
}

/*
 * A chain of attributes: `top` down to its innermost object. Reports the constant path when that
 * object is a variable, and everything that stands in subscripts and arguments. forced: the path is
 * read by value whatever follows (currentEachOutput). False: there is no path to report.
 */
static bool walk_path(const struct refs *r, const struct node *top, bool forced)
{
    const struct node *chain[PATH_MAX_];
    size_t depth = 0;
    const struct node *root = top;
    for (; root->kind == N_ATTR; root = root->left) {
        depth++;
        walk_args(r, root->attr.args);
        if (root->attr.key->kind != N_CONST)
            walk_node(r, root->attr.key);
    }
    if (root->kind != N_VAR) {
        walk_node(r, root);
        return false;
    }
    /* The links next to the root are the path: those are the last that the loop above meets. */
    const struct node *link = top;
    for (size_t i = depth; i > 0; i--, link = link->left) {
        if (i <= PATH_MAX_)
            chain[i - 1] = link;
    }
    cdz_str path[PATH_MAX_];
    size_t n = 0;
    enum cdz_ref_rest rest = CDZ_REF_END;
    path[n++] = root->name;
    for (size_t i = 0; i < depth && n < PATH_MAX_; i++) {
        const struct node *key = chain[i]->attr.key;
        if (chain[i]->attr.args) /* a method: may read all of its object */
            break;
        if (key->kind != N_CONST) {
            rest = is_value_of_taskrun(key) ? CDZ_REF_BY_VALUE : CDZ_REF_DYNAMIC;
            break;
        }
        if (key->val.kind != CDZ_TEXT) /* an index of a list */
            break;
        path[n++] = cdz_val_str(key->val);
    }
    report(r, path, n, forced && rest == CDZ_REF_END ? CDZ_REF_BY_VALUE : rest);
    return true;
}

static void report_path(const struct refs *r, const char *root, const char *attribute)
{
    const cdz_str path[] = {cdz_str_z(root), cdz_str_z(attribute)};
    report(r, path, attribute ? 2 : 1, CDZ_REF_END);
}

/* Functions read variables that are not among their arguments. */
static void walk_function(const struct refs *r, const struct node *n)
{
    cdz_str name = n->call.name;
    if (cdz_str_is(name, "read") || cdz_str_is(name, "fileSize")) {
        report_path(r, "flow", NULL);
        report_path(r, "execution", "id");
        report_path(r, "trigger", NULL);
    } else if (cdz_str_is(name, "fileURI") || cdz_str_is(name, "kv")) {
        report_path(r, "flow", "namespace");
    }
    walk_args(r, n->call.args);
}

static void walk_call(const struct refs *r, const struct node *n)
{
    const struct args *args = n->call.args;
    const struct node *first = args->pos_n     ? args->pos[0]
                               : args->named_n ? args->named[0].val
                                               : NULL;
    switch ((enum special)n->special) {
    case SPECIAL_RENDER:
    case SPECIAL_RENDER_ONCE:
        if (!first || first->kind != N_CONST ||
            (first->val.kind == CDZ_TEXT &&
             cdz_str_chr(cdz_val_str(first->val), '{', 0) != SIZE_MAX))
            report_all(r);
        walk_args(r, args);
        return;
    case SPECIAL_PRINT_CONTEXT:
    case SPECIAL_FETCH_CONTEXT:
        report_all(r);
        return;
    case SPECIAL_EACH_OUTPUT:
        report_path(r, "taskrun", "value");
        report_path(r, "parents", NULL);
        if (!first || first->kind != N_ATTR || !walk_path(r, first, true))
            report_all(r);
        return;
    case SPECIAL_NONE:
    case SPECIAL_DEFAULT:
    case SPECIAL_DEFINED:
    case SPECIAL_BLOCK:
    case SPECIAL_PARENT:
        break;
    }
    walk_function(r, n);
}

static void walk_node(const struct refs *r, const struct node *n)
{
    for (;;) { /* chains of any length without recursion, see ast.h */
        switch ((enum node_kind)n->kind) {
        case N_CONST:
            return;
        case N_VAR:
        case N_ATTR:
            (void)walk_path(r, n, false); /* false: it has walked what there is instead of a path */
            return;
        case N_CALL:
            walk_call(r, n);
            return;
        case N_FILTER:
        case N_TEST:
            walk_args(r, n->call.args);
            n = n->left;
            break;
        case N_BINARY:
            walk_node(r, n->right);
            n = n->left;
            break;
        case N_UNARY:
            n = n->left;
            break;
        case N_COND:
            walk_node(r, n->left);
            walk_node(r, n->cond.then);
            n = n->cond.other;
            break;
        case N_LIST:
        case N_MAP:
            for (size_t i = 0; i < n->list.n; i++)
                walk_node(r, n->list.v[i]);
            return;
        case N_CAPTURE:
            walk_body(r, n->body);
            return;
        }
    }
}

static void walk_body(const struct refs *r, const struct body *body)
{
    for (size_t i = 0; body && i < body->n; i++) {
        const struct stmt *s = &body->v[i];
        if (s->expr)
            walk_node(r, s->expr);
        if (s->kind == S_IF) {
            for (size_t b = 0; b < s->branch_n; b++) {
                if (s->branches[b].cond)
                    walk_node(r, s->branches[b].cond);
                walk_body(r, s->branches[b].body);
            }
        } else if (s->kind == S_FOR) {
            walk_body(r, s->body);
            walk_body(r, s->other);
        } else if (s->kind == S_BLOCK) {
            walk_body(r, s->block->body);
        }
    }
}

void cdz_template_refs(const struct cdz_template *tpl, cdz_ref_fn *fn, void *ctx)
{
    const struct refs r = {fn, ctx};
    walk_body(&r, tpl->root);
    for (size_t i = 0; i < tpl->macro_n; i++) {
        walk_args(&r, tpl->macros[i].params);
        walk_body(&r, tpl->macros[i].body);
    }
}

static void val_refs(const struct refs *r, cdz_val v, unsigned depth)
{
    if (depth > CDZ_JSON_DEPTH_MAX) {
        report_all(r);
    } else if (v.kind == CDZ_TEMPLATE) {
        cdz_template_refs(v.tpl, r->fn, r->ctx);
    } else if (v.kind == CDZ_LIST) {
        CDZ_LIST_EACH (item, v)
            val_refs(r, *item, depth + 1);
    } else if (v.kind == CDZ_MAP) {
        CDZ_MAP_EACH (entry, v) {
            if (expr_has_delimiter(entry->key)) /* keys are rendered too, and are not compiled */
                report_all(r);
            val_refs(r, entry->val, depth + 1);
        }
    }
}

void cdz_val_refs(cdz_val v, cdz_ref_fn *fn, void *ctx)
{
    const struct refs r = {fn, ctx};
    val_refs(&r, v, 0);
}
