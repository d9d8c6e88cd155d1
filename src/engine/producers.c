// SPDX-License-Identifier: Apache-2.0
/*
 * producers.c - see producers.h.
 *
 * Producers stand in an array and are found by a table of slots. A list through the array has them
 * in order of last use, so that forgetting the oldest is as cheap as finding one. Its place is
 * taken by the newcomer.
 */
#include "engine/producers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define NONE UINT32_MAX
#define SLOT_COUNT_MIN 16u

void producers_init(struct producers *producers, struct producers_limits limits)
{
    *producers = (struct producers){.limits = limits, .oldest = NONE, .newest = NONE};
    if (producers->limits.producers_max == 0)
        producers->limits.producers_max = 1;
    if (producers->limits.sequences_max == 0)
        producers->limits.sequences_max = 1;
}

void producers_done(struct producers *producers)
{
    if (producers == NULL)
        return;
    for (uint32_t i = 0; i < producers->count; i++)
        free(producers->items[i].requests);
    free(producers->items);
    free(producers->slots);
    producers->items = NULL;
    producers->slots = NULL;
    producers->count = 0;
}

/* ---- the table ---- */

static uint32_t home_of(const struct producers *producers, uint32_t index)
{
    return (uint32_t)producers->items[index].name[0] & (producers->slot_count - 1);
}

