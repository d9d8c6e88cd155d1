// SPDX-License-Identifier: Apache-2.0
/*
 * arena.h - items of one size in pages, reached by 32-bit index.
 *
 * What a partition holds lives in arenas: no heap pointers between items, so that a snapshot is a
 * copy of pages and memory is accounted to the byte. Growing adds a page and moves nothing:
 * addresses of items stay valid until the arena ends. Pages come from mmap, zeroed.
 *
 * Thread: the owner of the arena.
 */
#ifndef TALLYWHEEL_BASE_ARENA_H
#define TALLYWHEEL_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define ARENA_NONE UINT32_MAX /* the index that is no item */

struct arena {
    uint32_t item_bytes;
    uint32_t page_shift; /* items per page = 1 << page_shift */
    uint32_t page_mask;
    uint32_t count; /* items handed out so far; indexes are 0..count-1 */
    uint32_t page_count;
    uint32_t page_capacity;
    char **pages;
};

/*
 * `items_per_page` is rounded up to a power of two. No page is taken yet.
 */
void arena_init(struct arena *arena, uint32_t item_bytes, uint32_t items_per_page);
void arena_done(struct arena *arena);

/* Index of the first of `count` new zeroed items (consecutive indexes, maybe on several pages). */
uint32_t arena_take(struct arena *arena, uint32_t count);

/* Forgets all items and gives the pages back. */
void arena_reset(struct arena *arena);

/* Bytes of memory that the items and the page table take. */
uint64_t arena_bytes(const struct arena *arena);

static inline void *arena_at(const struct arena *arena, uint32_t index)
{
    return arena->pages[index >> arena->page_shift] +
           (size_t)(index & arena->page_mask) * arena->item_bytes;
}

#endif
