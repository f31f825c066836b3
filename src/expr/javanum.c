/*
 * javanum.c -- formats numbers by java.text.DecimalFormat's patterns; see javanum.h.
 *
 * A number becomes decimal digits first: value = 0.d1d2d3... * 10^at. A double gives its shortest
 * digits, as Java's does, and remembers on which side of a tie its exact value lies. All rounding
 * is then on digits, half to even.
 */
#include "expr/javanum.h"

#include <limits.h>
#include <math.h>

#include "base/limits.h"

enum {
    DIGITS_MAX = 800,   /* a double has at most 767 significant digits */
    FRACTION_MAX = 340, /* DecimalFormat's own bound of fraction digits */
    AFFIX_MAX = 200,
    PATTERN_MAX = 1000,
};

/* ---- patterns ---- */

struct affix {
    char p[AFFIX_MAX];
    size_t n;
};

struct pattern {
    struct affix prefix, suffix, minus_prefix, minus_suffix;
    bool has_minus; /* a pattern of its own for negative numbers */
    int scale;      /* 0, 2 (percent) or 3 (per mille): powers of ten to multiply by */
    int int_min, int_max, fraction_min, fraction_max, group;
    int exponent_min; /* digits of the exponent; 0: no exponent */
    bool point_always;
};

/* What stands between the affixes, counted as the characters come. */
struct counts {
    int left, zero, right; /* '#' before zeros, zeros, '#' behind them */
    int point, group;      /* position of '.', digits since ','; -1: none */
    int exponent;
};

static cdz_rc malformed(struct cdz_err *err, cdz_str pattern)
{
    return cdz_fail(err, CDZ_E_INVALID, "Malformed pattern \"%.*s\"", CDZ_S(pattern));
}

static bool affix_put(struct affix *to, const char *p, size_t n)
{
    if (to->n + n > AFFIX_MAX)
        return false;
    memcpy(to->p + to->n, p, n);
    to->n += n;
    return true;
}

static bool is_number_char(char c)
{
    return c == '#' || c == '0' || c == ',' || c == '.';
}

/* An affix from s[*at]; ends at a number character (prefix), at `;` or at the end. */
static cdz_rc affix_parse(struct pattern *p, cdz_str s, size_t *at, bool suffix, struct affix *ret,
                          struct cdz_err *err)
{
    bool quoted = false, fits = true;
    size_t i = *at;
    while (i < s.n && fits) {
        char c = s.p[i];
        if (c == '\'') {
            if (i + 1 < s.n && s.p[i + 1] == '\'') {
                fits = affix_put(ret, "'", 1);
                i++;
            } else {
                quoted = !quoted;
            }
            i++;
            continue;
        }
        if (!quoted) {
            bool permille = cdz_str_starts(cdz_str_sub(s, i, s.n), CDZ_STR("\u2030"));
            if (c == ';')
                break;
            if (is_number_char(c)) {
                if (suffix)
                    return cdz_fail(err, CDZ_E_INVALID,
                                    "Unquoted special character '%c' in pattern \"%.*s\"", c,
                                    CDZ_S(s));
                break;
            }
            if (c == '%' || permille) {
                if (p->scale)
                    return cdz_fail(err, CDZ_E_INVALID,
                                    "Too many percent/per mille characters in pattern \"%.*s\"",
                                    CDZ_S(s));
                p->scale = permille ? 3 : 2;
            }
        }
        fits = affix_put(ret, &c, 1);
        i++;
    }
    if (quoted || !fits)
        return malformed(err, s);
    *at = i;
    return CDZ_OK;
}

