/*
 * match.h -- what "matches" means, once for all backends that search by themselves: words,
 * namespaces, scopes, pages.
 */
#ifndef CDZ_REPOSITORY_MATCH_H
#define CDZ_REPOSITORY_MATCH_H

#include "port/repository.h"

/* The words of a search: runs of letters and digits, as written. */
struct words {
    cdz_str *v;
    size_t n;
};
struct words words_of(cdz_str q, struct cdz_arena *arena);
/* True if a word of text begins with `word`, whatever the case. */
bool word_in(cdz_str text, cdz_str word);
/* True if each word is in one of the n texts. */
bool words_match(const struct words *words, const cdz_str *texts, size_t n);

/* True if namespace_ is `filter` or (not exact) below it; an empty filter is no condition. */
bool namespace_matches(cdz_str namespace_, cdz_str filter, bool exact);
/* Bit 1: USER, bit 2: SYSTEM; 0 or both: no condition. */
bool scope_matches(cdz_str namespace_, int scope);
/* True if the map of texts has each pair. */
bool labels_match(cdz_val map, const cdz_str *keys, const cdz_str *values, size_t n);
bool log_matches(const struct cdz_log_entry *l, const struct cdz_log_filter *f,
                 const struct words *words);
bool metric_matches(const struct cdz_metric_entry *m, const struct cdz_metric_filter *f);

/* The part of n rows that a page shows: [*from, *to). */
void page_range(const struct cdz_page *page, size_t n, size_t *from, size_t *to);

/* Sorts metrics as the page says; unknown fields are CDZ_E_INVALID. Equal ones keep their order. */
CDZ_MUST_USE cdz_rc metrics_sort(struct cdz_metric_entry *v, size_t n, const struct cdz_page *page,
                                 struct cdz_arena *arena, struct cdz_err *err);
/* Whether logs are wanted newest first; the only field is "timestamp". */
CDZ_MUST_USE cdz_rc log_order(const struct cdz_page *page, bool *ret_descending,
                              struct cdz_err *err);
/* Sorts flows by id or namespace, then by the other. */
CDZ_MUST_USE cdz_rc flows_sort(struct cdz_flow_row *v, size_t n, const struct cdz_page *page,
                               struct cdz_err *err);
cdz_rc sort_unknown(const struct cdz_sort *sort, struct cdz_err *err);

#endif
