/*
 * expr.c -- the expression language: triples of template, variables and output (the .test files in
 * expr), and what does not fit that form: references, limits, typed results, threads of one
 * template.
 *
 * A case of a .test file:
 *
 *     === name of the behaviour
 *     the template, any number of lines
 *     --
 *     {"x": 1}            variables as JSON (this section may be left out)
 *     --
 *     the output          or `error: part of the message`, or of typed rendering
 *                         `typed: java.class.Name text` and `typed error: part of the message`
 *
 * One empty line before the next === is not part of the output. Lines before the first === are
 * comments. Variables whose names begin with '$' set the environment: "$recursive": true, "$zone":
 * "Europe/Paris".
 */
#include "test.h"

#include <dirent.h>
#include <pthread.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "expr/expr.h"
#include "expr/lib.h"

/* --- an environment with a small world --- */

static cdz_rc world(struct cdz_env *env, enum cdz_world_call call, const cdz_val *args, size_t n,
                    struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    (void)env;
    (void)n;
    switch (call) {
    case CDZ_WORLD_NOW:
        *ret = cdz_val_date(
            arena,
            (struct cdz_date){.type = CDZ_INSTANT, .seconds = 1378653552, .nanos = 123456000});
        return CDZ_OK;
    case CDZ_WORLD_READ:
        *ret =
            cdz_val_text(cdz_arena_printf(arena, "<content of %.*s>", CDZ_S(cdz_val_str(args[0]))));
        return CDZ_OK;
    case CDZ_WORLD_FILE_SIZE:
        *ret = cdz_val_int(24);
        return CDZ_OK;
    case CDZ_WORLD_KV:
        if (cdz_str_is(cdz_val_str(args[0]), "down"))
            return cdz_fail(err, CDZ_E_UNAVAILABLE, "key-value store is down");
        *ret = cdz_str_is(cdz_val_str(args[0]), "known")
                   ? cdz_val_text(
                         cdz_arena_printf(arena, "value in %.*s", CDZ_S(cdz_val_str(args[1]))))
                   : CDZ_VAL_NULL;
        return CDZ_OK;
    case CDZ_WORLD_SECRET:
        *ret = cdz_str_is(cdz_val_str(args[0]), "TOKEN") ? cdz_val_z("s3cr3t") : CDZ_VAL_NULL;
        return CDZ_OK;
    case CDZ_WORLD_ERROR_LOGS:
        *ret = cdz_val_list(arena, 0);
        return CDZ_OK;
    case CDZ_WORLD_RANDOM:
        *ret = cdz_val_int(42);
        return CDZ_OK;
    }
    return cdz_fail(err, CDZ_E_INTERNAL, "unknown call");
}

static void env_init(struct cdz_map_env *ret, cdz_val vars)
{
    cdz_map_env_init(ret, vars);
    ret->env.world = world;
    cdz_val recursive = cdz_map_getz(vars, "$recursive"), zone = cdz_map_getz(vars, "$zone");
    ret->env.recursive = recursive.kind == CDZ_BOOL && recursive.b;
    if (zone.kind == CDZ_TEXT)
        ret->env.zone = cdz_val_str(zone);
}

/* --- the .test files --- */

struct section {
    cdz_str name, tpl, vars, want;
    int line;
};

static cdz_str take_line(cdz_str *rest)
{
    size_t end = cdz_str_chr(*rest, '\n', 0);
    cdz_str line = cdz_str_sub(*rest, 0, end);
    *rest = end == SIZE_MAX ? CDZ_STR("") : cdz_str_sub(*rest, end + 1, rest->n);
    return line;
}

/* From the start of `from` up to (not with) the newline before `to`. */
static cdz_str between(const char *from, const char *to)
{
    return to > from ? (cdz_str){from, (size_t)(to - from) - 1} : CDZ_STR("");
}

