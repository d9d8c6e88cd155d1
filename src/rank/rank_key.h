// SPDX-License-Identifier: Apache-2.0
/*
 * rank_key.h - where an entry stands on a board, in a form that can be compared anywhere.
 *
 * Smaller is better: `score` is an order-preserving image of the score (inverted for boards where
 * more is better, see score_key.h), `tie` decides among equal scores (board_def.ties), and the
 * member's bytes decide among equal ties. So the keys of all partitions of a board are in one
 * strict order, and a rank over partitions is one plus the sum of how many are better in each.
 *
 * Thread: plain values; any. `member` belongs to whoever made the key.
 */
#ifndef TALLYWHEEL_RANK_RANK_KEY_H
#define TALLYWHEEL_RANK_RANK_KEY_H

#include <stdint.h>

#include "base/bytes.h"

struct rank_key {
    uint64_t score;
    uint64_t tie;
    struct span member;
};

/* Negative: a is better. */
static inline int rank_key_compare(const struct rank_key *a, const struct rank_key *b)
{
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    if (a->tie != b->tie)
        return a->tie < b->tie ? -1 : 1;
    return span_compare(a->member, b->member);
}

#endif