/* The number part from s[*at]. */
static cdz_rc counts_parse(struct counts *n, cdz_str s, size_t *at, struct cdz_err *err)
{
    size_t i = *at;
    for (; i < s.n && is_number_char(s.p[i]); i++) {
        char c = s.p[i];
        if (c == ',') {
            n->group = 0;
            continue;
        }
        if (c == '.') {
            if (n->point >= 0)
                return cdz_fail(err, CDZ_E_INVALID,
                                "Multiple decimal separators in pattern \"%.*s\"", CDZ_S(s));
            n->point = n->left + n->zero + n->right;
            continue;
        }
        if (c == '0' && n->right > 0)
            return cdz_fail(err, CDZ_E_INVALID, "Unexpected '0' in pattern \"%.*s\"", CDZ_S(s));
        (*(c == '0' ? &n->zero : n->zero > 0 ? &n->right : &n->left))++;
        if (n->group >= 0 && n->point < 0)
            n->group++;
    }
    if (i < s.n && s.p[i] == 'E') {
        for (i++; i < s.n && s.p[i] == '0'; i++)
            n->exponent++;
        if (n->left + n->zero < 1 || n->exponent < 1)
            return malformed(err, s);
    }
    *at = i;
    return CDZ_OK;
}

/* From the counted characters to the bounds they stand for. */
static cdz_rc bounds_set(struct pattern *p, struct counts *n, cdz_str s, struct cdz_err *err)
{
    if (n->zero == 0 && n->left > 0 &&
        n->point >= 0) { /* "#.##": the digit before the point is a zero */
        int whole = n->point == 0 ? 1 : n->point;
        n->right = n->left - whole;
        n->left = whole - 1;
        n->zero = 1;
    }
    if ((n->point < 0 && n->right > 0) ||
        (n->point >= 0 && (n->point < n->left || n->point > n->left + n->zero)) || n->group == 0)
        return malformed(err, s);
    int total = n->left + n->zero + n->right, point = n->point >= 0 ? n->point : total;
    p->int_min = point - n->left;
    p->int_max = n->exponent ? n->left + p->int_min : INT_MAX;
    p->fraction_max = n->point >= 0 ? total - n->point : 0;
    p->fraction_min = n->point >= 0 ? n->left + n->zero - n->point : 0;
    p->group = n->group > 0 ? n->group : 0;
    p->exponent_min = n->exponent;
    p->point_always = n->point == 0 || n->point == total;
    return CDZ_OK;
}

static cdz_rc pattern_parse(cdz_str s, struct pattern *p, struct cdz_err *err)
{
    struct counts n = {.point = -1, .group = -1};
    size_t at = 0;
    *p = (struct pattern){0};
    if (s.n > PATTERN_MAX)
        return cdz_fail(err, CDZ_E_LIMIT, "number pattern longer than %d bytes", PATTERN_MAX);
    if (s.n == 0) { /* everything as it is */
        p->int_max = INT_MAX;
        p->fraction_max = FRACTION_MAX;
        p->group = 3;
        return CDZ_OK;
    }
    CDZ_TRY(affix_parse(p, s, &at, false, &p->prefix, err));
    CDZ_TRY(counts_parse(&n, s, &at, err));
    CDZ_TRY(affix_parse(p, s, &at, true, &p->suffix, err));
    CDZ_TRY(bounds_set(p, &n, s, err));
    if (at < s.n) { /* the negative pattern: only its affixes count */
        struct counts ignored = {.point = -1, .group = -1};
        struct pattern scale = {0};
        at++;
        CDZ_TRY(affix_parse(&scale, s, &at, false, &p->minus_prefix, err));
        CDZ_TRY(counts_parse(&ignored, s, &at, err));
        CDZ_TRY(affix_parse(&scale, s, &at, true, &p->minus_suffix, err));
        p->has_minus = p->minus_prefix.n != p->prefix.n || p->minus_suffix.n != p->suffix.n ||
                       memcmp(p->minus_prefix.p, p->prefix.p, p->prefix.n) != 0 ||
                       memcmp(p->minus_suffix.p, p->suffix.p, p->suffix.n) != 0;
    }
    return CDZ_OK;
}

/* ---- digits ---- */

struct digits {
    char d[DIGITS_MAX]; /* without leading and trailing zeros */
    int n, at;          /* value = 0.d * 10^at; n == 0: zero */
    bool negative;
    int tie; /* where the exact value lies from these digits: -1 below, 0 there, 1 above */
    bool infinite, nan;
};

