#include "repository/record.h"

#include "base/codec.h"

struct columns columns_of(const struct cdz_execution *e)
{
    const struct cdz_history *h = &e->history;
    enum cdz_state now = cdz_state_now(h);
    cdz_val from = cdz_map_getz(e->trigger_variables, "executionId");
    return (struct columns){
        .id = e->id,
        .namespace_ = e->namespace_,
        .flow_id = e->flow_id,
        .version = e->version,
        .state = e->deleted ? STATE_HIDDEN : (int)now,
        .start = h->v[0].at,
        .end = cdz_state_is_terminated(now) ? h->v[h->n - 1].at : END_NONE,
        .trigger_execution = from.kind == CDZ_TEXT ? cdz_val_str(from) : (cdz_str){NULL, 0},
        .labels = e->labels,
        .label_count = e->label_count,
    };
}

static bool has_label(const struct columns *c, cdz_str key, cdz_str value)
{
    for (size_t i = 0; i < c->label_count; i++) {
        if (cdz_str_eq(c->labels[i].key, key) && cdz_str_eq(c->labels[i].value, value))
            return true;
    }
    return false;
}

/* A word is found in the namespace, the flow's id or a label's value, or the execution's id begins
 * with it. */
static bool has_word(const struct columns *c, cdz_str word)
{
    if (cdz_str_starts(c->id, word) || word_in(c->namespace_, word) || word_in(c->flow_id, word))
        return true;
    for (size_t i = 0; i < c->label_count; i++) {
        if (!cdz_str_starts(c->labels[i].key, CDZ_STR("system.")) &&
            word_in(c->labels[i].value, word))
            return true;
    }
    return false;
}

bool columns_match(const struct columns *c, const struct cdz_execution_filter *f,
                   const struct words *words)
{
    if (c->state == STATE_HIDDEN || (f->states && !(f->states & (1u << c->state))))
        return false;
    if (!namespace_matches(c->namespace_, f->namespace_, f->namespace_exact) ||
        !scope_matches(c->namespace_, f->scope) ||
        (f->flow_id.n && !cdz_str_eq(c->flow_id, f->flow_id)))
        return false;
    if ((f->start_from && c->start < f->start_from) || (f->start_to && c->start > f->start_to))
        return false;
    if (f->trigger_execution_id.n && !cdz_str_eq(c->trigger_execution, f->trigger_execution_id))
        return false;
    if (f->child && (f->child == 1) != (c->trigger_execution.p != NULL))
        return false;
    for (size_t i = 0; i < f->label_count; i++) {
        if (!has_label(c, f->label_keys[i], f->label_values[i]))
            return false;
    }
    for (size_t i = 0; i < words->n; i++) {
        if (!has_word(c, words->v[i]))
            return false;
    }
    return true;
}

cdz_rc execution_sort_of(const struct cdz_sort *sort, enum execution_sort *ret, struct cdz_err *err)
{
    static const char *const names[] = {
        [SORT_ID] = "id",
        [SORT_START] = "state.startDate",
        [SORT_END] = "state.endDate",
        [SORT_DURATION] = "state.duration",
        [SORT_NAMESPACE] = "namespace",
        [SORT_FLOW] = "flowId",
        [SORT_STATE] = "state.current",
    };
    for (size_t i = 0; i < CDZ_COUNT(names); i++) {
        if (cdz_str_is(sort->field, names[i])) {
            *ret = (enum execution_sort)i;
            return CDZ_OK;
        }
    }
    return sort_unknown(sort, err);
}

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_by(const struct columns *a, const struct columns *b, enum execution_sort by)
{
    switch (by) {
    case SORT_ID:
        return cdz_str_cmp(a->id, b->id);
    case SORT_START:
        return compare_i64(a->start, b->start);
    case SORT_END:
        return compare_i64(a->end, b->end);
    case SORT_DURATION: /* what still runs is longest, the oldest first among it */
        return compare_i64(a->end - a->start, b->end - b->start);
    case SORT_NAMESPACE:
        return cdz_str_cmp(a->namespace_, b->namespace_);
    case SORT_FLOW:
        return cdz_str_cmp(a->flow_id, b->flow_id);
    case SORT_STATE:
        return strcmp(cdz_state_name((enum cdz_state)a->state),
                      cdz_state_name((enum cdz_state)b->state));
    }
    return 0;
}

int columns_compare(const struct columns *a, const struct columns *b, const struct cdz_page *page)
{
    static const struct cdz_sort newest_first = {{"state.startDate", 15}, true};
    const struct cdz_sort *sort = page->sort_count ? page->sort : &newest_first;
    size_t n = page->sort_count ? page->sort_count : 1;
    struct cdz_err ignored;
    for (size_t i = 0; i < n; i++) {
        enum execution_sort by = SORT_ID;
        int c = execution_sort_of(&sort[i], &by, &ignored) == CDZ_OK ? compare_by(a, b, by) : 0;
        if (c)
            return sort[i].descending ? -c : c;
    }
    int c = cdz_str_cmp(a->id, b->id);
    return sort[n - 1].descending ? -c : c;
}

cdz_rc taskrun_index(cdz_str bytes, uint32_t *ret, struct cdz_err *err)
{
    struct cdz_reader r = cdz_reader_of(bytes);
    (void)cdz_get_u64(&r);
    uint64_t index = cdz_get_u64(&r);
    if (r.bad || index > UINT32_MAX - 1)
        return cdz_fail(err, CDZ_E_CORRUPT, "a task run record is damaged");
    *ret = (uint32_t)index;
    return CDZ_OK;
}

static int by_stat_key(const void *pa, const void *pb)
{
    const struct cdz_execution_stat *a = pa, *b = pb;
    if (a->span != b->span)
        return a->span < b->span ? -1 : 1;
    int c = cdz_str_cmp(a->namespace_, b->namespace_);
    if (!c)
        c = cdz_str_cmp(a->flow_id, b->flow_id);
    return c ? c : (a->state > b->state) - (a->state < b->state);
}

size_t stats_merge(struct cdz_execution_stat *v, size_t n)
{
    size_t kept = 0;
    if (n)
        qsort(v, n, sizeof(*v), by_stat_key);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || by_stat_key(&v[kept - 1], &v[i]) != 0) {
            v[kept++] = v[i];
            continue;
        }
        struct cdz_execution_stat *into = &v[kept - 1];
        into->count += v[i].count;
        into->sum += v[i].sum;
        into->min = v[i].min < into->min ? v[i].min : into->min;
        into->max = v[i].max > into->max ? v[i].max : into->max;
    }
    return kept;
}
