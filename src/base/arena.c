// SPDX-License-Identifier: Apache-2.0
/* arena.c - see arena.h. */
#include "base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "base/say.h"

#define ARENA_HUGE_BYTES (2u << 20)
#define SYSTEM_PAGE_BYTES 4096u

static size_t page_bytes(const struct arena *arena)
{
    return (size_t)arena->item_bytes << arena->page_shift;
}

void arena_init(struct arena *arena, uint32_t item_bytes, uint32_t items_per_page)
{
    uint32_t shift = 0;

    assert(item_bytes > 0 && items_per_page > 0 && items_per_page <= 1u << 30);
    while ((1u << shift) < items_per_page)
        shift++;
    *arena = (struct arena){
        .item_bytes = item_bytes,
        .page_shift = shift,
        .page_mask = (1u << shift) - 1,
    };
}

void arena_done(struct arena *arena)
{
    if (arena == NULL)
        return;
    arena_reset(arena);
    free(arena->pages);
    arena->pages = NULL;
    arena->page_capacity = 0;
}

void arena_reset(struct arena *arena)
{
    for (uint32_t i = 0; i < arena->page_count; i++)
        munmap(arena->pages[i], page_bytes(arena));
    arena->page_count = 0;
    arena->count = 0;
}

static void add_page(struct arena *arena)
{
    size_t size = page_bytes(arena);
    void *page;

    if (arena->page_count == arena->page_capacity) {
        arena->page_capacity = arena->page_capacity > 0 ? arena->page_capacity * 2 : 8;
        arena->pages = bytes_realloc(arena->pages, arena->page_capacity * sizeof(arena->pages[0]));
    }
    page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        say_error("memory", "the system refused a page of %zu bytes; lower the limits", size);
        abort();
    }
    /* Only a hint, for fewer TLB misses. A first page may stay nearly empty: there may be many. */
    if (size >= ARENA_HUGE_BYTES && arena->page_count > 0)
        (void)madvise(page, size, MADV_HUGEPAGE);
    arena->pages[arena->page_count++] = page;
}

uint32_t arena_take(struct arena *arena, uint32_t count)
{
    uint32_t first = arena->count;

    assert(count <= ARENA_NONE - 1 - arena->count);
    while (((uint64_t)arena->page_count << arena->page_shift) < (uint64_t)first + count)
        add_page(arena);
    arena->count += count;
    return first;
}

uint64_t arena_bytes(const struct arena *arena)
{
    uint64_t used = (uint64_t)arena->count * arena->item_bytes;
    uint64_t whole = (uint64_t)arena->page_count * page_bytes(arena);

    /* What was never touched of a page is no memory yet, unless a huge page came at once. */
    used = (used + SYSTEM_PAGE_BYTES - 1) / SYSTEM_PAGE_BYTES * SYSTEM_PAGE_BYTES;
    if (used > whole || (arena->page_count > 1 && page_bytes(arena) >= ARENA_HUGE_BYTES))
        used = whole;
    return used + (uint64_t)arena->page_capacity * sizeof(arena->pages[0]);
}
