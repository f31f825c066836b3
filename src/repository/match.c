#include "repository/match.h"

#include <unicode/uchar.h>

static bool is_word_char(uint32_t c)
{
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return c != 0xfffd && u_isalnum((UChar32)c);
}

static uint32_t fold(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
    return (uint32_t)u_foldCase((UChar32)c, U_FOLD_CASE_DEFAULT);
}

struct words words_of(cdz_str q, struct cdz_arena *arena)
{
    CDZ_VEC(cdz_str) found = {0};
    size_t start = SIZE_MAX;
    for (size_t at = 0, before; at <= q.n;) {
        before = at;
        bool inside = at < q.n && is_word_char(cdz_utf8_next(q, &at));
        if (inside && start == SIZE_MAX)
            start = before;
        if (!inside && start != SIZE_MAX) {
            CDZ_PUSH(arena, &found, cdz_str_sub(q, start, before));
            start = SIZE_MAX;
        }
        if (before == q.n)
            break;
    }
    return (struct words){found.v, found.n};
}

static bool begins_with(cdz_str text, size_t at, cdz_str word)
{
    for (size_t w = 0; w < word.n;) {
        if (at >= text.n || fold(cdz_utf8_next(text, &at)) != fold(cdz_utf8_next(word, &w)))
            return false;
    }
    return true;
}

bool word_in(cdz_str text, cdz_str word)
{
    bool inside = false;
    for (size_t at = 0; at < text.n;) {
        size_t before = at;
        bool is_char = is_word_char(cdz_utf8_next(text, &at));
        if (is_char && !inside && begins_with(text, before, word))
            return true;
        inside = is_char;
    }
    return false;
}

bool words_match(const struct words *words, const cdz_str *texts, size_t n)
{
    for (size_t w = 0; w < words->n; w++) {
        bool found = false;
        for (size_t i = 0; i < n && !found; i++)
            found = word_in(texts[i], words->v[w]);
        if (!found)
            return false;
    }
    return true;
}

bool namespace_matches(cdz_str namespace_, cdz_str filter, bool exact)
{
    if (filter.n == 0 || cdz_str_eq(namespace_, filter))
        return true;
    return !exact && cdz_str_starts(namespace_, filter) && namespace_.p[filter.n] == '.';
}

bool scope_matches(cdz_str namespace_, int scope)
{
    return scope == 0 || scope == 3 || (scope == 2) == cdz_str_is(namespace_, "system");
}

bool labels_match(cdz_val map, const cdz_str *keys, const cdz_str *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cdz_val v = cdz_map_get(map, keys[i]);
        if (v.kind != CDZ_TEXT || !cdz_str_eq(cdz_val_str(v), values[i]))
            return false;
    }
    return true;
}

static bool equal_or_any(cdz_str value, cdz_str filter)
{
    return filter.n == 0 || cdz_str_eq(value, filter);
}

bool log_matches(const struct cdz_log_entry *l, const struct cdz_log_filter *f,
                 const struct words *words)
{
    if (l->level < f->min_level || (f->from && l->at < f->from) || (f->to && l->at > f->to))
        return false;
    if (f->levels && !(f->levels >> l->level & 1))
        return false;
    if (f->attempt >= 0 && l->attempt != f->attempt)
        return false;
    if (!equal_or_any(l->execution_id, f->execution_id) || !equal_or_any(l->flow_id, f->flow_id) ||
        !equal_or_any(l->task_id, f->task_id) || !equal_or_any(l->taskrun_id, f->taskrun_id) ||
        !equal_or_any(l->trigger_id, f->trigger_id) ||
        !namespace_matches(l->namespace_, f->namespace_, false))
        return false;
    const cdz_str texts[] = {l->message, l->namespace_, l->flow_id, l->task_id, l->trigger_id};
    return words_match(words, texts, CDZ_COUNT(texts));
}

bool metric_matches(const struct cdz_metric_entry *m, const struct cdz_metric_filter *f)
{
    return equal_or_any(m->execution_id, f->execution_id) && equal_or_any(m->task_id, f->task_id) &&
           equal_or_any(m->taskrun_id, f->taskrun_id) &&
           equal_or_any(m->namespace_, f->namespace_) && equal_or_any(m->flow_id, f->flow_id) &&
           equal_or_any(m->name, f->name);
}

void page_range(const struct cdz_page *page, size_t n, size_t *from, size_t *to)
{
    *from = 0;
    *to = n;
    if (!page->page)
        return;
    size_t start =
        (page->page - 1) * page->size; /* the port has checked that it does not overflow */
    *from = start < n ? start : n;
    *to = n - *from < page->size ? n : *from + page->size;
}

