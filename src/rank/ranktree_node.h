// SPDX-License-Identifier: Apache-2.0
/*
 * ranktree_node.h - what the nodes of a ranktree look like, and how one is searched.
 * Private to ranktree*.c.
 *
 * A leaf has no header: how many entries it has stands in its parent, or in struct ranktree for a
 * root. Leaves below an inner node are all of the largest leaf class; a root leaf begins with one
 * cache line and doubles.
 *
 *     leaf of capacity c     u64 scores[c], u32 ids[c]
 *     inner node             struct inner
 *
 * Invariant: every key under child i is at least bound i, and below bound i+1. A bound is a score
 * and a separator; SEPARATOR_NONE is below every entry of that score. Bound 0 is not looked at and
 * has none: the parent's bound for this node is the one that counts.
 */
#ifndef TALLYWHEEL_RANK_RANKTREE_NODE_H
#define TALLYWHEEL_RANK_RANKTREE_NODE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rank/board_entries.h"
#include "rank/ranktree.h"

#define NODE_UNIT 64u
#define LEAF_CLASS 3u  /* 512 bytes */
#define INNER_CLASS 4u /* 1 KiB */
#define LEAF_SLOT_BYTES (sizeof(uint64_t) + sizeof(uint32_t))
#define LEAF_CAPACITY_OF(size_class) ((NODE_UNIT << (size_class)) / (uint32_t)LEAF_SLOT_BYTES)
#define LEAF_CAPACITY LEAF_CAPACITY_OF(LEAF_CLASS)
#define INNER_CAPACITY (((NODE_UNIT << INNER_CLASS) - 8) / 20)
#define HEIGHT_MAX 10u
#define SEPARATOR_NONE ARENA_NONE

/* Hot fields first: separators are read only among equal scores. */
struct inner {
    uint32_t count;
    uint32_t unused;
    uint64_t scores[INNER_CAPACITY];
    uint32_t children[INNER_CAPACITY];
    uint32_t counts[INNER_CAPACITY]; /* entries under the child */
    uint32_t separators[INNER_CAPACITY];
};

static_assert(sizeof(struct inner) <= NODE_UNIT << INNER_CLASS, "an inner node fits its class");
static_assert(LEAF_CLASS < RANKTREE_SIZE_CLASSES && INNER_CLASS < RANKTREE_SIZE_CLASSES, "classes");

/* A leaf as two arrays. */
struct leaf {
    uint64_t *scores;
    uint32_t *ids;
};

/* A position that is looked for. Where `ties` or `member` is NULL, the record of `id` tells it. */
struct probe {
    uint64_t score;
    const uint64_t *ties;
    uint32_t id;
    struct span member;
};

static inline struct inner *inner_at(const struct ranktree_pool *pool, uint32_t node)
{
    return arena_at(&pool->nodes, node);
}

static inline struct leaf leaf_at(const struct ranktree_pool *pool, uint32_t node,
                                  uint32_t capacity)
{
    uint64_t *scores = arena_at(&pool->nodes, node);

    return (struct leaf){scores, (uint32_t *)(scores + capacity)};
}

static inline void prefetch_range(const void *from, size_t size)
{
    const char *at = from;

    for (size_t i = 0; i < size; i += NODE_UNIT)
        __builtin_prefetch(at + i);
}

/*
 * Asks for cache lines with plain loads whose values nobody waits for. For the many lines of a
 * sweep this is measurably better than prefetch instructions (a move takes 420 ns instead of 520):
 * those may be dropped, loads are not, and a few hundred instructions of them are in flight.
 */
static inline void touch_range(const void *from, size_t size)
{
    const char *at = from;

    for (size_t i = 0; i < size; i += NODE_UNIT)
        (void)*(const volatile char *)(at + i);
}

static inline void leaf_touch(const struct ranktree_pool *pool, uint32_t node, uint32_t count)
{
    struct leaf leaf = leaf_at(pool, node, LEAF_CAPACITY);

    touch_range(leaf.scores, count * sizeof(uint64_t));
    touch_range(leaf.ids, count * sizeof(uint32_t));
}

/* What a search reads. Ids matter only among equal scores. */
static inline void leaf_prefetch(const struct ranktree_pool *pool, uint32_t node, uint32_t count)
{
    prefetch_range(leaf_at(pool, node, LEAF_CAPACITY).scores, count * sizeof(uint64_t));
}

/* What a search reads of a node that is not full: few are. */
#define INNER_SEARCH_BYTES offsetof(struct inner, scores[INNER_CAPACITY * 3 / 4])

static inline void inner_touch(const struct ranktree_pool *pool, uint32_t node)
{
    touch_range(inner_at(pool, node), INNER_SEARCH_BYTES);
}

static inline void inner_prefetch(const struct ranktree_pool *pool, uint32_t node)
{
    prefetch_range(inner_at(pool, node), INNER_SEARCH_BYTES);
}

