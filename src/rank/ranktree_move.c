// SPDX-License-Identifier: Apache-2.0
/*
 * ranktree_move.c - moves a batch of entries.
 *
 * Two sweeps: one removes all old positions, one inserts all new ones; an entry that is new has no
 * part in the first, one that is gone none in the second. A sweep takes operations in
 * order of position, SWEEP_OPS at a time. It goes down level by level: the operations of a node
 * are shared out among its children, whose memory is asked for while the rest of the level is
 * worked on. Leaves take their operations in place where they fit. On the way up each node that
 * was visited adds up its counts and, if a child asks for it, is restructured once
 * (ranktree_restructure.c).
 *
 * An entry whose new score falls strictly between two others of its old leaf (or anywhere, if the
 * leaf is the whole tree), and equals none there, is moved within the leaf during the first sweep.
 * In that sweep records of entries that are still to be moved disagree with their position, so it
 * may read none but the members of its own: it finds entries by id, compares with the bounds in
 * inner nodes only, and makes no new bounds (it joins neighbours, but shares nothing out between
 * them).
 */
#include "rank/ranktree_batch.h"

/* The node itself is read by arrive, when its line in the parent has come. */
static void emit(struct ranktree_scratch *scratch, uint32_t level, const struct visit *parent,
                 const struct inner *inner, uint32_t index, uint32_t begin, uint32_t end)
{
    scratch->visits[level][scratch->visit_counts[level]++] = (struct visit){
        .node = parent->node,
        .index = index,
        .begin = begin,
        .end = end,
    };
    touch_range(&inner->children[index], 1);
    touch_range(&inner->counts[index], 1);
}

static void arrive(struct ranktree_pool *pool, uint32_t level)
{
    struct ranktree_scratch *scratch = pool->scratch;

    for (uint32_t i = 0; i < scratch->visit_counts[level]; i++) {
        struct visit *visit = &scratch->visits[level][i];
        const struct inner *parent = inner_at(pool, visit->node);

        visit->node = parent->children[visit->index];
        visit->count = parent->counts[visit->index];
        if (level > 0)
            inner_touch(pool, visit->node);
        else
            leaf_touch(pool, visit->node, visit->count);
    }
}

/* Whether an operation belongs before a bound. */
static inline bool is_before(const struct ranktree_pool *pool, const struct op *op,
                             const struct inner *inner, uint32_t bound)
{
    struct probe probe;

    if (op->score != inner->scores[bound])
        return op->score < inner->scores[bound];
    probe = op_probe(op);
    return ranktree_separator_compare(pool, &probe, inner->separators[bound]) < 0;
}

/* Shares the operations of all nodes of `level` out among their children. */
static void go_down(struct ranktree_pool *pool, uint32_t level, const struct op *ops)
{
    struct ranktree_scratch *scratch = pool->scratch;

    scratch->visit_counts[level - 1] = 0;
    for (uint32_t i = 0; i < scratch->visit_counts[level]; i++) {
        struct visit *visit = &scratch->visits[level][i];
        const struct inner *inner = inner_at(pool, visit->node);
        uint32_t begin = visit->begin;
        uint32_t child = 0;

        visit->children_begin = scratch->visit_counts[level - 1];
        while (begin < visit->end) {
            struct probe probe = op_probe(&ops[begin]);
            uint32_t end = begin + 1;

            child = inner_search(pool, inner, child, &probe);
            if (child + 1 == inner->count)
                end = visit->end;
            while (end < visit->end && is_before(pool, &ops[end], inner, child + 1))
                end++;
            emit(scratch, level - 1, visit, inner, child, begin, end);
            begin = end;
        }
        visit->children_end = scratch->visit_counts[level - 1];
    }
    arrive(pool, level - 1);
}

