/*
 * fsync.c -- the floor under one durable acknowledgement: write 4 kB into a preallocated file and
 * fdatasync it.
 *
 *   fsync DIR [N]
 */
#include <fcntl.h>
#include <unistd.h>

#include "limit.h"

enum { BLOCK = 4096, FILE_BLOCKS = 256 };

int main(int argc, char **argv)
{
    static char block[BLOCK];
    char path[4096];
    if (argc < 2) {
        fprintf(stderr, "usage: fsync DIR [N]\n");
        return 2;
    }
    long n = limit_arg(argc, argv, 2, 500);
    double *took = calloc((size_t)n, sizeof(*took));
    snprintf(path, sizeof(path), "%s/fsync.bin", argv[1]);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || !took)
        limit_die(path);
    for (int i = 0; i < FILE_BLOCKS; i++) { /* written, not only reserved: no extents to convert */
        if (pwrite(fd, block, BLOCK, (off_t)i * BLOCK) != BLOCK)
            limit_die("pwrite");
    }
    if (fsync(fd) != 0)
        limit_die("fsync");
    double begin = limit_now();
    for (long i = 0; i < n; i++) {
        double t = limit_now();
        block[0] = (char)i;
        if (pwrite(fd, block, BLOCK, (off_t)(i % FILE_BLOCKS) * BLOCK) != BLOCK ||
            fdatasync(fd) != 0)
            limit_die("fdatasync");
        took[i] = limit_now() - t;
    }
    double all = limit_now() - begin;
    printf("{\"n\":%ld,\"per_second\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", n, (double)n / all,
           limit_percentile(took, (size_t)n, 50) * 1e3,
           limit_percentile(took, (size_t)n, 99) * 1e3);
    close(fd);
    unlink(path);
    free(took);
    return 0;
}