static bool next_case(cdz_str *rest, int *line, struct section *ret)
{
    const char *parts[3] = {NULL}, *end;
    int count = 0;
    while (rest->n > 0 && !cdz_str_starts(*rest, CDZ_STR("=== "))) {
        (void)take_line(rest);
        ++*line;
    }
    if (rest->n == 0)
        return false;
    ret->line = *line;
    ret->name = cdz_str_sub(take_line(rest), 4, SIZE_MAX);
    ++*line;
    const char *tpl = rest->p;
    while (rest->n > 0 && !cdz_str_starts(*rest, CDZ_STR("=== "))) {
        const char *start = rest->p;
        cdz_str text = take_line(rest);
        ++*line;
        if (cdz_str_is(text, "--") && count < 2) {
            parts[count++] = start;
        }
    }
    end = rest->p;
    ret->tpl = between(tpl, parts[0] ? parts[0] : end);
    ret->vars = count == 2 ? between(parts[0] + 3, parts[1]) : CDZ_STR("{}");
    ret->want = count ? between(parts[count - 1] + 3, end) : CDZ_STR("");
    if (cdz_str_ends(ret->want, CDZ_STR("\n")) && rest->n > 0)
        ret->want.n--;
    return true;
}

static void run_case(const char *file, const struct section *c)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_err err = {0};
    struct cdz_map_env env;
    cdz_val vars, v;
    cdz_str got = CDZ_STR("");
    cdz_rc rc = cdz_json_parse(c->vars, arena, &vars, &err);
    CHECK(rc == CDZ_OK, "%s:%d: variables: %s", file, c->line, err.text);
    if (rc != CDZ_OK)
        return;
    env_init(&env, vars);
    if (cdz_str_starts(c->want, CDZ_STR("typed"))) {
        struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
        rc = cdz_expr_eval(c->tpl, &env.env, arena, &v, &err);
        if (rc == CDZ_OK) {
            cdz_buf_printf(&text, "typed: %s ", cdz_java_class(v));
            cdz_java_print(&text, v);
            got = cdz_buf_copy(&text, arena);
        }
    } else {
        rc = cdz_expr_render(c->tpl, &env.env, arena, &got, &err);
    }
    if (rc != CDZ_OK)
        got = cdz_arena_printf(arena, "error: %s", err.text);
    cdz_str want = c->want;
    if (cdz_str_starts(want, CDZ_STR("typed error: ")))
        want = cdz_str_sub(want, strlen("typed "), want.n);
    bool is_error = cdz_str_starts(want, CDZ_STR("error: "));
    bool ok = is_error
                  ? rc != CDZ_OK && cdz_str_find(got, cdz_str_sub(want, strlen("error: "), want.n),
                                                 0) != SIZE_MAX
                  : cdz_str_eq(got, want);
    CHECK(ok, "%s:%d: %.*s\n#   want: %.*s\n#   got:  %.*s", file, c->line, CDZ_S(c->name),
          CDZ_S(c->want), CDZ_S(got));
}

static cdz_str read_file(const char *path, struct cdz_arena *arena)
{
    struct cdz_buf CDZ_AUTO_BUF b = CDZ_BUF_INIT;
    FILE *f = fopen(path, "rb");
    char chunk[4096];
    size_t n;
    while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        cdz_buf_add(&b, chunk, n);
    if (f)
        fclose(f);
    return cdz_buf_copy(&b, arena);
}

static int run_file(const char *folder, const char *name)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str rest = read_file(cdz_arena_printf(arena, "%s/%s", folder, name).p, arena);
    struct section c;
    int line = 1, count = 0;
    for (; next_case(&rest, &line, &c); count++)
        run_case(name, &c);
    CHECK(count > 0, "%s: no cases", name);
    return count;
}

/* The folder beside this source: as compiled (relative to the build folder), from here or from the
 * program. */
static DIR *open_cases(struct cdz_arena *arena, const char **ret_path)
{
    cdz_str source = cdz_str_z(__FILE__), folder = cdz_str_sub(source, 0, source.n - strlen(".c"));
    const char *given = getenv("EXPR_CASES");
    char exe[4096];
    *ret_path = given ? given : cdz_arena_z(arena, folder);
    DIR *dir = opendir(*ret_path);
    ssize_t n = dir ? -1 : readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (n > 0) {
        exe[n] = 0;
        for (int up = 0; up < 3; up++) /* build/tests/unit/unit_expr */
            *strrchr(exe, '/') = 0;
        *ret_path = cdz_arena_printf(arena, "%s/%.*s", exe, CDZ_S(folder)).p;
        dir = opendir(*ret_path);
    }
    return dir;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

TEST(each_template_gives_its_output)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_VEC(const char *) names = {0};
    const char *folder;
    DIR *dir = open_cases(arena, &folder);
    CHECK(dir != NULL, "no folder of cases at %s", folder);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (cdz_str_ends(cdz_str_z(entry->d_name), CDZ_STR(".test")))
            CDZ_PUSH(arena, &names, cdz_arena_z(arena, cdz_str_z(entry->d_name)));
    }
    closedir(dir);
    CHECK(names.n > 0, "no cases in %s", folder);
    if (names.n > 0)
        qsort(names.v, names.n, sizeof(names.v[0]), by_name);
    int count = 0;
    for (size_t i = 0; i < names.n; i++)
        count += run_file(folder, names.v[i]);
    printf("# %d cases in %zu files\n", count, names.n);
}