/* Moves an entry within its leaf if that can be told from the scores alone. */
static bool relocate(struct leaf leaf, uint32_t count, bool is_root, uint32_t from, uint64_t score)
{
    uint32_t id = leaf.ids[from];
    uint32_t to;

    if (!is_root && (score <= leaf.scores[0] || score >= leaf.scores[count - 1]))
        return false;
    to = lower_bound(leaf.scores, count, score);
    if (to < count && leaf.scores[to] == score)
        return false;
    if (to > from) {
        to--;
        memmove(leaf.scores + from, leaf.scores + from + 1, (to - from) * sizeof(uint64_t));
        memmove(leaf.ids + from, leaf.ids + from + 1, (to - from) * sizeof(uint32_t));
    } else {
        memmove(leaf.scores + to + 1, leaf.scores + to, (from - to) * sizeof(uint64_t));
        memmove(leaf.ids + to + 1, leaf.ids + to, (from - to) * sizeof(uint32_t));
    }
    leaf.scores[to] = score;
    leaf.ids[to] = id;
    return true;
}

/* Returns how many entries are left. */
static uint32_t leaf_remove(struct ranktree_scratch *scratch, struct leaf leaf, uint32_t count,
                            bool is_root, const struct op *ops, uint32_t op_count)
{
    for (uint32_t i = 0; i < op_count; i++) {
        uint32_t at = leaf_position(leaf, count, ops[i].score, ops[i].id);

        if (ops[i].to != NOWHERE && relocate(leaf, count, is_root, at, ops[i].to)) {
            scratch->done[ops[i].move] = 1;
            continue;
        }
        count--;
        memmove(leaf.scores + at, leaf.scores + at + 1, (count - at) * sizeof(uint64_t));
        memmove(leaf.ids + at, leaf.ids + at + 1, (count - at) * sizeof(uint32_t));
    }
    return count;
}

static uint32_t leaf_insert_position(const struct ranktree_pool *pool, struct leaf leaf,
                                     uint32_t count, const struct op *op)
{
    uint32_t low = lower_bound(leaf.scores, count, op->score);
    struct probe probe;

    if (low == count || leaf.scores[low] != op->score)
        return low;
    probe = op_probe(op);
    return ranktree_leaf_tied(pool, leaf, low,
                              low + upper_bound(leaf.scores + low, count - low, op->score), &probe);
}

static void remove_from_leaves(struct ranktree_pool *pool, const struct op *ops)
{
    struct ranktree_scratch *scratch = pool->scratch;

    for (uint32_t i = 0; i < scratch->visit_counts[0]; i++) {
        struct visit *visit = &scratch->visits[0][i];
        struct leaf leaf = leaf_at(pool, visit->node, LEAF_CAPACITY);
        uint32_t left = leaf_remove(scratch, leaf, visit->count, false, ops + visit->begin,
                                    visit->end - visit->begin);

        visit->delta = (int32_t)left - (int32_t)visit->count;
        if (left < LEAF_FILL_LOW)
            visit->flags = VISIT_LOW;
    }
}

/* The records that inserts will compare with: those at the ends and in the middle of a tie. */
static void prefetch_tied(const struct ranktree_pool *pool, const struct visit *visit,
                          const struct op *ops)
{
    struct leaf leaf = leaf_at(pool, visit->node, LEAF_CAPACITY);

    for (uint32_t i = visit->begin; i < visit->end; i++) {
        uint32_t low = lower_bound(leaf.scores, visit->count, ops[i].score);
        uint32_t high;

        if (low == visit->count || leaf.scores[low] != ops[i].score)
            continue;
        high = low + upper_bound(leaf.scores + low, visit->count - low, ops[i].score);
        entry_prefetch(pool->entries, leaf.ids[pool->ties == BOARD_TIES_LAST ? low : high - 1]);
        entry_prefetch(pool->entries, leaf.ids[low + (high - low) / 2]);
    }
}

#define TIED_AHEAD 16u

