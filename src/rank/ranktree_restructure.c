// SPDX-License-Identifier: Apache-2.0
/*
 * ranktree_restructure.c - splits, joins and shares out nodes of a ranktree.
 *
 * An inner node that must change is unpacked into slots, one for each child; its children are
 * dealt with from the last to the first, so that the indexes of those to come stay true; then it
 * is packed again, into several nodes if there are too many slots for one.
 *
 * Leaves are kept full, because they are most of the memory: one that overflows shares with a
 * neighbour, or with both, before another is made, and one that is low while inserts pass by is
 * joined with its neighbours three into two. Inner nodes simply split and join.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "rank/ranktree_batch.h"

#define PREFETCH_BOUNDS_MAX 32u

static struct slot *slots_room(struct slots *slots, uint32_t extra)
{
    uint32_t wanted = slots->count + extra;

    if (wanted > slots->capacity) {
        slots->capacity = wanted + wanted / 2 + INNER_CAPACITY;
        slots->items = bytes_realloc(slots->items, slots->capacity * sizeof(slots->items[0]));
    }
    return slots->items + slots->count;
}

/* Replaces the slots [begin, end) by `count` others, whose contents the caller fills in. */
static struct slot *slots_splice(struct slots *slots, uint32_t begin, uint32_t end, uint32_t count)
{
    slots_room(slots, count);
    memmove(slots->items + begin + count, slots->items + end,
            (slots->count - end) * sizeof(slots->items[0]));
    slots->count += count;
    slots->count -= end - begin;
    return slots->items + begin;
}

static void unpack(struct slots *slots, const struct inner *inner)
{
    struct slot *to = slots_room(slots, inner->count);

    for (uint32_t i = 0; i < inner->count; i++)
        to[i] = (struct slot){inner->scores[i], inner->separators[i], inner->children[i],
                              inner->counts[i]};
    slots->count += inner->count;
}

/*
 * Returns the number of entries under all slots. The first bound is left to the slot: it goes, or
 * has gone, to the level above.
 */
static uint32_t pack(struct inner *inner, const struct slot *slots, uint32_t count)
{
    uint32_t sum = 0;

    assert(count > 0 && count <= INNER_CAPACITY);
    inner->count = count;
    for (uint32_t i = 0; i < count; i++) {
        inner->scores[i] = slots[i].score;
        inner->separators[i] = i > 0 ? slots[i].separator : SEPARATOR_NONE;
        inner->children[i] = slots[i].node;
        inner->counts[i] = slots[i].count;
        sum += slots[i].count;
    }
    return sum;
}

static inline uint32_t parts_of(uint32_t count, uint32_t part_max)
{
    return (count + part_max - 1) / part_max;
}

/* Where part `index` of `parts` begins when `count` things are shared out evenly. */
static inline uint32_t part_begin(uint32_t count, uint32_t parts, uint32_t index)
{
    return (uint32_t)((uint64_t)count * index / parts);
}

static void gather_room(struct ranktree_scratch *scratch, uint32_t count)
{
    if (count <= scratch->gather_capacity)
        return;
    scratch->gather_capacity = count + 8 * LEAF_CAPACITY;
    scratch->gather_scores =
        bytes_realloc(scratch->gather_scores, scratch->gather_capacity * sizeof(uint64_t));
    scratch->gather_ids =
        bytes_realloc(scratch->gather_ids, scratch->gather_capacity * sizeof(uint32_t));
}

static void gather_leaf(struct ranktree_scratch *scratch, uint32_t at, struct leaf leaf,
                        uint32_t count)
{
    if (count == 0)
        return;
    memcpy(scratch->gather_scores + at, leaf.scores, count * sizeof(uint64_t));
    memcpy(scratch->gather_ids + at, leaf.ids, count * sizeof(uint32_t));
}

/* A leaf with the operations that are still to be inserted into it. */
static void gather_merged(struct ranktree_scratch *scratch, uint32_t at, struct leaf leaf,
                          uint32_t count, const struct op *ops, const uint32_t *positions,
                          uint32_t op_count)
{
    struct leaf merged = {scratch->gather_scores + at, scratch->gather_ids + at};

    gather_leaf(scratch, at, leaf, count);
    leaf_merge(merged, count, ops, positions, op_count);
}

/* Sets the bound of a leaf that begins at `from` of what was gathered. */
static void set_bound(struct ranktree_pool *pool, struct slot *slot, uint32_t from)
{
    const struct ranktree_scratch *scratch = pool->scratch;

    slot->score = scratch->gather_scores[from];
    slot->separator = SEPARATOR_NONE;
    if (from > 0 && scratch->gather_scores[from - 1] == slot->score)
        slot->separator =
            ranktree_separator_new(pool, scratch->gather_ids[from - 1], scratch->gather_ids[from]);
}

