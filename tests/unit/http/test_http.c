// SPDX-License-Identifier: Apache-2.0
/*
 * test_http.c - requests and replies over real sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/http/http_harness.h"

/* ---- handlers ---- */

static void echo(struct http_request *request)
{
    struct bytes body = {0};
    struct span name, value;

    bytes_format(&body, "name=%s", http_request_param(request, "name").data);
    for (size_t i = 0; http_request_query_at(request, i, &name, &value); i++)
        bytes_format(&body, " %s=%s", name.data, value.data);
    struct span wanted = http_request_query(request, "absent");
    bytes_format(&body, " absent=%s agent=%s", wanted.data ? "?" : "no",
                 http_request_header(request, "user-agent").data);
    bytes_format(&body, " %s %s %s %d %d", http_request_method(request).data,
                 http_request_path(request).data,
                 route_role_text(http_request_route(request)->role),
                 (int)http_request_length(request), http_request_is_websocket(request));
    if (memcmp(http_request_peer(request).data, "127.0.0.1:", 10) != 0)
        abort();
    http_reply_header(request, "X-Test", "yes");
    http_reply_bytes(request, 200, "text/plain", &body);
}

static void on_later(uv_timer_t *timer)
{
    struct http_request *request = timer->data;

    uv_close((uv_handle_t *)timer, handler_timer_closed);
    http_reply_own(request, 201, "text/plain", strdup("later"), 5);
}

static void later(struct http_request *request)
{
    struct harness *harness = http_request_user(request);
    uv_timer_t *timer = calloc(1, sizeof(*timer));

    timer->data = request;
    uv_timer_init(&harness->loop, timer);
    uv_timer_start(timer, on_later, 1, 0);
}

/* Says how large the body was. */
static void size_end(struct http_request *request)
{
    char text[32];

    snprintf(text, sizeof(text), "size=%llu", (unsigned long long)http_request_length(request));
    http_reply(request, 200, "text/plain", text, strlen(text));
}

static void size_begin(struct http_request *request)
{
    http_request_set_state(request, NULL);
}

#define STREAM_BYTES (8u << 20)

static void stream_more(struct http_request *request)
{
    static const char line[1000] = {[0 ... 998] = 'x', [999] = '\n'};
    size_t *sent = http_request_state(request);

    while (*sent < STREAM_BYTES) {
        *sent += sizeof(line);
        if (!http_stream_write(request, line, sizeof(line)))
            return;
        if (http_stream_queued(request) > 1u << 20)
            abort();
    }
    if (http_request_query(request, "abort").data)
        http_stream_abort(request);
    else
        http_stream_end(request);
}

static void stream(struct http_request *request)
{
    size_t *sent = http_request_alloc(request, sizeof(*sent));

    *sent = 0;
    http_request_set_state(request, sent);
    http_stream_start(request, 200, "application/x-ndjson");
    stream_more(request);
}

static void large(struct http_request *request)
{
    size_t size = 20u << 20;
    char *body = malloc(size);

    memset(body, 'L', size);
    http_reply_own(request, 200, "text/plain", body, size);
}

static void asset(struct http_request *request)
{
    static const struct http_static file = {.mime = "text/html; charset=utf-8",
                                            .etag = "\"abc\"",
                                            .bytes = (const unsigned char *)"<p>plain",
                                            .size = 8,
                                            .gzip_bytes = (const unsigned char *)"zipped",
                                            .gzip_size = 6};

    http_reply_static(request, &file);
}

static void refuse(struct http_request *request)
{
    struct err err;

    err_set(&err, ERR_LIMIT, "no \"%s\" here", "\xff");
    if (http_request_query(request, "utf8").data)
        err_set(&err, ERR_CONFLICT, "a \"quoted\" reason");
    http_reply_err(request, &err);
}

static const struct route_ops hello_ops = {.on_request = handler_hello};
static const struct route_ops echo_ops = {.on_request = echo};
static const struct route_ops size_ops = {.on_request = size_begin, .on_end = size_end};
static const struct route_ops refuse_ops = {.on_request = refuse};
static const struct route_ops later_ops = {.on_request = later};
static const struct route_ops stream_ops = {.on_request = stream, .on_drain = stream_more};
static const struct route_ops large_ops = {.on_request = large};
static const struct route_ops asset_ops = {.on_request = asset};

static const struct route routes[] = {
    {"GET", "/hello", ROLE_NONE, &hello_ops},     {"GET", "/echo/{name}", ROLE_READ, &echo_ops},
    {"POST", "/size", ROLE_WRITE, &size_ops},     {"PUT", "/size", ROLE_WRITE, &size_ops},
    {"POST", "/refuse", ROLE_WRITE, &refuse_ops}, {"GET", "/later", ROLE_READ, &later_ops},
    {"GET", "/stream", ROLE_READ, &stream_ops},   {"GET", "/large", ROLE_READ, &large_ops},
    {"GET", "/page", ROLE_NONE, &asset_ops},
};