/* --- references --- */

struct ref_text {
    struct cdz_buf buf;
};

static void ref_print(void *ctx, const cdz_str *path, size_t n, enum cdz_ref_rest rest)
{
    static const char *const ends[] = {"", "[value]", "[?]"};
    struct cdz_buf *to = ctx;
    cdz_buf_z(to, to->n ? " " : "");
    for (size_t i = 0; i < n; i++) {
        cdz_buf_z(to, i ? "." : "");
        cdz_buf_str(to, path[i]);
    }
    cdz_buf_z(to, ends[rest]);
}

TEST(references_are_the_constant_paths_of_a_template)
{
    static const struct {
        const char *why, *tpl, *want;
    } rows[] = {
        {"nothing to read", "plain {{ 1 + 2 }}", ""},
        {"a path", "{{ outputs.a.value }}", "outputs.a.value"},
        {"a constant subscript", "{{ outputs['my-id'].value }}", "outputs.my-id.value"},
        {"taskrun.value", "{{ outputs.t[taskrun.value].x }}", "taskrun.value outputs.t[value]"},
        {"two values", "{{ outputs.t[parent.taskrun.value][taskrun.value].x }}",
         "taskrun.value parent.taskrun.value outputs.t[value]"},
        {"parents by index", "{{ outputs.t[parents[0].taskrun.value] }}",
         "parents outputs.t[value]"},
        {"another subscript", "{{ outputs[vars.which].x }}", "vars.which outputs[?]"},
        {"an index of a list", "{{ inputs.rows[0].name }}", "inputs.rows"},
        {"a method", "{{ inputs.text.substring(vars.n) }}", "vars.n inputs.text"},
        {"in filters, tests and tags",
         "{% if a.b is defined %}{{ c.d | join(e.f) }}{% endif %}{% for x in g.h %}{% endfor %}",
         "a.b e.f c.d g.h"},
        {"branches", "{{ a ? b.c : d ? e.f : g }}", "a b.c d e.f g"},
        {"macros", "{% macro m(p=v.w) %}{{ p }}{% endmacro %}{{ m(x.y) }}", "x.y v.w p"},
        {"render of a constant", "{{ render('abc') }}", ""},
        {"render of a variable", "{{ render(vars.x) }}", "*[?] vars.x"},
        {"render of a template", "{{ render('{{ a }}') }}", "*[?]"},
        {"the whole context", "{{ printContext() }}", "*[?]"},
        {"currentEachOutput", "{{ currentEachOutput(outputs.t).x }}",
         "taskrun.value parents outputs.t[value]"},
        {"currentEachOutput of a variable", "{{ currentEachOutput(o) }}",
         "taskrun.value parents *[?]"},
        {"files", "{{ read('x') }}", "flow execution.id trigger"},
        {"key-values", "{{ kv(vars.k) }}", "flow.namespace vars.k"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_buf CDZ_AUTO_BUF got = CDZ_BUF_INIT;
        const struct cdz_template *tpl;
        struct cdz_err err = {0};
        cdz_rc rc = cdz_template_compile(cdz_str_z(rows[i].tpl), arena, &tpl, &err);
        CHECK(rc == CDZ_OK, "%s: %s", rows[i].why, err.text);
        if (rc != CDZ_OK)
            continue;
        cdz_template_refs(tpl, ref_print, &got);
        CHECK(cdz_str_is(cdz_buf_get(&got), rows[i].want), "%s: want %s, got %.*s", rows[i].why,
              rows[i].want, CDZ_S(cdz_buf_get(&got)));
    }
}

static void count_error(void *ctx, const cdz_val *at, const struct cdz_err *err)
{
    (void)at;
    (void)err;
    ++*(int *)ctx;
}

TEST(values_are_compiled_and_rendered_at_all_levels)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_buf CDZ_AUTO_BUF refs = CDZ_BUF_INIT;
    struct cdz_err err = {0};
    struct cdz_map_env env;
    cdz_val vars, v, compiled, rendered = CDZ_VAL_NULL;
    int errors = 0;
    CHECK(cdz_json_parse(CDZ_STR("{\"a\": {\"b\": 7}}"), arena, &vars, &err) == CDZ_OK, "%s",
          err.text);
    CHECK(
        cdz_json_parse(
            CDZ_STR(
                "{\"{{ 'k' ~ 1 }}\": [\"{{ a.b }}\", 5, null, \"{ plain }\"], \"bad\": \"{{ x\"}"),
            arena, &v, &err) == CDZ_OK,
        "%s", err.text);
    compiled = cdz_val_compile(v, arena, count_error, &errors);
    CHECK(errors == 1, "%d", errors);
    cdz_val list = cdz_map_getz(compiled, "{{ 'k' ~ 1 }}");
    CHECK(list.kind == CDZ_LIST && cdz_list_at(list, 0).kind == CDZ_TEMPLATE, "kept as text");
    CHECK(cdz_list_at(list, 3).kind == CDZ_TEXT, "a single brace is no template");
    cdz_val_refs(compiled, ref_print, &refs);
    CHECK(cdz_str_is(cdz_buf_get(&refs), "*[?] a.b"), "%.*s", CDZ_S(cdz_buf_get(&refs)));
    cdz_map_del(compiled, CDZ_STR("bad"));
    env_init(&env, vars);
    CHECK(cdz_val_render(compiled, &env.env, arena, &rendered, &err) == CDZ_OK, "%s", err.text);
    cdz_str text = cdz_json_text(arena, rendered, CDZ_JSON_COMPACT);
    CHECK(cdz_str_is(text, "{\"k1\":[\"7\",5,null,\"{ plain }\"]}"), "%.*s", CDZ_S(text));
}

