// SPDX-License-Identifier: Apache-2.0
/*
 * test_http_live.c - SSE and WebSocket over real sockets, and servers on several threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/http/http_harness.h"

#define QUEUE_BYTES (256u << 10)
#define NUMBERED "{\"id\":\"boot-1\",\"n\":1}"

/* ---- handlers ---- */

static struct tally opened = TALLY_INIT;
static struct tally gone = TALLY_INIT;
static struct tally refused = TALLY_INIT; /* pushes */

/* A live connection of the test: it floods, or it says three things and echoes. */
struct feed {
    struct http_live *live;
    uv_timer_t *timer;
    bool flood;
    bool told_gap;
    int said;
};

static void say(struct feed *feed, const char *id, const char *event, const char *json)
{
    struct http_shared *message = http_shared_new(span_of(id), span_of(event), span_of(json));

    if (!http_live_push(feed->live, message))
        tally_count(&refused);
    http_shared_unref(message);
}

static void say_unnumbered(struct feed *feed, const char *json)
{
    struct http_shared *message =
        http_shared_new(SPAN_LITERAL("boot-2"), SPAN_LITERAL("change"), span_of(json));

    http_live_push_unnumbered(feed->live, message);
    http_shared_unref(message);
}

static void on_feed(uv_timer_t *timer)
{
    struct feed *feed = timer->data;
    static char json[10001];

    if (!feed->flood) {
        if (feed->said < 3)
            say(feed, "boot-1", "change", "{\"n\":1}");
        else if (feed->said == 3)
            say_unnumbered(feed, "{\"n\":2}");
        feed->said++;
        return;
    }
    memset(json, 'j', 10000);
    json[0] = '{';
    for (int i = 0; i < 50; i++)
        say(feed, "boot-1", "change", json);
    if (http_live_queued(feed->live) > QUEUE_BYTES + 1000)
        abort();
}

static void feed_message(struct http_live *live, const char *text, size_t size)
{
    struct feed *feed = http_live_user(live);

    if (strcmp(text, "close") == 0)
        http_live_close(live, 1008, "as you wish");
    else if (size > 0)
        say(feed, "", "", text);
}

static void feed_drain(struct http_live *live)
{
    struct feed *feed = http_live_user(live);

    /* The kernel's buffers fill first, and let us drain on the way. */
    if (tally_get(&refused) < 500)
        return;
    if (!feed->told_gap)
        say(feed, "", "gap", "{\"event\":\"gap\"}");
    feed->told_gap = true;
    feed->flood = false;
}

static void feed_gone(struct http_live *live)
{
    struct feed *feed = http_live_user(live);

    /* The request is still there. */
    if (!http_request_path(http_live_request(live)).data)
        abort();
    uv_close((uv_handle_t *)feed->timer, handler_timer_closed);
    free(feed);
    tally_count(&gone);
}

static const struct http_live_ops feed_ops = {
    .on_message = feed_message, .on_drain = feed_drain, .on_gone = feed_gone};

static void live_request(struct http_request *request)
{
    struct harness *harness = http_request_user(request);
    struct feed *feed = calloc(1, sizeof(*feed));

    feed->live = http_live_start(request, &feed_ops, feed);
    if (!feed->live) {
        free(feed);
        return;
    }
    feed->flood = http_request_query(request, "flood").data;
    feed->timer = calloc(1, sizeof(*feed->timer));
    feed->timer->data = feed;
    uv_timer_init(&harness->loop, feed->timer);
    uv_timer_start(feed->timer, on_feed, 5, 5);
    tally_count(&opened);
}

static const struct route_ops live_ops = {.on_request = live_request};
static const struct route_ops hello_ops = {.on_request = handler_hello};
static const struct route routes[] = {
    {"GET", "/live", ROLE_READ, &live_ops},
    {"POST", "/live", ROLE_READ, &live_ops},
    {"GET", "/hello", ROLE_READ, &hello_ops},
};

static struct harness harness;
static struct client client;

static int start(void **state)
{
    static const char *const origins[] = {"https://friend.example"};

    (void)state;
    harness = (struct harness){.first = true,
                               .options = {.user = &harness,
                                           .live_queued_bytes_max = QUEUE_BYTES,
                                           .live_keep_alive_ms = 300,
                                           .write_stall_ms_max = 1000,
                                           .message_bytes_max = 1000,
                                           .allow_origins = origins,
                                           .allow_origin_count = 1}};
    tally_set(&gone, 0);
    tally_set(&refused, 0);
    tally_set(&opened, 0);
    harness_start(&harness, routes, sizeof(routes) / sizeof(routes[0]));
    client = client_open(harness.port);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    client_close(&client);
    harness_stop(&harness);
    assert_int_equal(tally_get(&gone), tally_get(&opened));
    assert_true(harness.counters.lives <= harness.counters.connections);
    return 0;
}

/* ---- a WebSocket client ---- */

