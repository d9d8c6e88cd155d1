// SPDX-License-Identifier: Apache-2.0
/* label_set.c - see label_set.h. */
#include "query/label_set.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"

void label_set_clear(struct label_set *set)
{
    set->count = 0;
    bytes_clear(&set->text);
    if (set->slots != NULL)
        memset(set->slots, 0, set->slot_count * sizeof(set->slots[0]));
}

void label_set_done(struct label_set *set)
{
    free(set->starts);
    free(set->slots);
    bytes_done(&set->text);
    *set = (struct label_set){0};
}

/* The slot that holds `text`, or the free one where it would go. */
static uint32_t *find_slot(const struct label_set *set, struct span text)
{
    uint32_t mask = set->slot_count - 1;
    uint32_t at = (uint32_t)hash_bytes(text.data, text.size) & mask;

    while (set->slots[at] != 0 && !span_equal(label_set_get(set, set->slots[at] - 1), text))
        at = (at + 1) & mask;
    return &set->slots[at];
}

static void grow(struct label_set *set)
{
    set->capacity = set->capacity > 0 ? set->capacity * 2 : 8;
    assert(set->capacity < UINT32_MAX / 4);
    set->starts = bytes_realloc(set->starts, (set->capacity + 1) * sizeof(set->starts[0]));
    set->starts[0] = 0;
    free(set->slots);
    set->slot_count = set->capacity * 2;
    set->slots = bytes_alloc_zero(set->slot_count, sizeof(set->slots[0]));
    bytes_reserve(&set->text, 1); /* so that empty strings have an address */
    for (uint32_t id = 0; id < set->count; id++)
        *find_slot(set, label_set_get(set, id)) = id + 1;
}

uint32_t label_set_put(struct label_set *set, struct span text)
{
    uint32_t *slot;

    if (set->count == set->capacity)
        grow(set);
    slot = find_slot(set, text);
    if (*slot != 0)
        return *slot - 1;
    bytes_put(&set->text, text.data, text.size);
    set->count++;
    set->starts[set->count] = set->text.size;
    *slot = set->count;
    return set->count - 1;
}

void label_set_encode(struct bytes *out, const struct span *labels, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)labels[i].size;

        bytes_put(out, &size, sizeof(size));
        bytes_put(out, labels[i].data, labels[i].size);
    }
}

void label_set_decode(struct span tuple, struct span *out_labels, uint32_t count)
{
    const char *at = tuple.data;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t size;

        memcpy(&size, at, sizeof(size));
        out_labels[i] = (struct span){at + sizeof(size), size};
        at += sizeof(size) + size;
    }
}
