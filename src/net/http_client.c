/*
 * http_client.c -- see http_client.h. RFC 9110.
 *
 * One easy handle in a multi handle of its own: the multi interface only because it can wait for
 * our cancel descriptor, too. A failure inside a callback is kept in the transfer and wins over
 * what libcurl makes of it.
 */
#include "net/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "base/time.h"

#define CONNECT_TIMEOUT (30 * CDZ_SECOND)

enum {
    HEADERS_BYTES_MAX = 1 << 20, /* of one answer: what is longer is no honest server's */
    REDIRECTS_MAX = 20,
    WAIT_MS = 1000,
};

struct transfer {
    const struct cdz_http_call *call;
    struct cdz_arena *arena;
    struct cdz_err *err;
    cdz_rc rc; /* CDZ_OK: no callback has failed */
    CDZ_VEC(struct cdz_http_pair) headers;
    size_t header_bytes;
    struct cdz_buf body;
    uint64_t length;
    curl_off_t moved; /* bytes in both directions when last looked */
    cdz_us moved_at;
    char why[CURL_ERROR_SIZE];
};

/* One part of a multipart body that comes from a file. */
struct file_part {
    int fd;
    off_t at, size;
};

static void init_library(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort(); /* only out of memory */
}

/* --- checks ----------------------------------------------------------------------------------- */

static bool has_control(cdz_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
            return true;
    }
    return false;
}

/* RFC 9110 §5.6.2. */
static bool is_token(cdz_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) &&
            (!c || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.n > 0;
}

static cdz_rc check(const struct cdz_http_call *c, struct cdz_err *err)
{
    if (!is_token(c->method))
        return cdz_fail(err, CDZ_E_INVALID, "`%.*s` is not an HTTP method", CDZ_S(c->method));
    if (has_control(c->url) || c->url.n == 0)
        return cdz_fail(err, CDZ_E_INVALID, "the URL is empty or has control characters");
    for (size_t i = 0; i < c->header_count; i++) {
        if (!is_token(c->headers[i].name))
            return cdz_fail(err, CDZ_E_INVALID, "`%.*s` is not a header name",
                            CDZ_S(c->headers[i].name));
        if (has_control(c->headers[i].value))
            return cdz_fail(err, CDZ_E_INVALID, "header `%.*s` has control characters",
                            CDZ_S(c->headers[i].name));
    }
    return CDZ_OK;
}

/* --- callbacks -------------------------------------------------------------------------------- */

/* Each answer begins with its status line; only the last one's headers are kept. */
static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    cdz_str line = {p, size * n};
    t->header_bytes += line.n;
    if (t->header_bytes > HEADERS_BYTES_MAX) {
        t->rc = cdz_fail(t->err, CDZ_E_TOO_LARGE, "the answer's headers exceed %d bytes",
                         HEADERS_BYTES_MAX);
        return 0;
    }
    if (cdz_str_starts(line, CDZ_STR("HTTP/")))
        t->headers.n = 0;
    size_t colon = cdz_str_chr(line, ':', 0);
    if (colon != SIZE_MAX && colon > 0 && !cdz_str_starts(line, CDZ_STR("HTTP/"))) {
        struct cdz_http_pair pair = {
            cdz_arena_str(t->arena, cdz_str_trim(cdz_str_sub(line, 0, colon))),
            cdz_arena_str(t->arena, cdz_str_trim(cdz_str_sub(line, colon + 1, line.n)))};
        CDZ_PUSH(t->arena, &t->headers, pair);
    }
    return size * n;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    size_t bytes = size * n;
    t->length += bytes;
    if (t->call->body_max && t->length > t->call->body_max) {
        t->rc = cdz_fail(t->err, CDZ_E_TOO_LARGE,
                         "The received length exceeds the maximum content length [%llu]",
                         (unsigned long long)t->call->body_max);
        return 0;
    }
    if (t->call->to_fd < 0) {
        cdz_buf_add(&t->body, p, bytes);
        return bytes;
    }
    for (size_t done = 0; done < bytes;) {
        ssize_t w = write(t->call->to_fd, p + done, bytes - done);
        if (w > 0) {
            done += (size_t)w;
        } else if (errno != EINTR) {
            t->rc = cdz_fail_errno(t->err, errno, "write", "the answer cannot be written to disk");
            return 0;
        }
    }
    return bytes;
}

