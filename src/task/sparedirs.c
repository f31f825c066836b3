#include "task/sparedirs.h"

#include <pthread.h>
#include <unistd.h>

enum { SPARE_MAX = 32 };

struct cdz_spare_dirs {
    pthread_mutex_t mu;
    char *paths[SPARE_MAX]; /* guarded by mu */
    size_t n;
};

struct cdz_spare_dirs *cdz_spare_dirs_open(void)
{
    struct cdz_spare_dirs *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    pthread_mutex_init(&s->mu, NULL);
    return s;
}

void cdz_spare_dirs_close(struct cdz_spare_dirs *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        (void)rmdir(
            s->paths[i]); /* not empty: whoever put something there after the attempt keeps it */
        free(s->paths[i]);
    }
    pthread_mutex_destroy(&s->mu);
    free(s);
}

bool cdz_spare_dirs_take(struct cdz_spare_dirs *s, struct cdz_arena *arena, cdz_str *ret)
{
    char *path = NULL;
    if (!s)
        return false;
    pthread_mutex_lock(&s->mu);
    if (s->n > 0)
        path = s->paths[--s->n];
    pthread_mutex_unlock(&s->mu);
    if (!path)
        return false;
    *ret = cdz_arena_str(arena, cdz_str_z(path));
    free(path);
    return true;
}

bool cdz_spare_dirs_keep(struct cdz_spare_dirs *s, cdz_str path)
{
    if (!s)
        return false;
    char *copy = strndup(path.p, path.n);
    if (!copy)
        abort();
    pthread_mutex_lock(&s->mu);
    bool kept = s->n < SPARE_MAX;
    if (kept)
        s->paths[s->n++] = copy;
    pthread_mutex_unlock(&s->mu);
    if (!kept)
        free(copy);
    return kept;
}
