// SPDX-License-Identifier: Apache-2.0
/*
 * http_output.c - bytes out: the queue of a connection.
 *
 * A queue of pieces: copies (of small things, joined as they come), constants, buffers that are
 * owned, and slices of messages that many connections share. A flush joins small pieces into one
 * write and writes large ones from where they are.
 *
 * libwebsockets keeps a copy of what a socket did not take and calls back when that has gone; until
 * then nothing more is handed to it, so that it never holds more than one write of ours.
 */
#include <assert.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_private.h"

/* A piece for copies: head and body of a usual reply fit, and it is a page with malloc's head. */
#define PIECE_BYTES (4096 - 32 - sizeof(struct http_piece))
#define SPARE_PIECES_MAX 256
/* From here on a piece is written from where it is. */
#define LARGE_BYTES (16u << 10)
/* Then others get their turn. */
#define FLUSH_BYTES_MAX (1u << 20)

static struct http_piece *piece_new(struct http_server *server, size_t capacity)
{
    struct http_piece *piece;

    if (capacity <= PIECE_BYTES && server->spare_pieces) {
        piece = server->spare_pieces;
        server->spare_pieces = piece->next;
        server->spare_piece_count--;
    } else {
        if (capacity > 0 && capacity < PIECE_BYTES)
            capacity = PIECE_BYTES;
        piece = bytes_alloc(sizeof(*piece) + capacity);
        piece->capacity = capacity;
    }
    piece->next = NULL;
    piece->data = piece->bytes;
    piece->size = 0;
    piece->owned = NULL;
    piece->shared = NULL;
    return piece;
}

static void piece_free(struct http_server *server, struct http_piece *piece)
{
    free(piece->owned);
    http_shared_unref(piece->shared);
    if (piece->capacity == PIECE_BYTES && server->spare_piece_count < SPARE_PIECES_MAX) {
        piece->next = server->spare_pieces;
        server->spare_pieces = piece;
        server->spare_piece_count++;
        return;
    }
    free(piece);
}

static void output_append(struct http_connection *connection, struct http_piece *piece)
{
    struct http_output *output = &connection->output;

    if (output->last)
        output->last->next = piece;
    else
        output->first = piece;
    output->last = piece;
    output->queued_bytes += piece->size;
    http_connection_touch(connection);
}

void http_output_copy(struct http_connection *connection, const void *data, size_t size)
{
    struct http_piece *last = connection->output.last;
    const char *from = data;

    if (size == 0)
        return;
    if (last && last->capacity > 0) {
        size_t used = (size_t)(last->data - last->bytes) + last->size;
        size_t fits = last->capacity - used < size ? last->capacity - used : size;
        memcpy(last->bytes + used, from, fits);
        last->size += fits;
        connection->output.queued_bytes += fits;
        from += fits;
        size -= fits;
    }
    if (size > 0) {
        struct http_piece *piece = piece_new(connection->server, size);
        memcpy(piece->bytes, from, size);
        piece->size = size;
        output_append(connection, piece);
    }
    http_connection_touch(connection);
}

static struct http_piece *output_refer(struct http_connection *connection, const void *data,
                                       size_t size)
{
    struct http_piece *piece = bytes_alloc(sizeof(*piece));

    *piece = (struct http_piece){.data = data, .size = size};
    output_append(connection, piece);
    return piece;
}

void http_output_constant(struct http_connection *connection, const void *data, size_t size)
{
    if (size > 0)
        output_refer(connection, data, size);
}

void http_output_own(struct http_connection *connection, void *data, size_t size)
{
    if (size == 0)
        free(data);
    else if (size < PIECE_BYTES / 2) {
        /* Cheaper to copy than to keep. */
        http_output_copy(connection, data, size);
        free(data);
    } else {
        output_refer(connection, data, size)->owned = data;
    }
}

void http_output_share(struct http_connection *connection, struct http_shared *shared,
                       const char *data, size_t size)
{
    if (size > 0)
        output_refer(connection, data, size)->shared = http_shared_ref(shared);
}

static void output_consume(struct http_connection *connection, size_t size)
{
    struct http_output *output = &connection->output;

    output->queued_bytes -= size;
    while (size > 0) {
        struct http_piece *piece = output->first;
        if (size < piece->size) {
            piece->data += size;
            piece->size -= size;
            return;
        }
        size -= piece->size;
        output->first = piece->next;
        if (!output->first)
            output->last = NULL;
        piece_free(connection->server, piece);
    }
}

/* What to write next: the first piece where it is, or several joined in the scratch buffer. */
static struct span output_next(struct http_connection *connection)
{
    struct http_piece *piece = connection->output.first;
    char *scratch = connection->server->scratch;
    size_t size = 0;

    if (piece->size >= LARGE_BYTES || !piece->next)
        return (struct span){
            piece->data, piece->size < HTTP_WRITE_BYTES_MAX ? piece->size : HTTP_WRITE_BYTES_MAX};
    for (; piece && size < HTTP_WRITE_BYTES_MAX; piece = piece->next) {
        size_t fits = HTTP_WRITE_BYTES_MAX - size;
        if (fits > piece->size)
            fits = piece->size;
        memcpy(scratch + size, piece->data, fits);
        size += fits;
    }
    return (struct span){scratch, size};
}

int http_output_flush(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    size_t written = 0;

    while (connection->output.first && connection->output.library_bytes == 0) {
        if (written >= FLUSH_BYTES_MAX) {
            lws_callback_on_writable(connection->wsi);
            break;
        }
        struct span next = output_next(connection);
        /* The library takes all of it, or breaks; it does not write to the buffer. */
        int rc = lws_write(connection->wsi, (unsigned char *)(uintptr_t)next.data, next.size,
                           LWS_WRITE_RAW);
        if (rc < 0)
            return -1;
        output_consume(connection, next.size);
        written += next.size;
        server->counters.out_bytes += next.size;
        if (lws_partial_buffered(connection->wsi))
            connection->output.library_bytes = next.size;
    }
    if (http_output_bytes(connection) == 0)
        connection->write_deadline_ms = 0;
    else if (written > 0 || connection->write_deadline_ms == 0)
        connection->write_deadline_ms = http_now_ms(server) + server->options.write_stall_ms_max;
    return 0;
}

void http_output_writable(struct http_connection *connection)
{
    connection->output.library_bytes = 0;
    connection->write_deadline_ms = 0;
    /* The library does not read while it holds something to write, so pongs may be stuck. */
    connection->live.heard_ms = http_now_ms(connection->server);
    http_connection_touch(connection);
}

void http_output_done(struct http_connection *connection)
{
    while (connection->output.first)
        output_consume(connection, connection->output.first->size);
}

void http_output_free_spares(struct http_server *server)
{
    while (server->spare_pieces) {
        struct http_piece *piece = server->spare_pieces;
        server->spare_pieces = piece->next;
        free(piece);
    }
    server->spare_piece_count = 0;
}
