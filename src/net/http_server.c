/*
 * http_server.c -- see http_server.h. How an exchange lives:
 *
 *   reading ──► handled ──► answered ──► completed: libmicrohttpd is done with the request
 *                  │            ▲
 *                  └─ parked ───┘   the connection is suspended while nobody has answered
 *
 * Two parties hold an exchange: libmicrohttpd until it says completed, and the handler until it has
 * answered. The one that leaves last frees it. `mu` guards `parked`, `response` and the count.
 */
#include "net/http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.h"

enum {
    POST_BUFFER = 32 << 10,
    STREAM_BYTES_MAX = 4 << 20,
    PARTS_MAX = 1000,
    CONNECTIONS_MAX = 10000
};

struct cdz_http_server {
    struct cdz_http_options options;
    struct MHD_Daemon *daemon;
    MHD_socket quiesced;
};

struct cdz_http_exchange {
    struct cdz_http_server *server;
    struct MHD_Connection *connection;
    struct cdz_arena *arena;
    struct cdz_http_request request;
    struct cdz_buf body;
    struct MHD_PostProcessor *post;
    CDZ_VEC(struct cdz_http_part) parts;
    struct cdz_buf part_value; /* of the plain part being read */
    bool post_begun;           /* some of a multipart body has come */
    bool formless;             /* multipart, but nobody can take it apart */
    bool handled;
    int refuse; /* status to answer instead of handling: 413, 400 */

    pthread_mutex_t mu;
    int holders;
    bool parked;
    struct MHD_Response *response;
    int status;
};

struct cdz_http_stream {
    struct cdz_http_exchange *x;
    struct MHD_Connection *connection;
    void (*on_gone)(void *ctx);
    void *ctx;
    pthread_mutex_t mu;
    struct cdz_buf out;
    size_t sent;
    bool waiting, ended, gone, released;
};

/* --- exchange
 * ----------------------------------------------------------------------------------------------------
 */

static void exchange_free(struct cdz_http_exchange *x)
{
    if (x->post)
        MHD_destroy_post_processor(x->post);
    for (size_t i = 0; i < x->parts.n; i++) {
        if (x->parts.v[i].fd >= 0)
            close(x->parts.v[i].fd);
    }
    if (x->response)
        MHD_destroy_response(x->response);
    cdz_buf_done(&x->body);
    cdz_buf_done(&x->part_value);
    pthread_mutex_destroy(&x->mu);
    cdz_arena_close(x->arena); /* x itself lives in it */
}

static void leave(struct cdz_http_exchange *x)
{
    pthread_mutex_lock(&x->mu);
    bool last = --x->holders == 0;
    pthread_mutex_unlock(&x->mu);
    if (last)
        exchange_free(x);
}

const struct cdz_http_request *cdz_http_request_of(struct cdz_http_exchange *x)
{
    return &x->request;
}

cdz_str cdz_http_header(struct cdz_http_exchange *x, const char *name)
{
    const char *v = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
    return cdz_str_z(v ? v : "");
}

struct header_list {
    struct cdz_arena *arena;
    CDZ_VEC(struct cdz_http_pair) v;
};

static enum MHD_Result on_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct header_list *list = ctx;
    struct cdz_http_pair pair = {cdz_arena_str(list->arena, cdz_str_z(name)),
                                 cdz_arena_str(list->arena, cdz_str_z(value ? value : ""))};
    (void)kind; /* it is the one that was asked for */
    CDZ_PUSH(list->arena, &list->v, pair);
    return MHD_YES;
}

size_t cdz_http_headers(struct cdz_http_exchange *x, const struct cdz_http_pair **ret)
{
    struct header_list list = {.arena = x->arena};
    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, on_header, &list);
    *ret = list.v.v;
    return list.v.n;
}

cdz_str cdz_http_query(const struct cdz_http_request *r, const char *name)
{
    for (size_t i = 0; i < r->query_count; i++) {
        if (cdz_str_is(r->query[i].name, name))
            return r->query[i].value;
    }
    return (cdz_str){NULL, 0};
}

bool cdz_http_is_gone(struct cdz_http_exchange *x)
{
    bool gone = false;
    char c;
    pthread_mutex_lock(&x->mu);
    if (x->parked) { /* suspended: nobody else reads this socket now */
        const union MHD_ConnectionInfo *i =
            MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        ssize_t n = i ? recv(i->connect_fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) : 1;
        gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
    }
    pthread_mutex_unlock(&x->mu);
    return gone;
}

static void give(struct cdz_http_exchange *x, int status, struct MHD_Response *response)
{
    pthread_mutex_lock(&x->mu);
    assert(!x->response);
    x->response = response;
    x->status = status;
    if (x->parked) {
        x->parked = false;
        MHD_resume_connection(x->connection);
    }
    pthread_mutex_unlock(&x->mu);
    leave(x);
}

