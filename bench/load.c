/*
 * load.c -- a closed loop of HTTP requests over kept-alive connections, one thread, epoll.
 *
 *   load [OPTION ...] http://HOST:PORT/PATH
 *     -c N         connections, each with one request under way (16)
 *     -s SECONDS   how long (10)
 *     -n COUNT     how many requests instead
 *     -d BODY -T TYPE   the body and its content type; without -T there is neither
 *     -g           GET instead of POST
 *     -p MS        pause before each request: an idle server's latency (with -c 1)
 *     -e SAMPLE    each answer is an execution: afterwards SAMPLE of them, spread over the run and
 *                  always the last ones, are fetched until they have ended
 *
 * Prints one line of JSON. Times of requests are taken here; times of executions come from their
 * own histories (first to last entry), so that the fetching does not blur them. `executions_per_s`
 * counts to the end of the last execution, so a server that only piles work up gains nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "base/time.h"

#include "limits/limit.h"

enum {
    CONNECTIONS_MAX = 1024,
    ID_TEXT = 40,
    LAST = 64,           /* of the last executions all are fetched */
    END_SECONDS_MAX = 60 /* how long executions may take to end after the load */
};

struct connection {
    int fd;
    struct cdz_buf out, in;
    size_t sent;
    double begun;
    size_t subject; /* while fetching: position in ids */
};

static struct {
    struct sockaddr_in address;
    const char *host, *path, *body, *type;
    long connections, count, sample, pause_ms;
    double seconds;
    bool get;
} o = {.connections = 16, .seconds = 10};

static int poller;
static struct connection *connections;
static struct {
    char (*v)[ID_TEXT];
    size_t n, cap;
} ids;
static struct {
    double *v;
    size_t n, cap;
} request_ms, execution_ms;
static size_t errors, not_success;
static cdz_us first_start = INT64_MAX, last_end;
static char first_error[300];

static void push(double **v, size_t *n, size_t *cap, double x)
{
    if (*n == *cap) {
        *cap = *cap ? *cap * 2 : 4096;
        if (!(*v = realloc(*v, *cap * sizeof(**v))))
            limit_die("realloc");
    }
    (*v)[(*n)++] = x;
}

static void note_error(const char *what, cdz_str text)
{
    if (errors++ == 0)
        snprintf(first_error, sizeof(first_error), "%s %.*s", what,
                 (int)(text.n < 200 ? text.n : 200), text.p);
}

/* --- one request ------------------------------------------------------------------------------ */

static void reopen(struct connection *c)
{
    int one = 1;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&o.address, sizeof(o.address)) != 0)
        limit_die("connect");
    if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0)
        limit_die("TCP_NODELAY");
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e) != 0)
        limit_die("epoll_ctl");
}

/* Requests are small: one that does not fit into the socket's buffer is waited for. */
static void write_all(struct connection *c)
{
    for (c->sent = 0; c->sent < c->out.n;) {
        ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);
        if (n < 0)
            limit_die("send");
        c->sent += (size_t)n;
    }
}

static void request(struct connection *c, const char *method, const char *path, const char *body)
{
    cdz_buf_reset(&c->in);
    cdz_buf_reset(&c->out);
    cdz_buf_printf(&c->out, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, o.host);
    if (body && o.type)
        cdz_buf_printf(&c->out, "Content-Type: %s\r\n", o.type);
    if (body)
        cdz_buf_printf(&c->out, "Content-Length: %zu\r\n", strlen(body));
    cdz_buf_z(&c->out, "\r\n");
    if (body)
        cdz_buf_z(&c->out, body);
    c->begun = limit_now();
    write_all(c);
}

/* True when an answer is complete: *ret_status and *ret_body. False: more has to come. */
static bool answer(struct connection *c, int *ret_status, cdz_str *ret_body)
{
    char *room = cdz_buf_room(&c->in, 64 << 10);
    ssize_t n = recv(c->fd, room, 64 << 10, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        fprintf(stderr, "load: the server has closed a connection\n");
        exit(1);
    }
    c->in.n += (size_t)n;
    c->in.p[c->in.n] = 0;
    char *end = strstr(c->in.p, "\r\n\r\n"), *length = strcasestr(c->in.p, "\r\nContent-Length:");
    if (!end)
        return false;
    if (!length || length > end) {
        fprintf(stderr, "load: an answer without Content-Length\n");
        exit(1);
    }
    size_t head = (size_t)(end + 4 - c->in.p), body = strtoul(length + 17, NULL, 10);
    if (c->in.n < head + body)
        return false;
    *ret_status = (int)strtol(c->in.p + 9, NULL, 10);
    *ret_body = (cdz_str){c->in.p + head, body};
    if (strcasestr(c->in.p, "\r\nConnection: close") &&
        strcasestr(c->in.p, "\r\nConnection: close") < end) {
        fprintf(stderr, "load: the server does not keep connections alive\n");
        exit(1);
    }
    return true;
}