/* The records that set_bound will read. */
static void prefetch_bounds(const struct ranktree_pool *pool, uint32_t count, uint32_t parts)
{
    const struct ranktree_scratch *scratch = pool->scratch;

    for (uint32_t i = 1; i < parts && i < PREFETCH_BOUNDS_MAX; i++) {
        uint32_t from = part_begin(count, parts, i);

        if (scratch->gather_scores[from - 1] == scratch->gather_scores[from]) {
            entry_prefetch(pool->entries, scratch->gather_ids[from - 1]);
            entry_prefetch(pool->entries, scratch->gather_ids[from]);
        }
    }
}

/*
 * Writes what was gathered into `parts` leaves, whose slots replace [begin, end) of the work. The
 * nodes of the slots that are replaced are used again.
 */
static void write_leaves(struct ranktree_pool *pool, uint32_t begin, uint32_t end, uint32_t count,
                         uint32_t parts)
{
    struct ranktree_scratch *scratch = pool->scratch;
    struct slots *work = &scratch->work;
    uint32_t old = end - begin;
    struct slot *slots;

    for (uint32_t i = parts; i < old; i++)
        ranktree_node_give(pool, work->items[begin + i].node, LEAF_CLASS);
    for (uint32_t i = 1; i < old; i++)
        ranktree_separator_give(pool, work->items[begin + i].separator);
    prefetch_bounds(pool, count, parts);
    if (parts < old)
        slots = slots_splice(work, begin + parts, end, 0) - parts;
    else
        slots = slots_splice(work, end, end, parts - old) - old;
    for (uint32_t i = 0; i < parts; i++) {
        uint32_t from = part_begin(count, parts, i);
        uint32_t size = part_begin(count, parts, i + 1) - from;
        struct leaf leaf;

        if (i >= old)
            slots[i].node = ranktree_node_take(pool, LEAF_CLASS);
        slots[i].count = size;
        if (i > 0 || old == 0)
            set_bound(pool, &slots[i], from);
        leaf = leaf_at(pool, slots[i].node, LEAF_CAPACITY);
        memcpy(leaf.scores, scratch->gather_scores + from, size * sizeof(uint64_t));
        memcpy(leaf.ids, scratch->gather_ids + from, size * sizeof(uint32_t));
    }
}

/* Rewrites the leaves [begin, end) of the work; `child`, if any, brings waiting operations. */
static void rewrite_leaves(struct ranktree_pool *pool, uint32_t begin, uint32_t end,
                           const struct visit *child, uint32_t parts)
{
    struct ranktree_scratch *scratch = pool->scratch;
    const struct slot *slots = scratch->work.items;
    uint32_t total = 0;

    for (uint32_t i = begin; i < end; i++)
        total += slots[i].count;
    gather_room(scratch, total);
    total = 0;
    for (uint32_t i = begin; i < end; i++) {
        struct leaf leaf = leaf_at(pool, slots[i].node, LEAF_CAPACITY);

        if (child != NULL && i == child->index)
            gather_merged(scratch, total, leaf, child->count, scratch->sweep_ops + child->begin,
                          scratch->positions + child->begin, child->end - child->begin);
        else
            gather_leaf(scratch, total, leaf, slots[i].count);
        total += slots[i].count;
    }
    write_leaves(pool, begin, end, total, parts);
}

/* The left neighbour may not be touched if it has still to be dealt with itself. */
static bool left_is_free(const struct ranktree_scratch *scratch, uint32_t level,
                         const struct visit *parent, uint32_t visit_index)
{
    const struct visit *visits = scratch->visits[level - 1];
    uint32_t index = visits[visit_index].index;

    if (index == 0)
        return false;
    return visit_index == parent->children_begin || visits[visit_index - 1].index + 1 != index ||
           (visits[visit_index - 1].flags & (VISIT_OVERFLOW | VISIT_SPLIT)) == 0;
}

static void leaf_overflow(struct ranktree_pool *pool, const struct visit *child, bool left_free)
{
    const struct slots *work = &pool->scratch->work;
    uint32_t at = child->index;
    uint32_t begin = at;
    uint32_t end = at + 1;
    uint32_t own = work->items[at].count;
    uint32_t left = left_free ? work->items[at - 1].count : UINT32_MAX;
    uint32_t right = end < work->count ? work->items[end].count : UINT32_MAX;
    uint32_t total = own;

    if (own <= 2 * LEAF_CAPACITY && (left & right) != UINT32_MAX) {
        if (left <= right) {
            begin--;
            total += left;
        } else {
            end++;
            total += right;
        }
        if (total > 2 * LEAF_FILL_MAX && left != UINT32_MAX && right != UINT32_MAX) {
            begin = at - 1;
            end = at + 2;
            total = own + left + right;
        }
    }
    rewrite_leaves(pool, begin, end, child, parts_of(total, LEAF_FILL_MAX));
}

