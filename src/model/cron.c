/*
 * cron.c -- whether a text is a cron expression as the original's Unix dialect has it: five fields
 * (six with seconds first) of lists, ranges, steps and names, or a nickname. reference/triggers.md §3.
 * Only the form is checked; when it is due is not computed here.
 */
#include "model/triggers.h"

static const char *const nicknames[] = {"@yearly", "@annually", "@monthly", "@weekly",
                                        "@daily",  "@midnight", "@hourly"};

struct field {
    const char *name;
    int min, max;
    const char *names; /* three letters each, the first stands for min */
};
static const struct field fields[] = {
    {"second", 0, 59, ""},
    {"minute", 0, 59, ""},
    {"hour", 0, 23, ""},
    {"day of month", 1, 31, ""},
    {"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
    {"day of week", 0, 7, "SUNMONTUEWEDTHUFRISAT"},
};

static bool value_of(const struct field *field, cdz_str s, int *ret)
{
    int64_t n;
    if (s.n == 3)
        for (int i = 0; field->names[3 * i]; i++)
            if (cdz_str_ieq(s, (cdz_str){field->names + 3 * i, 3})) {
                *ret = field->min + i;
                return true;
            }
    if (s.n > 4 || !cdz_str_to_i64(s, &n) || n < field->min || n > field->max)
        return false;
    *ret = (int)n;
    return true;
}

/* One of a list: `*`, a value or a range, and perhaps a step behind a slash. */
static bool item_ok(const struct field *field, cdz_str s)
{
    size_t slash = cdz_str_chr(s, '/', 0);
    int from, to;
    int64_t step;
    if (slash != SIZE_MAX) {
        if (!cdz_str_to_i64(cdz_str_sub(s, slash + 1, s.n), &step) || step < 1 || step > field->max)
            return false;
        s = cdz_str_sub(s, 0, slash);
    }
    if (cdz_str_is(s, "*"))
        return true;
    size_t dash = cdz_str_chr(s, '-', 0);
    if (dash == SIZE_MAX)
        return value_of(field, s, &from);
    return value_of(field, cdz_str_sub(s, 0, dash), &from) &&
           value_of(field, cdz_str_sub(s, dash + 1, s.n), &to) && from <= to;
}

static bool field_ok(const struct field *field, cdz_str s)
{
    for (size_t from = 0; from <= s.n;) {
        size_t comma = cdz_str_chr(s, ',', from), to = comma == SIZE_MAX ? s.n : comma;
        if (!item_ok(field, cdz_str_sub(s, from, to)))
            return false;
        from = to + 1;
    }
    return s.n > 0;
}

bool cdz_cron_is_valid(cdz_str cron, bool with_seconds, struct cdz_arena *arena, cdz_str *ret_why)
{
    cdz_str parts[CDZ_COUNT(fields)], s = cdz_str_trim(cron);
    size_t n = 0, want = with_seconds ? 6 : 5;
    for (size_t i = 0; i < CDZ_COUNT(nicknames); i++)
        if (cdz_str_is(s, nicknames[i]))
            return true;
    for (size_t at = 0; at < s.n; n++) {
        size_t end = at;
        while (end < s.n && s.p[end] != ' ' && s.p[end] != '\t')
            end++;
        if (n < CDZ_COUNT(parts))
            parts[n] = cdz_str_sub(s, at, end);
        for (at = end; at < s.n && (s.p[at] == ' ' || s.p[at] == '\t');)
            at++;
    }
    if (n != want) {
        *ret_why = cdz_arena_printf(
            arena, "Cron expression contains %zu parts but we expect one of [%zu]", n, want);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct field *field = &fields[i + CDZ_COUNT(fields) - want];
        if (!field_ok(field, parts[i])) {
            *ret_why = cdz_arena_printf(arena, "`%.*s` is no %s", CDZ_S(parts[i]), field->name);
            return false;
        }
    }
    return true;
}
