// SPDX-License-Identifier: Apache-2.0
/*
 * named.h - keys that name something that is defined: commands of Redis on boards and streams.
 *
 * A key is the name of a board, then for a board with `by` its labels, then perhaps a season:
 *
 *     season              a board without `by`
 *     season:EU           the segment EU of a board with one `by`
 *     season:EU:de        of one with two; the last label takes what is left, colons included
 *     season:EU@2024-05-01    the season of a board with a period that begins then (a time as
 *                         reads have it, or milliseconds); without, the current one
 *
 * or the name of a stream. Anything else is a plain key (keys/keys.h), so a definition shadows the
 * plain key of its name. A board answers as the sorted set of its members, ascending by score as in
 * Redis; the members with equal scores stand so that from the best on they are in the board's
 * order. So the best is the first of ZREVRANGE on a board with `order: desc`, and of ZRANGE on one
 * with `order: asc`.
 *
 * Reads concern all partitions, and are reads like those of query/. Writes on a board without a
 * stream become rows of the board's own stream; a removal becomes a change of a member
 * (model/board_change.h). Both are answered when they are committed and folded.
 *
 * Calls of one client are not kept in order here: whoever makes them sees to it that a read does
 * not begin before the writes that it must see are done.
 *
 * Thread: the worker's.
 */
#ifndef TALLYWHEEL_NAMED_NAMED_H
#define TALLYWHEEL_NAMED_NAMED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/definition.h"

struct catalog_board;
struct catalog_stream;
struct command;
struct command_list;
struct worker;

/* ---- a worker's part ---- */

void named_open(struct worker *worker);  /* after keys_open */
void named_flush(struct worker *worker); /* sends the rows that are held until the turn ends */
void named_close(struct worker *worker); /* when it closes its handles; before keys_close */

/* ---- keys ---- */

enum named_kind {
    NAMED_NOTHING, /* a plain key */
    NAMED_BOARD,
    NAMED_STREAM,
    NAMED_WRONG, /* the name of a board, but not of one segment: `reason` */
};

#define NAMED_REASON_BYTES_MAX 400

struct named_key {
    enum named_kind kind;
    const struct catalog_board *board;   /* valid until the next definition */
    const struct catalog_stream *stream; /* the same */
    struct span labels[BY_FIELDS_MAX];   /* in the key */
    bool season_given;
    int64_t season_ms;
    char reason[NAMED_REASON_BYTES_MAX]; /* an error reply: "ERR board …" */
};

/* What a key names; boards come before streams. */
enum named_kind named_find(struct worker *worker, struct span key, struct named_key *out_key);

/* Whether it names anything: named_find without the answer, and cheap for plain keys. */
bool named_is(struct worker *worker, struct span key);

/*
 * Whether the command with index 0 of a list names something among its keys. If it does, and it is
 * none that defined boards can answer, an error reply is put into `error`.
 */
bool named_concerns(struct worker *worker, const struct command_list *list, struct bytes *error);

/*
 * Scores of a board of integers are kept to the last digit: puts those of ZADD, ZINCRBY and
 * TW.UPDATE, which a grammar has read as doubles, into the command (index 0) as i64, from the
 * words it was made of. True for all other commands. False: an error reply is in `error`.
 */
bool named_exact(struct worker *worker, struct command_list *list, const struct span *words,
                 uint32_t word_count, struct bytes *error);

/* ---- commands ---- */

/* `tokens` is the reply, valid during the call. */
typedef void named_done_fn(void *context, struct span tokens);

/*
 * Answers the command with index 0 of a list, whose only key (or first one, of what named_concerns
 * lets pass) is a named one. Copies what it needs. `done` may be called before it returns.
 */
void named_run(struct worker *worker, const struct command_list *list, named_done_fn *done,
               void *context);

#endif