/* Joins leaf `at` of the work with the one behind it. Makes no new bound. */
static void leaf_join(struct ranktree_pool *pool, uint32_t at)
{
    struct slots *work = &pool->scratch->work;
    struct slot *left = &work->items[at];
    struct slot *right = left + 1;
    struct leaf to = leaf_at(pool, left->node, LEAF_CAPACITY);
    struct leaf from = leaf_at(pool, right->node, LEAF_CAPACITY);

    assert(left->count + right->count <= LEAF_CAPACITY);
    memcpy(to.scores + left->count, from.scores, right->count * sizeof(uint64_t));
    memcpy(to.ids + left->count, from.ids, right->count * sizeof(uint32_t));
    left->count += right->count;
    ranktree_node_give(pool, right->node, LEAF_CLASS);
    ranktree_separator_give(pool, right->separator);
    slots_splice(work, at + 1, at + 2, 0);
}

static void leaf_low_removing(struct ranktree_pool *pool, uint32_t at, bool left_free)
{
    const struct slots *work = &pool->scratch->work;
    uint32_t own = work->items[at].count;
    uint32_t left = left_free ? work->items[at - 1].count : UINT32_MAX;
    uint32_t right = at + 1 < work->count ? work->items[at + 1].count : UINT32_MAX;
    uint32_t least = left < right ? left : right;

    if (least == UINT32_MAX || (own > 0 && own + least > LEAF_FILL_MAX))
        return;
    leaf_join(pool, left <= right ? at - 1 : at);
}

static void leaf_low_inserting(struct ranktree_pool *pool, uint32_t at, bool left_free)
{
    const struct slots *work = &pool->scratch->work;
    uint32_t begin = left_free ? at - 1 : at;
    uint32_t end = at + 1 < work->count ? at + 2 : at + 1;
    uint32_t total = 0;
    uint32_t parts;

    for (uint32_t i = begin; i < end; i++)
        total += work->items[i].count;
    parts = total > 0 ? parts_of(total, LEAF_FILL_MAX) : 1;
    if (parts < end - begin)
        rewrite_leaves(pool, begin, end, NULL, parts);
}

bool ranktree_low_helps(const struct inner *inner, enum sweep_kind kind, uint32_t at)
{
    uint32_t own = inner->counts[at];
    uint32_t left = at > 0 ? inner->counts[at - 1] : UINT32_MAX / 2;
    uint32_t right = at + 1 < inner->count ? inner->counts[at + 1] : UINT32_MAX / 2;

    if (inner->count == 1)
        return false;
    if (own == 0 || own + left <= LEAF_FILL_MAX || own + right <= LEAF_FILL_MAX)
        return true;
    return kind == SWEEP_INSERT && own + left + right <= 2 * LEAF_FILL_MAX;
}

/* Joins inner node `at` of the work with the one behind it, or shares their children out. */
static void inner_join(struct ranktree_pool *pool, uint32_t at)
{
    struct slots *work = &pool->scratch->work;
    struct slot *left = &work->items[at];
    struct slot *right = left + 1;
    struct inner *left_inner = inner_at(pool, left->node);
    struct inner *right_inner = inner_at(pool, right->node);
    struct slots both = {0};
    uint32_t half;

    unpack(&both, left_inner);
    half = both.count;
    unpack(&both, right_inner);
    both.items[half].score = right->score;
    both.items[half].separator = right->separator;
    if (both.count <= INNER_FILL_MAX) {
        left->count = pack(left_inner, both.items, both.count);
        ranktree_node_give(pool, right->node, INNER_CLASS);
        slots_splice(work, at + 1, at + 2, 0);
    } else {
        half = both.count / 2;
        left->count = pack(left_inner, both.items, half);
        right->count = pack(right_inner, both.items + half, both.count - half);
        right->score = both.items[half].score;
        right->separator = both.items[half].separator;
    }
    free(both.items);
}

/* Packs the work into nodes of its own level: one slot for each, appended to `out`. */
static void pack_parts(struct ranktree_pool *pool, const struct slots *work, uint32_t parts,
                       uint32_t first_node, struct slots *out)
{
    for (uint32_t i = 0; i < parts; i++) {
        uint32_t from = part_begin(work->count, parts, i);
        uint32_t size = part_begin(work->count, parts, i + 1) - from;
        uint32_t node =
            i == 0 && first_node != ARENA_NONE ? first_node : ranktree_node_take(pool, INNER_CLASS);
        struct slot *slot = slots_room(out, 1);

        *slot = work->items[from];
        slot->node = node;
        slot->count = pack(inner_at(pool, node), work->items + from, size);
        out->count++;
    }
}

