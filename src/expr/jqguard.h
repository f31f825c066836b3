/* jqguard.h -- the definitions that go before a jq program; shared by the jq*.c files only. */
#ifndef CDZ_EXPR_JQGUARD_H
#define CDZ_EXPR_JQGUARD_H

#include "base/buf.h"

/* Appends the definitions that the program may need, on one line. */
void cdz_jq_guard(struct cdz_buf *to, cdz_str program);

#endif
