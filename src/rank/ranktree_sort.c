// SPDX-License-Identifier: Apache-2.0
/*
 * ranktree_sort.c - orders a batch's operations by position, and owns the batch's memory.
 *
 * A key is sorted as words: the score, the ties, then the member eight bytes at a time. Many
 * items are sorted by the upper RADIX_BITS * 2 of the bits in which their word differs, with two
 * passes of a counting sort; those that agree in these bits are sorted by the bits below, and those
 * whose whole word is the same by the next word, which is read once for each. So neither a few
 * scores that are far from all others nor a batch of equal ones make it slow. Few items are put
 * in full order by comparing.
 */
#include <endian.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "rank/ranktree_batch.h"

#define RADIX_BITS 11u
#define RADIX_BUCKETS (1u << RADIX_BITS)
#define INSERTION_MAX 24u
#define RADIX_MIN 192u  /* below that, clearing the counters costs more than comparing */
#define MEMBER_WORDS 4u /* members that are alike for longer are compared */
#define PREFETCH_AHEAD 16u

/* What is sorted. */
struct batch_sort {
    const struct ranktree_pool *pool;
    const struct ranktree_move *moves;
    bool by_old; /* positions that the moves leave; or those that they come to */
};

struct ranktree_scratch *ranktree_scratch_new(void)
{
    return bytes_alloc_zero(1, sizeof(struct ranktree_scratch));
}

void ranktree_scratch_free(struct ranktree_scratch *scratch)
{
    if (scratch == NULL)
        return;
    free(scratch->memory);
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
    uint64_t per_op = 2 * sizeof(struct sort_item) + sizeof(uint32_t) + 1;
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
    /* Operations are made from the first item on, and always behind the last one that was read. */
    static_assert(sizeof(struct op) <= 2 * sizeof(struct sort_item), "operations take their place");
    free(scratch->memory);
    scratch->memory = bytes_alloc(2 * n * sizeof(struct sort_item));
    scratch->ops = scratch->memory;
    scratch->items_other = scratch->memory;
    scratch->items = scratch->items_other + n;
    scratch->positions = bytes_realloc(scratch->positions, n * sizeof(scratch->positions[0]));
    scratch->done = bytes_realloc(scratch->done, n * sizeof(scratch->done[0]));
    scratch->op_capacity = (uint32_t)n;
}

static inline uint64_t score_of(const struct batch_sort *sort, uint32_t move)
{
    return sort->by_old ? sort->moves[move].old_score : sort->moves[move].score;
}

static inline const uint64_t *ties_of(const struct batch_sort *sort, uint32_t move)
{
    return sort->by_old ? sort->moves[move].old_ties : sort->moves[move].ties;
}

static bool before(const struct batch_sort *sort, const struct sort_item *a,
                   const struct sort_item *b)
{
    const struct board_entries *entries = sort->pool->entries;
    const uint64_t *left, *right;

    if (a->key != b->key)
        return a->key < b->key;
    left = ties_of(sort, a->move);
    right = ties_of(sort, b->move);
    for (uint32_t i = 0; i <= sort->pool->sub_count; i++)
        if (left[i] != right[i])
            return left[i] < right[i];
    return span_compare(entry_member(entries, sort->moves[a->move].id),
                        entry_member(entries, sort->moves[b->move].id)) < 0;
}

