// SPDX-License-Identifier: Apache-2.0
/*
 * test_http_body.c - bodies of requests, and clients and servers that go away, over real sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/http/http_harness.h"

/* ---- handlers ---- */

static struct tally gone = TALLY_INIT;
static struct tally waiting = TALLY_INIT;    /* requests that wait for a timer */
static struct tally body_bytes = TALLY_INIT; /* of the last body that a handler began to see */

struct upload {
    uint64_t size;
    uint64_t sum;
    uint32_t pauses;
    uv_timer_t *timer;
};

static void upload_begin(struct http_request *request)
{
    struct upload *upload = http_request_alloc(request, sizeof(*upload));

    *upload = (struct upload){0};
    http_request_set_state(request, upload);
}

static void on_resume(uv_timer_t *timer)
{
    struct http_request *request = timer->data;
    struct upload *upload = http_request_state(request);

    upload->timer = NULL;
    uv_close((uv_handle_t *)timer, handler_timer_closed);
    http_request_resume(request);
}

static void upload_piece(struct http_request *request, const char *data, size_t size)
{
    struct upload *upload = http_request_state(request);

    if (upload->timer)
        abort(); /* paused */
    upload->size += size;
    tally_set(&body_bytes, upload->size);
    for (size_t i = 0; i < size; i++)
        upload->sum = upload->sum * 31 + (uint8_t)data[i];
    if (http_request_query(request, "pause").data && upload->size >> 20 > upload->pauses) {
        struct harness *harness = http_request_user(request);
        upload->pauses++;
        upload->timer = calloc(1, sizeof(*upload->timer));
        upload->timer->data = request;
        uv_timer_init(&harness->loop, upload->timer);
        uv_timer_start(upload->timer, on_resume, 1, 0);
        http_request_pause(request);
    }
}

static void upload_end(struct http_request *request)
{
    struct upload *upload = http_request_state(request);
    struct bytes body = {0};

    bytes_format(&body, "size=%llu sum=%llu pauses=%u", (unsigned long long)upload->size,
                 (unsigned long long)upload->sum, upload->pauses);
    http_reply_bytes(request, 200, "text/plain", &body);
}

static void upload_gone(struct http_request *request)
{
    struct upload *upload = http_request_state(request);

    if (upload->timer)
        uv_close((uv_handle_t *)upload->timer, handler_timer_closed);
    tally_count(&gone);
}

static void refuse(struct http_request *request)
{
    struct err err;

    err_set(&err, ERR_LIMIT, "no \"%s\" here", "\xff");
    if (http_request_query(request, "utf8").data)
        err_set(&err, ERR_CONFLICT, "a \"quoted\" reason");
    http_reply_err(request, &err);
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
    struct span ms = http_request_query(request, "ms");

    timer->data = request;
    http_request_set_state(request, timer);
    uv_timer_init(&harness->loop, timer);
    uv_timer_start(timer, on_later, ms.data ? strtoul(ms.data, NULL, 10) : 20, 0);
    tally_count(&waiting);
}

static void later_gone(struct http_request *request)
{
    uv_close(http_request_state(request), handler_timer_closed);
    tally_count(&gone);
}

static const struct route_ops hello_ops = {.on_request = handler_hello};
static const struct route_ops upload_ops = {.on_request = upload_begin,
                                            .on_body = upload_piece,
                                            .on_end = upload_end,
                                            .on_gone = upload_gone};
static const struct route_ops refuse_ops = {.on_request = refuse};
static const struct route_ops later_ops = {.on_request = later, .on_gone = later_gone};

static const struct route routes[] = {
    {"GET", "/hello", ROLE_NONE, &hello_ops},
    {"POST", "/upload", ROLE_WRITE, &upload_ops},
    {"POST", "/refuse", ROLE_WRITE, &refuse_ops},
    {"GET", "/later", ROLE_READ, &later_ops},
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
    tally_set(&gone, 0);
    tally_set(&waiting, 0);
    tally_set(&body_bytes, 0);
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

static uint64_t sum_of(const char *data, size_t size)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + (uint8_t)data[i];
    return sum;
}

