/* mask.c -- see mask.h. */
#include "task/mask.h"

#include <stdlib.h>

#include "base/limits.h"

enum { LINE_MIN = 8 }; /* shorter lines of a longer secret are no secret: "{", "EOF" */

void cdz_mask_init(struct cdz_mask *m)
{
    *m = (struct cdz_mask){.mu = PTHREAD_MUTEX_INITIALIZER};
}

void cdz_mask_reset(struct cdz_mask *m)
{
    pthread_mutex_lock(&m->mu);
    for (size_t i = 0; i < m->n; i++) {
        explicit_bzero(m->v[i].p, m->v[i].n);
        cdz_buf_done(&m->v[i]);
    }
    m->n = 0;
    pthread_mutex_unlock(&m->mu);
}

void cdz_mask_done(struct cdz_mask *m)
{
    cdz_mask_reset(m);
    free(m->v);
    pthread_mutex_destroy(&m->mu);
}

/* Lock: m->mu held. */
static void add_one(struct cdz_mask *m, cdz_str secret)
{
    size_t at = m->n;
    if (!secret.n || m->n >= CDZ_SECRETS_MAX)
        return;
    for (size_t i = 0; i < m->n; i++) {
        if (cdz_str_eq(cdz_buf_get(&m->v[i]), secret))
            return;
    }
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 8;
        m->v = realloc(m->v, m->cap * sizeof(*m->v));
        if (!m->v)
            abort();
    }
    for (; at > 0 && m->v[at - 1].n < secret.n; at--)
        m->v[at] = m->v[at - 1];
    m->v[at] = (struct cdz_buf)CDZ_BUF_INIT;
    cdz_buf_str(&m->v[at], secret);
    m->n++;
}

void cdz_mask_add(struct cdz_mask *m, cdz_str secret)
{
    pthread_mutex_lock(&m->mu);
    add_one(m, secret);
    for (size_t at = 0; at < secret.n;) {
        size_t end = cdz_str_chr(secret, '\n', at);
        cdz_str line = cdz_str_trim(cdz_str_sub(secret, at, end));
        if (line.n >= LINE_MIN && line.n < secret.n)
            add_one(m, line);
        at = end == SIZE_MAX ? secret.n : end + 1;
    }
    pthread_mutex_unlock(&m->mu);
}

static void put_stars(struct cdz_buf *to, cdz_str secret)
{
    size_t characters = 0;
    for (size_t at = 0; at < secret.n; characters++)
        (void)cdz_utf8_next(secret, &at);
    if (characters >= 9) {
        cdz_buf_z(to, "**masked*");
        characters -= 9;
    }
    for (; characters > 0; characters--)
        cdz_buf_c(to, '*');
}

/* The longest secret that begins there. Lock: m->mu held. */
static const struct cdz_buf *secret_at(const struct cdz_mask *m, cdz_str text, size_t at)
{
    cdz_str rest = cdz_str_sub(text, at, text.n);
    for (size_t i = 0; i < m->n; i++) {
        if (rest.p[0] == m->v[i].p[0] && cdz_str_starts(rest, cdz_buf_get(&m->v[i])))
            return &m->v[i];
    }
    return NULL;
}

bool cdz_mask_apply(struct cdz_mask *m, cdz_str text, struct cdz_buf *to)
{
    size_t from = 0;
    bool any = false;
    if (!m || atomic_load(&m->n) == 0)
        return false;
    pthread_mutex_lock(&m->mu);
    for (size_t at = 0; at < text.n;) {
        const struct cdz_buf *secret = secret_at(m, text, at);
        if (!secret) {
            at++;
            continue;
        }
        any = true;
        cdz_buf_str(to, cdz_str_sub(text, from, at));
        put_stars(to, cdz_buf_get(secret));
        from = at += secret->n;
    }
    pthread_mutex_unlock(&m->mu);
    if (any)
        cdz_buf_str(to, cdz_str_sub(text, from, text.n));
    return any;
}
