/*
 * regex.h -- regular expressions as flows write them: Java's syntax and Java's replace and split,
 * on PCRE2.
 *
 * Java and PCRE2 agree on nearly everything; compile() rewrites what differs and can be rewritten:
 * \uXXXX, and the POSIX classes \p{Alpha}, \p{Punct} ... Not there: class intersection
 * ([a-z&&[^b]]) and \p{javaXxx}.
 *
 * Bounded: a match that takes more than CDZ_REGEX_MATCH_MAX steps ends with CDZ_E_LIMIT, so that an
 * evil pattern costs milliseconds. Text need not be well-formed UTF-8: malformed bytes match
 * nothing. Threads: a compiled expression is immutable and may be used by several threads at once.
 */
#ifndef CDZ_BASE_REGEX_H
#define CDZ_BASE_REGEX_H

#include "base/arena.h"
#include "base/err.h"

struct cdz_regex;

/* On the heap: free it. CDZ_E_INVALID "regular expression at 3: missing closing parenthesis". */
CDZ_MUST_USE cdz_rc cdz_regex_compile(cdz_str pattern, struct cdz_regex **ret, struct cdz_err *err);
void cdz_regex_free(struct cdz_regex *re); /* NULL is fine */

/* Whether text has a match; `whole`: whether all of text is one (Java's matches()). */
CDZ_MUST_USE cdz_rc cdz_regex_match(const struct cdz_regex *re, cdz_str text, bool whole, bool *ret,
                                    struct cdz_err *err);
/*
 * Java's String.replaceAll: $1 and ${name} stand for groups, a backslash takes the next character
 * literally. CDZ_E_INVALID for a reference to a group that does not exist, CDZ_E_LIMIT beyond
 * CDZ_EXPR_OUTPUT_MAX.
 */
CDZ_MUST_USE cdz_rc cdz_regex_replace(const struct cdz_regex *re, cdz_str text, cdz_str replacement,
                                      struct cdz_arena *arena, cdz_str *ret, struct cdz_err *err);
/*
 * Java's String.split: limit > 0: at most that many pieces; 0: all, without empty ones at the end;
 * < 0: all. The pieces are borrowed from text, their array lives in the arena.
 */
CDZ_MUST_USE cdz_rc cdz_regex_split(const struct cdz_regex *re, cdz_str text, int64_t limit,
                                    struct cdz_arena *arena, cdz_str **ret, size_t *ret_n,
                                    struct cdz_err *err);

static inline void cdz_regex_cleanup_(struct cdz_regex **re)
{
    cdz_regex_free(*re);
}
/* CDZ_AUTO_REGEX re = NULL; is freed when the scope ends. */
#define CDZ_AUTO_REGEX __attribute__((cleanup(cdz_regex_cleanup_))) struct cdz_regex *

#endif