static size_t read_part(char *to, size_t size, size_t n, void *ctx)
{
    struct file_part *f = ctx;
    ssize_t got;
    do
        got = pread(f->fd, to, size * n, f->at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return CURL_READFUNC_ABORT;
    f->at += got;
    return (size_t)got;
}

/* A redirect or an authentication round sends the body again. */
static int seek_part(void *ctx, curl_off_t to, int origin)
{
    struct file_part *f = ctx;
    f->at = (off_t)(origin == SEEK_SET ? to : origin == SEEK_CUR ? f->at + to : f->size + to);
    return CURL_SEEKFUNC_OK;
}

static int on_progress(void *ctx, curl_off_t all_down, curl_off_t down, curl_off_t all_up,
                       curl_off_t up)
{
    struct transfer *t = ctx;
    (void)all_down, (void)all_up;
    if (down + up != t->moved) {
        t->moved = down + up;
        t->moved_at = cdz_mono_us();
    }
    return 0;
}

/* --- the handle ------------------------------------------------------------------------------- */

static struct curl_slist *header_list(struct transfer *t)
{
    const struct cdz_http_call *c = t->call;
    struct curl_slist *list = NULL;
    bool has_type = false;
    for (size_t i = 0; i < c->header_count; i++) {
        cdz_str name = c->headers[i].name, value = c->headers[i].value;
        has_type |= cdz_str_ieq(name, CDZ_STR("content-type"));
        /* "Name;" is libcurl's way to say: with an empty value. */
        cdz_str line = value.n ? cdz_arena_printf(t->arena, "%.*s: %.*s", CDZ_S(name), CDZ_S(value))
                               : cdz_arena_printf(t->arena, "%.*s;", CDZ_S(name));
        list = curl_slist_append(list, line.p);
    }
    list = curl_slist_append(list, "Expect:"); /* no extra round trip before a body */
    if (c->body.p && !has_type)
        list = curl_slist_append(list, "Content-Type:"); /* none rather than libcurl's guess */
    return list;
}

static curl_mime *form(struct transfer *t, CURL *easy)
{
    const struct cdz_http_call *c = t->call;
    curl_mime *mime = curl_mime_init(easy);
    struct file_part *files = CDZ_NEW_N(t->arena, struct file_part, c->part_count);
    for (size_t i = 0; i < c->part_count; i++) {
        const struct cdz_http_part *p = &c->parts[i];
        curl_mimepart *part = curl_mime_addpart(mime);
        curl_mime_name(part, cdz_arena_z(t->arena, p->name));
        if (p->filename.p)
            curl_mime_filename(part, cdz_arena_z(t->arena, p->filename));
        if (p->fd < 0) {
            curl_mime_data(part, p->value.p ? p->value.p : "", p->value.n);
            continue;
        }
        files[i] = (struct file_part){p->fd, 0, (off_t)p->size};
        curl_mime_data_cb(part, (curl_off_t)p->size, read_part, seek_part, NULL, &files[i]);
    }
    return mime;
}

static void set_method(struct transfer *t, CURL *easy, curl_mime *mime)
{
    const struct cdz_http_call *c = t->call;
    /* libcurl's own methods where there are: a redirected POST then becomes a GET as it should. */
    if (mime) {
        curl_easy_setopt(easy, CURLOPT_MIMEPOST, mime);
    } else if (c->body.p) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, c->body.p);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n);
    } else if (cdz_str_is(c->method, "POST")) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
    } else if (cdz_str_is(c->method, "HEAD")) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    bool own =
        cdz_str_is(c->method, c->body.p || mime ? "POST" : "GET") ||
        (!c->body.p && !mime && (cdz_str_is(c->method, "POST") || cdz_str_is(c->method, "HEAD")));
    if (!own)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, cdz_arena_z(t->arena, c->method));
}

static void set_access(struct transfer *t, CURL *easy)
{
    const struct cdz_http_call *c = t->call;
    if (c->user.p) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, cdz_arena_z(t->arena, c->user));
        curl_easy_setopt(easy, CURLOPT_PASSWORD, cdz_arena_z(t->arena, c->password));
    }
    curl_easy_setopt(easy, CURLOPT_PROXY, cdz_arena_z(t->arena, c->proxy)); /* "": none at all */
    if (c->proxy.n && c->proxy_user.n) {
        curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, cdz_arena_z(t->arena, c->proxy_user));
        curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, cdz_arena_z(t->arena, c->proxy_password));
    }
    if (c->insecure_tls) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void set_up(struct transfer *t, CURL *easy)
{
    const struct cdz_http_call *c = t->call;
    cdz_us connect = c->connect_timeout > 0 ? c->connect_timeout : CONNECT_TIMEOUT;
    curl_easy_setopt(easy, CURLOPT_URL, cdz_arena_z(t->arena, c->url));
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "Cadenza");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->why);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, t);
    /* 0 would be libcurl's own default; no rounding down to it. */
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect / CDZ_MS + 1));
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, c->follow_redirects ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    set_access(t, easy);
}

