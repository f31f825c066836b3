/*
 * sqlite_hop.c -- the ceiling of a workflow engine that keeps its queue in SQLite: a hop takes a
 * message from the queue, writes the state of its execution, and puts the next message. Durable
 * (WAL, synchronous=FULL), one commit for each batch of hops, values of 2 kB.
 *
 *   sqlite_hop DIR [BATCH] [SECONDS]
 */
#include <sqlite3.h>
#include <unistd.h>

#include "limit.h"

enum { VALUE = 2048 };

static sqlite3 *db;

static void run(const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "sqlite_hop: %s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) {
        fprintf(stderr, "sqlite_hop: %s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }
    return s;
}

static void step(sqlite3_stmt *s)
{
    if (sqlite3_step(s) != SQLITE_DONE) {
        fprintf(stderr, "sqlite_hop: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
    sqlite3_reset(s);
}

/* Takes and handles `batch` messages in one transaction. Keys go round, so states are rewritten. */
static void hops(sqlite3_stmt *take, sqlite3_stmt *state, sqlite3_stmt *put, sqlite3_stmt *del,
                 long batch)
{
    static char value[VALUE];
    long n = 0;
    sqlite3_int64 last = 0;
    run("BEGIN IMMEDIATE");
    sqlite3_bind_int64(take, 1, batch);
    while (sqlite3_step(take) == SQLITE_ROW) {
        last = sqlite3_column_int64(take, 0);
        sqlite3_int64 key = sqlite3_column_int64(take, 1);
        memcpy(value, sqlite3_column_blob(take, 2), 64);
        sqlite3_bind_int64(state, 1, key);
        sqlite3_bind_blob(state, 2, value, VALUE, SQLITE_STATIC);
        step(state);
        /* Behind everything, or the cursor of `take` would meet it. */
        sqlite3_bind_int64(put, 1, key);
        sqlite3_bind_blob(put, 2, value, VALUE, SQLITE_STATIC);
        step(put);
        n++;
    }
    sqlite3_reset(take);
    sqlite3_bind_int64(del, 1, last);
    step(del);
    run("COMMIT");
    if (n != batch) {
        fprintf(stderr, "sqlite_hop: %ld of %ld messages\n", n, batch);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    char path[4096], other[4200];
    if (argc < 2) {
        fprintf(stderr, "usage: sqlite_hop DIR [BATCH] [SECONDS]\n");
        return 2;
    }
    long batch = limit_arg(argc, argv, 2, 100);
    double seconds = (double)limit_arg(argc, argv, 3, 2);
    snprintf(path, sizeof(path), "%s/hop.db", argv[1]);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        limit_die(path);
    run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;"
        "CREATE TABLE queue(id INTEGER PRIMARY KEY, key INTEGER, value BLOB);"
        "CREATE TABLE state(key INTEGER PRIMARY KEY, value BLOB) WITHOUT ROWID;"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
        "INSERT INTO queue(key, value) SELECT i % 1000, zeroblob(2048) FROM n");
    sqlite3_stmt *take = prepare("SELECT id, key, value FROM queue ORDER BY id LIMIT ?"),
                 *state = prepare("INSERT INTO state VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET "
                                  "value = excluded.value"),
                 *put = prepare("INSERT INTO queue(key, value) VALUES(?, ?)"),
                 *del = prepare("DELETE FROM queue WHERE id <= ?");
    double begin = limit_now();
    long n = 0;
    for (; limit_now() - begin < seconds; n += batch)
        hops(take, state, put, del, batch);
    double took = limit_now() - begin;
    printf("{\"batch\":%ld,\"hops\":%ld,\"per_second\":%.1f}\n", batch, n, (double)n / took);
    sqlite3_finalize(take);
    sqlite3_finalize(state);
    sqlite3_finalize(put);
    sqlite3_finalize(del);
    sqlite3_close(db);
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(other, sizeof(other), "%s%s", path, ends[i]);
        unlink(other);
    }
    return 0;
}
