/*
 * expr.c -- any bytes as a template: compiled, its references walked, rendered as text and as a
 * value in a small context. Nothing may crash, leak, or run beyond the limits of base/limits.h.
 */
#include <stdint.h>

#include "expr/expr.h"

static cdz_rc world(struct cdz_env *env, enum cdz_world_call call, const cdz_val *args, size_t n,
                    struct cdz_arena *arena, cdz_val *ret, struct cdz_err *err)
{
    (void)env;
    (void)err;
    *ret = CDZ_VAL_NULL;
    if (call == CDZ_WORLD_NOW)
        *ret = cdz_val_date(arena, (struct cdz_date){.type = CDZ_INSTANT, .seconds = 1378653552});
    else if (n > 0)
        *ret = args[0];
    return CDZ_OK;
}

static bool lazy_get(const struct cdz_lazy *lazy, cdz_str key, struct cdz_arena *arena,
                     cdz_val *ret)
{
    (void)lazy;
    (void)arena;
    *ret = cdz_val_int((int64_t)key.n);
    return key.n % 2 == 0;
}

static cdz_val lazy_all(const struct cdz_lazy *lazy, struct cdz_arena *arena)
{
    cdz_val map = cdz_val_map(arena, 2);
    (void)lazy;
    cdz_map_putz(arena, map, "ab", cdz_val_int(2));
    cdz_map_putz(arena, map, "t", cdz_val_compile(cdz_val_z("{{ a }}"), arena, NULL, NULL));
    return map;
}

static cdz_val variables(cdz_str source, struct cdz_arena *arena)
{
    static const struct cdz_lazy lazy = {lazy_get, lazy_all};
    cdz_val vars = cdz_val_map(arena, 8), list = cdz_val_list(arena, 3),
            map = cdz_val_map(arena, 2);
    cdz_list_push(arena, list, cdz_val_int(1));
    cdz_list_push(arena, list, cdz_val_z("two"));
    cdz_list_push(arena, list, CDZ_VAL_NULL);
    cdz_map_putz(arena, map, "k", list);
    cdz_map_putz(arena, map, "f", cdz_val_float(1.5));
    cdz_map_putz(arena, vars, "a", cdz_val_int(7));
    cdz_map_putz(arena, vars, "b", cdz_val_bool(true));
    cdz_map_putz(arena, vars, "l", list);
    cdz_map_putz(arena, vars, "m", map);
    cdz_map_putz(arena, vars, "z", cdz_val_lazy(&lazy));
    cdz_map_putz(arena, vars, "d",
                 cdz_val_date(arena, (struct cdz_date){.type = CDZ_ZONED, .seconds = 86400}));
    cdz_map_putz(arena, vars, "s",
                 cdz_val_text(source)); /* so that render(s) runs the input inside itself */
    cdz_map_putz(arena, vars, "t", cdz_val_compile(cdz_val_z("{{ a + 1 }}"), arena, NULL, NULL));
    return vars;
}

static void on_ref(void *ctx, const cdz_str *path, size_t n, enum cdz_ref_rest rest)
{
    (void)rest;
    for (size_t i = 0; i < n; i++)
        *(size_t *)ctx += path[i].n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str source = {(const char *)data, size};
    const struct cdz_template *tpl;
    struct cdz_err err;
    size_t sum = 0;
    if (cdz_template_compile(source, arena, &tpl, &err) != CDZ_OK)
        return 0;
    cdz_template_refs(tpl, on_ref, &sum);
    for (int recursive = 0; recursive < 2; recursive++) {
        struct cdz_map_env env;
        cdz_str text;
        cdz_val v;
        cdz_map_env_init(&env, variables(source, arena));
        env.env.world = world;
        env.env.recursive = recursive;
        (void)!cdz_template_render(tpl, &env.env, arena, &text, &err);
        (void)!cdz_template_eval(tpl, &env.env, arena, &v, &err);
    }
    return 0;
}