static void insertion_sort(const struct batch_sort *sort, struct sort_item *items, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct sort_item item = items[i];
        uint32_t at = i;

        for (; at > 0 && before(sort, &item, &items[at - 1]); at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

/* `other` is room for half as many. */
static void merge_sort(const struct batch_sort *sort, struct sort_item *items, uint32_t count,
                       struct sort_item *other)
{
    uint32_t half = count / 2;
    uint32_t left = 0;
    uint32_t right = half;
    uint32_t out = 0;

    if (count <= INSERTION_MAX) {
        insertion_sort(sort, items, count);
        return;
    }
    merge_sort(sort, items, half, other);
    merge_sort(sort, items + half, count - half, other);
    if (!before(sort, &items[half], &items[half - 1]))
        return; /* in order already, as ties are that come in order of time */
    memcpy(other, items, half * sizeof(items[0]));
    while (left < half && right < count)
        items[out++] = before(sort, &items[right], &other[left]) ? items[right++] : other[left++];
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
static uint32_t radix_sort(struct sort_item *items, struct sort_item *other, uint32_t count,
                           uint64_t *out_low)
{
    uint64_t low = items[0].key;
    uint64_t high = low;
    bool in_order = true;
    uint32_t bits, shift;

    for (uint32_t i = 1; i < count; i++) {
        uint64_t key = items[i].key;

        in_order = in_order && key >= items[i - 1].key;
        low = key < low ? key : low;
        high = key > high ? key : high;
    }
    *out_low = low;
    if (in_order)
        return 0;
    bits = 64 - (uint32_t)__builtin_clzll(high - low);
    shift = bits > 2 * RADIX_BITS ? bits - 2 * RADIX_BITS : 0;
    radix_pass(items, other, count, low, shift);
    if (bits > RADIX_BITS)
        radix_pass(other, items, count, low, shift + RADIX_BITS);
    else
        memcpy(items, other, count * sizeof(items[0]));
    return shift;
}

/* Bytes of a member as a number that is in their order; past its end they are 0. */
static uint64_t member_word(struct span member, size_t from)
{
    uint64_t word = 0;

    if (member.size >= from + sizeof(word))
        memcpy(&word, member.data + from, sizeof(word));
    else if (member.size > from)
        memcpy(&word, member.data + from, member.size - from);
    return be64toh(word);
}

/* The keys of the next word, for items that agree in all before it. Word 0 is the score. */
static void load_word(const struct batch_sort *sort, struct sort_item *items, uint32_t count,
                      uint32_t word)
{
    const struct board_entries *entries = sort->pool->entries;
    uint32_t first_of_member = sort->pool->sub_count + 2;
    size_t from = (size_t)(word - first_of_member) * sizeof(uint64_t);

    for (uint32_t i = 0; i < count && word == 0; i++)
        items[i].key = score_of(sort, items[i].move);
    for (uint32_t i = 0; i < count && word > 0 && word < first_of_member; i++)
        items[i].key = ties_of(sort, items[i].move)[word - 1];
    for (uint32_t i = 0; i < count && word >= first_of_member; i++) {
        if (i + PREFETCH_AHEAD < count)
            entry_prefetch(entries, sort->moves[items[i + PREFETCH_AHEAD].move].id);
        items[i].key = member_word(entry_member(entries, sort->moves[items[i].move].id), from);
    }
}

/* The end of the items from `begin` on that have the same upper bits, or the same word. */
static uint32_t run_end(const struct sort_item *items, uint32_t begin, uint32_t count, uint64_t low,
                        uint32_t shift)
{
    uint64_t top = (items[begin].key - low) >> shift;
    uint32_t end = begin + 1;

    while (end < count && (items[end].key - low) >> shift == top)
        end++;
    return end;
}

/* Sorts items that agree in all words before `word`, whose keys they hold. */
static void sort_word(const struct batch_sort *sort, struct sort_item *items,
                      struct sort_item *other, uint32_t count, uint32_t word)
{
    uint32_t words = sort->pool->sub_count + 2 + MEMBER_WORDS;
    uint64_t low;
    uint32_t shift;

    if (count < RADIX_MIN) {
        merge_sort(sort, items, count, other);
        return;
    }
    shift = radix_sort(items, other, count, &low);
    for (uint32_t begin = 0, end; begin < count; begin = end) {
        uint32_t size;

        end = run_end(items, begin, count, low, shift);
        size = end - begin;
        if (size == 1)
            continue;
        if (size < RADIX_MIN || (shift == 0 && word + 1 == words)) {
            merge_sort(sort, items + begin, size, other);
        } else if (shift > 0) {
            sort_word(sort, items + begin, other, size, word);
        } else {
            load_word(sort, items + begin, size, word + 1);
            sort_word(sort, items + begin, other, size, word + 1);
        }
    }
}

void ranktree_sort(const struct ranktree_pool *pool, enum sweep_kind kind,
                   const struct ranktree_move *moves, uint32_t count)
{
    const struct batch_sort sort = {pool, moves, kind == SWEEP_REMOVE};
    struct ranktree_scratch *scratch = pool->scratch;

    load_word(&sort, scratch->items, count, 0);
    sort_word(&sort, scratch->items, scratch->items_other, count, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = scratch->items[i].move;
        const struct ranktree_move *move = &moves[at];

        scratch->ops[i] = (struct op){score_of(&sort, at), ties_of(&sort, at),
                                      move->is_gone ? NOWHERE : move->score, move->id, at};
    }
}