static void insert_into_leaves(struct ranktree_pool *pool, const struct op *ops)
{
    struct ranktree_scratch *scratch = pool->scratch;
    uint32_t visit_count = scratch->visit_counts[0];
    uint32_t ahead = 0;

    for (uint32_t i = 0; i < visit_count; i++) {
        struct visit *visit = &scratch->visits[0][i];
        struct leaf leaf = leaf_at(pool, visit->node, LEAF_CAPACITY);
        uint32_t op_count = visit->end - visit->begin;

        for (; ahead < visit_count && ahead < i + TIED_AHEAD; ahead++)
            prefetch_tied(pool, &scratch->visits[0][ahead], ops);
        for (uint32_t j = visit->begin; j < visit->end; j++)
            scratch->positions[j] = leaf_insert_position(pool, leaf, visit->count, &ops[j]);
        visit->delta = (int32_t)op_count;
        if (visit->count + op_count > LEAF_CAPACITY) {
            visit->flags = VISIT_OVERFLOW;
            continue;
        }
        leaf_merge(leaf, visit->count, ops + visit->begin, scratch->positions + visit->begin,
                   op_count);
        if (visit->count + op_count < LEAF_FILL_LOW)
            visit->flags = VISIT_LOW;
    }
}

static void go_up(struct ranktree_pool *pool, enum sweep_kind kind, uint32_t level)
{
    struct ranktree_scratch *scratch = pool->scratch;
    struct slots extras = scratch->extras;

    scratch->extras = scratch->extras_up;
    scratch->extras_up = extras;
    scratch->extras_up.count = 0;
    for (uint32_t i = 0; i < scratch->visit_counts[level]; i++) {
        struct visit *visit = &scratch->visits[level][i];
        struct inner *inner = inner_at(pool, visit->node);
        uint32_t flags = 0;

        for (uint32_t j = visit->children_begin; j < visit->children_end; j++) {
            struct visit *child = &scratch->visits[level - 1][j];

            inner->counts[child->index] += (uint32_t)child->delta;
            visit->delta += child->delta;
            if (child->flags == VISIT_LOW && level == 1 &&
                !ranktree_low_helps(inner, kind, child->index))
                child->flags = 0;
            flags |= child->flags;
        }
        if (flags != 0)
            ranktree_restructure(pool, kind, level, visit);
    }
}

static void sweep_part(struct ranktree_pool *pool, struct ranktree *tree, enum sweep_kind kind,
                       const struct op *ops, uint32_t op_count)
{
    struct ranktree_scratch *scratch = pool->scratch;
    uint32_t top = tree->height;
    const struct visit *root = &scratch->visits[top][0];

    assert(top <= HEIGHT_MAX && op_count <= SWEEP_OPS);
    scratch->visits[top][0] =
        (struct visit){.node = tree->root, .end = op_count, .count = tree->count};
    scratch->visit_counts[top] = 1;
    scratch->sweep_ops = ops;
    for (uint32_t level = top; level > 0; level--)
        go_down(pool, level, ops);
    if (kind == SWEEP_REMOVE)
        remove_from_leaves(pool, ops);
    else
        insert_into_leaves(pool, ops);
    scratch->extras_up.count = 0;
    for (uint32_t level = 1; level <= top; level++)
        go_up(pool, kind, level);
    tree->count += (uint32_t)root->delta;
    ranktree_settle_root(pool, tree, root);
}

/* Moves the entries of a root leaf, if there are any, to one of another size class. */
static void root_leaf_resize(struct ranktree_pool *pool, struct ranktree *tree, uint32_t size_class)
{
    uint32_t node = ranktree_node_take(pool, size_class);

    if (tree->root_class != 0) {
        struct leaf from = leaf_at(pool, tree->root, LEAF_CAPACITY_OF(tree->root_class - 1u));
        struct leaf to = leaf_at(pool, node, LEAF_CAPACITY_OF(size_class));

        memcpy(to.scores, from.scores, tree->count * sizeof(uint64_t));
        memcpy(to.ids, from.ids, tree->count * sizeof(uint32_t));
        ranktree_node_give(pool, tree->root, tree->root_class - 1u);
    }
    tree->root = node;
    tree->root_class = (uint8_t)(size_class + 1);
}

