// SPDX-License-Identifier: Apache-2.0
/*
 * http_live.c - SSE and WebSocket behind one face.
 *
 * A message is encoded once, as an SSE event that contains its JSON; a WebSocket frame is a head of
 * at most ten bytes and that same JSON. So one buffer, shared by reference, serves all connections.
 */
#include <assert.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "http/http_private.h"

/* What the kernel may hold for a client on top of our queue: stale news is of no use to anybody. */
#define KERNEL_UNSENT_BYTES (128 << 10)
/* A WebSocket client that has said nothing for so many pings (it must answer them) is dead. */
#define SILENT_PINGS_MAX 4

/* ---- shared messages ---- */

static size_t put_wrapped(char *at, const char *before, struct span text, const char *after)
{
    char *end = stpcpy(at, before);

    end = mempcpy(end, text.data, text.size);
    return (size_t)(stpcpy(end, after) - at);
}

/* The bytes are "id: X\nevent: E\ndata: {"id":"X",<rest of the JSON>\n\n". */
struct http_shared *http_shared_new(struct span id, struct span event, struct span json)
{
    size_t room =
        2 * id.size + event.size + json.size + sizeof("id: \nevent: \ndata: {\"id\":\"\",\n\n");
    struct http_shared *shared = bytes_alloc(sizeof(*shared) + room);
    char *at = shared->bytes;

    assert(json.size == 0 || !memchr(json.data, '\n', json.size));
    assert(id.size == 0 || (json.size > 2 && json.data[0] == '{'));
    if (id.size > 0)
        at += put_wrapped(at, "id: ", id, "\n");
    shared->event_offset = (size_t)(at - shared->bytes);
    if (event.size > 0)
        at += put_wrapped(at, "event: ", event, "\n");
    at = mempcpy(at, "data: ", 6);
    shared->json_offset = (size_t)(at - shared->bytes);
    shared->rest_offset = 0;
    if (id.size > 0) {
        at += put_wrapped(at, "{\"id\":\"", id, "\",");
        shared->rest_offset = (size_t)(at - shared->bytes);
        json = (struct span){json.data + 1, json.size - 1};
    }
    if (json.size > 0)
        at = mempcpy(at, json.data, json.size);
    shared->json_end = (size_t)(at - shared->bytes);
    at = mempcpy(at, "\n\n", 2);
    shared->sse_bytes = (size_t)(at - shared->bytes);
    shared->references = 1;
    return shared;
}

struct http_shared *http_shared_ref(struct http_shared *shared)
{
    __atomic_fetch_add(&shared->references, 1, __ATOMIC_RELAXED);
    return shared;
}

void http_shared_unref(struct http_shared *shared)
{
    if (shared && __atomic_fetch_sub(&shared->references, 1, __ATOMIC_ACQ_REL) == 1)
        free(shared);
}

/* ---- starting ---- */

static void start_sse(struct http_live *live)
{
    static const char head[] = "HTTP/1.1 200 OK\r\n"
                               "Content-Type: text/event-stream\r\n"
                               "Cache-Control: no-store\r\n"
                               "X-Accel-Buffering: no\r\n"
                               "X-Content-Type-Options: nosniff\r\n"
                               "Connection: close\r\n";
    struct http_connection *connection = live->connection;
    const struct http_request *request = &connection->request;

    http_output_copy(connection, head, sizeof(head) - 1);
    if (request->accept_cors) {
        struct span origin = http_head_find(request->head, "origin");
        http_output_copy(connection, "Access-Control-Allow-Origin: ", 29);
        http_output_copy(connection, origin.data, origin.size);
        http_output_copy(connection, "\r\nVary: Origin\r\n", 16);
    }
    /* The comment makes proxies and browsers report the stream as open at once. */
    http_output_copy(connection, "\r\n: open\n\n", 10);
}

