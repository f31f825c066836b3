/*
 * verb.h -- what users do to executions, one at a time or in bulk: each verb turns an execution
 * that the repository has into the records that change it. reference/api.md §2 (E15 to E46).
 *
 * The repository's copy is what a verb works on, so two requests could change the same version of
 * an execution. The first one claims it; the second is refused until the repository shows a newer
 * version.
 */
#ifndef CDZ_API_VERB_H
#define CDZ_API_VERB_H

#include "api/internal.h"

/* One request's change of one or many executions. */
struct api_change {
    struct api_call *c;
    struct cdz_arena *arena; /* of the records */
    CDZ_VEC(struct cdz_record) records;
    CDZ_VEC(cdz_str) claimed; /* given back when the records cannot be sent */
    CDZ_VEC(cdz_str) folders; /* storage to delete once the records are durable */

    /* Arguments, as far as the verb has some */
    int revision; /* 0: none given */
    cdz_str taskrun_id;
    enum cdz_state state;
    const struct cdz_label *labels;
    size_t label_count;
    bool delete_logs, delete_metrics, delete_storage;
    bool cascade;
    bool upload; /* the request's parts are inputs of onResume */
};

struct api_verb {
    const char *name; /* "restart": paths and messages */
    uint32_t states;  /* bulk: the states it may be in; others are refused with ... */
    const char *refusal;
    bool claims; /* changes the copy: see above */
    /*
     * Pushes the records; e is the repository's copy and becomes what the answer shows.
     * CDZ_E_CONFLICT, CDZ_E_INVALID ...: it is in the wrong state.
     */
    cdz_rc (*prepare)(struct api_change *x, struct cdz_execution *e, struct cdz_err *err);
};
extern const struct api_verb api_verb_restart, api_verb_replay, api_verb_set_state,
    api_verb_change_status, api_verb_labels, api_verb_delete, api_verb_kill, api_verb_pause,
    api_verb_resume, api_verb_unqueue, api_verb_force_run;

/* Loads the execution of the route, prepares and sends; NULL: answered already. The caller frees
 * what it gets: the execution as it will be. */
struct cdz_execution *api_verb_run(struct api_change *x, const struct api_verb *verb);
/* Prepares one more execution of a change; what fails leaves no record behind. */
CDZ_MUST_USE cdz_rc api_verb_prepare(struct api_change *x, const struct api_verb *verb,
                                     struct cdz_execution *e, struct cdz_err *err);
/* Sends what has been prepared, then deletes the folders; both are empty afterwards. */
CDZ_MUST_USE cdz_rc api_verb_send(struct api_change *x, struct cdz_err *err);
/* Every task run of a flow's revision can be told: e->flow, a reference of the caller's. */
CDZ_MUST_USE cdz_rc api_verb_flow(struct api_change *x, struct cdz_execution *e, int revision,
                                  struct cdz_err *err);
/* Body and query of the verbs that need some; false: answered already. */
bool api_verb_delete_flags(struct api_change *x);
bool api_verb_state(struct api_call *c, const char *parameter, enum cdz_state *ret);
bool api_verb_labels_of(struct api_call *c, cdz_val list, struct api_change *x);

#endif
