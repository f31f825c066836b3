/* snapshot.c -- a whole execution as one record: what an ADOPT event carries. docs/formats.md */
#include "base/codec.h"
#include "exec/again.h"

enum { SNAPSHOT_FORMAT = 1 };

void cdz_snapshot_encode(const struct cdz_execution *e, struct cdz_buf *to)
{
    CDZ_AUTO_BUF struct cdz_buf part = CDZ_BUF_INIT;
    cdz_put_u64(to, SNAPSHOT_FORMAT);
    cdz_execution_encode(e, &part);
    cdz_put_str(to, cdz_buf_get(&part));
    cdz_put_u64(to, e->taskruns.n);
    for (size_t i = 0; i < e->taskruns.n; i++) {
        cdz_buf_reset(&part);
        cdz_taskrun_encode(e->taskruns.v[i], &part);
        cdz_put_str(to, cdz_buf_get(&part));
    }
}

cdz_rc cdz_snapshot_decode(cdz_str bytes, struct cdz_execution **ret, struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(bytes);
    struct cdz_execution *e;
    bool known = cdz_get_u64(&r) == SNAPSHOT_FORMAT;
    cdz_str head = cdz_get_str(&r);
    uint64_t n = cdz_get_u64(&r);
    if (!known || r.bad)
        return cdz_fail(err, CDZ_E_CORRUPT, "execution snapshot is damaged");
    CDZ_TRY(cdz_execution_decode(head, &e, err));
    cdz_rc rc = CDZ_OK;
    for (uint64_t i = 0; rc == CDZ_OK && i < n; i++) {
        cdz_str run = cdz_get_str(&r);
        rc = r.bad ? cdz_fail(err, CDZ_E_CORRUPT, "execution snapshot is cut short")
                   : cdz_taskrun_decode_into(run, e, err);
        if (rc == CDZ_OK && e->taskruns.n != i + 1)
            rc = cdz_fail(err, CDZ_E_CORRUPT, "execution snapshot has a task run twice");
    }
    if (rc != CDZ_OK) {
        cdz_execution_free(e);
        return rc;
    }
    *ret = e;
    return CDZ_OK;
}
