/*
 * problem.c -- collecting and printing the mistakes of a flow's text.
 */
#include "model/compile.h"

#include <stdlib.h>

/* A text with thousands of mistakes is answered with the first of them; the rest is only counted.
 */
enum { PROBLEMS_MAX = 1000 };

static void add(struct cdz_problems *to, bool warning, struct cdz_mark mark, cdz_str path,
                const char *hint, const char *fmt, va_list ap) CDZ_PRINTF(6, 0);

static void add(struct cdz_problems *to, bool warning, struct cdz_mark mark, cdz_str path,
                const char *hint, const char *fmt, va_list ap)
{
    to->errors += !warning;
    if (to->list.n >= PROBLEMS_MAX && (warning || to->errors > PROBLEMS_MAX))
        return;
    struct cdz_problem p = {
        .mark = mark,
        .path = cdz_arena_str(to->arena, path),
        .message = cdz_arena_vprintf(to->arena, fmt, ap),
        .hint = cdz_arena_str(to->arena, cdz_str_z(hint)),
        .warning = warning,
    };
    CDZ_PUSH(to->arena, &to->list, p);
}

void cdz_problem_add(struct cdz_problems *to, struct cdz_mark mark, cdz_str path, const char *hint,
                     const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(to, false, mark, path, hint, fmt, ap);
    va_end(ap);
}

static void print_path(const struct cdz_path *path, struct cdz_buf *to)
{
    const struct cdz_path *chain[256]; /* more than any document's depth, see CDZ_YAML_DEPTH_MAX */
    size_t n = 0;
    for (; path && n < CDZ_COUNT(chain); path = path->up)
        chain[n++] = path;
    while (n--) {
        path = chain[n];
        if (!path->item)
            cdz_buf_printf(to, "%s%.*s", to->n ? "." : "", CDZ_S(path->key));
        else if (path->key.p)
            cdz_buf_printf(to, "[%.*s]", CDZ_S(path->key));
        else
            cdz_buf_printf(to, "[%zu]", path->index);
    }
}

struct cdz_path cdz_path_item(const struct cdz_path *up, size_t index,
                              const struct cdz_yaml_node *item)
{
    struct cdz_path ret = {.up = up, .index = index, .item = true};
    const struct cdz_yaml_node *id = cdz_yaml_get(item, "id");
    if (!id)
        id = cdz_yaml_get(item, "name");
    if (id && id->kind == CDZ_YAML_SCALAR && id->text.n)
        ret.key = id->text;
    return ret;
}

static void add_at(struct cdz_compiler *c, bool warning, struct cdz_mark mark,
                   const struct cdz_path *path, const char *hint, const char *fmt, va_list ap)
    CDZ_PRINTF(6, 0);

static void add_at(struct cdz_compiler *c, bool warning, struct cdz_mark mark,
                   const struct cdz_path *path, const char *hint, const char *fmt, va_list ap)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    print_path(path, &text);
    add(c->problems, warning, mark.line ? mark : c->here, cdz_buf_get(&text), hint, fmt, ap);
}

void cdz_compile_error(struct cdz_compiler *c, struct cdz_mark mark, const struct cdz_path *path,
                       const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_at(c, false, mark, path, hint, fmt, ap);
    va_end(ap);
}

void cdz_compile_warning(struct cdz_compiler *c, struct cdz_mark mark, const struct cdz_path *path,
                         const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_at(c, true, mark, path, hint, fmt, ap);
    va_end(ap);
}

const char *cdz_compile_hint(struct cdz_compiler *c, const char *nearest)
{
    return nearest ? cdz_arena_printf(c->work, "did you mean `%s`?", nearest).p : NULL;
}

static int by_place(const void *pa, const void *pb)
{
    const struct cdz_problem *a = *(const struct cdz_problem *const *)pa;
    const struct cdz_problem *b = *(const struct cdz_problem *const *)pb;
    if (a->mark.line != b->mark.line)
        return a->mark.line < b->mark.line ? -1 : 1;
    if (a->mark.column != b->mark.column)
        return a->mark.column < b->mark.column ? -1 : 1;
    return a < b ? -1 : a > b; /* else as they were found */
}

void cdz_problems_print(const struct cdz_problems *problems, cdz_str file, struct cdz_buf *to)
{
    size_t n = problems->list.n;
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    const struct cdz_problem **sorted = CDZ_NEW_N(arena, const struct cdz_problem *, n);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &problems->list.v[i];
    if (n)
        qsort(sorted, n, sizeof(*sorted), by_place);
    for (size_t i = 0; i < n; i++) {
        const struct cdz_problem *p = sorted[i];
        if (file.n)
            cdz_buf_printf(to, "%.*s:", CDZ_S(file));
        if (p->mark.line)
            cdz_buf_printf(to, "%u:%u: ", p->mark.line, p->mark.column);
        else if (file.n)
            cdz_buf_c(to, ' ');
        if (p->warning)
            cdz_buf_z(to, "warning: ");
        if (p->path.n)
            cdz_buf_printf(to, "%.*s: ", CDZ_S(p->path));
        cdz_buf_str(to, p->message);
        if (p->hint.n)
            cdz_buf_printf(to, " (%.*s)", CDZ_S(p->hint));
        cdz_buf_c(to, '\n');
    }
}

cdz_str cdz_problems_constraints(const struct cdz_problems *problems, struct cdz_arena *arena)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    for (size_t i = 0; i < problems->list.n; i++) {
        const struct cdz_problem *p = &problems->list.v[i];
        if (p->warning)
            continue;
        if (p->path.n)
            cdz_buf_printf(&text, "%.*s: ", CDZ_S(p->path));
        cdz_buf_printf(&text, "%.*s\n", CDZ_S(p->message));
    }
    return cdz_buf_copy(&text, arena);
}
