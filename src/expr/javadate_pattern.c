/*
 * javadate_pattern.c -- compiles date patterns and named formats to items; see javadate_item.h.
 *
 * The named formats are patterns too, with a few letters of their own (control characters, which in
 * a pattern of the user are literals): \1 the fraction with its point, if any; \2 the zone's
 * region; \3 \4 \5 ISO week year, week and day; \6 the ISO instant; \7 the offset of RFC 1123.
 */
#include "expr/javadate_item.h"

static const struct {
    const char *name, *pattern;
} named[] = {
    {"iso", "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"},
    {"iso_sec", "yyyy-MM-dd'T'HH:mm:ssXXX"},
    {"sql", "yyyy-MM-dd HH:mm:ss.SSSSSS"},
    {"sql_seq", "yyyy-MM-dd HH:mm:ss"},
    {"iso_date_time", "uuuu-MM-dd'T'HH:mm[:ss[\1]][XXXXX['['\2']']]"},
    {"iso_date", "uuuu-MM-dd[XXXXX]"},
    {"iso_time", "HH:mm[:ss[\1]][XXXXX]"},
    {"iso_local_date", "uuuu-MM-dd"},
    {"iso_instant", "\6"},
    {"iso_local_date_time", "uuuu-MM-dd'T'HH:mm[:ss[\1]]"},
    {"iso_local_time", "HH:mm[:ss[\1]]"},
    {"iso_offset_time", "HH:mm[:ss[\1]]XXXXX"},
    {"iso_offset_date_time", "uuuu-MM-dd'T'HH:mm[:ss[\1]]XXXXX"},
    {"iso_ordinal_date", "uuuu-DDD[XXXXX]"},
    {"iso_week_date", "\3-'W'\4-\5[XXXXX]"},
    {"iso_zoned_date_time", "uuuu-MM-dd'T'HH:mm[:ss[\1]]XXXXX['['\2']']"},
    {"rfc_1123_date_time", "[EEE, ]d MMM uuuu HH:mm[:ss] \7"},
};
/* Formats before this one are patterns that anybody could write: parsed with regard to case. */
enum { FIRST_ANY_CASE = 4 };

static const char *const styles[] = {"full", "long", "medium", "short"};

struct compiler {
    struct jd_format *to;
    bool internal; /* control characters are letters */
    size_t open[JD_OPEN_MAX], open_n;
    int adjacent; /* the item that begins a run of adjacent numbers, or -1 */
    struct cdz_err *err;
};

static cdz_rc add(struct compiler *c, struct jd_item item)
{
    struct jd_format *to = c->to;
    if (to->n == JD_ITEMS_MAX)
        return cdz_fail(c->err, CDZ_E_LIMIT, "date pattern with more than %d parts", JD_ITEMS_MAX);
    bool number = item.op == JD_NUMBER || item.op == JD_REDUCED ||
                  (item.op == JD_FRACTION && item.min == item.max);
    if (!number) {
        c->adjacent = -1;
    } else if (c->adjacent >= 0 && item.min == item.max && item.sign == JD_NOT_NEGATIVE) {
        /* "yyyyMMdd": the year leaves the digits that its fixed-width neighbours need */
        struct jd_item *first = &to->items[c->adjacent];
        first->following = (first->following > 0 ? first->following : 0) + item.max;
        item.following = -1;
    } else {
        c->adjacent = (int)to->n;
    }
    to->items[to->n++] = item;
    return CDZ_OK;
}

static cdz_rc literal(struct compiler *c, cdz_str text)
{
    return text.n == 0 ? CDZ_OK : add(c, (struct jd_item){.op = JD_LITERAL, .text = text});
}

static cdz_rc too_many(struct compiler *c, char letter)
{
    return cdz_fail(c->err, CDZ_E_INVALID, "Too many pattern letters: %c", letter);
}

static cdz_rc number(struct compiler *c, enum jd_field field, int min, int max, enum jd_sign sign)
{
    return add(
        c, (struct jd_item){.op = JD_NUMBER, .field = field, .min = min, .max = max, .sign = sign});
}

/* d, H, m ...: one letter as short as it can be, two letters two digits. */
static cdz_rc plain(struct compiler *c, enum jd_field field, char letter, int count)
{
    if (count == 1)
        return number(c, field, 1, 19, JD_NORMAL);
    if (count == 2)
        return number(c, field, 2, 2, JD_NOT_NEGATIVE);
    return too_many(c, letter);
}

