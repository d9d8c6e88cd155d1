// SPDX-License-Identifier: Apache-2.0
/*
 * board_changes.h - folds changes of single members into a board, and keeps who is banned.
 *
 * A banned member is not on the board, and rows that name it are left out before the board sees
 * them. Bans are of a board on one partition, the one where the member is at home, and of all of
 * its segments; they outlive a new definition of the board and go with it when it is dropped.
 *
 * The set is empty almost always: then nothing is looked up. Otherwise each distinct member of a
 * batch is, by its hash, in a sorted array.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_ENGINE_BOARD_CHANGES_H
#define TALLYWHEEL_ENGINE_BOARD_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct batch;
struct board;
struct board_change;
struct board_change_result;
struct board_seasons;

struct board_ban {
    uint64_t hash; /* hash_bytes of the member */
    char *member;
    uint32_t size;
};

/* All zero is an empty set. */
struct board_bans {
    struct board_ban *items; /* by hash, then bytes */
    uint32_t count;
    uint32_t capacity;
    uint64_t rows; /* that were left out */
};

void board_bans_done(struct board_bans *bans);
bool board_bans_has(const struct board_bans *bans, struct span member);
uint64_t board_bans_hash(const struct board_bans *bans);
uint64_t board_bans_bytes(const struct board_bans *bans);

/*
 * Copies those of `rows` whose member is not banned to `out_rows` (room for all), and returns how
 * many there are.
 */
uint32_t board_bans_filter(struct board_bans *bans, const struct batch *batch,
                           uint32_t member_column, const uint32_t *rows, uint32_t row_count,
                           uint32_t *out_rows);

/*
 * Folds a change. Members are removed from all seasons that are not closed, and renamed in the
 * current one. At most `bans_max` members are banned at once.
 */
void board_changes_fold(struct board_seasons *seasons, struct board_bans *bans, uint32_t bans_max,
                        const struct board_change *change, struct board_change_result *out_result);

/* What a member has on the board: items of model/board_change.h. Returns how many. */
uint32_t board_changes_gather(const struct board *board, struct span member, struct bytes *out);

#endif
