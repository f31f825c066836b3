#include "model/job.h"

#include "base/codec.h"

enum { JOB_FORMAT = 2 };

static void put_opt(struct cdz_buf *to, cdz_str s)
{
    cdz_buf_c(to, s.p != NULL);
    cdz_put_str(to, s);
}

static cdz_str get_opt(struct cdz_reader *r)
{
    bool there = r->p < r->end && *r->p++ != 0;
    cdz_str s = cdz_get_str(r);
    return there ? s : (cdz_str){NULL, 0};
}

void cdz_job_encode(const struct cdz_job *j, struct cdz_buf *to)
{
    cdz_put_u64(to, JOB_FORMAT);
    cdz_put_str(to, j->execution_id);
    cdz_put_str(to, j->namespace_);
    cdz_put_str(to, j->flow_id);
    cdz_put_i64(to, j->flow_revision);
    cdz_put_str(to, j->taskrun_id);
    cdz_put_str(to, j->task_id);
    put_opt(to, j->parent_id);
    put_opt(to, j->value);
    cdz_put_u64(to, j->taskrun_index);
    cdz_put_u64(to, j->epoch);
    cdz_put_i64(to, j->attempt);
    cdz_put_i64(to, j->dispatched);
    cdz_put_val(to, j->context);
    cdz_put_val(to, j->path);
}

cdz_rc cdz_job_decode(cdz_str bytes, struct cdz_arena *arena, struct cdz_job *ret,
                      struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(bytes);
    struct cdz_job j = {0};
    bool known = cdz_get_u64(&r) == JOB_FORMAT;
    j.execution_id = cdz_get_str(&r);
    j.namespace_ = cdz_get_str(&r);
    j.flow_id = cdz_get_str(&r);
    j.flow_revision = (int)cdz_get_i64(&r);
    j.taskrun_id = cdz_get_str(&r);
    j.task_id = cdz_get_str(&r);
    j.parent_id = get_opt(&r);
    j.value = get_opt(&r);
    j.taskrun_index = (uint32_t)cdz_get_u64(&r);
    j.epoch = (uint32_t)cdz_get_u64(&r);
    j.attempt = (int)cdz_get_i64(&r);
    j.dispatched = cdz_get_i64(&r);
    j.context = cdz_get_val(&r, arena);
    j.path = cdz_get_val(&r, arena);
    if (!known || r.bad)
        return cdz_fail(err, CDZ_E_CORRUPT, "job record is damaged");
    *ret = j;
    return CDZ_OK;
}
