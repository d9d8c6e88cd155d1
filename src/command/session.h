// SPDX-License-Identifier: Apache-2.0
/*
 * session.h - one client: what it has said about itself, and its replies in their order.
 *
 * Commands of a connection are answered in the order in which they came, but partitions answer at
 * different times. So whatever is not answered at once has a slot in the session's queue. A slot
 * that is answered while it is the first goes straight into the connection's output; another one
 * keeps its tokens until those before it have theirs. Slots come from a list of free ones of the
 * worker, so a command on one key allocates nothing.
 *
 * A session lives as long as its connection, and then until the last of its slots has come back.
 *
 * Thread: the worker's.
 */
#ifndef TALLYWHEEL_COMMAND_SESSION_H
#define TALLYWHEEL_COMMAND_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "command/command_table.h"
#include "grammar/grammar.h"
#include "keys/keys.h"
#include "pubsub/pubsub.h"
#include "resp/resp_print.h"

struct blocked;
struct command_worker;
struct err;
struct resp_block;
struct stream_wait;
struct resp_connection;
struct session;
struct topics;
struct transaction;

struct slot {
    struct key_call call;
    struct session *session;
    struct slot *next;
    bool answered;    /* `tokens` are its reply; it waits for those before it */
    bool muted;       /* CLIENT REPLY OFF: nothing is printed */
    uint8_t protocol; /* of the time of the command: an enum resp_protocol */
    uint8_t shape;    /* an enum grammar_shape */
    uint32_t partition;
    struct bytes tokens;
    struct resp_block *blocks[2]; /* a push that waits for the replies before it, per protocol */
};

enum session_mute {
    SESSION_REPLIES,
    SESSION_SKIPS_NEXT,
    SESSION_SILENT,
};

/* Commands on what is defined, that are under way and have no barrier. */
enum session_named { SESSION_NAMED_READS, SESSION_NAMED_WRITES, SESSION_NAMED_KINDS };

struct session {
    struct resp_connection *connection; /* NULL once it is gone */
    struct command_worker *owner;
    struct slot *first; /* unanswered commands, the oldest first */
    struct slot *last;
    uint32_t barriers;   /* what has to end before the next command is read */
    uint32_t publishing; /* messages that wait for other workers: see channels.c */
    bool finishing;      /* QUIT */
    bool draining;       /* nothing may wait any more: the client says no more, or all ends */
    uint8_t mute;        /* an enum session_mute: CLIENT REPLY */
    bool muted;          /* what that means for the command at hand */
    char *name;          /* NULL: none */
    char *library_name;
    char *library_version;
    const struct spec *last_spec;
    struct transaction *transaction; /* NULL outside of MULTI and WATCH */
    struct blocked *blocked;         /* what it waits for, or NULL */
    struct stream_wait *reading;     /* an XREAD under way, or NULL */
    struct subscriber subscriber;
    struct topics *topics; /* the channels of it that are live topics, or NULL */
    uint32_t named[SESSION_NAMED_KINDS];
    bool held_for_named; /* `held` waits until those are over, not for the end of a pause */
    /* A command that CLIENT PAUSE holds back, or that comes after commands under way. */
    struct bytes held;
    uint32_t held_count; /* of its words; 0: none */
    struct session *next_held;
};

/* Of a connection, of its library, of a channel: more is refused. */
#define SESSION_NAME_BYTES_MAX 65536

/* A command while it is looked at. */
struct invocation {
    struct session *session;
    const struct spec *spec;
    const struct span *args;
    uint32_t count;
    struct bytes *out; /* tokens of the reply */
    bool queued;       /* it stood in a MULTI */
};

struct session *session_new(struct command_worker *owner, struct resp_connection *connection);

/* The connection is gone. */
void session_leave(struct session *session);

/* ---- replies ---- */

/* A slot at the end of the queue. */
struct slot *session_slot(struct session *session);

/* The reply of a slot, which ends with that. `tokens` may be nothing at all. */
void session_slot_answer(struct slot *slot, struct span tokens);

/* The same for a failure of the node. */
void session_slot_fail(struct slot *slot, const struct err *err);

/* The reply of a command that was answered at once. */
void session_answer(struct session *session, struct span tokens);

/* A message that belongs to no command, printed for each protocol; behind all replies before. */
void session_push(struct session *session, struct resp_block *resp2, struct resp_block *resp3);

/*
 * Changes the reply of a typed command to what its words ask for, from `tokens` into `out`.
 * `partition` is where a SCAN has been.
 */
void session_shape(struct bytes *out, struct span tokens, enum grammar_shape shape,
                   uint32_t partition, uint32_t partition_count);

/* ---- flow ---- */

/* No command is read until the barrier is lifted. */
void session_barrier(struct session *session);
void session_lift(struct session *session);

enum resp_protocol session_protocol(const struct session *session);

#endif
