// SPDX-License-Identifier: Apache-2.0
/*
 * board_changes.h - which entries of a board have changed since somebody last looked.
 *
 * A follower is a place in the history of a board. board_changes_list gives every entry that
 * stands elsewhere than it did at that place, with how it stood then and how it stands now;
 * board_changes_take moves the place to now. So states can be told apart exactly: what the board
 * was at the place is today's board with these entries put back.
 *
 * The board notes how an entry stood when it changes for the first time after somebody took: one
 * note however often the entry changes until the next take. Notes lie in epochs, each from one take
 * to the next. Several followers share them; an epoch ends its life when all have passed it.
 *
 *     take(a)        take(b)            take(a)
 *        | epoch 7      | epoch 8          | epoch 9 ...     b reads 8 and 9, a reads 9
 *
 * Nobody unfollows: a follower that does not come back is lost when BOARD_CHANGES_MAX notes have
 * been made, or when BOARD_FOLLOWERS_MAX others came. Without followers that are not lost nothing
 * is noted, and no memory is held. A follower that was lost begins anew, and is told how many
 * changes it missed, at least.
 *
 * Following changes nothing of what the board answers, so it takes a const board.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_BOARD_BOARD_CHANGES_H
#define TALLYWHEEL_BOARD_BOARD_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/value.h"
#include "rank/rank_key.h"

struct board;

#define BOARD_CHANGES_MAX (1u << 17) /* notes of a board; about 100 bytes each */
#define BOARD_FOLLOWERS_MAX 64u

/* An entry that stood elsewhere, or nowhere, or is gone. */
struct board_change {
    uint32_t segment;
    bool existed;
    bool exists;
    struct value old_score; /* if it existed, as old_key */
    struct value score;     /* if it exists, as the next two */
    int64_t reached_ms;
    struct rank_key old_key; /* both keys have the member, if it does not exist too */
    struct rank_key key;
};

/* All zero is empty. The members lie in `text`. */
struct board_change_list {
    struct board_change *changes;
    uint32_t count;
    uint32_t capacity;
    struct bytes text;
};

void board_changes_list_done(struct board_change_list *list);

/* A new follower, whose place is now. Never 0, and never the same, on no other board either. */
uint64_t board_changes_follow(const struct board *board);

/*
 * Fills the list with what changed since the follower's place, in no particular order. False if it
 * was lost, or is none of this board: the list is empty then.
 */
bool board_changes_list(const struct board *board, uint64_t follower,
                        struct board_change_list *out_list);

/* Moves the follower's place to now. Returns how many changes were missed if it was lost. */
uint64_t board_changes_take(const struct board *board, uint64_t follower);

#endif
