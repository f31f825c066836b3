#include "port/fault.h"

bool cdz_fault_due(struct cdz_fault *fault)
{
    unsigned call = atomic_fetch_add(&fault->calls, 1) + 1;
    if (!fault->at || call < fault->at || (call > fault->at && !fault->forever))
        return false;
    atomic_fetch_add(&fault->fired, 1);
    return true;
}

cdz_rc cdz_fault_fail(struct cdz_err *err, const char *call)
{
    return cdz_fail(err, CDZ_E_UNAVAILABLE, "injected fault in %s", call);
}
