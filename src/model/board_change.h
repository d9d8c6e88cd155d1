// SPDX-License-Identifier: Apache-2.0
/*
 * board_change.h - what is done to one member of a board by name, not by an event: removed, banned,
 * renamed.
 *
 * A change is a journal record (JOURNAL_BOARD_CHANGE) of the partition where the member is at
 * home, so a replay repeats it at the same place among the events. Integers are little-endian:
 *
 *     0   u8     version (1)
 *     1   u8     op
 *     2   u32    id of the board (engine/catalog.h)
 *     6   u32    version of its definition; 0: any
 *     10  u8     1: the change is of the season that follows, 0: of the current one, or of all
 *     11  i64    where that season begins; 0
 *     19  u8     how many `by` labels follow; 0 on boards without, and where none was given
 *     .   for each: u8 1 if it was given, u32 size, bytes
 *     .   u32    size, bytes of the member
 *     .   u32    size, bytes of `to`
 *     .   u32    size, bytes of `entries`
 *     .   u32    size, bytes of `replaced`
 *
 * Entries are what a member has on a board, an item for each segment:
 *
 *     u8 how many labels, for each u32 size, bytes; u32 size, bytes of board_save (board/board.h)
 *
 * Thread: plain values; any.
 */
#ifndef TALLYWHEEL_MODEL_BOARD_CHANGE_H
#define TALLYWHEEL_MODEL_BOARD_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/definition.h"

struct err;

/* Numbers are in journals: never reuse one. */
enum board_change_op {
    BOARD_CHANGE_REMOVE = 1, /* the member from the segments of the given labels, or from all */
    BOARD_CHANGE_BAN = 2,    /* removes it, and its later events do not count */
    BOARD_CHANGE_UNBAN = 3,
    BOARD_CHANGE_RENAME = 4, /* member becomes `to`, in the same partition */
    /* A rename between partitions: the new name gets the entries, then the old one loses them. */
    BOARD_CHANGE_GIVE = 5, /* member gets `entries`; it must have exactly `replaced` so far */
    /* member loses its entries: if they still are `entries`; if that is empty, whatever they are */
    BOARD_CHANGE_TAKE = 6,
};

struct board_change {
    enum board_change_op op;
    uint32_t board_id;
    uint32_t board_version; /* of a board that has been defined anew, nothing is changed; 0: any */
    bool in_season;         /* GIVE and TAKE: of the season that begins at season_ms, */
    int64_t season_ms; /* since partitions may be in different ones; or else of the current one */
    uint32_t by_count;
    struct span by[BY_FIELDS_MAX]; /* data NULL: any */
    struct span member;
    struct span to;
    struct span entries;
    struct span replaced;
};

/* What became of a change. Whatever it is, the record is part of the journal and is folded so. */
enum board_change_outcome {
    BOARD_CHANGE_DONE,
    BOARD_CHANGE_ABSENT,    /* the member is not there, or was not banned */
    BOARD_CHANGE_PRESENT,   /* the new name is there already */
    BOARD_CHANGE_BANNED,    /* the new name is banned; or the member was already */
    BOARD_CHANGE_MOVED,     /* entries or replaced are not what the member has by now */
    BOARD_CHANGE_FULL,      /* no room for another entry or ban */
    BOARD_CHANGE_NO_BOARD,  /* or it has been defined anew */
    BOARD_CHANGE_NO_SEASON, /* it is closed there, or nothing is known of it yet */
};

struct board_change_result {
    enum board_change_outcome outcome;
    uint32_t entries;   /* removed, renamed or given */
    struct bytes taken; /* what BOARD_CHANGE_TAKE took; to bytes_done */
};

void board_change_encode(const struct board_change *change, struct bytes *out);

/* Spans point into `record`. ERR_CORRUPT if it is none. */
int board_change_decode(struct board_change *out_change, struct span record, struct err *err);

/* Appends an item to `entries`. */
void board_change_put_entry(struct bytes *entries, const struct span *labels, uint32_t label_count,
                            struct span state);

/*
 * Takes the next item from the front of `rest`; false at the end, or if what is left is no item
 * with `label_count` labels.
 */
bool board_change_next_entry(struct span *rest, struct span *out_labels, uint32_t label_count,
                             struct span *out_state);

#endif
