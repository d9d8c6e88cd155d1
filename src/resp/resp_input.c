// SPDX-License-Identifier: Apache-2.0
/*
 * resp_input.c - bytes in: from sockets to commands.
 *
 * All connections of a server read into one buffer. What does not become a command at once (a part
 * of one, or commands that are not wanted yet) is copied into a buffer of the connection's own. A
 * little of it is copied back in front of the next read, which happens after nearly every read of a
 * pipeline; behind more, input is read directly, so a large argument is not copied again and again.
 */
#include <stdlib.h>

#include "resp/resp_private.h"

#define INPUT_BYTES_MIN (16u << 10)

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer);

/* Nothing that comes will be understood as a command any more. */
static bool is_deaf(const struct resp_connection *connection)
{
    return connection->finishing || connection->killed || connection->closed;
}

bool resp_input_is_open(const struct resp_connection *connection)
{
    const struct resp_limits *limits = &connection->server->limits;

    return !connection->paused && !is_deaf(connection) &&
           connection->pending < limits->pending_max &&
           resp_output_bytes(connection) <= limits->output_bytes_soft;
}

static void handle_broken(struct resp_connection *connection)
{
    struct resp_server *server = connection->server;

    server->counters.broken_total++;
    connection->pending++;
    connection->finishing = true;
    server->ops->on_broken(connection, connection->parser.error);
}

/* Hands over commands while they are wanted; returns how many bytes are done with. */
static size_t hand_over(struct resp_connection *connection, char *data, size_t size)
{
    struct resp_server *server = connection->server;
    struct resp_parser *parser = &connection->parser;
    uint64_t count = 0;
    size_t used = 0;

    connection->starved = false;
    while (used < size && resp_input_is_open(connection)) {
        enum resp_parsed parsed =
            resp_parse(parser, &server->limits.parse, data + used, size - used);
        if (parsed == RESP_PARSED_MORE) {
            connection->starved = true;
            break;
        }
        if (parsed == RESP_PARSED_BROKEN) {
            handle_broken(connection);
            break;
        }
        used += parser->used_bytes;
        if (parser->count == 0)
            continue;
        count++;
        connection->pending++;
        server->ops->on_command(connection, parser->args, parser->count);
    }
    resp_parser_rest(parser);
    connection->counters.commands += count;
    server->counters.commands_total += count;
    if (server->ops->on_read_end)
        server->ops->on_read_end(connection);
    return is_deaf(connection) ? size : used;
}

/* The input that is kept, from the front. */
static void walk_kept(struct resp_connection *connection)
{
    struct bytes *input = &connection->input;
    size_t used = hand_over(connection, input->data, input->size);

    if (used == input->size) {
        bytes_done(input);
    } else if (used > 0) {
        memmove(input->data, input->data + used, input->size - used);
        input->size -= used;
    }
    if (input->size > connection->server->limits.input_bytes_max)
        resp_connection_kill(connection);
}

/* Input that was read behind a copy of what was kept. */
static void walk_joined(struct resp_connection *connection, char *data, size_t size)
{
    struct bytes *input = &connection->input;
    size_t used = hand_over(connection, data, size);

    if (used == size) {
        bytes_done(input);
    } else {
        bytes_clear(input);
        bytes_put(input, data + used, size - used);
    }
}

void resp_input_walk(struct resp_connection *connection)
{
    if (connection->input.size > 0 && !connection->starved && resp_input_is_open(connection))
        walk_kept(connection);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out_buffer)
{
    struct resp_connection *connection = handle->data;
    struct bytes *input = &connection->input;

    (void)suggested;
    if (input->size <= RESP_JOINED_BYTES_MAX) {
        char *base = connection->server->read_buffer + RESP_JOINED_BYTES_MAX;
        if (input->size > 0)
            memcpy(base - input->size, input->data, input->size);
        *out_buffer = uv_buf_init(base, RESP_READ_BYTES);
        return;
    }
    if (input->capacity - input->size < INPUT_BYTES_MIN)
        bytes_reserve(input, INPUT_BYTES_MIN);
    size_t room = input->capacity - input->size;
    *out_buffer = (uv_buf_t){.base = input->data + input->size, .len = room};
}

void resp_input_update(struct resp_connection *connection)
{
    bool wanted = !connection->ended && !connection->closed && !connection->killed &&
                  (connection->input.size < RESP_KEPT_BYTES_MAX || resp_input_is_open(connection));

    if (wanted == connection->reading)
        return;
    if (wanted)
        uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
    else
        uv_read_stop((uv_stream_t *)&connection->tcp);
    connection->reading = wanted;
}

/*
 * The client has closed its half. It may still read (a script that pipes commands in and waits for
 * the replies does), so what it has sent is answered.
 */
static void handle_end(struct resp_connection *connection)
{
    connection->ended = true;
    resp_server_touch(connection);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct resp_connection *connection = stream->data;
    struct resp_server *server = connection->server;
    struct bytes *input = &connection->input;

    if (size == 0 || connection->closed)
        return;
    if (size < 0) {
        if (size == UV_EOF)
            handle_end(connection);
        else
            resp_connection_kill(connection);
        resp_input_update(connection);
        return;
    }
    server->counters.in_bytes += (uint64_t)size;
    connection->counters.in_bytes += (uint64_t)size;
    connection->counters.last_read_ms = uv_now(server->loop);
    resp_server_touch(connection);
    if (is_deaf(connection)) {
        bytes_done(input);
    } else if (input->size > RESP_JOINED_BYTES_MAX) {
        input->size += (size_t)size;
        walk_kept(connection);
    } else {
        walk_joined(connection, buffer->base - input->size, input->size + (size_t)size);
    }
    resp_input_update(connection);
}
