/*
 * flow_store.c -- flows as the API parses, stores and makes known: what its files share.
 */
#include "api/internal.h"
#include "base/limits.h"
#include "base/time.h"
#include "yaml/yaml.h"

struct cdz_flow_options api_flow_options(struct api_call *c, bool lenient)
{
    return cdz_flows_options(c->api->s->flows, lenient);
}

/* A stored row as a flow; one that does not parse any more has its exception. The caller unrefs. */
struct cdz_flow *api_flow_of_row(struct api_call *c, const struct cdz_flow_row *row)
{
    struct cdz_flow *flow;
    struct cdz_err err;
    struct cdz_problems problems = {.arena = c->arena};
    struct cdz_flow_options o = api_flow_options(c, true);
    if (!row->deleted && cdz_flows_get(c->api->s->flows, row->namespace_, row->id, row->revision,
                                       &flow, &err) == CDZ_OK)
        return flow;
    if (cdz_flow_parse(row->source, &o, &problems, &flow, &err) == CDZ_OK) {
        flow->revision = row->revision;
        flow->deleted = row->deleted;
        return flow;
    }
    flow =
        cdz_flow_broken(row->namespace_, row->id, row->revision, row->source, cdz_str_z(err.text));
    flow->deleted = row->deleted;
    return flow;
}

void api_flow_problems(struct api_call *c, const struct cdz_problems *problems,
                       const struct cdz_err *err)
{
    CDZ_VEC(struct api_violation) all = {0};
    CDZ_AUTO_BUF struct cdz_buf text = CDZ_BUF_INIT;
    for (size_t i = 0; i < problems->list.n; i++) {
        const struct cdz_problem *p = &problems->list.v[i];
        if (p->warning)
            continue;
        cdz_str message =
            p->hint.n ? cdz_arena_printf(c->arena, "%.*s (%.*s)", CDZ_S(p->message), CDZ_S(p->hint))
                      : p->message;
        CDZ_PUSH(c->arena, &all, (struct api_violation){p->path, message});
        cdz_buf_printf(&text, "%s%.*s%s%.*s", text.n ? "\n" : "", CDZ_S(p->path),
                       p->path.n ? ": " : "", CDZ_S(message));
        if (p->mark.line)
            cdz_buf_printf(&text, " at line %u, column %u", p->mark.line, p->mark.column);
    }
    if (all.n == 0)
        api_fail(c, err);
    else
        api_invalid(c, 422, cdz_arena_str(c->arena, cdz_buf_get(&text)), all.v, all.n);
}

static cdz_val labels_of(const struct cdz_flow *flow, struct cdz_arena *arena)
{
    return flow->labels.kind == CDZ_MAP ? flow->labels : cdz_val_map(arena, 0);
}

/*
 * Stores the next revision of a parsed flow and makes it known. last: its newest row (revision 0:
 * none). Unchanged source of a live flow: nothing is stored, the flow takes the last revision.
 * Lock: flow_mu held.
 */
cdz_rc api_flow_save(struct api_call *c, struct cdz_flow *flow, const struct cdz_flow_row *last,
                     struct cdz_err *err)
{
    if (last->revision && !last->deleted && !flow->deleted &&
        cdz_str_eq(last->source, flow->source)) {
        flow->revision = last->revision;
        return CDZ_OK;
    }
    flow->revision = last->revision + 1;
    struct cdz_flow_row row = {
        .namespace_ = flow->namespace_,
        .id = flow->id,
        .source = flow->source,
        .exception = CDZ_STR(""),
        .labels = labels_of(flow, c->arena),
        .revision = flow->revision,
        .deleted = flow->deleted,
        .disabled = flow->disabled,
        .updated = cdz_now_us(),
    };
    CDZ_TRY(cdz_repository_flow_save(c->api->s->repository, &row, last->revision, err));
    return cdz_flows_publish(c->api->s->flows, flow, err);
}

cdz_rc api_flow_last(struct api_call *c, cdz_str ns, cdz_str id, struct cdz_flow_row *ret,
                     struct cdz_err *err)
{
    *ret = (struct cdz_flow_row){0};
    cdz_rc rc = cdz_repository_flow_get(c->api->s->repository, ns, id, 0, true, c->arena, ret, err);
    return rc == CDZ_E_NOT_FOUND ? CDZ_OK : rc;
}

/* Parses the body, or answers. The caller unrefs. */
struct cdz_flow *api_flow_parse(struct api_call *c, cdz_str source)
{
    struct cdz_problems problems = {.arena = c->arena};
    struct cdz_flow_options o = api_flow_options(c, false);
    struct cdz_flow *flow;
    struct cdz_err err;
    if (cdz_flow_parse(source, &o, &problems, &flow, &err) == CDZ_OK)
        return flow;
    api_flow_problems(c, &problems, &err);
    return NULL;
}

cdz_rc api_flow_delete(struct api_call *c, cdz_str ns, cdz_str id, struct cdz_err *err)
{
    struct cdz_flow_row last;
    pthread_mutex_lock(&c->api->flow_mu);
    cdz_rc rc =
        cdz_repository_flow_get(c->api->s->repository, ns, id, 0, true, c->arena, &last, err);
    if (rc == CDZ_OK && last.deleted)
        rc = cdz_fail(err, CDZ_E_NOT_FOUND, "Flow not found");
    if (rc == CDZ_OK) {
        struct cdz_flow_row row = last;
        row.deleted = true;
        row.revision = last.revision + 1;
        row.updated = cdz_now_us();
        rc = cdz_repository_flow_save(c->api->s->repository, &row, last.revision, err);
        if (rc == CDZ_OK)
            rc = cdz_flows_forget(c->api->s->flows, ns, id, row.revision, last.source, err);
    }
    pthread_mutex_unlock(&c->api->flow_mu);
    return rc;
}

cdz_rc api_flow_store(struct api_call *c, struct cdz_flow *flow, struct cdz_err *err)
{
    struct cdz_flow_row last;
    pthread_mutex_lock(&c->api->flow_mu);
    cdz_rc rc = api_flow_last(c, flow->namespace_, flow->id, &last, err);
    if (rc == CDZ_OK)
        rc = api_flow_save(c, flow, &last, err);
    pthread_mutex_unlock(&c->api->flow_mu);
    return rc;
}

cdz_rc api_flow_import(struct api_call *c, cdz_str ns, cdz_str text, struct cdz_err *err)
{
    cdz_str *docs;
    size_t n = cdz_yaml_split(text, c->arena, &docs);
    for (size_t i = 0; i < n; i++) {
        struct cdz_problems problems = {.arena = c->arena};
        struct cdz_flow_options o = api_flow_options(c, false);
        struct cdz_flow *flow;
        CDZ_TRY(cdz_flow_parse(docs[i], &o, &problems, &flow, err));
        cdz_rc rc = CDZ_OK;
        if (ns.n && !cdz_str_eq(flow->namespace_, ns))
            rc = cdz_fail(err, CDZ_E_INVALID, "flow %.*s is of namespace %.*s, not %.*s",
                          CDZ_S(flow->id), CDZ_S(flow->namespace_), CDZ_S(ns));
        if (rc == CDZ_OK)
            rc = api_flow_store(c, flow, err);
        cdz_flow_unref(flow);
        CDZ_TRY(rc);
    }
    return CDZ_OK;
}
