/* print.c -- values as text: as a print statement writes them, and as operands of `~` and `+`. */
#include "expr/eval.h"

#include "base/json.h"

cdz_rc eval_java_text(struct eval *e, cdz_val v, cdz_str *ret)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    if (v.kind == CDZ_TEXT || v.kind == CDZ_DECIMAL) {
        *ret = cdz_val_str(v);
        return CDZ_OK;
    }
    CDZ_TRY(eval_plain_deep(e, &v)); /* also bounds the walk */
    cdz_buf_init(&text, CDZ_EXPR_OUTPUT_MAX);
    cdz_java_print(&text, v);
    if (text.overflow)
        return cdz_fail(&e->err, CDZ_E_LIMIT, "text exceeds %u bytes", CDZ_EXPR_OUTPUT_MAX);
    *ret = cdz_buf_copy(&text, e->arena);
    return CDZ_OK;
}

void cdz_expr_print(struct cdz_buf *to, cdz_val v)
{
    if (v.kind == CDZ_NULL)
        return;
    if (v.kind == CDZ_LAZY) {
        CDZ_AUTO_ARENA arena = cdz_arena_open(0);
        cdz_expr_print(to, cdz_val_copy(arena, v));
        return;
    }
    if (v.kind == CDZ_LIST || v.kind == CDZ_MAP)
        cdz_json_print(to, v, CDZ_JSON_DROP_NULLS);
    else
        cdz_java_print(to, v);
}
