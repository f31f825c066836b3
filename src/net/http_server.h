/*
 * http_server.h -- an HTTP/1.1 server whose answers may come later and from any thread. The only
 * user of libmicrohttpd.
 *
 * Two event-loop threads read requests; a request whose answer needs a disk or another server is
 * parked (it holds no thread) until somebody answers. Bodies are kept in memory up to a limit; the
 * file parts of multipart bodies go to temporary files as they arrive.
 *
 * Source: RFC 9110, RFC 9112; server-sent events: the HTML standard, section 9.2.
 */
#ifndef CDZ_NET_HTTP_SERVER_H
#define CDZ_NET_HTTP_SERVER_H

#include "base/buf.h"
#include "base/err.h"

struct cdz_http_server;
struct cdz_http_exchange; /* one request and its answer */

/* A part of a multipart/form-data or urlencoded body. */
struct cdz_http_part {
    cdz_str name, filename; /* filename.p NULL: a plain value */
    cdz_str value;          /* plain values */
    int fd; /* file parts: a temporary file, at its beginning; closed with the exchange; else -1 */
    uint64_t size;
};

struct cdz_http_pair {
    cdz_str name, value;
};

/* What was asked. Borrowed from the exchange, valid until it is answered. */
struct cdz_http_request {
    cdz_str method, path;              /* path: percent-decoded, begins with '/' */
    cdz_str target;                    /* path and query as sent */
    const struct cdz_http_pair *query; /* decoded, in order */
    size_t query_count;
    cdz_str content_type;
    cdz_str body; /* unless it was taken apart into parts */
    const struct cdz_http_part *parts;
    size_t part_count;
    struct cdz_arena *arena; /* of the exchange: for the handler's own use */
};

struct cdz_http_options {
    const char *host; /* an address, not a name */
    int port;         /* 0: any */
    unsigned threads;
    size_t body_bytes_max;     /* in memory; a larger body is answered 413 */
    uint64_t upload_bytes_max; /* one file part */
    const char *tmp_dir;
    /* Runs in a server thread when the whole request has arrived; must answer now or keep x and
     * answer later. */
    void (*handle)(void *ctx, struct cdz_http_exchange *x, const struct cdz_http_request *request);
    void *ctx;
};

CDZ_MUST_USE cdz_rc cdz_http_server_start(const struct cdz_http_options *options,
                                          struct cdz_http_server **ret, struct cdz_err *err);
int cdz_http_server_port(const struct cdz_http_server *s);
/* Takes no new connections. What is open goes on. */
void cdz_http_server_quiesce(struct cdz_http_server *s);
/* Every exchange must have been answered and every stream ended. NULL is fine. */
void cdz_http_server_stop(struct cdz_http_server *s);

const struct cdz_http_request *cdz_http_request_of(struct cdz_http_exchange *x);
/* The first value of a request header, or an empty text. Only before the answer. */
cdz_str cdz_http_header(struct cdz_http_exchange *x, const char *name);
/* All headers in order, names as sent, in the exchange's arena. Only before the answer. */
size_t cdz_http_headers(struct cdz_http_exchange *x, const struct cdz_http_pair **ret);
/* The first query value of that name; p NULL when there is none. */
cdz_str cdz_http_query(const struct cdz_http_request *r, const char *name);

/* Before the answer: the client of a parked request has hung up. It must be answered still. */
bool cdz_http_is_gone(struct cdz_http_exchange *x);

/* Answers; exactly one of these per exchange, from any thread; x is gone afterwards. type NULL: no
 * body expected. */
void cdz_http_answer(struct cdz_http_exchange *x, int status, const char *type, cdz_str body);
/* With further headers; body is taken out of the buffer, which is empty afterwards. */
void cdz_http_answer_buf(struct cdz_http_exchange *x, int status, const char *type,
                         struct cdz_buf *body, const struct cdz_http_pair *headers,
                         size_t header_count);
/* The bytes of a file; fd is taken. */
void cdz_http_answer_file(struct cdz_http_exchange *x, int fd, uint64_t size, const char *type,
                          const struct cdz_http_pair *headers, size_t header_count);

/* A text/event-stream that stays open. Bytes are queued; beyond 4 MB of them the slow reader is cut
 * off. */
struct cdz_http_stream;
struct cdz_http_stream *cdz_http_answer_stream(struct cdz_http_exchange *x,
                                               void (*on_gone)(void *ctx), void *ctx);
/* False: the reader is gone (on_gone was or will be called once). Any thread. */
bool cdz_http_stream_write(struct cdz_http_stream *s, cdz_str bytes);
/* No more bytes will come. The stream is freed once the reader has everything; on_gone is called
 * still. */
void cdz_http_stream_end(struct cdz_http_stream *s);
/* The caller will not touch the stream any more; call it once, after or instead of end (it ends
 * it). */
void cdz_http_stream_release(struct cdz_http_stream *s);

/* Decodes %XX (and '+' in queries) of one component into the arena; malformed escapes stay as they
 * are. */
cdz_str cdz_url_decode(cdz_str s, bool plus, struct cdz_arena *arena);
/* "a=b&c=d" into pairs. */
size_t cdz_url_query(cdz_str query, struct cdz_arena *arena, struct cdz_http_pair **ret);
/* RFC 3986 unreserved characters stay, others become %XX. */
cdz_str cdz_url_encode(cdz_str s, struct cdz_arena *arena);

#endif
