/* run.c -- the helpers that task types use; see run.h. */
#include "task/run.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>

#include "base/time.h"

cdz_rc cdz_run_prop(struct cdz_run *run, const char *name, cdz_val *ret, struct cdz_err *err)
{
    return cdz_val_render(cdz_map_getz(run->task->props, name), run->env, run->arena, ret, err);
}

cdz_rc cdz_run_text(struct cdz_run *run, const char *name, cdz_str *ret, bool *given,
                    struct cdz_err *err)
{
    cdz_val v;
    CDZ_TRY(cdz_run_prop(run, name, &v, err));
    CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
    if (given)
        *given = !cdz_val_is_null(v);
    if (v.kind == CDZ_TEXT) {
        *ret = cdz_val_str(v);
        return CDZ_OK;
    }
    cdz_expr_print(&b, v);
    *ret = cdz_buf_copy(&b, run->arena);
    return CDZ_OK;
}

cdz_rc cdz_run_bool(struct cdz_run *run, const char *name, bool *ret, struct cdz_err *err)
{
    cdz_str text;
    cdz_val v;
    CDZ_TRY(cdz_run_prop(run, name, &v, err));
    if (v.kind == CDZ_BOOL) {
        *ret = v.b;
        return CDZ_OK;
    }
    CDZ_TRY(cdz_run_text(run, name, &text, NULL, err));
    if (text.n && !cdz_str_ieq(text, CDZ_STR("true")) && !cdz_str_ieq(text, CDZ_STR("false")))
        return cdz_fail(err, CDZ_E_TASK, "property `%s` must be true or false, not `%.*s`", name,
                        CDZ_S(text));
    *ret = cdz_str_ieq(text, CDZ_STR("true"));
    return CDZ_OK;
}

cdz_rc cdz_run_duration(struct cdz_run *run, const char *name, cdz_us *ret, struct cdz_err *err)
{
    cdz_val v;
    CDZ_TRY(cdz_run_prop(run, name, &v, err));
    return cdz_duration_of(v, ret, err);
}

cdz_rc cdz_run_json(struct cdz_run *run, const char *name, cdz_val *ret, struct cdz_err *err)
{
    struct cdz_err why;
    cdz_val v;
    CDZ_TRY(cdz_run_prop(run, name, &v, err));
    if (v.kind != CDZ_TEXT) {
        *ret = v;
        return CDZ_OK;
    }
    if (cdz_json_parse(cdz_val_str(v), run->arena, ret, &why) != CDZ_OK)
        return cdz_fail(err, CDZ_E_TASK, "property `%s` is text that is no JSON: %s", name,
                        why.text);
    return CDZ_OK;
}

cdz_rc cdz_run_texts(struct cdz_run *run, const char *name, cdz_val *ret, struct cdz_err *err)
{
    struct cdz_err no_list;
    cdz_val v, list = CDZ_VAL_NULL;
    CDZ_TRY(cdz_run_prop(run, name, &v, err));
    if (cdz_val_is_null(v)) {
        *ret = v;
        return CDZ_OK;
    }
    if (v.kind == CDZ_TEXT && cdz_str_starts(cdz_str_trim(cdz_val_str(v)), CDZ_STR("[")) &&
        cdz_json_parse(cdz_val_str(v), run->arena, &list, &no_list) == CDZ_OK)
        v = list; /* else: a text that begins like one, a glob say */
    list = cdz_val_list(run->arena, 0);
    if (v.kind != CDZ_LIST) {
        cdz_val one = cdz_val_list(run->arena, 1);
        cdz_list_push(run->arena, one, v);
        v = one;
    }
    CDZ_LIST_EACH (item, v) {
        CDZ_AUTO_BUF struct cdz_buf b = CDZ_BUF_INIT;
        if (cdz_val_is_null(*item))
            continue;
        cdz_expr_print(&b, *item);
        cdz_list_push(run->arena, list,
                      item->kind == CDZ_TEXT ? *item : cdz_val_text(cdz_buf_copy(&b, run->arena)));
    }
    *ret = list;
    return CDZ_OK;
}

cdz_rc cdz_run_instant(struct cdz_run *run, const char *name, cdz_us *ret, struct cdz_err *err)
{
    cdz_str text;
    bool given;
    CDZ_TRY(cdz_run_text(run, name, &text, &given, err));
    text = cdz_str_trim(text);
    *ret = 0;
    if (given && text.n && !cdz_instant_parse(text, ret))
        return cdz_fail(err, CDZ_E_TASK,
                        "property `%s` must be a date with time and zone such as "
                        "2024-12-20T10:00:00Z, not `%.*s`",
                        name, CDZ_S(cdz_str_sub(text, 0, 100)));
    return CDZ_OK;
}

void cdz_run_output(struct cdz_run *run, const char *name, cdz_val val)
{
    cdz_map_putz(run->arena, run->outputs, name, val);
}

void cdz_run_logf(struct cdz_run *run, enum cdz_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cdz_str message = cdz_arena_vprintf(run->arena, fmt, ap);
    va_end(ap);
    run->log(run, level, cdz_now_us(), message);
}

