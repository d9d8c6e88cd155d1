// SPDX-License-Identifier: Apache-2.0
/* id_map.c - see id_map.h. */
#include "engine/id_map.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"

#define FREE UINT32_MAX
#define SLOTS_MIN 64u

void id_map_done(struct id_map *map)
{
    free(map->slots);
    *map = (struct id_map){0};
}

static uint32_t home_of(const struct id_map *map, uint32_t id)
{
    return (uint32_t)((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & map->mask;
}

/* The slot of an id, or the free one where it belongs. */
static struct id_slot *slot_of(const struct id_map *map, uint32_t id)
{
    uint32_t at = home_of(map, id);

    while (map->slots[at].id != id && map->slots[at].id != FREE)
        at = (at + 1) & map->mask;
    return &map->slots[at];
}

static void grow(struct id_map *map)
{
    struct id_map old = *map;
    uint32_t size = old.slots == NULL ? SLOTS_MIN : 2 * (old.mask + 1);

    map->slots = bytes_alloc(size * sizeof(map->slots[0]));
    memset(map->slots, 0xff, size * sizeof(map->slots[0]));
    map->mask = size - 1;
    for (uint32_t i = 0; old.slots != NULL && i <= old.mask; i++)
        if (old.slots[i].id != FREE)
            *slot_of(map, old.slots[i].id) = old.slots[i];
    free(old.slots);
}

uint32_t *id_map_find(const struct id_map *map, uint32_t id)
{
    struct id_slot *slot;

    if (map->count == 0)
        return NULL;
    slot = slot_of(map, id);
    return slot->id == id ? &slot->value : NULL;
}

uint32_t *id_map_put(struct id_map *map, uint32_t id, bool *out_new)
{
    struct id_slot *slot;

    assert(id != FREE);
    if (map->slots == NULL || map->count >= (map->mask + 1) / 4 * 3)
        grow(map);
    slot = slot_of(map, id);
    *out_new = slot->id == FREE;
    if (*out_new) {
        *slot = (struct id_slot){.id = id};
        map->count++;
    }
    return &slot->value;
}

bool id_map_remove(struct id_map *map, uint32_t id)
{
    struct id_slot *slot;
    uint32_t hole;

    if (map->count == 0)
        return false;
    slot = slot_of(map, id);
    if (slot->id == FREE)
        return false;
    hole = (uint32_t)(slot - map->slots);
    for (uint32_t at = (hole + 1) & map->mask; map->slots[at].id != FREE;
         at = (at + 1) & map->mask) {
        uint32_t home = home_of(map, map->slots[at].id);

        /* It may move back if its home is not between the hole and where it is. */
        if (((at - home) & map->mask) >= ((at - hole) & map->mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole].id = FREE;
    map->count--;
    return true;
}

uint64_t id_map_bytes(const struct id_map *map)
{
    return map->slots != NULL ? (map->mask + UINT64_C(1)) * sizeof(map->slots[0]) : 0;
}