/* --- lazy values and templates as data --- */

static bool lazy_get(const struct cdz_lazy *lazy, cdz_str key, struct cdz_arena *arena,
                     cdz_val *ret)
{
    (void)lazy;
    if (cdz_str_is(key, "missing"))
        return false;
    *ret = cdz_val_text(cdz_arena_printf(arena, "got %.*s", CDZ_S(key)));
    return true;
}

static cdz_val lazy_all(const struct cdz_lazy *lazy, struct cdz_arena *arena)
{
    (void)lazy;
    cdz_val map = cdz_val_map(arena, 1);
    cdz_map_putz(arena, map, "k", cdz_val_int(1));
    return map;
}

static cdz_str render(const char *tpl, cdz_val vars, struct cdz_arena *arena)
{
    struct cdz_map_env env;
    struct cdz_err err = {0};
    cdz_str got = CDZ_STR("");
    env_init(&env, vars);
    if (cdz_expr_render(cdz_str_z(tpl), &env.env, arena, &got, &err) != CDZ_OK)
        return cdz_arena_printf(arena, "%s: %s", cdz_rc_name(err.rc), err.text);
    return got;
}

TEST(lazy_values_are_asked_by_key_and_listed_only_when_needed)
{
    static const struct cdz_lazy lazy = {lazy_get, lazy_all};
    static const struct {
        const char *tpl, *want;
    } rows[] = {
        {"{{ o.x }}", "got x"},
        {"{{ o['y z'] }}", "got y z"},
        {"{{ o.missing ?? 'none' }}", "none"},
        {"{{ o }}", "{\"k\":1}"},
        {"{{ [o] }}", "[{\"k\":1}]"},
        {"{{ o | length }}", "1"},
        {"{% for e in o %}{{ e.key }}={{ e.value }}{% endfor %}", "k=1"},
        {"{{ o == {'k': 1} }}", "true"},
        {"{{ o contains 'k' }}", "true"},
        {"{{ o is map }}", "true"},
        {"{{ 'm' ~ o }}", "m{k=1}"},
        {"{{ o.size() }}", "1"},
    };
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_val vars = cdz_val_map(arena, 1);
    cdz_map_putz(arena, vars, "o", cdz_val_lazy(&lazy));
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        cdz_str got = render(rows[i].tpl, vars, arena);
        CHECK(cdz_str_is(got, rows[i].want), "%s: want %s, got %.*s", rows[i].tpl, rows[i].want,
              CDZ_S(got));
    }
}

