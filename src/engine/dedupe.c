// SPDX-License-Identifier: Apache-2.0
/* dedupe.c - see dedupe.h. */
#include "engine/dedupe.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"

#define GENERATIONS_PER_WINDOW 4
#define SLOT_COUNT_MIN 64u

void dedupe_init(struct dedupe *dedupe, int64_t window_ms, uint32_t ids_max)
{
    *dedupe = (struct dedupe){.window_ms = window_ms, .ids_max = ids_max};
    dedupe->width_ms = window_ms / GENERATIONS_PER_WINDOW;
    if (dedupe->width_ms < 1)
        dedupe->width_ms = 1;
}

void dedupe_done(struct dedupe *dedupe)
{
    if (dedupe == NULL)
        return;
    for (uint32_t i = 0; i < dedupe->generation_count; i++)
        free(dedupe->generations[i].slots);
    free(dedupe->generations);
    dedupe->generations = NULL;
    dedupe->generation_count = 0;
    dedupe->id_count = 0;
}

/* The slot that holds `id`, or the free one where it would go. */
static struct dedupe_id *find_slot(const struct dedupe_generation *generation, struct dedupe_id id)
{
    uint32_t mask = generation->slot_count - 1;

    for (uint32_t i = (uint32_t)id.low & mask;; i = (i + 1) & mask) {
        struct dedupe_id *slot = &generation->slots[i];

        if ((slot->low == id.low && slot->high == id.high) || (slot->low == 0 && slot->high == 0))
            return slot;
    }
}

static struct dedupe_id never_free(struct dedupe_id id)
{
    if (id.low == 0 && id.high == 0)
        id.high = 1;
    return id;
}

bool dedupe_has(const struct dedupe *dedupe, struct dedupe_id id)
{
    id = never_free(id);
    for (uint32_t i = dedupe->generation_count; i-- > 0;)
        if (find_slot(&dedupe->generations[i], id)->low == id.low &&
            find_slot(&dedupe->generations[i], id)->high == id.high)
            return true;
    return false;
}

static void grow(struct dedupe_generation *generation)
{
    struct dedupe_generation grown = *generation;

    grown.slot_count *= 2;
    grown.slots = bytes_alloc_zero(grown.slot_count, sizeof(grown.slots[0]));
    for (uint32_t i = 0; i < generation->slot_count; i++) {
        struct dedupe_id id = generation->slots[i];

        if (id.low != 0 || id.high != 0)
            *find_slot(&grown, id) = id;
    }
    free(generation->slots);
    *generation = grown;
}

static int64_t generation_number(const struct dedupe *dedupe, int64_t event_ms)
{
    int64_t number = event_ms / dedupe->width_ms;

    return number - (event_ms % dedupe->width_ms < 0);
}

static struct dedupe_generation *get_generation(struct dedupe *dedupe, int64_t number)
{
    uint32_t at = dedupe->generation_count;

    while (at > 0 && dedupe->generations[at - 1].number > number)
        at--;
    if (at > 0 && dedupe->generations[at - 1].number == number)
        return &dedupe->generations[at - 1];
    dedupe->generations = bytes_realloc(dedupe->generations, (dedupe->generation_count + 1) *
                                                                 sizeof(dedupe->generations[0]));
    memmove(&dedupe->generations[at + 1], &dedupe->generations[at],
            (dedupe->generation_count - at) * sizeof(dedupe->generations[0]));
    dedupe->generation_count++;
    dedupe->generations[at] = (struct dedupe_generation){
        .number = number,
        .slot_count = SLOT_COUNT_MIN,
        .slots = bytes_alloc_zero(SLOT_COUNT_MIN, sizeof(struct dedupe_id)),
    };
    return &dedupe->generations[at];
}

static void forget(struct dedupe *dedupe, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        dedupe->id_count -= dedupe->generations[i].count;
        free(dedupe->generations[i].slots);
    }
    memmove(dedupe->generations, dedupe->generations + count,
            (dedupe->generation_count - count) * sizeof(dedupe->generations[0]));
    dedupe->generation_count -= count;
}

void dedupe_add(struct dedupe *dedupe, struct dedupe_id id, int64_t event_ms)
{
    struct dedupe_generation *generation;

    if (dedupe->id_count >= dedupe->ids_max && dedupe->generation_count > 0)
        forget(dedupe, 1);
    generation = get_generation(dedupe, generation_number(dedupe, event_ms));
    id = never_free(id);
    if (generation->count * 3 >= generation->slot_count * 2)
        grow(generation);
    *find_slot(generation, id) = id;
    generation->count++;
    dedupe->id_count++;
}

void dedupe_expire(struct dedupe *dedupe, int64_t watermark_ms)
{
    uint32_t count = 0;

    if (watermark_ms == INT64_MIN)
        return;
    while (count < dedupe->generation_count &&
           (dedupe->generations[count].number + 1) * dedupe->width_ms + dedupe->window_ms <=
               watermark_ms)
        count++;
    if (count > 0)
        forget(dedupe, count);
}

uint64_t dedupe_hash(const struct dedupe *dedupe)
{
    uint64_t hash = hash_u64(dedupe->generation_count);

    for (uint32_t i = 0; i < dedupe->generation_count; i++) {
        const struct dedupe_generation *generation = &dedupe->generations[i];

        hash = hash_mix(hash, (uint64_t)generation->number);
        hash = hash_mix(hash, hash_bytes(generation->slots,
                                         generation->slot_count * sizeof(generation->slots[0])));
    }
    return hash;
}

uint64_t dedupe_bytes(const struct dedupe *dedupe)
{
    uint64_t bytes = dedupe->generation_count * sizeof(dedupe->generations[0]);

    for (uint32_t i = 0; i < dedupe->generation_count; i++)
        bytes += dedupe->generations[i].slot_count * sizeof(struct dedupe_id);
    return bytes;
}
