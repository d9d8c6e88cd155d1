// SPDX-License-Identifier: Apache-2.0
/*
 * http_connection.c - bytes in: heads, bodies, and when a request is over.
 *
 * A walk goes over the input as far as it can: a head starts a request, a body is handed to its
 * handler, and when both the handler and the body are done the next head may come. What cannot be
 * walked over yet (half a head, the body of a paused request, requests behind one that is being
 * answered) is kept, and when enough is kept, reading stops.
 *
 * A connection ends by lingering: what is queued goes out, our half is closed, and input is dropped
 * until the client closes its half. Closing at once while a client still sends would reset the
 * connection and take our last words with it.
 */
#include <assert.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "http/http_private.h"

/* ---- life ---- */

static bool socket_is_loopback(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return false;
    if (address.ss_family == AF_INET6) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)&address)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
    }
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address;
    return address.ss_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == 127;
}

struct http_connection *http_connection_new(struct http_server *server, struct lws *wsi, int fd)
{
    struct http_connection *connection = bytes_alloc_zero(1, sizeof(*connection));

    connection->server = server;
    connection->wsi = wsi;
    connection->loopback = socket_is_loopback(fd);
    connection->request.connection = connection;
    connection->live.connection = connection;
    connection->read_deadline_ms = http_now_ms(server) + server->options.head_ms_max;
    connection->next = server->connections;
    if (connection->next)
        connection->next->previous = connection;
    server->connections = connection;
    server->counters.connections++;
    return connection;
}

void http_connection_touch(struct http_connection *connection)
{
    struct http_server *server = connection->server;

    if (connection->touched)
        return;
    connection->touched = true;
    connection->touched_next = server->touched;
    server->touched = connection;
}

void http_connection_drop_request(struct http_connection *connection)
{
    struct http_request *request = &connection->request;

    if (!request->route || request->finished || request->gone)
        return;
    request->gone = true;
    if (request->route->ops->on_gone)
        request->route->ops->on_gone(request);
}

static void connection_drop_live(struct http_connection *connection)
{
    const struct http_live_ops *ops = connection->live.ops;

    if (!ops)
        return;
    connection->live.ops = NULL;
    connection->server->counters.lives--;
    ops->on_gone(&connection->live);
    websocket_reader_done(&connection->live.reader);
}

void http_connection_gone(struct http_connection *connection)
{
    struct http_server *server = connection->server;

    connection->wsi = NULL;
    http_connection_drop_request(connection);
    connection_drop_live(connection);
    if (connection->touched) {
        struct http_connection **link = &server->touched;
        while (*link && *link != connection)
            link = &(*link)->touched_next;
        if (*link)
            *link = connection->touched_next;
    }
    if (connection->next)
        connection->next->previous = connection->previous;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    server->counters.connections--;
    http_output_done(connection);
    http_request_done(&connection->request);
    bytes_done(&connection->input);
    free(connection);
}

/* Nothing more will be understood from this client. */
static void connection_linger(struct http_connection *connection)
{
    connection_drop_live(connection);
    connection->state = HTTP_LINGER;
    connection->ends = true;
    connection->read_deadline_ms = 0;
    http_request_reset(&connection->request);
    http_connection_touch(connection);
}

void http_connection_refuse(struct http_connection *connection, int status, const char *code,
                            const char *text)
{
    struct http_request *request = &connection->request;

    http_connection_drop_request(connection);
    connection->ends = true;
    if (request->streaming) {
        connection->kill = true; /* a second head would look like a part of the body */
        http_connection_touch(connection);
        return;
    }
    if (!request->finished) {
        request->gone = false;
        bytes_clear(&request->extra);
        http_reply_refusal(connection, status, code, text);
    }
    connection_linger(connection);
}

void http_connection_drain(struct http_connection *connection)
{
    if (connection->state == HTTP_LIVE)
        http_live_close(&connection->live, 1001, connection->server->drain_reason);
    else if (connection->state == HTTP_HEAD && connection->input.size == 0)
        connection_linger(connection);
}

/* ---- the walk ---- */

/* The request is over on both sides. */
static void request_end(struct http_connection *connection)
{
    struct http_server *server = connection->server;

    http_request_reset(&connection->request);
    connection->state = HTTP_HEAD;
    connection->read_deadline_ms = http_now_ms(server) + server->options.idle_ms_max;
    if (connection->ends)
        connection_linger(connection);
}

