// SPDX-License-Identifier: Apache-2.0
/*
 * rank_key.h - where an entry stands on a board, in a form that can be compared anywhere.
 *
 * Smaller is better: `score` is an order-preserving image of the score (inverted for boards where
 * more is better, see score_key.h), `ties` decide among equal scores, the first that differs, and
 * the member's bytes decide among equal ties. So the keys of all partitions of a board are in one
 * strict order, and a rank over partitions is one plus the sum of how many are better in each.
 *
 * The ties of a board with n subscores are the keys of these, in order, then that of the time the
 * score was reached (board_def.ties), then zeros.
 *
 * Thread: plain values; any. `member` belongs to whoever made the key.
 */
#ifndef TALLYWHEEL_RANK_RANK_KEY_H
#define TALLYWHEEL_RANK_RANK_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define RANK_TIES_MAX 5 /* four subscores, and when it was reached */

struct rank_key {
    uint64_t score;
    uint64_t ties[RANK_TIES_MAX];
    struct span member;
};

/* Negative: a is better. */
static inline int rank_key_compare(const struct rank_key *a, const struct rank_key *b)
{
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    for (uint32_t i = 0; i < RANK_TIES_MAX; i++)
        if (a->ties[i] != b->ties[i])
            return a->ties[i] < b->ties[i] ? -1 : 1;
    return span_compare(a->member, b->member);
}

/*
 * Levels: the words that say where members stand but for when they got there, of one board `count`
 * (score, subscores), compared like keys.
 */
static inline int rank_level_compare(const uint64_t *a, const uint64_t *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

/* The level of a key: `count` words. */
static inline void rank_level_of(const struct rank_key *key, uint64_t *out_level, uint32_t count)
{
    out_level[0] = key->score;
    for (uint32_t i = 1; i < count; i++)
        out_level[i] = key->ties[i - 1];
}

/* The levels of two keys. */
static inline int rank_key_level_compare(const struct rank_key *a, const struct rank_key *b,
                                         uint32_t count)
{
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return rank_level_compare(a->ties, b->ties, count - 1);
}

/* The best key that could be on a level. */
static inline struct rank_key rank_level_first(const uint64_t *level, uint32_t count)
{
    struct rank_key key = {.score = level[0], .member = {"", 0}};

    for (uint32_t i = 1; i < count; i++)
        key.ties[i - 1] = level[i];
    return key;
}

/* Makes it the next worse level there could be; false if it is the worst. */
static inline bool rank_level_next(uint64_t *level, uint32_t count)
{
    while (count > 0 && ++level[count - 1] == 0)
        count--;
    return count > 0;
}

#endif
