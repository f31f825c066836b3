/*
 * registry.c -- finds a filter, function or test by its name in the tables of its family.
 *
 * A scan: names are looked up when a template is compiled, never when it is rendered, and there are
 * some eighty.
 */
#include "expr/registry.h"

static const struct cdz_callable *find_in(const struct cdz_callable *const *tables, size_t n,
                                          cdz_str name)
{
    for (size_t i = 0; i < n; i++) {
        for (const struct cdz_callable *row = tables[i]; row->name; row++) {
            if (cdz_str_is(name, row->name))
                return row;
        }
    }
    return NULL;
}

const struct cdz_callable *cdz_find_filter(cdz_str name)
{
    static const struct cdz_callable *const tables[] = {
        cdz_text_filters, cdz_list_filters, cdz_number_filters, cdz_date_filters, cdz_data_filters,
    };
    return find_in(tables, CDZ_COUNT(tables), name);
}

const struct cdz_callable *cdz_find_function(cdz_str name)
{
    static const struct cdz_callable *const tables[] = {
        cdz_list_functions,
        cdz_date_functions,
        cdz_data_functions,
        cdz_world_functions,
    };
    return find_in(tables, CDZ_COUNT(tables), name);
}

const struct cdz_callable *cdz_find_test(cdz_str name)
{
    static const struct cdz_callable *const tables[] = {cdz_core_tests};
    return find_in(tables, CDZ_COUNT(tables), name);
}
