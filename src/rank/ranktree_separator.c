// SPDX-License-Identifier: Apache-2.0
/*
 * ranktree_separator.c - what parts the entries left of a bound from those right of it where their
 * place words are equal.
 *
 * A record may be given to another entry while a bound that was made from it is still needed, so a
 * bound owns its text. It holds as little as parts its two neighbours, as in the prefix B-trees of
 * Bayer and Unterauer (1977): the ties of the right one, and of its member the shortest prefix that
 * is above the member of the left one; nothing, if the ties differ already.
 *
 *     0  u64  ties, sub_count + 1 of them
 *     .  u16  bytes of the prefix
 *     .  ...  the prefix
 *
 * Separators take 16, 32, 64, ... bytes of an arena of their own; freed ones are used again by
 * their size. Each belongs to one bound of one inner node, never to bound 0.
 */
#include "rank/ranktree_node.h"

#define UNIT 16u
#define PAGE_UNITS (1u << 14) /* 256 KiB: room for two of the largest */
#define LENGTH_BYTES sizeof(uint16_t)

static_assert(RANK_TIES_MAX * sizeof(uint64_t) + LENGTH_BYTES + ENTRY_MEMBER_BYTES_MAX <=
                  UNIT << (RANKTREE_SEPARATOR_CLASSES - 1),
              "the longest member has a class");
static_assert(PAGE_UNITS >= 1u << (RANKTREE_SEPARATOR_CLASSES - 1), "a page has room for one");

void ranktree_separators_init(struct ranktree_pool *pool)
{
    arena_init(&pool->separators, UNIT, PAGE_UNITS);
    for (uint32_t i = 0; i < RANKTREE_SEPARATOR_CLASSES; i++)
        pool->separator_lists[i] = SEPARATOR_NONE;
    pool->separator_count = 0;
}

static inline size_t length_at(const struct ranktree_pool *pool)
{
    return (pool->sub_count + 1) * sizeof(uint64_t);
}

static uint32_t class_of(const struct ranktree_pool *pool, size_t prefix_bytes)
{
    uint32_t size_class = 0;

    while ((UNIT << size_class) < length_at(pool) + LENGTH_BYTES + prefix_bytes)
        size_class++;
    return size_class;
}

static void list_put(struct ranktree_pool *pool, uint32_t separator, uint32_t size_class)
{
    *(uint32_t *)arena_at(&pool->separators, separator) = pool->separator_lists[size_class];
    pool->separator_lists[size_class] = separator;
}

static uint32_t take(struct ranktree_pool *pool, uint32_t size_class)
{
    struct arena *arena = &pool->separators;
    uint32_t separator = pool->separator_lists[size_class];

    pool->separator_count++;
    if (separator != SEPARATOR_NONE) {
        pool->separator_lists[size_class] = *(uint32_t *)arena_at(arena, separator);
        return separator;
    }
    /* None crosses a page: what is left of one is put into the lists, the largest pieces first. */
    while ((arena->count & arena->page_mask) + (1u << size_class) > PAGE_UNITS) {
        uint32_t left = PAGE_UNITS - (arena->count & arena->page_mask);
        uint32_t piece = 31 - (uint32_t)__builtin_clz(left);

        list_put(pool, arena_take(arena, 1u << piece), piece);
    }
    return arena_take(arena, 1u << size_class);
}

static size_t common_prefix(struct span a, struct span b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    size_t at = 0;

    while (at < size && a.data[at] == b.data[at])
        at++;
    return at;
}

uint32_t ranktree_separator_new(struct ranktree_pool *pool, uint32_t left_id, uint32_t right_id)
{
    struct span prefix = entry_member(pool->entries, right_id);
    bool same_ties = true;
    uint16_t length;
    uint32_t separator;
    uint64_t *ties;
    char *at;

    for (uint32_t i = 0; i <= pool->sub_count && same_ties; i++)
        same_ties = entry_tie(pool, right_id, i) == entry_tie(pool, left_id, i);
    if (!same_ties) {
        prefix.size = 0;
    } else {
        size_t common = common_prefix(entry_member(pool->entries, left_id), prefix);

        assert(common < prefix.size);
        prefix.size = common + 1;
    }
    separator = take(pool, class_of(pool, prefix.size));
    ties = arena_at(&pool->separators, separator);
    for (uint32_t i = 0; i <= pool->sub_count; i++)
        ties[i] = entry_tie(pool, right_id, i);
    length = (uint16_t)prefix.size;
    at = (char *)ties + length_at(pool);
    memcpy(at, &length, sizeof(length));
    memcpy(at + LENGTH_BYTES, prefix.data, prefix.size);
    return separator;
}

static struct span prefix_of(const struct ranktree_pool *pool, uint32_t separator)
{
    const char *at = (const char *)arena_at(&pool->separators, separator) + length_at(pool);
    uint16_t length;

    memcpy(&length, at, sizeof(length));
    return (struct span){at + LENGTH_BYTES, length};
}

void ranktree_separator_give(struct ranktree_pool *pool, uint32_t separator)
{
    if (separator == SEPARATOR_NONE)
        return;
    list_put(pool, separator, class_of(pool, prefix_of(pool, separator).size));
    pool->separator_count--;
}

int ranktree_separator_compare(const struct ranktree_pool *pool, const struct probe *probe,
                               uint32_t separator)
{
    const uint64_t *ties;

    if (separator == SEPARATOR_NONE)
        return 1;
    ties = arena_at(&pool->separators, separator);
    for (uint32_t i = 0; i <= pool->sub_count; i++) {
        uint64_t tie = probe_tie(pool, probe, i);

        if (tie != ties[i])
            return tie < ties[i] ? -1 : 1;
    }
    return span_compare(probe_member(pool, probe), prefix_of(pool, separator));
}

uint32_t ranktree_inner_tied(const struct ranktree_pool *pool, const struct inner *inner,
                             uint32_t low, uint32_t high, const struct probe *probe)
{
    if (low < high && inner->separators[low] == SEPARATOR_NONE)
        low++;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (ranktree_separator_compare(pool, probe, inner->separators[middle]) < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