/* The slot of that name, or the free one where it would go. */
static uint32_t find_slot(const struct producers *producers, const uint64_t *name)
{
    uint32_t mask = producers->slot_count - 1;
    uint32_t slot = (uint32_t)name[0] & mask;

    while (producers->slots[slot] != 0) {
        const struct producer *producer = &producers->items[producers->slots[slot] - 1];

        if (producer->name[0] == name[0] && producer->name[1] == name[1])
            break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

/* Those behind it move up where they may, so that no look-up stops too early. */
static void free_slot(struct producers *producers, uint32_t slot)
{
    uint32_t mask = producers->slot_count - 1;
    uint32_t hole = slot;

    for (uint32_t at = (slot + 1) & mask; producers->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t home = home_of(producers, producers->slots[at] - 1);

        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        producers->slots[hole] = producers->slots[at];
        hole = at;
    }
    producers->slots[hole] = 0;
}

static void grow(struct producers *producers)
{
    uint32_t slot_count = producers->slot_count > 0 ? producers->slot_count * 2 : SLOT_COUNT_MIN;

    free(producers->slots);
    producers->slots = bytes_alloc_zero(slot_count, sizeof(producers->slots[0]));
    producers->slot_count = slot_count;
    for (uint32_t i = 0; i < producers->count; i++)
        producers->slots[find_slot(producers, producers->items[i].name)] = i + 1;
}

/* ---- the order of last use ---- */

static void unlink_one(struct producers *producers, uint32_t index)
{
    const struct producer *producer = &producers->items[index];

    if (producer->older == NONE)
        producers->oldest = producer->newer;
    else
        producers->items[producer->older].newer = producer->newer;
    if (producer->newer == NONE)
        producers->newest = producer->older;
    else
        producers->items[producer->newer].older = producer->older;
}

static void make_newest(struct producers *producers, uint32_t index)
{
    struct producer *producer = &producers->items[index];

    producer->older = producers->newest;
    producer->newer = NONE;
    if (producers->newest == NONE)
        producers->oldest = index;
    else
        producers->items[producers->newest].newer = index;
    producers->newest = index;
}

/* Room for one more: a new place, or that of whoever was silent for longest. */
static uint32_t take_place(struct producers *producers)
{
    uint32_t index = producers->oldest;

    if (producers->count < producers->limits.producers_max) {
        if (producers->count == producers->capacity) {
            producers->capacity = producers->capacity > 0 ? producers->capacity * 2 : 8;
            producers->items =
                bytes_realloc(producers->items, producers->capacity * sizeof(producers->items[0]));
        }
        return producers->count++;
    }
    unlink_one(producers, index);
    free_slot(producers, find_slot(producers, producers->items[index].name));
    free(producers->items[index].requests);
    return index;
}

static struct producer *get_producer(struct producers *producers, struct span text)
{
    uint64_t name[2];
    uint32_t index;

    if ((producers->count + 1) * 2 > producers->slot_count)
        grow(producers);
    name[0] = hash_bytes(text.data, text.size);
    name[1] = hash_bytes_seeded(text.data, text.size, name[0]);
    index = producers->slots[find_slot(producers, name)];
    if (index > 0) {
        unlink_one(producers, index - 1);
        make_newest(producers, index - 1);
        return &producers->items[index - 1];
    }
    index = take_place(producers);
    producers->items[index] = (struct producer){.name = {name[0], name[1]}};
    producers->slots[find_slot(producers, name)] = index + 1;
    make_newest(producers, index);
    return &producers->items[index];
}

/* ---- requests ---- */

/* The first request with that sequence or a higher one. */
static uint32_t find_request(const struct producer *producer, uint64_t sequence)
{
    uint32_t low = 0;
    uint32_t high = producer->request_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (producer->requests[middle].sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void forget_lowest(struct producer *producer)
{
    producer->has_forgotten = true;
    producer->forgotten = producer->requests[0].sequence;
    producer->request_count--;
    memmove(&producer->requests[0], &producer->requests[1],
            producer->request_count * sizeof(producer->requests[0]));
}

static bool is_known(const struct producer *producer, uint32_t at, uint64_t sequence)
{
    return at < producer->request_count && producer->requests[at].sequence == sequence;
}

/* Below what was forgotten, or so low that it would be the next. */
static bool is_stale(const struct producer *producer, uint32_t at, uint64_t sequence,
                     uint32_t sequences_max)
{
    return (producer->has_forgotten && sequence <= producer->forgotten) ||
           (at == 0 && producer->request_count == sequences_max);
}

static struct producer_request *add_request(struct producer *producer, uint32_t at,
                                            uint64_t sequence, uint32_t sequences_max)
{
    if (producer->request_count == sequences_max) {
        forget_lowest(producer);
        at--;
    }
    if (producer->request_count == producer->request_capacity) {
        producer->request_capacity =
            producer->request_capacity > 0 ? producer->request_capacity * 2 : 2;
        if (producer->request_capacity > sequences_max)
            producer->request_capacity = sequences_max;
        producer->requests = bytes_realloc(producer->requests, producer->request_capacity *
                                                                   sizeof(producer->requests[0]));
    }
    memmove(&producer->requests[at + 1], &producer->requests[at],
            (producer->request_count - at) * sizeof(producer->requests[0]));
    producer->request_count++;
    producer->requests[at] = (struct producer_request){.sequence = sequence};
    return &producer->requests[at];
}

enum producers_answer producers_take(struct producers *producers, struct span name,
                                     uint64_t sequence, uint32_t previous, uint32_t last,
                                     uint32_t *out_line)
{
    struct producer *producer = get_producer(producers, name);
    uint32_t sequences_max = producers->limits.sequences_max;
    uint32_t at = find_request(producer, sequence);
    bool known = is_known(producer, at, sequence);
    struct producer_request *request;

    assert(previous < last);
    if (!known && is_stale(producer, at, sequence, sequences_max))
        return PRODUCERS_STALE;
    if (previous > (known ? producer->requests[at].line : 0))
        return PRODUCERS_GAP;
    request = known ? &producer->requests[at] : add_request(producer, at, sequence, sequences_max);
    *out_line = request->line;
    if (last > request->line)
        request->line = last;
    return PRODUCERS_TAKEN;
}

static uint64_t producer_hash(const struct producer *producer)
{
    uint64_t hash = hash_mix(producer->name[0], producer->name[1]);

    hash = hash_mix(hash, producer->has_forgotten ? producer->forgotten : UINT64_MAX);
    for (uint32_t i = 0; i < producer->request_count; i++)
        hash = hash_mix(hash_mix(hash, producer->requests[i].sequence), producer->requests[i].line);
    return hash;
}

uint64_t producers_hash(const struct producers *producers)
{
    uint64_t hash = hash_u64(producers->count);

    for (uint32_t i = producers->oldest; i != NONE; i = producers->items[i].newer)
        hash = hash_mix(hash, producer_hash(&producers->items[i]));
    return hash;
}

uint64_t producers_bytes(const struct producers *producers)
{
    uint64_t bytes = producers->capacity * sizeof(producers->items[0]) +
                     producers->slot_count * sizeof(producers->slots[0]);

    for (uint32_t i = 0; i < producers->count; i++)
        bytes += producers->items[i].request_capacity * sizeof(producers->items[i].requests[0]);
    return bytes;
}