static cdz_rc year(struct compiler *c, enum jd_field field, char letter, int count)
{
    if (count == 2)
        return add(
            c, (struct jd_item){
                   .op = JD_REDUCED, .field = field, .min = 2, .max = 2, .sign = JD_NOT_NEGATIVE});
    if (count > 19)
        return too_many(c, letter);
    return number(c, field, count, 19, count < 4 ? JD_NORMAL : JD_EXCEEDS_PAD);
}

static cdz_rc text(struct compiler *c, enum jd_field field, char letter, int count, bool standalone)
{
    if (count > 5)
        return too_many(c, letter);
    return add(c, (struct jd_item){.op = JD_TEXT,
                                   .field = field,
                                   .standalone = standalone,
                                   .style = count == 5   ? JD_NARROW
                                            : count == 4 ? JD_FULL
                                                         : JD_SHORT});
}

static cdz_rc offset(struct compiler *c, enum jd_offset style, cdz_str zero)
{
    return add(c, (struct jd_item){.op = JD_OFFSET, .style = (int)style, .text = zero});
}

static cdz_rc x_offset(struct compiler *c, char letter, int count)
{
    static const enum jd_offset style[] = {JD_HHmm, JD_HHMM, JD_HH_MM, JD_HHMMss, JD_HH_MM_ss};
    static const char *const zero[] = {"+00", "+0000", "+00:00", "+0000", "+00:00"};
    if (count > 5)
        return too_many(c, letter);
    return offset(c, style[count - 1], letter == 'X' ? CDZ_STR("Z") : cdz_str_z(zero[count - 1]));
}

static cdz_rc z_offset(struct compiler *c, int count)
{
    if (count <= 3)
        return offset(c, JD_HHMM, CDZ_STR("+0000"));
    if (count == 4)
        return add(c, (struct jd_item){.op = JD_GMT, .style = JD_FULL});
    if (count == 5)
        return offset(c, JD_HH_MM_ss, CDZ_STR("Z"));
    return too_many(c, 'Z');
}

static cdz_rc local_day(struct compiler *c, char letter, int count)
{
    if (count == 1 || (count == 2 && letter == 'e'))
        return number(c, JD_LOCAL_DAY_OF_WEEK, count, count, JD_NOT_NEGATIVE);
    if (count == 2)
        return cdz_fail(c->err, CDZ_E_INVALID, "Invalid pattern \"cc\"");
    return text(c, JD_DAY_OF_WEEK, letter, count, letter == 'c');
}

/* The letters that a date is made of. */
static cdz_rc date_letter(struct compiler *c, char letter, int count)
{
    switch (letter) {
    case 'G':
        return text(c, JD_ERA, letter, count, false);
    case 'u':
        return year(c, JD_YEAR, letter, count);
    case 'y':
        return year(c, JD_YEAR_OF_ERA, letter, count);
    case 'Y':
        return year(c, JD_WEEK_YEAR, letter, count);
    case 'Q':
    case 'q':
        return count < 3 ? plain(c, JD_QUARTER, letter, count)
                         : text(c, JD_QUARTER, letter, count, letter == 'q');
    case 'M':
    case 'L':
        return count < 3 ? plain(c, JD_MONTH, letter, count)
                         : text(c, JD_MONTH, letter, count, letter == 'L');
    case 'w':
        return plain(c, JD_WEEK, letter, count);
    case 'W':
        return count == 1 ? number(c, JD_WEEK_OF_MONTH, 1, 1, JD_NOT_NEGATIVE)
                          : too_many(c, letter);
    case 'd':
        return plain(c, JD_DAY, letter, count);
    case 'D':
        if (count == 1)
            return number(c, JD_DAY_OF_YEAR, 1, 19, JD_NORMAL);
        return count <= 3 ? number(c, JD_DAY_OF_YEAR, count, 3, JD_NOT_NEGATIVE)
                          : too_many(c, letter);
    case 'F':
        return count == 1 ? number(c, JD_ALIGNED_WEEK, 1, 19, JD_NORMAL) : too_many(c, letter);
    case 'g':
        return count <= 19 ? number(c, JD_JULIAN, count, 19, JD_NORMAL) : too_many(c, letter);
    case 'E':
        return text(c, JD_DAY_OF_WEEK, letter, count, false);
    default: /* e, c */
        return local_day(c, letter, count);
    }
}

