/*
 * http_client.h -- one HTTP request and its answer. The only user of libcurl.
 *
 * A call blocks its thread until the answer is complete, a limit is reached or cancel_fd is
 * readable. http and https only, also behind redirects; certificates are verified unless told
 * otherwise; nothing is taken from the environment (no proxy, no .netrc). Header names, values and
 * URLs with control characters are refused: no request can be smuggled into another.
 *
 * Threads: any number of calls at once; each has a connection of its own.
 */
#ifndef CDZ_NET_HTTP_CLIENT_H
#define CDZ_NET_HTTP_CLIENT_H

#include "net/http_server.h"

struct cdz_http_call {
    cdz_str method; /* "GET" */
    cdz_str url;
    const struct cdz_http_pair *headers;
    size_t header_count;
    cdz_str body; /* p NULL: none */
    /* A multipart/form-data body instead: parts with fd >= 0 are read with pread, fd is borrowed.
     */
    const struct cdz_http_part *parts;
    size_t part_count;
    cdz_us connect_timeout; /* 0: 30 s */
    cdz_us read_timeout;    /* longest silence of the other side; 0: none */
    bool follow_redirects;  /* 20 at most; credentials stay with the first host */
    bool insecure_tls;      /* any certificate will do */
    cdz_str user, password; /* basic authentication; user.p NULL: none */
    cdz_str proxy;          /* "http://host:port", "socks5://host:port"; empty: none */
    cdz_str proxy_user, proxy_password;
    uint64_t body_max; /* most bytes of the answer's body; 0: no limit */
    int to_fd;         /* where the body goes; -1: into the arena (body_max must be given then) */
    int cancel_fd;     /* -1: none */
};

struct cdz_http_reply {
    int status;
    const struct cdz_http_pair *headers; /* of the last answer, in order, names as sent */
    size_t header_count;
    cdz_str body;           /* with to_fd -1 */
    uint64_t length;        /* bytes of the body */
    int64_t content_length; /* as announced; -1: not */
};

/*
 * Any status is CDZ_OK. CDZ_E_INVALID: the call itself is malformed; CDZ_E_UNAVAILABLE: no
 * connection, TLS, a broken answer; CDZ_E_TIMEOUT; CDZ_E_TOO_LARGE: body_max; CDZ_E_KILLED:
 * cancel_fd.
 */
CDZ_MUST_USE cdz_rc cdz_http_call(const struct cdz_http_call *call, struct cdz_arena *arena,
                                  struct cdz_http_reply *ret, struct cdz_err *err);

/* The first header of that name (any case), or p NULL. */
cdz_str cdz_http_reply_header(const struct cdz_http_reply *reply, const char *name);

#endif