/* What a step down reads, wherever it leads: for one query, whose misses nothing else hides. */
static inline void inner_prefetch_all(const struct ranktree_pool *pool, uint32_t node)
{
    prefetch_range(inner_at(pool, node), offsetof(struct inner, separators));
}

/*
 * The first index whose value is not below `x`. Counts instead of halving: first whole cache lines
 * by their last value, then within one. No branch depends on a value, and no load on another, so
 * where the lines are not cached yet their misses overlap.
 */
static inline uint32_t lower_bound(const uint64_t *values, uint32_t count, uint64_t x)
{
    uint32_t lines = 0;
    uint32_t at, end;

    for (uint32_t i = 7; i < count; i += 8)
        lines += values[i] < x;
    at = lines * 8;
    end = at + 8 < count ? at + 8 : count;
    for (uint32_t i = lines * 8; i < end; i++)
        at += values[i] < x;
    return at;
}

/* The first index whose value is above `x`. */
static inline uint32_t upper_bound(const uint64_t *values, uint32_t count, uint64_t x)
{
    return x == UINT64_MAX ? count : lower_bound(values, count, x + 1);
}

static inline struct span probe_member(const struct ranktree_pool *pool, const struct probe *probe)
{
    return probe->member.data != NULL ? probe->member : entry_member(pool->entries, probe->id);
}

/* A tie key of an entry, by its record. */
static inline uint64_t entry_tie(const struct ranktree_pool *pool, uint32_t id, uint32_t index)
{
    if (index < pool->sub_count)
        return entry_sub(pool->entries, id, index);
    return ranktree_tie(pool->ties, entry_reached_ms(pool->entries, id));
}

static inline uint64_t probe_tie(const struct ranktree_pool *pool, const struct probe *probe,
                                 uint32_t index)
{
    return probe->ties != NULL ? probe->ties[index] : entry_tie(pool, probe->id, index);
}

/* Among equal scores: the order of a probe and an entry whose record agrees with its position. */
static inline int compare_tied(const struct ranktree_pool *pool, const struct probe *probe,
                               uint32_t id)
{
    for (uint32_t i = 0; i <= pool->sub_count; i++) {
        uint64_t left = probe_tie(pool, probe, i);
        uint64_t right = entry_tie(pool, id, i);

        if (left != right)
            return left < right ? -1 : 1;
    }
    if (probe->member.data == NULL && probe->id == id)
        return 0;
    return span_compare(probe_member(pool, probe), entry_member(pool->entries, id));
}

/* The first of [low, high), all of the probe's score, that is above the probe. */
uint32_t ranktree_inner_tied(const struct ranktree_pool *pool, const struct inner *inner,
                             uint32_t low, uint32_t high, const struct probe *probe);

/* The first of [low, high), all of the probe's score, that is not better than the probe. */
uint32_t ranktree_leaf_tied(const struct ranktree_pool *pool, struct leaf leaf, uint32_t low,
                            uint32_t high, const struct probe *probe);

/* The child that the probe belongs under; it is not before child `from`. */
static inline uint32_t inner_search(const struct ranktree_pool *pool, const struct inner *inner,
                                    uint32_t from, const struct probe *probe)
{
    uint32_t first = from + 1;
    uint32_t low = first + lower_bound(inner->scores + first, inner->count - first, probe->score);

    if (low == inner->count || inner->scores[low] != probe->score)
        return low - 1;
    return ranktree_inner_tied(
               pool, inner, low,
               low + upper_bound(inner->scores + low, inner->count - low, probe->score), probe) -
           1;
}

/* Where an entry stands that is in the leaf. Reads no id if no other has its score. */
static inline uint32_t leaf_position(struct leaf leaf, uint32_t count, uint64_t score, uint32_t id)
{
    uint32_t at = lower_bound(leaf.scores, count, score);

    if (at + 1 < count && leaf.scores[at + 1] == score)
        while (at < count && leaf.ids[at] != id)
            at++;
    assert(at < count && leaf.scores[at] == score);
    return at;
}

static inline uint32_t sum_counts(const uint32_t *counts, uint32_t count)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < count; i++)
        sum += counts[i];
    return sum;
}

void ranktree_separators_init(struct ranktree_pool *pool);

/* Of two entries of one score that follow each other, whose records agree with their positions. */
uint32_t ranktree_separator_new(struct ranktree_pool *pool, uint32_t left_id, uint32_t right_id);

void ranktree_separator_give(struct ranktree_pool *pool, uint32_t separator); /* NONE is nothing */

/* Among equal scores: below 0 if the probe is before the bound, else it belongs behind it. */
int ranktree_separator_compare(const struct ranktree_pool *pool, const struct probe *probe,
                               uint32_t separator);

uint32_t ranktree_node_take(struct ranktree_pool *pool, uint32_t size_class);
void ranktree_node_give(struct ranktree_pool *pool, uint32_t node, uint32_t size_class);

struct ranktree_scratch *ranktree_scratch_new(void);
void ranktree_scratch_free(struct ranktree_scratch *scratch);
uint64_t ranktree_scratch_bytes(const struct ranktree_scratch *scratch);

#endif