/* From "ddd.dddE+xx" (any part may be missing). */
static bool digits_of_text(struct digits *ret, cdz_str s)
{
    size_t i = 0;
    bool point = false;
    *ret = (struct digits){0};
    if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
        ret->negative = s.p[i++] == '-';
    for (; i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.'); i++) {
        if (s.p[i] == '.') {
            point = true;
        } else if (ret->n == 0 && s.p[i] == '0') { /* leading zeros */
            ret->at -= point;
        } else if (ret->n < DIGITS_MAX) {
            ret->d[ret->n++] = s.p[i];
            ret->at += !point;
        } else {
            ret->at += !point;
        }
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        int64_t exponent;
        if (!cdz_str_to_i64(cdz_str_sub(s, i + 1 + (i + 1 < s.n && s.p[i + 1] == '+'), s.n),
                            &exponent) ||
            exponent > 100000 || exponent < -100000)
            return false;
        ret->at += (int)exponent;
    } else if (i < s.n) {
        return false;
    }
    while (ret->n > 0 && ret->d[ret->n - 1] == '0')
        ret->n--;
    if (ret->n == 0)
        ret->at = 0;
    return true;
}

static void digits_of_double(struct digits *ret, double f)
{
    char text[DIGITS_MAX + 40];
    struct digits exact;
    *ret = (struct digits){.negative = signbit(f), .infinite = isinf(f), .nan = isnan(f)};
    if (ret->infinite || ret->nan || f == 0)
        return;
    for (int precision = 0; precision <= 16;
         precision++) { /* the fewest digits that read back as f */
        int n = snprintf(text, sizeof(text), "%.*e", precision, f);
        digits_of_text(ret, (cdz_str){text, (size_t)n});
        if (strtod(text, NULL) == f)
            break;
    }
    int n = snprintf(text, sizeof(text), "%.*e", 766, f);
    digits_of_text(&exact, (cdz_str){text, (size_t)n});
    int order = memcmp(exact.d, ret->d, (size_t)(exact.n < ret->n ? exact.n : ret->n));
    if (exact.at != ret->at)
        order = exact.at < ret->at ? -1 : 1;
    if (order == 0)
        order = exact.n - ret->n;
    ret->tie = (order > 0) - (order < 0);
}

static cdz_rc digits_of(struct digits *ret, cdz_val v, int scale, struct cdz_err *err)
{
    char text[32];
    switch ((enum cdz_kind)v.kind) {
    case CDZ_INT: {
        int n = snprintf(text, sizeof(text), "%lld", (long long)v.i);
        digits_of_text(ret, (cdz_str){text, (size_t)n});
        break;
    }
    case CDZ_FLOAT: /* Java multiplies in binary: 0.256 * 100 */
        digits_of_double(ret, scale == 2 ? v.f * 100 : scale == 3 ? v.f * 1000 : v.f);
        return CDZ_OK;
    case CDZ_DECIMAL:
        if (!digits_of_text(ret, cdz_val_str(v)))
            return cdz_fail(err, CDZ_E_INVALID, "the decimal has too large an exponent");
        break;
    default:
        return cdz_fail(err, CDZ_E_INVALID, "Cannot format given Object as a Number");
    }
    if (ret->n > 0)
        ret->at += scale;
    return CDZ_OK;
}

/* Whether cutting the digits at `keep` must add one to the last that stays. */
static bool rounds_up(const struct digits *d, int keep)
{
    if (d->d[keep] != '5')
        return d->d[keep] > '5';
    if (keep + 1 < d->n) /* there are no trailing zeros: something follows the 5 */
        return true;
    if (d->tie)
        return d->tie > 0;
    return keep > 0 && (d->d[keep - 1] - '0') % 2 != 0;
}