static void websocket_open(struct client *c, const char *more)
{
    client_send(c, "GET /live?topic=x HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                   "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    client_send(c, more);
    client_send(c, "\r\n");
}

static void websocket_opened(struct client *c)
{
    client_expect(c, "HTTP/1.1 101 Switching Protocols\r\n");
    client_expect(c, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

static void websocket_send(struct client *c, uint8_t first, const char *payload, size_t size)
{
    struct bytes wire = {0};

    bytes_put_char(&wire, (char)first);
    bytes_put_char(&wire, (char)(0x80 | size));
    bytes_put(&wire, "\x01\x02\x03\x04", 4);
    for (size_t i = 0; i < size; i++)
        bytes_put_char(&wire, (char)(payload[i] ^ (char)((i & 3) + 1)));
    assert_true(client_send_bytes(c, wire.data, wire.size));
    bytes_done(&wire);
}

/* Reads a frame of less than 126 bytes; returns its first byte. */
static uint8_t websocket_receive(struct client *c, char payload[126], size_t *out_size)
{
    while (c->buffer.size < 2 || c->buffer.size < 2u + (uint8_t)c->buffer.data[1])
        assert_true(client_fill(c) > 0);
    uint8_t first = (uint8_t)c->buffer.data[0];
    *out_size = (uint8_t)c->buffer.data[1];
    assert_true(*out_size < 126);
    memcpy(payload, c->buffer.data + 2, *out_size);
    payload[*out_size] = 0;
    client_use(c, 2 + *out_size);
    return first;
}

/* The next frame that is not one of the three that the feed says by itself, nor a ping. */
static uint8_t websocket_answer(struct client *c, char payload[126], size_t *out_size)
{
    uint8_t first;

    do
        first = websocket_receive(c, payload, out_size);
    while (
        (first == 0x81 && (strcmp(payload, NUMBERED) == 0 || strcmp(payload, "{\"n\":2}") == 0)) ||
        first == 0x89);
    return first;
}

/* ---- tests ---- */

static void test_sse(void **state)
{
    (void)state;
    client_get(&client, "/live");
    struct client_reply reply = client_read(&client, false);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.head.data, "\r\nContent-Type: text/event-stream\r\n"));
    client_reply_done(&reply);
    client_expect(&client, ": open\n\n");
    for (int i = 0; i < 3; i++)
        client_expect(&client, "id: boot-1\nevent: change\ndata: " NUMBERED "\n\n");
    client_expect(&client, "event: change\ndata: {\"n\":2}\n\n");
    client_expect(&client, ": keep-alive\n\n");
    client_expect(&client, ": keep-alive\n\n");
}

static void test_sse_slow(void **state)
{
    (void)state;
    client_get(&client, "/live?flood=1");
    tally_wait(&refused, 500);
    client_expect(&client, "event: gap\ndata: {\"event\":\"gap\"}\n\n");
    /* One that never reads is cut off. */
    struct client dead = client_open(harness.port);
    client_get(&dead, "/live?flood=1");
    tally_wait(&gone, 1);
    client_close(&dead);
}

static void test_websocket(void **state)
{
    char payload[126];
    size_t size;

    (void)state;
    websocket_open(&client, "Origin: http://localhost\r\n");
    websocket_opened(&client);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(websocket_receive(&client, payload, &size), 0x81);
        assert_string_equal(payload, NUMBERED);
    }
    websocket_send(&client, 0x81, "{\"watch\":1}", 11);
    assert_int_equal(websocket_answer(&client, payload, &size), 0x81);
    assert_string_equal(payload, "{\"watch\":1}");
    websocket_send(&client, 0x01, "frag", 4);
    websocket_send(&client, 0x89, "p", 1);
    websocket_send(&client, 0x80, "ments", 5);
    assert_int_equal(websocket_answer(&client, payload, &size), 0x8a);
    assert_string_equal(payload, "p");
    assert_int_equal(websocket_answer(&client, payload, &size), 0x81);
    assert_string_equal(payload, "fragments");
    /* Silence is met with a ping. */
    do
        size = 1;
    while (websocket_receive(&client, payload, &size) != 0x89);
    websocket_send(&client, 0x81, "close", 5);
    assert_int_equal(websocket_answer(&client, payload, &size), 0x88);
    assert_memory_equal(payload,
                        "\x03\xf0"
                        "as you wish",
                        13);
    assert_true(client_closed(&client));
    tally_wait(&gone, 1);
}

static void test_websocket_ends(void **state)
{
    char payload[126];
    size_t size;

    (void)state;
    /* The client closes. */
    websocket_open(&client, "");
    websocket_opened(&client);
    websocket_send(&client, 0x88, "\x03\xe8", 2);
    assert_int_equal(websocket_answer(&client, payload, &size), 0x88);
    assert_memory_equal(payload, "\x03\xe8", 2);
    assert_true(client_closed(&client));
    tally_wait(&gone, 1);
    /* The client speaks nonsense. */
    struct client rude = client_open(harness.port);
    websocket_open(&rude, "");
    websocket_opened(&rude);
    websocket_send(&rude, 0x82, "binary", 6);
    assert_int_equal(websocket_answer(&rude, payload, &size), 0x88);
    assert_memory_equal(payload, "\x03\xeb", 2);
    assert_true(client_closed(&rude));
    client_close(&rude);
    tally_wait(&gone, 2);
    /* The client vanishes. */
    struct client lost = client_open(harness.port);
    websocket_open(&lost, "");
    websocket_opened(&lost);
    client_close(&lost);
    tally_wait(&gone, 3);
    /* The client answers no ping: four of them, 300 ms each. */
    struct client silent = client_open(harness.port);
    websocket_open(&silent, "");
    websocket_opened(&silent);
    tally_wait(&gone, 4);
    client_close(&silent);
}