static void add_header(struct MHD_Response *response, const char *name, cdz_str value)
{
    char *z = strndup(value.p ? value.p : "", value.n);
    if (!z)
        abort();
    for (char *c = z; *c; c++) { /* what could end the line, should it ever come this far */
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '_';
    }
    if (MHD_add_response_header(response, name, *z ? z : "-") == MHD_NO)
        assert(!"a header that is none"); /* names are ours */
    free(z);
}

static void add_headers(struct MHD_Response *r, const char *type,
                        const struct cdz_http_pair *headers, size_t n)
{
    if (type)
        add_header(r, "Content-Type", cdz_str_z(type));
    for (size_t i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%.*s", CDZ_S(headers[i].name));
        add_header(r, name, headers[i].value);
    }
}

void cdz_http_answer_buf(struct cdz_http_exchange *x, int status, const char *type,
                         struct cdz_buf *body, const struct cdz_http_pair *headers,
                         size_t header_count)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(body->n, body->p, MHD_RESPMEM_MUST_FREE);
    if (!r)
        abort();
    *body = (struct cdz_buf)CDZ_BUF_INIT; /* the response has its memory now */
    add_headers(r, type, headers, header_count);
    give(x, status, r);
}

void cdz_http_answer(struct cdz_http_exchange *x, int status, const char *type, cdz_str body)
{
    struct cdz_buf b = CDZ_BUF_INIT;
    cdz_buf_str(&b, body);
    cdz_http_answer_buf(x, status, type, &b, NULL, 0);
}

void cdz_http_answer_file(struct cdz_http_exchange *x, int fd, uint64_t size, const char *type,
                          const struct cdz_http_pair *headers, size_t header_count)
{
    struct MHD_Response *r = MHD_create_response_from_fd64(size, fd);
    if (!r) {
        close(fd);
        cdz_http_answer(x, 500, "text/plain", CDZ_STR("the file cannot be sent"));
        return;
    }
    add_headers(r, type, headers, header_count);
    give(x, 200, r);
}

/* --- streams
 * -----------------------------------------------------------------------------------------------------
 */

/* Thread: server. */
static ssize_t stream_read(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct cdz_http_stream *s = cls;
    (void)pos;
    pthread_mutex_lock(&s->mu);
    size_t n = s->out.n - s->sent;
    ssize_t ret;
    if (n > 0) {
        n = n < max ? n : max;
        memcpy(buf, s->out.p + s->sent, n);
        s->sent += n;
        if (s->sent == s->out.n) {
            cdz_buf_reset(&s->out);
            s->sent = 0;
        }
        ret = (ssize_t)n;
    } else if (s->ended) {
        ret = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        s->waiting = true;
        MHD_suspend_connection(s->connection);
        ret = 0;
    }
    pthread_mutex_unlock(&s->mu);
    return ret;
}

static void stream_free(struct cdz_http_stream *s)
{
    cdz_buf_done(&s->out);
    pthread_mutex_destroy(&s->mu);
    free(s);
}

/* Thread: server; the connection is done with the response. */
static void stream_gone(void *cls)
{
    struct cdz_http_stream *s = cls;
    s->on_gone(s->ctx);
    pthread_mutex_lock(&s->mu);
    s->gone = true;
    bool last = s->released;
    pthread_mutex_unlock(&s->mu);
    if (last)
        stream_free(s);
}

struct cdz_http_stream *cdz_http_answer_stream(struct cdz_http_exchange *x,
                                               void (*on_gone)(void *ctx), void *ctx)
{
    struct cdz_http_stream *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->connection = x->connection;
    s->on_gone = on_gone;
    s->ctx = ctx;
    s->out.max = STREAM_BYTES_MAX;
    pthread_mutex_init(&s->mu, NULL);
    struct MHD_Response *r =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 << 10, stream_read, s, stream_gone);
    if (!r)
        abort();
    add_header(r, "Content-Type", CDZ_STR("text/event-stream"));
    add_header(r, "Cache-Control", CDZ_STR("no-cache"));
    add_header(r, "X-Accel-Buffering", CDZ_STR("no"));
    give(x, 200, r);
    return s;
}

/* Lock: s->mu held. */
static void stream_go_on(struct cdz_http_stream *s)
{
    if (s->waiting && !s->gone) {
        s->waiting = false;
        MHD_resume_connection(s->connection);
    }
}

bool cdz_http_stream_write(struct cdz_http_stream *s, cdz_str bytes)
{
    pthread_mutex_lock(&s->mu);
    bool ok = !s->gone && !s->ended;
    if (ok) {
        cdz_buf_str(&s->out, bytes);
        s->ended |= s->out.overflow; /* a reader that is this slow is cut off */
        stream_go_on(s);
    }
    pthread_mutex_unlock(&s->mu);
    return ok;
}