static bool start_websocket(struct http_live *live)
{
    static const char head[] = "HTTP/1.1 101 Switching Protocols\r\n"
                               "Upgrade: websocket\r\n"
                               "Connection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: ";
    struct http_connection *connection = live->connection;
    struct http_request *request = &connection->request;
    char accept[WEBSOCKET_ACCEPT_BYTES + 1];

    if (!span_equal(http_request_header(request, "sec-websocket-version"), SPAN_LITERAL("13"))) {
        http_reply_header(request, "Sec-WebSocket-Version", "13");
        http_reply_error(request, 426, "unsupported", "only WebSocket version 13 is spoken here");
        return false;
    }
    if (!websocket_accept(http_request_header(request, "sec-websocket-key"), accept)) {
        http_reply_error(request, 400, "invalid", "Sec-WebSocket-Key is missing or malformed");
        return false;
    }
    http_output_copy(connection, head, sizeof(head) - 1);
    http_output_copy(connection, accept, WEBSOCKET_ACCEPT_BYTES);
    http_output_copy(connection, "\r\n\r\n", 4);
    return true;
}

static bool live_possible(struct http_request *request)
{
    if (!http_origin_allowed(request)) {
        http_reply_error(request, 403, "forbidden",
                         "pages of another origin may not listen; allow_origins lists those "
                         "that may");
        return false;
    }
    if (!span_equal(request->head->method, SPAN_LITERAL("GET")) || !request->body_done) {
        http_reply_error(request, 400, "invalid", "a live request is a GET without a body");
        return false;
    }
    if (request->connection->server->draining) {
        http_reply_error(request, 503, "unavailable", "the server is going away");
        return false;
    }
    return true;
}

struct http_live *http_live_start(struct http_request *request, const struct http_live_ops *ops,
                                  void *user)
{
    struct http_connection *connection = request->connection;
    struct http_live *live = &connection->live;
    const int unsent_bytes = KERNEL_UNSENT_BYTES;

    if (request->gone)
        return NULL;
    assert(ops->on_gone && !request->finished && !request->streaming);
    if (!live_possible(request))
        return NULL;
    live->is_websocket = request->head->upgrade_websocket;
    if (!live->is_websocket)
        start_sse(live);
    else if (!start_websocket(live))
        return NULL;
    live->ops = ops;
    live->user = user;
    live->heard_ms = live->spoke_ms = http_now_ms(connection->server);
    request->finished = true;
    connection->state = HTTP_LIVE;
    connection->ends = true;
    connection->read_deadline_ms = 0;
    connection->server->counters.lives++;
    setsockopt(lws_get_socket_fd(connection->wsi), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes,
               sizeof(unsent_bytes));
    http_connection_touch(connection);
    return live;
}

void *http_live_user(const struct http_live *live)
{
    return live->user;
}

struct http_request *http_live_request(const struct http_live *live)
{
    return &live->connection->request;
}

/* ---- talking ---- */

static void put_websocket(struct http_live *live, struct http_shared *message, bool numbered)
{
    size_t start = numbered ? message->json_offset : message->rest_offset;
    size_t size = message->json_end - start;
    uint8_t head[WEBSOCKET_HEAD_BYTES_MAX];

    http_output_copy(live->connection, head,
                     websocket_head(head, WEBSOCKET_TEXT, numbered ? size : size + 1));
    if (!numbered)
        http_output_copy(live->connection, "{", 1);
    http_output_share(live->connection, message, message->bytes + start, size);
}

static void put_event(struct http_live *live, struct http_shared *message, bool numbered)
{
    size_t start = numbered ? 0 : message->rest_offset;

    if (!numbered)
        http_output_copy(live->connection, message->bytes + message->event_offset,
                         message->json_offset + 1 - message->event_offset);
    http_output_share(live->connection, message, message->bytes + start,
                      message->sse_bytes - start);
}

static bool push(struct http_live *live, struct http_shared *message, bool numbered)
{
    struct http_connection *connection = live->connection;
    size_t queued = http_output_bytes(connection);

    if (live->closing || !live->ops || connection->kill)
        return false;
    if (queued > 0 &&
        queued + message->sse_bytes > connection->server->options.live_queued_bytes_max) {
        live->wants_drain = true;
        return false;
    }
    if (live->is_websocket)
        put_websocket(live, message, numbered);
    else
        put_event(live, message, numbered);
    live->spoke_ms = http_now_ms(connection->server);
    return true;
}

