/*
 * type.c -- looking types up, and guessing which one was meant.
 */
#include "model/compile.h"

static bool has_name(const struct cdz_type *type, cdz_str name)
{
    if (cdz_str_is(name, type->type))
        return true;
    for (const char *const *alias = type->aliases; alias && *alias; alias++)
        if (cdz_str_is(name, *alias))
            return true;
    return false;
}

const struct cdz_type *cdz_type_find(const struct cdz_registry *reg, cdz_str name)
{
    for (size_t i = 0; i < reg->n; i++)
        if (has_name(reg->types[i], name))
            return reg->types[i];
    return NULL;
}

bool cdz_is_nearer(cdz_str name, cdz_str candidate, size_t *best)
{
    /* A third of the letters may differ; a name of one letter resembles nothing. cdz_str_distance
     * is quadratic. */
    if (name.n < 2 || name.n > 200 || candidate.n > 200)
        return false;
    size_t most = name.n / 3 ? name.n / 3 : 1;
    size_t d = cdz_str_ieq(name, candidate) ? 0 : cdz_str_distance(name, candidate);
    if (d > most || d >= *best)
        return false;
    *best = d;
    return true;
}

static cdz_str last_word(cdz_str name)
{
    size_t at = name.n;
    while (at && name.p[at - 1] != '.')
        at--;
    return cdz_str_sub(name, at, name.n);
}

bool cdz_type_is_nearer(cdz_str name, cdz_str candidate, size_t *best)
{
    /* Packages are long and alike: compare the last words, and let the packages only break ties. */
    if (name.n > 200)
        return false;
    size_t words = SIZE_MAX;
    if (!cdz_is_nearer(last_word(name), last_word(candidate), &words))
        return false;
    size_t d = words * 1000 + cdz_str_distance(name, candidate);
    if (d >= *best)
        return false;
    *best = d;
    return true;
}

const char *cdz_type_nearest(const struct cdz_registry *reg, cdz_str name, enum cdz_type_kind kind)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    bool task = kind <= CDZ_UPDATING; /* the four kinds of tasks stand for each other */
    for (size_t i = 0; i < reg->n; i++) {
        const struct cdz_type *t = reg->types[i];
        /* The parts of a ForEachItem have a $ in their names: nobody writes them. */
        if (!strchr(t->type, '$') && (task ? t->kind <= CDZ_UPDATING : t->kind == kind) &&
            cdz_type_is_nearer(name, cdz_str_z(t->type), &best))
            nearest = t->type;
    }
    return nearest;
}
