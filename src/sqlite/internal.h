/* internal.h -- what db.c (files, readers) and writer.c (transactions, checkpoints) share; for
 * these two only. */
#ifndef CDZ_SQLITE_INTERNAL_H
#define CDZ_SQLITE_INTERNAL_H

#include <pthread.h>

#include "sqlite/db.h"

enum { IDLE_READERS_MAX = 4 };

struct cdz_db {
    char *file;
    int lock_fd;
    size_t cache_bytes, wal_pages_max;

    pthread_t writer_thread, checkpoint_thread;
    struct cdz_conn *writer; /* thread: writer */

    pthread_mutex_t mutex;     /* guards all below */
    pthread_cond_t work;       /* jobs, a checkpoint to finish, or the end: wakes the writer */
    pthread_cond_t quiet;      /* no transaction is under way: wakes set_hooks */
    pthread_cond_t checkpoint; /* wakes the checkpointer */
    struct cdz_db_job *first, **last; /* waiting jobs */
    size_t eager;                     /* of them not lazy */
    cdz_us lazy_until; /* monotonic: when lazy ones that wait alone are carried out */
    const struct cdz_db_hooks *hooks;
    bool busy; /* the writer is inside a transaction or its callbacks */
    bool stop_writer, stop_checkpointer;
    uint64_t wal_pages;     /* frames in the log after the last commit */
    bool want_checkpoint;   /* the log is long: for the checkpointer */
    bool finish_checkpoint; /* the checkpointer is through: the writer does the rest */
    struct cdz_db_stats stats;

    pthread_mutex_t readers_mutex; /* guards the two below; never taken with mutex held */
    struct cdz_conn *idle[IDLE_READERS_MAX];
    size_t idle_n;
};

/* Starts both threads; db->writer is open. */
cdz_rc cdz_writer_start(struct cdz_db *db, struct cdz_err *err);
/* Carries out what waits and joins both. */
void cdz_writer_stop(struct cdz_db *db);

#endif