TEST(templates_met_as_data_are_their_text_until_rendered)
{
    static const struct {
        const char *tpl, *want;
    } rows[] = {
        {"{{ t }}", "{{ a + 1 }}"},         {"{{ t | length }}", "11"},
        {"{{ [t] }}", "[\"{{ a + 1 }}\"]"}, {"{{ [t] | join }}", "{{ a + 1 }}"},
        {"{{ t ~ '!' }}", "{{ a + 1 }}!"},  {"{{ t is empty }}", "false"},
        {"{{ render(t) }}", "3"},           {"{{ render([t]) }}", "[\"3\"]"},
    };
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_val vars = cdz_val_map(arena, 1);
    cdz_map_putz(arena, vars, "t", cdz_val_compile(cdz_val_z("{{ a + 1 }}"), arena, NULL, NULL));
    cdz_map_putz(arena, vars, "a", cdz_val_int(2));
    CHECK(cdz_map_getz(vars, "t").kind == CDZ_TEMPLATE, "not compiled");
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        cdz_str got = render(rows[i].tpl, vars, arena);
        CHECK(cdz_str_is(got, rows[i].want), "%s: want %s, got %.*s", rows[i].tpl, rows[i].want,
              CDZ_S(got));
    }
}

TEST(values_from_outside_are_never_changed)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_val vars, list;
    struct cdz_err err = {0};
    CHECK(cdz_json_parse(CDZ_STR("{\"l\": [\"a\", \"b\"]}"), arena, &vars, &err) == CDZ_OK, "%s",
          err.text);
    list = cdz_map_getz(vars, "l");
    cdz_str got =
        render("{{ l + 3 }}{{ l - 'a' }}{% set x = l %}{% set y = x + 4 %}{{ l }}", vars, arena);
    CHECK(cdz_str_is(got, "[\"a\",\"b\",3][\"b\"][\"a\",\"b\"]"), "%.*s", CDZ_S(got));
    CHECK(cdz_list_n(list) == 2, "%zu", cdz_list_n(list));
}

/* --- limits --- */

static cdz_str repeat(struct cdz_arena *arena, const char *piece, size_t n)
{
    size_t len = strlen(piece);
    char *p = cdz_arena_alloc(arena, len * n + 1);
    for (size_t i = 0; i < n; i++)
        memcpy(p + i * len, piece, len);
    p[len * n] = 0;
    return (cdz_str){p, len * n};
}

static cdz_rc outcome(cdz_str tpl, struct cdz_arena *arena)
{
    struct cdz_map_env env;
    struct cdz_err err = {0};
    cdz_str got;
    env_init(&env, cdz_val_map(arena, 0));
    return cdz_expr_render(tpl, &env.env, arena, &got, &err);
}

TEST(expressions_that_would_never_end_or_fill_memory_hit_a_limit)
{
    static const struct {
        const char *why, *tpl;
    } rows[] = {
        {"nested loops",
         "{% for a in 1..2000 %}{% for b in 1..2000 %}{% set c = a * b %}{% endfor %}{% endfor %}"},
        {"a macro that calls itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"},
        {"a block that prints itself", "{% block 'b' %}{{ block('b') }}{% endblock %}"},
        {"a doubling text",
         "{% set s = 'aaaaaaaa' %}{% for i in 1..60 %}{% set s = s ~ s %}{% endfor %}{{ s }}"},
        {"a doubling output", "{% set s = 'aaaaaaaa' %}{% for i in 1..19 %}{% set s = s ~ s %}{% "
                              "endfor %}{{ s }}{{ s }}{{ s }}"},
        {"a doubling list",
         "{% set l = [1] %}{% for i in 1..60 %}{% set l = [l, l] %}{% endfor %}{{ l }}"},
        {"a deepening list",
         "{% set l = [1] %}{% for i in 1..1000 %}{% set l = [l] %}{% endfor %}{{ l }}"},
        {"many long texts",
         "{% set s = 'x'.repeat(1000000) %}{% for i in 1..1000 %}{% set t = s ~ i %}{% endfor %}"},
        {"render inside render", "{% set t = '{{ render(t) }}' %}{{ render(t) }}"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_rc rc = outcome(cdz_str_z(rows[i].tpl), arena);
        CHECK(rc == CDZ_E_LIMIT, "%s: %s", rows[i].why, cdz_rc_name(rc));
    }
}

TEST(a_list_added_to_itself_makes_no_cycle)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str got = render("{% set l = [1] %}{% set l = l + [l] %}{% set l = l + {'k': l} %}{{ l }}",
                         cdz_val_map(arena, 0), arena);
    CHECK(cdz_str_is(got, "[1,[1],{\"k\":[1,[1]]}]"), "%.*s", CDZ_S(got));
}