static cdz_rc time_letter(struct compiler *c, char letter, int count)
{
    switch (letter) {
    case 'a':
        return count == 1 ? text(c, JD_AMPM, letter, 1, false) : too_many(c, letter);
    case 'B':
        if (count != 1 && count != 4 && count != 5)
            return cdz_fail(c->err, CDZ_E_INVALID, "Wrong number of pattern letters: B");
        return add(c, (struct jd_item){.op = JD_PERIOD, .max = count});
    case 'H':
        return plain(c, JD_HOUR, letter, count);
    case 'k':
        return plain(c, JD_HOUR_1_24, letter, count);
    case 'K':
        return plain(c, JD_HOUR_0_11, letter, count);
    case 'h':
        return plain(c, JD_HOUR_1_12, letter, count);
    case 'm':
        return plain(c, JD_MINUTE, letter, count);
    case 's':
        return plain(c, JD_SECOND, letter, count);
    case 'S':
        if (count > 9)
            return too_many(c, letter);
        return add(c, (struct jd_item){
                          .op = JD_FRACTION, .min = count, .max = count, .sign = JD_NOT_NEGATIVE});
    case 'A':
        return count <= 19 ? number(c, JD_MILLI_OF_DAY, count, 19, JD_NOT_NEGATIVE)
                           : too_many(c, letter);
    case 'n':
        return count <= 19 ? number(c, JD_NANO, count, 19, JD_NOT_NEGATIVE) : too_many(c, letter);
    default: /* N */
        return count <= 19 ? number(c, JD_NANO_OF_DAY, count, 19, JD_NOT_NEGATIVE)
                           : too_many(c, letter);
    }
}

static cdz_rc zone_letter(struct compiler *c, char letter, int count)
{
    switch (letter) {
    case 'V':
        if (count != 2)
            return cdz_fail(c->err, CDZ_E_INVALID, "Pattern letter count must be 2: V");
        return add(c, (struct jd_item){.op = JD_ZONE_ID});
    case 'v':
        if (count != 1 && count != 4)
            return cdz_fail(c->err, CDZ_E_INVALID, "Wrong number of pattern letters: v");
        return add(c, (struct jd_item){.op = JD_ZONE_NAME, .style = 'v', .max = count});
    case 'z':
        return count <= 4 ? add(c, (struct jd_item){.op = JD_ZONE_NAME, .style = 'z', .max = count})
                          : too_many(c, letter);
    case 'O':
        if (count != 1 && count != 4)
            return cdz_fail(c->err, CDZ_E_INVALID, "Pattern letter count must be 1 or 4: O");
        return add(c, (struct jd_item){.op = JD_GMT, .style = count == 4 ? JD_FULL : JD_SHORT});
    case 'Z':
        return z_offset(c, count);
    default: /* X, x */
        return x_offset(c, letter, count);
    }
}

static cdz_rc internal_letter(struct compiler *c, char letter)
{
    switch (letter) {
    case '\1':
        return add(c, (struct jd_item){.op = JD_FRACTION, .min = 0, .max = 9, .point = true});
    case '\2':
        return add(c, (struct jd_item){.op = JD_ZONE_ID, .region = true});
    case '\3':
        return number(c, JD_ISO_WEEK_YEAR, 4, 10, JD_EXCEEDS_PAD);
    case '\4':
        return number(c, JD_ISO_WEEK, 2, 2, JD_NOT_NEGATIVE);
    case '\5':
        return number(c, JD_DAY_OF_WEEK, 1, 1, JD_NOT_NEGATIVE);
    case '\6':
        return add(c, (struct jd_item){.op = JD_INSTANT});
    default: /* \7 */
        return offset(c, JD_HHMM, CDZ_STR("GMT"));
    }
}

static cdz_rc section(struct compiler *c, char bracket)
{
    if (bracket == '[') {
        if (c->open_n == JD_OPEN_MAX)
            return cdz_fail(c->err, CDZ_E_LIMIT, "optional sections nested more than %d deep",
                            JD_OPEN_MAX);
        c->open[c->open_n++] = c->to->n;
        return add(c, (struct jd_item){.op = JD_OPEN});
    }
    if (c->open_n == 0)
        return cdz_fail(c->err, CDZ_E_INVALID,
                        "Pattern invalid as it contains ] without previous [");
    c->to->items[c->open[--c->open_n]].end = c->to->n;
    return add(c, (struct jd_item){.op = JD_CLOSE});
}

