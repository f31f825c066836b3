/* plugins.c -- cadenza plugins list | doc TYPE | schema [TYPE]: what the program knows about its types. */
#include <errno.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "plugin/registry.h"
#include "plugin/schema.h"

static const struct cdz_type *find(const char *name)
{
    const struct cdz_registry *registry = cdz_registry_builtin();
    const struct cdz_type *type = cdz_type_find(registry, cdz_str_z(name));
    if (type)
        return type;
    const char *nearest = cdz_type_nearest(registry, cdz_str_z(name), CDZ_RUNNABLE);
    (void)cdz_cli_fail(0, nearest ? "no type `%s` (did you mean `%s`?)" : "no type `%s`", name,
                       nearest);
    return NULL;
}

static void list(struct cdz_buf *to)
{
    size_t n;
    const struct cdz_type **all = cdz_plugin_sorted(cdz_registry_builtin(), &n);
    for (size_t i = 0; i < n; i++)
        cdz_buf_printf(to, "%-60s %-11s %s\n", all[i]->type, cdz_plugin_kind(all[i]),
                       all[i]->title ? all[i]->title : "");
    free(all);
}

static int write_out(const struct cdz_buf *b, const char *path)
{
    FILE *f = path ? fopen(path, "we") : stdout;
    if (!f)
        return cdz_cli_fail(CDZ_EXIT_FAILED, "%s cannot be written: %s", path,
                            strerrordesc_np(errno));
    bool ok = fwrite(b->p ? b->p : "", 1, b->n, f) == b->n && fflush(f) == 0;
    if (path)
        ok &= fclose(f) == 0;
    return ok ? CDZ_EXIT_OK
              : cdz_cli_fail(CDZ_EXIT_FAILED, "%s cannot be written", path ? path : "stdout");
}

/* False after a message. */
static bool make(const char *what, const char *name, struct cdz_buf *to)
{
    const struct cdz_registry *registry = cdz_registry_builtin();
    const struct cdz_type *type;
    if (strcmp(what, "list") == 0) {
        list(to);
        return true;
    }
    if (strcmp(what, "schema") == 0 && !name) {
        cdz_schema_flow(registry, to);
        cdz_buf_c(to, '\n');
        return true;
    }
    if (strcmp(what, "schema") == 0 && cdz_schema_root(registry, cdz_str_z(name), false, to)) {
        cdz_buf_c(to, '\n');
        return true;
    }
    if (!(type = find(name)))
        return false;
    if (strcmp(what, "doc") == 0) {
        cdz_plugin_doc(type, to);
    } else {
        cdz_schema_type(registry, type, true, to);
        cdz_buf_c(to, '\n');
    }
    return true;
}

static int plugins_run(int argc, char **argv)
{
    const char *name = NULL, *path = NULL;
    const char *what = argc > 0 ? argv[0] : "";
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    for (int i = 1; i < argc; i++) {
        if (cdz_cli_option(argc, argv, &i, "--output", "-o", &path)) {
            if (!path)
                return cdz_cli_fail(CDZ_EXIT_USAGE, "--output needs a file name");
        } else if (argv[i][0] == '-' || name) {
            return cdz_cli_fail(CDZ_EXIT_USAGE, "unknown argument `%s`", argv[i]);
        } else {
            name = argv[i];
        }
    }
    bool is_list = strcmp(what, "list") == 0, is_doc = strcmp(what, "doc") == 0;
    if (!is_list && !is_doc && strcmp(what, "schema") != 0)
        return cdz_cli_fail(CDZ_EXIT_USAGE,
                            "usage: cadenza plugins list | doc TYPE | schema [TYPE]");
    if (is_doc && !name)
        return cdz_cli_fail(CDZ_EXIT_USAGE, "cadenza plugins doc needs the name of a type");
    if (!make(what, name, &b))
        return CDZ_EXIT_FAILED;
    return write_out(&b, path);
}

const struct cdz_command cdz_command_plugins = {
    .name = "plugins",
    .summary = "List and describe the types of tasks, triggers and conditions",
    .usage =
        "Usage: cadenza plugins list [--output FILE]\n"
        "       cadenza plugins doc TYPE [--output FILE]\n"
        "       cadenza plugins schema [TYPE] [--output FILE]\n\n"
        "list: every type with its kind. doc: the properties and outputs of one, as Markdown.\n"
        "schema: JSON Schema (draft 7) of the whole flow language, for editors; of one type; or of "
        "flow,\n        template, task, trigger or plugindefault.\n",
    .run = plugins_run,
};