static struct harness harness;
static struct client client;

static int start(void **state)
{
    (void)state;
    harness = (struct harness){.first = true,
                               .options = {.user = &harness,
                                           .body_bytes_max = 32u << 20,
                                           .head_bytes_max = 8192,
                                           .connections_max = 8,
                                           .head_ms_max = 400,
                                           .idle_ms_max = 600,
                                           .body_stall_ms_max = 400}};
    harness_start(&harness, routes, sizeof(routes) / sizeof(routes[0]));
    client = client_open(harness.port);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    client_close(&client);
    harness_stop(&harness);
    return 0;
}

/* ---- tests ---- */

static void test_keep_alive(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        client_get(&client, "/hello");
        client_expect_reply(&client, 200, "hello");
    }
    client_send(&client, "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    struct client_reply reply = client_read(&client, true);
    assert_non_null(strstr(reply.head.data, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(reply.head.data, "\r\nDate: "));
    assert_non_null(strstr(reply.head.data, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(reply.head.data, "\r\nCache-Control: no-store\r\n"));
    client_reply_done(&reply);
    assert_true(client_closed(&client));

    struct client old = client_open(harness.port);
    client_send(&old, "GET /hello HTTP/1.0\r\n\r\n");
    client_expect_reply(&old, 200, "hello");
    assert_true(client_closed(&old));
    client_close(&old);
}

static void test_pipelining(void **state)
{
    struct bytes wire = {0};

    (void)state;
    for (int i = 0; i < 200; i++) {
        bytes_put_text(&wire, "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n");
        bytes_put_text(&wire, "POST /size HTTP/1.1\r\nHost: localhost\r\n"
                              "Content-Length: 3\r\n\r\nabc");
        bytes_put_text(&wire, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    /* In two pieces that split a head. */
    assert_true(client_send_bytes(&client, wire.data, 1234));
    for (int i = 0; i < 200; i++) {
        if (i == 2)
            assert_true(client_send_bytes(&client, wire.data + 1234, wire.size - 1234));
        client_expect_reply(&client, 201, "later");
        client_expect_reply(&client, 200, "size=3");
        client_expect_reply(&client, 200, "hello");
    }
    bytes_done(&wire);
}

static void test_pipelined_large_replies(void **state)
{
    (void)state;
    /* More is asked for than the server wants to hold. */
    for (int i = 0; i < 5; i++)
        client_get(&client, "/large");
    for (int i = 0; i < 5; i++) {
        struct client_reply reply = client_read(&client, true);
        assert_int_equal(reply.body.size, 20u << 20);
        client_reply_done(&reply);
    }
}

static void test_names(void **state)
{
    (void)state;
    client_send(&client, "GET /echo/Carlsen%2C%20M%2FN+1?a=1&b=%26+x&a=2&&c&d= HTTP/1.1\r\n"
                         "Host: localhost\r\nUser-Agent: t\r\n\r\n");
    struct client_reply reply = client_read(&client, true);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body.data,
                        "name=Carlsen, M/N+1 a=1 b=& x a=2 c= d= absent=no agent=t "
                        "GET /echo/Carlsen%2C%20M%2FN+1 read 0 0");
    assert_non_null(strstr(reply.head.data, "\r\nX-Test: yes\r\n"));
    client_reply_done(&reply);
    client_get(&client, "/echo/a%2");
    client_expect_reply(&client, 400, "malformed percent-encoding in {name}");
    client_get(&client, "/echo/a?b=%00");
    client_expect_reply(&client, 400, "query: b=%00");
}

static void test_unknown(void **state)
{
    (void)state;
    client_get(&client, "/nothing/\"here\"");
    client_expect_reply(&client, 404,
                        "{\"error\":{\"code\":\"not_found\",\"message\":\"nothing is at "
                        "/nothing/\\\"here\\\"\"}}");
    client_send(&client, "DELETE /size HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct client_reply reply = client_read(&client, true);
    assert_int_equal(reply.status, 405);
    assert_non_null(strstr(reply.head.data, "\r\nAllow: POST, PUT, OPTIONS\r\n"));
    assert_non_null(strstr(reply.body.data, "\"code\":\"method\""));
    client_reply_done(&reply);
    client_send(&client, "OPTIONS /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    reply = client_read(&client, true);
    assert_int_equal(reply.status, 204);
    assert_non_null(strstr(reply.head.data, "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
    client_reply_done(&reply);
    client_send(&client, "HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    reply = client_read(&client, false);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.head.data, "\r\nContent-Length: 5\r\n"));
    client_reply_done(&reply);
    client_get(&client, "/hello");
    client_expect_reply(&client, 200, "hello");
}

static void test_bad_requests(void **state)
{
    static const char *const bad[] = {"\x16\x03\x01\x02", "GET / HTTP/1.1\r\n\r\n", "BREW\r\n\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct client rude = client_open(harness.port);
        client_send(&rude, bad[i]);
        client_expect_reply(&rude, 400, "\"code\":\"invalid\"");
        assert_true(client_closed(&rude));
        client_close(&rude);
    }
    struct bytes wire = {0};
    bytes_put_text(&wire, "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: ");
    for (int i = 0; i < 10000; i++)
        bytes_put_char(&wire, 'x');
    client_send_bytes(&client, wire.data, wire.size);
    client_expect_reply(&client, 431, "\"code\":\"too_large\"");
    assert_true(client_closed(&client));
    bytes_done(&wire);
}

static void test_stream(void **state)
{
    (void)state;
    client_get(&client, "/stream");
    struct client_reply reply = client_read(&client, true);
    assert_int_equal(reply.body.size, (STREAM_BYTES / 1000 + 1) * 1000);
    client_reply_done(&reply);
    client_get(&client, "/hello");
    client_expect_reply(&client, 200, "hello");

    client_get(&client, "/stream?abort=1");
    size_t total = 0;
    ssize_t size;
    while ((size = client_fill(&client)) > 0) {
        total += (size_t)size;
        assert_null(memmem(client.buffer.data, client.buffer.size, "\r\n0\r\n\r\n", 7));
        bytes_clear(&client.buffer);
    }
    assert_true(total < STREAM_BYTES + 100000);

    struct client old = client_open(harness.port);
    client_send(&old, "GET /stream HTTP/1.0\r\n\r\n");
    struct client_reply old_reply = client_read(&old, true);
    assert_null(strstr(old_reply.head.data, "chunked"));
    client_reply_done(&old_reply);
    while ((size = client_fill(&old)) > 0)
        ;
    assert_int_equal(size, 0);
    assert_int_equal(old.buffer.size, (STREAM_BYTES / 1000 + 1) * 1000);
    client_close(&old);
}

static void test_static(void **state)
{
    (void)state;
    client_get(&client, "/page");
    struct client_reply reply = client_read(&client, true);
    assert_string_equal(reply.body.data, "<p>plain");
    assert_non_null(strstr(reply.head.data, "\r\nETag: \"abc\"\r\n"));
    assert_non_null(strstr(reply.head.data, "\r\nContent-Security-Policy: default-src 'self'"));
    client_reply_done(&reply);
    client_send(&client, "GET /page HTTP/1.1\r\nHost: localhost\r\n"
                         "Accept-Encoding: br, gzip\r\n\r\n");
    reply = client_read(&client, true);
    assert_string_equal(reply.body.data, "zipped");
    assert_non_null(strstr(reply.head.data, "\r\nContent-Encoding: gzip\r\n"));
    client_reply_done(&reply);
    client_send(&client, "GET /page HTTP/1.1\r\nHost: localhost\r\n"
                         "If-None-Match: \"x\", W/\"abc\"\r\n\r\n");
    reply = client_read(&client, true);
    assert_int_equal(reply.status, 304);
    assert_null(strstr(reply.head.data, "Content-Length"));
    client_reply_done(&reply);
}

static void test_origins(void **state)
{
    static const struct {
        int status;
        const char *text;
    } cases[] = {
        {409, "POST /refuse?utf8=1 HTTP/1.1\r\nHost: localhost:1\r\n"
              "Origin: http://localhost:1\r\n\r\n"},
        {403, "POST /refuse?utf8=1 HTTP/1.1\r\nHost: localhost:1\r\n"
              "Origin: http://localhost:2\r\n\r\n"},
        {403, "POST /refuse?utf8=1 HTTP/1.1\r\nHost: localhost:1\r\nOrigin: null\r\n\r\n"},
        {200, "GET /hello HTTP/1.1\r\nHost: localhost:1\r\nOrigin: http://evil.example\r\n\r\n"},
        {403, "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n"},
        {403, "GET /hello HTTP/1.1\r\nHost: notlocalhost\r\n\r\n"},
        {200, "GET /hello HTTP/1.1\r\nHost: a.localhost:80\r\n\r\n"},
        {200, "GET /hello HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
        {200, "GET /hello HTTP/1.1\r\nHost: 10.0.0.1:80\r\n\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client_send(&client, cases[i].text);
        client_expect_reply(&client, cases[i].status, NULL);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keep_alive), TEST(test_pipelining), TEST(test_pipelined_large_replies),
        TEST(test_names),      TEST(test_unknown),    TEST(test_bad_requests),
        TEST(test_stream),     TEST(test_static),     TEST(test_origins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
