/* raw.h -- what the suites of the API over bare sockets share: bytes as they are, and some flows. */
#ifndef CDZ_TESTS_UNIT_RAW_H
#define CDZ_TESTS_UNIT_RAW_H

#include <arpa/inet.h>
#include <sys/socket.h>

#include "site.h"

static CDZ_UNUSED const char hello[] = "id: hello\n"
                                       "namespace: t\n"
                                       "labels:\n"
                                       "  team: a\n"
                                       "tasks:\n"
                                       "  - id: say\n"
                                       "    type: io.kestra.plugin.core.log.Log\n"
                                       "    message: good morning\n";

static CDZ_UNUSED const char forever[] = "id: forever\n"
                                         "namespace: t\n"
                                         "tasks:\n"
                                         "  - id: sleep\n"
                                         "    type: io.kestra.plugin.core.flow.Sleep\n"
                                         "    duration: PT1H\n";

static CDZ_UNUSED const char with_inputs[] =
    "id: inputs\n"
    "namespace: t\n"
    "inputs:\n"
    "  - {id: word, type: STRING}\n"
    "  - {id: data, type: FILE}\n"
    "tasks:\n"
    "  - id: say\n"
    "    type: io.kestra.plugin.core.debug.Return\n"
    "    format: \"{{ inputs.word }}: {{ read(inputs.data) }}\"\n";

/* Sends the bytes as they are; returns the socket, or the first bytes of the answer. */
static CDZ_UNUSED int raw_open(struct site *s, cdz_str bytes)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)cdz_api_port(s->api)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 10};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        abort();
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    while (bytes.n > 0) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n <= 0)
            break; /* refused before its end */
        bytes = cdz_str_sub(bytes, (size_t)n, bytes.n);
    }
    return fd;
}

/* The status of the answer; 0: closed without one. */
static CDZ_UNUSED int raw_status(int fd)
{
    char line[64] = "";
    ssize_t n = recv(fd, line, sizeof(line) - 1, 0);
    int status = 0;
    if (n <= 0 || sscanf(line, "HTTP/1.1 %d", &status) != 1)
        return 0;
    return status;
}

static CDZ_UNUSED int raw(struct site *s, cdz_str bytes)
{
    int fd = raw_open(s, bytes);
    int status = raw_status(fd);
    close(fd);
    return status;
}

#endif
