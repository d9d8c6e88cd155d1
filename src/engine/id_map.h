// SPDX-License-Identifier: Apache-2.0
/*
 * id_map.h - something of 32 bits for each of some entries of a board, by the entry's id.
 *
 * Open addressing with linear probing, at most three quarters full; removing shifts back what comes
 * behind, so there are no tombstones. It is never walked: ids depend on when a board was settled.
 *
 * Thread: the owner.
 */
#ifndef TALLYWHEEL_ENGINE_ID_MAP_H
#define TALLYWHEEL_ENGINE_ID_MAP_H

#include <stdbool.h>
#include <stdint.h>

struct id_slot {
    uint32_t id; /* UINT32_MAX: free */
    uint32_t value;
};

/* All zero is empty. */
struct id_map {
    struct id_slot *slots;
    uint32_t mask; /* slots - 1; 0 if there are none */
    uint32_t count;
};

void id_map_done(struct id_map *map);

/* The value of an id, or NULL; valid until the map changes. */
uint32_t *id_map_find(const struct id_map *map, uint32_t id);

/* The same, made with the value 0 if it is not there. */
uint32_t *id_map_put(struct id_map *map, uint32_t id, bool *out_new);

/* False if it is not there. */
bool id_map_remove(struct id_map *map, uint32_t id);

uint64_t id_map_bytes(const struct id_map *map);

#endif