/* From the quote at s[*at] to behind its end; two quotes inside are one, and so is nothing at all.
 */
static cdz_rc quoted(struct compiler *c, cdz_str s, size_t *at)
{
    size_t from = *at + 1;
    if (from < s.n && s.p[from] == '\'' && (from + 1 == s.n || s.p[from + 1] != '\'')) {
        *at += 2;
        return literal(c, CDZ_STR("'"));
    }
    for (size_t i = from; i < s.n; i++) {
        if (s.p[i] != '\'')
            continue;
        bool pair = i + 1 < s.n && s.p[i + 1] == '\'';
        CDZ_TRY(literal(c, cdz_str_sub(s, from, i + pair))); /* with one of a pair */
        if (!pair) {
            *at = i + 1;
            return CDZ_OK;
        }
        from = ++i + 1;
    }
    return cdz_fail(c->err, CDZ_E_INVALID, "Pattern ends with an incomplete string literal: %.*s",
                    CDZ_S(s));
}

static bool is_letter(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

static cdz_rc letters(struct compiler *c, cdz_str s, size_t *at)
{
    char letter = s.p[*at];
    int count = 0;
    while (*at < s.n && s.p[*at] == letter) {
        ++*at;
        count++;
    }
    if (letter == 'p') {
        if (*at == s.n || !is_letter(s.p[*at]) || s.p[*at] == 'p')
            return cdz_fail(c->err, CDZ_E_INVALID,
                            "Pad letter 'p' must be followed by valid pad pattern");
        CDZ_TRY(add(c, (struct jd_item){.op = JD_PAD, .min = count}));
        return letters(c, s, at); /* once: no second 'p' can follow */
    }
    if (strchr("GuyYQqMLwWdDFgEec", letter))
        return date_letter(c, letter, count);
    if (strchr("aBHkKhmsSAnN", letter))
        return time_letter(c, letter, count);
    if (strchr("VvzOZXx", letter))
        return zone_letter(c, letter, count);
    return cdz_fail(c->err, CDZ_E_INVALID, "Unknown pattern letter: %c", letter);
}

static cdz_rc pattern_compile(struct compiler *c, cdz_str s)
{
    for (size_t i = 0; i < s.n;) {
        char ch = s.p[i];
        if (is_letter(ch)) {
            CDZ_TRY(letters(c, s, &i));
        } else if (ch == '\'') {
            CDZ_TRY(quoted(c, s, &i));
        } else if (ch == '[' || ch == ']') {
            CDZ_TRY(section(c, ch));
            i++;
        } else if (ch == '{' || ch == '}' || ch == '#') {
            return cdz_fail(c->err, CDZ_E_INVALID, "Pattern includes reserved character: '%c'", ch);
        } else if (c->internal && ch >= '\1' && ch <= '\7') {
            CDZ_TRY(internal_letter(c, ch));
            i++;
        } else {
            CDZ_TRY(literal(c, cdz_str_sub(s, i, i + 1)));
            i++;
        }
    }
    while (c->open_n > 0) /* sections left open end here, as in Java */
        CDZ_TRY(section(c, ']'));
    return CDZ_OK;
}

cdz_rc cdz_jd_compile(cdz_str format, cdz_str locale, struct jd_format *ret, struct cdz_err *err)
{
    struct compiler c = {.to = ret, .adjacent = -1, .err = err};
    ret->n = 0;
    ret->any_case = false;
    CDZ_TRY(cdz_jd_locale(locale, &ret->locale, err));
    if (format.n > JD_PATTERN_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "date pattern longer than %d bytes", JD_PATTERN_MAX);
    for (size_t i = 0; i < CDZ_COUNT(styles); i++) {
        if (cdz_str_is(format, styles[i])) {
            CDZ_TRY(cdz_jd_style_pattern(&ret->locale, (int)i, ret->localized, err));
            return pattern_compile(&c, cdz_str_z(ret->localized));
        }
    }
    for (size_t i = 0; i < CDZ_COUNT(named); i++) {
        if (!cdz_str_is(format, named[i].name))
            continue;
        c.internal = true;
        ret->any_case = i >= FIRST_ANY_CASE;
        if (ret->any_case) /* ISO and RFC texts are English in every locale */
            ret->locale.english = true;
        return pattern_compile(&c, cdz_str_z(named[i].pattern));
    }
    return pattern_compile(&c, format);
}