static void request_run(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_request *request = &connection->request;
    const struct http_head *head = request->head;
    struct err err = {0};
    const char *code = "";

    server->counters.requests_total++;
    int status = http_request_open(request, &code, &err);
    if (status == 204) {
        http_reply(request, 204, NULL, NULL, 0);
    } else if (status != 0) {
        http_reply_error(request, status, code, "%s", err.text);
    } else if (head->length_bytes > server->options.body_bytes_max) {
        connection->ends = true;
        http_reply_error(request, 413, "too_large",
                         "a body of %llu bytes is more than the %zu that are taken at once",
                         (unsigned long long)head->length_bytes, server->options.body_bytes_max);
    } else {
        assert(request->route->ops->on_request);
        request->route->ops->on_request(request);
    }
    if (!request->finished && !request->continued)
        http_output_copy(connection, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    if (!request->finished)
        request->continued = true;
}

static const char *code_of_status(int status)
{
    return status == 431 ? "too_large" : status > 500 || status == 417 ? "unsupported" : "invalid";
}

/* Returns how much of the input was the head, 0 if it is not complete. */
static size_t walk_head(struct http_connection *connection, const char *data, size_t size)
{
    struct http_server *server = connection->server;
    struct http_request *request = &connection->request;
    struct err err = {0};

    if (connection->head_scanned_bytes == 0) {
        connection->read_deadline_ms = http_now_ms(server) + server->options.head_ms_max;
        if ((data[0] < 'A' || data[0] > 'Z') && data[0] != '\r') {
            http_connection_refuse(connection, 400, "invalid",
                                   "this is not an HTTP request; https is not spoken here");
            return size;
        }
    }
    size_t head_size = http_parse_head_size(data, size, connection->head_scanned_bytes);
    if ((head_size ? head_size : size) > server->options.head_bytes_max) {
        http_connection_refuse(connection, 431, "too_large", "the request's headers are too large");
        return size;
    }
    connection->head_scanned_bytes = head_size ? 0 : size;
    if (head_size == 0)
        return 0;

    char *copy = http_request_copy(request, (struct span){data, head_size});
    struct http_head *head = http_request_alloc(request, sizeof(*head));
    int status = http_parse_head(copy, head_size, head, &err);
    if (status != 0) {
        http_connection_refuse(connection, status, code_of_status(status), err.text);
        return size;
    }
    request->head = head;
    request->body_left_bytes = head->length_bytes;
    request->body_done = !head->chunked && head->length_bytes == 0;
    request->continued = !head->expect_continue || request->body_done;
    connection->state = request->body_done ? HTTP_ANSWER : HTTP_BODY;
    connection->read_deadline_ms =
        request->body_done ? 0 : http_now_ms(server) + server->options.body_stall_ms_max;
    request_run(connection);
    return head_size;
}

static void body_piece(struct http_connection *connection, struct span piece)
{
    struct http_request *request = &connection->request;

    request->body_bytes += piece.size;
    if (request->finished) {
        request->dropped_bytes += piece.size;
        if (request->dropped_bytes > HTTP_DROP_BYTES_MAX)
            connection->ends = true;
        return;
    }
    if (request->body_bytes > connection->server->options.body_bytes_max) {
        http_connection_refuse(connection, 413, "too_large",
                               "the body is larger than what is taken at once");
        return;
    }
    if (request->route->ops->on_body)
        request->route->ops->on_body(request, piece.data, piece.size);
}

static size_t walk_body(struct http_connection *connection, const char *data, size_t size)
{
    struct http_server *server = connection->server;
    struct http_request *request = &connection->request;
    const char *cursor = data;

    if (size == 0)
        return 0;
    connection->read_deadline_ms = http_now_ms(server) + server->options.body_stall_ms_max;
    if (request->head->chunked) {
        struct span piece;
        switch (http_chunks_next(&request->chunks, &cursor, data + size, &piece)) {
        case HTTP_CHUNK_DATA:
            body_piece(connection, piece);
            break;
        case HTTP_CHUNK_END:
            request->body_done = true;
            break;
        case HTTP_CHUNK_BAD:
            http_connection_refuse(connection, 400, "invalid", "malformed chunk in the body");
            break;
        case HTTP_CHUNK_MORE:
            break;
        }
    } else {
        size_t piece_size =
            size < request->body_left_bytes ? size : (size_t)request->body_left_bytes;
        request->body_left_bytes -= piece_size;
        cursor += piece_size;
        request->body_done = request->body_left_bytes == 0;
        body_piece(connection, (struct span){data, piece_size});
    }
    if (connection->state == HTTP_BODY && request->body_done) {
        connection->state = HTTP_ANSWER;
        connection->read_deadline_ms = 0;
    }
    return (size_t)(cursor - data);
}

/* Runs what needs no input; false if the walk has to wait for a handler or the client. */
static bool walk_ready(struct http_connection *connection)
{
    struct http_request *request = &connection->request;

    switch (connection->state) {
    case HTTP_HEAD:
        return http_output_bytes(connection) < HTTP_REPLIES_BYTES_MAX;
    case HTTP_BODY:
        if (request->finished && connection->ends)
            connection_linger(connection);
        return request->finished || !request->paused;
    case HTTP_ANSWER:
        if (!request->finished && !request->paused && !request->end_called) {
            request->end_called = true;
            if (request->route->ops->on_end)
                request->route->ops->on_end(request);
        }
        if (connection->state == HTTP_LIVE)
            return true;
        if (!request->finished)
            return false;
        request_end(connection);
        return walk_ready(connection);
    case HTTP_LIVE:
        if (connection->live.closing)
            connection_linger(connection);
        return true;
    case HTTP_LINGER:
        return true;
    }
    return false;
}

/* A client that still sends will read our last words when it is through, or notices them before. */
static void linger_on(struct http_connection *connection)
{
    uint64_t until_ms = http_now_ms(connection->server) + HTTP_LINGER_MS;
    uint64_t latest_ms = connection->shut_ms + HTTP_LINGER_MS_MAX;

    if (connection->shut)
        connection->read_deadline_ms = until_ms < latest_ms ? until_ms : latest_ms;
}

/* Returns how much of the input is done with. */
static size_t walk(struct http_connection *connection, const char *data, size_t size)
{
    size_t used = 0;

    while (!connection->kill && walk_ready(connection) && used < size) {
        size_t step = size - used;
        if (connection->state == HTTP_HEAD)
            step = walk_head(connection, data + used, size - used);
        else if (connection->state == HTTP_BODY)
            step = walk_body(connection, data + used, size - used);
        else if (connection->state == HTTP_LIVE)
            http_live_input(&connection->live, data + used, size - used);
        else
            linger_on(connection);
        if (step == 0)
            break;
        used += step;
    }
    return connection->kill ? size : used;
}

/* Does the library read as much as we can use? */
static void update_reads(struct http_connection *connection)
{
    const struct http_request *request = &connection->request;
    size_t kept = connection->input.size;
    bool stop = false;

    if (connection->state == HTTP_BODY)
        stop = request->paused && !request->finished;
    else if (connection->state == HTTP_ANSWER)
        stop = kept >= HTTP_PIPELINED_BYTES_MAX;
    else if (connection->state == HTTP_HEAD)
        stop = kept > 0 && http_output_bytes(connection) >= HTTP_REPLIES_BYTES_MAX;
    if (stop != connection->reads_stopped) {
        connection->reads_stopped = stop;
        http_server_stop_reads(connection, stop);
    }
}

static void walk_kept(struct http_connection *connection)
{
    struct bytes *input = &connection->input;
    size_t used = walk(connection, input->data, input->size);

    if (used == input->size) {
        /* An idle connection holds nothing. */
        if (input->capacity > 0)
            bytes_done(input);
    } else if (used > 0) {
        memmove(input->data, input->data + used, input->size - used);
        input->size -= used;
    }
}

void http_connection_input(struct http_connection *connection, const char *data, size_t size)
{
    connection->server->counters.in_bytes += size;
    if (connection->input.size > 0) {
        bytes_put(&connection->input, data, size);
        walk_kept(connection);
    } else {
        size_t used = walk(connection, data, size);
        if (used < size)
            bytes_put(&connection->input, data + used, size - used);
    }
    update_reads(connection);
}

/* ---- work ---- */

static void tell_drained(struct http_connection *connection)
{
    struct http_request *request = &connection->request;
    struct http_live *live = &connection->live;
    size_t queued = http_output_bytes(connection);

    if (request->wants_drain && !request->finished && queued <= HTTP_STREAM_DRAINED_BYTES) {
        request->wants_drain = false;
        if (request->route->ops->on_drain)
            request->route->ops->on_drain(request);
    }
    if (connection->state == HTTP_LIVE && live->wants_drain && !live->closing &&
        queued <= connection->server->options.live_queued_bytes_max / 4) {
        live->wants_drain = false;
        if (live->ops->on_drain)
            live->ops->on_drain(live);
    }
}

void http_connection_work(struct http_connection *connection)
{
    if (!connection->kill) {
        walk_kept(connection);
        if (http_output_flush(connection) < 0)
            connection->kill = true;
    }
    if (!connection->kill) {
        update_reads(connection);
        tell_drained(connection);
        if (connection->state == HTTP_LINGER && !connection->shut &&
            http_output_bytes(connection) == 0) {
            connection->shut = true;
            connection->shut_ms = http_now_ms(connection->server);
            linger_on(connection);
            shutdown(lws_get_socket_fd(connection->wsi), SHUT_WR);
        }
    }
    if (connection->kill) /* ends in http_connection_gone */
        lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

void http_connection_sweep(struct http_connection *connection, uint64_t now_ms)
{
    struct http_server *server = connection->server;
    bool late = connection->read_deadline_ms != 0 && now_ms >= connection->read_deadline_ms;

    if (connection->write_deadline_ms != 0 && now_ms >= connection->write_deadline_ms) {
        server->counters.timeouts_total++;
        connection->kill = true;
        http_connection_touch(connection);
        return;
    }
    if (connection->state == HTTP_LIVE)
        http_live_sweep(&connection->live, now_ms);
    if (!late)
        return;
    if (connection->state == HTTP_BODY && connection->request.paused) {
        connection->read_deadline_ms = now_ms + server->options.body_stall_ms_max;
    } else if (connection->state == HTTP_HEAD && connection->head_scanned_bytes == 0 &&
               http_output_bytes(connection) > 0) {
        connection->read_deadline_ms = now_ms + server->options.idle_ms_max;
    } else if (connection->state == HTTP_BODY ||
               (connection->state == HTTP_HEAD && connection->head_scanned_bytes > 0)) {
        server->counters.timeouts_total++;
        http_connection_refuse(connection, 408, "timeout", "the request took too long to arrive");
    } else {
        connection->kill = true;
        http_connection_touch(connection);
    }
}
