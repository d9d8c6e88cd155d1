// SPDX-License-Identifier: Apache-2.0
/*
 * board_place.h - what the tree of a board sorts by: the score key and, where it fits, some of the
 * time it was reached.
 *
 * The tree compares a u64 a leaf holds inline, and reads the records of entries only where these
 * are equal. Boards of small whole scores are full of equal ones, and each record is a cache
 * miss. So as long as all scores of a board fit into fewer bits, the place of an entry is
 *
 *     score key, relative to that of 0  (64 - tie_bits)  |  reached_ms, coarse  (tie_bits)
 *
 * which orders like score and then tie, as far as it goes; equal places are told apart by the
 * records as before. Reached times count in steps of 16 ms or more from a base that the board's
 * first row sets; beyond the ends they are all alike.
 *
 * A score that does not fit makes room for itself: the board gives bits of the time to the score
 * (32, then 16, then none) and builds its trees anew, at most twice in its life. Floats have all
 * 64 bits from the start, and so have boards whose ties go by member, or by subscores first.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_BOARD_BOARD_PLACE_H
#define TALLYWHEEL_BOARD_BOARD_PLACE_H

#include "board/board_private.h"

/* How many bits of time a new board of that kind begins with. Its entries are initialised. */
static inline uint32_t board_place_tie_bits(const struct board *board)
{
    bool by_time = board_ties_by_time(board->def.ties) && board->entries.sub_count == 0;

    return board->is_int && by_time ? 32 : 0;
}

static inline uint32_t board_place_shift(const struct board *board)
{
    return 4 + (32 - board->tie_bits) / 2; /* steps of 16 ms, then of 4 s */
}

/* The least score key that fits; the number of keys that do is board_place_keys. */
static inline uint64_t board_place_least(const struct board *board)
{
    return score_key_of_bits(0, true, board->def.order) - ((uint64_t)1 << (63 - board->tie_bits));
}

/* One less than the bits could hold: so no place is UINT64_MAX. */
static inline uint64_t board_place_keys(const struct board *board)
{
    return ((uint64_t)1 << (64 - board->tie_bits)) - 1;
}

static inline bool board_place_fits(const struct board *board, uint64_t score_key)
{
    return board->tie_bits == 0 || score_key - board_place_least(board) < board_place_keys(board);
}

static inline uint64_t board_place_time(const struct board *board, int64_t reached_ms)
{
    int64_t steps = (reached_ms - board->base_ms) >> board_place_shift(board);
    int64_t max = ((int64_t)1 << board->tie_bits) - 1;

    if (steps < 0)
        steps = 0;
    if (steps > max)
        steps = max;
    return (uint64_t)(board->def.ties == BOARD_TIES_LAST ? max - steps : steps);
}

/* The place of a score that fits. `reached_ms` has been clamped (board_entries.h). */
static inline uint64_t board_place(const struct board *board, uint64_t score_key,
                                   int64_t reached_ms)
{
    if (board->tie_bits == 0)
        return score_key;
    return (score_key - board_place_least(board)) << board->tie_bits |
           board_place_time(board, reached_ms);
}

/*
 * The first place of a score: all entries of better scores are before it, none of this one. It
 * need not fit: those beyond the ends give 0 and UINT64_MAX, which is behind all places.
 */
static inline uint64_t board_place_first(const struct board *board, uint64_t score_key)
{
    uint64_t least = board_place_least(board);

    if (board->tie_bits == 0)
        return score_key;
    if (score_key < least)
        return 0;
    if (score_key - least >= board_place_keys(board))
        return UINT64_MAX;
    return (score_key - least) << board->tie_bits;
}

/* The score key of a place. */
static inline uint64_t board_place_score(const struct board *board, uint64_t place)
{
    return board->tie_bits == 0 ? place : (place >> board->tie_bits) + board_place_least(board);
}

/* Sets the base of time; before the first entry. */
void board_place_begin(struct board *board, int64_t event_ms);

/*
 * Makes room for a score that does not fit, and builds all trees anew from the records, whose
 * scores must all be written.
 */
void board_place_widen(struct board *board, uint64_t score_key);

#endif
