/*
 * record.h -- what the repositories read from an execution's records to find it again: the columns
 * of its row.
 */
#ifndef CDZ_REPOSITORY_RECORD_H
#define CDZ_REPOSITORY_RECORD_H

#include "repository/match.h"

enum { STATE_HIDDEN = -1 }; /* deleted, or only task runs have come so far */

#define END_NONE (INT64_MAX / 2) /* later than any date, and a difference to any date fits */

struct columns {
    cdz_str id, namespace_, flow_id;
    uint64_t version;
    int state;         /* enum cdz_state, or STATE_HIDDEN */
    cdz_us start, end; /* first history date; last one of a terminated execution, else END_NONE */
    cdz_str trigger_execution; /* the execution that started this one
                                  (trigger.variables.executionId); p NULL: none */
    const struct cdz_label *labels;
    size_t label_count;
};
/* Borrowed from e. */
struct columns columns_of(const struct cdz_execution *e);
bool columns_match(const struct columns *c, const struct cdz_execution_filter *f,
                   const struct words *words);

/* The sort keys of executions. */
enum execution_sort {
    SORT_ID,
    SORT_START,
    SORT_END,
    SORT_DURATION,
    SORT_NAMESPACE,
    SORT_FLOW,
    SORT_STATE,
};
CDZ_MUST_USE cdz_rc execution_sort_of(const struct cdz_sort *sort, enum execution_sort *ret,
                                      struct cdz_err *err);
/* As the page says (nothing: newest first), equal ones by id in the direction of the last key. */
int columns_compare(const struct columns *a, const struct columns *b, const struct cdz_page *page);

/* Sorts as the contract says, and makes one of those with the same key; returns how many are left. */
size_t stats_merge(struct cdz_execution_stat *v, size_t n);

/* The index of a task run, from its record: the two first numbers are the format and the index. */
CDZ_MUST_USE cdz_rc taskrun_index(cdz_str bytes, uint32_t *ret, struct cdz_err *err);

#endif