void cdz_run_metric(struct cdz_run *run, const char *type, const char *name, double value,
                    const cdz_str *tags, size_t pairs)
{
    cdz_val map = cdz_val_map(run->arena, pairs);
    for (size_t i = 0; i < pairs; i++)
        cdz_map_put(run->arena, map, tags[2 * i], cdz_val_text(tags[2 * i + 1]));
    run->metric(run, type, cdz_str_z(name), value, map);
}

cdz_rc cdz_run_check(struct cdz_run *run, struct cdz_err *err)
{
    switch (run->cancelled(run)) {
    case CDZ_CANCEL_NO:
        return CDZ_OK;
    case CDZ_CANCEL_KILL:
        return cdz_fail(err, CDZ_E_KILLED, "the execution was killed");
    case CDZ_CANCEL_TIMEOUT:
        return cdz_fail(err, CDZ_E_TIMEOUT, "the task took longer than its timeout");
    case CDZ_CANCEL_SHUTDOWN:
        return cdz_fail(err, CDZ_E_KILLED, "the worker is stopping");
    }
    return CDZ_OK;
}

cdz_rc cdz_run_sleep(struct cdz_run *run, cdz_us span, struct cdz_err *err)
{
    cdz_us until = cdz_mono_us() + span;
    struct pollfd p = {.fd = run->cancel_fd, .events = POLLIN};
    for (;;) {
        cdz_us left = until - cdz_mono_us();
        CDZ_TRY(cdz_run_check(run, err));
        if (left <= 0)
            return CDZ_OK;
        struct timespec ts = {.tv_sec = left / CDZ_SECOND, .tv_nsec = left % CDZ_SECOND * 1000};
        if (ppoll(&p, 1, &ts, NULL) < 0 && errno != EINTR)
            return cdz_fail_errno(err, errno, "ppoll", "cannot wait");
    }
}

cdz_rc cdz_run_put_file(struct cdz_run *run, cdz_str name, int fd, cdz_str *ret_uri,
                        struct cdz_err *err)
{
    const struct cdz_job *j = run->job;
    cdz_str folder = cdz_path_taskrun(j->namespace_, j->flow_id, j->execution_id, j->task_id,
                                      j->taskrun_id, run->arena);
    cdz_str path = cdz_arena_printf(run->arena, "%.*s/%.*s", CDZ_S(folder), CDZ_S(name));
    CDZ_TRY(cdz_storage_put_file(run->worker->storage, path, fd, err));
    *ret_uri = cdz_storage_uri(path, run->arena);
    return CDZ_OK;
}

static bool below(cdz_str path, cdz_str folder)
{
    return cdz_str_starts(path, folder) && (path.n == folder.n || path.p[folder.n] == '/');
}

/* Whether a text in v holds the URI. */
static bool mentions(cdz_val v, cdz_str uri)
{
    if (v.kind == CDZ_TEXT)
        return cdz_str_find(cdz_val_str(v), uri, 0) != SIZE_MAX;
    if (v.kind == CDZ_LIST) {
        CDZ_LIST_EACH (item, v) {
            if (mentions(*item, uri))
                return true;
        }
    } else if (v.kind == CDZ_MAP) {
        CDZ_MAP_EACH (e, v) {
            if (mentions(e->val, uri))
                return true;
        }
    }
    return false;
}

bool cdz_run_may_read(const struct cdz_run *run, cdz_str path)
{
    static const char *const given[] = {"outputs", "inputs", "trigger", "parents"};
    const struct cdz_job *j = run->job;
    if (below(path, cdz_path_execution(j->namespace_, j->flow_id, j->execution_id, run->arena)) ||
        below(path, cdz_path_namespace_file(j->namespace_, CDZ_STR(""), run->arena)))
        return true;
    cdz_val of = cdz_map_getz(j->context, "trigger"), id = cdz_map_getz(of, "executionId");
    cdz_val ns = cdz_map_getz(of, "namespace"), flow = cdz_map_getz(of, "flowId");
    if (id.kind == CDZ_TEXT && ns.kind == CDZ_TEXT && flow.kind == CDZ_TEXT &&
        below(path,
              cdz_path_execution(cdz_val_str(ns), cdz_val_str(flow), cdz_val_str(id), run->arena)))
        return true;
    cdz_str uri = cdz_storage_uri(path, run->arena);
    for (size_t i = 0; i < CDZ_COUNT(given); i++) {
        if (mentions(cdz_map_getz(j->context, given[i]), uri))
            return true;
    }
    return false;
}

cdz_rc cdz_run_path(struct cdz_run *run, cdz_str uri, cdz_str *ret, struct cdz_err *err)
{
    cdz_str path;
    CDZ_TRY(cdz_storage_path(uri, &path, err));
    if (!cdz_run_may_read(run, path))
        return cdz_fail(
            err, CDZ_E_TASK,
            "Unable to read the file '%.*s' as it didn't belong to the current execution",
            CDZ_S(cdz_str_sub(uri, 0, 300)));
    *ret = path;
    return CDZ_OK;
}
