// SPDX-License-Identifier: Apache-2.0
/*
 * dedupe.h - the ids of events that were accepted within the last `dedupe` of event time.
 *
 * Ids are kept as 128-bit hashes in generations, each a slice of event time a quarter of the
 * window wide; an id is looked for in all of them and forgotten with its generation, once the
 * watermark is a whole window past it. So an id is remembered for the window and at most a quarter
 * longer.
 *
 * Thread: the partition's.
 */
#ifndef TALLYWHEEL_ENGINE_DEDUPE_H
#define TALLYWHEEL_ENGINE_DEDUPE_H

#include <stdbool.h>
#include <stdint.h>

struct dedupe_id {
    uint64_t low;
    uint64_t high; /* both 0: a free slot */
};

struct dedupe_generation {
    int64_t number;
    uint32_t count;
    uint32_t slot_count; /* power of two */
    struct dedupe_id *slots;
};

struct dedupe {
    int64_t window_ms;
    int64_t width_ms;
    uint32_t ids_max;
    uint32_t id_count;
    struct dedupe_generation *generations; /* by number, ascending */
    uint32_t generation_count;
};

/* Beyond `ids_max` ids, the oldest generation is forgotten early. */
void dedupe_init(struct dedupe *dedupe, int64_t window_ms, uint32_t ids_max);
void dedupe_done(struct dedupe *dedupe);

bool dedupe_has(const struct dedupe *dedupe, struct dedupe_id id);
void dedupe_add(struct dedupe *dedupe, struct dedupe_id id, int64_t event_ms);

/* Forgets what is a whole window behind. */
void dedupe_expire(struct dedupe *dedupe, int64_t watermark_ms);

uint64_t dedupe_hash(const struct dedupe *dedupe);
uint64_t dedupe_bytes(const struct dedupe *dedupe);

#endif
