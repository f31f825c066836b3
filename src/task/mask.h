/*
 * mask.h -- the secrets that one attempt has been given, and their removal from what it says: every
 * occurrence becomes as many asterisks; of nine or more the first nine read `**masked*`.
 * reference/execution.md §2.
 *
 * A secret of several lines also hides each of its longer lines, since scripts print line by line.
 * Threads: any.
 */
#ifndef CDZ_TASK_MASK_H
#define CDZ_TASK_MASK_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"

struct cdz_mask {
    pthread_mutex_t mu;
    atomic_size_t n;   /* of v; read without the lock to see that there is nothing to do */
    struct cdz_buf *v; /* guarded by mu: longest first */
    size_t cap;
};

void cdz_mask_init(struct cdz_mask *m);
void cdz_mask_done(struct cdz_mask *m);
/* Forgets all: the next attempt. */
void cdz_mask_reset(struct cdz_mask *m);
/* Empty texts are ignored; beyond CDZ_SECRETS_MAX the rest is, too. */
void cdz_mask_add(struct cdz_mask *m, cdz_str secret);
/* True: to holds the text without the secrets. False: there was none in it, to is untouched. m may be
 * NULL. */
bool cdz_mask_apply(struct cdz_mask *m, cdz_str text, struct cdz_buf *to);

#endif