static void test_handshake_refused(void **state)
{
    static const struct {
        int status;
        const char *text;
    } cases[] = {
        {403, "GET /live HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n"},
        {403, "GET /live HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
              "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
        {426, "GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
              "Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
        {400, "GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n"},
        {400, "POST /live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"},
        {200, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client_send(&client, cases[i].text);
        client_expect_reply(&client, cases[i].status, NULL);
    }
    client_send(&client, "OPTIONS /live HTTP/1.1\r\nHost: localhost\r\n"
                         "Origin: https://friend.example\r\n\r\n");
    struct client_reply reply = client_read(&client, true);
    assert_non_null(
        strstr(reply.head.data, "\r\nAccess-Control-Allow-Origin: https://friend.example\r\n"));
    client_reply_done(&reply);
    client_send(&client, "GET /live HTTP/1.1\r\nHost: localhost\r\n"
                         "Origin: https://friend.example\r\n\r\n");
    client_expect(&client, "Access-Control-Allow-Origin: https://friend.example\r\n");
    client_expect(&client, "data: ");
}

static void test_drain(void **state)
{
    struct client sse = client_open(harness.port);
    char payload[126];
    size_t size;

    (void)state;
    client_get(&sse, "/live");
    client_expect(&sse, "data: ");
    websocket_open(&client, "");
    websocket_opened(&client);
    harness.drain_ms = 5000;
    uv_async_send(&harness.drain);
    assert_int_equal(websocket_answer(&client, payload, &size), 0x88);
    assert_memory_equal(payload,
                        "\x03\xe9"
                        "maintenance",
                        13);
    assert_true(client_closed(&sse));
    assert_true(client_closed(&client));
    client_close(&sse);
    close(client.fd);
    client.fd = -1;
    uv_sem_wait(&harness.drained);
    assert_int_equal(tally_get(&gone), 2);
}

/* Connections land on either thread; both serve. */
static void test_two_threads(void **state)
{
    struct harness other = {.first = false, .port = harness.port, .options = {.user = &other}};
    struct client clients[64];

    (void)state;
    harness_start(&other, routes, sizeof(routes) / sizeof(routes[0]));
    for (int i = 0; i < 64; i++) {
        clients[i] = client_open(harness.port);
        client_get(&clients[i], "/hello");
    }
    for (int i = 0; i < 64; i++) {
        client_expect_reply(&clients[i], 200, "hello");
        client_get(&clients[i], "/live");
    }
    for (int i = 0; i < 64; i++) {
        client_expect(&clients[i], "data: " NUMBERED "\n\n");
        client_close(&clients[i]);
    }
    tally_wait(&gone, 64);
    harness_stop(&other);
    assert_true(other.counters.requests_total > 0);
    assert_true(other.counters.requests_total < 128);
}

static void free_server(void *user)
{
    struct http_server **server = user;

    http_server_free(*server);
    *server = NULL;
}

/* A server may be freed by what waits for it to drain. */
static void test_drain_then_free(void **state)
{
    uv_loop_t loop;
    struct http_server *server = NULL;
    struct http_options options = {0};
    struct err err;

    (void)state;
    uv_loop_init(&loop);
    assert_int_equal(http_server_new(&server, &loop, harness.routes, &options, &err), 0);
    assert_int_equal(http_server_listen(server, "127.0.0.1", 0, true, NULL, &err), 0);
    http_server_drain(server, 1000, "bye", free_server, &server);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_null(server);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* A port that is taken is not shared by accident. */
static void test_port_taken(void **state)
{
    uv_loop_t loop;
    struct http_server *server = NULL;
    struct http_options options = {0};
    struct err err;

    (void)state;
    uv_loop_init(&loop);
    assert_int_equal(http_server_new(&server, &loop, harness.routes, &options, &err), 0);
    assert_true(http_server_listen(server, "127.0.0.1", harness.port, true, NULL, &err) < 0);
    assert_non_null(strstr(err.text, "cannot listen on 127.0.0.1:"));
    assert_true(http_server_listen(server, "no.such.host.invalid", 1, true, NULL, &err) < 0);
    http_server_free(server);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sse),
        TEST(test_sse_slow),
        TEST(test_websocket),
        TEST(test_websocket_ends),
        TEST(test_drain),
        TEST(test_handshake_refused),
        TEST(test_two_threads),
        TEST(test_port_taken),
        TEST(test_drain_then_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