void ranktree_restructure(struct ranktree_pool *pool, enum sweep_kind kind, uint32_t level,
                          struct visit *visit)
{
    struct ranktree_scratch *scratch = pool->scratch;
    struct slots *work = &scratch->work;

    work->count = 0;
    unpack(work, inner_at(pool, visit->node));
    for (uint32_t j = visit->children_end; j-- > visit->children_begin;) {
        const struct visit *child = &scratch->visits[level - 1][j];
        bool left_free = left_is_free(scratch, level, visit, j);

        if (child->flags & VISIT_OVERFLOW) {
            leaf_overflow(pool, child, left_free);
        } else if (child->flags & VISIT_SPLIT) {
            uint32_t extra = child->extras_end - child->extras_begin;

            work->items[child->index].count = child->count;
            memcpy(slots_splice(work, child->index + 1, child->index + 1, extra),
                   scratch->extras.items + child->extras_begin, extra * sizeof(struct slot));
        } else if (child->flags & VISIT_LOW && level > 1) {
            if (left_free)
                inner_join(pool, child->index - 1);
            else if (child->index + 1 < work->count)
                inner_join(pool, child->index);
        } else if (child->flags & VISIT_LOW && kind == SWEEP_REMOVE) {
            leaf_low_removing(pool, child->index, left_free);
        } else if (child->flags & VISIT_LOW) {
            leaf_low_inserting(pool, child->index, left_free);
        }
    }

    if (work->count <= INNER_CAPACITY) {
        pack(inner_at(pool, visit->node), work->items, work->count);
        if (work->count < INNER_FILL_LOW)
            visit->flags = VISIT_LOW;
        return;
    }
    visit->extras_begin = scratch->extras_up.count;
    pack_parts(pool, work, parts_of(work->count, INNER_FILL_MAX), visit->node, &scratch->extras_up);
    visit->count = scratch->extras_up.items[visit->extras_begin].count;
    visit->extras_begin++; /* the first part is the node itself */
    visit->extras_end = scratch->extras_up.count;
    visit->flags = VISIT_SPLIT;
}

/* Puts levels on top of the work until one node holds it all. */
static void build_up(struct ranktree_pool *pool, struct ranktree *tree)
{
    struct ranktree_scratch *scratch = pool->scratch;

    while (scratch->work.count > 1) {
        struct slots above = scratch->extras;

        above.count = 0;
        pack_parts(pool, &scratch->work,
                   scratch->work.count <= INNER_CAPACITY
                       ? 1
                       : parts_of(scratch->work.count, INNER_FILL_MAX),
                   ARENA_NONE, &above);
        scratch->extras = scratch->work;
        scratch->work = above;
        tree->height++;
        assert(tree->height <= HEIGHT_MAX);
    }
    tree->root = scratch->work.items[0].node;
}

void ranktree_settle_root(struct ranktree_pool *pool, struct ranktree *tree,
                          const struct visit *visit)
{
    struct ranktree_scratch *scratch = pool->scratch;

    if (visit->flags & VISIT_SPLIT) {
        uint32_t extra = visit->extras_end - visit->extras_begin;

        scratch->work.count = 0;
        *slots_room(&scratch->work, 1 + extra) =
            (struct slot){0, SEPARATOR_NONE, tree->root, visit->count};
        memcpy(scratch->work.items + 1, scratch->extras_up.items + visit->extras_begin,
               extra * sizeof(struct slot));
        scratch->work.count = 1 + extra;
        build_up(pool, tree);
        return;
    }
    while (tree->height > 0 && inner_at(pool, tree->root)->count == 1) {
        uint32_t child = inner_at(pool, tree->root)->children[0];

        ranktree_node_give(pool, tree->root, INNER_CLASS);
        tree->root = child;
        tree->root_class = LEAF_CLASS + 1;
        tree->height--;
    }
}

void ranktree_grow_root(struct ranktree_pool *pool, struct ranktree *tree, const struct op *ops,
                        uint32_t op_count)
{
    struct ranktree_scratch *scratch = pool->scratch;
    uint32_t total = tree->count + op_count;
    struct leaf leaf = {NULL, NULL};

    if (tree->root_class != 0)
        leaf = leaf_at(pool, tree->root, LEAF_CAPACITY_OF(tree->root_class - 1u));
    gather_room(scratch, total);
    gather_merged(scratch, 0, leaf, tree->count, ops, scratch->positions, op_count);
    if (tree->root_class != 0)
        ranktree_node_give(pool, tree->root, tree->root_class - 1u);
    scratch->work.count = 0;
    write_leaves(pool, 0, 0, total, parts_of(total, LEAF_FILL_MAX));
    tree->count = total;
    build_up(pool, tree);
}