/* --- running it ------------------------------------------------------------------------------- */

static cdz_rc explain(struct transfer *t, CURLcode code)
{
    const char *why = t->why[0] ? t->why : curl_easy_strerror(code);
    if (t->rc != CDZ_OK)
        return t->rc; /* what the callback has said is nearer to the cause */
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return cdz_fail(t->err, CDZ_E_INVALID, "`%.*s` is not a URL that can be called: %s",
                        CDZ_S(cdz_str_sub(t->call->url, 0, 200)), why);
    case CURLE_OPERATION_TIMEDOUT:
        return cdz_fail(t->err, CDZ_E_TIMEOUT, "Connect timeout: %s", why);
    default:
        return cdz_fail(t->err, CDZ_E_UNAVAILABLE, "%s", why);
    }
}

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return fd >= 0 && poll(&p, 1, 0) > 0;
}

/* Until the transfer has ended, in whatever way. */
static cdz_rc perform(struct transfer *t, CURLM *multi, CURL *easy)
{
    struct curl_waitfd cancel = {.fd = t->call->cancel_fd, .events = CURL_WAIT_POLLIN};
    int running = 1, left;
    t->moved_at = cdz_mono_us();
    if (curl_multi_add_handle(multi, easy) != CURLM_OK)
        abort(); /* only out of memory */
    for (;;) {
        long wait_ms = WAIT_MS;
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return cdz_fail(t->err, CDZ_E_INTERNAL, "the HTTP client has lost its way");
        if (!running)
            break;
        if (is_readable(t->call->cancel_fd))
            return cdz_fail(t->err, CDZ_E_KILLED, "the request was cancelled");
        if (t->call->read_timeout > 0) {
            cdz_us rest = t->moved_at + t->call->read_timeout - cdz_mono_us();
            if (rest <= 0)
                return cdz_fail(t->err, CDZ_E_TIMEOUT,
                                "Read timeout: nothing came from the server for %lld ms",
                                (long long)(t->call->read_timeout / CDZ_MS));
            if (rest / CDZ_MS < wait_ms)
                wait_ms = (long)(rest / CDZ_MS) + 1;
        }
        (void)curl_multi_poll(multi, &cancel, t->call->cancel_fd >= 0, (int)wait_ms, NULL);
    }
    const CURLMsg *m = curl_multi_info_read(multi, &left);
    CURLcode code = m ? m->data.result : CURLE_RECV_ERROR;
    return code == CURLE_OK ? CDZ_OK : explain(t, code);
}

static cdz_rc check_length(struct transfer *t, cdz_rc rc, CURL *easy)
{
    curl_off_t announced = -1;
    curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    if (rc == CDZ_E_UNAVAILABLE && t->rc == CDZ_OK && announced > 0 &&
        (uint64_t)announced != t->length && t->length > 0)
        return cdz_fail(t->err, CDZ_E_UNAVAILABLE, "Invalid size, got %llu, expected %lld",
                        (unsigned long long)t->length, (long long)announced);
    return rc;
}

cdz_rc cdz_http_call(const struct cdz_http_call *call, struct cdz_arena *arena,
                     struct cdz_http_reply *ret, struct cdz_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct transfer t = {.call = call, .arena = arena, .err = err};
    long status = 0;
    CDZ_TRY(check(call, err));
    pthread_once(&once, init_library);
    CURLM *multi = curl_multi_init();
    CURL *easy = curl_easy_init();
    if (!multi || !easy)
        abort(); /* only out of memory */
    set_up(&t, easy);
    struct curl_slist *headers = header_list(&t);
    curl_mime *mime = call->part_count ? form(&t, easy) : NULL;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    set_method(&t, easy, mime);
    cdz_rc rc = perform(&t, multi, easy);
    rc = check_length(&t, rc, easy);
    if (rc == CDZ_OK) {
        curl_off_t announced = -1;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
        *ret = (struct cdz_http_reply){
            .status = (int)status,
            .headers = t.headers.v,
            .header_count = t.headers.n,
            .body = cdz_buf_copy(&t.body, arena),
            .length = t.length,
            .content_length = announced,
        };
    }
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    curl_mime_free(mime);
    curl_slist_free_all(headers);
    cdz_buf_done(&t.body);
    return rc;
}

cdz_str cdz_http_reply_header(const struct cdz_http_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++) {
        if (cdz_str_ieq(reply->headers[i].name, cdz_str_z(name)))
            return reply->headers[i].value;
    }
    return (cdz_str){NULL, 0};
}
