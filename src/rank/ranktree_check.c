// SPDX-License-Identifier: Apache-2.0
/* ranktree_check.c - verifies a ranktree against its invariants; for tests and the bench. */
#include "rank/ranktree_node.h"

struct walk {
    const struct ranktree_pool *pool;
    struct ranktree_shape shape;
    bool has_last;
    uint64_t last_score;
    uint32_t last_id;
};

static void check_entry(struct walk *walk, uint64_t score, uint32_t id)
{
    const struct ranktree_pool *pool = walk->pool;

    if (walk->has_last) {
        struct probe last = {walk->last_score, NULL, walk->last_id, {NULL, 0}};

        assert(walk->last_score <= score);
        assert(walk->last_score < score || compare_tied(pool, &last, id) < 0);
    }
    walk->has_last = true;
    walk->last_score = score;
    walk->last_id = id;
}

static void check_leaf(struct walk *walk, struct leaf leaf, uint32_t count, uint32_t capacity)
{
    assert(count <= capacity);
    for (uint32_t i = 0; i < count; i++)
        check_entry(walk, leaf.scores[i], leaf.ids[i]);
    walk->shape.leaves++;
    walk->shape.leaf_slots += capacity;
}

/* The last entry seen is below a bound, or at it if `or_equal`. */
static void check_last_below(const struct walk *walk, const struct inner *inner, uint32_t bound)
{
    struct probe last = {walk->last_score, NULL, walk->last_id, {NULL, 0}};

    if (!walk->has_last)
        return;
    assert(last.score <= inner->scores[bound]);
    assert(last.score < inner->scores[bound] ||
           ranktree_separator_compare(walk->pool, &last, inner->separators[bound]) < 0);
}

/* The first entry under a child is at or above the child's bound. */
static void check_first_above(const struct ranktree_pool *pool, uint32_t node, uint32_t level,
                              const struct inner *above, uint32_t bound)
{
    struct leaf leaf;
    struct probe first;

    for (; level > 0; level--) {
        const struct inner *inner = inner_at(pool, node);

        if (inner->counts[0] == 0)
            return;
        node = inner->children[0];
    }
    leaf = leaf_at(pool, node, LEAF_CAPACITY);
    first = (struct probe){leaf.scores[0], NULL, leaf.ids[0], {NULL, 0}};
    assert(first.score >= above->scores[bound]);
    assert(first.score > above->scores[bound] ||
           ranktree_separator_compare(pool, &first, above->separators[bound]) >= 0);
}

static void check_node(struct walk *walk, uint32_t node, uint32_t level, uint32_t count)
{
    const struct inner *inner;

    if (level == 0) {
        check_leaf(walk, leaf_at(walk->pool, node, LEAF_CAPACITY), count, LEAF_CAPACITY);
        return;
    }
    inner = inner_at(walk->pool, node);
    walk->shape.inner_nodes++;
    assert(inner->count > 0 && inner->count <= INNER_CAPACITY);
    assert(sum_counts(inner->counts, inner->count) == count);
    assert(inner->separators[0] == SEPARATOR_NONE);
    for (uint32_t i = 0; i < inner->count; i++) {
        walk->shape.separators += inner->separators[i] != SEPARATOR_NONE;
        if (i > 0)
            check_last_below(walk, inner, i);
        if (i > 0 && inner->counts[i] > 0)
            check_first_above(walk->pool, inner->children[i], level - 1, inner, i);
        check_node(walk, inner->children[i], level - 1, inner->counts[i]);
    }
}

struct ranktree_shape ranktree_check(const struct ranktree_pool *pool, const struct ranktree *tree)
{
    struct walk walk = {.pool = pool};

    if (tree->height > 0) {
        check_node(&walk, tree->root, tree->height, tree->count);
        assert(inner_at(pool, tree->root)->count > 1);
    } else if (tree->root_class > 0) {
        uint32_t capacity = LEAF_CAPACITY_OF(tree->root_class - 1u);

        check_leaf(&walk, leaf_at(pool, tree->root, capacity), tree->count, capacity);
    } else {
        assert(tree->count == 0);
    }
    return walk.shape;
}
