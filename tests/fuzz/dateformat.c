/*
 * dateformat.c -- any bytes as a date pattern (up to the first NUL or newline) and as a text to
 * read by it; then the pattern prints a date, and the same bytes are a number pattern and a zone.
 */
#include <stdint.h>

#include "expr/javadate.h"
#include "expr/javanum.h"
#include "expr/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CDZ_AUTO_ARENA arena = cdz_arena_open(0);
    struct cdz_buf CDZ_AUTO_BUF b = CDZ_BUF_INIT;
    cdz_str all = {(const char *)data, n};
    size_t at = 0;
    while (at < n && data[at] && data[at] != '\n')
        at++;
    cdz_str pattern = cdz_str_sub(all, 0, at), text = cdz_str_sub(all, at < n ? at + 1 : n, n);
    static const char *const locales[] = {"", "fr_FR", "ja"};
    cdz_str locale = cdz_str_z(locales[n % 3]);
    struct cdz_err err;
    struct cdz_date date = {.type = CDZ_ZONED,
                            .seconds = 1378653552,
                            .nanos = 123456789,
                            .offset_s = 7200,
                            .zone = CDZ_STR("Europe/Paris")};
    struct cdz_zone zone;
    cdz_val number;
    b.max = 1 << 20;
    (void)!cdz_javadate_format(&b, &date, pattern, locale, &err);
    if (cdz_javadate_parse(text, pattern, locale, &date, &err) == CDZ_OK) {
        struct cdz_zone own = cdz_zone_of(&date);
        date = cdz_zoned_at(&own, date.seconds, date.nanos);
        (void)!cdz_javadate_format(&b, &date, pattern, locale, &err);
    }
    (void)!cdz_zone_parse(text, &zone, &err);
    for (int type = CDZ_NUM_ANY; type <= CDZ_NUM_BIGINTEGER; type++) {
        if (cdz_javanum_parse(text, (enum cdz_javanum_type)type, arena, &number))
            (void)!cdz_javanum_format(&b, number, pattern, &err);
    }
    return 0;
}