/* --- the load --------------------------------------------------------------------------------- */

static void keep_id(cdz_str body)
{
    const char *p = memmem(body.p, body.n, "\"id\":\"", 6), *end = NULL;
    if (p)
        end = memchr(p + 6, '"', body.n - (size_t)(p + 6 - body.p));
    if (!end || end - p - 6 >= ID_TEXT) {
        note_error("no id in", body);
        return;
    }
    if (ids.n == ids.cap) {
        ids.cap = ids.cap ? ids.cap * 2 : 4096;
        if (!(ids.v = realloc(ids.v, ids.cap * sizeof(*ids.v))))
            limit_die("realloc");
    }
    memset(ids.v[ids.n], 0, ID_TEXT);
    memcpy(ids.v[ids.n++], p + 6, (size_t)(end - p - 6));
}

static void start(struct connection *c)
{
    if (o.pause_ms)
        usleep((useconds_t)o.pause_ms * 1000);
    request(c, o.get ? "GET" : "POST", o.path, o.get ? NULL : o.body);
}

/* Returns the seconds from the first request to the last answer. */
static double load(void)
{
    struct epoll_event events[64];
    double begin = limit_now(), until = begin + o.seconds;
    long begun = 0, under_way = 0;
    for (long i = 0; i < o.connections && (!o.count || begun < o.count); i++, begun++, under_way++)
        start(&connections[i]);
    while (under_way > 0) {
        int n = epoll_wait(poller, events, 64, 30000), status;
        cdz_str body;
        if (n == 0 || (n < 0 && errno != EINTR)) {
            fprintf(stderr, "load: no answer within 30 s\n");
            exit(1);
        }
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!answer(c, &status, &body))
                continue;
            double now = limit_now();
            push(&request_ms.v, &request_ms.n, &request_ms.cap, (now - c->begun) * 1e3);
            if (status != 200) {
                note_error("status", (cdz_str){c->in.p, c->in.n});
            } else if (o.sample) {
                keep_id(body);
            }
            under_way--;
            if (o.count ? begun < o.count : now < until) {
                start(c);
                begun++;
                under_way++;
            }
        }
    }
    return limit_now() - begin;
}

/* --- the executions --------------------------------------------------------------------------- */

/* True when the document shows an execution that has ended; its times are noted. */
static bool take_document(cdz_str body, struct cdz_arena *arena)
{
    cdz_val v;
    struct cdz_err err;
    cdz_us from, to;
    if (cdz_json_parse(body, arena, &v, &err) != CDZ_OK) {
        note_error("not JSON:", body);
        return true;
    }
    cdz_val state = cdz_map_getz(v, "state"), list = cdz_map_getz(state, "histories");
    cdz_str current = cdz_val_str(cdz_map_getz(state, "current"));
    size_t n = list.kind == CDZ_LIST ? cdz_list_n(list) : 0;
    if (cdz_str_is(current, "CREATED") || cdz_str_is(current, "RUNNING"))
        return false;
    if (n == 0 ||
        !cdz_instant_parse(cdz_val_str(cdz_map_getz(cdz_list_at(list, 0), "date")), &from) ||
        !cdz_instant_parse(cdz_val_str(cdz_map_getz(cdz_list_at(list, n - 1), "date")), &to)) {
        note_error("no histories in", body);
        return true;
    }
    if (!cdz_str_is(current, "SUCCESS"))
        not_success++;
    push(&execution_ms.v, &execution_ms.n, &execution_ms.cap, (double)(to - from) / 1e3);
    first_start = from < first_start ? from : first_start;
    last_end = to > last_end ? to : last_end;
    return true;
}

static void fetch(struct connection *c, size_t subject)
{
    char path[ID_TEXT + 32];
    c->subject = subject;
    snprintf(path, sizeof(path), "/api/v1/executions/%s", ids.v[subject]);
    request(c, "GET", path, NULL);
}

