// SPDX-License-Identifier: Apache-2.0
/*
 * resp_server.h - RESP for one worker: sockets, and commands as they come.
 *
 * A transport: it knows connections, commands as words, and bytes to send, and nothing of what a
 * command means. One `struct resp_server` lives on one worker's uv loop, with sockets of its own.
 * What a connection can do is in resp_connection.h.
 *
 * A turn of the loop:
 *
 *     for each connection with input     on_command * n, then on_read_end
 *     then                               on_turn, once
 *     then                               what was queued for each connection is written, at once
 *
 * Callbacks never run inside a call of resp_server.h or resp_connection.h, with resp_server_free
 * as the one exception: a connection that was killed, resumed or finished by a call is dealt with
 * at the end of the turn.
 *
 * The owner is who has the callbacks. It answers each command, in order, at once or later:
 * it puts the reply into resp_connection_output and says resp_connection_answered.
 *
 * Thread: everything here belongs to the loop's thread.
 */
#ifndef TALLYWHEEL_RESP_RESP_SERVER_H
#define TALLYWHEEL_RESP_RESP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "resp/resp_parse.h"

struct err;
struct resp_connection;
struct resp_server;

/* Slots other than on_command, on_broken and on_gone may be NULL. */
struct resp_ops {
    /* Accepted. Protocol 2, no user pointer. */
    void (*on_open)(struct resp_connection *connection);

    /*
     * A command; count is 1 or more. The arguments are in the input buffer: gone when this returns.
     * From here on it is unanswered, until resp_connection_answered.
     */
    void (*on_command)(struct resp_connection *connection, const struct span *args, uint32_t count);

    /*
     * What the client sent is no RESP: `text` is "Protocol error: ...". Counts as a command, to be
     * answered in its turn with the error "ERR " and the text. No command follows; the connection
     * is finished as by resp_connection_finish.
     */
    void (*on_broken)(struct resp_connection *connection, const char *text);

    /* All complete commands of a read have been handed over. */
    void (*on_read_end)(struct resp_connection *connection);

    /*
     * The end of the turn, before anything is written; called in each turn in which a connection
     * had something to do. `user` is that of the options.
     */
    void (*on_turn)(void *user);

    /*
     * The server stops, or the client has closed its half: what this connection waits for without
     * knowing for how long (a blocking command) should be answered now. May come several times.
     */
    void (*on_drain)(struct resp_connection *connection);

    /*
     * It is over, for whatever reason. Exactly once and last: the connection ends with it, and
     * answers that are still to come have to be dropped by the owner.
     */
    void (*on_gone)(struct resp_connection *connection);
};

/* Zero means the default in brackets, in every field. */
struct resp_limits {
    struct resp_parse_limits parse;
    uint32_t connections_max;   /* open at once; above, an error and close [10000] */
    uint64_t input_bytes_max;   /* of a command that is not complete; above, close [1 GiB] */
    uint32_t pending_max;       /* unanswered commands; at it, reading stops [8192] */
    uint64_t output_bytes_soft; /* queued output; above, reading stops [1 MiB] */
    uint64_t output_bytes_hard; /* queued output of any kind; above, close [2 GiB] */

    /* Of a connection that gets pushes: above `hard` at once, above `soft` for `ms`, close. */
    uint64_t push_bytes_hard; /* [32 MiB] */
    uint64_t push_bytes_soft; /* [8 MiB] */
    uint32_t push_soft_ms;    /* [60 s] */

    uint32_t idle_ms_max; /* between commands, nothing unanswered; 0 is without end [0] */
};

struct resp_options {
    const struct resp_ops *ops; /* not copied */
    void *user;                 /* resp_server_user */
    struct resp_limits limits;
};

struct resp_counters {
    uint64_t connections;       /* open now */
    uint64_t connections_total; /* accepted since the start */
    uint64_t refused_total;     /* over connections_max */
    uint64_t commands_total;
    uint64_t broken_total; /* protocol errors */
    uint64_t slow_total;   /* closed because they did not take their output */
    uint64_t idle_total;   /* closed because of idle_ms_max */
    uint64_t in_bytes;
    uint64_t out_bytes;
};

/* A server on `loop`, with no socket yet. Servers of several threads share nothing. */
int resp_server_new(struct resp_server **out_server, uv_loop_t *loop,
                    const struct resp_options *options, struct err *err);

/* Listens on one more address (8 at most). `first`: see net/listener.h. `out_port` may be NULL. */
int resp_server_listen(struct resp_server *server, const char *host, uint16_t port, bool first,
                       uint16_t *out_port, struct err *err);

/*
 * Stops accepting; no more commands are read. Each connection is told by on_drain, and closed when
 * its commands are answered and its output is written; what is left after `ms` is cut off. Then
 * `on_drained(user)` is called, from the loop, also if nothing was open. At most once a server.
 */
void resp_server_drain(struct resp_server *server, uint32_t ms, void (*on_drained)(void *user),
                       void *user);

/*
 * Cuts off all connections that are left (on_gone is called from inside), and closes. The loop has
 * to run until nothing is left in it before it can be closed. Not from inside a callback of a
 * connection; from inside on_drained it is fine, and so is NULL.
 */
void resp_server_free(struct resp_server *server);

void *resp_server_user(const struct resp_server *server);
const struct resp_counters *resp_server_counters(const struct resp_server *server);

/*
 * All open connections, in no order: first, then next of each. Between the two, a connection may
 * be killed (it is still there until the end of the turn).
 */
struct resp_connection *resp_server_first(const struct resp_server *server);

#endif
