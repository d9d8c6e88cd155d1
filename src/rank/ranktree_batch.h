// SPDX-License-Identifier: Apache-2.0
/*
 * ranktree_batch.h - what a batch of operations needs on its way through a ranktree.
 * Private to ranktree*.c.
 *
 * One scratch for each pool, kept from batch to batch: nothing is allocated in the steady state.
 */
#ifndef TALLYWHEEL_RANK_RANKTREE_BATCH_H
#define TALLYWHEEL_RANK_RANKTREE_BATCH_H

#include "rank/ranktree_node.h"

/* So many operations go down together: enough to overlap misses, few enough for their nodes to
 * stay in the cache between the way down and the way up. */
#define SWEEP_OPS 256u

/* Leaves are rewritten to at most this fill, and merged if the result is below it. */
#define LEAF_FILL_MAX (LEAF_CAPACITY * 31 / 32)
#define LEAF_FILL_LOW (LEAF_CAPACITY * 2 / 3)
#define INNER_FILL_MAX (INNER_CAPACITY * 3 / 4)
#define INNER_FILL_LOW (INNER_CAPACITY / 4)

enum sweep_kind { SWEEP_REMOVE, SWEEP_INSERT };

struct op {
    uint64_t score;
    const uint64_t *ties;
    uint64_t to; /* of a removal: where the entry goes; NOWHERE: out of the tree */
    uint32_t id;
    uint32_t move; /* index among the batch's moves */
};

/* A score that is tried for a place in the same leaf only if it is another one. */
#define NOWHERE UINT64_MAX

enum visit_flag {
    VISIT_LOW = 1,      /* few are left: merge it with a neighbour if that helps */
    VISIT_OVERFLOW = 2, /* a leaf without room: its operations wait for the parent */
    VISIT_SPLIT = 4,    /* an inner node that became several: see extras */
};

/* A node with the operations [begin, end) that belong under it. */
struct visit {
    uint32_t node;
    uint32_t index; /* in its parent */
    uint32_t begin;
    uint32_t end;
    uint32_t children_begin; /* visits of the level below */
    uint32_t children_end;
    uint32_t count; /* entries under it, before; of a node that was split, after */
    int32_t delta;
    uint32_t flags;
    uint32_t extras_begin; /* among scratch->extras_up */
    uint32_t extras_end;
};

/* A child of an inner node that is being restructured, and its bound. */
struct slot {
    uint64_t score;
    uint32_t separator;
    uint32_t node;
    uint32_t count;
};

struct slots {
    struct slot *items;
    uint32_t count;
    uint32_t capacity;
};

/* What is sorted: a score, or where scores are equal a tie or a piece of a member. */
struct sort_item {
    uint64_t key;
    uint32_t move;
};

struct ranktree_scratch {
    uint32_t op_capacity;
    void *memory;   /* of the next three */
    struct op *ops; /* by position; over the memory of both kinds of items */
    struct sort_item *items_other;
    struct sort_item *items;
    uint32_t *positions;        /* in its leaf, of each operation of a sweep */
    uint8_t *done;              /* a move that needs no insert */
    const struct op *sweep_ops; /* what visits count from */

    uint32_t visit_counts[HEIGHT_MAX + 1];
    struct visit visits[HEIGHT_MAX + 1][SWEEP_OPS];

    struct slots work;        /* the node that is being restructured */
    struct slots extras;      /* new nodes that children handed to this level */
    struct slots extras_up;   /* new nodes for the level above */
    uint32_t gather_capacity; /* entries of the leaves that are being rewritten */
    uint64_t *gather_scores;
    uint32_t *gather_ids;
};

void ranktree_scratch_room(struct ranktree_scratch *scratch, uint32_t op_count);

/*
 * Makes scratch->ops of scratch->items[0..count), whose moves are set: in order of the old
 * positions of these, or of the new ones.
 */
void ranktree_sort(const struct ranktree_pool *pool, enum sweep_kind kind,
                   const struct ranktree_move *moves, uint32_t count);

static inline struct probe op_probe(const struct op *op)
{
    return (struct probe){op->score, op->ties, op->id, {NULL, 0}};
}

/*
 * Applies what the children of a visited inner node could not do themselves: leaves that overflow,
 * nodes that were split, nodes that are low. Counts in the node are up to date already.
 */
void ranktree_restructure(struct ranktree_pool *pool, enum sweep_kind kind, uint32_t level,
                          struct visit *visit);

/* Whether a leaf that is low can be joined, by the counts of its neighbours. */
bool ranktree_low_helps(const struct inner *inner, enum sweep_kind kind, uint32_t at);

/* Gives the tree the root that it needs after the root visit of its height. */
void ranktree_settle_root(struct ranktree_pool *pool, struct ranktree *tree,
                          const struct visit *visit);

/* Rewrites a root leaf and `op_count` sorted operations, with positions, as leaves and nodes. */
void ranktree_grow_root(struct ranktree_pool *pool, struct ranktree *tree, const struct op *ops,
                        uint32_t op_count);

/* Merges `op_count` sorted operations into a leaf of `count` entries with room for them. */
static inline void leaf_merge(struct leaf leaf, uint32_t count, const struct op *ops,
                              const uint32_t *positions, uint32_t op_count)
{
    uint32_t end = count;

    for (uint32_t i = op_count; i-- > 0;) {
        uint32_t at = positions[i];

        memmove(leaf.scores + at + i + 1, leaf.scores + at, (end - at) * sizeof(uint64_t));
        memmove(leaf.ids + at + i + 1, leaf.ids + at, (end - at) * sizeof(uint32_t));
        leaf.scores[at + i] = ops[i].score;
        leaf.ids[at + i] = ops[i].id;
        end = at;
    }
}

#endif
