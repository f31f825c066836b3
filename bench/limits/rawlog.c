/*
 * rawlog.c -- the ceiling of group commit: records of 1 kB appended to a preallocated file, one
 * fdatasync for each batch.
 *
 *   rawlog DIR [BATCH] [SECONDS]
 */
#include <fcntl.h>
#include <unistd.h>

#include "limit.h"

enum { RECORD = 1024, FILE_BYTES = 64 << 20, BATCH_MAX = 10000 };

int main(int argc, char **argv)
{
    char path[4096];
    if (argc < 2) {
        fprintf(stderr, "usage: rawlog DIR [BATCH] [SECONDS]\n");
        return 2;
    }
    size_t batch = (size_t)limit_arg(argc, argv, 2, 100);
    double seconds = (double)limit_arg(argc, argv, 3, 2);
    if (batch > BATCH_MAX)
        batch = BATCH_MAX;
    char *bytes = calloc(batch, RECORD);
    snprintf(path, sizeof(path), "%s/rawlog.bin", argv[1]);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || !bytes)
        limit_die(path);
    for (off_t at = 0; at < FILE_BYTES; at += RECORD) {
        if (pwrite(fd, bytes, RECORD, at) != RECORD)
            limit_die("pwrite");
    }
    if (fsync(fd) != 0)
        limit_die("fsync");
    double begin = limit_now();
    size_t n = 0;
    off_t at = 0;
    while (limit_now() - begin < seconds) {
        for (size_t i = 0; i < batch; i++)
            memcpy(bytes + i * RECORD, &n, sizeof(n));
        if (at + (off_t)(batch * RECORD) > FILE_BYTES)
            at = 0;
        if (pwrite(fd, bytes, batch * RECORD, at) != (ssize_t)(batch * RECORD) ||
            fdatasync(fd) != 0)
            limit_die("fdatasync");
        at += (off_t)(batch * RECORD);
        n += batch;
    }
    printf("{\"batch\":%zu,\"records\":%zu,\"per_second\":%.1f}\n", batch, n,
           (double)n / (limit_now() - begin));
    close(fd);
    unlink(path);
    free(bytes);
    return 0;
}