/* Gives the root leaf a size class that has room for `count`. */
static void root_leaf_room(struct ranktree_pool *pool, struct ranktree *tree, uint32_t count)
{
    uint32_t size_class = 0;

    while (LEAF_CAPACITY_OF(size_class) < count)
        size_class++;
    if (tree->root_class < size_class + 1)
        root_leaf_resize(pool, tree, size_class);
}

/* Gives back what a tree that lost entries does not need any more of its root leaf. */
static void root_leaf_shrink(struct ranktree_pool *pool, struct ranktree *tree)
{
    uint32_t size_class = tree->root_class - 1u;

    while (size_class > 0 && tree->count <= LEAF_CAPACITY_OF(size_class - 1) / 2)
        size_class--;
    if (size_class < tree->root_class - 1u)
        root_leaf_resize(pool, tree, size_class);
}

/* All operations at once, for a tree that is one leaf or nothing. */
static void sweep_root_leaf(struct ranktree_pool *pool, struct ranktree *tree, enum sweep_kind kind,
                            const struct op *ops, uint32_t op_count)
{
    struct ranktree_scratch *scratch = pool->scratch;
    struct leaf leaf = {NULL, NULL};

    if (kind == SWEEP_INSERT && tree->count + op_count <= LEAF_CAPACITY)
        root_leaf_room(pool, tree, tree->count + op_count);
    if (tree->root_class != 0)
        leaf = leaf_at(pool, tree->root, LEAF_CAPACITY_OF(tree->root_class - 1u));
    if (kind == SWEEP_REMOVE) {
        tree->count = leaf_remove(scratch, leaf, tree->count, true, ops, op_count);
        return;
    }
    for (uint32_t i = 0; i < op_count; i++)
        scratch->positions[i] =
            tree->count > 0 ? leaf_insert_position(pool, leaf, tree->count, &ops[i]) : 0;
    if (tree->count + op_count > LEAF_CAPACITY) {
        ranktree_grow_root(pool, tree, ops, op_count);
        return;
    }
    leaf_merge(leaf, tree->count, ops, scratch->positions, op_count);
    tree->count += op_count;
}

static void sweep(struct ranktree_pool *pool, struct ranktree *tree, enum sweep_kind kind,
                  uint32_t op_count, const struct ranktree_move *moves)
{
    const struct op *ops = pool->scratch->ops;

    ranktree_sort(pool, kind, moves, op_count);
    while (op_count > 0) {
        uint32_t part = op_count;

        if (tree->height == 0) {
            sweep_root_leaf(pool, tree, kind, ops, op_count);
        } else {
            part = op_count < SWEEP_OPS ? op_count : SWEEP_OPS;
            sweep_part(pool, tree, kind, ops, part);
        }
        ops += part;
        op_count -= part;
    }
}

void ranktree_move_many(struct ranktree_pool *pool, struct ranktree *tree,
                        const struct ranktree_move *moves, uint32_t count)
{
    struct ranktree_scratch *scratch = pool->scratch;
    uint32_t op_count = 0;
    uint32_t gone = 0;

    ranktree_scratch_room(scratch, count);
    memset(scratch->done, 0, count);
    for (uint32_t i = 0; i < count; i++)
        if (!moves[i].is_new) {
            scratch->items[op_count++].move = i;
            gone += moves[i].is_gone;
        }
    sweep(pool, tree, SWEEP_REMOVE, op_count, moves);

    op_count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!scratch->done[i] && !moves[i].is_gone)
            scratch->items[op_count++].move = i;
    sweep(pool, tree, SWEEP_INSERT, op_count, moves);
    if (gone == 0)
        return;
    if (tree->count == 0)
        ranktree_clear(pool, tree);
    else if (tree->height == 0)
        root_leaf_shrink(pool, tree);
}