void cdz_http_stream_end(struct cdz_http_stream *s)
{
    pthread_mutex_lock(&s->mu);
    s->ended = true;
    stream_go_on(s);
    pthread_mutex_unlock(&s->mu);
}

void cdz_http_stream_release(struct cdz_http_stream *s)
{
    pthread_mutex_lock(&s->mu);
    s->ended = true;
    s->released = true;
    stream_go_on(s);
    bool last = s->gone;
    pthread_mutex_unlock(&s->mu);
    if (last)
        stream_free(s);
}

/* --- reading
 * -----------------------------------------------------------------------------------------------------
 */

static int temporary_file(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd;
    char path[4096];
    snprintf(path, sizeof(path), "%s/upload-XXXXXX", dir);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

static void finish_part(struct cdz_http_exchange *x)
{
    if (x->parts.n == 0)
        return;
    struct cdz_http_part *p = &x->parts.v[x->parts.n - 1];
    if (p->fd >= 0) {
        if (lseek(p->fd, 0, SEEK_SET) != 0)
            x->refuse = 500;
    } else if (!p->value.p) {
        p->value = cdz_buf_copy(&x->part_value, x->arena);
        p->size = p->value.n;
    }
    cdz_buf_reset(&x->part_value);
}

static enum MHD_Result on_part(void *cls, enum MHD_ValueKind kind, const char *key,
                               const char *filename, const char *type, const char *encoding,
                               const char *data, uint64_t off, size_t n)
{
    struct cdz_http_exchange *x = cls;
    (void)kind, (void)type, (void)encoding;
    if (off == 0) {
        finish_part(x);
        if (x->parts.n == PARTS_MAX) {
            x->refuse = 413;
            return MHD_NO;
        }
        struct cdz_http_part part = {.name = cdz_arena_str(x->arena, cdz_str_z(key ? key : "")),
                                     .fd = -1};
        if (filename) {
            part.filename = cdz_arena_str(x->arena, cdz_str_z(filename));
            part.fd = temporary_file(x->server->options.tmp_dir);
            if (part.fd < 0) {
                x->refuse = 503;
                return MHD_NO;
            }
        }
        CDZ_PUSH(x->arena, &x->parts, part);
    }
    struct cdz_http_part *p = &x->parts.v[x->parts.n - 1];
    if (p->fd < 0) {
        cdz_buf_add(&x->part_value, data, n);
        if (x->part_value.overflow)
            x->refuse = 413;
        return x->part_value.overflow ? MHD_NO : MHD_YES;
    }
    p->size += n;
    if (p->size > x->server->options.upload_bytes_max)
        x->refuse = 413;
    else if (!write_all(p->fd, data, n))
        x->refuse = 503;
    return x->refuse ? MHD_NO : MHD_YES;
}

/* Thread: server; the request line has been read. The target as it was sent. */
static void *on_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct cdz_arena *arena = cdz_arena_open(4096);
    struct cdz_http_exchange *x = CDZ_NEW(arena, struct cdz_http_exchange);
    x->server = cls;
    x->connection = connection;
    x->arena = arena;
    x->holders = 1;
    pthread_mutex_init(&x->mu, NULL);
    x->request.arena = arena;
    x->request.target = cdz_arena_str(arena, cdz_str_z(uri));
    size_t mark = cdz_str_chr(x->request.target, '?', 0);
    x->request.path = cdz_url_decode(cdz_str_sub(x->request.target, 0, mark), false, arena);
    if (mark != SIZE_MAX) {
        struct cdz_http_pair *pairs;
        x->request.query_count = cdz_url_query(
            cdz_str_sub(x->request.target, mark + 1, x->request.target.n), arena, &pairs);
        x->request.query = pairs;
    }
    return x;
}

static void begin_body(struct cdz_http_exchange *x, const char *method)
{
    x->request.method = cdz_arena_str(x->arena, cdz_str_z(method));
    x->request.content_type = cdz_arena_str(x->arena, cdz_http_header(x, "Content-Type"));
    x->body.max = x->server->options.body_bytes_max;
    x->part_value.max = x->server->options.body_bytes_max;
    if (cdz_str_starts(x->request.content_type, CDZ_STR("multipart/form-data"))) {
        x->post = MHD_create_post_processor(x->connection, POST_BUFFER, on_part, x);
        x->formless = !x->post; /* no boundary, or one that libmicrohttpd does not take */
    }
}

static void take_body(struct cdz_http_exchange *x, const char *data, size_t n)
{
    if (x->refuse)
        return; /* read to its end, so that the answer arrives */
    if (x->post) {
        x->post_begun = true;
        if (MHD_post_process(x->post, data, n) == MHD_NO && !x->refuse)
            x->refuse = 400;
        return;
    }
    cdz_buf_add(&x->body, data, n);
    if (x->body.overflow)
        x->refuse = 413;
}

