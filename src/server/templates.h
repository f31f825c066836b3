/*
 * templates.h -- the templates of this process: documents with tasks that flows use by the Template
 * task. reference/api.md §8, flow.md §9.
 *
 * A template is a record of the queue's topic TEMPLATE, key "<namespace>/<id>": what executors
 * compile flows with, so no other store has it. All are kept in memory. Threads: any.
 */
#ifndef CDZ_SERVER_TEMPLATES_H
#define CDZ_SERVER_TEMPLATES_H

#include "port/queue.h"

struct cdz_templates;

struct cdz_template_row {
    cdz_str namespace_, id, source;
};

CDZ_MUST_USE cdz_rc cdz_templates_open(struct cdz_queue *queue, struct cdz_templates **ret,
                                       struct cdz_err *err);
void cdz_templates_close(struct cdz_templates *t);
/* Durable when it returns. */
CDZ_MUST_USE cdz_rc cdz_templates_put(struct cdz_templates *t, cdz_str namespace_, cdz_str id,
                                      cdz_str source, struct cdz_err *err);
/* CDZ_E_NOT_FOUND. */
CDZ_MUST_USE cdz_rc cdz_templates_del(struct cdz_templates *t, cdz_str namespace_, cdz_str id,
                                      struct cdz_err *err);
/* The source, in the arena; CDZ_E_NOT_FOUND. ctx: the cdz_templates (see cdz_flow_options). */
CDZ_MUST_USE cdz_rc cdz_templates_source(void *ctx, cdz_str namespace_, cdz_str id,
                                         struct cdz_arena *arena, cdz_str *ret,
                                         struct cdz_err *err);
/* All, by namespace and id; in the arena. */
struct cdz_template_row *cdz_templates_list(struct cdz_templates *t, struct cdz_arena *arena,
                                            size_t *ret_n);

#endif
