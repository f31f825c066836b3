/* The HTTP tasks and the client under them, against a server that answers as each test needs. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "expr/crypt.h"
#include "task_rig.h"

/*
 * A server of one thread that sends canned bytes: it has to be able to lie, which the real one
 * cannot. The answer is chosen by the path; the last request is kept as it came.
 */
struct server {
    int fd, port;
    pthread_t thread;
    pthread_mutex_t mu;
    struct cdz_buf request; /* guarded by mu: the last one, whole before it is answered */
    struct cdz_buf big;
};

static void say(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t w = send(fd, text, n, MSG_NOSIGNAL);
        if (w <= 0)
            return;
        text += w;
        n -= (size_t)w;
    }
}

static void sayz(int fd, const char *text)
{
    say(fd, text, strlen(text));
}

static const struct {
    const char *path, *answer;
} answers[] = {
    {"/hello", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Two: a\r\nx-two: b\r\nSet-Cookie: "
               "c=1\r\n\r\nhello"},
    {"/empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {"/none", "HTTP/1.1 204 No Content\r\n\r\n"},
    {"/missing", "HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nmissing"},
    {"/down", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\ndown"},
    {"/binary", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\377\376\375"},
    {"/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"},
    {"/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
    {"/to-hello",
     "HTTP/1.1 302 Found\r\nLocation: /hello\r\nContent-Length: 0\r\nX-First: 1\r\n\r\n"},
    {"/to-file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"},
    {"/loop", "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"},
    {"/named", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Disposition: attachment; "
               "filename=\"../../etc/my data.csv\"\r\n\r\nx"},
    {"/named-star", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Disposition: attachment; "
                    "filename=\"no\"; filename*=UTF-8''na%C3%AFve.txt\r\n\r\nx"},
    {"/named-dots", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Disposition: attachment; "
                    "filename=\"..\"\r\n\r\nx"},
    {"/file.csv", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndata"},
    {"/junk", "this is not HTTP\r\n\r\n"},
    {"/hangup", ""},
};

static void answer(struct server *s, int fd, const char *path, size_t n)
{
    cdz_str asked = {path, n};
    char buf[256];
    if (cdz_str_is(asked, "/silent")) {
        struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};
        poll(&p, 1, 20000); /* until the client goes */
        return;
    }
    if (cdz_str_is(asked, "/big")) {
        snprintf(buf, sizeof(buf), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", s->big.n);
        sayz(fd, buf);
        say(fd, s->big.p, s->big.n);
        return;
    }
    if (cdz_str_is(asked, "/headers-without-end")) {
        sayz(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 40000; i++)
            sayz(fd, "X-More: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
        return;
    }
    if (cdz_str_is(asked, "/echo")) {
        snprintf(buf, sizeof(buf), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", s->request.n);
        sayz(fd, buf);
        say(fd, s->request.p, s->request.n);
        return;
    }
    for (size_t i = 0; i < CDZ_COUNT(answers); i++) {
        if (cdz_str_is(asked, answers[i].path))
            sayz(fd, answers[i].answer);
    }
}

static bool is_whole(const struct cdz_buf *b)
{
    const char *end = b->p ? strstr(b->p, "\r\n\r\n") : NULL;
    const char *length = b->p ? strcasestr(b->p, "\r\ncontent-length: ") : NULL;
    if (!end)
        return false;
    size_t body = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    return b->n >= (size_t)(end + 4 - b->p) + body;
}

static void *serve(void *arg)
{
    struct server *s = arg;
    char buf[8192];
    for (int fd; (fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd)) {
        pthread_mutex_lock(&s->mu);
        cdz_buf_reset(&s->request);
        while (!is_whole(&s->request)) {
            ssize_t n = recv(fd, buf, sizeof(buf), 0);
            if (n <= 0)
                break;
            cdz_buf_add(&s->request, buf, (size_t)n);
        }
        pthread_mutex_unlock(&s->mu);
        const char *path = s->request.p ? strchr(s->request.p, ' ') : NULL;
        if (path)
            answer(s, fd, path + 1, strcspn(path + 1, " ?"));
        shutdown(fd, SHUT_WR);
    }
    return NULL;
}

static void server_start(struct server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    memset(s, 0, sizeof(*s));
    pthread_mutex_init(&s->mu, NULL);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(s->fd, (struct sockaddr *)&a, n) != 0 || listen(s->fd, 16) != 0 ||
        getsockname(s->fd, (struct sockaddr *)&a, &n) != 0 ||
        pthread_create(&s->thread, NULL, serve, s) != 0)
        abort();
    s->port = ntohs(a.sin_port);
}

static void server_stop(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    cdz_buf_done(&s->request);
    cdz_buf_done(&s->big);
}

struct world {
    struct task_rig r; /* first */
    struct server s;
};

static void world_open(struct world *w)
{
    char host[64];
    task_rig_open(&w->r);
    server_start(&w->s);
    snprintf(host, sizeof(host), "http://127.0.0.1:%d", w->s.port);
    task_rig_var(&w->r, "host", cdz_val_text(cdz_arena_str(w->r.run.arena, cdz_str_z(host))));
}

static void world_close(struct world *w)
{
    server_stop(&w->s);
    task_rig_close(&w->r);
}

static cdz_rc request(struct world *w, const char *path, const char *more)
{
    char yaml[1000];
    snprintf(yaml, sizeof(yaml),
             "type: io.kestra.plugin.core.http.Request\nuri: '{{ host }}%s'\n%s", path, more);
    return task_rig_run(&w->r, yaml);
}

static cdz_rc download(struct world *w, const char *path, const char *more)
{
    char yaml[1000];
    snprintf(yaml, sizeof(yaml),
             "type: io.kestra.plugin.core.http.Download\nuri: '{{ host }}%s'\n%s", path, more);
    return task_rig_run(&w->r, yaml);
}

static bool sent(struct world *w, const char *text)
{
    pthread_mutex_lock(&w->s.mu);
    bool hit = w->s.request.p && strstr(w->s.request.p, text);
    pthread_mutex_unlock(&w->s.mu);
    return hit;
}

/* --- requests --------------------------------------------------------------------------------- */

TEST(an_answer_gives_code_headers_body_and_length)
{
    struct world w;
    world_open(&w);
    CHECK(request(&w, "/hello", "") == CDZ_OK, "%s", w.r.err.text);
    CHECK(cdz_val_path(w.r.run.outputs, "code").i == 200);
    CHECK(cdz_str_is(task_rig_output(&w.r, "body"), "hello"));
    CHECK(strstr(task_rig_outputs(&w.r), "\"X-Two\":[\"a\",\"b\"]"), "%s", task_rig_outputs(&w.r));
    CHECK(cdz_str_ends(task_rig_output(&w.r, "uri"), CDZ_STR("/hello")));
    CHECK(task_rig_measured(
              &w.r,
              "counter response.length=5 {\"request.method\":\"GET\",\"response.code\":\"200\"}"),
          "%s", w.r.metrics.p);
    CHECK(sent(&w, "GET /hello HTTP/1.1\r\n") && sent(&w, "User-Agent: Cadenza\r\n"), "%s",
          w.s.request.p);
    CHECK(request(&w, "/chunked", "") == CDZ_OK, "%s", w.r.err.text);
    CHECK(cdz_str_is(task_rig_output(&w.r, "body"), "hello"));
    CHECK(!w.r.metrics.n, "a length that was not announced is measured: %s", w.r.metrics.p);
    CHECK(request(&w, "/none", "") == CDZ_OK, "%s", w.r.err.text);
    CHECK(cdz_val_path(w.r.run.outputs, "code").i == 204);
    world_close(&w);
}

TEST(a_body_is_sent_with_its_type)
{
    struct world w;
    world_open(&w);
    CHECK(request(&w, "/echo", "method: POST\nbody: '{\"a\": {{ 1 }}}'") == CDZ_OK, "%s",
          w.r.err.text);
    CHECK(sent(&w, "POST /echo") && sent(&w, "Content-Type: application/json\r\n") &&
              sent(&w, "\r\n\r\n{\"a\": 1}"),
          "%s", w.s.request.p);
    CHECK(request(&w, "/echo",
                  "method: PUT\nbody: a\ncontentType: text/plain\nheaders: {X-A: b, X-Empty: '', "
                  "X-Many: [c, d]}") == CDZ_OK,
          "%s", w.r.err.text);
    CHECK(sent(&w, "PUT /echo") && sent(&w, "Content-Type: text/plain\r\n") &&
              sent(&w, "X-A: b\r\n") && sent(&w, "X-Empty:\r\n") &&
              sent(&w, "X-Many: c\r\nX-Many: d\r\n"),
          "%s", w.s.request.p);
    CHECK(request(&w, "/echo", "method: POST\nbody: x\nheaders: {content-type: text/csv}") ==
          CDZ_OK);
    CHECK(sent(&w, "content-type: text/csv\r\n") && !sent(&w, "application/"), "%s", w.s.request.p);
    CHECK(request(&w, "/echo", "method: DELETE") == CDZ_OK);
    CHECK(sent(&w, "DELETE /echo"), "%s", w.s.request.p);
    CHECK(request(&w, "/echo", "method: POST") == CDZ_OK);
    CHECK(sent(&w, "POST /echo") && sent(&w, "Content-Length: 0\r\n"), "%s", w.s.request.p);
    CHECK(request(&w, "/hello", "method: HEAD") == CDZ_OK, "%s", w.r.err.text);
    CHECK(sent(&w, "HEAD /hello"), "%s", w.s.request.p);
    CHECK(request(&w, "/echo", "body: of a GET") == CDZ_OK);
    CHECK(sent(&w, "GET /echo") && sent(&w, "of a GET"), "%s", w.s.request.p);
    world_close(&w);
}

TEST(a_form_is_encoded)
{
    struct world w;
    world_open(&w);
    CHECK(request(&w, "/echo",
                  "method: POST\ncontentType: application/x-www-form-urlencoded\nformData: {user: "
                  "ann, text: 'a b&c=\303\251', n: 5}") == CDZ_OK,
          "%s", w.r.err.text);
    CHECK(sent(&w, "\r\n\r\nuser=ann&text=a+b%26c%3D%C3%A9&n=5") &&
              sent(&w, "application/x-www-form-urlencoded\r\n"),
          "%s", w.s.request.p);
    world_close(&w);
}

TEST(a_multipart_form_has_texts_files_and_named_files)
{
    struct world w;
    world_open(&w);
    task_rig_var(&w.r, "file",
                 cdz_val_text(task_rig_put(&w.r, "tasks", "data.txt", "stored bytes")));
    CHECK(request(&w, "/echo",
                  "method: POST\ncontentType: multipart/form-data\nformData:\n  user: ann\n  "
                  "plain: '{{ file }}'\n  named: {name: other.csv, content: '{{ file }}'}\n"
                  "  inline: {name: in.txt, content: its text}\n  list: [1, 2]") == CDZ_OK,
          "%s", w.r.err.text);
    CHECK(sent(&w, "Content-Type: multipart/form-data; boundary="), "%s", w.s.request.p);
    CHECK(sent(&w, "name=\"user\"\r\n\r\nann\r\n"), "%s", w.s.request.p);
    CHECK(sent(&w, "name=\"plain\"; filename=\"data.txt\""), "%s", w.s.request.p);
    CHECK(sent(&w, "name=\"named\"; filename=\"other.csv\""), "%s", w.s.request.p);
    CHECK(sent(&w, "name=\"inline\"; filename=\"in.txt\"") && sent(&w, "its text"), "%s",
          w.s.request.p);
    CHECK(sent(&w, "stored bytes") && sent(&w, "[1,2]"), "%s", w.s.request.p);
    world_close(&w);
}

TEST(a_form_sends_no_file_of_another_execution)
{
    struct world w;
    struct cdz_err err;
    world_open(&w);
    CHECK(cdz_storage_put(w.r.worker.storage, CDZ_STR("/a/b/f/executions/other/x"),
                          CDZ_STR("private"), &err) == CDZ_OK);
    CHECK(request(&w, "/echo",
                  "method: POST\ncontentType: multipart/form-data\nformData: {f: "
                  "'kestra:///a/b/f/executions/other/x'}") != CDZ_OK);
    CHECK(strstr(w.r.err.text, "belong"), "%s", w.r.err.text);
    CHECK(!sent(&w, "private"));
    world_close(&w);
}

TEST(a_status_of_400_and_above_fails_unless_it_is_allowed)
{
    struct world w;
    world_open(&w);
    CHECK(request(&w, "/down", "") == CDZ_E_TASK);
    CHECK(strstr(w.r.err.text, "503") && strstr(w.r.err.text, "down"), "%s", w.r.err.text);
    CHECK(request(&w, "/missing", "allowFailed: true") == CDZ_OK, "%s", w.r.err.text);
    CHECK(cdz_val_path(w.r.run.outputs, "code").i == 404 &&
          cdz_str_is(task_rig_output(&w.r, "body"), "missing"));
    world_close(&w);
}

TEST(redirects_are_followed_to_http_only)
{
    struct world w;
    world_open(&w);
    CHECK(request(&w, "/to-hello", "") == CDZ_OK, "%s", w.r.err.text);
    CHECK(cdz_str_is(task_rig_output(&w.r, "body"), "hello"));
    CHECK(!strstr(task_rig_outputs(&w.r), "X-First"), "headers of the first answer: %s",
          task_rig_outputs(&w.r));
    CHECK(request(&w, "/to-hello", "options: {followRedirects: false}") == CDZ_OK, "%s",
          w.r.err.text);
    CHECK(cdz_val_path(w.r.run.outputs, "code").i == 302);
    CHECK(request(&w, "/to-file", "") != CDZ_OK, "a file is read: %s", task_rig_outputs(&w.r));
    CHECK(request(&w, "/loop", "") != CDZ_OK);
    world_close(&w);
}

TEST(credentials_are_sent_at_once)
{
    struct world w;
    world_open(&w);
    CHECK(request(&w, "/echo", "options: {basicAuthUser: ann, basicAuthPassword: pw}") == CDZ_OK,
          "%s", w.r.err.text);
    CHECK(sent(&w, "Authorization: Basic YW5uOnB3\r\n"), "%s", w.s.request.p);
    world_close(&w);
}

TEST(the_proxy_of_the_environment_is_not_used_but_that_of_the_task)
{
    struct world w;
    char options[200];
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    world_open(&w);
    CHECK(request(&w, "/hello", "") == CDZ_OK, "%s", w.r.err.text);
    snprintf(
        options, sizeof(options),
        "type: io.kestra.plugin.core.http.Request\nuri: http://example.invalid/hello\noptions: "
        "{proxyType: HTTP, proxyAddress: 127.0.0.1, proxyPort: %d}",
        w.s.port);
    (void)task_rig_run(&w.r, options); /* no such path there; what counts is what was sent */
    CHECK(sent(&w, "GET http://example.invalid/hello"), "%s", w.s.request.p);
    unsetenv("http_proxy");
    world_close(&w);
}

TEST(what_is_no_text_is_refused_with_advice)
{
    struct world w;
    world_open(&w);
    CHECK(request(&w, "/binary", "") == CDZ_E_TASK);
    CHECK(strstr(w.r.err.text, "Download"), "%s", w.r.err.text);
    world_close(&w);
}

TEST(a_body_beyond_the_limit_is_not_read)
{
    struct world w;
    world_open(&w);
    if (!cdz_buf_room(&w.s.big, 1 << 20))
        abort();
    memset(w.s.big.p, 'x', 1 << 20);
    w.s.big.n = 1 << 20;
    CHECK(request(&w, "/big", "options: {maxContentLength: 1000}") == CDZ_E_TOO_LARGE);
    CHECK(strstr(w.r.err.text, "1000"), "%s", w.r.err.text);
    CHECK(request(&w, "/big", "") == CDZ_OK, "%s", w.r.err.text);
    CHECK(task_rig_output(&w.r, "body").n == 1 << 20);
    CHECK(request(&w, "/headers-without-end", "") != CDZ_OK, "endless headers are accepted");
    world_close(&w);
}

TEST(a_silent_server_is_given_up)
{
    struct world w;
    world_open(&w);
    cdz_us began = cdz_mono_us();
    CHECK(request(&w, "/silent", "options: {readTimeout: PT0.3S}") == CDZ_E_TIMEOUT);
    CHECK(strstr(w.r.err.text, "Read timeout"), "%s", w.r.err.text);
    CHECK(cdz_mono_us() - began < 3 * CDZ_SECOND);
    world_close(&w);
}

static void *cancel_soon(void *arg)
{
    struct world *w = arg;
    usleep(200000);
    task_rig_cancel(&w->r, CDZ_CANCEL_KILL);
    return NULL;
}

TEST(a_cancel_ends_the_request)
{
    struct world w;
    pthread_t thread;
    world_open(&w);
    cdz_us began = cdz_mono_us();
    if (pthread_create(&thread, NULL, cancel_soon, &w) != 0)
        abort();
    CHECK(request(&w, "/silent", "") == CDZ_E_KILLED, "%s", w.r.err.text);
    CHECK(cdz_mono_us() - began < 2 * CDZ_SECOND, "took %lld us",
          (long long)(cdz_mono_us() - began));
    pthread_join(thread, NULL);
    world_close(&w);
}

TEST(what_is_no_request_is_refused)
{
    static const char *const yamls[] = {
        "uri: file:///etc/passwd",
        "uri: 'ftp://127.0.0.1/x'",
        "uri: ''",
        "uri: 'http://127.0.0.1/ x'",
        "uri: 'http://127.0.0.1:99999/'",
        "uri: \"http://127.0.0.1/\\r\\nX: y\"",
        "uri: '{{ host }}/hello'\nheaders: {X: \"a\\r\\nY: b\"}",
        "uri: '{{ host }}/hello'\nheaders: {'X Y': a}",
        "uri: '{{ host }}/hello'\nmethod: '{{ \"GET / HTTP\" }}'",
        "uri: '{{ host }}/hello'\noptions: {defaultCharset: UTF-16}",
        "uri: '{{ host }}/hello'\noptions: {maxContentLength: 0}",
        "uri: '{{ host }}/junk'",
        "uri: '{{ host }}/hangup'",
        "uri: 'http://127.0.0.1:1/'",
    };
    for (size_t i = 0; i < CDZ_COUNT(yamls); i++) {
        struct world w;
        char yaml[500];
        world_open(&w);
        snprintf(yaml, sizeof(yaml), "type: io.kestra.plugin.core.http.Request\n%s", yamls[i]);
        CHECK(task_rig_run(&w.r, yaml) != CDZ_OK, "%s: %s", yamls[i], task_rig_outputs(&w.r));
        CHECK(w.r.err.text[0], "%s", yamls[i]);
        CHECK(!sent(&w, "\nY: b"), "a header was smuggled in");
        world_close(&w);
    }
}

/* --- downloads -------------------------------------------------------------------------------- */

TEST(a_download_is_stored_under_a_harmless_name)
{
    static const struct {
        const char *path, *end, *not_in;
    } rows[] = {
        {"/named", "/my%20data.csv", "etc"}, {"/named-star", "/na%C3%AFve.txt", "no"},
        {"/named-dots", ".tmp", ".."},       {"/file.csv?x=1.zip", ".csv", "zip"},
        {"/hello", ".tmp", "hello"},
    };
    for (size_t i = 0; i < CDZ_COUNT(rows); i++) {
        struct world w;
        world_open(&w);
        CHECK(download(&w, rows[i].path, "") == CDZ_OK, "%s: %s", rows[i].path, w.r.err.text);
        cdz_str uri = task_rig_output(&w.r, "uri");
        cdz_str name =
            cdz_str_sub(uri, sizeof("kestra:///a/b/f/executions/exec1/tasks/t/run1") - 1, uri.n);
        CHECK(cdz_str_starts(uri, CDZ_STR("kestra:///a/b/f/executions/exec1/tasks/t/run1/")),
              "%.*s", CDZ_S(uri));
        CHECK(cdz_str_ends(name, cdz_str_z(rows[i].end)), "%s: %.*s", rows[i].path, CDZ_S(uri));
        CHECK(cdz_str_find(name, cdz_str_z(rows[i].not_in), 0) == SIZE_MAX, "%s: %.*s",
              rows[i].path, CDZ_S(uri));
        CHECK(task_rig_file(&w.r, uri).n == (size_t)cdz_val_path(w.r.run.outputs, "length").i, "%s",
              task_rig_outputs(&w.r));
        world_close(&w);
    }
}

TEST(a_download_may_be_larger_than_what_stays_in_memory)
{
    struct world w;
    size_t n = 40u << 20;
    world_open(&w);
    if (!cdz_buf_room(&w.s.big, n))
        abort();
    memset(w.s.big.p, 'x', n);
    w.s.big.n = n;
    CHECK(download(&w, "/big", "") == CDZ_OK, "%s", w.r.err.text);
    CHECK(cdz_val_path(w.r.run.outputs, "length").i == (int64_t)n, "%s", task_rig_outputs(&w.r));
    CHECK(task_rig_measured(&w.r, "response.length=4.1943e+07"), "%s", w.r.metrics.p);
    world_close(&w);
}

TEST(an_empty_download_fails_unless_told_otherwise)
{
    struct world w;
    world_open(&w);
    CHECK(download(&w, "/empty", "") == CDZ_E_TASK);
    CHECK(strstr(w.r.err.text, "is empty"), "%s", w.r.err.text);
    CHECK(download(&w, "/empty", "failOnEmptyResponse: false") == CDZ_OK, "%s", w.r.err.text);
    CHECK(task_rig_logged(&w.r, "WARN File '"), "%s", w.r.logs.p);
    world_close(&w);
}

TEST(a_download_that_breaks_off_fails_and_stores_nothing)
{
    struct world w;
    struct cdz_file_info *files;
    struct cdz_err err;
    size_t n = 1;
    world_open(&w);
    CHECK(download(&w, "/short", "") != CDZ_OK);
    CHECK(strstr(w.r.err.text, "Invalid size, got 9, expected 100"), "%s", w.r.err.text);
    CHECK(download(&w, "/missing", "") == CDZ_E_TASK);
    CHECK(cdz_storage_list(w.r.worker.storage, CDZ_STR("/"), true, w.r.run.arena, &files, &n,
                           &err) == CDZ_OK &&
              n == 0,
          "%zu files", n);
    DIR *d = opendir(w.r.dir);
    for (struct dirent *e; d && (e = readdir(d));)
        CHECK(e->d_name[0] == '.', "%s is left", e->d_name);
    closedir(d);
    world_close(&w);
}

TEST(an_encrypted_body_is_kept_encrypted)
{
    struct world w;
    cdz_str sealed, plain, body;
    world_open(&w);
    CHECK(request(&w, "/hello", "") == CDZ_OK, "%s", w.r.err.text);
    body = task_rig_output(&w.r, "body");
    CHECK(request(&w, "/hello", "encryptBody: true\n") == CDZ_E_TASK, "no key");
    w.r.worker.encryption_key = CDZ_STR("I6EGNzRESu3X3pKZidrqCGOHQFUFC0yK");
    CHECK(request(&w, "/hello", "encryptBody: true\n") == CDZ_OK, "%s", w.r.err.text);
    CHECK(cdz_val_is_null(cdz_map_getz(w.r.run.outputs, "body")));
    CHECK(cdz_crypt_wrapped(cdz_map_getz(w.r.run.outputs, "encryptedBody"), &sealed) &&
              cdz_decrypt(w.r.worker.encryption_key, sealed, w.r.run.arena, &plain, &w.r.err) ==
                  CDZ_OK &&
              cdz_str_eq(plain, body),
          "%s", task_rig_outputs(&w.r));
    world_close(&w);
}

TEST_MAIN
