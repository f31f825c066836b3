/* pairing.h -- how log.Fetch and execution.Resume name an execution: by executionId, the current one
 * by default; namespace and flowId only both, and only with an executionId. */
#ifndef CDZ_TASK_PAIRING_H
#define CDZ_TASK_PAIRING_H

#include "task/run.h"

#define CDZ_PAIRING_PROPS                                                                          \
    {"namespace", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL,                                         \
     "Of the execution; together with flowId and executionId."},                                   \
        {"flowId", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL, "Its flow."},                          \
    {                                                                                              \
        "executionId", CDZ_PROP_STRING, CDZ_PROP_DYNAMIC, NULL,                                    \
            "The execution; the current one by default."                                           \
    }

/* Empty texts: not given; *ret_execution never is. */
CDZ_MUST_USE cdz_rc cdz_run_pairing(struct cdz_run *run, cdz_str *ret_namespace, cdz_str *ret_flow,
                                    cdz_str *ret_execution, struct cdz_err *err);

#endif
