/* reveal.c -- see reveal.h. */
#include "task/reveal.h"

#include "expr/crypt.h"

static cdz_val shallow(struct cdz_arena *arena, cdz_val map)
{
    cdz_val copy = cdz_val_map(arena, cdz_map_n(map));
    CDZ_MAP_EACH (e, map)
        cdz_map_put(arena, copy, e->key, e->val);
    return copy;
}

/* The value under a dotted path, as something to replace; NULL: there is none. map is the caller's
 * own; the maps on the way are copied, since they are shared. */
static cdz_val *own_path(struct cdz_arena *arena, cdz_val map, cdz_str path)
{
    for (;;) {
        size_t dot = cdz_str_chr(path, '.', 0);
        cdz_val *at = cdz_map_find(map, cdz_str_sub(path, 0, dot));
        if (!at || dot == SIZE_MAX)
            return at;
        if (at->kind != CDZ_MAP)
            return NULL;
        map = *at = shallow(arena, *at);
        path = cdz_str_sub(path, dot + 1, path.n);
    }
}

static cdz_val reveal_inputs(cdz_str key, const struct cdz_flow *flow, cdz_val inputs,
                             struct cdz_arena *arena, cdz_reveal_fn *seen, void *ctx)
{
    bool is_own = false;
    struct cdz_err ignored;
    cdz_str plain;
    for (size_t i = 0; i < flow->input_count; i++) {
        if (!cdz_str_is(flow->inputs[i].type, "SECRET"))
            continue;
        if (!is_own)
            inputs = shallow(arena, inputs);
        is_own = true;
        cdz_val *at = own_path(arena, inputs, flow->inputs[i].id);
        if (!at || at->kind != CDZ_TEXT ||
            cdz_decrypt(key, cdz_val_str(*at), arena, &plain, &ignored) != CDZ_OK)
            continue; /* not encrypted, or with another key */
        *at = cdz_val_text(plain);
        if (seen)
            seen(ctx, plain);
    }
    return inputs;
}

cdz_val cdz_reveal(cdz_str key, const struct cdz_flow *flow, cdz_str name, cdz_val v,
                   struct cdz_arena *arena, cdz_reveal_fn *seen, void *ctx)
{
    if (!key.n)
        return v;
    if (v.kind == CDZ_MAP && flow && cdz_str_is(name, "inputs"))
        v = reveal_inputs(key, flow, v, arena, seen, ctx);
    return cdz_crypt_open_all(key, v, arena, seen, ctx);
}