/* Keeps at most `keep` digits; fewer than none gives zero. */
static void digits_round(struct digits *d, int keep)
{
    if (keep >= d->n)
        return;
    bool up = keep >= 0 && rounds_up(d, keep);
    d->n = keep < 0 ? 0 : keep;
    if (up) {
        while (d->n > 0 && d->d[d->n - 1] == '9')
            d->n--;
        if (d->n == 0) {
            d->d[d->n++] = '1';
            d->at++;
        } else {
            d->d[d->n - 1]++;
        }
    }
    while (d->n > 0 && d->d[d->n - 1] == '0')
        d->n--;
    if (d->n == 0)
        d->at = 0;
}

/* ---- output ---- */

static void fixed_print(struct cdz_buf *to, const struct pattern *p, struct digits *d)
{
    int keep = d->at + p->fraction_max;
    if (d->n > 0 && keep < d->n)
        digits_round(d, keep < 0 ? -1 : keep);
    int whole = d->at > p->int_min ? d->at : p->int_min;
    size_t start = to->n;
    for (int i = whole; i > 0; i--) {
        int from = d->at - i; /* index of the digit at 10^(i-1) */
        cdz_buf_c(to, from >= 0 && from < d->n ? d->d[from] : '0');
        if (p->group > 0 && i > 1 && (i - 1) % p->group == 0)
            cdz_buf_c(to, ',');
    }
    int fraction = d->n - d->at > p->fraction_min ? d->n - d->at : p->fraction_min;
    if (d->n == 0)
        fraction = p->fraction_min;
    if (fraction <= 0 && to->n == start) /* nothing at all: a zero */
        cdz_buf_c(to, '0');
    if (fraction > 0 || p->point_always)
        cdz_buf_c(to, '.');
    for (int i = 0; i < fraction; i++) {
        int from = d->at + i;
        cdz_buf_c(to, from >= 0 && from < d->n ? d->d[from] : '0');
    }
}

static void exponent_print(struct cdz_buf *to, const struct pattern *p, struct digits *d)
{
    int significant = p->int_max + p->fraction_max, repeat = p->int_max, int_min = p->int_min;
    if (significant > 0)
        digits_round(d, significant);
    int exponent = d->at;
    if (repeat > 1 && repeat > int_min) { /* engineering: the exponent is a multiple of `repeat` */
        exponent = exponent >= 1 ? (exponent - 1) / repeat * repeat
                                 : (exponent - repeat) / repeat * repeat;
        int_min = 1;
    } else {
        exponent -= int_min;
    }
    int least = p->int_min + p->fraction_min, whole = d->n == 0 ? int_min : d->at - exponent;
    if (d->n == 0)
        exponent = 0;
    if (least < whole)
        least = whole;
    int total = d->n > least ? d->n : least;
    for (int i = 0; i < total; i++) {
        if (i == whole)
            cdz_buf_c(to, '.');
        cdz_buf_c(to, i < d->n ? d->d[i] : '0');
    }
    if (p->point_always && total == whole)
        cdz_buf_c(to, '.');
    cdz_buf_printf(to, "E%s%0*d", exponent < 0 ? "-" : "", p->exponent_min, abs(exponent));
}

cdz_rc cdz_javanum_format(struct cdz_buf *to, cdz_val v, cdz_str text, struct cdz_err *err)
{
    struct pattern p;
    struct digits d;
    CDZ_TRY(pattern_parse(text, &p, err));
    CDZ_TRY(digits_of(&d, v, p.scale, err));
    if (d.nan) {
        cdz_buf_z(to, "NaN");
        return CDZ_OK;
    }
    bool minus = d.negative && p.has_minus;
    if (d.negative && !p.has_minus)
        cdz_buf_c(to, '-');
    cdz_buf_add(to, minus ? p.minus_prefix.p : p.prefix.p, minus ? p.minus_prefix.n : p.prefix.n);
    if (d.infinite)
        cdz_buf_z(to, "\u221E");
    else if (p.exponent_min > 0)
        exponent_print(to, &p, &d);
    else
        fixed_print(to, &p, &d);
    cdz_buf_add(to, minus ? p.minus_suffix.p : p.suffix.p, minus ? p.minus_suffix.n : p.suffix.n);
    return CDZ_OK;
}
