/*
 * json.c -- any bytes as JSON: what is read is printed in every style, and what is printed reads
 * back to a value that prints the same.
 */
#include <stdlib.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(cdz_val v, unsigned style, struct cdz_arena *arena)
{
    cdz_str first = cdz_json_text(arena, v, style);
    struct cdz_err err;
    cdz_val back;
    if (cdz_json_parse(first, arena, &back, &err) != CDZ_OK ||
        !cdz_str_eq(first, cdz_json_text(arena, back, style)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    CDZ_AUTO_BUF struct cdz_buf quoted = CDZ_BUF_INIT;
    cdz_str text = {(const char *)data, n};
    struct cdz_err err;
    cdz_val v;
    if (cdz_json_parse(text, arena, &v, &err) == CDZ_OK) {
        check(v, CDZ_JSON_COMPACT, arena);
        check(v, CDZ_JSON_PRETTY, arena);
        check(v, CDZ_JSON_DROP_NULLS, arena);
    }
    cdz_json_quote(&quoted, text); /* any bytes make a string that reads back */
    if (cdz_json_parse(cdz_buf_get(&quoted), arena, &v, &err) != CDZ_OK || v.kind != CDZ_TEXT)
        abort();
    return 0;
}
