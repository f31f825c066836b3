/* api_hostile.c -- clients that break the rules: what broken and hostile ones send, or do not. */
#include "raw.h"

TEST(unknown_routes_and_methods_are_not_found)
{
    static const struct {
        const char *method, *path;
    } calls[] = {{"GET", "/nothing"},
                 {"GET", "/api/v1"},
                 {"GET", "/api/v1/"},
                 {"GET", "/api/v2/flows/search"},
                 {"GET", "/api/v1/flows/a/b/c/d/e/f"},
                 {"GET", "//api//v1//flows"},
                 {"OPTIONS", "/api/v1/flows/search"},
                 {"PATCH", "/api/v1/flows/t/f"},
                 {"TRACE", "/"},
                 {"POST", "/api/v1/executions/t/nothing"},
                 {"BREW", "/ping"}};
    struct site s;
    site_open(&s, RIG_VOLATILE);
    for (size_t i = 0; i < CDZ_COUNT(calls); i++) {
        AUTO_REPLY r = call(&s, calls[i].method, calls[i].path, NULL, (cdz_str){NULL, 0});
        CHECK(r.status == 404, "%s %s: %ld", calls[i].method, calls[i].path, r.status);
    }
    AUTO_REPLY head = call(&s, "HEAD", "/api/v1/flows/search", NULL, (cdz_str){NULL, 0});
    CHECK_STATUS(head, 200);
    CHECK(head.body.n == 0, "a body");
    site_close(&s);
}

TEST(strange_paths_and_queries_are_answered)
{
    static const struct {
        const char *path;
        int status;
    } calls[] = {{"/api/v1/flows/%zz/%", 404},
                 {"/api/v1/flows/a%00b/c", 400},
                 {"/api/v1/flows/%ff%fe/c", 400},
                 {"/api/v1/flows/%2e%2e/%2e%2e", 404},
                 {"/api/v1/executions/%2e%2e%2fx", 404},
                 {"/api/v1/flows/search?q=%zz%&&&=&=x&%", 200},
                 {"/api/v1/flows/search?q=%ff%00", 200},
                 {"/api/v1/flows/search?namespace=%27%3B--", 200},
                 {"/api/v1/logs/a%09b/download", 200},
                 {"/api/v1/logs/a%0d%0ax:y/download", 200},
                 {"/api/v1/logs/%22quoted%22/download", 200},
                 {"/api/v1/metrics/%20", 200},
                 {"/ping/", 200}};
    struct site s;
    site_open(&s, RIG_FILE);
    for (size_t i = 0; i < CDZ_COUNT(calls); i++) {
        AUTO_REPLY r = get(&s, calls[i].path);
        CHECK(r.status == calls[i].status, "%s: %ld %.200s", calls[i].path, r.status,
              r.body.p ? r.body.p : "");
        CHECK(!has(cdz_buf_get(&r.head), "x:y\r\n"), "%s: a header was smuggled in", calls[i].path);
    }
    CHECK(alive(&s), "gone");
    site_close(&s);
}

TEST(bodies_beyond_the_limit_are_refused_and_the_server_lives)
{
    CDZ_AUTO_BUF struct cdz_buf big = CDZ_BUF_INIT;
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, with_inputs);
    char *p = cdz_buf_room(&big, CDZ_BODY_BYTES_MAX + 1000);
    memset(p, 'x', CDZ_BODY_BYTES_MAX + 1000);
    big.n += CDZ_BODY_BYTES_MAX + 1000;
    {
        AUTO_REPLY r = call(&s, "POST", "/api/v1/flows", "application/x-yaml", cdz_buf_get(&big));
        CHECK_STATUS(r, 413);
    }
    {
        CDZ_AUTO_BUF struct cdz_buf form = CDZ_BUF_INIT; /* one plain value beyond the limit */
        cdz_buf_z(&form, "--XyZ\r\nContent-Disposition: form-data; name=\"word\"\r\n\r\n");
        cdz_buf_str(&form, cdz_buf_get(&big));
        cdz_buf_z(&form, "\r\n--XyZ--\r\n");
        AUTO_REPLY r = call(&s, "POST", "/api/v1/executions/t/inputs",
                            "multipart/form-data; boundary=XyZ", cdz_buf_get(&form));
        CHECK_STATUS(r, 413);
    }
    {
        CDZ_AUTO_BUF struct cdz_buf form = CDZ_BUF_INIT;
        for (int i = 0; i < 1500; i++)
            cdz_buf_printf(&form,
                           "--XyZ\r\nContent-Disposition: form-data; name=\"n%d\"\r\n\r\nv\r\n", i);
        cdz_buf_z(&form, "--XyZ--\r\n");
        AUTO_REPLY r = call(&s, "POST", "/api/v1/executions/t/inputs",
                            "multipart/form-data; boundary=XyZ", cdz_buf_get(&form));
        CHECK_STATUS(r, 413);
    }
    CHECK(alive(&s), "gone");
    site_close(&s);
}

