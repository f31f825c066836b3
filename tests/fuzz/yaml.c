/*
 * yaml.c -- any bytes as YAML and as a flow: neither may crash, leak or take long, and what is
 * printed reads back.
 */
#include <stdlib.h>

#include "base/json.h"
#include "../unit/flow_types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_printing(const struct cdz_yaml_node *root, struct cdz_arena *arena)
{
    struct cdz_buf CDZ_AUTO_BUF text = CDZ_BUF_INIT;
    struct cdz_err err;
    cdz_val v = cdz_yaml_val(root, arena), back;
    cdz_yaml_print(&text, v);
    if (cdz_yaml_parse_val(cdz_buf_get(&text), arena, &back, &err) != CDZ_OK && text.n < 100000 &&
        !strstr(err.text, "too ")) {
        fprintf(stderr, "%s\n%s", err.text, text.p);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    cdz_str text = {(const char *)data, n}, *parts;
    struct cdz_problems problems = {.arena = arena};
    struct cdz_flow_options options = {.registry = test_registry()};
    struct cdz_yaml_node *root;
    struct cdz_flow *flow;
    struct cdz_err err;
    struct cdz_buf CDZ_AUTO_BUF out = CDZ_BUF_INIT;
    (void)cdz_yaml_split(text, arena, &parts);
    if (cdz_yaml_parse(text, arena, &root, NULL, NULL, &err) == CDZ_OK)
        check_printing(root, arena);
    if (cdz_flow_parse(text, &options, &problems, &flow, &err) == CDZ_OK) {
        cdz_val inputs;
        cdz_flow_json(flow, true, &out);
        (void)!cdz_inputs_resolve(flow, CDZ_VAL_NULL, arena, &inputs, &err);
        cdz_flow_unref(flow);
    } else if (!problems.errors) {
        abort(); /* refused without a reason */
    }
    cdz_problems_print(&problems, CDZ_STR("f"), &out);
    return 0;
}