/* ---- tests ---- */

static void upload_twenty(const char *address, const char *expected_end)
{
    size_t size = 20u << 20;
    char *body = malloc(size);
    char text[256];

    for (size_t i = 0; i < size; i++)
        body[i] = (char)(i * 7 + (i >> 8));
    snprintf(text, sizeof(text),
             "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", address, size);
    client_send(&client, text);
    assert_true(client_send_bytes(&client, body, size));
    snprintf(text, sizeof(text), "size=%zu sum=%llu %s", size,
             (unsigned long long)sum_of(body, size), expected_end);
    client_expect_reply(&client, 200, text);
    free(body);
}

static void test_upload(void **state)
{
    (void)state;
    upload_twenty("/upload", "pauses=0");
    upload_twenty("/upload?pause=1", "pauses=");
    client_get(&client, "/hello");
    client_expect_reply(&client, 200, "hello");
}

static void test_upload_chunked(void **state)
{
    (void)state;
    client_send(&client, "POST /upload HTTP/1.1\r\nHost: localhost\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n3\r\nab");
    tally_wait(&body_bytes, 2);
    client_send(&client, "c\r\n0");
    tally_wait(&body_bytes, 3);
    client_send(&client, "\r\n\r\nGET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client_expect_reply(&client, 200, "size=3 sum=96354 ");
    client_expect_reply(&client, 200, "hello");
    /* A body with no length and no chunks is empty. */
    client_send(&client, "POST /upload HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client_expect_reply(&client, 200, "size=0 ");
    client_send(&client, "POST /upload HTTP/1.1\r\nHost: localhost\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd");
    client_expect_reply(&client, 400, "chunk");
    assert_true(client_closed(&client));
    tally_wait(&gone, 1);
}

static void test_expect(void **state)
{
    (void)state;
    client_send(&client, "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
                         "Expect: 100-continue\r\n\r\n");
    client_expect(&client, "HTTP/1.1 100 Continue\r\n\r\n");
    client_send(&client, "abc");
    client_expect_reply(&client, 200, "size=3");
    client_send(&client, "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
                         "Expect: 100-continue\r\n\r\n");
    struct client_reply reply = client_read(&client, true);
    assert_int_equal(reply.status, 404);
    assert_non_null(strstr(reply.head.data, "\r\nConnection: close\r\n"));
    client_reply_done(&reply);
    assert_true(client_closed(&client));
}

static void test_too_large(void **state)
{
    static char piece[1 << 20];

    (void)state;
    client_send(&client, "POST /upload HTTP/1.1\r\nHost: localhost\r\n"
                         "Content-Length: 50000000\r\n\r\n");
    /* The client sends it all before it looks, and must still find the answer. */
    for (int i = 0; i < 50; i++) {
        if (!client_send_bytes(&client, piece, 1000000))
            fail_msg("reset after %d MB", i);
    }
    client_expect_reply(&client, 413, "50000000 bytes is more than the 33554432");
    assert_true(client_closed(&client));

    struct client second = client_open(harness.port);
    client_send(&second, "POST /upload HTTP/1.1\r\nHost: localhost\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n");
    bool sent = true;
    for (int i = 0; i < 40 && sent; i++)
        sent = client_send_bytes(&second, "100000\r\n", 8) &&
               client_send_bytes(&second, piece, sizeof(piece)) &&
               client_send_bytes(&second, "\r\n", 2);
    assert_true(sent);
    client_expect_reply(&second, 413, "larger");
    client_close(&second);
    tally_wait(&gone, 1);
}

static void test_refusal_with_body(void **state)
{
    (void)state;
    /* A small body is read to its end; the connection stays. */
    client_send(&client, "POST /refuse?utf8=1 HTTP/1.1\r\nHost: localhost\r\n"
                         "Content-Length: 5\r\n\r\nhe");
    client_expect_reply(&client, 409,
                        "{\"error\":{\"code\":\"conflict\",\"message\":\"a "
                        "\\\"quoted\\\" reason\"}}");
    client_send(&client, "lloPOST /refuse HTTP/1.1\r\nHost: localhost\r\n"
                         "Content-Length: 5000000\r\n\r\n");
    struct client_reply reply = client_read(&client, true);
    assert_int_equal(reply.status, 429);
    assert_non_null(strstr(reply.head.data, "\r\nRetry-After: 1\r\n"));
    assert_non_null(strstr(reply.head.data, "\r\nConnection: close\r\n"));
    client_reply_done(&reply);
    assert_true(client_closed(&client));
}

static void test_abort(void **state)
{
    (void)state;
    client_send(&client,
                "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhe");
    tally_wait(&body_bytes, 2);
    close(client.fd);
    tally_wait(&gone, 1);
    client = client_open(harness.port);
    client_get(&client, "/later?ms=10000");
    tally_wait(&waiting, 1);
    close(client.fd);
    tally_wait(&gone, 2);
    client = client_open(harness.port);
    client_get(&client, "/hello");
    client_expect_reply(&client, 200, "hello");
    /* One that is still running when the server ends. */
    client_get(&client, "/later?ms=10000");
    tally_wait(&waiting, 2);
}

static void test_slow_clients(void **state)
{
    struct client idle = client_open(harness.port);
    struct client body = client_open(harness.port);

    (void)state;
    client_send(&client, "GET /hello HTTP/1.1\r\nHo");
    client_send(&body, "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhe");
    client_expect_reply(&client, 408, "\"code\":\"timeout\"");
    client_expect_reply(&body, 408, "took too long");
    assert_true(client_closed(&client));
    assert_true(client_closed(&idle));
    tally_wait(&gone, 1);
    client_close(&idle);
    client_close(&body);
}

static void test_connections_max(void **state)
{
    struct client clients[10];

    (void)state;
    for (int i = 0; i < 7; i++) {
        clients[i] = client_open(harness.port);
        client_get(&clients[i], "/hello");
        client_expect_reply(&clients[i], 200, "hello");
    }
    clients[7] = client_open(harness.port);
    client_get(&clients[7], "/hello");
    client_expect_reply(&clients[7], 503, "too many connections");
    assert_true(client_closed(&clients[7]));
    for (int i = 0; i < 8; i++)
        client_close(&clients[i]);
    /* The server may hear of the closing after it hears of the opening. */
    int status = 503;
    for (int i = 0; i < 1000 && status == 503; i++) {
        struct client again = client_open(harness.port);
        client_get(&again, "/hello");
        struct client_reply reply = client_read(&again, true);
        status = reply.status;
        client_reply_done(&reply);
        client_close(&again);
    }
    assert_int_equal(status, 200);
}

static void test_drain(void **state)
{
    struct client busy = client_open(harness.port);

    (void)state;
    client_get(&client, "/hello");
    client_expect_reply(&client, 200, "hello");
    client_get(&busy, "/later?ms=200");
    tally_wait(&waiting, 1);
    harness.drain_ms = 5000;
    uv_async_send(&harness.drain);
    assert_true(client_closed(&client));
    struct client_reply reply = client_read(&busy, true);
    assert_int_equal(reply.status, 201);
    assert_non_null(strstr(reply.head.data, "\r\nConnection: close\r\n"));
    client_reply_done(&reply);
    assert_true(client_closed(&busy));
    client_close(&busy);
    client_close(&client);
    uv_sem_wait(&harness.drained);
    client.fd = -1;
}

static void test_drain_cut(void **state)
{
    (void)state;
    client_get(&client, "/later?ms=100000");
    tally_wait(&waiting, 1);
    harness.drain_ms = 100;
    uv_async_send(&harness.drain);
    uv_sem_wait(&harness.drained);
    assert_int_equal(tally_get(&gone), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_upload),       TEST(test_upload_chunked),    TEST(test_expect),
        TEST(test_too_large),    TEST(test_refusal_with_body), TEST(test_abort),
        TEST(test_slow_clients), TEST(test_connections_max),   TEST(test_drain),
        TEST(test_drain_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