TEST(broken_multipart_bodies_are_refused)
{
    static const struct {
        const char *type, *body;
        int status;
    } calls[] = {
        {"multipart/form-data; boundary=XyZ", /* cut inside a value */
         "--XyZ\r\nContent-Disposition: form-data; name=\"word\"\r\n\r\nhal", 400},
        {"multipart/form-data; boundary=XyZ", /* cut inside a file */
         "--XyZ\r\nContent-Disposition: form-data; name=\"data\"; filename=\"data\"\r\n\r\nhal",
         400},
        {"multipart/form-data; boundary=XyZ", "this is no multipart at all", 422},
        {"multipart/form-data; boundary=XyZ", "--XyZ--\r\n",
         422}, /* an empty form: inputs are missing */
        {"multipart/form-data; boundary=XyZ", "--XyZ--", 422},
        {"multipart/form-data", "--x\r\n\r\n", 400},
        {"multipart/form-data; boundary=", "--\r\n\r\n", 400},
        {"multipart/form-data; boundary=\"x", "--x\r\n\r\n", 422},
        {"text/plain", "hello", 422},
    };
    struct site s;
    site_open(&s, RIG_VOLATILE);
    deploy(&s, with_inputs);
    for (size_t i = 0; i < CDZ_COUNT(calls); i++) {
        AUTO_REPLY r = call(&s, "POST", "/api/v1/executions/t/inputs", calls[i].type,
                            cdz_str_z(calls[i].body));
        CHECK(r.status == calls[i].status, "%zu: %ld %s", i, r.status, r.body.p ? r.body.p : "");
    }
    AUTO_REPLY found = get(&s, "/api/v1/executions/search");
    CHECK(has(cdz_buf_get(&found.body), "\"total\":0"), "%s", found.body.p);
    site_close(&s);
}

TEST(bytes_that_are_no_http_are_turned_away)
{
    CDZ_AUTO_BUF struct cdz_buf huge = CDZ_BUF_INIT;
    struct site s;
    site_open(&s, RIG_VOLATILE);
    static const char *const requests[] = {
        "\r\n\r\n\r\n\r\n",
        "\x16\x03\x01\x02 this is TLS\r\n\r\n",
        "GET\r\n\r\n",
        "GET /ping HTTP/9.9\r\nHost: x\r\n\r\n",
        "POST /api/v1/flows HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /api/v1/flows HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /api/v1/flows HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET /ping HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n"};
    for (size_t i = 0; i < CDZ_COUNT(requests); i++) {
        int fd = raw_open(&s, cdz_str_z(requests[i]));
        shutdown(fd, SHUT_WR);
        int status = raw_status(fd);
        CHECK(status == 0 || status >= 400, "request %zu: %d", i, status);
        close(fd);
    }
    cdz_buf_z(&huge, "GET /ping HTTP/1.1\r\nHost: x\r\nX-Long: ");
    for (int i = 0; i < 100000; i++)
        cdz_buf_c(&huge, 'y');
    cdz_buf_z(&huge, "\r\n\r\n");
    int status = raw(&s, cdz_buf_get(&huge));
    CHECK(status == 0 || status == 431, "%d", status);
    cdz_buf_reset(&huge);
    cdz_buf_z(&huge, "GET /");
    for (int i = 0; i < 100000; i++)
        cdz_buf_c(&huge, 'y');
    cdz_buf_z(&huge, " HTTP/1.1\r\nHost: x\r\n\r\n");
    status = raw(&s, cdz_buf_get(&huge));
    CHECK(status == 0 || status == 414 || status == 431, "%d", status);
    CHECK(alive(&s), "gone");
    site_close(&s);
}

TEST(many_idle_connections_do_not_keep_others_out)
{
    enum { IDLE = 200 };
    struct site s;
    int fd[IDLE];
    site_open(&s, RIG_VOLATILE);
    for (int i = 0; i < IDLE; i++) /* half of them in the middle of a request */
        fd[i] = raw_open(&s, cdz_str_z(i % 2 ? "POST /api/v1/flows HTTP/1.1\r\nHost:" : ""));
    CHECK(alive(&s), "no answer");
    for (int i = 0; i < IDLE; i++)
        close(fd[i]);
    CHECK(alive(&s), "no answer");
    site_close(&s);
}

static size_t open_files(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

TEST(a_client_that_hangs_up_while_it_waits_is_forgotten)
{
    struct site s;
    char id[32], follow[256];
    site_open(&s, RIG_VOLATILE);
    deploy(&s, forever);
    start(&s, "forever", id);
    rig_pause(300);
    size_t before = open_files();
    int wait = raw_open(&s, CDZ_STR("POST /api/v1/executions/t/forever?wait=true HTTP/1.1\r\n"
                                    "Host: x\r\nContent-Length: 0\r\n\r\n"));
    snprintf(follow, sizeof(follow), "GET /api/v1/executions/%s/follow HTTP/1.1\r\nHost: x\r\n\r\n",
             id);
    int stream = raw_open(&s, cdz_str_z(follow));
    rig_pause(300);
    CHECK(open_files() >= before + 4, "they are not connected");
    close(wait);
    close(stream);
    char kill[128]; /* what the stream tells next shows that its reader has left */
    snprintf(kill, sizeof(kill), "/api/v1/executions/%s/kill", id);
    AUTO_REPLY r = call(&s, "DELETE", kill, NULL, (cdz_str){NULL, 0});
    CHECK_STATUS(r, 202);
    cdz_execution_free(rig_end(&s.rig, id));
    RIG_UNTIL(open_files() <= before + 1); /* the second attempt may have an eventfd of its own */
    site_close(&s);
}

TEST_MAIN
