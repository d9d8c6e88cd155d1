// SPDX-License-Identifier: Apache-2.0
/*
 * named_private.h - what the files of named/ share; never leaves this folder.
 *
 *     named.c          a worker's part; running a command
 *     named_key.c      what a key names, and which commands defined boards can answer
 *     board_ranges.c   ZRANGE, ZCOUNT, ZCARD, …: pages of a board
 *     board_members.c  ZSCORE, ZRANK, TW.AROUND, …: given members
 *     board_walk.c     ZSCAN, ZRANDMEMBER
 *     board_rows.c     ZADD, ZINCRBY, TW.UPDATE: rows of a board's own stream
 *     board_remove.c   ZREM
 *     stream_*.c       XADD and the reading of a stream: named_stream.h
 *     topics.c         live topics as channels: topics.h
 */
#ifndef TALLYWHEEL_NAMED_NAMED_PRIVATE_H
#define TALLYWHEEL_NAMED_NAMED_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/err.h"
#include "model/command.h"
#include "model/value.h"
#include "named/named.h"
#include "query_board/board_read.h"

struct board_rows;
struct read;
struct worker;

/* A worker's part. */
struct named {
    struct worker *worker;
    /* The names that there are, by their first byte and size: most plain keys are told at once. */
    uint64_t first_bytes[4];
    uint32_t known_id_next; /* of the catalog that the two are of */
    uint32_t known_count;
    struct board_rows **open; /* rows that wait for the end of the turn */
    uint32_t open_count;
    uint64_t random;
    struct stream_cursor *cursors; /* where reads of streams have ended: stream_cursor.c */
    uint32_t cursor_count;
    uint32_t cursor_next;
    uint32_t waiting; /* reads of streams that wait for events */
    uv_check_t check;
    uv_prepare_t prepare;
};

/* A command that is being answered. */
struct named_call {
    struct worker *worker;
    struct command_list list; /* the command */
    struct named_key key;     /* labels in the list; board and stream only until it first waits */
    struct board_place place; /* of a board; the same holds for place.board */
    uint32_t board_id;
    uint32_t board_version;
    uint32_t by_count;
    bool is_int;
    enum board_order order;
    char name[NAME_BYTES_MAX];
    named_done_fn *done;
    void *context;
    struct read *read; /* under way */
    void (*read_done)(struct named_call *call, struct read *read);
    bool whole;    /* the page that was asked for is all that there is */
    uint64_t from; /* of the page in the order asked for */
    uint32_t pending;
    uint32_t item_count;
    struct row_item *items; /* board_rows.c */
    int64_t removed;        /* board_remove.c */
    struct err err;
    int rc;
    struct bytes out;
};

typedef void named_begin_fn(struct named_call *call);

static inline const struct command *call_command(const struct named_call *call)
{
    return &call->list.commands[0];
}

static inline struct span call_arg(const struct named_call *call, uint32_t index)
{
    return command_arg(&call->list, call_command(call), index);
}

static inline int64_t call_int(const struct named_call *call, uint32_t index)
{
    return command_arg_int(&call->list, call_command(call), index);
}

static inline bool call_has(const struct named_call *call, uint32_t flag)
{
    return (call_command(call)->flags & flag) != 0;
}

/* Whether the order asked for, ascending or with COMMAND_REV descending, is the board's own. */
static inline bool call_is_forward(const struct named_call *call)
{
    return (call->order == BOARD_DESC) == call_has(call, COMMAND_REV);
}

/* Ends the call with what is in `out`. */
void named_finish(struct named_call *call);

/* Ends it with "ERR " and the text. */
void named_fail(struct named_call *call, const struct err *err);

/* Puts a read to all partitions, and goes on with `read_done`, which frees it. */
void named_ask(struct named_call *call, struct read *read,
               void (*read_done)(struct named_call *call, struct read *read));

/*
 * Before another step: the board in call->place as it is by now. False if it was dropped or defined
 * anew meanwhile, which has ended the call.
 */
bool named_again(struct named_call *call);

/* A score as a reply: a double, or the digits of an integer that no double is. */
void named_put_score(struct bytes *out, struct value score);

/* A score that a read of the board has found, as it is shown. */
struct value named_shown(struct read *read, struct value score);

named_begin_fn board_ranges_zcard;
named_begin_fn board_ranges_zcount;
named_begin_fn board_ranges_zrange;
named_begin_fn board_ranges_zdump;
named_begin_fn board_members_zscore;
named_begin_fn board_members_zrank;
named_begin_fn board_members_tw_around;
named_begin_fn board_members_tw_among;
named_begin_fn board_walk_zscan;
named_begin_fn board_walk_zrandmember;
named_begin_fn board_rows_zadd;
named_begin_fn board_rows_tw_update;
named_begin_fn board_remove_zrem;

/* Sends the rows that are held, and frees what is left at the end. */
void board_rows_flush(struct named *named);

#endif
