// SPDX-License-Identifier: Apache-2.0
/* ranktree.c - see ranktree.h: the pool of nodes, and the questions. */
#include "rank/ranktree.h"

#include <stdlib.h>

#include "rank/ranktree_node.h"

#define ARENA_PAGE_UNITS (1u << 15) /* 2 MiB */
#define CARVE_CLASS (LEAF_CLASS > INNER_CLASS ? LEAF_CLASS : INNER_CLASS)
#define GROUP 32u

void ranktree_pool_init(struct ranktree_pool *pool, const struct board_entries *entries,
                        enum board_ties ties)
{
    assert(entries->sub_count < RANK_TIES_MAX);
    *pool =
        (struct ranktree_pool){.entries = entries, .ties = ties, .sub_count = entries->sub_count};
    arena_init(&pool->nodes, NODE_UNIT, ARENA_PAGE_UNITS);
    for (uint32_t i = 0; i < RANKTREE_SIZE_CLASSES; i++)
        pool->free_lists[i] = ARENA_NONE;
    ranktree_separators_init(pool);
    pool->scratch = ranktree_scratch_new();
}

void ranktree_pool_done(struct ranktree_pool *pool)
{
    if (pool == NULL)
        return;
    arena_done(&pool->nodes);
    arena_done(&pool->separators);
    ranktree_scratch_free(pool->scratch);
    pool->scratch = NULL;
}

void ranktree_ties(const struct ranktree_pool *pool, uint32_t id, uint64_t *out_ties)
{
    for (uint32_t i = 0; i < RANK_TIES_MAX; i++)
        out_ties[i] = i <= pool->sub_count ? entry_tie(pool, id, i) : 0;
}

uint64_t ranktree_pool_bytes(const struct ranktree_pool *pool)
{
    return arena_bytes(&pool->nodes) + arena_bytes(&pool->separators) +
           ranktree_scratch_bytes(pool->scratch);
}

/*
 * Every node is taken from the arena in the largest size, so that none crosses a page, and smaller
 * ones are halves of it. Halves are not joined again: what one size gave up, others use.
 */
uint32_t ranktree_node_take(struct ranktree_pool *pool, uint32_t size_class)
{
    uint32_t node = pool->free_lists[size_class];

    if (node != ARENA_NONE) {
        pool->free_lists[size_class] = *(uint32_t *)arena_at(&pool->nodes, node);
        pool->free_bytes -= NODE_UNIT << size_class;
        return node;
    }
    if (size_class == CARVE_CLASS)
        return arena_take(&pool->nodes, 1u << CARVE_CLASS);
    node = ranktree_node_take(pool, size_class + 1);
    ranktree_node_give(pool, node + (1u << size_class), size_class);
    return node;
}

void ranktree_node_give(struct ranktree_pool *pool, uint32_t node, uint32_t size_class)
{
    *(uint32_t *)arena_at(&pool->nodes, node) = pool->free_lists[size_class];
    pool->free_lists[size_class] = node;
    pool->free_bytes += NODE_UNIT << size_class;
}

static void give_below(struct ranktree_pool *pool, uint32_t node, uint32_t level)
{
    const struct inner *inner;

    if (level == 0) {
        ranktree_node_give(pool, node, LEAF_CLASS);
        return;
    }
    inner = inner_at(pool, node);
    for (uint32_t i = 0; i < inner->count; i++) {
        ranktree_separator_give(pool, inner->separators[i]);
        give_below(pool, inner->children[i], level - 1);
    }
    ranktree_node_give(pool, node, INNER_CLASS);
}

void ranktree_clear(struct ranktree_pool *pool, struct ranktree *tree)
{
    if (tree->height > 0)
        give_below(pool, tree->root, tree->height);
    else if (tree->root_class > 0)
        ranktree_node_give(pool, tree->root, tree->root_class - 1u);
    *tree = (struct ranktree){0};
}

/*
 * The ends are tried first: a score that is reached now goes behind (ties: first) or before (ties:
 * last) all that reached it earlier, and that costs one record.
 */
