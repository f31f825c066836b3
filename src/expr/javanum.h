/*
 * javanum.h -- numbers as Java writes and reads them: java.text.DecimalFormat's patterns (English
 * symbols) and commons-lang's NumberUtils.createNumber. Own code: ICU's patterns differ in rounding
 * and in what `#` and `E` mean.
 */
#ifndef CDZ_EXPR_JAVANUM_H
#define CDZ_EXPR_JAVANUM_H

#include "base/buf.h"
#include "base/val.h"

/*
 * Appends v (a number) in the pattern; an empty pattern is the locale's default, `#,##0.###`.
 * Rounds half to even, by the exact binary value of a float. CDZ_E_INVALID for a malformed pattern.
 */
CDZ_MUST_USE cdz_rc cdz_javanum_format(struct cdz_buf *to, cdz_val v, cdz_str pattern,
                                       struct cdz_err *err);

enum cdz_javanum_type {
    CDZ_NUM_ANY, /* the smallest type that holds it: Integer, Long, BigInteger; Float, Double,
                    BigDecimal */
    CDZ_NUM_INT,
    CDZ_NUM_LONG,
    CDZ_NUM_FLOAT,
    CDZ_NUM_DOUBLE,
    CDZ_NUM_BIGDECIMAL,
    CDZ_NUM_BIGINTEGER,
};
/* False if text is no number of that type. 0x and # are hexadecimal, a leading 0 is octal, as in
 * Java's decode(). */
bool cdz_javanum_parse(cdz_str text, enum cdz_javanum_type type, struct cdz_arena *arena,
                       cdz_val *ret);

#endif
