// SPDX-License-Identifier: Apache-2.0
/*
 * ranktree.h - the entries of one segment in order, best first, with ranks: a counted B+tree.
 *
 * The order is that of rank_key.h: score key, tie keys, member. A leaf holds {score key, entry id}
 * inline; tie keys and the member are in the entry's record (board_entries.h) and are read only
 * among equal scores. Inner nodes hold, for each child, how many entries are under it and a lower
 * bound of them: a score key, and a separator (tie keys and a piece of a member) where the score
 * key is also one of the entries before it. A bound owns its separator, since the record of an
 * entry that has moved no longer tells where it stood, and that of one that is gone may be another
 * entry's. See ranktree_separator.c.
 *
 * Batches are the main operation. ranktree_move_many sorts the old positions, removes them all,
 * sorts the new ones, and inserts them all; each sweep goes down level by level with all
 * operations at once, so that the misses of a level overlap, and touches a node once however many
 * operations it gets. Nodes are restructured on the way up. See ranktree_move.c.
 *
 * All trees of a board share a pool. A tree of up to 5 entries takes 64 bytes.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_RANK_RANKTREE_H
#define TALLYWHEEL_RANK_RANKTREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "rank/rank_key.h"
#include "model/definition.h"

struct board_entries;
struct ranktree_scratch;

#define RANKTREE_SIZE_CLASSES 8
#define RANKTREE_SEPARATOR_CLASSES 14

/* All zero is an empty tree. */
struct ranktree {
    uint32_t count;
    uint32_t root;
    uint8_t height;     /* 0: the root is a leaf */
    uint8_t root_class; /* of a root that is a leaf: its size class + 1; 0: no root yet */
};

struct ranktree_pool {
    struct arena nodes; /* in units of a cache line */
    uint32_t free_lists[RANKTREE_SIZE_CLASSES];
    uint64_t free_bytes;
    struct arena separators; /* in units of 16 bytes */
    uint32_t separator_lists[RANKTREE_SEPARATOR_CLASSES];
    uint64_t separator_count; /* in use, by all trees */
    const struct board_entries *entries;
    enum board_ties ties;
    uint32_t sub_count; /* tie keys are one more */
    struct ranktree_scratch *scratch;
};

/* The entries have been initialised: they know the subscores. */
void ranktree_pool_init(struct ranktree_pool *pool, const struct board_entries *entries,
                        enum board_ties ties);
void ranktree_pool_done(struct ranktree_pool *pool);
uint64_t ranktree_pool_bytes(const struct ranktree_pool *pool);

/* The last tie key of an entry that reached its score then. */
static inline uint64_t ranktree_tie(enum board_ties ties, int64_t reached_ms)
{
    uint64_t up = (uint64_t)reached_ms ^ (uint64_t)1 << 63;

    if (!board_ties_by_time(ties))
        return 0;
    return ties == BOARD_TIES_FIRST ? up : ~up;
}

/* Fills the tie keys of an entry, as its record has them, and zeros behind them. */
void ranktree_ties(const struct ranktree_pool *pool, uint32_t id, uint64_t *out_ties);

/* Ties are pool.sub_count + 1 keys that stay where they are during the call. */
struct ranktree_move {
    uint64_t old_score;
    uint64_t score;
    const uint64_t *old_ties;
    const uint64_t *ties;
    uint32_t id;
    bool is_new;  /* not in the tree yet: old_* mean nothing */
    bool is_gone; /* leaves the tree: score and ties mean nothing */
};

/*
 * Moves, adds or removes entries, each at most once; one that is both new and gone is none of it.
 * Their records hold the new score, subscores and reached time already, and those of entries that
 * are gone still hold the member; the records of all others in the tree agree with their position.
 */
void ranktree_move_many(struct ranktree_pool *pool, struct ranktree *tree,
                        const struct ranktree_move *moves, uint32_t count);

/* Takes all entries out of a tree and gives its nodes back to the pool. Reads no record. */
void ranktree_clear(struct ranktree_pool *pool, struct ranktree *tree);

/* Brings the top of a tree that will be moved in soon closer; in two steps, some time apart. */
void ranktree_prefetch(const struct ranktree_pool *pool, const struct ranktree *tree);

struct ranktree_query {
    const struct ranktree *tree;
    uint64_t score;
    uint32_t id; /* in the tree; its record agrees with its position */
};

/* How many are better than each of the entries. */
void ranktree_rank_many(const struct ranktree_pool *pool, const struct ranktree_query *queries,
                        uint32_t count, uint32_t *out_ranks);

/* How many are better than a key, which need not be in the tree. */
uint32_t ranktree_count_better(const struct ranktree_pool *pool, const struct ranktree *tree,
                               const struct rank_key *key);

/* How many have a better score. */
uint32_t ranktree_count_better_score(const struct ranktree_pool *pool, const struct ranktree *tree,
                                     uint64_t score);

/* The ids of `count` entries from a rank, best first. Returns how many there were. */
uint32_t ranktree_run(const struct ranktree_pool *pool, const struct ranktree *tree, uint32_t from,
                      uint32_t count, uint32_t *out_ids);

/*
 * The distinct scores in [from, end), ascending, at most `max`; of scores that agree but for their
 * lower `ignored_bits` one, with these bits 0.
 */
uint32_t ranktree_distinct_scores(const struct ranktree_pool *pool, const struct ranktree *tree,
                                  uint32_t ignored_bits, uint64_t from, uint64_t end,
                                  uint64_t *out_scores, uint32_t max);

struct ranktree_shape {
    uint64_t leaves;
    uint64_t inner_nodes;
    uint64_t leaf_slots; /* entries that the leaves have room for */
    uint64_t separators;
};

/* Verifies every invariant by assert, and returns what the tree is made of. Scans it all. */
struct ranktree_shape ranktree_check(const struct ranktree_pool *pool, const struct ranktree *tree);

#endif