TEST(nesting_is_limited_and_chains_are_not)
{
    static const struct {
        const char *why, *before, *piece, *after;
        size_t n;
        cdz_rc want;
        const char *close, *end;
    } rows[] = {
        {"some parentheses", "{{ ", "(", "1", 30, CDZ_OK, ")", " }}"},
        {"parentheses", "{{ ", "(", "1", 50000, CDZ_E_LIMIT, ")", " }}"},
        {"brackets", "{{ ", "[", "1", 50000, CDZ_E_LIMIT, "]", " }}"},
        {"maps", "{{ ", "{'a':", "1", 50000, CDZ_E_LIMIT, "}", " }}"},
        {"subscripts", "{{ a", "[a", "", 50000, CDZ_E_LIMIT, "]", " }}"},
        {"calls", "{{ ", "max(", "1", 50000, CDZ_E_LIMIT, ")", " }}"},
        {"interpolations", "{{ ", "\"#{", "1", 50000, CDZ_E_LIMIT, "}\"", " }}"},
        {"negations", "{{ ", "not ", "true }}", 100000, CDZ_E_LIMIT},
        {"minuses", "{{ ", "-", "1 }}", 100000, CDZ_E_LIMIT},
        {"tags", "", "{% if true %}", "", 100000, CDZ_E_LIMIT},
        {"a sum", "{{ 1", " + 1", " }}", 20000, CDZ_OK},
        {"a choice", "{{ ", "false ? 1 : ", "2 }}", 20000, CDZ_OK},
        {"filters", "{{ [[1]]", " | default(1)", " }}", 20000, CDZ_OK},
        {"alternatives", "{{ a", " ?? a", " ?? 1 }}", 20000, CDZ_OK},
        {"prints", "", "{{ 1 }}", "", 20000, CDZ_OK},
        {"else ifs", "{% if false %}", "{% elseif false %}", "{% endif %}", 20000, CDZ_OK},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_str middle = repeat(arena, rows[i].piece, rows[i].n);
        cdz_str closing = repeat(arena, rows[i].close ? rows[i].close : "", rows[i].n);
        cdz_str tpl =
            cdz_arena_printf(arena, "%s%.*s%s%.*s%s", rows[i].before, CDZ_S(middle), rows[i].after,
                             CDZ_S(closing), rows[i].end ? rows[i].end : "");
        cdz_rc rc = outcome(tpl, arena);
        CHECK(rc == rows[i].want, "%s: want %s, got %s", rows[i].why, cdz_rc_name(rows[i].want),
              cdz_rc_name(rc));
    }
}

TEST(a_long_template_is_cut_in_messages_but_its_line_is_told)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str tpl =
        cdz_arena_printf(arena, "%.*s\n{{ missing }}", CDZ_S(repeat(arena, "\xc3\xa9", 5000)));
    struct cdz_map_env env;
    struct cdz_err err = {0};
    cdz_str got;
    env_init(&env, cdz_val_map(arena, 0));
    CHECK(cdz_expr_render(tpl, &env.env, arena, &got, &err) == CDZ_E_UNDEFINED, "%s", err.text);
    CHECK(cdz_str_starts(cdz_str_z(err.text),
                         CDZ_STR("Unable to find `missing` used in the expression `")),
          "%s", err.text);
    CHECK(cdz_str_ends(cdz_str_z(err.text), CDZ_STR("...` at line 2")), "%s", err.text);
    CHECK(cdz_utf8_valid(cdz_str_z(err.text)), "cut inside a character");
}