static void handle(struct cdz_http_exchange *x)
{
    static const struct {
        int status;
        const char *text;
    } refusals[] = {{413, "the body is too large"},
                    {400, "the body is not valid multipart/form-data"},
                    {503, "the upload cannot be stored"}};
    if (x->post) {
        bool whole = MHD_destroy_post_processor(x->post) == MHD_YES; /* delivers what it has */
        x->post = NULL;
        finish_part(x);
        if (!whole && x->post_begun && !x->refuse)
            x->refuse = 400; /* cut short; no body at all is fine */
    }
    if (x->formless && x->body.n > 0 && !x->refuse)
        x->refuse = 400;
    x->request.body = cdz_buf_get(&x->body);
    x->request.parts = x->parts.v;
    x->request.part_count = x->parts.n;
    pthread_mutex_lock(&x->mu);
    x->holders++;
    pthread_mutex_unlock(&x->mu);
    if (!x->refuse) {
        x->server->options.handle(x->server->options.ctx, x, &x->request);
        return;
    }
    const char *text = "the request cannot be read";
    for (size_t i = 0; i < CDZ_COUNT(refusals); i++) {
        if (refusals[i].status == x->refuse)
            text = refusals[i].text;
    }
    cdz_http_answer(x, x->refuse, "text/plain", cdz_str_z(text));
}

/* Thread: server; called when the headers are in, for each piece of the body, at its end, and after
 * a resume. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **state)
{
    struct cdz_http_exchange *x = *state;
    (void)cls, (void)url, (void)version;
    if (!x->request.method.p) {
        begin_body(x, method);
        return MHD_YES; /* an answer now would close the connection after it: answer in the next
                           call */
    }
    if (*n > 0) {
        take_body(x, data, *n);
        *n = 0;
        return MHD_YES;
    }
    if (!x->handled) {
        x->handled = true;
        handle(x);
    }
    pthread_mutex_lock(&x->mu);
    struct MHD_Response *response = x->response;
    if (!response) {
        x->parked = true;
        MHD_suspend_connection(connection);
    }
    pthread_mutex_unlock(&x->mu);
    return response ? MHD_queue_response(connection, (unsigned)x->status, response) : MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    (void)cls, (void)connection, (void)why;
    if (*state)
        leave(*state);
    *state = NULL;
}

/* What libmicrohttpd has to say about broken peers is not worth a log line. */
static void on_log(void *cls, const char *fmt, va_list ap)
{
    (void)cls, (void)fmt, (void)ap;
}

cdz_rc cdz_http_server_start(const struct cdz_http_options *options, struct cdz_http_server **ret,
                             struct cdz_err *err)
{
    struct cdz_http_server *s = calloc(1, sizeof(*s));
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons((uint16_t)options->port)};
    struct rlimit files;
    unsigned connections = CONNECTIONS_MAX;
    bool v6 = strchr(options->host, ':') != NULL;
    const char *host = strcmp(options->host, "localhost") == 0 ? "127.0.0.1" : options->host;
    if (!s)
        abort();
    if (v6 ? inet_pton(AF_INET6, host, &in6.sin6_addr) != 1
           : inet_pton(AF_INET, host, &in4.sin_addr) != 1) {
        free(s);
        return cdz_fail(err, CDZ_E_INVALID, "host `%s` is not an address", options->host);
    }
    s->options = *options;
    s->quiesced = MHD_INVALID_SOCKET;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 2 < connections)
        connections = (unsigned)(files.rlim_cur / 2); /* idle ones must not starve the stores */
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
            (v6 ? MHD_USE_IPv6 : 0),
        0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_SOCK_ADDR, v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in4,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
        MHD_OPTION_THREAD_POOL_SIZE, options->threads, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CDZ_HEADER_BYTES_MAX, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_TIMEOUT, 120u, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (!s->daemon) {
        int number = errno;
        free(s);
        return cdz_fail_errno(err, number, "MHD_start_daemon", "cannot listen on %s port %d",
                              options->host, options->port);
    }
    *ret = s;
    return CDZ_OK;
}

int cdz_http_server_port(const struct cdz_http_server *s)
{
    return MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void cdz_http_server_quiesce(struct cdz_http_server *s)
{
    if (s->quiesced == MHD_INVALID_SOCKET)
        s->quiesced = MHD_quiesce_daemon(s->daemon);
}

void cdz_http_server_stop(struct cdz_http_server *s)
{
    if (!s)
        return;
    MHD_stop_daemon(s->daemon);
    if (s->quiesced != MHD_INVALID_SOCKET)
        close(s->quiesced);
    free(s);
}