bool http_live_push(struct http_live *live, struct http_shared *message)
{
    return push(live, message, true);
}

bool http_live_push_unnumbered(struct http_live *live, struct http_shared *message)
{
    return push(live, message, message->rest_offset == 0);
}

size_t http_live_queued(const struct http_live *live)
{
    return http_output_bytes(live->connection);
}

static void put_control(struct http_live *live, enum websocket_opcode opcode, const void *data,
                        size_t size)
{
    uint8_t head[WEBSOCKET_HEAD_BYTES_MAX];

    assert(size <= WEBSOCKET_CONTROL_BYTES_MAX);
    http_output_copy(live->connection, head, websocket_head(head, opcode, size));
    http_output_copy(live->connection, data, size);
}

void http_live_close(struct http_live *live, uint16_t code, const char *reason)
{
    char payload[2 + 120];
    size_t size = reason ? strnlen(reason, sizeof(payload) - 2) : 0;

    if (live->closing || !live->ops)
        return;
    live->closing = true;
    if (live->is_websocket) {
        /* A cut must not split a character. */
        while (size > 0 && !websocket_utf8_valid(reason, size))
            size--;
        payload[0] = (char)(code >> 8);
        payload[1] = (char)code;
        if (size > 0)
            memcpy(payload + 2, reason, size);
        put_control(live, WEBSOCKET_CLOSE, payload, size + 2);
    }
    http_connection_touch(live->connection);
}

void http_live_input(struct http_live *live, const char *data, size_t size)
{
    struct http_connection *connection = live->connection;
    const struct http_options *options = &connection->server->options;
    const char *cursor = data, *end = data + size;
    struct span payload;
    uint16_t code = 0;

    live->heard_ms = http_now_ms(connection->server);
    while (live->is_websocket && !live->closing) {
        switch (websocket_read(&live->reader, &cursor, end, options->message_bytes_max, &payload,
                               &code)) {
        case WEBSOCKET_MORE:
            return;
        case WEBSOCKET_MESSAGE:
            if (live->ops->on_message)
                live->ops->on_message(live, payload.data, payload.size);
            break;
        case WEBSOCKET_PINGED:
            /* A client that pings and does not read gets no pongs. */
            if (http_output_bytes(connection) < options->live_queued_bytes_max)
                put_control(live, WEBSOCKET_PONG, payload.data, payload.size);
            break;
        case WEBSOCKET_PONGED:
            break;
        case WEBSOCKET_CLOSED:
            http_live_close(live, 1000, NULL);
            break;
        case WEBSOCKET_BROKEN:
            http_live_close(live, code, "the message is not understood");
            break;
        }
    }
}

void http_live_sweep(struct http_live *live, uint64_t now_ms)
{
    struct http_connection *connection = live->connection;
    uint32_t every_ms = connection->server->options.live_keep_alive_ms;

    if (live->closing)
        return;
    if (live->is_websocket && now_ms - live->heard_ms >= (uint64_t)every_ms * SILENT_PINGS_MAX) {
        connection->server->counters.timeouts_total++;
        connection->kill = true;
        http_connection_touch(connection);
        return;
    }
    /* A WebSocket is pinged whatever we say to it, for it has to show that it lives. */
    uint64_t since_ms =
        live->is_websocket && live->heard_ms < live->spoke_ms ? live->heard_ms : live->spoke_ms;
    if (now_ms - since_ms < every_ms || http_output_bytes(connection) > 0)
        return;
    if (!live->is_websocket) {
        http_output_copy(connection, ": keep-alive\n\n", 14);
    } else if (now_ms - live->spoke_ms >= every_ms || now_ms - live->heard_ms >= every_ms) {
        put_control(live, WEBSOCKET_PING, NULL, 0);
    }
    live->spoke_ms = now_ms;
}