uint32_t ranktree_leaf_tied(const struct ranktree_pool *pool, struct leaf leaf, uint32_t low,
                            uint32_t high, const struct probe *probe)
{
    if (low == high)
        return low;
    if (pool->sub_count > 0) {
        /* The time comes last. */
    } else if (pool->ties == BOARD_TIES_FIRST) {
        uint32_t id = leaf.ids[high - 1];

        if (compare_tied(pool, probe, id) > 0)
            return high;
        high--;
    } else if (pool->ties == BOARD_TIES_LAST) {
        uint32_t id = leaf.ids[low];

        if (compare_tied(pool, probe, id) <= 0)
            return low;
        low++;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t id = leaf.ids[middle];

        if (compare_tied(pool, probe, id) <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static uint32_t root_capacity(const struct ranktree *tree)
{
    return tree->height > 0 ? LEAF_CAPACITY : LEAF_CAPACITY_OF(tree->root_class - 1u);
}

void ranktree_prefetch(const struct ranktree_pool *pool, const struct ranktree *tree)
{
    if (tree->count > 0)
        __builtin_prefetch(arena_at(&pool->nodes, tree->root));
}

/* A query on its way down. */
struct descent {
    uint32_t node;
    uint32_t count; /* entries under the node */
    uint32_t before;
    uint32_t level;
    uint32_t child; /* found by find_child */
};

/* One query all the way to its leaf. */
static void descend(const struct ranktree_pool *pool, struct descent *descent,
                    const struct probe *probe)
{
    while (descent->level > 0) {
        const struct inner *inner = inner_at(pool, descent->node);
        uint32_t child = inner_search(pool, inner, 0, probe);

        descent->before += sum_counts(inner->counts, child);
        descent->node = inner->children[child];
        descent->count = inner->counts[child];
        descent->level--;
        if (descent->level > 0)
            inner_prefetch_all(pool, descent->node);
        else
            leaf_prefetch(pool, descent->node, descent->count);
    }
}

/* The first half of a step of a group: which child, while the rest of the node is under way. */
static void find_child(const struct ranktree_pool *pool, struct descent *descent,
                       const struct probe *probe)
{
    const struct inner *inner = inner_at(pool, descent->node);

    descent->child = inner_search(pool, inner, 0, probe);
    __builtin_prefetch(&inner->children[descent->child]);
    prefetch_range(inner->counts, (descent->child + 1) * sizeof(inner->counts[0]));
}

static void enter_child(const struct ranktree_pool *pool, struct descent *descent)
{
    const struct inner *inner = inner_at(pool, descent->node);

    descent->before += sum_counts(inner->counts, descent->child);
    descent->node = inner->children[descent->child];
    descent->count = inner->counts[descent->child];
    descent->level--;
    if (descent->level > 0)
        inner_prefetch(pool, descent->node);
    else
        leaf_prefetch(pool, descent->node, descent->count);
}

static void rank_group(const struct ranktree_pool *pool, const struct ranktree_query *queries,
                       uint32_t count, uint32_t *out_ranks)
{
    struct descent descents[GROUP];
    uint32_t levels = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct ranktree *tree = queries[i].tree;

        assert(tree->count > 0);
        descents[i] = (struct descent){tree->root, tree->count, 0, tree->height, 0};
        if (tree->height > levels)
            levels = tree->height;
    }
    if (count == 1) {
        struct probe probe = {queries[0].score, NULL, queries[0].id, {NULL, 0}};

        descend(pool, &descents[0], &probe);
        levels = 0;
    }
    for (; levels > 0; levels--) {
        for (uint32_t i = 0; i < count; i++) {
            struct probe probe = {queries[i].score, NULL, queries[i].id, {NULL, 0}};

            if (descents[i].level == levels)
                find_child(pool, &descents[i], &probe);
        }
        for (uint32_t i = 0; i < count; i++)
            if (descents[i].level == levels)
                enter_child(pool, &descents[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct leaf leaf = leaf_at(pool, descents[i].node, root_capacity(queries[i].tree));

        out_ranks[i] = descents[i].before +
                       leaf_position(leaf, descents[i].count, queries[i].score, queries[i].id);
    }
}

void ranktree_rank_many(const struct ranktree_pool *pool, const struct ranktree_query *queries,
                        uint32_t count, uint32_t *out_ranks)
{
    for (uint32_t base = 0; base < count; base += GROUP) {
        uint32_t size = count - base < GROUP ? count - base : GROUP;

        rank_group(pool, queries + base, size, out_ranks + base);
    }
}

uint32_t ranktree_count_better(const struct ranktree_pool *pool, const struct ranktree *tree,
                               const struct rank_key *key)
{
    struct probe probe = {key->score, key->ties, ENTRY_NONE, key->member};
    struct descent descent = {tree->root, tree->count, 0, tree->height, 0};
    struct leaf leaf;
    uint32_t low;

    if (tree->count == 0)
        return 0;
    if (probe.member.data == NULL)
        probe.member = SPAN_LITERAL("");
    descend(pool, &descent, &probe);
    leaf = leaf_at(pool, descent.node, root_capacity(tree));
    low = lower_bound(leaf.scores, descent.count, key->score);
    if (low < descent.count && leaf.scores[low] == key->score)
        low = ranktree_leaf_tied(
            pool, leaf, low, low + upper_bound(leaf.scores + low, descent.count - low, key->score),
            &probe);
    return descent.before + low;
}

/* To the leaf where the first entry of at least this score is, or just before it. */
static struct descent descend_score(const struct ranktree_pool *pool, const struct ranktree *tree,
                                    uint64_t score)
{
    struct descent descent = {tree->root, tree->count, 0, tree->height, 0};

    for (; descent.level > 0; descent.level--) {
        const struct inner *inner = inner_at(pool, descent.node);
        uint32_t child = lower_bound(inner->scores + 1, inner->count - 1, score);

        descent.before += sum_counts(inner->counts, child);
        descent.node = inner->children[child];
        descent.count = inner->counts[child];
    }
    return descent;
}

uint32_t ranktree_count_better_score(const struct ranktree_pool *pool, const struct ranktree *tree,
                                     uint64_t score)
{
    struct descent descent;

    if (tree->count == 0)
        return 0;
    descent = descend_score(pool, tree, score);
    return descent.before + lower_bound(leaf_at(pool, descent.node, root_capacity(tree)).scores,
                                        descent.count, score);
}

/* A place in the tree, and the way to it. */
struct cursor {
    uint32_t nodes[HEIGHT_MAX + 1];
    uint32_t indexes[HEIGHT_MAX + 1]; /* of the child taken, for levels above 0 */
    struct leaf leaf;
    uint32_t count; /* entries of the leaf */
    uint32_t at;
    uint32_t level; /* of the root */
};

static void cursor_leaf(const struct ranktree_pool *pool, const struct ranktree *tree,
                        struct cursor *cursor, uint32_t node, uint32_t count, uint32_t at)
{
    cursor->leaf = leaf_at(pool, node, root_capacity(tree));
    cursor->count = count;
    cursor->at = at;
}

/* `rank` is below the tree's count. */
static void cursor_seek(const struct ranktree_pool *pool, const struct ranktree *tree,
                        struct cursor *cursor, uint32_t rank)
{
    uint32_t node = tree->root;
    uint32_t count = tree->count;

    cursor->level = tree->height;
    for (uint32_t level = tree->height; level > 0; level--) {
        const struct inner *inner = inner_at(pool, node);
        uint32_t child = 0;

        while (rank >= inner->counts[child])
            rank -= inner->counts[child++];
        cursor->nodes[level] = node;
        cursor->indexes[level] = child;
        node = inner->children[child];
        count = inner->counts[child];
    }
    cursor_leaf(pool, tree, cursor, node, count, rank);
}

/* To the first entry of the next leaf that has any; false at the end. */
static bool cursor_next_leaf(const struct ranktree_pool *pool, const struct ranktree *tree,
                             struct cursor *cursor)
{
    uint32_t level = 1;

    for (;;) {
        const struct inner *inner;
        uint32_t child;

        while (level <= cursor->level &&
               cursor->indexes[level] + 1 == inner_at(pool, cursor->nodes[level])->count)
            level++;
        if (level > cursor->level)
            return false;
        cursor->indexes[level]++;
        for (; level > 1; level--) {
            inner = inner_at(pool, cursor->nodes[level]);
            cursor->nodes[level - 1] = inner->children[cursor->indexes[level]];
            cursor->indexes[level - 1] = 0;
        }
        inner = inner_at(pool, cursor->nodes[1]);
        child = cursor->indexes[1];
        cursor_leaf(pool, tree, cursor, inner->children[child], inner->counts[child], 0);
        if (cursor->count > 0)
            return true;
    }
}

uint32_t ranktree_run(const struct ranktree_pool *pool, const struct ranktree *tree, uint32_t from,
                      uint32_t count, uint32_t *out_ids)
{
    struct cursor cursor;
    uint32_t filled = 0;

    if (from >= tree->count || count == 0)
        return 0;
    cursor_seek(pool, tree, &cursor, from);
    for (;;) {
        while (cursor.at < cursor.count && filled < count)
            out_ids[filled++] = cursor.leaf.ids[cursor.at++];
        if (filled == count || !cursor_next_leaf(pool, tree, &cursor))
            return filled;
    }
}

uint32_t ranktree_distinct_scores(const struct ranktree_pool *pool, const struct ranktree *tree,
                                  uint32_t ignored_bits, uint64_t from, uint64_t end,
                                  uint64_t *out_scores, uint32_t max)
{
    uint64_t ignored = ((uint64_t)1 << ignored_bits) - 1;
    struct cursor cursor;
    uint32_t rank = ranktree_count_better_score(pool, tree, from);
    uint32_t filled = 0;

    if (rank >= tree->count)
        return 0;
    cursor_seek(pool, tree, &cursor, rank);
    while (filled < max) {
        uint64_t score = cursor.leaf.scores[cursor.at];

        if (score >= end)
            break;
        out_scores[filled++] = score & ~ignored;
        score |= ignored; /* the last of those that are alike */
        cursor.at += upper_bound(cursor.leaf.scores + cursor.at, cursor.count - cursor.at, score);
        if (cursor.at < cursor.count)
            continue;
        /* Equal scores may fill many leaves: step over them all at once. */
        if (score == UINT64_MAX)
            break;
        rank = ranktree_count_better_score(pool, tree, score + 1);
        if (rank >= tree->count)
            break;
        cursor_seek(pool, tree, &cursor, rank);
    }
    return filled;
}