cdz_rc sort_unknown(const struct cdz_sort *sort, struct cdz_err *err)
{
    return cdz_fail(err, CDZ_E_INVALID, "Invalid sort field: \"%.*s\"",
                    CDZ_S(cdz_str_sub(sort->field, 0, 100)));
}

/* A stable merge sort with a context, for lists of one page's origin. */

typedef int compare_fn(const void *a, const void *b, const struct cdz_page *page);

static int flow_compare(const void *pa, const void *pb, const struct cdz_page *page)
{
    const struct cdz_flow_row *a = pa, *b = pb;
    for (size_t i = 0; i < page->sort_count; i++) {
        bool by_id = cdz_str_is(page->sort[i].field, "id");
        int c = by_id ? cdz_str_cmp(a->id, b->id) : cdz_str_cmp(a->namespace_, b->namespace_);
        if (c)
            return page->sort[i].descending ? -c : c;
    }
    int c = cdz_str_cmp(a->id, b->id);
    return c ? c : cdz_str_cmp(a->namespace_, b->namespace_);
}

static int compare_doubles(double a, double b)
{
    return (a > b) - (a < b);
}

static int metric_compare(const void *pa, const void *pb, const struct cdz_page *page)
{
    const struct cdz_metric_entry *a = pa, *b = pb;
    for (size_t i = 0; i < page->sort_count; i++) {
        cdz_str field = page->sort[i].field;
        int c = cdz_str_is(field, "name")        ? cdz_str_cmp(a->name, b->name)
                : cdz_str_is(field, "value")     ? compare_doubles(a->value, b->value)
                : cdz_str_is(field, "timestamp") ? (a->at > b->at) - (a->at < b->at)
                : cdz_str_is(field, "taskId")    ? cdz_str_cmp(a->task_id, b->task_id)
                : cdz_str_is(field, "taskRunId") ? cdz_str_cmp(a->taskrun_id, b->taskrun_id)
                                                 : cdz_str_cmp(a->type, b->type);
        if (c)
            return page->sort[i].descending ? -c : c;
    }
    return 0;
}

static void merge_sort(char *v, size_t n, size_t size, char *spare, compare_fn *compare,
                       const struct cdz_page *page)
{
    if (n < 2)
        return;
    size_t half = n / 2, i = 0, j = half, k = 0;
    merge_sort(v, half, size, spare, compare, page);
    merge_sort(v + half * size, n - half, size, spare, compare, page);
    while (i < half || j < n) {
        bool left = j == n || (i < half && compare(v + i * size, v + j * size, page) <= 0);
        memcpy(spare + k++ * size, v + (left ? i++ : j++) * size, size);
    }
    memcpy(v, spare, n * size);
}

cdz_rc metrics_sort(struct cdz_metric_entry *v, size_t n, const struct cdz_page *page,
                    struct cdz_arena *arena, struct cdz_err *err)
{
    static const char *const fields[] = {"name",   "value",     "timestamp",
                                         "taskId", "taskRunId", "type"};
    for (size_t i = 0; i < page->sort_count; i++) {
        bool known = false;
        for (size_t k = 0; k < CDZ_COUNT(fields); k++)
            known = known || cdz_str_is(page->sort[i].field, fields[k]);
        if (!known)
            return sort_unknown(&page->sort[i], err);
    }
    if (n > 1 && page->sort_count)
        merge_sort((char *)v, n, sizeof(*v), cdz_arena_alloc(arena, n * sizeof(*v)), metric_compare,
                   page);
    return CDZ_OK;
}

cdz_rc log_order(const struct cdz_page *page, bool *ret_descending, struct cdz_err *err)
{
    *ret_descending = false;
    for (size_t i = 0; i < page->sort_count; i++) {
        if (!cdz_str_is(page->sort[i].field, "timestamp"))
            return sort_unknown(&page->sort[i], err);
        if (i == 0)
            *ret_descending = page->sort[i].descending;
    }
    return CDZ_OK;
}

cdz_rc flows_sort(struct cdz_flow_row *v, size_t n, const struct cdz_page *page,
                  struct cdz_err *err)
{
    for (size_t i = 0; i < page->sort_count; i++) {
        if (!cdz_str_is(page->sort[i].field, "id") && !cdz_str_is(page->sort[i].field, "namespace"))
            return sort_unknown(&page->sort[i], err);
    }
    if (n < 2)
        return CDZ_OK;
    CDZ_AUTO_ARENA arena = cdz_arena_open(n * sizeof(*v));
    merge_sort((char *)v, n, sizeof(*v), cdz_arena_alloc(arena, n * sizeof(*v)), flow_compare,
               page);
    return CDZ_OK;
}
