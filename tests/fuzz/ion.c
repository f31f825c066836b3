/*
 * ion.c -- any bytes as Ion text: read to the end or the first error; what was read is printed,
 * read again and printed again, and must come out the same.
 */
#include <assert.h>
#include <stdint.h>

#include "expr/ion.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_ion_reader reader = cdz_ion_reader_of((cdz_str){(const char *)data, n});
    struct cdz_err err;
    cdz_val v, again;
    bool end = false;
    while (cdz_ion_next(&reader, arena, &v, &end, &err) == CDZ_OK && !end) {
        struct cdz_buf CDZ_AUTO_BUF a = CDZ_BUF_INIT, CDZ_AUTO_BUF b = CDZ_BUF_INIT;
        cdz_ion_print(&a, v);
        struct cdz_ion_reader second = cdz_ion_reader_of(cdz_buf_get(&a));
        cdz_rc rc = cdz_ion_next(&second, arena, &again, &end, &err);
        assert(rc == CDZ_OK && !end);
        cdz_ion_print(&b, again);
        assert(cdz_str_eq(cdz_buf_get(&a), cdz_buf_get(&b)));
    }
    return 0;
}
