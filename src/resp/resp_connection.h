// SPDX-License-Identifier: Apache-2.0
/*
 * resp_connection.h - one client of a resp_server, as its owner sees it.
 *
 * In: commands come by on_command (resp_server.h) and are unanswered until the owner says
 * resp_connection_answered. While too many are unanswered, or too much output is queued, or the
 * owner has paused the connection, no command is handed over and TCP slows the client down. 64 KiB
 * are still read meanwhile, so that a client that leaves is noticed.
 *
 * Out: what is put into resp_connection_output, and blocks that are pushed, leave in that order at
 * the end of the turn of the loop, in as few writes as possible. Nothing is sent earlier.
 *
 * An idle connection has no buffers.
 *
 * Thread: the loop's of its server, except resp_block_* (any thread).
 */
#ifndef TALLYWHEEL_RESP_RESP_CONNECTION_H
#define TALLYWHEEL_RESP_RESP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "resp/resp_print.h"

struct resp_block;
struct resp_connection;
struct resp_server;

/* ---- who it is ---- */

struct resp_server *resp_connection_server(const struct resp_connection *connection);

/* The next of all open ones; NULL after the last. See resp_server_first. */
struct resp_connection *resp_connection_next(const struct resp_connection *connection);

/* Never used before by this process, on any worker; from 1 on. */
uint64_t resp_connection_id(const struct resp_connection *connection);

/* The owner's own pointer; NULL at first. Freed by the owner in on_gone. */
void *resp_connection_user(const struct resp_connection *connection);
void resp_connection_set_user(struct resp_connection *connection, void *user);

/*
 * The protocol that the client wants; RESP_PROTOCOL_2 at first. The transport only keeps it: a
 * reply is printed with that of the time of its command, which is for the owner to know.
 */
enum resp_protocol resp_connection_protocol(const struct resp_connection *connection);
void resp_connection_set_protocol(struct resp_connection *connection, enum resp_protocol protocol);

/* "127.0.0.1:50312", "[::1]:50312": the client, and our end. Zero-terminated; valid while open. */
const char *resp_connection_peer(const struct resp_connection *connection);
const char *resp_connection_local(const struct resp_connection *connection);
int resp_connection_fd(const struct resp_connection *connection);

struct resp_connection_counters {
    uint64_t commands;
    uint64_t in_bytes;
    uint64_t out_bytes;
    uint64_t opened_ms;    /* uv_now of the loop */
    uint64_t last_read_ms; /* the same, of the last command or the beginning of one */
};

const struct resp_connection_counters *resp_connection_counters(
    const struct resp_connection *connection);

/* Held now: input that is not handed over, output that has not left. */
size_t resp_connection_input_bytes(const struct resp_connection *connection);
size_t resp_connection_output_bytes(const struct resp_connection *connection);

/* It is being closed (killed, broken, cut off): what is still put into it may go nowhere. */
bool resp_connection_is_closing(const struct resp_connection *connection);

/* ---- answers ---- */

/*
 * The buffer to append replies to (RESP bytes: resp_print). Valid until the loop is run on; ask
 * again each time. Only append.
 */
struct bytes *resp_connection_output(struct resp_connection *connection);

/* `count` more commands have had their answers put into the output (or get none). */
void resp_connection_answered(struct resp_connection *connection, uint32_t count);

/* ---- flow ---- */

/*
 * No more on_command until resume, beginning with the return of the one that is running. Calls do
 * not nest: one resume ends any number of pauses. Both may be called at any time.
 */
void resp_connection_pause(struct resp_connection *connection);
void resp_connection_resume(struct resp_connection *connection);

/*
 * No more commands. When all are answered and the output has left, the connection is closed. For
 * QUIT, and after an error that ends everything.
 */
void resp_connection_finish(struct resp_connection *connection);

/* Closed at the end of the turn, with whatever is still queued dropped. */
void resp_connection_kill(struct resp_connection *connection);

/* ---- pushes ---- */

/*
 * Bytes that are made once and queued on many connections, on any threads. Immutable; counted by
 * references. The maker has one reference.
 */
struct resp_block *resp_block_new(struct span bytes); /* a copy */
struct resp_block *resp_block_ref(struct resp_block *block);
void resp_block_unref(struct resp_block *block); /* NULL is fine */
struct span resp_block_bytes(const struct resp_block *block);

/*
 * Queues a block behind what is in the output. The connection takes its own reference, or copies a
 * small one. From the first push on, the connection has the push limits. False: it is being closed,
 * because of this push or for another reason, and nothing was queued.
 */
bool resp_connection_push(struct resp_connection *connection, struct resp_block *block);

#endif
