// SPDX-License-Identifier: Apache-2.0
/* pane.c - see pane.h. */
#include "metric/pane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define INDEX_BITS 30
#define INDEX_MASK ((1u << INDEX_BITS) - 1)
/* Pages of the largest blocks are large enough for huge pages. */
static const uint32_t records_per_page[PANE_BLOCK_SIZES] = {2048, 2048, 2048, 1u << 17};

/* The first block of a pane is of the first size, the next of the next, then all of the last. */
static const uint32_t block_shift[PANE_BLOCK_SIZES] = {2, 5, 8, 11};

uint32_t pane_block_records(uint32_t reference)
{
    return 1u << block_shift[reference >> INDEX_BITS];
}

static uint32_t block_of(uint32_t reference)
{
    return (reference & INDEX_MASK) >> block_shift[reference >> INDEX_BITS];
}

void pane_store_init(struct pane_store *store, uint32_t state_bytes)
{
    assert(state_bytes % 8 == 0);
    *store = (struct pane_store){.state_bytes = state_bytes, .number_min = INT64_MIN};
    for (int i = 0; i < PANE_BLOCK_SIZES; i++) {
        arena_init(&store->records[i], (uint32_t)sizeof(struct pane_record) + state_bytes,
                   records_per_page[i]);
        arena_init(&store->links[i], sizeof(uint32_t), 1024);
        store->free_blocks[i] = PANE_RECORD_NONE;
    }
}

void pane_store_done(struct pane_store *store)
{
    if (store == NULL)
        return;
    for (int i = 0; i < PANE_BLOCK_SIZES; i++) {
        arena_done(&store->records[i]);
        arena_done(&store->links[i]);
    }
    free(store->panes);
    store->panes = NULL;
}

uint32_t pane_store_lower(const struct pane_store *store, int64_t number)
{
    uint32_t low = 0;
    uint32_t high = store->pane_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (store->panes[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct pane *pane_store_get(struct pane_store *store, int64_t number)
{
    uint32_t at = store->pane_count;

    /* Nearly always the newest one, or a new one after it. */
    if (at > 0 && store->panes[at - 1].number >= number)
        at = store->panes[at - 1].number == number ? at - 1 : pane_store_lower(store, number);
    if (at < store->pane_count && store->panes[at].number == number)
        return &store->panes[at];
    if (store->pane_count == store->pane_capacity) {
        store->pane_capacity = store->pane_capacity > 0 ? store->pane_capacity * 2 : 16;
        store->panes = bytes_realloc(store->panes, store->pane_capacity * sizeof(struct pane));
    }
    memmove(&store->panes[at + 1], &store->panes[at],
            (store->pane_count - at) * sizeof(struct pane));
    store->pane_count++;
    store->panes[at] = (struct pane){
        .number = number, .block_first = PANE_RECORD_NONE, .block_last = PANE_RECORD_NONE};
    return &store->panes[at];
}

static uint32_t *link_of(const struct pane_store *store, uint32_t reference)
{
    return arena_at(&store->links[reference >> INDEX_BITS], block_of(reference));
}

uint32_t pane_store_next_block(const struct pane_store *store, uint32_t reference)
{
    return *link_of(store, reference);
}

static uint32_t take_block(struct pane_store *store, uint32_t size)
{
    uint32_t reference = store->free_blocks[size];

    if (reference != PANE_RECORD_NONE) {
        store->free_blocks[size] = *link_of(store, reference);
    } else {
        uint32_t index = arena_take(&store->records[size], 1u << block_shift[size]);

        assert(index <= INDEX_MASK);
        reference = size << INDEX_BITS | index;
        arena_take(&store->links[size], 1);
    }
    *link_of(store, reference) = PANE_RECORD_NONE;
    return reference;
}

static void add_block(struct pane_store *store, struct pane *pane)
{
    uint32_t size = pane->block_count < PANE_BLOCK_SIZES ? pane->block_count : PANE_BLOCK_SIZES - 1;
    uint32_t reference = take_block(store, size);

    if (pane->block_last == PANE_RECORD_NONE)
        pane->block_first = reference;
    else
        *link_of(store, pane->block_last) = reference;
    pane->block_last = reference;
    pane->block_count++;
    pane->block_used = 0;
}

uint32_t pane_store_take(struct pane_store *store, struct pane *pane, uint32_t series)
{
    uint32_t reference;
    struct pane_record *record;

    if (pane->block_last == PANE_RECORD_NONE ||
        pane->block_used == pane_block_records(pane->block_last))
        add_block(store, pane);
    reference = pane->block_last + pane->block_used++;
    pane->record_count++;
    record = pane_record_at(store, reference);
    record->series = series;
    record->older = PANE_RECORD_NONE;
    record->older_number = INT64_MIN;
    memset(record + 1, 0, store->state_bytes); /* the block may have been used before */
    return reference;
}

static void drop_blocks(struct pane_store *store, const struct pane *pane)
{
    uint32_t reference = pane->block_first;

    while (reference != PANE_RECORD_NONE) {
        uint32_t next = *link_of(store, reference);
        uint32_t size = reference >> INDEX_BITS;

        *link_of(store, reference) = store->free_blocks[size];
        store->free_blocks[size] = reference;
        reference = next;
    }
}

void pane_store_drop(struct pane_store *store, int64_t number)
{
    uint32_t count = pane_store_lower(store, number);

    for (uint32_t i = 0; i < count; i++)
        drop_blocks(store, &store->panes[i]);
    memmove(store->panes, store->panes + count, (store->pane_count - count) * sizeof(struct pane));
    store->pane_count -= count;
    if (number > store->number_min)
        store->number_min = number;
}

uint64_t pane_store_bytes(const struct pane_store *store)
{
    uint64_t bytes = (uint64_t)store->pane_capacity * sizeof(struct pane);

    for (int i = 0; i < PANE_BLOCK_SIZES; i++)
        bytes += arena_bytes(&store->records[i]) + arena_bytes(&store->links[i]);
    return bytes;
}
