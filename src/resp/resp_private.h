// SPDX-License-Identifier: Apache-2.0
/*
 * resp_private.h - what the resp_*.c files of the transport share; never leaves this folder.
 *
 *     resp_server.c      the hooks into the loop, accepting, sweeping, draining
 *     resp_connection.c  what a connection is to its owner, and when it is over
 *     resp_input.c       bytes in
 *     resp_output.c      bytes out, and blocks that are shared
 *     resp_parse.c, resp_print.c, resp_double.c   bytes and words (pure)
 *
 * Whatever gives a connection something to do touches it. The touched ones are walked (kept input
 * is handed over) and written at the end of the turn, in resp_server.c; connections are only ever
 * closed there, so none can vanish below a call of its owner.
 */
#ifndef TALLYWHEEL_RESP_RESP_PRIVATE_H
#define TALLYWHEEL_RESP_RESP_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "resp/resp_connection.h"
#include "resp/resp_parse.h"
#include "resp/resp_server.h"

struct listener;

#define RESP_LISTENERS_MAX 8
#define RESP_ADDRESS_BYTES 56
/* What is read at once, by connections that keep no input. */
#define RESP_READ_BYTES (128u << 10)
/* So much kept input is joined with the next read, in front of it. */
#define RESP_JOINED_BYTES_MAX (4u << 10)
/* What is still read of a connection whose commands are not wanted now. */
#define RESP_KEPT_BYTES_MAX (64u << 10)
/* Buffers that are kept for the next output. */
#define RESP_SPARES_MAX 64

/* A block stands before byte `at` of the bytes. */
struct resp_piece {
    size_t at;
    struct resp_block *block;
};

struct resp_output {
    struct bytes bytes;
    struct resp_piece *pieces;
    uint32_t piece_count;
    uint32_t piece_capacity;
    size_t block_bytes;
};

struct resp_connection {
    struct resp_server *server;
    struct resp_connection *next;
    struct resp_connection *previous;
    uv_tcp_t tcp;
    uv_write_t write;
    uint64_t id;
    void *user;
    enum resp_protocol protocol;
    int fd;

    struct resp_parser parser;
    struct bytes input; /* kept: begins with the first byte of a command */
    bool starved;       /* the input that is kept is no whole command */
    uint32_t pending;

    struct resp_output output;  /* what is queued */
    struct resp_output writing; /* what libuv has, while `write_busy` */
    bool write_busy;

    bool touched;   /* in the server's list */
    bool reading;   /* libuv reads */
    bool paused;    /* by the owner */
    bool stopping;  /* the owner is to be told that the server stops */
    bool finishing; /* no more commands; closes when everything has been answered */
    bool ended;     /* the client has closed its half */
    bool shut;      /* we have closed ours, and wait for the client's */
    bool killed;    /* closes at the end of the turn */
    bool closed;    /* on_gone was called; waits for libuv */
    bool gets_pushes;
    uint64_t shut_ms;
    uint64_t push_soft_since_ms; /* 0: below the soft limit */

    struct resp_connection_counters counters;
    char peer[RESP_ADDRESS_BYTES];
    char local[RESP_ADDRESS_BYTES];
};

/* A growing list of connections. */
struct resp_connections {
    struct resp_connection **items;
    uint32_t count;
    uint32_t capacity;
};

struct resp_server {
    uv_loop_t *loop;
    const struct resp_ops *ops;
    void *user;
    struct resp_limits limits;
    struct resp_counters counters;
    struct resp_connection *connections;
    struct listener *listeners[RESP_LISTENERS_MAX];
    uint32_t listener_count;

    uv_prepare_t prepare; /* the end of a turn */
    uv_idle_t idle;       /* runs while somebody is touched: the loop must not wait then */
    uv_timer_t sweep;
    uint32_t open_handles; /* of the server and of its connections */
    bool closing;

    struct resp_connections touched;
    struct resp_connections working; /* those of this turn */

    bool draining;
    uint64_t drain_deadline_ms;
    void (*on_drained)(void *user);
    void *drained_user;

    char *read_buffer; /* RESP_JOINED_BYTES_MAX + RESP_READ_BYTES */
    uv_buf_t *buffers; /* of the write that is being made */
    uint32_t buffer_capacity;
    struct bytes spares[RESP_SPARES_MAX];
    uint32_t spare_count;
};

/* ---- resp_server.c ---- */

/* Something is to be done for this connection at the end of the turn. */
void resp_server_touch(struct resp_connection *connection);

/* It is about to be freed: nothing may be done for it any more. */
void resp_server_forget(struct resp_connection *connection);

/* One handle less; with the last one the server goes. */
void resp_server_release(struct resp_server *server);

/* ---- resp_connection.c ---- */

/* Takes over a connected socket; NULL (and the socket is closed) if libuv does not want it. */
struct resp_connection *resp_connection_open(struct resp_server *server, int fd);

/* The server stops: no commands any more, and what waits without end should be answered. */
void resp_connection_stop(struct resp_connection *connection);

/* Writes, closes, or goes on reading: the last thing in a turn. */
void resp_connection_settle(struct resp_connection *connection);

/* Time has passed. */
void resp_connection_sweep(struct resp_connection *connection, uint64_t now_ms);

/* The end: on_gone, and the memory goes when libuv is through with it. */
void resp_connection_close(struct resp_connection *connection);

/* ---- resp_input.c ---- */

/* The next command may be handed over. */
bool resp_input_is_open(const struct resp_connection *connection);

/* Hands over commands that were kept, if they are wanted now. */
void resp_input_walk(struct resp_connection *connection);

/* Begins or stops to read, as it is wanted now. */
void resp_input_update(struct resp_connection *connection);

/* ---- resp_output.c ---- */

/* Writes what the socket takes and leaves the rest to libuv. Negative: the connection is broken. */
int resp_output_flush(struct resp_connection *connection);
void resp_output_done(struct resp_output *output);
void resp_output_free_spares(struct resp_server *server);

static inline uint64_t resp_output_bytes(const struct resp_connection *connection)
{
    return connection->output.bytes.size + connection->output.block_bytes +
           connection->tcp.write_queue_size;
}

#endif