/* Fetches a sample of the executions until each has ended. One that has not is asked for again. */
static void fetch_all(void)
{
    struct epoll_event events[64];
    struct cdz_arena *arena = cdz_arena_open(64 << 10);
    size_t stride = ids.n > (size_t)o.sample ? ids.n / (size_t)o.sample : 1, next = 0;
    long under_way = 0;
    double until = limit_now() + END_SECONDS_MAX;
    for (long i = 0; i < o.connections && next < ids.n; i++, under_way++) {
        fetch(&connections[i], next);
        next += next + LAST < ids.n ? stride : 1;
    }
    while (under_way > 0) {
        int n = epoll_wait(poller, events, 64, 30000), status;
        cdz_str body;
        if (n == 0 || limit_now() > until) {
            note_error("executions have not ended", CDZ_STR(""));
            break;
        }
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!answer(c, &status, &body))
                continue;
            if (status != 200)
                note_error("status", (cdz_str){c->in.p, c->in.n});
            if (status == 200 && !take_document(body, arena)) {
                usleep(500);
                fetch(c, c->subject);
            } else if (next < ids.n) {
                fetch(c, next);
                next += next + LAST < ids.n ? stride : 1;
            } else {
                under_way--;
            }
            cdz_arena_reset(arena);
        }
    }
    cdz_arena_close(arena);
}

/* --- arguments and figures -------------------------------------------------------------------- */

static int usage(void)
{
    fprintf(stderr,
            "usage: load [-c N] [-s SECONDS] [-n COUNT] [-d BODY -T TYPE] [-g] [-p MS] [-e SAMPLE] "
            "http://HOST:PORT/PATH\n");
    return 2;
}

static bool parse_url(char *url)
{
    char *host = url + 7, *path, *port;
    if (strncmp(url, "http://", 7) != 0 || !(path = strchr(host, '/')))
        return false;
    o.path = strdup(path);
    *path = 0;
    o.host = strdup(host);
    if (!o.path || !o.host || !(port = strchr(host, ':')))
        return false;
    *port = 0;
    o.address.sin_family = AF_INET;
    o.address.sin_port = htons((uint16_t)strtoul(port + 1, NULL, 10));
    return inet_pton(AF_INET, host, &o.address.sin_addr) == 1;
}

static void put_times(const char *name, double *v, size_t n)
{
    printf(",\"%s\":{\"p50\":%.3f,\"p95\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name,
           limit_percentile(v, n, 50), limit_percentile(v, n, 95), limit_percentile(v, n, 99),
           limit_percentile(v, n, 100));
}

static bool parse(int argc, char **argv)
{
    int c;
    while ((c = getopt(argc, argv, "c:s:n:d:T:gp:e:")) != -1) {
        switch (c) {
        case 'c':
            o.connections = strtol(optarg, NULL, 10);
            break;
        case 's':
            o.seconds = strtod(optarg, NULL);
            break;
        case 'n':
            o.count = strtol(optarg, NULL, 10);
            break;
        case 'd':
            o.body = optarg;
            break;
        case 'T':
            o.type = optarg;
            break;
        case 'g':
            o.get = true;
            break;
        case 'p':
            o.pause_ms = strtol(optarg, NULL, 10);
            break;
        case 'e':
            o.sample = strtol(optarg, NULL, 10);
            break;
        default:
            return false;
        }
    }
    if (!o.body)
        o.body = ""; /* a POST always says how long its body is */
    return optind + 1 == argc && parse_url(argv[optind]) && o.connections >= 1 &&
           o.connections <= CONNECTIONS_MAX;
}

int main(int argc, char **argv)
{
    if (!parse(argc, argv))
        return usage();
    connections = calloc((size_t)o.connections, sizeof(*connections));
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || poller < 0)
        limit_die("epoll_create1");
    for (long i = 0; i < o.connections; i++) {
        connections[i].fd = -1;
        reopen(&connections[i]);
    }
    double took = load();
    if (o.sample)
        fetch_all();
    printf("{\"connections\":%ld,\"requests\":%zu,\"errors\":%zu,\"seconds\":%.3f,"
           "\"requests_per_s\":%.1f",
           o.connections, request_ms.n, errors, took, (double)request_ms.n / took);
    put_times("request_ms", request_ms.v, request_ms.n);
    if (o.sample && execution_ms.n) {
        double span = (double)(last_end - first_start) / 1e6;
        printf(",\"checked\":%zu,\"not_success\":%zu,\"executions_per_s\":%.1f", execution_ms.n,
               not_success, span > 0 ? (double)ids.n / span : 0);
        put_times("execution_ms", execution_ms.v, execution_ms.n);
    }
    printf("}\n");
    if (errors)
        fprintf(stderr, "load: %zu errors, the first: %s\n", errors, first_error);
    for (long i = 0; i < o.connections; i++) {
        close(connections[i].fd);
        cdz_buf_done(&connections[i].in);
        cdz_buf_done(&connections[i].out);
    }
    free(connections);
    return errors || not_success ? 1 : 0;
}