TEST(failures_of_the_world_keep_their_code)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CHECK(outcome(CDZ_STR("{{ kv('down') ~ 'x' }}"), arena) == CDZ_E_UNAVAILABLE,
          "cannot start a thread");
    CHECK(outcome(CDZ_STR("{{ 1 + kv('down') }}"), arena) == CDZ_E_UNAVAILABLE,
          "quoted by an operator");
    CHECK(outcome(CDZ_STR("{% if kv('down') %}{% endif %}"), arena) == CDZ_E_UNAVAILABLE,
          "quoted by if");
    CHECK(outcome(CDZ_STR("{{ kv('down') ?? 1 }}"), arena) == CDZ_E_UNAVAILABLE,
          "taken for undefined");
}

TEST(an_environment_can_be_used_again_after_a_failure)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_map_env env;
    struct cdz_err err = {0};
    cdz_str got = CDZ_STR("");
    env_init(&env, cdz_val_map(arena, 0));
    for (int i = 0; i < 30; i++) {
        CHECK(cdz_expr_render(CDZ_STR("{{ render('{{ x }}') }}"), &env.env, arena, &got, &err) ==
                  CDZ_E_UNDEFINED,
              "%s", err.text);
    }
    CHECK(cdz_expr_render(CDZ_STR("{{ render('{{ 1 }}') }}"), &env.env, arena, &got, &err) ==
              CDZ_OK,
          "%s", err.text);
    CHECK(env.env.render_depth == 0 && env.env.steps_left == 0, "%u %u", env.env.render_depth,
          env.env.steps_left);
}

/* --- one template, many threads --- */

static void *render_often(void *tpl)
{
    uintptr_t bad = 0;
    for (int i = 0; i < 200; i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        struct cdz_map_env env;
        struct cdz_err err = {0};
        cdz_str got = CDZ_STR("");
        env_init(&env, cdz_val_map(arena, 0));
        bad += cdz_template_render(tpl, &env.env, arena, &got, &err) != CDZ_OK ||
               !cdz_str_is(got, "[1,2,3]6");
    }
    return (void *)bad;
}

TEST(a_template_may_be_rendered_by_several_threads)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    const struct cdz_template *tpl;
    struct cdz_err err = {0};
    pthread_t threads[4];
    CHECK(cdz_template_compile(
              CDZ_STR("{% set l = [1] %}{% for i in 2..3 %}{% set l = l + i %}{% endfor %}{{ l }}"
                      "{% macro m(a) %}{{ a * 2 }}{% endmacro %}{{ m(3) }}"),
              arena, &tpl, &err) == CDZ_OK,
          "%s", err.text);
    for (size_t i = 0; i < CDZ_COUNT(threads); i++)
        CHECK(pthread_create(&threads[i], NULL, render_often, (void *)(uintptr_t)tpl) == 0,
              "cannot start a thread");
    for (size_t i = 0; i < CDZ_COUNT(threads); i++) {
        void *bad;
        pthread_join(threads[i], &bad);
        CHECK(bad == NULL, "thread %zu", i);
    }
}

TEST(truth_of_a_rendered_text)
{
    static const struct {
        const char *text;
        bool want;
    } rows[] = {{"", false},   {"0", false}, {"-0", false},  {"false", false}, {"False", true},
                {"0.0", true}, {" ", true},  {"true", true}, {"00", true}};
    for (size_t i = 0; i < CDZ_COUNT(rows); i++)
        CHECK(cdz_truthy(cdz_str_z(rows[i].text)) == rows[i].want, "\"%s\"", rows[i].text);
}

TEST(a_text_without_delimiters_is_constant)
{
    static const struct {
        const char *text;
        bool want;
    } rows[] = {{"plain", true},      {"a { b } c", true}, {"{", true},
                {"a {{ 1 }}", false}, {"{# #}", false},    {"{%", false}};
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        const struct cdz_template *tpl;
        struct cdz_err err = {0};
        if (cdz_template_compile(cdz_str_z(rows[i].text), arena, &tpl, &err) == CDZ_OK)
            CHECK(cdz_template_is_constant(tpl) == rows[i].want, "\"%s\"", rows[i].text);
        else
            CHECK(!rows[i].want, "\"%s\": %s", rows[i].text, err.text);
    }
}

TEST_MAIN
