// SPDX-License-Identifier: Apache-2.0
/*
 * ranktree_sort.c - orders a batch's operations by position, and owns the batch's memory.
 *
 * Scores are sorted by the upper RADIX_BITS * 2 of the bits in which they differ, with two passes
 * of a counting sort; runs that agree in those are short unless scores are equal, and are put in
 * full order (tie and member too) by comparing.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "rank/ranktree_batch.h"

#define RADIX_BITS 11u
#define RADIX_BUCKETS (1u << RADIX_BITS)
#define INSERTION_MAX 24u
#define RADIX_MIN 192u /* below that, clearing the counters costs more than comparing */

struct ranktree_scratch *ranktree_scratch_new(void)
{
    return bytes_alloc_zero(1, sizeof(struct ranktree_scratch));
}

void ranktree_scratch_free(struct ranktree_scratch *scratch)
{
    if (scratch == NULL)
        return;
    free(scratch->ops);
    free(scratch->sorted);
    free(scratch->items);
    free(scratch->items_other);
    free(scratch->positions);
    free(scratch->done);
    free(scratch->work.items);
    free(scratch->extras.items);
    free(scratch->extras_up.items);
    free(scratch->gather_scores);
    free(scratch->gather_ids);
    free(scratch);
}

uint64_t ranktree_scratch_bytes(const struct ranktree_scratch *scratch)
{
    uint64_t per_op = 2 * sizeof(struct op) + 2 * sizeof(struct sort_item) + sizeof(uint32_t) + 1;
    uint64_t slots =
        (uint64_t)scratch->work.capacity + scratch->extras.capacity + scratch->extras_up.capacity;

    return sizeof(*scratch) + scratch->op_capacity * per_op + slots * sizeof(struct slot) +
           scratch->gather_capacity * (uint64_t)LEAF_SLOT_BYTES;
}

void ranktree_scratch_room(struct ranktree_scratch *scratch, uint32_t op_count)
{
    size_t n = scratch->op_capacity > 0 ? scratch->op_capacity : SWEEP_OPS;

    if (op_count <= scratch->op_capacity)
        return;
    while (n < op_count)
        n *= 2;
    scratch->ops = bytes_realloc(scratch->ops, n * sizeof(scratch->ops[0]));
    scratch->sorted = bytes_realloc(scratch->sorted, n * sizeof(scratch->sorted[0]));
    scratch->items = bytes_realloc(scratch->items, n * sizeof(scratch->items[0]));
    scratch->items_other = bytes_realloc(scratch->items_other, n * sizeof(scratch->items_other[0]));
    scratch->positions = bytes_realloc(scratch->positions, n * sizeof(scratch->positions[0]));
    scratch->done = bytes_realloc(scratch->done, n * sizeof(scratch->done[0]));
    scratch->op_capacity = (uint32_t)n;
}

static bool before(const struct ranktree_pool *pool, const struct sort_item *a,
                   const struct sort_item *b)
{
    const struct op *ops = pool->scratch->ops;
    const struct op *left = &ops[a->index];
    const struct op *right = &ops[b->index];
    struct probe probe;

    if (a->key != b->key)
        return a->key < b->key;
    probe = op_probe(left);
    return compare_tied(pool, &probe, right->tie, right->id) < 0;
}

static void insertion_sort(const struct ranktree_pool *pool, struct sort_item *items,
                           uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct sort_item item = items[i];
        uint32_t at = i;

        for (; at > 0 && before(pool, &item, &items[at - 1]); at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

/* `other` is room for half as many. */
static void merge_sort(const struct ranktree_pool *pool, struct sort_item *items, uint32_t count,
                       struct sort_item *other)
{
    uint32_t half = count / 2;
    uint32_t left = 0;
    uint32_t right = half;
    uint32_t out = 0;

    if (count <= INSERTION_MAX) {
        insertion_sort(pool, items, count);
        return;
    }
    merge_sort(pool, items, half, other);
    merge_sort(pool, items + half, count - half, other);
    if (!before(pool, &items[half], &items[half - 1]))
        return; /* in order already, as ties are that come in order of time */
    memcpy(other, items, half * sizeof(items[0]));
    while (left < half && right < count)
        items[out++] = before(pool, &items[right], &other[left]) ? items[right++] : other[left++];
    memcpy(items + out, other + left, (half - left) * sizeof(items[0]));
}

static void radix_pass(const struct sort_item *from, struct sort_item *to, uint32_t count,
                       uint64_t low, uint32_t shift)
{
    uint32_t starts[RADIX_BUCKETS] = {0};
    uint32_t sum = 0;

    for (uint32_t i = 0; i < count; i++)
        starts[(from[i].key - low) >> shift & (RADIX_BUCKETS - 1)]++;
    for (uint32_t i = 0; i < RADIX_BUCKETS; i++) {
        uint32_t here = starts[i];

        starts[i] = sum;
        sum += here;
    }
    for (uint32_t i = 0; i < count; i++)
        to[starts[(from[i].key - low) >> shift & (RADIX_BUCKETS - 1)]++] = from[i];
}

/* Sorts by the upper bits in which keys differ; returns how many lower bits were left out. */
static uint32_t radix_sort(struct ranktree_scratch *scratch, uint32_t count, uint64_t *out_low)
{
    uint64_t low = scratch->items[0].key;
    uint64_t high = low;
    uint32_t bits, shift;

    for (uint32_t i = 1; i < count; i++) {
        uint64_t key = scratch->items[i].key;

        low = key < low ? key : low;
        high = key > high ? key : high;
    }
    bits = high > low ? 64 - (uint32_t)__builtin_clzll(high - low) : 0;
    shift = bits > 2 * RADIX_BITS ? bits - 2 * RADIX_BITS : 0;
    *out_low = low;
    if (bits > 0) {
        radix_pass(scratch->items, scratch->items_other, count, low, shift);
        radix_pass(scratch->items_other, scratch->items, count, low, shift + RADIX_BITS);
    }
    return shift;
}

void ranktree_sort(const struct ranktree_pool *pool, uint32_t count)
{
    struct ranktree_scratch *scratch = pool->scratch;
    struct sort_item *items = scratch->items;

    for (uint32_t i = 0; i < count; i++)
        items[i] = (struct sort_item){scratch->ops[i].score, i};
    if (count < RADIX_MIN) {
        merge_sort(pool, items, count, scratch->items_other);
    } else {
        uint64_t low;
        uint32_t shift = radix_sort(scratch, count, &low);

        for (uint32_t begin = 0, end; begin < count; begin = end) {
            uint64_t top = (items[begin].key - low) >> shift;

            for (end = begin + 1; end < count && (items[end].key - low) >> shift == top;)
                end++;
            if (end - begin > 1)
                merge_sort(pool, items + begin, end - begin, scratch->items_other);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        scratch->sorted[i] = scratch->ops[items[i].index];
}
