#include "plugin/registry.h"

#include <pthread.h>

#include "condition/condition.h"
#include "model/flowables.h"
#include "model/triggers.h"
#include "task/types.h"

enum { ROOM = 256 };

static const struct cdz_type *all[ROOM];
static struct cdz_registry registry = {all, 0};

static void add(const struct cdz_type *type)
{
    if (registry.n == ROOM)
        abort();
    all[registry.n++] = type;
}

static void fill(void)
{
    for (const struct cdz_type *const *t = cdz_flowable_types; *t; t++)
        add(*t);
    for (const struct cdz_type *const *t = cdz_trigger_types; *t; t++)
        add(*t);
    for (const struct cdz_type *const *t = cdz_condition_types; *t; t++)
        add(*t);
    for (size_t i = 0; i < cdz_task_type_count; i++)
        add(cdz_task_types[i]);
}

const struct cdz_registry *cdz_registry_builtin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return &registry;
}
