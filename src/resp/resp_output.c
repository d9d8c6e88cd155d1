// SPDX-License-Identifier: Apache-2.0
/*
 * resp_output.c - bytes out: the queue of a connection, and blocks that many queues share.
 *
 * Replies are appended to one buffer; a block is noted as standing before some byte of it. A flush
 * writes all of that at once. What the socket does not take is handed to libuv with its buffers,
 * and nothing more is until that has gone.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "resp/resp_private.h"

/* Up to here a copy costs less than a reference. */
#define COPIED_BYTES_MAX 1024
#define SPARE_BYTES_MAX (64u << 10)

struct resp_block {
    atomic_uint references;
    size_t size;
    char bytes[];
};

/* ---- blocks ---- */

struct resp_block *resp_block_new(struct span bytes)
{
    struct resp_block *block = bytes_alloc(sizeof(*block) + bytes.size);

    atomic_init(&block->references, 1);
    block->size = bytes.size;
    if (bytes.size > 0)
        memcpy(block->bytes, bytes.data, bytes.size);
    return block;
}

struct resp_block *resp_block_ref(struct resp_block *block)
{
    atomic_fetch_add_explicit(&block->references, 1, memory_order_relaxed);
    return block;
}

void resp_block_unref(struct resp_block *block)
{
    /* Whoever frees it has seen all that the others did with it. */
    if (block && atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) == 1)
        free(block);
}

struct span resp_block_bytes(const struct resp_block *block)
{
    return (struct span){block->bytes, block->size};
}

/* ---- queues ---- */

void resp_output_done(struct resp_output *output)
{
    for (uint32_t i = 0; i < output->piece_count; i++)
        resp_block_unref(output->pieces[i].block);
    free(output->pieces);
    bytes_done(&output->bytes);
    *output = (struct resp_output){0};
}

/* All of it has been written. */
static void output_written(struct resp_server *server, struct resp_output *output)
{
    struct bytes *bytes = &output->bytes;

    if (bytes->capacity > 0 && bytes->capacity <= SPARE_BYTES_MAX &&
        server->spare_count < RESP_SPARES_MAX) {
        bytes_clear(bytes);
        server->spares[server->spare_count++] = *bytes;
        *bytes = (struct bytes){0};
    }
    resp_output_done(output);
}

void resp_output_free_spares(struct resp_server *server)
{
    while (server->spare_count > 0)
        bytes_done(&server->spares[--server->spare_count]);
}

struct bytes *resp_connection_output(struct resp_connection *connection)
{
    struct resp_server *server = connection->server;
    struct bytes *bytes = &connection->output.bytes;

    if (!bytes->data && server->spare_count > 0)
        *bytes = server->spares[--server->spare_count];
    resp_server_touch(connection);
    return bytes;
}

static bool push_is_too_much(struct resp_connection *connection, size_t size)
{
    const struct resp_limits *limits = &connection->server->limits;
    uint64_t queued = resp_output_bytes(connection) + size;

    connection->gets_pushes = true;
    if (queued <= limits->push_bytes_soft)
        connection->push_soft_since_ms = 0;
    else if (connection->push_soft_since_ms == 0)
        connection->push_soft_since_ms = uv_now(connection->server->loop) + 1;
    return queued > limits->push_bytes_hard;
}

bool resp_connection_push(struct resp_connection *connection, struct resp_block *block)
{
    struct resp_output *output = &connection->output;

    if (resp_connection_is_closing(connection))
        return false;
    if (push_is_too_much(connection, block->size)) {
        connection->server->counters.slow_total++;
        resp_connection_kill(connection);
        return false;
    }
    struct bytes *bytes = resp_connection_output(connection);
    if (block->size <= COPIED_BYTES_MAX) {
        bytes_put(bytes, block->bytes, block->size);
        return true;
    }
    if (output->piece_count == output->piece_capacity) {
        output->piece_capacity = output->piece_capacity > 0 ? 2 * output->piece_capacity : 4;
        output->pieces =
            bytes_realloc(output->pieces, output->piece_capacity * sizeof(*output->pieces));
    }
    output->pieces[output->piece_count++] =
        (struct resp_piece){.at = bytes->size, .block = resp_block_ref(block)};
    output->block_bytes += block->size;
    return true;
}

/* ---- writing ---- */

/* Lists what is queued in the server's buffers; returns how many there are. */
static uint32_t list_buffers(struct resp_server *server, const struct resp_output *output)
{
    uint32_t needed = 2 * output->piece_count + 1;
    uint32_t count = 0;
    size_t at = 0;

    if (needed > server->buffer_capacity) {
        server->buffers = bytes_realloc(server->buffers, needed * sizeof(*server->buffers));
        server->buffer_capacity = needed;
    }
    for (uint32_t i = 0; i < output->piece_count; i++) {
        struct resp_piece piece = output->pieces[i];
        if (piece.at > at)
            server->buffers[count++] =
                (uv_buf_t){.base = output->bytes.data + at, .len = piece.at - at};
        server->buffers[count++] = (uv_buf_t){.base = piece.block->bytes, .len = piece.block->size};
        at = piece.at;
    }
    if (output->bytes.size > at)
        server->buffers[count++] =
            (uv_buf_t){.base = output->bytes.data + at, .len = output->bytes.size - at};
    return count;
}

static void on_written(uv_write_t *write, int status)
{
    struct resp_connection *connection = write->data;

    output_written(connection->server, &connection->writing);
    connection->write_busy = false;
    if (connection->closed)
        return;
    if (status < 0)
        connection->killed = true;
    resp_server_touch(connection);
}

int resp_output_flush(struct resp_connection *connection)
{
    struct resp_server *server = connection->server;
    struct resp_output *output = &connection->output;
    uv_stream_t *stream = (uv_stream_t *)&connection->tcp;
    size_t total = output->bytes.size + output->block_bytes;

    if (total == 0 || connection->write_busy)
        return 0;
    uint32_t count = list_buffers(server, output);
    uv_buf_t *buffers = server->buffers;
    int rc = uv_try_write(stream, buffers, count);
    if (rc < 0 && rc != UV_EAGAIN)
        return -1;
    size_t written = rc > 0 ? (size_t)rc : 0;
    server->counters.out_bytes += total;
    connection->counters.out_bytes += total;
    if (written == total) {
        output_written(server, output);
        return 0;
    }
    while (written >= buffers->len) {
        written -= buffers->len;
        buffers++;
        count--;
    }
    buffers->base += written;
    buffers->len -= written;
    connection->writing = *output;
    *output = (struct resp_output){0};
    connection->write.data = connection;
    rc = uv_write(&connection->write, stream, buffers, count, on_written);
    connection->write_busy = rc == 0;
    return rc;
}
