/* log.c -- io.kestra.plugin.core.log.Log, and debug.Echo, its old form. */
#include "base/time.h"
#include "task/run.h"
#include "task/types.h"

static const char *const levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", NULL};

static cdz_rc log_property(struct cdz_run *run, const char *name, struct cdz_err *err)
{
    cdz_val message;
    cdz_str text;
    enum cdz_level level;
    CDZ_TRY(cdz_run_text(run, "level", &text, NULL, err));
    if (!cdz_level_parse(text, &level))
        return cdz_fail(err, CDZ_E_TASK,
                        "level must be TRACE, DEBUG, INFO, WARN or ERROR, not `%.*s`", CDZ_S(text));
    CDZ_TRY(cdz_run_prop(run, name, &message, err));
    if (message.kind == CDZ_LIST) {
        CDZ_LIST_EACH (item, message) {
            if (item->kind != CDZ_TEXT)
                return cdz_fail(err, CDZ_E_TASK,
                                "Message property is not a String, nor a List of Strings");
            run->log(run, level, cdz_now_us(), cdz_val_str(*item));
        }
        return CDZ_OK;
    }
    CDZ_TRY(cdz_run_text(run, name, &text, NULL, err));
    run->log(run, level, cdz_now_us(), text);
    return CDZ_OK;
}

static cdz_rc log_run(struct cdz_run *run, struct cdz_err *err)
{
    return log_property(run, "message", err);
}

static cdz_rc echo_run(struct cdz_run *run, struct cdz_err *err)
{
    return log_property(run, "format", err);
}

static const struct cdz_prop log_props[] = {
    {"message", CDZ_PROP_STRINGS, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC | CDZ_PROP_ONE, NULL,
     "One or more messages."},
    {"level", CDZ_PROP_ENUM, 0, "INFO", "TRACE, DEBUG, INFO, WARN or ERROR.", levels},
    {0},
};
static const struct cdz_prop echo_props[] = {
    {"format", CDZ_PROP_STRING, CDZ_PROP_REQUIRED | CDZ_PROP_DYNAMIC, NULL, "The message."},
    {"level", CDZ_PROP_ENUM, 0, "INFO", "TRACE, DEBUG, INFO, WARN or ERROR.", levels},
    {0},
};

const struct cdz_type cdz_task_log = {
    .type = "io.kestra.plugin.core.log.Log",
    .aliases = (const char *const[]){"io.kestra.core.tasks.log.Log", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Write messages to the execution's log.",
    .props = log_props,
    .run = log_run,
    .quick = true,
};
const struct cdz_type cdz_task_echo = {
    .type = "io.kestra.plugin.core.debug.Echo",
    .aliases = (const char *const[]){"io.kestra.core.tasks.debugs.Echo", NULL},
    .kind = CDZ_RUNNABLE,
    .title = "Write a message to the execution's log (deprecated: use log.Log).",
    .props = echo_props,
    .run = echo_run,
    .quick = true,
};
